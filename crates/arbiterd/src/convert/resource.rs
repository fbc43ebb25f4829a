//! resd's documents: the observed view from the wire, targets to the wire.

use super::advert::{WireGroupState, epoch};
use super::{WireError, at, bad, id, known, nanos};
use hotpair_proto::resource::v1 as pb;
use hotpair_types::{
    Desired, Failure, FailureScope, FenceHealth, FenceReport, FenceState, Generation, GroupName, GroupObserved,
    GroupState, GroupTarget, ObservedView, ReadinessIssue, ResourceName, ResourceObserved, ResourceState, Target,
    WatchdogState,
};
use std::time::Duration;

/// A whole view.
///
/// # Errors
/// [`WireError`] with the first bad field.
pub fn from_wire(view: &pb::ObservedView) -> Result<ObservedView, WireError> {
    let group =
        |group: &pb::GroupObserved| Ok((id("groups.name", GroupName::new(&group.name))?, group_from_wire(group)?));
    Ok(ObservedView {
        seq: view.seq,
        resd: super::peer::incarnation("incarnation", &view.incarnation)?,
        taken_at: at(view.taken_at_ns),
        generation: view.generation.map(Generation),
        groups: view.groups.iter().map(group).collect::<Result<_, WireError>>()?,
        fence: view.fence.as_ref().map(fence_from_wire).transpose()?,
        fence_health: match known("fence_health", view.fence_health)? {
            pb::FenceHealth::Unspecified => FenceHealth::Unknown,
            pb::FenceHealth::Ready => FenceHealth::Ready,
            pb::FenceHealth::Broken => FenceHealth::Broken { reason: view.fence_trouble.clone() },
        },
        watchdog: view.watchdog.as_ref().map_or(Ok(WatchdogState::Off), watchdog_from_wire)?,
    })
}

fn fence_from_wire(report: &pb::FenceReport) -> Result<FenceReport, WireError> {
    use pb::fence_report::State;
    let state = match super::need("fence.state", report.state.as_ref())? {
        State::Running(running) => FenceState::Running { device: running.device.clone(), level: running.level },
        State::Confirmed(confirmed) => FenceState::Confirmed { device: confirmed.device.clone() },
        State::Failed(failed) => FenceState::Failed { reason: failed.reason.clone() },
    };
    Ok(FenceReport { number: report.number, state })
}

fn watchdog_from_wire(watchdog: &pb::Watchdog) -> Result<WatchdogState, WireError> {
    Ok(match known("watchdog.state", watchdog.state)? {
        pb::WatchdogState::Unspecified => return Err(bad("watchdog.state", "is missing")),
        pb::WatchdogState::Off => WatchdogState::Off,
        pb::WatchdogState::Armed => WatchdogState::Armed { timeout: Duration::from_nanos(watchdog.timeout_ns) },
        pb::WatchdogState::Broken => WatchdogState::Broken { reason: watchdog.reason.clone() },
    })
}

/// The watchdog, for `status`.
#[must_use]
pub fn watchdog_to_wire(state: &WatchdogState) -> pb::Watchdog {
    let (word, timeout, reason) = match state {
        WatchdogState::Off => (pb::WatchdogState::Off, Duration::ZERO, ""),
        WatchdogState::Armed { timeout } => (pb::WatchdogState::Armed, *timeout, ""),
        WatchdogState::Broken { reason } => (pb::WatchdogState::Broken, Duration::ZERO, reason.as_str()),
    };
    pb::Watchdog { state: word.into(), timeout_ns: nanos(timeout), reason: reason.to_owned() }
}

fn group_from_wire(group: &pb::GroupObserved) -> Result<GroupObserved, WireError> {
    Ok(GroupObserved {
        state: state_from_wire("groups.state", group.state)?,
        since: at(group.since_ns),
        epoch: epoch("groups.epoch_node", group.epoch_number, group.epoch_node)?,
        serving: group.serving,
        failure: group.failure.as_ref().map(failure_from_wire).transpose()?,
        not_ready: group.not_ready.iter().map(issue_from_wire).collect::<Result<_, _>>()?,
        readiness_known: group.readiness_known,
        cleared: group.cleared,
        lease_expires: group.lease_expires_ns.map(at),
        resources: group.resources.iter().map(resource_from_wire).collect::<Result<_, _>>()?,
        peer_lease: group.peer_lease_ns.map(at),
    })
}

