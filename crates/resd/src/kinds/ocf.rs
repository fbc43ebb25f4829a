//! `kind = "app"` through an OCF resource agent (B9): any agent that does not need a cluster manager's own tools.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use resource_core::Outcome;

use super::{Op, OpContext, ResourceKind, failed, node_lacks, unknown};
use crate::act::exec::{self, End, Finished, Program};
use crate::act::ocf::{self, Call, Code};
use crate::kinds::app::said;

/// Where agents of the resource-agents package keep their state; made by its tmpfiles.d entry.
const STATE_DIR: &str = "/run/resource-agents";

/// One agent for one resource.
#[derive(Debug)]
pub struct Agent {
    call: Call,
    environment: BTreeMap<String, String>,
    interval: Duration,
    mark: String,
}

impl Agent {
    /// Runs nothing yet. `interval`: of the monitor, which agents want to know.
    pub fn new(
        agent: &str,
        parameters: &BTreeMap<String, String>,
        environment: BTreeMap<String, String>,
        instance: String,
        interval: Duration,
        mark: String,
    ) -> Self {
        Self { call: Call::new(agent, parameters, instance), environment, interval, mark }
    }

    async fn call(&self, action: &str, cx: &OpContext, limit: Duration, interval: Duration, deep: bool) -> Finished {
        let mut environment = self.environment.clone();
        environment.extend(self.call.environment(limit, interval, deep));
        let argv = vec![self.call.program().display().to_string(), action.to_string()];
        let program = Program { argv, environment, mark: self.mark.clone(), patient: false };
        exec::run(&program, limit, &cx.cancel).await
    }

    fn text(&self, action: &str, code: u8, done: &Finished) -> String {
        let what = format!("agent {}:{}: {action} ended with code {code}", self.call.provider, self.call.kind);
        match ocf::reason(&done.output) {
            Some(reason) => format!("{what}: {reason}"),
            None => said(&what, done),
        }
    }

    fn not_run(&self, done: &Finished) -> Outcome {
        match &done.end {
            End::Killed => Outcome::TimedOut,
            End::Missing(error) => node_lacks(format!(
                "agent {} cannot be run: {error}; install it (package resource-agents)",
                self.call.program().display()
            )),
            End::NotStarted(error) => unknown(format!("agent {} could not be run: {error}", self.call.kind)),
            End::Signal(signal) => {
                failed(said(&format!("agent {} was ended by signal {signal}", self.call.kind), done))
            }
            End::Code(code) => failed(self.text("action", *code, done)),
        }
    }

    async fn watch(&self, cx: &OpContext, limit: Duration, interval: Duration, deep: bool) -> Outcome {
        let done = self.call("monitor", cx, limit, interval, deep).await;
        let End::Code(code) = done.end else { return self.not_run(&done) };
        match Code::from(code) {
            Code::Success => Outcome::Ok,
            Code::NotRunning => Outcome::NotRunning,
            Code::NodeLacks => node_lacks(self.text("monitor", code, &done)),
            Code::Unimplemented | Code::Failed => failed(self.text("monitor", code, &done)),
        }
    }
}

impl ResourceKind for Agent {
    fn probe<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        Box::pin(async {
            let command = |action: &str| [self.call.program().display().to_string(), action.to_string()];
            if !exec::settled(&self.mark, &[&command("start"), &command("stop")], cx.timeout / 2).await {
                return unknown("a start or stop begun by an earlier run of resd is still under way");
            }
            let done = self.call("monitor", cx, cx.timeout, Duration::ZERO, false).await;
            match &done.end {
                End::Code(code) => match Code::from(*code) {
                    Code::Success => Outcome::Ok,
                    Code::NotRunning => Outcome::NotRunning,
                    // What is not installed or not configured here does not run here, unless we started it ourselves.
                    Code::NodeLacks if !exec::any_marked(&self.mark).await => Outcome::NotRunning,
                    _ if *code >= 126 => unknown(self.text("probe", *code, &done)),
                    _ => failed(self.text("probe", *code, &done)),
                },
                End::Missing(_) if !exec::any_marked(&self.mark).await => Outcome::NotRunning,
                End::Signal(signal) => unknown(format!("agent {} was ended by signal {signal}", self.call.kind)),
                _ => match self.not_run(&done) {
                    Outcome::Failed { text, .. } => unknown(text),
                    other => other,
                },
            }
        })
    }

    fn start<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        Box::pin(async {
            if cx.not_after.is_some_and(|end| hotpair_runtime::clock::now() >= end) {
                return failed("the lease has run out");
            }
            let done = self.call("start", cx, cx.timeout, Duration::ZERO, false).await;
            let End::Code(code) = done.end else { return self.not_run(&done) };
            match Code::from(code) {
                Code::Success => Outcome::Ok,
                Code::NodeLacks => node_lacks(self.text("start", code, &done)),
                _ => failed(self.text("start", code, &done)),
            }
        })
    }

    fn stop<'a>(&'a self, cx: &'a OpContext, force: bool) -> Op<'a> {
        Box::pin(async move {
            let (most, rest) = (cx.timeout.mul_f32(0.8), cx.timeout.mul_f32(0.2));
            if force {
                if !exec::kill_marked(&self.mark, most).await {
                    return failed("its processes are still there after SIGKILL: they hang in the kernel");
                }
                return match self.watch(cx, rest, Duration::ZERO, false).await {
                    Outcome::NotRunning => Outcome::Ok,
                    Outcome::Ok => failed("it still runs after its processes were killed"),
                    Outcome::Failed { text, .. } | Outcome::Unknown { text } | Outcome::Held { text } => failed(text),
                    Outcome::TimedOut => failed("whether it has stopped is not confirmed"),
                };
            }
            let done = self.call("stop", cx, most, Duration::ZERO, false).await;
            match &done.end {
                // By the API a stop that succeeds has confirmed it; an agent that is not there has started nothing.
                End::Code(0) => Outcome::Ok,
                End::Code(code) => failed(self.text("stop", *code, &done)),
                End::Missing(_) if !exec::any_marked(&self.mark).await => Outcome::Ok,
                _ => self.not_run(&done),
            }
        })
    }

    fn monitor<'a>(&'a self, cx: &'a OpContext, deep: bool) -> Op<'a> {
        Box::pin(self.watch(cx, cx.timeout, self.interval, deep))
    }

    fn readiness<'a>(&'a self, _: &'a OpContext) -> Op<'a> {
        let program = self.call.program();
        let answer = if exec::find(&program.display().to_string()).is_none() {
            node_lacks(format!("agent {} is not installed on this node (package resource-agents)", program.display()))
        } else if self.call.provider == "heartbeat" && !Path::new(STATE_DIR).is_dir() {
            node_lacks(format!("{STATE_DIR} is missing, agents need it: run `systemd-tmpfiles --create`"))
        } else {
            Outcome::Ok
        };
        Box::pin(std::future::ready(answer))
    }
}
