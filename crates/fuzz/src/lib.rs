//! Everything in hotpair that reads bytes from outside, one function each: what a network, a serial line, a disk, a file, a
//! person or a program can say. `runner/` drives them with libFuzzer (`make fuzz TIME=…`); `tests/corpus.rs` plays the
//! committed corpora and simple mutations of them in every test run.
//!
//! A target gets the bytes raw and, where a checksum or a tag would stop a fuzzer at the door, once more with that repaired:
//! what is behind the door must hold as well. Beside "no panic, no hang, no unbounded memory" each states what must be true
//! of what was understood (a round trip, mostly); a violation panics, which is how a fuzzer sees it.

pub mod agents;
pub mod config;
pub mod files;
pub mod frames;
pub mod network;

/// A target: its name (also of its corpus) and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("frame", frames::frame),
    ("heartbeats", frames::heartbeats),
    ("serial", frames::serial),
    ("disk", frames::disk),
    ("advert", network::advert),
    ("network", network::network),
    ("config", config::config),
    ("state", files::state),
    ("recorder", files::recorder),
    ("agents", agents::agents),
];
