//! Rules of the arbiter, one sentence for each decision (`R###`).

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[];
