//! The prober's sockets: opened at the start and kept open (opening a packet socket costs milliseconds), never blocking.
//!
//! Sending happens in the loop, synchronously; receiving is a small task per socket that hands packets to the loop
//! through a bounded channel and drops (and counts) what does not fit.

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrIn6, recvmsg, sendmsg};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use tokio::io::unix::AsyncFd;

use super::packets::Mac;

/// Which of the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Signed questions over IPv4.
    Ask4,
    /// Signed questions over IPv6.
    Ask6,
    /// ARP.
    Arp,
    /// ICMP.
    Icmp4,
    /// ICMPv6: echo and neighbour discovery.
    Icmp6,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ask4, Self::Ask6, Self::Arp, Self::Icmp4, Self::Icmp6];
}

/// A packet that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// On which socket.
    pub kind: Kind,
    /// Through which interface; 0 if unknown.
    pub interface: u32,
    /// From whom; unspecified for ARP.
    pub from: SocketAddr,
    /// To which of our addresses, where known.
    pub to: Option<IpAddr>,
    /// Hop limit, where it matters (neighbour discovery).
    pub hops: Option<u8>,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    /// Address; the port counts for questions only.
    pub to: SocketAddr,
    /// Through this interface; 0: as the routes say.
    pub interface: u32,
    /// From this own address; `None`: the kernel's choice.
    pub source: Option<IpAddr>,
}

/// An open socket. Clones share it.
#[derive(Clone, Debug)]
pub struct ProbeSocket {
    kind: Kind,
    fd: Arc<AsyncFd<OwnedFd>>,
}

impl ProbeSocket {
    /// Opens and prepares the socket; `port` is that of the signed question.
    ///
    /// # Errors
    /// As the system says; without CAP_NET_RAW only questions can be asked.
    pub fn open(kind: Kind, port: u16) -> io::Result<Self> {
        let fd = match kind {
            Kind::Ask4 => open_ask4(port)?,
            Kind::Ask6 => open_ask6(port)?,
            Kind::Arp => open_arp()?,
            Kind::Icmp4 => open_icmp4()?,
            Kind::Icmp6 => open_icmp6()?,
        };
        // SAFETY: an OwnedFd gives the same open descriptor for as long as it lives, and `AsyncFd` owns it.
        let fd = unsafe { AsyncFd::register(fd) }?;
        Ok(Self { kind, fd: Arc::new(fd) })
    }

    /// Sends at once or not at all.
    ///
    /// # Errors
    /// As the system says; a full buffer is an error too.
    pub fn send(&self, to: Destination, bytes: &[u8]) -> io::Result<()> {
        let fd = self.fd.get_ref().as_raw_fd();
        let data = [IoSlice::new(bytes)];
        let sent = match to.to {
            SocketAddr::V4(address) => {
                let source = match to.source {
                    Some(IpAddr::V4(v4)) => v4,
                    _ => Ipv4Addr::UNSPECIFIED,
                };
                let info = libc::in_pktinfo {
                    ipi_ifindex: i32::try_from(to.interface).unwrap_or(0),
                    ipi_spec_dst: libc::in_addr { s_addr: u32::from(source).to_be() },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                sendmsg(fd, &data, &[ControlMessage::Ipv4PacketInfo(&info)], flags(), Some(&SockaddrIn::from(address)))
            }
            SocketAddr::V6(address) => {
                let source = match to.source {
                    Some(IpAddr::V6(v6)) => v6,
                    _ => Ipv6Addr::UNSPECIFIED,
                };
                let info = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr { s6_addr: source.octets() },
                    ipi6_ifindex: to.interface,
                };
                sendmsg(fd, &data, &[ControlMessage::Ipv6PacketInfo(&info)], flags(), Some(&SockaddrIn6::from(address)))
            }
        };
        whole(sent?, bytes.len())
    }

    /// Broadcasts an ARP packet through an interface.
    ///
    /// # Errors
    /// As the system says.
    pub fn send_arp(&self, interface: u32, bytes: &[u8]) -> io::Result<()> {
        let to = link_address(interface);
        let length = socket_length::<libc::sockaddr_ll>();
        // SAFETY: `bytes` and `to` are live for the call, with the lengths given.
        let sent = unsafe {
            libc::sendto(
                self.fd.get_ref().as_raw_fd(),
                bytes.as_ptr().cast(),
                bytes.len(),
                libc::MSG_DONTWAIT,
                (&raw const to).cast(),
                length,
            )
        };
        whole(usize::try_from(sent).map_err(|_| io::Error::last_os_error())?, bytes.len())
    }

