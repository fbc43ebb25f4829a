//! Running programs: the only place of resd that spawns any.
//!
//! No shell, a clean environment, a process group of its own. Output goes to a sealed memory file of 64 KiB, not to a
//! pipe: a daemon left behind by a start script keeps its descriptors without ever blocking on or dying of a reader that
//! has gone, and nobody waits for it (FAULTS G10). Programs outlive resd: nothing ties them to it (B6).
//!
//! Every program carries a mark in its environment which its children inherit, also when they leave the process group;
//! by that mark what is left of a resource is found and killed when it has to be stopped by force (FAULTS G03).

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use hotpair_runtime::clock;
use hotpair_types::Timestamp;
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

/// Output kept of one program.
const OUTPUT_CAP: u64 = 64 * 1024;
/// From TERM to KILL.
const GRACE: Duration = Duration::from_secs(2);
/// From KILL until it is given up waiting (a process in an uninterruptible system call).
const AFTER_KILL: Duration = Duration::from_secs(2);
/// Name of the mark.
const MARK: &str = "HOTPAIR_RESOURCE";
/// Where programs are looked for when resd itself has no PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program to run.
#[derive(Clone, Debug)]
pub struct Program {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Environment on top of PATH and the mark.
    pub environment: BTreeMap<String, String>,
    /// Whose it is; see [`kill_marked`].
    pub mark: String,
    /// The limit ends it only if it has read and written nothing since the limit began: for file-system checks, whose
    /// length nobody knows (FAULTS D20).
    pub patient: bool,
}

/// How it ended.
#[derive(Debug)]
pub enum End {
    /// It exited with this code.
    Code(u8),
    /// A signal ended it.
    Signal(i32),
    /// The limit passed, or the caller cancelled; its process group was killed.
    Killed,
    /// It is not there or not executable.
    Missing(io::Error),
    /// It could not be started for another reason (out of processes, memory).
    NotStarted(io::Error),
}

/// How it ended and what it said.
#[derive(Debug)]
pub struct Finished {
    /// How.
    pub end: End,
    /// Its output and errors, the first 64 KiB.
    pub output: String,
}

impl Finished {
    /// The last lines of its output, for an error text: at most three lines and 300 characters.
    pub fn tail(&self) -> String {
        let lines: Vec<&str> = self.output.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        let text = lines.iter().skip(lines.len().saturating_sub(3)).copied().collect::<Vec<_>>().join("; ");
        let skip = text.chars().count().saturating_sub(300);
        text.chars().skip(skip).collect()
    }
}

/// Runs a program to its end, at most until `limit` has passed or `cancel` is given; then TERM, later KILL to its group.
///
/// A program that ends by itself leaves whatever it has put in the background alone.
pub async fn run(program: &Program, limit: Duration, cancel: &CancellationToken) -> Finished {
    run_with(program, None, limit, cancel).await
}

/// As [`run`], for a program that reads `input` from its standard input.
pub async fn run_with_input(program: &Program, input: &[u8], limit: Duration, cancel: &CancellationToken) -> Finished {
    run_with(program, Some(input), limit, cancel).await
}

async fn run_with(program: &Program, input: Option<&[u8]>, limit: Duration, cancel: &CancellationToken) -> Finished {
    let opened = output_file().and_then(|output| Ok((output, input.map(input_file).transpose()?)));
    let (mut output, input) = match opened {
        Ok(files) => files,
        Err(error) => return Finished { end: End::NotStarted(error), output: String::new() },
    };
    let mut child = match spawn(program, input, &output) {
        Ok(child) => child,
        Err(error) => {
            let end = match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => End::Missing(error),
                _ => End::NotStarted(error),
            };
            return Finished { end, output: String::new() };
        }
    };
    let patience = child.id().filter(|_| program.patient);
    let end = tokio::select! {
        biased;
        status = child.wait() => ended(status),
        () = cancel.cancelled() => {
            kill_group(&mut child).await;
            End::Killed
        }
        () = used_up(limit, patience) => {
            kill_group(&mut child).await;
            End::Killed
        }
    };
    let output = said(&mut output);
    Finished { end, output }
}

fn ended(status: io::Result<ExitStatus>) -> End {
    use std::os::unix::process::ExitStatusExt;
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => End::Code(u8::try_from(code).unwrap_or(u8::MAX)),
            (None, signal) => End::Signal(signal.unwrap_or(0)),
        },
        Err(error) => End::NotStarted(error),
    }
}

/// Waits for the limit; for a patient program until it has moved no byte for so long.
async fn used_up(limit: Duration, patient: Option<u32>) {
    let mut moved = patient.and_then(bytes_moved);
    loop {
        passed(clock::now().after(limit)).await;
        let now = patient.and_then(bytes_moved);
        if now.is_none() || now == moved {
            return;
        }
        moved = now;
    }
}

