//! Stories: what led to an event and what followed, and why a group is where it is. Pure, from events and status.

use crate::history::{Entry, Query, Record};
use crate::rpc::event;
use crate::settings::Settings;
use crate::text;
use arbiter_core::io::Severity;
use arbiter_core::rules::{Action, RULES, Rule};
use hotpair_proto::arbiter::v1 as pb;

/// Events looked at before and after the one explained.
const EVENTS_BEFORE: u64 = 400;
const EVENTS_AFTER: u64 = 200;
/// What happened longer before belongs to another story.
const BEFORE_MS: i64 = 60_000;
/// A story begins after the last quiet time, which is at least so long and longer than the detection of a silent peer.
const QUIET_MS: i64 = 2_000;
/// What follows of the same group belongs to it.
const AFTER_MS: i64 = 120_000;
/// Lines of a story at most; what is nearest to the event stays.
const MAX_LINES: usize = 120;

/// The events among which the story of `id` is.
#[must_use]
pub fn around(id: u64) -> Query {
    Query {
        limit: u32::try_from(EVENTS_BEFORE + EVENTS_AFTER).unwrap_or(u32::MAX),
        after_id: id.saturating_sub(EVENTS_BEFORE),
        up_to_id: Some(id.saturating_add(EVENTS_AFTER)),
        ..Query::default()
    }
}

fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// The newest decision that changed something, or refused to: a takeover, a move, a yield, a hold. Without one, the
/// newest decision at all.
#[must_use]
pub fn last_decision(entries: &[Entry]) -> Option<u64> {
    let decisions = || entries.iter().rev().filter_map(|e| Some((e, rule(&e.record.message_id)?)));
    let weighty = decisions().find(|(_, rule)| {
        let changes = matches!(rule.action, Action::TakeOver | Action::TakeOffered | Action::Release);
        let yields = matches!(rule.id, "R210" | "R220");
        let holds = rule.severity == Severity::Critical;
        changes || yields || holds
    });
    weighty.or_else(|| decisions().next()).map(|(entry, _)| entry.id)
}

/// Milliseconds from `center` to `record`: by this boot's clock, over a reboot by the wall clock.
fn offset_ms(record: &Record, center: &Record) -> i64 {
    let ms = |a: u64, b: u64| i64::try_from(i128::from(a) - i128::from(b)).unwrap_or(i64::MAX);
    if record.boot == center.boot {
        ms(record.at.as_nanos() / 1_000, center.at.as_nanos() / 1_000) / 1_000
    } else {
        ms(record.wall_ms, center.wall_ms)
    }
}

/// The story of event `id`, from the events [`around`] it. `None`: it is not among them.
#[must_use]
pub fn story(id: u64, entries: &[Entry], settings: &Settings) -> Option<pb::ExplainResponse> {
    let center = entries.iter().find(|entry| entry.id == id)?;
    let mut related: Vec<(&Entry, i64)> = entries
        .iter()
        .map(|entry| (entry, offset_ms(&entry.record, &center.record)))
        .filter(|(entry, offset)| belongs(entry, *offset, center))
        .collect();
    related.sort_by_key(|(entry, offset)| (*offset, entry.id));
    let quiet = i64::try_from(settings.config.detection().as_millis()).unwrap_or(i64::MAX).saturating_mul(2);
    let related = since_quiet(related, center, quiet.max(QUIET_MS));
    let related = without_repetitions(related, id);
    let at = related.iter().position(|(entry, _)| entry.id == id).unwrap_or(0);
    let first = at.saturating_sub(MAX_LINES / 2);
    let related: Vec<(&Entry, i64)> = related.into_iter().skip(first).take(MAX_LINES).collect();
    let mut lines = Vec::with_capacity(related.len() + 4);
    for (entry, offset) in &related {
        lines.push(line(*offset, sentence(&entry.record), entry.id));
        if entry.id == id {
            lines.extend(reasons(&entry.record).into_iter().map(|text| line(*offset, text, 0)));
        }
    }
    lines.extend(outcome(&related, center));
    Some(pb::ExplainResponse {
        headline: sentence(&center.record),
        lines,
        events: related.iter().map(|(entry, _)| event(entry, settings)).collect(),
    })
}

