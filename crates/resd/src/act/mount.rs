//! Block devices and mounts: finding, mounting, unmounting, asking. All calls block: use them off the loop.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags};

/// ioctl BLKFLSBUF of linux/fs.h: `_IO(0x12, 97)`.
const BLKFLSBUF: libc::c_ulong = 0x1261;

/// One line of /proc/self/mountinfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Unique id of the mount.
    pub id: u64,
    /// Device number of the file system.
    pub device: (u32, u32),
    /// What part of the file system it shows.
    pub root: PathBuf,
    /// Where.
    pub point: PathBuf,
    /// Options of the mount.
    pub options: String,
    /// Type of the file system.
    pub fs: String,
    /// Options of the file system: `ro` here is a file system that turned read-only after an error.
    pub super_options: String,
}

impl Mount {
    /// It cannot be written, by mount or by file system.
    pub fn read_only(&self) -> bool {
        let ro = |options: &str| options.split(',').any(|o| o == "ro");
        ro(&self.options) || ro(&self.super_options)
    }
}

/// All mounts of this mount namespace, in the order they were made.
///
/// # Errors
/// Without /proc.
pub fn mounts() -> io::Result<Vec<Mount>> {
    let text = std::fs::read("/proc/self/mountinfo")?;
    Ok(text.split(|b| *b == b'\n').filter_map(parse).collect())
}

/// The topmost mount at this place.
///
/// # Errors
/// Without /proc.
pub fn at(point: &Path) -> io::Result<Option<Mount>> {
    Ok(mounts()?.into_iter().rfind(|m| m.point == point))
}

/// proc_pid_mountinfo(5).
fn parse(line: &[u8]) -> Option<Mount> {
    let fields: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
    let text = |at: usize| fields.get(at).and_then(|f| std::str::from_utf8(f).ok());
    let (major, minor) = text(2)?.split_once(':')?;
    let dash = fields.iter().position(|f| *f == b"-")?;
    Some(Mount {
        id: text(0)?.parse().ok()?,
        device: (major.parse().ok()?, minor.parse().ok()?),
        root: unescape(fields.get(3)?),
        point: unescape(fields.get(4)?),
        options: text(5)?.to_string(),
        fs: text(dash + 1)?.to_string(),
        super_options: text(dash + 3).unwrap_or("").to_string(),
    })
}

/// Blanks and the like are written as backslash and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, tail)) = rest.split_first() {
        let octal = (*byte == b'\\').then(|| tail.get(..3)).flatten();
        let value = octal.and_then(|o| std::str::from_utf8(o).ok()).and_then(|o| u8::from_str_radix(o, 8).ok());
        match value {
            Some(value) => {
                out.push(value);
                rest = tail.get(3..).unwrap_or(&[]);
            }
            None => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsString::from_vec(out))
}

/// The block device a specification names: a path, `UUID=…`, `LABEL=…` through udev's links. `None` in the inner place:
/// udev does not know it (see [`super::exec`] for asking blkid).
///
/// # Errors
/// In words: it is not there or no block device.
pub fn device(spec: &str) -> Result<PathBuf, String> {
    let link = |dir: &str, value: &str| {
        let escaped: String =
            value.chars().map(|c| if c == ' ' { "\\x20".to_string() } else { c.to_string() }).collect();
        Path::new("/dev/disk").join(dir).join(escaped)
    };
    let path = match spec.split_once('=') {
        Some(("UUID", uuid)) => link("by-uuid", uuid),
        Some(("LABEL", label)) => link("by-label", label),
        Some(("PARTUUID", uuid)) => link("by-partuuid", uuid),
        _ => PathBuf::from(spec),
    };
    let meta = std::fs::metadata(&path).map_err(|e| format!("device {spec} is not there: {e}"))?;
    if !meta.file_type().is_block_device() {
        return Err(format!("{} is no block device", path.display()));
    }
    std::fs::canonicalize(&path).map_err(|e| format!("device {spec}: {e}"))
}

/// Number of a block device.
///
/// # Errors
/// The system's answer.
pub fn number(device: &Path) -> io::Result<(u32, u32)> {
    let rdev = std::fs::metadata(device)?.rdev();
    Ok((libc::major(rdev), libc::minor(rdev)))
}

