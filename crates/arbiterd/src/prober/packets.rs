//! Packets of the kernel-level probes, as bytes: ARP (RFC 826), ICMP echo (RFC 792, RFC 4443), neighbour discovery
//! (RFC 4861). Pure; parsing drops what does not fit.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Ethernet hardware address.
pub type Mac = [u8; 6];

/// For people.
#[must_use]
pub fn mac_text(mac: Mac) -> String {
    let [a, b, c, d, e, f] = mac;
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

/// An ARP request by `sender` (0.0.0.0: a probe that leaves no trace, RFC 5227) for `target`.
#[must_use]
pub fn arp_request(mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    // Ethernet, IPv4, address lengths 6 and 4, operation 1.
    let mut packet = vec![0, 1, 8, 0, 6, 4, 0, 1];
    packet.extend(mac);
    packet.extend(sender.octets());
    packet.extend([0; 6]);
    packet.extend(target.octets());
    packet
}

/// Hardware and protocol address of who sent an ARP reply.
#[must_use]
pub fn parse_arp_reply(packet: &[u8]) -> Option<(Mac, Ipv4Addr)> {
    let rest = packet.strip_prefix(&[0, 1, 8, 0, 6, 4, 0, 2])?;
    let (mac, rest) = rest.split_first_chunk::<6>()?;
    let (address, _) = rest.split_first_chunk::<4>()?;
    Some((*mac, Ipv4Addr::from(*address)))
}

/// An ICMP echo request.
#[must_use]
pub fn echo4(ident: u16, seq: u16) -> Vec<u8> {
    let mut packet = echo_body(8, ident, seq);
    let sum = checksum(&packet);
    if let Some(field) = packet.get_mut(2..4) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
    packet
}

/// An ICMPv6 echo request; the kernel fills in the checksum.
#[must_use]
pub fn echo6(ident: u16, seq: u16) -> Vec<u8> {
    echo_body(128, ident, seq)
}

fn echo_body(kind: u8, ident: u16, seq: u16) -> Vec<u8> {
    let mut packet = vec![kind, 0, 0, 0];
    packet.extend(ident.to_be_bytes());
    packet.extend(seq.to_be_bytes());
    packet.extend(*b"hotpair\0");
    packet
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        let word = [pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)];
        sum = sum.wrapping_add(u32::from(u16::from_be_bytes(word)));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// Ident and sequence of an ICMP echo reply as a raw IPv4 socket delivers it, with its IP header.
#[must_use]
pub fn parse_echo4(packet: &[u8]) -> Option<(u16, u16)> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    parse_echo(packet.get(header..)?, 0)
}

/// What an ICMPv6 packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icmp6 {
    /// Echo reply: ident, sequence.
    Echo(u16, u16),
    /// Neighbour advertisement: for which address, by which hardware address (if it says so).
    Neighbour(Ipv6Addr, Option<Mac>),
}

/// Reads an ICMPv6 packet as a raw socket delivers it, without its IP header.
#[must_use]
pub fn parse_icmp6(packet: &[u8]) -> Option<Icmp6> {
    if *packet.first()? == 129 {
        return parse_echo(packet, 129).map(|(ident, seq)| Icmp6::Echo(ident, seq));
    }
    let (target, options) = packet.strip_prefix(&[136, 0])?.get(6..)?.split_first_chunk::<16>()?;
    Some(Icmp6::Neighbour(Ipv6Addr::from(*target), target_link_address(options)))
}

fn target_link_address(mut options: &[u8]) -> Option<Mac> {
    // Each option: type, length in units of 8 bytes, content.
    while let [kind, units, rest @ ..] = options {
        if *kind == 2 && *units == 1 {
            return rest.first_chunk::<6>().copied();
        }
        let length = usize::from(*units) * 8;
        if length == 0 {
            return None;
        }
        options = options.get(length..)?;
    }
    None
}

fn parse_echo(packet: &[u8], kind: u8) -> Option<(u16, u16)> {
    let [found, 0, _, _, ident_high, ident_low, seq_high, seq_low, ..] = packet else { return None };
    (*found == kind).then(|| (u16::from_be_bytes([*ident_high, *ident_low]), u16::from_be_bytes([*seq_high, *seq_low])))
}

/// A neighbour solicitation for `target` by an interface with hardware address `mac`; the kernel fills in the checksum.
#[must_use]
pub fn neighbour_solicitation(target: Ipv6Addr, mac: Mac) -> Vec<u8> {
    let mut packet = vec![135, 0, 0, 0, 0, 0, 0, 0];
    packet.extend(target.octets());
    packet.extend([1, 1]);
    packet.extend(mac);
    packet
}

/// The multicast group in which the owner of `target` listens (RFC 4291, 2.7.1).
#[must_use]
pub fn solicited_node(target: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = target.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_arp_reply_is_read_and_a_request_is_not() {
        let mac = [2, 0, 0, 0, 0, 1];
        let mut packet = arp_request(mac, Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        assert_eq!(packet.len(), 28);
        assert_eq!(parse_arp_reply(&packet), None);
        packet[7] = 2;
        assert_eq!(parse_arp_reply(&packet), Some((mac, Ipv4Addr::new(10, 0, 0, 1))));
    }

    #[test]
    fn an_echo_has_a_right_checksum_and_its_reply_is_read() {
        let request = echo4(0x1234, 7);
        assert_eq!(checksum(&request), 0, "the sum over a packet with its checksum is zero");
        let mut reply = vec![0x45; 20];
        reply.extend(request);
        reply[20] = 0;
        assert_eq!(parse_echo4(&reply), Some((0x1234, 7)));
        let mut six = echo6(5, 6);
        six[0] = 129;
        assert_eq!(parse_icmp6(&six), Some(Icmp6::Echo(5, 6)));
    }

    #[test]
    fn a_neighbour_advertisement_is_read_with_its_hardware_address() {
        let target: Ipv6Addr = "fd00::2".parse().unwrap();
        let mut packet = vec![136, 0, 0, 0, 0x60, 0, 0, 0];
        packet.extend(target.octets());
        assert_eq!(parse_icmp6(&packet), Some(Icmp6::Neighbour(target, None)));
        packet.extend([2, 1, 1, 2, 3, 4, 5, 6]);
        assert_eq!(parse_icmp6(&packet), Some(Icmp6::Neighbour(target, Some([1, 2, 3, 4, 5, 6]))));
        assert_eq!(solicited_node("fd00::12:3456".parse().unwrap()), "ff02::1:ff12:3456".parse::<Ipv6Addr>().unwrap());
    }

    proptest! {
        /// FAULTS X05: packets of any content are read without harm.
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            let _ = parse_arp_reply(&bytes);
            let _ = parse_echo4(&bytes);
            let _ = parse_icmp6(&bytes);
        }
    }
}
