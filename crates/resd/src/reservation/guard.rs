//! The rules by which a node holds the reservation of a volume's disks.
//!
//! - Take: read who is there; keep the epoch; register the own key on every path; reserve, or preempt the other node's key;
//!   read everything back. Only what is read back counts.
//! - Watch: the own key is there and holds the reservation. If it is gone, the other node has taken the volume: this one has
//!   been fenced by the storage. That is final for this ownership.
//! - Give back, after the volume is confirmed unmounted: release, take the own key off every path, forget the epoch.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hotpair_runtime::state_file::{Loaded, StateFile};
use hotpair_types::{Epoch, NodeId, PairId};
use serde::{Deserialize, Serialize};

use super::{Failure, Holder, Key, Reservations, key};

/// Why the reservation was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The other node has it and this one has no right to it (any more): nothing is broken, it is waited for.
    Held(String),
    /// The disk or this node cannot do it.
    Lacks(String),
    /// It failed.
    Failed(String),
}

/// How things stand while the volume is in use here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Ours.
    Held,
    /// Not ours any more: in words.
    Taken(String),
    /// It could not be found out; the disk goes on refusing the other node.
    Unknown(String),
}

/// What is kept: by which ownership the key was registered.
#[derive(Serialize, Deserialize)]
struct Kept {
    epoch: Option<Epoch>,
}

/// The reservation of one volume.
#[derive(Debug)]
pub struct Guard {
    io: Arc<dyn Reservations>,
    own: Key,
    other: Key,
    file: StateFile,
}

impl Guard {
    /// `name`: the volume's, as part of a file name.
    pub fn new(io: Arc<dyn Reservations>, pair: PairId, node: NodeId, state_dir: &Path, name: &str) -> Self {
        let file = StateFile::new(state_dir, &format!("reservation-{name}.state"));
        Self { io, own: key(pair, node), other: key(pair, node.other()), file }
    }

    /// The epoch of the last registration that was not given back.
    fn kept(&self) -> Result<Option<Epoch>, String> {
        let payload = match self.file.load() {
            Loaded::Missing => return Ok(None),
            Loaded::Good(payload) | Loaded::RecoveredFromPrevious { payload, .. } => payload,
            Loaded::Corrupt { why } => return Err(why),
        };
        serde_json::from_str::<Kept>(&payload).map(|kept| kept.epoch).map_err(|e| e.to_string())
    }

    async fn keep(&self, epoch: Option<Epoch>) -> Result<(), String> {
        let text = serde_json::to_string(&Kept { epoch }).map_err(|e| e.to_string())?;
        let file = self.file.clone();
        let stored = tokio::task::spawn_blocking(move || file.store(&text)).await;
        stored.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
    }

    /// Takes the reservation by the ownership `epoch`, from the other node if it has to be.
    pub async fn take(&self, paths: &[PathBuf], epoch: Epoch) -> Result<(), Refused> {
        let Some(first) = paths.first() else { return Err(Refused::Lacks("there is no path to the disk".to_string())) };
        let keys = self.io.keys(first).await.map_err(refused)?;
        if let Some(stranger) = keys.iter().find(|k| **k != self.own && **k != self.other) {
            return Err(Refused::Failed(format!(
                "another system has registered key {stranger:#x} on {0}; if that system is gone, run \
                 `sg_persist --out --clear` on {0} with a registered key",
                first.display()
            )));
        }
        let by = self.kept().map_err(|why| {
            Refused::Failed(format!(
                "whether the key may be registered again is not known ({why}); see the state directory"
            ))
        })?;
        if by == Some(epoch) && !keys.contains(&self.own) && keys.contains(&self.other) {
            return Err(Refused::Held(format!(
                "the other node has taken the reservation of {}: this node was fenced by the storage and does not register \
                 again by the same ownership",
                first.display()
            )));
        }
        self.keep(Some(epoch)).await.map_err(Refused::Failed)?;
        for path in paths {
            self.io.register(path, self.own).await.map_err(refused)?;
        }
        let holder = self.io.holder(first).await.map_err(refused)?;
        let there = self.io.keys(first).await.map_err(refused)?.contains(&self.other);
        match holder {
            _ if there => self.io.preempt(first, self.own, self.other).await.map_err(refused)?,
            Some(Holder { key, registrants_only: true }) if key == self.own => {}
            Some(holder) => {
                return Err(Refused::Failed(format!(
                    "{} is reserved by key {:#x} in another way than hotpair's",
                    first.display(),
                    holder.key
                )));
            }
            None => self.io.reserve(first, self.own).await.map_err(refused)?,
        }
        // The other was registered without holding it: the reservation has still to be made.
        if self.io.holder(first).await.map_err(refused)?.is_none() {
            self.io.reserve(first, self.own).await.map_err(refused)?;
        }
        match self.look(paths).await {
            Ok(Standing::Held) => Ok(()),
            Ok(Standing::Taken(text) | Standing::Unknown(text)) | Err(text) => {
                Err(Refused::Failed(format!("the reservation was not confirmed when it was read back: {text}")))
            }
        }
    }

