//! The replay: from each checkpoint on, the recorded inputs go into the core again, and what comes out is compared.
//!
//! Past a hole (a gap, damage, a record that is not understood) nothing is replayed before the next checkpoint. Where one file
//! of a run follows another without a hole, the replayed core is also compared with the checkpoint, field by field.

use crate::{Core, Step, summary};
use hotpair_runtime::recorder::{Entry, Header, Record, RecordError, RecordReader};
use hotpair_types::Timestamp;
use std::collections::BTreeSet;
use std::path::Path;

/// Differences kept in a report; more are counted only.
const KEPT: usize = 100;

/// What a replay found.
#[derive(Debug, Default)]
pub struct ReplayReport {
    /// Programs that recorded, by version.
    pub programs: BTreeSet<String>,
    /// Checkpoints from which was replayed.
    pub checkpoints: u64,
    /// Steps replayed.
    pub steps: u64,
    /// Outputs that decide something, in those steps.
    pub decisions: u64,
    /// Steps that were recorded but could not be replayed for lack of a checkpoint before them.
    pub skipped: u64,
    /// Steps that the recorder lost, and marked as lost.
    pub lost: u64,
    /// Recordings that ended without notice: killed processes, power cuts, or one that still runs.
    pub torn: u64,
    /// The first differences.
    pub mismatches: Vec<Mismatch>,
    /// How many there are in all.
    pub mismatch_count: u64,
    /// Damage and records not understood, in words.
    pub damage: Vec<String>,
}

impl ReplayReport {
    /// Something was replayed, and everything that was came out as recorded, with no damage met.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.checkpoints > 0 && self.mismatch_count == 0 && self.damage.is_empty()
    }

    fn differs(&mut self, mismatch: Mismatch) {
        self.mismatch_count = self.mismatch_count.saturating_add(1);
        if self.mismatches.len() < KEPT {
            self.mismatches.push(mismatch);
        }
    }
}

/// A step that came out otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// File and line.
    pub place: String,
    /// When.
    pub at: Timestamp,
    /// What was recorded.
    pub recorded: Vec<String>,
    /// What came out now.
    pub replayed: Vec<String>,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = |all: &[String]| if all.is_empty() { "nothing".to_owned() } else { all.join(", ") };
        write!(f, "{} at {}: ", self.place, self.at)?;
        if self.recorded == self.replayed {
            write!(f, "the same kinds of output ({}), but other content", words(&self.recorded))
        } else {
            write!(f, "recorded: {}; now: {}", words(&self.recorded), words(&self.replayed))
        }
    }
}

/// A step as it was replayed.
pub struct Moment<'a, C: Core> {
    /// Number of the step, from 1, over everything that is read.
    pub number: u64,
    /// File.
    pub file: &'a Path,
    /// Line in it.
    pub line: u64,
    /// When, by the clock of decisions.
    pub at: Timestamp,
    /// The same by the wall clock as it stood at the checkpoint, in milliseconds since 1970.
    pub wall_ms: u64,
    /// The core after the step.
    pub core: &'a C,
    /// What it was told; `None`: a deadline passed.
    pub input: Option<&'a C::Input>,
    /// What it wants done.
    pub outputs: &'a [C::Output],
    /// The same as recorded.
    pub same: bool,
}

