//! Third parties with real binaries: the vote in a real etcd, and neighbours that look for themselves. The judge is the network, and
//! each node's own kernel where a node is cut off from the judge.
//!
//! Threading: each test has a pair of its own. Needs Debian's etcd-server, etcd-client and openssl.
use std::time::Duration;

use anyhow::{Result, ensure};
use integration_tests::ask::{
    BOUND, answers_throughout, demand, epoch, nothing_moves_for, wait_all_red, wait_rule, wait_verdict,
};
use integration_tests::lab::etcd::{Access, ETCD_PORT, Etcd};
use integration_tests::lab::lookout::Lookout;
use integration_tests::lab::{Fault, FaultId, NODES, Traffic, clock};
use integration_tests::pair::{GroupSpec, Pair, PairBuilder};

/// Life of a vote in these tests, and of the right that hangs on it.
const TTL: Duration = Duration::from_secs(3);
const VOTE: &str = "ttl = \"3s\"\ntimeout = \"500ms\"";
/// With handshake and login for each connection, on a busy machine.
const SECURED_VOTE: &str = "ttl = \"6s\"\ntimeout = \"2s\"";

/// A planned move on a busy machine takes this long at most; without a witness too.
const MOVE: Duration = Duration::from_millis(1500);

struct Bed {
    // Dropped in this order: what runs on the client's machine first.
    etcd: Etcd,
    pair: Pair,
}

impl Bed {
    fn start(require: &str, access: Access) -> Result<Self> {
        let group = GroupSpec::address("web", 0).line(&format!("require = \"{require}\"")).line("lease = \"3s\"");
        let pair = PairBuilder::new().group(group).build()?;
        let vote = if access == Access::Secured { SECURED_VOTE } else { VOTE };
        let text = format!("{}\n{}", pair.config_text(), Etcd::toml(pair.lab(), access, vote));
        pair.lab().write_config(&text)?;
        let etcd = Etcd::start(pair.lab(), access)?;
        pair.start()?;
        pair.wait_healthy()?;
        let bed = Self { etcd, pair };
        bed.wait_vote("alpha")?;
        Ok(bed)
    }

    /// Waits until etcd says that this node holds the vote.
    fn wait_vote(&self, node: &str) -> Result<()> {
        let number = if node == "alpha" { "\"node\":0" } else { "\"node\":1" };
        self.pair
            .wait_until(&format!("{node} holds the vote"), BOUND, || {
                let votes = self.etcd.votes()?;
                let mut lines = votes.lines();
                let holder = lines.by_ref().find(|line| line.ends_with("/web/holder")).and_then(|_| lines.next());
                Ok(holder.is_some_and(|value| value.contains(number)))
            })
            .map(|_| ())
    }

    /// Cuts a node from the witness, and from nothing else: the client's machine is its reference address too.
    fn cut_from_witness(&self, node: &str) -> Result<Vec<FaultId>> {
        let there = Fault { to: Some("client".into()), ..Fault::from("lan", node) };
        let back = Fault { to: Some(node.into()), ..Fault::from("lan", "client") };
        let etcd = [there, back].map(|fault| fault.only(Traffic::Tcp(ETCD_PORT)));
        self.pair.lab().switch().add_faults(&etcd)
    }

    /// Watches both kernels until `done`: never do both have the address.
    fn never_both(&self, what: &str, bound: Duration, mut done: impl FnMut(bool, bool) -> bool) -> Result<Duration> {
        let vip = self.pair.vip("web")?;
        let mut both = None;
        let took = self.pair.wait_until(what, bound, || {
            // In this order: what beta has it keeps, so alpha's later word proves that both had it.
            let beta = self.pair.lab().beta().has_address(vip)?;
            let alpha = self.pair.lab().alpha().has_address(vip)?;
            if alpha && beta {
                both = Some(clock::now());
            }
            Ok(both.is_some() || done(alpha, beta))
        })?;
        ensure!(both.is_none(), "both nodes have the address\n{}", self.pair.dump());
        Ok(took)
    }

