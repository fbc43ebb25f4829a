//! Questions and demands that the integration tests share: paths, alarms, orders and their exit codes, "nothing happens",
//! and "the address answers".
//!
//! Threading: free functions over a [`Pair`], callable from any thread.
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::lab::ping::PingProbe;
use crate::lab::timeline::Timeline;
use crate::lab::{Fault, FaultId, NODES, Traffic, clock};
use crate::pair::{Direction, Pair};

/// Bound for everything that should take a second or two, on a busy machine.
pub const BOUND: Duration = Duration::from_secs(20);
/// Detection time of the pairs under test: 100 ms × 5.
pub const DETECTION: Duration = Duration::from_millis(500);
/// UDP port of the heartbeats.
pub const HEARTBEATS: u16 = 7694;
/// UDP port of the safety check's signed question.
pub const QUESTIONS: u16 = 7695;
/// A gap up to this long is no interruption of a client: it is what a busy machine does to one.
pub const UNNOTICED: Duration = Duration::from_millis(250);

/// What `hotpair` said to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs `hotpair …` on a node and returns all it said, whatever its exit code.
///
/// # Errors
/// When it cannot be started.
pub fn ask(pair: &Pair, node: &str, arguments: &[&str]) -> Result<Answer> {
    let output = pair.lab().node(node)?.hotpair(arguments)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Answer { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) })
}

/// Runs `hotpair …` and demands this exit code; returns what it said on both outputs.
///
/// # Errors
/// Another exit code.
pub fn demand(pair: &Pair, node: &str, code: i32, arguments: &[&str]) -> Result<String> {
    let answer = ask(pair, node, arguments)?;
    ensure!(
        answer.code == code,
        "`hotpair {}` on {node} ended with {}, not {code}:\n{}{}",
        arguments.join(" "),
        answer.code,
        answer.err,
        answer.out
    );
    Ok(answer.out + &answer.err)
}

/// A path as `node` judges it (an element of `paths` of `status --json`).
///
/// # Errors
/// When the node does not answer or knows no such path.
pub fn path(pair: &Pair, node: &str, name: &str) -> Result<Value> {
    let status = pair.status(node)?;
    let paths = status["paths"].as_array().context("no paths in the status")?;
    paths.iter().find(|path| path["name"] == name).cloned().with_context(|| format!("{node} knows no path {name}"))
}

fn direction(path: &Value, direction: Direction) -> &Value {
    match direction {
        Direction::Rx => &path["rx"],
        Direction::Tx => &path["tx"],
    }
}

/// Waits until a direction of a path is red for this cause; returns that direction.
///
/// # Errors
/// When it is not in time.
pub fn wait_red(pair: &Pair, node: &str, name: &str, which: Direction, cause: &str) -> Result<Value> {
    let mut found = Value::Null;
    pair.wait_until(&format!("{which:?} of {name} on {node} is red because {cause}"), BOUND, || {
        found = direction(&path(pair, node, name)?, which).clone();
        Ok(found["state"] == "down" && found["colour"] == "red" && found["cause"] == cause)
    })?;
    Ok(found)
}

/// Waits until a direction of a path is green.
///
/// # Errors
/// When it is not in time.
pub fn wait_green(pair: &Pair, node: &str, name: &str, which: Direction) -> Result<Duration> {
    pair.wait_path(node, name, which, "up", BOUND)
}

/// Demands that a path is green in both directions on both nodes.
///
/// # Errors
/// When it is not.
pub fn demand_green(pair: &Pair, name: &str) -> Result<()> {
    for node in NODES {
        let path = path(pair, node, name)?;
        ensure!(path["rx"]["state"] == "up" && path["tx"]["state"] == "up", "{node}: path {name} is not green: {path}");
    }
    Ok(())
}

/// A counter of a path (`bad_mac`, `replayed`, …).
///
/// # Errors
/// When the node does not answer or there is no such counter.
pub fn counter(pair: &Pair, node: &str, name: &str, which: &str) -> Result<u64> {
    path(pair, node, name)?["stats"][which].as_u64().with_context(|| format!("no counter {which} of path {name}"))
}

/// Whether an alarm with this id about this subject stands on `node`; an empty subject means any.
///
/// # Errors
/// When the node does not answer.
pub fn alarm(pair: &Pair, node: &str, id: &str, subject: &str) -> Result<Option<Value>> {
    let status = pair.status(node)?;
    let mut alarms = status["alarms"].as_array().into_iter().flatten();
    Ok(alarms.find(|alarm| alarm["id"] == id && (subject.is_empty() || alarm["subject"] == subject)).cloned())
}