    /// Could it be taken here, as far as the disk can be asked without changing anything?
    ///
    /// # Errors
    /// In words.
    pub async fn possible(&self, paths: &[PathBuf]) -> Result<(), String> {
        for path in paths {
            self.io.keys(path).await.map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// How things stand. A path that appeared meanwhile gets the key, as long as the reservation is ours.
    pub async fn check(&self, paths: &[PathBuf]) -> Standing {
        let standing = self.look(paths).await.unwrap_or_else(Standing::Unknown);
        let Some(first) = paths.first().filter(|_| standing == Standing::Held) else { return standing };
        let registered = match self.io.keys(first).await {
            Ok(keys) => keys.iter().filter(|k| **k == self.own).count(),
            Err(why) => return Standing::Unknown(why.to_string()),
        };
        if registered >= paths.len() {
            return standing;
        }
        for path in paths {
            if let Err(why) = self.io.register(path, self.own).await {
                return Standing::Unknown(format!("{} could not be registered: {why}", path.display()));
            }
        }
        // Taken in this very moment: then the new registration must not stay.
        let after = self.look(paths).await.unwrap_or_else(Standing::Unknown);
        if matches!(after, Standing::Taken(_)) {
            self.take_off(paths).await;
        }
        after
    }

    async fn look(&self, paths: &[PathBuf]) -> Result<Standing, String> {
        let mut trouble = "there is no path to the disk".to_string();
        for path in paths {
            let asked = async { Ok::<_, Failure>((self.io.keys(path).await?, self.io.holder(path).await?)) };
            let (keys, holder) = match asked.await {
                Ok(found) => found,
                Err(why) => {
                    trouble = why.to_string();
                    continue;
                }
            };
            let shown = path.display();
            return Ok(if !keys.contains(&self.own) {
                Standing::Taken(format!(
                    "the reservation of {shown} was taken: fenced by storage; writes from here are refused"
                ))
            } else if keys.contains(&self.other) {
                Standing::Taken(format!("the other node has registered its key on {shown} and could write"))
            } else {
                match holder {
                    Some(Holder { key, registrants_only: true }) if key == self.own => Standing::Held,
                    Some(_) => Standing::Taken(format!("the reservation of {shown} is another one than hotpair's")),
                    None => {
                        Standing::Taken(format!("nobody holds the reservation of {shown} any more: it was cleared"))
                    }
                }
            });
        }
        Err(trouble)
    }

    /// Gives it back: call it only when the volume is confirmed unmounted.
    ///
    /// # Errors
    /// In words; the other node then preempts what is left.
    pub async fn give_back(&self, paths: &[PathBuf]) -> Result<(), String> {
        let Some(first) = paths.first() else { return Ok(()) };
        let keys = self.io.keys(first).await.map_err(|e| e.to_string())?;
        if !keys.contains(&self.own) {
            return Ok(()); // Taken, or never ours: the epoch stays kept, and with it the rule.
        }
        if self.io.holder(first).await.map_err(|e| e.to_string())?.is_some_and(|h| h.key == self.own) {
            self.io.release(first, self.own).await.map_err(|e| e.to_string())?;
        }
        self.take_off(paths).await;
        let left = self.io.keys(first).await.map_err(|e| e.to_string())?;
        if left.contains(&self.own) {
            return Err(format!("the own key is still registered on {}", first.display()));
        }
        self.keep(None).await
    }

    async fn take_off(&self, paths: &[PathBuf]) {
        for path in paths {
            if let Err(why) = self.io.unregister(path, self.own).await {
                tracing::warn!(path = %path.display(), %why, "the own key could not be taken off a path");
            }
        }
    }
}

fn refused(failure: Failure) -> Refused {
    match failure {
        Failure::Unsupported(text) => Refused::Lacks(text),
        other => Refused::Failed(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Asked, Holder};
    use super::*;
    use std::sync::Mutex;

    /// A disk with paths: each node sees it through its own.
    #[derive(Debug, Default)]
    struct Disk(Mutex<State>);

    #[derive(Debug, Default)]
    struct State {
        /// Path to key.
        keys: Vec<(PathBuf, Key)>,
        holder: Option<Key>,
        log: Vec<String>,
    }

    impl Disk {
        fn now<T: Send + 'static>(
            &self,
            what: String,
            act: impl FnOnce(&mut State) -> Result<T, Failure>,
        ) -> Asked<'_, T> {
            let mut state = self.0.lock().unwrap();
            if !what.is_empty() {
                state.log.push(what);
            }
            let done = act(&mut state);
            Box::pin(std::future::ready(done))
        }

        fn log(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().unwrap().log)
        }
    }

