//! From facts to effects: one pass over everything after each input.

use crate::Arbiter;
use crate::facts::{Facts, FailedHere, Known, PeerClaim, PeerPresence, Phase, Sign, Steward};
use crate::group::{Group, Taking, Told};
use crate::io::{Event, Failback, Output, Sentence};
use crate::rules::{self, Action, Rule};
use crate::safety::Need;
use alloc::string::{String, ToString};
use core::time::Duration;
use hotpair_types::{
    Claim, Desired, Epoch, FailureScope, GroupAdvert, GroupState, NodeMode, Readiness, Timestamp, Until, Verdict,
};
use serde::{Deserialize, Serialize};

/// After an offer was taken back, no other one is made for so long, except by a person's order.
const RELEASE_PAUSE: Duration = Duration::from_secs(60);
/// A hand-over may pass through so many phases at one instant; each is decided and recorded by itself.
const PASSES: usize = 4;

/// Silence on every path, as the views tell it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Silence {
    last_heard: Option<Timestamp>,
    life_at: Option<Timestamp>,
    /// Since when every path is down.
    pub(crate) since: Timestamp,
}

impl Arbiter {
    /// What hbd tells of the peer.
    pub(crate) fn presence(&self) -> PeerPresence {
        match &self.view {
            Some(view) if self.hbd_alive && view.any_path_alive() => PeerPresence::Heard,
            Some(view) if self.hbd_alive && view.all_paths_down() => PeerPresence::Silent,
            _ => PeerPresence::Unknown,
        }
    }

    /// What the safety check tells. A heartbeat that came after the paths had gone down is a sign of life as well, though
    /// the path stays red until enough have come.
    pub(crate) fn sign(&self) -> Sign {
        if self.heard_while_down {
            return Sign::Alive(hotpair_types::LifeSign::Software);
        }
        let storage = self.storage_moves.then_some(hotpair_types::LifeSign::Storage);
        match &self.verdict {
            Some(Verdict::PeerAlive(sign)) => Sign::Alive(*sign),
            _ if storage.is_some() => Sign::Alive(hotpair_types::LifeSign::Storage),
            Some(Verdict::NoSign) => Sign::None,
            Some(Verdict::IAmIsolated) => Sign::Isolated,
            Some(Verdict::Unknown) | None => Sign::Unknown,
        }
    }

    pub(crate) fn need(&self) -> Need {
        match &self.view {
            Some(view) if self.hbd_alive && view.all_paths_down() => Need::Silent,
            Some(view) if self.hbd_alive && view.all_paths_late() => Need::Late,
            _ if self.unheard() && self.groups.iter().any(|g| g.config.lease.is_some()) => Need::Unheard,
            _ => Need::Off,
        }
    }

    /// Notes a heartbeat that came while every path was down: newer than what was known when the last one went down.
    pub(crate) fn track_silence(&mut self, now: Timestamp) {
        let Some(view) = &self.view else { return };
        if !view.all_paths_down() {
            self.silence = None;
            return;
        }
        let heard = view.last_heard;
        let silence = self.silence.get_or_insert(Silence { last_heard: heard, life_at: None, since: now });
        if heard > silence.last_heard {
            *silence = Silence { last_heard: heard, life_at: Some(now), since: silence.since };
        }
    }

    /// For how long a heartbeat counts that came while every path was down.
    fn life_ends(&self) -> Option<Timestamp> {
        let detection = self.view.as_ref()?.paths.iter().map(|p| p.interval.saturating_mul(p.lost)).max()?;
        Some(self.silence.as_ref()?.life_at?.after(detection))
    }

    /// Until when a disk lease or slot counts as a sign of life that the peer was seen to move after every path had gone down.
    fn storage_ends(&self) -> Option<Timestamp> {
        let since = self.silence.as_ref()?.since;
        self.groups
            .iter()
            .filter_map(|g| {
                let moved = g.observed.as_ref()?.peer_lease.filter(|at| *at > since)?;
                Some(moved.after(g.config.guards.disk_lease?))
            })
            .max()
    }

