//! `replay`: a recorded run once more through the same cores: what was decided, when and why, and whether it comes out the same (B3).
//!
//! Reads files only: no daemon is asked and nothing is changed.

use crate::args::ReplayArgs;
use crate::clock::WallClock;
use crate::cmd::{Context, Outcome};
use crate::failure::{Exit, Failure};
use crate::ids;
use crate::text::{Line, Page, Tone};
use crate::words::Words;
use arbiter_core::Arbiter;
use arbiter_core::io::{Output, Severity};
use hotpair_replay::story::StoryWriter;
use hotpair_replay::{Core, Moment, ReplayReport, Seen, Step, arbiter, replay, resource};
use hotpair_runtime::recorder::{RecordError, RecordReader, header, segments};
use resource_core::ResourceCore;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;

/// Differences and damage shown; the rest is counted.
const SHOWN: usize = 10;

/// `hotpair replay`
///
/// # Errors
/// When there is no record, or something in it came out otherwise.
pub fn run(context: &Context, args: &ReplayArgs) -> Outcome {
    let files = files(context.words, args)?;
    let first = files.first().ok_or_else(|| no_record(context.words, &"no file"))?;
    let core = header(first).map_err(|error| no_record(context.words, &error))?.identity.core;
    match core.as_str() {
        Arbiter::NAME => of_arbiter(context, args, files),
        ResourceCore::NAME if args.scenario.is_some() || args.rules.is_some() => {
            Err(Failure::new(Exit::Error, context.words, ids::REPLAY_ARBITER_ONLY, &[]))
        }
        ResourceCore::NAME => of_resource(context, args, files),
        other => Err(no_record(context.words, &format!("{}: unknown core `{other}`", first.display()))),
    }
}

fn no_record(words: Words, reason: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Error, words, ids::REPLAY_NO_RECORD, &[("reason", &reason.to_string())])
}

fn files(words: Words, args: &ReplayArgs) -> Result<Vec<PathBuf>, Failure> {
    if args.path.is_dir() {
        return segments(&args.path, args.daemon.name()).map_err(|error: RecordError| no_record(words, &error));
    }
    Ok(vec![args.path.clone()])
}

/// Lines of the timeline, for people and for programs.
struct Timeline<'a> {
    args: &'a ReplayArgs,
    words: Words,
    rows: Vec<Vec<Line>>,
    entries: Vec<Value>,
}

impl<'a> Timeline<'a> {
    fn new(context: &Context, args: &'a ReplayArgs) -> Self {
        Self { args, words: context.words, rows: Vec::new(), entries: Vec::new() }
    }

    fn wants(&self, step: u64) -> bool {
        self.args.from.is_none_or(|from| step >= from) && self.args.to.is_none_or(|to| step <= to)
    }

    fn put(&mut self, step: Option<u64>, wall_ms: u64, id: &str, tone: Tone, text: String) {
        if self.args.json {
            self.entries.push(json!({ "step": step, "wall_clock_ms": wall_ms, "id": id, "text": text }));
        } else {
            let number = step.map(|n| n.to_string()).unwrap_or_default();
            self.rows.push(vec![
                Line::new().tone(Tone::Dim, number),
                Line::new().tone(Tone::Dim, WallClock::Local.format(wall_ms)),
                Line::new().tone(Tone::Dim, id),
                Line::new().tone(tone, text),
            ]);
        }
    }

    /// What every core's replay passes by.
    fn passed<C: Core>(&mut self, seen: &Seen<'_, C>) {
        match seen {
            Seen::Gap { lost } => {
                let text = self.words.say(ids::REPLAY_LOST, &[("lost", lost)]);
                self.put(None, 0, "", Tone::Warn, text);
            }
            Seen::Trouble(error) => self.put(None, 0, "", Tone::Warn, error.to_string()),
            Seen::Checkpoint { wall_ms, .. } => {
                let text = self.words.word(ids::REPLAY_BEGINS);
                self.put(None, *wall_ms, "", Tone::Dim, text);
            }
            Seen::Step(moment) if !moment.same && self.wants(moment.number) => {
                let text = self.words.word(ids::REPLAY_OTHERWISE);
                self.put(Some(moment.number), moment.wall_ms, "", Tone::Bad, text);
            }
            Seen::Step(_) | Seen::File(_) | Seen::End => {}
        }
    }

