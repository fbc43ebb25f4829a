//! What `hotpair rehearse` predicts, and what the real binaries do when the same fault strikes the same configuration: who serves,
//! whether both do, for how long nobody does, which alarm stands. The prediction is made first, from the pair's own file.
//!
//! Threading: one pair, one fault after the other; the address is asked from outside every 5 ms.
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::ask::{BOUND, HEARTBEATS, alarm, ask, demand, silence_heartbeats};
use integration_tests::lab::vip::{Ownership, VipProbe};
use integration_tests::lab::{Fault, NODES, Traffic, clock};
use integration_tests::pair::{GroupSpec, Pair, PairBuilder, PathSpec};
use serde_json::Value;

const CABLE: &str = "ser0";
/// Questions to the address that stay unanswered for less than this are what a busy machine does to one.
const NOISE: Duration = Duration::from_millis(200);
/// What a busy machine may add to an outage, beside a factor of two.
const SLACK: Duration = Duration::from_millis(2_000);

/// A fault as the catalogue names it, how it is made here, and the alarm by which it is told.
struct Real {
    name: &'static str,
    alarm: (&'static str, &'static str),
    /// Watched so long while it stands.
    watched: Duration,
    strike: fn(&Pair) -> Result<()>,
    repair: fn(&Pair) -> Result<()>,
}

fn heal(pair: &Pair) -> Result<()> {
    for node in NODES {
        for net in pair.lab().switch().nets() {
            pair.lab().node(node)?.set_carrier(net, true)?;
        }
    }
    pair.lab().heal_all()
}

fn power_on(pair: &Pair) -> Result<()> {
    NODES.iter().filter(|n| pair.lab().node(n).is_ok_and(|n| !n.is_on())).try_for_each(|n| pair.power_on(n))
}

fn kill(pair: &Pair, daemon: &str) -> Result<()> {
    pair.lab().alpha().kill9(daemon)
}

fn restart(pair: &Pair, daemon: &str) -> Result<()> {
    pair.lab().alpha().start(daemon).map(|_| ())
}

fn pull(pair: &Pair, node: &str) -> Result<()> {
    let machine = pair.lab().node(node)?;
    pair.lab().cable(CABLE)?.cut();
    pair.lab().switch().nets().iter().try_for_each(|net| machine.set_carrier(net, false))
}

fn deafen(pair: &Pair, from: &str, to: &str) -> Result<()> {
    let nets = pair.lab().switch().nets();
    let faults: Vec<Fault> = nets
        .iter()
        .map(|net| Fault { to: Some(to.into()), ..Fault::from(net, from).only(Traffic::Udp(vec![HEARTBEATS])) })
        .collect();
    pair.lab().cable(CABLE)?.cut_from(from);
    pair.lab().switch().add_faults(&faults).map(|_| ())
}

fn frozen_power(pair: &Pair) -> Result<()> {
    demand(pair, "alpha", 0, &["freeze", "--all", "--for", "1h"])?;
    clock::pause(Duration::from_millis(1_500));
    pair.lab().alpha().power_off()
}

fn unfreeze(pair: &Pair) -> Result<()> {
    power_on(pair)?;
    pair.wait_healthy_within(BOUND * 3)?;
    demand(pair, "beta", 0, &["freeze", "--all", "--off"]).map(|_| ())
}

fn in_standby_power(pair: &Pair) -> Result<()> {
    demand(pair, "alpha", 0, &["standby", "beta"])?;
    clock::pause(Duration::from_millis(1_500));
    pair.lab().alpha().power_off()
}

fn online(pair: &Pair) -> Result<()> {
    power_on(pair)?;
    pair.wait_until("beta answers", BOUND, || Ok(ask(pair, "beta", &["online", "beta"])?.code == 0)).map(|_| ())
}

fn nothing(_: &Pair) -> Result<()> {
    Ok(())
}

const SHORT: Duration = Duration::from_secs(3);

