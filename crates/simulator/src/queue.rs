//! What is due: a binary heap of moments over a slab of events, so that ordering moves only small keys.
//!
//! Of equal moments the one put in first comes first.

use crate::world::Event;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The queue.
#[derive(Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<(u64, u64, usize)>>,
    slab: Vec<Option<Event>>,
    free: Vec<usize>,
    order: u64,
}

impl Queue {
    /// Puts an event in at a moment.
    pub fn put(&mut self, at: u64, event: Event) {
        self.order += 1;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot] = Some(event);
                slot
            }
            None => {
                self.slab.push(Some(event));
                self.slab.len() - 1
            }
        };
        self.heap.push(Reverse((at, self.order, slot)));
    }

    /// The moment of the next event.
    pub fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next event out; `None` within: it was withdrawn.
    pub fn pop(&mut self) -> Option<Option<Event>> {
        let Reverse((_, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        Some(self.slab[slot].take())
    }

    /// Withdraws every event of which `unwanted` says so, in no particular but always the same order.
    pub fn withdraw(&mut self, unwanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        self.slab.iter_mut().filter_map(|slot| slot.take_if(|event| unwanted(event))).collect()
    }
}
