//! hotpair's disk lease (S14): one slot per node in a small area that both nodes reach, and the rules by which a node may
//! hold it. This file: the slot's bytes, reading and writing. The rules are in [`super::lease_keeper`].
//!
//! A slot is one block of 4096 bytes, node 0's at offset 0, node 1's at 4096, written and read with O_DIRECT and O_DSYNC
//! past every cache:
//!
//! | bytes | what |
//! |---|---|
//! | 0–7 | `HPLEASE1` |
//! | 8–15 | pair id |
//! | 16 | node number |
//! | 17 | state: 1 claimed, 2 held, 3 released |
//! | 18–33 | boot id |
//! | 34–41 | counter, little endian; grows with every write of the node |
//! | 42–57 | first 16 bytes of HMAC-SHA256 over bytes 0–41 with the pair's key |

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use hotpair_types::{BootId, NodeId, PairId};
use sha2::Sha256;

/// Size of a slot, and alignment of its buffer.
const SLOT: usize = 4096;
const MAGIC: &[u8; 8] = b"HPLEASE1";
const SIGNED: usize = 42;
const END: usize = 58;

#[repr(C, align(4096))]
struct Page([u8; SLOT]);

/// What a slot says of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// About to hold it.
    Claimed,
    /// Holds it.
    Held,
    /// Gave it back in good order.
    Released,
}

/// A valid slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose.
    pub node: NodeId,
    /// What it says.
    pub state: State,
    /// Boot of its writer.
    pub boot: BootId,
    /// Grows with every write.
    pub counter: u64,
}

/// What is in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Never written.
    Blank,
    /// A valid record.
    Record(Record),
    /// Something else: another pair's, another key's, torn. The fingerprint tells whether it changes.
    Foreign(u64),
}

/// The area, open.
pub struct Area {
    file: File,
    pair: PairId,
    key: Vec<u8>,
}

impl Area {
    /// Opens the device or file.
    ///
    /// # Errors
    /// The system's answer.
    pub fn open(path: &Path, pair: PairId, key: &[u8]) -> io::Result<Self> {
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_DIRECT | libc::O_DSYNC | libc::O_CLOEXEC)
            .open(path)?;
        Ok(Self { file, pair, key: key.to_vec() })
    }

    /// Reads a node's slot.
    ///
    /// # Errors
    /// The system's answer; an area too small for both slots.
    pub fn read(&self, node: NodeId) -> io::Result<Slot> {
        let mut page = Box::new(Page([0; SLOT]));
        match self.file.read_exact_at(&mut page.0, offset(node)) {
            Ok(()) => Ok(decode(&page.0, self.pair, node, &self.key)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(io::Error::other("the lease area is smaller than 8 KiB"))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes a node's slot; when this returns it is on the medium.
    ///
    /// # Errors
    /// The system's answer.
    pub fn write(&self, record: Record) -> io::Result<()> {
        let page = Box::new(Page(encode(record, self.pair, &self.key)?));
        self.file.write_all_at(&page.0, offset(record.node))
    }
}

fn offset(node: NodeId) -> u64 {
    if node == NodeId::FIRST { 0 } else { 4096 }
}

fn tag(bytes: &[u8], key: &[u8]) -> io::Result<[u8; 16]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(io::Error::other)?;
    mac.update(bytes);
    let full = mac.finalize().into_bytes();
    let mut tag = [0_u8; 16];
    tag.copy_from_slice(&full[..16]);
    Ok(tag)
}

fn encode(record: Record, pair: PairId, key: &[u8]) -> io::Result<[u8; SLOT]> {
    let mut page = [0_u8; SLOT];
    page[..8].copy_from_slice(MAGIC);
    page[8..16].copy_from_slice(&pair.0);
    page[16] = u8::from(record.node);
    page[17] = match record.state {
        State::Claimed => 1,
        State::Held => 2,
        State::Released => 3,
    };
    page[18..34].copy_from_slice(&record.boot.0);
    page[34..SIGNED].copy_from_slice(&record.counter.to_le_bytes());
    let tag = tag(&page[..SIGNED], key)?;
    page[SIGNED..END].copy_from_slice(&tag);
    Ok(page)
}

fn decode(page: &[u8; SLOT], pair: PairId, node: NodeId, key: &[u8]) -> Slot {
    if page.iter().all(|b| *b == 0) {
        return Slot::Blank;
    }
    // FNV-1a: only to see whether foreign bytes change.
    let print = page.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    let foreign = Slot::Foreign(print);
    let right_tag = tag(&page[..SIGNED], key).is_ok_and(|t| t[..] == page[SIGNED..END]);
    if &page[..8] != MAGIC || page[8..16] != pair.0 || page[16] != u8::from(node) || !right_tag {
        return foreign;
    }
    let state = match page[17] {
        1 => State::Claimed,
        2 => State::Held,
        3 => State::Released,
        _ => return foreign,
    };
    let mut boot = [0_u8; 16];
    boot.copy_from_slice(&page[18..34]);
    let mut counter = [0_u8; 8];
    counter.copy_from_slice(&page[34..SIGNED]);
    Slot::Record(Record { node, state, boot: BootId(boot), counter: u64::from_le_bytes(counter) })
}

/// For fuzzing: without the key, nothing on a page passes for a record.
///
/// # Panics
/// If something does.
pub fn check_page(bytes: &[u8], pair: PairId, node: NodeId, key: &[u8]) {
    let mut page = [0; SLOT];
    for (to, from) in page.iter_mut().zip(bytes) {
        *to = *from;
    }
    assert!(!matches!(decode(&page, pair, node, key), Slot::Record(_)), "nobody guesses a tag");
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: PairId = PairId([5; 8]);

    fn record(counter: u64) -> Record {
        Record { node: NodeId::SECOND, state: State::Held, boot: BootId([9; 16]), counter }
    }

    #[test]
    fn a_slot_round_trips_and_every_flipped_bit_shows() {
        let page = encode(record(77), PAIR, b"key").unwrap();
        assert_eq!(decode(&page, PAIR, NodeId::SECOND, b"key"), Slot::Record(record(77)));
        for at in 0..END {
            let mut torn = page;
            torn[at] ^= 1;
            assert!(matches!(decode(&torn, PAIR, NodeId::SECOND, b"key"), Slot::Foreign(_)), "{at}");
        }
        assert!(matches!(decode(&page, PAIR, NodeId::FIRST, b"key"), Slot::Foreign(_)));
        assert!(matches!(decode(&page, PAIR, NodeId::SECOND, b"other"), Slot::Foreign(_)));
        assert_eq!(decode(&[0; SLOT], PAIR, NodeId::SECOND, b"key"), Slot::Blank);
    }
}
