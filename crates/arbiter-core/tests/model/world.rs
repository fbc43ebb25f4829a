//! The two nodes and what joins them.

use super::hbd::{Hbd, PathSpec};
use super::resd::{Res, Resd};
use super::thirds::{Thirds, Witness};
use super::{NAMES, stamp};
use arbiter_core::Arbiter;
use arbiter_core::io::{
    ArbiterConfig, Arbitration, BootAlone, Durable, Event, GroupConfig, Input, Order, Output, SafetyOrder, Seed,
    Sentence, Ticket,
};
use core::time::Duration;
use hotpair_types::{
    Advert, BootId, Digest, Evidence, GroupName, GroupState, Incarnation, LifeSign, Medium, NetworkSelfTest, NodeId,
    NodeName, ObservedView, PathName, ProbeKind, Timestamp,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a node's probes bring back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Probes {
    /// What the world's wiring says.
    Wiring,
    /// This sign of life, whatever the wiring says.
    Life(LifeSign),
    /// Nothing at all answers but the reference.
    Nothing,
    /// No probe can be sent.
    CannotSend,
    /// Probes leave, but not even the reference answers.
    Isolated,
    /// Own ports have no carrier.
    NoCarrier,
    /// The prober hangs: no round ever begins.
    Hangs,
}

/// One node.
pub struct Node {
    /// Power is on.
    pub on: bool,
    /// Its daemons are stopped (SIGSTOP) since then.
    pub frozen: Option<Timestamp>,
    /// Boots so far.
    pub boots: u8,
    runs: u64,
    /// hbd, if it runs.
    pub hbd: Option<Hbd>,
    /// arbiterd, if it runs.
    pub arbiter: Option<Arbiter>,
    arbiter_run: u64,
    /// resd, if it runs.
    pub resd: Option<Resd>,
    /// Groups, whether resd runs or not.
    pub groups: BTreeMap<GroupName, Res>,
    /// The state file.
    pub disk: Option<Durable>,
    /// A write takes so long.
    pub write_takes: Duration,
    /// Writes fail.
    pub write_fails: bool,
    /// What probing brings.
    pub probes: Probes,
    /// Cut from the service network.
    pub lan_cut: bool,
    /// Its configuration differs from the other node's.
    pub config_differs: bool,
    /// Witness, fence device, watchdog, neighbour and shared disk as it knows them.
    pub thirds: Thirds,
    last_advert: Option<Advert>,
    missed: Vec<Job>,
}

/// Something due.
#[derive(Clone, Debug)]
pub enum Job {
    /// hbd judges its paths and tells.
    View(NodeId),
    /// An advert arrives.
    Advert(NodeId, Box<Advert>),
    /// The state file is written.
    Written { node: NodeId, run: u64, ticket: Ticket, durable: Box<Durable> },
    /// The prober begins a round.
    Round { node: NodeId, run: u64, round: u64 },
    /// A step of a group ends.
    Step { node: NodeId, group: GroupName, step: u64 },
    /// resd tells what it sees.
    Observed(NodeId),
    /// Leases are looked at.
    Leases(NodeId),
    /// A round of the witness's client.
    Witness(NodeId),
    /// A fence device has finished.
    Fenced { node: NodeId, number: u64 },
    /// The watchdog looks whether it was petted.
    Watchdog(NodeId),
    /// The peer's disk lease moves.
    Storage(NodeId),
    /// Power comes back.
    Boot(NodeId),
}

impl Job {
    fn node(&self) -> NodeId {
        match self {
            Self::View(node)
            | Self::Advert(node, _)
            | Self::Written { node, .. }
            | Self::Round { node, .. }
            | Self::Step { node, .. }
            | Self::Observed(node)
            | Self::Leases(node)
            | Self::Witness(node)
            | Self::Fenced { node, .. }
            | Self::Watchdog(node)
            | Self::Storage(node)
            | Self::Boot(node) => *node,
        }
    }
}

