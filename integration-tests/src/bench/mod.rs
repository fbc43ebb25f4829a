//! The benchmark: what a client sees of failovers and switchovers, and what the daemons cost, as distributions beside the
//! targets.
//!
//! Threading: the parts run one after the other; probes have threads of their own.
pub mod cost;
pub mod outage;
pub mod split;
pub mod stats;

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::lab::clock;
use crate::pair::Pair;
use stats::Distribution;

/// The parts, in the order in which they run.
pub const PARTS: [&str; 7] = ["power", "service", "switchover", "idle", "load", "heal", "keepalived"];

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Parts to run.
    pub parts: Vec<String>,
    /// Runs of each measurement that is a distribution.
    pub runs: u32,
    /// How long the load lasts.
    pub load: Duration,
    /// Prints what each node logged between fault and service, with its time since the fault.
    pub trace: bool,
}

/// Runs the chosen parts; returns whether every target was met.
///
/// # Errors
/// When a part cannot be measured.
pub fn run(options: &Options) -> Result<bool> {
    let mut good = true;
    println!("Times in milliseconds, as a client of the virtual address sees them; {} runs each.", options.runs);
    println!("{}, {} processors", kernel()?, std::thread::available_parallelism()?);
    if cfg!(debug_assertions) {
        println!("These are development builds: slower and larger than what `make bench` measures.");
    }
    for part in PARTS.iter().filter(|part| options.parts.iter().any(|wanted| wanted == *part)) {
        good &= match *part {
            "power" => outage::power(options)?,
            "service" => outage::service(options)?,
            "switchover" => outage::switchover(options)?,
            "idle" => cost::idle()?,
            "load" => cost::load(options.load)?,
            "heal" => split::heal(options)?,
            _ => keepalived(),
        };
    }
    println!();
    println!("{}", if good { "Every target was met." } else { "NOT every target was met." });
    Ok(good)
}

fn kernel() -> Result<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").context("reading the kernel's version")?;
    Ok(format!("Linux {}", text.trim()))
}

/// A heading with the columns of a distribution.
fn heading(title: &str) {
    println!();
    println!("{title:<58}{:>10}{:>10}{:>10}{:>10}", "min", "median", "p90", "max");
}

/// A row.
fn row(name: &str, values: &Distribution) {
    println!("  {name:<56}{}", values.columns());
}

/// A target and whether it was met.
fn target(text: &str, met: bool) -> bool {
    println!("  target: {text:<48}{}", if met { "met" } else { "MISSED" });
    met
}

/// keepalived beside hotpair, where it is there.
fn keepalived() -> bool {
    let found = ["/usr/sbin/keepalived", "/sbin/keepalived", "/usr/local/sbin/keepalived"]
        .iter()
        .any(|path| std::path::Path::new(path).exists());
    println!();
    if found {
        println!(
            "keepalived is installed; it is not measured here. Compare with its own figures at the same advert interval."
        );
    } else {
        println!("keepalived is not installed: nothing to compare with on this machine.");
    }
    true
}

/// What both nodes logged and recorded since `from`, for `--trace`.
fn trace(pair: &Pair, from: Duration) -> Result<()> {
    let mut lines: Vec<(f64, String)> = Vec::new();
    for node in pair.lab().nodes().iter().filter(|node| node.is_on()) {
        for event in pair.events(node.name())? {
            let at = Duration::from_nanos(event["at_ns"].as_u64().unwrap_or(0));
            if at >= from {
                let offset = clock::millis(at.saturating_sub(from));
                let (id, text) = (event["message_id"].as_str().unwrap_or("-"), event["text"].as_str().unwrap_or("-"));
                lines.push((offset, format!("{} {id} {text}", node.name())));
            }
        }
    }
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (offset, text) in lines.iter().take(40) {
        println!("      {offset:9.1} ms  {text}");
    }
    Ok(())
}
