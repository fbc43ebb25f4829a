//! A disk that both nodes see: one backing file, one loop device per node over it.
//!
//! Each loop device has a page cache of its own, as two machines on one SAN volume have. The devices detach by
//! themselves when the last user is gone (autoclear), also after the death of the test process. Cutting a node off
//! shrinks its device to nothing, so that reads and writes through it fail from that instant on; without that, the
//! kernel would write a dead node's dirty pages back while the other node already uses the volume.
//!
//! Threading: any thread.
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileExt as _, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::clock;
use super::freezer::FreezableFile;
use super::ns::check;

const LOOP_SET_STATUS64: libc::Ioctl = 0x4C04;
const LOOP_GET_STATUS64: libc::Ioctl = 0x4C05;
const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;
const LO_FLAGS_AUTOCLEAR: u32 = 4;
const LO_FLAGS_DIRECT_IO: u32 = 16;
/// An offset behind the end of every file.
const NOWHERE: u64 = 1 << 50;

/// `struct loop_info64` of linux/loop.h.
#[repr(C)]
#[derive(Clone, Copy)]
struct LoopInfo {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    sizelimit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config` of linux/loop.h.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

fn ioctl(fd: RawFd, request: libc::Ioctl, argument: *mut libc::c_void) -> std::io::Result<i32> {
    // SAFETY: every caller passes null or a pointer to the live structure that `request` reads or fills.
    let rc = unsafe { libc::ioctl(fd, request, argument) };
    if rc < 0 { Err(std::io::Error::last_os_error()) } else { Ok(rc) }
}

fn zeroed_info() -> LoopInfo {
    LoopInfo {
        device: 0,
        inode: 0,
        rdevice: 0,
        offset: 0,
        sizelimit: 0,
        number: 0,
        encrypt_type: 0,
        encrypt_key_size: 0,
        flags: 0,
        file_name: [0; 64],
        crypt_name: [0; 64],
        encrypt_key: [0; 32],
        init: [0; 2],
    }
}

/// A loop device that lives as long as someone uses it.
#[derive(Debug)]
struct LoopDevice {
    /// `None` after [`SharedDisk::detach`].
    device: Mutex<Option<File>>,
    path: PathBuf,
}

impl LoopDevice {
    fn attach(backing: &Path) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(backing)?;
        let control = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/loop-control")
            .context("opening /dev/loop-control (is the `loop` kernel module there?)")?;
        for _ in 0..200 {
            let number = ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE, std::ptr::null_mut())
                .context("asking for a loop device")?;
            let path = PathBuf::from(format!("/dev/loop{number}"));
            make_node(&path, number)?;
            let device = OpenOptions::new()
                .read(true)
                .write(true)
                .open(&path)
                .with_context(|| format!("opening {}", path.display()))?;
            // Another lab may have taken the same number meanwhile: then EBUSY, and the next number is tried.
            match configure(&device, &file, LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO) {
                Ok(()) => return Ok(Self { device: Mutex::new(Some(device)), path }),
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => clock::pause(Duration::from_millis(1)),
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    // A file system without direct IO below.
                    configure(&device, &file, LO_FLAGS_AUTOCLEAR)
                        .with_context(|| format!("attaching {} to {}", backing.display(), path.display()))?;
                    return Ok(Self { device: Mutex::new(Some(device)), path });
                }
                Err(error) => return Err(error).with_context(|| format!("attaching {}", backing.display())),
            }
        }
        bail!("no free loop device in 200 attempts")
    }

    /// Makes the device as large as its file, or of no size at all (it then begins behind the end of the file).
    fn present(&self, present: bool) -> Result<()> {
        let device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        let device = device.as_ref().with_context(|| format!("{} is detached", self.path.display()))?;
        let mut info = zeroed_info();
        ioctl(device.as_raw_fd(), LOOP_GET_STATUS64, (&raw mut info).cast())?;
        info.offset = if present { 0 } else { NOWHERE };
        let mut attempts = 0;
        loop {
            match ioctl(device.as_raw_fd(), LOOP_SET_STATUS64, (&raw mut info).cast()) {
                Ok(_) => return Ok(()),
                // The kernel says EAGAIN while pages are still being written; it asks for another call.
                Err(error) if error.raw_os_error() == Some(libc::EAGAIN) && attempts < 50 => {
                    attempts += 1;
                    clock::pause(Duration::from_millis(1));
                }
                Err(error) => {
                    return Err(error).with_context(|| format!("changing the size of {}", self.path.display()));
                }
            }
        }
    }
}

/// Shuts down, without flushing, every file system that process `pid` sees mounted from `device`; returns how many.
fn stop_file_systems(device: &Path, pid: u32) -> Result<usize> {
    /// `FS_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`, the same for XFS.
    const FS_IOC_SHUTDOWN: libc::Ioctl = 0x8004_587D;
    const NO_LOG_FLUSH: u32 = 2;
    let table = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).context("reading the node's mounts")?;
    let mut stopped = 0;
    for line in table.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let (Some(point), Some(source)) = (left.split(' ').nth(4), right.split(' ').nth(1)) else { continue };
        if Path::new(source) != device {
            continue;
        }
        let point = format!("/proc/{pid}/root{}", point.replace("\\040", " "));
        let directory = File::open(&point).with_context(|| format!("opening {point}"))?;
        let mut flags = NO_LOG_FLUSH;
        match ioctl(directory.as_raw_fd(), FS_IOC_SHUTDOWN, (&raw mut flags).cast()) {
            Ok(_) => stopped += 1,
            // EIO: it is down already (an earlier mount point of the same file system).
            Err(error) if error.raw_os_error() == Some(libc::EIO) => {}
            Err(error) => return Err(error).with_context(|| format!("stopping the file system at {point}")),
        }
    }
    Ok(stopped)
}

fn make_node(path: &Path, number: i32) -> Result<()> {
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};
    if path.metadata().is_ok_and(|meta| meta.file_type().is_block_device()) {
        return Ok(());
    }
    let minor = u64::try_from(number).context("the kernel gave a negative loop number")?;
    match mknod(path, SFlag::S_IFBLK, Mode::S_IRUSR | Mode::S_IWUSR, makedev(7, minor)) {
        Ok(()) | Err(nix::errno::Errno::EEXIST) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("making {}", path.display())),
    }
}

fn configure(device: &File, backing: &File, flags: u32) -> std::io::Result<()> {
    let mut config =
        LoopConfig { fd: backing.as_raw_fd().cast_unsigned(), block_size: 512, info: zeroed_info(), reserved: [0; 8] };
    config.info.flags = flags;
    ioctl(device.as_raw_fd(), LOOP_CONFIGURE, (&raw mut config).cast()).map(|_| ())
}

/// What to put on a new disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Zeros.
    Raw,
    /// ext4 with the options hotpair's documentation recommends, without multiple mount protection.
    Ext4,
    /// ext4 with multiple mount protection (update interval 5 s, the kernel's least).
    Ext4Mmp,
    /// XFS (300 MiB at least).
    Xfs,
}

/// A shared disk.
#[derive(Debug)]
pub struct SharedDisk {
    name: String,
    backing: PathBuf,
    devices: BTreeMap<String, LoopDevice>,
    freezer: Option<FreezableFile>,
}

impl SharedDisk {
    pub(super) fn new(dir: &Path, name: &str, bytes: u64, format: Format, nodes: &[&str]) -> Result<Self> {
        let backing = dir.join(format!("{name}.img"));
        File::create_new(&backing)?.set_len(bytes).with_context(|| format!("making disk {name}"))?;
        make_file_system(&backing, format)?;
        let devices = attach(nodes, &backing)?;
        Ok(Self { name: name.to_owned(), backing, devices, freezer: None })
    }

    /// A disk of zeros that can be made to hang.
    pub(super) fn freezable(dir: &Path, name: &str, bytes: u64, nodes: &[&str]) -> Result<Self> {
        let backing = dir.join(format!("{name}.img"));
        let freezer = FreezableFile::new(&backing, bytes)?;
        let devices = attach(nodes, &freezer.path()?)?;
        Ok(Self { name: name.to_owned(), backing, devices, freezer: Some(freezer) })
    }

    /// Whether it is one that was made to hang.
    #[must_use]
    pub fn can_hang(&self) -> bool {
        self.freezer.is_some()
    }

    /// Overwrites bytes through `node`'s device, down to the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn overwrite(&self, node: &str, at: u64, bytes: &[u8]) -> Result<()> {
        let device = OpenOptions::new().write(true).open(self.device(node)?)?;
        device.write_all_at(bytes, at)?;
        Ok(device.sync_all()?)
    }

    /// From now on every read and write of every node waits, in state D, until [`SharedDisk::thaw`].
    ///
    /// # Errors
    /// When the disk is not one that was made to hang.
    pub fn freeze(&self) -> Result<()> {
        self.freezer.as_ref().with_context(|| format!("disk {} cannot hang", self.name))?.freeze()
    }

    /// What waits goes on.
    ///
    /// # Errors
    /// As [`SharedDisk::freeze`].
    pub fn thaw(&self) -> Result<()> {
        self.freezer.as_ref().with_context(|| format!("disk {} cannot hang", self.name))?.thaw()
    }

    /// Name given at its making.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// File behind both devices.
    #[must_use]
    pub fn backing(&self) -> &Path {
        &self.backing
    }

    /// Device through which `node` sees the disk.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn device(&self, node: &str) -> Result<&Path> {
        Ok(&self.of(node)?.path)
    }

    /// From now on every read and write of `node` fails with an IO error.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn cut(&self, node: &str) -> Result<()> {
        self.of(node)?.present(false)
    }

    /// The disk is there again for `node`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn heal(&self, node: &str) -> Result<()> {
        self.of(node)?.present(true)
    }

    /// Loss of power of `node`, whose init process is `init`: its mounted file systems stop where they are, without
    /// writing anything back, and then its device is gone.
    pub(super) fn power_loss(&self, node: &str, init: u32) -> Result<()> {
        let device = self.of(node)?;
        let stopped = stop_file_systems(&device.path, init)?;
        match device.present(false) {
            // Older kernels do not resize a loop device with a file system on it; that one is stopped already.
            Err(error) if stopped == 0 => Err(error),
            _ => Ok(()),
        }
    }

    /// Waits until nobody has mounted `node`'s device (the kernel unmounts a dead node's volume in its own time).
    ///
    /// # Errors
    /// When it is still in use after `timeout`.
    pub fn wait_unused(&self, node: &str, timeout: Duration) -> Result<()> {
        let path = &self.of(node)?.path;
        let end = clock::now() + timeout;
        // Opening a block device exclusively fails while it is mounted.
        while let Err(error) = OpenOptions::new().read(true).custom_flags(libc::O_EXCL).open(path) {
            ensure!(error.raw_os_error() == Some(libc::EBUSY), "opening {}: {error}", path.display());
            ensure!(clock::now() < end, "{} is still in use after {timeout:?}", path.display());
            clock::pause(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Lets go of the devices at the end of the lab, also when someone still holds this value.
    pub(super) fn detach(&self) {
        if let Some(Err(error)) = self.freezer.as_ref().map(FreezableFile::thaw) {
            eprintln!("lab: disk {} cannot be thawed: {error:#}", self.name);
        }
        for device in self.devices.values() {
            drop(device.device.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    fn of(&self, node: &str) -> Result<&LoopDevice> {
        self.devices.get(node).with_context(|| format!("disk {} has no device for {node:?}", self.name))
    }
}

fn attach(nodes: &[&str], backing: &Path) -> Result<BTreeMap<String, LoopDevice>> {
    nodes.iter().map(|node| Ok(((*node).to_owned(), LoopDevice::attach(backing)?))).collect()
}

fn make_file_system(path: &Path, format: Format) -> Result<()> {
    let mut argv = match format {
        Format::Raw => return Ok(()),
        Format::Ext4 => vec!["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard"],
        Format::Ext4Mmp => {
            vec!["mkfs.ext4", "-q", "-F", "-O", "mmp", "-E", "lazy_itable_init=0,nodiscard,mmp_update_interval=5"]
        }
        Format::Xfs => vec!["mkfs.xfs", "-q", "-f", "-K"],
    };
    let text = path.to_str().context("the work directory's name is not UTF-8")?;
    argv.push(text);
    let (program, arguments) = argv.split_first().context("no program")?;
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("starting {program}; is it installed?"))?;
    check(&output, &argv, "the work directory")
}
