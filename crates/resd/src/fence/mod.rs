//! Fencing: the other node is switched off by a device, and whoever takes over knows that it is.
//!
//! Level-triggered: [`Fencer::want`] is given the order of each accepted target, or its absence; the same order is carried out
//! once, however often it is given and however often resd is restarted meanwhile. An order that is withdrawn before the shot is
//! not carried out; one that has begun finishes the attempt it is at. (The delay of one side is waited out by arbiterd, before
//! it gives the order.) What happens is in [`Fencer::status`].
//!
//! Every device is asked by `monitor`, and once by `metadata`, from the start on and then regularly, so that wrong credentials
//! are an alarm long before they are needed (FAULTS F05).
//!
//! Threading: one task for orders and one for each device's monitor, all on resd's runtime; the devices' programs are
//! processes of their own, and what is written to the disk is written by threads of the blocking pool.

pub mod agent;
pub mod metadata;
mod record;
mod shoot;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hotpair_runtime::clock;
use hotpair_types::{BootId, FenceHealth, FenceOrder, FenceReport, FenceState, NodeId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::agent::{Answer, Executable, Verb};
use self::metadata::Metadata;
use self::record::{Record, Store};
pub use self::shoot::Device;
use self::shoot::Verdict;
use crate::act::exec::passed;

/// Time between two monitors of a device that answers.
pub const MONITOR_INTERVAL: Duration = Duration::from_secs(300);
/// Time until the next monitor of one that does not.
const MONITOR_RETRY: Duration = Duration::from_secs(60);
/// Tries to switch the peer on again, and the pause between them.
const POWER_ON_TRIES: u32 = 5;
const POWER_ON_PAUSE: Duration = Duration::from_secs(10);

/// What is known: the newest order's fate, and whether the devices answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Of the order in force.
    pub report: Option<FenceReport>,
    /// Could the peer be switched off?
    pub health: FenceHealth,
}

/// What [`Fencer::start`] has to know.
#[derive(Debug)]
pub struct Settings {
    /// This node.
    pub node: NodeId,
    /// This boot.
    pub boot: BootId,
    /// The devices that switch the other node, with what is checked of their parameters.
    pub devices: Vec<(Device, Option<Executable>)>,
    /// Time between two monitors.
    pub monitor_interval: Duration,
}

/// Handle to the fencing tasks; they end with it.
#[derive(Debug)]
pub struct Fencer {
    orders: watch::Sender<Option<FenceOrder>>,
    status: watch::Receiver<Status>,
    stop: CancellationToken,
}

impl Drop for Fencer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Fencer {
    /// Starts: the devices are asked at once, an order that was being carried out is taken up when it is given again.
    pub fn start(settings: Settings, state_dir: &Path) -> Self {
        let (orders, wanted) = watch::channel(None);
        let (status_tx, status) = watch::channel(Status::default());
        let status_tx = Arc::new(status_tx);
        let stop = CancellationToken::new();
        let store = Store::new(state_dir, settings.boot);
        let devices: Arc<[Device]> = settings.devices.iter().map(|(device, _)| device.clone()).collect();
        let (shooting_tx, shooting) = watch::channel(false);
        let health = Arc::new(Health::new(Arc::clone(&devices), Arc::clone(&status_tx)));
        for (at, (device, program)) in settings.devices.into_iter().enumerate() {
            let monitor = Monitor { at, device, program, health: Arc::clone(&health), shooting: shooting.clone() };
            tokio::spawn(monitor.run(settings.monitor_interval, stop.clone()));
        }
        let worker = Worker {
            node: settings.node,
            devices,
            record: store.load(),
            store,
            wanted,
            status: status_tx,
            shooting: shooting_tx,
        };
        let ended = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = ended.cancelled() => {}
                () = worker.run() => {}
            }
        });
        Self { orders, status, stop }
    }

    /// The order of the newest accepted target, or that there is none.
    pub fn want(&self, order: Option<FenceOrder>) {
        self.orders.send_if_modified(|old| {
            let new = *old != order;
            *old = order;
            new
        });
    }

    /// What is known; changes can be awaited.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }
}

/// Carries orders out, one after the other.
struct Worker {
    node: NodeId,
    devices: Arc<[Device]>,
    store: Store,
    record: Option<Record>,
    wanted: watch::Receiver<Option<FenceOrder>>,
    status: Arc<watch::Sender<Status>>,
    shooting: watch::Sender<bool>,
}

