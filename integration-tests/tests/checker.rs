//! The independent checker over named fault scenarios on real binaries: two owners at once never, except where the stated level says
//! so, and then within the bound.
//!
//! Threading: one pair per configuration, each in a test of its own; the scenarios of one follow one another.
use anyhow::{Context as _, Result, ensure};
use integration_tests::checker::Expect::{BothFor, Either, Moves, Stays};
use integration_tests::checker::Step::{
    CableCut, CableNoise, Cut, CutAll, Deaf, DiskBack, DiskGoesOn, DiskGone, DiskHangs, DiskWiped, Freeze, FreezeOne,
    Heal, HealAll, Kill, KillAll, KillApp, LoseHeartbeats, LoseQuestions, Lossy, Move, PowerOff, PowerOn, Served,
    Split, StartAll, Thaw, Unplug, Wait,
};
use integration_tests::checker::{Expect, Scenario, Step, play};
use integration_tests::pair::{GroupSpec, PairBuilder, PathSpec};

const fn it(name: &'static str, steps: &'static [Step], expect: Expect) -> Scenario {
    Scenario { name, steps, expect }
}

/// An address, two networks and a serial line: level "evidence".
const NODES_AND_DAEMONS: &[Scenario] = &[
    it("the owner loses power", &[PowerOff("alpha"), Served("beta")], Moves),
    it("the standby loses power", &[PowerOff("beta"), Wait(1500)], Stays),
    it(
        "both lose power, the standby comes back first",
        &[PowerOff("alpha"), PowerOff("beta"), PowerOn("beta"), Wait(1500)],
        Either,
    ),
    it(
        "the owner loses power in the middle of a move",
        &[Move("beta"), Wait(8), PowerOff("alpha"), Served("beta")],
        Moves,
    ),
    it(
        "the standby loses power in the middle of a move",
        &[Move("beta"), Wait(8), PowerOff("beta"), Served("alpha")],
        Either,
    ),
    it(
        "all daemons of the owner are killed for two seconds",
        &[KillAll("alpha"), Wait(2000), StartAll("alpha")],
        Stays,
    ),
    it(
        "all daemons of the standby are killed for two seconds",
        &[KillAll("beta"), Wait(2000), StartAll("beta")],
        Stays,
    ),
    it("both hbd are killed for two seconds", &[Kill("alpha", "hbd"), Kill("beta", "hbd"), Wait(2000)], Stays),
    it(
        "both arbiterd are killed for two seconds",
        &[Kill("alpha", "arbiterd"), Kill("beta", "arbiterd"), Wait(2000)],
        Stays,
    ),
    it("both resd are killed for two seconds", &[Kill("alpha", "resd"), Kill("beta", "resd"), Wait(2000)], Stays),
    it("the owner's daemons stand still for two seconds", &[Freeze("alpha"), Wait(2000), Thaw("alpha")], Stays),
    it("the standby's daemons stand still for two seconds", &[Freeze("beta"), Wait(2000), Thaw("beta")], Stays),
    it("the owner's hbd stands still for two seconds", &[FreezeOne("alpha", "hbd"), Wait(2000), Thaw("alpha")], Stays),
    it(
        "the owner stalls again and again",
        &[Freeze("alpha"), Wait(400), Thaw("alpha"), Wait(200), Freeze("alpha"), Wait(450), Thaw("alpha"), Wait(200)],
        Stays,
    ),
];

/// The same configuration, its networks.
const NETWORKS: &[Scenario] = &[
    it("every heartbeat is lost for two seconds", &[LoseHeartbeats, CableCut, Wait(2000)], Stays),
    it(
        "heartbeats and questions are lost for two seconds",
        &[LoseHeartbeats, LoseQuestions, CableCut, Wait(2000)],
        Stays,
    ),
    it(
        "heartbeats are lost while the owner stands still",
        &[LoseHeartbeats, CableCut, Freeze("alpha"), Wait(2000)],
        Stays,
    ),
    it(
        "heartbeats are lost and the owner's arbiterd dies",
        &[LoseHeartbeats, CableCut, Kill("alpha", "arbiterd"), Wait(2000)],
        Stays,
    ),
    it("one network fails", &[Cut("alpha", "hb"), Wait(1500)], Stays),
    it("the owner's service network fails", &[Cut("alpha", "lan"), Wait(2000)], Either),
    it("the owner's service cable is pulled", &[Unplug("alpha", "lan"), Wait(2500)], Either),
    it("the standby's service cable is pulled", &[Unplug("beta", "lan"), Wait(1500)], Stays),
    it("the standby is cut off from everything", &[CutAll("beta"), Wait(2500)], Stays),
    it("the owner is cut off from everything", &[CutAll("alpha"), Served("beta")], BothFor(1500)),
    it("the nodes are cut from each other, clients reach both", &[Split, Wait(2500), HealAll], BothFor(4500)),
    it("losses in opposite directions", &[Deaf("alpha", "hb"), CableCut, Wait(1500)], Stays),
    it("a third of all packets is lost", &[Lossy(300), Wait(2500)], Stays),
    it("a noisy serial line and a network less", &[CableNoise("alpha"), Cut("beta", "hb"), Wait(1500)], Stays),
    it(
        "a flapping network",
        &[
            Cut("alpha", "hb"),
            Wait(300),
            Heal("alpha", "hb"),
            Wait(200),
            Cut("alpha", "hb"),
            Wait(600),
            Heal("alpha", "hb"),
        ],
        Stays,
    ),
];

