//! The state machine: inputs in, frames and views out. `receive.rs` and `send.rs` hold its two halves.

use crate::advert::{OwnAdvert, PeerAdvert};
use crate::config::{ConfigError, HeartbeatConfig, PathTag, Seed, earlier, share};
use crate::frame::{Authenticator, Lists};
use crate::path::Path;
use crate::session::Sessions;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use hotpair_types::{Digest, PeerIdentity, PeerView, Stall, Timestamp};

/// Views that carry only newer statistics come at most so often: an idle pair costs next to nothing.
const STATISTICS_PERIOD: Duration = Duration::from_secs(1);
/// Waking this much too late is ordinary scheduling, however short the intervals are.
const LEAST_STALL: Duration = Duration::from_millis(5);

/// Own port of a path, as far as the operating system knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkState {
    /// Usable.
    Working,
    /// No carrier: cable, switch port or partner is off.
    NoCarrier,
    /// Interface, address or device does not exist; the text says which.
    DeviceMissing(String),
    /// The port answers with an error; the operating system's text.
    IoError(String),
    /// A call on the device does not return; the text says which and for how long.
    Hanging(String),
    /// The area on a shared disk is not this pair's; the text says what it holds.
    ForeignArea(String),
}

/// What can happen to a core.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A datagram or serial frame has arrived on a path.
    Frame {
        /// Where.
        path: PathTag,
        /// As it arrived.
        bytes: &'a [u8],
    },
    /// Bytes on a path that its framing could not make a frame of (serial: checksum, length); only counted.
    Garbage {
        /// Where.
        path: PathTag,
    },
    /// The own port has changed, or is told again.
    Link {
        /// Whose.
        path: PathTag,
        /// Its state now.
        state: LinkState,
    },
    /// A serial line's modem lines.
    ModemLines {
        /// Which line.
        path: PathTag,
        /// DSR, CTS or CD says that the partner is there; `None`: the port has no such lines.
        partner: Option<bool>,
    },
    /// The peer's slot on a shared disk cannot be used. Told again as long as that lasts; it explains silence, and never is more.
    Damaged {
        /// Which path.
        path: PathTag,
        /// What is wrong with it.
        what: String,
    },
    /// How long reading and writing the medium took; only measured.
    IoTimes {
        /// Which path.
        path: PathTag,
        /// The last write.
        write: Option<Duration>,
        /// The longest read since this was told last.
        read: Option<Duration>,
    },
    /// A frame could not be handed to the medium.
    SendFailed {
        /// Where.
        path: PathTag,
        /// The operating system's text.
        text: String,
    },
    /// The own arbiter's advert: at most 64 KiB; empty or longer ones are not taken.
    SetAdvert {
        /// Opaque.
        bytes: Vec<u8>,
    },
    /// Whether the own arbiter has stopped confirming its advert.
    AdvertStale(bool),
    /// Both at once: no frame goes out with the new advert and the old word about it.
    Advert {
        /// As in [`Input::SetAdvert`].
        bytes: Vec<u8>,
        /// As in [`Input::AdvertStale`].
        stale: bool,
    },
    /// The paths or the configuration digest have changed; node, pair and key may not.
    Reconfigure(HeartbeatConfig),
    /// This process is about to end on purpose: tell the peer.
    Leave,
}

/// Why a frame did not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DropReason {
    /// Lengths, magic number or fields.
    #[error("not a frame")]
    Malformed,
    /// Another major protocol version: see the text of the daemons' compatibility.
    #[error("unsupported protocol version")]
    Version,
    /// Another pair, or the other node has another key (the pair id depends on the key).
    #[error("belongs to another pair, or the nodes' keys differ")]
    Foreign,
    /// The keyed tag is wrong.
    #[error("authentication failed")]
    BadMac,
    /// It was sent on another path: cables are crossed, or somebody copies frames.
    #[error("was sent on another path")]
    WrongPath,
    /// A frame of my own.
    #[error("own frame came back")]
    OwnEcho,
    /// Seen before, or of a run of the peer that was replaced.
    #[error("replayed, or of an earlier run of the peer")]
    Replayed,
    /// Its echo shows that it is older than the detection time, or proves nothing.
    #[error("too old, or its freshness is not proven")]
    Stale,
}

/// What a core wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Hand this to the medium now, or not at all: a frame that waits reports old news.
    Send {
        /// On which path.
        path: PathTag,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// The whole view has changed.
    View(PeerView),
    /// A frame was dropped; already counted. Many may come: log them at a bounded rate.
    Dropped {
        /// On which path.
        path: PathTag,
        /// Why.
        reason: DropReason,
    },
    /// A reconfiguration was refused; everything is as it was.
    Refused(ConfigError),
}

