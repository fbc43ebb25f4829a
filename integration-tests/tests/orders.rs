//! Orders of people with real binaries: what they do, what a dry run does not do, what is refused and how that is said, and the exit
//! codes that scripts rely on.
//!
//! Threading: each test has a pair of its own.
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::ask::{BOUND, ask, demand, epoch, nothing_moves_for, wait_alarm, wait_rule};
use integration_tests::lab::clock;
use integration_tests::pair::{GroupSpec, PairBuilder, PathSpec};
use serde_json::Value;

fn keys_present(value: &Value, keys: &[&str]) -> Result<()> {
    keys.iter().try_for_each(|key| {
        ensure!(value.get(key).is_some(), "no field {key} in {value}");
        Ok(())
    })
}

/// S13 B7 B8: a switchover is ordered on the node that serves, then on the other one; each is one epoch, and there are never two owners.
/// Dry runs say what would happen and change nothing. Standby empties a node, online does not move anything back.
#[test]
fn moves_are_ordered_on_either_node() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::address("web", 0)).start()?;
    let first = epoch(&pair, "alpha", "web")?;
    let ((), seen) = pair.never_dual("web", || {
        pair.assert_no_takeover(|| {
            for order in [
                &["switchover", "web", "--dry-run"] as &[&str],
                &["standby", "alpha", "--dry-run"],
                &["freeze", "web", "--for", "1h", "--dry-run"],
                &["maintenance", "web", "--for", "1h", "--dry-run"],
                &["clear", "web", "--dry-run"],
            ] {
                let said = demand(&pair, "beta", 0, order)?;
                ensure!(said.contains("web") || said.contains("alpha"), "{order:?} says nothing: {said}");
            }
            nothing_moves_for(&pair, 2)?;
            let group = pair.group_status("alpha", "web")?;
            ensure!(group["frozen_left_ms"].is_null() && group["maintenance_left_ms"].is_null(), "{group}");
            ensure!(pair.status("alpha")?["nodes"][0]["mode"] == "online", "the dry run put it in standby");
            Ok(())
        })?;
        let ping = pair.ping("web", Duration::from_millis(2))?;
        pair.wait_until("the address answers", BOUND, || Ok(ping.answers() > 10))?;
        let said = demand(&pair, "alpha", 0, &["switchover", "web", "--json"])?;
        let said: Value = serde_json::from_str(&said)?;
        ensure!(said["done"] == true && said["node"] == "beta", "{said}");
        pair.wait_owner("web", "beta", BOUND)?;
        demand(&pair, "alpha", 0, &["switchover", "web"])?;
        pair.wait_owner("web", "alpha", BOUND)?;
        ensure!(epoch(&pair, "beta", "web")? == first + 2, "each move is one epoch");

        demand(&pair, "alpha", 0, &["standby"])?;
        pair.wait_owner("web", "beta", BOUND)?;
        demand(&pair, "beta", 4, &["switchover", "web", "--to", "alpha"])?;
        demand(&pair, "beta", 0, &["online", "alpha"])?;
        pair.wait_healthy()?;
        pair.assert_no_takeover(|| nothing_moves_for(&pair, 2))?;
        let longest = ping.stop()?.longest_outage();
        eprintln!("three planned moves, at most {longest:?} without an answer");
        ensure!(longest < Duration::from_secs(1), "{longest:?} without an answer\n{}", pair.dump());
        Ok(())
    })?;
    ensure!(seen.owners().len() == 4, "alpha, beta, alpha, beta were expected:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// S23 B8: a freeze forbids the takeover of a node that really is dead, says so with the remedy, and ends by itself: then the takeover comes.
#[test]
fn a_freeze_holds_and_expires() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::address("web", 0)).start()?;
    pair.never_dual("web", || {
        let frozen = clock::now();
        demand(&pair, "alpha", 0, &["freeze", "web", "--for", "6s"])?;
        pair.wait_until("beta knows", BOUND, || Ok(!pair.group_status("beta", "web")?["frozen_left_ms"].is_null()))?;
        wait_alarm(&pair, "beta", "A208", "web", true)?;
        pair.lab().alpha().power_off()?;
        let reason = wait_rule(&pair, "beta", "web", "R441")?;
        ensure!(reason.contains("freeze"), "{reason}");
        let story = pair.explain("beta", &["--why-not", "web"])?;
        ensure!(story.contains("freeze"), "{story}");
        pair.wait_owner("web", "beta", BOUND)?;
        let after = clock::now().saturating_sub(frozen);
        ensure!(after >= Duration::from_secs(5), "the freeze held only {after:?}");
        Ok(())
    })?;
    Ok(())
}

