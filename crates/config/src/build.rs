//! From tables to the values of the model, as far as each is right by itself. Relations are checked in `check.rs`.

use crate::model::{Boot, BootAlone, History, Link, Node, Path, PerNode, SafetyCheck, UdpEnd};
use crate::reader::{self, Failed, Read, Reader, Tab};
use crate::schema;
use hotpair_types::{NodeName, PathName};
use std::path::PathBuf;
use toml::de::DeTable;

/// A thing with its key path, so that findings about it can name the place.
#[derive(Debug)]
pub struct At<T> {
    /// Key path.
    pub at: String,
    /// The thing.
    pub it: T,
}

/// What has been read: everything that is right by itself, and the names of what is not.
#[derive(Debug)]
pub struct Draft {
    /// Name and key file.
    pub pair: Read<(String, PathBuf)>,
    /// The two nodes.
    pub nodes: Read<[At<Node>; 2]>,
    /// The paths that could be read.
    pub paths: Vec<At<Path>>,
    /// How many paths the file has, readable or not.
    pub paths_in_file: usize,
    /// Safety check.
    pub safety_check: Read<SafetyCheck>,
    /// Neighbours, witness, fence devices, watchdog.
    pub arbiters: crate::build_arbiters::Arbiters,
    /// Boot.
    pub boot: Read<Boot>,
    /// History.
    pub history: Read<History>,
    /// The groups that could be read.
    pub groups: Vec<crate::build_groups::DraftGroup>,
}

/// Reads everything.
pub fn draft<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> Draft {
    Tab::open(r, &schema::ROOT, Some(root), "");
    let pair = pair(r, root);
    let nodes = nodes(r, root);
    r.nodes = nodes.as_ref().ok().map(|nodes| nodes.each_ref().map(|n| n.it.name.clone()));
    let (mut paths, udp) = udp_paths(r, root);
    let (serial_paths, serial) = serial_paths(r, root);
    paths.extend(serial_paths);
    let (disk_paths, disk) = disk_paths(r, root);
    paths.extend(disk_paths);
    unique(r, &paths, "path", |p| p.name.as_str());
    Draft {
        pair,
        nodes,
        paths,
        paths_in_file: udp + serial + disk,
        safety_check: safety_check(r, root),
        arbiters: crate::build_arbiters::arbiters(r, root),
        boot: boot(r, root),
        history: history(r, root),
        groups: crate::build_groups::groups(r, root),
    }
}

/// Reports names that appear twice.
pub fn unique<T>(r: &mut Reader<'_>, things: &[At<T>], what: &str, name: impl Fn(&T) -> &str) {
    for (index, thing) in things.iter().enumerate() {
        let this = name(&thing.it);
        if things.iter().take(index).any(|earlier| name(&earlier.it) == this) {
            r.error("C021", &format!("{}.name", thing.at), &[("what", what), ("name", this)]);
        }
    }
}

/// A table that may appear once; absent: all defaults.
pub fn single<'d, 't>(r: &mut Reader<'t>, root: &'d DeTable<'t>, table: &'static schema::Table) -> Read<Tab<'d, 't>> {
    if !root.contains_key(table.path) {
        return Ok(Tab::open(r, table, None, table.path));
    }
    let found = reader::tables(r, root, "", table);
    let place = found.first().ok_or(Failed)?;
    let inner = place.table(root, table).ok_or(Failed)?;
    Ok(Tab::open(r, table, Some(inner), &place.at))
}

fn pair<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> Read<(String, PathBuf)> {
    let tab = single(r, root, &schema::PAIR)?;
    let name = tab.text(r, "name");
    let file = tab.text(r, "key_file");
    Ok((name?, PathBuf::from(file?)))
}

fn nodes<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> Read<[At<Node>; 2]> {
    let mut nodes = Vec::new();
    let found = reader::tables(r, root, "", &schema::NODE);
    for place in &found {
        let tab = Tab::open(r, &schema::NODE, place.table(root, &schema::NODE), &place.at);
        let name = tab.text(r, "name");
        let addresses = tab.addresses(r, "addresses");
        if let (Ok(name), Ok(addresses)) = (name, addresses)
            && let Ok(name) = NodeName::new(&name)
        {
            nodes.push(At { at: place.at.clone(), it: Node { name, addresses } });
        }
    }
    if found.len() != 2 {
        let place = found.get(2).map_or("node", |third| &third.at);
        r.error("C020", place, &[("count", &found.len().to_string())]);
        return Err(Failed);
    }
    unique(r, &nodes, "node", |n| n.name.as_str());
    let both: [At<Node>; 2] = nodes.try_into().map_err(|_| Failed)?;
    let [first, second] = &both;
    if first.it.name == second.it.name {
        return Err(Failed);
    }
    // The order settles ties, so it is part of what the file means.
    r.meaning.insert("node".into(), format!("{}, {}", first.it.name, second.it.name));
    Ok(both)
}

