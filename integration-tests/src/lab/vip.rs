//! The judge of ownership: asks the network, from the client's place, who has an address, and writes down who answers.
//!
//! Each question comes from a hardware address of its own (one of 256), which the answer repeats: so every answer is
//! known to belong to one question, and two machines answering the same question is proof of two owners, however loaded
//! the machine is. The questions come from an address that nobody uses, so they disturb neither the client's neighbour
//! cache nor the one who is asked.
//!
//! Threading: one thread per probe.
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::packet::{self, PacketSocket};
use super::{Lab, clock, net};

/// Host number the questions come from.
const ASKING_HOST: u8 = 250;

/// One question and who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// When it was asked (lab clock).
    pub at: Duration,
    /// Different hardware addresses that answered, in the order of their answers.
    pub macs: Vec<[u8; 6]>,
}

/// A time during which the same machine(s) answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Who: none, one, or more than one at once; sorted.
    pub macs: Vec<[u8; 6]>,
    /// First and last question answered so.
    pub from: Duration,
    /// See `from`.
    pub to: Duration,
    /// How many questions.
    pub questions: usize,
}

/// Everything a probe saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    /// Pace of the questions.
    pub interval: Duration,
    /// All questions, oldest first; the last few may still have been waiting for an answer.
    pub asked: Vec<Asked>,
    /// Gratuitous ARP and unsolicited advertisements: when and who.
    pub announcements: Vec<(Duration, [u8; 6])>,
}

impl Ownership {
    /// How long two machines answered for the address at once (questions with two answers, times the pace).
    #[must_use]
    pub fn dual(&self) -> Duration {
        let count = self.asked.iter().filter(|asked| asked.macs.len() > 1).count();
        self.interval * u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// [`Ownership::dual`] in milliseconds.
    #[must_use]
    pub fn dual_owner_ms(&self) -> f64 {
        clock::millis(self.dual())
    }

    /// Who answered over time.
    #[must_use]
    pub fn owners_over_time(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for asked in &self.asked {
            let mut macs = asked.macs.clone();
            macs.sort_unstable();
            match spans.last_mut() {
                Some(span) if span.macs == macs => {
                    span.to = asked.at;
                    span.questions += 1;
                }
                _ => spans.push(Span { macs, from: asked.at, to: asked.at, questions: 1 }),
            }
        }
        spans
    }

    /// The owners one after the other, without the times when nobody answered.
    #[must_use]
    pub fn owners(&self) -> Vec<[u8; 6]> {
        let mut owners: Vec<[u8; 6]> = self.asked.iter().flat_map(|asked| asked.macs.iter().copied()).collect();
        owners.dedup();
        owners
    }

    /// Only what was asked and announced within `from..to`.
    #[must_use]
    pub fn between(&self, from: Duration, to: Duration) -> Self {
        Self {
            interval: self.interval,
            asked: self.asked.iter().filter(|asked| (from..to).contains(&asked.at)).cloned().collect(),
            announcements: self.announcements.iter().filter(|(at, _)| (from..to).contains(at)).copied().collect(),
        }
    }

    /// The spans as text, with the machines' names, for failure messages.
    #[must_use]
    pub fn describe(&self, lab: &Lab) -> String {
        let start = self.asked.first().map_or(Duration::ZERO, |asked| asked.at);
        let name = |mac: &[u8; 6]| {
            lab.owner_of_mac(0, *mac).map_or_else(|| net::mac_text(*mac), |node| node.name().to_owned())
        };
        self.owners_over_time().iter().fold(String::new(), |text, span| {
            let who: Vec<String> = span.macs.iter().map(name).collect();
            let who = if who.is_empty() { "nobody".to_owned() } else { who.join(" AND ") };
            let (from, to) =
                (clock::millis(span.from.saturating_sub(start)), clock::millis(span.to.saturating_sub(start)));
            format!("{text}{from:9.1} .. {to:9.1} ms: {who}\n")
        })
    }
}

/// A running probe.
#[derive(Debug)]
pub struct VipProbe {
    seen: Arc<Mutex<Ownership>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

fn lock(seen: &Mutex<Ownership>) -> MutexGuard<'_, Ownership> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl VipProbe {
    /// Starts to ask for `address` on the client's network every `interval` (5 to 20 ms).
    ///
    /// # Errors
    /// When the packet socket cannot be opened.
    pub fn start(lab: &Lab, address: impl Into<IpAddr>, interval: Duration) -> Result<Self> {
        let address = address.into();
        let interface = lab.switch().nets().first().context("a lab without networks")?;
        let (ether_type, sender): (u16, IpAddr) = match address {
            IpAddr::V4(_) => (packet::ARP, net::ipv4(0, ASKING_HOST).into()),
            IpAddr::V6(_) => (packet::IPV6, net::ipv6(0, ASKING_HOST).into()),
        };
        let socket = PacketSocket::open(lab.client(), interface, ether_type)?;
        let seen = Arc::new(Mutex::new(Ownership { interval, ..Ownership::default() }));
        let ended = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name(format!("who-has-{address}")).spawn({
            let (seen, ended) = (Arc::clone(&seen), Arc::clone(&ended));
            move || {
                clock::prefer_this_thread();
                ask(&socket, sender, address, interval, &seen, &ended)
            }
        })?;
        Ok(Self { seen, ended, thread: Some(thread) })
    }

