//! How well the pair is, in one word with its reasons, and what would happen if the serving node died now. Both follow
//! from the status alone; nothing is asked and nothing decided here.

use crate::failure::Exit;
use crate::ids;
use crate::words::Words;
use core::time::Duration;
use hotpair_proto::arbiter::v1::{self as arb, GroupOnNode, GroupStatus, NodeMode, NodeState, Severity, Status};
use hotpair_proto::heartbeat::v1::{PathState, PathView};
use hotpair_proto::resource::v1::GroupState;

/// One word for the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Everything runs, everything is there twice.
    Good,
    /// Service runs; something that protects it is missing.
    Degraded,
    /// Service is lost or at risk.
    Critical,
}

impl Grade {
    /// The word of `--json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Degraded => "degraded",
            Self::Critical => "critical",
        }
    }

    /// The exit code of `status --exit-code`.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::Good => Exit::Ok,
            Self::Degraded => Exit::Degraded,
            Self::Critical => Exit::Critical,
        }
    }
}

/// The worse direction of a path, worst last: up, not judged, late, down.
#[must_use]
pub fn worst(path: &PathView) -> PathState {
    let state = |d: &Option<hotpair_proto::heartbeat::v1::DirectionView>| {
        d.as_ref().map_or(PathState::Unspecified, hotpair_proto::heartbeat::v1::DirectionView::state)
    };
    let rank = |s: PathState| match s {
        PathState::Up => 0,
        PathState::Unspecified | PathState::Unknown => 1,
        PathState::Late => 2,
        PathState::Down => 3,
    };
    let (rx, tx) = (state(&path.rx), state(&path.tx));
    // An unknown way out says nothing that the way in does not say better.
    if rank(tx) == 1 || rank(rx) >= rank(tx) { rx } else { tx }
}

/// The node on which a group serves, if any.
#[must_use]
pub fn serving(group: &GroupStatus) -> Option<&GroupOnNode> {
    let runs = |n: &&GroupOnNode| matches!(n.state(), GroupState::Running | GroupState::Recovering);
    let owner = || group.nodes.iter().filter(|n| n.node == group.owner);
    owner().find(runs).or_else(|| group.nodes.iter().find(|n| n.current && runs(n)))
}

