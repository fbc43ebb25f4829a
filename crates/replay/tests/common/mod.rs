//! Two real arbiters, recorded, on a virtual clock with a tick of 100 ms: hbd, prober, disk and resd are a few lines each.

use arbiter_core::Arbiter;
use arbiter_core::io::{ArbiterConfig, BootAlone, Failback, GroupConfig, Input, Order, Output, SafetyOrder, Seed};
use hotpair_replay::{Core, Recorded, Taken};
use hotpair_runtime::recorder::{DEFAULT_BYTES, Identity, Options, Recorder};
use hotpair_types::{
    Advert, BootId, Desired, Digest, DirectionView, Epoch, Evidence, GroupName, GroupObserved, GroupState, Incarnation,
    Medium, NetworkSelfTest, NodeId, NodeName, ObservedView, PathCause, PathName, PathState, PathStats, PathView,
    PeerView, ProbeKind, ReceivedAdvert, Target, Timestamp,
};
use std::path::Path;
use std::time::Duration;

pub const TICK: u64 = 100;
const START: u64 = 1_000_000;

/// Options of a test's recorder.
pub fn options(directory: &Path, core: &str, bytes: u64) -> Options {
    Options {
        directory: directory.to_owned(),
        name: format!("{core}d"),
        bytes,
        min_free: 0,
        identity: Identity {
            core: core.to_owned(),
            program: "0.1.0".to_owned(),
            node: "alpha".to_owned(),
            boot: "00".to_owned(),
            run: "01".to_owned(),
        },
    }
}

fn group() -> GroupName {
    GroupName::new("web").unwrap()
}

fn config(node: NodeId) -> ArbiterConfig {
    ArbiterConfig {
        node,
        names: [NodeName::new("alpha").unwrap(), NodeName::new("beta").unwrap()],
        digest: Digest([7; 8]),
        window: Duration::from_millis(300),
        round_interval: Duration::from_secs(1),
        boot_wait: Duration::from_secs(5),
        boot_alone: BootAlone::LastActive,
        arbitration: arbiter_core::io::Arbitration::default(),
        groups: vec![GroupConfig {
            name: group(),
            nodes: NodeId::BOTH.to_vec(),
            failback: Failback::Manual,
            hold_on_silence: false,
            require_unmet: false,
            lease: None,
            wait_for_lease: false,
            guards: arbiter_core::io::GroupGuards::default(),
            max_moves: 3,
            move_window: Duration::from_secs(3_600),
        }],
    }
}

struct Node {
    core: Recorded<Arbiter>,
    advert: Option<Advert>,
    target: Option<Target>,
    state: GroupState,
    pending: Vec<Input>,
    silent_ticks: u32,
    seq: u64,
}

/// What happens at a tick.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A person orders at the first node.
    Order(Order),
    /// The second node loses power.
    PowerLoss,
    /// This node's process stood still.
    Stall,
    /// resd of the first node goes, and comes back with its next view.
    ResdGone,
}

/// The two.
pub struct Pair {
    nodes: [Node; 2],
    powered: bool,
    now: Timestamp,
}

impl Pair {
    /// Both boot; each records into its directory.
    pub fn new(directories: [&Path; 2], bytes: u64) -> Self {
        let now = Timestamp::from_millis(START);
        let node = |id: NodeId| {
            let recorder: Recorder<Arbiter, Taken<Arbiter>> =
                Recorder::start(options(directories[id.index()], Arbiter::NAME, bytes));
            let run = 1 + u64::try_from(id.index()).unwrap();
            let seed = Seed { boot: BootId([u8::from(id); 16]), arbiter: Incarnation(run) };
            let core = Arbiter::new(config(id), None, seed, now);
            Node {
                core: Recorded::new(core, recorder, now),
                advert: None,
                target: None,
                state: GroupState::Stopped,
                pending: Vec::new(),
                silent_ticks: 0,
                seq: 0,
            }
        };
        Self { nodes: NodeId::BOTH.map(node), powered: true, now }
    }

    /// With the standard size of the record.
    pub fn standard(directories: [&Path; 2]) -> Self {
        Self::new(directories, DEFAULT_BYTES)
    }

    /// State of the group on a node.
    pub fn state(&self, node: NodeId) -> GroupState {
        self.nodes[node.index()].state
    }

    /// Something happens.
    pub fn fault(&mut self, fault: Fault) {
        let now = self.now;
        match fault {
            Fault::Order(order) => {
                let input = Input::Order { ticket: 1, by: "root".to_owned(), order, dry_run: false };
                self.nodes[0].core.handle_input(input, now);
            }
            Fault::PowerLoss => self.powered = false,
            Fault::Stall => {
                self.nodes[0].core.handle_input(Input::Stalled(Duration::from_millis(700)), now);
            }
            Fault::ResdGone => {
                self.nodes[0].core.handle_input(Input::ResdGone { reason: "connection refused".to_owned() }, now);
            }
        }
        self.drain(NodeId::FIRST);
    }

    /// Time goes on.
    pub fn run(&mut self, ticks: u64) {
        for _ in 0..ticks {
            self.now = self.now.after(Duration::from_millis(TICK));
            for id in NodeId::BOTH {
                if id == NodeId::FIRST || self.powered {
                    self.tick(id);
                }
            }
        }
    }

