//! One test per rule: orders, ladders, leases, readings.

use super::*;
use crate::Action::*;
use alloc::vec;

fn single() -> Vec<ResourceSpec> {
    vec![spec("app", "app", &[])]
}

/// S3: everything is probed first; a start goes up the tree, one level at a time, in the same entry as the answer below.
#[test]
fn starts_in_order_and_stops_in_reverse() {
    let mut b = Bench::new(stack(), None);
    assert_eq!(b.log(), ["probe ip", "probe vol", "probe app"]);
    assert_eq!(b.state(), GroupState::Unknown);
    let mut b = b.probed(&[false; 3]);
    assert_eq!(b.state(), GroupState::Stopped);
    b.target(target(1, Desired::Started));
    assert_eq!(b.log(), ["persist 1", "answer 1", "start ip"]);
    b.done("ip", Outcome::Ok);
    b.done("vol", Outcome::Ok);
    assert_eq!(b.state(), GroupState::Starting);
    b.done("app", Outcome::Ok);
    assert_eq!(b.log(), ["start vol", "start app"]);
    assert_eq!(b.state(), GroupState::Running);
    b.target(target(2, Desired::Stopped));
    assert_eq!(b.log(), ["persist 2", "answer 2", "stop app"]);
    b.done("app", Outcome::Ok);
    b.done("vol", Outcome::Ok);
    assert_eq!(b.log().iter().filter(|l| l.starts_with("stop")).count(), 2);
    assert!(b.group().serving);
    b.done("ip", Outcome::Ok);
    assert_eq!(b.state(), GroupState::Stopped);
    assert!(!b.group().serving);
}

/// Branches of the tree run in parallel.
#[test]
fn independent_resources_start_at_once() {
    let tree = vec![spec("a", "app", &[]), spec("b", "app", &[]), spec("c", "app", &["a", "b"])];
    let mut b = Bench::new(tree, None).probed(&[false; 3]);
    b.target(target(1, Desired::Started));
    assert_eq!(b.log(), ["persist 1", "answer 1", "start a", "start b"]);
    b.done("b", Outcome::Ok);
    assert!(b.log().is_empty());
    b.done("a", Outcome::Ok);
    assert_eq!(b.log(), ["start c"]);
}

/// Generations: older and contradictory targets are refused loudly, equal ones are fine (DESIGN section 1).
#[test]
fn stale_and_contradictory_targets_are_refused() {
    let mut b = Bench::new(single(), None).probed(&[false]);
    b.target(target(5, Desired::Stopped));
    b.target(target(5, Desired::Stopped));
    b.target(target(4, Desired::Started));
    b.target(target(5, Desired::Started));
    b.target(Target { boot: BootId([8; 16]), ..target(6, Desired::Started) });
    let log: Vec<_> = b.log().into_iter().filter(|l| !l.contains("readiness")).collect();
    assert_eq!(log, ["persist 5", "answer 5", "answer 5", "refused", "refused", "refused"]);
    assert!(b.noted(|n| matches!(n, NoteEvent::TargetRefused(Refusal::Contradiction(Generation(5))))));
    assert!(b.noted(|n| matches!(n, NoteEvent::TargetRefused(Refusal::OtherBoot(_)))));
    assert_eq!(b.core.generation(), Some(Generation(5)));
}

/// B6: what runs is adopted without a restart, with the target of the same boot read back from disk.
#[test]
fn a_restarted_resd_adopts() {
    let mut b = Bench::new(stack(), Some(target(9, Desired::Started)));
    b.log();
    for name in ["app", "vol", "ip"] {
        b.done(name, Outcome::Ok);
    }
    assert_eq!(b.log(), [""; 0]);
    assert_eq!(b.state(), GroupState::Running);
    assert!(b.noted(|n| *n == NoteEvent::Adopted));
    assert_eq!(b.core.view().unwrap().generation, Some(Generation(9)));
    b.pass(ms(1_000));
    assert_eq!(b.busy("app"), Some(Monitor { deep: false }));
}

