//! hbd as the arbiter sees it: paths that turn late and down when nothing arrives, and the advert that came over them.

use core::time::Duration;
use hotpair_types::{
    Advert, Digest, DirectionView, Incarnation, Medium, PathCause, PathName, PathState, PathStats, PathView, PeerView,
    ReceivedAdvert, Stall, Timestamp,
};

/// A path of the scenario.
#[derive(Clone, Debug)]
pub struct PathSpec {
    /// Its name.
    pub name: PathName,
    /// Its medium.
    pub medium: Medium,
    /// Time between heartbeats.
    pub interval: Duration,
    /// Misses until down.
    pub lost: u32,
    /// Time an advert takes over it.
    pub latency: Duration,
}

/// One path's receive direction.
#[derive(Clone, Debug)]
pub struct Ear {
    /// Frames arrive at present.
    pub hearing: bool,
    /// Since when that is so.
    pub since: Timestamp,
    /// Anything was ever heard.
    pub ever: bool,
    /// Judgement.
    pub state: PathState,
    /// Since when.
    pub state_since: Timestamp,
}

impl Ear {
    fn new(now: Timestamp) -> Self {
        Self { hearing: false, since: now, ever: false, state: PathState::Unknown, state_since: now }
    }

    /// Judges afresh.
    fn judge(&mut self, spec: &PathSpec, now: Timestamp) {
        let lasting = now.since(self.since);
        let state = if self.hearing {
            let back = lasting >= spec.interval * 2 || self.state == PathState::Late;
            if back { PathState::Up } else { self.state }
        } else if lasting >= spec.interval * spec.lost {
            PathState::Down
        } else if lasting >= spec.interval && self.state == PathState::Up {
            PathState::Late
        } else {
            self.state
        };
        if state != self.state {
            self.state = state;
            self.state_since = now;
        }
    }
}

/// A run of hbd.
#[derive(Clone, Debug)]
pub struct Hbd {
    /// Its identity.
    pub run: Incarnation,
    /// Per path.
    pub ears: Vec<Ear>,
    /// The peer's newest advert.
    pub advert: Option<(Advert, Timestamp)>,
    /// The peer's arbiter is known to be away.
    pub stale: bool,
    /// Last own stall.
    pub stall: Option<Stall>,
    seq: u64,
}

impl Hbd {
    /// A fresh run.
    pub fn new(run: u64, paths: usize, now: Timestamp) -> Self {
        Self {
            run: Incarnation(run),
            ears: vec![Ear::new(now); paths],
            advert: None,
            stale: false,
            stall: None,
            seq: 0,
        }
    }

    /// Frames on a path begin or cease to arrive.
    pub fn hear(&mut self, path: usize, hearing: bool, now: Timestamp) -> bool {
        let ear = &mut self.ears[path];
        let changed = ear.hearing != hearing;
        if changed {
            ear.hearing = hearing;
            ear.since = now;
            ear.ever |= hearing;
        }
        changed
    }

    /// An own stall: the peer's clocks start again.
    pub fn stalled(&mut self, gap: Duration, now: Timestamp) {
        self.stall = Some(Stall { at: now, gap });
        for ear in &mut self.ears {
            if !ear.hearing && ear.state != PathState::Down {
                ear.since = now;
            }
        }
    }

    /// What it hears on each path: its heartbeats report that.
    pub fn judged(&mut self, paths: &[PathSpec], now: Timestamp) -> Vec<PathState> {
        for (ear, spec) in self.ears.iter_mut().zip(paths) {
            ear.judge(spec, now);
        }
        self.ears.iter().map(|e| e.state).collect()
    }

    /// The view at this moment; `reports`: what the peer's heartbeats say of the other direction.
    pub fn view(&mut self, paths: &[PathSpec], reports: &[PathState], now: Timestamp) -> PeerView {
        self.judged(paths, now);
        let told = self.ears.iter().any(|e| e.hearing);
        self.seq += 1;
        let last_heard = self.ears.iter().filter(|e| e.ever).map(|e| if e.hearing { now } else { e.since }).max();
        PeerView {
            seq: self.seq,
            hbd: self.run,
            taken_at: now,
            peer: None,
            last_heard,
            paths: self
                .ears
                .iter()
                .zip(paths)
                .enumerate()
                .map(|(at, (ear, spec))| PathView {
                    name: spec.name.clone(),
                    medium: spec.medium,
                    priority: 1,
                    interval: spec.interval,
                    lost: spec.lost,
                    rx: DirectionView { state: ear.state, since: ear.state_since, cause: PathCause::None },
                    tx: DirectionView {
                        state: reports.get(at).copied().filter(|_| told).unwrap_or_default(),
                        since: ear.state_since,
                        cause: PathCause::NoReport,
                    },
                    stats: PathStats::default(),
                })
                .collect(),
            last_stall: self.stall,
            stalls: u64::from(self.stall.is_some()),
            advert: self.advert.as_ref().map(|(_, at)| ReceivedAdvert {
                digest: Digest([0; 8]),
                bytes: Vec::new(),
                received_at: *at,
                stale: self.stale,
            }),
            own_advert_confirmed: None,
        }
    }
}
