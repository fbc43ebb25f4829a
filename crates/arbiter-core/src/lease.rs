//! The right to run, and how long it lasts: leases for resd, and the wait of a takeover for the peer's.
//!
//! *Invariant:* a right is prolonged only by the peer's promise, by a vote that is held, or where the configuration binds it to
//! neither, by what the safety check says. What ran out is never prolonged, only granted anew.

use crate::Arbiter;
use crate::facts::{PeerPresence, Phase, Right, Sign};
use crate::group::Group;
use crate::io::{Failback, Output};
use crate::safety::Need;
use core::time::Duration;
use hotpair_types::{Desired, Generation, GroupTarget, Target, Timestamp};

/// A lease is renewed when a third of it has passed.
const LEASE_RENEWALS: u32 = 3;
/// An offer that the peer does not take within this time is taken back.
pub(crate) const OFFER_LIFE: Duration = Duration::from_secs(15);

/// What the right to all groups rests on at this moment.
#[derive(Clone, Copy)]
struct Ground {
    /// Leases that rest on evidence may be prolonged.
    renew: bool,
    /// What ran out may be granted anew.
    grant: bool,
    /// The peer promises to take nothing over, is confirmed to be off, or a person vouches that it is.
    alone: bool,
}

impl Arbiter {
    fn ground(&self) -> Ground {
        // Whether this node is the isolated one must be known before a right is prolonged in silence.
        let renew = match self.need() {
            Need::Off => true,
            Need::Late | Need::Silent => matches!(self.sign(), Sign::Alive(_) | Sign::None),
            // It lives, and says that it does not hear this node: only an answer to a question shows that it is not alone.
            Need::Unheard => matches!(self.sign(), Sign::Alive(_)),
        };
        // What ran out is not prolonged but granted anew: by the peer's word, or by its death.
        let grant = self.vouched
            || match self.presence() {
                PeerPresence::Heard => self.synced(),
                PeerPresence::Silent => self.sign() == Sign::None,
                PeerPresence::Unknown => false,
            };
        Ground { renew, grant, alone: self.vouched || self.promised() || self.peer_fenced() }
    }

    /// Whether a right to run the group here is given at this moment, where that rests on promise or vote.
    pub(crate) fn right(&self, group: &Group, now: Timestamp) -> Right {
        if !self.bound(group) {
            return Right::Unbound;
        }
        let held = self.next_epoch(group).is_some_and(|epoch| self.vote_held(group, epoch, now).is_some());
        if held || self.ground().alone { Right::Given } else { Right::Missing }
    }

    /// Whether the right to a group that rests on promise or vote has ended: its lease ran out, and stays so until the right is
    /// given anew.
    pub(crate) fn right_ended(&self, group: &Group, now: Timestamp) -> bool {
        if !self.bound(group)
            || group.steward() != self.me()
            || self.ground().grant && self.right(group, now) == Right::Given
        {
            return false;
        }
        let over = group.lease_expires.is_some_and(|expires| now >= expires);
        group.right_ended || (group.desired == Desired::Started && over)
    }

    /// The lease for the next target: renewed when a third has passed, kept as it was when the right is in doubt.
    fn lease(&self, group: &Group, ground: Ground, now: Timestamp) -> Option<Timestamp> {
        let lease = group.config.lease.filter(|_| group.desired == Desired::Started)?;
        let (renew, longest) = if self.bound(group) {
            let vote = self.vote_held(group, group.epoch, now);
            match (ground.alone, vote) {
                (true, _) => (true, now.after(lease)),
                (false, Some(until)) => (true, now.after(lease).min(until)),
                (false, None) => (false, now),
            }
        } else {
            (ground.renew, now.after(lease))
        };
        // A new run of arbiterd goes on with the lease by which the group runs: it grants no second one without ground.
        let running = || group.observed.as_ref().filter(|o| o.serving).and_then(|o| o.lease_expires);
        match group.lease_expires.or_else(running) {
            Some(expires) if now >= expires && !ground.grant => Some(expires),
            Some(expires) if !renew || now < expires.before(lease - lease / LEASE_RENEWALS) => Some(expires),
            Some(expires) => Some(longest.max(expires)),
            // A right that is not given is one that has ended: no lease at all would be one without end.
            None => Some(longest),
        }
    }

