//! The flight recorder (B3): what a decision core was told, and when, in a bounded set of checked files.
//!
//! `NAME.record.N` in the state directory, N growing; one record a line: `<CRC-32C of the JSON, 8 hexadecimal digits> <JSON>`,
//! so that `cut -c10- FILE | jq` reads it. Each file begins with a [`Header`] and a whole checkpoint of the core, so each can be
//! replayed alone, and the oldest can be dropped at any time. The JSON is `{"n": …, "r": Record}`; `n` counts the records of
//! a run without a gap, so that a missing line is seen.
//!
//! Threading: [`Recorder`] belongs to the loop of the decisions and never waits: records go through a bounded queue to a
//! writer thread. What does not fit is dropped and counted; since a replay cannot go on past a hole, recording goes on with a new
//! file, whose second line says how much was lost. An error of the disk, or too little room on it, ends recording with one line
//! in the log and nothing else.
//! Nothing is flushed to the disk itself: a power cut may cost the last half minute, a killed process nothing but what was queued.

mod reader;
mod writer;

pub use reader::{Entry, RecordError, RecordReader, header, segments};

use hotpair_types::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Format of the files that this program writes, and the newest it reads.
pub const FORMAT: u32 = 1;
/// Bytes of all files of one name together.
pub const DEFAULT_BYTES: u64 = 64 << 20;
/// Recording ends rather than leave less than this free for the state file and the history.
pub const DEFAULT_MIN_FREE: u64 = 32 << 20;
/// A new file is begun when one has this fraction of all bytes.
const SEGMENTS: u64 = 8;
/// Records waiting for a slow disk; with views of some KiB each some MiB at most.
const QUEUED: usize = 1_024;
/// Dropping a recorder waits at most so long for what is queued to be written.
const FINISH: Duration = Duration::from_millis(500);

/// Where, how much, and on whose behalf is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Directory of the files; it must exist.
    pub directory: PathBuf,
    /// First part of the files' names: the daemon.
    pub name: String,
    /// Bytes of all files together, at least 64 KiB.
    pub bytes: u64,
    /// Bytes that stay free on the file system.
    pub min_free: u64,
    /// Who records.
    pub identity: Identity,
}

/// Who records: repeated in each header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Which core, as in `arbiter`.
    pub core: String,
    /// Version of the program.
    pub program: String,
    /// Name of the node.
    pub node: String,
    /// Boot of the node.
    pub boot: String,
    /// Run of the daemon.
    pub run: String,
}

/// The first record of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: u32,
    /// The number in the file's name.
    pub segment: u64,
    /// Who records.
    #[serde(flatten)]
    pub identity: Identity,
}

/// A record. `C` is the core, `S` one step of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record<C, S> {
    /// First line of a file.
    Header(Header),
    /// Steps were lost before the checkpoint that follows; only as the second line of a file.
    Gap {
        /// How many.
        lost: u64,
    },
    /// The whole core; the steps that follow were done from here on.
    Checkpoint {
        /// When, by the clock of decisions.
        at: Timestamp,
        /// The same instant by the wall clock, in milliseconds since 1970; for people.
        wall_ms: u64,
        /// The core.
        state: Box<C>,
    },
    /// A step.
    Step(S),
    /// The process ended in order.
    End,
}

/// A line, its checksum apart.
#[derive(Serialize, Deserialize)]
struct Line<C, S> {
    n: u64,
    r: Record<C, S>,
}

enum Message<C, S> {
    Checkpoint { at: Timestamp, wall_ms: u64, lost: u64, state: Box<C> },
    Step(S),
}

#[derive(Debug, Default)]
struct Shared {
    queued: AtomicUsize,
    /// The file is large enough: the writer asks for a checkpoint, with which it begins the next.
    roll: AtomicBool,
}

/// The loop's end of the recorder. `C` is the core, `S` a step.
#[derive(Debug)]
pub struct Recorder<C, S> {
    sender: Option<SyncSender<Message<C, S>>>,
    shared: Arc<Shared>,
    capacity: usize,
    /// Steps can be recorded: every one since the last checkpoint was.
    synced: bool,
    lost: u64,
    done: Option<Receiver<()>>,
}

