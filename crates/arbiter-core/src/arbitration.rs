//! Third parties: votes of the witness and fence orders. Facts about them, and what is wanted of them.

use crate::Arbiter;
use alloc::string::String;
use hotpair_types::{Timestamp, WitnessView};
use serde::{Deserialize, Serialize};

/// What is known of third parties.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// The witness's newest word.
    witness: Option<WitnessView>,
}

impl Arbiter {
    /// The witness's word.
    pub(crate) fn on_witness(&mut self, view: WitnessView, _now: Timestamp) {
        self.arbitration.witness = Some(view);
    }

    /// The witness cannot be asked.
    pub(crate) fn on_witness_gone(&mut self, reason: String, _now: Timestamp) {
        if let Some(view) = &mut self.arbitration.witness {
            view.reachable = false;
            view.reason = reason;
        }
    }
}
