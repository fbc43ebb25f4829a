//! This node's network interfaces, live from rtnetlink: links, carrier, addresses.
//!
//! A change of any kind leads to a whole new reading, so that no lost message can leave a wrong picture. All use of
//! rtnetlink is in this file.

use futures_util::{Stream, StreamExt, TryStreamExt};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage};
use rtnetlink::{Handle, MulticastGroup, new_multicast_connection};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;

/// An address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
    /// Its subnet's broadcast address, where the interface broadcasts.
    pub broadcast: Option<Ipv4Addr>,
    /// It may be a source: its duplicate detection (IPv6) is over and found none.
    pub usable: bool,
}

impl InterfaceAddress {
    /// True if `other` lies in this address' subnet.
    #[must_use]
    pub fn contains(&self, other: IpAddr) -> bool {
        let same = |own: u128, other: u128, bits: u8| {
            let shift = u32::from(bits.saturating_sub(self.prefix));
            own.checked_shr(shift).unwrap_or(0) == other.checked_shr(shift).unwrap_or(0)
        };
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same(u32::from(own).into(), u32::from(other).into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.into(), other.into(), 128),
            _ => false,
        }
    }
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Switched on.
    pub up: bool,
    /// Its cable leads somewhere.
    pub carrier: bool,
    /// The loopback interface.
    pub loopback: bool,
    /// Its hardware address, if it is Ethernet-like.
    pub mac: Option<[u8; 6]>,
    /// Its addresses.
    pub addresses: Vec<InterfaceAddress>,
}

impl Interface {
    /// Why nothing can leave through it; `None`: something can.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        if !self.up {
            Some(format!("{} is switched off", self.name))
        } else if !self.carrier {
            Some(format!("{} has no carrier", self.name))
        } else {
            None
        }
    }

    /// It has an address that somebody gave it, not only the automatic link-local one.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.addresses.iter().any(|a| match a.address {
            IpAddr::V4(_) => true,
            IpAddr::V6(v6) => !v6.is_unicast_link_local(),
        })
    }
}

type Changes = Pin<Box<dyn Stream<Item = ()> + Send>>;

/// A connection to the kernel that reads interfaces and waits for changes. Used by one task.
pub struct Watcher {
    handle: Handle,
    changes: Changes,
    connection: tokio::task::JoinHandle<()>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Watcher {
    /// Connects.
    ///
    /// # Errors
    /// When the kernel refuses the socket.
    pub fn connect() -> std::io::Result<Self> {
        let groups = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
        let (connection, handle, messages) = new_multicast_connection(&groups)?;
        let connection = tokio::spawn(connection);
        Ok(Self { handle, changes: messages.map(|_| ()).boxed(), connection })
    }

    /// The interfaces as they are now.
    ///
    /// # Errors
    /// What the kernel answered, in words.
    pub async fn read(&mut self) -> Result<Vec<Interface>, String> {
        let failed = |error: rtnetlink::Error| format!("the kernel's list of interfaces cannot be read: {error}");
        let links: Vec<LinkMessage> = self.handle.link().get().execute().try_collect().await.map_err(failed)?;
        let addresses: Vec<AddressMessage> =
            self.handle.address().get().execute().try_collect().await.map_err(failed)?;
        let mut interfaces: BTreeMap<u32, Interface> = links.iter().map(|l| (l.header.index, interface(l))).collect();
        for message in &addresses {
            if let Some(interface) = interfaces.get_mut(&message.header.index)
                && let Some(address) = address(message)
            {
                interface.addresses.push(address);
            }
        }
        Ok(interfaces.into_values().collect())
    }

    /// Waits until something has changed since the last call; several changes at once count as one. `false`: the
    /// connection is lost.
    pub async fn changed(&mut self) -> bool {
        if self.changes.next().await.is_none() {
            return false;
        }
        while let Some(next) = futures_util::FutureExt::now_or_never(self.changes.next()) {
            if next.is_none() {
                return false;
            }
        }
        true
    }
}

fn interface(link: &LinkMessage) -> Interface {
    let mut name = String::new();
    let mut mac = None;
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name.clone_from(text),
            LinkAttribute::Address(bytes) => mac = <[u8; 6]>::try_from(bytes.as_slice()).ok(),
            _ => {}
        }
    }
    let flags = link.header.flags;
    Interface {
        index: link.header.index,
        name,
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::LowerUp),
        loopback: flags.contains(LinkFlags::Loopback),
        mac: mac.filter(|_| link.header.link_layer_type == LinkLayerType::Ether),
        addresses: Vec::new(),
    }
}

fn address(message: &AddressMessage) -> Option<InterfaceAddress> {
    let (mut local, mut given, mut broadcast) = (None, None, None);
    let mut flags = AddressFlags::empty();
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => local = Some(*address),
            AddressAttribute::Address(address) => given = Some(*address),
            AddressAttribute::Broadcast(address) => broadcast = Some(*address),
            AddressAttribute::Flags(all) => flags = *all,
            _ => {}
        }
    }
    // IFA_LOCAL is the own end; on a point-to-point link IFA_ADDRESS is the other one.
    let address = local.or(given)?;
    let prefix = message.header.prefix_len;
    let computed = match address {
        IpAddr::V4(v4) if prefix <= 30 => {
            let host = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
            Some(Ipv4Addr::from(u32::from(v4) | host))
        }
        _ => None,
    };
    let usable = !flags.intersects(AddressFlags::Tentative | AddressFlags::Dadfailed);
    Some(InterfaceAddress { address, prefix, broadcast: broadcast.filter(|_| prefix <= 30).or(computed), usable })
}
