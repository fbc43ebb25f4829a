//! What a client that asks at a steady pace saw: when it asked, when it was answered, and how long it was not.
//!
//! Threading: plain values.
use std::time::Duration;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it was sent (lab clock).
    pub sent: Duration,
    /// When its answer came, if it came.
    pub answered: Option<Duration>,
}

/// A time without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Last answer before it (or the first request, if none was answered before).
    pub from: Duration,
    /// First answer after it (or the last request, if none was answered after).
    pub to: Duration,
    /// Length beyond the pace of the requests.
    pub length: Duration,
}

/// All requests of one client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Pace of the requests.
    pub interval: Duration,
    /// The requests, oldest first.
    pub samples: Vec<Sample>,
}

impl Timeline {
    /// Number of answered requests.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.samples.iter().filter(|sample| sample.answered.is_some()).count()
    }

    /// Number of unanswered requests.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.samples.len() - self.answered()
    }

    /// Only the requests sent within `from..to`.
    #[must_use]
    pub fn between(&self, from: Duration, to: Duration) -> Self {
        let samples = self.samples.iter().filter(|sample| (from..to).contains(&sample.sent)).copied().collect();
        Self { interval: self.interval, samples }
    }

    /// Every time longer than `least` (beyond the pace) without an answer arriving, oldest first.
    #[must_use]
    pub fn outages(&self, least: Duration) -> Vec<Outage> {
        let (Some(first), Some(last)) = (self.samples.first(), self.samples.last()) else { return Vec::new() };
        let mut arrivals: Vec<Duration> = self.samples.iter().filter_map(|sample| sample.answered).collect();
        arrivals.sort_unstable();
        let mut previous = first.sent;
        let mut found = Vec::new();
        for arrival in arrivals.into_iter().chain((last.answered.is_none()).then_some(last.sent)) {
            let length = arrival.saturating_sub(previous).saturating_sub(self.interval);
            if length > least {
                found.push(Outage { from: previous, to: arrival, length });
            }
            previous = previous.max(arrival);
        }
        found
    }

    /// The longest time without an answer, beyond the pace; zero when there was none.
    #[must_use]
    pub fn longest_outage(&self) -> Duration {
        self.outages(Duration::ZERO).iter().map(|outage| outage.length).max().unwrap_or_default()
    }

    /// Median time from request to answer, if any was answered.
    #[must_use]
    pub fn median_latency(&self) -> Option<Duration> {
        let mut all: Vec<Duration> =
            self.samples.iter().filter_map(|sample| Some(sample.answered?.saturating_sub(sample.sent))).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    fn timeline(answers: &[(u64, Option<u64>)]) -> Timeline {
        let samples =
            answers.iter().map(|(sent, answered)| Sample { sent: ms(*sent), answered: answered.map(ms) }).collect();
        Timeline { interval: ms(10), samples }
    }

    /// The outage measure itself: a gap counts from answer to answer, less the pace; a queued late answer ends it.
    #[test]
    fn gaps_are_measured_from_answer_to_answer() {
        let seen = timeline(&[
            (0, Some(1)),
            (10, Some(11)),
            (20, None),
            (30, Some(75)),
            (40, None),
            (70, Some(76)),
            (80, Some(81)),
        ]);
        let outages = seen.outages(ms(5));
        assert_eq!(outages, vec![Outage { from: ms(11), to: ms(75), length: ms(54) }]);
        assert_eq!(seen.longest_outage(), ms(54));
        assert_eq!((seen.answered(), seen.unanswered()), (5, 2));
    }

    /// Silence at the start and at the end is an outage too.
    #[test]
    fn silence_at_either_end_counts() {
        assert_eq!(timeline(&[(0, None), (10, None), (20, None)]).longest_outage(), ms(10));
        assert_eq!(timeline(&[(0, None), (10, None), (20, Some(25))]).longest_outage(), ms(15));
        assert_eq!(timeline(&[(0, Some(1)), (10, None), (50, None)]).longest_outage(), ms(39));
        assert_eq!(timeline(&[]).longest_outage(), ms(0));
    }
}
