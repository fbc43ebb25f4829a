//! The core's snapshot as the public `Status`, with every sentence rendered in English.

use super::advert::mode_to_wire;
use super::{millis_up, peer, resource};
use crate::settings::Settings;
use crate::text;
use arbiter_core::io::Severity;
use arbiter_core::snapshot::{
    AlarmSnapshot, FenceSnapshot, GroupOnNodeSnapshot, GroupSnapshot, NodeSnapshot, NodeState, Snapshot,
};
use hotpair_proto::arbiter::v1 as pb;
use hotpair_proto::common::v1::{Epoch, ProcessInfo};
use hotpair_types::{Claim, FenceHealth, FenceState, NodeId, Readiness, VoteView, WitnessView};

/// The whole status. `seq` grows with every change within this run.
#[must_use]
pub fn status(snapshot: &Snapshot, settings: &Settings, process: ProcessInfo, seq: u64) -> pb::Status {
    pb::Status {
        pair: settings.config.pair.name.clone(),
        process: Some(process),
        seq,
        taken_at_ns: snapshot.taken_at.as_nanos(),
        nodes: snapshot.nodes.iter().map(|node| node_status(node, settings)).collect(),
        groups: snapshot.groups.iter().map(|group| group_status(group, snapshot, settings)).collect(),
        paths: snapshot.paths.iter().map(peer::path_to_wire).collect(),
        safety_check: Some(pb::SafetyCheckStatus {
            running: snapshot.checking_since.is_some(),
            verdict: snapshot.verdict.as_ref().map(|v| v.as_str().to_owned()).unwrap_or_default(),
            since_ns: snapshot.checking_since.map_or(0, hotpair_types::Timestamp::as_nanos),
            round: snapshot.round,
            evidence: snapshot.evidence.clone(),
        }),
        alarms: snapshot.alarms.iter().map(alarm).collect(),
        detection_ns: super::nanos(settings.config.detection()),
        config_warnings: settings.warnings.clone(),
        witness: snapshot.witness.as_ref().map(|view| witness(view, snapshot, settings)),
        fence: snapshot.fence.as_ref().map(fence),
        watchdog: snapshot.watchdog.as_ref().map(resource::watchdog_to_wire),
    }
}

fn node_status(node: &NodeSnapshot, settings: &Settings) -> pb::NodeStatus {
    pb::NodeStatus {
        name: settings.name(node.node).to_owned(),
        local: node.node == settings.node,
        state: match node.state {
            NodeState::Unknown => pb::NodeState::Unknown,
            NodeState::Alive => pb::NodeState::Alive,
            NodeState::Booting => pb::NodeState::Booting,
            NodeState::SilentButAlive => pb::NodeState::SilentButAlive,
            NodeState::Silent => pb::NodeState::Silent,
            NodeState::NoSign => pb::NodeState::NoSign,
            NodeState::Left => pb::NodeState::Left,
        }
        .into(),
        since_ns: node.since.as_nanos(),
        mode: mode_to_wire(node.mode).into(),
        hbd_alive: node.hbd_alive,
        arbiterd_alive: node.arbiterd_alive,
        resd_alive: node.resd_alive,
        config_differs: node.config_differs,
        boot_id: node.boot.map(|b| b.to_string()).unwrap_or_default(),
        config_digest: node.config.map(|d| d.to_string()).unwrap_or_default(),
    }
}

fn group_status(group: &GroupSnapshot, snapshot: &Snapshot, settings: &Settings) -> pb::GroupStatus {
    let owner = group.epoch.owner().map(|node| settings.name(node).to_owned()).unwrap_or_default();
    let promise = settings.promise(&group.name, group.level, snapshot.watchdog_stands);
    pb::GroupStatus {
        name: group.name.as_str().to_owned(),
        epoch: Some(Epoch { number: group.epoch.number, node: owner.clone() }),
        owner,
        guarantee: group.level.as_str().to_owned(),
        promise: hotpair_messages::render(promise, hotpair_messages::Lang::En, &[]),
        nodes: NodeId::BOTH.iter().zip(&group.nodes).map(|(node, on)| on_node(*node, on, settings)).collect(),
        rule: group.rule.to_owned(),
        reason: text::sentence(&group.reason),
        parameters: group.reason.parameters.clone().into_iter().collect(),
        frozen_left_ms: group.frozen_left.map(millis_up),
        maintenance_left_ms: group.maintenance_left.map(millis_up),
        moves: group.moves,
        quarantined: group.quarantined,
        preferred: settings.name(group.preferred).to_owned(),
        local: group.local.as_ref().map(|local| resource::group_to_wire(&group.name, local)),
        configured_guarantee: group.configured_level.as_str().to_owned(),
        guarantee_reasons: group
            .missing
            .iter()
            .map(|sentence| pb::GuaranteeReason {
                id: sentence.id.clone(),
                text: text::sentence(sentence),
                parameters: sentence.parameters.clone().into_iter().collect(),
            })
            .collect(),
        promise_id: promise.to_owned(),
    }
}

