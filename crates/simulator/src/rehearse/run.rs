//! One run of one named fault: from scene and script to a simulated world, and what came of it.
//!
//! Single-threaded and deterministic: the same scene, assumptions, script and seed give the same run.

use super::assume::Assumptions;
use super::catalogue::{NEVER, Script};
use super::scene::{Scene, What};
use super::stage::{Act, Stage};
use crate::faults::Fault;
use crate::rng::Rng;
use crate::scripted::{Outcome, Setup, Span, play};
use crate::site::{Guard, Site};
use crate::thirds::{Device, Witness};
use crate::world::Times;
use core::time::Duration;
use hotpair_config::model::{Failback, FenceAction, VolumeProtection};
use hotpair_types::NodeId;

/// The file system's own protection lets a mount wait for so long after an unclean end (ext4: an interval of 5 s, twice, and a second).
const KERNEL_GUARD: Duration = Duration::from_secs(11);
/// A fence device has switched a node off and read its state back.
const FENCED: Duration = Duration::from_secs(3);
/// A node that was reset is back.
const REBOOT: Duration = Duration::from_secs(40);
/// The fault begins within this time of the settled state, so that it meets heartbeats and monitors at any moment.
const SPREAD: Duration = Duration::from_secs(2);

/// Moments of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moments {
    /// The fault begins.
    pub begin: Duration,
    /// It is repaired, or the run ends.
    pub repair: Duration,
    /// The end.
    pub end: Duration,
}

impl Moments {
    /// While the fault stands.
    pub fn during(&self) -> Span {
        Span { from: self.begin, to: self.repair }
    }

    /// Once it is repaired; empty where it is not.
    pub fn after(&self) -> Span {
        Span { from: self.repair, to: self.end }
    }
}

/// A run and what came of it.
#[derive(Clone, Debug)]
pub struct Played {
    /// Its moments.
    pub moments: Moments,
    /// What the simulator saw.
    pub outcome: Outcome,
    /// Per group and node: when clients could not reach that node's addresses.
    pub unreachable: Vec<[Vec<Span>; 2]>,
    /// What was done, with its moment.
    pub acts: Vec<(Duration, Act)>,
}

/// Plays a script once.
pub fn run(scene: &Scene, assumptions: &Assumptions, script: &Script, seed: u64, record: bool) -> Played {
    let mut rng = Rng::new(seed ^ 0x0bad_cafe);
    let begin = settle(scene, assumptions) + rng.micros(0, u64::try_from(SPREAD.as_micros()).unwrap_or(0));
    let patience = patience(scene, assumptions, script);
    let repair = begin + script.last() + patience + script.extra;
    let end = if script.repair.is_empty() { repair } else { repair + patience + script.extra / 2 };
    let mut acts = Vec::new();
    for step in &script.steps {
        let later = rng.micros(0, u64::try_from(step.spread.as_micros()).unwrap_or(0));
        acts.push((begin + step.at + later, step.act.clone()));
    }
    acts.extend(script.repair.iter().map(|act| (repair, act.clone())));
    let staged = Stage::new(scene).play(acts.clone(), end);
    let boot = NodeId::BOTH.map(|_| rng.millis(0, 1_000));
    let setup = Setup {
        seed,
        paths: hotpair_assemble::heartbeat::heartbeat(&scene.config, NodeId::FIRST).paths,
        arbiter: NodeId::BOTH.map(|node| hotpair_assemble::arbiter::arbiter(&scene.config, node)),
        resources: NodeId::BOTH.map(|_| hotpair_assemble::resource::groups(&scene.config)),
        times: Times::default(),
        site: site(scene, assumptions),
        boot,
        plan: staged.plan,
        heal: None,
        end,
        record,
    };
    let outcome = play(&setup);
    acts.sort_by_key(|(at, _)| *at);
    Played { moments: Moments { begin, repair, end }, outcome, unreachable: staged.unreachable, acts }
}

