//! One node: its power, its clock, its three daemons with the shells' glue, its disk and its resources.

use crate::clock::Clock;
use crate::resources::Resources;
use crate::third::Dealings;
use arbiter_core::Arbiter;
use arbiter_core::io::{ArbiterConfig, Durable, Order, Ticket};
use core::time::Duration;
use heartbeat_core::{HeartbeatCore, PathTag};
use hotpair_types::{
    BootId, Evidence, FenceHealth, FenceReport, GroupName, GroupState, NetworkSelfTest, NodeId, ObservedView, PeerView,
    ResourceName, Target, Timestamp, WatchdogState, WitnessView,
};
use resource_core::{OpId, Outcome, ResourceCore, ResourceEvent};
use std::collections::BTreeMap;

/// One of the three daemons.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Daemon {
    /// Heartbeats.
    Hbd,
    /// Judgement.
    Arbiterd,
    /// Resources.
    Resd,
}

impl Daemon {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hbd, Self::Arbiterd, Self::Resd];

    /// Its place among them.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What a daemon is told.
#[derive(Clone, Debug)]
pub enum Message {
    /// hbd: a frame has arrived.
    Frame {
        /// Where.
        path: PathTag,
        /// As it arrived.
        bytes: Vec<u8>,
    },
    /// hbd: bytes that are not a frame (a serial line's checksum is wrong).
    Garbage(PathTag),
    /// hbd: a frame was not taken by its port.
    SendFailed(PathTag),
    /// hbd: an own port.
    Link {
        /// Of which path.
        path: PathTag,
    },
    /// hbd: it is to end on purpose.
    Leave,
    /// hbd: the configuration was read again.
    Reconfigure,
    /// resd: how its watchdog is.
    Watchdog(WatchdogState),
    /// arbiterd: the configuration was read again.
    Reload(Box<ArbiterConfig>),
    /// hbd: the arbiter's advert.
    Advert(Vec<u8>),
    /// hbd: the arbiter is away, or back.
    AdvertStale(bool),
    /// arbiterd: hbd's view.
    View(Box<PeerView>),
    /// arbiterd: hbd is away.
    HbdGone,
    /// arbiterd: resd's view.
    Observed(Box<ObservedView>),
    /// arbiterd: resd is away.
    ResdGone,
    /// arbiterd: resd refused.
    Refused(String),
    /// arbiterd: the prober begins a round.
    RoundStarted {
        /// Its number.
        round: u64,
        /// Own connection.
        self_test: NetworkSelfTest,
    },
    /// arbiterd: evidence.
    Evidence {
        /// Of which round.
        round: u64,
        /// What.
        evidence: Evidence,
    },
    /// arbiterd: the peer's arbiter answered with its state.
    PeerAnswered(Vec<u8>),
    /// arbiterd: a write ended.
    Stored {
        /// Which.
        ticket: Ticket,
        /// Well.
        well: bool,
    },
    /// arbiterd: a person.
    Order(Order),
    /// resd: the target.
    Target(Box<Target>),
    /// arbiterd: what is known of the votes.
    Votes(Box<WitnessView>),
    /// resd: how the fence devices are, and what became of an order.
    Fenced {
        /// Of the newest order.
        report: Option<FenceReport>,
        /// Of the devices.
        health: FenceHealth,
    },
    /// resd: something was noticed about a resource.
    Noticed {
        /// Its group.
        group: GroupName,
        /// Which.
        resource: ResourceName,
        /// What.
        event: ResourceEvent,
    },
    /// resd: an operation ended.
    Done {
        /// Which.
        op: OpId,
        /// How.
        outcome: Outcome,
    },
}

impl Message {
    /// Whom it is for.
    pub fn to(&self) -> Daemon {
        match self {
            Self::Frame { .. }
            | Self::Garbage(_)
            | Self::SendFailed(_)
            | Self::Link { .. }
            | Self::Leave
            | Self::Reconfigure
            | Self::Advert(_)
            | Self::AdvertStale(_) => Daemon::Hbd,
            Self::Target(_) | Self::Done { .. } | Self::Noticed { .. } | Self::Fenced { .. } | Self::Watchdog(_) => {
                Daemon::Resd
            }
            _ => Daemon::Arbiterd,
        }
    }
}

