//! What stands and needs a person: computed afresh from the situation, so an alarm ends by itself when its cause does.

use crate::Arbiter;
use crate::facts::{PeerPresence, Sign};
use crate::io::{Sentence, Severity};
use crate::report::trouble;
use crate::rules::{self, Action};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use hotpair_types::{Desired, FenceHealth, FenceState, GroupState, PathState, Readiness, Timestamp, WatchdogState};
use serde::{Deserialize, Serialize};

/// A standing alarm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) sentence: Sentence,
    pub(crate) severity: Severity,
    pub(crate) since: Timestamp,
}

struct Found {
    id: &'static str,
    subject: String,
    severity: Severity,
    parameters: Vec<(&'static str, String)>,
}

impl Arbiter {
    pub(crate) fn raise_alarms(&mut self, now: Timestamp) {
        // Each search ends before it makes anything, in the usual case: nothing is wrong.
        let mut found = Vec::new();
        self.node_alarms(&mut found);
        self.third_party_alarms(&mut found);
        self.path_alarms(&mut found);
        for at in 0..self.groups.len() {
            self.group_alarms(at, &mut found);
        }
        let mut standing = BTreeMap::new();
        for alarm in found {
            let mut parameters: BTreeMap<String, String> =
                alarm.parameters.into_iter().map(|(k, v)| (k.to_string(), v)).collect();
            parameters.insert("subject".to_string(), alarm.subject.clone());
            parameters.insert("node".to_string(), self.name(self.me()));
            parameters.insert("peer".to_string(), self.name(self.me().other()));
            let key = (alarm.id.to_string(), alarm.subject);
            let since = self.alarms.get(&key).map_or(now, |s| s.since);
            let sentence = Sentence { id: alarm.id.to_string(), parameters };
            standing.insert(key, Standing { sentence, severity: alarm.severity, since });
        }
        self.alarms = standing;
    }

    fn node_alarms(&self, found: &mut Vec<Found>) {
        let peer = self.name_of(self.me().other());
        let me = self.name_of(self.me());
        let mut raise = |id, severity, subject: &str, parameters| {
            found.push(Found { id, subject: subject.to_string(), severity, parameters });
        };
        if !self.hbd_alive {
            raise("A120", Severity::Warning, me, Vec::new());
        }
        if !self.resd_alive {
            raise("A121", Severity::Warning, me, Vec::new());
        }
        if let Some((error, _)) = &self.persist_error {
            raise("A140", Severity::Critical, me, alloc::vec![("reason", error.clone())]);
        }
        match (self.presence(), self.sign()) {
            (PeerPresence::Heard, _) => {
                if self.word.as_ref().is_none_or(|w| !w.current) {
                    raise("A122", Severity::Warning, peer, Vec::new());
                }
            }
            (PeerPresence::Silent, Sign::Alive(sign)) => {
                raise("A103", Severity::Warning, peer, alloc::vec![("sign", sign.as_str().to_string())]);
            }
            (PeerPresence::Silent, Sign::Isolated) => raise("A150", Severity::Critical, me, Vec::new()),
            (PeerPresence::Silent, Sign::None) => raise("A110", Severity::Warning, peer, Vec::new()),
            (PeerPresence::Silent, Sign::Unknown) => raise("A111", Severity::Warning, peer, Vec::new()),
            (PeerPresence::Unknown, _) => {}
        }
        if let Some(word) = self.word.as_ref().filter(|w| w.current) {
            if word.advert.config != self.config.digest {
                raise("A130", Severity::Critical, peer, Vec::new());
            }
            if !word.advert.resd_alive {
                raise("A123", Severity::Warning, peer, Vec::new());
            }
        }
    }

    /// What a guarantee rests on beside the two nodes, and does not work.
    fn third_party_alarms(&self, found: &mut Vec<Found>) {
        let me = self.name_of(self.me());
        let peer = self.name_of(self.me().other());
        let mut raise = |id, severity, subject: &str, reason: &str| {
            let parameters = alloc::vec![("reason", reason.to_string())];
            found.push(Found { id, subject: subject.to_string(), severity, parameters });
        };
        if self.config.arbitration.witness.is_some()
            && let Some(view) = self.arbitration.witness.as_ref().filter(|w| !w.reachable)
        {
            raise("A160", Severity::Warning, "witness", &view.reason);
        }
        if self.config.arbitration.fence.is_some() {
            if let Some(FenceHealth::Broken { reason }) = self.observed.as_ref().map(|o| &o.fence_health) {
                raise("A161", Severity::Warning, peer, reason);
            }
            if let Some(FenceState::Failed { reason }) = self.arbitration.shot.as_ref().and_then(|s| s.state.as_ref()) {
                raise("A162", Severity::Critical, peer, reason);
            }
        }
        if let Some(WatchdogState::Broken { reason }) = self.observed.as_ref().map(|o| &o.watchdog) {
            raise("A163", Severity::Warning, me, reason);
        }
    }