    /// Waits for the next packet; packets that cannot be meant for us are skipped.
    ///
    /// # Errors
    /// As the system says.
    pub async fn receive(&self, buffer: &mut [u8]) -> io::Result<Packet> {
        loop {
            let mut ready = self.fd.readable().await?;
            match ready.try_io(|fd| receive_one(self.kind, fd.get_ref().as_raw_fd(), buffer)) {
                Ok(Ok(Some(packet))) => return Ok(packet),
                Ok(Ok(None)) => {}
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
    }
}

const fn flags() -> MsgFlags {
    MsgFlags::MSG_DONTWAIT
}

fn whole(sent: usize, length: usize) -> io::Result<()> {
    if sent == length { Ok(()) } else { Err(io::Error::new(io::ErrorKind::WriteZero, "only a part was sent")) }
}

fn receive_one(kind: Kind, fd: RawFd, buffer: &mut [u8]) -> io::Result<Option<Packet>> {
    match kind {
        Kind::Arp => receive_arp(fd, buffer),
        Kind::Ask4 | Kind::Icmp4 => receive4(kind, fd, buffer),
        Kind::Ask6 | Kind::Icmp6 => receive6(kind, fd, buffer),
    }
}

fn receive4(kind: Kind, fd: RawFd, buffer: &mut [u8]) -> io::Result<Option<Packet>> {
    let mut control = nix::cmsg_space!(libc::in_pktinfo);
    let (length, from, interface, to) = {
        let mut data = [IoSliceMut::new(buffer)];
        let message = recvmsg::<SockaddrIn>(fd, &mut data, Some(&mut control), flags())?;
        let (mut interface, mut to) = (0, None);
        for control in message.cmsgs()? {
            if let ControlMessageOwned::Ipv4PacketInfo(info) = control {
                interface = u32::try_from(info.ipi_ifindex).unwrap_or(0);
                to = Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr))));
            }
        }
        (message.bytes, message.address.map(SocketAddrV4::from), interface, to)
    };
    let Some(from) = from else { return Ok(None) };
    let bytes = buffer.get(..length).unwrap_or_default().to_vec();
    Ok(Some(Packet { kind, interface, from: from.into(), to, hops: None, bytes }))
}

fn receive6(kind: Kind, fd: RawFd, buffer: &mut [u8]) -> io::Result<Option<Packet>> {
    let mut control = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int);
    let (length, from, interface, to, hops) = {
        let mut data = [IoSliceMut::new(buffer)];
        let message = recvmsg::<SockaddrIn6>(fd, &mut data, Some(&mut control), flags())?;
        let (mut interface, mut to, mut hops) = (0, None, None);
        for control in message.cmsgs()? {
            match control {
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    interface = info.ipi6_ifindex;
                    to = Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)));
                }
                ControlMessageOwned::Ipv6HopLimit(limit) => hops = u8::try_from(limit).ok(),
                _ => {}
            }
        }
        (message.bytes, message.address.map(SocketAddrV6::from), interface, to, hops)
    };
    let Some(from) = from else { return Ok(None) };
    let bytes = buffer.get(..length).unwrap_or_default().to_vec();
    Ok(Some(Packet { kind, interface, from: from.into(), to, hops, bytes }))
}

fn receive_arp(fd: RawFd, buffer: &mut [u8]) -> io::Result<Option<Packet>> {
    let mut from = link_address(0);
    let mut length = socket_length::<libc::sockaddr_ll>();
    // SAFETY: buffer and address are live for the call, with the lengths given.
    let got = unsafe {
        libc::recvfrom(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT,
            (&raw mut from).cast(),
            &raw mut length,
        )
    };
    let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
    if from.sll_pkttype == libc::PACKET_OUTGOING {
        return Ok(None);
    }
    Ok(Some(Packet {
        kind: Kind::Arp,
        interface: u32::try_from(from.sll_ifindex).unwrap_or(0),
        from: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        to: None,
        hops: None,
        bytes: buffer.get(..got).unwrap_or_default().to_vec(),
    }))
}

const BROADCAST: Mac = [0xff; 6];

