//! What a configuration is made of, as far as faults can strike it: networks and who hangs on them, paths by medium, resources,
//! who serves and who stands by.
//!
//! Pure, from the validated configuration only. A network is what the paths and addresses of one interface share: paths and
//! virtual addresses on the same interface of a node are taken to share its card, cable and switch.

use core::time::Duration;
use hotpair_config::model::{Config, Kind, Link, VolumeProtection};
use hotpair_types::{GroupName, Medium, NodeId, ResourceName};
use std::net::IpAddr;

/// Bits by which a reference address is matched with a path's network, whose prefix the configuration does not say.
const V4_PREFIX: u32 = 24;
const V6_PREFIX: u32 = 64;

/// A network between the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// Interface of each node.
    pub interfaces: [Vec<String>; 2],
    /// Heartbeat paths over it, by their place in the configuration.
    pub paths: Vec<usize>,
    /// Virtual addresses on it, by their place among all resources.
    pub addresses: Vec<usize>,
    /// The safety check may use it, on each node.
    pub probes: [bool; 2],
    /// Reference addresses are reached through it.
    pub references: bool,
}

impl Net {
    /// Its name for people: the interface, or both.
    pub fn name(&self) -> String {
        let [first, second] = self.interfaces.each_ref().map(|all| all.join("+"));
        if first == second { first } else { format!("{first}/{second}") }
    }
}

/// What a resource is, as far as faults differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A virtual address. `watched`: addresses behind the switch are asked whether the network works.
    Address {
        /// See above.
        watched: bool,
        /// Time spent looking for another holder before it is taken.
        conflict_check: Duration,
    },
    /// A volume, and what keeps the other node from writing it.
    Volume(VolumeProtection),
    /// A program.
    App,
}

/// A resource of the scene; its place in [`Scene::resources`] is the number faults name it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    /// Its group.
    pub group: GroupName,
    /// Its name.
    pub name: ResourceName,
    /// What it is.
    pub what: What,
}

/// The scene.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The configuration.
    pub config: Config,
    /// Networks, the one of the service first.
    pub nets: Vec<Net>,
    /// All resources of all groups, in order.
    pub resources: Vec<Thing>,
    /// The group that "owner" and "standby" are said of: the first that may run on both nodes.
    pub focus: usize,
    /// Who serves it when all is well.
    pub owner: NodeId,
}

impl Scene {
    /// From a configuration; `None` if it has no group, so that there is nothing to play.
    pub fn new(config: Config) -> Option<Self> {
        let focus = config.groups.iter().position(|g| g.nodes.len() == 2).unwrap_or(0);
        let owner = *config.groups.get(focus)?.nodes.first()?;
        let resources = resources(&config);
        let nets = nets(&config);
        Some(Self { config, nets, resources, focus, owner })
    }

    /// Who stands by.
    pub fn standby(&self) -> NodeId {
        self.owner.other()
    }

    /// A node's name.
    pub fn name(&self, node: NodeId) -> String {
        self.config.node(node).name.to_string()
    }

    /// The focus group's name.
    pub fn group(&self) -> Option<&GroupName> {
        self.config.groups.get(self.focus).map(|g| &g.name)
    }

    /// The focus group may run on both nodes.
    pub fn has_standby(&self) -> bool {
        self.config.groups.get(self.focus).is_some_and(|g| g.nodes.len() == 2)
    }

    /// Paths of a medium, by place.
    pub fn paths_of(&self, medium: Medium) -> Vec<usize> {
        let all = self.config.paths.iter().enumerate();
        all.filter(|(_, p)| p.medium() == medium).map(|(at, _)| at).collect()
    }

    /// Resources of the focus group that are wanted, by place.
    pub fn focus_resources(&self, wanted: impl Fn(&What) -> bool) -> Vec<usize> {
        let group = self.group();
        let all = self.resources.iter().enumerate();
        all.filter(|(_, r)| Some(&r.group) == group && wanted(&r.what)).map(|(at, _)| at).collect()
    }

    /// The network of the focus group's first address.
    pub fn service_net(&self) -> Option<usize> {
        let address = self.focus_resources(|w| matches!(w, What::Address { .. })).into_iter().next()?;
        self.nets.iter().position(|n| n.addresses.contains(&address))
    }

    /// Groups with a volume on which nothing of the storage refuses a second writer.
    pub fn plain_volume(&self, group: &GroupName) -> bool {
        self.volumes(group).any(|p| *p == VolumeProtection::None)
    }

    /// Protections of a group's volumes.
    pub fn volumes(&self, group: &GroupName) -> impl Iterator<Item = &VolumeProtection> {
        let ours = self.resources.iter().filter(move |r| r.group == *group);
        ours.filter_map(|r| if let What::Volume(protection) = &r.what { Some(protection) } else { None })
    }

