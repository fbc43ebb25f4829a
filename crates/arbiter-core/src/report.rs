//! What people get to see: events of changes, and the snapshot.

use crate::Arbiter;
use crate::facts::{PeerPresence, Sign};
use crate::io::Severity;
use crate::snapshot::{
    AlarmSnapshot, FenceSnapshot, GroupOnNodeSnapshot, GroupSnapshot, NodeSnapshot, NodeState, Snapshot,
};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use hotpair_types::{
    Claim, GroupObserved, GroupState, NodeId, NodeMode, ObservedView, PathCause, PathState, PathView, PeerView,
    Readiness, ResourceState, Timestamp, Verdict,
};

/// Lines of evidence told with a verdict.
const EVIDENCE_TOLD: usize = 12;

/// A path's cause in plain English, for parameters of sentences (the console has its own words for both languages).
pub(crate) fn cause(cause: &PathCause) -> Cow<'static, str> {
    match cause {
        PathCause::None => Cow::Borrowed("none"),
        PathCause::NeverHeard => Cow::Borrowed("never-heard"),
        PathCause::Missed(count) => Cow::Owned(alloc::format!("missed {count}")),
        PathCause::NoCarrier => Cow::Borrowed("no-carrier"),
        PathCause::DeviceMissing(what) => Cow::Owned(alloc::format!("device-missing: {what}")),
        PathCause::IoError(what) => Cow::Owned(alloc::format!("io-error: {what}")),
        PathCause::PartnerSilent => Cow::Borrowed("partner-silent"),
        PathCause::PeerDoesNotHear => Cow::Borrowed("peer-does-not-hear"),
        PathCause::NoReport => Cow::Borrowed("no-report"),
        PathCause::Stale => Cow::Borrowed("stale"),
        PathCause::Unauthenticated => Cow::Borrowed("unauthenticated"),
        PathCause::OwnEcho => Cow::Borrowed("own-echo"),
        PathCause::Hanging(what) => Cow::Owned(alloc::format!("hanging: {what}")),
        PathCause::ForeignArea(what) => Cow::Owned(alloc::format!("foreign-area: {what}")),
        PathCause::DamagedSlot(what) => Cow::Owned(alloc::format!("damaged-slot: {what}")),
    }
}

impl Arbiter {
    /// Paths that changed colour.
    pub(crate) fn report_paths(&mut self, view: &PeerView, now: Timestamp) {
        let old = self.view.as_ref().filter(|v| v.hbd == view.hbd).map(|v| v.paths.as_slice()).unwrap_or_default();
        let same =
            |a: &PathView, b: &PathView| a.name == b.name && a.rx.state == b.rx.state && a.tx.state == b.tx.state;
        if old.len() == view.paths.len() && old.iter().zip(&view.paths).all(|(a, b)| same(a, b)) {
            return;
        }
        let old = old.to_vec();
        for path in &view.paths {
            let before = old.iter().find(|p| p.name == path.name);
            for (direction, is, was) in
                [("rx", &path.rx, before.map(|b| &b.rx)), ("tx", &path.tx, before.map(|b| &b.tx))]
            {
                let was = was.map_or(PathState::Unknown, |w| w.state);
                let (id, severity) = match (was, is.state) {
                    (a, b) if a == b => continue,
                    (_, PathState::Down) => ("P103", Severity::Warning),
                    (_, PathState::Late) => ("P102", Severity::Info),
                    (_, PathState::Up) => ("P101", Severity::Info),
                    (_, PathState::Unknown) => continue,
                };
                let parameters = [
                    ("direction", direction.to_string()),
                    ("cause", cause(&is.cause).to_string()),
                    ("medium", path.medium.as_str().to_string()),
                ];
                self.event(now, id, severity, None, Some(path.name.to_string()), &parameters);
            }
        }
    }

    /// Groups whose resources changed state here.
    pub(crate) fn report_groups(&mut self, view: &ObservedView, now: Timestamp) {
        let changes: Vec<_> = self
            .groups
            .iter()
            .filter_map(|group| {
                let new = view.groups.get(&group.config.name)?;
                let old = group.observed.as_ref();
                if old.map(|o| o.state) == Some(new.state) {
                    return None;
                }
                let took = old.map(|o| now.since(o.since).as_millis().to_string()).unwrap_or_default();
                let reason = trouble(new);
                Some((group.config.name.clone(), new.state, took, reason))
            })
            .collect();
        for (name, state, took, reason) in changes {
            let (id, severity) = match state {
                GroupState::Unknown => continue,
                GroupState::Stopped => ("E231", Severity::Info),
                GroupState::Starting => ("E232", Severity::Info),
                GroupState::Running => ("E233", Severity::Info),
                GroupState::Recovering => ("E234", Severity::Warning),
                GroupState::Stopping => ("E235", Severity::Info),
                GroupState::Failed => ("E236", Severity::Critical),
                GroupState::StopFailed => ("E237", Severity::Critical),
            };
            self.event(now, id, severity, Some(name), None, &[("took_ms", took), ("reason", reason)]);
        }
    }

