//! What a reload would do: the running configuration beside another one (S10, B8). Changes nothing.
//!
//! What the arbiter would decide comes out of a copy of its core that is given the new configuration, by the same code as a
//! reload. What becomes of paths and resources follows the rules by which hbd and resd take a configuration over: an equal path
//! carries on, any other begins anew; resd goes on with what runs and knows from then on only what the file names.

use crate::settings::Settings;
use crate::text;
use arbiter_core::Arbiter;
use arbiter_core::io::Input;
use arbiter_core::rules::{self, Action};
use arbiter_core::snapshot::{GroupSnapshot, Snapshot};
use hotpair_config::model::{self, Kind, Runner};
use hotpair_config::{Finding, Severity};
use hotpair_messages::{Arg, Lang};
use hotpair_proto::arbiter::v1 as pb;
use hotpair_types::{NodeId, ResourceState, Timestamp};
use pb::ConfigEffect as Effect;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// A finding for the API.
#[must_use]
pub fn finding(finding: &Finding) -> pb::ConfigFinding {
    pb::ConfigFinding {
        message_id: finding.id.to_owned(),
        parameters: finding.args.iter().cloned().collect(),
        line: u32::try_from(finding.line).unwrap_or(u32::MAX),
        key: finding.key.clone(),
        error: finding.severity == Severity::Error,
        text: finding.what(Lang::En),
    }
}

/// What becomes of everything. `core` is the running core; it is copied.
#[must_use]
pub fn changes(old: &Settings, new: &Settings, core: &Arbiter, now: Timestamp) -> Vec<pb::ConfigChange> {
    let mut list = List::default();
    let before = core.snapshot(now);
    let (was, is) = (&old.config, &new.config);
    if was.digest == is.digest {
        list.put("pair", &is.pair.name, Effect::Untouched, "X450", &[("digest", &is.digest)]);
        return list.changes;
    }
    identity(&mut list, old, new);
    paths(&mut list, was, is);
    groups(&mut list, old, new, &before);
    settings(&mut list, was, is);
    decisions(&mut list, new, core, &before, now);
    peer(&mut list, new, &before);
    list.changes
}

#[derive(Default)]
struct List {
    changes: Vec<pb::ConfigChange>,
}