    pub(crate) fn evaluate(&mut self, now: Timestamp) {
        self.evaluated = now;
        self.expire(now);
        self.heard_while_down = self.life_ends().is_some_and(|ends| now < ends);
        self.life_deadline = self.life_ends().filter(|_| self.heard_while_down);
        self.storage_deadline = self.storage_ends().filter(|ends| now < *ends);
        self.storage_moves = self.storage_deadline.is_some();
        if let Some(order) = self.safety.drive(self.need(), now) {
            self.outputs.push_back(Output::Safety(order));
        }
        self.judge_peer(now);
        self.recall_fence(now);
        for at in 0..self.groups.len() {
            self.decide(at, now);
        }
        self.drive_fence(now);
        self.persist_if_changed(now);
        self.advertise();
        self.want_votes(now);
        self.retarget(now);
        self.raise_alarms(now);
        self.outputs.push_back(Output::StatusChanged);
    }

    fn expire(&mut self, now: Timestamp) {
        if !self.boot_wait_over && now >= self.started.after(self.config.boot_wait) {
            self.boot_wait_over = true;
        }
        if self.revalidate_until.is_some_and(|until| now >= until) {
            self.revalidate_until = None;
        }
        self.expire_requests(now);
        for group in &mut self.groups {
            let settings = &mut group.settings.value;
            settings.frozen = settings.frozen.filter(|u| u.lasts(now));
            settings.maintenance = settings.maintenance.filter(|u| u.lasts(now));
            settings.moves.retain(|u| u.lasts(now));
            group.failed_until = group.failed_until.filter(|u| u.lasts(now));
            group.release_blocked_until = group.release_blocked_until.filter(|u| u.lasts(now));
            if group.intent.as_ref().is_some_and(|i| now >= i.since.after(crate::orders::REQUEST_LIFE)) {
                group.intent = None;
            }
        }
    }

    /// Takes the verdict over and tells the history when the peer's state changed.
    fn judge_peer(&mut self, now: Timestamp) {
        self.verdict = self.safety.verdict(now);
        self.report_verdict(now);
        if matches!(self.sign(), Sign::Alive(_)) {
            // A person vouched that the peer is off, and it shows a sign of life: the word counts no more.
            self.vouched = false;
            // And it may have renewed its leases.
            self.heard_at = self.heard_at.max(now);
        }
        self.report_peer(now);
    }

    fn decide(&mut self, at: usize, now: Timestamp) {
        for _ in 0..PASSES {
            let phase = self.groups.get(at).map(|g| g.phase);
            self.decide_once(at, now);
            if self.groups.get(at).map(|g| g.phase) == phase {
                break;
            }
        }
    }

    fn decide_once(&mut self, at: usize, now: Timestamp) {
        self.track(at, now);
        let Some(facts) = self.facts(at, now) else { return };
        let rule = rules::decide(&facts);
        self.apply(at, rule, &facts, now);
        self.note(at, rule, &facts, now);
        if let Some(group) = self.groups.get_mut(at) {
            group.decided = Some(facts);
        }
    }

    /// Small memories that facts are made of.
    fn track(&mut self, at: usize, now: Timestamp) {
        let heard = self.presence() == PeerPresence::Heard;
        let me = self.me();
        let current = self.word.as_ref().is_some_and(|w| w.current);
        let synced = self.synced();
        let arbiter = self.seed.arbiter;
        let seen = self.word.as_ref().map(|w| w.advert.seen);
        let right_ended = self.groups.get(at).is_some_and(|group| self.right_ended(group, now));
        let Some(group) = self.groups.get_mut(at) else { return };
        group.right_ended = right_ended;
        let ready_there =
            current && group.remote.as_ref().is_some_and(|r| r.ready == Readiness::Ready && !r.failed) && heard;
        group.peer_ready_since = if ready_there { group.peer_ready_since.or(Some(now)) } else { None };
        if let Some(failure) = group.observed.as_ref().and_then(|o| o.failure.as_ref())
            && failure.scope != FailureScope::Network
            && group.state() == GroupState::Failed
        {
            group.failed_until = Some(Until(now.after(group.config.move_window)));
        }
        // The peer's rival claim by a lower epoch: when it ends, clients must be told again where the address is.
        let rival = group.steward() == me
            && group.serving()
            && current
            && group.remote.as_ref().is_some_and(|r| known_up(r) && r.epoch <= group.epoch);
        match (rival, group.conflict_since) {
            (true, None) => {
                group.conflict_since = Some(now);
                group.announce += 1;
            }
            (false, Some(_)) if current && group.remote.as_ref().is_some_and(|r| !r.serving) => {
                group.conflict_since = None;
                group.announce += 1;
            }
            _ => {}
        }
        if group.phase == Phase::Withdrawing && heard && current && synced {
            let confirmed = seen.is_some_and(|(run, seq)| run == arbiter && seq >= group.withdrawal_seq)
                && group.remote.as_ref().is_none_or(|r| r.epoch <= group.epoch);
            if confirmed {
                group.set_phase(Phase::Withdrawn, now);
            }
        }
        if group.steward() != me {
            // Whose move it was: it is done, or not this node's any more.
            group.set_phase(Phase::Normal, now);
            group.intent = None;
        }
        if group.lease_expires.is_some_and(|expires| now >= expires) {
            // resd stops it by itself: what was authorised before is not any more.
            group.authorised = None;
        }
        if group.phase == Phase::Withdrawn {
            // The peer saw the withdrawal and did not take: this node goes on with the group it still owns.
            group.authorised = (group.epoch.owner() == Some(me)).then_some(group.epoch);
            group.set_phase(Phase::Normal, now);
        }
    }

