//! Which step next: the pure state machine behind resd.
//!
//! It turns a [`hotpair_types::Target`] (what arbiterd wants), what resd's probes and monitors found, and the passing of
//! time into operations on resources and into the [`hotpair_types::ObservedView`] that arbiterd sees.
//!
//! *Invariant:* no IO, clock, randomness or logging; everything comes in through [`ResourceCore::handle_input`] and
//! [`ResourceCore::handle_timeout`] and goes out through [`ResourceCore::poll_output`], in the order persist, act, publish.
//! *Invariant:* nothing is started without an accepted target of this boot that says `Started` and whose lease, if any,
//! has not passed. *Invariant:* a start has all its dependencies running; a stop has all its dependants stopped (but see
//! [`ResourceSpec::in_place`]). *Invariant:* no answer, an error or a time-out is never read as "stopped".
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod config;
mod decide;
mod group;
mod io;
mod machine;
mod recovery;
mod view;
mod watchdog;

#[cfg(test)]
mod tests;

pub use config::{ConfigError, GroupConfig, OnStopFailure, Operations, Recovery, ResourceConfig, ResourceSpec};
pub use io::{Action, Input, Note, NoteEvent, OpId, Outcome, Output, Refusal, ResourceEvent};
pub use machine::ResourceCore;
pub use watchdog::{FRESH, WatchdogAct, WatchdogConfig};
