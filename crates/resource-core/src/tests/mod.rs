//! Test bench: a scripted shell around the core. The table tests are in `table` and `watchdog`, the randomised model in `model`.

mod model;
mod table;
mod watchdog;

use crate::*;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use hotpair_types::*;

pub(crate) const BOOT: BootId = BootId([7; 16]);

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn spec(name: &str, kind: &str, after: &[&str]) -> ResourceSpec {
    ResourceSpec {
        name: ResourceName::new(name).unwrap(),
        kind: kind.to_string(),
        after: after.iter().map(|a| ResourceName::new(a).unwrap()).collect(),
        in_place: kind == "ip",
        announces: kind == "ip",
        ops: Operations {
            start_timeout: ms(20_000),
            stop_timeout: ms(20_000),
            monitor_timeout: ms(5_000),
            monitor_interval: ms(1_000),
            deep_interval: None,
            late_limit: 3,
        },
        recovery: Recovery {
            restarts: 3,
            window: ms(600_000),
            backoff: ms(1_000),
            on_stop_failure: OnStopFailure::Hold,
        },
    }
}

/// ip, volume, app: each after the one before.
pub(crate) fn stack() -> Vec<ResourceSpec> {
    alloc::vec![spec("ip", "ip", &[]), spec("vol", "volume", &["ip"]), spec("app", "app", &["vol"])]
}

pub(crate) fn group_name() -> GroupName {
    GroupName::new("g").unwrap()
}

pub(crate) fn target(generation: u64, desired: Desired) -> Target {
    let group = GroupTarget {
        desired,
        epoch: Epoch { number: 1, node: NodeId::FIRST },
        lease_expires: None,
        announce: 0,
        clear: 0,
        prepare: false,
    };
    Target {
        generation: Generation(generation),
        boot: BOOT,
        groups: BTreeMap::from([(group_name(), group)]),
        fence: None,
    }
}

pub(crate) fn with(mut target: Target, change: impl FnOnce(&mut GroupTarget)) -> Target {
    change(target.groups.get_mut(&group_name()).unwrap());
    target
}

pub(crate) fn failed(text: &str) -> Outcome {
    Outcome::Failed { text: text.to_string(), scope: FailureScope::Resource }
}

/// An operation the core has ordered and nobody has answered yet.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) op: OpId,
    pub(crate) resource: String,
    pub(crate) action: Action,
    pub(crate) not_after: Option<Timestamp>,
}

/// The core with a shell that does nothing by itself.
pub(crate) struct Bench {
    pub(crate) core: ResourceCore,
    pub(crate) now: Timestamp,
    pub(crate) flights: Vec<Flight>,
    /// `start ip`, `cancel monitor app`, `persist 3`, `answer 3`, `refused`, `fence`, in order.
    pub(crate) log: Vec<String>,
    pub(crate) notes: Vec<Note>,
    pub(crate) views: usize,
}

impl Bench {
    pub(crate) fn new(resources: Vec<ResourceSpec>, restored: Option<Target>) -> Self {
        Self::guarded(resources, restored, None)
    }

    pub(crate) fn guarded(
        resources: Vec<ResourceSpec>,
        restored: Option<Target>,
        watchdog: Option<WatchdogConfig>,
    ) -> Self {
        let config = ResourceConfig {
            boot: BOOT,
            resd: Incarnation(1),
            restored,
            groups: alloc::vec![GroupConfig { name: group_name(), resources }],
            watchdog,
        };
        let now = Timestamp::from_millis(1_000);
        let core = ResourceCore::new(config, 42, now).unwrap();
        let (flights, log, notes) = (Vec::new(), Vec::new(), Vec::new());
        let mut bench = Self { core, now, flights, log, notes, views: 0 };
        bench.drain();
        bench
    }

    /// Probes answered with `running` for each resource, in order.
    pub(crate) fn probed(mut self, running: &[bool]) -> Self {
        for (r, running) in running.iter().enumerate() {
            let name = self.core.view().unwrap().groups[&group_name()].resources[r].name.to_string();
            self.done(&name, if *running { Outcome::Ok } else { Outcome::NotRunning });
        }
        self.ready();
        self.log.clear();
        self
    }

