//! What many runs of one fault come to: who serves, how long nobody did, whether both did, whether data was in danger, which
//! alarms rose.

use super::catalogue::Case;
use super::run::{Moments, Played};
use super::scene::{Scene, What};
use crate::scripted::Span;
use crate::world::Happening;
use core::time::Duration;
use hotpair_config::model::VolumeProtection;
use hotpair_types::{GroupName, NodeId};
use std::collections::BTreeMap;

/// Overlaps shorter than this are the two ends of one moment.
const INSTANT: Duration = Duration::from_millis(1);

/// Who serves: each node, in order.
pub type Serving = [bool; 2];

/// Lengths over the runs; lengths that had not ended when the fault was repaired, or the run was over, are counted apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    /// One per run that ended by itself, sorted; runs without any count as zero.
    pub ended: Vec<Duration>,
    /// Runs in which it lasted until the repair, or to the end.
    pub lasting: usize,
}

impl Lengths {
    /// The length below which so many percent of all runs stay; `None`: it lasts.
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let all = self.ended.len() + self.lasting;
        let rank = (all * percent).div_ceil(100).max(1);
        self.ended.get(rank - 1).copied()
    }

    /// The longest; `None`: in some run it lasts.
    pub fn max(&self) -> Option<Duration> {
        if self.lasting > 0 { None } else { Some(self.ended.last().copied().unwrap_or_default()) }
    }

    /// There was any.
    pub fn any(&self) -> bool {
        self.lasting > 0 || self.ended.last().is_some_and(|l| *l > Duration::ZERO)
    }

    /// Runs in which there was any.
    pub fn runs(&self) -> usize {
        self.lasting + self.ended.iter().filter(|l| **l > Duration::ZERO).count()
    }

    fn add(&mut self, length: Duration, lasts: bool) {
        if lasts {
            self.lasting += 1;
        } else {
            self.ended.push(length);
        }
    }
}

/// What stands between a volume and a second writer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Data {
    /// The group has no volume.
    NoVolume,
    /// Never both nodes had a volume at once.
    Safe,
    /// Both had it; the storage refuses the old node's writes.
    Refused,
    /// Both had it, and writes of both could reach it.
    Danger,
}

impl Data {
    /// Its word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoVolume => "no_volume",
            Self::Safe => "safe",
            Self::Refused => "refused",
            Self::Danger => "danger",
        }
    }
}

/// One group in one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupVerdict {
    /// Its name.
    pub name: GroupName,
    /// Who served before, in most runs.
    pub before: Serving,
    /// Who serves while the fault stands, at its end: each outcome with the number of runs, the most frequent first.
    pub serves: Vec<(Serving, usize)>,
    /// Who serves long after the repair; empty where nothing was repaired.
    pub repaired: Vec<(Serving, usize)>,
    /// Time without service, all gaps of a run together.
    pub outage: Lengths,
    /// Time in which clients could be served by both nodes.
    pub dual: Lengths,
    /// Time after the repair until one node alone serves.
    pub dual_after_repair: Lengths,
    /// What became of the data.
    pub data: Data,
    /// Time in which both nodes could write.
    pub both_write: Lengths,
    /// Takeovers and planned moves in a run, at most.
    pub moves: usize,
}

impl GroupVerdict {
    /// The most frequent outcome.
    pub fn serving(&self) -> Serving {
        self.serves.first().map_or([false; 2], |(serving, _)| *serving)
    }
}

/// An alarm that rose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmVerdict {
    /// Its message id.
    pub id: String,
    /// On which node.
    pub node: NodeId,
    /// About what.
    pub subject: String,
    /// In how many runs.
    pub runs: usize,
    /// How soon, in half of these runs.
    pub after: Duration,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its name.
    pub name: String,
    /// Runs.
    pub runs: usize,
    /// Every group, in the order of the configuration.
    pub groups: Vec<GroupVerdict>,
    /// Alarms that did not stand before, by frequency.
    pub alarms: Vec<AlarmVerdict>,
    /// Groups that nobody served when the fault began: the run says little about them.
    pub unsettled: Vec<GroupName>,
    /// The seed of a run that went as most did.
    pub typical: u64,
}

/// Puts the runs of one fault together, each with its seed.
pub fn verdict(scene: &Scene, case: &Case, runs: &[(u64, Played)]) -> Verdict {
    let groups: Vec<GroupVerdict> =
        (0..scene.config.groups.len()).filter_map(|at| group(scene, at, case, runs)).collect();
    let unsettled = groups.iter().filter(|g| g.before == [false; 2]).map(|g| g.name.clone()).collect();
    Verdict {
        name: case.name.clone(),
        runs: runs.len(),
        typical: typical(scene, &groups, runs),
        groups,
        alarms: alarms(runs),
        unsettled,
    }
}

