//! The disk path with real binaries and two loop devices over one file: it carries everything when all else is cut, and every way in
//! which a disk fails turns that path red, with its cause, and does nothing else.
//!
//! Threading: each test has a pair of its own.
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use heartbeat_core::PathTag;
use heartbeat_core::disk::{AREA, BLOCK, Place};
use hotpair_types::{NodeId, PairId, PathName};
use integration_tests::ask::{
    BOUND, DETECTION, HEARTBEATS, UNNOTICED, answers_throughout, counter, demand, demand_green, nothing_moves_for,
    path, wait_alarm, wait_green, wait_red,
};
use integration_tests::lab::disk::SharedDisk;
use integration_tests::lab::packet::{Capture, Frame, udp_of};
use integration_tests::lab::{NODES, Switch, binary, clock};
use integration_tests::pair::{Direction, GroupSpec, Pair, PairBuilder, PathSpec};

use Direction::{Rx, Tx};

fn builder(disk: PathSpec) -> PairBuilder {
    PairBuilder::new().path(disk).group(GroupSpec::address("web", 0))
}

/// Writes into the area from outside.
fn overwrite(disk: &SharedDisk, at: usize, bytes: &[u8]) -> Result<()> {
    disk.overwrite("alpha", u64::try_from(at)?, bytes)
}

