//! Rarer faults: crashes in the middle of something, clocks, old images of disks, damaged frames, changed configurations; and the
//! profile in which every kind is drawn.
//!
//! A crash in the middle: [`Rare::CrashWriting`] strikes while the state file is being written (afterwards the disk holds the old
//! or the new state), [`Rare::CrashMidway`] between two outputs of a core, so that what was decided is carried out in part.

use crate::faults::{Fault, Plan, environment, inside, pick_daemon, pick_node};
use crate::node::{Daemon, Message};
use crate::rng::Rng;
use crate::thirds::{Act, QUICK};
use crate::world::{Event, Happening, World, nanos};
use core::time::Duration;
use hotpair_types::{GroupName, NodeId};

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rare {
    /// So many percent of the frames of a path arrive damaged.
    Corrupt {
        /// Which path.
        path: usize,
        /// Percent; 0: whole again.
        percent: u64,
    },
    /// A path is cut and repaired again and again.
    Flapping {
        /// Which path.
        path: usize,
        /// From whom; `None`: both.
        from: Option<NodeId>,
        /// Half a period.
        half: Duration,
        /// How often.
        times: u32,
    },
    /// A node's port of a path has no carrier, and its operating system says so.
    PortDead {
        /// Which path.
        path: usize,
        /// Whose port.
        node: NodeId,
        /// Dead, not repaired.
        dead: bool,
    },
    /// So many percent of probes and answers of the safety check are lost.
    LanLoss(u64),
    /// The next write of the state file is interrupted: power fails, or arbiterd is killed.
    CrashWriting {
        /// Where.
        node: NodeId,
        /// Power, not the process alone.
        power: bool,
    },
    /// A daemon dies after so many outputs more.
    CrashMidway {
        /// Where.
        node: NodeId,
        /// Which.
        daemon: Daemon,
        /// Outputs that are still carried out.
        after: u32,
    },
    /// While arbiterd is down, an image of the state disk of some writes ago is put back.
    StaleState(NodeId),
    /// A node's clock runs fast or slow by so many millionths.
    Drift(NodeId, i64),
    /// The machine stands still for this time, and so do its clocks (a paused virtual machine).
    ClockStops(NodeId, Duration),
    /// A resource fails again and again.
    FlappingResource {
        /// Where.
        node: NodeId,
        /// Which.
        resource: usize,
        /// Pause between.
        pause: Duration,
        /// How often.
        times: u32,
    },
    /// Probes and monitors of a resource are slow; zero: as always.
    SlowLook(NodeId, usize, Duration),
    /// Nothing asked of a resource comes to an end.
    Hangs(NodeId, usize, bool),
    /// A node runs another configuration from now on, or the common one again; its daemons go on (a reload).
    Reload(NodeId, bool),
    /// hbd ends on purpose (an upgrade) and is started again after this time.
    Leave(NodeId, Duration),
}

impl Rare {
    /// Its name, if it begins something.
    pub fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Corrupt { percent: 0, .. } | Self::PortDead { dead: false, .. } | Self::LanLoss(0) => return None,
            Self::Drift(_, 0) | Self::Hangs(_, _, false) | Self::Reload(_, false) => return None,
            Self::SlowLook(_, _, by) if by.is_zero() => return None,
            Self::Corrupt { .. } => "damaged frames",
            Self::Flapping { .. } => "flapping path",
            Self::PortDead { .. } => "port without carrier",
            Self::LanLoss(_) => "lost probes",
            Self::CrashWriting { power: true, .. } => "power loss while writing",
            Self::CrashWriting { .. } => "crash while writing",
            Self::CrashMidway { .. } => "crash between two acts",
            Self::StaleState(_) => "old image of the state",
            Self::Drift(..) => "drifting clock",
            Self::ClockStops(..) => "pause with stopped clock",
            Self::FlappingResource { .. } => "flapping resource",
            Self::SlowLook(..) => "slow monitor",
            Self::Hangs(..) => "hanging resource",
            Self::Reload(..) => "differing configuration",
            Self::Leave(..) => "hbd leaves",
        })
    }

    /// The node inside which it happens to processes, if it does.
    pub fn inside(&self) -> Option<NodeId> {
        match self {
            Self::StaleState(node) | Self::Reload(node, _) | Self::Leave(node, _) => Some(*node),
            _ => None,
        }
    }
}

