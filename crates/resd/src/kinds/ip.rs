//! `kind = "ip"` (S3 S15): a virtual address, thoroughly checked: held by nobody else, present, carried, reachable.
//!
//! Two background tasks per address: the *watcher* looks at the table of links and addresses after each change and tells
//! the core at once; the *ear* hears who on the wire speaks for the address and for the reachability targets. While the
//! address is held a third one, the *announcer*, repeats announcements.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hotpair_runtime::clock;
use hotpair_types::{FailureScope, Timestamp};
use resource_core::{Outcome, ResourceEvent};
use tokio::sync::Notify;

use super::{EventSink, Op, OpContext, ResourceKind, Tools, failed, network_failed, node_lacks, unknown};
use crate::act::arp::Listener;
use crate::act::exec::passed;
use crate::act::frames::{Mac, show_mac};
use crate::act::icmp;
use crate::act::netlink::Link;

/// Consecutive rounds without any answer until the network counts as failed.
const SILENT_ROUNDS: u32 = 3;
/// Longest wait for an answer of one round.
const ROUND_LIMIT: Duration = Duration::from_secs(1);
/// Shortest time between two defences against somebody else's claim (RFC 5227 section 2.4 has 10 s for hosts; a service
/// address is worth more, but a war of announcements helps nobody).
const DEFEND_INTERVAL: Duration = Duration::from_secs(1);

/// What the configuration says, for this node.
#[derive(Clone, Debug)]
pub struct IpSettings {
    /// The address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
    /// Interface on this node.
    pub interface: String,
    /// Time to look for another holder before start.
    pub conflict_check: Duration,
    /// Announcements after start.
    pub announce_count: u32,
    /// Pause between them.
    pub announce_interval: Duration,
    /// Pause between refreshes.
    pub announce_refresh: Option<Duration>,
    /// Addresses of which one must answer.
    pub reachability: Vec<IpAddr>,
    /// Preferred source address.
    pub source: bool,
}

/// The newest word of each address on the wire: hardware address, if told, and when.
type Heard = BTreeMap<IpAddr, (Option<Mac>, Timestamp)>;

#[derive(Debug)]
struct Shared {
    settings: IpSettings,
    tools: Tools,
    events: EventSink,
    /// We hold it: set by start and adoption, unset by stop.
    active: AtomicBool,
    silent_rounds: AtomicU32,
    heard: Mutex<Heard>,
    word: Notify,
    /// Asks the announcer for another round.
    announce: Notify,
}

/// A virtual address on this node.
#[derive(Debug)]
pub struct Ip(Arc<Shared>);

impl Ip {
    /// Starts watching; changes nothing.
    pub fn new(settings: IpSettings, tools: Tools, events: EventSink) -> Self {
        let shared = Arc::new(Shared {
            settings,
            tools,
            events,
            active: AtomicBool::new(false),
            silent_rounds: AtomicU32::new(0),
            heard: Mutex::default(),
            word: Notify::new(),
            announce: Notify::new(),
        });
        tokio::spawn(Arc::clone(&shared).watch());
        tokio::spawn(Arc::clone(&shared).listen());
        tokio::spawn(Arc::clone(&shared).keep_announcing());
        Self(shared)
    }
}

impl Shared {
    fn link(&self) -> Option<Link> {
        self.tools.net.link(&self.settings.interface)
    }

    fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the interface cannot carry the address, if it cannot.
    fn link_trouble(&self, link: &Link) -> Option<String> {
        let name = &self.settings.interface;
        if !link.up {
            return Some(format!("interface {name} is switched off; `ip link set {name} up`"));
        }
        if !link.carrier {
            return Some(format!("interface {name} has no carrier: cable, switch port or bond member"));
        }
        None
    }