/// A target of another boot starts nothing and stops nothing.
#[test]
fn a_target_of_another_boot_is_not_in_force() {
    let old = Target { boot: BootId([8; 16]), ..target(9, Desired::Stopped) };
    let mut b = Bench::new(single(), Some(old)).probed(&[true]);
    b.pass(ms(900));
    assert!(!b.log().iter().any(|l| l.starts_with("st")));
    assert_eq!((b.state(), b.core.generation()), (GroupState::Running, None));
}

/// FAULTS S9: a probe without answer is not "stopped": no start follows from it, and the group is not reported stopped.
#[test]
fn an_unknown_probe_is_never_stopped() {
    let mut b = Bench::new(single(), None);
    b.done("app", Outcome::Unknown { text: "no bus".to_string() });
    assert_eq!(b.state(), GroupState::Unknown);
    assert!(b.group().serving);
    b.target(target(1, Desired::Started));
    assert!(!b.log().contains(&"start app".to_string()));
    b.pass(ms(1_000));
    b.done("app", Outcome::TimedOut);
    assert_eq!(b.state(), GroupState::Unknown);
    // Only a confirmed stop makes it startable.
    b.pass(ms(2_000));
    b.done("app", Outcome::Unknown { text: "no bus".to_string() });
    assert_eq!(b.busy("app"), Some(Stop { force: false }));
    b.done("app", Outcome::Ok);
    assert_eq!(b.busy("app"), Some(Start));
}

/// FAULTS S9: an order to stop something of unknown state is carried out, and confirmed.
#[test]
fn unknown_is_stopped_when_ordered_so() {
    let mut b = Bench::new(single(), None);
    b.done("app", Outcome::TimedOut);
    b.target(target(1, Desired::Stopped));
    assert_eq!(b.busy("app"), Some(Stop { force: false }));
    assert_eq!(b.state(), GroupState::Stopping);
    b.done("app", Outcome::Ok);
    assert_eq!(b.state(), GroupState::Stopped);
}

/// S12 G07: a dead application is restarted on the spot at once, then with doubling pauses, until the restarts are used up.
#[test]
fn the_recovery_ladder() {
    let mut b = Bench::up(single());
    for pause in [0, 1_000, 2_000] {
        b.event("app", ResourceEvent::Vanished("killed".to_string()));
        assert_eq!(b.state(), GroupState::Recovering);
        b.done("app", Outcome::Ok);
        if pause > 0 {
            assert_eq!(b.busy("app"), None);
            b.pass(ms(pause - 1));
            assert_eq!(b.busy("app"), None, "pause {pause}");
            b.pass(ms(1));
        }
        assert_eq!(b.busy("app"), Some(Start));
        b.done("app", Outcome::Ok);
        assert_eq!(b.state(), GroupState::Running);
    }
    assert_eq!(b.group().resources[0].repairs, 3);
    b.event("app", ResourceEvent::Vanished("killed".to_string()));
    assert_eq!(b.state(), GroupState::Failed);
    assert_eq!(b.group().failure.as_ref().map(|f| f.scope), Some(FailureScope::Resource));
    b.done("app", Outcome::Ok);
    b.pass(ms(100_000));
    assert!(!b.group().serving);
    assert_eq!(b.state(), GroupState::Failed);
    assert_ne!(b.busy("app"), Some(Start));
    // `clear` gives it a new try; so does a new ownership.
    b.target(with(target(2, Desired::Started), |g| g.clear = 1));
    assert_eq!(b.busy("app"), Some(Start));
    assert_eq!((b.group().cleared, b.group().failure.clone()), (1, None));
}

/// S12: failures older than the window do not count.
#[test]
fn failures_leave_the_window() {
    let mut b = Bench::up(single());
    for _ in 0..8 {
        b.event("app", ResourceEvent::Vanished("killed".to_string()));
        b.done("app", Outcome::Ok);
        assert_eq!(b.busy("app"), Some(Start));
        b.done("app", Outcome::Ok);
        b.now = b.now.after(ms(600_000));
    }
    assert_eq!(b.state(), GroupState::Running);
}

