//! Adverts: the arbiters' whole states as they travel in heartbeats and in answers of the safety check.
//!
//! Times travel as time left, since the two nodes share no clock; the receiver adds them to the moment of receipt.

use super::{WireError, bad, cut, id, known, millis_up, node};
use hotpair_proto::arbiter::v1 as pb;
use hotpair_proto::resource::v1 as rpb;
use hotpair_types::{
    Advert, BootId, Claim, Digest, Epoch, GroupAdvert, GroupName, GroupSettings, Incarnation, NodeId, NodeMode,
    NodeSettings, Offer, Readiness, Request, RequestId, RequestKind, Stamp, Stamped, Timestamp, Until,
};
use prost::Message;
use std::time::Duration;

/// Version of adverts this program speaks: (major, minor). Other majors are not understood.
pub const VERSION: (u16, u16) = (1, 0);
/// hbd carries no more (heartbeat.proto).
pub const MAX_BYTES: usize = 65_536;
/// `not_ready_reason` on the wire: the whole advert has to fit a serial line.
const MAX_REASON: usize = 120;
/// Who asked, and outcomes.
const MAX_TEXT: usize = 200;
/// More of anything than a configuration can hold is no advert of ours.
const MAX_ENTRIES: usize = 1_024;
/// Ten years: no end of anything lies beyond.
const MAX_LEFT: Duration = Duration::from_secs(10 * 366 * 86_400);

/// The bytes for hbd.
#[must_use]
pub fn encode(advert: &Advert, now: Timestamp) -> Vec<u8> {
    to_wire(advert, now).encode_to_vec()
}

/// The advert in `bytes`, which arrived at `received`.
///
/// # Errors
/// [`WireError`] with the first bad field.
pub fn decode(bytes: &[u8], received: Timestamp) -> Result<Advert, WireError> {
    if bytes.len() > MAX_BYTES {
        return Err(WireError::Undecodable(format!("{} bytes are more than an advert may have", bytes.len())));
    }
    let message = pb::Advert::decode(bytes).map_err(|error| WireError::Undecodable(error.to_string()))?;
    from_wire(&message, received)
}

/// As a message, with times as time left at `now`.
#[must_use]
pub fn to_wire(advert: &Advert, now: Timestamp) -> pb::Advert {
    pb::Advert {
        version_major: advert.version.0.into(),
        version_minor: advert.version.1.into(),
        node: number(advert.node),
        boot_id: advert.boot.0.to_vec(),
        arbiter: advert.arbiter.0,
        seq: advert.seq,
        seen_arbiter: advert.seen.0.0,
        seen_seq: advert.seen.1,
        config_digest: advert.config.0.to_vec(),
        booting: advert.booting,
        leaving: advert.leaving,
        resd_alive: advert.resd_alive,
        nodes: advert.nodes.iter().map(node_to_wire).collect(),
        groups: advert.groups.iter().map(|group| group_to_wire(group, now)).collect(),
        requests: advert.requests.iter().map(request_to_wire).collect(),
        done: advert
            .done
            .iter()
            .map(|(id, outcome)| pb::AdvertDone {
                arbiter: id.arbiter.0,
                number: id.number,
                outcome: cut(outcome, MAX_TEXT).to_owned(),
            })
            .collect(),
        // The shell appends them: see `moves`.
        moves: Vec::new(),
    }
}

fn number(node: NodeId) -> u32 {
    u32::from(u8::from(node))
}

fn node_to_wire(settings: &Stamped<NodeSettings>) -> pb::AdvertNode {
    pb::AdvertNode {
        stamp_counter: settings.stamp.counter,
        stamp_node: number(settings.stamp.node),
        mode: mode_to_wire(settings.value.mode).into(),
    }
}

/// Node modes, also for status and orders.
#[must_use]
pub fn mode_to_wire(mode: NodeMode) -> pb::NodeMode {
    match mode {
        NodeMode::Online => pb::NodeMode::Online,
        NodeMode::Standby => pb::NodeMode::Standby,
    }
}

fn request_to_wire(request: &Request) -> pb::AdvertRequest {
    let RequestKind::Switchover { group, to } = &request.kind;
    pb::AdvertRequest {
        arbiter: request.id.arbiter.0,
        number: request.id.number,
        by: cut(&request.by, MAX_TEXT).to_owned(),
        group: group.as_str().to_owned(),
        to: number(*to),
    }
}

