//! L6 BootSafe: a node that is alone since it booted, and whose boot wait is not over, starts nothing, unless a person vouches for
//! its peer.

use super::Invariant;
use crate::world::{Happening, World};
use hotpair_types::{NodeId, Timestamp};

/// See the file's head.
#[derive(Default)]
pub struct BootSafe {
    boots: [u64; 2],
    /// The peer ran at some time since, so it may have been heard; or a person has spoken.
    not_alone: [bool; 2],
}

impl Invariant for BootSafe {
    fn name(&self) -> &'static str {
        "boot_safe"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        for node in NodeId::BOTH {
            let at = node.index();
            let (me, peer) = (&world.nodes[at], &world.nodes[node.other().index()]);
            if me.boots != self.boots[at] {
                (self.boots[at], self.not_alone[at]) = (me.boots, false);
            }
            self.not_alone[at] |= (me.on && peer.on) || world.happenings.contains(&Happening::Vouched(node));
        }
        for happening in &world.happenings {
            let Happening::Started { node, group } = happening else { continue };
            let me = &world.nodes[node.index()];
            let booted = me.local(me.global(Timestamp::ZERO));
            let since = me.local(world.now).since(booted);
            if !self.not_alone[node.index()] && since < me.config.boot_wait {
                return Err(format!("{group} is started {} ms after boot, with nobody heard", since.as_millis()));
            }
        }
        Ok(())
    }
}