fn site(scene: &Scene, assumptions: &Assumptions) -> Site {
    let mut site = Site::default();
    site.references = scene.has_references();
    site.watchful = true;
    site.thirds.witness = scene.config.witness.as_ref().map(|w| Witness::new(w.ttl, w.timeout));
    // A neighbour stands near the clients, that is on the side of the node that serves.
    site.neighbours = vec![scene.owner; scene.config.neighbours.len()];
    site.watchdog = hotpair_assemble::resource::watchdog(&scene.config, false);
    site.thirds.devices = NodeId::BOTH.map(|node| device(scene, node));
    for (thing, times) in scene.resources.iter().zip(&assumptions.times) {
        let key = (thing.group.clone(), thing.name.clone());
        if let What::Volume(protection) = &thing.what {
            let guard = match protection {
                VolumeProtection::Lease { duration, .. } => Some(Guard::Lease(*duration)),
                VolumeProtection::Mmp => Some(Guard::Kernel(KERNEL_GUARD)),
                VolumeProtection::Reservation => Some(Guard::Reservation),
                VolumeProtection::None => None,
            };
            site.guards.extend(guard.map(|guard| (key.clone(), guard)));
        }
        site.durations.insert(key, [times.start, times.stop]);
    }
    site
}

/// The devices that switch a node off, as one: the first level counts. It confirms within a few seconds, as most do.
fn device(scene: &Scene, node: NodeId) -> Option<Device> {
    let all = scene.config.fences_of(node);
    let first = all.first()?;
    Some(Device {
        name: first.name.clone(),
        takes: FENCED,
        gives_up: all.iter().map(|f| f.timeout * f.attempts.max(1)).sum(),
        back: (first.action == FenceAction::Reboot).then_some(REBOOT),
        dead: false,
        lies: false,
    })
}

/// From switching on until every group serves and both arbiters have seen each other.
fn settle(scene: &Scene, assumptions: &Assumptions) -> Duration {
    let detection = scene.config.detection();
    detection * 3 + assumptions.longest_start(scene) + Duration::from_secs(6)
}

/// How long everything may take that follows from one event.
fn patience(scene: &Scene, assumptions: &Assumptions, script: &Script) -> Duration {
    let config = &scene.config;
    let check = config.safety_check.window * 3 + config.safety_check.interval * 2;
    let leases = config.groups.iter().filter_map(|g| g.lease).max().unwrap_or_default();
    let guards = scene.resources.iter().filter_map(|r| match &r.what {
        What::Volume(VolumeProtection::Lease { duration, .. }) => Some(*duration * 5 / 4),
        What::Volume(VolumeProtection::Mmp) => Some(KERNEL_GUARD),
        _ => None,
    });
    let failback = config.groups.iter().filter_map(|g| match g.failback {
        Failback::Auto { after } => Some(after + assumptions.longest_start(scene) * 2),
        _ => None,
    });
    let boots = |act: &Act| {
        matches!(act, Act::Fault(Fault::PowerLoss(_, away)) if *away < NEVER)
            || matches!(act, Act::Fault(Fault::Boot(_)))
    };
    let returns = script.steps.iter().any(|s| boots(&s.act));
    let boot = if returns { config.boot.wait + failback.max().unwrap_or_default() } else { Duration::ZERO };
    let votes = config.witness.as_ref().map_or(Duration::ZERO, |w| w.ttl * 2 + w.timeout * 2);
    let delays = config.fences.iter().map(|f| f.delay).max();
    let fence = delays.map_or(Duration::ZERO, |delay| FENCED + delay);
    let moving = assumptions.longest_start(scene) * 2 + assumptions.longest_stop(scene);
    config.detection() * 3
        + check
        + leases * 2
        + guards.max().unwrap_or_default()
        + boot
        + moving
        + votes
        + fence
        + Duration::from_secs(6)
}
