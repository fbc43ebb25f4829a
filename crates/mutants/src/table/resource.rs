//! Bugs of the resources.

use super::{edit, mutant};
use crate::Mutant;

const GROUP: &str = "resource-core/src/group.rs";
const RECOVERY: &str = "resource-core/src/recovery.rs";

/// See the file's head.
pub(super) const BUGS: &[Mutant] = &[
    mutant(
        60,
        "a stop that could not be confirmed is reported as done",
        &["one_owner", "stop_before_start"],
        &[edit(
            RECOVERY,
            "if force {\n            resource.set_state(«ResourceState::StopFailed», fx.now);",
            "ResourceState::Stopped",
        )],
    ),
    mutant(
        62,
        "what is being stopped counts as stopped",
        &["one_owner", "stop_before_start"],
        &[edit(
            GROUP,
            "«self.resources.iter().any(|r| r.state != ResourceState::Stopped)»",
            "self.resources.iter().any(Resource::is_up)",
        )],
    ),
    mutant(
        65,
        "a new run of resd does not adopt what it finds running, and starts it again",
        &["started_once"],
        &[edit(
            RECOVERY,
            "resource.set_state(«ResourceState::Running», fx.now);\n        resource.late = 0;\n        schedule(resource, fx);\n        if !news {",
            "if first { ResourceState::Stopped } else { ResourceState::Running }",
        )],
    ),
];
