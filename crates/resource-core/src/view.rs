//! Summing up: the state of a group from its resources, and the view arbiterd gets.

use crate::group::{Goal, Group, Readiness, Resource};
use hotpair_types::{Desired, Epoch, GroupObserved, GroupState, ResourceObserved, ResourceState, Timestamp};

impl Group {
    /// Recomputes the summary state.
    pub(crate) fn sum_up(&mut self, now: Timestamp) {
        if self.goal == Goal::Up && self.all_up() {
            self.recovering = false;
        }
        for resource in &mut self.resources {
            resource.prune(now);
        }
        let state = self.summary();
        if state != self.state {
            self.state = state;
            self.since = now;
        }
    }

    fn summary(&self) -> GroupState {
        let any = |state| self.resources.iter().any(|r| r.state == state);
        let all_stopped = !self.serving();
        if any(ResourceState::StopFailed) {
            return GroupState::StopFailed;
        }
        if self.failure.is_some() && self.target.as_ref().is_some_and(|t| t.desired == Desired::Started) {
            return GroupState::Failed;
        }
        match self.goal {
            Goal::Down if all_stopped => GroupState::Stopped,
            Goal::Down if self.resources.iter().any(|r| r.state == ResourceState::Unknown && !r.probed) => {
                GroupState::Unknown
            }
            Goal::Down => GroupState::Stopping,
            Goal::Up if any(ResourceState::Unknown) => GroupState::Unknown,
            Goal::Up if self.network_failure().is_some() => GroupState::Failed,
            Goal::Up if self.all_up() => GroupState::Running,
            Goal::Up if self.recovering => GroupState::Recovering,
            Goal::Up => GroupState::Starting,
            Goal::Leave if any(ResourceState::Failed) => GroupState::Failed,
            Goal::Leave if all_stopped => GroupState::Stopped,
            Goal::Leave if self.all_up() && self.network_failure().is_none() => GroupState::Running,
            Goal::Leave if self.all_up() => GroupState::Failed,
            // Half of it runs, and nobody is to change that: not stopped, not running.
            Goal::Leave => GroupState::Unknown,
        }
    }

    /// The group as arbiterd sees it.
    pub(crate) fn observed(&self) -> GroupObserved {
        GroupObserved {
            state: self.state,
            since: self.since,
            epoch: self.target.as_ref().map_or(Epoch::NEVER, |t| t.epoch),
            serving: self.serving(),
            failure: self.failure.clone().or_else(|| self.network_failure()),
            not_ready: self
                .resources
                .iter()
                .filter(|r| r.state == ResourceState::Stopped)
                .filter_map(|r| match &r.readiness {
                    Readiness::Issue(issue) => Some(issue.clone()),
                    Readiness::Unknown | Readiness::Ready => None,
                })
                .collect(),
            readiness_known: self.resources.iter().all(|r| r.readiness != Readiness::Unknown || r.is_up()),
            cleared: self.target.as_ref().map_or(0, |t| t.clear),
            lease_expires: self.running_lease(),
            peer_lease: self.peer_lease,
            resources: self.resources.iter().map(Resource::observed).collect(),
        }
    }
}

impl Group {
    /// [`Self::observed`] would say the same as `seen`; found out without making it, since most calls change nothing.
    pub(crate) fn shows(&self, seen: &GroupObserved) -> bool {
        let GroupObserved {
            state,
            since,
            epoch,
            serving,
            failure,
            not_ready,
            readiness_known,
            cleared,
            lease_expires,
            peer_lease,
            resources,
        } = seen;
        let issues =
            self.resources.iter().filter(|r| r.state == ResourceState::Stopped).filter_map(|r| match &r.readiness {
                Readiness::Issue(issue) => Some(issue),
                Readiness::Unknown | Readiness::Ready => None,
            });
        *state == self.state
            && *since == self.since
            && *epoch == self.target.as_ref().map_or(Epoch::NEVER, |t| t.epoch)
            && *serving == self.serving()
            && match (&self.failure, failure) {
                (Some(own), Some(told)) => own == told,
                (Some(_), None) => false,
                (None, told) => *told == self.network_failure(),
            }
            && issues.eq(not_ready.iter())
            && *readiness_known == self.resources.iter().all(|r| r.readiness != Readiness::Unknown || r.is_up())
            && *cleared == self.target.as_ref().map_or(0, |t| t.clear)
            && *lease_expires == self.running_lease()
            && *peer_lease == self.peer_lease
            && self.resources.len() == resources.len()
            && self.resources.iter().zip(resources).all(|(own, told)| own.shows(told))
    }
}

impl Resource {
    fn shows(&self, seen: &ResourceObserved) -> bool {
        let ResourceObserved { name, kind, state, since, failures, repairs, last_error, last_start, last_stop } = seen;
        *state == self.state
            && *since == self.since
            && *failures == u32::try_from(self.failures.len()).unwrap_or(u32::MAX)
            && *repairs == self.repairs
            && *last_start == self.last_start
            && *last_stop == self.last_stop
            && *last_error == self.last_error
            && *name == self.spec.name
            && *kind == self.spec.kind
    }

    fn observed(&self) -> ResourceObserved {
        ResourceObserved {
            name: self.spec.name.clone(),
            kind: self.spec.kind.clone(),
            state: self.state,
            since: self.since,
            failures: u32::try_from(self.failures.len()).unwrap_or(u32::MAX),
            repairs: self.repairs,
            last_error: self.last_error.clone(),
            last_start: self.last_start,
            last_stop: self.last_stop,
        }
    }
}