    fn has(state: &State, path: &Path, key: Key) -> Result<(), Failure> {
        state.keys.iter().any(|(p, k)| p == path && *k == key).then_some(()).ok_or(Failure::Conflict)
    }

    impl Reservations for Disk {
        fn keys<'a>(&'a self, _: &'a Path) -> Asked<'a, Vec<Key>> {
            self.now(String::new(), |s| Ok(s.keys.iter().map(|(_, k)| *k).collect()))
        }
        fn holder<'a>(&'a self, _: &'a Path) -> Asked<'a, Option<Holder>> {
            self.now(String::new(), |s| Ok(s.holder.map(|key| Holder { key, registrants_only: true })))
        }
        fn register<'a>(&'a self, path: &'a Path, key: Key) -> Asked<'a, ()> {
            self.now(format!("register {}", path.display()), |s| {
                s.keys.retain(|(p, _)| p != path);
                s.keys.push((path.to_owned(), key));
                Ok(())
            })
        }
        fn unregister<'a>(&'a self, path: &'a Path, key: Key) -> Asked<'a, ()> {
            self.now(format!("unregister {}", path.display()), |s| {
                has(s, path, key)?;
                s.keys.retain(|(p, _)| p != path);
                Ok(())
            })
        }
        fn reserve<'a>(&'a self, path: &'a Path, key: Key) -> Asked<'a, ()> {
            self.now("reserve".into(), |s| {
                has(s, path, key)?;
                if s.holder.is_some_and(|h| h != key) {
                    return Err(Failure::Conflict);
                }
                s.holder = Some(key);
                Ok(())
            })
        }
        fn release<'a>(&'a self, path: &'a Path, key: Key) -> Asked<'a, ()> {
            self.now("release".into(), |s| {
                has(s, path, key)?;
                s.holder = s.holder.filter(|h| *h != key);
                Ok(())
            })
        }
        fn preempt<'a>(&'a self, path: &'a Path, key: Key, other: Key) -> Asked<'a, ()> {
            self.now("preempt".into(), |s| {
                has(s, path, key)?;
                s.keys.retain(|(_, k)| *k != other);
                if s.holder == Some(other) {
                    s.holder = Some(key);
                }
                Ok(())
            })
        }
    }

    struct Pair {
        disk: Arc<Disk>,
        a: Guard,
        b: Guard,
        dir: tempfile::TempDir,
    }

    const PAIR: PairId = PairId([7; 8]);

    fn pair() -> Pair {
        let (disk, dir) = (Arc::new(Disk::default()), tempfile::tempdir().unwrap());
        let guard = |node, name| Guard::new(Arc::clone(&disk) as Arc<dyn Reservations>, PAIR, node, dir.path(), name);
        let (a, b) = (guard(NodeId::FIRST, "a"), guard(NodeId::SECOND, "b"));
        Pair { disk, a, b, dir }
    }

