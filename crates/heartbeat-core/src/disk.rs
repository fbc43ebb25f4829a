//! Heartbeats over a shared disk: the bytes of the area, and what a node makes of them. Pure; the shell reads and writes.
//!
//! The area is three blocks of 4096 bytes, big-endian, each ended by a CRC-32C over the rest of its block:
//!
//! ```text
//!   block 0  whose it is: 8 magic "hpAREA01", 8 pair id, 1 length of the pair's name, name
//!   block 1  slot of node 0
//!   block 2  slot of node 1:
//!              0 8 magic "hpSLOT01"     20 8 run (incarnation) of the writer
//!              8 8 pair id              28 8 number of the first frame below, counted from 1 in each run
//!             16 1 node                 36   frames: 2 bytes length, then the frame as it goes over every other path
//!             17 1 number of frames   4092 4 CRC-32C
//!             18 2 path tag
//! ```
//!
//! A slot holds the newest frames, not only the last one, so that an advert in pieces gets through to a reader that looks
//! only now and then. Only the frames are authenticated (each by its own keyed tag, as everywhere); what surrounds them can at
//! worst hide them. Freshness is proven by the frames' echoes: an old slot, read again and again, is silence.
//!
//! *Invariant:* a torn, wiped or foreign slot is a typed reason that explains silence; it never is a sign of death, and never one
//! of life.
//! *Invariant:* only an area that is all zero, or holds nothing but this pair's own valid slots, is ever initialised.

use crate::config::PathTag;
use crate::frame::MAX_FRAME;
use alloc::borrow::ToOwned;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use crc::{CRC_32_ISCSI, Crc};
use hotpair_types::{Incarnation, NodeId, PairId};

/// Size of a block, and the alignment that O_DIRECT needs.
pub const BLOCK: usize = 4096;
/// Size of the area: identity and one slot per node.
pub const AREA: usize = 3 * BLOCK;
/// Most frames in a slot.
pub const SLOT_FRAMES: usize = 7;

const CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
const AREA_MAGIC: &[u8; 8] = b"hpAREA01";
const SLOT_MAGIC: &[u8; 8] = b"hpSLOT01";
const CRC_AT: usize = BLOCK - 4;
const FRAMES_AT: usize = 36;
/// A slot that is read while its writer writes looks torn: it is damaged if it still does when it is read again.
const DAMAGED_READS: u32 = 2;

const _: () = assert!(FRAMES_AT + SLOT_FRAMES * (MAX_FRAME + 2) <= CRC_AT, "a full slot fits its block");

/// How often the area is read, for a path that beats each `interval`: four times as often, so that reading adds little to the
/// age of a heartbeat.
#[must_use]
pub fn poll_period(interval: Duration) -> Duration {
    (interval / 4).clamp(Duration::from_millis(2), Duration::from_secs(1))
}

/// Bytes a second that a disk path carries beyond its heartbeats: half a slot of frames between two looks of the reader.
#[must_use]
pub fn byte_budget(interval: Duration) -> u32 {
    let per_look = u64::try_from(SLOT_FRAMES.div_ceil(2).saturating_mul(MAX_FRAME)).unwrap_or(u64::MAX);
    let micros = u64::try_from(poll_period(interval).as_micros()).unwrap_or(u64::MAX);
    let rate = per_look.saturating_mul(1_000_000).checked_div(micros).unwrap_or(1);
    u32::try_from(rate).unwrap_or(u32::MAX).max(1)
}

/// Whose area and slots these are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The pair.
    pub pair: PairId,
    /// Its name, for people; the first 200 bytes are stored.
    pub pair_name: String,
    /// This node.
    pub node: NodeId,
    /// The path.
    pub path: PathTag,
}

/// What the area as a whole is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Owner {
    /// This pair's.
    Ours,
    /// Nobody's: zeros, or only this pair's slots under a wiped head. It may be initialised with [`Place::head`].
    Blank,
    /// Something else, which must not be overwritten; what, for people.
    Foreign(String),
}

/// What has become of the peer's slot since it was read last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PeerSlot {
    /// Nothing new, or nothing yet.
    Silent,
    /// Frames that were not read before, oldest first.
    Frames(Vec<Vec<u8>>),
    /// It cannot be used; why, for people.
    Damaged {
        /// What is wrong with it.
        what: String,
        /// It was not damaged, or otherwise, when it was read before.
        fresh: bool,
    },
}

