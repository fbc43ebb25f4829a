//! What hbd takes from the configuration: the core's part and the ends of the paths on this node. Pure.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use heartbeat_core::disk::Place;
use heartbeat_core::{ConfigError, HeartbeatConfig, PathTag};
use hotpair_config::model::{Config, Link, Path};
use hotpair_types::{NodeId, PathName};

use crate::disk::device::Location;

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
    /// Shared disk.
    Disk(DiskPort),
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

/// A disk end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskPort {
    /// Where the area is.
    pub location: Location,
    /// Whose it must be.
    pub place: Place,
    /// Time between two heartbeats.
    pub interval: Duration,
    /// A read or write that takes longer than this hangs: the path is silent by then anyway.
    pub hangs_after: Duration,
}

impl Settings {
    /// Takes what belongs to `node` and checks it.
    ///
    /// # Errors
    /// A pair the core cannot run.
    pub fn new(config: &Config, node: NodeId) -> Result<Self, ConfigError> {
        let core = hotpair_assemble::heartbeat::heartbeat(config, node);
        core.check()?;
        Ok(Self { core, ends: config.paths.iter().map(|p| end(config, p, node)).collect() })
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

fn end(config: &Config, path: &Path, node: NodeId) -> End {
    let tag = PathTag::of(&path.name);
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
        Link::Disk { device, offset } => Port::Disk(DiskPort {
            location: Location { device: device.of(node).clone(), offset: *offset },
            place: Place { pair: config.pair.id, pair_name: config.pair.name.to_string(), node, path: tag },
            interval: path.interval,
            hangs_after: path.detection(),
        }),
    };
    End { tag, name: path.name.clone(), port }
}
