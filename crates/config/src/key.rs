//! The pair's secret key: reading, judging and making it (FAULTS X08, T8).
//!
//! The key file is refused when others can read it or when it is no key at all; there is no default key. Text buffers
//! that held it are wiped.

use crate::model::Key;
use hotpair_types::PairId;
use sha2::{Digest as _, Sha256};
use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Shortest key, in bytes.
pub const MIN_KEY_BYTES: usize = 32;
/// A key file larger than this is none.
const MAX_FILE_BYTES: u64 = 4096;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not there, no right, no file.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Group or others may read or write it.
    #[error("{} has mode {mode:04o}: others than its owner can access it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Neither hexadecimal nor base64.
    #[error("{} holds neither hexadecimal digits nor base64", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
    },
    /// Too short, empty, or plainly not random.
    #[error("the key in {} is too weak: {bytes} bytes, {distinct} different ones", path.display())]
    Weak {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: usize,
        /// Different byte values in it.
        distinct: usize,
    },
}

/// Where the key is.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyPlace {
    /// The file.
    pub path: PathBuf,
    /// Handed over by the service manager (`LoadCredential=`).
    pub credential: bool,
}

impl KeyPlace {
    /// The credential of the same name in `credentials` if there is one; else beside the configuration.
    pub fn find(config: &Path, key_file: &Path, credentials: Option<&OsStr>) -> Self {
        let handed = credentials.zip(key_file.file_name()).map(|(dir, name)| Path::new(dir).join(name));
        match handed.filter(|path| path.exists()) {
            Some(path) => Self { path, credential: true },
            None => Self { path: config.parent().unwrap_or(Path::new("")).join(key_file), credential: false },
        }
    }

    /// Permission bits the file must not have. A credential may show group read: it is root's, and what stat(2) shows
    /// as group bits is the mask of the access list that lets the service's user in (acl(5)).
    fn forbidden_bits(&self) -> u32 {
        if self.credential { 0o037 } else { 0o077 }
    }
}

/// Reads and judges a key file.
pub fn read(place: &KeyPlace) -> Result<Key, KeyError> {
    let path = place.path.as_path();
    let unreadable = |e: std::io::Error| KeyError::Unreadable { path: path.into(), reason: e.to_string() };
    // Everything is asked of the opened file, so that it cannot be exchanged in between.
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    if !meta.is_file() {
        return Err(KeyError::Unreadable { path: path.into(), reason: "not a regular file".into() });
    }
    if meta.mode() & place.forbidden_bits() != 0 {
        return Err(KeyError::Exposed { path: path.into(), mode: meta.mode() & 0o7777 });
    }
    let mut text = Zeroizing::new(String::with_capacity(MAX_FILE_BYTES as usize + 1));
    match file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text) {
        Ok(length) if length as u64 <= MAX_FILE_BYTES => from_text(&text, path),
        Ok(_) => Err(KeyError::Encoding { path: path.into() }),
        Err(e) if e.kind() == std::io::ErrorKind::InvalidData => Err(KeyError::Encoding { path: path.into() }),
        Err(e) => Err(unreadable(e)),
    }
}

/// A key from text; `path` only names it in errors.
pub fn from_text(text: &str, path: &Path) -> Result<Key, KeyError> {
    let digits = Zeroizing::new(text.split_ascii_whitespace().collect::<String>());
    let bytes = if digits.len() >= 2 * MIN_KEY_BYTES && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        hex(&digits)
    } else {
        base64(&digits)
    };
    let bytes = Zeroizing::new(bytes.ok_or_else(|| KeyError::Encoding { path: path.into() })?);
    let distinct = bytes.iter().collect::<std::collections::BTreeSet<_>>().len();
    // 32 random bytes with fewer than 9 different values: less likely than 1 in 10^30.
    if bytes.len() < MIN_KEY_BYTES || distinct < 9 {
        return Err(KeyError::Weak { path: path.into(), bytes: bytes.len(), distinct });
    }
    Ok(Key(bytes))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let mut digits = text.chars();
    let mut bytes = Vec::with_capacity(text.len() / 2);
    while let Some(high) = digits.next() {
        let value = high.to_digit(16)? * 16 + digits.next()?.to_digit(16)?;
        bytes.push(u8::try_from(value).ok()?);
    }
    Some(bytes)
}

