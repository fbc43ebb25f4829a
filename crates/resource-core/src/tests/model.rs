//! A randomised model: real running states behind the operations, faults of all kinds for a while, then none; the group
//! must converge to its target, and orders must never be out of order.

use super::*;
use alloc::vec;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

struct World {
    bench: Bench,
    specs: Vec<ResourceSpec>,
    /// Does it really run?
    really: Vec<bool>,
    random: Random,
    faults: bool,
    generation: u64,
    counter: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let count = 1 + usize::try_from(random.below(5)).unwrap();
        let names = ["a", "b", "c", "d", "e"];
        let mut specs = Vec::new();
        for r in 0..count {
            let after: Vec<&str> = names.iter().take(r).filter(|_| random.one_in(2)).copied().collect();
            let kind = if random.one_in(3) { "ip" } else { "app" };
            specs.push(spec(names[r], kind, &after));
        }
        let really = (0..count).map(|_| random.one_in(3)).collect();
        let restored = random.one_in(2).then(|| target(1, Desired::Started));
        let bench = Bench::new(specs.clone(), restored);
        Self { bench, specs, really, random, faults: true, generation: 1, counter: 0 }
    }

    fn index(&self, name: &str) -> usize {
        self.specs.iter().position(|s| s.name.as_str() == name).unwrap()
    }

    /// Operations just ordered are checked against the view of the same entry.
    fn check_order(&mut self) {
        let log = self.bench.log();
        let states: Vec<ResourceState> = self.bench.group().resources.iter().map(|r| r.state).collect();
        for line in log {
            if let Some(name) = line.strip_prefix("start ") {
                let spec = &self.specs[self.index(name)];
                for dep in &spec.after {
                    let dep = states[self.index(dep.as_str())];
                    assert!(matches!(dep, ResourceState::Running | ResourceState::Late), "{line}: dependency {dep:?}");
                }
            }
            let stopped = line.strip_prefix("stop by force ").or_else(|| line.strip_prefix("stop "));
            if let Some(name) = stopped.filter(|n| !self.specs[self.index(n)].in_place) {
                for (r, spec) in self.specs.iter().enumerate() {
                    let above = spec.after.iter().any(|a| a.as_str() == name);
                    assert!(!above || states[r] == ResourceState::Stopped, "{line}: {} is {:?}", spec.name, states[r]);
                }
            }
        }
    }

    fn answer(&mut self, flight: &Flight) {
        let r = self.index(&flight.resource);
        let bad = self.faults && self.random.one_in(5);
        let outcome = match flight.action {
            _ if bad => match self.random.below(4) {
                0 => Outcome::TimedOut,
                1 => Outcome::Unknown { text: "?".to_string() },
                2 => Outcome::Failed { text: "net".to_string(), scope: FailureScope::Network },
                _ => failed("fault"),
            },
            Action::Start => {
                self.really[r] = true;
                Outcome::Ok
            }
            Action::Stop { .. } => {
                self.really[r] = false;
                Outcome::Ok
            }
            Action::Probe | Action::Monitor { .. } if self.really[r] => Outcome::Ok,
            Action::Probe | Action::Monitor { .. } => Outcome::NotRunning,
            Action::Announce | Action::CheckReadiness | Action::Prepare => Outcome::Ok,
        };
        self.bench.done_op(flight.op, outcome);
    }

    fn fault(&mut self) {
        let r = usize::try_from(self.random.below(self.specs.len() as u64)).unwrap();
        let name = self.specs[r].name.to_string();
        match self.random.below(6) {
            0 => {
                self.really[r] = false;
                self.bench.event(&name, ResourceEvent::Vanished("killed".to_string()));
            }
            1 => self.really[r] = false,
            2 => self.really[r] = true,
            3 => {
                let event = ResourceEvent::Failed { text: "carrier".to_string(), scope: FailureScope::Network };
                self.bench.event(&name, event);
            }
            4 => self.bench.event(&name, ResourceEvent::Recovered),
            _ => self.bench.event(&name, ResourceEvent::Appeared),
        }
    }

    fn order(&mut self, desired: Desired) {
        self.generation += 1;
        self.counter += 1;
        let (counter, lease) = (self.counter, self.faults && self.random.one_in(3));
        let until = self.bench.now.after(ms(self.random.below(5_000)));
        let order = with(target(self.generation, desired), |g| {
            g.clear = counter;
            g.lease_expires = lease.then_some(until);
        });
        self.bench.target(order);
    }

    fn turn(&mut self) {
        match self.random.below(10) {
            0 if self.faults => self.fault(),
            1 if self.faults => {
                let desired = [Desired::Started, Desired::Stopped, Desired::Unmanaged];
                let pick = usize::try_from(self.random.below(3)).unwrap();
                self.order(desired[pick]);
            }
            _ if !self.bench.flights.is_empty() => {
                let pick = usize::try_from(self.random.below(self.bench.flights.len() as u64)).unwrap();
                let flight = self.bench.flights[pick].clone();
                self.bench.now = self.bench.now.after(ms(1));
                self.answer(&flight);
            }
            _ if self.bench.core.poll_timeout().is_some() => self.bench.tick(),
            _ => {}
        }
        self.check_order();
    }

    /// Without faults the group ends as ordered, within a bounded number of turns.
    fn converge(&mut self, desired: Desired, state: GroupState) {
        self.faults = false;
        self.order(desired);
        for name in self.specs.iter().map(|s| s.name.to_string()).collect::<Vec<_>>() {
            self.bench.event(&name, ResourceEvent::Recovered);
        }
        for _ in 0..2_000 {
            self.turn();
            if self.bench.state() == state && self.really.iter().all(|r| *r == (desired == Desired::Started)) {
                return;
            }
        }
        panic!("no convergence to {state:?}: {:#?} {:?}", self.bench.group(), self.bench.flights);
    }
}

/// S12 S13, FAULTS 1.4: after the faults end the group converges to its target, and no start ever preceded its
/// dependency, no stop its dependants, over many random trees and fault sequences.
#[test]
fn converges_when_faults_end() {
    for seed in 1..=400 {
        let mut world = World::new(seed);
        for _ in 0..300 {
            world.turn();
        }
        let ends = if seed % 2 == 0 {
            [(Desired::Started, GroupState::Running), (Desired::Stopped, GroupState::Stopped)]
        } else {
            [(Desired::Stopped, GroupState::Stopped), (Desired::Started, GroupState::Running)]
        };
        for (desired, state) in ends {
            world.converge(desired, state);
        }
    }
}

/// B3: the same inputs at the same times give the same outputs.
#[test]
fn runs_are_reproducible() {
    let run = || {
        let mut world = World::new(7);
        let mut log = vec![];
        for _ in 0..500 {
            world.turn();
            log.push(alloc::format!("{:?} {:?}", world.bench.group(), world.bench.flights));
        }
        log
    };
    assert_eq!(run(), run());
}
