//! `kind = "volume"` (S14): a file system on a shared device, mounted by one node at a time.
//!
//! Start: find the device, take the protection, drop cached blocks, check, mount. Stop: end the mount's users, unmount for
//! real, confirm that nobody on this node has the device any more, and only then give the protection back. What cannot be
//! confirmed is a failure.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hotpair_config::model::{FsType, FsckPolicy};
use hotpair_runtime::clock;
use hotpair_types::{FailureScope, Timestamp};
use resource_core::{Outcome, ResourceEvent};
use rustix::process::Signal;

use super::{EventSink, Op, OpContext, ResourceKind, failed, held, node_lacks, unknown};
use crate::act::exec::{self, End, Program, passed};
use crate::act::lease_keeper::{Keeper, Status};
use crate::act::{evict, mount};
use crate::reservation::{self, Guard, Refused, Standing};

/// Between two looks at a lease that is held while nothing is mounted.
const IDLE: Duration = Duration::from_millis(200);
/// Between two looks at the reservation.
const WATCH: Duration = Duration::from_secs(1);
/// Pause between two tries to unmount.
const RETRY: Duration = Duration::from_millis(50);
/// From TERM to KILL for users of the mount, at most.
const GRACE: Duration = Duration::from_secs(5);

/// Of e2fsck, when another node has the file system mounted (`EXT2_ET_MMP_FAILED`).
const MMP_ACTIVE: &str = "MMP: device currently active";

/// What keeps the other node from writing.
#[derive(Debug)]
pub enum Protection {
    /// hotpair's disk lease.
    Lease(Keeper),
    /// ext4's own.
    Mmp,
    /// The disk's, by SCSI-3 persistent reservation.
    Reservation(Guard),
    /// Nothing.
    None,
}

/// What the configuration says, for this node.
#[derive(Clone, Debug)]
pub struct VolumeSettings {
    /// Device as configured.
    pub device: String,
    /// Where it is mounted.
    pub point: PathBuf,
    /// Type.
    pub fs: FsType,
    /// Mount options.
    pub options: Vec<String>,
    /// Check before mounting.
    pub fsck: FsckPolicy,
    /// This node's name.
    pub node: String,
    /// Mark of programs run for it.
    pub mark: String,
}

#[derive(Debug)]
struct Shared {
    settings: VolumeSettings,
    protection: Protection,
    events: EventSink,
    /// We have it mounted.
    active: AtomicBool,
    /// A mount or unmount that outlived its limit is still under way in the kernel.
    stuck: AtomicBool,
}

/// A volume on this node.
#[derive(Debug)]
pub struct Volume(Arc<Shared>);

impl Volume {
    /// Starts watching its lease, if it has one.
    pub fn new(settings: VolumeSettings, protection: Protection, events: EventSink) -> Self {
        let (active, stuck) = (AtomicBool::new(false), AtomicBool::new(false));
        let shared = Arc::new(Shared { settings, protection, events, active, stuck });
        match shared.protection {
            Protection::Lease(_) => {
                tokio::spawn(Arc::clone(&shared).watch_lease());
                tokio::spawn(Arc::clone(&shared).watch_peer());
            }
            Protection::Reservation(_) => {
                tokio::spawn(Arc::clone(&shared).watch_reservation());
            }
            Protection::Mmp | Protection::None => {}
        }
        Self(shared)
    }
}

impl Shared {
    fn keeper(&self) -> Option<&Keeper> {
        match &self.protection {
            Protection::Lease(keeper) => Some(keeper),
            Protection::Mmp | Protection::Reservation(_) | Protection::None => None,
        }
    }

