//! Packet sockets for ARP and neighbour discovery: one sender for everything, one listener per address resource, both
//! opened once and kept, since opening one waits for the kernel's network stack for milliseconds.
//!
//! A kernel filter lets only frames through that speak for the addresses in question, so a busy network does not wake resd.

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};
use tokio::io::unix::AsyncFd;

use super::frames::{self, ArpOp, Mac};

const ETH_P_ARP: u16 = 0x0806;
const ETH_P_IPV6: u16 = 0x86dd;
/// Longest neighbour frame worth reading.
const MAX_FRAME: usize = 256;

/// The one sending socket.
#[derive(Debug)]
pub struct Sender(Socket);

impl Sender {
    /// Opens it. It receives nothing.
    ///
    /// # Errors
    /// Without CAP_NET_RAW.
    pub fn open() -> io::Result<Self> {
        let socket = Socket::new(Domain::PACKET, Type::DGRAM.nonblocking().cloexec(), None)?;
        Ok(Self(socket))
    }

    fn send(&self, index: u32, to: Mac, ethertype: u16, frame: &[u8]) -> io::Result<()> {
        self.0.send_to(frame, &link_address(index, to, ethertype)?).map(drop)
    }

    /// Announces `address` at `mac`: gratuitous ARP as request and as reply (RFC 5227 section 3; some stacks heed only one
    /// of the forms), or an unsolicited neighbour advertisement.
    ///
    /// # Errors
    /// The system's answer, for example that the interface is down.
    pub fn announce(&self, index: u32, mac: Mac, address: IpAddr) -> io::Result<()> {
        match address {
            IpAddr::V4(ip) => {
                let request = frames::arp(ArpOp::Request, (mac, ip), ([0; 6], ip));
                let reply = frames::arp(ArpOp::Reply, (mac, ip), (frames::BROADCAST, ip));
                self.send(index, frames::BROADCAST, ETH_P_ARP, &request)?;
                self.send(index, frames::BROADCAST, ETH_P_ARP, &reply)
            }
            IpAddr::V6(ip) => {
                let frame = frames::neighbour_advertisement(mac, ip);
                self.send(index, frames::multicast_mac(frames::ALL_NODES), ETH_P_IPV6, &frame)
            }
        }
    }

    /// Asks who holds `target`. `source`: an own address of the interface; `None` asks without claiming one (an ARP probe,
    /// a probe of duplicate address detection).
    ///
    /// # Errors
    /// The system's answer.
    pub fn ask(&self, index: u32, mac: Mac, source: Option<IpAddr>, target: IpAddr) -> io::Result<()> {
        match target {
            IpAddr::V4(target) => {
                let source = match source {
                    Some(IpAddr::V4(ip)) => ip,
                    _ => std::net::Ipv4Addr::UNSPECIFIED,
                };
                let frame = frames::arp(ArpOp::Request, (mac, source), ([0; 6], target));
                self.send(index, frames::BROADCAST, ETH_P_ARP, &frame)
            }
            IpAddr::V6(target) => {
                let source = match source {
                    Some(IpAddr::V6(ip)) => ip,
                    _ => Ipv6Addr::UNSPECIFIED,
                };
                let frame = frames::neighbour_solicitation((mac, source), target);
                let to = frames::multicast_mac(frames::solicited_node(target));
                self.send(index, to, ETH_P_IPV6, &frame)
            }
        }
    }
}

/// Hears who says to hold one of a set of addresses of one family on one interface.
#[derive(Debug)]
pub struct Listener {
    fd: AsyncFd<OwnedFd>,
    v6: bool,
}

