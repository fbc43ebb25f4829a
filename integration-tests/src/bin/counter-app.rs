//! A small application whose every loss or doubling shows: it counts in a log on the shared volume, each step made durable
//! before it is told to anyone, and answers over HTTP with the counter and the node it runs on.
//!
//! Use: `counter-app start|stop|status|run --node NAME --dir DIRECTORY --listen ADDRESS:PORT --pid-file FILE
//! [--interval-ms N] [--start-delay-ms N] [--broken-if FILE]`. `start`, `stop` and `status` behave and exit as the LSB asks of
//! an init script; `run` stays in the foreground. With `--broken-if`, `start` fails for as long as that file exists.
//! The log `DIRECTORY/counter.log` has lines `epoch node counter`; each start takes the next epoch.
//!
//! Threading: one thread counts, one accepts; each connection is answered in turn with a short time limit.
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use integration_tests::lab::clock;
use integration_tests::lab::writer_log;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// LSB: program is dead and its pid file exists.
const DEAD_WITH_PID_FILE: u8 = 1;
/// LSB: program is not running.
const NOT_RUNNING: u8 = 3;
/// LSB (start, stop): unspecified error.
const FAILED: u8 = 1;
/// LSB (start, stop): wrong arguments.
const WRONG_ARGUMENTS: u8 = 2;

#[derive(Clone, Debug)]
struct Options {
    node: String,
    dir: PathBuf,
    listen: SocketAddr,
    pid_file: PathBuf,
    interval: Duration,
    start_delay: Duration,
    broken_if: Option<PathBuf>,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let action = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let options = match options(&rest) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("counter-app: {error:#}");
            return ExitCode::from(WRONG_ARGUMENTS);
        }
    };
    let result = match action.as_str() {
        "start" => start(&options, &rest).map(|()| 0),
        "stop" => stop(&options).map(|()| 0),
        "status" | "monitor" => Ok(status(&options)),
        "run" => run(&options).map(|()| 0),
        _ => {
            eprintln!("counter-app: the first argument must be start, stop, status or run, not {action:?}");
            return ExitCode::from(WRONG_ARGUMENTS);
        }
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("counter-app {action}: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn options(arguments: &[String]) -> Result<Options> {
    let find = |name: &str| -> Option<&String> {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)
    };
    let need = |name: &str| find(name).with_context(|| format!("{name} is missing"));
    let millis = |name: &str, default: u64| -> Result<Duration> {
        let text = find(name).map_or(Ok(default), |text| text.parse());
        Ok(Duration::from_millis(text.with_context(|| format!("{name} must be a number of milliseconds"))?))
    };
    Ok(Options {
        node: need("--node")?.clone(),
        dir: need("--dir")?.into(),
        listen: need("--listen")?.parse().context("--listen must be ADDRESS:PORT")?,
        pid_file: need("--pid-file")?.into(),
        interval: millis("--interval-ms", 50)?,
        start_delay: millis("--start-delay-ms", 0)?,
        broken_if: find("--broken-if").map(PathBuf::from),
    })
}

// ---- the init script's part ------------------------------------------------------------------------------------

/// The running application's pid, if the pid file's process is one.
fn running(options: &Options) -> Option<i32> {
    let pid: i32 = fs::read_to_string(&options.pid_file).ok()?.trim().parse().ok()?;
    // The number may have been given to another program since.
    let theirs = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let ours = options.pid_file.to_str()?.as_bytes();
    theirs.split(|byte| *byte == 0).any(|argument| argument == ours).then_some(pid)
}

fn status(options: &Options) -> u8 {
    match running(options) {
        Some(_) => 0,
        None if options.pid_file.exists() => DEAD_WITH_PID_FILE,
        None => NOT_RUNNING,
    }
}

fn start(options: &Options, arguments: &[String]) -> Result<()> {
    if running(options).is_some() {
        return Ok(());
    }
    if let Some(marker) = options.broken_if.as_deref().filter(|marker| marker.exists()) {
        bail!("refusing to start: {} exists", marker.display());
    }
    let log = OpenOptions::new().create(true).append(true).open(options.pid_file.with_extension("log"))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("run").args(arguments).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
    let mut child = command.spawn().context("starting the application")?;
    fs::write(&options.pid_file, format!("{}\n", child.id())).context("writing the pid file")?;
    // Started means: it answers.
    let end = clock::now() + Duration::from_secs(30);
    while TcpStream::connect_timeout(&reachable(options.listen), Duration::from_millis(200)).is_err() {
        if let Some(status) = child.try_wait()? {
            fs::remove_file(&options.pid_file)?;
            bail!("the application ended at once: {status}");
        }
        ensure!(clock::now() < end, "the application does not answer");
        clock::pause(Duration::from_millis(1));
    }
    Ok(())
}

