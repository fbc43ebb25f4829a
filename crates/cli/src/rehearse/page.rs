//! A rehearsal for people: findings first, one line per fault, what would do better, what was assumed; and the story of one fault.

use super::condition::What;
use super::{Findings, typical};
use crate::text::{Line, Page, Tone};
use crate::words::Words;
use core::time::Duration;
use hotpair_messages::Arg;
use hotpair_types::NodeId;
use simulator::rehearse::advice::{Advice, Effect, LASTING, Score};
use simulator::rehearse::scene::What as Thing;
use simulator::rehearse::story::{Moment, Told, story};
use simulator::rehearse::verdict::{GroupVerdict, Lengths, Serving};
use simulator::rehearse::{Area, Case, Data, Rehearsal, Scene, Source, Verdict};
use std::collections::BTreeMap;

/// Faults named behind a finding.
const NAMED: usize = 4;
/// Changes that are told.
const ADVICE: usize = 5;
/// Effects of a change that are told.
const EFFECTS: usize = 3;
/// Alarms in a row of the table.
const ALARMS: usize = 3;

const AREAS: [(Area, &str); 6] = [
    (Area::Node, "F020"),
    (Area::Network, "F021"),
    (Area::Disk, "F022"),
    (Area::Resource, "F023"),
    (Area::Arbitration, "F024"),
    (Area::Operator, "F025"),
];

/// A sentence of the simulator's.
pub fn say(words: Words, sentence: &simulator::rehearse::Words) -> String {
    let args: Vec<Arg<'_>> = sentence.parameters.iter().map(|(name, value)| (*name, value as _)).collect();
    words.say(sentence.id, &args)
}

/// What met a condition.
pub fn what(words: Words, found: &What) -> String {
    match found {
        What::Dual(time) => words.say("F045", &[("time", &length(words, *time))]),
        What::Data(time) => words.say("F044", &[("time", &length(words, *time))]),
        What::Unserved => words.word("F047"),
        What::Outage(time) => words.say("F046", &[("time", &length(words, *time))]),
    }
}

fn length(words: Words, time: Duration) -> String {
    if time == LASTING { words.word("F010") } else { words.duration(round(time)) }
}

/// Three digits are more than a simulation knows.
fn round(time: Duration) -> Duration {
    let step = if time < Duration::from_secs(1) { 1 } else { 100 };
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis / step * step)
}

fn percentile(words: Words, lengths: &Lengths, percent: usize) -> String {
    lengths.percentile(percent).map_or_else(|| words.word("F010"), |time| length(words, time))
}

/// Every fault, by area.
pub fn list(words: Words, chosen: &[Case]) -> Page {
    let mut page = Page::new();
    for (area, title) in AREAS {
        let rows: Vec<Vec<Line>> = chosen
            .iter()
            .filter(|case| case.area == area)
            .map(|case| {
                let name = Line::new().tone(Tone::Accent, case.name.clone());
                let mut title = Line::new().text(say(words, &case.title));
                if let Err(reason) = &case.script {
                    let reason = words.say("F052", &[("reason", &say(words, reason))]);
                    title = title.tone(Tone::Dim, words.brackets(&reason));
                }
                vec![name, title]
            })
            .collect();
        if !rows.is_empty() {
            page.heading(words.word(title));
            page.table(2, rows);
        }
    }
    page
}

/// The whole catalogue.
pub fn overview(words: Words, findings: &Findings, columns: Option<usize>) -> Page {
    let scene = &findings.rehearsal.scene;
    let mut page = Page::new();
    let (played, all) = (findings.verdicts.len(), findings.rehearsal.cases.len());
    page.line(words.say(
        "F030",
        &[
            ("file", &scene.config.file.display()),
            ("played", &played),
            ("skipped", &(all - played)),
            ("seeds", &findings.seeds),
            ("time", &words.duration(findings.took)),
        ],
    ));
    worst(words, findings, &mut page);
    if !findings.advice.is_empty() {
        advice(words, &findings.advice, &mut page);
    }
    let narrow = columns.is_some_and(|c| c < 100);
    for (area, title) in AREAS {
        let cases = findings.rehearsal.cases.iter().filter(|c| c.area == area);
        let rows: Vec<Vec<Line>> =
            cases.filter_map(|c| findings.verdict(c)).flat_map(|v| rows(words, scene, v, narrow)).collect();
        if !rows.is_empty() {
            page.heading(words.word(title));
            page.table(2, [vec![heads(words, scene)], rows].concat());
        }
    }
    skipped(words, findings, &mut page);
    page.heading(words.word("F050"));
    for line in assumptions(words, &findings.rehearsal) {
        page.line(Line::indented(2).hang(4).text(line));
    }
    page.blank();
    page.line(Line::new().tone(Tone::Dim, words.word("F055")));
    page
}

