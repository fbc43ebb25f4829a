//! Each daemon alone, with real binaries: any of them on either node is killed or restarted at any moment, and neither the service
//! nor its place notices.
//!
//! Threading: each test has a pair of its own.
use std::time::Duration;

use anyhow::{Result, ensure};
use integration_tests::ask::{BOUND, DETECTION, UNNOTICED, answers_throughout, wait_rule};
use integration_tests::lab::node::DAEMONS;
use integration_tests::lab::{NODES, clock};
use integration_tests::pair::{GroupSpec, Pair, PairBuilder, PathSpec};

/// A moment that differs from run to run, within a heartbeat interval.
fn random_moment() -> Duration {
    Duration::from_micros(u64::from(clock::now().subsec_nanos() / 7 % 100_000))
}

/// Kills each daemon of `node` three times: started again at once, after part of the detection time, and after more than it.
fn kill_each(node: &str) -> Result<()> {
    let pair = PairBuilder::new().path(PathSpec::serial("ser0")).group(GroupSpec::address("web", 0)).start()?;
    let ((), seen) = pair.never_dual("web", || {
        pair.assert_no_takeover(|| {
            answers_throughout(&pair, "web", UNNOTICED, || {
                for daemon in DAEMONS {
                    for away in [Duration::ZERO, DETECTION / 3, DETECTION * 3] {
                        clock::pause(random_moment());
                        pair.lab().node(node)?.kill9(daemon)?;
                        clock::pause(away);
                        pair.lab().node(node)?.start(daemon)?;
                        pair.wait_healthy()?;
                    }
                }
                Ok(())
            })
            .map(|_| ())
        })
    })?;
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// B6: kill -9 of hbd, resd and arbiterd of the node that serves, at random moments: no interruption, no takeover, never two owners.
#[test]
fn killed_daemons_of_the_active_node_interrupt_nothing() -> Result<()> {
    kill_each("alpha")
}

/// B6: the same on the standby.
#[test]
fn killed_daemons_of_the_standby_interrupt_nothing() -> Result<()> {
    kill_each("beta")
}

fn answered(pair: &Pair, node: &str) -> Result<()> {
    let client = pair.client("shop", Duration::from_millis(20), Duration::from_millis(200))?;
    pair.wait_until("the client is answered", BOUND, || Ok(client.seen().answers.len() > 10))?;
    let before = clock::now();
    for daemon in DAEMONS {
        pair.lab().node(node)?.restart(daemon)?;
        pair.wait_healthy()?;
    }
    let service = client.stop()?;
    let meanwhile = service.between(before, clock::now());
    let longest = meanwhile.timeline.longest_outage();
    ensure!(longest < UNNOTICED, "{node}: {longest:?} without an answer\n{}", pair.dump());
    ensure!(service.counter_went_back().is_none() && service.served_by() == ["alpha"], "{:?}", service.served_by());
    Ok(())
}

/// B6: an upgrade in place: every daemon of one node after the other, then of the other node, ends politely and starts again, under a
/// service with volume, address and application. The application is adopted, not started anew, and no request goes unanswered.
#[test]
fn restarting_daemons_one_by_one_keeps_the_service() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::service("shop", 0)).start()?;
    let pid_file = pair.lab().alpha().dir().join(pair.group("shop")?.pid_file());
    let pid = std::fs::read_to_string(&pid_file)?;
    pair.never_dual("shop", || pair.assert_no_takeover(|| NODES.iter().try_for_each(|node| answered(&pair, node))))?;
    ensure!(std::fs::read_to_string(&pid_file)? == pid, "the application was started anew");
    Ok(())
}

/// B6 B7: a daemon of either node is killed in the middle of a planned move: never two owners, and with the daemon back the pair agrees
/// on one that serves.
#[test]
fn a_daemon_killed_in_the_middle_of_a_move_leaves_one_owner() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::address("web", 0)).start()?;
    pair.never_dual("web", || {
        for node in NODES {
            for (daemon, delay) in DAEMONS.into_iter().zip([2, 6, 12]) {
                let order = pair.lab().node("alpha")?.hotpair(&["switchover", "web", "--no-wait"])?;
                ensure!(order.status.success(), "refused: {}", String::from_utf8_lossy(&order.stderr));
                clock::pause(Duration::from_millis(delay));
                pair.lab().node(node)?.kill9(daemon)?;
                clock::pause(random_moment());
                pair.lab().node(node)?.start(daemon)?;
                pair.wait_healthy()?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// S23 B6: every daemon of both nodes is killed in the same moment, under a service with a volume; first only the standby's come back, and
/// then its whole machine boots anew: it finds the address alive and takes nothing. Then the owner's come back and adopt what runs.
#[test]
fn a_pair_without_daemons_still_serves_and_is_found_again() -> Result<()> {
    let pair = PairBuilder::new().boot("wait = \"1s\"").group(GroupSpec::service("shop", 0)).start()?;
    let (alpha, beta) = (pair.lab().alpha(), pair.lab().beta());
    let pid_file = alpha.dir().join(pair.group("shop")?.pid_file());
    let pid = std::fs::read_to_string(&pid_file)?;
    let before = pair.standings("beta")?;
    let ((), seen) = pair.never_dual("shop", || {
        answers_throughout(&pair, "shop", UNNOTICED, || {
            alpha.kill9_all()?;
            beta.kill9_all()?;
            beta.start_all()?;
            wait_rule(&pair, "beta", "shop", "R430")?;
            beta.power_off()?;
            pair.power_on("beta")?;
            wait_rule(&pair, "beta", "shop", "R430")?;
            // Longer than the boot wait: the sign of life, not the wait, is what holds it back.
            let end = clock::now() + DETECTION * 5;
            while clock::now() < end {
                clock::pause(DETECTION / 4);
                ensure!(pair.standings("beta")? == before, "a takeover\n{}", pair.dump());
            }
            alpha.start_all()?;
            pair.wait_healthy()?;
            pair.wait_owner("shop", "alpha", BOUND)
        })
        .map(|_| ())
    })?;
    ensure!(pair.standings("beta")? == before, "a takeover\n{}", pair.dump());
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    ensure!(std::fs::read_to_string(&pid_file)? == pid, "the application was started anew\n{}", pair.dump());
    Ok(())
}
