//! The ordered rule table: the first rule that matches decides. Its dump is a golden file (`tests/golden/rules.txt`).
//!
//! Order matters: specific before general, safety before liveness, and a catch-all that changes nothing last.
//! Sentences for people are in the message catalogue under the same ids.

use crate::facts::{Facts, FailedHere, Fence, Known, PeerClaim, PeerPresence, Phase, Right, Sign, Steward, Vote};
use crate::io::Severity;
use hotpair_types::{GroupState, GuaranteeLevel};

/// What a rule decides for its group on this node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Leave the target as it is.
    Keep,
    /// Watch only (maintenance).
    Unmanage,
    /// Run it here; if it was never owned, take it first.
    Run,
    /// It does not run here.
    Stand,
    /// Stop it here in order to hand it over.
    Release,
    /// It is stopped here: offer it to the peer.
    Offer,
    /// Take the offer back.
    Withdraw,
    /// It does not run here yet: ask the witness for its vote first.
    SeekVote,
    /// It does not run here yet: have the peer switched off first.
    Shoot,
    /// Take it with the next epoch: the peer failed.
    TakeOver,
    /// Take it with the next epoch: the peer offers it.
    TakeOffered,
}

/// One row.
pub struct Rule {
    /// Stable id; also the id of its sentence in the catalogue.
    pub id: &'static str,
    /// When it matches, in words.
    pub condition: &'static str,
    /// What it decides.
    pub action: Action,
    /// How an operator should take it.
    pub severity: Severity,
    /// When it matches.
    pub when: fn(&Facts) -> bool,
}

const fn rule(
    id: &'static str,
    severity: Severity,
    action: Action,
    condition: &'static str,
    when: fn(&Facts) -> bool,
) -> Rule {
    Rule { id, condition, action, severity, when }
}

fn mine(f: &Facts) -> bool {
    f.steward == Steward::Me
}

fn silent(f: &Facts) -> bool {
    f.peer == PeerPresence::Silent
}

fn heard(f: &Facts) -> bool {
    f.peer == PeerPresence::Heard
}

fn may_move(f: &Facts) -> bool {
    !f.frozen && !f.quarantined && !f.release_blocked && f.peer_can_take()
}

/// The peer fell silent with no sign of life, or a person vouches for it: its groups are without an owner.
fn peer_gone(f: &Facts) -> bool {
    f.vouched || (silent(f) && f.sign == Sign::None)
}

/// Offered or taken back, and the peer is gone: this node may take it again with a new epoch, as far as the pair itself can tell.
fn offer_lost(f: &Facts) -> bool {
    mine(f)
        && matches!(f.phase, Phase::Released | Phase::Withdrawing)
        && peer_gone(f)
        && f.takeover_allowed()
        && !f.persist_broken
}

/// This node alone would start its own group now, if third parties have no objection.
fn alone_would_start(f: &Facts) -> bool {
    mine(f) && silent(f) && !f.authorised && !f.up_or_ordered() && f.may_start_by_evidence()
}

fn demands(f: &Facts, level: GuaranteeLevel) -> bool {
    f.require >= level
}

use Action::{Keep, Offer, Release, Run, SeekVote, Shoot, Stand, TakeOffered, TakeOver, Unmanage, Withdraw};
use Severity::{Critical, Info, Warning};

