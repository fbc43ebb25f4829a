//! One path: its own port, what is judged of each direction, and what is due on it.

use crate::config::{PathConfig, PathTag, earlier, micros_u32, share};
use crate::machine::LinkState;
use crate::measure::Measure;
use alloc::string::String;
use core::time::Duration;
use hotpair_types::{DirectionView, PathCause, PathState, PathStats, PathView, Timestamp};

/// A rejected frame explains a silent path for at least so long.
const REJECT_MEMORY: Duration = Duration::from_secs(2);
/// Beats in a row that could not be sent until the transmit direction is down.
const FAILED_BEATS: u32 = 2;

/// Why frames that arrive do not count. Never changes a state: it only explains one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reject {
    Stale,
    Unauthenticated,
    OwnEcho,
}

/// The state machine of one path.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub config: PathConfig,
    pub tag: PathTag,
    pub detection: Duration,
    /// From here on an expected heartbeat is late: half an interval after it was due.
    late_after: Duration,
    half_interval: Duration,
    // Sending.
    pub sequence: u64,
    pub next_beat: Timestamp,
    pub last_answer: Option<Timestamp>,
    /// With a byte budget: when what was sent so far will have used up its share of the line.
    pub line_free: Timestamp,
    /// With a byte budget: frames owed as soon as the line is free.
    pub owed: u32,
    /// Where the next advert chunk starts.
    pub cursor: u32,
    failed_since_beat: bool,
    failed_beats: u32,
    send_error: Option<String>,
    // Own port.
    pub link: LinkState,
    partner: Option<bool>,
    partner_was_seen: bool,
    // Receive direction.
    pub rx: DirectionView,
    /// Arrival of the last sign of life; before the first one, when judging began.
    last: Timestamp,
    pub heard: bool,
    good_count: u32,
    good_at: Timestamp,
    missed_counted: u32,
    missed_shown: u32,
    reject: Option<(Timestamp, Reject)>,
    /// Why the peer's slot on a disk cannot be used, and when that was last seen.
    damage: Option<(Timestamp, String)>,
    // Transmit direction.
    pub tx: DirectionView,
    /// What the peer's current run last reported.
    pub report: Option<PathState>,
    pub measure: Measure,
    pub stats: PathStats,
    /// A state changed since the last [`Path::refresh`].
    changed: bool,
}

impl Path {
    pub fn new(config: PathConfig, now: Timestamp) -> Self {
        let view = |cause| DirectionView { state: PathState::Unknown, since: now, cause };
        Self {
            tag: config.tag(),
            detection: config.detection(),
            late_after: share(config.interval, 3, 2),
            half_interval: share(config.interval, 1, 2),
            config,
            sequence: 0,
            next_beat: now,
            last_answer: None,
            line_free: now,
            owed: 0,
            cursor: 0,
            failed_since_beat: false,
            failed_beats: 0,
            send_error: None,
            link: LinkState::Working,
            partner: None,
            partner_was_seen: false,
            rx: view(PathCause::None),
            last: now,
            heard: false,
            good_count: 0,
            good_at: now,
            missed_counted: 0,
            missed_shown: 0,
            reject: None,
            damage: None,
            tx: view(PathCause::NoReport),
            report: None,
            measure: Measure::default(),
            stats: PathStats::default(),
            changed: false,
        }
    }

    pub fn works(&self) -> bool {
        matches!(self.link, LinkState::Working)
    }

    pub fn is_alive(&self) -> bool {
        matches!(self.rx.state, PathState::Up | PathState::Late)
    }

