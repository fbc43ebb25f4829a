//! The area on a real device: a partition, a whole disk or a file, past every cache (O_DIRECT).
//!
//! Used by the disk thread only: every call here may take as long as the disk likes.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use heartbeat_core::LinkState;
use heartbeat_core::disk::{AREA, BLOCK};
use rustix::io::Errno;

use super::{Open, Slots};

/// Memory file systems: no other node can see them (`statfs(2)`).
const MEMORY: [rustix::fs::FsWord; 2] = [0x0102_1994, 0x8584_58f6];

/// O_DIRECT wants buffers aligned to the device's block size; 4096 suits all.
#[repr(C, align(4096))]
struct Aligned([u8; AREA]);

/// Where the area is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Block device or file.
    pub device: PathBuf,
    /// First byte of the area; a multiple of 4096.
    pub offset: u64,
}

impl Open for Location {
    fn name(&self) -> String {
        self.device.display().to_string()
    }

    fn open(&self) -> Result<Box<dyn Slots>, LinkState> {
        let name = self.name();
        let failed = |error: &io::Error| state_of(&name, "cannot be opened", error);
        let found = std::fs::metadata(&self.device).map_err(|e| failed(&e))?;
        if !found.is_file() && !found.file_type().is_block_device() {
            return Err(LinkState::IoError(format!("{name} is neither a block device nor a file")));
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(libc::O_DIRECT | libc::O_CLOEXEC);
        let mut file = options.open(&self.device).map_err(|error| match error.raw_os_error() {
            Some(libc::EINVAL) => LinkState::IoError(format!(
                "{name} lies on a file system without O_DIRECT; use a partition, or a file on ext4 or XFS"
            )),
            _ => failed(&error),
        })?;
        let kind = rustix::fs::fstatfs(&file).map_err(|e| failed(&e.into()))?.f_type;
        if found.is_file() && MEMORY.contains(&kind) {
            return Err(LinkState::IoError(format!(
                "{name} lies in this node's memory (tmpfs), which the peer cannot see; use a disk that both nodes reach"
            )));
        }
        let length = file.seek(SeekFrom::End(0)).map_err(|e| failed(&e))?;
        let end = self.offset.saturating_add(u64::try_from(AREA).unwrap_or(u64::MAX));
        if length < end {
            return Err(too_short(&name, length, end));
        }
        let identity = file.metadata().map_err(|e| failed(&e))?;
        Ok(Box::new(Device { file, name, location: self.clone(), identity, buffer: Box::new(Aligned([0; AREA])) }))
    }
}

fn too_short(name: &str, length: u64, end: u64) -> LinkState {
    if length == 0 {
        return LinkState::DeviceMissing(format!("{name} has no size: the disk is gone, or the file is empty"));
    }
    LinkState::DeviceMissing(format!("{name} ends at byte {length}, before the end of the area at byte {end}"))
}

/// A system error as the state of the port.
fn state_of(name: &str, what: &str, error: &io::Error) -> LinkState {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENXIO | libc::ENODEV | libc::ENOMEDIUM | libc::ESTALE) => {
            LinkState::DeviceMissing(format!("{name} {what}: {error}"))
        }
        Some(libc::EACCES | libc::EPERM | libc::EROFS) => LinkState::IoError(format!(
            "{name} {what}: {error}; hbd runs without privileges: give the group hotpair read and write access to the device, \
             by a udev rule that outlives a restart"
        )),
        _ => LinkState::IoError(format!("{name} {what}: {error}")),
    }
}

/// An open area.
struct Device {
    file: File,
    name: String,
    location: Location,
    /// What was opened.
    identity: Metadata,
    buffer: Box<Aligned>,
}

impl Slots for Device {
    fn read(&mut self) -> Result<&[u8], LinkState> {
        match retry(|| self.file.read_at(&mut self.buffer.0, self.location.offset)) {
            Ok(AREA) => Ok(&self.buffer.0),
            // The end of a device that has shrunk to nothing, or of a file that was cut short.
            Ok(length) => {
                let offset = self.location.offset;
                let got = offset.saturating_add(u64::try_from(length).unwrap_or(0));
                let end = offset.saturating_add(u64::try_from(AREA).unwrap_or(0));
                Err(too_short(&self.name, if length == 0 { 0 } else { got }, end))
            }
            Err(error) => Err(state_of(&self.name, "cannot be read", &error)),
        }
    }

