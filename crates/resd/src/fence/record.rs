//! What became of the newest fence order, kept so that an order is carried out once, whatever happens to resd meanwhile.
//!
//! Written durably before the first shot and after the last confirmation. A record without a result is an order that was being
//! carried out: it is carried out again, which is harmless (a node that is off stays off). Records of another boot of this
//! node say nothing.

use std::path::Path;

use hotpair_runtime::state_file::{Loaded, StateFile};
use hotpair_types::{BootId, FenceOrder, FenceState};
use serde::{Deserialize, Serialize};

/// Name of the file in the state directory.
const FILE: &str = "fence.state";

/// An order and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Boot of this node in which it was given.
    pub boot: BootId,
    /// The order.
    pub order: FenceOrder,
    /// Its result, `Confirmed` or `Failed`; `None` while it is carried out.
    pub result: Option<FenceState>,
    /// The peer is confirmed off and has still to be switched on again.
    pub power_on: bool,
}

/// Where it is kept.
#[derive(Clone, Debug)]
pub struct Store {
    file: StateFile,
    boot: BootId,
}

impl Store {
    /// In this directory, in this boot.
    pub fn new(directory: &Path, boot: BootId) -> Self {
        Self { file: StateFile::new(directory, FILE), boot }
    }

    /// The record of this boot, if there is one. A damaged one is none: the order is carried out (again).
    pub fn load(&self) -> Option<Record> {
        let payload = match self.file.load() {
            Loaded::Good(payload) => payload,
            Loaded::Missing => return None,
            // The older generation may lack a result; repeating is harmless.
            Loaded::RecoveredFromPrevious { payload, why } => {
                tracing::warn!(why, "the record of the last fence order is older than it should be");
                payload
            }
            Loaded::Corrupt { why } => {
                tracing::warn!(why, "no record of the last fence order");
                return None;
            }
        };
        match serde_json::from_str::<Record>(&payload) {
            Ok(record) => Some(record).filter(|r| r.boot == self.boot),
            Err(error) => {
                tracing::warn!(%error, "the record of the last fence order is not understood");
                None
            }
        }
    }

    /// Keeps it, durably. Blocks on the disk, on a thread of its own.
    ///
    /// # Errors
    /// In words.
    pub async fn store(&self, record: &Record) -> Result<(), String> {
        let text = serde_json::to_string(record).map_err(|e| e.to_string())?;
        let file = self.file.clone();
        let stored = tokio::task::spawn_blocking(move || file.store(&text)).await;
        stored.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
    }

    /// A record of this boot.
    pub fn record(&self, order: FenceOrder, result: Option<FenceState>, power_on: bool) -> Record {
        Record { boot: self.boot, order, result, power_on }
    }
}
