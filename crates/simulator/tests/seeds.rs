//! Many seeds, in parallel. `SEEDS=n` plays that many, `SEED=n` only that one.

use simulator::faults::Profile;
use simulator::world::{Bugs, Record};
use simulator::{Failure, Options, Report, plan_of, run, run_plan, run_recorded, shrink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Simulating is mostly small allocations: this allocator makes them cheap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn play(seed: u64) -> Result<Report, String> {
    match catch_unwind(AssertUnwindSafe(|| run(seed, Options::default()))) {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(failure)) => Err(failure.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
            Err(format!("seed {seed}: panicked: {text}"))
        }
    }
}

/// S20 S21 S22 S23 S13 B6, FAULTS S1 S2 S4 S9 S13 L2 L3 L4 L5: thousands of pairs with faults of every kind, each step checked.
#[test]
fn every_seed_holds() {
    if let Some(seed) = number("SEED") {
        if let Err(text) = play(seed) {
            panic!("{text}");
        }
        return;
    }
    let seeds = number("SEEDS").unwrap_or(2_000);
    let from = number("FROM").unwrap_or(1);
    let next = AtomicU64::new(from);
    let failures = Mutex::new(Vec::new());
    let totals = [const { AtomicU64::new(0) }; 3];
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds {
                        return;
                    }
                    match play(seed) {
                        Ok(report) => {
                            totals[0].fetch_add(report.steps, Ordering::Relaxed);
                            totals[1].fetch_add(report.takeovers, Ordering::Relaxed);
                            totals[2].fetch_add(report.takes, Ordering::Relaxed);
                        }
                        Err(text) => failures.lock().unwrap_or_else(PoisonError::into_inner).push((seed, text)),
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    failures.sort();
    let [steps, takeovers, takes] = totals.map(AtomicU64::into_inner);
    println!("{seeds} seeds, {steps} steps, {takeovers} takeovers, {takes} first starts and planned moves");
    let summary: Vec<&str> = failures.iter().map(|(_, text)| text.lines().last().unwrap_or_default()).collect();
    if let Some((_, first)) = failures.first() {
        panic!("{first}\n{} of {seeds} seeds failed:\n{}", failures.len(), summary.join("\n"));
    }
    if seeds >= 100 {
        assert!(takeovers > 0 && takes > 0, "the faults are too tame to show anything");
    }
}

/// B3: the same seed is the same story, bit by bit.
#[test]
fn the_same_seed_is_the_same_story() {
    for seed in [3, 4, 9, 17, 23] {
        let [first, second] = [0, 1].map(|_| run(seed, Options::default()).map_err(|f: Box<Failure>| (f.step, f.text)));
        assert_eq!(first, second, "seed {seed}");
    }
    let reports: Vec<_> = [3, 17].iter().filter_map(|s| run(*s, Options::default()).ok().map(|r| r.hash)).collect();
    assert!(reports.windows(2).all(|w| w[0] != w[1]), "different seeds are different stories");
}

/// B3: telling a story does not change it.
#[test]
fn a_story_is_the_same_whether_it_is_told_or_not() {
    for seed in [8, 14] {
        let hashes = [Record::Nothing, Record::Everything]
            .map(|record| run_recorded(seed, Options::default(), record).map(|report| report.hash).ok());
        assert!(hashes[0].is_some() && hashes[0] == hashes[1], "seed {seed}: {hashes:?}");
    }
}

/// A failing seed is told by the few faults that are needed for it, and they alone show it again.
#[test]
fn a_failure_is_shrunk_to_what_is_needed_for_it() {
    let bugs = Bugs { unknown_as_no_sign: true, ..Bugs::default() };
    let options = Options { most_faults: 14, profile: Some(Profile::Mixed), bugs };
    let failing = (1..600).find_map(|seed| Some((seed, run(seed, options).err()?.invariant)));
    let Some((seed, invariant)) = failing else { panic!("the bug shows in no seed") };
    let again = |plan| run_plan(seed, options, plan, Record::Nothing).err().filter(|f| f.invariant == invariant);
    let before = plan_of(seed, options).len();
    let (plan, found) = shrink(seed, options, again);
    assert!(found.is_some() && plan.len() < before, "{} of {before} faults", plan.len());
    for at in 0..plan.len() {
        let mut fewer = plan.clone();
        fewer.remove(at);
        assert!(again(fewer).is_none(), "fault {at} of {plan:?} is not needed");
    }
    let told = run_plan(seed, options, plan, Record::End).err().map(|f| f.to_string()).unwrap_or_default();
    assert!(told.contains(invariant) && told.lines().count() > 10, "{told}");
}
