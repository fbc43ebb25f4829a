//! Serial ends (S26, S27): each port has a thread of its own, which does all system calls on it.
//!
//! *Invariant:* the beat loop never touches a tty. Opening, writing, reading modem lines and closing can each hang in
//! a driver (USB adapters, flow control, a line whose other side does not read); here that stalls this thread only.
//! Frames come over a short queue and are refused when it is full; a frame that finds an older one still waiting in
//! the tty is dropped, since it would only make old news older (FAULTS R03).

use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use heartbeat_core::serial_framing::{Deframer, Received, encode};
use heartbeat_core::{LinkState, PathTag};
use hotpair_types::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use serialport::{ClearBuffer, SerialPort as _, TTYPort};

use crate::driver::Event;
use crate::log;
use crate::settings::{End, SerialPort};
use crate::wake::Wake;

/// Frames that may wait for the thread.
const QUEUE: usize = 4;
/// A port that could not be opened is tried again after this, doubled up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// Modem lines are looked at so often.
const LINES_PERIOD: Duration = Duration::from_millis(500);
/// At the end, a frame that says "leaving" gets so long to leave the port.
const LEAVE_LIMIT: Duration = Duration::from_millis(300);
/// Bytes waiting in the tty beyond which the line counts as blocked: one frame may be on its way.
const WAITING_MAX: u32 = 600;
const STACK: usize = 256 * 1024;
/// Below the beat loop's, above everything ordinary.
const PRIORITY: u8 = 19;

/// The beat loop's handle of a serial end. Dropping it ends the thread, which is not waited for.
#[derive(Debug)]
pub struct SerialEnd {
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Mailbox {
    state: Mutex<MailboxState>,
    wake: Wake,
}

#[derive(Debug, Default)]
struct MailboxState {
    frames: VecDeque<Vec<u8>>,
    stop: bool,
}

impl Mailbox {
    fn with<T>(&self, f: impl FnOnce(&mut MailboxState) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SerialEnd {
    /// Starts the thread; it opens the port as soon as it can.
    ///
    /// # Errors
    /// When the process is out of descriptors or threads.
    pub fn start(end: &End, port: &SerialPort, events: SyncSender<Event>, loop_wake: Wake) -> io::Result<Self> {
        let mailbox = Arc::new(Mailbox { state: Mutex::default(), wake: Wake::new()? });
        let worker = Worker {
            path: end.name.to_string(),
            tag: end.tag,
            device: port.device.clone(),
            baud: port.baud,
            mailbox: mailbox.clone(),
            events,
            loop_wake,
            partner: None,
            lines: true,
            lines_at: Timestamp::ZERO,
            told: None,
        };
        let name = format!("serial-{}", end.name).chars().take(15).collect();
        let builder = std::thread::Builder::new().name(name).stack_size(STACK);
        let ended = worker.loop_wake.clone();
        let thread = builder.spawn(move || {
            worker.run();
            ended.wake();
        })?;
        Ok(Self { mailbox, thread: Some(thread) })
    }

    /// Hands a frame to the thread; never waits. False: it is stuck with earlier ones.
    pub fn send(&self, frame: &[u8]) -> bool {
        let taken = self.mailbox.with(|state| {
            let room = state.frames.len() < QUEUE;
            if room {
                state.frames.push_back(frame.to_vec());
            }
            room
        });
        self.mailbox.wake.wake();
        taken
    }

    /// Asks the thread to send what waits and end; the handle tells when it has.
    pub fn stop(&mut self) -> Option<JoinHandle<()>> {
        self.mailbox.with(|state| state.stop = true);
        self.mailbox.wake.wake();
        self.thread.take()
    }
}

impl Drop for SerialEnd {
    fn drop(&mut self) {
        drop(self.stop());
    }
}

/// The beat loop has gone: nobody to work for.
struct Gone;

struct Worker {
    path: String,
    tag: PathTag,
    device: PathBuf,
    baud: u32,
    mailbox: Arc<Mailbox>,
    events: SyncSender<Event>,
    loop_wake: Wake,
    partner: Option<bool>,
    /// The port has modem lines, as far as is known.
    lines: bool,
    lines_at: Timestamp,
    told: Option<LinkState>,
}

/// The descriptor of an open port, for `poll`.
struct Fd<'a>(&'a TTYPort);

impl AsFd for Fd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor belongs to the port, which is borrowed for as long as this value lives.
        unsafe { BorrowedFd::borrow_raw(self.0.as_raw_fd()) }
    }
}

