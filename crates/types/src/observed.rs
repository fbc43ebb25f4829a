//! What resd sees: one whole document, replaced at each change (resd → arbiterd).

use crate::arbitration::{FenceHealth, FenceReport, WatchdogState};
use crate::epoch::{Epoch, Generation};
use crate::ids::{GroupName, Incarnation, ResourceName};
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// resd's whole view of this node's resources.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ObservedView {
    /// Increases with every change within one run of resd.
    pub seq: u64,
    /// Which run of resd says so.
    pub resd: Incarnation,
    /// When the view was made.
    pub taken_at: Timestamp,
    /// Generation of the accepted target; `None` before the first one of this boot.
    pub generation: Option<Generation>,
    /// Every configured group.
    pub groups: BTreeMap<GroupName, GroupObserved>,
    /// What became of the newest fence order.
    pub fence: Option<FenceReport>,
    /// Could the peer be switched off from here?
    pub fence_health: FenceHealth,
    /// This node's watchdog.
    pub watchdog: WatchdogState,
}

/// State of a group on this node, summed up from its resources.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub enum GroupState {
    /// Not yet probed, or a probe gave no answer. Never to be read as stopped (FAULTS S9).
    #[default]
    Unknown,
    /// Confirmed: nothing of the group runs here.
    Stopped,
    /// On the way up.
    Starting,
    /// Everything runs.
    Running,
    /// Something failed and is being repaired on the spot (S12).
    Recovering,
    /// On the way down.
    Stopping,
    /// The group cannot run here: local recovery is exhausted, or the environment is missing. What could be stopped is stopped or
    /// keeps running as [`GroupObserved::serving`] says.
    Failed,
    /// A stop could not be confirmed: something may still run here. Alarm; nobody else may start.
    StopFailed,
}

impl GroupState {
    /// Word for logs and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Recovering => "recovering",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
            Self::StopFailed => "stop-failed",
        }
    }
}

/// One group as it is here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupObserved {
    /// Summary.
    pub state: GroupState,
    /// Since when.
    pub since: Timestamp,
    /// Epoch of the accepted target, echoed so that the arbiter knows which order the state answers.
    pub epoch: Epoch,
    /// True while any resource of the group is (or may be) up here: the group has effects outside.
    pub serving: bool,
    /// Why the group cannot run here, when it cannot.
    pub failure: Option<Failure>,
    /// What stands against starting it here, found while it does not run here. Empty: ready.
    pub not_ready: Vec<ReadinessIssue>,
    /// True once readiness was looked at since resd started.
    pub readiness_known: bool,
    /// Echo of the accepted target's `clear` counter: that clearing was done.
    pub cleared: u64,
    /// The accepted lease, if any.
    pub lease_expires: Option<Timestamp>,
    /// When the peer's disk lease or slot was last seen to move: a sign of life by storage. `None`: never since resd started.
    pub peer_lease: Option<Timestamp>,
    /// In start order.
    pub resources: Vec<ResourceObserved>,
}

/// State of a resource on this node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub enum ResourceState {
    /// Not yet probed, or the probe gave no answer.
    #[default]
    Unknown,
    /// Confirmed not running.
    Stopped,
    /// Start under way.
    Starting,
    /// Confirmed running.
    Running,
    /// Running as far as known, but its monitor is overdue: late is not failed.
    Late,
    /// Confirmed failed; waiting for its repair or given up.
    Failed,
    /// Stop under way.
    Stopping,
    /// Stop could not be confirmed.
    StopFailed,
}

impl ResourceState {
    /// Word for logs and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Late => "late",
            Self::Failed => "failed",
            Self::Stopping => "stopping",
            Self::StopFailed => "stop-failed",
        }
    }
}

/// One resource as it is here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResourceObserved {
    /// Its name.
    pub name: ResourceName,
    /// Its kind, as in the configuration (`ip`, `volume`, `app`, …).
    pub kind: String,
    /// Its state.
    pub state: ResourceState,
    /// Since when.
    pub since: Timestamp,
    /// Failures within the window.
    pub failures: u32,
    /// Repairs on the spot since resd started.
    pub repairs: u64,
    /// Last error in words, if any.
    pub last_error: Option<String>,
    /// How long the last successful start took.
    pub last_start: Option<Duration>,
    /// How long the last successful stop took.
    pub last_stop: Option<Duration>,
}

/// Whose fault a failure is: decides whether trying here again, or moving, can help.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FailureScope {
    /// The resource itself: a restart may help, and so may the other node.
    Resource,
    /// This node's network (S6): moves only if the other node's network is better.
    Network,
    /// This node lacks something (program, device): never started here, the other node may have it.
    Node,
}

/// Why a group cannot run here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The resource at fault.
    pub resource: ResourceName,
    /// Whose fault.
    pub scope: FailureScope,
    /// In words, with the cause.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
}

/// Something that stands against starting a group here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadinessIssue {
    /// The resource concerned.
    pub resource: ResourceName,
    /// Whose fault.
    pub scope: FailureScope,
    /// In words, with the remedy.
    pub text: String,
}
