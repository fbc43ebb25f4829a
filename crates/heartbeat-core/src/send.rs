//! What is sent, and when: beats, answers to a peer that starts, adverts as fast as each path bears.

use crate::advert::OwnAdvert;
use crate::config::{PathTag, digest_of};
use crate::frame::{self, Flags, Frame, Lists, Report, VERSION};
use crate::machine::{HeartbeatCore, Output};
use crate::path::Path;
use alloc::vec::Vec;
use core::time::Duration;
use hotpair_types::{PathState, Timestamp};

/// Answers to candidates on a path come at most so often: a flood of old frames buys no flood of answers.
const ANSWER_PAUSE: Duration = Duration::from_millis(10);
/// Frames sent at once on a wide path when the advert has changed: 64 KiB need some beats more, usual ones do not.
const BURST: u32 = 32;
/// Frames per beat on a wide path while the peer has not confirmed the advert.
const BURST_PER_BEAT: u32 = 8;
/// Frames that say "leaving" on a wide path.
const LEAVE_FRAMES: u32 = 3;
/// What serial framing adds to a frame, at most: COBS, checksum, delimiter.
const FRAMING: usize = 10;

impl HeartbeatCore {
    /// Beats whose time has come, and frames owed on narrow paths.
    pub(crate) fn send_due(&mut self, now: Timestamp) {
        for at in 0..self.paths.len() {
            let Some(path) = self.paths.get_mut(at).filter(|p| p.works()) else {
                continue;
            };
            if path.next_beat <= now {
                path.close_beat();
                let planned = path.next_beat.after(path.config.interval);
                // After a stall the beats do not catch up: the next one comes an interval from now.
                path.next_beat = if planned > now { planned } else { now.after(path.config.interval) };
                self.beat(at, now);
            } else if path.owed > 0 && path.line_free <= now {
                path.owed = path.owed.saturating_sub(1);
                self.send(at, true, now);
            }
        }
    }

    fn beat(&mut self, at: usize, now: Timestamp) {
        let Some(path) = self.paths.get_mut(at) else {
            return;
        };
        if path.is_narrow() {
            // The beat itself is always sent; a chunk rides along if the line has room for it.
            let room = path.line_free <= now;
            if room {
                path.owed = path.owed.saturating_sub(1);
            }
            self.send(at, room, now);
            return;
        }
        let frames = self.chunks_needed(at).clamp(1, BURST_PER_BEAT);
        for _ in 0..frames {
            self.send(at, true, now);
        }
    }

    /// Chunks of the own advert that a full round on a path takes; 0 if the peer has it, or there is none or nobody.
    fn chunks_needed(&self, at: usize) -> u32 {
        let room = self.chunk_room(at, 1);
        match (&self.own_advert, &self.sessions.current) {
            (Some(own), Some(_)) if self.confirmed != Some(own.digest) => own.chunks(room),
            _ => 0,
        }
    }

    fn chunk_room(&self, at: usize, echoes: usize) -> usize {
        let fixed = frame::length(echoes, self.paths.len(), 0);
        self.paths.get(at).map_or(0, |p| p.config.max_frame).saturating_sub(fixed)
    }

    /// The peer holds no, or another, advert of mine: send it now where that is cheap, else as soon as the line is free.
    pub(crate) fn owe_advert(&mut self, now: Timestamp) {
        let wide_alive = self.wide_path_alive();
        for at in 0..self.paths.len() {
            let chunks = self.chunks_needed(at);
            let Some(path) = self.paths.get_mut(at).filter(|p| p.works()) else {
                continue;
            };
            path.cursor = 0;
            if path.is_narrow() {
                // Wide paths do it at once; the slow line then only carries what its beats have room for.
                path.owed = if wide_alive { 0 } else { chunks };
            } else if chunks > 0 && may_reach(path) {
                for _ in 0..chunks.min(BURST) {
                    self.send(at, true, now);
                }
            }
        }
    }

    /// One frame at once on every wide path that may reach the peer; with none, on narrow ones when their line is free.
    pub(crate) fn announce(&mut self, now: Timestamp) {
        let wide_alive = self.wide_path_alive();
        for at in 0..self.paths.len() {
            let Some(path) = self.paths.get_mut(at).filter(|p| p.works()) else {
                continue;
            };
            if path.is_narrow() {
                if !wide_alive {
                    path.owed = path.owed.max(1);
                }
            } else if may_reach(path) {
                self.send(at, true, now);
            }
        }
        self.send_owed(now);
    }

    /// Owed frames whose line is free go at once, not at the next deadline.
    fn send_owed(&mut self, now: Timestamp) {
        for at in 0..self.paths.len() {
            if let Some(path) = self.paths.get_mut(at).filter(|p| p.works() && p.owed > 0 && p.line_free <= now) {
                path.owed = path.owed.saturating_sub(1);
                self.send(at, true, now);
            }
        }
    }

    /// The peer's advert is whole: say so at once, so that it stops sending it.
    pub(crate) fn confirm(&mut self, arrived_on: PathTag, now: Timestamp) {
        self.announce(now);
        let wide_alive = self.wide_path_alive();
        if let Some(path) = self.path_mut(arrived_on).filter(|p| p.is_narrow() && !wide_alive) {
            path.owed = path.owed.max(1);
        }
    }

