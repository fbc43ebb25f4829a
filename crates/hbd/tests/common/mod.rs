//! Two real hbd processes, each in a network namespace of its own, joined by two virtual Ethernet cables and a serial
//! cable (a pty pair with a relay that can be cut, blocked, or made noisy). Everything ends with the value.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use hotpair_proto::heartbeat::v1 as api;
use hotpair_proto::heartbeat::v1::heartbeat_service_client::HeartbeatServiceClient;
use hotpair_runtime::clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tonic::transport::Channel;

/// Generous: machines that run tests are slow and busy.
pub const LIMIT: Duration = Duration::from_secs(20);
pub const KEY: &str = "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210";

pub type Client = HeartbeatServiceClient<Channel>;

/// The nodes' names.
pub const NODES: [&str; 2] = ["alpha", "beta"];

pub struct Lab {
    pub dir: tempfile::TempDir,
    holders: [Child; 2],
    pub hbd: [Option<Child>; 2],
    pub cable: Cable,
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

fn must(mut command: Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Lab {
    /// Namespaces and cables; no hbd runs yet. `serial` is the baud rate of the serial path, if there is to be one.
    pub fn new(serial: Option<u32>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let holders = NODES.map(|_| {
            let mut holder = command("unshare", &["--net", "--", "cat"]);
            holder.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("namespaces need root")
        });
        let cable = Cable::new([dir.path().join("tty-alpha"), dir.path().join("tty-beta")]);
        let lab = Self { dir, holders, hbd: [None, None], cable };
        lab.await_namespaces();
        for (name, addresses) in [("v4", ["10.77.0.1/24", "10.77.0.2/24"]), ("v6", ["fd77::1/64", "fd77::2/64"])] {
            let other = lab.holders[1].id().to_string();
            must(lab.within(0, &["ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", &other]));
            for (node, address) in addresses.into_iter().enumerate() {
                let mut add = vec!["ip", "addr", "add", address, "dev", name];
                if name == "v6" {
                    add.push("nodad");
                }
                must(lab.within(node, &add));
                must(lab.within(node, &["ip", "link", "set", name, "up"]));
            }
        }
        lab.write_key(0, KEY);
        lab.write_key(1, KEY);
        lab.write_config(&config(serial, 5));
        lab
    }

    fn await_namespaces(&self) {
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        for holder in &self.holders {
            let path = format!("/proc/{}/ns/net", holder.id());
            wait_until("the namespace exists", || fs::read_link(&path).is_ok_and(|ns| ns != own));
        }
    }

    /// A command inside a node's network namespace.
    pub fn within(&self, node: usize, words: &[&str]) -> Command {
        let target = self.holders[node].id().to_string();
        let mut all = vec!["--net", "--target", &target, "--"];
        all.extend_from_slice(words);
        command("nsenter", &all)
    }

    pub fn run(&self, node: usize, words: &[&str]) {
        must(self.within(node, words));
    }

    pub fn node_dir(&self, node: usize) -> PathBuf {
        self.dir.path().join(NODES[node])
    }

    pub fn write_key(&self, node: usize, key: &str) {
        fs::create_dir_all(self.node_dir(node)).unwrap();
        let path = self.node_dir(node).join("hotpair.key");
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
        file.write_all(key.as_bytes()).unwrap();
    }

    /// The same text for both nodes; each has its directory, so that keys can differ.
    pub fn write_config(&self, text: &str) {
        for node in 0..2 {
            let text = text.replace("TTY", &self.dir.path().join("tty").display().to_string());
            fs::write(self.node_dir(node).join("hotpair.toml"), text).unwrap();
        }
    }

    pub fn start(&mut self, node: usize) {
        let dir = self.node_dir(node);
        let log = fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
        let path = |name: &str| dir.join(name).display().to_string();
        let (config, run) = (path("hotpair.toml"), path("run"));
        let hbd = env!("CARGO_BIN_EXE_hbd");
        let words =
            [hbd, "--config", &config, "--node", NODES[node], "--run-dir", &run, "--log-level", "debug,h2=info"];
        self.hbd[node] = Some(self.within(node, &words).stderr(log).spawn().unwrap());
    }

    pub fn signal(&self, node: usize, signal: Signal) {
        let child = self.hbd[node].as_ref().unwrap();
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// Waits for the end of a node's hbd.
    pub fn ended(&mut self, node: usize) -> ExitStatus {
        let child = self.hbd[node].as_mut().unwrap();
        wait_until("hbd has ended", || child.try_wait().unwrap().is_some());
        self.hbd[node].take().unwrap().wait().unwrap()
    }

    pub async fn client(&self, node: usize) -> Client {
        let socket = self.node_dir(node).join("run/hbd.sock");
        let end = clock::now().after(LIMIT);
        loop {
            match hotpair_ipc::client::connect(&socket).await {
                Ok(channel) => return HeartbeatServiceClient::new(channel),
                Err(error) => assert!(clock::now() < end, "{error}\n{}", self.log(node)),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn log(&self, node: usize) -> String {
        fs::read_to_string(self.node_dir(node).join("log")).unwrap_or_default()
    }

    /// Watches a node's view until the condition holds; returns that view.
    pub async fn until(&self, node: usize, what: &str, condition: impl Fn(&api::PeerView) -> bool) -> api::PeerView {
        let mut client = self.client(node).await;
        let mut views = client.watch_peer(api::WatchPeerRequest {}).await.unwrap().into_inner();
        let mut last = None;
        let found = tokio::time::timeout(LIMIT, async {
            loop {
                let view = views.message().await.unwrap().unwrap().view.unwrap();
                if condition(&view) {
                    return view;
                }
                last = Some(view);
            }
        });
        found.await.unwrap_or_else(|_| panic!("{}: {what}: {last:#?}\n{}", NODES[node], self.log(node)))
    }

    /// Both nodes see all paths green in both directions.
    pub async fn all_green(&self) {
        for node in 0..2 {
            self.until(node, "all green", |v| !v.paths.is_empty() && v.paths.iter().all(is_green)).await;
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in self.hbd.iter_mut().flatten().chain(self.holders.iter_mut()) {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

pub fn config(serial: Option<u32>, lost: u32) -> String {
    let mut text =
        "[pair]\nname = \"test\"\nkey_file = \"hotpair.key\"\n[[node]]\nname = \"alpha\"\n[[node]]\nname = \"beta\"\n"
            .to_owned();
    for (name, addresses) in [("v4", ["10.77.0.1", "10.77.0.2"]), ("v6", ["fd77::1", "fd77::2"])] {
        text += &format!("[[udp]]\nname = \"{name}\"\ninterval = \"50ms\"\nlost = {lost}\n");
        for (node, address) in NODES.iter().zip(addresses) {
            text += &format!("[udp.node.{node}]\ninterface = \"{name}\"\naddress = \"{address}\"\n");
        }
    }
    if let Some(baud) = serial {
        text += &format!("[[serial]]\nname = \"cable\"\ninterval = \"100ms\"\nlost = 5\nbaud = {baud}\n");
        for node in NODES {
            text += &format!("[serial.node.{node}]\ndevice = \"TTY-{node}\"\n");
        }
    }
    text
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = clock::now().after(LIMIT);
    while !condition() {
        assert!(clock::now() < end, "not in time: {what}");
        nap();
    }
}

fn nap() {
    let nap = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
    let _: Result<usize, rustix::io::Errno> = poll(&mut [], Some(&nap));
}

pub fn path<'a>(view: &'a api::PeerView, name: &str) -> &'a api::PathView {
    view.paths.iter().find(|p| p.name == name).unwrap()
}

pub fn is_green(path: &api::PathView) -> bool {
    let up = |d: &Option<api::DirectionView>| d.as_ref().is_some_and(|d| d.state() == api::PathState::Up);
    up(&path.rx) && up(&path.tx)
}

pub fn rx(view: &api::PeerView, name: &str) -> (api::PathState, api::PathCause) {
    let rx = path(view, name).rx.clone().unwrap();
    (rx.state(), rx.cause())
}

pub fn tx(view: &api::PeerView, name: &str) -> (api::PathState, api::PathCause) {
    let tx = path(view, name).tx.clone().unwrap();
    (tx.state(), tx.cause())
}

pub fn stats(view: &api::PeerView, name: &str) -> api::PathStats {
    path(view, name).stats.unwrap()
}

const WHOLE: u8 = 0;
const CUT: u8 = 1;
const BLOCKED: u8 = 2;
const END: u8 = 3;

/// A serial cable: two pseudo terminals and a thread that carries bytes between them.
pub struct Cable {
    state: Arc<AtomicU8>,
    noise: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Cable {
    fn new(devices: [PathBuf; 2]) -> Self {
        let masters = devices.map(|device| plug(&device));
        let (state, noise) = (Arc::new(AtomicU8::new(WHOLE)), Arc::<Mutex<Vec<u8>>>::default());
        let (thread_state, thread_noise) = (state.clone(), noise.clone());
        let thread = Some(std::thread::spawn(move || carry(&masters, &thread_state, &thread_noise)));
        Self { state, noise, thread }
    }

    pub fn cut(&self) {
        self.state.store(CUT, Ordering::Relaxed);
    }

    /// Nobody takes bytes any more: the ports fill up, as with flow control asserted.
    pub fn block(&self) {
        self.state.store(BLOCKED, Ordering::Relaxed);
    }

    pub fn repair(&self) {
        self.state.store(WHOLE, Ordering::Relaxed);
    }

    /// Bytes that arrive at both ends.
    pub fn noise(&self, bytes: &[u8]) {
        self.noise.lock().unwrap().extend_from_slice(bytes);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.state.store(END, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn plug(link: &Path) -> OwnedFd {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    rustix::fs::fcntl_setfl(&master, OFlags::RDWR | OFlags::NONBLOCK).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    symlink(ptsname(&master, Vec::new()).unwrap().to_str().unwrap(), link).unwrap();
    master
}

fn carry(masters: &[OwnedFd; 2], state: &AtomicU8, noise: &Mutex<Vec<u8>>) {
    let mut buffer = [0_u8; 4096];
    loop {
        let now = state.load(Ordering::Relaxed);
        if now == END {
            return;
        }
        let limit = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
        let mut fds = [PollFd::new(&masters[0], PollFlags::IN), PollFd::new(&masters[1], PollFlags::IN)];
        let ready = if now == BLOCKED { Ok(0) } else { poll(&mut fds, Some(&limit)) };
        let mut moved = false;
        if ready.is_ok_and(|n| n > 0) {
            for (from, to) in [(0, 1), (1, 0)] {
                // A terminal nobody has open reads as an error: nothing to carry.
                let length = rustix::io::read(&masters[from], &mut buffer).unwrap_or(0);
                moved |= length > 0;
                if now == WHOLE && length > 0 {
                    let _: Result<usize, rustix::io::Errno> = rustix::io::write(&masters[to], &buffer[..length]);
                }
            }
        }
        for bytes in std::mem::take(&mut *noise.lock().unwrap()).chunks(64) {
            for master in masters {
                let _: Result<usize, rustix::io::Errno> = rustix::io::write(master, bytes);
            }
        }
        if !moved {
            nap();
        }
    }
}
