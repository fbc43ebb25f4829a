//! From the validated configuration to the configurations of the three cores: one translation, used by the daemons and by
//! whoever plays a configuration without them (`hotpair rehearse`).
//!
//! Each core's part is behind a feature of its name, so that a daemon links its own core only. Pure functions, no state.
//! *Invariant:* what a daemon decides by and what a rehearsal plays come from the same function.
#![forbid(unsafe_code)]

#[cfg(feature = "arbiter")]
pub mod arbiter;
#[cfg(feature = "heartbeat")]
pub mod heartbeat;
#[cfg(feature = "resource")]
pub mod resource;