    /// Fails closed: a lease that is lost, or whose keeper hangs past its end, takes the volume down at once.
    async fn watch_lease(self: Arc<Self>) {
        let Some(keeper) = self.keeper() else { return };
        let mut status = keeper.status();
        loop {
            let active = self.active.load(Ordering::Relaxed);
            // A keeper that hangs past its end while nothing is mounted: looked at now and then, for it may be mounted yet.
            let now = clock::now();
            let end = keeper.held_until().map(|end| if active { end } else { end.max(now.after(IDLE)) });
            let expiry = async {
                match end {
                    Some(end) => passed(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = status.changed() => if changed.is_err() { return },
                () = expiry => {}
            }
            if !self.active.load(Ordering::Relaxed) {
                // Readiness rests on the lease area: a standby whose first look came late, or whose area came back, is
                // not to be called unready until the next round.
                if matches!(*status.borrow(), Status::Watching { .. }) {
                    self.events.send(ResourceEvent::Recheck);
                }
                continue;
            }
            if let Some(text) = self.lease_trouble() {
                self.events.send(ResourceEvent::Failed { text, scope: FailureScope::Resource });
                // Said once; what follows is the core's. Woken again by the next change.
                if status.changed().await.is_err() {
                    return;
                }
            }
        }
    }

    /// Passes on what the other node's slot says of its life.
    async fn watch_peer(self: Arc<Self>) {
        let Some(mut moved) = self.keeper().map(Keeper::peer_moved) else { return };
        while moved.changed().await.is_ok() {
            if let Some(at) = *moved.borrow_and_update() {
                self.events.send(ResourceEvent::PeerLease(at));
            }
        }
    }

    /// Fails closed: whoever was fenced by the storage stops, and stays stopped by this ownership.
    async fn watch_reservation(self: Arc<Self>) {
        let Protection::Reservation(guard) = &self.protection else { return };
        let mut told = String::new();
        loop {
            passed(clock::now().after(WATCH)).await;
            if !self.active.load(Ordering::Relaxed) {
                continue;
            }
            let standing = match self.paths(clock::now().after(WATCH)).await {
                Ok(paths) => guard.check(&paths).await,
                Err(text) => Standing::Unknown(text),
            };
            match standing {
                Standing::Held => told.clear(),
                // A restart on the spot would take it back from the rightful owner.
                Standing::Taken(text) if self.active.load(Ordering::Relaxed) => {
                    self.events.send(ResourceEvent::Failed { text, scope: FailureScope::Node });
                }
                Standing::Taken(_) => {}
                Standing::Unknown(text) if text != told => {
                    tracing::warn!(why = %text, "the reservation of the volume cannot be looked at");
                    told = text;
                }
                Standing::Unknown(_) => {}
            }
        }
    }

    /// Every path to the disks below the device.
    async fn paths(&self, deadline: Timestamp) -> Result<Vec<PathBuf>, String> {
        let spec = self.settings.device.clone();
        let look = move || mount::device(&spec).and_then(|device| reservation::paths(&device));
        let found = self.blocking(deadline, look).await;
        found.unwrap_or_else(|| Err(format!("device {} does not answer", self.settings.device)))
    }

    fn lease_trouble(&self) -> Option<String> {
        let keeper = self.keeper()?;
        match &*keeper.status().borrow() {
            Status::Lost { why } => Some(why.clone()),
            Status::Watching { .. } => Some("the lease of the volume is not held".to_string()),
            Status::Held { .. } => {
                let late = keeper.held_until().is_some_and(|end| clock::now() >= end);
                late.then(|| "the lease of the volume ran out: its device hangs".to_string())
            }
        }
    }

    /// Runs something that blocks, on a thread of its own, at most until `deadline`.
    async fn blocking<T: Send + 'static>(
        &self,
        deadline: Timestamp,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let task = tokio::task::spawn_blocking(work);
        tokio::select! {
            biased;
            done = task => done.ok(),
            () = passed(deadline) => None,
        }
    }

    /// As [`Self::blocking`], for work with effects: while it outlives its limit nothing else is tried.
    async fn effect(
        self: &Arc<Self>,
        deadline: Timestamp,
        work: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) -> Outcome {
        if self.stuck.swap(true, Ordering::SeqCst) {
            return failed("an earlier mount or unmount still hangs in the kernel");
        }
        let shared = Arc::clone(self);
        let done = self.blocking(deadline, move || {
            let result = work();
            shared.stuck.store(false, Ordering::SeqCst);
            result
        });
        match done.await {
            Some(Ok(())) => Outcome::Ok,
            Some(Err(text)) => failed(text),
            None => Outcome::TimedOut,
        }
    }

    async fn device(&self, deadline: Timestamp, cx: &OpContext) -> Result<PathBuf, String> {
        let spec = self.settings.device.clone();
        let found = self.blocking(deadline, move || mount::device(&spec)).await;
        let error = match found {
            Some(Ok(path)) => return Ok(path),
            Some(Err(error)) => error,
            None => return Err(format!("device {} does not answer", self.settings.device)),
        };
        // Without udev: blkid looks at the devices themselves.
        let option = match self.settings.device.split_once('=') {
            Some(("UUID", value)) => ["-U", value],
            Some(("LABEL", value)) => ["-L", value],
            _ => return Err(error),
        };
        let argv = ["blkid"].into_iter().chain(option).map(str::to_string).collect();
        let done = self.run(argv, cx, false).await;
        match done.end {
            End::Code(0) => Ok(PathBuf::from(done.output.trim())),
            _ => Err(error),
        }
    }

    async fn run(&self, argv: Vec<String>, cx: &OpContext, patient: bool) -> exec::Finished {
        let (environment, mark) = (std::collections::BTreeMap::new(), self.settings.mark.clone());
        let program = Program { argv, environment, mark, patient };
        exec::run(&program, cx.timeout, &cx.cancel).await
    }

    /// Journal replay and safe repairs (fsck(8): 0 clean, 1 repaired; the rest needs a person).
    async fn check(&self, device: &Path, cx: &OpContext) -> Result<(), Outcome> {
        if self.settings.fsck == FsckPolicy::Skip || self.settings.fs != FsType::Ext4 {
            return Ok(()); // XFS replays its journal when mounted; its fsck does nothing.
        }
        let device = device.display().to_string();
        let done = self.run(vec!["fsck.ext4".into(), "-p".into(), device.clone()], cx, true).await;
        match &done.end {
            End::Code(0 | 1) => Ok(()),
            // Of two nodes that share it the other one has it.
            End::Code(_) if self.mmp() && done.output.contains(MMP_ACTIVE) => Err(held(self.mmp_refusal(&device))),
            End::Code(code) => Err(failed(super::app::said(
                &format!("fsck of {device} ended with code {code}; run `fsck.ext4 -f {device}` by hand"),
                &done,
            ))),
            End::Killed => Err(Outcome::TimedOut),
            End::Missing(error) => Err(node_lacks(format!("fsck.ext4 is missing ({error}); install e2fsprogs"))),
            End::Signal(signal) => Err(failed(format!("fsck of {device} was ended by signal {signal}"))),
            End::NotStarted(error) => Err(failed(format!("fsck could not be run: {error}"))),
        }
    }

    fn mmp(&self) -> bool {
        matches!(self.protection, Protection::Mmp)
    }

    fn mmp_refusal(&self, device: &str) -> String {
        format!(
            "the multiple-mount protection of {device} says that the volume is in use on the other node; stop it there first"
        )
    }

    async fn protect(&self, device: &Path, deadline: Timestamp, cx: &OpContext) -> Result<(), Outcome> {
        match &self.protection {
            Protection::None => Ok(()),
            Protection::Lease(keeper) => {
                let taken = tokio::select! {
                    result = keeper.acquire(deadline) => result,
                    () = cx.cancel.cancelled() => Err("it is not wanted any more".to_string()),
                };
                taken.map_err(|text| if Keeper::in_use(&text) { held(text) } else { failed(text) })
            }
            Protection::Reservation(guard) => {
                let paths = self.paths(deadline).await.map_err(node_lacks)?;
                let taken = tokio::select! {
                    biased;
                    taken = guard.take(&paths, cx.epoch) => taken,
                    () = passed(deadline) => return Err(Outcome::TimedOut),
                };
                taken.map_err(|why| match why {
                    Refused::Held(text) => held(text),
                    Refused::Lacks(text) => node_lacks(text),
                    Refused::Failed(text) => failed(text),
                })
            }
            Protection::Mmp => {
                let path = device.to_path_buf();
                match self.blocking(deadline, move || mount::has_mmp(&path)).await {
                    Some(Ok(true)) => Ok(()),
                    Some(Ok(false)) => Err(failed(format!(
                        "the file system on {0} has no multiple-mount protection, which `protection = \"mmp\"` demands; \
                         unmount it everywhere and run `tune2fs -O mmp {0}`",
                        device.display()
                    ))),
                    Some(Err(text)) => Err(failed(text)),
                    None => Err(failed(format!("device {} does not answer", device.display()))),
                }
            }
        }
    }

    async fn start(self: &Arc<Self>, cx: &OpContext) -> Outcome {
        let deadline = clock::now().after(cx.timeout);
        let device = match self.device(deadline, cx).await {
            Ok(device) => device,
            Err(text) => return node_lacks(text),
        };
        match self.mounted(deadline).await {
            Ok(Some(_)) => return self.adopt().await,
            Ok(None) => {}
            Err(text) => return failed(text),
        }
        if let Err(outcome) = self.protect(&device, deadline, cx).await {
            return outcome;
        }
        let outcome = self.mount(&device, cx).await;
        if outcome == Outcome::Ok {
            self.active.store(true, Ordering::Relaxed);
        }
        outcome
    }

    async fn mount(self: &Arc<Self>, device: &Path, cx: &OpContext) -> Outcome {
        let path = device.to_path_buf();
        let limit = clock::now().after(cx.timeout);
        match self.blocking(limit, move || mount::drop_cache(&path)).await {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                return failed(format!("cached blocks of {} cannot be dropped: {error}", device.display()));
            }
            None => return Outcome::TimedOut,
        }
        if let Err(outcome) = self.check(device, cx).await {
            return outcome;
        }
        let lease_over = self.keeper().is_some_and(|k| k.held_until().is_none_or(|end| clock::now() >= end));
        if lease_over || cx.not_after.is_some_and(|end| clock::now() >= end) || cx.cancel.is_cancelled() {
            return failed("the right to mount it has ended meanwhile");
        }
        let (settings, device) = (self.settings.clone(), device.to_path_buf());
        let refused = Arc::new(AtomicBool::new(false));
        let (mark, disk) = (Arc::clone(&refused), device.display().to_string());
        let outcome = self.effect(clock::now().after(cx.timeout), move || {
            std::fs::create_dir_all(&settings.point).map_err(|e| format!("{}: {e}", settings.point.display()))?;
            mount::mount(&device, &settings.point, settings.fs.as_str(), &settings.options).map_err(|error| {
                // Busy, though nobody on this node has it.
                let elsewhere = error.raw_os_error() == Some(libc::EBUSY) && mount::unclaimed(&device).unwrap_or(false);
                mark.store(elsewhere, Ordering::SeqCst);
                explain_mount(&settings, &device, &error)
            })
        });
        let outcome = outcome.await;
        if self.mmp() && refused.load(Ordering::SeqCst) {
            return held(self.mmp_refusal(&disk));
        }
        outcome
    }