impl Worker {
    async fn run(mut self) {
        self.resume_power_on();
        loop {
            let order = *self.wanted.borrow_and_update();
            match order {
                None => self.report(None),
                Some(order) => self.carry_out(order).await,
            }
            // An order that came meanwhile is seen at once: the value was marked as seen before the work began.
            if self.wanted.changed().await.is_err() {
                return;
            }
        }
    }

    fn report(&self, report: Option<FenceReport>) {
        self.status.send_if_modified(|status| {
            let new = status.report != report;
            status.report = report;
            new
        });
    }

    fn say(&self, order: FenceOrder, state: FenceState) {
        self.report(Some(FenceReport { number: order.number, state }));
    }

    async fn carry_out(&mut self, order: FenceOrder) {
        let known = self.record.as_ref().filter(|r| r.order == order);
        if let Some(result) = known.and_then(|r| r.result.clone()) {
            return self.say(order, result);
        }
        if order.peer == self.node {
            return self.say(order, FenceState::Failed { reason: "a node does not switch itself off".to_string() });
        }
        let Some(first) = self.devices.iter().min_by_key(|d| d.level).cloned() else {
            let reason = "no fence device is configured for the other node".to_string();
            return self.say(order, FenceState::Failed { reason });
        };
        self.say(order, FenceState::Running { device: first.name.clone(), level: first.level });
        // Before the shot: whoever finds this record knows that the node may have been shot.
        if let Err(why) = self.keep(self.store.record(order, None, false)).await {
            let reason = format!("nothing was switched: that it is being done could not be written down ({why})");
            return self.say(order, FenceState::Failed { reason });
        }
        if *self.wanted.borrow() != Some(order) {
            tracing::info!(number = order.number, "the fence order was withdrawn before anything was switched");
            return;
        }
        let result = self.shoot(order).await;
        let power_on = matches!(result, FenceState::Confirmed { .. }) && self.devices.iter().any(|d| d.power_on);
        if let Err(why) = self.keep(self.store.record(order, Some(result.clone()), power_on)).await {
            tracing::error!(
                why,
                "the result of the fence order could not be kept; after a restart it is carried out again"
            );
        }
        self.say(order, result);
        self.resume_power_on();
    }

    async fn shoot(&self, order: FenceOrder) -> FenceState {
        tracing::error!(number = order.number, "FENCING: the other node is switched off now");
        self.shooting.send_replace(true);
        let (wanted, status) = (self.wanted.clone(), Arc::clone(&self.status));
        let stands = move || *wanted.borrow() == Some(order);
        let tell = move |device: &Device| {
            let state = FenceState::Running { device: device.name.clone(), level: device.level };
            status.send_modify(|s| s.report = Some(FenceReport { number: order.number, state }));
        };
        let verdict = shoot::shoot(&self.devices, &stands, &tell).await;
        self.shooting.send_replace(false);
        match verdict {
            Verdict::Confirmed(device) => {
                tracing::error!(number = order.number, device, "FENCED: the other node is confirmed off");
                FenceState::Confirmed { device }
            }
            Verdict::Failed(reason) => {
                tracing::error!(
                    number = order.number,
                    reason,
                    "FENCING FAILED: whether the other node is off is not known"
                );
                FenceState::Failed { reason }
            }
        }
    }

    async fn keep(&mut self, record: Record) -> Result<(), String> {
        let kept = self.store.store(&record).await;
        self.record = Some(record);
        kept
    }

    /// Switches the peer on again in the background: takeovers do not wait for it.
    fn resume_power_on(&self) {
        let Some(record) = self.record.clone().filter(|r| r.power_on) else { return };
        let (devices, store, mut wanted) = (Arc::clone(&self.devices), self.store.clone(), self.wanted.clone());
        tokio::spawn(async move {
            let newer = async |wanted: &mut watch::Receiver<Option<FenceOrder>>| {
                let newer = wanted.wait_for(|now| now.is_some_and(|order| order.number > record.order.number));
                drop(newer.await);
            };
            for _ in 0..POWER_ON_TRIES {
                match shoot::power_on(&devices).await {
                    Ok(()) => {
                        tracing::info!("the other node was switched on again");
                        break;
                    }
                    Err(why) => tracing::warn!(why, "the other node could not be switched on again"),
                }
                tokio::select! {
                    biased;
                    () = newer(&mut wanted) => return,
                    () = passed(clock::now().after(POWER_ON_PAUSE)) => {}
                }
            }
            let stands = store.load().is_some_and(|now| now.order == record.order);
            if stands && let Err(why) = store.store(&Record { power_on: false, ..record.clone() }).await {
                tracing::warn!(why, "that the other node was switched on again could not be kept");
            }
        });
    }
}

