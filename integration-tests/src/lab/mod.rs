//! A test bed: two whole hotpair nodes, a client, a switch, serial cables and shared disks on one machine.
//!
//! ```no_run
//! use integration_tests::lab::Lab;
//! # fn main() -> anyhow::Result<()> {
//! let lab = Lab::builder().serial("ser0").build()?;
//! lab.write_config("…")?;
//! lab.start_all()?;
//! lab.alpha().power_off()?;
//! # Ok(()) }
//! ```
//!
//! Everything belongs to the [`Lab`] value and ends with it: on drop, on panic, on a signal and on `kill -9` of the test
//! process (see [`ns`]); labs do not know of each other. The judges ([`vip`], [`ping`], [`http`], [`writer_log`]) look
//! from the client's side at effects and never ask a daemon.
//!
//! Threading: a lab and its nodes may be used from several threads.
pub mod clock;
pub mod disk;
pub mod etcd;
pub mod freezer;
pub mod http;
pub mod lookout;
pub mod net;
pub mod node;
pub mod ns;
pub mod packet;
pub mod ping;
pub mod process;
pub mod serial;
pub mod timeline;
pub mod vip;
pub mod writer_log;

use std::io::{PipeReader, PipeWriter};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub use disk::{Format, SharedDisk};
pub use net::{Fault, FaultId, Switch, Traffic};
pub use node::{DAEMONS, Node, binary};
pub use ns::Namespace;
pub use process::Process;
pub use serial::Cable;

/// Names of the two nodes.
pub const NODES: [&str; 2] = ["alpha", "beta"];

/// Removes the work directory when standard input, the lifeline, ends; works for a killed test process too.
const REAPER: &str = r#"trap "" HUP INT TERM; cat >/dev/null; i=0
while [ "$i" -lt 200 ]; do
  rm -rf -- "$1" 2>/dev/null; [ -e "$1" ] || exit 0
  i=$((i+1)); sleep 0.05
done; exit 1"#;

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// What a lab is to contain.
#[derive(Clone, Debug)]
pub struct LabBuilder {
    nets: Vec<String>,
    serial: Vec<String>,
    programs: Option<PathBuf>,
}

impl LabBuilder {
    /// Takes the daemons and the client from this directory instead of the place [`binary`] looks at.
    #[must_use]
    pub fn programs(mut self, dir: &Path) -> Self {
        self.programs = Some(dir.to_owned());
        self
    }

    /// Networks by name. The first is the one the client is on. Default: `lan` and `hb`.
    #[must_use]
    pub fn nets(mut self, nets: &[&str]) -> Self {
        self.nets = nets.iter().map(|net| (*net).to_owned()).collect();
        self
    }

    /// Adds a serial cable between the nodes.
    #[must_use]
    pub fn serial(mut self, name: &str) -> Self {
        self.serial.push(name.to_owned());
        self
    }

    /// Brings it up. Nothing is started on the nodes.
    ///
    /// # Errors
    /// Without root, without the tools (`ip`, `nft`), or when the kernel lacks something.
    pub fn build(&self) -> Result<Lab> {
        Lab::bring_up(self)
    }
}

/// A running test bed.
#[derive(Debug)]
pub struct Lab {
    // Dropped in this order: first what uses the namespaces, then the lifeline, then the directory.
    nodes: [Node; 2],
    client: Arc<Namespace>,
    shared: Arc<Shared>,
    reaper: Mutex<Child>,
    lifeline: Option<PipeWriter>,
}

use node::Shared;

impl Lab {
    /// Two nodes and a client on the networks `lan` and `hb`.
    ///
    /// # Errors
    /// As [`LabBuilder::build`].
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// Describes a lab.
    #[must_use]
    pub fn builder() -> LabBuilder {
        LabBuilder { nets: vec!["lan".into(), "hb".into()], serial: Vec::new(), programs: None }
    }

