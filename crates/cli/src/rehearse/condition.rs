//! `--fail-on`: conditions under which the command ends with a code of its own, for use where configurations are tested.

use crate::failure::{Exit, Failure};
use crate::words::Words;
use core::time::Duration;
use simulator::rehearse::Verdict;
use simulator::rehearse::advice::{LASTING, Score};

/// What is not to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Both nodes serve at once.
    Dual,
    /// Both nodes can write a volume at once.
    DataLoss,
    /// Nobody serves in the end.
    Unserved,
    /// An outage is longer than this.
    Outage(Duration),
}

/// A condition as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// As typed.
    pub text: String,
    /// What it means.
    pub kind: Kind,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Both served for so long; [`LASTING`].
    Dual(Duration),
    /// Data was in danger for so long.
    Data(Duration),
    /// Nobody serves.
    Unserved,
    /// The outage.
    Outage(Duration),
}

impl Condition {
    /// Reads one.
    ///
    /// # Errors
    /// What there is instead.
    pub fn parse(text: &str, words: Words) -> Result<Self, Failure> {
        let bad = || Failure::new(Exit::Usage, words, "F058", &[("text", &text)]);
        let kind = match text {
            "dual" => Kind::Dual,
            "data-loss" => Kind::DataLoss,
            "unserved" => Kind::Unserved,
            _ => {
                let limit = text.strip_prefix("outage>").ok_or_else(bad)?;
                Kind::Outage(crate::duration::parse(limit, words).map_err(|_| bad())?)
            }
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// Whether a verdict meets it, and by what. An outage counts by the worst of a hundred runs.
    #[must_use]
    pub fn met(&self, verdict: &Verdict) -> Option<What> {
        let score = Score::of(verdict);
        match self.kind {
            Kind::Dual => (score.dual > Duration::ZERO).then_some(What::Dual(score.dual)),
            Kind::DataLoss => (score.data > Duration::ZERO).then_some(What::Data(score.data)),
            Kind::Unserved => (score.unserved > 0).then_some(What::Unserved),
            Kind::Outage(limit) => {
                let worst = verdict.groups.iter().map(|g| g.outage.percentile(99).unwrap_or(LASTING)).max()?;
                (worst > limit).then_some(What::Outage(worst))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotpair_messages::Lang;

    /// B2: conditions are what the manual says, and nothing else.
    #[test]
    fn conditions_are_read() {
        let read = |text: &str| Condition::parse(text, Words::new(Lang::En)).map(|c| c.kind);
        assert_eq!(read("dual"), Ok(Kind::Dual));
        assert_eq!(read("data-loss"), Ok(Kind::DataLoss));
        assert_eq!(read("unserved"), Ok(Kind::Unserved));
        assert_eq!(read("outage>1m30s"), Ok(Kind::Outage(Duration::from_secs(90))));
        for bad in ["", "dual>1s", "outage", "outage>", "outage>fast", "outage<5s"] {
            assert_eq!(read(bad).map_err(|f| f.exit), Err(Exit::Usage), "{bad}");
        }
    }
}
