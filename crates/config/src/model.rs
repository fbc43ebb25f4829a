//! The validated configuration: what the daemons run by. Only `hotpair_config::load` makes one, so every relation
//! between values has been checked when a `Config` exists.
//!
//! One file, the same on both nodes; values that differ per node are held in [`PerNode`].

pub use hotpair_types::GuaranteeLevel;
use hotpair_types::{Digest, GroupName, Medium, NodeId, NodeName, PairId, PathName, ResourceName};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A value for each of the two nodes, in the order of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerNode<T>(pub [T; 2]);

impl<T> PerNode<T> {
    /// The value of a node.
    pub fn of(&self, node: NodeId) -> &T {
        let [first, second] = &self.0;
        if node == NodeId::FIRST { first } else { second }
    }
}

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it was read from.
    pub file: PathBuf,
    /// Digest over the meaning of the file (not its comments): compared between the nodes.
    pub digest: Digest,
    /// The pair.
    pub pair: Pair,
    /// The two nodes, in order.
    pub nodes: [Node; 2],
    /// Heartbeat paths, in the order of the file.
    pub paths: Vec<Path>,
    /// The safety check.
    pub safety_check: SafetyCheck,
    /// Others who look at the peer from where they stand.
    pub neighbours: Vec<Neighbour>,
    /// The third place that votes.
    pub witness: Option<Witness>,
    /// Devices that switch nodes off, in the order of the file.
    pub fences: Vec<Fence>,
    /// The watchdog.
    pub watchdog: Option<Watchdog>,
    /// Behaviour at boot.
    pub boot: Boot,
    /// History and other housekeeping.
    pub history: History,
    /// Groups, in the order of the file.
    pub groups: Vec<Group>,
}

/// `[pair]`
#[derive(Clone)]
pub struct Pair {
    /// Its name.
    pub name: String,
    /// Id on the wire, from name and key.
    pub id: PairId,
    /// The shared key: 32 bytes or more.
    pub key: Key,
    /// Where the key was read from.
    pub key_file: PathBuf,
}

/// The pair's secret key; wiped on drop, never printed.
#[derive(Clone)]
pub struct Key(pub(crate) zeroize::Zeroizing<Vec<u8>>);

impl Key {
    /// The bytes, for a MAC.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").field("name", &self.name).field("id", &self.id).finish_non_exhaustive()
    }
}

/// `[[node]]`
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// Further own addresses of the node, beside those of its UDP paths, that the safety check asks.
    pub addresses: Vec<IpAddr>,
}

/// A heartbeat path (`[[udp]]`, `[[serial]]`, `[[disk]]`).
#[derive(Clone, Debug)]
pub struct Path {
    /// Its name.
    pub name: PathName,
    /// Time between two heartbeats.
    pub interval: Duration,
    /// Consecutive misses until the path is down; at least 2.
    pub lost: u32,
    /// Consecutive arrivals until it is up again; at least 1.
    pub good: u32,
    /// Higher is preferred for adverts.
    pub priority: u8,
    /// What it runs over.
    pub link: Link,
}

impl Path {
    /// Time from the last heartbeat until the path is down: `interval × lost`.
    pub fn detection(&self) -> Duration {
        self.interval.saturating_mul(self.lost)
    }

    /// Its medium.
    pub fn medium(&self) -> Medium {
        match self.link {
            Link::Udp { .. } => Medium::Udp,
            Link::Serial { .. } => Medium::Serial,
            Link::Disk { .. } => Medium::Disk,
        }
    }
}

/// What a path runs over.
#[derive(Clone, Debug)]
pub enum Link {
    /// IP datagrams.
    Udp {
        /// UDP port on both nodes.
        port: u16,
        /// Interface and address of each node; both addresses of one family.
        ends: PerNode<UdpEnd>,
    },
    /// RS-232.
    Serial {
        /// Bits per second; frames are 8N1, 10 bits a byte.
        baud: u32,
        /// Device of each node.
        device: PerNode<PathBuf>,
    },
    /// Slots on a shared disk.
    Disk {
        /// Partition, block device or file, as each node calls it.
        device: PerNode<PathBuf>,
        /// Where the area begins, in bytes; a multiple of 4096.
        offset: u64,
    },
}

/// One end of a UDP path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpEnd {
    /// Interface to which the socket is bound.
    pub interface: String,
    /// Own address on it.
    pub address: IpAddr,
}

/// `[safety_check]`
#[derive(Clone, Debug)]
pub struct SafetyCheck {
    /// UDP port of the signed question.
    pub port: u16,
    /// The check must have run this long, with nothing heard, before it may say "no sign".
    pub window: Duration,
    /// Pause between two rounds of probes while the silence lasts.
    pub interval: Duration,
    /// Addresses that should always answer (gateway …): if they are configured and none answers, this node is the isolated one.
    pub references: Vec<IpAddr>,
    /// Interfaces the check must not use.
    pub exclude_interfaces: Vec<String>,
    /// A round in which fewer neighbours answered proves nothing.
    pub neighbours_required: u32,
}

