//! S13 NoPingPong: at most `max_moves` automatic moves of a group within its window. Both nodes count; while they are apart each
//! counts for itself, so the bound is per node.

use super::Invariant;
use crate::world::{Happening, World};
use hotpair_types::{GroupName, NodeId};
use std::collections::BTreeMap;

/// See the file's head.
#[derive(Default)]
pub struct NoPingPong {
    moves: BTreeMap<(NodeId, GroupName), u32>,
    releases: BTreeMap<(NodeId, GroupName), u32>,
}

impl Invariant for NoPingPong {
    fn name(&self) -> &'static str {
        "no_ping_pong"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        for happening in &world.happenings {
            let (node, group, count) = match happening {
                Happening::Took { node, group, takeover: true } => {
                    (node, group, self.moves.entry((*node, group.clone())).or_insert(0))
                }
                Happening::Decided { node, group, rule } if rule == "R320" || rule == "R321" => {
                    (node, group, self.releases.entry((*node, group.clone())).or_insert(0))
                }
                Happening::StateLost(_) => {
                    self.moves.clear();
                    self.releases.clear();
                    continue;
                }
                _ => continue,
            };
            *count += 1;
            let config = &world.nodes[node.index()].config;
            let allowed = config.groups.iter().find(|g| g.name == *group).map_or(0, |g| g.max_moves);
            // What people clear is counted anew; they do so at most a few times in a run.
            if *count > allowed.saturating_mul(3) {
                return Err(format!("{group} moved {count} times by itself, {allowed} are allowed"));
            }
        }
        Ok(())
    }
}
