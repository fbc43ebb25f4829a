//! The acts of the story. Each makes something happen, waits for what the pair should do about it, and fails if it does
//! anything else.
//!
//! Threading: played one after the other by one thread.
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::say::{Narrator, Part};
use super::stage::{GROUP, Stage};
use crate::lab::{Fault, Traffic, clock};
use crate::pair::Direction;

/// A gap up to this long is no interruption: it is what a busy machine does to a client.
const UNNOTICED: Duration = Duration::from_millis(500);
/// Bound for everything that should take a second or two.
const BOUND: Duration = Duration::from_secs(20);
/// How long it is watched that nothing happens.
const WATCH: Duration = Duration::from_millis(2500);
/// What is shown of `hotpair explain`.
const STORY: Part = Part::Story { before: 8, most: 18 };
/// UDP port of the heartbeats.
const HEARTBEATS: u16 = 7694;

/// An act.
#[derive(Debug)]
pub struct Act {
    /// Heading.
    pub title: &'static str,
    /// The same, for the table.
    pub short: &'static str,
    /// What is going to happen.
    pub intro: &'static str,
    /// What the pair should do, for the table.
    pub expected: &'static str,
    /// Longest time without an answer that belongs to it.
    pub longest_gap: Duration,
    /// Plays it; returns what was seen.
    pub play: fn(&mut Stage, &Narrator) -> Result<String>,
}

/// The story.
pub static ACTS: [Act; 7] = [
    Act {
        title: "A heartbeat path is cut",
        short: "a heartbeat path is cut",
        intro: "Network hb dies between alpha and beta. Two paths still carry heartbeats: a lost path is a reason to warn, \
                not to move anything.",
        expected: "red, no failover",
        longest_gap: UNNOTICED,
        play: path_cut,
    },
    Act {
        title: "The application is killed",
        short: "the application is killed",
        intro: "kill -9 on the serving node. It can simply be started again, so it is, on the spot.",
        expected: "repaired on the spot",
        longest_gap: Duration::from_secs(5),
        play: app_killed,
    },
    Act {
        title: "The application is broken for good",
        short: "the application is broken for good",
        intro: "It is killed again, and this time it cannot be started on that node any more. After two tries the group \
                moves to the other node.",
        expected: "moves to the other",
        longest_gap: Duration::from_secs(15),
        play: app_broken,
    },
    Act {
        title: "The serving node loses power",
        short: "the serving node loses power",
        intro: "No goodbye: network, disk and serial line go dead in one instant. All paths fall silent; the other node \
                asks the whole network for a sign of life, finds none, and takes over.",
        expected: "safety check, takeover",
        longest_gap: Duration::from_secs(10),
        play: power_loss,
    },
    Act {
        title: "It comes back",
        short: "it comes back",
        intro: "The node gets its power back. It had the service when it died, but the other one has it now.",
        expected: "does not steal",
        longest_gap: UNNOTICED,
        play: comes_back,
    },
    Act {
        title: "A planned switchover",
        short: "a planned switchover",
        intro: "A person wants to work on the serving node: stop there, confirm, start here.",
        expected: "moves when told",
        longest_gap: Duration::from_secs(5),
        play: switchover,
    },
    Act {
        title: "All heartbeat paths are cut while both live",
        short: "all heartbeat paths cut, both live",
        intro: "Heartbeats vanish on both networks and on the serial line, but nothing else does. To the heartbeats the peer \
                looks dead. The safety check asks beyond them: by a signed question, by ARP, by ping.",
        expected: "seen alive, no failover",
        longest_gap: UNNOTICED,
        play: all_paths_cut,
    },
];

