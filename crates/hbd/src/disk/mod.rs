//! Disk ends: each disk path has a thread of its own, which does all system calls on it.
//!
//! *Invariant:* the beat loop never touches a disk. Opening, reading and writing can each hang in the kernel for ever (state D,
//! which no signal ends); here that stalls this thread only. Frames are put into the next slot to be written; where
//! the disk is slow, newer ones replace older ones.
//! *Invariant:* the thread has a table of file descriptors of its own, with nothing in it but the disk. A thread in state D outlives
//! its process; it must not keep the process's sockets, or the next hbd could not open them.
//! *Invariant:* nothing is written before the area was read and found to be this pair's, or all zero.
//!
//! A turn of the thread is: read the area, hand the peer's new frames to the beat loop, write the own slot if there are new
//! frames. It turns when the beat loop has frames, and four times an interval to read. Reading does not wear a disk out; an idle
//! pair writes one block an interval.

pub mod device;

use core::time::Duration;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use heartbeat_core::disk::{BLOCK, Owner, PeerSlot, Place, SlotReader, SlotWriter, poll_period};
use heartbeat_core::{LinkState, PathTag};
use hotpair_runtime::clock;
use hotpair_types::{Incarnation, Timestamp};

use crate::driver::Event;
use crate::log;
use crate::settings::{DiskPort, End};
use crate::wake::Wake;

/// An area that cannot be used is tried again after this, doubled up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// Whether the device is still the one that was opened is looked at so often.
const IDENTITY_PERIOD: Duration = Duration::from_secs(1);
/// Between two looks of the beat loop at most so much time counts: the rest is its own stall.
const LOOK_MAX: Duration = Duration::from_secs(1);
const STACK: usize = 256 * 1024;
/// Below the beat loop's and the serial ports', above everything ordinary.
const PRIORITY: u8 = 18;

/// An open area. All errors are states of the path, with texts for people.
pub trait Slots {
    /// The whole area, as it is on the medium.
    ///
    /// # Errors
    /// The device is gone, too short, or answers with an error.
    fn read(&mut self) -> Result<&[u8], LinkState>;

    /// Writes a block at a byte offset within the area.
    ///
    /// # Errors
    /// As [`Slots::read`].
    fn write(&mut self, at: usize, block: &[u8; BLOCK]) -> Result<(), LinkState>;

    /// The device of this name still is the one that was opened.
    ///
    /// # Errors
    /// It vanished or was replaced.
    fn still_there(&self) -> Result<(), LinkState>;
}

/// A way to open an area.
pub trait Open: Send {
    /// For people: the device.
    fn name(&self) -> String;

    /// Opens it.
    ///
    /// # Errors
    /// Why it cannot be used.
    fn open(&self) -> Result<Box<dyn Slots>, LinkState>;
}

/// The beat loop's handle of a disk end. Dropping it ends the thread, which is not waited for.
#[derive(Debug)]
pub struct DiskEnd {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    device: String,
    /// A call that lasts longer than this hangs.
    limit: Duration,
    /// The call seen at the last look, since when it counts, and when that look was.
    seen: u64,
    waited: Duration,
    looked: Timestamp,
}

#[derive(Debug)]
struct Shared {
    mailbox: Mutex<Mailbox>,
    changed: Condvar,
    /// When the call began in which the thread is, nanoseconds since boot; 0: in none.
    busy_since: AtomicU64,
    /// Which call: an index into [`CALLS`].
    call: AtomicU8,
    /// The beat loop was told that the disk hangs: the thread has to say how it is when it goes on.
    hangs: AtomicBool,
}

const CALLS: [&str; 3] = ["opening", "reading", "writing"];
const OPENING: u8 = 0;
const READING: u8 = 1;
const WRITING: u8 = 2;

#[derive(Debug)]
struct Mailbox {
    slot: SlotWriter,
    stop: bool,
}

