//! The state machine: five entry points, one `advance` that brings every group to rest at `now`.

use crate::config::{ConfigError, ResourceConfig};
use crate::decide::Step;
use crate::group::{Busy, Goal, Group};
use crate::io::{Action, Input, Note, NoteEvent, OpId, Output, Refusal};
use crate::watchdog::Watchdog;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use hotpair_types::{
    BootId, Desired, FenceHealth, FenceReport, Generation, GroupName, Incarnation, ObservedView, ResourceName,
    ResourceState, Target, Timestamp, WatchdogState,
};
use serde::{Deserialize, Serialize};

/// Effects of one entry, handed down to the groups.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Effects {
    pub(crate) now: Timestamp,
    next_op: u64,
    random: u64,
    acts: Vec<Output>,
    notes: Vec<Output>,
}

impl Effects {
    pub(crate) fn note(&mut self, group: Option<&GroupName>, resource: Option<&ResourceName>, event: NoteEvent) {
        let note = Note { at: self.now, group: group.cloned(), resource: resource.cloned(), event };
        self.notes.push(Output::Note(note));
    }

    pub(crate) fn act(&mut self, output: Output) {
        self.acts.push(output);
    }

    pub(crate) fn op(&mut self) -> OpId {
        self.next_op = self.next_op.saturating_add(1);
        OpId(self.next_op)
    }

    /// `by`, less up to an eighth: so that monitors of many resources do not all fall on one instant.
    pub(crate) fn spread(&mut self, by: Duration) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let eighth = u64::try_from(by.as_nanos() / 8).unwrap_or(u64::MAX);
        by.saturating_sub(Duration::from_nanos(if eighth == 0 { 0 } else { self.random % eighth }))
    }
}

/// The pure state machine behind resd. See the crate's head for its invariants. It is plain data: a copy of it, written
/// down and read back, goes on exactly as the original would have (B3).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResourceCore {
    boot: BootId,
    resd: Incarnation,
    target: Option<Target>,
    groups: Vec<Group>,
    effects: Effects,
    out: VecDeque<Output>,
    view: Option<ObservedView>,
    fenced: bool,
    #[serde(default)]
    watchdog: Option<Watchdog>,
    #[serde(default)]
    fence: Option<FenceReport>,
    #[serde(default)]
    fence_health: FenceHealth,
}

impl ResourceCore {
    /// A machine that first probes everything. `seed` spreads the monitors in time.
    ///
    /// # Errors
    /// If the configuration's dependencies or intervals make no sense.
    pub fn new(config: ResourceConfig, seed: u64, now: Timestamp) -> Result<Self, ConfigError> {
        let mut groups = Vec::new();
        for group in config.groups {
            groups.push(Group::new(group, now)?);
        }
        let effects = Effects { now, next_op: 0, random: seed | 1, acts: Vec::new(), notes: Vec::new() };
        let mut core = Self {
            boot: config.boot,
            resd: config.resd,
            target: None,
            groups,
            effects,
            out: VecDeque::new(),
            view: None,
            fenced: false,
            watchdog: config.watchdog.map(|w| Watchdog::new(w, now)),
            fence: None,
            fence_health: FenceHealth::Unknown,
        };
        if let Some(target) = config.restored.filter(|t| t.boot == core.boot) {
            core.adopt_target(target, false);
        }
        core.advance(now);
        Ok(core)
    }

    /// Takes one input.
    pub fn handle_input(&mut self, input: Input, now: Timestamp) {
        self.effects.now = now;
        // The lease is judged before anything else: after an own stall it may have run out long ago (FAULTS S7).
        self.set_goals();
        match input {
            Input::Target(target) => self.offer_target(target),
            Input::Done { op, outcome } => {
                for group in &mut self.groups {
                    if group.done(op, outcome.clone(), &mut self.effects) {
                        break;
                    }
                }
            }
            Input::Event { group, resource, event } => {
                if let Some(group) = self.groups.iter_mut().find(|g| g.name == group) {
                    group.noticed(&resource, event, &mut self.effects);
                }
            }
            Input::Fence { report, health } => (self.fence, self.fence_health) = (report, health),
            Input::Watchdog(state) => self.watchdog_told(state),
        }
        self.advance(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.advance(now);
    }

    /// When [`Self::handle_timeout`] is to be called next; always later than the last entry's `now`.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let leases = self.groups.iter().filter(|g| !g.lease_lapsed).filter_map(|g| g.running_lease());
        let wakes = self.groups.iter().flat_map(|g| &g.resources).filter_map(|r| r.wake);
        let watchdog = self.watchdog.as_ref().and_then(|w| w.wake(&self.groups, self.effects.now));
        leases.chain(wakes).chain(watchdog).min()
    }

