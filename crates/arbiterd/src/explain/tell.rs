//! Events and reasons as lines of a story.

use super::{Told, rule};
use crate::history::{Entry, Record};
use crate::settings::Settings;
use crate::text;
use hotpair_messages::Lang;
use hotpair_proto::arbiter::v1 as pb;
use pb::{StoryAspect, StoryPart};
use std::collections::BTreeMap;

/// Changes of several paths so near to each other are told as one.
const TOGETHER_MS: i64 = 60;

/// A line made from a message.
pub(super) fn say<const N: usize>(
    part: StoryPart,
    offset_ms: i64,
    id: &str,
    parameters: [(&str, String); N],
) -> pb::StoryLine {
    let parameters: BTreeMap<String, String> = parameters.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    pb::StoryLine {
        offset_ms,
        text: text::by_id(id, &parameters).text,
        message_id: id.to_owned(),
        parameters: parameters.into_iter().collect(),
        part: part.into(),
        ..pb::StoryLine::default()
    }
}

/// The sentence of an event.
pub(super) fn sentence(record: &Record) -> String {
    text::by_id(&record.message_id, &text::of_record(record)).text
}

fn of_event(part: StoryPart, entry: &Entry, offset_ms: i64) -> pb::StoryLine {
    let parameters = text::of_record(&entry.record);
    pb::StoryLine {
        offset_ms,
        text: text::by_id(&entry.record.message_id, &parameters).text,
        event_id: entry.id,
        message_id: entry.record.message_id.clone(),
        parameters: parameters.into_iter().collect(),
        part: part.into(),
        ..pb::StoryLine::default()
    }
}

/// Events as lines. Several paths that change alike at once make one line; a reboot in between is said.
pub(super) fn events(told: &[Told<'_>], center: &Entry, part: StoryPart, settings: &Settings) -> Vec<pb::StoryLine> {
    let mut lines = Vec::with_capacity(told.len());
    let mut done: Vec<u64> = Vec::new();
    let mut boot = None;
    for (place, (entry, offset)) in told.iter().enumerate() {
        if done.contains(&entry.id) {
            continue;
        }
        if boot.is_some_and(|boot| boot != entry.record.boot) {
            let node = settings.name(settings.node).to_owned();
            lines.push(say(part, *offset, "X116", [("node", node)]));
        }
        boot = Some(entry.record.boot);
        let later = told.iter().skip(place + 1).copied();
        let mut alike: Vec<Told<'_>> = later.filter(|(other, at)| together(entry, *offset, other, *at)).collect();
        if alike.is_empty() {
            lines.push(of_event(part, entry, *offset));
        } else {
            done.extend(alike.iter().map(|(other, _)| other.id));
            alike.insert(0, (entry, *offset));
            lines.push(paths(part, &alike));
        }
    }
    // The boot of the event explained is the other end of the list.
    if part == StoryPart::Seen && boot.is_some_and(|boot| boot != center.record.boot) {
        let node = settings.name(settings.node).to_owned();
        lines.push(say(part, 0, "X116", [("node", node)]));
    }
    lines
}

fn together(first: &Entry, at: i64, other: &Entry, other_at: i64) -> bool {
    let word = |entry: &Entry, name: &str| entry.record.parameters.get(name).cloned();
    first.record.message_id.starts_with("P10")
        && first.record.message_id == other.record.message_id
        && word(first, "direction") == word(other, "direction")
        && word(first, "cause") == word(other, "cause")
        && first.record.boot == other.record.boot
        && first.record.subject != other.record.subject
        && other_at.saturating_sub(at) <= TOGETHER_MS
}

fn paths(part: StoryPart, told: &[Told<'_>]) -> pb::StoryLine {
    let Some((first, offset)) = told.first() else { return pb::StoryLine::default() };
    let id = match first.record.message_id.as_str() {
        "P102" => "X117",
        "P103" => "X118",
        _ => "X119",
    };
    let names: Vec<&str> = told.iter().map(|(entry, _)| entry.record.subject.as_str()).collect();
    let of = |name: &str| first.record.parameters.get(name).cloned().unwrap_or_default();
    let parameters = [
        ("count", told.len().to_string()),
        ("names", names.join(", ")),
        ("direction", of("direction")),
        ("cause", of("cause")),
    ];
    pb::StoryLine { event_id: first.id, ..say(part, *offset, id, parameters) }
}

/// The event explained: the sentence, the rule, the facts, what it means.
pub(super) fn center(center: &Entry) -> Vec<pb::StoryLine> {
    let part = StoryPart::Decided;
    let record = &center.record;
    let mut lines = vec![of_event(part, center, 0)];
    if let Some(rule) = rule(&record.message_id) {
        lines.push(rule_line(part, rule));
    }
    if !record.facts.is_empty() {
        lines.push(say(part, 0, "X111", [("facts", facts(record))]));
    }
    let parameters = text::of_record(record);
    let meaning = text::by_id(&record.message_id, &parameters).meaning;
    if !meaning.is_empty() {
        lines.push(pb::StoryLine {
            text: meaning,
            message_id: record.message_id.clone(),
            parameters: parameters.into_iter().collect(),
            part: part.into(),
            aspect: StoryAspect::Meaning.into(),
            ..pb::StoryLine::default()
        });
    }
    lines
}

/// "rule R460: when …, then …".
pub(super) fn rule_line(part: StoryPart, rule: &arbiter_core::rules::Rule) -> pb::StoryLine {
    let parameters = [
        ("rule", rule.id.to_owned()),
        ("condition", rule.condition.to_owned()),
        ("action", rule.action.describe().to_owned()),
    ];
    say(part, 0, "X110", parameters)
}

/// Facts as one parameter.
pub(super) fn facts(record: &Record) -> String {
    record.facts.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}

/// Whose eyes the story was seen with.
pub(super) fn whose_story(settings: &Settings) -> pb::StoryLine {
    let name = |node| settings.name(node).to_owned();
    say(StoryPart::Peer, 0, "X120", [("node", name(settings.node)), ("peer", name(settings.node.other()))])
}

/// What a person can do about the event.
pub(super) fn advice(center: &Entry) -> Vec<pb::StoryLine> {
    let record = &center.record;
    let parameters = text::of_record(record);
    let rendered = text::by_id(&record.message_id, &parameters);
    let mut lines = Vec::new();
    if !rendered.remedy.is_empty() {
        lines.push(remedy(rendered.remedy, &record.message_id, &parameters));
    }
    if hotpair_messages::pages::get(&record.message_id).is_some_and(|p| !p.remedy(Lang::En).is_empty()) {
        lines.push(say(StoryPart::Advice, 0, "X115", [("rule", record.message_id.clone())]));
    }
    lines
}

/// A remedy as a line.
pub(super) fn remedy(text: String, id: &str, parameters: &BTreeMap<String, String>) -> pb::StoryLine {
    pb::StoryLine {
        text,
        message_id: id.to_owned(),
        parameters: parameters.clone().into_iter().collect(),
        part: StoryPart::Advice.into(),
        aspect: StoryAspect::Remedy.into(),
        ..pb::StoryLine::default()
    }
}
