//! What is protected, under faults of the resources themselves: addresses, their network, applications, volumes.
//!
//! The rule shown everywhere: repaired on the spot first; moved if that does not help and the other node can do better;
//! left alone, with an alarm, if it cannot. Never two nodes at once.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::lab::vip::{Ownership, VipProbe};
use integration_tests::lab::{NODES, Node, clock, net, writer_log};
use integration_tests::pair::{GroupSpec, Pair, PairBuilder, PathSpec};

use serde_json::Value;

const LONG: Duration = Duration::from_secs(30);

/// A resource of a group, as its own node sees it.
fn resource(pair: &Pair, node: &str, group: &str, name: &str) -> Result<Value> {
    let status = pair.group_status(node, group)?;
    let list = status["local"]["resources"].as_array().context("no resources")?;
    list.iter().find(|resource| resource["name"] == name).cloned().with_context(|| format!("no resource {name}"))
}

fn repairs(pair: &Pair, node: &str, group: &str, name: &str) -> Result<u64> {
    resource(pair, node, group, name)?["repairs"].as_u64().context("no counter of repairs")
}

/// State of the group on `node`, as that node says.
fn state(pair: &Pair, node: &str, group: &str) -> Result<String> {
    let status = pair.group_status(node, group)?;
    let own = status["nodes"].as_array().into_iter().flatten().find(|on| on["node"] == node).cloned();
    Ok(own.context("no such node")?["state"].as_str().unwrap_or_default().to_owned())
}

fn has_alarm(pair: &Pair, node: &str, ids: &[&str]) -> Result<bool> {
    let status = pair.status(node)?;
    let alarms = status["alarms"].as_array().context("no alarms")?;
    Ok(alarms.iter().any(|alarm| ids.iter().any(|id| alarm["id"] == *id)))
}

/// Owner and epoch of `group` stay what they are for so long, on every node that can be asked.
fn stays(pair: &Pair, group: &str, time: Duration) -> Result<()> {
    let before = pair.standings("alpha")?[group].clone();
    let end = clock::now() + time;
    while clock::now() < end {
        for node in NODES {
            let now = pair.standings(node)?[group].clone();
            ensure!(now == before, "{group} moved from {before:?} to {now:?}\n{}", pair.dump());
        }
        clock::pause(Duration::from_millis(100));
    }
    Ok(())
}

fn mac_of(node: &Node) -> [u8; 6] {
    net::mac(0, node.host())
}

/// The announcements that `node` made, from the first one of that node after `since` on.
fn announced(seen: &Ownership, node: &Node, since: Duration) -> Vec<Duration> {
    let mac = mac_of(node);
    seen.announcements.iter().filter(|(at, by)| *by == mac && *at >= since).map(|(at, _)| *at).collect()
}

/// S3 S12 S15 G09 W22 W24: an address removed by hand is back at once, of either family; a move is announced five times
/// and refreshed, so that no client keeps the old hardware address.
#[test]
fn an_address_is_kept_and_announced() -> Result<()> {
    let quick =
        |group: GroupSpec| group.address_line("announce_interval = \"50ms\"").address_line("announce_refresh = \"1s\"");
    let web = quick(GroupSpec::address("web", 0));
    let six = quick(GroupSpec::address("six", 1).v6());
    let pair = PairBuilder::new().group(web).group(six).start()?;
    let (lab, alpha, beta) = (pair.lab(), pair.lab().alpha(), pair.lab().beta());
    pair.assert_no_takeover(|| {
        for (group, prefix) in [("web", "24"), ("six", "64")] {
            let vip = pair.vip(group)?;
            ensure!(alpha.has_address(vip)? && !beta.has_address(vip)?);
            alpha.run(&["ip", "addr", "del", &format!("{vip}/{prefix}"), "dev", "lan"])?;
            let took = pair.wait_until("the address is back", LONG, || alpha.has_address(vip))?;
            println!("{vip} was back {took:?} after it had been removed");
            pair.wait_until("the repair is counted", LONG, || Ok(repairs(&pair, "alpha", group, "vip")? >= 1))?;
        }
        Ok(())
    })?;
    for group in ["web", "six"] {
        let vip = pair.vip(group)?;
        let probe = VipProbe::start(lab, vip, Duration::from_millis(5))?;
        let since = clock::now();
        pair.hotpair("alpha", &["switchover", group])?;
        pair.wait_until("announced five times, then refreshed twice", LONG, || {
            let all = announced(&probe.seen(), beta, since);
            let Some(first) = all.first() else { return Ok(false) };
            let early = all.iter().filter(|at| **at < *first + Duration::from_millis(900)).count();
            let late = all.iter().filter(|at| **at > *first + Duration::from_millis(1200)).count();
            Ok(early >= 5 && late >= 2)
        })?;
        let seen = probe.stop()?;
        ensure!(seen.dual().is_zero(), "{}", seen.describe(lab));
        ensure!(seen.owners().last() == Some(&mac_of(beta)), "{}", seen.describe(lab));
    }
    Ok(())
}