/// What happened before the last quiet time has led to nothing, except for warnings about the same group (an application
/// that was repaired again and again before it was given up).
fn since_quiet<'a>(related: Vec<(&'a Entry, i64)>, center: &Entry, quiet_ms: i64) -> Vec<(&'a Entry, i64)> {
    let mut begin = 0;
    for (at, pair) in related.windows(2).enumerate() {
        if let [(_, before), (_, after)] = pair
            && *after <= 0
            && after.saturating_sub(*before) > quiet_ms
        {
            begin = at + 1;
        }
    }
    let warns = |entry: &Entry| {
        entry.record.severity != Severity::Info
            && !center.record.group.is_empty()
            && entry.record.group == center.record.group
    };
    related
        .into_iter()
        .enumerate()
        .filter(|(at, (entry, _))| *at >= begin || warns(entry))
        .map(|(_, kept)| kept)
        .collect()
}

/// Of a run of the same message about the same thing (a safety check that goes on finding the same) the first and the
/// last are told.
fn without_repetitions(related: Vec<(&Entry, i64)>, id: u64) -> Vec<(&Entry, i64)> {
    let same = |a: &Entry, b: &Entry| {
        a.record.message_id == b.record.message_id
            && a.record.group == b.record.group
            && a.record.subject == b.record.subject
    };
    let repeats = |at: usize, entry: &Entry| {
        let neighbour = |at: Option<usize>| at.and_then(|at| related.get(at)).is_some_and(|(e, _)| same(e, entry));
        entry.id != id && neighbour(at.checked_sub(1)) && neighbour(at.checked_add(1))
    };
    related.iter().enumerate().filter(|(at, (entry, _))| !repeats(*at, entry)).map(|(_, told)| *told).collect()
}

/// Same group, or about the node as a whole, and near enough.
fn belongs(entry: &Entry, offset: i64, center: &Entry) -> bool {
    if entry.id == center.id {
        return true;
    }
    let of_node = entry.record.group.is_empty();
    let same_group = entry.record.group == center.record.group || center.record.group.is_empty();
    let before = (-BEFORE_MS..=0).contains(&offset) && entry.id < center.id;
    let after = (0..=AFTER_MS).contains(&offset) && entry.id > center.id;
    (before && (of_node || same_group)) || (after && same_group && !of_node) || (after && of_node && offset <= 5_000)
}

fn line(offset_ms: i64, text: String, event_id: u64) -> pb::StoryLine {
    pb::StoryLine { offset_ms, text, event_id, ..pb::StoryLine::default() }
}

fn sentence(record: &Record) -> String {
    text::by_id(&record.message_id, &record.parameters).text
}

/// Rule, meaning, facts and remedy behind an event.
fn reasons(record: &Record) -> Vec<String> {
    let rendered = text::by_id(&record.message_id, &record.parameters);
    let mut lines = Vec::new();
    if let Some(rule) = rule(&record.message_id) {
        lines.push(format!("rule {}: {} → {}", rule.id, rule.condition, rule.action.describe()));
    }
    if !record.facts.is_empty() {
        let facts: Vec<String> = record.facts.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        lines.push(format!("facts: {}", facts.join(", ")));
    }
    if !rendered.meaning.is_empty() {
        lines.push(format!("meaning: {}", rendered.meaning));
    }
    if !rendered.remedy.is_empty() {
        lines.push(format!("remedy: {}", rendered.remedy));
    }
    lines
}

/// How long it took until the group ran here after the decision.
fn outcome(related: &[(&Entry, i64)], center: &Entry) -> Option<pb::StoryLine> {
    const RUNNING: &str = "E233";
    rule(&center.record.message_id)?;
    let (running, offset) = related.iter().find(|(entry, offset)| {
        entry.record.message_id == RUNNING
            && entry.id > center.id
            && *offset >= 0
            && entry.record.group == center.record.group
    })?;
    Some(line(
        *offset,
        format!("{} ms from the decision until everything of {} ran here", offset, running.record.group),
        0,
    ))
}

