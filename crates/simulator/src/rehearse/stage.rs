//! From what happens to cards, cables and switches to what it does to the simulated world: one plan of faults, and when clients
//! could not reach which node.
//!
//! A network has ports, which carry or not, and a switch, which may be without power (no carrier), stand still (carrier, and
//! nothing passes) or be split between the nodes. The paths over it, the safety check's probes and the service's addresses
//! follow from that. Pure and deterministic.

use super::scene::{Scene, What};
use crate::faults::{Fault, Plan};
use crate::scripted::Span;
use core::time::Duration;
use hotpair_types::NodeId;

/// What happens.
#[derive(Clone, Debug)]
pub enum Act {
    /// Something the simulated world knows by itself.
    Fault(Fault),
    /// A path is cut for frames from one node (or both), or whole again; everything else on its network passes.
    Path {
        /// Which path.
        path: usize,
        /// From whom; `None`: both.
        from: Option<NodeId>,
        /// Cut, not repaired.
        cut: bool,
    },
    /// A node's port on a network loses its carrier, or gets it back.
    Port {
        /// Which network.
        net: usize,
        /// Whose port.
        node: NodeId,
        /// Lost.
        lost: bool,
    },
    /// A network's switch is without power, or has it back: no carrier on either side.
    Dead {
        /// Which network.
        net: usize,
        /// Without power.
        on: bool,
    },
    /// A network's switch passes nothing, its ports still carry.
    Mute {
        /// Which network.
        net: usize,
        /// Passes nothing.
        on: bool,
    },
    /// The switch port of one node passes nothing, and carries.
    Quiet {
        /// Which network.
        net: usize,
        /// Whose port.
        node: NodeId,
        /// Passes nothing.
        on: bool,
    },
    /// A network falls in two between the nodes; each still reaches its own half, clients and reference addresses included.
    Split {
        /// Which network.
        net: usize,
        /// In two.
        on: bool,
    },
}

/// An act at a moment, counted from the beginning of the fault.
#[derive(Clone, Debug)]
pub struct Step {
    /// When, at the earliest.
    pub at: Duration,
    /// Up to so much later, drawn anew in each run.
    pub spread: Duration,
    /// What.
    pub act: Act,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct NetState {
    port_lost: [bool; 2],
    dead: bool,
    mute: bool,
    quiet: [bool; 2],
    split: bool,
}

impl NetState {
    fn carrier(self, node: usize) -> bool {
        !self.port_lost[node] && !self.dead
    }

    fn usable(self, node: usize) -> bool {
        self.carrier(node) && !self.mute && !self.quiet[node]
    }

    fn joined(self) -> bool {
        self.usable(0) && self.usable(1) && !self.split
    }
}

/// What the world has been told.
#[derive(Clone, PartialEq, Eq)]
struct Told {
    cut: Vec<[bool; 2]>,
    lan: [bool; 2],
    carrier: [bool; 2],
    split: bool,
    network: Vec<[bool; 2]>,
}

/// The state of everything between the nodes.
pub struct Stage<'a> {
    scene: &'a Scene,
    nets: Vec<NetState>,
    cut: Vec<[bool; 2]>,
    told: Told,
    plan: Plan,
    unreachable: Vec<[Cut; 2]>,
}

#[derive(Clone, Default)]
struct Cut {
    since: Option<u64>,
    spans: Vec<Span>,
}

/// What a script comes to.
#[derive(Clone, Debug)]
pub struct Staged {
    /// For the simulated world.
    pub plan: Plan,
    /// Per group and node: when clients could not reach that node's address of the group, whatever ran there.
    pub unreachable: Vec<[Vec<Span>; 2]>,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 8)
}

impl<'a> Stage<'a> {
    /// Everything whole.
    pub fn new(scene: &'a Scene) -> Self {
        let told = Told {
            cut: vec![[false; 2]; scene.config.paths.len()],
            lan: [false; 2],
            carrier: [true; 2],
            split: false,
            network: vec![[false; 2]; scene.resources.len()],
        };
        Self {
            scene,
            nets: vec![NetState::default(); scene.nets.len()],
            cut: told.cut.clone(),
            told,
            plan: Vec::new(),
            unreachable: vec![<[Cut; 2]>::default(); scene.config.groups.len()],
        }
    }

    /// Plays the acts, whose moments count from the beginning of the world; `end` is the end of the run.
    pub fn play(mut self, mut acts: Vec<(Duration, Act)>, end: Duration) -> Staged {
        acts.sort_by_key(|(at, _)| *at);
        for (at, act) in acts {
            self.act(nanos(at), act);
        }
        let close = |mut cut: Cut| {
            if let Some(since) = cut.since {
                cut.spans.push(Span { from: Duration::from_nanos(since), to: end });
            }
            cut.spans
        };
        Staged { plan: self.plan, unreachable: self.unreachable.into_iter().map(|pair| pair.map(close)).collect() }
    }

