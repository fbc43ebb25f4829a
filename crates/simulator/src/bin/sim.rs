//! `make sim SEEDS=… [FROM=…]`: plays many seeds, shows how far it is, and sums up what was covered.
//!
//! A failing seed is played again with fewer and fewer faults, and told in words with one line that repeats it. Exit code 1: some
//! statement did not hold.

use clap::Parser;
use simulator::faults::Plan;
use simulator::tally::Tally;
use simulator::world::Record;
use simulator::{Failure, Options, Report};
use std::io::{IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Simulating is mostly small allocations: this allocator makes them cheap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Plays two whole nodes through drawn faults, seed by seed.
#[derive(Parser, Clone)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Play this seed alone and tell its story.
    #[arg(long)]
    seed: Option<u64>,
    /// Threads; as many as there are processors if not given.
    #[arg(long)]
    jobs: Option<usize>,
    /// End after so many seconds, however many seeds were played by then.
    #[arg(long)]
    within: Option<u64>,
    /// Write the summary there, and the Chinese one beside it (`.zh-CN.md`).
    #[arg(long)]
    summary: Option<PathBuf>,
    /// Write how often each kind of fault came before each other one in the same run (CSV).
    #[arg(long)]
    matrix: Option<PathBuf>,
    /// Processor time of so many calm hours first, to measure the speed.
    #[arg(long)]
    calm: Option<u64>,
}

fn guarded(seed: u64, play: impl FnOnce() -> Result<Report, Box<Failure>>) -> Result<Report, Box<Failure>> {
    catch_unwind(AssertUnwindSafe(play)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
        // A core that contradicts itself ends its process: the first line says which way.
        let text = text.lines().next().unwrap_or_default().to_string();
        Err(Box::new(Failure { seed, step: 0, invariant: "core_is_consistent", text, timeline: Vec::new() }))
    })
}

fn attempt(seed: u64, plan: Plan, record: Record) -> Result<Report, Box<Failure>> {
    guarded(seed, || simulator::run_plan(seed, Options::default(), plan, record))
}

fn tell(seed: u64) -> Option<Box<Failure>> {
    let plan = simulator::plan_of(seed, Options::default());
    let first = attempt(seed, plan.clone(), Record::Nothing).err()?;
    let same = |plan: Plan| attempt(seed, plan, Record::Nothing).err().filter(|f| f.invariant == first.invariant);
    let (plan, found) = simulator::shrink(seed, Options::default(), same);
    let told = attempt(seed, plan.clone(), Record::End).err().or(found).unwrap_or(first);
    println!("\n{told}");
    println!("faults that are needed for it ({} of the seed's):", plan.len());
    for (at, fault) in &plan {
        println!("  {:>8.3} s  {fault:?}", *at as f64 / 1e9);
    }
    println!("to repeat it: make sim SEED={seed}");
    Some(told)
}

fn story(seed: u64) -> bool {
    match guarded(seed, || simulator::run_recorded(seed, Options::default(), Record::Nothing)) {
        Ok(report) => {
            let told = simulator::timeline_of(seed, Options::default());
            told.iter().for_each(|line| println!("{line}"));
            println!("seed {seed} holds: {report:?}");
            true
        }
        Err(_) => {
            tell(seed);
            false
        }
    }
}

struct Sweep {
    arguments: Arguments,
    next: AtomicU64,
    done: AtomicU64,
    over: AtomicBool,
    tally: Mutex<Tally>,
}

impl Sweep {
    fn work(&self) {
        let mut tally = Tally::default();
        let begun = cpu_seconds();
        let end = self.arguments.from.saturating_add(self.arguments.seeds);
        while !self.over.load(Ordering::Relaxed) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let plan = simulator::plan_of(seed, Options::default());
            tally.count(seed, &plan, attempt(seed, plan.clone(), Record::Nothing));
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        tally.cpu_seconds = cpu_seconds() - begun;
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).add(tally);
    }

    /// Shows how far it is, and ends it when its time is over. Returns the seconds it took.
    fn watch(&self, workers: &[std::thread::ScopedJoinHandle<'_, ()>]) -> f64 {
        let begun = seconds();
        let bar = std::io::stderr().is_terminal();
        while workers.iter().any(|w| !w.is_finished()) {
            std::thread::park_timeout(Duration::from_millis(250));
            let (took, done) = (seconds() - begun, self.done.load(Ordering::Relaxed));
            if self.arguments.within.is_some_and(|limit| took >= limit as f64) {
                self.over.store(true, Ordering::Relaxed);
            }
            if bar {
                let filled = usize::try_from(done * 30 / self.arguments.seeds.max(1)).unwrap_or(30).min(30);
                let hours = done as f64 * simulator::SIMULATED.as_secs_f64() / 3600.0;
                let _ = write!(
                    std::io::stderr(),
                    "\r[{}{}] {done} of {} seeds, {:.0} seeds/s, {:.0} pair-hours/min ",
                    "#".repeat(filled),
                    ".".repeat(30 - filled),
                    self.arguments.seeds,
                    done as f64 / took,
                    hours / took * 60.0
                );
            }
        }
        if bar {
            let _ = writeln!(std::io::stderr());
        }
        seconds() - begun
    }
}

/// Seconds since some moment, for people: it decides nothing.
fn seconds() -> f64 {
    #[expect(clippy::disallowed_methods, reason = "shows progress and speed; the simulated world has its own clock")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// Processor time of this thread: what others do on the machine does not count.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn calm(hours: u64) -> f64 {
    let mut world = simulator::calm::pair(1, simulator::calm::Calm::default());
    let begun = cpu_seconds();
    while world.advance(hours * 3_600_000_000_000) {}
    hours as f64 / (cpu_seconds() - begun).max(1e-9) * 60.0
}

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.seed {
        std::process::exit(i32::from(!story(seed)));
    }
    // A panic of a core is a finding, told like others.
    std::panic::set_hook(Box::new(|_| {}));
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let jobs = arguments.jobs.unwrap_or(processors).max(1);
    let calm_speed = arguments.calm.map(calm);
    let sweep = Sweep {
        next: AtomicU64::new(arguments.from),
        done: AtomicU64::new(0),
        over: AtomicBool::new(false),
        tally: Mutex::new(Tally::default()),
        arguments: arguments.clone(),
    };
    let took = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(|| sweep.work())).collect();
        sweep.watch(&workers)
    });
    let mut tally = sweep.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    (tally.seconds, tally.from, tally.calm_speed) = (took, arguments.from, calm_speed);
    print!("{}", tally.text());
    if let Some(file) = &arguments.matrix {
        std::fs::write(file, tally.matrix())?;
    }
    if let Some(file) = &arguments.summary {
        std::fs::write(file, tally.page(false))?;
        std::fs::write(file.with_extension("zh-CN.md"), tally.page(true))?;
    }
    if let Some(seed) = tally.failures.keys().next() {
        tell(*seed);
        std::process::exit(1);
    }
    Ok(())
}
