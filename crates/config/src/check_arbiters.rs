//! Relations of disk paths, neighbours, witness, fence devices and watchdog.

use crate::build::{At, Draft};
use crate::check::{own_addresses, place};
use crate::guarantee;
use crate::model::{Fence, GuaranteeLevel, Kind, Link, VolumeProtection, Watchdog, Witness};
use crate::reader::Reader;
use crate::values::show_duration;
use hotpair_types::NodeId;
use hotpair_types::timing::{self, Guard, Margins};
use std::path::Path;
use std::time::Duration;

/// Size and alignment of blocks on a shared disk.
const BLOCK: u64 = 4096;
/// Bytes of a disk path's area.
pub const DISK_AREA: u64 = 3 * BLOCK;
/// Bytes of a disk lease, from the beginning of its device.
const LEASE_AREA: u64 = 2 * BLOCK;
/// So often must a vote be renewable within its life.
const VOTE_TRIES: u32 = 3;
/// Parameters that hotpair gives to a fence agent itself.
const OWN_PARAMETERS: [&str; 3] = ["action", "option", "delay"];
/// The arbiter renews a lease when this part of it has passed.
const LEASE_RENEWALS: u32 = 3;
/// Both sides' delays must differ by this much at least.
const DELAY_GAP: Duration = Duration::from_secs(1);

/// All relations.
pub fn check(r: &mut Reader<'_>, draft: &Draft) {
    disks(r, draft);
    neighbours(r, draft);
    if let Ok(Some(witness)) = &draft.arbiters.witness {
        one_witness(r, witness);
    }
    for fence in &draft.arbiters.fences {
        one_fence(r, fence);
    }
    if draft.arbiters.all_fences {
        mutual_fencing(r, &draft.arbiters.fences);
    }
    if let Ok(Some(watchdog)) = &draft.arbiters.watchdog {
        one_watchdog(r, draft, watchdog);
    }
}

/// An area on a disk: who uses it, and from where to where.
struct Area<'a> {
    at: &'a str,
    key: &'static str,
    device: [&'a Path; 2],
    from: u64,
    length: u64,
    user: String,
}

fn areas(draft: &Draft) -> Vec<Area<'_>> {
    let mut areas = Vec::new();
    for group in &draft.groups {
        for resource in &group.resources {
            let Kind::Volume(volume) = &resource.it.kind else { continue };
            if let VolumeProtection::Lease { device, .. } = &volume.protection {
                areas.push(Area {
                    at: &resource.at,
                    key: "lease_device",
                    device: NodeId::BOTH.map(|node| device.of(node).as_path()),
                    from: 0,
                    length: LEASE_AREA,
                    user: format!("{}/{}", group.name, resource.it.name),
                });
            }
        }
    }
    for path in &draft.paths {
        if let Link::Disk { device, offset } = &path.it.link {
            areas.push(Area {
                at: &path.at,
                key: "device",
                device: NodeId::BOTH.map(|node| device.of(node).as_path()),
                from: *offset,
                length: DISK_AREA,
                user: path.it.name.to_string(),
            });
        }
    }
    areas
}

fn disks(r: &mut Reader<'_>, draft: &Draft) {
    for path in &draft.paths {
        if let Link::Disk { offset, .. } = path.it.link
            && !offset.is_multiple_of(BLOCK)
        {
            r.error("C087", &format!("{}.offset", path.at), &[("offset", &offset.to_string())]);
        }
    }
    let areas = areas(draft);
    for (index, area) in areas.iter().enumerate() {
        for earlier in areas.iter().take(index) {
            let apart = area.from + area.length <= earlier.from || earlier.from + earlier.length <= area.from;
            let shared = NodeId::BOTH.into_iter().find(|n| area.device.get(n.index()) == earlier.device.get(n.index()));
            if let (Some(node), false) = (shared, apart) {
                let at = place(r, area.at, node, area.key);
                let device = area.device.get(node.index()).map(|d| d.display().to_string()).unwrap_or_default();
                r.error("C088", &at, &[("device", &device), ("user", &area.user), ("other", &earlier.user)]);
            }
        }
    }
    on_volumes(r, draft, &areas);
}

