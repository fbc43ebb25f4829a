//! Fencing with agents that are real programs: shell scripts with a state file instead of a power supply, and Debian's
//! `fence_dummy` where it is installed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::agent::Agent as _;
use super::*;

const LIMIT: Duration = Duration::from_secs(20);

/// A directory with a scripted agent and what it did.
struct Bench {
    dir: tempfile::TempDir,
}

/// `$1`-free: everything comes on standard input. `power` holds the state; `log` every action; files change its manners.
const AGENT: &str = r#"#!/bin/sh
cd "DIR" || exit 1
now=now.$$
tee -a stdin >$now
action=$(sed -n 's/^action=//p' $now)
plug=$(sed -n 's/^plug=//p' $now)
echo "$plug $action" >>log
test -e "hang-$action$plug" && sleep 1000 & test -e "hang-$action$plug" && wait
test -e "flood-$action" && head -c 3000000 /dev/zero | tr '\0' x
if test -e "fail-$action$plug"; then
  left=$(cat "fail-$action$plug")
  if test "$left" != 0; then
    echo $((left - 1)) >"fail-$action$plug"
    echo "login failed with password $(sed -n 's/^passwd=//p' $now)" >&2
    exit 1
  fi
fi
case "$action" in
off) test -e lie || echo off >power ;;
on) echo on >power ;;
status) grep -q off power && exit 2; grep -q on power && exit 0; exit 1 ;;
monitor) exit 0 ;;
metadata) echo '<resource-agent name="x"><parameters><parameter name="plug" required="0"/><parameter name="passwd"/></parameters><actions><action name="on"/><action name="off"/><action name="status"/></actions></resource-agent>' ;;
esac
exit 0
"#;

impl Bench {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("hotpair-fence-").tempdir().unwrap();
        let bench = Self { dir };
        bench.write("agent", &AGENT.replace("DIR", &bench.dir.path().display().to_string()));
        std::fs::set_permissions(bench.file("agent"), std::fs::Permissions::from_mode(0o755)).unwrap();
        bench.write("power", "on");
        bench
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// How often the agent was asked for `action`.
    fn count(&self, action: &str) -> usize {
        self.read("log").lines().filter(|l| l.ends_with(&format!(" {action}"))).count()
    }

    fn program(&self, plug: &str) -> Executable {
        let mark = format!("fence-test-{}-{}", std::process::id(), self.dir.path().display());
        let parameters = BTreeMap::from([("plug".to_string(), plug.to_string())]);
        Executable::new(self.file("agent").to_str().unwrap(), parameters, BTreeMap::new(), mark)
    }

    fn device(&self, plug: &str, level: u32) -> Device {
        Device {
            name: format!("dev{plug}"),
            level,
            power_on: false,
            timeout: Duration::from_secs(5),
            attempts: 1,
            agent: Arc::new(self.program(plug)),
        }
    }

    fn fencer(&self, devices: Vec<Device>) -> Fencer {
        let devices = devices.into_iter().map(|d| (d, None)).collect();
        let settings = Settings {
            node: NodeId::FIRST,
            boot: BootId([1; 16]),
            devices,
            monitor_interval: Duration::from_secs(3600),
        };
        Fencer::start(settings, self.dir.path())
    }
}

fn order(number: u64) -> FenceOrder {
    FenceOrder { number, peer: NodeId::SECOND, peer_boot: None }
}

async fn result(fencer: &Fencer, number: u64) -> FenceState {
    let mut status = fencer.status();
    let done = status.wait_for(|s| {
        let report = s.report.as_ref().filter(|r| r.number == number);
        report.is_some_and(|r| !matches!(r.state, FenceState::Running { .. }))
    });
    tokio::select! {
        found = done => found.unwrap().report.clone().unwrap().state,
        () = passed(clock::now().after(LIMIT)) => panic!("no result within {LIMIT:?}"),
    }
}

async fn shot(devices: &[Device]) -> Verdict {
    shoot::shoot(devices, &|| true, &|_| {}).await
}

fn confirmed(name: &str) -> FenceState {
    FenceState::Confirmed { device: name.to_string() }
}