/// A process that may not run.
#[derive(Debug)]
pub struct Process<C> {
    /// Its core, if it lives.
    pub core: Option<C>,
    /// Number of its run.
    pub run: u64,
    /// Not scheduled since then (SIGSTOP, starvation).
    pub frozen: Option<u64>,
    /// The same in its own clock.
    pub frozen_local: Timestamp,
    /// What arrived meanwhile.
    pub inbox: Vec<Message>,
    /// Its deadline when it was frozen, in its own clock.
    pub planned: Option<Timestamp>,
}

impl<C> Default for Process<C> {
    fn default() -> Self {
        Self { core: None, run: 0, frozen: None, frozen_local: Timestamp::ZERO, inbox: Vec::new(), planned: None }
    }
}

impl<C> Process<C> {
    /// Lives and is scheduled.
    pub fn runs(&self) -> bool {
        self.core.is_some() && self.frozen.is_none()
    }

    /// Dies.
    pub fn die(&mut self) {
        self.core = None;
        self.frozen = None;
        self.inbox.clear();
    }
}

/// The disk under the state directory.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// What is durable.
    pub state: Option<Durable>,
    /// What was durable before, oldest first; bounded.
    pub images: Vec<Durable>,
    /// The next write is interrupted; true: by a loss of power.
    pub crash_next: Option<bool>,
    /// Writes fail.
    pub fails: bool,
    /// Writes take this much longer.
    pub slow: Duration,
    /// The state was lost and the peer was not heard since: this node starts nothing alone.
    pub untrusted: bool,
}

/// What the prober's last round was, in truth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoundTruth {
    /// None was made in this silence.
    None,
    /// Probes left through a connected interface, and nothing came back.
    NoSign,
    /// Anything else.
    Other,
}

/// A node.
#[derive(Debug)]
pub struct Node {
    /// Which.
    pub id: NodeId,
    /// Power is on.
    pub on: bool,
    /// The whole machine stands still (VM pause).
    pub paused: bool,
    /// Boots so far.
    pub boots: u64,
    /// What it has to do with third parties.
    pub dealings: Dealings,
    /// Its clock.
    pub clock: Clock,
    /// A daemon dies after so many outputs more.
    pub dies_after: Option<(Daemon, u32)>,
    /// hbd.
    pub hbd: Process<HeartbeatCore>,
    /// arbiterd.
    pub arbiterd: Process<Arbiter>,
    /// resd.
    pub resd: Process<ResourceCore>,
    /// arbiterd's disk.
    pub disk: Disk,
    /// The target resd keeps for its next run of the same boot.
    pub kept_target: Option<Target>,
    /// What really runs.
    pub resources: Resources,
    /// The configuration of its arbiter.
    pub config: ArbiterConfig,
    /// The configuration of its resd.
    pub groups: Vec<resource_core::GroupConfig>,
    /// The arbiter's newest advert, encoded.
    pub advert: Option<Vec<u8>>,
    /// The rule that decided last, per group.
    pub rules: BTreeMap<GroupName, String>,
    /// The prober's last rounds, newest first: the newest may not have come to its verdict yet.
    pub rounds: [RoundTruth; 2],
}

impl Node {
    /// A node that is off.
    pub fn new(id: NodeId, config: ArbiterConfig, groups: Vec<resource_core::GroupConfig>) -> Self {
        Self {
            id,
            on: false,
            paused: false,
            boots: 0,
            dealings: Dealings::default(),
            clock: Clock::default(),
            dies_after: None,
            hbd: Process::default(),
            arbiterd: Process::default(),
            resd: Process::default(),
            disk: Disk::default(),
            kept_target: None,
            resources: Resources::default(),
            config,
            groups,
            advert: None,
            rules: BTreeMap::new(),
            rounds: [RoundTruth::None; 2],
        }
    }