impl Listener {
    /// Opens it on the interface with this number, for these addresses (those of the other family are left out).
    ///
    /// # Errors
    /// Without CAP_NET_RAW, or when the interface is gone.
    pub fn open(index: u32, v6: bool, addresses: &[IpAddr]) -> io::Result<Self> {
        let ethertype = if v6 { ETH_P_IPV6 } else { ETH_P_ARP };
        // Filter first, protocol by bind: nothing unfiltered ever gets in.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::from(0)))?;
        socket.attach_filter(&filter(v6, addresses))?;
        socket.bind(&link_address(index, [0; 6], ethertype)?)?;
        if v6 {
            // Answers to a duplicate probe go to all nodes (RFC 4861 section 7.2.4); the kernel has joined that group.
            tracing::trace!(index, "listening for neighbour advertisements");
        }
        // SAFETY: the descriptor is owned by the value registered here and stays open as long as that lives.
        let fd = unsafe { AsyncFd::register(OwnedFd::from(socket)) }?;
        Ok(Self { fd, v6 })
    }

    /// The next holder heard: hardware address if told, and the address it speaks for. Cancel-safe.
    ///
    /// # Errors
    /// The system's answer, for example that the interface went down (ENETDOWN, reported once; call again).
    pub async fn heard(&self) -> io::Result<(Option<Mac>, IpAddr)> {
        loop {
            let mut ready = self.fd.readable().await?;
            let mut frame = [0_u8; MAX_FRAME];
            let read = ready.try_io(|fd| {
                // SAFETY: the buffer is valid for its length for the duration of the call; the descriptor is open.
                let n = unsafe { libc::recv(fd.get_ref().as_raw_fd(), frame.as_mut_ptr().cast(), frame.len(), 0) };
                usize::try_from(n).map_err(|_| io::Error::last_os_error())
            });
            match read {
                Ok(Ok(n)) => {
                    if let Some(holder) = frame.get(..n).and_then(|f| frames::holder(f, self.v6)) {
                        return Ok(holder);
                    }
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
    }
}

fn link_address(index: u32, mac: Mac, ethertype: u16) -> io::Result<SockAddr> {
    let bad = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let index = i32::try_from(index).map_err(bad)?;
    // SAFETY: `sockaddr_ll` is plain data that fits `sockaddr_storage`, is written completely within it, and the length
    // reported is its own.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let link = storage.cast::<libc::sockaddr_ll>();
            *link = std::mem::zeroed();
            (*link).sll_family = libc::AF_PACKET as u16;
            (*link).sll_protocol = ethertype.to_be();
            (*link).sll_ifindex = index;
            (*link).sll_halen = 6;
            (&mut (*link).sll_addr)[..6].copy_from_slice(&mac);
            *length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            Ok(())
        })
    }?;
    Ok(address)
}

/// Classic BPF: accept a frame whose sender (ARP) or target (neighbour advertisement) is one of the addresses.
fn filter(v6: bool, addresses: &[IpAddr]) -> Vec<SockFilter> {
    const LD_W_ABS: u16 = 0x20;
    const LD_B_ABS: u16 = 0x30;
    const JEQ_K: u16 = 0x15;
    const RET_K: u16 = 0x06;
    let load = |code, at| SockFilter::new(code, 0, 0, at);
    let accept = || SockFilter::new(RET_K, 0, 0, 0xffff);
    let mut program = Vec::new();
    if v6 {
        for (at, value) in [(6, 58), (40, 136)] {
            program.push(load(LD_B_ABS, at));
            program.push(SockFilter::new(JEQ_K, 1, 0, value));
            program.push(SockFilter::new(RET_K, 0, 0, 0));
        }
    }
    for address in addresses {
        match (address, v6) {
            (IpAddr::V4(ip), false) => {
                program.push(load(LD_W_ABS, 14));
                program.push(SockFilter::new(JEQ_K, 0, 1, u32::from(*ip)));
                program.push(accept());
            }
            (IpAddr::V6(ip), true) => {
                for (part, words) in ip.octets().chunks_exact(4).enumerate() {
                    let value = words.iter().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
                    let part = u8::try_from(part).unwrap_or(3);
                    program.push(load(LD_W_ABS, 48 + 4 * u32::from(part)));
                    // Skips the rest of this address: two instructions for each word left, and the accept.
                    program.push(SockFilter::new(JEQ_K, 0, 2 * (3 - part) + 1, value));
                }
                program.push(accept());
            }
            _ => {}
        }
    }
    program.push(SockFilter::new(RET_K, 0, 0, 0));
    program
}
