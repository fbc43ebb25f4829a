//! Programs by own scripts and by an OCF agent: started, watched, repaired, given up, left alone by the end of resd.

use crate::common::{Node, within};
use hotpair_proto::resource::v1 as api;

const GROUP: &str = r#"
[[group]]
name = "g"
[[group.resource]]
name = "app"
kind = "app"
run = "exec"
start = "@DIR@/app start"
stop = "@DIR@/app stop"
monitor = "@DIR@/app status"
monitor_interval = "100ms"
restarts = 2
backoff = "50ms"
stop_timeout = "3s"
[group.resource.environment]
TEST_DIR = "@DIR@"
"#;

/// A program with a pid file, in the manner of an init script. `broken` makes starts fail, `deaf` stops hang.
const SCRIPT: &str = r#"#!/bin/sh
cd @DIR@
alive() { test -f pid && kill -0 "$(cat pid)" 2>/dev/null; }
case "$1" in
start)
  alive && exit 0
  test -e broken && { echo "the disk is full" >&2; exit 1; }
  setsid sleep 100000 & echo $! > pid
  echo started >> history ;;
stop)
  test -e deaf && sleep 1000
  alive && kill -9 "$(cat pid)"
  while alive; do sleep 0.01; done
  rm -f pid; echo stopped >> history ;;
status) alive && exit 0; exit 3 ;;
esac
"#;

fn node() -> Node {
    let node = Node::new("alpha", GROUP);
    node.script("app", SCRIPT);
    node
}

fn pid(node: &Node) -> String {
    std::fs::read_to_string(node.path("pid")).unwrap_or_default().trim().to_string()
}

fn alive(pid: &str) -> bool {
    !pid.is_empty() && std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.contains(") Z "))
}