impl Place {
    /// The first block of an area of this pair.
    #[must_use]
    pub fn head(&self) -> [u8; BLOCK] {
        let mut name_length = self.pair_name.len().min(200);
        while !self.pair_name.is_char_boundary(name_length) {
            name_length = name_length.saturating_sub(1);
        }
        let name = self.pair_name.get(..name_length).unwrap_or_default();
        let mut bytes = Vec::with_capacity(BLOCK);
        bytes.extend_from_slice(AREA_MAGIC);
        bytes.extend_from_slice(&self.pair.0);
        bytes.push(u8::try_from(name.len()).unwrap_or(0));
        bytes.extend_from_slice(name.as_bytes());
        seal(bytes)
    }

    /// Byte offset, within the area, of this node's slot.
    #[must_use]
    pub fn own_slot(&self) -> usize {
        slot_at(self.node)
    }

    /// Whose an area is.
    #[must_use]
    pub fn owner(&self, area: &[u8]) -> Owner {
        let Some((head, slots)) = area.split_at_checked(BLOCK).filter(|(_, slots)| slots.len() >= 2 * BLOCK) else {
            return Owner::Foreign("it was not read whole".to_owned());
        };
        if is_zero(head) {
            return slots.chunks_exact(BLOCK).find_map(|slot| self.strange(slot)).map_or(Owner::Blank, Owner::Foreign);
        }
        let Some(body) = intact(head).and_then(|body| body.strip_prefix(AREA_MAGIC)) else {
            return Owner::Foreign(format!("it begins with {}, which is not hotpair's", first_bytes(head)));
        };
        if body.starts_with(&self.pair.0) {
            return Owner::Ours;
        }
        let rest = body.get(self.pair.0.len()..).unwrap_or_default();
        let length = rest.first().copied().map_or(0, usize::from);
        let name = String::from_utf8_lossy(rest.get(1..length.saturating_add(1)).unwrap_or_default());
        let printable: String = name.chars().filter(|c| !c.is_control()).collect();
        Owner::Foreign(if printable == self.pair_name {
            format!("it belongs to a pair of the same name `{printable}` with another key")
        } else {
            format!("it belongs to the pair `{printable}`")
        })
    }

    /// What keeps an area without a head from being taken: a slot that is neither empty nor this pair's.
    fn strange(&self, slot: &[u8]) -> Option<String> {
        if is_zero(slot)
            || intact(slot).and_then(|b| b.strip_prefix(SLOT_MAGIC)).is_some_and(|b| b.starts_with(&self.pair.0))
        {
            return None;
        }
        Some(format!("its head is empty, but behind it is something that begins with {}", first_bytes(slot)))
    }
}

/// This node's slot: the newest frames.
#[derive(Clone, Debug)]
pub struct SlotWriter {
    place: Place,
    run: Incarnation,
    frames: VecDeque<Vec<u8>>,
    /// Number of the first frame held.
    first: u64,
    /// Frames that no block has contained yet.
    unwritten: usize,
}

impl SlotWriter {
    /// A slot without frames.
    #[must_use]
    pub fn new(place: Place, run: Incarnation) -> Self {
        Self { place, run, frames: VecDeque::with_capacity(SLOT_FRAMES), first: 1, unwritten: 0 }
    }

    /// Takes a frame; the oldest one makes room. False: that one was never written. Frames longer than every heartbeat are not
    /// taken.
    pub fn push(&mut self, frame: &[u8]) -> bool {
        if frame.len() > MAX_FRAME {
            return false;
        }
        let mut lost = false;
        while self.frames.len() >= SLOT_FRAMES {
            self.frames.pop_front();
            self.first = self.first.saturating_add(1);
            lost |= self.unwritten > self.frames.len();
            self.unwritten = self.unwritten.min(self.frames.len());
        }
        self.frames.push_back(frame.to_vec());
        self.unwritten = self.unwritten.saturating_add(1);
        !lost
    }