    fn tick(&mut self, id: NodeId) {
        let now = self.now;
        let hears = self.powered;
        let advert = self.nodes[id.other().index()].advert.clone();
        let node = &mut self.nodes[id.index()];
        node.silent_ticks = if hears { 0 } else { node.silent_ticks + 1 };
        node.seq += 1;
        let view = view(node.seq, node.silent_ticks, advert.is_some(), now);
        let pending = std::mem::take(&mut node.pending);
        node.core.handle_input(Input::Peer { view, advert }, now);
        node.core.handle_input(Input::Observed(observed(node, now)), now);
        for input in pending {
            self.nodes[id.index()].core.handle_input(input, now);
        }
        let core = &mut self.nodes[id.index()].core;
        if core.poll_timeout().is_some_and(|at| at <= now) {
            core.handle_timeout(now);
        }
        self.drain(id);
        // Two minutes pass in a moment here; the disk is given the time it would have.
        while self.nodes[id.index()].core.recorder().backlog() > 16 {
            std::thread::yield_now();
        }
    }

    fn drain(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.index()];
        while let Some(output) = node.core.poll_output() {
            match output {
                Output::Persist { ticket, .. } => node.pending.push(Input::Persisted(ticket)),
                Output::Advert(advert) => node.advert = Some(advert),
                Output::Safety(SafetyOrder::Round(round)) => {
                    let self_test = NetworkSelfTest { with_carrier: 1, without_carrier: 0, references: 1 };
                    let via = "eth0".to_owned();
                    node.pending.push(Input::RoundStarted { round, self_test });
                    for evidence in [
                        Evidence::Sent { probe: ProbeKind::Arp, via: via.clone() },
                        Evidence::ReferenceAnswered { via },
                    ] {
                        node.pending.push(Input::Evidence { round, evidence });
                    }
                }
                Output::Target(target) => {
                    let wanted = target.groups.get(&group()).map(|g| g.desired);
                    match wanted {
                        Some(Desired::Started) => node.state = GroupState::Running,
                        Some(Desired::Stopped) => node.state = GroupState::Stopped,
                        _ => {}
                    }
                    node.target = Some(target);
                }
                _ => {}
            }
        }
    }
}

fn observed(node: &Node, now: Timestamp) -> ObservedView {
    let group_target = node.target.as_ref().and_then(|t| t.groups.get(&group()));
    let observed = GroupObserved {
        state: node.state,
        since: Timestamp::from_millis(START),
        epoch: group_target.map_or(Epoch::NEVER, |t| t.epoch),
        serving: node.state == GroupState::Running,
        failure: None,
        not_ready: Vec::new(),
        readiness_known: true,
        cleared: 0,
        lease_expires: None,
        peer_lease: None,
        resources: Vec::new(),
    };
    ObservedView {
        seq: node.seq,
        resd: Incarnation(9),
        taken_at: now,
        generation: node.target.as_ref().map(|t| t.generation),
        groups: [(group(), observed)].into(),
        fence: None,
        fence_health: hotpair_types::FenceHealth::Unknown,
        watchdog: hotpair_types::WatchdogState::Off,
    }
}

fn view(seq: u64, silent_ticks: u32, advert: bool, now: Timestamp) -> PeerView {
    let state = match silent_ticks {
        0 => PathState::Up,
        1..=4 => PathState::Late,
        _ => PathState::Down,
    };
    let since = now.before(Duration::from_millis(TICK * u64::from(silent_ticks)));
    PeerView {
        seq,
        hbd: Incarnation(5),
        taken_at: now,
        peer: None,
        last_heard: Some(since),
        paths: vec![PathView {
            name: PathName::new("lan1").unwrap(),
            medium: Medium::Udp,
            priority: 1,
            interval: Duration::from_millis(TICK),
            lost: 5,
            rx: DirectionView { state, since, cause: PathCause::None },
            tx: DirectionView { state: PathState::Unknown, since, cause: PathCause::NoReport },
            stats: PathStats::default(),
        }],
        last_stall: None,
        stalls: 0,
        advert: advert.then(|| ReceivedAdvert {
            digest: Digest([0; 8]),
            bytes: vec![1; 200],
            received_at: since,
            stale: false,
        }),
        own_advert_confirmed: None,
    }
}

/// Two minutes in which something happens. Gives the two nodes' final states.
pub fn two_minutes(directories: [&Path; 2], bytes: u64) -> [GroupState; 2] {
    let mut pair = Pair::new(directories, bytes);
    pair.run(200);
    pair.fault(Fault::Order(Order::Switchover { group: group(), to: Some(NodeId::SECOND) }));
    pair.run(200);
    pair.fault(Fault::Stall);
    pair.run(100);
    pair.fault(Fault::PowerLoss);
    pair.run(300);
    pair.fault(Fault::ResdGone);
    pair.run(200);
    pair.fault(Fault::Order(Order::Freeze { group: None, lasting: Duration::from_secs(10) }));
    pair.run(200);
    NodeId::BOTH.map(|node| pair.state(node))
}
