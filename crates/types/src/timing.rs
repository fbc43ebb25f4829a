//! The timing inequality (FAULTS.md section 1.6): how long a takeover must wait, counted from the last moment at which the owner
//! may have renewed its right, so that nothing the owner does has an effect any more.
//!
//! ```text
//! (E)·(1 + ρ) + J  ≤  T_take·(1 − ρ)
//!
//! E = T_demote        no watchdog: the owner ends by itself; holds only while no pause outlasts it (FAULTS A5)
//! E = W + R           watchdog petted only in the step that has just renewed the right: T_demote does not appear
//! E = T_demote + W + R  watchdog petted while merely alive (not how hotpair does it; here for the proof that it is worse)
//! ```
//!
//! Pure arithmetic on whole nanoseconds, rounded to the safe side: [`needed`] is the smallest wait for which [`holds`].

use core::time::Duration;
use serde::{Deserialize, Serialize};

/// How far two clocks may drift apart, in parts per million: ρ = 1e-3 (FAULTS A3).
pub const RHO_PPM: u32 = 1_000;
/// J where nothing else is known: sampling and scheduling between the moment a right is renewed and the moment it counts from.
pub const SAMPLING: Duration = Duration::from_millis(100);

const MILLION: u128 = 1_000_000;

/// What ends the effects of an owner that does not renew its right.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Guard {
    /// Its own deadline, and nothing else.
    Lease {
        /// T_demote: from the last renewal until nothing of the group has an effect.
        demote: Duration,
    },
    /// A watchdog that is petted only in the step that has just renewed the right.
    PetOnRenewal {
        /// W: it fires so long after the last pet.
        watchdog: Duration,
        /// R: from then on, until nothing has an effect.
        reset: Duration,
    },
    /// A watchdog that is petted while the process is alive, whatever became of the right.
    PetWhileAlive {
        /// T_demote.
        demote: Duration,
        /// W.
        watchdog: Duration,
        /// R.
        reset: Duration,
    },
}

impl Guard {
    /// E: the longest time from the last renewal to the last effect, by the owner's own clock.
    #[must_use]
    pub const fn longest_effect(&self) -> Duration {
        match *self {
            Self::Lease { demote } => demote,
            Self::PetOnRenewal { watchdog, reset } => watchdog.saturating_add(reset),
            Self::PetWhileAlive { demote, watchdog, reset } => demote.saturating_add(watchdog).saturating_add(reset),
        }
    }
}

/// The inequality's other quantities.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Margins {
    /// ρ in parts per million; below one million.
    pub rho_ppm: u32,
    /// J: sampling and write latency of the right.
    pub sampling: Duration,
}

impl Default for Margins {
    fn default() -> Self {
        Self { rho_ppm: RHO_PPM, sampling: SAMPLING }
    }
}

/// Left side, times a million, in nanoseconds.
fn left(guard: Guard, margins: Margins) -> u128 {
    let effect = guard.longest_effect().as_nanos();
    let rho = u128::from(margins.rho_ppm);
    effect.saturating_mul(MILLION + rho).saturating_add(margins.sampling.as_nanos().saturating_mul(MILLION))
}

/// 1 − ρ, times a million; at least one, so that nothing divides by zero.
fn slow(margins: Margins) -> u128 {
    MILLION.saturating_sub(u128::from(margins.rho_ppm)).max(1)
}

/// Whether a takeover that waits `take` is safe against an owner under this guard.
#[must_use]
pub fn holds(guard: Guard, take: Duration, margins: Margins) -> bool {
    left(guard, margins) <= take.as_nanos().saturating_mul(slow(margins))
}

/// The smallest T_take for which the inequality holds; saturates at [`Duration::MAX`].
#[must_use]
pub fn needed(guard: Guard, margins: Margins) -> Duration {
    from_nanos(left(guard, margins).div_ceil(slow(margins)))
}

/// The longest E for which a takeover that waits `take` is safe; `None`: not even zero.
#[must_use]
pub fn longest_effect_for(take: Duration, margins: Margins) -> Option<Duration> {
    let room = take.as_nanos().saturating_mul(slow(margins)).checked_sub(margins.sampling.as_nanos() * MILLION)?;
    Some(from_nanos(room / (MILLION + u128::from(margins.rho_ppm))))
}

/// The wait of a takeover whose owner ends by itself after `term` (a lease, the life of a vote): `term` with drift and sampling, rounded
/// up to a millisecond. It is [`needed`] for [`Guard::Lease`].
#[must_use]
pub fn take_after(term: Duration) -> Duration {
    let exact = needed(Guard::Lease { demote: term }, Margins::default());
    let millis = exact.as_nanos().div_ceil(MILLION);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

fn from_nanos(nanos: u128) -> Duration {
    u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);
    const NONE: Margins = Margins { rho_ppm: 0, sampling: Duration::ZERO };

    /// FAULTS 1.6: the tables of the toy model, in ticks: s = T_demote, w = W, l = T_take.
    #[test]
    fn the_inequality_agrees_with_the_measured_tables() {
        let tick = |n: u32| n * Duration::from_nanos(1);
        let alive = |s, w| Guard::PetWhileAlive { demote: tick(s), watchdog: tick(w), reset: Duration::ZERO };
        for (s, w, safe) in [(3, 1, true), (3, 2, true), (3, 3, false), (5, 1, false)] {
            assert_eq!(holds(alive(s, w), tick(5), NONE), safe, "while alive, s {s}, w {w}");
        }
        // There the pet comes in the step after the renewal: J is one tick.
        let margins = Margins { sampling: tick(1), ..NONE };
        for (w, safe) in [(4, true), (5, false)] {
            let guard = Guard::PetOnRenewal { watchdog: tick(w), reset: Duration::ZERO };
            assert_eq!(holds(guard, tick(5), margins), safe, "on renewal, w {w}");
        }
    }

    #[test]
    fn what_is_needed_holds_and_a_nanosecond_less_does_not() {
        let guards = [
            Guard::Lease { demote: 5 * S },
            Guard::PetOnRenewal { watchdog: 10 * S, reset: 2 * S },
            Guard::PetWhileAlive { demote: 3 * S, watchdog: 7 * S, reset: S },
        ];
        for guard in guards {
            for margins in [NONE, Margins::default(), Margins { rho_ppm: 50_000, sampling: S }] {
                let take = needed(guard, margins);
                assert!(holds(guard, take, margins), "{guard:?} {margins:?}");
                assert!(!holds(guard, take - Duration::from_nanos(1), margins), "{guard:?} {margins:?}");
                let back = longest_effect_for(take, margins).unwrap_or_default();
                assert!(back >= guard.longest_effect(), "{guard:?} {margins:?}");
                assert!(holds(Guard::Lease { demote: back }, take, margins), "{guard:?} {margins:?}");
            }
        }
        assert_eq!(longest_effect_for(Duration::ZERO, Margins::default()), None);
    }

    #[test]
    fn ends_of_the_scale_do_not_overflow() {
        let guard = Guard::PetWhileAlive { demote: Duration::MAX, watchdog: Duration::MAX, reset: Duration::MAX };
        assert_eq!(needed(guard, Margins { rho_ppm: u32::MAX, sampling: Duration::MAX }), Duration::MAX);
        assert_eq!(take_after(5 * S), Duration::from_millis(5_111));
    }
}
