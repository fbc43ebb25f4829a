//! Raw frames: capture, playback, and the neighbour-discovery questions of the address judge.
//!
//! Threading: a socket is used by one thread at a time; [`Capture`] runs a thread of its own.
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::clock;
use super::ns::Namespace;

/// Ethernet type of ARP.
pub const ARP: u16 = 0x0806;
/// Ethernet type of IPv6.
pub const IPV6: u16 = 0x86dd;
/// All Ethernet types, and frames in both directions.
pub const EVERYTHING: u16 = 3;

/// One frame as seen on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When (lab clock).
    pub at: Duration,
    /// Whether it left through the interface (else it came in).
    pub outgoing: bool,
    /// From the destination address on.
    pub bytes: Vec<u8>,
}

/// A packet socket on one interface.
#[derive(Debug)]
pub struct PacketSocket {
    fd: OwnedFd,
    interface: i32,
}

impl PacketSocket {
    /// Opens it on `interface` in `ns`, promiscuous, for frames of `ether_type`.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn open(ns: &Namespace, interface: &str, ether_type: u16) -> Result<Self> {
        ns.in_net(|| {
            let index =
                nix::net::if_::if_nametoindex(interface).with_context(|| format!("no interface {interface:?}"))?;
            Self::open_here(index.cast_signed(), ether_type)
                .with_context(|| format!("opening a packet socket on {interface}"))
        })
    }

    fn open_here(interface: i32, ether_type: u16) -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no pointers; the result is checked before use. Protocol 0 receives nothing until bound.
        let raw = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `raw` is a fresh descriptor that nobody else owns.
        let fd = unsafe { OwnedFd::from_raw_fd(raw) };
        let socket = Self { fd, interface };
        let membership = libc::packet_mreq { mr_ifindex: interface, mr_type: 1, mr_alen: 0, mr_address: [0; 8] };
        socket.set_option(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)?;
        socket.set_option(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &(8_i32 << 20))?;
        let address = socket.address(ether_type);
        // SAFETY: pointer and length describe `address`, which lives during the call.
        let rc = unsafe { libc::bind(socket.fd.as_raw_fd(), (&raw const address).cast(), length_of(&address)) };
        if rc == 0 { Ok(socket) } else { Err(io::Error::last_os_error()) }
    }

    fn set_option<T>(&self, level: i32, option: i32, value: &T) -> io::Result<()> {
        // SAFETY: pointer and length describe `value`, which lives during the call.
        let rc = unsafe {
            libc::setsockopt(self.fd.as_raw_fd(), level, option, std::ptr::from_ref(value).cast(), length_of(value))
        };
        if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn address(&self, ether_type: u16) -> libc::sockaddr_ll {
        // SAFETY: all-zero is a valid sockaddr_ll: integers only.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or_default();
        address.sll_protocol = ether_type.to_be();
        address.sll_ifindex = self.interface;
        address
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// When the interface is down or the queue full.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: pointer and length describe `frame`.
        let rc = unsafe { libc::send(self.fd.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        if rc < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Takes one waiting frame, if any.
    ///
    /// # Errors
    /// When the interface has vanished.
    pub fn receive(&self) -> io::Result<Option<Frame>> {
        let mut buffer = [0_u8; 2048];
        let mut from = self.address(0);
        let mut length = length_of(&from);
        // SAFETY: both buffers live during the call and their lengths are passed along.
        let count = unsafe {
            libc::recvfrom(
                self.fd.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                0,
                (&raw mut from).cast(),
                &raw mut length,
            )
        };
        let at = clock::now();
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::EAGAIN | libc::EINTR | libc::ENETDOWN) => Ok(None),
                _ => Err(error),
            };
        };
        let outgoing = from.sll_pkttype == libc::PACKET_OUTGOING;
        Ok(Some(Frame { at, outgoing, bytes: buffer.iter().take(count).copied().collect() }))
    }

    /// Waits at most `timeout` for something to receive.
    pub fn wait(&self, timeout: Duration) {
        wait_readable(&self.fd, timeout);
    }
}

