//! What becomes of a frame that has arrived: cheap filters, the keyed tag, replay, freshness, and only then its content.

use crate::advert::Progress;
use crate::config::{PathTag, share};
use crate::frame::{DecodeError, Flags, Frame, Lists, decode_with};
use crate::machine::{DropReason, HeartbeatCore, Output};
use crate::path::{Path, Reject};
use crate::session::From;
use core::time::Duration;
use hotpair_types::{NodeId, PathState, PeerIdentity, Timestamp};

/// Clocks drift apart by at most 1 in so many: ten times what they do.
const DRIFT: u32 = 256;

/// Freshness of a frame (see the head of the crate).
enum Proof {
    /// It echoes no nonce of this run of mine.
    None,
    /// It may be older than the path's detection time.
    Stale,
    /// It was sent no earlier than this, and that is recent enough.
    Fresh(Timestamp),
}

impl HeartbeatCore {
    pub(crate) fn on_frame(&mut self, tag: PathTag, bytes: &[u8], now: Timestamp) {
        let examined = match decode_with(bytes, core::mem::take(&mut self.lists)) {
            Ok(frame) => {
                let examined = self.examine(tag, bytes, &frame, now);
                self.lists = Lists::of(frame);
                examined
            }
            Err(DecodeError::Version(_)) => Err(DropReason::Version),
            Err(DecodeError::Length | DecodeError::Magic | DecodeError::Field) => Err(DropReason::Malformed),
        };
        if let Err(reason) = examined {
            self.count_drop(tag, reason, now);
            self.outputs.push_back(Output::Dropped { path: tag, reason });
        }
    }

    fn examine(&mut self, tag: PathTag, bytes: &[u8], frame: &Frame<'_>, now: Timestamp) -> Result<(), DropReason> {
        if frame.pair != self.config.pair {
            return Err(DropReason::Foreign);
        }
        if !self.auth.verify(bytes) {
            return Err(DropReason::BadMac);
        }
        if NodeId::try_from(frame.sender) != Ok(self.config.node.other()) {
            return Err(DropReason::OwnEcho);
        }
        if frame.path != tag {
            return Err(DropReason::WrongPath);
        }
        let detection = self.path_mut(tag).map(|p| p.detection).ok_or(DropReason::WrongPath)?;
        let from = self.sessions.note(frame, now);
        match (from, self.proof(frame, detection, now)) {
            (From::Replay, _) => Err(DropReason::Replayed),
            (From::Candidate, Proof::Fresh(sent)) => {
                self.start_session(frame);
                self.on_life(frame, sent, now);
                self.owe_advert(now);
                self.announce(now);
                Ok(())
            }
            (From::Candidate, Proof::None | Proof::Stale) => {
                // Not an error: a peer that has just started cannot prove anything yet. It gets a nonce to echo.
                self.explain(tag, Reject::Stale, now);
                self.answer(tag, now);
                Ok(())
            }
            (From::Current, Proof::Fresh(sent)) => {
                self.on_life(frame, sent, now);
                Ok(())
            }
            (From::Current, Proof::None | Proof::Stale) => Err(DropReason::Stale),
        }
    }

    fn proof(&self, frame: &Frame<'_>, detection: Duration, now: Timestamp) -> Proof {
        let Some(echo) = frame.echoes.iter().find(|e| e.incarnation == self.seed.incarnation) else {
            return Proof::None;
        };
        let nonce = Timestamp::from_nanos(echo.nonce);
        if nonce > now {
            return Proof::Stale;
        }
        // The peer's clock may run a little faster than mine: the sum never lies in my future.
        let sent = nonce.after(Duration::from_micros(echo.age_us)).min(now);
        if now.since(sent) > detection { Proof::Stale } else { Proof::Fresh(sent) }
    }

    fn explain(&mut self, tag: PathTag, reject: Reject, now: Timestamp) {
        // On a path that lives, or is just starting, there is nothing to explain.
        if let Some(path) = self.path_mut(tag).filter(|p| p.rx.state == PathState::Down) {
            path.note_reject(reject, now);
        }
    }

    fn count_drop(&mut self, tag: PathTag, reason: DropReason, now: Timestamp) {
        let Some(path) = self.path_mut(tag) else {
            return;
        };
        let stats = &mut path.stats;
        let (counter, reject) = match reason {
            DropReason::Malformed => (&mut stats.malformed, None),
            DropReason::Version => (&mut stats.version, None),
            DropReason::Foreign => (&mut stats.foreign, Some(Reject::Unauthenticated)),
            DropReason::WrongPath => (&mut stats.foreign, None),
            DropReason::BadMac => (&mut stats.bad_mac, Some(Reject::Unauthenticated)),
            DropReason::OwnEcho => (&mut stats.own_echo, Some(Reject::OwnEcho)),
            DropReason::Replayed => (&mut stats.replayed, None),
            DropReason::Stale => (&mut stats.stale, Some(Reject::Stale)),
        };
        *counter = counter.saturating_add(1);
        if let Some(reject) = reject {
            path.note_reject(reject, now);
        }
    }

