//! The shells' glue: what the daemons' loops do around their cores, and nothing more.

use crate::faults::Fault;
use crate::node::{Daemon, Message, Node, RoundTruth};
use crate::resources::Operation;
use crate::wire::{DRIVER, LINE, Wiring};
use crate::world::{Event, Happening, World, nanos};
use arbiter_core::Arbiter;
use arbiter_core::io::{BootAlone, Durable, Input, Output, SafetyOrder, Seed};
use core::time::Duration;
use heartbeat_core::{Authenticator, HeartbeatConfig, HeartbeatCore, LinkState};
use hotpair_types::{
    Desired, Evidence, GroupName, GroupState, Incarnation, LifeSign, Medium, NetworkSelfTest, NodeId, PairId,
    ProbeKind, Target, Timestamp,
};
use resource_core::{Action, OpId, Outcome, ResourceConfig, ResourceCore};

/// A loop that woke this much too late takes it for an own stall.
const STALL: Duration = Duration::from_millis(200);
/// The arbiter's loop wakes at least so often.
const TICK: Duration = Duration::from_secs(1);

/// Images of a state disk that are kept.
const IMAGES: usize = 8;

fn heartbeat_config(wiring: &Wiring, node: &Node) -> HeartbeatConfig {
    HeartbeatConfig {
        node: node.id,
        pair: PairId(*b"sim pair"),
        key: vec![7; 32].into(),
        digest: node.config.digest,
        paths: wiring.paths.clone(),
    }
}

impl World {
    /// Starts a daemon, if power is on and it does not run.
    pub fn start(&mut self, node: NodeId, daemon: Daemon) {
        let n = &self.nodes[node.index()];
        if !n.on || n.run(daemon).is_some() {
            return;
        }
        self.runs += 1;
        self.touch();
        self.note(Some(node), || format!("{daemon:?} starts"));
        match daemon {
            Daemon::Hbd => self.start_hbd(node),
            Daemon::Arbiterd => self.start_arbiterd(node),
            Daemon::Resd => self.start_resd(node),
        }
        self.drain(node, daemon);
    }

    fn start_hbd(&mut self, node: NodeId) {
        let (run, now) = (self.runs, self.now);
        let config = heartbeat_config(&self.wiring, &self.nodes[node.index()]);
        let n = &mut self.nodes[node.index()];
        let seed = heartbeat_core::Seed { incarnation: Incarnation(run), boot: n.boot_id() };
        let auth = Authenticator::simulated(crate::wire::checksum);
        let core = HeartbeatCore::with_authenticator(config, auth, seed, n.local(now))
            .unwrap_or_else(|e| panic!("paths of the simulator: {e}"));
        n.hbd.core = Some(core);
        n.hbd.run = run;
        if self.wiring.ports_dead.iter().any(|ports| ports[node.index()]) {
            self.tell_links(node);
        }
        let n = &mut self.nodes[node.index()];
        let advert = n.advert.clone();
        match advert.filter(|_| self.nodes[node.index()].run(Daemon::Arbiterd).is_some()) {
            Some(bytes) => self.tell(node, Daemon::Arbiterd, Message::Advert(bytes)),
            None => self.tell(node, Daemon::Arbiterd, Message::AdvertStale(true)),
        }
    }

    fn start_arbiterd(&mut self, node: NodeId) {
        let (run, now) = (self.runs, self.now);
        let n = &mut self.nodes[node.index()];
        let seed = Seed { boot: n.boot_id(), arbiter: Incarnation(run) };
        let mut config = n.config.clone();
        if n.disk.untrusted {
            config.boot_alone = BootAlone::Never;
        }
        let local = n.local(now);
        n.arbiterd.core = Some(Arbiter::new(config, n.disk.state.clone(), seed, local));
        n.arbiterd.run = run;
        n.rounds = [RoundTruth::None; 2];
        let view = n.hbd.core.as_ref().map(|hbd| hbd.view(local));
        let observed = n.resd.core.as_ref().and_then(|resd| resd.view().cloned());
        if let Some(view) = view {
            self.tell(node, Daemon::Hbd, Message::View(Box::new(view)));
        }
        if let Some(observed) = observed {
            self.tell(node, Daemon::Resd, Message::Observed(Box::new(observed)));
        }
        self.tell(node, Daemon::Arbiterd, Message::AdvertStale(false));
        self.meet_witness(node);
    }

