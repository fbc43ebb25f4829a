//! One node of the small world: its real arbiter, and the simplest hbd, resd, prober and state file that keep their contracts.

use crate::canon::Base;
use crate::pair::{NEVER, group, write};
use arbiter_core::Arbiter;
use arbiter_core::io::{ArbiterConfig, Durable, Input, Order, Output, SafetyOrder, Seed, Ticket};
use core::time::Duration;
use hotpair_types::{
    Advert, BootId, Desired, Digest, DirectionView, Epoch, Evidence, FenceHealth, GroupObserved, GroupState,
    Incarnation, LifeSign, Medium, NetworkSelfTest, ObservedView, PathCause, PathName, PathState, PathStats, PathView,
    PeerView, ProbeKind, ReceivedAdvert, Target, Timestamp, WatchdogState,
};
use std::hash::{DefaultHasher, Hash};

/// One tick.
pub const TICK: Duration = Duration::from_millis(200);

/// The clock of both nodes at a tick.
pub fn clock(tick: u64) -> Timestamp {
    Timestamp::from_millis(10_000 + tick * 200)
}

/// What comes in from outside in a tick.
#[derive(Clone, Debug)]
pub struct Hearing {
    /// Heartbeats of the peer arrive.
    pub heard: bool,
    /// With its arbiter's newest word.
    pub advert: Option<Advert>,
    /// Its arbiter is gone.
    pub stale: bool,
    /// Its kernel answers probes.
    pub kernel: bool,
    /// The reference address answers.
    pub connected: bool,
}

/// What resd has the group at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Real {
    Down,
    Up,
    Stopping,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    config: ArbiterConfig,
    /// Power is on.
    pub on: bool,
    /// The machine stands still.
    pub paused: bool,
    /// The arbiter, while arbiterd lives.
    pub arbiter: Option<Arbiter>,
    /// Number of arbiterd's run, unique in the pair.
    pub run: u64,
    boots: u8,
    disk: Option<Durable>,
    writing: Option<(Ticket, Durable)>,
    /// Writes do not end.
    pub slow_disk: bool,
    /// Stops do not end.
    pub slow_stop: bool,
    real: Real,
    target: Option<Target>,
    /// The newest advert, and the one that is on the wires.
    advert: Option<Advert>,
    /// What the peer hears in the next tick.
    pub told: Option<Advert>,
    heard: Option<(Advert, bool)>,
    silent: u8,
    last_heard: Option<Timestamp>,
    views: u64,
    /// Highest epoch by which the group was ever ordered up here.
    pub highest: Epoch,
    /// The rule that decided last takes the group from a silent peer.
    silently: bool,
    /// The last two rounds of probes: asked, connected, and nothing there.
    silent_rounds: [bool; 2],
    took: Option<(Epoch, bool)>,
    ordered: Option<Epoch>,
    /// Rounds of probes that the arbiter asked for in this tick.
    rounds: Vec<u64>,
    /// What this run of the arbiter was told last: views that say the same are not sent again.
    said_peer: Option<SaidPeer>,
    said_observed: Option<ObservedView>,
}

/// What a view says of the peer: the path, and of its advert the run, the number and whether it is stale.
type SaidPeer = (PathState, Option<(Incarnation, u64, bool)>);

impl Node {
    /// A node that has just booted.
    pub fn new(config: ArbiterConfig, now: Timestamp) -> Self {
        let mut node = Self {
            config,
            on: true,
            paused: false,
            arbiter: None,
            run: 0,
            boots: 1,
            disk: None,
            writing: None,
            slow_disk: false,
            slow_stop: false,
            real: Real::Down,
            target: None,
            advert: None,
            told: None,
            heard: None,
            silent: 0,
            last_heard: None,
            views: 0,
            highest: NEVER,
            silently: false,
            silent_rounds: [false; 2],
            took: None,
            ordered: None,
            rounds: Vec::new(),
            said_peer: None,
            said_observed: None,
        };
        node.start(now);
        node
    }

