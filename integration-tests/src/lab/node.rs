//! One whole hotpair node: its namespaces, directories, daemons and power supply.
//!
//! Threading: all methods take `&self` and may be called from any thread; calls on one node's power and daemons are
//! serialised by a lock that is never held while waiting for anything but the end of killed processes.
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::PipeReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::clock;
use super::disk::SharedDisk;
use super::net::Switch;
use super::ns::{Namespace, check, pids_in};
use super::process::Process;

/// The three daemons, in the order in which they are started.
pub const DAEMONS: [&str; 3] = ["hbd", "resd", "arbiterd"];

/// How long a killed node may take to vanish.
const DEATH_BOUND: Duration = Duration::from_secs(20);

/// What all machines of a lab share.
#[derive(Debug)]
pub(super) struct Shared {
    pub dir: PathBuf,
    pub switch: Switch,
    pub lifeline: PipeReader,
    pub programs: Option<PathBuf>,
    pub disks: Mutex<Vec<Arc<SharedDisk>>>,
    pub serial: Mutex<Vec<Arc<super::serial::Cable>>>,
}

impl Shared {
    fn program(&self, name: &str) -> Result<PathBuf> {
        self.programs.as_ref().map_or_else(|| binary(name), |dir| Ok(dir.join(name)))
    }

    pub fn disks(&self) -> Vec<Arc<SharedDisk>> {
        self.disks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn cables(&self) -> Vec<Arc<super::serial::Cable>> {
        self.serial.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug, Default)]
struct State {
    ns: Option<Arc<Namespace>>,
    boots: u32,
    daemons: BTreeMap<String, Process>,
    others: Vec<Process>,
    env: BTreeMap<String, String>,
    config: Option<PathBuf>,
}

/// A node.
#[derive(Debug)]
pub struct Node {
    name: String,
    host: u8,
    dir: PathBuf,
    shared: Arc<Shared>,
    state: Mutex<State>,
}

impl Node {
    pub(super) fn new(name: &str, host: u8, shared: &Arc<Shared>) -> Result<Self> {
        let dir = shared.dir.join(name);
        for sub in ["state", "log", "mnt", "stash"] {
            std::fs::create_dir_all(dir.join(sub))?;
        }
        let node = Self { name: name.to_owned(), host, dir, shared: Arc::clone(shared), state: Mutex::default() };
        node.power_on()?;
        Ok(node)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Node name, as in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Host number in every network: `net::ipv4(i, node.host())` is its address there.
    #[must_use]
    pub fn host(&self) -> u8 {
        self.host
    }

    /// The node's own directory: `run`, `state`, `log`, `mnt` (an empty mount point) and whatever a test puts there.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `--run-dir` of its daemons; emptied by a power cycle. Its sockets can be reached from the test process directly.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// `--state-dir` of its daemons; survives power cycles.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// Where its daemons get their configuration: the lab's common file unless [`Node::set_config`] said otherwise.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.state().config.clone().unwrap_or_else(|| self.shared.dir.join("hotpair.toml"))
    }

    /// Gives this node a configuration file of its own from the next start of a daemon on.
    pub fn set_config(&self, path: &Path) {
        self.state().config = Some(path.to_owned());
    }

    /// Sets an environment variable for daemons started from now on.
    pub fn set_env(&self, key: &str, value: &str) {
        self.state().env.insert(key.to_owned(), value.to_owned());
    }

    /// Its namespaces.
    ///
    /// # Errors
    /// While it has no power.
    pub fn ns(&self) -> Result<Arc<Namespace>> {
        self.state().ns.clone().with_context(|| format!("node {} is without power", self.name))
    }

    /// Whether it has power.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.state().ns.is_some()
    }

    /// This boot's id, 32 hexadecimal digits, given to daemons as `HOTPAIR_BOOT_ID`.
    #[must_use]
    pub fn boot_id(&self) -> String {
        self.boot_id_of(self.state().boots)
    }

    fn boot_id_of(&self, boots: u32) -> String {
        let lab = u64::from(std::process::id());
        format!("{lab:016x}{:02x}{boots:014x}", self.host)
    }

    // ---- power -------------------------------------------------------------------------------------------------

