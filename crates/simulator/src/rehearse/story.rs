//! One run, told as a list of moments: what was done, which rule decided, who served when, which alarm stood.

use super::run::Played;
use super::scene::Scene;
use super::verdict::served;
use crate::world::Happening;
use core::time::Duration;
use hotpair_types::{GroupName, NodeId};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// The fault begins.
    Begins,
    /// It is repaired.
    Repaired,
    /// A rule decided.
    Rule(GroupName, String),
    /// A new epoch is in effect.
    Takes(GroupName),
    /// A start began.
    Starts(GroupName),
    /// Clients are served by this node.
    Serves(GroupName),
    /// No longer.
    ServesNoLonger(GroupName),
    /// From here on clients are served by both.
    BothServe(GroupName),
    /// An alarm rose: its id and what it is about.
    Alarm(String, String),
    /// It is over.
    AlarmOver(String, String),
}

/// A moment of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the fault began.
    pub at: Duration,
    /// Where; `None`: between the nodes.
    pub node: Option<NodeId>,
    /// What.
    pub told: Told,
}

/// The story of a run, from the beginning of the fault on.
pub fn story(scene: &Scene, played: &Played) -> Vec<Moment> {
    let begin = played.moments.begin;
    let mut all = vec![Moment { at: Duration::ZERO, node: None, told: Told::Begins }];
    let mut put = |at: Duration, node, told| {
        if at >= begin && at < played.moments.end {
            all.push(Moment { at: at - begin, node, told });
        }
    };
    if played.moments.repair < played.moments.end {
        put(played.moments.repair, None, Told::Repaired);
    }
    for (at, happening) in &played.outcome.happenings {
        match happening {
            Happening::Decided { node, group, rule } => put(*at, Some(*node), Told::Rule(group.clone(), rule.clone())),
            Happening::Took { node, group, .. } => put(*at, Some(*node), Told::Takes(group.clone())),
            Happening::Started { node, group } => put(*at, Some(*node), Told::Starts(group.clone())),
            _ => {}
        }
    }
    for alarm in &played.outcome.alarms {
        let (id, subject) = (alarm.id.clone(), alarm.subject.clone());
        put(alarm.span.from, Some(alarm.node), Told::Alarm(id.clone(), subject.clone()));
        put(alarm.span.to, Some(alarm.node), Told::AlarmOver(id, subject));
    }
    for (number, group) in scene.config.groups.iter().enumerate() {
        let spans = NodeId::BOTH.map(|node| served(played, number, node));
        for node in NodeId::BOTH {
            for span in &spans[node.index()] {
                let other = &spans[node.other().index()];
                let both = other.iter().any(|s| s.from <= span.from && span.from < s.to);
                put(span.from, Some(node), Told::Serves(group.name.clone()));
                if both {
                    put(span.from, None, Told::BothServe(group.name.clone()));
                }
                put(span.to, Some(node), Told::ServesNoLonger(group.name.clone()));
            }
        }
    }
    all.sort_by(|a, b| (a.at, a.node.is_some(), a.node, &a.told).cmp(&(b.at, b.node.is_some(), b.node, &b.told)));
    all.dedup();
    // A start of three resources, or one that is held back and tried again, is told once.
    let mut starting: Vec<(Option<NodeId>, GroupName)> = Vec::new();
    all.retain(|moment| match &moment.told {
        Told::Starts(group) => {
            let key = (moment.node, group.clone());
            let new = !starting.contains(&key);
            starting.push(key);
            new
        }
        Told::Serves(group) | Told::ServesNoLonger(group) | Told::Takes(group) => {
            starting.retain(|(node, started)| *node != moment.node || started != group);
            true
        }
        _ => true,
    });
    all
}