    fn paths(node: &str) -> Vec<PathBuf> {
        ["1", "2"].map(|n| PathBuf::from(format!("{node}{n}"))).to_vec()
    }

    fn epoch(number: u64, node: NodeId) -> Epoch {
        Epoch { number, node }
    }

    /// Every path is registered, the reservation is read back, and given back in order.
    #[tokio::test]
    async fn taken_on_every_path_and_given_back() {
        let p = pair();
        p.a.take(&paths("a"), epoch(1, NodeId::FIRST)).await.unwrap();
        assert_eq!(p.disk.log(), ["register a1", "register a2", "reserve"]);
        assert_eq!(p.a.check(&paths("a")).await, Standing::Held);
        // Once more, as a repair does.
        p.a.take(&paths("a"), epoch(1, NodeId::FIRST)).await.unwrap();
        p.disk.log();
        p.a.give_back(&paths("a")).await.unwrap();
        assert_eq!(p.disk.log(), ["release", "unregister a1", "unregister a2"]);
        p.b.take(&paths("b"), epoch(2, NodeId::SECOND)).await.unwrap();
        assert!(!p.disk.log().contains(&"preempt".to_string()), "a planned move preempts nobody");
        // A clean stop in between: the same ownership may take it again.
        p.b.give_back(&paths("b")).await.unwrap();
        p.b.take(&paths("b"), epoch(2, NodeId::SECOND)).await.unwrap();
    }

    /// A takeover preempts; the old owner sees it, and does not come back by its old right, also not as a new process; by a
    /// new one it does.
    #[tokio::test]
    async fn a_takeover_preempts_for_good() {
        let p = pair();
        p.a.take(&paths("a"), epoch(1, NodeId::FIRST)).await.unwrap();
        p.disk.log();
        p.b.take(&paths("b"), epoch(2, NodeId::SECOND)).await.unwrap();
        assert_eq!(p.disk.log(), ["register b1", "register b2", "preempt"]);
        let Standing::Taken(why) = p.a.check(&paths("a")).await else { panic!("not noticed") };
        assert!(why.contains("was taken: fenced by storage"), "{why}");
        assert_eq!(p.b.check(&paths("b")).await, Standing::Held);
        p.a.give_back(&paths("a")).await.unwrap();
        let again = Guard::new(Arc::clone(&p.disk) as Arc<dyn Reservations>, PAIR, NodeId::FIRST, p.dir.path(), "a");
        p.disk.log();
        for guard in [&p.a, &again] {
            let refused = guard.take(&paths("a"), epoch(1, NodeId::FIRST)).await;
            assert!(
                matches!(&refused, Err(Refused::Held(why)) if why.contains("fenced by the storage")),
                "{refused:?}"
            );
        }
        assert!(p.disk.log().is_empty(), "nothing was written");
        again.take(&paths("a"), epoch(3, NodeId::FIRST)).await.unwrap();
        assert!(matches!(p.b.check(&paths("b")).await, Standing::Taken(_)));
    }

    /// A path that appears later gets the key; strangers and foreign kinds of reservation are named, never preempted.
    #[tokio::test]
    async fn new_paths_and_strangers() {
        let p = pair();
        p.a.take(&paths("a")[..1], epoch(1, NodeId::FIRST)).await.unwrap();
        p.disk.log();
        assert_eq!(p.a.check(&paths("a")).await, Standing::Held);
        assert_eq!(p.disk.log(), ["register a1", "register a2"]);
        p.disk.0.lock().unwrap().holder = None;
        assert!(matches!(p.a.check(&paths("a")).await, Standing::Taken(why) if why.contains("cleared")));
        p.disk.0.lock().unwrap().keys.push(("x".into(), 0xbad));
        let refused = p.b.take(&paths("b"), epoch(2, NodeId::SECOND)).await;
        assert!(matches!(&refused, Err(Refused::Failed(why)) if why.contains("0xbad")), "{refused:?}");
        assert_ne!(key(PAIR, NodeId::FIRST), key(PAIR, NodeId::SECOND));
    }
}