    fn bring_up(plan: &LabBuilder) -> Result<Self> {
        let (end, lifeline) = std::io::pipe()?;
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("hotpair-lab-{}-{number}-", std::process::id());
        let dir = tempfile::Builder::new().prefix(&prefix).tempdir().context("making the work directory")?;
        let reaper = start_reaper(dir.path(), &end)?;
        // From here on the reaper removes it, whatever happens.
        let dir = dir.keep();
        for sub in ["switch", "client"] {
            std::fs::create_dir(dir.join(sub))?;
        }
        let switch = Switch::new(&plan.nets, end.try_clone()?, &dir.join("switch"))?;
        let client = Arc::new(Namespace::boot("client", end.try_clone()?, &dir.join("client"))?);
        let first = plan.nets.first().context("a lab needs a network")?;
        switch.plug("client", &client, net::CLIENT_HOST, std::slice::from_ref(first))?;
        let shared = Arc::new(Shared {
            dir,
            switch,
            lifeline: end,
            programs: plan.programs.clone(),
            disks: Mutex::default(),
            serial: Mutex::default(),
        });
        for name in &plan.serial {
            let cable = Arc::new(Cable::new(&shared.dir, name, NODES)?);
            shared.serial.lock().unwrap_or_else(PoisonError::into_inner).push(cable);
        }
        let nodes = [Node::new(NODES[0], 1, &shared)?, Node::new(NODES[1], 2, &shared)?];
        Ok(Self { nodes, client, shared, reaper: Mutex::new(reaper), lifeline: Some(lifeline) })
    }

    /// The first node.
    #[must_use]
    pub fn alpha(&self) -> &Node {
        &self.nodes[0]
    }

    /// The second node.
    #[must_use]
    pub fn beta(&self) -> &Node {
        &self.nodes[1]
    }

