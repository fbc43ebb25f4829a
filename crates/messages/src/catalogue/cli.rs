//! Words of the command line (`U###`).

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[];
