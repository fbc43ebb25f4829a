//! A recorded incident as the draft of a text scenario (`crates/arbiter-core/tests/scenarios`, grammar in `tests/model/script.rs`).
//!
//! A record knows what one node was told; a story tells what happened to two. So causes are inferred: paths that went down with
//! no sign of life become a power cut of the peer, with one a cut of the cables. Decisions become expectations. A person
//! reads the draft, corrects what was inferred wrongly, drops what does not matter, and gives it a sentence as file name.

use crate::Moment;
use arbiter_core::Arbiter;
use arbiter_core::io::{ArbiterConfig, Failback, Input, Order, Output};
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
const PATIENCE: &str = "10s";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Silence {
    None,
    /// Since the line of that number; what caused it is not known yet.
    Since(usize),
    PowerCut,
    Cables,
}

/// Gathers the lines of a story from replayed steps.
pub struct StoryWriter {
    me: NodeId,
    zero: Timestamp,
    head: Vec<String>,
    /// Instant, and what happens or is expected.
    lines: Vec<(Timestamp, String)>,
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
        self.lines.push((at, format!("at {} {what}", time(at.since(self.zero)))));
    }

    /// The next step.
    pub fn step(&mut self, moment: &Moment<'_, Arbiter>) {
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
                if let Some((at, text)) = self.lines.get_mut(line) {
                    *text = format!("at {} {peer} loses power", time(at.since(self.zero)));
                }
            }
            Some(Verdict::PeerAlive(sign)) => {
                self.silence = Silence::Cables;
                if let Some((at, _)) = self.lines.get(line).cloned() {
                    self.happens(at, format!("safety check on {me} finds {}", sign.as_str()));
                }
            }
            Some(Verdict::IAmIsolated) => {
                self.silence = Silence::Cables;
                if let Some((at, _)) = self.lines.get(line).cloned() {
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

    /// Each change of a group's rule that does something is expected to be made again.
    fn decisions(&mut self, moment: &Moment<'_, Arbiter>) {
        let me = name(self.me);
        for output in moment.outputs {
            let Output::Event(event) = output else { continue };
            let Some(group) = &event.group else { continue };
            if rules::by_id(&event.sentence.id).is_some_and(|rule| rule.action != Action::Keep) {
                let id = &event.sentence.id;
                self.lines.push((moment.at, format!("expect rule {id} for {group} on {me} within {PATIENCE}")));
            }
        }
    }

    /// The text.
    #[must_use]
    pub fn finish(mut self) -> String {
        // What was inferred later may have begun earlier.
        self.lines.sort_by_key(|(at, _)| *at);
        let mut text = self.head.join("\n");
        text.push('\n');
        for (_, line) in self.lines {
            text.push_str(&line);
            text.push('\n');
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
