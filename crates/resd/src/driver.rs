//! The one loop of resd: targets, answers of operations, events and time go into the core; what it wants done comes out.
//!
//! Operations run as tasks and answer through the same queue as events, so the order of what happened is kept. The loop
//! itself never waits for anything but its inputs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hotpair_replay::Recorded;
use hotpair_runtime::clock::{self, BootTimer};
use hotpair_runtime::notify;
use hotpair_runtime::stall::StallDetector;
use hotpair_types::{Epoch, Generation, GroupName, ObservedView, ResourceName, Target, Timestamp, WatchdogState};
use resource_core::{Action, Input, Note, OpId, Outcome, Output, Refusal, ResourceCore};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::act::exec::passed;
use crate::fence::{self, Fencer};
use crate::kinds::{OpContext, ResourceKind};
use crate::target_store::TargetStore;
use crate::watchdog::Watchdog;

/// What an operation gets beyond its limit to end by itself before the driver gives up waiting for it.
const SLACK: Duration = Duration::from_secs(6);
/// Waking so much too late is an own stall.
const STALL: Duration = Duration::from_millis(500);
/// Events kept for watchers.
const MAX_EVENTS: usize = 256;

/// A target and where its answer goes.
#[derive(Debug)]
pub struct Order {
    /// The target.
    pub target: Target,
    /// The answer.
    pub reply: oneshot::Sender<Result<Generation, Refusal>>,
}

/// Notes for watchers, each with its number; the oldest fall out.
#[derive(Debug, Default)]
pub struct EventLog {
    next: u64,
    /// Notes below this number were given to some watcher.
    given: u64,
    notes: VecDeque<(u64, Note)>,
}

impl EventLog {
    fn push(&mut self, note: Note) {
        if self.notes.len() >= MAX_EVENTS {
            self.notes.pop_front();
        }
        self.notes.push_back((self.next, note));
        self.next = self.next.saturating_add(1);
    }

    /// The notes from number `from` on, and the number after the last one. Without `from`, for a new watcher: those that
    /// nobody was given yet, so that what happened while arbiterd was away is told once.
    pub fn since(&mut self, from: Option<u64>) -> (Vec<Note>, u64) {
        let from = from.unwrap_or(self.given);
        self.given = self.next;
        let notes = self.notes.iter().filter(|(n, _)| *n >= from).map(|(_, note)| note.clone()).collect();
        (notes, self.next)
    }
}

/// What watchers get: the newest view, and the way to what happened.
#[derive(Clone, Debug)]
pub struct Published {
    /// The view.
    pub view: Arc<ObservedView>,
    /// The events.
    pub events: Arc<Mutex<EventLog>>,
}

/// The resources by name.
pub type Kinds = BTreeMap<(GroupName, ResourceName), Arc<dyn ResourceKind>>;

/// The loop and what it owns.
pub struct Driver {
    core: Recorded<ResourceCore>,
    kinds: Kinds,
    store: TargetStore,
    running: BTreeMap<OpId, CancellationToken>,
    queue: mpsc::UnboundedSender<Input>,
    inputs: mpsc::UnboundedReceiver<Input>,
    orders: mpsc::Receiver<Order>,
    view: watch::Sender<Option<Published>>,
    events: Arc<Mutex<EventLog>>,
    reply: Option<oneshot::Sender<Result<Generation, Refusal>>>,
    guards: Guards,
}

/// What else this node owns to arbitrate with.
#[derive(Default)]
pub struct Guards {
    /// Switches the other node off.
    pub fencer: Option<Fencer>,
    /// Resets this one.
    pub watchdog: Option<Watchdog>,
    /// What the core was told of it last.
    pub told: Option<WatchdogState>,
    /// The end is the beginning of a new run at once.
    pub again: CancellationToken,
}

/// The ends of the driver's queues.
pub struct Wires {
    /// Where operations and kinds put their inputs.
    pub queue: mpsc::UnboundedSender<Input>,
    /// The other end.
    pub inputs: mpsc::UnboundedReceiver<Input>,
    /// Targets.
    pub orders: mpsc::Receiver<Order>,
    /// The view for watchers.
    pub view: watch::Sender<Option<Published>>,
}

