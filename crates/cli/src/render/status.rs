//! The page of `hotpair status`.

use crate::health::{self, Grade, Outlook};
use crate::ids;
use crate::render::{Sheet, paths};
use crate::text::{Line, Page, Tone};
use core::time::Duration;
use hotpair_proto::arbiter::v1::{
    GroupOnNode, GroupStatus, NodeMode, NodeState, NodeStatus, SafetyCheckStatus, Status,
};
use hotpair_proto::heartbeat::v1::PathState;
use hotpair_proto::resource::v1::{GroupObserved, GroupState, ResourceState, WatchdogState};

/// Lines of evidence shown; all of them are in `--json` and in the story.
const MAX_EVIDENCE: usize = 12;

/// The whole page.
#[must_use]
pub fn page(status: &Status, sheet: Sheet) -> Page {
    let mut page = Page::new();
    title(&mut page, status, sheet);
    nodes(&mut page, status, sheet);
    groups(&mut page, status, sheet);
    paths::section(&mut page, &status.paths, local(status), peer(status), sheet);
    safety(&mut page, status, sheet);
    arbitration(&mut page, status, sheet);
    alarms(&mut page, status, sheet);
    if !status.config_warnings.is_empty() {
        page.heading(sheet.words.word(ids::CONFIGURATION));
        for warning in &status.config_warnings {
            page.line(Line::indented(2).tone(Tone::Warn, sheet.words.translated(warning)));
        }
    }
    page
}

/// Name of the node that answers; empty if it does not say.
#[must_use]
pub fn local(status: &Status) -> &str {
    status.nodes.iter().find(|n| n.local).map_or("", |n| n.name.as_str())
}

fn peer(status: &Status) -> &str {
    status.nodes.iter().find(|n| !n.local).map_or("", |n| n.name.as_str())
}

fn title(page: &mut Page, status: &Status, sheet: Sheet) {
    let words = sheet.words;
    let (grade, reasons) = health::grade(status, words);
    let (tone, id) = match grade {
        Grade::Good => (Tone::Good, ids::ALL_WELL),
        Grade::Degraded => (Tone::Warn, ids::DEGRADED),
        Grade::Critical => (Tone::Bad, ids::CRITICAL_STATE),
    };
    let name = words.say(ids::TITLE, &[("pair", &status.pair), ("node", &local(status))]);
    page.line(Line::new().tone(Tone::Bold, name).text(words.colon()).tone(tone, words.word(id)));
    for reason in reasons.iter().take(5) {
        page.line(Line::indented(2).tone(tone, "· ").text(reason.as_str()).hang(4));
    }
}

fn nodes(page: &mut Page, status: &Status, sheet: Sheet) {
    page.heading(sheet.words.word(ids::NODES));
    page.table(2, status.nodes.iter().map(|node| node_row(node, sheet)).collect());
}

fn node_row(node: &NodeStatus, sheet: Sheet) -> Vec<Line> {
    let words = sheet.words;
    let (tone, state) = words.node_state(node.state());
    let mode = match node.mode() {
        NodeMode::Standby => Line::new().tone(Tone::Warn, words.word(ids::STANDBY)),
        NodeMode::Online => words.word(ids::ONLINE).into(),
        NodeMode::Unspecified => Line::new(),
    };
    let mut rest = Line::new();
    if node.local {
        rest = rest.tone(Tone::Dim, format!("({})  ", words.word(ids::THIS_NODE)));
    }
    // Of a node that nobody hears, its daemons' state is nothing of its own.
    if matches!(node.state(), NodeState::Alive | NodeState::Booting) {
        for (daemon, alive) in [("hbd", node.hbd_alive), ("arbiterd", node.arbiterd_alive), ("resd", node.resd_alive)] {
            if !alive {
                rest = rest.tone(Tone::Warn, format!("{}  ", words.say(ids::AWAY, &[("daemon", &daemon)])));
            }
        }
    }
    if node.config_differs {
        rest = rest.tone(Tone::Warn, words.word(ids::CONFIG_DIFFERS));
    }
    let since = words.lasting(node.since_ns, sheet.now_ns);
    let state =
        Line::new().tone(tone, state).tone(Tone::Dim, if since.is_empty() { since } else { format!(" {since}") });
    vec![dot(tone, sheet), Line::new().tone(Tone::Accent, node.name.as_str()), state, mode, rest]
}

/// A coloured dot; nothing where there are no colours.
pub(super) fn dot(tone: Tone, sheet: Sheet) -> Line {
    if sheet.colour { Line::new().tone(tone, "●") } else { Line::new() }
}

