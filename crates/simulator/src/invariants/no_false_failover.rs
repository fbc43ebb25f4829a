//! L2 NoFalseFailover, L3 AnyPathSuffices: a living peer with which there was contact all the time is not taken over from, whatever
//! its daemons and its paths go through.

use super::Invariant;
use crate::world::{Happening, World};

/// Contact that has lasted so long must be enough: detection, a round of probes, and a slow write of the epoch.
const ENOUGH: u64 = 6_000_000_000;

/// See the file's head.
pub struct NoFalseFailover;

impl Invariant for NoFalseFailover {
    fn name(&self) -> &'static str {
        "no_false_failover"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        for happening in &world.happenings {
            if let Happening::Took { node, group, takeover: true } = happening {
                let contact = world.now - world.apart_at;
                let peer = &world.nodes[node.other().index()];
                if peer.on && !peer.paused && contact > ENOUGH {
                    return Err(format!(
                        "{group} is taken from a living peer, {} ms after the last loss of contact",
                        contact / 1_000_000
                    ));
                }
            }
        }
        Ok(())
    }
}
