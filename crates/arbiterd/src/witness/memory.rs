//! The store of the unit tests: a map with revisions and leases on a clock of the test's own.

use super::store::{KeptAlive, Lease, Snapshot, Store, StoreError, Stored, Transaction};
use hotpair_types::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Shared by the keepers of both nodes.
#[derive(Default)]
pub struct Inside {
    pub now: Timestamp,
    pub cluster: u64,
    pub revision: i64,
    pub term: u64,
    pub next_lease: i64,
    pub leases: BTreeMap<i64, (Duration, Timestamp)>,
    pub keys: BTreeMap<String, Stored>,
    pub down: Option<String>,
    /// A new leader between a keep-alive and the read after it.
    pub elect_after_keep_alive: bool,
    /// Time that passes inside the store before it answers.
    pub slow: Duration,
}

/// One node's connection.
#[derive(Clone, Default)]
pub struct Memory(pub Arc<Mutex<Inside>>);

impl Memory {
    pub fn with<T>(&self, change: impl FnOnce(&mut Inside) -> T) -> T {
        let mut inside = self.0.lock().unwrap();
        let result = change(&mut inside);
        inside.expire();
        result
    }

    pub fn pass(&self, time: Duration) {
        self.with(|inside| inside.now = inside.now.after(time));
    }
}

impl Inside {
    fn expire(&mut self) {
        let now = self.now;
        self.leases.retain(|_, (_, end)| now < *end);
        let leases = &self.leases;
        let before = self.keys.len();
        self.keys.retain(|_, stored| stored.lease == 0 || leases.contains_key(&stored.lease));
        self.revision += i64::from(before != self.keys.len());
    }

    fn answers(&mut self) -> Result<(), StoreError> {
        self.now = self.now.after(self.slow);
        self.expire();
        self.down.clone().map_or(Ok(()), |why| Err(StoreError::Unreachable(why)))
    }
}

impl Store for Memory {
    async fn grant(&mut self, ttl: Duration) -> Result<Lease, StoreError> {
        self.with(|inside| {
            inside.answers()?;
            inside.next_lease += 1;
            inside.leases.insert(inside.next_lease, (ttl, inside.now.after(ttl)));
            Ok(Lease { id: inside.next_lease, ttl })
        })
    }

    async fn keep_alive(&mut self, lease: i64) -> Result<KeptAlive, StoreError> {
        self.with(|inside| {
            inside.answers()?;
            let (now, term) = (inside.now, inside.term);
            let (ttl, end) = inside.leases.get_mut(&lease).ok_or(StoreError::NoLease)?;
            *end = now.after(*ttl);
            let ttl = *ttl;
            inside.term += u64::from(inside.elect_after_keep_alive);
            Ok(KeptAlive { ttl, term })
        })
    }

    async fn read(&mut self) -> Result<Snapshot, StoreError> {
        self.with(|inside| {
            inside.answers()?;
            Ok(Snapshot {
                cluster: inside.cluster,
                revision: inside.revision,
                term: inside.term,
                keys: inside.keys.clone(),
            })
        })
    }

    async fn commit(&mut self, step: &Transaction) -> Result<bool, StoreError> {
        self.with(|inside| {
            inside.answers()?;
            let holds = |(key, revision): &(String, i64)| inside.keys.get(key).map_or(0, |k| k.revision) == *revision;
            if !step.when.iter().all(holds) {
                return Ok(false);
            }
            inside.revision += 1;
            for (key, value, lease) in &step.put {
                if *lease != 0 && !inside.leases.contains_key(lease) {
                    return Err(StoreError::NoLease);
                }
                let stored = Stored { value: value.clone(), revision: inside.revision, lease: *lease };
                inside.keys.insert(key.clone(), stored);
            }
            for key in &step.delete {
                inside.keys.remove(key);
            }
            Ok(true)
        })
    }

    fn next_endpoint(&mut self) -> usize {
        1
    }

    fn endpoint(&self) -> String {
        "memory".to_owned()
    }
}