    pub(crate) fn synced(&self) -> bool {
        self.word.as_ref().is_some_and(|w| w.current && w.advert.seen.0 == self.seed.arbiter)
    }

    fn config_same(&self) -> bool {
        self.word.as_ref().is_none_or(|w| w.advert.config == self.config.digest)
    }

    fn may_host(&self, group: &Group, node: hotpair_types::NodeId) -> bool {
        let mode = self.nodes.get(node.index()).map_or(NodeMode::Online, |n| n.value.mode);
        group.config.nodes.contains(&node) && mode == NodeMode::Online
    }

    fn lease_wait(&self, group: &Group, now: Timestamp) -> bool {
        // Without any word since the start of this run, the peer may have renewed right before it.
        let ends = [self.lease_over(group), self.disk_lease_over(group)];
        ends.into_iter().flatten().any(|over| now < over)
    }

    /// resd has answered the newest target, in which the group is to be stopped, and has confirmed that nothing of it runs. What
    /// it said before that order may be older than a start that it was told of meanwhile.
    fn stop_confirmed(&self, group: &Group) -> bool {
        let (Some(target), Some(observed)) = (&self.target, &self.observed) else { return false };
        self.resd_alive
            && observed.generation == Some(target.generation)
            && target.groups.get(&group.config.name).is_some_and(|t| t.desired == Desired::Stopped)
            && group.state() == GroupState::Stopped
            && !group.serving()
    }

    /// Something of the group is, or may be, up here: resd says so, or was told to start it.
    pub(crate) fn may_be_up(&self, group: &Group) -> bool {
        let ordered = self.target.as_ref().and_then(|t| t.groups.get(&group.config.name));
        group.serving() || ordered.is_some_and(|t| t.desired == Desired::Started)
    }

    pub(crate) fn facts(&self, at: usize, now: Timestamp) -> Option<Facts> {
        let group = self.groups.get(at)?;
        let me = self.me();
        let settings = &group.settings.value;
        let current = self.word.as_ref().is_some_and(|w| w.current);
        let remote = group.remote.as_ref();
        Some(Facts {
            resd_known: self.resd_alive && self.observed.is_some(),
            peer: self.presence(),
            peer_current: current,
            synced: self.synced(),
            config_same: self.config_same(),
            sign: if self.presence() == PeerPresence::Silent { self.sign() } else { Sign::Unknown },
            vouched: self.vouched,
            boot_wait: !self.boot_wait_over,
            heard_this_boot: self.heard_peer,
            boot_alone: self.config.boot_alone,
            revalidating: self.revalidate_until.is_some(),
            persist_broken: self.persist_error.is_some(),
            epoch: group.epoch,
            ever_owned: group.epoch.owner().is_some(),
            steward: if group.steward() == me { Steward::Me } else { Steward::Peer },
            taking: group.taking.is_some(),
            authorised: group.authorised == Some(group.epoch) && group.epoch.owner() == Some(me),
            phase: group.phase,
            local_state: group.state(),
            serving: group.known_up(),
            stop_confirmed: self.stop_confirmed(group),
            ready: match group.readiness(self.resd_alive) {
                Readiness::Ready => Known::Yes,
                Readiness::NotReady { .. } => Known::No,
                Readiness::Unknown => Known::Unknown,
            },
            failed_here: failed_here(group),
            i_may_host: self.may_host(group, me),
            peer_may_host: self.may_host(group, me.other()),
            peer_ready: remote.filter(|_| current).map_or(Known::Unknown, |r| self.peer_ready(r)),
            peer_claim: remote.map_or(PeerClaim::Unknown, |r| peer_claim(r, group, me)),
            peer_serving: remote.is_some_and(|r| r.serving),
            peer_up: remote.is_some_and(known_up),
            peer_epoch_higher: remote.is_some_and(|r| r.epoch.owner() == Some(me.other()) && r.epoch >= group.epoch),
            frozen: settings.frozen.is_some(),
            maintenance: settings.maintenance.is_some(),
            quarantined: group.quarantined(now),
            hold_on_silence: group.config.hold_on_silence,
            require_unmet: group.config.require_unmet,
            lease_wait: self.lease_wait(group, now),
            require: group.config.guards.require,
            vote: self.vote(group, now),
            fence: self.fence(),
            right: self.right(group, now),
            right_lost: group.right_ended && self.may_be_up(group),
            move_asked: group.intent.is_some(),
            failback_due: self.failback_due(group, now),
            i_am_standby: !self.may_host(group, me),
            release_blocked: group.release_blocked_until.is_some(),
            offer_expired: group.phase == Phase::Released && now >= group.phase_since.after(crate::lease::OFFER_LIFE),
        })
    }

