//! Addresses and links through rtnetlink: the only file of resd that uses it.
//!
//! One connection for requests, one for the kernel's notifications. A background task keeps [`Net`]'s table of links and
//! addresses in step with the kernel and bumps a counter at each change; whoever waits for a change looks at the table
//! again (level-triggered, so that a lost notification costs nothing). When the kernel says that notifications were lost,
//! the table is read anew.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, CacheInfo};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::{AddressMessageBuilder, Handle, MulticastGroup, new_connection, new_multicast_connection};
use tokio::sync::watch;

const EEXIST: i32 = 17;
const EADDRNOTAVAIL: i32 = 99;

/// Why a request to the kernel failed.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The netlink socket could not be opened.
    #[error("cannot open a netlink socket: {0}")]
    Open(#[source] std::io::Error),
    /// The kernel or the connection refused.
    #[error("{what}: {reason}")]
    Refused {
        /// What was asked.
        what: String,
        /// The answer.
        reason: String,
    },
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Switched on.
    pub up: bool,
    /// The other end is there.
    pub carrier: bool,
    /// Its hardware address, if it has one of 6 bytes.
    pub mac: Option<[u8; 6]>,
}

/// An address on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Number of the interface.
    pub index: u32,
    /// The address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
}

#[derive(Default, Debug)]
struct Table {
    links: BTreeMap<u32, Link>,
    addresses: Vec<Address>,
}

/// The kernel's links and addresses, and the way to change addresses. Clones share it.
#[derive(Clone)]
pub struct Net {
    handle: Handle,
    /// One dump at a time: the kernel answers a second one on the same socket with EBUSY.
    dumping: Arc<tokio::sync::Mutex<()>>,
    table: Arc<Mutex<Table>>,
    changes: watch::Receiver<u64>,
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Net")
    }
}

impl Net {
    /// Opens both connections, reads the table and starts the background task on the current runtime.
    ///
    /// # Errors
    /// [`NetError`]; without netlink no address can be served.
    pub async fn open() -> Result<Self, NetError> {
        let (connection, handle, _) = new_connection().map_err(NetError::Open)?;
        tokio::spawn(connection);
        let groups = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
        let (connection, events_handle, mut events) = new_multicast_connection(&groups).map_err(NetError::Open)?;
        tokio::spawn(connection);
        let (bump, changes) = watch::channel(0_u64);
        let net = Self { handle, dumping: Arc::default(), table: Arc::default(), changes };
        // After the subscription, so that nothing falls between.
        net.reload().await?;
        let background = net.clone();
        tokio::spawn(async move {
            // Dropping it would end the connection.
            let _keep = events_handle;
            while let Some((message, from)) = events.next().await {
                if from.port_number() != 0 {
                    continue; // Not from the kernel.
                }
                if background.take(message).await {
                    bump.send_modify(|n| *n = n.wrapping_add(1));
                }
            }
            tracing::error!(
                "the kernel's network notifications have ended; addresses are watched by their monitors only"
            );
        });
        Ok(net)
    }

    /// Changes whenever a link or an address has changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// The interface of this name.
    pub fn link(&self, name: &str) -> Option<Link> {
        self.table().links.values().find(|l| l.name == name).cloned()
    }

    /// True if the table has this address on this interface.
    pub fn has(&self, index: u32, address: IpAddr) -> bool {
        self.table().addresses.iter().any(|a| a.index == index && a.address == address)
    }

    /// The table's addresses of an interface.
    pub fn addresses(&self, index: u32) -> Vec<Address> {
        self.table().addresses.iter().filter(|a| a.index == index).copied().collect()
    }

    /// Asks the kernel which interfaces hold this address now, and brings the table in step.
    ///
    /// # Errors
    /// [`NetError::Refused`].
    pub async fn holders(&self, address: IpAddr) -> Result<Vec<u32>, NetError> {
        let addresses = self.dump_addresses().await?;
        let holders = addresses.iter().filter(|a| a.address == address).map(|a| a.index).collect();
        self.table().addresses = addresses;
        Ok(holders)
    }

