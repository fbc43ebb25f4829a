//! What goes wrong: drawn from the seed, each fault with a beginning and an end.

use crate::node::Daemon;
use crate::rare::Rare;
use crate::rng::Rng;
use arbiter_core::io::Order;
use core::time::Duration;
use hotpair_types::{GroupName, NodeId, NodeMode};

/// A fault or an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A path is cut in one direction (sender given) or both, or whole again.
    Cut {
        /// Which path.
        path: usize,
        /// From whom; `None`: both.
        from: Option<NodeId>,
        /// Cut, not repaired.
        cut: bool,
    },
    /// A path loses, delays, repeats and reorders frames.
    Bad {
        /// Which path.
        path: usize,
        /// Percent lost.
        loss: u64,
        /// Percent repeated.
        duplicate: u64,
        /// Random delay on top.
        jitter: Duration,
    },
    /// All paths.
    CutAll(bool),
    /// A node's service network.
    Lan(NodeId, bool),
    /// Service network split between the nodes.
    Split(bool),
    /// Probes cannot be sent.
    ProbesBlocked(NodeId, bool),
    /// Everything between the nodes.
    CutEverything(bool),
    /// A daemon dies; it is started again after this time.
    Kill(NodeId, Daemon, Duration),
    /// All three die.
    KillAll(NodeId, Duration),
    /// A daemon does not run for this time.
    Freeze(NodeId, Daemon, Duration),
    /// No daemon runs; the kernel does.
    FreezeAll(NodeId, Duration),
    /// The machine stands still for this time.
    Pause(NodeId, Duration),
    /// Power is lost for this time.
    PowerLoss(NodeId, Duration),
    /// The state file.
    DiskFails(NodeId, bool),
    /// The state file is slow.
    DiskSlow(NodeId, Duration),
    /// The state file is lost while arbiterd is down.
    StateLost(NodeId),
    /// A resource fails once.
    Fails(NodeId, usize),
    /// A resource cannot run here.
    Broken(NodeId, usize, bool),
    /// A resource lacks something here.
    Lacking(NodeId, usize, bool),
    /// The network does not serve a resource here.
    Network(NodeId, usize, bool),
    /// A resource does not stop.
    Stuck(NodeId, usize, bool),
    /// A resource is slow.
    Slow(NodeId, usize, Duration),
    /// Nothing that is asked of a resource comes to an end, but a stop by force.
    Hang(NodeId, usize, bool),
    /// None of a node's ports carries.
    Carrier(NodeId, bool),
    /// Something happens to a third party.
    Third(crate::thirds::Act),
    /// Power returns.
    Boot(NodeId),
    /// A node's arbiter runs another configuration; it is started again with it.
    OtherConfig(NodeId, bool),
    /// One of the rarer ones.
    Rare(Rare),
    /// A person gives an order.
    Order(NodeId, Order),
    /// A person sees that the peer is off and says so.
    Vouch(NodeId),
}

impl Fault {
    /// Its name, if it begins something: what is counted.
    pub fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Cut { cut: false, .. } | Self::CutAll(false) | Self::Lan(_, false) | Self::Split(false) => {
                return None;
            }
            Self::ProbesBlocked(_, false) | Self::CutEverything(false) | Self::DiskFails(_, false) => return None,
            Self::Broken(_, _, false) | Self::Lacking(_, _, false) | Self::Network(_, _, false) => return None,
            Self::Stuck(_, _, false) | Self::Hang(_, _, false) | Self::Carrier(_, false) | Self::Boot(_) => {
                return None;
            }
            Self::OtherConfig(_, false) => return None,
            Self::Bad { loss: 0, duplicate: 0, .. } => return None,
            Self::DiskSlow(_, by) | Self::Slow(_, _, by) if by.is_zero() => return None,
            Self::Cut { from: Some(_), .. } => "path cut one way",
            Self::Cut { .. } => "path cut",
            Self::Bad { .. } => "bad path",
            Self::CutAll(_) => "all paths cut",
            Self::Lan(..) => "node off the network",
            Self::Split(_) => "network split",
            Self::ProbesBlocked(..) => "probes blocked",
            Self::CutEverything(_) => "everything cut",
            Self::Kill(_, Daemon::Hbd, _) => "hbd killed",
            Self::Kill(_, Daemon::Arbiterd, _) => "arbiterd killed",
            Self::Kill(_, Daemon::Resd, _) => "resd killed",
            Self::KillAll(..) => "all daemons killed",
            Self::Freeze(_, Daemon::Hbd, _) => "hbd frozen",
            Self::Freeze(_, Daemon::Arbiterd, _) => "arbiterd frozen",
            Self::Freeze(_, Daemon::Resd, _) => "resd frozen",
            Self::FreezeAll(..) => "all daemons frozen",
            Self::Pause(..) => "machine paused",
            Self::PowerLoss(..) => "power loss",
            Self::DiskFails(..) => "state disk fails",
            Self::DiskSlow(..) => "state disk slow",
            Self::StateLost(_) => "state lost",
            Self::Fails(..) => "resource fails",
            Self::Broken(..) => "resource broken",
            Self::Lacking(..) => "resource lacks something",
            Self::Network(..) => "service network of a resource",
            Self::Stuck(..) => "resource does not stop",
            Self::Slow(..) => "slow resource",
            Self::Hang(..) => "hanging resource",
            Self::Carrier(..) => "no carrier at all",
            Self::OtherConfig(..) => "other configuration",
            Self::Third(act) => return act.name(),
            Self::Rare(rare) => return rare.name(),
            Self::Order(_, Order::Switchover { .. }) => "switchover asked",
            Self::Order(_, Order::NodeMode { .. }) => "standby or online asked",
            Self::Order(_, Order::Freeze { .. }) => "freeze asked",
            Self::Order(_, Order::Maintenance { .. }) => "maintenance asked",
            Self::Order(_, Order::Clear { .. }) => "clear asked",
            Self::Order(..) => "order given",
            Self::Vouch(_) => "peer vouched off",
        })
    }

    /// The node inside which it happens to processes, if it does.
    pub fn inside(&self) -> Option<NodeId> {
        match self {
            Self::Kill(node, ..)
            | Self::KillAll(node, _)
            | Self::Freeze(node, ..)
            | Self::FreezeAll(node, _)
            | Self::StateLost(node) => Some(*node),
            Self::Rare(rare) => rare.inside(),
            _ => None,
        }
    }
}