    fn start_resd(&mut self, node: NodeId) {
        let (run, now) = (self.runs, self.now);
        let n = &mut self.nodes[node.index()];
        let watchdog = self
            .third
            .watchdog
            .clone()
            .map(|config| resource_core::WatchdogConfig { inherited: n.dealings.armed(), ..config });
        let config = ResourceConfig {
            boot: n.boot_id(),
            resd: Incarnation(run),
            restored: n.kept_target.clone(),
            groups: n.groups.clone(),
            watchdog,
        };
        let core =
            ResourceCore::new(config, run, n.local(now)).unwrap_or_else(|e| panic!("groups of the simulator: {e}"));
        n.resd.core = Some(core);
        n.resd.run = run;
        self.meet_devices(node);
    }

    /// Kills a daemon.
    pub fn kill(&mut self, node: NodeId, daemon: Daemon) {
        if self.nodes[node.index()].run(daemon).is_none() {
            return;
        }
        self.touch();
        self.note(Some(node), || format!("{daemon:?} is killed"));
        match daemon {
            Daemon::Hbd => {
                self.nodes[node.index()].hbd.die();
                self.tell(node, Daemon::Hbd, Message::HbdGone);
            }
            Daemon::Arbiterd => {
                self.writes_interrupted(node);
                self.nodes[node.index()].arbiterd.die();
                self.nodes[node.index()].rules.clear();
                self.tell(node, Daemon::Arbiterd, Message::AdvertStale(true));
            }
            Daemon::Resd => {
                // Programs it had started may have come to their end, or not.
                let operations = core::mem::take(&mut self.nodes[node.index()].resources.operations);
                for operation in operations {
                    let done = self.rng.percent(50);
                    let effective = matches!(operation.action, Action::Start | Action::Stop { .. });
                    let resources = &mut self.nodes[node.index()].resources;
                    if done
                        && effective
                        && let Some(real) = resources.real.get_mut(&operation.key)
                    {
                        real.up = operation.action == Action::Start || real.stuck;
                    }
                }
                self.nodes[node.index()].resd.die();
                self.tell(node, Daemon::Resd, Message::ResdGone);
            }
        }
    }

    /// A write that was under way may be on the disk, or not.
    pub fn writes_interrupted(&mut self, node: NodeId) {
        let ours = self.queue.withdraw(|e| matches!(e, Event::Written { node: n, .. } if *n == node));
        for event in ours {
            let Event::Written { durable, .. } = event else { continue };
            if self.rng.percent(50) && !self.bugs.forget_writes && !self.nodes[node.index()].disk.fails {
                self.store(node, *durable);
            }
        }
    }

    fn store(&mut self, node: NodeId, durable: Durable) {
        let disk = &mut self.nodes[node.index()].disk;
        if durable.heard_peer {
            disk.untrusted = false;
        }
        if let Some(before) = disk.state.replace(durable) {
            if disk.images.len() >= IMAGES {
                disk.images.remove(0);
            }
            disk.images.push(before);
        }
    }

    /// A write has ended.
    pub fn written(&mut self, node: NodeId, run: u64, ticket: u64, durable: Durable) {
        let fails = self.nodes[node.index()].disk.fails;
        self.note(Some(node), || format!("  state {ticket} is {}", if fails { "not written" } else { "written" }));
        // A failed fsync says nothing of what is on the disk.
        if !self.bugs.forget_writes && (!fails || self.rng.percent(50)) {
            self.store(node, durable);
        }
        if self.nodes[node.index()].run(Daemon::Arbiterd) == Some(run) {
            self.hand_over(node, Message::Stored { ticket, well: !fails });
        }
    }

