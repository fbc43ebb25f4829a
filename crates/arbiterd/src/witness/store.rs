//! What the vote needs of a third place: leases, reads and an atomic compare-and-set. One small trait; etcd is the
//! production, a map in memory the stand-in of the unit tests.
//!
//! Contract of every implementation: each call ends within the configured time limit; nothing is retried inside; a read is
//! linearizable (it shows everything that was answered before it was asked); one call after the other (`&mut self`).

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

/// Why the store could not be asked, or what it refused, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No answer, or no connection: another endpoint may do better.
    #[error("{0}")]
    Unreachable(String),
    /// It answered and said no: login, permissions, its own trouble.
    #[error("{0}")]
    Refused(String),
    /// The lease is not known there (any more).
    #[error("the lease has expired at the witness")]
    NoLease,
}

/// A lease at the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Its number there; never 0.
    pub id: i64,
    /// How long it lives after each keep-alive, as granted: the store may grant more than was asked.
    pub ttl: Duration,
}

/// Answer to a keep-alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptAlive {
    /// How long the lease lives from now on.
    pub ttl: Duration,
    /// The store's term of leadership, by the server that answered.
    pub term: u64,
}

/// A key as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Content.
    pub value: Vec<u8>,
    /// The revision in which it was last changed; never 0.
    pub revision: i64,
    /// The lease it hangs on; 0: none.
    pub lease: i64,
}

/// Everything below the prefix, in one instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Which store this is: stays the same for as long as its memory does.
    pub cluster: u64,
    /// The store's revision: never goes back while it keeps its memory.
    pub revision: i64,
    /// The term of leadership.
    pub term: u64,
    /// Keys, without the prefix.
    pub keys: BTreeMap<String, Stored>,
}

/// One atomic step: done as a whole if every condition holds, else nothing is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transaction {
    /// Key, and the revision it must still have; 0: it must not exist.
    pub when: Vec<(String, i64)>,
    /// Key, value, lease (0: none).
    pub put: Vec<(String, Vec<u8>, i64)>,
    /// Keys to remove.
    pub delete: Vec<String>,
}

/// The third place. Keys are given without the pair's prefix.
pub trait Store: Send {
    /// Takes a lease that lives at least `ttl`.
    fn grant(&mut self, ttl: Duration) -> impl Future<Output = Result<Lease, StoreError>> + Send;

    /// Keeps a lease alive. [`StoreError::NoLease`] if it has expired.
    fn keep_alive(&mut self, lease: i64) -> impl Future<Output = Result<KeptAlive, StoreError>> + Send;

    /// Reads everything below the prefix.
    fn read(&mut self) -> impl Future<Output = Result<Snapshot, StoreError>> + Send;

    /// Tries a step; `false`: a condition did not hold.
    fn commit(&mut self, step: &Transaction) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Forgets the connection, so that the next call tries the next place to reach the store at. How many there are.
    fn next_endpoint(&mut self) -> usize;

    /// The place it is reached at now, for people.
    fn endpoint(&self) -> String;
}