fn groups(page: &mut Page, status: &Status, sheet: Sheet) {
    let words = sheet.words;
    page.heading(words.word(ids::GROUPS));
    if status.groups.is_empty() {
        page.line(Line::indented(2).tone(Tone::Dim, words.word(ids::NO_GROUPS)));
    }
    for group in &status.groups {
        group_title(page, group, sheet);
        let here = local(status);
        let rows = group.nodes.iter().map(|on| {
            let resources = group.local.as_ref().filter(|_| on.node == here);
            (
                on_node_row(on, on.node == here, sheet),
                resources.map_or_else(Vec::new, |group| resources_of(group, sheet)),
            )
        });
        page.table_with_notes(6, rows.collect());
        settings(page, group, sheet);
        decision(page, group, sheet);
        match health::outlook(status, group, words) {
            Some(Outlook::TakenOver { owner, by, after }) => {
                let time = words.duration(after);
                let text = words.say(ids::OUTLOOK_GOOD, &[("owner", &owner), ("node", &by), ("time", &time)]);
                page.line(Line::indented(6).tone(Tone::Good, text));
            }
            Some(Outlook::Nobody { owner, reason }) => {
                let text = words.say(ids::OUTLOOK_BAD, &[("owner", &owner), ("reason", &reason)]);
                page.line(Line::indented(6).tone(Tone::Warn, text));
            }
            None => {}
        }
    }
}

/// Third parties, where there are any.
fn arbitration(page: &mut Page, status: &Status, sheet: Sheet) {
    let words = sheet.words;
    let mut rows: Vec<Vec<Line>> = Vec::new();
    let mut row = |title: &'static str, tone: Tone, text: String| {
        rows.push(vec![dot(tone, sheet), words.word(title).into(), Line::new().tone(tone, text)]);
    };
    if let Some(witness) = &status.witness {
        if witness.reachable {
            let votes = witness.votes.iter().filter_map(|vote| {
                let id = match vote.state.as_str() {
                    "held" => ids::VOTE_HERE,
                    "peer" => ids::VOTE_PEER,
                    "free" => ids::VOTE_FREE,
                    _ => return None,
                };
                Some(words.say(id, &[("group", &vote.group)]))
            });
            row(ids::WITNESS, Tone::Good, votes.collect::<Vec<_>>().join(words.comma()));
        } else {
            row(ids::WITNESS, Tone::Warn, words.say(ids::WITNESS_SILENT, &[("reason", &witness.reason)]));
        }
    }
    if let Some(fence) = &status.fence {
        let (tone, text) = match (fence.order.as_str(), fence.health.as_str()) {
            ("", "ready") => (Tone::Good, words.word(ids::FENCE_READY)),
            ("", "broken") => (Tone::Warn, words.say(ids::FENCE_BROKEN, &[("reason", &fence.trouble)])),
            ("", _) => (Tone::Dim, words.word(ids::FENCE_UNKNOWN)),
            (order, _) => (Tone::Warn, format!("{order}{}", words.brackets(&fence.detail))),
        };
        row(ids::FENCING, tone, text);
    }
    if let Some(watchdog) = &status.watchdog {
        let (tone, text) = match watchdog.state() {
            WatchdogState::Armed => {
                let time = words.duration(Duration::from_nanos(watchdog.timeout_ns));
                (Tone::Good, words.say(ids::WATCHDOG_ARMED, &[("time", &time)]))
            }
            WatchdogState::Broken => (Tone::Warn, words.say(ids::WATCHDOG_BROKEN, &[("reason", &watchdog.reason)])),
            WatchdogState::Off | WatchdogState::Unspecified => (Tone::Dim, words.word(ids::WATCHDOG_OFF)),
        };
        row(ids::WATCHDOG, tone, text);
    }
    if !rows.is_empty() {
        page.heading(words.word(ids::ARBITRATION));
        page.table(2, rows);
    }
}

