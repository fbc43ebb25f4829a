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
pub mod sockets;

use arbiter_core::io::Input;
use hotpair_config::model::Config;
use hotpair_runtime::clock;
use hotpair_types::{Advert, Evidence, LifeSign, NetworkSelfTest, NodeId, ProbeKind, Timestamp};
use interfaces::Interface;
use packets::{Icmp6, Mac, mac_text};
use plan::{Probe, Targets, What};
use question::{Heard, MAX_DATAGRAM, Nonce, Signer};
use sockets::{Destination, Kind, Packet, ProbeSocket};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A question can be answered for so long: a starved peer is slow, and slow is not dead.
const ANSWERABLE: Duration = Duration::from_secs(10);
/// The peer's hardware addresses are learnt anew so often while it is heard.
const LEARN_EVERY: Duration = Duration::from_secs(60);
/// A socket that could not be opened is tried again so often.
const REOPEN_EVERY: Duration = Duration::from_secs(10);
/// Answers given at most within a second: questions are signed, but may be replayed.
const ANSWERS_PER_SECOND: u32 = 200;
/// Pause after a failed receive, which may fail again at once.
const RECEIVE_RETRY: Duration = Duration::from_millis(50);

/// Receives packets of the sockets' tasks. Must not block; `false`: there is no room, the packet is dropped.
pub type Deliver = std::sync::Arc<dyn Fn(Packet) -> bool + Send + Sync>;

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
    signer: Signer,
    sockets: BTreeMap<Kind, Result<(ProbeSocket, JoinHandle<()>), String>>,
    deliver: Deliver,
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
    reopened_at: Timestamp,
    peer_healthy: bool,
    answer_second: (u64, u32),
    counters: Counters,
}

impl Drop for Prober {
    fn drop(&mut self) {
        for (_, receiver) in self.sockets.values().flatten() {
            receiver.abort();
        }
    }
}

impl Prober {
    /// Opens every socket. One that cannot be opened is a fact for the rounds, not an end.
    #[must_use]
    pub fn new(config: &Config, node: NodeId, deliver: Deliver, now: Timestamp) -> Self {
        let mut this = Self {
            targets: Targets::of(config, node),
            port: config.safety_check.port,
            signer: Signer::new(config.pair.key.bytes(), config.pair.id, node),
            sockets: BTreeMap::new(),
            deliver,
            interfaces: Vec::new(),
            advert: None,
            ident: random::<2>().map_or(0x4850, u16::from_be_bytes),
            seq: 0,
            by_nonce: BTreeMap::new(),
            by_seq: BTreeMap::new(),
            by_address: BTreeMap::new(),
            known_macs: BTreeMap::new(),
            learnt_at: None,
            reopened_at: now,
            peer_healthy: false,
            answer_second: (0, 0),
            counters: Counters::default(),
        };
        this.open_missing();
        this
    }

    /// Takes a new configuration.
    pub fn reconfigure(&mut self, config: &Config, node: NodeId) {
        self.targets = Targets::of(config, node);
        self.signer = Signer::new(config.pair.key.bytes(), config.pair.id, node);
        if self.port != config.safety_check.port {
            self.port = config.safety_check.port;
            for kind in [Kind::Ask4, Kind::Ask6] {
                if let Some(Ok((_, receiver))) = self.sockets.remove(&kind) {
                    receiver.abort();
                }
            }
        }
        self.open_missing();
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
        let broken = self.sockets.values().any(|s| s.as_ref().map_or(true, |(_, task)| task.is_finished()));
        if broken && now >= self.reopened_at.after(REOPEN_EVERY) {
            self.reopened_at = now;
            self.open_missing();
        }
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
        evidence
    }

    /// Nothing more is asked: late answers count no more.
    pub fn stop(&mut self) {
        self.by_nonce.clear();
        self.by_seq.clear();
        self.by_address.clear();
    }

    fn forget_before(&mut self, oldest: Timestamp) {
        self.by_nonce.retain(|_, asked| asked.at >= oldest);
        self.by_seq.retain(|_, asked| asked.at >= oldest);
        self.by_address.retain(|_, asked| asked.at >= oldest);
    }

