//! The safety check: probes, verdicts (`S###`).

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[];
