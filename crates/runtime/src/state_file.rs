//! The small durable state file (epochs, owners, requests): replaced atomically, two generations kept, checked by a
//! checksum, readable with `cat`.
//!
//! A file is one header line, `hotpair-state 1 <length> <crc32c>`, and the payload text. `name` is the newest
//! generation and `name.prev` the one before. Nothing here ever falls back to a default: what could not be read is
//! said, with place and reason, and the caller decides.
//!
//! All calls block on the disk (fsync): call them off the loops that must not wait. One writer per file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crc::{CRC_32_ISCSI, Crc};

const MAGIC: &str = "hotpair-state";
const FORMAT_VERSION: u32 = 1;
/// A state of a few groups is some KiB; anything near this is not ours.
const MAX_FILE_BYTES: u64 = 16 << 20;
const CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// What [`StateFile::load`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// Neither generation exists: a first start.
    Missing,
    /// The newest generation is whole.
    Good(String),
    /// The newest generation is unusable, the one before is whole. **It is older**: what was written last is lost.
    RecoveredFromPrevious {
        /// The older payload.
        payload: String,
        /// What is wrong with the newest generation, with its path.
        why: String,
    },
    /// Nothing usable, though something is there; also when a newer program wrote it or it cannot be read.
    Corrupt {
        /// What is wrong, with paths.
        why: String,
    },
}

/// Why a state could not be stored. The generations on disk are as they were.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// ENOSPC or EDQUOT.
    #[error("cannot store the state in {path}: the disk is full ({step}: {source}); free space on it")]
    DiskFull {
        /// The state file.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// EROFS.
    #[error(
        "cannot store the state in {path}: the file system is read-only ({step}: {source}); look for disk errors in \
         the kernel log and remount it"
    )]
    ReadOnly {
        /// The state file.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// EACCES or EPERM.
    #[error(
        "cannot store the state in {path}: permission denied ({step}: {source}); the directory must belong to the \
         daemon's user"
    )]
    Permission {
        /// The state file.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The directory is not there.
    #[error("cannot store the state in {path}: its directory does not exist ({step}: {source}); create it")]
    NoDirectory {
        /// The state file.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// Anything else, such as EIO.
    #[error("cannot store the state in {path}: {step}: {source}")]
    Other {
        /// The state file.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// More than 16 MiB.
    #[error("cannot store the state in {path}: {bytes} bytes are more than a state file may have")]
    TooLarge {
        /// The state file.
        path: PathBuf,
        /// Length of the payload.
        bytes: usize,
    },
}

/// A state file at a fixed place.
#[derive(Debug, Clone)]
pub struct StateFile {
    path: PathBuf,
    previous: PathBuf,
    temporary: PathBuf,
    previous_temporary: PathBuf,
    directory: PathBuf,
}

/// One generation on disk, as found.
enum Generation {
    Missing,
    Good(String),
    /// Written by a newer program: not ours to judge or to replace by something older.
    Newer(String),
    Bad(String),
}

impl StateFile {
    /// The file `name` in `directory`. Touches nothing.
    #[must_use]
    pub fn new(directory: &Path, name: &str) -> Self {
        Self {
            path: directory.join(name),
            previous: directory.join(format!("{name}.prev")),
            temporary: directory.join(format!(".{name}.new")),
            previous_temporary: directory.join(format!(".{name}.prev.new")),
            directory: directory.to_owned(),
        }
    }

    /// Where the newest generation is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the newest usable generation.
    #[must_use]
    pub fn load(&self) -> Loaded {
        let why = match read_generation(&self.path) {
            Generation::Good(payload) => return Loaded::Good(payload),
            Generation::Newer(why) => return Loaded::Corrupt { why },
            Generation::Bad(why) => Some(why),
            Generation::Missing => None,
        };
        let previous = read_generation(&self.previous);
        let missing = || format!("{} is missing although {} exists", self.path.display(), self.previous.display());
        match (previous, why) {
            (Generation::Good(payload), why) => {
                Loaded::RecoveredFromPrevious { payload, why: why.unwrap_or_else(missing) }
            }
            (Generation::Missing, None) => Loaded::Missing,
            (Generation::Missing, Some(why)) => {
                Loaded::Corrupt { why: format!("{why}; and there is no {}", self.previous.display()) }
            }
            (Generation::Bad(older) | Generation::Newer(older), why) => {
                Loaded::Corrupt { why: format!("{}; {older}", why.unwrap_or_else(missing)) }
            }
        }
    }

    /// Replaces the state durably: when this returns `Ok`, a power cut does not lose `payload`.
    ///
    /// # Errors
    /// See [`StoreError`]; the old state is still whole then.
    pub fn store(&self, payload: &str) -> Result<(), StoreError> {
        if u64::try_from(payload.len()).map_or(true, |length| length > MAX_FILE_BYTES - 128) {
            return Err(StoreError::TooLarge { path: self.path.clone(), bytes: payload.len() });
        }
        let stored = self.replace(payload);
        if stored.is_err() {
            // Best effort: it gives the space back on a full disk, and the next store removes a leftover anyway.
            drop(fs::remove_file(&self.temporary));
            drop(fs::remove_file(&self.previous_temporary));
        }
        stored.map_err(|(step, source)| self.error(step, source))
    }

    fn replace(&self, payload: &str) -> Result<(), (&'static str, io::Error)> {
        let mut file = create_new(&self.temporary).map_err(|e| ("creating the new file", e))?;
        file.write_all(encode(payload).as_bytes()).map_err(|e| ("writing the new file", e))?;
        file.sync_all().map_err(|e| ("flushing the new file", e))?;
        drop(file);
        // Only a whole generation may become the previous one: a torn one must not push out the last good one.
        if matches!(read_generation(&self.path), Generation::Good(_)) {
            remove_if_there(&self.previous_temporary).map_err(|e| ("removing a leftover", e))?;
            fs::hard_link(&self.path, &self.previous_temporary).map_err(|e| ("keeping the old generation", e))?;
            fs::rename(&self.previous_temporary, &self.previous).map_err(|e| ("keeping the old generation", e))?;
        }
        fs::rename(&self.temporary, &self.path).map_err(|e| ("putting the new file in place", e))?;
        File::open(&self.directory).and_then(|d| d.sync_all()).map_err(|e| ("flushing the directory", e))
    }

    fn error(&self, step: &'static str, source: io::Error) -> StoreError {
        let path = self.path.clone();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::DiskFull { path, step, source },
            io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { path, step, source },
            io::ErrorKind::PermissionDenied => StoreError::Permission { path, step, source },
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StoreError::NoDirectory { path, step, source },
            _ => StoreError::Other { path, step, source },
        }
    }
}

fn encode(payload: &str) -> String {
    let sum = CASTAGNOLI.checksum(payload.as_bytes());
    format!("{MAGIC} {FORMAT_VERSION} {} {sum:08x}\n{payload}", payload.len())
}

fn create_new(path: &Path) -> io::Result<File> {
    // A leftover of a crash, or something planted: unlink it rather than follow it.
    remove_if_there(path)?;
    let nofollow = libc::O_NOFOLLOW | libc::O_CLOEXEC;
    OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(nofollow).open(path)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read_generation(path: &Path) -> Generation {
    let place = path.display();
    let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Generation::Missing,
        Err(error) => return Generation::Bad(format!("{place} cannot be opened: {error}")),
    };
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return Generation::Bad(format!("{place} is not a regular file"));
    }
    let mut bytes = Vec::new();
    if let Err(error) = file.take(MAX_FILE_BYTES).read_to_end(&mut bytes) {
        return Generation::Bad(format!("{place} cannot be read: {error}"));
    }
    decode(&bytes, path)
}

