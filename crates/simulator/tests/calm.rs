//! Calm runs: what most of a pair's life is. Nothing goes wrong, or only what a pair must bear without a thought: every twentieth
//! frame is lost, and now and then a machine stands still for nine tenths of the time in which its peer would be given up. No group
//! moves and nothing is taken over.
//!
//! Normally [`SHORT`] of pair time each, with the default timings. `HOTPAIR_YEAR=1` plays a whole year of each (hours of work for
//! one core), `HOTPAIR_CALM_HOURS=n` so many hours.

use core::time::Duration;
use hotpair_types::NodeId;
use simulator::calm::{Calm, pair};
use simulator::faults::Fault;
use simulator::rng::Rng;
use simulator::world::{Event, Happening, Record, World};
use std::collections::BTreeMap;

/// Simulating is mostly small allocations: this allocator makes them cheap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Hours of a run in the ordinary suite.
const SHORT: u64 = 8;
const HOUR: u64 = 3_600_000_000_000;
/// Detection of the default paths: 5 beats of 100 ms.
const DETECTION: Duration = Duration::from_millis(500);

fn hours() -> u64 {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("HOTPAIR_YEAR") {
        Some(years) => years * 8_760,
        None => number("HOTPAIR_CALM_HOURS").unwrap_or(SHORT),
    }
}

/// What happened to the groups, hour by hour; every group must be taken once, at the beginning, and never again.
fn lives_calmly(mut world: World, hours: u64, stalls_every: Option<Duration>) {
    world.record = Record::Nothing;
    let mut rng = Rng::new(99);
    let mut taken = BTreeMap::new();
    let mut stalls = 0_u64;
    // Not in the first minute, in which the pair comes up.
    let mut next_stall = stalls_every.map(|_| 60_000_000_000);
    for hour in 1..=hours {
        while let (Some(at), Some(every)) = (next_stall.filter(|at| *at < hour * HOUR), stalls_every) {
            let node = if rng.percent(50) { NodeId::FIRST } else { NodeId::SECOND };
            // The whole machine, or its three daemons at once.
            let lasting = DETECTION * 9 / 10;
            let fault = if rng.percent(50) { Fault::Pause(node, lasting) } else { Fault::FreezeAll(node, lasting) };
            world.put_at(at, Event::Fault(fault));
            stalls += 1;
            let apart = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX / 4);
            next_stall = Some(at + apart / 2 + rng.below(apart));
        }
        while world.advance(hour * HOUR) {
            for happening in &world.happenings {
                match happening {
                    Happening::Took { node, group, takeover } => {
                        assert!(!takeover, "{group} is taken over by {node:?} in hour {hour}");
                        let before = taken.insert(group.clone(), *node);
                        assert_eq!(before, None, "{group} moves to {node:?} in hour {hour}");
                    }
                    Happening::StartedAgain { node, group } => panic!("{group} is started again on {node:?}"),
                    _ => {}
                }
            }
            assert!(world.groups.iter().all(|g| !world.doubled(g)), "two owners in hour {hour}");
        }
        let up = |group| world.nodes.iter().filter(|n| n.resources.healthy(group)).count();
        assert!(world.groups.iter().all(|g| up(g) == 1), "every group runs, well, on one node after hour {hour}");
    }
    assert_eq!(taken.len(), world.groups.len(), "every group was started");
    println!("{hours} pair-hours, {} steps, {stalls} stalls, no move", world.step);
}

/// S20 L2: nothing goes wrong, nothing moves.
#[test]
fn a_year_without_faults() {
    lives_calmly(pair(1, Calm::default()), hours(), None);
}

/// S2 S20 L2, FAULTS N07 W13: 5 % loss on every path, and a stall of 0.9 × detection about every ten minutes.
#[test]
fn a_year_with_loss_and_stalls() {
    let calm = Calm { loss: 5, ..Calm::default() };
    lives_calmly(pair(2, calm), hours(), Some(Duration::from_secs(600)));
}
