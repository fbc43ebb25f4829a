//! The catalogue, one file per area. Ids: a letter for the area, three digits.

pub mod alarms;
pub mod cli;
pub mod config;
pub mod events;
pub mod paths;
pub mod rehearsal;
pub mod resources;
pub mod rules;
pub mod safety;
pub mod story;

use crate::Message;

/// Every area: its letter and its messages.
pub static AREAS: &[(char, &[Message])] = &[
    ('C', config::MESSAGES),
    ('R', rules::MESSAGES),
    ('E', events::MESSAGES),
    ('A', alarms::MESSAGES),
    ('P', paths::MESSAGES),
    ('U', cli::MESSAGES),
    ('S', safety::MESSAGES),
    ('D', resources::MESSAGES),
    ('F', rehearsal::MESSAGES),
    ('X', story::MESSAGES),
];

/// All messages.
pub fn all() -> impl Iterator<Item = &'static Message> {
    AREAS.iter().flat_map(|(_, messages)| messages.iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placeholders;
    use alloc::collections::BTreeSet;
    use alloc::format;
    use alloc::vec::Vec;

    #[test]
    fn ids_are_unique_and_belong_to_their_area() {
        let mut seen = BTreeSet::new();
        for (letter, messages) in AREAS {
            for message in *messages {
                let digits = message.id.strip_prefix(*letter).unwrap_or_default();
                assert!(
                    digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()),
                    "{}: an id of this area is {letter} and three digits",
                    message.id
                );
                assert!(seen.insert(message.id), "{} is there twice", message.id);
            }
        }
    }

    #[test]
    fn both_languages_are_there_with_the_same_parameters() {
        let sorted = |text: &'static str| placeholders(text).into_iter().collect::<BTreeSet<_>>();
        let mut wrong = Vec::new();
        for m in all() {
            if m.en.trim().is_empty() || m.zh.trim().is_empty() {
                wrong.push(format!("{}: a language is empty", m.id));
            }
            for (what, en, zh) in
                [("text", m.en, m.zh), ("meaning", m.meaning_en, m.meaning_zh), ("remedy", m.remedy_en, m.remedy_zh)]
            {
                if sorted(en) != sorted(zh) {
                    wrong.push(format!("{}: {what}: parameters differ between the languages", m.id));
                }
                if en.is_empty() != zh.is_empty() {
                    wrong.push(format!("{}: {what}: only one language", m.id));
                }
            }
            if !m.zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)) {
                wrong.push(format!("{}: the Chinese text is not Chinese", m.id));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn parameter_names_are_identifiers() {
        for m in all() {
            for text in [m.en, m.zh, m.meaning_en, m.meaning_zh, m.remedy_en, m.remedy_zh] {
                for name in placeholders(text) {
                    assert!(
                        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                        "{}: parameter {name:?}",
                        m.id
                    );
                }
            }
        }
    }
}