impl Driver {
    /// Ready to run.
    pub fn new(core: Recorded<ResourceCore>, kinds: Kinds, store: TargetStore, wires: Wires, guards: Guards) -> Self {
        let Wires { queue, inputs, orders, view } = wires;
        let events = Arc::default();
        Self { core, kinds, store, running: BTreeMap::new(), queue, inputs, orders, view, events, reply: None, guards }
    }

    /// Runs until `stop`. What the resources do goes on after it (B6).
    ///
    /// # Errors
    /// When there is no timer.
    pub async fn run(mut self, stop: CancellationToken) -> std::io::Result<()> {
        let mut timer = BootTimer::new()?;
        let mut watchdog = BootTimer::new()?;
        let mut stall = StallDetector::new(STALL);
        let pet = notify::watchdog_interval();
        watchdog.set(pet.map(|_| clock::now()))?;
        let mut fencing = self.guards.fencer.as_ref().map(Fencer::status);
        self.drain();
        loop {
            let planned = self.core.poll_timeout();
            timer.set(planned)?;
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.end();
                    return Ok(());
                }
                Some(order) = self.orders.recv() => {
                    self.woke(&mut stall, planned);
                    self.reply = Some(order.reply);
                    self.core.handle_input(Input::Target(order.target), clock::now());
                }
                Some(input) = self.inputs.recv() => {
                    self.woke(&mut stall, planned);
                    if let Input::Done { op, .. } = &input {
                        self.running.remove(op);
                    }
                    self.core.handle_input(input, clock::now());
                }
                status = changed(&mut fencing) => {
                    self.woke(&mut stall, planned);
                    self.core.handle_input(Input::Fence { report: status.report, health: status.health }, clock::now());
                }
                expired = timer.expired() => {
                    expired?;
                    self.woke(&mut stall, planned);
                    self.core.handle_timeout(clock::now());
                }
                expired = watchdog.expired() => {
                    expired?;
                    notify::watchdog();
                    watchdog.set(pet.map(|every| clock::now().after(every)))?;
                }
            }
            self.drain();
        }
    }

    /// Says if this process itself was held up. The core judges leases at each entry before anything else.
    fn woke(&self, stall: &mut StallDetector, planned: Option<Timestamp>) {
        if let Some(gap) = stall.on_wakeup(planned, clock::now()) {
            tracing::warn!(
                gap_ms = gap.as_millis(),
                "resd itself was held up; leases are judged before anything is started"
            );
        }
    }

    /// What stays behind is what a person or the next run can rely on.
    fn end(&mut self) {
        let Some(watchdog) = &mut self.guards.watchdog else { return };
        let now = clock::now();
        let lapsed = self.core.core().view().is_some_and(|view| {
            view.groups.values().any(|g| g.serving && g.lease_expires.is_some_and(|end| end <= now))
        });
        watchdog.end(lapsed, self.guards.again.is_cancelled());
    }

    fn drain(&mut self) {
        let mut view = None;
        let mut noted = false;
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::PersistTarget(target) => self.persist(&target),
                Output::Answer(answer) => {
                    if let Some(reply) = self.reply.take()
                        && reply.send(answer).is_err()
                    {
                        tracing::debug!("the caller did not wait for the answer to its target");
                    }
                }
                Output::Cancel { op } => {
                    if let Some(token) = self.running.get(&op) {
                        token.cancel();
                    }
                }
                Output::Run { op, group, resource, action, timeout, not_after } => {
                    self.start_op(op, (group, resource), action, timeout, not_after);
                }
                Output::Watchdog(act) => {
                    if let Some(watchdog) = &mut self.guards.watchdog {
                        let state = watchdog.act(act);
                        if self.guards.told.as_ref() != Some(&state) {
                            self.guards.told = Some(state.clone());
                            self.tell(Input::Watchdog(state));
                        }
                    }
                }
                Output::SelfFence { reason } => self_fence(&reason),
                Output::Note(note) => {
                    crate::log::note(&note);
                    noted = true;
                    self.events.lock().unwrap_or_else(PoisonError::into_inner).push(note);
                }
                Output::View(new) => view = Some(Arc::new(new)),
            }
        }
        if let Some(fencer) = &self.guards.fencer {
            fencer.want(self.core.core().target().and_then(|t| t.fence));
        }
        let view = match view {
            Some(view) => view,
            None if noted => match &*self.view.borrow() {
                Some(published) => Arc::clone(&published.view),
                None => return,
            },
            None => return,
        };
        self.view.send_replace(Some(Published { view, events: Arc::clone(&self.events) }));
    }

    fn persist(&self, target: &Target) {
        if let Err(error) = self.store.store(target) {
            tracing::error!(%error, "the target could not be kept: if resd is restarted before the next one, it only watches");
        }
    }

    fn start_op(
        &mut self,
        op: OpId,
        name: (GroupName, ResourceName),
        action: Action,
        timeout: Duration,
        not_after: Option<Timestamp>,
    ) {
        let Some(kind) = self.kinds.get(&name).cloned() else {
            let text = format!("no such resource: {}/{}", name.0, name.1);
            self.answer(op, Outcome::Unknown { text });
            return;
        };
        let cancel = CancellationToken::new();
        let epoch = self.core.core().target().and_then(|t| t.groups.get(&name.0)).map_or(Epoch::NEVER, |g| g.epoch);
        self.running.insert(op, cancel.clone());
        tracing::debug!(group = %name.0, resource = %name.1, action = action.as_str(), "begins");
        let queue = self.queue.clone();
        tokio::spawn(async move {
            let cx = OpContext { timeout, cancel, not_after, epoch };
            let outcome = perform(kind.as_ref(), action, &cx).await;
            tracing::debug!(group = %name.0, resource = %name.1, action = action.as_str(), ?outcome, "ended");
            if queue.send(Input::Done { op, outcome }).is_err() {
                tracing::debug!("an operation ended after the loop");
            }
        });
    }

    fn answer(&self, op: OpId, outcome: Outcome) {
        self.tell(Input::Done { op, outcome });
    }

    /// Into the queue, behind what happened before.
    fn tell(&self, input: Input) {
        if self.queue.send(input).is_err() {
            tracing::debug!("something happened after the end of the loop");
        }
    }
}

