//! The kernel's watchdog API (Documentation/watchdog/watchdog-api.rst): opening arms, an ioctl pets, the letter `V` before
//! closing disarms; a driver that cannot be disarmed (`nowayout`) says so by going on.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Device, seconds};

/// Options of a driver, linux/watchdog.h.
const WDIOF_SETTIMEOUT: u32 = 0x0080;
const WDIOF_MAGICCLOSE: u32 = 0x0100;

/// `struct watchdog_info`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Info {
    options: u32,
    firmware_version: u32,
    identity: [u8; 32],
}

nix::ioctl_read!(/** WDIOC_GETSUPPORT. */ get_support, b'W', 0, Info);
nix::ioctl_read!(/** WDIOC_KEEPALIVE. */ keep_alive, b'W', 5, i32);
nix::ioctl_readwrite!(/** WDIOC_SETTIMEOUT. */ set_timeout, b'W', 6, i32);
nix::ioctl_read!(/** WDIOC_GETTIMEOUT. */ get_timeout, b'W', 7, i32);

/// A character device.
#[derive(Debug)]
pub struct Kernel {
    path: PathBuf,
    file: Option<File>,
    /// It can be stopped; known once it is known to be a watchdog.
    magic: Option<bool>,
}

impl Kernel {
    /// At this path.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, magic: None }
    }

    fn set(&mut self, file: &File, timeout: Duration) -> Result<Duration, String> {
        let (shown, fd) = (self.path.display(), file.as_raw_fd());
        let mut info = Info::default();
        // SAFETY: the descriptor is open for the whole call, and the kernel writes one `struct watchdog_info`.
        unsafe { get_support(fd, &mut info) }.map_err(|e| format!("{shown} is no watchdog: {e}"))?;
        self.magic = Some(info.options & WDIOF_MAGICCLOSE != 0);
        let mut value = seconds(timeout);
        if info.options & WDIOF_SETTIMEOUT != 0 {
            // SAFETY: the descriptor is open for the whole call, and the kernel reads and writes one int.
            unsafe { set_timeout(fd, &mut value) }.map_err(|e| {
                format!("{shown} does not take a timeout of {value} s: {e}; choose another in [watchdog]")
            })?;
        }
        // SAFETY: the descriptor is open for the whole call, and the kernel writes one int.
        unsafe { get_timeout(fd, &mut value) }.map_err(|e| format!("{shown} does not tell its timeout: {e}"))?;
        let in_force = Duration::from_secs(u64::try_from(value).unwrap_or(u64::MAX));
        if in_force > timeout {
            return Err(format!(
                "{shown} fires after {value} s at the earliest, which is longer than the timeout in [watchdog]; set that to at \
                 least {value} s"
            ));
        }
        Ok(in_force)
    }

    fn stop(&self, mut file: &File) -> Result<(), String> {
        let shown = self.path.display();
        if self.magic != Some(true) {
            return Err(format!("the driver of {shown} cannot be stopped; it resets this node"));
        }
        file.write_all(b"V").map_err(|e| format!("{shown} could not be stopped: {e}"))
    }
}

impl Device for Kernel {
    fn open(&mut self, timeout: Duration) -> Result<Duration, String> {
        let shown = self.path.display();
        let found =
            std::fs::metadata(&self.path).map_err(|e| format!("{shown}: {e}; load the driver of the watchdog"))?;
        if !found.file_type().is_char_device() {
            return Err(format!("{shown} is not a watchdog device"));
        }
        let file = std::fs::OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_CLOEXEC)
            .open(&self.path)
            .map_err(|e| format!("{shown} cannot be opened: {e}; another program may have it (`fuser {shown}`)"))?;
        match self.set(&file, timeout) {
            Ok(in_force) => {
                self.file = Some(file);
                Ok(in_force)
            }
            Err(why) => {
                // A watchdog was armed by being opened; a node is not reset for a wrong number.
                match self.magic.map_or(Ok(()), |_| self.stop(&file)) {
                    Ok(()) => Err(why),
                    Err(also) => Err(format!("{why}; and {also}")),
                }
            }
        }
    }

    fn pet(&mut self) -> Result<(), String> {
        let shown = self.path.display();
        let Some(file) = &self.file else { return Err(format!("{shown} is not open")) };
        let mut unused = 0;
        // SAFETY: the descriptor is open for the whole call, and the kernel writes at most one int.
        unsafe { keep_alive(file.as_raw_fd(), &mut unused) }.map_err(|e| format!("{shown} cannot be petted: {e}"))?;
        Ok(())
    }

    fn disarm(&mut self) -> Result<(), String> {
        let Some(file) = self.file.take() else { return Err(format!("{} is not open", self.path.display())) };
        self.stop(&file)
    }
}
