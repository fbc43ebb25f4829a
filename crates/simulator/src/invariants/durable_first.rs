//! S15 CrashConsistent: no epoch has an effect before it is durable. What a node orders its resd to run by an own epoch is in its
//! state file by then, unless that file was lost meanwhile.

use super::Invariant;
use crate::world::{Happening, World};

/// See the file's head.
#[derive(Default)]
pub struct DurableFirst {
    /// The file was lost, and what was ordered since rests on what resd still knew.
    lost: [bool; 2],
}

impl Invariant for DurableFirst {
    fn name(&self) -> &'static str {
        "durable_first"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        for happening in &world.happenings {
            match happening {
                Happening::StateLost(node) => self.lost[node.index()] = true,
                Happening::Ordered { node, group, epoch } if !world.bugs.forget_writes => {
                    let state = world.nodes[node.index()].disk.state.as_ref();
                    let written = state.and_then(|d| d.groups.get(group)).map(|g| g.epoch);
                    if written.is_none_or(|w| w < *epoch) && !self.lost[node.index()] {
                        return Err(format!("{group} is ordered up by epoch {epoch}, and the disk knows {written:?}"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