    /// Gives power: fresh namespaces and run directory, links and disks healed, a new boot id. Daemons are not started.
    ///
    /// # Errors
    /// When it is on already or the namespaces cannot be made.
    pub fn power_on(&self) -> Result<()> {
        let mut state = self.state();
        ensure!(state.ns.is_none(), "node {} has power already", self.name);
        for disk in self.shared.disks() {
            disk.wait_unused(&self.name, DEATH_BOUND)?;
            disk.heal(&self.name)?;
        }
        let run = self.run_dir();
        match std::fs::remove_dir_all(&run) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("emptying the run directory");
            }
            _ => std::fs::create_dir(&run)?,
        }
        for cable in self.shared.cables() {
            cable.flush(&self.name);
        }
        let ns = Namespace::boot(&self.name, self.shared.lifeline.try_clone()?, &self.dir.join("stash"))?;
        self.shared.switch.plug(&self.name, &ns, self.host, self.shared.switch.nets())?;
        state.boots += 1;
        state.ns = Some(Arc::new(ns));
        Ok(())
    }

    /// Takes the power away: every link is cut in one instant, then every disk, then everything that runs is killed. What
    /// is in the state directory stays, what was not written to a disk is lost.
    ///
    /// Namespaces that other threads are still using (a running [`Node::run`]) end with their work.
    ///
    /// # Errors
    /// When it has none, or something survives.
    pub fn power_off(&self) -> Result<()> {
        let mut state = self.state();
        let ns = state.ns.take().with_context(|| format!("node {} has no power to lose", self.name))?;
        let nets = self.shared.switch.nets();
        self.shared.switch.cut(&self.name, nets)?;
        for disk in self.shared.disks() {
            disk.power_loss(&self.name, ns.init_pid())?;
        }
        let mut processes: Vec<Process> = std::mem::take(&mut state.daemons).into_values().collect();
        processes.append(&mut state.others);
        let id = ns.pid_namespace_id()?;
        ns.kill(&processes)?;
        let left = pids_in(&id)?;
        ensure!(left.is_empty(), "node {} has no power, but processes {left:?} live", self.name);
        // `ns` still holds the dead node's network, so its links are there to be removed and not vanishing by themselves.
        self.shared.switch.unplug(&self.name, nets)
    }

    // ---- programs ----------------------------------------------------------------------------------------------

    /// Runs a program inside to its end and returns what it said, whatever its exit status.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn output(&self, argv: &[&str]) -> Result<Output> {
        let (program, arguments) = argv.split_first().context("no program given")?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .current_dir(&self.dir);
        let child = self.ns()?.spawn(&mut command)?;
        Ok(child.wait_with_output()?)
    }

    /// Runs a program inside to its end and returns its standard output.
    ///
    /// # Errors
    /// When it cannot be started or fails; the error holds what it said.
    pub fn run(&self, argv: &[&str]) -> Result<String> {
        let output = self.output(argv)?;
        check(&output, argv, &self.name)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts a program inside and leaves it running; it ends with the node's power at the latest.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, command: &mut Command) -> Result<Process> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = self.ns()?.spawn(command)?;
        let process = Process::new(&name, child);
        self.state().others.push(process.clone());
        Ok(process)
    }

    /// Runs the `hotpair` command-line client inside, on this node's run directory.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn hotpair(&self, arguments: &[&str]) -> Result<Output> {
        let (program, run) = (self.shared.program("hotpair")?, self.run_dir());
        let program = program.to_str().context("the program's path is not UTF-8")?;
        let run = run.to_str().context("the run directory's path is not UTF-8")?;
        let mut argv = vec![program, "--run-dir", run];
        argv.extend_from_slice(arguments);
        self.output(&argv)
    }

    /// Runs `hotpair … --json` and returns the parsed answer.
    ///
    /// # Errors
    /// When it fails or its output is not JSON.
    pub fn hotpair_json(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.hotpair(arguments)?;
        check(&output, arguments, &self.name)?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("hotpair {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stdout)))
    }

    // ---- daemons -----------------------------------------------------------------------------------------------

    /// Starts a daemon; its log goes to [`Node::log_path`], appended.
    ///
    /// # Errors
    /// When it runs already or cannot be started.
    pub fn start(&self, daemon: &str) -> Result<Process> {
        let config = self.config_path();
        let mut state = self.state();
        if let Some(old) = state.daemons.get(daemon) {
            ensure!(!old.is_alive(), "{daemon} runs already on {}", self.name);
        }
        let ns = state.ns.clone().with_context(|| format!("node {} is without power", self.name))?;
        let log = File::options().create(true).append(true).open(self.log_path(daemon))?;
        let mut command = Command::new(self.shared.program(daemon)?);
        command.arg("--config").arg(config).args(["--node", &self.name]).arg("--run-dir").arg(self.run_dir());
        command.arg("--state-dir").arg(self.state_dir()).args(["--log-format", "json"]);
        command.env("HOTPAIR_BOOT_ID", self.boot_id_of(state.boots)).env("RUST_BACKTRACE", "1").envs(&state.env);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).current_dir("/");
        let process = Process::new(&format!("{daemon} on {}", self.name), ns.spawn(&mut command)?);
        state.daemons.insert(daemon.to_owned(), process.clone());
        Ok(process)
    }

    /// Starts all three daemons.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub fn start_all(&self) -> Result<()> {
        DAEMONS.iter().try_for_each(|daemon| self.start(daemon).map(|_| ()))
    }

    /// The daemon as last started (it may have ended since).
    ///
    /// # Errors
    /// When it was never started in this boot.
    pub fn daemon(&self, daemon: &str) -> Result<Process> {
        self.state().daemons.get(daemon).cloned().with_context(|| format!("{daemon} was not started on {}", self.name))
    }

    /// Process id of a running daemon, outside view.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pid(&self, daemon: &str) -> Result<u32> {
        let process = self.daemon(daemon)?;
        ensure!(
            process.is_alive(),
            "{daemon} on {} has ended: {:?}\n{}",
            self.name,
            process.exit_status()?,
            self.log_tail(daemon, 15)
        );
        Ok(process.pid())
    }

    /// Kills a daemon with SIGKILL and reaps it.
    ///
    /// # Errors
    /// When it was not started or survives.
    pub fn kill9(&self, daemon: &str) -> Result<()> {
        self.daemon(daemon)?.kill_and_reap()
    }

    /// Kills all running daemons with SIGKILL, in one go.
    ///
    /// # Errors
    /// When one survives.
    pub fn kill9_all(&self) -> Result<()> {
        self.signal_all(Signal::SIGKILL)?;
        self.running().iter().try_for_each(Process::kill_and_reap)
    }

    /// Asks a daemon to end (SIGTERM) and waits for it.
    ///
    /// # Errors
    /// When it lives on for 15 s.
    pub fn terminate(&self, daemon: &str) -> Result<std::process::ExitStatus> {
        let process = self.daemon(daemon)?;
        process.signal(Signal::SIGTERM)?;
        process.wait(Duration::from_secs(15)).with_context(|| self.log_tail(daemon, 15))
    }

    /// Ends a daemon politely and starts it again.
    ///
    /// # Errors
    /// As [`Node::terminate`] and [`Node::start`].
    pub fn restart(&self, daemon: &str) -> Result<Process> {
        self.terminate(daemon)?;
        self.start(daemon)
    }

    fn running(&self) -> Vec<Process> {
        self.state().daemons.values().filter(|process| process.is_alive()).cloned().collect()
    }

    /// Sends a signal to all running daemons, back to back.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn signal_all(&self, signal: Signal) -> Result<()> {
        self.running().iter().try_for_each(|process| process.signal(signal))
    }

    /// Stops all running daemons where they are (SIGSTOP); the kernel, addresses and applications go on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn freeze(&self) -> Result<()> {
        self.signal_all(Signal::SIGSTOP)
    }

    /// Lets frozen daemons go on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn thaw(&self) -> Result<()> {
        self.signal_all(Signal::SIGCONT)
    }

    // ---- links and addresses -----------------------------------------------------------------------------------

    /// Cuts its link to `net`; its carrier stays up.
    ///
    /// # Errors
    /// When there is no such network.
    pub fn cut(&self, net: &str) -> Result<()> {
        self.shared.switch.index(net)?;
        self.shared.switch.cut(&self.name, &[net.to_owned()])
    }

    /// Cuts all its links in the same instant.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn cut_all(&self) -> Result<()> {
        self.shared.switch.cut(&self.name, self.shared.switch.nets())
    }

    /// Heals its link to `net`.
    ///
    /// # Errors
    /// When there is no such network.
    pub fn heal(&self, net: &str) -> Result<()> {
        self.shared.switch.index(net)?;
        self.shared.switch.heal(&self.name, &[net.to_owned()])
    }

    /// Heals all its links.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn heal_all(&self) -> Result<()> {
        self.shared.switch.heal(&self.name, self.shared.switch.nets())
    }

    /// Pulls the cable (`up == false`: the interface loses its carrier) or plugs it in again.
    ///
    /// # Errors
    /// When there is no such network.
    pub fn set_carrier(&self, net: &str, up: bool) -> Result<()> {
        self.shared.switch.set_carrier(&self.name, net, up)
    }

    /// Whether an address is configured on any of its interfaces, asked from its kernel.
    ///
    /// # Errors
    /// When it has no power.
    pub fn has_address(&self, address: std::net::IpAddr) -> Result<bool> {
        let list: Value = serde_json::from_str(&self.run(&["ip", "-j", "addr"])?)?;
        let wanted = address.to_string();
        Ok(list.as_array().into_iter().flatten().any(|interface| {
            interface["addr_info"].as_array().into_iter().flatten().any(|info| info["local"] == wanted.as_str())
        }))
    }

    // ---- logs --------------------------------------------------------------------------------------------------

    /// Log file of a daemon, over all its starts.
    #[must_use]
    pub fn log_path(&self, daemon: &str) -> PathBuf {
        self.dir.join("log").join(format!("{daemon}.log"))
    }

    /// Everything a daemon has logged; empty when nothing.
    #[must_use]
    pub fn log(&self, daemon: &str) -> String {
        std::fs::read(self.log_path(daemon))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The log as JSON records; lines that are none (a panic's text) are left out.
    #[must_use]
    pub fn log_records(&self, daemon: &str) -> Vec<Value> {
        self.log(daemon).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Size of the log now, to look only at what follows with [`Node::wait_log`].
    #[must_use]
    pub fn log_mark(&self, daemon: &str) -> usize {
        self.log(daemon).len()
    }

    /// Waits until a line that contains `text` stands in the log behind `mark`, and returns the line.
    ///
    /// # Errors
    /// When none came within `timeout`; the error holds the end of the log.
    pub fn wait_log(&self, daemon: &str, mark: usize, text: &str, timeout: Duration) -> Result<String> {
        let end = clock::now() + timeout;
        loop {
            let log = self.log(daemon);
            if let Some(line) = log.get(mark..).and_then(|new| new.lines().find(|line| line.contains(text))) {
                return Ok(line.to_owned());
            }
            if clock::now() >= end {
                bail!("no {text:?} in the log within {timeout:?}\n{}", self.log_tail(daemon, 30));
            }
            clock::pause(Duration::from_millis(10));
        }
    }

    /// The last lines of a daemon's log, with a heading.
    #[must_use]
    pub fn log_tail(&self, daemon: &str, lines: usize) -> String {
        let log = self.log(daemon);
        let all: Vec<&str> = log.lines().collect();
        let tail = all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n");
        format!("--- {daemon} on {} ({} log lines) ---\n{tail}\n", self.name, all.len())
    }

    /// Appends a line to a file of the node's directory (marks for test programs).
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_file(&self, name: &str, text: &str) -> Result<PathBuf> {
        use std::io::Write as _;
        let path = self.dir.join(name);
        OpenOptions::new().create(true).truncate(true).write(true).open(&path)?.write_all(text.as_bytes())?;
        Ok(path)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ns) = state.ns.take() else { return };
        let mut processes: Vec<Process> = std::mem::take(&mut state.daemons).into_values().collect();
        processes.append(&mut state.others);
        if let Err(error) = ns.kill(&processes) {
            eprintln!("lab: tearing {} down: {error:#}", self.name);
        }
    }
}

/// Path of one of the project's programs: in `HOTPAIR_BIN_DIR`, or beside (or above) the running test program.
///
/// # Errors
/// When it has not been built.
pub fn binary(name: &str) -> Result<PathBuf> {
    let directories = match std::env::var_os("HOTPAIR_BIN_DIR") {
        Some(directory) => vec![PathBuf::from(directory)],
        None => std::env::current_exe()?.ancestors().skip(1).take(3).map(Path::to_owned).collect(),
    };
    directories.iter().map(|directory| directory.join(name)).find(|path| path.is_file()).with_context(|| {
        format!("program {name} is in none of {directories:?}; build it with `cargo build --workspace --bins`")
    })
}
