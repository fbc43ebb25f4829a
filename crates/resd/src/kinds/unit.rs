//! `kind = "app"` as a systemd unit: over D-Bus, with `systemctl` where there is no bus. Failures are told at once by the
//! unit's own change of state; monitors only confirm.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hotpair_runtime::clock;
use hotpair_types::FailureScope;
use resource_core::{Outcome, ResourceEvent};

use super::{EventSink, Op, OpContext, ResourceKind, failed, node_lacks, unknown};
use crate::act::exec::{self, End, Program, passed};
use crate::act::systemd::{BusError, Job, RECONNECT, Systemd, UnitState};
use crate::kinds::app::said;

#[derive(Debug)]
struct Shared {
    name: String,
    mark: String,
    systemd: Systemd,
    /// It is to run: set by start and adoption, unset by stop.
    active: AtomicBool,
}

/// A systemd unit.
#[derive(Debug)]
pub struct Unit(Arc<Shared>);

impl Unit {
    /// Starts watching it.
    pub fn new(name: String, mark: String, events: EventSink) -> Self {
        let shared = Arc::new(Shared { name, mark, systemd: Systemd::default(), active: AtomicBool::new(false) });
        tokio::spawn(Arc::clone(&shared).watch(events));
        Self(shared)
    }
}

impl Shared {
    async fn watch(self: Arc<Self>, events: EventSink) {
        loop {
            let tell = |state: String| {
                let active = self.active.load(Ordering::Relaxed);
                match state.as_str() {
                    "active" if !active => events.send(ResourceEvent::Appeared),
                    "failed" if active => {
                        let text = format!("unit {} has failed; see `journalctl -u {}`", self.name, self.name);
                        events.send(ResourceEvent::Failed { text, scope: FailureScope::Resource });
                    }
                    "inactive" if active => {
                        events.send(ResourceEvent::Vanished(format!("unit {} has ended by itself", self.name)));
                    }
                    _ => {}
                }
            };
            if let Err(error) = self.systemd.watch(&self.name, tell).await {
                tracing::debug!(%error, unit = %self.name, "not watched over D-Bus; its monitors go on");
            }
            passed(clock::now().after(RECONNECT)).await;
        }
    }

    async fn systemctl(&self, arguments: &[&str], cx: &OpContext) -> exec::Finished {
        let argv = ["systemctl"].iter().chain(arguments).map(ToString::to_string).collect();
        let program = Program { argv, environment: BTreeMap::new(), mark: self.mark.clone(), patient: false };
        exec::run(&program, cx.timeout, &cx.cancel).await
    }

    async fn state(&self, cx: &OpContext) -> Result<UnitState, Outcome> {
        let bus = match self.systemd.state(&self.name).await {
            Ok(state) => return Ok(state),
            Err(BusError::Unreachable(text)) => text,
            Err(error) => return Err(unknown(error.to_string())),
        };
        let done = self.systemctl(&["show", "--property=ActiveState,LoadState", &self.name], cx).await;
        let value =
            |key: &str| done.output.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('=')).map(str::to_string);
        match (&done.end, value("ActiveState"), value("LoadState")) {
            (End::Code(0), Some(active), Some(load)) => Ok(UnitState { active, load }),
            (End::Killed, ..) => Err(Outcome::TimedOut),
            _ => Err(unknown(format!("systemd cannot be asked: {bus}; systemctl: {}", said("no answer", &done)))),
        }
    }

    async fn job(&self, job: Job, cx: &OpContext) -> Outcome {
        let end = clock::now().after(cx.timeout);
        let result = tokio::select! {
            biased;
            result = self.systemd.job(&self.name, job) => result,
            () = passed(end) => return Outcome::TimedOut,
            () = cx.cancel.cancelled() => return Outcome::TimedOut,
        };
        let verb = if job == Job::Start { "start" } else { "stop" };
        match result {
            Ok(()) => Outcome::Ok,
            Err(BusError::Unreachable(bus)) => {
                let done = self.systemctl(&[verb, &self.name], cx).await;
                match &done.end {
                    End::Code(0) => Outcome::Ok,
                    End::Killed => Outcome::TimedOut,
                    _ => failed(format!("{bus}; {}", said(&format!("systemctl {verb} {} failed", self.name), &done))),
                }
            }
            Err(error) => failed(format!("{verb} of unit {}: {error}; see `journalctl -u {}`", self.name, self.name)),
        }
    }

    /// What the state means. `ours`: it should run, so that "failed" is news.
    fn judge(&self, state: &UnitState, ours: bool) -> Outcome {
        match state.active.as_str() {
            "active" | "reloading" => Outcome::Ok,
            "failed" if ours => failed(format!("unit {} has failed; see `journalctl -u {}`", self.name, self.name)),
            "inactive" | "failed" => Outcome::NotRunning,
            other => unknown(format!("unit {} is {other}", self.name)),
        }
    }
}

impl ResourceKind for Unit {
    fn probe<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        Box::pin(async {
            let outcome = match self.0.state(cx).await {
                Ok(state) => self.0.judge(&state, false),
                Err(outcome) => outcome,
            };
            self.0.active.store(outcome == Outcome::Ok, Ordering::Relaxed);
            outcome
        })
    }

    fn start<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        Box::pin(async {
            if let Ok(state) = self.0.state(cx).await
                && state.load != "loaded"
            {
                return node_lacks(format!("unit {} is {} on this node", self.0.name, state.load));
            }
            if cx.not_after.is_some_and(|end| clock::now() >= end) {
                return failed("the lease has run out");
            }
            let outcome = self.0.job(Job::Start, cx).await;
            self.0.active.store(outcome == Outcome::Ok, Ordering::Relaxed);
            outcome
        })
    }

    fn stop<'a>(&'a self, cx: &'a OpContext, force: bool) -> Op<'a> {
        Box::pin(async move {
            self.0.active.store(false, Ordering::Relaxed);
            if force && let Err(error) = self.0.systemd.kill(&self.0.name).await {
                tracing::warn!(%error, unit = %self.0.name, "could not be killed over D-Bus");
            }
            let outcome = self.0.job(Job::Stop, cx).await;
            match self.0.state(cx).await {
                Ok(state) if matches!(state.active.as_str(), "inactive" | "failed") => Outcome::Ok,
                Ok(state) if outcome == Outcome::Ok => {
                    failed(format!("unit {} is {} after its stop", self.0.name, state.active))
                }
                Ok(_) => outcome,
                Err(Outcome::Unknown { text }) => failed(format!("whether it has stopped is not confirmed: {text}")),
                Err(other) => other,
            }
        })
    }

    fn monitor<'a>(&'a self, cx: &'a OpContext, _deep: bool) -> Op<'a> {
        Box::pin(async {
            match self.0.state(cx).await {
                Ok(state) => self.0.judge(&state, true),
                Err(outcome) => outcome,
            }
        })
    }

    fn readiness<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        Box::pin(async {
            match self.0.state(cx).await {
                Ok(state) if state.load == "loaded" => Outcome::Ok,
                Ok(state) => {
                    node_lacks(format!("unit {} is {} on this node; install or unmask it", self.0.name, state.load))
                }
                Err(outcome) => outcome,
            }
        })
    }

    fn hard_limit(&self, cx: &OpContext, _start: bool) -> Duration {
        // A job and then, without a bus, systemctl.
        cx.timeout * 2
    }
}