/// S12 S19 B8: in maintenance the application is not repaired when it dies; when maintenance ends, it is. Without maintenance a killed
/// application is repaired on the spot. None of it is a takeover.
#[test]
fn maintenance_keeps_hands_off() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::service("shop", 0)).start()?;
    let client = pair.client("shop", Duration::from_millis(20), Duration::from_millis(100))?;
    let answered_since = |since: Duration| client.last().is_some_and(|answer| answer.sent > since);
    let alpha = pair.lab().alpha();
    let pid_file = alpha.dir().join(pair.group("shop")?.pid_file());
    let kill = || -> Result<Duration> {
        // It answers a moment before its pid file is written.
        pair.wait_until("the pid file is there", BOUND, || Ok(pid_file.exists()))?;
        let pid = std::fs::read_to_string(&pid_file).context("the application's pid file")?;
        alpha.run(&["sh", "-c", &format!("kill -9 {}", pid.trim())])?;
        Ok(clock::now() + Duration::from_millis(100))
    };
    pair.assert_no_takeover(|| {
        pair.wait_until("the client is answered", BOUND, || Ok(client.last().is_some()))?;
        let killed = kill()?;
        pair.wait_until("repaired on the spot", BOUND, || Ok(answered_since(killed)))?;
        pair.wait_healthy()?;

        demand(&pair, "beta", 0, &["maintenance", "shop", "--for", "1h"])?;
        wait_rule(&pair, "alpha", "shop", "R110")?;
        wait_alarm(&pair, "alpha", "A207", "shop", true)?;
        demand(&pair, "beta", 4, &["switchover", "shop"])?;
        let killed = kill()?;
        nothing_moves_for(&pair, 6)?;
        ensure!(!answered_since(killed), "somebody repaired it in maintenance\n{}", pair.dump());
        demand(&pair, "alpha", 0, &["maintenance", "shop", "--off"])?;
        pair.wait_until("repaired after maintenance", BOUND, || Ok(answered_since(killed)))?;
        pair.wait_healthy()?;
        Ok(())
    })?;
    ensure!(client.stop()?.counter_went_back().is_none(), "a count was lost");
    Ok(())
}

/// B8: every exit code and what comes with it: refusals name reason and remedy, in words and in JSON; the health of the pair as an exit
/// code; a daemon that is away; a bad configuration; a wrong command line. And the fields of `status --json`.
#[test]
fn exit_codes_and_json_can_be_relied_on() -> Result<()> {
    let pair = PairBuilder::new().path(PathSpec::serial("ser0")).group(GroupSpec::address("web", 0)).start()?;
    let status = pair.status("beta")?;
    keys_present(
        &status,
        &["reachable", "health", "pair", "process", "seq", "detection_ns", "nodes", "groups", "paths"],
    )?;
    keys_present(&status, &["safety_check", "alarms", "config_warnings", "health_reasons", "taken_at_ns"])?;
    keys_present(
        &status["nodes"][0],
        &["name", "local", "state", "mode", "hbd_alive", "arbiterd_alive", "resd_alive"],
    )?;
    keys_present(
        &status["groups"][0],
        &["name", "owner", "serving_on", "epoch", "guarantee", "promise", "rule", "reason"],
    )?;
    keys_present(
        &status["paths"][0],
        &["name", "medium", "state", "colour", "rx", "tx", "stats", "interval_ns", "lost"],
    )?;
    ensure!(status["health"] == "ok" || status["health"] == "good", "health is {}", status["health"]);
    ensure!(status["detection_ns"] == 500_000_000_u64, "detection is {}", status["detection_ns"]);

    demand(&pair, "alpha", 0, &["status", "--exit-code"])?;
    demand(&pair, "alpha", 2, &["switchover"])?;
    demand(&pair, "alpha", 2, &["no-such-command"])?;
    for (order, remedy) in [
        (&["switchover", "nothing"] as &[&str], "remedy: name one of: web"),
        (&["switchover", "web", "--to", "alpha"], "already"),
        (&["vouch-peer-off", "beta", "--reason", "x", "--yes"], "not off"),
        (&["vouch-peer-off", "gamma", "--reason", "x", "--yes"], "beta"),
        (&["clear", "nothing"], "remedy: name one of: web"),
    ] {
        let said = demand(&pair, "alpha", 4, order)?;
        ensure!(said.contains(remedy), "{order:?}: {said}");
    }
    let refused = ask(&pair, "alpha", &["switchover", "nothing", "--json"])?;
    let document = if refused.out.trim().is_empty() { refused.err } else { refused.out };
    let document: Value = serde_json::from_str(&document).with_context(|| document.clone())?;
    ensure!(document["error"]["exit_code"] == 4 && document["error"]["reason"] == "NO_SUCH_GROUP", "{document}");

    let config = pair.lab().dir().join("hotpair.toml");
    demand(&pair, "alpha", 0, &["check", "--config", config.to_str().context("path")?])?;
    let bad = pair.lab().write_private("bad.toml", "[pair]\nname = 7\n[[udp]]\ninterval = \"never\"\n")?;
    let said = demand(&pair, "alpha", 64, &["check", "--config", bad.to_str().context("path")?])?;
    ensure!(said.contains("bad.toml"), "{said}");

    pair.lab().alpha().cut("hb")?;
    pair.wait_until("redundancy is lost", BOUND, || Ok(ask(&pair, "beta", &["status", "--exit-code"])?.code == 10))?;
    pair.lab().heal_all()?;
    pair.wait_healthy()?;
    pair.lab().alpha().kill9("arbiterd")?;
    let said = demand(&pair, "alpha", 3, &["switchover", "web"])?;
    ensure!(said.contains("arbiterd"), "{said}");
    pair.lab().alpha().start("arbiterd")?;
    pair.wait_healthy()?;

    // Its owner is dead, and a freeze keeps the other node from taking it: nobody serves.
    demand(&pair, "alpha", 0, &["freeze", "--all", "--for", "1h"])?;
    pair.wait_until("frozen", BOUND, || Ok(!pair.group_status("beta", "web")?["frozen_left_ms"].is_null()))?;
    pair.lab().alpha().power_off()?;
    pair.wait_until("service is lost", BOUND, || Ok(ask(&pair, "beta", &["status", "--exit-code"])?.code == 11))?;
    for order in [&["switchover", "web"] as &[&str], &["switchover", "web", "--to", "beta"]] {
        ensure!(ask(&pair, "beta", order)?.code == 4, "{order:?} should be refused while the peer is silent");
    }
    Ok(())
}
