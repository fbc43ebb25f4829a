//! What a configuration guarantees against both nodes serving at once (B4).

use crate::model::{Config, Fence, Group, GuaranteeLevel, Kind, Resource, VolumeProtection, Watchdog, Witness};
use hotpair_messages::Lang;
use hotpair_types::{NodeId, timing};
use std::time::Duration;

/// The words of `require = "…"`, weakest first.
pub const WORDS: [(&str, GuaranteeLevel); 5] = [
    ("evidence", GuaranteeLevel::Evidence),
    ("leased", GuaranteeLevel::Leased),
    ("storage", GuaranteeLevel::Storage),
    ("witnessed", GuaranteeLevel::Witnessed),
    ("fenced", GuaranteeLevel::Fenced),
];

/// The level of a word.
pub fn level(word: &str) -> Option<GuaranteeLevel> {
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, level)| *level)
}

/// What a group's guarantee is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a list of what is there and what is not")]
pub struct Parts {
    /// A lease, and addresses alone, which the kernel itself ends.
    pub leased: bool,
    /// It has a volume, and every volume of it refuses a second writer.
    pub storage: bool,
    /// Some volume is kept from the other node by this program's own disk lease.
    pub disk_lease: bool,
    /// Some volume is kept from the other node by the file system's own look at the disk (MMP).
    pub mmp: bool,
    /// A vote binds its owner: a witness, a lease, and the demand.
    pub witnessed: bool,
    /// Each node can switch the other off, and the group demands it.
    pub fenced: bool,
    /// A watchdog stands behind leases and votes.
    pub watchdog: bool,
}

impl Parts {
    /// The level.
    pub fn level(self) -> GuaranteeLevel {
        match self {
            Self { fenced: true, .. } => GuaranteeLevel::Fenced,
            Self { witnessed: true, .. } => GuaranteeLevel::Witnessed,
            Self { storage: true, .. } => GuaranteeLevel::Storage,
            Self { leased: true, .. } => GuaranteeLevel::Leased,
            _ => GuaranteeLevel::Evidence,
        }
    }

    /// The message that says what a level promises with these parts.
    pub fn message(self, level: GuaranteeLevel) -> &'static str {
        match level {
            GuaranteeLevel::Storage if self.disk_lease && !self.watchdog => "C207",
            GuaranteeLevel::Storage if self.mmp => "C208",
            GuaranteeLevel::Witnessed if !self.watchdog => "C206",
            level => message(level),
        }
    }
}

/// The level that the configuration gives a group while every part works: never more than what its parts can really hold.
///
/// - fenced: each node can switch the other off, and the group demands it, so that it is never taken over without.
/// - witnessed: there is a witness, the group demands the vote and has a lease, so that its owner ends without it.
/// - storage: the group has a volume, and every volume of it refuses a second writer.
/// - leased: the group has a lease and consists of addresses alone, which the kernel itself ends.
/// - evidence: everything else.
pub fn guarantee(config: &Config, group: &Group) -> GuaranteeLevel {
    parts(config, group).level()
}

/// What a group's guarantee is made of.
pub fn parts(config: &Config, group: &Group) -> Parts {
    let thirds = Thirds {
        witness: config.witness.as_ref(),
        fenced: NodeId::BOTH.map(|node| config.fences.iter().any(|f: &Fence| f.node == node)),
        watchdog: config.watchdog.as_ref(),
    };
    of_parts(group, group.resources.iter(), &thirds)
}

/// Third parties of a configuration.
pub(crate) struct Thirds<'a> {
    pub(crate) witness: Option<&'a Witness>,
    pub(crate) fenced: [bool; 2],
    pub(crate) watchdog: Option<&'a Watchdog>,
}

/// As [`parts`], from the pieces.
pub(crate) fn of_parts<'a>(
    group: &Group,
    resources: impl Iterator<Item = &'a Resource> + Clone,
    thirds: &Thirds<'_>,
) -> Parts {
    let volumes = || {
        resources.clone().filter_map(|r| match &r.kind {
            Kind::Volume(volume) => Some(&volume.protection),
            _ => None,
        })
    };
    let has_volume = volumes().next().is_some();
    let mut kinds = resources.clone().map(|r| &r.kind).peekable();
    let addresses_only = kinds.peek().is_some() && kinds.all(|kind| matches!(kind, Kind::Ip(_)));
    Parts {
        leased: group.lease.is_some() && addresses_only,
        storage: has_volume && volumes().all(|p| !matches!(p, VolumeProtection::None)),
        disk_lease: volumes().any(|p| matches!(p, VolumeProtection::Lease { .. })),
        mmp: volumes().any(|p| matches!(p, VolumeProtection::Mmp)),
        witnessed: thirds.witness.is_some() && group.lease.is_some() && group.require >= GuaranteeLevel::Witnessed,
        fenced: thirds.fenced == [true, true] && group.require == GuaranteeLevel::Fenced,
        watchdog: thirds.watchdog.is_some(),
    }
}

/// T_take of a group whose owner is bound by promise and vote: how long a takeover waits after the last moment at which the owner
/// may have renewed its right, drift and sampling included. `None`: it is not bound.
pub fn binding_wait(config: &Config, group: &Group) -> Option<Duration> {
    bound_term(group, config.witness.as_ref()).map(timing::take_after)
}

/// The term of that right: the longer one of lease and vote.
pub(crate) fn bound_term(group: &Group, witness: Option<&Witness>) -> Option<Duration> {
    let (witness, lease) = (witness?, group.lease?);
    (group.require >= GuaranteeLevel::Witnessed).then_some(lease.max(witness.ttl))
}

/// The longest disk lease of a group's volumes.
pub fn disk_lease(group: &Group) -> Option<Duration> {
    group
        .resources
        .iter()
        .filter_map(|resource| match &resource.kind {
            Kind::Volume(volume) => match &volume.protection {
                VolumeProtection::Lease { duration, .. } => Some(*duration),
                _ => None,
            },
            _ => None,
        })
        .max()
}

/// What a level promises at best, in words: when both nodes could serve at once.
pub fn promise(level: GuaranteeLevel, lang: Lang) -> String {
    hotpair_messages::render(message(level), lang, &[])
}

/// What the configuration promises for a group while every part works, in words.
pub fn promise_of(config: &Config, group: &Group, lang: Lang) -> String {
    let parts = parts(config, group);
    hotpair_messages::render(parts.message(parts.level()), lang, &[])
}

/// The message that says what a level promises at best.
pub fn message(level: GuaranteeLevel) -> &'static str {
    match level {
        GuaranteeLevel::Evidence => "C201",
        GuaranteeLevel::Leased => "C202",
        GuaranteeLevel::Storage => "C203",
        GuaranteeLevel::Witnessed => "C204",
        GuaranteeLevel::Fenced => "C205",
    }
}
