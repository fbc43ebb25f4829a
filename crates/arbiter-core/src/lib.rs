//! The judgement: what should run where, decided from facts by an ordered table of rules.
//!
//! Pure state machine, same five verbs as its sister cores: [`Arbiter::new`], [`Arbiter::handle_input`],
//! [`Arbiter::handle_timeout`], [`Arbiter::poll_timeout`], [`Arbiter::poll_output`]. After each input the whole situation is
//! evaluated afresh from the newest views (level-triggered): no decision depends on having seen an edge.
//!
//! - `facts`: flat facts per group · `rules`: the table · `safety`: rounds and verdict of the safety check
//! - `group`: what is kept per group · `evaluate`: facts → rule → effect · `exchange`: adverts and their merge
//! - `orders`: what people ask · `alarms`: what stands · `report`: events and snapshot · `checkpoint`: the state as data (B3)
//!
//! *Invariant:* a new epoch has an effect only after [`Input::Persisted`] confirmed it, and a takeover only if its facts still hold then.
//! *Invariant:* nothing maps "not known" to "dead" or "stopped".
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod alarms;
mod arbitration;
mod checkpoint;
mod evaluate;
mod exchange;
pub mod facts;
mod group;
pub mod io;
mod lease;
mod level;
mod orders;
mod report;
pub mod rules;
pub mod safety;
pub mod snapshot;

pub use checkpoint::Decision;

use crate::facts::Sign;
use crate::group::Group;
use crate::io::{
    ArbiterConfig, Durable, DurableGroup, Event, GroupConfig, Input, Output, Seed, Sentence, Severity, Ticket,
};
use crate::safety::SafetyCheck;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use hotpair_types::{
    Advert, Incarnation, NodeId, NodeMode, NodeSettings, ObservedView, PeerView, Request, RequestId, Stamp, Stamped,
    Target, Timestamp, Verdict,
};
use serde::{Deserialize, Serialize};

/// A failed write of the state file is tried again after this pause.
const PERSIST_RETRY: Duration = Duration::from_secs(1);
/// An own deadline so long past is a stall.
const STALL: Duration = Duration::from_millis(250);
/// After a stall, own rights are validated afresh for at most so long before a silent peer is judged again.
const REVALIDATE: Duration = Duration::from_millis(500);

/// A row of the rule table, for people.
pub struct RuleDoc {
    /// Its id.
    pub id: &'static str,
    /// When it matches.
    pub condition: &'static str,
    /// What it decides.
    pub decision: &'static str,
}

/// The rule table, in order.
pub fn rule_docs() -> impl Iterator<Item = RuleDoc> {
    rules::RULES.iter().map(|r| RuleDoc { id: r.id, condition: r.condition, decision: r.action.describe() })
}

/// The newest word of the peer's arbiter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PeerWord {
    pub(crate) advert: Advert,
    /// It is the current word, as far as hbd can tell.
    pub(crate) current: bool,
    pub(crate) at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Writing {
    ticket: Ticket,
    durable: Durable,
}

/// The arbiter's state machine. It is plain data: a copy of it, written down and read back, goes on exactly as the original
/// would have (B3).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Arbiter {
    config: ArbiterConfig,
    seed: Seed,
    started: Timestamp,
    view: Option<PeerView>,
    hbd_alive: bool,
    word: Option<PeerWord>,
    observed: Option<ObservedView>,
    resd_alive: bool,
    safety: SafetyCheck,
    verdict: Option<Verdict>,
    /// The word of the safety check that the history knows of, by its message id.
    told_verdict: Option<String>,
    heard_while_down: bool,
    /// Newest moment at which the peer may have been well as far as this run can tell: a lease counts from here.
    heard_at: Timestamp,
    /// The last evaluation: a deadline not after it has had its effect already.
    evaluated: Timestamp,
    life_deadline: Option<Timestamp>,
    /// The peer was seen to write to a shared disk since every path went down, a moment ago.
    storage_moves: bool,
    storage_deadline: Option<Timestamp>,
    silence: Option<evaluate::Silence>,
    groups: Vec<Group>,
    nodes: [Stamped<NodeSettings>; 2],
    boot_wait_over: bool,
    heard_peer: bool,
    revalidate_until: Option<Timestamp>,
    vouched: bool,
    advert_seq: u64,
    advert: Option<Advert>,
    seen: (Incarnation, u64),
    target: Option<Target>,
    next_ticket: Ticket,
    writing: Option<Writing>,
    written: Option<Durable>,
    persist_error: Option<(String, Timestamp)>,
    requests: Vec<(Request, Timestamp)>,
    request_number: u64,
    done: Vec<(RequestId, String)>,
    arbitration: arbitration::State,
    #[serde(with = "checkpoint::pairs")]
    alarms: BTreeMap<(String, String), alarms::Standing>,
    peer_state: (snapshot::NodeState, Timestamp),
    outputs: VecDeque<Output>,
}

