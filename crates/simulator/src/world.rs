//! The world: one clock, one queue, two nodes, the wires between them, and what is recorded for the invariants.
//!
//! Single-threaded and deterministic. Of everything due at one instant, arrivals come before deadlines (the shells' contract), and
//! arrivals in the order in which they were put in.

use crate::faults::Fault;
use crate::node::{Daemon, Message, Node};
use crate::queue::Queue;
use crate::rng::Rng;
use crate::site::Site;
use crate::third::Third;
use crate::wire::Wiring;
use arbiter_core::io::Durable;
use core::time::Duration;
use hotpair_types::{Advert, Digest, Epoch, GroupName, NodeId, ResourceName, Timestamp, Until};
use resource_core::{Action, OpId};
use std::collections::{BTreeMap, VecDeque};

/// Lines of the timeline that are kept.
const LINES: usize = 600;

/// Something due.
#[derive(Clone, Debug)]
pub enum Event {
    /// A message reaches a daemon, if that run of it still lives.
    Deliver {
        /// Where.
        node: NodeId,
        /// Which run.
        run: u64,
        /// What.
        message: Message,
    },
    /// A frame reaches a node.
    Arrive {
        /// Where.
        node: NodeId,
        /// What.
        message: Message,
    },
    /// A write of the state file ends.
    Written {
        /// Where.
        node: NodeId,
        /// For which run of arbiterd.
        run: u64,
        /// Its ticket.
        ticket: u64,
        /// What was written.
        durable: Box<Durable>,
    },
    /// The prober sends a round.
    Probe {
        /// Where.
        node: NodeId,
        /// For which run of arbiterd.
        run: u64,
        /// Which round.
        round: u64,
    },
    /// An operation ends.
    Operation {
        /// Where.
        node: NodeId,
        /// For which run of resd.
        run: u64,
        /// Which.
        op: OpId,
    },
    /// A watchdog's time is over.
    WatchdogFires(NodeId, u64),
    /// A question reaches the witness.
    AskWitness {
        /// Whose.
        node: NodeId,
        /// For which run of arbiterd.
        run: u64,
        /// Which of its questions.
        turn: u64,
    },
    /// A fence agent ends.
    FenceEnds {
        /// Whose.
        node: NodeId,
        /// For which run of resd.
        run: u64,
        /// Of which order.
        number: u64,
    },
    /// A fault begins or ends.
    Fault(Fault),
    /// A daemon is started again.
    Start(NodeId, Daemon),
    /// A daemon is scheduled again.
    Thaw(NodeId, Daemon),
    /// The machine goes on.
    Resume(NodeId),
    /// Power returns.
    Boot(NodeId),
}

/// Something the invariants look at; those of the last step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening {
    /// A start began.
    Started {
        /// Where.
        node: NodeId,
        /// Which group.
        group: GroupName,
    },
    /// A node's new epoch became effective.
    Took {
        /// Who.
        node: NodeId,
        /// Which group.
        group: GroupName,
        /// From a silent peer.
        takeover: bool,
    },
    /// A rule decided.
    Decided {
        /// Where.
        node: NodeId,
        /// Which group.
        group: GroupName,
        /// Which rule.
        rule: String,
    },
    /// A node orders its resd to run a group by this epoch.
    Ordered {
        /// Where.
        node: NodeId,
        /// Which group.
        group: GroupName,
        /// By which right.
        epoch: Epoch,
    },
    /// A state file was lost: that node's memory of epochs begins anew.
    StateLost(NodeId),
    /// A start began of something that was up and well.
    StartedAgain {
        /// Where.
        node: NodeId,
        /// Of which group.
        group: GroupName,
    },
    /// A watchdog reset this node.
    Reset(NodeId),
    /// A fence device did its work.
    Fenced {
        /// Who ordered it; the other one was switched off.
        by: NodeId,
        /// The other one was on.
        was_on: bool,
    },
    /// A person told this node that its peer is off, and it was.
    Vouched(NodeId),
}

