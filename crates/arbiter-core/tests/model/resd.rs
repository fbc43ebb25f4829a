//! resd as the arbiter sees it: groups that take time to start and stop, and can fail.

use core::time::Duration;
use hotpair_types::{
    Desired, Epoch, Failure, FailureScope, Generation, GroupObserved, GroupState, GroupTarget, ReadinessIssue,
    ResourceName, Timestamp,
};

/// One group on one node.
#[derive(Clone, Debug)]
pub struct Res {
    /// State of its resources.
    pub state: GroupState,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong with it here: every start fails, and what runs fails at once.
    pub broken: Option<FailureScope>,
    /// What it lacks here.
    pub lacks: Option<(String, FailureScope)>,
    /// A start takes so long.
    pub start_takes: Duration,
    /// A stop takes so long.
    pub stop_takes: Duration,
    /// Stops cannot be confirmed.
    pub stop_fails: bool,
    /// Number of the step under way: an older one that ends has no effect.
    pub step: u64,
    target: Option<GroupTarget>,
    cleared: u64,
}

impl Res {
    /// Stopped and healthy.
    pub fn new(now: Timestamp) -> Self {
        Self {
            state: GroupState::Stopped,
            since: now,
            broken: None,
            lacks: None,
            start_takes: Duration::from_millis(50),
            stop_takes: Duration::from_millis(50),
            stop_fails: false,
            step: 0,
            target: None,
            cleared: 0,
        }
    }

    /// Something of it is up.
    pub fn serving(&self) -> bool {
        match self.state {
            GroupState::Stopped | GroupState::Unknown => false,
            GroupState::Failed => self.broken == Some(FailureScope::Network),
            _ => true,
        }
    }

    fn turn(&mut self, state: GroupState, now: Timestamp) {
        if self.state != state {
            self.state = state;
            self.since = now;
            self.step += 1;
        }
    }

    /// Accepts a target; returns how long the step lasts that it begins, if it begins one.
    pub fn accept(&mut self, target: &GroupTarget, now: Timestamp) -> Option<Duration> {
        let retry = target.clear > self.cleared;
        self.cleared = target.clear;
        self.target = Some(target.clone());
        self.pursue(retry, now)
    }

    /// Begins the next step towards the target.
    pub fn pursue(&mut self, retry: bool, now: Timestamp) -> Option<Duration> {
        let desired = self.target.as_ref()?.desired;
        match (desired, self.state) {
            (Desired::Started, GroupState::Stopped | GroupState::Stopping) => {
                self.turn(GroupState::Starting, now);
                Some(self.start_takes)
            }
            (Desired::Started, GroupState::Failed | GroupState::StopFailed) if retry => {
                self.turn(GroupState::Starting, now);
                Some(self.start_takes)
            }
            (Desired::Started, GroupState::Running) if self.broken.is_some() => {
                self.turn(GroupState::Failed, now);
                None
            }
            (
                Desired::Stopped,
                GroupState::Running | GroupState::Starting | GroupState::Recovering | GroupState::Failed,
            ) => {
                self.turn(GroupState::Stopping, now);
                Some(self.stop_takes)
            }
            (Desired::Stopped, GroupState::StopFailed) if retry => {
                self.turn(GroupState::Stopping, now);
                Some(self.stop_takes)
            }
            _ => None,
        }
    }

    /// The step under way has ended.
    pub fn step_ended(&mut self, step: u64, now: Timestamp) {
        if step != self.step {
            return;
        }
        match self.state {
            GroupState::Starting if self.broken.is_some() => self.turn(GroupState::Failed, now),
            GroupState::Starting => self.turn(GroupState::Running, now),
            GroupState::Stopping if self.stop_fails => self.turn(GroupState::StopFailed, now),
            GroupState::Stopping => self.turn(GroupState::Stopped, now),
            _ => {}
        }
    }

    /// A network failure ended: what never stopped serving runs well again.
    pub fn recover(&mut self) {
        if self.state == GroupState::Failed {
            self.state = GroupState::Running;
            self.step += 1;
        }
    }

    /// What resd tells of it.
    pub fn observed(&self, peer_lease: Option<Timestamp>) -> GroupObserved {
        let resource = || ResourceName::new("app").unwrap_or_else(|e| panic!("{e}"));
        let failure = match self.state {
            GroupState::Failed => self.broken.map(|scope| Failure {
                resource: resource(),
                scope,
                text: "broken".into(),
                since: self.since,
            }),
            GroupState::StopFailed => Some(Failure {
                resource: resource(),
                scope: FailureScope::Resource,
                text: "stop not confirmed".into(),
                since: self.since,
            }),
            _ => None,
        };
        GroupObserved {
            state: self.state,
            since: self.since,
            epoch: self.target.as_ref().map_or(Epoch::NEVER, |t| t.epoch),
            serving: self.serving(),
            failure,
            not_ready: self
                .lacks
                .iter()
                .map(|(text, scope)| ReadinessIssue { resource: resource(), scope: *scope, text: text.clone() })
                .collect(),
            readiness_known: true,
            cleared: self.cleared,
            lease_expires: self.target.as_ref().and_then(|t| t.lease_expires),
            peer_lease,
            resources: Vec::new(),
        }
    }

    /// The node lost power: nothing of it is left.
    pub fn lose_power(&mut self, now: Timestamp) {
        self.turn(GroupState::Stopped, now);
        self.target = None;
        self.cleared = 0;
    }

    /// The accepted lease.
    pub fn lease(&self) -> Option<Timestamp> {
        self.target.as_ref().and_then(|t| t.lease_expires)
    }

    /// The accepted lease ran out.
    pub fn lease_over(&self, now: Timestamp) -> bool {
        self.target.as_ref().and_then(|t| t.lease_expires).is_some_and(|end| now >= end)
    }

    /// Stops by itself because the lease ran out.
    pub fn stop_for_lease(&mut self, now: Timestamp) -> Option<Duration> {
        if let Some(target) = &mut self.target {
            target.desired = Desired::Stopped;
        }
        self.pursue(false, now)
    }
}

/// What resd holds as a whole.
#[derive(Clone, Debug, Default)]
pub struct Resd {
    /// The accepted target.
    pub generation: Option<Generation>,
    /// Number of the view.
    pub seq: u64,
}
