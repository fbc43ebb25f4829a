//! State of groups and resources, and the small questions asked of it. Changed by `machine`, `recovery`; read by
//! `decide`, `view`.

use crate::config::{ConfigError, GroupConfig, ResourceSpec};
use crate::io::{Action, OpId};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use hotpair_types::{Epoch, Failure, GroupName, GroupState, GroupTarget, ResourceState, Timestamp};
use serde::{Deserialize, Serialize};

/// Where a group is to go, after target, lease and own failure are weighed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Goal {
    /// Watch only.
    Leave,
    /// Everything up.
    Up,
    /// Everything down.
    Down,
}

/// The operation a resource is busy with; at most one (announcements apart).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Busy {
    pub(crate) op: OpId,
    pub(crate) action: Action,
    pub(crate) started: Timestamp,
    pub(crate) cancelled: bool,
}

/// What the readiness check said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Readiness {
    Unknown,
    Ready,
    Issue(hotpair_types::ReadinessIssue),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Resource {
    pub(crate) spec: ResourceSpec,
    /// Indices of what it depends on, and of what depends on it.
    pub(crate) deps: Vec<usize>,
    pub(crate) dependants: Vec<usize>,
    pub(crate) state: ResourceState,
    pub(crate) since: Timestamp,
    pub(crate) busy: Option<Busy>,
    pub(crate) announcing: Option<OpId>,
    pub(crate) announce_due: bool,
    /// Times of the failures within the window, oldest first.
    pub(crate) failures: VecDeque<Timestamp>,
    pub(crate) repairs: u64,
    /// Since when it is under repair.
    pub(crate) repairing: Option<Timestamp>,
    pub(crate) last_error: Option<String>,
    pub(crate) last_start: Option<Duration>,
    pub(crate) last_stop: Option<Duration>,
    /// The network does not serve it, since when and why.
    pub(crate) network: Option<(String, Timestamp)>,
    pub(crate) late: u32,
    pub(crate) probed: bool,
    pub(crate) unknown_probes: u32,
    /// Stops that failed in a row, and whether the next is by force.
    pub(crate) stop_failures: u32,
    pub(crate) stop_force: bool,
    /// No start before.
    pub(crate) retry_at: Timestamp,
    pub(crate) next_monitor: Timestamp,
    pub(crate) next_deep: Option<Timestamp>,
    pub(crate) next_probe: Timestamp,
    pub(crate) next_readiness: Timestamp,
    pub(crate) readiness: Readiness,
    pub(crate) prepared: bool,
    /// When `decide` wants to look again.
    pub(crate) wake: Option<Timestamp>,
}

impl Resource {
    fn new(spec: ResourceSpec, deps: Vec<usize>, now: Timestamp) -> Self {
        Self {
            spec,
            deps,
            dependants: Vec::new(),
            state: ResourceState::Unknown,
            since: now,
            busy: None,
            announcing: None,
            announce_due: false,
            failures: VecDeque::new(),
            repairs: 0,
            repairing: None,
            last_error: None,
            last_start: None,
            last_stop: None,
            network: None,
            late: 0,
            probed: false,
            unknown_probes: 0,
            stop_failures: 0,
            stop_force: false,
            retry_at: Timestamp::ZERO,
            next_monitor: now,
            next_deep: None,
            next_probe: now,
            next_readiness: now,
            readiness: Readiness::Unknown,
            prepared: false,
            wake: None,
        }
    }

