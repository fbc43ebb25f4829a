//! Answers neighbours: looks for the addresses they ask for with own ARP, neighbour discovery and echo, and says what it saw.
//!
//! Threading: lives in a loop (of the arbiter, or of `arbiterd --witness`); nothing here blocks. Work is bounded: authentic
//! questions only, a limit per second and at once, a handful of addresses each; what goes out is never more than a few
//! small packets per question.
//! *Invariant:* "I cannot see it" is said only after probes for it really left this machine and the time was up.
//! *Invariant:* own addresses and own hardware addresses are no sight of anybody.

use super::wire::{self, Answer, Nonce, Question, Seal, Sight};
use crate::prober::interfaces::Interface;
use crate::prober::plan;
use crate::prober::socket_set::SocketSet;
use crate::prober::sockets::{Kind, Packet};
use hotpair_types::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Questions looked into within a second, at most.
const LOOKS_PER_SECOND: u32 = 50;
/// Tags verified within a second, at most: a flood costs no more than that (FAULTS T7).
const TAGS_PER_SECOND: u32 = 1_000;
/// Looks at the same time, at most.
const LOOKS: usize = 32;
/// Nonces remembered, so that a replayed question is not looked into again.
const NONCES: usize = 512;
/// A look takes this part of the asker's window, so that the answer is there in time; in percent.
const PART: u32 = 60;
/// Shortest look.
const SHORTEST: Duration = Duration::from_millis(4);

/// Somebody who may ask.
#[derive(Clone)]
pub struct Guest {
    /// Name, for the log.
    pub name: String,
    /// The key shared with it.
    pub seal: Seal,
    /// Addresses it may have looked for; empty: any.
    pub addresses: BTreeSet<IpAddr>,
}

struct Look {
    guest: usize,
    nonce: Nonce,
    reply: Reply,
    addresses: Vec<IpAddr>,
    probes: u32,
    ends: Timestamp,
}

#[derive(Clone, Copy)]
struct Reply {
    to: SocketAddr,
    interface: u32,
    source: Option<IpAddr>,
}

/// What was answered and dropped, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Answered: seen.
    pub seen: u64,
    /// Answered: not seen.
    pub not_seen: u64,
    /// Answered: could not look.
    pub blind: u64,
    /// Not signed with a known key, or not understood.
    pub foreign: u64,
    /// Beyond a limit, or a replay.
    pub limited: u64,
}

/// Looks for others.
pub struct Lookout {
    guests: Vec<Guest>,
    excluded: BTreeSet<String>,
    looks: Vec<Look>,
    nonces: VecDeque<Nonce>,
    ident: u16,
    seq: u16,
    echoes: BTreeMap<u16, (IpAddr, Timestamp)>,
    second: (u64, u32, u32),
    counters: Counters,
}

impl Lookout {
    /// For nobody yet; `ident` marks its echoes.
    #[must_use]
    pub fn new(ident: u16) -> Self {
        Self {
            guests: Vec::new(),
            excluded: BTreeSet::new(),
            looks: Vec::new(),
            nonces: VecDeque::new(),
            ident,
            seq: 0,
            echoes: BTreeMap::new(),
            second: (0, 0, 0),
            counters: Counters::default(),
        }
    }

    /// Who may ask, and which interfaces are not used.
    pub fn set(&mut self, guests: Vec<Guest>, excluded: BTreeSet<String>) {
        self.guests = guests;
        self.excluded = excluded;
        self.looks.clear();
    }

