//! Bugs of the judgement.

use super::{edit, mutant};
use crate::Mutant;

const EVALUATE: &str = "arbiter-core/src/evaluate.rs";
const EXCHANGE: &str = "arbiter-core/src/exchange.rs";
const FACTS: &str = "arbiter-core/src/facts.rs";
const GROUP: &str = "arbiter-core/src/group.rs";
const LIB: &str = "arbiter-core/src/lib.rs";
const RULES: &str = "arbiter-core/src/rules.rs";
const SAFETY: &str = "arbiter-core/src/safety.rs";

/// See the file's head.
pub(super) const BUGS: &[Mutant] = &[
    mutant(
        1,
        "a safety check that cannot tell reads as: no sign of life",
        &["unknown_is_not_down", "no_false_failover"],
        &[edit(EVALUATE, "Some(Verdict::Unknown) | None => «Sign::Unknown»", "Sign::None")],
    ),
    mutant(
        2,
        "an isolated node reads its isolation as the death of the peer",
        &["unknown_is_not_down", "no_false_failover"],
        &[edit(EVALUATE, "Some(Verdict::IAmIsolated) => «Sign::Isolated»", "Sign::None")],
    ),
    mutant(
        3,
        "the word of a silent hbd reads as silence of the peer",
        &["unknown_is_not_down", "no_false_failover", "one_owner", "stop_before_start"],
        &[edit(FACTS, "PeerPresence::Unknown => «false»", "true")],
    ),
    mutant(
        4,
        "the wait for the peer's lease is skipped",
        &["leased_one_owner"],
        &[edit(EVALUATE, "«self.lease_over(group).is_some_and(|over| now < over)»", "false")],
    ),
    mutant(
        5,
        "a lease is renewed in silence, without knowing that this node is not the isolated one",
        &["leased_one_owner"],
        &[edit(EVALUATE, "Need::Late | Need::Silent => «matches!(self.sign(), Sign::Alive(_) | Sign::None)»", "true")],
    ),
    mutant(
        6,
        "after an own stall the old verdict stands and nothing is validated afresh",
        &["unknown_is_not_down", "no_false_failover", "one_owner"],
        &[
            edit(LIB, "fn on_stalled(&mut self, gap: Duration, now: Timestamp) {\n        «self.safety.stalled(now);\n        self.verdict = None;»", "let _ = gap;"),
            edit(RULES, "|f| «f.revalidating»", "false"),
        ],
    ),
    mutant(
        7,
        "a new epoch has its effect before it is durable",
        &["durable_first", "epoch_monotone"],
        &[edit(
            EVALUATE,
            "«group.taking = group.epoch.next(me).map(|epoch: Epoch| Taking { epoch, takeover });»",
            "if let Some(epoch) = group.epoch.next(me) { let _ = takeover; group.epoch = epoch; group.authorised = Some(epoch); group.phase = Phase::Normal; }",
        )],
    ),
    mutant(
        8,
        "a takeover is not validated once more when its epoch has been written",
        &["no_false_failover", "unknown_is_not_down", "one_owner"],
        &[edit(
            LIB,
            "let still_right = «!taking.takeover
            || self.vouched
            || (self.presence() == facts::PeerPresence::Silent && self.sign() == Sign::None)»;",
            "true",
        )],
    ),
    mutant(
        9,
        "an offer is taken back without waiting until the peer has seen so",
        &["one_owner", "stop_before_start"],
        &[edit(
            EVALUATE,
            "let confirmed = «seen.is_some_and(|(run, seq)| run == arbiter && seq >= group.withdrawal_seq)
                && group.remote.as_ref().is_none_or(|r| r.epoch <= group.epoch)»;",
            "let _ = (seen, arbiter); true",
        )],
    ),
    mutant(
        10,
        "while an own epoch is being written, the peer's words are confirmed to it all the same",
        &["one_owner", "stop_before_start"],
        &[
            edit(EXCHANGE, "if «self.groups.iter().all(|g| g.taking.is_none())» {", "true"),
            edit(EXCHANGE, "if «self.groups.iter().all(|g| g.taking.is_none())»\n", "true"),
        ],
    ),
    mutant(
        11,
        "a group is offered before its stop is confirmed",
        &["one_owner", "stop_before_start"],
        &[edit(RULES, "mine(f) && f.phase == Phase::Releasing && heard(f) && «f.stop_confirmed»", "true")],
    ),
    mutant(
        12,
        "what resd said before the order to stop counts as its answer to it",
        &["one_owner", "stop_before_start"],
        &[edit(EVALUATE, "&& «observed.generation == Some(target.generation)»", "true")],
    ),
    mutant(
        13,
        "resd's \"not known\" reads as: nothing runs here",
        &["one_owner", "stop_before_start"],
        &[edit(GROUP, "«self.observed.as_ref().is_none_or(|o| o.serving)»", "self.known_up()")],
    ),
    mutant(
        14,
        "the epoch check is dropped: whatever epoch the peer tells is taken over",
        &["epoch_monotone", "one_owner", "stop_before_start", "heal_converges"],
        &[edit(EXCHANGE, "if «remote.epoch <= group.epoch» {\n            return;", "remote.epoch == group.epoch")],
    ),
    mutant(
        15,
        "equal epoch numbers are not told apart: after a partition both keep what they have",
        &["heal_converges", "one_owner", "epoch_monotone"],
        &[edit(
            "types/src/epoch.rs",
            "«self.number.cmp(&other.number).then_with(|| other.node.cmp(&self.node))»",
            "self.number.cmp(&other.number)",
        )],
    ),
    mutant(
        16,
        "taking a group does not raise its epoch",
        &["heal_converges", "one_owner", "epoch_monotone", "no_deadlock"],
        &[edit("types/src/epoch.rs", "number: «self.number.checked_add(1)?»", "self.number.max(1)")],
    ),
    mutant(
        17,
        "a node that has just booted does not wait for its peer",
        &["boot_safe"],
        &[edit(EVALUATE, "boot_wait: «!self.boot_wait_over»", "false")],
    ),
    mutant(
        18,
        "the number of automatic moves is not limited: no quarantine",
        &["no_ping_pong"],
        &[edit(GROUP, "«self.moves(now) >= self.config.max_moves»", "let _ = now; false")],
    ),
    mutant(
        19,
        "a group is started before the peer's arbiter has answered this run",
        &["one_owner", "stop_before_start"],
        &[edit(FACTS, "PeerPresence::Heard => «self.peer_current && self.synced»", "true")],
    ),
    mutant(
        20,
        "a new start in silence needs no safety check",
        &["one_owner", "stop_before_start", "boot_safe"],
        &[edit(FACTS, "PeerPresence::Silent => «self.sign == Sign::None && !self.boot_wait && self.boot_policy_allows()»", "true")],
    ),
    mutant(
        21,
        "an offer is taken back on mere silence of the peer",
        &["unknown_is_not_down", "no_false_failover", "one_owner"],
        &[edit(
            RULES,
            "matches!(f.phase, Phase::Released | Phase::Withdrawing)
                && «peer_gone(f)»",
            "!heard(f)",
        )],
    ),
    mutant(
        22,
        "the owner by the higher epoch does not wait until the peer has stopped",
        &["one_owner", "stop_before_start"],
        &[edit(RULES, "|f| «mine(f) && !f.up_or_ordered() && heard(f) && f.peer_current && f.peer_serving»", "false")],
    ),
    mutant(
        23,
        "a person's word that the peer is off outlives the peer's return",
        &["one_owner", "stop_before_start", "no_false_failover", "unknown_is_not_down"],
        &[
            edit(LIB, "// Who is heard is not off, whatever a person said.\n            «self.vouched = false;»", ""),
        ],
    ),
    mutant(
        24,
        "silence counts before the answers had time to come",
        &["unknown_is_not_down", "no_false_failover", "one_owner"],
        &[edit(SAFETY, "if «now < started.after(self.window)» {", "false")],
    ),
    mutant(
        25,
        "one path that is down counts as silence of the peer",
        &["no_false_failover", "one_owner"],
        &[
            edit("types/src/peer_view.rs", "«self.paths.iter().any(|p| matches!(p.rx.state, PathState::Up | PathState::Late))»", "self.paths.iter().all(|p| matches!(p.rx.state, PathState::Up | PathState::Late))"),
            edit("types/src/peer_view.rs", "«!self.paths.is_empty() && self.paths.iter().all(|p| p.rx.state == PathState::Down)»", "self.paths.iter().any(|p| p.rx.state == PathState::Down)"),
        ],
    ),
    mutant(
        26,
        "a start that was ordered but not yet seen counts as: nothing runs here",
        &["one_owner", "stop_before_start"],
        &[edit(EVALUATE, "group.serving() || «ordered.is_some_and(|t| t.desired == Desired::Started)»", "let _ = ordered; false")],
    ),
    mutant(
        27,
        "a lease that ran out is granted anew without the peer's word or its death",
        &["leased_one_owner"],
        &[edit(EVALUATE, "Some(expires) if «now >= expires && !grant» =>", "let _ = grant; false")],
    ),
    mutant(
        28,
        "the wait for the peer's lease does not count from its last sign of life",
        &["leased_one_owner"],
        &[edit(EVALUATE, "«self.heard_at = self.heard_at.max(now);»", "")],
    ),
    mutant(
        29,
        "a node forgets the epoch that its resd still holds",
        &["epoch_monotone", "one_owner", "heal_converges"],
        &[edit(LIB, ".filter(|e| «*e > group.epoch»)", "*e > group.epoch && false")],
    ),
    mutant(
        30,
        "an arbiter whose process is gone counts as present: its last word stays current",
        &["no_deadlock", "heal_converges", "one_owner", "stop_before_start"],
        &[edit(LIB, "let fresh = view.any_path_alive() && «view.advert.as_ref().is_some_and(|a| !a.stale)»;", "true")],
    ),
    mutant(
        31,
        "a group that failed here is forgotten as soon as it has moved",
        &["no_ping_pong"],
        &[edit(EVALUATE, "group.failed_until = «Some(Until(now.after(group.config.move_window)))»;", "None")],
    ),
    mutant(
        32,
        "an old offer is taken again",
        &["heal_converges", "no_deadlock", "one_owner", "stop_before_start"],
        &[edit(EVALUATE, "Claim::Released(offer) if offer.to == me && «r.epoch == group.epoch»", "true")],
    ),
];
