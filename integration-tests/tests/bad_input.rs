//! Bad input of every kind: each is a clear error, alarm or state; nothing crashes, no decision changes, the service stays.
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::lab::{DAEMONS, NODES, Node, binary, clock};
use integration_tests::pair::{GroupSpec, Pair, PairBuilder, PathSpec};

const LONG: Duration = Duration::from_secs(30);
/// A configuration in which every line that says `#!` is wrong, with the ids of its mistakes.
const MISTAKES: &str = include_str!("../../crates/config/tests/common/many_mistakes.toml");

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a daemon on a configuration, outside of any pair; it is expected to end by itself.
fn daemon(name: &str, dir: &Path, more: &[&str]) -> Result<Output> {
    let mut command = Command::new("timeout");
    command.arg("20").arg(binary(name)?).arg("--config").arg(dir.join("hotpair.toml")).args(["--node", "alpha"]);
    command.arg("--run-dir").arg(dir.join("run")).arg("--state-dir").arg(dir.join("state")).args(more);
    Ok(command.output()?)
}

fn has_alarm(pair: &Pair, node: &str, id: &str) -> Result<bool> {
    let status = pair.status(node)?;
    Ok(status["alarms"].as_array().context("no alarms")?.iter().any(|alarm| alarm["id"] == id))
}

fn rule(pair: &Pair, node: &str, group: &str) -> Result<String> {
    Ok(pair.group_status(node, group)?["rule"].as_str().unwrap_or_default().to_owned())
}

/// Issue point 7, O05: a configuration with two dozen mistakes: every daemon and `hotpair check` end with 64 and name every
/// one of them; nothing was opened, made or listened on.
#[test]
fn a_bad_configuration_ends_with_64() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let config = dir.path().join("hotpair.toml");
    std::fs::write(&config, MISTAKES)?;
    let ids: Vec<&str> =
        MISTAKES.lines().filter_map(|line| line.split_once("#!")).flat_map(|(_, ids)| ids.split_whitespace()).collect();
    ensure!(ids.len() > 15, "{ids:?}");
    for name in DAEMONS {
        for more in [&["--check"] as &[&str], &[]] {
            let output = daemon(name, dir.path(), more)?;
            let text = said(&output);
            ensure!(output.status.code() == Some(64), "{name} {more:?}: {}\n{text}", output.status);
            if more.is_empty() {
                continue;
            }
            for id in &ids {
                let wanted = ids.iter().filter(|other| *other == id).count();
                ensure!(text.matches(&format!("[{id}]")).count() >= wanted, "{name} does not name {id}:\n{text}");
            }
        }
    }
    let output = Command::new(binary("hotpair")?).arg("check").arg("--config").arg(&config).output()?;
    ensure!(output.status.code() == Some(64), "{}", said(&output));
    let left: Vec<_> = std::fs::read_dir(dir.path())?.collect::<std::io::Result<Vec<_>>>()?;
    ensure!(left.len() == 1, "something was made: {left:?}");
    Ok(())
}

/// X08: a key that is missing, empty, too short, or readable by others is refused by every daemon, with the remedy.
#[test]
fn a_bad_key_is_refused() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::address("web", 0)).build()?;
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("hotpair.toml"), pair.config_text())?;
    let key = dir.path().join("hotpair.key");
    let good = integration_tests::pair::KEY;
    for (what, text, mode) in [
        ("missing", None, 0),
        ("empty", Some(""), 0o600),
        ("short", Some("abcd"), 0o600),
        ("readable by all", Some(good), 0o644),
    ] {
        if let Some(text) = text {
            std::fs::write(&key, text)?;
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode))?;
        }
        for name in DAEMONS {
            let output = daemon(name, dir.path(), &["--check"])?;
            let text = said(&output);
            ensure!(output.status.code() == Some(64), "{name}, key {what}: {}\n{text}", output.status);
            ensure!(text.contains("hotpair.key") && text.contains("help:"), "{name}, key {what}:\n{text}");
            ensure!(!text.contains(good), "the key itself was printed");
        }
    }
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    for name in DAEMONS {
        let output = daemon(name, dir.path(), &["--check"])?;
        ensure!(output.status.success(), "{name}: {}", said(&output));
    }
    ensure!(!dir.path().join("run").exists() && !dir.path().join("state").exists());
    Ok(())
}