/// F02 A6: off is confirmed by a second read; a device that lies or that cannot be read afterwards has not confirmed.
#[tokio::test]
async fn only_a_second_read_confirms() {
    let bench = Bench::new();
    assert_eq!(shot(&[bench.device("1", 1)]).await, Verdict::Confirmed("dev1".into()));
    assert_eq!(bench.read("log"), "1 off\n1 status\n");
    bench.write("power", "on");
    bench.write("lie", "");
    let Verdict::Failed(why) = shot(&[bench.device("1", 1)]).await else { panic!("a lie was believed") };
    assert!(why.contains("still says on"), "{why}");
    bench.write("power", "upside down");
    let Verdict::Failed(why) = shot(&[bench.device("1", 1)]).await else { panic!("garbage was believed") };
    assert!(why.contains("not confirmed"), "{why}");
}

/// F01: attempts, then the next level; all devices of one level have to confirm.
#[tokio::test]
async fn attempts_and_levels_are_tried_in_order() {
    let bench = Bench::new();
    bench.write("fail-off1", "1");
    let twice = Device { attempts: 2, ..bench.device("1", 1) };
    assert_eq!(shot(&[twice]).await, Verdict::Confirmed("dev1".into()));
    assert_eq!(bench.count("off"), 2);

    bench.write("fail-off1", "99");
    let levels = [bench.device("2", 2), bench.device("1", 1)];
    assert_eq!(shot(&levels).await, Verdict::Confirmed("dev2".into()));
    assert!(bench.read("log").ends_with("1 off\n2 off\n2 status\n"), "{}", bench.read("log"));

    let supplies = [bench.device("1", 1), bench.device("2", 1)];
    let Verdict::Failed(why) = shot(&supplies).await else { panic!("one of two power supplies is not enough") };
    assert!(why.contains("dev1"), "{why}");
    bench.write("fail-off1", "0");
    assert_eq!(shot(&supplies).await, Verdict::Confirmed("dev1 + dev2".into()));
}

/// F03 T10: an agent that hangs is killed with everything it started; megabytes of output do no harm.
#[tokio::test]
async fn a_hanging_agent_is_killed_and_output_is_capped() {
    let bench = Bench::new();
    bench.write("hang-off1", "");
    let device = Device { timeout: Duration::from_millis(300), ..bench.device("1", 1) };
    let Verdict::Failed(why) = shot(&[device]).await else { panic!("a hang is no confirmation") };
    assert!(why.contains("took longer than 300 ms"), "{why}");
    let mark = format!("fence-test-{}-{}", std::process::id(), bench.dir.path().display());
    assert!(!crate::act::exec::any_marked(&mark).await, "something of the agent is left");
    std::fs::remove_file(bench.file("hang-off1")).unwrap();
    bench.write("flood-off", "");
    let verdict = shot(&[bench.device("1", 1)]).await;
    assert!(matches!(&verdict, Verdict::Confirmed(_)) || matches!(&verdict, Verdict::Failed(why) if why.len() < 2000));
}

