//! Third parties: the witness that gives votes, and the devices that switch a node off.
//!
//! The witness keeps one entry per group, with a lease that lasts `ttl` after its last renewal, and answers in a few milliseconds
//! those that reach it: a node asks a quarter of the `ttl` after the last answer, and at once when it wants something else. A
//! device switches its node off, answers not at all, or says that it has and has not.
//! *Invariant:* a vote has one holder at every instant.

use crate::node::{Daemon, Message};
use crate::world::{Event, Happening, World};
use core::time::Duration;
use hotpair_types::{
    Epoch, FenceHealth, FenceOrder, FenceReport, FenceState, GroupName, NodeId, VoteView, WitnessTarget, WitnessView,
};
use std::collections::BTreeMap;

/// Part of the `ttl` that a holder takes off what it was given (as arbiterd does).
const MARGIN_PART: u32 = 20;

/// A device that is well confirms within this time.
pub const QUICK: Duration = Duration::from_millis(1_200);

/// The witness.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// A vote lasts so long.
    pub ttl: Duration,
    /// A question that is not answered ends after so long.
    pub timeout: Duration,
    /// It answers nobody.
    pub down: bool,
    /// It does not answer this node.
    pub hidden: [bool; 2],
    held: BTreeMap<GroupName, (NodeId, Epoch, u64)>,
    /// The highest epoch of each group that ever got the vote: no lower one gets it, nor an equal one of the other node.
    highest: BTreeMap<GroupName, Epoch>,
    wanted: [WitnessTarget; 2],
    turn: [u64; 2],
}

impl Witness {
    /// Nobody holds anything.
    pub fn new(ttl: Duration, timeout: Duration) -> Self {
        Self {
            ttl,
            timeout,
            down: false,
            hidden: [false; 2],
            held: BTreeMap::new(),
            highest: BTreeMap::new(),
            wanted: [WitnessTarget::default(), WitnessTarget::default()],
            turn: [0; 2],
        }
    }
}

/// A device that switches a node off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// So long until it has confirmed.
    pub takes: Duration,
    /// An agent that gets no answer gives up after so long, all tries together.
    pub gives_up: Duration,
    /// The node comes back after so long; `None`: it stays off.
    pub back: Option<Duration>,
    /// It does not answer.
    pub dead: bool,
    /// It confirms and does nothing.
    pub lies: bool,
}

/// Third parties of a site.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Thirds {
    /// The witness, if there is one.
    pub witness: Option<Witness>,
    /// The device that switches each node off.
    pub devices: [Option<Device>; 2],
    ordered: [Option<FenceOrder>; 2],
}

/// What begins or ends with a third party.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// The witness answers nobody, or everybody again.
    WitnessDown(bool),
    /// The witness does not answer a node.
    WitnessHidden(NodeId, bool),
    /// The device of a node does not answer.
    DeviceDead(NodeId, bool),
    /// The device of a node says what is not so.
    DeviceLies(NodeId, bool),
    /// The device of a node takes so long.
    DeviceTakes(NodeId, Duration),
    /// The watchdog of a node cannot be opened or petted.
    WatchdogMissing(NodeId, bool),
    /// No neighbour answers.
    NeighboursDown(bool),
}

impl Act {
    /// Its name, if it begins something.
    pub fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::WitnessDown(false) | Self::WitnessHidden(_, false) | Self::DeviceDead(_, false) => return None,
            Self::DeviceLies(_, false) | Self::WatchdogMissing(_, false) | Self::NeighboursDown(false) => return None,
            Self::DeviceTakes(_, takes) if *takes <= QUICK => return None,
            Self::WitnessDown(_) => "witness down",
            Self::WitnessHidden(..) => "witness out of reach",
            Self::DeviceDead(..) => "fence device fails",
            Self::DeviceLies(..) => "fence device lies",
            Self::DeviceTakes(..) => "fence device slow",
            Self::WatchdogMissing(..) => "watchdog missing",
            Self::NeighboursDown(_) => "neighbours down",
        })
    }
}