/// D09 O10: state files of arbiterd and resd on the serving node that are garbage, empty or cut short: said in log and history;
/// the service stays where it is, by the epoch it had, and no client notices.
#[test]
fn damaged_state_files_change_nothing() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::address("web", 0)).start()?;
    let alpha = pair.lab().alpha();
    let ping = pair.ping("web", Duration::from_millis(10))?;
    let files = [("arbiterd", "arbiterd.state"), ("resd", "target.json")];
    for (daemon, file) in files {
        let path = alpha.state_dir().join(file);
        let whole = std::fs::read(&path).with_context(|| path.display().to_string())?;
        ensure!(!whole.is_empty());
        for bytes in [Vec::new(), b"\xff\x00garbage{{{".repeat(100), whole[..whole.len() / 2].to_vec()] {
            pair.assert_no_takeover(|| {
                alpha.terminate(daemon)?;
                std::fs::write(&path, &bytes)?;
                let mark = alpha.log_mark(daemon);
                alpha.start(daemon)?;
                alpha.wait_log(daemon, mark, file, LONG)?;
                pair.wait_healthy().map(|_| ())
            })?;
        }
    }
    let known = pair.events("alpha")?.iter().any(|event| event["message_id"] == "E160");
    ensure!(known, "nothing of it in the history\n{}", pair.dump());
    let seen = ping.stop()?;
    let longest = seen.longest_outage();
    ensure!(longest < Duration::from_millis(300), "clients waited for {longest:?}");
    Ok(())
}

/// A small file system of its own for the node's state, as it begins after its next start.
fn small_state(node: &Node) -> Result<String> {
    let dir = node.state_dir();
    let dir = dir.to_str().context("not UTF-8")?.to_owned();
    node.run(&["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", &dir])?;
    Ok(dir)
}

/// D10 D11: the disk under the state directory is full on both nodes: what serves goes on and is still answered for; the
/// daemons answer; nothing new is taken without a durable epoch (R451, A140), and at once when there is space again.
#[test]
fn a_full_disk_keeps_the_service_and_stops_takeovers() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::address("web", 0)).build()?;
    let (alpha, beta) = (pair.lab().alpha(), pair.lab().beta());
    let (state, other) = (small_state(beta)?, small_state(alpha)?);
    pair.start()?;
    pair.wait_healthy()?;
    let fill = |node: &Node, dir: &str| -> Result<()> {
        let script = format!(
            "dd if=/dev/zero of={dir}/full bs=4k 2>/dev/null; dd if=/dev/zero of={dir}/full2 bs=1 2>/dev/null; df {dir}"
        );
        node.run(&["sh", "-c", &script]).map(|_| ())
    };
    let ping = pair.ping("web", Duration::from_millis(10))?;
    let ((), _) = pair.never_dual("web", || {
        fill(beta, &state)?;
        fill(alpha, &other)?;
        pair.assert_no_takeover(|| {
            // A daemon that starts on a full disk is there all the same.
            for daemon in DAEMONS {
                beta.restart(daemon)?;
                alpha.restart(daemon)?;
            }
            pair.wait_until("both nodes serve and stand by", LONG, || {
                Ok(pair.owner("web")?.as_deref() == Some("alpha") && pair.missing().is_empty())
            })?;
            Ok(())
        })?;
        ensure!(ping.answers() > 0);
        alpha.power_off()?;
        pair.wait_until("held by R451", LONG, || Ok(rule(&pair, "beta", "web")? == "R451"))?;
        pair.wait_until("alarm A140", LONG, || has_alarm(&pair, "beta", "A140"))?;
        ensure!(!beta.has_address(pair.vip("web")?)?, "taken without a durable epoch");
        beta.run(&["sh", "-c", &format!("rm -f {state}/full {state}/full2")])?;
        pair.wait_owner("web", "beta", LONG)?;
        pair.wait_until("the alarm ends", LONG, || Ok(!has_alarm(&pair, "beta", "A140")?))?;
        Ok(())
    })?;
    Ok(())
}

