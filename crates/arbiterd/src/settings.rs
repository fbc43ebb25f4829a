//! What arbiterd runs by: the validated configuration, the core's part of it, and the words for people.

use arbiter_core::io as core;
use hotpair_config::model::{BootAlone, Config, Failback, Group, GuaranteeLevel, Kind, OnSilence, VolumeProtection};
use hotpair_messages::Lang;
use hotpair_types::{GroupName, NodeId};
use std::collections::BTreeMap;

/// Everything that follows from one configuration on one node.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The configuration.
    pub config: Config,
    /// This node.
    pub node: NodeId,
    /// Warnings of the configuration check, in English.
    pub warnings: Vec<String>,
    guarantees: BTreeMap<GroupName, (GuaranteeLevel, String)>,
}

impl Settings {
    /// From a loaded configuration.
    #[must_use]
    pub fn new(config: Config, node: NodeId, warnings: Vec<String>) -> Self {
        let guarantees = config
            .groups
            .iter()
            .map(|group| {
                let level = hotpair_config::guarantee(&config, group);
                (group.name.clone(), (level, hotpair_config::promise(level, Lang::En)))
            })
            .collect();
        Self { config, node, warnings, guarantees }
    }

    /// A node's name.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &str {
        self.config.node(node).name.as_str()
    }

    /// Guarantee level of a group, and what it promises; empty for a group that is not configured.
    #[must_use]
    pub fn guarantee(&self, group: &GroupName) -> (&str, &str) {
        self.guarantees.get(group).map_or(("", ""), |(level, promise)| (level.as_str(), promise.as_str()))
    }

    /// The part of the configuration the core decides by.
    #[must_use]
    pub fn core(&self) -> core::ArbiterConfig {
        let config = &self.config;
        core::ArbiterConfig {
            node: self.node,
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
            groups: config.groups.iter().map(|group| self.group(group)).collect(),
        }
    }

    fn group(&self, group: &Group) -> core::GroupConfig {
        let level = self.guarantees.get(&group.name).map_or(GuaranteeLevel::Evidence, |(level, _)| *level);
        core::GroupConfig {
            name: group.name.clone(),
            nodes: group.nodes.clone(),
            failback: match group.failback {
                Failback::Manual => core::Failback::Manual,
                Failback::Auto { after } => core::Failback::Auto(after),
                Failback::Never => core::Failback::Never,
            },
            hold_on_silence: group.on_silence == OnSilence::Hold,
            require_unmet: level < group.require,
            lease: group.lease,
            wait_for_lease: group.lease.is_some() && has_plain_volume(group),
            max_moves: group.max_moves,
            move_window: group.move_window,
        }
    }
}

/// A volume that nothing but the lease keeps from being written by both nodes.
fn has_plain_volume(group: &Group) -> bool {
    group
        .resources
        .iter()
        .any(|resource| matches!(&resource.kind, Kind::Volume(v) if v.protection == VolumeProtection::None))
}
