//! What a round asks, from the configuration and the interfaces as they are: pure, so that it can be tested as a table.
//!
//! A probe that cannot leave this machine is in the plan too, with its reason: an unsendable probe is a fact of its own.

use super::interfaces::Interface;
use super::packets::Mac;
use hotpair_config::model::{Config, Kind, Link};
use hotpair_types::{NetworkSelfTest, NodeId, ProbeKind};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Every node of the link (RFC 4291, 2.7.1).
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Whom the check asks, by the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// Addresses of the peer, each with the own interface it is reached through, where the configuration says one.
    pub peer: Vec<(IpAddr, Option<String>)>,
    /// Virtual addresses, each with the own interface it lives on.
    pub virtual_addresses: Vec<(IpAddr, String)>,
    /// Reference addresses.
    pub references: Vec<IpAddr>,
    /// Interfaces that must not be used.
    pub excluded: BTreeSet<String>,
}

impl Targets {
    /// Of this node.
    #[must_use]
    pub fn of(config: &Config, node: NodeId) -> Self {
        let udp = config.paths.iter().filter_map(|path| match &path.link {
            Link::Udp { ends, .. } => Some((ends.of(node.other()).address, Some(ends.of(node).interface.clone()))),
            Link::Serial { .. } | Link::Disk { .. } => None,
        });
        let mut peer: Vec<(IpAddr, Option<String>)> = Vec::new();
        for (address, interface) in udp.chain(config.node(node.other()).addresses.iter().map(|a| (*a, None))) {
            if !peer.iter().any(|(known, _)| *known == address) {
                peer.push((address, interface));
            }
        }
        let virtual_addresses = config
            .groups
            .iter()
            .flat_map(|group| &group.resources)
            .filter_map(|resource| match &resource.kind {
                Kind::Ip(ip) => Some((ip.address, ip.interface.of(node).clone())),
                _ => None,
            })
            .collect();
        Self {
            peer,
            virtual_addresses,
            references: config.safety_check.references.clone(),
            excluded: config.safety_check.exclude_interfaces.iter().cloned().collect(),
        }
    }

    fn uses(&self, interface: &Interface) -> bool {
        !interface.loopback && !self.excluded.contains(&interface.name)
    }

    /// An interface whose state tells something: it has an address, or the configuration names it.
    fn matters(&self, interface: &Interface) -> bool {
        let named = self.peer.iter().filter_map(|(_, name)| name.as_ref()).any(|n| *n == interface.name)
            || self.virtual_addresses.iter().any(|(_, n)| *n == interface.name);
        self.uses(interface) && (named || interface.is_configured())
    }

    /// This node's own connection.
    #[must_use]
    pub fn self_test(&self, interfaces: &[Interface]) -> NetworkSelfTest {
        let count = |with: bool| {
            let number = interfaces.iter().filter(|i| self.matters(i) && i.obstacle().is_none() == with).count();
            u32::try_from(number).unwrap_or(u32::MAX)
        };
        NetworkSelfTest {
            with_carrier: count(true),
            without_carrier: count(false),
            references: u32::try_from(self.references.len()).unwrap_or(u32::MAX),
        }
    }
}

/// One probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its kind, for the record.
    pub kind: ProbeKind,
    /// What is sent; or why nothing can be.
    pub what: Result<What, String>,
    /// Interface and address, for the record.
    pub via: String,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The signed question.
    Ask {
        /// Where to; a broadcast or multicast address too.
        to: IpAddr,
        /// Through which interface; 0: as the routes say.
        interface: u32,
        /// From which own address.
        source: Option<IpAddr>,
    },
    /// An ARP request.
    Arp {
        /// For whom.
        target: Ipv4Addr,
        /// Through which interface.
        interface: u32,
        /// Own hardware address.
        mac: Mac,
        /// Own address; 0.0.0.0 if there is none in that subnet.
        sender: Ipv4Addr,
    },
    /// A neighbour solicitation.
    Neighbour {
        /// For whom.
        target: Ipv6Addr,
        /// Through which interface.
        interface: u32,
        /// Own hardware address.
        mac: Mac,
    },
    /// An ICMP or ICMPv6 echo request.
    Echo {
        /// To whom.
        to: IpAddr,
        /// Through which interface; 0: as the routes say.
        interface: u32,
    },
}