/// Bytes a process has read and written so far (proc(5), `io`).
fn bytes_moved(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let values = text.lines().filter_map(|line| line.split_once(": ")?.1.parse::<u64>().ok());
    Some(values.fold(0, u64::wrapping_add))
}

/// Waits until `deadline`; a clock that cannot be used counts as passed, so that no limit is ever lost.
pub async fn passed(deadline: Timestamp) {
    if let Err(error) = clock::sleep_until(deadline).await {
        tracing::error!(%error, "no timer: a time limit counts as passed");
    }
}

fn spawn(program: &Program, input: Option<File>, output: &File) -> io::Result<Child> {
    let Some((name, arguments)) = program.argv.split_first() else {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the command is empty"));
    };
    let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    Command::new(name)
        .args(arguments)
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8")
        .envs(&program.environment)
        .env(MARK, &program.mark)
        .current_dir("/")
        .process_group(0)
        .stdin(input.map_or_else(Stdio::null, |file| OwnedFd::from(file).into()))
        .stdout(OwnedFd::from(output.try_clone()?))
        .stderr(OwnedFd::from(output.try_clone()?))
        .kill_on_drop(false)
        .spawn()
}

/// A memory file that takes 64 KiB and then refuses: whoever writes on gets an error, never a signal, never a block.
fn output_file() -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = rustix::fs::memfd_create(CString::new("output")?.as_c_str(), flags)?;
    rustix::fs::ftruncate(&fd, OUTPUT_CAP)?;
    rustix::fs::fcntl_add_seals(&fd, SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(File::from(fd))
}

/// A memory file with what a program is to read: nobody blocks on writing it, and nothing of it is in a file system.
fn input_file(bytes: &[u8]) -> io::Result<File> {
    use io::Write as _;
    let fd = rustix::fs::memfd_create(CString::new("input")?.as_c_str(), MemfdFlags::CLOEXEC)?;
    let mut file = File::from(fd);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// The position is shared with the program's descriptors, so it tells how much was written.
fn said(file: &mut File) -> String {
    let read = |file: &mut File| -> io::Result<Vec<u8>> {
        let written = file.stream_position()?.min(OUTPUT_CAP);
        let mut copy = vec![0; usize::try_from(written).unwrap_or(0)];
        std::os::unix::fs::FileExt::read_exact_at(file, &mut copy, 0)?;
        Ok(copy)
    };
    match read(file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("(its output could not be read: {error})"),
    }
}

async fn kill_group(child: &mut Child) {
    let Some(group) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) else {
        return; // Ended in this instant.
    };
    for (signal, patience) in [(Signal::TERM, GRACE), (Signal::KILL, AFTER_KILL)] {
        if let Err(error) = rustix::process::kill_process_group(group, signal) {
            tracing::debug!(%error, ?group, "the process group could not be signalled; it may have ended");
        }
        let deadline = clock::now().after(patience);
        tokio::select! {
            biased;
            _ = child.wait() => {
                // The leader is gone; others of its group may be left.
                if signal == Signal::TERM && rustix::process::test_kill_process_group(group).is_ok() {
                    continue;
                }
                return;
            }
            () = passed(deadline) => {}
        }
    }
}

/// Processes that carry `mark`.
pub fn marked(mark: &str) -> Vec<Pid> {
    let wanted = format!("{MARK}={mark}").into_bytes();
    let own = std::process::id();
    processes()
        .filter(|pid| u32::try_from(pid.as_raw_nonzero().get()).is_ok_and(|pid| pid != own))
        .filter(|pid| {
            let path = PathBuf::from(format!("/proc/{}/environ", pid.as_raw_nonzero()));
            std::fs::read(path).is_ok_and(|e| e.split(|b| *b == 0).any(|entry| entry == wanted))
        })
        .filter(|pid| !is_zombie(*pid))
        .collect()
}

/// Waits until none of these commands of a resource is under way, at most `limit`: an earlier run of resd may have begun
/// one and not seen its end. True if none is.
pub async fn settled(mark: &str, commands: &[&[String]], limit: Duration) -> bool {
    let deadline = clock::now().after(limit);
    loop {
        let under_way = marked(mark).into_iter().any(|pid| {
            let line = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
            let arguments: Vec<&[u8]> = line.split(|b| *b == 0).filter(|a| !a.is_empty()).collect();
            // An interpreter may stand before a script's own name.
            commands
                .iter()
                .any(|c| !c.is_empty() && arguments.ends_with(&c.iter().map(String::as_bytes).collect::<Vec<_>>()))
        });
        if !under_way {
            return true;
        }
        if clock::now() >= deadline {
            return false;
        }
        passed(clock::now().after(Duration::from_millis(20))).await;
    }
}

/// Ids of all processes in sight.
pub fn processes() -> impl Iterator<Item = Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok().and_then(Pid::from_raw))
}

