//! The service manager's readiness protocol (sd_notify(3)). Without `NOTIFY_SOCKET` every call does nothing.
//!
//! Send [`watchdog`] from the control loop itself, never from a task of its own, which would live on when the loop is
//! stuck.

use core::time::Duration;

use sd_notify::NotifyState;

/// Tells the service manager that the daemon serves, with a line for `systemctl status`.
pub fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Replaces the line shown by `systemctl status`.
pub fn status(status: &str) {
    send(&[NotifyState::Status(status)]);
}

/// Says that an orderly stop has begun.
pub fn stopping(status: &str) {
    send(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// The sign of life that `WatchdogSec=` wants at least every [`watchdog_interval`].
pub fn watchdog() {
    send(&[NotifyState::Watchdog]);
}

/// How often to call [`watchdog`]: half of the unit's `WatchdogSec=`; `None` when the unit has none.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

fn send(states: &[NotifyState<'_>]) {
    // Nothing depends on it arriving: a lost READY or WATCHDOG is the service manager's to judge.
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager could not be notified");
    }
}
