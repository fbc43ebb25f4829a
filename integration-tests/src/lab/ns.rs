//! One machine's worth of namespaces: network, mounts, PIDs, host name and IPC, held together by an init process.
//!
//! Nothing here has a name in the file system (no `/run/netns` entry): the namespaces live exactly as long as the init
//! process and the descriptors on them. The init process is `cat` reading from the lab's lifeline pipe, so the death of
//! the test process in whatever way ends it, and with it, by the kernel's own rules, every process, mount, interface
//! and route inside.
//!
//! Threading: entering a namespace is a property of a thread, so every entry happens on a scratch thread of its own.
use std::fs::File;
use std::io::{PipeReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, anyhow, ensure};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

use super::process::Process;

/// A set of namespaces that is "powered on".
#[derive(Debug)]
pub struct Namespace {
    name: String,
    init: Process,
    net: OwnedFd,
    mnt: OwnedFd,
    pid: OwnedFd,
    uts: OwnedFd,
    ipc: OwnedFd,
}

const ALL: CloneFlags = CloneFlags::CLONE_NEWNET
    .union(CloneFlags::CLONE_NEWNS)
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWUTS)
    .union(CloneFlags::CLONE_NEWIPC);

const NOTHING: Option<&str> = None;

/// Runs `work` on a scratch thread, whose namespaces can be changed without touching the others.
fn on_scratch_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

/// Makes `/run`, `/sys` of the calling thread's fresh mount namespace its own. `stash` is an empty directory.
fn own_mounts(stash: &Path) -> Result<()> {
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING).context("making mounts private")?;
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some("mode=755"))
        .context("mounting a private /run")?;
    // A fresh sysfs shows this network namespace's interfaces; the control groups below it are kept.
    let groups = Path::new("/sys/fs/cgroup");
    let keep = groups.is_dir();
    if keep {
        mount(Some(groups), stash, NOTHING, MsFlags::MS_BIND | MsFlags::MS_REC, NOTHING).context("keeping cgroups")?;
    }
    mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), NOTHING).context("mounting a private /sys")?;
    if keep {
        mount(Some(stash), groups, NOTHING, MsFlags::MS_MOVE, NOTHING).context("moving cgroups back")?;
    }
    Ok(())
}

fn spawn_init(name: &str, lifeline: PipeReader) -> Result<Child> {
    let mut init = Command::new("cat");
    init.stdin(lifeline).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).current_dir("/");
    // SAFETY: the closure makes only system calls that are safe between fork and exec, and allocates nothing: the
    // paths are short literals, which nix copies to the stack.
    unsafe {
        init.pre_exec(|| {
            mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), NOTHING)?;
            // Orphans end up with init; ignoring SIGCHLD makes the kernel reap them.
            libc::signal(libc::SIGCHLD, libc::SIG_IGN);
            Ok(())
        });
    }
    init.spawn().with_context(|| format!("starting the init process of {name}"))
}

