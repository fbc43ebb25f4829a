//! Text scenarios: stories in words that a support engineer can read and write, played against real arbiters.
//!
//! `tests/scenarios/*.txt` hold the stories (grammar: `tests/model/script.rs`), `tests/golden/scenarios/*.log` what was decided
//! in each: time, node, group, rule or event, action. `UPDATE_GOLDEN=1` writes the logs afresh; `SCENARIO=word` plays only those
//! whose name contains the word.

#[allow(dead_code, reason = "a model shared by several tests")]
mod model;

use model::script::Story;
use std::path::{Path, PathBuf};

fn stories() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    files
}

/// S20 S21 S22 S23 S13 S6 B1 B6: every story ends as it says, and decides what its golden log says, step by step.
#[test]
fn every_story_ends_as_it_says() {
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut failures = Vec::new();
    let mut played = 0;
    for file in stories() {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !name.contains(&only) {
            continue;
        }
        played += 1;
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
        let outcome = std::panic::catch_unwind(|| Story::play(&text));
        let log = match outcome {
            Ok(Ok(log)) => log,
            Ok(Err(problem)) => {
                failures.push(format!("{name}: {problem}"));
                continue;
            }
            Err(panic) => {
                let text = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                    .unwrap_or_default();
                failures.push(format!("{name}: panicked: {text}"));
                continue;
            }
        };
        if let Err(difference) = golden(&name, &log, update) {
            failures.push(difference);
        }
    }
    assert!(played > 0, "no scenario matches {only:?}");
    assert!(failures.is_empty(), "{} of {played} stories failed:\n\n{}", failures.len(), failures.join("\n\n"));
}

fn golden(name: &str, log: &str, update: bool) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/scenarios").join(format!("{name}.log"));
    if update {
        return std::fs::write(&path, log).map_err(|e| format!("{}: {e}", path.display()));
    }
    let expected = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    if expected == log {
        return Ok(());
    }
    let first = expected.lines().zip(log.lines()).position(|(a, b)| a != b).unwrap_or(0);
    Err(format!(
        "{name}: decisions differ from the golden log at line {}:\n  was: {}\n  is:  {}",
        first + 1,
        expected.lines().nth(first).unwrap_or("(end)"),
        log.lines().nth(first).unwrap_or("(end)")
    ))
}