/// A time in the fault phase, in nanoseconds, and what begins or ends then.
pub type Plan = Vec<(u64, Fault)>;

/// What a run is mostly about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// Anything.
    Mixed,
    /// Planned moves, and something that goes wrong right then.
    HandOvers,
    /// Nodes apart, and something that goes wrong around the cut or the healing.
    Partitions,
    /// Every kind of fault there is.
    Wild,
    /// The same, with a witness, fence devices, watchdogs, neighbours.
    Arbitrated,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Mixed, Self::HandOvers, Self::Partitions, Self::Wild, Self::Arbitrated];
}

/// Draws the faults of one run: up to `most`, within `phase`.
pub fn plan(
    rng: &mut Rng,
    profile: Profile,
    paths: usize,
    resources: usize,
    groups: &[GroupName],
    phase: Duration,
    most: u64,
) -> Plan {
    if profile == Profile::Mixed {
        return mixed(rng, paths, resources, groups, phase, most);
    }
    if matches!(profile, Profile::Wild | Profile::Arbitrated) {
        let third = profile == Profile::Arbitrated;
        return crate::rare::plan(rng, paths, resources, groups, phase, most, third);
    }
    let mut plan = Vec::new();
    for _ in 0..2 + rng.below(most / 2) {
        let at = rng.below(nanos(phase));
        let node = pick_node(rng);
        if profile == Profile::HandOvers {
            let slow = rng.percent(50).then(|| rng.millis(50, 4_000));
            if let Some(slow) = slow {
                plan.push((at, Fault::DiskSlow(node, slow)));
                plan.push((at + nanos(rng.millis(3_000, 25_000)), Fault::DiskSlow(node, Duration::ZERO)));
            }
            let which = usize::try_from(rng.below(groups.len() as u64)).unwrap_or(0);
            let order = Order::Switchover { group: groups[which].clone(), to: None };
            plan.push((at + 1, Fault::Order(pick_node(rng), order)));
            if rng.percent(30) {
                // One that takes it loses what it needs while it writes: the offer and the taking cross.
                let longest = if rng.percent(20) { 25_000 } else { 5_000 };
                let lasting = rng.millis(1_000, longest);
                plan.push((at, Fault::DiskSlow(node, lasting)));
                plan.push((at + nanos(lasting), Fault::DiskSlow(node, Duration::ZERO)));
                let later = at + nanos(rng.millis(300, 1_500));
                plan.push((later, Fault::Kill(node, Daemon::Resd, rng.millis(100, 3_000))));
            }
        } else {
            let (begin, end) = match rng.below(3) {
                0 => (Fault::CutAll(true), Fault::CutAll(false)),
                _ => (Fault::CutEverything(true), Fault::CutEverything(false)),
            };
            plan.push((at, begin));
            let heal = at + nanos(rng.millis(200, 8_000));
            plan.push((heal, end));
            if rng.percent(60) {
                around(rng, heal, paths, resources, groups, &mut plan);
            }
        }
        for _ in 0..rng.below(3) {
            around(rng, at, paths, resources, groups, &mut plan);
        }
    }
    plan.sort_by_key(|(at, _)| *at);
    plan
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 8)
}

/// Something else, right before or after.
fn around(rng: &mut Rng, at: u64, paths: usize, resources: usize, groups: &[GroupName], plan: &mut Plan) {
    let at = (at + nanos(rng.millis(0, 2_500))).saturating_sub(500_000_000);
    let lasts = nanos(rng.millis(20, 5_000));
    let node = pick_node(rng);
    let (begin, end) =
        if rng.percent(65) { environment(rng, node, paths) } else { inside(rng, node, resources, groups) };
    plan.push((at, begin));
    if let Some(end) = end {
        plan.push((at + lasts, end));
    }
}