    fn boot_id(&self) -> BootId {
        let mut id = [0; 16];
        (id[0], id[1]) = (u8::from(self.config.node) + 1, self.boots);
        BootId(id)
    }

    fn start(&mut self, now: Timestamp) {
        // Runs of the two nodes never share a number.
        self.run = if self.run == 0 { 10 + self.config.node.index() as u64 } else { self.run + 2 };
        let seed = Seed { boot: self.boot_id(), arbiter: Incarnation(self.run) };
        self.arbiter = Some(Arbiter::new(self.config.clone(), self.disk.clone(), seed, now));
        self.silent_rounds = [false; 2];
        (self.said_peer, self.said_observed) = (None, None);
    }

    /// Something of the group has effects here.
    pub fn up(&self) -> bool {
        self.on && self.real != Real::Down
    }

    /// A write is under way.
    pub fn writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Number of the newest advert.
    pub fn newest_advert(&self) -> u64 {
        self.advert.as_ref().map_or(0, |a| a.seq)
    }

    /// What resd has accepted.
    pub fn generation(&self) -> u64 {
        self.target.as_ref().map_or(0, |t| t.generation.0)
    }

    /// arbiterd dies.
    pub fn kill(&mut self, kept: bool) {
        if let Some((_, durable)) = self.writing.take().filter(|_| kept) {
            self.disk = Some(durable);
        }
        self.arbiter = None;
        self.silently = false;
    }

    /// Power is lost.
    pub fn crash(&mut self, kept: bool) {
        self.kill(kept);
        (self.on, self.real, self.target) = (false, Real::Down, None);
        (self.advert, self.told, self.heard, self.last_heard, self.silent) = (None, None, None, None, 0);
        (self.slow_disk, self.slow_stop) = (false, false);
    }

    /// Everything that ails it ends.
    pub fn recover(&mut self, now: Timestamp) {
        if !self.on {
            self.on = true;
            self.boots += 1;
        }
        (self.paused, self.slow_disk, self.slow_stop) = (false, false, false);
        if self.arbiter.is_none() {
            self.start(now);
        }
    }

    /// A person orders the group away.
    pub fn order_away(&mut self, now: Timestamp) {
        let order = Order::Switchover { group: group(), to: Some(self.config.node.other()) };
        self.feed(Input::Order { ticket: 0, by: "root".to_string(), order, dry_run: false }, now);
    }

    /// What it said in this tick is heard in the next one.
    pub fn post(&mut self) {
        self.told.clone_from(&self.advert);
    }

    /// One tick of the node.
    pub fn run(&mut self, hearing: Hearing, now: Timestamp) {
        (self.took, self.ordered) = (None, None);
        if !self.on || self.paused {
            return;
        }
        self.obey(now);
        self.hear(hearing.heard, hearing.advert.clone(), hearing.stale, now);
        let word = self.heard.as_ref().map(|(a, stale)| (a.arbiter, a.seq, *stale));
        let say = Some((self.path_state(), word));
        if self.said_peer != say {
            self.said_peer = say;
            let view = self.view(now);
            let advert = self.heard.as_ref().map(|(a, _)| a.clone());
            self.feed(Input::Peer { view, advert }, now);
        }
        if !self.slow_disk
            && let Some((ticket, durable)) = self.writing.take()
        {
            self.disk = Some(durable);
            self.feed(Input::Persisted(ticket), now);
        }
        let observed = self.observed();
        if self.said_observed.as_ref() != Some(&observed) {
            self.said_observed = Some(observed.clone());
            self.feed(Input::Observed(observed), now);
        }
        if self.arbiter.as_ref().and_then(Arbiter::poll_timeout).is_some_and(|at| at <= now) {
            if let Some(arbiter) = &mut self.arbiter {
                arbiter.handle_timeout(now);
            }
            self.drain();
        }
        for round in core::mem::take(&mut self.rounds) {
            self.probe(round, hearing.kernel, hearing.connected, now);
        }
    }

