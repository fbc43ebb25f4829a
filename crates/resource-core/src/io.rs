//! Inputs and outputs of the core: closed enums, so that every one can be recorded and replayed (B3).

use crate::watchdog::WatchdogAct;
use alloc::string::String;
use core::time::Duration;
use hotpair_types::{
    FailureScope, FenceHealth, FenceReport, Generation, GroupName, ObservedView, ResourceName, Target, Timestamp,
    WatchdogState,
};
use serde::{Deserialize, Serialize};

/// One operation ordered by the core; unique within one run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct OpId(pub u64);

/// What is to be done with a resource. All are idempotent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Action {
    /// Does it run? Without side effects.
    Probe,
    /// Bring it up; answered when it serves.
    Start,
    /// Take it down; answered when that is confirmed.
    Stop {
        /// By force: kill what is left of it. Never a lazy unmount or a guess.
        force: bool,
    },
    /// Does it still serve?
    Monitor {
        /// Look deeply.
        deep: bool,
    },
    /// Announce it once more.
    Announce,
    /// While it does not run here: could it? `Ok` says yes; `Failed` says why not.
    CheckReadiness,
    /// Get ready whatever can be without effect.
    Prepare,
}

impl Action {
    /// Word for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Start => "start",
            Self::Stop { force: false } => "stop",
            Self::Stop { force: true } => "stop by force",
            Self::Monitor { deep: false } => "monitor",
            Self::Monitor { deep: true } => "deep monitor",
            Self::Announce => "announce",
            Self::CheckReadiness => "readiness check",
            Self::Prepare => "prepare",
        }
    }
}

/// How an operation ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// Done; for probes and monitors: it runs well.
    Ok,
    /// Confirmed: it does not run.
    NotRunning,
    /// Confirmed failure.
    Failed {
        /// In words, with the cause.
        text: String,
        /// Whose fault.
        scope: FailureScope,
    },
    /// Not finished within its limit; what was left of it was killed where that is possible.
    TimedOut,
    /// It could not be found out. Never to be read as stopped (FAULTS S9).
    Unknown {
        /// Why, in words.
        text: String,
    },
    /// Of a start: refused before anything was done, because the other node still has what it needs (S14: its lease of the
    /// volume). Nothing is broken here, so it is no failure and is tried again for as long as it is wanted.
    Held {
        /// By what, in words.
        text: String,
    },
}

/// Something noticed about a resource outside an operation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ResourceEvent {
    /// It is confirmed gone, and nobody ordered that.
    Vanished(String),
    /// It turned up by itself.
    Appeared,
    /// It failed.
    Failed {
        /// In words.
        text: String,
        /// Whose fault.
        scope: FailureScope,
    },
    /// What had failed with scope `Network` works again.
    Recovered,
    /// Something changed that readiness rests on.
    Recheck,
    /// The other node's lease of the volume was seen to move at this instant: it lives, as far as the storage goes.
    PeerLease(Timestamp),
}

/// What the core is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Input {
    /// arbiterd's order.
    Target(Target),
    /// An operation ended. Unknown and cancelled operations are ignored.
    Done {
        /// Which.
        op: OpId,
        /// How.
        outcome: Outcome,
    },
    /// Something was noticed.
    Event {
        /// The group.
        group: GroupName,
        /// The resource.
        resource: ResourceName,
        /// What.
        event: ResourceEvent,
    },
    /// What became of the target's fence order, and whether the devices answer. Replaces what was said before.
    Fence {
        /// Of the newest order.
        report: Option<FenceReport>,
        /// Of the devices.
        health: FenceHealth,
    },
    /// How the watchdog is after what was done with it.
    Watchdog(WatchdogState),
}

/// Why a target was refused.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// A newer one is in force.
    #[error("target {offered} is older than {accepted}, which is in force")]
    Older {
        /// The refused number.
        offered: Generation,
        /// The number in force.
        accepted: Generation,
    },
    /// Same number, other content: two orders contradict each other.
    #[error("target {0} differs from the target of the same number that is in force: two orders contradict each other")]
    Contradiction(Generation),
    /// Made for another boot of this node.
    #[error("target {0} was made for another boot of this node; nothing is started by it")]
    OtherBoot(Generation),
}

/// What the core wants done, in order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Output {
    /// Keep this target so that a restarted resd of the same boot finds it. Comes before anything done by it.
    PersistTarget(Target),
    /// The answer to the target just handed in: its number, or why it was refused.
    Answer(Result<Generation, Refusal>),
    /// Stop working on an operation. A cancelled start or stop is still answered by `Done` once it has ended; an answer of
    /// any other cancelled operation is ignored.
    Cancel {
        /// Which.
        op: OpId,
    },
    /// Do something with a resource.
    Run {
        /// Its number, to be repeated in `Done`.
        op: OpId,
        /// The group.
        group: GroupName,
        /// The resource.
        resource: ResourceName,
        /// What.
        action: Action,
        /// Limit.
        timeout: Duration,
        /// A start must not begin at or after this instant (the lease): a process that was held up between decision and
        /// effect has lost the right (FAULTS S7).
        not_after: Option<Timestamp>,
    },
    /// Do this with the watchdog, now: before whatever follows. Answered by [`Input::Watchdog`].
    Watchdog(WatchdogAct),
    /// Reset this node: something that must stop does not.
    SelfFence {
        /// Why.
        reason: String,
    },
    /// For the history.
    Note(Note),
    /// The newest view. Replaces all earlier ones.
    View(ObservedView),
}