    /// A candidate has proven that it is alive now: it is the peer.
    fn start_session(&mut self, frame: &Frame<'_>) {
        self.sessions.promote(frame.incarnation);
        self.level_nonce = 0;
        self.confirmed = None;
        // Whether its arbiter lives is for the new run to say.
        self.peer_advert_stale = true;
        self.peer_advert.new_session();
        for path in &mut self.paths {
            path.report = None;
            path.measure.new_session();
        }
        self.identity = Some(identity_of(frame));
        self.dirty = true;
    }

    /// A fresh frame of the peer's current run.
    fn on_life(&mut self, frame: &Frame<'_>, sent: Timestamp, now: Timestamp) {
        self.last_heard = self.last_heard.max(Some(sent));
        let own_run = frame.echoes.first().is_some_and(|e| e.incarnation == self.seed.incarnation);
        if let Some(path) = self.path_mut(frame.path) {
            path.on_life(now);
            if let Some((nonce, hold_us)) = frame.path_echo.filter(|_| own_run) {
                path.measure.round_trip(nonce, hold_us, now, &mut path.stats);
            }
            path.measure.arrival(frame.nonce, now, &mut path.stats);
        }
        self.compare_clocks(frame, now);
        // A path stays red until enough has come, but the arbiter must learn at once that the peer is not silent (S23).
        self.dirty |= self.paths.iter().all(|p| p.rx.state == PathState::Down);
        let newest = frame.nonce >= self.level_nonce;
        if newest {
            self.level_nonce = frame.nonce;
            self.take_level(frame, now);
        }
        let progress = self.peer_advert.receive(frame, now);
        if newest {
            self.take_staleness(frame);
        }
        match progress {
            Progress::None => {}
            Progress::Complete => {
                self.dirty = true;
                self.confirm(frame.path, now);
            }
            Progress::Corrupt => {
                if let Some(path) = self.path_mut(frame.path) {
                    path.stats.malformed = path.stats.malformed.saturating_add(1);
                }
            }
        }
    }

    /// The sign of a machine that was paused together with its clock (DESIGN.md section 2, FAULTS N07): the peer has held
    /// my nonce for longer than my clock says has passed since I sent it. No delay of the network can do that, only the
    /// drift of the two clocks a little.
    fn compare_clocks(&mut self, frame: &Frame<'_>, now: Timestamp) {
        let Some(echo) = frame.echoes.iter().find(|e| e.incarnation == self.seed.incarnation) else {
            return;
        };
        let held = Duration::from_micros(echo.age_us);
        let gap = Timestamp::from_nanos(echo.nonce).after(held).since(now);
        // The frames that waited tell the same pause again and again, each a little more of it.
        let told = self.clock_lost.filter(|(nonce, _)| echo.nonce <= *nonce).map_or(Duration::ZERO, |(_, gap)| gap);
        let new = gap.saturating_sub(told);
        let threshold = self.stall_threshold();
        if new > threshold && new > threshold.saturating_add(share(held, 1, DRIFT)) {
            self.clock_lost = Some((echo.nonce, gap));
            self.record_stall(new, now);
        }
    }

    /// State that the newest frame says whole: reports, flags, what the peer holds of my advert.
    fn take_level(&mut self, frame: &Frame<'_>, now: Timestamp) {
        for path in &mut self.paths {
            let report = frame.reports.iter().find(|r| r.path == path.tag);
            path.report = report.map(|r| r.state.into());
        }
        let identity = Some(identity_of(frame));
        let changed = self.identity != identity || self.confirmed != frame.confirmed;
        let own = self.own_advert.as_ref().map(|a| a.digest);
        let lost = own.is_some() && self.confirmed == own && frame.confirmed != own;
        self.identity = identity;
        self.confirmed = frame.confirmed;
        if own.is_some() && self.confirmed == own {
            self.paths.iter_mut().for_each(Path::forget_owed);
        }
        if lost {
            self.owe_advert(now);
        }
        self.dirty |= changed;
    }
}

impl HeartbeatCore {
    /// "Stale" is about the advert the frame announces: it makes the held one fresh only if that is the one. While a new
    /// one is still arriving in pieces, nothing is said of the old one.
    fn take_staleness(&mut self, frame: &Frame<'_>) {
        let announced = frame.advert.map(|(digest, _)| digest);
        let held = self.peer_advert.held.as_ref().map(|h| h.digest);
        let stale = if frame.flags.has(Flags::ADVERT_STALE) {
            true
        } else if announced == held {
            false
        } else {
            return;
        };
        self.dirty |= self.peer_advert_stale != stale;
        self.peer_advert_stale = stale;
    }
}

fn identity_of(frame: &Frame<'_>) -> PeerIdentity {
    PeerIdentity {
        boot: frame.boot,
        incarnation: frame.incarnation,
        version: frame.version,
        leaving: frame.flags.has(Flags::LEAVING),
        config_digest: frame.config,
    }
}