/// A line of the record.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where.
    pub node: NodeId,
    /// What.
    pub event: Event,
}

/// Everything.
pub struct World {
    /// The one clock of both nodes.
    pub now: Timestamp,
    /// Where the story begins.
    pub zero: Timestamp,
    due: BTreeMap<(Timestamp, u64), Job>,
    number: u64,
    /// The nodes.
    pub nodes: [Node; 2],
    /// Configuration template (of the first node).
    pub config: ArbiterConfig,
    /// The paths.
    pub paths: Vec<PathSpec>,
    /// `cut[receiver][path]`.
    pub cut: [Vec<bool>; 2],
    /// The third place.
    pub witness: Witness,
    /// Life of a vote.
    pub witness_ttl: Duration,
    /// Timeout of both nodes' watchdogs, if there are any.
    pub watchdog: Option<Duration>,
    /// How long each node waits before it has the other switched off.
    pub delays: [Duration; 2],
    /// The service network is split between the nodes; both still reach their reference.
    pub lan_split: bool,
    /// Everything that was recorded.
    pub record: Vec<Entry>,
    /// Answers to orders, newest last.
    pub answers: Vec<Result<Vec<Sentence>, Sentence>>,
    /// How long both nodes served one group at the same time.
    pub both: Duration,
    /// How long they may.
    pub both_allowed: Duration,
}

fn path(name: &str, medium: Medium, latency: u64) -> PathSpec {
    PathSpec {
        name: PathName::new(name).unwrap_or_else(|e| panic!("{e}")),
        medium,
        interval: Duration::from_millis(100),
        lost: 5,
        latency: Duration::from_millis(latency),
    }
}

impl World {
    /// Two nodes that are off, no group, two paths.
    pub fn new() -> Self {
        let fresh = || Node {
            on: false,
            frozen: None,
            boots: 0,
            runs: 0,
            hbd: None,
            arbiter: None,
            arbiter_run: 0,
            resd: None,
            groups: BTreeMap::new(),
            disk: None,
            write_takes: Duration::from_millis(2),
            write_fails: false,
            probes: Probes::Wiring,
            lan_cut: false,
            config_differs: false,
            thirds: Thirds::new(),
            last_advert: None,
            missed: Vec::new(),
        };
        let name = |n: &str| NodeName::new(n).unwrap_or_else(|e| panic!("{e}"));
        let paths = vec![path("lan1", Medium::Udp, 1), path("serial1", Medium::Serial, 40)];
        Self {
            now: Timestamp::from_millis(100_000),
            zero: Timestamp::from_millis(100_000),
            due: BTreeMap::new(),
            number: 0,
            nodes: [fresh(), fresh()],
            config: ArbiterConfig {
                node: NodeId::FIRST,
                names: [name(NAMES[0]), name(NAMES[1])],
                digest: Digest([7; 8]),
                window: Duration::from_millis(300),
                round_interval: Duration::from_secs(1),
                boot_wait: Duration::from_secs(5),
                boot_alone: BootAlone::LastActive,
                arbitration: Arbitration::default(),
                groups: Vec::new(),
            },
            cut: [vec![false; paths.len()], vec![false; paths.len()]],
            paths,
            witness: Witness::default(),
            witness_ttl: Duration::from_secs(6),
            watchdog: None,
            delays: [Duration::ZERO; 2],
            lan_split: false,
            record: Vec::new(),
            answers: Vec::new(),
            both: Duration::ZERO,
            both_allowed: Duration::ZERO,
        }
    }

    /// Adds a group.
    pub fn add_group(&mut self, config: GroupConfig) {
        for node in &mut self.nodes {
            node.groups.insert(config.name.clone(), Res::new(self.now));
        }
        self.config.groups.push(config);
    }

