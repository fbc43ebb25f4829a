//! One fault after the other, by chance, on a pair that serves two groups: whatever happens, no address is ever at two nodes, no count
//! is lost, and in the end everything is in its place.
//!
//! `HOTPAIR_SOAK_SECONDS` makes it longer than 15 s; `HOTPAIR_SOAK_SEED` plays a story again (up to the machine's timing).
//! Threading: one pair, one thread.
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::ask::{ask, silence_heartbeats};
use integration_tests::kills::Chance;
use integration_tests::lab::node::DAEMONS;
use integration_tests::lab::{NODES, clock};
use integration_tests::pair::{GroupSpec, Pair, PairBuilder, PathSpec};

/// Makes one fault, lets it last and ends it; returns what it was.
fn fault(pair: &Pair, chance: &mut Chance) -> Result<String> {
    let (name, daemon) = (chance.one_of(&NODES)?, chance.one_of(&DAEMONS)?);
    let node = pair.lab().node(name)?;
    Ok(match chance.below(9) {
        0 => {
            node.power_off()?;
            chance.pause(Duration::from_millis(2500));
            pair.power_on(name)?;
            format!("{name} loses its power for a while")
        }
        1 | 2 => {
            node.kill9(daemon)?;
            chance.pause(Duration::from_millis(1500));
            node.start(daemon)?;
            format!("{daemon} of {name} is killed")
        }
        3 => {
            node.kill9_all()?;
            chance.pause(Duration::from_millis(1500));
            node.start_all()?;
            format!("all daemons of {name} are killed")
        }
        4 => {
            node.freeze()?;
            chance.pause(Duration::from_millis(3000));
            node.thaw()?;
            format!("all daemons of {name} are frozen")
        }
        5 => {
            node.cut("hb")?;
            chance.pause(Duration::from_millis(1500));
            node.heal("hb")?;
            format!("network hb of {name} is cut")
        }
        6 => {
            let faults = silence_heartbeats(pair, &["ser0"])?;
            chance.pause(Duration::from_millis(2000));
            pair.lab().switch().remove_faults(&faults)?;
            pair.lab().cable("ser0")?.heal();
            "all heartbeats are lost".to_owned()
        }
        _ => {
            let group = chance.one_of(&["shop", "web"])?;
            // It may be refused: the pair may not have recovered yet.
            let answer = ask(pair, name, &["switchover", group, "--no-wait"])?;
            chance.pause(Duration::from_millis(300));
            format!("{group} is ordered to move (exit code {})", answer.code)
        }
    })
}

/// S1 S3 S4 S7 S13 S14 S22 S23 B6 B7: power losses, killed and frozen daemons, cut networks, lost heartbeats and planned moves in an order
/// that chance gives, the next one often before the pair has recovered.
#[test]
fn whatever_happens_there_is_one_owner() -> Result<()> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("HOTPAIR_SOAK_SECONDS").unwrap_or(15);
    let seed = number("HOTPAIR_SOAK_SEED").unwrap_or_else(|| u64::from(clock::now().subsec_nanos()) | 1);
    let pair = PairBuilder::new()
        .path(PathSpec::serial("ser0"))
        .group(GroupSpec::service("shop", 0))
        .group(GroupSpec::address("web", 1).line("nodes = [\"beta\", \"alpha\"]"))
        .start()?;
    let client = pair.client("shop", Duration::from_millis(20), Duration::from_millis(100))?;
    let mut chance = Chance::new(seed);
    let mut story = vec![format!("HOTPAIR_SOAK_SEED={seed}")];
    let end = clock::now() + Duration::from_secs(seconds);
    pair.never_dual("shop", || {
        pair.never_dual("web", || {
            while clock::now() < end {
                story.push(fault(&pair, &mut chance)?);
                if chance.below(3) > 0 {
                    pair.wait_healthy()?;
                    // So many moves in so short a time are held otherwise, which this test is not about.
                    let _refused = ask(&pair, "alpha", &["clear"])?;
                }
            }
            pair.wait_healthy().map(|_| ())
        })
    })
    .with_context(|| story.join("\n"))?;
    let seen = client.stop()?;
    ensure!(
        seen.counter_went_back().is_none(),
        "a count was lost: {:?}\n{}",
        seen.counter_went_back(),
        story.join("\n")
    );
    eprintln!("{} faults, longest outage {:?}", story.len() - 1, seen.timeline.longest_outage());
    Ok(())
}