impl Shared {
    fn with<T>(&self, f: impl FnOnce(&mut Mailbox) -> T) -> T {
        f(&mut self.mailbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until there is something to write or to end, or `end`.
    fn wait(&self, end: Timestamp) {
        let mailbox = self.mailbox.lock().unwrap_or_else(PoisonError::into_inner);
        let left = end.since(clock::now());
        let idle = |mailbox: &mut Mailbox| !mailbox.stop && !mailbox.slot.is_due();
        // Whatever ended the wait, the caller looks at what there is.
        drop(self.changed.wait_timeout_while(mailbox, left, idle));
    }

    /// Waits until `end`, or until the thread is to end.
    fn rest(&self, end: Timestamp) {
        let mailbox = self.mailbox.lock().unwrap_or_else(PoisonError::into_inner);
        let left = end.since(clock::now());
        drop(self.changed.wait_timeout_while(mailbox, left, |mailbox| !mailbox.stop));
    }
}

impl DiskEnd {
    /// Starts the thread; it opens the device as soon as it can.
    ///
    /// # Errors
    /// When the process is out of threads.
    pub fn start(
        end: &End,
        port: &DiskPort,
        run: Incarnation,
        events: SyncSender<Event>,
        loop_wake: Wake,
    ) -> io::Result<Self> {
        Self::start_on(Box::new(port.location.clone()), end, port, run, events, loop_wake)
    }

    /// As [`DiskEnd::start`], on any area.
    fn start_on(
        area: Box<dyn Open>,
        end: &End,
        port: &DiskPort,
        run: Incarnation,
        events: SyncSender<Event>,
        loop_wake: Wake,
    ) -> io::Result<Self> {
        let slot = SlotWriter::new(port.place.clone(), run);
        let shared = Arc::new(Shared {
            mailbox: Mutex::new(Mailbox { slot, stop: false }),
            changed: Condvar::new(),
            busy_since: AtomicU64::new(0),
            call: AtomicU8::new(OPENING),
            hangs: AtomicBool::new(false),
        });
        let device = area.name();
        let worker = Worker {
            path: end.name.to_string(),
            tag: end.tag,
            device: device.clone(),
            area,
            place: port.place.clone(),
            period: poll_period(port.interval),
            shared: shared.clone(),
            events,
            loop_wake,
            told: None,
            longest_read: None,
        };
        let name = format!("disk-{}", end.name).chars().take(15).collect();
        let builder = std::thread::Builder::new().name(name).stack_size(STACK);
        let ended = worker.loop_wake.clone();
        let thread = builder.spawn(move || {
            worker.run();
            ended.wake();
        })?;
        Ok(Self {
            shared,
            thread: Some(thread),
            device,
            limit: port.hangs_after,
            seen: 0,
            waited: Duration::ZERO,
            looked: Timestamp::ZERO,
        })
    }

    /// Puts a frame into the next slot; never waits for the disk. False: an older frame was lost for it.
    pub fn send(&self, frame: &[u8]) -> bool {
        let kept = self.shared.with(|mailbox| mailbox.slot.push(frame));
        self.shared.changed.notify_all();
        kept
    }

    /// To be called in each turn of the beat loop: the new state, once, when a call has begun to count as hung.
    pub fn look(&mut self, now: Timestamp) -> Option<LinkState> {
        let since = self.shared.busy_since.load(Ordering::Acquire);
        let step = now.since(self.looked).min(LOOK_MAX);
        self.looked = now;
        if since == 0 || since != self.seen {
            (self.seen, self.waited) = (since, Duration::ZERO);
            return None;
        }
        self.waited = self.waited.saturating_add(step);
        if self.waited < self.limit || self.shared.hangs.swap(true, Ordering::AcqRel) {
            return None;
        }
        let call = CALLS.get(usize::from(self.shared.call.load(Ordering::Relaxed))).copied().unwrap_or("using");
        let (device, limit) = (&self.device, self.limit);
        Some(LinkState::Hanging(format!("{call} {device} takes longer than {limit:?} and has not ended")))
    }

    /// Asks the thread to write what waits and end; the handle tells when it has.
    pub fn stop(&mut self) -> Option<JoinHandle<()>> {
        self.shared.with(|mailbox| mailbox.stop = true);
        self.shared.changed.notify_all();
        self.thread.take()
    }
}

impl Drop for DiskEnd {
    fn drop(&mut self) {
        drop(self.stop());
    }
}

/// The beat loop has gone, or asked to end: nobody to work for.
struct Gone;

/// Why a turn ended otherwise than well.
enum Stop {
    Gone,
    Lost(LinkState),
}

impl From<Gone> for Stop {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

impl From<LinkState> for Stop {
    fn from(state: LinkState) -> Self {
        Self::Lost(state)
    }
}

struct Worker {
    path: String,
    tag: PathTag,
    device: String,
    area: Box<dyn Open>,
    place: Place,
    period: Duration,
    shared: Arc<Shared>,
    events: SyncSender<Event>,
    loop_wake: Wake,
    told: Option<LinkState>,
    longest_read: Option<Duration>,
}

/// Gives this thread a table of descriptors of its own and empties it, but for the standard streams and `keep`.
fn own_descriptors(keep: &Wake) -> io::Result<()> {
    // SAFETY: from here on no descriptor that another thread opens or closes means anything here. This thread uses `keep`, whose
    // number stays what it is in both tables and which the process holds as long as the beat loop lives, and what it opens itself.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::FILES) }?;
    let keep = libc::c_uint::try_from(keep.as_fd().as_raw_fd()).map_err(io::Error::other)?;
    for (first, last) in [(3, keep.saturating_sub(1)), (keep.saturating_add(1).max(3), libc::c_uint::MAX)] {
        if first <= last {
            // SAFETY: the table belongs to this thread alone, and nothing in it has an owner that this thread would meet again.
            let done = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0_u32) };
            if done != 0 {
                return Err(io::Error::last_os_error());
            }
        }
    }
    Ok(())
}

impl Worker {
    fn run(mut self) {
        if let Err(error) = own_descriptors(&self.loop_wake) {
            log::disk_descriptors(&self.path, &error);
        }
        if let Err(error) = hotpair_runtime::realtime::real_time_priority(PRIORITY) {
            tracing::debug!(path = self.path, "{error}");
        }
        let mut pause = RETRY_MIN;
        loop {
            let opened = {
                let _busy = Busy::new(&self.shared, OPENING);
                self.area.open()
            };
            let stop = match opened {
                Ok(slots) => self.serve(slots, &mut pause),
                Err(state) => Stop::Lost(state),
            };
            let Stop::Lost(state) = stop else { return };
            if self.tell_link(state).is_err() {
                return;
            }
            self.shared.rest(clock::now().after(pause));
            if self.stopping() {
                return;
            }
            pause = pause.saturating_mul(2).min(RETRY_MAX);
        }
    }