    /// Reference addresses are configured.
    pub fn has_references(&self) -> bool {
        !self.config.safety_check.references.is_empty()
    }
}

fn resources(config: &Config) -> Vec<Thing> {
    let mut all = Vec::new();
    for group in &config.groups {
        for resource in &group.resources {
            let what = match &resource.kind {
                Kind::Ip(ip) => {
                    What::Address { watched: !ip.reachability.is_empty(), conflict_check: ip.conflict_check }
                }
                Kind::Volume(volume) => What::Volume(volume.protection.clone()),
                Kind::App(_) => What::App,
            };
            all.push(Thing { group: group.name.clone(), name: resource.name.clone(), what });
        }
    }
    all
}

/// A path's or an address's ends, and what hangs on them.
struct Piece {
    interfaces: [String; 2],
    path: Option<usize>,
    address: Option<usize>,
    networks: Vec<(IpAddr, u32)>,
}

fn pieces(config: &Config) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (number, resource) in config.groups.iter().flat_map(|g| &g.resources).enumerate() {
        if let Kind::Ip(ip) = &resource.kind {
            let interfaces = NodeId::BOTH.map(|n| ip.interface.of(n).clone());
            let networks = vec![(ip.address, u32::from(ip.prefix))];
            pieces.push(Piece { interfaces, path: None, address: Some(number), networks });
        }
    }
    for (at, path) in config.paths.iter().enumerate() {
        if let Link::Udp { ends, .. } = &path.link {
            let interfaces = NodeId::BOTH.map(|n| ends.of(n).interface.clone());
            let networks = NodeId::BOTH.map(|n| ends.of(n).address).map(|a| (a, default_prefix(a))).to_vec();
            pieces.push(Piece { interfaces, path: Some(at), address: None, networks });
        }
    }
    pieces
}

fn default_prefix(address: IpAddr) -> u32 {
    if address.is_ipv4() { V4_PREFIX } else { V6_PREFIX }
}

fn nets(config: &Config) -> Vec<Net> {
    let mut nets: Vec<(Net, Vec<(IpAddr, u32)>)> = Vec::new();
    for piece in pieces(config) {
        let shared = |net: &Net| (0..2).any(|i| net.interfaces[i].contains(&piece.interfaces[i]));
        let (mut joined, rest): (Vec<_>, Vec<_>) = nets.into_iter().partition(|(net, _)| shared(net));
        nets = rest;
        let mut all = if joined.is_empty() { None } else { Some(joined.remove(0)) }.unwrap_or_else(|| {
            let net = Net {
                interfaces: [Vec::new(), Vec::new()],
                paths: Vec::new(),
                addresses: Vec::new(),
                probes: [false; 2],
                references: false,
            };
            (net, Vec::new())
        });
        for (other, networks) in joined {
            all.0.paths.extend(other.paths);
            all.0.addresses.extend(other.addresses);
            all.1.extend(networks);
            for (mine, theirs) in all.0.interfaces.iter_mut().zip(other.interfaces) {
                mine.extend(theirs);
            }
        }
        for (known, new) in all.0.interfaces.iter_mut().zip(&piece.interfaces) {
            if !known.contains(new) {
                known.push(new.clone());
            }
        }
        all.0.paths.extend(piece.path);
        all.0.addresses.extend(piece.address);
        all.1.extend(piece.networks);
        nets.push(all);
    }
    // The service's network first, then as the paths are ordered.
    nets.sort_by_key(|(net, _)| (net.addresses.is_empty(), net.paths.iter().min().copied()));
    let excluded = &config.safety_check.exclude_interfaces;
    for (net, _) in &mut nets {
        net.probes = net.interfaces.each_ref().map(|all| all.iter().any(|i| !excluded.contains(i)));
    }
    let references = &config.safety_check.references;
    let near = |networks: &[(IpAddr, u32)]| references.iter().any(|r| networks.iter().any(|(a, p)| within(*r, *a, *p)));
    let mut found = false;
    for (net, networks) in &mut nets {
        net.references = near(networks);
        found |= net.references;
    }
    if let (false, false, Some((first, _))) = (found, references.is_empty(), nets.first_mut()) {
        // Behind a router: through the service's network.
        first.references = true;
    }
    nets.into_iter().map(|(net, _)| net).collect()
}

fn within(address: IpAddr, network: IpAddr, prefix: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            let shift = 32_u32.saturating_sub(prefix);
            u32::from(a).checked_shr(shift).unwrap_or(0) == u32::from(n).checked_shr(shift).unwrap_or(0)
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            let shift = 128_u32.saturating_sub(prefix);
            u128::from(a).checked_shr(shift).unwrap_or(0) == u128::from(n).checked_shr(shift).unwrap_or(0)
        }
        _ => false,
    }
}
