//! Endurance: single daemons of either node are killed at random moments, again and again, while clients use the service.
//!
//! `HOTPAIR_KILLS` says how many kills (40), `HOTPAIR_KILLS_SEED` plays the same choices again.
//! Threading: one pair, clients in threads of their own.
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::kills::{Chance, Load, describe, every_request_answered, kill_at_random};
use integration_tests::lab::{clock, writer_log};
use integration_tests::pair::{GroupSpec, PairBuilder, PathSpec};

/// S1 S22 S23 B6: any single daemon may die at any moment: no request of a client is lost (none is repeated by the client; connecting and
/// answering have 3 s), nobody takes anything over, no epoch is spent, one machine has the address at every moment, and the
/// application is never started again.
#[test]
fn killed_daemons_cost_no_request() -> Result<()> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let count = number("HOTPAIR_KILLS").unwrap_or(40);
    let seed = number("HOTPAIR_KILLS_SEED").unwrap_or_else(|| u64::from(clock::now().subsec_nanos()) | 1);
    let pair = PairBuilder::new()
        .path(PathSpec::serial("ser0"))
        .path(PathSpec::disk("san"))
        .group(GroupSpec::service("shop", 0))
        .group(GroupSpec::address("web", 1).line("nodes = [\"beta\", \"alpha\"]"))
        .start()?;
    let pauses = [5, 20, 50].map(Duration::from_millis);
    let load = Load::start(&pair, "shop", &pauses)?;
    let mut chance = Chance::new(seed);
    let (tally, shop) = pair
        .never_dual("shop", || {
            let (tally, web) =
                pair.never_dual("web", || pair.assert_no_takeover(|| kill_at_random(&pair, count, &mut chance)))?;
            ensure!(web.owners().len() == 1, "web moved:\n{}", web.describe(pair.lab()));
            Ok(tally)
        })
        .with_context(|| format!("HOTPAIR_KILLS_SEED={seed}"))?;
    ensure!(shop.owners().len() == 1, "shop moved:\n{}", shop.describe(pair.lab()));
    let (requests, slowest) =
        every_request_answered(&load.stop()?).with_context(|| format!("HOTPAIR_KILLS_SEED={seed}\n{}", pair.dump()))?;
    let owner = pair.owner("shop")?.context("nobody serves")?;
    let log = pair.group("shop")?.mount_point(pair.lab()).join("counter.log");
    let text = pair.lab().node(&owner)?.run(&["cat", log.to_str().context("path")?])?;
    let entries = writer_log::parse(&text)?;
    writer_log::verify(&entries)?;
    let starts = entries.iter().map(|entry| entry.epoch).max().unwrap_or(0);
    ensure!(starts == 1, "the application was started {starts} times");
    eprintln!("{}; {requests} requests, none lost, the slowest took {slowest:?}; seed {seed}", describe(&tally));
    Ok(())
}
