//! Waking the beat loop from other threads: an eventfd.

use core::time::Duration;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

/// Wakes the loop that waits on it. Clones share it; waking never blocks.
#[derive(Debug, Clone)]
pub struct Wake(Arc<OwnedFd>);

impl Wake {
    /// A new one.
    ///
    /// # Errors
    /// When the process is out of file descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?)))
    }

    /// Wakes the loop; several wakes before it looks are one.
    pub fn wake(&self) {
        // The only error is EAGAIN, when 2^64 wakes are pending: then it is awake anyway.
        let _: Result<usize, Errno> = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Waits for a wake, at most `limit`.
    pub fn wait(&self, limit: Duration) {
        let limit = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        // Interrupted by a signal: as good as woken, callers look at their condition again.
        let _: Result<usize, Errno> = poll(&mut [PollFd::new(self, PollFlags::IN)], Some(&limit));
    }

    /// The loop has woken: forget the wakes so far.
    pub fn clear(&self) {
        // EAGAIN: there were none.
        let _: Result<usize, Errno> = rustix::io::read(&self.0, &mut [0_u8; 8]);
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