impl World {
    /// Third parties are as new.
    pub fn heal_third(&mut self) {
        let thirds = &mut self.site.thirds;
        if let Some(witness) = &mut thirds.witness {
            (witness.down, witness.hidden) = (false, [false; 2]);
        }
        for device in thirds.devices.iter_mut().flatten() {
            (device.dead, device.lies, device.takes) = (false, false, device.takes.min(QUICK));
        }
    }

    /// Something happens to a third party.
    pub fn third_act(&mut self, act: &Act) {
        let thirds = &mut self.site.thirds;
        let device = |devices: &mut [Option<Device>; 2], node: NodeId, change: &dyn Fn(&mut Device)| {
            devices[node.index()].iter_mut().for_each(change);
        };
        match act {
            Act::WitnessDown(down) => thirds.witness.iter_mut().for_each(|w| w.down = *down),
            Act::WitnessHidden(node, hidden) => {
                thirds.witness.iter_mut().for_each(|w| w.hidden[node.index()] = *hidden);
            }
            Act::DeviceDead(node, dead) => device(&mut thirds.devices, *node, &|d| d.dead = *dead),
            Act::DeviceLies(node, lies) => device(&mut thirds.devices, *node, &|d| d.lies = *lies),
            Act::WatchdogMissing(node, missing) => self.third.watchdog_missing[node.index()] = *missing,
            Act::NeighboursDown(down) => {
                self.third.neighbours = if *down { Vec::new() } else { self.site.neighbours.clone() };
            }
            Act::DeviceTakes(node, takes) => device(&mut thirds.devices, *node, &|d| d.takes = *takes),
        }
    }

    /// arbiterd wants these votes, and is told at once what there is.
    pub fn want_votes(&mut self, node: NodeId, target: WitnessTarget) {
        let Some(witness) = &mut self.site.thirds.witness else { return };
        witness.wanted[node.index()] = target;
        self.ask_witness_after(node, Duration::ZERO);
    }

    /// arbiterd of a node begins: it asks for what there is.
    pub fn meet_witness(&mut self, node: NodeId) {
        self.want_votes(node, WitnessTarget::default());
    }

    fn ask_witness_after(&mut self, node: NodeId, after: Duration) {
        let Some(run) = self.nodes[node.index()].run(Daemon::Arbiterd) else { return };
        let Some(witness) = &mut self.site.thirds.witness else { return };
        witness.turn[node.index()] += 1;
        let turn = witness.turn[node.index()];
        let travel = self.rng.micros(500, 4_000);
        self.put(after + travel, Event::AskWitness { node, run, turn });
    }

