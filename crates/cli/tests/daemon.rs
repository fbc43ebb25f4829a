//! The real binary against a daemon with canned answers: exit codes, what goes to which stream, following a daemon that
//! goes and comes. Run directories are temporary.

use hotpair_cli::sample;
use hotpair_ipc::errors::Problem;
use hotpair_proto::arbiter::v1::arbiter_service_server::{ArbiterService, ArbiterServiceServer};
use hotpair_proto::arbiter::v1::*;
use hotpair_proto::resource::v1::GroupState;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{UnixListenerStream, WatchStream};
use tonic::{Request, Response, Status as GrpcStatus};

type Answer<T> = Result<Response<T>, GrpcStatus>;
type Stream<T> = std::pin::Pin<Box<dyn tokio_stream::Stream<Item = Result<T, GrpcStatus>> + Send>>;

/// What the canned arbiterd has heard, and what it shows.
#[derive(Clone)]
struct Canned {
    status: watch::Sender<Status>,
    orders: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    fn order(&self, text: String) -> Vec<String> {
        self.orders.lock().unwrap().push(text.clone());
        vec![text]
    }
}

#[tonic::async_trait]
impl ArbiterService for Canned {
    type WatchStatusStream = Stream<WatchStatusResponse>;
    type WatchEventsStream = Stream<WatchEventsResponse>;

    async fn get_status(&self, _: Request<GetStatusRequest>) -> Answer<GetStatusResponse> {
        Ok(Response::new(GetStatusResponse { status: Some(self.status.borrow().clone()) }))
    }
    async fn watch_status(&self, _: Request<WatchStatusRequest>) -> Answer<Self::WatchStatusStream> {
        let stream = WatchStream::new(self.status.subscribe()).map(|s| Ok(WatchStatusResponse { status: Some(s) }));
        Ok(Response::new(Box::pin(stream)))
    }
    async fn list_events(&self, request: Request<ListEventsRequest>) -> Answer<ListEventsResponse> {
        let request = request.into_inner();
        let mut event = sample::event(7, "P001", Severity::Info, "path lan0 is up");
        event.group = request.group;
        Ok(Response::new(ListEventsResponse { events: vec![event] }))
    }
    async fn watch_events(&self, request: Request<WatchEventsRequest>) -> Answer<Self::WatchEventsStream> {
        let after = request.into_inner().after_id.unwrap_or_default();
        let event = sample::event(after.saturating_add(1), "P001", Severity::Info, "path lan0 is up");
        let first = tokio_stream::once(Ok(WatchEventsResponse { event: Some(event) }));
        Ok(Response::new(Box::pin(first.chain(tokio_stream::pending()))))
    }
    async fn explain(&self, request: Request<ExplainRequest>) -> Answer<ExplainResponse> {
        match request.into_inner().what {
            Some(explain_request::What::EventId(404)) => {
                Err(Problem::not_found("NO_SUCH_EVENT", "there is no event 404").into())
            }
            _ => Ok(Response::new(sample::story())),
        }
    }
    async fn switchover(&self, request: Request<SwitchoverRequest>) -> Answer<SwitchoverResponse> {
        let r = request.into_inner();
        if r.group != "web" {
            return Err(Problem::not_found("NO_SUCH_GROUP", format!("there is no group {}", r.group)).into());
        }
        let plan = self.order(format!("switchover {} {} {}", r.group, r.to, r.dry_run));
        if !r.dry_run {
            self.status.send_modify(|status| {
                let group = &mut status.groups[0];
                group.owner = "n2".to_owned();
                group.nodes[0].set_state(GroupState::Stopped);
                group.nodes[0].serving = false;
                group.nodes[1].set_state(GroupState::Running);
            });
        }
        Ok(Response::new(SwitchoverResponse { plan, steps: Vec::new() }))
    }
    async fn set_node_mode(&self, request: Request<SetNodeModeRequest>) -> Answer<SetNodeModeResponse> {
        let r = request.into_inner();
        if r.node == "forbidden" {
            let problem = Problem::permission_denied("NOT_ADMIN", "only members of hotpair-admin give orders");
            return Err(problem.remedy("join the group hotpair-admin").into());
        }
        Ok(Response::new(SetNodeModeResponse {
            plan: self.order(format!("mode {:?} {}", r.mode(), r.node)),
            steps: Vec::new(),
        }))
    }
    async fn set_freeze(&self, request: Request<SetFreezeRequest>) -> Answer<SetFreezeResponse> {
        let r = request.into_inner();
        Ok(Response::new(SetFreezeResponse {
            plan: self.order(format!("freeze {:?} {}", r.group, r.for_ms)),
            steps: Vec::new(),
        }))
    }
    async fn set_maintenance(&self, request: Request<SetMaintenanceRequest>) -> Answer<SetMaintenanceResponse> {
        let r = request.into_inner();
        Ok(Response::new(SetMaintenanceResponse {
            plan: self.order(format!("maintenance {:?} {}", r.group, r.for_ms)),
            steps: Vec::new(),
        }))
    }
    async fn clear(&self, request: Request<ClearRequest>) -> Answer<ClearResponse> {
        Ok(Response::new(ClearResponse {
            plan: self.order(format!("clear {:?}", request.into_inner().group)),
            steps: Vec::new(),
        }))
    }
    async fn vouch_peer_off(&self, request: Request<VouchPeerOffRequest>) -> Answer<VouchPeerOffResponse> {
        let r = request.into_inner();
        Ok(Response::new(VouchPeerOffResponse {
            plan: self.order(format!("vouch {} {} {}", r.peer, r.reason, r.dry_run)),
            steps: Vec::new(),
        }))
    }
    async fn preview_config(&self, request: Request<PreviewConfigRequest>) -> Answer<PreviewConfigResponse> {
        let request = request.into_inner();
        self.order(format!("preview {} bytes of {}", request.text.len(), request.file));
        Ok(Response::new(sample::preview()))
    }
    async fn list_rules(&self, _: Request<ListRulesRequest>) -> Answer<ListRulesResponse> {
        let rule = Rule { id: "R340".to_owned(), condition: "it runs".to_owned(), decision: "nothing".to_owned() };
        Ok(Response::new(ListRulesResponse { rules: vec![rule] }))
    }
}

