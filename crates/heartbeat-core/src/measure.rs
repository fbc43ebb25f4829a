//! Measurements of one path: round-trip time (RFC 6298), jitter (RFC 3550), and the sign of a paused virtual machine.

use crate::config::micros_u32;
use core::time::Duration;
use hotpair_types::{PathStats, Timestamp};

/// The yardstick of the clock offset follows by at most 1/256 of the time that passes: ten times what the drift of two
/// clocks can be, and far less than what a pause is.
const DRIFT: i128 = 256;

/// What is measured of one path with one run of the peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measure {
    /// Smoothed round-trip time, nanoseconds.
    srtt: Option<u64>,
    /// Smoothed deviation of the transit time, nanoseconds.
    jitter: u64,
    /// Newest own nonce whose round trip was measured: each is measured once.
    measured: u64,
    /// Arrival and nonce of the last frame.
    previous: Option<(Timestamp, u64)>,
    /// Yardstick of (arrival − peer's nonce), nanoseconds.
    offset: Option<i128>,
}

impl Measure {
    /// A round trip: own nonce, and how long the peer held it.
    pub fn round_trip(&mut self, nonce: u64, hold_us: u32, now: Timestamp, stats: &mut PathStats) {
        let held = u64::from(hold_us).saturating_mul(1_000);
        if nonce <= self.measured || nonce > now.as_nanos() {
            return;
        }
        self.measured = nonce;
        let rtt = now.as_nanos().saturating_sub(nonce).saturating_sub(held);
        let smoothed = match self.srtt {
            None => rtt,
            // SRTT <- 7/8 SRTT + 1/8 R (RFC 6298, section 2.3).
            Some(old) => old.saturating_sub(old / 8).saturating_add(rtt / 8),
        };
        self.srtt = Some(smoothed);
        let micros = |nanos| micros_u32(Duration::from_nanos(nanos));
        stats.rtt_last_us = micros(rtt);
        stats.rtt_avg_us = micros(smoothed);
        stats.rtt_max_us = stats.rtt_max_us.max(stats.rtt_last_us);
        stats.rtt_min_us =
            if stats.rtt_min_us == 0 { stats.rtt_last_us.max(1) } else { stats.rtt_min_us.min(stats.rtt_last_us) };
    }

    /// An arrival of the peer's current run. Returns how much of *my* time is missing, if the peer's clock ran ahead of
    /// mine by more than `threshold`: then this machine was paused with its clock (DESIGN.md section 2, FAULTS N07).
    ///
    /// A frame's transit time can only be longer than the shortest seen, never shorter by much: so an offset between
    /// the clocks that falls far below its yardstick means that my clock lost time (or the peer's gained it).
    pub fn arrival(
        &mut self,
        nonce: u64,
        now: Timestamp,
        threshold: Duration,
        stats: &mut PathStats,
    ) -> Option<Duration> {
        let mut mine = 0;
        if let Some((before, before_nonce)) = self.previous {
            mine = i128::from(now.as_nanos()) - i128::from(before.as_nanos());
            let theirs = i128::from(nonce) - i128::from(before_nonce);
            let deviation = u64::try_from((mine - theirs).unsigned_abs()).unwrap_or(u64::MAX);
            // J <- J + (|D| - J) / 16 (RFC 3550, section 6.4.1).
            self.jitter = self.jitter.saturating_sub(self.jitter / 16).saturating_add(deviation / 16);
            stats.jitter_us = micros_u32(Duration::from_nanos(self.jitter));
        }
        self.previous = Some((now, nonce));
        let offset = i128::from(now.as_nanos()) - i128::from(nonce);
        let yardstick = self.offset.unwrap_or(offset);
        let allowance = mine.max(0) / DRIFT;
        self.offset = Some(yardstick + (offset - yardstick).clamp(-allowance, allowance));
        let lost = u64::try_from(yardstick - offset).unwrap_or(0);
        (Duration::from_nanos(lost) > threshold).then(|| Duration::from_nanos(lost))
    }

    /// My clock has lost so much time.
    pub fn clock_lost(&mut self, gap: Duration) {
        let gap = i128::try_from(gap.as_nanos()).unwrap_or(i128::MAX);
        self.offset = self.offset.map(|offset| offset.saturating_sub(gap));
    }

    /// Another run of the peer: its clock has nothing to do with the old one's.
    pub fn new_session(&mut self) {
        self.previous = None;
        self.offset = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_round_trip_is_smoothed_and_measured_once() {
        let (mut m, mut stats) = (Measure::default(), PathStats::default());
        m.round_trip(10 * MS, 500, Timestamp::from_nanos(12 * MS), &mut stats);
        assert_eq!((stats.rtt_last_us, stats.rtt_avg_us, stats.rtt_min_us), (1_500, 1_500, 1_500));
        m.round_trip(10 * MS, 0, Timestamp::from_nanos(50 * MS), &mut stats);
        assert_eq!(stats.rtt_max_us, 1_500, "the same nonce again");
        m.round_trip(20 * MS, 0, Timestamp::from_nanos(29 * MS + 500_000), &mut stats);
        assert_eq!((stats.rtt_last_us, stats.rtt_avg_us, stats.rtt_max_us), (9_500, 2_500, 9_500));
        m.round_trip(90 * MS, 0, Timestamp::from_nanos(80 * MS), &mut stats);
        assert_eq!(stats.rtt_last_us, 9_500, "a nonce of the future is nonsense");
    }

    /// FAULTS N07: the peer's clock ran 3 s while mine ran 0.1 s. And C04: drift alone never looks like that.
    #[test]
    fn a_pause_that_my_clock_did_not_see_is_noticed_and_drift_is_not() {
        let (mut m, mut stats) = (Measure::default(), PathStats::default());
        let limit = Duration::from_millis(250);
        let (mut mine, mut theirs) = (7_000 * MS, 3 * MS);
        for beat in 0..20_000_u64 {
            // 0.2 % drift: far more than clocks have, and a delay of 0 to 40 ms.
            (mine, theirs) = (mine + 100 * MS, theirs + 100 * MS + MS / 5);
            let arrival = Timestamp::from_nanos(mine + beat % 5 * 10 * MS);
            assert_eq!(m.arrival(theirs, arrival, limit, &mut stats), None, "beat {beat}");
        }
        theirs += 3_000 * MS;
        let gap = m.arrival(theirs, Timestamp::from_nanos(mine), limit, &mut stats).unwrap();
        assert!(gap >= Duration::from_millis(2_900) && gap <= Duration::from_millis(3_150), "{gap:?}");
        m.clock_lost(gap);
        assert_eq!(m.arrival(theirs + 100 * MS, Timestamp::from_nanos(mine + 100 * MS), limit, &mut stats), None);
    }
}