/// An area inside of a volume that is mounted would be overwritten by the file system, and would overwrite it.
fn on_volumes(r: &mut Reader<'_>, draft: &Draft, areas: &[Area<'_>]) {
    for area in areas.iter().filter(|area| area.key == "device") {
        for volume in draft.groups.iter().flat_map(|g| &g.resources) {
            let Kind::Volume(it) = &volume.it.kind else { continue };
            for (node, device) in NodeId::BOTH.into_iter().zip(area.device) {
                if device.as_os_str() == it.device.of(node).as_str() || device.starts_with(&it.mount_point) {
                    let at = place(r, area.at, node, area.key);
                    r.error(
                        "C092",
                        &at,
                        &[("device", &device.display().to_string()), ("volume", volume.it.name.as_str())],
                    );
                }
            }
        }
    }
}

fn neighbours(r: &mut Reader<'_>, draft: &Draft) {
    let all = &draft.arbiters.neighbours;
    if let Ok(safety) = &draft.safety_check {
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        if safety.neighbours_required > count {
            let args = [("required", safety.neighbours_required.to_string()), ("count", count.to_string())];
            let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
            r.error("C089", "safety_check.neighbours_required", &args);
        }
    }
    for (index, neighbour) in all.iter().enumerate() {
        let address = neighbour.it.address;
        let own = NodeId::BOTH.into_iter().any(|node| own_addresses(draft, node).contains(&address));
        if own {
            r.error("C090", &format!("{}.address", neighbour.at), &[("address", &address.to_string())]);
        }
        let twin = all.iter().take(index).find(|n| n.it.address == address && n.it.port == neighbour.it.port);
        if let Some(twin) = twin {
            let args = [("address", address.to_string()), ("other", twin.it.name.clone())];
            let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
            r.error("C093", &format!("{}.address", neighbour.at), &args);
        }
    }
}

fn whole_seconds(r: &mut Reader<'_>, at: &str, key: &str, value: Duration) {
    if value.subsec_nanos() != 0 {
        r.error("C081", at, &[("key", key), ("value", &show_duration(value))]);
    }
}

fn one_witness(r: &mut Reader<'_>, witness: &Witness) {
    if witness.endpoints.is_empty() {
        r.error("C016", "witness.endpoints", &[("key", "endpoints")]);
    }
    whole_seconds(r, "witness.ttl", "ttl", witness.ttl);
    if witness.timeout.saturating_mul(VOTE_TRIES) > witness.ttl {
        let args = [("ttl", show_duration(witness.ttl)), ("timeout", show_duration(witness.timeout))];
        let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
        r.error("C082", "witness.timeout", &args);
    }
    if let Some(plain) = witness.endpoints.iter().find(|e| e.starts_with("http://")) {
        let key = match (&witness.ca_file, &witness.certificate, &witness.login) {
            (Some(_), ..) => Some("ca_file"),
            (_, Some(_), _) => Some("cert_file"),
            (.., Some(_)) => Some("password_file"),
            _ => None,
        };
        if let Some(key) = key {
            r.error("C083", "witness.endpoints", &[("endpoint", plain), ("key", key)]);
        }
    }
}

fn one_fence(r: &mut Reader<'_>, fence: &At<Fence>) {
    let it = &fence.it;
    for key in it.parameters.keys().chain(it.secrets.keys()) {
        if OWN_PARAMETERS.contains(&key.as_str()) {
            r.error("C085", &format!("{}.parameters", fence.at), &[("key", key)]);
        }
    }
    if let Some(both) = it.secrets.keys().find(|key| it.parameters.contains_key(*key)) {
        r.error("C086", &format!("{}.secrets", fence.at), &[("key", both)]);
    }
}

