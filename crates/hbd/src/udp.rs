//! UDP ends (S25): one socket per path, bound to its own interface and address, connected to the peer's.
//!
//! A second, unconnected socket on the same address catches what comes from anywhere else, so that it can be counted: the kernel
//! sorts it out before it could get into the way of a heartbeat (FAULTS X04).
//!
//! Used by the beat loop only. Nothing here blocks: sockets are non-blocking, opening one is a few local system calls.
//! An interface or address that is not there is a state, not an error; the socket is made when it appears.

use core::time::Duration;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use heartbeat_core::LinkState;
use hotpair_types::Timestamp;
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::netlink::Interfaces;
use crate::settings::UdpPort;

/// Class selector 6, "internetwork control" (RFC 2474): switches and routers that look at it forward it first.
const TRAFFIC_CLASS: u32 = 0xc0;
/// The same for this host's own queues; 6 is the highest that needs no privilege.
const SOCKET_PRIORITY: i32 = 6;
/// Pause before a socket that could not be opened is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// Datagrams of strangers that wait to be counted, bytes; what does not fit is dropped uncounted.
const STRANGERS_BUFFER: usize = 16 * 1024;
/// Datagrams of strangers counted at a time at most.
const STRANGERS: usize = 64;
/// Sends in a row that failed until the socket is made anew.
const FAILURES: u32 = 10;

/// A UDP end.
#[derive(Debug)]
pub struct UdpEnd {
    port: UdpPort,
    socket: Option<UdpSocket>,
    /// Catches what does not come from the peer.
    strangers: Option<UdpSocket>,
    /// Interface index the socket is bound to: a new interface of the same name needs a new socket.
    index: Option<u32>,
    /// When to try again.
    pub retry_at: Option<Timestamp>,
    failures: u32,
}

impl UdpEnd {
    /// An end that is not open yet.
    pub fn new(port: UdpPort) -> Self {
        Self { port, socket: None, strangers: None, index: None, retry_at: None, failures: 0 }
    }

    /// The socket, if it is open.
    pub fn socket(&self) -> Option<&UdpSocket> {
        self.socket.as_ref()
    }

    /// Judges the own port by what the kernel says (`None`: it has not been asked yet), and opens or closes the socket
    /// accordingly. Returns what is known of the port, and whether the socket is a new one.
    pub fn update(&mut self, interfaces: Option<&Interfaces>, now: Timestamp) -> (Option<LinkState>, bool) {
        if let Some(state) = interfaces.and_then(|all| self.fault(all)) {
            return (Some(state), false);
        }
        if self.socket.is_some() {
            return (Some(LinkState::Working), false);
        }
        match open(&self.port) {
            Ok(socket) => {
                // Counting strangers is not worth a path: without that socket they are dropped uncounted.
                self.strangers = bound(&self.port, true).and_then(strangers).ok();
                (self.socket, self.failures) = (Some(socket), 0);
                (Some(LinkState::Working), true)
            }
            Err(error) => {
                self.retry_at = Some(now.after(RETRY));
                // Before the kernel was asked, the reason is better left to what it will say.
                (interfaces.map(|_| LinkState::IoError(error.to_string())), false)
            }
        }
    }

    /// What is wrong with interface or address; closes a socket that has lost its ground.
    fn fault(&mut self, all: &Interfaces) -> Option<LinkState> {
        let name = &self.port.interface;
        let address = self.port.local.ip();
        let Some((index, interface)) = all.find(name) else {
            (self.socket, self.strangers) = (None, None);
            return Some(LinkState::DeviceMissing(format!("interface {name} does not exist")));
        };
        if self.index.is_some_and(|bound| bound != index) {
            (self.socket, self.strangers) = (None, None);
        }
        self.index = Some(index);
        if !interface.addresses.contains(&address) {
            (self.socket, self.strangers) = (None, None);
            return Some(LinkState::DeviceMissing(format!("address {address} is not on interface {name}")));
        }
        if !interface.up {
            return Some(LinkState::IoError(format!("interface {name} is switched off")));
        }
        (!interface.carrier).then_some(LinkState::NoCarrier)
    }

