//! Measurements of one path: round-trip time (RFC 6298) and jitter (RFC 3550).

use crate::config::micros_u32;
use core::time::Duration;
use hotpair_types::{PathStats, Timestamp};

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

    /// An arrival of the peer's current run.
    pub fn arrival(&mut self, nonce: u64, now: Timestamp, stats: &mut PathStats) {
        if let Some((before, before_nonce)) = self.previous {
            let mine = i128::from(now.as_nanos()) - i128::from(before.as_nanos());
            let theirs = i128::from(nonce) - i128::from(before_nonce);
            let deviation = u64::try_from((mine - theirs).unsigned_abs()).unwrap_or(u64::MAX);
            // J <- J + (|D| - J) / 16 (RFC 3550, section 6.4.1).
            self.jitter = self.jitter.saturating_sub(self.jitter / 16).saturating_add(deviation / 16);
            stats.jitter_us = micros_u32(Duration::from_nanos(self.jitter));
        }
        self.previous = Some((now, nonce));
    }

    /// Another run of the peer: its clock has nothing to do with the old one's.
    pub fn new_session(&mut self) {
        self.previous = None;
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

    /// A steady delay is no jitter, a changing one is; a new run of the peer starts afresh.
    #[test]
    fn jitter_is_the_change_of_the_delay() {
        let (mut m, mut stats) = (Measure::default(), PathStats::default());
        for beat in 1..50 {
            m.arrival(beat * 100 * MS, Timestamp::from_nanos(beat * 100 * MS + 7 * MS), &mut stats);
        }
        assert_eq!(stats.jitter_us, 0);
        m.arrival(5_000 * MS, Timestamp::from_nanos(5_000 * MS + 23 * MS), &mut stats);
        assert_eq!(stats.jitter_us, 1_000);
        m.new_session();
        m.arrival(3, Timestamp::from_nanos(9_000 * MS), &mut stats);
        assert_eq!(stats.jitter_us, 1_000);
    }
}