    /// Tells the core of every change of link and address, as it happens.
    async fn watch(self: Arc<Self>) {
        let mut changes = self.tools.net.changes();
        let mut last = None;
        loop {
            let link = self.link();
            let here = link.as_ref().is_some_and(|l| self.tools.net.has(l.index, self.settings.address));
            let trouble = match &link {
                None => Some(format!("interface {} does not exist", self.settings.interface)),
                Some(link) => self.link_trouble(link),
            };
            let now = (here, trouble.clone());
            if last.as_ref() != Some(&now) {
                let first = last.is_none();
                last = Some(now);
                if !first {
                    self.tell(here, trouble);
                }
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn tell(&self, here: bool, trouble: Option<String>) {
        let ip = self.settings.address;
        if !self.is_active() {
            self.events.send(ResourceEvent::Recheck);
            if here {
                self.events.send(ResourceEvent::Appeared);
            }
            return;
        }
        match trouble {
            Some(text) => self.events.send(ResourceEvent::Failed { text, scope: FailureScope::Network }),
            None => {
                self.events.send(ResourceEvent::Recovered);
                // Switches and neighbours may have forgotten it meanwhile.
                self.announce.notify_one();
            }
        }
        if !here {
            let text = format!("{ip} was removed from {} by somebody else", self.settings.interface);
            self.events.send(ResourceEvent::Vanished(text));
        }
    }

    /// Hears who speaks for the addresses that matter here.
    async fn listen(self: Arc<Self>) {
        let mut changes = self.tools.net.changes();
        let mut addresses = self.settings.reachability.clone();
        addresses.push(self.settings.address);
        loop {
            let index = self.link().map(|l| l.index);
            let listener = index.and_then(|index| {
                Listener::open(index, self.settings.address.is_ipv6(), &addresses)
                    .map_err(|error| tracing::warn!(%error, interface = %self.settings.interface, "cannot listen for address conflicts"))
                    .ok()
            });
            // Until the interface is another one.
            let mut gone = false;
            while !gone {
                tokio::select! {
                    changed = changes.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        let now = self.link().map(|l| l.index);
                        gone = now != index || (listener.is_none() && now.is_some());
                    }
                    heard = hear(listener.as_ref()) => self.take_word(heard),
                }
            }
        }
    }

    fn take_word(&self, heard: std::io::Result<(Option<Mac>, IpAddr)>) {
        let (mac, ip) = match heard {
            Ok(heard) => heard,
            Err(error) => {
                tracing::debug!(%error, interface = %self.settings.interface, "listening was interrupted");
                return;
            }
        };
        let own = self.link().and_then(|l| l.mac);
        let foreign = mac.is_some() && mac != own;
        if ip == self.settings.address && !foreign {
            return; // Ourselves, reflected.
        }
        self.heard().insert(ip, (mac, clock::now()));
        self.word.notify_waiters();
        if ip == self.settings.address && self.is_active() {
            let who = mac.map_or_else(|| "somebody".to_string(), show_mac);
            tracing::warn!(address = %ip, holder = %who, "somebody else claims our address: announcing it again");
            self.announce.notify_one();
        }
    }

    /// Waits until somebody has spoken for `ip` since `since`. The caller sets the limit.
    async fn word_of(&self, ip: IpAddr, since: Timestamp) -> Option<Mac> {
        loop {
            let word = self.word.notified();
            tokio::pin!(word);
            word.as_mut().enable();
            if let Some((mac, _)) = self.heard().get(&ip).filter(|(_, at)| *at >= since) {
                return *mac;
            }
            word.await;
        }
    }

    /// Repeats announcements: a burst whenever asked, a single one at each refresh, while we hold the address.
    async fn keep_announcing(self: Arc<Self>) {
        let mut last_burst = Timestamp::ZERO;
        loop {
            let refresh = async {
                match self.settings.announce_refresh {
                    Some(pause) => passed(clock::now().after(pause)).await,
                    None => std::future::pending().await,
                }
            };
            let burst = tokio::select! {
                () = self.announce.notified() => true,
                () = refresh => false,
            };
            if !burst {
                self.announce_once();
                continue;
            }
            if clock::now().since(last_burst) < DEFEND_INTERVAL {
                passed(last_burst.after(DEFEND_INTERVAL)).await;
            }
            last_burst = clock::now();
            for _ in 0..self.settings.announce_count.max(1) {
                if !self.is_active() {
                    break;
                }
                self.announce_once();
                passed(clock::now().after(self.settings.announce_interval)).await;
            }
        }
    }

    fn announce_once(&self) {
        if !self.is_active() {
            return;
        }
        if let Err(error) = self.announce_now() {
            // Carrier coming back asks for another round; see `tell`.
            tracing::debug!(%error, address = %self.settings.address, "could not be announced now");
        }
    }

    fn announce_now(&self) -> std::io::Result<()> {
        let link = self.link().ok_or(std::io::ErrorKind::NotFound)?;
        match link.mac {
            Some(mac) => self.tools.sender.announce(link.index, mac, self.settings.address),
            None => Ok(()), // Loopback, tunnels: nobody to tell.
        }
    }

    /// Looks for another holder. The text names it.
    async fn conflict(&self, link: &Link) -> Option<String> {
        let (limit, Some(mac)) = (self.settings.conflict_check, link.mac) else { return None };
        if limit.is_zero() || !link.carrier {
            return None;
        }
        let ip = self.settings.address;
        let since = clock::now();
        let end = since.after(limit);
        // RFC 5227 section 2.1.1 has several probes: a single one may be lost.
        for at in [since, since.after(limit / 2)] {
            tokio::select! {
                biased;
                mac = self.word_of(ip, since) => {
                    let who = mac.map_or_else(|| "a host that does not tell its hardware address".to_string(), show_mac);
                    return Some(format!("{ip} is in use by {who} on {}", self.settings.interface));
                }
                () = passed(at) => {}
            }
            if let Err(error) = self.tools.sender.ask(link.index, mac, None, ip) {
                tracing::warn!(%error, address = %ip, "the conflict check could not ask");
            }
        }
        tokio::select! {
            biased;
            mac = self.word_of(ip, since) => {
                let who = mac.map_or_else(|| "a host that does not tell its hardware address".to_string(), show_mac);
                Some(format!("{ip} is in use by {who} on {}", self.settings.interface))
            }
            () = passed(end) => None,
        }
    }

    /// True if one of the reachability targets answers, or there are none.
    async fn reachable(&self, link: &Link, limit: Duration) -> bool {
        if self.settings.reachability.is_empty() {
            return true;
        }
        let since = clock::now();
        let own = self.tools.net.addresses(link.index);
        let mut asked = futures_util::stream::FuturesUnordered::new();
        for (n, target) in self.settings.reachability.iter().enumerate() {
            let source = own.iter().map(|a| a.address).find(|a| a.is_ipv4() == target.is_ipv4());
            if let Some(mac) = link.mac
                && target.is_ipv4() == self.settings.address.is_ipv4()
                && let Err(error) = self.tools.sender.ask(link.index, mac, source, *target)
            {
                tracing::debug!(%error, %target, "could not ask for its hardware address");
            }
            let token = u16::try_from(n).unwrap_or(0);
            asked.push(async move {
                let echo = async {
                    match icmp::echo(&self.settings.interface, *target, token).await {
                        Ok(()) => {}
                        // Cannot be sent (no route): leave it to ARP or ND.
                        Err(_) => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = echo => {}
                    _ = self.word_of(*target, since) => {}
                }
            });
        }
        tokio::select! {
            _ = futures_util::StreamExt::next(&mut asked) => true,
            () = passed(since.after(limit)) => false,
        }
    }

    async fn check(&self, limit: Duration, patience: u32) -> Outcome {
        let Some(link) = self.link() else {
            return network_failed(format!("interface {} does not exist", self.settings.interface));
        };
        if let Some(text) = self.link_trouble(&link) {
            return network_failed(text);
        }
        if self.reachable(&link, (limit / 2).min(ROUND_LIMIT)).await {
            self.silent_rounds.store(0, Ordering::Relaxed);
            return Outcome::Ok;
        }
        let rounds = self.silent_rounds.load(Ordering::Relaxed).saturating_add(1);
        self.silent_rounds.store(rounds, Ordering::Relaxed);
        if rounds < patience {
            return Outcome::Ok;
        }
        let targets: Vec<String> = self.settings.reachability.iter().map(IpAddr::to_string).collect();
        network_failed(format!("none of {} answers on {}", targets.join(", "), self.settings.interface))
    }
}

async fn hear(listener: Option<&Listener>) -> std::io::Result<(Option<Mac>, IpAddr)> {
    match listener {
        Some(listener) => listener.heard().await,
        None => std::future::pending().await,
    }
}

impl ResourceKind for Ip {
    fn probe<'a>(&'a self, _: &'a OpContext) -> Op<'a> {
        Box::pin(async {
            let ip = self.0.settings.address;
            let holders = match self.0.tools.net.holders(ip).await {
                Ok(holders) => holders,
                Err(error) => return unknown(error.to_string()),
            };
            let index = self.0.link().map(|l| l.index);
            match holders.iter().find(|h| Some(**h) != index) {
                Some(other) => {
                    failed(format!("{ip} is on interface number {other} of this node, not on the configured one"))
                }
                None if holders.is_empty() => {
                    self.0.active.store(false, Ordering::Relaxed);
                    Outcome::NotRunning
                }
                None => {
                    self.0.active.store(true, Ordering::Relaxed);
                    Outcome::Ok
                }
            }
        })
    }

    fn start<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        Box::pin(async {
            let (settings, net) = (&self.0.settings, &self.0.tools.net);
            let ip = settings.address;
            let Some(link) = self.0.link() else {
                return node_lacks(format!("interface {} does not exist on this node", settings.interface));
            };
            if !link.up {
                return network_failed(self.0.link_trouble(&link).unwrap_or_default());
            }
            if !net.has(link.index, ip)
                && let Some(text) = self.0.conflict(&link).await
            {
                return failed(format!("{text}; two holders would cut clients off, so it is not taken"));
            }
            if cx.not_after.is_some_and(|end| clock::now() >= end) {
                return failed("the lease has run out");
            }
            if let Err(error) = net.add(link.index, ip, settings.prefix, settings.source).await {
                return failed(error.to_string());
            }
            self.0.active.store(true, Ordering::Relaxed);
            self.0.silent_rounds.store(0, Ordering::Relaxed);
            // The first one leaves before anything else; the rest is the announcer's.
            self.0.announce_once();
            self.0.announce.notify_one();
            if let Some(text) = self.0.link_trouble(&link) {
                // It is served as well as it can be; the core hears of the network apart.
                self.0.events.send(ResourceEvent::Failed { text, scope: FailureScope::Network });
            }
            Outcome::Ok
        })
    }

    fn stop<'a>(&'a self, _: &'a OpContext, _force: bool) -> Op<'a> {
        Box::pin(async {
            let ip = self.0.settings.address;
            self.0.active.store(false, Ordering::Relaxed);
            let net = &self.0.tools.net;
            let holders = match net.holders(ip).await {
                Ok(holders) => holders,
                Err(error) => return failed(error.to_string()),
            };
            for index in holders {
                if let Err(error) = net.remove(index, ip).await {
                    return failed(error.to_string());
                }
            }
            match net.holders(ip).await {
                Ok(left) if left.is_empty() => Outcome::Ok,
                Ok(_) => failed(format!("{ip} is still there after its removal: somebody puts it back")),
                Err(error) => failed(error.to_string()),
            }
        })
    }

    fn monitor<'a>(&'a self, cx: &'a OpContext, _deep: bool) -> Op<'a> {
        Box::pin(async {
            let ip = self.0.settings.address;
            match (self.0.tools.net.holders(ip).await, self.0.link()) {
                (Err(error), _) => unknown(error.to_string()),
                (Ok(holders), Some(link)) if holders.contains(&link.index) => {
                    self.0.check(cx.timeout, SILENT_ROUNDS).await
                }
                (Ok(_), Some(_)) => Outcome::NotRunning,
                (Ok(_), None) => network_failed(format!("interface {} is gone", self.0.settings.interface)),
            }
        })
    }

    fn readiness<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        Box::pin(async {
            if self.0.link().is_none() {
                return node_lacks(format!(
                    "interface {} does not exist on this node; create it or correct `interface`",
                    self.0.settings.interface
                ));
            }
            self.0.check(cx.timeout, SILENT_ROUNDS).await
        })
    }

    fn announce<'a>(&'a self, _: &'a OpContext) -> Op<'a> {
        Box::pin(async {
            self.0.announce.notify_one();
            match self.0.announce_now() {
                Ok(()) => Outcome::Ok,
                Err(error) => failed(format!("{} could not be announced: {error}", self.0.settings.address)),
            }
        })
    }
}
