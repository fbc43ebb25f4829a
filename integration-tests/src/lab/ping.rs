//! The judge of reachability: ICMP echo to an address from the client, every millisecond or so. The answer comes from the
//! owner's kernel, so this measures the address alone, with the client's own routing and neighbour cache in between.
//!
//! Threading: one thread per probe.
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::clock;
use super::ns::Namespace;
use super::packet::{checksum, wait_readable};
use super::timeline::{Sample, Timeline};

static IDENTITY: AtomicU16 = AtomicU16::new(1);

/// A running stream of echo requests.
#[derive(Debug)]
pub struct PingProbe {
    seen: Arc<Mutex<Timeline>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl PingProbe {
    /// Starts to ping `address` from `ns` every `interval`.
    ///
    /// # Errors
    /// When the raw socket cannot be opened.
    pub fn start(ns: &Namespace, address: impl Into<IpAddr>, interval: Duration) -> Result<Self> {
        let address = address.into();
        let socket = ns.in_net(|| {
            let (domain, protocol) = match address {
                IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
                IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
            };
            let socket = Socket::new(domain, Type::RAW, Some(protocol)).context("opening a raw socket")?;
            socket.set_nonblocking(true)?;
            socket.set_recv_buffer_size(1 << 20)?;
            Ok(socket)
        })?;
        let seen = Arc::new(Mutex::new(Timeline { interval, samples: Vec::new() }));
        let ended = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name(format!("ping-{address}")).spawn({
            let (seen, ended) = (Arc::clone(&seen), Arc::clone(&ended));
            move || {
                clock::prefer_this_thread();
                run(&socket, address, interval, &seen, &ended)
            }
        })?;
        Ok(Self { seen, ended, thread: Some(thread) })
    }

    /// Everything seen so far.
    #[must_use]
    pub fn seen(&self) -> Timeline {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Number of answers so far.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).answered()
    }

    /// Stops and returns everything seen.
    ///
    /// # Errors
    /// When the probe could not go on.
    pub fn stop(mut self) -> Result<Timeline> {
        self.ended.store(true, Ordering::Release);
        let thread = self.thread.take().context("stopped already")?;
        thread.join().map_err(|_| anyhow!("the ping thread panicked"))??;
        Ok(self.seen())
    }
}

impl Drop for PingProbe {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
    }
}

fn run(socket: &Socket, address: IpAddr, interval: Duration, seen: &Mutex<Timeline>, ended: &AtomicBool) -> Result<()> {
    let identity = IDENTITY.fetch_add(1, Ordering::Relaxed);
    let to = SockAddr::from(SocketAddr::new(address, 0));
    let (request, reply, skip) = match address {
        IpAddr::V4(_) => (8_u8, 0_u8, true),
        IpAddr::V6(_) => (128, 129, false),
    };
    let mut next = clock::now();
    let mut number = 0_u64;
    while !ended.load(Ordering::Acquire) {
        let now = clock::now();
        if now >= next {
            seen.lock().unwrap_or_else(PoisonError::into_inner).samples.push(Sample { sent: now, answered: None });
            // "No route", "neighbour unknown" and the like leave the request unanswered, which is what the record says.
            let _unsent = socket.send_to(&echo(request, identity, number), &to);
            number += 1;
            next = (next + interval).max(now);
        }
        wait_readable(socket, next.saturating_sub(now));
        loop {
            let mut buffer = [0_u8; 256];
            let length = match (&*socket).read(&mut buffer) {
                Ok(length) => length,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => break,
                // Errors of earlier requests are reported here; they take nothing from the queue.
                Err(_) => break,
            };
            let at = clock::now();
            let packet = buffer.get(..length).unwrap_or_default();
            let Some(answered) = answer(packet, skip, reply, identity) else { continue };
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let sample = usize::try_from(answered).ok().and_then(|index| seen.samples.get_mut(index));
            if let Some(sample) = sample.filter(|sample| sample.answered.is_none()) {
                sample.answered = Some(at);
            }
        }
    }
    Ok(())
}

fn echo(kind: u8, identity: u16, number: u64) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0];
    message.extend(identity.to_be_bytes());
    message.extend(u16::try_from(number & 0xffff).unwrap_or(0).to_be_bytes());
    message.extend(number.to_be_bytes());
    // The kernel fills the checksum of ICMPv6 in itself.
    let sum = checksum(&message).to_be_bytes();
    message.splice(2..4, sum);
    message
}

/// Number of the request that `packet` answers.
fn answer(packet: &[u8], skip_header: bool, reply: u8, identity: u16) -> Option<u64> {
    let header = if skip_header { usize::from(packet.first()? & 15) * 4 } else { 0 };
    let message = packet.get(header..)?;
    let ours = *message.first()? == reply && message.get(4..6)? == identity.to_be_bytes();
    ours.then_some(u64::from_be_bytes(message.get(8..16)?.try_into().ok()?))
}
