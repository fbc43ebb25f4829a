//! Relations between values: what no single key can get wrong alone. Each finding names the place that should change.

use crate::build::{At, Draft};
use crate::build_groups::DraftGroup;
use crate::guarantee;
use crate::model::{FsType, Group, GuaranteeLevel, Kind, Link, Path, Resource, Runner, VolumeProtection};
use crate::reader::Reader;
use crate::values::show_duration;
use hotpair_types::NodeId;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// Most paths a pair can have: the wire format's limit (reports on all of them fit every frame).
pub const MAX_PATHS: usize = 16;
/// Bits on the line for one byte: start bit, 8 data bits, stop bit.
const BITS_PER_BYTE: u64 = 10;

/// All relations.
pub fn check(r: &mut Reader<'_>, draft: &Draft) {
    if draft.paths_in_file == 0 {
        r.error("C040", "", &[]);
    }
    for path in &draft.paths {
        one_path(r, path, draft.paths_in_file);
    }
    wire_names(r, draft);
    path_collisions(r, draft);
    references(r, draft);
    crate::check_arbiters::check(r, draft);
    for group in &draft.groups {
        one_group(r, draft, group);
    }
    between_groups(r, draft);
}

pub fn place(r: &Reader<'_>, at: &str, node: NodeId, key: &str) -> String {
    let name = r.nodes.as_ref().map(|[a, b]| if node == NodeId::FIRST { a } else { b }.to_string());
    r.per_node_place(at, name.as_deref().unwrap_or_default(), key)
}

fn one_path(r: &mut Reader<'_>, path: &At<Path>, paths: usize) {
    match &path.it.link {
        Link::Udp { ends, .. } => {
            let [a, b] = [ends.of(NodeId::FIRST).address, ends.of(NodeId::SECOND).address];
            let at = place(r, &path.at, NodeId::SECOND, "address");
            if a == b {
                r.error("C041", &at, &[("address", &a.to_string())]);
            } else if a.is_ipv4() != b.is_ipv4() {
                r.error("C042", &at, &[("first", &a.to_string()), ("second", &b.to_string())]);
            }
            for node in NodeId::BOTH {
                let address = ends.of(node).address;
                if address.is_loopback() {
                    let at = place(r, &path.at, node, "address");
                    r.error("C045", &at, &[("address", &address.to_string())]);
                }
            }
        }
        Link::Disk { .. } => {}
        Link::Serial { baud, .. } => {
            let smallest = serial_interval(*baud, paths);
            if path.it.interval < smallest {
                let args = [
                    ("interval", show_duration(path.it.interval)),
                    ("baud", baud.to_string()),
                    ("bytes", serial_frame_bytes(paths).to_string()),
                    ("smallest", show_duration(smallest)),
                ];
                let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
                r.error("C046", &format!("{}.interval", path.at), &args);
            }
        }
    }
}

/// The longest heartbeat without advert on a serial line, in bytes: header, two echoes, a report for each path, tag,
/// a little advert, and what framing adds.
pub fn serial_frame_bytes(paths: usize) -> u64 {
    188 + 4 * u64::try_from(paths.min(MAX_PATHS)).unwrap_or(0)
}

/// The smallest interval at which heartbeats use half of a serial line, rounded up to a whole millisecond.
pub fn serial_interval(baud: u32, paths: usize) -> Duration {
    let millis = (serial_frame_bytes(paths) * BITS_PER_BYTE * 2 * 1000).div_ceil(u64::from(baud.max(1)));
    Duration::from_millis(millis)
}

/// The wire names paths by 16 bits of a hash of their names (once in 65536 pairs of names, two are the same), and
/// has room for a limited number.
fn wire_names(r: &mut Reader<'_>, draft: &Draft) {
    let tag = |name: &str| {
        let hash = Sha256::new().chain_update(b"hotpair path ").chain_update(name).finalize();
        hash.iter().take(2).copied().collect::<Vec<u8>>()
    };
    if let Some(path) = draft.paths.get(MAX_PATHS) {
        r.error("C050", &path.at, &[("count", &draft.paths_in_file.to_string()), ("most", &MAX_PATHS.to_string())]);
    }
    for (index, path) in draft.paths.iter().enumerate() {
        let name = path.it.name.as_str();
        let twin =
            draft.paths.iter().take(index).map(|p| p.it.name.as_str()).find(|n| *n != name && tag(n) == tag(name));
        if let Some(twin) = twin {
            r.error("C051", &format!("{}.name", path.at), &[("name", name), ("other", twin)]);
        }
    }
}

/// Two sockets on one address and port, one device for two paths, the safety check's port.
fn path_collisions(r: &mut Reader<'_>, draft: &Draft) {
    for (index, path) in draft.paths.iter().enumerate() {
        if let (Link::Udp { port, .. }, Ok(safety)) = (&path.it.link, &draft.safety_check)
            && *port == safety.port
        {
            let key = if r.has_place("safety_check.port") {
                "safety_check.port".to_owned()
            } else {
                format!("{}.port", path.at)
            };
            r.error("C044", &key, &[("port", &port.to_string()), ("path", path.it.name.as_str())]);
        }
        for earlier in draft.paths.iter().take(index) {
            for node in NodeId::BOTH {
                collision(r, path, earlier, node);
            }
        }
    }
}

