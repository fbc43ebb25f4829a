//! Flight recorder and replay of the decision cores (B3).
//!
//! [`Recorded`] stands where a daemon's driver has its core: same verbs, and each input goes with its instant and a digest of what
//! the core answered into [`hotpair_runtime::recorder`]. [`replay`] feeds the record to the same core code and compares: the same
//! decisions come out, or it says at which line they differ. It reads files only and acts on nothing.
//!
//! - `arbiter`, `resource`: the two cores and words for what they put out
//! - `rerun`: the replay · `story`: a recorded incident as the draft of a text scenario

pub mod arbiter;
mod rerun;
pub mod resource;
pub mod story;

pub use rerun::{Mismatch, Moment, ReplayReport, Seen, replay};

use crc::{CRC_64_XZ, Crc};
use hotpair_runtime::recorder::{DEFAULT_BYTES, DEFAULT_MIN_FREE, Identity, Options, Recorder};
use hotpair_types::Timestamp;
use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::VecDeque;
use std::ops::Deref;
use std::path::Path;

const CHECK: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);

/// A decision core: plain data with five verbs.
pub trait Core: Clone + Serialize + DeserializeOwned + Send + 'static {
    /// What it is told.
    type Input: Clone + Serialize + DeserializeOwned + Send + 'static;
    /// What it wants done.
    type Output: Clone + Serialize + Send + 'static;
    /// Its name in the record.
    const NAME: &'static str;

    /// Takes an input.
    fn handle_input(&mut self, input: Self::Input, now: Timestamp);
    /// Lets deadlines take effect.
    fn handle_timeout(&mut self, now: Timestamp);
    /// The next deadline.
    fn poll_timeout(&self) -> Option<Timestamp>;
    /// The next thing to do.
    fn poll_output(&mut self) -> Option<Self::Output>;

    /// Takes out of an input what the core does not look at and what would only fill the record.
    fn slim(_input: &mut Self::Input) {}
    /// A short word for an output; `None`: it decides nothing and is not recorded.
    fn word(output: &Self::Output) -> Option<String>;
}

/// One step as it stands in the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step<I> {
    /// When, by the clock of decisions.
    pub at: Timestamp,
    /// What the core was told; nothing: a deadline passed.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub input: Option<I>,
    /// What it wanted done, a word for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub did: Vec<String>,
    /// CRC-64 of the outputs' JSON in hexadecimal; empty if there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
}

/// Words and digest of the outputs that decide something.
pub(crate) fn summary<C: Core>(outputs: &[C::Output]) -> Result<(Vec<String>, String), serde_json::Error> {
    let mut words = Vec::new();
    let mut digest = CHECK.digest();
    for output in outputs {
        if let Some(word) = C::word(output) {
            words.push(word);
            digest.update(&serde_json::to_vec(output)?);
        }
    }
    let digest = if words.is_empty() { String::new() } else { format!("{:016x}", digest.finalize()) };
    Ok((words, digest))
}

/// A step on its way into the record. Digest and words are made where it is written down: on the recorder's thread.
pub struct Taken<C: Core> {
    at: Timestamp,
    input: Option<C::Input>,
    outputs: Vec<C::Output>,
}

impl<C: Core> Serialize for Taken<C> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (did, digest) = summary::<C>(&self.outputs).map_err(S::Error::custom)?;
        Step { at: self.at, input: self.input.as_ref(), did, digest }.serialize(to)
    }
}

/// A core whose inputs are recorded.
///
/// *Invariant:* recording changes no decision and never waits.
pub struct Recorded<C: Core> {
    core: C,
    recorder: Recorder<C, Taken<C>>,
    outputs: VecDeque<C::Output>,
}

impl<C: Core> Recorded<C> {
    /// Records `core` from now on.
    #[must_use]
    pub fn new(mut core: C, recorder: Recorder<C, Taken<C>>, now: Timestamp) -> Self {
        let mut outputs = VecDeque::new();
        while let Some(output) = core.poll_output() {
            outputs.push_back(output);
        }
        let mut this = Self { core, recorder, outputs };
        this.checkpoint(now);
        this
    }

    /// Takes an input.
    pub fn handle_input(&mut self, mut input: C::Input, now: Timestamp) {
        C::slim(&mut input);
        self.step(Some(input), now);
    }

    /// Lets deadlines that have passed take effect.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.step(None, now);
    }

    /// The next thing to do, if any.
    pub fn poll_output(&mut self) -> Option<C::Output> {
        self.outputs.pop_front()
    }

    /// When [`Recorded::handle_timeout`] wants to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.core.poll_timeout()
    }

    /// The core, for looking.
    #[must_use]
    pub fn core(&self) -> &C {
        &self.core
    }

    /// The recorder, for looking how it fares.
    #[must_use]
    pub fn recorder(&self) -> &Recorder<C, Taken<C>> {
        &self.recorder
    }

    fn checkpoint(&mut self, now: Timestamp) {
        if self.recorder.wants_checkpoint() {
            self.recorder.checkpoint(self.core.clone(), now);
        }
    }

    fn step(&mut self, input: Option<C::Input>, now: Timestamp) {
        self.checkpoint(now);
        let recording = self.recorder.is_recording();
        let kept = if recording { input.clone() } else { None };
        match input {
            Some(input) => self.core.handle_input(input, now),
            None => self.core.handle_timeout(now),
        }
        let before = self.outputs.len();
        while let Some(output) = self.core.poll_output() {
            self.outputs.push_back(output);
        }
        if recording {
            let outputs = self.outputs.iter().skip(before).cloned().collect();
            self.recorder.record(Taken { at: now, input: kept, outputs });
        } else {
            self.recorder.missed();
        }
    }
}

/// A recorder for a daemon's core, with files of the standard size in its state directory.
#[must_use]
pub fn recorder<C: Core>(state_dir: &Path, process: &Process<'_>) -> Recorder<C, Taken<C>> {
    Recorder::start(Options {
        directory: state_dir.to_owned(),
        name: process.daemon.to_owned(),
        bytes: DEFAULT_BYTES,
        min_free: DEFAULT_MIN_FREE,
        identity: Identity {
            core: C::NAME.to_owned(),
            program: process.version.to_owned(),
            node: process.node.to_owned(),
            boot: process.boot.to_owned(),
            run: process.run.to_owned(),
        },
    })
}

/// The daemon that records.
#[derive(Clone, Copy, Debug)]
pub struct Process<'a> {
    /// Its name, which is also the first part of the files' names.
    pub daemon: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Name of the node.
    pub node: &'a str,
    /// Boot of the node.
    pub boot: &'a str,
    /// Run of the daemon.
    pub run: &'a str,
}

/// For looking: nothing that changes the core gets past the record.
impl<C: Core> Deref for Recorded<C> {
    type Target = C;
    fn deref(&self) -> &C {
        &self.core
    }
}