    /// Our mount, if it is there.
    async fn mounted(&self, deadline: Timestamp) -> Result<Option<mount::Mount>, String> {
        let (point, spec) = (self.settings.point.clone(), self.settings.device.clone());
        let look = move || {
            let Some(found) = mount::at(&point).map_err(|e| format!("mounts cannot be read: {e}"))? else {
                return Ok(None);
            };
            // A device that has gone cannot be compared; what is mounted there is then taken for ours.
            if let Ok(number) = mount::device(&spec).and_then(|d| mount::number(&d).map_err(|e| e.to_string()))
                && number != found.device
            {
                return Err(format!(
                    "another file system (device {}:{}) is mounted at {}; unmount it",
                    found.device.0,
                    found.device.1,
                    point.display()
                ));
            }
            Ok(Some(found))
        };
        match self.blocking(deadline, look).await {
            Some(result) => result,
            None => Err(format!("{} does not answer", self.settings.point.display())),
        }
    }

    /// It is mounted: goes on with it.
    async fn adopt(&self) -> Outcome {
        if let Some(keeper) = self.keeper()
            && keeper.held_until().is_none()
        {
            if let Status::Lost { why } = &*keeper.status().borrow() {
                return failed(why.clone());
            }
            if let Err(text) = keeper.adopt().await {
                return failed(format!("it is mounted, but {text}"));
            }
        }
        if let Protection::Reservation(guard) = &self.protection {
            let standing = match self.paths(clock::now().after(WATCH)).await {
                Ok(paths) => guard.check(&paths).await,
                Err(text) => Standing::Unknown(text),
            };
            // What cannot be asked now is asked again by the watch; the disk refuses the other node meanwhile.
            if let Standing::Taken(text) = standing {
                return node_lacks(format!("it is mounted, but {text}"));
            }
        }
        self.active.store(true, Ordering::Relaxed);
        Outcome::Ok
    }