/// S15 W21: an address that another machine holds is not taken, its holder is named, nobody flaps; freed, it is taken.
#[test]
fn an_address_held_by_another_machine_is_refused() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::address("web", 0)).build()?;
    let lab = pair.lab();
    let (vip, holder) = (pair.vip("web")?, net::mac_text(net::mac(0, net::CLIENT_HOST)));
    let address = format!("{vip}/24");
    lab.client().run_in_net(&["ip", "addr", "add", &address, "dev", "lan"])?;
    pair.start()?;
    pair.wait_until("the holder is named on the node that tried", LONG, || {
        Ok(pair.hotpair("alpha", &["status"])?.contains(&holder))
    })?;
    pair.wait_until("both have tried, the owner has an alarm", LONG, || {
        let owner = pair.standings("alpha")?["web"].owner.clone();
        has_alarm(&pair, &owner, &["A202"])
    })?;
    let number = |node: &str| -> Result<u64> { Ok(pair.standings(node)?["web"].epoch.0) };
    ensure!(number("alpha")? <= 4, "{:?}", pair.standings("alpha")?);
    for node in lab.nodes() {
        ensure!(!node.has_address(vip)?, "{} took an address that is in use", node.name());
    }
    lab.client().run_in_net(&["ip", "addr", "del", &address, "dev", "lan"])?;
    pair.hotpair("alpha", &["clear", "web"])?;
    pair.wait_until("web serves", LONG, || Ok(pair.owner("web")?.is_some()))?;
    pair.wait_healthy()?;
    Ok(())
}

/// S6 S12 W25 W26: the service network fails on the owner: the group moves to the node whose network works; when both have
/// lost it, nothing moves; when it returns, the group serves where it is.
#[test]
fn the_service_follows_the_working_network() -> Result<()> {
    let pair = PairBuilder::new().path(PathSpec::serial("ser0")).group(GroupSpec::address("web", 0)).start()?;
    let (alpha, beta) = (pair.lab().alpha(), pair.lab().beta());
    let ((), _) = pair.never_dual("web", || {
        alpha.set_carrier("lan", false)?;
        let took = pair.wait_owner("web", "beta", LONG)?;
        println!("moved {took:?} after the carrier was lost");
        beta.set_carrier("lan", false)?;
        pair.wait_until("alarm", LONG, || Ok(pair.hotpair("beta", &["status"])?.contains("carrier")))?;
        stays(&pair, "web", Duration::from_secs(2))?;
        ensure!(pair.standings("beta")?["web"].owner == "beta", "{}", pair.dump());
        beta.set_carrier("lan", true)?;
        alpha.set_carrier("lan", true)?;
        pair.wait_healthy()?;
        stays(&pair, "web", Duration::from_secs(1))
    })?;
    ensure!(pair.standings("beta")?["web"].owner == "beta");
    Ok(())
}

fn kill_app(pair: &Pair, node: &Node, group: &str) -> Result<()> {
    let file = node.dir().join(pair.group(group)?.pid_file());
    let pid = std::fs::read_to_string(&file).with_context(|| format!("{}\n{}", file.display(), pair.dump()))?;
    node.run(&["kill", "-9", pid.trim()]).map(|_| ())
}

