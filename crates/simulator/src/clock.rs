//! A node's clock (CLOCK_BOOTTIME): begins at boot, may run a little fast or slow, and stands still while a virtual machine is paused
//! together with its clocks.

use hotpair_types::Timestamp;

/// A clock shows this when its node boots.
const BOOT: u64 = 10_000_000_000;

/// See the file's head.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// A moment of the world, and what the clock showed then.
    origin: u64,
    shown: u64,
    /// Millionths by which it runs fast.
    ppm: i64,
    stopped: bool,
    /// It stood still, or ran fast or slow, at some time since the boot.
    unsteady: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self { origin: 0, shown: BOOT, ppm: 0, stopped: false, unsteady: false }
    }
}

impl Clock {
    /// A boot at this moment; the rate stays what it is.
    pub fn boot(&mut self, now: u64) {
        (self.origin, self.shown, self.stopped) = (now, BOOT, false);
        self.unsteady = self.ppm != 0;
    }

    /// What it shows.
    pub fn local(&self, now: u64) -> Timestamp {
        if self.stopped {
            return Timestamp::from_nanos(self.shown);
        }
        let passed = now.saturating_sub(self.origin);
        if self.ppm == 0 {
            return Timestamp::from_nanos(self.shown + passed);
        }
        let passed = i128::from(passed) * i128::from(1_000_000 + self.ppm) / 1_000_000;
        Timestamp::from_nanos(self.shown + u64::try_from(passed).unwrap_or(0))
    }

    /// The first moment of the world at which it shows `at`.
    pub fn global(&self, at: Timestamp) -> u64 {
        if at.as_nanos() < self.shown {
            return self.origin.saturating_sub(self.shown - at.as_nanos());
        }
        let ahead = at.as_nanos() - self.shown;
        if self.ppm == 0 {
            return self.origin.saturating_add(ahead);
        }
        let rate = i128::from(1_000_000 + self.ppm);
        let passed = (i128::from(ahead) * 1_000_000 + rate - 1) / rate;
        self.origin.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// It runs fast by so many millionths from now on.
    pub fn set_rate(&mut self, ppm: i64, now: u64) {
        (self.shown, self.origin) = (self.local(now).as_nanos(), now);
        self.ppm = ppm;
        self.unsteady |= ppm != 0;
    }

    /// It has gone evenly since the boot: only then do its past moments name moments of the world.
    pub fn steady(&self) -> bool {
        !self.unsteady
    }

    /// It stands still.
    pub fn stop(&mut self, now: u64) {
        (self.shown, self.origin, self.stopped) = (self.local(now).as_nanos(), now, true);
        self.unsteady = true;
    }

    /// It stands still now.
    pub fn stands_still(&self) -> bool {
        self.stopped
    }

    /// It goes on, if it stood still: after so many nanoseconds.
    pub fn go_on(&mut self, now: u64) -> Option<u64> {
        if !core::mem::take(&mut self.stopped) {
            return None;
        }
        let since = core::mem::replace(&mut self.origin, now);
        Some(now.saturating_sub(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FAULTS A3: forth and back, at every rate the faults draw, a deadline is never called early.
    #[test]
    fn a_deadline_is_reached_and_never_early() {
        for ppm in [-1_000, -7, 0, 3, 1_000] {
            let mut clock = Clock::default();
            clock.boot(5);
            clock.set_rate(ppm, 1_000_003);
            for at in [1_000_003, 2_000_001, 77_777_777_777] {
                let shown = clock.local(at);
                let back = clock.global(shown);
                assert!(back <= at && clock.local(back) >= shown, "{ppm} {at} {back}");
            }
        }
    }

    #[test]
    fn a_stopped_clock_goes_on_where_it_stood() {
        let mut clock = Clock::default();
        clock.boot(0);
        clock.stop(100);
        assert_eq!(clock.local(5_000), clock.local(100));
        assert_eq!(clock.go_on(5_000), Some(4_900));
        assert_eq!(clock.local(5_010).as_nanos(), clock.local(5_000).as_nanos() + 10);
    }
}
