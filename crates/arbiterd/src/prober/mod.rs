//! The safety check's IO (S23): asks everybody who could know, at once, and reports what comes back. It judges nothing.
//!
//! Threading: lives in the loop. Sending is synchronous and never blocks; a task per socket receives and hands packets
//! to the loop. A round is sent completely before anything else happens, in well under a millisecond.
//! *Invariant:* an answer counts for the round whose question it answers (by nonce or sequence number); answers of ARP
//! and neighbour discovery carry neither and count for the newest round that asked for that address.
//! *Invariant:* nothing this node says itself counts as a sign of the peer: own hardware addresses, own addresses and own
//! frames are left out.

pub mod interfaces;
pub mod packets;
pub mod plan;
pub mod question;
pub mod socket_set;
pub mod sockets;

use crate::neighbour::asker::{Asker, Neighbour};
use crate::neighbour::lookout::{self, Guest, Lookout};
use crate::neighbour::wire;
use arbiter_core::io::Input;
use hotpair_config::model::Config;
use hotpair_runtime::clock;
use hotpair_types::{Advert, Evidence, LifeSign, NetworkSelfTest, NodeId, ProbeKind, Timestamp};
use interfaces::Interface;
use packets::{Icmp6, Mac, mac_text};
use plan::{Probe, Targets, What};
use question::{Heard, Nonce, Signer};
pub use socket_set::Deliver;
use socket_set::{SocketSet, random, socket_address};
use sockets::{Destination, Kind, Packet};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A question can be answered for so long: a starved peer is slow, and slow is not dead.
const ANSWERABLE: Duration = Duration::from_secs(10);
/// The peer's hardware addresses are learnt anew so often while it is heard.
const LEARN_EVERY: Duration = Duration::from_secs(60);
/// Answers given at most within a second: questions are signed, but may be replayed.
const ANSWERS_PER_SECOND: u32 = 200;

/// What arrived and was dropped, since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// By reason.
    pub dropped: BTreeMap<question::Drop, u64>,
    /// Signed questions of the peer that were answered.
    pub answered: u64,
    /// Signed questions of the peer beyond the limit.
    pub limited: u64,
    /// Adverts in answers that were not understood.
    pub bad_adverts: u64,
}

/// A question that was asked.
#[derive(Debug, Clone)]
struct Asked {
    round: u64,
    at: Timestamp,
    probe: ProbeKind,
    address: IpAddr,
    via: String,
}

/// The prober.
pub struct Prober {
    targets: Targets,
    port: u16,
    /// A round's answers count within this time.
    window: Duration,
    signer: Signer,
    sockets: SocketSet,
    asker: Asker,
    lookout: Lookout,
    interfaces: Vec<Interface>,
    advert: Option<Advert>,
    /// Echo identity of this run.
    ident: u16,
    seq: u16,
    by_nonce: BTreeMap<Nonce, Asked>,
    by_seq: BTreeMap<u16, Asked>,
    by_address: BTreeMap<IpAddr, Asked>,
    known_macs: BTreeMap<IpAddr, Mac>,
    learnt_at: Option<Timestamp>,
    peer_healthy: bool,
    answer_second: (u64, u32),
    counters: Counters,
}

impl Prober {
    /// Opens every socket. One that cannot be opened is a fact for the rounds, not an end.
    #[must_use]
    pub fn new(config: &Config, node: NodeId, deliver: Deliver, now: Timestamp) -> Self {
        let port = config.safety_check.port;
        let ident = random::<2>().map_or(0x4850, u16::from_be_bytes);
        let mut this = Self {
            targets: Targets::of(config, node),
            port,
            window: config.safety_check.window,
            signer: Signer::new(config.pair.key.bytes(), config.pair.id, node),
            sockets: SocketSet::new(port, deliver, now),
            asker: Asker::default(),
            // Its echoes are told from the round's own by their ident.
            lookout: Lookout::new(ident.wrapping_add(1)),
            interfaces: Vec::new(),
            advert: None,
            ident,
            seq: 0,
            by_nonce: BTreeMap::new(),
            by_seq: BTreeMap::new(),
            by_address: BTreeMap::new(),
            known_macs: BTreeMap::new(),
            learnt_at: None,
            peer_healthy: false,
            answer_second: (0, 0),
            counters: Counters::default(),
        };
        this.set_neighbours(config);
        this
    }