fn heads(words: Words, scene: &Scene) -> Vec<Line> {
    let mut heads = vec!["F002", "F003", "F004", "", "F005", "F006", "F007"];
    if scene.config.groups.len() > 1 {
        heads.insert(1, "F001");
    }
    let text = |id: &str| match id {
        "" => "99 %".to_owned(),
        "F001" => "[[group]]".to_owned(),
        "F004" => format!("{} 50 %", words.word("F004")),
        id => words.word(id),
    };
    heads.into_iter().map(|id| Line::new().tone(Tone::Dim, text(id))).collect()
}

/// One row, or one for each group where groups fare differently.
fn rows(words: Words, scene: &Scene, verdict: &Verdict, narrow: bool) -> Vec<Vec<Line>> {
    let several = scene.config.groups.len() > 1;
    let touched: Vec<&GroupVerdict> = verdict.groups.iter().filter(|g| !calm(g)).collect();
    let shown: Vec<&GroupVerdict> = match (touched.is_empty(), verdict.groups.get(scene.focus)) {
        (true, Some(focus)) => vec![focus],
        _ => touched,
    };
    let alarms = alarms(verdict, if narrow { 2 } else { ALARMS });
    shown
        .into_iter()
        .enumerate()
        .map(|(at, group)| {
            let name = if at == 0 { verdict.name.clone() } else { String::new() };
            let mut row = vec![Line::new().tone(Tone::Accent, name)];
            if several {
                row.push(Line::new().text(if calm(group) { "" } else { group.name.as_str() }));
            }
            row.push(serves(words, scene, group));
            row.extend(outage(words, group));
            row.push(dual(words, group));
            row.push(data(words, group));
            row.push(Line::new().text(if at == 0 { alarms.clone() } else { String::new() }));
            row
        })
        .collect()
}

/// Nothing happened to it.
fn calm(group: &GroupVerdict) -> bool {
    group.serves.iter().all(|(serving, _)| *serving == group.before)
        && !group.outage.any()
        && !group.dual.any()
        && group.data != Data::Danger
}

fn names(words: Words, scene: &Scene, serving: Serving) -> (Tone, String) {
    match serving {
        [true, true] => (Tone::Bad, words.word("F008")),
        [false, false] => (Tone::Bad, words.word("F009")),
        [first, _] => (Tone::Plain, scene.name(if first { NodeId::FIRST } else { NodeId::SECOND })),
    }
}

fn serves(words: Words, scene: &Scene, group: &GroupVerdict) -> Line {
    let (tone, text) = names(words, scene, group.serving());
    let mut line = Line::new().tone(tone, text);
    if group.serves.len() > 1 {
        line = line.tone(Tone::Warn, "*");
    }
    match group.repaired.first() {
        Some((after, _)) if *after != group.serving() => {
            let (tone, text) = names(words, scene, *after);
            line.text(" → ").tone(tone, text)
        }
        _ => line,
    }
}

fn outage(words: Words, group: &GroupVerdict) -> [Line; 2] {
    if !group.outage.any() {
        return [Line::new().tone(Tone::Dim, "-"), Line::new()];
    }
    [50, 99].map(|percent| {
        let tone = if group.outage.percentile(percent).is_none() { Tone::Bad } else { Tone::Plain };
        Line::new().tone(tone, percentile(words, &group.outage, percent))
    })
}

fn longest(lengths: &Lengths) -> Duration {
    if lengths.any() { lengths.max().unwrap_or(LASTING) } else { Duration::ZERO }
}

