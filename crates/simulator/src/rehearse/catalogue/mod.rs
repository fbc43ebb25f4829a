//! The named faults: what each does to a scene, and where it does not apply, why.
//!
//! Names are part of the interface: they are typed behind `--fault`, kept in scripts and in JSON. `row` is the row of the
//! design's list of faults. "Owner" is the node that serves the first group with two nodes, "standby" the other one.

mod arbitration;
mod disk;
mod network;
mod node;
mod operator;
mod resource;

use super::scene::{Scene, What};
use super::stage::{Act, Step};
use crate::faults::Fault;
use core::time::Duration;
use hotpair_types::{Medium, NodeId};

/// For ever, as far as a rehearsal goes.
pub const NEVER: Duration = Duration::from_secs(7 * 24 * 3600);

/// A sentence of the catalogue of messages, with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Message id.
    pub id: &'static str,
    /// Parameters.
    pub parameters: Vec<(&'static str, String)>,
}

impl Words {
    /// With these parameters.
    pub fn new(id: &'static str, parameters: &[(&'static str, &str)]) -> Self {
        Self { id, parameters: parameters.iter().map(|(k, v)| (*k, (*v).to_string())).collect() }
    }
}

/// What part of the pair a fault strikes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Area {
    /// Machines and daemons.
    Node,
    /// Networks and paths.
    Network,
    /// Disks and volumes.
    Disk,
    /// Resources.
    Resource,
    /// Witness, fence device, neighbours, watchdog.
    Arbitration,
    /// People.
    Operator,
}

impl Area {
    /// Its word in JSON, and in the name of its message.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Network => "network",
            Self::Disk => "disk",
            Self::Resource => "resource",
            Self::Arbitration => "arbitration",
            Self::Operator => "operator",
        }
    }
}

/// What happens in a fault.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Step by step.
    pub steps: Vec<Step>,
    /// What repairs it, long after; empty: it is not repaired, or mends itself by its steps.
    pub repair: Vec<Act>,
    /// Time to watch beyond what the scene's timings ask.
    pub extra: Duration,
}

impl Script {
    fn new(steps: Vec<Step>) -> Self {
        Self { steps, ..Self::default() }
    }

    fn repaired(mut self, repair: Vec<Act>) -> Self {
        self.repair = repair;
        self
    }

    fn watched(mut self, extra: Duration) -> Self {
        self.extra = extra;
        self
    }

    /// The last moment at which a step may happen.
    pub fn last(&self) -> Duration {
        let lasting = |act: &Act| match act {
            Act::Fault(
                Fault::Freeze(.., lasting)
                | Fault::FreezeAll(_, lasting)
                | Fault::Pause(_, lasting)
                | Fault::Kill(.., lasting)
                | Fault::KillAll(_, lasting)
                | Fault::PowerLoss(_, lasting),
            ) if *lasting < NEVER => *lasting,
            _ => Duration::ZERO,
        };
        self.steps.iter().map(|s| s.at + s.spread + lasting(&s.act)).max().unwrap_or_default()
    }
}

/// A named fault.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Row of the design's list of faults.
    pub row: &'static str,
    /// What it strikes.
    pub area: Area,
    /// In words.
    pub title: Words,
    /// How it is played, or why it does not apply.
    pub script: Result<Script, Words>,
}

/// Every named fault, for this scene.
pub fn catalogue(scene: &Scene) -> Vec<Case> {
    let mut book = Book { scene, cases: Vec::new() };
    node::add(&mut book);
    network::add(&mut book);
    disk::add(&mut book);
    resource::add(&mut book);
    arbitration::add(&mut book);
    operator::add(&mut book);
    book.cases
}

type Played = Result<Script, Words>;

struct Book<'a> {
    scene: &'a Scene,
    cases: Vec<Case>,
}

