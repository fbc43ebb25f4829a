//! L1 Failover: the owner has lost its power, the other node is whole, connected and able; then the group is up there within the
//! sum of detection, safety check, a durable epoch and a start, unless a named hold is displayed.
//!
//! Asked of groups that wait for no lease and no third party (their waits are their own, and longer than the faults last), while
//! nothing at all has been wrong with the survivor for as long as the peer has been off.

use super::Invariant;
use crate::node::Daemon;
use crate::world::World;
use hotpair_types::NodeId;

/// Detection of the slowest path (2 s), a window and a round, a write, a repeated start with its pauses.
const BOUND: u64 = 9_000_000_000;
/// Rules by which a group is held with its reason displayed: maintenance, a state file that cannot be written, policies, freezes,
/// quarantine, configurations that differ, boot waits, hands that were over when the power went.
const HOLDS: [&str; 16] = [
    "R110", "R130", "R300", "R314", "R341", "R342", "R343", "R344", "R347", "R440", "R441", "R442", "R443", "R445",
    "R447", "R449",
];

/// See the file's head.
#[derive(Default)]
pub struct Failover {
    /// Since when the peer of each node is off and the node itself well.
    since: [Option<u64>; 2],
}

impl Invariant for Failover {
    fn name(&self) -> &'static str {
        "failover"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        for node in NodeId::BOTH {
            let n = &world.nodes[node.index()];
            let well = n.whole()
                && !n.disk.fails
                && n.disk.slow.is_zero()
                && n.dies_after.is_none()
                && n.clock.steady()
                && world.wiring.lan_loss == 0
                && !world.wiring.lan_cut[node.index()]
                && !world.wiring.probes_blocked[node.index()]
                && n.resources.real.values().all(|r| !r.broken && !r.lacking && !r.hangs && !r.stuck && !r.failed)
                && n.resources.real.values().all(|r| !r.network_lost && r.slow.is_zero() && r.slow_look.is_zero());
            if !well || world.nodes[node.other().index()].on || !world.groups_wait_for_nobody() {
                self.since[node.index()] = None;
                continue;
            }
            let since = *self.since[node.index()].get_or_insert(world.now);
            if world.now - since <= BOUND || n.run(Daemon::Arbiterd).is_none() {
                continue;
            }
            for group in &world.groups {
                let rule = n.rules.get(group).map_or("", String::as_str);
                if !n.resources.up(group) && !HOLDS.contains(&rule) && !rule.is_empty() {
                    let seconds = (world.now - since) / 1_000_000_000;
                    return Err(format!(
                        "{group} is up nowhere {seconds} s after its peer lost power; decided by {rule}"
                    ));
                }
            }
        }
        Ok(())
    }
}
