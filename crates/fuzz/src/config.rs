//! The configuration: any text gives a configuration or findings that name their place, in both languages.

use hotpair_config::{Severity, load_text_with_key, report};
use hotpair_messages::Lang;
use std::path::Path;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A text, as its author saved it.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let file = Path::new("/etc/hotpair/hotpair.toml");
    match load_text_with_key(&text, file, None, KEY) {
        Ok(loaded) => {
            assert!(!loaded.config.paths.is_empty() && !loaded.config.groups.is_empty(), "what runs can be run");
            let again = load_text_with_key(&text, file, None, KEY).expect("the same text, the same answer");
            assert_eq!(again.config.digest, loaded.config.digest, "the same text, the same digest");
        }
        Err(findings) => {
            assert!(findings.iter().any(|f| f.severity == Severity::Error), "a refusal has a reason");
            for lang in [Lang::En, Lang::Zh] {
                assert!(!report(&findings, lang, true).is_empty(), "a refusal says why");
            }
        }
    }
}
