//! L4 HealConverges: when faults have ended, both agree on owner and epoch, and each group runs, well and whole, on exactly one node.

use super::Invariant;
use crate::world::World;

/// See the file's head.
pub struct HealConverges;

impl Invariant for HealConverges {
    fn name(&self) -> &'static str {
        "heal_converges"
    }

    fn after_step(&mut self, _world: &World) -> Result<(), String> {
        Ok(())
    }

    fn at_rest(&mut self, world: &World) -> Result<(), String> {
        for group in &world.groups {
            let up: Vec<&str> = world
                .nodes
                .iter()
                .filter(|n| n.resources.up(group))
                .map(|n| if n.id.index() == 0 { "alpha" } else { "beta" })
                .collect();
            let healthy = world.nodes.iter().filter(|n| n.resources.healthy(group)).count();
            let rules: Vec<_> = world.nodes.iter().map(|n| n.rules.get(group).cloned().unwrap_or_default()).collect();
            if up.len() != 1 || healthy != 1 {
                return Err(format!("{group} is up on {up:?}, well on {healthy}; decided by {rules:?}"));
            }
            let epochs: Vec<_> =
                world.nodes.iter().filter_map(|n| n.arbiterd.core.as_ref()?.epoch_of(group.as_str())).collect();
            let owner = world.nodes.iter().find(|n| n.resources.up(group)).map(|n| n.id);
            match epochs.as_slice() {
                [a, b] if a == b && a.owner() == owner => {}
                other => return Err(format!("{group} runs on {owner:?}, and the epochs are {other:?}")),
            }
        }
        Ok(())
    }
}