/// The grade and its reasons, gravest first.
#[must_use]
pub fn grade(status: &Status, words: Words) -> (Grade, Vec<String>) {
    let mut found: Vec<(Grade, String)> = Vec::new();
    for group in &status.groups {
        group_grade(status, group, words, &mut found);
    }
    for node in &status.nodes {
        if !matches!(node.state(), NodeState::Alive) {
            // An alarm about it says more.
            if status.alarms.iter().any(|alarm| alarm.subject == node.name) {
                continue;
            }
            let state = words.node_state(node.state()).1;
            found.push((Grade::Degraded, words.say(ids::REASON_NODE, &[("node", &node.name), ("state", &state)])));
        } else if node.config_differs {
            found.push((Grade::Degraded, words.word(ids::WHY_CONFIG)));
        }
    }
    for path in &status.paths {
        let state = worst(path);
        // An alarm about it says more.
        if state != PathState::Up && !status.alarms.iter().any(|alarm| alarm.subject == path.name) {
            let state = words.path_state(state).1;
            found.push((Grade::Degraded, words.say(ids::REASON_PATH, &[("path", &path.name), ("state", &state)])));
        }
    }
    for alarm in &status.alarms {
        let grade = match alarm.severity() {
            // A node that is away costs redundancy; whether it costs service is judged at the groups.
            Severity::Critical if status.nodes.iter().any(|node| node.name == alarm.subject) => Grade::Degraded,
            Severity::Critical => Grade::Critical,
            Severity::Warning => Grade::Degraded,
            Severity::Info | Severity::Unspecified => continue,
        };
        found.push((grade, words.server(&alarm.id, &alarm.parameters, &alarm.text).text));
    }
    found.sort_by_key(|(grade, _)| core::cmp::Reverse(*grade));
    let grade = found.first().map_or(Grade::Good, |(grade, _)| *grade);
    let mut reasons: Vec<String> = Vec::new();
    for (_, reason) in found {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    (grade, reasons)
}

fn group_grade(status: &Status, group: &GroupStatus, words: Words, found: &mut Vec<(Grade, String)>) {
    for on in group.nodes.iter().filter(|on| matches!(on.state(), GroupState::StopFailed)) {
        let state = words.group_state(on.state()).1;
        let args: &[hotpair_messages::Arg<'_>] = &[("group", &group.name), ("state", &state), ("node", &on.node)];
        found.push((Grade::Critical, words.say(ids::REASON_GROUP_STATE, args)));
    }
    match serving(group) {
        None => {
            // Out of our hands on purpose is no loss of service by itself.
            let grade = if group.maintenance_left_ms.is_some() { Grade::Degraded } else { Grade::Critical };
            found.push((grade, words.say(ids::REASON_GROUP_DOWN, &[("group", &group.name)])));
        }
        Some(on) => {
            if on.state() == GroupState::Recovering {
                let state = words.group_state(on.state()).1;
                let args: &[hotpair_messages::Arg<'_>] =
                    &[("group", &group.name), ("state", &state), ("node", &on.node)];
                found.push((Grade::Degraded, words.say(ids::REASON_GROUP_STATE, args)));
            }
            if matches!(outlook(status, group, words), Some(Outlook::Nobody { .. })) {
                found.push((Grade::Degraded, words.say(ids::REASON_NO_STANDBY, &[("group", &group.name)])));
            }
        }
    }
}

/// What would happen to a group if the node that serves it died now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// The other node would take over.
    TakenOver {
        /// Serves now.
        owner: String,
        /// Would take over.
        by: String,
        /// From the last heartbeat until the takeover begins.
        after: Duration,
    },
    /// Nobody would.
    Nobody {
        /// Serves now.
        owner: String,
        /// Why nobody.
        reason: String,
    },
}

/// See [`Outlook`]; `None` for a group that nobody serves.
#[must_use]
pub fn outlook(status: &Status, group: &GroupStatus, words: Words) -> Option<Outlook> {
    let owner = serving(group)?.node.clone();
    let other = group.nodes.iter().find(|on| on.node != owner)?;
    let node = status.nodes.iter().find(|node| node.name == other.node);
    match obstacle(status, group, other, node, words) {
        Some(reason) => Some(Outlook::Nobody { owner, reason }),
        None => {
            Some(Outlook::TakenOver { owner, by: other.node.clone(), after: Duration::from_nanos(status.detection_ns) })
        }
    }
}

/// The first thing that stands against a takeover by `other`.
fn obstacle(
    status: &Status,
    group: &GroupStatus,
    other: &GroupOnNode,
    node: Option<&arb::NodeStatus>,
    words: Words,
) -> Option<String> {
    let name = &other.node;
    let state = node.map_or(NodeState::Unknown, arb::NodeStatus::state);
    if state != NodeState::Alive {
        let state = words.node_state(state).1;
        return Some(words.say(ids::WHY_NODE_STATE, &[("node", name), ("state", &state)]));
    }
    if let Some(daemon) = node.and_then(missing_daemon) {
        return Some(words.say(ids::AWAY, &[("daemon", &format!("{name}{}{daemon}", words.colon()))]));
    }
    if status.nodes.iter().any(|node| node.config_differs) {
        return Some(words.word(ids::WHY_CONFIG));
    }
    if group.maintenance_left_ms.is_some() {
        return Some(words.word(ids::WHY_MAINTENANCE));
    }
    if group.frozen_left_ms.is_some() {
        return Some(words.word(ids::WHY_FROZEN));
    }
    if group.quarantined {
        return Some(words.word(ids::WHY_QUARANTINE));
    }
    if node.is_some_and(|node| node.mode() == NodeMode::Standby) {
        return Some(words.say(ids::WHY_STANDBY, &[("node", name)]));
    }
    if other.failed {
        return Some(words.say(ids::WHY_FAILED, &[("node", name)]));
    }
    if !other.ready {
        return Some(if other.not_ready_reason.is_empty() {
            words.say(ids::WHY_NOT_READY, &[("node", name)])
        } else {
            words.say(
                ids::WHY_NOT_READY_BECAUSE,
                &[("node", name), ("reason", &words.translated(&other.not_ready_reason))],
            )
        });
    }
    None
}

/// The first daemon a living node lacks.
#[must_use]
pub fn missing_daemon(node: &arb::NodeStatus) -> Option<&'static str> {
    [("arbiterd", node.arbiterd_alive), ("resd", node.resd_alive), ("hbd", node.hbd_alive)]
        .into_iter()
        .find_map(|(name, alive)| (!alive).then_some(name))
}
