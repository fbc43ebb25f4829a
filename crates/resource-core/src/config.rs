//! What the core is told once: the groups, their resources, and which boot and run it lives in.
//!
//! Mirrors `hotpair_config::model`; the shell maps one to the other.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use hotpair_types::{BootId, GroupName, Incarnation, ResourceName, Target};
use serde::{Deserialize, Serialize};

/// Everything [`crate::ResourceCore::new`] needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResourceConfig {
    /// This boot of this node: targets of another boot are refused.
    pub boot: BootId,
    /// This run of resd.
    pub resd: Incarnation,
    /// The target accepted last, as read back from disk. One of another boot is ignored.
    pub restored: Option<Target>,
    /// The groups, in the order of the configuration.
    pub groups: Vec<GroupConfig>,
    /// The watchdog, if this node has one.
    #[serde(default)]
    pub watchdog: Option<crate::watchdog::WatchdogConfig>,
}

/// One group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupConfig {
    /// Its name.
    pub name: GroupName,
    /// Its resources; each comes after those it depends on.
    pub resources: Vec<ResourceSpec>,
}

/// One resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResourceSpec {
    /// Its name, unique within the group.
    pub name: ResourceName,
    /// Word for what it is (`ip`, `volume`, `app`).
    pub kind: String,
    /// Resources of the group, named earlier, that must run before it starts.
    pub after: Vec<ResourceName>,
    /// Its repair does not disturb what depends on it, and a lapsed lease takes it down first: true for addresses, whose
    /// users keep their sockets while the address is away.
    pub in_place: bool,
    /// It has something to announce (an address).
    pub announces: bool,
    /// Time limits and intervals.
    pub ops: Operations,
    /// Local recovery.
    pub recovery: Recovery,
}

/// Time limits and monitor intervals of a resource. The shell enforces the limits and answers with `TimedOut`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operations {
    /// Limit of a start.
    pub start_timeout: Duration,
    /// Limit of a stop.
    pub stop_timeout: Duration,
    /// Limit of a probe or monitor: longer is late.
    pub monitor_timeout: Duration,
    /// Time between two monitors; not zero.
    pub monitor_interval: Duration,
    /// Time between two deep monitors; `None`: none.
    pub deep_interval: Option<Duration>,
    /// Consecutive late monitors that count as one failure; at least 1.
    pub late_limit: u32,
}

/// Local recovery of a resource (S12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// Restarts within `window` before the group counts as failed here.
    pub restarts: u32,
    /// The window.
    pub window: Duration,
    /// Pause before the second restart; doubles with each further one, up to 60 s.
    pub backoff: Duration,
    /// When a stop cannot be confirmed even by force.
    pub on_stop_failure: OnStopFailure,
}

/// When a stop cannot be confirmed even by force (FAULTS S8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnStopFailure {
    /// Hold everything and raise an alarm.
    Hold,
    /// Reset this node.
    SelfFence,
}

/// A configuration the core cannot run by. The configuration loader finds these earlier and says where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// `after` names a resource that is not named earlier in the group.
    #[error("group {group}: resource {resource} comes after {missing}, which is not named before it in the group")]
    Dependency {
        /// The group.
        group: GroupName,
        /// The resource.
        resource: ResourceName,
        /// What it names.
        missing: ResourceName,
    },
    /// A monitor interval of zero would never let the machine rest.
    #[error("group {group}: resource {resource} has a monitor interval of zero; give it one of at least 10 ms")]
    Interval {
        /// The group.
        group: GroupName,
        /// The resource.
        resource: ResourceName,
    },
}