impl List {
    fn put(&mut self, kind: &str, name: &str, effect: Effect, id: &str, args: &[Arg<'_>]) {
        let mut parameters: BTreeMap<String, String> =
            args.iter().map(|(k, v)| ((*k).to_owned(), v.to_string())).collect();
        parameters.insert("name".to_owned(), name.to_owned());
        let text = text::by_id(id, &parameters).text;
        self.changes.push(pb::ConfigChange {
            kind: kind.to_owned(),
            name: name.to_owned(),
            effect: effect.into(),
            message_id: id.to_owned(),
            parameters: parameters.into_iter().collect(),
            text,
        });
    }
}

/// Equal in every value. Not every part of the model can be compared otherwise; none holds a secret in its debug form.
fn same<T: Debug>(a: &T, b: &T) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

/// Names of those that differ.
fn differing(fields: &[(&'static str, bool)]) -> String {
    fields.iter().filter(|(_, same)| !same).map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn identity(list: &mut List, old: &Settings, new: &Settings) {
    let (was, is) = (&old.config, &new.config);
    let fields = [
        ("[pair] name", was.pair.name == is.pair.name),
        ("[pair] key_file", was.pair.key.bytes() == is.pair.key.bytes()),
        ("[[node]]", old.node == new.node && same(&was.nodes, &is.nodes)),
    ];
    let what = differing(&fields);
    if !what.is_empty() {
        list.put("pair", &is.pair.name, Effect::NeedsRestart, "X440", &[("what", &what)]);
    }
}

fn paths(list: &mut List, was: &model::Config, is: &model::Config) {
    for path in &is.paths {
        let name = path.name.as_str();
        let Some(old) = was.paths.iter().find(|p| p.name == path.name) else {
            list.put("path", name, Effect::Added, "X401", &[]);
            continue;
        };
        let what = differing(&[
            ("interval", old.interval == path.interval),
            ("lost", old.lost == path.lost),
            ("good", old.good == path.good),
            ("priority", old.priority == path.priority),
            ("link", same(&old.link, &path.link)),
        ]);
        if what.is_empty() {
            list.put("path", name, Effect::Untouched, "X404", &[]);
        } else {
            list.put("path", name, Effect::Restarted, "X403", &[("what", &what)]);
        }
    }
    for path in was.paths.iter().filter(|p| is.paths.iter().all(|n| n.name != p.name)) {
        list.put("path", path.name.as_str(), Effect::Removed, "X402", &[]);
    }
}

fn groups(list: &mut List, old: &Settings, new: &Settings, before: &Snapshot) {
    for group in &new.config.groups {
        let name = group.name.as_str();
        let here = before.groups.iter().find(|g| g.name == group.name);
        let Some(was) = old.config.groups.iter().find(|g| g.name == group.name) else {
            list.put("group", name, Effect::Added, "X410", &[("why", &"")]);
            continue;
        };
        let what = differing(&[
            ("nodes", was.nodes == group.nodes),
            ("failback", was.failback == group.failback),
            ("on_silence", was.on_silence == group.on_silence),
            ("require", was.require == group.require),
            ("lease", was.lease == group.lease),
            ("max_moves", was.max_moves == group.max_moves),
            ("move_window", was.move_window == group.move_window),
        ]);
        if what.is_empty() {
            list.put("group", name, Effect::Untouched, "X414", &[]);
        } else {
            list.put("group", name, Effect::Changed, "X413", &[("what", &what)]);
        }
        let (level, had) = (new.guarantee(&group.name).0, old.guarantee(&group.name).0);
        if level != had {
            list.put("group", name, Effect::Changed, "X415", &[("level", &level), ("was", &had)]);
        }
        resources(list, was, group, here, new.node);
    }
    for group in old.config.groups.iter().filter(|g| new.config.groups.iter().all(|n| n.name != g.name)) {
        let up = before.groups.iter().any(|g| g.name == group.name && g.local.as_ref().is_some_and(|l| l.serving));
        list.put("group", group.name.as_str(), Effect::Removed, if up { "X412" } else { "X411" }, &[]);
    }
}

/// It runs here, as far as is known.
fn runs(here: Option<&GroupSnapshot>, resource: &model::Resource) -> bool {
    here.and_then(|g| g.local.as_ref())
        .and_then(|local| local.resources.iter().find(|r| r.name == resource.name))
        .is_some_and(|r| r.state != ResourceState::Stopped)
}

fn resources(list: &mut List, was: &model::Group, is: &model::Group, here: Option<&GroupSnapshot>, node: NodeId) {
    let full = |resource: &model::Resource| format!("{}/{}", is.name, resource.name);
    for resource in &is.resources {
        let name = full(resource);
        let Some(old) = was.resources.iter().find(|r| r.name == resource.name) else {
            list.put("resource", &name, Effect::Added, "X431", &[]);
            continue;
        };
        let what = differing(&[
            ("kind", old.kind.as_str() == resource.kind.as_str()),
            ("what it is", old.kind == resource.kind),
            ("after", old.after == resource.after),
            ("timeouts and monitoring", old.ops == resource.ops),
            ("recovery", old.recovery == resource.recovery),
        ]);
        if what.is_empty() {
            list.put("resource", &name, Effect::Untouched, "X430", &[]);
        } else if another(&old.kind, &resource.kind, node) && runs(here, old) {
            list.put("resource", &name, Effect::Changed, "X435", &[("what", &what)]);
        } else {
            list.put("resource", &name, Effect::Changed, "X434", &[("what", &what)]);
        }
    }
    for resource in was.resources.iter().filter(|r| is.resources.iter().all(|n| n.name != r.name)) {
        let id = if runs(here, resource) { "X433" } else { "X432" };
        list.put("resource", &full(resource), Effect::Removed, id, &[]);
    }
}

/// Not the same thing with other settings: what runs by the old one would not be found by the new one.
fn another(old: &Kind, new: &Kind, node: NodeId) -> bool {
    match (old, new) {
        (Kind::Ip(a), Kind::Ip(b)) => {
            a.address != b.address || a.prefix != b.prefix || a.interface.of(node) != b.interface.of(node)
        }
        (Kind::Volume(a), Kind::Volume(b)) => a.device.of(node) != b.device.of(node) || a.mount_point != b.mount_point,
        (Kind::App(a), Kind::App(b)) => match (&a.runner, &b.runner) {
            (Runner::Systemd { unit: a }, Runner::Systemd { unit: b }) => a != b,
            (Runner::Exec { stop: a, .. }, Runner::Exec { stop: b, .. }) => a != b,
            (Runner::Ocf { agent: a, .. }, Runner::Ocf { agent: b, .. }) => !same(a, b),
            _ => true,
        },
        _ => true,
    }
}

fn settings(list: &mut List, was: &model::Config, is: &model::Config) {
    let sections = [
        ("[safety_check]", same(&was.safety_check, &is.safety_check)),
        ("[[neighbour]]", same(&was.neighbours, &is.neighbours)),
        ("[witness]", same(&was.witness, &is.witness)),
        ("[[fence]]", same(&was.fences, &is.fences)),
        ("[watchdog]", same(&was.watchdog, &is.watchdog)),
        ("[boot]", same(&was.boot, &is.boot)),
        ("[history]", same(&was.history, &is.history)),
    ];
    for (section, _) in sections.into_iter().filter(|(_, same)| !same) {
        list.put("settings", section, Effect::Changed, "X441", &[("what", &section)]);
    }
}

/// What a copy of the core decides once it has the new configuration.
fn decisions(list: &mut List, new: &Settings, core: &Arbiter, before: &Snapshot, now: Timestamp) {
    let mut copy = core.clone();
    copy.handle_input(Input::Config(new.core()), now);
    while copy.poll_output().is_some() {}
    let after = copy.snapshot(now);
    for group in &after.groups {
        let was = before.groups.iter().find(|g| g.name == group.name);
        let old_rule = was.map_or("", |g| g.rule);
        if old_rule == group.rule {
            continue;
        }
        let name = group.name.as_str();
        let mut args: Vec<Arg<'_>> = vec![("rule", &group.rule), ("was", &old_rule), ("why", &"")];
        args.extend(group.reason.parameters.iter().map(|(k, v)| (k.as_str(), v as &dyn std::fmt::Display)));
        list.put("group", name, Effect::Decision, "X420", &args);
        let up = group.local.as_ref().is_some_and(|local| local.serving);
        match rules::by_id(group.rule).map(|rule| rule.action) {
            Some(Action::Run | Action::TakeOver | Action::TakeOffered) if !up => {
                list.put("group", name, Effect::Decision, "X421", &[]);
            }
            Some(Action::Stand | Action::Release) if up => list.put("group", name, Effect::Decision, "X422", &[]),
            _ => {}
        }
    }
}

fn peer(list: &mut List, new: &Settings, before: &Snapshot) {
    let peer = new.node.other();
    let name = new.name(peer);
    let known = before.nodes.iter().find(|n| n.node == peer).and_then(|n| n.config);
    match known {
        None => list.put("pair", name, Effect::Untouched, "X453", &[("peer", &name)]),
        Some(digest) if digest == new.config.digest => {
            list.put("pair", name, Effect::Untouched, "X452", &[("peer", &name)]);
        }
        Some(digest) => list.put("pair", name, Effect::Changed, "X451", &[("peer", &name), ("digest", &digest)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arbiter_core::io::Seed;
    use hotpair_config::load_text_with_key;
    use hotpair_types::{BootId, Incarnation};
    use std::path::Path;

    const CONFIG: &str = include_str!("../tests/pair.toml");
    const KEY: &str = "5d0b1f7e93c24a68b7e1f05c2d9a8346e4c1b8f2706d5a93184ecf2b6a70d9e3";

    fn settings(text: &str) -> Settings {
        let loaded = load_text_with_key(text, Path::new("pair.toml"), Some("alpha"), KEY).unwrap();
        Settings::new(loaded.config, NodeId::FIRST, Vec::new())
    }

    fn preview(new: &str) -> Vec<(String, String, Effect, String)> {
        let now = Timestamp::from_millis(5_000);
        let old = settings(CONFIG);
        let seed = Seed { boot: BootId([1; 16]), arbiter: Incarnation(1) };
        let core = Arbiter::new(old.core(), None, seed, Timestamp::from_millis(1_000));
        let before = core.snapshot(now).groups.len();
        let changes = changes(&old, &settings(new), &core, now);
        assert_eq!(core.snapshot(now).groups.len(), before, "the running core is not touched");
        changes.into_iter().map(|c| (c.kind.clone(), c.name.clone(), c.effect(), c.message_id)).collect()
    }

    /// S10 B8: an equal configuration changes nothing, and that is said.
    #[test]
    fn an_equal_configuration_changes_nothing() {
        let changes = preview(&format!("# a remark\n{CONFIG}"));
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!((changes[0].2, changes[0].3.as_str()), (Effect::Untouched, "X450"));
    }

    /// S10 B8: what is added, changed and begun anew is named, each thing apart; everything else is said to stay.
    #[test]
    fn each_thing_is_judged_apart() {
        let first = settings(CONFIG).config;
        let path = first.paths[0].name.to_string();
        let group = first.groups[0].name.to_string();
        let marker = "[[group]]";
        let at = CONFIG.find(marker).unwrap();
        let more = format!(
            "{}[[group]]\nname = \"more\"\nnodes = [\"alpha\", \"beta\"]\n[[group.resource]]\nname = \"job\"\nkind = \"app\"\nrun = \"exec\"\n\
             start = [\"/bin/true\"]\nstop = [\"/bin/true\"]\nmonitor = [\"/bin/true\"]\n\n{}",
            &CONFIG[..at],
            CONFIG[at..].replacen("[[group]]\n", "[[group]]\nmax_moves = 7\n", 1)
        );
        let changes = preview(&more);
        let of = |kind: &str, name: &str| {
            changes.iter().filter(|c| c.0 == kind && c.1 == name).map(|c| (c.2, c.3.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(of("path", &path), [(Effect::Untouched, "X404")], "{changes:?}");
        assert!(of("group", "more").contains(&(Effect::Added, "X410")), "{changes:?}");
        assert!(of("group", &group).contains(&(Effect::Changed, "X413")), "{changes:?}");
        assert!(changes.iter().any(|c| c.0 == "resource" && c.2 == Effect::Untouched), "{changes:?}");
        assert!(changes.iter().any(|c| c.3 == "X453"), "the peer was never heard: {changes:?}");
    }

    /// S10: a group that is taken out of the file is named as one that nobody watches any more.
    #[test]
    fn a_group_that_is_gone_is_told() {
        let group = settings(CONFIG).config.groups[0].name.to_string();
        let renamed = CONFIG.replace(&format!("name = \"{group}\""), "name = \"other\"");
        let changes = preview(&renamed);
        assert!(changes.iter().any(|c| c.1 == group && c.2 == Effect::Removed && c.3 == "X411"), "{changes:?}");
        assert!(changes.iter().any(|c| c.1 == "other" && c.2 == Effect::Added), "{changes:?}");
    }
}
