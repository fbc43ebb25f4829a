//! Third parties of the stories: a witness that keeps votes, fence devices, watchdogs, neighbours, a shared disk.

use super::world::{Job, World};
use arbiter_core::io::Input;
use core::time::Duration;
use hotpair_types::{
    Epoch, Evidence, FenceHealth, FenceOrder, FenceReport, FenceState, GroupName, LifeSign, NodeId, ProbeKind,
    Timestamp, VoteView, WatchdogState, WitnessTarget, WitnessView,
};
use std::collections::BTreeMap;

/// The third place.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    /// It does not answer anybody.
    pub down: bool,
    /// Who holds what, and until when unless it is renewed.
    held: BTreeMap<GroupName, (NodeId, Epoch, Timestamp)>,
    /// Highest epoch that ever got the vote.
    highest: BTreeMap<GroupName, Epoch>,
}

/// What a fence device does when it is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Device {
    /// Switches off and says so.
    #[default]
    Works,
    /// Switches off, lets it boot again, and says so.
    Reboots,
    /// Says that it cannot.
    Fails,
    /// Says that it has done it, and has not.
    Lies,
}

/// What a neighbour says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Neighbour {
    /// There is none, or it is silent.
    #[default]
    Silent,
    /// It looked and cannot see the peer.
    Nothing,
    /// It sees that.
    Sees(LifeSign),
}

/// A node's part.
#[derive(Clone, Debug, Default)]
pub struct Thirds {
    /// Its arbiter's newest wish.
    wanted: Option<WitnessTarget>,
    asking: bool,
    /// It does not reach the witness.
    pub witness_cut: bool,
    /// What it was last told.
    told: BTreeMap<GroupName, VoteView>,
    /// The device that switches the peer off.
    pub device: Device,
    /// So long does that take.
    pub fence_takes: Duration,
    order: Option<FenceOrder>,
    /// What became of it.
    pub report: Option<FenceReport>,
    /// What the device's monitor says.
    pub health: FenceHealth,
    /// What is wrong with the watchdog.
    pub watchdog_broken: bool,
    petted: Timestamp,
    /// Its neighbour.
    pub neighbour: Neighbour,
    /// It sees the peer's disk lease move.
    pub storage_moves: bool,
    /// When it last did.
    pub moved: Option<Timestamp>,
}

impl Thirds {
    /// A device that takes two seconds.
    pub fn new() -> Self {
        Self { fence_takes: Duration::from_secs(2), ..Self::default() }
    }

    /// What was in memory is gone.
    pub fn lose_power(&mut self) {
        self.asking = false;
        self.wanted = None;
        self.told.clear();
        self.order = None;
        self.report = None;
        self.moved = None;
    }
}

impl World {
    /// The arbiter says which votes it wants.
    pub fn want(&mut self, node: NodeId, target: WitnessTarget) {
        let thirds = &mut self.at(node).thirds;
        thirds.wanted = Some(target);
        if !thirds.asking {
            thirds.asking = true;
            self.put_ms(1, Job::Witness(node));
        }
    }

    /// A round of the witness's client: keep, read, take, give back.
    pub fn ask_witness(&mut self, node: NodeId) {
        let (now, ttl) = (self.now, self.witness_ttl);
        let names: Vec<GroupName> = self.config.groups.iter().map(|g| g.name.clone()).collect();
        let down = self.witness.down || self.nodes[node.index()].thirds.witness_cut;
        let Some(wanted) = self.nodes[node.index()].thirds.wanted.clone() else { return };
        let alive = self.nodes[node.index()].arbiter.is_some();
        self.at(node).thirds.asking = alive;
        if !alive {
            self.at(node).thirds.wanted = None;
            return;
        }
        let view = if down {
            let votes = self.nodes[node.index()].thirds.told.clone();
            WitnessView { seq: wanted.seq, reachable: false, reason: "connection timed out".into(), votes }
        } else {
            let mut votes = BTreeMap::new();
            for name in names {
                let vote = self.witness.round(node, &name, wanted.votes.get(&name).copied(), ttl, now);
                votes.insert(name, vote);
            }
            WitnessView { seq: wanted.seq, reachable: true, reason: String::new(), votes }
        };
        let eager = wanted.votes.keys().any(|name| !matches!(view.votes.get(name), Some(VoteView::Held { .. })));
        self.at(node).thirds.told = view.votes.clone();
        self.input(node, Input::Witness(view));
        self.put_ms(if eager { 250 } else { 1000 }, Job::Witness(node));
    }

