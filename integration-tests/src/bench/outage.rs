//! How long a client is without an answer: when the serving node loses power, and when the group is moved on purpose.
//!
//! Threading: one thread; the probes have threads of their own.
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::stats::Distribution;
use super::{Options, heading, row, target, trace};
use crate::lab::clock;
use crate::pair::{GroupSpec, Pair, PairBuilder, PathSpec};

const GROUP: &str = "web";
const BOUND: Duration = Duration::from_secs(20);
/// The client goes on asking for so long after the service is back, so that a second gap would be seen.
const AFTER: Duration = Duration::from_millis(300);

fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

/// A pair with two UDP paths at this timing.
fn pair(interval: &str, lost: u32, group: GroupSpec) -> Result<Pair> {
    PairBuilder::new()
        .paths(&[PathSpec::udp("lan"), PathSpec::udp("hb")])
        .timing(interval, lost)
        .boot("wait = \"3s\"")
        .group(group.line("max_moves = 1000"))
        .start()
}

/// Power loss of the node that serves an address.
///
/// # Errors
/// When it cannot be measured.
pub fn power(options: &Options) -> Result<bool> {
    let mut good = true;
    for (interval, lost, detection) in [("100ms", 5, 500.0), ("10ms", 3, 30.0)] {
        let pair = pair(interval, lost, GroupSpec::address(GROUP, 0))?;
        let mut outages = Vec::new();
        for _ in 0..options.runs {
            outages.push(power_once(&pair, options)?);
        }
        let outages = Distribution::new(outages);
        heading(&format!("Power loss, address only, {interval} × {lost}"));
        row("time without an answer", &outages);
        row(&format!("… less the detection time of {detection} ms"), &outages.less(detection));
        good &= target("median at most detection + 30 ms", outages.median() <= detection + 30.0);
    }
    Ok(good)
}

fn power_once(pair: &Pair, options: &Options) -> Result<f64> {
    let owner = pair.owner(GROUP)?.context("nobody serves")?;
    let owner = pair.lab().node(&owner)?;
    let other = pair.lab().peer_of(owner);
    let probe = pair.ping(GROUP, ms(1))?;
    pair.wait_until("the address answers", BOUND, || Ok(probe.answers() > 50))?;
    let from = clock::now();
    owner.power_off()?;
    pair.lab().wait_until("the address answers again", BOUND, || {
        Ok(probe.seen().samples.last().is_some_and(|last| last.sent > from + ms(5)) && answered_after(&probe, from))
    })?;
    clock::pause(AFTER);
    let seen = probe.stop()?;
    if options.trace {
        println!("    run: {:.1} ms without an answer", clock::millis(seen.longest_outage()));
        trace(pair, from)?;
    }
    pair.wait_owner(GROUP, other.name(), BOUND)?;
    pair.power_on(owner.name())?;
    pair.wait_healthy()?;
    Ok(clock::millis(seen.longest_outage()))
}

/// Whether a request sent a while after `from` has been answered (the dead node's kernel may answer one in flight).
fn answered_after(probe: &crate::lab::ping::PingProbe, from: Duration) -> bool {
    probe.seen().samples.iter().rev().take(50).any(|sample| sample.sent > from + ms(15) && sample.answered.is_some())
}

/// Power loss of the node that serves a volume, an address and an application.
///
/// # Errors
/// When it cannot be measured.
pub fn service(options: &Options) -> Result<bool> {
    let group = GroupSpec::service(GROUP, 0)
        .protection(crate::pair::Protection::Lease("500ms".into()))
        .app_line("monitor_interval = \"1s\"");
    let detection = 500.0;
    let pair = pair("100ms", 5, group)?;
    let (mut outages, mut rest) = (Vec::new(), Vec::new());
    let mut starts: [Vec<f64>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..options.runs {
        let (outage, took) = service_once(&pair, options)?;
        outages.push(outage);
        rest.push(outage - detection - took.iter().sum::<f64>());
        starts.iter_mut().zip(took).for_each(|(list, value)| list.push(value));
    }
    heading("Power loss, volume + address + application, 100 ms × 5");
    row("time without an answer over HTTP", &Distribution::new(outages));
    for (name, values) in RESOURCES.iter().zip(starts) {
        row(&format!("start of {name}, as resd measured it"), &Distribution::new(values));
    }
    let rest = Distribution::new(rest);
    row(&format!("… less these and the detection time of {detection} ms"), &rest);
    Ok(target("median of the rest at most 50 ms", rest.median() <= 50.0))
}

const RESOURCES: [&str; 3] = ["data", "vip", "app"];

fn service_once(pair: &Pair, options: &Options) -> Result<(f64, [f64; 3])> {
    let owner = pair.owner(GROUP)?.context("nobody serves")?;
    let owner = pair.lab().node(&owner)?;
    let other = pair.lab().peer_of(owner);
    let client = pair.client(GROUP, ms(5), ms(10))?;
    pair.wait_until("the application answers", BOUND, || Ok(client.seen().answers.len() > 20))?;
    let from = clock::now();
    owner.power_off()?;
    pair.lab().wait_until("the application answers again", BOUND, || {
        Ok(client.last().is_some_and(|answer| answer.node == other.name()))
    })?;
    clock::pause(AFTER);
    let seen = client.stop()?;
    ensure!(seen.counter_went_back().is_none(), "a write was lost: {:?}", seen.counter_went_back());
    if options.trace {
        println!("    run: {:.1} ms without an answer", clock::millis(seen.timeline.longest_outage()));
        trace(pair, from)?;
    }
    pair.wait_owner(GROUP, other.name(), BOUND)?;
    let status = pair.group_status(other.name(), GROUP)?;
    let start = |name: &str| -> Result<f64> {
        let resources = status["local"]["resources"].as_array().into_iter().flatten();
        let mut starts = resources.filter(|resource| resource["name"] == name);
        let ns = starts.next().and_then(|resource| resource["last_start_ns"].as_u64());
        Ok(clock::millis(Duration::from_nanos(ns.with_context(|| format!("no start of {name}: {status}"))?)))
    };
    let took = [start("data")?, start("vip")?, start("app")?];
    pair.power_on(owner.name())?;
    pair.wait_healthy()?;
    Ok((clock::millis(seen.timeline.longest_outage()), took))
}

/// Planned switchover of an address.
///
/// # Errors
/// When it cannot be measured.
pub fn switchover(options: &Options) -> Result<bool> {
    let pair = pair("100ms", 5, GroupSpec::address(GROUP, 0))?;
    let (mut outages, mut commands) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        let owner = pair.owner(GROUP)?.context("nobody serves")?;
        let other = pair.lab().peer_of(pair.lab().node(&owner)?);
        let probe = pair.ping(GROUP, ms(1))?;
        pair.wait_until("the address answers", BOUND, || Ok(probe.answers() > 50))?;
        let from = clock::now();
        pair.hotpair(&owner, &["switchover", GROUP])?;
        commands.push(clock::millis(clock::now().saturating_sub(from)));
        pair.wait_owner(GROUP, other.name(), BOUND)?;
        clock::pause(AFTER);
        let seen = probe.stop()?;
        outages.push(clock::millis(seen.longest_outage()));
        if options.trace {
            println!("    run: {:.1} ms without an answer", clock::millis(seen.longest_outage()));
            trace(&pair, from)?;
        }
        pair.wait_healthy()?;
    }
    let outages = Distribution::new(outages);
    heading("Planned switchover of an address, 100 ms × 5");
    row("time without an answer", &outages);
    row("the command, from start to end", &Distribution::new(commands));
    Ok(target("median under 10 ms", outages.median() < 10.0))
}
