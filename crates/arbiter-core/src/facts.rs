//! Facts: flat, plain values computed from the newest views, one set per group, on which the rules decide.
//!
//! *Invariant:* a fact that is not known has a value of its own; none of them turns "not known" into "dead" or "stopped".

use crate::io::BootAlone;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use hotpair_types::{Epoch, GroupState, GuaranteeLevel, LifeSign};
use serde::{Deserialize, Serialize};

/// What hbd tells of the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerPresence {
    /// Not known: own hbd is away, or has not judged its paths yet.
    Unknown,
    /// Heard on at least one path (S22).
    Heard,
    /// Every path is down (S23 a).
    Silent,
}

/// What the safety check tells, while the peer is silent (S23 b).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    /// The check cannot tell, or not yet.
    Unknown,
    /// A sign of life.
    Alive(LifeSign),
    /// None.
    None,
    /// This node is the isolated one.
    Isolated,
}

/// Who looks after the group: its owner by epoch, or the preferred node if nobody ever owned it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Steward {
    /// This node.
    Me,
    /// The peer.
    Peer,
}

/// Where this node stands in handing the group over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// Not handing over.
    Normal,
    /// Stopping in order to hand over.
    Releasing,
    /// Stopped, offered to the peer.
    Released,
    /// The offer was taken back; the peer has not yet confirmed that it saw so.
    Withdrawing,
    /// The same, confirmed.
    Withdrawn,
}

/// What the peer says of the group, where its word is current.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerClaim {
    /// Nothing known.
    Unknown,
    /// Does not own it.
    None,
    /// Owns it.
    Owner,
    /// Hands it over.
    Releasing,
    /// Offers it to this node.
    OffersToMe,
}

/// Three values where two would lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Not known.
    Unknown,
}

/// Whose fault a standing failure here is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailedHere {
    /// None stands.
    No,
    /// The resource's, or this node lacks something: local recovery is exhausted.
    Resource,
    /// This node's network (S6).
    Network,
}

/// The group's vote at the witness, by the epoch that a takeover or start would go by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vote {
    /// No witness is configured.
    None,
    /// Held here.
    Held,
    /// Not held yet; the witness answers, or has not had the time to.
    Waiting,
    /// The peer holds it.
    Peer,
    /// The witness does not answer.
    Unreachable,
}

/// Switching the peer off, within this silence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fence {
    /// No device is configured.
    None,
    /// Not ordered yet.
    Due,
    /// Ordered.
    Running,
    /// Confirmed: it is off.
    Confirmed,
    /// No device could confirm it.
    Failed,
}

/// The right to run the group here, where that rests on the peer's promise or the vote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Right {
    /// It rests on neither.
    Unbound,
    /// Given at this moment.
    Given,
    /// Not given.
    Missing,
}

/// Everything the rules look at, for one group.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "facts are flat and plain on purpose")]
pub struct Facts {
    /// resd answers and has told what runs.
    pub resd_known: bool,
    /// The peer, as hbd hears it.
    pub peer: PeerPresence,
    /// The peer arbiter's word is fresh and understood.
    pub peer_current: bool,
    /// The peer's arbiter has taken this run's adverts into account.
    pub synced: bool,
    /// Both run the same configuration, as far as known.
    pub config_same: bool,
    /// The safety check's word while the peer is silent.
    pub sign: Sign,
    /// A person vouches that the peer is off.
    pub vouched: bool,
    /// Still in the boot wait.
    pub boot_wait: bool,
    /// The peer's arbiter was heard since this node booted: epochs are up to date.
    pub heard_this_boot: bool,
    /// Policy for a node alone since boot.
    pub boot_alone: BootAlone,
    /// This node stalled and has not validated its rights afresh.
    pub revalidating: bool,
    /// The state file cannot be written: no new epoch is possible.
    pub persist_broken: bool,

    /// Highest epoch known here.
    pub epoch: Epoch,
    /// Somebody owned the group at some time.
    pub ever_owned: bool,
    /// Who looks after it.
    pub steward: Steward,
    /// An own take-over of it is being written.
    pub taking: bool,
    /// A start by the current epoch was authorised before.
    pub authorised: bool,
    /// Handing over.
    pub phase: Phase,
    /// Its resources here.
    pub local_state: GroupState,
    /// Anything of it is, or may be, up here.
    pub serving: bool,
    /// resd has confirmed, in answer to the newest order, that nothing of it runs here.
    pub stop_confirmed: bool,
    /// Ready to run here.
    pub ready: Known,
    /// Failed here.
    pub failed_here: FailedHere,
    /// This node may host it (listed, and online).
    pub i_may_host: bool,
    /// The peer may host it (listed, and online).
    pub peer_may_host: bool,
    /// The peer says it is ready, has not failed, and its resd answers.
    pub peer_ready: Known,
    /// The peer's stand.
    pub peer_claim: PeerClaim,
    /// The peer has the group up, or may have.
    pub peer_serving: bool,
    /// The peer's resd has seen it up there.
    pub peer_up: bool,
    /// The peer's epoch of it is higher than the one known here before this view.
    pub peer_epoch_higher: bool,
    /// No automatic move (freeze).
    pub frozen: bool,
    /// Hands off (maintenance).
    pub maintenance: bool,
    /// Moved too often.
    pub quarantined: bool,
    /// The configuration says to hold when the peer falls silent.
    pub hold_on_silence: bool,
    /// The configuration demands a guarantee it does not reach.
    pub require_unmet: bool,
    /// The peer's lease may still run.
    pub lease_wait: bool,
    /// Level below which it is never taken over.
    pub require: GuaranteeLevel,
    /// Its vote.
    pub vote: Vote,
    /// Switching the peer off.
    pub fence: Fence,
    /// The right to run it here.
    pub right: Right,
    /// That right ran out while it is to run here.
    pub right_lost: bool,
    /// A person asked for a move to the peer.
    pub move_asked: bool,
    /// Failback to the preferred peer is due.
    pub failback_due: bool,
    /// This node gives up its groups (standby).
    pub i_am_standby: bool,
    /// A hand-over was taken back a moment ago.
    pub release_blocked: bool,
    /// An offer has stood too long.
    pub offer_expired: bool,
}

