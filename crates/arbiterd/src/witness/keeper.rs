//! Takes, keeps and gives back this node's votes: one round after the other, each from nothing but what the store says now.
//!
//! A round is keep-alive, read, and what follows from them. Two keys per group: `epoch` (the highest that ever got the vote, for
//! ever) and `holder` (on this node's lease at the store). To take a vote is one transaction that compares the revisions of
//! both as they were read.
//!
//! *Invariant:* a vote is held only if a read that was asked after the keep-alive shows it, through the same connection and in the
//! same term of leadership; it is held until `ttl - margin` after the keep-alive was *sent*. (A leader that is no longer one
//! still answers keep-alives, but not a linearizable read.)
//! *Invariant:* a lower epoch never replaces a higher one, nor an equal one of the other node.
//! *Invariant:* a store that may have lost its memory gives nothing for a whole `ttl`: whoever held a vote before has lost it then.

use super::store::{Lease, Snapshot, Store, StoreError, Stored, Transaction};
use super::value::{Kind, Seal, Vote, Writer, key};
use hotpair_types::{Epoch, GroupName, Timestamp, VoteView, WitnessTarget};
use std::collections::BTreeMap;
use std::time::Duration;

/// Part of the time to live that is never relied on: both clocks may run at different rates, and acting takes time.
const MARGIN_PART: u32 = 20;

/// What a round found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Round {
    /// Per group.
    pub votes: BTreeMap<GroupName, VoteView>,
    /// Why a vote that is wanted is not held, where that needs a person, in words.
    pub trouble: Vec<String>,
    /// Another round at once may bring more.
    pub again: bool,
}

/// The votes of this node's run.
pub struct Keeper<S> {
    /// The store.
    pub store: S,
    seal: Seal,
    me: Writer,
    ttl: Duration,
    lease: Option<Lease>,
    /// The store as it was last seen: which, and its revision.
    seen: Option<(u64, i64)>,
    /// Before this, nothing is taken from a store without memory.
    blank_until: Option<Timestamp>,
    /// Since when a group's memory is missing there.
    missing_since: BTreeMap<GroupName, Timestamp>,
}

impl<S: Store> Keeper<S> {
    /// With no vote yet. A vote lives `ttl` after each renewal.
    pub fn new(store: S, seal: Seal, me: Writer, ttl: Duration) -> Self {
        let (lease, seen, blank_until, missing_since) = (None, None, None, BTreeMap::new());
        Self { store, seal, me, ttl, lease, seen, blank_until, missing_since }
    }

    /// One round, by `clock` (CLOCK_BOOTTIME). `groups`: every configured group.
    ///
    /// # Errors
    /// Why the store could not be asked. What was held before stays held until its end.
    pub async fn round(
        &mut self,
        target: &WitnessTarget,
        groups: &[GroupName],
        clock: impl Fn() -> Timestamp,
    ) -> Result<Round, StoreError> {
        let (lease, until, term) = self.keep_lease(&clock).await?;
        let snapshot = self.store.read().await?;
        let read_at = clock();
        self.judge_memory(&snapshot, read_at)?;
        if term.is_some_and(|term| term != snapshot.term) {
            let changed = "the witness is electing a new leader: its answers do not count now".to_owned();
            return Err(StoreError::Unreachable(changed));
        }
        let mut round = Round::default();
        for group in groups {
            let wanted = target.votes.get(group).copied();
            let (view, step) = self.judge(group, wanted, lease, until, &snapshot, read_at, &mut round.trouble);
            let view = match step {
                None => view,
                Some((step, then)) => match self.store.commit(&step).await {
                    Ok(true) => then,
                    Ok(false) => {
                        round.again = true;
                        VoteView::Unknown
                    }
                    Err(StoreError::NoLease) => {
                        self.lease = None;
                        round.again = true;
                        VoteView::Unknown
                    }
                    Err(error) => return Err(error),
                },
            };
            round.votes.insert(group.clone(), view);
        }
        Ok(round)
    }

    /// The lease, until when what hangs on it is held, and the term in which it was kept alive (`None`: it is new).
    async fn keep_lease(
        &mut self,
        clock: &impl Fn() -> Timestamp,
    ) -> Result<(Lease, Timestamp, Option<u64>), StoreError> {
        let sent = clock();
        if let Some(lease) = self.lease {
            match self.store.keep_alive(lease.id).await {
                Ok(kept) => return Ok((lease, self.end(sent, kept.ttl), Some(kept.term))),
                Err(StoreError::NoLease) => self.lease = None,
                Err(error) => return Err(error),
            }
        }
        let sent = clock();
        let lease = self.store.grant(self.ttl).await?;
        self.lease = Some(lease);
        Ok((lease, self.end(sent, lease.ttl), None))
    }

    fn end(&self, sent: Timestamp, ttl: Duration) -> Timestamp {
        let ttl = ttl.min(self.ttl);
        sent.after(ttl.saturating_sub(ttl / MARGIN_PART))
    }