fn real() -> Vec<Real> {
    let fault = |name, alarm, watched, strike, repair| Real { name, alarm, watched, strike, repair };
    vec![
        fault(
            "path-hb",
            ("A101", "beta"),
            SHORT,
            |p| {
                let fault = Fault::everywhere("hb").only(Traffic::Udp(vec![HEARTBEATS]));
                p.lab().switch().add_faults(&[fault]).map(|_| ())
            },
            heal,
        ),
        fault("all-paths", ("A103", "beta"), SHORT, |p| silence_heartbeats(p, &[CABLE]).map(|_| ()), heal),
        fault(
            "networks-cut-line-alive",
            ("A101", "beta"),
            SHORT,
            |p| {
                p.lab().split()?;
                p.lab().cable(CABLE).map(|cable| cable.heal())
            },
            heal,
        ),
        fault("one-way-standby-deaf", ("A103", "beta"), SHORT, |p| deafen(p, "alpha", "beta"), heal),
        fault("owner-freeze-all", ("A103", "beta"), SHORT, |p| p.lab().alpha().freeze(), |p| p.lab().alpha().thaw()),
        fault("owner-kill-hbd", ("A120", "alpha"), SHORT, |p| kill(p, "hbd"), |p| restart(p, "hbd")),
        fault("owner-kill-arbiterd", ("A122", "beta"), SHORT, |p| kill(p, "arbiterd"), |p| restart(p, "arbiterd")),
        fault("owner-kill-resd", ("A121", "alpha"), SHORT, |p| kill(p, "resd"), |p| restart(p, "resd")),
        fault(
            "address-removed",
            ("", ""),
            SHORT,
            |p| {
                let address = format!("{}/24", p.vip("web")?);
                p.lab().alpha().run(&["ip", "address", "delete", &address, "dev", "lan"]).map(|_| ())
            },
            nothing,
        ),
        fault("standby-isolated", ("A150", "beta"), Duration::from_secs(4), |p| pull(p, "beta"), heal),
        fault("standby-power", ("A110", "alpha"), SHORT, |p| p.lab().beta().power_off(), power_on),
        fault(
            "switchover",
            ("", ""),
            SHORT,
            |p| demand(p, "alpha", 0, &["switchover", "web", "--no-wait"]).map(|_| ()),
            nothing,
        ),
        fault("service-nic-owner", ("A205", "beta"), SHORT, |p| p.lab().alpha().set_carrier("lan", false), heal),
        fault("owner-power", ("A110", "beta"), Duration::from_secs(4), |p| p.lab().alpha().power_off(), power_on),
        fault("everything-cut", ("A110", "beta"), Duration::from_secs(4), |p| p.lab().split().map(|_| ()), heal),
        fault("frozen-owner-power", ("A201", "beta"), Duration::from_secs(4), frozen_power, unfreeze),
        fault("standby-mode-owner-power", ("A110", "beta"), Duration::from_secs(4), in_standby_power, online),
    ]
}

/// What the rehearsal says of one fault.
#[derive(Debug)]
struct Predicted {
    serves: Vec<String>,
    both: bool,
    /// Half and 99 of a hundred runs; `None`: it lasts.
    outage: [Option<Duration>; 2],
    alarms: Vec<(String, String)>,
}

fn predicted(document: &Value, name: &str) -> Result<Predicted> {
    let faults = document["faults"].as_array().context("no faults")?;
    let fault = faults.iter().find(|f| f["name"] == name).with_context(|| format!("{name} is not predicted"))?;
    ensure!(fault["applicable"] == true, "{name} does not apply: {}", fault["reason"]);
    let group = &fault["groups"][0];
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let time = |key: &str| group["outage_ms"][key].as_u64().map(Duration::from_millis);
    let runs = fault["runs"].as_u64();
    let certain = fault["alarms"].as_array().into_iter().flatten().filter(|a| a["runs"].as_u64() == runs);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(Predicted {
        serves: texts(&group["serves"][0]["nodes"]),
        both: group["both_ms"]["runs"].as_u64().context("both_ms")? > 0,
        outage: [time("p50"), time("p99")],
        alarms: certain.map(|a| (text(&a["id"]), text(&a["node"]))).collect(),
    })
}

/// Gaps in the answers, long ones only, all together.
fn unanswered(seen: &Ownership) -> Duration {
    let gaps = seen.owners_over_time().into_iter().filter(|span| span.macs.is_empty());
    gaps.map(|span| seen.interval * u32::try_from(span.questions).unwrap_or(u32::MAX)).filter(|gap| *gap > NOISE).sum()
}

