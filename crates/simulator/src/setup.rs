//! What a seed makes: the pair, its paths, its groups.

use crate::node::Node;
use crate::resources::Real;
use crate::rng::Rng;
use crate::third::Third;
use crate::thirds::{Device, QUICK, Witness};
use crate::wire::{Wiring, path};
use crate::world::World;
use arbiter_core::io::{
    ArbiterConfig, Arbitration, BootAlone, Failback, FenceRule, GroupConfig, GroupGuards, WitnessRule,
};
use core::time::Duration;
use hotpair_types::{Digest, GroupName, GuaranteeLevel, Medium, NodeId, NodeName, ResourceName};
use resource_core::{OnStopFailure, Operations, Recovery, ResourceSpec, WatchdogConfig};

/// Groups and their resources, bottom first: name, kind.
const GROUPS: [(&str, &[(&str, &str)]); 2] =
    [("web", &[("addr", "ip"), ("site", "app")]), ("db", &[("vol", "volume"), ("dbms", "app")])];

fn group_name(text: &str) -> GroupName {
    GroupName::new(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn arbiter_groups(rng: &mut Rng) -> Vec<GroupConfig> {
    GROUPS
        .iter()
        .map(|(name, _)| {
            let first = if rng.percent(50) { NodeId::FIRST } else { NodeId::SECOND };
            let failback = if rng.percent(30) { Failback::Auto(rng.millis(1_000, 8_000)) } else { Failback::Manual };
            let lease = rng.percent(30).then(|| rng.millis(3_000, 6_000));
            GroupConfig {
                name: group_name(name),
                nodes: vec![first, first.other()],
                failback,
                hold_on_silence: false,
                require_unmet: false,
                lease,
                wait_for_lease: lease.is_some() && rng.percent(50),
                guards: arbiter_core::io::GroupGuards::default(),
                max_moves: if rng.percent(25) { 3 } else { 50 },
                move_window: Duration::from_secs(3_600),
            }
        })
        .collect()
}

/// What the arbiters are told; the second node differs in its own name alone.
pub fn config(rng: &mut Rng) -> ArbiterConfig {
    let name = |n: &str| NodeName::new(n).unwrap_or_else(|e| panic!("{n}: {e}"));
    ArbiterConfig {
        node: NodeId::FIRST,
        names: [name("alpha"), name("beta")],
        digest: Digest([7; 8]),
        window: rng.millis(150, 400),
        round_interval: Duration::from_secs(1),
        boot_wait: rng.millis(2_000, 6_000),
        boot_alone: if rng.percent(20) { BootAlone::Any } else { BootAlone::LastActive },
        arbitration: arbiter_core::io::Arbitration::default(),
        groups: arbiter_groups(rng),
    }
}

/// The groups as resd knows them.
pub fn resource_groups() -> Vec<resource_core::GroupConfig> {
    let group = |(name, all): &(&str, &[(&str, &str)])| {
        let mut resources: Vec<ResourceSpec> = Vec::new();
        for (name, kind) in *all {
            let name = ResourceName::new(name).unwrap_or_else(|e| panic!("{name}: {e}"));
            let after = resources.iter().map(|r| r.name.clone()).collect();
            resources.push(spec(name, kind, after));
        }
        resource_core::GroupConfig { name: group_name(name), resources }
    };
    GROUPS.iter().map(group).collect()
}

fn spec(name: ResourceName, kind: &str, after: Vec<ResourceName>) -> ResourceSpec {
    ResourceSpec {
        name,
        kind: kind.to_string(),
        after,
        in_place: kind == "ip",
        announces: kind == "ip",
        ops: Operations {
            start_timeout: Duration::from_secs(5),
            stop_timeout: Duration::from_secs(5),
            monitor_timeout: Duration::from_secs(2),
            monitor_interval: Duration::from_secs(1),
            deep_interval: None,
            late_limit: 3,
        },
        recovery: Recovery {
            restarts: 2,
            window: Duration::from_secs(60),
            backoff: Duration::from_millis(500),
            on_stop_failure: OnStopFailure::Hold,
        },
    }
}

/// More kinds of configurations: groups that are held in silence, a path over a shared disk.
pub fn vary(rng: &mut Rng, world: &mut World) {
    for at in 0..world.groups.len() {
        let hold = rng.percent(10);
        for node in &mut world.nodes {
            if let Some(group) = node.config.groups.get_mut(at) {
                group.hold_on_silence = hold;
            }
        }
    }
    if rng.percent(30) {
        let mut paths = world.wiring.paths.clone();
        paths.extend(path("disk1", Medium::Disk, 500, 4));
        world.wiring = Wiring::new(paths);
    }
}

/// Third parties: a witness, fence devices, watchdogs, neighbours, as the seed wants them, and groups that demand them.
pub fn arbitrate(rng: &mut Rng, world: &mut World) {
    let ttl = Duration::from_secs(if rng.percent(50) { 3 } else { 6 });
    let witness = rng.percent(60).then(|| Witness::new(ttl, Duration::from_secs(1)));
    let fenced = rng.percent(40);
    let watchdog = rng.percent(50);
    let late = if rng.percent(50) { NodeId::FIRST } else { NodeId::SECOND };
    let neighbours: Vec<NodeId> =
        (0..rng.below(3)).map(|_| if rng.percent(50) { late } else { late.other() }).collect();
    let required = u32::try_from(rng.below(neighbours.len() as u64 + 1)).unwrap_or(0);
    for at in 0..world.groups.len() {
        let lease = rng.millis(4_000, 8_000);
        let require = match rng.below(4) {
            0 if fenced => GuaranteeLevel::Fenced,
            0 | 1 if witness.is_some() => GuaranteeLevel::Witnessed,
            _ => GuaranteeLevel::Evidence,
        };
        for node in &mut world.nodes {
            let Some(group) = node.config.groups.get_mut(at) else { continue };
            group.guards = GroupGuards { require, ..GroupGuards::default() };
            (group.lease, group.wait_for_lease) = (Some(lease), true);
        }
    }
    for node in &mut world.nodes {
        node.config.arbitration = Arbitration {
            neighbours_required: required,
            witness: witness.as_ref().map(|w| WitnessRule { ttl: w.ttl }),
            fence: fenced
                .then(|| FenceRule { delay: if node.id == late { Duration::from_secs(6) } else { Duration::ZERO } }),
            watchdog,
        };
    }
    let leases = world.nodes[0].config.groups.iter().map(|g| (g.name.clone(), g.lease)).collect();
    world.site.thirds.witness = witness;
    world.site.thirds.devices = [0, 1].map(|_| {
        fenced.then(|| Device {
            name: "bmc".to_string(),
            takes: QUICK,
            gives_up: Duration::from_secs(4),
            back: Some(rng.millis(4_000, 20_000)),
            dead: false,
            lies: false,
        })
    });
    world.third = Third {
        // (W + R)(1 + rho) + J <= T_take (1 - rho), with the shortest lease there is.
        watchdog: watchdog.then(|| WatchdogConfig {
            timeout: Duration::from_millis(2_500),
            reset_time: Duration::from_millis(500),
            groups: leases,
            inherited: false,
        }),
        watchdog_missing: [0, 1].map(|_| rng.percent(10)),
        neighbours,
    };
}

/// A world as the seed wants it, both nodes off.
pub fn world(mut rng: Rng) -> World {
    let config = config(&mut rng);
    let interval = if rng.percent(50) { 100 } else { 200 };
    let mut paths: Vec<_> =
        path("lan1", Medium::Udp, interval, 5).into_iter().chain(path("serial1", Medium::Serial, 200, 5)).collect();
    if rng.percent(50) {
        paths.extend(path("lan2", Medium::Udp, interval, 3));
    }
    let node = |id: NodeId| {
        let mut config = config.clone();
        config.node = id;
        Node::new(id, config, resource_groups())
    };
    let mut resources = Vec::new();
    for (group, all) in GROUPS {
        for (name, _) in all {
            let name = ResourceName::new(name).unwrap_or_else(|e| panic!("{name}: {e}"));
            resources.push((group_name(group), name));
        }
    }
    let mut nodes = [node(NodeId::FIRST), node(NodeId::SECOND)];
    for n in &mut nodes {
        n.resources.real = resources.iter().map(|key| (key.clone(), Real::default())).collect();
    }
    World::new(rng, nodes, Wiring::new(paths), resources)
}
