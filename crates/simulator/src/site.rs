//! What a given site adds to the world: how long its resources take, what keeps its volumes from a second writer, whether it has
//! reference addresses.
//!
//! A guarded volume has a holder, as the disk lease's area or the file system's own protection on the shared disk knows it. The
//! holder's mark moves while its resd runs (or its kernel, for the file system's own protection). Nobody else gets the volume
//! while it moves; when it has stood still for long enough the next one may take it, and the old holder finds that out when it
//! goes on.

use crate::node::{Daemon, Message};
use crate::thirds::Thirds;
use crate::world::{Range, World};
use core::time::Duration;
use hotpair_types::{FailureScope, GroupName, NodeId, ResourceName};
use resource_core::{Action, OpId, Outcome, ResourceEvent, WatchdogConfig};
use std::collections::BTreeMap;

/// A resource of the world.
pub type Key = (GroupName, ResourceName);

/// What keeps the other node from writing a volume.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guard {
    /// A lease of this length on the shared disk, renewed by resd.
    Lease(Duration),
    /// The file system's own, renewed by the kernel; a mount after an unclean end waits so long.
    Kernel(Duration),
    /// The storage refuses the other node's writes from the moment of a takeover on.
    Reservation,
}

/// See the file's head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// Reference addresses are configured.
    pub references: bool,
    /// Losses that a real node notices at once (carrier, an address that is gone) are told at once, not found by a monitor.
    pub watchful: bool,
    /// Witness and fence devices.
    pub thirds: Thirds,
    /// Neighbours, by the side of the network they are on when it is split.
    pub neighbours: Vec<NodeId>,
    /// The watchdog of each node.
    pub watchdog: Option<WatchdogConfig>,
    /// Guarded volumes.
    pub guards: BTreeMap<Key, Guard>,
    /// Start and stop of single resources, where they differ from their kind's.
    pub durations: BTreeMap<Key, [Range; 2]>,
    holders: BTreeMap<Key, NodeId>,
    /// When each node's resd ran last, and its kernel.
    alive: [[u64; 2]; 2],
}

impl Default for Site {
    fn default() -> Self {
        Self {
            references: true,
            watchful: false,
            thirds: Thirds::default(),
            neighbours: Vec::new(),
            watchdog: None,
            guards: BTreeMap::new(),
            durations: BTreeMap::new(),
            holders: BTreeMap::new(),
            alive: [[0; 2]; 2],
        }
    }
}

impl World {
    /// Notes who is alive, for the marks on shared disks.
    pub fn mark_alive(&mut self) {
        if self.site.guards.is_empty() {
            return;
        }
        for node in NodeId::BOTH {
            let n = &self.nodes[node.index()];
            if n.runs(Daemon::Resd) {
                self.site.alive[node.index()][0] = self.now;
            }
            if n.on && !n.paused {
                self.site.alive[node.index()][1] = self.now;
            }
        }
    }

    /// How long the guard makes a start wait here; `Err`: it is refused, because the other node has the volume.
    ///
    /// # Errors
    /// In words.
    pub fn guard_wait(&self, node: NodeId, key: &Key) -> Result<Duration, String> {
        let (Some(guard), Some(holder)) = (self.site.guards.get(key), self.site.holders.get(key)) else {
            return Ok(Duration::ZERO);
        };
        if *holder == node {
            return Ok(Duration::ZERO);
        }
        let (seen, stands) = match guard {
            Guard::Reservation => return Ok(Duration::ZERO),
            Guard::Lease(length) => (self.site.alive[holder.index()][0], *length * 9 / 8),
            Guard::Kernel(length) => (self.site.alive[holder.index()][1], *length),
        };
        let still = Duration::from_nanos(self.now.saturating_sub(seen));
        let tick = Duration::from_millis(1);
        if still < tick && self.holds(*holder, key) {
            return Err("the other node has it".to_string());
        }
        Ok(stands.saturating_sub(still))
    }

    /// As [`World::guard_wait`], at the beginning of a start: what is free is claimed at once, so that of two that start at once one
    /// gets it.
    ///
    /// # Errors
    /// In words.
    pub fn guard_take(&mut self, node: NodeId, key: &Key) -> Result<Duration, String> {
        let wait = self.guard_wait(node, key)?;
        if wait.is_zero() && self.site.guards.contains_key(key) {
            self.site.holders.insert(key.clone(), node);
        }
        Ok(wait)
    }

    /// At the end of a start that waited: the old holder may have gone on meanwhile.
    pub fn guard_again(&mut self, node: NodeId, op: OpId) {
        let operations = &self.nodes[node.index()].resources.operations;
        let Some(key) = operations.iter().find(|o| o.op == op && o.waits).map(|o| o.key.clone()) else { return };
        let Err(text) = self.guard_wait(node, &key) else { return };
        let operations = &mut self.nodes[node.index()].resources.operations;
        if let Some(operation) = operations.iter_mut().find(|o| o.op == op) {
            operation.held = Some(text);
        }
    }

    fn holds(&self, node: NodeId, key: &Key) -> bool {
        let n = &self.nodes[node.index()];
        n.on && n.resources.real.get(key).is_some_and(|r| r.up)
    }

    /// An operation on a guarded volume has ended so.
    pub fn guard_after(&mut self, node: NodeId, key: &Key, action: Action, outcome: &Outcome) {
        if !self.site.guards.contains_key(key) || *outcome != Outcome::Ok {
            return;
        }
        match action {
            Action::Start => {
                self.site.holders.insert(key.clone(), node);
            }
            Action::Stop { .. } if self.site.holders.get(key) == Some(&node) => {
                self.site.holders.remove(key);
            }
            _ => {}
        }
    }

    /// resd goes on: leases that ran out meanwhile, or that the other node has taken, fail at once.
    pub fn guard_resume(&mut self, node: NodeId, away: Duration) {
        let lost: Vec<Key> = self
            .site
            .guards
            .iter()
            .filter(|(key, guard)| {
                let taken = self.site.holders.get(*key).is_some_and(|h| *h != node);
                let lapsed = matches!(guard, Guard::Lease(length) if away > *length);
                self.holds(node, key) && (taken || lapsed)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in lost {
            let text = "the lease ran out".to_string();
            self.notice(node, &key, ResourceEvent::Failed { text, scope: FailureScope::Resource });
        }
    }

    /// A node notices something about a resource by itself.
    pub fn notice(&mut self, node: NodeId, key: &Key, event: ResourceEvent) {
        let message = Message::Noticed { group: key.0.clone(), resource: key.1.clone(), event };
        self.hand_over(node, message);
    }

    /// How long a start or stop takes on this site, if it says so.
    pub fn site_time(&self, key: &Key, action: Action) -> Option<Range> {
        let [start, stop] = self.site.durations.get(key)?;
        match action {
            Action::Start => Some(*start),
            Action::Stop { .. } => Some(*stop),
            _ => None,
        }
    }
}
