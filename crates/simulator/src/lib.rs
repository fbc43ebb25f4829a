//! Two whole nodes on a virtual clock: each is heartbeat-core, arbiter-core and resource-core, the very code that runs in
//! production, with the shells' glue, virtual wires, disks, resources and people around them.
//!
//! One seed decides everything: configuration, faults, orders, delays. A run has a fault phase, in which safety must hold at
//! every step, and a quiet phase, after which everything must be sorted out. A violation carries its seed, its step and the
//! last moments in words; the same seed plays the same story again, bit by bit.
//!
//! Frames carry a checksum in place of the keyed tag (proven and fuzzed in heartbeat-core), and words are made only when a story is
//! told: a failure is played a second time for that.
//!
//! Two ways in: [`run`] plays a seed, everything drawn from it, every invariant asked after each step. [`scripted::play`] plays
//! given configurations with given faults and tells who served when (rehearsals, single stories).
//!
//! *Invariant:* no real time, no randomness but [`rng::Rng`], no hash maps.

pub mod calm;
pub mod clock;
pub mod daemons;
pub mod faults;
pub mod invariants;
pub mod node;
pub mod queue;
pub mod rare;
pub mod rehearse;
pub mod resources;
pub mod rng;
pub mod scripted;
pub mod setup;
pub mod site;
pub mod strike;
pub mod tally;
pub mod third;
pub mod thirds;
pub mod wire;
pub mod world;

use crate::faults::{Plan, Profile};
use crate::world::{Bugs, Event, Record, World};
use core::fmt;
use core::time::Duration;
use hotpair_types::NodeId;

/// Faults begin after this, when the pair has settled.
const SETTLED: u64 = 12_000_000_000;
/// Faults begin within this time.
const FAULTS: Duration = Duration::from_secs(45);
/// The last fault has ended.
const HEALED: u64 = 75_000_000_000;
/// A person tidies up.
const TIDIED: u64 = 80_000_000_000;
/// The end.
const END: u64 = 130_000_000_000;
/// More steps than this at one instant: something spins.
const STEPS_AT_ONE_INSTANT: u64 = 5_000;

/// How a run is to be.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most faults.
    pub most_faults: u64,
    /// What it is about; `None`: by the seed.
    pub profile: Option<Profile>,
    /// Bugs put in on purpose.
    pub bugs: Bugs,
}

impl Default for Options {
    fn default() -> Self {
        Self { most_faults: 12, profile: None, bugs: Bugs::default() }
    }
}

/// A run in which everything held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// Steps.
    pub steps: u64,
    /// Hash over everything that was recorded.
    pub hash: u64,
    /// Takeovers from a silent peer.
    pub takeovers: u64,
    /// Other takes: first starts and planned moves.
    pub takes: u64,
    /// Nodes that were on and were switched off by a fence device.
    pub fenced: u64,
    /// Nodes that were reset by their watchdog.
    pub resets: u64,
}

/// A run in which something did not hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The step.
    pub step: u64,
    /// Which statement.
    pub invariant: &'static str,
    /// How.
    pub text: String,
    /// The last moments.
    pub timeline: Vec<String>,
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.timeline {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "seed {}, step {}: {} does not hold: {}", self.seed, self.step, self.invariant, self.text)
    }
}

struct Run {
    seed: u64,
    world: World,
    invariants: Vec<Box<dyn invariants::Invariant>>,
    takeovers: u64,
    takes: u64,
    fenced: u64,
    resets: u64,
}

impl Run {
    fn failure(&self, invariant: &'static str, text: String) -> Box<Failure> {
        let timeline = self.world.timeline.iter().cloned().collect();
        Box::new(Failure { seed: self.seed, step: self.world.step, invariant, text, timeline })
    }

    /// Asks every invariant, if anything changed that they look at: a frame or a monitor that changes nothing needs no answer.
    fn ask(&mut self) -> Result<(), Box<Failure>> {
        if !self.world.changed && self.world.happenings.is_empty() {
            return Ok(());
        }
        for at in 0..self.invariants.len() {
            let invariant = &mut self.invariants[at];
            if let Err(text) = invariant.after_step(&self.world) {
                let name = invariant.name();
                return Err(self.failure(name, text));
            }
        }
        Ok(())
    }

    fn until(&mut self, end: u64) -> Result<(), Box<Failure>> {
        let mut instant = (self.world.now, self.world.step);
        while self.world.advance(end) {
            if self.world.now != instant.0 {
                instant = (self.world.now, self.world.step);
            } else if self.world.step - instant.1 > STEPS_AT_ONE_INSTANT {
                return Err(self.failure("progress", "thousands of steps at one instant".to_string()));
            }
            for happening in &self.world.happenings {
                match happening {
                    world::Happening::Took { takeover, .. } => {
                        self.takeovers += u64::from(*takeover);
                        self.takes += u64::from(!*takeover);
                    }
                    world::Happening::Fenced { was_on, .. } => self.fenced += u64::from(*was_on),
                    world::Happening::Reset(_) => self.resets += 1,
                    _ => {}
                }
            }
            self.ask()?;
        }
        self.world.changed = true;
        self.ask()
    }
}

