//! Steps, failures and causes of resources (`D###`).

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[];
