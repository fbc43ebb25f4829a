//! The rule table as a golden file, its sentences, and a hand-made situation for every row.
//!
//! `UPDATE_GOLDEN=1` writes `tests/golden/rules.txt` afresh: a change of the table is then a change of that file, to be reviewed.

use arbiter_core::facts::{
    Facts, FailedHere, Fence, Known, PeerClaim, PeerPresence, Phase, Right, Sign, Steward, Vote,
};
use arbiter_core::io::BootAlone;
use arbiter_core::rules::{RULES, decide};
use hotpair_types::{Epoch, GroupState, GuaranteeLevel, LifeSign, NodeId};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// B1: the table is a golden file.
#[test]
fn the_rule_table_is_the_golden_one() {
    let mut table = String::new();
    for rule in RULES {
        let _ = writeln!(
            table,
            "{} {:<8} {}\n     {}\n",
            rule.id,
            format!("{:?}", rule.severity),
            rule.condition,
            rule.action.describe()
        );
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/rules.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &table).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(table, expected, "the table changed: look at the difference, then UPDATE_GOLDEN=1");
}

/// B1: every rule has a sentence in the catalogue, ids are unique, and the last row matches anything.
#[test]
fn every_rule_has_a_sentence_and_the_last_one_catches_all() {
    let mut seen = BTreeSet::new();
    for rule in RULES {
        assert!(seen.insert(rule.id), "{} twice", rule.id);
        assert!(hotpair_messages::get(rule.id).is_some(), "{} has no sentence", rule.id);
    }
    let last = RULES.last().map(|r| r.id);
    assert_eq!(last, Some("R999"));
    assert!(RULES.last().is_some_and(|r| (r.when)(&standby()) && (r.when)(&owner())));
}

/// A healthy standby of a group that runs at the peer.
fn standby() -> Facts {
    Facts {
        resd_known: true,
        peer: PeerPresence::Heard,
        peer_current: true,
        synced: true,
        config_same: true,
        sign: Sign::Unknown,
        vouched: false,
        boot_wait: false,
        heard_this_boot: true,
        boot_alone: BootAlone::LastActive,
        revalidating: false,
        persist_broken: false,
        epoch: Epoch { number: 3, node: NodeId::SECOND },
        ever_owned: true,
        steward: Steward::Peer,
        taking: false,
        authorised: false,
        phase: Phase::Normal,
        local_state: GroupState::Stopped,
        serving: false,
        stop_confirmed: true,
        ready: Known::Yes,
        failed_here: FailedHere::No,
        i_may_host: true,
        peer_may_host: true,
        peer_ready: Known::Unknown,
        peer_claim: PeerClaim::Owner,
        peer_serving: true,
        peer_up: true,
        peer_epoch_higher: true,
        frozen: false,
        maintenance: false,
        quarantined: false,
        hold_on_silence: false,
        require_unmet: false,
        lease_wait: false,
        require: GuaranteeLevel::Evidence,
        vote: Vote::None,
        fence: Fence::None,
        right: Right::Unbound,
        right_lost: false,
        move_asked: false,
        failback_due: false,
        i_am_standby: false,
        release_blocked: false,
        offer_expired: false,
    }
}

/// A healthy owner that runs its group beside a ready peer.
fn owner() -> Facts {
    Facts {
        epoch: Epoch { number: 3, node: NodeId::FIRST },
        steward: Steward::Me,
        authorised: true,
        local_state: GroupState::Running,
        serving: true,
        stop_confirmed: false,
        peer_ready: Known::Yes,
        peer_claim: PeerClaim::None,
        peer_serving: false,
        peer_up: false,
        peer_epoch_higher: false,
        ..standby()
    }
}

/// An owner after boot: nothing runs, nothing is authorised.
fn booted() -> Facts {
    Facts {
        authorised: false,
        local_state: GroupState::Stopped,
        serving: false,
        stop_confirmed: true,
        peer_ready: Known::Unknown,
        ..owner()
    }
}

/// A standby that hears nothing, with a verdict of "no sign".
fn lonely() -> Facts {
    Facts { peer: PeerPresence::Silent, peer_current: false, synced: false, sign: Sign::None, ..standby() }
}

/// An owner that booted and hears nothing, with a verdict of "no sign".
fn booted_lonely() -> Facts {
    Facts { peer: PeerPresence::Silent, peer_current: false, synced: false, sign: Sign::None, ..booted() }
}

/// An owner in a phase of handing over, its group stopped.
fn handing(phase: Phase) -> Facts {
    Facts { phase, ..booted() }
}

type Case = (&'static str, &'static str, Facts);

