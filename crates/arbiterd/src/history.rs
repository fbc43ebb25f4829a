//! The history of events: an SQLite database on a thread of its own, behind a bounded queue.
//!
//! Nothing here can hold up a decision: a full queue drops the event and counts it, a broken database is put aside and a
//! new one begun, and where nothing can be written the newest events are kept in memory. Ids grow, also over restarts.
//! Wall-clock times are for people only.

mod database;
mod numbers;

use arbiter_core::io::Severity;
use database::Database;
use hotpair_types::{BootId, Timestamp};
use numbers::Numbers;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tokio::sync::{broadcast, oneshot};

/// Name of the database in the state directory.
pub const DATABASE_FILE: &str = "history.db";
/// Events and questions waiting for a slow disk.
const QUEUE: usize = 4_096;
/// Events a slow watcher may lag behind before it has to ask the database.
const LIVE: usize = 1_024;
/// Events kept in memory while the disk refuses them.
const HELD: usize = 1_024;
/// Events written in one transaction.
const BATCH: usize = 256;

/// An event as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Wall clock, milliseconds since 1970: for people.
    pub wall_ms: u64,
    /// When, in this boot's clock.
    pub at: Timestamp,
    /// The boot.
    pub boot: BootId,
    /// Message id.
    pub message_id: String,
    /// How bad.
    pub severity: Severity,
    /// The group concerned; empty: none.
    pub group: String,
    /// The resource, path or node concerned; empty: none.
    pub subject: String,
    /// Parameters of the message.
    pub parameters: BTreeMap<String, String>,
    /// Facts and evidence behind a decision.
    pub facts: BTreeMap<String, String>,
}

/// An event with its place in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Grows by one.
    pub id: u64,
    /// The event.
    pub record: Record,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// At most so many; the newest ones, or with `oldest_first` the first ones.
    pub limit: u32,
    /// Only with a greater id.
    pub after_id: u64,
    /// Only with a smaller or this id; `None`: all.
    pub up_to_id: Option<u64>,
    /// Only of this group (an event without a group counts for none); empty: all.
    pub group: String,
    /// Only with this message id; empty: all.
    pub message_id: String,
    /// Take the first of them instead of the newest.
    pub oldest_first: bool,
}

impl Query {
    fn matches(&self, entry: &Entry) -> bool {
        entry.id > self.after_id
            && self.up_to_id.is_none_or(|last| entry.id <= last)
            && (self.group.is_empty() || self.group == entry.record.group)
            && (self.message_id.is_empty() || self.message_id == entry.record.message_id)
    }
}

enum Command {
    Record(Record),
    Read(Query, oneshot::Sender<Vec<Entry>>),
    Limit(u64),
}

/// Handle to the history; clones share it.
#[derive(Clone)]
pub struct History {
    commands: SyncSender<Command>,
    live: broadcast::Sender<Arc<Entry>>,
    dropped: Arc<AtomicU64>,
}

impl History {
    /// Starts the thread; the database is opened on it. `max_events` are kept. `trouble` makes the record that tells of a
    /// damaged or unusable database, from the reason.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn start(
        directory: &Path,
        max_events: u64,
        trouble: impl Fn(Trouble) -> Record + Send + 'static,
    ) -> io::Result<Self> {
        let (commands, queue) = sync_channel(QUEUE);
        let (live, _) = broadcast::channel(LIVE);
        let path = directory.join(DATABASE_FILE);
        let mut keeper =
            Keeper { max_events, last_id: 0, held: VecDeque::new(), lost: 0, live: live.clone(), failing: false };
        std::thread::Builder::new().name("history".to_owned()).stack_size(1 << 20).spawn(move || {
            keeper.run(&path, &queue, &trouble);
        })?;
        Ok(Self { commands, live, dropped: Arc::new(AtomicU64::new(0)) })
    }

    /// Records an event. Never waits: with a full queue the event is dropped and counted.
    pub fn record(&self, record: Record) {
        match self.commands.try_send(Command::Record(record)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                let before = self.dropped.fetch_add(1, Ordering::Relaxed);
                if before.is_power_of_two() || before == 0 {
                    tracing::warn!(dropped = before + 1, "the history is too slow: events are dropped from it");
                }
            }
        }
    }

    /// Events that were dropped because the disk was too slow.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Changes how many events are kept.
    pub fn set_limit(&self, max_events: u64) {
        if self.commands.try_send(Command::Limit(max_events)).is_err() {
            tracing::warn!("the history is too slow: its new limit counts from the next reload");
        }
    }

    /// Reads events, oldest first. `None`: the history is too busy or gone.
    pub async fn read(&self, query: Query) -> Option<Vec<Entry>> {
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(Command::Read(query, reply)).ok()?;
        answer.await.ok()
    }

    /// New events as they are recorded.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Arc<Entry>> {
        self.live.subscribe()
    }
}

