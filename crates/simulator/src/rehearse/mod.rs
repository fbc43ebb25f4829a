//! Rehearsals (B2): a user's configuration played through the catalogue of named faults, before the faults come by themselves.
//!
//! [`Rehearsal`] holds the scene and what is assumed; [`Rehearsal::play`] plays one fault over many seeds; `advice` changes the
//! configuration and plays it again. Everything is pure and deterministic: the same configuration, assumptions and number of
//! seeds give the same words. Who wants to play faults side by side does so: a [`Rehearsal`] is only read.
//!
//! *Invariant:* what is played is what the daemons decide by: the configuration goes through `hotpair_assemble` only.

pub mod advice;
pub mod assume;
pub mod catalogue;
pub mod run;
pub mod scene;
pub mod stage;
pub mod story;
pub mod verdict;

pub use assume::{Assumptions, Known, Source};
pub use catalogue::{Area, Case, Words, catalogue};
pub use run::{Played, run};
pub use scene::Scene;
pub use verdict::{Data, Verdict, verdict};

use hotpair_config::model::Config;

/// A configuration, ready to be played.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// What it is made of.
    pub scene: Scene,
    /// What is assumed.
    pub assumptions: Assumptions,
    /// The faults.
    pub cases: Vec<Case>,
}

impl Rehearsal {
    /// `None`: the configuration has no group, so that there is nothing to play.
    pub fn new(config: Config, known: &[Known]) -> Option<Self> {
        let scene = Scene::new(config)?;
        let assumptions = Assumptions::new(&scene, known);
        let cases = catalogue(&scene);
        Some(Self { scene, assumptions, cases })
    }

    /// The fault of this name.
    pub fn case(&self, name: &str) -> Option<&Case> {
        self.cases.iter().find(|c| c.name == name)
    }

    /// Plays a fault over the seeds 1 to `seeds`; `None` if it does not apply here.
    pub fn play(&self, case: &Case, seeds: u64) -> Option<Verdict> {
        let script = case.script.as_ref().ok()?;
        let runs: Vec<(u64, Played)> =
            (1..=seeds.max(1)).map(|seed| (seed, run(&self.scene, &self.assumptions, script, seed, false))).collect();
        Some(verdict(&self.scene, case, &runs))
    }
}