    /// For so long nobody but `owner` (or nobody at all) has the address.
    fn stays(&self, owner: Option<&str>, time: Duration) -> Result<()> {
        let vip = self.pair.vip("web")?;
        let end = clock::now() + time;
        while clock::now() < end {
            for node in NODES {
                let has = self.pair.lab().node(node)?.has_address(vip)?;
                ensure!(has == (owner == Some(node)), "{node} has the address: {has}\n{}", self.pair.dump());
            }
            clock::pause(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// B4, FAULTS W03: the nodes are cut from each other, both see the witness: the owner keeps the vote and serves on without a gap, the
/// standby is refused. Healed, nothing has moved.
#[test]
fn the_owner_keeps_the_vote_in_a_partition() -> Result<()> {
    let bed = Bed::start("witnessed", Access::Open)?;
    let pair = &bed.pair;
    let before = epoch(pair, "alpha", "web")?;
    let ((), seen) = pair.never_dual("web", || {
        answers_throughout(pair, "web", Duration::from_millis(500), || {
            pair.lab().split()?;
            for node in NODES {
                wait_all_red(pair, node)?;
            }
            wait_rule(pair, "beta", "web", "R452")?;
            bed.stays(Some("alpha"), TTL * 4)?;
            pair.lab().heal_all()?;
            pair.wait_healthy().map(|_| ())
        })
        .map(|_| ())
    })?;
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    ensure!(epoch(pair, "beta", "web")? == before, "an epoch was spent");
    Ok(())
}

/// B4, FAULTS W04 F07: the owner is cut from its peer and from the witness: it stops by itself before the other one has the vote and
/// starts; at no instant do both have the address. Back again, it yields.
#[test]
fn a_cut_off_owner_stops_before_the_other_one_starts() -> Result<()> {
    let bed = Bed::start("witnessed", Access::Open)?;
    let pair = &bed.pair;
    pair.lab().alpha().cut_all()?;
    let stopped = bed.never_both("alpha has stopped by itself", BOUND, |alpha, _| !alpha)?;
    let took = bed.never_both("beta has the address", BOUND, |_, beta| beta)?;
    eprintln!("stopped after {stopped:?}, taken over {took:?} later");
    ensure!(stopped <= TTL * 2, "it stopped only after {stopped:?}");
    bed.wait_vote("beta")?;
    pair.wait_owner("web", "beta", BOUND)?;
    pair.lab().heal_all()?;
    pair.wait_healthy()?;
    pair.wait_owner("web", "beta", BOUND)?;
    Ok(())
}

/// B4, L1: the owner loses its power: the other one gets the vote when it has expired, and serves.
#[test]
fn a_dead_owner_loses_the_vote() -> Result<()> {
    let bed = Bed::start("witnessed", Access::Open)?;
    let ((), seen) = bed.pair.never_dual("web", || {
        bed.pair.lab().alpha().power_off()?;
        let took = bed.pair.wait_owner("web", "beta", BOUND)?;
        eprintln!("taken over {took:?} after the power loss, votes live {TTL:?}");
        bed.wait_vote("beta")
    })?;
    ensure!(seen.owners().len() == 2, "not from alpha to beta:\n{}", seen.describe(bed.pair.lab()));
    Ok(())
}

/// FAULTS F06: the witness dies and freezes while the pair talks: nothing happens, clients notice nothing, and commands answer. Back again,
/// the owner has its vote again.
#[test]
fn a_lost_witness_costs_nothing_while_the_pair_talks() -> Result<()> {
    let bed = Bed::start("witnessed", Access::Open)?;
    let pair = &bed.pair;
    answers_throughout(pair, "web", Duration::from_millis(500), || {
        bed.etcd.kill()?;
        nothing_moves_for(pair, 18)?;
        bed.stays(Some("alpha"), TTL)?;
        bed.etcd.run()?;
        bed.wait_vote("alpha")?;

        bed.etcd.freeze()?;
        nothing_moves_for(pair, 18)?;
        let asked = clock::now();
        demand(pair, "alpha", 0, &["status"])?;
        let took = clock::now().saturating_sub(asked);
        ensure!(took < Duration::from_secs(2), "status took {took:?} beside a frozen witness");
        bed.stays(Some("alpha"), TTL)?;
        bed.etcd.thaw()?;
        bed.wait_vote("alpha")
    })?;
    pair.wait_healthy()?;
    Ok(())
}

/// B4, FAULTS W05: no witness and no peer: with `require = "witnessed"` the owner stops within its lease and the standby holds. Healed, one
/// of them serves.
#[test]
fn without_witness_and_peer_nobody_serves() -> Result<()> {
    let bed = Bed::start("witnessed", Access::Open)?;
    let pair = &bed.pair;
    bed.etcd.kill()?;
    nothing_moves_for(pair, 8)?;
    pair.lab().split()?;
    let stopped = bed.never_both("the owner has stopped", BOUND, |alpha, beta| !alpha && !beta)?;
    eprintln!("stopped {stopped:?} after the cut");
    ensure!(stopped <= TTL * 2, "it stopped only after {stopped:?}");
    wait_rule(pair, "beta", "web", "R453")?;
    bed.stays(None, TTL * 2)?;
    pair.lab().heal_all()?;
    bed.etcd.run()?;
    pair.wait_healthy()?;
    Ok(())
}

/// B4: a group that does not require the vote is taken over without it when the witness is away, and the node says so.
#[test]
fn a_group_that_does_not_require_it_goes_on_without_a_witness() -> Result<()> {
    let bed = Bed::start("evidence", Access::Open)?;
    let pair = &bed.pair;
    bed.etcd.kill()?;
    nothing_moves_for(pair, 8)?;
    pair.lab().alpha().power_off()?;
    pair.wait_owner("web", "beta", BOUND)?;
    Ok(())
}

/// S3: with a witness a planned move takes no longer than without; the vote goes along.
#[test]
fn a_planned_move_takes_the_vote_along() -> Result<()> {
    let bed = Bed::start("witnessed", Access::Open)?;
    let pair = &bed.pair;
    let ((), seen) = pair.never_dual("web", || {
        let ((), gaps) = answers_throughout(pair, "web", MOVE, || {
            demand(pair, "alpha", 0, &["switchover", "web", "--to", "beta"])?;
            pair.wait_owner("web", "beta", BOUND)?;
            bed.wait_vote("beta")
        })?;
        eprintln!("planned move: longest gap {:?}", gaps.longest_outage());
        Ok(())
    })?;
    ensure!(seen.owners().len() == 2, "not from alpha to beta:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// FAULTS T12: TLS with certificates on both sides and a user that may write below /hotpair/ only. The vote is taken, kept and passed on.
#[test]
fn the_vote_works_over_tls_with_a_login() -> Result<()> {
    let bed = Bed::start("witnessed", Access::Secured)?;
    let pair = &bed.pair;
    // Longer than a vote lives: it is being renewed.
    nothing_moves_for(pair, 14)?;
    bed.wait_vote("alpha")?;
    pair.lab().alpha().power_off()?;
    pair.wait_owner("web", "beta", BOUND * 2)?;
    bed.wait_vote("beta")
}

/// B4: the standby alone is cut from the witness while the owner dies: it may not take over a group that requires the vote until it reaches
/// the witness again.
#[test]
fn a_standby_without_the_witness_holds() -> Result<()> {
    let bed = Bed::start("witnessed", Access::Open)?;
    let pair = &bed.pair;
    let cut = bed.cut_from_witness("beta")?;
    nothing_moves_for(pair, 4)?;
    pair.lab().alpha().power_off()?;
    let vip = pair.vip("web")?;
    wait_rule(pair, "beta", "web", "R453")?;
    let end = clock::now() + TTL * 3;
    while clock::now() < end {
        ensure!(!pair.lab().beta().has_address(vip)?, "taken over without a vote\n{}", pair.dump());
        clock::pause(Duration::from_millis(100));
    }
    pair.lab().switch().remove_faults(&cut)?;
    pair.wait_owner("web", "beta", BOUND)?;
    Ok(())
}

struct Neighbourhood {
    lookout: Lookout,
    pair: Pair,
}

impl Neighbourhood {
    fn start(required: u32, running: bool) -> Result<Self> {
        let pair = PairBuilder::new()
            .group(GroupSpec::address("web", 0))
            .safety("window = \"200ms\"")
            .safety(&format!("neighbours_required = {required}"))
            .toml(&Lookout::toml())
            .build()?;
        let lookout = Lookout::new(pair.lab())?;
        if running {
            lookout.start()?;
        }
        pair.start()?;
        pair.wait_healthy()?;
        Ok(Self { lookout, pair })
    }
}

/// S23, FAULTS W08: the nodes are cut from each other on every network, but a neighbour sees both: neither takes anything over, and the reason
/// names the neighbour. Without it, this is the cut that no evidence can tell from a dead peer.
#[test]
fn what_a_neighbour_sees_alive_is_not_taken_over() -> Result<()> {
    let bed = Neighbourhood::start(0, true)?;
    let pair = &bed.pair;
    let ((), seen) = pair.never_dual("web", || {
        pair.lab().split()?;
        wait_all_red(pair, "beta")?;
        wait_verdict(pair, "beta", "peer-alive")?;
        nothing_moves_for(pair, 16)?;
        let story = pair.explain("beta", &["--why-not", "web"])?;
        ensure!(story.contains("desk"), "the neighbour is not named: {story}\n{}", bed.lookout.log());
        pair.lab().heal_all()?;
        pair.wait_healthy().map(|_| ())
    })?;
    ensure!(seen.owners().len() == 1, "the owner changed:\n{}", seen.describe(pair.lab()));
    Ok(())
}

/// S23: the neighbour cannot see the dead owner either: the takeover goes on as without it, also where its word is required.
#[test]
fn what_a_neighbour_cannot_see_is_taken_over() -> Result<()> {
    let bed = Neighbourhood::start(1, true)?;
    let pair = &bed.pair;
    pair.lab().alpha().power_off()?;
    let took = pair.wait_owner("web", "beta", BOUND)?;
    eprintln!("taken over {took:?} after the power loss");
    let log = bed.lookout.log();
    ensure!(log.contains("CannotSee"), "the neighbour was not asked: {log}");
    Ok(())
}

/// S23: `neighbours_required = 1` and no neighbour answers: a round proves nothing, the standby holds; when the neighbour is there and cannot
/// see the peer either, it takes over.
#[test]
fn a_required_neighbour_is_waited_for() -> Result<()> {
    let bed = Neighbourhood::start(1, false)?;
    let pair = &bed.pair;
    pair.lab().alpha().power_off()?;
    wait_verdict(pair, "beta", "isolated")?;
    nothing_moves_for(pair, 10)?;
    ensure!(!pair.lab().beta().has_address(pair.vip("web")?)?, "taken over without the neighbour");
    bed.lookout.start()?;
    pair.wait_owner("web", "beta", BOUND)?;
    Ok(())
}