fn collision(r: &mut Reader<'_>, path: &At<Path>, earlier: &At<Path>, node: NodeId) {
    let other = earlier.it.name.as_str();
    match (&path.it.link, &earlier.it.link) {
        (Link::Udp { port, ends }, Link::Udp { port: port2, ends: ends2 }) => {
            let address = ends.of(node).address;
            if port == port2 && address == ends2.of(node).address {
                let at = place(r, &path.at, node, "address");
                r.error(
                    "C043",
                    &at,
                    &[("address", &address.to_string()), ("port", &port.to_string()), ("path", other)],
                );
            }
        }
        (Link::Serial { device, .. }, Link::Serial { device: device2, .. }) if device.of(node) == device2.of(node) => {
            let at = place(r, &path.at, node, "device");
            r.error("C047", &at, &[("device", &device.of(node).display().to_string()), ("path", other)]);
        }
        _ => {}
    }
}

/// Every address a node has by the configuration.
pub fn own_addresses(draft: &Draft, node: NodeId) -> BTreeSet<IpAddr> {
    let mut own: BTreeSet<IpAddr> = draft
        .paths
        .iter()
        .filter_map(|path| match &path.it.link {
            Link::Udp { ends, .. } => Some(ends.of(node).address),
            Link::Serial { .. } | Link::Disk { .. } => None,
        })
        .collect();
    if let Ok([first, second]) = &draft.nodes {
        own.extend(if node == NodeId::FIRST { &first.it.addresses } else { &second.it.addresses });
    }
    own
}

/// References that are the nodes themselves say nothing about the network; one address cannot belong to both nodes.
fn references(r: &mut Reader<'_>, draft: &Draft) {
    let own = NodeId::BOTH.map(|node| own_addresses(draft, node));
    let [first, second] = &own;
    if let Ok(safety) = &draft.safety_check {
        for reference in &safety.references {
            if first.contains(reference) || second.contains(reference) {
                r.error("C048", "safety_check.references", &[("address", &reference.to_string())]);
            }
        }
    }
    if let Ok([_, node]) = &draft.nodes {
        for address in node.it.addresses.iter().filter(|a| first.contains(a)) {
            r.error("C049", &format!("{}.addresses", node.at), &[("address", &address.to_string())]);
        }
    }
}

fn one_group(r: &mut Reader<'_>, draft: &Draft, group: &DraftGroup) {
    if group.complete && group.resources.is_empty() {
        r.error("C060", &group.at, &[("group", &group.name)]);
    }
    cycle(r, group);
    for resource in &group.resources {
        one_resource(r, draft, resource);
    }
    let Ok(settings) = &group.group else { return };
    let unprotected = group
        .resources
        .iter()
        .find(|res| matches!(&res.it.kind, Kind::Volume(v) if v.protection == VolumeProtection::None));
    if let (Some(volume), None) = (unprotected, settings.lease) {
        r.error(
            "C068",
            &format!("{}.protection", volume.at),
            &[("resource", volume.it.name.as_str()), ("group", &group.name)],
        );
    }
    if group.complete && !group.resources.is_empty() {
        let reached = reached(draft, group, settings);
        // Where a third party could not be read, that is what has to be corrected.
        let readable = draft.arbiters.witness.is_ok() && draft.arbiters.all_fences;
        if readable && reached < settings.require {
            let args =
                [("group", group.name.as_str()), ("wanted", settings.require.as_str()), ("reached", reached.as_str())];
            r.error("C069", &format!("{}.require", group.at), &args);
        }
    }
    lease_time(r, draft, group, settings.lease);
}

/// The level that a group reaches with what the file has.
fn reached(draft: &Draft, group: &DraftGroup, settings: &Group) -> GuaranteeLevel {
    let fences = &draft.arbiters.fences;
    let thirds = guarantee::Thirds {
        witness: draft.arbiters.witness.as_ref().ok().and_then(Option::as_ref),
        fenced: NodeId::BOTH.map(|node| fences.iter().any(|f| f.it.node == node)),
        watchdog: draft.arbiters.watchdog.as_ref().ok().and_then(Option::as_ref),
    };
    guarantee::of_parts(settings, group.resources.iter().map(|res| &res.it), &thirds).level()
}

/// Without a watchdog the inequality of the lease is: the paths must be judged down, and the safety check must have
/// spoken, before the lease of a node that still hears its peer could run out.
fn lease_time(r: &mut Reader<'_>, draft: &Draft, group: &DraftGroup, lease: Option<Duration>) {
    let (Some(lease), Ok(safety)) = (lease, &draft.safety_check) else { return };
    let slowest = draft.paths.iter().map(|p| p.it.detection()).max().unwrap_or_default();
    let needed = slowest.saturating_add(safety.window);
    if lease <= needed {
        let args = [("lease", show_duration(lease)), ("needed", show_duration(needed))];
        let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
        r.error("C070", &format!("{}.lease", group.at), &args);
    }
}

