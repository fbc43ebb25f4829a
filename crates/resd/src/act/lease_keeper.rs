//! The rules of the disk lease, on a thread of its own so that a hanging device holds up nothing else.
//!
//! - The holder writes its slot, with a growing counter, four times in a lease's duration. It counts a renewal from the
//!   moment *before* the write, and only if the write ended within the old lease; without renewal the lease is lost, and
//!   the volume has to be taken down.
//! - Nobody else takes the lease before the holder's slot has stood still for a duration and an eighth, or says released.
//!   The slot is watched all the time on standby, so that the wait is usually over when a takeover begins.
//! - Taking: write a claim, then read the other slot again; of two that claim at once the second node withdraws. Writes
//!   are on the medium when they return and reads pass every cache, so one of two always sees the other.
//! - A restarted resd goes on renewing what it finds mounted; a taker that moved meanwhile is seen and obeyed.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use hotpair_runtime::clock;
use hotpair_types::{BootId, NodeId, PairId, Timestamp};
use tokio::sync::{oneshot, watch};

use super::lease::{Area, Record, Slot, State};

/// What the keeper has to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Device or file of this node.
    pub path: PathBuf,
    /// The pair.
    pub pair: PairId,
    /// Its key.
    pub key: Vec<u8>,
    /// This node.
    pub node: NodeId,
    /// This boot.
    pub boot: BootId,
    /// A lease ends so long after its last renewal.
    pub duration: Duration,
}

/// How things stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not ours; the other node's slot is watched. `trouble`: why the area cannot be read.
    Watching {
        /// In words.
        trouble: Option<String>,
    },
    /// Ours.
    Held {
        /// The lease runs from here.
        renewed_at: Timestamp,
    },
    /// It was ours and is not any more.
    Lost {
        /// In words.
        why: String,
    },
}

enum Command {
    Acquire { limit: Timestamp, reply: oneshot::Sender<Result<(), String>> },
    Adopt { reply: oneshot::Sender<Result<(), String>> },
    Release { reply: oneshot::Sender<Result<(), String>> },
}

/// Handle to the keeper's thread. Dropping it ends the thread and leaves the slot as it is.
#[derive(Debug)]
pub struct Keeper {
    commands: Sender<Command>,
    status: watch::Receiver<Status>,
    moved: watch::Receiver<Option<Timestamp>>,
    duration: Duration,
}

