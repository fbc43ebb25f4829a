//! The configuration file: from text to a checked [`model::Config`].
//!
//! [`load`] reads one TOML file and the key file it names. Every mistake is reported at once, each with place, reason
//! and remedy ([`Finding`]); there is no configuration with mistakes, and nothing wrong is replaced by a default.
//! [`schema`] is the single source of keys, types and defaults; the reference pages are written from it.
//!
//! *Invariant:* a [`model::Config`] exists only with all its relations checked. No state, no threads; only `load` and
//! `load_text` touch the file system, and only to read.
#![forbid(unsafe_code)]

mod build;
mod build_arbiters;
mod build_groups;
mod check;
mod check_arbiters;
mod finding;
pub mod guarantee;
mod key;
mod manual;
pub mod model;
mod reader;
mod reference;
pub mod schema;
mod schema_arbiters;
mod suggest;
mod template;
pub mod values;
mod warn;

pub use check::{MAX_PATHS, serial_frame_bytes, serial_interval};
pub use finding::{Finding, Severity, Snippet, report};
pub use guarantee::{guarantee, promise, promise_of};
pub use key::{KeyError, MIN_KEY_BYTES, generate_key};
pub use manual::manual;
pub use reference::reference;
pub use template::{InitAnswers, InitGroup, InitUdp, template};

use crate::build::Draft;
use crate::key::KeyPlace;
use crate::model::{Config, Group, Key, Neighbour, Pair};
use crate::reader::Reader;
use hotpair_types::{Digest, NodeId};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use toml::de::DeTable;

/// Where the configuration is, unless said otherwise.
pub const DEFAULT_FILE: &str = "/etc/hotpair/hotpair.toml";
/// A configuration file larger than this is none.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// A configuration without mistakes.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Which of its nodes this one is, when the caller said a name.
    pub node: Option<NodeId>,
    /// What somebody should know about it (S24).
    pub warnings: Vec<Finding>,
}

/// Reads a configuration and its key. With `node`, that name must be one of its nodes.
///
/// # Errors
/// Every mistake of the file, in the order of its lines; a file or key that cannot be read.
pub fn load(path: &Path, node: Option<&str>) -> Result<Loaded, Vec<Finding>> {
    match read_text(path) {
        Ok(text) => load_text(&text, path, node),
        Err(reason) => {
            let mut r = Reader::new(path, "");
            r.error("C001", "", &[("path", &path.display().to_string()), ("reason", &reason)]);
            Err(r.findings)
        }
    }
}

/// As [`load`], for a text that would be in `file`; the key file is read.
///
/// # Errors
/// Every mistake of the text, in the order of its lines; a key that cannot be read.
pub fn load_text(text: &str, file: &Path, node: Option<&str>) -> Result<Loaded, Vec<Finding>> {
    load_with(text, file, node, &key::read)
}

/// Reads a key file as a configuration at `config` would name it: relative to that file's directory, or the service's
/// credential of the same name.
///
/// # Errors
/// When it cannot be read, others can read it, or it is no key.
pub fn read_key(config: &Path, key_file: &Path) -> Result<Key, KeyError> {
    key::read(&KeyPlace::find(config, key_file, std::env::var_os("CREDENTIALS_DIRECTORY").as_deref()))
}

/// As [`load_text`], with the key given as text instead of read from its file: for rehearsals and tests.
///
/// # Errors
/// Every mistake of the text, in the order of its lines; a key that is none.
pub fn load_text_with_key(text: &str, file: &Path, node: Option<&str>, key: &str) -> Result<Loaded, Vec<Finding>> {
    load_with(text, file, node, &|place| key::from_text(key, &place.path))
}

fn read_text(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let mut text = String::new();
    let length = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
    if length as u64 > MAX_FILE_BYTES { Err(format!("> {MAX_FILE_BYTES} bytes")) } else { Ok(text) }
}

type KeySource<'a> = &'a dyn Fn(&KeyPlace) -> Result<Key, KeyError>;

fn load_with(text: &str, file: &Path, node: Option<&str>, keys: KeySource<'_>) -> Result<Loaded, Vec<Finding>> {
    let mut r = Reader::new(file, text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(0..text.len().min(1));
        r.report(Severity::Error, "C002", "", span, &[("reason", error.message())]);
    }
    if !errors.is_empty() {
        // What a broken text means is a guess; its keys are judged once it is TOML.
        return Err(sorted(r.findings));
    }
    let draft = build::draft(&mut r, root.get_ref());
    check::check(&mut r, &draft);
    let node = this_node(&mut r, node);
    let pair = read_pair(&mut r, &draft, file, keys);
    let neighbours = read_neighbours(&mut r, &draft, file, keys);
    if r.findings.is_empty() {
        warn::warn(&mut r, &draft);
    }
    let meaning = std::mem::take(&mut r.meaning);
    let findings = sorted(r.findings);
    if findings.iter().any(|f| f.severity == Severity::Error) {
        return Err(findings);
    }
    let config = pair.zip(neighbours).and_then(|(pair, neighbours)| assemble(draft, pair, neighbours, file, &meaning));
    config.map(|config| Loaded { config, node, warnings: findings }).ok_or_else(|| internal(file))
}

fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|f| (f.line, f.column));
    findings
}

/// Something was missing although nothing was reported: never to be passed over in silence.
fn internal(file: &Path) -> Vec<Finding> {
    let mut r = Reader::new(file, "");
    r.error("C099", "", &[]);
    r.findings
}

fn this_node(r: &mut Reader<'_>, name: Option<&str>) -> Option<NodeId> {
    let (name, nodes) = (name?, r.nodes.clone()?);
    let found = NodeId::BOTH.into_iter().zip(&nodes).find(|(_, node)| node.as_str() == name).map(|(id, _)| id);
    if found.is_none() {
        let known = nodes.each_ref().map(|n| format!("\"{n}\"")).join(" | ");
        r.error("C022", "node", &[("name", name), ("choices", &known)]);
    }
    found
}

fn read_pair(r: &mut Reader<'_>, draft: &Draft, file: &Path, keys: KeySource<'_>) -> Option<Pair> {
    let (name, key_file) = draft.pair.as_ref().ok()?;
    let (key, key_file) = key_at(r, "pair.key_file", key_file, file, keys)?;
    let id = key::pair_id(name, &key);
    r.meaning.remove("pair.key_file");
    r.meaning.insert("pair".into(), id.to_string());
    Some(Pair { name: name.clone(), id, key, key_file })
}

/// The neighbours with their keys; `None`: some key cannot be read, which has been reported.
fn read_neighbours(r: &mut Reader<'_>, draft: &Draft, file: &Path, keys: KeySource<'_>) -> Option<Vec<Neighbour>> {
    let mut all = Some(Vec::new());
    for place in &draft.arbiters.neighbours {
        let it = &place.it;
        match (key_at(r, &format!("{}.key_file", place.at), &it.key_file, file, keys), &mut all) {
            (Some((key, key_file)), Some(list)) => {
                list.push(Neighbour { name: it.name.clone(), address: it.address, port: it.port, key, key_file });
            }
            (Some(_), None) => {}
            (None, _) => all = None,
        }
    }
    all
}

/// A key and where it was read from; what is wrong with it is reported at `at`.
fn key_at(
    r: &mut Reader<'_>,
    at: &str,
    key_file: &Path,
    file: &Path,
    keys: KeySource<'_>,
) -> Option<(Key, std::path::PathBuf)> {
    let place = KeyPlace::find(file, key_file, std::env::var_os("CREDENTIALS_DIRECTORY").as_deref());
    let result = keys(&place);
    let key_file = place.path;
    match result {
        Ok(key) => Some((key, key_file)),
        Err(error) => {
            let path = key_file.display().to_string();
            match &error {
                KeyError::Unreadable { reason, .. } => r.error("C030", at, &[("path", &path), ("reason", reason)]),
                KeyError::Exposed { mode, .. } => {
                    r.error("C031", at, &[("path", &path), ("mode", &format!("{mode:04o}"))]);
                }
                KeyError::Encoding { .. } => r.error("C033", at, &[("path", &path)]),
                KeyError::Weak { bytes, distinct, .. } => {
                    let (bytes, distinct) = (bytes.to_string(), distinct.to_string());
                    r.error("C032", at, &[("path", &path), ("bytes", &bytes), ("distinct", &distinct)]);
                }
            }
            None
        }
    }
}

fn assemble(
    draft: Draft,
    pair: Pair,
    neighbours: Vec<Neighbour>,
    file: &Path,
    meaning: &std::collections::BTreeMap<String, String>,
) -> Option<Config> {
    let groups = draft
        .groups
        .into_iter()
        .map(|group| {
            let resources = start_order(group.resources.into_iter().map(|r| r.it).collect());
            Some(Group { resources, ..group.group.ok()? })
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Config {
        file: file.into(),
        digest: digest(meaning),
        pair,
        nodes: draft.nodes.ok()?.map(|node| node.it),
        paths: draft.paths.into_iter().map(|path| path.it).collect(),
        safety_check: draft.safety_check.ok()?,
        neighbours,
        witness: draft.arbiters.witness.ok()?,
        fences: draft.arbiters.fences.into_iter().map(|fence| fence.it).collect(),
        watchdog: draft.arbiters.watchdog.ok()?,
        boot: draft.boot.ok()?,
        history: draft.history.ok()?,
        groups,
    })
}

/// Resources so that each comes after those it waits for; otherwise in the order of the file.
fn start_order(mut waiting: Vec<model::Resource>) -> Vec<model::Resource> {
    let mut ordered: Vec<model::Resource> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|res| res.after.iter().all(|name| ordered.iter().any(|o| o.name == *name)));
        // Circles have been refused before; without one there is always one ready.
        ordered.push(waiting.remove(ready.unwrap_or(0)));
    }
    ordered
}

/// SHA-256 over every value that differs from its default, in the order of the key paths: comments, order of keys, way
/// of writing and new keys with defaults do not change it.
fn digest(meaning: &std::collections::BTreeMap<String, String>) -> Digest {
    let mut hash = Sha256::new();
    for (key, value) in meaning {
        hash.update(key.as_bytes());
        hash.update([0]);
        hash.update(value.as_bytes());
        hash.update([0]);
    }
    Digest(key::first_eight(&hash.finalize()))
}
