//! Time: CLOCK_BOOTTIME as [`Timestamp`], a timer that sleeps to such a point, and this boot's identity.
//!
//! CLOCK_BOOTTIME goes on through suspend and is never set by anybody; it is the only clock a decision may use.
//! tokio's own timers run on CLOCK_MONOTONIC, which stops in suspend, so loops sleep on [`BootTimer`].

use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use hotpair_types::Timestamp;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// Environment variable that replaces the kernel's boot id: 32 hexadecimal digits, dashes allowed.
///
/// A test aid: several nodes of a test share one kernel, and a simulated reboot has to look like one.
pub const BOOT_ID_ENV: &str = "HOTPAIR_BOOT_ID";

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Nanoseconds since boot, suspend included.
#[must_use]
pub fn now() -> Timestamp {
    let read = clock_gettime(ClockId::Boottime);
    // Both fields are never negative on this clock; 64 bits of nanoseconds last 584 years.
    let seconds = u64::try_from(read.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(read.tv_nsec).unwrap_or(0);
    Timestamp::from_nanos(seconds.saturating_mul(NANOS_PER_SECOND).saturating_add(nanos))
}

/// Milliseconds since 1970 by the wall clock. For people only: logs, events, `status`. No decision may use it.
#[must_use]
pub fn wall_clock_unix_ms() -> u64 {
    let read = clock_gettime(ClockId::Realtime);
    let seconds = u64::try_from(read.tv_sec).unwrap_or(0);
    let millis = u64::try_from(read.tv_nsec).unwrap_or(0) / 1_000_000;
    seconds.saturating_mul(1_000).saturating_add(millis)
}

/// Sleeps until `deadline`; returns at once if it has passed. Loops use a [`BootTimer`] instead.
///
/// # Errors
/// As [`BootTimer::new`] and [`BootTimer::expired`].
pub async fn sleep_until(deadline: Timestamp) -> io::Result<()> {
    let mut timer = BootTimer::new()?;
    timer.set(Some(deadline))?;
    timer.expired().await
}

/// One reusable deadline on CLOCK_BOOTTIME: a timerfd in tokio's reactor.
///
/// Used by one task. `expired` is cancel-safe, as `select!` needs: an expiry that was not returned is returned by the
/// next call, and a `set` in between replaces it.
#[derive(Debug)]
pub struct BootTimer {
    fd: AsyncFd<OwnedFd>,
    armed: bool,
}

impl BootTimer {
    /// A timer that is not set.
    ///
    /// # Errors
    /// When the process is out of file descriptors.
    ///
    /// # Panics
    /// Outside a tokio runtime with IO enabled, as every tokio IO object does.
    pub fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // SAFETY: an OwnedFd gives the same open descriptor for as long as it lives, and `AsyncFd` owns it.
        let fd = unsafe { AsyncFd::register(fd) }?;
        Ok(Self { fd, armed: false })
    }

    /// Replaces the deadline; `None` disarms. A deadline in the past expires at once.
    ///
    /// # Errors
    /// None is known for a valid timer; passed on rather than hidden, since a loop without its timer is deaf.
    pub fn set(&mut self, deadline: Option<Timestamp>) -> io::Result<()> {
        // An all-zero value would disarm, so "the very first nanosecond" is moved to the second one.
        let nanos = deadline.map_or(0, |at| at.as_nanos().max(1));
        let value = Timespec {
            tv_sec: i64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(nanos % NANOS_PER_SECOND).unwrap_or(0),
        };
        let interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        let setting = Itimerspec { it_interval: interval, it_value: value };
        timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &setting)?;
        self.armed = deadline.is_some();
        Ok(())
    }

    /// Waits until the deadline has passed, then disarms. Waits for ever while no deadline is set.
    ///
    /// # Errors
    /// None is known for a valid timer; passed on for the same reason as in [`Self::set`].
    pub async fn expired(&mut self) -> io::Result<()> {
        if !self.armed {
            return pending().await;
        }
        loop {
            let mut ready = self.fd.readable().await?;
            let mut count = [0_u8; 8];
            match ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut count)?)) {
                Ok(Ok(_)) => {
                    self.armed = false;
                    return Ok(());
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                // Readiness left over from a deadline that `set` has replaced: wait for the new one.
                Err(_would_block) => {}
            }
        }
    }
}

