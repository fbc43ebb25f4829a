//! One echo request and its answer (RFC 792, RFC 4443), on a raw socket bound to an interface.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::unix::AsyncFd;

/// Asks `target` through `interface` and waits for its answer; the caller sets the limit by dropping the future.
///
/// # Errors
/// When the request cannot be sent. Silence is no error: then it waits.
pub async fn echo(interface: &str, target: IpAddr, token: u16) -> io::Result<()> {
    let (domain, protocol) = match target {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = Socket::new(domain, Type::RAW.nonblocking().cloexec(), Some(protocol))?;
    socket.bind_device(Some(interface.as_bytes()))?;
    let id = u16::try_from(std::process::id() & 0xffff).unwrap_or(0) ^ token;
    let mut request = vec![if target.is_ipv4() { 8 } else { 128 }, 0, 0, 0];
    request.extend_from_slice(&id.to_be_bytes());
    request.extend_from_slice(&[0, 1]);
    request.extend_from_slice(b"hotpair reachability");
    if target.is_ipv4() {
        // For ICMPv6 the kernel fills the checksum in (RFC 3542 section 3.1).
        let sum = super::frames::fold(&request);
        request[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    socket.send_to(&request, &SocketAddr::new(target, 0).into())?;
    // SAFETY: the descriptor is owned by the value registered here and stays open as long as that lives.
    let fd = unsafe { AsyncFd::register(OwnedFd::from(socket)) }?;
    loop {
        let mut ready = fd.readable().await?;
        let mut buffer = [0_u8; 512];
        let read = ready.try_io(|fd| {
            // SAFETY: the buffer is valid for its length for the duration of the call; the descriptor is open.
            let n = unsafe { libc::recv(fd.get_ref().as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
            usize::try_from(n).map_err(|_| io::Error::last_os_error())
        });
        match read {
            Ok(Ok(n)) if is_answer(buffer.get(..n).unwrap_or(&[]), target, id) => return Ok(()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => return Err(error),
            Err(_would_block) => {}
        }
    }
}

fn is_answer(packet: &[u8], target: IpAddr, id: u16) -> bool {
    let (message, kind) = match target {
        IpAddr::V4(ip) => {
            // IPv4 raw sockets deliver the IP header, too.
            let header = packet.first().map_or(0, |b| usize::from(b & 0x0f) * 4);
            if packet.get(12..16) != Some(&ip.octets()) {
                return false;
            }
            (packet.get(header..), 0)
        }
        IpAddr::V6(_) => (Some(packet), 129),
    };
    message.is_some_and(|m| m.first() == Some(&kind) && m.get(4..6) == Some(&id.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_this_request_counts() {
        let target: IpAddr = "10.0.0.1".parse().unwrap();
        let mut packet = vec![0x45_u8; 20];
        packet[12..16].copy_from_slice(&[10, 0, 0, 1]);
        packet.extend_from_slice(&[0, 0, 0, 0, 0x12, 0x34, 0, 1]);
        assert!(is_answer(&packet, target, 0x1234));
        assert!(!is_answer(&packet, target, 0x1235));
        assert!(!is_answer(&packet, "10.0.0.2".parse().unwrap(), 0x1234));
        for cut in 0..26 {
            assert!(!is_answer(&packet[..cut], target, 0x1234), "{cut}");
        }
    }
}