fn failure_from_wire(failure: &pb::Failure) -> Result<Failure, WireError> {
    Ok(Failure {
        resource: id("groups.failure.resource", ResourceName::new(&failure.resource))?,
        scope: scope_from_wire("groups.failure.scope", failure.scope)?,
        text: failure.text.clone(),
        since: at(failure.since_ns),
    })
}

fn issue_from_wire(issue: &pb::ReadinessIssue) -> Result<ReadinessIssue, WireError> {
    Ok(ReadinessIssue {
        resource: id("groups.not_ready.resource", ResourceName::new(&issue.resource))?,
        scope: scope_from_wire("groups.not_ready.scope", issue.scope)?,
        text: issue.text.clone(),
    })
}

fn scope_from_wire(field: &'static str, scope: i32) -> Result<FailureScope, WireError> {
    Ok(match known(field, scope)? {
        pb::FailureScope::Resource => FailureScope::Resource,
        pb::FailureScope::Network => FailureScope::Network,
        pb::FailureScope::Node => FailureScope::Node,
        pb::FailureScope::Unspecified => return Err(bad(field, "is missing")),
    })
}

fn resource_from_wire(resource: &pb::ResourceObserved) -> Result<ResourceObserved, WireError> {
    Ok(ResourceObserved {
        name: id("groups.resources.name", ResourceName::new(&resource.name))?,
        kind: resource.kind.clone(),
        state: match known("groups.resources.state", resource.state)? {
            pb::ResourceState::Unknown => ResourceState::Unknown,
            pb::ResourceState::Stopped => ResourceState::Stopped,
            pb::ResourceState::Starting => ResourceState::Starting,
            pb::ResourceState::Running => ResourceState::Running,
            pb::ResourceState::Late => ResourceState::Late,
            pb::ResourceState::Failed => ResourceState::Failed,
            pb::ResourceState::Stopping => ResourceState::Stopping,
            pb::ResourceState::StopFailed => ResourceState::StopFailed,
            pb::ResourceState::Unspecified => return Err(bad("groups.resources.state", "is missing")),
        },
        since: at(resource.since_ns),
        failures: resource.failures,
        repairs: resource.repairs,
        last_error: Some(resource.last_error.clone()).filter(|e| !e.is_empty()),
        last_start: resource.last_start_ns.map(Duration::from_nanos),
        last_stop: resource.last_stop_ns.map(Duration::from_nanos),
    })
}

/// A group's state from the wire.
pub(crate) fn state_from_wire(field: &'static str, state: i32) -> Result<GroupState, WireError> {
    Ok(match known(field, state)? {
        WireGroupState::Unknown => GroupState::Unknown,
        WireGroupState::Stopped => GroupState::Stopped,
        WireGroupState::Starting => GroupState::Starting,
        WireGroupState::Running => GroupState::Running,
        WireGroupState::Recovering => GroupState::Recovering,
        WireGroupState::Stopping => GroupState::Stopping,
        WireGroupState::Failed => GroupState::Failed,
        WireGroupState::StopFailed => GroupState::StopFailed,
        WireGroupState::Unspecified => return Err(bad(field, "is missing")),
    })
}

/// A group's state for the wire.
#[must_use]
pub fn state_to_wire(state: GroupState) -> pb::GroupState {
    match state {
        GroupState::Unknown => pb::GroupState::Unknown,
        GroupState::Stopped => pb::GroupState::Stopped,
        GroupState::Starting => pb::GroupState::Starting,
        GroupState::Running => pb::GroupState::Running,
        GroupState::Recovering => pb::GroupState::Recovering,
        GroupState::Stopping => pb::GroupState::Stopping,
        GroupState::Failed => pb::GroupState::Failed,
        GroupState::StopFailed => pb::GroupState::StopFailed,
    }
}

