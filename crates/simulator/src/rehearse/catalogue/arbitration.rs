//! What a third place, a fence device, neighbours and a watchdog do, and what happens when they are away.

use super::Book;

pub(super) fn add(_book: &mut Book<'_>) {}