    /// The target says whom to switch off.
    pub fn fence_ordered(&mut self, node: NodeId, order: Option<FenceOrder>) {
        let thirds = &mut self.at(node).thirds;
        let new = order.filter(|o| thirds.order.is_none_or(|old| old.number != o.number));
        thirds.order = order;
        if let Some(order) = new {
            let state = FenceState::Running { device: "ipmi".into(), level: 1 };
            thirds.report = Some(FenceReport { number: order.number, state });
            let takes = thirds.fence_takes;
            self.put(takes, Job::Fenced { node, number: order.number });
            self.put_ms(1, Job::Observed(node));
        }
    }

    /// The device has finished; an order that was taken back meanwhile is not carried out.
    pub fn fence_done(&mut self, node: NodeId, number: u64) {
        let thirds = &mut self.at(node).thirds;
        if thirds.order.is_none_or(|order| order.number != number) {
            return;
        }
        let device = thirds.device;
        let state = match device {
            Device::Fails => FenceState::Failed { reason: "ipmi: no route to host".into() },
            Device::Works | Device::Reboots | Device::Lies => FenceState::Confirmed { device: "ipmi".into() },
        };
        thirds.report = Some(FenceReport { number, state });
        match device {
            Device::Works => self.power_loss(node.other()),
            Device::Reboots => {
                self.power_loss(node.other());
                self.put(Duration::from_secs(20), Job::Boot(node.other()));
            }
            Device::Fails | Device::Lies => {}
        }
        self.put_ms(1, Job::Observed(node));
    }

    /// Evidence of the neighbours in a round.
    pub fn neighbours_answer(&self, node: NodeId) -> Option<Evidence> {
        let via = "judge 192.0.2.9".to_string();
        match self.nodes[node.index()].thirds.neighbour {
            Neighbour::Silent => None,
            Neighbour::Nothing => Some(Evidence::NeighbourCannotSee { via }),
            Neighbour::Sees(sign) => Some(Evidence::Life { probe: ProbeKind::ThirdParty, sign, via }),
        }
    }

    /// A right was renewed: the watchdog is petted.
    pub fn pet(&mut self, node: NodeId) {
        let now = self.now;
        if let Some(timeout) = self.watchdog {
            self.at(node).thirds.petted = now;
            self.put(timeout, Job::Watchdog(node));
        }
    }

    /// The watchdog looks whether it was petted in time.
    pub fn bark(&mut self, node: NodeId) {
        let Some(timeout) = self.watchdog else { return };
        let n = &self.nodes[node.index()];
        let needed = n.groups.values().any(super::resd::Res::serving);
        if needed && !n.thirds.watchdog_broken && self.now >= n.thirds.petted.after(timeout) {
            self.power_loss(node);
        }
    }

    /// The watchdog as resd tells of it.
    pub fn watchdog_state(&self, node: NodeId) -> WatchdogState {
        let n = &self.nodes[node.index()];
        match self.watchdog {
            Some(_) if n.thirds.watchdog_broken => WatchdogState::Broken { reason: "no such device".into() },
            Some(timeout) if n.groups.values().any(super::resd::Res::serving) => WatchdogState::Armed { timeout },
            _ => WatchdogState::Off,
        }
    }

    /// The peer's disk lease moves once more.
    pub fn storage(&mut self, node: NodeId) {
        let now = self.now;
        let thirds = &mut self.at(node).thirds;
        if thirds.storage_moves {
            thirds.moved = Some(now);
            self.put_ms(600, Job::Storage(node));
            self.put_ms(1, Job::Observed(node));
        }
    }
}

impl Witness {
    fn round(
        &mut self,
        node: NodeId,
        name: &GroupName,
        wanted: Option<Epoch>,
        ttl: Duration,
        now: Timestamp,
    ) -> VoteView {
        if self.held.get(name).is_some_and(|(_, _, until)| now >= *until) {
            self.held.remove(name);
        }
        let holder = self.held.get(name).copied();
        match (holder, wanted) {
            (Some((who, epoch, _)), _) if who != node => VoteView::Peer { epoch },
            (Some(_), None) => {
                self.held.remove(name);
                VoteView::Free
            }
            (None, None) => VoteView::Free,
            (mine, Some(epoch)) => {
                let highest = self.highest.get(name).copied().unwrap_or(Epoch::NEVER);
                let renewal = mine.is_some_and(|(_, held, _)| held == epoch);
                let own = highest == epoch && highest.owner() == Some(node);
                if !renewal && !own && epoch <= highest {
                    return VoteView::Unknown;
                }
                self.highest.insert(name.clone(), epoch.max(highest));
                self.held.insert(name.clone(), (node, epoch, now.after(ttl)));
                VoteView::Held { epoch, until: now.after(ttl - ttl / 20) }
            }
        }
    }

    /// Who holds a group's vote.
    pub fn holder(&self, name: &GroupName, now: Timestamp) -> Option<NodeId> {
        self.held.get(name).filter(|(_, _, until)| now < *until).map(|(who, ..)| *who)
    }
}
