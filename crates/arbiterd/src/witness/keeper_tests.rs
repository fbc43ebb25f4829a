//! The keepers of both nodes on one store in memory.

use super::super::memory::Memory;
use super::*;
use hotpair_types::{BootId, Incarnation, NodeId, PairId};

const TTL: Duration = Duration::from_secs(6);
const MS: Duration = Duration::from_millis(1);

fn web() -> GroupName {
    GroupName::new("web").unwrap()
}

fn epoch(number: u64, node: NodeId) -> Epoch {
    Epoch { number, node }
}

struct Node {
    keeper: Keeper<Memory>,
    store: Memory,
    target: WitnessTarget,
}

impl Node {
    fn new(store: &Memory, node: NodeId, run: u64) -> Self {
        let me = Writer { node, boot: BootId([u8::from(node); 16]), run: Incarnation(run) };
        let keeper = Keeper::new(store.clone(), Seal::new(&[1; 32], PairId([7; 8])), me, TTL);
        Self { keeper, store: store.clone(), target: WitnessTarget::default() }
    }

    fn wants(&mut self, epoch: Option<Epoch>) {
        self.target.seq += 1;
        self.target.votes = epoch.map(|epoch| (web(), epoch)).into_iter().collect();
    }

    fn try_round(&mut self) -> Result<Round, StoreError> {
        let store = self.store.clone();
        let clock = move || store.with(|inside| inside.now);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.keeper.round(&self.target, &[web()], clock))
    }

    fn view(&mut self) -> VoteView {
        *self.try_round().unwrap().votes.get(&web()).unwrap()
    }

    fn held(&mut self) -> Option<Epoch> {
        match self.view() {
            VoteView::Held { epoch, until } => {
                assert!(until > self.store.with(|inside| inside.now), "held, but over");
                Some(epoch)
            }
            _ => None,
        }
    }
}

/// A store that has given a vote before, with both nodes connected.
fn used() -> (Memory, Node, Node) {
    let store = Memory::default();
    let mut alpha = Node::new(&store, NodeId::FIRST, 1);
    alpha.wants(Some(epoch(1, NodeId::FIRST)));
    assert_eq!(alpha.held(), None, "a store without memory gives nothing at once");
    for _ in 0..6 {
        store.pass(TTL / 6);
        alpha.try_round().unwrap();
    }
    assert_eq!(alpha.held(), Some(epoch(1, NodeId::FIRST)));
    let beta = Node::new(&store, NodeId::SECOND, 2);
    (store, alpha, beta)
}

/// FAULTS W03: the holder keeps it, the other is refused and sees who holds it.
#[test]
fn the_vote_has_one_holder() {
    let (store, mut alpha, mut beta) = used();
    beta.wants(Some(epoch(2, NodeId::SECOND)));
    for _ in 0..20 {
        store.pass(TTL / 3);
        assert_eq!(alpha.held(), Some(epoch(1, NodeId::FIRST)));
        assert_eq!(beta.view(), VoteView::Peer { epoch: epoch(1, NodeId::FIRST) });
    }
}

/// FAULTS W04 F07: a holder that is cut off loses the vote by its own clock before the other can have it.
#[test]
fn a_vote_expires_at_its_holder_before_it_is_given_again() {
    let (store, mut alpha, mut beta) = used();
    let VoteView::Held { until, .. } = alpha.view() else { panic!("not held") };
    beta.wants(Some(epoch(2, NodeId::SECOND)));
    let taken = loop {
        store.pass(MS * 50);
        if beta.held().is_some() {
            break store.with(|inside| inside.now);
        }
    };
    assert!(until < taken, "{until} {taken}");
    assert_eq!(alpha.view(), VoteView::Peer { epoch: epoch(2, NodeId::SECOND) });
}

/// The end of a vote counts from before the keep-alive was sent, however slowly the store answers.
#[test]
fn a_slow_answer_does_not_lengthen_a_vote() {
    let (store, mut alpha, _) = used();
    store.with(|inside| inside.slow = MS * 700);
    let sent = store.with(|inside| inside.now);
    let VoteView::Held { until, .. } = alpha.view() else { panic!("not held") };
    assert_eq!(until, sent.after(TTL - TTL / MARGIN_PART));
}

