//! Two real arbiters in a small world: one group, one heartbeat path, one service network, time in ticks of 200 ms.
//!
//! The arbiters are `arbiter_core::Arbiter`, the very code of `arbiterd`. hbd, resd, the prober and the state file are the simplest
//! things that keep their contracts: a path is late after one silent tick and down after two; a target takes effect at once on the
//! way up and in the next tick on the way down; a lease that has run out takes the group down; a write takes a tick, or longer.
//!
//! In every tick anything may begin or end: a cut of the heartbeats in either direction, a cut of a node from the network, loss of
//! power, a pause of the machine, the death of an arbiterd, a write or a stop that does not end, an order to move the group. What
//! begins is bounded ([`Pair::faults`]); when it ends is not: each lasts one tick, or any number, or for ever.

use crate::canon::{Base, Canon};
use crate::explore::{Print, World};
use crate::node::{Node, TICK, clock};
use arbiter_core::io::{ArbiterConfig, Arbitration, BootAlone, Failback, GroupConfig, GroupGuards};
use core::time::Duration;
use hotpair_types::{Digest, Epoch, GroupName, NodeId, NodeName};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Ticks after the nodes could find out about each other again, in which what happened while they could not is sorted out.
const SETTLE: u8 = 20;

/// What to explore.
#[derive(Clone, Debug)]
pub struct Pair {
    /// So many things go wrong, or are ordered, at most.
    pub faults: u8,
    /// The group has a lease, and a takeover waits for it.
    pub leased: bool,
}

/// What begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// Heartbeats from this node are lost.
    Cut(usize),
    /// In both directions.
    CutBoth,
    /// This node is cut off from everything.
    Isolate(usize),
    /// Power is lost; what was being written is on the disk, or not.
    Crash(usize, bool),
    /// The machine stands still.
    Pause(usize),
    /// arbiterd dies; what was being written is on the disk, or not.
    Kill(usize, bool),
    /// Writes do not end.
    SlowDisk(usize),
    /// Stops do not end.
    SlowStop(usize),
    /// A person orders the group away from this node.
    Move(usize),
}

/// What ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Repair {
    /// Every cut.
    Wires,
    /// Power returns, the machine goes on, arbiterd is started, disk and stops come to their ends.
    Node(usize),
}

/// A tick: what begins or ends in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    fault: Option<Fault>,
    repair: Option<Repair>,
}

impl Step {
    /// A tick in which that begins, and that ends.
    pub const fn of(fault: Option<Fault>, repair: Option<Repair>) -> Self {
        Self { fault, repair }
    }
}

/// A state.
#[derive(Clone, Debug)]
pub struct State {
    /// Ticks since the beginning.
    pub tick: u64,
    /// The nodes.
    pub nodes: [Node; 2],
    cut: [bool; 2],
    isolated: [bool; 2],
    left: u8,
    /// Ticks since the nodes could not know of each other, up to [`SETTLE`].
    joined: u8,
    /// Ticks since a machine stood still, up to [`SETTLE`].
    unpaused: u8,
    /// What was violated in the last tick.
    wrong: Option<String>,
}

fn config(node: NodeId, leased: bool) -> ArbiterConfig {
    let name = |n: &str| NodeName::new(n).unwrap_or_else(|e| panic!("{n}: {e}"));
    ArbiterConfig {
        node,
        names: [name("alpha"), name("beta")],
        digest: Digest([7; 8]),
        window: TICK,
        round_interval: TICK * 2,
        boot_wait: TICK * 5,
        boot_alone: BootAlone::LastActive,
        arbitration: Arbitration::default(),
        groups: vec![GroupConfig {
            name: group(),
            nodes: vec![NodeId::FIRST, NodeId::SECOND],
            failback: Failback::Manual,
            hold_on_silence: false,
            require_unmet: false,
            lease: leased.then_some(Duration::from_secs(2)),
            wait_for_lease: leased,
            guards: GroupGuards::default(),
            max_moves: 100,
            move_window: TICK,
        }],
    }
}