    /// Counters for support.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// When the next look ends.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.looks.iter().map(|look| look.ends).min()
    }

    /// A question arrived.
    pub fn asked(&mut self, packet: &Packet, sockets: &SocketSet, interfaces: &[Interface], now: Timestamp) {
        let Some((guest, question)) = self.authentic(packet, now) else { return };
        if self.nonces.contains(&question.nonce) || self.second.2 >= LOOKS_PER_SECOND || self.looks.len() >= LOOKS {
            self.counters.limited = self.counters.limited.saturating_add(1);
            return;
        }
        self.second.2 = self.second.2.saturating_add(1);
        if self.nonces.len() >= NONCES {
            self.nonces.pop_front();
        }
        self.nonces.push_back(question.nonce);
        self.look(guest, &question, packet, sockets, interfaces, now);
    }

    fn authentic(&mut self, packet: &Packet, now: Timestamp) -> Option<(usize, Question)> {
        let second = now.as_nanos() / 1_000_000_000;
        if self.second.0 != second {
            self.second = (second, 0, 0);
        }
        let id = wire::key_id(&packet.bytes)?;
        let guest = self.guests.iter().position(|guest| guest.seal.id() == id);
        if guest.is_some() {
            self.second.1 = self.second.1.saturating_add(1);
            if self.second.1 > TAGS_PER_SECOND {
                self.counters.limited = self.counters.limited.saturating_add(1);
                return None;
            }
        }
        let question = guest.and_then(|at| Some((at, self.guests.get(at)?.seal.read_question(&packet.bytes)?)));
        if question.is_none() {
            self.counters.foreign = self.counters.foreign.saturating_add(1);
        }
        question
    }

    fn look(
        &mut self,
        guest: usize,
        question: &Question,
        packet: &Packet,
        sockets: &SocketSet,
        interfaces: &[Interface],
        now: Timestamp,
    ) {
        let own = |address: IpAddr| interfaces.iter().any(|i| i.addresses.iter().any(|a| a.address == address));
        let source = packet.to.filter(|to| own(*to));
        let reply = Reply { to: packet.from, interface: packet.interface, source };
        let allowed = self.guests.get(guest).map(|guest| guest.addresses.clone()).unwrap_or_default();
        let mut look = Look {
            guest,
            nonce: question.nonce,
            reply,
            addresses: Vec::new(),
            probes: 0,
            ends: now.after((question.window * PART / 100).max(SHORTEST)),
        };
        let mut obstacles = Vec::new();
        for address in &question.addresses {
            if !(allowed.is_empty() || allowed.contains(address)) {
                obstacles.push(format!("{address} is not among the addresses it may look for"));
            } else if let Some(why) = unfit(*address, own(*address)) {
                obstacles.push(format!("{address} {why}"));
            } else {
                look.probes += self.probe(*address, sockets, interfaces, now, &mut obstacles);
                look.addresses.push(*address);
            }
        }
        if look.probes == 0 {
            let why = obstacles.first().cloned().unwrap_or_else(|| "it was asked for no address".to_owned());
            self.answer(&look, Sight::CannotLook, why, sockets);
        } else {
            self.looks.push(look);
        }
    }

    /// Sends every probe for an address; how many left.
    fn probe(
        &mut self,
        address: IpAddr,
        sockets: &SocketSet,
        interfaces: &[Interface],
        now: Timestamp,
        obstacles: &mut Vec<String>,
    ) -> u32 {
        let mut sent = 0;
        for probe in plan::looking(&self.excluded, interfaces, address) {
            self.seq = self.seq.wrapping_add(1);
            match probe.what.and_then(|what| sockets.send_probe(&what, (self.ident, self.seq))) {
                Ok(()) => {
                    sent += 1;
                    self.echoes.insert(self.seq, (address, now));
                }
                Err(why) => obstacles.push(why),
            }
        }
        sent
    }

    /// An echo came back.
    pub fn echo(&mut self, ident: u16, seq: u16, from: IpAddr, sockets: &SocketSet) {
        if ident == self.ident && self.echoes.get(&seq).is_some_and(|(address, _)| *address == from) {
            self.echoes.remove(&seq);
            self.heard(from, "echo", sockets);
        }
    }

    /// Somebody answered for an address that may have been looked for (not this machine itself).
    pub fn heard(&mut self, address: IpAddr, how: &str, sockets: &SocketSet) {
        let (found, rest) = std::mem::take(&mut self.looks).into_iter().partition(|l| l.addresses.contains(&address));
        self.looks = rest;
        let found: Vec<Look> = found;
        for look in found {
            self.answer(&look, Sight::Seen, format!("{address} answered {how}"), sockets);
        }
    }

    /// Ends the looks whose time is up.
    pub fn tick(&mut self, sockets: &SocketSet, now: Timestamp) {
        let (over, rest) = std::mem::take(&mut self.looks).into_iter().partition(|look| look.ends <= now);
        self.looks = rest;
        let over: Vec<Look> = over;
        for look in over {
            self.answer(&look, Sight::CannotSee, format!("{} probes without an answer", look.probes), sockets);
        }
        self.echoes.retain(|_, (_, at)| now.since(*at) < Duration::from_secs(10));
    }

    fn answer(&mut self, look: &Look, sight: Sight, how: String, sockets: &SocketSet) {
        let Some(guest) = self.guests.get(look.guest) else { return };
        tracing::debug!(guest = %guest.name, ?sight, how, "a neighbour asked");
        let counter = match sight {
            Sight::Seen => &mut self.counters.seen,
            Sight::CannotSee => &mut self.counters.not_seen,
            Sight::CannotLook => &mut self.counters.blind,
        };
        *counter = counter.saturating_add(1);
        let datagram = guest.seal.answer(&Answer { nonce: look.nonce, sight, how });
        let Reply { to, interface, source } = look.reply;
        if let Err(error) = sockets.send_datagram(to, interface, source, &datagram) {
            tracing::debug!(%error, %to, "a neighbour's question could not be answered");
        }
    }
}

/// Whether a packet is one for a lookout or an asker.
#[must_use]
pub fn is_ours(packet: &Packet) -> bool {
    matches!(packet.kind, Kind::Ask4 | Kind::Ask6) && wire::is_ours(&packet.bytes)
}

fn unfit(address: IpAddr, own: bool) -> Option<&'static str> {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if own {
        Some("is its own address")
    } else if address.is_multicast() || address.is_unspecified() || address.is_loopback() || broadcast {
        Some("is no machine's address")
    } else {
        None
    }
}
