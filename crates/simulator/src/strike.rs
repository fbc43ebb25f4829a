//! What faults, orders and repairs do to the world.

use crate::faults::Fault;
use crate::node::{Daemon, Message};
use crate::resources::Real;
use crate::world::{Event, Happening, World};
use arbiter_core::io::Order;
use core::time::Duration;
use hotpair_types::{FailureScope, NodeId, NodeMode};
use resource_core::ResourceEvent;

impl World {
    /// A fault begins or ends, or a person gives an order.
    pub fn strike(&mut self, fault: Fault) {
        if !self.faults {
            return;
        }
        self.touch();
        self.note(None, || format!("* {fault:?}"));
        match fault {
            Fault::Cut { path, from, cut } => {
                for node in NodeId::BOTH.into_iter().filter(|n| from.is_none_or(|f| f == *n)) {
                    self.wiring.wires[path][node.index()].cut = cut;
                }
            }
            Fault::Bad { path, loss, duplicate, jitter } => {
                for wire in &mut self.wiring.wires[path] {
                    wire.loss = loss;
                    wire.duplicate = duplicate;
                    wire.jitter = jitter;
                }
            }
            Fault::CutAll(cut) => self.cut_all(cut),
            Fault::Lan(node, cut) => self.wiring.lan_cut[node.index()] = cut,
            Fault::Split(cut) => self.wiring.lan_split = cut,
            Fault::ProbesBlocked(node, blocked) => self.wiring.probes_blocked[node.index()] = blocked,
            Fault::CutEverything(cut) => {
                self.cut_all(cut);
                self.wiring.lan_split = cut;
            }
            Fault::DiskFails(node, fails) => self.nodes[node.index()].disk.fails = fails,
            Fault::DiskSlow(node, slow) => self.nodes[node.index()].disk.slow = slow,
            Fault::Vouch(node) => self.vouch(node),
            Fault::Order(node, order) => self.hand_over(node, Message::Order(order)),
            Fault::Fails(..)
            | Fault::Broken(..)
            | Fault::Lacking(..)
            | Fault::Network(..)
            | Fault::Stuck(..)
            | Fault::Slow(..)
            | Fault::Hang(..) => self.strike_resource(&fault),
            Fault::Carrier(node, lost) => self.wiring.carrier_lost[node.index()] = lost,
            Fault::Boot(node) => self.boot(node),
            Fault::Third(act) => self.third_act(&act),
            Fault::Rare(rare) => self.strike_rarely(rare),
            other => self.strike_node(other),
        }
    }

    fn cut_all(&mut self, cut: bool) {
        for wire in self.wiring.wires.iter_mut().flatten() {
            wire.cut = cut;
        }
    }

    fn vouch(&mut self, node: NodeId) {
        // The statement is true (A9): only then is anything promised.
        // A command to a process that does not run times out: the word is not kept until it is untrue.
        if !self.nodes[node.other().index()].on && self.nodes[node.index()].runs(Daemon::Arbiterd) {
            let peer = if node == NodeId::FIRST { "beta" } else { "alpha" };
            let order = Order::VouchPeerOff { peer: peer.to_string(), reason: "it is dark".to_string() };
            self.happenings.push(Happening::Vouched(node));
            self.hand_over(node, Message::Order(order));
        }
    }

