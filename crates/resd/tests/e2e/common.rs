//! A node of its own for each test: network and mount namespace, directories, the real resd in it, driven over gRPC.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hotpair_proto::resource::v1 as api;
use hotpair_proto::resource::v1::resource_service_client::ResourceServiceClient;
use tonic::transport::Channel;

/// Far more than anything here takes: reaching it is a failure, not a delay.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const BOOT: &str = "0123456789abcdef0123456789abcdef";

/// A process that only holds namespaces.
pub struct Space {
    holder: Child,
}

impl Space {
    pub fn new() -> Self {
        // `read` ends when our end of the pipe closes: nothing is left behind if the test dies.
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "--propagation", "private", "sh", "-c", "echo ready; read x"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare; run these tests as root");
        let mut line = [0; 6];
        holder.stdout.as_mut().unwrap().read_exact(&mut line).expect("namespaces; run these tests as root");
        let space = Self { holder };
        space.sh("ip link set lo up");
        space
    }

    pub fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// A command that will run inside.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.pid().to_string(), "-n", "-m", "--", program]);
        command
    }

    /// Runs a shell line inside; it has to succeed.
    pub fn sh(&self, line: &str) -> String {
        let (ok, text) = self.try_sh(line);
        assert!(ok, "{line}: {text}");
        text
    }

    pub fn try_sh(&self, line: &str) -> (bool, String) {
        let output = self.command("sh").args(["-c", line]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A cable: `eth0` in both spaces.
pub fn cable(a: &Space, b: &Space) {
    a.sh(&format!("ip link add eth0 type veth peer name eth0 netns {}", b.pid()));
    a.sh("ip link set eth0 up");
    b.sh("ip link set eth0 up");
}

/// A node with its directories and, when started, its resd.
pub struct Node {
    pub space: Space,
    pub dir: tempfile::TempDir,
    pub name: &'static str,
    pub resd: Option<Child>,
    pub generation: u64,
    client: Option<ResourceServiceClient<Channel>>,
}

impl Node {
    /// `groups`: the `[[group]]` part of the configuration; `@DIR@` in it stands for the node's directory.
    pub fn new(name: &'static str, groups: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let head = "[pair]\nname = \"test\"\nkey_file = \"key\"\n[[node]]\nname = \"alpha\"\n[[node]]\nname = \"beta\"\n\
            [[udp]]\nname = \"lan\"\ninterface = \"eth0\"\n[udp.node.alpha]\naddress = \"10.1.0.1\"\n[udp.node.beta]\naddress = \"10.1.0.2\"\n";
        let place = dir.path().display().to_string();
        std::fs::write(dir.path().join("hotpair.toml"), format!("{head}{}", groups.replace("@DIR@", &place))).unwrap();
        let key = dir.path().join("key");
        std::fs::write(&key, "8f1d0c7a53e9b2466f80a1d92c5e7b3414d6e8f9a0b1c2d3e4f5061728394a5b\n").unwrap();
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        Self { space: Space::new(), dir, name, resd: None, generation: 0, client: None }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes an executable script.
    pub fn script(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::write(&path, text.replace("@DIR@", &self.dir.path().display().to_string())).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }

    pub async fn start(&mut self) {
        self.start_with(&[]).await;
    }

    pub async fn start_with(&mut self, environment: &[(&str, &str)]) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = self.space.command(env!("CARGO_BIN_EXE_resd"));
        command.args(["--config", self.path("hotpair.toml").to_str().unwrap(), "--node", self.name]);
        command.args(["--run-dir", self.path("run").to_str().unwrap()]);
        command.args([
            "--state-dir",
            self.path("state").to_str().unwrap(),
            "--log-level",
            "debug,h2=off,hyper=off,tower=off",
        ]);
        command.env("HOTPAIR_BOOT_ID", BOOT).envs(environment.iter().copied()).stderr(log).stdin(Stdio::null());
        self.resd = Some(command.spawn().unwrap());
        let socket = self.path("run/resd.sock");
        let (resd, log) = (self.resd.as_mut().unwrap(), self.dir.path().join("log"));
        self.client = Some(
            within("the socket", async || {
                let ended = resd.try_wait().unwrap();
                assert!(ended.is_none(), "resd has ended: {}", std::fs::read_to_string(&log).unwrap_or_default());
                let channel = hotpair_ipc::client::connect(&socket).await.ok()?;
                let mut client = ResourceServiceClient::new(channel);
                client.get_observed(api::GetObservedRequest {}).await.ok().map(|_| client)
            })
            .await,
        );
    }

    /// kill -9, and waits for the end.
    pub fn kill(&mut self) {
        let mut resd = self.resd.take().unwrap();
        resd.kill().unwrap();
        resd.wait().unwrap();
    }

    /// SIGTERM, and waits for the end in good order.
    pub fn terminate(&mut self) {
        let mut resd = self.resd.take().unwrap();
        let pid = rustix::process::Pid::from_raw(i32::try_from(resd.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(resd.wait().unwrap().success());
    }

    pub fn client(&self) -> ResourceServiceClient<Channel> {
        self.client.clone().unwrap()
    }

    /// Hands in the next target for group `g`.
    pub async fn order(&mut self, desired: api::Desired) {
        self.order_with(desired, |_| {}).await;
    }

    pub async fn order_with(&mut self, desired: api::Desired, change: impl Fn(&mut api::GroupTarget)) {
        self.generation += 1;
        let target = self.target(self.generation, desired, change);
        self.client().apply_target(api::ApplyTargetRequest { target: Some(target) }).await.unwrap();
    }

    pub fn target(
        &self,
        generation: u64,
        desired: api::Desired,
        change: impl Fn(&mut api::GroupTarget),
    ) -> api::Target {
        let mut group =
            api::GroupTarget { name: "g".into(), desired: desired.into(), epoch_number: 1, ..Default::default() };
        change(&mut group);
        api::Target { generation, boot_id: BOOT.into(), groups: vec![group], fence: None }
    }

    pub async fn view(&self) -> api::ObservedView {
        self.client().get_observed(api::GetObservedRequest {}).await.unwrap().into_inner().view.unwrap()
    }

    pub async fn group(&self) -> api::GroupObserved {
        self.view().await.groups.remove(0)
    }

    /// Waits until the group looks as wanted.
    pub async fn until(&self, what: &str, wanted: impl Fn(&api::GroupObserved) -> bool) -> api::GroupObserved {
        let mut last = None;
        let mut stream = self.client().watch_observed(api::WatchObservedRequest {}).await.unwrap().into_inner();
        let found = tokio::time::timeout(PATIENCE, async {
            while let Some(message) = stream.message().await.unwrap() {
                let group = message.view.unwrap().groups.remove(0);
                if wanted(&group) {
                    return group;
                }
                last = Some(group);
            }
            panic!("the stream ended");
        });
        match found.await {
            Ok(group) => group,
            Err(_) => panic!("no {what}: {last:#?}\n{}", std::fs::read_to_string(self.path("log")).unwrap_or_default()),
        }
    }

    pub async fn until_state(&self, state: api::GroupState) -> api::GroupObserved {
        self.until(state.as_str_name(), |g| g.state() == state).await
    }

    pub async fn up(&mut self) {
        self.order(api::Desired::Started).await;
        self.until_state(api::GroupState::Running).await;
    }

    pub async fn down(&mut self) {
        self.order(api::Desired::Stopped).await;
        self.until_state(api::GroupState::Stopped).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut resd) = self.resd.take() {
            let _ = resd.kill();
            let _ = resd.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- log of {}\n{}", self.name, std::fs::read_to_string(self.path("log")).unwrap_or_default());
        }
        for mark in marked(self.dir.path()) {
            let _ = rustix::process::kill_process(mark, rustix::process::Signal::KILL);
        }
    }
}

/// Processes whose environment names this directory: what a test's scripts have left behind.
fn marked(dir: &Path) -> Vec<rustix::process::Pid> {
    let wanted = format!("TEST_DIR={}", dir.display()).into_bytes();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|e| e.split(|b| *b == 0).any(|v| v == wanted))
    })
    .filter_map(rustix::process::Pid::from_raw)
    .collect()
}

/// Asks again until there is an answer.
#[expect(clippy::disallowed_methods, reason = "tests measure with the ordinary clock")]
pub async fn within<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "no {what} in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A loop device over a file, detached in the end.
pub struct Loop(pub String);

impl Loop {
    pub fn over(file: &Path) -> Self {
        let output = Command::new("losetup").args(["--find", "--show", file.to_str().unwrap()]).output().unwrap();
        assert!(output.status.success(), "losetup: {}", String::from_utf8_lossy(&output.stderr));
        Self(String::from_utf8(output.stdout).unwrap().trim().to_string())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &self.0]).status();
    }
}

/// Runs a command of the test itself.
pub fn tool(line: &str) {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}
