//! What goes into the arbiter's core and what comes out: closed enums, recorded and replayed as they are (B3).
//!
//! Outputs leave in the order *persist, send, act*. A decision that needs a durable epoch waits for [`Input::Persisted`].

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use hotpair_types::{
    Advert, BootId, Digest, Epoch, Evidence, GroupName, GroupSettings, GuaranteeLevel, Incarnation, NetworkSelfTest,
    NodeId, NodeMode, NodeName, NodeSettings, ObservedView, PeerView, Stamped, Target, Timestamp, WitnessTarget,
    WitnessView,
};
use serde::{Deserialize, Serialize};

/// The part of the configuration the arbiter decides by. Made from the validated configuration only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ArbiterConfig {
    /// This node.
    pub node: NodeId,
    /// Both names, in order.
    pub names: [NodeName; 2],
    /// Digest of the whole configuration.
    pub digest: Digest,
    /// The safety check must have run this long with nothing heard.
    pub window: Duration,
    /// Pause between two rounds of probes once every path is down.
    pub round_interval: Duration,
    /// A node that hears nobody waits so long after boot.
    pub boot_wait: Duration,
    /// What it may serve alone then.
    pub boot_alone: BootAlone,
    /// Third parties that have a say.
    pub arbitration: Arbitration,
    /// Groups, in the order of the file.
    pub groups: Vec<GroupConfig>,
}

/// The third parties of the configuration, as this node uses them. The default: none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Arbitration {
    /// A round of the safety check in which fewer neighbours answered proves nothing.
    pub neighbours_required: u32,
    /// The witness gives votes.
    pub witness: Option<WitnessRule>,
    /// There are fence devices that switch the peer off.
    pub fence: Option<FenceRule>,
    /// A watchdog is configured.
    pub watchdog: bool,
}

/// What of `[witness]` the arbiter decides by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WitnessRule {
    /// A vote lasts so long after its last renewal.
    pub ttl: Duration,
}

/// What of `[[fence]]` the arbiter decides by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FenceRule {
    /// This node waits so long before it shoots, so that both never shoot each other.
    pub delay: Duration,
}

/// What guards a group by the configuration, and what it demands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct GroupGuards {
    /// The level below which it is never taken over.
    pub require: GuaranteeLevel,
    /// Addresses only, with a lease: they end by themselves.
    pub leased: bool,
    /// Every volume of it refuses a second writer.
    pub storage: bool,
    /// A takeover waits so long after the last moment at which the peer may have renewed its right (drift included); beside the
    /// wait for a lease.
    pub take_after: Option<Duration>,
    /// Its volumes have disk leases that end so long after their last renewal: a movement seen is a sign of life for so long.
    pub disk_lease: Option<Duration>,
}

/// What a node that boots alone may serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BootAlone {
    /// What it was last active for, and what was never active anywhere.
    LastActive,
    /// Everything.
    Any,
    /// Nothing: a person decides.
    Never,
}

/// When a group returns to its preferred node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Failback {
    /// When a person says so.
    Manual,
    /// When the preferred node has been ready for so long.
    Auto(Duration),
    /// Never by itself.
    Never,
}

/// One group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupConfig {
    /// Its name.
    pub name: GroupName,
    /// Nodes it may run on, most preferred first; one or two.
    pub nodes: Vec<NodeId>,
    /// When it returns.
    pub failback: Failback,
    /// True: a silent peer with no sign of life leads to an alarm, not to a takeover.
    pub hold_on_silence: bool,
    /// True: the configuration demands a guarantee level that it does not reach; never taken over.
    pub require_unmet: bool,
    /// resd stops the group when the right was not renewed for so long.
    pub lease: Option<Duration>,
    /// A takeover must wait until the peer's lease has certainly run out (a plain volume without own protection).
    pub wait_for_lease: bool,
    /// What guards it, and what it demands.
    pub guards: GroupGuards,
    /// Automatic moves allowed within the window.
    pub max_moves: u32,
    /// The window.
    pub move_window: Duration,
}

/// What the arbiter must find again after a crash: written durably before it is acted upon.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Durable {
    /// Boot in which it was written.
    pub boot: BootId,
    /// In that boot the boot wait was over, or the peer was heard.
    pub boot_wait_over: bool,
    /// In that boot the peer's arbiter was heard: epochs are up to date as of then.
    pub heard_peer: bool,
    /// Per group.
    pub groups: BTreeMap<GroupName, DurableGroup>,
    /// Replicated node settings.
    pub nodes: [Stamped<NodeSettings>; 2],
}

/// Durable state of a group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DurableGroup {
    /// Highest epoch known.
    pub epoch: Epoch,
    /// Replicated settings. Their ends are instants of the boot in [`Durable::boot`]; the shell stores the time left.
    pub settings: Stamped<GroupSettings>,
}

/// Identity of this run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Seed {
    /// Boot of this node.
    pub boot: BootId,
    /// This run of arbiterd.
    pub arbiter: Incarnation,
}

