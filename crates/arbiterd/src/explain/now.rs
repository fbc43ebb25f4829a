//! Why a group is where it is, and what stands against anything else: from the state now and the group's events.

use super::tell::{facts, remedy, rule_line, say};
use super::{rule, tell};
use crate::history::Entry;
use crate::rpc::event;
use crate::settings::Settings;
use crate::text;
use hotpair_proto::arbiter::v1 as pb;
use hotpair_types::GroupState;
use pb::StoryPart;
use std::collections::BTreeMap;
use std::time::Duration;

/// The story of a group as it is now. `None`: there is no such group.
#[must_use]
pub fn why_not(
    status: &pb::Status,
    group: &str,
    entries: &[Entry],
    settings: &Settings,
) -> Option<pb::ExplainResponse> {
    let found = status.groups.iter().find(|g| g.name == group)?;
    let parameters: BTreeMap<String, String> = found.parameters.clone().into_iter().collect();
    let rendered = text::by_id(&found.rule, &parameters);
    let mut lines = vec![pb::StoryLine {
        text: if found.rule.is_empty() { found.reason.clone() } else { rendered.text },
        message_id: found.rule.clone(),
        parameters: found.parameters.clone(),
        part: StoryPart::Decided.into(),
        ..pb::StoryLine::default()
    }];
    lines.extend(rule(&found.rule).map(|rule| rule_line(StoryPart::Decided, rule)));
    let decision = entries.iter().rev().find(|e| rule(&e.record.message_id).is_some());
    if let Some(entry) = decision.filter(|e| !e.record.facts.is_empty()) {
        lines.push(say(StoryPart::Decided, 0, "X112", [("facts", facts(&entry.record))]));
    }
    lines.extend(found.nodes.iter().map(node));
    lines.extend(blocking(found, status));
    lines.extend(found.local.iter().flat_map(local));
    if !rendered.remedy.is_empty() {
        lines.push(remedy(rendered.remedy, &found.rule, &parameters));
    }
    let of_node = |subject: &str| status.nodes.iter().any(|node| node.name == subject);
    for alarm in status.alarms.iter().filter(|a| a.subject == group || a.subject.is_empty() || of_node(&a.subject)) {
        lines.extend(alarm_lines(alarm));
    }
    if rule(&found.rule).is_some() {
        lines.push(say(StoryPart::Advice, 0, "X115", [("rule", found.rule.clone())]));
    }
    let headline = lines.first().map(|line| line.text.clone()).unwrap_or_default();
    Some(pb::ExplainResponse {
        headline,
        lines,
        events: decision.map(|entry| event(entry, settings)).into_iter().collect(),
    })
}

fn alarm_lines(alarm: &pb::Alarm) -> Vec<pb::StoryLine> {
    let parameters: BTreeMap<String, String> = alarm.parameters.clone().into_iter().collect();
    let mut lines = vec![pb::StoryLine {
        text: alarm.text.clone(),
        message_id: alarm.id.clone(),
        parameters: alarm.parameters.clone(),
        part: StoryPart::Now.into(),
        ..pb::StoryLine::default()
    }];
    if !alarm.remedy.is_empty() {
        lines.push(remedy(alarm.remedy.clone(), &alarm.id, &parameters));
    }
    lines
}

fn node(node: &pb::GroupOnNode) -> pb::StoryLine {
    let state = node.state().as_str_name().trim_start_matches("GROUP_STATE_").to_ascii_lowercase().replace('_', "-");
    let state = if state == "unspecified" { GroupState::Unknown.as_str().to_owned() } else { state };
    let ready = if node.ready { "ready".to_owned() } else { format!("not ready: {}", node.not_ready_reason) };
    let ready = if node.failed { format!("{ready}, failed there") } else { ready };
    let id = if node.current { "X301" } else { "X302" };
    say(StoryPart::Now, 0, id, [("node", node.node.clone()), ("state", state), ("ready", ready)])
}

/// A length of time as the core writes it, so that it is translated alike.
fn time(ms: u64) -> String {
    format!("{} s", Duration::from_millis(ms.saturating_add(999)).as_secs())
}

/// What keeps the group from moving by itself.
fn blocking(group: &pb::GroupStatus, status: &pb::Status) -> Vec<pb::StoryLine> {
    let part = StoryPart::Now;
    let mut lines = Vec::new();
    let name = || ("group", group.name.clone());
    if let Some(left) = group.frozen_left_ms {
        lines.push(say(part, 0, "X303", [("time", time(left)), name()]));
    }
    if let Some(left) = group.maintenance_left_ms {
        lines.push(say(part, 0, "X304", [("time", time(left)), name()]));
    }
    if group.quarantined {
        lines.push(say(part, 0, "X305", [("moves", group.moves.to_string()), name()]));
    }
    for node in status.nodes.iter().filter(|node| node.mode() == pb::NodeMode::Standby) {
        lines.push(say(part, 0, "X306", [("name", node.name.clone())]));
    }
    if let Some(check) = status.safety_check.as_ref().filter(|check| check.running) {
        let parameters = [("round", check.round.to_string()), ("verdict", check.verdict.clone())];
        lines.push(say(part, 0, "X307", parameters));
        let newest: Vec<&str> = check.evidence.iter().rev().take(20).rev().map(String::as_str).collect();
        if !newest.is_empty() {
            lines.push(say(part, 0, "X308", [("evidence", newest.join("; "))]));
        }
    }
    lines
}

fn local(local: &hotpair_proto::resource::v1::GroupObserved) -> Vec<pb::StoryLine> {
    let part = StoryPart::Now;
    let line = |id: &str, resource: &str, reason: &str| {
        tell::say(part, 0, id, [("resource", resource.to_owned()), ("reason", reason.to_owned())])
    };
    let mut lines = Vec::new();
    lines.extend(local.failure.iter().map(|failure| line("X309", &failure.resource, &failure.text)));
    lines.extend(local.not_ready.iter().map(|issue| line("X310", &issue.resource, &issue.text)));
    let erring = local.resources.iter().filter(|r| !r.last_error.is_empty());
    lines.extend(erring.map(|resource| line("X311", &resource.name, &resource.last_error)));
    lines
}
