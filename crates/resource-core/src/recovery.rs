//! What follows from targets, answers and events: the recovery ladder (S12), the stop-failure ladder (FAULTS S8, G03),
//! and the reading of probes and monitors (FAULTS S9, G05).

use crate::group::{Busy, Goal, Group, Readiness};
use crate::io::{Action, NoteEvent, OpId, Outcome, ResourceEvent};
use crate::machine::Effects;
use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;
use hotpair_types::{Desired, Failure, FailureScope, GroupTarget, ReadinessIssue, ResourceName, ResourceState};

/// Longest pause between two restarts, and between two tries while the network is at fault.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Shortest time between two tries of something that was not counted (network at fault, probe without answer).
const RETRY: Duration = Duration::from_secs(1);

impl Group {
    /// Takes this group's part of an accepted target.
    pub(crate) fn set_target(&mut self, target: Option<GroupTarget>, fx: &mut Effects) {
        if let (Some(new), Some(old)) = (&target, &self.target) {
            let taken_anew = new.desired == Desired::Started && new.epoch != self.failure_epoch;
            if new.clear != old.clear || (self.failure.is_some() && taken_anew) {
                self.failure = None;
                for resource in &mut self.resources {
                    resource.forgive(fx.now);
                }
            }
            if new.announce != old.announce {
                for resource in &mut self.resources {
                    resource.announce_due = resource.spec.announces && resource.is_up();
                }
            }
        }
        if !target.as_ref().is_some_and(|t| t.prepare) {
            for resource in &mut self.resources {
                resource.prepared = false;
            }
        }
        self.target = target;
    }

    /// Weighs target, lease and own failure into the goal.
    pub(crate) fn set_goal(&mut self, fx: &mut Effects) {
        let lapsed = self.running_lease().is_some_and(|at| at <= fx.now);
        if lapsed && !self.lease_lapsed {
            fx.note(Some(&self.name), None, NoteEvent::LeaseExpired);
            for resource in &mut self.resources {
                resource.last_error =
                    Some("taken down: the lease ran out, and arbiterd had not renewed the right to serve".to_string());
            }
        }
        self.lease_lapsed = lapsed;
        let goal = match self.target.as_ref().map(|t| t.desired) {
            None | Some(Desired::Unmanaged) => Goal::Leave,
            Some(Desired::Stopped) => Goal::Down,
            Some(Desired::Started) if lapsed || self.failure.is_some() => Goal::Down,
            Some(Desired::Started) => Goal::Up,
        };
        if goal == self.goal {
            return;
        }
        self.goal = goal;
        self.recovering = false;
        for resource in &mut self.resources {
            resource.repairing = None;
            if goal == Goal::Down && !resource.is_up() {
                resource.network = None;
            }
            if goal == Goal::Leave {
                // Watching only: whatever was resting for long is looked at soon.
                let soon = fx.now.after(resource.spec.ops.monitor_interval);
                resource.next_probe = resource.next_probe.min(soon);
            }
        }
    }

    /// Takes the answer of an operation. False if it is not this group's.
    pub(crate) fn done(&mut self, op: OpId, outcome: Outcome, fx: &mut Effects) -> bool {
        if let Some(resource) = self.resources.iter_mut().find(|r| r.announcing == Some(op)) {
            resource.announcing = None;
            let name = resource.spec.name.clone();
            self.hint(&name, "announcement", &outcome, fx);
            return true;
        }
        let Some(r) = self.resources.iter().position(|r| r.busy.as_ref().is_some_and(|b| b.op == op)) else {
            return false;
        };
        let Some(busy) = self.resources[r].busy.take() else {
            return false;
        };
        match busy.action {
            Action::Probe => self.probed(r, outcome, fx),
            Action::Start => self.started(r, &busy, outcome, fx),
            Action::Stop { force } => self.stopped(r, &busy, force, outcome, fx),
            Action::Monitor { deep } => self.monitored(r, deep, outcome, fx),
            Action::CheckReadiness => self.readiness(r, outcome, fx),
            Action::Prepare | Action::Announce => {
                let name = self.resources[r].spec.name.clone();
                self.hint(&name, busy.action.as_str(), &outcome, fx);
            }
        }
        true
    }