/// Bugs put in on purpose, outside production code, to see that the invariants notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bugs {
    /// Probes that could not be sent are reported as sent.
    pub unknown_as_no_sign: bool,
    /// Writes are confirmed but never reach the disk.
    pub forget_writes: bool,
    /// The peer seems to have seen every withdrawal at once.
    pub skip_withdrawal_check: bool,
    /// resd's "stopping" reads as "stopped".
    pub stopping_as_stopped: bool,
    /// A sign of life never reaches the arbiter.
    pub deaf_prober: bool,
    /// The witness gives a vote to both nodes.
    pub generous_witness: bool,
    /// A fence device that does not lie confirms what it has not done.
    pub idle_device: bool,
}

/// A time between two bounds, drawn anew each time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// Shortest.
    pub from: Duration,
    /// Longest.
    pub to: Duration,
}

impl Range {
    /// Between so many milliseconds.
    pub const fn millis(from: u64, to: u64) -> Self {
        Self { from: Duration::from_millis(from), to: Duration::from_millis(to) }
    }

    /// One of them.
    pub fn draw(self, rng: &mut Rng) -> Duration {
        let micros = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX / 4);
        rng.micros(micros(self.from), micros(self.to))
    }
}

/// How long things take when nothing is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Times {
    /// A durable write of the state file.
    pub write: Range,
    /// A start or stop, for kinds that are not listed.
    pub effect: Range,
    /// Start and stop, by the kind of resource (`ip`, `volume`, `app`).
    pub kinds: BTreeMap<String, [Range; 2]>,
    /// A probe, a monitor and everything else without effect.
    pub look: Range,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            write: Range { from: Duration::from_micros(300), to: Duration::from_micros(8_000) },
            effect: Range::millis(5, 150),
            kinds: BTreeMap::new(),
            look: Range::millis(1, 20),
        }
    }
}

/// Everything.
pub struct World {
    /// Nanoseconds since the beginning.
    pub now: u64,
    /// Steps so far.
    pub step: u64,
    /// Chance.
    pub rng: Rng,
    /// What is due.
    pub queue: Queue,
    /// The nodes.
    pub nodes: [Node; 2],
    /// What joins them.
    pub wiring: Wiring,
    /// The groups, in order.
    pub groups: Vec<GroupName>,
    /// Their resources, as faults number them.
    pub resources: Vec<(GroupName, ResourceName)>,
    /// Bugs put in.
    pub bugs: Bugs,
    /// Adverts on their way, by number, with the sender's clock when they were encoded.
    pub adverts: Vec<(Advert, Timestamp)>,
    /// What happened in this step.
    pub happenings: Vec<Happening>,
    /// Number of the last run of any daemon.
    pub runs: u64,
    /// The last message of each local stream: they keep their order.
    fifo: [[[u64; 3]; 3]; 2],
    /// When each daemon wants to be called, as a moment of the world.
    deadlines: [[u64; 3]; 2],
    /// Something changed that invariants or the watching look at; looked at and cleared once a step.
    touched: bool,
    /// The last step changed something that invariants may look at.
    pub changed: bool,
    /// The last moments, in words.
    pub timeline: VecDeque<String>,
    /// Hash over every step: its moment, what it was, and what happened in it.
    pub hash: u64,
    apart: bool,
    trouble: bool,
    /// The last moment at which the nodes could not know of each other by any means.
    pub apart_at: u64,
    /// The last moment at which something was not as it should be (a part of hotpair away, or the nodes apart).
    pub unsettled_at: u64,
    /// The nodes were apart, and since then it was never quiet for long enough to sort everything out.
    pub unsettled: bool,
    /// Faults go on.
    pub faults: bool,
    /// Third parties.
    pub third: Third,
    /// A fence device has lied (FAULTS A6): what rests on its word is not promised any more.
    pub lied: bool,
    /// Digest of the configuration that both nodes should run.
    pub common_digest: Digest,
    /// How long things take.
    pub times: Times,
    /// What the site adds.
    pub site: Site,
    /// What is told in words.
    pub record: Record,
}

/// How much of the story is told in words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Record {
    /// Nothing: words cost more time than everything else.
    #[default]
    Nothing,
    /// The last moments.
    End,
    /// Everything.
    Everything,
}

/// What cannot happen in a machine that stands still is tried again after this time.
const STANDING: Duration = Duration::from_millis(100);
/// After the nodes were apart, everything must be sorted out after so long without any trouble.
pub const SETTLE: u64 = 12_000_000_000;
const NEVER: u64 = u64::MAX;

