//! The vocabulary that all crates share: identifiers, time, and the three whole-state documents that
//! travel between the daemons (view of the peer, target, view of the resources) and between the nodes (advert).
//!
//! Pure values with invariants; nothing here can fail except construction from text or numbers.
//! *Invariant:* no IO, clock, randomness or allocation surprises; `no_std` keeps it so.
//! *Invariant:* documents are complete states with a sequence number. They are replaced, never patched.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod advert;
pub mod arbitration;
pub mod epoch;
pub mod evidence;
pub mod guarantee;
pub mod ids;
pub mod observed;
pub mod peer_view;
pub mod target;
pub mod time;
pub mod timing;

pub use advert::{
    Advert, Claim, GroupAdvert, GroupSettings, NodeMode, NodeSettings, Offer, Readiness, Request, RequestId,
    RequestKind, Stamp, Stamped, Until,
};
pub use arbitration::{
    FenceHealth, FenceOrder, FenceReport, FenceState, VoteView, WatchdogState, WitnessTarget, WitnessView,
};
pub use epoch::{Epoch, Generation};
pub use evidence::{Evidence, LifeSign, NetworkSelfTest, ProbeKind, Verdict};
pub use guarantee::GuaranteeLevel;
pub use ids::{BootId, Digest, GroupName, IdError, Incarnation, NodeId, NodeName, PairId, PathName, ResourceName};
pub use observed::{
    Failure, FailureScope, GroupObserved, GroupState, ObservedView, ReadinessIssue, ResourceObserved, ResourceState,
};
pub use peer_view::{
    Direction, DirectionView, Medium, PathCause, PathState, PathStats, PathView, PeerIdentity, PeerView,
    ReceivedAdvert, Stall,
};
pub use target::{Desired, GroupTarget, Target};
pub use time::Timestamp;