    /// Adds an address; one that is there already is fine.
    ///
    /// IPv6 addresses are added without duplicate detection by the kernel (it would delay the first packet by a second;
    /// the conflict check before has asked) and, unless `source`, deprecated, so that they are never chosen as source.
    /// The connected route is left alone where another address of the subnet already makes it.
    ///
    /// # Errors
    /// [`NetError::Refused`].
    pub async fn add(&self, index: u32, address: IpAddr, prefix: u8, source: bool) -> Result<(), NetError> {
        let covered = self
            .addresses(index)
            .iter()
            .any(|a| a.address != address && a.prefix <= prefix && same_subnet(a.address, address, a.prefix));
        let mut request = self.handle.address().add(index, address, prefix);
        let message = request.message_mut();
        let mut flags = AddressFlags::empty();
        if covered {
            flags |= AddressFlags::Noprefixroute;
        }
        if address.is_ipv6() {
            flags |= AddressFlags::Nodad;
            message.header.flags |= AddressHeaderFlags::Nodad;
            if !source {
                let mut life = CacheInfo::default();
                life.ifa_preferred = 0;
                life.ifa_valid = u32::MAX;
                message.attributes.push(AddressAttribute::CacheInfo(life));
            }
        }
        message.attributes.push(AddressAttribute::Flags(flags));
        match request.execute().await {
            Ok(()) => {}
            Err(error) if code(&error) == Some(EEXIST) => {}
            Err(error) => return Err(refused(format!("adding {address}/{prefix}"), &error)),
        }
        let mut table = self.table();
        let entry = Address { index, address, prefix };
        if !table.addresses.contains(&entry) {
            table.addresses.push(entry);
        }
        Ok(())
    }

    /// Removes an address from an interface whatever its prefix; one that is not there is fine.
    ///
    /// # Errors
    /// [`NetError::Refused`].
    pub async fn remove(&self, index: u32, address: IpAddr) -> Result<(), NetError> {
        let addresses = self.dump_addresses().await?;
        for found in addresses.iter().filter(|a| a.index == index && a.address == address) {
            let message = rtnetlink_message(*found);
            match self.handle.address().del(message).execute().await {
                Ok(()) => {}
                Err(error) if code(&error) == Some(EADDRNOTAVAIL) => {}
                Err(error) => return Err(refused(format!("removing {address}"), &error)),
            }
        }
        self.table().addresses.retain(|a| a.index != index || a.address != address);
        self.restore_secondaries(index, &addresses, address).await
    }

    /// The kernel takes the secondary addresses of a subnet away with its first one (unless `promote_secondaries` is set):
    /// those of other people are put back.
    async fn restore_secondaries(&self, index: u32, before: &[Address], gone: IpAddr) -> Result<(), NetError> {
        let mates: Vec<Address> = before
            .iter()
            .filter(|a| a.index == index && a.address.is_ipv4() && a.address != gone)
            .filter(|a| same_subnet(a.address, gone, a.prefix))
            .copied()
            .collect();
        if mates.is_empty() {
            return Ok(());
        }
        let after = self.dump_addresses().await?;
        for mate in mates.iter().filter(|m| !after.contains(m)) {
            let added = self.handle.address().add(mate.index, mate.address, mate.prefix).execute().await;
            match added {
                Ok(()) => tracing::info!(address = %mate.address, "put back: the kernel had removed it with {gone}"),
                Err(error) if code(&error) == Some(EEXIST) => {}
                Err(error) => return Err(refused(format!("putting {} back", mate.address), &error)),
            }
        }
        Ok(())
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reload(&self) -> Result<(), NetError> {
        let links = self.dump_links().await?;
        let addresses = self.dump_addresses().await?;
        *self.table() = Table { links, addresses };
        Ok(())
    }

    async fn dump_links(&self) -> Result<BTreeMap<u32, Link>, NetError> {
        let _turn = self.dumping.lock().await;
        let mut links = BTreeMap::new();
        let mut answers = self.handle.link().get().execute();
        while let Some(message) = answers.try_next().await.map_err(|e| refused("reading interfaces".into(), &e))? {
            if let Some(link) = read_link(&message) {
                links.insert(link.index, link);
            }
        }
        Ok(links)
    }

    async fn dump_addresses(&self) -> Result<Vec<Address>, NetError> {
        let _turn = self.dumping.lock().await;
        let mut addresses = Vec::new();
        let mut answers = self.handle.address().get().execute();
        while let Some(message) = answers.try_next().await.map_err(|e| refused("reading addresses".into(), &e))? {
            addresses.extend(read_address(&message));
        }
        Ok(addresses)
    }

    /// Applies one notification. True if something changed.
    async fn take(&self, message: NetlinkMessage<RouteNetlinkMessage>) -> bool {
        match message.payload {
            NetlinkPayload::Overrun(_) => {
                if let Err(error) = self.reload().await {
                    tracing::warn!(%error, "network notifications were lost, and reading everything anew failed");
                }
                true
            }
            NetlinkPayload::InnerMessage(message) => self.apply(&message),
            _ => false,
        }
    }

    fn apply(&self, message: &RouteNetlinkMessage) -> bool {
        let mut table = self.table();
        match message {
            RouteNetlinkMessage::NewLink(link) => match read_link(link) {
                Some(link) => {
                    let old = table.links.insert(link.index, link.clone());
                    old != Some(link)
                }
                None => false,
            },
            RouteNetlinkMessage::DelLink(link) => {
                table.addresses.retain(|a| a.index != link.header.index);
                table.links.remove(&link.header.index).is_some()
            }
            RouteNetlinkMessage::NewAddress(address) => match read_address(address) {
                Some(address) if !table.addresses.contains(&address) => {
                    table.addresses.push(address);
                    true
                }
                _ => false,
            },
            RouteNetlinkMessage::DelAddress(address) => {
                let before = table.addresses.len();
                let gone = read_address(address);
                table.addresses.retain(|a| Some(*a) != gone);
                table.addresses.len() != before
            }
            _ => false,
        }
    }
}

/// Both addresses lie in one subnet of this prefix length.
pub fn same_subnet(a: IpAddr, b: IpAddr, prefix: u8) -> bool {
    fn top(bits: u128, width: u32, prefix: u8) -> u128 {
        let keep = u32::from(prefix).min(width);
        if keep == 0 { 0 } else { bits >> (width - keep) }
    }
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let bits = |ip: Ipv4Addr| u128::from(u32::from(ip));
            top(bits(a), 32, prefix) == top(bits(b), 32, prefix)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => top(u128::from(a), 128, prefix) == top(u128::from(b), 128, prefix),
        _ => false,
    }
}

