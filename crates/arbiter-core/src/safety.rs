//! The safety check (S23): rounds of probes, and the verdict drawn from them.
//!
//! A round begins when the prober says that its probes are leaving, and is complete `window` later. A positive answer counts at
//! once; silence counts only in a complete round whose probes really left through a working interface.
//! While heartbeats are merely late, rounds follow each other without pause, so that a fresh verdict is there at the moment
//! when the last path goes down (B5). Once all paths are down they are repeated for as long as the silence lasts.

use crate::io::SafetyOrder;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use core::time::Duration;
use hotpair_types::{Evidence, LifeSign, NetworkSelfTest, ProbeKind, Timestamp, Verdict};
use serde::{Deserialize, Serialize};

/// Lines of evidence kept for the record.
const EVIDENCE_KEPT: usize = 64;

/// Why the check runs, if it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// The peer is heard, or nothing is known: no check.
    Off,
    /// Every path is at least late: speculative.
    Late,
    /// Every path is down.
    Silent,
    /// The peer is heard and says that it does not hear this node.
    Unheard,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Round {
    started: Option<Timestamp>,
    self_test: NetworkSelfTest,
    asked_peer: u32,
    send_failed: u32,
    references: u32,
    neighbours: u32,
    life: Option<LifeSign>,
}

impl Round {
    fn verdict(&self, neighbours_required: u32) -> Verdict {
        if let Some(sign) = self.life {
            return Verdict::PeerAlive(sign);
        }
        if self.self_test.with_carrier == 0 && self.self_test.without_carrier > 0 {
            return Verdict::IAmIsolated;
        }
        if self.self_test.references > 0 && self.references == 0 {
            return Verdict::IAmIsolated;
        }
        if self.neighbours < neighbours_required {
            return Verdict::IAmIsolated;
        }
        if self.asked_peer == 0 || self.self_test.with_carrier == 0 {
            return Verdict::Unknown;
        }
        Verdict::NoSign
    }
}

/// State of the check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SafetyCheck {
    window: Duration,
    interval: Duration,
    neighbours_required: u32,
    since: Option<Timestamp>,
    number: u64,
    ordered_at: Timestamp,
    current: Option<Round>,
    completed: Option<(Timestamp, Verdict)>,
    next_at: Option<Timestamp>,
    evidence: VecDeque<String>,
}

impl SafetyCheck {
    /// A check that does not run.
    pub fn new(window: Duration, interval: Duration, neighbours_required: u32) -> Self {
        Self {
            window,
            interval,
            neighbours_required,
            since: None,
            number: 0,
            ordered_at: Timestamp::ZERO,
            current: None,
            completed: None,
            next_at: None,
            evidence: VecDeque::new(),
        }
    }

    /// Takes new timings.
    pub fn set_timing(&mut self, window: Duration, interval: Duration, neighbours_required: u32) {
        self.window = window;
        self.interval = interval;
        self.neighbours_required = neighbours_required;
    }

    /// Runs or stops the check as needed; returns what the prober has to do now.
    pub fn drive(&mut self, need: Need, now: Timestamp) -> Option<SafetyOrder> {
        if need == Need::Off {
            self.current = None;
            self.completed = None;
            self.next_at = None;
            return self.since.take().map(|_| SafetyOrder::Stop);
        }
        if self.since.is_none() {
            self.since = Some(now);
            self.evidence.clear();
            return Some(self.order(now));
        }
        self.complete(need, now);
        let no_answer = self.current.as_ref().is_some_and(|r| r.started.is_none())
            && now >= self.ordered_at.after(self.window + self.interval);
        let due = self.next_at.is_some_and(|at| now >= at)
            // The silence has just become complete, and the last word is from the speculative part: ask afresh at once.
            || (need == Need::Late && self.current.is_none());
        (due || no_answer).then(|| self.order(now))
    }

    fn order(&mut self, now: Timestamp) -> SafetyOrder {
        self.number += 1;
        self.ordered_at = now;
        self.current = Some(Round::default());
        self.next_at = None;
        SafetyOrder::Round(self.number)
    }

    fn complete(&mut self, need: Need, now: Timestamp) {
        let Some(round) = &self.current else { return };
        let Some(started) = round.started else { return };
        if now < started.after(self.window) {
            return;
        }
        self.completed = Some((now, round.verdict(self.neighbours_required)));
        self.current = None;
        self.next_at = match need {
            Need::Silent | Need::Unheard => Some(started.after(self.interval.max(self.window))),
            Need::Late | Need::Off => Some(now),
        };
    }

    /// The prober is sending this round's probes.
    pub fn round_started(&mut self, number: u64, self_test: NetworkSelfTest, now: Timestamp) {
        if number != self.number {
            return;
        }
        if let Some(round) = &mut self.current {
            round.started = Some(now);
            round.self_test = self_test;
        }
    }