/// The Ethernet broadcast address on an interface, for ARP.
fn link_address(interface: u32) -> libc::sockaddr_ll {
    let mut hardware = [0; 8];
    for (to, from) in hardware.iter_mut().zip(BROADCAST) {
        *to = from;
    }
    libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).unwrap_or_default(),
        sll_protocol: u16::try_from(libc::ETH_P_ARP).unwrap_or_default().to_be(),
        sll_ifindex: i32::try_from(interface).unwrap_or(0),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: hardware,
    }
}

fn socket_length<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(mem::size_of::<T>()).unwrap_or(0)
}

fn open_socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: a plain system call; its result is checked.
    let fd = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn set<T>(fd: &OwnedFd, level: i32, option: i32, value: &T) -> io::Result<()> {
    // SAFETY: `value` is live for the call and of the length given; each caller passes the option's own type.
    let result = unsafe {
        libc::setsockopt(fd.as_raw_fd(), level, option, std::ptr::from_ref(value).cast(), socket_length::<T>())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

const ON: libc::c_int = 1;

fn open_ask4(port: u16) -> io::Result<OwnedFd> {
    let fd = open_socket(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDP)?;
    set(&fd, libc::SOL_SOCKET, libc::SO_BROADCAST, &ON)?;
    set(&fd, libc::IPPROTO_IP, libc::IP_PKTINFO, &ON)?;
    let address = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port));
    nix::sys::socket::bind(fd.as_raw_fd(), &address)?;
    Ok(fd)
}

fn open_ask6(port: u16) -> io::Result<OwnedFd> {
    let fd = open_socket(libc::AF_INET6, libc::SOCK_DGRAM, libc::IPPROTO_UDP)?;
    set(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &ON)?;
    set(&fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, &ON)?;
    // A question never leaves the link by multicast.
    set(&fd, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS, &ON)?;
    let address = SockaddrIn6::from(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0));
    nix::sys::socket::bind(fd.as_raw_fd(), &address)?;
    Ok(fd)
}

fn open_icmp4() -> io::Result<OwnedFd> {
    let fd = open_socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)?;
    // linux/icmp.h: ICMP_FILTER at level SOL_RAW takes a bit mask of the types to drop; 0 is the echo reply.
    const SOL_RAW: i32 = 255;
    const ICMP_FILTER: i32 = 1;
    set(&fd, SOL_RAW, ICMP_FILTER, &!1_u32)?;
    set(&fd, libc::IPPROTO_IP, libc::IP_PKTINFO, &ON)?;
    Ok(fd)
}

fn open_icmp6() -> io::Result<OwnedFd> {
    let fd = open_socket(libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6)?;
    // linux/icmpv6.h: ICMPV6_FILTER takes 256 bits, set ones are dropped. Wanted: 129 (echo reply), 136 (advertisement).
    const ICMPV6_FILTER: i32 = 1;
    let mut filter = [u32::MAX; 8];
    for kind in [129_usize, 136] {
        if let Some(word) = filter.get_mut(kind / 32) {
            *word &= !(1 << (kind % 32));
        }
    }
    set(&fd, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &filter)?;
    set(&fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, &ON)?;
    set(&fd, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, &ON)?;
    // Neighbour discovery demands 255 (RFC 4861, 7.1); it harms no echo.
    let hops: libc::c_int = 255;
    set(&fd, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS, &hops)?;
    set(&fd, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, &hops)?;
    Ok(fd)
}

fn open_arp() -> io::Result<OwnedFd> {
    // Opened deaf (protocol 0), so that nothing unfiltered is queued before the filter is in place.
    let fd = open_socket(libc::AF_PACKET, libc::SOCK_DGRAM, 0)?;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    // Load the operation (2 bytes at 6); a reply (2): accept; anything else: drop. BPF_LDH_ABS, BPF_JEQ_K, BPF_RET_K.
    let mut program = [step(0x28, 0, 0, 6), step(0x15, 0, 1, 2), step(0x06, 0, 0, u32::MAX), step(0x06, 0, 0, 0)];
    let filter = libc::sock_fprog { len: 4, filter: program.as_mut_ptr() };
    set(&fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)?;
    let everywhere = link_address(0);
    // SAFETY: the address is live for the call and of the length given.
    let bound =
        unsafe { libc::bind(fd.as_raw_fd(), (&raw const everywhere).cast(), socket_length::<libc::sockaddr_ll>()) };
    if bound == 0 { Ok(fd) } else { Err(io::Error::last_os_error()) }
}