impl Keeper {
    /// Starts the thread; it begins to watch at once.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(settings: Settings) -> std::io::Result<Self> {
        let (commands, orders) = channel();
        let (tell, status) = watch::channel(Status::Watching { trouble: Some("not looked at yet".to_string()) });
        let (peer, moved) = watch::channel(None);
        let duration = settings.duration;
        let worker = Worker { settings, area: None, other: None, counter: 0, mode: Mode::Watch, tell, peer };
        std::thread::Builder::new()
            .name("disk-lease".to_string())
            .stack_size(256 * 1024)
            .spawn(move || worker.work(&orders))?;
        Ok(Self { commands, status, moved, duration })
    }

    /// When the other node was last seen to write its slot: a sign of life by the storage. `None`: not yet.
    pub fn peer_moved(&self) -> watch::Receiver<Option<Timestamp>> {
        self.moved.clone()
    }

    /// How things stand; changes can be awaited.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// When the lease, if held, ends unless it is renewed.
    pub fn held_until(&self) -> Option<Timestamp> {
        match *self.status.borrow() {
            Status::Held { renewed_at } => Some(renewed_at.after(self.duration)),
            _ => None,
        }
    }

    /// Takes the lease, waiting for the other's to end until `limit`.
    ///
    /// # Errors
    /// In words: who holds it, or what is wrong with the area.
    pub async fn acquire(&self, limit: Timestamp) -> Result<(), String> {
        self.order(|reply| Command::Acquire { limit, reply }).await
    }

    /// Whether an error of [`Keeper::acquire`] says that the other node lives and has the lease: nothing is wrong then,
    /// and a later try may be right.
    pub fn in_use(error: &str) -> bool {
        error == IN_USE
    }

    /// Goes on with a lease that an earlier run of resd held.
    ///
    /// # Errors
    /// In words.
    pub async fn adopt(&self) -> Result<(), String> {
        self.order(|reply| Command::Adopt { reply }).await
    }

    /// Gives the lease back: call it only when the volume is confirmed unmounted.
    ///
    /// # Errors
    /// In words; the other node then waits for the lease to end.
    pub async fn release(&self) -> Result<(), String> {
        self.order(|reply| Command::Release { reply }).await
    }

    async fn order(&self, make: impl FnOnce(oneshot::Sender<Result<(), String>>) -> Command) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let gone = || "the lease keeper has ended".to_string();
        self.commands.send(make(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

enum Mode {
    Watch,
    Acquire {
        limit: Timestamp,
        claimed: Option<Timestamp>,
        since: Timestamp,
        reply: Option<oneshot::Sender<Result<(), String>>>,
    },
    Hold {
        renewed_at: Timestamp,
    },
    Lost,
}

struct Worker {
    settings: Settings,
    area: Option<Area>,
    /// The other's slot as read last, and since when it has been so.
    other: Option<(Slot, Timestamp)>,
    counter: u64,
    mode: Mode,
    tell: watch::Sender<Status>,
    peer: watch::Sender<Option<Timestamp>>,
}

impl Worker {
    fn work(mut self, orders: &Receiver<Command>) {
        loop {
            self.turn();
            match orders.recv_timeout(self.pause()) {
                Ok(command) => self.take(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn pause(&self) -> Duration {
        let share = match self.mode {
            Mode::Acquire { .. } => 16,
            Mode::Watch | Mode::Hold { .. } | Mode::Lost => 4,
        };
        (self.settings.duration / share).max(Duration::from_millis(2))
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Acquire { limit, reply } => match &self.mode {
                Mode::Hold { .. } => answer(reply, Ok(())),
                _ => {
                    let since = clock::now();
                    self.mode = Mode::Acquire { limit, claimed: None, since, reply: Some(reply) };
                }
            },
            Command::Adopt { reply } => {
                let result = match self.mode {
                    Mode::Hold { .. } => Ok(()),
                    _ => self.adopt(),
                };
                answer(reply, result);
            }
            Command::Release { reply } => {
                let held = matches!(self.mode, Mode::Hold { .. } | Mode::Lost | Mode::Acquire { .. });
                let result = if held { self.write(State::Released) } else { Ok(()) };
                self.mode = Mode::Watch;
                self.say(Status::Watching { trouble: None });
                answer(reply, result);
            }
        }
    }

    fn turn(&mut self) {
        match self.mode {
            Mode::Watch => {
                let trouble = self.look().err();
                self.say(Status::Watching { trouble });
            }
            Mode::Hold { renewed_at } => self.renew(renewed_at),
            Mode::Acquire { .. } => self.acquire_turn(),
            Mode::Lost => {}
        }
    }

    fn say(&self, status: Status) {
        self.tell.send_if_modified(|old| {
            let new = *old != status;
            if new {
                *old = status;
            }
            new
        });
    }

    fn area(&mut self) -> Result<&Area, String> {
        if self.area.is_none() {
            let s = &self.settings;
            let area = Area::open(&s.path, s.pair, &s.key)
                .map_err(|e| format!("the lease area {} cannot be opened: {e}", s.path.display()))?;
            self.area = Some(area);
        }
        self.area.as_ref().ok_or_else(|| "the lease area is not open".to_string())
    }

    /// Reads the other's slot. True if it changed since the last look.
    fn look(&mut self) -> Result<bool, String> {
        let other = self.settings.node.other();
        let path = self.settings.path.display().to_string();
        let read = self.area()?.read(other);
        let slot = match read {
            Ok(slot) => slot,
            Err(error) => {
                self.area = None; // Perhaps the device came back as another one.
                return Err(format!("the lease area {path} cannot be read: {error}"));
            }
        };
        let changed = self.other.as_ref().is_none_or(|(old, _)| *old != slot);
        // What stands there at the first look may be of any age; only what moves lives. Foreign bytes are nobody's life.
        if changed && self.other.is_some() && matches!(slot, Slot::Record(_)) {
            self.peer.send_replace(Some(clock::now()));
        }
        if changed {
            // From the end of the read: not earlier than the other's write began.
            self.other = Some((slot, clock::now()));
        }
        Ok(changed)
    }

    fn write(&mut self, state: State) -> Result<(), String> {
        let (node, boot) = (self.settings.node, self.settings.boot);
        let path = self.settings.path.display().to_string();
        if self.counter == 0
            && let Ok(Slot::Record(old)) = self.area()?.read(node)
        {
            self.counter = old.counter;
        }
        self.counter = self.counter.saturating_add(1);
        let record = Record { node, state, boot, counter: self.counter };
        let written = self.area()?.write(record);
        written.map_err(|error| {
            self.area = None;
            format!("the lease area {path} cannot be written: {error}")
        })
    }

    /// The other's slot gives the lease free.
    fn free(&self) -> bool {
        let patience = self.settings.duration + self.settings.duration / 8;
        match self.other {
            None => false,
            Some((Slot::Blank, _)) => true,
            Some((Slot::Record(Record { state: State::Released, .. }), _)) => true,
            Some((_, since)) => clock::now().since(since) >= patience,
        }
    }

    fn adopt(&mut self) -> Result<(), String> {
        self.look()?;
        let begun = clock::now();
        self.write(State::Held)?;
        self.mode = Mode::Hold { renewed_at: begun };
        self.say(Status::Held { renewed_at: begun });
        Ok(())
    }

    fn renew(&mut self, renewed_at: Timestamp) {
        let end = renewed_at.after(self.settings.duration);
        let begun = clock::now();
        // A moving other node has taken it, by whatever right.
        let moved = match self.look() {
            Ok(changed) => changed && matches!(self.other, Some((Slot::Record(r), _)) if r.state != State::Released),
            Err(_) => false,
        };
        if moved {
            self.lose("the other node has taken the lease of the volume".to_string());
            return;
        }
        if begun >= end {
            self.lose(format!(
                "the lease of the volume could not be renewed within {} ms",
                self.settings.duration.as_millis()
            ));
            return;
        }
        let written = self.write(State::Held);
        if clock::now() >= end {
            let why = written.err().unwrap_or_else(|| "the write took too long".to_string());
            self.lose(format!("the lease of the volume ran out: {why}"));
            return;
        }
        match written {
            Ok(()) => {
                self.mode = Mode::Hold { renewed_at: begun };
                self.say(Status::Held { renewed_at: begun });
            }
            Err(error) => tracing::warn!(%error, "the lease of the volume was not renewed; trying again until it ends"),
        }
    }

    fn lose(&mut self, why: String) {
        self.mode = Mode::Lost;
        self.say(Status::Lost { why });
    }

    fn acquire_turn(&mut self) {
        while let Mode::Acquire { limit, claimed, since, .. } = self.mode {
            let step = self.acquire_step(limit, claimed, since);
            let Mode::Acquire { claimed, reply, .. } = &mut self.mode else { return };
            match step {
                Ok(Progress::Wait) => return,
                Ok(Progress::Claimed(at)) => *claimed = Some(at),
                Ok(Progress::Held(at)) => {
                    let reply = reply.take();
                    self.mode = Mode::Hold { renewed_at: at };
                    self.say(Status::Held { renewed_at: at });
                    if let Some(reply) = reply {
                        answer(reply, Ok(()));
                    }
                }
                Err(text) => {
                    let (reply, withdraw) = (reply.take(), claimed.is_some());
                    self.mode = Mode::Watch;
                    if withdraw && let Err(error) = self.write(State::Released) {
                        tracing::warn!(%error, "the claim could not be withdrawn; it ends by itself");
                    }
                    if let Some(reply) = reply {
                        answer(reply, Err(text));
                    }
                }
            }
        }
    }

    /// One step of taking the lease: look; if it is free, claim; look again; then hold. The lease counts from the claim,
    /// and holding counts only if it was written within it: whoever waits out a claim waits longer than that.
    fn acquire_step(
        &mut self,
        limit: Timestamp,
        claimed: Option<Timestamp>,
        since: Timestamp,
    ) -> Result<Progress, String> {
        let fresh = self.other.is_none();
        let changed = self.look()? && !fresh;
        if !self.free() {
            let only_claims = matches!(self.other, Some((Slot::Record(Record { state: State::Claimed, .. }), _)));
            let yield_to_it = match claimed {
                None => changed,
                // Of two claims the first node's stands; a holder was there before both.
                Some(_) => self.settings.node == NodeId::SECOND || !only_claims,
            };
            return if yield_to_it { Err(IN_USE.to_string()) } else { self.wait(limit, since) };
        }
        let duration = self.settings.duration;
        match claimed.filter(|at| clock::now().since(*at) < duration / 2) {
            None => {
                let begun = clock::now();
                self.write(State::Claimed)?;
                Ok(Progress::Claimed(begun))
            }
            Some(begun) => {
                self.write(State::Held)?;
                if clock::now() >= begun.after(duration) {
                    return Err("writing to the lease area took longer than the lease lasts".to_string());
                }
                Ok(Progress::Held(begun))
            }
        }
    }

    fn wait(&self, limit: Timestamp, since: Timestamp) -> Result<Progress, String> {
        let now = clock::now();
        if now < limit {
            return Ok(Progress::Wait);
        }
        Err(format!(
            "the other node's lease of the volume has not ended after {} ms; `start_timeout` has to be longer than the lease",
            now.since(since).as_millis()
        ))
    }
}

/// Why a live lease is refused.
const IN_USE: &str =
    "the other node holds the lease of the volume and renews it: the volume is in use there; stop it there first";

enum Progress {
    Wait,
    Claimed(Timestamp),
    Held(Timestamp),
}

fn answer(reply: oneshot::Sender<Result<(), String>>, result: Result<(), String>) {
    if reply.send(result).is_err() {
        tracing::debug!("nobody waits for the answer of the lease keeper any more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn settings(path: &std::path::Path, node: NodeId, ms: u64) -> Settings {
        Settings {
            path: path.to_path_buf(),
            pair: PairId([1; 8]),
            key: b"0123456789abcdef0123456789abcdef".to_vec(),
            node,
            boot: BootId([u8::from(node); 16]),
            duration: Duration::from_millis(ms),
        }
    }

    fn area() -> tempfile::NamedTempFile {
        let mut file = tempfile::Builder::new().tempfile_in(std::env::current_dir().unwrap()).unwrap();
        file.write_all(&[0; 8192]).unwrap();
        file.as_file().sync_all().unwrap();
        file
    }

    fn soon() -> Timestamp {
        clock::now().after(Duration::from_secs(20))
    }

    /// S14: a live holder is refused at once; a released lease is taken at once.
    #[tokio::test]
    async fn one_holder_at_a_time() {
        let file = area();
        let a = Keeper::start(settings(file.path(), NodeId::FIRST, 400)).unwrap();
        let b = Keeper::start(settings(file.path(), NodeId::SECOND, 400)).unwrap();
        a.acquire(soon()).await.unwrap();
        let refused = b.acquire(soon()).await.unwrap_err();
        assert!(refused.contains("in use there"), "{refused}");
        a.release().await.unwrap();
        let begun = clock::now();
        b.acquire(soon()).await.unwrap();
        assert!(clock::now().since(begun) < Duration::from_millis(300), "a released lease needs no wait");
        assert!(b.held_until().is_some() && a.held_until().is_none());
    }

    /// S14: after the holder's end the lease is free once it has stood still for its duration, not before.
    #[tokio::test]
    async fn a_dead_holders_lease_is_waited_out() {
        let file = area();
        let a = Keeper::start(settings(file.path(), NodeId::FIRST, 400)).unwrap();
        let b = Keeper::start(settings(file.path(), NodeId::SECOND, 400)).unwrap();
        a.acquire(soon()).await.unwrap();
        let held = a.held_until().unwrap();
        drop(a);
        let mut last = b.acquire(soon()).await;
        while last.is_err() {
            last = b.acquire(soon()).await;
        }
        assert!(clock::now() >= held, "taken before the holder's lease had ended");
    }

    /// Of two that claim at once exactly one gets it.
    #[tokio::test]
    async fn a_race_has_one_winner() {
        for _ in 0..20 {
            let file = area();
            let a = Keeper::start(settings(file.path(), NodeId::FIRST, 200)).unwrap();
            let b = Keeper::start(settings(file.path(), NodeId::SECOND, 200)).unwrap();
            let (ra, rb) = tokio::join!(a.acquire(soon()), b.acquire(soon()));
            assert!(ra.is_ok() != rb.is_ok(), "{ra:?} {rb:?}");
        }
    }

    /// A holder whose slot the other has taken gives way.
    #[tokio::test]
    async fn a_moving_other_is_obeyed() {
        let file = area();
        let a = Keeper::start(settings(file.path(), NodeId::FIRST, 400)).unwrap();
        a.acquire(soon()).await.unwrap();
        let b = Keeper::start(settings(file.path(), NodeId::SECOND, 400)).unwrap();
        b.adopt().await.unwrap();
        let mut status = a.status();
        status.wait_for(|s| matches!(s, Status::Lost { .. })).await.unwrap();
    }

    /// S23: the holder's renewals are a sign of life to the one that watches; what merely stands there is none.
    #[tokio::test]
    async fn a_renewal_is_a_sign_of_life() {
        let file = area();
        let a = Keeper::start(settings(file.path(), NodeId::FIRST, 200)).unwrap();
        a.acquire(soon()).await.unwrap();
        let b = Keeper::start(settings(file.path(), NodeId::SECOND, 200)).unwrap();
        let mut moved = b.peer_moved();
        moved.wait_for(Option::is_some).await.unwrap();
        drop(a);
        let mut last = *moved.borrow_and_update();
        let quiet = Duration::from_millis(1000);
        while let Ok(Ok(())) = tokio::time::timeout(quiet, moved.changed()).await {
            last = *moved.borrow_and_update();
        }
        assert!(last.is_some_and(|at| clock::now().since(at) >= quiet), "it still moves without its writer");
        let c = Keeper::start(settings(file.path(), NodeId::SECOND, 200)).unwrap();
        c.status().wait_for(|s| matches!(s, Status::Watching { trouble: None })).await.unwrap();
        assert_eq!(*c.peer_moved().borrow(), None);
    }

    /// A missing area is named, and does not end anything.
    #[tokio::test]
    async fn a_missing_area_is_named() {
        let a = Keeper::start(settings(std::path::Path::new("/nonexistent/area"), NodeId::FIRST, 200)).unwrap();
        assert!(a.acquire(soon()).await.unwrap_err().contains("/nonexistent/area"));
    }
}