/// S5 S12 S13 S19 G01 G07: a killed application is restarted on the spot; broken for good, the group moves; broken on both
/// nodes, it stays, says so, and does not go to and fro; repaired and cleared, it serves. No step of the counter is lost.
#[test]
fn an_application_is_repaired_then_moved_then_left() -> Result<()> {
    let group = GroupSpec::service("shop", 0)
        .app_line("restarts = 1")
        .app_line("backoff = \"100ms\"")
        .app_line("monitor_interval = \"200ms\"");
    let pair = PairBuilder::new().group(group).start()?;
    let (alpha, beta) = (pair.lab().alpha(), pair.lab().beta());
    let client = pair.client("shop", Duration::from_millis(20), Duration::from_millis(200))?;
    pair.assert_no_takeover(|| {
        kill_app(&pair, alpha, "shop")?;
        pair.wait_until("the repair is counted", LONG, || Ok(repairs(&pair, "alpha", "shop", "app")? == 1))?;
        pair.wait_healthy().map(|_| ())
    })?;
    let marker = pair.group("shop")?.broken_marker();
    alpha.write_file(&marker, "")?;
    kill_app(&pair, alpha, "shop")?;
    pair.wait_owner("shop", "beta", LONG)?;

    beta.write_file(&marker, "")?;
    kill_app(&pair, beta, "shop")?;
    pair.wait_until("the alarm", LONG, || {
        Ok(has_alarm(&pair, "beta", &["A201", "A202"])? && state(&pair, "beta", "shop")? == "failed")
    })?;
    stays(&pair, "shop", Duration::from_secs(3))?;
    ensure!(pair.owner("shop")?.is_none(), "{}", pair.dump());

    for node in [alpha, beta] {
        std::fs::remove_file(node.dir().join(&marker))?;
    }
    pair.hotpair("alpha", &["clear", "shop"])?;
    pair.wait_until("shop serves again", LONG, || Ok(pair.owner("shop")?.is_some()))?;
    pair.wait_healthy()?;
    let before = client.seen().answers.len();
    pair.wait_until("clients are served", LONG, || Ok(client.seen().answers.len() > before))?;
    let seen = client.stop()?;
    ensure!(seen.counter_went_back().is_none(), "{:?}", seen.counter_went_back());
    Ok(())
}

/// A program with a pid file, in the manner of an init script, whose every action can be made to fail by a file beside it.
const SCRIPT: &str = r#"#!/bin/sh
read -r node </proc/sys/kernel/hostname
cd 'DIR'/"$node" || exit 1
alive() { test -f pid && kill -0 "$(cat pid)" 2>/dev/null; }
case "$1" in
start)
  echo start >>history
  test -e hang-start && sleep 1000
  test -e broken && { echo "the licence has run out" >&2; exit 1; }
  alive && exit 0
  setsid sleep 100000 & echo $! >pid ;;
stop)
  echo stop >>history
  test -e hang-stop && sleep 1000
  test -e stuck && { echo "it does not let go" >&2; exit 1; }
  alive && kill -9 "$(cat pid)"
  while alive; do sleep 0.01; done
  rm -f pid ;;
status)
  test -e noisy && head -c 5000000 /dev/zero | tr '\0' x
  test -e stuck && test -f pid && exit 0
  alive && exit 0
  exit 3 ;;
esac
"#;

/// The script, with a directory per node.
struct Script {
    dir: tempfile::TempDir,
}

impl Script {
    fn new() -> Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::Builder::new().prefix("hotpair-script-").tempdir()?;
        for node in NODES {
            std::fs::create_dir(dir.path().join(node))?;
        }
        let path = dir.path().join("app");
        std::fs::write(&path, SCRIPT.replace("DIR", &dir.path().display().to_string()))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { dir })
    }

    /// The resource `app`, with further lines.
    fn toml(&self, lines: &str) -> String {
        let path = self.dir.path().join("app");
        let path = path.display();
        format!(
            "[[group.resource]]\nname = \"app\"\nkind = \"app\"\nrun = \"exec\"\nstart = \"{path} start\"\n\
             stop = \"{path} stop\"\nmonitor = \"{path} status\"\nmonitor_interval = \"200ms\"\nbackoff = \"100ms\"\n{lines}\n"
        )
    }

    fn file(&self, node: &str, name: &str) -> PathBuf {
        self.dir.path().join(node).join(name)
    }

    fn set(&self, node: &str, name: &str) -> Result<()> {
        std::fs::write(self.file(node, name), "").context("a marker")
    }

    fn unset(&self, node: &str, name: &str) -> Result<()> {
        std::fs::remove_file(self.file(node, name)).context("a marker")
    }

    fn runs(&self, pair: &Pair, node: &str) -> bool {
        let Ok(pid) = std::fs::read_to_string(self.file(node, "pid")) else { return false };
        pair.lab().node(node).and_then(|node| node.run(&["kill", "-0", pid.trim()])).is_ok()
    }
}

