//! What stands in the witness' keys: one line of JSON, readable with `etcdctl get`, that only this pair can have written.
//!
//! Each value is bound to pair, group, kind of key, node, boot and run of the writer and to the epoch by an HMAC-SHA256 cut to
//! 128 bits, under a key derived from the pair's key for this purpose only (FAULTS T12): somebody who may write to the store can
//! delete votes, but cannot forge one, nor move one from group to group or from pair to pair.

use crate::keyed::keyed;
use hmac::{Hmac, Mac};
use hotpair_types::{BootId, Epoch, GroupName, Incarnation, NodeId, PairId};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt::Write as _;

const PURPOSE: &[u8] = b"hotpair witness vote 1";
const TAG: usize = 16;
/// Longer values are none of ours.
const MAX_VALUE: usize = 1_024;

/// Which of a group's two keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The highest epoch that ever got the vote; stays for ever.
    Epoch,
    /// Who holds the vote; ends with the holder's lease.
    Holder,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Epoch => "epoch",
            Self::Holder => "holder",
        }
    }
}

/// Key of a group, below the pair's prefix.
#[must_use]
pub fn key(group: &GroupName, kind: Kind) -> String {
    format!("{group}/{}", kind.word())
}

/// A node's run that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer {
    /// The node.
    pub node: NodeId,
    /// Its boot.
    pub boot: BootId,
    /// Its run of arbiterd.
    pub run: Incarnation,
}

/// An authentic value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vote {
    /// Who wrote it.
    pub writer: Writer,
    /// For which epoch.
    pub epoch: Epoch,
}

#[derive(Serialize, Deserialize)]
struct Line {
    /// Version of this format.
    hotpair: u32,
    pair: String,
    group: String,
    kind: String,
    node: u8,
    boot: String,
    run: u64,
    number: u64,
    owner: u8,
    mac: String,
}

/// Writes and reads values of one pair.
#[derive(Clone)]
pub struct Seal {
    mac: Hmac<Sha256>,
    /// Tells keys apart.
    id: [u8; TAG],
    pair: PairId,
}

impl PartialEq for Seal {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.pair == other.pair
    }
}

impl Seal {
    /// By the pair's key.
    #[must_use]
    pub fn new(key: &[u8], pair: PairId) -> Self {
        let derived = keyed(key).chain_update(PURPOSE).finalize().into_bytes();
        let mac = keyed(&derived);
        let named = mac.clone().chain_update(b"id").finalize().into_bytes();
        let mut id = [0; TAG];
        id.iter_mut().zip(named).for_each(|(to, from)| *to = from);
        Self { mac, id, pair }
    }