    fn strike_node(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(node, daemon, away) => {
                self.kill(node, daemon);
                self.put(away, Event::Start(node, daemon));
            }
            Fault::KillAll(node, away) => {
                for daemon in Daemon::ALL {
                    self.kill(node, daemon);
                    let more = self.rng.millis(0, 300);
                    self.put(away + more, Event::Start(node, daemon));
                }
            }
            Fault::StateLost(node) => {
                self.kill(node, Daemon::Arbiterd);
                let disk = &mut self.nodes[node.index()].disk;
                disk.state = None;
                disk.untrusted = true;
                self.happenings.push(Happening::StateLost(node));
                let away = self.rng.millis(20, 2_000);
                self.put(away, Event::Start(node, Daemon::Arbiterd));
            }
            Fault::OtherConfig(node, other) => {
                let mut digest = self.nodes[node.other().index()].config.digest;
                digest.0[0] ^= u8::from(other);
                self.nodes[node.index()].config.digest = digest;
                self.kill(node, Daemon::Arbiterd);
                let away = self.rng.millis(20, 200);
                self.put(away, Event::Start(node, Daemon::Arbiterd));
            }
            Fault::Freeze(node, daemon, lasting) => self.freeze(node, daemon, lasting),
            Fault::FreezeAll(node, lasting) => {
                for daemon in Daemon::ALL {
                    self.freeze(node, daemon, lasting);
                }
            }
            Fault::Pause(node, lasting) => {
                let now = self.now;
                let n = &mut self.nodes[node.index()];
                if n.on && !n.paused {
                    for daemon in Daemon::ALL {
                        n.freeze(daemon, now);
                    }
                    n.paused = true;
                    self.put(lasting, Event::Resume(node));
                }
            }
            Fault::PowerLoss(node, away) => self.lose_power(node, away),
            _ => {}
        }
    }

    fn freeze(&mut self, node: NodeId, daemon: Daemon, lasting: Duration) {
        let now = self.now;
        self.nodes[node.index()].freeze(daemon, now);
        self.put(lasting, Event::Thaw(node, daemon));
    }

    /// A paused machine goes on.
    pub fn resume(&mut self, node: NodeId) {
        let n = &mut self.nodes[node.index()];
        if !core::mem::take(&mut n.paused) {
            return;
        }
        let now = self.now;
        if let Some(lasting) = self.nodes[node.index()].clock.go_on(now) {
            self.watchdog_goes_on(node, lasting);
        }
        self.touch();
        self.note(Some(node), || "the machine goes on".to_string());
        let mut order = Daemon::ALL;
        if self.rng.percent(50) {
            order.reverse();
        }
        for daemon in order {
            let after = self.rng.micros(0, 2_000);
            self.put(after, Event::Thaw(node, daemon));
        }
    }

    /// Power returns.
    pub fn boot(&mut self, node: NodeId) {
        let now = self.now;
        let n = &mut self.nodes[node.index()];
        if n.on {
            return;
        }
        n.power_on(now);
        self.touch();
        self.note(Some(node), || "boots".to_string());
        for daemon in Daemon::ALL {
            let after = self.rng.millis(1, 400);
            self.put(after, Event::Start(node, daemon));
        }
    }

    fn strike_resource(&mut self, fault: &Fault) {
        let (Fault::Fails(node, r)
        | Fault::Broken(node, r, _)
        | Fault::Lacking(node, r, _)
        | Fault::Network(node, r, _)
        | Fault::Stuck(node, r, _)
        | Fault::Slow(node, r, _)
        | Fault::Hang(node, r, _)) = fault
        else {
            return;
        };
        let Some(key) = self.resources.get(*r).cloned() else { return };
        let Some(real) = self.nodes[node.index()].resources.real.get_mut(&key) else { return };
        match fault {
            Fault::Fails(..) if real.up => real.failed = true,
            Fault::Broken(_, _, on) => real.broken = *on,
            Fault::Lacking(_, _, on) => real.lacking = *on,
            Fault::Network(_, _, on) => real.network_lost = *on,
            Fault::Stuck(_, _, on) => real.stuck = *on,
            Fault::Slow(_, _, by) => real.slow = *by,
            Fault::Hang(_, _, on) => real.hangs = *on,
            _ => {}
        }
        self.notice_at_once(fault, *node, &key);
    }

    /// What a node that watches its links and addresses notices without being asked.
    fn notice_at_once(
        &mut self,
        fault: &Fault,
        node: NodeId,
        key: &(hotpair_types::GroupName, hotpair_types::ResourceName),
    ) {
        if !self.site.watchful {
            return;
        }
        let groups = &self.nodes[node.index()].groups;
        let group = groups.iter().find(|g| g.name == key.0);
        let watched = group.and_then(|g| g.resources.iter().find(|r| r.name == key.1)).is_some_and(|r| r.in_place);
        let failed = |scope, text: &str| ResourceEvent::Failed { text: text.to_string(), scope };
        match fault {
            Fault::Network(_, _, true) => self.notice(node, key, failed(FailureScope::Network, "no carrier")),
            Fault::Network(_, _, false) => self.notice(node, key, ResourceEvent::Recovered),
            Fault::Fails(..) if watched => self.notice(node, key, failed(FailureScope::Resource, "it is gone")),
            _ => {}
        }
    }

    /// Faults end: wires whole, disks well, resources repaired, machines on, daemons running.
    pub fn heal(&mut self) {
        self.touch();
        self.note(None, || "* faults end".to_string());
        self.faults = false;
        self.wiring.heal();
        self.heal_third();
        for node in NodeId::BOTH {
            let n = &mut self.nodes[node.index()];
            n.disk.fails = false;
            n.disk.crash_next = None;
            n.dies_after = None;
            n.clock.set_rate(0, self.now);
            n.disk.slow = Duration::ZERO;
            n.resources.heal();
            let differs = n.config.digest != self.common_digest;
            if differs {
                self.reload(node, false);
            }
            self.tell_links(node);
            let n = &mut self.nodes[node.index()];
            if n.paused {
                self.resume(node);
            }
            if self.nodes[node.index()].on {
                for daemon in Daemon::ALL {
                    self.put(Duration::from_millis(50), Event::Thaw(node, daemon));
                    self.put(Duration::from_millis(100), Event::Start(node, daemon));
                }
            } else {
                self.put(Duration::from_millis(500), Event::Boot(node));
            }
        }
    }

    /// A person tidies up: what a freeze, a standby or a counted failure holds back is released.
    pub fn tidy(&mut self) {
        self.touch();
        self.note(None, || "* a person tidies up".to_string());
        for node in NodeId::BOTH {
            let lasting = Duration::ZERO;
            for order in [
                Order::NodeMode { node: NodeId::FIRST, mode: NodeMode::Online },
                Order::NodeMode { node: NodeId::SECOND, mode: NodeMode::Online },
                Order::Freeze { group: None, lasting },
                Order::Maintenance { group: None, lasting },
                Order::Clear { group: None },
            ] {
                self.hand_over(node, Message::Order(order));
            }
        }
    }

    /// What a resource really is.
    pub fn real(&self, node: NodeId, at: usize) -> Option<&Real> {
        self.nodes[node.index()].resources.real.get(self.resources.get(at)?)
    }
}