    fn hear(&mut self, heard: bool, advert: Option<Advert>, stale: bool, now: Timestamp) {
        if !heard {
            self.silent = (self.silent + 1).min(2);
            return;
        }
        (self.silent, self.last_heard) = (0, Some(now));
        if let Some(advert) = advert {
            self.heard = Some((advert, stale));
        } else if let Some((_, old)) = &mut self.heard {
            *old = true;
        }
    }

    fn path_state(&self) -> PathState {
        match (self.silent, self.last_heard) {
            (0, Some(_)) => PathState::Up,
            (0 | 1, None) => PathState::Unknown,
            (1, Some(_)) => PathState::Late,
            _ => PathState::Down,
        }
    }

    fn view(&mut self, now: Timestamp) -> PeerView {
        self.views += 1;
        let state = self.path_state();
        let direction = DirectionView { state, since: now, cause: PathCause::None };
        PeerView {
            seq: self.views,
            hbd: Incarnation(1),
            taken_at: now,
            peer: None,
            last_heard: self.last_heard,
            paths: vec![PathView {
                name: PathName::new("lan").unwrap_or_else(|e| panic!("lan: {e}")),
                medium: Medium::Udp,
                priority: 1,
                interval: TICK,
                lost: 2,
                rx: direction.clone(),
                tx: direction,
                stats: PathStats::default(),
            }],
            last_stall: None,
            stalls: 0,
            advert: self.heard.as_ref().map(|(_, stale)| ReceivedAdvert {
                digest: Digest([0; 8]),
                bytes: Vec::new(),
                received_at: now,
                stale: *stale,
            }),
            own_advert_confirmed: None,
        }
    }

    /// resd: the target and the lease, level-triggered. A stop that began in this tick ends in a later one.
    fn obey(&mut self, now: Timestamp) {
        let wanted = self.target.as_ref().and_then(|t| t.groups.get(&group()));
        let (desired, lease) = wanted.map_or((Desired::Unmanaged, None), |w| (w.desired, w.lease_expires));
        let up = desired == Desired::Started && lease.is_none_or(|end| now < end);
        self.real = match (desired, self.real) {
            (Desired::Unmanaged, real) => real,
            (_, Real::Stopping) if self.slow_stop => Real::Stopping,
            (_, Real::Stopping) => Real::Down,
            (_, Real::Down) if up => Real::Up,
            (_, Real::Up) if !up => Real::Stopping,
            (_, real) => real,
        };
    }

    fn observed(&self) -> ObservedView {
        let wanted = self.target.as_ref().and_then(|t| t.groups.get(&group()));
        let state = match self.real {
            Real::Down => GroupState::Stopped,
            Real::Up => GroupState::Running,
            Real::Stopping => GroupState::Stopping,
        };
        let observed = GroupObserved {
            state,
            since: Timestamp::ZERO,
            epoch: wanted.map_or(NEVER, |w| w.epoch),
            serving: self.real != Real::Down,
            failure: None,
            not_ready: Vec::new(),
            readiness_known: true,
            cleared: wanted.map_or(0, |w| w.clear),
            lease_expires: wanted.and_then(|w| w.lease_expires),
            peer_lease: None,
            resources: Vec::new(),
        };
        ObservedView {
            seq: self.generation(),
            resd: Incarnation(2),
            taken_at: Timestamp::ZERO,
            generation: self.target.as_ref().map(|t| t.generation),
            groups: [(group(), observed)].into_iter().collect(),
            fence: None,
            fence_health: FenceHealth::default(),
            watchdog: WatchdogState::default(),
        }
    }

