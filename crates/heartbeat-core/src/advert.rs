//! Carriage of adverts: opaque bytes, cut into chunks that fit a path's frames, put together again by digest.
//!
//! Chunks are named by offset, so that chunks of different sizes from different paths complete one another.

use crate::config::{MAX_ADVERT, digest_of};
use crate::frame::Frame;
use alloc::vec;
use alloc::vec::Vec;
use hotpair_types::{Digest, ReceivedAdvert, Timestamp};

/// This node's advert.
#[derive(Clone, Debug)]
pub(crate) struct OwnAdvert {
    pub digest: Digest,
    pub bytes: Vec<u8>,
}

impl OwnAdvert {
    /// Wraps an advert; longer ones than [`MAX_ADVERT`] and empty ones are refused.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        let fits = !bytes.is_empty() && bytes.len() <= MAX_ADVERT;
        fits.then(|| Self { digest: digest_of(&bytes), bytes })
    }

    /// Its length, as on the wire.
    pub fn len(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    /// The chunk at a cursor, at most `room` bytes, and where the next one starts (0 after the last).
    pub fn chunk(&self, cursor: u32, room: usize) -> Option<(u32, &[u8], u32)> {
        let start = usize::try_from(cursor).ok().filter(|s| *s < self.bytes.len()).unwrap_or(0);
        let end = start.saturating_add(room).min(self.bytes.len());
        let piece = self.bytes.get(start..end).filter(|p| !p.is_empty())?;
        let next = if end == self.bytes.len() { 0 } else { u32::try_from(end).ok()? };
        Some((u32::try_from(start).ok()?, piece, next))
    }

    /// Frames needed to send it all in chunks of `room` bytes.
    pub fn chunks(&self, room: usize) -> u32 {
        u32::try_from(self.bytes.len().div_ceil(room.max(1))).unwrap_or(u32::MAX)
    }
}

/// An advert of the peer that is not yet whole.
#[derive(Clone, Debug)]
struct Partial {
    digest: Digest,
    bytes: Vec<u8>,
    /// What has arrived: disjoint, not touching, in order.
    ranges: Vec<(usize, usize)>,
}

impl Partial {
    fn insert(&mut self, offset: usize, chunk: &[u8]) {
        let end = offset.saturating_add(chunk.len());
        let Some(place) = self.bytes.get_mut(offset..end) else {
            return;
        };
        place.copy_from_slice(chunk);
        let (mut from, mut to) = (offset, end);
        let mut merged = Vec::with_capacity(self.ranges.len().saturating_add(1));
        for &(a, b) in &self.ranges {
            if b < from || a > to {
                merged.push((a, b));
            } else {
                (from, to) = (from.min(a), to.max(b));
            }
        }
        merged.push((from, to));
        merged.sort_unstable();
        self.ranges = merged;
    }

    fn is_whole(&self) -> bool {
        self.ranges.as_slice() == [(0, self.bytes.len())]
    }
}

/// What came of a frame's advert part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// Nothing that anybody has to be told.
    None,
    /// A new advert is whole.
    Complete,
    /// All bytes arrived, but they are not what was announced.
    Corrupt,
}

/// The peer's advert.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerAdvert {
    pub held: Option<ReceivedAdvert>,
    partial: Option<Partial>,
    /// Newest nonce of the peer whose frame announced anything: an older frame announces an older advert.
    newest: u64,
}

impl PeerAdvert {
    /// A fresh frame of the peer's current run.
    pub fn receive(&mut self, frame: &Frame<'_>, now: Timestamp) -> Progress {
        let newest = frame.nonce >= self.newest;
        self.newest = self.newest.max(frame.nonce);
        let Some((digest, length)) = frame.advert else {
            return Progress::None;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_ADVERT || self.held.as_ref().is_some_and(|h| h.digest == digest && h.bytes.len() == length) {
            if newest {
                self.partial = None;
            }
            return Progress::None;
        }
        let same = self.partial.as_ref().is_some_and(|p| p.digest == digest && p.bytes.len() == length);
        if !same {
            if !newest {
                return Progress::None;
            }
            self.partial = Some(Partial { digest, bytes: vec![0; length], ranges: Vec::new() });
        }
        let (Some((offset, chunk)), Some(partial)) = (frame.chunk, self.partial.as_mut()) else {
            return Progress::None;
        };
        partial.insert(usize::try_from(offset).unwrap_or(usize::MAX), chunk);
        if !partial.is_whole() {
            return Progress::None;
        }
        let Some(Partial { bytes, .. }) = self.partial.take() else {
            return Progress::None;
        };
        if digest_of(&bytes) != digest {
            return Progress::Corrupt;
        }
        self.held = Some(ReceivedAdvert { digest, bytes, received_at: now, stale: true });
        Progress::Complete
    }

    /// Another run of the peer: what is held stays held (its arbiter may not have died), half things are dropped.
    pub fn new_session(&mut self) {
        self.partial = None;
        self.newest = 0;
    }

    /// Memory is bounded.
    pub fn invariant(&self) -> bool {
        self.partial.as_ref().is_none_or(|p| p.bytes.len() <= MAX_ADVERT && p.ranges.len() <= p.bytes.len())
            && self.held.as_ref().is_none_or(|h| h.bytes.len() <= MAX_ADVERT)
    }
}