    /// Takes something noticed outside an operation.
    pub(crate) fn noticed(&mut self, name: &ResourceName, event: ResourceEvent, fx: &mut Effects) {
        let Some(r) = self.resources.iter().position(|r| r.spec.name == *name) else {
            return;
        };
        match event {
            // During a start or stop its own outcome decides; what is known to be down cannot vanish.
            ResourceEvent::Vanished(text) if self.resources[r].is_up() => self.vanished(r, text, fx),
            ResourceEvent::Failed { text, scope: FailureScope::Network } => self.network_lost(r, text, fx),
            ResourceEvent::Failed { text, scope } if self.resources[r].is_up() => self.failed(r, text, scope, fx),
            ResourceEvent::Recovered => self.network_back(r, fx),
            ResourceEvent::Appeared if self.resources[r].state == ResourceState::Stopped => {
                self.resources[r].next_probe = fx.now;
            }
            ResourceEvent::Recheck => self.resources[r].next_readiness = fx.now,
            ResourceEvent::PeerLease(at) => self.peer_lease = self.peer_lease.max(Some(at)),
            ResourceEvent::Vanished(_) | ResourceEvent::Failed { .. } | ResourceEvent::Appeared => {}
        }
    }

    fn hint(&self, resource: &ResourceName, what: &str, outcome: &Outcome, fx: &mut Effects) {
        if let Some(text) = trouble(outcome) {
            let text = format!("{what}: {text}");
            fx.note(Some(&self.name), Some(resource), NoteEvent::Hint { text });
        }
    }

    fn probed(&mut self, r: usize, outcome: Outcome, fx: &mut Effects) {
        let resource = &mut self.resources[r];
        let first = !core::mem::replace(&mut resource.probed, true);
        let pause = if self.goal == Goal::Leave || resource.state == ResourceState::StopFailed {
            resource.spec.ops.monitor_interval
        } else {
            resource.idle_probe_interval()
        };
        resource.next_probe = fx.now.after(pause);
        match outcome {
            Outcome::Ok => self.found_running(r, first, fx),
            Outcome::NotRunning => {
                resource.unknown_probes = 0;
                resource.stop_failures = 0;
                resource.stop_force = false;
                resource.set_state(ResourceState::Stopped, fx.now);
            }
            Outcome::Failed { text, scope: FailureScope::Network } => {
                self.found_running(r, first, fx);
                self.network_lost(r, text, fx);
            }
            Outcome::Failed { text, scope } => {
                resource.unknown_probes = 0;
                if resource.state == ResourceState::StopFailed {
                    resource.last_error = Some(text);
                } else {
                    self.failed(r, text, scope, fx);
                }
            }
            Outcome::TimedOut => self.no_answer(r, "the probe did not answer in time".to_string(), fx),
            Outcome::Unknown { text } | Outcome::Held { text } => self.no_answer(r, text, fx),
        }
    }

    /// A probe without answer. The last confirmed state stands; where none was ever confirmed it stays unknown, and only
    /// a confirmed *stop* ever makes it stopped.
    fn no_answer(&mut self, r: usize, text: String, fx: &mut Effects) {
        let resource = &mut self.resources[r];
        resource.unknown_probes = resource.unknown_probes.saturating_add(1);
        resource.last_error = Some(text.clone());
        let name = resource.spec.name.clone();
        fx.note(Some(&self.name), Some(&name), NoteEvent::NoAnswer { text: text.clone() });
        if resource.state != ResourceState::Unknown {
            return;
        }
        let pause = doubled(RETRY, resource.unknown_probes.saturating_sub(1));
        resource.next_probe = fx.now.after(pause);
        if self.goal == Goal::Up && resource.unknown_probes >= resource.spec.ops.late_limit.max(1) {
            self.failed(r, format!("whether it runs could not be found out: {text}"), FailureScope::Resource, fx);
        }
    }