    /// A message reaches its daemon, now or when it is scheduled again.
    pub fn hand_over(&mut self, node: NodeId, message: Message) {
        let daemon = message.to();
        let n = &mut self.nodes[node.index()];
        if n.run(daemon).is_none() || !n.on {
            return;
        }
        if n.runs(daemon) {
            self.feed(node, message);
            self.drain(node, daemon);
            return;
        }
        match daemon {
            Daemon::Hbd => n.hbd.inbox.push(message),
            Daemon::Arbiterd => n.arbiterd.inbox.push(message),
            Daemon::Resd => n.resd.inbox.push(message),
        }
    }

    fn feed(&mut self, node: NodeId, message: Message) {
        let local = self.nodes[node.index()].local(self.now);
        match message.to() {
            Daemon::Hbd => {
                let Some(core) = &mut self.nodes[node.index()].hbd.core else { return };
                match message {
                    Message::SendFailed(path) => {
                        let text = "resource temporarily unavailable".to_string();
                        core.handle_input(heartbeat_core::Input::SendFailed { path, text }, local);
                    }
                    Message::Garbage(path) => core.handle_input(heartbeat_core::Input::Garbage { path }, local),
                    Message::Link { path } => {
                        let dead = self.wiring.index(path).is_some_and(|at| self.wiring.ports_dead[at][node.index()]);
                        let state = if dead { LinkState::NoCarrier } else { LinkState::Working };
                        core.handle_input(heartbeat_core::Input::Link { path, state }, local);
                    }
                    Message::Leave => core.handle_input(heartbeat_core::Input::Leave, local),
                    Message::Reconfigure => {
                        let config = heartbeat_config(&self.wiring, &self.nodes[node.index()]);
                        if let Some(core) = &mut self.nodes[node.index()].hbd.core {
                            core.handle_input(heartbeat_core::Input::Reconfigure(config), local);
                        }
                    }
                    Message::Frame { path, bytes } => {
                        core.handle_input(heartbeat_core::Input::Frame { path, bytes: &bytes }, local);
                    }
                    Message::Advert(bytes) => {
                        core.handle_input(heartbeat_core::Input::SetAdvert { bytes }, local);
                        core.handle_input(heartbeat_core::Input::AdvertStale(false), local);
                    }
                    Message::AdvertStale(stale) => {
                        core.handle_input(heartbeat_core::Input::AdvertStale(stale), local);
                    }
                    _ => {}
                }
            }
            Daemon::Arbiterd => {
                let Some(input) = self.arbiter_input(message, local) else { return };
                if let Some(core) = &mut self.nodes[node.index()].arbiterd.core {
                    core.handle_input(input, local);
                }
            }
            Daemon::Resd => {
                let ordered = if let Message::Target(target) = &message { Some(target.fence) } else { None };
                let Some(core) = &mut self.nodes[node.index()].resd.core else { return };
                match message {
                    Message::Watchdog(state) => core.handle_input(resource_core::Input::Watchdog(state), local),
                    Message::Target(target) => core.handle_input(resource_core::Input::Target(*target), local),
                    Message::Done { op, outcome } => {
                        core.handle_input(resource_core::Input::Done { op, outcome }, local);
                    }
                    Message::Fenced { report, health } => {
                        core.handle_input(resource_core::Input::Fence { report, health }, local);
                    }
                    Message::Noticed { group, resource, event } => {
                        core.handle_input(resource_core::Input::Event { group, resource, event }, local);
                    }
                    _ => {}
                }
                if let Some(order) = ordered {
                    self.fence_ordered(node, order);
                }
            }
        }
    }