/// A zombie holds nothing any more.
pub fn is_zombie(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    // The state follows the program name in parentheses, which may itself hold anything.
    stat.is_ok_and(|s| s.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

/// True if a process carries `mark`. Looks several times: in the instant of an exec a process shows no environment.
pub async fn any_marked(mark: &str) -> bool {
    for _ in 0..3 {
        if !marked(mark).is_empty() {
            return true;
        }
        passed(clock::now().after(Duration::from_millis(5))).await;
    }
    false
}

/// Kills everything that carries `mark` and waits until nothing does, at most `limit`. True if nothing is left.
pub async fn kill_marked(mark: &str, limit: Duration) -> bool {
    let deadline = clock::now().after(limit);
    loop {
        let left = marked(mark);
        if left.is_empty() && !any_marked(mark).await {
            return true;
        }
        if clock::now() >= deadline {
            return false;
        }
        for pid in left {
            if let Err(error) = rustix::process::kill_process(pid, Signal::KILL) {
                tracing::debug!(%error, ?pid, "could not be killed; it may have ended");
            }
        }
        passed(clock::now().after(Duration::from_millis(20))).await;
    }
}

/// Where a program would be found: as given with a slash, else along PATH. `None`: nowhere, or not executable.
pub fn find(name: &str) -> Option<PathBuf> {
    let executable = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|p| executable(p));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| executable(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(argv: &[&str], mark: &str) -> Program {
        Program {
            argv: argv.iter().map(|a| (*a).to_string()).collect(),
            environment: BTreeMap::from([("GREETING".to_string(), "hello".to_string())]),
            mark: format!("{mark}-{}", std::process::id()),
            patient: false,
        }
    }

    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn codes_output_and_environment() {
        let p = program(&["/bin/sh", "-c", "echo $GREETING; echo again >&2; exit 7"], "codes");
        let done = run(&p, LIMIT, &CancellationToken::new()).await;
        assert!(matches!(done.end, End::Code(7)), "{done:?}");
        assert_eq!(done.output, "hello\nagain\n");
        assert_eq!(done.tail(), "hello; again");
    }

    /// G10: garbage without end is capped and blocks nobody.
    #[tokio::test]
    async fn endless_output_is_capped() {
        let p = program(&["/bin/sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; exit 0"], "flood");
        let done = run(&p, LIMIT, &CancellationToken::new()).await;
        assert!(done.output.len() <= 65_536, "{}", done.output.len());
        assert!(done.tail().chars().count() <= 300);
    }

    /// G10: a daemon left behind holds nobody up, lives on, and is found by its mark afterwards.
    #[tokio::test]
    async fn a_daemon_left_behind_lives_and_is_found() {
        let p = program(&["/bin/sh", "-c", "setsid sleep 1000 & exit 0"], "daemon");
        let done = run(&p, LIMIT, &CancellationToken::new()).await;
        assert!(matches!(done.end, End::Code(0)), "{done:?}");
        assert!(any_marked(&p.mark).await);
        assert!(kill_marked(&p.mark, LIMIT).await);
        assert!(marked(&p.mark).is_empty());
    }

    /// B6: a start under way from an earlier run is noticed, and waited for.
    #[tokio::test]
    async fn a_command_under_way_is_waited_for() {
        let p = program(&["/bin/sh", "-c", "sleep 0.5", "app", "start"], "under-way");
        let output = output_file().unwrap();
        let mut child = spawn(&p, None, &output).unwrap();
        let command = ["app".to_string(), "start".to_string()];
        assert!(!settled(&p.mark, &[&command], Duration::ZERO).await);
        let other = ["app".to_string(), "stop".to_string()];
        assert!(settled(&p.mark, &[&other], Duration::ZERO).await);
        let commands: [&[String]; 1] = [&command];
        let (settled, _) = tokio::join!(settled(&p.mark, &commands, LIMIT), child.wait());
        assert!(settled);
    }

    /// G02: the limit kills the whole group, also members that ignore TERM.
    #[tokio::test]
    async fn the_limit_kills_the_group() {
        let p = program(&["/bin/sh", "-c", "trap '' TERM; sleep 1000 & wait; sleep 1000"], "limit");
        let done = run(&p, Duration::from_millis(50), &CancellationToken::new()).await;
        assert!(matches!(done.end, End::Killed), "{done:?}");
        let deadline = clock::now().after(LIMIT);
        while !marked(&p.mark).is_empty() {
            assert!(clock::now() < deadline);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_missing_program_is_told_apart() {
        let p = program(&["/nonexistent/program"], "missing");
        let done = run(&p, LIMIT, &CancellationToken::new()).await;
        assert!(matches!(done.end, End::Missing(_)), "{done:?}");
        assert!(find("sh").is_some() && find("/nonexistent/program").is_none());
    }
}