    fn found_running(&mut self, r: usize, first: bool, fx: &mut Effects) {
        let goal = self.goal;
        let resource = &mut self.resources[r];
        resource.unknown_probes = 0;
        if resource.state == ResourceState::StopFailed && goal != Goal::Leave {
            return;
        }
        let news = matches!(resource.state, ResourceState::Unknown | ResourceState::Stopped);
        resource.set_state(ResourceState::Running, fx.now);
        resource.late = 0;
        schedule(resource, fx);
        if !news {
            return;
        }
        let event = if goal == Goal::Down || !first { NoteEvent::FoundRunning } else { NoteEvent::Adopted };
        let name = resource.spec.name.clone();
        fx.note(Some(&self.name), Some(&name), event);
    }

    fn started(&mut self, r: usize, busy: &Busy, outcome: Outcome, fx: &mut Effects) {
        let took = fx.now.since(busy.started);
        let resource = &mut self.resources[r];
        match outcome {
            Outcome::Ok => {
                resource.set_state(ResourceState::Running, fx.now);
                resource.last_start = Some(took);
                resource.late = 0;
                resource.network = None;
                schedule(resource, fx);
                let event = match resource.repairing.take() {
                    Some(since) => {
                        resource.repairs = resource.repairs.saturating_add(1);
                        NoteEvent::Repaired { took: fx.now.since(since) }
                    }
                    None => NoteEvent::Started { took },
                };
                let name = resource.spec.name.clone();
                fx.note(Some(&self.name), Some(&name), event);
            }
            Outcome::Held { text } => {
                resource.set_state(ResourceState::Stopped, fx.now);
                resource.retry_at = fx.now.after(resource.spec.recovery.backoff.max(RETRY).min(LONGEST_PAUSE));
                let text = format!("not started yet: {text}");
                // Said once, not with every try.
                if resource.last_error.as_ref() != Some(&text) {
                    resource.last_error = Some(text.clone());
                    let name = resource.spec.name.clone();
                    fx.note(Some(&self.name), Some(&name), NoteEvent::Hint { text });
                }
            }
            // Stopped on purpose while starting: nobody's failure, but it has to be stopped properly.
            _ if busy.cancelled => resource.set_state(ResourceState::Failed, fx.now),
            other => {
                let scope = match &other {
                    Outcome::Failed { scope, .. } => *scope,
                    _ => FailureScope::Resource,
                };
                let limit = resource.spec.ops.start_timeout;
                let text = match other {
                    Outcome::TimedOut => {
                        format!("the start took longer than {} ms", limit.as_millis())
                    }
                    Outcome::NotRunning => "it does not run although its start succeeded".to_string(),
                    Outcome::Failed { text, .. } | Outcome::Unknown { text } | Outcome::Held { text } => text,
                    Outcome::Ok => String::new(),
                };
                self.failed(r, format!("start failed: {text}"), scope, fx);
            }
        }
    }

    fn stopped(&mut self, r: usize, busy: &Busy, force: bool, outcome: Outcome, fx: &mut Effects) {
        let took = fx.now.since(busy.started);
        let resource = &mut self.resources[r];
        let name = resource.spec.name.clone();
        let text = match &outcome {
            Outcome::Ok | Outcome::NotRunning => {
                resource.set_state(ResourceState::Stopped, fx.now);
                resource.last_stop = Some(took);
                resource.stop_failures = 0;
                resource.stop_force = false;
                if self.goal != Goal::Up {
                    resource.network = None;
                }
                resource.next_readiness = fx.now;
                resource.next_probe = fx.now.after(resource.idle_probe_interval());
                fx.note(Some(&self.name), Some(&name), NoteEvent::Stopped { took });
                return;
            }
            Outcome::TimedOut => {
                format!("the stop took longer than {} ms", resource.spec.ops.stop_timeout.as_millis())
            }
            Outcome::Failed { text, .. } | Outcome::Unknown { text } | Outcome::Held { text } => text.clone(),
        };
        resource.last_error = Some(format!("stop failed: {text}"));
        if force {
            resource.set_state(ResourceState::StopFailed, fx.now);
            resource.next_probe = fx.now.after(resource.spec.ops.monitor_interval);
            fx.note(Some(&self.name), Some(&name), NoteEvent::StopFailed { text });
            return;
        }
        resource.stop_failures = resource.stop_failures.saturating_add(1);
        // Once more in peace after an error; a stop that hung would hang again, so that one goes on by force.
        resource.stop_force = resource.stop_failures >= 2 || outcome == Outcome::TimedOut;
        resource.set_state(ResourceState::Failed, fx.now);
        let force = resource.stop_force;
        fx.note(Some(&self.name), Some(&name), NoteEvent::StopRetried { text, force });
    }