    fn arbiter_input(&mut self, message: Message, local: Timestamp) -> Option<Input> {
        let reason = || "connection refused".to_string();
        Some(match message {
            Message::View(view) => {
                let mut advert = view.advert.as_ref().and_then(|a| self.decode(&a.bytes, a.received_at));
                if self.bugs.skip_withdrawal_check
                    && let Some(advert) = &mut advert
                {
                    advert.seen.1 = u64::MAX;
                }
                Input::Peer { view: *view, advert }
            }
            Message::Reload(config) => Input::Config(*config),
            Message::HbdGone => Input::HbdGone { reason: reason() },
            Message::Observed(mut view) => {
                if self.bugs.stopping_as_stopped {
                    for group in view.groups.values_mut().filter(|g| g.state == GroupState::Stopping) {
                        group.state = GroupState::Stopped;
                        group.serving = false;
                    }
                }
                Input::Observed(*view)
            }
            Message::Votes(view) => Input::Witness(*view),
            Message::ResdGone => Input::ResdGone { reason: reason() },
            Message::Refused(reason) => Input::TargetRefused { reason },
            Message::RoundStarted { round, self_test } => Input::RoundStarted { round, self_test },
            Message::Evidence { round, evidence } => Input::Evidence { round, evidence },
            Message::PeerAnswered(bytes) => Input::PeerAnswered(self.decode(&bytes, local)?),
            Message::Stored { ticket, well: true } => Input::Persisted(ticket),
            Message::Stored { ticket, well: false } => {
                Input::PersistFailed { ticket, error: "no space left on device".to_string() }
            }
            Message::Order(order) => Input::Order { ticket: 1, by: "operator".to_string(), order, dry_run: false },
            _ => return None,
        })
    }

    /// A deadline of a daemon has come.
    pub fn timeout(&mut self, node: NodeId, daemon: Daemon) {
        let local = self.nodes[node.index()].local(self.now);
        let n = &mut self.nodes[node.index()];
        match daemon {
            Daemon::Hbd => n.hbd.core.iter_mut().for_each(|c| c.handle_timeout(local)),
            Daemon::Arbiterd => n.arbiterd.core.iter_mut().for_each(|c| c.handle_timeout(local)),
            Daemon::Resd => n.resd.core.iter_mut().for_each(|c| c.handle_timeout(local)),
        }
        let next = n.deadline(daemon);
        assert!(next.is_none_or(|at| at > self.now), "{daemon:?} spins: its deadline does not advance");
        self.drain(node, daemon);
    }

    /// A daemon is scheduled again: what has arrived, then its own stall, then time.
    pub fn thaw(&mut self, node: NodeId, daemon: Daemon) {
        let now = self.now;
        let n = &mut self.nodes[node.index()];
        if n.paused {
            // The machine stands still: when it goes on, so does this.
            return;
        }
        let since = match daemon {
            Daemon::Hbd => n.hbd.frozen_local,
            Daemon::Arbiterd => n.arbiterd.frozen_local,
            Daemon::Resd => n.resd.frozen_local,
        };
        let (frozen, planned, inbox) = match daemon {
            Daemon::Hbd => (n.hbd.frozen.take(), n.hbd.planned.take(), core::mem::take(&mut n.hbd.inbox)),
            Daemon::Arbiterd => {
                (n.arbiterd.frozen.take(), n.arbiterd.planned.take(), core::mem::take(&mut n.arbiterd.inbox))
            }
            Daemon::Resd => (n.resd.frozen.take(), n.resd.planned.take(), core::mem::take(&mut n.resd.inbox)),
        };
        let Some(frozen) = frozen.filter(|_| n.run(daemon).is_some()) else { return };
        let local = n.local(now);
        let tick = since.after(TICK);
        let late = local.since(planned.map_or(tick, |p| p.min(tick)));
        self.touch();
        self.note(Some(node), || format!("{daemon:?} goes on after {:?}", Duration::from_nanos(now - frozen)));
        for message in inbox {
            self.feed(node, message);
            if daemon == Daemon::Arbiterd {
                self.drain(node, daemon);
            }
        }
        if daemon == Daemon::Resd {
            self.guard_resume(node, Duration::from_nanos(now - frozen));
        }
        if daemon == Daemon::Arbiterd
            && late > STALL
            && let Some(core) = &mut self.nodes[node.index()].arbiterd.core
        {
            core.handle_input(Input::Stalled(late), local);
        }
        let n = &mut self.nodes[node.index()];
        match daemon {
            Daemon::Hbd => n.hbd.core.iter_mut().for_each(|c| c.handle_timeout(local)),
            Daemon::Arbiterd => n.arbiterd.core.iter_mut().for_each(|c| c.handle_timeout(local)),
            Daemon::Resd => n.resd.core.iter_mut().for_each(|c| c.handle_timeout(local)),
        }
        self.drain(node, daemon);
    }