/// The next news of the fencer; never, without one.
async fn changed(fencing: &mut Option<watch::Receiver<fence::Status>>) -> fence::Status {
    if let Some(status) = fencing
        && status.changed().await.is_ok()
    {
        return status.borrow_and_update().clone();
    }
    std::future::pending().await
}

/// One operation with its hard limit. The kind keeps to its own limit where it can; this one holds whatever it does.
async fn perform(kind: &dyn ResourceKind, action: Action, cx: &OpContext) -> Outcome {
    let limit = kind.hard_limit(cx, action == Action::Start);
    let work = match action {
        Action::Probe => kind.probe(cx),
        Action::Start => kind.start(cx),
        Action::Stop { force } => kind.stop(cx, force),
        Action::Monitor { deep } => kind.monitor(cx, deep),
        Action::Announce => kind.announce(cx),
        Action::CheckReadiness => kind.readiness(cx),
        Action::Prepare => kind.prepare(cx),
    };
    tokio::select! {
        biased;
        outcome = work => outcome,
        () = passed(clock::now().after(limit + SLACK)) => Outcome::TimedOut,
    }
}

/// Resets this machine at once, without syncing: what could not be stopped stops (FAULTS S8).
fn self_fence(reason: &str) {
    tracing::error!(reason, "SELF-FENCE: this node is reset now");
    eprintln!("hotpair resd: self-fence: {reason}");
    if let Err(error) = std::fs::write("/proc/sysrq-trigger", "b") {
        tracing::error!(%error, "the reset by sysrq failed; trying reboot(2)");
        // SAFETY: takes a constant and no memory; does not return when it succeeds.
        unsafe { libc::reboot(libc::LINUX_REBOOT_CMD_RESTART) };
        let error = std::io::Error::last_os_error();
        tracing::error!(%error, "the reset failed: STOP THIS NODE BY HAND");
    }
}
