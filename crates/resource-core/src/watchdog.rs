//! When this node's watchdog is armed, petted and disarmed (FAULTS A4, section 1.6).
//!
//! - Armed when an exclusive group is to start or runs here, before its first step; never for less.
//! - Petted only in a step that has just seen the right of every exclusive group that is, or may be, up here: a right that
//!   was renewed within [`FRESH`], or one that lasts longer than the watchdog and the reset together.
//! - Disarmed when every exclusive group is confirmed stopped.
//!
//! Why these two kinds of right: a takeover waits `T_take`, at least the lease, from the last moment this node may have
//! renewed. After a pet the node is silent at most `W + R` later. With a fresh renewal that is what
//! `(W + R)(1 + rho) + J <= T_take (1 - rho)` demands, `J` being [`FRESH`] and whatever the way took; with a long right it
//! ends before the lease itself does.
//!
//! A group without a lease has no right that could run out; for such a group the pet proves that this loop turns.

use crate::group::{Goal, Group};
use alloc::collections::BTreeMap;
use core::time::Duration;
use hotpair_types::{Desired, GroupName, Timestamp, WatchdogState};
use serde::{Deserialize, Serialize};

/// A renewal counts as fresh for so long after it was made: `J` of the timing inequality.
pub const FRESH: Duration = hotpair_types::timing::SAMPLING;
/// Clocks drift apart by at most one part in so many.
const RHO_INVERSE: u32 = 1_000;

/// What the core knows of the watchdog. Absent: there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchdogConfig {
    /// It resets this node so long after the last pet: `W` of the timing inequality.
    pub timeout: Duration,
    /// From the moment it fires until the node has no effect any more: `R`.
    pub reset_time: Duration,
    /// Exclusive groups and how long their leases are (`None`: no lease).
    pub groups: BTreeMap<GroupName, Option<Duration>>,
    /// An earlier run of resd in this boot may have left it armed.
    pub inherited: bool,
}

/// What is to be done with the watchdog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchdogAct {
    /// Open it, set its time; that is the first pet, too.
    Arm,
    /// The right was just seen.
    Pet,
    /// Nothing runs here that needs it: close it in the way that stops it.
    Disarm,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Watchdog {
    config: WatchdogConfig,
    /// Ordered armed, as far as the shell has not said otherwise.
    armed: bool,
    /// What the shell says.
    pub(crate) state: WatchdogState,
    /// The leases by which it was petted last.
    seen: BTreeMap<GroupName, Timestamp>,
    /// Not looked at again before, except for a renewal.
    next: Timestamp,
}

impl Watchdog {
    pub(crate) fn new(config: WatchdogConfig, now: Timestamp) -> Self {
        Self { armed: config.inherited, config, state: WatchdogState::Off, seen: BTreeMap::new(), next: now }
    }

    /// What the shell found when it did what was ordered.
    pub(crate) fn told(&mut self, state: WatchdogState, now: Timestamp) {
        self.armed = matches!(state, WatchdogState::Armed { .. });
        if matches!(state, WatchdogState::Broken { .. }) {
            self.next = now.after(self.config.timeout / 2);
        }
        self.state = state;
    }

    /// When it wants to be looked at again.
    pub(crate) fn wake(&self, groups: &[Group], now: Timestamp) -> Option<Timestamp> {
        self.mine(groups).any(needs).then(|| self.next.max(now.after(Duration::from_millis(1))))
    }

    fn mine<'a>(&'a self, groups: &'a [Group]) -> impl Iterator<Item = &'a Group> {
        groups.iter().filter(|g| self.config.groups.contains_key(&g.name))
    }

    /// What is to be done now. Called once per entry, after the goals are set and before anything is started.
    pub(crate) fn step(&mut self, groups: &[Group], now: Timestamp) -> Option<WatchdogAct> {
        if !self.mine(groups).any(needs) {
            let stopped = self.mine(groups).all(|g| !g.serving());
            if stopped && self.armed {
                self.armed = false;
                self.next = now;
                self.seen.clear();
                return Some(WatchdogAct::Disarm);
            }
            return None;
        }
        let renewed = self
            .mine(groups)
            .any(|g| lease(g).is_some_and(|lease| self.seen.get(&g.name).is_none_or(|seen| *seen < lease)));
        let broken = matches!(self.state, WatchdogState::Broken { .. });
        if now < self.next && (broken || !renewed) {
            return None;
        }
        let allowed = self.mine(groups).filter(|g| needs(g)).all(|g| self.right(g, now));
        if !allowed {
            self.next = now.after(self.config.timeout / 8);
            return None;
        }
        self.seen = self.mine(groups).filter_map(|g| Some((g.name.clone(), lease(g)?))).collect();
        self.next = now.after(self.config.timeout / 4);
        let act = if self.armed { WatchdogAct::Pet } else { WatchdogAct::Arm };
        self.armed = true;
        Some(act)
    }

    /// The group's right holds, and long enough for a pet.
    fn right(&self, group: &Group, now: Timestamp) -> bool {
        let Some(target) = &group.target else { return false };
        let Some(until) = target.lease_expires else { return true };
        let reach = self.config.timeout.saturating_add(self.config.reset_time);
        let long = now.after(reach + reach / RHO_INVERSE) <= until;
        let length = self.config.groups.get(&group.name).copied().flatten();
        // Made a lease's length before it ends.
        let fresh = length.is_some_and(|length| until > now && until.since(now) + FRESH >= length);
        long || fresh
    }
}

/// The lease of what is ordered, whatever is ordered.
fn lease(group: &Group) -> Option<Timestamp> {
    group.target.as_ref().and_then(|t| t.lease_expires)
}

/// It is to run here, or it may run here.
fn needs(group: &Group) -> bool {
    let ordered = group.target.as_ref().is_some_and(|t| t.desired == Desired::Started);
    let known_up = group.resources.iter().any(|r| r.probed && r.state != hotpair_types::ResourceState::Stopped);
    (ordered && group.goal == Goal::Up) || known_up
}
