//! Third parties: which votes this node wants, what is known of them, and the one order to switch the peer off.
//!
//! *Invariant:* a vote that is not known is neither held nor free. A vote counts only by the epoch for which it is wanted.
//! *Invariant:* an order to switch the peer off is bound to one silence and one boot of the peer: as soon as the peer shows any sign of
//! life it is taken back, and whatever is said of it later counts no more.

use crate::Arbiter;
use crate::facts::{Fence, PeerPresence, Phase, Sign, Vote};
use crate::group::Group;
use crate::io::{Output, Severity};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use core::time::Duration;
use hotpair_types::{
    BootId, Desired, Epoch, FenceOrder, FenceReport, FenceState, GuaranteeLevel, PathState, Timestamp, VoteView,
    WitnessTarget, WitnessView,
};
use serde::{Deserialize, Serialize};

/// After fencing failed, it is tried again so much later, for as long as a group waits for it.
const FENCE_RETRY: Duration = Duration::from_secs(60);

/// What is known of third parties.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// The witness's newest word.
    pub(crate) witness: Option<WitnessView>,
    /// Votes wanted, as last told, and since when.
    target: Option<(WitnessTarget, Timestamp)>,
    /// The peer is to be switched off.
    pub(crate) shot: Option<Shot>,
    /// Number of the newest order.
    newest: u64,
}

/// Switching the peer off, within one silence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Shot {
    /// Since when a group waits for it.
    since: Timestamp,
    /// The order, once the delay is over.
    pub(crate) order: Option<FenceOrder>,
    /// What became of it.
    pub(crate) state: Option<FenceState>,
    /// Since when it has failed.
    failed_at: Option<Timestamp>,
}

impl Arbiter {
    /// The witness's word.
    pub(crate) fn on_witness(&mut self, view: WitnessView, now: Timestamp) {
        let was = self.arbitration.witness.as_ref().map(|w| w.reachable);
        let reason = view.reason.clone();
        match (was, view.reachable) {
            (Some(true) | None, false) => {
                self.event(now, "E260", Severity::Warning, None, Some("witness".to_string()), &[("reason", reason)]);
            }
            (Some(false), true) => {
                self.event(now, "E261", Severity::Info, None, Some("witness".to_string()), &[]);
            }
            _ => {}
        }
        self.report_votes(&view, now);
        self.arbitration.witness = Some(view);
    }

    /// The witness cannot be asked.
    pub(crate) fn on_witness_gone(&mut self, reason: String, now: Timestamp) {
        let known = self.arbitration.witness.clone().unwrap_or_default();
        self.on_witness(WitnessView { reachable: false, reason, ..known }, now);
    }

    /// A vote that was got or lost is worth an entry.
    fn report_votes(&mut self, view: &WitnessView, now: Timestamp) {
        let old = self.arbitration.witness.as_ref();
        let mut news = alloc::vec::Vec::new();
        for group in &self.groups {
            let name = &group.config.name;
            let before = old.and_then(|w| w.votes.get(name)).copied().unwrap_or_default();
            let (id, severity, epoch) = match (before, view.votes.get(name).copied().unwrap_or_default()) {
                (VoteView::Held { epoch: old, .. }, VoteView::Held { epoch, .. }) if old == epoch => continue,
                (_, VoteView::Held { epoch, .. }) => ("E262", Severity::Info, epoch),
                (VoteView::Held { .. }, VoteView::Peer { epoch }) => ("E263", Severity::Warning, epoch),
                _ => continue,
            };
            news.push((name.clone(), id, severity, epoch.to_string()));
        }
        for (name, id, severity, epoch) in news {
            self.event(now, id, severity, Some(name), None, &[("epoch", epoch)]);
        }
    }

    /// Whether the group's right to run here rests on the vote: it demands that, and has a lease that ends without it.
    pub(crate) fn bound(&self, group: &Group) -> bool {
        self.config.arbitration.witness.is_some()
            && group.config.guards.require >= GuaranteeLevel::Witnessed
            && group.config.lease.is_some()
    }

