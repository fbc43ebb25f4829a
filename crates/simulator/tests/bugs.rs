//! The invariants see bugs: each is put in by the simulator, outside production code, and some seed must show it.

use simulator::world::Bugs;
use simulator::{Options, run};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Plays seeds with a bug until all of `wanted` were violated; says what was.
fn violated(bugs: Bugs, seeds: u64, wanted: &[&str]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for seed in 1..=seeds {
        let options = Options { most_faults: 14, bugs };
        match catch_unwind(AssertUnwindSafe(|| run(seed, options))) {
            Ok(Ok(_)) => {}
            Ok(Err(failure)) => {
                seen.insert(failure.invariant.to_string());
            }
            Err(_) => {
                seen.insert("panic".to_string());
            }
        }
        if wanted.iter().all(|w| seen.contains(*w)) {
            break;
        }
    }
    seen
}

fn notices(bugs: Bugs, invariant: &str) {
    let seen = violated(bugs, 400, &[invariant]);
    assert!(seen.contains(invariant), "{bugs:?} was not noticed by {invariant}; seen: {seen:?}");
}

/// S9: "could not ask" reported as "asked, and nothing answered".
#[test]
fn unknown_read_as_no_sign_is_noticed() {
    notices(Bugs { unknown_as_no_sign: true, ..Bugs::default() }, "unknown_is_not_down");
}

/// L2 L3: signs of life that never reach the arbiter.
#[test]
fn a_deaf_safety_check_is_noticed() {
    notices(Bugs { deaf_prober: true, ..Bugs::default() }, "no_false_failover");
}

/// S2 S15: epochs that are confirmed and never written.
#[test]
fn forgotten_writes_are_noticed() {
    notices(Bugs { forget_writes: true, ..Bugs::default() }, "epoch_monotone");
}

/// S4: a group that is being stopped passes for stopped.
#[test]
fn an_unconfirmed_stop_is_noticed() {
    notices(Bugs { stopping_as_stopped: true, ..Bugs::default() }, "stop_before_start");
}

/// S4: an offer is taken back without waiting until the peer has seen so.
#[test]
fn a_withdrawal_that_nobody_saw_is_noticed() {
    let bugs = Bugs { skip_withdrawal_check: true, ..Bugs::default() };
    let seen = violated(bugs, 400, &["one_owner", "stop_before_start"]);
    assert!(seen.contains("one_owner") || seen.contains("stop_before_start"), "not noticed; seen: {seen:?}");
}
