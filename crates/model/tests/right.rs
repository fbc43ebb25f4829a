//! The timing inequality, found sharp from both sides: what `hotpair_types::timing` (by which `hotpair check` accepts or refuses
//! timings) allows is safe in every state that can be reached, and one tick less has a counterexample. A tick is a nanosecond.

use core::time::Duration;
use hotpair_types::timing::{Guard, Margins, holds, needed};
use model::explore::{Found, explore};
use model::right::Timings;

const LIMIT: usize = 20_000_000;

fn ticks(n: u32) -> Duration {
    Duration::from_nanos(n.into())
}

fn margins(latency: u32, drift_inverse: u32) -> Margins {
    Margins { rho_ppm: 1_000_000_u32.checked_div(drift_inverse).unwrap_or(0), sampling: ticks(latency) }
}

fn on_renewal(watchdog: u32, reset: u32) -> Guard {
    Guard::PetOnRenewal { watchdog: ticks(watchdog), reset: ticks(reset) }
}

fn while_alive(demote: u32, watchdog: u32, reset: u32) -> Guard {
    Guard::PetWhileAlive { demote: ticks(demote), watchdog: ticks(watchdog), reset: ticks(reset) }
}

/// Explores; the verdict must be the function's.
fn agree(timings: Timings) -> Found {
    let found = explore(&timings, LIMIT);
    let rule = holds(timings.guard, ticks(timings.takeover), margins(timings.latency, timings.drift_inverse));
    assert_eq!(found.bad.is_none(), rule, "{timings:?}: {found:?}");
    assert!(found.complete || found.bad.is_some(), "{timings:?}: more than {LIMIT} states");
    found
}

/// At the bound, one tick above and one below; returns configurations and states.
fn around(guard: Guard, demote: u32, latency: u32, witness: bool) -> (usize, usize) {
    let bound = u32::try_from(needed(guard, margins(latency, 0)).as_nanos()).unwrap_or(u32::MAX);
    let pauses = !matches!(guard, Guard::Lease { .. });
    let states = [bound - 1, bound, bound + 1].map(|takeover| {
        let timings = Timings { guard, demote, latency, takeover, drift_inverse: 0, witness, pauses };
        let found = agree(timings);
        assert_eq!(found.bad.is_some(), takeover < bound, "{timings:?}: the bound is sharp");
        found.states
    });
    (states.len(), states.iter().sum())
}

/// FAULTS 1.6, S3: pet on renewal: W + R + J is enough, whatever T_demote is, and one tick less is not.
#[test]
fn petting_on_renewal_is_sharp() {
    let mut total = (0, 0);
    for (demote, watchdog) in [1, 9].into_iter().flat_map(|d| [3, 4].map(|w| (d, w))) {
        for (reset, latency) in [0, 1].into_iter().flat_map(|r| [0, 1, 2].map(|j| (r, j))) {
            for witness in [false, true] {
                let (n, states) = around(on_renewal(watchdog, reset), demote, latency, witness);
                total = (total.0 + n, total.1 + states);
            }
        }
    }
    println!("pet on renewal: {} configurations, {} states, every one of them", total.0, total.1);
}

/// FAULTS 1.6: pet while alive: T_demote comes on top.
#[test]
fn petting_while_alive_is_sharp() {
    let mut total = (0, 0);
    for (demote, watchdog) in [1, 2].into_iter().flat_map(|d| [3, 4].map(|w| (d, w))) {
        for (reset, latency) in [0, 1].into_iter().flat_map(|r| [0, 1, 2].map(|j| (r, j))) {
            for witness in [false, true] {
                let (n, states) = around(while_alive(demote, watchdog, reset), demote, latency, witness);
                total = (total.0 + n, total.1 + states);
            }
        }
    }
    println!("pet while alive: {} configurations, {} states, every one of them", total.0, total.1);
}

/// FAULTS 1.6, I3: without a watchdog the owner's own deadline is enough as long as nothing pauses it; with a pause, no wait is.
#[test]
fn a_lease_alone_is_sharp_without_pauses_and_void_with_them() {
    for (demote, latency) in [3, 6].into_iter().flat_map(|d| [0, 1, 2].map(|j| (d, j))) {
        around(Guard::Lease { demote: ticks(demote) }, demote, latency, false);
    }
    let guard = Guard::Lease { demote: ticks(2) };
    let long = Timings { guard, demote: 2, latency: 0, takeover: 60, drift_inverse: 0, witness: true, pauses: true };
    let found = explore(&long, LIMIT);
    let (way, text) = found.bad.expect("a pause outlasts any wait");
    println!("a lease alone, T_demote 2, T_take 60:\n  {}\n  {text}", way.last().unwrap());
}

/// FAULTS 1.6, A3: clocks that drift: each timer takes what it may at worst, on either side of the inequality.
#[test]
fn drift_is_sharp() {
    const INVERSE: u32 = 4;
    let mut states = 0;
    for (guard, takeover) in [(on_renewal(4, 0), 8), (while_alive(4, 4, 0), 16)] {
        let allowed = (0..=takeover).filter(|j| holds(guard, ticks(takeover), margins(*j, INVERSE))).max();
        let allowed = allowed.expect("some latency is allowed");
        for latency in [allowed, allowed + 1] {
            let t =
                Timings { guard, demote: 4, latency, takeover, drift_inverse: INVERSE, witness: false, pauses: true };
            let found = agree(t);
            assert_eq!(found.bad.is_some(), latency > allowed, "{t:?}: the bound is sharp");
            states += found.states;
        }
    }
    println!("drift of 1/{INVERSE}: {states} states");
}

/// FAULTS 1.6: the counterexample one tick below the bound, in words.
#[test]
fn one_tick_below_the_bound_the_story_is_told() {
    let guard = on_renewal(4, 0);
    let timings = Timings { guard, demote: 3, latency: 1, takeover: 4, drift_inverse: 0, witness: false, pauses: true };
    let (way, text) = agree(timings).bad.expect("4 + 1 > 4");
    println!("W 4, J 1, T_take 4:");
    for (at, step) in way.iter().enumerate() {
        println!("{:>3}. {step}", at + 1);
    }
    println!("     {text}");
    assert!(way.iter().any(|s| s.contains("paused")), "a pause is what makes the difference");
}