/// Waits until such an alarm stands (or, with `stands == false`, no longer stands).
///
/// # Errors
/// When it does not in time.
pub fn wait_alarm(pair: &Pair, node: &str, id: &str, subject: &str, stands: bool) -> Result<()> {
    let what = format!("alarm {id} {subject} {} on {node}", if stands { "stands" } else { "is gone" });
    pair.wait_until(&what, BOUND, || Ok(alarm(pair, node, id, subject)?.is_some() == stands)).map(|_| ())
}

/// Waits until the group's deciding rule on `node` is this one; returns the sentence.
///
/// # Errors
/// When it is not in time.
pub fn wait_rule(pair: &Pair, node: &str, group: &str, rule: &str) -> Result<String> {
    let mut reason = String::new();
    pair.wait_until(&format!("{node} decides {group} by {rule}"), BOUND, || {
        let status = pair.group_status(node, group)?;
        reason = status["reason"].as_str().unwrap_or_default().to_owned();
        Ok(status["rule"] == rule)
    })?;
    Ok(reason)
}

/// Waits until the safety check of `node` has this verdict.
///
/// # Errors
/// When it has not in time.
pub fn wait_verdict(pair: &Pair, node: &str, verdict: &str) -> Result<Value> {
    let mut check = Value::Null;
    pair.wait_until(&format!("the safety check of {node} says {verdict}"), BOUND, || {
        check = pair.status(node)?["safety_check"].clone();
        Ok(check["verdict"] == verdict)
    })?;
    Ok(check)
}

/// Number of a group's epoch as `node` knows it.
///
/// # Errors
/// When the node does not answer or knows no such group.
pub fn epoch(pair: &Pair, node: &str, group: &str) -> Result<u64> {
    pair.group_status(node, group)?["epoch"]["number"].as_u64().context("no epoch")
}

/// An observation window: for so many detection times the group's owner and epoch, as the nodes that answer say, stay what
/// they are now.
///
/// # Errors
/// As soon as one changes.
pub fn nothing_moves_for(pair: &Pair, detections: u32) -> Result<()> {
    let end = clock::now() + DETECTION * detections;
    pair.assert_no_takeover(|| {
        while clock::now() < end {
            pair.assert_no_takeover(|| {
                clock::pause(DETECTION.min(end.saturating_sub(clock::now())));
                Ok(())
            })?;
        }
        Ok(())
    })
}

/// Pings the group's address each 5 ms during the scenario and demands that no gap is longer than `longest`.
///
/// # Errors
/// What the scenario returns, and a longer gap.
pub fn answers_throughout<T>(
    pair: &Pair,
    group: &str,
    longest: Duration,
    scenario: impl FnOnce() -> Result<T>,
) -> Result<(T, Timeline)> {
    let probe: PingProbe = pair.ping(group, Duration::from_millis(5))?;
    pair.wait_until("the address answers", BOUND, || Ok(probe.answers() > 0))?;
    let from = clock::now();
    let result = scenario()?;
    let seen = probe.stop()?.between(from, clock::now());
    ensure!(
        seen.longest_outage() <= longest,
        "{group}: {:?} without an answer, more than {longest:?}: {:?}\n{}",
        seen.longest_outage(),
        seen.outages(longest),
        pair.dump()
    );
    Ok((result, seen))
}

/// Loses every heartbeat datagram on every network, and cuts every given cable; everything else still passes.
///
/// # Errors
/// When a cable does not exist or nftables refuses.
pub fn silence_heartbeats(pair: &Pair, cables: &[&str]) -> Result<Vec<FaultId>> {
    let nets = pair.lab().switch().nets();
    let faults: Vec<Fault> =
        nets.iter().map(|net| Fault::everywhere(net).only(Traffic::Udp(vec![HEARTBEATS]))).collect();
    let ids = pair.lab().switch().add_faults(&faults)?;
    cables.iter().try_for_each(|cable| pair.lab().cable(cable).map(|cable| cable.cut()))?;
    Ok(ids)
}

/// Waits until no path of `node` is green in the receiving direction.
///
/// # Errors
/// When one still is in the end.
pub fn wait_all_red(pair: &Pair, node: &str) -> Result<()> {
    pair.path_names().iter().try_for_each(|name| pair.wait_path(node, name, Direction::Rx, "down", BOUND).map(|_| ()))
}
