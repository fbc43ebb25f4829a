//! A good configuration to break, and helpers to show findings.
#![allow(dead_code)]

use hotpair_config::{Finding, Loaded, load_text_with_key};
use hotpair_messages::Lang;
use std::path::Path;

/// A key that is only good for tests.
pub const KEY: &str = "8f1d0c7a53e9b2466f80a1d92c5e7b3414d6e8f9a0b1c2d3e4f5061728394a5b";

/// A configuration without errors and warnings.
pub const GOOD: &str = include_str!("good.toml");

/// Loads a text with the test key.
pub fn load(text: &str) -> Result<Loaded, Vec<Finding>> {
    load_text_with_key(text, Path::new("hotpair.toml"), None, KEY)
}

/// Findings as a person sees them.
pub fn show(findings: &[Finding]) -> String {
    hotpair_config::report(findings, Lang::En, false)
}