impl<C: Serialize + Send + 'static, S: Serialize + Send + 'static> Recorder<C, S> {
    /// A recorder with its thread. Cannot fail: if the thread cannot be started, that is logged, and nothing is recorded.
    #[must_use]
    pub fn start(options: Options) -> Self {
        let name = options.name.clone();
        let (mut recorder, worker) = Self::with_capacity(options, QUEUED);
        let (ended, done) = sync_channel(1);
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            worker.run();
            // Nobody waits when the recorder was dropped long ago.
            let _: Result<(), _> = ended.send(());
        });
        match thread {
            Ok(_) => recorder.done = Some(done),
            Err(error) => {
                tracing::warn!(%error, "{name} records nothing: the recorder's thread cannot be started");
                recorder.sender = None;
            }
        }
        recorder
    }

    fn with_capacity(options: Options, capacity: usize) -> (Self, writer::Worker<C, S>) {
        let (sender, receiver) = sync_channel(capacity);
        let shared = Arc::new(Shared::default());
        let recorder =
            Self { sender: Some(sender), shared: Arc::clone(&shared), capacity, synced: false, lost: 0, done: None };
        (recorder, writer::Worker::new(options, receiver, shared))
    }
}

impl<C, S> Recorder<C, S> {
    /// A recorder that records nothing.
    #[must_use]
    pub fn off() -> Self {
        Self { sender: None, shared: Arc::default(), capacity: 0, synced: false, lost: 0, done: None }
    }

    /// A [`Recorder::record`] now would be of use. (False: before the first checkpoint, after a loss, and when recording ended.)
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.synced && self.sender.is_some()
    }

    /// A [`Recorder::checkpoint`] is due: at the start, after a loss, and when a file is full.
    #[must_use]
    pub fn wants_checkpoint(&self) -> bool {
        if self.sender.is_none() {
            return false;
        }
        if self.synced {
            return self.shared.roll.load(Ordering::Relaxed);
        }
        // After a loss, wait until the disk has caught up by half.
        self.shared.queued.load(Ordering::Relaxed) <= self.capacity / 2
    }

    /// Hands over the whole core as it is at `at`; a new file begins with it.
    pub fn checkpoint(&mut self, state: C, at: Timestamp) {
        let wall_ms = crate::clock::wall_clock_unix_ms();
        self.shared.roll.store(false, Ordering::Relaxed);
        let lost = self.lost;
        if self.send(Message::Checkpoint { at, wall_ms, lost, state: Box::new(state) }) {
            self.synced = true;
            self.lost = 0;
        } else {
            self.synced = false;
        }
    }

    /// Records a step. Without a checkpoint since the last loss it is only counted.
    pub fn record(&mut self, step: S) {
        if !self.is_recording() || !self.send(Message::Step(step)) {
            self.missed();
        }
    }

    /// Counts a step that was not handed to [`Recorder::record`] because nothing [is recording](Recorder::is_recording).
    pub fn missed(&mut self) {
        self.synced = false;
        self.lost = self.lost.saturating_add(1);
    }

    /// Records handed over and not yet written.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.shared.queued.load(Ordering::Relaxed)
    }

    /// Steps lost since the last checkpoint.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn send(&mut self, message: Message<C, S>) -> bool {
        let Some(sender) = &self.sender else { return false };
        // Counted before it is sent: the writer may have taken it by the time this returns.
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        match sender.try_send(message) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.shared.queued.fetch_sub(1, Ordering::Relaxed);
                false
            }
            Err(TrySendError::Disconnected(_)) => {
                // The writer has given up, and has said so.
                self.sender = None;
                false
            }
        }
    }
}

impl<C, S> Drop for Recorder<C, S> {
    /// Lets the writer finish what is queued, but a stuck disk holds nobody up for long.
    fn drop(&mut self) {
        self.sender = None;
        if let Some(done) = self.done.take() {
            // Late or gone: there is nothing more to be done about it.
            let _: Result<(), _> = done.recv_timeout(FINISH);
        }
    }
}

#[cfg(test)]
mod tests;
