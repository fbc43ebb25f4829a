//! What a configuration guarantees against both nodes serving at once (B4).

use crate::model::{Config, Group, GuaranteeLevel, Kind, Resource, VolumeProtection};
use hotpair_messages::Lang;

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

/// The level that the configuration gives a group: never more than what its parts can really hold.
///
/// - storage: the group has a volume, and every volume of it refuses a second writer.
/// - leased: the group has a lease and consists of addresses alone, which the kernel itself ends.
/// - evidence: everything else. Witnesses and fence devices are not part of the configuration yet, so the two levels
///   above are not reached.
pub fn guarantee(_config: &Config, group: &Group) -> GuaranteeLevel {
    of_resources(group.lease.is_some(), group.resources.iter())
}

/// As [`guarantee`], from the parts.
pub(crate) fn of_resources<'a>(lease: bool, resources: impl Iterator<Item = &'a Resource> + Clone) -> GuaranteeLevel {
    let mut volumes = resources.clone().filter_map(|r| match &r.kind {
        Kind::Volume(volume) => Some(&volume.protection),
        _ => None,
    });
    let has_volume = volumes.clone().next().is_some();
    if has_volume && volumes.all(|p| !matches!(p, VolumeProtection::None)) {
        return GuaranteeLevel::Storage;
    }
    let mut kinds = resources.map(|r| &r.kind).peekable();
    let addresses_only = kinds.peek().is_some() && kinds.all(|kind| matches!(kind, Kind::Ip(_)));
    if lease && addresses_only { GuaranteeLevel::Leased } else { GuaranteeLevel::Evidence }
}

/// What a level promises, in words: when both nodes could serve at once.
pub fn promise(level: GuaranteeLevel, lang: Lang) -> String {
    hotpair_messages::render(message(level), lang, &[])
}

/// The message that says what a level promises.
pub fn message(level: GuaranteeLevel) -> &'static str {
    match level {
        GuaranteeLevel::Evidence => "C201",
        GuaranteeLevel::Leased => "C202",
        GuaranteeLevel::Storage => "C203",
        GuaranteeLevel::Witnessed => "C204",
        GuaranteeLevel::Fenced => "C205",
    }
}