/// Every probe of a round.
#[must_use]
pub fn plan(targets: &Targets, interfaces: &[Interface]) -> Vec<Probe> {
    let planner = Planner { targets, interfaces };
    let mut probes = Vec::new();
    for (address, name) in &targets.peer {
        planner.peer(&mut probes, *address, name.as_deref());
    }
    planner.to_everybody(&mut probes);
    for (address, name) in &targets.virtual_addresses {
        planner.virtual_address(&mut probes, *address, name);
    }
    for address in &targets.references {
        planner.reference(&mut probes, *address);
    }
    probes
}

/// The probes that learn the peer's hardware addresses in healthy days.
#[must_use]
pub fn learning(targets: &Targets, interfaces: &[Interface]) -> Vec<Probe> {
    let planner = Planner { targets, interfaces };
    let mut probes = Vec::new();
    for (address, name) in &targets.peer {
        planner.neighbour(&mut probes, *address, name.as_deref(), None);
    }
    probes
}

/// The probes by which this node looks for somebody else's address, asked by a neighbour.
#[must_use]
pub fn looking(excluded: &BTreeSet<String>, interfaces: &[Interface], address: IpAddr) -> Vec<Probe> {
    let none = (Vec::new(), Vec::new(), Vec::new());
    let targets = Targets { peer: none.0, virtual_addresses: none.1, references: none.2, excluded: excluded.clone() };
    let planner = Planner { targets: &targets, interfaces };
    let mut probes = Vec::new();
    planner.neighbour(&mut probes, address, None, None);
    // Somebody on the own link is reached through it only; whoever is behind a router goes by the routes.
    let interface = planner.on_link(address);
    let obstacle = interface.and_then(Interface::obstacle).or_else(|| planner.no_way_out());
    let echo = What::Echo { to: address, interface: interface.map_or(0, |i| i.index) };
    let via = via(interface.map(|i| i.name.as_str()), address);
    probes.push(Probe { kind: ProbeKind::Echo, what: obstacle.map_or(Ok(echo), Err), via });
    probes
}

struct Planner<'a> {
    targets: &'a Targets,
    interfaces: &'a [Interface],
}

impl<'a> Planner<'a> {
    fn is_own(&self, address: IpAddr) -> bool {
        self.interfaces.iter().any(|i| i.addresses.iter().any(|a| a.address == address))
    }

