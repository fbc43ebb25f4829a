//! S1 OneOwner at the level `leased`: a group whose takeover waits for the peer's lease has effects on one node only, also while
//! the nodes are apart, as long as the parts of the lease work: each resd runs while it has something up, stops are not slow, and
//! the cut-off node can tell that it is the one cut off (a network split in the middle shows both of them a living network; what
//! the witness and fencing are for).

use super::Invariant;
use crate::node::Daemon;
use crate::world::{Happening, World};

/// See the file's head.
#[derive(Default)]
pub struct LeasedOneOwner {
    /// Since the nodes were last apart and sorted out, something was away that the lease rests on.
    beyond: bool,
}

fn lease_enforced(world: &World) -> bool {
    !world.wiring.lan_split
        && world.nodes.iter().all(|n| {
            let idle = world.groups.iter().all(|g| !n.resources.up(g));
            let slow = n.resources.real.values().any(|r| !r.slow.is_zero() || r.hangs);
            !n.on || ((idle || n.runs(Daemon::Resd)) && !n.paused && !slow)
        })
}

impl Invariant for LeasedOneOwner {
    fn name(&self) -> &'static str {
        "leased_one_owner"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        if !world.unsettled {
            self.beyond = false;
        }
        self.beyond |= !lease_enforced(world) || world.happenings.iter().any(|h| matches!(h, Happening::StateLost(_)));
        if self.beyond {
            return Ok(());
        }
        for group in &world.groups {
            let leased = world
                .nodes
                .iter()
                .all(|n| n.config.groups.iter().any(|g| g.name == *group && g.lease.is_some() && g.wait_for_lease));
            let excused = world.hands_off(group) || world.nodes.iter().any(|n| n.stop_failed(group));
            if leased && world.doubled(group) && !excused {
                return Err(format!("{group} has effects on both nodes within what its lease covers"));
            }
        }
        Ok(())
    }
}