/// FAULTS T12: a lower epoch, or the same number of the other node, is refused, also when nobody holds the vote.
#[test]
fn a_lower_epoch_is_refused() {
    let (store, mut alpha, mut beta) = used();
    alpha.wants(Some(epoch(5, NodeId::FIRST)));
    store.pass(TTL);
    alpha.try_round().unwrap();
    for _ in 0..8 {
        store.pass(TTL / 6);
        alpha.try_round().unwrap();
    }
    assert_eq!(alpha.held(), Some(epoch(5, NodeId::FIRST)));
    store.pass(TTL * 2);
    for number in [4, 5] {
        beta.wants(Some(epoch(number, NodeId::SECOND)));
        let round = beta.try_round().unwrap();
        assert_eq!(round.votes.get(&web()), Some(&VoteView::Free));
        assert!(round.trouble.iter().any(|why| why.contains("refuses")), "{round:?}");
    }
    beta.wants(Some(epoch(6, NodeId::SECOND)));
    assert_eq!(beta.held(), Some(epoch(6, NodeId::SECOND)));
}

/// A planned move: given back and taken at once, without waiting for an end.
#[test]
fn a_vote_given_back_is_free_at_once() {
    let (store, mut alpha, mut beta) = used();
    alpha.wants(None);
    assert_eq!(alpha.view(), VoteView::Free);
    beta.wants(Some(epoch(2, NodeId::SECOND)));
    assert_eq!(beta.held(), Some(epoch(2, NodeId::SECOND)));
    assert!(store.with(|inside| inside.keys.len()) == 2);
}

/// B6: a new run of the holder's arbiter takes its vote over at once; before it wants it, it does not give it away.
#[test]
fn a_new_run_of_the_holder_takes_it_over() {
    let (store, _, mut beta) = used();
    let mut again = Node::new(&store, NodeId::FIRST, 9);
    assert_eq!(again.view(), VoteView::Free);
    beta.wants(Some(epoch(2, NodeId::SECOND)));
    assert_eq!(beta.view(), VoteView::Peer { epoch: epoch(1, NodeId::FIRST) });
    again.wants(Some(epoch(1, NodeId::FIRST)));
    assert_eq!(again.held(), Some(epoch(1, NodeId::FIRST)));
    store.pass(TTL / 2);
    assert_eq!(again.held(), Some(epoch(1, NodeId::FIRST)));
    store.pass(TTL / 2 + MS);
    assert_eq!(again.held(), Some(epoch(1, NodeId::FIRST)), "it hangs on the old run's lease");
}

/// FAULTS F06: a store that lost its memory gives nothing until whoever held a vote has lost it.
#[test]
fn a_store_without_memory_waits_a_whole_life_of_a_vote() {
    let (store, mut alpha, mut beta) = used();
    let VoteView::Held { until, .. } = alpha.view() else { panic!("not held") };
    beta.wants(Some(epoch(2, NodeId::SECOND)));
    assert_eq!(beta.held(), None);
    // Everything is gone; alpha is cut off and knows nothing of it.
    store.with(|inside| {
        inside.keys.clear();
        inside.leases.clear();
        inside.revision = 0;
    });
    while beta.held().is_none() {
        store.pass(MS * 100);
    }
    assert!(store.with(|inside| inside.now) > until);
}

/// FAULTS F08: another store is no store.
#[test]
fn another_store_is_refused() {
    let (store, mut alpha, _) = used();
    store.with(|inside| inside.cluster = 99);
    let error = alpha.try_round().unwrap_err();
    assert!(error.to_string().contains("another etcd"), "{error}");
}

/// A leader deposed between keep-alive and read has renewed nothing.
#[test]
fn a_keep_alive_counts_only_in_the_same_term() {
    let (store, mut alpha, _) = used();
    store.with(|inside| inside.elect_after_keep_alive = true);
    assert!(alpha.try_round().unwrap_err().to_string().contains("leader"));
    store.with(|inside| inside.elect_after_keep_alive = false);
    assert!(alpha.held().is_some());
}

/// FAULTS T12 X09: what the pair has not written is not believed, and not overwritten.
#[test]
fn a_foreign_value_is_unknown() {
    let (store, mut alpha, _) = used();
    store.with(|inside| {
        let stored = inside.keys.get_mut("web/holder").unwrap();
        stored.value = stored.value.iter().rev().copied().collect();
    });
    let round = alpha.try_round().unwrap();
    assert_eq!(round.votes.get(&web()), Some(&VoteView::Unknown));
    assert!(round.trouble.iter().any(|why| why.contains("etcdctl del")), "{round:?}");
}

/// A lease lost at the store is taken anew; an outage is an error, not an answer.
#[test]
fn outages_are_errors_and_end_well() {
    let (store, mut alpha, _) = used();
    store.with(|inside| inside.down = Some("no route".to_owned()));
    assert_eq!(alpha.try_round(), Err(StoreError::Unreachable("no route".to_owned())));
    store.with(|inside| inside.down = None);
    store.pass(TTL * 3);
    assert_eq!(alpha.held(), Some(epoch(1, NodeId::FIRST)));
}
