//! The right to serve, explicitly: owner, watchdog, witness, standby, and messages between them that may be lost or late.
//!
//! One step is one tick of true time in which each of them may or may not run. There are no budgets: the owner may be paused
//! for any length and any number of times, any message may be lost, both may crash. What is asked is whether the standby can have
//! started while the owner is still able to have an effect.
//!
//! - The owner asks the standby for its promise, or the witness for its vote. An answer renews the right if it comes within
//!   `latency` of the question; a later one counts for nothing.
//! - The standby starts when nothing it gave is younger than `takeover`: neither its promise nor the vote at the witness.
//! - The watchdog, once not petted for `watchdog`, resets the owner, which may have effects for another `reset`.
//! - A timer set for D runs out between D(1−ρ) and D(1+ρ) of true time, the same in the whole run.

use crate::explore::{Print, World};
use hotpair_types::timing::Guard;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A configuration; a tick is a nanosecond of [`Guard`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timings {
    /// What ends the effects of an owner that does not renew its right.
    pub guard: Guard,
    /// The owner stops by itself when its right is older than this. (The guards that name it say the same number.)
    pub demote: u32,
    /// From question to answer, at most: J.
    pub latency: u32,
    /// The standby's wait: T_take.
    pub takeover: u32,
    /// 1/ρ; 0: clocks do not drift.
    pub drift_inverse: u32,
    /// A witness can renew the right as well.
    pub witness: bool,
    /// The owner may be paused.
    pub pauses: bool,
}

/// How long the timers really take in one run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Real {
    demote: u32,
    /// Watchdog and reset together: only their sum matters to anybody outside.
    cut: Option<u32>,
    takeover: u32,
}

/// The owner as it is outside: able to have effects, or not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Owner {
    Active,
    Stopped,
}

/// A question to one of those who give the right, and its answer: how long ago it was asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Asked {
    No,
    UnderWay(u32),
    Answered(u32),
}

/// A state. Ages are capped where older makes no difference.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct State {
    real: Real,
    owner: Owner,
    right_age: u32,
    pet_age: u32,
    /// To the standby, and to the witness.
    asked: [Asked; 2],
    /// Age of the standby's promise, and of the vote at the witness.
    given: [u32; 2],
    started: bool,
}

/// What the owner does in a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    Crashes,
    Paused,
    Runs { ask: [bool; 2], hear: [bool; 2] },
}

/// What the standby does in a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standby {
    Waits,
    Anew,
    Starts,
}

/// One tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    owner: Turn,
    answered: [bool; 2],
    standby: Standby,
}

fn bits(n: u32) -> [bool; 2] {
    [n & 1 != 0, n & 2 != 0]
}

fn who(which: [bool; 2]) -> &'static str {
    match which {
        [false, false] => "nobody",
        [true, false] => "the standby",
        [false, true] => "the witness",
        [true, true] => "both",
    }
}

/// The lengths a timer of `ticks` may really have.
fn lengths(ticks: u32, drift_inverse: u32) -> core::ops::RangeInclusive<u32> {
    match ticks.checked_div(drift_inverse) {
        // Rounded inwards: a tick that is only partly within the bound is not within it.
        Some(drift) => ticks - drift..=ticks + drift,
        None => ticks..=ticks,
    }
}

impl Timings {
    fn sources(&self) -> usize {
        if self.witness { 2 } else { 1 }
    }

    /// From the last pet until no effect is left, by the owner's clock.
    fn cut(&self) -> Option<u32> {
        match self.guard {
            Guard::Lease { .. } => None,
            Guard::PetOnRenewal { watchdog, reset } | Guard::PetWhileAlive { watchdog, reset, .. } => {
                u32::try_from((watchdog + reset).as_nanos()).ok()
            }
        }
    }

    /// Its own deadline. A step that began right before it and was paused goes on as if it had not passed.
    fn over(&self, s: &State) -> bool {
        s.right_age > s.real.demote || (!self.pauses && s.right_age == s.real.demote)
    }

    /// The owner's own step, if it is scheduled in this tick.
    fn owner_runs(&self, mut s: State, ask: [bool; 2], hear: [bool; 2]) -> State {
        if s.owner == Owner::Stopped {
            return s;
        }
        let mut renewed = false;
        for (asked, hear) in s.asked.iter_mut().zip(hear).take(self.sources()) {
            if let (Asked::Answered(age), true) = (*asked, hear) {
                *asked = Asked::No;
                renewed |= age <= self.latency;
            }
        }
        if renewed {
            s.right_age = 0;
        }
        if self.over(&s) {
            s.owner = Owner::Stopped;
            return s;
        }
        if renewed || matches!(self.guard, Guard::PetWhileAlive { .. }) {
            s.pet_age = 0;
        }
        for (asked, ask) in s.asked.iter_mut().zip(ask).take(self.sources()) {
            if ask && *asked == Asked::No {
                *asked = Asked::UnderWay(0);
            }
        }
        s
    }

