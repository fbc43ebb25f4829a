//! Warnings: configurations that work and are weaker than they look (S24). Only given when there is no error.

use crate::build::{At, Draft};
use crate::model::{BootAlone, Group, Kind, Link, Path, Resource, UdpEnd, VolumeProtection};
use crate::reader::Reader;
use crate::values::show_duration;
use hotpair_types::NodeId;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Lines or bits that two addresses must share to count as one network when no prefix is known.
const V4_PREFIX: u32 = 24;
const V6_PREFIX: u32 = 64;

/// All warnings.
pub fn warn(r: &mut Reader<'_>, draft: &Draft) {
    media(r, &draft.paths);
    let udp = udp_ends(&draft.paths);
    shared_interface(r, &udp);
    shared_network(r, &udp);
    if draft.paths.iter().all(|p| matches!(p.it.link, Link::Udp { .. })) {
        r.warn("C105", "", &[]);
    }
    if draft.safety_check.as_ref().is_ok_and(|s| s.references.is_empty()) {
        r.warn("C106", "safety_check", &[]);
    }
    if draft.boot.as_ref().is_ok_and(|b| b.alone == BootAlone::Any) {
        r.warn("C115", "boot.alone", &[]);
    }
    if draft.groups.is_empty() {
        r.warn("C114", "", &[]);
    }
    crate::check_arbiters::warn(r, draft);
    let detection = draft.paths.iter().map(|p| p.it.detection()).max().unwrap_or_default();
    for group in &draft.groups {
        let Ok(settings) = &group.group else { continue };
        if settings.nodes.len() == 1 {
            r.warn("C108", &format!("{}.nodes", group.at), &[("group", &group.name)]);
        }
        group_times(r, &group.at, settings, &group.resources, detection);
        for resource in &group.resources {
            one_resource(r, resource, &udp);
        }
    }
}

type Ends<'a> = Vec<(&'a At<Path>, [&'a UdpEnd; 2])>;

fn udp_ends(paths: &[At<Path>]) -> Ends<'_> {
    paths
        .iter()
        .filter_map(|path| match &path.it.link {
            Link::Udp { ends, .. } => Some((path, NodeId::BOTH.map(|node| ends.of(node)))),
            Link::Serial { .. } | Link::Disk { .. } => None,
        })
        .collect()
}

fn media(r: &mut Reader<'_>, paths: &[At<Path>]) {
    match paths {
        [] => {}
        [only] => r.warn("C101", &only.at, &[("path", only.it.name.as_str())]),
        [first, rest @ ..] => {
            let medium = first.it.medium();
            if rest.iter().all(|p| p.it.medium() == medium) {
                let word = match first.it.link {
                    Link::Udp { .. } => "UDP",
                    Link::Serial { .. } => "RS-232",
                    Link::Disk { .. } => "disk",
                };
                r.warn(
                    "C102",
                    &rest.last().unwrap_or(first).at,
                    &[("count", &paths.len().to_string()), ("medium", word)],
                );
            }
        }
    }
}

/// Every UDP path on one interface of a node: one card, one cable.
fn shared_interface(r: &mut Reader<'_>, udp: &Ends<'_>) {
    if udp.len() < 2 {
        return;
    }
    let Some(nodes) = r.nodes.clone() else { return };
    for (node, name) in NodeId::BOTH.into_iter().zip(&nodes) {
        let interfaces: BTreeSet<&str> =
            udp.iter().map(|(_, [a, b])| if node == NodeId::FIRST { a } else { b }.interface.as_str()).collect();
        if let (1, Some(interface), Some((last, _))) = (interfaces.len(), interfaces.first(), udp.last()) {
            let at = r.per_node_place(&last.at, name.as_str(), "interface");
            r.warn("C103", &at, &[("node", name.as_str()), ("interface", interface)]);
        }
    }
}

/// Every UDP path in one network: probably one switch.
fn shared_network(r: &mut Reader<'_>, udp: &Ends<'_>) {
    let networks: BTreeSet<(bool, u128)> =
        udp.iter().flat_map(|(_, ends)| ends.iter().map(|end| network(end.address))).collect();
    if let (true, 1, Some((last, [end, _]))) = (udp.len() > 1, networks.len(), udp.last()) {
        r.warn("C104", &last.at, &[("address", &end.address.to_string())]);
    }
}

fn network(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(v4) => (true, u128::from(u32::from(v4) >> (32 - V4_PREFIX))),
        IpAddr::V6(v6) => (false, u128::from(v6) >> (128 - V6_PREFIX)),
    }
}

fn group_times(
    r: &mut Reader<'_>,
    at: &str,
    group: &Group,
    resources: &[At<Resource>],
    detection: std::time::Duration,
) {
    let plain = resources
        .iter()
        .any(|res| matches!(&res.it.kind, Kind::Volume(volume) if volume.protection == VolumeProtection::None));
    if let (Some(lease), true) = (group.lease, plain) {
        let args = [("lease", show_duration(lease)), ("detection", show_duration(detection))];
        let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
        r.warn("C111", &format!("{at}.lease"), &args);
    }
    for resource in resources {
        let Kind::Volume(volume) = &resource.it.kind else { continue };
        match &volume.protection {
            VolumeProtection::Lease { duration, .. } if *duration > detection => {
                let args = [("lease", show_duration(*duration)), ("detection", show_duration(detection))];
                let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
                r.warn("C110", &format!("{}.lease_duration", resource.at), &args);
            }
            VolumeProtection::None => {
                r.warn("C112", &format!("{}.protection", resource.at), &[("resource", resource.it.name.as_str())]);
            }
            _ => {}
        }
    }
}

fn one_resource(r: &mut Reader<'_>, resource: &At<Resource>, udp: &Ends<'_>) {
    let Kind::Ip(ip) = &resource.it.kind else { return };
    let Some(nodes) = r.nodes.clone() else { return };
    for (node, name) in NodeId::BOTH.into_iter().zip(&nodes) {
        let interface = ip.interface.of(node);
        let beats = udp.iter().any(|(_, [a, b])| if node == NodeId::FIRST { a } else { b }.interface == *interface);
        if !beats {
            let at = r.per_node_place(&resource.at, name.as_str(), "interface");
            r.warn(
                "C107",
                &at,
                &[("address", &ip.address.to_string()), ("interface", interface), ("node", name.as_str())],
            );
        }
    }
}
