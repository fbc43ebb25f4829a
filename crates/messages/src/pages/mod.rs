//! A page for every id that an operator meets (`R`, `E`, `A`, `P`, `S`, `D`): what it means, likely causes, what to do.
//!
//! Source of `docs/rules.md`, `docs/events.md` and `docs/alarms.md` and of `hotpair explain ID`; tests see to it that no id is
//! without one. Texts hold no parameters: they speak of an id in general, so they write GROUP, NODE and PEER.

mod alarms;
mod conditions;
mod events;
mod resources;
mod rules;
mod silence;
mod thirds;

use crate::Lang;

/// A page in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The message's id.
    pub id: &'static str,
    en: [&'static str; 3],
    zh: [&'static str; 3],
}

const fn page(id: &'static str, en: [&'static str; 3], zh: [&'static str; 3]) -> Page {
    Page { id, en, zh }
}

impl Page {
    const fn part(&self, lang: Lang) -> &[&'static str; 3] {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }

    /// What it means for whoever reads it.
    pub const fn meaning(&self, lang: Lang) -> &'static str {
        self.part(lang)[0]
    }

    /// What usually leads to it.
    pub const fn causes(&self, lang: Lang) -> &'static str {
        self.part(lang)[1]
    }

    /// What to do.
    pub const fn remedy(&self, lang: Lang) -> &'static str {
        self.part(lang)[2]
    }
}

/// Letters of the areas whose ids have pages.
pub const AREAS: &[char] = &['R', 'E', 'A', 'P', 'S', 'D'];

/// Every page.
pub fn all() -> impl Iterator<Item = &'static Page> {
    [rules::PAGES, silence::PAGES, thirds::PAGES, events::PAGES, alarms::PAGES, resources::PAGES].into_iter().flatten()
}

/// The page of an id.
pub fn get(id: &str) -> Option<&'static Page> {
    all().find(|page| page.id == id)
}

/// A rule's condition in Chinese. English conditions stand in the rule table of the arbiter's core.
pub fn condition_zh(rule: &str) -> Option<&'static str> {
    conditions::CONDITIONS_ZH.iter().find(|(id, _)| *id == rule).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use alloc::collections::BTreeSet;
    use alloc::format;
    use alloc::vec::Vec;

    /// B1: every rule, event, alarm, path state, verdict and resource event has its page, in both languages, with meaning,
    /// causes and remedy; every page belongs to a message; rules have their condition in Chinese too.
    #[test]
    fn every_id_has_a_whole_page_in_both_languages() {
        let mut wrong = Vec::new();
        let ids: BTreeSet<&str> =
            catalogue::all().map(|m| m.id).filter(|id| AREAS.iter().any(|a| id.starts_with(*a))).collect();
        for id in &ids {
            match get(id) {
                None => wrong.push(format!("{id}: no page")),
                Some(page) => {
                    for lang in [Lang::En, Lang::Zh] {
                        for text in [page.meaning(lang), page.causes(lang), page.remedy(lang)] {
                            if text.trim().is_empty() || text.contains(['{', '}']) {
                                wrong.push(format!("{id} {}: {text:?}", lang.as_str()));
                            }
                            let chinese = text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                            if chinese != (lang == Lang::Zh) {
                                wrong.push(format!("{id} {}: wrong language: {text:?}", lang.as_str()));
                            }
                        }
                    }
                }
            }
            if id.starts_with('R') && condition_zh(id).is_none() {
                wrong.push(format!("{id}: its condition is not there in Chinese"));
            }
        }
        let mut seen = BTreeSet::new();
        for page in all() {
            if !ids.contains(page.id) || !seen.insert(page.id) {
                wrong.push(format!("{}: of no message, or twice", page.id));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
