//! One group as this arbiter keeps it between inputs.

use crate::checkpoint::RuleId;
use crate::facts::{Facts, Phase, Sign};
use crate::io::{GroupConfig, Sentence};
use alloc::collections::BTreeMap;
use alloc::string::String;
use hotpair_types::{
    Claim, Desired, Epoch, GroupAdvert, GroupObserved, GroupSettings, GroupState, NodeId, Offer, Readiness, RequestId,
    ResourceObserved, ResourceState, Stamp, Stamped, Timestamp, Until,
};
use serde::{Deserialize, Serialize};

/// A move that a person asked for: one shot, forgotten when done, refused or too old.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) by: String,
    pub(crate) since: Timestamp,
    /// The peer's request that it answers, if it was made over there.
    pub(crate) request: Option<RequestId>,
}

/// An own take-over under way: its epoch is being made durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Taking {
    pub(crate) epoch: Epoch,
    /// It is a takeover from a silent peer: validated again before it has any effect.
    pub(crate) takeover: bool,
}

/// See [`Group::told`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    pub(crate) rule: RuleId,
    pub(crate) epoch: Epoch,
    pub(crate) sign: Sign,
    pub(crate) moves: u32,
}

/// A group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) config: GroupConfig,
    pub(crate) epoch: Epoch,
    pub(crate) taking: Option<Taking>,
    /// The epoch by which its vote is asked for, before anything is taken.
    pub(crate) seeking: Option<Epoch>,
    /// It waits until the peer is switched off.
    pub(crate) wants_fence: bool,
    pub(crate) settings: Stamped<GroupSettings>,
    pub(crate) phase: Phase,
    pub(crate) phase_since: Timestamp,
    /// The advert that first carries the withdrawal.
    pub(crate) withdrawal_seq: u64,
    pub(crate) offer_number: u64,
    pub(crate) intent: Option<Intent>,
    /// It failed here and moved away or was given up; forgotten after the move window or by `clear`.
    pub(crate) failed_until: Option<Until>,
    pub(crate) release_blocked_until: Option<Until>,
    /// Epoch by which a start here was authorised.
    pub(crate) authorised: Option<Epoch>,
    pub(crate) desired: Desired,
    pub(crate) announce: u64,
    /// Own bumps of the clear counter on top of the replicated one (a takeover gives a failed group a new try).
    pub(crate) local_clear: u64,
    pub(crate) lease_expires: Option<Timestamp>,
    /// The right that its lease rested on ended, and was not given anew.
    pub(crate) right_ended: bool,
    pub(crate) peer_ready_since: Option<Timestamp>,
    /// The peer had it up by a lower epoch: both served it.
    pub(crate) conflict_since: Option<Timestamp>,
    #[serde(with = "crate::checkpoint::rule_id")]
    pub(crate) rule: RuleId,
    pub(crate) reason: Sentence,
    /// What `rule` was chosen by; made anew by each evaluation.
    #[serde(skip)]
    pub(crate) decided: Option<Facts>,
    /// What `reason` was made of, if nothing else than this and the configuration.
    #[serde(skip)]
    pub(crate) told: Option<Told>,
    pub(crate) observed: Option<GroupObserved>,
    pub(crate) remote: Option<GroupAdvert>,
}

impl Group {
    pub(crate) fn new(config: GroupConfig, now: Timestamp) -> Self {
        Self {
            config,
            epoch: Epoch::NEVER,
            taking: None,
            seeking: None,
            wants_fence: false,
            settings: Stamped { stamp: Stamp::NEVER, value: GroupSettings::default() },
            phase: Phase::Normal,
            phase_since: now,
            withdrawal_seq: 0,
            offer_number: 0,
            intent: None,
            failed_until: None,
            release_blocked_until: None,
            authorised: None,
            // Until a rule says something else, what runs is left as it is.
            desired: Desired::Unmanaged,
            announce: 0,
            local_clear: 0,
            lease_expires: None,
            right_ended: false,
            peer_ready_since: None,
            conflict_since: None,
            rule: "R999",
            reason: Sentence { id: String::from("R999"), parameters: BTreeMap::new() },
            decided: None,
            told: None,
            observed: None,
            remote: None,
        }
    }

    /// The preferred node.
    pub(crate) fn preferred(&self) -> NodeId {
        self.config.nodes.first().copied().unwrap_or(NodeId::FIRST)
    }

    /// Who looks after the group.
    pub(crate) fn steward(&self) -> NodeId {
        self.epoch.owner().unwrap_or_else(|| self.preferred())
    }

    pub(crate) fn state(&self) -> GroupState {
        self.observed.as_ref().map(|o| o.state).unwrap_or_default()
    }

    /// Unknown counts as serving: nobody may conclude from it that nothing runs.
    pub(crate) fn serving(&self) -> bool {
        self.observed.as_ref().is_none_or(|o| o.serving)
    }

    /// Something of the group is certainly up here: a resd that has not finished looking has seen that much.
    pub(crate) fn known_up(&self) -> bool {
        self.observed.as_ref().is_some_and(|o| {
            let seen = |r: &ResourceObserved| matches!(r.state, ResourceState::Running | ResourceState::Late);
            o.serving && (o.state != GroupState::Unknown || o.resources.iter().any(seen))
        })
    }

    pub(crate) fn readiness(&self, resd_known: bool) -> Readiness {
        match &self.observed {
            Some(o) if resd_known && o.readiness_known => match o.not_ready.first() {
                None => Readiness::Ready,
                Some(first) => Readiness::NotReady {
                    reason: first.text.clone(),
                    network: o.not_ready.iter().any(|i| i.scope == hotpair_types::FailureScope::Network),
                },
            },
            _ => Readiness::Unknown,
        }
    }

    pub(crate) fn set_phase(&mut self, phase: Phase, now: Timestamp) {
        if self.phase != phase {
            self.phase = phase;
            self.phase_since = now;
        }
    }

    pub(crate) fn claim(&self, me: NodeId) -> Claim {
        if self.steward() != me {
            return Claim::None;
        }
        match self.phase {
            Phase::Normal | Phase::Withdrawing | Phase::Withdrawn if self.epoch.owner() == Some(me) => Claim::Owner,
            Phase::Normal | Phase::Withdrawing | Phase::Withdrawn => Claim::None,
            Phase::Releasing => Claim::Releasing,
            Phase::Released => Claim::Released(Offer { to: me.other(), number: self.offer_number }),
        }
    }

    /// Automatic moves that still count, those forgotten dropped.
    pub(crate) fn moves(&self, now: Timestamp) -> u32 {
        u32::try_from(self.settings.value.moves.iter().filter(|m| m.lasts(now)).count()).unwrap_or(u32::MAX)
    }

    /// Counts an automatic move.
    pub(crate) fn count_move(&mut self, me: NodeId, now: Timestamp) {
        self.settings.value.moves.push(Until(now.after(self.config.move_window)));
        self.settings.stamp = crate::evaluate::next_stamp(self.settings.stamp, me);
    }

    pub(crate) fn quarantined(&self, now: Timestamp) -> bool {
        self.moves(now) >= self.config.max_moves
    }
}

impl Group {
    /// As many moves are remembered as are allowed (those over are dropped at each evaluation).
    pub(crate) fn moves_exhausted(&self) -> bool {
        self.settings.value.moves.len() >= usize::try_from(self.config.max_moves).unwrap_or(usize::MAX)
    }
}