/// RFC 4648 base64, padded or not, both alphabets.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4 + 1);
    let (mut bits, mut count) = (0u32, 0u32);
    for c in text.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    if text.len() % 4 == 1 { None } else { Some(bytes) }
}

/// A new key: 32 random bytes from the kernel, as 64 hexadecimal digits and a line feed.
///
/// # Errors
/// When the kernel gives no random bytes.
pub fn generate_key() -> std::io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0u8; MIN_KEY_BYTES]);
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())?;
    }
    let mut text = Zeroizing::new(String::with_capacity(2 * MIN_KEY_BYTES + 1));
    for byte in bytes.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    text.push('\n');
    Ok(text)
}

/// The pair's id on the wire: the first 8 bytes of SHA-256 over name, a zero byte and key.
pub fn pair_id(name: &str, key: &Key) -> PairId {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([0]);
    hash.update(key.bytes());
    PairId(first_eight(&hash.finalize()))
}

/// The first 8 bytes of a hash.
pub fn first_eight(hash: &[u8]) -> [u8; 8] {
    let mut out = [0; 8];
    out.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// X08: a key that others can read, an empty one, a constant one and a missing one are refused.
    #[test]
    fn bad_key_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let read = |path: &Path| read(&KeyPlace { path: path.into(), credential: false });
        assert!(matches!(read(&path), Err(KeyError::Unreadable { .. })));
        let write = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            read(&path)
        };
        let good = generate_key().unwrap();
        assert_eq!(write(&good, 0o600).unwrap().bytes().len(), 32);
        assert!(write(&good, 0o400).is_ok());
        for mode in [0o644, 0o640, 0o660, 0o604] {
            assert!(matches!(write(&good, mode), Err(KeyError::Exposed { .. })), "{mode:o}");
        }
        assert!(matches!(write("", 0o600), Err(KeyError::Weak { bytes: 0, .. })));
        assert!(matches!(write(&"0".repeat(64), 0o600), Err(KeyError::Weak { distinct: 1, .. })));
        assert!(matches!(write("secret", 0o600), Err(KeyError::Encoding { .. } | KeyError::Weak { .. })));
        assert!(matches!(write("not a key!", 0o600), Err(KeyError::Encoding { .. })));
        assert!(matches!(write(&"ab".repeat(4000), 0o600), Err(KeyError::Encoding { .. })));
        assert!(matches!(read(dir.path()), Err(KeyError::Unreadable { .. })));
    }

    /// X08: a credential that systemd handed over goes before the file beside the configuration.
    #[test]
    fn a_credential_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let (config, name) = (Path::new("/etc/hotpair/hotpair.toml"), Path::new("hotpair.key"));
        let find = || KeyPlace::find(config, name, Some(dir.path().as_os_str()));
        let beside = KeyPlace { path: "/etc/hotpair/hotpair.key".into(), credential: false };
        assert_eq!(find(), beside);
        assert_eq!(KeyPlace::find(config, name, None), beside);
        let handed = dir.path().join("hotpair.key");
        std::fs::write(&handed, generate_key().unwrap().as_bytes()).unwrap();
        assert_eq!(find(), KeyPlace { path: handed.clone(), credential: true });
        std::fs::set_permissions(&handed, std::fs::Permissions::from_mode(0o440)).unwrap();
        assert!(read(&find()).is_ok());
        std::fs::set_permissions(&handed, std::fs::Permissions::from_mode(0o444)).unwrap();
        assert!(matches!(read(&find()), Err(KeyError::Exposed { .. })));
    }

    #[test]
    fn hexadecimal_and_base64_give_the_same_key() {
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let path = Path::new("k");
        assert_eq!(from_text(hex, path).unwrap().bytes(), from_text(base64, path).unwrap().bytes());
    }

    #[test]
    fn keys_are_never_printed_and_never_the_same() {
        let (a, b) = (generate_key().unwrap(), generate_key().unwrap());
        assert_ne!(a, b);
        let key = from_text(&a, Path::new("k")).unwrap();
        assert_eq!(format!("{key:?}"), "Key(…)");
        assert_ne!(pair_id("a", &key), pair_id("b", &key));
    }
}