impl World {
    /// It begins or ends.
    pub fn strike_rarely(&mut self, rare: Rare) {
        match rare {
            Rare::Corrupt { path, percent } => {
                for wire in &mut self.wiring.wires[path] {
                    wire.corrupt = percent;
                }
            }
            Rare::Flapping { path, from, half, times } => {
                for turn in 0..times {
                    let fault = Fault::Cut { path, from, cut: turn % 2 == 0 };
                    self.put(half * turn, Event::Fault(fault));
                }
                self.put(half * times, Event::Fault(Fault::Cut { path, from, cut: false }));
            }
            Rare::PortDead { path, node, dead } => {
                for wire in &mut self.wiring.wires[path] {
                    wire.cut = dead;
                }
                self.wiring.ports_dead[path][node.index()] = dead;
                self.tell_links(node);
            }
            Rare::LanLoss(percent) => self.wiring.lan_loss = percent,
            Rare::CrashWriting { node, power } => self.nodes[node.index()].disk.crash_next = Some(power),
            Rare::CrashMidway { node, daemon, after } => {
                self.nodes[node.index()].dies_after = Some((daemon, after));
            }
            Rare::StaleState(node) => self.put_old_image_back(node),
            Rare::Drift(node, ppm) => {
                let now = self.now;
                self.nodes[node.index()].clock.set_rate(ppm, now);
            }
            Rare::ClockStops(node, lasting) => {
                let now = self.now;
                let n = &mut self.nodes[node.index()];
                if n.on && !n.paused {
                    for daemon in Daemon::ALL {
                        n.freeze(daemon, now);
                    }
                    n.paused = true;
                    n.clock.stop(now);
                    self.put(lasting, Event::Resume(node));
                }
            }
            Rare::FlappingResource { node, resource, pause, times } => {
                for turn in 0..times {
                    self.put(pause * turn, Event::Fault(Fault::Fails(node, resource)));
                }
            }
            Rare::SlowLook(node, resource, by) => {
                self.with_resource(node, resource, |real| real.slow_look = by);
            }
            Rare::Hangs(node, resource, hangs) => self.with_resource(node, resource, |real| real.hangs = hangs),
            Rare::Reload(node, other) => self.reload(node, other),
            Rare::Leave(node, away) => {
                self.hand_over(node, Message::Leave);
                self.kill(node, Daemon::Hbd);
                self.put(away, Event::Start(node, Daemon::Hbd));
            }
        }
    }

    fn with_resource(&mut self, node: NodeId, at: usize, change: impl FnOnce(&mut crate::resources::Real)) {
        let Some(key) = self.resources.get(at) else { return };
        if let Some(real) = self.nodes[node.index()].resources.real.get_mut(key) {
            change(real);
        }
    }

    /// hbd hears what the operating system says of its ports.
    pub fn tell_links(&mut self, node: NodeId) {
        for path in 0..self.wiring.paths.len() {
            let after = self.rng.millis(1, 40);
            let Some(run) = self.nodes[node.index()].run(Daemon::Hbd) else { return };
            let message = Message::Link { path: self.wiring.tag(path) };
            self.put(after, Event::Deliver { node, run, message });
        }
    }

    fn put_old_image_back(&mut self, node: NodeId) {
        self.kill(node, Daemon::Arbiterd);
        let back = self.rng.below(5) as usize;
        let disk = &mut self.nodes[node.index()].disk;
        let at = disk.images.len().saturating_sub(1 + back);
        if let Some(image) = disk.images.get(at).cloned() {
            disk.state = Some(image);
            self.happenings.push(Happening::StateLost(node));
        }
        let away = self.rng.millis(20, 2_000);
        self.put(away, Event::Start(node, Daemon::Arbiterd));
    }

    /// A node's configuration is read again: another one, or the common one.
    pub fn reload(&mut self, node: NodeId, other: bool) {
        let mut digest = self.common_digest;
        digest.0[0] ^= u8::from(other);
        self.nodes[node.index()].config.digest = digest;
        let config = self.nodes[node.index()].config.clone();
        self.hand_over(node, Message::Reload(Box::new(config)));
        self.hand_over(node, Message::Reconfigure);
    }
}

