//! What people ask: checked, explained step by step, and carried out unless it is a dry run.

use crate::Arbiter;
use crate::evaluate::next_stamp;
use crate::facts::{Facts, Known, PeerPresence, Steward};
use crate::group::Intent;
use crate::io::{Order, Output, Sentence, Severity, Ticket};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use hotpair_types::{GroupName, NodeId, NodeMode, Request, RequestId, RequestKind, Timestamp, Until};

/// A request or an asked-for move that was not done within this time is forgotten, and that is said.
pub(crate) const REQUEST_LIFE: Duration = Duration::from_secs(60);
/// Finished requests of the peer that are still told to it.
const DONE_KEPT: usize = 16;

type Plan = Result<Vec<Sentence>, Sentence>;

impl Arbiter {
    pub(crate) fn on_order(&mut self, ticket: Ticket, by: String, order: Order, dry_run: bool, now: Timestamp) {
        let result = match &order {
            Order::Switchover { group, to } => self.switchover(group, *to, &by, dry_run, now),
            Order::NodeMode { node, mode } => Ok(self.node_mode(*node, *mode, &by, dry_run, now)),
            Order::Freeze { group, lasting } => {
                self.settle(group.as_ref(), "E511", "E512", &by, *lasting, dry_run, now, |s, until| s.frozen = until)
            }
            Order::Maintenance { group, lasting } => {
                self.settle(group.as_ref(), "E521", "E522", &by, *lasting, dry_run, now, |s, until| {
                    s.maintenance = until
                })
            }
            Order::Clear { group } => self.clear(group.as_ref(), &by, dry_run, now),
            Order::VouchPeerOff { peer, reason } => self.vouch(peer, reason, &by, dry_run, now),
        };
        self.outputs.push_back(Output::OrderDone { ticket, result });
    }

    fn sentence(&self, id: &str, group: Option<&GroupName>, parameters: &[(&str, String)]) -> Sentence {
        let me = self.me();
        let mut all: BTreeMap<String, String> = parameters.iter().map(|(k, v)| ((*k).to_string(), v.clone())).collect();
        all.insert("node".to_string(), self.name(me));
        all.insert("peer".to_string(), self.name(me.other()));
        if let Some(group) = group {
            all.insert("group".to_string(), group.to_string());
        }
        Sentence { id: id.to_string(), parameters: all }
    }

    fn position(&self, group: &GroupName) -> Result<usize, Sentence> {
        self.groups.iter().position(|g| g.config.name == *group).ok_or_else(|| self.sentence("E701", Some(group), &[]))
    }

    fn which(&self, group: Option<&GroupName>) -> Result<Vec<usize>, Sentence> {
        match group {
            Some(name) => Ok(vec![self.position(name)?]),
            None => Ok((0..self.groups.len()).collect()),
        }
    }

    /// Why a planned move cannot be made now, if so.
    fn move_obstacle(&self, at: usize, facts: &Facts, to: NodeId) -> Option<Sentence> {
        let group = self.groups.get(at)?;
        let name = Some(&group.config.name);
        let to_name = self.name(to);
        let p = [("to", to_name)];
        if !group.config.nodes.contains(&to) {
            return Some(self.sentence("E702", name, &p));
        }
        if group.steward() == to {
            return Some(self.sentence("E703", name, &p));
        }
        if facts.maintenance {
            return Some(self.sentence("E704", name, &p));
        }
        if facts.peer != PeerPresence::Heard || !facts.peer_current || !facts.synced {
            return Some(self.sentence("E705", name, &p));
        }
        if !facts.config_same {
            return Some(self.sentence("E706", name, &p));
        }
        let (hosts, ready, why) = if to == self.me() {
            (facts.i_may_host, facts.ready, group.readiness(self.resd_alive))
        } else {
            let why = group.remote.as_ref().map_or(hotpair_types::Readiness::Unknown, |r| r.ready.clone());
            (facts.peer_may_host, facts.peer_ready, why)
        };
        if !hosts {
            return Some(self.sentence("E707", name, &p));
        }
        if ready == Known::Yes {
            return None;
        }
        let reason = match why {
            hotpair_types::Readiness::NotReady { reason, .. } => reason,
            hotpair_types::Readiness::Ready if to != self.me() && facts.peer_ready == Known::No => {
                "it failed there before, or resd does not answer there".to_string()
            }
            hotpair_types::Readiness::Ready | hotpair_types::Readiness::Unknown => {
                "whether it could run there is not known yet".to_string()
            }
        };
        let [to] = p;
        Some(self.sentence("E708", name, &[to, ("reason", reason)]))
    }

