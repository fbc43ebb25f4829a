//! The two counters that make stale orders harmless: epochs between nodes, generations within a node.

use crate::ids::NodeId;
use core::cmp::Ordering;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Ownership number of a group: who took it last, and as which take-over since the pair exists.
///
/// Written durably (number + 1, own node) *before* the first start. A pair of (number, node), so two nodes never hold
/// the same epoch, even if both started from the same number in a partition. Order: higher number wins; of equal
/// numbers the node named *first* in the configuration wins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Epoch {
    /// 0: nobody ever owned the group; then 1, 2, …
    pub number: u64,
    /// The owner (meaningless where `number` is 0, and then always the first node).
    pub node: NodeId,
}

impl Epoch {
    /// The group was never owned.
    pub const NEVER: Self = Self { number: 0, node: NodeId::FIRST };

    /// The epoch by which `node` takes the group after this one. `None` at the end of the number space.
    pub fn next(self, node: NodeId) -> Option<Self> {
        Some(Self { number: self.number.checked_add(1)?, node })
    }

    /// Who owns the group by this epoch: `None` if nobody ever did.
    pub fn owner(self) -> Option<NodeId> {
        (self.number > 0).then_some(self.node)
    }
}

impl Ord for Epoch {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number).then_with(|| other.node.cmp(&self.node))
    }
}

impl PartialOrd for Epoch {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.number, self.node.index())
    }
}

/// Number of a [`crate::Target`]: resd refuses an older one, and the same number with other content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FAULTS S2: no two nodes hold the same epoch, and equal numbers have one order on both nodes.
    #[test]
    fn equal_numbers_are_ordered_by_configuration() {
        let first = Epoch { number: 4, node: NodeId::FIRST };
        let second = Epoch { number: 4, node: NodeId::SECOND };
        assert!(first > second);
        assert_ne!(first, second);
        assert!(second.next(NodeId::SECOND) > Some(first));
        assert_eq!(Epoch { number: u64::MAX, node: NodeId::FIRST }.next(NodeId::FIRST), None);
        assert_eq!(Epoch::NEVER.owner(), None);
    }
}
