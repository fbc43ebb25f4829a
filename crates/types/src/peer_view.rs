//! What hbd knows of the peer: one whole document, replaced at each change (hbd → arbiterd).

use crate::ids::{BootId, Digest, Incarnation, PathName};
use crate::time::Timestamp;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// hbd's whole view of the peer and of every path to it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PeerView {
    /// Increases with every change within one run of hbd.
    pub seq: u64,
    /// Which run of hbd says so.
    pub hbd: Incarnation,
    /// When the view was made.
    pub taken_at: Timestamp,
    /// The peer's hbd as last authenticated, if it was heard since hbd started.
    pub peer: Option<PeerIdentity>,
    /// Newest moment at which a sign of life *was sent* at the earliest, over all paths (see heartbeat-core: freshness).
    pub last_heard: Option<Timestamp>,
    /// One entry per configured path, in the order of the configuration.
    pub paths: Vec<PathView>,
    /// hbd's own last stall, if any: the peer's clocks were restarted then.
    pub last_stall: Option<Stall>,
    /// Number of own stalls since hbd started.
    pub stalls: u64,
    /// The newest complete advert of the peer's arbiter, if any.
    pub advert: Option<ReceivedAdvert>,
    /// Digest of our own advert that the peer's hbd has confirmed to hold completely.
    pub own_advert_confirmed: Option<Digest>,
}

impl PeerView {
    /// Some path hears the peer well or recently: at least one receive direction is up or late.
    pub fn any_path_alive(&self) -> bool {
        self.paths.iter().any(|p| matches!(p.rx.state, PathState::Up | PathState::Late))
    }

    /// Every path's receive direction is down (S23 a). False with no path at all: nothing was judged.
    pub fn all_paths_down(&self) -> bool {
        !self.paths.is_empty() && self.paths.iter().all(|p| p.rx.state == PathState::Down)
    }

    /// Every path's receive direction is at least late: the safety check may start speculatively (B5).
    pub fn all_paths_late(&self) -> bool {
        !self.paths.is_empty() && self.paths.iter().all(|p| matches!(p.rx.state, PathState::Late | PathState::Down))
    }
}

/// Who the authenticated peer process is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PeerIdentity {
    /// Boot of the peer's kernel.
    pub boot: BootId,
    /// Run of the peer's hbd.
    pub incarnation: Incarnation,
    /// Protocol version (major, minor) it speaks.
    pub version: (u8, u8),
    /// Its hbd said that it stops on purpose (an upgrade, a restart): not a failure of anything.
    pub leaving: bool,
    /// Digest of the configuration the peer's hbd runs.
    pub config_digest: Digest,
}

/// An own stall: the loop woke much later than planned. A recorded fact, never held against the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stall {
    /// When it was noticed.
    pub at: Timestamp,
    /// How much too late.
    pub gap: Duration,
}

/// The peer arbiter's advert as it arrived; opaque bytes to hbd.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReceivedAdvert {
    /// Digest of `bytes`.
    pub digest: Digest,
    /// The encoded advert.
    pub bytes: Vec<u8>,
    /// When the last missing chunk arrived.
    pub received_at: Timestamp,
    /// True when the peer's hbd says that its arbiter has not confirmed this advert lately (its arbiterd is gone or stuck).
    pub stale: bool,
}

/// Medium of a path. Several paths on one medium, interface or switch fail together (S24).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Medium {
    /// IP datagrams over a network interface (S25).
    Udp,
    /// RS-232 null-modem line (S26).
    Serial,
    /// Slots on a shared disk.
    Disk,
}

impl Medium {
    /// Word for logs and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Serial => "serial",
            Self::Disk => "disk",
        }
    }
}

/// Judgement of one direction of a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub enum PathState {
    /// Not yet judged: just started, or nothing known of this direction.
    #[default]
    Unknown,
    /// Green: heartbeats arrive.
    Up,
    /// Yellow: at least one expected heartbeat is missing.
    Late,
    /// Red: `lost` consecutive heartbeats missing, or the own port is known dead.
    Down,
}

impl PathState {
    /// Word for logs and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Late => "late",
            Self::Down => "down",
        }
    }
}

/// Direction of a path as seen from this node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Direction {
    /// Peer to me.
    Receive,
    /// Me to peer; known from what the peer reports.
    Transmit,
}