    /// True: there is something to write.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.unwritten > 0
    }

    /// The block to be written at [`Place::own_slot`].
    #[must_use]
    pub fn block(&self) -> [u8; BLOCK] {
        let mut bytes = Vec::with_capacity(BLOCK);
        bytes.extend_from_slice(SLOT_MAGIC);
        bytes.extend_from_slice(&self.place.pair.0);
        bytes.push(self.place.node.into());
        bytes.push(u8::try_from(self.frames.len()).unwrap_or(0));
        bytes.extend_from_slice(&self.place.path.0.to_be_bytes());
        bytes.extend_from_slice(&self.run.0.to_be_bytes());
        bytes.extend_from_slice(&self.first.to_be_bytes());
        for frame in &self.frames {
            bytes.extend_from_slice(&u16::try_from(frame.len()).unwrap_or(0).to_be_bytes());
            bytes.extend_from_slice(frame);
        }
        seal(bytes)
    }

    /// [`SlotWriter::block`], to be written now: its frames count as written.
    pub fn take(&mut self) -> [u8; BLOCK] {
        self.unwritten = 0;
        self.block()
    }
}

/// The peer's slot.
#[derive(Clone, Debug)]
pub struct SlotReader {
    place: Place,
    /// Run of the writer and the number of the next frame that is new.
    next: Option<(u64, u64)>,
    /// It held something once.
    seen: bool,
    /// Reads in a row that found it damaged.
    damaged: u32,
    damage: Option<String>,
}

impl SlotReader {
    /// A reader that has read nothing yet.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self { place, next: None, seen: false, damaged: 0, damage: None }
    }

    /// Looks at the peer's slot in an area that is this pair's.
    pub fn read(&mut self, area: &[u8]) -> PeerSlot {
        let at = slot_at(self.place.node.other());
        let slot = area.get(at..at.saturating_add(BLOCK)).unwrap_or_default();
        if is_zero(slot) {
            return if self.seen { self.on_damage("it was wiped with zeros".to_owned()) } else { PeerSlot::Silent };
        }
        match decode(slot, &self.place) {
            Err(what) => self.on_damage(what),
            Ok(slot) => {
                self.seen = true;
                (self.damaged, self.damage) = (0, None);
                let known = self.next.filter(|(run, _)| *run == slot.run).map_or(0, |(_, next)| next);
                let count = u64::try_from(slot.frames.len()).unwrap_or(0);
                // Never backwards: an older state of the slot (a cache, a snapshot) brings nothing.
                self.next = Some((slot.run, known.max(slot.first.saturating_add(count))));
                let skip = usize::try_from(known.saturating_sub(slot.first)).unwrap_or(usize::MAX);
                let frames: Vec<_> = slot.frames.iter().skip(skip).map(|f| f.to_vec()).collect();
                if frames.is_empty() { PeerSlot::Silent } else { PeerSlot::Frames(frames) }
            }
        }
    }

    fn on_damage(&mut self, what: String) -> PeerSlot {
        self.seen = true;
        self.damaged = self.damaged.saturating_add(1);
        if self.damaged < DAMAGED_READS {
            return PeerSlot::Silent;
        }
        let fresh = self.damage.as_ref() != Some(&what);
        self.damage = Some(what.clone());
        PeerSlot::Damaged { what, fresh }
    }
}

struct Slot<'a> {
    run: u64,
    first: u64,
    frames: Vec<&'a [u8]>,
}

/// Reads the peer's slot. Never panics, whatever the bytes.
fn decode<'a>(slot: &'a [u8], place: &Place) -> Result<Slot<'a>, String> {
    let torn = || "it is torn, or was overwritten in part (its checksum is wrong)".to_owned();
    if !slot.starts_with(SLOT_MAGIC) {
        return Err(format!("something else was written over it, which begins with {}", first_bytes(slot)));
    }
    let body = intact(slot).ok_or_else(torn)?;
    let mut rest = body.get(SLOT_MAGIC.len()..).ok_or_else(torn)?;
    if take::<8>(&mut rest) != Some(place.pair.0) {
        return Err("another pair, or this pair with another key, has written it".to_owned());
    }
    let [node, count] = take::<2>(&mut rest).ok_or_else(torn)?;
    if node != u8::from(place.node.other()) {
        return Err(format!("it was written by node number {node}, not by the peer"));
    }
    if take::<2>(&mut rest).map(u16::from_be_bytes) != Some(place.path.0) {
        return Err("it was written for a path of another name".to_owned());
    }
    let run = take::<8>(&mut rest).map(u64::from_be_bytes).ok_or_else(torn)?;
    let first = take::<8>(&mut rest).map(u64::from_be_bytes).ok_or_else(torn)?;
    let mut frames = Vec::with_capacity(SLOT_FRAMES);
    for _ in 0..count {
        let length = take::<2>(&mut rest).map_or(usize::MAX, |bytes| usize::from(u16::from_be_bytes(bytes)));
        let (frame, behind) = rest.split_at_checked(length).filter(|_| length <= MAX_FRAME).ok_or_else(torn)?;
        frames.push(frame);
        rest = behind;
    }
    Ok(Slot { run, first, frames })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*head)
}

