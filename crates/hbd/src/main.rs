//! hbd: the heartbeat daemon. It owns the communication paths of this node, says what is heard of the peer on each,
//! and carries the arbiters' adverts. It decides nothing about services.
//!
//! Threads: `beat` (see `driver.rs`) at real-time priority; one per serial port (`serial.rs`) and per disk path (`disk`); this one, with signals,
//! the interface monitor and the gRPC service on one current-thread runtime; and the log writer. The beat thread never
//! waits for another.
//!
//! *Invariant:* a bad command line or configuration ends the process with 64 before anything is opened.

mod convert;
mod disk;
mod driver;
mod log;
mod netlink;
mod rpc;
mod serial;
mod settings;
mod udp;
mod wake;

use core::time::Duration;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use heartbeat_core::{HeartbeatCore, Seed};
use hotpair_config::model::Config;
use hotpair_ipc::peer::{Access, READ_GROUP};
use hotpair_ipc::server::GrpcServer;
use hotpair_ipc::socket::BoundSocket;
use hotpair_messages::Lang;
use hotpair_proto::common::v1::ProcessInfo;
use hotpair_proto::heartbeat::v1::heartbeat_service_server::{HeartbeatServiceServer, SERVICE_NAME};
use hotpair_runtime::args::{self, DaemonArgs, EXIT_BAD_CONFIG};
use hotpair_runtime::signals::Signals;
use hotpair_runtime::{clock, logging, notify, panic, realtime};
use hotpair_types::{BootId, Incarnation, NodeId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::driver::{Driver, OwnAdvert, Wires};
use crate::settings::Settings;
use crate::wake::Wake;

/// Above everything ordinary, below the kernel's own urgent threads.
const BEAT_PRIORITY: u8 = 20;
/// Plenty for the beat loop, little to lock in memory.
const BEAT_STACK: usize = 512 * 1024;
/// The beat loop turns at least once a second; when it has not for so long, it hangs.
const PULSE_LIMIT: Duration = Duration::from_secs(5);
/// How long the beat thread may take to leave.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let args = match args::parse("hbd", env!("CARGO_PKG_VERSION")) {
        Ok(args) => args,
        Err(code) => return code,
    };
    let (loaded, node, settings) = match load(&args) {
        Ok(loaded) => loaded,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(EXIT_BAD_CONFIG);
        }
    };
    if args.check {
        return ExitCode::SUCCESS;
    }
    let guard = match logging::init(args.log_format, &args.log_level) {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(EXIT_BAD_CONFIG);
        }
    };
    panic::abort_on_panic("hbd", args.log_format);
    for warning in &loaded.warnings {
        log::finding(warning);
    }
    let result = run(&args, &loaded.config, node, settings);
    if let Err(error) = &result {
        tracing::error!("hbd cannot run: {error:#}");
    }
    drop(guard);
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Reads and checks everything; the text of the error is for a person.
fn load(args: &DaemonArgs) -> Result<(hotpair_config::Loaded, NodeId, Settings), String> {
    let name = match &args.node {
        Some(name) => name.clone(),
        None => std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map_err(|e| format!("the host name cannot be read: {e}; say which node this is with --node"))?
            .trim()
            .to_owned(),
    };
    let loaded = hotpair_config::load(&args.config, Some(&name))
        .map_err(|findings| hotpair_config::report(&findings, Lang::En, false))?;
    let node = loaded.node.ok_or_else(|| format!("node `{name}` is not in {}", args.config.display()))?;
    let settings = Settings::new(&loaded.config, node).map_err(|e| format!("{}: {e}", args.config.display()))?;
    Ok((loaded, node, settings))
}

/// A random number from the kernel, never 0.
fn random() -> anyhow::Result<u64> {
    let mut bytes = [0_u8; 8];
    loop {
        let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
            .context("no random number from the kernel")?;
        let number = u64::from_ne_bytes(bytes);
        if got == bytes.len() && number != 0 {
            return Ok(number);
        }
    }
}

fn harden() {
    if let Err(error) = realtime::lock_memory() {
        log::privilege(&error);
    }
    if let Err(error) = realtime::oom_score_adj(-1000) {
        log::privilege(&error);
    }
    // The key is in memory: no core dump and no debugger of another user may read it (FAULTS T8). Last, since it closes
    // this process's own files in /proc to an unprivileged user.
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        log::privilege(&format!("core dumps of hbd cannot be forbidden: {error}"));
    }
}