impl World {
    /// Two nodes that are off.
    pub fn new(rng: Rng, nodes: [Node; 2], wiring: Wiring, resources: Vec<(GroupName, ResourceName)>) -> Self {
        let mut groups: Vec<GroupName> = resources.iter().map(|(g, _)| g.clone()).collect();
        groups.dedup();
        let common_digest = nodes[0].config.digest;
        Self {
            now: 0,
            step: 0,
            rng,
            queue: Queue::default(),
            nodes,
            wiring,
            groups,
            resources,
            bugs: Bugs::default(),
            adverts: Vec::new(),
            happenings: Vec::new(),
            runs: 0,
            fifo: [[[0; 3]; 3]; 2],
            deadlines: [[NEVER; 3]; 2],
            touched: true,
            changed: true,
            timeline: VecDeque::new(),
            hash: 0xcbf2_9ce4_8422_2325,
            apart: true,
            trouble: true,
            apart_at: 0,
            unsettled_at: 0,
            unsettled: false,
            faults: true,
            third: Third::default(),
            lied: false,
            common_digest,
            times: Times::default(),
            site: Site::default(),
            record: Record::Nothing,
        }
    }

    /// Puts an event in.
    pub fn put(&mut self, after: Duration, event: Event) {
        self.put_at(self.now.saturating_add(nanos(after)), event);
    }

    /// Puts an event in at a moment.
    pub fn put_at(&mut self, at: u64, event: Event) {
        self.queue.put(at.max(self.now), event);
    }

    /// A message from one local daemon to another: in order, within fractions of a millisecond.
    pub fn tell(&mut self, node: NodeId, from: Daemon, message: Message) {
        let to = message.to();
        let Some(run) = self.nodes[node.index()].run(to) else { return };
        let delay = nanos(self.rng.micros(30, 600));
        let last = &mut self.fifo[node.index()][from.index()][to.index()];
        let at = (self.now + delay).max(*last);
        *last = at;
        self.put_at(at, Event::Deliver { node, run, message });
    }

    /// A line of the timeline, made only if somebody wants it.
    pub fn note(&mut self, node: Option<NodeId>, text: impl FnOnce() -> String) {
        if self.record == Record::Nothing {
            return;
        }
        let name = node.map_or("     ", |n| if n == NodeId::FIRST { "alpha" } else { "beta " });
        if self.timeline.len() >= LINES && self.record == Record::End {
            self.timeline.pop_front();
        }
        self.timeline.push_back(format!("{:>11.6} {name} {}", self.now as f64 / 1e9, text()));
    }

    /// Something changed that invariants look at: power, processes, wires, disks, resources.
    pub fn touch(&mut self) {
        self.touched = true;
    }

