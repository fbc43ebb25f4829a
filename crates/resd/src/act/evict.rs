//! Finding and ending the processes that use a mount, so that it can be unmounted in earnest (FAULTS D19).
//!
//! A process counts as user if its working directory, root, program, an open file or a mapped file lies on *this* mount,
//! told by the mount id (statx(2), STATX_MNT_ID): users of other mounts of the same file system are not touched. All calls
//! block: use them off the loop.

use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxFlags};
use rustix::process::{Pid, Signal};

use super::exec;

/// Processes that use the mount with this id, ourselves apart.
pub fn users(mount: u64) -> Vec<Pid> {
    let own = rustix::process::getpid();
    exec::processes().filter(|pid| *pid != own && !exec::is_zombie(*pid) && uses(*pid, mount)).collect()
}

fn uses(pid: Pid, mount: u64) -> bool {
    let base = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let single = ["cwd", "root", "exe"].into_iter().map(|name| base.join(name));
    let many = ["fd", "map_files"]
        .into_iter()
        .flat_map(|dir| std::fs::read_dir(base.join(dir)).into_iter().flatten().flatten().map(|e| e.path()));
    single.chain(many).any(|path| mount_of(&path) == Some(mount))
}

/// Id of the mount that a path, or what a link of /proc points to, lies on. Does not wait for a server.
pub fn mount_of(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statx(CWD, path, AtFlags::STATX_DONT_SYNC, StatxFlags::MNT_ID).ok()?;
    Some(stat.stx_mnt_id)
}

/// Signals the users of a mount; returns who they were.
pub fn signal(mount: u64, signal: Signal) -> Vec<Pid> {
    let users = users(mount);
    for pid in &users {
        // The first process is never ended: then the stop fails, and says so.
        if pid.as_raw_nonzero().get() == 1 {
            continue;
        }
        if let Err(error) = rustix::process::kill_process(*pid, signal) {
            tracing::debug!(%error, ?pid, "a user of the mount could not be signalled; it may have ended");
        }
    }
    users
}

/// Names and ids of processes, for an error text; at most five.
pub fn describe(pids: &[Pid]) -> String {
    let names: Vec<String> = pids
        .iter()
        .take(5)
        .map(|pid| {
            let id = pid.as_raw_nonzero();
            let name = std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
            format!("{} ({id})", name.trim())
        })
        .collect();
    let more = pids.len().saturating_sub(5);
    if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
}