fn group_title(page: &mut Page, group: &GroupStatus, sheet: Sheet) {
    let words = sheet.words;
    let (tone, state) = match health::serving(group) {
        Some(on) => {
            let (tone, state) = words.group_state(on.state());
            (tone, words.say(ids::STATE_ON, &[("state", &state), ("node", &on.node)]))
        }
        None => group
            .nodes
            .iter()
            .find(|on| !matches!(on.state(), GroupState::Stopped | GroupState::Unknown | GroupState::Unspecified))
            .map_or_else(
                || (Tone::Bad, words.word(ids::RUNS_NOWHERE)),
                |on| {
                    let (tone, state) = words.group_state(on.state());
                    (tone, words.say(ids::STATE_ON, &[("state", &state), ("node", &on.node)]))
                },
            ),
    };
    let mut line = Line::indented(2).join(dot(tone, sheet));
    if sheet.colour {
        line = line.text(" ");
    }
    line = line.tone(Tone::Accent, group.name.as_str()).text("  ").tone(tone, state);
    if let Some(epoch) = group.epoch.as_ref().filter(|epoch| epoch.number > 0) {
        let text = words.say(ids::EPOCH, &[("number", &epoch.number)]);
        line = line.text(words.comma()).text(text);
    }
    if group.owner.is_empty() {
        line = line.text(words.comma()).text(words.word(ids::NO_OWNER));
    }
    if !group.preferred.is_empty() {
        let text = words.say(ids::PREFERS, &[("node", &group.preferred)]);
        line = line.tone(Tone::Dim, words.comma()).tone(Tone::Dim, text);
    }
    page.line(line.hang(6));
    if !group.guarantee.is_empty() {
        // The promise begins with the level's name.
        let promise = words.promise(group);
        page.line(Line::indented(6).tone(Tone::Dim, words.say(ids::GUARANTEE, &[("level", &promise)])));
    }
    for reason in &group.guarantee_reasons {
        let text = words.server(&reason.id, &reason.parameters, &reason.text).text;
        page.line(Line::indented(6).tone(Tone::Warn, words.say(ids::WEAKER_NOW, &[("reason", &text)])).hang(8));
    }
}

fn on_node_row(on: &GroupOnNode, here: bool, sheet: Sheet) -> Vec<Line> {
    let words = sheet.words;
    let (tone, state) = words.group_state(on.state());
    let known = !matches!(on.state(), GroupState::Unknown | GroupState::Unspecified);
    let remembered = !on.current && !here && known;
    let tone = if remembered { Tone::Dim } else { tone };
    let mut rest = Line::new();
    let mut first = true;
    let mut add = |tone: Tone, text: String| {
        let separator = if first { "" } else { words.comma() };
        first = false;
        rest = std::mem::take(&mut rest).text(separator).tone(tone, text);
    };
    match on.claim.as_str() {
        "releasing" => add(Tone::Warn, words.word(ids::RELEASING)),
        "released" => add(Tone::Warn, words.word(ids::RELEASED)),
        _ => {}
    }
    let runs = matches!(on.state(), GroupState::Running | GroupState::Recovering | GroupState::Starting);
    if on.failed {
        add(Tone::Bad, words.word(ids::EXHAUSTED));
    } else if on.ready && !runs {
        add(Tone::Good, words.word(ids::READY));
    } else if !on.ready && !runs {
        let text = if on.not_ready_reason.is_empty() {
            words.word(ids::NOT_READY)
        } else {
            words.say(ids::NOT_READY_BECAUSE, &[("reason", &words.translated(&on.not_ready_reason))])
        };
        add(Tone::Warn, text);
    }
    if remembered {
        add(Tone::Dim, words.word(ids::REMEMBERED));
    }
    vec![Line::new().tone(Tone::Accent, on.node.as_str()), Line::new().tone(tone, state), rest]
}

/// The resources here, one line each, unless there is nothing to say beyond "stopped".
pub(super) fn resources_of(group: &GroupObserved, sheet: Sheet) -> Vec<Line> {
    let words = sheet.words;
    let quiet = |r: &hotpair_proto::resource::v1::ResourceObserved| {
        r.state() == ResourceState::Stopped && r.last_error.is_empty() && r.failures == 0
    };
    if group.resources.iter().all(quiet) {
        return Vec::new();
    }
    let rows = group.resources.iter().map(|r| {
        let (tone, state) = words.resource_state(r.state());
        let since = words.lasting(r.since_ns, sheet.now_ns);
        let mut rest = Line::new().tone(tone, state).tone(Tone::Dim, format!(" {since}"));
        if r.failures > 0 {
            rest = rest.text(words.comma()).tone(Tone::Warn, words.say(ids::FAILURES, &[("failures", &r.failures)]));
        }
        if r.repairs > 0 {
            rest = rest.text(words.comma()).text(words.say(ids::REPAIRS, &[("repairs", &r.repairs)]));
        }
        let mut notes = Vec::new();
        if !r.last_error.is_empty() {
            let text = words.say(ids::LAST_ERROR, &[("error", &words.translated(&r.last_error))]);
            let tone = if r.state() == ResourceState::Running { Tone::Dim } else { Tone::Warn };
            notes.push(Line::indented(10).tone(tone, text));
        }
        (vec![Line::new().tone(Tone::Accent, r.name.as_str()), r.kind.as_str().into(), rest], notes)
    });
    let mut page = Page::new();
    page.table_with_notes(8, rows.collect());
    page.into_lines()
}