    /// Adds a path.
    pub fn add_path(&mut self, spec: PathSpec) {
        self.paths.push(spec);
        for cut in &mut self.cut {
            cut.push(false);
        }
    }

    /// A node.
    pub fn at(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node.index()]
    }

    /// Something will be due.
    pub fn put(&mut self, after: Duration, job: Job) {
        self.number += 1;
        self.due.insert((self.now.after(after), self.number), job);
    }

    /// The same, in milliseconds.
    pub fn put_ms(&mut self, after: u64, job: Job) {
        self.put(Duration::from_millis(after), job);
    }

    /// Power on, all three daemons start.
    pub fn boot(&mut self, node: NodeId) {
        let now = self.now;
        let n = self.at(node);
        if n.on {
            return;
        }
        n.on = true;
        n.frozen = None;
        n.boots += 1;
        for res in n.groups.values_mut() {
            res.lose_power(now);
        }
        self.start(node, "hbd");
        self.start(node, "resd");
        self.start(node, "arbiterd");
    }

    /// Power off.
    pub fn power_loss(&mut self, node: NodeId) {
        let now = self.now;
        let n = self.at(node);
        n.on = false;
        n.frozen = None;
        n.missed.clear();
        n.thirds.lose_power();
        n.hbd = None;
        n.arbiter = None;
        n.resd = None;
        for res in n.groups.values_mut() {
            res.lose_power(now);
        }
        self.due.retain(|_, job| job.node() != node || matches!(job, Job::Advert(..) | Job::Boot(_)));
        self.listen();
    }

    /// Starts a daemon.
    pub fn start(&mut self, node: NodeId, daemon: &str) {
        let (now, paths) = (self.now, self.paths.len());
        let config = self.config_of(node);
        let n = self.at(node);
        n.runs += 1;
        let run = u64::from(n.boots) * 1000 + n.runs + (node.index() as u64 + 1) * 1_000_000;
        match daemon {
            "hbd" => n.hbd = Some(Hbd::new(run, paths, now)),
            "resd" => n.resd = Some(Resd::default()),
            "arbiterd" => {
                let boot = BootId([n.boots + 16 * (node.index() as u8); 16]);
                let seed = Seed { boot, arbiter: Incarnation(run) };
                n.arbiter_run = run;
                n.arbiter = Some(Arbiter::new(config, n.disk.clone(), seed, now));
            }
            other => panic!("no daemon {other}"),
        }
        self.listen();
        self.put_ms(1, Job::View(node));
        self.put_ms(1, Job::Observed(node));
        self.drain(node);
    }

    /// Kills a daemon.
    pub fn kill(&mut self, node: NodeId, daemon: &str) {
        let n = self.at(node);
        let reason = "connection refused".to_string();
        match daemon {
            "hbd" => {
                n.hbd = None;
                self.input(node, Input::HbdGone { reason });
            }
            "resd" => {
                n.resd = None;
                self.input(node, Input::ResdGone { reason });
            }
            "arbiterd" => n.arbiter = None,
            other => panic!("no daemon {other}"),
        }
        self.listen();
    }

    /// Stops every daemon of a node as a SIGSTOP does; its kernel lives.
    pub fn freeze(&mut self, node: NodeId) {
        self.at(node).frozen = Some(self.now);
        self.listen();
    }

    /// They go on.
    pub fn resume(&mut self, node: NodeId) {
        let now = self.now;
        let n = self.at(node);
        let Some(since) = n.frozen.take() else { return };
        let gap = now.since(since);
        if let Some(hbd) = &mut n.hbd {
            hbd.stalled(gap, now);
        }
        // The shell's order: what has arrived meanwhile, then the stall.
        for job in core::mem::take(&mut n.missed) {
            self.run_job(job);
        }
        self.input(node, Input::Stalled(gap));
        self.listen();
        self.put_ms(1, Job::View(node));
    }

    fn config_of(&self, node: NodeId) -> ArbiterConfig {
        let mut config = self.config.clone();
        config.node = node;
        if let Some(rule) = &mut config.arbitration.fence {
            rule.delay = self.delays[node.index()];
        }
        if self.nodes[node.index()].config_differs {
            config.digest = Digest([9; 8]);
        }
        config
    }

    /// Gives a running arbiter its (changed) configuration.
    pub fn reload(&mut self, node: NodeId) {
        let config = self.config_of(node);
        self.input(node, Input::Config(config));
    }

    /// Works out afresh which ears hear, and lets the adverts in hand travel.
    pub fn listen(&mut self) {
        for node in NodeId::BOTH {
            let peer = &self.nodes[node.other().index()];
            let sends = peer.on && peer.frozen.is_none() && peer.hbd.is_some();
            let peer_arbiter = peer.arbiter.is_some();
            let now = self.now;
            let mut checks = Vec::new();
            let mut began = false;
            let cut = self.cut[node.index()].clone();
            if let Some(hbd) = &mut self.nodes[node.index()].hbd {
                for (at, spec) in self.paths.iter().enumerate() {
                    if hbd.hear(at, sends && !cut[at], now) {
                        checks.extend([spec.interval, spec.interval * 2, spec.interval * spec.lost]);
                        began |= sends && !cut[at];
                    }
                }
                let stale = !peer_arbiter;
                if hbd.stale != stale && sends && cut.iter().any(|c| !c) {
                    hbd.stale = stale;
                    checks.push(Duration::from_millis(1));
                }
                checks.extend(self.paths.iter().map(|p| p.interval * p.lost));
            }
            for after in checks {
                self.put(after, Job::View(node));
            }
            if began {
                self.send(node.other());
            }
        }
    }

    /// The sender's newest advert travels over every path that works, fastest first.
    fn send(&mut self, from: NodeId) {
        let to = from.other();
        let Some(advert) = self.nodes[from.index()].last_advert.clone() else { return };
        let sender = &self.nodes[from.index()];
        if !sender.on || sender.frozen.is_some() || sender.hbd.is_none() {
            return;
        }
        let fastest = self.paths.iter().zip(&self.cut[to.index()]).filter(|(_, cut)| !**cut).map(|(p, _)| p.latency);
        if let Some(latency) = fastest.min() {
            self.put(latency, Job::Advert(to, Box::new(advert)));
        }
    }

    /// An order by a person.
    pub fn order(&mut self, node: NodeId, order: Order, dry_run: bool) {
        self.input(node, Input::Order { ticket: 1, by: "operator".into(), order, dry_run });
    }

    /// Feeds an arbiter, if there is one that runs.
    pub fn input(&mut self, node: NodeId, input: Input) {
        let now = self.now;
        let n = self.at(node);
        if n.frozen.is_some() {
            return;
        }
        if let Some(arbiter) = &mut n.arbiter {
            arbiter.handle_input(input, now);
        }
        self.drain(node);
    }

    fn drain(&mut self, node: NodeId) {
        let mut persisted_before_send = true;
        while let Some(output) = self.at(node).arbiter.as_mut().and_then(Arbiter::poll_output) {
            match output {
                Output::Persist { ticket, durable } => {
                    assert!(persisted_before_send, "persist comes before send and act");
                    let n = self.at(node);
                    let (run, takes) = (n.arbiter_run, n.write_takes);
                    self.put(takes, Job::Written { node, run, ticket, durable: Box::new(durable) });
                }
                Output::Advert(advert) => {
                    persisted_before_send = false;
                    self.at(node).last_advert = Some(advert);
                    self.send(node);
                }
                Output::Safety(SafetyOrder::Round(round)) => {
                    let run = self.at(node).arbiter_run;
                    self.put_ms(1, Job::Round { node, run, round });
                }
                Output::Safety(SafetyOrder::Stop) => {}
                Output::Witness(target) => self.want(node, target),
                Output::Target(target) => self.accept(node, &target),
                Output::OrderDone { result, .. } => self.answers.push(result),
                Output::Event(event) => self.record.push(Entry { node, event }),
                Output::StatusChanged => persisted_before_send = true,
            }
        }
    }

    fn accept(&mut self, node: NodeId, target: &hotpair_types::Target) {
        let now = self.now;
        let renewed = |name: &GroupName, res: &Res| {
            let new = target.groups.get(name).and_then(|g| g.lease_expires);
            res.serving() && new > res.lease()
        };
        let n = self.at(node);
        if n.resd.is_some() && n.groups.iter().any(|(name, res)| renewed(name, res)) {
            self.pet(node);
        }
        self.fence_ordered(node, target.fence.filter(|_| self.nodes[node.index()].resd.is_some()));
        let n = self.at(node);
        let Some(resd) = &mut n.resd else { return };
        if resd.generation.is_some_and(|g| g >= target.generation) {
            panic!("a target that is not newer: {:?} after {:?}", target.generation, resd.generation);
        }
        resd.generation = Some(target.generation);
        let mut steps = Vec::new();
        for (name, wanted) in &target.groups {
            if let Some(res) = n.groups.get_mut(name) {
                if let Some(takes) = res.accept(wanted, now) {
                    steps.push((name.clone(), res.step, takes));
                }
                if let Some(end) = wanted.lease_expires {
                    steps.push((name.clone(), u64::MAX, end.since(now)));
                }
            }
        }
        for (group, step, takes) in steps {
            let job = if step == u64::MAX { Job::Leases(node) } else { Job::Step { node, group, step } };
            self.put(takes, job);
        }
        self.put_ms(1, Job::Observed(node));
    }

    /// Lets a group's resd side notice a change made by the scenario.
    pub fn nudge(&mut self, node: NodeId, group: &GroupName) {
        let now = self.now;
        if let Some(res) = self.at(node).groups.get_mut(group) {
            let takes = res.pursue(false, now);
            let step = res.step;
            if let Some(takes) = takes {
                self.put(takes, Job::Step { node, group: group.clone(), step });
            }
        }
        self.put_ms(1, Job::Observed(node));
    }

    fn run_job(&mut self, job: Job) {
        let node = job.node();
        if matches!(job, Job::Boot(_)) {
            return self.boot(node);
        }
        if !self.at(node).on {
            return;
        }
        if self.at(node).frozen.is_some() && !matches!(job, Job::Step { .. } | Job::Watchdog(_)) {
            self.at(node).missed.push(job);
            return;
        }
        let now = self.now;
        match job {
            Job::View(_) => self.tell_view(node),
            Job::Advert(_, advert) => {
                let reachable = self.cut[node.index()].iter().any(|c| !c);
                if let Some(hbd) = self.nodes[node.index()].hbd.as_mut().filter(|_| reachable) {
                    hbd.advert = Some((*advert, now));
                    self.tell_view(node);
                }
            }
            Job::Written { run, ticket, durable, .. } => {
                let n = self.at(node);
                if n.write_fails {
                    self.input(node, Input::PersistFailed { ticket, error: "no space left on device".into() });
                    return;
                }
                n.disk = Some(*durable);
                if n.arbiter_run == run {
                    self.input(node, Input::Persisted(ticket));
                }
            }
            Job::Round { run, round, .. } => {
                if self.at(node).arbiter_run == run {
                    self.probe(node, round);
                }
            }
            Job::Step { group, step, .. } => {
                if let Some(res) = self.at(node).groups.get_mut(&group) {
                    res.step_ended(step, now);
                }
                self.nudge(node, &group);
            }
            Job::Observed(_) => self.tell_observed(node),
            Job::Witness(_) => self.ask_witness(node),
            Job::Fenced { number, .. } => self.fence_done(node, number),
            Job::Watchdog(_) => self.bark(node),
            Job::Storage(_) => self.storage(node),
            Job::Boot(_) => {}
            Job::Leases(_) => {
                let names: Vec<GroupName> = self.at(node).groups.keys().cloned().collect();
                for name in names {
                    let Some(res) = self.at(node).groups.get_mut(&name).filter(|r| r.lease_over(now)) else { continue };
                    let (takes, step) = (res.stop_for_lease(now), res.step);
                    if let Some(takes) = takes {
                        self.put(takes, Job::Step { node, group: name, step });
                    }
                }
                self.put_ms(1, Job::Observed(node));
            }
        }
    }

    fn tell_view(&mut self, node: NodeId) {
        let now = self.now;
        let paths = self.paths.clone();
        let reports = match &mut self.nodes[node.other().index()].hbd {
            Some(peer) => peer.judged(&paths, now),
            None => Vec::new(),
        };
        let n = &mut self.nodes[node.index()];
        let Some(hbd) = &mut n.hbd else { return };
        let before: Vec<_> = hbd.ears.iter().map(|e| e.state).collect();
        let view = hbd.view(&self.paths, &reports, now);
        let changed = hbd.ears.iter().map(|e| e.state).collect::<Vec<_>>() != before;
        let advert = hbd.advert.as_ref().map(|(a, _)| a.clone());
        self.input(node, Input::Peer { view, advert });
        if changed {
            // The next heartbeat tells the peer what is heard of it.
            self.put_ms(100, Job::View(node.other()));
        }
    }

    fn tell_observed(&mut self, node: NodeId) {
        let now = self.now;
        let watchdog = self.watchdog_state(node);
        let n = self.at(node);
        let Some(resd) = &mut n.resd else { return };
        resd.seq += 1;
        let view = ObservedView {
            seq: resd.seq,
            resd: Incarnation(1),
            taken_at: now,
            generation: resd.generation,
            groups: n.groups.iter().map(|(name, res)| (name.clone(), res.observed(n.thirds.moved))).collect(),
            fence: n.thirds.report.clone(),
            fence_health: n.thirds.health.clone(),
            watchdog,
        };
        self.input(node, Input::Observed(view));
    }

    fn probe(&mut self, node: NodeId, round: u64) {
        let peer = &self.nodes[node.other().index()];
        let me = &self.nodes[node.index()];
        let connected = !me.lan_cut && !peer.lan_cut && !self.lan_split && peer.on;
        let software = peer.arbiter.is_some() && peer.frozen.is_none();
        let wiring = match (connected, software) {
            (true, true) => Some(LifeSign::Software),
            (true, false) => Some(LifeSign::Kernel),
            (false, _) => None,
        };
        let answer = peer.last_advert.clone().filter(|_| software);
        let (probes, lan_cut) = (me.probes, me.lan_cut);
        let (life, sent, reference, carrier) = match probes {
            Probes::Wiring => (wiring, true, !lan_cut, 1),
            Probes::Life(sign) => (Some(sign), true, true, 1),
            Probes::Nothing => (None, true, true, 1),
            Probes::CannotSend => (None, false, true, 1),
            Probes::Isolated => (None, true, false, 1),
            Probes::NoCarrier => (None, false, false, 0),
            Probes::Hangs => return,
        };
        let self_test = NetworkSelfTest { with_carrier: carrier, without_carrier: 1 - carrier, references: 1 };
        self.input(node, Input::RoundStarted { round, self_test });
        let via = || "eth0".to_string();
        let mut all = Vec::new();
        for probe in [ProbeKind::AskUnicast, ProbeKind::Arp] {
            all.push(if sent {
                Evidence::Sent { probe, via: via() }
            } else {
                Evidence::SendFailed { probe, via: via(), error: "network is down".into() }
            });
        }
        if reference {
            all.push(Evidence::ReferenceAnswered { via: via() });
        }
        all.extend(self.neighbours_answer(node).filter(|_| sent));
        if let Some(sign) = life {
            let probe = if sign == LifeSign::Software { ProbeKind::AskUnicast } else { ProbeKind::Arp };
            all.push(Evidence::Life { probe, sign, via: via() });
        }
        if let Some(advert) = answer.filter(|_| life == Some(LifeSign::Software)) {
            self.input(node, Input::PeerAnswered(advert));
        }
        for evidence in all {
            self.input(node, Input::Evidence { round, evidence });
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        let jobs = self.due.keys().next().map(|(at, _)| *at);
        let timers = self
            .nodes
            .iter()
            .filter(|n| n.frozen.is_none())
            .filter_map(|n| n.arbiter.as_ref().and_then(Arbiter::poll_timeout))
            .min();
        [jobs, timers].into_iter().flatten().min()
    }

    /// Runs what is due next, if that is not after `until`; otherwise the clock stands at `until`.
    pub fn step(&mut self, until: Timestamp) -> bool {
        let Some(at) = self.next_due().filter(|at| *at <= until) else {
            self.pass(until);
            return false;
        };
        self.pass(at.max(self.now));
        if let Some(entry) = self.due.first_entry().filter(|e| e.key().0 <= self.now) {
            let job = entry.remove();
            self.run_job(job);
            return true;
        }
        for node in NodeId::BOTH {
            let now = self.now;
            let n = self.at(node);
            if n.frozen.is_some() {
                continue;
            }
            if let Some(arbiter) = n.arbiter.as_mut().filter(|a| a.poll_timeout().is_some_and(|t| t <= now)) {
                arbiter.handle_timeout(now);
                let next = arbiter.poll_timeout();
                assert!(
                    next.is_none_or(|t| t > now),
                    "a deadline that stays in the past makes the shell spin: {next:?} at {now}"
                );
            }
            self.drain(node);
        }
        true
    }

    fn pass(&mut self, to: Timestamp) {
        let gap = to.since(self.now);
        let doubled = self.nodes[0]
            .groups
            .iter()
            .any(|(name, res)| res.serving() && self.nodes[1].groups.get(name).is_some_and(Res::serving));
        if doubled {
            self.both += gap;
        }
        self.now = to;
        assert!(
            self.both <= self.both_allowed,
            "both nodes served a group for {:?} (allowed {:?}) at {}\n{}",
            self.both,
            self.both_allowed,
            stamp(self.now, self.zero),
            self.log(0)
        );
    }

    /// State of a group on a node.
    pub fn state(&self, node: NodeId, group: &GroupName) -> GroupState {
        self.nodes[node.index()].groups.get(group).map_or(GroupState::Unknown, |r| r.state)
    }

    /// The decision log from an entry on: time, node, rule or event, action.
    pub fn log(&self, from: usize) -> String {
        let mut text = String::new();
        for entry in self.record.iter().skip(from) {
            let id = &entry.event.sentence.id;
            if !(id.starts_with(['R', 'S']) || id.starts_with("E2") || id.starts_with("E1") || id.starts_with("E5")) {
                continue;
            }
            let rule = arbiter_core::rules::RULES.iter().find(|r| r.id == *id);
            let what = match rule {
                Some(rule) => rule.action.describe().to_string(),
                None => detail(&entry.event),
            };
            let group = entry.event.group.as_ref().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(
                text,
                "{:>9}  {:<5}  {:<4}  {:<4}  {what}",
                stamp(entry.event.at, self.zero),
                NAMES[entry.node.index()],
                group,
                id
            );
        }
        text
    }
}

fn detail(event: &Event) -> String {
    let keys = ["epoch", "sign", "reason", "gap_ms", "by"];
    let all: Vec<String> = keys
        .iter()
        .filter_map(|k| event.sentence.parameters.get(*k).filter(|v| !v.is_empty()).map(|v| format!("{k}={v}")))
        .collect();
    all.join(" ")
}
