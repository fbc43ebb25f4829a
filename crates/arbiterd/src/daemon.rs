//! Start and end of the process.
//!
//! Order of the start: command line and configuration (exit 64 before anything is opened), log, identity, state file,
//! sockets, loop. At the end services stay as they are: resd keeps them, and the next run takes over from there.

use crate::driver::{CoreRecorder, Driver, Event, Surroundings, witness_setup};
use crate::hbd_client;
use crate::history::{History, Record, Trouble};
use crate::neighbour;
use crate::prober::Prober;
use crate::prober::interfaces::Watcher;
use crate::resd_client;
use crate::rpc::Service;
use crate::settings::Settings;
use crate::store::{self, STATE_FILE, Store};
use crate::witness;
use anyhow::Context;
use arbiter_core::io::{Seed, Severity};
use hotpair_config::Finding;
use hotpair_ipc::peer::{Access, READ_GROUP};
use hotpair_ipc::server::GrpcServer;
use hotpair_ipc::socket::BoundSocket;
use hotpair_messages::Lang;
use hotpair_proto::FILE_DESCRIPTOR_SET;
use hotpair_proto::arbiter::v1::arbiter_service_server::ArbiterServiceServer;
use hotpair_proto::common::v1::ProcessInfo;
use hotpair_runtime::args::{DaemonArgs, EXIT_BAD_CONFIG};
use hotpair_runtime::signals::Signals;
use hotpair_runtime::state_file::StateFile;
use hotpair_runtime::{clock, logging, notify, panic};
use hotpair_types::{BootId, Incarnation};
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tonic::service::Routes;

/// Events on their way to the loop.
const EVENTS: usize = 4_096;
/// The rest of the runtime has this long to end.
const END: Duration = Duration::from_millis(200);
/// Pause before the kernel's list of interfaces is asked for again after an error.
const INTERFACES_RETRY: Duration = Duration::from_secs(1);