    fn act(&mut self, at: u64, act: Act) {
        match act {
            Act::Fault(fault) => return self.plan.push((at, fault)),
            Act::Path { path, from, cut } => {
                for node in NodeId::BOTH.into_iter().filter(|n| from.is_none_or(|f| f == *n)) {
                    if let Some(ends) = self.cut.get_mut(path) {
                        ends[node.index()] = cut;
                    }
                }
            }
            Act::Port { net, node, lost } => self.change(net, |n| n.port_lost[node.index()] = lost),
            Act::Dead { net, on } => self.change(net, |n| n.dead = on),
            Act::Mute { net, on } => self.change(net, |n| n.mute = on),
            Act::Quiet { net, node, on } => self.change(net, |n| n.quiet[node.index()] = on),
            Act::Split { net, on } => self.change(net, |n| n.split = on),
        }
        self.tell(at);
    }

    fn change(&mut self, net: usize, change: impl FnOnce(&mut NetState)) {
        if let Some(state) = self.nets.get_mut(net) {
            change(state);
        }
    }

    /// What follows for the world from the state of the networks.
    fn wanted(&self) -> Told {
        let mut wanted = Told { cut: self.cut.clone(), ..self.told.clone() };
        let nets = || self.scene.nets.iter().zip(&self.nets);
        for (net, state) in nets() {
            for path in &net.paths {
                wanted.cut[*path] = wanted.cut[*path].map(|cut| cut || !state.joined());
            }
            for address in &net.addresses {
                let watched = matches!(
                    self.scene.resources.get(*address).map(|r| &r.what),
                    Some(What::Address { watched: true, .. })
                );
                wanted.network[*address] = [0, 1].map(|node| !state.carrier(node) || (watched && !state.usable(node)));
            }
        }
        let any = |node: usize, holds: &dyn Fn(&NetState) -> bool| {
            nets().any(|(net, state)| net.probes[node] && holds(state))
        };
        let none = |node: usize| !nets().any(|(net, _)| net.probes[node]);
        for node in [0, 1] {
            wanted.lan[node] = none(node) || !any(node, &|s| s.usable(node));
            wanted.carrier[node] = none(node) || any(node, &|s| s.carrier(node));
        }
        let joined = nets().any(|(net, state)| net.probes == [true; 2] && state.joined());
        wanted.split = !joined && !wanted.lan[0] && !wanted.lan[1];
        wanted
    }

    fn tell(&mut self, at: u64) {
        let wanted = self.wanted();
        let told = core::mem::replace(&mut self.told, wanted.clone());
        let mut put = |fault| self.plan.push((at, fault));
        for (path, (new, old)) in wanted.cut.iter().zip(&told.cut).enumerate() {
            for node in NodeId::BOTH {
                let cut = new[node.index()];
                if cut != old[node.index()] {
                    put(Fault::Cut { path, from: Some(node), cut });
                }
            }
        }
        for node in NodeId::BOTH {
            let n = node.index();
            if wanted.lan[n] != told.lan[n] {
                put(Fault::Lan(node, wanted.lan[n]));
            }
            if wanted.carrier[n] != told.carrier[n] {
                put(Fault::Carrier(node, !wanted.carrier[n]));
            }
            for (resource, (new, old)) in wanted.network.iter().zip(&told.network).enumerate() {
                if new[n] != old[n] {
                    put(Fault::Network(node, resource, new[n]));
                }
            }
        }
        if wanted.split != told.split {
            put(Fault::Split(wanted.split));
        }
        self.note_clients(at);
    }

    fn note_clients(&mut self, at: u64) {
        for (group, cuts) in self.scene.config.groups.iter().zip(&mut self.unreachable) {
            for (node, cut) in cuts.iter_mut().enumerate() {
                let lost = self.scene.nets.iter().zip(&self.nets).any(|(net, state)| {
                    let ours = |a: &usize| self.scene.resources.get(*a).is_some_and(|r| r.group == group.name);
                    !state.usable(node) && net.addresses.iter().any(ours)
                });
                match (lost, cut.since) {
                    (true, None) => cut.since = Some(at),
                    (false, Some(since)) => {
                        cut.since = None;
                        cut.spans.push(Span { from: Duration::from_nanos(since), to: Duration::from_nanos(at) });
                    }
                    _ => {}
                }
            }
        }
    }
}
