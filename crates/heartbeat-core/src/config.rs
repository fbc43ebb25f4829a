//! What a core is made from. Checked once, in [`HeartbeatConfig::check`]; after that nothing here can be wrong.

use crate::frame;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use hotpair_types::{BootId, Digest, Incarnation, Medium, NodeId, PairId, PathName, Timestamp};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Most paths a pair can have: their reports must fit every frame beside an advert chunk.
pub const MAX_PATHS: usize = 16;
/// Longest advert, in bytes.
pub const MAX_ADVERT: usize = 64 * 1024;

/// A path as it is named on the wire: the first 16 bits of SHA-256 over its name. Unique within a configuration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PathTag(pub u16);

impl PathTag {
    /// The tag of a path's name.
    pub fn of(name: &PathName) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"hotpair path ");
        hash.update(name.as_str().as_bytes());
        let digest = hash.finalize();
        let mut tag = [0_u8; 2];
        for (to, from) in tag.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        Self(u16::from_be_bytes(tag))
    }
}

/// One path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathConfig {
    /// Its name.
    pub name: PathName,
    /// What it runs over.
    pub medium: Medium,
    /// Time between two heartbeats; at least 1 ms.
    pub interval: Duration,
    /// Consecutive misses until down; at least 2.
    pub lost: u32,
    /// Consecutive arrivals until up again; at least 1.
    pub good: u32,
    /// Order for adverts and people.
    pub priority: u8,
    /// Longest frame it carries, in bytes: [`HeartbeatConfig::smallest_frame`] to 512.
    pub max_frame: usize,
    /// Bytes a second that frames beyond the plain heartbeats may use up; `None`: no limit worth counting (UDP).
    pub byte_budget: Option<u32>,
}

impl PathConfig {
    /// The path's tag.
    pub fn tag(&self) -> PathTag {
        PathTag::of(&self.name)
    }

    /// Time from the last heartbeat until down: `interval × lost`.
    pub fn detection(&self) -> Duration {
        self.interval.saturating_mul(self.lost)
    }
}

/// The pair's secret key; wiped from memory when dropped, never printed (FAULTS T8).
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<Vec<u8>>);

impl Key {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Key {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The whole configuration of a core.
#[derive(Clone, Debug)]
pub struct HeartbeatConfig {
    /// Which node this is.
    pub node: NodeId,
    /// The pair, on the wire.
    pub pair: PairId,
    /// The pair's key: at least 32 bytes.
    pub key: Key,
    /// Digest of the configuration file's meaning; told to the peer, never judged here.
    pub digest: Digest,
    /// The paths, in the order of the configuration file.
    pub paths: Vec<PathConfig>,
}

/// What makes this run unlike any other; from the shell's random source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seed {
    /// Random, never 0.
    pub incarnation: Incarnation,
    /// This boot of this machine.
    pub boot: BootId,
}

/// Why a configuration cannot be run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConfigError {
    /// The number of paths.
    #[error("{0} heartbeat paths are configured; 1 to {MAX_PATHS} can be run")]
    PathCount(usize),
    /// Two paths with one name.
    #[error("two heartbeat paths are named `{0}`; rename one")]
    DuplicateName(String),
    /// Two names with one tag (1 in 65536).
    #[error("the path names `{0}` and `{1}` have the same 16-bit tag on the wire; rename one of them")]
    TagCollision(String, String),
    /// Interval, lost or good out of range.
    #[error("path `{path}`: {what}")]
    Range {
        /// The path.
        path: String,
        /// Which value, and what it must be.
        what: &'static str,
    },
    /// The frame does not fit.
    #[error("path `{path}`: frames of {max} bytes are too short, this pair's heartbeats need {need}")]
    FrameTooShort {
        /// The path.
        path: String,
        /// As configured.
        max: usize,
        /// The least that works.
        need: usize,
    },
    /// The key is too short to protect anything (FAULTS T4).
    #[error("the pair's key has {0} bytes; at least 32 are needed")]
    KeyTooShort(usize),
    /// A forged frame was taken for a genuine one, or the other way round (FAULTS T4): the program is broken.
    #[error("authentication of heartbeats does not work in this program; install hotpair anew")]
    SelfTest,
    /// Identity of the pair cannot change in a running process.
    #[error("node, pair and key cannot change while hbd runs; restart it")]
    IdentityChanged,
}

impl HeartbeatConfig {
    /// The least `max_frame` that carries a heartbeat of this pair with its reports, two echoes (so that a restarted peer
    /// can prove itself) and a little advert.
    pub fn smallest_frame(paths: usize) -> usize {
        frame::length(2, paths, 8)
    }

    /// Checks every relation that the core relies on.
    ///
    /// # Errors
    /// The first thing found wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.paths.is_empty() || self.paths.len() > MAX_PATHS {
            return Err(ConfigError::PathCount(self.paths.len()));
        }
        if self.key.bytes().len() < 32 {
            return Err(ConfigError::KeyTooShort(self.key.bytes().len()));
        }
        for (at, path) in self.paths.iter().enumerate() {
            self.check_path(path)?;
            for other in self.paths.iter().skip(at.saturating_add(1)) {
                if other.name == path.name {
                    return Err(ConfigError::DuplicateName(path.name.clone().into()));
                }
                if other.tag() == path.tag() {
                    return Err(ConfigError::TagCollision(path.name.clone().into(), other.name.clone().into()));
                }
            }
        }
        Ok(())
    }

    fn check_path(&self, path: &PathConfig) -> Result<(), ConfigError> {
        let range = |what| Err(ConfigError::Range { path: path.name.clone().into(), what });
        if path.interval < Duration::from_millis(1) || path.interval > Duration::from_secs(3600) {
            return range("the interval must be 1 ms to 1 h");
        }
        if path.lost < 2 || path.lost > 1000 {
            return range("`lost` must be 2 to 1000");
        }
        if path.good < 1 || path.good > 1000 {
            return range("`good` must be 1 to 1000");
        }
        if path.byte_budget == Some(0) {
            return range("the byte budget must not be 0");
        }
        let need = Self::smallest_frame(self.paths.len());
        if path.max_frame < need || path.max_frame > frame::MAX_FRAME {
            return Err(ConfigError::FrameTooShort { path: path.name.clone().into(), max: path.max_frame, need });
        }
        Ok(())
    }
}

/// The first 8 bytes of SHA-256.
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    let mut digest = [0_u8; 8];
    for (to, from) in digest.iter_mut().zip(Sha256::digest(bytes).iter()) {
        *to = *from;
    }
    Digest(digest)
}

/// A duration in whole microseconds, saturating at `u32::MAX` (71 minutes).
pub(crate) fn micros_u32(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// A share of a duration: `duration × numerator / denominator`.
pub(crate) fn share(duration: Duration, numerator: u32, denominator: u32) -> Duration {
    duration.saturating_mul(numerator).checked_div(denominator).unwrap_or(Duration::ZERO)
}

/// The earlier of two optional deadlines.
pub(crate) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