    /// A tick passes: everything gets older, and what is due happens.
    fn tick(&self, mut s: State) -> State {
        s.right_age = (s.right_age + 1).min(s.real.demote + 1);
        s.pet_age = (s.pet_age + 1).min(s.real.cut.unwrap_or(0));
        if s.owner == Owner::Active && s.real.cut.is_some_and(|cut| s.pet_age >= cut) {
            s.owner = Owner::Stopped;
        }
        for asked in &mut s.asked {
            *asked = match *asked {
                // A question that is too old to be answered in time leads nowhere: as good as lost.
                Asked::UnderWay(age) | Asked::Answered(age) if age >= self.latency => Asked::No,
                Asked::UnderWay(age) => Asked::UnderWay(age + 1),
                Asked::Answered(age) => Asked::Answered(age + 1),
                Asked::No => Asked::No,
            };
        }
        for given in &mut s.given {
            *given = (*given + 1).min(s.real.takeover);
        }
        if s.owner == Owner::Stopped {
            // Nobody asks any more; its ages tell nothing.
            (s.right_age, s.pet_age, s.asked) = (0, 0, [Asked::No; 2]);
        }
        s
    }
}

impl World for Timings {
    type State = State;
    type Step = Step;

    fn initial(&self) -> Vec<State> {
        let mut all = Vec::new();
        let cuts: Vec<Option<u32>> = match self.cut() {
            Some(cut) => lengths(cut, self.drift_inverse).map(Some).collect(),
            None => vec![None],
        };
        for demote in lengths(self.demote, self.drift_inverse) {
            for cut in &cuts {
                for takeover in lengths(self.takeover, self.drift_inverse) {
                    all.push(State {
                        real: Real { demote, cut: *cut, takeover },
                        owner: Owner::Active,
                        right_age: 0,
                        pet_age: 0,
                        asked: [Asked::No; 2],
                        given: [0; 2],
                        started: false,
                    });
                }
            }
        }
        all
    }

    fn steps(&self, state: &State, into: &mut Vec<(Step, State)>) {
        if state.started {
            return;
        }
        let choices = 1 << self.sources();
        // First the owner, if it is scheduled in this tick …
        let mut owners = vec![(Turn::Crashes, State { owner: Owner::Stopped, ..*state })];
        if self.pauses {
            owners.push((Turn::Paused, *state));
        }
        for choice in 0..choices * choices {
            let (ask, hear) = (bits(choice % choices), bits(choice / choices));
            owners.push((Turn::Runs { ask, hear }, self.owner_runs(*state, ask, hear)));
        }
        for (owner, s) in owners {
            // … then those who give the right: a question arrives in the tick in which it was asked, later, or never …
            for choice in 0..choices {
                let (mut s, answered) = (s, bits(choice));
                for ((asked, given), answered) in
                    s.asked.iter_mut().zip(&mut s.given).zip(answered).take(self.sources())
                {
                    if let (Asked::UnderWay(age), true) = (*asked, answered) {
                        *asked = Asked::Answered(age);
                        *given = 0;
                    }
                }
                let step = |standby| Step { owner, answered, standby };
                // … and then the standby, as soon as it may; one that is slower is no danger.
                if (0..self.sources()).all(|at| s.given[at] >= s.real.takeover) {
                    into.push((step(Standby::Starts), State { started: true, ..s }));
                    continue;
                }
                // A standby that is started anew does not know what it promised: it waits the whole time.
                let mut anew = s;
                anew.given[0] = 0;
                into.push((step(Standby::Anew), self.tick(anew)));
                into.push((step(Standby::Waits), self.tick(s)));
            }
        }
    }

    fn name(&self, step: Step) -> String {
        let owner = match step.owner {
            Turn::Crashes => "the owner crashes".to_string(),
            Turn::Paused => "the owner is paused".to_string(),
            Turn::Runs { ask, hear } => format!("the owner runs, asks {}, hears {}", who(ask), who(hear)),
        };
        let standby = match step.standby {
            Standby::Waits => "the standby waits",
            Standby::Anew => "the standby is started anew",
            Standby::Starts => "the standby starts",
        };
        format!("{owner}; an answer is given by {}; {standby}", who(step.answered))
    }

    fn check(&self, state: &State) -> Result<(), String> {
        if state.started && state.owner == Owner::Active {
            return Err(format!("both can have effects: {state:?}"));
        }
        Ok(())
    }

    fn print(&self, state: &State) -> Print {
        let hash = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, state).hash(&mut hasher);
            hasher.finish()
        };
        (hash(0), hash(1))
    }
}
