//! Bytes of ARP and IPv6 neighbour discovery frames: building and reading, pure.
//!
//! ARP is RFC 826, probing and announcing RFC 5227; neighbour discovery is RFC 4861. Frames are without link header: the
//! sockets of [`super::arp`] are of type SOCK_DGRAM.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A hardware address of Ethernet.
pub type Mac = [u8; 6];

/// Where broadcasts go.
pub const BROADCAST: Mac = [0xff; 6];
/// ICMPv6 neighbour solicitation.
const NS: u8 = 135;
/// ICMPv6 neighbour advertisement.
const NA: u8 = 136;
/// RFC 4861 section 7.1: anything with another hop limit came from beyond a router.
const HOP_LIMIT: u8 = 255;
const ICMPV6: u8 = 58;

/// ARP operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArpOp {
    /// Who has?
    Request,
    /// Is at.
    Reply,
}

/// An ARP packet for Ethernet and IPv4.
pub fn arp(op: ArpOp, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> [u8; 28] {
    let mut frame = [0_u8; 28];
    frame[..6].copy_from_slice(&[0, 1, 8, 0, 6, 4]);
    frame[7] = match op {
        ArpOp::Request => 1,
        ArpOp::Reply => 2,
    };
    frame[8..14].copy_from_slice(&sender.0);
    frame[14..18].copy_from_slice(&sender.1.octets());
    frame[18..24].copy_from_slice(&target.0);
    frame[24..28].copy_from_slice(&target.1.octets());
    frame
}

/// Who says to hold an address in an ARP packet: sender hardware and protocol address. `None`: not such a packet.
pub fn arp_sender(frame: &[u8]) -> Option<(Mac, Ipv4Addr)> {
    if frame.get(..6)? != [0, 1, 8, 0, 6, 4] {
        return None;
    }
    let mac = frame.get(8..14)?.try_into().ok()?;
    let ip: [u8; 4] = frame.get(14..18)?.try_into().ok()?;
    Some((mac, Ipv4Addr::from(ip)))
}

/// Multicast hardware address of an IPv6 multicast address (RFC 2464 section 7).
pub fn multicast_mac(group: Ipv6Addr) -> Mac {
    let octets = group.octets();
    [0x33, 0x33, octets[12], octets[13], octets[14], octets[15]]
}

/// Solicited-node multicast address (RFC 4291 section 2.7.1).
pub fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let octets = address.octets();
    let [.., a, b, c] = octets;
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), (u16::from(b) << 8) | u16::from(c))
}

/// All nodes on the link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// An unsolicited neighbour advertisement with the override flag (RFC 4861 section 7.2.6).
pub fn neighbour_advertisement(mac: Mac, address: Ipv6Addr) -> Vec<u8> {
    // Flags: override; not solicited, not a router.
    neighbour(NA, 0x20, 2, address, ALL_NODES, (address, Some(mac)))
}

/// A neighbour solicitation for `target`. With an unspecified source it is a probe of duplicate address detection
/// (RFC 4862 section 5.4.2) and carries no link-layer address.
pub fn neighbour_solicitation(source: (Mac, Ipv6Addr), target: Ipv6Addr) -> Vec<u8> {
    let mac = (!source.1.is_unspecified()).then_some(source.0);
    neighbour(NS, 0, 1, target, solicited_node(target), (source.1, mac))
}

fn neighbour(
    kind: u8,
    flags: u8,
    option: u8,
    target: Ipv6Addr,
    to: Ipv6Addr,
    (from, mac): (Ipv6Addr, Option<Mac>),
) -> Vec<u8> {
    let mut body = vec![kind, 0, 0, 0, flags, 0, 0, 0];
    body.extend_from_slice(&target.octets());
    if let Some(mac) = mac {
        body.extend_from_slice(&[option, 1]);
        body.extend_from_slice(&mac);
    }
    let sum = checksum(from, to, &body);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
    let mut frame = vec![0x60, 0, 0, 0];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&[ICMPV6, HOP_LIMIT]);
    frame.extend_from_slice(&from.octets());
    frame.extend_from_slice(&to.octets());
    frame.extend_from_slice(&body);
    frame
}