    fn named(&self, name: &str) -> Result<&'a Interface, String> {
        let interface = self.interfaces.iter().find(|i| i.name == name);
        let interface = interface.ok_or_else(|| format!("{name} does not exist"))?;
        interface.obstacle().map_or(Ok(interface), Err)
    }

    /// Where an address is a neighbour: on the interface given, or on the first that has it in a subnet.
    fn on_link(&self, address: IpAddr) -> Option<&'a Interface> {
        let has = |i: &&Interface| i.addresses.iter().any(|a| a.contains(address));
        self.interfaces.iter().filter(|i| self.targets.uses(i)).find(has)
    }

    /// Why nothing can leave this machine at all, if so.
    fn no_way_out(&self) -> Option<String> {
        let mut usable = self.interfaces.iter().filter(|i| self.targets.uses(i) && i.is_configured());
        let open = usable.clone().any(|i| i.obstacle().is_none());
        let first = usable.next().and_then(Interface::obstacle);
        (!open).then(|| first.unwrap_or_else(|| "no network interface has an address".to_owned()))
    }

    fn peer(&self, probes: &mut Vec<Probe>, address: IpAddr, name: Option<&str>) {
        // An own address that is listed as the peer's would answer for ever.
        if self.is_own(address) || name.is_some_and(|n| self.targets.excluded.contains(n)) {
            return;
        }
        let through = name.map(|n| self.named(n).map(|i| i.index)).transpose().map(Option::unwrap_or_default);
        let via = via(name, address);
        let ask = through.clone().map(|interface| What::Ask { to: address, interface, source: None });
        probes.push(Probe { kind: ProbeKind::AskUnicast, what: ask, via: via.clone() });
        self.neighbour(probes, address, name, None);
        let echo = through.map(|interface| What::Echo { to: address, interface });
        probes.push(Probe { kind: ProbeKind::Echo, what: echo, via });
    }

    /// ARP or neighbour discovery, where the address is a neighbour. `kind`: if it is not asked as the peer's own.
    fn neighbour(&self, probes: &mut Vec<Probe>, address: IpAddr, name: Option<&str>, kind: Option<ProbeKind>) {
        if self.is_own(address) || name.is_some_and(|n| self.targets.excluded.contains(n)) {
            return;
        }
        let by_name = name.map(|n| self.named(n));
        let interface = match by_name {
            Some(Err(error)) => {
                let kind = kind.unwrap_or_else(|| neighbour_kind(address));
                probes.push(Probe { kind, what: Err(error), via: via(name, address) });
                return;
            }
            Some(Ok(interface)) => interface,
            None => match self.on_link(address) {
                Some(interface) => interface,
                None => return,
            },
        };
        // A peer behind a router is no neighbour; a virtual address without an own address in its subnet may be.
        let in_subnet = interface.addresses.iter().find(|a| a.contains(address));
        if in_subnet.is_none() && kind.is_none() && !is_link_local(address) {
            return;
        }
        let Some(mac) = interface.mac else { return };
        let what = match (interface.obstacle(), address) {
            (Some(obstacle), _) => Err(obstacle),
            (None, IpAddr::V4(target)) => {
                let sender = match in_subnet.map(|a| a.address) {
                    Some(IpAddr::V4(own)) => own,
                    _ => Ipv4Addr::UNSPECIFIED,
                };
                Ok(What::Arp { target, interface: interface.index, mac, sender })
            }
            (None, IpAddr::V6(target)) => Ok(What::Neighbour { target, interface: interface.index, mac }),
        };
        let kind = kind.unwrap_or_else(|| neighbour_kind(address));
        probes.push(Probe { kind, what, via: via(Some(&interface.name), address) });
    }

    fn to_everybody(&self, probes: &mut Vec<Probe>) {
        for interface in self.interfaces.iter().filter(|i| self.targets.matters(i)) {
            let mut seen = BTreeSet::new();
            let obstacle = interface.obstacle();
            for address in interface.addresses.iter().filter(|address| address.usable) {
                let (to, source) = match (address.address, address.broadcast) {
                    (own @ IpAddr::V4(_), Some(broadcast)) => (IpAddr::V4(broadcast), Some(own)),
                    // From whichever address the kernel prefers for the whole link.
                    (IpAddr::V6(_), _) => (IpAddr::V6(ALL_NODES), None),
                    (IpAddr::V4(_), None) => continue,
                };
                if !seen.insert(to) {
                    continue;
                }
                let ask = What::Ask { to, interface: interface.index, source };
                probes.push(Probe {
                    kind: ProbeKind::AskBroadcast,
                    what: obstacle.clone().map_or(Ok(ask), Err),
                    via: via(Some(&interface.name), to),
                });
            }
        }
    }

    fn virtual_address(&self, probes: &mut Vec<Probe>, address: IpAddr, name: &str) {
        // Held here: this node itself would answer.
        if !self.is_own(address) {
            self.neighbour(probes, address, Some(name), Some(ProbeKind::VirtualAddress));
        }
    }

    fn reference(&self, probes: &mut Vec<Probe>, address: IpAddr) {
        if self.is_own(address) {
            return;
        }
        self.neighbour(probes, address, None, Some(ProbeKind::Reference));
        let echo = What::Echo { to: address, interface: 0 };
        probes.push(Probe { kind: ProbeKind::Reference, what: Ok(echo), via: via(None, address) });
    }
}