    fn input(&mut self, step: u64, wall_ms: u64, word: Option<String>) {
        if self.args.all {
            let text = word.unwrap_or_else(|| self.words.word(ids::REPLAY_DEADLINE));
            self.put(Some(step), wall_ms, "<", Tone::Dim, text);
        }
    }
}

fn of_arbiter(context: &Context, args: &ReplayArgs, files: Vec<PathBuf>) -> Outcome {
    let mut timeline = Timeline::new(context, args);
    let mut story: Option<StoryWriter> = None;
    let mut rules = None;
    let report = replay::<Arbiter>(RecordReader::<Arbiter, Step<_>>::new(files), |seen| {
        timeline.passed(&seen);
        let Seen::Step(moment) = seen else { return };
        if args.rules == Some(moment.number) {
            rules = Some(rules_at(context, &moment, args.json));
        }
        if !timeline.wants(moment.number) {
            return;
        }
        if args.scenario.is_some() {
            story.get_or_insert_with(|| StoryWriter::new(moment.core, moment.at)).step(&moment);
        }
        timeline.input(moment.number, moment.wall_ms, moment.input.map(arbiter::input_word));
        for output in moment.outputs {
            tell(&mut timeline, &moment, output);
        }
    });
    if let Some(file) = &args.scenario {
        let text = story.map(StoryWriter::finish).unwrap_or_default();
        if file.as_os_str() == "-" {
            context.out.print(&text)?;
            return verdict(context, &report);
        }
        std::fs::write(file, text).map_err(|error| {
            let place = file.display();
            Failure::new(Exit::Error, context.words, ids::CANNOT_WRITE, &[("file", &place), ("reason", &error)])
        })?;
    }
    if let Some(step) = args.rules {
        let Some(page) = rules else {
            let numbers = [("step", &step as &dyn std::fmt::Display), ("last", &report.steps)];
            return Err(Failure::new(Exit::Error, context.words, ids::REPLAY_NO_STEP, &numbers));
        };
        match page {
            Rules::Page(page) => context.out.page(&page)?,
            Rules::Json(value) => context.out.json(&value, false)?,
        }
        return verdict(context, &report);
    }
    finish(context, timeline, &report)
}

fn tell(timeline: &mut Timeline<'_>, moment: &Moment<'_, Arbiter>, output: &Output) {
    match output {
        Output::Event(event) => {
            let tone = match event.severity {
                Severity::Info => Tone::Plain,
                Severity::Warning => Tone::Warn,
                Severity::Critical => Tone::Bad,
            };
            let parameters: HashMap<String, String> =
                event.sentence.parameters.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            let text = timeline.words.server(&event.sentence.id, &parameters, "").text;
            timeline.put(Some(moment.number), moment.wall_ms, &event.sentence.id, tone, text);
        }
        Output::StatusChanged => {}
        other if timeline.args.all => {
            if let Some(word) = Arbiter::word(other) {
                timeline.put(Some(moment.number), moment.wall_ms, ">", Tone::Dim, word);
            }
        }
        _ => {}
    }
}

enum Rules {
    Page(Page),
    Json(Value),
}

