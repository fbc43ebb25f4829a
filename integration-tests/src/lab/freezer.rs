//! A file that can hang: reads and writes of it wait, in state D, until it is thawed.
//!
//! A file system of one file in user space (FUSE, linux/fuse.h protocol 7), served by a process of its own (`freezer`) and mounted where
//! nobody else sees it. A loop device over it is a disk that hangs, for 15 s at most, so that nothing stays behind however a test ends.
//!
//! Threading: freezing and thawing may be called from any thread.
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

const GETATTR: u32 = 3;
const SETATTR: u32 = 4;
const OPEN: u32 = 14;
const READ: u32 = 15;
const WRITE: u32 = 16;
const STATFS: u32 = 17;
const RELEASE: u32 = 18;
const FSYNC: u32 = 20;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const FORGET: [u32; 2] = [2, 42];
/// `FOPEN_DIRECT_IO`: nothing of the file is kept in the page cache.
const DIRECT_IO: u32 = 1;
const HEADER: usize = 40;
const WRITE_HEADER: usize = 40;
const LARGEST_WRITE: u32 = 128 * 1024;

/// Frozen no longer than this: a test that dies in the middle leaves nobody waiting for ever.
const LONGEST_FREEZE: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
struct Gate {
    frozen: Mutex<Option<Duration>>,
    changed: Condvar,
}

/// The file.
#[derive(Debug)]
pub struct FreezableFile {
    /// Open through the file system in user space.
    file: Option<File>,
    server: Child,
    orders: UnixStream,
}

impl FreezableFile {
    /// A file of so many zeros, whose content is kept in a file of this name.
    ///
    /// # Errors
    /// When the kernel has no FUSE, or this is not root.
    pub fn new(content: &Path, bytes: u64) -> Result<Self> {
        let store = File::options().read(true).write(true).create_new(true).open(content)?;
        store.set_len(bytes)?;
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").context("opening /dev/fuse")?;
        let mut server = Command::new(super::binary("freezer")?);
        let (orders, taken) = UnixStream::pair()?;
        orders.set_read_timeout(Some(LONGEST_FREEZE))?;
        server.stdin(OwnedFd::from(taken)).stdout(device.try_clone()?).arg(content).arg(bytes.to_string());
        let started = server.spawn().context("starting the server")?;
        // Its end of the orders is in it alone: its end is seen here.
        drop(server);
        let server = started;
        let (point, number) = (content.with_extension("mount"), device.as_raw_fd());
        File::create(&point)?;
        // Mounted in the namespace of a thread that then ends: the open file is all that is left of it.
        let opened = std::thread::spawn(move || open_mounted(&point, number)).join();
        let file = opened.map_err(|_| anyhow::anyhow!("mounting panicked"))??;
        Ok(Self { file: Some(file), server, orders })
    }

    /// A path under which this process can open it.
    ///
    /// # Errors
    /// Never while it lives.
    pub fn path(&self) -> Result<PathBuf> {
        let file = self.file.as_ref().context("closed")?;
        Ok(PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())))
    }

    /// From now on every read and write of it waits, for 15 s at most.
    ///
    /// # Errors
    /// When the server has gone.
    pub fn freeze(&self) -> Result<()> {
        self.order(b"f")
    }

    /// Everything that waits goes on.
    ///
    /// # Errors
    /// When the server has gone.
    pub fn thaw(&self) -> Result<()> {
        self.order(b"t")
    }

    /// Gives an order and waits until it has been carried out.
    fn order(&self, order: &[u8; 1]) -> Result<()> {
        (&self.orders).write_all(order)?;
        (&self.orders).read_exact(&mut [0]).context("the server does not answer")
    }
}

impl Drop for FreezableFile {
    fn drop(&mut self) {
        if let Err(error) = self.thaw() {
            eprintln!("lab: a frozen file cannot be thawed: {error:#}");
        }
        drop(self.file.take());
        // Its end aborts the connection: whatever still waits, fails.
        if let Err(error) = self.server.kill().and_then(|()| self.server.wait()) {
            eprintln!("lab: the server of a file does not end: {error}");
        }
    }
}

/// The server, a process of its own (`freezer FILE BYTES`): so the end of the test, or its being killed, ends nobody's answers in the middle.
/// Orders come on standard input (`f`, `t`, the end), requests on `device`.
///
/// # Errors
/// When the file cannot be opened.
pub fn serve(device: File, content: &Path, bytes: u64) -> Result<()> {
    let store = File::options().read(true).write(true).open(content)?;
    let server = Arc::new(Server { device, store, bytes, gate: Gate::default() });
    let serving = Arc::clone(&server);
    std::thread::Builder::new().name("freezer".into()).spawn(move || serving.run())?;
    let mut orders = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut order = [0];
    while orders.read_exact(&mut order).is_ok() {
        *server.gate.frozen.lock().unwrap_or_else(PoisonError::into_inner) = (order == *b"f").then(super::clock::now);
        server.gate.changed.notify_all();
        // From here on it holds; who gave the order waits for that.
        orders.write_all(&order)?;
    }
    Ok(())
}

fn open_mounted(point: &Path, device: i32) -> Result<File> {
    unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).context("a mount namespace (this needs root)")?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    let options = format!("fd={device},rootmode=100600,user_id=0,group_id=0,allow_other");
    mount(Some("freezer"), point, Some("fuse"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(options.as_str()))
        .context("mounting a file system in user space (is the `fuse` kernel module there?)")?;
    Ok(OpenOptions::new().read(true).write(true).open(point)?)
}

