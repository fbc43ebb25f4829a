//! Bugs of the heartbeats.

use super::{edit, mutant};
use crate::Mutant;

const RECEIVE: &str = "heartbeat-core/src/receive.rs";

/// See the file's head.
pub(super) const BUGS: &[Mutant] = &[mutant(
    40,
    "a frame is taken for fresh because it has just arrived, not by the nonce it echoes",
    &["only_the_living_are_heard"],
    &[edit(RECEIVE, "let sent = «nonce.after(Duration::from_micros(echo.age_us)).min(now)»;", "let _ = nonce; now")],
)];