fn dual(words: Words, group: &GroupVerdict) -> Line {
    let during = longest(&group.dual);
    let after = longest(&group.dual_after_repair);
    match (during.is_zero(), after.is_zero()) {
        (true, true) => Line::new().tone(Tone::Dim, "-"),
        (false, _) => Line::new().tone(Tone::Bad, length(words, during)),
        (true, false) => Line::new().tone(Tone::Bad, length(words, after)),
    }
}

fn data(words: Words, group: &GroupVerdict) -> Line {
    match group.data {
        Data::NoVolume => Line::new().tone(Tone::Dim, "-"),
        Data::Safe => Line::new().tone(Tone::Good, words.word("F011")),
        Data::Refused => Line::new().tone(Tone::Warn, words.word("F012")),
        Data::Danger => Line::new().tone(Tone::Bad, words.word("F013")),
    }
}

/// Alarm ids, the ones that say most first; those of single paths and daemons last.
fn alarms(verdict: &Verdict, most: usize) -> String {
    let mut ids: Vec<&str> = Vec::new();
    let often = verdict.alarms.iter().filter(|a| a.runs * 2 >= verdict.runs);
    for alarm in often {
        if !ids.contains(&alarm.id.as_str()) {
            ids.push(&alarm.id);
        }
    }
    let rank = |id: &str| match id.get(..3) {
        Some("A30") => 0,
        Some("A20") => 1,
        Some("A21" | "A13" | "A14" | "A15") => 2,
        Some("A11") => 3,
        _ if id == "A103" => 4,
        _ => 5,
    };
    ids.sort_by_key(|id| rank(id));
    let more = ids.len().saturating_sub(most);
    ids.truncate(most);
    let mut text = ids.join(" ");
    if more > 0 {
        text.push_str(&format!(" +{more}"));
    }
    text
}

/// What of a score a finding is about.
type Measure = fn(&Score) -> Duration;

fn worst(words: Words, findings: &Findings, page: &mut Page) {
    let scored: Vec<(&Verdict, Score)> = findings.verdicts.iter().map(|v| (v, Score::of(v))).collect();
    page.heading(words.word("F031"));
    let mut said = false;
    for (id, of) in [("F033", (|s| s.data) as Measure), ("F034", |s| s.dual)] {
        let mut found: Vec<(&str, Duration)> =
            scored.iter().filter(|(_, s)| of(s) > Duration::ZERO).map(|(v, s)| (v.name.as_str(), of(s))).collect();
        if found.is_empty() {
            continue;
        }
        said = true;
        found.sort_by_key(|(_, time)| core::cmp::Reverse(*time));
        let all: Vec<String> = found
            .iter()
            .take(NAMED)
            .map(|(name, time)| format!("{name}{}", words.brackets(&length(words, *time))))
            .collect();
        finding(words, page, Tone::Bad, id, found.len(), &all);
    }
    let unserved: Vec<String> = scored.iter().filter(|(_, s)| s.unserved > 0).map(|(v, _)| v.name.clone()).collect();
    if !unserved.is_empty() {
        said = true;
        let shown: Vec<String> = unserved.iter().take(NAMED).cloned().collect();
        finding(words, page, Tone::Warn, "F035", unserved.len(), &shown);
    }
    if !said {
        page.line(Line::indented(2).hang(4).tone(Tone::Good, words.word("F032")));
    }
    let focus = findings.rehearsal.scene.focus;
    let usual = findings.verdicts.iter().find(|v| v.name == "owner-power").and_then(|v| v.groups.get(focus));
    if let Some(group) = usual {
        let (median, worst) = (percentile(words, &group.outage, 50), percentile(words, &group.outage, 99));
        let text = words.say("F039", &[("name", &"owner-power"), ("median", &median), ("worst", &worst)]);
        page.line(Line::indented(2).hang(4).text(text));
    }
}

fn finding(words: Words, page: &mut Page, tone: Tone, id: &str, count: usize, shown: &[String]) {
    let mut names = shown.join(words.comma());
    if count > shown.len() {
        names.push_str(words.comma());
        names.push('…');
    }
    let text = words.say(id, &[("count", &count)]);
    page.line(Line::indented(2).hang(4).tone(tone, text).text(words.colon()).text(names));
}

