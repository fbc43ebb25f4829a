//! The invariants see bugs: each is put in by the simulator, outside production code, and some seed must show it.

use simulator::faults::Profile;
use simulator::world::Bugs;
use simulator::{Options, run};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Simulating is mostly small allocations: this allocator makes them cheap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Plays seeds with a bug, in parallel, until one of `wanted` was violated.
fn notices(bugs: Bugs, profile: Profile, wanted: &[&str]) {
    const SEEDS: u64 = 600;
    let next = AtomicU64::new(1);
    let found = AtomicBool::new(false);
    let seen = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from).min(8) {
            scope.spawn(|| {
                while !found.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > SEEDS {
                        return;
                    }
                    let options = Options { most_faults: 14, profile: Some(profile), bugs };
                    // A core that contradicts itself ends its process: that is a way of noticing, too, but not the one wanted here.
                    let outcome = catch_unwind(AssertUnwindSafe(|| run(seed, options)));
                    let invariant = match outcome {
                        Ok(Ok(_)) => continue,
                        Ok(Err(failure)) => failure.invariant.to_string(),
                        Err(_) => "panic".to_string(),
                    };
                    if wanted.contains(&invariant.as_str()) {
                        found.store(true, Ordering::Relaxed);
                    }
                    seen.lock().unwrap_or_else(PoisonError::into_inner).insert(invariant);
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(found.into_inner(), "{bugs:?} was not noticed by {wanted:?}; seen: {seen:?}");
}

/// S9: "could not ask" reported as "asked, and nothing answered".
#[test]
fn unknown_read_as_no_sign_is_noticed() {
    notices(Bugs { unknown_as_no_sign: true, ..Bugs::default() }, Profile::Mixed, &["unknown_is_not_down"]);
}

/// L2 L3: signs of life that never reach the arbiter.
#[test]
fn a_deaf_safety_check_is_noticed() {
    notices(
        Bugs { deaf_prober: true, ..Bugs::default() },
        Profile::Partitions,
        &["no_false_failover", "unknown_is_not_down"],
    );
}

/// S2 S15: epochs that are confirmed and never written.
#[test]
fn forgotten_writes_are_noticed() {
    notices(Bugs { forget_writes: true, ..Bugs::default() }, Profile::Mixed, &["epoch_monotone"]);
}

/// S4: a group that is being stopped passes for stopped.
#[test]
fn an_unconfirmed_stop_is_noticed() {
    notices(
        Bugs { stopping_as_stopped: true, ..Bugs::default() },
        Profile::HandOvers,
        &["stop_before_start", "one_owner"],
    );
}

/// S4: an offer is taken back without waiting until the peer has seen so.
#[test]
fn a_withdrawal_that_nobody_saw_is_noticed() {
    notices(
        Bugs { skip_withdrawal_check: true, ..Bugs::default() },
        Profile::HandOvers,
        &["one_owner", "stop_before_start"],
    );
}

/// S1 at the level `witnessed`: a vote that both nodes get.
#[test]
fn a_vote_given_twice_is_noticed() {
    notices(Bugs { generous_witness: true, ..Bugs::default() }, Profile::Arbitrated, &["third_party_one_owner"]);
}

/// S1 at the level `fenced`: a confirmation of what was not done.
#[test]
fn a_fence_that_did_nothing_is_noticed() {
    notices(Bugs { idle_device: true, ..Bugs::default() }, Profile::Arbitrated, &["third_party_one_owner"]);
}