    /// Answers readiness checks with yes.
    pub(crate) fn ready(&mut self) {
        while let Some(flight) = self.flights.iter().find(|f| f.action == Action::CheckReadiness).cloned() {
            self.done_op(flight.op, Outcome::Ok);
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.core.handle_input(input, self.now);
        self.drain();
    }

    pub(crate) fn target(&mut self, target: Target) {
        self.input(Input::Target(target));
    }

    pub(crate) fn event(&mut self, resource: &str, event: ResourceEvent) {
        let resource = ResourceName::new(resource).unwrap();
        self.input(Input::Event { group: group_name(), resource, event });
    }

    pub(crate) fn done_op(&mut self, op: OpId, outcome: Outcome) {
        self.flights.retain(|f| f.op != op);
        self.input(Input::Done { op, outcome });
    }

    /// Answers the operation under way at a resource.
    pub(crate) fn done(&mut self, resource: &str, outcome: Outcome) {
        let flight = self.flights.iter().find(|f| f.resource == resource).cloned();
        let flight = flight.unwrap_or_else(|| panic!("nothing under way at {resource}: {:?}", self.flights));
        self.done_op(flight.op, outcome);
    }

    pub(crate) fn busy(&self, resource: &str) -> Option<Action> {
        self.flights.iter().find(|f| f.resource == resource).map(|f| f.action)
    }

    /// Lets time pass up to the next deadline.
    pub(crate) fn tick(&mut self) {
        let at = self.core.poll_timeout().expect("a deadline");
        assert!(at > self.now, "time has to advance");
        self.now = at;
        self.core.handle_timeout(at);
        self.drain();
    }

    pub(crate) fn pass(&mut self, by: Duration) {
        let until = self.now.after(by);
        while self.core.poll_timeout().is_some_and(|at| at <= until) {
            self.tick();
        }
        self.now = until;
    }

    pub(crate) fn drain(&mut self) {
        let mut rank = 0;
        while let Some(output) = self.core.poll_output() {
            let next = match &output {
                Output::PersistTarget(_) => 1,
                Output::Answer(_) => 2,
                Output::Cancel { .. } | Output::Run { .. } | Output::Watchdog(_) | Output::SelfFence { .. } => 3,
                Output::Note(_) => 4,
                Output::View(_) => 5,
            };
            assert!(next >= rank, "outputs come in the order persist, act, publish");
            rank = next;
            self.take(output);
        }
    }

    fn take(&mut self, output: Output) {
        match output {
            Output::PersistTarget(t) => self.log.push(alloc::format!("persist {}", t.generation)),
            Output::Answer(Ok(g)) => self.log.push(alloc::format!("answer {g}")),
            Output::Answer(Err(_)) => self.log.push("refused".to_string()),
            Output::Cancel { op } => {
                let at = self.flights.iter().position(|f| f.op == op).expect("known operation");
                let flight = self.flights[at].clone();
                self.log.push(alloc::format!("cancel {} {}", flight.action.as_str(), flight.resource));
                if !matches!(flight.action, Action::Start | Action::Stop { .. }) {
                    self.flights.remove(at);
                }
            }
            Output::Run { op, resource, action, not_after, .. } => {
                let resource = resource.to_string();
                self.log.push(alloc::format!("{} {resource}", action.as_str()));
                self.flights.push(Flight { op, resource, action, not_after });
            }
            Output::Watchdog(act) => self.log.push(alloc::format!("watchdog {act:?}")),
            Output::SelfFence { .. } => self.log.push("fence".to_string()),
            Output::Note(note) => self.notes.push(note),
            Output::View(_) => self.views += 1,
        }
    }

    pub(crate) fn log(&mut self) -> Vec<String> {
        core::mem::take(&mut self.log)
    }

    pub(crate) fn group(&self) -> &GroupObserved {
        &self.core.view().unwrap().groups[&group_name()]
    }

    pub(crate) fn state(&self) -> GroupState {
        self.group().state
    }

    pub(crate) fn noted(&self, want: impl Fn(&NoteEvent) -> bool) -> bool {
        self.notes.iter().any(|n| want(&n.event))
    }

    /// A whole stack, up and running by target 1.
    pub(crate) fn up(resources: Vec<ResourceSpec>) -> Self {
        let count = resources.len();
        let mut bench = Self::new(resources, None).probed(&alloc::vec![false; count]);
        bench.target(target(1, Desired::Started));
        while let Some(flight) = bench.flights.iter().find(|f| f.action == Action::Start).cloned() {
            bench.done_op(flight.op, Outcome::Ok);
        }
        assert_eq!(bench.state(), GroupState::Running);
        bench.log.clear();
        bench.notes.clear();
        bench
    }
}
