//! What third parties of the pair are asked and say: votes of the witness, the fence device, the watchdog.
//!
//! Complete documents like all others: a witness target says every vote this node wants, a view says every vote it knows of.
//! *Invariant:* nothing here grants anything by itself. A vote or a fence comes on top of the safety check, never instead of it.

use crate::epoch::Epoch;
use crate::ids::{BootId, GroupName, NodeId};
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// Every vote this node wants to hold at the witness. What is not named is given back.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct WitnessTarget {
    /// Increases with every change within one run of arbiterd.
    pub seq: u64,
    /// Group to the epoch by which it is to be held.
    pub votes: BTreeMap<GroupName, Epoch>,
}

/// What is known of the votes, as last seen at the witness.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct WitnessView {
    /// The newest [`WitnessTarget::seq`] that was taken into account.
    pub seq: u64,
    /// The witness answered the last question in time.
    pub reachable: bool,
    /// Why it did not, in words; empty if it did.
    pub reason: String,
    /// Every configured group, as far as known.
    pub votes: BTreeMap<GroupName, VoteView>,
}

/// One group's vote.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum VoteView {
    /// This node holds it.
    Held {
        /// By this epoch.
        epoch: Epoch,
        /// It ends then unless it is renewed: this node's clock, counted from *before* the request that got it was sent.
        until: Timestamp,
    },
    /// The peer holds it.
    Peer {
        /// By this epoch.
        epoch: Epoch,
    },
    /// Nobody holds it.
    Free,
    /// Not known: never to be read as free.
    #[default]
    Unknown,
}

impl VoteView {
    /// Word for logs and tables.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Held { .. } => "held",
            Self::Peer { .. } => "peer",
            Self::Free => "free",
            Self::Unknown => "unknown",
        }
    }
}

/// Order to switch the peer off, part of the target: it stands until it is replaced or taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FenceOrder {
    /// Its number: never used for another order in this boot of this node, and greater than all earlier ones.
    pub number: u64,
    /// Whom.
    pub peer: NodeId,
    /// The boot of the peer that is meant, if it is known. A confirmation says nothing of any other boot.
    pub peer_boot: Option<BootId>,
}

/// What became of a fence order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FenceReport {
    /// The order's number.
    pub number: u64,
    /// How far it is.
    pub state: FenceState,
}

/// How far a fence order is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FenceState {
    /// A device is being asked.
    Running {
        /// Its name.
        device: String,
        /// Its level, from 1.
        level: u32,
    },
    /// The device confirmed, by a second reading of the state, that the peer is off (or was reset).
    Confirmed {
        /// Its name.
        device: String,
    },
    /// No device of any level could confirm it.
    Failed {
        /// In words, with what each device said.
        reason: String,
    },
}

impl FenceState {
    /// Word for logs and tables.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Running { .. } => "running",
            Self::Confirmed { .. } => "confirmed",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Could the peer be switched off, as far as the devices' own monitors tell?
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum FenceHealth {
    /// No device is configured, or none has been asked yet.
    #[default]
    Unknown,
    /// At least one device of some level answers its monitor.
    Ready,
    /// None does.
    Broken {
        /// In words, with what each device said.
        reason: String,
    },
}

impl FenceHealth {
    /// Word for logs and tables.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ready => "ready",
            Self::Broken { .. } => "broken",
        }
    }
}

/// This node's watchdog.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum WatchdogState {
    /// Not configured, or nothing runs here that needs it.
    #[default]
    Off,
    /// It resets this node that long after the last right was renewed.
    Armed {
        /// After so long.
        timeout: Duration,
    },
    /// It is configured and cannot be relied on.
    Broken {
        /// In words.
        reason: String,
    },
}

impl WatchdogState {
    /// Word for logs and tables.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Armed { .. } => "armed",
            Self::Broken { .. } => "broken",
        }
    }
}
