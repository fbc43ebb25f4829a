//! The documented JSON of `--json`, all of it: from the API's messages to snake_case objects.
//!
//! Rules: names as in the API; enums as their value's name in small letters without the type's prefix (`silent_but_alive`,
//! `no_carrier`); durations and times carry their unit in the name; times in `_ns` are CLOCK_BOOTTIME, `wall_clock_ms` is
//! milliseconds since 1970; absent optional values are `null`. Sentences are in the chosen language; programs look at the
//! ids and parameters beside them.

use crate::health::{self, Outlook};
use crate::words::Words;
use hotpair_proto::arbiter::v1 as arb;
use hotpair_proto::common::v1 as common;
use hotpair_proto::heartbeat::v1 as hb;
use hotpair_proto::resource::v1 as res;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// The name of an enum value in small letters, without its type's prefix.
fn name(full: &str, prefix: &str) -> String {
    full.strip_prefix(prefix).unwrap_or(full).to_ascii_lowercase()
}

/// Maps in the order of their keys: the same state gives the same text.
pub(crate) fn sorted(map: &HashMap<String, String>) -> Value {
    let ordered: BTreeMap<&String, &String> = map.iter().collect();
    Value::Object(ordered.into_iter().map(|(k, v)| (k.clone(), Value::from(v.as_str()))).collect::<Map<_, _>>())
}

/// A daemon's process.
#[must_use]
pub fn process(p: &common::ProcessInfo) -> Value {
    json!({
        "daemon": p.daemon, "version": p.version, "node": p.node, "incarnation": p.incarnation, "boot_id": p.boot_id,
        "pid": p.pid, "started_at_ms": p.started_at_ms, "config_digest": p.config_digest, "config_file": p.config_file,
    })
}

/// The whole status.
#[must_use]
pub fn status(s: &arb::Status, words: Words) -> Value {
    let (grade, reasons) = health::grade(s, words);
    json!({
        "reachable": true,
        "health": grade.as_str(),
        "health_reasons": reasons,
        "pair": s.pair,
        "process": s.process.as_ref().map(process),
        "seq": s.seq,
        "taken_at_ns": s.taken_at_ns,
        "detection_ns": s.detection_ns,
        "nodes": s.nodes.iter().map(node).collect::<Vec<_>>(),
        "groups": s.groups.iter().map(|g| group(s, g, words)).collect::<Vec<_>>(),
        "paths": s.paths.iter().map(|p| path(p, words)).collect::<Vec<_>>(),
        "safety_check": s.safety_check.as_ref().map(safety),
        "witness": s.witness.as_ref().map(|w| json!({
            "reachable": w.reachable, "reason": w.reason,
            "votes": w.votes.iter().map(|v| json!({
                "group": v.group, "state": v.state, "left_ms": v.left_ms,
                "epoch": v.epoch.as_ref().map(|e| json!({ "number": e.number, "node": e.node })),
            })).collect::<Vec<_>>(),
        })),
        "fence": s.fence.as_ref().map(|f| json!({
            "health": f.health, "trouble": f.trouble, "order": f.order, "detail": f.detail,
        })),
        "watchdog": s.watchdog.as_ref().map(|w| json!({
            "state": name(w.state().as_str_name(), "WATCHDOG_STATE_"), "timeout_ns": w.timeout_ns, "reason": w.reason,
        })),
        "alarms": s.alarms.iter().map(|a| alarm(a, words)).collect::<Vec<_>>(),
        "config_warnings": s.config_warnings,
    })
}

fn node(n: &arb::NodeStatus) -> Value {
    json!({
        "name": n.name, "local": n.local, "state": name(n.state().as_str_name(), "NODE_STATE_"), "since_ns": n.since_ns,
        "mode": name(n.mode().as_str_name(), "NODE_MODE_"), "hbd_alive": n.hbd_alive,
        "arbiterd_alive": n.arbiterd_alive, "resd_alive": n.resd_alive, "config_differs": n.config_differs,
        "boot_id": n.boot_id, "config_digest": n.config_digest,
    })
}