    /// Sends one probe. Without `asked` it is no part of a round.
    fn send(&mut self, what: &What, asked: Option<Asked>) -> Result<(), String> {
        match *what {
            What::Ask { to, interface, source } => {
                let nonce = random::<16>().ok_or("no random numbers")?;
                let kind = if to.is_ipv4() { Kind::Ask4 } else { Kind::Ask6 };
                let to = Destination { to: socket_address(to, self.port, interface), interface, source };
                let datagram = self.signer.question(nonce);
                self.socket(kind)?.send(to, &datagram).map_err(|error| error.to_string())?;
                self.by_nonce.extend(asked.map(|asked| (nonce, asked)));
            }
            What::Arp { target, interface, mac, sender } => {
                let packet = packets::arp_request(mac, sender, target);
                self.socket(Kind::Arp)?.send_arp(interface, &packet).map_err(|error| error.to_string())?;
                self.by_address.extend(asked.map(|asked| (IpAddr::V4(target), asked)));
            }
            What::Neighbour { target, interface, mac } => {
                let packet = packets::neighbour_solicitation(target, mac);
                let group = IpAddr::V6(packets::solicited_node(target));
                let to = Destination { to: socket_address(group, 0, interface), interface, source: None };
                self.socket(Kind::Icmp6)?.send(to, &packet).map_err(|error| error.to_string())?;
                self.by_address.extend(asked.map(|asked| (IpAddr::V6(target), asked)));
            }
            What::Echo { to, interface } => {
                self.seq = self.seq.wrapping_add(1);
                let (kind, packet) = match to {
                    IpAddr::V4(_) => (Kind::Icmp4, packets::echo4(self.ident, self.seq)),
                    IpAddr::V6(_) => (Kind::Icmp6, packets::echo6(self.ident, self.seq)),
                };
                let to = Destination { to: socket_address(to, 0, interface), interface, source: None };
                self.socket(kind)?.send(to, &packet).map_err(|error| error.to_string())?;
                self.by_seq.extend(asked.map(|asked| (self.seq, asked)));
            }
        }
        Ok(())
    }

    fn socket(&self, kind: Kind) -> Result<&ProbeSocket, String> {
        match self.sockets.get(&kind) {
            Some(Ok((socket, _))) => Ok(socket),
            Some(Err(error)) => Err(error.clone()),
            None => Err("the socket is not open".to_owned()),
        }
    }

    /// What a packet means; answers a question of the peer on the way.
    pub fn receive(&mut self, packet: &Packet, now: Timestamp) -> Vec<Input> {
        match packet.kind {
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
        match self.socket(packet.kind).map(|socket| socket.send(to, &datagram)) {
            Ok(Ok(())) => self.counters.answered = self.counters.answered.saturating_add(1),
            Ok(Err(error)) => tracing::debug!(%error, to = %packet.from, "a signed question could not be answered"),
            Err(error) => tracing::debug!(%error, "a signed question could not be answered"),
        }
    }

    fn on_echo(&mut self, ident: u16, seq: u16, from: IpAddr) -> Vec<Input> {
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

    fn open_missing(&mut self) {
        for kind in Kind::ALL {
            if let Some(Ok((_, receiver))) = self.sockets.get(&kind)
                && !receiver.is_finished()
            {
                continue;
            }
            let opened = ProbeSocket::open(kind, self.port)
                .map(|socket| {
                    let receiver = tokio::spawn(receive(socket.clone(), self.deliver.clone()));
                    (socket, receiver)
                })
                .map_err(|error| explain(kind, self.port, &error));
            if let Err(error) = &opened
                && !matches!(self.sockets.get(&kind), Some(Err(_)))
            {
                tracing::warn!(%error, "a probe of the safety check cannot be used");
            }
            self.sockets.insert(kind, opened);
        }
    }
}

async fn receive(socket: ProbeSocket, deliver: Deliver) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        match socket.receive(&mut buffer).await {
            Ok(packet) => {
                if !deliver(packet) {
                    tracing::debug!("a packet of the safety check is dropped: the loop is behind");
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a socket of the safety check reports an error");
                // An interface that goes away reports so on sockets that stay good; errors at full speed are of no use.
                tokio::time::sleep(RECEIVE_RETRY).await;
            }
        }
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

/// With the scope a link-local or multicast IPv6 address needs.
fn socket_address(address: IpAddr, port: u16, interface: u32) -> SocketAddr {
    match address {
        IpAddr::V4(v4) => SocketAddr::V4(SocketAddrV4::new(v4, port)),
        IpAddr::V6(v6) => {
            let scope = if needs_scope(v6) { interface } else { 0 };
            SocketAddr::V6(SocketAddrV6::new(v6, port, 0, scope))
        }
    }
}

fn needs_scope(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address.is_multicast()
}

/// `N` random bytes; `None` only on a kernel without getrandom(2).
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).ok()?;
    (got == N).then_some(bytes)
}

fn explain(kind: Kind, port: u16, error: &io::Error) -> String {
    match (kind, error.kind()) {
        (Kind::Ask4 | Kind::Ask6, io::ErrorKind::AddrInUse) => {
            format!("UDP port {port} is taken by another program: choose another safety_check.port ({error})")
        }
        (Kind::Ask6 | Kind::Icmp6, _) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
            format!("this kernel has no IPv6 ({error})")
        }
        (_, io::ErrorKind::PermissionDenied) => format!("arbiterd lacks the capability CAP_NET_RAW ({error})"),
        _ => format!("the socket cannot be opened: {error}"),
    }
}
