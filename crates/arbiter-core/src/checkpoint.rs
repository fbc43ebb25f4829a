//! The machine's state as data (B3): [`crate::Arbiter`] is serialized as it is into the flight recorder and read back by replay.
//! Here are only the two places where its types need help, and the look at what it decided last.
//!
//! A checkpoint belongs to the program that wrote it: other versions may have other fields and say so by an error.

use crate::Arbiter;
use crate::facts::Facts;
use crate::io::ArbiterConfig;
use crate::rules::{self, Rule};
use hotpair_types::GroupName;

/// What was decided last for a group, and from what.
pub struct Decision<'a> {
    /// The group.
    pub group: &'a GroupName,
    /// The row of the table that matched.
    pub rule: &'static Rule,
    /// The facts on which it matched.
    pub facts: &'a Facts,
}

impl Arbiter {
    /// The configuration in force.
    pub fn config(&self) -> &ArbiterConfig {
        &self.config
    }

    /// What was decided last, in the order of the configuration. Right after a checkpoint was read, and before the first input
    /// to it, there is nothing.
    pub fn decisions(&self) -> impl Iterator<Item = Decision<'_>> {
        self.groups.iter().filter_map(|group| {
            let facts = group.decided.as_ref()?;
            Some(Decision { group: &group.config.name, rule: rules::by_id(group.rule)?, facts })
        })
    }
}

/// Id of a row of this program's table. (An alias: serde would take the bare reference for text borrowed from its input.)
pub(crate) type RuleId = &'static str;

/// Ids of rules are names of rows of this program's table.
pub(crate) mod rule_id {
    use crate::rules;
    use alloc::string::String;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(id: &&'static str, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(id)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
        let id = String::deserialize(from)?;
        rules::by_id(&id)
            .map(|rule| rule.id)
            .ok_or_else(|| D::Error::custom(alloc::format!("this program has no rule {id}")))
    }
}

/// A map whose keys are not text, as a list of pairs.
pub(crate) mod pairs {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}
