//! Two cores joined by virtual links on a virtual clock: deterministic, no threads, no real time.
#![allow(dead_code, reason = "each test file uses a part of it")]

use core::time::Duration;
use heartbeat_core::{DropReason, HeartbeatConfig, HeartbeatCore, Input, LinkState, Output, PathConfig, PathTag, Seed};
use hotpair_types::{
    BootId, Digest, Incarnation, Medium, NodeId, PairId, PathCause, PathName, PathState, PeerView, Timestamp,
};
use std::collections::BTreeMap;

pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub fn udp(name: &str) -> PathConfig {
    PathConfig {
        name: PathName::new(name).unwrap(),
        medium: Medium::Udp,
        interval: ms(100),
        lost: 5,
        good: 3,
        priority: 10,
        max_frame: 512,
        byte_budget: None,
    }
}

/// 115200 bit/s, of which half may be used.
pub fn serial(name: &str) -> PathConfig {
    PathConfig {
        medium: Medium::Serial,
        interval: ms(200),
        max_frame: 320,
        byte_budget: Some(5_760),
        priority: 1,
        ..udp(name)
    }
}

pub fn tag(name: &str) -> PathTag {
    PathTag::of(&PathName::new(name).unwrap())
}

pub fn config(node: NodeId, paths: &[PathConfig]) -> HeartbeatConfig {
    HeartbeatConfig {
        node,
        pair: PairId(*b"thispair"),
        key: vec![7; 32].into(),
        digest: Digest([9; 8]),
        paths: paths.to_vec(),
    }
}

pub fn seed(n: u64) -> Seed {
    Seed { incarnation: Incarnation(n), boot: BootId([u8::try_from(n % 250).unwrap(); 16]) }
}

/// One direction of a path.
#[derive(Clone, Debug)]
pub struct Wire {
    pub delay: Duration,
    pub cut: bool,
    /// Percent.
    pub loss: u64,
    pub duplicate: bool,
}

pub struct Node {
    pub core: HeartbeatCore,
    pub view: PeerView,
    pub views: u64,
    pub drops: BTreeMap<String, u64>,
    /// Not scheduled until then; frames wait.
    pub stopped_until: Option<Timestamp>,
    /// The node's clock: world clock plus this.
    pub clock_offset: u64,
    pub alive: bool,
}

pub struct World {
    pub now: Timestamp,
    pub nodes: [Node; 2],
    pub wires: BTreeMap<(usize, PathTag), Wire>,
    /// (arrival, order) -> (receiver, path, bytes)
    flight: BTreeMap<(Timestamp, u64), (usize, PathTag, Vec<u8>)>,
    order: u64,
    random: u64,
    pub paths: Vec<PathConfig>,
    /// Everything that was handed to a wire: (time, sender, path, bytes).
    pub sent: Vec<(Timestamp, usize, PathTag, Vec<u8>)>,
}

pub const OFFSETS: [u64; 2] = [50_000_000_000, 900_000_000_000];

impl World {
    pub fn new(paths: &[PathConfig]) -> Self {
        let now = Timestamp::from_millis(1_000);
        let node = |n: usize| make_node(n, paths, u64::try_from(n).unwrap() + 1, now);
        let mut world = Self {
            now,
            nodes: [node(0), node(1)],
            wires: BTreeMap::new(),
            flight: BTreeMap::new(),
            order: 0,
            random: 42,
            paths: paths.to_vec(),
            sent: Vec::new(),
        };
        for path in paths {
            for sender in 0..2 {
                let delay = Duration::from_micros(if path.medium == Medium::Serial { 20_000 } else { 100 });
                world.wires.insert((sender, path.tag()), Wire { delay, cut: false, loss: 0, duplicate: false });
            }
        }
        world
    }

    pub fn clock(&self, node: usize) -> Timestamp {
        self.now.after(Duration::from_nanos(self.nodes[node].clock_offset))
    }

    pub fn wire(&mut self, sender: usize, path: &str) -> &mut Wire {
        self.wires.get_mut(&(sender, tag(path))).unwrap()
    }

    pub fn cut(&mut self, path: &str, cut: bool) {
        self.wire(0, path).cut = cut;
        self.wire(1, path).cut = cut;
    }

    fn roll(&mut self) -> u64 {
        // xorshift64: the same run every time.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 100
    }