    /// Takes a new configuration.
    pub fn reconfigure(&mut self, config: &Config, node: NodeId) {
        self.targets = Targets::of(config, node);
        self.signer = Signer::new(config.pair.key.bytes(), config.pair.id, node);
        self.port = config.safety_check.port;
        self.window = config.safety_check.window;
        self.sockets.set_port(self.port);
        self.set_neighbours(config);
    }

    /// Neighbours are mutual: whom this node asks may ask it, with the same key.
    fn set_neighbours(&mut self, config: &Config) {
        let neighbours = neighbours_of(config);
        let guest = |n: &Neighbour| Guest { name: n.name.clone(), seal: n.seal.clone(), addresses: BTreeSet::new() };
        self.lookout.set(neighbours.iter().map(guest).collect(), self.targets.excluded.clone());
        self.asker.set(neighbours);
    }

    /// The interfaces as they are now.
    pub fn set_interfaces(&mut self, interfaces: Vec<Interface>) {
        self.interfaces = interfaces;
    }

    /// What signed questions are answered with.
    pub fn set_advert(&mut self, advert: Advert) {
        self.advert = Some(advert);
    }

    /// Whether the peer is heard: then its hardware addresses may be learnt.
    pub fn set_peer_healthy(&mut self, healthy: bool, now: Timestamp) {
        if healthy && !self.peer_healthy {
            self.learnt_at = None;
        }
        self.peer_healthy = healthy;
        self.tick(now);
    }

    /// Housekeeping, each second or so.
    pub fn tick(&mut self, now: Timestamp) {
        self.sockets.tick(now);
        self.lookout.tick(&self.sockets, now);
        let due = self.learnt_at.is_none_or(|at| now >= at.after(LEARN_EVERY));
        if self.peer_healthy && due && !self.interfaces.is_empty() {
            self.learnt_at = Some(now);
            for probe in plan::learning(&self.targets, &self.interfaces) {
                // What cannot be learnt now is learnt another time; no evidence depends on it.
                if let Ok(what) = probe.what {
                    drop(self.send(&what, None));
                }
            }
        }
    }

    /// Counters for support.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Hardware addresses known from healthy days.
    #[must_use]
    pub const fn known_macs(&self) -> &BTreeMap<IpAddr, Mac> {
        &self.known_macs
    }

    /// This node's own connection, for the start of a round.
    #[must_use]
    pub fn self_test(&self) -> NetworkSelfTest {
        self.targets.self_test(&self.interfaces)
    }

    /// Sends every probe of a round; returns the evidence of what could and what could not be sent.
    pub fn send_round(&mut self, round: u64) -> Vec<Input> {
        let now = clock::now();
        self.forget_before(now.before(ANSWERABLE));
        let probes = plan::plan(&self.targets, &self.interfaces);
        let mut evidence = Vec::with_capacity(probes.len());
        for probe in probes {
            let Probe { kind, what, via } = probe;
            let sent = what.and_then(|what| {
                let asked = Asked { round, at: now, probe: kind, address: address_of(&what), via: via.clone() };
                self.send(&what, Some(asked))
            });
            let evidence_of = match sent {
                Ok(()) => Evidence::Sent { probe: kind, via },
                Err(error) => Evidence::SendFailed { probe: kind, via, error },
            };
            evidence.push(Input::Evidence { round, evidence: evidence_of });
        }
        evidence.extend(self.ask_neighbours(round, now));
        evidence
    }

    /// Asks every neighbour, at the same moment as everybody else.
    fn ask_neighbours(&mut self, round: u64, now: Timestamp) -> Vec<Input> {
        let probe = ProbeKind::ThirdParty;
        let peer: Vec<IpAddr> = self.targets.peer.iter().map(|(address, _)| *address).collect();
        let mut inputs = Vec::new();
        for neighbour in 0..self.asker.neighbours().len() {
            let via = self.asker.via(neighbour);
            let sent = random::<16>().ok_or_else(|| "no random numbers".to_owned()).and_then(|nonce| {
                let window = self.window;
                let question = self.asker.question(neighbour, nonce, round, window, peer.iter().copied(), now);
                let (to, datagram) = question.ok_or_else(|| "no such neighbour".to_owned())?;
                self.sockets.send_datagram(to, 0, None, &datagram)
            });
            let evidence = match sent {
                Ok(()) => Evidence::Sent { probe, via },
                Err(error) => Evidence::SendFailed { probe, via, error },
            };
            inputs.push(Input::Evidence { round, evidence });
        }
        inputs
    }

