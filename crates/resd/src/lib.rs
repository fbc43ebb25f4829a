//! resd: the resource daemon. It owns what runs on this node: addresses, volumes, applications. It decides nothing about
//! where a group should run; arbiterd does.
//!
//! Threads: this one, with the driver's loop, the operations and the gRPC service on one current-thread runtime; one per
//! disk lease; short ones for calls that block (mounts); the recorder and the log writer.
//!
//! *Invariant:* a bad command line or configuration ends the process with 64 before anything is opened.
//! *Invariant:* the end of resd, on purpose or not, stops no service; the next run adopts what runs (B6).

mod act;
mod assemble;
mod convert;
mod driver;
mod fence;
mod kinds;
mod log;
mod reservation;
mod rpc;
mod target_store;
pub mod untrusted;
mod watchdog;

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use hotpair_config::model::Config;
use hotpair_ipc::peer::{Access, READ_GROUP};
use hotpair_ipc::server::GrpcServer;
use hotpair_ipc::socket::BoundSocket;
use hotpair_messages::Lang;
use hotpair_proto::common::v1::ProcessInfo;
use hotpair_proto::resource::v1::resource_service_server::{ResourceServiceServer, SERVICE_NAME};
use hotpair_replay::{Recorded, Taken};
use hotpair_runtime::args::{self, DaemonArgs, EXIT_BAD_CONFIG};
use hotpair_runtime::recorder::Recorder;
use hotpair_runtime::signals::Signals;
use hotpair_runtime::{clock, logging, notify, panic};
use hotpair_types::{BootId, Incarnation, NodeId};
use resource_core::ResourceCore;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::assemble::Assembly;
use crate::driver::{Driver, Wires};
use crate::kinds::Tools;
use crate::target_store::TargetStore;

/// Orders waiting: arbiterd sends one after the other.
const MAX_ORDERS: usize = 16;

/// How the process ends.
enum End {
    /// For good.
    Stop,
    /// To start anew with a new configuration.
    Again,
}

