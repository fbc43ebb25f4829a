//! The language of the stories.
//!
//! `given …` prepares; `at 5s …`, `after 200ms …` and `then …` make something happen; `expect …` says what must follow. Lines
//! that begin with `#` are remarks. Unless `given cold start` is written, the pair boots and runs for ten seconds first, and
//! 0 s is after that. A story may have several expectations in a row: each waits from where the one before it was met.

use super::hbd::PathSpec;
use super::thirds::{Device, Neighbour};
use super::world::{Job, Probes, World};
use super::{NAMES, duration, group, node, stamp};
use arbiter_core::io::{
    BootAlone, Durable, DurableGroup, Failback, FenceRule, GroupConfig, GroupGuards, Order, WitnessRule,
};
use core::time::Duration;
use hotpair_types::{
    BootId, Epoch, FailureScope, FenceHealth, GroupName, GroupSettings, GroupState, GuaranteeLevel, LifeSign, Medium,
    NodeId, NodeMode, NodeSettings, PathName, Stamp, Stamped, Timestamp, timing::take_after,
};
use std::collections::BTreeMap;

type Done = Result<(), String>;

/// A story being played.
pub struct Story {
    world: World,
    cold: bool,
    begun: bool,
    mark: usize,
    first: usize,
}

fn split(text: &str) -> Vec<&str> {
    text.split_whitespace().map(|w| w.trim_end_matches(',')).collect()
}

fn the_node(word: &str) -> Result<NodeId, String> {
    node(word).ok_or_else(|| format!("no node {word:?}"))
}

fn the_time(word: &str) -> Result<Duration, String> {
    duration(word).ok_or_else(|| format!("not a time: {word:?}"))
}