    fn drain(&mut self, node: NodeId, daemon: Daemon) {
        match daemon {
            Daemon::Hbd => {
                while let Some(output) = self.nodes[node.index()].hbd.core.as_mut().and_then(HeartbeatCore::poll_output)
                {
                    if self.dies_midway(node, daemon) {
                        break;
                    }
                    match output {
                        heartbeat_core::Output::Send { path, bytes } => self.transmit(node, path, bytes),
                        heartbeat_core::Output::View(view) => {
                            self.tell(node, Daemon::Hbd, Message::View(Box::new(view)));
                        }
                        heartbeat_core::Output::Dropped { .. } | heartbeat_core::Output::Refused(_) => {}
                    }
                }
            }
            Daemon::Arbiterd => {
                while let Some(output) = self.nodes[node.index()].arbiterd.core.as_mut().and_then(Arbiter::poll_output)
                {
                    if self.dies_midway(node, daemon) {
                        break;
                    }
                    self.carry_out(node, output);
                }
            }
            Daemon::Resd => {
                while let Some(output) = self.nodes[node.index()].resd.core.as_mut().and_then(ResourceCore::poll_output)
                {
                    if self.dies_midway(node, daemon) {
                        break;
                    }
                    self.carry_out_resource(node, output);
                }
            }
        }
        self.called(node, daemon);
    }

    fn transmit(&mut self, from: NodeId, path: heartbeat_core::PathTag, bytes: Vec<u8>) {
        let Some(at) = self.wiring.index(path) else { return };
        let wire = &self.wiring.wires[at][from.index()];
        if wire.cut || (wire.loss > 0 && self.rng.percent(wire.loss)) {
            return;
        }
        if wire.corrupt > 0 && self.rng.percent(wire.corrupt) {
            self.deliver_damaged(from.other(), at, path, bytes);
            return;
        }
        let serial = self.wiring.paths[at].medium == Medium::Serial;
        let (jitter, wire_delay, duplicate) =
            (if serial { 0 } else { nanos(wire.jitter) }, nanos(wire.delay), wire.duplicate);
        let mut delay = self.now + wire_delay;
        if serial {
            // One byte after the other; what the driver does not take is lost, and hbd is told so.
            let free = &mut self.wiring.line_free[at][from.index()];
            let begins = self.now.max(*free);
            if (begins - self.now) / 1_000 * LINE / 1_000_000 > DRIVER {
                let Some(run) = self.nodes[from.index()].run(Daemon::Hbd) else { return };
                self.put(Duration::ZERO, Event::Deliver { node: from, run, message: Message::SendFailed(path) });
                return;
            }
            *free = begins + (bytes.len() as u64 + 10) * 1_000_000_000 / LINE;
            delay = *free + wire_delay;
        }
        if duplicate > 0 && self.rng.percent(duplicate) {
            let again = delay + self.rng.below(jitter);
            let message = Message::Frame { path, bytes: bytes.clone() };
            self.put_at(again, Event::Arrive { node: from.other(), message });
        }
        let arrives = delay + self.rng.below(jitter);
        self.put_at(arrives, Event::Arrive { node: from.other(), message: Message::Frame { path, bytes } });
    }

