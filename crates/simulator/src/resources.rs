//! Virtual resources: what really runs on a node, whether any daemon knows of it or not.

use core::time::Duration;
use hotpair_types::{FailureScope, GroupName, ResourceName};
use resource_core::{Action, OpId, Outcome};
use std::collections::BTreeMap;

/// One resource as it really is.
#[derive(Clone, Debug, Default)]
pub struct Real {
    /// It has effects outside, or may have.
    pub up: bool,
    /// It is up, but does not serve: the next monitor finds it.
    pub failed: bool,
    /// Starts fail, and what runs fails.
    pub broken: bool,
    /// This node's network does not serve it.
    pub network_lost: bool,
    /// Something it needs is missing here.
    pub lacking: bool,
    /// Stops fail, also by force.
    pub stuck: bool,
    /// Nothing that is asked of it comes to an end, but a stop by force.
    pub hangs: bool,
    /// Starts and stops take this much longer.
    pub slow: Duration,
    /// Probes and monitors take this much longer.
    pub slow_look: Duration,
}

/// An operation under way.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its number.
    pub op: OpId,
    /// Where.
    pub key: (GroupName, ResourceName),
    /// What.
    pub action: Action,
    /// Cancelled: ends at once, wherever it was.
    pub cancelled: bool,
    /// It does not end within its limit.
    pub late: bool,
    /// Refused before anything was done, by this word.
    pub held: Option<String>,
    /// It waits first, without effect.
    pub waits: bool,
}

/// All resources of a node.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// By group and name.
    pub real: BTreeMap<(GroupName, ResourceName), Real>,
    /// Operations of the running resd.
    pub operations: Vec<Operation>,
}

impl Resources {
    /// Something of the group has effects here.
    pub fn up(&self, group: &GroupName) -> bool {
        self.real.iter().any(|((g, _), r)| g == group && r.up)
    }

    /// Everything of the group is up and serves.
    pub fn healthy(&self, group: &GroupName) -> bool {
        self.real
            .iter()
            .filter(|((g, _), _)| g == group)
            .all(|(_, r)| r.up && !r.failed && !r.broken && !r.network_lost)
    }

    /// A start of something of the group is under way.
    pub fn starting(&self, group: &GroupName) -> bool {
        self.operations.iter().any(|o| o.key.0 == *group && o.action == Action::Start)
    }

    /// The group cannot be stopped here.
    pub fn stuck(&self, group: &GroupName) -> bool {
        self.real.iter().any(|((g, _), r)| g == group && r.stuck)
    }

    /// Power is gone.
    pub fn lose_power(&mut self) {
        self.operations.clear();
        for real in self.real.values_mut() {
            real.up = false;
            real.failed = false;
            real.stuck = false;
        }
    }

    /// Everything repaired; what runs runs.
    pub fn heal(&mut self) {
        for real in self.real.values_mut() {
            *real = Real { up: real.up, ..Real::default() };
        }
    }

    /// An operation begins; returns whether it is a start (which may have effects from now on).
    pub fn begin(&mut self, operation: Operation) -> bool {
        let starting = operation.action == Action::Start;
        if starting
            && operation.held.is_none()
            && !operation.waits
            && let Some(real) = self.real.get_mut(&operation.key)
        {
            real.up = true;
        }
        self.operations.push(operation);
        starting
    }

    /// An operation ends, as it does in this world.
    pub fn end(&mut self, op: OpId) -> Option<((GroupName, ResourceName), Action, Outcome)> {
        let at = self.operations.iter().position(|o| o.op == op)?;
        let operation = self.operations.remove(at);
        let real = self.real.get_mut(&operation.key)?;
        let fail = |scope, text: &str| Outcome::Failed { text: text.to_string(), scope };
        if let Some(text) = operation.held {
            return Some((operation.key, operation.action, Outcome::Held { text }));
        }
        let outcome = match operation.action {
            Action::Start if operation.late => {
                // What was left of it was killed.
                real.up = false;
                Outcome::TimedOut
            }
            _ if operation.late => Outcome::TimedOut,
            Action::Start if operation.cancelled => Outcome::TimedOut,
            Action::Start if real.lacking => {
                real.up = false;
                fail(FailureScope::Node, "missing here")
            }
            Action::Start if real.broken => {
                real.up = false;
                fail(FailureScope::Resource, "does not start")
            }
            Action::Start => {
                real.up = true;
                real.failed = false;
                Outcome::Ok
            }
            Action::Stop { .. } if real.stuck => fail(FailureScope::Resource, "does not stop"),
            Action::Stop { .. } => {
                real.up = false;
                real.failed = false;
                Outcome::Ok
            }
            Action::Probe | Action::Monitor { .. } if !real.up => Outcome::NotRunning,
            Action::Probe | Action::Monitor { .. } if real.network_lost => fail(FailureScope::Network, "no carrier"),
            Action::Probe | Action::Monitor { .. } if real.failed || real.broken => {
                fail(FailureScope::Resource, "does not answer")
            }
            Action::Probe | Action::Monitor { .. } | Action::Announce | Action::Prepare => Outcome::Ok,
            Action::CheckReadiness if real.lacking => fail(FailureScope::Node, "missing here"),
            Action::CheckReadiness if real.network_lost => fail(FailureScope::Network, "no carrier"),
            Action::CheckReadiness => Outcome::Ok,
        };
        Some((operation.key, operation.action, outcome))
    }
}
