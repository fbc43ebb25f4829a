//! Alarms: conditions that wait for a person (`A###`).

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[];
