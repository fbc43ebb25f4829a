//! Events of the history (`E###`).

use crate::Message;

/// The messages of this area, by id.
pub static MESSAGES: &[Message] = &[Message::new("E001", "{daemon} {version} started", "{daemon} {version} 已启动")];
