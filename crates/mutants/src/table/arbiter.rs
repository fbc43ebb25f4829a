//! Bugs of the judgement.

use super::{edit, mutant};
use crate::Mutant;

const EVALUATE: &str = "arbiter-core/src/evaluate.rs";
const EXCHANGE: &str = "arbiter-core/src/exchange.rs";
const FACTS: &str = "arbiter-core/src/facts.rs";
const LIB: &str = "arbiter-core/src/lib.rs";
const RULES: &str = "arbiter-core/src/rules.rs";

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
        &["boot_safe", "unknown_is_not_down", "no_false_failover", "one_owner", "stop_before_start"],
        &[edit(FACTS, "PeerPresence::Unknown => «false»", "true")],
    ),
    mutant(
        4,
        "the wait for the peer's lease is skipped",
        &["leased_one_owner"],
        &[edit(EVALUATE, "«ends.into_iter().flatten().any(|over| now < over)»", "let _ = (ends, now); false")],
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
        20,
        "a new start in silence needs no safety check",
        &["one_owner", "stop_before_start", "boot_safe"],
        &[edit(
            FACTS,
            "«self.sign == Sign::None && !self.boot_wait && self.boot_policy_allows() && !self.lease_wait»",
            "true",
        )],
    ),
    mutant(
        25,
        "one path that is down counts as silence of the peer",
        &["no_false_failover", "one_owner"],
        &[
            edit(
                "types/src/peer_view.rs",
                "«self.paths.iter().any(|p| matches!(p.rx.state, PathState::Up | PathState::Late))»",
                "self.paths.iter().all(|p| matches!(p.rx.state, PathState::Up | PathState::Late))",
            ),
            edit(
                "types/src/peer_view.rs",
                "«!self.paths.is_empty() && self.paths.iter().all(|p| p.rx.state == PathState::Down)»",
                "self.paths.iter().any(|p| p.rx.state == PathState::Down)",
            ),
        ],
    ),
    mutant(
        28,
        "the wait for the peer's lease does not count from its last sign of life",
        &["leased_one_owner"],
        &[edit(EVALUATE, "«self.heard_at = self.heard_at.max(now);»", "")],
    ),
];
