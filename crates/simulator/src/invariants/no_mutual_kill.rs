//! S11 NoFenceWithoutCause, S12 NoMutualKill: a node that could be heard all the time is never switched off by its peer, and of the
//! two nodes at most one is switched off in one event (while the devices are as quick as the configured delay assumes: a device
//! that is slow at one side lets the other side's delay pass).

use super::Invariant;
use crate::thirds::QUICK;
use crate::world::{Happening, World};
use hotpair_types::NodeId;

/// Contact that has lasted so long is enough to know of each other.
const ENOUGH: u64 = 8_000_000_000;
/// Two shots within this time are one event.
const EVENT: u64 = 3_000_000_000;

/// See the file's head.
#[derive(Default)]
pub struct NoMutualKill {
    shots: [Option<u64>; 2],
    slow: bool,
}

impl Invariant for NoMutualKill {
    fn name(&self) -> &'static str {
        "no_mutual_kill"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        self.slow |= world.site.thirds.devices.iter().flatten().any(|d| d.takes > QUICK || d.dead);
        for happening in &world.happenings {
            let Happening::Fenced { by, was_on: true } = happening else { continue };
            let contact = world.now.saturating_sub(world.apart_at);
            if contact > ENOUGH {
                return Err(format!(
                    "{} is switched off, {} ms after the last loss of contact",
                    name(by.other()),
                    contact / 1_000_000
                ));
            }
            self.shots[by.index()] = Some(world.now);
            let other = self.shots[by.other().index()].filter(|at| world.now - at < EVENT);
            if other.is_some() && !self.slow {
                return Err("both nodes were switched off by each other".to_string());
            }
        }
        Ok(())
    }
}

fn name(node: NodeId) -> &'static str {
    if node == NodeId::FIRST { "alpha" } else { "beta" }
}
