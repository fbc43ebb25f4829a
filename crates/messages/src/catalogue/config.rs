//! Findings about the configuration (`C###`).

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[];