/// S13 G02 G10: a start that hangs is ended at its time limit and the group moves; a stop that hangs is forced, and the move
/// is complete; megabytes of output disturb nothing.
#[test]
fn hanging_starts_and_stops_do_not_hold_up_a_move() -> Result<()> {
    let script = Script::new()?;
    let lines = "start_timeout = \"1s\"\nstop_timeout = \"2s\"\nrestarts = 1";
    let group = GroupSpec::address("web", 0).resources(&script.toml(lines));
    let pair = PairBuilder::new().group(group).start()?;
    ensure!(script.runs(&pair, "alpha") && !script.runs(&pair, "beta"));

    for node in NODES {
        script.set(node, "noisy")?;
    }
    let resd = pair.lab().alpha().pid("resd")?;
    pair.assert_no_takeover(|| stays(&pair, "web", Duration::from_secs(1)))?;
    ensure!(memory_kib(resd)? < 64 << 10, "resd keeps what applications print: {} KiB", memory_kib(resd)?);
    for node in NODES {
        script.unset(node, "noisy")?;
    }

    let ((), _) = pair.never_dual("web", || {
        script.set("alpha", "hang-start")?;
        let pid = std::fs::read_to_string(script.file("alpha", "pid"))?;
        pair.lab().alpha().run(&["kill", "-9", pid.trim()])?;
        pair.wait_owner("web", "beta", LONG)?;
        ensure!(!script.runs(&pair, "alpha") && script.runs(&pair, "beta"));
        script.unset("alpha", "hang-start")?;
        pair.hotpair("alpha", &["clear", "web"])?;
        pair.wait_healthy()?;

        script.set("beta", "hang-stop")?;
        pair.hotpair("beta", &["switchover", "web", "--to", "alpha"])?;
        pair.wait_owner("web", "alpha", LONG)?;
        ensure!(script.runs(&pair, "alpha") && !script.runs(&pair, "beta"), "left running on beta");
        Ok(())
    })?;
    Ok(())
}

fn memory_kib(pid: u32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    line.split_whitespace().nth(1).context("no number")?.parse().context("VmRSS")
}

/// G03 S8 S12: a stop that cannot be confirmed is never taken for a stop: the other node does not start, the alarm says what
/// to do, and after the repair `clear` lets the move go on.
#[test]
fn a_stop_that_is_not_confirmed_holds_the_group() -> Result<()> {
    let script = Script::new()?;
    let group = GroupSpec::address("web", 0).resources(&script.toml("stop_timeout = \"1s\""));
    let pair = PairBuilder::new().group(group).start()?;
    script.set("alpha", "stuck")?;
    // It says that it did not come to its end.
    let output = pair.lab().alpha().hotpair(&["switchover", "web", "--wait=6s"])?;
    pair.wait_until("the stop has failed", LONG, || Ok(state(&pair, "alpha", "web")? == "stop_failed"))?;
    ensure!(!output.status.success(), "a switchover that did not happen was reported as done");
    pair.wait_until("alarm A203", LONG, || has_alarm(&pair, "alpha", &["A203"]))?;
    ensure!(pair.hotpair("alpha", &["status"])?.contains("app: stop failed"), "the alarm does not say why");
    ensure!(pair.hotpair("beta", &["status"])?.contains("could not be confirmed on alpha"));
    let end = clock::now() + Duration::from_secs(2);
    while clock::now() < end {
        ensure!(!script.file("beta", "history").exists(), "beta started it: {}", pair.dump());
        clock::pause(Duration::from_millis(50));
    }
    script.unset("alpha", "stuck")?;
    pair.hotpair("alpha", &["clear", "web"])?;
    pair.wait_until("web serves again", LONG, || Ok(pair.owner("web")?.is_some()))?;
    pair.wait_healthy()?;
    ensure!(script.runs(&pair, "alpha") != script.runs(&pair, "beta"));
    Ok(())
}

