//! Breadth-first search over every state that can be reached; nothing is drawn by chance.
//!
//! States are told apart by a 128-bit fingerprint of their canonical form: for a million states the chance that two of them share
//! one is below 10⁻²⁶. The shortest way to a bad state is kept as the names of its steps. Single-threaded and deterministic.

use std::collections::HashMap;

/// Two independent 64-bit hashes side by side.
pub type Print = (u64, u64);

/// Something to explore.
pub trait World {
    /// A state.
    type State;
    /// What leads from one to the next.
    type Step: Copy;

    /// Where it begins.
    fn initial(&self) -> Vec<Self::State>;

    /// Every step from a state, and where it leads.
    fn steps(&self, state: &Self::State, into: &mut Vec<(Self::Step, Self::State)>);

    /// A step in words.
    fn name(&self, step: Self::Step) -> String;

    /// What must hold in a state.
    ///
    /// # Errors
    /// How it is violated.
    fn check(&self, state: &Self::State) -> Result<(), String>;

    /// Equal for states that go on in the same way.
    fn print(&self, state: &Self::State) -> Print;
}

/// What a search found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// States that differ.
    pub states: usize,
    /// Steps taken, also into states known already.
    pub steps: u64,
    /// Length of the shortest way to the farthest state.
    pub depth: usize,
    /// Every reachable state was seen; otherwise the limit ended the search.
    pub complete: bool,
    /// The shortest way to a bad state: the steps, and what does not hold.
    pub bad: Option<(Vec<String>, String)>,
}

/// Where each known state was reached from, and by which step; `None`: there it began.
type Known<S> = HashMap<Print, Option<(Print, S)>>;

fn way<W: World>(world: &W, known: &Known<W::Step>, mut at: Print) -> Vec<String> {
    let mut way = Vec::new();
    while let Some(Some((from, step))) = known.get(&at) {
        way.push(world.name(*step));
        at = *from;
    }
    way.reverse();
    way
}

/// Explores until everything was seen, a bad state was found, or `limit` states are known.
pub fn explore<W: World>(world: &W, limit: usize) -> Found {
    let mut known: Known<W::Step> = HashMap::new();
    let mut layer: Vec<(Print, W::State)> = Vec::new();
    let mut found = Found { states: 0, steps: 0, depth: 0, complete: true, bad: None };
    for state in world.initial() {
        let print = world.print(&state);
        if known.insert(print, None).is_none() {
            layer.push((print, state));
        }
    }
    let mut steps = Vec::new();
    while !layer.is_empty() {
        let mut next = Vec::new();
        for (print, state) in layer.drain(..) {
            if let Err(text) = world.check(&state) {
                found.states = known.len();
                found.complete = false;
                found.bad = Some((way(world, &known, print), text));
                return found;
            }
            if known.len() >= limit {
                // What is known already is still checked.
                found.complete = false;
                continue;
            }
            world.steps(&state, &mut steps);
            for (step, to) in steps.drain(..) {
                found.steps += 1;
                let to_print = world.print(&to);
                if let std::collections::hash_map::Entry::Vacant(free) = known.entry(to_print) {
                    free.insert(Some((print, step)));
                    next.push((to_print, to));
                }
            }
        }
        if !next.is_empty() {
            found.depth += 1;
        }
        layer = next;
    }
    found.states = known.len();
    found
}
