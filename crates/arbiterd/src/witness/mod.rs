//! The witness vote (DESIGN.md, guarantee level `witnessed`): votes for groups in an existing etcd, as a third place.
//!
//! Level-triggered like everything else: the thread is given the newest [`Wanted`] and tells the newest [`WitnessView`]; it goes
//! round and round from what the store says, and remembers nothing that a restart could lose.
//! Threading: a thread and a runtime of its own, so that name resolution, handshakes and hanging endpoints delay nothing else.
//!
//! - [`store`]: what is needed of the third place · [`etcd`]: etcd · `memory`: the tests' · [`value`]: what stands in the keys
//! - [`keeper`]: takes, keeps and gives back votes

pub mod etcd;
pub mod keeper;
#[cfg(test)]
mod memory;
pub mod store;
pub mod value;

use etcd::{Etcd, Options};
use hotpair_config::model::Config;
use hotpair_runtime::clock;
use hotpair_types::{GroupName, Timestamp, VoteView, WitnessTarget, WitnessView};
use keeper::{Keeper, Round};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};
use tokio::sync::watch;
use value::{Seal, Writer};

/// Pause between two rounds while a vote that is wanted is not held.
const EAGER: Duration = Duration::from_millis(250);
/// Longest pause between two rounds.
const CALM: Duration = Duration::from_secs(1);
/// So often is a vote renewed within its life, at least.
const RENEWALS: u32 = 6;
/// The store counts as unreachable after so many failures in a row, at least.
const TRIES: usize = 2;
/// Shortest pause.
const SHORTEST: Duration = Duration::from_millis(20);

/// The witness of the configuration.
#[derive(Clone)]
pub struct Setup {
    /// The store.
    pub options: Options,
    /// Life of a vote.
    pub ttl: Duration,
    /// Signs what is written.
    pub seal: Seal,
    /// This node's run.
    pub me: Writer,
    /// Every configured group.
    pub groups: Vec<GroupName>,
}

impl Setup {
    /// From the configuration; `None`: it has no witness. `credentials` is where the service manager put files it hands over.
    #[must_use]
    pub fn of(config: &Config, me: Writer, credentials: Option<&OsStr>) -> Option<Self> {
        let witness = config.witness.as_ref()?;
        let file = |path: &PathBuf| {
            let handed = credentials.zip(path.file_name()).map(|(dir, name)| Path::new(dir).join(name));
            let beside = || config.file.parent().unwrap_or(Path::new("")).join(path);
            handed.filter(|path| path.exists()).unwrap_or_else(beside)
        };
        Some(Self {
            options: Options {
                endpoints: witness.endpoints.clone(),
                user: witness.login.as_ref().map(|(user, _)| user.clone()),
                password_file: witness.login.as_ref().map(|(_, path)| file(path)),
                ca_file: witness.ca_file.as_ref().map(file),
                cert_file: witness.certificate.as_ref().map(|(cert, _)| file(cert)),
                cert_key_file: witness.certificate.as_ref().map(|(_, key)| file(key)),
                timeout: witness.timeout,
            },
            ttl: witness.ttl,
            seal: Seal::new(config.pair.key.bytes(), config.pair.id),
            me,
            groups: config.groups.iter().map(|group| group.name.clone()).collect(),
        })
    }

    /// Whether votes would be asked for at the same place, in the same way.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.options == other.options
            && self.ttl == other.ttl
            && self.seal == other.seal
            && self.me == other.me
            && self.groups == other.groups
    }
}

/// What the thread works on: replaced as a whole.
#[derive(Clone, Default)]
pub struct Wanted {
    /// The witness; `None`: none is configured. Another `Arc` is another configuration: votes are then taken up afresh.
    pub setup: Option<Arc<Setup>>,
    /// The votes; `None`: the core has not said yet, so none is given back.
    pub target: Option<WitnessTarget>,
}

/// Starts the thread; it ends when the sender of `wanted` is gone. `tell` must not block.
///
/// # Errors
/// When there can be no thread.
pub fn start(wanted: watch::Receiver<Wanted>, tell: impl Fn(WitnessView) + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Not joined: it holds nothing that must be finished, and may be waiting for a name server.
    std::thread::Builder::new().name("witness".to_owned()).spawn(move || runtime.block_on(run(wanted, tell)))?;
    Ok(())
}