    fn switchover(&mut self, name: &GroupName, to: Option<NodeId>, by: &str, dry_run: bool, now: Timestamp) -> Plan {
        let at = self.position(name)?;
        let Some(facts) = self.facts(at, now) else { return Err(self.sentence("E701", Some(name), &[])) };
        let me = self.me();
        let steward = if facts.steward == Steward::Me { me } else { me.other() };
        let to = to.unwrap_or_else(|| steward.other());
        if let Some(obstacle) = self.move_obstacle(at, &facts, to) {
            return Err(obstacle);
        }
        let from = self.name(steward);
        let to_name = self.name(to);
        let p = [("from", from), ("to", to_name), ("by", by.to_string())];
        let mut plan = vec![
            self.sentence("E501", Some(name), &p),
            self.sentence("E502", Some(name), &p),
            self.sentence("E503", Some(name), &p),
        ];
        if facts.frozen {
            plan.push(self.sentence("E504", Some(name), &p));
        }
        if dry_run {
            return Ok(plan);
        }
        if steward == me {
            if let Some(group) = self.groups.get_mut(at) {
                group.intent = Some(Intent { by: by.to_string(), since: now, request: None });
                group.release_blocked_until = None;
            }
        } else {
            self.request_number += 1;
            let id = RequestId { node: me, arbiter: self.seed.arbiter, number: self.request_number };
            let kind = RequestKind::Switchover { group: name.clone(), to };
            self.requests.push((Request { id, kind, by: by.to_string() }, now));
        }
        self.event(now, "E500", Severity::Info, Some(name.clone()), None, &p);
        Ok(plan)
    }

    fn node_mode(&mut self, node: NodeId, mode: NodeMode, by: &str, dry_run: bool, now: Timestamp) -> Vec<Sentence> {
        let (id, plan_id) = match mode {
            NodeMode::Online => ("E531", "E533"),
            NodeMode::Standby => ("E530", "E532"),
        };
        let p = [("which", self.name(node)), ("by", by.to_string())];
        let mut plan = vec![self.sentence(plan_id, None, &p)];
        if mode == NodeMode::Standby {
            plan.extend(self.leaving(node, by, now));
        }
        let me = self.me();
        if !dry_run
            && let Some(setting) = self.nodes.get_mut(node.index())
            && setting.value.mode != mode
        {
            setting.value.mode = mode;
            setting.stamp = next_stamp(setting.stamp, me);
            self.event(now, id, Severity::Info, None, None, &p);
        }
        plan
    }

    /// What a node in standby gives away, group by group, or why it keeps one for now.
    fn leaving(&self, node: NodeId, by: &str, now: Timestamp) -> Vec<Sentence> {
        let to = node.other();
        let p = [("from", self.name(node)), ("to", self.name(to)), ("by", by.to_string())];
        let mut plan = Vec::new();
        for (at, group) in self.groups.iter().enumerate().filter(|(_, group)| group.steward() == node) {
            let Some(facts) = self.facts(at, now) else { continue };
            let name = Some(&group.config.name);
            match self.move_obstacle(at, &facts, to) {
                Some(obstacle) => plan.push(obstacle),
                None => plan.extend(["E501", "E502", "E503"].map(|id| self.sentence(id, name, &p))),
            }
        }
        plan
    }

    #[allow(clippy::too_many_arguments, reason = "freeze and maintenance differ only in these")]
    fn settle(
        &mut self,
        group: Option<&GroupName>,
        set_id: &str,
        end_id: &str,
        by: &str,
        lasting: Duration,
        dry_run: bool,
        now: Timestamp,
        set: impl Fn(&mut hotpair_types::GroupSettings, Option<Until>),
    ) -> Plan {
        let me = self.me();
        let id = if lasting.is_zero() { end_id } else { set_id };
        let p = [("for", span(lasting)), ("by", by.to_string())];
        let mut plan = Vec::new();
        for at in self.which(group)? {
            let Some(group) = self.groups.get_mut(at) else { continue };
            let name = group.config.name.clone();
            if !dry_run {
                set(&mut group.settings.value, (!lasting.is_zero()).then(|| Until(now.after(lasting))));
                group.settings.stamp = next_stamp(group.settings.stamp, me);
                self.event(now, id, Severity::Info, Some(name.clone()), None, &p);
            }
            plan.push(self.sentence(id, Some(&name), &p));
        }
        Ok(plan)
    }