    /// A word goes into the hash.
    pub fn mix(&mut self, word: u64) {
        self.hash = (self.hash.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn mix_happenings(&mut self) {
        for at in 0..self.happenings.len() {
            let word = self.happenings[at].word();
            self.mix(word);
        }
    }

    /// An advert as bytes: a number, and as much beside it as a real one has.
    pub fn encode(&mut self, node: NodeId, advert: Advert) -> Vec<u8> {
        let local = self.nodes[node.index()].local(self.now);
        let number = self.adverts.len() as u64;
        self.adverts.push((advert, local));
        let mut bytes = number.to_be_bytes().to_vec();
        bytes.resize(160, 0x5a);
        bytes
    }

    /// Back again, its ends in the receiver's clock.
    pub fn decode(&self, bytes: &[u8], received: Timestamp) -> Option<Advert> {
        let number = u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
        let (advert, encoded) = self.adverts.get(usize::try_from(number).ok()?)?;
        let mut advert = advert.clone();
        let shift = |until: Until| Until(received.after(until.left(*encoded)));
        for group in &mut advert.groups {
            let settings = &mut group.settings.value;
            settings.frozen = settings.frozen.map(shift);
            settings.maintenance = settings.maintenance.map(shift);
            settings.moves = settings.moves.iter().map(|u| shift(*u)).collect();
        }
        Some(advert)
    }

    /// Each node could find out that the other lives, by heartbeats or by probes.
    pub fn in_contact(&self) -> bool {
        let standing = self.nodes.iter().all(|n| n.on && !n.paused);
        let hbds = self.nodes.iter().all(|n| n.runs(Daemon::Hbd));
        let heartbeats = hbds && self.wiring.heartbeats_joined();
        standing && (heartbeats || (self.wiring.lan_joined() && self.wiring.lan_loss <= 5))
    }

    /// What lasts until now has been so up to now.
    fn watch(&mut self) {
        if self.apart {
            self.apart_at = self.now;
        }
        if self.trouble {
            self.unsettled_at = self.now;
        } else if self.unsettled && self.now - self.unsettled_at > SETTLE {
            self.unsettled = false;
            self.changed = true;
            self.note(None, || "sorted out: from here on nothing excuses two owners".to_string());
        }
    }

    /// Looks afresh at what may have changed.
    fn look(&mut self) {
        if !core::mem::take(&mut self.touched) {
            return;
        }
        self.changed = true;
        self.apart = !self.in_contact();
        let stuck = self.groups.iter().any(|g| self.nodes.iter().any(|n| n.stop_failed(g)));
        self.trouble = self.apart || stuck || self.nodes.iter().any(|n| !n.whole() || n.disk.fails);
        self.unsettled |= self.apart;
        for node in &self.nodes {
            for daemon in Daemon::ALL {
                self.deadlines[node.id.index()][daemon.index()] = node.deadline(daemon).unwrap_or(NEVER);
            }
        }
    }

    /// A daemon was called: it may want to be called at another moment now.
    pub fn called(&mut self, node: NodeId, daemon: Daemon) {
        let at = self.nodes[node.index()].deadline(daemon).unwrap_or(NEVER);
        self.deadlines[node.index()][daemon.index()] = at;
    }

    fn next_timer(&self) -> (u64, NodeId, Daemon) {
        let mut next = (NEVER, NodeId::FIRST, Daemon::Hbd);
        for node in NodeId::BOTH {
            for daemon in Daemon::ALL {
                let at = self.deadlines[node.index()][daemon.index()];
                if at < next.0 {
                    next = (at, node, daemon);
                }
            }
        }
        next
    }

    /// One step; false if nothing is due until `until`, where the clock then stands.
    pub fn advance(&mut self, until: u64) -> bool {
        self.happenings.clear();
        self.changed = false;
        // What the outside has done since the last step.
        self.look();
        let (timer, node, daemon) = self.next_timer();
        let event = self.queue.next_at().unwrap_or(NEVER);
        let at = timer.min(event);
        if at > until || at == NEVER {
            self.now = until;
            self.watch();
            return false;
        }
        self.step += 1;
        self.now = self.now.max(at);
        // What was true until now was true up to this moment.
        self.watch();
        self.mark_alive();
        self.mix(self.now);
        // Arrivals come before deadlines, as the shells do it.
        if event <= timer {
            if let Some(Some(event)) = self.queue.pop() {
                self.mix(event.word());
                self.happen(event);
            }
        } else {
            self.mix(0x100 + (node.index() * 3 + daemon.index()) as u64);
            self.timeout(node, daemon);
        }
        self.look();
        self.watch();
        self.mix_happenings();
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver { node, run, message } => {
                if self.nodes[node.index()].run(message.to()) == Some(run) {
                    self.hand_over(node, message);
                }
            }
            Event::Arrive { node, message } => self.hand_over(node, message),
            Event::Written { node, run, ticket, durable } => self.written(node, run, ticket, *durable),
            Event::Probe { node, run, round } => self.probe(node, run, round),
            Event::Operation { node, run, op } => self.operation_ends(node, run, op),
            // Nothing starts, dies or is stopped in a machine that stands still.
            Event::Fault(fault) if fault.inside().is_some_and(|n| self.nodes[n.index()].paused) => {
                self.put(STANDING, Event::Fault(fault));
            }
            Event::Start(node, daemon) if self.nodes[node.index()].paused => {
                self.put(STANDING, Event::Start(node, daemon));
            }
            Event::Fault(fault) => self.strike(fault),
            Event::Start(node, daemon) => self.start(node, daemon),
            Event::Thaw(node, daemon) => self.thaw(node, daemon),
            Event::Resume(node) => self.resume(node),
            Event::Boot(node) => self.boot(node),
            Event::AskWitness { node, run, turn } => self.ask_witness(node, run, turn),
            Event::FenceEnds { node, run, number } => self.fence_ends(node, run, number),
            Event::WatchdogFires(node, at) => self.watchdog_fires(node, at),
        }
    }

    /// Something of the group has effects on both nodes.
    pub fn doubled(&self, group: &GroupName) -> bool {
        self.nodes.iter().all(|n| n.on && n.resources.up(group))
    }

    /// Something of the group has effects on this node now. A machine that stands still has none.
    pub fn has_effects(&self, node: NodeId, group: &GroupName) -> bool {
        let n = &self.nodes[node.index()];
        n.on && !n.paused && n.resources.up(group)
    }

    /// Clients are served by this node now: everything of the group is up and well, and the service network reaches it.
    pub fn serves(&self, node: NodeId, group: &GroupName) -> bool {
        let n = &self.nodes[node.index()];
        let up = n.resources.healthy(group) && !n.resources.starting(group);
        n.on && !n.paused && !self.wiring.lan_cut[node.index()] && up
    }

    /// How long an operation takes on a resource that is well.
    pub fn operation_time(&self, node: NodeId, key: &(GroupName, ResourceName), action: Action) -> Range {
        let which = match action {
            Action::Start => 0,
            Action::Stop { .. } => 1,
            _ => return self.times.look,
        };
        if let Some(range) = self.site_time(key, action) {
            return range;
        }
        if self.times.kinds.is_empty() {
            return self.times.effect;
        }
        let groups = &self.nodes[node.index()].groups;
        let group = groups.iter().find(|g| g.name == key.0);
        let spec = group.and_then(|g| g.resources.iter().find(|r| r.name == key.1));
        spec.and_then(|s| self.times.kinds.get(&s.kind)).map_or(self.times.effect, |range| range[which])
    }

    /// No group waits for a lease of the peer or for a third party, or is held in silence.
    pub fn groups_wait_for_nobody(&self) -> bool {
        let alone = |n: &Node| n.config.arbitration == arbiter_core::io::Arbitration::default();
        self.nodes.iter().all(|n| {
            alone(n)
                && n.config
                    .groups
                    .iter()
                    .all(|g| !g.wait_for_lease && !g.hold_on_silence && g.guards.take_after.is_none())
        })
    }

    /// A person has taken it out of hotpair's hands.
    pub fn hands_off(&self, group: &GroupName) -> bool {
        self.nodes.iter().any(|n| n.rules.get(group).is_some_and(|r| r == "R110"))
    }
}

/// Whole nanoseconds.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4)
}