    /// A frame arrives with some bytes changed: a serial line's framing notices, elsewhere it is a frame with a wrong tag.
    fn deliver_damaged(&mut self, to: NodeId, at: usize, path: heartbeat_core::PathTag, mut bytes: Vec<u8>) {
        let serial = self.wiring.paths[at].medium == Medium::Serial;
        let message = if serial && self.rng.percent(99) {
            Message::Garbage(path)
        } else {
            for _ in 0..1 + self.rng.below(4) {
                let place = usize::try_from(self.rng.below(bytes.len() as u64)).unwrap_or(0);
                let bit = 1 << self.rng.below(8);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= bit;
                }
            }
            if self.rng.percent(20) {
                let keep = usize::try_from(self.rng.below(bytes.len() as u64)).unwrap_or(0);
                bytes.truncate(keep);
            }
            Message::Frame { path, bytes }
        };
        let after = self.wiring.wires[at][to.other().index()].delay;
        self.put(after, Event::Arrive { node: to, message });
    }

    /// A daemon may be about to die between two outputs. True: it just has.
    fn dies_midway(&mut self, node: NodeId, daemon: Daemon) -> bool {
        let n = &mut self.nodes[node.index()];
        match &mut n.dies_after {
            Some((which, 0)) if *which == daemon => {
                n.dies_after = None;
                self.kill(node, daemon);
                let away = self.rng.millis(20, 3_000);
                self.put(away, Event::Start(node, daemon));
                true
            }
            Some((which, left)) if *which == daemon => {
                *left -= 1;
                false
            }
            _ => false,
        }
    }

    fn carry_out(&mut self, node: NodeId, output: Output) {
        match output {
            Output::Persist { ticket, durable } => {
                let run = self.nodes[node.index()].arbiterd.run;
                self.note(Some(node), || format!("  writes state {ticket}"));
                let takes = self.times.write.draw(&mut self.rng) + self.nodes[node.index()].disk.slow;
                if let Some(power) = self.nodes[node.index()].disk.crash_next.take() {
                    let crash = if power {
                        Fault::PowerLoss(node, self.rng.millis(500, 10_000))
                    } else {
                        Fault::Kill(node, Daemon::Arbiterd, self.rng.millis(20, 3_000))
                    };
                    let share = self.rng.below(100);
                    self.put(takes * u32::try_from(share).unwrap_or(0) / 100, Event::Fault(crash));
                }
                self.put(takes, Event::Written { node, run, ticket, durable: Box::new(durable) });
            }
            Output::Advert(advert) => {
                let bytes = self.encode(node, advert);
                self.nodes[node.index()].advert = Some(bytes.clone());
                self.tell(node, Daemon::Arbiterd, Message::Advert(bytes));
            }
            Output::Safety(SafetyOrder::Round(round)) => {
                let run = self.nodes[node.index()].arbiterd.run;
                let after = self.rng.micros(100, 3_000);
                self.put(after, Event::Probe { node, run, round });
            }
            Output::Safety(SafetyOrder::Stop) => self.nodes[node.index()].rounds = [RoundTruth::None; 2],
            Output::Witness(target) => self.want_votes(node, target),
            Output::Target(target) => {
                self.note_orders(node, &target);
                self.tell(node, Daemon::Arbiterd, Message::Target(Box::new(target)));
            }
            Output::OrderDone { result, .. } => {
                self.note(Some(node), || match result {
                    Ok(_) => "order accepted".to_string(),
                    Err(sentence) => format!("order refused: {}", sentence.id),
                });
            }
            Output::Event(event) => self.note_event(node, &event),
            Output::StatusChanged => {}
        }
    }

    fn note_orders(&mut self, node: NodeId, target: &Target) {
        for (group, wanted) in target.groups.iter().filter(|(_, t)| t.desired == Desired::Started) {
            self.happenings.push(Happening::Ordered { node, group: group.clone(), epoch: wanted.epoch });
        }
    }

    fn note_event(&mut self, node: NodeId, event: &arbiter_core::io::Event) {
        let id = event.sentence.id.as_str();
        if let Some(group) = &event.group {
            if id.starts_with('R') {
                self.nodes[node.index()].rules.insert(group.clone(), id.to_string());
                self.happenings.push(Happening::Decided { node, group: group.clone(), rule: id.to_string() });
            }
            if id == "E200" {
                let rule = self.nodes[node.index()].rules.get(group).cloned().unwrap_or_default();
                let takeover = matches!(rule.as_str(), "R460" | "R461" | "R313");
                self.happenings.push(Happening::Took { node, group: group.clone(), takeover });
            }
        }
        self.note(Some(node), || {
            let group = event.group.as_ref().map(ToString::to_string).unwrap_or_default();
            let epoch = event.sentence.parameters.get("epoch").cloned().unwrap_or_default();
            let subject = event.subject.clone().unwrap_or_default();
            format!("  {id} {group} {epoch} {subject}")
        });
    }

    fn carry_out_resource(&mut self, node: NodeId, output: resource_core::Output) {
        match output {
            resource_core::Output::PersistTarget(target) => self.nodes[node.index()].kept_target = Some(target),
            resource_core::Output::Answer(Ok(_)) | resource_core::Output::Note(_) => {}
            resource_core::Output::Answer(Err(refusal)) => {
                self.tell(node, Daemon::Resd, Message::Refused(refusal.to_string()));
            }
            resource_core::Output::Cancel { op } => {
                let run = self.nodes[node.index()].resd.run;
                let operations = &mut self.nodes[node.index()].resources.operations;
                if let Some(operation) = operations.iter_mut().find(|o| o.op == op) {
                    operation.cancelled = true;
                    self.put(Duration::from_millis(2), Event::Operation { node, run, op });
                }
            }
            resource_core::Output::Run { op, group, resource, action, timeout, not_after } => {
                let local = self.nodes[node.index()].local(self.now);
                if action == Action::Start && not_after.is_some_and(|end| local >= end) {
                    let outcome = Outcome::TimedOut;
                    self.tell(node, Daemon::Resd, Message::Done { op, outcome });
                    return;
                }
                self.begin(node, op, (group, resource), action, timeout);
            }
            resource_core::Output::Watchdog(act) => self.watchdog(node, act),
            resource_core::Output::SelfFence { reason } => {
                self.note(Some(node), || format!("resets itself: {reason}"));
                self.strike(crate::faults::Fault::PowerLoss(node, Duration::from_secs(5)));
            }
            resource_core::Output::View(view) => {
                self.touch();
                self.tell(node, Daemon::Resd, Message::Observed(Box::new(view)));
            }
        }
    }

    fn begin(
        &mut self,
        node: NodeId,
        op: OpId,
        key: (GroupName, hotpair_types::ResourceName),
        action: Action,
        timeout: Duration,
    ) {
        let effective = matches!(action, Action::Start | Action::Stop { .. });
        let real = self.nodes[node.index()].resources.real.get(&key);
        let slow = real.map_or(Duration::ZERO, |r| if effective { r.slow } else { r.slow_look });
        let range = self.operation_time(node, &key, action);
        let forced = action == Action::Stop { force: true };
        let slow = if forced { Duration::ZERO } else { slow };
        let mut takes = range.draw(&mut self.rng) + slow;
        if !forced && self.nodes[node.index()].resources.real.get(&key).is_some_and(|r| r.hangs) {
            takes = Duration::MAX;
        }
        let (mut held, mut waits) = (None, false);
        if action == Action::Start {
            match self.guard_take(node, &key) {
                Ok(wait) => {
                    waits = wait > Duration::ZERO;
                    takes = takes.saturating_add(wait);
                }
                Err(text) => held = Some(text),
            }
        }
        let run = self.nodes[node.index()].resd.run;
        if effective {
            self.touch();
            self.note(Some(node), || format!("{} {}/{}", action.as_str(), key.0, key.1));
        }
        let group = key.0.clone();
        let well = self.nodes[node.index()].resources.real.get(&key).is_some_and(|r| r.up && !r.failed && !r.broken);
        if action == Action::Start && well {
            self.happenings.push(Happening::StartedAgain { node, group: group.clone() });
        }
        let operation = Operation { op, key, action, cancelled: false, late: takes > timeout, held, waits };
        if self.nodes[node.index()].resources.begin(operation) {
            self.happenings.push(Happening::Started { node, group });
        }
        self.put(takes.min(timeout), Event::Operation { node, run, op });
    }

    /// An operation has come to its end.
    pub fn operation_ends(&mut self, node: NodeId, run: u64, op: OpId) {
        let n = &self.nodes[node.index()];
        if !n.on || n.run(Daemon::Resd) != Some(run) {
            return;
        }
        self.guard_again(node, op);
        if let Some((key, action, outcome)) = self.nodes[node.index()].resources.end(op) {
            self.guard_after(node, &key, action, &outcome);
            if matches!(action, Action::Start | Action::Stop { .. }) {
                self.touch();
            }
            self.hand_over(node, Message::Done { op, outcome });
        }
    }

    /// A round of the safety check: who answers is decided by the wires and by who lives.
    pub fn probe(&mut self, node: NodeId, run: u64, round: u64) {
        let (me, peer) = (&self.nodes[node.index()], &self.nodes[node.other().index()]);
        if me.run(Daemon::Arbiterd) != Some(run) || !me.runs(Daemon::Arbiterd) {
            return;
        }
        let can_send = !self.wiring.probes_blocked[node.index()];
        let connected = !self.wiring.lan_cut[node.index()];
        let reachable = can_send && self.wiring.lan_joined() && peer.on && !peer.paused;
        let loss = self.wiring.lan_loss;
        let mut arrives = || reachable && (loss == 0 || !self.rng.percent(loss));
        let kernel = arrives();
        let software = arrives() && peer.runs(Daemon::Arbiterd);
        let advert = peer.advert.clone().filter(|_| software);
        let truth = if can_send && connected && !kernel && !software { RoundTruth::NoSign } else { RoundTruth::Other };
        let me = &mut self.nodes[node.index()];
        me.rounds = [truth, me.rounds[0]];
        let carrier = u32::from(!self.wiring.carrier_lost[node.index()]);
        let references = u32::from(self.site.references);
        let self_test = NetworkSelfTest { with_carrier: carrier, without_carrier: 1 - carrier, references };
        self.hand_over(node, Message::RoundStarted { round, self_test });
        let via = || "eth0".to_string();
        for probe in [ProbeKind::AskUnicast, ProbeKind::AskBroadcast, ProbeKind::Arp, ProbeKind::Echo] {
            let evidence = if can_send || self.bugs.unknown_as_no_sign {
                Evidence::Sent { probe, via: via() }
            } else {
                Evidence::SendFailed { probe, via: via(), error: "network is down".to_string() }
            };
            self.hand_over(node, Message::Evidence { round, evidence });
        }
        let seen = self.neighbours_answer(node);
        if !self.third.neighbours.is_empty() {
            let evidence = Evidence::Sent { probe: ProbeKind::ThirdParty, via: via() };
            self.hand_over(node, Message::Evidence { round, evidence });
        }
        let mut answers: Vec<Message> =
            seen.into_iter().map(|evidence| Message::Evidence { round, evidence }).collect();
        if references > 0 && connected && can_send || self.bugs.unknown_as_no_sign {
            answers.push(Message::Evidence { round, evidence: Evidence::ReferenceAnswered { via: via() } });
        }
        if kernel && !self.bugs.deaf_prober {
            let evidence = Evidence::Life { probe: ProbeKind::Arp, sign: LifeSign::Kernel, via: via() };
            answers.push(Message::Evidence { round, evidence });
        }
        if let Some(bytes) = advert.filter(|_| !self.bugs.deaf_prober) {
            let evidence = Evidence::Life { probe: ProbeKind::AskUnicast, sign: LifeSign::Software, via: via() };
            answers.push(Message::PeerAnswered(bytes));
            answers.push(Message::Evidence { round, evidence });
        }
        for message in answers {
            let after = self.rng.micros(200, 4_000);
            self.put(after, Event::Deliver { node, run, message });
        }
    }
}
