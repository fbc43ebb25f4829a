//! Between the protocol's messages and our values. Every field that comes from outside is checked here.

use std::collections::BTreeMap;
use std::time::Duration;

use hotpair_ipc::errors::Problem;
use hotpair_proto::resource::v1 as api;
use hotpair_types::{
    BootId, Desired, Epoch, Failure, FailureScope, FenceHealth, FenceOrder, FenceReport, FenceState, Generation,
    GroupName, GroupObserved, GroupState, GroupTarget, NodeId, ObservedView, ReadinessIssue, ResourceObserved,
    ResourceState, Target, Timestamp, WatchdogState,
};
use tonic::Status;

fn wrong(field: String, why: impl ToString) -> Status {
    Problem::invalid_argument("BAD_TARGET", "the target is not understood")
        .field(field, why.to_string())
        .remedy("arbiterd and resd have to be of compatible versions: finish the upgrade on this node")
        .into()
}

/// A target from the wire.
///
/// # Errors
/// INVALID_ARGUMENT with the field.
pub fn target(target: api::Target) -> Result<Target, Status> {
    let boot: BootId = target.boot_id.parse().map_err(|e| wrong("target.boot_id".into(), e))?;
    let mut groups = BTreeMap::new();
    for (n, group) in target.groups.into_iter().enumerate() {
        let at = |field: &str| format!("target.groups[{n}].{field}");
        let name = GroupName::new(&group.name).map_err(|e| wrong(at("name"), e))?;
        let desired = match group.desired() {
            api::Desired::Started => Desired::Started,
            api::Desired::Stopped => Desired::Stopped,
            api::Desired::Unmanaged => Desired::Unmanaged,
            api::Desired::Unspecified => return Err(wrong(at("desired"), "has to be given")),
        };
        let node = NodeId::new(u64::from(group.epoch_node)).map_err(|e| wrong(at("epoch_node"), e))?;
        let wanted = GroupTarget {
            desired,
            epoch: Epoch { number: group.epoch_number, node },
            lease_expires: group.lease_expires_ns.map(Timestamp::from_nanos),
            announce: group.announce,
            clear: group.clear,
            prepare: group.prepare,
        };
        if groups.insert(name, wanted).is_some() {
            return Err(wrong(at("name"), "names a group twice"));
        }
    }
    let fence = target.fence.map(fence_order).transpose()?;
    Ok(Target { generation: Generation(target.generation), boot, groups, fence })
}

fn fence_order(order: api::FenceOrder) -> Result<FenceOrder, Status> {
    let peer = NodeId::new(u64::from(order.peer)).map_err(|e| wrong("target.fence.peer".into(), e))?;
    let peer_boot = match order.peer_boot_id.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|e| wrong("target.fence.peer_boot_id".into(), e))?),
    };
    Ok(FenceOrder { number: order.number, peer, peer_boot })
}

/// The view to the wire.
pub fn view(view: &ObservedView) -> api::ObservedView {
    api::ObservedView {
        seq: view.seq,
        incarnation: view.resd.to_string(),
        taken_at_ns: view.taken_at.as_nanos(),
        generation: view.generation.map(|g| g.0),
        groups: view.groups.iter().map(|(name, observed)| group(name, observed)).collect(),
        fence: view.fence.as_ref().map(fence_report),
        fence_health: match view.fence_health {
            FenceHealth::Unknown => api::FenceHealth::Unspecified,
            FenceHealth::Ready => api::FenceHealth::Ready,
            FenceHealth::Broken { .. } => api::FenceHealth::Broken,
        }
        .into(),
        fence_trouble: match &view.fence_health {
            FenceHealth::Broken { reason } => reason.clone(),
            FenceHealth::Unknown | FenceHealth::Ready => String::new(),
        },
        watchdog: Some(watchdog(&view.watchdog)),
    }
}

fn fence_report(report: &FenceReport) -> api::FenceReport {
    use api::fence_report::State;
    let state = match &report.state {
        FenceState::Running { device, level } => {
            State::Running(api::FenceRunning { device: device.clone(), level: *level })
        }
        FenceState::Confirmed { device } => State::Confirmed(api::FenceConfirmed { device: device.clone() }),
        FenceState::Failed { reason } => State::Failed(api::FenceFailed { reason: reason.clone() }),
    };
    api::FenceReport { number: report.number, state: Some(state) }
}

fn watchdog(state: &WatchdogState) -> api::Watchdog {
    let (word, timeout, reason) = match state {
        WatchdogState::Off => (api::WatchdogState::Off, Duration::ZERO, ""),
        WatchdogState::Armed { timeout } => (api::WatchdogState::Armed, *timeout, ""),
        WatchdogState::Broken { reason } => (api::WatchdogState::Broken, Duration::ZERO, reason.as_str()),
    };
    let timeout_ns = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    api::Watchdog { state: word.into(), timeout_ns, reason: reason.to_owned() }
}