    /// The safety check's word while the peer is silent: an event when it changes. What the speculative rounds say while heartbeats
    /// are merely late is no news; how strong a sign of life is may differ from round to round and is none either.
    pub(crate) fn report_verdict(&mut self, now: Timestamp) {
        if self.presence() != PeerPresence::Silent {
            self.told_verdict = None;
            return;
        }
        let (id, severity, sign) = match &self.verdict {
            Some(Verdict::PeerAlive(sign)) => ("S110", Severity::Info, sign.as_str()),
            Some(Verdict::NoSign) => ("S120", Severity::Warning, ""),
            Some(Verdict::IAmIsolated) => ("S130", Severity::Warning, ""),
            Some(Verdict::Unknown) | None => return,
        };
        if self.told_verdict.as_deref() == Some(id) {
            return;
        }
        self.told_verdict = Some(id.to_string());
        let newest: Vec<&str> = self.safety.lines().map(String::as_str).collect();
        let evidence = newest.get(newest.len().saturating_sub(EVIDENCE_TOLD)..).unwrap_or_default().join("; ");
        let parameters = [("sign", sign.to_string()), ("evidence", evidence)];
        self.event(now, id, severity, None, None, &parameters);
    }

    fn peer_node_state(&self) -> NodeState {
        match (self.presence(), self.sign()) {
            (PeerPresence::Unknown, _) => NodeState::Unknown,
            (PeerPresence::Heard, _) => match &self.word {
                Some(word) if word.current && word.advert.leaving => NodeState::Left,
                Some(word) if word.current && word.advert.booting => NodeState::Booting,
                _ => NodeState::Alive,
            },
            (PeerPresence::Silent, Sign::Alive(_)) => NodeState::SilentButAlive,
            (PeerPresence::Silent, Sign::None) => NodeState::NoSign,
            (PeerPresence::Silent, Sign::Unknown | Sign::Isolated) => NodeState::Silent,
        }
    }

    /// The peer's state changed: an event.
    pub(crate) fn report_peer(&mut self, now: Timestamp) {
        let state = self.peer_node_state();
        let (was, _) = self.peer_state;
        if state == was {
            return;
        }
        self.peer_state = (state, now);
        let (id, severity) = match state {
            NodeState::Unknown => ("E100", Severity::Info),
            NodeState::Alive | NodeState::Booting => ("E101", Severity::Info),
            NodeState::SilentButAlive => ("E102", Severity::Critical),
            NodeState::Silent => ("E103", Severity::Warning),
            NodeState::NoSign => ("E104", Severity::Critical),
            NodeState::Left => ("E105", Severity::Info),
        };
        let subject = self.name(self.me().other());
        self.event(now, id, severity, None, Some(subject), &[]);
    }

    /// Everything a person may want to see.
    pub fn snapshot(&self, now: Timestamp) -> Snapshot {
        let mut alarms: Vec<AlarmSnapshot> = self
            .alarms
            .iter()
            .map(|((_, subject), standing)| AlarmSnapshot {
                sentence: standing.sentence.clone(),
                severity: standing.severity,
                subject: subject.clone(),
                since: standing.since,
            })
            .collect();
        alarms.sort_by_key(|a| core::cmp::Reverse(a.severity));
        Snapshot {
            taken_at: now,
            nodes: NodeId::BOTH.map(|node| self.node_snapshot(node)),
            groups: self.groups.iter().map(|g| self.group_snapshot(g, now)).collect(),
            paths: self.view.as_ref().map(|v| v.paths.clone()).unwrap_or_default(),
            verdict: self.verdict.clone(),
            checking_since: self.safety.since(),
            round: self.safety.round(),
            evidence: self.safety.lines().cloned().collect(),
            alarms,
            witness: self.arbitration.witness.clone().filter(|_| self.config.arbitration.witness.is_some()),
            fence: self.config.arbitration.fence.map(|_| FenceSnapshot {
                health: self.observed.as_ref().map(|o| o.fence_health.clone()).unwrap_or_default(),
                ordered: self.fence_order().is_some(),
                state: self.arbitration.shot.as_ref().and_then(|s| s.state.clone()),
            }),
            watchdog: self.observed.as_ref().map(|o| o.watchdog.clone()).filter(|_| self.config.arbitration.watchdog),
            watchdog_stands: self.watchdog_stands(),
        }
    }

