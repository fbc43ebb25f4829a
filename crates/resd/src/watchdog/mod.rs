//! The watchdog of this node: it resets the machine when nobody pets it. When that is done is decided by the core
//! ([`resource_core::WatchdogAct`]); this does it, in the very step that decided it, and tells how it went.
//!
//! Leaving it armed across a restart of resd: a device that is closed without the magic letter runs on, and its next opener
//! goes on petting. That it was armed is kept in a file of the state directory, so that a run that finds nothing to guard can
//! disarm what an earlier one left.
//!
//! - A crash of resd, or its restart by a new configuration, leaves the device armed: resd has to be back within the
//!   timeout, which systemd's restart (a second) and the smallest timeout the configuration takes allow for.
//! - An end that was asked for (SIGTERM: `systemctl stop`, an upgrade) disarms, because stopping a daemon never stops a
//!   service, unless a right has run out: then what it guards against is happening, and it stays armed.
//!
//! *Invariant:* no call here waits for a disk or a program; a device that hangs would hang the loop, and then the reset is right.

mod linux;
mod mux;

use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotpair_types::{BootId, WatchdogState};
use resource_core::WatchdogAct;

/// Name of the mark in the state directory.
const MARK: &str = "watchdog.armed";

/// A watchdog device. Dropping it open leaves it armed.
pub trait Device: Send {
    /// Opens it, which arms it, and sets its timeout. The answer is the timeout in force, never shorter by more than the
    /// rounding to seconds and never longer than `timeout`.
    ///
    /// # Errors
    /// In words, with the remedy.
    fn open(&mut self, timeout: Duration) -> Result<Duration, String>;
    /// Proves to it that this node may go on.
    ///
    /// # Errors
    /// In words. The device may fire then.
    fn pet(&mut self) -> Result<(), String>;
    /// Closes it in the way that stops it (magic close).
    ///
    /// # Errors
    /// In words: it may fire.
    fn disarm(&mut self) -> Result<(), String>;
}

/// The device at a path: a kernel's character device, or the socket of a watchdog program (see [`mux`]).
pub fn device(path: &Path) -> Box<dyn Device> {
    match std::fs::metadata(path) {
        Ok(found) if found.file_type().is_socket() => Box::new(mux::Mux::new(path)),
        _ => Box::new(linux::Kernel::new(path)),
    }
}

/// A device and what is known of it.
pub struct Watchdog {
    path: PathBuf,
    timeout: Duration,
    device: Option<Box<dyn Device>>,
    mark: PathBuf,
    boot: BootId,
}

impl Watchdog {
    /// Opens nothing yet.
    pub fn new(path: &Path, timeout: Duration, state_dir: &Path, boot: BootId) -> Self {
        Self { path: path.to_owned(), timeout, device: None, mark: state_dir.join(MARK), boot }
    }

    /// An earlier run in this boot may have left it armed.
    pub fn inherited(&self) -> bool {
        std::fs::read_to_string(&self.mark).is_ok_and(|text| text.trim() == self.boot.to_string())
    }

    /// Does what the core wants done.
    pub fn act(&mut self, act: WatchdogAct) -> WatchdogState {
        let done = match act {
            WatchdogAct::Arm => self.arm(),
            // After a restart the first pet is the opening.
            WatchdogAct::Pet if self.device.is_none() => self.arm(),
            WatchdogAct::Pet => self.pet(),
            WatchdogAct::Disarm => self.disarm(),
        };
        match done {
            Ok(Some(timeout)) => WatchdogState::Armed { timeout },
            Ok(None) => WatchdogState::Off,
            Err(reason) => WatchdogState::Broken { reason },
        }
    }

    fn arm(&mut self) -> Result<Option<Duration>, String> {
        let mut device = device(&self.path);
        // Before it is armed: a run that dies in between leaves a mark without a device, which does no harm.
        if let Err(error) = std::fs::write(&self.mark, self.boot.to_string()) {
            tracing::warn!(%error, mark = %self.mark.display(), "that the watchdog is armed could not be kept");
        }
        let timeout = device.open(self.timeout)?;
        self.timeout = timeout;
        self.device = Some(device);
        Ok(Some(timeout))
    }

    fn pet(&mut self) -> Result<Option<Duration>, String> {
        let Some(device) = &mut self.device else { return Err("the watchdog is not open".to_string()) };
        if let Err(why) = device.pet() {
            self.device = None;
            return Err(why);
        }
        Ok(Some(self.timeout))
    }

