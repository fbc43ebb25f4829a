//! hbd's view of the peer: from the wire for the core, and its paths back to the wire for `status`.

use super::{WireError, at, bad, id, known, nanos, need};
use hotpair_proto::heartbeat::v1 as pb;
use hotpair_types::{
    DirectionView, Incarnation, Medium, PathCause, PathName, PathState, PathStats, PathView, PeerIdentity, PeerView,
    ReceivedAdvert, Stall,
};
use std::time::Duration;

/// A whole view.
///
/// # Errors
/// [`WireError`] with the first bad field.
pub fn from_wire(view: &pb::PeerView) -> Result<PeerView, WireError> {
    Ok(PeerView {
        seq: view.seq,
        hbd: incarnation("incarnation", &view.incarnation)?,
        taken_at: at(view.taken_at_ns),
        peer: view.peer.as_ref().map(identity).transpose()?,
        last_heard: view.last_heard_ns.map(at),
        paths: view.paths.iter().map(path).collect::<Result<_, _>>()?,
        last_stall: view.last_stall.as_ref().map(|s| Stall { at: at(s.at_ns), gap: Duration::from_nanos(s.gap_ns) }),
        stalls: view.stalls,
        advert: view.advert.as_ref().map(advert).transpose()?,
        own_advert_confirmed: match view.own_advert_confirmed.as_str() {
            "" => None,
            hex => Some(id("own_advert_confirmed", hex.parse())?),
        },
    })
}

/// 16 hexadecimal digits.
pub(crate) fn incarnation(field: &'static str, text: &str) -> Result<Incarnation, WireError> {
    if text.len() != 16 {
        return Err(bad(field, "expected 16 hexadecimal digits"));
    }
    u64::from_str_radix(text, 16).map(Incarnation).map_err(|error| bad(field, error))
}

fn identity(peer: &pb::PeerIdentity) -> Result<PeerIdentity, WireError> {
    let version = |number: u32| u8::try_from(number).map_err(|_| bad("peer.version", number));
    Ok(PeerIdentity {
        boot: id("peer.boot_id", peer.boot_id.parse())?,
        incarnation: incarnation("peer.incarnation", &peer.incarnation)?,
        version: (version(peer.version_major)?, version(peer.version_minor)?),
        leaving: peer.leaving,
        config_digest: id("peer.config_digest", peer.config_digest.parse())?,
    })
}

fn advert(advert: &pb::ReceivedAdvert) -> Result<ReceivedAdvert, WireError> {
    Ok(ReceivedAdvert {
        digest: id("advert.digest", advert.digest.parse())?,
        bytes: advert.bytes.clone(),
        received_at: at(advert.received_at_ns),
        stale: advert.stale,
    })
}

fn path(path: &pb::PathView) -> Result<PathView, WireError> {
    Ok(PathView {
        name: id("paths.name", PathName::new(&path.name))?,
        medium: match known("paths.medium", path.medium)? {
            pb::Medium::Udp => Medium::Udp,
            pb::Medium::Serial => Medium::Serial,
            pb::Medium::Disk => Medium::Disk,
            pb::Medium::Unspecified => return Err(bad("paths.medium", "is missing")),
        },
        priority: u8::try_from(path.priority).map_err(|_| bad("paths.priority", path.priority))?,
        interval: Duration::from_nanos(path.interval_ns),
        lost: path.lost,
        rx: direction(need("paths.rx", path.rx.as_ref())?)?,
        tx: direction(need("paths.tx", path.tx.as_ref())?)?,
        stats: path.stats.as_ref().map(stats).unwrap_or_default(),
    })
}

fn direction(view: &pb::DirectionView) -> Result<DirectionView, WireError> {
    let detail = || view.detail.clone();
    Ok(DirectionView {
        state: match known("paths.state", view.state)? {
            pb::PathState::Unknown => PathState::Unknown,
            pb::PathState::Up => PathState::Up,
            pb::PathState::Late => PathState::Late,
            pb::PathState::Down => PathState::Down,
            pb::PathState::Unspecified => return Err(bad("paths.state", "is missing")),
        },
        since: at(view.since_ns),
        cause: match known("paths.cause", view.cause)? {
            pb::PathCause::Unspecified | pb::PathCause::None => PathCause::None,
            pb::PathCause::NeverHeard => PathCause::NeverHeard,
            pb::PathCause::Missed => PathCause::Missed(view.missed),
            pb::PathCause::NoCarrier => PathCause::NoCarrier,
            pb::PathCause::DeviceMissing => PathCause::DeviceMissing(detail()),
            pb::PathCause::IoError => PathCause::IoError(detail()),
            pb::PathCause::PartnerSilent => PathCause::PartnerSilent,
            pb::PathCause::PeerDoesNotHear => PathCause::PeerDoesNotHear,
            pb::PathCause::NoReport => PathCause::NoReport,
            pb::PathCause::Stale => PathCause::Stale,
            pb::PathCause::Unauthenticated => PathCause::Unauthenticated,
            pb::PathCause::OwnEcho => PathCause::OwnEcho,
            pb::PathCause::Hanging => PathCause::Hanging(detail()),
            pb::PathCause::ForeignArea => PathCause::ForeignArea(detail()),
            pb::PathCause::DamagedSlot => PathCause::DamagedSlot(detail()),
        },
    })
}

