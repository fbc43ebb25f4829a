//! What the kernel says of interfaces and addresses, as one whole state that is replaced at each change.
//!
//! One task on the service runtime. It only makes the beat loop quicker and its causes better: if it failed, paths
//! would still be judged by what arrives on them.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::{Handle, MulticastGroup, new_multicast_connection};
use tokio::sync::watch;

use crate::log;
use crate::wake::Wake;

const RETRY: Duration = Duration::from_secs(1);

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Switched on by the administrator.
    pub up: bool,
    /// It has a carrier.
    pub carrier: bool,
    /// Addresses that can be used (IPv6: checked for duplicates).
    pub addresses: BTreeSet<IpAddr>,
}

/// All interfaces by index. `None` of it: the kernel has not been asked yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interfaces(BTreeMap<u32, Interface>);

impl Interfaces {
    /// Index and state of the interface with a name.
    pub fn find(&self, name: &str) -> Option<(u32, &Interface)> {
        self.0.iter().find(|(_, i)| i.name == name).map(|(index, i)| (*index, i))
    }

    fn set_link(&mut self, message: &LinkMessage) {
        let entry = self.0.entry(message.header.index).or_default();
        entry.up = message.header.flags.contains(LinkFlags::Up);
        entry.carrier = message.header.flags.contains(LinkFlags::LowerUp);
        for attribute in &message.attributes {
            if let LinkAttribute::IfName(name) = attribute {
                entry.name.clone_from(name);
            }
        }
    }

    fn set_address(&mut self, message: &AddressMessage, present: bool) {
        // The local end is `Local` on IPv4 and point-to-point links, `Address` elsewhere.
        let local =
            message.attributes.iter().find_map(|a| if let AddressAttribute::Local(ip) = a { Some(*ip) } else { None });
        let other = message
            .attributes
            .iter()
            .find_map(|a| if let AddressAttribute::Address(ip) = a { Some(*ip) } else { None });
        let Some(address) = local.or(other) else {
            return;
        };
        let unusable = AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed;
        let entry = self.0.entry(message.header.index).or_default();
        if present && !message.header.flags.intersects(unusable) {
            entry.addresses.insert(address);
        } else {
            entry.addresses.remove(&address);
        }
    }

    /// Takes over a message of the kernel; false: it is not about interfaces or addresses.
    fn apply(&mut self, message: &RouteNetlinkMessage) -> bool {
        match message {
            RouteNetlinkMessage::NewLink(link) => self.set_link(link),
            RouteNetlinkMessage::DelLink(link) => drop(self.0.remove(&link.header.index)),
            RouteNetlinkMessage::NewAddress(address) => self.set_address(address, true),
            RouteNetlinkMessage::DelAddress(address) => self.set_address(address, false),
            _ => return false,
        }
        true
    }
}

/// Keeps `state` up to date for ever.
pub async fn monitor(state: watch::Sender<Option<Arc<Interfaces>>>, wake: Wake) {
    loop {
        if let Err(error) = follow(&state, &wake).await {
            log::netlink_failed(&error);
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn follow(state: &watch::Sender<Option<Arc<Interfaces>>>, wake: &Wake) -> Result<(), String> {
    let groups = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
    let (connection, handle, mut messages) = new_multicast_connection(&groups).map_err(|e| e.to_string())?;
    let connection = tokio::spawn(connection);
    // Subscribed first, asked then: nothing can change unseen in between.
    let mut known = dump(&handle).await?;
    publish(state, wake, &known);
    while let Some((message, from)) = messages.next().await {
        if from.port_number() != 0 {
            continue;
        }
        match message.payload {
            NetlinkPayload::InnerMessage(inner) if known.apply(&inner) => publish(state, wake, &known),
            NetlinkPayload::Overrun(_) => {
                known = dump(&handle).await?;
                publish(state, wake, &known);
            }
            _ => {}
        }
    }
    connection.abort();
    Err("the kernel closed the connection".to_owned())
}

async fn dump(handle: &Handle) -> Result<Interfaces, String> {
    let mut known = Interfaces::default();
    let mut links = handle.link().get().execute();
    while let Some(link) = links.try_next().await.map_err(|e| e.to_string())? {
        known.set_link(&link);
    }
    let mut addresses = handle.address().get().execute();
    while let Some(address) = addresses.try_next().await.map_err(|e| e.to_string())? {
        known.set_address(&address, true);
    }
    Ok(known)
}

fn publish(state: &watch::Sender<Option<Arc<Interfaces>>>, wake: &Wake, known: &Interfaces) {
    let changed = state.send_if_modified(|current| {
        if current.as_deref() == Some(known) {
            return false;
        }
        *current = Some(Arc::new(known.clone()));
        true
    });
    if changed {
        wake.wake();
    }
}
