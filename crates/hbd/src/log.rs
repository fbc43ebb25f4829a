//! Every line hbd logs about its work, in one place: typed, with the same words each time.
//!
//! Levels by what an operator has to do: error: hbd does not do its job; warn: something needs repair; info: something
//! changed; debug: for whoever looks for a fault.

use core::fmt::Display;
use core::time::Duration;

use heartbeat_core::DropReason;
use hotpair_types::{DirectionView, PathCause, PathState, PathView, PeerIdentity, Stall};

/// hbd serves.
pub fn started(node: &str, pair: &str, paths: usize, socket: &dyn Display) {
    tracing::info!(node, pair, paths, %socket, "heartbeats run");
}

/// hbd ends on purpose.
pub fn stopping() {
    tracing::info!("leaving: the peer is told that this is no failure");
}

/// The beat thread has not ended in time.
pub fn not_left() {
    tracing::warn!("a port hangs in the kernel: ending without it");
}

/// A privilege is missing.
pub fn privilege(error: &dyn Display) {
    tracing::warn!("{error}");
}

/// A finding of the configuration.
pub fn finding(text: &dyn Display) {
    tracing::warn!("{text}");
}

/// A new configuration was taken.
pub fn reloaded(paths: usize, digest: &dyn Display) {
    tracing::info!(paths, %digest, "the configuration was read again and is in force");
}

/// A new configuration was refused.
pub fn reload_refused(why: &dyn Display) {
    tracing::error!("the configuration was read again and refused, nothing was changed:\n{why}");
}

/// Interfaces cannot be watched.
pub fn netlink_failed(error: &str) {
    tracing::warn!(error, "interfaces cannot be watched; trying again (paths are judged by what arrives)");
}

/// A direction of a path has changed its state or its cause.
pub fn direction(path: &PathView, receive: bool, old: Option<&DirectionView>) {
    let new = if receive { &path.rx } else { &path.tx };
    if old.is_some_and(|old| old.state == new.state && (old.cause == new.cause || counts_on(&old.cause, &new.cause))) {
        return;
    }
    let direction = if receive { "receive" } else { "transmit" };
    let (name, medium, cause) = (path.name.as_str(), path.medium.as_str(), cause(&new.cause));
    // A dead own port is one fact, not two.
    let repeated = !receive && path.rx.state == PathState::Down && path.rx.cause == path.tx.cause;
    match new.state {
        PathState::Down if repeated => {
            tracing::debug!(path = name, medium, direction, cause, "path {name} is DOWN ({direction}): {cause}");
        }
        PathState::Up => tracing::info!(path = name, medium, direction, "path {name} is up ({direction})"),
        PathState::Late => {
            tracing::info!(path = name, medium, direction, cause, "path {name} is late ({direction}): {cause}");
        }
        PathState::Down => {
            tracing::warn!(path = name, medium, direction, cause, "path {name} is DOWN ({direction}): {cause}");
        }
        PathState::Unknown => {
            tracing::debug!(path = name, medium, direction, cause, "path {name} is unknown ({direction}): {cause}");
        }
    }
}

/// A miss more is no new line.
fn counts_on(old: &PathCause, new: &PathCause) -> bool {
    matches!((old, new), (PathCause::Missed(_), PathCause::Missed(_)))
}

/// A cause in words.
pub fn cause(cause: &PathCause) -> String {
    match cause {
        PathCause::None => "no cause known".to_owned(),
        PathCause::NeverHeard => "nothing was ever heard on it".to_owned(),
        PathCause::Missed(count) => format!("{count} heartbeats in a row are missing"),
        PathCause::NoCarrier => "the own port has no carrier; look at cable, switch port and partner".to_owned(),
        PathCause::DeviceMissing(what) => what.clone(),
        PathCause::IoError(error) => format!("the own port fails: {error}"),
        PathCause::PartnerSilent => "the partner is connected but silent: it hangs or has failed".to_owned(),
        PathCause::PeerDoesNotHear => "the peer says that it does not hear us".to_owned(),
        PathCause::NoReport => "the peer is not heard, so nothing is known of this direction".to_owned(),
        PathCause::Stale => "frames arrive, but too old, or without proof that they are fresh".to_owned(),
        PathCause::Unauthenticated => {
            "frames arrive that are not from this pair; compare the key files and pair names of both nodes".to_owned()
        }
        PathCause::OwnEcho => "own frames come back: a loopback plug, or a cable to itself".to_owned(),
        PathCause::Hanging(what) => format!("the own disk hangs: {what}"),
        PathCause::ForeignArea(what) => format!("the area on the disk is not this pair's: {what}"),
        PathCause::DamagedSlot(what) => format!("the peer's slot on the disk is damaged: {what}"),
    }
}

