//! A recorded incident as the draft of a text scenario (`crates/arbiter-core/tests/scenarios`, grammar in `tests/model/script.rs`).
//!
//! A record knows what one node was told; a story tells what happened to two. So causes are inferred: paths that went down with
//! no sign of life become a power cut of the peer, with one a cut of the cables. Decisions that matter become expectations; those
//! that follow each other too quickly for a world of other speeds become remarks. The draft can be played as it is; a person
//! reads it, corrects what was inferred wrongly, drops what does not matter, and gives it a sentence as file name.
//!
//! A story begins with a pair that is up, as every scenario does: what was recorded before both nodes knew of each other and every
//! group had its place is left out.

use crate::Moment;
use arbiter_core::Arbiter;
use arbiter_core::io::{ArbiterConfig, BootAlone, Failback, Input, Order, Output, Severity};
use arbiter_core::rules::{self, Action};
use core::fmt::Write as _;
use core::time::Duration;
use hotpair_types::{
    FailureScope, GroupName, GroupObserved, GroupState, Medium, NodeId, NodeMode, ObservedView, PathState, PeerView,
    Timestamp, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// The story's names of the nodes.
const NAMES: [&str; 2] = ["alpha", "beta"];
/// A decision may come so much later in the story, whose disk, prober and resources have other speeds.
const PATIENCE: Duration = Duration::from_secs(10);
/// A decision with less time before the next thing happens is not expected, only remarked.
const SLACK: Duration = Duration::from_secs(2);
/// A pair that has not settled after so long is told as it is.
const SETTLES: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Silence {
    None,
    /// Since the line of that number; what caused it is not known yet.
    Since(usize),
    PowerCut,
    Cables,
}

/// A line of the story.
enum Told {
    Happens(String),
    /// A decision: group, rule, and what is expected.
    Decided(String),
}

/// Gathers the lines of a story from replayed steps.
pub struct StoryWriter {
    me: NodeId,
    zero: Timestamp,
    head: Vec<String>,
    /// Instant, and what happens or is expected.
    lines: Vec<(Timestamp, Told)>,
    settled: bool,
    begun: Timestamp,
    /// Where each group ran at the end.
    places: BTreeMap<GroupName, NodeId>,
    both: bool,
    silence: Silence,
    down: BTreeSet<String>,
    paths_named: bool,
    hbd: bool,
    resd: bool,
    peer_arbiter: bool,
    disk_fails: bool,
    ailing: BTreeMap<GroupName, FailureScope>,
    peer_failed: BTreeSet<GroupName>,
}

impl StoryWriter {
    /// A story that begins with this core, at `zero`.
    #[must_use]
    pub fn new(core: &Arbiter, zero: Timestamp) -> Self {
        let config = core.config();
        let mut this = Self {
            me: config.node,
            zero,
            head: Vec::new(),
            lines: Vec::new(),
            settled: false,
            begun: zero,
            places: BTreeMap::new(),
            both: false,
            silence: Silence::None,
            down: BTreeSet::new(),
            paths_named: false,
            hbd: true,
            resd: true,
            peer_arbiter: true,
            disk_fails: false,
            ailing: BTreeMap::new(),
            peer_failed: BTreeSet::new(),
        };
        this.begin(core, config);
        this
    }

    fn begin(&mut self, core: &Arbiter, config: &ArbiterConfig) {
        let [first, second] = &config.names;
        let me = NAMES.get(self.me.index()).copied().unwrap_or_default();
        self.head.push(format!("# Drafted from a record of {me}. alpha was {first}, beta was {second}."));
        self.head.push("# Causes are inferred: read, correct, shorten, and name the file by what it tells.".to_owned());
        self.head.push(format!("given boot wait {}", time(config.boot_wait)));
        let alone = match config.boot_alone {
            BootAlone::LastActive => "last-active",
            BootAlone::Any => "any",
            BootAlone::Never => "never",
        };
        self.head.push(format!("given boot alone {alone}"));
        for group in &config.groups {
            let mut line = format!("given group {}", group.name);
            match group.nodes.as_slice() {
                [only] => word(&mut line, format_args!("only on {}", name(*only))),
                [first, ..] => word(&mut line, format_args!("prefers {}", name(*first))),
                [] => {}
            }
            match group.failback {
                Failback::Manual => {}
                Failback::Auto(after) => word(&mut line, format_args!("failback auto {}", time(after))),
                Failback::Never => word(&mut line, format_args!("failback never")),
            }
            if group.hold_on_silence {
                word(&mut line, format_args!("holds on silence"));
            }
            if group.require_unmet {
                word(&mut line, format_args!("demands more"));
            }
            if let Some(lease) = group.lease {
                let waited = if group.wait_for_lease { " waited for" } else { "" };
                word(&mut line, format_args!("lease {}{waited}", time(lease)));
            }
            word(&mut line, format_args!("moves {} in {}", group.max_moves, time(group.move_window)));
            self.head.push(line);
            if let Some(epoch) = core.epoch_of(group.name.as_str())
                && let Some(owner) = epoch.owner()
            {
                let number = epoch.number;
                self.head.push(format!("given {} was last active on {} at epoch {number}", group.name, name(owner)));
            }
        }
    }

    fn happens(&mut self, at: Timestamp, what: String) {
        self.lines.push((at, Told::Happens(what)));
    }

    /// Both nodes know of each other, and every group is where it belongs.
    fn is_settled(&self, moment: &Moment<'_, Arbiter>) -> bool {
        let snapshot = moment.core.snapshot(moment.at);
        let placed = snapshot.groups.iter().all(|g| matches!(g.rule, "R340" | "R410"));
        let heard = matches!(moment.input, Some(Input::Peer { view, advert: Some(_) }) if view.any_path_alive());
        (placed && heard && snapshot.nodes.iter().all(|n| n.resd_alive)) || moment.at >= self.begun.after(SETTLES)
    }

    /// The next step.
    pub fn step(&mut self, moment: &Moment<'_, Arbiter>) {
        if !self.settled && self.is_settled(moment) {
            *self = Self { settled: true, ..Self::new(moment.core, moment.at) };
        }
        let (at, me, peer) = (moment.at, name(self.me), name(self.me.other()));
        match moment.input {
            Some(Input::Peer { view, advert }) => {
                if !std::mem::replace(&mut self.hbd, true) {
                    self.happens(at, format!("start hbd on {me}"));
                }
                self.paths(view, at);
                if let Some(advert) = advert {
                    self.peer_groups(advert, at);
                }
            }
            Some(Input::HbdGone { .. }) if std::mem::replace(&mut self.hbd, false) => {
                self.happens(at, format!("kill hbd on {me}"));
            }
            Some(Input::Observed(view)) => {
                if !std::mem::replace(&mut self.resd, true) {
                    self.happens(at, format!("start resd on {me}"));
                }
                self.observed(view, at);
            }
            Some(Input::ResdGone { .. }) if std::mem::replace(&mut self.resd, false) => {
                self.happens(at, format!("kill resd on {me}"));
            }
            Some(Input::Stalled(gap)) => self.happens(at, format!("{me} stalls for {}", time(*gap))),
            Some(Input::PersistFailed { .. }) if !std::mem::replace(&mut self.disk_fails, true) => {
                self.happens(at, format!("state file of {me} cannot be written"));
            }
            Some(Input::Persisted(_)) if std::mem::replace(&mut self.disk_fails, false) => {
                self.happens(at, format!("state file of {me} can be written"));
            }
            Some(Input::Order { order, dry_run, .. }) => {
                let verb = if *dry_run { "dry-run" } else { "order" };
                self.happens(at, format!("{verb} at {me}: {}", order_words(order, peer)));
            }
            _ => {}
        }
        self.verdict(moment);
        self.decisions(moment);
    }

    fn paths(&mut self, view: &PeerView, at: Timestamp) {
        if !std::mem::replace(&mut self.paths_named, true) {
            for path in &view.paths {
                let medium = if path.medium == Medium::Serial { "serial" } else { "udp" };
                self.head.push(format!("given path {} {medium} {} x{}", path.name, time(path.interval), path.lost));
            }
        }
        let (me, peer) = (name(self.me), name(self.me.other()));
        if view.all_paths_down() {
            if self.silence == Silence::None {
                let since = view.last_heard.unwrap_or(at).max(self.zero);
                self.silence = Silence::Since(self.lines.len());
                self.happens(since, format!("cut all paths towards {me}"));
            }
            return;
        }
        if !view.any_path_alive() {
            return;
        }
        match std::mem::replace(&mut self.silence, Silence::None) {
            Silence::None => {}
            Silence::PowerCut => self.happens(at, format!("{peer} boots")),
            Silence::Cables | Silence::Since(_) => self.happens(at, format!("restore all paths towards {me}")),
        }
        for path in &view.paths {
            let path_name = path.name.to_string();
            match path.rx.state {
                PathState::Down if self.down.insert(path_name.clone()) => {
                    self.happens(at, format!("cut path {path_name} towards {me}"));
                }
                PathState::Up if self.down.remove(&path_name) => {
                    self.happens(at, format!("restore path {path_name} towards {me}"));
                }
                _ => {}
            }
        }
        let there = view.advert.as_ref().is_none_or(|a| !a.stale);
        if std::mem::replace(&mut self.peer_arbiter, there) != there {
            let verb = if there { "start" } else { "kill" };
            self.happens(at, format!("{verb} arbiterd on {peer}"));
        }
    }

    /// What the safety check found tells what the silence was.
    fn verdict(&mut self, moment: &Moment<'_, Arbiter>) {
        let Silence::Since(line) = self.silence else { return };
        let (me, peer) = (name(self.me), name(self.me.other()));
        match moment.core.snapshot(moment.at).verdict {
            Some(Verdict::NoSign) => {
                self.silence = Silence::PowerCut;
                if let Some((_, told)) = self.lines.get_mut(line) {
                    *told = Told::Happens(format!("{peer} loses power"));
                }
            }
            Some(Verdict::PeerAlive(sign)) => {
                self.silence = Silence::Cables;
                if let Some(at) = self.lines.get(line).map(|(at, _)| *at) {
                    self.happens(at, format!("safety check on {me} finds {}", sign.as_str()));
                }
            }
            Some(Verdict::IAmIsolated) => {
                self.silence = Silence::Cables;
                if let Some(at) = self.lines.get(line).map(|(at, _)| *at) {
                    self.happens(at, format!("safety check on {me} finds not even the gateway"));
                }
            }
            Some(Verdict::Unknown) | None => {}
        }
    }

    fn observed(&mut self, view: &ObservedView, at: Timestamp) {
        let me = name(self.me);
        for (group, observed) in &view.groups {
            let now = failing(observed);
            let before = self.ailing.get(group).copied();
            if now == before {
                continue;
            }
            let was_network = before == Some(FailureScope::Network);
            match (now, before) {
                (Some(FailureScope::Network), _) => self.happens(at, format!("network of {group} fails on {me}")),
                (Some(_), _) => self.happens(at, format!("{group} fails on {me}")),
                (None, _) if was_network => self.happens(at, format!("network of {group} works on {me}")),
                (None, _) => self.happens(at, format!("{group} is repaired on {me}")),
            }
            match now {
                Some(scope) => self.ailing.insert(group.clone(), scope),
                None => self.ailing.remove(group),
            };
        }
    }

    fn peer_groups(&mut self, advert: &hotpair_types::Advert, at: Timestamp) {
        let peer = name(self.me.other());
        for group in &advert.groups {
            if group.failed && self.peer_failed.insert(group.name.clone()) {
                self.happens(at, format!("{} fails on {peer}", group.name));
            } else if !group.failed && self.peer_failed.remove(&group.name) {
                self.happens(at, format!("{} is repaired on {peer}", group.name));
            }
        }
    }

    /// Each decision that moves a group, or that holds one with a warning, is expected to be made again.
    fn decisions(&mut self, moment: &Moment<'_, Arbiter>) {
        let me = name(self.me);
        for output in moment.outputs {
            let Output::Event(event) = output else { continue };
            let Some(group) = &event.group else { continue };
            let Some(rule) = rules::by_id(&event.sentence.id) else { continue };
            let id = rule.id;
            self.both |= id == "R210";
            let expected = match rule.action {
                Action::TakeOver | Action::TakeOffered => format!("{me} takes {group} by {id}"),
                // Gone again in a moment: looked for in what was decided, not in what holds.
                Action::Release => format!("event {id} on {me}"),
                Action::Stand if rule.severity != Severity::Info => format!("event {id} on {me}"),
                _ => continue,
            };
            if rule.action == Action::TakeOffered {
                self.offered(group, moment.at);
            }
            self.lines.push((moment.at, Told::Decided(expected)));
        }
        for group in moment.core.snapshot(moment.at).groups {
            let running = NodeId::BOTH.into_iter().zip(&group.nodes).filter(|(_, on)| on.state == GroupState::Running);
            // What is only remembered may be over.
            match running.filter(|(_, on)| on.current).map(|(node, _)| node).next() {
                Some(node) => self.places.insert(group.name, node),
                None => self.places.remove(&group.name),
            };
        }
    }

    /// The peer handed a group over. Unless something recorded here led to it, somebody asked for it there.
    fn offered(&mut self, group: &GroupName, at: Timestamp) {
        let known = self.lines.iter().rev().take_while(|(then, _)| at.since(*then) < PATIENCE).any(|(_, told)| {
            matches!(told, Told::Happens(what) if what.contains(group.as_str()) || what.contains("standby "))
        });
        if !known {
            let peer = name(self.me.other());
            self.happens(at, format!("order at {peer}: switchover {group}"));
        }
    }

    /// The text.
    #[must_use]
    pub fn finish(mut self) -> String {
        // What was inferred later may have begun earlier.
        self.lines.sort_by_key(|(at, _)| *at);
        let mut text = self.head.join("\n");
        text.push('\n');
        let mut last = self.zero;
        let next_after = |place: usize| {
            self.lines.iter().skip(place + 1).find(|(_, told)| matches!(told, Told::Happens(_))).map(|(at, _)| *at)
        };
        for (place, (at, told)) in self.lines.iter().enumerate() {
            let line = match told {
                Told::Happens(what) => {
                    last = *at;
                    format!("at {} {what}", time(at.since(self.zero)))
                }
                Told::Decided(expected) => {
                    let until = next_after(place).map_or(at.after(PATIENCE), |next| next.min(at.after(PATIENCE)));
                    if until.since(*at) < SLACK {
                        format!("# {} decided: {expected}", time(at.since(self.zero)))
                    } else {
                        format!("expect {expected} within {}", time(until.since(last)))
                    }
                }
            };
            text.push_str(&line);
            text.push('\n');
        }
        for (group, node) in &self.places {
            text.push_str(&format!("expect {group} runs on {} within {}\n", name(*node), time(3 * PATIENCE)));
        }
        if !self.both {
            text.push_str("expect never both active\n");
        }
        text
    }
}

fn word(line: &mut String, what: core::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    let _: core::fmt::Result = write!(line, " {what}");
}

fn name(node: NodeId) -> &'static str {
    NAMES.get(node.index()).copied().unwrap_or_default()
}

