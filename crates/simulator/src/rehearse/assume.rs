//! What a rehearsal has to assume, because no configuration says it: how long resources take to start and to stop.
//!
//! Measured times are better than assumed ones: the caller may give them, from the pair's history or by hand. Everything that was
//! assumed is told with the result.

use super::scene::{Scene, What};
use crate::world::Range;
use core::time::Duration;
use hotpair_types::{GroupName, ResourceName};

/// Where a time comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Source {
    /// Assumed for every resource of its kind.
    Assumed,
    /// The pair's own history.
    Measured,
    /// Given by the caller.
    Given,
}

impl Source {
    /// Its word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::Measured => "measured",
            Self::Given => "given",
        }
    }
}

/// Times of a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Took {
    /// From the order to serving.
    pub start: Range,
    /// From the order to the confirmed stop.
    pub stop: Range,
    /// Where they come from.
    pub source: Source,
}

/// Times of a resource that somebody knows: a range of starts, a range of stops, or one of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its group.
    pub group: GroupName,
    /// Its name.
    pub resource: ResourceName,
    /// Starts.
    pub start: Option<Range>,
    /// Stops.
    pub stop: Option<Range>,
    /// Where they come from.
    pub source: Source,
}

/// Times of every resource, in the order of [`Scene::resources`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumptions {
    /// See above.
    pub times: Vec<Took>,
}

impl Assumptions {
    /// What is known, and for the rest what the kinds are assumed to take.
    pub fn new(scene: &Scene, known: &[Known]) -> Self {
        let times = scene.resources.iter().map(|thing| {
            let mut took = assumed(&thing.what);
            for k in known.iter().filter(|k| k.group == thing.group && k.resource == thing.name) {
                took.start = k.start.unwrap_or(took.start);
                took.stop = k.stop.unwrap_or(took.stop);
                took.source = took.source.max(k.source);
            }
            took
        });
        Self { times: times.collect() }
    }

    /// The same without chance, each time in the middle of its range: for comparing two configurations.
    pub fn middle(&self) -> Self {
        let middle = |range: Range| {
            let time = range.from + range.to.saturating_sub(range.from) / 2;
            Range { from: time, to: time }
        };
        let times = self.times.iter();
        Self { times: times.map(|t| Took { start: middle(t.start), stop: middle(t.stop), source: t.source }).collect() }
    }

    /// The slowest group from nothing to serving.
    pub fn longest_start(&self, scene: &Scene) -> Duration {
        self.longest(scene, |took| took.start.to)
    }

    /// The slowest group from serving to nothing.
    pub fn longest_stop(&self, scene: &Scene) -> Duration {
        self.longest(scene, |took| took.stop.to)
    }

    fn longest(&self, scene: &Scene, of: impl Fn(&Took) -> Duration) -> Duration {
        let one = |group: &GroupName| {
            let ours = scene.resources.iter().zip(&self.times).filter(|(thing, _)| thing.group == *group);
            ours.map(|(_, took)| of(took)).sum::<Duration>()
        };
        scene.config.groups.iter().map(|g| one(&g.name)).max().unwrap_or_default()
    }
}

fn assumed(what: &What) -> Took {
    let (start, stop) = match what {
        What::Address { conflict_check, .. } => {
            let from = *conflict_check + Duration::from_millis(2);
            (Range { from, to: *conflict_check + Duration::from_millis(30) }, Range::millis(1, 20))
        }
        What::Volume(_) => (Range::millis(100, 600), Range::millis(50, 500)),
        What::App => (Range::millis(200, 2_000), Range::millis(100, 2_000)),
    };
    Took { start, stop, source: Source::Assumed }
}