    /// Could the peer run it, by its current word?
    fn peer_ready(&self, remote: &GroupAdvert) -> Known {
        let resd = self.word.as_ref().is_some_and(|w| w.advert.resd_alive);
        match &remote.ready {
            _ if remote.failed || !resd => Known::No,
            Readiness::Ready => Known::Yes,
            Readiness::NotReady { .. } => Known::No,
            Readiness::Unknown => Known::Unknown,
        }
    }

    fn failback_due(&self, group: &Group, now: Timestamp) -> bool {
        let Failback::Auto(after) = group.config.failback else { return false };
        group.preferred() != self.me() && group.peer_ready_since.is_some_and(|since| now >= since.after(after))
    }

    fn apply(&mut self, at: usize, rule: &'static Rule, facts: &Facts, now: Timestamp) {
        let me = self.me();
        let advert_seq = self.advert_seq;
        let wanted = self.groups.get(at).and_then(|group| self.next_epoch(group));
        let Some(group) = self.groups.get_mut(at) else { return };
        match rule.action {
            Action::Keep => {}
            Action::SeekVote | Action::Shoot => {
                group.seeking = wanted;
                group.wants_fence = rule.action == Action::Shoot;
            }
            Action::TakeOver => {}
            _ => {
                group.seeking = None;
                group.wants_fence = false;
            }
        }
        match rule.action {
            Action::Keep => {}
            Action::Unmanage => group.desired = Desired::Unmanaged,
            Action::Run if facts.ever_owned && group.epoch.owner() == Some(me) => {
                group.set_phase(Phase::Normal, now);
                group.authorised = Some(group.epoch);
                group.desired = Desired::Started;
            }
            Action::Run => take(group, me, false),
            // A new run whose resd has not finished looking stops nothing that may run by this node's own right: what runs
            // is to be found and kept.
            Action::Stand
                if group.desired == Desired::Unmanaged
                    && group.epoch.owner() == Some(me)
                    && facts.local_state == GroupState::Unknown
                    && !facts.serving => {}
            Action::Stand | Action::SeekVote | Action::Shoot => group.desired = Desired::Stopped,
            Action::Release => {
                if group.phase == Phase::Normal && facts.failed_here != FailedHere::No && !facts.move_asked {
                    group.count_move(me, now);
                }
                group.set_phase(Phase::Releasing, now);
                group.authorised = None;
                group.desired = Desired::Stopped;
            }
            Action::Offer => {
                if group.phase != Phase::Released {
                    group.offer_number += 1;
                }
                group.set_phase(Phase::Released, now);
                group.desired = Desired::Stopped;
            }
            Action::Withdraw => {
                if group.phase == Phase::Released {
                    group.withdrawal_seq = advert_seq + 1;
                    group.release_blocked_until = Some(Until(now.after(RELEASE_PAUSE)));
                    group.intent = None;
                }
                group.set_phase(Phase::Withdrawing, now);
                group.desired = Desired::Stopped;
            }
            Action::TakeOver => {
                group.wants_fence = false;
                if facts.failed_here != FailedHere::No {
                    group.failed_until = None;
                    group.local_clear += 1;
                }
                take(group, me, true);
            }
            Action::TakeOffered => take(group, me, false),
        }
    }

