//! Watchdogs, and neighbours on the service network. (Witness and fence devices: `thirds`.)
//!
//! A watchdog resets its node when it was not petted for its time, whatever runs there, also while the machine stands still;
//! only when the machine's clocks stand still with it (a paused virtual machine) does it wait as well.

use crate::node::{Daemon, Message};
use crate::world::{Event, Happening, World, nanos};
use core::time::Duration;
use hotpair_types::{Evidence, LifeSign, NodeId, ProbeKind, WatchdogState};
use resource_core::{WatchdogAct, WatchdogConfig};

/// Watchdogs and neighbours of a world.
#[derive(Clone, Debug, Default)]
pub struct Third {
    /// The watchdog of each node.
    pub watchdog: Option<WatchdogConfig>,
    /// The watchdog of a node cannot be opened.
    pub watchdog_missing: [bool; 2],
    /// Neighbours, by the side of the network they are on when it is split.
    pub neighbours: Vec<NodeId>,
}

/// A node's watchdog.
#[derive(Clone, Debug, Default)]
pub struct Dealings {
    /// When it resets the node.
    fires: Option<u64>,
}

impl Dealings {
    /// Its watchdog counts.
    pub fn armed(&self) -> bool {
        self.fires.is_some()
    }

    /// Power is gone.
    pub fn lose_power(&mut self) {
        *self = Self::default();
    }

    /// The machine and its clocks stood still for so long: the watchdog did as well.
    pub fn stood_still(&mut self, lasting: u64) {
        self.fires = self.fires.map(|at| at.saturating_add(lasting));
    }
}

impl World {
    /// The watchdog's time is over, if it was not petted since.
    pub fn watchdog_fires(&mut self, node: NodeId, at: u64) {
        let n = &self.nodes[node.index()];
        if n.dealings.fires == Some(at) && n.on && !n.clock.stands_still() {
            self.touch();
            self.note(Some(node), || "the watchdog resets the node".to_string());
            self.happenings.push(Happening::Reset(node));
            let away = self.rng.millis(2_000, 8_000);
            self.lose_power(node, away);
        }
    }

    /// resd does something with the watchdog.
    pub fn watchdog(&mut self, node: NodeId, act: WatchdogAct) {
        let Some(config) = &self.third.watchdog else { return };
        let (timeout, reset) = (config.timeout, config.reset_time);
        if self.third.watchdog_missing[node.index()] {
            let reason = "no such device".to_string();
            self.tell(node, Daemon::Resd, Message::Watchdog(WatchdogState::Broken { reason }));
            return;
        }
        self.touch();
        match act {
            WatchdogAct::Arm | WatchdogAct::Pet => {
                // The reset itself takes a moment, in which everything goes on.
                let at = self.now + nanos(timeout) + self.rng.below(nanos(reset));
                self.nodes[node.index()].dealings.fires = Some(at);
                self.put_at(at, Event::WatchdogFires(node, at));
                if act == WatchdogAct::Arm {
                    self.tell(node, Daemon::Resd, Message::Watchdog(WatchdogState::Armed { timeout }));
                }
            }
            WatchdogAct::Disarm => {
                self.nodes[node.index()].dealings.fires = None;
                self.tell(node, Daemon::Resd, Message::Watchdog(WatchdogState::Off));
            }
        }
    }

    /// The clocks of a paused machine go on, and its watchdog with them.
    pub fn watchdog_goes_on(&mut self, node: NodeId, lasting: u64) {
        self.nodes[node.index()].dealings.stood_still(lasting);
        if let Some(at) = self.nodes[node.index()].dealings.fires {
            self.put_at(at, Event::WatchdogFires(node, at));
        }
    }

    /// Power goes, and comes back after this time: by whatever cause.
    pub fn lose_power(&mut self, node: NodeId, away: Duration) {
        if !self.nodes[node.index()].on {
            return;
        }
        self.touch();
        self.writes_interrupted(node);
        self.nodes[node.index()].power_off();
        self.put(away, Event::Boot(node));
    }

    /// Answers of the neighbours in a round of the safety check.
    pub fn neighbours_answer(&mut self, node: NodeId) -> Vec<Evidence> {
        let mut answers = Vec::new();
        let wiring = &self.wiring;
        if wiring.probes_blocked[node.index()] || wiring.lan_cut[node.index()] {
            return answers;
        }
        let peer = &self.nodes[node.other().index()];
        for (at, side) in self.third.neighbours.iter().enumerate() {
            let via = format!("neighbour{at}");
            let reaches = |n: NodeId| !wiring.lan_cut[n.index()] && (!wiring.lan_split || *side == n);
            if !reaches(node) || (wiring.lan_loss > 0 && self.rng.percent(wiring.lan_loss)) {
                continue;
            }
            let sees = reaches(peer.id) && peer.on && !peer.paused;
            answers.push(if sees && !self.bugs.deaf_prober {
                let sign = if peer.runs(Daemon::Arbiterd) { LifeSign::Software } else { LifeSign::Kernel };
                Evidence::Life { probe: ProbeKind::ThirdParty, sign, via }
            } else {
                Evidence::NeighbourCannotSee { via }
            });
        }
        answers
    }
}
