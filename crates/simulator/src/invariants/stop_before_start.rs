//! S4 StopBeforeStart: in a planned move the target's first start comes after the source has really stopped. If a confirmation is
//! lost, nobody is active.

use super::Invariant;
use crate::world::{Happening, World};
use hotpair_types::{GroupName, NodeId};
use std::collections::BTreeMap;

/// See the file's head.
#[derive(Default)]
pub struct StopBeforeStart {
    planned: BTreeMap<GroupName, NodeId>,
}

impl Invariant for StopBeforeStart {
    fn name(&self) -> &'static str {
        "stop_before_start"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        for happening in &world.happenings {
            match happening {
                Happening::Took { node, group, takeover } => {
                    self.planned.remove(group);
                    if !takeover {
                        self.planned.insert(group.clone(), *node);
                    }
                }
                Happening::Started { node, group } => {
                    let source = &world.nodes[node.other().index()];
                    let excused = source.stop_failed(group) || world.hands_off(group);
                    let up_there = source.on && source.resources.up(group) && !excused;
                    if self.planned.remove(group) == Some(*node) && up_there && !world.unsettled {
                        return Err(format!("{group} is started in a planned move, and is still up at the source"));
                    }
                    if up_there && !world.unsettled {
                        return Err(format!("{group} is started while it is up at the peer"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
