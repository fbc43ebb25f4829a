//! The signed question of the safety check and its answer: one datagram each, magic, message, authentication tag.
//!
//! The tag is HMAC-SHA256 cut to 128 bits under a key derived from the pair's key for this purpose only, so that no
//! heartbeat frame can pass for a question and no question for an answer (the magic is covered).

use crate::convert::{advert as advert_wire, node};
use crate::keyed::keyed;
use hmac::{Hmac, Mac};
use hotpair_proto::arbiter::v1 as pb;
use hotpair_types::{Advert, NodeId, PairId, Timestamp};
use prost::Message;
use sha2::Sha256;

const QUESTION: &[u8; 4] = b"HPQ1";
const ANSWER: &[u8; 4] = b"HPA1";
const TAG: usize = 16;
/// Largest UDP payload over IPv4.
pub const MAX_DATAGRAM: usize = 65_507;
const PURPOSE: &[u8] = b"hotpair safety check 1";

/// The random number of a question.
pub type Nonce = [u8; 16];

/// Signs and reads.
#[derive(Clone)]
pub struct Signer {
    mac: Hmac<Sha256>,
    pair: PairId,
    node: NodeId,
}

/// Why a datagram was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drop {
    /// Not a question or answer.
    Malformed,
    /// Its tag does not fit: another key, or forged.
    Unauthentic,
    /// Another pair's.
    Foreign,
    /// This node's own.
    Own,
}

/// A datagram that is authentic and from the peer.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// It asks.
    Question(Nonce),
    /// It answers.
    Answer {
        /// Which question.
        nonce: Nonce,
        /// Its state; an error if it is there but not understood.
        advert: Option<Result<Advert, crate::convert::WireError>>,
    },
}

impl Signer {
    /// For this node of this pair.
    #[must_use]
    pub fn new(key: &[u8], pair: PairId, node: NodeId) -> Self {
        let derived = keyed(key).chain_update(PURPOSE).finalize().into_bytes();
        Self { mac: keyed(&derived), pair, node }
    }

    /// The datagram that asks.
    #[must_use]
    pub fn question(&self, nonce: Nonce) -> Vec<u8> {
        let message = pb::SafetyQuestion {
            pair_id: self.pair.0.to_vec(),
            from: u32::from(u8::from(self.node)),
            nonce: nonce.to_vec(),
        };
        self.seal(QUESTION, &message)
    }

    /// The datagram that answers, with the state if it fits.
    #[must_use]
    pub fn answer(&self, nonce: Nonce, advert: Option<&Advert>, now: Timestamp) -> Vec<u8> {
        let mut message = pb::SafetyAnswer {
            pair_id: self.pair.0.to_vec(),
            from: u32::from(u8::from(self.node)),
            nonce: nonce.to_vec(),
            advert: advert.map(|advert| advert_wire::to_wire(advert, now)),
        };
        if message.encoded_len() > MAX_DATAGRAM - QUESTION.len() - TAG {
            // To say "I live" matters more than to say everything.
            message.advert = None;
        }
        self.seal(ANSWER, &message)
    }

    fn seal(&self, magic: &[u8; 4], message: &impl Message) -> Vec<u8> {
        let mut datagram = magic.to_vec();
        datagram.extend(message.encode_to_vec());
        let tag = self.mac.clone().chain_update(&datagram).finalize().into_bytes();
        datagram.extend(tag.iter().take(TAG));
        datagram
    }

    /// What a datagram that arrived at `now` says.
    ///
    /// # Errors
    /// Why it has to be dropped. Nothing of its content is looked at before the tag is verified.
    pub fn read(&self, datagram: &[u8], now: Timestamp) -> Result<Heard, Drop> {
        let (signed, tag) = datagram.split_last_chunk::<TAG>().ok_or(Drop::Malformed)?;
        let (magic, body) = signed.split_first_chunk::<4>().ok_or(Drop::Malformed)?;
        if magic != QUESTION && magic != ANSWER {
            return Err(Drop::Malformed);
        }
        self.mac.clone().chain_update(signed).verify_truncated_left(tag).map_err(|_| Drop::Unauthentic)?;
        if magic == QUESTION {
            let message = pb::SafetyQuestion::decode(body).map_err(|_| Drop::Malformed)?;
            Ok(Heard::Question(self.nonce_of_peer(&message.pair_id, message.from, &message.nonce)?))
        } else {
            let message = pb::SafetyAnswer::decode(body).map_err(|_| Drop::Malformed)?;
            let nonce = self.nonce_of_peer(&message.pair_id, message.from, &message.nonce)?;
            let advert = message.advert.as_ref().map(|a| advert_wire::from_wire(a, now));
            Ok(Heard::Answer { nonce, advert })
        }
    }

    fn nonce_of_peer(&self, pair: &[u8], from: u32, nonce: &[u8]) -> Result<Nonce, Drop> {
        if pair != self.pair.0 {
            return Err(Drop::Foreign);
        }
        let from = node("from", from).map_err(|_| Drop::Malformed)?;
        if from == self.node {
            return Err(Drop::Own);
        }
        nonce.try_into().map_err(|_| Drop::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair() -> (Signer, Signer) {
        let id = PairId([7; 8]);
        (Signer::new(&[1; 32], id, NodeId::FIRST), Signer::new(&[1; 32], id, NodeId::SECOND))
    }

    /// S23, FAULTS X01: a question and its answer are understood by the peer only.
    #[test]
    fn a_question_is_heard_by_the_peer_and_by_nobody_else() {
        let (a, b) = pair();
        let question = a.question([9; 16]);
        let now = Timestamp::from_millis(1);
        assert_eq!(b.read(&question, now), Ok(Heard::Question([9; 16])));
        assert_eq!(a.read(&question, now), Err(Drop::Own));
        let other_key = Signer::new(&[2; 32], PairId([7; 8]), NodeId::SECOND);
        assert_eq!(other_key.read(&question, now), Err(Drop::Unauthentic));
        let other_pair = Signer::new(&[1; 32], PairId([8; 8]), NodeId::SECOND);
        assert_eq!(other_pair.read(&question, now), Err(Drop::Foreign));
        let answer = b.answer([9; 16], None, now);
        assert_eq!(a.read(&answer, now), Ok(Heard::Answer { nonce: [9; 16], advert: None }));
    }

    /// FAULTS X01: the kind of a datagram is signed too.
    #[test]
    fn a_question_cannot_be_turned_into_an_answer() {
        let (a, b) = pair();
        let mut datagram = a.question([9; 16]);
        datagram[..4].copy_from_slice(ANSWER);
        assert_eq!(b.read(&datagram, Timestamp::ZERO), Err(Drop::Unauthentic));
    }

    proptest! {
        /// FAULTS X05: no datagram, and no changed bit of a good one, gets through or stops the program.
        #[test]
        fn garbage_is_dropped(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..60, bit in 0_u8..8) {
            let (a, b) = pair();
            prop_assert!(b.read(&bytes, Timestamp::ZERO).is_err());
            let mut datagram = a.question([9; 16]);
            let at = at % datagram.len();
            datagram[at] ^= 1 << bit;
            prop_assert!(b.read(&datagram, Timestamp::ZERO).is_err());
        }
    }
}