fn word_of(text: &str) -> u64 {
    text.bytes().fold(7, |word: u64, byte| word.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

impl Event {
    /// What it is, for the hash.
    fn word(&self) -> u64 {
        match self {
            Self::Deliver { node, run, message } => 1 + (message.to().index() * 2 + node.index()) as u64 + (run << 8),
            Self::Arrive { node, .. } => 10 + node.index() as u64,
            Self::Written { ticket, .. } => 12 + (ticket << 8),
            Self::Probe { round, .. } => 13 + (round << 8),
            Self::Operation { op, .. } => 14 + (op.0 << 8),
            Self::Fault(_) => 15,
            Self::Start(..) => 16,
            Self::Thaw(..) => 17,
            Self::Resume(_) => 18,
            Self::Boot(_) => 19,
            Self::AskWitness { turn, .. } => 22 + (turn << 8),
            Self::FenceEnds { number, .. } => 23 + (number << 8),
            Self::WatchdogFires(node, _) => 20 + node.index() as u64,
        }
    }
}

impl Happening {
    fn word(&self) -> u64 {
        let (kind, node, group, more) = match self {
            Self::Started { node, group } => (1, node, group.as_str(), 0),
            Self::Took { node, group, takeover } => (2, node, group.as_str(), u64::from(*takeover)),
            Self::Decided { node, group, rule } => (3, node, group.as_str(), word_of(rule)),
            Self::Ordered { node, group, epoch } => (4, node, group.as_str(), epoch.number),
            Self::StateLost(node) => (5, node, "", 0),
            Self::Reset(node) => (8, node, "", 0),
            Self::Fenced { by, .. } => (9, by, "", 0),
            Self::StartedAgain { node, group } => (6, node, group.as_str(), 0),
            Self::Vouched(node) => (7, node, "", 0),
        };
        word_of(group).wrapping_add(more).wrapping_mul(64).wrapping_add(kind * 2 + node.index() as u64)
    }
}
