//! S15 CrashConsistent, as to resources: what is up and well is adopted, never started a second time.

use super::Invariant;
use crate::world::{Happening, World};

/// See the file's head.
pub struct StartedOnce;

impl Invariant for StartedOnce {
    fn name(&self) -> &'static str {
        "started_once"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        for happening in &world.happenings {
            if let Happening::StartedAgain { node, group } = happening
                && !world.nodes[node.index()].stop_failed(group)
            {
                return Err(format!("something of {group} is started that is up and well"));
            }
        }
        Ok(())
    }
}
