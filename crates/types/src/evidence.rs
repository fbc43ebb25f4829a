//! The safety check's vocabulary (S23): probes, signs of life, verdict.

use crate::ids::NodeId;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// How a sign of life was sought.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum ProbeKind {
    /// Signed question to the peer's arbiterd, unicast.
    AskUnicast,
    /// Signed question, broadcast or multicast.
    AskBroadcast,
    /// ARP request for one of the peer's IPv4 addresses; the MAC must be the known one.
    Arp,
    /// Neighbour solicitation for one of the peer's IPv6 addresses.
    NeighbourDiscovery,
    /// ICMP or ICMPv6 echo to one of the peer's addresses.
    Echo,
    /// ARP or ND for a group's virtual address.
    VirtualAddress,
    /// Echo or ARP/ND to a reference address: tells about me, not about the peer.
    Reference,
    /// The peer's slot or lease on the shared disk.
    Disk,
    /// A third party on the network that looked for itself.
    ThirdParty,
}

impl ProbeKind {
    /// Word for logs and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AskUnicast => "ask",
            Self::AskBroadcast => "ask-broadcast",
            Self::Arp => "arp",
            Self::NeighbourDiscovery => "nd",
            Self::Echo => "echo",
            Self::VirtualAddress => "virtual-address",
            Self::Reference => "reference",
            Self::Disk => "disk",
            Self::ThirdParty => "third-party",
        }
    }
}

/// What a positive answer proves. Ordered by strength of what still works over there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum LifeSign {
    /// The peer's storage slot or lease is being written.
    Storage,
    /// The peer's kernel answers.
    Kernel,
    /// A group's virtual address answers elsewhere: somebody serves.
    Serving,
    /// The peer's hotpair software answers.
    Software,
}

impl LifeSign {
    /// Word for logs and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Kernel => "kernel",
            Self::Serving => "serving",
            Self::Software => "software",
        }
    }
}

/// One piece of evidence gathered by the prober in a round.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Evidence {
    /// A probe of this kind left this machine. `via` names interface and address for the record.
    Sent {
        /// Kind of the probe.
        probe: ProbeKind,
        /// Interface and address.
        via: String,
    },
    /// A probe of this kind could not be sent.
    SendFailed {
        /// Kind of the probe.
        probe: ProbeKind,
        /// Interface and address.
        via: String,
        /// The reason.
        error: String,
    },
    /// A sign of life of the peer.
    Life {
        /// Kind of the probe that was answered.
        probe: ProbeKind,
        /// What it proves.
        sign: LifeSign,
        /// Interface, address, MAC: for the record.
        via: String,
    },
    /// A reference address answered: this interface reaches the network.
    ReferenceAnswered {
        /// Interface and address.
        via: String,
    },
    /// A neighbour answered that it looked for itself and cannot see the peer either. Proves nothing of the peer; proves that
    /// this node reaches its neighbour.
    NeighbourCannotSee {
        /// Name and address of the neighbour.
        via: String,
    },
}

/// What the prober knows of this node's own connection to the networks, told at the start of each round.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NetworkSelfTest {
    /// Usable interfaces that have carrier.
    pub with_carrier: u32,
    /// Usable interfaces without carrier.
    pub without_carrier: u32,
    /// Reference addresses configured.
    pub references: u32,
}

/// Verdict of the safety check. Only [`Verdict::NoSign`] can lead to a takeover.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// Somebody or something of the peer answered.
    PeerAlive(LifeSign),
    /// Everything was asked in time, through working interfaces; nothing answered.
    NoSign,
    /// This node reaches nothing: it is the isolated one.
    IAmIsolated,
    /// The probes could not be sent, or the check has not run long enough. Never to be read as dead.
    Unknown,
}

impl Verdict {
    /// Word for logs and tables.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::PeerAlive(_) => "peer-alive",
            Self::NoSign => "no-sign",
            Self::IAmIsolated => "isolated",
            Self::Unknown => "unknown",
        }
    }
}

/// Who answered a signed question: part of the answer, so that an own echo never counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answerer(pub NodeId);