    /// When [`Prober::tick`] has something to do at the latest: a neighbour waits for an answer.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.lookout.deadline()
    }

    /// Nothing more is asked: late answers count no more.
    pub fn stop(&mut self) {
        self.by_nonce.clear();
        self.by_seq.clear();
        self.by_address.clear();
        self.asker.forget_before(Timestamp::MAX);
    }

    fn forget_before(&mut self, oldest: Timestamp) {
        self.by_nonce.retain(|_, asked| asked.at >= oldest);
        self.by_seq.retain(|_, asked| asked.at >= oldest);
        self.by_address.retain(|_, asked| asked.at >= oldest);
        self.asker.forget_before(oldest);
    }

    /// Sends one probe. Without `asked` it is no part of a round.
    fn send(&mut self, what: &What, asked: Option<Asked>) -> Result<(), String> {
        match *what {
            What::Ask { to, interface, source } => {
                let nonce = random::<16>().ok_or("no random numbers")?;
                let datagram = self.signer.question(nonce);
                let to = socket_address(to, self.port, interface);
                self.sockets.send_datagram(to, interface, source, &datagram)?;
                self.by_nonce.extend(asked.map(|asked| (nonce, asked)));
            }
            What::Arp { .. } | What::Neighbour { .. } => {
                self.sockets.send_probe(what, (0, 0))?;
                self.by_address.extend(asked.map(|asked| (address_of(what), asked)));
            }
            What::Echo { .. } => {
                self.seq = self.seq.wrapping_add(1);
                self.sockets.send_probe(what, (self.ident, self.seq))?;
                self.by_seq.extend(asked.map(|asked| (self.seq, asked)));
            }
        }
        Ok(())
    }

    /// What a packet means; answers a question of the peer on the way.
    pub fn receive(&mut self, packet: &Packet, now: Timestamp) -> Vec<Input> {
        match packet.kind {
            Kind::Ask4 | Kind::Ask6 if lookout::is_ours(packet) => self.on_neighbours_word(packet, now),
            Kind::Ask4 | Kind::Ask6 => self.on_signed(packet, now),
            Kind::Arp => match packets::parse_arp_reply(&packet.bytes) {
                Some((mac, address)) => self.on_neighbour(IpAddr::V4(address), Some(mac), packet.interface),
                None => Vec::new(),
            },
            Kind::Icmp4 => match packets::parse_echo4(&packet.bytes) {
                Some((ident, seq)) => self.on_echo(ident, seq, packet.from.ip()),
                None => Vec::new(),
            },
            Kind::Icmp6 => match packets::parse_icmp6(&packet.bytes) {
                Some(Icmp6::Echo(ident, seq)) => self.on_echo(ident, seq, packet.from.ip()),
                // Anything but 255 came across a router and is forged (RFC 4861, 7.1.2).
                Some(Icmp6::Neighbour(target, mac)) if packet.hops == Some(255) => {
                    self.on_neighbour(IpAddr::V6(target), mac, packet.interface)
                }
                _ => Vec::new(),
            },
        }
    }

    /// A neighbour asks, or answers.
    fn on_neighbours_word(&mut self, packet: &Packet, now: Timestamp) -> Vec<Input> {
        if wire::is_question(&packet.bytes) {
            self.lookout.asked(packet, &self.sockets, &self.interfaces, now);
            return Vec::new();
        }
        let answer = self.asker.receive(&packet.bytes);
        answer.map(|(round, evidence)| Input::Evidence { round, evidence }).into_iter().collect()
    }

    fn on_signed(&mut self, packet: &Packet, now: Timestamp) -> Vec<Input> {
        match self.signer.read(&packet.bytes, now) {
            Err(reason) => {
                let count = self.counters.dropped.entry(reason).or_default();
                *count = count.saturating_add(1);
                Vec::new()
            }
            Ok(Heard::Question(nonce)) => {
                self.answer(nonce, packet, now);
                Vec::new()
            }
            Ok(Heard::Answer { nonce, advert }) => {
                // Taken out: an answer counts once.
                let Some(asked) = self.by_nonce.remove(&nonce) else { return Vec::new() };
                let via = format!("{}, answered by {}", asked.via, packet.from.ip());
                let sign = Evidence::Life { probe: asked.probe, sign: LifeSign::Software, via };
                let mut inputs = vec![Input::Evidence { round: asked.round, evidence: sign }];
                match advert {
                    Some(Ok(advert)) => inputs.push(Input::PeerAnswered(advert)),
                    Some(Err(error)) => {
                        self.counters.bad_adverts = self.counters.bad_adverts.saturating_add(1);
                        tracing::debug!(%error, "the state in the peer's answer is not understood");
                    }
                    None => {}
                }
                inputs
            }
        }
    }

    fn answer(&mut self, nonce: Nonce, packet: &Packet, now: Timestamp) {
        let second = now.as_nanos() / 1_000_000_000;
        if self.answer_second.0 != second {
            self.answer_second = (second, 0);
        }
        self.answer_second.1 = self.answer_second.1.saturating_add(1);
        if self.answer_second.1 > ANSWERS_PER_SECOND {
            self.counters.limited = self.counters.limited.saturating_add(1);
            return;
        }
        // From the address that was asked, so that it passes the asker's routing; a broadcast has no such address.
        let source = packet.to.filter(|to| self.is_own_address(*to));
        let to = Destination { to: packet.from, interface: packet.interface, source };
        let datagram = self.signer.answer(nonce, self.advert.as_ref(), now);
        match self.sockets.get(packet.kind).map(|socket| socket.send(to, &datagram)) {
            Ok(Ok(())) => self.counters.answered = self.counters.answered.saturating_add(1),
            Ok(Err(error)) => tracing::debug!(%error, to = %packet.from, "a signed question could not be answered"),
            Err(error) => tracing::debug!(%error, "a signed question could not be answered"),
        }
    }

    fn on_echo(&mut self, ident: u16, seq: u16, from: IpAddr) -> Vec<Input> {
        if !self.is_own_address(from) {
            self.lookout.echo(ident, seq, from, &self.sockets);
        }
        let asked = self.by_seq.get(&seq).filter(|asked| ident == self.ident && asked.address == from).cloned();
        match asked {
            Some(asked) if !self.is_own_address(from) => {
                self.by_seq.remove(&seq);
                vec![sign_of(&asked, None)]
            }
            _ => Vec::new(),
        }
    }

    fn on_neighbour(&mut self, address: IpAddr, mac: Option<Mac>, interface: u32) -> Vec<Input> {
        if self.is_own_address(address) || mac.is_some_and(|mac| self.is_own_mac(mac)) {
            return Vec::new();
        }
        let how = mac.map_or_else(|| "nd".to_owned(), |mac| format!("by {}", mac_text(mac)));
        self.lookout.heard(address, &how, &self.sockets);
        let is_peer = self.targets.peer.iter().any(|(peer, _)| *peer == address);
        let note = mac.map(|mac| match self.known_macs.get(&address) {
            Some(known) if *known == mac => format!("by {}, as known", mac_text(mac)),
            Some(known) => format!("by {}, which is not the known {}", mac_text(mac), mac_text(*known)),
            None => format!("by {}", mac_text(mac)),
        });
        if let Some(mac) = mac.filter(|_| is_peer && self.peer_healthy) {
            self.known_macs.insert(address, mac);
        }
        let asked = self.by_address.get(&address);
        tracing::trace!(%address, interface, ?asked, "a neighbour answered");
        asked.map(|asked| sign_of(asked, note.as_deref())).into_iter().collect()
    }

    fn is_own_address(&self, address: IpAddr) -> bool {
        self.interfaces.iter().any(|i| i.addresses.iter().any(|a| a.address == address))
    }

    fn is_own_mac(&self, mac: Mac) -> bool {
        self.interfaces.iter().any(|i| i.mac == Some(mac))
    }
}

fn sign_of(asked: &Asked, note: Option<&str>) -> Input {
    let via = note.map_or_else(|| asked.via.clone(), |note| format!("{}, answered {note}", asked.via));
    let evidence = match asked.probe {
        ProbeKind::Reference => Evidence::ReferenceAnswered { via },
        ProbeKind::VirtualAddress => Evidence::Life { probe: asked.probe, sign: LifeSign::Serving, via },
        probe => Evidence::Life { probe, sign: LifeSign::Kernel, via },
    };
    Input::Evidence { round: asked.round, evidence }
}

const fn address_of(what: &What) -> IpAddr {
    match *what {
        What::Ask { to, .. } | What::Echo { to, .. } => to,
        What::Arp { target, .. } => IpAddr::V4(target),
        What::Neighbour { target, .. } => IpAddr::V6(target),
    }
}

/// The configuration's neighbours, as they are asked.
fn neighbours_of(config: &Config) -> Vec<Neighbour> {
    let neighbour = |n: &hotpair_config::model::Neighbour| Neighbour {
        name: n.name.clone(),
        address: SocketAddr::new(n.address, n.port),
        seal: wire::Seal::new(n.key.bytes()),
    };
    config.neighbours.iter().map(neighbour).collect()
}