/// Runs the daemon until it is told to end. The process ends with the code that is returned.
pub fn daemon() -> ExitCode {
    let args = match args::parse("resd", env!("CARGO_PKG_VERSION")) {
        Ok(args) => args,
        Err(code) => return code,
    };
    let (loaded, node) = match load(&args) {
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
    panic::abort_on_panic("resd", args.log_format);
    for warning in &loaded.warnings {
        log::finding(warning);
    }
    let result = run(&args, &loaded.config, node);
    if let Err(error) = &result {
        tracing::error!("resd cannot run: {error:#}");
    }
    drop(guard);
    match result {
        Ok(End::Stop) => ExitCode::SUCCESS,
        Ok(End::Again) => start_anew(),
        Err(_) => ExitCode::FAILURE,
    }
}

/// Reads and checks everything; the text of the error is for a person.
fn load(args: &DaemonArgs) -> Result<(hotpair_config::Loaded, NodeId), String> {
    let name = args.node_or_host_name().ok_or("the host name cannot be read; say which node this is by --node")?;
    let loaded = hotpair_config::load(&args.config, Some(&name))
        .map_err(|findings| hotpair_config::report(&findings, Lang::En, false))?;
    let node = loaded.node.ok_or_else(|| format!("node `{name}` is not in {}", args.config.display()))?;
    Ok((loaded, node))
}

/// Replaces this process by a fresh one with the same command line: it adopts everything.
fn start_anew() -> ExitCode {
    use std::os::unix::process::CommandExt;
    let mut arguments = std::env::args_os();
    let Some(name) = arguments.next() else { return ExitCode::FAILURE };
    let program = std::env::current_exe().unwrap_or_else(|_| name.into());
    // The only program resd starts outside `act::exec`: itself, in its own place.
    let error = std::process::Command::new(program).args(arguments).exec();
    eprintln!("resd could not start anew: {error}");
    ExitCode::FAILURE
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

fn run(args: &DaemonArgs, config: &Config, node: NodeId) -> anyhow::Result<End> {
    // Only this thread: the programs it starts begin with ordinary priority.
    if let Err(error) = hotpair_runtime::realtime::real_time_priority(hotpair_runtime::realtime::LOOP_PRIORITY) {
        tracing::warn!("{error}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")?;
    let served = runtime.block_on(serve(args, config, node));
    // Operations that block in the kernel must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(100));
    served
}

async fn serve(args: &DaemonArgs, config: &Config, node: NodeId) -> anyhow::Result<End> {
    let signals = Signals::install().context("installing signal handlers")?;
    let stop = signals.stop();
    let boot = BootId(clock::boot_id()?);
    let resd = Incarnation(random()?);
    let path = args.run_dir.join("resd.sock");
    // Bound before anything is touched: a second resd of this node must not act.
    let socket = BoundSocket::bind(&path, 0o660, Some(READ_GROUP))?;
    let store = TargetStore::new(&args.state_dir)
        .with_context(|| format!("the state directory {} cannot be used", args.state_dir.display()))?;
    let restored = store.load().unwrap_or_else(|error| {
        tracing::warn!(%error, "no target is known: everything is watched and left as it is until arbiterd sends one");
        None
    });
    let state_dir = std::fs::canonicalize(&args.state_dir)
        .with_context(|| format!("the state directory {} cannot be used", args.state_dir.display()))?;
    let tools = Tools {
        net: act::netlink::Net::open().await?,
        sender: Arc::new(
            act::arp::Sender::open().context("opening a packet socket; resd needs CAP_NET_RAW (run it as root)")?,
        ),
    };
    let (queue, inputs) = mpsc::unbounded_channel();
    let (orders_tx, orders) = mpsc::channel(MAX_ORDERS);
    let (view_tx, view) = watch::channel(None);
    let kinds = Assembly { config, node, boot, state_dir: &state_dir, tools, queue: queue.clone() }
        .kinds()
        .context("starting the kinds")?;
    let process = process(config, node, resd, boot);
    let started = clock::now();
    let again = CancellationToken::new();
    let guards = assemble::guards(config, node, boot, &state_dir, &again);
    let inherited = guards.watchdog.as_ref().is_some_and(watchdog::Watchdog::inherited);
    let core = ResourceCore::new(assemble::core(config, boot, resd, restored, inherited), random()?, started)?;
    let core = Recorded::new(core, recorder(&args.state_dir, &process), started);
    let resources = kinds.len();
    let driver = Driver::new(core, kinds, store, Wires { queue, inputs, orders, view: view_tx }, guards);

    let access = Arc::new(RwLock::new(Access::standard()));
    let service = rpc::Service { view, orders: orders_tx, access: access.clone(), process, stop: stop.clone() };
    let routes = tonic::service::Routes::new(ResourceServiceServer::new(service));
    let server = GrpcServer::new(routes, hotpair_proto::FILE_DESCRIPTOR_SET)?;
    server.health().set(SERVICE_NAME, true).await;
    tokio::spawn(reload(args.clone(), signals.reload(), access, stop.clone(), again.clone()));
    let name = config.node(node).name.to_string();
    log::started(&name, config.groups.len(), resources, &path.display());
    notify::ready(&format!("{resources} resources"));

    let driving = tokio::spawn(driver.run(stop.clone()));
    let ended = {
        let stop = stop.clone();
        tokio::spawn(async move {
            let result = driving.await;
            stop.cancel(); // Without its loop the daemon must not look alive.
            result
        })
    };
    server.serve(socket, stop.clone()).await.context("serving")?;
    notify::stopping("services go on running");
    ended.await.context("the driver")?.context("the driver")?.context("the driver's timer")?;
    Ok(if again.is_cancelled() { End::Again } else { End::Stop })
}

/// What the core is told goes into the state directory, for `hotpair replay` (B3).
fn recorder(directory: &Path, process: &ProcessInfo) -> Recorder<ResourceCore, Taken<ResourceCore>> {
    let process = hotpair_replay::Process {
        daemon: &process.daemon,
        version: &process.version,
        node: &process.node,
        boot: &process.boot_id,
        run: &process.incarnation,
    };
    hotpair_replay::recorder(directory, &process)
}

fn process(config: &Config, node: NodeId, resd: Incarnation, boot: BootId) -> ProcessInfo {
    ProcessInfo {
        daemon: "resd".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: config.node(node).name.to_string(),
        incarnation: resd.to_string(),
        boot_id: boot.to_string(),
        pid: std::process::id(),
        started_at_ms: clock::now().as_millis(),
        config_digest: config.digest.to_string(),
        config_file: config.file.display().to_string(),
    }
}

/// SIGHUP: reads the configuration again; if it is good, ends this run so that a fresh one takes it over whole.
async fn reload(
    args: DaemonArgs,
    mut asked: watch::Receiver<u64>,
    access: Arc<RwLock<Access>>,
    stop: CancellationToken,
    again: CancellationToken,
) {
    while asked.changed().await.is_ok() {
        *access.write().unwrap_or_else(PoisonError::into_inner) = Access::standard();
        match load(&args) {
            Ok(_) => {
                log::reloading();
                again.cancel();
                stop.cancel();
            }
            Err(text) => log::reload_refused(&text),
        }
    }
}