    /// The peer's promise: it is heard, and says by its reports that it hears this node on some path. While that is so, it takes
    /// nothing over.
    pub(crate) fn promised(&self) -> bool {
        let alive = |state| matches!(state, PathState::Up | PathState::Late);
        self.presence() == PeerPresence::Heard
            && self.view.iter().flat_map(|v| &v.paths).any(|p| alive(p.rx.state))
            && self.view.iter().flat_map(|v| &v.paths).any(|p| alive(p.tx.state))
    }

    /// The peer is heard, and says that it hears this node on no path: it may be about to take over.
    pub(crate) fn unheard(&self) -> bool {
        let paths = || self.view.iter().flat_map(|v| &v.paths);
        self.presence() == PeerPresence::Heard
            && paths().next().is_some()
            && paths().all(|p| p.tx.state == PathState::Down)
    }

    /// The epoch by which the group's vote is wanted, if it is.
    fn wanted_vote(&self, group: &Group) -> Option<Epoch> {
        if let Some(epoch) = group.seeking {
            return Some(epoch);
        }
        if let Some(taking) = group.taking {
            return Some(taking.epoch);
        }
        let mine = group.epoch.owner() == Some(self.me()) && matches!(group.phase, Phase::Normal | Phase::Releasing);
        let runs = group.desired == Desired::Started || self.may_be_up(group) || group.authorised.is_some();
        (mine && runs).then_some(group.epoch)
    }

    /// Until when the vote for that epoch is held here, if it is.
    pub(crate) fn vote_held(&self, group: &Group, wanted: Epoch, now: Timestamp) -> Option<Timestamp> {
        match self.arbitration.witness.as_ref()?.votes.get(&group.config.name)? {
            VoteView::Held { epoch, until } if *epoch == wanted && now < *until => Some(*until),
            _ => None,
        }
    }

    /// The epoch that a takeover, or a start here, would go by.
    pub(crate) fn next_epoch(&self, group: &Group) -> Option<Epoch> {
        let me = self.me();
        match group.phase {
            Phase::Normal if group.epoch.owner() == Some(me) => Some(group.epoch),
            _ => group.epoch.next(me),
        }
    }

    /// The vote, as the rules see it.
    pub(crate) fn vote(&self, group: &Group, now: Timestamp) -> Vote {
        let Some(rule) = self.config.arbitration.witness else { return Vote::None };
        if self.next_epoch(group).is_some_and(|epoch| self.vote_held(group, epoch, now).is_some()) {
            return Vote::Held;
        }
        let asked = self.arbitration.target.as_ref();
        let patience_over = asked.is_some_and(|(_, since)| now >= since.after(rule.ttl));
        match &self.arbitration.witness {
            None if patience_over => Vote::Unreachable,
            None => Vote::Waiting,
            Some(view) if !view.reachable => Vote::Unreachable,
            Some(view) => {
                let answered = asked.is_none_or(|(target, _)| view.seq >= target.seq);
                match view.votes.get(&group.config.name) {
                    Some(VoteView::Peer { .. }) => Vote::Peer,
                    _ if !answered && patience_over => Vote::Unreachable,
                    _ => Vote::Waiting,
                }
            }
        }
    }

    /// Witness and fence device have no objection to a takeover at this moment.
    pub(crate) fn third_parties_allow(&self, group: &Group, now: Timestamp) -> bool {
        let require = group.config.guards.require;
        let vote = match self.vote(group, now) {
            Vote::None | Vote::Held => true,
            Vote::Unreachable => require < GuaranteeLevel::Witnessed,
            Vote::Waiting | Vote::Peer => false,
        };
        let fence = match self.fence() {
            Fence::None | Fence::Confirmed => true,
            Fence::Failed => require < GuaranteeLevel::Fenced,
            Fence::Due | Fence::Running => false,
        };
        self.vouched || (vote && fence)
    }