impl Worker {
    fn run(mut self) {
        if let Err(error) = hotpair_runtime::realtime::real_time_priority(PRIORITY) {
            tracing::debug!(path = self.path, "{error}");
        }
        let mut pause = RETRY_MIN;
        while !self.stopping() {
            let state = match self.open() {
                Ok(port) => {
                    pause = RETRY_MIN;
                    match self.serve(port) {
                        Ok(state) => state,
                        Err(Gone) => return,
                    }
                }
                Err(state) => state,
            };
            if self.tell_link(state).is_err() {
                return;
            }
            self.rest(pause);
            pause = pause.saturating_mul(2).min(RETRY_MAX);
        }
    }

    fn stopping(&self) -> bool {
        self.mailbox.with(|state| state.stop)
    }

    fn tell(&self, event: Event) -> Result<(), Gone> {
        // Waiting here is fine: it is this thread's own time, and the beat loop empties the queue each turn.
        self.events.send(event).map_err(|_| Gone)?;
        self.loop_wake.wake();
        Ok(())
    }

    fn tell_link(&mut self, state: LinkState) -> Result<(), Gone> {
        if self.told.as_ref() == Some(&state) {
            return Ok(());
        }
        self.told = Some(state.clone());
        self.tell(Event::Link { path: self.tag, state })
    }

    /// Waits until it is time to try again; frames that come meanwhile are refused.
    fn rest(&self, pause: Duration) {
        let end = hotpair_runtime::clock::now().after(pause);
        while !self.stopping() {
            let left = end.since(hotpair_runtime::clock::now());
            if left.is_zero() {
                return;
            }
            self.mailbox.wake.wait(left);
            self.mailbox.wake.clear();
            self.mailbox.with(|state| state.frames.clear());
        }
    }

    fn open(&mut self) -> Result<TTYPort, LinkState> {
        let device = self.device.display().to_string();
        if !self.device.exists() {
            return Err(LinkState::DeviceMissing(format!("{device} does not exist")));
        }
        let failed =
            |what: &str, error: &dyn std::fmt::Display| LinkState::IoError(format!("{device}: {what}: {error}"));
        let builder = serialport::new(&device, self.baud).timeout(Duration::ZERO);
        let port = builder.open_native().map_err(|e| failed("cannot be opened", &e))?;
        // serialport makes the descriptor blocking again after opening it.
        let flags = rustix::fs::fcntl_getfl(Fd(&port)).map_err(|e| failed("cannot be set up", &e))?;
        rustix::fs::fcntl_setfl(Fd(&port), flags | OFlags::NONBLOCK).map_err(|e| failed("cannot be set up", &e))?;
        // What waited in the port is old news.
        port.clear(ClearBuffer::All).map_err(|e| failed("cannot be cleared", &e))?;
        (self.lines, self.lines_at, self.partner) = (true, Timestamp::ZERO, None);
        Ok(port)
    }

    /// Works on an open port until it fails or the thread is to end.
    fn serve(&mut self, mut port: TTYPort) -> Result<LinkState, Gone> {
        self.look_at_lines(&mut port)?;
        log::serial_opened(&self.path, &self.device.display(), self.lines);
        self.tell_link(LinkState::Working)?;
        let mut deframer = Deframer::default();
        loop {
            let ready = wait(&self.mailbox.wake, &port, LINES_PERIOD);
            if let Err(error) = ready {
                return Ok(LinkState::IoError(error.to_string()));
            }
            self.mailbox.wake.clear();
            if let Err(error) = self.read(&mut port, &mut deframer)? {
                return Ok(self.lost(&error));
            }
            let (frames, stop) = self.mailbox.with(|state| (std::mem::take(&mut state.frames), state.stop));
            for frame in frames {
                if let Err(error) = write(&mut port, &frame) {
                    self.tell(Event::SendFailed { path: self.tag, text: error.to_string() })?;
                }
            }
            if stop {
                drain(&port);
                return Err(Gone);
            }
            self.look_at_lines(&mut port)?;
        }
    }

