//! What the heartbeat core runs by.

use core::time::Duration;
use heartbeat_core::{HeartbeatConfig, MAX_FRAME, PathConfig};
use hotpair_config::model::{Config, Link, Path};
use hotpair_types::NodeId;

/// Bits of one byte on a serial line: start bit, 8 data bits, stop bit.
const BITS_PER_BYTE: u32 = 10;

/// The part of the configuration that the heartbeats of `node` run by. Not checked: see [`HeartbeatConfig::check`].
#[must_use]
pub fn heartbeat(config: &Config, node: NodeId) -> HeartbeatConfig {
    let paths = config.paths.len();
    HeartbeatConfig {
        node,
        pair: config.pair.id,
        key: config.pair.key.bytes().to_vec().into(),
        digest: config.digest,
        paths: config.paths.iter().map(|p| path(p, paths)).collect(),
    }
}

fn path(path: &Path, paths: usize) -> PathConfig {
    let (max_frame, byte_budget) = match &path.link {
        Link::Udp { .. } => (MAX_FRAME, None),
        Link::Disk { .. } => (MAX_FRAME, Some(heartbeat_core::disk::byte_budget(path.interval))),
        Link::Serial { baud, .. } => {
            let rate = baud / BITS_PER_BYTE;
            (serial_frame(rate, path.interval, paths), Some((rate / 5 * 4).max(1)))
        }
    };
    PathConfig {
        name: path.name.clone(),
        medium: path.medium(),
        interval: path.interval,
        lost: path.lost,
        good: path.good,
        priority: path.priority,
        max_frame,
        byte_budget,
    }
}

/// A frame takes at most a quarter of an interval on the line, so that an advert chunk does not make the next beat
/// late; but a heartbeat must fit in any case.
fn serial_frame(bytes_per_second: u32, interval: Duration, paths: usize) -> usize {
    let millis = interval.as_millis().min(60_000);
    let bytes = u128::from(bytes_per_second) * millis / 4_000;
    usize::try_from(bytes).unwrap_or(MAX_FRAME).clamp(HeartbeatConfig::smallest_frame(paths), MAX_FRAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S26: whatever the line, a heartbeat fits, and where it can a frame takes at most a quarter of an interval.
    #[test]
    fn serial_frames_fit_their_line() {
        let smallest = HeartbeatConfig::smallest_frame(3);
        assert_eq!(serial_frame(120, Duration::from_secs(2), 3), smallest, "1200 bit/s");
        assert_eq!(serial_frame(960, Duration::from_secs(1), 3), 240, "9600 bit/s");
        assert_eq!(serial_frame(11_520, Duration::from_millis(500), 3), MAX_FRAME, "115200 bit/s");
        assert_eq!(serial_frame(u32::MAX, Duration::MAX, 3), MAX_FRAME);
    }
}