/// Who answered in the end.
fn in_the_end(pair: &Pair, seen: &Ownership) -> Vec<String> {
    // The last questions may still have been on their way.
    let Some(last) = seen.asked.last().map(|asked| asked.at) else { return Vec::new() };
    let window = seen.between(last.saturating_sub(Duration::from_millis(700)), last.saturating_sub(NOISE));
    let mut names: Vec<String> = window
        .asked
        .iter()
        .flat_map(|asked| &asked.macs)
        .filter_map(|mac| pair.lab().owner_of_mac(0, *mac).map(|node| node.name().to_owned()))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Plays one fault for real; returns who answered, and whether its alarm stood.
fn play(pair: &Pair, real: &Real) -> Result<(Ownership, bool)> {
    let probe = VipProbe::start(pair.lab(), pair.vip("web")?, Duration::from_millis(5))?;
    pair.wait_until("the address answers", BOUND, || Ok(probe.seen().asked.iter().any(|a| !a.macs.is_empty())))?;
    let begun = clock::now();
    (real.strike)(pair)?;
    let struck = clock::now();
    let (id, node) = real.alarm;
    let mut stood = id.is_empty();
    let passed = || clock::now().saturating_sub(struck);
    while passed() < real.watched || (!stood && passed() < BOUND) {
        stood = stood || alarm(pair, node, id, "").ok().flatten().is_some();
        clock::pause(Duration::from_millis(50));
    }
    let seen = probe.stop()?.between(begun, Duration::MAX);
    Ok((seen, stood))
}

/// Everything whole again, alpha serving.
fn settle(pair: &Pair) -> Result<()> {
    pair.wait_until("the pair is sorted out", BOUND * 3, || {
        let owner = pair.group_status("alpha", "web")?["owner"].as_str().unwrap_or_default().to_owned();
        ensure!(!owner.is_empty(), "no owner");
        // What a fault left behind: failures counted here, moves counted there.
        ask(pair, &owner, &["clear", "web"])?;
        Ok(pair.missing().is_empty())
    })?;
    if pair.owner("web")?.as_deref() != Some("alpha") {
        demand(pair, "alpha", 0, &["switchover", "web", "--to", "alpha"])?;
        pair.wait_owner("web", "alpha", BOUND)?;
        demand(pair, "alpha", 0, &["clear", "web"])?;
        pair.wait_healthy_within(BOUND * 2)?;
    }
    Ok(())
}

fn compare(pair: &Pair, real: &Real, predicted: &Predicted, seen: &Ownership, stood: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let ended = in_the_end(pair, seen);
    let mut expected = predicted.serves.clone();
    expected.sort();
    if ended != expected {
        wrong.push(format!("served by {ended:?}, predicted {expected:?}"));
    }
    let dual = !seen.dual().is_zero();
    if dual != predicted.both {
        wrong.push(format!("both served for {:?}, predicted {}", seen.dual(), predicted.both));
    }
    let outage = unanswered(seen);
    match predicted.outage {
        [_, None] if ended.is_empty() => {}
        [_, None] => wrong.push("it is served, predicted: until repaired".to_owned()),
        [half, Some(most)] => {
            let least = half.unwrap_or(most) / 2;
            if outage > most * 2 + SLACK || outage + NOISE * 2 < least {
                wrong.push(format!("{outage:?} without an answer, predicted {half:?} to {most:?}"));
            }
        }
    }
    let (id, node) = real.alarm;
    if !id.is_empty() && !predicted.alarms.iter().any(|(i, n)| i == id && n == node) {
        wrong.push(format!("alarm {id} on {node} is not predicted: {:?}", predicted.alarms));
    }
    if !stood {
        wrong.push(format!("alarm {id} on {node} did not rise"));
    }
    wrong
}

/// B2: seventeen faults, predicted from the pair's own configuration and then played with the real binaries: who serves, whether both
/// do, the length of the outage and the alarm agree.
#[test]
fn predictions_agree_with_the_real_binaries() -> Result<()> {
    let pair = PairBuilder::new()
        .path(PathSpec::serial(CABLE))
        .boot("wait = \"2s\"")
        .group(GroupSpec::address("web", 0).line("max_moves = 50"))
        .start()?;
    let all = real();
    let file = pair.lab().dir().join("hotpair.toml");
    let mut arguments = vec!["rehearse", "--json", "--no-advice", "--seeds", "10", "--config"];
    arguments.push(file.to_str().context("path")?);
    arguments.extend(all.iter().flat_map(|real| ["--fault", real.name]));
    let document = pair.lab().alpha().hotpair_json(&arguments)?;
    settle(&pair)?;
    let mut wrong = Vec::new();
    for real in &all {
        let predicted = predicted(&document, real.name)?;
        let begun = clock::now();
        let (seen, stood) = play(&pair, real)?;
        let found = compare(&pair, real, &predicted, &seen, stood);
        eprintln!(
            "{:26} {:?}, {:?} without an answer (predicted {:?}), {:?}",
            real.name,
            in_the_end(&pair, &seen),
            unanswered(&seen),
            predicted.outage,
            clock::now().saturating_sub(begun)
        );
        for text in &found {
            eprintln!("    {text}\n{}", seen.describe(pair.lab()));
        }
        wrong.extend(found.into_iter().map(|text| format!("{}: {text}", real.name)));
        (real.repair)(&pair)?;
        settle(&pair)?;
    }
    ensure!(wrong.is_empty(), "{wrong:#?}\n{}", pair.dump());
    Ok(())
}
