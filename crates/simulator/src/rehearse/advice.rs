//! What would do better: the configuration with one change, played again through the same faults, and compared.
//!
//! A change is made in the validated model and told as the lines of the file that make it; addresses and devices in them are
//! placeholders of the documentation ranges, to be replaced by the site's own. Nothing is advised that was not played.

use super::Rehearsal;
use super::catalogue::Words;
use super::scene::{Scene, What};
use super::verdict::{Data, Lengths, Verdict};
use core::time::Duration;
use hotpair_config::model::{
    Config, Failback, Fence, FenceAction, Kind, Link, OnSilence, Path, PerNode, UdpEnd, VolumeProtection, Witness,
};
use hotpair_types::{GuaranteeLevel, Medium, NodeId, PathName};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// Lasts until somebody repairs it.
pub const LASTING: Duration = Duration::MAX;

/// How bad a fault is, worst first: comparing two scores compares these in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Score {
    /// Longest time in which data was in danger; [`LASTING`].
    pub data: Duration,
    /// Longest time in which both served; [`LASTING`].
    pub dual: Duration,
    /// Groups that nobody serves in the end, in most runs.
    pub unserved: usize,
    /// Usual outage of the worst group; [`LASTING`].
    pub outage: Duration,
}

fn longest(lengths: &Lengths) -> Duration {
    if lengths.any() { lengths.max().unwrap_or(LASTING) } else { Duration::ZERO }
}

impl Score {
    /// Of a verdict.
    pub fn of(verdict: &Verdict) -> Self {
        let mut score = Self::default();
        for group in &verdict.groups {
            if group.data == Data::Danger {
                score.data = score.data.max(longest(&group.both_write));
            }
            score.dual = score.dual.max(longest(&group.dual));
            score.unserved += usize::from(group.serving() == [false; 2]);
            score.outage = score.outage.max(group.outage.percentile(50).unwrap_or(LASTING));
        }
        score
    }

    /// Clearly better than another: a difference that a person would notice, in the first thing in which they differ so.
    pub fn clearly_better(&self, than: &Self) -> bool {
        for (mine, theirs) in [(self.data, than.data), (self.dual, than.dual)] {
            if notable(mine, theirs) {
                return mine < theirs;
            }
        }
        if self.unserved != than.unserved {
            return self.unserved < than.unserved;
        }
        notable(self.outage, than.outage) && self.outage < than.outage
    }
}

/// A quarter, and a fifth of a second.
fn notable(one: Duration, other: Duration) -> bool {
    let (less, more) = (one.min(other), one.max(other));
    let gap = more.saturating_sub(less);
    gap > Duration::from_millis(200) && gap > more / 4
}

/// A change of the configuration.
#[derive(Clone, Debug)]
pub struct Change {
    /// What it is.
    pub words: Words,
    /// The lines of the file that make it.
    pub lines: String,
    /// The configuration with it.
    pub config: Config,
}

/// One fault before and after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The fault.
    pub name: String,
    /// As it is.
    pub before: Score,
    /// With the change.
    pub after: Score,
}

/// A change and what it does.
#[derive(Clone, Debug)]
pub struct Advice {
    /// The change.
    pub change: Change,
    /// Faults that end better, the most improved first.
    pub better: Vec<Effect>,
    /// Faults that end worse.
    pub worse: Vec<Effect>,
}

impl Advice {
    /// From the verdicts without and with the change. Faults that only one of them knows are left out.
    pub fn new(change: Change, before: &[Verdict], after: &[Verdict]) -> Self {
        let mut better = Vec::new();
        let mut worse = Vec::new();
        for old in before {
            let Some(new) = after.iter().find(|v| v.name == old.name) else { continue };
            let effect = Effect { name: old.name.clone(), before: Score::of(old), after: Score::of(new) };
            if effect.after.clearly_better(&effect.before) {
                better.push(effect);
            } else if effect.before.clearly_better(&effect.after) {
                worse.push(effect);
            }
        }
        better.sort_by_key(|e| core::cmp::Reverse(e.before));
        worse.sort_by_key(|e| core::cmp::Reverse(e.after));
        Self { change, better, worse }
    }

