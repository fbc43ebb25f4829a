//! The simulator finds bugs: every one of the table, within a bounded number of seeds, and none where there is none.
//!
//! `MUTANT=n,…` plays only those; `MUTANT_SEEDS=n` sets the number of seeds at which a search gives up; `TIMELINE=1` with `MUTANT`
//! prints what led to each violation.

use mutants::{Mutant, copy, table};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Seeds after which a search gives up.
const SEEDS: u64 = 3_000;
/// The code as it is must at least hold for so many seeds, and for every seed at which a bug was found.
const SEEDS_WITHOUT: u64 = 200;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap_or_else(|e| panic!("source tree: {e}"))
}

/// Builds the copy; returns its program.
fn build() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
    let copy_at = place.join("source");
    if let Err(errors) = copy::make(&root(), &copy_at, &table::all(), include_str!("../driver/main.rs")) {
        panic!("the table of bugs does not fit the code any more:\n{}", errors.join("\n"));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--offline", "-p", "sweep", "--target-dir"])
        .arg(place.join("target"))
        .current_dir(&copy_at)
        // A bug leaves things unused behind.
        .env("RUSTFLAGS", "--cap-lints=warn -Awarnings")
        .stdin(Stdio::null())
        .status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "the copy does not build: {status:?}");
    place.join("target/debug/sweep")
}

/// Plays seeds with one bug on; the program's last line.
fn play(program: &Path, id: u32, first: u64, last: u64, wanted: &str) -> Result<String, String> {
    let output = Command::new(program)
        .args([id.to_string(), first.to_string(), last.to_string(), wanted.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{}: {e}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if std::env::var_os("TIMELINE").is_some() {
        println!("{text}");
    }
    match text.lines().last() {
        Some(line) if output.status.success() => Ok(line.to_string()),
        _ => Err(format!("mutant {id}: ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr))),
    }
}

/// What became of each search: the seed that was needed, or why it failed.
fn search(program: &Path, mutants: &[Mutant]) -> (Vec<String>, Vec<String>, u64) {
    let seeds = number("MUTANT_SEEDS").unwrap_or(SEEDS);
    let next = AtomicUsize::new(0);
    let most = AtomicU64::new(0);
    let lines = Mutex::new(Vec::new());
    let missed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from).min(8) {
            scope.spawn(|| {
                while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let answer = play(program, mutant.id, 1, seeds, &mutant.noticed_by.join(","));
                    let line = answer.unwrap_or_else(|e| e);
                    let found: Option<u64> =
                        line.strip_prefix("found ").and_then(|l| l.split(' ').next()?.parse().ok());
                    match found {
                        Some(seed) => {
                            most.fetch_max(seed, Ordering::Relaxed);
                            let by = line.rsplit(' ').next().unwrap_or_default();
                            let text = format!("{:>3}  seed {seed:>5}  {by:<20} {}", mutant.id, mutant.what);
                            println!("{text}");
                            lines.lock().unwrap_or_else(PoisonError::into_inner).push((mutant.id, text));
                        }
                        None => {
                            let text = format!("{:>3}  {} [{line}]", mutant.id, mutant.what);
                            println!("{text}");
                            missed.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                        }
                    }
                }
            });
        }
    });
    let mut lines = lines.into_inner().unwrap_or_else(PoisonError::into_inner);
    lines.sort();
    let missed = missed.into_inner().unwrap_or_else(PoisonError::into_inner);
    (lines.into_iter().map(|(_, line)| line).collect(), missed, most.into_inner())
}

/// B3, FAULTS S1-S16: the simulator's statements notice each bug of the table; the code as it is passes the same seeds.
#[test]
fn every_bug_is_found() {
    let program = build();
    let mut mutants = table::all();
    assert!(mutants.len() >= 20, "at least twenty bugs are kept");
    assert!(mutants.windows(2).all(|w| w[0].id < w[1].id), "numbers are used once");
    if let Ok(only) = std::env::var("MUTANT") {
        mutants.retain(|m| only.split(',').any(|id| id == m.id.to_string()));
    }
    let (found, missed, most) = search(&program, &mutants);
    println!(" no  found at    noticed by           bug\n{}", found.join("\n"));
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
    let until = most.max(SEEDS_WITHOUT);
    let well = play(&program, 0, 1, until, "any").unwrap_or_else(|e| e);
    assert!(well.starts_with("none"), "the code as it is violates something at a seed that found a bug: {well}");
    println!("without a bug: seeds 1 to {until} hold");
}
