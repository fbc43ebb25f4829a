//! The beat loop: one thread of its own at real-time priority, one epoll, no locks held across a wait, no disk.
//!
//! In: datagrams from its own sockets; events of the serial and disk threads over a bounded queue; and, as whole states of which
//! only the newest counts, the arbiter's advert, the interfaces and the settings. Out: frames, and the newest view for
//! whoever watches. It never waits for another thread: handing over is replacing a value.
//!
//! The order of one turn is the core's contract: read the clock once, feed all that has arrived, then time, then outputs.

use core::time::Duration;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use heartbeat_core::{DropReason, HeartbeatCore, Input, LinkState, Output, PathTag};
use hotpair_runtime::clock;
use hotpair_types::{Incarnation, PeerView, Timestamp};
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::disk::DiskEnd;
use crate::log;
use crate::netlink::Interfaces;
use crate::serial::SerialEnd;
use crate::settings::{End, Port, Settings};
use crate::udp::UdpEnd;
use crate::wake::Wake;

/// Events of serial and disk threads that may wait.
const EVENTS: usize = 256;
/// Datagrams taken from one socket in one turn: a flood on one path cannot keep the others waiting (FAULTS T7).
const DATAGRAMS: usize = 128;
/// Longer than every frame, so that what is too long is seen to be.
const BUFFER: usize = 1024;
/// The loop wakes at least so often, so that "it turns" can be told from "it hangs".
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// What strangers send is counted so often.
const STRANGERS_PERIOD: Duration = Duration::from_secs(1);
/// At the end, serial and disk threads get so long for their last frame.
const LEAVE_LIMIT: Duration = Duration::from_millis(400);
const TIMER: u64 = u64::MAX;
const WAKE: u64 = u64::MAX - 1;

/// What a serial or disk thread has to say.
#[derive(Debug)]
pub enum Event {
    /// A whole frame.
    Frame {
        /// On which path.
        path: PathTag,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Bytes that are no frame.
    Garbage {
        /// On which path.
        path: PathTag,
    },
    /// The port has changed.
    Link {
        /// Of which path.
        path: PathTag,
        /// How it is now.
        state: LinkState,
    },
    /// The modem lines have changed.
    ModemLines {
        /// Of which path.
        path: PathTag,
        /// See [`Input::ModemLines`].
        partner: Option<bool>,
    },
    /// The peer's slot on a disk cannot be used.
    Damaged {
        /// On which path.
        path: PathTag,
        /// See [`Input::Damaged`].
        what: String,
    },
    /// How long reading and writing took.
    IoTimes {
        /// On which path.
        path: PathTag,
        /// See [`Input::IoTimes`].
        write: Option<Duration>,
        /// See [`Input::IoTimes`].
        read: Option<Duration>,
    },
    /// A frame was not sent.
    SendFailed {
        /// On which path.
        path: PathTag,
        /// Why.
        text: String,
    },
}

/// The own arbiter's advert and whether it is kept fresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAdvert {
    /// As handed over; `None` before the first time.
    pub bytes: Option<Arc<[u8]>>,
    /// Nobody confirms it any more.
    pub stale: bool,
}

/// What the beat loop is connected to.
#[derive(Debug)]
pub struct Wires {
    /// Newest advert.
    pub advert: watch::Receiver<OwnAdvert>,
    /// Newest state of the interfaces; `None` until the kernel was asked.
    pub interfaces: watch::Receiver<Option<Arc<Interfaces>>>,
    /// Newest settings.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// Newest view, for the service.
    pub view: watch::Sender<Arc<PeerView>>,
    /// Whoever changes one of the above wakes the loop.
    pub wake: Wake,
    /// Asks the loop to leave (and wakes it).
    pub stop: CancellationToken,
    /// Nanoseconds since boot of the loop's last turn.
    pub pulse: Arc<AtomicU64>,
}

/// A path's own end.
#[derive(Debug)]
enum Medium {
    Udp(UdpEnd),
    Serial(SerialEnd),
    Disk(DiskEnd),
}

#[derive(Debug)]
struct OpenEnd {
    end: End,
    medium: Medium,
}