fn length_of<T>(_value: &T) -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}

/// Waits at most `timeout` until `fd` can be read.
pub(super) fn wait_readable(fd: &impl AsFd, timeout: Duration) {
    let mut fds = [PollFd::new(fd, PollFlags::IN)];
    let timeout = Timespec::try_from(timeout).ok();
    // An interrupted or failed wait is an early return; the caller looks at its clock anyway.
    let _early = poll(&mut fds, timeout.as_ref());
}

/// Records frames on an interface until stopped.
#[derive(Debug)]
pub struct Capture {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<Vec<Frame>>>>,
}

impl Capture {
    /// Starts recording. On a switch port, frames the machine sends are incoming, frames to it outgoing.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn start(ns: &Namespace, interface: &str) -> Result<Self> {
        let socket = PacketSocket::open(ns, interface, EVERYTHING)?;
        let ended = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ended);
        let thread = std::thread::Builder::new().name("capture".into()).spawn(move || {
            clock::prefer_this_thread();
            let mut frames = Vec::new();
            loop {
                // Read the flag first, so that what came before the stop is still taken.
                let last = stop.load(Ordering::Acquire);
                while let Some(frame) = socket.receive()? {
                    frames.push(frame);
                }
                if last {
                    return Ok(frames);
                }
                socket.wait(Duration::from_millis(20));
            }
        })?;
        Ok(Self { ended, thread: Some(thread) })
    }

    /// Stops and returns everything recorded.
    ///
    /// # Errors
    /// When the interface vanished meanwhile.
    pub fn stop(mut self) -> Result<Vec<Frame>> {
        self.ended.store(true, Ordering::Release);
        let thread = self.thread.take().context("stopped already")?;
        thread.join().map_err(|_| anyhow!("the capture thread panicked"))?.context("capturing")
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
    }
}

/// Sends recorded frames through an interface, in order, as fast as it takes them.
///
/// # Errors
/// When there is no such interface or it refuses a frame.
pub fn replay<'a>(ns: &Namespace, interface: &str, frames: impl IntoIterator<Item = &'a Frame>) -> Result<usize> {
    let socket = PacketSocket::open(ns, interface, ARP)?;
    let mut count = 0;
    for frame in frames {
        socket.send(&frame.bytes).with_context(|| format!("playing frame {count} back"))?;
        count += 1;
    }
    Ok(count)
}

/// Sends UDP payloads from `ns`; `from` may have port 0.
///
/// # Errors
/// When the address is not local there or the network unreachable.
pub fn send_udp(ns: &Namespace, from: SocketAddr, to: SocketAddr, payloads: &[Vec<u8>]) -> Result<()> {
    ns.in_net(|| {
        let socket = UdpSocket::bind(from).with_context(|| format!("binding {from}"))?;
        payloads.iter().try_for_each(|payload| {
            let sent = socket.send_to(payload, to).with_context(|| format!("sending to {to}"))?;
            ensure!(sent == payload.len(), "only {sent} of {} bytes went to {to}", payload.len());
            Ok(())
        })
    })
}

/// UDP payload and ports (source, destination) of a captured frame, if it is an unfragmented UDP one.
#[must_use]
pub fn udp_of(frame: &[u8]) -> Option<(u16, u16, &[u8])> {
    let ether_type = u16::from_be_bytes(frame.get(12..14)?.try_into().ok()?);
    let packet = frame.get(14..)?;
    let (protocol, header) = match ether_type {
        0x0800 => (*packet.get(9)?, usize::from(packet.first()? & 15) * 4),
        IPV6 => (*packet.get(6)?, 40),
        _ => return None,
    };
    let udp = packet.get(header..)?;
    let word = |at: usize| Some(u16::from_be_bytes(udp.get(at..at + 2)?.try_into().ok()?));
    let length = usize::from(word(4)?);
    (protocol == 17).then_some((word(0)?, word(2)?, udp.get(8..length)?))
}