    fn monitored(&mut self, r: usize, deep: bool, outcome: Outcome, fx: &mut Effects) {
        let resource = &mut self.resources[r];
        resource.next_monitor = fx.now.after(resource.spec.ops.monitor_interval);
        if let Some(interval) = resource.spec.ops.deep_interval.filter(|_| deep) {
            resource.next_deep = Some(fx.now.after(interval));
        }
        match outcome {
            Outcome::Ok => {
                resource.late = 0;
                resource.set_state(ResourceState::Running, fx.now);
                self.network_back(r, fx);
            }
            Outcome::NotRunning => self.vanished(r, "its monitor says that it does not run any more".to_string(), fx),
            Outcome::Failed { text, scope: FailureScope::Network } => {
                resource.late = 0;
                resource.set_state(ResourceState::Running, fx.now);
                self.network_lost(r, text, fx);
            }
            Outcome::Failed { text, scope } => self.failed(r, text, scope, fx),
            Outcome::TimedOut => self.late(r, fx),
            Outcome::Unknown { text } | Outcome::Held { text } => {
                resource.set_state(ResourceState::Late, fx.now);
                resource.last_error = Some(text.clone());
                let name = resource.spec.name.clone();
                fx.note(Some(&self.name), Some(&name), NoteEvent::NoAnswer { text });
            }
        }
    }

    /// A late monitor is not a failed one (G05); so many in a row are.
    fn late(&mut self, r: usize, fx: &mut Effects) {
        let resource = &mut self.resources[r];
        resource.late = resource.late.saturating_add(1);
        resource.set_state(ResourceState::Late, fx.now);
        let (times, limit) = (resource.late, resource.spec.ops.late_limit.max(1));
        let name = resource.spec.name.clone();
        fx.note(Some(&self.name), Some(&name), NoteEvent::Late { times });
        if times >= limit {
            let timeout = resource.spec.ops.monitor_timeout.as_millis();
            let text = format!("its monitor gave no answer within {timeout} ms, {times} times in a row");
            self.failed(r, text, FailureScope::Resource, fx);
        }
    }

    fn readiness(&mut self, r: usize, outcome: Outcome, fx: &mut Effects) {
        let resource = &mut self.resources[r];
        resource.next_readiness = fx.now.after(fx.spread(resource.spec.ops.monitor_interval));
        let scope = match &outcome {
            Outcome::Failed { scope, .. } => *scope,
            _ => FailureScope::Resource,
        };
        resource.readiness = match trouble(&outcome) {
            None => Readiness::Ready,
            Some(text) => Readiness::Issue(ReadinessIssue { resource: resource.spec.name.clone(), scope, text }),
        };
    }

    fn vanished(&mut self, r: usize, text: String, fx: &mut Effects) {
        let in_place = self.resources[r].spec.in_place;
        self.failed(r, text, FailureScope::Resource, fx);
        // Confirmed gone. What is repaired in place, or only watched, has nothing left to clean up.
        if in_place || self.goal == Goal::Leave {
            self.resources[r].set_state(ResourceState::Stopped, fx.now);
        }
    }