    /// Faults in which data, exclusivity or service at all gain, less those that lose; and the same of all faults: for ordering.
    pub fn weight(&self) -> (i64, i64) {
        let count = |effects: &[Effect], counts: fn(&Effect) -> bool| {
            i64::try_from(effects.iter().filter(|e| counts(e)).count()).unwrap_or(i64::MAX)
        };
        let serious = |e: &Effect| {
            let (before, after) = (&e.before, &e.after);
            notable(before.data, after.data) || notable(before.dual, after.dual) || before.unserved != after.unserved
        };
        let gained = count(&self.better, serious) - count(&self.worse, serious);
        (gained, count(&self.better, |_| true) - count(&self.worse, |_| true))
    }
}

/// Every change that makes sense for a configuration.
pub fn changes(scene: &Scene) -> Vec<Change> {
    let mut all = Vec::new();
    paths(scene, &mut all);
    all.extend(references(scene));
    groups(scene, &mut all);
    thirds(scene, &mut all);
    timings(scene, &mut all);
    all
}

/// Plays a change: the faults that both configurations know, by name.
pub fn rehearsal(change: &Change, base: &Rehearsal) -> Option<Rehearsal> {
    let mut changed = Rehearsal::new(change.config.clone(), &[])?;
    // The same resources take the same time.
    changed.assumptions = base.assumptions.clone();
    Some(changed)
}

fn free_name(config: &Config, wanted: &str) -> Option<PathName> {
    let taken = |name: &str| config.paths.iter().any(|p| p.name.as_str() == name);
    let mut name = wanted.to_string();
    while taken(&name) {
        name.push('x');
    }
    PathName::new(&name).ok()
}

fn with_path(config: &Config, wanted: &str, interval: Duration, lost: u32, link: Link) -> Option<(Config, PathName)> {
    let mut changed = config.clone();
    let name = free_name(config, wanted)?;
    changed.paths.push(Path { name: name.clone(), interval, lost, good: 3, priority: 1, link });
    Some((changed, name))
}

fn paths(scene: &Scene, all: &mut Vec<Change>) {
    let config = &scene.config;
    let nodes = NodeId::BOTH.map(|n| scene.name(n));
    let fastest = config.paths.iter().min_by_key(|p| p.detection());
    let (interval, lost) = fastest.map_or((Duration::from_millis(200), 5), |p| (p.interval, p.lost));
    if scene.paths_of(Medium::Serial).is_empty() {
        // A serial line carries a heartbeat each 200 ms at 115200 baud with ease.
        let interval = interval.max(Duration::from_millis(200));
        let device = PerNode([PathBuf::from("/dev/ttyS0"), PathBuf::from("/dev/ttyS0")]);
        let link = Link::Serial { baud: 115_200, device };
        if let Some((config, name)) = with_path(config, "serial", interval, lost, link) {
            let lines = format!(
                "[[serial]]\nname = \"{name}\"\ninterval = \"{}ms\"\nlost = {lost}\nbaud = 115200\ndevice = \"/dev/ttyS0\"",
                interval.as_millis()
            );
            all.push(Change { words: Words::new("F801", &[]), lines, config });
        }
    }
    if scene.nets.iter().filter(|n| !n.paths.is_empty()).count() < 2 {
        let ends = [1, 2].map(|host| UdpEnd {
            interface: "eth9".to_string(),
            address: IpAddr::V4(Ipv4Addr::new(198, 51, 100, host)),
        });
        let link = Link::Udp { port: 7694, ends: PerNode(ends) };
        if let Some((config, name)) = with_path(config, "heartbeat2", interval, lost, link) {
            let end =
                |node: &str, host| format!("[udp.node.{node}]\ninterface = \"eth9\"\naddress = \"198.51.100.{host}\"");
            let lines = format!(
                "[[udp]]\nname = \"{name}\"\ninterval = \"{}ms\"\nlost = {lost}\n{}\n{}",
                interval.as_millis(),
                end(&nodes[0], 1),
                end(&nodes[1], 2)
            );
            all.push(Change { words: Words::new("F802", &[]), lines, config });
        }
    }
    let shared = scene.resources.iter().any(|r| matches!(r.what, What::Volume(_)));
    if shared && scene.paths_of(Medium::Disk).is_empty() {
        let interval = interval.max(Duration::from_millis(500));
        let device = PathBuf::from("/dev/disk/by-label/hotpair");
        let link = Link::Disk { device: PerNode([device.clone(), device]), offset: 0 };
        if let Some((config, name)) = with_path(config, "disk", interval, lost, link) {
            let lines = format!(
                "[[disk]]\nname = \"{name}\"\ninterval = \"{}ms\"\nlost = {lost}\ndevice = \"/dev/disk/by-label/hotpair\"",
                interval.as_millis()
            );
            all.push(Change { words: Words::new("F813", &[]), lines, config });
        }
    }
}

