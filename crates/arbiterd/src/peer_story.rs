//! What the peer tells of its groups, for the history of this node (B1): changes of state there, and how it came to have what it
//! has. And the other way round: how this node came to have its groups, for the peer.
//!
//! It travels within adverts, as a field that no decision looks at. Times of the peer are by its wall clock: for people only.

use crate::history::Record;
use arbiter_core::rules::{self, Action};
use hotpair_proto::arbiter::v1 as pb;
use hotpair_types::{Advert, GroupState};
use prost::Message as _;
use std::collections::BTreeMap;

/// Groups whose way to this node is told at most: adverts travel in heartbeats.
const MAX_MOVES: usize = 32;

/// How this node took a group.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Move {
    epoch: u64,
    rule: String,
    wall_ms: u64,
    decided_ms: u64,
    ran_after_ms: Option<u64>,
}

/// Of what this node does, what the peer is told.
#[derive(Debug, Default)]
pub struct OwnStory {
    /// The newest decision to take, per group, until the epoch follows.
    decided: BTreeMap<String, (String, u64, u64)>,
    moves: BTreeMap<String, Move>,
}

impl OwnStory {
    /// An own event was recorded. True if there is something new to tell.
    pub fn note(&mut self, record: &Record) -> bool {
        let group = &record.group;
        if group.is_empty() {
            return false;
        }
        let at_ms = record.at.as_millis();
        if let Some(rule) = rules::by_id(&record.message_id) {
            if matches!(rule.action, Action::TakeOver | Action::TakeOffered | Action::Run) && rule.id != "R340" {
                self.decided.insert(group.clone(), (rule.id.to_owned(), record.wall_ms, at_ms));
            }
            return false;
        }
        match record.message_id.as_str() {
            "E200" => {
                let Some((rule, wall_ms, decided_ms)) = self.decided.remove(group) else { return false };
                // "2.1" is epoch 2 of node 1.
                let epoch = record.parameters.get("epoch").and_then(|e| e.split('.').next()?.parse().ok());
                let told = Move { epoch: epoch.unwrap_or(0), rule, wall_ms, decided_ms, ran_after_ms: None };
                if self.moves.len() < MAX_MOVES || self.moves.contains_key(group) {
                    self.moves.insert(group.clone(), told);
                }
                true
            }
            "E202" => self.moves.remove(group).is_some(),
            "E233" => match self.moves.get_mut(group).filter(|m| m.ran_after_ms.is_none()) {
                Some(told) => {
                    told.ran_after_ms = Some(at_ms.saturating_sub(told.decided_ms));
                    true
                }
                None => false,
            },
            _ => false,
        }
    }

    /// What is told, as bytes to append to an encoded advert: messages of one type merge when they are put one behind the other.
    #[must_use]
    pub fn appendix(&self) -> Vec<u8> {
        let moves = self.moves.iter().map(|(group, told)| pb::AdvertMove {
            group: group.clone(),
            epoch: told.epoch,
            rule: told.rule.clone(),
            wall_clock_ms: told.wall_ms,
            ran_after_ms: told.ran_after_ms,
        });
        pb::Advert { moves: moves.collect(), ..pb::Advert::default() }.encode_to_vec()
    }
}

/// An event about the peer: its message, the group, further parameters.
pub type Heard = (&'static str, String, Vec<(&'static str, String)>);

/// What the peer told last.
#[derive(Debug, Default)]
pub struct PeerStory {
    states: BTreeMap<String, GroupState>,
    /// Newest move told per group: its epoch, and whether it was complete.
    moves: BTreeMap<String, (u64, bool)>,
}

impl PeerStory {
    /// The peer's newest advert, decoded and as it came. Gives what is new in it. What was so when this node began to listen is
    /// no news, but how the peer came to what it has is.
    pub fn hear(&mut self, advert: &Advert, bytes: &[u8]) -> Vec<Heard> {
        let mut news = Vec::new();
        for group in &advert.groups {
            let name = group.name.to_string();
            let before = self.states.insert(name.clone(), group.state);
            if before.is_some_and(|before| before != group.state)
                && let Some(id) = state_id(group.state)
            {
                news.push((id, name, Vec::new()));
            }
        }
        // The advert was decoded from these bytes a moment ago.
        let moves = pb::Advert::decode(bytes).map(|a| a.moves).unwrap_or_default();
        for told in moves.into_iter().take(MAX_MOVES) {
            let known = advert.groups.iter().any(|g| g.name.as_str() == told.group);
            // Told when it is complete, or when this node hears of it for the first time and the start is long over.
            let complete = told.ran_after_ms.is_some();
            let new = self.moves.get(&told.group).is_none_or(|(epoch, was)| *epoch != told.epoch || (complete && !was));
            if !known || !new {
                continue;
            }
            self.moves.insert(told.group.clone(), (told.epoch, complete));
            if complete && rules::by_id(&told.rule).is_some() {
                news.push(move_told(told));
            }
        }
        news
    }
}

fn move_told(told: pb::AdvertMove) -> Heard {
    let mut parameters = vec![
        ("epoch", told.epoch.to_string()),
        ("rule", told.rule),
        // Rendered from the rule where it is read.
        ("why", String::new()),
        ("wall_ms", told.wall_clock_ms.to_string()),
    ];
    parameters.extend(told.ran_after_ms.map(|ms| ("ran_after_ms", ms.to_string())));
    ("E248", told.group, parameters)
}

const fn state_id(state: GroupState) -> Option<&'static str> {
    Some(match state {
        GroupState::Unknown => return None,
        GroupState::Stopped => "E241",
        GroupState::Starting => "E242",
        GroupState::Running => "E243",
        GroupState::Recovering => "E244",
        GroupState::Stopping => "E245",
        GroupState::Failed => "E246",
        GroupState::StopFailed => "E247",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arbiter_core::io::Severity;
    use hotpair_types::{BootId, Timestamp};

    fn record(at_ms: u64, id: &str, parameters: &[(&str, &str)]) -> Record {
        Record {
            wall_ms: 1_000_000 + at_ms,
            at: Timestamp::from_millis(at_ms),
            boot: BootId([1; 16]),
            message_id: id.to_owned(),
            severity: Severity::Info,
            group: "web".to_owned(),
            subject: String::new(),
            parameters: parameters.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
            facts: BTreeMap::new(),
        }
    }

    /// B1: how a node took a group is told to the peer: rule, instant, epoch, and how long it took until everything ran.
    #[test]
    fn a_takeover_is_told_to_the_peer_once_it_is_complete() {
        let mut own = OwnStory::default();
        assert!(!own.note(&record(100, "R460", &[])));
        assert!(own.note(&record(108, "E200", &[("epoch", "2.1")])));
        let half = pb::Advert::decode(own.appendix().as_slice()).unwrap();
        assert_eq!((half.moves[0].epoch, half.moves[0].ran_after_ms), (2, None));
        assert!(!own.note(&record(109, "R345", &[])), "the start that follows is no decision to take");
        assert!(own.note(&record(994, "E233", &[])));
        let told = pb::Advert::decode(own.appendix().as_slice()).unwrap().moves.remove(0);
        assert_eq!((told.rule.as_str(), told.ran_after_ms, told.wall_clock_ms), ("R460", Some(894), 1_000_100));
        assert!(own.note(&record(9_000, "E202", &[])), "it went to the peer");
        assert!(own.appendix().is_empty());
    }
}