impl Namespace {
    /// Makes new namespaces for machine `name`. They end when `lifeline` reaches its end.
    ///
    /// # Errors
    /// Without root, or when the kernel lacks one of the namespaces.
    pub fn boot(name: &str, lifeline: PipeReader, stash: &Path) -> Result<Self> {
        let init = on_scratch_thread(|| {
            unshare(ALL).context("making namespaces (the lab needs root: CAP_SYS_ADMIN)")?;
            own_mounts(stash)?;
            // SAFETY: pointer and length describe the same live string; the thread has a host name of its own now.
            let rc = unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) };
            ensure!(rc == 0, "naming {name}: {}", std::io::Error::last_os_error());
            Ok(Process::new(name, spawn_init(name, lifeline)?))
        })?;
        // Opened here, outside: inside, /proc is already the new machine's.
        let open = |kind: &str| -> Result<OwnedFd> {
            let path = format!("/proc/{}/ns/{kind}", init.pid());
            Ok(File::open(&path).with_context(|| format!("opening {path} of {name}"))?.into())
        };
        let (net, mnt, pid, uts, ipc) = (open("net")?, open("mnt")?, open("pid")?, open("uts")?, open("ipc")?);
        Ok(Self { name: name.to_owned(), init, net, mnt, pid, uts, ipc })
    }

    /// Process id of init, outside.
    #[must_use]
    pub fn init_pid(&self) -> u32 {
        self.init.pid()
    }

    /// Runs `work` with this network (sockets, interfaces, `/proc/sys/net`) and everything else unchanged. Sockets made
    /// in it stay in this network wherever they are used afterwards.
    ///
    /// # Errors
    /// When the namespace cannot be entered, and what `work` returns.
    pub fn in_net<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        on_scratch_thread(|| {
            setns(self.net.as_fd(), CloneFlags::CLONE_NEWNET)
                .with_context(|| format!("entering {}'s network", self.name))?;
            work()
        })
    }

    /// Runs `work` wholly inside: network, mounts, host name; processes it starts are inside the PID namespace too.
    /// It must not start threads (a thread cannot live in another PID namespace than its process).
    ///
    /// # Errors
    /// When a namespace cannot be entered, and what `work` returns.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        on_scratch_thread(|| {
            unshare(CloneFlags::CLONE_FS).context("leaving the shared working directory")?;
            for (fd, kind) in [
                (&self.net, CloneFlags::CLONE_NEWNET),
                (&self.uts, CloneFlags::CLONE_NEWUTS),
                (&self.ipc, CloneFlags::CLONE_NEWIPC),
                (&self.mnt, CloneFlags::CLONE_NEWNS),
                (&self.pid, CloneFlags::CLONE_NEWPID),
            ] {
                setns(fd.as_fd(), kind).with_context(|| format!("entering {}", self.name))?;
            }
            work()
        })
    }

    /// Starts `command` inside, in a process group of its own.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(&self, command: &mut Command) -> Result<Child> {
        self.inside(|| {
            command.process_group(0);
            command.spawn().map_err(|error| anyhow!("starting {command:?} in {}: {error}", self.name))
        })
    }

    /// Runs `ip -batch` in this network with the given lines.
    ///
    /// # Errors
    /// When a line fails; the error names it.
    pub fn ip_batch(&self, lines: &str) -> Result<()> {
        self.feed(&["ip", "-batch", "-"], lines)
    }

    /// Runs a program in this network (host's files) with `input` on its standard input.
    ///
    /// # Errors
    /// When it cannot be started or fails.
    pub fn feed(&self, argv: &[&str], input: &str) -> Result<()> {
        let (program, arguments) = argv.split_first().context("no program given")?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            self.in_net(|| command.spawn().with_context(|| format!("starting {argv:?}; is it installed?")))?;
        let written = match child.stdin.take() {
            Some(mut pipe) => pipe.write_all(input.as_bytes()),
            None => Ok(()),
        };
        let output = child.wait_with_output()?;
        check(&output, argv, &self.name).with_context(|| format!("input was:\n{input}"))?;
        written.with_context(|| format!("feeding {argv:?}"))
    }

    /// Runs one of the host's programs in this network and returns its standard output.
    ///
    /// # Errors
    /// When it cannot be started or fails.
    pub fn run_in_net(&self, argv: &[&str]) -> Result<String> {
        let (program, arguments) = argv.split_first().context("no program given")?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        let output =
            self.in_net(|| command.output().with_context(|| format!("starting {argv:?}; is it installed?")))?;
        check(&output, argv, &self.name)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Kills init, and so everything inside, and waits until all of it is gone. `others` are the processes inside
    /// whose parent is this process: they have to be reaped here before the kernel lets init go.
    ///
    /// # Errors
    /// When something survives.
    pub fn kill(&self, others: &[Process]) -> Result<()> {
        self.init.signal(nix::sys::signal::Signal::SIGKILL)?;
        let mut result = Ok(());
        for process in others {
            result = result.and(process.kill_and_reap());
        }
        result.and(self.init.kill_and_reap())
    }

    /// Process ids (outside view) of everything in this PID namespace.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn pids(&self) -> Result<Vec<u32>> {
        pids_in(&namespace_id(&self.pid)?)
    }

    /// Identity of the PID namespace, to look for survivors after its end with [`pids_in`].
    ///
    /// # Errors
    /// When the descriptor cannot be read.
    pub fn pid_namespace_id(&self) -> Result<String> {
        namespace_id(&self.pid)
    }
}

fn namespace_id(fd: &OwnedFd) -> Result<String> {
    let stat = rustix::fs::fstat(fd)?;
    Ok(format!("pid:[{}]", stat.st_ino))
}

/// Living processes whose PID namespace is `id` (as [`Namespace::pid_namespace_id`] returns it).
///
/// # Errors
/// When `/proc` cannot be read.
pub fn pids_in(id: &str) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").context("reading /proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that ends while we look has no link any more, which is the answer "not there".
        let inside = std::fs::read_link(entry.path().join("ns/pid")).is_ok_and(|link| link.as_os_str() == id);
        if inside && !is_dead(&entry.path()) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Whether the process has ended and only waits for its parent to ask about it (or is gone altogether).
fn is_dead(process: &Path) -> bool {
    let Ok(stat) = std::fs::read_to_string(process.join("stat")) else { return true };
    stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with(['Z', 'X']))
}

/// Turns an unsuccessful end of a program into an error with all it said.
pub(super) fn check(output: &Output, argv: &[&str], place: &str) -> Result<()> {
    ensure!(
        output.status.success(),
        "`{}` in {place} failed ({}): {}{}",
        argv.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(())
}