/// `[[neighbour]]`
#[derive(Clone)]
pub struct Neighbour {
    /// Its name, for people.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// UDP port on which it answers.
    pub port: u16,
    /// The key shared with it.
    pub key: Key,
    /// Where that was read from.
    pub key_file: PathBuf,
}

impl std::fmt::Debug for Neighbour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Neighbour").field("name", &self.name).field("address", &self.address).finish_non_exhaustive()
    }
}

/// `[witness]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Members of the etcd cluster, `http(s)://host:port`; at least one.
    pub endpoints: Vec<String>,
    /// User and file with the password.
    pub login: Option<(String, PathBuf)>,
    /// Certificate authority; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// Own certificate and its private key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// A vote lasts so long after its last renewal; whole seconds.
    pub ttl: Duration,
    /// Limit of one question.
    pub timeout: Duration,
}

/// `[[fence]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The node that it switches off.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// The agent's program.
    pub agent: PathBuf,
    /// Tried in ascending order; all devices of one level together.
    pub level: u32,
    /// What is asked of it.
    pub action: FenceAction,
    /// The agent's parameters that may be seen.
    pub parameters: BTreeMap<String, String>,
    /// Files that hold the values of secret parameters.
    pub secrets: BTreeMap<String, PathBuf>,
    /// The arbiter waits so long before it orders.
    pub delay: Duration,
    /// Limit of one run of the agent.
    pub timeout: Duration,
    /// Tries.
    pub attempts: u32,
}

/// What is asked of a fence device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceAction {
    /// Off, and left so.
    Off,
    /// Off, and on again once that is confirmed.
    Reboot,
}

/// `[watchdog]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// Device of each node.
    pub device: PerNode<PathBuf>,
    /// It fires so long after the last pet; whole seconds.
    pub timeout: Duration,
    /// From then on, until nothing of the node has an effect.
    pub reset_time: Duration,
}

/// `[boot]`
#[derive(Clone, Debug)]
pub struct Boot {
    /// A node that hears nobody waits so long after arbiterd's first start of a boot before it may serve.
    pub wait: Duration,
    /// What it may serve alone then.
    pub alone: BootAlone,
}

/// What a node that boots alone may serve, after the wait and a safety check without a sign of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootAlone {
    /// Groups it was last active for, and groups that were never active anywhere.
    LastActive,
    /// Every group.
    Any,
    /// None: a person decides (`hotpair vouch-peer-off`).
    Never,
}

/// `[history]`
#[derive(Clone, Debug)]
pub struct History {
    /// Events kept at most.
    pub max_events: u64,
}

/// `[[group]]`
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// Nodes it may run on, most preferred first; one or two.
    pub nodes: Vec<NodeId>,
    /// When it returns to the preferred node.
    pub failback: Failback,
    /// What a silent peer with no sign of life leads to.
    pub on_silence: OnSilence,
    /// Guarantee level without which it is never taken over.
    pub require: GuaranteeLevel,
    /// With it, resd stops the group by itself when arbiterd has not renewed the right for so long; a takeover waits it out.
    pub lease: Option<Duration>,
    /// Automatic moves allowed within `move_window` before the group is held where it is.
    pub max_moves: u32,
    /// The window for `max_moves`.
    pub move_window: Duration,
    /// Resources in start order.
    pub resources: Vec<Resource>,
}

/// When a group returns to its preferred node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failback {
    /// When a person says so.
    Manual,
    /// When the preferred node has been ready for so long.
    Auto {
        /// Stability time.
        after: Duration,
    },
    /// Never, not even by `standby` of … the preferred node is a preference at first start only.
    Never,
}

/// What a silent peer with no sign of life leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSilence {
    /// Take over (S23).
    Takeover,
    /// Hold and raise an alarm; a person decides.
    Hold,
}

/// `[[group.resource]]`
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its name, unique within the group.
    pub name: ResourceName,
    /// Resources of the same group that must run first (by default the one before it in the file).
    pub after: Vec<ResourceName>,
    /// What it is.
    pub kind: Kind,
    /// Time limits and monitoring.
    pub ops: Operations,
    /// Local recovery.
    pub recovery: Recovery,
}

/// Time limits and monitor intervals of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operations {
    /// A start that takes longer has failed.
    pub start_timeout: Duration,
    /// A stop that takes longer has failed.
    pub stop_timeout: Duration,
    /// A monitor that takes longer is late.
    pub monitor_timeout: Duration,
    /// Time between two monitors; never zero.
    pub monitor_interval: Duration,
    /// Time between two deep monitors; `None`: no deep ones.
    pub deep_interval: Option<Duration>,
    /// Consecutive late monitors that count as one failure.
    pub late_limit: u32,
}

/// Local recovery of a resource (S12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Restarts on the spot within `window` before the group counts as failed here.
    pub restarts: u32,
    /// The window.
    pub window: Duration,
    /// Pause before the second restart; doubles with each further one, up to 60 s.
    pub backoff: Duration,
    /// When a stop cannot be confirmed even by force.
    pub on_stop_failure: OnStopFailure,
}