/// A cycle in `after`: what remains when everything whose predecessors are done has been taken away, again and again.
fn cycle(r: &mut Reader<'_>, group: &DraftGroup) {
    let mut waiting: Vec<&At<Resource>> = group.resources.iter().collect();
    loop {
        let names: BTreeSet<&str> = waiting.iter().map(|res| res.it.name.as_str()).collect();
        let before = waiting.len();
        waiting.retain(|res| res.it.after.iter().any(|name| names.contains(name.as_str())));
        if waiting.len() == before {
            break;
        }
    }
    // What only waits for the circle is not part of it.
    loop {
        let needed: BTreeSet<&str> =
            waiting.iter().flat_map(|res| res.it.after.iter().map(hotpair_types::ResourceName::as_str)).collect();
        let before = waiting.len();
        waiting.retain(|res| needed.contains(res.it.name.as_str()));
        if waiting.len() == before {
            break;
        }
    }
    if let Some(first) = waiting.first() {
        let names = waiting.iter().map(|res| res.it.name.as_str()).collect::<Vec<_>>().join(", ");
        r.error("C063", &format!("{}.after", first.at), &[("names", &names)]);
    }
}

fn one_resource(r: &mut Reader<'_>, draft: &Draft, resource: &At<Resource>) {
    match &resource.it.kind {
        Kind::Ip(ip) => {
            let own = NodeId::BOTH.map(|node| own_addresses(draft, node));
            if own.iter().any(|addresses| addresses.contains(&ip.address)) {
                r.error("C067", &format!("{}.address", resource.at), &[("address", &ip.address.to_string())]);
            }
            let wrong = ip.reachability.iter().find(|a| a.is_ipv4() != ip.address.is_ipv4() || **a == ip.address);
            if let Some(wrong) = wrong {
                let args = [("address", wrong.to_string()), ("vip", ip.address.to_string())];
                let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
                r.error("C071", &format!("{}.reachability", resource.at), &args);
            }
        }
        Kind::Volume(volume) => {
            if volume.protection == VolumeProtection::Mmp && volume.fs != FsType::Ext4 {
                r.error("C074", &format!("{}.protection", resource.at), &[("fs", volume.fs.as_str())]);
            }
            if let VolumeProtection::Lease { device, .. } = &volume.protection {
                for node in NodeId::BOTH {
                    let lease = device.of(node);
                    if lease.as_os_str() == volume.device.of(node).as_str() || lease.starts_with(&volume.mount_point) {
                        let at = place(r, &resource.at, node, "lease_device");
                        r.error("C073", &at, &[("device", &lease.display().to_string())]);
                    }
                }
            }
            for option in volume.options.iter().filter(|o| o.is_empty() || o.contains(',') || o.as_str() == "ro") {
                r.error("C075", &format!("{}.options", resource.at), &[("option", option)]);
            }
        }
        Kind::App(app) => {
            if let Runner::Exec { codes, .. } = &app.runner {
                let both = codes.running.iter().find(|code| codes.stopped.contains(code));
                if let Some(code) = both {
                    let key = if r.has_place(&format!("{}.stopped_codes", resource.at)) {
                        "stopped_codes"
                    } else {
                        "running_codes"
                    };
                    r.error("C079", &format!("{}.{key}", resource.at), &[("code", &code.to_string())]);
                }
                if codes.running.is_empty() {
                    r.error("C016", &format!("{}.running_codes", resource.at), &[("key", "running_codes")]);
                }
            }
        }
    }
}

/// One address, mount point or device belongs to one resource.
fn between_groups(r: &mut Reader<'_>, draft: &Draft) {
    let all: Vec<(&str, &At<Resource>)> =
        draft.groups.iter().flat_map(|g| g.resources.iter().map(move |res| (g.name.as_str(), res))).collect();
    for (index, (_, resource)) in all.iter().enumerate() {
        for (group, earlier) in all.iter().take(index) {
            let other = format!("{group}/{}", earlier.it.name);
            match (&resource.it.kind, &earlier.it.kind) {
                (Kind::Ip(a), Kind::Ip(b)) if a.address == b.address => {
                    let args = [("address", a.address.to_string()), ("other", other)];
                    let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
                    r.error("C065", &format!("{}.address", resource.at), &args);
                }
                (Kind::Volume(a), Kind::Volume(b)) => {
                    if a.mount_point == b.mount_point {
                        let args = [("path", a.mount_point.display().to_string()), ("other", other.clone())];
                        let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
                        r.error("C066", &format!("{}.mount_point", resource.at), &args);
                    }
                    if let Some(node) = NodeId::BOTH.into_iter().find(|n| a.device.of(*n) == b.device.of(*n)) {
                        let at = place(r, &resource.at, node, "device");
                        r.error("C072", &at, &[("device", a.device.of(node)), ("other", &other)]);
                    }
                }
                _ => {}
            }
        }
    }
}
