//! What arbiterd hears: adverts, signed questions and answers, packets of the neighbourhood.

use arbiterd::convert::advert as wire;
use arbiterd::neighbour::wire as third_party;
use arbiterd::prober::packets;
use arbiterd::prober::question::Signer;
use arbiterd::witness::value::{Kind, Seal};
use hmac::{Hmac, KeyInit as _, Mac as _};
use hotpair_types::{GroupName, NodeId, PairId, Timestamp};
use sha2::Sha256;

const NOW: Timestamp = Timestamp::from_millis(5_000_000);

/// An advert: what decodes encodes to bytes that mean the same, but for what is over already and is not sent on.
pub fn advert(data: &[u8]) {
    let resend = |advert: &_| wire::decode(&wire::encode(advert, NOW), NOW).expect("an own advert decodes");
    let Ok(advert) = wire::decode(data, NOW) else { return };
    let once = resend(&advert);
    assert_eq!(resend(&once), once, "an advert survives the wire");
    assert_eq!((once.node, once.boot, once.seq, &once.done), (advert.node, advert.boot, advert.seq, &advert.done));
    assert_eq!(once.groups.len(), advert.groups.len(), "no group is lost");
}

/// Whatever a socket of the safety check brings.
pub fn network(data: &[u8]) {
    question(data);
    packets(data);
    neighbour(data);
    vote(data);
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

/// A question to a third party, or its answer: only with the tag, and what is understood survives the wire.
fn neighbour(data: &[u8]) {
    let seal = third_party::Seal::new(&[3; 32]);
    assert!(seal.read_question(data).is_none() && seal.read_answer(data).is_none(), "nobody guesses a tag");
    let _ = (third_party::is_ours(data), third_party::is_question(data), third_party::key_id(data));
    let nonce = std::array::from_fn(|at| data.get(at).copied().unwrap_or(0));
    let sight = match data.len() % 3 {
        0 => third_party::Sight::Seen,
        1 => third_party::Sight::CannotSee,
        _ => third_party::Sight::CannotLook,
    };
    let answer = third_party::Answer { nonce, sight, how: String::from_utf8_lossy(data).into_owned() };
    let read = seal.read_answer(&seal.answer(&answer)).expect("an own answer is authentic");
    // The words are cut, and what a terminal would obey is taken out.
    assert!(read.nonce == answer.nonce && read.sight == sight, "an answer survives");
    assert!(!read.how.contains(char::is_control), "words are words");
}

/// A value in the witness: only this pair writes one that is believed.
fn vote(data: &[u8]) {
    let seal = Seal::new(&[3; 32], PairId([7; 8]));
    let group = GroupName::new("shop").expect("a name");
    for kind in [Kind::Epoch, Kind::Holder] {
        let why = seal.read(&group, kind, data).expect_err("nobody guesses a tag");
        assert!(!why.is_empty(), "a refusal says why");
    }
}
