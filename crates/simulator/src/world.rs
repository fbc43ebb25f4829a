//! The world: one clock, one queue, two nodes, the wires between them, and what is recorded for the invariants.
//!
//! Single-threaded and deterministic. Of everything due at one instant, arrivals come before deadlines (the shells' contract), and
//! arrivals in the order in which they were put in.

use crate::faults::Fault;
use crate::node::{Daemon, Message, Node};
use crate::rng::Rng;
use crate::wire::Wiring;
use arbiter_core::io::Durable;
use core::time::Duration;
use hotpair_types::{Advert, Epoch, GroupName, NodeId, ResourceName, Timestamp, Until};
use resource_core::{Action, OpId};
use std::collections::{BTreeMap, VecDeque};

/// Lines of the timeline that are kept.
const LINES: usize = 600;

/// Something due.
#[derive(Clone, Debug)]
pub enum Event {
    /// A message reaches a daemon, if that run of it still lives.
    Deliver {
        /// Where.
        node: NodeId,
        /// Which run.
        run: u64,
        /// What.
        message: Message,
    },
    /// A frame reaches a node.
    Arrive {
        /// Where.
        node: NodeId,
        /// What.
        message: Message,
    },
    /// A write of the state file ends.
    Written {
        /// Where.
        node: NodeId,
        /// For which run of arbiterd.
        run: u64,
        /// Its ticket.
        ticket: u64,
        /// What was written.
        durable: Box<Durable>,
    },
    /// The prober sends a round.
    Probe {
        /// Where.
        node: NodeId,
        /// For which run of arbiterd.
        run: u64,
        /// Which round.
        round: u64,
    },
    /// An operation ends.
    Operation {
        /// Where.
        node: NodeId,
        /// For which run of resd.
        run: u64,
        /// Which.
        op: OpId,
    },
    /// A fault begins or ends.
    Fault(Fault),
    /// A daemon is started again.
    Start(NodeId, Daemon),
    /// A daemon is scheduled again.
    Thaw(NodeId, Daemon),
    /// The machine goes on.
    Resume(NodeId),
    /// Power returns.
    Boot(NodeId),
}

/// Something the invariants look at; those of the last step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening {
    /// A start began.
    Started {
        /// Where.
        node: NodeId,
        /// Which group.
        group: GroupName,
    },
    /// A node's new epoch became effective.
    Took {
        /// Who.
        node: NodeId,
        /// Which group.
        group: GroupName,
        /// From a silent peer.
        takeover: bool,
    },
    /// A rule decided.
    Decided {
        /// Where.
        node: NodeId,
        /// Which group.
        group: GroupName,
        /// Which rule.
        rule: String,
    },
    /// A node orders its resd to run a group by this epoch.
    Ordered {
        /// Where.
        node: NodeId,
        /// Which group.
        group: GroupName,
        /// By which right.
        epoch: Epoch,
    },
    /// A state file was lost: that node's memory of epochs begins anew.
    StateLost(NodeId),
}

/// Bugs put in on purpose, outside production code, to see that the invariants notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bugs {
    /// Probes that could not be sent are reported as sent.
    pub unknown_as_no_sign: bool,
    /// Writes are confirmed but never reach the disk.
    pub forget_writes: bool,
    /// The peer seems to have seen every withdrawal at once.
    pub skip_withdrawal_check: bool,
    /// resd's "stopping" reads as "stopped".
    pub stopping_as_stopped: bool,
    /// A sign of life never reaches the arbiter.
    pub deaf_prober: bool,
}

/// A time between two bounds, drawn anew each time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// Shortest.
    pub from: Duration,
    /// Longest.
    pub to: Duration,
}

impl Range {
    /// Between so many milliseconds.
    pub const fn millis(from: u64, to: u64) -> Self {
        Self { from: Duration::from_millis(from), to: Duration::from_millis(to) }
    }

    /// One of them.
    pub fn draw(self, rng: &mut Rng) -> Duration {
        let micros = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX / 4);
        rng.micros(micros(self.from), micros(self.to))
    }
}

/// How long things take when nothing is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Times {
    /// A durable write of the state file.
    pub write: Range,
    /// A start or stop, for kinds that are not listed.
    pub effect: Range,
    /// Start and stop, by the kind of resource (`ip`, `volume`, `app`).
    pub kinds: BTreeMap<String, [Range; 2]>,
    /// A probe, a monitor and everything else without effect.
    pub look: Range,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            write: Range { from: Duration::from_micros(300), to: Duration::from_micros(8_000) },
            effect: Range::millis(5, 150),
            kinds: BTreeMap::new(),
            look: Range::millis(1, 20),
        }
    }
}

