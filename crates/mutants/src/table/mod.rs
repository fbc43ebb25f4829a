//! The table of bugs, by the core that they are in.

mod arbiter;
mod heartbeat;
mod resource;

use crate::{Edit, Mutant};

const fn edit(file: &'static str, find: &'static str, replace: &'static str) -> Edit {
    Edit { file, find, replace }
}

const fn mutant(id: u32, what: &'static str, noticed_by: &'static [&'static str], edits: &'static [Edit]) -> Mutant {
    Mutant { id, what, noticed_by, edits }
}

/// Every bug, in the order of their numbers.
pub fn all() -> Vec<Mutant> {
    let mut all: Vec<Mutant> = [arbiter::BUGS, heartbeat::BUGS, resource::BUGS].concat();
    all.sort_by_key(|m| m.id);
    all
}