/// Heartbeats of one node of a pair.
#[derive(Debug)]
pub struct HeartbeatCore {
    pub(crate) config: HeartbeatConfig,
    pub(crate) seed: Seed,
    pub(crate) auth: Authenticator,
    pub(crate) paths: Vec<Path>,
    pub(crate) sessions: Sessions,
    pub(crate) identity: Option<PeerIdentity>,
    /// Newest nonce of the current run whose level state (reports, flags, confirmation) was taken.
    pub(crate) level_nonce: u64,
    pub(crate) peer_advert_stale: bool,
    pub(crate) peer_advert: PeerAdvert,
    pub(crate) own_advert: Option<OwnAdvert>,
    pub(crate) own_advert_stale: bool,
    pub(crate) confirmed: Option<Digest>,
    pub(crate) leaving: bool,
    pub(crate) last_heard: Option<Timestamp>,
    /// A pause that my clock did not see: the newest nonce sent before it, and how long it was.
    pub(crate) clock_lost: Option<(u64, Duration)>,
    last_stall: Option<Stall>,
    stalls: u64,
    stall_threshold: Duration,
    /// Higher than every sequence number used on a path that is gone.
    sequence_floor: u64,
    /// When this core expected to be called next, and when it last was called.
    planned: Option<Timestamp>,
    last_call: Timestamp,
    view_seq: u64,
    pub(crate) dirty: bool,
    last_view: Option<Timestamp>,
    pub(crate) outputs: VecDeque<Output>,
    /// Memory only; says nothing.
    pub(crate) lists: Lists,
}

impl HeartbeatCore {
    /// A core that has heard nothing yet; its first beats are due at once.
    ///
    /// # Errors
    /// See [`HeartbeatConfig::check`].
    pub fn new(config: HeartbeatConfig, seed: Seed, now: Timestamp) -> Result<Self, ConfigError> {
        let auth = Authenticator::new(config.key.bytes()).ok_or(ConfigError::SelfTest)?;
        Self::with_authenticator(config, auth, seed, now)
    }

    /// The same, with tags made in another way than by the pair's key.
    ///
    /// # Errors
    /// See [`HeartbeatConfig::check`].
    pub fn with_authenticator(
        config: HeartbeatConfig,
        auth: Authenticator,
        seed: Seed,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        if !auth.self_test() {
            return Err(ConfigError::SelfTest);
        }
        let paths: Vec<Path> = config.paths.iter().map(|p| Path::new(p.clone(), now)).collect();
        let mut core = Self {
            stall_threshold: stall_threshold(&config),
            config,
            seed,
            auth,
            paths,
            sessions: Sessions::default(),
            identity: None,
            level_nonce: 0,
            peer_advert_stale: true,
            peer_advert: PeerAdvert::default(),
            own_advert: None,
            own_advert_stale: true,
            confirmed: None,
            leaving: false,
            last_heard: None,
            clock_lost: None,
            last_stall: None,
            stalls: 0,
            sequence_floor: 0,
            planned: None,
            last_call: now,
            view_seq: 0,
            dirty: true,
            last_view: None,
            outputs: VecDeque::new(),
            lists: Lists::default(),
        };
        core.finish(now);
        Ok(core)
    }

    /// Something has happened.
    pub fn handle_input(&mut self, input: Input<'_>, now: Timestamp) {
        let now = self.begin(now);
        match input {
            Input::Frame { path, bytes } => self.on_frame(path, bytes, now),
            Input::Garbage { path } => {
                if let Some(path) = self.path_mut(path) {
                    path.stats.malformed = path.stats.malformed.saturating_add(1);
                }
            }
            Input::Link { path, state } => {
                if let Some(path) = self.path_mut(path) {
                    path.on_link(state, now);
                }
            }
            Input::ModemLines { path, partner } => {
                if let Some(path) = self.path_mut(path) {
                    path.on_modem_lines(partner);
                }
            }
            Input::Damaged { path, what } => {
                if let Some(path) = self.path_mut(path) {
                    path.on_damage(what, now);
                }
            }
            Input::IoTimes { path, write, read } => {
                if let Some(path) = self.path_mut(path) {
                    path.on_io_times(write, read);
                }
            }
            Input::SendFailed { path, text } => {
                if let Some(path) = self.path_mut(path) {
                    path.on_send_failed(text);
                }
            }
            Input::SetAdvert { bytes } => {
                self.set_advert(bytes, now);
            }
            Input::AdvertStale(stale) => self.set_advert_stale(stale, now),
            Input::Advert { bytes, stale } => {
                let before = core::mem::replace(&mut self.own_advert_stale, stale);
                if !self.set_advert(bytes, now) {
                    self.own_advert_stale = before;
                    self.set_advert_stale(stale, now);
                }
            }
            Input::Reconfigure(config) => self.reconfigure(config, now),
            Input::Leave => self.leave(now),
        }
        self.finish(now);
    }

