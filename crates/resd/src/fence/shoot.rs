//! Switching a node off and being sure of it: levels in order, attempts, and the confirmation by a read of its own.
//!
//! What counts as confirmed: every device of one level has answered `off` with success **and** has then, asked again by
//! `status`, said "off". `action = "reboot"` is done in the same way, `off` first and confirmed, and only then `on`: an agent's
//! own `reboot` ends with a node that is on, which no read can tell from one that was never off.
//!
//! *Invariant (FAULTS A6, F02, S9):* an error, a time-out, a status that says on or cannot be read is never a confirmation.

use std::sync::Arc;
use std::time::Duration;

use hotpair_runtime::clock;
use tokio_util::sync::CancellationToken;

use super::agent::{Agent, Answer, Verb};
use crate::act::exec::passed;

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);
/// Exit code of `status`: the node is on.
const ON: u8 = 0;
/// Exit code of `status`: the node is off.
const OFF: u8 = 2;

/// A device that can switch the other node.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its name in the configuration.
    pub name: String,
    /// Levels are tried from the lowest; all devices of a level have to confirm (a node with two power supplies).
    pub level: u32,
    /// The node is switched on again once it is confirmed off.
    pub power_on: bool,
    /// Limit of one run of the agent.
    pub timeout: Duration,
    /// Attempts; at least one is made.
    pub attempts: u32,
    /// How it is asked.
    pub agent: Arc<dyn Agent>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The node is off: said by these devices, joined by ` + `.
    Confirmed(String),
    /// Nothing is certain: why, in words, of every device.
    Failed(String),
}

/// Shoots. `tell` hears which device is at work; before each further attempt `wanted` is asked whether the order still
/// stands: what was begun is finished, nothing more is begun without it.
pub async fn shoot(devices: &[Device], wanted: &(dyn Fn() -> bool + Sync), tell: &(dyn Fn(&Device) + Sync)) -> Verdict {
    let mut levels: Vec<u32> = devices.iter().map(|d| d.level).collect();
    levels.sort_unstable();
    levels.dedup();
    let mut troubles = Vec::new();
    for (at, level) in levels.into_iter().enumerate() {
        if at > 0 && !wanted() {
            troubles.push("the order was withdrawn, no further level was tried".to_string());
            break;
        }
        let of_level: Vec<&Device> = devices.iter().filter(|d| d.level == level).collect();
        let mut off = Vec::new();
        for device in &of_level {
            tell(device);
            match off_for_sure(device, wanted).await {
                Ok(()) => off.push(device.name.as_str()),
                Err(why) => {
                    troubles.push(format!("{} (level {level}): {why}", device.name));
                    break;
                }
            }
        }
        if off.len() == of_level.len() {
            return Verdict::Confirmed(off.join(" + "));
        }
    }
    Verdict::Failed(if troubles.is_empty() { "no device is configured".to_string() } else { troubles.join("; ") })
}

/// One device, with its attempts.
async fn off_for_sure(device: &Device, wanted: &(dyn Fn() -> bool + Sync)) -> Result<(), String> {
    let mut last = String::new();
    for attempt in 0..device.attempts.max(1) {
        if attempt > 0 {
            passed(clock::now().after(PAUSE)).await;
            if !wanted() {
                return Err(format!("{last}; then the order was withdrawn"));
            }
        }
        match off_once(device).await {
            Ok(()) => return Ok(()),
            Err(why) => last = why,
        }
        tracing::warn!(device = %device.name, attempt = attempt + 1, why = %last, "the fence device has not confirmed");
    }
    Err(last)
}

async fn off_once(device: &Device) -> Result<(), String> {
    let never = CancellationToken::new();
    match device.agent.run(Verb::Off, device.timeout, &never).await {
        Answer::Code { code: 0, .. } => {}
        other => return Err(trouble(Verb::Off, &other, device.timeout)),
    }
    match device.agent.run(Verb::Status, device.timeout, &never).await {
        Answer::Code { code: OFF, .. } => Ok(()),
        Answer::Code { code: ON, .. } => {
            Err("it says that it has switched the node off, but its status still says on".to_string())
        }
        other => {
            Err(format!("whether the node is off is not confirmed: {}", trouble(Verb::Status, &other, device.timeout)))
        }
    }
}

/// Switches the node on again where the configuration says so. Nothing rests on it.
pub async fn power_on(devices: &[Device]) -> Result<(), String> {
    let never = CancellationToken::new();
    let mut troubles = Vec::new();
    for device in devices.iter().filter(|d| d.power_on) {
        match device.agent.run(Verb::On, device.timeout, &never).await {
            Answer::Code { code: 0, .. } => {}
            other => troubles.push(format!("{}: {}", device.name, trouble(Verb::On, &other, device.timeout))),
        }
    }
    if troubles.is_empty() { Ok(()) } else { Err(troubles.join("; ")) }
}

/// What is wrong, in words.
pub fn trouble(verb: Verb, answer: &Answer, limit: Duration) -> String {
    let verb = verb.as_str();
    match answer {
        Answer::Code { code, output } => {
            let lines: Vec<&str> = output.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
            let tail = lines.iter().skip(lines.len().saturating_sub(3)).copied().collect::<Vec<_>>().join("; ");
            let skip = tail.chars().count().saturating_sub(300);
            // What a device prints reaches terminals and logs (FAULTS T20).
            let tail: String = tail.chars().skip(skip).map(|c| if c.is_control() { ' ' } else { c }).collect();
            let said = if tail.is_empty() { String::new() } else { format!(": {tail}") };
            format!("action {verb} ended with code {code}{said}")
        }
        Answer::TimedOut => format!("action {verb} took longer than {} ms and was killed", limit.as_millis()),
        Answer::Failed(text) => text.clone(),
    }
}