    fn node_snapshot(&self, node: NodeId) -> NodeSnapshot {
        let mode = self.nodes.get(node.index()).map_or(NodeMode::Online, |n| n.value.mode);
        if node == self.me() {
            return NodeSnapshot {
                node,
                state: if self.boot_wait_over { NodeState::Alive } else { NodeState::Booting },
                since: self.started,
                mode,
                hbd_alive: self.hbd_alive,
                arbiterd_alive: true,
                resd_alive: self.resd_alive,
                config_differs: false,
                boot: Some(self.seed.boot),
                config: Some(self.config.digest),
            };
        }
        let word = self.word.as_ref();
        let current = word.is_some_and(|w| w.current);
        NodeSnapshot {
            node,
            state: self.peer_state.0,
            since: self.peer_state.1,
            mode,
            hbd_alive: self.presence() == PeerPresence::Heard,
            arbiterd_alive: current,
            resd_alive: current && word.is_some_and(|w| w.advert.resd_alive),
            config_differs: word.is_some_and(|w| w.advert.config != self.config.digest),
            boot: word.map(|w| w.advert.boot),
            config: word.map(|w| w.advert.config),
        }
    }

    fn group_snapshot(&self, group: &crate::group::Group, now: Timestamp) -> GroupSnapshot {
        let me = self.me();
        let current = self.word.as_ref().is_some_and(|w| w.current);
        let here = GroupOnNodeSnapshot {
            state: group.state(),
            serving: group.serving() && group.observed.is_some(),
            ready: group.readiness(self.resd_alive),
            failed: group.failed_until.is_some() || group.state() == GroupState::Failed,
            claim: group.claim(me),
            current: self.resd_alive,
        };
        let there = match &group.remote {
            Some(r) => GroupOnNodeSnapshot {
                state: r.state,
                serving: r.serving,
                ready: r.ready.clone(),
                failed: r.failed,
                claim: r.claim,
                current,
            },
            None => GroupOnNodeSnapshot {
                state: GroupState::Unknown,
                serving: false,
                ready: Readiness::Unknown,
                failed: false,
                claim: Claim::None,
                current: false,
            },
        };
        let level = self.level(group);
        GroupSnapshot {
            name: group.config.name.clone(),
            epoch: group.epoch,
            nodes: if me == NodeId::FIRST { [here, there] } else { [there, here] },
            rule: group.rule,
            reason: group.reason.clone(),
            frozen_left: group.settings.value.frozen.map(|u| u.left(now)),
            maintenance_left: group.settings.value.maintenance.map(|u| u.left(now)),
            moves: group.moves(now),
            quarantined: group.quarantined(now),
            preferred: group.preferred(),
            local: group.observed.clone(),
            level: level.now,
            configured_level: level.configured,
            missing: level.missing,
        }
    }

    /// Name of a rule's group owner, for tests and the simulator.
    pub fn epoch_of(&self, group: &str) -> Option<hotpair_types::Epoch> {
        self.groups.iter().find(|g| g.config.name.as_str() == group).map(|g| g.epoch)
    }

    /// The alarms that stand: message id and subject.
    pub fn standing_alarms(&self) -> impl Iterator<Item = (&str, &str)> {
        self.alarms.keys().map(|(id, subject)| (id.as_str(), subject.as_str()))
    }

    /// The digest text of the configuration in force.
    pub fn config_digest(&self) -> String {
        self.config.digest.to_string()
    }
}

/// What troubles a group here, in words: why it cannot run here, else the last error of the first resource that is not well.
/// Empty: nothing.
pub(crate) fn trouble(group: &GroupObserved) -> String {
    if let Some(failure) = &group.failure {
        return alloc::format!("{}: {}", failure.resource, failure.text);
    }
    let unwell = |state| matches!(state, ResourceState::Failed | ResourceState::StopFailed);
    let found = group.resources.iter().find(|resource| unwell(resource.state));
    found
        .and_then(|resource| Some(alloc::format!("{}: {}", resource.name, resource.last_error.as_ref()?)))
        .unwrap_or_default()
}