/// The internet checksum of ICMPv6 with its pseudo-header (RFC 4443 section 2.3, RFC 8200 section 8.1).
fn checksum(from: Ipv6Addr, to: Ipv6Addr, body: &[u8]) -> u16 {
    let mut pseudo = Vec::with_capacity(40 + body.len());
    pseudo.extend_from_slice(&from.octets());
    pseudo.extend_from_slice(&to.octets());
    pseudo.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    pseudo.extend_from_slice(&[0, 0, 0, ICMPV6]);
    pseudo.extend_from_slice(body);
    fold(&pseudo)
}

/// One's complement of the one's complement sum (RFC 1071).
pub fn fold(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        let word = match pair {
            [a, b] => u16::from_be_bytes([*a, *b]),
            [a] => u16::from_be_bytes([*a, 0]),
            _ => 0,
        };
        sum = sum.wrapping_add(u32::from(word));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum & 0xffff).unwrap_or(u16::MAX)
}

/// Who says to hold an address in an IPv6 packet that is a neighbour advertisement: the target and, if told, the
/// hardware address.
pub fn advertised(frame: &[u8]) -> Option<(Option<Mac>, Ipv6Addr)> {
    if frame.get(6) != Some(&ICMPV6) || frame.get(7) != Some(&HOP_LIMIT) || frame.get(40) != Some(&NA) {
        return None;
    }
    let target: [u8; 16] = frame.get(48..64)?.try_into().ok()?;
    let mac = match frame.get(64..66) {
        Some([2, 1]) => frame.get(66..72).and_then(|m| m.try_into().ok()),
        _ => None,
    };
    Some((mac, Ipv6Addr::from(target)))
}

/// `aa:bb:…`
pub fn show_mac(mac: Mac) -> String {
    mac.map(|b| format!("{b:02x}")).join(":")
}

/// Reads either kind of frame: who (hardware address, if told) says to hold which address.
pub fn holder(frame: &[u8], v6: bool) -> Option<(Option<Mac>, IpAddr)> {
    if v6 {
        advertised(frame).map(|(mac, ip)| (mac, IpAddr::V6(ip)))
    } else {
        arp_sender(frame).map(|(mac, ip)| (Some(mac), IpAddr::V4(ip)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = [2, 0, 0, 0, 0, 9];

    #[test]
    fn arp_round_trips_and_garbage_is_refused() {
        let ip = Ipv4Addr::new(10, 0, 0, 9);
        let frame = arp(ArpOp::Request, (MAC, ip), ([0; 6], ip));
        assert_eq!(arp_sender(&frame), Some((MAC, ip)));
        assert_eq!(arp_sender(&frame[..17]), None);
        assert_eq!(arp_sender(&[]), None);
        assert_eq!(arp_sender(&[0; 28]), None);
    }

    #[test]
    fn an_advertisement_round_trips_with_a_right_checksum() {
        let ip: Ipv6Addr = "fd00::9".parse().unwrap();
        let frame = neighbour_advertisement(MAC, ip);
        assert_eq!(advertised(&frame), Some((Some(MAC), ip)));
        assert_eq!(frame.len(), 40 + 32);
        // A packet with its checksum in place sums to zero.
        assert_eq!(checksum(ip, ALL_NODES, &frame[40..]), 0);
        for cut in 0..frame.len() {
            let _ = advertised(&frame[..cut]);
        }
        assert_eq!(advertised(&neighbour_solicitation((MAC, ip), ip)), None);
    }

    #[test]
    fn solicited_node_addresses_are_as_the_rfc_says() {
        let ip: Ipv6Addr = "4037::01:800:200e:8c6c".parse().unwrap();
        assert_eq!(solicited_node(ip).to_string(), "ff02::1:ff0e:8c6c");
        assert_eq!(multicast_mac(ALL_NODES), [0x33, 0x33, 0, 0, 0, 1]);
    }

    #[test]
    fn a_duplicate_probe_has_no_source_and_no_option() {
        let frame = neighbour_solicitation((MAC, Ipv6Addr::UNSPECIFIED), "fd00::9".parse().unwrap());
        assert_eq!((frame.len(), &frame[8..24]), (40 + 24, &[0_u8; 16][..]));
    }
}