fn badness(words: Words, score: &Score) -> String {
    let mut parts = Vec::new();
    if score.data > Duration::ZERO {
        parts.push(words.say("F044", &[("time", &length(words, score.data))]));
    }
    if score.dual > Duration::ZERO {
        parts.push(words.say("F045", &[("time", &length(words, score.dual))]));
    }
    if score.unserved > 0 {
        parts.push(words.word("F047"));
    } else if score.outage > Duration::ZERO {
        parts.push(words.say("F046", &[("time", &length(words, score.outage))]));
    }
    if parts.is_empty() { words.word("F049") } else { parts.join(words.comma()) }
}

fn advice(words: Words, all: &[Advice], page: &mut Page) {
    page.heading(words.word("F040"));
    for advice in all.iter().take(ADVICE) {
        let counts = words.say("F041", &[("better", &advice.better.len()), ("worse", &advice.worse.len())]);
        let change = say(words, &advice.change.words);
        page.line(Line::indented(2).hang(4).tone(Tone::Bold, change).text(words.colon()).text(counts));
        for effect in telling(&advice.better) {
            let (before, after) = (badness(words, &effect.before), badness(words, &effect.after));
            let text = words.say("F042", &[("name", &effect.name), ("before", &before), ("after", &after)]);
            page.line(Line::indented(4).hang(6).text(text));
        }
        if !advice.worse.is_empty() {
            let mut names: Vec<&str> = advice.worse.iter().take(NAMED).map(|e| e.name.as_str()).collect();
            if advice.worse.len() > NAMED {
                names.push("…");
            }
            let text = words.say("F048", &[("names", &names.join(words.comma()))]);
            page.line(Line::indented(4).hang(6).tone(Tone::Warn, text));
        }
        for line in advice.change.lines.lines() {
            page.line(Line::indented(6).tone(Tone::Dim, line));
        }
    }
}

/// The effects that tell most: no two of the same kind.
fn telling(effects: &[Effect]) -> Vec<&Effect> {
    let mut told: Vec<&Effect> = Vec::new();
    for effect in effects {
        if told.len() < EFFECTS && !told.iter().any(|t| t.before == effect.before && t.after == effect.after) {
            told.push(effect);
        }
    }
    told
}

fn skipped(words: Words, findings: &Findings, page: &mut Page) {
    let mut by_reason: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for case in &findings.rehearsal.cases {
        if let Err(reason) = &case.script {
            by_reason.entry(say(words, reason)).or_default().push(&case.name);
        }
    }
    if by_reason.is_empty() {
        return;
    }
    page.heading(words.word("F051"));
    for (reason, names) in by_reason {
        let names = names.join(words.comma());
        page.line(Line::indented(2).hang(4).text(reason).text(words.colon()).tone(Tone::Dim, names));
    }
}

/// What the simulation does not know, in words.
pub fn assumptions(words: Words, rehearsal: &Rehearsal) -> Vec<String> {
    let scene = &rehearsal.scene;
    let mut lines = Vec::new();
    for (thing, took) in scene.resources.iter().zip(&rehearsal.assumptions.times) {
        // An address takes what the configuration says; nothing is assumed that matters.
        if took.source == Source::Assumed && matches!(thing.what, Thing::Address { .. }) {
            continue;
        }
        let id = match took.source {
            Source::Assumed => "F950",
            Source::Measured => "F951",
            Source::Given => "F952",
        };
        let time = |t: Duration| words.duration(t);
        lines.push(words.say(
            id,
            &[
                ("group", &thing.group),
                ("resource", &thing.name),
                ("start_from", &time(took.start.from)),
                ("start_to", &time(took.start.to)),
                ("stop_from", &time(took.stop.from)),
                ("stop_to", &time(took.stop.to)),
            ],
        ));
    }
    if scene.resources.iter().any(|r| matches!(r.what, Thing::Volume(_))) {
        lines.push(words.word("F954"));
    }
    lines.push(words.word("F953"));
    let references = &scene.config.safety_check.references;
    if references.is_empty() {
        lines.push(words.word("F958"));
    } else if let Some(net) = scene.nets.iter().find(|n| n.references) {
        let all: Vec<String> = references.iter().map(ToString::to_string).collect();
        let (references, net) = (all.join(words.comma()), net.name());
        lines.push(words.say("F956", &[("references", &references), ("net", &net)]));
    }
    lines.push(words.word("F955"));
    lines.push(words.word("F957"));
    lines
}