    /// It serves as far as known.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, ResourceState::Running | ResourceState::Late)
    }

    pub(crate) fn set_state(&mut self, state: ResourceState, now: Timestamp) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }

    /// Time between two probes of something that should not run here.
    pub(crate) fn idle_probe_interval(&self) -> Duration {
        self.spec.ops.monitor_interval.saturating_mul(10).max(Duration::from_secs(10))
    }

    /// Forgets failures older than the window.
    pub(crate) fn prune(&mut self, now: Timestamp) {
        let window = self.spec.recovery.window;
        while self.failures.front().is_some_and(|at| now.since(*at) >= window) {
            self.failures.pop_front();
        }
    }

    /// Forgets what local recovery counts, as `clear` and a new ownership do.
    pub(crate) fn forgive(&mut self, now: Timestamp) {
        self.failures.clear();
        self.retry_at = now;
        self.late = 0;
        self.unknown_probes = 0;
        self.stop_failures = 0;
        self.stop_force = false;
        if self.state == ResourceState::StopFailed {
            self.set_state(ResourceState::Failed, now);
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) name: GroupName,
    pub(crate) resources: Vec<Resource>,
    pub(crate) target: Option<GroupTarget>,
    pub(crate) goal: Goal,
    pub(crate) failure: Option<Failure>,
    pub(crate) failure_epoch: Epoch,
    pub(crate) recovering: bool,
    pub(crate) lease_lapsed: bool,
    /// When the other node's lease of a volume was last seen to move.
    #[serde(default)]
    pub(crate) peer_lease: Option<Timestamp>,
    pub(crate) state: GroupState,
    pub(crate) since: Timestamp,
}

impl Group {
    pub(crate) fn new(config: GroupConfig, now: Timestamp) -> Result<Self, ConfigError> {
        let mut resources: Vec<Resource> = Vec::new();
        for spec in config.resources {
            if spec.ops.monitor_interval.is_zero() || spec.ops.deep_interval.is_some_and(|d| d.is_zero()) {
                return Err(ConfigError::Interval { group: config.name, resource: spec.name });
            }
            let mut deps = Vec::new();
            for name in &spec.after {
                let Some(at) = resources.iter().position(|r| r.spec.name == *name) else {
                    let (resource, missing) = (spec.name.clone(), name.clone());
                    return Err(ConfigError::Dependency { group: config.name, resource, missing });
                };
                deps.push(at);
            }
            let index = resources.len();
            for &dep in &deps {
                resources[dep].dependants.push(index);
            }
            resources.push(Resource::new(spec, deps, now));
        }
        Ok(Self {
            name: config.name,
            resources,
            target: None,
            goal: Goal::Leave,
            failure: None,
            failure_epoch: Epoch::NEVER,
            recovering: false,
            lease_lapsed: false,
            peer_lease: None,
            state: GroupState::Unknown,
            since: now,
        })
    }

    /// Something of the group is, or may be, up here.
    pub(crate) fn serving(&self) -> bool {
        self.resources.iter().any(|r| r.state != ResourceState::Stopped)
    }

    /// Everything is up.
    pub(crate) fn all_up(&self) -> bool {
        self.resources.iter().all(Resource::is_up)
    }

    /// The group's first failure of scope Network.
    pub(crate) fn network_failure(&self) -> Option<Failure> {
        self.resources.iter().find_map(|r| {
            let (text, since) = r.network.as_ref()?;
            Some(Failure {
                resource: r.spec.name.clone(),
                scope: hotpair_types::FailureScope::Network,
                text: text.clone(),
                since: *since,
            })
        })
    }

    /// All transitive dependants of `r` are confirmed stopped. (Direct ones are not enough: one in the middle may be
    /// stopped while one above it was found running.)
    pub(crate) fn dependants_stopped(&self, r: usize) -> bool {
        self.resources[r]
            .dependants
            .iter()
            .all(|&d| self.resources[d].state == ResourceState::Stopped && self.dependants_stopped(d))
    }

    /// Something below `r` is not up and its absence takes `r` down with it.
    pub(crate) fn pulled_down(&self, r: usize) -> bool {
        self.resources[r].deps.iter().any(|&d| {
            let dep = &self.resources[d];
            let gone = matches!(
                dep.state,
                ResourceState::Stopped
                    | ResourceState::Starting
                    | ResourceState::Failed
                    | ResourceState::Stopping
                    | ResourceState::StopFailed
            );
            (gone && !dep.spec.in_place) || self.pulled_down(d)
        })
    }
}