    pub fn input(&mut self, node: usize, input: Input<'_>) {
        let now = self.clock(node);
        self.nodes[node].core.handle_input(input, now);
        self.drain(node);
    }

    pub fn inject(&mut self, node: usize, path: &str, bytes: &[u8]) {
        self.input(node, Input::Frame { path: tag(path), bytes });
    }

    pub fn restart(&mut self, node: usize, incarnation: u64) {
        self.nodes[node] = make_node(node, &self.paths, incarnation, self.now);
    }

    fn drain(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].core.poll_output() {
            match output {
                Output::Send { path, bytes } => self.send(node, path, bytes),
                Output::View(view) => {
                    assert!(view.seq > self.nodes[node].view.seq || self.nodes[node].views == 0);
                    self.nodes[node].view = view;
                    self.nodes[node].views += 1;
                }
                Output::Dropped { reason, .. } => {
                    *self.nodes[node].drops.entry(format!("{reason:?}")).or_default() += 1;
                }
                Output::Refused(error) => panic!("{error}"),
            }
        }
    }

    fn send(&mut self, sender: usize, path: PathTag, bytes: Vec<u8>) {
        assert!(bytes.len() <= self.paths.iter().find(|p| p.tag() == path).unwrap().max_frame);
        self.sent.push((self.now, sender, path, bytes.clone()));
        let wire = self.wires[&(sender, path)].clone();
        let lost = self.roll() < wire.loss;
        if wire.cut || lost {
            return;
        }
        for _ in 0..=usize::from(wire.duplicate) {
            self.order += 1;
            self.flight.insert((self.now.after(wire.delay), self.order), (1 - sender, path, bytes.clone()));
        }
    }

    fn next_event(&self) -> Option<Timestamp> {
        let mut next = self.flight.keys().next().map(|(at, _)| *at);
        for node in self.nodes.iter().filter(|n| n.alive) {
            let deadline = node.core.poll_timeout().map(|d| d.before(Duration::from_nanos(node.clock_offset)));
            let at = deadline.map(|d| d.max(node.stopped_until.unwrap_or(Timestamp::ZERO)));
            next = [next, at].into_iter().flatten().min();
        }
        next
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now.after(time);
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            while let Some((key, (to, path, bytes))) = self.flight.pop_first() {
                if key.0 > self.now {
                    self.flight.insert(key, (to, path, bytes));
                    break;
                }
                match self.nodes[to].stopped_until.filter(|until| *until > self.now) {
                    Some(until) => drop(self.flight.insert((until, key.1), (to, path, bytes))),
                    None if self.nodes[to].alive => self.input(to, Input::Frame { path, bytes: &bytes }),
                    None => {}
                }
            }
            for node in 0..2 {
                let now = self.clock(node);
                let stopped = self.nodes[node].stopped_until.is_some_and(|until| until > self.now);
                let due = self.nodes[node].core.poll_timeout().is_some_and(|d| d <= now);
                if due && !stopped && self.nodes[node].alive {
                    self.nodes[node].core.handle_timeout(now);
                    self.drain(node);
                }
            }
        }
        self.now = end;
    }

    pub fn rx(&self, node: usize, path: &str) -> (PathState, PathCause) {
        let view = self.path_view(node, path);
        (view.rx.state, view.rx.cause)
    }

    pub fn tx(&self, node: usize, path: &str) -> (PathState, PathCause) {
        let view = self.path_view(node, path);
        (view.tx.state, view.tx.cause)
    }

    pub fn path_view(&self, node: usize, path: &str) -> hotpair_types::PathView {
        self.nodes[node].view.paths.iter().find(|p| p.name.as_str() == path).unwrap().clone()
    }

    pub fn link(&mut self, node: usize, path: &str, state: LinkState) {
        self.input(node, Input::Link { path: tag(path), state });
    }

    pub fn dropped(&self, node: usize, reason: DropReason) -> u64 {
        self.nodes[node].drops.get(&format!("{reason:?}")).copied().unwrap_or(0)
    }
}

fn make_node(n: usize, paths: &[PathConfig], incarnation: u64, now: Timestamp) -> Node {
    let clock_offset = OFFSETS[n];
    let own = now.after(Duration::from_nanos(clock_offset));
    let core = HeartbeatCore::new(config(NodeId::BOTH[n], paths), seed(incarnation), own).unwrap();
    let view = core.view(own);
    Node { core, view, views: 0, drops: BTreeMap::new(), stopped_until: None, clock_offset, alive: true }
}
