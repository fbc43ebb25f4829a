//! SCSI-3 persistent reservations (SPC-4, 5.13): the disk itself refuses the writes of a node that has no key.
//!
//! Type 5, Write Exclusive – Registrants Only. A node's key comes from the pair and the node's number, so it is the same in
//! every boot. The rules are in [`Guard`]; how a disk is asked is behind [`Reservations`], in production the program
//! `sg_persist`.
//!
//! *Invariant:* a node whose key was taken off the disk never registers it again by the same ownership, whatever happens to
//! resd meanwhile: only a new epoch, or a clean stop in between, lets it. The epoch is kept durably before the registration.

mod guard;
mod paths;
pub mod sg_persist;

use std::path::Path;

use futures_util::future::BoxFuture;
use hotpair_types::{NodeId, PairId};
use sha2::{Digest as _, Sha256};

pub use guard::{Guard, Refused, Standing};
pub use paths::paths;
pub use sg_persist::SgPersist;

/// A node's key on the disks.
pub type Key = u64;

/// Who holds the reservation of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its key.
    pub key: Key,
    /// It is of type 5, Write Exclusive – Registrants Only.
    pub registrants_only: bool,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The disk refuses it to this node: reservation conflict.
    Conflict,
    /// The disk does not know the command.
    Unsupported(String),
    /// Anything else, in words: nothing is known.
    Unknown(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Conflict => f.write_str("the disk refuses it: reservation conflict"),
            Self::Unsupported(text) | Self::Unknown(text) => f.write_str(text),
        }
    }
}

/// An answer to come.
pub type Asked<'a, T> = BoxFuture<'a, Result<T, Failure>>;

/// The commands of persistent reservations, each on one path to a disk.
pub trait Reservations: Send + Sync + std::fmt::Debug {
    /// PERSISTENT RESERVE IN, READ KEYS: the keys of all registrations, one for each path of each node.
    fn keys<'a>(&'a self, path: &'a Path) -> Asked<'a, Vec<Key>>;
    /// READ RESERVATION.
    fn holder<'a>(&'a self, path: &'a Path) -> Asked<'a, Option<Holder>>;
    /// REGISTER AND IGNORE EXISTING KEY, over power loss where the disk can.
    fn register<'a>(&'a self, path: &'a Path, key: Key) -> Asked<'a, ()>;
    /// REGISTER with the zero key.
    fn unregister<'a>(&'a self, path: &'a Path, key: Key) -> Asked<'a, ()>;
    /// RESERVE, type 5.
    fn reserve<'a>(&'a self, path: &'a Path, key: Key) -> Asked<'a, ()>;
    /// RELEASE, type 5.
    fn release<'a>(&'a self, path: &'a Path, key: Key) -> Asked<'a, ()>;
    /// PREEMPT, type 5: takes `other` off the disk, and its reservation over.
    fn preempt<'a>(&'a self, path: &'a Path, key: Key, other: Key) -> Asked<'a, ()>;
}

/// The key of a node: not zero, the same in every boot.
pub fn key(pair: PairId, node: NodeId) -> Key {
    let mut hash = Sha256::new();
    hash.update(b"hotpair persistent reservation\0");
    hash.update(pair.0);
    hash.update([u8::from(node)]);
    let bytes = hash.finalize();
    let mut number = [0_u8; 8];
    number.copy_from_slice(&bytes[..8]);
    u64::from_be_bytes(number).max(1)
}
