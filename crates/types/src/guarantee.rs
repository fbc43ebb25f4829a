//! Guarantee levels (B4): against what both nodes serving at once is guarded.

use serde::{Deserialize, Serialize};

/// Guarantee levels, weakest first. What each promises in words is in the message catalogue (`C201` …).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub enum GuaranteeLevel {
    /// Only the evidence of paths and safety check.
    #[default]
    Evidence,
    /// Addresses end by themselves with the lease.
    Leased,
    /// The volume refuses a second writer.
    Storage,
    /// A third place voted.
    Witnessed,
    /// A fence device confirmed power off.
    Fenced,
}

impl GuaranteeLevel {
    /// All, weakest first.
    pub const ALL: [Self; 5] = [Self::Evidence, Self::Leased, Self::Storage, Self::Witnessed, Self::Fenced];

    /// As the configuration writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Leased => "leased",
            Self::Storage => "storage",
            Self::Witnessed => "witnessed",
            Self::Fenced => "fenced",
        }
    }
}