    /// When a vote that is waited for counts as not to be had.
    pub(crate) fn vote_deadline(&self) -> Option<Timestamp> {
        let rule = self.config.arbitration.witness?;
        let (_, since) = self.arbitration.target.as_ref()?;
        Some(since.after(rule.ttl))
    }

    /// Tells the witness's client which votes are wanted, if that changed.
    pub(crate) fn want_votes(&mut self, now: Timestamp) {
        if self.config.arbitration.witness.is_none() {
            self.arbitration.target = None;
            return;
        }
        let votes: BTreeMap<_, _> = self
            .groups
            .iter()
            .filter_map(|group| Some((group.config.name.clone(), self.wanted_vote(group)?)))
            .collect();
        let old = self.arbitration.target.as_ref().map(|(target, _)| target);
        if old.is_some_and(|target| target.votes == votes) {
            return;
        }
        // The client may have been told by an earlier run of this program.
        let told = self.arbitration.witness.as_ref().map_or(0, |w| w.seq);
        let seq = old.map_or(0, |target| target.seq).max(told).saturating_add(1);
        let target = WitnessTarget { seq, votes };
        self.arbitration.target = Some((target.clone(), now));
        self.outputs.push_back(Output::Witness(target));
    }
}

impl Arbiter {
    /// Boot of the peer, as last heard.
    pub(crate) fn peer_boot(&self) -> Option<BootId> {
        let by_hbd = self.view.as_ref().and_then(|v| v.peer.as_ref()).map(|p| p.boot);
        by_hbd.or_else(|| self.word.as_ref().map(|w| w.advert.boot))
    }

    /// Fencing, as the rules see it.
    pub(crate) fn fence(&self) -> Fence {
        if self.config.arbitration.fence.is_none() {
            return Fence::None;
        }
        match self.arbitration.shot.as_ref().and_then(|s| s.state.as_ref()) {
            Some(FenceState::Confirmed { .. }) => Fence::Confirmed,
            Some(FenceState::Failed { .. }) => Fence::Failed,
            Some(FenceState::Running { .. }) => Fence::Running,
            None if self.arbitration.shot.as_ref().is_some_and(|s| s.order.is_some()) => Fence::Running,
            None => Fence::Due,
        }
    }

    /// The peer is off, as its fence device confirmed within this silence.
    pub(crate) fn peer_fenced(&self) -> bool {
        self.fence() == Fence::Confirmed
    }

    /// The order in force, for the target.
    pub(crate) fn fence_order(&self) -> Option<FenceOrder> {
        self.arbitration.shot.as_ref()?.order
    }

    /// resd tells what became of an order: counts only for the one in force.
    pub(crate) fn on_fence_report(&mut self, report: Option<&FenceReport>, now: Timestamp) {
        let Some(report) = report else { return };
        let Some(shot) = &mut self.arbitration.shot else { return };
        if shot.order.is_none_or(|order| order.number != report.number) || shot.state.as_ref() == Some(&report.state) {
            return;
        }
        let was = shot.state.as_ref().map(FenceState::as_str);
        shot.state = Some(report.state.clone());
        let (id, severity, detail) = match &report.state {
            FenceState::Running { device, .. } => {
                if was == Some("running") {
                    return;
                }
                ("E251", Severity::Info, device.clone())
            }
            FenceState::Confirmed { device } => ("E252", Severity::Warning, device.clone()),
            FenceState::Failed { reason } => {
                shot.failed_at = Some(now);
                ("E253", Severity::Critical, reason.clone())
            }
        };
        let number = report.number.to_string();
        let peer = self.name(self.me().other());
        self.event(now, id, severity, None, Some(peer), &[("detail", detail), ("number", number)]);
    }

