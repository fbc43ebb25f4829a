//! The accepted target, kept so that a restarted resd of the same boot knows what it is to do (B6).
//!
//! A target is worth nothing in another boot, so it need not survive a power cut, only the end of this process: it is
//! replaced atomically and not synced, which keeps the disk out of the time a takeover needs. When it cannot be replaced
//! the old one is removed: no target is safe, an outdated one is not.

use std::io;
use std::path::{Path, PathBuf};

use hotpair_types::Target;
use serde::{Deserialize, Serialize};

/// Layout of the file.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    target: Target,
}

/// The file `target.json` of a state directory.
#[derive(Clone, Debug)]
pub struct TargetStore {
    path: PathBuf,
}

impl TargetStore {
    /// In this directory, which is made if it is missing.
    ///
    /// # Errors
    /// The system's answer.
    pub fn new(directory: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        Ok(Self { path: directory.join("target.json") })
    }

    /// What was stored last. `Ok(None)`: nothing.
    ///
    /// # Errors
    /// In words: unreadable or damaged. Then there is no target, and nothing is started or stopped until arbiterd sends one.
    pub fn load(&self) -> Result<Option<Target>, String> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", self.path.display())),
        };
        match serde_json::from_slice::<Stored>(&bytes) {
            Ok(stored) if stored.format == FORMAT => Ok(Some(stored.target)),
            Ok(stored) => Err(format!("{} has format {}, not {FORMAT}", self.path.display(), stored.format)),
            Err(error) => Err(format!("{} is damaged: {error}", self.path.display())),
        }
    }

    /// Replaces it.
    ///
    /// # Errors
    /// The system's answer; then the old one has been removed, if that was possible.
    pub fn store(&self, target: &Target) -> io::Result<()> {
        let result = self.replace(target);
        if result.is_err()
            && let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!(%error, path = %self.path.display(), "an outdated target could not be removed");
        }
        result
    }

    fn replace(&self, target: &Target) -> io::Result<()> {
        let stored = Stored { format: FORMAT, target: target.clone() };
        let text = serde_json::to_vec(&stored).map_err(io::Error::other)?;
        let new = self.path.with_extension("new");
        std::fs::write(&new, text)?;
        std::fs::rename(&new, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotpair_types::{BootId, Generation};

    /// FAULTS: a corrupt or empty state file is a clear error, never a panic, never a target.
    #[test]
    fn round_trip_and_damage() {
        let dir = tempfile::tempdir().unwrap();
        let store = TargetStore::new(&dir.path().join("deep/er")).unwrap();
        assert_eq!(store.load(), Ok(None));
        let target =
            Target { generation: Generation(4), boot: BootId([1; 16]), groups: Default::default(), fence: None };
        store.store(&target).unwrap();
        assert_eq!(store.load(), Ok(Some(target.clone())));
        for damage in ["", "{", "{\"format\":9,\"target\":null}", "\u{0}\u{1}"] {
            std::fs::write(&store.path, damage).unwrap();
            assert!(store.load().is_err(), "{damage:?}");
        }
        store.store(&target).unwrap();
        std::fs::create_dir(store.path.with_extension("new")).unwrap();
        assert!(store.store(&target).is_err());
        assert_eq!(store.load(), Ok(None), "an outdated target is not left behind");
    }
}