/// What is wrong with the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It was damaged, and was put aside.
    Damaged {
        /// What SQLite says.
        why: String,
        /// Where it is now.
        aside: String,
    },
    /// It cannot be used: events are kept in memory only.
    Unusable {
        /// What SQLite says.
        why: String,
    },
}

/// The thread's side.
struct Keeper {
    max_events: u64,
    last_id: u64,
    /// Events that are not in the database (yet).
    held: VecDeque<Arc<Entry>>,
    /// Events that were pushed out of `held`.
    lost: u64,
    live: broadcast::Sender<Arc<Entry>>,
    failing: bool,
}

impl Keeper {
    fn run(&mut self, path: &Path, queue: &Receiver<Command>, trouble: &impl Fn(Trouble) -> Record) {
        let (mut database, found) = Database::open(path);
        let mut numbers = Numbers::open(path);
        self.last_id = match (&database, &found) {
            // What the database says is exact, unless it is a new one in the place of one that was put aside.
            (Some(database), None) => database.last_id(),
            _ => numbers.reserved(),
        };
        if let Some(found) = found {
            tracing::error!(trouble = ?found, "the history database is damaged or unusable");
            numbers.reserve(self.last_id.saturating_add(1));
            self.take(trouble(found));
        }
        while let Ok(command) = queue.recv() {
            let mut next = Some(command);
            let mut taken = 0;
            while let Some(command) = next.take() {
                match command {
                    Command::Record(record) => {
                        numbers.reserve(self.last_id.saturating_add(1));
                        self.take(record);
                    }
                    Command::Read(query, reply) => {
                        self.flush(&mut database, path);
                        // Nobody waits any more: a client that went away.
                        drop(reply.send(self.read(database.as_ref(), &query)));
                    }
                    Command::Limit(limit) => self.max_events = limit,
                }
                taken += 1;
                if taken < BATCH {
                    next = queue.try_recv().ok();
                }
            }
            self.flush(&mut database, path);
        }
    }

    /// Numbers an event and shows it to watchers.
    fn take(&mut self, record: Record) {
        self.last_id = self.last_id.saturating_add(1);
        let entry = Arc::new(Entry { id: self.last_id, record });
        // No watcher is no error.
        drop(self.live.send(Arc::clone(&entry)));
        if self.held.len() >= HELD {
            self.held.pop_front();
            self.lost = self.lost.saturating_add(1);
        }
        self.held.push_back(entry);
    }

    /// Moves what is held into the database, all or nothing.
    fn flush(&mut self, database: &mut Option<Database>, path: &Path) {
        if self.held.is_empty() {
            return;
        }
        if database.is_none() {
            // It could not be opened before: perhaps now.
            *database = Database::open(path).0;
        }
        let Some(open) = database.as_mut() else { return };
        match open.append(self.held.make_contiguous(), self.max_events) {
            Ok(()) => {
                self.held.clear();
                if self.failing {
                    tracing::info!(lost = self.lost, "the history can be written again");
                }
                self.failing = false;
                self.lost = 0;
            }
            Err(error) => {
                if !self.failing {
                    tracing::warn!(%error, "the history cannot be written: the newest events are kept in memory");
                }
                self.failing = true;
                if database::is_damage(&error) {
                    *database = None;
                }
            }
        }
    }

    fn read(&self, database: Option<&Database>, query: &Query) -> Vec<Entry> {
        let mut entries = match database.map(|d| d.read(query)) {
            Some(Ok(entries)) => entries,
            Some(Err(error)) => {
                tracing::warn!(%error, "the history cannot be read");
                Vec::new()
            }
            None => Vec::new(),
        };
        entries.extend(self.held.iter().filter(|e| query.matches(e)).map(|e| Entry::clone(e)));
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        if query.oldest_first {
            entries.truncate(limit);
        } else {
            entries.drain(..entries.len().saturating_sub(limit));
        }
        entries
    }
}
