//! The signed question to a third party, "do you see this node?", and its answer: one datagram each.
//!
//! Layout: magic (4 bytes), key id (8), message (protobuf), tag (16): HMAC-SHA256 cut to 128 bits over everything before it, under a
//! key derived from the neighbour's key for this purpose only. Question and answer have different magics, so neither passes
//! for the other. The question is padded, so that no answer is larger than it: nothing is amplified towards a forged sender.

use crate::keyed::keyed;
use hmac::{Hmac, Mac};
use prost::Message;
use sha2::Sha256;
use std::net::IpAddr;
use std::time::Duration;

const QUESTION: &[u8; 4] = b"HPN1";
const ANSWER: &[u8; 4] = b"HPM1";
const TAG: usize = 16;
const HEAD: usize = 12;
/// A question has this size at least, an answer at most.
const PADDED: usize = 384;
/// Larger datagrams are none of ours.
pub const MAX_DATAGRAM: usize = 1_024;
/// At most so many addresses are looked for.
pub const MAX_ADDRESSES: usize = 8;
/// Longest text of an answer.
const MAX_TEXT: usize = 200;
/// The longest look somebody can ask for.
const MAX_WINDOW: Duration = Duration::from_secs(10);
const PURPOSE: &[u8] = b"hotpair neighbour 1";

/// The random number of a question.
pub type Nonce = [u8; 16];
/// Tells keys apart before a tag is computed.
pub type KeyId = [u8; 8];

#[derive(Clone, PartialEq, Eq, Message)]
struct WireQuestion {
    #[prost(bytes = "vec", tag = "1")]
    nonce: Vec<u8>,
    /// The asker waits so long.
    #[prost(uint32, tag = "2")]
    window_ms: u32,
    /// Addresses of the node that is looked for, 4 or 16 bytes each.
    #[prost(bytes = "vec", repeated, tag = "3")]
    addresses: Vec<Vec<u8>>,
    #[prost(bytes = "vec", tag = "4")]
    padding: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct WireAnswer {
    #[prost(bytes = "vec", tag = "1")]
    nonce: Vec<u8>,
    /// 1: seen, 2: cannot see it, 3: cannot look.
    #[prost(uint32, tag = "2")]
    sight: u32,
    #[prost(string, tag = "3")]
    how: String,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its random number.
    pub nonce: Nonce,
    /// The answer is of use only within this time.
    pub window: Duration,
    /// Whom to look for.
    pub addresses: Vec<IpAddr>,
}

/// What the neighbour found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It answered.
    Seen,
    /// It was asked, and did not answer.
    CannotSee,
    /// It could not be asked: the neighbour's own network is down, or it may not look.
    CannotLook,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Which question.
    pub nonce: Nonce,
    /// What was found.
    pub sight: Sight,
    /// By what, in words.
    pub how: String,
}

/// What a datagram is, before anything of it is believed.
#[must_use]
pub fn is_ours(datagram: &[u8]) -> bool {
    datagram.starts_with(QUESTION) || datagram.starts_with(ANSWER)
}

/// Whether it claims to be a question; else it claims to be an answer.
#[must_use]
pub fn is_question(datagram: &[u8]) -> bool {
    datagram.starts_with(QUESTION)
}

/// The key it claims to be signed with.
#[must_use]
pub fn key_id(datagram: &[u8]) -> Option<KeyId> {
    datagram.get(4..HEAD)?.try_into().ok()
}

/// Signs and reads with one neighbour's key.
#[derive(Clone)]
pub struct Seal {
    mac: Hmac<Sha256>,
    id: KeyId,
}