/// What a replay passes by.
pub enum Seen<'a, C: Core> {
    /// A file begins.
    File(&'a Header),
    /// A new run begins, or recording goes on after a hole: everything is as in this core.
    Checkpoint {
        /// When, by the clock of decisions.
        at: Timestamp,
        /// When, by the wall clock.
        wall_ms: u64,
        /// The core.
        core: &'a C,
    },
    /// Steps are missing.
    Gap {
        /// How many.
        lost: u64,
    },
    /// A step.
    Step(Moment<'a, C>),
    /// The process ended in order.
    End,
    /// Damage.
    Trouble(&'a RecordError),
}

struct Running<C> {
    core: C,
    at: Timestamp,
    wall_ms: u64,
    run: String,
}

/// Replays everything the reader gives and shows each thing to `visit`. Acts on nothing.
pub fn replay<C: Core>(reader: RecordReader<C, Step<C::Input>>, mut visit: impl FnMut(Seen<'_, C>)) -> ReplayReport {
    let mut report = ReplayReport::default();
    let mut running: Option<Running<C>> = None;
    let mut run = String::new();
    for entry in reader {
        let Entry { file, line, record } = match entry {
            Ok(entry) => entry,
            Err(error) => {
                if error.is_torn_tail() {
                    report.torn = report.torn.saturating_add(1);
                } else {
                    report.damage.push(error.to_string());
                }
                visit(Seen::Trouble(&error));
                running = None;
                continue;
            }
        };
        match record {
            Record::Header(header) => {
                report.programs.insert(header.identity.program.clone());
                run.clone_from(&header.identity.run);
                if running.as_ref().is_some_and(|r| r.run != run) {
                    // The run before ended without a word.
                    running = None;
                    report.torn = report.torn.saturating_add(1);
                }
                visit(Seen::File(&header));
            }
            Record::Gap { lost } => {
                report.lost = report.lost.saturating_add(lost);
                running = None;
                visit(Seen::Gap { lost });
            }
            Record::Checkpoint { at, wall_ms, state } => {
                report.checkpoints = report.checkpoints.saturating_add(1);
                match &running {
                    Some(before) => compare(&before.core, &state, &place(&file, line), at, &mut report),
                    None => visit(Seen::Checkpoint { at, wall_ms, core: &state }),
                }
                running = Some(Running { core: *state, at, wall_ms, run: run.clone() });
            }
            Record::Step(step) => match &mut running {
                Some(running) => one(running, step, &file, line, &mut report, &mut visit),
                None => report.skipped = report.skipped.saturating_add(1),
            },
            Record::End => {
                running = None;
                visit(Seen::End);
            }
        }
    }
    report
}

fn place(file: &Path, line: u64) -> String {
    format!("{}: line {line}", file.display())
}

fn one<C: Core>(
    running: &mut Running<C>,
    step: Step<C::Input>,
    file: &Path,
    line: u64,
    report: &mut ReplayReport,
    visit: &mut impl FnMut(Seen<'_, C>),
) {
    let core = &mut running.core;
    match step.input.clone() {
        Some(input) => core.handle_input(input, step.at),
        None => core.handle_timeout(step.at),
    }
    let outputs: Vec<C::Output> = std::iter::from_fn(|| core.poll_output()).collect();
    report.steps = report.steps.saturating_add(1);
    let same = match summary::<C>(&outputs) {
        Ok((did, digest)) => {
            report.decisions = report.decisions.saturating_add(u64::try_from(did.len()).unwrap_or(0));
            let same = digest == step.digest && did == step.did;
            if !same {
                report.differs(Mismatch { place: place(file, line), at: step.at, recorded: step.did, replayed: did });
            }
            same
        }
        Err(error) => {
            report.damage.push(format!("{}: {error}", place(file, line)));
            false
        }
    };
    let passed = u64::try_from(step.at.since(running.at).as_millis()).unwrap_or(u64::MAX);
    visit(Seen::Step(Moment {
        number: report.steps,
        file,
        line,
        at: step.at,
        wall_ms: running.wall_ms.saturating_add(passed),
        core: &running.core,
        input: step.input.as_ref(),
        outputs: &outputs,
        same,
    }));
}

/// A checkpoint in the middle of a run must be what the replay has come to.
fn compare<C: Core>(replayed: &C, recorded: &C, place: &str, at: Timestamp, report: &mut ReplayReport) {
    let (ours, theirs) = match (serde_json::to_value(replayed), serde_json::to_value(recorded)) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(error), _) | (_, Err(error)) => {
            report.damage.push(format!("{place}: {error}"));
            return;
        }
    };
    if ours == theirs {
        return;
    }
    let fields: Vec<String> = match (ours.as_object(), theirs.as_object()) {
        (Some(ours), Some(theirs)) => {
            ours.iter().filter(|(name, value)| theirs.get(*name) != Some(value)).map(|(name, _)| name.clone()).collect()
        }
        _ => Vec::new(),
    };
    report.differs(Mismatch {
        place: place.to_owned(),
        at,
        recorded: vec!["a checkpoint".to_owned()],
        replayed: vec![format!("a state that differs in: {}", fields.join(", "))],
    });
}
