//! Requests that change something, checked and turned into orders for the core.

use crate::settings::Settings;
use arbiter_core::io::Order;
use hotpair_ipc::errors::Problem;
use hotpair_proto::arbiter::v1 as pb;
use hotpair_types::{GroupName, NodeId, NodeMode};
use std::time::Duration;
use tonic::Status;

/// A freeze or maintenance that nobody ends lasts at most this long (FAULTS O03).
pub const LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// Longest reason recorded with a vouching.
const MAX_REASON: usize = 500;

pub(super) fn group_name(text: &str, settings: &Settings) -> Result<GroupName, Status> {
    let known = settings.config.groups.iter().find(|group| group.name.as_str() == text);
    known.map(|group| group.name.clone()).ok_or_else(|| {
        let names: Vec<&str> = settings.config.groups.iter().map(|g| g.name.as_str()).collect();
        let all = names.join(", ");
        let what = if text.is_empty() { "no group is named".to_owned() } else { format!("there is no group {text}") };
        Problem::not_found("NO_SUCH_GROUP", what)
            .why(format!("the configuration has: {all}"))
            .remedy(format!("name one of: {all}"))
            .meta("groups", all.clone())
            .field("group", format!("must be one of: {all}"))
            .into()
    })
}

pub(super) fn optional_group(text: &str, settings: &Settings) -> Result<Option<GroupName>, Status> {
    if text.is_empty() { Ok(None) } else { group_name(text, settings).map(Some) }
}

fn node(field: &str, text: &str, settings: &Settings) -> Result<NodeId, Status> {
    settings.config.node_id(text).ok_or_else(|| {
        let all = NodeId::BOTH.map(|node| settings.name(node)).join(", ");
        Problem::not_found("NO_SUCH_NODE", format!("there is no node {text}"))
            .why(format!("the pair has: {all}"))
            .remedy(format!("name one of: {all}"))
            .meta("nodes", all.clone())
            .field(field, format!("must be one of: {all}"))
            .into()
    })
}

pub(super) fn switchover(request: &pb::SwitchoverRequest, settings: &Settings) -> Result<Order, Status> {
    let group = group_name(&request.group, settings)?;
    let to = if request.to.is_empty() { None } else { Some(node("to", &request.to, settings)?) };
    Ok(Order::Switchover { group, to })
}

pub(super) fn node_mode(request: &pb::SetNodeModeRequest, settings: &Settings) -> Result<Order, Status> {
    let which = if request.node.is_empty() { settings.node } else { node("node", &request.node, settings)? };
    let mode = match pb::NodeMode::try_from(request.mode) {
        Ok(pb::NodeMode::Online) => NodeMode::Online,
        Ok(pb::NodeMode::Standby) => NodeMode::Standby,
        Ok(pb::NodeMode::Unspecified) | Err(_) => {
            return Err(Problem::invalid_argument(
                "NO_MODE",
                "no mode is given, or one that this version does not know",
            )
            .remedy("give NODE_MODE_ONLINE or NODE_MODE_STANDBY")
            .field("mode", "must be NODE_MODE_ONLINE or NODE_MODE_STANDBY")
            .into());
        }
    };
    Ok(Order::NodeMode { node: which, mode })
}

pub(super) fn lasting(group: &str, for_ms: u64, settings: &Settings) -> Result<(Option<GroupName>, Duration), Status> {
    let group = optional_group(group, settings)?;
    let lasting = Duration::from_millis(for_ms);
    if lasting > LONGEST {
        let days = LONGEST.as_secs() / 86_400;
        return Err(Problem::invalid_argument("TOO_LONG", format!("{} days are too long", lasting.as_secs() / 86_400))
            .why("what nobody ends has to end by itself, or it is forgotten")
            .remedy(format!("give at most {days} days, and again when they are over"))
            .field("for_ms", format!("must be at most {}", LONGEST.as_millis()))
            .into());
    }
    Ok((group, lasting))
}

pub(super) fn vouch(request: &pb::VouchPeerOffRequest, settings: &Settings) -> Result<Order, Status> {
    let peer = settings.name(settings.node.other());
    let mut problem = Problem::invalid_argument("NOT_VOUCHED", "the vouching is not complete")
        .why("it lets this node take over without any proof, so it must be meant")
        .remedy(format!("give the peer's name, {peer}, and a reason"));
    let mut good = true;
    if request.peer != peer {
        good = false;
        problem = problem.field("peer", format!("must be the peer's name, {peer}"));
    }
    if request.reason.trim().is_empty() || request.reason.len() > MAX_REASON {
        good = false;
        problem = problem.field("reason", format!("must say why you are sure, in at most {MAX_REASON} bytes"));
    }
    if !good {
        return Err(problem.into());
    }
    // It goes into the history and onto terminals (FAULTS T20).
    let reason = request.reason.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Ok(Order::VouchPeerOff { peer: request.peer.clone(), reason })
}