impl Story {
    /// Plays a story; gives its decision log.
    pub fn play(text: &str) -> Result<String, String> {
        let mut story = Self { world: World::new(), cold: false, begun: false, mark: 0, first: 0 };
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            story.line(line).map_err(|problem| {
                format!("line {}: {line}\n  {problem}\n{}", number + 1, story.world.log(story.first))
            })?;
        }
        Ok(story.world.log(story.first))
    }

    fn line(&mut self, line: &str) -> Done {
        let (verb, rest) = line.split_once(' ').ok_or("a lonely word")?;
        let rest = rest.trim();
        if verb != "given" && !self.begun {
            self.begin();
        }
        match verb {
            "given" => self.given(rest),
            "at" | "after" => {
                let (when, what) = rest.split_once(' ').ok_or("nothing happens")?;
                let when = the_time(when)?;
                let base = if verb == "at" { self.world.zero } else { self.world.now };
                let until = base.after(when);
                if until < self.world.now {
                    return Err(format!("it is {} already", stamp(self.world.now, self.world.zero)));
                }
                self.run_until(until);
                self.happens(what)
            }
            "then" => self.happens(rest),
            "expect" => self.expect(rest),
            other => Err(format!("no verb {other:?}")),
        }
    }

    fn begin(&mut self) {
        self.begun = true;
        if self.world.config.groups.is_empty() {
            self.world.add_group(plain_group("web"));
        }
        let votes = self.world.config.arbitration.witness.map(|w| w.ttl);
        for group in &mut self.world.config.groups {
            if let (Some(ttl), true) = (votes, group.guards.require >= GuaranteeLevel::Witnessed) {
                group.guards.take_after = Some(take_after(ttl.max(group.lease.unwrap_or_default())));
            }
        }
        if !self.cold {
            self.world.boot(NodeId::FIRST);
            self.world.boot(NodeId::SECOND);
            let settled = self.world.now.after(Duration::from_secs(10));
            self.run_until(settled);
        }
        self.world.zero = self.world.now;
        self.first = self.world.record.len();
        self.mark = self.first;
    }

    fn run_until(&mut self, until: Timestamp) {
        while self.world.step(until) {}
    }

    fn given(&mut self, text: &str) -> Done {
        let words = split(text);
        match words.as_slice() {
            ["cold", "start"] => self.cold = true,
            ["group", name, rest @ ..] => {
                let config = group_options(name, &rest.join(" "))?;
                self.world.add_group(config);
            }
            ["path", name, medium, interval, count] => {
                let medium = if *medium == "serial" { Medium::Serial } else { Medium::Udp };
                self.world.add_path(PathSpec {
                    name: PathName::new(name).map_err(|e| e.to_string())?,
                    medium,
                    interval: the_time(interval)?,
                    lost: count.trim_start_matches('x').parse().map_err(|_| "how many?")?,
                    latency: Duration::from_millis(if medium == Medium::Serial { 40 } else { 1 }),
                });
            }
            ["boot", "wait", time] => self.world.config.boot_wait = the_time(time)?,
            ["boot", "alone", "last-active"] => self.world.config.boot_alone = BootAlone::LastActive,
            ["boot", "alone", "any"] => self.world.config.boot_alone = BootAlone::Any,
            ["boot", "alone", "never"] => self.world.config.boot_alone = BootAlone::Never,
            [name, "was", "last", "active", "on", n, "at", "epoch", number, rest @ ..] => {
                let owner = the_node(n)?;
                let number = number.parse().map_err(|_| "which epoch?")?;
                let known: Vec<NodeId> = match rest {
                    [] => NodeId::BOTH.to_vec(),
                    ["as", "known", "by", one] => vec![the_node(one)?],
                    _ => return Err("as known by whom?".into()),
                };
                for at in known {
                    self.remember(at, group(name), Epoch { number, node: owner });
                }
            }
            ["witness"] => self.witness(Duration::from_secs(6)),
            ["witness", ttl] => self.witness(the_time(ttl)?),
            ["fence", "devices"] => self.world.config.arbitration.fence = Some(FenceRule { delay: Duration::ZERO }),
            ["fence", "devices", "delay", time, "on", n] => {
                let (at, delay) = (the_node(n)?, the_time(time)?);
                self.world.config.arbitration.fence = Some(FenceRule { delay: Duration::ZERO });
                self.world.delays[at.index()] = delay;
            }
            ["watchdog", time] => {
                self.world.watchdog = Some(the_time(time)?);
                self.world.config.arbitration.watchdog = true;
            }
            ["neighbours", "required", count] => {
                self.world.config.arbitration.neighbours_required = count.parse().map_err(|_| "how many?")?;
            }
            ["both", "active", "at", "most", time] => self.world.both_allowed = the_time(time)?,
            _ => {
                if self.world.config.groups.is_empty() {
                    self.world.add_group(plain_group("web"));
                }
                return self.happens(text);
            }
        }
        Ok(())
    }

    fn witness(&mut self, ttl: Duration) {
        self.world.witness_ttl = ttl;
        self.world.config.arbitration.witness = Some(WitnessRule { ttl });
    }

    fn remember(&mut self, at: NodeId, name: GroupName, epoch: Epoch) {
        let unset = Stamped { stamp: Stamp::NEVER, value: NodeSettings { mode: NodeMode::Online } };
        let disk = self.world.at(at).disk.get_or_insert_with(|| Durable {
            boot: BootId([0xff; 16]),
            boot_wait_over: true,
            heard_peer: true,
            groups: BTreeMap::new(),
            nodes: [unset.clone(), unset],
        });
        let settings = Stamped { stamp: Stamp::NEVER, value: GroupSettings::default() };
        disk.groups.insert(name, DurableGroup { epoch, settings });
    }

    fn path(&self, name: &str) -> Result<usize, String> {
        self.world.paths.iter().position(|p| p.name.as_str() == name).ok_or_else(|| format!("no path {name:?}"))
    }

    fn cut(&mut self, paths: &[usize], towards: Option<NodeId>, cut: bool) {
        for receiver in NodeId::BOTH.into_iter().filter(|n| towards.is_none_or(|t| t == *n)) {
            for path in paths {
                self.world.cut[receiver.index()][*path] = cut;
            }
        }
        self.world.listen();
    }

    fn happens(&mut self, text: &str) -> Done {
        self.mark = self.world.record.len();
        if let Some((place, order)) = text.strip_prefix("order at ").and_then(|t| t.split_once(": ")) {
            return self.order(the_node(place)?, order, false);
        }
        if let Some((place, order)) = text.strip_prefix("dry-run at ").and_then(|t| t.split_once(": ")) {
            return self.order(the_node(place)?, order, true);
        }
        let words = split(text);
        self.node_event(&words)
            .or_else(|| self.wire_event(&words))
            .or_else(|| self.third_event(&words))
            .or_else(|| self.group_event(&words))
            .unwrap_or_else(|| Err(format!("nothing known about {text:?}")))
    }

    fn node_event(&mut self, words: &[&str]) -> Option<Done> {
        let w = &mut self.world;
        Some(match words {
            [n, "loses", "power"] => the_node(n).map(|n| w.power_loss(n)),
            [n, "boots"] => the_node(n).map(|n| w.boot(n)),
            ["kill", "all", "daemons", "on", n] => the_node(n).map(|n| {
                for daemon in ["arbiterd", "hbd", "resd"] {
                    w.kill(n, daemon);
                }
            }),
            ["start", "all", "daemons", "on", n] => the_node(n).map(|n| {
                for daemon in ["arbiterd", "hbd", "resd"] {
                    w.start(n, daemon);
                }
            }),
            ["kill", daemon, "on", n] => the_node(n).map(|n| w.kill(n, daemon)),
            ["start", daemon, "on", n] => the_node(n).map(|n| w.start(n, daemon)),
            ["freeze", "all", "daemons", "on", n] => the_node(n).map(|n| w.freeze(n)),
            ["resume", "all", "daemons", "on", n] => the_node(n).map(|n| w.resume(n)),
            [n, "stalls", "for", time] => the_node(n).and_then(|n| {
                let gap = the_time(time)?;
                w.input(n, arbiter_core::io::Input::Stalled(gap));
                Ok(())
            }),
            ["state", "file", "of", n, "cannot", "be", "written"] => the_node(n).map(|n| w.at(n).write_fails = true),
            ["state", "file", "of", n, "can", "be", "written"] => the_node(n).map(|n| w.at(n).write_fails = false),
            ["state", "file", "of", n, "takes", time] => {
                the_node(n).and_then(|n| the_time(time).map(|t| w.at(n).write_takes = t))
            }
            ["state", "file", "of", n, "is", "lost"] => the_node(n).map(|n| w.at(n).disk = None),
            ["config", "of", n, how @ "differs"] | ["config", "of", n, how @ "is", "equal"] => the_node(n).map(|n| {
                w.at(n).config_differs = *how == "differs";
                if w.at(n).arbiter.is_some() {
                    w.reload(n);
                }
            }),
            ["safety", "check", "on", n, "finds", what @ ..] => {
                the_node(n).and_then(|n| probes(what).map(|p| w.at(n).probes = p))
            }
            _ => return None,
        })
    }

    fn wire_event(&mut self, words: &[&str]) -> Option<Done> {
        let all: Vec<usize> = (0..self.world.paths.len()).collect();
        let is_cut = |verb: &str| verb == "cut";
        Some(match words {
            [verb @ ("cut" | "restore"), "all", "paths"] => {
                self.cut(&all, None, is_cut(verb));
                Ok(())
            }
            [verb @ ("cut" | "restore"), "all", "paths", "towards", n] => {
                the_node(n).map(|n| self.cut(&all, Some(n), is_cut(verb)))
            }
            [verb @ ("cut" | "restore"), "path", name] => self.path(name).map(|p| self.cut(&[p], None, is_cut(verb))),
            [verb @ ("cut" | "restore"), "path", name, "towards", n] => {
                the_node(n).and_then(|n| self.path(name).map(|p| self.cut(&[p], Some(n), is_cut(verb))))
            }
            [verb @ ("cut" | "restore"), "everything", "between", "them"] => {
                self.world.lan_split = is_cut(verb);
                self.cut(&all, None, is_cut(verb));
                Ok(())
            }
            [verb @ ("cut" | "restore"), "network", "of", n] => {
                the_node(n).map(|n| self.world.at(n).lan_cut = is_cut(verb))
            }
            _ => return None,
        })
    }

    fn third_event(&mut self, words: &[&str]) -> Option<Done> {
        let w = &mut self.world;
        Some(match words {
            ["witness", "falls", "silent"] => {
                w.witness.down = true;
                Ok(())
            }
            ["witness", "answers", "again"] => {
                w.witness.down = false;
                Ok(())
            }
            [n, "loses", "the", "witness"] => the_node(n).map(|n| w.at(n).thirds.witness_cut = true),
            [n, "reaches", "the", "witness", "again"] => the_node(n).map(|n| w.at(n).thirds.witness_cut = false),
            ["fence", "device", "on", n, how @ ("works" | "reboots" | "fails" | "lies")] => {
                let device = match *how {
                    "works" => Device::Works,
                    "reboots" => Device::Reboots,
                    "fails" => Device::Fails,
                    _ => Device::Lies,
                };
                the_node(n).map(|n| w.at(n).thirds.device = device)
            }
            ["fence", "device", "on", n, "takes", time] => {
                the_node(n).and_then(|n| the_time(time).map(|t| w.at(n).thirds.fence_takes = t))
            }
            ["fence", "device", "on", n, "is", how @ ("ready" | "broken")] => the_node(n).map(|n| {
                w.at(n).thirds.health = match *how {
                    "ready" => FenceHealth::Ready,
                    _ => FenceHealth::Broken { reason: "ipmi: login refused".into() },
                };
                w.put_ms(1, Job::Observed(n));
            }),
            ["resd", "on", n, "reports", "order", number, "confirmed"] => the_node(n).and_then(|n| {
                let number = number.parse().map_err(|_| "which number?")?;
                let state = hotpair_types::FenceState::Confirmed { device: "ipmi".into() };
                w.at(n).thirds.report = Some(hotpair_types::FenceReport { number, state });
                w.put_ms(1, Job::Observed(n));
                Ok(())
            }),
            ["watchdog", "of", n, how @ ("breaks" | "works")] => the_node(n).map(|n| {
                w.at(n).thirds.watchdog_broken = *how == "breaks";
                w.put_ms(1, Job::Observed(n));
            }),
            ["neighbour", "of", n, "is", "silent"] => the_node(n).map(|n| w.at(n).thirds.neighbour = Neighbour::Silent),
            ["neighbour", "of", n, "sees", "nothing"] => {
                the_node(n).map(|n| w.at(n).thirds.neighbour = Neighbour::Nothing)
            }
            ["neighbour", "of", n, "sees", "the", sign] => the_node(n).and_then(|n| {
                let sign = match *sign {
                    "kernel" => LifeSign::Kernel,
                    "software" => LifeSign::Software,
                    other => return Err(format!("what is {other:?}?")),
                };
                w.at(n).thirds.neighbour = Neighbour::Sees(sign);
                Ok(())
            }),
            ["disk", "lease", how @ ("moves" | "rests"), "before", n] => the_node(n).map(|n| {
                w.at(n).thirds.storage_moves = *how == "moves";
                w.put_ms(1, Job::Storage(n));
            }),
            _ => return None,
        })
    }

    fn group_event(&mut self, words: &[&str]) -> Option<Done> {
        let change = |story: &mut Self, g: &str, n: &str, change: &dyn Fn(&mut super::resd::Res)| -> Done {
            let (at, name) = (the_node(n)?, group(g));
            match story.world.at(at).groups.get_mut(&name) {
                Some(res) => change(res),
                None => return Err(format!("no group {g:?}")),
            }
            story.world.nudge(at, &name);
            Ok(())
        };
        Some(match words {
            ["network", "of", g, "fails", "on", n] => change(self, g, n, &|r| {
                r.broken = Some(FailureScope::Network);
                r.lacks = Some(("no carrier".into(), FailureScope::Network));
            }),
            ["network", "of", g, "works", "on", n] => change(self, g, n, &|r| {
                r.broken = None;
                r.lacks = None;
                r.recover();
            }),
            [g, "fails", "on", n] => change(self, g, n, &|r| r.broken = Some(FailureScope::Resource)),
            [g, "is", "repaired", "on", n] => change(self, g, n, &|r| r.broken = None),
            [g, "lacks", what, "on", n] => {
                change(self, g, n, &|r| r.lacks = Some(((*what).into(), FailureScope::Node)))
            }
            [g, "lacks", "nothing", "more", "on", n] => change(self, g, n, &|r| r.lacks = None),
            ["stopping", g, "fails", "on", n] => change(self, g, n, &|r| r.stop_fails = true),
            ["stopping", g, "works", "on", n] => change(self, g, n, &|r| r.stop_fails = false),
            ["starting", g, "takes", time, "on", n] => {
                the_time(time).and_then(|t| change(self, g, n, &|r| r.start_takes = t))
            }
            ["stopping", g, "takes", time, "on", n] => {
                the_time(time).and_then(|t| change(self, g, n, &|r| r.stop_takes = t))
            }
            [g, "runs", "already", "on", n] => change(self, g, n, &|r| r.state = GroupState::Running),
            _ => return None,
        })
    }

    fn order(&mut self, at: NodeId, text: &str, dry_run: bool) -> Done {
        let (text, reason) = text.split_once(" because").unwrap_or((text, "the plug was pulled"));
        let words = split(text);
        let some = |g: &str| (g != "all").then(|| group(g));
        let order = match words.as_slice() {
            ["switchover", g] => Order::Switchover { group: group(g), to: None },
            ["switchover", g, "to", n] => Order::Switchover { group: group(g), to: Some(the_node(n)?) },
            ["standby", n] => Order::NodeMode { node: the_node(n)?, mode: NodeMode::Standby },
            ["online", n] => Order::NodeMode { node: the_node(n)?, mode: NodeMode::Online },
            ["freeze", g, "for", t] => Order::Freeze { group: some(g), lasting: the_time(t)? },
            ["freeze", g, "off"] => Order::Freeze { group: some(g), lasting: Duration::ZERO },
            ["maintenance", g, "for", t] => Order::Maintenance { group: some(g), lasting: the_time(t)? },
            ["maintenance", g, "off"] => Order::Maintenance { group: some(g), lasting: Duration::ZERO },
            ["clear", g] => Order::Clear { group: some(g) },
            ["vouch", n, "off"] => Order::VouchPeerOff { peer: (*n).to_string(), reason: reason.trim().to_string() },
            _ => return Err(format!("no order {text:?}")),
        };
        self.world.order(at, order, dry_run);
        Ok(())
    }

    fn expect(&mut self, text: &str) -> Done {
        let (text, patience) = match text.rsplit_once(" within ") {
            Some((text, time)) => (text, the_time(time)?),
            None => (text, Duration::ZERO),
        };
        let words = split(text);
        if let [what @ .., "for", time] = words.as_slice() {
            let until = self.world.now.after(the_time(time)?);
            loop {
                self.met(what)?;
                if !self.world.step(until) {
                    return self.met(what);
                }
            }
        }
        let until = self.world.now.after(patience);
        loop {
            let outcome = self.met(&words);
            if outcome.is_ok() {
                return Ok(());
            }
            if !self.world.step(until) {
                let last = self.met(&words);
                return last.map_err(|e| format!("{e} (at {})", stamp(self.world.now, self.world.zero)));
            }
        }
    }

    fn met(&mut self, words: &[&str]) -> Done {
        let ok = |yes: bool, no: String| if yes { Ok(()) } else { Err(no) };
        match words {
            [n, "takes", g, "by", rule] => {
                let (at, name) = (the_node(n)?, group(g));
                let found = self.decided(at, &name, rule);
                ok(found, format!("{rule} was not decided on {n} for {g}"))
            }
            ["rule", rule, "for", g, "on", n] => {
                let is = self.rule(the_node(n)?, g);
                ok(is == *rule, format!("the rule is {is}"))
            }
            ["event", id, "on", n] => {
                let at = the_node(n)?;
                let found =
                    self.world.record.iter().skip(self.mark).any(|e| e.node == at && e.event.sentence.id == *id);
                ok(found, format!("no event {id} on {n}"))
            }
            ["no", "event", id] => {
                let found = self.world.record.iter().skip(self.first).any(|e| e.event.sentence.id == *id);
                ok(!found, format!("event {id}"))
            }
            ["no", "takeover"] => {
                let found = self.world.record.iter().skip(self.first).any(|e| e.event.sentence.id == "E200");
                ok(!found, "somebody took a group".into())
            }
            [g, "runs", "on", n] | [g, "stays", "on", n] => {
                let state = self.world.state(the_node(n)?, &group(g));
                ok(state == GroupState::Running, format!("{g} is {} on {n}", state.as_str()))
            }
            [g, "is", state, "on", n] => {
                let is = self.world.state(the_node(n)?, &group(g));
                ok(is.as_str() == *state, format!("{g} is {} on {n}", is.as_str()))
            }
            ["nobody", "runs", g] => {
                let name = group(g);
                let up = NodeId::BOTH
                    .into_iter()
                    .find(|n| self.world.nodes[n.index()].groups.get(&name).is_some_and(super::resd::Res::serving));
                ok(up.is_none(), format!("{g} is up on {}", up.map_or("", |n| NAMES[n.index()])))
            }
            [n, "is", "off"] => {
                let at = the_node(n)?;
                ok(!self.world.nodes[at.index()].on, format!("{n} is on"))
            }
            [n, "is", "on"] => {
                let at = the_node(n)?;
                ok(self.world.nodes[at.index()].on, format!("{n} is off"))
            }
            ["nobody", "holds", "the", "vote", "of", g] => {
                let holder = self.world.witness.holder(&group(g), self.world.now);
                ok(holder.is_none(), format!("held by {holder:?}"))
            }
            [n, "holds", "the", "vote", "of", g] => {
                let holder = self.world.witness.holder(&group(g), self.world.now);
                ok(holder == Some(the_node(n)?), format!("held by {holder:?}"))
            }
            ["level", "of", g, "is", level, "on", n] => {
                let is = self.level(the_node(n)?, g);
                ok(is == *level, format!("the level is {is}"))
            }
            ["alarm", id, "on", n] => ok(self.alarm(the_node(n)?, id), format!("no alarm {id} on {n}")),
            ["no", "alarm", id, "on", n] => ok(!self.alarm(the_node(n)?, id), format!("alarm {id} on {n}")),
            ["order", "refused", "by", id] => match self.world.answers.last() {
                Some(Err(sentence)) if sentence.id == *id => Ok(()),
                other => Err(format!("the answer was {other:?}")),
            },
            ["order", "accepted"] => match self.world.answers.last() {
                Some(Ok(_)) => Ok(()),
                other => Err(format!("the answer was {other:?}")),
            },
            ["epoch", "of", g, "is", epoch, "on", n] => {
                let is = self.world.nodes[the_node(n)?.index()].arbiter.as_ref().and_then(|a| a.epoch_of(g));
                let is = is.map(|e| e.to_string()).unwrap_or_default();
                ok(is == *epoch, format!("the epoch is {is}"))
            }
            ["both", "were", "active"] => ok(!self.world.both.is_zero(), "they were not".into()),
            ["never", "both", "active"] => ok(self.world.both.is_zero(), format!("for {:?}", self.world.both)),
            _ => Err(format!("cannot expect {words:?}")),
        }
    }

    fn level(&self, at: NodeId, g: &str) -> &'static str {
        let now = self.world.now;
        self.world.nodes[at.index()]
            .arbiter
            .as_ref()
            .and_then(|a| a.snapshot(now).groups.iter().find(|s| s.name.as_str() == g).map(|s| s.level.as_str()))
            .unwrap_or("none")
    }

    fn decided(&self, at: NodeId, name: &GroupName, rule: &str) -> bool {
        self.world
            .record
            .iter()
            .skip(self.mark)
            .any(|e| e.node == at && e.event.group.as_ref() == Some(name) && e.event.sentence.id == *rule)
    }

    fn rule(&self, at: NodeId, g: &str) -> &'static str {
        let now = self.world.now;
        self.world.nodes[at.index()]
            .arbiter
            .as_ref()
            .and_then(|a| a.snapshot(now).groups.iter().find(|s| s.name.as_str() == g).map(|s| s.rule))
            .unwrap_or("none")
    }

    fn alarm(&self, at: NodeId, id: &str) -> bool {
        let now = self.world.now;
        self.world.nodes[at.index()]
            .arbiter
            .as_ref()
            .is_some_and(|a| a.snapshot(now).alarms.iter().any(|alarm| alarm.sentence.id == id))
    }
}