    /// Records the decision: every change of the deciding rule is an event with its facts (B1).
    fn note(&mut self, at: usize, rule: &'static Rule, facts: &Facts, now: Timestamp) {
        let me = self.me();
        let Some(group) = self.groups.get(at) else { return };
        let failure = group.observed.as_ref().map(crate::report::trouble).unwrap_or_default();
        let not_ready = match group.readiness(self.resd_alive) {
            Readiness::NotReady { reason, .. } => reason,
            Readiness::Ready | Readiness::Unknown => String::new(),
        };
        let peer_not_ready = match group.remote.as_ref().map(|r| &r.ready) {
            Some(Readiness::NotReady { reason, .. }) => reason.as_str(),
            Some(Readiness::Ready | Readiness::Unknown) | None => "",
        };
        let sign = match facts.sign {
            Sign::Alive(sign) => sign.as_str(),
            Sign::Unknown | Sign::None | Sign::Isolated => "",
        };
        let by = group.intent.as_ref().map_or("", |i| i.by.as_str());
        let moves = group.moves(now);
        let told = Told { rule: rule.id, epoch: group.epoch, sign: facts.sign, moves };
        let plain = [failure.as_str(), &not_ready, peer_not_ready, by].iter().all(|text| text.is_empty());
        // Most evaluations decide what was decided before, for the same reason.
        if plain && group.told == Some(told) {
            return;
        }
        let (epoch, moves) = (group.epoch.to_string(), moves.to_string());
        let parameters = [
            ("by", by),
            ("epoch", &epoch),
            ("failure", &failure),
            ("group", group.config.name.as_str()),
            ("moves", &moves),
            ("node", self.name_of(me)),
            ("not_ready", &not_ready),
            // Who looks after it: its owner, or, before anybody owned it, its preferred node.
            ("owner", self.name_of(group.steward())),
            ("peer", self.name_of(me.other())),
            ("peer_not_ready", peer_not_ready),
            ("preferred", self.name_of(group.preferred())),
            ("sign", sign),
        ];
        let changed = group.rule != rule.id;
        let parameters = parameters.into_iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let sentence = Sentence { id: rule.id.to_string(), parameters };
        let name = group.config.name.clone();
        if let Some(group) = self.groups.get_mut(at) {
            group.rule = rule.id;
            group.reason = sentence.clone();
            group.told = plain.then_some(told);
        }
        // "Being written" lasts a millisecond and explains nothing.
        if changed && rule.id != "R130" {
            self.outputs.push_back(Output::Event(Event {
                at: now,
                sentence,
                severity: rule.severity,
                group: Some(name),
                subject: None,
                facts: facts.record(),
            }));
        }
    }
}

fn take(group: &mut Group, me: hotpair_types::NodeId, takeover: bool) {
    if group.taking.is_none() {
        // At the end of the number space (2^64 moves) nothing is taken any more: the rule stays and says so.
        group.taking = group.epoch.next(me).map(|epoch: Epoch| Taking { epoch, takeover });
    }
}

/// The peer's stand.
fn peer_claim(remote: &GroupAdvert, group: &Group, me: hotpair_types::NodeId) -> PeerClaim {
    match remote.claim {
        Claim::None => PeerClaim::None,
        Claim::Owner => PeerClaim::Owner,
        Claim::Releasing => PeerClaim::Releasing,
        // An offer counts only by the highest epoch: an old one was answered already.
        Claim::Released(offer) if offer.to == me && remote.epoch == group.epoch => PeerClaim::OffersToMe,
        Claim::Released(_) => PeerClaim::Releasing,
    }
}

/// The peer's resd has seen it up: more than "may be".
pub(crate) fn known_up(remote: &GroupAdvert) -> bool {
    remote.serving && !matches!(remote.state, GroupState::Unknown | GroupState::Stopped)
}

pub(crate) fn next_stamp(stamp: hotpair_types::Stamp, node: hotpair_types::NodeId) -> hotpair_types::Stamp {
    hotpair_types::Stamp { counter: stamp.counter.saturating_add(1), node }
}

fn failed_here(group: &Group) -> FailedHere {
    let failure = group.observed.as_ref().filter(|o| o.state == GroupState::Failed).and_then(|o| o.failure.as_ref());
    match failure {
        Some(f) if f.scope == FailureScope::Network => FailedHere::Network,
        Some(_) => FailedHere::Resource,
        None if group.failed_until.is_some() && group.state() != GroupState::Running => FailedHere::Resource,
        None => FailedHere::No,
    }
}