/// T16: secrets come from files that only root may read, appear on standard input alone, and are struck out of errors.
#[tokio::test]
async fn secrets_stay_secret() {
    let bench = Bench::new();
    bench.write("secret", "hunter2-long\n");
    std::fs::set_permissions(bench.file("secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
    bench.write("fail-monitor", "99");
    let secrets = BTreeMap::from([("passwd".to_string(), bench.file("secret"))]);
    let agent = bench.file("agent");
    let program = Executable::new(agent.to_str().unwrap(), BTreeMap::new(), secrets, "t".into());
    let Answer::Code { code: 1, output } = program.run(Verb::Monitor, LIMIT, &CancellationToken::new()).await else {
        panic!("it fails by its exit code")
    };
    assert!(output.contains("password ***") && !output.contains("hunter2"), "{output}");
    assert!(bench.read("stdin").contains("passwd=hunter2-long\n"), "{}", bench.read("stdin"));
    std::fs::set_permissions(bench.file("secret"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = program.run(Verb::Monitor, LIMIT, &CancellationToken::new()).await;
    assert!(matches!(&refused, Answer::Failed(why) if why.contains("chmod 600")), "{refused:?}");
    std::fs::set_permissions(bench.file("secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
    bench.write("secret", "one\naction=off\n");
    let refused = program.run(Verb::Monitor, LIMIT, &CancellationToken::new()).await;
    assert!(matches!(&refused, Answer::Failed(why) if why.contains("more than one line")), "{refused:?}");
}

/// T10: a program that others than root could replace is not run, nor one that is not there.
#[tokio::test]
async fn only_roots_programs_run() {
    let bench = Bench::new();
    std::fs::set_permissions(bench.file("agent"), std::fs::Permissions::from_mode(0o775)).unwrap();
    let refused = bench.program("1").run(Verb::Off, LIMIT, &CancellationToken::new()).await;
    assert!(matches!(&refused, Answer::Failed(why) if why.contains("could change it")), "{refused:?}");
    assert_eq!(bench.read("log"), "", "it was run");
    let missing = Executable::new("fence_no_such_agent", BTreeMap::new(), BTreeMap::new(), "t".into());
    let refused = missing.run(Verb::Off, LIMIT, &CancellationToken::new()).await;
    assert!(matches!(&refused, Answer::Failed(why) if why.contains("install the package")), "{refused:?}");
}

/// One order is carried out once, however often it is given and however often resd starts; another number is another order.
#[tokio::test]
async fn an_order_is_carried_out_once() {
    let bench = Bench::new();
    let fencer = bench.fencer(vec![bench.device("1", 1)]);
    fencer.want(Some(order(7)));
    assert_eq!(result(&fencer, 7).await, confirmed("dev1"));
    fencer.want(None);
    fencer.status().wait_for(|s| s.report.is_none()).await.unwrap();
    fencer.want(Some(order(7)));
    assert_eq!(result(&fencer, 7).await, confirmed("dev1"));
    drop(fencer);
    let again = bench.fencer(vec![bench.device("1", 1)]);
    again.want(Some(order(7)));
    assert_eq!(result(&again, 7).await, confirmed("dev1"));
    assert_eq!(bench.count("off"), 1);
    again.want(Some(order(8)));
    assert_eq!(result(&again, 8).await, confirmed("dev1"));
    assert_eq!(bench.count("off"), 2);
}

/// A restart of resd in the middle of a shot carries the order out again, to the same end.
#[tokio::test]
async fn a_restart_in_the_middle_repeats() {
    let bench = Bench::new();
    bench.write("hang-off1", "");
    let first = bench.fencer(vec![bench.device("1", 1)]);
    first.want(Some(order(3)));
    let deadline = clock::now().after(LIMIT);
    while bench.count("off") == 0 {
        assert!(clock::now() < deadline);
        passed(clock::now().after(Duration::from_millis(5))).await;
    }
    drop(first);
    std::fs::remove_file(bench.file("hang-off1")).unwrap();
    let second = bench.fencer(vec![bench.device("1", 1)]);
    second.want(Some(order(3)));
    assert_eq!(result(&second, 3).await, confirmed("dev1"));
    // The agent of the first run outlived it, as a program does that resd's death leaves behind.
    let mark = format!("fence-test-{}-{}", std::process::id(), bench.dir.path().display());
    assert!(crate::act::exec::kill_marked(&mark, LIMIT).await);
}

/// An order that is withdrawn after the shot is finished, but nothing more is begun for it.
#[tokio::test]
async fn a_withdrawn_order_begins_nothing_more() {
    let bench = Bench::new();
    bench.write("fail-off1", "99");
    let device = Device { attempts: 1000, ..bench.device("1", 1) };
    let fencer = bench.fencer(vec![device, bench.device("2", 2)]);
    fencer.want(Some(order(1)));
    let deadline = clock::now().after(LIMIT);
    while bench.count("off") == 0 {
        assert!(clock::now() < deadline);
        passed(clock::now().after(Duration::from_millis(5))).await;
    }
    fencer.want(None);
    fencer.status().wait_for(|s| s.report.is_none()).await.unwrap();
    assert!(bench.count("off") <= 2 && !bench.read("log").contains("2 off"), "{}", bench.read("log"));
}

/// `reboot`: confirmed by off, then switched on again; nobody waits for that.
#[tokio::test]
async fn a_reboot_is_off_confirmed_then_on() {
    let bench = Bench::new();
    let fencer = bench.fencer(vec![Device { power_on: true, ..bench.device("1", 1) }]);
    fencer.want(Some(order(1)));
    assert_eq!(result(&fencer, 1).await, confirmed("dev1"));
    let deadline = clock::now().after(LIMIT);
    while bench.read("power").trim() != "on" {
        assert!(clock::now() < deadline);
        passed(clock::now().after(Duration::from_millis(5))).await;
    }
    assert!(bench.read("log").replace("1 monitor\n", "").ends_with("1 off\n1 status\n1 on\n"), "{}", bench.read("log"));
}

/// S12: a node never shoots itself; a node without a device says so.
#[tokio::test]
async fn impossible_orders_fail_with_their_reason() {
    let bench = Bench::new();
    let fencer = bench.fencer(vec![bench.device("1", 1)]);
    fencer.want(Some(FenceOrder { peer: NodeId::FIRST, ..order(1) }));
    assert!(matches!(result(&fencer, 1).await, FenceState::Failed { reason } if reason.contains("itself")));
    assert_eq!(bench.count("off"), 0);
    let none = Bench::new();
    let fencer = none.fencer(Vec::new());
    fencer.want(Some(order(1)));
    assert!(matches!(result(&fencer, 1).await, FenceState::Failed { reason } if reason.contains("no fence device")));
}

async fn health(fencer: &Fencer) -> FenceHealth {
    let mut status = fencer.status();
    let known = status.wait_for(|s| s.health != FenceHealth::Unknown);
    tokio::select! {
        found = known => found.unwrap().health.clone(),
        () = passed(clock::now().after(LIMIT)) => panic!("the devices were not asked within {LIMIT:?}"),
    }
}

/// F05: the devices are asked from the start on; one whole level that answers is ready, a wrong parameter or password is
/// said with the device's name.
#[tokio::test]
async fn devices_are_monitored_before_they_are_needed() {
    let bench = Bench::new();
    assert_eq!(health(&bench.fencer(vec![bench.device("1", 1)])).await, FenceHealth::Ready);
    bench.write("fail-monitor1", "99");
    let FenceHealth::Broken { reason } = health(&bench.fencer(vec![bench.device("1", 1)])).await else { panic!() };
    assert!(reason.contains("dev1") && reason.contains("login failed"), "{reason}");
    let two = bench.fencer(vec![bench.device("1", 1), bench.device("2", 2)]);
    let mut status = two.status();
    status.wait_for(|s| s.health == FenceHealth::Ready).await.unwrap();

    let parameters = BTreeMap::from([("plugg".to_string(), "1".to_string())]);
    let wrong = Executable::new(bench.file("agent").to_str().unwrap(), parameters, BTreeMap::new(), "t".into());
    let device = Device { agent: Arc::new(wrong.clone()), ..bench.device("3", 1) };
    let settings = Settings {
        node: NodeId::FIRST,
        boot: BootId([1; 16]),
        devices: vec![(device, Some(wrong))],
        monitor_interval: Duration::from_secs(3600),
    };
    let FenceHealth::Broken { reason } = health(&Fencer::start(settings, bench.dir.path())).await else { panic!() };
    assert!(reason.contains("`plugg`") && reason.contains("`plug`"), "{reason}");
}

/// A real agent of the package, by the same way: fence_dummy, whose power supply is a file.
#[tokio::test]
async fn the_packages_own_agent_works() {
    let agent = Path::new("/usr/sbin/fence_dummy");
    assert!(agent.exists(), "install the package fence-agents (deploy/deps.sh does)");
    let bench = Bench::new();
    let state = bench.file("dummy").display().to_string();
    let parameters = BTreeMap::from([("status_file".to_string(), state)]);
    let program = Executable::new("fence_dummy", parameters, BTreeMap::new(), "t".into());
    let device = Device { agent: Arc::new(program.clone()), power_on: true, ..bench.device("1", 1) };
    bench.write("dummy", "on");
    let settings = Settings {
        node: NodeId::FIRST,
        boot: BootId([1; 16]),
        devices: vec![(Device { timeout: LIMIT, ..device.clone() }, Some(program))],
        monitor_interval: Duration::from_secs(3600),
    };
    let fencer = Fencer::start(settings, bench.dir.path());
    assert_eq!(health(&fencer).await, FenceHealth::Ready);
    fencer.want(Some(order(1)));
    assert_eq!(result(&fencer, 1).await, confirmed("dev1"));
    let deadline = clock::now().after(LIMIT);
    while bench.read("dummy") != "on" {
        assert!(clock::now() < deadline, "it was not switched on again: {}", bench.read("dummy"));
        passed(clock::now().after(Duration::from_millis(5))).await;
    }
}
