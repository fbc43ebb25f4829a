//! How long each phase took: detected, verdict, waits, epoch, each resource, everything.

use super::tell::say;
use super::{RUNNING, Told, rule};
use crate::history::Entry;
use crate::text;
use arbiter_core::rules::Action;
use hotpair_proto::arbiter::v1 as pb;
use pb::StoryPart;

/// A longer gap between two repairs belongs to different failures.
const PART: StoryPart = StoryPart::Phases;

fn phase<const N: usize>(took: i64, at: i64, id: &str, parameters: [(&str, String); N]) -> pb::StoryLine {
    pb::StoryLine { took_ms: Some(u64::try_from(took).unwrap_or(0)), ..say(PART, at, id, parameters) }
}

fn is(entry: &Entry, id: &str) -> bool {
    entry.record.message_id == id
}

fn of_group(entry: &Entry, center: &Entry) -> bool {
    entry.record.group == center.record.group
}

fn direction(entry: &Entry) -> &str {
    entry.record.parameters.get("direction").map_or("", String::as_str)
}

/// The phases of a decision; nothing for an event that is none.
pub(super) fn phases(related: &[Told<'_>], center: &Entry) -> Vec<pb::StoryLine> {
    let Some(decision) = rule(&center.record.message_id) else { return told(center).into_iter().collect() };
    let before: Vec<Told<'_>> = related.iter().copied().filter(|(entry, _)| entry.id < center.id).collect();
    let after: Vec<Told<'_>> =
        related.iter().copied().filter(|(e, at)| e.id > center.id && *at >= 0 && of_group(e, center)).collect();
    let mut lines = Vec::new();
    let begin = match decision.action {
        Action::TakeOver => detection(&before, center, &mut lines),
        _ => None,
    };
    if matches!(decision.action, Action::Release) {
        stopping(&after, &mut lines);
    }
    starting(&after, begin, &mut lines);
    lines
}

/// How long the peer needed, as it told.
fn told(center: &Entry) -> Option<pb::StoryLine> {
    let parameter = |name: &str| center.record.parameters.get(name).cloned();
    let took = parameter("ran_after_ms")?.parse().ok()?;
    Some(phase(took, 0, "X213", [("peer", parameter("peer").unwrap_or_default())]))
}

/// From the first late heartbeat to the decision. Gives the former's offset.
fn detection(before: &[Told<'_>], center: &Entry, lines: &mut Vec<pb::StoryLine>) -> Option<i64> {
    let red = before.iter().rev().find(|(e, _)| is(e, "P103") && direction(e) == "rx").map(|(_, at)| *at);
    let late = before.iter().find(|(e, _)| is(e, "P102") && direction(e) == "rx").map(|(_, at)| *at);
    let first_red = before.iter().find(|(e, _)| is(e, "P103") && direction(e) == "rx").map(|(_, at)| *at);
    let begin = late.or(first_red);
    if let (Some(late), Some(red)) = (late, red) {
        lines.push(phase(red.saturating_sub(late), red, "X201", []));
    }
    let verdict = before.iter().rev().find(|(e, _)| is(e, "S120")).map(|(_, at)| *at);
    if let (Some(red), Some(verdict)) = (red, verdict) {
        let took = verdict.saturating_sub(red);
        lines.push(phase(took, verdict, if took <= 1 { "X203" } else { "X202" }, []));
    }
    waits(before, center, lines);
    begin
}

/// Decisions to hold between the verdict and the takeover, each with the time until the next one.
fn waits(before: &[Told<'_>], center: &Entry, lines: &mut Vec<pb::StoryLine>) {
    let decided: Vec<&Told<'_>> =
        before.iter().filter(|(e, _)| of_group(e, center) && rule(&e.record.message_id).is_some()).collect();
    for (at, (entry, from)) in decided.iter().enumerate() {
        let until = decided.get(at + 1).map_or(0, |(_, next)| *next);
        let waits = rule(&entry.record.message_id).is_some_and(|r| {
            // To hold, to ask the witness, to have the peer switched off.
            let acts = matches!(r.action, Action::Run | Action::TakeOver | Action::TakeOffered | Action::Release);
            !acts && !matches!(r.action, Action::Offer | Action::Withdraw | Action::Unmanage)
        });
        // What a standby does all the time is no wait.
        let ordinary = matches!(entry.record.message_id.as_str(), "R410" | "R411" | "R420" | "R100" | "R432");
        if waits && !ordinary && until > *from {
            let parameters = text::of_record(&entry.record);
            let why = text::by_id(&entry.record.message_id, &parameters).text;
            let mut line = phase(
                until.saturating_sub(*from),
                *from,
                "X204",
                [("rule", entry.record.message_id.clone()), ("why", why)],
            );
            line.parameters.extend(parameters.into_iter().filter(|(name, _)| name != "rule" && name != "why"));
            lines.push(line);
        }
    }
}

fn stopping(after: &[Told<'_>], lines: &mut Vec<pb::StoryLine>) {
    for (entry, at) in after.iter().filter(|(e, _)| is(e, "D105")) {
        resource(entry, *at, "X208", lines);
    }
    let stopped = after.iter().find(|(e, _)| is(e, "E231")).map(|(_, at)| *at);
    if let Some(at) = stopped {
        lines.push(phase(at, at, "X209", []));
    }
    let peer = |e: &Entry| e.record.parameters.get("peer").cloned().unwrap_or_default();
    let taken = after.iter().find(|(e, _)| is(e, "E202"));
    if let Some((entry, at)) = taken {
        lines.push(phase(at.saturating_sub(stopped.unwrap_or(0)), *at, "X212", [("peer", peer(entry))]));
        if let Some((entry, runs)) = after.iter().find(|(e, runs)| is(e, "E243") && runs >= at) {
            lines.push(phase(runs.saturating_sub(*at), *runs, "X213", [("peer", peer(entry))]));
        }
    }
}

fn resource(entry: &Entry, at: i64, id: &str, lines: &mut Vec<pb::StoryLine>) {
    let took = entry.record.parameters.get("ms").and_then(|ms| ms.parse::<i64>().ok());
    if let Some(took) = took {
        lines.push(phase(took, at, id, [("resource", entry.record.subject.clone())]));
    }
}

/// From the decision until everything runs here; `begin` is when the trouble began.
fn starting(after: &[Told<'_>], begin: Option<i64>, lines: &mut Vec<pb::StoryLine>) {
    let Some((running, runs)) = after.iter().find(|(e, _)| is(e, RUNNING)) else { return };
    let upto: Vec<&Told<'_>> = after.iter().filter(|(e, _)| e.id <= running.id).collect();
    let epoch = upto.iter().find(|(e, _)| is(e, "E200"));
    if let Some((entry, at)) = epoch {
        let number = entry.record.parameters.get("epoch").cloned().unwrap_or_default();
        lines.push(phase(*at, *at, "X205", [("epoch", number)]));
    }
    if let Some((_, at)) = upto.iter().find(|(e, _)| is(e, "E232")) {
        let from = epoch.map_or(0, |(_, at)| *at);
        lines.push(phase(at.saturating_sub(from), *at, "X206", []));
    }
    for (entry, at) in &upto {
        match entry.record.message_id.as_str() {
            "D104" => resource(entry, *at, "X207", lines),
            "D110" => resource(entry, *at, "X214", lines),
            _ => {}
        }
    }
    let group = running.record.group.clone();
    let node = running.record.parameters.get("node").cloned().unwrap_or_default();
    lines.push(phase(*runs, *runs, "X210", [("group", group.clone()), ("node", node.clone())]));
    if let Some(begin) = begin {
        lines.push(phase(runs.saturating_sub(begin), *runs, "X211", [("group", group), ("node", node)]));
    }
}
