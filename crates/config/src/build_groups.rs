//! Groups and resources from their tables, as far as each is right by itself.

use crate::build::{At, unique};
use crate::model::{
    AppResource, ExitCodes, Failback, FsType, FsckPolicy, Group, IpResource, Kind, OnSilence, OnStopFailure,
    Operations, Recovery, Resource, Runner, VolumeProtection, VolumeResource,
};
use crate::reader::{self, Failed, Found, Read, Reader, Tab};
use crate::schema;
use crate::suggest;
use hotpair_types::{GroupName, NodeId, ResourceName};
use std::path::PathBuf;
use toml::de::DeTable;

/// A group with what could be read of it.
#[derive(Debug)]
pub struct DraftGroup {
    /// Key path.
    pub at: String,
    /// Its name, if that can be read.
    pub name: String,
    /// The group without its resources.
    pub group: Read<Group>,
    /// The resources that could be read.
    pub resources: Vec<At<Resource>>,
    /// Whether all of them could.
    pub complete: bool,
}

/// The groups of the file.
pub fn groups<'t>(r: &mut Reader<'t>, root: &DeTable<'t>) -> Vec<DraftGroup> {
    let mut groups = Vec::new();
    let mut names: Vec<At<String>> = Vec::new();
    for place in reader::tables(r, root, "", &schema::GROUP) {
        let Some(table) = place.table(root, &schema::GROUP) else { continue };
        let tab = Tab::open(r, &schema::GROUP, Some(table), &place.at);
        let group = group(r, &tab);
        let name = table.get("name").and_then(|n| n.get_ref().as_str()).unwrap_or_default().to_owned();
        if !name.is_empty() {
            names.push(At { at: place.at.clone(), it: name.clone() });
        }
        let (resources, complete) = resources(r, table, &place.at);
        groups.push(DraftGroup { at: place.at, name, group, resources, complete });
    }
    unique(r, &names, "group", |n| n.as_str());
    groups
}

fn group<'t>(r: &mut Reader<'t>, tab: &Tab<'_, 't>) -> Read<Group> {
    let name = tab.text(r, "name");
    let nodes = group_nodes(r, tab);
    let failback = tab.text(r, "failback");
    let after = tab.opt_duration(r, "failback_after");
    let on_silence = tab.text(r, "on_silence");
    let require = tab.text(r, "require");
    let lease = tab.opt_duration(r, "lease");
    let max_moves = tab.number(r, "max_moves");
    let move_window = tab.duration(r, "move_window");
    let failback = match failback?.as_str() {
        "manual" => Failback::Manual,
        "auto" => Failback::Auto { after: after?.ok_or(Failed)? },
        "never" => Failback::Never,
        _ => return Err(Failed),
    };
    let on_silence = match on_silence?.as_str() {
        "takeover" => OnSilence::Takeover,
        "hold" => OnSilence::Hold,
        _ => return Err(Failed),
    };
    let require = crate::guarantee::level(&require?).ok_or(Failed)?;
    Ok(Group {
        name: GroupName::new(&name?).map_err(|_| Failed)?,
        nodes: nodes?,
        failback,
        on_silence,
        require,
        lease: lease?,
        max_moves: max_moves?,
        move_window: move_window?,
        resources: Vec::new(),
    })
}

fn group_nodes<'t>(r: &mut Reader<'t>, tab: &Tab<'_, 't>) -> Read<Vec<NodeId>> {
    let given = tab.opt_texts(r, "nodes")?;
    let known = r.nodes.clone().ok_or(Failed)?;
    let Some(given) = given else { return Ok(NodeId::BOTH.to_vec()) };
    let place = format!("{}.nodes", tab.at);
    let mut nodes = Vec::new();
    for name in &given {
        let id = NodeId::BOTH.into_iter().zip(&known).find(|(_, n)| n.as_str() == name).map(|(id, _)| id);
        match id {
            None => {
                let choices = known.each_ref().map(|n| format!("\"{n}\"")).join(" | ");
                r.error("C034", &place, &[("value", name), ("choices", &choices)]);
                return Err(Failed);
            }
            Some(id) if nodes.contains(&id) => {
                r.error("C021", &place, &[("what", "node"), ("name", name)]);
                return Err(Failed);
            }
            Some(id) => nodes.push(id),
        }
    }
    if nodes.is_empty() {
        r.error("C016", &place, &[("key", "nodes")]);
        return Err(Failed);
    }
    Ok(nodes)
}