/// Where an application listening on `address` can be reached from its own machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let local: std::net::IpAddr =
        if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
    SocketAddr::new(local, address.port())
}

fn stop(options: &Options) -> Result<()> {
    for (signal, patience) in [(Signal::SIGTERM, Duration::from_secs(2)), (Signal::SIGKILL, Duration::from_secs(10))] {
        let Some(pid) = running(options) else { break };
        match kill(Pid::from_raw(pid), signal) {
            Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
            Err(error) => return Err(error).with_context(|| format!("sending {signal} to {pid}")),
        }
        let end = clock::now() + patience;
        while running(options).is_some() && clock::now() < end {
            clock::pause(Duration::from_millis(1));
        }
    }
    ensure!(running(options).is_none(), "the application survives a SIGKILL");
    match fs::remove_file(&options.pid_file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("removing the pid file"),
        _ => Ok(()),
    }
}

// ---- the application -------------------------------------------------------------------------------------------

struct Counter {
    log: Mutex<File>,
    epoch: u64,
    node: String,
    durable: AtomicU64,
}

impl Counter {
    fn open(dir: &Path, node: &str) -> Result<Self> {
        let path = dir.join("counter.log");
        let mut log = OpenOptions::new()
            .read(true)
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| path.display().to_string())?;
        let mut text = String::new();
        log.read_to_string(&mut text)?;
        // A torn last line was never told to anyone.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        log.set_len(u64::try_from(whole)?)?;
        log.seek(SeekFrom::End(0))?;
        let entries = writer_log::parse(&text).with_context(|| path.display().to_string())?;
        let (epoch, counter) = entries.last().map_or((0, 0), |last| (last.epoch, last.counter));
        Ok(Self { log: Mutex::new(log), epoch: epoch + 1, node: node.to_owned(), durable: AtomicU64::new(counter) })
    }

    fn step(&self) -> Result<u64> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.durable.load(Ordering::Acquire) + 1;
        log.write_all(format!("{} {} {next}\n", self.epoch, self.node).as_bytes())?;
        log.sync_data()?;
        self.durable.store(next, Ordering::Release);
        Ok(next)
    }
}

fn run(options: &Options) -> Result<()> {
    clock::pause(options.start_delay);
    let counter = Arc::new(Counter::open(&options.dir, &options.node)?);
    // The first step proves that the volume can be written before anyone is served.
    counter.step().context("writing to the volume")?;
    let listener = TcpListener::bind(options.listen).with_context(|| format!("listening on {}", options.listen))?;
    if !options.interval.is_zero() {
        let (counter, interval) = (Arc::clone(&counter), options.interval);
        std::thread::spawn(move || {
            loop {
                clock::pause(interval);
                if let Err(error) = counter.step() {
                    eprintln!("counter-app: writing to the volume: {error:#}");
                    std::process::exit(i32::from(FAILED));
                }
            }
        });
    }
    for stream in listener.incoming() {
        // A client that breaks off is its own matter; the next one is served.
        if let Err(error) = stream.map_err(Into::into).and_then(|stream| serve(stream, &counter)) {
            eprintln!("counter-app: a client: {error:#}");
        }
    }
    bail!("the listening socket ended")
}

fn serve(mut stream: TcpStream, counter: &Counter) -> Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    stream.set_write_timeout(Some(Duration::from_millis(200)))?;
    let mut request = String::new();
    let mut reader = BufReader::new((&stream).take(4096));
    reader.read_line(&mut request)?;
    if request.is_empty() {
        return Ok(());
    }
    // The rest of the head is read, so that closing does not reset the connection under the answer.
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let (code, body) = match request.split(' ').nth(1) {
        Some("/") => ("200 OK", reply(counter, counter.durable.load(Ordering::Acquire))),
        Some("/add") => match counter.step() {
            Ok(value) => ("200 OK", reply(counter, value)),
            Err(error) => ("500 Internal Server Error", serde_json::json!({ "error": format!("{error:#}") })),
        },
        _ => ("404 Not Found", serde_json::json!({ "error": "only / and /add are here" })),
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.0 {code}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes())?;
    Ok(())
}

fn reply(counter: &Counter, value: u64) -> serde_json::Value {
    serde_json::json!({ "node": counter.node, "counter": value, "epoch": counter.epoch })
}
