//! A small world around real arbiters for the text scenarios: hbd's judgement, adverts in flight, prober, state file and resd
//! as simple models on a virtual clock. Nothing here decides anything: every decision comes from `arbiter_core::Arbiter`.
//!
//! Single-threaded, deterministic, no real time. Events due at the same instant happen in the order they were put in.

pub mod hbd;
pub mod resd;
pub mod script;
pub mod thirds;
pub mod world;

use core::time::Duration;
use hotpair_types::{GroupName, NodeId, Timestamp};

/// Names of the nodes in every scenario.
pub const NAMES: [&str; 2] = ["alpha", "beta"];

/// A node by its name.
pub fn node(name: &str) -> Option<NodeId> {
    match name {
        "alpha" => Some(NodeId::FIRST),
        "beta" => Some(NodeId::SECOND),
        _ => None,
    }
}

/// A group name; scenarios are written by people, so a bad one is their mistake and stops the test.
pub fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap_or_else(|e| panic!("group name {name:?}: {e}"))
}

/// `250ms`, `2s`, `1.5s`, `10m`.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = if let Some(n) = text.strip_suffix("ms") {
        (n, 1e-3)
    } else if let Some(n) = text.strip_suffix('s') {
        (n, 1.0)
    } else {
        (text.strip_suffix('m')?, 60.0)
    };
    number.parse::<f64>().ok().map(|n| Duration::from_secs_f64(n * unit))
}

/// Seconds with milliseconds, since `zero`.
pub fn stamp(at: Timestamp, zero: Timestamp) -> String {
    let ms = at.since(zero).as_millis();
    format!("{}.{:03}s", ms / 1000, ms % 1000)
}
