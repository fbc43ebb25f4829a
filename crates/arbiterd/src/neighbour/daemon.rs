//! `arbiterd --witness`: a process on a third machine that does nothing but look, when a pair's node asks.
//!
//! No state, no decision, no other privilege than raw sockets. One loop: packets, interfaces, deadlines of looks, signals.

use super::file::{self, WitnessFile};
use super::lookout::{self, Lookout};
use super::wire;
use crate::prober::interfaces::{Interface, Watcher};
use crate::prober::packets::{self, Icmp6, Mac, mac_text};
use crate::prober::socket_set::{Deliver, SocketSet, random};
use crate::prober::sockets::{Kind, Packet};
use anyhow::Context;
use hotpair_runtime::args::DaemonArgs;
use hotpair_runtime::clock::{self, BootTimer};
use hotpair_runtime::notify;
use hotpair_runtime::signals::Signals;
use hotpair_types::Timestamp;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Packets on their way to the loop.
const PACKETS: usize = 1_024;
/// The loop wakes at least so often: housekeeping and the service manager's watchdog.
const TICK: Duration = Duration::from_secs(1);

/// Runs until the process is told to stop.
///
/// # Errors
/// When there can be no socket at all, or no timer.
pub async fn serve(args: &DaemonArgs, file: WitnessFile) -> anyhow::Result<()> {
    let signals = Signals::install().context("signal handlers")?;
    let (packets, mut inbox) = mpsc::channel(PACKETS);
    let deliver: Deliver = Arc::new(move |packet| packets.try_send(packet).is_ok());
    let mut witness = Witness::new(file, deliver);
    if let Some(trouble) = witness.deaf() {
        anyhow::bail!("questions cannot be heard: {trouble}");
    }
    let mut watcher = Watcher::connect().context("the kernel's list of interfaces")?;
    witness.interfaces = watcher.read().await.map_err(anyhow::Error::msg)?;
    let (stop, mut reload) = (signals.stop(), signals.reload());
    let mut timer = BootTimer::new()?;
    let mut tick = clock::now().after(TICK);
    notify::ready("answering neighbours");
    tracing::info!(pairs = witness.file.guests.len(), port = witness.file.port, "arbiterd --witness runs");
    loop {
        timer.set(Some(witness.lookout.deadline().map_or(tick, |deadline| deadline.min(tick))))?;
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            packet = inbox.recv() => if let Some(packet) = packet { witness.receive(&packet, clock::now()) },
            expired = timer.expired() => expired?,
            same = watcher.changed() => {
                if !same {
                    // The service manager starts it anew, with a new connection to the kernel.
                    anyhow::bail!("the connection to the kernel's list of interfaces is lost");
                }
                match watcher.read().await {
                    Ok(interfaces) => witness.interfaces = interfaces,
                    Err(error) => tracing::warn!(%error, "the interfaces known before stay"),
                }
            }
            changed = reload.changed() => if changed.is_ok() {
                match file::load(&args.config) {
                    Ok(file) => witness.configure(file),
                    Err(wrong) => tracing::error!("the new configuration is wrong; the one in force stays:\n{wrong}"),
                }
            },
        }
        let now = clock::now();
        if now >= tick {
            tick = now.after(TICK);
            witness.sockets.tick(now);
            notify::watchdog();
        }
        witness.lookout.tick(&witness.sockets, now);
    }
    let counters = witness.lookout.counters();
    tracing::info!(?counters, "stopping");
    notify::stopping("stopping");
    Ok(())
}

struct Witness {
    file: WitnessFile,
    sockets: SocketSet,
    lookout: Lookout,
    interfaces: Vec<Interface>,
}

impl Witness {
    fn new(file: WitnessFile, deliver: Deliver) -> Self {
        let sockets = SocketSet::new(file.port, deliver, clock::now());
        let lookout = Lookout::new(random::<2>().map_or(0x4857, u16::from_be_bytes));
        let mut this = Self { file: file.clone(), sockets, lookout, interfaces: Vec::new() };
        this.configure(file);
        this
    }

    fn configure(&mut self, file: WitnessFile) {
        self.sockets.set_port(file.port);
        self.lookout.set(file.guests.clone(), file.excluded.clone());
        self.file = file;
    }

    /// Why no question can be heard, over neither IPv4 nor IPv6.
    fn deaf(&self) -> Option<String> {
        let mut troubles = self.sockets.troubles().filter(|(kind, _)| matches!(kind, Kind::Ask4 | Kind::Ask6));
        let first = troubles.next().map(|(_, why)| why.to_owned());
        troubles.next().and(first)
    }

    fn receive(&mut self, packet: &Packet, now: Timestamp) {
        match packet.kind {
            Kind::Ask4 | Kind::Ask6 => {
                let to_us = self.file.address.is_none_or(|own| packet.to == Some(own));
                if to_us && lookout::is_ours(packet) && wire::is_question(&packet.bytes) {
                    self.lookout.asked(packet, &self.sockets, &self.interfaces, now);
                }
            }
            Kind::Arp => {
                if let Some((mac, address)) = packets::parse_arp_reply(&packet.bytes) {
                    self.neighbour(IpAddr::V4(address), Some(mac));
                }
            }
            Kind::Icmp4 => {
                if let Some((ident, seq)) = packets::parse_echo4(&packet.bytes) {
                    self.echo(ident, seq, packet.from.ip());
                }
            }
            Kind::Icmp6 => match packets::parse_icmp6(&packet.bytes) {
                Some(Icmp6::Echo(ident, seq)) => self.echo(ident, seq, packet.from.ip()),
                // Anything but 255 came across a router and is forged (RFC 4861, 7.1.2).
                Some(Icmp6::Neighbour(target, mac)) if packet.hops == Some(255) => {
                    self.neighbour(IpAddr::V6(target), mac);
                }
                _ => {}
            },
        }
    }

    fn echo(&mut self, ident: u16, seq: u16, from: IpAddr) {
        if !self.is_own(from) {
            self.lookout.echo(ident, seq, from, &self.sockets);
        }
    }

    fn neighbour(&mut self, address: IpAddr, mac: Option<Mac>) {
        let own_mac = mac.is_some_and(|mac| self.interfaces.iter().any(|i| i.mac == Some(mac)));
        if !own_mac && !self.is_own(address) {
            let how = mac.map_or_else(|| "nd".to_owned(), |mac| format!("by {}", mac_text(mac)));
            self.lookout.heard(address, &how, &self.sockets);
        }
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.interfaces.iter().any(|i| i.addresses.iter().any(|a| a.address == address))
    }
}