/// Best-supported cause of a direction's state (S27 where the medium is serial).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PathCause {
    /// Nothing wrong, or nothing known.
    None,
    /// No frame was ever heard on this path since hbd started.
    NeverHeard,
    /// Consecutive heartbeats are missing; the count.
    Missed(u32),
    /// The own port has no carrier or its modem lines show no partner.
    NoCarrier,
    /// The own interface or device does not exist; the text says which.
    DeviceMissing(String),
    /// The own port answers with an error; the text is the operating system's.
    IoError(String),
    /// Own port works, modem lines say that the partner is connected, but nothing arrives.
    PartnerSilent,
    /// The peer says that it does not hear us on this path.
    PeerDoesNotHear,
    /// The peer was not heard lately on any path, so nothing is known of this direction.
    NoReport,
    /// Frames arrive, but are older than the path's detection time.
    Stale,
    /// Frames arrive that fail authentication: key or pair differs.
    Unauthenticated,
    /// Own frames come back: loopback plug or reflection.
    OwnEcho,
    /// A read or write of the own device has not returned for so long that it counts as hung; the text says what and how long.
    Hanging(String),
    /// The area on the shared disk holds something else: another pair's slots or foreign data; the text says what was found.
    /// Nothing was written there.
    ForeignArea(String),
    /// The peer's slot on the shared disk is torn, wiped or overwritten; the text says how. Never evidence that the peer is dead.
    DamagedSlot(String),
}

/// One direction of one path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DirectionView {
    /// Judgement.
    pub state: PathState,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub cause: PathCause,
}

/// One path as judged by this node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PathView {
    /// Its name.
    pub name: PathName,
    /// Its medium.
    pub medium: Medium,
    /// Higher is preferred for adverts and listed first; never decides which paths beat.
    pub priority: u8,
    /// Time between two heartbeats.
    pub interval: Duration,
    /// Consecutive misses until down.
    pub lost: u32,
    /// Peer → me.
    pub rx: DirectionView,
    /// Me → peer.
    pub tx: DirectionView,
    /// Statistics since hbd started.
    pub stats: PathStats,
}

/// Counters and measurements of a path since hbd started.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PathStats {
    /// Frames handed to the medium.
    pub sent: u64,
    /// Frames that could not be handed to the medium (port blocked, error).
    pub send_failures: u64,
    /// Authentic frames that counted as sign of life.
    pub received: u64,
    /// Expected heartbeats that did not arrive in time.
    pub missed: u64,
    /// Times the receive direction turned late.
    pub late: u64,
    /// Times the receive direction turned down.
    pub down: u64,
    /// Frames dropped: authentication failed.
    pub bad_mac: u64,
    /// Frames dropped: other pair.
    pub foreign: u64,
    /// Frames dropped: replayed, duplicate or from an old run of the peer.
    pub replayed: u64,
    /// Frames dropped: too old when they arrived.
    pub stale: u64,
    /// Frames dropped: own frames that came back.
    pub own_echo: u64,
    /// Frames dropped: unsupported version.
    pub version: u64,
    /// Frames or bytes dropped: not a frame (length, checksum, framing).
    pub malformed: u64,
    /// Last round-trip time, microseconds (without the peer's holding time).
    pub rtt_last_us: u32,
    /// Smallest round-trip time seen.
    pub rtt_min_us: u32,
    /// Smoothed round-trip time (RFC 6298: 1/8 gain).
    pub rtt_avg_us: u32,
    /// Largest round-trip time seen.
    pub rtt_max_us: u32,
    /// Smoothed deviation of inter-arrival times, microseconds (RFC 3550, section 6.4.1).
    pub jitter_us: u32,
    /// Duration of the last write to the medium, microseconds (disk paths only, like the five below; 0: none yet).
    #[serde(default)]
    pub write_last_us: u32,
    /// Smoothed duration of writes (1/8 gain).
    #[serde(default)]
    pub write_avg_us: u32,
    /// Longest write.
    #[serde(default)]
    pub write_max_us: u32,
    /// Duration of the last read.
    #[serde(default)]
    pub read_last_us: u32,
    /// Smoothed duration of reads (1/8 gain).
    #[serde(default)]
    pub read_avg_us: u32,
    /// Longest read.
    #[serde(default)]
    pub read_max_us: u32,
}