/// S14 D19: users of the volume are evicted, also those who ignore a polite word; then it is mounted on the other node and
/// nowhere else.
#[test]
fn users_of_the_volume_are_evicted() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::service("shop", 0)).start()?;
    let (alpha, beta) = (pair.lab().alpha(), pair.lab().beta());
    let mount = pair.group("shop")?.mount_point(pair.lab());
    let mount = mount.to_str().context("not UTF-8")?;
    let script = format!("cd {mount}; trap '' TERM HUP INT; exec 3>stubborn; while :; do sleep 1; done");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stdin(Stdio::null());
    let stubborn = alpha.spawn(&mut command)?;
    pair.wait_until("it uses the volume", LONG, || Ok(Path::new(&format!("/proc/{}/fd/3", stubborn.pid())).exists()))?;
    pair.hotpair("alpha", &["switchover", "shop"])?;
    pair.wait_owner("shop", "beta", LONG)?;
    ensure!(!stubborn.is_alive(), "a user of the volume is still there");
    let mounted = |node: &Node| -> Result<bool> { Ok(node.run(&["cat", "/proc/mounts"])?.contains(mount)) };
    ensure!(!mounted(alpha)? && mounted(beta)?);
    pair.wait_healthy()?;
    Ok(())
}

/// The counter's whole log, read through a node that has the volume mounted: no step was written twice or lost.
fn check_log(pair: &Pair, node: &Node) -> Result<()> {
    let file = pair.group("shop")?.mount_point(pair.lab()).join("counter.log");
    let text = node.run(&["cat", file.to_str().context("not UTF-8")?])?;
    // The last line may be on its way.
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let entries = writer_log::parse(whole)?;
    writer_log::verify(&entries)?;
    ensure!(!entries.is_empty(), "an empty log");
    Ok(())
}

/// S14 S22 D01: cut off from its lease on the shared disk, a node gives the volume up before the other may have it; the
/// group moves, and the volume has one writer at any time.
#[test]
fn a_node_without_its_disk_gives_the_volume_up() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::service("shop", 0)).start()?;
    let (lab, alpha, beta) = (pair.lab(), pair.lab().alpha(), pair.lab().beta());
    let lease = lab.disk("lease-shop")?;
    lease.cut("alpha")?;
    let took = pair.wait_owner("shop", "beta", LONG)?;
    println!("moved {took:?} after the lease's disk was cut off");
    let mount = pair.group("shop")?.mount_point(lab);
    let mount = mount.to_str().context("not UTF-8")?;
    ensure!(!alpha.run(&["cat", "/proc/mounts"])?.contains(mount), "still mounted on alpha");
    check_log(&pair, beta)?;
    stays(&pair, "shop", Duration::from_secs(2))?;
    lease.heal("alpha")?;
    pair.hotpair("alpha", &["clear", "shop"])?;
    pair.wait_healthy()?;
    ensure!(pair.owner("shop")?.as_deref() == Some("beta"));
    Ok(())
}

/// S14 S23: with every network between the nodes cut, the disk itself keeps the second node out while the first lives; when
/// the first is dead, its lease runs out and the volume is taken.
#[test]
fn the_disk_keeps_the_second_node_out() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::service("shop", 0)).start()?;
    let (lab, alpha, beta) = (pair.lab(), pair.lab().alpha(), pair.lab().beta());
    let mount = pair.group("shop")?.mount_point(lab);
    let mount = mount.to_str().context("not UTF-8")?;
    let mounted = |node: &Node| -> Result<bool> { Ok(node.run(&["cat", "/proc/mounts"])?.contains(mount)) };
    lab.split()?;
    pair.wait_until("beta hears nothing of alpha", LONG, || {
        let status = pair.status("beta")?;
        Ok(status["nodes"][0]["state"] != "alive")
    })?;
    let end = clock::now() + Duration::from_secs(4);
    while clock::now() < end {
        ensure!(mounted(alpha)? && !mounted(beta)?, "the volume is not on alpha alone\n{}", pair.dump());
        clock::pause(Duration::from_millis(50));
    }
    alpha.power_off()?;
    // Refused by the disk while alpha lived, beta has not given up: nobody has to tell it to try again.
    pair.wait_owner("shop", "beta", LONG)?;
    ensure!(mounted(beta)?);
    check_log(&pair, beta)?;
    Ok(())
}