/// The group.
pub fn group() -> GroupName {
    GroupName::new("web").unwrap_or_else(|e| panic!("web: {e}"))
}

impl Pair {
    fn faults(&self, s: &State) -> Vec<Fault> {
        if s.left == 0 {
            return Vec::new();
        }
        let mut all = Vec::new();
        for node in [0, 1] {
            let n = &s.nodes[node];
            if !s.cut[node] {
                all.push(Fault::Cut(node));
            }
            if !s.isolated[0] && !s.isolated[1] {
                all.push(Fault::Isolate(node));
            }
            if n.on && !n.paused {
                let torn: &[bool] = if n.writing() { &[false, true] } else { &[false] };
                for kept in torn {
                    all.push(Fault::Crash(node, *kept));
                    if n.arbiter.is_some() {
                        all.push(Fault::Kill(node, *kept));
                    }
                }
                all.push(Fault::Pause(node));
                if !n.slow_disk {
                    all.push(Fault::SlowDisk(node));
                }
                if !n.slow_stop {
                    all.push(Fault::SlowStop(node));
                }
                if n.arbiter.is_some() && n.up() {
                    all.push(Fault::Move(node));
                }
            }
        }
        if s.cut == [false; 2] {
            all.push(Fault::CutBoth);
        }
        all
    }

    fn repairs(s: &State) -> Vec<Repair> {
        let wires = s.cut != [false; 2] || s.isolated != [false; 2];
        let broken = |n: &Node| !n.on || n.paused || n.arbiter.is_none() || n.slow_disk || n.slow_stop;
        let nodes = [0, 1].into_iter().filter(|n| broken(&s.nodes[*n])).map(Repair::Node);
        wires.then_some(Repair::Wires).into_iter().chain(nodes).collect()
    }

    fn strike(s: &mut State, fault: Fault) {
        s.left -= 1;
        match fault {
            Fault::Cut(node) => s.cut[node] = true,
            Fault::CutBoth => s.cut = [true; 2],
            Fault::Isolate(node) => s.isolated[node] = true,
            Fault::Crash(node, kept) => s.nodes[node].crash(kept),
            Fault::Pause(node) => s.nodes[node].paused = true,
            Fault::Kill(node, kept) => s.nodes[node].kill(kept),
            Fault::SlowDisk(node) => s.nodes[node].slow_disk = true,
            Fault::SlowStop(node) => s.nodes[node].slow_stop = true,
            Fault::Move(node) => {
                let now = clock(s.tick);
                s.nodes[node].order_away(now);
            }
        }
    }

    fn repair(s: &mut State, repair: Repair) {
        let now = clock(s.tick);
        match repair {
            Repair::Wires => (s.cut, s.isolated) = ([false; 2], [false; 2]),
            Repair::Node(node) => s.nodes[node].recover(now),
        }
    }

    /// The state after one tick in which that step is taken.
    pub fn tick(&self, state: &State, step: Step) -> State {
        let mut s = state.clone();
        s.tick += 1;
        if let Some(fault) = step.fault {
            Self::strike(&mut s, fault);
        }
        if let Some(repair) = step.repair {
            Self::repair(&mut s, repair);
        }
        let now = clock(s.tick);
        // Words take a tick to the other node, so neither of them is first.
        for node in [0, 1] {
            let peer = 1 - node;
            let alone = s.isolated[0] || s.isolated[1];
            let there = &s.nodes[peer];
            let heard = there.on && !there.paused && !s.cut[peer] && !alone;
            let advert = there.told.clone().filter(|_| heard);
            let stale = there.arbiter.is_none();
            let kernel = there.on && !there.paused && !alone;
            let hearing = crate::node::Hearing { heard, advert, stale, kernel, connected: !s.isolated[node] };
            let me = &mut s.nodes[node];
            me.run(hearing, now);
            let wrong = me.judge();
            s.wrong = s.wrong.take().or(wrong);
        }
        for node in &mut s.nodes {
            node.post();
        }
        let paused = s.nodes.iter().any(|n| n.paused);
        s.unpaused = if paused { 0 } else { (s.unpaused + 1).min(SETTLE) };
        // While a stop does not end, or nobody is there to order it, nothing is sorted out.
        let stuck = s.joined < SETTLE && s.nodes.iter().any(|n| n.slow_stop || n.arbiter.is_none());
        let apart = s.isolated != [false; 2] || paused || stuck;
        s.joined = if apart { 0 } else { (s.joined + 1).min(SETTLE) };
        s
    }