/// G01 G12: a start failure in the middle counts, and when restarts are used up everything is unwound in reverse.
#[test]
fn mid_group_start_failure_unwinds() {
    let mut b = Bench::new(stack(), None).probed(&[false; 3]);
    b.target(target(1, Desired::Started));
    b.done("ip", Outcome::Ok);
    b.done("vol", Outcome::Ok);
    for _ in 0..4 {
        b.log();
        b.done("app", failed("exit 1"));
        assert_eq!(b.log(), ["stop app"], "a failed start is always followed by a stop");
        b.done("app", Outcome::Ok);
        b.pass(ms(0));
        while b.busy("app") != Some(Start) && b.state() != GroupState::Failed {
            b.tick();
            b.flights.iter().filter(|f| f.resource != "app").cloned().collect::<Vec<_>>().into_iter().for_each(|f| {
                b.done_op(f.op, Outcome::Ok);
            });
        }
    }
    assert_eq!(b.state(), GroupState::Failed);
    b.done("vol", Outcome::Ok);
    assert_eq!(b.busy("ip"), Some(Stop { force: false }));
    b.done("ip", Outcome::Ok);
    assert!(!b.group().serving);
    assert_eq!(b.state(), GroupState::Failed);
}

/// G02: a start that hangs is stopped, and counts.
#[test]
fn a_hanging_start_is_stopped() {
    let mut b = Bench::new(single(), None).probed(&[false]);
    b.target(target(1, Desired::Started));
    b.done("app", Outcome::TimedOut);
    assert_eq!(b.busy("app"), Some(Stop { force: false }));
    assert_eq!(b.group().resources[0].failures, 1);
}

/// S12: what stands on a failed resource is stopped first and started again after it.
#[test]
fn dependants_go_down_and_come_back_with_a_repair() {
    let mut b = Bench::up(stack());
    b.event("vol", ResourceEvent::Failed { text: "read-only".to_string(), scope: FailureScope::Resource });
    assert_eq!(b.log(), ["stop app"]);
    b.done("app", Outcome::Ok);
    b.done("vol", Outcome::Ok);
    b.done("vol", Outcome::Ok);
    b.done("app", Outcome::Ok);
    assert_eq!(b.log(), ["stop vol", "start vol", "start app"]);
    assert_eq!(b.state(), GroupState::Running);
}

/// G09: an address removed by hand is put back in place; nothing above it is disturbed.
#[test]
fn an_address_is_restored_in_place() {
    let mut b = Bench::up(stack());
    b.event("ip", ResourceEvent::Vanished("removed by hand".to_string()));
    assert_eq!(b.log(), ["start ip"]);
    assert_eq!(b.state(), GroupState::Recovering);
    b.done("ip", Outcome::Ok);
    assert_eq!((b.state(), b.log()), (GroupState::Running, vec![]));
}

/// G09 also while a monitor is under way.
#[test]
fn an_address_is_restored_although_its_monitor_is_under_way() {
    let mut b = Bench::up(vec![spec("ip", "ip", &[])]);
    b.pass(ms(1_000));
    assert_eq!(b.busy("ip"), Some(Monitor { deep: false }));
    b.log();
    b.event("ip", ResourceEvent::Vanished("removed by hand".to_string()));
    assert_eq!(b.log(), ["cancel monitor ip", "start ip"]);
}