impl Seal {
    /// By the key shared with a neighbour.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let derived = keyed(key).chain_update(PURPOSE).finalize().into_bytes();
        let mac = keyed(&derived);
        let named = mac.clone().chain_update(b"id").finalize().into_bytes();
        let mut id = [0; 8];
        id.iter_mut().zip(named).for_each(|(to, from)| *to = from);
        Self { mac, id }
    }

    /// The key's id.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The datagram that asks.
    #[must_use]
    pub fn question(&self, question: &Question) -> Vec<u8> {
        let mut message = WireQuestion {
            nonce: question.nonce.to_vec(),
            window_ms: u32::try_from(question.window.as_millis()).unwrap_or(u32::MAX),
            addresses: question.addresses.iter().take(MAX_ADDRESSES).map(address_bytes).collect(),
            padding: Vec::new(),
        };
        let bare = HEAD + message.encoded_len() + TAG;
        message.padding = vec![0; PADDED.saturating_sub(bare)];
        self.seal(QUESTION, &message)
    }

    /// The datagram that answers.
    #[must_use]
    pub fn answer(&self, answer: &Answer) -> Vec<u8> {
        let message = WireAnswer {
            nonce: answer.nonce.to_vec(),
            sight: match answer.sight {
                Sight::Seen => 1,
                Sight::CannotSee => 2,
                Sight::CannotLook => 3,
            },
            how: cut(&answer.how),
        };
        self.seal(ANSWER, &message)
    }

    fn seal(&self, magic: &[u8; 4], message: &impl Message) -> Vec<u8> {
        let mut datagram = magic.to_vec();
        datagram.extend(self.id);
        datagram.extend(message.encode_to_vec());
        let tag = self.mac.clone().chain_update(&datagram).finalize().into_bytes();
        datagram.extend(tag.iter().take(TAG));
        datagram
    }

    /// The authentic question in a datagram; nothing of it is looked at before the tag is verified.
    #[must_use]
    pub fn read_question(&self, datagram: &[u8]) -> Option<Question> {
        let message = WireQuestion::decode(self.open(QUESTION, datagram)?).ok()?;
        if message.addresses.len() > MAX_ADDRESSES {
            return None;
        }
        let addresses = message.addresses.iter().map(|bytes| address_of(bytes)).collect::<Option<Vec<_>>>()?;
        Some(Question {
            nonce: message.nonce.try_into().ok()?,
            window: Duration::from_millis(message.window_ms.into()).min(MAX_WINDOW),
            addresses,
        })
    }

    /// The authentic answer in a datagram.
    #[must_use]
    pub fn read_answer(&self, datagram: &[u8]) -> Option<Answer> {
        let message = WireAnswer::decode(self.open(ANSWER, datagram)?).ok()?;
        let sight = match message.sight {
            1 => Sight::Seen,
            2 => Sight::CannotSee,
            3 => Sight::CannotLook,
            _ => return None,
        };
        Some(Answer { nonce: message.nonce.try_into().ok()?, sight, how: cut(&message.how) })
    }

    fn open<'a>(&self, magic: &[u8; 4], datagram: &'a [u8]) -> Option<&'a [u8]> {
        if datagram.len() > MAX_DATAGRAM || !datagram.starts_with(magic) || key_id(datagram) != Some(self.id) {
            return None;
        }
        let (signed, tag) = datagram.split_last_chunk::<TAG>()?;
        let body = signed.get(HEAD..)?;
        self.mac.clone().chain_update(signed).verify_truncated_left(tag).ok()?;
        Some(body)
    }
}

fn address_bytes(address: &IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn address_of(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// A text for one line of a log: no control characters, not too long.
fn cut(text: &str) -> String {
    let mut kept = String::new();
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if kept.len() + letter.len_utf8() > MAX_TEXT {
            break;
        }
        kept.push(letter);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn question() -> Question {
        Question {
            nonce: [4; 16],
            window: Duration::from_millis(20),
            addresses: vec!["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()],
        }
    }

    /// S23, FAULTS T1 T5: question and answer are understood with the same key only, and neither as the other.
    #[test]
    fn both_sides_understand_each_other() {
        let (seal, other) = (Seal::new(&[1; 32]), Seal::new(&[2; 32]));
        let asked = seal.question(&question());
        assert_eq!(seal.read_question(&asked), Some(question()));
        assert_eq!(other.read_question(&asked), None);
        assert_eq!(seal.read_answer(&asked), None);
        let answer = Answer { nonce: [4; 16], sight: Sight::CannotSee, how: "asked\n3 times".to_owned() };
        let answered = seal.answer(&answer);
        assert_eq!(seal.read_answer(&answered), Some(Answer { how: "asked3 times".to_owned(), ..answer }));
        let mut turned = asked.clone();
        turned[..4].copy_from_slice(ANSWER);
        assert_eq!(seal.read_answer(&turned), None);
    }

    /// FAULTS T7: no answer is larger than its question.
    #[test]
    fn nothing_is_amplified() {
        let seal = Seal::new(&[1; 32]);
        let bare = Question { addresses: vec!["10.0.0.2".parse().unwrap()], ..question() };
        let answer = Answer { nonce: [4; 16], sight: Sight::Seen, how: "界".repeat(500) };
        assert!(seal.answer(&answer).len() <= seal.question(&bare).len());
        assert!(seal.question(&Question { addresses: vec!["fd00::1".parse().unwrap(); 8], ..question() }).len() <= 512);
    }

    proptest! {
        /// FAULTS X05 T6: no datagram harms, and no changed bit of a good one is believed.
        #[test]
        fn garbage_is_dropped(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..400, bit in 0_u8..8) {
            let seal = Seal::new(&[1; 32]);
            prop_assert_eq!(seal.read_question(&bytes), None);
            prop_assert_eq!(seal.read_answer(&bytes), None);
            let mut datagram = seal.question(&question());
            let at = at % datagram.len();
            datagram[at] ^= 1 << bit;
            prop_assert_eq!(seal.read_question(&datagram), None);
        }
    }
}
