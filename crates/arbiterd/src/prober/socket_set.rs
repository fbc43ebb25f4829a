//! The sockets of the safety check as one set: opened at the start, reopened when they break, used for every kind of probe.
//!
//! Threading: lives in a loop; a task per socket receives and hands packets on. Sending never blocks.

use super::packets;
use super::plan::What;
use super::question::MAX_DATAGRAM;
use super::sockets::{Destination, Kind, Packet, ProbeSocket};
use hotpair_types::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A socket that could not be opened is tried again so often.
const REOPEN_EVERY: Duration = Duration::from_secs(10);
/// Pause after a failed receive, which may fail again at once.
const RECEIVE_RETRY: Duration = Duration::from_millis(50);

/// Receives packets of the sockets' tasks. Must not block; `false`: there is no room, the packet is dropped.
pub type Deliver = std::sync::Arc<dyn Fn(Packet) -> bool + Send + Sync>;

/// The sockets.
pub struct SocketSet {
    port: u16,
    sockets: BTreeMap<Kind, Result<(ProbeSocket, JoinHandle<()>), String>>,
    deliver: Deliver,
    reopened_at: Timestamp,
}

impl Drop for SocketSet {
    fn drop(&mut self) {
        for (_, receiver) in self.sockets.values().flatten() {
            receiver.abort();
        }
    }
}

impl SocketSet {
    /// Opens every socket; questions are heard on `port`. One that cannot be opened is a fact for those who use it, not an end.
    #[must_use]
    pub fn new(port: u16, deliver: Deliver, now: Timestamp) -> Self {
        let mut this = Self { port, sockets: BTreeMap::new(), deliver, reopened_at: now };
        this.open_missing();
        this
    }

    /// Hears questions on another port.
    pub fn set_port(&mut self, port: u16) {
        if self.port != port {
            self.port = port;
            for kind in [Kind::Ask4, Kind::Ask6] {
                if let Some(Ok((_, receiver))) = self.sockets.remove(&kind) {
                    receiver.abort();
                }
            }
        }
        self.open_missing();
    }

    /// Opens broken sockets anew, every now and then.
    pub fn tick(&mut self, now: Timestamp) {
        let broken = self.sockets.values().any(|s| s.as_ref().map_or(true, |(_, task)| task.is_finished()));
        if broken && now >= self.reopened_at.after(REOPEN_EVERY) {
            self.reopened_at = now;
            self.open_missing();
        }
    }

    /// What hinders the sockets that are not open.
    pub fn troubles(&self) -> impl Iterator<Item = (Kind, &str)> {
        self.sockets.iter().filter_map(|(kind, socket)| Some((*kind, socket.as_ref().err()?.as_str())))
    }

    /// The socket of this kind.
    ///
    /// # Errors
    /// Why it is not open.
    pub fn get(&self, kind: Kind) -> Result<&ProbeSocket, String> {
        match self.sockets.get(&kind) {
            Some(Ok((socket, _))) => Ok(socket),
            Some(Err(error)) => Err(error.clone()),
            None => Err("the socket is not open".to_owned()),
        }
    }

    /// Sends a datagram: through an interface (0: as the routes say), from an own address (`None`: the kernel's choice).
    ///
    /// # Errors
    /// In words.
    pub fn send_datagram(
        &self,
        to: SocketAddr,
        interface: u32,
        source: Option<IpAddr>,
        datagram: &[u8],
    ) -> Result<(), String> {
        let kind = if to.is_ipv4() { Kind::Ask4 } else { Kind::Ask6 };
        self.get(kind)?.send(Destination { to, interface, source }, datagram).map_err(|error| error.to_string())
    }

    /// Sends a probe to a kernel; an echo with this ident and sequence number. A signed question is not of this kind.
    ///
    /// # Errors
    /// In words.
    pub fn send_probe(&self, what: &What, (ident, seq): (u16, u16)) -> Result<(), String> {
        match *what {
            What::Ask { .. } => Err("a signed question needs its signature".to_owned()),
            What::Arp { target, interface, mac, sender } => {
                let packet = packets::arp_request(mac, sender, target);
                self.get(Kind::Arp)?.send_arp(interface, &packet).map_err(|error| error.to_string())
            }
            What::Neighbour { target, interface, mac } => {
                let packet = packets::neighbour_solicitation(target, mac);
                let group = IpAddr::V6(packets::solicited_node(target));
                let to = Destination { to: socket_address(group, 0, interface), interface, source: None };
                self.get(Kind::Icmp6)?.send(to, &packet).map_err(|error| error.to_string())
            }
            What::Echo { to, interface } => {
                let (kind, packet) = match to {
                    IpAddr::V4(_) => (Kind::Icmp4, packets::echo4(ident, seq)),
                    IpAddr::V6(_) => (Kind::Icmp6, packets::echo6(ident, seq)),
                };
                let to = Destination { to: socket_address(to, 0, interface), interface, source: None };
                self.get(kind)?.send(to, &packet).map_err(|error| error.to_string())
            }
        }
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

/// With the scope a link-local or multicast IPv6 address needs.
#[must_use]
pub fn socket_address(address: IpAddr, port: u16, interface: u32) -> SocketAddr {
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
#[must_use]
pub fn random<const N: usize>() -> Option<[u8; N]> {
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