    async fn stop(self: &Arc<Self>, cx: &OpContext, force: bool) -> Outcome {
        let deadline = clock::now().after(cx.timeout.mul_f32(0.95));
        if self.stuck.load(Ordering::SeqCst) {
            return failed("an earlier mount or unmount still hangs in the kernel");
        }
        loop {
            let found = match self.mounted(deadline).await {
                Ok(Some(found)) => found,
                Ok(None) => break,
                Err(text) => return failed(text),
            };
            let outcome = self.take_down(&found, deadline, force).await;
            if outcome != Outcome::Ok {
                return outcome;
            }
        }
        if let Err(text) = self.confirm_unused(deadline).await {
            return failed(text);
        }
        self.active.store(false, Ordering::Relaxed);
        if let Some(keeper) = self.keeper()
            && let Err(error) = keeper.release().await
        {
            tracing::warn!(%error, "the lease was not given back; the other node will wait for its end");
        }
        if let Protection::Reservation(guard) = &self.protection {
            let given = match self.paths(deadline).await {
                Ok(paths) => guard.give_back(&paths).await,
                Err(text) => Err(text),
            };
            if let Err(error) = given {
                tracing::warn!(%error, "the reservation was not given back; the other node takes it");
            }
        }
        Outcome::Ok
    }