fn references(scene: &Scene) -> Option<Change> {
    if scene.has_references() {
        return None;
    }
    let mut config = scene.config.clone();
    config.safety_check.references = vec![IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254))];
    let lines = "[safety_check]\nreferences = [\"192.0.2.254\"]".to_string();
    Some(Change { words: Words::new("F803", &[]), lines, config })
}

fn millis(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

fn groups(scene: &Scene, all: &mut Vec<Change>) {
    for (at, group) in scene.config.groups.iter().enumerate() {
        let name = group.name.as_str();
        let head = format!("[[group]]\nname = \"{name}\"");
        let mut change = |words: Words, more: &str, edit: &dyn Fn(&mut hotpair_config::model::Group)| {
            let mut config = scene.config.clone();
            if let Some(group) = config.groups.get_mut(at) {
                edit(group);
            }
            all.push(Change { words, lines: format!("{head}\n{more}"), config });
        };
        if group.lease.is_none() && group.nodes.len() == 2 {
            let lease = (scene.config.detection() * 3).max(Duration::from_secs(3));
            let text = millis(lease);
            let words = Words::new("F804", &[("time", &text), ("group", name)]);
            change(words, &format!("lease = \"{text}\""), &|g| g.lease = Some(lease));
        }
        if scene.plain_volume(&group.name) {
            let duration = scene.config.detection().max(Duration::from_millis(500));
            let lines = format!(
                "[[group.resource]]   # each volume\nprotection = \"lease\"\nlease_device = \"/dev/disk/by-label/lease\"\nlease_duration = \"{}\"",
                millis(duration)
            );
            let device = PathBuf::from("/dev/disk/by-label/lease");
            let lease = VolumeProtection::Lease { device: PerNode([device.clone(), device]), duration };
            change(Words::new("F805", &[("group", name)]), &lines, &|g| protect(g, &lease));
        }
        let enforced = |p: &VolumeProtection| *p == VolumeProtection::Reservation;
        if scene.volumes(&group.name).any(|p| !enforced(p)) {
            let lines = "[[group.resource]]   # each volume\nprotection = \"reservation\"";
            let words = Words::new("F806", &[("group", name)]);
            change(words, lines, &|g| protect(g, &VolumeProtection::Reservation));
        }
        if matches!(group.failback, Failback::Auto { .. }) {
            change(Words::new("F814", &[]), "failback = \"manual\"", &|g| g.failback = Failback::Manual);
        }
    }
    if scene.config.groups.iter().any(|g| g.on_silence == OnSilence::Takeover) {
        let mut config = scene.config.clone();
        config.groups.iter_mut().for_each(|g| g.on_silence = OnSilence::Hold);
        let lines = "[[group]]   # each group\non_silence = \"hold\"".to_string();
        all.push(Change { words: Words::new("F812", &[]), lines, config });
    }
}

fn protect(group: &mut hotpair_config::model::Group, protection: &VolumeProtection) {
    for resource in &mut group.resources {
        if let Kind::Volume(volume) = &mut resource.kind {
            volume.protection = protection.clone();
        }
    }
}

fn demand(config: &mut Config, level: GuaranteeLevel, lease: Option<Duration>) {
    for group in config.groups.iter_mut().filter(|g| g.nodes.len() == 2) {
        group.require = group.require.max(level);
        group.lease = group.lease.or(lease);
    }
}

fn thirds(scene: &Scene, all: &mut Vec<Change>) {
    if !scene.has_standby() {
        return;
    }
    if scene.config.witness.is_none() {
        let mut config = scene.config.clone();
        let lease = (scene.config.detection() * 3).max(Duration::from_secs(4));
        demand(&mut config, GuaranteeLevel::Witnessed, Some(lease));
        config.witness = Some(Witness {
            endpoints: vec!["https://192.0.2.30:2379".to_string()],
            login: None,
            ca_file: None,
            certificate: None,
            ttl: Duration::from_secs(6),
            timeout: Duration::from_secs(1),
        });
        let lines = format!(
            "[witness]\nendpoints = [\"https://192.0.2.30:2379\"]\n[[group]]   # each group\nrequire = \"witnessed\"\nlease = \"{}\"",
            millis(lease)
        );
        all.push(Change { words: Words::new("F807", &[]), lines, config });
    }
    if scene.config.fences.is_empty() {
        let mut config = scene.config.clone();
        demand(&mut config, GuaranteeLevel::Fenced, None);
        let mut lines = String::new();
        for node in NodeId::BOTH {
            // The side that serves shoots first if both see no sign of each other.
            let delay = if node == scene.owner { Duration::from_secs(1) } else { Duration::ZERO };
            let name = format!("power-{}", scene.name(node));
            lines.push_str(&format!(
                "[[fence]]\nname = \"{name}\"\nnode = \"{}\"\nagent = \"fence_ipmilan\"\ndelay = \"{}s\"\nparameters = {{ ip = \"192.0.2.{}\" }}\n",
                scene.name(node),
                delay.as_secs(),
                40 + node.index()
            ));
            config.fences.push(Fence {
                node,
                name,
                agent: PathBuf::from("/usr/sbin/fence_ipmilan"),
                level: 1,
                action: FenceAction::Off,
                parameters: BTreeMap::new(),
                secrets: BTreeMap::new(),
                delay,
                timeout: Duration::from_secs(60),
                attempts: 2,
            });
        }
        lines.push_str("[[group]]   # each group\nrequire = \"fenced\"");
        all.push(Change { words: Words::new("F808", &[]), lines, config });
    }
}

fn timings(scene: &Scene, all: &mut Vec<Change>) {
    let told = |config: &Config, of: &dyn Fn(&Path) -> String| {
        let one = |p: &Path| format!("{} = {}", p.name, of(p));
        config.paths.iter().map(one).collect::<Vec<_>>().join("   ")
    };
    let mut faster = scene.config.clone();
    let shortest = |medium| if medium == Medium::Udp { Duration::from_millis(10) } else { Duration::from_millis(100) };
    for path in &mut faster.paths {
        let floor = shortest(path.medium());
        if path.interval > floor {
            path.interval = (path.interval / 2).max(floor);
        }
    }
    if faster.detection() < scene.config.detection() {
        let lines = format!("interval: {}", told(&faster, &|p| format!("\"{}\"", millis(p.interval))));
        all.push(Change { words: Words::new("F810", &[]), lines, config: faster });
    }
    let mut patient = scene.config.clone();
    patient.paths.iter_mut().for_each(|p| p.lost = p.lost.saturating_mul(2).min(100));
    let lines = format!("lost: {}", told(&patient, &|p| p.lost.to_string()));
    all.push(Change { words: Words::new("F811", &[]), lines, config: patient });
}
