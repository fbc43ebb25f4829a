//! S9 UnknownIsNotDown: a takeover from a silent peer rests on a round of probes that really left through a connected interface
//! and really brought nothing back, or on a person's word that was true.

use super::Invariant;
use crate::node::{Daemon, RoundTruth};
use crate::world::{Happening, World};

/// See the file's head.
pub struct UnknownIsNotDown;

impl Invariant for UnknownIsNotDown {
    fn name(&self) -> &'static str {
        "unknown_is_not_down"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        for happening in &world.happenings {
            let Happening::Took { node, group, takeover: true } = happening else { continue };
            let me = &world.nodes[node.index()];
            let peer_off = !world.nodes[node.other().index()].on;
            if peer_off {
                continue;
            }
            if !me.rounds.contains(&RoundTruth::NoSign) {
                return Err(format!(
                    "{group} is taken, and no round of probes had found out anything ({:?})",
                    me.rounds
                ));
            }
            if me.run(Daemon::Hbd).is_none() {
                return Err(format!("{group} is taken while own hbd is away"));
            }
        }
        Ok(())
    }
}