/// The facts of each group at a step, and the rule that matched on them.
fn rules_at(context: &Context, moment: &Moment<'_, Arbiter>, as_json: bool) -> Rules {
    if as_json {
        let groups: Vec<Value> = moment
            .core
            .decisions()
            .map(|d| {
                json!({
                    "group": d.group.as_str(),
                    "rule": d.rule.id,
                    "condition": d.rule.condition,
                    "decision": d.rule.action.describe(),
                    "facts": d.facts.record(),
                })
            })
            .collect();
        return Rules::Json(json!({ "step": moment.number, "wall_clock_ms": moment.wall_ms, "groups": groups }));
    }
    let words = context.words;
    let mut page = Page::new();
    page.line(Line::new().tone(Tone::Dim, WallClock::Local.format(moment.wall_ms)));
    for decision in moment.core.decisions() {
        page.blank();
        page.line(Line::new().tone(Tone::Accent, decision.group.as_str()).text(" ").tone(Tone::Bold, decision.rule.id));
        page.table(
            2,
            vec![
                vec![Line::new().tone(Tone::Dim, words.word(ids::CONDITION)), decision.rule.condition.into()],
                vec![Line::new().tone(Tone::Dim, words.word(ids::DECISION)), decision.rule.action.describe().into()],
            ],
        );
        let facts = decision.facts.record();
        page.table(
            4,
            facts.into_iter().map(|(name, value)| vec![Line::new().tone(Tone::Dim, name), value.into()]).collect(),
        );
    }
    Rules::Page(page)
}

fn of_resource(context: &Context, args: &ReplayArgs, files: Vec<PathBuf>) -> Outcome {
    let mut timeline = Timeline::new(context, args);
    let report = replay::<ResourceCore>(RecordReader::<ResourceCore, Step<_>>::new(files), |seen| {
        timeline.passed(&seen);
        let Seen::Step(moment) = seen else { return };
        if !timeline.wants(moment.number) {
            return;
        }
        timeline.input(moment.number, moment.wall_ms, moment.input.map(resource::input_word));
        for output in moment.outputs.iter().filter(|o| args.all || resource::tells(o)) {
            if let Some(word) = ResourceCore::word(output) {
                timeline.put(Some(moment.number), moment.wall_ms, ">", Tone::Plain, word);
            }
        }
    });
    finish(context, timeline, &report)
}

fn finish(context: &Context, timeline: Timeline<'_>, report: &ReplayReport) -> Outcome {
    if timeline.args.json {
        let mismatches: Vec<String> = report.mismatches.iter().map(ToString::to_string).collect();
        let document = json!({
            "same": report.is_same(),
            "steps": report.steps,
            "decisions": report.decisions,
            "mismatches": mismatches,
            "mismatch_count": report.mismatch_count,
            "damage": report.damage,
            "lost": report.lost,
            "torn": report.torn,
            "skipped": report.skipped,
            "programs": report.programs,
            "timeline": timeline.entries,
        });
        context.out.json(&document, false)?;
    } else {
        let mut page = Page::new();
        page.table(0, timeline.rows);
        context.out.page(&page)?;
    }
    verdict(context, report)
}

/// The last word: the same, or where not.
fn verdict(context: &Context, report: &ReplayReport) -> Outcome {
    let words = context.words;
    let mut said = Vec::new();
    for (count, id) in [(report.torn, ids::REPLAY_TORN), (report.skipped, ids::REPLAY_SKIPPED)] {
        if count > 0 {
            said.push(words.say(id, &[("count", &count)]));
        }
    }
    if report.is_same() {
        said.push(words.say(ids::REPLAY_SAME, &[("steps", &report.steps), ("decisions", &report.decisions)]));
        for line in said {
            eprintln!("{line}");
        }
        return Ok(Exit::Ok);
    }
    said.extend(report.damage.iter().take(SHOWN).cloned());
    said.extend(report.mismatches.iter().take(SHOWN).map(ToString::to_string));
    for line in said {
        eprintln!("{line}");
    }
    if report.checkpoints == 0 {
        return Err(Failure::new(Exit::Error, words, ids::REPLAY_NOTHING, &[]));
    }
    let programs = report.programs.iter().cloned().collect::<Vec<_>>().join(words.comma());
    let damage = report.damage.len();
    Err(Failure::new(
        Exit::Error,
        words,
        ids::REPLAY_DIFFERS,
        &[("count", &report.mismatch_count), ("damage", &damage), ("programs", &programs)],
    ))
}
