//! S13 NoPingPong, as each node counts it: no takeover of a group beyond the automatic moves that its configuration allows.

use super::Invariant;
use crate::world::{Happening, World};

/// See the file's head.
pub struct Quarantine;

impl Invariant for Quarantine {
    fn name(&self) -> &'static str {
        "quarantine"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        for happening in &world.happenings {
            let Happening::Took { node, group, takeover: true } = happening else { continue };
            let me = &world.nodes[node.index()];
            let Some(arbiter) = &me.arbiterd.core else { continue };
            let snapshot = arbiter.snapshot(me.local(world.now));
            let moves = snapshot.groups.iter().find(|g| g.name == *group).map_or(0, |g| g.moves);
            let allowed = me.config.groups.iter().find(|g| g.name == *group).map_or(0, |g| g.max_moves);
            // What the peer counted while the epoch was being written may come on top.
            if moves > allowed + 1 {
                return Err(format!("{group} was moved {moves} times by itself, {allowed} are allowed"));
            }
        }
        Ok(())
    }
}