    fn write(&mut self, at: usize, block: &[u8; BLOCK]) -> Result<(), LinkState> {
        let offset = self.location.offset.saturating_add(u64::try_from(at).unwrap_or(u64::MAX));
        let place = self.buffer.0.get_mut(..BLOCK).unwrap_or_default();
        place.copy_from_slice(block);
        match retry(|| self.file.write_at(place, offset)) {
            Ok(BLOCK) => Ok(()),
            Ok(length) => Err(LinkState::IoError(format!("{} took {length} of {BLOCK} bytes", self.name))),
            Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => Err(too_short(&self.name, 0, 0)),
            Err(error) => Err(state_of(&self.name, "cannot be written", &error)),
        }
    }

    fn still_there(&self) -> Result<(), LinkState> {
        let name = &self.name;
        let now = std::fs::metadata(&self.location.device).map_err(|e| state_of(name, "has vanished", &e))?;
        let key = |m: &Metadata| (m.dev(), m.ino(), m.rdev());
        if key(&now) == key(&self.identity) {
            Ok(())
        } else {
            Err(LinkState::DeviceMissing(format!("{name} was replaced by another file or device")))
        }
    }
}

/// Again where a signal came in between.
fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.raw_os_error() == Some(Errno::INTR.raw_os_error()) => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(length: u64) -> (tempfile::TempDir, Location) {
        // Beside the build, which is on a disk; /tmp may be memory.
        let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let device = dir.path().join("area");
        File::create(&device).unwrap().set_len(length).unwrap();
        (dir, Location { device, offset: 4096 })
    }

    fn refused(location: &Location) -> LinkState {
        location.open().map(|_| ()).expect_err("it should be refused")
    }

    /// What is written is read, at its offset and nowhere else.
    #[test]
    fn blocks_are_written_in_their_place() {
        let (_dir, location) = file(1 << 16);
        let mut slots = location.open().unwrap();
        slots.write(2 * BLOCK, &[7; BLOCK]).unwrap();
        let area = slots.read().unwrap();
        assert!(area[..2 * BLOCK].iter().all(|b| *b == 0) && area[2 * BLOCK..].iter().all(|b| *b == 7));
        let bytes = std::fs::read(&location.device).unwrap();
        assert_eq!(bytes.iter().position(|b| *b == 7), Some(3 * BLOCK));
        assert_eq!(bytes.iter().rposition(|b| *b == 7), Some(4 * BLOCK - 1));
        slots.still_there().unwrap();
    }

    /// FAULTS D01 D05 D08: what is missing, short, cut off, replaced or of the wrong kind is named.
    #[test]
    fn what_cannot_be_used_is_named() {
        let (dir, location) = file(BLOCK as u64 * 4 - 1);
        assert!(matches!(refused(&location), LinkState::DeviceMissing(text) if text.contains("ends at byte 16383")));
        let (_, gone) = file(1 << 16);
        assert!(matches!(refused(&gone), LinkState::DeviceMissing(text) if text.contains("No such file")));
        let folder = Location { device: dir.path().to_owned(), offset: 0 };
        assert!(matches!(refused(&folder), LinkState::IoError(text) if text.contains("neither")));

        File::options().write(true).open(&location.device).unwrap().set_len(1 << 16).unwrap();
        let mut slots = location.open().unwrap();
        File::options().write(true).open(&location.device).unwrap().set_len(0).unwrap();
        assert!(matches!(slots.read(), Err(LinkState::DeviceMissing(_))));
        std::fs::remove_file(&location.device).unwrap();
        assert!(matches!(slots.still_there(), Err(LinkState::DeviceMissing(_))));
        File::create(&location.device).unwrap();
        assert!(matches!(slots.still_there(), Err(LinkState::DeviceMissing(text)) if text.contains("replaced")));
    }

    /// A file in memory is refused with the remedy: the peer would never see it.
    #[test]
    fn memory_is_no_shared_disk() {
        let Ok(dir) = tempfile::tempdir_in("/dev/shm") else { panic!("/dev/shm is a tmpfs on every Linux") };
        let device = dir.path().join("area");
        File::create(&device).unwrap().set_len(1 << 16).unwrap();
        let state = refused(&Location { device, offset: 0 });
        let LinkState::IoError(text) = state else { panic!("{state:?}") };
        assert!(text.contains("tmpfs") || text.contains("O_DIRECT"), "{text}");
    }
}