fn path_cut(stage: &mut Stage, say: &Narrator) -> Result<String> {
    let pair = stage.pair();
    let (owner, other) = stage.roles()?;
    let before = pair.standings(owner.name())?;
    other.cut("hb")?;
    let red = |node: &str| pair.path_state(node, "hb", Direction::Rx).map(|state| state == "down");
    let took = say.wait("path hb is red on both nodes", BOUND, || Ok(red(owner.name())? && red(other.name())?))?;
    say.done(&format!("path hb is red on both nodes after {}", text(took)))?;
    say.watch("nothing moves", WATCH, || Ok(pair.standings(owner.name())? == before))?;
    say.done(&format!("watched for {}: {} serves on, nothing moves", text(WATCH), owner.name()))?;
    say.quote("hotpair status", &pair.hotpair(owner.name(), &["status"])?, Part::Section("Paths", 8))?;
    other.heal("hb")?;
    let green = stage.wait_healthy(say)?;
    say.done(&format!("the path is repaired and green again after {}", text(green)))?;
    unmoved(stage, &before)?;
    Ok(format!("red after {}, nothing moved, green {} after the repair", text(took), text(green)))
}

fn app_killed(stage: &mut Stage, say: &Narrator) -> Result<String> {
    let pair = stage.pair();
    let (owner, _) = stage.roles()?;
    let before = pair.standings(owner.name())?;
    let repairs = stage.repairs(owner.name())?;
    let killed = clock::now();
    stage.kill_app(owner)?;
    say.wait("the repair is done", BOUND, || Ok(stage.repairs(owner.name())? > repairs))?;
    stage.wait_answer(say, owner.name(), clock::now())?;
    let took = clock::now().saturating_sub(killed);
    stage.wait_healthy(say)?;
    say.done(&format!("noticed, repaired and answering again on {} within {}", owner.name(), text(took)))?;
    say.quote("hotpair events -n 4", &pair.hotpair(owner.name(), &["events", "-n", "4"])?, Part::First(6))?;
    unmoved(stage, &before)?;
    Ok(format!("restarted on {}, no move", owner.name()))
}

fn app_broken(stage: &mut Stage, say: &Narrator) -> Result<String> {
    let pair = stage.pair();
    let (owner, other) = stage.roles()?;
    let marker = pair.group(GROUP)?.broken_marker();
    owner.write_file(&marker, "")?;
    let since = clock::now();
    stage.kill_app(owner)?;
    stage.wait_answer(say, other.name(), since)?;
    let took = clock::now().saturating_sub(since);
    say.done(&format!("{} could not start it any more; {} serves after {}", owner.name(), other.name(), text(took)))?;
    say.quote("hotpair explain", &pair.explain(owner.name(), &[])?, STORY)?;
    std::fs::remove_file(owner.dir().join(&marker)).context("repairing the application")?;
    pair.hotpair(other.name(), &["clear", GROUP])?;
    stage.wait_healthy(say)?;
    let now = stage.roles()?.0.name();
    ensure!(now == other.name(), "after `clear` the group moved back to {now}");
    say.done(&format!("somebody repairs it; after `hotpair clear {GROUP}` {} could take it again", owner.name()))?;
    Ok(format!("moved {} → {}, cleared, stays", owner.name(), other.name()))
}

fn power_loss(stage: &mut Stage, say: &Narrator) -> Result<String> {
    let pair = stage.pair();
    let (owner, other) = stage.roles()?;
    let (owner_name, other_name) = (owner.name(), other.name());
    let since = clock::now();
    owner.power_off()?;
    stage.wait_answer(say, other_name, since)?;
    let took = clock::now().saturating_sub(since);
    say.done(&format!("{owner_name} is dark; {other_name} answers the client after {}", text(took)))?;
    say.wait("the takeover is complete", BOUND, || Ok(pair.owner(GROUP)?.as_deref() == Some(other_name)))?;
    say.quote("hotpair explain", &pair.explain(other_name, &[])?, STORY)?;
    Ok(format!("{other_name} took over from {owner_name} in {}", text(took)))
}