/// G03 S8: stop ladder: once more, then by force, then hold and alarm; never reported stopped.
#[test]
fn the_stop_failure_ladder_holds() {
    let mut b = Bench::up(stack());
    b.target(target(2, Desired::Stopped));
    b.log();
    b.done("app", failed("exit 1"));
    b.done("app", failed("exit 1"));
    assert_eq!(b.log(), ["stop app", "stop by force app"]);
    b.done("app", failed("still there"));
    assert_eq!(b.state(), GroupState::StopFailed);
    assert!(b.group().serving);
    assert!(!b.log().iter().any(|l| l.starts_with("stop vol")), "nothing below is pulled away");
    // Somebody repairs it by hand: noticed, and the rest goes down.
    b.pass(ms(1_000));
    b.done("app", Outcome::NotRunning);
    assert_eq!(b.busy("vol"), Some(Stop { force: false }));
}

/// G03: a stop that hangs goes on by force at once; `clear` gives a failed stop a new try.
#[test]
fn a_hanging_stop_is_forced() {
    let mut b = Bench::up(single());
    b.target(target(2, Desired::Stopped));
    b.log();
    b.done("app", Outcome::TimedOut);
    assert_eq!(b.log(), ["stop by force app"]);
    b.done("app", Outcome::TimedOut);
    assert_eq!(b.state(), GroupState::StopFailed);
    b.target(with(target(3, Desired::Stopped), |g| g.clear = 1));
    assert_eq!(b.busy("app"), Some(Stop { force: false }));
}

/// G03 S8: self-fence where the configuration says so, once.
#[test]
fn a_failed_stop_fences_where_configured() {
    let mut app = spec("app", "app", &[]);
    app.recovery.on_stop_failure = OnStopFailure::SelfFence;
    let mut b = Bench::up(vec![app]);
    b.target(target(2, Desired::Stopped));
    b.done("app", Outcome::TimedOut);
    b.done("app", Outcome::TimedOut);
    b.pass(ms(5_000));
    assert_eq!(b.log().iter().filter(|l| *l == "fence").count(), 1);
}

/// G05: a late monitor is not a failed one; so many in a row are.
#[test]
fn late_is_not_failed_until_the_limit() {
    let mut b = Bench::up(single());
    for round in 0..3 {
        b.pass(ms(1_000));
        b.done("app", Outcome::TimedOut);
        if round == 0 {
            assert_eq!(b.group().resources[0].state, ResourceState::Late);
            assert_eq!(b.state(), GroupState::Running);
            b.pass(ms(1_000));
            b.done("app", Outcome::Ok);
            assert_eq!(b.group().resources[0].state, ResourceState::Running);
            b.pass(ms(1_000));
            b.done("app", Outcome::TimedOut);
        }
    }
    assert_eq!(b.state(), GroupState::Recovering);
    assert_eq!(b.busy("app"), Some(Stop { force: false }));
}

/// G10 S9: a monitor that could not say anything never fails the resource.
#[test]
fn a_monitor_without_answer_is_no_failure() {
    let mut b = Bench::up(single());
    for _ in 0..20 {
        b.pass(ms(1_000));
        b.done("app", Outcome::Unknown { text: "cannot fork".to_string() });
    }
    assert_eq!((b.state(), b.group().resources[0].failures), (GroupState::Running, 0));
}

/// G04: a monitor that flaps uses the restarts up.
#[test]
fn a_flapping_monitor_ends() {
    let mut b = Bench::up(single());
    let mut restarts = 0;
    while b.state() != GroupState::Failed {
        match b.busy("app") {
            Some(Monitor { .. }) => b.done("app", failed("flap")),
            Some(_) => b.done("app", Outcome::Ok),
            None => b.tick(),
        }
        restarts += usize::from(b.log().contains(&"start app".to_string()));
        assert!(restarts <= 3);
    }
}

/// G11: a monitor in flight is cancelled before the stop, which gets its full time; the late answer is ignored.
#[test]
fn a_stop_does_not_wait_for_a_monitor() {
    let mut b = Bench::up(single());
    b.pass(ms(1_000));
    let monitor = b.flights[0].op;
    b.log();
    b.target(target(2, Desired::Stopped));
    assert_eq!(b.log(), ["persist 2", "answer 2", "cancel monitor app", "stop app"]);
    b.input(Input::Done { op: monitor, outcome: failed("was killed") });
    assert_eq!(b.busy("app"), Some(Stop { force: false }));
    assert_eq!(b.group().resources[0].failures, 0);
}

