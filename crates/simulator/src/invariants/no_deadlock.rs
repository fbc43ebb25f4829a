//! L5 NoDeadlock: with both nodes whole and nothing wrong, no group stays without an owner for long.

use super::Invariant;
use crate::world::World;
use hotpair_types::GroupName;
use std::collections::BTreeMap;

/// Longest time without an owner: an offer that is waited for (15 s) and withdrawn, a boot wait, starts.
const LONGEST: u64 = 30_000_000_000;

/// See the file's head.
#[derive(Default)]
pub struct NoDeadlock {
    since: BTreeMap<GroupName, u64>,
}

impl Invariant for NoDeadlock {
    fn name(&self) -> &'static str {
        "no_deadlock"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        let quiet = !world.faults && world.nodes.iter().all(|n| n.whole());
        for group in &world.groups {
            let idle = quiet && world.nodes.iter().all(|n| !n.resources.up(group));
            if !idle {
                self.since.remove(group);
                continue;
            }
            let since = *self.since.entry(group.clone()).or_insert(world.now);
            if world.now - since > LONGEST {
                let rules: Vec<_> =
                    world.nodes.iter().map(|n| n.rules.get(group).cloned().unwrap_or_default()).collect();
                return Err(format!("{group} has no owner since {} s; decided by {rules:?}", since / 1_000_000_000));
            }
        }
        Ok(())
    }
}
