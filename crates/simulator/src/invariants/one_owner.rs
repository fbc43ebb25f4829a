//! S1 OneOwner, as far as the level `evidence` promises: something of a group has effects on both nodes only if the nodes were
//! apart (every path and every network between them cut, or one of them standing still), and no longer than sorting out takes.
//!
//! Why sorting out takes up to `SETTLE` without any trouble: a path is green again after three beats (1.5 s on the slowest), the
//! lower epoch then stops, with one stop by force after a stop that hung (5 s and 5 s). Groups that demand a witness or fencing have
//! no such time: see `third_party_one_owner`.

use super::Invariant;
use crate::world::World;

/// See the file's head.
pub struct OneOwner;

impl Invariant for OneOwner {
    fn name(&self) -> &'static str {
        "one_owner"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        for group in &world.groups {
            let excused = world.unsettled || world.hands_off(group) || world.nodes.iter().any(|n| n.stop_failed(group));
            if world.doubled(group) && !excused {
                return Err(format!("{group} has effects on both nodes, and nothing had kept them apart"));
            }
        }
        Ok(())
    }
}
