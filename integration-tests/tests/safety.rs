//! The safety check with real binaries: silence is not death. Two living nodes lose every heartbeat path, daemons die or
//! freeze, a node is isolated, and nobody takes anything over; who has the address is asked from the client's place.
//!
//! Threading: each test has a pair of its own.
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::ask::{
    BOUND, DETECTION, QUESTIONS, UNNOTICED, alarm, answers_throughout, nothing_moves_for, silence_heartbeats,
    wait_alarm, wait_all_red, wait_rule, wait_verdict,
};
use integration_tests::lab::{Fault, NODES, Traffic, clock};
use integration_tests::pair::{GroupSpec, Pair, PairBuilder, PathSpec};

fn pair() -> Result<Pair> {
    PairBuilder::new().path(PathSpec::serial("ser0")).group(GroupSpec::address("web", 0)).start()
}

/// The alarm of alpha that says by which sign it knows that beta lives.
fn alive_by(pair: &Pair) -> Result<String> {
    let alarm = alarm(pair, "alpha", "A103", "")?.context("no alarm A103 on alpha")?;
    Ok(alarm["text"].as_str().unwrap_or_default().to_owned())
}

/// [`nothing_moves_for`] while alpha cannot be asked.
fn nothing_moves_for_beta(pair: &Pair, detections: u32) -> Result<()> {
    let before = pair.standings("beta")?;
    let end = clock::now() + DETECTION * detections;
    while clock::now() < end {
        clock::pause(Duration::from_millis(100));
        ensure!(pair.standings("beta")? == before, "a takeover\n{}", pair.dump());
    }
    Ok(())
}

fn last_start(pair: &Pair, node: &str) -> Result<u64> {
    let group = pair.group_status(node, "web")?;
    Ok(group["local"]["resources"][0]["last_start_ns"].as_u64().unwrap_or(0))
}