/// A start under way when the order changes is cancelled, awaited and then stopped properly.
#[test]
fn a_start_in_flight_is_cancelled_then_stopped() {
    let mut b = Bench::new(single(), None).probed(&[false]);
    b.target(target(1, Desired::Started));
    b.target(target(2, Desired::Stopped));
    assert_eq!(b.log()[3..], ["persist 2", "answer 2", "cancel start app"]);
    assert_eq!(b.busy("app"), Some(Start));
    b.done("app", Outcome::TimedOut);
    assert_eq!(b.busy("app"), Some(Stop { force: false }));
    assert_eq!(b.group().resources[0].failures, 0);
    b.done("app", Outcome::NotRunning);
    assert_eq!(b.state(), GroupState::Stopped);
}

/// G08: running although the order says stopped: stopped, and noted; without any order it is left alone.
#[test]
fn what_nobody_ordered_is_stopped_only_by_order() {
    let mut b = Bench::new(single(), None).probed(&[true]);
    b.pass(ms(900));
    assert!(!b.log().iter().any(|l| l.starts_with("stop")));
    b.target(target(1, Desired::Stopped));
    b.log();
    b.done("app", Outcome::Ok);
    b.ready();
    // Started by hand on the standby.
    b.event("app", ResourceEvent::Appeared);
    b.ready();
    b.done("app", Outcome::Ok);
    assert_eq!(b.busy("app"), Some(Stop { force: false }));
    assert!(b.noted(|n| *n == NoteEvent::FoundRunning));
}

/// S6: carrier loss is reported with its scope, keeps everything running, and heals by itself.
#[test]
fn network_failure_is_not_repaired_by_restart() {
    let mut b = Bench::up(stack());
    let lost = ResourceEvent::Failed { text: "eth0 has no carrier".to_string(), scope: FailureScope::Network };
    b.event("ip", lost);
    assert_eq!(b.state(), GroupState::Failed);
    assert_eq!(b.group().failure.as_ref().map(|f| f.scope), Some(FailureScope::Network));
    assert!(b.group().serving && b.log().is_empty());
    b.event("ip", ResourceEvent::Recovered);
    assert_eq!((b.state(), b.group().failure.clone()), (GroupState::Running, None));
    // The same from a monitor.
    b.pass(ms(1_000));
    b.done("ip", Outcome::Failed { text: "gateway silent".to_string(), scope: FailureScope::Network });
    assert_eq!(b.state(), GroupState::Failed);
    b.pass(ms(1_000));
    b.done("ip", Outcome::Ok);
    assert_eq!(b.state(), GroupState::Running);
}

/// A start that fails for want of a network is tried again without being counted.
#[test]
fn network_start_failures_do_not_use_up_restarts() {
    let mut b = Bench::new(vec![spec("ip", "ip", &[])], None).probed(&[false]);
    b.target(target(1, Desired::Started));
    for _ in 0..10 {
        b.done("ip", Outcome::Failed { text: "eth0 is down".to_string(), scope: FailureScope::Network });
        assert_eq!(b.state(), GroupState::Failed);
        b.done("ip", Outcome::NotRunning);
        b.pass(ms(1_000));
    }
    b.done("ip", Outcome::Ok);
    assert_eq!((b.state(), b.group().failure.clone()), (GroupState::Running, None));
}

