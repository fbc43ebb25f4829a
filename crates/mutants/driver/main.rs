//! Built only inside the copy that the test of the `mutants` package makes: plays seeds of the simulator with one bug switched on.
//!
//! `sweep ID FIRST LAST WANTED,…` prints `found SEED INVARIANT` and ends at the first seed at which one of the wanted statements
//! is violated (`any`: whichever), or `none SEED SEEN,…` after the last one. ID 0 is the code as it is. One thread.
//!
//! Two of three seeds are the simulator's own; every third one plays nothing but the classic stories of pairs: a node that is cut off
//! from everything, silent paths beside a living network, a split network beside living paths, power lost again and again, each with
//! something else at a bad moment.

use core::time::Duration;
use hotpair_types::NodeId;
use simulator::faults::{Fault, Plan};
use simulator::node::Daemon;
use simulator::rng::Rng;
use simulator::world::Record;
use simulator::{Options, run, run_plan};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The classic stories.
fn classic(seed: u64) -> Plan {
    let mut rng = Rng::new(seed ^ 0x00c1_a551);
    let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
    let mut plan = Plan::new();
    let mut at = nanos(rng.millis(0, 4_000));
    for _ in 0..2 + rng.below(5) {
        let node = if rng.percent(50) { NodeId::FIRST } else { NodeId::SECOND };
        let lasting = rng.millis(500, 9_000);
        let until = at + nanos(lasting);
        match rng.below(5) {
            0 | 1 => {
                plan.extend([(at, Fault::Lan(node, true)), (at, Fault::CutAll(true))]);
                plan.extend([(until, Fault::Lan(node, false)), (until, Fault::CutAll(false))]);
            }
            2 => plan.extend([(at, Fault::CutAll(true)), (until, Fault::CutAll(false))]),
            3 => plan.extend([(at, Fault::Split(true)), (until, Fault::Split(false))]),
            _ => {
                plan.push((at, Fault::PowerLoss(node, lasting)));
                plan.push((at + nanos(rng.millis(100, 3_000)), Fault::Vouch(node.other())));
            }
        }
        let moment = (at + nanos(rng.millis(0, 2_000))).saturating_sub(600_000_000);
        let who = if rng.percent(50) { node } else { node.other() };
        let daemon = Daemon::ALL[usize::try_from(rng.below(3)).unwrap_or(0)];
        match rng.below(6) {
            0 => plan.push((moment, Fault::Freeze(who, daemon, rng.millis(200, 3_000)))),
            1 => plan.push((moment, Fault::Kill(who, daemon, rng.millis(50, 2_000)))),
            2 => plan.push((moment, Fault::FreezeAll(who, rng.millis(300, 3_000)))),
            3 => {
                let order = |group: &str| {
                    let group = hotpair_types::GroupName::new(group).unwrap_or_else(|e| panic!("{group}: {e}"));
                    Fault::Order(who, arbiter_core::io::Order::Switchover { group, to: None })
                };
                plan.extend([(moment, order("web")), (moment + 1, order("db"))]);
            }
            4 => {
                let path = usize::try_from(rng.below(2)).unwrap_or(0);
                plan.push((moment, Fault::Cut { path, from: None, cut: true }));
                plan.push((moment + nanos(rng.millis(500, 4_000)), Fault::Cut { path, from: None, cut: false }));
            }
            _ => {
                plan.push((moment, Fault::DiskSlow(who, rng.millis(100, 3_000))));
                plan.push((until, Fault::DiskSlow(who, Duration::ZERO)));
            }
        }
        at = until + nanos(rng.millis(200, 3_000));
        if at > 50_000_000_000 {
            break;
        }
    }
    plan.sort_by_key(|(at, _)| *at);
    plan
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [id, first, last, wanted] = arguments.as_slice() else { panic!("sweep ID FIRST LAST WANTED,…") };
    let number = |text: &String| text.parse::<u64>().unwrap_or_else(|e| panic!("{text}: {e}"));
    let wanted: Vec<&str> = wanted.split(',').collect();
    let mut seen = BTreeSet::new();
    hotpair_types::mutant::set(number(id).try_into().unwrap_or_else(|e| panic!("{id}: {e}")));
    // A core that contradicts itself ends its process: what it says on the way is the outcome, not noise.
    std::panic::set_hook(Box::new(|_| {}));
    for seed in number(first)..=number(last) {
        let options = Options { most_faults: 14, ..Options::default() };
        let play = || match seed % 3 {
            0 => run_plan(seed, options, classic(seed), Record::End),
            _ => run(seed, options),
        };
        let invariant = match catch_unwind(AssertUnwindSafe(play)) {
            Ok(Ok(_)) => continue,
            Ok(Err(failure)) => {
                if std::env::var_os("TIMELINE").is_some() {
                    println!("{failure}");
                }
                failure.invariant.to_string()
            }
            Err(panic) => {
                if std::env::var_os("TIMELINE").is_some() {
                    println!("{:?}", panic.downcast_ref::<String>());
                }
                "panic".to_string()
            }
        };
        if wanted.contains(&"any") || wanted.contains(&invariant.as_str()) {
            println!("found {seed} {invariant}");
            return;
        }
        seen.insert(invariant);
    }
    println!("none {} {}", arguments[2], seen.into_iter().collect::<Vec<_>>().join(","));
}