    /// Everything seen so far.
    #[must_use]
    pub fn seen(&self) -> Ownership {
        lock(&self.seen).clone()
    }

    /// Who answered the newest answered question, if that was within the last `window`.
    #[must_use]
    pub fn owner_within(&self, window: Duration) -> Option<[u8; 6]> {
        let since = clock::now().saturating_sub(window);
        let seen = lock(&self.seen);
        seen.asked.iter().rev().take_while(|asked| asked.at >= since).find_map(|asked| asked.macs.first().copied())
    }

    /// Stops and returns everything seen.
    ///
    /// # Errors
    /// When the probe could not go on (its interface vanished).
    pub fn stop(mut self) -> Result<Ownership> {
        self.ended.store(true, Ordering::Release);
        let thread = self.thread.take().context("stopped already")?;
        thread.join().map_err(|_| anyhow!("the probe's thread panicked"))??;
        Ok(self.seen())
    }
}

impl Drop for VipProbe {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
    }
}

fn ask(
    socket: &PacketSocket,
    sender: IpAddr,
    address: IpAddr,
    interval: Duration,
    seen: &Mutex<Ownership>,
    ended: &AtomicBool,
) -> Result<()> {
    let family = if address.is_ipv4() { 4 } else { 6 };
    let tag = address_tag(address);
    // Which question each of the 256 asking addresses was last used for.
    let mut asked: BTreeMap<u8, usize> = BTreeMap::new();
    let mut number = 0_u8;
    let mut next = clock::now();
    while !ended.load(Ordering::Acquire) {
        let now = clock::now();
        if now >= next {
            let mac = [0x02, 0x50, family, tag, 0, number];
            {
                let mut seen = lock(seen);
                asked.insert(number, seen.asked.len());
                seen.asked.push(Asked { at: now, macs: Vec::new() });
            }
            // A question that cannot be sent stays unanswered, which is what the record then says.
            let _unsent = socket.send(&packet::question(mac, sender, address)?);
            number = number.wrapping_add(1);
            next = (next + interval).max(now);
        }
        socket.wait(next.saturating_sub(now));
        while let Some(frame) = socket.receive().context("listening for answers")? {
            let Some(claim) = packet::claim_of(&frame.bytes) else { continue };
            if claim.address != address {
                continue;
            }
            let mut seen = lock(seen);
            match claim.to {
                [0x02, 0x50, f, t, 0, number] if f == family && t == tag => {
                    let question = asked.get(&number).and_then(|index| seen.asked.get_mut(*index));
                    if let Some(question) = question.filter(|question| !question.macs.contains(&claim.mac)) {
                        question.macs.push(claim.mac);
                    }
                }
                _ if claim.announcement => seen.announcements.push((frame.at, claim.mac)),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Last byte of the address: keeps apart the probes for several addresses.
fn address_tag(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    }
}