fn owner_cases() -> Vec<Case> {
    let failed = |scope| Facts { failed_here: scope, local_state: GroupState::Failed, ..owner() };
    let alive = Sign::Alive(LifeSign::Kernel);
    vec![
        ("R300", "stop failed", Facts { local_state: GroupState::StopFailed, ..owner() }),
        (
            "R300",
            "stop failed beats the hand-over",
            Facts { local_state: GroupState::StopFailed, phase: Phase::Releasing, ..owner() },
        ),
        ("R310", "stopped", handing(Phase::Releasing)),
        (
            "R311",
            "stopping",
            Facts { phase: Phase::Releasing, local_state: GroupState::Stopping, stop_confirmed: false, ..owner() },
        ),
        (
            "R311",
            "looks stopped, but resd has not answered",
            Facts { stop_confirmed: false, ..handing(Phase::Releasing) },
        ),
        ("R312", "peer fell silent", Facts { phase: Phase::Releasing, ..booted_lonely() }),
        ("R313", "peer died with the offer", Facts { phase: Phase::Released, ..booted_lonely() }),
        ("R313", "peer died in a withdrawal", Facts { phase: Phase::Withdrawing, ..booted_lonely() }),
        ("R314", "peer alive with the offer", Facts { phase: Phase::Released, sign: alive, ..booted_lonely() }),
        ("R314", "hold on silence", Facts { phase: Phase::Released, hold_on_silence: true, ..booted_lonely() }),
        ("R314", "lease of the peer", Facts { phase: Phase::Released, lease_wait: true, ..booted_lonely() }),
        ("R314", "no epoch can be written", Facts { phase: Phase::Released, persist_broken: true, ..booted_lonely() }),
        ("R315", "expired", Facts { offer_expired: true, ..handing(Phase::Released) }),
        ("R315", "peer not ready", Facts { peer_ready: Known::No, ..handing(Phase::Released) }),
        ("R316", "offered", handing(Phase::Released)),
        ("R317", "withdrawn", handing(Phase::Withdrawing)),
        ("R320", "failed", failed(FailedHere::Resource)),
        ("R320", "failed beats a person's wish", Facts { move_asked: true, ..failed(FailedHere::Resource) }),
        ("R321", "network", failed(FailedHere::Network)),
        ("R322", "asked", Facts { move_asked: true, ..owner() }),
        ("R322", "asked, though frozen", Facts { move_asked: true, frozen: true, ..owner() }),
        ("R323", "standby", Facts { i_am_standby: true, i_may_host: false, ..owner() }),
        ("R324", "failback", Facts { failback_due: true, ..owner() }),
        ("R340", "failback frozen", Facts { failback_due: true, frozen: true, ..owner() }),
        ("R325", "lacks something", Facts { ready: Known::No, peer_ready: Known::Yes, ..booted() }),
        ("R330", "quarantined", Facts { quarantined: true, ..failed(FailedHere::Resource) }),
        ("R331", "frozen", Facts { frozen: true, ..failed(FailedHere::Resource) }),
        ("R332", "dead switch", Facts { peer_ready: Known::No, ..failed(FailedHere::Network) }),
        ("R333", "nowhere to go", Facts { peer_ready: Known::No, ..failed(FailedHere::Resource) }),
        ("R339", "still up at the peer", Facts { peer_serving: true, ..booted() }),
        ("R340", "runs", owner()),
        ("R340", "runs, alone", Facts { peer: PeerPresence::Silent, sign: Sign::Isolated, ..owner() }),
        ("R340", "runs, own hbd away", Facts { peer: PeerPresence::Unknown, ..owner() }),
        ("R340", "runs, configurations differ", Facts { config_same: false, ..owner() }),
        ("R341", "standby, not up", Facts { i_am_standby: true, i_may_host: false, ..booted() }),
        ("R342", "lacks something, peer not ready", Facts { ready: Known::No, ..booted() }),
        ("R343", "configurations differ", Facts { config_same: false, ..booted() }),
        ("R344", "no state file", Facts { ever_owned: false, persist_broken: true, ..booted() }),
        ("R345", "starts", booted()),
        ("R345", "starts alone", booted_lonely()),
        ("R346", "boot wait", Facts { boot_wait: true, heard_this_boot: false, ..booted_lonely() }),
        ("R347", "policy never", Facts { boot_alone: BootAlone::Never, heard_this_boot: false, ..booted_lonely() }),
        ("R348", "alive", Facts { sign: alive, ..booted_lonely() }),
        ("R349", "isolated", Facts { sign: Sign::Isolated, ..booted_lonely() }),
        ("R350", "unknown", Facts { sign: Sign::Unknown, ..booted_lonely() }),
        ("R351", "arbiter silent", Facts { peer_current: false, synced: false, ..booted() }),
        ("R352", "not judged", Facts { peer: PeerPresence::Unknown, peer_current: false, synced: false, ..booted() }),
    ]
}