fn witness(view: &WitnessView, snapshot: &Snapshot, settings: &Settings) -> pb::WitnessStatus {
    let epoch = |epoch: &hotpair_types::Epoch| Epoch {
        number: epoch.number,
        node: epoch.owner().map(|node| settings.name(node).to_owned()).unwrap_or_default(),
    };
    let votes = view.votes.iter().map(|(group, vote)| pb::VoteStatus {
        group: group.as_str().to_owned(),
        state: vote.as_str().to_owned(),
        epoch: match vote {
            VoteView::Held { epoch: by, .. } | VoteView::Peer { epoch: by } => Some(epoch(by)),
            VoteView::Free | VoteView::Unknown => None,
        },
        left_ms: match vote {
            VoteView::Held { until, .. } => Some(millis_up(until.since(snapshot.taken_at))),
            VoteView::Peer { .. } | VoteView::Free | VoteView::Unknown => None,
        },
    });
    pb::WitnessStatus { reachable: view.reachable, reason: view.reason.clone(), votes: votes.collect() }
}

fn fence(fence: &FenceSnapshot) -> pb::FenceStatus {
    let (order, detail) = match &fence.state {
        None if fence.ordered => ("running", String::new()),
        None => ("", String::new()),
        Some(FenceState::Running { device, .. }) => ("running", device.clone()),
        Some(FenceState::Confirmed { device }) => ("confirmed", device.clone()),
        Some(FenceState::Failed { reason }) => ("failed", reason.clone()),
    };
    pb::FenceStatus {
        health: fence.health.as_str().to_owned(),
        trouble: match &fence.health {
            FenceHealth::Broken { reason } => reason.clone(),
            FenceHealth::Unknown | FenceHealth::Ready => String::new(),
        },
        order: order.to_owned(),
        detail,
    }
}

fn on_node(node: NodeId, on: &GroupOnNodeSnapshot, settings: &Settings) -> pb::GroupOnNode {
    pb::GroupOnNode {
        node: settings.name(node).to_owned(),
        state: resource::state_to_wire(on.state).into(),
        serving: on.serving,
        ready: on.ready == Readiness::Ready,
        not_ready_reason: match &on.ready {
            Readiness::NotReady { reason, .. } => reason.clone(),
            Readiness::Unknown => "not known yet".to_owned(),
            Readiness::Ready => String::new(),
        },
        failed: on.failed,
        claim: claim_word(on.claim).to_owned(),
        current: on.current,
    }
}

/// Word for logs and tables.
const fn claim_word(claim: Claim) -> &'static str {
    match claim {
        Claim::None => "none",
        Claim::Owner => "owner",
        Claim::Releasing => "releasing",
        Claim::Released(_) => "released",
    }
}

/// How bad.
#[must_use]
pub const fn severity(severity: Severity) -> pb::Severity {
    match severity {
        Severity::Info => pb::Severity::Info,
        Severity::Warning => pb::Severity::Warning,
        Severity::Critical => pb::Severity::Critical,
    }
}

fn alarm(alarm: &AlarmSnapshot) -> pb::Alarm {
    let rendered = text::rendered(&alarm.sentence);
    pb::Alarm {
        id: alarm.sentence.id.clone(),
        severity: severity(alarm.severity).into(),
        subject: alarm.subject.clone(),
        text: rendered.text,
        remedy: rendered.remedy,
        parameters: alarm.sentence.parameters.clone().into_iter().collect(),
        since_ns: alarm.since.as_nanos(),
    }
}