/// Plays one seed. A failure is played once more, to be told in words.
///
/// # Errors
/// The first statement that did not hold.
pub fn run(seed: u64, options: Options) -> Result<Report, Box<Failure>> {
    run_recorded(seed, options, Record::Nothing).or_else(|_| run_recorded(seed, options, Record::End))
}

/// Plays one seed and keeps so much of its story in words.
///
/// # Errors
/// The first statement that did not hold.
pub fn run_recorded(seed: u64, options: Options, record: Record) -> Result<Report, Box<Failure>> {
    run_plan(seed, options, plan_of(seed, options), record)
}

/// What a seed is about.
pub fn profile_of(seed: u64, options: Options) -> Profile {
    options.profile.unwrap_or(Profile::ALL[usize::try_from(seed % 5).unwrap_or(0)])
}

fn world_of(seed: u64, options: Options) -> World {
    let mut world = setup::world(rng::Rng::new(seed));
    let mut rng = rng::Rng::new(seed ^ 0x0077_11d5);
    match profile_of(seed, options) {
        Profile::Wild => setup::vary(&mut rng, &mut world),
        Profile::Arbitrated => setup::arbitrate(&mut rng, &mut world),
        _ => {}
    }
    world.bugs = options.bugs;
    world
}

/// The faults of a seed; their times count from the moment at which the pair has settled.
pub fn plan_of(seed: u64, options: Options) -> Plan {
    let world = world_of(seed, options);
    let (paths, resources) = (world.wiring.paths.len(), world.resources.len());
    let mut rng = rng::Rng::new(seed ^ 0x00fa_0175);
    faults::plan(&mut rng, profile_of(seed, options), paths, resources, &world.groups, FAULTS, options.most_faults)
}

/// Plays the pair of a seed with other faults than its own.
///
/// # Errors
/// The first statement that did not hold.
pub fn run_plan(seed: u64, options: Options, plan: Plan, record: Record) -> Result<Report, Box<Failure>> {
    play(seed, options, plan, record, &mut Vec::new())
}

fn play(
    seed: u64,
    options: Options,
    plan: Plan,
    record: Record,
    told: &mut Vec<String>,
) -> Result<Report, Box<Failure>> {
    let mut world = world_of(seed, options);
    world.record = record;
    let mut rng = rng::Rng::new(seed ^ 0x00b0_0715);
    for (at, fault) in plan {
        world.put_at(SETTLED + at, Event::Fault(fault));
    }
    for node in NodeId::BOTH {
        let after = rng.millis(0, 2_000);
        world.put(after, Event::Boot(node));
    }
    let mut run = Run { seed, world, invariants: invariants::all(), takeovers: 0, takes: 0, fenced: 0, resets: 0 };
    run.until(HEALED)?;
    run.world.heal();
    run.until(TIDIED)?;
    run.world.tidy();
    run.until(END)?;
    for at in 0..run.invariants.len() {
        let invariant = &mut run.invariants[at];
        if let Err(text) = invariant.at_rest(&run.world) {
            let name = invariant.name();
            return Err(run.failure(name, text));
        }
    }
    told.extend(core::mem::take(&mut run.world.timeline));
    Ok(Report {
        steps: run.world.step,
        hash: run.world.hash,
        takeovers: run.takeovers,
        takes: run.takes,
        fenced: run.fenced,
        resets: run.resets,
    })
}

/// The whole story of a seed in words.
pub fn timeline_of(seed: u64, options: Options) -> Vec<String> {
    let mut told = Vec::new();
    let plan = plan_of(seed, options);
    let _ = play(seed, options, plan, Record::Everything, &mut told);
    told
}

/// Simulated time of one seed.
pub const SIMULATED: Duration = Duration::from_nanos(END);

/// A failure with as few faults as show it: those after it are dropped, then halves, then single ones, as long as the same
/// statement still does not hold (Zeller's ddmin without its increase).
pub fn shrink(
    seed: u64,
    options: Options,
    mut attempt: impl FnMut(Plan) -> Option<Box<Failure>>,
) -> (Plan, Option<Box<Failure>>) {
    let mut plan = plan_of(seed, options);
    let mut best = attempt(plan.clone());
    let mut size = plan.len().div_ceil(2);
    while best.is_some() && size > 0 {
        let (mut at, before) = (0, plan.len());
        while at < plan.len() {
            let mut fewer = plan.clone();
            fewer.drain(at..(at + size).min(plan.len()));
            let found = attempt(fewer.clone());
            if found.is_some() {
                (plan, best) = (fewer, found);
            } else {
                at += size;
            }
        }
        // Single ones are tried until none can be spared.
        size = if size == 1 && plan.len() < before { 1 } else { size / 2 };
    }
    (plan, best)
}