/// The keys all paths have.
fn path<'t>(r: &mut Reader<'t>, tab: &Tab<'_, 't>, link: Read<Link>) -> Read<Path> {
    let name = tab.text(r, "name");
    let interval = tab.duration(r, "interval");
    let lost = tab.number(r, "lost");
    let good = tab.number(r, "good");
    let priority = tab.number(r, "priority");
    Ok(Path {
        name: PathName::new(&name?).map_err(|_| Failed)?,
        interval: interval?,
        lost: lost?,
        good: good?,
        priority: priority?,
        link: link?,
    })
}

fn udp_paths<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> (Vec<At<Path>>, usize) {
    let found = reader::tables(r, root, "", &schema::UDP);
    let mut paths = Vec::new();
    for place in &found {
        let tab = Tab::open(r, &schema::UDP, place.table(root, &schema::UDP), &place.at);
        let port = tab.number(r, "port");
        let interfaces = tab.node_texts(r, "interface");
        let addresses = tab.node_addresses(r, "address");
        let link = match (port, interfaces, addresses) {
            (Ok(port), Ok(PerNode([if_a, if_b])), Ok(PerNode([a, b]))) => Ok(Link::Udp {
                port,
                ends: PerNode([UdpEnd { interface: if_a, address: a }, UdpEnd { interface: if_b, address: b }]),
            }),
            _ => Err(Failed),
        };
        if let Ok(it) = path(r, &tab, link) {
            paths.push(At { at: place.at.clone(), it });
        }
    }
    (paths, found.len())
}

fn serial_paths<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> (Vec<At<Path>>, usize) {
    let found = reader::tables(r, root, "", &schema::SERIAL);
    let mut paths = Vec::new();
    for place in &found {
        let tab = Tab::open(r, &schema::SERIAL, place.table(root, &schema::SERIAL), &place.at);
        let baud = tab.number(r, "baud");
        let device = tab.node_files(r, "device");
        let link = match (baud, device) {
            (Ok(baud), Ok(device)) => Ok(Link::Serial { baud, device }),
            _ => Err(Failed),
        };
        if let Ok(it) = path(r, &tab, link) {
            paths.push(At { at: place.at.clone(), it });
        }
    }
    (paths, found.len())
}

fn disk_paths<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> (Vec<At<Path>>, usize) {
    let found = reader::tables(r, root, "", &schema::DISK);
    let mut paths = Vec::new();
    for place in &found {
        let tab = Tab::open(r, &schema::DISK, place.table(root, &schema::DISK), &place.at);
        let offset = tab.number(r, "offset");
        let device = tab.node_files(r, "device");
        let link = match (offset, device) {
            (Ok(offset), Ok(device)) => Ok(Link::Disk { device, offset }),
            _ => Err(Failed),
        };
        if let Ok(it) = path(r, &tab, link) {
            paths.push(At { at: place.at.clone(), it });
        }
    }
    (paths, found.len())
}

fn safety_check<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> Read<SafetyCheck> {
    let tab = single(r, root, &schema::SAFETY_CHECK)?;
    let port = tab.number(r, "port");
    let window = tab.duration(r, "window");
    let interval = tab.duration(r, "interval");
    let references = tab.addresses(r, "references");
    let exclude = tab.texts(r, "exclude_interfaces");
    let neighbours_required = tab.number(r, "neighbours_required");
    Ok(SafetyCheck {
        port: port?,
        window: window?,
        interval: interval?,
        references: references?,
        exclude_interfaces: exclude?,
        neighbours_required: neighbours_required?,
    })
}

fn boot<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> Read<Boot> {
    let tab = single(r, root, &schema::BOOT)?;
    let wait = tab.duration(r, "wait");
    let alone = match tab.text(r, "alone")?.as_str() {
        "last-active" => BootAlone::LastActive,
        "any" => BootAlone::Any,
        "never" => BootAlone::Never,
        _ => return Err(Failed),
    };
    Ok(Boot { wait: wait?, alone })
}

fn history<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> Read<History> {
    let tab = single(r, root, &schema::HISTORY)?;
    Ok(History { max_events: tab.number(r, "max_events")? })
}