/// When a stop cannot be confirmed even by force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStopFailure {
    /// Hold everything and raise an alarm.
    Hold,
    /// Restart this node's kernel at once: what could not be stopped stops.
    SelfFence,
}

/// What a resource is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A virtual address (S3 S15).
    Ip(IpResource),
    /// A file system on a shared volume (S14).
    Volume(VolumeResource),
    /// A program (S18 S19).
    App(AppResource),
}

impl Kind {
    /// The word in `kind = "…"`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ip(_) => "ip",
            Self::Volume(_) => "volume",
            Self::App(_) => "app",
        }
    }
}

/// `kind = "ip"`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpResource {
    /// The virtual address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
    /// Interface of each node.
    pub interface: PerNode<String>,
    /// Look for another holder before start (ARP probe, DAD) for so long; zero: no check.
    pub conflict_check: Duration,
    /// Announcements right after start.
    pub announce_count: u32,
    /// Pause between them.
    pub announce_interval: Duration,
    /// Re-announce while active, each so often; `None`: never.
    pub announce_refresh: Option<Duration>,
    /// Addresses of which at least one must answer (ARP/ND or echo) for the network to count as working (S6); may be empty.
    pub reachability: Vec<IpAddr>,
    /// Preferred as source address of outgoing traffic? If not, it is deprecated for that (IPv6 preferred_lft 0, IPv4 secondary).
    pub source: bool,
}

/// `kind = "volume"`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeResource {
    /// Block device of each node: a /dev path, `UUID=…` or `LABEL=…`.
    pub device: PerNode<String>,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// File system type.
    pub fs: FsType,
    /// Mount options, comma separated.
    pub options: Vec<String>,
    /// What to do before mounting.
    pub fsck: FsckPolicy,
    /// What keeps the other node from writing.
    pub protection: VolumeProtection,
}

/// File systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsType {
    /// ext4.
    Ext4,
    /// XFS.
    Xfs,
}

impl FsType {
    /// As mount(8) knows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }
}

/// File-system check before mounting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsckPolicy {
    /// Journal replay and safe repairs only (`fsck -p`; XFS: replay by mount).
    Preen,
    /// None.
    Skip,
}

/// What keeps the other node from writing the volume (S14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeProtection {
    /// hotpair's disk lease in a small area that both nodes reach: device or file of each node, and how long a lease lasts.
    Lease {
        /// Device or file of each node.
        device: PerNode<PathBuf>,
        /// A lease ends so long after its last renewal.
        duration: Duration,
    },
    /// The multiple-mount protection of ext4 (the file system must have the feature `mmp`).
    Mmp,
    /// SCSI-3 persistent reservation, Write Exclusive – Registrants Only: the disk refuses the other node.
    Reservation,
    /// Nothing: guarantee level stays at evidence; requires a group lease that a takeover waits out.
    None,
}

/// `kind = "app"`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppResource {
    /// How it is run.
    pub runner: Runner,
    /// Environment variables added for its commands.
    pub environment: BTreeMap<String, String>,
}

/// How an application is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runner {
    /// Own scripts. Each is an argument vector; no shell.
    Exec {
        /// Returns when the program runs.
        start: Vec<String>,
        /// Returns when it does not.
        stop: Vec<String>,
        /// Exit code tells: see `codes`.
        monitor: Vec<String>,
        /// Deep check, if any.
        deep_monitor: Option<Vec<String>>,
        /// Meaning of the monitor's exit codes.
        codes: ExitCodes,
    },
    /// A systemd unit.
    Systemd {
        /// Unit name, with suffix.
        unit: String,
    },
    /// An OCF resource agent.
    Ocf {
        /// `provider:type`, as `heartbeat:pgsql`.
        agent: String,
        /// Its parameters (OCF_RESKEY_…); unset ones are left out.
        parameters: BTreeMap<String, String>,
    },
}

/// Exit codes of a monitor script. LSB: 0 running, 3 (1, 2) not running. Every other code is a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitCodes {
    /// Running.
    pub running: Vec<u8>,
    /// Not running, cleanly.
    pub stopped: Vec<u8>,
}

impl Config {
    /// The node with this name.
    pub fn node_id(&self, name: &str) -> Option<NodeId> {
        NodeId::BOTH.into_iter().find(|id| self.node(*id).name.as_str() == name)
    }

    /// A node by number.
    pub fn node(&self, id: NodeId) -> &Node {
        let [first, second] = &self.nodes;
        if id == NodeId::FIRST { first } else { second }
    }

    /// A group by name.
    pub fn group(&self, name: &GroupName) -> Option<&Group> {
        self.groups.iter().find(|g| g.name == *name)
    }

    /// The fence devices that switch `node` off, by level.
    pub fn fences_of(&self, node: NodeId) -> Vec<&Fence> {
        let mut found: Vec<&Fence> = self.fences.iter().filter(|f| f.node == node).collect();
        found.sort_by_key(|f| f.level);
        found
    }

    /// The slowest path's `interval × lost`: the time from the last heartbeat until a takeover can begin.
    pub fn detection(&self) -> Duration {
        self.paths.iter().map(Path::detection).max().unwrap_or_default()
    }
}