impl Arbiter {
    /// A fresh run. `durable` is what an earlier run left, if it left anything that could be read.
    pub fn new(config: ArbiterConfig, durable: Option<Durable>, seed: Seed, now: Timestamp) -> Self {
        let groups: Vec<Group> = config.groups.iter().map(|g| Group::new(g.clone(), now)).collect();
        let unset = Stamped { stamp: Stamp::NEVER, value: NodeSettings { mode: NodeMode::Online } };
        let mut this = Self {
            safety: SafetyCheck::new(config.window, config.round_interval, config.arbitration.neighbours_required),
            config,
            seed,
            started: now,
            view: None,
            hbd_alive: false,
            word: None,
            observed: None,
            resd_alive: false,
            verdict: None,
            told_verdict: None,
            heard_at: now,
            heard_while_down: false,
            evaluated: now,
            life_deadline: None,
            storage_moves: false,
            storage_deadline: None,
            silence: None,
            groups,
            nodes: [unset.clone(), unset],
            boot_wait_over: false,
            heard_peer: false,
            revalidate_until: None,
            vouched: false,
            advert_seq: 0,
            advert: None,
            seen: (Incarnation(0), 0),
            target: None,
            next_ticket: 1,
            writing: None,
            written: None,
            persist_error: None,
            requests: Vec::new(),
            request_number: 0,
            done: Vec::new(),
            arbitration: arbitration::State::default(),
            alarms: BTreeMap::new(),
            peer_state: (snapshot::NodeState::Unknown, now),
            outputs: VecDeque::new(),
        };
        if let Some(durable) = durable {
            this.restore(durable);
        }
        this.evaluate(now);
        this
    }

    fn restore(&mut self, durable: Durable) {
        if durable.boot == self.seed.boot {
            self.boot_wait_over = durable.boot_wait_over;
            self.heard_peer = durable.heard_peer;
        }
        self.nodes = durable.nodes.clone();
        for group in &mut self.groups {
            if let Some(saved) = durable.groups.get(&group.config.name) {
                group.epoch = saved.epoch;
                group.settings = saved.settings.clone();
            }
        }
        self.written = Some(durable);
    }

    /// Takes an input.
    pub fn handle_input(&mut self, input: Input, now: Timestamp) {
        self.notice_stall(now);
        match input {
            Input::Peer { view, advert } => self.on_view(view, advert, now),
            Input::HbdGone { reason } => {
                if self.hbd_alive {
                    self.hbd_alive = false;
                    self.event(now, "E120", Severity::Warning, None, Some("hbd".to_string()), &[("reason", reason)]);
                }
                if let Some(word) = &mut self.word {
                    word.current = false;
                }
            }
            Input::Observed(view) => self.on_observed(view, now),
            Input::ResdGone { reason } => {
                if self.resd_alive {
                    self.resd_alive = false;
                    self.event(now, "E121", Severity::Warning, None, Some("resd".to_string()), &[("reason", reason)]);
                }
            }
            Input::TargetRefused { reason } => {
                self.event(now, "E122", Severity::Warning, None, Some("resd".to_string()), &[("reason", reason)]);
                // The next evaluation makes a new target with a higher generation.
                self.target = None;
            }
            Input::RoundStarted { round, self_test } => self.safety.round_started(round, self_test, now),
            Input::Evidence { round, evidence } => self.safety.evidence(round, evidence),
            Input::PeerAnswered(advert) => self.on_word(advert, now, false),
            Input::Persisted(ticket) => self.on_persisted(ticket, now),
            Input::PersistFailed { ticket, error } => self.on_persist_failed(ticket, error, now),
            Input::Order { ticket, by, order, dry_run } => self.on_order(ticket, by, order, dry_run, now),
            Input::Stalled(gap) => self.on_stalled(gap, now),
            Input::Witness(view) => self.on_witness(view, now),
            Input::WitnessGone { reason } => self.on_witness_gone(reason, now),
            Input::Config(config) => self.on_config(config, now),
        }
        self.evaluate(now);
    }