fn run(args: &DaemonArgs, config: &Config, node: NodeId, settings: Settings) -> anyhow::Result<()> {
    let seed = Seed { incarnation: Incarnation(random()?), boot: BootId(clock::boot_id()?) };
    harden();
    let process = ProcessInfo {
        daemon: "hbd".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: config.nodes.get(node.index()).map(|n| n.name.to_string()).unwrap_or_default(),
        incarnation: seed.incarnation.to_string(),
        boot_id: seed.boot.to_string(),
        pid: std::process::id(),
        started_at_ms: clock::now().as_millis(),
        config_digest: config.digest.to_string(),
        config_file: config.file.display().to_string(),
    };
    if let Err(error) = realtime::real_time_priority(realtime::LOOP_PRIORITY) {
        log::privilege(&error);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")?;
    let served = runtime.block_on(serve(args, config, settings, seed, process));
    runtime.shutdown_timeout(Duration::from_millis(200));
    served
}

async fn serve(
    args: &DaemonArgs,
    config: &Config,
    settings: Settings,
    seed: Seed,
    process: ProcessInfo,
) -> anyhow::Result<()> {
    let signals = Signals::install().context("installing signal handlers")?;
    let stop = signals.stop();
    let path = args.run_dir.join("hbd.sock");
    // Bound before the first beat: a second hbd of this node must not speak with two voices.
    let socket = BoundSocket::bind(&path, 0o660, Some(READ_GROUP))?;
    let paths = settings.core.paths.len();
    let node = process.node.clone();

    let core = HeartbeatCore::new(settings.core.clone(), seed, clock::now())?;
    let wake = Wake::new().context("making an eventfd")?;
    let (advert_tx, advert) = watch::channel(OwnAdvert { bytes: None, stale: true });
    let (interfaces_tx, interfaces) = watch::channel(None);
    let (settings_tx, settings_rx) = watch::channel(Arc::new(settings));
    let (view_tx, view) = watch::channel(Arc::new(core.view(clock::now())));
    let (process_tx, process) = watch::channel(process);
    let pulse = Arc::new(AtomicU64::new(clock::now().as_nanos()));
    let wires = Wires {
        advert,
        interfaces,
        settings: settings_rx,
        view: view_tx,
        wake: wake.clone(),
        stop: stop.clone(),
        pulse: pulse.clone(),
    };

    let access = Arc::new(RwLock::new(Access::standard()));
    let service = rpc::Service {
        view,
        desk: rpc::AdvertDesk::new(advert_tx, wake.clone()),
        access: access.clone(),
        process,
        stop: stop.clone(),
    };
    // An advert of 64 KiB plus framing.
    let service = HeartbeatServiceServer::new(service).max_decoding_message_size(128 * 1024);
    let server = GrpcServer::new(tonic::service::Routes::new(service), hotpair_proto::FILE_DESCRIPTOR_SET)?;
    server.health().set(SERVICE_NAME, true).await;

    tokio::spawn(netlink::monitor(interfaces_tx, wake.clone()));
    let driver = Driver::new(core, seed.incarnation, wires).context("setting up the heartbeat loop")?;
    let left = CancellationToken::new();
    start_beat(driver, stop.clone(), left.clone())?;
    tokio::spawn(wake_on_stop(stop.clone(), wake.clone()));
    tokio::spawn(feed_watchdog(pulse, stop.clone()));
    tokio::spawn(reload(args.clone(), signals.reload(), settings_tx, process_tx, access, wake));
    log::started(&node, &config.pair.name, paths, &path.display());
    notify::ready(&format!("{paths} paths to the peer"));

    let served = server.serve(socket, stop.clone()).await.context("serving");
    notify::stopping("leaving");
    stop.cancel();
    // Not for ever: a port that hangs in the kernel must not hold up the end.
    if tokio::time::timeout(LEAVE_LIMIT, left.cancelled()).await.is_err() {
        log::not_left();
    }
    served
}

/// `left` is cancelled when the thread has done all it had to do.
fn start_beat(driver: Driver, stop: CancellationToken, left: CancellationToken) -> anyhow::Result<()> {
    let builder = std::thread::Builder::new().name("beat".to_owned()).stack_size(BEAT_STACK);
    let run = move || {
        if let Err(error) = realtime::real_time_priority(BEAT_PRIORITY) {
            log::privilege(&error);
        }
        if let Err(error) = driver.run() {
            log::loop_failed(&error);
        }
        stop.cancel();
        left.cancel();
    };
    builder.spawn(run).map(drop).context("starting the heartbeat thread")
}

async fn wake_on_stop(stop: CancellationToken, wake: Wake) {
    stop.cancelled().await;
    wake.wake();
}

/// The sign of life for the service manager, given only while both loops turn: this one by running, the beat loop by
/// its pulse.
async fn feed_watchdog(pulse: Arc<AtomicU64>, stop: CancellationToken) {
    let Some(period) = notify::watchdog_interval() else {
        return;
    };
    while !stop.is_cancelled() {
        let last = hotpair_types::Timestamp::from_nanos(pulse.load(Ordering::Relaxed));
        if clock::now().since(last) < PULSE_LIMIT {
            notify::watchdog();
        }
        tokio::time::sleep(period).await;
    }
}

/// SIGHUP: reads the configuration again; takes it over whole, or not at all.
async fn reload(
    args: DaemonArgs,
    mut asked: watch::Receiver<u64>,
    settings: watch::Sender<Arc<Settings>>,
    process: watch::Sender<ProcessInfo>,
    access: Arc<RwLock<Access>>,
    wake: Wake,
) {
    while asked.changed().await.is_ok() {
        *access.write().unwrap_or_else(PoisonError::into_inner) = Access::standard();
        let current = settings.borrow().clone();
        let taken = load(&args).and_then(|(loaded, _, new)| {
            current.check_change(&new).map_err(|e| e.to_string())?;
            Ok((loaded, new))
        });
        match taken {
            Ok((loaded, new)) => {
                for warning in &loaded.warnings {
                    log::finding(warning);
                }
                process.send_modify(|p| p.config_digest = loaded.config.digest.to_string());
                let (paths, digest) = (new.core.paths.len(), new.core.digest);
                settings.send_replace(Arc::new(new));
                wake.wake();
                log::reloaded(paths, &digest);
            }
            Err(text) => log::reload_refused(&text),
        }
    }
}
