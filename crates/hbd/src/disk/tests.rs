//! The disk thread on an area in memory that can fail in every way a disk does.

use super::*;
use crate::settings::Port;
use heartbeat_core::disk::AREA;
use hotpair_types::{NodeId, PairId, PathName};
use std::sync::mpsc::{Receiver, sync_channel};

const LIMIT: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(40);
const HANGS_AFTER: Duration = Duration::from_millis(200);

/// A disk in memory.
#[derive(Clone)]
struct Memory {
    state: Arc<(Mutex<State>, Condvar)>,
}

struct State {
    bytes: Vec<u8>,
    /// Calls do not return.
    hangs: bool,
    /// Opening fails; reading and writing fail.
    open_fails: Option<LinkState>,
    fails: Option<LinkState>,
    gone: bool,
    writes: u64,
    reads: u64,
}

impl Memory {
    fn new() -> Self {
        let bytes = vec![0; AREA];
        let state = State { bytes, hangs: false, open_fails: None, fails: None, gone: false, writes: 0, reads: 0 };
        Self { state: Arc::new((Mutex::new(state), Condvar::new())) }
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        let result = f(&mut self.state.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.state.1.notify_all();
        result
    }

    fn call<T>(&self, f: impl FnOnce(&mut State) -> Result<T, LinkState>) -> Result<T, LinkState> {
        let mut state = self.state.0.lock().unwrap_or_else(PoisonError::into_inner);
        while state.hangs {
            state = self.state.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.fails.clone().map_or_else(|| f(&mut state), Err)
    }
}

struct OpenMemory(Memory, Vec<u8>);

impl Open for Memory {
    fn name(&self) -> String {
        "/dev/memory".to_owned()
    }

    fn open(&self) -> Result<Box<dyn Slots>, LinkState> {
        self.with(|state| state.open_fails.clone()).map_or_else(
            || -> Result<Box<dyn Slots>, LinkState> { Ok(Box::new(OpenMemory(self.clone(), Vec::new()))) },
            Err,
        )
    }
}

impl Slots for OpenMemory {
    fn read(&mut self) -> Result<&[u8], LinkState> {
        self.1 = self.0.call(|state| {
            state.reads += 1;
            Ok(state.bytes.clone())
        })?;
        Ok(&self.1)
    }

    fn write(&mut self, at: usize, block: &[u8; BLOCK]) -> Result<(), LinkState> {
        self.0.call(|state| {
            state.writes += 1;
            state.bytes[at..at + BLOCK].copy_from_slice(block);
            Ok(())
        })
    }

    fn still_there(&self) -> Result<(), LinkState> {
        let gone = self.0.with(|state| state.gone);
        if gone { Err(LinkState::DeviceMissing("gone".into())) } else { Ok(()) }
    }
}

fn place(node: NodeId) -> Place {
    Place { pair: PairId(*b"thispair"), pair_name: "shop".into(), node, path: PathTag(3) }
}

/// An end on a disk, and what its thread says.
struct End1 {
    end: DiskEnd,
    events: Receiver<Event>,
}

fn start(disk: &Memory, node: NodeId) -> End1 {
    let location = device::Location { device: "/dev/memory".into(), offset: 0 };
    let port = DiskPort { location, place: place(node), interval: INTERVAL, hangs_after: HANGS_AFTER };
    let end = End { name: PathName::new("san").unwrap(), tag: PathTag(3), port: Port::Disk(port.clone()) };
    let (sender, events) = sync_channel(1024);
    let wake = Wake::new().unwrap();
    let run = Incarnation(u64::from(u8::from(node)) + 1);
    let end = DiskEnd::start_on(Box::new(disk.clone()), &end, &port, run, sender, wake).unwrap();
    End1 { end, events }
}

impl End1 {
    /// Waits for an event that fits; others are passed over.
    fn until<T>(&self, what: &str, fits: impl Fn(&Event) -> Option<T>) -> T {
        let end = clock::now().after(LIMIT);
        loop {
            let left = end.since(clock::now());
            match self.events.recv_timeout(left) {
                Ok(event) => {
                    if let Some(found) = fits(&event) {
                        return found;
                    }
                }
                Err(error) => panic!("{what}: {error}"),
            }
        }
    }

    fn link(&self) -> LinkState {
        self.until("the port's state", |e| if let Event::Link { state, .. } = e { Some(state.clone()) } else { None })
    }

    fn frame(&self) -> Vec<u8> {
        self.until("a frame", |e| if let Event::Frame { bytes, .. } = e { Some(bytes.clone()) } else { None })
    }
}

/// S22: a blank area is taken, frames go both ways in order, reading goes on without frames, and times are measured.
#[test]
fn two_ends_talk_over_a_blank_disk() {
    let disk = Memory::new();
    let (a, b) = (start(&disk, NodeId::FIRST), start(&disk, NodeId::SECOND));
    assert_eq!((a.link(), b.link()), (LinkState::Working, LinkState::Working));
    for n in 0..20_u8 {
        assert!(a.end.send(&[n; 300]));
        assert_eq!(b.frame(), [n; 300]);
        assert!(b.end.send(&[n, 1]));
        assert_eq!(a.frame(), [n, 1]);
    }
    assert!(a.end.send(b"timed"));
    a.until("times", |e| if let Event::IoTimes { write, read, .. } = e { write.and(*read) } else { None });
    let before = disk.with(|state| (state.writes, state.reads));
    let end = clock::now().after(LIMIT);
    while disk.with(|state| state.reads) < before.1 + 20 {
        assert!(clock::now() < end, "the area is read again and again");
        disk.state.1.notify_all();
        std::thread::yield_now();
    }
    assert!(disk.with(|state| state.writes) <= before.0 + 1, "and not written without a frame");
}

/// L8, FAULTS D03 D04: a hanging call holds up neither sending nor the loop, is told after its time, once, and is over when the call
/// returns; what was sent last is what is written then.
#[test]
fn a_hanging_disk_is_told_and_waited_for_by_nobody_else() {
    let disk = Memory::new();
    let (mut a, b) = (start(&disk, NodeId::FIRST), start(&disk, NodeId::SECOND));
    assert_eq!((a.link(), b.link()), (LinkState::Working, LinkState::Working));
    disk.with(|state| state.hangs = true);
    let began = clock::now();
    let end = began.after(LIMIT);
    let (mut told, mut lost) = (None, 0_u32);
    let mut slowest = Duration::ZERO;
    for n in 0..100_u8 {
        let sent = clock::now();
        lost += u32::from(!a.end.send(&[n]));
        slowest = slowest.max(clock::now().since(sent));
        a.end.shared.rest(sent.after(Duration::from_millis(5)));
        if let Some(state) = a.end.look(clock::now()) {
            assert!(told.replace(state).is_none(), "told once");
        }
        assert!(clock::now() < end);
    }
    assert!(slowest < Duration::from_millis(100), "sending took {slowest:?}");
    let Some(LinkState::Hanging(text)) = told else { panic!("{told:?}") };
    assert!(text.contains("/dev/memory") && text.contains("200ms"), "{text}");
    assert!(lost > 80, "only the newest frames wait, {lost} were lost");
    disk.with(|state| state.hangs = false);
    assert_eq!(a.link(), LinkState::Working, "told anew");
    let mut last = b.frame();
    while last != [99] {
        last = b.frame();
    }
    assert_eq!(a.end.look(clock::now()), None);
}

/// FAULTS D01 D02 D05: errors, a vanished device and one that cannot be opened are states; each is over when the disk is back.
#[test]
fn failures_are_states_and_end() {
    let disk = Memory::new();
    let missing = LinkState::DeviceMissing("/dev/memory is not there".into());
    disk.with(|state| state.open_fails = Some(missing.clone()));
    let a = start(&disk, NodeId::FIRST);
    assert_eq!(a.link(), missing);
    disk.with(|state| state.open_fails = None);
    assert_eq!(a.link(), LinkState::Working);
    let broken = LinkState::IoError("Input/output error".into());
    disk.with(|state| state.fails = Some(broken.clone()));
    assert_eq!(a.link(), broken);
    disk.with(|state| state.fails = None);
    assert_eq!(a.link(), LinkState::Working);
    disk.with(|state| state.gone = true);
    assert_eq!(a.link(), LinkState::DeviceMissing("gone".into()));
    disk.with(|state| state.gone = false);
    assert_eq!(a.link(), LinkState::Working);
}

/// FAULTS D06 D08: damage of the peer's slot is told as long as it lasts, counted once, and gone with the next frame; a foreign area is
/// never written, and taken when it is blank.
#[test]
fn damage_and_foreign_content_are_told() {
    let disk = Memory::new();
    let (a, b) = (start(&disk, NodeId::FIRST), start(&disk, NodeId::SECOND));
    assert_eq!((a.link(), b.link()), (LinkState::Working, LinkState::Working));
    assert!(b.end.send(b"here"));
    assert_eq!(a.frame(), b"here");
    let slot = place(NodeId::SECOND).own_slot();
    disk.with(|state| state.bytes[slot + 100] ^= 1);
    a.until("it is counted", |e| matches!(e, Event::Garbage { .. }).then_some(()));
    for _ in 0..3 {
        a.until("damage", |e| if let Event::Damaged { what, .. } = e { Some(what.clone()) } else { None });
    }
    assert!(!a.events.try_iter().any(|e| matches!(e, Event::Garbage { .. })), "counted once");
    assert!(b.end.send(b"again"));
    assert_eq!(a.frame(), b"again");

    disk.with(|state| state.bytes[..BLOCK].fill(0xab));
    assert!(matches!(a.link(), LinkState::ForeignArea(text) if text.contains("abababab")));
    assert!(matches!(b.link(), LinkState::ForeignArea(_)));
    let writes = disk.with(|state| state.writes);
    let reads = disk.with(|state| state.reads);
    assert!(a.end.send(b"never written"));
    let end = clock::now().after(LIMIT);
    while disk.with(|state| state.reads) < reads + 2 {
        assert!(clock::now() < end, "it is looked at again");
        a.end.shared.rest(clock::now().after(Duration::from_millis(5)));
    }
    assert_eq!(disk.with(|state| state.writes), writes, "a foreign area is left alone");
    disk.with(|state| state.bytes.fill(0));
    assert_eq!((a.link(), b.link()), (LinkState::Working, LinkState::Working));
}

/// At the end, the last frame ("leaving") is written first.
#[test]
fn the_last_frame_is_written_before_the_end() {
    let disk = Memory::new();
    let (mut a, b) = (start(&disk, NodeId::FIRST), start(&disk, NodeId::SECOND));
    assert_eq!((a.link(), b.link()), (LinkState::Working, LinkState::Working));
    assert!(a.end.send(b"leaving"));
    a.end.stop().unwrap().join().unwrap();
    assert_eq!(b.frame(), b"leaving");
}

/// FAULTS D04: a thread in state D must not keep the process's sockets: it has no descriptors but its own.
#[test]
fn the_thread_has_descriptors_of_its_own() {
    let keep = Wake::new().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let (own, number) = (keep.clone(), reader.as_raw_fd());
    let other_side = std::thread::spawn(move || {
        own_descriptors(&own).unwrap();
        own.wake();
        // SAFETY: only asks whether this number means anything in this thread's table.
        unsafe { libc::fcntl(number, libc::F_GETFD) }
    });
    assert_eq!(other_side.join().unwrap(), -1, "the thread still has the process's descriptors");
    keep.wait(LIMIT);
    // The table of this thread is as it was.
    drop(writer);
    let mut nothing = String::new();
    std::io::Read::read_to_string(&mut { reader }, &mut nothing).unwrap();
}