fn kill(node: &Node) {
    let pid = rustix::process::Pid::from_raw(pid(node).parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// S19 S12 G07: a killed program is restarted on the spot; when restarts are used up the group is down and says why.
#[tokio::test]
async fn killed_is_repaired_and_broken_is_given_up() {
    let mut node = node();
    node.start().await;
    node.up().await;
    let first = pid(&node);
    assert!(alive(&first));
    kill(&node);
    node.until("repair", |g| g.resources[0].repairs == 1 && g.state() == api::GroupState::Running).await;
    assert!(alive(&pid(&node)) && pid(&node) != first);
    std::fs::write(node.path("broken"), "").unwrap();
    kill(&node);
    let group = node.until_state(api::GroupState::Failed).await;
    let failure = group.failure.unwrap();
    assert!(failure.text.contains("the disk is full"), "{failure:?}");
    assert_eq!(failure.scope(), api::FailureScope::Resource);
    let group = node.until("everything down", |g| !g.serving).await;
    assert_eq!(group.state(), api::GroupState::Failed);
    // Repaired by a person, cleared: a new try.
    std::fs::remove_file(node.path("broken")).unwrap();
    node.order_with(api::Desired::Started, |g| g.clear = 1).await;
    node.until_state(api::GroupState::Running).await;
    node.down().await;
    assert!(pid(&node).is_empty());
}

/// B6: neither kill -9 nor SIGTERM of resd touches the program; the next run adopts it.
#[tokio::test]
async fn the_end_of_resd_leaves_the_program() {
    let mut node = node();
    node.start().await;
    node.up().await;
    let before = pid(&node);
    for round in 0..2 {
        if round == 0 {
            node.kill()
        } else {
            node.terminate()
        }
        assert!(alive(&before));
        node.start().await;
        let group = node.until_state(api::GroupState::Running).await;
        assert_eq!((pid(&node), group.resources[0].repairs), (before.clone(), 0));
    }
    assert_eq!(std::fs::read_to_string(node.path("history")).unwrap(), "started\n");
    // SIGHUP with a good configuration starts anew in place, and adopts as well.
    let old = node.view().await.incarnation;
    let resd = rustix::process::Pid::from_raw(i32::try_from(node.resd.as_ref().unwrap().id()).unwrap()).unwrap();
    rustix::process::kill_process(resd, rustix::process::Signal::HUP).unwrap();
    let mut client = node.client();
    within("a new run", async || {
        let answer = client.get_observed(api::GetObservedRequest {}).await.ok()?.into_inner().view?;
        (answer.incarnation != old && answer.groups[0].state() == api::GroupState::Running).then_some(())
    })
    .await;
    assert_eq!(pid(&node), before);
}

/// G03: a stop that hangs is followed by force; the processes are found by their mark although they left the group.
#[tokio::test]
async fn a_hanging_stop_is_forced() {
    let mut node = node();
    node.start().await;
    node.up().await;
    std::fs::write(node.path("deaf"), "").unwrap();
    let victim = pid(&node);
    node.down().await;
    assert!(!alive(&victim));
}

/// G08: found running on a node that is ordered to stop it: stopped; without any order: left alone.
#[tokio::test]
async fn what_runs_without_order_is_left_until_ordered() {
    let mut node = node();
    let (ok, _) = node.space.try_sh(&format!("TEST_DIR={0} {0}/app start >/dev/null 2>&1", node.dir.path().display()));
    assert!(ok);
    node.start().await;
    let group = node.until_state(api::GroupState::Running).await;
    assert!(group.serving && alive(&pid(&node)));
    node.down().await;
    assert!(pid(&node).is_empty());
}

/// Maintenance: seen, not repaired.
#[tokio::test]
async fn unmanaged_is_only_watched() {
    let mut node = node();
    node.start().await;
    node.up().await;
    node.order(api::Desired::Unmanaged).await;
    kill(&node);
    node.until_state(api::GroupState::Stopped).await;
    assert_eq!(node.group().await.resources[0].repairs, 0);
    node.order(api::Desired::Started).await;
    node.until_state(api::GroupState::Running).await;
}

/// A program that is missing is this node's lack: a readiness issue, and no second try.
#[tokio::test]
async fn a_missing_program_is_a_readiness_issue() {
    let mut node = Node::new("alpha", GROUP);
    node.start().await;
    let group = node.until("readiness", |g| g.readiness_known).await;
    assert_eq!(group.not_ready[0].scope(), api::FailureScope::Node);
    assert!(group.not_ready[0].text.contains("not there"), "{group:?}");
    node.order(api::Desired::Started).await;
    let group = node.until_state(api::GroupState::Failed).await;
    assert_eq!(group.failure.unwrap().scope(), api::FailureScope::Node);
}

/// A damaged target file is said and no target; nothing is touched.
#[tokio::test]
async fn a_damaged_state_file_is_no_order() {
    let mut node = node();
    node.start().await;
    node.up().await;
    let before = pid(&node);
    node.kill();
    for damage in ["", "{\"format\":1}", "\u{0}"] {
        std::fs::write(node.path("state/target.json"), damage).unwrap();
        node.start().await;
        node.until_state(api::GroupState::Running).await;
        assert_eq!((node.view().await.generation, pid(&node)), (None, before.clone()));
        node.kill();
    }
    node.start().await;
    node.generation = 20;
    node.down().await;
}

/// A bad configuration ends with 64 before anything is opened.
#[test]
fn a_bad_configuration_is_64() {
    let node = Node::new("alpha", "[[group]]\nnam = \"g\"\n");
    for check in [true, false] {
        let mut command = node.space.command(env!("CARGO_BIN_EXE_resd"));
        command.args(["--config", node.path("hotpair.toml").to_str().unwrap(), "--node", "alpha"]);
        command.args([
            "--run-dir",
            node.path("run").to_str().unwrap(),
            "--state-dir",
            node.path("state").to_str().unwrap(),
        ]);
        if check {
            command.arg("--check");
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        assert!(String::from_utf8_lossy(&output.stderr).contains("nam"));
        assert!(!node.path("run").exists() && !node.path("state").exists());
    }
}

const AGENT_GROUP: &str = r#"
[[group]]
name = "g"
[[group.resource]]
name = "db"
kind = "app"
run = "ocf"
agent = "hotpair:Test"
monitor_interval = "100ms"
[group.resource.parameters]
state = "@DIR@/ocf-state"
[group.resource.environment]
TEST_DIR = "@DIR@"
"#;

const AGENT: &str = r#"#!/bin/sh
: "${OCF_RESKEY_unset=default}"
test "$OCF_RESKEY_unset" = default || exit 2
test -n "$OCF_ROOT" && test -n "$OCF_RESOURCE_INSTANCE" || exit 2
case "$1" in
start) test -e @DIR@/broken && { echo "noise"; echo "ocf-exit-reason:no such tablespace" >&2; exit 1; }
  echo "$OCF_RESOURCE_INSTANCE" > "$OCF_RESKEY_state" ;;
stop) rm -f "$OCF_RESKEY_state" ;;
monitor) test -f "$OCF_RESKEY_state" || exit 7 ;;
*) exit 3 ;;
esac
"#;

/// B9 S18: an OCF agent with its environment, codes and reasons.
#[tokio::test]
async fn an_ocf_agent_is_driven() {
    let mut node = Node::new("alpha", AGENT_GROUP);
    std::fs::create_dir_all(node.path("ocf/resource.d/hotpair")).unwrap();
    node.script("ocf/resource.d/hotpair/Test", AGENT);
    let root = node.path("ocf").display().to_string();
    node.start_with(&[("OCF_ROOT", root.as_str())]).await;
    node.up().await;
    assert_eq!(std::fs::read_to_string(node.path("ocf-state")).unwrap(), "g.db\n");
    std::fs::remove_file(node.path("ocf-state")).unwrap();
    node.until("repair", |g| g.resources[0].repairs == 1 && g.state() == api::GroupState::Running).await;
    std::fs::write(node.path("broken"), "").unwrap();
    std::fs::remove_file(node.path("ocf-state")).unwrap();
    node.until("the agent's reason", |g| g.resources[0].last_error.contains("no such tablespace")).await;
    std::fs::remove_file(node.path("broken")).unwrap();
    node.order_with(api::Desired::Started, |g| g.clear = 1).await;
    node.until_state(api::GroupState::Running).await;
    node.down().await;
    assert!(!node.path("ocf-state").exists());
}
