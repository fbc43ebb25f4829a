//! Ctrl-C as a condition: the first one asks the story to end and take its machines down, a second one ends the process
//! at once (the machines then end by themselves, see [`crate::lab::ns`]).
//!
//! Threading: a flag set by a signal handler, read from anywhere.
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_signal: libc::c_int) {
    ASKED.store(true, Ordering::Release);
}

/// From now on SIGINT, SIGTERM and SIGHUP set the flag.
///
/// # Errors
/// When the kernel refuses.
pub fn install() -> Result<()> {
    // SA_RESETHAND: the second one of a kind has its usual effect.
    let flags = SaFlags::SA_RESTART | SaFlags::SA_RESETHAND;
    let action = SigAction::new(SigHandler::Handler(note), flags, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler only stores to an atomic, which is safe in a signal handler.
        unsafe { sigaction(signal, &action) }.with_context(|| format!("watching for {signal}"))?;
    }
    Ok(())
}

/// Whether the end was asked for.
#[must_use]
pub fn asked() -> bool {
    ASKED.load(Ordering::Acquire)
}

/// # Errors
/// When the end was asked for.
pub fn check() -> Result<()> {
    if asked() {
        bail!("interrupted");
    }
    Ok(())
}