    fn disarm(&mut self) -> Result<Option<Duration>, String> {
        let mut device = match self.device.take() {
            Some(device) => device,
            // Left armed by an earlier run: it has to be opened to be stopped.
            None => {
                let mut device = device(&self.path);
                device.open(self.timeout)?;
                device
            }
        };
        device.disarm()?;
        if let Err(error) = std::fs::remove_file(&self.mark)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, mark = %self.mark.display(), "the watchdog's mark could not be removed");
        }
        Ok(None)
    }

    /// The end of resd. `lapsed`: a right has run out and its group is not confirmed stopped.
    pub fn end(&mut self, lapsed: bool, again: bool) {
        if self.device.is_none() {
            return;
        }
        if lapsed || again {
            tracing::warn!(lapsed, "the watchdog stays armed: resd has to be back before it fires");
            return;
        }
        match self.disarm() {
            Ok(_) => tracing::warn!("the watchdog is switched off while resd is away"),
            Err(why) => {
                tracing::error!(why, "the watchdog could not be switched off: resd has to be back before it fires")
            }
        }
    }
}

/// Whole seconds, as devices count: down, so that it fires early rather than late; at least one.
fn seconds(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_secs().max(1)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::unix::net::UnixListener;

    const BOOT: BootId = BootId([3; 16]);

    fn text(listener: &UnixListener) -> String {
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// A4 S8: armed with its time, petted, disarmed by the magic letter; the mark says what an earlier run left behind.
    #[test]
    fn a_life_with_a_watchdog_program() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("wd");
        let listener = UnixListener::bind(&socket).unwrap();
        let timeout = Duration::from_millis(7_900);
        let mut dog = Watchdog::new(&socket, timeout, dir.path(), BOOT);
        assert!(!dog.inherited());
        let whole = Duration::from_secs(7);
        assert_eq!(dog.act(WatchdogAct::Arm), WatchdogState::Armed { timeout: whole });
        assert_eq!(dog.act(WatchdogAct::Pet), WatchdogState::Armed { timeout: whole });
        assert!(dog.inherited());
        assert_eq!(dog.act(WatchdogAct::Disarm), WatchdogState::Off);
        assert!(!dog.inherited());
        assert_eq!(text(&listener), "timeout 7\npet\nV");

        // Left armed by one run, disarmed by the next.
        assert!(matches!(dog.act(WatchdogAct::Arm), WatchdogState::Armed { .. }));
        drop(dog);
        assert_eq!(text(&listener), "timeout 7\n");
        let mut next = Watchdog::new(&socket, timeout, dir.path(), BOOT);
        assert!(next.inherited());
        assert!(!Watchdog::new(&socket, timeout, dir.path(), BootId([4; 16])).inherited());
        assert_eq!(next.act(WatchdogAct::Disarm), WatchdogState::Off);
        assert_eq!(text(&listener), "timeout 7\nV");
    }

    /// N13: a device that is missing, or no watchdog at all, is said with its path; a watchdog that goes away is noticed.
    #[test]
    fn a_broken_device_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let reason =
            |path: &Path| match Watchdog::new(path, Duration::from_secs(9), dir.path(), BOOT).act(WatchdogAct::Arm) {
                WatchdogState::Broken { reason } => reason,
                other => panic!("{other:?}"),
            };
        assert!(reason(Path::new("/dev/no-watchdog")).contains("/dev/no-watchdog"));
        assert!(reason(Path::new("/dev/null")).contains("no watchdog"), "{}", reason(Path::new("/dev/null")));
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(reason(&file).contains("not a watchdog"), "{}", reason(&file));

        let socket = dir.path().join("wd");
        let listener = UnixListener::bind(&socket).unwrap();
        let mut dog = Watchdog::new(&socket, Duration::from_secs(9), dir.path(), BOOT);
        assert!(matches!(dog.act(WatchdogAct::Arm), WatchdogState::Armed { .. }));
        drop(listener.accept().unwrap());
        assert!(matches!(dog.act(WatchdogAct::Pet), WatchdogState::Broken { .. }));
        // Tried again from the beginning.
        assert!(matches!(dog.act(WatchdogAct::Arm), WatchdogState::Armed { .. }));
    }

    /// The end of resd: disarmed if it was asked for, left armed for the next run or while a right has run out.
    #[test]
    fn the_end_of_resd() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("wd");
        let listener = UnixListener::bind(&socket).unwrap();
        for (lapsed, again, said) in
            [(false, false, "timeout 9\nV"), (true, false, "timeout 9\n"), (false, true, "timeout 9\n")]
        {
            let mut dog = Watchdog::new(&socket, Duration::from_secs(9), dir.path(), BOOT);
            assert!(matches!(dog.act(WatchdogAct::Arm), WatchdogState::Armed { .. }));
            dog.end(lapsed, again);
            drop(dog);
            assert_eq!(text(&listener), said);
        }
    }
}