/// Everything.
pub struct World {
    /// Nanoseconds since the beginning.
    pub now: u64,
    /// Steps so far.
    pub step: u64,
    /// Chance.
    pub rng: Rng,
    /// What is due.
    pub queue: BTreeMap<(u64, u64), Event>,
    order: u64,
    /// The nodes.
    pub nodes: [Node; 2],
    /// What joins them.
    pub wiring: Wiring,
    /// The groups, in order.
    pub groups: Vec<GroupName>,
    /// Their resources, as faults number them.
    pub resources: Vec<(GroupName, ResourceName)>,
    /// Bugs put in.
    pub bugs: Bugs,
    /// Adverts on their way, by number, with the sender's clock when they were encoded.
    pub adverts: Vec<(Advert, Timestamp)>,
    /// What happened in this step.
    pub happenings: Vec<Happening>,
    /// Number of the last run of any daemon.
    pub runs: u64,
    fifo: BTreeMap<(NodeId, Daemon, Daemon), u64>,
    /// The last moments, in words.
    pub timeline: VecDeque<String>,
    /// FNV-1a over the whole timeline.
    pub hash: u64,
    /// The last moment at which the nodes could not know of each other by any means.
    pub apart_at: u64,
    /// The last moment at which something was not as it should be (a part of hotpair away, or the nodes apart).
    pub unsettled_at: u64,
    /// The nodes were apart, and since then it was never quiet for long enough to sort everything out.
    pub unsettled: bool,
    /// Faults go on.
    pub faults: bool,
    /// How long things take.
    pub times: Times,
    /// Keep the whole story, not only its last lines.
    pub record: bool,
}

/// What cannot happen in a machine that stands still is tried again after this time.
const STANDING: Duration = Duration::from_millis(100);
/// After the nodes were apart, everything must be sorted out after so long without any trouble.
pub const SETTLE: u64 = 12_000_000_000;

impl World {
    /// Two nodes that are off.
    pub fn new(rng: Rng, nodes: [Node; 2], wiring: Wiring, resources: Vec<(GroupName, ResourceName)>) -> Self {
        let mut groups: Vec<GroupName> = resources.iter().map(|(g, _)| g.clone()).collect();
        groups.dedup();
        Self {
            now: 0,
            step: 0,
            rng,
            queue: BTreeMap::new(),
            order: 0,
            nodes,
            wiring,
            groups,
            resources,
            bugs: Bugs::default(),
            adverts: Vec::new(),
            happenings: Vec::new(),
            runs: 0,
            fifo: BTreeMap::new(),
            timeline: VecDeque::new(),
            hash: 0xcbf2_9ce4_8422_2325,
            apart_at: 0,
            unsettled_at: 0,
            unsettled: false,
            faults: true,
            times: Times::default(),
            record: false,
        }
    }

    /// Puts an event in.
    pub fn put(&mut self, after: Duration, event: Event) {
        self.put_at(self.now + u64::try_from(after.as_nanos()).unwrap_or(u64::MAX / 4), event);
    }

    /// Puts an event in at a moment.
    pub fn put_at(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.queue.insert((at.max(self.now), self.order), event);
    }

    /// A message from one local daemon to another: in order, within fractions of a millisecond.
    pub fn tell(&mut self, node: NodeId, from: Daemon, message: Message) {
        let to = message.to();
        let Some(run) = self.nodes[node.index()].run(to) else { return };
        let delay = u64::try_from(self.rng.micros(30, 600).as_nanos()).unwrap_or(0);
        let last = self.fifo.entry((node, from, to)).or_insert(0);
        let at = (self.now + delay).max(*last);
        *last = at;
        self.put_at(at, Event::Deliver { node, run, message });
    }

    /// A line of the timeline.
    pub fn note(&mut self, node: Option<NodeId>, text: &str) {
        let name = node.map_or("     ", |n| if n == NodeId::FIRST { "alpha" } else { "beta " });
        let line = format!("{:>11.6} {name} {text}", self.now as f64 / 1e9);
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.timeline.len() == LINES && !self.record {
            self.timeline.pop_front();
        }
        self.timeline.push_back(line);
    }

    /// An advert as bytes: a number, and as much beside it as a real one has.
    pub fn encode(&mut self, node: NodeId, advert: Advert) -> Vec<u8> {
        let local = self.nodes[node.index()].local(self.now);
        let number = self.adverts.len() as u64;
        self.adverts.push((advert, local));
        let mut bytes = number.to_be_bytes().to_vec();
        bytes.resize(160, 0x5a);
        bytes
    }

    /// Back again, its ends in the receiver's clock.
    pub fn decode(&self, bytes: &[u8], received: Timestamp) -> Option<Advert> {
        let number = u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
        let (advert, encoded) = self.adverts.get(usize::try_from(number).ok()?)?;
        let mut advert = advert.clone();
        let shift = |until: Until| Until(received.after(until.left(*encoded)));
        for group in &mut advert.groups {
            let settings = &mut group.settings.value;
            settings.frozen = settings.frozen.map(shift);
            settings.maintenance = settings.maintenance.map(shift);
            settings.moves = settings.moves.iter().map(|u| shift(*u)).collect();
        }
        Some(advert)
    }