/// Why a group is where it is, and what stands against anything else, from the state now and the group's events.
#[must_use]
pub fn why_not(
    status: &pb::Status,
    group: &str,
    entries: &[Entry],
    settings: &Settings,
) -> Option<pb::ExplainResponse> {
    let found = status.groups.iter().find(|g| g.name == group)?;
    let mut lines = vec![format!("decision here: {}", found.reason)];
    if let Some(rule) = rule(&found.rule) {
        lines.push(format!("rule {}: {} → {}", rule.id, rule.condition, rule.action.describe()));
    }
    for node in &found.nodes {
        lines.push(node_line(node));
    }
    lines.extend(blocking(found, status));
    if let Some(local) = &found.local {
        lines.extend(local_lines(local));
    }
    let remedy = text::by_id(&found.rule, &found.parameters.clone().into_iter().collect()).remedy;
    if !remedy.is_empty() {
        lines.push(format!("remedy: {remedy}"));
    }
    for alarm in
        status.alarms.iter().filter(|a| a.subject == group || a.subject.is_empty() || is_node(&a.subject, status))
    {
        lines.push(format!("alarm {}: {}", alarm.id, alarm.text));
        if !alarm.remedy.is_empty() {
            lines.push(format!("remedy: {}", alarm.remedy));
        }
    }
    let decision = entries.iter().rev().find(|e| rule(&e.record.message_id).is_some());
    if let Some(entry) = decision.filter(|e| !e.record.facts.is_empty()) {
        let facts: Vec<String> = entry.record.facts.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        lines.push(format!("facts of that decision: {}", facts.join(", ")));
    }
    Some(pb::ExplainResponse {
        headline: found.reason.clone(),
        lines: lines.into_iter().map(|text| line(0, text, 0)).collect(),
        events: decision.map(|entry| event(entry, settings)).into_iter().collect(),
    })
}

fn is_node(subject: &str, status: &pb::Status) -> bool {
    status.nodes.iter().any(|node| node.name == subject)
}

fn node_line(node: &pb::GroupOnNode) -> String {
    let state = node.state().as_str_name().trim_start_matches("GROUP_STATE_").to_ascii_lowercase().replace('_', "-");
    let ready = if node.ready { "ready".to_owned() } else { format!("not ready: {}", node.not_ready_reason) };
    let remembered = if node.current { "" } else { " (remembered from before it fell silent)" };
    let failed = if node.failed { ", failed there" } else { "" };
    format!("on {}: {state}, claim {}, {ready}{failed}{remembered}", node.node, node.claim)
}

/// What keeps the group from moving by itself.
fn blocking(group: &pb::GroupStatus, status: &pb::Status) -> Vec<String> {
    let seconds = |ms: u64| ms.div_ceil(1_000);
    let mut lines = Vec::new();
    if let Some(left) = group.frozen_left_ms {
        lines.push(format!("frozen for {} s more: `hotpair freeze {} --off` ends it", seconds(left), group.name));
    }
    if let Some(left) = group.maintenance_left_ms {
        lines.push(format!(
            "in maintenance for {} s more: `hotpair maintenance {} --off` ends it",
            seconds(left),
            group.name
        ));
    }
    if group.quarantined {
        lines.push(format!("held because it moved {} times: `hotpair clear {}` frees it", group.moves, group.name));
    }
    for node in status.nodes.iter().filter(|node| node.mode() == pb::NodeMode::Standby) {
        lines.push(format!("{0} is in standby: `hotpair online {0}` lets it host groups", node.name));
    }
    if let Some(check) = status.safety_check.as_ref().filter(|check| check.running) {
        let verdict = if check.verdict.is_empty() { "not known yet" } else { &check.verdict };
        lines.push(format!("the safety check runs (round {}), verdict: {verdict}", check.round));
        lines.extend(check.evidence.iter().rev().take(10).rev().map(|e| format!("evidence: {e}")));
    }
    lines
}

