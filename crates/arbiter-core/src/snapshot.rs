//! The arbiter's whole state for people: what `hotpair status` shows.

use crate::io::{Sentence, Severity};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use hotpair_types::{
    BootId, Claim, Digest, Epoch, FenceHealth, FenceState, GroupName, GroupObserved, GroupState, GuaranteeLevel,
    NodeId, NodeMode, PathView, Readiness, Timestamp, Verdict, WatchdogState, WitnessView,
};
use serde::{Deserialize, Serialize};

/// Is a node there?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum NodeState {
    /// Not known.
    Unknown,
    /// Heard on at least one path, or this node itself.
    Alive,
    /// In its boot wait.
    Booting,
    /// Silent on every path; a sign of life was found.
    SilentButAlive,
    /// Silent on every path; not known why.
    Silent,
    /// Silent on every path, no sign of life.
    NoSign,
    /// Announced that it leaves.
    Left,
}

/// The whole state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// When taken.
    pub taken_at: Timestamp,
    /// Both nodes, in order.
    pub nodes: [NodeSnapshot; 2],
    /// Every group.
    pub groups: Vec<GroupSnapshot>,
    /// The paths as hbd last said; empty while hbd was never heard.
    pub paths: Vec<PathView>,
    /// Verdict of the current or last check.
    pub verdict: Option<Verdict>,
    /// The safety check runs since.
    pub checking_since: Option<Timestamp>,
    /// Current round.
    pub round: u64,
    /// Evidence in words, oldest first.
    pub evidence: Vec<String>,
    /// Standing alarms, most severe first.
    pub alarms: Vec<AlarmSnapshot>,
    /// The witness's newest word, if one is configured and has been heard.
    pub witness: Option<WitnessView>,
    /// Fence devices, if any are configured.
    pub fence: Option<FenceSnapshot>,
    /// The watchdog, if one is configured: its state, and whether promises may rest on it.
    pub watchdog: Option<WatchdogState>,
    /// Promises of leases and votes rest on a watchdog.
    pub watchdog_stands: bool,
}

/// Switching the peer off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FenceSnapshot {
    /// Could it be done?
    pub health: FenceHealth,
    /// The order in force has been given.
    pub ordered: bool,
    /// What became of it.
    pub state: Option<FenceState>,
}

/// A node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeSnapshot {
    /// Which.
    pub node: NodeId,
    /// Is it there?
    pub state: NodeState,
    /// Since when.
    pub since: Timestamp,
    /// May it host groups?
    pub mode: NodeMode,
    /// Its hbd answers.
    pub hbd_alive: bool,
    /// Its arbiterd answers.
    pub arbiterd_alive: bool,
    /// Its resd answers.
    pub resd_alive: bool,
    /// Its configuration differs.
    pub config_differs: bool,
    /// Its boot, if known.
    pub boot: Option<BootId>,
    /// Its configuration, if known.
    pub config: Option<Digest>,
}

/// A group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupSnapshot {
    /// Its name.
    pub name: GroupName,
    /// Highest epoch known.
    pub epoch: Epoch,
    /// On both nodes, in order.
    pub nodes: [GroupOnNodeSnapshot; 2],
    /// The rule that decided last.
    pub rule: &'static str,
    /// That decision.
    pub reason: Sentence,
    /// Frozen for so long from now.
    pub frozen_left: Option<Duration>,
    /// In maintenance for so long from now.
    pub maintenance_left: Option<Duration>,
    /// Automatic moves within the window.
    pub moves: u32,
    /// Held because it moved too often.
    pub quarantined: bool,
    /// Preferred node.
    pub preferred: NodeId,
    /// As resd last saw it here.
    pub local: Option<GroupObserved>,
    /// Guarantee level in force right now.
    pub level: GuaranteeLevel,
    /// Guarantee level when every part works.
    pub configured_level: GuaranteeLevel,
    /// What lowers it right now.
    pub missing: Vec<Sentence>,
}

/// A group on one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupOnNodeSnapshot {
    /// State of its resources.
    pub state: GroupState,
    /// Anything is, or may be, up.
    pub serving: bool,
    /// Could it run there?
    pub ready: Readiness,
    /// Local recovery exhausted there.
    pub failed: bool,
    /// The node's stand.
    pub claim: Claim,
    /// False: remembered.
    pub current: bool,
}

/// A standing alarm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlarmSnapshot {
    /// What, in the catalogue's words.
    pub sentence: Sentence,
    /// How bad.
    pub severity: Severity,
    /// About what: group, path, node.
    pub subject: String,
    /// Since when.
    pub since: Timestamp,
}
