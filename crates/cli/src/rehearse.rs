//! `rehearse`: plays the configuration through the named faults and tells who would serve, how long nobody would, and what would do
//! better (B2).
//!
//! Reads the configuration and, if arbiterd answers, how long this pair's resources really took; everything else happens in the
//! simulator. Faults are played side by side on all processors; the result does not depend on how many there are.

mod condition;
mod document;
mod page;

use crate::args::RehearseArgs;
use crate::cmd::{Context, Outcome};
use crate::connect::ARBITERD;
use crate::failure::{Exit, Failure};
use crate::words::Words;
use condition::Condition;
use core::time::Duration;
use hotpair_proto::arbiter::v1::ListEventsRequest;
use hotpair_types::{GroupName, ResourceName};
use simulator::rehearse::advice::{self, Advice, Change};
use simulator::rehearse::{Case, Known, Rehearsal, Source, Verdict, run};
use simulator::world::Range;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Measured starts and stops asked of the history, at most, of each kind.
const MEASURED: u32 = 2_000;
/// Runs of a fault with a changed configuration: enough to see a clear difference.
const ADVICE_SEEDS: u64 = 2;

/// Everything that was found.
struct Findings {
    rehearsal: Rehearsal,
    verdicts: Vec<Verdict>,
    advice: Vec<Advice>,
    seeds: u64,
    took: Duration,
    /// The whole catalogue was asked for.
    whole: bool,
    /// Faults that were asked for by name.
    named: Vec<String>,
}

impl Findings {
    fn verdict(&self, case: &Case) -> Option<&Verdict> {
        self.verdicts.iter().find(|v| v.name == case.name)
    }
}

/// The command.
///
/// # Errors
/// A bad command line or configuration; standard output that cannot be written.
pub async fn rehearse(context: &Context, args: &RehearseArgs) -> Outcome {
    let words = context.words;
    let conditions =
        args.fail_on.iter().map(|text| Condition::parse(text, words)).collect::<Result<Vec<_>, Failure>>()?;
    let loaded = match hotpair_config::load(&args.config, None) {
        Ok(loaded) => loaded,
        Err(found) => {
            eprintln!("{}", hotpair_config::report(&found, words.lang(), context.out.colour_err));
            if args.json {
                let text: Vec<String> = found.iter().map(|f| f.words(words.lang()).text).collect();
                context
                    .out
                    .json(&serde_json::json!({ "error": { "reason": "BAD_CONFIG", "findings": text } }), false)?;
            }
            return Ok(Exit::BadConfig);
        }
    };
    let mut known = if args.list { Vec::new() } else { measured(context).await };
    for text in &args.time {
        known.push(given(text, words)?);
    }
    let rehearsal =
        Rehearsal::new(loaded.config, &known).ok_or_else(|| Failure::new(Exit::Error, words, "F057", &[]))?;
    let chosen = chosen(&rehearsal, &args.fault, words)?;
    if args.list {
        return list(context, args, &chosen);
    }
    let begun = hotpair_runtime::clock::now();
    let progress = Progress::new(words);
    let verdicts = play(&rehearsal, &chosen, args.seeds, |done, all| progress.show("F053", done, all));
    let advice =
        if args.no_advice { Vec::new() } else { advise(&rehearsal, &chosen, args.seeds.min(ADVICE_SEEDS), &progress) };
    progress.end();
    let took = hotpair_runtime::clock::now().since(begun);
    let (whole, named) = (args.fault.is_empty(), args.fault.clone());
    let findings = Findings { verdicts, advice, seeds: args.seeds, took, rehearsal, whole, named };
    tell(context, args, &findings, &conditions)
}

fn tell(context: &Context, args: &RehearseArgs, findings: &Findings, conditions: &[Condition]) -> Outcome {
    let words = context.words;
    let met: Vec<(String, String, String)> = findings
        .verdicts
        .iter()
        .flat_map(|v| conditions.iter().filter_map(move |c| c.met(v).map(|what| (v, c, what))))
        .map(|(v, c, what)| (v.name.clone(), c.text.clone(), page::what(words, &what)))
        .collect();
    if args.json {
        context.out.json(&document::document(words, findings, &met), false)?;
    } else if args.fault.is_empty() {
        context.out.page(&page::overview(words, findings, context.out.size().map(|(columns, _)| columns)))?;
    } else {
        context.out.page(&page::details(words, findings, &args.fault))?;
    }
    if met.is_empty() {
        return Ok(Exit::Ok);
    }
    for (name, condition, what) in &met {
        eprintln!("{}", words.say("F060", &[("name", name), ("what", what), ("condition", condition)]));
    }
    eprintln!("{}", words.say("F061", &[("count", &met.len())]));
    Ok(Exit::Findings)
}

fn chosen(rehearsal: &Rehearsal, names: &[String], words: Words) -> Result<Vec<Case>, Failure> {
    if names.is_empty() {
        return Ok(rehearsal.cases.clone());
    }
    names
        .iter()
        .map(|name| {
            let case = rehearsal.case(name).cloned();
            case.ok_or_else(|| {
                let mut failure = Failure::new(Exit::Usage, words, "F056", &[("name", name)]);
                failure.remedy = "hotpair rehearse --list".to_owned();
                failure
            })
        })
        .collect()
}

fn list(context: &Context, args: &RehearseArgs, chosen: &[Case]) -> Outcome {
    if args.json {
        context.out.json(&document::list(context.words, chosen), false)?;
    } else {
        context.out.page(&page::list(context.words, chosen))?;
    }
    Ok(Exit::Ok)
}