fn local_lines(local: &hotpair_proto::resource::v1::GroupObserved) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(failure) = &local.failure {
        lines.push(format!("failed here: {}: {}", failure.resource, failure.text));
    }
    for issue in &local.not_ready {
        lines.push(format!("missing here: {}: {}", issue.resource, issue.text));
    }
    for resource in local.resources.iter().filter(|r| !r.last_error.is_empty()) {
        lines.push(format!("last error of {} here: {}", resource.name, resource.last_error));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotpair_config::load_text_with_key;
    use hotpair_types::{BootId, NodeId, Timestamp};
    use std::collections::BTreeMap;
    use std::path::Path;

    const CONFIG: &str = include_str!("../tests/pair.toml");
    const KEY: &str = "5d0b1f7e93c24a68b7e1f05c2d9a8346e4c1b8f2706d5a93184ecf2b6a70d9e3";

    fn settings() -> Settings {
        let loaded = load_text_with_key(CONFIG, Path::new("pair.toml"), Some("alpha"), KEY).unwrap();
        Settings::new(loaded.config, NodeId::FIRST, Vec::new())
    }

    fn entry(id: u64, at_ms: u64, message_id: &str, group: &str) -> Entry {
        let record = Record {
            wall_ms: at_ms,
            at: Timestamp::from_millis(at_ms),
            boot: BootId([1; 16]),
            message_id: message_id.to_owned(),
            severity: Severity::Info,
            group: group.to_owned(),
            subject: String::new(),
            parameters: BTreeMap::from([("node".to_owned(), "alpha".to_owned())]),
            facts: BTreeMap::from([("peer".to_owned(), "Silent".to_owned())]),
        };
        Entry { id, record }
    }

    fn takeover() -> Vec<Entry> {
        vec![
            entry(1, 1_000, "E001", ""),
            entry(2, 300_000, "P103", ""),
            entry(3, 300_010, "S110", ""),
            entry(4, 300_020, "S110", ""),
            entry(5, 300_030, "S110", ""),
            entry(6, 300_400, "R410", "mail"),
            entry(7, 300_500, "R460", "web"),
            entry(8, 300_510, "R345", "web"),
            entry(9, 300_540, "E233", "web"),
            entry(10, 300_600, "E233", "mail"),
            entry(11, 900_000, "R340", "web"),
        ]
    }

    /// B1: the story of a takeover holds what led to it and what followed, of this group and of the node, with offsets.
    #[test]
    fn the_story_of_a_takeover_is_its_own() {
        let entries = takeover();
        assert_eq!(last_decision(&entries), Some(7));
        let story = story(7, &entries, &settings()).unwrap();
        let events: Vec<u64> = story.events.iter().map(|e| e.id).collect();
        assert_eq!(events, [2, 3, 5, 7, 8, 9], "no other group, no other time, no repetitions");
        let first = &story.lines[0];
        assert_eq!((first.event_id, first.offset_ms), (2, -500));
        let text: Vec<&str> = story.lines.iter().map(|l| l.text.as_str()).collect();
        assert!(text.iter().any(|t| t.starts_with("rule R460: ")), "{text:#?}");
        assert!(text.contains(&"facts: peer = Silent"), "{text:#?}");
        assert!(text.last().unwrap().starts_with("40 ms from the decision"), "{text:#?}");
    }

    /// B1: a story begins after the last quiet time; only warnings about the same group reach over it.
    #[test]
    fn a_story_begins_after_a_quiet_time() {
        let mut repaired = entry(2, 270_000, "E234", "web");
        repaired.record.severity = Severity::Warning;
        let entries = [
            entry(1, 260_000, "P101", ""),
            repaired,
            entry(3, 280_000, "E233", "web"),
            entry(4, 299_900, "P102", ""),
            entry(5, 300_000, "R460", "web"),
            entry(6, 303_000, "E233", "web"),
        ];
        let story = story(5, &entries, &settings()).unwrap();
        assert_eq!(story.events.iter().map(|e| e.id).collect::<Vec<_>>(), [2, 4, 5, 6]);
    }

    #[test]
    fn without_a_weighty_decision_the_newest_one_is_told() {
        let entries = [entry(1, 1, "E001", ""), entry(2, 2, "R340", "web"), entry(3, 3, "P101", "")];
        assert_eq!(last_decision(&entries), Some(2));
        assert_eq!(last_decision(&entries[..1]), None);
        assert!(story(99, &entries, &settings()).is_none());
    }
}