    /// Ends the users of one mount and unmounts it.
    async fn take_down(self: &Arc<Self>, found: &mount::Mount, deadline: Timestamp, force: bool) -> Outcome {
        let (id, point) = (found.id, self.settings.point.clone());
        let begun = clock::now();
        let grace = if force { Duration::ZERO } else { (deadline.since(begun) / 3).min(GRACE) };
        let mut asked = false;
        loop {
            let place = point.clone();
            let busy = Arc::new(AtomicBool::new(false));
            let mark = Arc::clone(&busy);
            let outcome = self.effect(deadline, move || {
                mount::unmount(&place).map_err(|error| {
                    mark.store(error.raw_os_error() == Some(libc::EBUSY), Ordering::SeqCst);
                    format!("{} cannot be unmounted: {error}", place.display())
                })
            });
            let outcome = outcome.await;
            if !busy.load(Ordering::SeqCst) {
                return outcome;
            }
            let signal = if !asked && !grace.is_zero() {
                Some(Signal::TERM)
            } else if clock::now().since(begun) >= grace {
                Some(Signal::KILL)
            } else {
                None
            };
            asked = true;
            let users = self.blocking(deadline, move || match signal {
                Some(signal) => evict::signal(id, signal),
                None => evict::users(id),
            });
            let users = users.await.unwrap_or_default();
            if signal == Some(Signal::TERM) && !users.is_empty() {
                tracing::warn!(users = %evict::describe(&users), point = %point.display(), "ending the users of the volume");
            }
            if clock::now() >= deadline {
                return failed(match users.as_slice() {
                    [] => format!(
                        "{} is busy although no process uses it (a mount or loop device below it?)",
                        point.display()
                    ),
                    users => format!("{} is still used by {}", point.display(), evict::describe(users)),
                });
            }
            passed(clock::now().after(RETRY)).await;
        }
    }

    /// Nobody on this node has the device any more, in no namespace: only that is a stop.
    async fn confirm_unused(&self, deadline: Timestamp) -> Result<(), String> {
        let spec = self.settings.device.clone();
        loop {
            let name = spec.clone();
            let look = self.blocking(deadline, move || match mount::device(&name) {
                Ok(device) => mount::unclaimed(&device).unwrap_or(true),
                Err(_) => true, // Gone: nobody writes to it from here.
            });
            match look.await {
                Some(true) => return Ok(()),
                Some(false) if clock::now() < deadline => passed(clock::now().after(RETRY)).await,
                _ => {
                    return Err(format!(
                        "it was unmounted, but {spec} is still claimed on this node: a bind mount, a mount in another \
                         namespace (container) or another user of the device"
                    ));
                }
            }
        }
    }