/// When clients are served by a node: what runs there, without the times at which nobody could reach it.
pub(super) fn served(played: &Played, group: usize, node: NodeId) -> Vec<Span> {
    let serving = played.outcome.groups.get(group).map(|g| g.serving[node.index()].as_slice()).unwrap_or_default();
    without(serving, cut(played, group, node))
}

/// When anything of the group could be reached at a node.
fn reached(played: &Played, group: usize, node: NodeId) -> Vec<Span> {
    let effects = played.outcome.groups.get(group).map(|g| g.effects[node.index()].as_slice()).unwrap_or_default();
    without(effects, cut(played, group, node))
}

fn cut(played: &Played, group: usize, node: NodeId) -> &[Span] {
    played.unreachable.get(group).map(|pair| pair[node.index()].as_slice()).unwrap_or_default()
}

fn without(spans: &[Span], cuts: &[Span]) -> Vec<Span> {
    let mut rest = spans.to_vec();
    for cut in cuts {
        rest = rest
            .into_iter()
            .flat_map(|s| {
                let before = Span { from: s.from, to: s.to.min(cut.from) };
                let after = Span { from: s.from.max(cut.to), to: s.to };
                [before, after].into_iter().filter(|s| s.from < s.to)
            })
            .collect();
    }
    rest
}

fn within(spans: &[Span], window: Span) -> Vec<Span> {
    spans.iter().filter_map(|s| s.common(window)).collect()
}

fn both(first: &[Span], second: &[Span]) -> Vec<Span> {
    let all = first.iter().flat_map(|a| second.iter().filter_map(|b| a.common(*b)));
    all.filter(|s| s.lasting() > INSTANT).collect()
}

fn gaps(served: &[Vec<Span>; 2], window: Span) -> Vec<Span> {
    let mut all: Vec<Span> = served.iter().flat_map(|s| within(s, window)).collect();
    all.sort_by_key(|s| s.from);
    let mut gaps = Vec::new();
    let mut until = window.from;
    for span in all {
        if span.from > until {
            gaps.push(Span { from: until, to: span.from });
        }
        until = until.max(span.to);
    }
    if until < window.to {
        gaps.push(Span { from: until, to: window.to });
    }
    gaps
}

fn total(spans: &[Span]) -> Duration {
    spans.iter().map(|s| s.lasting()).sum()
}

fn lasts(spans: &[Span], until: Duration) -> bool {
    spans.iter().any(|s| s.to >= until && s.lasting() > INSTANT)
}

fn at(served: &[Vec<Span>; 2], moment: Duration) -> Serving {
    let just_before = moment.saturating_sub(Duration::from_nanos(1));
    served.each_ref().map(|spans| spans.iter().any(|s| s.from <= just_before && just_before < s.to))
}

fn most_frequent<K: Ord + Copy>(all: impl Iterator<Item = K>) -> Vec<(K, usize)> {
    let mut counts: BTreeMap<K, usize> = BTreeMap::new();
    for key in all {
        *counts.entry(key).or_default() += 1;
    }
    let mut counts: Vec<(K, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| core::cmp::Reverse(*count));
    counts
}

fn group(scene: &Scene, number: usize, case: &Case, runs: &[(u64, Played)]) -> Option<GroupVerdict> {
    let name = scene.config.groups.get(number)?.name.clone();
    let repaired = case.script.as_ref().is_ok_and(|s| !s.repair.is_empty());
    let mut before = Vec::new();
    let mut during = Vec::new();
    let mut after = Vec::new();
    let mut found = GroupVerdict {
        name: name.clone(),
        before: [false; 2],
        serves: Vec::new(),
        repaired: Vec::new(),
        outage: Lengths::default(),
        dual: Lengths::default(),
        dual_after_repair: Lengths::default(),
        data: Data::NoVolume,
        both_write: Lengths::default(),
        moves: 0,
    };
    for (_, played) in runs {
        let moments = played.moments;
        let served = NodeId::BOTH.map(|node| served(played, number, node));
        before.push(at(&served, moments.begin));
        during.push(at(&served, moments.repair));
        if repaired {
            after.push(at(&served, moments.end));
        }
        let gaps = gaps(&served, moments.during());
        found.outage.add(total(&gaps), lasts(&gaps, moments.repair));
        let [first, second] = NodeId::BOTH.map(|node| reached(played, number, node));
        let dual = both(&first, &second);
        let standing = within(&dual, moments.during());
        found.dual.add(total(&standing), lasts(&standing, moments.repair));
        if repaired {
            let healing = within(&dual, moments.after());
            found.dual_after_repair.add(total(&healing), lasts(&healing, moments.end));
        }
        let (data, writing) = data(scene, &name, played, moments);
        found.data = found.data.max(data);
        found.both_write.add(total(&writing), lasts(&writing, moments.repair));
        found.moves = found.moves.max(moves(played, &name, moments));
    }
    for lengths in [&mut found.outage, &mut found.dual, &mut found.dual_after_repair, &mut found.both_write] {
        lengths.ended.sort_unstable();
    }
    found.before = most_frequent(before.into_iter()).first().map(|(s, _)| *s)?;
    found.serves = most_frequent(during.into_iter());
    found.repaired = most_frequent(after.into_iter());
    Some(found)
}