/// What each device's monitor said, summed up.
struct Health {
    devices: Arc<[Device]>,
    troubles: std::sync::Mutex<BTreeMap<usize, Option<String>>>,
    status: Arc<watch::Sender<Status>>,
}

impl Health {
    fn new(devices: Arc<[Device]>, status: Arc<watch::Sender<Status>>) -> Self {
        Self { devices, troubles: std::sync::Mutex::default(), status }
    }

    /// Ready if every device of some level answers; broken if each level has one that does not.
    fn told(&self, at: usize, trouble: Option<String>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        troubles.insert(at, trouble);
        let mut levels: BTreeMap<u32, (bool, bool)> = BTreeMap::new();
        for (n, device) in self.devices.iter().enumerate() {
            let (all_well, any_bad) = levels.entry(device.level).or_insert((true, false));
            match troubles.get(&n) {
                Some(None) => {}
                Some(Some(_)) => (*all_well, *any_bad) = (false, true),
                None => *all_well = false,
            }
        }
        let health = if levels.values().any(|(well, _)| *well) {
            FenceHealth::Ready
        } else if levels.values().all(|(_, bad)| *bad) {
            let said = troubles.iter().filter_map(|(n, t)| Some((self.devices.get(*n)?, t.as_ref()?)));
            let said: Vec<String> = said.map(|(device, text)| format!("{}: {text}", device.name)).collect();
            FenceHealth::Broken { reason: said.join("; ") }
        } else {
            FenceHealth::Unknown
        };
        self.status.send_if_modified(|status| {
            let new = status.health != health;
            status.health = health.clone();
            new
        });
    }
}

/// Asks one device regularly.
struct Monitor {
    at: usize,
    device: Device,
    program: Option<Executable>,
    health: Arc<Health>,
    shooting: watch::Receiver<bool>,
}

impl Monitor {
    async fn run(mut self, interval: Duration, stop: CancellationToken) {
        let mut described = false;
        let mut last: Option<Option<String>> = None;
        loop {
            let asked = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                asked = self.ask(&mut described) => asked,
            };
            if let Some(trouble) = asked {
                if last.as_ref() != Some(&trouble) {
                    match &trouble {
                        Some(why) => {
                            tracing::warn!(device = %self.device.name, why, "the fence device could not be used")
                        }
                        None => tracing::info!(device = %self.device.name, "the fence device answers"),
                    }
                }
                self.health.told(self.at, trouble.clone());
                last = Some(trouble);
            }
            let pause = if matches!(last, Some(None)) { interval } else { MONITOR_RETRY.min(interval) };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = passed(clock::now().after(pause)) => {}
            }
        }
    }

    /// `Some(None)`: it answers. `None`: a shot came in between, and the device was left to it.
    async fn ask(&mut self, described: &mut bool) -> Option<Option<String>> {
        if *self.shooting.borrow() {
            return None;
        }
        let cancel = CancellationToken::new();
        let mut shooting = self.shooting.clone();
        // Many devices take one caller at a time.
        let shot = async move { shooting.wait_for(|now| *now).await.map(drop) };
        let work = async {
            if !*described && let Some(program) = &self.program {
                if let Some(trouble) = self.describe(program, &cancel).await {
                    return Some(trouble);
                }
                *described = true;
            }
            let limit = self.device.timeout;
            match self.device.agent.run(Verb::Monitor, limit, &cancel).await {
                Answer::Code { code: 0, .. } => None,
                other => Some(shoot::trouble(Verb::Monitor, &other, limit)),
            }
        };
        tokio::pin!(work);
        tokio::select! {
            biased;
            trouble = &mut work => Some(trouble),
            _ = shot => {
                cancel.cancel();
                work.await;
                None
            }
        }
    }

    /// Compares the parameters with the agent's own description.
    async fn describe(&self, program: &Executable, cancel: &CancellationToken) -> Option<String> {
        let limit = self.device.timeout;
        let output = match self.device.agent.run(Verb::Metadata, limit, cancel).await {
            Answer::Code { code: 0, output } => output,
            other => return Some(shoot::trouble(Verb::Metadata, &other, limit)),
        };
        match Metadata::parse(&output) {
            Ok(metadata) => {
                let mistakes = metadata.mistakes(program.given(), self.device.power_on);
                (!mistakes.is_empty()).then(|| format!("its parameters are wrong: {}", mistakes.join("; ")))
            }
            Err(why) => Some(why),
        }
    }
}