/// Draws every kind of fault, and around each one now and then another.
pub fn plan(
    rng: &mut Rng,
    paths: usize,
    resources: usize,
    groups: &[GroupName],
    phase: Duration,
    most: u64,
    third: bool,
) -> Plan {
    let mut plan = Vec::new();
    for _ in 0..2 + rng.below(most) {
        let at = rng.below(nanos(phase));
        let again = if rng.percent(35) { 1 + rng.below(2) } else { 0 };
        for turn in 0..=again {
            let at = if turn == 0 { at } else { at + nanos(rng.millis(0, 3_000)) };
            let node = pick_node(rng);
            let lasts = nanos(rng.millis(50, if third { 25_000 } else { 12_000 }));
            let (begin, end) = match rng.below(100) {
                _ if third && rng.percent(35) => third_party(rng, node),
                0..=34 => environment(rng, node, paths),
                35..=54 => inside(rng, node, resources, groups),
                _ => rare(rng, node, paths, resources),
            };
            plan.push((at, begin));
            plan.extend(end.map(|end| (at + lasts, end)));
        }
    }
    plan.sort_by_key(|(at, _)| *at);
    plan
}

/// Third parties, and the partitions they are for.
fn third_party(rng: &mut Rng, node: NodeId) -> (Fault, Option<Fault>) {
    let act = |begin, end| (Fault::Third(begin), Some(Fault::Third(end)));
    match rng.below(10) {
        0..=2 => (Fault::CutEverything(true), Some(Fault::CutEverything(false))),
        3 => (Fault::CutAll(true), Some(Fault::CutAll(false))),
        4 | 5 => act(Act::WitnessDown(true), Act::WitnessDown(false)),
        6 => act(Act::WitnessHidden(node, true), Act::WitnessHidden(node, false)),
        7 => act(Act::DeviceTakes(node, rng.millis(6_000, 20_000)), Act::DeviceTakes(node, QUICK)),
        8 => act(Act::DeviceDead(node, true), Act::DeviceDead(node, false)),
        _ => act(Act::DeviceLies(node, true), Act::DeviceLies(node, false)),
    }
}

fn rare(rng: &mut Rng, node: NodeId, paths: usize, resources: usize) -> (Fault, Option<Fault>) {
    let path = usize::try_from(rng.below(paths as u64)).unwrap_or(0);
    let resource = usize::try_from(rng.below(resources as u64)).unwrap_or(0);
    let (begin, end) = match rng.below(18) {
        0 => (Rare::Corrupt { path, percent: 5 + rng.below(95) }, Some(Rare::Corrupt { path, percent: 0 })),
        1 => {
            let from = rng.percent(50).then_some(node);
            let times = 2 + u32::try_from(rng.below(8)).unwrap_or(0);
            (Rare::Flapping { path, from, half: rng.millis(100, 2_000), times }, None)
        }
        2 => {
            let port = |dead| Rare::PortDead { path, node, dead };
            (port(true), Some(port(false)))
        }
        3 => (Rare::LanLoss(10 + rng.below(90)), Some(Rare::LanLoss(0))),
        4 | 5 => (Rare::CrashWriting { node, power: rng.percent(50) }, None),
        6..=8 => {
            let after = u32::try_from(rng.below(4)).unwrap_or(0);
            (Rare::CrashMidway { node, daemon: pick_daemon(rng), after }, None)
        }
        9 => (Rare::StaleState(node), None),
        10 => {
            let ppm = i64::try_from(rng.below(2_001)).unwrap_or(0) - 1_000;
            (Rare::Drift(node, ppm), None)
        }
        11 | 12 => (Rare::ClockStops(node, rng.millis(100, 12_000)), None),
        13 => {
            let times = 2 + u32::try_from(rng.below(5)).unwrap_or(0);
            (Rare::FlappingResource { node, resource, pause: rng.millis(500, 4_000), times }, None)
        }
        14 => (
            Rare::SlowLook(node, resource, rng.millis(500, 6_000)),
            Some(Rare::SlowLook(node, resource, Duration::ZERO)),
        ),
        15 => (Rare::Hangs(node, resource, true), Some(Rare::Hangs(node, resource, false))),
        16 => (Rare::Reload(node, true), Some(Rare::Reload(node, false))),
        _ => (Rare::Leave(node, rng.millis(20, 4_000)), None),
    };
    (Fault::Rare(begin), end.map(Fault::Rare))
}
