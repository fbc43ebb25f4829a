//! The real program, alone on a machine: start, end, API, bad state, bad configuration. Whole pairs are tested elsewhere.
//!
//! Needs root (a network namespace of the test's own).

mod net;

use arbiter_core::Arbiter;
use hotpair_ipc::client::connect;
use hotpair_ipc::errors::{explain_status, reason_of};
use hotpair_proto::arbiter::v1 as pb;
use hotpair_proto::arbiter::v1::arbiter_service_client::ArbiterServiceClient;
use hotpair_replay::{Core, Seen, replay};
use hotpair_runtime::recorder::{RecordReader, segments};
use net::Net;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tonic::Code;
use tonic::transport::Channel;

const PATIENCE: Duration = Duration::from_secs(30);
const KEY: &str = "5d0b1f7e93c24a68b7e1f05c2d9a8346e4c1b8f2706d5a93184ecf2b6a70d9e3\n";
const CONFIG: &str = r#"
[pair]
name = "t"
key_file = "key"
[[node]]
name = "alpha"
[[node]]
name = "beta"
[[udp]]
name = "lan"
[udp.node.alpha]
interface = "lan"
address = "10.77.0.1"
[udp.node.beta]
interface = "lan"
address = "10.77.0.2"
[[group]]
name = "web"
[[group.resource]]
name = "vip"
kind = "ip"
address = "10.77.0.100/24"
interface = "lan"
"#;

/// A directory with everything, and a network without anything.
struct Machine {
    net: Net,
    directory: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("pair.toml"), CONFIG).unwrap();
        let key = directory.path().join("key");
        fs::write(&key, KEY).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        Self { net: Net::new(), directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arbiterd"));
        command.arg("--config").arg(self.path("pair.toml")).args(["--node", "alpha", "--log-format", "json"]);
        command.arg("--run-dir").arg(self.path("run")).arg("--state-dir").arg(self.path("state"));
        command.env("HOTPAIR_BOOT_ID", "0123456789abcdef0123456789abcdef").stderr(Stdio::null());
        command
    }

    fn start(&self) -> Daemon {
        Daemon { child: self.net.enter(|| self.command().spawn()).unwrap(), socket: self.path("run/arbiterd.sock") }
    }
}

struct Daemon {
    child: Child,
    socket: PathBuf,
}

