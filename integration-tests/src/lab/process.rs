//! Handle on one process inside a node.
//!
//! Threading: cloneable and usable from any thread. The test process is the parent, so that the exit status is known
//! and nothing stays unreaped (an unreaped process would hold up the end of its PID namespace).
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::clock;

/// A process started by the lab.
#[derive(Clone, Debug)]
pub struct Process {
    name: String,
    pid: u32,
    child: Arc<Mutex<Child>>,
}

impl Process {
    pub(super) fn new(name: &str, child: Child) -> Self {
        Self { name: name.to_owned(), pid: child.id(), child: Arc::new(Mutex::new(child)) }
    }

    /// Process id as the test process (the root PID namespace) sees it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Exit status, or `None` while the process lives.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub fn exit_status(&self) -> Result<Option<ExitStatus>> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.try_wait().with_context(|| format!("asking for the state of {}", self.name))
    }

    /// Whether it still lives.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        matches!(self.exit_status(), Ok(None))
    }

    /// Sends `signal`. A process that has ended already is no error.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        // The lock keeps the pid from being reaped, and so from being given to someone else, meanwhile.
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        kill(Pid::from_raw(self.pid.cast_signed()), signal)
            .with_context(|| format!("sending {signal} to {} (pid {})", self.name, self.pid))
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it still lives after `timeout`.
    pub fn wait(&self, timeout: Duration) -> Result<ExitStatus> {
        let end = clock::now() + timeout;
        loop {
            if let Some(status) = self.exit_status()? {
                return Ok(status);
            }
            if clock::now() >= end {
                bail!("{} (pid {}) still lives after {timeout:?}", self.name, self.pid);
            }
            clock::pause(Duration::from_millis(1));
        }
    }

    /// Kills it for good and reaps it.
    ///
    /// # Errors
    /// When it survives a SIGKILL for 10 s (blocked in the kernel).
    pub fn kill_and_reap(&self) -> Result<()> {
        self.signal(Signal::SIGKILL)?;
        self.wait(Duration::from_secs(10)).map(|_| ())
    }
}