fn group_to_wire(group: &GroupAdvert, now: Timestamp) -> pb::AdvertGroup {
    let (claim, offer) = match group.claim {
        Claim::None => (pb::Claim::None, None),
        Claim::Owner => (pb::Claim::Owner, None),
        Claim::Releasing => (pb::Claim::Releasing, None),
        Claim::Released(offer) => (pb::Claim::Released, Some(offer)),
    };
    let (ready, reason) = match &group.ready {
        Readiness::Unknown => (pb::AdvertReadiness::Unknown, ""),
        Readiness::Ready => (pb::AdvertReadiness::Ready, ""),
        Readiness::NotReady { reason, network: false } => (pb::AdvertReadiness::NotReady, reason.as_str()),
        Readiness::NotReady { reason, network: true } => (pb::AdvertReadiness::Network, reason.as_str()),
    };
    let settings = &group.settings.value;
    let left = |until: Until| millis_up(until.left(now));
    // What is over is not told: absent and over are the same to the peer.
    let lasting = |until: Option<Until>| until.filter(|u| u.lasts(now)).map(left);
    pb::AdvertGroup {
        name: group.name.as_str().to_owned(),
        epoch_number: group.epoch.number,
        epoch_node: number(group.epoch.node),
        claim: claim.into(),
        offer_to: offer.map_or(0, |o| number(o.to)),
        offer_number: offer.map_or(0, |o| o.number),
        state: super::resource::state_to_wire(group.state).into(),
        serving: group.serving,
        ready: ready.into(),
        not_ready_reason: cut(reason, MAX_REASON).to_owned(),
        failed: group.failed,
        stamp_counter: group.settings.stamp.counter,
        stamp_node: number(group.settings.stamp.node),
        frozen_left_ms: lasting(settings.frozen),
        maintenance_left_ms: lasting(settings.maintenance),
        clear: settings.clear,
        moves_left_ms: settings.moves.iter().copied().filter(|m| m.lasts(now)).map(left).collect(),
    }
}

/// From a message that arrived at `received`.
///
/// # Errors
/// [`WireError`] with the first bad field.
pub fn from_wire(message: &pb::Advert, received: Timestamp) -> Result<Advert, WireError> {
    let version = match (u16::try_from(message.version_major), u16::try_from(message.version_minor)) {
        (Ok(major), Ok(minor)) if major == VERSION.0 => (major, minor),
        _ => return Err(WireError::Version(message.version_major, message.version_minor)),
    };
    let speaker = node("node", message.node)?;
    let [first, second] = message.nodes.as_slice() else {
        return Err(bad("nodes", format!("a pair has two, this has {}", message.nodes.len())));
    };
    limit("groups", message.groups.len())?;
    limit("requests", message.requests.len())?;
    limit("done", message.done.len())?;
    Ok(Advert {
        node: speaker,
        boot: BootId(bytes("boot_id", &message.boot_id)?),
        arbiter: Incarnation(message.arbiter),
        seq: message.seq,
        seen: (Incarnation(message.seen_arbiter), message.seen_seq),
        config: Digest(bytes("config_digest", &message.config_digest)?),
        version,
        booting: message.booting,
        leaving: message.leaving,
        resd_alive: message.resd_alive,
        nodes: [node_from_wire(first)?, node_from_wire(second)?],
        groups: message.groups.iter().map(|group| group_from_wire(group, received)).collect::<Result<_, _>>()?,
        requests: message.requests.iter().map(|r| request_from_wire(r, speaker)).collect::<Result<_, _>>()?,
        done: message.done.iter().map(|d| done_from_wire(d, speaker)).collect::<Result<_, _>>()?,
    })
}

fn limit(field: &'static str, count: usize) -> Result<(), WireError> {
    if count > MAX_ENTRIES { Err(bad(field, format!("{count} entries are too many"))) } else { Ok(()) }
}

fn bytes<const N: usize>(field: &'static str, value: &[u8]) -> Result<[u8; N], WireError> {
    value.try_into().map_err(|_| bad(field, format!("has {} bytes instead of {N}", value.len())))
}