fn settings(page: &mut Page, group: &GroupStatus, sheet: Sheet) {
    let words = sheet.words;
    for (left, id) in [(group.frozen_left_ms, ids::FROZEN), (group.maintenance_left_ms, ids::MAINTENANCE)] {
        if let Some(left) = left {
            let time = words.duration(Duration::from_millis(left));
            page.line(Line::indented(6).tone(Tone::Warn, words.say(id, &[("time", &time)])));
        }
    }
    if group.quarantined {
        let args: &[hotpair_messages::Arg<'_>] = &[("moves", &group.moves), ("group", &group.name)];
        let rendered = hotpair_messages::render_full(ids::QUARANTINED, words.lang(), args);
        page.line(Line::indented(6).tone(Tone::Bad, rendered.text));
        page.line(remedy(8, &rendered.remedy, sheet));
    }
}

fn decision(page: &mut Page, group: &GroupStatus, sheet: Sheet) {
    let words = sheet.words;
    if group.rule.is_empty() {
        page.line(Line::indented(6).tone(Tone::Dim, words.word(ids::NO_RULE)));
        return;
    }
    let decision = words.decision(group);
    page.line(
        Line::indented(6).tone(Tone::Dim, group.rule.as_str()).tone(Tone::Dim, words.colon()).text(decision.text),
    );
    if !decision.remedy.is_empty() {
        page.line(remedy(8, &decision.remedy, sheet));
    }
}

/// "remedy: …", indented.
pub(super) fn remedy(indent: usize, text: &str, sheet: Sheet) -> Line {
    let label = format!("{}{}", sheet.words.word(ids::REMEDY), sheet.words.colon());
    Line::indented(indent).tone(Tone::Dim, label).text(text)
}

fn safety(page: &mut Page, status: &Status, sheet: Sheet) {
    let words = sheet.words;
    page.heading(words.word(ids::SAFETY));
    let none = SafetyCheckStatus::default();
    let check = status.safety_check.as_ref().unwrap_or(&none);
    let heard = status.paths.iter().any(|p| p.rx.as_ref().is_some_and(|rx| rx.state() == PathState::Up));
    let verdict = words.verdict(&check.verdict);
    let line = if check.running {
        let time = words.duration(Duration::from_nanos(sheet.now_ns.saturating_sub(check.since_ns)));
        let runs = words.say(ids::SAFETY_RUNS, &[("round", &check.round), ("time", &time)]);
        Line::indented(2)
            .tone(Tone::Warn, runs)
            .text(words.comma())
            .text(words.say(ids::SAFETY_VERDICT, &[("verdict", &verdict)]))
    } else if heard {
        Line::indented(2).text(words.word(ids::SAFETY_NOT_NEEDED))
    } else {
        Line::indented(2).text(words.say(ids::SAFETY_LAST, &[("verdict", &verdict)]))
    };
    page.line(line);
    if check.running || !heard {
        let newest = newest_evidence(&check.evidence);
        for evidence in newest {
            page.line(Line::indented(4).text("· ").text(words.evidence(evidence)).hang(6));
        }
        let earlier = check.evidence.len().saturating_sub(newest.len());
        if earlier > 0 {
            page.line(Line::indented(4).tone(Tone::Dim, words.say(ids::EARLIER_EVIDENCE, &[("count", &earlier)])));
        }
    }
    let time = words.duration(Duration::from_nanos(status.detection_ns));
    page.line(Line::indented(2).tone(Tone::Dim, words.say(ids::DETECTION_IS, &[("time", &time)])));
}

/// Evidence of the newest round ("round 5: …"), [`MAX_EVIDENCE`] lines at most.
fn newest_evidence(evidence: &[String]) -> &[String] {
    let round = |line: &String| line.split_once(": ").map(|(round, _)| round.to_owned());
    let newest = evidence.last().and_then(round);
    let same = evidence.iter().rev().take_while(|line| newest.is_none() || round(line) == newest).count();
    evidence.get(evidence.len().saturating_sub(same.min(MAX_EVIDENCE))..).unwrap_or_default()
}

fn alarms(page: &mut Page, status: &Status, sheet: Sheet) {
    let words = sheet.words;
    page.heading(words.word(ids::ALARMS));
    if status.alarms.is_empty() {
        page.line(Line::indented(2).tone(Tone::Good, words.word(ids::NO_ALARMS)));
    }
    for alarm in &status.alarms {
        let rendered = words.server(&alarm.id, &alarm.parameters, &alarm.text);
        let (tone, severity) = words.severity(alarm.severity());
        let since = words.lasting(alarm.since_ns, sheet.now_ns);
        let line =
            Line::indented(2).tone(tone, format!("{} {severity}", alarm.id)).text(words.colon()).text(rendered.text);
        page.line(line.tone(Tone::Dim, words.brackets(&since)).hang(4));
        let what_to_do = if rendered.remedy.is_empty() { &alarm.remedy } else { &rendered.remedy };
        if !what_to_do.is_empty() {
            page.line(remedy(4, what_to_do, sheet));
        }
    }
}
