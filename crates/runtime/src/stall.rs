//! Detects that this process itself did not run: CPU starvation, SIGSTOP, suspend, a paused virtual machine.
//!
//! DESIGN.md: "a stall of mine is never held against my peer". The loop tells when it meant to wake and when it did;
//! the detector says whether the gap is a stall. Pure, no IO.

use core::time::Duration;

use hotpair_types::Timestamp;

/// One loop's stall detector.
#[derive(Debug, Clone)]
pub struct StallDetector {
    threshold: Duration,
    last_seen: Option<Timestamp>,
    count: u64,
    longest: Duration,
}

impl StallDetector {
    /// `threshold`: waking up to this much too late is ordinary scheduling; more is a stall.
    #[must_use]
    pub const fn new(threshold: Duration) -> Self {
        Self { threshold, last_seen: None, count: 0, longest: Duration::ZERO }
    }

    /// Call once per loop turn, right after waking. `planned` is the deadline the loop slept towards, `None` if it had
    /// none. Returns how much too late it woke if that is a stall.
    ///
    /// A turn that was woken by a message before its deadline counts from the deadline only, so a quiet loop without
    /// deadlines is never "stalled".
    pub fn on_wakeup(&mut self, planned: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
        // A deadline that was already past when the last turn ended counts from that turn: its age is no new stall.
        let from = match (planned, self.last_seen) {
            (Some(planned), Some(last)) if last.as_nanos() > planned.as_nanos() => Some(last),
            (planned, _) => planned,
        };
        self.last_seen = Some(now);
        let late = Duration::from_nanos(now.as_nanos().saturating_sub(from?.as_nanos()));
        if late <= self.threshold {
            return None;
        }
        self.count = self.count.saturating_add(1);
        self.longest = self.longest.max(late);
        Some(late)
    }

    /// Stalls seen so far.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The longest of them.
    #[must_use]
    pub const fn longest(&self) -> Duration {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn only_a_wakeup_later_than_the_threshold_is_a_stall() {
        let mut stall = StallDetector::new(Duration::from_millis(50));
        assert_eq!(stall.on_wakeup(Some(at(100)), at(100)), None);
        assert_eq!(stall.on_wakeup(Some(at(200)), at(250)), None);
        assert_eq!(stall.on_wakeup(Some(at(300)), at(351)), Some(Duration::from_millis(51)));
        assert_eq!(stall.on_wakeup(Some(at(2_000)), at(400)), None, "woken early by a message");
        assert_eq!(stall.on_wakeup(None, at(90_000)), None, "nothing was planned");
        assert_eq!((stall.count(), stall.longest()), (1, Duration::from_millis(51)));
    }

    /// One stall is reported once, also if the loop's deadline stays in the past for a few turns.
    #[test]
    fn an_overdue_deadline_is_not_reported_twice() {
        let mut stall = StallDetector::new(Duration::from_millis(50));
        assert_eq!(stall.on_wakeup(Some(at(0)), at(500)), Some(Duration::from_millis(500)));
        assert_eq!(stall.on_wakeup(Some(at(0)), at(501)), None);
        assert_eq!(stall.on_wakeup(Some(at(0)), at(700)), Some(Duration::from_millis(199)));
    }
}