fn time(length: Duration) -> String {
    if length.subsec_millis() == 0 { format!("{}s", length.as_secs()) } else { format!("{}ms", length.as_millis()) }
}

fn failing(observed: &GroupObserved) -> Option<FailureScope> {
    observed.failure.as_ref().filter(|_| observed.state == GroupState::Failed).map(|f| f.scope)
}

fn order_words(order: &Order, peer: &str) -> String {
    let which = |group: &Option<GroupName>| group.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string);
    let lasting = |verb: &str, group: &Option<GroupName>, length: Duration| {
        let group = which(group);
        if length.is_zero() { format!("{verb} {group} off") } else { format!("{verb} {group} for {}", time(length)) }
    };
    match order {
        Order::Switchover { group, to: None } => format!("switchover {group}"),
        Order::Switchover { group, to: Some(to) } => format!("switchover {group} to {}", name(*to)),
        Order::NodeMode { node, mode: NodeMode::Standby } => format!("standby {}", name(*node)),
        Order::NodeMode { node, mode: NodeMode::Online } => format!("online {}", name(*node)),
        Order::Freeze { group, lasting: length } => lasting("freeze", group, *length),
        Order::Maintenance { group, lasting: length } => lasting("maintenance", group, *length),
        Order::Clear { group } => format!("clear {}", which(group)),
        Order::VouchPeerOff { reason, .. } => format!("vouch {peer} off because {reason}"),
    }
}