    /// Time has passed: to be called whenever [`Self::poll_timeout`] says so, after all arrived frames were fed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let now = self.begin(now);
        for path in &mut self.paths {
            path.on_timeout(now);
        }
        self.send_due(now);
        self.finish(now);
        // s2n-quic's rule: a deadline that was handled lies in the future, or the shell would spin.
        assert!(self.planned.is_none_or(|at| at > now), "a handled deadline must advance");
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        // As of the last call: nothing changes between calls.
        self.planned
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.paths.iter().fold(None, |at, path| earlier(at, path.deadline()))
    }

    /// The next thing to do, in order; `None`: done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The newest view, as last emitted or as it would be now.
    pub fn view(&self, now: Timestamp) -> PeerView {
        let mut advert = self.peer_advert.held.clone();
        if let Some(advert) = &mut advert {
            advert.stale = self.peer_advert_stale;
        }
        PeerView {
            seq: self.view_seq,
            hbd: self.seed.incarnation,
            taken_at: now,
            peer: self.identity.clone(),
            last_heard: self.last_heard,
            paths: self.paths.iter().map(Path::view).collect(),
            last_stall: self.last_stall,
            stalls: self.stalls,
            advert,
            own_advert_confirmed: self.confirmed,
        }
    }

    pub(crate) fn path_mut(&mut self, tag: PathTag) -> Option<&mut Path> {
        self.paths.iter_mut().find(|p| p.tag == tag)
    }

    /// Every call begins here: time never runs back, and an own stall is noticed before anything is judged.
    fn begin(&mut self, now: Timestamp) -> Timestamp {
        let now = now.max(self.last_call);
        // A deadline already past at the last call counts from that call: its age is no new stall.
        let late = self.planned.map_or(Duration::ZERO, |planned| now.since(planned.max(self.last_call)));
        if late > self.stall_threshold {
            self.record_stall(late, now);
        }
        now
    }

    pub(crate) fn stall_threshold(&self) -> Duration {
        self.stall_threshold
    }

    /// This node did not run, or its clock did not: never held against the peer.
    pub(crate) fn record_stall(&mut self, gap: Duration, now: Timestamp) {
        // Pieces of one pause, as the frames that waited tell them one after the other, are one stall.
        let more = self.last_stall.filter(|s| self.stalls > 0 && now.since(s.at) < self.stall_threshold);
        self.stalls = if more.is_some() { self.stalls } else { self.stalls.saturating_add(1) };
        let before = more.map_or(Duration::ZERO, |s| s.gap);
        self.last_stall = Some(Stall { at: now, gap: before.saturating_add(gap) });
        for path in &mut self.paths {
            path.on_stall(gap, now);
        }
        self.dirty = true;
    }

    fn reconfigure(&mut self, config: HeartbeatConfig, now: Timestamp) {
        let same = config.node == self.config.node && config.pair == self.config.pair && config.key == self.config.key;
        let checked = if same { config.check() } else { Err(ConfigError::IdentityChanged) };
        if let Err(error) = checked {
            self.outputs.push_back(Output::Refused(error));
            return;
        }
        let mut old = core::mem::take(&mut self.paths);
        // Numbers only go up, also on a path that went and came back: the peer's replay window of this run knows its tag.
        let highest = old.iter().map(|p| p.sequence).max().unwrap_or(0);
        self.sequence_floor = self.sequence_floor.max(highest);
        for path in &config.paths {
            let kept = old.iter().position(|p| p.config == *path).map(|at| old.swap_remove(at));
            let mut fresh = Path::new(path.clone(), now);
            fresh.sequence = self.sequence_floor;
            self.paths.push(kept.unwrap_or(fresh));
        }
        self.stall_threshold = stall_threshold(&config);
        self.config = config;
        self.dirty = true;
    }

    /// Every call ends here.
    fn finish(&mut self, now: Timestamp) {
        let peer_heard = self.paths.iter().any(Path::is_alive);
        for path in &mut self.paths {
            self.dirty |= path.refresh(peer_heard, now);
        }
        let statistics_due = self.last_view.is_none_or(|at| now.since(at) >= STATISTICS_PERIOD);
        if self.dirty || statistics_due {
            self.dirty = false;
            self.last_view = Some(now);
            self.view_seq = self.view_seq.saturating_add(1);
            let view = self.view(now);
            self.outputs.push_back(Output::View(view));
        }
        self.last_call = now;
        self.planned = self.next_deadline();
        self.check_invariants(now);
    }

    /// Checked after every call, in production too: a core that contradicts itself must end, not go on judging.
    fn check_invariants(&self, now: Timestamp) {
        assert!(self.sessions.invariant(), "runs of the peer: bounded and in one place each");
        assert!(self.peer_advert.invariant(), "adverts are bounded");
        assert!(self.paths.len() == self.config.paths.len(), "one path per configured path");
        for path in &self.paths {
            assert!(path.invariant(now), "a path contradicts itself");
        }
        assert!(self.sessions.current.is_some() == self.identity.is_some(), "a peer is known by its proven run");
    }
}

/// Half of the shortest interval: later than that, a heartbeat of mine would look missed to the peer.
fn stall_threshold(config: &HeartbeatConfig) -> Duration {
    let shortest = config.paths.iter().map(|p| p.interval).min().unwrap_or(Duration::from_secs(1));
    share(shortest, 1, 2).max(LEAST_STALL)
}
