//! A serial cable between two pseudo-terminals, with the faults of real ones.
//!
//! Each end has a stable name (`<lab dir>/<cable>.<node>`), a link to the slave side of a pty. A relay thread copies bytes
//! between the masters. While nobody has a slave open, bytes for it are lost, as at a closed port.
//!
//! Threading: one relay thread per cable; control methods may be called from any thread and take effect at once.
use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, QueueSelector, tcflush, tcgetattr, tcsetattr};

use super::clock;

/// How often a closed end is looked at again.
const CLOSED_POLL: Duration = Duration::from_millis(3);
/// Bytes a direction holds before its sender is held up (a UART's queue).
const QUEUE: usize = 256;

#[derive(Debug)]
struct End {
    link: PathBuf,
    node: String,
    /// `None`: the device has vanished.
    master: Option<File>,
}

#[derive(Debug, Default)]
struct Direction {
    cut: bool,
    stalled: bool,
    /// One bit of every `n`th byte is flipped; 0: none.
    corrupt_every: u64,
    passed: u64,
    queue: VecDeque<(Duration, Vec<u8>)>,
    queued: usize,
    free_at: Duration,
}

#[derive(Debug)]
struct Line {
    ends: [End; 2],
    /// `directions[i]` goes from `ends[i]` to the other.
    directions: [Direction; 2],
    bytes_per_second: Option<u32>,
}

/// A serial cable.
#[derive(Debug)]
pub struct Cable {
    name: String,
    line: Arc<Mutex<Line>>,
    wake: PipeWriter,
    ended: Arc<AtomicBool>,
    delivered: Arc<[AtomicU64; 2]>,
    relay: Mutex<Option<JoinHandle<()>>>,
}

fn open_pty(link: &Path) -> Result<File> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).context("opening a pty")?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let slave = PathBuf::from(ptsname(&master, Vec::new())?.into_string().context("pty name")?);
    // Raw from the start: bytes that arrive before the daemon has set the line up must not be echoed back.
    let port = open_port(&slave)?;
    let mut attributes = tcgetattr(&port)?;
    attributes.make_raw();
    tcsetattr(&port, OptionalActions::Now, &attributes)?;
    rustix::io::ioctl_fionbio(&master, true)?;
    let fresh = link.with_extension("new");
    std::os::unix::fs::symlink(&slave, &fresh)?;
    std::fs::rename(&fresh, link)?;
    Ok(File::from(master))
}

/// Opens a port without ever making it this process's controlling terminal.
fn open_port(path: &Path) -> std::io::Result<File> {
    File::options().read(true).write(true).custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK).open(path)
}

impl Cable {
    pub(super) fn new(dir: &Path, name: &str, nodes: [&str; 2]) -> Result<Self> {
        let end = |node: &str| -> Result<End> {
            let link = dir.join(format!("{name}.{node}"));
            let master = open_pty(&link)?;
            Ok(End { link, node: node.to_owned(), master: Some(master) })
        };
        let line = Arc::new(Mutex::new(Line {
            ends: [end(nodes[0])?, end(nodes[1])?],
            directions: [Direction::default(), Direction::default()],
            bytes_per_second: None,
        }));
        let (wake_rx, wake) = std::io::pipe()?;
        rustix::io::ioctl_fionbio(&wake_rx, true)?;
        let ended = Arc::new(AtomicBool::new(false));
        let delivered = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let relay = std::thread::Builder::new().name(format!("cable-{name}")).spawn({
            let (line, ended, delivered) = (Arc::clone(&line), Arc::clone(&ended), Arc::clone(&delivered));
            move || {
                clock::prefer_this_thread();
                while !ended.load(Ordering::Acquire) {
                    relay_turn(&line, &wake_rx, &delivered);
                }
            }
        })?;
        rustix::io::ioctl_fionbio(&wake, true)?;
        Ok(Self { name: name.to_owned(), line, wake, ended, delivered, relay: Mutex::new(Some(relay)) })
    }