/// Plays cases on every processor; the verdicts in the order of the cases, without those that do not apply.
fn play(rehearsal: &Rehearsal, cases: &[Case], seeds: u64, mut progress: impl FnMut(usize, usize)) -> Vec<Verdict> {
    let next = AtomicUsize::new(0);
    let (tell, told) = mpsc::channel();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(cases.len().max(1));
    let mut verdicts: BTreeMap<usize, Verdict> = BTreeMap::new();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (next, tell) = (&next, tell.clone());
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(at) else { return };
                    if tell.send((at, rehearsal.play(case, seeds))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        for (done, (at, verdict)) in told.iter().enumerate() {
            progress(done + 1, cases.len());
            verdicts.extend(verdict.map(|v| (at, v)));
        }
    });
    verdicts.into_values().collect()
}

/// Plays every change that makes sense and keeps those that help, the best first.
fn advise(rehearsal: &Rehearsal, chosen: &[Case], seeds: u64, progress: &Progress) -> Vec<Advice> {
    // Without chance in the times of resources, so that what differs comes from the change.
    let mut base = rehearsal.clone();
    base.assumptions = rehearsal.assumptions.middle();
    let before = play(&base, chosen, seeds, |_, _| {});
    let changes: Vec<Change> = advice::changes(&rehearsal.scene);
    let count = changes.len();
    let mut kept = Vec::new();
    for (at, change) in changes.into_iter().enumerate() {
        progress.show("F054", at, count);
        let Some(changed) = advice::rehearsal(&change, &base) else { continue };
        let cases: Vec<Case> = chosen.iter().filter_map(|case| changed.case(&case.name).cloned()).collect();
        let after = play(&changed, &cases, seeds, |_, _| {});
        let advice = Advice::new(change, &before, &after);
        if !advice.better.is_empty() {
            kept.push(advice);
        }
    }
    kept.sort_by_key(|a| core::cmp::Reverse(a.weight()));
    kept
}

/// A line on standard error that tells how far it is, while somebody watches.
struct Progress {
    words: Words,
    shown: bool,
}

impl Progress {
    fn new(words: Words) -> Self {
        Self { words, shown: std::io::stderr().is_terminal() }
    }

    fn show(&self, id: &str, done: usize, all: usize) {
        if self.shown {
            let line = self.words.say(id, &[("done", &done), ("all", &all)]);
            // Progress nobody can see is no reason to fail.
            let _: std::io::Result<()> = write!(std::io::stderr(), "\r\x1b[K{line}");
        }
    }

    fn end(&self) {
        if self.shown {
            let _: std::io::Result<()> = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// How long starts and stops really took, by this pair's history; nothing where no arbiterd answers.
async fn measured(context: &Context) -> Vec<Known> {
    let mut found: BTreeMap<(GroupName, ResourceName), [Option<Range>; 2]> = BTreeMap::new();
    let Ok(mut client) = context.daemons.arbiter().await else { return Vec::new() };
    for (which, message) in ["D104", "D105"].into_iter().enumerate() {
        let request =
            ListEventsRequest { limit: MEASURED, message_id: message.to_owned(), ..ListEventsRequest::default() };
        let Ok(listed) = context.daemons.answer(ARBITERD, client.list_events(request)).await else { continue };
        for event in listed.events {
            let millis = event.parameters.get("ms").and_then(|ms| ms.parse::<u64>().ok());
            let key = (GroupName::new(&event.group), ResourceName::new(&event.subject));
            let (Some(millis), (Ok(group), Ok(resource))) = (millis, key) else { continue };
            let took = Duration::from_millis(millis);
            let times = found.entry((group, resource)).or_default();
            if let Some(range) = times.get_mut(which) {
                *range =
                    Some(range.map_or(Range { from: took, to: took }, |r| Range {
                        from: r.from.min(took),
                        to: r.to.max(took),
                    }));
            }
        }
    }
    found
        .into_iter()
        .map(|((group, resource), [start, stop])| Known { group, resource, start, stop, source: Source::Measured })
        .collect()
}

/// `--time GROUP/RESOURCE=START[,STOP]`
fn given(text: &str, words: Words) -> Result<Known, Failure> {
    let bad = || Failure::new(Exit::Usage, words, "F059", &[("text", &text)]);
    let (name, times) = text.split_once('=').ok_or_else(bad)?;
    let (group, resource) = name.split_once('/').ok_or_else(bad)?;
    let (start, stop) = times.split_once(',').map_or((times, None), |(start, stop)| (start, Some(stop)));
    let range = |text: &str| {
        let time = crate::duration::parse(text, words).map_err(|_| bad())?;
        Ok::<_, Failure>(Range { from: time, to: time })
    };
    Ok(Known {
        group: GroupName::new(group).map_err(|_| bad())?,
        resource: ResourceName::new(resource).map_err(|_| bad())?,
        start: Some(range(start)?),
        stop: stop.map(range).transpose()?,
        source: Source::Given,
    })
}

/// A run of a fault that went as most did, once more, for its story.
fn typical(findings: &Findings, case: &Case, verdict: &Verdict) -> Option<simulator::rehearse::Played> {
    let script = case.script.as_ref().ok()?;
    Some(run(&findings.rehearsal.scene, &findings.rehearsal.assumptions, script, verdict.typical, false))
}