fn decode(bytes: &[u8], path: &Path) -> Generation {
    let place = path.display();
    if bytes.is_empty() {
        return Generation::Bad(format!("{place} is empty"));
    }
    let Some((header, payload)) = bytes.iter().position(|b| *b == b'\n').and_then(|end| {
        let (header, rest) = bytes.split_at_checked(end)?;
        Some((std::str::from_utf8(header).ok()?, rest.get(1..)?))
    }) else {
        return Generation::Bad(format!("{place}: the first line is not a state header"));
    };
    let words: Vec<&str> = header.split(' ').collect();
    let [MAGIC, version, fields @ ..] = words.as_slice() else {
        return Generation::Bad(format!("{place}: the first line does not begin with `{MAGIC}`"));
    };
    match version.parse::<u32>() {
        Ok(FORMAT_VERSION) => {}
        Ok(newer) if newer > FORMAT_VERSION => {
            return Generation::Newer(format!(
                "{place} has format {newer}, written by a newer hotpair; this one reads format {FORMAT_VERSION}: go \
                 back to the newer version"
            ));
        }
        _ => {
            return Generation::Bad(format!("{place}: `{version}` in the first line is no known format"));
        }
    }
    let parsed = match fields {
        [length, sum] => length.parse::<usize>().ok().zip(u32::from_str_radix(sum, 16).ok()),
        _ => None,
    };
    let Some((length, sum)) = parsed else {
        return Generation::Bad(format!("{place}: length and checksum in the first line are not readable"));
    };
    if payload.len() != length {
        return Generation::Bad(format!("{place} is torn: {} bytes of {length} after the first line", payload.len()));
    }
    let found = CASTAGNOLI.checksum(payload);
    if found != sum {
        return Generation::Bad(format!("{place} is damaged: checksum {found:08x}, but {sum:08x} was written"));
    }
    match std::str::from_utf8(payload) {
        Ok(text) => Generation::Good(text.to_owned()),
        Err(error) => Generation::Bad(format!("{place} is not text: {error}")),
    }
}

#[cfg(test)]
mod tests;