    /// A store that went back in time, or is another one, has forgotten votes that may still be relied on.
    fn judge_memory(&mut self, snapshot: &Snapshot, now: Timestamp) -> Result<(), StoreError> {
        if let Some((cluster, revision)) = self.seen {
            if cluster != snapshot.cluster {
                return Err(StoreError::Refused(format!(
                    "{} belongs to another etcd than the one that gave votes before ({:x}, not {cluster:x}): let all endpoints name \
                     one etcd; if it was made anew on purpose, restart arbiterd on both nodes, one after the other",
                    self.store.endpoint(),
                    snapshot.cluster
                )));
            }
            if snapshot.revision < revision {
                self.blank_until = Some(now.after(self.ttl));
            }
        }
        self.seen = Some((snapshot.cluster, snapshot.revision));
        Ok(())
    }

    /// One group: what to say of it, or a step and what to say if it succeeds.
    #[expect(clippy::too_many_arguments, reason = "one row of a table: each column is looked at once, here")]
    fn judge(
        &mut self,
        group: &GroupName,
        wanted: Option<Epoch>,
        lease: Lease,
        until: Timestamp,
        snapshot: &Snapshot,
        now: Timestamp,
        trouble: &mut Vec<String>,
    ) -> (VoteView, Option<(Transaction, VoteView)>) {
        let entry = |kind| snapshot.keys.get(&key(group, kind));
        let (epoch_key, holder_key) = (entry(Kind::Epoch), entry(Kind::Holder));
        let read = |kind, stored: Option<&Stored>| stored.map(|s| self.seal.read(group, kind, &s.value)).transpose();
        let (epoch, holder) = match (read(Kind::Epoch, epoch_key), read(Kind::Holder, holder_key)) {
            (Ok(epoch), Ok(holder)) => (epoch, holder),
            (Err(why), _) | (_, Err(why)) => {
                trouble
                    .push(format!("{why}: if nobody else uses it, delete it with `etcdctl del` while both nodes run"));
                return (VoteView::Unknown, None);
            }
        };
        let revision = |stored: Option<&Stored>| stored.map_or(0, |s| s.revision);
        let when =
            vec![(key(group, Kind::Epoch), revision(epoch_key)), (key(group, Kind::Holder), revision(holder_key))];
        let mine = holder.filter(|vote| vote.writer == self.me && holder_key.is_some_and(|s| s.lease == lease.id));
        if let Some(vote) = holder.filter(|vote| vote.writer.node != self.me.node) {
            return (VoteView::Peer { epoch: vote.epoch }, None);
        }
        let Some(wanted) = wanted else {
            // A vote of an earlier run of this node is not given back: what it stands for may still run here. It ends by itself.
            let step = mine.map(|_| {
                (Transaction { when, delete: vec![key(group, Kind::Holder)], ..Transaction::default() }, VoteView::Free)
            });
            return (VoteView::Free, step);
        };
        if mine.is_some_and(|vote| vote.epoch == wanted) && epoch.is_some_and(|vote| vote.epoch == wanted) {
            return (VoteView::Held { epoch: wanted, until }, None);
        }
        if let Some(known) = epoch.map(|vote| vote.epoch).filter(|known| !may_follow(wanted, *known)) {
            trouble.push(format!(
                "the witness refuses the vote of {group} for epoch {wanted}: it has given it for {known}, so this node's \
                 knowledge is old; it learns the rest from its peer"
            ));
            return (VoteView::Free, None);
        }
        if mine.is_none() && !self.remembers(group, epoch, wanted, now) {
            return (VoteView::Free, None);
        }
        let vote = Vote { writer: self.me, epoch: wanted };
        let put = vec![
            (key(group, Kind::Epoch), self.seal.write(group, Kind::Epoch, vote), 0),
            (key(group, Kind::Holder), self.seal.write(group, Kind::Holder, vote), lease.id),
        ];
        let step = Transaction { when, put, delete: Vec::new() };
        (VoteView::Free, Some((step, VoteView::Held { epoch: wanted, until })))
    }

    /// False while the store may have forgotten a vote of this group that is still relied on somewhere.
    fn remembers(&mut self, group: &GroupName, epoch: Option<Vote>, wanted: Epoch, now: Timestamp) -> bool {
        if self.blank_until.is_some_and(|end| now < end) {
            return false;
        }
        let known = epoch.map_or(0, |vote| vote.epoch.number);
        if known > 0 && known.saturating_add(1) >= wanted.number {
            self.missing_since.remove(group);
            return true;
        }
        let since = *self.missing_since.entry(group.clone()).or_insert(now);
        now >= since.after(self.ttl)
    }
}

/// A higher number, or the very same epoch again.
fn may_follow(wanted: Epoch, known: Epoch) -> bool {
    wanted.number > known.number || wanted == known
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