/// An entry for the history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// The group; `None`: about the whole node.
    pub group: Option<GroupName>,
    /// The resource, if it is about one.
    pub resource: Option<ResourceName>,
    /// What happened.
    pub event: NoteEvent,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum NoteEvent {
    /// A target was refused.
    TargetRefused(Refusal),
    /// Found running at start and left so (B6).
    Adopted,
    /// Found running although nobody ordered that (FAULTS G08).
    FoundRunning,
    /// Started.
    Started {
        /// How long it took.
        took: Duration,
    },
    /// Stopped.
    Stopped {
        /// How long it took.
        took: Duration,
    },
    /// Failed.
    Failed {
        /// In words.
        text: String,
        /// Whose fault.
        scope: FailureScope,
    },
    /// Will be restarted on the spot (S12).
    Repairing {
        /// Which restart within the window, from 1.
        attempt: u32,
        /// After this pause.
        pause: Duration,
    },
    /// Repaired on the spot (S12).
    Repaired {
        /// From the failure until it ran again.
        took: Duration,
    },
    /// The group cannot run here any more.
    GroupFailed {
        /// In words.
        text: String,
        /// Whose fault.
        scope: FailureScope,
    },
    /// The monitor is late.
    Late {
        /// How often in a row.
        times: u32,
    },
    /// No answer could be had from probe or monitor.
    NoAnswer {
        /// Why.
        text: String,
    },
    /// The network of this node does not serve it any more (S6).
    NetworkLost {
        /// In words.
        text: String,
    },
    /// The network serves it again.
    NetworkBack,
    /// A stop failed and is tried again.
    StopRetried {
        /// Why it failed.
        text: String,
        /// Now by force.
        force: bool,
    },
    /// A stop could not be confirmed even by force.
    StopFailed {
        /// Why.
        text: String,
    },
    /// The lease ran out: the group is taken down.
    LeaseExpired,
    /// The watchdog does not guard this node although the configuration says so.
    WatchdogBroken {
        /// Why.
        text: String,
    },
    /// The watchdog guards this node: it resets it so long after the last right was renewed.
    WatchdogArmed {
        /// After so long.
        timeout: Duration,
    },
    /// Nothing runs here that needs the watchdog; it was switched off.
    WatchdogOff,
    /// An announcement or preparation failed.
    Hint {
        /// In words.
        text: String,
    },
}

impl core::fmt::Display for NoteEvent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let ms = |d: &Duration| d.as_millis();
        match self {
            Self::TargetRefused(why) => write!(f, "target refused: {why}"),
            Self::Adopted => f.write_str("found running and adopted"),
            Self::FoundRunning => f.write_str("found running although nobody ordered it"),
            Self::Started { took } => write!(f, "started in {} ms", ms(took)),
            Self::Stopped { took } => write!(f, "stopped in {} ms", ms(took)),
            Self::Failed { text, .. } => write!(f, "failed: {text}"),
            Self::Repairing { attempt, pause } => {
                write!(f, "restart {attempt} on the spot in {} ms", ms(pause))
            }
            Self::Repaired { took } => write!(f, "repaired on the spot in {} ms", ms(took)),
            Self::GroupFailed { text, .. } => write!(f, "the group cannot run here: {text}"),
            Self::Late { times } => write!(f, "monitor late, {times} in a row"),
            Self::NoAnswer { text } => write!(f, "no answer: {text}"),
            Self::NetworkLost { text } => write!(f, "network failed: {text}"),
            Self::NetworkBack => f.write_str("network works again"),
            Self::StopRetried { text, force: false } => {
                write!(f, "stop failed, tried again: {text}")
            }
            Self::StopRetried { text, force: true } => {
                write!(f, "stop failed, now by force: {text}")
            }
            Self::StopFailed { text } => write!(f, "STOP NOT CONFIRMED: {text}"),
            Self::LeaseExpired => f.write_str("the lease ran out without renewal: the group is taken down"),
            Self::WatchdogBroken { text } => write!(f, "NO WATCHDOG: {text}"),
            Self::WatchdogArmed { timeout } => write!(f, "watchdog armed, {} ms", ms(timeout)),
            Self::WatchdogOff => f.write_str("watchdog switched off: nothing runs here that needs it"),
            Self::Hint { text } => f.write_str(text),
        }
    }
}
