//! Both nodes cut from each other on every link, and healed: how long until one owner is left.
//!
//! Threading: one thread; the probe has a thread of its own.
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::stats::Distribution;
use super::{Options, heading, row, target, trace};
use crate::lab::clock;
use crate::lab::vip::VipProbe;
use crate::pair::{GroupSpec, PairBuilder, PathSpec};

const GROUP: &str = "web";
const BOUND: Duration = Duration::from_secs(20);

/// Healing after a complete split.
///
/// # Errors
/// When it cannot be measured.
pub fn heal(options: &Options) -> Result<bool> {
    let pair = PairBuilder::new()
        .paths(&[PathSpec::udp("lan"), PathSpec::udp("hb"), PathSpec::serial("ser0")])
        .group(GroupSpec::address(GROUP, 0).line("max_moves = 1000"))
        .start()?;
    let pace = Duration::from_millis(5);
    let (mut single, mut settled) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        let probe = VipProbe::start(pair.lab(), pair.vip(GROUP)?, pace)?;
        pair.lab().split()?;
        pair.lab().wait_until("both own the address", BOUND, || {
            Ok(probe.seen().asked.iter().rev().take(20).any(|asked| asked.macs.len() > 1))
        })?;
        let from = clock::now();
        pair.lab().heal_all()?;
        pair.wait_until("both agree", BOUND, || Ok(pair.missing().is_empty()))?;
        settled.push(clock::millis(clock::now().saturating_sub(from)));
        let seen = probe.stop()?;
        let last = seen.asked.iter().rev().find(|asked| asked.macs.len() > 1).context("the split was not seen")?;
        single.push(clock::millis(last.at.saturating_sub(from)));
        if options.trace {
            trace(&pair, from)?;
        }
    }
    let single = Distribution::new(single);
    heading("Split on every link, healed, three paths at 100 ms × 5");
    row("from healing until one machine answers for the address", &single);
    row("from healing until both nodes agree and all is green", &Distribution::new(settled));
    // The first heartbeat comes at most one interval after the healing.
    Ok(target("one owner within 1 s of the first heartbeat", single.max() <= 1100.0))
}