    async fn monitor(self: &Arc<Self>, cx: &OpContext, deep: bool) -> Outcome {
        let deadline = clock::now().after(cx.timeout);
        let found = match self.mounted(deadline).await {
            Ok(Some(found)) => found,
            Ok(None) => return Outcome::NotRunning,
            Err(text) => return failed(text),
        };
        if let Some(text) = self.lease_trouble() {
            return failed(text);
        }
        if found.read_only() && !self.settings.options.iter().any(|o| o == "ro") {
            return failed(format!(
                "{} has turned read-only after an error; see the kernel log",
                self.settings.point.display()
            ));
        }
        if !deep || found.read_only() {
            return Outcome::Ok;
        }
        let (point, node) = (self.settings.point.clone(), self.settings.node.clone());
        match self.blocking(deadline, move || mount::write_test(&point, &node)).await {
            Some(Ok(())) => Outcome::Ok,
            Some(Err(error)) => failed(format!("writing to {} fails: {error}", self.settings.point.display())),
            None => Outcome::TimedOut,
        }
    }

    async fn readiness(&self, cx: &OpContext) -> Outcome {
        let deadline = clock::now().after(cx.timeout);
        let device = match self.device(deadline, cx).await {
            Ok(device) => device,
            Err(text) => return node_lacks(text),
        };
        match &self.protection {
            Protection::None => Outcome::Ok,
            Protection::Mmp => match self.protect(&device, deadline, cx).await {
                Ok(()) => Outcome::Ok,
                Err(Outcome::Failed { text, .. }) => node_lacks(text),
                Err(other) => other,
            },
            Protection::Reservation(guard) => match self.paths(deadline).await {
                Ok(paths) => guard.possible(&paths).await.map_or_else(node_lacks, |()| Outcome::Ok),
                Err(text) => node_lacks(text),
            },
            Protection::Lease(keeper) => match &*keeper.status().borrow() {
                Status::Watching { trouble: Some(text) } => node_lacks(text.clone()),
                _ => Outcome::Ok,
            },
        }
    }
}

fn explain_mount(settings: &VolumeSettings, device: &Path, error: &std::io::Error) -> String {
    let (device, point) = (device.display(), settings.point.display());
    match error.raw_os_error() {
        Some(libc::EBUSY) => format!(
            "{device} cannot be mounted at {point}: it is in use, here or (by its multiple-mount protection) on the other node"
        ),
        Some(libc::ENODEV) => format!("this kernel has no file system {}", settings.fs.as_str()),
        Some(libc::EINVAL) => format!(
            "{device} holds no {} file system that can be mounted, or an option is wrong; see the kernel log",
            settings.fs.as_str()
        ),
        _ => format!("{device} cannot be mounted at {point}: {error}"),
    }
}

impl ResourceKind for Volume {
    fn probe<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        Box::pin(async {
            match self.0.mounted(clock::now().after(cx.timeout)).await {
                Ok(Some(_)) => self.0.adopt().await,
                Ok(None) => {
                    self.0.active.store(false, Ordering::Relaxed);
                    Outcome::NotRunning
                }
                Err(text) => unknown(text),
            }
        })
    }

    fn start<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        Box::pin(self.0.start(cx))
    }

    fn stop<'a>(&'a self, cx: &'a OpContext, force: bool) -> Op<'a> {
        Box::pin(self.0.stop(cx, force))
    }

    fn monitor<'a>(&'a self, cx: &'a OpContext, deep: bool) -> Op<'a> {
        Box::pin(self.0.monitor(cx, deep))
    }

    fn readiness<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        Box::pin(self.0.readiness(cx))
    }

    fn hard_limit(&self, cx: &OpContext, start: bool) -> Duration {
        // A file-system check goes on as long as it makes progress (FAULTS D20); each part has its own limit.
        let patient = start && self.0.settings.fsck == FsckPolicy::Preen && self.0.settings.fs == FsType::Ext4;
        if patient { Duration::from_secs(24 * 3600) } else { cx.timeout }
    }
}