/// Both nodes having a volume at once, from the fault to the end of the run.
fn data(scene: &Scene, group: &GroupName, played: &Played, moments: Moments) -> (Data, Vec<Span>) {
    let window = Span { from: moments.begin, to: moments.end };
    let mut worst = Data::NoVolume;
    let mut writing = Vec::new();
    for (thing, spans) in scene.resources.iter().zip(&played.outcome.resources) {
        let What::Volume(protection) = &thing.what else { continue };
        if thing.group != *group {
            continue;
        }
        let overlap = within(&both(&spans[0], &spans[1]), window);
        let here = if overlap.is_empty() { Data::Safe } else { danger(protection) };
        worst = worst.max(here);
        if here == Data::Danger {
            writing.extend(overlap);
        }
    }
    (worst, writing)
}

/// What two mounts at once mean. A lease is obeyed by the daemons, not enforced by the disk: a machine that stood still writes
/// until it has noticed.
fn danger(protection: &VolumeProtection) -> Data {
    match protection {
        VolumeProtection::None | VolumeProtection::Lease { .. } | VolumeProtection::Mmp => Data::Danger,
        VolumeProtection::Reservation => Data::Refused,
    }
}

fn moves(played: &Played, group: &GroupName, moments: Moments) -> usize {
    let took = |h: &Happening| matches!(h, Happening::Took { group: g, .. } if g == group);
    let all = played.outcome.happenings.iter();
    all.filter(|(at, happening)| *at >= moments.begin && took(happening)).count()
}

fn alarms(runs: &[(u64, Played)]) -> Vec<AlarmVerdict> {
    let mut all: BTreeMap<(String, NodeId, String), Vec<Duration>> = BTreeMap::new();
    for (_, played) in runs {
        let mut first: BTreeMap<(String, NodeId, String), Duration> = BTreeMap::new();
        let begin = played.moments.begin;
        for alarm in
            played.outcome.alarms.iter().filter(|a| a.span.from >= begin && a.span.from < played.moments.repair)
        {
            let key = (alarm.id.clone(), alarm.node, alarm.subject.clone());
            first.entry(key).or_insert(alarm.span.from - begin);
        }
        for (key, after) in first {
            all.entry(key).or_default().push(after);
        }
    }
    let mut alarms: Vec<AlarmVerdict> = all
        .into_iter()
        .map(|((id, node, subject), mut after)| {
            after.sort_unstable();
            let middle = after.get(after.len() / 2).copied().unwrap_or_default();
            AlarmVerdict { id, node, subject, runs: after.len(), after: middle }
        })
        .collect();
    alarms.sort_by_key(|a| (core::cmp::Reverse(a.runs), a.after));
    alarms
}

/// The seed of a run with the most frequent outcome of the focus group and a length of outage in the middle.
fn typical(scene: &Scene, groups: &[GroupVerdict], runs: &[(u64, Played)]) -> u64 {
    let serving = groups.get(scene.focus).map(GroupVerdict::serving);
    let mut same: Vec<(Duration, u64)> = runs
        .iter()
        .filter_map(|(seed, played)| {
            let served = NodeId::BOTH.map(|node| served(played, scene.focus, node));
            let length = total(&gaps(&served, played.moments.during()));
            (Some(at(&served, played.moments.repair)) == serving).then_some((length, *seed))
        })
        .collect();
    same.sort_unstable();
    same.get(same.len() / 2).map_or(0, |(_, seed)| *seed)
}
