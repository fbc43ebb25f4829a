//! Exhaustive checks: every state that can be reached, not a sample of them.
//!
//! - [`explore`]: the search. - [`right`]: the right to serve with its timers, from which the timing inequality follows.
//! - [`pair`]: two real arbiters (the very code of `arbiterd`) in a small world of ticks. - [`canon`]: what makes two of its
//!   states the same.

pub mod canon;
pub mod explore;
pub mod node;
pub mod pair;
pub mod right;