impl Facts {
    /// The peer can take the group over in a planned way.
    pub fn peer_can_take(&self) -> bool {
        self.peer == PeerPresence::Heard
            && self.peer_current
            && self.synced
            && self.config_same
            && self.peer_may_host
            && self.peer_ready == Known::Yes
    }

    /// The group is up here, or was ordered up and is on the way.
    pub fn up_or_ordered(&self) -> bool {
        self.serving
            || matches!(
                self.local_state,
                GroupState::Starting | GroupState::Running | GroupState::Recovering | GroupState::Failed
            )
    }

    /// Taking it from a silent peer is allowed: nothing of the configuration stands against it, or a person vouches.
    pub fn takeover_allowed(&self) -> bool {
        self.vouched || (!self.lease_wait && !self.hold_on_silence && !self.require_unmet)
    }

    /// The witness has no objection: the vote is held, or it cannot be had and is not demanded. A person's word goes before.
    pub fn vote_allows(&self) -> bool {
        self.vouched
            || match self.vote {
                Vote::None | Vote::Held => true,
                Vote::Unreachable => self.require < GuaranteeLevel::Witnessed,
                Vote::Waiting | Vote::Peer => false,
            }
    }

    /// The peer is off as far as that is demanded: confirmed, or it failed and is not demanded. A person's word goes before.
    pub fn fence_allows(&self) -> bool {
        self.vouched
            || match self.fence {
                Fence::None | Fence::Confirmed => true,
                Fence::Failed => self.require < GuaranteeLevel::Fenced,
                Fence::Due | Fence::Running => false,
            }
    }

    /// As [`Facts::fence_allows`], for the start of an own group by a node alone since boot: the peer is switched off for that only
    /// where the group demands it (FAULTS N04: no fence loop).
    pub fn fence_allows_start(&self) -> bool {
        self.require < GuaranteeLevel::Fenced || self.fence_allows()
    }

    /// Alone since boot, does policy allow to serve this group?
    pub fn boot_policy_allows(&self) -> bool {
        match self.boot_alone {
            _ if self.heard_this_boot => true,
            BootAlone::Any => true,
            BootAlone::LastActive => self.steward == Steward::Me || !self.ever_owned,
            BootAlone::Never => false,
        }
    }

    /// A first start here is safe now, as far as this node and its peer can tell.
    pub fn may_start_by_evidence(&self) -> bool {
        if self.authorised || self.up_or_ordered() || self.vouched {
            return true;
        }
        match self.peer {
            PeerPresence::Heard => self.peer_current && self.synced,
            PeerPresence::Silent => {
                self.sign == Sign::None && !self.boot_wait && self.boot_policy_allows() && !self.lease_wait
            }
            PeerPresence::Unknown => false,
        }
    }

    /// A first start here is safe now, and third parties have no objection.
    pub fn may_start(&self) -> bool {
        let alone = self.peer == PeerPresence::Silent && !self.authorised && !self.up_or_ordered();
        self.may_start_by_evidence()
            && (!alone || (self.vote_allows() && self.fence_allows_start()))
            && (self.right != Right::Missing || self.up_or_ordered())
    }

    /// Name to value, for the record of a decision.
    pub fn record(&self) -> BTreeMap<String, String> {
        let mut facts = BTreeMap::new();
        let mut put = |name: &str, value: String| facts.insert(name.to_string(), value);
        put("peer", format!("{:?}", self.peer));
        put("sign", format!("{:?}", self.sign));
        put("epoch", self.epoch.to_string());
        put("steward", format!("{:?}", self.steward));
        put("phase", format!("{:?}", self.phase));
        put("local_state", self.local_state.as_str().to_string());
        put("ready", format!("{:?}", self.ready));
        put("failed_here", format!("{:?}", self.failed_here));
        put("peer_ready", format!("{:?}", self.peer_ready));
        put("peer_claim", format!("{:?}", self.peer_claim));
        put("require", self.require.as_str().to_string());
        put("vote", format!("{:?}", self.vote));
        put("fence", format!("{:?}", self.fence));
        put("right", format!("{:?}", self.right));
        for (name, value) in [
            ("resd_known", self.resd_known),
            ("peer_current", self.peer_current),
            ("synced", self.synced),
            ("config_same", self.config_same),
            ("vouched", self.vouched),
            ("boot_wait", self.boot_wait),
            ("heard_this_boot", self.heard_this_boot),
            ("revalidating", self.revalidating),
            ("persist_broken", self.persist_broken),
            ("ever_owned", self.ever_owned),
            ("authorised", self.authorised),
            ("serving", self.serving),
            ("stop_confirmed", self.stop_confirmed),
            ("i_may_host", self.i_may_host),
            ("peer_may_host", self.peer_may_host),
            ("peer_serving", self.peer_serving),
            ("peer_up", self.peer_up),
            ("frozen", self.frozen),
            ("maintenance", self.maintenance),
            ("quarantined", self.quarantined),
            ("hold_on_silence", self.hold_on_silence),
            ("require_unmet", self.require_unmet),
            ("lease_wait", self.lease_wait),
            ("right_lost", self.right_lost),
            ("move_asked", self.move_asked),
            ("failback_due", self.failback_due),
            ("i_am_standby", self.i_am_standby),
        ] {
            put(name, value.to_string());
        }
        facts
    }
}