/// Ticket that ties an answer to its order.
pub type Ticket = u64;

/// Everything that can happen to the arbiter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Input {
    /// hbd's newest view, with the peer's advert decoded (`None`: no advert, or not understood).
    Peer {
        /// The view.
        view: PeerView,
        /// The decoded advert of the view. Times in it are already in this node's clock.
        advert: Option<Advert>,
    },
    /// hbd cannot be asked: an unknown, never a death.
    HbdGone {
        /// Why.
        reason: String,
    },
    /// resd's newest view.
    Observed(ObservedView),
    /// resd cannot be asked.
    ResdGone {
        /// Why.
        reason: String,
    },
    /// resd refused a target.
    TargetRefused {
        /// Its words.
        reason: String,
    },
    /// A round of the safety check begins now: every probe is being sent.
    RoundStarted {
        /// Number given in [`SafetyOrder::Round`].
        round: u64,
        /// This node's own connection.
        self_test: NetworkSelfTest,
    },
    /// Evidence of a round.
    Evidence {
        /// The round in which the probe was sent.
        round: u64,
        /// The evidence.
        evidence: Evidence,
    },
    /// The peer's arbiter answered a signed question with its state (fresh by its nonce).
    PeerAnswered(Advert),
    /// What [`Output::Persist`] with this ticket asked is durable.
    Persisted(Ticket),
    /// It could not be written.
    PersistFailed {
        /// The ticket.
        ticket: Ticket,
        /// Why.
        error: String,
    },
    /// A person, or a program on behalf of one, gives an order.
    Order {
        /// Ticket for the answer.
        ticket: Ticket,
        /// Who.
        by: String,
        /// What.
        order: Order,
        /// Only say what would happen.
        dry_run: bool,
    },
    /// What the witness says; replaces what it said before.
    Witness(WitnessView),
    /// The witness cannot be asked at all (its client does not run, or is not configured).
    WitnessGone {
        /// Why.
        reason: String,
    },
    /// The shell's loop woke this much too late: an own stall.
    Stalled(Duration),
    /// A new, validated configuration is in force.
    Config(ArbiterConfig),
}

/// Orders people give.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Order {
    /// Planned move of a group.
    Switchover {
        /// The group.
        group: GroupName,
        /// To whom; `None`: the node that does not own it.
        to: Option<NodeId>,
    },
    /// May a node host groups?
    NodeMode {
        /// The node.
        node: NodeId,
        /// The mode.
        mode: NodeMode,
    },
    /// Forbid automatic moves for a time; zero ends it. `None`: every group.
    Freeze {
        /// The group.
        group: Option<GroupName>,
        /// For how long.
        lasting: Duration,
    },
    /// Hands off for a time; zero ends it. `None`: every group.
    Maintenance {
        /// The group.
        group: Option<GroupName>,
        /// For how long.
        lasting: Duration,
    },
    /// Forget failures and holds. `None`: every group.
    Clear {
        /// The group.
        group: Option<GroupName>,
    },
    /// The peer is off: a person vouches.
    VouchPeerOff {
        /// The peer's name as typed.
        peer: String,
        /// Why the person is sure.
        reason: String,
    },
}

/// A sentence of the catalogue with its parameters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sentence {
    /// Message id.
    pub id: String,
    /// Parameters.
    pub parameters: BTreeMap<String, String>,
}

/// How bad an event or alarm is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Redundancy is lost; service runs.
    Warning,
    /// Service is lost, or data is at risk.
    Critical,
}

/// Something for the history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What, in the catalogue's words.
    pub sentence: Sentence,
    /// How bad.
    pub severity: Severity,
    /// The group concerned.
    pub group: Option<GroupName>,
    /// The resource, path or node concerned.
    pub subject: Option<String>,
    /// Facts and evidence behind a decision.
    pub facts: BTreeMap<String, String>,
}

/// What the prober should do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SafetyOrder {
    /// Send one round of every probe now; number it so.
    Round(u64),
    /// Stop: nothing more to ask.
    Stop,
}

/// Everything the arbiter wants done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Output {
    /// Write this durably, then answer [`Input::Persisted`].
    Persist {
        /// Ticket for the answer.
        ticket: Ticket,
        /// The whole durable state.
        durable: Durable,
    },
    /// Give this advert to hbd, now; it replaces the one before. (Also the answer to signed questions.)
    Advert(Advert),
    /// Order to the prober.
    Safety(SafetyOrder),
    /// Hold these votes at the witness, and no others; it replaces the one before.
    Witness(WitnessTarget),
    /// Give this target to resd; it replaces the one before.
    Target(Target),
    /// Answer to an order: the plan, or why not.
    OrderDone {
        /// The order's ticket.
        ticket: Ticket,
        /// What happens step by step, or the refusal.
        result: Result<Vec<Sentence>, Sentence>,
    },
    /// For the history.
    Event(Event),
    /// Something in [`crate::Arbiter::snapshot`] changed.
    StatusChanged,
}