/// S10 R09: interfaces, serial ports and volumes that are not there on a node: red or not ready, named; everything else works.
#[test]
fn missing_devices_are_named() -> Result<()> {
    let missing = "[[udp]]\nname = \"ghost\"\nport = 7700\n[udp.node.alpha]\ninterface = \"hb\"\naddress = \"10.77.2.1\"\n\
                   [udp.node.beta]\ninterface = \"nothere0\"\naddress = \"10.99.0.2\"\n\
                   [[serial]]\nname = \"cable\"\ndevice = \"/dev/nothere-serial\"\n\
                   [[group]]\nname = \"data\"\nlease = \"5s\"\n[[group.resource]]\nname = \"disk\"\nkind = \"volume\"\nfs = \"ext4\"\n\
                   protection = \"none\"\nmount_point = \"/mnt\"\ndevice = \"/dev/nothere-disk\"\n";
    let pair = PairBuilder::new().group(GroupSpec::address("web", 0)).toml(missing).build()?;
    let config = pair.lab().alpha().config_path();
    // Only this very machine can know what it has: the configuration itself is good.
    pair.hotpair("alpha", &["check", "--config", config.to_str().context("not UTF-8")?])?;
    pair.start()?;
    pair.wait_owner("web", "alpha", LONG)?;
    for node in NODES {
        pair.wait_until("all three are named", LONG, || {
            let status = pair.hotpair(node, &["status"])?;
            let path = if node == "beta" { "nothere0" } else { "ghost" };
            Ok([path, "/dev/nothere-serial", "/dev/nothere-disk"].iter().all(|name| status.contains(name)))
        })?;
        for daemon in DAEMONS {
            pair.lab().node(node)?.pid(daemon)?;
        }
    }
    ensure!(pair.group_status("alpha", "data")?["serving_on"].as_str().unwrap_or_default().is_empty());
    // The group with everything it needs is not held up.
    pair.hotpair("alpha", &["switchover", "web"])?;
    pair.wait_owner("web", "beta", LONG)?;
    Ok(())
}

/// X06: a second daemon of the same node on the same run directory is refused and says why; the first does not notice.
#[test]
fn a_second_daemon_is_refused() -> Result<()> {
    let pair = PairBuilder::new().path(PathSpec::serial("ser0")).group(GroupSpec::address("web", 0)).start()?;
    let alpha = pair.lab().alpha();
    let run = alpha.run_dir();
    let config = alpha.config_path();
    for name in DAEMONS {
        let pid = alpha.pid(name)?;
        let program = binary(name)?;
        let state = alpha.dir().join("second-state");
        let text = |path: &Path| path.to_str().map(str::to_owned).context("not UTF-8");
        let (program, config, run, state) = (text(&program)?, text(&config)?, text(&run)?, text(&state)?);
        let argv = [
            "timeout",
            "20",
            &program,
            "--config",
            &config,
            "--node",
            "alpha",
            "--run-dir",
            &run,
            "--state-dir",
            &state,
        ];
        let output = alpha.output(&argv)?;
        let code = output.status.code();
        ensure!(code.is_some_and(|code| code != 0 && code != 124), "{name} was let in: {code:?}\n{}", said(&output));
        ensure!(said(&output).contains(".sock"), "{name} does not say why:\n{}", said(&output));
        ensure!(alpha.pid(name)? == pid, "{name} was replaced");
    }
    pair.wait_healthy()?;
    Ok(())
}

/// O04: with different configurations the pair says so (A130) and goes on serving; nothing is taken over automatically (R443)
/// until a person vouches for the peer.
#[test]
fn different_configurations_are_no_basis_for_a_takeover() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::address("web", 0).address_line("announce_count = 5")).start()?;
    let (alpha, beta) = (pair.lab().alpha(), pair.lab().beta());
    pair.set_node_config("beta", &pair.config_text().replace("announce_count = 5", "announce_count = 6"))?;
    let ((), seen) = pair.never_dual("web", || {
        pair.assert_no_takeover(|| {
            for daemon in DAEMONS {
                beta.restart(daemon)?;
            }
            for node in NODES {
                pair.wait_until("alarm A130", LONG, || has_alarm(&pair, node, "A130"))?;
            }
            Ok(())
        })?;
        ensure!(pair.owner("web")?.as_deref() == Some("alpha"));
        alpha.power_off()?;
        pair.wait_until("held by R443", LONG, || Ok(rule(&pair, "beta", "web")? == "R443"))?;
        let end = clock::now() + Duration::from_secs(2);
        while clock::now() < end {
            ensure!(!beta.has_address(pair.vip("web")?)?, "taken over\n{}", pair.dump());
            clock::pause(Duration::from_millis(100));
        }
        pair.hotpair("beta", &["vouch-peer-off", "alpha", "--reason", "its plug is in my hand", "--yes"])?;
        pair.wait_owner("web", "beta", LONG).map(|_| ())
    })?;
    ensure!(seen.owners().len() == 2, "{}", seen.describe(pair.lab()));
    Ok(())
}