/// A volume with a disk lease, an address and an application: level "storage".
const VOLUME: &[Scenario] = &[
    it("the owner of a volume loses power", &[PowerOff("alpha"), Served("beta")], Moves),
    it("the standby of a volume loses power", &[PowerOff("beta"), Wait(1000)], Stays),
    it("a split with a shared volume", &[Split, Wait(3000), HealAll], Either),
    it("the owner of a volume is cut off from every network", &[CutAll("alpha"), Wait(3000)], Either),
    it(
        "a move of a volume during which the owner dies",
        &[Move("beta"), Wait(60), PowerOff("alpha"), Served("beta")],
        Moves,
    ),
    it(
        "a move of a volume during which the standby dies",
        &[Move("beta"), Wait(60), PowerOff("beta"), Served("alpha")],
        Either,
    ),
    it(
        "resd of the owner of a volume dies for half a second",
        &[Kill("alpha", "resd"), Wait(500), StartAll("alpha")],
        Stays,
    ),
    it("the application is killed", &[KillApp("alpha"), Wait(1500)], Either),
    it(
        "a takeover during which arbiterd dies",
        &[PowerOff("alpha"), Wait(600), Kill("beta", "arbiterd"), StartAll("beta"), Served("beta")],
        Moves,
    ),
    it(
        "a takeover during which resd dies",
        &[PowerOff("alpha"), Wait(900), Kill("beta", "resd"), StartAll("beta"), Served("beta")],
        Moves,
    ),
];

/// A network and a disk path, with a volume on another disk.
const DISK_PATH: &[Scenario] = &[
    it("the network fails and the disk path lives", &[Split, Wait(2000), HealAll], Stays),
    it("the disk path fails for one node", &[DiskGone("san", "alpha"), Wait(1500), DiskBack("san", "alpha")], Stays),
    it("the disk path fails for both nodes", &[DiskGone("san", "alpha"), DiskGone("san", "beta"), Wait(1500)], Stays),
    it("the disk path hangs", &[DiskHangs("san"), Wait(2500), DiskGoesOn("san")], Stays),
    it("slots are wiped with zeros", &[DiskWiped("san", 0), Wait(800)], Stays),
    it("slots are overwritten with garbage", &[DiskWiped("san", 0xa5), Wait(800)], Stays),
    it(
        "the network fails while the disk path hangs",
        &[DiskHangs("san"), Wait(1000), Split, Wait(2500), HealAll],
        Either,
    ),
    it("the owner with a disk path loses power", &[PowerOff("alpha"), Served("beta")], Moves),
];

fn addresses() -> PairBuilder {
    PairBuilder::new().boot("wait = \"1s\"").path(PathSpec::serial("ser0")).group(GroupSpec::address("web", 0))
}

/// S1 S3 S4 S7 S22 S23 B6: power losses, killed and standing daemons.
#[test]
fn nodes_and_daemons() -> Result<()> {
    play(&addresses().start()?, "web", NODES_AND_DAEMONS)
}

/// S1 S6 S22 S23: failing networks.
#[test]
fn networks() -> Result<()> {
    play(&addresses().start()?, "web", NETWORKS)
}

/// S3 S12 S14 B4: a volume never has two writers, and no count is lost.
#[test]
fn volumes() -> Result<()> {
    play(&PairBuilder::new().group(GroupSpec::service("shop", 0)).start()?, "shop", VOLUME)
}

/// S22 S24 B4: the disk as a path of its own.
#[test]
fn disk_paths() -> Result<()> {
    let san = PathSpec::disk("san").freezable();
    let builder = PairBuilder::new().nets(&["lan"]).paths(&[PathSpec::udp("lan"), san]);
    play(&builder.group(GroupSpec::service("shop", 0)).start()?, "shop", DISK_PATH)
}

/// B4: a checker that sees no two owners proves nothing: where the level allows both, and the bound is taken away, it says so.
#[test]
fn the_judge_sees_two_owners() -> Result<()> {
    let split = [it("a split that must not be", &[Split, Wait(1500), HealAll], Either)];
    let error = play(&addresses().start()?, "web", &split).err().context("two owners were not seen")?;
    let text = format!("{error:#}");
    ensure!(text.contains("two machines answered") && text.contains("a split that must not be"), "{text}");
    Ok(())
}

/// At least forty, and each name once.
#[test]
fn there_are_forty_scenarios() {
    let all = [NODES_AND_DAEMONS, NETWORKS, VOLUME, DISK_PATH].concat();
    let names: std::collections::BTreeSet<&str> = all.iter().map(|scenario| scenario.name).collect();
    assert!(all.len() >= 40 && names.len() == all.len(), "{} scenarios, {} names", all.len(), names.len());
}