    /// Sends a frame now or not at all.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn send(&mut self, frame: &[u8], now: Timestamp) -> io::Result<()> {
        let Some(socket) = &self.socket else {
            return Err(io::Error::from(io::ErrorKind::NotConnected));
        };
        // The first error may belong to an earlier frame: "port unreachable" while the peer's hbd is down.
        let sent = match socket.send(frame) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => socket.send(frame),
            sent => sent,
        };
        match sent {
            Ok(_) => self.failures = 0,
            Err(_) => self.failures = self.failures.saturating_add(1),
        }
        if self.failures >= FAILURES {
            // Routes, addresses or the interface may have changed in a way that this socket does not see.
            (self.socket, self.strangers) = (None, None);
            (self.failures, self.retry_at) = (0, Some(now));
        }
        sent.map(drop)
    }

    /// Takes what strangers have sent since the last call, and says how many datagrams it was.
    pub fn count_strangers(&self) -> usize {
        let Some(socket) = &self.strangers else {
            return 0;
        };
        // Of each, one byte is more than enough: nothing of it is looked at.
        (0..STRANGERS).take_while(|_| socket.recv(&mut [0_u8; 1]).is_ok()).count()
    }

    /// Reads one datagram; `None`: nothing more has arrived.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        let socket = self.socket.as_ref()?;
        // A few errors of earlier sends may be waiting in front of the data; reading one takes it away.
        for _ in 0..4 {
            match socket.recv(buffer) {
                Ok(length) => return buffer.get(..length),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(_) => {}
            }
        }
        None
    }
}

fn open(port: &UdpPort) -> io::Result<UdpSocket> {
    let (socket, index) = bound(port, false)?;
    // Only after binding: another daemon on this address is refused, the socket for strangers is not.
    socket.set_reuse_port(true)?;
    socket
        .connect(&scoped(port.remote, index))
        .map_err(|e| io::Error::new(e.kind(), format!("no route to the peer's address: {e}")))?;
    Ok(socket.into())
}

/// The kernel gives a datagram to the connected socket of its sender, if there is one, and all others here.
fn strangers((socket, _): (Socket, u32)) -> io::Result<UdpSocket> {
    socket.set_recv_buffer_size(STRANGERS_BUFFER)?;
    Ok(socket.into())
}

/// A socket on the path's own interface and address, with the interface's index.
fn bound(port: &UdpPort, shared: bool) -> io::Result<(Socket, u32)> {
    let step = |what: &'static str| move |e: io::Error| io::Error::new(e.kind(), format!("{what}: {e}"));
    let domain = Domain::for_address(port.local);
    let socket =
        Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP)).map_err(step("socket"))?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true).map_err(step("IPv6 only"))?;
        socket.set_tclass_v6(TRAFFIC_CLASS).map_err(step("traffic class"))?;
    } else {
        socket.set_tos_v4(TRAFFIC_CLASS).map_err(step("traffic class"))?;
    }
    set_priority(&socket).map_err(step("priority"))?;
    let index =
        rustix::net::netdevice::name_to_index(&socket, &port.interface).map_err(|e| step("interface")(e.into()))?;
    socket.bind_device(Some(port.interface.as_bytes())).map_err(step("binding to the interface"))?;
    socket.set_reuse_port(shared).map_err(step("sharing the address"))?;
    socket.bind(&scoped(port.local, index)).map_err(step("binding to the address"))?;
    Ok((socket, index))
}

/// SO_PRIORITY has no safe wrapper in the crates used here.
fn set_priority(socket: &Socket) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let value: libc::c_int = SOCKET_PRIORITY;
    let length = libc::socklen_t::try_from(size_of::<libc::c_int>()).map_err(|_| Errno::INVAL)?;
    // SAFETY: the descriptor is open for the length of the call, `value` is a live c_int and `length` its size.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PRIORITY, (&raw const value).cast(), length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Link-local IPv6 addresses mean something only together with an interface.
fn scoped(address: SocketAddr, index: u32) -> SockAddr {
    match address {
        SocketAddr::V6(mut v6) => {
            if let IpAddr::V6(ip) = address.ip()
                && ip.is_unicast_link_local()
            {
                v6.set_scope_id(index);
            }
            SocketAddr::V6(v6).into()
        }
        v4 => v4.into(),
    }
}