    /// Lets deadlines that have passed take effect.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.notice_stall(now);
        self.evaluate(now);
    }

    /// The next thing to do, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Arbiter::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        // What lies behind has been considered, and may stay there (a failback that a freeze puts off, a lease that cannot be
        // renewed, a write under way): it must not make the shell spin.
        let mut at = |candidate: Option<Timestamp>| {
            if let Some(t) = candidate.filter(|t| *t > self.evaluated) {
                next = Some(next.map_or(t, |n| n.min(t)));
            }
        };
        at(self.safety.deadline());
        if !self.boot_wait_over {
            at(Some(self.started.after(self.config.boot_wait)));
        }
        at(self.revalidate_until);
        at(self.life_deadline);
        at(self.storage_deadline);
        at(self.vote_deadline());
        at(self.fence_deadline());
        at(self.persist_error.as_ref().map(|(_, since)| since.after(PERSIST_RETRY)));
        for (_, since) in &self.requests {
            at(Some(since.after(orders::REQUEST_LIFE)));
        }
        for group in &self.groups {
            self.group_deadlines(group).into_iter().for_each(&mut at);
            at(self.lease_over(group));
            at(self.disk_lease_over(group));
        }
        next
    }

    fn on_view(&mut self, view: PeerView, advert: Option<Advert>, now: Timestamp) {
        if !self.hbd_alive {
            self.hbd_alive = true;
            if self.view.is_some() {
                self.event(now, "E123", Severity::Info, None, Some("hbd".to_string()), &[]);
            }
        }
        self.report_paths(&view, now);
        let new_stall = match (&self.view, view.last_stall) {
            (Some(old), Some(stall)) if old.hbd == view.hbd => old.last_stall.is_none_or(|s| s.at < stall.at),
            (_, None) => false,
            // First view of a run of hbd: its past stalls were not ours to judge by.
            _ => false,
        };
        if new_stall && let Some(stall) = view.last_stall {
            self.on_stalled(stall.gap, now);
        }
        let fresh = view.any_path_alive() && view.advert.as_ref().is_some_and(|a| !a.stale);
        if view.any_path_alive() {
            // Who is heard is not off, whatever a person said.
            self.vouched = false;
        }
        // A new run of hbd has missed what came before it: until then the peer may have been well.
        let missed = self.view.as_ref().is_none_or(|old| old.hbd != view.hbd).then_some(now);
        self.heard_at = [Some(self.heard_at), view.last_heard, missed].into_iter().flatten().max().unwrap_or(now);
        self.view = Some(view);
        self.track_silence(now);
        match advert {
            Some(advert) => {
                self.on_word(advert, now, true);
                if let Some(word) = &mut self.word {
                    word.current = fresh;
                }
            }
            None => {
                if let Some(word) = &mut self.word {
                    word.current = false;
                }
            }
        }
        if fresh {
            // Fresh word of the peer on a living path is what a stall has to wait for.
            self.revalidate_until = None;
        }
    }

    fn on_observed(&mut self, view: ObservedView, now: Timestamp) {
        if !self.resd_alive || self.observed.as_ref().is_some_and(|old| old.resd != view.resd) {
            self.resd_alive = true;
            // Whatever resd remembers, it is told again.
            self.target = None;
            if self.observed.is_some() {
                self.event(now, "E124", Severity::Info, None, Some("resd".to_string()), &[]);
            }
        }
        self.report_groups(&view, now);
        self.on_fence_report(view.fence.as_ref(), now);
        self.note_storage(&view);
        for group in &mut self.groups {
            group.observed = view.groups.get(&group.config.name).cloned();
            // resd holds the epoch of the target in force: with a lost state file, that is how this node still knows.
            if let Some(known) = group.observed.as_ref().map(|o| o.epoch).filter(|e| *e > group.epoch) {
                group.epoch = known;
            }
        }
        self.observed = Some(view);
    }

    /// The peer's disk lease moved while every path is down: a line of evidence.
    fn note_storage(&mut self, view: &ObservedView) {
        let Some(silence) = &self.silence else { return };
        for group in &self.groups {
            let moved = |groups: &BTreeMap<_, hotpair_types::GroupObserved>| {
                groups.get(&group.config.name).and_then(|g| g.peer_lease)
            };
            let new = moved(&view.groups).filter(|at| *at > silence.since);
            if new.is_some() && new != self.observed.as_ref().and_then(|old| moved(&old.groups)) {
                self.safety.note_storage(group.config.name.as_str());
            }
        }
    }

    /// What waited in the shell during a stall comes before [`Input::Stalled`], and must not be judged by what was known before
    /// the stall: an own deadline long past gives it away.
    fn notice_stall(&mut self, now: Timestamp) {
        if let Some(gap) = self.poll_timeout().map(|planned| now.since(planned)).filter(|gap| *gap > STALL) {
            self.on_stalled(gap, now);
        }
    }

    fn on_stalled(&mut self, gap: Duration, now: Timestamp) {
        self.safety.stalled(now);
        self.verdict = None;
        if self.revalidate_until.replace(now.after(REVALIDATE)).is_some() {
            // The same stall, told once more.
            return;
        }
        self.event(now, "E130", Severity::Warning, None, None, &[("gap_ms", gap.as_millis().to_string())]);
    }

    fn on_persisted(&mut self, ticket: Ticket, now: Timestamp) {
        let Some(writing) = self.writing.take_if(|w| w.ticket == ticket) else { return };
        if self.persist_error.take().is_some() {
            self.event(now, "E141", Severity::Info, None, None, &[]);
        }
        for at in 0..self.groups.len() {
            let confirmed = self.groups.get(at).and_then(|g| {
                let taking = g.taking?;
                (writing.durable.groups.get(&g.config.name)?.epoch == taking.epoch).then_some(taking)
            });
            if let Some(taking) = confirmed {
                self.taken(at, taking, now);
            }
        }
        self.written = Some(writing.durable);
    }

    /// An own new epoch is durable. A takeover must still be right now; if the peer was heard meanwhile, the group goes back
    /// to it as an offer, without ever having been started here.
    fn taken(&mut self, at: usize, taking: group::Taking, now: Timestamp) {
        let still_right = !taking.takeover
            || self.vouched
            || (self.presence() == facts::PeerPresence::Silent && self.sign() == Sign::None);
        let third = self.groups.get(at).is_some_and(|g| self.third_parties_allow(g, now));
        let still_right = still_right && (!taking.takeover || third);
        let (me, vouched) = (self.me(), self.vouched);
        let Some(group) = self.groups.get_mut(at) else { return };
        group.taking = None;
        if taking.takeover && still_right && !vouched {
            group.count_move(me, now);
        }
        group.epoch = taking.epoch;
        let name = group.config.name.clone();
        if still_right {
            group.authorised = Some(taking.epoch);
            group.set_phase(facts::Phase::Normal, now);
            self.event(now, "E200", Severity::Info, Some(name), None, &[("epoch", taking.epoch.to_string())]);
        } else {
            group.offer_number += 1;
            group.set_phase(facts::Phase::Released, now);
            self.event(now, "E201", Severity::Warning, Some(name), None, &[("epoch", taking.epoch.to_string())]);
        }
    }

    fn on_persist_failed(&mut self, ticket: Ticket, error: String, now: Timestamp) {
        if self.writing.take_if(|w| w.ticket == ticket).is_none() {
            return;
        }
        if self.persist_error.is_none() {
            self.event(now, "E140", Severity::Critical, None, None, &[("reason", error.clone())]);
        }
        self.persist_error = Some((error, now));
        for group in &mut self.groups {
            group.taking = None;
        }
    }

    fn on_config(&mut self, config: ArbiterConfig, now: Timestamp) {
        let mut old: BTreeMap<_, Group> =
            core::mem::take(&mut self.groups).into_iter().map(|g| (g.config.name.clone(), g)).collect();
        self.groups = config
            .groups
            .iter()
            .map(|wanted: &GroupConfig| match old.remove(&wanted.name) {
                Some(mut kept) => {
                    kept.config = wanted.clone();
                    kept.told = None;
                    kept
                }
                None => {
                    let mut fresh = Group::new(wanted.clone(), now);
                    if let Some(saved) = self.written.as_ref().and_then(|d| d.groups.get(&wanted.name)) {
                        fresh.epoch = saved.epoch;
                        fresh.settings = saved.settings.clone();
                    }
                    fresh
                }
            })
            .collect();
        self.safety.set_timing(config.window, config.round_interval, config.arbitration.neighbours_required);
        self.config = config;
        let digest = self.config.digest.to_string();
        self.event(now, "E150", Severity::Info, None, None, &[("digest", digest)]);
    }

    /// What must be found again after a crash, as it should be now.
    fn durable(&self) -> Durable {
        let mut groups: BTreeMap<_, _> = self.written.as_ref().map(|d| d.groups.clone()).unwrap_or_default();
        for group in &self.groups {
            let epoch = group.taking.map_or(group.epoch, |t| t.epoch);
            groups.insert(group.config.name.clone(), DurableGroup { epoch, settings: group.settings.clone() });
        }
        Durable {
            boot: self.seed.boot,
            boot_wait_over: self.boot_wait_over,
            heard_peer: self.heard_peer,
            groups,
            nodes: self.nodes.clone(),
        }
    }

    /// [`Self::durable`] would be the same as what was written; found out without making it, since most evaluations change nothing.
    fn is_durable(&self, written: &Durable) -> bool {
        let Durable { boot, boot_wait_over, heard_peer, groups, nodes } = written;
        *boot == self.seed.boot
            && *boot_wait_over == self.boot_wait_over
            && *heard_peer == self.heard_peer
            && *nodes == self.nodes
            && self.groups.iter().all(|group| {
                groups.get(&group.config.name).is_some_and(|DurableGroup { epoch, settings }| {
                    *epoch == group.taking.map_or(group.epoch, |t| t.epoch) && *settings == group.settings
                })
            })
    }

    fn persist_if_changed(&mut self, now: Timestamp) {
        if self.writing.is_some() || self.persist_error.as_ref().is_some_and(|(_, at)| now < at.after(PERSIST_RETRY)) {
            return;
        }
        if self.persist_error.is_none() && self.written.as_ref().is_some_and(|written| self.is_durable(written)) {
            return;
        }
        let durable = self.durable();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.writing = Some(Writing { ticket, durable: durable.clone() });
        self.outputs.push_back(Output::Persist { ticket, durable });
    }

    fn me(&self) -> NodeId {
        self.config.node
    }

    fn name(&self, node: NodeId) -> String {
        self.name_of(node).to_string()
    }

    fn name_of(&self, node: NodeId) -> &str {
        let [first, second] = &self.config.names;
        if node == NodeId::FIRST { first.as_str() } else { second.as_str() }
    }

    fn event(
        &mut self,
        at: Timestamp,
        id: &str,
        severity: Severity,
        group: Option<hotpair_types::GroupName>,
        subject: Option<String>,
        parameters: &[(&str, String)],
    ) {
        let mut parameters: BTreeMap<String, String> =
            parameters.iter().map(|(k, v)| ((*k).to_string(), v.clone())).collect();
        parameters.entry("node".to_string()).or_insert_with(|| self.name(self.me()));
        parameters.entry("peer".to_string()).or_insert_with(|| self.name(self.me().other()));
        if let Some(group) = &group {
            parameters.entry("group".to_string()).or_insert_with(|| group.to_string());
        }
        if let Some(subject) = &subject {
            parameters.entry("subject".to_string()).or_insert_with(|| subject.clone());
        }
        self.outputs.push_back(Output::Event(Event {
            at,
            sentence: Sentence { id: id.to_string(), parameters },
            severity,
            group,
            subject,
            facts: BTreeMap::new(),
        }));
    }
}