    /// Below which the pair's keys stand; ends with a slash.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("/hotpair/{}/", self.pair)
    }

    /// The value that says so.
    #[must_use]
    pub fn write(&self, group: &GroupName, kind: Kind, vote: Vote) -> Vec<u8> {
        let line = Line {
            hotpair: 1,
            pair: self.pair.to_string(),
            group: group.to_string(),
            kind: kind.word().to_owned(),
            node: u8::from(vote.writer.node),
            boot: vote.writer.boot.to_string(),
            run: vote.writer.run.0,
            number: vote.epoch.number,
            owner: u8::from(vote.epoch.node),
            mac: self.tag(group, kind, vote).iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            }),
        };
        // Plain strings and numbers: nothing in it can fail to be written.
        serde_json::to_vec(&line).unwrap_or_default()
    }

    /// What a value says.
    ///
    /// # Errors
    /// Why it is not to be believed.
    pub fn read(&self, group: &GroupName, kind: Kind, value: &[u8]) -> Result<Vote, String> {
        let what = || format!("the key {}{} at the witness", self.prefix(), key(group, kind));
        if value.len() > MAX_VALUE {
            return Err(format!("{} does not hold what hotpair writes", what()));
        }
        let line: Line =
            serde_json::from_slice(value).map_err(|_| format!("{} does not hold what hotpair writes", what()))?;
        if line.hotpair != 1 {
            return Err(format!("{} was written by another version of hotpair", what()));
        }
        let node = |number| NodeId::try_from(number).ok();
        let vote = (|| {
            let writer = Writer { node: node(line.node)?, boot: line.boot.parse().ok()?, run: Incarnation(line.run) };
            Some(Vote { writer, epoch: Epoch { number: line.number, node: node(line.owner)? } })
        })()
        .ok_or_else(|| format!("{} does not hold what hotpair writes", what()))?;
        let tag = hex(&line.mac).ok_or_else(|| format!("{} has no good signature", what()))?;
        self.begin(group, kind, vote)
            .verify_truncated_left(&tag)
            .map_err(|_| format!("{} was not written with this pair's key", what()))?;
        Ok(vote)
    }

    fn tag(&self, group: &GroupName, kind: Kind, vote: Vote) -> Vec<u8> {
        self.begin(group, kind, vote).finalize().into_bytes().iter().take(TAG).copied().collect()
    }

    /// Fixed lengths first, the name last: no two contents have the same bytes.
    fn begin(&self, group: &GroupName, kind: Kind, vote: Vote) -> Hmac<Sha256> {
        let kind = match kind {
            Kind::Epoch => [1],
            Kind::Holder => [2],
        };
        self.mac
            .clone()
            .chain_update(kind)
            .chain_update(self.pair.0)
            .chain_update([u8::from(vote.writer.node), u8::from(vote.epoch.node)])
            .chain_update(vote.writer.boot.0)
            .chain_update(vote.writer.run.0.to_be_bytes())
            .chain_update(vote.epoch.number.to_be_bytes())
            .chain_update(group.as_str())
    }
}

/// Exactly a tag's worth of hexadecimal digits.
fn hex(text: &str) -> Option<[u8; TAG]> {
    if text.len() != 2 * TAG || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; TAG];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seal(key: u8, pair: u8) -> Seal {
        Seal::new(&[key; 32], PairId([pair; 8]))
    }

    fn vote() -> Vote {
        let writer = Writer { node: NodeId::SECOND, boot: BootId([3; 16]), run: Incarnation(7) };
        Vote { writer, epoch: Epoch { number: 5, node: NodeId::SECOND } }
    }

    /// FAULTS T12 X09: a value counts only as what it was written as, and only with the pair's key.
    #[test]
    fn a_value_is_bound_to_everything_it_says() {
        let (web, shop) = (GroupName::new("web").unwrap(), GroupName::new("shop").unwrap());
        let seal = seal(1, 9);
        let text = seal.write(&web, Kind::Holder, vote());
        assert_eq!(seal.read(&web, Kind::Holder, &text), Ok(vote()));
        assert!(seal.read(&shop, Kind::Holder, &text).unwrap_err().contains("this pair's key"));
        assert!(seal.read(&web, Kind::Epoch, &text).is_err());
        assert!(self::seal(2, 9).read(&web, Kind::Holder, &text).is_err());
        assert!(self::seal(1, 8).read(&web, Kind::Holder, &text).is_err());
        let forged = String::from_utf8(text).unwrap().replace("\"number\":5", "\"number\":6");
        assert!(seal.read(&web, Kind::Holder, forged.as_bytes()).unwrap_err().contains("this pair's key"));
    }

    proptest! {
        /// FAULTS X05: no content of a key harms, and no changed byte of a good one is believed.
        #[test]
        fn garbage_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..200, by in 1_u8..=255) {
            let web = GroupName::new("web").unwrap();
            let seal = seal(1, 9);
            prop_assert!(seal.read(&web, Kind::Epoch, &bytes).is_err());
            let mut text = seal.write(&web, Kind::Epoch, vote());
            let at = at % text.len();
            text[at] ^= by;
            if let Ok(read) = seal.read(&web, Kind::Epoch, &text) {
                // A changed spelling (the case of a digit, a field's name that is not looked at) may say the same, never something else.
                prop_assert_eq!(read, vote());
            }
        }
    }
}
