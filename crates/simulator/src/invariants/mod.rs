//! What must hold: one statement per file, named as in the design's list of faults. Each looks at the world from outside, at
//! what really runs and at what was really possible, never at what a daemon believes of itself alone.

mod boot_safe;
mod durable_first;
mod epoch_monotone;
mod failover;
mod heal_converges;
mod leased_one_owner;
mod no_deadlock;
mod no_false_failover;
mod no_mutual_kill;
mod no_ping_pong;
mod one_owner;
mod only_the_living_are_heard;
mod quarantine;
mod started_once;
mod stop_before_start;
mod third_party_one_owner;
mod unknown_is_not_down;

use crate::world::World;

/// A statement.
pub trait Invariant {
    /// Its name.
    fn name(&self) -> &'static str;

    /// After every step.
    ///
    /// # Errors
    /// How it is violated.
    fn after_step(&mut self, world: &World) -> Result<(), String>;

    /// At the end, long after the last fault.
    ///
    /// # Errors
    /// How it is violated.
    fn at_rest(&mut self, _world: &World) -> Result<(), String> {
        Ok(())
    }
}

/// All of them.
pub fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(one_owner::OneOwner),
        Box::new(epoch_monotone::EpochMonotone::default()),
        Box::new(stop_before_start::StopBeforeStart::default()),
        Box::new(unknown_is_not_down::UnknownIsNotDown),
        Box::new(no_false_failover::NoFalseFailover),
        Box::new(no_ping_pong::NoPingPong::default()),
        Box::new(heal_converges::HealConverges),
        Box::new(no_deadlock::NoDeadlock::default()),
        Box::new(leased_one_owner::LeasedOneOwner::default()),
        Box::new(durable_first::DurableFirst::default()),
        Box::new(boot_safe::BootSafe::default()),
        Box::new(only_the_living_are_heard::OnlyTheLivingAreHeard::default()),
        Box::new(started_once::StartedOnce),
        Box::new(third_party_one_owner::ThirdPartyOneOwner::default()),
        Box::new(failover::Failover::default()),
        Box::new(no_mutual_kill::NoMutualKill::default()),
        Box::new(quarantine::Quarantine),
    ]
}