struct Server {
    device: File,
    store: File,
    bytes: u64,
    gate: Gate,
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|b| b.try_into().ok()).unwrap_or([0; N])
}

impl Server {
    fn run(self: &Arc<Self>) {
        let mut buffer = vec![0; usize::try_from(LARGEST_WRITE).unwrap_or(0) + 8192];
        loop {
            let length = match (&self.device).read(&mut buffer) {
                Ok(length) => length,
                // ENOENT: the caller took the request back. EPERM: before the mount.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::ENOENT | libc::EAGAIN)) => {
                    continue;
                }
                Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                    super::clock::pause(Duration::from_millis(1));
                    continue;
                }
                // ENODEV: its end.
                Err(_) => return,
            };
            let request = buffer.get(..length).unwrap_or_default().to_vec();
            let code = u32::from_ne_bytes(number(&request, 4));
            if code == INTERRUPT || FORGET.contains(&code) {
                continue;
            }
            if !matches!(code, READ | WRITE) {
                self.reply(code, &request);
                continue;
            }
            // What is not data is answered also while it is frozen: closing a file, asking for its size.
            let server = Arc::clone(self);
            std::thread::spawn(move || {
                server.wait();
                server.reply(code, &request);
            });
        }
    }

    fn reply(&self, code: u32, request: &[u8]) {
        let (error, body) = match self.answer(code, request) {
            Ok(body) => (0, body),
            Err(error) => (-error.raw_os_error().unwrap_or(libc::EIO), Vec::new()),
        };
        let mut answer = u32::try_from(16 + body.len()).unwrap_or(0).to_ne_bytes().to_vec();
        answer.extend_from_slice(&error.to_ne_bytes());
        answer.extend_from_slice(&number::<8>(request, 8));
        answer.extend_from_slice(&body);
        // The caller may have gone: ENOENT.
        drop((&self.device).write(&answer));
    }

    fn wait(&self) {
        let mut frozen = self.gate.frozen.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(since) = *frozen {
            let left = (since + LONGEST_FREEZE).saturating_sub(super::clock::now());
            if left.is_zero() {
                return;
            }
            let waited = self.gate.changed.wait_timeout(frozen, left);
            frozen = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn answer(&self, code: u32, request: &[u8]) -> std::io::Result<Vec<u8>> {
        let body = request.get(HEADER..).unwrap_or_default();
        let (offset, size) = (u64::from_ne_bytes(number(body, 8)), u32::from_ne_bytes(number(body, 16)));
        match code {
            INIT => {
                let words = [7, 31, 128 * 1024, 0, 12 | (10 << 16), LARGEST_WRITE, 1, 32, 0, 0, 0, 0, 0, 0, 0, 0_u32];
                Ok(words.iter().flat_map(|word| word.to_ne_bytes()).collect())
            }
            GETATTR | SETATTR => Ok([vec![0; 16], self.attributes()].concat()),
            OPEN => Ok([&[0; 8][..], &DIRECT_IO.to_ne_bytes(), &[0; 4]].concat()),
            READ => {
                let left = self.bytes.saturating_sub(offset).min(u64::from(size));
                let mut data = vec![0; usize::try_from(left).unwrap_or(0)];
                self.store.read_exact_at(&mut data, offset)?;
                Ok(data)
            }
            WRITE => {
                let data = body.get(WRITE_HEADER..).unwrap_or_default();
                self.store.write_all_at(data, offset)?;
                Ok([u32::try_from(data.len()).unwrap_or(0).to_ne_bytes(), [0; 4]].concat())
            }
            STATFS => Ok(vec![0; 80]),
            RELEASE | FSYNC | FLUSH => Ok(Vec::new()),
            _ => Err(std::io::Error::from_raw_os_error(libc::ENOSYS)),
        }
    }

    /// `struct fuse_attr` of a plain file.
    fn attributes(&self) -> Vec<u8> {
        let mut attributes = Vec::with_capacity(88);
        for word in [1, self.bytes, self.bytes / 512, 0, 0, 0] {
            attributes.extend_from_slice(&word.to_ne_bytes());
        }
        for word in [0, 0, 0, libc::S_IFREG | 0o600, 1, 0, 0, 0, 4096, 0] {
            attributes.extend_from_slice(&word.to_ne_bytes());
        }
        attributes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    /// What is written is read; frozen, a write waits; thawed, it is done.
    #[test]
    fn a_frozen_file_waits() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let file = FreezableFile::new(&dir.path().join("content"), 1 << 16)?;
        let open = File::options().read(true).write(true).open(file.path()?)?;
        open.write_all_at(&[7; 4096], 8192)?;
        let mut read = [0; 4096];
        open.read_exact_at(&mut read, 8192)?;
        anyhow::ensure!(read == [7; 4096]);
        file.freeze()?;
        let (done, wait) = channel();
        let writer = std::thread::spawn(move || done.send(open.write_all_at(&[8; 4096], 0)));
        anyhow::ensure!(wait.recv_timeout(Duration::from_millis(200)).is_err(), "it did not wait");
        file.thaw()?;
        wait.recv_timeout(Duration::from_secs(20))??;
        writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
        Ok(())
    }
}
