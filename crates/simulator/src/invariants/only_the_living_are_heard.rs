//! S10 AuthOnly, as to life: a node hears nothing that was sent after the peer's hbd fell silent: no replay, no late frame, no echo
//! of its own makes a dead peer live. (Asked of nodes whose clocks went evenly since they booted: only their moments can be compared
//! with the world's.)

use super::Invariant;
use crate::node::Daemon;
use crate::world::World;
use hotpair_types::NodeId;

/// Nanoseconds that rounding on the way may make up.
const MARGIN: u64 = 2_000_000;

/// See the file's head.
#[derive(Default)]
pub struct OnlyTheLivingAreHeard {
    /// Since when each node's hbd is silent.
    silent: [Option<u64>; 2],
}

impl Invariant for OnlyTheLivingAreHeard {
    fn name(&self) -> &'static str {
        "only_the_living_are_heard"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        for peer in NodeId::BOTH {
            let silent = &mut self.silent[peer.index()];
            if world.nodes[peer.index()].runs(Daemon::Hbd) {
                *silent = None;
                continue;
            }
            let since = *silent.get_or_insert(world.now);
            let me = &world.nodes[peer.other().index()];
            let Some(hbd) = me.hbd.core.as_ref().filter(|_| world.now > since + MARGIN && me.on && me.clock.steady())
            else {
                continue;
            };
            let heard = hbd.view(me.local(world.now)).last_heard.map(|at| me.global(at));
            if heard.is_some_and(|at| at > since + MARGIN) {
                return Err(format!(
                    "the peer of {} is heard {} ms after its hbd fell silent",
                    me.config.names[me.id.index()],
                    (heard.unwrap_or(since) - since) / 1_000_000
                ));
            }
        }
        Ok(())
    }
}