async fn run(mut wanted: watch::Receiver<Wanted>, tell: impl Fn(WitnessView)) {
    loop {
        let setup = wanted.borrow_and_update().setup.clone();
        match setup {
            Some(setup) => {
                let store = Etcd::new(setup.options.clone(), setup.seal.prefix());
                if !serve(&mut wanted, &setup, store, &tell).await {
                    return;
                }
            }
            None => {
                if wanted.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

/// With one configuration, until there is another; `false`: nobody wants anything any more.
async fn serve<S: Store>(
    wanted: &mut watch::Receiver<Wanted>,
    setup: &Arc<Setup>,
    store: S,
    tell: &impl Fn(WitnessView),
) -> bool {
    let mut keeper = Keeper::new(store, setup.seal.clone(), setup.me, setup.ttl);
    let mut shown: BTreeMap<GroupName, VoteView> = BTreeMap::new();
    let mut failures = 0_usize;
    loop {
        let now = wanted.borrow_and_update().clone();
        if now.setup.as_ref().is_none_or(|newest| !Arc::ptr_eq(newest, setup)) {
            return true;
        }
        let known = now.target.is_some();
        let target = now.target.unwrap_or_default();
        // Before the core has spoken, this run holds nothing that could be given back.
        let result = keeper.round(&target, &setup.groups, clock::now).await;
        let seq = if known { target.seq } else { 0 };
        let pause = match result {
            Ok(round) => {
                failures = 0;
                shown.clone_from(&round.votes);
                let pause = pause_after(&round, &target, setup.ttl);
                let reason = round.trouble.join("; ");
                tell(WitnessView { seq, reachable: true, reason, votes: round.votes });
                pause
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                tracing::debug!(%error, failures, "the witness");
                let places = keeper.store.next_endpoint();
                forget(&mut shown, clock::now());
                // One failure is none: another place may answer, or the same one a moment later. "Unreachable" has consequences.
                let tries = places.max(TRIES);
                if failures >= tries {
                    tell(WitnessView { seq, reachable: false, reason: words(&error), votes: shown.clone() });
                }
                // Every place is tried without delay at first; then they are given time.
                if failures < tries { SHORTEST } else { EAGER.max(setup.ttl / (2 * RENEWALS)).min(CALM) }
            }
        };
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { return false },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn pause_after(round: &Round, target: &WitnessTarget, ttl: Duration) -> Duration {
    let held = |group| matches!(round.votes.get(group), Some(VoteView::Held { .. }));
    if round.again {
        SHORTEST
    } else if target.votes.keys().all(held) {
        (ttl / RENEWALS).clamp(SHORTEST, CALM)
    } else {
        EAGER
    }
}

/// What may still be said when the store does not answer: a vote stays held until its end, everything else is unknown.
fn forget(votes: &mut BTreeMap<GroupName, VoteView>, now: Timestamp) {
    for vote in votes.values_mut() {
        if !matches!(vote, VoteView::Held { until, .. } if now < *until) {
            *vote = VoteView::Unknown;
        }
    }
}

fn words(error: &StoreError) -> String {
    format!("the witness does not help: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotpair_types::{Epoch, NodeId};

    /// A vote that cannot be renewed stays held until its end, and nothing longer; what the peer had is unknown.
    #[test]
    fn without_answers_only_what_is_held_is_known() {
        let group = |name| GroupName::new(name).unwrap();
        let epoch = Epoch { number: 3, node: NodeId::FIRST };
        let until = Timestamp::from_millis(500);
        let mut votes = BTreeMap::from([
            (group("mine"), VoteView::Held { epoch, until }),
            (group("peers"), VoteView::Peer { epoch }),
            (group("free"), VoteView::Free),
        ]);
        forget(&mut votes, Timestamp::from_millis(499));
        assert_eq!(votes.get("mine"), Some(&VoteView::Held { epoch, until }));
        assert_eq!(votes.get("peers"), Some(&VoteView::Unknown));
        assert_eq!(votes.get("free"), Some(&VoteView::Unknown));
        forget(&mut votes, until);
        assert_eq!(votes.get("mine"), Some(&VoteView::Unknown));
    }
}