    /// Name given at its making.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn change<T>(&self, edit: impl FnOnce(&mut Line) -> T) -> T {
        let result = edit(&mut lock(&self.line));
        // The relay only misses a wake-up when its pipe is full of them.
        let _full = (&self.wake).write(&[0]);
        result
    }

    /// Device file of `node`'s end.
    ///
    /// # Errors
    /// When the cable does not reach that node.
    pub fn device(&self, node: &str) -> Result<PathBuf> {
        let line = lock(&self.line);
        let end = line.ends.iter().find(|end| end.node == node);
        Ok(end.with_context(|| format!("cable {} does not reach {node:?}", self.name))?.link.clone())
    }

    /// Cuts both directions: bytes vanish, the ports notice nothing.
    pub fn cut(&self) {
        self.change(|line| line.directions.iter_mut().for_each(|direction| direction.cut = true));
    }

    /// Cuts only the direction away from `node`.
    pub fn cut_from(&self, node: &str) {
        self.change(|line| line.from(node, |direction| direction.cut = true));
    }

    /// Repairs the cable: nothing cut, stalled or corrupted any more.
    pub fn heal(&self) {
        self.change(|line| {
            for direction in &mut line.directions {
                (direction.cut, direction.stalled, direction.corrupt_every) = (false, false, 0);
            }
        });
    }

    /// Blocks the direction away from `node`: its writes fill the queues and then hang (flow control gone wrong).
    pub fn stall_from(&self, node: &str) {
        self.change(|line| line.from(node, |direction| direction.stalled = true));
    }

    /// Flips a bit in every `n`th byte that `node` sends.
    pub fn corrupt_from(&self, node: &str, n: u64) {
        self.change(|line| line.from(node, |direction| direction.corrupt_every = n));
    }

    /// Limits both directions, as a line speed does (19200 baud 8N1: 1920 bytes per second). `None`: no limit.
    pub fn limit(&self, bytes_per_second: Option<u32>) {
        self.change(|line| line.bytes_per_second = bytes_per_second.filter(|rate| *rate > 0));
    }

    /// Lets `bytes` arrive at `node` as if they had come over the cable.
    ///
    /// # Errors
    /// When the device has vanished or its queue is full.
    pub fn inject(&self, node: &str, bytes: &[u8]) -> Result<()> {
        let line = lock(&self.line);
        let end = line.ends.iter().find(|end| end.node == node).context("no such end")?;
        let mut master = end.master.as_ref().context("the device has vanished")?;
        master.write_all(bytes).with_context(|| format!("injecting into {}", end.link.display()))
    }

    /// The device of `node` vanishes (an unplugged USB adapter): open files get a hang-up, the name is gone.
    ///
    /// # Errors
    /// When the name cannot be removed.
    pub fn vanish(&self, node: &str) -> Result<()> {
        self.change(|line| {
            for end in line.ends.iter_mut().filter(|end| end.node == node && end.master.is_some()) {
                end.master = None;
                std::fs::remove_file(&end.link)?;
            }
            Ok(())
        })
    }

    /// The device of `node` is back, under the same name.
    ///
    /// # Errors
    /// When no pty can be had.
    pub fn reappear(&self, node: &str) -> Result<()> {
        self.change(|line| {
            for end in line.ends.iter_mut().filter(|end| end.node == node && end.master.is_none()) {
                end.master = Some(open_pty(&end.link)?);
            }
            Ok(())
        })
    }

    /// Bytes delivered to `node` so far.
    #[must_use]
    pub fn delivered_to(&self, node: &str) -> u64 {
        let line = lock(&self.line);
        let index = line.ends.iter().position(|end| end.node != node);
        index.and_then(|from| self.delivered.get(from)).map_or(0, |count| count.load(Ordering::Acquire))
    }

    /// Throws away what waits in both directions at `node`'s end (its UART was reset).
    pub(super) fn flush(&self, node: &str) {
        self.change(|line| {
            for end in line.ends.iter().filter(|end| end.node == node) {
                if let Some(slave) = end.master.as_ref().and(open_port(&end.link).ok()) {
                    // A pty whose other side is closed has nothing to flush.
                    let _closed = tcflush(&slave, QueueSelector::IOFlush);
                }
            }
            for direction in &mut line.directions {
                direction.queue.clear();
                direction.queued = 0;
            }
        });
    }
}