    /// What the level promises of a moment in which both have the group up.
    fn dual(&self, s: &State) -> Option<String> {
        let both = s.nodes.iter().all(|n| n.up() && !n.paused);
        if !both {
            return None;
        }
        // A lease keeps its word also while they are apart, but not against a pause (FAULTS I3: that takes a watchdog).
        let stuck = s.nodes.iter().any(|n| n.slow_stop);
        let excused = if self.leased { stuck || s.unpaused < SETTLE } else { s.joined < SETTLE };
        (!excused).then(|| format!("one owner: both have the group up, {} ticks after contact", s.joined))
    }
}

impl World for Pair {
    type State = State;
    type Step = Step;

    fn initial(&self) -> Vec<State> {
        let nodes = [NodeId::FIRST, NodeId::SECOND].map(|n| Node::new(config(n, self.leased), clock(0)));
        let mut state = State {
            tick: 0,
            nodes,
            cut: [false; 2],
            isolated: [false; 2],
            left: self.faults,
            joined: 0,
            unpaused: SETTLE,
            wrong: None,
        };
        // Where it begins is a pair that has come to rest.
        for _ in 0..60 {
            state = self.tick(&state, Step { fault: None, repair: None });
            assert_eq!(state.wrong, None, "while coming up");
        }
        assert!(state.nodes[0].up() && !state.nodes[1].up(), "the preferred node serves");
        vec![state]
    }

    fn steps(&self, s: &State, into: &mut Vec<(Step, State)>) {
        let faults: Vec<Option<Fault>> = [None].into_iter().chain(self.faults(s).into_iter().map(Some)).collect();
        let repairs: Vec<Option<Repair>> = [None].into_iter().chain(Self::repairs(s).into_iter().map(Some)).collect();
        for fault in &faults {
            for repair in repairs.iter().filter(|r| fault.is_none() || r.is_none()) {
                let step = Step { fault: *fault, repair: *repair };
                into.push((step, self.tick(s, step)));
            }
        }
    }

    fn name(&self, step: Step) -> String {
        match (step.fault, step.repair) {
            (Some(fault), _) => format!("{fault:?}"),
            (None, Some(repair)) => format!("repaired: {repair:?}"),
            (None, None) => "a tick".to_string(),
        }
    }

    fn check(&self, s: &State) -> Result<(), String> {
        match s.wrong.clone().or_else(|| self.dual(s)) {
            Some(text) => Err(text),
            None => Ok(()),
        }
    }

    fn print(&self, s: &State) -> Print {
        let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
        hashers[1].write_u8(1);
        let adverts = [0, 1].map(|n| s.nodes[n].newest_advert());
        let runs = [0, 1].map(|n| s.nodes[n].run);
        let epoch = s.nodes.iter().map(|n| n.highest.number).max().unwrap_or(0);
        for hasher in &mut hashers {
            (s.cut, s.isolated, s.left, s.joined, s.unpaused).hash(hasher);
        }
        for (node, n) in s.nodes.iter().enumerate() {
            let base = Base { now: clock(s.tick), adverts, runs, epoch, generation: n.generation(), node };
            n.print(&mut hashers, base);
        }
        (hashers[0].finish(), hashers[1].finish())
    }
}

/// Writes a value of the core into the fingerprint.
pub(crate) fn write<T: serde::Serialize>(hashers: &mut [DefaultHasher; 2], base: Base, value: &T) {
    Canon::write(hashers, base, value);
}

/// No epoch.
pub(crate) const NEVER: Epoch = Epoch::NEVER;