    fn path_alarms(&self, found: &mut Vec<Found>) {
        let Some(view) = self.view.as_ref().filter(|_| self.hbd_alive) else { return };
        let silent = view.all_paths_down();
        for path in &view.paths {
            if path.rx.state == PathState::Down && !silent {
                let cause = crate::report::cause(&path.rx.cause);
                let parameters =
                    alloc::vec![("cause", cause.to_string()), ("medium", path.medium.as_str().to_string())];
                found.push(Found {
                    id: "A101",
                    subject: path.name.to_string(),
                    severity: Severity::Warning,
                    parameters,
                });
            } else if path.tx.state == PathState::Down && path.rx.state != PathState::Down {
                let parameters = alloc::vec![("medium", path.medium.as_str().to_string())];
                found.push(Found {
                    id: "A102",
                    subject: path.name.to_string(),
                    severity: Severity::Warning,
                    parameters,
                });
            }
        }
    }

    fn group_alarms(&self, at: usize, found: &mut Vec<Found>) {
        let Some(group) = self.groups.get(at) else { return };
        let name = &group.config.name;
        let mut raise =
            |id, severity, parameters| found.push(Found { id, subject: name.to_string(), severity, parameters });
        let mine = group.steward() == self.me();
        let failure_text = || group.observed.as_ref().map(trouble).unwrap_or_default();
        if group.state() == GroupState::StopFailed {
            raise("A203", Severity::Critical, alloc::vec![("reason", failure_text())]);
        } else if mine && group.state() == GroupState::Failed {
            raise(
                "A202",
                Severity::Critical,
                alloc::vec![("reason", failure_text()), ("rule", group.rule.to_string())],
            );
        } else if let Some(rule) = rules::RULES.iter().find(|r| {
            r.severity == Severity::Critical
                && matches!(r.action, Action::Stand | Action::Keep | Action::SeekVote | Action::Shoot)
                && r.id == group.rule
        }) {
            // A critical hold: nobody serves it, and a person can change that.
            raise("A201", Severity::Critical, alloc::vec![("rule", rule.id.to_string())]);
        }
        // What went wrong over there is an alarm here as well: people look at either node.
        let current = self.word.as_ref().is_some_and(|w| w.current);
        match group.remote.as_ref().filter(|_| current).map(|r| r.state) {
            Some(GroupState::Failed) if !mine => raise("A209", Severity::Critical, Vec::new()),
            Some(GroupState::StopFailed) => raise("A210", Severity::Critical, Vec::new()),
            _ => {}
        }
        if group.conflict_since.is_some() {
            raise("A301", Severity::Critical, Vec::new());
        }
        if group.settings.value.maintenance.is_some() {
            raise("A207", Severity::Info, Vec::new());
        }
        if group.settings.value.frozen.is_some() {
            raise("A208", Severity::Info, Vec::new());
        }
        if group.moves_exhausted() {
            raise("A204", Severity::Warning, alloc::vec![("moves", group.config.max_moves.to_string())]);
        }
        self.standby_alarm(at, found);
    }

    /// A standby that could not take over is found out while it is not needed.
    fn standby_alarm(&self, at: usize, found: &mut Vec<Found>) {
        let Some(group) = self.groups.get(at) else { return };
        let me = self.me();
        if group.config.nodes.len() < 2 {
            return;
        }
        let standby = group.steward().other();
        let ready = if standby == me {
            (group.desired == Desired::Stopped && self.resd_alive).then(|| group.readiness(true))
        } else {
            let current = self.word.as_ref().is_some_and(|w| w.current);
            let there = group.remote.as_ref().filter(|_| current).map(|r| &r.ready);
            there.filter(|ready| matches!(ready, Readiness::NotReady { .. })).cloned()
        };
        if let Some(Readiness::NotReady { reason, .. }) = ready {
            found.push(Found {
                id: "A205",
                subject: group.config.name.to_string(),
                severity: Severity::Warning,
                parameters: alloc::vec![("standby", self.name(standby)), ("reason", reason)],
            });
        }
    }
}