impl Line {
    fn from(&mut self, node: &str, edit: impl FnOnce(&mut Direction)) {
        let index = self.ends.iter().position(|end| end.node == node);
        if let Some(direction) = index.and_then(|index| self.directions.get_mut(index)) {
            edit(direction);
        }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        self.change(|_| ());
        let relay = self.relay.lock().unwrap_or_else(PoisonError::into_inner).take();
        if relay.is_some_and(|relay| relay.join().is_err()) {
            eprintln!("lab: the relay of cable {} panicked", self.name);
        }
    }
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads what `from` sends; returns whether its slave is open.
fn take_in(direction: &mut Direction, mut from: &File, rate: Option<u32>, now: Duration) -> bool {
    let mut buffer = [0_u8; 64];
    while direction.queued < QUEUE && !direction.stalled {
        let length = match from.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
            // EIO: nobody has the slave open.
            Err(_) => return false,
        };
        let mut bytes: Vec<u8> = buffer.iter().take(length).copied().collect();
        for byte in &mut bytes {
            direction.passed += 1;
            if direction.corrupt_every > 0 && direction.passed.is_multiple_of(direction.corrupt_every) {
                *byte ^= 0x10;
            }
        }
        let start = direction.free_at.max(now);
        let took = rate.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(f64::from(u32::try_from(length).unwrap_or(0)) / f64::from(rate))
        });
        direction.free_at = start + took;
        if !direction.cut && length > 0 {
            direction.queued += length;
            direction.queue.push_back((direction.free_at, bytes));
        }
    }
    true
}

/// Delivers what is due; returns when the next bytes are.
fn hand_out(direction: &mut Direction, to: Option<&File>, now: Duration, delivered: &AtomicU64) -> Option<Duration> {
    while let Some((due, bytes)) = direction.queue.front() {
        if *due > now {
            return Some(*due - now);
        }
        if !direction.cut {
            // A full queue or a closed port loses the bytes, as an overrun UART does.
            if let Some(Ok(count)) = to.map(|mut to| to.write(bytes)) {
                delivered.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::AcqRel);
            }
        }
        direction.queued -= bytes.len().min(direction.queued);
        direction.queue.pop_front();
    }
    None
}

fn relay_turn(line: &Mutex<Line>, wake: &PipeReader, delivered: &[AtomicU64; 2]) {
    let mut wait: Option<Duration> = None;
    let mut shorten = |bound: Duration| wait = Some(wait.map_or(bound, |old: Duration| old.min(bound)));
    let mut sources: Vec<File> = Vec::new();
    {
        let mut guard = lock(line);
        let Line { ends, directions, bytes_per_second } = &mut *guard;
        let [first, second] = &*ends;
        for (direction, (from, to, delivered)) in
            directions.iter_mut().zip([(first, second, &delivered[0]), (second, first, &delivered[1])])
        {
            let now = clock::now();
            let open = from.master.as_ref().is_some_and(|master| take_in(direction, master, *bytes_per_second, now));
            if let Some(next) = hand_out(direction, to.master.as_ref(), now, delivered) {
                shorten(next);
            }
            if !open {
                shorten(CLOSED_POLL);
            } else if !direction.stalled && direction.queued < QUEUE {
                match from.master.as_ref().map(File::try_clone) {
                    Some(Ok(copy)) => sources.push(copy),
                    _ => shorten(CLOSED_POLL),
                }
            }
        }
    }
    let mut fds: Vec<PollFd<'_>> =
        sources.iter().map(|file| PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN)).collect();
    fds.push(PollFd::from_borrowed_fd(wake.as_fd(), PollFlags::IN));
    let timeout = wait.and_then(|wait| Timespec::try_from(wait).ok());
    // An interrupted poll is just an early turn.
    let _interrupted = poll(&mut fds, timeout.as_ref());
    let mut sink = [0_u8; 64];
    let mut wake = wake;
    while wake.read(&mut sink).is_ok_and(|count| count > 0) {}
}