    /// Evidence came in.
    pub fn evidence(&mut self, number: u64, evidence: Evidence) {
        let line = match &evidence {
            Evidence::Sent { probe, via } => format!("round {number}: {} sent {via}", probe.as_str()),
            Evidence::SendFailed { probe, via, error } => {
                format!("round {number}: {} could not be sent {via}: {error}", probe.as_str())
            }
            Evidence::Life { probe, sign, via } => {
                format!("round {number}: {} answered {via}: {} alive", probe.as_str(), sign.as_str())
            }
            Evidence::ReferenceAnswered { via } => format!("round {number}: reference answered {via}"),
            Evidence::NeighbourCannotSee { via } => format!("round {number}: neighbour cannot see it either {via}"),
        };
        self.line(line);
        match evidence {
            // An answer to an older round is still a sign of life now: it counts for the running round, or for the last word.
            Evidence::Life { sign, probe, .. } => {
                self.life(sign);
                if probe == ProbeKind::ThirdParty && number == self.number {
                    self.neighbour_answered();
                }
            }
            Evidence::NeighbourCannotSee { .. } if number == self.number => self.neighbour_answered(),
            Evidence::Sent { probe, .. } if number == self.number => {
                if let Some(round) = &mut self.current {
                    round.asked_peer += u32::from(asks_peer(probe));
                }
            }
            Evidence::SendFailed { .. } if number == self.number => {
                if let Some(round) = &mut self.current {
                    round.send_failed += 1;
                }
            }
            // An older answer says nothing of this node's connection now.
            Evidence::ReferenceAnswered { .. } if number == self.number => {
                if let Some(round) = &mut self.current {
                    round.references += 1;
                }
            }
            Evidence::Sent { .. }
            | Evidence::SendFailed { .. }
            | Evidence::ReferenceAnswered { .. }
            | Evidence::NeighbourCannotSee { .. } => {}
        }
    }

    fn neighbour_answered(&mut self) {
        if let Some(round) = &mut self.current {
            round.neighbours += 1;
        }
    }

    /// The peer was seen to write to a shared disk: for the record.
    pub fn note_storage(&mut self, group: &str) {
        self.line(format!("storage: the peer still renews its disk lease of {group}"));
    }

    fn line(&mut self, line: String) {
        if self.evidence.len() == EVIDENCE_KEPT {
            self.evidence.pop_front();
        }
        self.evidence.push_back(line);
    }

    /// When the last round was complete.
    pub fn completed_at(&self) -> Option<Timestamp> {
        self.completed.as_ref().map(|(at, _)| *at)
    }

    /// Longest time between two complete rounds while the silence lasts.
    pub fn pace(&self) -> Duration {
        self.interval.max(self.window) + self.window
    }

    fn life(&mut self, sign: LifeSign) {
        if let Some(round) = &mut self.current {
            round.life = round.life.max(Some(sign));
        } else if let Some((_, verdict)) = &mut self.completed {
            *verdict = Verdict::PeerAlive(sign);
        }
    }

    /// An own stall: what was asked before says nothing now. The next round begins afresh.
    pub fn stalled(&mut self, now: Timestamp) {
        if self.since.is_some() {
            self.current = None;
            self.completed = None;
            self.next_at = Some(now);
        }
    }

    /// What the check says now: the strongest sign of life of the running and the last complete round, or else the word of the
    /// last complete round.
    pub fn verdict(&self, now: Timestamp) -> Option<Verdict> {
        self.since?;
        // A word older than two rounds is no word: the prober hangs.
        let fresh = self.pace() * 2;
        let last = self.completed.as_ref().filter(|(at, _)| now.since(*at) <= fresh).map(|(_, verdict)| verdict);
        let known = match last {
            Some(Verdict::PeerAlive(sign)) => Some(*sign),
            Some(Verdict::NoSign | Verdict::IAmIsolated | Verdict::Unknown) | None => None,
        };
        match self.current.as_ref().and_then(|round| round.life).max(known) {
            Some(sign) => Some(Verdict::PeerAlive(sign)),
            None => Some(last.cloned().unwrap_or(Verdict::Unknown)),
        }
    }

    /// The next instant at which [`SafetyCheck::drive`] has something to do.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.since?;
        match &self.current {
            Some(Round { started: Some(at), .. }) => Some(at.after(self.window)),
            Some(_) => Some(self.ordered_at.after(self.window + self.interval)),
            None => self.next_at,
        }
    }

    /// Since when it runs.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Number of the current round.
    pub fn round(&self) -> u64 {
        self.number
    }

    /// Evidence of the current or last run, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &String> {
        self.evidence.iter()
    }
}

fn asks_peer(probe: ProbeKind) -> bool {
    matches!(
        probe,
        ProbeKind::AskUnicast
            | ProbeKind::AskBroadcast
            | ProbeKind::Arp
            | ProbeKind::NeighbourDiscovery
            | ProbeKind::Echo
    )
}
