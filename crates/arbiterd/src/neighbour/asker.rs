//! Asks this node's neighbours in every round of the safety check, and turns what they say into evidence.
//!
//! *Invariant:* an answer counts once, for the question whose random number it repeats, signed with the key of the neighbour that was
//! asked. "I see it" is a sign of life; "I cannot see it either" proves nothing of the peer, only that the neighbour was
//! reached; "I cannot look" is no answer.

use super::wire::{self, Answer, KeyId, MAX_ADDRESSES, Nonce, Question, Seal, Sight};
use hotpair_types::{Evidence, LifeSign, ProbeKind, Timestamp};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A neighbour of the configuration.
#[derive(Clone)]
pub struct Neighbour {
    /// Its name, for people.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// The key shared with it.
    pub seal: Seal,
}

struct Asked {
    round: u64,
    at: Timestamp,
    neighbour: usize,
}

/// Asks.
#[derive(Default)]
pub struct Asker {
    neighbours: Vec<Neighbour>,
    asked: BTreeMap<Nonce, Asked>,
}

impl Asker {
    /// These neighbours, from now on.
    pub fn set(&mut self, neighbours: Vec<Neighbour>) {
        self.neighbours = neighbours;
        self.asked.clear();
    }

    /// The neighbours.
    #[must_use]
    pub fn neighbours(&self) -> &[Neighbour] {
        &self.neighbours
    }

    /// The question to the neighbour of this index: where to, and the datagram.
    pub fn question(
        &mut self,
        neighbour: usize,
        nonce: Nonce,
        round: u64,
        window: Duration,
        peer: impl Iterator<Item = IpAddr>,
        now: Timestamp,
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let whom = self.neighbours.get(neighbour)?;
        let question = Question { nonce, window, addresses: peer.take(MAX_ADDRESSES).collect() };
        let datagram = whom.seal.question(&question);
        self.asked.insert(nonce, Asked { round, at: now, neighbour });
        Some((whom.address, datagram))
    }

    /// Name and address, for the record.
    #[must_use]
    pub fn via(&self, neighbour: usize) -> String {
        self.neighbours.get(neighbour).map_or_else(String::new, |n| format!("{} ({})", n.name, n.address))
    }

    /// Nothing asked before counts any more.
    pub fn forget_before(&mut self, oldest: Timestamp) {
        self.asked.retain(|_, asked| asked.at >= oldest);
    }

    /// Evidence in a datagram, with the number of its round. `None`: it is no answer to anything that was asked.
    pub fn receive(&mut self, datagram: &[u8]) -> Option<(u64, Evidence)> {
        let id: KeyId = wire::key_id(datagram)?;
        let signed_by = |n: &&Neighbour| n.seal.id() == id;
        let Answer { nonce, sight, how } = self.neighbours.iter().find(signed_by)?.seal.read_answer(datagram)?;
        let whom = self.neighbours.get(self.asked.get(&nonce)?.neighbour)?;
        if whom.seal.id() != id {
            return None;
        }
        let asked = self.asked.remove(&nonce)?;
        let name = self.via(asked.neighbour);
        let evidence = match sight {
            Sight::Seen => Evidence::Life {
                probe: ProbeKind::ThirdParty,
                sign: LifeSign::Kernel,
                via: format!("{name} sees it from elsewhere: {how}"),
            },
            Sight::CannotSee => Evidence::NeighbourCannotSee { via: name },
            Sight::CannotLook => Evidence::SendFailed {
                probe: ProbeKind::ThirdParty,
                via: name,
                error: format!("it cannot look: {how}"),
            },
        };
        Some((asked.round, evidence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker() -> (Asker, [Seal; 2]) {
        let seals = [Seal::new(&[1; 32]), Seal::new(&[2; 32])];
        let mut asker = Asker::default();
        let neighbour = |name: &str, seal: &Seal| Neighbour {
            name: name.to_owned(),
            address: "10.0.0.9:7422".parse().unwrap(),
            seal: seal.clone(),
        };
        asker.set(vec![neighbour("desk", &seals[0]), neighbour("printer", &seals[1])]);
        (asker, seals)
    }

    fn ask(asker: &mut Asker, neighbour: usize, nonce: Nonce) -> Vec<u8> {
        let peer = ["10.0.0.2".parse().unwrap()];
        let window = Duration::from_millis(20);
        asker.question(neighbour, nonce, 5, window, peer.into_iter(), Timestamp::from_millis(1)).unwrap().1
    }

    fn answer(seal: &Seal, nonce: Nonce, sight: Sight) -> Vec<u8> {
        seal.answer(&Answer { nonce, sight, how: "arp".to_owned() })
    }

    /// S23: each answer is evidence of its own kind, for the round of its question, and counts once.
    #[test]
    fn answers_become_evidence_once() {
        let (mut asker, [seal, other]) = asker();
        assert_eq!(seal.read_question(&ask(&mut asker, 0, [1; 16])).unwrap().addresses.len(), 1);
        let seen = answer(&seal, [1; 16], Sight::Seen);
        let (round, evidence) = asker.receive(&seen).unwrap();
        assert_eq!(round, 5);
        assert!(matches!(evidence, Evidence::Life { probe: ProbeKind::ThirdParty, sign: LifeSign::Kernel, ref via }
            if via.starts_with("desk (10.0.0.9:7422) sees it")));
        assert_eq!(asker.receive(&seen), None, "a replay");
        ask(&mut asker, 1, [2; 16]);
        assert_eq!(asker.receive(&answer(&seal, [2; 16], Sight::CannotSee)), None, "signed by another neighbour");
        let evidence = asker.receive(&answer(&other, [2; 16], Sight::CannotSee)).unwrap().1;
        assert_eq!(evidence, Evidence::NeighbourCannotSee { via: "printer (10.0.0.9:7422)".to_owned() });
        ask(&mut asker, 0, [3; 16]);
        assert!(matches!(
            asker.receive(&answer(&seal, [3; 16], Sight::CannotLook)),
            Some((5, Evidence::SendFailed { .. }))
        ));
    }

    /// FAULTS T2: what was never asked, or too long ago, is no evidence.
    #[test]
    fn unasked_answers_are_nothing() {
        let (mut asker, [seal, _]) = asker();
        assert_eq!(asker.receive(&answer(&seal, [9; 16], Sight::CannotSee)), None);
        ask(&mut asker, 0, [1; 16]);
        asker.forget_before(Timestamp::from_millis(2));
        assert_eq!(asker.receive(&answer(&seal, [1; 16], Sight::CannotSee)), None);
    }
}