    /// The question reaches the witness, or does not.
    pub fn ask_witness(&mut self, node: NodeId, run: u64, turn: u64) {
        let n = &self.nodes[node.index()];
        if n.run(Daemon::Arbiterd) != Some(run) {
            return;
        }
        let stands = !n.runs(Daemon::Arbiterd);
        let sent = n.local(self.now);
        let cut = self.wiring.lan_cut[node.index()];
        let generous = self.bugs.generous_witness;
        let Some(witness) = &mut self.site.thirds.witness else { return };
        if witness.turn[node.index()] != turn {
            return;
        }
        if stands {
            // Nothing is asked by a process that does not run.
            return self.ask_witness_after(node, Duration::from_millis(50));
        }
        let ttl = witness.ttl;
        let seq = witness.wanted[node.index()].seq;
        if witness.down || witness.hidden[node.index()] || cut {
            let (timeout, groups) = (witness.timeout, self.groups.clone());
            let votes = groups.into_iter().map(|g| (g, VoteView::Unknown)).collect();
            let view = WitnessView { seq, reachable: false, reason: "no answer in time".to_string(), votes };
            self.put(timeout, Event::Deliver { node, run, message: Message::Votes(Box::new(view)) });
            return self.ask_witness_after(node, timeout + ttl / 4);
        }
        let now = self.now;
        let until = now + u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX / 8);
        let wanted = witness.wanted[node.index()].votes.clone();
        witness.held.retain(|group, (holder, _, end)| *end > now && (*holder != node || wanted.contains_key(group)));
        for (group, epoch) in &wanted {
            let (group, epoch) = (group.clone(), *epoch);
            let known = witness.highest.get(&group).copied().unwrap_or(Epoch::NEVER);
            if epoch != known && epoch.number <= known.number {
                continue;
            }
            let entry = witness.held.entry(group.clone()).or_insert((node, epoch, until));
            if entry.0 == node {
                *entry = (node, epoch, until);
                witness.highest.insert(group, epoch);
            }
        }
        let end = sent.after(ttl.saturating_sub(ttl / MARGIN_PART));
        let mut votes = BTreeMap::new();
        for group in &self.groups {
            let asked = wanted.get(group).filter(|_| generous);
            let vote = match (asked, witness.held.get(group)) {
                (Some(epoch), Some(_)) => VoteView::Held { epoch: *epoch, until: end },
                (None, Some((holder, epoch, _))) if *holder == node => VoteView::Held { epoch: *epoch, until: end },
                (_, Some((_, epoch, _))) => VoteView::Peer { epoch: *epoch },
                (_, None) => VoteView::Free,
            };
            votes.insert(group.clone(), vote);
        }
        let view = WitnessView { seq, reachable: true, reason: String::new(), votes };
        let travel = self.rng.micros(500, 6_000);
        self.put(travel, Event::Deliver { node, run, message: Message::Votes(Box::new(view)) });
        self.ask_witness_after(node, ttl / 4);
    }

    /// resd begins: it knows how its devices are.
    pub fn meet_devices(&mut self, node: NodeId) {
        self.site.thirds.ordered[node.index()] = None;
        if self.site.thirds.devices[node.other().index()].is_some() {
            self.tell_fence(node, None);
        }
    }

    /// resd is given a target: its fence order is new, stands, or is taken back.
    pub fn fence_ordered(&mut self, node: NodeId, order: Option<FenceOrder>) {
        if self.site.thirds.ordered[node.index()] == order {
            return;
        }
        self.site.thirds.ordered[node.index()] = order;
        let Some(device) = self.site.thirds.devices[node.other().index()].clone() else { return };
        let Some(order) = order else { return self.tell_fence(node, None) };
        let takes = if device.dead { device.gives_up } else { device.takes };
        let state = FenceState::Running { device: device.name, level: 1 };
        self.tell_fence(node, Some(FenceReport { number: order.number, state }));
        if let Some(run) = self.nodes[node.index()].run(Daemon::Resd) {
            self.put(takes, Event::FenceEnds { node, run, number: order.number });
        }
    }

    /// An agent has come to its end.
    pub fn fence_ends(&mut self, node: NodeId, run: u64, number: u64) {
        let n = &self.nodes[node.index()];
        let stands = self.site.thirds.ordered[node.index()].is_some_and(|o| o.number == number);
        if n.run(Daemon::Resd) != Some(run) || !stands {
            return;
        }
        let peer = node.other();
        let Some(device) = self.site.thirds.devices[peer.index()].clone() else { return };
        let state = if device.dead {
            FenceState::Failed { reason: format!("{}: no answer", device.name) }
        } else {
            if !device.lies && !self.bugs.idle_device {
                let back = device.back.unwrap_or(Duration::from_secs(7 * 24 * 3_600));
                let was_on = self.nodes[peer.index()].on;
                self.note(Some(peer), || "is switched off by its fence device".to_string());
                self.happenings.push(Happening::Fenced { by: node, was_on });
                self.lose_power(peer, back);
            }
            self.lied |= device.lies;
            FenceState::Confirmed { device: device.name }
        };
        self.tell_fence(node, Some(FenceReport { number, state }));
    }

    fn tell_fence(&mut self, node: NodeId, report: Option<FenceReport>) {
        let dead = self.site.thirds.devices[node.other().index()].as_ref().is_some_and(|d| d.dead);
        let health = if dead { FenceHealth::Broken { reason: "no answer".to_string() } } else { FenceHealth::Ready };
        let Some(run) = self.nodes[node.index()].run(Daemon::Resd) else { return };
        let message = Message::Fenced { report, health };
        self.put(Duration::from_micros(100), Event::Deliver { node, run, message });
    }
}