    /// Gives resd a new target if it differs from the accepted one.
    pub(crate) fn retarget(&mut self, now: Timestamp) {
        let Some(observed) = self.observed.as_ref().filter(|_| self.resd_alive) else { return };
        let accepted = observed.generation;
        let ground = self.ground();
        let leases: alloc::vec::Vec<_> = self.groups.iter().map(|g| self.lease(g, ground, now)).collect();
        for (group, lease) in self.groups.iter_mut().zip(leases) {
            group.lease_expires = lease;
        }
        let fence = self.fence_order();
        let newest = self.target.as_ref().map(|t| t.generation).max(accepted);
        // resd that lost its state, or a target it never got, must be told again.
        let known_there = self.target.as_ref().is_some_and(|t| accepted.is_none_or(|a| a <= t.generation));
        // Compared before it is made, since most evaluations change nothing.
        let same = |t: &Target| {
            t.groups.len() == self.groups.len()
                && self.groups.iter().all(|g| t.groups.get(&g.config.name) == Some(&self.group_target(g)))
        };
        if known_there && self.target.as_ref().is_some_and(|t| t.fence == fence && same(t)) {
            return;
        }
        let groups = self.groups.iter().map(|g| (g.config.name.clone(), self.group_target(g))).collect();
        let generation = Generation(newest.unwrap_or_default().0.saturating_add(1));
        let target = Target { generation, boot: self.seed.boot, groups, fence };
        self.target = Some(target.clone());
        self.outputs.push_back(Output::Target(target));
    }

    /// What resd is to do with the group now.
    fn group_target(&self, group: &Group) -> GroupTarget {
        // What is left running for a moment longer still runs by the right it was started by.
        let told = self.target.as_ref().and_then(|t| t.groups.get(&group.config.name)).map(|t| t.epoch);
        let by = told.or_else(|| group.observed.as_ref().map(|o| o.epoch));
        let mine = group.epoch.owner() == Some(self.config.node);
        let epoch = by.filter(|_| group.desired == Desired::Started && !mine).unwrap_or(group.epoch);
        GroupTarget {
            desired: group.desired,
            epoch,
            lease_expires: group.lease_expires,
            announce: group.announce,
            clear: group.settings.value.clear + group.local_clear,
            prepare: group.desired == Desired::Stopped && group.config.nodes.contains(&self.config.node),
        }
    }

    /// Instants at which something about the group may have to be decided afresh; those that lie behind have no effect.
    pub(crate) fn group_deadlines(&self, group: &Group) -> [Option<Timestamp>; 11] {
        let settings = &group.settings.value;
        let failback = match group.config.failback {
            Failback::Auto(after) if group.preferred() != self.config.node && group.steward() == self.config.node => {
                group.peer_ready_since.map(|since| since.after(after))
            }
            Failback::Auto(_) | Failback::Manual | Failback::Never => None,
        };
        let lease = group.config.lease;
        let vote = self.next_epoch(group).and_then(|epoch| self.vote_held(group, epoch, self.evaluated));
        [
            settings.frozen.map(|u| u.0),
            settings.maintenance.map(|u| u.0),
            settings.moves.iter().map(|u| u.0).min(),
            group.failed_until.map(|u| u.0),
            group.release_blocked_until.map(|u| u.0),
            group.intent.as_ref().map(|i| i.since.after(crate::orders::REQUEST_LIFE)),
            (group.phase == Phase::Released).then(|| group.phase_since.after(OFFER_LIFE)),
            failback,
            lease.zip(group.lease_expires).map(|(lease, expires)| expires.before(lease - lease / LEASE_RENEWALS)),
            group.lease_expires,
            vote,
        ]
    }

    /// When the peer's right to the group has certainly run out, where that is waited for: the term, counted from the last moment at
    /// which the peer may have renewed it.
    pub(crate) fn lease_over(&self, group: &Group) -> Option<Timestamp> {
        let term = group.config.guards.take_after.or_else(|| {
            let lease = group.config.lease.filter(|_| group.config.wait_for_lease)?;
            Some(hotpair_types::timing::take_after(lease))
        })?;
        // The peer goes on renewing until it has noticed that it is not heard: this node says in each heartbeat whether it hears the
        // peer until its own paths are down, and such a heartbeat counts over there for as long again.
        let detection = self.view.iter().flat_map(|v| &v.paths).map(|p| p.interval * p.lost).max().unwrap_or_default();
        Some(self.heard_at.after(term + detection * 2))
    }

    /// When the peer's disk lease of the group has certainly run out, if it was seen to move: resd waits an eighth longer than it
    /// lasts, too.
    pub(crate) fn disk_lease_over(&self, group: &Group) -> Option<Timestamp> {
        let lasts = group.config.guards.disk_lease?;
        let moved = group.observed.as_ref()?.peer_lease?;
        Some(moved.after(lasts + lasts / 8))
    }
}