    /// A confirmed failure: the recovery ladder.
    fn failed(&mut self, r: usize, text: String, scope: FailureScope, fx: &mut Effects) {
        let goal = self.goal;
        let name = self.resources[r].spec.name.clone();
        let resource = &mut self.resources[r];
        resource.last_error = Some(text.clone());
        resource.set_state(ResourceState::Failed, fx.now);
        resource.next_probe = fx.now.after(resource.spec.ops.monitor_interval);
        fx.note(Some(&self.name), Some(&name), NoteEvent::Failed { text: text.clone(), scope });
        if goal != Goal::Up {
            return;
        }
        self.recovering = true;
        resource.repairing.get_or_insert(fx.now);
        match scope {
            FailureScope::Network => {
                resource.network = Some((text, fx.now));
                resource.retry_at = fx.now.after(resource.spec.recovery.backoff.max(RETRY).min(LONGEST_PAUSE));
            }
            FailureScope::Node => self.give_up(r, text, scope, fx),
            FailureScope::Resource => {
                resource.prune(fx.now);
                resource.failures.push_back(fx.now);
                let count = u32::try_from(resource.failures.len()).unwrap_or(u32::MAX);
                if count > resource.spec.recovery.restarts {
                    let text = format!("{text} (restarts on the spot are used up: {})", count - 1);
                    self.give_up(r, text, scope, fx);
                    return;
                }
                let pause = match count {
                    1 => Duration::ZERO,
                    n => doubled(resource.spec.recovery.backoff, n - 2),
                };
                resource.retry_at = fx.now.after(pause);
                fx.note(Some(&self.name), Some(&name), NoteEvent::Repairing { attempt: count, pause });
            }
        }
    }

    /// The group cannot run here: taken down in reverse order, nothing is left half done (G12).
    fn give_up(&mut self, r: usize, text: String, scope: FailureScope, fx: &mut Effects) {
        let resource = self.resources[r].spec.name.clone();
        fx.note(Some(&self.name), Some(&resource), NoteEvent::GroupFailed { text: text.clone(), scope });
        self.failure_epoch = self.target.as_ref().map_or(hotpair_types::Epoch::NEVER, |t| t.epoch);
        self.failure = Some(Failure { resource, scope, text, since: fx.now });
        self.set_goal(fx);
    }

    /// The network does not serve it: no restart helps, so it keeps running and says so (S6).
    fn network_lost(&mut self, r: usize, text: String, fx: &mut Effects) {
        let resource = &mut self.resources[r];
        if !resource.is_up() {
            resource.next_readiness = fx.now;
            return;
        }
        let news = resource.network.is_none();
        let since = resource.network.as_ref().map_or(fx.now, |(_, since)| *since);
        resource.last_error = Some(text.clone());
        resource.network = Some((text.clone(), since));
        if news {
            let name = resource.spec.name.clone();
            fx.note(Some(&self.name), Some(&name), NoteEvent::NetworkLost { text });
        }
    }

    fn network_back(&mut self, r: usize, fx: &mut Effects) {
        let resource = &mut self.resources[r];
        resource.next_readiness = fx.now;
        if resource.network.is_none() {
            return;
        }
        if resource.is_up() {
            resource.network = None;
            let name = resource.spec.name.clone();
            fx.note(Some(&self.name), Some(&name), NoteEvent::NetworkBack);
        } else {
            resource.retry_at = fx.now;
        }
    }
}

/// Next monitors after it was found or made running.
fn schedule(resource: &mut crate::group::Resource, fx: &mut Effects) {
    let interval = fx.spread(resource.spec.ops.monitor_interval);
    resource.next_monitor = fx.now.after(interval);
    resource.next_deep = resource.spec.ops.deep_interval.map(|deep| {
        let spread = fx.spread(deep);
        fx.now.after(spread)
    });
}

/// `pause` doubled `times` times, at most [`LONGEST_PAUSE`].
fn doubled(pause: Duration, times: u32) -> Duration {
    pause.saturating_mul(2_u32.saturating_pow(times)).min(LONGEST_PAUSE)
}

/// What is wrong, in words, if anything is.
fn trouble(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Ok => None,
        Outcome::NotRunning => Some("it does not run".to_string()),
        Outcome::Failed { text, .. } | Outcome::Unknown { text } | Outcome::Held { text } => Some(text.clone()),
        Outcome::TimedOut => Some("no answer in time".to_string()),
    }
}