/// Waiting time of the side that uses these devices.
pub fn delay<'a>(fences: impl Iterator<Item = &'a Fence>, node: NodeId) -> Option<Duration> {
    fences.filter(|f| f.node == node).map(|f| f.delay).max()
}

/// FAULTS S12: in one event at most one of the two nodes is switched off.
fn mutual_fencing(r: &mut Reader<'_>, fences: &[At<Fence>]) {
    let of = |node| delay(fences.iter().map(|f| &f.it), node);
    let (Some(first), Some(second)) = (of(NodeId::FIRST), of(NodeId::SECOND)) else { return };
    if first.abs_diff(second) < DELAY_GAP
        && let Some(last) = fences.last()
    {
        let args = [("first", show_duration(first)), ("second", show_duration(second))];
        let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
        r.error("C084", &format!("{}.delay", last.at), &args);
    }
}

fn one_watchdog(r: &mut Reader<'_>, draft: &Draft, watchdog: &Watchdog) {
    whole_seconds(r, "watchdog.timeout", "timeout", watchdog.timeout);
    let witness = draft.arbiters.witness.as_ref().ok().and_then(Option::as_ref);
    for group in &draft.groups {
        let Ok(settings) = &group.group else { continue };
        let plain = group
            .resources
            .iter()
            .any(|res| matches!(&res.it.kind, Kind::Volume(v) if v.protection == VolumeProtection::None));
        let bound = guarantee::bound_term(settings, witness);
        let waited = bound.or_else(|| settings.lease.filter(|_| plain));
        if let Some(term) = waited {
            let at = if bound.is_some() && witness.is_some_and(|w| w.ttl == term) { "witness.ttl" } else { "" };
            let at = if at.is_empty() { format!("{}.lease", group.at) } else { at.to_owned() };
            inequality(r, watchdog, &Wait { at, what: group.name.clone(), term, take: timing::take_after(term) });
        }
        if let Some(lease) = settings.lease {
            renewal(r, watchdog, &group.at, &group.name, lease);
        }
        for resource in &group.resources {
            let Kind::Volume(volume) = &resource.it.kind else { continue };
            if let VolumeProtection::Lease { duration, .. } = &volume.protection {
                // The lease keeper of the other node waits an eighth longer.
                let take = *duration + *duration / 8;
                let at = format!("{}.lease_duration", resource.at);
                let what = format!("{}/{}", group.name, resource.it.name);
                inequality(r, watchdog, &Wait { at, what, term: *duration, take });
            }
        }
    }
}

/// A wait of a takeover that is to outlast a node which its watchdog resets.
struct Wait {
    at: String,
    what: String,
    term: Duration,
    take: Duration,
}

/// FAULTS 1.6: (W + R)(1 + rho) + J <= T_take (1 - rho), or the other node takes over before the watchdog has ended the owner.
fn inequality(r: &mut Reader<'_>, watchdog: &Watchdog, wait: &Wait) {
    let margins = Margins::default();
    let guard = Guard::PetOnRenewal { watchdog: watchdog.timeout, reset: watchdog.reset_time };
    if timing::holds(guard, wait.take, margins) {
        return;
    }
    let room = timing::longest_effect_for(wait.take, margins).and_then(|e| e.checked_sub(watchdog.reset_time));
    let longest = room.map(|room| Duration::from_secs(room.as_secs())).filter(|room| !room.is_zero());
    let needed = timing::needed(guard, margins);
    let args = [
        ("what", wait.what.clone()),
        ("term", show_duration(wait.term)),
        ("take", millis(wait.take)),
        ("watchdog", show_duration(watchdog.timeout)),
        ("reset", show_duration(watchdog.reset_time)),
        ("needed", millis(needed)),
        ("longest", longest.map_or_else(|| "-".to_owned(), show_duration)),
        ("shortest", show_duration(Duration::from_secs(needed.as_secs() + u64::from(needed.subsec_nanos() > 0)))),
    ];
    let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
    r.error("C091", &wait.at, &args);
}

