//! What the arbiter's core decides by.

use arbiter_core::io as core;
use hotpair_config::guarantee::{binding_wait, disk_lease, parts};
use hotpair_config::model::{BootAlone, Config, Failback, Group, Kind, OnSilence, VolumeProtection};
use hotpair_types::NodeId;
use std::time::Duration;

/// The part of the configuration that the arbiter of `node` decides by.
#[must_use]
pub fn arbiter(config: &Config, node: NodeId) -> core::ArbiterConfig {
    core::ArbiterConfig {
        node,
        names: config.nodes.each_ref().map(|node| node.name.clone()),
        digest: config.digest,
        window: config.safety_check.window,
        round_interval: config.safety_check.interval,
        boot_wait: config.boot.wait,
        boot_alone: match config.boot.alone {
            BootAlone::LastActive => core::BootAlone::LastActive,
            BootAlone::Any => core::BootAlone::Any,
            BootAlone::Never => core::BootAlone::Never,
        },
        arbitration: core::Arbitration {
            neighbours_required: config.safety_check.neighbours_required,
            witness: config.witness.as_ref().map(|w| core::WitnessRule { ttl: w.ttl }),
            fence: fence_rule(config, node),
            watchdog: config.watchdog.is_some(),
        },
        groups: config.groups.iter().map(|g| group(config, g)).collect(),
    }
}

/// The devices that switch the peer off, if there are any: the longest of their delays counts.
fn fence_rule(config: &Config, node: NodeId) -> Option<core::FenceRule> {
    let delays: Vec<Duration> = config.fences_of(node.other()).iter().map(|f| f.delay).collect();
    delays.into_iter().max().map(|delay| core::FenceRule { delay })
}

fn group(config: &Config, group: &Group) -> core::GroupConfig {
    let parts = parts(config, group);
    core::GroupConfig {
        name: group.name.clone(),
        nodes: group.nodes.clone(),
        failback: match group.failback {
            Failback::Manual => core::Failback::Manual,
            Failback::Auto { after } => core::Failback::Auto(after),
            Failback::Never => core::Failback::Never,
        },
        hold_on_silence: group.on_silence == OnSilence::Hold,
        require_unmet: hotpair_config::guarantee(config, group) < group.require,
        lease: group.lease,
        wait_for_lease: group.lease.is_some() && has_plain_volume(group),
        guards: core::GroupGuards {
            require: group.require,
            leased: parts.leased,
            storage: parts.storage,
            take_after: binding_wait(config, group),
            disk_lease: disk_lease(group),
        },
        max_moves: group.max_moves,
        move_window: group.move_window,
    }
}

/// A volume that nothing but the lease keeps from being written by both nodes.
fn has_plain_volume(group: &Group) -> bool {
    group
        .resources
        .iter()
        .any(|resource| matches!(&resource.kind, Kind::Volume(v) if v.protection == VolumeProtection::None))
}
