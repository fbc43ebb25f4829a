//! The small configuration of `arbiterd --witness`: where it listens, and for which pairs it looks.
//!
//! ```toml
//! port = 7422                          # UDP; this is the default
//! address = "10.0.0.9"                 # only questions to this own address are answered; default: to any
//! exclude_interfaces = ["docker0"]     # never looked through
//! [[pair]]
//! name = "office"
//! key_file = "/etc/hotpair/witness-office.key"
//! addresses = ["10.0.0.1", "10.0.0.2"] # the pair's nodes: only for these it looks; default: for any
//! ```

use super::lookout::Guest;
use super::wire::Seal;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The port unless the configuration says otherwise; also where neighbours are asked by default.
pub const DEFAULT_PORT: u16 = 7422;
/// Longer files are none of ours.
const MAX_BYTES: u64 = 1 << 20;

/// A good configuration.
#[derive(Clone)]
pub struct WitnessFile {
    /// UDP port.
    pub port: u16,
    /// Only questions to this address are answered.
    pub address: Option<IpAddr>,
    /// Interfaces that are not used.
    pub excluded: BTreeSet<String>,
    /// Who may ask.
    pub guests: Vec<Guest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default = "default_port")]
    port: u16,
    address: Option<IpAddr>,
    #[serde(default)]
    exclude_interfaces: BTreeSet<String>,
    #[serde(default)]
    pair: Vec<RawPair>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPair {
    name: String,
    key_file: PathBuf,
    #[serde(default)]
    addresses: BTreeSet<IpAddr>,
}

const fn default_port() -> u16 {
    DEFAULT_PORT
}

/// Reads and judges the file, and the keys it names.
///
/// # Errors
/// Every mistake, one a line, with place and remedy.
pub fn load(path: &Path) -> Result<WitnessFile, String> {
    let at = path.display();
    let unreadable = |why: String| {
        format!(
            "{at}: cannot be read: {why}\n  remedy: `arbiterd --witness --config FILE` needs a file with one [[pair]] at least"
        )
    };
    let meta = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if meta.len() > MAX_BYTES {
        return Err(unreadable("it is too large".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let raw: Raw = toml::from_str(&text).map_err(|error| format!("{at}: {error}"))?;
    let mut wrong = Vec::new();
    if raw.port == 0 {
        wrong.push(format!("{at}: port: 0 is no port\n  remedy: leave it out for {DEFAULT_PORT}"));
    }
    if raw.pair.is_empty() {
        wrong.push(format!("{at}: nobody may ask\n  remedy: add a [[pair]] with name and key_file for each pair"));
    }
    let mut guests: Vec<Guest> = Vec::new();
    for pair in raw.pair {
        let place = format!("{at}: pair {:?}", pair.name);
        match hotpair_config::read_key(path, &pair.key_file) {
            Ok(key) => {
                let seal = Seal::new(key.bytes());
                if guests.iter().any(|guest| guest.seal.id() == seal.id()) {
                    wrong.push(format!(
                        "{place}: its key is another pair's too\n  remedy: make a key for each pair: `head -c 32 /dev/urandom | base64`"
                    ));
                }
                guests.push(Guest { name: pair.name, seal, addresses: pair.addresses });
            }
            Err(error) => wrong.push(format!(
                "{place}: key_file: {error}\n  remedy: copy the key_file of the pair's [[neighbour]] here, with mode 0600"
            )),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    Ok(WitnessFile { port: raw.port, address: raw.address, excluded: raw.exclude_interfaces, guests })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const KEY: &str = "5d0b1f7e93c24a68b7e1f05c2d9a8346e4c1b8f2706d5a93184ecf2b6a70d9e3\n";

    fn load_text(text: &str) -> Result<WitnessFile, String> {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        std::fs::write(&key, KEY).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let path = dir.path().join("witness.toml");
        std::fs::write(&path, text).unwrap();
        load(&path)
    }

    #[test]
    fn a_good_file_is_read() {
        let file = load_text("[[pair]]\nname = \"a\"\nkey_file = \"key\"\naddresses = [\"10.0.0.1\"]\n").unwrap();
        assert_eq!((file.port, file.address, file.guests.len()), (DEFAULT_PORT, None, 1));
        assert!(file.guests[0].addresses.contains(&"10.0.0.1".parse().unwrap()));
    }

    /// S24: every mistake at once, with a remedy.
    #[test]
    fn mistakes_are_told_with_their_remedy() {
        let text = "port = 0\n[[pair]]\nname = \"a\"\nkey_file = \"key\"\n[[pair]]\nname = \"b\"\nkey_file = \"key\"\n\
                    [[pair]]\nname = \"c\"\nkey_file = \"none\"\n";
        let wrong = load_text(text).err().unwrap();
        for part in ["0 is no port", "another pair's too", "\"c\": key_file: cannot read", "remedy"] {
            assert!(wrong.contains(part), "{part}: {wrong}");
        }
        assert!(load_text("").err().unwrap().contains("nobody may ask"));
        assert!(load_text("pot = 1\n").err().unwrap().contains("pot"));
    }
}