fn text(field: &'static str, value: &str, limit: usize) -> Result<String, WireError> {
    if value.len() > limit {
        return Err(bad(field, format!("has {} bytes, more than {limit}", value.len())));
    }
    // Control characters of a hostile or broken peer must not reach a terminal (FAULTS T20).
    Ok(value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
}

fn node_from_wire(message: &pb::AdvertNode) -> Result<Stamped<NodeSettings>, WireError> {
    let mode = match known("nodes.mode", message.mode)? {
        pb::NodeMode::Online => NodeMode::Online,
        pb::NodeMode::Standby => NodeMode::Standby,
        pb::NodeMode::Unspecified => return Err(bad("nodes.mode", "is missing")),
    };
    let stamp = Stamp { counter: message.stamp_counter, node: node("nodes.stamp_node", message.stamp_node)? };
    Ok(Stamped { stamp, value: NodeSettings { mode } })
}

fn request_from_wire(message: &pb::AdvertRequest, speaker: NodeId) -> Result<Request, WireError> {
    Ok(Request {
        id: RequestId { node: speaker, arbiter: Incarnation(message.arbiter), number: message.number },
        kind: RequestKind::Switchover {
            group: id("requests.group", GroupName::new(&message.group))?,
            to: node("requests.to", message.to)?,
        },
        by: text("requests.by", &message.by, MAX_TEXT)?,
    })
}

fn done_from_wire(message: &pb::AdvertDone, speaker: NodeId) -> Result<(RequestId, String), WireError> {
    // What the speaker has finished with is what its peer had asked.
    let id = RequestId { node: speaker.other(), arbiter: Incarnation(message.arbiter), number: message.number };
    Ok((id, text("done.outcome", &message.outcome, MAX_TEXT)?))
}

fn claim_from_wire(message: &pb::AdvertGroup) -> Result<Claim, WireError> {
    Ok(match known("groups.claim", message.claim)? {
        pb::Claim::None => Claim::None,
        pb::Claim::Owner => Claim::Owner,
        pb::Claim::Releasing => Claim::Releasing,
        pb::Claim::Released => {
            Claim::Released(Offer { to: node("groups.offer_to", message.offer_to)?, number: message.offer_number })
        }
        pb::Claim::Unspecified => return Err(bad("groups.claim", "is missing")),
    })
}

fn readiness_from_wire(message: &pb::AdvertGroup) -> Result<Readiness, WireError> {
    let reason = || text("groups.not_ready_reason", &message.not_ready_reason, MAX_REASON);
    Ok(match known("groups.ready", message.ready)? {
        pb::AdvertReadiness::Unknown => Readiness::Unknown,
        pb::AdvertReadiness::Ready => Readiness::Ready,
        pb::AdvertReadiness::NotReady => Readiness::NotReady { reason: reason()?, network: false },
        pb::AdvertReadiness::Network => Readiness::NotReady { reason: reason()?, network: true },
        pb::AdvertReadiness::Unspecified => return Err(bad("groups.ready", "is missing")),
    })
}

fn group_from_wire(message: &pb::AdvertGroup, received: Timestamp) -> Result<GroupAdvert, WireError> {
    let until = |field: &'static str, left: u64| {
        let left = Duration::from_millis(left);
        if left > MAX_LEFT {
            Err(bad(field, "lies more than ten years ahead"))
        } else {
            Ok(Until(received.after(left)))
        }
    };
    limit("groups.moves_left_ms", message.moves_left_ms.len())?;
    let epoch = epoch("groups.epoch_node", message.epoch_number, message.epoch_node)?;
    let value = GroupSettings {
        frozen: message.frozen_left_ms.map(|left| until("groups.frozen_left_ms", left)).transpose()?,
        maintenance: message.maintenance_left_ms.map(|left| until("groups.maintenance_left_ms", left)).transpose()?,
        clear: message.clear,
        moves: message
            .moves_left_ms
            .iter()
            .map(|left| until("groups.moves_left_ms", *left))
            .collect::<Result<_, _>>()?,
    };
    let stamp = Stamp { counter: message.stamp_counter, node: node("groups.stamp_node", message.stamp_node)? };
    Ok(GroupAdvert {
        name: id("groups.name", GroupName::new(&message.name))?,
        epoch,
        claim: claim_from_wire(message)?,
        state: super::resource::state_from_wire("groups.state", message.state)?,
        serving: message.serving,
        ready: readiness_from_wire(message)?,
        failed: message.failed,
        settings: Stamped { stamp, value },
    })
}

/// An epoch; the node of "never owned" is always the first.
pub(crate) fn epoch(field: &'static str, number: u64, of: u32) -> Result<Epoch, WireError> {
    let node = node(field, of)?;
    Ok(if number == 0 { Epoch::NEVER } else { Epoch { number, node } })
}

/// Used by both directions of `GroupState`.
pub(crate) type WireGroupState = rpb::GroupState;
