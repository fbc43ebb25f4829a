//! What arbiterd hears: adverts, signed questions and answers, packets of the neighbourhood.

use arbiterd::convert::advert as wire;
use arbiterd::prober::packets;
use arbiterd::prober::question::Signer;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hotpair_types::{NodeId, PairId, Timestamp};
use sha2::Sha256;

const NOW: Timestamp = Timestamp::from_millis(5_000_000);

/// An advert: what decodes encodes to bytes that mean the same.
pub fn advert(data: &[u8]) {
    let Ok(advert) = wire::decode(data, NOW) else { return };
    let again = wire::decode(&wire::encode(&advert, NOW), NOW);
    assert_eq!(again.as_ref().ok(), Some(&advert), "an advert survives the wire");
}

/// Whatever a socket of the safety check brings.
pub fn network(data: &[u8]) {
    question(data);
    packets(data);
}

/// A datagram of the safety check, raw and with the right tag: nothing without the tag is understood.
fn question(data: &[u8]) {
    const KEY: [u8; 32] = [3; 32];
    let signer = Signer::new(&KEY, PairId([7; 8]), NodeId::FIRST);
    let _ = signer.read(data, NOW);
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).expect("any length will do");
    mac.update(data);
    let tag = mac.finalize().into_bytes();
    for length in [16, 32] {
        let datagram = [data, tag.get(..length).unwrap_or_default()].concat();
        let _ = signer.read(&datagram, NOW);
    }
}

/// ARP, ICMP and neighbour discovery as the kernel hands them over.
fn packets(data: &[u8]) {
    let _ = packets::parse_arp_reply(data);
    let _ = packets::parse_echo4(data);
    let _ = packets::parse_icmp6(data);
    resd::untrusted::packet(data);
}