fn stats(stats: &pb::PathStats) -> PathStats {
    PathStats {
        sent: stats.sent,
        send_failures: stats.send_failures,
        received: stats.received,
        missed: stats.missed,
        late: stats.late,
        down: stats.down,
        bad_mac: stats.bad_mac,
        foreign: stats.foreign,
        replayed: stats.replayed,
        stale: stats.stale,
        own_echo: stats.own_echo,
        version: stats.version,
        malformed: stats.malformed,
        rtt_last_us: stats.rtt_last_us,
        rtt_min_us: stats.rtt_min_us,
        rtt_avg_us: stats.rtt_avg_us,
        rtt_max_us: stats.rtt_max_us,
        jitter_us: stats.jitter_us,
        write_last_us: stats.write_last_us,
        write_avg_us: stats.write_avg_us,
        write_max_us: stats.write_max_us,
        read_last_us: stats.read_last_us,
        read_avg_us: stats.read_avg_us,
        read_max_us: stats.read_max_us,
    }
}

/// A path for `status`.
#[must_use]
pub fn path_to_wire(path: &PathView) -> pb::PathView {
    pb::PathView {
        name: path.name.as_str().to_owned(),
        medium: match path.medium {
            Medium::Udp => pb::Medium::Udp,
            Medium::Serial => pb::Medium::Serial,
            Medium::Disk => pb::Medium::Disk,
        }
        .into(),
        priority: path.priority.into(),
        interval_ns: nanos(path.interval),
        lost: path.lost,
        rx: Some(direction_to_wire(&path.rx)),
        tx: Some(direction_to_wire(&path.tx)),
        stats: Some(stats_to_wire(&path.stats)),
    }
}

fn direction_to_wire(view: &DirectionView) -> pb::DirectionView {
    let (cause, detail, missed) = match &view.cause {
        PathCause::None => (pb::PathCause::None, "", 0),
        PathCause::NeverHeard => (pb::PathCause::NeverHeard, "", 0),
        PathCause::Missed(count) => (pb::PathCause::Missed, "", *count),
        PathCause::NoCarrier => (pb::PathCause::NoCarrier, "", 0),
        PathCause::DeviceMissing(detail) => (pb::PathCause::DeviceMissing, detail.as_str(), 0),
        PathCause::IoError(detail) => (pb::PathCause::IoError, detail.as_str(), 0),
        PathCause::PartnerSilent => (pb::PathCause::PartnerSilent, "", 0),
        PathCause::PeerDoesNotHear => (pb::PathCause::PeerDoesNotHear, "", 0),
        PathCause::NoReport => (pb::PathCause::NoReport, "", 0),
        PathCause::Stale => (pb::PathCause::Stale, "", 0),
        PathCause::Unauthenticated => (pb::PathCause::Unauthenticated, "", 0),
        PathCause::OwnEcho => (pb::PathCause::OwnEcho, "", 0),
        PathCause::Hanging(detail) => (pb::PathCause::Hanging, detail.as_str(), 0),
        PathCause::ForeignArea(detail) => (pb::PathCause::ForeignArea, detail.as_str(), 0),
        PathCause::DamagedSlot(detail) => (pb::PathCause::DamagedSlot, detail.as_str(), 0),
    };
    pb::DirectionView {
        state: match view.state {
            PathState::Unknown => pb::PathState::Unknown,
            PathState::Up => pb::PathState::Up,
            PathState::Late => pb::PathState::Late,
            PathState::Down => pb::PathState::Down,
        }
        .into(),
        since_ns: view.since.as_nanos(),
        cause: cause.into(),
        detail: detail.to_owned(),
        missed,
    }
}

fn stats_to_wire(stats: &PathStats) -> pb::PathStats {
    pb::PathStats {
        sent: stats.sent,
        send_failures: stats.send_failures,
        received: stats.received,
        missed: stats.missed,
        late: stats.late,
        down: stats.down,
        bad_mac: stats.bad_mac,
        foreign: stats.foreign,
        replayed: stats.replayed,
        stale: stats.stale,
        own_echo: stats.own_echo,
        version: stats.version,
        malformed: stats.malformed,
        rtt_last_us: stats.rtt_last_us,
        rtt_min_us: stats.rtt_min_us,
        rtt_avg_us: stats.rtt_avg_us,
        rtt_max_us: stats.rtt_max_us,
        jitter_us: stats.jitter_us,
        write_last_us: stats.write_last_us,
        write_avg_us: stats.write_avg_us,
        write_max_us: stats.write_max_us,
        read_last_us: stats.read_last_us,
        read_avg_us: stats.read_avg_us,
        read_max_us: stats.read_max_us,
    }
}