/// Everything after the command line.
#[must_use]
pub fn main(args: &DaemonArgs) -> ExitCode {
    let work = if args.witness {
        neighbour::file::load(&args.config).map(Work::Witness)
    } else {
        load(args).map(|settings| Work::Arbiter(Box::new(settings)))
    };
    let work = match work {
        Ok(work) => work,
        Err(findings) => {
            complain(&findings);
            return ExitCode::from(EXIT_BAD_CONFIG);
        }
    };
    if args.check {
        return ExitCode::SUCCESS;
    }
    let _log = match logging::init(args.log_format, &args.log_level) {
        Ok(guard) => guard,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::from(EXIT_BAD_CONFIG);
        }
    };
    panic::abort_on_panic("arbiterd", args.log_format);
    match run(args, work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("arbiterd cannot run: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Before the log is there, and for `--check`.
fn complain(text: &str) {
    // Nowhere is left to report a failure to.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// The configuration, or what is wrong with it, for people.
fn load(args: &DaemonArgs) -> Result<Settings, String> {
    let name = args.node_or_host_name();
    let findings_text = |findings: &[Finding]| hotpair_config::report(findings, Lang::En, false);
    let loaded = hotpair_config::load(&args.config, name.as_deref()).map_err(|findings| findings_text(&findings))?;
    let node = loaded.node.ok_or_else(|| {
        "which node this machine is cannot be told: the host name cannot be read; give --node NAME".to_owned()
    })?;
    let warnings = loaded.warnings.iter().map(|finding| finding.what(Lang::En)).collect();
    Ok(Settings::new(loaded.config, node, warnings))
}

/// What this process is.
enum Work {
    /// The arbiter of a node.
    Arbiter(Box<Settings>),
    /// `--witness`: looks for others.
    Witness(neighbour::file::WitnessFile),
}

fn run(args: &DaemonArgs, work: Work) -> anyhow::Result<()> {
    // Only this thread: what it starts begins with ordinary priority.
    if let Err(error) = hotpair_runtime::realtime::real_time_priority(hotpair_runtime::realtime::LOOP_PRIORITY) {
        tracing::warn!("{error}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
    let result = match work {
        Work::Arbiter(settings) => runtime.block_on(serve(args, *settings)),
        Work::Witness(file) => runtime.block_on(neighbour::daemon::serve(args, file)),
    };
    runtime.shutdown_timeout(END);
    result
}

async fn serve(args: &DaemonArgs, settings: Settings) -> anyhow::Result<()> {
    let started = clock::now();
    let boot = BootId(clock::boot_id()?);
    let seed = Seed { boot, arbiter: incarnation()? };
    let signals = Signals::install().context("signal handlers")?;
    // Nobody else has any business in the state (FAULTS T11).
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&args.state_dir)
        .with_context(|| format!("the state directory {} cannot be made", args.state_dir.display()))?;
    // Bound before the state is read: two arbiters on one state would be one too many.
    let socket = BoundSocket::bind(&args.run_dir.join("arbiterd.sock"), 0o660, Some(READ_GROUP))?;
    let process = process_info(&settings, seed, started);
    let (events, inbox) = mpsc::channel(EVENTS);
    let found = store::load(&StateFile::new(&args.state_dir, STATE_FILE), boot, started);
    let settings = Arc::new(settings);
    let (settings_sender, settings_receiver) = watch::channel(Arc::clone(&settings));
    let (status, _) = watch::channel(None);
    let history = start_history(&args.state_dir, &settings, boot)?;
    let service = Service {
        events: events.clone(),
        status: status.clone(),
        settings: settings_receiver,
        history: history.clone(),
        access: Access::standard(),
        stop: signals.stop(),
    };
    let server = GrpcServer::new(Routes::new(ArbiterServiceServer::new(service)), FILE_DESCRIPTOR_SET)?;
    let health = server.health();
    let (adverts, advert_receiver) = watch::channel(None);
    let (targets, target_receiver) = watch::channel(None);
    let mut prober = new_prober(&settings, &events);
    let mut watcher = Watcher::connect().context("the kernel's list of interfaces")?;
    match watcher.read().await {
        Ok(interfaces) => prober.set_interfaces(interfaces),
        Err(error) => tracing::warn!(%error, "the safety check starts without interfaces"),
    }
    let recorder = start_recorder(&args.state_dir, &process);
    let around = Surroundings {
        events: inbox,
        adverts,
        targets,
        witness: start_witness(&settings, seed, &events)?,
        status,
        settings: settings_sender,
        history,
        store: start_store(&args.state_dir, &events)?,
        prober,
        signals: signals.clone(),
        reload: {
            let args = args.clone();
            Box::new(move || load(&args))
        },
        process,
    };
    let node = settings.name(settings.node).to_owned();
    let driver = Driver::new(around, settings, found, seed, recorder, started);
    tokio::spawn(follow_interfaces(watcher, events.clone()));
    spawn_clients(&args.run_dir, advert_receiver, target_receiver, &events);
    drop(events);
    let serving = tokio::spawn(server.serve(socket, signals.stop()));
    health.set("hotpair.arbiter.v1.ArbiterService", true).await;
    notify::ready(&format!("judging as {node}"));
    tracing::info!(node, pid = std::process::id(), "arbiterd runs");
    let driven = driver.run().await;
    notify::stopping("stopping; services stay as they are");
    signals.stop().cancel();
    serving.await.context("the server's task")??;
    driven.context("the loop")
}

fn incarnation() -> anyhow::Result<Incarnation> {
    let mut bytes = [0; 8];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).context("random numbers")?;
    anyhow::ensure!(got == bytes.len(), "the kernel gives no random numbers");
    // 0 means "none" in adverts.
    Ok(Incarnation(u64::from_ne_bytes(bytes).max(1)))
}

fn process_info(settings: &Settings, seed: Seed, started: hotpair_types::Timestamp) -> ProcessInfo {
    ProcessInfo {
        daemon: "arbiterd".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: settings.name(settings.node).to_owned(),
        incarnation: seed.arbiter.to_string(),
        boot_id: seed.boot.to_string(),
        pid: std::process::id(),
        started_at_ms: started.as_millis(),
        config_digest: settings.config.digest.to_string(),
        config_file: settings.config.file.display().to_string(),
    }
}

/// What the core is told goes into the state directory, for `hotpair replay` (B3).
fn start_recorder(directory: &Path, process: &ProcessInfo) -> CoreRecorder {
    let process = hotpair_replay::Process {
        daemon: &process.daemon,
        version: &process.version,
        node: &process.node,
        boot: &process.boot_id,
        run: &process.incarnation,
    };
    hotpair_replay::recorder(directory, &process)
}

fn start_history(directory: &Path, settings: &Settings, boot: BootId) -> anyhow::Result<History> {
    let node = settings.name(settings.node).to_owned();
    let record = move |trouble| {
        let (id, mut parameters) = match trouble {
            Trouble::Damaged { why, aside } => ("E161", vec![("reason", why), ("aside", aside)]),
            Trouble::Unusable { why } => ("E162", vec![("reason", why)]),
        };
        parameters.push(("node", node.clone()));
        Record {
            wall_ms: clock::wall_clock_unix_ms(),
            at: clock::now(),
            boot,
            message_id: id.to_owned(),
            severity: Severity::Warning,
            group: String::new(),
            subject: String::new(),
            parameters: parameters.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
            facts: BTreeMap::new(),
        }
    };
    History::start(directory, settings.config.history.max_events, record).context("the history's thread")
}

fn start_store(directory: &Path, events: &mpsc::Sender<Event>) -> anyhow::Result<Store> {
    let events = events.clone();
    let answer = move |stored| {
        // The loop has ended: nobody needs the answer any more.
        drop(events.blocking_send(Event::Stored(stored)));
    };
    Store::start(StateFile::new(directory, STATE_FILE), answer).context("the store's thread")
}

/// The votes at the witness, on a thread of their own.
fn start_witness(
    settings: &Settings,
    seed: Seed,
    events: &mpsc::Sender<Event>,
) -> anyhow::Result<watch::Sender<witness::Wanted>> {
    let setup = witness_setup(settings, seed).map(Arc::new);
    let (wanted, receiver) = watch::channel(witness::Wanted { setup, target: None });
    // Weak: the loop ends when everybody else has let go of it.
    let events = events.downgrade();
    let tell = move |view| {
        if let Some(events) = events.upgrade()
            && events.try_send(Event::Witness(view)).is_err()
        {
            tracing::debug!("the witness's word is dropped: the loop is behind; the next one follows soon");
        }
    };
    witness::start(receiver, tell).context("the witness's thread")?;
    Ok(wanted)
}

fn new_prober(settings: &Settings, events: &mpsc::Sender<Event>) -> Prober {
    let events = events.clone();
    let deliver = Arc::new(move |packet| events.try_send(Event::Packet(packet)).is_ok());
    Prober::new(&settings.config, settings.node, deliver, clock::now())
}

/// Both clients run until the process ends.
fn spawn_clients(
    run_dir: &Path,
    adverts: watch::Receiver<hbd_client::AdvertBytes>,
    targets: watch::Receiver<resd_client::NewestTarget>,
    events: &mpsc::Sender<Event>,
) {
    let to_loop = events.clone();
    tokio::spawn(hbd_client::run(run_dir.join("hbd.sock"), adverts, move |event| {
        let to_loop = to_loop.clone();
        async move { drop(to_loop.send(Event::Hbd(event)).await) }
    }));
    let to_loop = events.clone();
    tokio::spawn(resd_client::run(run_dir.join("resd.sock"), targets, move |event| {
        let to_loop = to_loop.clone();
        async move { drop(to_loop.send(Event::Resd(event)).await) }
    }));
}

/// Tells the loop of changed interfaces, for ever; a lost connection to the kernel is made anew.
async fn follow_interfaces(mut watcher: Watcher, events: mpsc::Sender<Event>) {
    loop {
        while watcher.changed().await {
            match watcher.read().await {
                Ok(interfaces) => drop(events.send(Event::Interfaces(interfaces)).await),
                Err(error) => {
                    tracing::warn!(%error, "trying again");
                    break;
                }
            }
        }
        tokio::time::sleep(INTERFACES_RETRY).await;
        match Watcher::connect() {
            Ok(fresh) => {
                watcher = fresh;
                if let Ok(interfaces) = watcher.read().await {
                    drop(events.send(Event::Interfaces(interfaces)).await);
                }
            }
            Err(error) => tracing::warn!(%error, "the kernel's list of interfaces cannot be followed"),
        }
    }
}
