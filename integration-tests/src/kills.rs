//! Random kills of single daemons under client load: the supervisor that starts them again as the service manager would, and the clients
//! whose every request counts.
//!
//! Threading: kills come from the calling thread, restarts from one thread per node; clients have threads of their own.
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::ask::BOUND;
use crate::lab::http::{HttpClient, Service};
use crate::lab::node::DAEMONS;
use crate::lab::{NODES, Node, clock};
use crate::pair::Pair;

/// Pause before a daemon that ended is started again: `RestartSec=` of the units.
pub const RESTART_AFTER: Duration = Duration::from_millis(100);
/// What a client gives one request: connecting, and then the answer. The kernel repeats a lost SYN or segment within that (the first
/// time after 1 s and 200 ms); the client itself repeats nothing, so a request that is not answered in this time is lost.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(3);

/// Xorshift: the same seed gives the same numbers.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// From a seed; 0 counts as 1.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// A number below `bound` (0 if that is 0).
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.checked_rem(bound).unwrap_or(0)
    }

    /// One of a list.
    ///
    /// # Errors
    /// When it is empty.
    pub fn one_of<T: Copy>(&mut self, list: &[T]) -> Result<T> {
        let index = usize::try_from(self.below(u64::try_from(list.len())?))?;
        list.get(index).copied().context("an empty list")
    }

    /// Lets a random time below `most` pass.
    pub fn pause(&mut self, most: Duration) {
        clock::pause(Duration::from_micros(self.below(u64::try_from(most.as_micros()).unwrap_or(0))));
    }
}

/// What was killed, how often.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Kills in all.
    pub kills: u64,
    /// By node and daemon, in the order of [`NODES`] and [`DAEMONS`].
    pub each: [[u64; 3]; 2],
    /// Longest time from a kill until all was well again.
    pub slowest_recovery: Duration,
}

/// Kills `count` daemons, one at a time, at random moments; each is started again after [`RESTART_AFTER`]. The next kill comes 0 to
/// 600 ms later, whether or not the last one is over; after each tenth it waits until the pair is healthy.
///
/// # Errors
/// When a daemon cannot be killed or started, or the pair does not recover.
pub fn kill_at_random(pair: &Pair, count: u64, chance: &mut Chance) -> Result<Tally> {
    std::thread::scope(|scope| {
        let (orders, supervisors): (Vec<Sender<&'static str>>, Vec<_>) = pair
            .lab()
            .nodes()
            .iter()
            .map(|node| {
                let (order, orders) = channel();
                (order, scope.spawn(move || supervise(node, &orders)))
            })
            .unzip();
        let result = kill_all(pair, count, chance, &orders);
        drop(orders);
        for supervisor in supervisors {
            supervisor.join().map_err(|_| anyhow!("a supervisor panicked"))??;
        }
        result
    })
}

fn kill_all(pair: &Pair, count: u64, chance: &mut Chance, orders: &[Sender<&'static str>]) -> Result<Tally> {
    let mut tally = Tally::default();
    while tally.kills < count {
        let (at, which) = (chance.one_of(&[0_usize, 1])?, chance.one_of(&[0_usize, 1, 2])?);
        let node = pair.lab().nodes().get(at).context("no such node")?;
        let daemon = DAEMONS.get(which).copied().context("no such daemon")?;
        // It may be down from an earlier kill: then this one would be none.
        if !node.daemon(daemon)?.is_alive() {
            chance.pause(RESTART_AFTER);
            continue;
        }
        node.kill9(daemon)?;
        let killed = clock::now();
        tally.kills += 1;
        if let Some(each) = tally.each.get_mut(at).and_then(|node| node.get_mut(which)) {
            *each += 1;
        }
        orders.get(at).context("no supervisor")?.send(daemon).context("a supervisor has gone")?;
        if tally.kills.is_multiple_of(10) {
            pair.wait_healthy_within(BOUND * 2)?;
            tally.slowest_recovery = tally.slowest_recovery.max(clock::now().saturating_sub(killed));
        } else {
            chance.pause(Duration::from_millis(600));
        }
    }
    pair.wait_healthy_within(BOUND * 2)?;
    Ok(tally)
}

/// Starts again what was killed on a node, each after its pause.
fn supervise(node: &Node, orders: &Receiver<&'static str>) -> Result<()> {
    while let Ok(daemon) = orders.recv() {
        clock::pause(RESTART_AFTER);
        node.start(daemon)?;
    }
    Ok(())
}

/// Clients that ask the application of `group` all the time, each after its own pause.
#[derive(Debug)]
pub struct Load(Vec<HttpClient>);

impl Load {
    /// Starts one client per pause and waits until all are answered.
    ///
    /// # Errors
    /// When there is no such group, or it does not answer.
    pub fn start(pair: &Pair, group: &str, pauses: &[Duration]) -> Result<Self> {
        let spec = pair.group(group)?;
        let address = SocketAddr::new(spec.vip(), spec.port());
        let start = |pause: &Duration| HttpClient::start(pair.lab().client(), address, *pause, REQUEST_LIMIT);
        let load = Self(pauses.iter().map(start).collect::<Result<_>>()?);
        pair.wait_until("the clients are answered", BOUND, || Ok(load.0.iter().all(|client| client.last().is_some())))?;
        Ok(load)
    }

    /// Ends the clients; what each saw.
    ///
    /// # Errors
    /// When one panicked.
    pub fn stop(self) -> Result<Vec<Service>> {
        self.0.into_iter().map(HttpClient::stop).collect()
    }
}

/// Demands that every request was answered, by one node all the time, and that no count was lost. Returns the number of requests and
/// the longest that one took.
///
/// # Errors
/// At the first request that was lost, or answered otherwise.
pub fn every_request_answered(seen: &[Service]) -> Result<(usize, Duration)> {
    let (mut requests, mut slowest) = (0, Duration::ZERO);
    for service in seen {
        let samples = &service.timeline.samples;
        requests += samples.len();
        for sample in samples {
            let answered = sample.answered.with_context(|| format!("the request of {:?} was lost", sample.sent))?;
            slowest = slowest.max(answered.saturating_sub(sample.sent));
        }
        ensure!(service.served_by().len() == 1, "answered by {:?}", service.served_by());
        ensure!(service.counter_went_back().is_none(), "a count was lost: {:?}", service.counter_went_back());
    }
    Ok((requests, slowest))
}

/// `alpha: hbd 3, resd 2 …`
#[must_use]
pub fn describe(tally: &Tally) -> String {
    let node = |(name, counts): (&str, &[u64; 3])| {
        let each: Vec<String> = DAEMONS.iter().zip(counts).map(|(daemon, count)| format!("{daemon} {count}")).collect();
        format!("{name}: {}", each.join(", "))
    };
    let nodes: Vec<String> = NODES.into_iter().zip(&tally.each).map(node).collect();
    format!("{} kills ({}), slowest recovery {:?}", tally.kills, nodes.join("; "), tally.slowest_recovery)
}