fn resources<'t>(r: &mut Reader<'t>, group: &DeTable<'t>, above: &str) -> (Vec<At<Resource>>, bool) {
    let found = reader::tables(r, group, above, &schema::IP);
    let names: Vec<(String, String)> = found
        .iter()
        .filter_map(|place| {
            let table = place.table(group, &schema::IP)?;
            Some((place.at.clone(), table.get("name")?.get_ref().as_str()?.to_owned()))
        })
        .collect();
    let mut resources = Vec::new();
    let mut previous: Option<&str> = None;
    for place in &found {
        let read = resource(r, group, place, &names, previous);
        previous = names.iter().find(|(at, _)| *at == place.at).map(|(_, name)| name.as_str());
        if let Ok(it) = read {
            resources.push(At { at: place.at.clone(), it });
        }
    }
    let as_names: Vec<At<String>> = names.into_iter().map(|(at, it)| At { at, it }).collect();
    unique(r, &as_names, "resource", |n| n.as_str());
    let complete = resources.len() == found.len();
    (resources, complete)
}

fn resource<'t>(
    r: &mut Reader<'t>,
    group: &DeTable<'t>,
    place: &Found,
    names: &[(String, String)],
    previous: Option<&str>,
) -> Read<Resource> {
    let table = place.table(group, &schema::IP).ok_or(Failed)?;
    let word = table.get("kind").and_then(|k| k.get_ref().as_str());
    let Some(schema) = [&schema::IP, &schema::VOLUME, &schema::APP].into_iter().find(|s| Some(s.kind) == word) else {
        // Without a kind nothing is known of the other keys: only name and kind itself are judged.
        let tab = Tab::peek(&schema::KINDLESS, table, &place.at);
        let _: (Read<String>, Read<String>) = (tab.text(r, "name"), tab.text(r, "kind"));
        return Err(Failed);
    };
    let tab = Tab::open(r, schema, Some(table), &place.at);
    let name = tab.text(r, "name");
    let after = after(r, &tab, names, previous);
    let kind = match schema.kind {
        "ip" => ip(r, &tab),
        "volume" => volume(r, &tab),
        _ => app(r, &tab),
    };
    // So that a changed kind alone changes the meaning.
    r.meaning.insert(format!("{}.kind", tab.at), schema.kind.to_owned());
    let ops = operations(r, &tab);
    let recovery = recovery(r, &tab);
    Ok(Resource {
        name: ResourceName::new(&name?).map_err(|_| Failed)?,
        after: after?,
        kind: kind?,
        ops: ops?,
        recovery: recovery?,
    })
}

/// The resources that must run first; without the key, the one before in the file.
fn after<'t>(
    r: &mut Reader<'t>,
    tab: &Tab<'_, 't>,
    names: &[(String, String)],
    previous: Option<&str>,
) -> Read<Vec<ResourceName>> {
    let given = tab.opt_texts(r, "after")?;
    let place = format!("{}.after", tab.at);
    let wanted = match given {
        Some(list) => list,
        None => {
            let own = names.iter().find(|(at, _)| *at == tab.at).map(|(_, name)| name.as_str());
            let previous = previous.filter(|before| Some(*before) != own);
            let list: Vec<String> = previous.map(str::to_owned).into_iter().collect();
            r.meaning.insert(place.clone(), format!("{list:?}"));
            list
        }
    };
    let mut after = Vec::new();
    for name in &wanted {
        if !names.iter().any(|(_, known)| known == name) {
            match suggest::closest(name, names.iter().map(|(_, known)| known.as_str())) {
                Some(near) => r.error("C062", &place, &[("name", name), ("suggestion", near)]),
                None => r.error("C061", &place, &[("name", name)]),
            }
            return Err(Failed);
        }
        let name = ResourceName::new(name).map_err(|_| Failed)?;
        if !after.contains(&name) {
            after.push(name);
        }
    }
    Ok(after)
}

fn operations<'t>(r: &mut Reader<'t>, tab: &Tab<'_, 't>) -> Read<Operations> {
    let start = tab.duration(r, "start_timeout");
    let stop = tab.duration(r, "stop_timeout");
    let monitor = tab.duration(r, "monitor_timeout");
    let interval = tab.duration(r, "monitor_interval");
    let deep = tab.opt_duration(r, "deep_interval");
    let late = tab.number(r, "late_limit");
    Ok(Operations {
        start_timeout: start?,
        stop_timeout: stop?,
        monitor_timeout: monitor?,
        monitor_interval: interval?,
        deep_interval: deep?,
        late_limit: late?,
    })
}