    /// Both nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node; 2] {
        &self.nodes
    }

    /// The node of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn node(&self, name: &str) -> Result<&Node> {
        self.nodes.iter().find(|node| node.name() == name).with_context(|| format!("no node {name:?}"))
    }

    /// The other node.
    #[must_use]
    pub fn peer_of(&self, node: &Node) -> &Node {
        if node.name() == NODES[0] { self.beta() } else { self.alpha() }
    }

    /// The client machine, on the first network.
    #[must_use]
    pub fn client(&self) -> &Arc<Namespace> {
        &self.client
    }

    /// The switch.
    #[must_use]
    pub fn switch(&self) -> &Switch {
        &self.shared.switch
    }

    /// Work directory; below it one directory per node.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// Number of network `net`, for [`net::ipv4`] and the like.
    ///
    /// # Errors
    /// When there is no such network.
    pub fn net(&self, net: &str) -> Result<usize> {
        self.shared.switch.index(net)
    }

    /// A virtual IPv4 address on the first network: `number` 0..=99 gives 10.77.1.100 and up.
    #[must_use]
    pub fn vip4(number: u8) -> Ipv4Addr {
        net::ipv4(0, 100 + number.min(99))
    }

    /// A virtual IPv6 address on the first network.
    #[must_use]
    pub fn vip6(number: u8) -> Ipv6Addr {
        net::ipv6(0, 100 + number.min(99))
    }

    /// Which node has this hardware address on `net`.
    #[must_use]
    pub fn owner_of_mac(&self, net: usize, mac: [u8; 6]) -> Option<&Node> {
        self.nodes.iter().find(|node| net::mac(net, node.host()) == mac)
    }

    /// The serial cable of that name.
    ///
    /// # Errors
    /// When the lab was built without it.
    pub fn cable(&self, name: &str) -> Result<Arc<Cable>> {
        self.shared
            .cables()
            .into_iter()
            .find(|cable| cable.name() == name)
            .with_context(|| format!("no cable {name:?}"))
    }

    /// Makes a disk that both nodes see.
    ///
    /// # Errors
    /// When the name is taken, no loop device can be had or mkfs fails.
    pub fn add_disk(&self, name: &str, bytes: u64, format: Format) -> Result<Arc<SharedDisk>> {
        let disk = Arc::new(SharedDisk::new(&self.shared.dir, name, bytes, format, &NODES)?);
        self.shared.disks.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&disk));
        Ok(disk)
    }

    /// Adds a disk of zeros that can hang, by [`SharedDisk::freeze`]: both nodes see it through a loop device over one file.
    ///
    /// # Errors
    /// As [`Lab::add_disk`], and when the kernel has no FUSE.
    pub fn add_freezable_disk(&self, name: &str, bytes: u64) -> Result<Arc<SharedDisk>> {
        let disk = Arc::new(SharedDisk::freezable(&self.shared.dir, name, bytes, &NODES)?);
        self.shared.disks.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&disk));
        Ok(disk)
    }

    /// The disk of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn disk(&self, name: &str) -> Result<Arc<SharedDisk>> {
        self.shared.disks().into_iter().find(|disk| disk.name() == name).with_context(|| format!("no disk {name:?}"))
    }

    /// All disks so far.
    #[must_use]
    pub fn all_disks(&self) -> Vec<Arc<SharedDisk>> {
        self.shared.disks()
    }

    /// All serial cables.
    #[must_use]
    pub fn all_cables(&self) -> Vec<Arc<Cable>> {
        self.shared.cables()
    }

    /// Writes the configuration that both nodes use.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_config(&self, text: &str) -> Result<PathBuf> {
        let path = self.shared.dir.join("hotpair.toml");
        std::fs::write(&path, text).context("writing the configuration")?;
        Ok(path)
    }

    /// Writes a file into the work directory, readable by its owner only (keys).
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_private(&self, name: &str, text: &str) -> Result<PathBuf> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = self.shared.dir.join(name);
        let mut file = std::fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    }

    /// Starts all daemons on both nodes.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn start_all(&self) -> Result<()> {
        self.nodes.iter().try_for_each(Node::start_all)
    }

    /// Cuts the nodes from each other on every network and cable; client and nodes still see each other.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn split(&self) -> Result<Vec<FaultId>> {
        let faults: Vec<Fault> = self
            .shared
            .switch
            .nets()
            .iter()
            .flat_map(|net| {
                [(0, 1), (1, 0)].map(|(from, to)| Fault { to: Some(NODES[to].into()), ..Fault::from(net, NODES[from]) })
            })
            .collect();
        let ids = self.shared.switch.add_faults(&faults)?;
        self.shared.cables().iter().for_each(|cable| cable.cut());
        Ok(ids)
    }

    /// Ends every fault on the networks and the cables (not a power loss, a vanished device or a lost carrier).
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn heal_all(&self) -> Result<()> {
        self.shared.cables().iter().for_each(|cable| cable.heal());
        self.shared.switch.heal_all()
    }

    /// Waits until `condition` holds and returns how long that took. A condition that cannot be asked counts as not met.
    ///
    /// # Errors
    /// When it does not hold within `timeout`: what was awaited, the last answer, and the end of every daemon's log.
    pub fn wait_until(
        &self,
        what: &str,
        timeout: Duration,
        mut condition: impl FnMut() -> Result<bool>,
    ) -> Result<Duration> {
        let start = clock::now();
        loop {
            let answer = condition();
            let took = clock::now().saturating_sub(start);
            if matches!(answer, Ok(true)) {
                return Ok(took);
            }
            if took >= timeout {
                bail!("not within {timeout:?}: {what}; last answer: {answer:?}\n{}", self.dump());
            }
            clock::pause(Duration::from_millis(5));
        }
    }

    /// State of all daemons and the end of their logs, for failure messages.
    #[must_use]
    pub fn dump(&self) -> String {
        let mut text = String::new();
        for node in &self.nodes {
            text.push_str(&format!("=== {} ({})\n", node.name(), if node.is_on() { "power on" } else { "no power" }));
            for daemon in DAEMONS {
                if let Ok(process) = node.daemon(daemon) {
                    text.push_str(&format!(
                        "{daemon}: pid {}, exit status {:?}\n",
                        process.pid(),
                        process.exit_status()
                    ));
                }
                if node.log_mark(daemon) > 0 {
                    text.push_str(&node.log_tail(daemon, 15));
                }
            }
        }
        text
    }

    /// Address of a machine on a network, as text for a configuration.
    ///
    /// # Errors
    /// When there is no such network.
    pub fn address(&self, node: &Node, net: &str, v6: bool) -> Result<IpAddr> {
        let index = self.net(net)?;
        Ok(if v6 { net::ipv6(index, node.host()).into() } else { net::ipv4(index, node.host()).into() })
    }
}

fn start_reaper(dir: &Path, lifeline: &PipeReader) -> Result<Child> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", REAPER, "hotpair-lab-reaper"]).arg(dir).stdin(lifeline.try_clone()?);
    command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).current_dir("/");
    command.spawn().context("starting the reaper")
}

impl Drop for Lab {
    fn drop(&mut self) {
        for node in &self.nodes {
            if node.is_on()
                && let Err(error) = node.power_off()
            {
                eprintln!("lab: {error:#}");
            }
        }
        for machine in [&*self.client, self.shared.switch.ns()] {
            if let Err(error) = machine.kill(&[]) {
                eprintln!("lab: {error:#}");
            }
        }
        for disk in self.shared.disks() {
            for node in NODES {
                if let Err(error) = disk.wait_unused(node, Duration::from_secs(10)) {
                    eprintln!("lab: {error:#}");
                }
            }
            disk.detach();
        }
        // The end of the lifeline: the reaper removes the directory.
        drop(self.lifeline.take());
        let mut reaper = self.reaper.lock().unwrap_or_else(PoisonError::into_inner);
        match reaper.wait() {
            Ok(status) if status.success() => {}
            other => eprintln!("lab: {} was not removed: {other:?}", self.shared.dir.display()),
        }
    }
}