/// S22 S23 S27 B1: every heartbeat path is cut while both nodes live. The peer's address and software answer the safety check,
/// then (its question port blocked) only its kernel: no takeover, an alarm that says so, and a story that names the sign. Healed, all is green.
#[test]
fn silence_of_a_living_peer_moves_nothing() -> Result<()> {
    let pair = pair()?;
    let ((), seen) = pair.never_dual("web", || {
        answers_throughout(&pair, "web", UNNOTICED, || {
            let faults = silence_heartbeats(&pair, &["ser0"])?;
            for node in NODES {
                wait_all_red(&pair, node)?;
                wait_verdict(&pair, node, "peer-alive")?;
                wait_alarm(&pair, node, "A103", "", true)?;
            }
            let reason = wait_rule(&pair, "beta", "web", "R430")?;
            ensure!(reason.contains("NO takeover") && reason.contains("sign of life"), "{reason}");
            nothing_moves_for(&pair, 20)?;
            let story = pair.explain("beta", &["--why-not", "web"])?;
            ensure!(story.contains("sign of life (") && story.contains("hotpair answers"), "{story}");
            // The owner is asked as well, and its standby serves nothing: there the sign is the software.
            let reason = alive_by(&pair)?;
            ensure!(reason.contains("hotpair answers"), "{reason}");

            // Now hotpair over there cannot be asked either; the machine still answers.
            let nets = pair.lab().switch().nets();
            let deaf: Vec<Fault> =
                nets.iter().map(|net| Fault::everywhere(net).only(Traffic::Udp(vec![QUESTIONS]))).collect();
            let more = pair.lab().switch().add_faults(&deaf)?;
            pair.wait_until("to alpha the sign is the kernel", BOUND, || Ok(alive_by(&pair)?.contains("kernel")))?;
            nothing_moves_for(&pair, 10)?;

            pair.lab().switch().remove_faults(&[faults, more].concat())?;
            pair.lab().cable("ser0")?.heal();
            pair.wait_healthy()?;
            ensure!(alarm(&pair, "beta", "A103", "")?.is_none(), "the alarm stands after the repair");
            Ok(())
        })
        .map(|_| ())
    })?;
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// S23 B6: all daemons of the active node are killed at once: the address stays where it is and serves, no second owner; first
/// hbd alone, kept dead. Started again, they adopt it: it is not started anew.
#[test]
fn dead_daemons_are_not_a_dead_node() -> Result<()> {
    let pair = pair()?;
    let alpha = pair.lab().alpha();
    let started = last_start(&pair, "alpha")?;
    let ((), seen) = pair.never_dual("web", || {
        answers_throughout(&pair, "web", UNNOTICED, || {
            alpha.kill9("hbd")?;
            wait_rule(&pair, "beta", "web", "R430")?;
            nothing_moves_for(&pair, 8)?;
            alpha.start("hbd")?;
            pair.wait_healthy()?;

            alpha.kill9_all()?;
            let reason = wait_rule(&pair, "beta", "web", "R430")?;
            ensure!(reason.contains("kernel") || reason.contains("virtual address"), "{reason}");
            nothing_moves_for(&pair, 20)?;
            ensure!(alpha.has_address(pair.vip("web")?)?, "the address is gone from alpha");
            alpha.start_all()?;
            pair.wait_healthy()?;
            pair.wait_owner("web", "alpha", BOUND)
        })
        .map(|_| ())
    })?;
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    let now = last_start(&pair, "alpha")?;
    ensure!(now == started || now == 0, "the address was started anew, not adopted: {started} {now}\n{}", pair.dump());
    Ok(())
}

/// S22 S23: all hotpair processes of the active node are stopped (SIGSTOP) for 8 s (`HOTPAIR_LONG_FREEZE=1`: 20 s) and go on: at
/// no instant two owners, no interruption, and no flapping afterwards.
#[test]
fn frozen_daemons_are_not_a_dead_node() -> Result<()> {
    let pair = pair()?;
    let windows = if std::env::var_os("HOTPAIR_LONG_FREEZE").is_some() { 40 } else { 16 };
    let ((), seen) = pair.never_dual("web", || {
        answers_throughout(&pair, "web", UNNOTICED, || {
            pair.lab().alpha().freeze()?;
            wait_rule(&pair, "beta", "web", "R430")?;
            nothing_moves_for_beta(&pair, windows)?;
            pair.lab().alpha().thaw()?;
            pair.wait_healthy()?;
            nothing_moves_for(&pair, 8)
        })
        .map(|_| ())
    })?;
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// S23: the active node dies while the standby is cut off from every network: the standby knows that it is the isolated one (no
/// reference address answers), says so and takes nothing; connected again, it does.
#[test]
fn isolated_standby_takes_nothing() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::address("web", 0)).start()?;
    let ((), seen) = pair.never_dual("web", || {
        pair.lab().beta().cut_all()?;
        wait_verdict(&pair, "beta", "isolated")?;
        wait_rule(&pair, "beta", "web", "R431")?;
        wait_alarm(&pair, "beta", "A150", "", true)?;
        pair.lab().alpha().power_off()?;
        nothing_moves_for(&pair, 10)?;
        ensure!(!pair.lab().beta().has_address(pair.vip("web")?)?, "the isolated node has the address");
        pair.lab().beta().heal_all()?;
        pair.wait_owner("web", "beta", BOUND)?;
        Ok(())
    })?;
    ensure!(seen.owners().len() == 2, "not from alpha to beta:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// S22 S23: the standby freezes for longer than the detection time and goes on: the silence was its own, and it takes nothing.
#[test]
fn a_standby_that_slept_blames_nobody() -> Result<()> {
    let pair = pair()?;
    let ((), seen) = pair.never_dual("web", || {
        pair.assert_no_takeover(|| {
            for detections in [2, 6] {
                pair.lab().beta().freeze()?;
                clock::pause(DETECTION * detections);
                pair.lab().beta().thaw()?;
                nothing_moves_for(&pair, 4)?;
                pair.wait_healthy()?;
            }
            Ok(())
        })
    })?;
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// S14 S23 B6: a service with a leased volume: its node's daemons are killed for many times the lease. The application goes on
/// counting all the time, nobody takes the volume, and the daemons adopt all of it when they are back. Then they freeze for as long:
/// their lease ran out meanwhile, so what they do is to take it anew on the spot; nothing moves and no count is lost.
#[test]
fn a_leased_volume_survives_dead_and_frozen_daemons() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::service("shop", 0)).start()?;
    let alpha = pair.lab().alpha();
    let pid_file = alpha.dir().join(pair.group("shop")?.pid_file());
    let client = pair.client("shop", Duration::from_millis(20), Duration::from_millis(200))?;
    pair.wait_until("the client is answered", BOUND, || Ok(client.seen().answers.len() > 10 && pid_file.exists()))?;
    let pid = std::fs::read_to_string(&pid_file)?;
    let from = clock::now();
    pair.never_dual("shop", || {
        pair.assert_no_takeover(|| {
            for detections in [6, 0, 1] {
                alpha.kill9_all()?;
                nothing_moves_for_beta(&pair, detections)?;
                alpha.start_all()?;
                pair.wait_healthy()?;
                nothing_moves_for(&pair, 3)?;
                let now = std::fs::read_to_string(&pid_file)?;
                ensure!(now == pid, "the application was started anew, not adopted\n{}", pair.dump());
            }
            let longest = client.seen().between(from, clock::now()).timeline.longest_outage();
            ensure!(longest < UNNOTICED, "{longest:?} without an answer\n{}", pair.dump());

            alpha.freeze()?;
            wait_rule(&pair, "beta", "shop", "R430")?;
            nothing_moves_for_beta(&pair, 8)?;
            alpha.thaw()?;
            pair.wait_healthy()?;
            nothing_moves_for(&pair, 4)
        })
    })?;
    let seen = client.stop()?.between(from, clock::now());
    ensure!(seen.counter_went_back().is_none() && seen.served_by() == ["alpha"], "{:?}", seen.served_by());
    let longest = seen.timeline.longest_outage();
    ensure!(longest < Duration::from_secs(2), "{longest:?} without an answer\n{}", pair.dump());
    Ok(())
}