fn group(s: &arb::Status, g: &arb::GroupStatus, words: Words) -> Value {
    let outlook = match health::outlook(s, g, words) {
        None => Value::Null,
        Some(Outlook::TakenOver { owner, by, after }) => json!({
            "if_dies": owner, "taken_over_by": by, "begins_after_ms": u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
            "reason": Value::Null,
        }),
        Some(Outlook::Nobody { owner, reason }) => {
            json!({ "if_dies": owner, "taken_over_by": Value::Null, "begins_after_ms": Value::Null, "reason": reason })
        }
    };
    json!({
        "name": g.name,
        "owner": g.owner,
        "serving_on": health::serving(g).map(|on| on.node.as_str()),
        "epoch": g.epoch.as_ref().map(|e| json!({ "number": e.number, "node": e.node })),
        "guarantee": g.guarantee,
        "promise": words.promise(g),
        "configured_guarantee": g.configured_guarantee,
        "guarantee_reasons": g.guarantee_reasons.iter().map(|r| json!({
            "id": r.id, "text": words.server(&r.id, &r.parameters, &r.text).text, "parameters": sorted(&r.parameters),
        })).collect::<Vec<_>>(),
        "preferred": g.preferred,
        "rule": g.rule,
        "reason": words.server(&g.rule, &g.parameters, &g.reason).text,
        "parameters": sorted(&g.parameters),
        "frozen_left_ms": g.frozen_left_ms,
        "maintenance_left_ms": g.maintenance_left_ms,
        "moves": g.moves,
        "quarantined": g.quarantined,
        "outlook": outlook,
        "nodes": g.nodes.iter().map(|on| json!({
            "node": on.node, "state": name(on.state().as_str_name(), "GROUP_STATE_"), "serving": on.serving,
            "ready": on.ready, "not_ready_reason": on.not_ready_reason, "failed": on.failed, "claim": on.claim,
            "current": on.current,
        })).collect::<Vec<_>>(),
        "local": g.local.as_ref().map(observed),
    })
}

/// What resd says of a group.
#[must_use]
pub fn observed(g: &res::GroupObserved) -> Value {
    json!({
        "name": g.name, "state": name(g.state().as_str_name(), "GROUP_STATE_"), "since_ns": g.since_ns,
        "epoch_number": g.epoch_number, "epoch_node": g.epoch_node, "serving": g.serving,
        "failure": g.failure.as_ref().map(|f| json!({
            "resource": f.resource, "scope": name(f.scope().as_str_name(), "FAILURE_SCOPE_"), "text": f.text,
            "since_ns": f.since_ns,
        })),
        "not_ready": g.not_ready.iter().map(|i| json!({
            "resource": i.resource, "scope": name(i.scope().as_str_name(), "FAILURE_SCOPE_"), "text": i.text,
        })).collect::<Vec<_>>(),
        "readiness_known": g.readiness_known, "cleared": g.cleared, "lease_expires_ns": g.lease_expires_ns,
        "resources": g.resources.iter().map(|r| json!({
            "name": r.name, "kind": r.kind, "state": name(r.state().as_str_name(), "RESOURCE_STATE_"),
            "since_ns": r.since_ns, "failures": r.failures, "repairs": r.repairs, "last_error": r.last_error,
            "last_start_ns": r.last_start_ns, "last_stop_ns": r.last_stop_ns,
        })).collect::<Vec<_>>(),
    })
}

fn colour(state: hb::PathState) -> &'static str {
    match state {
        hb::PathState::Up => "green",
        hb::PathState::Late => "yellow",
        hb::PathState::Down => "red",
        hb::PathState::Unspecified | hb::PathState::Unknown => "grey",
    }
}

fn direction(d: &hb::DirectionView, words: Words) -> Value {
    let cause = words.path_cause(d);
    json!({
        "state": name(d.state().as_str_name(), "PATH_STATE_"), "colour": colour(d.state()), "since_ns": d.since_ns,
        "cause": name(d.cause().as_str_name(), "PATH_CAUSE_"), "cause_text": cause.map(|c| c.text),
        "detail": d.detail, "missed": d.missed,
    })
}