impl Book<'_> {
    /// Adds a fault whose words need no parameters but the nodes' names.
    fn add(&mut self, area: Area, name: &str, row: &'static str, id: &'static str, script: Played) {
        self.add_with(area, name, row, id, &[], script);
    }

    fn add_with(
        &mut self,
        area: Area,
        name: &str,
        row: &'static str,
        id: &'static str,
        more: &[(&'static str, &str)],
        script: Played,
    ) {
        let (owner, standby) = (self.scene.name(self.scene.owner), self.scene.name(self.scene.standby()));
        let group = self.scene.group().map(ToString::to_string).unwrap_or_default();
        let mut title = Words::new(id, more);
        title.parameters.extend([("owner", owner), ("standby", standby), ("group", group)]);
        self.cases.push(Case { name: name.to_string(), row, area, title, script });
    }

    fn owner(&self) -> NodeId {
        self.scene.owner
    }

    fn standby(&self) -> NodeId {
        self.scene.standby()
    }

    fn detection(&self) -> Duration {
        self.scene.config.detection()
    }

    /// Why something does not apply to the focus group.
    fn lacks(&self, id: &'static str) -> Words {
        let group = self.scene.group().map(ToString::to_string).unwrap_or_default();
        Words::new(id, &[("group", &group)])
    }

    /// The group can move at all.
    fn pair(&self) -> Result<(), Words> {
        if self.scene.has_standby() { Ok(()) } else { Err(self.lacks("F911")) }
    }

    fn address(&self) -> Result<usize, Words> {
        let found = self.scene.focus_resources(|w| matches!(w, What::Address { .. }));
        found.first().copied().ok_or_else(|| self.lacks("F909"))
    }

    fn volume(&self) -> Result<usize, Words> {
        let found = self.scene.focus_resources(|w| matches!(w, What::Volume(_)));
        found.first().copied().ok_or_else(|| self.lacks("F908"))
    }

    /// The resource that serves: the last program, else the last one.
    fn program(&self) -> Result<usize, Words> {
        let last = |wanted: &dyn Fn(&What) -> bool| self.scene.focus_resources(wanted).last().copied();
        last(&|w| matches!(w, What::App)).or_else(|| last(&|_| true)).ok_or_else(|| self.lacks("F910"))
    }

    fn resource_name(&self, at: usize) -> String {
        self.scene.resources.get(at).map(|r| r.name.to_string()).unwrap_or_default()
    }

    fn service_net(&self) -> Result<usize, Words> {
        self.scene.service_net().ok_or_else(|| self.lacks("F909"))
    }

    fn networks(&self) -> Result<usize, Words> {
        if self.scene.nets.is_empty() { Err(Words::new("F912", &[])) } else { Ok(self.scene.nets.len()) }
    }

    /// Every path, cut or whole, whatever it runs over.
    fn paths(&self, from: Option<NodeId>, cut: bool) -> Vec<Act> {
        (0..self.scene.config.paths.len()).map(|path| Act::Path { path, from, cut }).collect()
    }

    /// Every path that runs over no network.
    fn lines(&self, cut: bool) -> Vec<Act> {
        let all = self.scene.config.paths.iter().enumerate();
        let lines = all.filter(|(_, p)| p.medium() != Medium::Udp);
        lines.map(|(path, _)| Act::Path { path, from: None, cut }).collect()
    }

    fn nets(&self, act: impl Fn(usize) -> Act) -> Vec<Act> {
        (0..self.scene.nets.len()).map(act).collect()
    }

    /// Everything between the nodes, the networks falling in two.
    fn apart(&self, on: bool) -> Vec<Act> {
        [self.nets(|net| Act::Split { net, on }), self.lines(on)].concat()
    }

    /// Every port of a node, and its lines.
    fn ports(&self, node: NodeId, lost: bool) -> Vec<Act> {
        [self.nets(|net| Act::Port { net, node, lost }), self.lines(lost)].concat()
    }
}

fn step(at: Duration, act: Act) -> Step {
    Step { at, spread: Duration::ZERO, act }
}

fn fault(at: Duration, fault: Fault) -> Step {
    step(at, Act::Fault(fault))
}

fn all_at(at: Duration, acts: Vec<Act>) -> Vec<Step> {
    acts.into_iter().map(|act| step(at, act)).collect()
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const NOW: Duration = Duration::ZERO;
