//! What arbiterd wants: one whole document with no choices left (arbiterd → resd).

use crate::arbitration::FenceOrder;
use crate::epoch::{Epoch, Generation};
use crate::ids::{BootId, GroupName};
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use serde::{Deserialize, Serialize};

/// The whole target of this node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Target {
    /// Refused if older than the accepted one; equal numbers must have equal content.
    pub generation: Generation,
    /// Boot for which the target was made: a target of an earlier boot starts nothing.
    pub boot: BootId,
    /// Every configured group.
    pub groups: BTreeMap<GroupName, GroupTarget>,
    /// The peer is to be switched off, by this order; `None`: not, or not any more.
    #[serde(default)]
    pub fence: Option<FenceOrder>,
}

/// What a group should do here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Desired {
    /// Every resource runs here.
    Started,
    /// Nothing of the group runs here.
    Stopped,
    /// Leave as it is: watch, but start, stop and repair nothing (maintenance).
    Unmanaged,
}

impl Desired {
    /// Word for logs and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Unmanaged => "unmanaged",
        }
    }
}

/// Target of one group on this node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupTarget {
    /// What it should do.
    pub desired: Desired,
    /// The ownership by which it runs here (or the highest known, when stopped).
    pub epoch: Epoch,
    /// With a lease: the instant at which resd stops the group by itself unless a newer target says otherwise.
    pub lease_expires: Option<Timestamp>,
    /// A change asks for one more round of announcements (gratuitous ARP, unsolicited NA), e.g. after a healed conflict.
    pub announce: u64,
    /// A change resets failure counters and gives failed resources a new try.
    pub clear: u64,
    /// Get ready: what may be prepared without effect (device, agent, interface) is prepared now.
    pub prepare: bool,
}
