//! What the daemons cost when nothing happens, and whether a busy machine makes them see ghosts.
//!
//! Threading: one thread measures; the load is threads that do nothing but compute.
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::target;
use crate::lab::{DAEMONS, Node, clock};
use crate::pair::{GroupSpec, Pair, PairBuilder, PathSpec};

const GROUP: &str = "web";
/// How long the idle cost is measured.
const IDLE: Duration = Duration::from_secs(20);

fn pair() -> Result<Pair> {
    PairBuilder::new()
        .paths(&[PathSpec::udp("lan"), PathSpec::udp("hb"), PathSpec::serial("ser0")])
        .group(GroupSpec::address(GROUP, 0))
        .start()
}

/// Processor time a process has used so far, all its threads, with the kernel's nanosecond accounting.
fn processor_time(pid: u32) -> Result<Duration> {
    let mut total = Duration::ZERO;
    for entry in std::fs::read_dir(format!("/proc/{pid}/task")).context("listing threads")? {
        let path = entry?.path().join("schedstat");
        // A thread that ends while we look takes its few microseconds with it.
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let ns = text.split(' ').next().and_then(|field| field.parse().ok());
        total += Duration::from_nanos(ns.with_context(|| format!("{}: {text:?}", path.display()))?);
    }
    Ok(total)
}

/// A value of `/proc/PID/smaps_rollup` in KiB.
fn memory(pid: u32, key: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(Path::new(&path)).with_context(|| path.clone())?;
    let line = text.lines().find(|line| line.starts_with(key)).with_context(|| format!("{path}: no {key}"))?;
    let field = line.split_whitespace().nth(1).with_context(|| format!("{path}: {line}"))?;
    Ok(field.parse()?)
}

fn times(node: &Node) -> Result<Vec<Duration>> {
    DAEMONS.iter().map(|daemon| processor_time(node.pid(daemon)?)).collect()
}

/// Idle cost at 100 ms on three paths.
///
/// # Errors
/// When it cannot be measured.
pub fn idle() -> Result<bool> {
    let pair = pair()?;
    let owner = pair.owner(GROUP)?.context("nobody serves")?;
    let owner = pair.lab().node(&owner)?;
    let (from, before) = (clock::now(), times(owner)?);
    clock::pause(IDLE);
    let (after, passed) = (times(owner)?, clock::now().saturating_sub(from));
    // The other node runs the same programs and shares their pages: alone, as on a machine of its own, it is more.
    pair.lab().peer_of(owner).kill9_all()?;
    println!();
    println!("{:<40}{:>16}{:>14}{:>14}", "Idle, three paths at 100 ms", "% of a core", "PSS MiB", "RSS MiB");
    let (mut share, mut pss) = (0.0, 0.0);
    for (daemon, (before, after)) in DAEMONS.iter().zip(before.into_iter().zip(after)) {
        let pid = owner.pid(daemon)?;
        let used = 100.0 * after.saturating_sub(before).as_secs_f64() / passed.as_secs_f64();
        let (own, resident) = (memory(pid, "Pss:")? / 1024.0, memory(pid, "Rss:")? / 1024.0);
        println!("  {daemon:<38}{used:>16.3}{own:>14.1}{resident:>14.1}");
        share += used;
        pss += own;
    }
    println!("  {:<38}{share:>16.3}{pss:>14.1}", "together");
    let cpu = target("together under 1 % of a core", share < 1.0);
    let memory = target("together under 30 MiB PSS", pss < 30.0);
    Ok(cpu && memory)
}

/// Threads that keep every processor busy, four each; they end with this value.
struct Load {
    ended: std::sync::Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Load {
    fn start() -> Result<Self> {
        let ended = std::sync::Arc::new(AtomicBool::new(false));
        let count = std::thread::available_parallelism()?.get() * 4;
        let threads = (0..count)
            .map(|number| {
                let ended = std::sync::Arc::clone(&ended);
                std::thread::Builder::new().name(format!("busy-{number}")).spawn(move || {
                    while !ended.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                })
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self { ended, threads })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                eprintln!("bench: a busy thread panicked");
            }
        }
    }
}

/// False takeovers while every processor is busy.
///
/// # Errors
/// When it cannot be measured.
pub fn load(length: Duration) -> Result<bool> {
    let pair = pair()?;
    let before = pair.standings("alpha")?;
    let probe = pair.ping(GROUP, Duration::from_millis(5))?;
    let load = Load::start()?;
    let count = load.threads.len();
    clock::pause(length);
    drop(load);
    let seen = probe.stop()?;
    pair.wait_healthy()?;
    let after = pair.standings("alpha")?;
    let moved = after.iter().filter(|(group, standing)| before.get(*group) != Some(standing)).count();
    println!();
    println!("{count} busy loops for {} s, three paths at 100 ms × 5", length.as_secs());
    for node in pair.lab().nodes() {
        let status = pair.status(node.name())?;
        let sum = |key: &str| -> u64 {
            let paths = status["paths"].as_array().into_iter().flatten();
            paths.filter_map(|path| path["stats"][key].as_u64()).sum()
        };
        println!(
            "  {}: {} heartbeats missed, paths late {} times, down {} times",
            node.name(),
            sum("missed"),
            sum("late"),
            sum("down")
        );
    }
    println!("  takeovers: {moved}; longest time without an answer {:.1} ms", clock::millis(seen.longest_outage()));
    Ok(target("no false takeover", moved == 0))
}
