//! Runs of the peer: the one whose freshness is proven, those that claim to be it, and those that were replaced.
//!
//! An unknown run is a *candidate*: it is echoed, and takes over only when it echoes a fresh nonce of mine. So frames
//! recorded from an earlier run, replayed now, can do no more than be echoed (FAULTS T2, T3, X02).

use crate::config::PathTag;
use crate::frame::{Echo, Frame, MAX_ECHOES};
use crate::replay::ReplayWindow;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;
use hotpair_types::{Incarnation, Timestamp};

/// Most candidates at a time; the one heard longest ago gives way.
pub(crate) const MAX_CANDIDATES: usize = MAX_ECHOES - 1;
/// Replaced runs that are remembered: a late frame of one (a slow serial line, FAULTS W14) is dropped at once.
pub(crate) const MAX_RETIRED: usize = 16;
/// A candidate not heard for so long is forgotten.
const CANDIDATE_LIFE: Duration = Duration::from_secs(30);

/// What is known of a run of the peer on one path.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionPath {
    window: ReplayWindow,
    /// Its newest nonce on this path, and when it arrived.
    newest: Option<(u64, Timestamp)>,
}

/// One run of the peer.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub incarnation: Incarnation,
    paths: BTreeMap<PathTag, SessionPath>,
    /// Its newest nonce on any path, and when it arrived.
    newest: (u64, Timestamp),
    heard_at: Timestamp,
}

impl Session {
    fn new(frame: &Frame<'_>, now: Timestamp) -> Self {
        Self { incarnation: frame.incarnation, paths: BTreeMap::new(), newest: (frame.nonce, now), heard_at: now }
    }

    /// Takes note of an authentic frame. False: it is a replay.
    fn note(&mut self, frame: &Frame<'_>, now: Timestamp) -> bool {
        let path = self.paths.entry(frame.path).or_default();
        if !path.window.accept(frame.sequence) {
            return false;
        }
        if path.newest.is_none_or(|(nonce, _)| frame.nonce > nonce) {
            path.newest = Some((frame.nonce, now));
        }
        if frame.nonce > self.newest.0 {
            self.newest = (frame.nonce, now);
        }
        self.heard_at = now;
        true
    }

    fn echo(&self, now: Timestamp) -> Echo {
        let age_us = u64::try_from(now.since(self.newest.1).as_micros()).unwrap_or(u64::MAX);
        Echo { incarnation: self.incarnation, nonce: self.newest.0, age_us }
    }

    /// Newest nonce heard on a path, and how long ago.
    pub fn path_echo(&self, path: PathTag, now: Timestamp) -> Option<(u64, u32)> {
        let (nonce, at) = self.paths.get(&path)?.newest?;
        Some((nonce, crate::config::micros_u32(now.since(at))))
    }

    /// Loss on a path in percent; 255: unknown.
    pub fn loss(&self, path: PathTag) -> u8 {
        self.paths.get(&path).and_then(|p| p.window.loss_percent()).unwrap_or(255)
    }
}

/// Who a frame is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum From {
    /// The run whose freshness is proven.
    Current,
    /// A run that has yet to prove it.
    Candidate,
    /// Nobody new: replayed, a duplicate, or a run that was replaced.
    Replay,
}

/// All runs of the peer that are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    pub current: Option<Session>,
    candidates: Vec<Session>,
    retired: VecDeque<Incarnation>,
}

impl Sessions {
    /// Sorts an authentic frame and takes note of it.
    pub fn note(&mut self, frame: &Frame<'_>, now: Timestamp) -> From {
        if self.retired.contains(&frame.incarnation) {
            return From::Replay;
        }
        if let Some(current) = self.current.as_mut().filter(|s| s.incarnation == frame.incarnation) {
            return if current.note(frame, now) { From::Current } else { From::Replay };
        }
        self.forget_old(now);
        if !self.candidates.iter().any(|s| s.incarnation == frame.incarnation) {
            self.make_room();
            self.candidates.push(Session::new(frame, now));
        }
        let candidate = self.candidates.iter_mut().find(|s| s.incarnation == frame.incarnation);
        if candidate.is_some_and(|c| c.note(frame, now)) { From::Candidate } else { From::Replay }
    }

    fn forget_old(&mut self, now: Timestamp) {
        self.candidates.retain(|s| now.since(s.heard_at) < CANDIDATE_LIFE);
    }

    fn make_room(&mut self) {
        if self.candidates.len() < MAX_CANDIDATES {
            return;
        }
        if let Some(oldest) = self.candidates.iter().map(|s| s.heard_at).min() {
            self.candidates.retain(|s| s.heard_at > oldest);
        }
    }

    /// A candidate has proven its freshness: it replaces the current run.
    pub fn promote(&mut self, incarnation: Incarnation) {
        let Some(at) = self.candidates.iter().position(|s| s.incarnation == incarnation) else {
            return;
        };
        let promoted = self.candidates.swap_remove(at);
        if let Some(old) = self.current.replace(promoted) {
            if self.retired.len() >= MAX_RETIRED {
                self.retired.pop_front();
            }
            self.retired.push_back(old.incarnation);
        }
    }

    /// Echoes for a frame: the current run first, then the candidates, the one heard last first (a short frame of a
    /// narrow path may not hold them all).
    pub fn echoes(&mut self, now: Timestamp, echoes: &mut Vec<Echo>) {
        self.forget_old(now);
        self.candidates.sort_by_key(|s| core::cmp::Reverse(s.heard_at));
        echoes.clear();
        echoes.extend(self.current.iter().chain(self.candidates.iter()).map(|s| s.echo(now)));
    }

    /// Bounds, and that no run is in two places.
    pub fn invariant(&self) -> bool {
        let current = self.current.as_ref().map(|s| s.incarnation);
        self.candidates.len() <= MAX_CANDIDATES
            && self.retired.len() <= MAX_RETIRED
            && !self.candidates.iter().any(|s| Some(s.incarnation) == current || self.retired.contains(&s.incarnation))
            && current.is_none_or(|c| !self.retired.contains(&c))
    }
}