impl Daemon {
    async fn client(&mut self) -> ArbiterServiceClient<Channel> {
        let connecting = async {
            loop {
                match connect(&self.socket).await {
                    Ok(channel) => return ArbiterServiceClient::new(channel),
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, connecting).await.expect("arbiterd serves")
    }

    /// SIGTERM; how long it took to end.
    async fn stop(mut self) -> Duration {
        let asked = hotpair_runtime::clock::now();
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGTERM).unwrap();
        let ending = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    assert!(status.success(), "{status}");
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ending).await.expect("arbiterd ends");
        hotpair_runtime::clock::now().since(asked)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

type Client = ArbiterServiceClient<Channel>;

async fn status(client: &mut Client) -> pb::Status {
    client.get_status(pb::GetStatusRequest {}).await.unwrap().into_inner().status.unwrap()
}

async fn events(client: &mut Client) -> Vec<pb::Event> {
    client.list_events(pb::ListEventsRequest::default()).await.unwrap().into_inner().events
}

/// A bad configuration ends it with 64 before anything is opened, with `--check` and without.
#[test]
fn a_bad_configuration_opens_nothing() {
    let machine = Machine::new();
    assert_eq!(machine.command().arg("--check").status().unwrap().code(), Some(0));
    assert!(!machine.path("run").exists() && !machine.path("state").exists());
    fs::write(machine.path("pair.toml"), CONFIG.replace("10.77.0.2", "10.77.0.1")).unwrap();
    assert_eq!(machine.command().arg("--check").status().unwrap().code(), Some(64));
    assert_eq!(machine.command().status().unwrap().code(), Some(64));
    assert!(!machine.path("run").exists() && !machine.path("state").exists());
}

/// B6: without hbd and resd everything is unknown, nothing is decided, and the API says so. SIGTERM ends it at once, also
/// with open watches.
#[tokio::test]
async fn alone_it_knows_nothing_decides_nothing_and_says_so() {
    let machine = Machine::new();
    let mut daemon = machine.start();
    let mut client = daemon.client().await;
    let now = status(&mut client).await;
    assert_eq!((now.pair.as_str(), now.nodes.len(), now.groups.len()), ("t", 2, 1));
    assert_eq!(now.nodes[1].state(), pb::NodeState::Unknown);
    assert_eq!((now.groups[0].name.as_str(), now.groups[0].rule.as_str()), ("web", "R100"));
    assert_eq!(now.groups[0].guarantee, "evidence");
    assert!(!now.groups[0].promise.is_empty() && now.detection_ns > 0);
    assert_eq!(now.process.unwrap().boot_id, "0123456789abcdef0123456789abcdef");
    let mut states = client.watch_status(pb::WatchStatusRequest {}).await.unwrap().into_inner();
    assert!(states.message().await.unwrap().unwrap().status.is_some());
    let from_start = pb::WatchEventsRequest { after_id: Some(0) };
    let mut watched = client.watch_events(from_start).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap().event.unwrap();
    assert_eq!((first.id, first.message_id.as_str(), first.node.as_str()), (1, "E001", "alpha"));
    let took = daemon.stop().await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    let end = loop {
        match states.message().await {
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(status) => break Some(status.code()),
        }
    };
    assert_eq!(end, Some(Code::Unavailable));
}

/// B8: every order names what is wrong with it and what would be right.
#[tokio::test]
async fn bad_orders_are_refused_with_reason_and_remedy() {
    let machine = Machine::new();
    let mut daemon = machine.start();
    let mut client = daemon.client().await;
    let wrong = pb::SwitchoverRequest { group: "mail".to_owned(), ..Default::default() };
    let refused = client.switchover(wrong).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::NotFound, Some("NO_SUCH_GROUP")));
    assert!(explain_status(&refused).contains("web"), "{}", explain_status(&refused));
    let wrong = pb::SwitchoverRequest { group: "web".to_owned(), to: "gamma".to_owned(), dry_run: true };
    let refused = client.switchover(wrong).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("NO_SUCH_NODE"));
    assert!(explain_status(&refused).contains("alpha, beta"));
    let wrong = pb::SwitchoverRequest { group: "web".to_owned(), ..Default::default() };
    let refused = client.switchover(wrong).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::FailedPrecondition, Some("ORDER_REFUSED")));
    let refused = client.set_node_mode(pb::SetNodeModeRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let forever = pb::SetFreezeRequest { for_ms: 31 * 86_400_000, ..Default::default() };
    let refused = client.set_freeze(forever).await.unwrap_err();
    assert!(explain_status(&refused).contains("30 days"), "{}", explain_status(&refused));
    let refused = client.vouch_peer_off(pb::VouchPeerOffRequest::default()).await.unwrap_err();
    let text = explain_status(&refused);
    assert!(text.contains("beta") && text.contains("reason"), "{text}");
    let nothing = pb::ExplainRequest { what: Some(pb::explain_request::What::EventId(u64::MAX)) };
    assert_eq!(client.explain(nothing).await.unwrap_err().code(), Code::NotFound);
}

