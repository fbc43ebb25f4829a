//! A run with given configurations and given faults: what `hotpair rehearse` and tests of single stories play.
//!
//! The same engine as for seeds, with nothing drawn but delays: [`play`] takes the core configurations of both nodes, a list of
//! moments and faults, and tells who served when, who had effects when, which alarms stood, and what happened. Invariants are
//! not asked here: a rehearsal shows what a configuration does, also where its promise ends.
//!
//! Single-threaded and deterministic: one [`Setup`], one [`Outcome`].

use crate::faults::{Fault, Plan};
use crate::node::Node;
use crate::resources::Real;
use crate::rng::Rng;
use crate::site::Site;
use crate::wire::Wiring;
use crate::world::{Event, Happening, Record, Times, World, nanos};
use arbiter_core::io::ArbiterConfig;
use core::time::Duration;
use heartbeat_core::PathConfig;
use hotpair_types::{GroupName, NodeId};
use resource_core::GroupConfig;
use std::collections::BTreeMap;

/// What to play. Times count from the beginning of the world, at which both nodes are off.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Decides every delay; other seeds, other delays.
    pub seed: u64,
    /// The heartbeat paths, each with its medium; the same on both nodes. [`Fault`]s name them by their place here.
    pub paths: Vec<PathConfig>,
    /// What each node's arbiter is told, in the order of the nodes.
    pub arbiter: [ArbiterConfig; 2],
    /// What each node's resd is told. Both name the same groups and resources in the same order; [`Fault`]s name a resource by
    /// its place in the list of all resources of all groups.
    pub resources: [Vec<GroupConfig>; 2],
    /// How long things take here.
    pub times: Times,
    /// What the site adds: guarded volumes, reference addresses.
    pub site: Site,
    /// When each node is switched on.
    pub boot: [Duration; 2],
    /// What begins or ends when.
    pub plan: Plan,
    /// When every fault ends by itself; `None`: never.
    pub heal: Option<Duration>,
    /// The end of the run.
    pub end: Duration,
    /// Keep the whole story in words.
    pub record: bool,
}

/// From when to when; `to` is the end of the run for what had not ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Its beginning.
    pub from: Duration,
    /// Its end.
    pub to: Duration,
}

impl Span {
    /// How long it is.
    pub fn lasting(self) -> Duration {
        self.to.saturating_sub(self.from)
    }

    /// The part that lies in both.
    pub fn common(self, other: Self) -> Option<Self> {
        let both = Self { from: self.from.max(other.from), to: self.to.min(other.to) };
        (both.from < both.to).then_some(both)
    }
}

/// What became of one group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupOutcome {
    /// Its name.
    pub name: GroupName,
    /// Per node: when clients were served there (everything of the group up and well, the machine running, its service network
    /// connected).
    pub serving: [Vec<Span>; 2],
    /// Per node: when anything of the group had effects there, served or not. A machine that stands still has none.
    pub effects: [Vec<Span>; 2],
}

impl GroupOutcome {
    /// When both nodes had effects at once.
    pub fn dual(&self) -> Vec<Span> {
        let [first, second] = &self.effects;
        first.iter().flat_map(|a| second.iter().filter_map(|b| a.common(*b))).collect()
    }

    /// When nobody served, between two moments.
    pub fn outages(&self, within: Span) -> Vec<Span> {
        let mut served: Vec<Span> = self.serving.iter().flatten().filter_map(|s| s.common(within)).collect();
        served.sort_by_key(|s| s.from);
        let mut outages = Vec::new();
        let mut until = within.from;
        for span in served {
            if span.from > until {
                outages.push(Span { from: until, to: span.from });
            }
            until = until.max(span.to);
        }
        if until < within.to {
            outages.push(Span { from: until, to: within.to });
        }
        outages
    }

    /// Who served at a moment, in the order of the nodes.
    pub fn serving_at(&self, at: Duration) -> [bool; 2] {
        [0, 1].map(|node| self.serving[node].iter().any(|s| s.from <= at && at < s.to))
    }
}

/// An alarm that stood at a node's arbiter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlarmSeen {
    /// Whose arbiter raised it.
    pub node: NodeId,
    /// Its message id.
    pub id: String,
    /// What it is about: a group, a path, a node.
    pub subject: String,
    /// When it stood; the end of arbiterd ends it as well.
    pub span: Span,
}

/// What came of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The groups, in the order of the configuration.
    pub groups: Vec<GroupOutcome>,
    /// Per resource, as [`Fault`]s number them, and node: when it had effects.
    pub resources: Vec<[Vec<Span>; 2]>,
    /// What happened, with its moment.
    pub happenings: Vec<(Duration, Happening)>,
    /// Alarms, by their beginning.
    pub alarms: Vec<AlarmSeen>,
    /// The story in words, if it was to be kept.
    pub timeline: Vec<String>,
    /// Steps of the simulation.
    pub steps: u64,
}

/// Notes what begins and ends.
#[derive(Default)]
struct Spans {
    since: Option<u64>,
    spans: Vec<Span>,
}

impl Spans {
    fn note(&mut self, is: bool, now: u64) {
        match (is, self.since) {
            (true, None) => self.since = Some(now),
            (false, Some(since)) => {
                if now > since {
                    self.spans.push(Span { from: Duration::from_nanos(since), to: Duration::from_nanos(now) });
                }
                self.since = None;
            }
            _ => {}
        }
    }
}