/// Drops the kernel's cached blocks of a device that another node may have written since they were read.
///
/// # Errors
/// The system's answer.
pub fn drop_cache(device: &Path) -> io::Result<()> {
    let file = File::open(device)?;
    // SAFETY: BLKFLSBUF takes no argument; the descriptor is open for the duration of the call.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), BLKFLSBUF, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// True if nobody on this machine, in whatever namespace, has the device mounted or otherwise claimed.
///
/// # Errors
/// The system's answer, other than "busy".
pub fn unclaimed(device: &Path) -> io::Result<bool> {
    match std::fs::OpenOptions::new().read(true).custom_flags(libc::O_EXCL | libc::O_CLOEXEC).open(device) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => Ok(false),
        Err(error) => Err(error),
    }
}

/// True if the ext4 file system on the device has multiple-mount protection (feature `mmp`, ext4's s_feature_incompat).
///
/// # Errors
/// In words: unreadable or no ext4.
pub fn has_mmp(device: &Path) -> Result<bool, String> {
    const SUPERBLOCK: u64 = 1024;
    const MMP: u32 = 0x0100;
    let mut block = [0_u8; 1024];
    let file = File::open(device).map_err(|e| format!("{}: {e}", device.display()))?;
    file.read_exact_at(&mut block, SUPERBLOCK).map_err(|e| format!("{}: {e}", device.display()))?;
    if block[0x38..0x3a] != [0x53, 0xef] {
        return Err(format!("{} holds no ext4 file system", device.display()));
    }
    let incompat = u32::from_le_bytes([block[0x60], block[0x61], block[0x62], block[0x63]]);
    Ok(incompat & MMP != 0)
}

/// Mounts.
///
/// # Errors
/// The system's answer.
pub fn mount(device: &Path, point: &Path, fs: &str, options: &[String]) -> io::Result<()> {
    let mut flags = MsFlags::empty();
    let mut data = Vec::new();
    for option in options {
        match option.as_str() {
            "defaults" | "rw" | "auto" | "noauto" | "_netdev" | "nofail" => {}
            "ro" => flags |= MsFlags::MS_RDONLY,
            "noatime" => flags |= MsFlags::MS_NOATIME,
            "nodiratime" => flags |= MsFlags::MS_NODIRATIME,
            "relatime" => flags |= MsFlags::MS_RELATIME,
            "strictatime" => flags |= MsFlags::MS_STRICTATIME,
            "nosuid" => flags |= MsFlags::MS_NOSUID,
            "nodev" => flags |= MsFlags::MS_NODEV,
            "noexec" => flags |= MsFlags::MS_NOEXEC,
            "sync" => flags |= MsFlags::MS_SYNCHRONOUS,
            "dirsync" => flags |= MsFlags::MS_DIRSYNC,
            other => data.push(other),
        }
    }
    let data = data.join(",");
    nix::mount::mount(Some(device), point, Some(fs), flags, Some(data.as_str()))?;
    Ok(())
}

/// Unmounts the topmost mount at this place. Never lazily: a lazy unmount is no stop.
///
/// # Errors
/// The system's answer; EBUSY while it has users.
pub fn unmount(point: &Path) -> io::Result<()> {
    Ok(nix::mount::umount2(point, MntFlags::UMOUNT_NOFOLLOW)?)
}

/// Writes, syncs and reads back a small file on the mounted file system.
///
/// # Errors
/// The system's answer.
pub fn write_test(point: &Path, node: &str) -> io::Result<()> {
    let path = point.join(format!(".hotpair-check-{node}"));
    let stamp = hotpair_runtime::clock::now().as_nanos().to_le_bytes();
    let file = std::fs::OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_DSYNC | libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)?;
    file.write_all_at(&stamp, 0)?;
    let mut back = [0_u8; 8];
    file.read_exact_at(&mut back, 0)?;
    if back == stamp { Ok(()) } else { Err(io::Error::other("what was written was not read back")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mountinfo_lines_are_read_with_escapes() {
        let line = br"36 35 98:0 / /mnt/a\040b rw,noatime master:1 shared:7 - ext4 /dev/x ro,errors=remount-ro";
        let mount = parse(line).unwrap();
        assert_eq!((mount.id, mount.device, mount.point.to_str()), (36, (98, 0), Some("/mnt/a b")));
        assert_eq!((mount.fs.as_str(), mount.read_only()), ("ext4", true));
        assert_eq!(parse(b"36 35 98:0 / /mnt rw"), None);
        assert_eq!(parse(b""), None);
        assert!(mounts().is_ok_and(|m| !m.is_empty()));
    }
}
