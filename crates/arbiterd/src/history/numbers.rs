//! Numbers of events go on growing although the database may be put aside as damaged: a small file beside it holds a number up
//! to which all may have been given. Used by the history's thread alone.
//!
//! It is written once in [`AHEAD`] events. Without it, or where it cannot be read, numbers begin where the database says.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Numbers reserved with one write.
pub(super) const AHEAD: u64 = 1_000;

/// The file, and the number up to which it reserves.
pub(super) struct Numbers {
    path: PathBuf,
    reserved: u64,
    told: bool,
}

impl Numbers {
    /// Beside the database.
    pub(super) fn open(database: &Path) -> Self {
        let path = database.with_extension("last");
        let reserved = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().unwrap_or(0),
            Err(_) => 0,
        };
        Self { path, reserved, told: false }
    }

    /// No greater number was ever given.
    pub(super) const fn reserved(&self) -> u64 {
        self.reserved
    }

    /// `last` is about to be given: it is reserved with some more.
    pub(super) fn reserve(&mut self, last: u64) {
        if last <= self.reserved {
            return;
        }
        let reserved = last.saturating_add(AHEAD);
        match self.write(reserved) {
            Ok(()) => self.reserved = reserved,
            Err(error) => {
                if !self.told {
                    tracing::warn!(%error, path = %self.path.display(), "the numbers of events cannot be reserved");
                }
                self.told = true;
            }
        }
    }

    fn write(&self, reserved: u64) -> io::Result<()> {
        let fresh = self.path.with_extension("last.new");
        let mut file = File::create(&fresh)?;
        writeln!(file, "{reserved}")?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)
    }
}
