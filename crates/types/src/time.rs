//! Time as the cores see it: nanoseconds of CLOCK_BOOTTIME, opaque, one kind only.

use core::fmt;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// An instant of this node's CLOCK_BOOTTIME in nanoseconds since boot (it runs on through suspend).
///
/// Comparable only with instants of the same boot of the same node: all daemons of one node share it,
/// the two nodes never do. All arithmetic saturates, so a clock that jumps back by a little cannot panic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The instant of boot.
    pub const ZERO: Self = Self(0);
    /// Later than every instant that occurs (584 years).
    pub const MAX: Self = Self(u64::MAX);

    /// From nanoseconds since boot.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since boot; saturates.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since boot.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Milliseconds since boot, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Time from `earlier` to `self`; zero if `earlier` is in fact later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This instant plus a duration; saturates at [`Timestamp::MAX`].
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// This instant minus a duration; saturates at [`Timestamp::ZERO`].
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000_000, self.0 % 1_000_000_000 / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let second = Duration::from_secs(1);
        assert_eq!(Timestamp::ZERO.before(second), Timestamp::ZERO);
        assert_eq!(Timestamp::MAX.after(second), Timestamp::MAX);
        assert_eq!(Timestamp::ZERO.since(Timestamp::MAX), Duration::ZERO);
        assert_eq!(Timestamp::MAX.since(Timestamp::ZERO), Duration::from_nanos(u64::MAX));
    }
}
