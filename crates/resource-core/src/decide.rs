//! The next step of one resource, as a pure function of the state: level-triggered, so that a lost or repeated input
//! changes nothing in the end.

use crate::group::{Goal, Group, Readiness};
use crate::io::Action;
use hotpair_types::{ResourceState, Timestamp};

/// What to do with a resource now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Order this.
    Run(Action),
    /// Stop working on the operation under way. `forget`: its answer does not matter, the next step may follow at once.
    Cancel { forget: bool },
    /// Nothing until something happens or this instant comes.
    Wait(Option<Timestamp>),
}

impl Group {
    /// Where this resource is to go: the group's goal, but down while something below it has to be repaired.
    fn want(&self, r: usize) -> Goal {
        match self.goal {
            Goal::Up if self.resources[r].state != ResourceState::Stopped && self.pulled_down(r) => Goal::Down,
            goal => goal,
        }
    }

    /// May it be stopped now, as far as those above it go?
    pub(crate) fn may_stop(&self, r: usize) -> bool {
        // An address can go first: its users keep their sockets. On repair that spares them; when a lease has lapsed it
        // takes the clients off before the slow part begins.
        let free = self.resources[r].spec.in_place && (self.goal == Goal::Up || self.lease_lapsed);
        free || self.dependants_stopped(r)
    }

    /// May it be started now, as far as the others go?
    pub(crate) fn may_start(&self, r: usize) -> bool {
        let resource = &self.resources[r];
        resource.deps.iter().all(|&d| self.resources[d].is_up() && !self.pulled_down(d))
            && (resource.spec.in_place || self.dependants_stopped(r))
    }

    /// The next step of resource `r`.
    pub(crate) fn step(&self, r: usize, now: Timestamp) -> Step {
        let want = self.want(r);
        let resource = &self.resources[r];
        if let Some(busy) = &resource.busy {
            let start_now = want == Goal::Up && resource.state == ResourceState::Stopped && self.may_start(r);
            let forget = match busy.action {
                Action::Start if want == Goal::Down && !busy.cancelled => {
                    return Step::Cancel { forget: false };
                }
                Action::Start | Action::Stop { .. } | Action::Announce => false,
                // In flight when a stop arrives: its time is never charged to the stop (G11).
                Action::Monitor { .. } => !resource.is_up() || (want == Goal::Down && self.may_stop(r)),
                Action::Probe | Action::CheckReadiness | Action::Prepare => start_now && resource.retry_at <= now,
            };
            if forget {
                return Step::Cancel { forget: true };
            }
            // A probe under way before a start that has to pause: look again when the pause is over.
            return Step::Wait(start_now.then_some(resource.retry_at).filter(|at| *at > now));
        }
        match want {
            Goal::Leave => self.watch(r, now),
            Goal::Down => self.go_down(r, now),
            Goal::Up => self.go_up(r, now),
        }
    }

    fn go_down(&self, r: usize, now: Timestamp) -> Step {
        let resource = &self.resources[r];
        match resource.state {
            ResourceState::Stopped => self.stand_by(r, now),
            ResourceState::StopFailed => due(Action::Probe, resource.next_probe, now),
            ResourceState::Unknown if !resource.probed => due(Action::Probe, resource.next_probe, now),
            _ if self.may_stop(r) => Step::Run(Action::Stop { force: resource.stop_force }),
            // It has to wait for those above; meanwhile it serves them, so it is still watched.
            ResourceState::Running | ResourceState::Late => self.monitor(r, now),
            _ => Step::Wait(None),
        }
    }

    fn go_up(&self, r: usize, now: Timestamp) -> Step {
        let resource = &self.resources[r];
        match resource.state {
            ResourceState::Unknown | ResourceState::StopFailed => due(Action::Probe, resource.next_probe, now),
            ResourceState::Stopped if self.may_start(r) => due(Action::Start, resource.retry_at, now),
            ResourceState::Failed if self.may_stop(r) => Step::Run(Action::Stop { force: resource.stop_force }),
            ResourceState::Running | ResourceState::Late => self.monitor(r, now),
            _ => Step::Wait(None),
        }
    }

    fn watch(&self, r: usize, now: Timestamp) -> Step {
        let resource = &self.resources[r];
        match resource.state {
            ResourceState::Running | ResourceState::Late => self.monitor(r, now),
            ResourceState::Stopped => self.stand_by(r, now),
            _ => due(Action::Probe, resource.next_probe, now),
        }
    }

    fn monitor(&self, r: usize, now: Timestamp) -> Step {
        let resource = &self.resources[r];
        if let Some(deep) = resource.next_deep.filter(|at| *at <= resource.next_monitor || *at <= now) {
            return due(Action::Monitor { deep: true }, deep, now);
        }
        due(Action::Monitor { deep: false }, resource.next_monitor, now)
    }

    /// It does not run here: keep ready, and notice if it runs after all.
    fn stand_by(&self, r: usize, now: Timestamp) -> Step {
        let resource = &self.resources[r];
        if self.target.as_ref().is_some_and(|t| t.prepare) && !resource.prepared {
            return Step::Run(Action::Prepare);
        }
        if resource.next_readiness <= now || resource.readiness == Readiness::Unknown {
            return Step::Run(Action::CheckReadiness);
        }
        if resource.next_probe <= now {
            return Step::Run(Action::Probe);
        }
        Step::Wait(Some(resource.next_probe.min(resource.next_readiness)))
    }
}

fn due(action: Action, at: Timestamp, now: Timestamp) -> Step {
    if at <= now { Step::Run(action) } else { Step::Wait(Some(at)) }
}