/// "Who has `target`?": an ARP request or a neighbour solicitation from `sender` at hardware address `mac`.
///
/// # Errors
/// When the addresses are of different families.
pub fn question(mac: [u8; 6], sender: IpAddr, target: IpAddr) -> Result<Vec<u8>> {
    match (sender, target) {
        (IpAddr::V4(sender), IpAddr::V4(target)) => Ok(arp_request(mac, sender, target)),
        (IpAddr::V6(sender), IpAddr::V6(target)) => Ok(solicitation(mac, sender, target)),
        _ => Err(anyhow!("{sender} cannot ask for {target}: different address families")),
    }
}

fn arp_request(mac: [u8; 6], sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend(mac);
    frame.extend(ARP.to_be_bytes());
    frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(mac);
    frame.extend(sender.octets());
    frame.extend([0; 6]);
    frame.extend(target.octets());
    frame.resize(60, 0);
    frame
}

fn solicitation(mac: [u8; 6], sender: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let [.., x, y, z] = target.octets();
    let group = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, x, y, z]);
    let mut message = vec![135, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.octets());
    message.extend([1, 1]);
    message.extend(mac);
    let length = u16::try_from(message.len()).unwrap_or_default();
    let mut pseudo = [sender.octets(), group.octets()].concat();
    pseudo.extend(u32::from(length).to_be_bytes());
    pseudo.extend([0, 0, 0, 58]);
    pseudo.extend(&message);
    let sum = checksum(&pseudo).to_be_bytes();
    message.splice(2..4, sum);
    let mut frame = vec![0x33, 0x33, 0xff, x, y, z];
    frame.extend(mac);
    frame.extend(IPV6.to_be_bytes());
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([58, 255]);
    frame.extend(sender.octets());
    frame.extend(group.octets());
    frame.extend(message);
    frame
}

/// The Internet checksum.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

/// An answer to a [`question`], or an unasked announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Address claimed.
    pub address: IpAddr,
    /// Hardware address it is said to be at.
    pub mac: [u8; 6],
    /// Frame's destination: a single machine, or everybody for an announcement.
    pub to: [u8; 6],
    /// Unasked: gratuitous ARP (request or reply) or unsolicited neighbour advertisement.
    pub announcement: bool,
}

/// What `frame` claims about who owns an address.
#[must_use]
pub fn claim_of(frame: &[u8]) -> Option<Claim> {
    let to: [u8; 6] = frame.get(..6)?.try_into().ok()?;
    match u16::from_be_bytes(frame.get(12..14)?.try_into().ok()?) {
        ARP => {
            let operation = u16::from_be_bytes(frame.get(20..22)?.try_into().ok()?);
            let mac = frame.get(22..28)?.try_into().ok()?;
            let sender: [u8; 4] = frame.get(28..32)?.try_into().ok()?;
            let target: [u8; 4] = frame.get(38..42)?.try_into().ok()?;
            let announcement = sender == target || to == [0xff; 6];
            let claims = (operation == 2 || (operation == 1 && sender == target)) && sender != [0; 4];
            claims.then_some(Claim { address: Ipv4Addr::from(sender).into(), mac, to, announcement })
        }
        IPV6 => {
            let (next, message) = (*frame.get(20)?, frame.get(54..)?);
            let solicited = message.get(4)? & 0x40 != 0;
            let target: [u8; 16] = message.get(8..24)?.try_into().ok()?;
            // Without the option the frame's own source address is what the others will use.
            let mac = match message.get(24..32) {
                Some([2, 1, mac @ ..]) => mac.try_into().ok()?,
                _ => frame.get(6..12)?.try_into().ok()?,
            };
            let is_advertisement = next == 58 && *message.first()? == 136;
            is_advertisement.then_some(Claim {
                address: Ipv6Addr::from(target).into(),
                mac,
                to,
                announcement: !solicited,
            })
        }
        _ => None,
    }
}