/// Single faults in full.
pub fn details(words: Words, findings: &Findings, named: &[String]) -> Page {
    let mut page = Page::new();
    for name in named {
        let Some(case) = findings.rehearsal.case(name) else { continue };
        page.heading(format!("{name}{}", words.brackets(case.row)));
        page.line(Line::indented(2).hang(2).text(say(words, &case.title)));
        match (&case.script, findings.verdict(case)) {
            (Err(reason), _) => {
                let reason = words.say("F052", &[("reason", &say(words, reason))]);
                page.line(Line::indented(2).tone(Tone::Dim, reason));
            }
            (Ok(_), Some(verdict)) => {
                verdict_page(words, findings, verdict, &mut page);
                timeline(words, findings, case, verdict, &mut page);
            }
            (Ok(_), None) => {}
        }
    }
    if !findings.advice.is_empty() {
        advice(words, &findings.advice, &mut page);
    }
    page.heading(words.word("F050"));
    for line in assumptions(words, &findings.rehearsal) {
        page.line(Line::indented(2).hang(4).text(line));
    }
    page
}

fn verdict_page(words: Words, findings: &Findings, verdict: &Verdict, page: &mut Page) {
    let scene = &findings.rehearsal.scene;
    for group in &verdict.groups {
        page.blank();
        page.line(Line::indented(2).tone(Tone::Bold, words.say("F078", &[("group", &group.name)])));
        if verdict.unsettled.contains(&group.name) {
            let text = words.say("F089", &[("group", &group.name)]);
            page.line(Line::indented(4).tone(Tone::Warn, text));
        }
        let mut rows: Vec<Vec<Line>> = vec![vec![words.word("F062").into(), shares(words, scene, &group.serves)]];
        if !group.repaired.is_empty() {
            rows.push(vec![words.word("F063").into(), shares(words, scene, &group.repaired)]);
        }
        let time = if group.outage.any() {
            let (median, worst) = (percentile(words, &group.outage, 50), percentile(words, &group.outage, 99));
            words.say("F065", &[("median", &median), ("worst", &worst)])
        } else {
            words.word("F015")
        };
        rows.push(vec![words.word("F064").into(), time.into()]);
        rows.push(vec![words.word("F066").into(), dual_words(words, verdict.runs, group)]);
        let time = length(words, longest(&group.both_write));
        let text = match group.data {
            Data::NoVolume => Line::new().tone(Tone::Dim, words.word("F071")),
            Data::Safe => Line::new().tone(Tone::Good, words.word("F072")),
            Data::Refused => Line::new().tone(Tone::Warn, words.word("F073")),
            Data::Danger => Line::new().tone(Tone::Bad, words.say("F074", &[("time", &time)])),
        };
        rows.push(vec![words.word("F070").into(), text]);
        page.table(4, rows);
    }
    if verdict.alarms.is_empty() {
        return;
    }
    page.blank();
    page.line(Line::indented(2).tone(Tone::Bold, words.word("F075")));
    let mut rows = Vec::new();
    for alarm in &verdict.alarms {
        let share = words.say("F077", &[("runs", &alarm.runs), ("all", &verdict.runs)]);
        rows.push(vec![
            Line::new().tone(Tone::Accent, alarm.id.clone()),
            scene.name(alarm.node).into(),
            Line::new().text(alarm.subject.clone()),
            format!("+{}", length(words, alarm.after)).into(),
            Line::new().tone(Tone::Dim, share),
        ]);
    }
    page.table(4, rows);
}

fn shares(words: Words, scene: &Scene, all: &[(Serving, usize)]) -> Line {
    let runs: usize = all.iter().map(|(_, n)| n).sum();
    let mut line = Line::new();
    for (at, (serving, count)) in all.iter().enumerate() {
        let (tone, text) = names(words, scene, *serving);
        if at == 0 {
            line = line.tone(tone, text);
        } else {
            let text = words.say("F091", &[("other", &text), ("runs", count), ("all", &runs)]);
            line = line.text(words.comma()).tone(tone, text);
        }
    }
    line
}