/// S14: held back by the other node's lease is no failure: nothing to stop, tried again without end, said once.
#[test]
fn a_start_that_is_held_back_is_tried_again() {
    let mut b = Bench::new(vec![spec("vol", "volume", &[])], None).probed(&[false]);
    b.target(target(1, Desired::Started));
    let held = Outcome::Held { text: "in use there".to_string() };
    for _ in 0..10 {
        assert_eq!(b.busy("vol"), Some(Start));
        b.done("vol", held.clone());
        assert_eq!((b.state(), b.group().failure.clone()), (GroupState::Starting, None));
        assert_eq!(b.busy("vol"), None);
        b.pass(ms(1_000));
    }
    b.done("vol", Outcome::Ok);
    assert_eq!(b.state(), GroupState::Running);
    assert!(b.noted(|n| matches!(n, NoteEvent::Hint { text } if text.contains("in use there"))));
    assert!(!b.noted(|n| matches!(n, NoteEvent::Stopped { .. } | NoteEvent::Failed { .. })));
}

/// What the node lacks is never tried twice here.
#[test]
fn a_missing_program_fails_the_group_at_once() {
    let mut b = Bench::new(stack(), None).probed(&[false; 3]);
    b.target(target(1, Desired::Started));
    b.done("ip", Outcome::Ok);
    b.done("vol", Outcome::Ok);
    b.done("app", Outcome::Failed { text: "not installed".to_string(), scope: FailureScope::Node });
    assert_eq!(b.state(), GroupState::Failed);
    for name in ["app", "vol", "ip"] {
        b.done(name, Outcome::Ok);
    }
    assert!(!b.group().serving);
    // A new ownership is a new try.
    b.target(with(target(2, Desired::Started), |g| g.epoch.number = 2));
    assert_eq!(b.busy("ip"), Some(Start));
}

/// Lease: without renewal the group is taken down, addresses first; a renewed right starts it again.
#[test]
fn a_lapsed_lease_takes_the_group_down() {
    let mut b = Bench::up(stack());
    let until = b.now.after(ms(3_000));
    b.target(with(target(2, Desired::Started), |g| g.lease_expires = Some(until)));
    while b.now < until {
        b.tick();
        let flights: Vec<_> = b.flights.iter().filter(|f| matches!(f.action, Monitor { .. })).cloned().collect();
        flights.into_iter().for_each(|f| b.done_op(f.op, Outcome::Ok));
        if b.now < until {
            b.log();
        }
    }
    let stops: Vec<_> = b.log().into_iter().filter(|l| l.starts_with("stop")).collect();
    assert_eq!(stops, ["stop app", "stop ip"]);
    assert!(b.noted(|n| *n == NoteEvent::LeaseExpired));
    assert!(b.group().resources[2].last_error.as_deref().is_some_and(|t| t.contains("lease")));
    for name in ["ip", "app", "vol"] {
        b.done(name, Outcome::Ok);
    }
    assert_eq!(b.state(), GroupState::Stopped);
    let later = b.now.after(ms(3_000));
    b.target(with(target(3, Desired::Started), |g| g.lease_expires = Some(later)));
    assert_eq!(b.busy("ip"), Some(Start));
    assert_eq!(b.flights.iter().find(|f| f.resource == "ip").and_then(|f| f.not_after), Some(later));
}

/// FAULTS S7: after an own stall the lease is judged before any effect, whatever input came first.
#[test]
fn a_stall_beyond_the_lease_starts_nothing() {
    let mut b = Bench::new(stack(), None).probed(&[false; 3]);
    let until = b.now.after(ms(500));
    b.target(with(target(1, Desired::Started), |g| g.lease_expires = Some(until)));
    b.now = b.now.after(ms(20_000));
    b.log();
    b.done("ip", Outcome::Ok);
    let effects: Vec<_> = b.log().into_iter().filter(|l| l.starts_with("st")).collect();
    assert_eq!(effects, ["stop ip"]);
}

/// Maintenance: monitors go on, nothing is started, stopped or repaired.
#[test]
fn unmanaged_only_watches() {
    let mut b = Bench::up(single());
    b.target(target(2, Desired::Unmanaged));
    b.pass(ms(1_000));
    b.done("app", Outcome::NotRunning);
    b.pass(ms(30_000));
    assert!(!b.log().iter().any(|l| l.starts_with("st")));
    assert_eq!(b.state(), GroupState::Stopped);
    b.ready();
    while b.busy("app") != Some(Probe) {
        b.tick();
        b.ready();
    }
    b.done("app", Outcome::Ok);
    assert_eq!(b.state(), GroupState::Running);
    b.target(target(3, Desired::Started));
    assert_eq!(b.state(), GroupState::Running);
}