const fn slot_at(node: NodeId) -> usize {
    BLOCK.saturating_add(BLOCK.saturating_mul(node.index()))
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| *b == 0)
}

/// The block without its checksum, if that is right.
fn intact(block: &[u8]) -> Option<&[u8]> {
    let (body, crc) = block.split_at_checked(CRC_AT)?;
    (crc == CASTAGNOLI.checksum(body).to_be_bytes()).then_some(body)
}

/// Fills a block up and ends it with its checksum.
fn seal(mut bytes: Vec<u8>) -> [u8; BLOCK] {
    bytes.resize(CRC_AT, 0);
    bytes.extend_from_slice(&CASTAGNOLI.checksum(&bytes).to_be_bytes());
    let mut block = [0; BLOCK];
    for (to, from) in block.iter_mut().zip(bytes) {
        *to = from;
    }
    block
}

/// The first bytes that are not zero, for people.
fn first_bytes(bytes: &[u8]) -> String {
    let start = bytes.iter().position(|b| *b != 0).unwrap_or(0);
    let shown = bytes.get(start..).unwrap_or_default().iter().take(8);
    let hex: String = shown.map(|b| format!("{b:02x}")).collect();
    if start == 0 { hex } else { format!("{hex} (at byte {start})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn place(node: NodeId) -> Place {
        Place { pair: PairId(*b"thispair"), pair_name: "shop".to_owned(), node, path: PathTag(77) }
    }

    fn area(writer: &SlotWriter) -> Vec<u8> {
        let mut area = vec![0; AREA];
        area[..BLOCK].copy_from_slice(&writer.place.head());
        let at = writer.place.own_slot();
        area[at..at + BLOCK].copy_from_slice(&writer.block());
        area
    }

    fn pair() -> (SlotWriter, SlotReader) {
        (SlotWriter::new(place(NodeId::SECOND), Incarnation(5)), SlotReader::new(place(NodeId::FIRST)))
    }

    /// S22: every frame is read once, in order, also when several were written between two looks; a new run starts afresh.
    #[test]
    fn frames_go_through_once() {
        let (mut writer, mut reader) = pair();
        assert_eq!(reader.read(&[0; AREA]), PeerSlot::Silent, "never written");
        for n in 0..3_u8 {
            assert!(writer.push(&vec![n; 500]));
        }
        assert!(writer.is_due());
        let PeerSlot::Frames(frames) = reader.read(&area(&writer)) else { panic!("frames") };
        assert_eq!(frames, [vec![0; 500], vec![1; 500], vec![2; 500]]);
        let block = writer.take();
        assert!(!writer.is_due() && block == writer.block());
        assert_eq!(reader.read(&area(&writer)), PeerSlot::Silent, "the same again is silence");
        let old = area(&writer);
        for n in 3..8_u8 {
            assert!(writer.push(&vec![n; MAX_FRAME]), "written ones make room");
        }
        let PeerSlot::Frames(frames) = reader.read(&area(&writer)) else { panic!("frames") };
        assert_eq!(frames.len(), 5);
        assert_eq!(reader.read(&old), PeerSlot::Silent, "FAULTS D07: a stale read");
        assert_eq!(reader.read(&area(&writer)), PeerSlot::Silent);
        let mut second = SlotWriter::new(place(NodeId::SECOND), Incarnation(6));
        assert!(second.push(b"hello"));
        assert_eq!(reader.read(&area(&second)), PeerSlot::Frames(vec![b"hello".to_vec()]));
    }

    /// A writer whose disk hangs keeps the newest frames and says which were lost.
    #[test]
    fn the_newest_frames_stay() {
        let (mut writer, mut reader) = pair();
        for n in 0..7_u8 {
            assert!(writer.push(&[n]));
        }
        assert!(!writer.push(&[7]), "frame 0 was never written");
        let PeerSlot::Frames(frames) = reader.read(&area(&writer)) else { panic!("frames") };
        assert_eq!(frames.first(), Some(&vec![1]));
        assert_eq!(frames.last(), Some(&vec![7]));
        assert!(!writer.push(&[0; MAX_FRAME + 1]), "no heartbeat is so long");
    }

    /// FAULTS D06 D08 T13: every flipped bit, a torn write at every sector, zeros and garbage are damage, told from the second
    /// look on, and counted once; the next good slot is read as if nothing had been.
    #[test]
    fn a_damaged_slot_is_damaged_and_nothing_else() {
        let (mut writer, mut reader) = pair();
        assert!(writer.push(b"first"));
        let good = area(&writer);
        assert!(matches!(reader.read(&good), PeerSlot::Frames(_)));
        let at = writer.place.own_slot();
        for bit in (0..BLOCK).flat_map(|byte| [(byte, 1_u8), (byte, 128)]) {
            let mut bad = good.clone();
            bad[at + bit.0] ^= bit.1;
            assert!(decode(&bad[at..], &place(NodeId::FIRST)).is_err(), "{bit:?}");
        }
        assert!(writer.push(b"second"));
        let next = area(&writer);
        for sector in 1..8 {
            let mut torn = good.clone();
            torn[at..at + sector * 512].copy_from_slice(&next[at..at + sector * 512]);
            let mut reader = reader.clone();
            assert_eq!(reader.read(&torn), PeerSlot::Silent, "it may just be being written");
            assert!(matches!(reader.read(&torn), PeerSlot::Damaged { fresh: true, .. }));
            assert!(matches!(reader.read(&torn), PeerSlot::Damaged { fresh: false, .. }));
            assert_eq!(reader.read(&next), PeerSlot::Frames(vec![b"second".to_vec()]));
        }
        let zeros = {
            let mut z = good.clone();
            z[at..at + BLOCK].fill(0);
            z
        };
        reader.read(&zeros);
        let PeerSlot::Damaged { what, .. } = reader.read(&zeros) else { panic!("wiped") };
        assert!(what.contains("wiped"), "{what}");
    }

    /// Two pairs cannot share an area by accident: only zeros and own slots may be initialised.
    #[test]
    fn foreign_content_is_left_alone() {
        let (mut writer, _) = pair();
        let mine = place(NodeId::FIRST);
        assert_eq!(mine.owner(&[0; AREA]), Owner::Blank);
        assert!(writer.push(b"x"));
        let mut ours = area(&writer);
        assert_eq!(mine.owner(&ours), Owner::Ours);
        let other = Place { pair: PairId([1; 8]), pair_name: "mail\u{7}".to_owned(), ..mine.clone() };
        assert_eq!(other.owner(&ours), Owner::Foreign("it belongs to the pair `shop`".to_owned()));
        let same_name = Place { pair: PairId([1; 8]), ..mine.clone() };
        assert!(matches!(same_name.owner(&ours), Owner::Foreign(what) if what.contains("another key")));
        ours[..BLOCK].fill(0);
        assert_eq!(mine.owner(&ours), Owner::Blank, "a wiped head is written again");
        assert!(matches!(other.owner(&ours), Owner::Foreign(_)), "slots of another pair under a wiped head");
        let mut ext4 = vec![0; AREA];
        ext4[1080] = 0x53;
        let Owner::Foreign(what) = mine.owner(&ext4) else { panic!("a file system") };
        assert!(what.contains("at byte 1080"), "{what}");
        ext4.rotate_right(BLOCK);
        assert!(matches!(mine.owner(&ext4), Owner::Foreign(_)), "something in the place of a slot");
        assert!(matches!(mine.owner(&[0; 100]), Owner::Foreign(_)), "a short read");
        let long = Place { pair_name: "\u{4e2d}".repeat(300), ..mine };
        assert_eq!(long.owner(&[&long.head()[..], &[0; 2 * BLOCK]].concat()), Owner::Ours);
    }

    /// Half a slot of frames between two looks never loses one; and the budget is sane at the ends of the range.
    #[test]
    fn the_budget_fits_the_reader() {
        let (period, budget) = (poll_period(Duration::from_millis(500)), byte_budget(Duration::from_millis(500)));
        assert_eq!((period, budget), (Duration::from_millis(125), 16_384));
        assert!(byte_budget(Duration::from_millis(1)) > budget && byte_budget(Duration::MAX) > 0);
    }
}