    /// A candidate gets a nonce of mine to echo: start-up takes a round trip, not an interval.
    pub(crate) fn answer(&mut self, tag: PathTag, now: Timestamp) {
        let Some(at) = self.paths.iter().position(|p| p.tag == tag && p.works()) else {
            return;
        };
        let Some(path) = self.paths.get_mut(at) else {
            return;
        };
        let free = !path.is_narrow() || path.line_free <= now;
        if free && path.last_answer.is_none_or(|last| now.since(last) >= ANSWER_PAUSE) {
            path.last_answer = Some(now);
            self.send(at, false, now);
        }
    }

    /// True: it is a new advert, and was sent where that is cheap.
    pub(crate) fn set_advert(&mut self, bytes: Vec<u8>, now: Timestamp) -> bool {
        if self.own_advert.as_ref().is_some_and(|own| own.digest == digest_of(&bytes)) {
            return false;
        }
        let Some(own) = OwnAdvert::new(bytes) else {
            return false;
        };
        self.own_advert = Some(own);
        self.owe_advert(now);
        self.send_owed(now);
        true
    }

    pub(crate) fn set_advert_stale(&mut self, stale: bool, now: Timestamp) {
        if self.own_advert_stale != stale {
            self.own_advert_stale = stale;
            self.announce(now);
        }
    }

    pub(crate) fn leave(&mut self, now: Timestamp) {
        self.leaving = true;
        for at in 0..self.paths.len() {
            let frames = match self.paths.get(at).filter(|p| p.works()) {
                Some(path) if path.is_narrow() => 1,
                Some(_) => LEAVE_FRAMES,
                None => 0,
            };
            for _ in 0..frames {
                self.send(at, false, now);
            }
        }
    }

    fn wide_path_alive(&self) -> bool {
        self.paths.iter().any(|p| !p.is_narrow() && p.works() && p.is_alive())
    }

    /// Builds and hands out one frame on a path. `chunk`: with a piece of the advert, if the peer lacks it.
    fn send(&mut self, at: usize, chunk: bool, now: Timestamp) {
        let Lists { mut echoes, mut reports } = core::mem::take(&mut self.lists);
        self.sessions.echoes(now, &mut echoes);
        let fixed = frame::length(0, self.paths.len(), 0);
        let space = self.paths.get(at).map_or(0, |p| p.config.max_frame).saturating_sub(fixed);
        echoes.truncate(space / frame::ECHO_LEN);
        let room = self.chunk_room(at, echoes.len());
        self.reports(&mut reports);
        let Some(path) = self.paths.get_mut(at) else {
            return;
        };
        let wanted = chunk && self.sessions.current.is_some();
        let own = self.own_advert.as_ref();
        let piece =
            own.filter(|own| wanted && self.confirmed != Some(own.digest)).and_then(|own| own.chunk(path.cursor, room));
        path.sequence = path.sequence.saturating_add(1);
        let mut flags = 0;
        flags |= if self.leaving { Flags::LEAVING } else { 0 };
        flags |= if self.own_advert_stale { Flags::ADVERT_STALE } else { 0 };
        flags |= if self.sessions.current.is_none() { Flags::STARTING } else { 0 };
        let frame = Frame {
            version: VERSION,
            pair: self.config.pair,
            sender: self.config.node.into(),
            flags: Flags(flags),
            path: path.tag,
            boot: self.seed.boot,
            incarnation: self.seed.incarnation,
            sequence: path.sequence,
            nonce: now.as_nanos().max(1),
            path_echo: self.sessions.current.as_ref().and_then(|s| s.path_echo(path.tag, now)),
            config: self.config.digest,
            advert: own.map(|own| (own.digest, own.len())),
            confirmed: self.peer_advert.held.as_ref().map(|held| held.digest),
            chunk: piece.map(|(offset, bytes, _)| (offset, bytes)),
            echoes,
            reports,
        };
        let bytes = self.auth.seal(&frame);
        self.lists = Lists::of(frame);
        if let Some((_, _, next)) = piece {
            path.cursor = next;
        }
        path.stats.sent = path.stats.sent.saturating_add(1);
        if let Some(budget) = path.config.byte_budget {
            let nanos = u64::try_from(bytes.len().saturating_add(FRAMING)).unwrap_or(u64::MAX);
            let nanos = nanos.saturating_mul(1_000_000_000).checked_div(u64::from(budget)).unwrap_or(0);
            path.line_free = path.line_free.max(now).after(Duration::from_nanos(nanos));
        }
        self.outputs.push_back(Output::Send { path: path.tag, bytes });
    }

    fn reports(&self, reports: &mut Vec<Report>) {
        let session = self.sessions.current.as_ref();
        let report =
            |p: &Path| Report { path: p.tag, state: p.rx.state.into(), loss: session.map_or(255, |s| s.loss(p.tag)) };
        reports.clear();
        reports.extend(self.paths.iter().map(report));
    }
}

/// Worth a frame outside the beats: not known to be dead in both directions.
fn may_reach(path: &Path) -> bool {
    path.rx.state != PathState::Down || matches!(path.report, Some(PathState::Up | PathState::Late))
}