/// A canned arbiterd that serves until it is dropped; its connections end then too.
struct Arbiterd {
    canned: Canned,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Arbiterd {
    fn start(run_dir: &Path, status: Status) -> Self {
        let canned = Canned { status: watch::Sender::new(status), orders: Arc::default() };
        let socket = run_dir.join("arbiterd.sock");
        let _gone = std::fs::remove_file(&socket);
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let service = ArbiterServiceServer::new(canned.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let incoming = UnixListenerStream::new(UnixListener::from_std(listener).unwrap());
                let serving = tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming);
                tokio::select! {
                    _ = serving => {}
                    _ = stopped => {}
                }
            });
        });
        Self { canned, stop: Some(stop), thread: Some(thread) }
    }

    fn orders(&self) -> Vec<String> {
        self.canned.orders.lock().unwrap().clone()
    }
}

impl Drop for Arbiterd {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn command(run_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotpair"));
    command.arg("--run-dir").arg(run_dir).args(arguments).stdin(Stdio::null());
    for name in ["LANG", "LC_ALL", "LC_MESSAGES", "HOTPAIR_LANG", "HOTPAIR_RUN_DIR", "NO_COLOR"] {
        command.env_remove(name);
    }
    command
}

fn run(run_dir: &Path, arguments: &[&str]) -> Output {
    command(run_dir, arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// B8: what happened can be told by the exit code alone.
#[test]
fn exit_codes() {
    let dir = tempfile::tempdir().unwrap();
    let code = |arguments: &[&str]| run(dir.path(), arguments).status.code();
    assert_eq!(code(&["status"]), Some(3), "nobody there");
    assert_eq!(code(&["frobnicate"]), Some(2));
    assert_eq!(code(&["--help"]), Some(0));
    assert_eq!(code(&["freeze", "web"]), Some(2), "neither --for nor --off");
    assert_eq!(code(&["check", "--config", "/nonexistent/hotpair.toml"]), Some(64));
    let arbiterd = Arbiterd::start(dir.path(), sample::status());
    assert_eq!(code(&["status"]), Some(0));
    assert_eq!(code(&["status", "--exit-code"]), Some(10));
    arbiterd.canned.status.send_replace(sample::healthy());
    assert_eq!(code(&["status", "--exit-code"]), Some(0));
    arbiterd.canned.status.send_modify(|s| s.groups[0].nodes[0].set_state(GroupState::Failed));
    assert_eq!(code(&["status", "--exit-code"]), Some(11));
    assert_eq!(code(&["switchover", "nonsense"]), Some(4));
    assert_eq!(code(&["standby", "forbidden"]), Some(5));
    assert_eq!(code(&["explain", "404"]), Some(4));
    assert_eq!(code(&["freeze", "web", "--for", "3w"]), Some(2));
    assert_eq!(code(&["vouch-peer-off", "n2", "--reason", "unplugged"]), Some(2), "nobody to confirm it");
}

/// Failures name what, why and the remedy on standard error, in the chosen language; `--json` says them on standard output too.
#[test]
fn failures_are_told_on_standard_error() {
    let dir = tempfile::tempdir().unwrap();
    let away = run(dir.path(), &["status"]);
    assert!(err(&away).starts_with("error: cannot reach arbiterd at "), "{}", err(&away));
    assert!(err(&away).contains("remedy: start it with"), "{}", err(&away));
    assert!(out(&away).is_empty());
    let chinese = run(dir.path(), &["--lang", "zh", "status"]);
    assert!(err(&chinese).starts_with("错误：无法连接 arbiterd"), "{}", err(&chinese));
    let document: serde_json::Value = serde_json::from_slice(&run(dir.path(), &["events", "--json"]).stdout).unwrap();
    assert_eq!(document["error"]["exit_code"], 3);
    let partial: serde_json::Value = serde_json::from_slice(&run(dir.path(), &["status", "--json"]).stdout).unwrap();
    assert_eq!(partial["reachable"], false);
    let _arbiterd = Arbiterd::start(dir.path(), sample::status());
    let denied = run(dir.path(), &["standby", "forbidden"]);
    assert!(err(&denied).contains("remedy: join the group hotpair-admin"), "{}", err(&denied));
}

/// B1 B8: status, events, stories and rules, as text and as JSON.
#[test]
fn what_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let _arbiterd = Arbiterd::start(dir.path(), sample::status());
    let text = out(&run(dir.path(), &["status"]));
    assert!(text.contains("Pair shop, seen from n1") && !text.contains('\u{1b}'), "{text}");
    let coloured = out(&run(dir.path(), &["--color", "always", "status"]));
    assert!(coloured.contains("\u{1b}[31m"), "{coloured}");
    let json: serde_json::Value = serde_json::from_slice(&run(dir.path(), &["status", "--json"]).stdout).unwrap();
    assert_eq!(json["groups"][0]["owner"], "n1");
    assert_eq!(json["paths"][2]["rx"]["colour"], "red");
    let event: serde_json::Value =
        serde_json::from_slice(&run(dir.path(), &["events", "--json", "-g", "web"]).stdout).unwrap();
    assert_eq!((&event["id"], &event["group"]), (&7.into(), &"web".into()));
    assert!(out(&run(dir.path(), &["explain", "--last"])).contains("#118"));
    assert!(out(&run(dir.path(), &["--lang", "zh", "explain", "118"])).contains("路径 lan0 正常"));
    assert!(out(&run(dir.path(), &["explain", "r340"])).contains("R340"));
    assert!(out(&run(dir.path(), &["rules"])).contains("it runs"));
    assert!(out(&run(dir.path(), &["version"])).contains("arbiterd 0."));
}

/// Every order reaches the daemon as it was given; a dry run says so and is passed on as one.
#[test]
fn orders() {
    let dir = tempfile::tempdir().unwrap();
    let arbiterd = Arbiterd::start(dir.path(), sample::healthy());
    let ok = |arguments: &[&str]| {
        let output = run(dir.path(), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", err(&output));
        out(&output)
    };
    assert!(ok(&["switchover", "web", "-n"]).starts_with("Nothing was changed"));
    ok(&["standby"]);
    ok(&["online", "n2"]);
    ok(&["freeze", "web", "--for", "1d12h"]);
    ok(&["freeze", "--all", "--off"]);
    ok(&["maintenance", "web", "--for", "90s"]);
    ok(&["clear"]);
    ok(&["vouch-peer-off", "n2", "--reason", "unplugged", "--yes"]);
    let expected = [
        "switchover web  true",
        "mode Standby ",
        "mode Online n2",
        "freeze \"web\" 129600000",
        "freeze \"\" 0",
        "maintenance \"web\" 90000",
        "clear \"\"",
        "vouch n2 unplugged false",
    ];
    assert_eq!(arbiterd.orders(), expected);
}

/// B7: a switchover waits until the group runs over there and says how long it took.
#[test]
fn switchover_waits_until_it_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let arbiterd = Arbiterd::start(dir.path(), sample::healthy());
    let output = run(dir.path(), &["switchover", "web"]);
    assert!(output.status.success(), "{}", err(&output));
    assert!(out(&output).contains("done: web runs on n2"), "{}", out(&output));
    arbiterd.canned.status.send_replace(sample::healthy());
    let json: serde_json::Value =
        serde_json::from_slice(&run(dir.path(), &["switchover", "web", "--to", "n2", "--json"]).stdout).unwrap();
    assert_eq!((&json["done"], &json["node"]), (&true.into(), &"n2".into()));
    // To a node that never gets it: the wait ends, the order stands.
    let late = run(dir.path(), &["switchover", "web", "--to", "n1", "--wait=300ms"]);
    assert_eq!(late.status.code(), Some(1), "{}", out(&late));
    assert!(err(&late).contains("does not run on n1 yet"), "{}", err(&late));
}

/// B6: a watch outlives the daemon it watches, says so meanwhile, and goes on when it is back.
#[test]
fn a_watch_survives_the_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let first = Arbiterd::start(dir.path(), sample::healthy());
    let mut child = command(dir.path(), &["status", "--watch", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> serde_json::Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["health"], "ok");
    first.canned.status.send_replace(sample::status());
    assert_eq!(next()["health"], "degraded");
    drop(first);
    assert_eq!(next()["reachable"], false);
    let _second = Arbiterd::start(dir.path(), sample::healthy());
    while next()["reachable"] == false {}
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Nothing falls over when the reader of a pipe has gone.
#[test]
fn a_closed_pipe_ends_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let arbiterd = Arbiterd::start(dir.path(), sample::healthy());
    let mut child = command(dir.path(), &["events", "--follow", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("\"id\":7"));
    assert!(lines.next().unwrap().unwrap().contains("\"id\":8"));
    drop(lines);
    // The stream starts anew after the daemon did, and its next event finds the pipe closed.
    drop(arbiterd);
    let _again = Arbiterd::start(dir.path(), sample::healthy());
    assert!(child.wait().unwrap().success());
}

/// `init` writes what `check` accepts, with a key that only its owner can read, and never overwrites.
#[test]
fn init_then_check() {
    let dir = tempfile::tempdir().unwrap();
    let etc = dir.path().join("etc");
    let etc_text = etc.to_str().unwrap();
    let arguments = [
        "init",
        "--dir",
        etc_text,
        "--node",
        "n1",
        "--peer",
        "n2",
        "--udp",
        "eth1:192.0.2.1,eth1:192.0.2.2",
        "--udp",
        "eth2:fd00::1,eth2:fd00::2",
        "--serial",
        "/dev/ttyS0",
        "--address",
        "198.51.100.10/24@eth0",
        "--unit",
        "web.service",
    ];
    let output = run(dir.path(), &arguments);
    assert!(output.status.success(), "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("systemctl enable --now hotpair.target"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&etc.join("hotpair.key").metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let config = etc.join("hotpair.toml");
    let checked = run(dir.path(), &["check", "--config", config.to_str().unwrap(), "--node", "n1"]);
    assert!(checked.status.success(), "{}", out(&checked));
    assert!(out(&checked).contains("the configuration is good"), "{}", out(&checked));
    let json = run(dir.path(), &["check", "--json", "--config", config.to_str().unwrap()]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["good"], &json["groups"][0]["name"]), (&true.into(), &"service".into()));
    let again = run(dir.path(), &arguments);
    assert_eq!(again.status.code(), Some(1));
    assert!(err(&again).contains("is there already"), "{}", err(&again));
    // Every mistake at once, with exit code 64.
    let mut file = std::fs::OpenOptions::new().append(true).open(&config).unwrap();
    file.write_all(b"\n[[group]]\nname = \"x y\"\nfailbakc = \"auto\"\n").unwrap();
    let bad = run(dir.path(), &["check", "--config", config.to_str().unwrap()]);
    assert_eq!(bad.status.code(), Some(64));
    assert!(out(&bad).matches("error[").count() >= 2, "{}", out(&bad));
}

#[test]
fn bad_answers_write_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let etc = dir.path().join("etc");
    let init = |extra: &[&str]| {
        let mut arguments = vec!["init", "--dir", etc.to_str().unwrap(), "--node", "n1"];
        arguments.extend_from_slice(extra);
        run(dir.path(), &arguments).status.code()
    };
    assert_eq!(init(&[]), Some(2), "no peer");
    assert_eq!(init(&["--peer", "n2"]), Some(2), "no path");
    assert_eq!(init(&["--peer", "n2", "--udp", "eth1"]), Some(2));
    assert_eq!(init(&["--peer", "n2", "--udp", "eth1:192.0.2.1,eth1:nonsense"]), Some(64));
    assert!(!etc.exists());
}

#[test]
fn completions_and_manual_pages() {
    let dir = tempfile::tempdir().unwrap();
    assert!(out(&run(dir.path(), &["completions", "bash"])).contains("vouch-peer-off"));
    let man = dir.path().join("man");
    assert!(run(dir.path(), &["man", man.to_str().unwrap()]).status.success());
    let page = std::fs::read_to_string(man.join("hotpair.1")).unwrap();
    assert!(page.contains("permission denied"), "exit codes are in the manual");
    assert!(man.join("hotpair-status.1").exists());
}
