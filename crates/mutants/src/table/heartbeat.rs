//! Bugs of the heartbeats.

use super::{edit, mutant};
use crate::Mutant;

const MACHINE: &str = "heartbeat-core/src/machine.rs";
const PATH: &str = "heartbeat-core/src/path.rs";
const RECEIVE: &str = "heartbeat-core/src/receive.rs";

/// See the file's head.
pub(super) const BUGS: &[Mutant] = &[
    mutant(
        40,
        "a frame is taken for fresh because it has just arrived, not by the nonce it echoes",
        &["only_the_living_are_heard"],
        &[edit(RECEIVE, "let sent = «nonce.after(Duration::from_micros(echo.age_us)).min(now)»;", "let _ = nonce; now")],
    ),
    mutant(
        41,
        "own frames that come back count as the peer's",
        &["only_the_living_are_heard"],
        &[edit(RECEIVE, "if «NodeId::try_from(frame.sender) != Ok(self.config.node.other())» {", "false")],
    ),
    mutant(
        42,
        "an own stall is held against the peer",
        &["no_false_failover"],
        &[edit(MACHINE, "«for path in &mut self.paths {\n            path.on_stall(gap, now);\n        }»", "")],
    ),
    mutant(
        43,
        "one missed heartbeat is a dead path",
        &["no_false_failover"],
        &[edit(PATH, "if «elapsed >= self.detection» {\n                    self.set_rx(PathState::Down, now);\n                }\n            }\n        }\n    }", "elapsed >= self.late_after()")],
    ),
];
