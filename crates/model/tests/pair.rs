//! Two real arbiters, every state within a bounded number of faults. `MODEL_FAULTS=n` and `MODEL_STATES=n` go further.

use model::explore::{Found, Print, World, explore};
use model::pair::{Fault, Pair, Repair, State, Step};

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

fn told(found: &Found) -> Option<String> {
    let (way, text) = found.bad.as_ref()?;
    let way: Vec<String> = way.iter().enumerate().map(|(at, s)| format!("{:>4}. {s}", at + 1)).collect();
    Some(format!("{}\n      {text}", way.join("\n")))
}

fn hold(leased: bool) {
    let faults = u8::try_from(number("MODEL_FAULTS").unwrap_or(1)).unwrap_or(u8::MAX);
    let found = explore(&Pair { faults, leased }, number("MODEL_STATES").unwrap_or(200_000));
    if let Some(story) = told(&found) {
        panic!("{story}");
    }
    println!(
        "leased {leased}, up to {faults} faults: {} states, {} steps, depth {}, {}",
        found.states,
        found.steps,
        found.depth,
        if found.complete { "every one of them" } else { "stopped at the limit" }
    );
}

/// FAULTS S1 S2 S4 S9: at the level of evidence.
#[test]
fn a_pair_by_evidence_holds_in_every_state() {
    hold(false);
}

/// FAULTS S1 S3: with a lease, also while the nodes are apart.
#[test]
fn a_pair_with_a_lease_holds_in_every_state() {
    hold(true);
}

/// The same world, asked for something that is not promised: the search must find it, or it would find nothing.
struct Never {
    pair: Pair,
    what: fn(&State) -> bool,
}

impl World for Never {
    type State = State;
    type Step = Step;
    fn initial(&self) -> Vec<State> {
        self.pair.initial()
    }
    fn steps(&self, state: &State, into: &mut Vec<(Step, State)>) {
        self.pair.steps(state, into);
    }
    fn name(&self, step: Step) -> String {
        self.pair.name(step)
    }
    fn check(&self, state: &State) -> Result<(), String> {
        if (self.what)(state) { Err("reached".to_string()) } else { Ok(()) }
    }
    fn print(&self, state: &State) -> Print {
        self.pair.print(state)
    }
}

fn both(s: &State) -> bool {
    s.nodes.iter().all(|n| n.up() && !n.paused)
}

/// FAULTS I1, I3: what no configuration of that level can promise is found: takeovers happen, an isolated owner and its standby both
/// serve by mere evidence, and a pause defeats a lease that no watchdog guards.
#[test]
fn what_is_not_promised_is_found() {
    let never = |leased, what| explore(&Never { pair: Pair { faults: 1, leased }, what }, 200_000);
    let taken = never(false, |s| s.nodes[1].up() && !s.nodes[0].up());
    let isolated = never(false, both);
    let paused = never(true, both);
    for (what, found) in [("the standby serves", taken), ("both by evidence", isolated), ("both by a lease", paused)] {
        let story = told(&found);
        assert!(story.is_some(), "{what}: not reached in {} states", found.states);
        println!("{what}:\n{}", story.unwrap_or_default());
    }
}

/// S15, FAULTS S3: an owner that is cut off, and whose arbiterd is started anew just before its lease runs out, gets no second one. (Found
/// by the search with two faults.)
#[test]
fn a_restarted_arbiterd_of_an_isolated_owner_gets_no_second_lease() {
    let pair = Pair { faults: 2, leased: true };
    for restart_after in 1..=14 {
        let mut state = pair.initial().remove(0);
        for tick in 0..40 {
            let step = match tick {
                0 => Step::of(Some(Fault::Isolate(0)), None),
                t if t == restart_after => Step::of(Some(Fault::Kill(0, false)), None),
                t if t == restart_after + 1 => Step::of(None, Some(Repair::Node(0))),
                _ => Step::of(None, None),
            };
            state = pair.tick(&state, step);
            assert_eq!(pair.check(&state), Ok(()), "restarted after {restart_after} ticks, at tick {tick}");
        }
        assert!(state.nodes[1].up(), "the standby has taken over");
    }
}
