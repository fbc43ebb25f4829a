//! The lab's only clock: CLOCK_BOOTTIME, the same one the daemons use, so that both sides' times can be compared.
//!
//! Threading: free functions, callable from any thread.
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time since boot of the machine, suspend included.
#[must_use]
pub fn now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Lets `duration` pass. Only for polling intervals and for faults that must last a while.
#[expect(clippy::disallowed_methods, reason = "the lab stands outside the product and plays the passing of time")]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Gives the calling thread precedence over busy programs, so that a measurement measures the pair and not the
/// scheduler: SCHED_FIFO where permitted, else the best nice value. Returns whether real-time was granted.
pub fn prefer_this_thread() -> bool {
    let parameter = libc::sched_param { sched_priority: 30 };
    // SAFETY: pid 0 means the calling thread; `parameter` is a valid, initialised structure for the whole call.
    if unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &raw const parameter) } == 0 {
        return true;
    }
    // SAFETY: a plain system call without pointers; failure only leaves the priority as it was.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -20) };
    false
}

/// `duration` as milliseconds with a fraction, for tables.
#[must_use]
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
