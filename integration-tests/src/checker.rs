//! The independent checker: named fault scenarios as data, played one after the other on a pair, and judged from outside only: who answered
//! the clients when, and who wrote on the shared volume.
//!
//! Threading: the scenario runs in the calling thread, the judges in threads of their own.
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;

use crate::ask::{BOUND, HEARTBEATS, QUESTIONS, ask};
use crate::lab::node::DAEMONS;
use crate::lab::vip::VipProbe;
use crate::lab::{Fault, NODES, Traffic, clock, writer_log};
use crate::pair::Pair;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A node loses its power.
    PowerOff(&'static str),
    /// A node gets its power back, and its daemons start.
    PowerOn(&'static str),
    /// A daemon of a node is killed.
    Kill(&'static str, &'static str),
    /// All daemons of a node are killed.
    KillAll(&'static str),
    /// All daemons of a node that do not run are started.
    StartAll(&'static str),
    /// All daemons of a node stand still.
    Freeze(&'static str),
    /// One daemon of a node stands still.
    FreezeOne(&'static str, &'static str),
    /// What stands still on a node goes on.
    Thaw(&'static str),
    /// The application of the group is killed where it runs.
    KillApp(&'static str),
    /// A node is cut from a network.
    Cut(&'static str, &'static str),
    /// A node is cut from all networks.
    CutAll(&'static str),
    /// A node's link to a network is whole again.
    Heal(&'static str, &'static str),
    /// A network interface of a node loses its carrier.
    Unplug(&'static str, &'static str),
    /// … and has it again.
    Plug(&'static str, &'static str),
    /// Every link between the nodes is cut; clients reach both.
    Split,
    /// All faults of networks and cables end.
    HealAll,
    /// All heartbeats on networks are lost.
    LoseHeartbeats,
    /// All questions of the safety check are lost.
    LoseQuestions,
    /// What a node sends on a network is lost.
    Deaf(&'static str, &'static str),
    /// So many of a thousand packets are lost on every network.
    Lossy(u16),
    /// The serial cable is cut.
    CableCut,
    /// Every seventh byte a node sends on the serial cable is changed.
    CableNoise(&'static str),
    /// A disk is gone for a node.
    DiskGone(&'static str, &'static str),
    /// … and there again.
    DiskBack(&'static str, &'static str),
    /// A disk hangs.
    DiskHangs(&'static str),
    /// … and goes on.
    DiskGoesOn(&'static str),
    /// The whole area of a disk is overwritten with this byte.
    DiskWiped(&'static str, u8),
    /// The group is ordered to move to a node; nobody waits for it.
    Move(&'static str),
    /// So many milliseconds pass.
    Wait(u64),
    /// The group is owned and served by a node before the story goes on.
    Served(&'static str),
}

/// What the stated guarantee allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The owner stays, and no epoch is spent.
    Stays,
    /// The other node serves in the end.
    Moves,
    /// Either node may serve in the end.
    Either,
    /// As `Either`, and the level says that both may serve at once: for so many milliseconds in all at most.
    BothFor(u64),
}

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What happens, as a sentence.
    pub name: &'static str,
    /// It, as data. What still stands in the end is repaired.
    pub steps: &'static [Step],
    /// What may come of it.
    pub expect: Expect,
}

/// Plays scenarios one after the other on a pair; each begins with everything healthy and `group` on alpha.
///
/// # Errors
/// At the first one that ends otherwise than it may; the error names it.
pub fn play(pair: &Pair, group: &str, scenarios: &[Scenario]) -> Result<()> {
    for scenario in scenarios {
        let began = clock::now();
        let said = one(pair, group, scenario).with_context(|| format!("scenario: {}", scenario.name))?;
        eprintln!("{:5.1} s  {}: {said}", clock::now().saturating_sub(began).as_secs_f64(), scenario.name);
    }
    Ok(())
}

fn one(pair: &Pair, group: &str, scenario: &Scenario) -> Result<String> {
    prepare(pair, group)?;
    let before = pair.standings("alpha")?;
    let probe = VipProbe::start(pair.lab(), pair.vip(group)?, Duration::from_millis(5))?;
    let has_app = pair.group(group)?.has_app();
    let client =
        has_app.then(|| pair.client(group, Duration::from_millis(20), Duration::from_millis(200))).transpose()?;
    let played =
        scenario.steps.iter().try_for_each(|step| take(pair, group, *step).with_context(|| format!("{step:?}")));
    let repaired = repair(pair);
    let seen = probe.stop()?;
    played?;
    repaired?;
    let both = seen.dual();
    let bound = if let Expect::BothFor(ms) = scenario.expect { Duration::from_millis(ms) } else { Duration::ZERO };
    ensure!(
        both <= bound,
        "two machines answered for {both:?}, {bound:?} may be\n{}{}",
        seen.describe(pair.lab()),
        pair.dump()
    );
    let after = pair.standings("alpha")?;
    let owner = pair.owner(group)?.context("nobody serves in the end")?;
    match scenario.expect {
        Expect::Stays => {
            ensure!(after == before, "it moved: {before:?}, {after:?}\n{}", pair.dump());
            ensure!(seen.owners().len() == 1, "it moved:\n{}", seen.describe(pair.lab()));
        }
        Expect::Moves => ensure!(owner == "beta", "{owner} serves\n{}", pair.dump()),
        Expect::Either | Expect::BothFor(_) => {}
    }
    if let Some(client) = client {
        let service = client.stop()?;
        ensure!(service.counter_went_back().is_none(), "a count was lost: {:?}", service.counter_went_back());
        let log = pair.group(group)?.mount_point(pair.lab()).join("counter.log");
        let text = pair.lab().node(&owner)?.run(&["cat", log.to_str().context("path")?])?;
        writer_log::verify(&writer_log::parse(&text)?)?;
    }
    Ok(format!("{owner} serves, both for {} ms", seen.dual_owner_ms()))
}

/// Everything healthy, the group on alpha, no memory of earlier moves.
fn prepare(pair: &Pair, group: &str) -> Result<()> {
    pair.wait_healthy_within(BOUND * 2)?;
    // Many moves in a short time are held otherwise, which is not what is looked at here.
    let _refused = ask(pair, "alpha", &["clear"])?;
    if pair.owner(group)?.as_deref() != Some("alpha") {
        let _shown_by_the_owner = ask(pair, "beta", &["switchover", group, "--to", "alpha"])?;
        pair.wait_owner(group, "alpha", BOUND)?;
        pair.wait_healthy_within(BOUND)?;
        let _refused = ask(pair, "alpha", &["clear"])?;
    }
    Ok(())
}

fn repair(pair: &Pair) -> Result<()> {
    let lab = pair.lab();
    lab.heal_all()?;
    for node in lab.nodes() {
        if node.is_on() {
            lab.switch().nets().iter().try_for_each(|net| node.set_carrier(net, true))?;
        }
        for disk in lab.all_disks() {
            disk.heal(node.name())?;
            if disk.can_hang() {
                disk.thaw()?;
            }
        }
    }
    for node in NODES {
        if lab.node(node)?.is_on() {
            lab.node(node)?.thaw()?;
            start_missing(pair, node)?;
        } else {
            pair.power_on(node)?;
        }
    }
    pair.wait_healthy_within(BOUND * 3).map(drop)
}

fn start_missing(pair: &Pair, node: &str) -> Result<()> {
    let node = pair.lab().node(node)?;
    let missing = |daemon: &&str| node.daemon(daemon).map_or(true, |process| !process.is_alive());
    DAEMONS.into_iter().filter(missing).try_for_each(|daemon| node.start(daemon).map(drop))
}

fn lose(pair: &Pair, fault: impl Fn(&str) -> Fault) -> Result<()> {
    let faults: Vec<Fault> = pair.lab().switch().nets().iter().map(|net| fault(net)).collect();
    pair.lab().switch().add_faults(&faults).map(drop)
}

fn take(pair: &Pair, group: &str, step: Step) -> Result<()> {
    let lab = pair.lab();
    match step {
        Step::PowerOff(node) => lab.node(node)?.power_off(),
        Step::PowerOn(node) => pair.power_on(node),
        Step::Kill(node, daemon) => lab.node(node)?.kill9(daemon),
        Step::KillAll(node) => lab.node(node)?.kill9_all(),
        Step::StartAll(node) => start_missing(pair, node),
        Step::Freeze(node) => lab.node(node)?.freeze(),
        Step::FreezeOne(node, daemon) => lab.node(node)?.daemon(daemon)?.signal(Signal::SIGSTOP),
        Step::Thaw(node) => lab.node(node)?.thaw(),
        Step::KillApp(node) => {
            let file = lab.node(node)?.dir().join(pair.group(group)?.pid_file());
            let script = format!("kill -9 $(cat '{}')", file.display());
            lab.node(node)?.run(&["sh", "-c", &script]).map(drop)
        }
        Step::Cut(node, net) => lab.node(node)?.cut(net),
        Step::CutAll(node) => {
            lab.all_cables().iter().for_each(|cable| cable.cut());
            lab.node(node)?.cut_all()
        }
        Step::Heal(node, net) => lab.node(node)?.heal(net),
        Step::Unplug(node, net) => lab.node(node)?.set_carrier(net, false),
        Step::Plug(node, net) => lab.node(node)?.set_carrier(net, true),
        Step::Split => lab.split().map(drop),
        Step::HealAll => lab.heal_all(),
        Step::LoseHeartbeats => lose(pair, |net| Fault::everywhere(net).only(Traffic::Udp(vec![HEARTBEATS]))),
        Step::LoseQuestions => lose(pair, |net| Fault::everywhere(net).only(Traffic::Udp(vec![QUESTIONS]))),
        Step::Deaf(node, net) => lab.switch().add_faults(&[Fault::from(net, node)]).map(drop),
        Step::Lossy(permille) => lose(pair, |net| Fault::everywhere(net).loss(permille)),
        Step::CableCut => {
            lab.all_cables().iter().for_each(|cable| cable.cut());
            Ok(())
        }
        Step::CableNoise(node) => {
            lab.all_cables().iter().for_each(|cable| cable.corrupt_from(node, 7));
            Ok(())
        }
        Step::DiskGone(disk, node) => lab.disk(disk)?.cut(node),
        Step::DiskBack(disk, node) => lab.disk(disk)?.heal(node),
        Step::DiskHangs(disk) => lab.disk(disk)?.freeze(),
        Step::DiskGoesOn(disk) => lab.disk(disk)?.thaw(),
        Step::DiskWiped(disk, byte) => lab.disk(disk)?.overwrite("alpha", 4096, &[byte; 8192]),
        Step::Move(to) => ask(pair, "alpha", &["switchover", group, "--to", to, "--no-wait"]).map(drop),
        Step::Wait(ms) => {
            clock::pause(Duration::from_millis(ms));
            Ok(())
        }
        Step::Served(node) => pair.wait_owner(group, node, BOUND).map(drop),
    }
}