fn comes_back(stage: &mut Stage, say: &Narrator) -> Result<String> {
    let pair = stage.pair();
    let off = stage.lab().nodes().iter().find(|node| !node.is_on()).context("nobody is without power")?;
    let owner = stage.lab().peer_of(off);
    let before = pair.standings(owner.name())?;
    pair.power_on(off.name())?;
    let took = stage.wait_healthy(say)?;
    say.done(&format!("{} is back after {} and ready to stand in", off.name(), text(took)))?;
    say.watch("nothing moves", WATCH, || Ok(pair.standings(owner.name())? == before))?;
    unmoved(stage, &before)?;
    say.done(&format!("watched for {}: {} keeps the service", text(WATCH), owner.name()))?;
    say.quote("hotpair status", &pair.hotpair(off.name(), &["status"])?, Part::Section("Groups", 9))?;
    Ok(format!("{} came back as standby, {} serves on", off.name(), owner.name()))
}

fn switchover(stage: &mut Stage, say: &Narrator) -> Result<String> {
    let pair = stage.pair();
    let (owner, other) = stage.roles()?;
    let since = clock::now();
    let said = pair.hotpair(owner.name(), &["switchover", GROUP])?;
    let took = clock::now().saturating_sub(since);
    say.quote(&format!("hotpair switchover {GROUP}"), &said, Part::First(14))?;
    stage.wait_answer(say, other.name(), since)?;
    stage.wait_healthy(say)?;
    let now = stage.roles()?.0.name();
    ensure!(now == other.name(), "after the switchover {now} serves");
    say.done(&format!("{} serves; the command took {}", other.name(), text(took)))?;
    Ok(format!("moved {} → {} in {}", owner.name(), other.name(), text(took)))
}

fn all_paths_cut(stage: &mut Stage, say: &Narrator) -> Result<String> {
    let pair = stage.pair();
    let (owner, other) = stage.roles()?;
    let before = pair.standings(owner.name())?;
    let faults: Vec<Fault> = stage
        .lab()
        .switch()
        .nets()
        .iter()
        .map(|net| Fault::everywhere(net).only(Traffic::Udp(vec![HEARTBEATS])))
        .collect();
    let faults = stage.lab().switch().add_faults(&faults)?;
    let cable = stage.lab().cable("ser0")?;
    cable.cut();
    let sees = |node: &str, peer: &str| -> Result<bool> {
        let status = pair.status(node)?;
        let found = status["nodes"].as_array().into_iter().flatten().find(|item| item["name"] == peer);
        Ok(found.is_some_and(|item| item["state"] == "silent_but_alive"))
    };
    let took = say.wait("both nodes: heartbeats silent, but the peer is alive", BOUND, || {
        Ok(sees(other.name(), owner.name())? && sees(owner.name(), other.name())?)
    })?;
    say.done(&format!("every path is red; after {} the safety check says on both: the peer is alive", text(took)))?;
    say.watch("nothing moves", WATCH, || {
        Ok(pair.standings(owner.name())? == before && pair.standings(other.name())? == before)
    })?;
    say.done(&format!("watched for {}: {} serves on, {} holds still", text(WATCH), owner.name(), other.name()))?;
    say.quote(
        &format!("hotpair explain --why-not {GROUP}"),
        &pair.explain(other.name(), &["--why-not", GROUP])?,
        Part::First(14),
    )?;
    stage.lab().switch().remove_faults(&faults)?;
    cable.heal();
    let healed = stage.wait_healthy(say)?;
    say.done(&format!("healed: everything green again after {}", text(healed)))?;
    unmoved(stage, &before)?;
    Ok(format!("alive by the safety check, nothing moved, healed in {}", text(healed)))
}

/// Demands that owner and epoch are what they were, on both nodes.
fn unmoved(stage: &Stage, before: &std::collections::BTreeMap<String, crate::pair::Standing>) -> Result<()> {
    for node in stage.lab().nodes() {
        let now = stage.pair().standings(node.name())?;
        ensure!(now == *before, "{} says that it moved: {before:?}, then {now:?}", node.name());
    }
    Ok(())
}

/// A duration for people.
fn text(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{:.0} ms", clock::millis(duration))
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}