struct Watcher {
    serving: Vec<[Spans; 2]>,
    effects: Vec<[Spans; 2]>,
    resources: Vec<[Spans; 2]>,
    alarms: BTreeMap<(NodeId, String, String), Spans>,
    standing: [Vec<(String, String)>; 2],
    happenings: Vec<(Duration, Happening)>,
}

impl Watcher {
    fn look(&mut self, world: &World) {
        if world.changed {
            self.effects_of(world);
        }
        for node in &world.nodes {
            self.alarms_of(node, world.now);
        }
        let at = Duration::from_nanos(world.now);
        self.happenings.extend(world.happenings.iter().map(|h| (at, h.clone())));
    }

    fn effects_of(&mut self, world: &World) {
        for (at, group) in world.groups.iter().enumerate() {
            for node in NodeId::BOTH {
                self.serving[at][node.index()].note(world.serves(node, group), world.now);
                self.effects[at][node.index()].note(world.has_effects(node, group), world.now);
            }
        }
        for (at, key) in world.resources.iter().enumerate() {
            for node in &world.nodes {
                let up = node.on && !node.paused && node.resources.real.get(key).is_some_and(|r| r.up);
                self.resources[at][node.id.index()].note(up, world.now);
            }
        }
    }

    /// Alarms change seldom and are asked after each step: compared first, noted when they differ.
    fn alarms_of(&mut self, node: &Node, now: u64) {
        let standing = || node.arbiterd.core.iter().flat_map(|core| core.standing_alarms());
        let last = &mut self.standing[node.id.index()];
        if standing().eq(last.iter().map(|(id, subject)| (id.as_str(), subject.as_str()))) {
            return;
        }
        let new: Vec<(String, String)> =
            standing().map(|(id, subject)| (id.to_string(), subject.to_string())).collect();
        for (id, subject) in last.iter().filter(|old| !new.contains(old)) {
            self.alarms.entry((node.id, id.clone(), subject.clone())).or_default().note(false, now);
        }
        for (id, subject) in new.iter().filter(|alarm| !last.contains(alarm)) {
            self.alarms.entry((node.id, id.clone(), subject.clone())).or_default().note(true, now);
        }
        *last = new;
    }

    fn finish(mut self, world: World, end: u64) -> Outcome {
        let close = |spans: &mut Spans| {
            spans.note(false, end);
            core::mem::take(&mut spans.spans)
        };
        let groups = world.groups.iter().cloned().zip(self.serving.iter_mut().zip(&mut self.effects));
        let groups = groups
            .map(|(name, (serving, effects))| GroupOutcome {
                name,
                serving: serving.each_mut().map(close),
                effects: effects.each_mut().map(close),
            })
            .collect();
        let resources = self.resources.iter_mut().map(|pair| pair.each_mut().map(close)).collect();
        let mut alarms = Vec::new();
        for ((node, id, subject), mut spans) in self.alarms {
            let found = close(&mut spans);
            alarms.extend(found.into_iter().map(|span| AlarmSeen {
                node,
                id: id.clone(),
                subject: subject.clone(),
                span,
            }));
        }
        alarms.sort_by_key(|a| a.span.from);
        let timeline = world.timeline.into_iter().collect();
        Outcome { groups, resources, happenings: self.happenings, alarms, timeline, steps: world.step }
    }
}

/// The world of a setup, both nodes off, nothing under way.
pub fn world(setup: &Setup) -> World {
    let names = setup.resources[0].iter().flat_map(|g| g.resources.iter().map(|r| (g.name.clone(), r.name.clone())));
    let resources: Vec<_> = names.collect();
    let nodes = NodeId::BOTH.map(|id| {
        let mut config = setup.arbiter[id.index()].clone();
        config.node = id;
        let mut node = Node::new(id, config, setup.resources[id.index()].clone());
        node.resources.real = resources.iter().map(|key| (key.clone(), Real::default())).collect();
        node
    });
    let mut world = World::new(Rng::new(setup.seed), nodes, Wiring::new(setup.paths.clone()), resources);
    world.times = setup.times.clone();
    world.site = setup.site.clone();
    world.third.neighbours = setup.site.neighbours.clone();
    world.third.watchdog = setup.site.watchdog.clone();
    world.record = if setup.record { Record::Everything } else { Record::Nothing };
    world
}

/// Plays a setup to its end.
pub fn play(setup: &Setup) -> Outcome {
    let mut world = world(setup);
    for node in NodeId::BOTH {
        world.put_at(nanos(setup.boot[node.index()]), Event::Boot(node));
    }
    for (at, fault) in &setup.plan {
        world.put_at(*at, Event::Fault(fault.clone()));
    }
    let groups = world.groups.len();
    let pairs = |count: usize| (0..count).map(|_| <[Spans; 2]>::default()).collect();
    let mut watcher = Watcher {
        serving: pairs(groups),
        effects: pairs(groups),
        resources: pairs(world.resources.len()),
        alarms: BTreeMap::new(),
        standing: Default::default(),
        happenings: Vec::new(),
    };
    let end = nanos(setup.end);
    let heal = setup.heal.map_or(end, nanos).min(end);
    for (until, healing) in [(heal, setup.heal.is_some()), (end, false)] {
        while world.advance(until) {
            watcher.look(&world);
        }
        if healing {
            world.heal();
            watcher.look(&world);
        }
    }
    watcher.finish(world, end)
}

/// A moment of a plan.
pub fn at(moment: Duration, fault: Fault) -> (u64, Fault) {
    (nanos(moment), fault)
}