/// FAULTS O03: settings are durable, end by themselves, and are told with who set them. Dry runs change nothing.
#[tokio::test]
async fn a_freeze_survives_a_restart_and_a_dry_run_changes_nothing() {
    let machine = Machine::new();
    let mut daemon = machine.start();
    let mut client = daemon.client().await;
    let freeze = |dry_run| pb::SetFreezeRequest { group: "web".to_owned(), for_ms: 600_000, dry_run };
    let plan = client.set_freeze(freeze(true)).await.unwrap().into_inner().plan;
    assert!(!plan.is_empty());
    assert_eq!(status(&mut client).await.groups[0].frozen_left_ms, None);
    client.set_freeze(freeze(false)).await.unwrap();
    let left = status(&mut client).await.groups[0].frozen_left_ms.unwrap();
    assert!((590_000..=600_000).contains(&left), "{left}");
    let waiting = async {
        let frozen = |text: String| text.contains("\"frozen\":") && !text.contains("\"frozen\": null");
        while !frozen(fs::read_to_string(machine.path("state/arbiterd.state")).unwrap_or_default()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the freeze becomes durable");
    // The history is written beside the loop, which never waits for it: a kill before that would lose the line.
    let told = async {
        while !events(&mut client).await.iter().any(|e| e.parameters.get("by").is_some_and(|by| by == "root")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("the freeze is in the history");
    drop(daemon);
    let mut daemon = machine.start();
    let mut client = daemon.client().await;
    let left = status(&mut client).await.groups[0].frozen_left_ms.unwrap();
    assert!((500_000..600_000).contains(&left), "{left}");
    assert!(events(&mut client).await.iter().any(|e| e.parameters.get("by").is_some_and(|by| by == "root")));
    let why = pb::ExplainRequest { what: Some(pb::explain_request::What::WhyNotGroup("web".to_owned())) };
    let story = client.explain(why).await.unwrap().into_inner();
    let text: Vec<&str> = story.lines.iter().map(|line| line.text.as_str()).collect();
    assert!(text.iter().any(|line| line.contains("rule R100")), "{text:#?}");
    assert!(text.iter().any(|line| line.contains("frozen for")), "{text:#?}");
    let last = client.explain(pb::ExplainRequest::default()).await.unwrap().into_inner();
    assert!(!last.headline.is_empty() && last.lines.iter().any(|l| l.offset_ms == 0 && l.event_id != 0), "{last:#?}");
    let rules = client.list_rules(pb::ListRulesRequest {}).await.unwrap().into_inner().rules;
    assert_eq!(rules.last().unwrap().id, "R999");
}

/// FAULTS D09: an empty state file is no first start: the node says so, and starts nothing alone, also after a restart.
#[tokio::test]
async fn an_empty_state_file_is_said_and_remembered() {
    let machine = Machine::new();
    fs::create_dir(machine.path("state")).unwrap();
    fs::write(machine.path("state/arbiterd.state"), "").unwrap();
    let mut daemon = machine.start();
    let mut client = daemon.client().await;
    let found = events(&mut client).await;
    let told = found.iter().find(|e| e.message_id == "E160").unwrap_or_else(|| panic!("{found:#?}"));
    assert_eq!(told.severity(), pb::Severity::Critical);
    assert!(told.text.contains("is empty"), "{}", told.text);
    let waiting = async {
        let incomplete = |path: &Path| fs::read_to_string(path).unwrap_or_default().contains("\"incomplete\": true");
        while !incomplete(&machine.path("state/arbiterd.state")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the loss is remembered");
}

/// FAULTS O05: a bad configuration at SIGHUP changes nothing; a good one is taken.
#[tokio::test]
async fn a_bad_reload_changes_nothing() {
    let machine = Machine::new();
    let mut daemon = machine.start();
    let mut client = daemon.client().await;
    let hangup =
        |daemon: &Daemon| kill(Pid::from_raw(i32::try_from(daemon.child.id()).unwrap()), Signal::SIGHUP).unwrap();
    let before = status(&mut client).await.process.unwrap().config_digest;
    let mut watched = client.watch_events(pb::WatchEventsRequest { after_id: None }).await.unwrap().into_inner();
    let mut next = async |id: &str| {
        let waiting = async {
            loop {
                let event = watched.message().await.unwrap().unwrap().event.unwrap();
                if event.message_id == id {
                    return event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{id} happens"))
    };
    fs::write(machine.path("pair.toml"), "[pair\n").unwrap();
    hangup(&daemon);
    next("E151").await;
    assert_eq!(status(&mut client).await.process.unwrap().config_digest, before);
    fs::write(machine.path("pair.toml"), format!("{CONFIG}\n[boot]\nwait = \"77s\"\n")).unwrap();
    hangup(&daemon);
    next("E150").await;
    assert_ne!(status(&mut client).await.process.unwrap().config_digest, before);
}

/// B3: what a real run was told and decided, killed once and ended once, comes out of its record the same.
#[tokio::test]
async fn the_record_of_a_run_replays_to_the_same_decisions() {
    let machine = Machine::new();
    let mut daemon = machine.start();
    let mut client = daemon.client().await;
    let freeze = pb::SetFreezeRequest { group: "web".to_owned(), for_ms: 600_000, dry_run: false };
    client.set_freeze(freeze).await.unwrap();
    let files = || segments(&machine.path("state"), "arbiterd").unwrap_or_default();
    let waiting = async {
        while !files().iter().any(|file| fs::read_to_string(file).unwrap_or_default().contains("\"Freeze\"")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the order is recorded");
    drop(daemon);
    let mut daemon = machine.start();
    daemon.client().await;
    daemon.stop().await;
    let mut decided = Vec::new();
    let mut ended = 0;
    let report = replay::<Arbiter>(RecordReader::new(files()), |seen| match seen {
        Seen::Step(moment) => decided.extend(moment.outputs.iter().filter_map(Arbiter::word)),
        Seen::End => ended += 1,
        _ => {}
    });
    assert!(report.is_same(), "{report:?}");
    assert_eq!((report.checkpoints, ended), (2, 1), "{report:?}");
    assert!(decided.iter().any(|word| word == "E511 web"), "{decided:?}");
}