fn recovery<'t>(r: &mut Reader<'t>, tab: &Tab<'_, 't>) -> Read<Recovery> {
    let restarts = tab.number(r, "restarts");
    let window = tab.duration(r, "restart_window");
    let backoff = tab.duration(r, "backoff");
    let on_stop_failure = match tab.text(r, "on_stop_failure")?.as_str() {
        "hold" => OnStopFailure::Hold,
        "self-fence" => OnStopFailure::SelfFence,
        _ => return Err(Failed),
    };
    Ok(Recovery { restarts: restarts?, window: window?, backoff: backoff?, on_stop_failure })
}

fn ip<'t>(r: &mut Reader<'t>, tab: &Tab<'_, 't>) -> Read<Kind> {
    let address = tab.address_prefix(r, "address");
    let interface = tab.node_texts(r, "interface");
    let conflict_check = tab.duration(r, "conflict_check");
    let announce_count = tab.number(r, "announce_count");
    let announce_interval = tab.duration(r, "announce_interval");
    let announce_refresh = tab.opt_duration(r, "announce_refresh");
    let reachability = tab.addresses(r, "reachability");
    let source = tab.truth(r, "source");
    let (address, prefix) = address?;
    Ok(Kind::Ip(IpResource {
        address,
        prefix,
        interface: interface?,
        conflict_check: conflict_check?,
        announce_count: announce_count?,
        announce_interval: announce_interval?,
        announce_refresh: announce_refresh?,
        reachability: reachability?,
        source: source?,
    }))
}

fn volume<'t>(r: &mut Reader<'t>, tab: &Tab<'_, 't>) -> Read<Kind> {
    let device = tab.node_texts(r, "device");
    let mount_point = tab.text(r, "mount_point");
    let fs = tab.text(r, "fs");
    let options = tab.texts(r, "options");
    let fsck = tab.text(r, "fsck");
    let protection = tab.text(r, "protection");
    let lease = if protection.as_deref() == Ok("lease") {
        let device = tab.node_files(r, "lease_device");
        let duration = tab.duration(r, "lease_duration");
        device.and_then(|device| Ok(VolumeProtection::Lease { device, duration: duration? }))
    } else {
        Err(Failed)
    };
    let protection = match protection?.as_str() {
        "lease" => lease?,
        "mmp" => VolumeProtection::Mmp,
        "reservation" => VolumeProtection::Reservation,
        "none" => VolumeProtection::None,
        _ => return Err(Failed),
    };
    let fs = match fs?.as_str() {
        "ext4" => FsType::Ext4,
        "xfs" => FsType::Xfs,
        _ => return Err(Failed),
    };
    let fsck = match fsck?.as_str() {
        "preen" => FsckPolicy::Preen,
        "skip" => FsckPolicy::Skip,
        _ => return Err(Failed),
    };
    Ok(Kind::Volume(VolumeResource {
        device: device?,
        mount_point: PathBuf::from(mount_point?),
        fs,
        options: options?,
        fsck,
        protection,
    }))
}

fn app<'t>(r: &mut Reader<'t>, tab: &Tab<'_, 't>) -> Read<Kind> {
    let environment = tab.strings(r, "environment");
    let runner = match tab.text(r, "run")?.as_str() {
        "exec" => exec(r, tab),
        "systemd" => tab.text(r, "unit").map(|unit| Runner::Systemd { unit }),
        "ocf" => {
            let agent = tab.text(r, "agent");
            let parameters = tab.strings(r, "parameters");
            agent.and_then(|agent| Ok(Runner::Ocf { agent, parameters: parameters? }))
        }
        _ => return Err(Failed),
    };
    Ok(Kind::App(AppResource { runner: runner?, environment: environment? }))
}

fn exec<'t>(r: &mut Reader<'t>, tab: &Tab<'_, 't>) -> Read<Runner> {
    let start = tab.texts(r, "start");
    let stop = tab.texts(r, "stop");
    let monitor = tab.texts(r, "monitor");
    let deep_monitor = tab.opt_texts(r, "deep_monitor");
    let running = tab.codes(r, "running_codes");
    let stopped = tab.codes(r, "stopped_codes");
    Ok(Runner::Exec {
        start: start?,
        stop: stop?,
        monitor: monitor?,
        deep_monitor: deep_monitor?,
        codes: ExitCodes { running: running?, stopped: stopped? },
    })
}