    fn stopping(&self) -> bool {
        self.shared.with(|mailbox| mailbox.stop)
    }

    fn tell(&self, event: Event) -> Result<(), Gone> {
        // Waiting here is fine: it is this thread's own time, and the beat loop empties the queue each turn.
        self.events.send(event).map_err(|_| Gone)?;
        self.loop_wake.wake();
        Ok(())
    }

    fn tell_link(&mut self, state: LinkState) -> Result<(), Gone> {
        // While the disk hung, the beat loop said so without being told: now it has to learn anew how things are.
        let hung = self.shared.hangs.swap(false, Ordering::AcqRel);
        if !hung && self.told.as_ref() == Some(&state) {
            return Ok(());
        }
        if let LinkState::ForeignArea(what) = &state {
            log::disk_foreign(&self.path, &self.device, what);
        }
        self.told = Some(state.clone());
        self.tell(Event::Link { path: self.tag, state })
    }

    /// Works on an open area until it fails or the thread is to end.
    fn serve(&mut self, mut slots: Box<dyn Slots>, pause: &mut Duration) -> Stop {
        let mut reader = SlotReader::new(self.place.clone());
        let mut identity_at = clock::now().after(IDENTITY_PERIOD);
        log::disk_opened(&self.path, &self.device);
        loop {
            let began = clock::now();
            if began >= identity_at {
                identity_at = began.after(IDENTITY_PERIOD);
                let _busy = Busy::new(&self.shared, OPENING);
                if let Err(state) = slots.still_there() {
                    return state.into();
                }
            }
            let usable = match self.turn(slots.as_mut(), &mut reader) {
                Ok(usable) => usable,
                Err(stop) => return stop,
            };
            if usable {
                *pause = RETRY_MIN;
            }
            if self.stopping() {
                return Stop::Gone;
            }
            if usable {
                // Frames that come in a burst share a write.
                self.shared.rest(began.after(self.period / 4));
                self.shared.wait(began.after(self.period));
            } else {
                self.shared.rest(began.after(RETRY_MAX));
            }
        }
    }