fn group(name: &GroupName, group: &GroupObserved) -> api::GroupObserved {
    api::GroupObserved {
        name: name.to_string(),
        state: group_state(group.state).into(),
        since_ns: group.since.as_nanos(),
        epoch_number: group.epoch.number,
        epoch_node: u32::from(u8::from(group.epoch.node)),
        serving: group.serving,
        failure: group.failure.as_ref().map(failure),
        not_ready: group.not_ready.iter().map(issue).collect(),
        readiness_known: group.readiness_known,
        cleared: group.cleared,
        lease_expires_ns: group.lease_expires.map(Timestamp::as_nanos),
        resources: group.resources.iter().map(resource).collect(),
        peer_lease_ns: group.peer_lease.map(Timestamp::as_nanos),
    }
}

fn resource(resource: &ResourceObserved) -> api::ResourceObserved {
    let nanos = |d: Option<Duration>| d.map(|d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX));
    api::ResourceObserved {
        name: resource.name.to_string(),
        kind: resource.kind.clone(),
        state: resource_state(resource.state).into(),
        since_ns: resource.since.as_nanos(),
        failures: resource.failures,
        repairs: resource.repairs,
        last_error: resource.last_error.clone().unwrap_or_default(),
        last_start_ns: nanos(resource.last_start),
        last_stop_ns: nanos(resource.last_stop),
    }
}

fn failure(failure: &Failure) -> api::Failure {
    api::Failure {
        resource: failure.resource.to_string(),
        scope: scope(failure.scope).into(),
        text: failure.text.clone(),
        since_ns: failure.since.as_nanos(),
    }
}

fn issue(issue: &ReadinessIssue) -> api::ReadinessIssue {
    api::ReadinessIssue {
        resource: issue.resource.to_string(),
        scope: scope(issue.scope).into(),
        text: issue.text.clone(),
    }
}

fn scope(scope: FailureScope) -> api::FailureScope {
    match scope {
        FailureScope::Resource => api::FailureScope::Resource,
        FailureScope::Network => api::FailureScope::Network,
        FailureScope::Node => api::FailureScope::Node,
    }
}

fn group_state(state: GroupState) -> api::GroupState {
    match state {
        GroupState::Unknown => api::GroupState::Unknown,
        GroupState::Stopped => api::GroupState::Stopped,
        GroupState::Starting => api::GroupState::Starting,
        GroupState::Running => api::GroupState::Running,
        GroupState::Recovering => api::GroupState::Recovering,
        GroupState::Stopping => api::GroupState::Stopping,
        GroupState::Failed => api::GroupState::Failed,
        GroupState::StopFailed => api::GroupState::StopFailed,
    }
}

fn resource_state(state: ResourceState) -> api::ResourceState {
    match state {
        ResourceState::Unknown => api::ResourceState::Unknown,
        ResourceState::Stopped => api::ResourceState::Stopped,
        ResourceState::Starting => api::ResourceState::Starting,
        ResourceState::Running => api::ResourceState::Running,
        ResourceState::Late => api::ResourceState::Late,
        ResourceState::Failed => api::ResourceState::Failed,
        ResourceState::Stopping => api::ResourceState::Stopping,
        ResourceState::StopFailed => api::ResourceState::StopFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire() -> api::Target {
        let group = api::GroupTarget { name: "g".into(), desired: 1, epoch_number: 3, ..Default::default() };
        api::Target { generation: 7, boot_id: "00".repeat(16), groups: vec![group], fence: None }
    }

    #[test]
    fn a_target_is_read_and_every_bad_field_is_named() {
        let read = target(wire()).unwrap();
        assert_eq!((read.generation, read.groups.len()), (Generation(7), 1));
        type Spoil = (&'static str, fn(&mut api::Target));
        let spoil: [Spoil; 7] = [
            ("boot_id", |t| t.boot_id = "x".into()),
            ("name", |t| t.groups[0].name = "no name".into()),
            ("desired", |t| t.groups[0].desired = 0),
            ("epoch_node", |t| t.groups[0].epoch_node = 2),
            ("twice", |t| t.groups.push(t.groups[0].clone())),
            ("fence.peer", |t| t.fence = Some(api::FenceOrder { peer: 2, ..Default::default() })),
            ("fence.peer_boot_id", |t| {
                t.fence = Some(api::FenceOrder { peer_boot_id: "short".into(), ..Default::default() });
            }),
        ];
        for (field, change) in spoil {
            let mut bad = wire();
            change(&mut bad);
            let text = hotpair_ipc::errors::explain_status(&target(bad).unwrap_err());
            assert!(text.contains(field), "{field}: {text}");
        }
    }
}
