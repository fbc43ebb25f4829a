//! S1 OneOwner at the levels `witnessed` and `fenced`: a group that demands one of them has effects on one node only, whatever is
//! cut, killed or frozen. No partition excuses anything here.
//!
//! Assumptions, as the levels state them. Witnessed: the watchdog of the old owner resets it when its right is not renewed (FAULTS
//! A4), and its clocks do not stand still (a paused virtual machine whose watchdog is paused with it, A3). Fenced: the device
//! does not lie (A6). Both: no person has taken the group out of hotpair's hands or vouched, no stop is held as failed, and no
//! state disk was put back to an older image.

use super::Invariant;
use crate::world::{Happening, World};
use hotpair_types::{GuaranteeLevel, NodeId};

/// See the file's head.
#[derive(Default)]
pub struct ThirdPartyOneOwner {
    excused: bool,
}

impl Invariant for ThirdPartyOneOwner {
    fn name(&self) -> &'static str {
        "third_party_one_owner"
    }

    fn after_step(&mut self, world: &World) -> Result<(), String> {
        let demanded = |level: GuaranteeLevel| level >= GuaranteeLevel::Witnessed;
        if !world.nodes[0].config.groups.iter().any(|g| demanded(g.guards.require)) {
            return Ok(());
        }
        self.excused |= world.lied
            || world.happenings.iter().any(|h| matches!(h, Happening::StateLost(_) | Happening::Vouched(_)))
            || world.nodes.iter().any(|n| n.clock.stands_still());
        let guarded = world.third.watchdog.is_some() && world.third.watchdog_missing == [false; 2];
        for config in &world.nodes[0].config.groups {
            let promised = match config.guards.require {
                GuaranteeLevel::Fenced => true,
                GuaranteeLevel::Witnessed => guarded && config.lease.is_some(),
                _ => false,
            };
            let held = world.hands_off(&config.name) || world.nodes.iter().any(|n| n.stop_failed(&config.name));
            let both = NodeId::BOTH.into_iter().all(|n| world.has_effects(n, &config.name));
            if promised && both && !held && !self.excused {
                return Err(format!(
                    "{} demands {:?} and has effects on both nodes",
                    config.name, config.guards.require
                ));
            }
        }
        Ok(())
    }
}