/// The loop's state.
#[derive(Debug)]
pub struct Driver {
    core: HeartbeatCore,
    /// This run of hbd.
    run: Incarnation,
    wires: Wires,
    ends: Vec<OpenEnd>,
    epoll: OwnedFd,
    timer: OwnedFd,
    armed: Option<Timestamp>,
    events_in: SyncSender<Event>,
    events: Receiver<Event>,
    drops: BTreeMap<(PathTag, &'static str), Drops>,
    view: Option<Arc<PeerView>>,
    next_stall_line: Timestamp,
    /// Frames wait behind those of this turn: do not sleep.
    more: bool,
    /// When datagrams of strangers were last counted.
    strangers_counted: Timestamp,
}

/// Dropped frames since the last line about them.
#[derive(Debug)]
struct Drops {
    reason: DropReason,
    count: u64,
    next_line: Timestamp,
}

impl Driver {
    /// Sets up the loop. Serial and disk threads start; nothing is sent before [`Self::run`].
    ///
    /// # Errors
    /// When the process is out of descriptors or threads.
    pub fn new(core: HeartbeatCore, run: Incarnation, mut wires: Wires) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN)?;
        epoll::add(&epoll, &wires.wake, EventData::new_u64(WAKE), EventFlags::IN)?;
        let (events_in, events) = sync_channel(EVENTS);
        let settings = wires.settings.borrow_and_update().clone();
        let mut driver = Self {
            core,
            run,
            wires,
            ends: Vec::new(),
            epoll,
            timer,
            armed: None,
            events_in,
            events,
            drops: BTreeMap::new(),
            view: None,
            next_stall_line: Timestamp::ZERO,
            more: false,
            strangers_counted: Timestamp::ZERO,
        };
        driver.open_ends(&settings.ends)?;
        Ok(driver)
    }

    /// Runs until asked to stop, then tells the peer and ends.
    ///
    /// # Errors
    /// When a system call fails that cannot fail: the process should end.
    pub fn run(mut self) -> io::Result<()> {
        let now = clock::now();
        self.update_udp(now)?;
        self.core.handle_timeout(now);
        self.carry_out(now);
        while !self.wires.stop.is_cancelled() {
            self.turn()?;
        }
        self.leave();
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        let ready = self.sleep()?;
        let now = clock::now();
        self.wires.pulse.store(now.as_nanos(), Ordering::Relaxed);
        self.more = false;
        let mut woken = false;
        for key in ready {
            match key {
                WAKE => woken = true,
                TIMER => {}
                path => self.receive(path, now),
            }
        }
        if woken {
            self.wires.wake.clear();
            self.take_events(now);
            self.take_states(now)?;
        }
        if self.udp_retry().is_some_and(|at| at <= now) {
            self.update_udp(now)?;
        }
        self.count_strangers(now);
        self.look_at_disks(now);
        if self.core.poll_timeout().is_some_and(|at| at <= now) {
            self.core.handle_timeout(now);
        }
        self.carry_out(now);
        Ok(())
    }

    /// What does not come from the peer's address is counted now and then, and never looked at.
    fn count_strangers(&mut self, now: Timestamp) {
        if now.since(self.strangers_counted) < STRANGERS_PERIOD {
            return;
        }
        self.strangers_counted = now;
        for open in &self.ends {
            if let Medium::Udp(udp) = &open.medium {
                for _ in 0..udp.count_strangers() {
                    self.core.handle_input(Input::Garbage { path: open.end.tag }, now);
                }
            }
        }
    }

    /// A disk that hangs cannot say so itself.
    fn look_at_disks(&mut self, now: Timestamp) {
        for open in &mut self.ends {
            if let Medium::Disk(disk) = &mut open.medium
                && let Some(state) = disk.look(now)
            {
                self.core.handle_input(Input::Link { path: open.end.tag, state }, now);
            }
        }
    }

    /// Waits for a socket, a wake-up or the next deadline. Returns the keys of what is ready.
    fn sleep(&mut self) -> io::Result<Vec<u64>> {
        let now_at_most = self.core.poll_timeout().into_iter().chain(self.udp_retry()).min();
        if now_at_most != self.armed {
            // An absolute time on CLOCK_BOOTTIME: it goes on in suspend. 0 would disarm.
            let nanos = now_at_most.map_or(0, |at| at.as_nanos().max(1));
            let at = rustix::time::Timespec {
                tv_sec: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
                tv_nsec: i64::try_from(nanos % 1_000_000_000).unwrap_or(0),
            };
            let setting = Itimerspec { it_interval: rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
            timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &setting)?;
            self.armed = now_at_most;
        }
        let longest = if self.more { Duration::ZERO } else { LONGEST_SLEEP };
        let limit = Timespec { tv_sec: i64::try_from(longest.as_secs()).unwrap_or(1), tv_nsec: 0 };
        let mut ready = [const { std::mem::MaybeUninit::<epoll::Event>::uninit() }; 64];
        match epoll::wait(&self.epoll, &mut ready, Some(&limit)) {
            Ok((ready, _)) => {
                let keys: Vec<u64> = ready.iter().map(|event| event.data.u64()).collect();
                if keys.contains(&TIMER) {
                    // It has fired: setting it again also takes its readiness away.
                    self.armed = None;
                }
                Ok(keys)
            }
            Err(rustix::io::Errno::INTR) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn receive(&mut self, key: u64, now: Timestamp) {
        let Some(end) = self.ends.iter().find(|e| u64::from(e.end.tag.0) == key) else {
            return;
        };
        let Medium::Udp(udp) = &end.medium else {
            return;
        };
        let path = end.end.tag;
        let mut buffer = [0_u8; BUFFER];
        for _ in 0..DATAGRAMS {
            let Some(bytes) = udp.receive(&mut buffer) else {
                return;
            };
            self.core.handle_input(Input::Frame { path, bytes }, now);
        }
        self.more = true;
    }

    fn take_events(&mut self, now: Timestamp) {
        while let Ok(event) = self.events.try_recv() {
            match event {
                Event::Frame { path, bytes } => self.core.handle_input(Input::Frame { path, bytes: &bytes }, now),
                Event::Garbage { path } => self.core.handle_input(Input::Garbage { path }, now),
                Event::Link { path, state } => self.core.handle_input(Input::Link { path, state }, now),
                Event::ModemLines { path, partner } => {
                    self.core.handle_input(Input::ModemLines { path, partner }, now);
                }
                Event::Damaged { path, what } => self.core.handle_input(Input::Damaged { path, what }, now),
                Event::IoTimes { path, write, read } => {
                    self.core.handle_input(Input::IoTimes { path, write, read }, now);
                }
                Event::SendFailed { path, text } => self.core.handle_input(Input::SendFailed { path, text }, now),
            }
        }
    }

    fn take_states(&mut self, now: Timestamp) -> io::Result<()> {
        if self.wires.settings.has_changed().unwrap_or(false) {
            let settings = self.wires.settings.borrow_and_update().clone();
            self.core.handle_input(Input::Reconfigure(settings.core.clone()), now);
            self.open_ends(&settings.ends)?;
            self.update_udp(now)?;
        }
        if self.wires.interfaces.has_changed().unwrap_or(false) {
            self.update_udp(now)?;
        }
        if self.wires.advert.has_changed().unwrap_or(false) {
            let advert = self.wires.advert.borrow_and_update().clone();
            let input = match advert.bytes {
                Some(bytes) => Input::Advert { bytes: bytes.to_vec(), stale: advert.stale },
                None => Input::AdvertStale(advert.stale),
            };
            self.core.handle_input(input, now);
        }
        Ok(())
    }

    /// Goes over to these ends: those that did not change stay open.
    fn open_ends(&mut self, ends: &[End]) -> io::Result<()> {
        let mut old = std::mem::take(&mut self.ends);
        for end in ends {
            let kept = old.iter().position(|o| o.end == *end).map(|at| old.swap_remove(at));
            if let Some(kept) = kept {
                self.ends.push(kept);
                continue;
            }
            let medium = match &end.port {
                Port::Udp(port) => Medium::Udp(UdpEnd::new(port.clone())),
                Port::Serial(port) => {
                    // Frames wait in its queue for the moment it takes to open the port; then its thread says how it is.
                    let wake = self.wires.wake.clone();
                    Medium::Serial(SerialEnd::start(end, port, self.events_in.clone(), wake)?)
                }
                Port::Disk(port) => {
                    let (events, wake) = (self.events_in.clone(), self.wires.wake.clone());
                    Medium::Disk(DiskEnd::start(end, port, self.run, events, wake)?)
                }
            };
            self.ends.push(OpenEnd { end: end.clone(), medium });
        }
        Ok(())
    }

    fn udp_retry(&self) -> Option<Timestamp> {
        let retry = |e: &OpenEnd| if let Medium::Udp(udp) = &e.medium { udp.retry_at } else { None };
        self.ends.iter().filter_map(retry).min()
    }

    /// Opens and closes sockets as interfaces and addresses come and go.
    fn update_udp(&mut self, now: Timestamp) -> io::Result<()> {
        let interfaces = self.wires.interfaces.borrow_and_update().clone();
        for open in &mut self.ends {
            let Medium::Udp(udp) = &mut open.medium else {
                continue;
            };
            udp.retry_at = None;
            let (state, fresh) = udp.update(interfaces.as_deref(), now);
            if let Some(socket) = udp.socket().filter(|_| fresh) {
                // Closing a socket has taken the old one out of the epoll set.
                epoll::add(&self.epoll, socket, EventData::new_u64(u64::from(open.end.tag.0)), EventFlags::IN)?;
            }
            if let Some(state) = state {
                self.core.handle_input(Input::Link { path: open.end.tag, state }, now);
            }
        }
        Ok(())
    }

    /// Does what the core wants done.
    fn carry_out(&mut self, now: Timestamp) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send { path, bytes } => self.send(path, &bytes, now),
                Output::View(view) => self.publish(view),
                Output::Dropped { path, reason } => self.note_drop(path, reason, now),
                Output::Refused(error) => log::reload_refused(&error),
            }
        }
    }

    fn send(&mut self, path: PathTag, bytes: &[u8], now: Timestamp) {
        let Some(open) = self.ends.iter_mut().find(|e| e.end.tag == path) else {
            return;
        };
        let failure = match &mut open.medium {
            Medium::Udp(udp) => udp.send(bytes, now).err().map(|error| error.to_string()),
            Medium::Serial(serial) => {
                (!serial.send(bytes)).then(|| "the line is blocked: earlier frames still wait".to_owned())
            }
            Medium::Disk(disk) => {
                (!disk.send(bytes)).then(|| "the disk is too slow: an earlier frame was never written".to_owned())
            }
        };
        if let Some(text) = failure {
            self.core.handle_input(Input::SendFailed { path, text }, now);
        }
    }

    fn publish(&mut self, view: PeerView) {
        let old = self.view.take();
        for (at, path) in view.paths.iter().enumerate() {
            let before = old.as_ref().and_then(|o| o.paths.get(at)).filter(|p| p.name == path.name);
            log::direction(path, true, before.map(|p| &p.rx));
            log::direction(path, false, before.map(|p| &p.tx));
        }
        log::peer(old.as_ref().and_then(|o| o.peer.as_ref()), view.peer.as_ref());
        if let Some(stall) = view.last_stall.filter(|_| old.as_ref().is_none_or(|o| o.stalls != view.stalls)) {
            // A starved node stalls many times a second: the view counts them, the log need not.
            if stall.at >= self.next_stall_line {
                self.next_stall_line = stall.at.after(log::STALL_LINE_PAUSE);
                log::stalled(&stall, view.stalls);
            }
        }
        let view = Arc::new(view);
        self.view = Some(view.clone());
        self.wires.view.send_replace(view);
    }

    fn note_drop(&mut self, path: PathTag, reason: DropReason, now: Timestamp) {
        let key = (path, reason_key(reason));
        let entry = self.drops.entry(key).or_insert(Drops { reason, count: 0, next_line: now });
        entry.count = entry.count.saturating_add(1);
        if entry.next_line > now {
            return;
        }
        entry.next_line = now.after(log::DROP_LINE_PAUSE);
        let (reason, count) = (entry.reason, std::mem::take(&mut entry.count));
        if let Some(open) = self.ends.iter().find(|e| e.end.tag == path) {
            log::dropped(open.end.name.as_str(), reason, count);
        }
    }

    /// Tells the peer that this is no failure, on every path, and ends quickly whatever the ports do.
    fn leave(&mut self) {
        log::stopping();
        let now = clock::now();
        self.core.handle_input(Input::Leave, now);
        self.carry_out(now);
        let stop = |e: &mut OpenEnd| match &mut e.medium {
            Medium::Udp(_) => None,
            Medium::Serial(serial) => serial.stop(),
            Medium::Disk(disk) => disk.stop(),
        };
        let threads: Vec<_> = self.ends.iter_mut().filter_map(stop).collect();
        let end = now.after(LEAVE_LIMIT);
        while threads.iter().any(|t| !t.is_finished()) {
            let left = end.since(clock::now());
            if left.is_zero() {
                return;
            }
            // A thread wakes this one just before it ends, so the condition is looked at again a moment later.
            self.wires.wake.clear();
            self.wires.wake.wait(left.min(Duration::from_millis(20)));
        }
    }
}

fn reason_key(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Malformed => "malformed",
        DropReason::Version => "version",
        DropReason::Foreign => "foreign",
        DropReason::BadMac => "bad_mac",
        DropReason::WrongPath => "wrong_path",
        DropReason::OwnEcho => "own_echo",
        DropReason::Replayed => "replayed",
        DropReason::Stale => "stale",
    }
}