/// A path.
#[must_use]
pub fn path(p: &hb::PathView, words: Words) -> Value {
    let worst = health::worst(p);
    json!({
        "name": p.name, "medium": name(p.medium().as_str_name(), "MEDIUM_"), "priority": p.priority,
        "interval_ns": p.interval_ns, "lost": p.lost,
        "state": name(worst.as_str_name(), "PATH_STATE_"), "colour": colour(worst),
        "rx": p.rx.as_ref().map(|d| direction(d, words)), "tx": p.tx.as_ref().map(|d| direction(d, words)),
        "stats": p.stats.as_ref().map(|s| json!({
            "sent": s.sent, "send_failures": s.send_failures, "received": s.received, "missed": s.missed, "late": s.late,
            "down": s.down, "bad_mac": s.bad_mac, "foreign": s.foreign, "replayed": s.replayed, "stale": s.stale,
            "own_echo": s.own_echo, "version": s.version, "malformed": s.malformed, "rtt_last_us": s.rtt_last_us,
            "rtt_min_us": s.rtt_min_us, "rtt_avg_us": s.rtt_avg_us, "rtt_max_us": s.rtt_max_us, "jitter_us": s.jitter_us,
            "write_last_us": s.write_last_us, "write_avg_us": s.write_avg_us, "write_max_us": s.write_max_us,
            "read_last_us": s.read_last_us, "read_avg_us": s.read_avg_us, "read_max_us": s.read_max_us,
        })),
    })
}

/// hbd's view of the peer. The advert's bytes are left out: they are the arbiters' own.
#[must_use]
pub fn peer_view(v: &hb::PeerView, words: Words) -> Value {
    json!({
        "seq": v.seq, "incarnation": v.incarnation, "taken_at_ns": v.taken_at_ns,
        "peer": v.peer.as_ref().map(|p| json!({
            "boot_id": p.boot_id, "incarnation": p.incarnation, "version_major": p.version_major,
            "version_minor": p.version_minor, "leaving": p.leaving, "config_digest": p.config_digest,
        })),
        "last_heard_ns": v.last_heard_ns,
        "paths": v.paths.iter().map(|p| path(p, words)).collect::<Vec<_>>(),
        "last_stall": v.last_stall.as_ref().map(|s| json!({ "at_ns": s.at_ns, "gap_ns": s.gap_ns })),
        "stalls": v.stalls,
        "advert": v.advert.as_ref().map(|a| json!({
            "digest": a.digest, "received_at_ns": a.received_at_ns, "stale": a.stale,
        })),
        "own_advert_confirmed": v.own_advert_confirmed,
    })
}

fn safety(s: &arb::SafetyCheckStatus) -> Value {
    json!({
        "running": s.running, "verdict": s.verdict, "since_ns": s.since_ns, "round": s.round, "evidence": s.evidence,
    })
}

fn severity(s: arb::Severity) -> String {
    name(s.as_str_name(), "SEVERITY_")
}

fn alarm(a: &arb::Alarm, words: Words) -> Value {
    let rendered = words.server(&a.id, &a.parameters, &a.text);
    let remedy = if rendered.remedy.is_empty() { a.remedy.clone() } else { rendered.remedy };
    json!({
        "id": a.id, "severity": severity(a.severity()), "subject": a.subject, "text": rendered.text, "remedy": remedy,
        "parameters": sorted(&a.parameters), "since_ns": a.since_ns,
    })
}

/// An event.
#[must_use]
pub fn event(e: &arb::Event, words: Words) -> Value {
    json!({
        "id": e.id, "wall_clock_ms": e.wall_clock_ms, "at_ns": e.at_ns, "boot_id": e.boot_id, "node": e.node,
        "message_id": e.message_id, "severity": severity(e.severity()), "group": e.group, "subject": e.subject,
        "text": words.server(&e.message_id, &e.parameters, &e.text).text,
        "parameters": sorted(&e.parameters), "facts": sorted(&e.facts),
    })
}

/// A rule.
#[must_use]
pub fn rule(r: &arb::Rule) -> Value {
    json!({ "id": r.id, "condition": r.condition, "decision": r.decision })
}