/// Votes, fencing, and the right to run.
fn third_party_cases() -> Vec<Case> {
    use GuaranteeLevel::{Fenced, Witnessed};
    let lost = || Facts { phase: Phase::Released, ..booted_lonely() };
    let vote = |vote, f: Facts| Facts { vote, ..f };
    let fence = |fence, f: Facts| Facts { fence, ..f };
    let demands = |require, f: Facts| Facts { require, ..f };
    vec![
        ("R306", "offer lost, vote not held", vote(Vote::Waiting, lost())),
        ("R306", "offer lost, vote is the peer's", vote(Vote::Peer, lost())),
        ("R306", "offer lost, no witness", demands(Witnessed, vote(Vote::Unreachable, lost()))),
        ("R307", "offer lost, not switched off", fence(Fence::Due, lost())),
        ("R307", "offer lost, vote held, being switched off", fence(Fence::Running, vote(Vote::Held, lost()))),
        ("R313", "offer lost, vote held, switched off", fence(Fence::Confirmed, vote(Vote::Held, lost()))),
        ("R313", "offer lost, no witness, not demanded", vote(Vote::Unreachable, lost())),
        (
            "R314",
            "offer lost, vote held, but alive",
            Facts { sign: Sign::Alive(LifeSign::Storage), ..vote(Vote::Held, lost()) },
        ),
        ("R319", "right lost", Facts { right: Right::Missing, right_lost: true, ..owner() }),
        (
            "R319",
            "right lost beats a failure",
            Facts {
                right: Right::Missing,
                right_lost: true,
                failed_here: FailedHere::Resource,
                local_state: GroupState::Failed,
                ..owner()
            },
        ),
        (
            "R311",
            "right lost while handing over",
            Facts { right_lost: true, phase: Phase::Releasing, stop_confirmed: false, ..owner() },
        ),
        ("R340", "right missing, lease not over", Facts { right: Right::Missing, ..owner() }),
        ("R353", "vote is the peer's", vote(Vote::Peer, booted_lonely())),
        ("R354", "no witness, demanded", demands(Witnessed, vote(Vote::Unreachable, booted_lonely()))),
        ("R345", "no witness, not demanded", vote(Vote::Unreachable, booted_lonely())),
        ("R355", "waiting for the vote", vote(Vote::Waiting, booted_lonely())),
        ("R356", "waiting for the lease", Facts { lease_wait: true, ..booted_lonely() }),
        ("R357", "fencing failed, demanded", demands(Fenced, fence(Fence::Failed, booted_lonely()))),
        ("R358", "to be switched off, demanded", demands(Fenced, fence(Fence::Due, booted_lonely()))),
        ("R345", "switched off", demands(Fenced, fence(Fence::Confirmed, booted_lonely()))),
        ("R345", "a node alone does not shoot where that is not demanded", fence(Fence::Due, booted_lonely())),
        ("R345", "vouched, vote is the peer's", Facts { vouched: true, ..vote(Vote::Peer, booted_lonely()) }),
        ("R359", "heard, but not hearing", Facts { right: Right::Missing, ..booted() }),
        (
            "R348",
            "vote held, but alive",
            Facts { sign: Sign::Alive(LifeSign::Kernel), ..vote(Vote::Held, booted_lonely()) },
        ),
        (
            "R401",
            "offered, but no right",
            Facts {
                right: Right::Missing,
                peer_claim: PeerClaim::OffersToMe,
                peer_serving: false,
                peer_up: false,
                ..standby()
            },
        ),
        (
            "R430",
            "vote held, fenced, but alive",
            Facts { sign: Sign::Alive(LifeSign::Kernel), ..fence(Fence::Confirmed, vote(Vote::Held, lonely())) },
        ),
        ("R431", "vote held, but isolated", Facts { sign: Sign::Isolated, ..vote(Vote::Held, lonely()) }),
        ("R432", "vote held, but unknown", Facts { sign: Sign::Unknown, ..vote(Vote::Held, lonely()) }),
        ("R450", "lease before vote", Facts { lease_wait: true, ..vote(Vote::Waiting, lonely()) }),
        ("R452", "vote is the peer's", vote(Vote::Peer, lonely())),
        ("R453", "no witness, demanded", demands(Witnessed, vote(Vote::Unreachable, lonely()))),
        ("R453", "no witness, more demanded", demands(Fenced, fence(Fence::Due, vote(Vote::Unreachable, lonely())))),
        ("R454", "waiting for the vote", vote(Vote::Waiting, lonely())),
        ("R454", "vote before fence", fence(Fence::Due, vote(Vote::Waiting, lonely()))),
        ("R455", "to be switched off", fence(Fence::Due, vote(Vote::Held, lonely()))),
        ("R456", "being switched off", fence(Fence::Running, lonely())),
        ("R457", "fencing failed, demanded", demands(Fenced, fence(Fence::Failed, lonely()))),
        ("R461", "fencing failed, not demanded", fence(Fence::Failed, lonely())),
        ("R461", "no witness, not demanded", vote(Vote::Unreachable, lonely())),
        ("R460", "vote held and switched off", demands(Fenced, fence(Fence::Confirmed, vote(Vote::Held, lonely())))),
        (
            "R460",
            "vouched: neither vote nor fence",
            demands(Fenced, Facts { vouched: true, ..fence(Fence::Failed, vote(Vote::Peer, lonely())) }),
        ),
    ]
}

