//! The one keyed hash of everything that arbiterd signs: questions of the safety check, words of third parties, votes.

use hmac::{Hmac, KeyInit as _};
use sha2::Sha256;

/// HMAC-SHA256 (RFC 2104) with this key.
#[expect(
    clippy::expect_used,
    reason = "HMAC takes keys of every length (RFC 2104); the library's Result is for other MACs"
)]
pub fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}