fn dual_words(words: Words, runs: usize, group: &GroupVerdict) -> Line {
    if group.dual.lasting > 0 {
        let after = length(words, longest(&group.dual_after_repair));
        let text = words.say("F069", &[("runs", &group.dual.runs()), ("all", &runs), ("time", &after)]);
        return Line::new().tone(Tone::Bad, text);
    }
    let lengths = if group.dual.any() { &group.dual } else { &group.dual_after_repair };
    if !lengths.any() {
        return Line::new().tone(Tone::Good, words.word("F067"));
    }
    let time = length(words, longest(lengths));
    let text = words.say("F068", &[("time", &time), ("runs", &lengths.runs()), ("all", &runs)]);
    Line::new().tone(Tone::Bad, text)
}

fn timeline(words: Words, findings: &Findings, case: &Case, verdict: &Verdict, page: &mut Page) {
    let scene = &findings.rehearsal.scene;
    let Some(played) = typical(findings, case, verdict) else { return };
    page.blank();
    page.line(Line::indented(2).tone(Tone::Bold, words.word("F076")));
    let rows = story(scene, &played)
        .into_iter()
        .map(|moment| {
            let seconds = format!("+{:.3}", moment.at.as_secs_f64());
            let node = moment.node.map(|n| scene.name(n)).unwrap_or_default();
            vec![Line::new().tone(Tone::Dim, format!("{seconds:>9}")), node.into(), told(words, scene, &moment)]
        })
        .collect();
    page.table(4, rows);
}

fn medium<'a>(scene: &'a Scene, path: &str) -> &'a str {
    scene.config.paths.iter().find(|p| p.name.as_str() == path).map_or("…", |p| p.medium().as_str())
}

fn told(words: Words, scene: &Scene, moment: &Moment) -> Line {
    let node = moment.node.unwrap_or(NodeId::FIRST);
    let (name, peer) = (scene.name(node), scene.name(node.other()));
    let group_said = |id: &str, group: &dyn std::fmt::Display| words.say(id, &[("group", group), ("node", &name)]);
    // Parameters that only the real situation knows are shown as they are known here, or by a dash.
    let sentence = |id: &str, group: &str, subject: &str| {
        let Some(message) = hotpair_messages::get(id) else { return id.to_owned() };
        let text = message.text(words.lang());
        let values: Vec<(String, String)> = hotpair_messages::placeholders(text)
            .into_iter()
            .map(|parameter| {
                let value = match parameter {
                    "node" => name.as_str(),
                    "peer" => peer.as_str(),
                    "group" => group,
                    "subject" => subject,
                    "medium" => medium(scene, subject),
                    _ => "…",
                };
                (parameter.to_owned(), value.to_owned())
            })
            .collect();
        let text = hotpair_messages::render_pairs(id, words.lang(), &values).text;
        let text = text.replace(" (…)", "").replace("（…）", "");
        text.trim_end_matches(" …").trim_end_matches(['…', ':', '：']).to_owned()
    };
    match &moment.told {
        Told::Begins => Line::new().tone(Tone::Bold, words.word("F079")),
        Told::Repaired => Line::new().tone(Tone::Bold, words.word("F080")),
        Told::Rule(group, rule) => {
            let text = sentence(rule, group.as_str(), "");
            Line::new().text(words.say("F088", &[("group", group), ("id", rule), ("text", &text)]))
        }
        Told::Takes(group) => Line::new().tone(Tone::Warn, group_said("F085", group)),
        Told::Starts(group) => Line::new().text(group_said("F084", group)),
        Told::Serves(group) => Line::new().tone(Tone::Good, group_said("F081", group)),
        Told::ServesNoLonger(group) => Line::new().tone(Tone::Warn, group_said("F082", group)),
        Told::BothServe(group) => Line::new().tone(Tone::Bad, group_said("F083", group)),
        Told::Alarm(id, subject) => {
            let text = sentence(id, subject, subject);
            Line::new().tone(Tone::Warn, words.say("F086", &[("id", id), ("text", &text)]))
        }
        Told::AlarmOver(id, subject) => {
            let text = words.say("F087", &[("id", id)]);
            Line::new().tone(Tone::Dim, format!("{text}{}", words.brackets(subject)))
        }
    }
}