fn rtnetlink_message(address: Address) -> AddressMessage {
    match address.address {
        IpAddr::V4(ip) => {
            AddressMessageBuilder::<Ipv4Addr>::new().index(address.index).address(ip, address.prefix).build()
        }
        IpAddr::V6(ip) => {
            AddressMessageBuilder::<Ipv6Addr>::new().index(address.index).address(ip, address.prefix).build()
        }
    }
}

fn read_link(message: &LinkMessage) -> Option<Link> {
    let mut name = None;
    let mut mac = None;
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = Some(text.clone()),
            LinkAttribute::Address(bytes) => mac = <[u8; 6]>::try_from(bytes.as_slice()).ok(),
            _ => {}
        }
    }
    let flags = message.header.flags;
    Some(Link {
        index: message.header.index,
        name: name?,
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::LowerUp),
        mac,
    })
}

fn read_address(message: &AddressMessage) -> Option<Address> {
    let mut local = None;
    let mut peer = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Address(ip) => peer = Some(*ip),
            _ => {}
        }
    }
    // On point-to-point links IFA_ADDRESS is the other end; IFA_LOCAL is ours where it is given.
    Some(Address { index: message.header.index, address: local.or(peer)?, prefix: message.header.prefix_len })
}

fn code(error: &rtnetlink::Error) -> Option<i32> {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.code.map(|c| -c.get()),
        _ => None,
    }
}

fn refused(what: String, error: &rtnetlink::Error) -> NetError {
    let reason = match code(error) {
        Some(code) => std::io::Error::from_raw_os_error(code).to_string(),
        None => error.to_string(),
    };
    NetError::Refused { what, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_compared_by_their_leading_bits() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(same_subnet(ip("10.0.0.1"), ip("10.0.0.200"), 24));
        assert!(!same_subnet(ip("10.0.0.1"), ip("10.0.1.1"), 24));
        assert!(same_subnet(ip("10.0.0.1"), ip("192.0.2.1"), 0));
        assert!(!same_subnet(ip("10.0.0.1"), ip("10.0.0.2"), 32));
        assert!(same_subnet(ip("fd00::1"), ip("fd00::2"), 64));
        assert!(!same_subnet(ip("fd00::1"), ip("10.0.0.1"), 0));
    }
}