    /// Takes an order back that lost its ground: the peer shows a sign of life, is another boot than the one that was meant, a
    /// person vouches for it, or this node is the isolated one. Comes before the rules, so that none decides by it.
    pub(crate) fn recall_fence(&mut self, now: Timestamp) {
        let boot = self.peer_boot();
        let Some(shot) = &self.arbitration.shot else { return };
        let meant = shot.order.and_then(|order| order.peer_boot);
        let other_boot = meant.zip(boot).is_some_and(|(meant, is)| meant != is);
        let heard = self.presence() == PeerPresence::Heard || matches!(self.sign(), Sign::Alive(_));
        let confirmed = matches!(shot.state, Some(FenceState::Confirmed { .. }));
        let isolated = self.sign() == Sign::Isolated && !confirmed;
        if !(heard || other_boot || isolated || (self.vouched && !confirmed) || self.config.arbitration.fence.is_none())
        {
            return;
        }
        self.drop_fence(now);
        self.arbitration.shot = None;
    }

    /// Takes back what is not decided yet.
    fn drop_fence(&mut self, now: Timestamp) {
        let decided = |s: &Shot| matches!(s.state, Some(FenceState::Confirmed { .. } | FenceState::Failed { .. }));
        let Some(shot) = self.arbitration.shot.take_if(|s| !decided(s)) else { return };
        if let Some(order) = shot.order {
            let peer = self.name(self.me().other());
            self.event(now, "E254", Severity::Warning, None, Some(peer), &[("number", order.number.to_string())]);
        }
    }

    /// Orders the peer to be switched off when a group waits for it, the delay is over and it still shows no sign of life.
    pub(crate) fn drive_fence(&mut self, now: Timestamp) {
        let Some(rule) = self.config.arbitration.fence else { return };
        let wanted = self.groups.iter().any(|g| g.wants_fence);
        let ground = self.presence() == PeerPresence::Silent && self.sign() == Sign::None;
        let failed_at = self.arbitration.shot.as_ref().and_then(|s| s.failed_at);
        if failed_at.is_some_and(|at| now >= at.after(FENCE_RETRY)) && wanted {
            self.arbitration.shot = None;
        }
        if !wanted {
            // Nobody waits any more (FAULTS S11). What is known of it stays known, and while nothing is known of the peer, what
            // was begun goes on.
            if ground || self.arbitration.shot.as_ref().is_some_and(|s| s.order.is_none()) {
                self.drop_fence(now);
            }
            return;
        }
        let since = self.arbitration.shot.as_ref().map_or(now, |s| s.since);
        if self.arbitration.shot.is_none() {
            self.arbitration.shot = Some(Shot { since, order: None, state: None, failed_at: None });
        }
        // The delay must not end with a word from before it.
        let due = since.after(rule.delay);
        let fresh = self.safety.completed_at().is_some_and(|at| at.after(self.safety.pace()) >= due);
        if now < due || !ground || !fresh {
            return;
        }
        let number = self.arbitration.newest.saturating_add(1).max(now.as_nanos());
        let order = FenceOrder { number, peer: self.me().other(), peer_boot: self.peer_boot() };
        let Some(shot) = self.arbitration.shot.as_mut().filter(|s| s.order.is_none()) else { return };
        shot.order = Some(order);
        self.arbitration.newest = number;
        let peer = self.name(self.me().other());
        self.event(now, "E250", Severity::Warning, None, Some(peer), &[("number", number.to_string())]);
    }

    /// When fencing has to be looked at again.
    pub(crate) fn fence_deadline(&self) -> Option<Timestamp> {
        let rule = self.config.arbitration.fence?;
        let shot = self.arbitration.shot.as_ref()?;
        match (shot.order, shot.failed_at) {
            (None, _) => Some(shot.since.after(rule.delay)),
            (_, Some(at)) => Some(at.after(FENCE_RETRY)),
            _ => None,
        }
    }
}
