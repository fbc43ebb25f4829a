//! From `hotpair-types` to the public API (`hotpair.heartbeat.v1`). Pure.

use core::time::Duration;

use hotpair_proto::heartbeat::v1 as api;
use hotpair_types::{
    DirectionView, Medium, PathCause, PathState, PathStats, PathView, PeerIdentity, PeerView, ReceivedAdvert, Stall,
};

/// The whole view.
pub fn peer_view(view: &PeerView) -> api::PeerView {
    api::PeerView {
        seq: view.seq,
        incarnation: view.hbd.to_string(),
        taken_at_ns: view.taken_at.as_nanos(),
        peer: view.peer.as_ref().map(identity),
        last_heard_ns: view.last_heard.map(hotpair_types::Timestamp::as_nanos),
        paths: view.paths.iter().map(path_view).collect(),
        last_stall: view.last_stall.as_ref().map(stall),
        stalls: view.stalls,
        advert: view.advert.as_ref().map(advert),
        own_advert_confirmed: view.own_advert_confirmed.map(|d| d.to_string()).unwrap_or_default(),
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn identity(peer: &PeerIdentity) -> api::PeerIdentity {
    api::PeerIdentity {
        boot_id: peer.boot.to_string(),
        incarnation: peer.incarnation.to_string(),
        version_major: u32::from(peer.version.0),
        version_minor: u32::from(peer.version.1),
        leaving: peer.leaving,
        config_digest: peer.config_digest.to_string(),
    }
}

fn stall(stall: &Stall) -> api::Stall {
    api::Stall { at_ns: stall.at.as_nanos(), gap_ns: nanos(stall.gap) }
}

fn advert(advert: &ReceivedAdvert) -> api::ReceivedAdvert {
    api::ReceivedAdvert {
        digest: advert.digest.to_string(),
        bytes: advert.bytes.clone(),
        received_at_ns: advert.received_at.as_nanos(),
        stale: advert.stale,
    }
}

fn path_view(path: &PathView) -> api::PathView {
    let medium = match path.medium {
        Medium::Udp => api::Medium::Udp,
        Medium::Serial => api::Medium::Serial,
        Medium::Disk => api::Medium::Disk,
    };
    api::PathView {
        name: path.name.to_string(),
        medium: medium.into(),
        priority: u32::from(path.priority),
        interval_ns: nanos(path.interval),
        lost: path.lost,
        rx: Some(direction(&path.rx)),
        tx: Some(direction(&path.tx)),
        stats: Some(stats(&path.stats)),
    }
}

fn direction(direction: &DirectionView) -> api::DirectionView {
    let state = match direction.state {
        PathState::Unknown => api::PathState::Unknown,
        PathState::Up => api::PathState::Up,
        PathState::Late => api::PathState::Late,
        PathState::Down => api::PathState::Down,
    };
    let (cause, detail, missed) = cause(&direction.cause);
    api::DirectionView {
        state: state.into(),
        since_ns: direction.since.as_nanos(),
        cause: cause.into(),
        detail: detail.to_owned(),
        missed,
    }
}

fn cause(cause: &PathCause) -> (api::PathCause, &str, u32) {
    match cause {
        PathCause::None => (api::PathCause::None, "", 0),
        PathCause::NeverHeard => (api::PathCause::NeverHeard, "", 0),
        PathCause::Missed(missed) => (api::PathCause::Missed, "", *missed),
        PathCause::NoCarrier => (api::PathCause::NoCarrier, "", 0),
        PathCause::DeviceMissing(text) => (api::PathCause::DeviceMissing, text, 0),
        PathCause::IoError(text) => (api::PathCause::IoError, text, 0),
        PathCause::PartnerSilent => (api::PathCause::PartnerSilent, "", 0),
        PathCause::PeerDoesNotHear => (api::PathCause::PeerDoesNotHear, "", 0),
        PathCause::NoReport => (api::PathCause::NoReport, "", 0),
        PathCause::Stale => (api::PathCause::Stale, "", 0),
        PathCause::Unauthenticated => (api::PathCause::Unauthenticated, "", 0),
        PathCause::OwnEcho => (api::PathCause::OwnEcho, "", 0),
        PathCause::Hanging(text) => (api::PathCause::Hanging, text, 0),
        PathCause::ForeignArea(text) => (api::PathCause::ForeignArea, text, 0),
        PathCause::DamagedSlot(text) => (api::PathCause::DamagedSlot, text, 0),
    }
}

fn stats(stats: &PathStats) -> api::PathStats {
    api::PathStats {
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