fn neighbour_kind(address: IpAddr) -> ProbeKind {
    if address.is_ipv4() { ProbeKind::Arp } else { ProbeKind::NeighbourDiscovery }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

fn via(name: Option<&str>, address: IpAddr) -> String {
    name.map_or_else(|| address.to_string(), |name| format!("{name} {address}"))
}

#[cfg(test)]
mod tests {
    use super::super::interfaces::InterfaceAddress;
    use super::*;
    use hotpair_config::load_text_with_key;
    use std::path::Path;

    const CONFIG: &str = include_str!("../../tests/pair.toml");
    const KEY: &str = "5d0b1f7e93c24a68b7e1f05c2d9a8346e4c1b8f2706d5a93184ecf2b6a70d9e3";

    fn targets(change: impl Fn(&str) -> String) -> Targets {
        let text = change(CONFIG);
        Targets::of(&load_text_with_key(&text, Path::new("pair.toml"), None, KEY).unwrap().config, NodeId::FIRST)
    }

    fn interface(index: u32, name: &str, addresses: &[&str]) -> Interface {
        let addresses = addresses.iter().map(|text| {
            let (address, prefix) = text.split_once('/').unwrap();
            let address: IpAddr = address.parse().unwrap();
            let broadcast = match address {
                IpAddr::V4(v4) => Some(Ipv4Addr::from(u32::from(v4) | 0xff)),
                IpAddr::V6(_) => None,
            };
            InterfaceAddress { address, prefix: prefix.parse().unwrap(), broadcast, usable: true }
        });
        let loopback = name == "lo";
        Interface {
            index,
            name: name.to_owned(),
            up: true,
            carrier: true,
            loopback,
            mac: (!loopback).then_some([2, 0, 0, 0, 0, 1]),
            addresses: addresses.collect(),
        }
    }

    fn machine() -> Vec<Interface> {
        vec![
            interface(1, "lo", &["127.0.0.1/8"]),
            interface(2, "lan", &["10.77.0.1/24"]),
            interface(3, "six", &["fd77::1/64", "fe80::1/64"]),
            interface(4, "spare", &["192.168.5.1/24"]),
        ]
    }

    fn table(targets: &Targets, interfaces: &[Interface]) -> Vec<String> {
        let mut rows: Vec<String> = plan(targets, interfaces)
            .iter()
            .map(|p| match &p.what {
                Ok(_) => format!("{} {}", p.kind.as_str(), p.via),
                Err(why) => format!("{} {}: {why}", p.kind.as_str(), p.via),
            })
            .collect();
        rows.sort();
        rows
    }

    /// S23: everybody who could know is asked, through every usable interface.
    #[test]
    fn everybody_is_asked() {
        let found = table(&targets(str::to_owned), &machine());
        let wanted = [
            "arp lan 10.77.0.2",
            "ask lan 10.77.0.2",
            "ask six fd77::2",
            "ask-broadcast lan 10.77.0.255",
            "ask-broadcast six ff02::1",
            "ask-broadcast spare 192.168.5.255",
            "echo lan 10.77.0.2",
            "echo six fd77::2",
            "nd six fd77::2",
            "reference 10.77.0.9",
            "reference lan 10.77.0.9",
            "virtual-address lan 10.77.0.100",
        ];
        assert_eq!(found, wanted);
    }

    /// S23: excluded interfaces are not used, and neither counted in the self-test.
    #[test]
    fn an_excluded_interface_is_left_alone() {
        let exclude = |text: &str| text.replace("[safety_check]", "[safety_check]\nexclude_interfaces = [\"spare\"]");
        let targets = targets(exclude);
        assert!(!table(&targets, &machine()).iter().any(|row| row.contains("spare")));
        assert_eq!(targets.self_test(&machine()).with_carrier, 2);
    }

    /// S23: what cannot be sent is in the plan with its reason; an interface that is gone is no carrier lost.
    #[test]
    fn obstacles_are_facts() {
        let mut interfaces = machine();
        interfaces[1].carrier = false;
        interfaces.remove(2);
        let targets = targets(str::to_owned);
        let found = table(&targets, &interfaces);
        for row in [
            "ask lan 10.77.0.2: lan has no carrier",
            "echo six fd77::2: six does not exist",
            "virtual-address lan 10.77.0.100: lan has no carrier",
        ] {
            assert!(found.iter().any(|f| f == row), "{row} {found:#?}");
        }
        let test = targets.self_test(&interfaces);
        assert_eq!((test.with_carrier, test.without_carrier, test.references), (1, 1, 1));
    }

    /// S23: nothing this node would answer itself is asked: own virtual addresses, own addresses listed as the peer's.
    #[test]
    fn own_addresses_are_not_asked() {
        let mut interfaces = machine();
        for own in ["10.77.0.100", "10.77.0.2", "10.77.0.9"] {
            let address = InterfaceAddress { address: own.parse().unwrap(), prefix: 32, broadcast: None, usable: true };
            interfaces[1].addresses.push(address);
        }
        let found = table(&targets(str::to_owned), &interfaces);
        assert!(
            !found.iter().any(|row| ["10.77.0.100", "10.77.0.2", "10.77.0.9"].iter().any(|own| row.ends_with(own))),
            "{found:#?}"
        );
    }
}
