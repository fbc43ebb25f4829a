//! Network namespaces of a test's own, held by threads and gone with them.

use nix::sched::{CloneFlags, setns, unshare};
use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;

/// A network namespace. It lives as long as this and the sockets made in it.
pub struct Net {
    file: File,
}

impl Net {
    /// A new one, with its loopback interface up.
    pub fn new() -> Self {
        let file = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("root is needed for network namespaces");
            File::open("/proc/thread-self/ns/net").unwrap()
        });
        let net = Self { file: file.join().unwrap() };
        net.ip("link set lo up");
        net
    }

    /// Runs `work` on this thread inside, then returns to where the thread was.
    pub fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        let home = File::open("/proc/thread-self/ns/net").unwrap();
        setns(self.file.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
        let result = work();
        setns(home.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
        result
    }

    /// `ip ARGUMENTS` inside.
    pub fn ip(&self, arguments: &str) {
        let status = self.enter(|| Command::new("ip").args(arguments.split(' ')).status()).unwrap();
        assert!(status.success(), "ip {arguments}");
    }
}
