//! What joins the nodes: heartbeat paths, each direction by itself, and the service network that probes travel on.

use core::time::Duration;
use heartbeat_core::{PathConfig, PathTag};
use hotpair_types::{Medium, NodeId, PathName};

/// One direction of one path.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Nothing arrives.
    pub cut: bool,
    /// Percent lost.
    pub loss: u64,
    /// Percent that arrive twice.
    pub duplicate: u64,
    /// Percent that arrive damaged.
    pub corrupt: u64,
    /// Shortest delay.
    pub delay: Duration,
    /// Added at random, so that frames overtake each other.
    pub jitter: Duration,
}

impl Wire {
    fn of(medium: Medium) -> Self {
        // A slot on a disk is written, and read at the other side's next turn.
        let (delay, jitter) = match medium {
            Medium::Udp => (150, 300),
            Medium::Serial => (200, 300),
            Medium::Disk => (3_000, 90_000),
        };
        Self {
            cut: false,
            loss: 0,
            duplicate: 0,
            corrupt: 0,
            delay: Duration::from_micros(delay),
            jitter: Duration::from_micros(jitter),
        }
    }

    /// Good enough that heartbeats keep both nodes informed: what an invariant may count on.
    pub fn dependable(&self) -> bool {
        !self.cut && self.loss <= 5 && self.corrupt <= 5 && self.delay + self.jitter <= Duration::from_millis(120)
    }
}

/// Everything between the nodes.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// The paths as configured.
    pub paths: Vec<PathConfig>,
    tags: Vec<PathTag>,
    /// `wires[path][sender]`.
    pub wires: Vec<[Wire; 2]>,
    /// A node's own connection to the service network.
    pub lan_cut: [bool; 2],
    /// The service network is split between the nodes; both still reach their gateway.
    pub lan_split: bool,
    /// Percent of probes and answers lost.
    pub lan_loss: u64,
    /// `line_free[path][sender]`: when a serial line has sent what it was given.
    pub line_free: Vec<[u64; 2]>,
    /// `ports_dead[path][node]`: that port has no carrier.
    pub ports_dead: Vec<[bool; 2]>,
    /// None of a node's ports carries.
    pub carrier_lost: [bool; 2],
    /// A node's prober cannot send.
    pub probes_blocked: [bool; 2],
}

/// Bytes a second on a serial line of 115,200 baud.
pub const LINE: u64 = 11_520;
/// What a port's driver holds back before it takes no more.
pub const DRIVER: u64 = 4_096;

/// A path configuration.
pub fn path(name: &str, medium: Medium, interval: u64, lost: u32) -> Option<PathConfig> {
    Some(PathConfig {
        name: PathName::new(name).ok()?,
        medium,
        interval: Duration::from_millis(interval),
        lost,
        good: 3,
        priority: if medium == Medium::Serial { 1 } else { 10 },
        max_frame: if medium == Medium::Serial { 320 } else { 512 },
        byte_budget: (medium == Medium::Serial).then_some(5_760),
    })
}

impl Wiring {
    /// All well.
    pub fn new(paths: Vec<PathConfig>) -> Self {
        let wires = paths.iter().map(|p| [Wire::of(p.medium), Wire::of(p.medium)]).collect();
        let tags = paths.iter().map(PathConfig::tag).collect();
        let line_free = vec![[0; 2]; paths.len()];
        let ports_dead = vec![[false; 2]; paths.len()];
        Self {
            paths,
            tags,
            line_free,
            ports_dead,
            wires,
            lan_cut: [false; 2],
            lan_split: false,
            lan_loss: 0,
            carrier_lost: [false; 2],
            probes_blocked: [false; 2],
        }
    }

    /// Everything as new.
    pub fn heal(&mut self) {
        *self = Self::new(core::mem::take(&mut self.paths));
    }

    /// Which path a tag names.
    pub fn index(&self, tag: PathTag) -> Option<usize> {
        self.tags.iter().position(|t| *t == tag)
    }

    /// The tag of a path.
    pub fn tag(&self, at: usize) -> PathTag {
        self.tags[at]
    }

    /// Probes and their answers pass between the nodes.
    pub fn lan_joined(&self) -> bool {
        !self.lan_cut[0] && !self.lan_cut[1] && !self.lan_split
    }

    /// Heartbeats in both directions, on whichever paths (L3: the union of one-way paths is enough).
    pub fn heartbeats_joined(&self) -> bool {
        NodeId::BOTH.into_iter().all(|n| self.wires.iter().any(|w| w[n.index()].dependable()))
    }
}

/// Stands for the keyed tag of frames: finds every damage the simulator makes, at a small part of its price. The real one is
/// proven and fuzzed where frames are (heartbeat-core).
pub fn checksum(body: &[u8]) -> [u8; heartbeat_core::MAC_LEN] {
    let mut state = [0x9E37_79B9_7F4A_7C15_u64, 0xC2B2_AE3D_27D4_EB4F];
    let mut chunks = body.chunks_exact(8);
    for chunk in &mut chunks {
        let word = u64::from_le_bytes(chunk.try_into().unwrap_or([0; 8]));
        state[0] = (state[0] ^ word).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        state[1] = state[1].rotate_left(29) ^ state[0];
    }
    for byte in chunks.remainder() {
        state[0] = (state[0] ^ u64::from(*byte)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
        state[1] = state[1].rotate_left(29) ^ state[0];
    }
    let mut tag = [0; heartbeat_core::MAC_LEN];
    tag[..8].copy_from_slice(&state[0].to_be_bytes());
    tag[8..].copy_from_slice(&state[1].to_be_bytes());
    tag
}