/// The table.
pub static RULES: &[Rule] = &[
    // Without eyes or under a person's hands nothing changes.
    rule("R100", Warning, Keep, "own resd has not said what runs here", |f| !f.resd_known),
    rule("R110", Info, Unmanage, "maintenance of the group", |f| f.maintenance),
    rule("R130", Info, Keep, "an own new epoch of the group is being written", |f| f.taking),
    // Ownership moved on: the higher epoch wins.
    rule(
        "R200",
        Info,
        TakeOffered,
        "the peer owns the group by a higher epoch and offers it to this node, which still serves it",
        |f| {
            !mine(f)
                && heard(f)
                && f.peer_current
                && f.peer_claim == PeerClaim::OffersToMe
                && f.serving
                && !f.persist_broken
        },
    ),
    rule(
        "R205",
        Warning,
        Keep,
        "the peer owns the group by a higher epoch and offers it to this node, which still serves it and cannot take it yet",
        |f| !mine(f) && f.serving && f.peer_claim == PeerClaim::OffersToMe,
    ),
    rule(
        "R210",
        Critical,
        Stand,
        "the group is up here, but the peer owns it by a higher epoch and has it up as well",
        |f| !mine(f) && f.serving && heard(f) && f.peer_current && f.peer_up,
    ),
    rule("R220", Warning, Stand, "the group is up here, but the peer has told of a higher epoch of its own", |f| {
        !mine(f) && f.serving && f.peer_epoch_higher
    }),
    // Yielding needs no validation; everything below does.
    rule("R120", Warning, Keep, "this node stalled and has not validated its rights afresh", |f| f.revalidating),
    // This node looks after the group: stops that went wrong first.
    rule("R300", Critical, Keep, "a stop here could not be confirmed", |f| f.local_state == GroupState::StopFailed),
    // Handing over.
    rule("R310", Info, Offer, "handing over: confirmed that nothing runs here, offering it to the peer", |f| {
        mine(f) && f.phase == Phase::Releasing && heard(f) && f.stop_confirmed
    }),
    rule("R311", Info, Release, "handing over: stopping here", |f| mine(f) && f.phase == Phase::Releasing && heard(f)),
    rule(
        "R312",
        Warning,
        Run,
        "handing over: the peer fell silent before anything was offered to it, so this node goes on",
        |f| mine(f) && f.phase == Phase::Releasing,
    ),
    rule(
        "R313",
        Warning,
        TakeOver,
        "offered, and the peer fell silent with no sign of life: taking it back with a new epoch",
        |f| offer_lost(f) && f.vote_allows() && f.fence_allows(),
    ),
    rule(
        "R306",
        Warning,
        SeekVote,
        "offered, and the peer fell silent with no sign of life: the witness's vote comes before it is taken back",
        |f| offer_lost(f) && !f.vote_allows(),
    ),
    rule(
        "R307",
        Warning,
        Shoot,
        "offered, and the peer fell silent with no sign of life: the peer is switched off before it is taken back",
        offer_lost,
    ),
    rule(
        "R314",
        Critical,
        Stand,
        "offered, and the peer fell silent: it may have taken the group, nobody starts it on doubt",
        |f| mine(f) && matches!(f.phase, Phase::Released | Phase::Withdrawing) && !heard(f),
    ),
    rule("R315", Warning, Withdraw, "offered, but the peer cannot take it or does not: taking the offer back", |f| {
        mine(f) && f.phase == Phase::Released && (f.offer_expired || f.peer_ready == Known::No || !f.peer_may_host)
    }),
    rule("R316", Info, Offer, "offered, waiting for the peer to take it", |f| mine(f) && f.phase == Phase::Released),
    rule("R317", Info, Withdraw, "offer taken back, waiting until the peer has seen so", |f| {
        mine(f) && f.phase == Phase::Withdrawing
    }),
    rule(
        "R319",
        Critical,
        Stand,
        "the right to run it here was not renewed in time (no promise of the peer, no vote of the witness): stopping it",
        |f| mine(f) && f.right_lost,
    ),
    // Reasons to hand over.
    rule("R320", Warning, Release, "it failed here and the peer can take it", |f| {
        mine(f) && f.failed_here == FailedHere::Resource && may_move(f)
    }),
    rule("R321", Warning, Release, "this node's service network failed and the peer's works", |f| {
        mine(f) && f.failed_here == FailedHere::Network && may_move(f)
    }),
    rule("R322", Info, Release, "a person asked for the move", |f| mine(f) && f.move_asked && f.peer_can_take()),
    rule("R323", Info, Release, "this node is in standby and the peer can take the group", |f| {
        mine(f) && f.i_am_standby && !f.release_blocked && f.peer_can_take()
    }),
    rule("R324", Info, Release, "the preferred node has been ready for the configured time", |f| {
        mine(f) && f.ever_owned && f.failback_due && may_move(f)
    }),
    rule("R325", Warning, Release, "something it needs is missing here, and the peer can take it", |f| {
        mine(f) && f.ready == Known::No && !f.up_or_ordered() && !f.authorised && may_move(f)
    }),
    // Failed here, and no way to move.
    rule("R330", Critical, Run, "it failed here, and it moved too often to move again", |f| {
        mine(f) && f.failed_here != FailedHere::No && f.quarantined
    }),
    rule("R331", Critical, Run, "it failed here, and a freeze forbids moving it", |f| {
        mine(f) && f.failed_here != FailedHere::No && f.frozen
    }),
    rule("R332", Critical, Run, "this node's service network failed, and the peer's is not better", |f| {
        mine(f) && f.failed_here == FailedHere::Network && f.up_or_ordered()
    }),
    rule("R333", Critical, Run, "it failed here, and the peer cannot take it", |f| {
        mine(f) && f.failed_here == FailedHere::Resource && f.up_or_ordered()
    }),
    rule(
        "R339",
        Warning,
        Stand,
        "this node owns the group by the higher epoch, but it is, or may be, still up at the peer: waiting for its stop",
        |f| mine(f) && !f.up_or_ordered() && heard(f) && f.peer_current && f.peer_serving,
    ),
    // Running here.
    rule("R340", Info, Run, "this node owns the group and runs it", |f| mine(f) && f.ever_owned && f.up_or_ordered()),
    rule("R341", Warning, Stand, "this node is in standby, and the group is not up here", |f| {
        mine(f) && f.i_am_standby && !f.authorised
    }),
    rule("R342", Warning, Stand, "this node is to start the group, but something it needs is missing here", |f| {
        mine(f) && f.ready == Known::No && f.may_start() && !f.authorised
    }),
    rule("R343", Critical, Stand, "the configurations differ: nothing is started that is not up already", |f| {
        mine(f) && !f.config_same && !f.authorised && !f.vouched
    }),
    rule(
        "R344",
        Critical,
        Keep,
        "this node is to start the group for the first time, but its state file cannot be written",
        |f| mine(f) && !f.ever_owned && f.persist_broken,
    ),
    rule(
        "R353",
        Warning,
        SeekVote,
        "not started: the peer is silent, but the witness says that it holds the vote",
        |f| alone_would_start(f) && !f.vouched && f.vote == Vote::Peer,
    ),
    rule("R354", Critical, SeekVote, "not started: the group demands a vote, and the witness does not answer", |f| {
        alone_would_start(f) && !f.vote_allows() && f.vote == Vote::Unreachable
    }),
    rule("R355", Info, SeekVote, "not started yet: waiting for the vote of the witness", |f| {
        alone_would_start(f) && !f.vote_allows()
    }),
    rule(
        "R357",
        Critical,
        Shoot,
        "not started: the group demands that the peer is off, and that could not be done",
        |f| alone_would_start(f) && !f.fence_allows_start() && f.fence == Fence::Failed,
    ),
    rule("R358", Warning, Shoot, "not started yet: the group demands that the peer is off, which is being done", |f| {
        alone_would_start(f) && !f.fence_allows_start()
    }),
    rule("R345", Info, Run, "this node looks after the group and may start it", |f| mine(f) && f.may_start()),
    rule("R346", Info, Stand, "just booted: waiting for the peer before anything is started", |f| {
        mine(f) && f.boot_wait
    }),
    rule("R347", Critical, Stand, "the configuration says that a node alone since boot starts nothing", |f| {
        mine(f) && silent(f) && f.sign == Sign::None && !f.boot_policy_allows()
    }),
    rule(
        "R348",
        Warning,
        Stand,
        "not started: the peer is silent on every path, but alive, and may be serving the group",
        |f| mine(f) && silent(f) && matches!(f.sign, Sign::Alive(_)),
    ),
    rule("R349", Warning, Stand, "not started: this node is cut off from the network", |f| {
        mine(f) && silent(f) && f.sign == Sign::Isolated
    }),
    rule(
        "R356",
        Info,
        Stand,
        "not started yet: the peer is silent; waiting until its lease has certainly run out",
        |f| mine(f) && silent(f) && f.sign == Sign::None && f.lease_wait,
    ),
    rule(
        "R359",
        Warning,
        Stand,
        "not started: the peer does not hear this node, and there is no vote: no right to run it here",
        |f| mine(f) && f.right == Right::Missing && f.may_start_by_evidence(),
    ),
    rule("R350", Info, Stand, "not started yet: the peer is silent and the safety check has not finished", |f| {
        mine(f) && silent(f)
    }),
    rule("R351", Info, Stand, "not started yet: waiting for the word of the peer's arbiter", |f| mine(f) && heard(f)),
    rule("R352", Info, Stand, "not started yet: the paths to the peer have not been judged", mine),
    // The peer looks after the group.
    rule("R400", Info, TakeOffered, "the peer offers the group, and this node can run it", |f| {
        heard(f)
            && f.peer_current
            && f.peer_claim == PeerClaim::OffersToMe
            && f.i_may_host
            && f.config_same
            && f.ready == Known::Yes
            && f.failed_here == FailedHere::No
            && f.right != Right::Missing
            && !f.persist_broken
    }),
    rule("R401", Warning, Stand, "the peer offers the group, but it cannot run here", |f| {
        heard(f) && f.peer_current && f.peer_claim == PeerClaim::OffersToMe
    }),
    rule("R410", Info, Stand, "the peer owns the group and is heard", |f| heard(f) && f.peer_current),
    rule("R411", Warning, Stand, "the peer is heard, but its arbiter is silent: nothing changes", heard),
    // The peer is silent: reasons to hold, then the takeover.
    rule("R420", Info, Keep, "own hbd is away, or the paths have not been judged: not known is not dead", |f| {
        f.peer == PeerPresence::Unknown && !f.vouched
    }),
    rule("R430", Warning, Stand, "every path is down, but the safety check found a sign of life: no takeover", |f| {
        !f.vouched && matches!(f.sign, Sign::Alive(_))
    }),
    rule("R431", Critical, Stand, "every path is down, but this node is the isolated one: no takeover", |f| {
        !f.vouched && f.sign == Sign::Isolated
    }),
    rule("R432", Info, Stand, "every path is down; the safety check has not finished or cannot tell", |f| {
        !f.vouched && f.sign == Sign::Unknown
    }),
    rule("R440", Warning, Stand, "no sign of the peer, but this node must not host the group", |f| !f.i_may_host),
    rule("R441", Critical, Stand, "no sign of the peer, but a freeze forbids the takeover", |f| f.frozen && !f.vouched),
    rule("R442", Critical, Stand, "no sign of the peer, but the group moved too often", |f| {
        f.quarantined && !f.vouched
    }),
    rule("R443", Critical, Stand, "no sign of the peer, but the configurations differed", |f| {
        !f.config_same && !f.vouched
    }),
    rule("R444", Info, Stand, "no sign of the peer, and just booted: waiting", |f| f.boot_wait && !f.vouched),
    rule(
        "R445",
        Critical,
        Stand,
        "no sign of the peer since boot, and the group was last active there: a person decides",
        |f| !f.boot_policy_allows() && !f.vouched,
    ),
    rule("R446", Critical, Stand, "no sign of the peer, but the group demands a guarantee that is not reached", |f| {
        f.require_unmet && !f.vouched
    }),
    rule("R447", Critical, Stand, "no sign of the peer, and the configuration says to hold: a person decides", |f| {
        f.hold_on_silence && !f.vouched
    }),
    rule("R449", Critical, Stand, "no sign of the peer, but something the group needs is missing here", |f| {
        f.ready == Known::No
    }),
    rule("R450", Info, Stand, "no sign of the peer; waiting until its lease has certainly run out", |f| {
        f.lease_wait && !f.vouched
    }),
    rule("R451", Critical, Keep, "no sign of the peer, but the state file cannot be written: no new epoch", |f| {
        f.persist_broken
    }),
    rule("R452", Warning, SeekVote, "no sign of the peer, but the witness says that it holds the vote", |f| {
        !f.vouched && f.vote == Vote::Peer
    }),
    rule(
        "R453",
        Critical,
        SeekVote,
        "no sign of the peer, but the group demands a vote, and the witness does not answer",
        |f| !f.vouched && f.vote == Vote::Unreachable && demands(f, GuaranteeLevel::Witnessed),
    ),
    rule("R454", Info, SeekVote, "no sign of the peer; waiting for the vote of the witness", |f| !f.vote_allows()),
    rule("R455", Info, Shoot, "no sign of the peer; it is to be switched off before anything is taken", |f| {
        !f.vouched && f.fence == Fence::Due
    }),
    rule("R456", Warning, Shoot, "no sign of the peer; it is being switched off before anything is taken", |f| {
        !f.vouched && f.fence == Fence::Running
    }),
    rule(
        "R457",
        Critical,
        Shoot,
        "no sign of the peer, but the group demands that it is off, and that could not be done",
        |f| !f.fence_allows(),
    ),
    rule(
        "R461",
        Critical,
        TakeOver,
        "no sign of the peer; the witness does not answer or the peer could not be switched off, but that is not demanded: taking over",
        |f| peer_gone(f) && !f.vouched && (f.vote == Vote::Unreachable || f.fence == Fence::Failed),
    ),
    rule(
        "R460",
        Warning,
        TakeOver,
        "every path is down and nothing on the network shows a sign of the peer: taking over",
        peer_gone,
    ),
    rule("R999", Warning, Keep, "anything else: nothing changes", |_| true),
];

/// The rule of that id.
pub fn by_id(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// The first rule that matches.
pub fn decide(facts: &Facts) -> &'static Rule {
    // The last row matches everything; if the table were ever left without it, keeping things as they are is safe.
    static FALLBACK: Rule = rule("R999", Severity::Warning, Action::Keep, "anything else: nothing changes", |_| true);
    RULES.iter().find(|rule| (rule.when)(facts)).unwrap_or(&FALLBACK)
}

impl Action {
    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            Keep => "leave everything as it is",
            Unmanage => "watch only",
            Run => "run it here",
            Stand => "do not run it here",
            Release => "stop it here in order to hand it over",
            Offer => "offer it to the peer",
            Withdraw => "take the offer back",
            SeekVote => "do not run it here; ask the witness for its vote",
            Shoot => "do not run it here; have the peer switched off",
            TakeOver => "take it with a new epoch and start it",
            TakeOffered => "take it from the peer with a new epoch and start it",
        }
    }
}