    fn clear(&mut self, group: Option<&GroupName>, by: &str, dry_run: bool, now: Timestamp) -> Plan {
        let me = self.me();
        let p = [("by", by.to_string())];
        let mut plan = Vec::new();
        for at in self.which(group)? {
            let Some(group) = self.groups.get_mut(at) else { continue };
            let name = group.config.name.clone();
            if !dry_run {
                group.settings.value.clear = group.settings.value.clear.saturating_add(1);
                group.settings.value.moves.clear();
                group.settings.stamp = next_stamp(group.settings.stamp, me);
                group.failed_until = None;
                group.release_blocked_until = None;
                self.event(now, "E541", Severity::Info, Some(name.clone()), None, &p);
            }
            plan.push(self.sentence("E540", Some(&name), &p));
        }
        Ok(plan)
    }

    fn vouch(&mut self, peer: &str, reason: &str, by: &str, dry_run: bool, now: Timestamp) -> Plan {
        let p = [("typed", peer.to_string()), ("reason", reason.to_string()), ("by", by.to_string())];
        if peer != self.name(self.me().other()) {
            return Err(self.sentence("E711", None, &p));
        }
        if reason.trim().is_empty() {
            return Err(self.sentence("E712", None, &p));
        }
        // What answers is not off, whatever anybody says.
        if self.presence() == PeerPresence::Heard {
            return Err(self.sentence("E713", None, &p));
        }
        if let crate::facts::Sign::Alive(sign) = self.sign() {
            let [typed, reason, by] = p;
            return Err(self.sentence("E714", None, &[typed, reason, by, ("sign", sign.as_str().to_string())]));
        }
        // The word may have waited in a machine that stood still, and the peer may be back: first this node looks for itself.
        if self.revalidate_until.is_some() {
            return Err(self.sentence("E715", None, &p));
        }
        let groups: Vec<GroupName> =
            self.groups.iter().filter(|g| g.steward() != self.me()).map(|g| g.config.name.clone()).collect();
        let mut plan = vec![self.sentence("E550", None, &p)];
        plan.extend(groups.iter().map(|g| self.sentence("E551", Some(g), &p)));
        if !dry_run {
            self.vouched = true;
            self.event(now, "E552", Severity::Warning, None, None, &p);
        }
        Ok(plan)
    }

    /// Requests that the peer made of this node.
    pub(crate) fn accept_requests(&mut self, requests: &[Request], now: Timestamp) {
        self.done.retain(|(id, _)| requests.iter().any(|r| r.id == *id));
        for request in requests {
            let RequestKind::Switchover { group, to } = &request.kind;
            let finished = self.done.iter().any(|(id, _)| *id == request.id);
            let running = self.groups.iter().any(|g| g.intent.as_ref().is_some_and(|i| i.request == Some(request.id)));
            if finished || running {
                continue;
            }
            let mine =
                self.groups.iter_mut().find(|g| g.config.name == *group).filter(|g| g.epoch.owner() != Some(*to));
            let outcome = match mine {
                Some(found) => {
                    found.intent = Some(Intent { by: request.by.clone(), since: now, request: Some(request.id) });
                    found.release_blocked_until = None;
                    "accepted"
                }
                None => "nothing to do",
            };
            if self.done.len() == DONE_KEPT {
                self.done.remove(0);
            }
            self.done.push((request.id, outcome.to_string()));
        }
    }

    /// Requests of this node that the peer has finished with.
    pub(crate) fn finish_requests(&mut self, done: &[(RequestId, String)]) {
        self.requests.retain(|(request, _)| !done.iter().any(|(id, _)| *id == request.id));
    }

    pub(crate) fn expire_requests(&mut self, now: Timestamp) {
        let old: Vec<Request> = self
            .requests
            .iter()
            .filter(|(_, since)| now >= since.after(REQUEST_LIFE))
            .map(|(request, _)| request.clone())
            .collect();
        self.requests.retain(|(_, since)| now < since.after(REQUEST_LIFE));
        for request in old {
            let RequestKind::Switchover { group, .. } = request.kind;
            self.event(now, "E505", Severity::Warning, Some(group), None, &[("by", request.by)]);
        }
    }
}

/// A duration as people write it: `2h`, `1d 12h`, `90s`; what is below a second in milliseconds.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds == 0 {
        return alloc::format!("{} ms", duration.as_millis());
    }
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let words: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| alloc::format!("{count} {unit}")).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_people_write_them() {
        assert_eq!(span(Duration::from_secs(7_200)), "2 h");
        assert_eq!(span(Duration::from_secs(90_061)), "1 d 1 h 1 min 1 s");
        assert_eq!(span(Duration::from_millis(250)), "250 ms");
    }
}