    /// Each node could find out that the other lives, by heartbeats or by probes.
    pub fn in_contact(&self) -> bool {
        let standing = self.nodes.iter().all(|n| n.on && !n.paused);
        let hbds = self.nodes.iter().all(|n| n.runs(Daemon::Hbd));
        let heartbeats = hbds && self.wiring.heartbeats_joined();
        standing && (heartbeats || (self.wiring.lan_joined() && self.wiring.lan_loss <= 5))
    }

    fn watch(&mut self) {
        let apart = !self.in_contact();
        let stuck = self.groups.iter().any(|g| self.nodes.iter().any(|n| n.stop_failed(g)));
        let trouble = apart || stuck || self.nodes.iter().any(|n| !n.whole() || n.disk.fails);
        if apart {
            self.apart_at = self.now;
            self.unsettled = true;
        }
        if trouble {
            self.unsettled_at = self.now;
        } else if self.unsettled && self.now - self.unsettled_at > SETTLE {
            self.unsettled = false;
            self.note(None, "sorted out: from here on nothing excuses two owners");
        }
    }

    /// What comes next: its moment.
    fn next(&self) -> Option<(u64, Option<(NodeId, Daemon)>)> {
        let event = self.queue.keys().next().map(|(at, _)| *at);
        let timer = self.nodes.iter().filter_map(|n| n.next_timeout().map(|(at, d)| (at, n.id, d))).min();
        match (event, timer) {
            (Some(event), Some((at, _, _))) if event <= at => Some((event, None)),
            (_, Some((at, node, daemon))) => Some((at, Some((node, daemon)))),
            (Some(event), None) => Some((event, None)),
            (None, None) => None,
        }
    }

    /// One step; false if nothing is due until `until`, where the clock then stands.
    pub fn advance(&mut self, until: u64) -> bool {
        self.happenings.clear();
        let Some((at, timer)) = self.next().filter(|(at, _)| *at <= until) else {
            self.now = until;
            return false;
        };
        self.step += 1;
        // What was true until now was true up to this moment.
        self.watch();
        self.now = self.now.max(at);
        match timer {
            Some((node, daemon)) => self.timeout(node, daemon),
            None => {
                if let Some(((_, _), event)) = self.queue.pop_first() {
                    self.happen(event);
                }
            }
        }
        self.watch();
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver { node, run, message } => {
                if self.nodes[node.index()].run(message.to()) == Some(run) {
                    self.hand_over(node, message);
                }
            }
            Event::Arrive { node, message } => self.hand_over(node, message),
            Event::Written { node, run, ticket, durable } => self.written(node, run, ticket, *durable),
            Event::Probe { node, run, round } => self.probe(node, run, round),
            Event::Operation { node, run, op } => self.operation_ends(node, run, op),
            // Nothing starts, dies or is stopped in a machine that stands still.
            Event::Fault(fault) if fault.inside().is_some_and(|n| self.nodes[n.index()].paused) => {
                self.put(STANDING, Event::Fault(fault));
            }
            Event::Start(node, daemon) if self.nodes[node.index()].paused => {
                self.put(STANDING, Event::Start(node, daemon));
            }
            Event::Fault(fault) => self.strike(fault),
            Event::Start(node, daemon) => self.start(node, daemon),
            Event::Thaw(node, daemon) => self.thaw(node, daemon),
            Event::Resume(node) => self.resume(node),
            Event::Boot(node) => self.boot(node),
        }
    }

    /// Something of the group has effects on both nodes.
    pub fn doubled(&self, group: &GroupName) -> bool {
        self.nodes.iter().all(|n| n.on && n.resources.up(group))
    }

    /// Something of the group has effects on this node now. A machine that stands still has none.
    pub fn has_effects(&self, node: NodeId, group: &GroupName) -> bool {
        let n = &self.nodes[node.index()];
        n.on && !n.paused && n.resources.up(group)
    }

    /// Clients are served by this node now: everything of the group is up and well, and the service network reaches it.
    pub fn serves(&self, node: NodeId, group: &GroupName) -> bool {
        let n = &self.nodes[node.index()];
        n.on && !n.paused && !self.wiring.lan_cut[node.index()] && n.resources.healthy(group)
    }

    /// How long an operation takes on a resource that is well.
    pub fn operation_time(&self, node: NodeId, key: &(GroupName, ResourceName), action: Action) -> Range {
        let which = match action {
            Action::Start => 0,
            Action::Stop { .. } => 1,
            _ => return self.times.look,
        };
        let groups = &self.nodes[node.index()].groups;
        let group = groups.iter().find(|g| g.name == key.0);
        let spec = group.and_then(|g| g.resources.iter().find(|r| r.name == key.1));
        spec.and_then(|s| self.times.kinds.get(&s.kind)).map_or(self.times.effect, |range| range[which])
    }

    /// A person has taken it out of hotpair's hands.
    pub fn hands_off(&self, group: &GroupName) -> bool {
        self.nodes.iter().any(|n| n.rules.get(group).is_some_and(|r| r == "R110"))
    }
}