    /// The next output, in the order persist, act, publish.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// The view as published last.
    pub fn view(&self) -> Option<&ObservedView> {
        self.view.as_ref()
    }

    /// The target in force, if any was accepted in this boot.
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    fn offer_target(&mut self, target: Target) {
        let offered = target.generation;
        let answer = match &self.target {
            _ if target.boot != self.boot => Err(Refusal::OtherBoot(offered)),
            Some(accepted) if offered < accepted.generation => {
                Err(Refusal::Older { offered, accepted: accepted.generation })
            }
            Some(accepted) if offered == accepted.generation && *accepted != target => {
                Err(Refusal::Contradiction(offered))
            }
            Some(accepted) if offered == accepted.generation => Ok(offered),
            _ => {
                self.adopt_target(target, true);
                Ok(offered)
            }
        };
        if let Err(refusal) = &answer {
            self.effects.note(None, None, NoteEvent::TargetRefused(refusal.clone()));
        }
        self.out.push_back(Output::Answer(answer));
    }

    fn watchdog_told(&mut self, state: WatchdogState) {
        let Some(watchdog) = &mut self.watchdog else { return };
        if watchdog.state != state {
            let event = match &state {
                WatchdogState::Off => NoteEvent::WatchdogOff,
                WatchdogState::Armed { timeout } => NoteEvent::WatchdogArmed { timeout: *timeout },
                WatchdogState::Broken { reason } => NoteEvent::WatchdogBroken { text: reason.clone() },
            };
            self.effects.note(None, None, event);
        }
        watchdog.told(state, self.effects.now);
    }

    fn adopt_target(&mut self, target: Target, persist: bool) {
        if persist {
            self.out.push_back(Output::PersistTarget(target.clone()));
        }
        for group in &mut self.groups {
            group.set_target(target.groups.get(&group.name).cloned(), &mut self.effects);
        }
        self.target = Some(target);
    }

    fn set_goals(&mut self) {
        for group in &mut self.groups {
            group.set_goal(&mut self.effects);
        }
    }

    /// Brings every group to rest at `now` and publishes what came of it.
    fn advance(&mut self, now: Timestamp) {
        self.effects.now = now;
        self.set_goals();
        // Before anything is started by a right, the watchdog guards that right.
        if let Some(act) = self.watchdog.as_mut().and_then(|w| w.step(&self.groups, now)) {
            self.out.push_back(Output::Watchdog(act));
        }
        for group in &mut self.groups {
            group.advance(&mut self.effects);
        }
        self.out.extend(self.effects.acts.drain(..));
        if !self.fenced
            && let Some(reason) = self.groups.iter().find_map(Group::wants_fence)
        {
            self.fenced = true;
            self.out.push_back(Output::SelfFence { reason });
        }
        self.out.extend(self.effects.notes.drain(..));
        self.publish(now);
        self.check_invariants(now);
    }

    fn publish(&mut self, now: Timestamp) {
        for group in &mut self.groups {
            group.sum_up(now);
        }
        let generation = self.target.as_ref().map(|t| t.generation);
        let watchdog = self.watchdog.as_ref().map_or(WatchdogState::Off, |w| w.state.clone());
        let unchanged = self.view.as_ref().is_some_and(|v| {
            v.groups.len() == self.groups.len()
                && self.groups.iter().all(|g| v.groups.get(&g.name).is_some_and(|told| g.shows(told)))
                && v.generation == generation
                && v.fence == self.fence
                && v.fence_health == self.fence_health
                && v.watchdog == watchdog
        });
        if unchanged {
            return;
        }
        let groups = self.groups.iter().map(|g| (g.name.clone(), g.observed())).collect();
        let seq = self.view.as_ref().map_or(1, |v| v.seq.saturating_add(1));
        let view = ObservedView {
            seq,
            resd: self.resd,
            taken_at: now,
            generation,
            groups,
            fence: self.fence.clone(),
            fence_health: self.fence_health.clone(),
            watchdog,
        };
        self.view = Some(view.clone());
        self.out.push_back(Output::View(view));
    }

