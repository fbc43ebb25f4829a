//! What the arbiters tell each other: each one's whole state, carried by hbd over whichever path is up.
//!
//! Both sides decide from the same two adverts. Settings that belong to the pair (freeze, maintenance, standby) are
//! small last-writer-wins registers with a [`Stamp`], merged on receipt, so that a setting made on either node, in
//! either order, ends the same on both.

use crate::epoch::Epoch;
use crate::ids::{BootId, Digest, GroupName, Incarnation, NodeId};
use crate::observed::GroupState;
use crate::time::Timestamp;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// One arbiter's whole state.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Advert {
    /// Who speaks.
    pub node: NodeId,
    /// Its boot.
    pub boot: BootId,
    /// Its run of arbiterd.
    pub arbiter: Incarnation,
    /// Increases with every change within one run.
    pub seq: u64,
    /// Newest peer advert it has taken into account: (run, seq). (0, 0): none.
    pub seen: (Incarnation, u64),
    /// Digest of its configuration: if different, the peer takes nothing over automatically (FAULTS S14).
    pub config: Digest,
    /// Protocol version of adverts (major, minor).
    pub version: (u16, u16),
    /// It is still in its boot wait: it holds back.
    pub booting: bool,
    /// It is stopping on purpose (shutdown of the node): its groups may be taken once released.
    pub leaving: bool,
    /// Its resd is connected and answers.
    pub resd_alive: bool,
    /// Node settings, one per node (index = node number).
    pub nodes: [Stamped<NodeSettings>; 2],
    /// Every group of its configuration, in order.
    pub groups: Vec<GroupAdvert>,
    /// Requests made at this node that the peer has to act on, until it has confirmed them.
    pub requests: Vec<Request>,
    /// Requests of the peer that this node has finished with (acted on or refused), with the outcome.
    pub done: Vec<(RequestId, String)>,
}

/// A group in an advert.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupAdvert {
    /// Its name.
    pub name: GroupName,
    /// Highest epoch this node knows of (durable here).
    pub epoch: Epoch,
    /// This node's stand.
    pub claim: Claim,
    /// State of its resources here.
    pub state: GroupState,
    /// Anything of it is, or may be, up here.
    pub serving: bool,
    /// Could it run here?
    pub ready: Readiness,
    /// It failed here and local recovery is exhausted.
    pub failed: bool,
    /// Settings of the group, replicated.
    pub settings: Stamped<GroupSettings>,
}

/// A node's stand towards a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Claim {
    /// It does not own the group.
    None,
    /// It owns the group by its epoch, and runs it or is about to.
    Owner,
    /// It owns the group and is stopping it in order to hand it over.
    Releasing,
    /// It owns the group by epoch, has *confirmed* that nothing of it runs here, and offers it.
    Released(Offer),
}

/// An offer of a released group. The one it is made to may take the group with the next epoch.
///
/// A withdrawn offer (claim goes back to [`Claim::Owner`]) is final for the owner only once the peer has *seen* the withdrawal and not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Offer {
    /// To whom.
    pub to: NodeId,
    /// Grows with each offer of this epoch.
    pub number: u64,
}

/// Could a group run on a node?
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Readiness {
    /// Not yet looked, or resd is silent.
    Unknown,
    /// Nothing stands against it.
    Ready,
    /// Something does; in words. `network` is true if only this node's network is at fault (S6).
    NotReady {
        /// In words.
        reason: String,
        /// True if the network is (also) at fault.
        network: bool,
    },
}

/// Version of a replicated setting: higher counter wins, of equal ones the first node's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stamp {
    /// Grows with each change.
    pub counter: u64,
    /// Where it was made.
    pub node: NodeId,
}

impl Stamp {
    /// Never set.
    pub const NEVER: Self = Self { counter: 0, node: NodeId::FIRST };

    /// True if `self` replaces `other`.
    pub fn newer_than(self, other: Self) -> bool {
        self.counter > other.counter || (self.counter == other.counter && self.node < other.node)
    }
}

/// A setting with its version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stamped<T> {
    /// The version.
    pub stamp: Stamp,
    /// The setting.
    pub value: T,
}

/// May a node host groups?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum NodeMode {
    /// Yes.
    #[default]
    Online,
    /// No: it gives its groups to the peer as soon as the peer can take them, and takes none.
    Standby,
}

/// Replicated settings of a node.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NodeSettings {
    /// May it host groups?
    pub mode: NodeMode,
}

/// Replicated settings of a group. Each ends by itself (FAULTS O03).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct GroupSettings {
    /// No automatic move until then; repair on the spot goes on.
    pub frozen: Option<Until>,
    /// hotpair starts, stops and repairs nothing of the group until then.
    pub maintenance: Option<Until>,
    /// Failures seen before this counter are forgiven; grows with each `clear`.
    pub clear: u64,
    /// Automatic moves of the group are counted here; a quarantined group is held (FAULTS S13).
    pub moves: Vec<Until>,
}

/// The end of something, in this node's clock. On the wire and on disk it travels as the time *left*, since clocks are not shared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Until(pub Timestamp);

impl Until {
    /// Time left at `now`; zero if over.
    pub fn left(self, now: Timestamp) -> Duration {
        self.0.since(now)
    }

    /// True while it lasts.
    pub fn lasts(self, now: Timestamp) -> bool {
        now < self.0
    }
}

/// Identity of a request: made at a node, by a run of its arbiter, with a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RequestId {
    /// Where it was made.
    pub node: NodeId,
    /// By which run of arbiterd.
    pub arbiter: Incarnation,
    /// Grows.
    pub number: u64,
}

/// A request that the other node has to act on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Its identity: acted on once.
    pub id: RequestId,
    /// What is asked.
    pub kind: RequestKind,
    /// Who asked, for the record (`root`, a user name).
    pub by: String,
}

/// What can be asked of the other node. (Settings need no request: they are replicated.)
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RequestKind {
    /// Hand the group over to `to`.
    Switchover {
        /// Which group.
        group: GroupName,
        /// To whom.
        to: NodeId,
    },
}