    /// Reads, hands over, writes. False: the area must not be used (any more).
    fn turn(&mut self, slots: &mut dyn Slots, reader: &mut SlotReader) -> Result<bool, Stop> {
        let (owner, peer, took) = {
            let busy = Busy::new(&self.shared, READING);
            let area = slots.read()?;
            let took = busy.took();
            let owner = self.place.owner(area);
            let peer = if owner == Owner::Ours { reader.read(area) } else { PeerSlot::Silent };
            (owner, peer, took)
        };
        self.longest_read = self.longest_read.max(Some(took));
        match owner {
            Owner::Ours => {}
            Owner::Blank => {
                // The slots are written only after the head was read back: of two pairs that find the same blank area, one stays.
                let _busy = Busy::new(&self.shared, WRITING);
                slots.write(0, &self.place.head())?;
                log::disk_initialised(&self.path, &self.device);
                return Ok(true);
            }
            Owner::Foreign(what) => {
                self.tell_link(LinkState::ForeignArea(format!("{}: {what}", self.device)))?;
                return Ok(false);
            }
        }
        self.tell_link(LinkState::Working)?;
        self.hand_over(peer)?;
        self.write_slot(slots)?;
        Ok(true)
    }

    fn hand_over(&self, peer: PeerSlot) -> Result<(), Gone> {
        let path = self.tag;
        match peer {
            PeerSlot::Silent => Ok(()),
            PeerSlot::Frames(frames) => {
                frames.into_iter().try_for_each(|bytes| self.tell(Event::Frame { path, bytes }))
            }
            PeerSlot::Damaged { what, fresh } => {
                if fresh {
                    log::disk_damaged(&self.path, &self.device, &what);
                    self.tell(Event::Garbage { path })?;
                }
                self.tell(Event::Damaged { path, what })
            }
        }
    }

    fn write_slot(&mut self, slots: &mut dyn Slots) -> Result<(), Stop> {
        let block = self.shared.with(|mailbox| mailbox.slot.is_due().then(|| mailbox.slot.take()));
        let Some(block) = block else { return Ok(()) };
        let took = {
            let busy = Busy::new(&self.shared, WRITING);
            slots.write(self.place.own_slot(), &block)?;
            busy.took()
        };
        let (write, read) = (Some(took), self.longest_read.take());
        self.tell(Event::IoTimes { path: self.tag, write, read })?;
        Ok(())
    }
}

/// The thread is in a call on the disk as long as this lives.
struct Busy<'a> {
    shared: &'a Shared,
    since: Timestamp,
}

impl<'a> Busy<'a> {
    fn new(shared: &'a Shared, call: u8) -> Self {
        let since = clock::now();
        shared.call.store(call, Ordering::Relaxed);
        shared.busy_since.store(since.as_nanos().max(1), Ordering::Release);
        Self { shared, since }
    }

    fn took(&self) -> Duration {
        clock::now().since(self.since)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.shared.busy_since.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
