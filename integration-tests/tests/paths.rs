//! Heartbeat paths with real binaries: IPv4, IPv6 and serial, each fault shown where it is and for what it is, and none of them
//! moving a service while any path lives.
//!
//! Threading: each test has a pair of its own.
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::ask::{
    BOUND, DETECTION, HEARTBEATS, UNNOTICED, answers_throughout, counter, demand, demand_green, nothing_moves_for,
    path, silence_heartbeats, wait_alarm, wait_green, wait_red, wait_rule, wait_verdict,
};
use integration_tests::lab::packet::{Capture, Frame, replay, send_udp, udp_of};
use integration_tests::lab::{Fault, NODES, Switch, Traffic, clock, net};
use integration_tests::pair::{Direction, GroupSpec, KEY, Pair, PairBuilder, PathSpec};

use Direction::{Rx, Tx};

fn web() -> GroupSpec {
    GroupSpec::address("web", 0)
}

/// S1 S20 S22 S25 S26: two IPv4 paths, an IPv6 path and a serial path are green in both directions on both nodes. One network
/// fails: its paths turn red on both nodes with the cause and an alarm, the others keep green, nothing moves; repaired, all is green
/// again. A pulled cable is known at once, from the carrier, and long before the heartbeats are missed.
#[test]
fn a_failed_path_is_red_and_nothing_else_happens() -> Result<()> {
    let pair = PairBuilder::new()
        .path(PathSpec::udp("hb").named("hb6").v6())
        .path(PathSpec::serial("ser0"))
        .group(web())
        .start()?;
    for node in NODES {
        for (name, medium) in [("lan", "udp"), ("hb", "udp"), ("hb6", "udp"), ("ser0", "serial")] {
            let path = path(&pair, node, name)?;
            ensure!(path["medium"] == medium && path["colour"] == "green", "{path}");
        }
    }
    let alpha = pair.lab().alpha();
    let ((), seen) = pair.never_dual("web", || {
        pair.assert_no_takeover(|| {
            alpha.cut("hb")?;
            for node in NODES {
                for name in ["hb", "hb6"] {
                    let red = wait_red(&pair, node, name, Rx, "missed")?;
                    ensure!(red["missed"].as_u64() >= Some(5), "{red}");
                    wait_alarm(&pair, node, "A101", name, true)?;
                }
            }
            demand_green(&pair, "lan")?;
            demand_green(&pair, "ser0")?;
            alpha.heal("hb")?;
            pair.wait_healthy()?;
            wait_alarm(&pair, "beta", "A101", "hb", false)?;

            let pulled = clock::now();
            alpha.set_carrier("hb", false)?;
            let red = wait_red(&pair, "alpha", "hb", Rx, "no_carrier")?;
            let since = Duration::from_nanos(red["since_ns"].as_u64().context("no time")?);
            let took = since.saturating_sub(pulled);
            ensure!(took < DETECTION / 2, "no carrier was noticed only after {took:?}");
            wait_red(&pair, "beta", "hb", Rx, "missed")?;
            demand_green(&pair, "lan")?;
            alpha.set_carrier("hb", true)?;
            pair.wait_healthy()?;
            Ok(())
        })
    })?;
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// S1 S22: one-way losses. What alpha sends on a path gets lost: beta does not hear (rx red), and alpha knows that it is not heard
/// (tx red) while it still hears. Then losses in opposite directions on the only two paths: together they still carry both ways, and
/// nobody moves.
#[test]
fn one_way_losses_are_seen_as_such() -> Result<()> {
    let pair = PairBuilder::new().group(web()).start()?;
    let lost = |net: &str, from: &str| Fault::from(net, from).only(Traffic::Udp(vec![HEARTBEATS]));
    let ((), seen) = pair.never_dual("web", || {
        pair.assert_no_takeover(|| {
            pair.lab().switch().add_faults(&[lost("hb", "alpha")])?;
            wait_red(&pair, "beta", "hb", Rx, "missed")?;
            wait_red(&pair, "alpha", "hb", Tx, "peer_does_not_hear")?;
            wait_alarm(&pair, "alpha", "A102", "hb", true)?;
            ensure!(pair.path_state("alpha", "hb", Rx)? == "up", "alpha should still hear");
            ensure!(pair.path_state("beta", "hb", Tx)? == "up", "beta is still heard");

            pair.lab().switch().add_faults(&[lost("lan", "beta")])?;
            wait_red(&pair, "alpha", "lan", Rx, "missed")?;
            wait_red(&pair, "beta", "lan", Tx, "peer_does_not_hear")?;
            nothing_moves_for(&pair, 10)?;
            ensure!(pair.path_state("alpha", "hb", Rx)? == "up", "alpha should hear on hb");
            ensure!(pair.path_state("beta", "lan", Rx)? == "up", "beta should hear on lan");
            pair.lab().heal_all()?;
            pair.wait_healthy()?;
            Ok(())
        })
    })?;
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// S22 S26: every network between the nodes is dead and only the serial line (115200 baud) lives. Nothing moves by itself; adverts,
/// switchover, freeze and standby work over it, ordered on either node.
#[test]
fn the_serial_line_alone_carries_everything() -> Result<()> {
    let pair = PairBuilder::new().path(PathSpec::serial("ser0")).group(web()).start()?;
    let cable = pair.lab().cable("ser0")?;
    cable.limit(Some(11_520));
    let ((), seen) = pair.never_dual("web", || {
        pair.assert_no_takeover(|| {
            pair.lab().split()?;
            cable.heal();
            for node in NODES {
                for name in ["lan", "hb"] {
                    pair.wait_path(node, name, Rx, "down", BOUND)?;
                }
            }
            nothing_moves_for(&pair, 4)?;
            demand_green(&pair, "ser0")
        })?;
        // Ordered where it runs, then where it does not run.
        demand(&pair, "alpha", 0, &["switchover", "web", "--to", "beta"])?;
        pair.wait_owner("web", "beta", BOUND)?;
        demand(&pair, "alpha", 0, &["switchover", "web", "--to", "alpha"])?;
        pair.wait_owner("web", "alpha", BOUND)?;

        demand(&pair, "beta", 0, &["freeze", "web", "--for", "1h"])?;
        pair.wait_until("alpha knows of the freeze", BOUND, || {
            Ok(pair.group_status("alpha", "web")?["frozen_left_ms"].as_u64().is_some_and(|left| left > 3_000_000))
        })?;
        demand(&pair, "alpha", 0, &["freeze", "web", "--off"])?;
        pair.wait_until("beta knows of its end", BOUND, || {
            Ok(pair.group_status("beta", "web")?["frozen_left_ms"].is_null())
        })?;

        demand(&pair, "beta", 0, &["standby", "alpha"])?;
        pair.wait_owner("web", "beta", BOUND)?;
        demand(&pair, "beta", 0, &["online", "alpha"])?;
        pair.lab().heal_all()?;
        pair.wait_healthy()?;
        Ok(())
    })?;
    ensure!(seen.owners().len() == 4, "alpha, beta, alpha, beta were expected:\n{}", seen.describe(pair.lab()));
    Ok(())
}

fn longest_sending_gap(frames: &[Frame]) -> Duration {
    let times: Vec<Duration> = frames
        .iter()
        .filter(|frame| !frame.outgoing && udp_of(&frame.bytes).is_some_and(|(_, to, _)| to == HEARTBEATS))
        .map(|frame| frame.at)
        .collect();
    times.windows(2).filter_map(|two| Some(two.get(1)?.saturating_sub(*two.first()?))).max().unwrap_or(Duration::MAX)
}

/// S26 S27: a serial line that is blocked, noisy, or vanishes and comes back is shown red with its own cause and turns green again;
/// the network paths beat on without a gap and are never anything but green.
#[test]
fn a_sick_serial_line_disturbs_nothing() -> Result<()> {
    let pair = PairBuilder::new().path(PathSpec::serial("ser0")).group(web()).start()?;
    let cable = pair.lab().cable("ser0")?;
    let capture = Capture::start(pair.lab().switch().ns(), &Switch::port_name("alpha", "hb"))?;
    let downs =
        |node: &str| -> Result<u64> { Ok(counter(&pair, node, "lan", "down")? + counter(&pair, node, "hb", "down")?) };
    let before = [downs("alpha")?, downs("beta")?];
    pair.assert_no_takeover(|| {
        cable.stall_from("alpha");
        pair.wait_path("beta", "ser0", Rx, "down", BOUND)?;
        nothing_moves_for(&pair, 2)?;
        cable.heal();
        wait_green(&pair, "beta", "ser0", Rx)?;

        let noise: Vec<u8> = (0..2000_u32).map(|n| u8::try_from(n * 31 % 251).unwrap_or(0)).collect();
        noise.chunks(200).try_for_each(|part| {
            clock::pause(Duration::from_millis(20));
            cable.inject("alpha", part)
        })?;
        pair.wait_until("the noise is counted", BOUND, || Ok(counter(&pair, "alpha", "ser0", "malformed")? > 0))?;
        cable.corrupt_from("beta", 7);
        pair.wait_path("alpha", "ser0", Rx, "down", BOUND)?;
        cable.heal();
        wait_green(&pair, "alpha", "ser0", Rx)?;

        cable.vanish("beta")?;
        pair.wait_until("beta names the missing device", BOUND, || {
            let rx = path(&pair, "beta", "ser0")?["rx"].clone();
            Ok(rx["state"] == "down" && (rx["cause"] == "device_missing" || rx["cause"] == "io_error"))
        })?;
        pair.wait_path("alpha", "ser0", Rx, "down", BOUND)?;
        cable.reappear("beta")?;
        pair.wait_healthy()?;
        Ok(())
    })?;
    ensure!([downs("alpha")?, downs("beta")?] == before, "a network path went down meanwhile\n{}", pair.dump());
    let gap = longest_sending_gap(&capture.stop()?);
    ensure!(gap < DETECTION, "alpha sent nothing on hb for {gap:?}");
    Ok(())
}

/// S2 S21 S24: with one path only, its failure goes straight to the safety check: of a living peer it finds a sign and holds, of a
/// dead one none, and takes over. Such a configuration draws a warning.
#[test]
fn a_single_path_goes_straight_to_the_check() -> Result<()> {
    let pair = PairBuilder::new().paths(&[PathSpec::udp("lan")]).group(web()).start()?;
    let warnings = pair.status("beta")?["config_warnings"].clone();
    ensure!(warnings.as_array().is_some_and(|list| !list.is_empty()), "one path only, and no warning: {warnings}");
    let ((), seen) = pair.never_dual("web", || {
        let faults = silence_heartbeats(&pair, &[])?;
        wait_rule(&pair, "beta", "web", "R430")?;
        nothing_moves_for(&pair, 4)?;
        pair.lab().switch().remove_faults(&faults)?;
        pair.wait_healthy()?;
        let died = clock::now();
        pair.lab().alpha().power_off()?;
        pair.wait_owner("web", "beta", BOUND)?;
        let story = pair.explain("beta", &[])?;
        ensure!(story.contains("TAKEOVER"), "{story}");
        eprintln!("taken over, and said so, {:?} after the power loss", clock::now().saturating_sub(died));
        Ok(())
    })?;
    ensure!(seen.owners().len() == 2, "not from alpha to beta:\n{}", seen.describe(pair.lab()));
    Ok(())
}

fn dropped(pair: &Pair, node: &str, name: &str) -> Result<u64> {
    ["bad_mac", "foreign", "replayed", "stale", "own_echo", "version", "malformed"]
        .iter()
        .map(|which| counter(pair, node, name, which))
        .sum()
}

/// The frame with a byte of its UDP payload changed, and without UDP checksum (which IPv4 allows).
fn changed(frame: &Frame, number: usize) -> Frame {
    let mut frame = frame.clone();
    let length = frame.bytes.len();
    for (at, byte) in frame.bytes.iter_mut().enumerate() {
        match at {
            40 | 41 => *byte = 0,
            _ if at == 42 + number * 7 % length.saturating_sub(42).max(1) => *byte ^= 0x55,
            _ => {}
        }
    }
    frame
}

/// S1 S22 S23: bad input changes counters and nothing else: recorded heartbeats played back, garbage on the heartbeat port and on
/// the serial line. A wrong key turns every path red as unauthenticated, and the peer still counts as alive.
#[test]
fn bad_input_is_counted_and_changes_nothing() -> Result<()> {
    let pair = PairBuilder::new().path(PathSpec::serial("ser0")).group(web()).start()?;
    let switch = pair.lab().switch();
    let (((), _), seen) = pair.never_dual("web", || {
        answers_throughout(&pair, "web", UNNOTICED, || {
            pair.assert_no_takeover(|| {
                let port = Switch::port_name("beta", "hb");
                let capture = Capture::start(switch.ns(), &port)?;
                let received = counter(&pair, "beta", "hb", "received")?;
                pair.wait_until("more heartbeats", BOUND, || {
                    Ok(counter(&pair, "beta", "hb", "received")? >= received + 15)
                })?;
                let mut frames = capture.stop()?;
                frames
                    .retain(|frame| frame.outgoing && udp_of(&frame.bytes).is_some_and(|(_, to, _)| to == HEARTBEATS));
                ensure!(frames.len() >= 5, "only {} heartbeats were recorded", frames.len());
                let before = dropped(&pair, "beta", "hb")?;
                replay(switch.ns(), &port, &frames)?;
                let wanted = before + u64::try_from(frames.len())?;
                pair.wait_until("the replayed frames are counted", BOUND, || {
                    Ok(dropped(&pair, "beta", "hb")? >= wanted)
                })?;

                // Garbage from a stranger, and heartbeats of the peer with one changed byte each.
                let to = SocketAddr::from((net::ipv4(1, 2), HEARTBEATS));
                let garbage: Vec<Vec<u8>> = (1..=60_u8).map(|n| vec![n; usize::from(n) * 20]).collect();
                let alpha = pair.lab().alpha().ns()?;
                let malformed = counter(&pair, "beta", "hb", "malformed")?;
                send_udp(&alpha, SocketAddr::from((net::ipv4(1, 1), 0)), to, &garbage)?;
                pair.wait_until("what a stranger sends is counted", BOUND, || {
                    Ok(counter(&pair, "beta", "hb", "malformed")? > malformed)
                })?;
                let before = dropped(&pair, "beta", "hb")?;
                let wrong: Vec<Frame> = frames.iter().enumerate().map(|(n, frame)| changed(frame, n)).collect();
                replay(switch.ns(), &port, &wrong)?;
                pair.wait_until("changed frames are counted", BOUND, || {
                    Ok(dropped(&pair, "beta", "hb")? >= before + u64::try_from(wrong.len())?)
                })?;
                pair.lab().cable("ser0")?.inject("beta", &[0xa5; 400])?;
                pair.wait_healthy()?;
                Ok(())
            })?;

            let other: String = KEY.chars().rev().collect();
            pair.lab().write_private("other.key", &format!("{other}\n"))?;
            let wrong = pair.config_text().replace("hotpair.key", "other.key");
            pair.set_node_config("beta", &wrong)?;
            pair.assert_no_takeover(|| {
                pair.lab().beta().restart("hbd")?;
                for node in NODES {
                    for name in ["lan", "hb", "ser0"] {
                        wait_red(&pair, node, name, Rx, "unauthenticated")?;
                    }
                }
                ensure!(counter(&pair, "alpha", "hb", "bad_mac")? > 0 || counter(&pair, "alpha", "hb", "foreign")? > 0);
                wait_verdict(&pair, "beta", "peer-alive")?;
                nothing_moves_for(&pair, 6)?;
                pair.set_node_config("beta", pair.config_text())?;
                pair.lab().beta().restart("hbd")?;
                pair.wait_healthy()?;
                Ok(())
            })
        })
    })?;
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    Ok(())
}