/// Why this boot has no identity.
#[derive(Debug, thiserror::Error)]
pub enum BootIdError {
    /// The kernel's file could not be read.
    #[error("cannot read this boot's identity from {path}: {source}; is /proc mounted?")]
    Unreadable {
        /// The file.
        path: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The text is not 32 hexadecimal digits.
    #[error("{place} holds `{text}`, which is not 32 hexadecimal digits")]
    Malformed {
        /// File or environment variable.
        place: &'static str,
        /// What was found.
        text: String,
    },
}

/// The identity of this boot of this machine: the kernel's random boot id, or [`BOOT_ID_ENV`] if that is set.
///
/// # Errors
/// See [`BootIdError`]; a daemon must not start without an identity.
pub fn boot_id() -> Result<[u8; 16], BootIdError> {
    const PATH: &str = "/proc/sys/kernel/random/boot_id";
    if let Some(text) = std::env::var_os(BOOT_ID_ENV) {
        return parse_boot_id(BOOT_ID_ENV, &text.to_string_lossy());
    }
    let text =
        std::fs::read_to_string(Path::new(PATH)).map_err(|source| BootIdError::Unreadable { path: PATH, source })?;
    parse_boot_id(PATH, &text)
}

fn parse_boot_id(place: &'static str, text: &str) -> Result<[u8; 16], BootIdError> {
    let malformed = || BootIdError::Malformed { place, text: text.trim().chars().take(80).collect() };
    let mut digits = text.trim().chars().filter(|c| *c != '-').map(|c| c.to_digit(16));
    let mut id = [0_u8; 16];
    for byte in &mut id {
        let (Some(Some(high)), Some(Some(low))) = (digits.next(), digits.next()) else {
            return Err(malformed());
        };
        *byte = u8::try_from(high * 16 + low).map_err(|_| malformed())?;
    }
    if digits.next().is_some() { Err(malformed()) } else { Ok(id) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn later(by: Duration) -> Timestamp {
        Timestamp::from_nanos(now().as_nanos() + u64::try_from(by.as_nanos()).unwrap())
    }

    #[test]
    fn the_clock_never_goes_back() {
        let mut last = now();
        for _ in 0..1_000 {
            let read = now();
            assert!(read.as_nanos() >= last.as_nanos());
            last = read;
        }
    }

    #[tokio::test]
    async fn a_timer_expires_not_before_its_deadline() {
        let deadline = later(Duration::from_millis(30));
        sleep_until(deadline).await.unwrap();
        assert!(now().as_nanos() >= deadline.as_nanos());
    }

    #[tokio::test]
    async fn a_deadline_in_the_past_and_at_zero_expires_at_once() {
        sleep_until(Timestamp::from_nanos(0)).await.unwrap();
        sleep_until(now()).await.unwrap();
    }

    /// A later `set` wins over an expiry that nobody has taken yet.
    #[tokio::test]
    async fn resetting_after_expiry_waits_for_the_new_deadline() {
        let mut timer = BootTimer::new().unwrap();
        timer.set(Some(now())).unwrap();
        timer.fd.readable().await.unwrap().retain_ready();
        let deadline = later(Duration::from_millis(40));
        timer.set(Some(deadline)).unwrap();
        timer.expired().await.unwrap();
        assert!(now().as_nanos() >= deadline.as_nanos());
    }

    #[tokio::test]
    async fn a_disarmed_timer_waits_for_ever() {
        let mut timer = BootTimer::new().unwrap();
        timer.set(Some(now())).unwrap();
        timer.set(None).unwrap();
        tokio::select! {
            biased;
            _ = timer.expired() => panic!("a disarmed timer expired"),
            done = sleep_until(later(Duration::from_millis(20))) => done.unwrap(),
        }
    }

    #[test]
    fn boot_ids_are_read_strictly() {
        let good = parse_boot_id("test", "0123abcd-0123-4567-89ab-cdef01234567\n").unwrap();
        assert_eq!(good[..4], [0x01, 0x23, 0xab, 0xcd]);
        for bad in ["", "xyz", "0123", "0123abcd0123456789abcdef0123456", "0123abcd0123456789abcdef012345678"] {
            assert!(parse_boot_id("test", bad).is_err(), "{bad}");
        }
        assert!(boot_id().is_ok());
    }
}