    fn probe(&mut self, round: u64, kernel: bool, connected: bool, now: Timestamp) {
        self.silent_rounds = [connected && !kernel, self.silent_rounds[0]];
        let self_test = NetworkSelfTest { with_carrier: 1, references: 1, ..NetworkSelfTest::default() };
        self.feed(Input::RoundStarted { round, self_test }, now);
        let via = || "eth0".to_string();
        let mut evidence = vec![Evidence::Sent { probe: ProbeKind::Arp, via: via() }];
        if kernel {
            evidence.push(Evidence::Life { probe: ProbeKind::Arp, sign: LifeSign::Kernel, via: via() });
        }
        if connected {
            evidence.push(Evidence::ReferenceAnswered { via: via() });
        }
        for evidence in evidence {
            self.feed(Input::Evidence { round, evidence }, now);
        }
    }

    fn feed(&mut self, input: Input, now: Timestamp) {
        if let Some(arbiter) = &mut self.arbiter {
            arbiter.handle_input(input, now);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.arbiter.as_mut().and_then(Arbiter::poll_output) {
            match output {
                Output::Persist { ticket, durable } => self.writing = Some((ticket, durable)),
                Output::Advert(advert) => self.advert = Some(advert),
                Output::Safety(SafetyOrder::Round(round)) => self.rounds.push(round),
                Output::Safety(SafetyOrder::Stop) => self.silent_rounds = [false; 2],
                Output::Target(target) => self.accept(target),
                Output::Event(event) if event.group.is_some() => {
                    let id = event.sentence.id;
                    if id == "E200" {
                        let epoch = self.arbiter.as_ref().and_then(|a| a.epoch_of("web")).unwrap_or(NEVER);
                        self.took = Some((epoch, self.silently));
                    } else if id.starts_with('R') {
                        self.silently = id == "R460" || id == "R313";
                    }
                }
                _ => {}
            }
        }
    }

    /// resd takes a target that is newer than the one it has.
    fn accept(&mut self, target: Target) {
        if self.target.as_ref().is_some_and(|t| t.generation >= target.generation) {
            return;
        }
        if let Some(wanted) = target.groups.get(&group()).filter(|w| w.desired == Desired::Started) {
            self.ordered = Some(wanted.epoch);
        }
        self.target = Some(target);
    }

    /// What was violated in this tick, seen from this node.
    pub fn judge(&mut self) -> Option<String> {
        if let Some((epoch, silently)) = self.took.take() {
            if epoch <= self.highest {
                return Some(format!("epochs increase: {epoch} is taken after {}", self.highest));
            }
            if silently && !self.silent_rounds.contains(&true) {
                return Some(
                    "unknown is not down: taken over, and no round of probes had found out anything".to_string(),
                );
            }
        }
        let epoch = self.ordered.take()?;
        let durable = self.disk.as_ref().and_then(|d| d.groups.get(&group())).map_or(NEVER, |g| g.epoch);
        if epoch.owner() != Some(self.config.node) || epoch < self.highest {
            return Some(format!("epochs increase: ordered up by {epoch} after {}", self.highest));
        }
        self.highest = epoch;
        (durable < epoch).then(|| format!("durable first: ordered up by {epoch}, the disk knows {durable}"))
    }

    /// Writes everything that decides how it goes on into the fingerprint.
    pub fn print(&self, hashers: &mut [DefaultHasher; 2], base: Base) {
        for hasher in hashers.iter_mut() {
            (self.on, self.paused, self.slow_disk, self.slow_stop, self.real, self.silent).hash(hasher);
            (self.silent_rounds, self.boots, self.silently).hash(hasher);
        }
        write(hashers, base, &self.arbiter);
        write(hashers, base, &self.disk);
        write(hashers, base, &self.writing.as_ref().map(|(_, durable)| durable));
        write(hashers, base, &self.target);
        write(hashers, base, &self.advert);
        write(hashers, base, &self.told);
        write(hashers, base, &self.heard);
        write(hashers, base, &self.last_heard);
        write(hashers, base, &self.highest);
    }
}
