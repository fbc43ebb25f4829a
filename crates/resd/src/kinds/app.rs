//! `kind = "app"` (S18 S19): a program, run by own scripts, by systemd, or through an OCF agent.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use hotpair_config::model::ExitCodes;
use resource_core::Outcome;

use super::{Op, OpContext, ResourceKind, failed, node_lacks, unknown};
use crate::act::exec::{self, End, Finished, Program};

/// From here on a code is a shell's word for "ended by a signal" (128 + n), or garbage (255).
const SIGNAL_CODES: u8 = 128;

/// Own scripts.
#[derive(Debug)]
pub struct Scripts {
    /// Returns when it runs.
    pub start: Vec<String>,
    /// Returns when it does not.
    pub stop: Vec<String>,
    /// Says by its exit code.
    pub monitor: Vec<String>,
    /// Deep check.
    pub deep_monitor: Option<Vec<String>>,
    /// Meaning of the monitor's codes.
    pub codes: ExitCodes,
    /// Environment of all of them.
    pub environment: BTreeMap<String, String>,
    /// Mark of its processes.
    pub mark: String,
    /// Mount points of the group's volumes: programs below are not looked for while those are not mounted.
    pub volumes: Vec<PathBuf>,
}

impl Scripts {
    async fn run(&self, argv: &[String], limit: Duration, cx: &OpContext) -> Finished {
        let program = Program {
            argv: argv.to_vec(),
            environment: self.environment.clone(),
            mark: self.mark.clone(),
            patient: false,
        };
        exec::run(&program, limit, &cx.cancel).await
    }

    async fn ask(&self, argv: &[String], limit: Duration, cx: &OpContext) -> Outcome {
        let name = argv.first().map_or("", String::as_str);
        let done = self.run(argv, limit, cx).await;
        match &done.end {
            End::Code(code) if self.codes.running.contains(code) => Outcome::Ok,
            End::Code(code) if self.codes.stopped.contains(code) => Outcome::NotRunning,
            End::Code(code) => failed(said(&format!("{name} says by exit code {code} that it has failed"), &done)),
            End::Signal(signal) => failed(said(&format!("{name} was ended by signal {signal}"), &done)),
            End::Killed => Outcome::TimedOut,
            End::Missing(error) => self.missing(name, error).await,
            End::NotStarted(error) => unknown(format!("{name} could not be run: {error}")),
        }
    }

    /// Without its program (it may lie on a volume that is not mounted) nothing can say whether it runs, except that
    /// everything started here carries a mark.
    async fn missing(&self, name: &str, error: &std::io::Error) -> Outcome {
        if exec::any_marked(&self.mark).await {
            return unknown(format!(
                "{name} cannot be run ({error}), but processes started by this resource are there"
            ));
        }
        Outcome::NotRunning
    }
}

impl ResourceKind for Scripts {
    fn probe<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        Box::pin(async {
            if !exec::settled(&self.mark, &[&self.start, &self.stop], cx.timeout / 2).await {
                return unknown("a start or stop begun by an earlier run of resd is still under way");
            }
            let done = self.run(&self.monitor, cx.timeout, cx).await;
            let name = self.monitor.first().map_or("", String::as_str);
            match &done.end {
                End::Code(code) if self.codes.running.contains(code) => Outcome::Ok,
                End::Code(code) if self.codes.stopped.contains(code) => Outcome::NotRunning,
                // Before anything was started by us such an answer may mean anything (FAULTS S9, G10).
                End::Code(code) if *code >= SIGNAL_CODES || matches!(code, 126 | 127) => {
                    unknown(said(&format!("{name} ended with code {code}"), &done))
                }
                End::Code(code) => failed(said(&format!("{name} says by exit code {code} that it has failed"), &done)),
                End::Signal(signal) => unknown(said(&format!("{name} was ended by signal {signal}"), &done)),
                End::Killed => Outcome::TimedOut,
                End::Missing(error) => self.missing(name, error).await,
                End::NotStarted(error) => unknown(format!("{name} could not be run: {error}")),
            }
        })
    }

    fn start<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        Box::pin(async {
            if cx.not_after.is_some_and(|end| hotpair_runtime::clock::now() >= end) {
                return failed("the lease has run out");
            }
            let name = self.start.first().map_or("", String::as_str);
            let done = self.run(&self.start, cx.timeout, cx).await;
            match &done.end {
                End::Code(0) => Outcome::Ok,
                End::Code(code) => failed(said(&format!("{name} ended with code {code}"), &done)),
                End::Signal(signal) => failed(said(&format!("{name} was ended by signal {signal}"), &done)),
                End::Killed => Outcome::TimedOut,
                End::Missing(error) => node_lacks(format!("{name} cannot be run on this node: {error}")),
                End::NotStarted(error) => failed(format!("{name} could not be run: {error}")),
            }
        })
    }

    fn stop<'a>(&'a self, cx: &'a OpContext, force: bool) -> Op<'a> {
        Box::pin(async move {
            // Time for the confirmation is kept back from the stop itself.
            let (most, rest) = (cx.timeout.mul_f32(0.8), cx.timeout.mul_f32(0.2));
            let mut complaint = None;
            if force {
                if !exec::kill_marked(&self.mark, most).await {
                    return failed("its processes are still there after SIGKILL: they hang in the kernel");
                }
            } else {
                let name = self.stop.first().map_or("", String::as_str);
                let done = self.run(&self.stop, most, cx).await;
                complaint = match &done.end {
                    End::Code(0) => None,
                    End::Code(code) => Some(said(&format!("{name} ended with code {code}"), &done)),
                    End::Signal(signal) => Some(said(&format!("{name} was ended by signal {signal}"), &done)),
                    End::Killed => return Outcome::TimedOut,
                    End::Missing(error) | End::NotStarted(error) => Some(format!("{name} cannot be run: {error}")),
                };
            }
            // Exit code 0 of a stop is a claim; what counts is that the monitor says so, too.
            match self.ask(&self.monitor, rest, cx).await {
                Outcome::NotRunning => Outcome::Ok,
                Outcome::Ok => failed(complaint.unwrap_or_else(|| "it still runs after its stop".to_string())),
                Outcome::Failed { text, .. } | Outcome::Unknown { text } | Outcome::Held { text } => {
                    failed(format!("whether it has stopped is not confirmed: {}", complaint.unwrap_or(text)))
                }
                Outcome::TimedOut => failed("whether it has stopped is not confirmed: its monitor did not answer"),
            }
        })
    }

    fn monitor<'a>(&'a self, cx: &'a OpContext, deep: bool) -> Op<'a> {
        let argv = self.deep_monitor.as_ref().filter(|_| deep).unwrap_or(&self.monitor);
        Box::pin(self.ask(argv, cx.timeout, cx))
    }

    fn readiness<'a>(&'a self, _: &'a OpContext) -> Op<'a> {
        let commands = [Some(&self.start), Some(&self.stop), Some(&self.monitor), self.deep_monitor.as_ref()];
        let mut programs = commands.into_iter().flatten().filter_map(|argv| argv.first());
        let lacking = programs.find(|name| {
            !self.volumes.iter().any(|v| std::path::Path::new(name).starts_with(v)) && exec::find(name).is_none()
        });
        let answer = match lacking {
            Some(name) => node_lacks(format!("{name} is not there or not executable on this node; install it")),
            None => Outcome::Ok,
        };
        Box::pin(std::future::ready(answer))
    }
}

/// What happened, with the last words of the program.
pub fn said(what: &str, done: &Finished) -> String {
    match done.tail().as_str() {
        "" => what.to_string(),
        tail => format!("{what}: {tail}"),
    }
}
