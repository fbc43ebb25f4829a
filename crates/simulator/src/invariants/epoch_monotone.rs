//! S2 EpochMonotone: the epochs by which a node runs a group never fall, no epoch is used by a node that does not own it, and
//! none is used by two nodes.

use super::Invariant;
use crate::world::{Happening, World};
use hotpair_types::{Epoch, GroupName, NodeId};
use std::collections::BTreeMap;

/// See the file's head.
#[derive(Default)]
pub struct EpochMonotone {
    used: BTreeMap<(NodeId, GroupName), Epoch>,
}

impl Invariant for EpochMonotone {
    fn name(&self) -> &'static str {
        "epoch_monotone"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        for happening in &world.happenings {
            match happening {
                Happening::Ordered { node, group, epoch } => {
                    if epoch.owner() != Some(*node) {
                        return Err(format!("{group} is ordered up by epoch {epoch}, which is not this node's own"));
                    }
                    let before = self.used.insert((*node, group.clone()), *epoch);
                    if before.is_some_and(|b| b > *epoch) {
                        return Err(format!("{group} is ordered up by epoch {epoch} after {before:?}"));
                    }
                }
                Happening::StateLost(node) => self.used.retain(|(n, _), _| n != node),
                _ => {}
            }
        }
        Ok(())
    }
}