/// Rounded up to a whole millisecond.
fn millis(d: Duration) -> String {
    let millis = d.as_nanos().div_ceil(1_000_000);
    show_duration(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

/// Between two renewals of a right that is in order the watchdog must not fire.
fn renewal(r: &mut Reader<'_>, watchdog: &Watchdog, at: &str, group: &str, lease: Duration) {
    let each = lease / LEASE_RENEWALS;
    if each + timing::SAMPLING * 2 >= watchdog.timeout {
        let args = [
            ("group", group.to_owned()),
            ("each", millis(each)),
            ("watchdog", show_duration(watchdog.timeout)),
            ("lease", show_duration(lease)),
        ];
        let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
        r.error("C094", &format!("{at}.lease"), &args);
    }
}

/// A delay below this seldom outlasts the switching off of the other side.
const SHORT_DELAY: Duration = Duration::from_secs(5);

/// What works and is weaker than it looks.
pub fn warn(r: &mut Reader<'_>, draft: &Draft) {
    let witness = draft.arbiters.witness.as_ref().ok().and_then(Option::as_ref);
    let detection = draft.paths.iter().map(|p| p.it.detection()).max().unwrap_or_default();
    if let Some(witness) = witness {
        if let Some(plain) = witness.endpoints.iter().find(|e| e.starts_with("http://")) {
            r.warn("C116", "witness.endpoints", &[("endpoint", plain)]);
        }
        if witness.ttl > detection {
            let args = [("ttl", show_duration(witness.ttl)), ("detection", show_duration(detection))];
            let args = args.each_ref().map(|(n, v)| (*n, v.as_str()));
            r.warn("C122", "witness.ttl", &args);
        }
    }
    warn_fences(r, draft);
    let two = draft.groups.iter().filter(|g| g.group.as_ref().is_ok_and(|s| s.nodes.len() == 2));
    for group in two {
        let Ok(settings) = &group.group else { continue };
        let at = format!("{}.require", group.at);
        if witness.is_some() && settings.require < GuaranteeLevel::Witnessed {
            r.warn("C120", &at, &[("group", &group.name)]);
        }
        if !draft.arbiters.fences.is_empty() && settings.require < GuaranteeLevel::Fenced {
            r.warn("C121", &at, &[("group", &group.name)]);
        }
    }
    let leased = draft.groups.iter().any(|group| {
        let disk = group.resources.iter().any(
            |res| matches!(&res.it.kind, Kind::Volume(v) if matches!(v.protection, VolumeProtection::Lease { .. })),
        );
        disk || group.group.as_ref().is_ok_and(|g| g.lease.is_some())
    });
    if matches!(draft.arbiters.watchdog, Ok(Some(_))) && !leased {
        r.warn("C117", "watchdog", &[]);
    }
}

fn warn_fences(r: &mut Reader<'_>, draft: &Draft) {
    let fences = &draft.arbiters.fences;
    let Some(last) = fences.last() else { return };
    let delays = NodeId::BOTH.map(|node| delay(fences.iter().map(|f| &f.it), node));
    match delays {
        [Some(a), Some(b)] if a.abs_diff(b) < SHORT_DELAY => {
            r.warn("C119", &format!("{}.delay", last.at), &[("gap", &show_duration(a.abs_diff(b)))]);
        }
        [Some(_), None] | [None, Some(_)] => {
            let missing = if delays.first().is_some_and(Option::is_none) { NodeId::FIRST } else { NodeId::SECOND };
            let name = r.nodes.as_ref().map(|[a, b]| if missing == NodeId::FIRST { a } else { b }.to_string());
            r.warn("C118", &last.at, &[("node", &name.unwrap_or_default())]);
        }
        _ => {}
    }
}