/// A target for resd.
#[must_use]
pub fn target_to_wire(target: &Target) -> pb::Target {
    pb::Target {
        generation: target.generation.0,
        boot_id: target.boot.to_string(),
        groups: target.groups.iter().map(|(name, group)| group_target(name, group)).collect(),
        fence: target.fence.as_ref().map(|order| pb::FenceOrder {
            number: order.number,
            peer: u32::from(u8::from(order.peer)),
            peer_boot_id: order.peer_boot.map(|boot| boot.to_string()).unwrap_or_default(),
        }),
    }
}

fn group_target(name: &GroupName, group: &GroupTarget) -> pb::GroupTarget {
    pb::GroupTarget {
        name: name.as_str().to_owned(),
        desired: match group.desired {
            Desired::Started => pb::Desired::Started,
            Desired::Stopped => pb::Desired::Stopped,
            Desired::Unmanaged => pb::Desired::Unmanaged,
        }
        .into(),
        epoch_number: group.epoch.number,
        epoch_node: u32::from(u8::from(group.epoch.node)),
        lease_expires_ns: group.lease_expires.map(hotpair_types::Timestamp::as_nanos),
        announce: group.announce,
        clear: group.clear,
        prepare: group.prepare,
    }
}

/// A group as it is here, for `status`.
#[must_use]
pub fn group_to_wire(name: &GroupName, group: &GroupObserved) -> pb::GroupObserved {
    pb::GroupObserved {
        name: name.as_str().to_owned(),
        state: state_to_wire(group.state).into(),
        since_ns: group.since.as_nanos(),
        epoch_number: group.epoch.number,
        epoch_node: u32::from(u8::from(group.epoch.node)),
        serving: group.serving,
        failure: group.failure.as_ref().map(|failure| pb::Failure {
            resource: failure.resource.as_str().to_owned(),
            scope: scope_to_wire(failure.scope).into(),
            text: failure.text.clone(),
            since_ns: failure.since.as_nanos(),
        }),
        not_ready: group
            .not_ready
            .iter()
            .map(|issue| pb::ReadinessIssue {
                resource: issue.resource.as_str().to_owned(),
                scope: scope_to_wire(issue.scope).into(),
                text: issue.text.clone(),
            })
            .collect(),
        readiness_known: group.readiness_known,
        cleared: group.cleared,
        lease_expires_ns: group.lease_expires.map(hotpair_types::Timestamp::as_nanos),
        resources: group.resources.iter().map(resource_to_wire).collect(),
        peer_lease_ns: group.peer_lease.map(hotpair_types::Timestamp::as_nanos),
    }
}

fn scope_to_wire(scope: FailureScope) -> pb::FailureScope {
    match scope {
        FailureScope::Resource => pb::FailureScope::Resource,
        FailureScope::Network => pb::FailureScope::Network,
        FailureScope::Node => pb::FailureScope::Node,
    }
}

fn resource_to_wire(resource: &ResourceObserved) -> pb::ResourceObserved {
    pb::ResourceObserved {
        name: resource.name.as_str().to_owned(),
        kind: resource.kind.clone(),
        state: match resource.state {
            ResourceState::Unknown => pb::ResourceState::Unknown,
            ResourceState::Stopped => pb::ResourceState::Stopped,
            ResourceState::Starting => pb::ResourceState::Starting,
            ResourceState::Running => pb::ResourceState::Running,
            ResourceState::Late => pb::ResourceState::Late,
            ResourceState::Failed => pb::ResourceState::Failed,
            ResourceState::Stopping => pb::ResourceState::Stopping,
            ResourceState::StopFailed => pb::ResourceState::StopFailed,
        }
        .into(),
        since_ns: resource.since.as_nanos(),
        failures: resource.failures,
        repairs: resource.repairs,
        last_error: resource.last_error.clone().unwrap_or_default(),
        last_start_ns: resource.last_start.map(nanos),
        last_stop_ns: resource.last_stop.map(nanos),
    }
}