/// Who the peer is has changed.
pub fn peer(old: Option<&PeerIdentity>, new: Option<&PeerIdentity>) {
    let Some(new) = new.filter(|n| old != Some(*n)) else {
        return;
    };
    let (major, minor) = new.version;
    match old {
        Some(old) if old.incarnation == new.incarnation => {
            if new.leaving && !old.leaving {
                tracing::info!("the peer's hbd stops on purpose");
            }
            if new.config_digest != old.config_digest {
                tracing::info!(digest = %new.config_digest, "the peer's configuration has changed");
            }
        }
        Some(old) if old.boot == new.boot => {
            tracing::info!(incarnation = %new.incarnation, "the peer's hbd was restarted");
        }
        Some(_) => {
            tracing::info!(boot = %new.boot, incarnation = %new.incarnation, "the peer's machine was restarted");
        }
        None => {
            tracing::info!(boot = %new.boot, incarnation = %new.incarnation, version = format!("{major}.{minor}"), "the peer is heard");
        }
    }
}

/// This node did not run.
pub fn stalled(stall: &Stall, count: u64) {
    let late_ms = u64::try_from(stall.gap.as_millis()).unwrap_or(u64::MAX);
    tracing::warn!(
        late_ms,
        count,
        "this node stalled for {late_ms} ms (starved, stopped, suspended or paused); its peer is not blamed for it"
    );
}

/// How often a line about stalls may come.
pub const STALL_LINE_PAUSE: Duration = Duration::from_secs(5);

/// Frames of a path were dropped; at most one line per path and reason in [`DROP_LINE_PAUSE`].
pub fn dropped(path: &str, reason: DropReason, count: u64) {
    match reason {
        // Ordinary at starts and on slow lines; if it lasts, the path turns red and says so.
        DropReason::Stale | DropReason::Replayed => {
            tracing::debug!(path, count, "frames dropped on path {path}: {reason} ({count} since the last line)");
        }
        _ => tracing::warn!(path, count, "frames dropped on path {path}: {reason} ({count} since the last line)"),
    }
}

/// How often a line about dropped frames may come for one path and reason.
pub const DROP_LINE_PAUSE: Duration = Duration::from_secs(10);

/// The beat loop cannot go on.
pub fn loop_failed(error: &dyn Display) {
    tracing::error!("the heartbeat loop cannot go on: {error}; hbd ends, the service manager starts it again");
}

/// A serial port was opened.
pub fn serial_opened(path: &str, device: &dyn Display, lines: bool) {
    let lines = if lines { "with modem lines" } else { "without modem lines" };
    tracing::info!(path, %device, "serial port {device} is open ({lines})");
}

/// A disk's area was opened.
pub fn disk_opened(path: &str, device: &str) {
    tracing::info!(path, device, "disk {device} is open for path {path}");
}

/// A blank area was made this pair's.
pub fn disk_initialised(path: &str, device: &str) {
    tracing::info!(path, device, "the area of path {path} on {device} was blank and is this pair's now");
}

/// The area is not this pair's.
pub fn disk_foreign(path: &str, device: &str, what: &str) {
    tracing::error!(
        path,
        device,
        "path {path} does not run: the area on {device} is not this pair's, and nothing is written there: {what}; see \
         `device` and `offset` in the configuration; an area that is all zero is taken by itself"
    );
}

/// The peer's slot cannot be used.
pub fn disk_damaged(path: &str, device: &str, what: &str) {
    tracing::warn!(path, device, "the peer's slot of path {path} on {device} is damaged: {what}");
}

/// A disk thread shares the process's descriptors.
pub fn disk_descriptors(path: &str, error: &dyn Display) {
    tracing::warn!(
        path,
        "the thread of disk path {path} could not get descriptors of its own ({error}): if its disk hangs for ever, a \
         restart of hbd may have to wait for it"
    );
}

/// An advert is on its way or was not taken.
pub fn advert_stale(stale: bool) {
    if stale {
        tracing::info!("the own arbiter has gone or is stuck: heartbeats say that its advert is stale");
    } else {
        tracing::info!("the own arbiter keeps its advert fresh");
    }
}