fn area(disk: &SharedDisk) -> Result<Vec<u8>> {
    let mut bytes = vec![0; AREA];
    File::open(disk.backing())?.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Times at which a network path went down, over both nodes.
fn network_downs(pair: &Pair) -> Result<u64> {
    let mut downs = 0;
    for node in NODES {
        for name in ["lan", "hb"] {
            downs += counter(pair, node, name, "down")?;
        }
    }
    Ok(downs)
}

/// S1 S22 S24: every network between the nodes is cut and only the disk is left: nothing moves, the colours are right, the warning
/// about a common medium does not come, adverts and planned moves go over the disk, ordered on either node.
#[test]
fn the_disk_alone_carries_everything() -> Result<()> {
    let pair = builder(PathSpec::disk("san")).start()?;
    for node in NODES {
        let path = path(&pair, node, "san")?;
        ensure!(path["medium"] == "disk" && path["colour"] == "green", "{path}");
        pair.wait_until("times are measured", BOUND, || {
            Ok(counter(&pair, node, "san", "write_max_us")? > 0 && counter(&pair, node, "san", "read_max_us")? > 0)
        })?;
    }
    let ((), seen) = pair.never_dual("web", || {
        pair.assert_no_takeover(|| {
            pair.lab().split()?;
            for node in NODES {
                for name in ["lan", "hb"] {
                    wait_red(&pair, node, name, Rx, "missed")?;
                }
            }
            nothing_moves_for(&pair, 10)?;
            demand_green(&pair, "san")
        })?;
        for (node, to) in [("alpha", "beta"), ("alpha", "alpha"), ("beta", "beta")] {
            let began = clock::now();
            demand(&pair, node, 0, &["switchover", "web", "--to", to])?;
            pair.wait_owner("web", to, BOUND)?;
            eprintln!("to {to} over the disk alone: {:?}", clock::now().saturating_sub(began));
        }
        pair.lab().heal_all()?;
        pair.wait_healthy()?;
        Ok(())
    })?;
    ensure!(seen.owners().len() == 4, "alpha, beta, alpha, beta were expected:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// FAULTS D01 D02 S20 S22: the disk is gone for one node, then for both: the path is red with the cause where it is and as silence where
/// it is not, an alarm stands, the networks stay green, nothing moves; back, it is green by itself.
#[test]
fn a_lost_disk_is_red_and_nothing_else() -> Result<()> {
    let pair = builder(PathSpec::disk("san")).start()?;
    let disk = pair.lab().disk("san")?;
    let before = network_downs(&pair)?;
    let ((), seen) = pair.never_dual("web", || {
        pair.assert_no_takeover(|| {
            disk.cut("alpha")?;
            let red = wait_red(&pair, "alpha", "san", Rx, "device_missing")?;
            ensure!(red["detail"].as_str().is_some_and(|text| text.contains("/dev/loop")), "{red}");
            wait_red(&pair, "alpha", "san", Tx, "device_missing")?;
            wait_red(&pair, "beta", "san", Rx, "missed")?;
            wait_alarm(&pair, "alpha", "A101", "san", true)?;
            disk.cut("beta")?;
            wait_red(&pair, "beta", "san", Rx, "device_missing")?;
            nothing_moves_for(&pair, 4)?;
            disk.heal("beta")?;
            disk.heal("alpha")?;
            pair.wait_healthy()?;
            wait_alarm(&pair, "alpha", "A101", "san", false)
        })
    })?;
    ensure!(network_downs(&pair)? == before, "a network path went down meanwhile\n{}", pair.dump());
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// FAULTS D06 D08 T13 S23: slots wiped with zeros and garbage are written anew with the next beat. The slot of a node whose hbd is dead
/// stays damaged: the other one says so, and takes nothing: damage is no death.
#[test]
fn a_wiped_slot_is_no_death() -> Result<()> {
    let pair = builder(PathSpec::disk("san")).start()?;
    let disk = pair.lab().disk("san")?;
    let ((), seen) = pair.never_dual("web", || {
        pair.assert_no_takeover(|| {
            for fill in [0, 0xa5] {
                overwrite(&disk, BLOCK, &vec![fill; 2 * BLOCK])?;
                pair.wait_until("both slots are written again", BOUND, || {
                    let area = area(&disk)?;
                    Ok(area.chunks_exact(BLOCK).all(|block| block.starts_with(b"hp")))
                })?;
                pair.wait_healthy()?;
            }
            overwrite(&disk, 0, &[0; BLOCK])?;
            pair.wait_until("a wiped head is written again", BOUND, || Ok(area(&disk)?.starts_with(b"hpAREA01")))?;
            pair.wait_healthy()?;

            pair.lab().alpha().kill9("hbd")?;
            overwrite(&disk, BLOCK + 512, &[0x77; 512])?;
            let red = wait_red(&pair, "beta", "san", Rx, "damaged_slot")?;
            ensure!(red["detail"].as_str().is_some_and(|text| text.contains("torn")), "{red}");
            overwrite(&disk, BLOCK, &[0; BLOCK])?;
            pair.wait_until("beta says that it was wiped", BOUND, || {
                let rx = path(&pair, "beta", "san")?["rx"].clone();
                Ok(rx["detail"].as_str().is_some_and(|text| text.contains("zeros")))
            })?;
            ensure!(counter(&pair, "beta", "san", "malformed")? >= 1, "damage is counted");
            nothing_moves_for(&pair, 6)?;
            pair.lab().alpha().start("hbd")?;
            pair.wait_healthy()?;
            Ok(())
        })
    })?;
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// Two pairs cannot share an area by accident: an area of another pair, and one with a file system's bytes, is named, raises an alarm and
/// is not touched; zeroed by a person, it is taken. The other paths run all the time.
#[test]
fn a_foreign_area_is_left_alone() -> Result<()> {
    let pair = builder(PathSpec::disk("san")).build()?;
    let disk = pair.lab().disk("san")?;
    let name = PathName::new("san").context("a name")?;
    let other = Place { pair: PairId([9; 8]), pair_name: "mail".into(), node: NodeId::FIRST, path: PathTag::of(&name) };
    overwrite(&disk, 0, &other.head())?;
    let foreign = area(&disk)?;
    pair.start()?;
    for node in NODES {
        let red = wait_red(&pair, node, "san", Rx, "foreign_area")?;
        ensure!(red["detail"].as_str().is_some_and(|text| text.contains("belongs to the pair `mail`")), "{red}");
        wait_alarm(&pair, node, "A101", "san", true)?;
        for name in ["lan", "hb"] {
            wait_green(&pair, node, name, Rx)?;
        }
        let said = pair.hotpair(node, &["paths"])?;
        ensure!(said.contains("nothing was written there") && said.contains("`offset`"), "no remedy: {said}");
        let mark = pair.lab().node(node)?.wait_log("hbd", 0, "nothing is written there", BOUND)?;
        ensure!(mark.contains("ERROR"), "it should be loud: {mark}");
    }
    pair.wait_owner("web", "alpha", BOUND)?;
    nothing_moves_for(&pair, 4)?;
    ensure!(area(&disk)? == foreign, "the foreign area was written to");
    overwrite(&disk, 0, &[0; AREA])?;
    pair.wait_healthy()?;
    ensure!(area(&disk)?.starts_with(b"hpAREA01"), "not initialised");
    Ok(())
}

fn longest_sending_gap(frames: &[Frame]) -> Duration {
    let times: Vec<Duration> = frames
        .iter()
        .filter(|frame| !frame.outgoing && udp_of(&frame.bytes).is_some_and(|(_, to, _)| to == HEARTBEATS))
        .map(|frame| frame.at)
        .collect();
    times.windows(2).filter_map(|two| Some(two.get(1)?.saturating_sub(*two.first()?))).max().unwrap_or(Duration::MAX)
}

/// Starts a second hbd of a node beside one that the kernel does not let end.
fn start_beside(pair: &Pair, node: &str) -> Result<()> {
    let node = pair.lab().node(node)?;
    let mut command = Command::new(binary("hbd")?);
    command.arg("--config").arg(node.config_path()).args(["--node", node.name()]);
    command.arg("--run-dir").arg(node.run_dir()).arg("--state-dir").arg(node.state_dir());
    let log = File::options().append(true).create(true).open(node.log_path("hbd"))?;
    command.env("HOTPAIR_BOOT_ID", node.boot_id()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    node.spawn(&mut command).map(drop)
}

/// L8, FAULTS D03 D04 N14: the disk hangs for ever (state D): its path is red as hanging, the others beat without a gap and nothing moves.
/// An hbd killed in this state cannot end, and yet a new one has its ports at once. Thawed, everything is green.
#[test]
fn a_hanging_disk_delays_nothing_else() -> Result<()> {
    let pair = builder(PathSpec::disk("san").freezable()).start()?;
    let disk: Arc<SharedDisk> = pair.lab().disk("san")?;
    let capture = Capture::start(pair.lab().switch().ns(), &Switch::port_name("alpha", "hb"))?;
    let before = network_downs(&pair)?;
    let ((), seen) = pair.never_dual("web", || {
        answers_throughout(&pair, "web", UNNOTICED, || {
            pair.assert_no_takeover(|| {
                disk.freeze()?;
                for node in NODES {
                    let red = wait_red(&pair, node, "san", Rx, "hanging")?;
                    ensure!(red["detail"].as_str().is_some_and(|text| text.contains("/dev/loop")), "{red}");
                    wait_alarm(&pair, node, "A101", "san", true)?;
                }
                nothing_moves_for(&pair, 6)?;
                demand_green(&pair, "lan")?;
                demand_green(&pair, "hb")?;
                ensure!(network_downs(&pair)? == before, "a network path went down meanwhile\n{}", pair.dump());

                let old = pair.lab().beta().daemon("hbd")?;
                old.signal(nix::sys::signal::Signal::SIGKILL)?;
                start_beside(&pair, "beta")?;
                for name in ["lan", "hb"] {
                    wait_green(&pair, "beta", name, Rx)?;
                    wait_green(&pair, "beta", name, Tx)?;
                }
                ensure!(old.is_alive(), "this test wants a thread in state D, but the old hbd could end");
                disk.thaw()?;
                old.wait(BOUND)?;
                pair.wait_healthy()?;
                Ok(())
            })
        })
        .map(|_| ())
    })?;
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    let gap = longest_sending_gap(&capture.stop()?);
    ensure!(gap < DETECTION, "alpha sent nothing on hb for {gap:?}");
    Ok(())
}

/// S3 S21: with a slow disk path the takeover comes when the slowest path is down, not earlier, and not much later.
#[test]
fn a_takeover_waits_for_the_slowest_path() -> Result<()> {
    let pair = builder(PathSpec::disk("san").timing("500ms", 3)).start()?;
    let slowest = Duration::from_millis(1500);
    let ((), seen) = pair.never_dual("web", || {
        let died = clock::now();
        pair.lab().alpha().power_off()?;
        pair.wait_owner("web", "beta", BOUND)?;
        let took = clock::now().saturating_sub(died);
        eprintln!("taken over {took:?} after the power loss; the slowest path is down after {slowest:?}");
        // A heartbeat may have been an interval and a look old.
        ensure!(took >= slowest - Duration::from_millis(650), "after {took:?} already");
        ensure!(took <= slowest + Duration::from_millis(1500), "only after {took:?}\n{}", pair.dump());
        pair.power_on("alpha")?;
        pair.wait_healthy()?;
        Ok(())
    })?;
    ensure!(seen.owners().len() == 2, "not from alpha to beta:\n{}", seen.describe(pair.lab()));
    Ok(())
}