fn probes(words: &[&str]) -> Result<Probes, String> {
    Ok(match words {
        ["what", "is", "there"] => Probes::Wiring,
        ["kernel"] => Probes::Life(LifeSign::Kernel),
        ["software"] => Probes::Life(LifeSign::Software),
        ["serving"] => Probes::Life(LifeSign::Serving),
        ["storage"] => Probes::Life(LifeSign::Storage),
        ["no", "sign"] => Probes::Nothing,
        ["no", "way", "to", "ask"] => Probes::CannotSend,
        ["not", "even", "the", "gateway"] => Probes::Isolated,
        ["no", "carrier"] => Probes::NoCarrier,
        ["that", "it", "hangs"] => Probes::Hangs,
        other => return Err(format!("what does it find: {other:?}?")),
    })
}

fn plain_group(name: &str) -> GroupConfig {
    GroupConfig {
        name: group(name),
        nodes: NodeId::BOTH.to_vec(),
        failback: Failback::Manual,
        hold_on_silence: false,
        require_unmet: false,
        lease: None,
        wait_for_lease: false,
        guards: GroupGuards::default(),
        max_moves: 3,
        move_window: Duration::from_secs(3600),
    }
}

fn group_options(name: &str, text: &str) -> Result<GroupConfig, String> {
    let mut config = plain_group(name);
    let words = split(text);
    let mut rest = words.as_slice();
    while !rest.is_empty() {
        rest = match rest {
            ["prefers", n, rest @ ..] => {
                let first = the_node(n)?;
                config.nodes = vec![first, first.other()];
                rest
            }
            ["only", "on", n, rest @ ..] => {
                config.nodes = vec![the_node(n)?];
                rest
            }
            ["failback", "auto", t, rest @ ..] => {
                config.failback = Failback::Auto(the_time(t)?);
                rest
            }
            ["failback", "manual", rest @ ..] => rest,
            ["failback", "never", rest @ ..] => {
                config.failback = Failback::Never;
                rest
            }
            ["holds", "on", "silence", rest @ ..] => {
                config.hold_on_silence = true;
                rest
            }
            ["requires", level, rest @ ..] => {
                let found = GuaranteeLevel::ALL.into_iter().find(|l| l.as_str() == *level);
                config.guards.require = found.ok_or_else(|| format!("no level {level:?}"))?;
                rest
            }
            ["takeover", "after", t, rest @ ..] => {
                config.guards.take_after = Some(take_after(the_time(t)?));
                rest
            }
            ["disk", "lease", t, rest @ ..] => {
                config.guards.disk_lease = Some(the_time(t)?);
                config.guards.storage = true;
                rest
            }
            ["demands", "more", rest @ ..] => {
                config.require_unmet = true;
                rest
            }
            ["lease", t, "waited", "for", rest @ ..] => {
                config.lease = Some(the_time(t)?);
                config.wait_for_lease = true;
                rest
            }
            ["lease", t, rest @ ..] => {
                config.lease = Some(the_time(t)?);
                rest
            }
            ["moves", count, "in", t, rest @ ..] => {
                config.max_moves = count.parse().map_err(|_| "how many moves?")?;
                config.move_window = the_time(t)?;
                rest
            }
            other => return Err(format!("what is {other:?}?")),
        };
    }
    Ok(config)
}
