//! Stories: what led to an event and what followed, and why a group is where it is. Pure, from events and status (B1).
//!
//! A story has parts: what was seen, what was decided and why, what was done, how long each phase took, what the other node
//! told, what a person can do. Each line carries its message id and parameters, so that it can be told in any language.

mod now;
mod phases;
mod tell;

pub use now::why_not;

use crate::history::{Entry, Query, Record};
use crate::rpc::event;
use crate::settings::Settings;
use arbiter_core::io::Severity;
use arbiter_core::rules::{Action, RULES, Rule};
use hotpair_proto::arbiter::v1 as pb;
use pb::StoryPart;

/// Events looked at before and after the one explained.
const EVENTS_BEFORE: u64 = 400;
const EVENTS_AFTER: u64 = 200;
/// What happened longer before belongs to another story.
const BEFORE_MS: i64 = 60_000;
/// A story begins after the last quiet time, which is at least so long and longer than the detection of a silent peer.
const QUIET_MS: i64 = 2_000;
/// What follows of the same group belongs to it.
const AFTER_MS: i64 = 120_000;
/// What follows of the node as a whole.
const NODE_AFTER_MS: i64 = 5_000;
/// Events of a story at most; what is nearest to the event stays.
const MAX_EVENTS: usize = 120;
/// Everything of a group runs here.
const RUNNING: &str = "E233";

/// An event of a story, and milliseconds from the event explained.
type Told<'a> = (&'a Entry, i64);

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

/// The newest decision that changed something, or refused to: a takeover, a move, a yield, a hold; here or, as it told, at the
/// peer. Without one, the newest decision at all.
#[must_use]
pub fn last_decision(entries: &[Entry]) -> Option<u64> {
    let decisions = || entries.iter().rev().filter_map(|e| Some((e, rule(&e.record.message_id)?)));
    let weighty = entries.iter().rev().find(|entry| match rule(&entry.record.message_id) {
        Some(rule) => {
            let changes = matches!(rule.action, Action::TakeOver | Action::TakeOffered | Action::Release);
            changes || matches!(rule.id, "R210" | "R220") || rule.severity == Severity::Critical
        }
        None => matches!(entry.record.message_id.as_str(), "E248" | "E202"),
    });
    let found = weighty.or_else(|| decisions().next().map(|(entry, _)| entry))?;
    if found.record.message_id != "E202" {
        return Some(found.id);
    }
    // That the peer owns a group says less than how it came to it, which is told at about the same time.
    let how = entries.iter().rev().find(|entry| {
        let same = |name: &str| entry.record.parameters.get(name).map(|v| v.split('.').next().unwrap_or(v));
        let owned = found.record.parameters.get("epoch").and_then(|epoch| epoch.split('.').next());
        entry.record.message_id == "E248" && entry.record.group == found.record.group && same("epoch") == owned
    });
    Some(how.unwrap_or(found).id)
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
    let related = related(id, entries, center, settings);
    let mut lines = Vec::with_capacity(related.len() + 16);
    let (before, after): (Vec<Told<'_>>, Vec<Told<'_>>) =
        related.iter().copied().filter(|(entry, _)| entry.id != id).partition(|(entry, _)| entry.id < id);
    let (told_before, before): (Vec<_>, Vec<_>) = before.into_iter().partition(|(e, _)| by_peer(e));
    let (told_after, after): (Vec<_>, Vec<_>) = after.into_iter().partition(|(e, _)| by_peer(e));
    lines.extend(tell::events(&before, center, StoryPart::Seen, settings));
    lines.extend(tell::center(center));
    lines.extend(tell::events(&after, center, StoryPart::Done, settings));
    lines.extend(phases::phases(&related, center));
    let told: Vec<Told<'_>> = told_before.into_iter().chain(told_after).collect();
    lines.extend(tell::events(&told, center, StoryPart::Peer, settings));
    lines.push(tell::whose_story(settings));
    lines.extend(tell::advice(center));
    Some(pb::ExplainResponse {
        headline: tell::sentence(&center.record),
        lines,
        events: related.iter().map(|(entry, _)| event(entry, settings)).collect(),
    })
}

/// The events that belong to the story, in order.
fn related<'a>(id: u64, entries: &'a [Entry], center: &Entry, settings: &Settings) -> Vec<Told<'a>> {
    let mut related: Vec<Told<'_>> = entries
        .iter()
        .map(|entry| (entry, offset_ms(&entry.record, &center.record)))
        .filter(|(entry, offset)| belongs(entry, *offset, center))
        .collect();
    related.sort_by_key(|(entry, offset)| (*offset, entry.id));
    let quiet = i64::try_from(settings.config.detection().as_millis()).unwrap_or(i64::MAX).saturating_mul(2);
    let related = since_quiet(related, center, quiet.max(QUIET_MS));
    let related = without_repetitions(related, id);
    let at = related.iter().position(|(entry, _)| entry.id == id).unwrap_or(0);
    related.into_iter().skip(at.saturating_sub(MAX_EVENTS / 2)).take(MAX_EVENTS).collect()
}

/// The peer told it.
fn by_peer(entry: &Entry) -> bool {
    matches!(
        entry.record.message_id.as_str(),
        "E202" | "E241" | "E242" | "E243" | "E244" | "E245" | "E246" | "E247" | "E248"
    )
}

/// What happened before the last quiet time has led to nothing, except for warnings about the same group (an application
/// that was repaired again and again before it was given up).
fn since_quiet<'a>(related: Vec<Told<'a>>, center: &Entry, quiet_ms: i64) -> Vec<Told<'a>> {
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
            && entry.record.message_id.starts_with(['D', 'E'])
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
fn without_repetitions(related: Vec<Told<'_>>, id: u64) -> Vec<Told<'_>> {
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
    (before && (of_node || same_group))
        || (after && same_group && !of_node)
        || (after && of_node && offset <= NODE_AFTER_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotpair_config::load_text_with_key;
    use hotpair_types::{BootId, NodeId, Timestamp};
    use std::collections::BTreeMap;
    use std::path::Path;

    const CONFIG: &str = include_str!("../../tests/pair.toml");
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
        assert_eq!((first.event_id, first.offset_ms, first.part()), (2, -500, StoryPart::Seen));
        let text: Vec<&str> = story.lines.iter().map(|l| l.text.as_str()).collect();
        assert!(text.iter().any(|t| t.starts_with("rule R460: ")), "{text:#?}");
        assert!(text.contains(&"facts: the peer is: silent"), "{text:#?}");
        let took: Vec<(&str, u64)> =
            story.lines.iter().filter_map(|l| Some((l.message_id.as_str(), l.took_ms?))).collect();
        assert_eq!(took, [("X210", 40)], "{text:#?}");
        assert!(story.lines.iter().filter(|l| l.part() == StoryPart::Done).all(|l| l.event_id > 7));
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
