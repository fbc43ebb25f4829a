//! Clocks, for showing only: nothing in this program decides by the time of day.

use hotpair_runtime::clock;

/// CLOCK_BOOTTIME now, in nanoseconds since boot, as the daemons of this machine count it.
#[must_use]
pub fn boottime_ns() -> u64 {
    clock::now().as_nanos()
}

/// How times of day are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WallClock {
    /// In the time zone of the system.
    Local,
    /// In UTC.
    Utc,
}

impl WallClock {
    /// `11-22 08:26:55.123` for milliseconds since 1970.
    #[must_use]
    pub fn format(&self, unix_ms: u64) -> String {
        let seconds = i64::try_from(unix_ms / 1_000).unwrap_or(i64::MAX);
        let local = match self {
            Self::Local => seconds.saturating_add(offset(seconds)),
            Self::Utc => seconds,
        };
        let (days, rest) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (month, day) = civil(days);
        let (h, m, s) = (rest / 3_600, rest / 60 % 60, rest % 60);
        format!("{month:02}-{day:02} {h:02}:{m:02}:{s:02}.{:03}", unix_ms % 1_000)
    }
}

/// Seconds east of UTC at that time.
fn offset(unix_seconds: i64) -> i64 {
    let time: libc::time_t = unix_seconds;
    // SAFETY: tm is plain data for which all zeroes is a value; both pointers are valid for the call, and localtime_r
    // writes nothing but the given tm. It returns null where the year does not fit.
    #[expect(unsafe_code, reason = "no safe interface to the system's time zone without one more dependency")]
    let tm = unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        if libc::localtime_r(&raw const time, &raw mut tm).is_null() {
            return 0;
        }
        tm
    };
    tm.tm_gmtoff
}

/// Month and day of a day counted from 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
const fn civil(days: i64) -> (i64, i64) {
    let z = days.saturating_add(719_468);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(WallClock::Utc.format(0), "01-01 00:00:00.000");
        assert_eq!(WallClock::Utc.format(951_782_400_123), "02-29 00:00:00.123");
        assert_eq!(WallClock::Utc.format(1_795_335_992_007), "11-22 08:26:32.007");
        assert_eq!(WallClock::Utc.format(u64::MAX).len(), "01-01 00:00:00.000".len());
        assert_eq!(WallClock::Local.format(1_795_335_992_007).len(), "01-01 00:00:00.000".len());
    }
}
