//! The durable state on disk: a thread of its own, so that a slow or full disk never stops the loop.
//!
//! Threading: [`Store`] lives in the loop; the thread takes the newest waiting state, writes it with two fsyncs and
//! answers every ticket that this write satisfies. What waits is replaced, never queued: a state is whole.
//! *Invariant:* a ticket is answered as stored only after a state at least as new as the ticket's is durable.

use arbiter_core::io::{Durable, Ticket};
use hotpair_runtime::state_file::{Loaded, StateFile};
use hotpair_types::{BootId, GroupSettings, Timestamp, Until};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Name of the state file in the state directory.
pub const STATE_FILE: &str = "arbiterd.state";

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The ticket.
    pub ticket: Ticket,
    /// Why not, if it failed.
    pub result: Result<(), String>,
}

/// What was found at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing: this node's first start.
    Nothing,
    /// The newest state.
    State {
        /// The state, its ends in this boot's clock.
        durable: Durable,
        /// It was begun anew after a loss, and the peer was not heard since: epochs may be missing in it.
        incomplete: bool,
    },
    /// Something is there but cannot be trusted: the node knows nothing and says so.
    Untrusted {
        /// What is wrong, with paths.
        why: String,
    },
}

/// The state as JSON. Ends are stored as time left at `written_at`, since the next boot has another clock.
#[derive(Debug, Serialize, Deserialize)]
struct OnDisk {
    written_at: Timestamp,
    #[serde(default)]
    incomplete: bool,
    durable: Durable,
}

/// Reads what the last run left, for a run in `boot` that began at `now`.
///
/// The older of two generations is not used: an epoch may be missing in it, and a node that knows too little must
/// rather know nothing (it then holds until it hears its peer).
#[must_use]
pub fn load(file: &StateFile, boot: BootId, now: Timestamp) -> Found {
    match file.load() {
        Loaded::Missing => Found::Nothing,
        Loaded::Good(payload) => match serde_json::from_str::<OnDisk>(&payload) {
            Ok(on_disk) => Found::State { incomplete: on_disk.incomplete, durable: revive(on_disk, boot, now) },
            Err(error) => Found::Untrusted { why: format!("{}: {error}", file.path().display()) },
        },
        Loaded::RecoveredFromPrevious { why, .. } => Found::Untrusted {
            why: format!("{why}; the generation before it is intact, but may lack the newest epochs"),
        },
        Loaded::Corrupt { why } => Found::Untrusted { why },
    }
}

/// Turns times left back into instants: of the same boot exactly, of another one counted from now.
fn revive(on_disk: OnDisk, boot: BootId, now: Timestamp) -> Durable {
    let OnDisk { written_at, mut durable, incomplete: _ } = on_disk;
    let base = if durable.boot == boot { written_at } else { now };
    each_end(&mut durable, |end| Until(base.after(end.0.since(Timestamp::ZERO))));
    durable
}

/// The text for the state file. `incomplete`: see [`Found::State`].
///
/// # Errors
/// None is known for these types; passed on rather than assumed.
pub fn encode(durable: &Durable, incomplete: bool, now: Timestamp) -> Result<String, serde_json::Error> {
    let mut durable = durable.clone();
    each_end(&mut durable, |end| Until(Timestamp::ZERO.after(end.left(now))));
    serde_json::to_string_pretty(&OnDisk { written_at: now, incomplete, durable })
}

fn each_end(durable: &mut Durable, change: impl Fn(Until) -> Until) {
    for group in durable.groups.values_mut() {
        let GroupSettings { frozen, maintenance, moves, clear: _ } = &mut group.settings.value;
        for end in frozen.iter_mut().chain(maintenance.iter_mut()).chain(moves.iter_mut()) {
            *end = change(*end);
        }
    }
}

#[derive(Default)]
struct Shared {
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

#[derive(Default)]
struct Wanted {
    /// Tickets that wait, and the newest text.
    newest: Option<(Vec<Ticket>, String)>,
    stop: bool,
}

/// Handle to the writing thread. Dropping it writes what still waits and ends the thread.
pub struct Store {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Store {
    /// Starts the thread. `answer` is called on it for every ticket.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn start(file: StateFile, answer: impl Fn(Stored) + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new().name("store".to_owned()).stack_size(256 << 10).spawn({
            let shared = Arc::clone(&shared);
            move || write_newest(&shared, &file, &answer)
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Asks for `text` to be made durable; replaces what waits (its tickets are answered by this write).
    pub fn write(&self, ticket: Ticket, text: String) {
        let mut wanted = self.shared.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tickets = wanted.newest.take().map(|(tickets, _)| tickets).unwrap_or_default();
        tickets.push(ticket);
        wanted.newest = Some((tickets, text));
        self.shared.changed.notify_one();
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.wanted.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.shared.changed.notify_one();
        // A disk that hangs must not hang the end: the process exits past a thread that is still writing.
        if let Some(thread) = self.thread.take().filter(JoinHandle::is_finished)
            && thread.join().is_err()
        {
            tracing::error!("the store thread had panicked");
        }
    }
}

fn write_newest(shared: &Shared, file: &StateFile, answer: &impl Fn(Stored)) {
    loop {
        let (tickets, text) = {
            let mut wanted = shared.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                if let Some(newest) = wanted.newest.take() {
                    break newest;
                }
                if wanted.stop {
                    return;
                }
                wanted = shared.changed.wait(wanted).unwrap_or_else(PoisonError::into_inner);
            }
        };
        let result = file.store(&text).map_err(|error| error.to_string());
        for ticket in tickets {
            answer(Stored { ticket, result: result.clone() });
        }
    }
}
