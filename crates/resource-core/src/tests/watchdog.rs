//! The watchdog under the clock: when it is armed, petted, disarmed; and what that means for the time after the last right.

use super::*;
use std::vec;

const TIMEOUT: Duration = Duration::from_secs(10);
const RESET: Duration = Duration::from_secs(2);

fn config(lease: Option<u64>, inherited: bool) -> Option<WatchdogConfig> {
    let groups = BTreeMap::from([(group_name(), lease.map(ms))]);
    Some(WatchdogConfig { timeout: TIMEOUT, reset_time: RESET, groups, inherited })
}

fn bench(lease: Option<u64>) -> Bench {
    Bench::guarded(vec![spec("app", "app", &[])], None, config(lease, false)).probed(&[false])
}

fn armed(b: &mut Bench) {
    b.input(Input::Watchdog(WatchdogState::Armed { timeout: TIMEOUT }));
}

/// Start ordered with a lease of `lease` from now on.
fn start(b: &mut Bench, generation: u64, lease: u64) {
    let until = b.now.after(ms(lease));
    b.target(with(target(generation, Desired::Started), |g| g.lease_expires = Some(until)));
}

fn acts(b: &mut Bench) -> Vec<String> {
    b.log().into_iter().filter(|line| line.starts_with("watchdog")).collect()
}

/// Answers everything that is asked for so long, and collects when the watchdog was petted.
fn run(b: &mut Bench, time: Duration) -> Vec<Timestamp> {
    let (until, mut pets) = (b.now.after(time), Vec::new());
    loop {
        while let Some(flight) = b.flights.first().cloned() {
            let outcome = if matches!(flight.action, Action::Stop { .. }) { Outcome::TimedOut } else { Outcome::Ok };
            b.done_op(flight.op, outcome);
        }
        pets.extend(acts(b).iter().filter(|line| *line != "watchdog Disarm").map(|_| b.now));
        match b.core.poll_timeout() {
            Some(at) if at <= until => b.tick(),
            _ => break,
        }
    }
    b.now = until;
    pets
}

/// A4: armed before the first start, never for a stopped group; disarmed when the stop is confirmed, not before.
#[test]
fn armed_before_the_start_and_disarmed_after_the_stop() {
    let mut b = bench(Some(3_000));
    b.pass(Duration::from_secs(60));
    assert!(acts(&mut b).is_empty(), "armed for nothing");
    start(&mut b, 1, 3_000);
    let log = b.log();
    assert!(log.starts_with(&["persist 1", "answer 1", "watchdog Arm"].map(String::from)), "{log:?}");
    assert_eq!(log.last().map(String::as_str), Some("start app"));
    armed(&mut b);
    assert_eq!(b.core.view().unwrap().watchdog, WatchdogState::Armed { timeout: TIMEOUT });
    b.done("app", Outcome::Ok);
    b.target(target(2, Desired::Stopped));
    assert!(!acts(&mut b).contains(&"watchdog Disarm".to_string()), "disarmed before the stop is confirmed");
    b.done("app", failed("no"));
    assert!(!acts(&mut b).contains(&"watchdog Disarm".to_string()), "disarmed by a stop that failed");
    b.done("app", Outcome::Ok);
    assert_eq!(acts(&mut b), ["watchdog Disarm"]);
    b.input(Input::Watchdog(WatchdogState::Off));
    start(&mut b, 3, 3_000);
    assert_eq!(acts(&mut b), ["watchdog Arm"], "the next start is guarded, too");
}

/// 1.6: with a lease shorter than the watchdog, only a fresh renewal pets: after the last renewal there is not one pet more.
#[test]
fn petted_by_renewals_only() {
    let mut b = bench(Some(3_000));
    start(&mut b, 1, 3_000);
    armed(&mut b);
    let mut renewals = vec![b.now];
    let mut pets = Vec::new();
    for generation in 2..20 {
        pets.extend(run(&mut b, ms(1_000)));
        start(&mut b, generation, 3_000);
        renewals.push(b.now);
    }
    assert!(pets.len() >= 15, "{}", pets.len());
    let last = *renewals.last().unwrap();
    pets.extend(run(&mut b, Duration::from_secs(120)));
    for pet in &pets {
        assert!(renewals.iter().any(|r| *r <= *pet && pet.since(*r) <= FRESH), "a pet at {pet} without a renewal");
    }
    assert!(pets.last().unwrap().since(last) <= FRESH, "petted without a right");
}

/// 1.6: with a lease longer than the watchdog it is petted between renewals, but fires before the lease ends.
#[test]
fn a_long_right_is_never_outlived() {
    let mut b = bench(Some(30_000));
    start(&mut b, 1, 30_000);
    armed(&mut b);
    let end = b.now.after(ms(30_000));
    let pets = run(&mut b, Duration::from_secs(100));
    assert!(pets.len() >= 6, "it would have fired while the right was good: {pets:?}");
    assert!(pets.windows(2).all(|w| w[1].since(w[0]) < TIMEOUT / 2), "{pets:?}");
    assert!(pets.last().unwrap().after(TIMEOUT + RESET) <= end, "{pets:?} {end}");
}

/// S7: an order that lay around (own stall) pets nothing although it names a later end than the one before.
#[test]
fn a_stale_renewal_pets_nothing() {
    let mut b = bench(Some(3_000));
    start(&mut b, 1, 3_000);
    armed(&mut b);
    run(&mut b, ms(1_000));
    let made = b.now;
    b.now = b.now.after(ms(2_000));
    b.target(with(target(2, Desired::Started), |g| g.lease_expires = Some(made.after(ms(3_000)))));
    assert!(acts(&mut b).is_empty());
}

/// A group without a lease has no right that ends: the loop's own turning pets.
#[test]
fn without_a_lease_the_loop_pets() {
    let mut b = bench(None);
    b.target(target(1, Desired::Started));
    assert!(b.log().contains(&"watchdog Arm".to_string()));
    armed(&mut b);
    let pets = run(&mut b, Duration::from_secs(60));
    assert!(pets.len() >= 20 && pets.windows(2).all(|w| w[1].since(w[0]) < TIMEOUT / 2), "{}", pets.len());
}

/// What an earlier run left armed is disarmed once nothing is known to run here; never before it was looked.
#[test]
fn what_an_earlier_run_left_is_disarmed() {
    let mut b = Bench::guarded(vec![spec("app", "app", &[])], None, config(Some(3_000), true));
    assert!(acts(&mut b).is_empty());
    b.done("app", Outcome::Unknown { text: "?".to_string() });
    assert!(acts(&mut b).is_empty());
    b.pass(ms(1_500));
    b.done("app", Outcome::NotRunning);
    assert_eq!(acts(&mut b), ["watchdog Disarm"]);
}

/// N13: a device that does not work is in the view and the history, is tried again, and holds nothing up.
#[test]
fn a_broken_watchdog_is_told_and_tried_again() {
    let mut b = bench(None);
    b.target(target(1, Desired::Started));
    b.log();
    b.input(Input::Watchdog(WatchdogState::Broken { reason: "no device".to_string() }));
    assert!(matches!(&b.core.view().unwrap().watchdog, WatchdogState::Broken { reason } if reason == "no device"));
    assert!(b.noted(|n| matches!(n, NoteEvent::WatchdogBroken { .. })));
    b.done("app", Outcome::Ok);
    assert_eq!(b.state(), GroupState::Running);
    assert!(acts(&mut b).is_empty());
    b.pass(TIMEOUT / 2 + ms(10));
    assert!(acts(&mut b).contains(&"watchdog Arm".to_string()));
}
