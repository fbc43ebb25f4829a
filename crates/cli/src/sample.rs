//! The pair of the documentation's examples: one group serving, one path broken. Tests and the reference use it.

use hotpair_proto::arbiter::v1::{
    Alarm, ConfigChange, ConfigEffect, Event, ExplainResponse, GroupOnNode, GroupStatus, NodeMode, NodeState,
    NodeStatus, PreviewConfigResponse, SafetyCheckStatus, Severity, Status, StoryLine,
};
use hotpair_proto::common::v1::{Epoch, ProcessInfo};
use hotpair_proto::heartbeat::v1::{
    DirectionView, Medium, PathCause, PathState, PathStats, PathView, PeerIdentity, PeerView,
};
use hotpair_proto::resource::v1::{GroupObserved, GroupState, ResourceObserved, ResourceState};
use std::collections::HashMap;

/// The examples' time: 100,000 s after boot.
pub const NOW_NS: u64 = 100_000_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// The examples' time, so many seconds earlier.
#[must_use]
pub const fn ago(seconds: u64) -> u64 {
    NOW_NS.saturating_sub(seconds.saturating_mul(SECOND))
}

/// Parameters from pairs.
#[must_use]
pub fn parameters(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A daemon's process.
#[must_use]
pub fn process(daemon: &str) -> ProcessInfo {
    ProcessInfo {
        daemon: daemon.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: "n1".to_owned(),
        incarnation: "0123456789abcdef".to_owned(),
        boot_id: "00112233445566778899aabbccddeeff".to_owned(),
        pid: 812,
        started_at_ms: 4_200,
        config_digest: "89abcdef01234567".to_owned(),
        config_file: "/etc/hotpair/hotpair.toml".to_owned(),
    }
}

/// A node that is well.
#[must_use]
pub fn node(name: &str, local: bool) -> NodeStatus {
    NodeStatus {
        name: name.to_owned(),
        local,
        state: NodeState::Alive.into(),
        since_ns: ago(93_600),
        mode: NodeMode::Online.into(),
        hbd_alive: true,
        arbiterd_alive: true,
        resd_alive: true,
        config_differs: false,
        boot_id: "00112233445566778899aabbccddeeff".to_owned(),
        config_digest: "89abcdef01234567".to_owned(),
    }
}

/// One direction.
#[must_use]
pub fn direction(state: PathState, cause: PathCause, since_ns: u64) -> DirectionView {
    DirectionView { state: state.into(), since_ns, cause: cause.into(), detail: String::new(), missed: 0 }
}

/// A path on which all is well.
#[must_use]
pub fn path(name: &str, medium: Medium) -> PathView {
    let up = direction(PathState::Up, PathCause::None, ago(93_600));
    PathView {
        name: name.to_owned(),
        medium: medium.into(),
        priority: 10,
        interval_ns: 100_000_000,
        lost: 5,
        rx: Some(up.clone()),
        tx: Some(up),
        stats: Some(PathStats {
            sent: 936_000,
            received: 935_990,
            missed: 10,
            late: 3,
            down: 0,
            rtt_last_us: 190,
            rtt_min_us: 140,
            rtt_avg_us: 210,
            rtt_max_us: 2_300,
            jitter_us: 35,
            ..PathStats::default()
        }),
    }
}

/// The paths of the examples: one well, one whose far end does not hear, a serial line that is cut.
#[must_use]
pub fn paths() -> Vec<PathView> {
    let mut one_way = path("lan1", Medium::Udp);
    one_way.tx = Some(direction(PathState::Down, PathCause::PeerDoesNotHear, ago(12)));
    let mut cut = path("com1", Medium::Serial);
    cut.rx = Some(DirectionView { missed: 42, ..direction(PathState::Down, PathCause::Missed, ago(4)) });
    cut.tx = Some(direction(PathState::Unknown, PathCause::NoReport, ago(4)));
    vec![path("lan0", Medium::Udp), one_way, cut]
}

fn resource(name: &str, kind: &str, last_error: &str, repairs: u64) -> ResourceObserved {
    ResourceObserved {
        name: name.to_owned(),
        kind: kind.to_owned(),
        state: ResourceState::Running.into(),
        since_ns: ago(7_260),
        failures: u32::from(!last_error.is_empty()),
        repairs,
        last_error: last_error.to_owned(),
        last_start_ns: Some(12_000_000),
        last_stop_ns: None,
    }
}

/// A group that serves on n1 and could run on n2.
#[must_use]
pub fn group() -> GroupStatus {
    let on = |node: &str, state: GroupState, claim: &str| GroupOnNode {
        node: node.to_owned(),
        state: state.into(),
        serving: state == GroupState::Running,
        ready: true,
        claim: claim.to_owned(),
        current: true,
        ..GroupOnNode::default()
    };
    GroupStatus {
        name: "web".to_owned(),
        epoch: Some(Epoch { number: 7, node: "n1".to_owned() }),
        owner: "n1".to_owned(),
        guarantee: "storage".to_owned(),
        nodes: vec![on("n1", GroupState::Running, "owner"), on("n2", GroupState::Stopped, "none")],
        rule: "R340".to_owned(),
        reason: "web: runs on n1, its owner".to_owned(),
        parameters: parameters(&[("group", "web"), ("node", "n1"), ("peer", "n2"), ("owner", "n1")]),
        preferred: "n1".to_owned(),
        local: Some(GroupObserved {
            name: "web".to_owned(),
            state: GroupState::Running.into(),
            since_ns: ago(7_260),
            epoch_number: 7,
            serving: true,
            readiness_known: true,
            resources: vec![
                resource("data", "volume", "", 0),
                resource("vip", "ip", "", 0),
                resource("counter", "app", "exit code 7: connection refused", 1),
            ],
            ..GroupObserved::default()
        }),
        ..GroupStatus::default()
    }
}

/// The whole status of the examples.
#[must_use]
pub fn status() -> Status {
    Status {
        pair: "shop".to_owned(),
        process: Some(process("arbiterd")),
        seq: 42,
        taken_at_ns: NOW_NS,
        nodes: vec![node("n1", true), node("n2", false)],
        groups: vec![group()],
        paths: paths(),
        safety_check: Some(SafetyCheckStatus::default()),
        alarms: vec![Alarm {
            id: "A999".to_owned(),
            severity: Severity::Warning.into(),
            subject: "com1".to_owned(),
            text: "path com1 is down".to_owned(),
            remedy: "see the cable and both ports".to_owned(),
            parameters: HashMap::new(),
            since_ns: ago(4),
        }],
        detection_ns: 500_000_000,
        config_warnings: Vec::new(),
        ..Status::default()
    }
}

/// The same pair with every path up and no alarm.
#[must_use]
pub fn healthy() -> Status {
    let paths = vec![path("lan0", Medium::Udp), path("lan1", Medium::Udp), path("com1", Medium::Serial)];
    Status { paths, alarms: Vec::new(), ..status() }
}

/// hbd's view in the examples.
#[must_use]
pub fn peer_view() -> PeerView {
    PeerView {
        seq: 9,
        incarnation: "0123456789abcdef".to_owned(),
        taken_at_ns: NOW_NS,
        peer: Some(PeerIdentity { version_major: 1, ..PeerIdentity::default() }),
        last_heard_ns: Some(NOW_NS.saturating_sub(40_000_000)),
        paths: paths(),
        ..PeerView::default()
    }
}

/// An event.
#[must_use]
pub fn event(id: u64, message_id: &str, severity: Severity, text: &str) -> Event {
    Event {
        id,
        wall_clock_ms: 1_795_335_992_000_u64.saturating_add(id),
        at_ns: ago(60),
        boot_id: "00112233445566778899aabbccddeeff".to_owned(),
        node: "n1".to_owned(),
        message_id: message_id.to_owned(),
        severity: severity.into(),
        group: String::new(),
        subject: String::new(),
        text: text.to_owned(),
        parameters: parameters(&[("path", "lan0")]),
        facts: HashMap::new(),
    }
}

/// A story of two events and a summary.
#[must_use]
pub fn story() -> ExplainResponse {
    let mut decision = event(118, "P001", Severity::Critical, "path lan0 is up");
    decision.facts = parameters(&[("peer", "silent"), ("safety_check", "no-sign")]);
    let line = |offset_ms: i64, text: &str, event_id: u64| StoryLine {
        offset_ms,
        text: text.to_owned(),
        event_id,
        ..StoryLine::default()
    };
    ExplainResponse {
        headline: "path lan0 is up".to_owned(),
        lines: vec![
            line(-1_520, "path lan0 is up", 117),
            line(0, "path lan0 is up", 118),
            line(34, "service was away for 34 ms", 0),
        ],
        events: vec![event(117, "P001", Severity::Info, "path lan0 is up"), decision],
    }
}

/// What `hotpair check --against-running` is told: a path and a group change, a volume stays.
#[must_use]
pub fn preview() -> PreviewConfigResponse {
    let change = |kind: &str, name: &str, effect: ConfigEffect, id: &str, text: &str| ConfigChange {
        kind: kind.to_owned(),
        name: name.to_owned(),
        effect: effect.into(),
        message_id: id.to_owned(),
        parameters: parameters(&[("name", name)]),
        text: text.to_owned(),
    };
    PreviewConfigResponse {
        good: true,
        findings: Vec::new(),
        changes: vec![
            change("path", "lan1", ConfigEffect::Added, "X401", "path lan1 is new: it is beaten on and judged at once"),
            change("resource", "web/vip", ConfigEffect::Untouched, "X430", "resource web/vip stays as it is"),
        ],
        digest: "00000000000000b2".to_owned(),
        running_digest: "00000000000000a1".to_owned(),
        peer_digest: "00000000000000a1".to_owned(),
    }
}