fn mixed(rng: &mut Rng, paths: usize, resources: usize, groups: &[GroupName], phase: Duration, most: u64) -> Plan {
    let mut plan = Vec::new();
    let count = 1 + rng.below(most);
    for _ in 0..count {
        let at = rng.below(nanos(phase));
        let lasts = nanos(rng.millis(50, 15_000));
        let node = pick_node(rng);
        let (begin, end) =
            if rng.percent(65) { environment(rng, node, paths) } else { inside(rng, node, resources, groups) };
        plan.push((at, begin));
        if let Some(end) = end {
            plan.push((at + lasts, end));
        }
    }
    plan.sort_by_key(|(at, _)| *at);
    plan
}

pub(crate) fn pick_node(rng: &mut Rng) -> NodeId {
    if rng.percent(50) { NodeId::FIRST } else { NodeId::SECOND }
}

pub(crate) fn pick_daemon(rng: &mut Rng) -> Daemon {
    match rng.below(3) {
        0 => Daemon::Hbd,
        1 => Daemon::Arbiterd,
        _ => Daemon::Resd,
    }
}

pub(crate) fn environment(rng: &mut Rng, node: NodeId, paths: usize) -> (Fault, Option<Fault>) {
    let path = usize::try_from(rng.below(paths as u64)).unwrap_or(0);
    match rng.below(15) {
        0 | 1 => {
            let from = rng.percent(60).then_some(node);
            (Fault::Cut { path, from, cut: true }, Some(Fault::Cut { path, from, cut: false }))
        }
        2 => {
            let jitter = rng.millis(0, 400);
            let bad = Fault::Bad { path, loss: rng.below(50), duplicate: rng.below(30), jitter };
            (bad, Some(Fault::Bad { path, loss: 0, duplicate: 0, jitter: Duration::from_micros(300) }))
        }
        3 | 4 => (Fault::CutAll(true), Some(Fault::CutAll(false))),
        5 => (Fault::Lan(node, true), Some(Fault::Lan(node, false))),
        6 => (Fault::Split(true), Some(Fault::Split(false))),
        7 => (Fault::ProbesBlocked(node, true), Some(Fault::ProbesBlocked(node, false))),
        8 => (Fault::CutEverything(true), Some(Fault::CutEverything(false))),
        9 => (Fault::Kill(node, pick_daemon(rng), rng.millis(20, 8_000)), None),
        10 => (Fault::KillAll(node, rng.millis(20, 12_000)), None),
        11 => (Fault::Freeze(node, pick_daemon(rng), rng.millis(20, 6_000)), None),
        12 => (Fault::FreezeAll(node, rng.millis(100, 12_000)), None),
        13 => (Fault::Pause(node, rng.millis(100, 12_000)), None),
        _ => (Fault::PowerLoss(node, rng.millis(200, 20_000)), None),
    }
}

pub(crate) fn inside(rng: &mut Rng, node: NodeId, resources: usize, groups: &[GroupName]) -> (Fault, Option<Fault>) {
    let r = usize::try_from(rng.below(resources as u64)).unwrap_or(0);
    match rng.below(14) {
        0 => (Fault::DiskFails(node, true), Some(Fault::DiskFails(node, false))),
        1 => (Fault::DiskSlow(node, rng.millis(50, 3_000)), Some(Fault::DiskSlow(node, Duration::ZERO))),
        2 => (Fault::StateLost(node), None),
        3 | 4 => (Fault::Fails(node, r), None),
        5 => (Fault::Broken(node, r, true), Some(Fault::Broken(node, r, false))),
        6 => (Fault::Lacking(node, r, true), Some(Fault::Lacking(node, r, false))),
        7 => (Fault::Network(node, r, true), Some(Fault::Network(node, r, false))),
        8 => (Fault::Stuck(node, r, true), Some(Fault::Stuck(node, r, false))),
        9 => (Fault::Slow(node, r, rng.millis(100, 3_000)), Some(Fault::Slow(node, r, Duration::ZERO))),
        10 => (Fault::Vouch(node), None),
        _ => (Fault::Order(node, order(rng, groups)), None),
    }
}

fn order(rng: &mut Rng, groups: &[GroupName]) -> Order {
    let group = usize::try_from(rng.below(groups.len() as u64)).ok().and_then(|at| groups.get(at)).cloned();
    let lasting = rng.millis(100, 10_000);
    match (rng.below(9), group) {
        (0..=3, Some(group)) => Order::Switchover { group, to: rng.percent(30).then(|| pick_node(rng)) },
        (4, _) => Order::NodeMode { node: pick_node(rng), mode: NodeMode::Standby },
        (5, _) => Order::NodeMode { node: pick_node(rng), mode: NodeMode::Online },
        (6, group) => Order::Freeze { group, lasting },
        (7, group) => Order::Maintenance { group, lasting },
        (_, group) => Order::Clear { group },
    }
}