fn standby_cases() -> Vec<Case> {
    let offered = Facts { peer_claim: PeerClaim::OffersToMe, peer_serving: false, peer_up: false, ..standby() };
    let up = |f: Facts| Facts { serving: true, local_state: GroupState::Running, stop_confirmed: false, ..f };
    vec![
        ("R100", "no resd", Facts { resd_known: false, ..lonely() }),
        ("R100", "no resd beats maintenance", Facts { resd_known: false, maintenance: true, ..standby() }),
        ("R110", "maintenance", Facts { maintenance: true, ..lonely() }),
        ("R120", "stalled", Facts { revalidating: true, ..lonely() }),
        ("R130", "writing", Facts { taking: true, ..lonely() }),
        ("R200", "given back", up(offered.clone())),
        ("R210", "both up", up(standby())),
        ("R220", "higher epoch", up(Facts { peer_up: false, peer_serving: false, ..standby() })),
        (
            "R205",
            "given back, not heard yet",
            Facts { peer: PeerPresence::Silent, sign: Sign::Alive(LifeSign::Software), ..up(offered.clone()) },
        ),
        ("R205", "given back, but no epoch can be written", up(Facts { persist_broken: true, ..offered.clone() })),
        ("R400", "offered", offered.clone()),
        ("R401", "offered, not ready", Facts { ready: Known::No, ..offered.clone() }),
        ("R401", "offered, readiness unknown", Facts { ready: Known::Unknown, ..offered.clone() }),
        ("R401", "offered, failed here", Facts { failed_here: FailedHere::Resource, ..offered.clone() }),
        ("R401", "offered, configurations differ", Facts { config_same: false, ..offered.clone() }),
        ("R401", "offered, standby", Facts { i_may_host: false, ..offered }),
        ("R410", "all is well", standby()),
        ("R411", "arbiter silent", Facts { peer_current: false, ..standby() }),
        (
            "R411",
            "an offer that is not current",
            Facts { peer_current: false, peer_claim: PeerClaim::OffersToMe, ..standby() },
        ),
        ("R420", "own hbd away", Facts { peer: PeerPresence::Unknown, peer_current: false, ..standby() }),
        ("R430", "alive", Facts { sign: Sign::Alive(LifeSign::Storage), ..lonely() }),
        ("R431", "isolated", Facts { sign: Sign::Isolated, ..lonely() }),
        ("R432", "unknown", Facts { sign: Sign::Unknown, ..lonely() }),
        ("R440", "must not host", Facts { i_may_host: false, ..lonely() }),
        ("R440", "vouched, but must not host", Facts { i_may_host: false, vouched: true, ..lonely() }),
        ("R441", "frozen", Facts { frozen: true, ..lonely() }),
        ("R442", "quarantined", Facts { quarantined: true, ..lonely() }),
        ("R443", "configurations differ", Facts { config_same: false, ..lonely() }),
        ("R444", "boot wait", Facts { boot_wait: true, heard_this_boot: false, ..lonely() }),
        ("R445", "last active there", Facts { heard_this_boot: false, ..lonely() }),
        ("R446", "demands more", Facts { require_unmet: true, ..lonely() }),
        ("R447", "hold", Facts { hold_on_silence: true, ..lonely() }),
        ("R449", "not ready", Facts { ready: Known::No, ..lonely() }),
        ("R450", "lease", Facts { lease_wait: true, ..lonely() }),
        ("R451", "no state file", Facts { persist_broken: true, ..lonely() }),
        ("R460", "takes over", lonely()),
        ("R460", "readiness unknown does not forbid it", Facts { ready: Known::Unknown, ..lonely() }),
        (
            "R460",
            "vouched",
            Facts { vouched: true, hold_on_silence: true, frozen: true, sign: Sign::Unknown, ..lonely() },
        ),
        ("R460", "vouched, own hbd away", Facts { vouched: true, peer: PeerPresence::Unknown, ..lonely() }),
    ]
}