    /// This node's clock at a moment of the world.
    pub fn local(&self, now: u64) -> Timestamp {
        self.clock.local(now)
    }

    /// The moment of the world at which this node's clock shows `at`.
    pub fn global(&self, at: Timestamp) -> u64 {
        self.clock.global(at)
    }

    /// Power comes.
    pub fn power_on(&mut self, now: u64) {
        self.on = true;
        self.paused = false;
        self.boots += 1;
        self.clock.boot(now);
        self.dies_after = None;
        self.kept_target = None;
        self.advert = None;
    }

    /// Power goes.
    pub fn power_off(&mut self) {
        self.on = false;
        self.paused = false;
        self.hbd.die();
        self.arbiterd.die();
        self.resd.die();
        self.resources.lose_power();
        self.dealings.lose_power();
        self.rules.clear();
    }

    /// This boot's identity.
    pub fn boot_id(&self) -> BootId {
        let mut id = [0; 16];
        id[0] = self.id.index() as u8 + 1;
        id[1..9].copy_from_slice(&self.boots.to_be_bytes());
        BootId(id)
    }

    /// The daemon's run, if it lives.
    pub fn run(&self, daemon: Daemon) -> Option<u64> {
        match daemon {
            Daemon::Hbd => self.hbd.core.as_ref().map(|_| self.hbd.run),
            Daemon::Arbiterd => self.arbiterd.core.as_ref().map(|_| self.arbiterd.run),
            Daemon::Resd => self.resd.core.as_ref().map(|_| self.resd.run),
        }
    }

    /// Lives and is scheduled.
    pub fn runs(&self, daemon: Daemon) -> bool {
        self.on
            && !self.paused
            && match daemon {
                Daemon::Hbd => self.hbd.runs(),
                Daemon::Arbiterd => self.arbiterd.runs(),
                Daemon::Resd => self.resd.runs(),
            }
    }

    /// Everything of hotpair lives and is scheduled.
    pub fn whole(&self) -> bool {
        Daemon::ALL.into_iter().all(|d| self.runs(d))
    }

    /// When a daemon that lives and is scheduled wants to be called, as a moment of the world.
    pub fn deadline(&self, daemon: Daemon) -> Option<u64> {
        if !self.runs(daemon) {
            return None;
        }
        let at = match daemon {
            Daemon::Hbd => self.hbd.core.as_ref().and_then(HeartbeatCore::poll_timeout),
            Daemon::Arbiterd => self.arbiterd.core.as_ref().and_then(Arbiter::poll_timeout),
            Daemon::Resd => self.resd.core.as_ref().and_then(ResourceCore::poll_timeout),
        };
        at.map(|at| self.global(at))
    }

    /// A stop of the group could not be confirmed here: held, with an alarm, until a person clears it.
    pub fn stop_failed(&self, group: &GroupName) -> bool {
        let view = self.resd.core.as_ref().and_then(ResourceCore::view);
        let state = view.and_then(|v| v.groups.get(group)).map(|g| g.state);
        self.resources.stuck(group) || state == Some(GroupState::StopFailed)
    }

    /// Freezes a daemon.
    pub fn freeze(&mut self, daemon: Daemon, now: u64) {
        let local = self.local(now);
        match daemon {
            Daemon::Hbd => freeze(&mut self.hbd, (now, local), HeartbeatCore::poll_timeout),
            Daemon::Arbiterd => freeze(&mut self.arbiterd, (now, local), Arbiter::poll_timeout),
            Daemon::Resd => freeze(&mut self.resd, (now, local), ResourceCore::poll_timeout),
        }
    }
}

fn freeze<C>(process: &mut Process<C>, (now, local): (u64, Timestamp), deadline: impl Fn(&C) -> Option<Timestamp>) {
    if process.frozen.is_none() {
        process.planned = process.core.as_ref().and_then(deadline);
        process.frozen = Some(now);
        process.frozen_local = local;
    }
}
