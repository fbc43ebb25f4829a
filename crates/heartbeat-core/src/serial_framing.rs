//! Frames on a serial line: COBS with a CRC-32C inside and 0x00 as the only delimiter.
//!
//! ```text
//! 00 | COBS( frame , CRC-32C of the frame, big-endian ) | 00
//! ```
//!
//! Noise costs at most the frame it hits: the next delimiter starts afresh (FAULTS R04, R05). The checksum tells line
//! noise apart from an attack before the keyed tag is looked at. Memory is bounded whatever arrives.

use alloc::vec::Vec;
use crc::{CRC_32_ISCSI, Crc};

const CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
const CRC_LEN: usize = 4;
/// Longest encoded frame between two delimiters: COBS adds one byte per 254.
const MAX_ENCODED: usize = crate::MAX_FRAME + CRC_LEN + 4;

/// A frame as it goes on the line, delimiters included.
pub fn encode(frame: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(frame.len().saturating_add(CRC_LEN));
    plain.extend_from_slice(frame);
    plain.extend_from_slice(&CASTAGNOLI.checksum(frame).to_be_bytes());
    let mut line = Vec::with_capacity(plain.len().saturating_add(8));
    // The leading delimiter ends whatever noise came before.
    line.push(0);
    line.extend_from_slice(&cobs::encode_vec(&plain));
    line.push(0);
    line
}

/// What the line brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Received {
    /// A whole frame with the right checksum.
    Frame(Vec<u8>),
    /// Bytes up to a delimiter that are not a frame.
    Garbage,
}

/// Finds frames in a stream of bytes.
#[derive(Clone, Debug, Default)]
pub struct Deframer {
    buffer: Vec<u8>,
    /// Too much came without a delimiter: the rest up to the next one is garbage too.
    overflown: bool,
}

impl Deframer {
    /// Feeds bytes; calls `on` for each frame and each piece of garbage.
    pub fn feed(&mut self, bytes: &[u8], mut on: impl FnMut(Received)) {
        for byte in bytes {
            if *byte != 0 {
                if self.buffer.len() < MAX_ENCODED {
                    self.buffer.push(*byte);
                } else {
                    self.overflown = true;
                }
                continue;
            }
            if !self.buffer.is_empty() {
                let frame = if self.overflown { None } else { unpack(&self.buffer) };
                on(frame.map_or(Received::Garbage, Received::Frame));
            }
            self.reset();
        }
    }

    /// Forgets a half frame: the port was opened anew.
    pub fn reset(&mut self) {
        self.buffer.clear();
        self.overflown = false;
    }
}

fn unpack(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut plain = cobs::decode_vec(encoded).ok()?;
    let body_len = plain.len().checked_sub(CRC_LEN)?;
    let (body, sum) = plain.split_at_checked(body_len)?;
    if CASTAGNOLI.checksum(body).to_be_bytes() != sum {
        return None;
    }
    plain.truncate(body_len);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn feed(deframer: &mut Deframer, bytes: &[u8]) -> Vec<Received> {
        let mut got = Vec::new();
        deframer.feed(bytes, |r| got.push(r));
        got
    }

    /// S26: frames of every length and content survive, also cut into single bytes.
    #[test]
    fn frames_round_trip() {
        let mut deframer = Deframer::default();
        for len in 0..=crate::MAX_FRAME {
            let frame: Vec<u8> = (0..len).map(|i| u8::try_from(i * 7 % 256).unwrap() & 0xf3).collect();
            let mut got = Vec::new();
            for byte in encode(&frame) {
                got.extend(feed(&mut deframer, &[byte]));
            }
            assert_eq!(got, [Received::Frame(frame)]);
        }
    }

    /// FAULTS R05: noise before, in and after a frame costs that frame only, and memory stays bounded.
    #[test]
    fn noise_costs_one_frame_at_most() {
        let mut deframer = Deframer::default();
        assert!(feed(&mut deframer, &vec![0x55; 100_000]).is_empty());
        assert!(deframer.buffer.len() <= MAX_ENCODED);
        let whole = encode(b"hello");
        assert_eq!(feed(&mut deframer, &whole), [Received::Garbage, Received::Frame(b"hello".to_vec())]);
        for at in 1..whole.len() - 1 {
            for flip in [1_u8, 0x80, 0xff] {
                let mut broken = whole.clone();
                broken[at] ^= flip;
                broken.extend_from_slice(&whole);
                let got = feed(&mut deframer, &broken);
                assert_eq!(got.last(), Some(&Received::Frame(b"hello".to_vec())));
                assert!(got.iter().filter(|r| matches!(r, Received::Frame(_))).count() == 1, "byte {at} {flip:x}");
            }
        }
        assert_eq!(feed(&mut deframer, &whole[..4]), []);
        deframer.reset();
        assert_eq!(feed(&mut deframer, &whole[4..]), [Received::Garbage], "a half frame is no frame");
    }
}