/// S20 S21 S22 S23 S13 S6: each row decides the situation it is made for, and none is without one. (R999 cannot be reached while
/// the rows above it cover everything, which is as it should be.)
#[test]
fn every_row_decides_its_own_situation() {
    let mut untested: BTreeSet<&str> = RULES.iter().map(|r| r.id).collect();
    untested.remove("R999");
    for (id, what, facts) in owner_cases().into_iter().chain(standby_cases()).chain(third_party_cases()) {
        let rule = decide(&facts);
        assert_eq!(rule.id, id, "{what}: {}", rule.condition);
        untested.remove(id);
    }
    assert!(untested.is_empty(), "no situation for {untested:?}");
}

/// S3 and the contract of third parties: without a person's word nothing is taken from a silent peer, or started by a node alone, while
/// the peer holds the vote, while the vote or the confirmation of the fence device is outstanding, or where either is demanded
/// and cannot be had.
#[test]
fn no_takeover_passes_a_third_party_that_objects() {
    use arbiter_core::rules::Action;
    let bases = [
        lonely(),
        booted_lonely(),
        Facts { phase: Phase::Released, ..booted_lonely() },
        Facts { phase: Phase::Withdrawing, ..booted_lonely() },
    ];
    for base in bases {
        for vote in [Vote::None, Vote::Held, Vote::Waiting, Vote::Peer, Vote::Unreachable] {
            for fence in [Fence::None, Fence::Due, Fence::Running, Fence::Confirmed, Fence::Failed] {
                for require in GuaranteeLevel::ALL {
                    let facts = Facts { vote, fence, require, ..base.clone() };
                    let rule = decide(&facts);
                    let taken = matches!(rule.action, Action::TakeOver | Action::Run);
                    let vote_ok = match vote {
                        Vote::None | Vote::Held => true,
                        Vote::Unreachable => require < GuaranteeLevel::Witnessed,
                        Vote::Waiting | Vote::Peer => false,
                    };
                    let fence_ok = match fence {
                        Fence::None | Fence::Confirmed => true,
                        Fence::Failed => require < GuaranteeLevel::Fenced,
                        // A node alone since boot shoots for its own group only where that is demanded.
                        Fence::Due | Fence::Running => rule.action == Action::Run && require < GuaranteeLevel::Fenced,
                    };
                    assert_eq!(taken, vote_ok && fence_ok, "{} on {vote:?} {fence:?} {require:?}", rule.id);
                    if rule.action == Action::Shoot {
                        assert!(vote_ok, "{} shoots without a vote: {vote:?}", rule.id);
                    }
                }
            }
        }
    }
}

/// S9 UnknownIsNotDown: whatever else holds, no rule takes a group from a peer that is not known to be silent, or of which the
/// check does not say "no sign", unless a person vouches or the peer itself offers it.
#[test]
fn nothing_unknown_leads_to_a_takeover() {
    use arbiter_core::rules::Action;
    let bools = 1u32 << 9;
    for bits in 0..bools {
        let bit = |n: u32| bits >> n & 1 == 1;
        for peer in [PeerPresence::Unknown, PeerPresence::Heard, PeerPresence::Silent] {
            for sign in [Sign::Unknown, Sign::Alive(LifeSign::Storage), Sign::Isolated, Sign::None] {
                for phase in [Phase::Normal, Phase::Releasing, Phase::Released, Phase::Withdrawing] {
                    let base = if bit(0) { owner() } else { standby() };
                    let facts = Facts {
                        peer,
                        sign,
                        phase: if bit(0) { phase } else { Phase::Normal },
                        peer_current: bit(1),
                        synced: bit(2),
                        boot_wait: bit(3),
                        heard_this_boot: bit(4),
                        serving: bit(5),
                        authorised: bit(0) && bit(6),
                        config_same: bit(7),
                        ready: if bit(8) { Known::Yes } else { Known::Unknown },
                        ..base
                    };
                    let rule = decide(&facts);
                    if rule.action == Action::TakeOver {
                        assert!(peer == PeerPresence::Silent && sign == Sign::None, "{} on {facts:?}", rule.id);
                    }
                    assert_ne!(rule.id, "R999", "a situation nobody thought of: {facts:?}");
                }
            }
        }
    }
}