    fn whole_intervals(&self, elapsed: Duration) -> u32 {
        if elapsed < self.config.interval {
            return 0;
        }
        let count = elapsed.as_nanos().checked_div(self.config.interval.as_nanos()).unwrap_or(0);
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// A proven sign of life has arrived (S2, S20).
    pub fn on_life(&mut self, now: Timestamp) {
        let elapsed = now.since(self.last);
        let missed = self.whole_intervals(elapsed.saturating_sub(self.half_interval));
        if self.heard {
            self.stats.missed = self.stats.missed.saturating_add(u64::from(missed.saturating_sub(self.missed_counted)));
        }
        let on_time = self.heard && elapsed < self.late_after;
        (self.last, self.heard, self.missed_counted) = (now, true, 0);
        // What was rejected before a sign of life does not explain a silence after it.
        (self.reject, self.damage) = (None, None);
        self.stats.received = self.stats.received.saturating_add(1);
        if !self.works() {
            return;
        }
        if self.rx.state != PathState::Down {
            self.set_rx(PathState::Up, now);
            return;
        }
        if !on_time {
            self.good_count = 0;
        }
        // Frames between the beats (answers, chunks) prove life, but only one arrival per beat counts towards "good".
        if self.good_count == 0 || now.since(self.good_at) >= self.half_interval {
            (self.good_count, self.good_at) = (self.good_count.saturating_add(1), now);
        }
        if self.good_count >= self.config.good {
            self.set_rx(PathState::Up, now);
        }
    }

    /// Judges the silence up to `now`.
    pub fn on_timeout(&mut self, now: Timestamp) {
        let elapsed = now.since(self.last);
        match self.rx.state {
            PathState::Down => {}
            PathState::Unknown => {
                if elapsed >= self.detection {
                    self.set_rx(PathState::Down, now);
                }
            }
            PathState::Up | PathState::Late => {
                if elapsed >= self.late_after {
                    self.set_rx(PathState::Late, now);
                    self.count_missed(self.whole_intervals(elapsed).clamp(1, self.config.lost));
                }
                if elapsed >= self.detection {
                    self.set_rx(PathState::Down, now);
                }
            }
        }
    }

    fn count_missed(&mut self, missed: u32) {
        let new = missed.saturating_sub(self.missed_counted);
        self.stats.missed = self.stats.missed.saturating_add(u64::from(new));
        self.missed_counted = self.missed_counted.max(missed);
        self.missed_shown = missed;
    }

    fn set_rx(&mut self, state: PathState, now: Timestamp) {
        if self.rx.state == state {
            return;
        }
        match state {
            PathState::Late => self.stats.late = self.stats.late.saturating_add(1),
            PathState::Down => {
                self.stats.down = self.stats.down.saturating_add(1);
                // Also where the own port's failure, not silence, made it so: what is missing now are heartbeats.
                self.missed_shown = self.config.lost;
            }
            PathState::Up | PathState::Unknown => {}
        }
        (self.rx.state, self.rx.since) = (state, now);
        self.good_count = 0;
        self.changed = true;
    }

    /// The own port has changed. A dead one makes the path red at once; a repaired one has to prove itself.
    pub fn on_link(&mut self, link: LinkState, now: Timestamp) {
        if link == self.link {
            return;
        }
        if link == LinkState::Working {
            self.next_beat = now;
            self.line_free = now;
            (self.failed_beats, self.failed_since_beat, self.send_error) = (0, false, None);
            if !self.heard {
                // It was never judged: a port that appears a moment after the start is no repaired one.
                self.last = now;
                self.set_rx(PathState::Unknown, now);
            }
        } else {
            self.set_rx(PathState::Down, now);
        }
        self.link = link;
    }

    pub fn on_modem_lines(&mut self, partner: Option<bool>) {
        self.partner = partner;
        self.partner_was_seen |= partner == Some(true);
    }

    /// Own time that did not count: this node did not run for `gap`. A short gap is added to the clocks of the peer, a
    /// long one restarts them; only so can a dead peer still be found by a node that stalls again and again.
    pub fn on_stall(&mut self, gap: Duration, now: Timestamp) {
        let restarted = if gap >= share(self.detection, 1, 2) { now } else { self.last.after(gap).min(now) };
        self.last = restarted;
        self.good_at = self.good_at.after(gap).min(now);
        self.missed_counted = 0;
    }

    /// One beat is over: were the frames since the last one sent?
    pub fn close_beat(&mut self) {
        if self.failed_since_beat {
            self.failed_beats = self.failed_beats.saturating_add(1);
        } else {
            (self.failed_beats, self.send_error) = (0, None);
        }
        self.failed_since_beat = false;
    }

    pub fn on_send_failed(&mut self, text: String) {
        self.stats.send_failures = self.stats.send_failures.saturating_add(1);
        self.stats.sent = self.stats.sent.saturating_sub(1);
        self.failed_since_beat = true;
        self.send_error = Some(text);
    }

    pub fn note_reject(&mut self, reject: Reject, now: Timestamp) {
        self.reject = Some((now, reject));
    }

    /// The peer's slot cannot be used. As [`Path::note_reject`]: it explains a state and changes none.
    pub fn on_damage(&mut self, what: String, now: Timestamp) {
        self.damage = Some((now, what));
    }

    pub fn on_io_times(&mut self, write: Option<Duration>, read: Option<Duration>) {
        let s = &mut self.stats;
        io_time(write, (&mut s.write_last_us, &mut s.write_avg_us, &mut s.write_max_us));
        io_time(read, (&mut s.read_last_us, &mut s.read_avg_us, &mut s.read_max_us));
    }

    /// When this path next wants to be looked at.
    pub fn deadline(&self) -> Option<Timestamp> {
        let beat = self.works().then_some(self.next_beat);
        let owed = (self.works() && self.owed > 0).then_some(self.line_free);
        earlier(earlier(beat, owed), self.rx_deadline())
    }

    fn rx_deadline(&self) -> Option<Timestamp> {
        let down = self.last.after(self.detection);
        match self.rx.state {
            PathState::Down => None,
            PathState::Unknown => Some(down),
            PathState::Up => Some(self.last.after(self.late_after).min(down)),
            PathState::Late => {
                let next = self.missed_shown.saturating_add(1);
                Some(self.last.after(self.config.interval.saturating_mul(next)).min(down))
            }
        }
    }

    fn link_cause(&self) -> Option<PathCause> {
        match &self.link {
            LinkState::Working => None,
            LinkState::NoCarrier => Some(PathCause::NoCarrier),
            LinkState::DeviceMissing(text) => Some(PathCause::DeviceMissing(text.clone())),
            LinkState::IoError(text) => Some(PathCause::IoError(text.clone())),
            LinkState::Hanging(text) => Some(PathCause::Hanging(text.clone())),
            LinkState::ForeignArea(text) => Some(PathCause::ForeignArea(text.clone())),
        }
    }

    /// S27: the best-supported cause of the receive direction's state.
    fn rx_cause(&self, now: Timestamp) -> PathCause {
        if let Some(cause) = self.link_cause() {
            return cause;
        }
        let memory = self.detection.saturating_mul(2).max(REJECT_MEMORY);
        let reject = self.reject.filter(|(at, _)| now.since(*at) < memory).map(|(_, reject)| match reject {
            Reject::Stale => PathCause::Stale,
            Reject::Unauthenticated => PathCause::Unauthenticated,
            Reject::OwnEcho => PathCause::OwnEcho,
        });
        let silent = matches!(self.rx.state, PathState::Late | PathState::Down);
        if let Some((_, what)) = self.damage.as_ref().filter(|(at, _)| silent && now.since(*at) < memory) {
            return PathCause::DamagedSlot(what.clone());
        }
        match self.rx.state {
            PathState::Up => PathCause::None,
            PathState::Unknown => reject.unwrap_or(PathCause::None),
            PathState::Late => PathCause::Missed(self.missed_shown),
            PathState::Down => reject.unwrap_or_else(|| self.silence_cause()),
        }
    }

    fn silence_cause(&self) -> PathCause {
        match self.partner {
            Some(true) => PathCause::PartnerSilent,
            // Lines that never showed a partner prove nothing: many null-modem cables have three wires.
            Some(false) if self.partner_was_seen => PathCause::NoCarrier,
            _ if !self.heard => PathCause::NeverHeard,
            _ => PathCause::Missed(self.missed_shown),
        }
    }

    fn judge_tx(&self, peer_heard: bool) -> (PathState, PathCause) {
        if let Some(cause) = self.link_cause() {
            return (PathState::Down, cause);
        }
        if let Some(text) = self.send_error.as_ref().filter(|_| self.failed_beats >= FAILED_BEATS) {
            return (PathState::Down, PathCause::IoError(text.clone()));
        }
        match self.report.filter(|_| peer_heard) {
            None => (PathState::Unknown, PathCause::NoReport),
            Some(PathState::Down) => (PathState::Down, PathCause::PeerDoesNotHear),
            Some(state) => (state, PathCause::None),
        }
    }

    /// Brings causes and the transmit direction up to date. True: something worth telling has changed.
    pub fn refresh(&mut self, peer_heard: bool, now: Timestamp) -> bool {
        // Almost always everything is well in both directions and was so before.
        let up = |view: &DirectionView| view.state == PathState::Up && matches!(view.cause, PathCause::None);
        let well = self.works() && self.failed_beats == 0 && peer_heard && self.report == Some(PathState::Up);
        if well && !self.changed && up(&self.rx) && up(&self.tx) {
            return false;
        }
        let rx_cause = self.rx_cause(now);
        if self.rx.cause != rx_cause {
            (self.rx.cause, self.changed) = (rx_cause, true);
        }
        let (state, cause) = self.judge_tx(peer_heard);
        if self.tx.state != state {
            (self.tx.state, self.tx.since, self.changed) = (state, now, true);
        }
        if self.tx.cause != cause {
            (self.tx.cause, self.changed) = (cause, true);
        }
        core::mem::take(&mut self.changed)
    }

    pub fn view(&self) -> PathView {
        PathView {
            name: self.config.name.clone(),
            medium: self.config.medium,
            priority: self.config.priority,
            interval: self.config.interval,
            lost: self.config.lost,
            rx: self.rx.clone(),
            tx: self.tx.clone(),
            stats: self.stats.clone(),
        }
    }

    /// Serial and other paths on which every byte counts.
    pub fn is_narrow(&self) -> bool {
        self.config.byte_budget.is_some()
    }

    /// The peer has the advert that frames were owed for; one more may still be owed as a confirmation.
    pub fn forget_owed(&mut self) {
        self.owed = self.owed.min(1);
    }

    /// A dead own port is a red path; a green one has been heard.
    pub fn invariant(&self, now: Timestamp) -> bool {
        (self.works() || self.rx.state == PathState::Down)
            && (!self.is_alive() || self.heard)
            && self.rx.since <= now
            && self.tx.since <= now
            && self.last <= now
    }
}

/// Smooths as RFC 6298 does round-trip times.
fn io_time(took: Option<Duration>, (last, avg, max): (&mut u32, &mut u32, &mut u32)) {
    let Some(took) = took.map(|took| micros_u32(took).max(1)) else {
        return;
    };
    *avg = if *max == 0 { took } else { avg.saturating_sub(*avg / 8).saturating_add(took / 8) };
    *last = took;
    *max = (*max).max(took);
}