/// One more round of announcements when the counter moves.
#[test]
fn announce_counter_announces_what_runs() {
    let mut b = Bench::up(stack());
    b.target(with(target(2, Desired::Started), |g| g.announce = 1));
    assert_eq!(b.log(), ["persist 2", "answer 2", "announce ip"]);
    b.done("ip", Outcome::Ok);
    b.target(with(target(3, Desired::Started), |g| g.announce = 1));
    assert_eq!(b.log(), ["persist 3", "answer 3"]);
}

/// Two monitor depths; the deep one stands in for the shallow one.
#[test]
fn deep_monitors_have_their_own_interval() {
    let mut app = spec("app", "app", &[]);
    app.ops.deep_interval = Some(ms(4_000));
    let mut b = Bench::up(vec![app]);
    let (mut shallow, mut deep) = (0, 0);
    let end = b.now.after(ms(40_000));
    while b.now < end {
        b.tick();
        if let Some(Monitor { deep: d }) = b.busy("app") {
            if d {
                deep += 1
            } else {
                shallow += 1
            }
            b.done("app", Outcome::Ok);
        }
    }
    assert!((9..=12).contains(&deep) && (27..=36).contains(&shallow), "{deep} {shallow}");
}

/// Standby: readiness is looked at and shown; preparation is ordered once; a start does not wait for either.
#[test]
fn standby_keeps_ready() {
    let mut b = Bench::new(stack(), None);
    for name in ["ip", "vol", "app"] {
        b.done(name, Outcome::NotRunning);
    }
    assert!(!b.group().readiness_known);
    let issue = Outcome::Failed { text: "eth1 has no carrier".to_string(), scope: FailureScope::Network };
    b.done("ip", issue);
    b.ready();
    assert!(b.group().readiness_known);
    assert_eq!(b.group().not_ready[0].scope, FailureScope::Network);
    b.log();
    b.target(with(target(1, Desired::Stopped), |g| g.prepare = true));
    assert_eq!(b.log().iter().filter(|l| l.starts_with("prepare")).count(), 3);
    b.target(target(2, Desired::Started));
    assert_eq!(b.log(), ["persist 2", "answer 2", "cancel prepare ip", "start ip"]);
}

/// The view is published only when something changed, with a growing number.
#[test]
fn quiet_monitors_publish_nothing() {
    let mut b = Bench::up(single());
    let (views, seq) = (b.views, b.core.view().unwrap().seq);
    for _ in 0..50 {
        b.tick();
        if b.busy("app").is_some() {
            b.done("app", Outcome::Ok);
        }
    }
    assert_eq!((b.views, b.core.view().unwrap().seq), (views, seq));
}

/// A configuration the core cannot run by is refused.
#[test]
fn nonsense_configuration_is_refused() {
    let bad = vec![spec("a", "app", &["b"]), spec("b", "app", &[])];
    let groups = vec![GroupConfig { name: group_name(), resources: bad }];
    let config = ResourceConfig { boot: BOOT, resd: Incarnation(1), restored: None, groups, watchdog: None };
    assert!(matches!(ResourceCore::new(config, 1, Timestamp::ZERO), Err(ConfigError::Dependency { .. })));
    let mut zero = spec("a", "app", &[]);
    zero.ops.monitor_interval = Duration::ZERO;
    let groups = vec![GroupConfig { name: group_name(), resources: vec![zero] }];
    let config = ResourceConfig { boot: BOOT, resd: Incarnation(1), restored: None, groups, watchdog: None };
    assert!(matches!(ResourceCore::new(config, 1, Timestamp::ZERO), Err(ConfigError::Interval { .. })));
}