    /// What must hold after every entry. A violation ends the process: what runs goes on running, and the next run
    /// starts from probes instead of from a state known to be wrong.
    fn check_invariants(&self, now: Timestamp) {
        for group in &self.groups {
            for resource in &group.resources {
                let action = resource.busy.as_ref().map(|b| b.action);
                let starting = action == Some(Action::Start);
                let stopping = matches!(action, Some(Action::Stop { .. }));
                assert_eq!(starting, resource.state == ResourceState::Starting, "{}: start", resource.spec.name);
                assert_eq!(stopping, resource.state == ResourceState::Stopping, "{}: stop", resource.spec.name);
                assert!(resource.wake.is_none_or(|at| at > now), "{}: a deadline has to lie ahead", resource.spec.name);
            }
            assert!(
                group.goal != Goal::Up || group.target.as_ref().is_some_and(|t| t.desired == Desired::Started),
                "group {}: goes up without an order",
                group.name
            );
        }
    }

    /// Number of the target in force.
    pub fn generation(&self) -> Option<Generation> {
        self.target.as_ref().map(|t| t.generation)
    }
}

impl Group {
    /// Gives every resource its next step, and repeats while steps follow from steps.
    fn advance(&mut self, fx: &mut Effects) {
        let count = self.resources.len();
        for turn in 0..count {
            // On the way down those above come first in the output, too.
            let r = if self.goal == Goal::Down { count - 1 - turn } else { turn };
            loop {
                match self.step(r, fx.now) {
                    Step::Run(action) => self.run(r, action, fx),
                    Step::Cancel { forget } => {
                        if !self.cancel(r, forget, fx) {
                            break;
                        }
                        continue;
                    }
                    Step::Wait(until) => self.resources[r].wake = until,
                }
                break;
            }
            self.announce_if_due(r, fx);
        }
    }

    fn run(&mut self, r: usize, action: Action, fx: &mut Effects) {
        let may = match action {
            Action::Start => self.goal == Goal::Up && self.may_start(r),
            Action::Stop { .. } => self.goal != Goal::Leave && self.may_stop(r),
            _ => true,
        };
        assert!(may, "group {}: {action:?} of resource {r} is out of order", self.name);
        let not_after = match action {
            Action::Start => self.running_lease(),
            _ => None,
        };
        let op = fx.op();
        let resource = &mut self.resources[r];
        resource.wake = None;
        resource.busy = Some(Busy { op, action, started: fx.now, cancelled: false });
        let timeout = match action {
            Action::Start => resource.spec.ops.start_timeout,
            Action::Stop { .. } => resource.spec.ops.stop_timeout,
            _ => resource.spec.ops.monitor_timeout,
        };
        match action {
            Action::Start => resource.set_state(ResourceState::Starting, fx.now),
            Action::Stop { .. } => resource.set_state(ResourceState::Stopping, fx.now),
            Action::Prepare => resource.prepared = true,
            _ => {}
        }
        let (group, resource) = (self.name.clone(), resource.spec.name.clone());
        fx.act(Output::Run { op, group, resource, action, timeout, not_after });
    }

    /// Cancels the operation under way. True if the next step may be taken at once.
    fn cancel(&mut self, r: usize, forget: bool, fx: &mut Effects) -> bool {
        let resource = &mut self.resources[r];
        let Some(busy) = &mut resource.busy else {
            return true;
        };
        fx.act(Output::Cancel { op: busy.op });
        busy.cancelled = true;
        resource.wake = None;
        if forget {
            resource.busy = None;
        }
        forget
    }

    fn announce_if_due(&mut self, r: usize, fx: &mut Effects) {
        let resource = &mut self.resources[r];
        if !resource.announce_due || !resource.is_up() || resource.announcing.is_some() {
            return;
        }
        resource.announce_due = false;
        let op = fx.op();
        resource.announcing = Some(op);
        let timeout = resource.spec.ops.monitor_timeout;
        let (group, resource) = (self.name.clone(), resource.spec.name.clone());
        fx.act(Output::Run { op, group, resource, action: Action::Announce, timeout, not_after: None });
    }

    /// The lease while it matters: the group is ordered up.
    pub(crate) fn running_lease(&self) -> Option<Timestamp> {
        self.target.as_ref().filter(|t| t.desired == Desired::Started)?.lease_expires
    }

    fn wants_fence(&self) -> Option<String> {
        self.resources.iter().find_map(|r| {
            let fence = r.spec.recovery.on_stop_failure == crate::config::OnStopFailure::SelfFence;
            (fence && r.state == ResourceState::StopFailed).then(|| {
                alloc::format!(
                    "group {}: resource {} could not be stopped: {}",
                    self.name,
                    r.spec.name,
                    r.last_error.as_deref().unwrap_or("no reason known")
                )
            })
        })
    }
}
