//! Neighbours, witness, fence devices and watchdog from their tables, as far as each is right by itself.

use crate::build::{At, single, unique};
use crate::model::{Fence, FenceAction, Watchdog, Witness};
use crate::reader::{self, Failed, Read, Reader, Tab};
use crate::schema;
use hotpair_types::NodeId;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Where fence agents are that are given by name.
const AGENTS: &str = "/usr/sbin";

/// What could be read of them.
#[derive(Debug)]
pub struct Arbiters {
    /// The neighbours that could be read, their keys not yet.
    pub neighbours: Vec<At<DraftNeighbour>>,
    /// The witness; `Ok(None)`: none.
    pub witness: Read<Option<Witness>>,
    /// The fence devices that could be read.
    pub fences: Vec<At<Fence>>,
    /// Whether all of them could.
    pub all_fences: bool,
    /// The watchdog; `Ok(None)`: none.
    pub watchdog: Read<Option<Watchdog>>,
}

/// A neighbour whose key has not been read.
#[derive(Debug)]
pub struct DraftNeighbour {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Where its key is.
    pub key_file: PathBuf,
}

/// Reads them.
pub fn arbiters<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> Arbiters {
    let neighbours = neighbours(r, root);
    let witness = witness(r, root);
    let (fences, all_fences) = fences(r, root);
    let watchdog = watchdog(r, root);
    Arbiters { neighbours, witness, fences, all_fences, watchdog }
}

fn neighbours<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> Vec<At<DraftNeighbour>> {
    let mut all = Vec::new();
    for place in reader::tables(r, root, "", &schema::NEIGHBOUR) {
        let tab = Tab::open(r, &schema::NEIGHBOUR, place.table(root, &schema::NEIGHBOUR), &place.at);
        let name = tab.text(r, "name");
        let address = tab.addresses(r, "address");
        let port = tab.number(r, "port");
        let key_file = tab.text(r, "key_file");
        if let (Ok(name), Ok(addresses), Ok(port), Ok(key_file)) = (name, address, port, key_file)
            && let Some(address) = addresses.first().copied()
        {
            let it = DraftNeighbour { name, address, port, key_file: PathBuf::from(key_file) };
            all.push(At { at: place.at, it });
        }
    }
    unique(r, &all, "neighbour", |n| n.name.as_str());
    all
}

/// Two keys that only make sense together.
fn together<A, B>(r: &mut Reader<'_>, tab: &str, a: (&str, Option<A>), b: (&str, Option<B>)) -> Read<Option<(A, B)>> {
    match (a.1, b.1) {
        (Some(x), Some(y)) => Ok(Some((x, y))),
        (None, None) => Ok(None),
        (Some(_), None) => {
            r.error("C080", &format!("{tab}.{}", a.0), &[("key", a.0), ("other", b.0)]);
            Err(Failed)
        }
        (None, Some(_)) => {
            r.error("C080", &format!("{tab}.{}", b.0), &[("key", b.0), ("other", a.0)]);
            Err(Failed)
        }
    }
}

fn witness<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> Read<Option<Witness>> {
    if !root.contains_key(schema::WITNESS.path) {
        return Ok(None);
    }
    let tab = single(r, root, &schema::WITNESS)?;
    let endpoints = tab.texts(r, "endpoints");
    let user = tab.opt_text(r, "user");
    let mut file = |key| tab.opt_text(r, key).map(|path| path.map(PathBuf::from));
    let (password, ca_file) = (file("password_file"), file("ca_file"));
    let (cert, key) = (file("cert_file"), file("cert_key_file"));
    let ttl = tab.duration(r, "ttl");
    let timeout = tab.duration(r, "timeout");
    let login = together(r, &tab.at, ("user", user?), ("password_file", password?));
    let certificate = together(r, &tab.at, ("cert_file", cert?), ("cert_key_file", key?));
    Ok(Some(Witness {
        endpoints: endpoints?,
        login: login?,
        ca_file: ca_file?,
        certificate: certificate?,
        ttl: ttl?,
        timeout: timeout?,
    }))
}

fn fences<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> (Vec<At<Fence>>, bool) {
    let found = reader::tables(r, root, "", &schema::FENCE);
    let mut all = Vec::new();
    for place in &found {
        let tab = Tab::open(r, &schema::FENCE, place.table(root, &schema::FENCE), &place.at);
        if let Ok(it) = fence(r, &tab) {
            all.push(At { at: place.at.clone(), it });
        }
    }
    unique(r, &all, "fence device", |f| f.name.as_str());
    let complete = all.len() == found.len();
    (all, complete)
}

fn fence<'t>(r: &mut Reader<'t>, tab: &Tab<'_, 't>) -> Read<Fence> {
    let node = fenced_node(r, tab);
    let name = tab.text(r, "name");
    let agent = tab.text(r, "agent");
    let level = tab.number(r, "level");
    let action = tab.text(r, "action");
    let parameters = tab.strings(r, "parameters");
    let secrets = tab.strings(r, "secrets");
    let delay = tab.duration(r, "delay");
    let timeout = tab.duration(r, "timeout");
    let attempts = tab.number(r, "attempts");
    let action = match action?.as_str() {
        "off" => FenceAction::Off,
        "reboot" => FenceAction::Reboot,
        _ => return Err(Failed),
    };
    let agent = agent?;
    Ok(Fence {
        node: node?,
        name: name?,
        // An absolute path replaces the directory.
        agent: Path::new(AGENTS).join(agent),
        level: level?,
        action,
        parameters: parameters?,
        secrets: secrets?.into_iter().map(|(key, path)| (key, PathBuf::from(path))).collect::<BTreeMap<_, _>>(),
        delay: delay?,
        timeout: timeout?,
        attempts: attempts?,
    })
}

fn fenced_node<'t>(r: &mut Reader<'t>, tab: &Tab<'_, 't>) -> Read<NodeId> {
    let name = tab.text(r, "node")?;
    let known = r.nodes.clone().ok_or(Failed)?;
    match NodeId::BOTH.into_iter().zip(&known).find(|(_, n)| n.as_str() == name) {
        Some((id, _)) => Ok(id),
        None => {
            let choices = known.each_ref().map(|n| format!("\"{n}\"")).join(" | ");
            r.error("C034", &format!("{}.node", tab.at), &[("value", &name), ("choices", &choices)]);
            Err(Failed)
        }
    }
}

fn watchdog<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> Read<Option<Watchdog>> {
    if !root.contains_key(schema::WATCHDOG.path) {
        return Ok(None);
    }
    let tab = single(r, root, &schema::WATCHDOG)?;
    let device = tab.node_files(r, "device");
    let timeout = tab.duration(r, "timeout");
    let reset_time = tab.duration(r, "reset_time");
    Ok(Some(Watchdog { device: device?, timeout: timeout?, reset_time: reset_time? }))
}
