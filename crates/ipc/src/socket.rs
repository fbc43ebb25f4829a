//! Binding a daemon's Unix socket: one daemon per path, stale sockets replaced, right mode from the first instant.
//!
//! Exclusion is by a lock on `PATH.lock`, which the kernel gives back however the daemon ends. The socket is bound
//! under another name, given its mode and group, and then renamed into place: nobody can connect before the mode is
//! right, and a stale socket is replaced in one step.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::peer::group_id;

/// `sun_path` holds 108 bytes with the final zero (unix(7)); the name used while binding is 2 bytes longer.
const MAX_PATH: usize = 105;
/// Mode of a directory made here.
const DIRECTORY_MODE: u32 = 0o750;

/// Why a socket could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process serves there.
    #[error("{path} is served by another process{}; stop that one first, or use another --run-dir", .pid.as_ref().map(|p| format!(" (pid {p})")).unwrap_or_default())]
    InUse {
        /// The socket.
        path: PathBuf,
        /// Its process id as its lock file says.
        pid: Option<String>,
    },
    /// Something that is no socket lies there.
    #[error("{path} exists and is not a socket; remove it, or use another --run-dir")]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The path does not fit a socket address.
    #[error("the socket path {path} is longer than {MAX_PATH} bytes; use a shorter --run-dir")]
    PathTooLong {
        /// The path.
        path: PathBuf,
    },
    /// The system refused a step.
    #[error("cannot serve on {path}: {step}: {source}")]
    System {
        /// The socket.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

/// A bound, listening socket. Dropping it removes the socket file.
#[derive(Debug)]
pub struct BoundSocket {
    pub(crate) listener: UnixListener,
    path: PathBuf,
    /// Device and inode, so that only our own file is removed.
    identity: (u64, u64),
    _lock: File,
}

impl BoundSocket {
    /// Binds `path` with `mode` (0o660 or 0o666), owned by `group` if that group exists and this process may set it.
    ///
    /// A missing directory is made with mode 0750 and the same group. Call it inside the tokio runtime.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn bind(path: &Path, mode: u32, group: Option<&str>) -> Result<Self, BindError> {
        if path.as_os_str().len() > MAX_PATH {
            return Err(BindError::PathTooLong { path: path.to_owned() });
        }
        let failed = |step| move |source| BindError::System { path: path.to_owned(), step, source };
        let gid = group.and_then(group_id);
        make_directory(path, gid).map_err(failed("making its directory"))?;
        let lock = lock(path)?;
        check_stale(path)?;
        let temporary = suffixed(path, ".n");
        remove_if_there(&temporary).map_err(failed("removing a leftover"))?;
        let listener = StdListener::bind(&temporary).map_err(failed("binding"))?;
        set_group(&temporary, gid);
        fs::set_permissions(&temporary, Permissions::from_mode(mode)).map_err(failed("setting its mode"))?;
        let meta = fs::symlink_metadata(&temporary).map_err(failed("looking at it"))?;
        fs::rename(&temporary, path).map_err(failed("putting it in place"))?;
        listener.set_nonblocking(true).map_err(failed("making it non-blocking"))?;
        let listener = UnixListener::from_std(listener).map_err(failed("registering it"))?;
        Ok(Self { listener, path: path.to_owned(), identity: (meta.dev(), meta.ino()), _lock: lock })
    }

    /// Where clients connect.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for BoundSocket {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|meta| (meta.dev(), meta.ino()) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            // Harmless: the next start replaces it.
            tracing::debug!(path = %self.path.display(), %error, "the socket file stays behind");
        }
    }
}

fn make_directory(path: &Path, gid: Option<u32>) -> io::Result<()> {
    let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) else {
        return Ok(());
    };
    if directory.exists() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
    set_group(directory, gid);
    Ok(())
}

/// Without the right to do so, or without the group, only root and the own user get in, which is safe.
fn set_group(path: &Path, gid: Option<u32>) {
    if let Some(gid) = gid
        && let Err(error) = chown(path, None, Some(gid))
    {
        tracing::warn!(path = %path.display(), gid, %error, "group not set: its members cannot connect");
    }
}

fn lock(path: &Path) -> Result<File, BindError> {
    let failed = |step| move |source| BindError::System { path: path.to_owned(), step, source };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .custom_flags(libc::O_NOFOLLOW)
        .open(suffixed(path, ".lock"))
        .map_err(failed("opening its lock file"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // Only decoration of the message: an unreadable number is left out.
            let known = (&file).take(20).read_to_string(&mut pid).is_ok() && pid.trim().parse::<u32>().is_ok();
            let pid = known.then(|| pid.trim().to_owned());
            return Err(BindError::InUse { path: path.to_owned(), pid });
        }
        Err(TryLockError::Error(source)) => return Err(failed("locking its lock file")(source)),
    }
    file.set_len(0)
        .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()))
        .map_err(failed("writing its lock file"))?;
    Ok(file)
}

/// With the lock held, no hotpair daemon serves there; but somebody else might.
fn check_stale(path: &Path) -> Result<(), BindError> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(BindError::System { path: path.to_owned(), step: "looking at it", source });
        }
    };
    if !meta.file_type().is_socket() {
        return Err(BindError::NotASocket { path: path.to_owned() });
    }
    match StdStream::connect(path) {
        Ok(_) => Err(BindError::InUse { path: path.to_owned(), pid: None }),
        Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => Ok(()),
        Err(source) => {
            Err(BindError::System { path: path.to_owned(), step: "asking whether it is still served", source })
        }
    }
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_directory_is_made_the_mode_is_set_and_the_file_is_removed_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/hbd.sock");
        let socket = BoundSocket::bind(&path, 0o660, Some("no-such-group")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert_eq!(fs::metadata(dir.path().join("run")).unwrap().permissions().mode() & 0o777, 0o750);
        StdStream::connect(&path).unwrap();
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_second_daemon_is_refused_and_told_who_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hbd.sock");
        let _first = BoundSocket::bind(&path, 0o660, None).unwrap();
        let error = BoundSocket::bind(&path, 0o660, None).unwrap_err().to_string();
        assert!(error.contains(&format!("pid {}", std::process::id())) && error.contains("--run-dir"), "{error}");
        StdStream::connect(&path).expect("the first one still serves");
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_a_served_one_and_a_file_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hbd.sock");
        let foreign = StdListener::bind(&path).unwrap();
        assert!(matches!(BoundSocket::bind(&path, 0o660, None), Err(BindError::InUse { pid: None, .. })));
        drop(foreign);
        drop(BoundSocket::bind(&path, 0o660, None).unwrap());
        fs::write(&path, "precious").unwrap();
        assert!(matches!(BoundSocket::bind(&path, 0o660, None), Err(BindError::NotASocket { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn a_path_that_does_not_fit_is_explained() {
        let path = PathBuf::from(format!("/tmp/{}", "x".repeat(120)));
        assert!(BoundSocket::bind(&path, 0o660, None).unwrap_err().to_string().contains("shorter --run-dir"));
    }
}
