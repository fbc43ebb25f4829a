//! What hbd takes from the configuration: the core's part and the ends of the paths on this node. Pure.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use heartbeat_core::{ConfigError, HeartbeatConfig, MAX_FRAME, PathConfig, PathTag};
use hotpair_config::model::{Config, Link, Path};
use hotpair_types::{NodeId, PathName};

/// Bits of one byte on a serial line: start bit, 8 data bits, stop bit.
const BITS_PER_BYTE: u32 = 10;

/// Everything the beat loop needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For the core.
    pub core: HeartbeatConfig,
    /// Own ends of the paths, in the order of the configuration.
    pub ends: Vec<End>,
}

/// Own end of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The path's name.
    pub name: PathName,
    /// Its tag.
    pub tag: PathTag,
    /// What it runs over.
    pub port: Port,
}

/// The port an end uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// UDP.
    Udp(UdpPort),
    /// Serial.
    Serial(SerialPort),
}

/// A UDP end: own interface and address, and where the peer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UdpPort {
    /// The interface the socket is bound to.
    pub interface: String,
    /// Own address.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
}

/// A serial end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialPort {
    /// The device.
    pub device: PathBuf,
    /// Bits per second.
    pub baud: u32,
}

impl Settings {
    /// Takes what belongs to `node` and checks it.
    ///
    /// # Errors
    /// A pair the core cannot run.
    pub fn new(config: &Config, node: NodeId) -> Result<Self, ConfigError> {
        let paths = config.paths.len();
        let core = HeartbeatConfig {
            node,
            pair: config.pair.id,
            key: config.pair.key.bytes().to_vec().into(),
            digest: config.digest,
            paths: config.paths.iter().map(|p| core_path(p, paths)).collect(),
        };
        core.check()?;
        Ok(Self { core, ends: config.paths.iter().map(|p| end(p, node)).collect() })
    }

    /// Whether a running hbd can go over to `new`.
    ///
    /// # Errors
    /// [`ConfigError::IdentityChanged`] if node, pair or key differ.
    pub fn check_change(&self, new: &Self) -> Result<(), ConfigError> {
        let (old, new) = (&self.core, &new.core);
        let same = old.node == new.node && old.pair == new.pair && old.key == new.key;
        if same { Ok(()) } else { Err(ConfigError::IdentityChanged) }
    }
}

fn core_path(path: &Path, paths: usize) -> PathConfig {
    let (max_frame, byte_budget) = match &path.link {
        Link::Udp { .. } => (MAX_FRAME, None),
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

fn end(path: &Path, node: NodeId) -> End {
    let port = match &path.link {
        Link::Udp { port, ends } => {
            let (own, peer) = (ends.of(node), ends.of(node.other()));
            let socket = |address: IpAddr| SocketAddr::new(address, *port);
            Port::Udp(UdpPort {
                interface: own.interface.clone(),
                local: socket(own.address),
                remote: socket(peer.address),
            })
        }
        Link::Serial { baud, device } => Port::Serial(SerialPort { device: device.of(node).clone(), baud: *baud }),
    };
    End { tag: PathTag::of(&path.name), name: path.name.clone(), port }
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
