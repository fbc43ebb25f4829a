//! What arbiterd runs by: the validated configuration, the core's part of it, and the words for people.

use arbiter_core::io as core;
use hotpair_config::guarantee::Parts;
use hotpair_config::model::{Config, GuaranteeLevel};
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
    parts: BTreeMap<GroupName, Parts>,
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
                (group.name.clone(), (level, hotpair_config::promise_of(&config, group, Lang::En)))
            })
            .collect();
        let parts =
            config.groups.iter().map(|g| (g.name.clone(), hotpair_config::guarantee::parts(&config, g))).collect();
        Self { config, node, warnings, guarantees, parts }
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

    /// Message id of what a level promises for a group; `watchdog`: promises may rest on it right now.
    #[must_use]
    pub fn promise(&self, group: &GroupName, level: GuaranteeLevel, watchdog: bool) -> &'static str {
        let parts = self.parts.get(group).copied().unwrap_or_default();
        Parts { watchdog: parts.watchdog && watchdog, ..parts }.message(level)
    }

    /// The part of the configuration the core decides by.
    #[must_use]
    pub fn core(&self) -> core::ArbiterConfig {
        hotpair_assemble::arbiter::arbiter(&self.config, self.node)
    }
}