    fn lost(&self, error: &io::Error) -> LinkState {
        if self.device.exists() {
            LinkState::IoError(format!("{}: {error}", self.device.display()))
        } else {
            LinkState::DeviceMissing(format!("{} has vanished", self.device.display()))
        }
    }

    /// Reads all there is. The inner error: the port is gone.
    fn read(&self, port: &mut TTYPort, deframer: &mut Deframer) -> Result<io::Result<()>, Gone> {
        let mut buffer = [0_u8; 1024];
        loop {
            match port.read(&mut buffer) {
                // A hung-up tty reads as an end of file for ever.
                Ok(0) => return Ok(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the port hung up"))),
                Ok(length) => {
                    let mut received = Vec::new();
                    deframer.feed(buffer.get(..length).unwrap_or_default(), |r| received.push(r));
                    for item in received {
                        self.tell(match item {
                            Received::Frame(bytes) => Event::Frame { path: self.tag, bytes },
                            Received::Garbage => Event::Garbage { path: self.tag },
                        })?;
                    }
                    if length < buffer.len() {
                        return Ok(Ok(()));
                    }
                }
                Err(error) if is_not_now(&error) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    fn look_at_lines(&mut self, port: &mut TTYPort) -> Result<(), Gone> {
        let now = hotpair_runtime::clock::now();
        if !self.lines || now.since(self.lines_at) < LINES_PERIOD {
            return Ok(());
        }
        self.lines_at = now;
        let lines = [port.read_data_set_ready(), port.read_carrier_detect(), port.read_clear_to_send()];
        // A pseudo terminal has none (ENOTTY): then nothing is known, which is not "no partner".
        let partner = if lines.iter().all(Result::is_err) {
            self.lines = false;
            None
        } else {
            Some(lines.iter().any(|line| matches!(line, Ok(true))))
        };
        if partner == self.partner {
            return Ok(());
        }
        self.partner = partner;
        self.tell(Event::ModemLines { path: self.tag, partner })
    }
}

fn is_not_now(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// Waits for the mailbox, or for data on the port, at most `limit`.
fn wait(wake: &Wake, port: &TTYPort, limit: Duration) -> io::Result<()> {
    let limit =
        Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX), tv_nsec: limit.subsec_nanos().into() };
    let port = Fd(port);
    let mut fds = [PollFd::new(wake, PollFlags::IN), PollFd::new(&port, PollFlags::IN)];
    match poll(&mut fds, Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Writes a frame now, or drops it.
fn write(port: &mut TTYPort, frame: &[u8]) -> io::Result<()> {
    let waiting = port.bytes_to_write().unwrap_or(0);
    if waiting > WAITING_MAX {
        return Err(io::Error::other(format!("the line is blocked: {waiting} bytes wait in the port")));
    }
    let line = encode(frame);
    match port.write(&line) {
        Ok(written) if written == line.len() => Ok(()),
        // The rest is not sent later: the next frame begins with a delimiter, and the receiver drops the stump.
        Ok(written) => Err(io::Error::other(format!("the line is blocked: {written} of {} bytes taken", line.len()))),
        Err(error) if is_not_now(&error) => Err(io::Error::other("the line is blocked: the port takes nothing")),
        Err(error) => Err(error),
    }
}

/// Lets the last frames out, for a short time; then empties the port, since closing would wait for it.
fn drain(port: &TTYPort) {
    let end = hotpair_runtime::clock::now().after(LEAVE_LIMIT);
    while port.bytes_to_write().is_ok_and(|waiting| waiting > 0) && hotpair_runtime::clock::now() < end {
        // Nothing to wait for but time: the kernel has no event for "sent".
        let nap = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        let _: Result<usize, rustix::io::Errno> = poll(&mut [], Some(&nap));
    }
    drop(port.clear(ClearBuffer::Output));
}
