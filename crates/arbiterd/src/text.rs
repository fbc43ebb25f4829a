//! Sentences of the catalogue, rendered in English for the API; ids and parameters travel along for other languages.

use arbiter_core::io::Sentence;
use hotpair_messages::{Lang, Rendered, render_pairs};
use std::collections::BTreeMap;

/// Text, meaning and remedy.
#[must_use]
pub fn rendered(sentence: &Sentence) -> Rendered {
    by_id(&sentence.id, &sentence.parameters)
}

/// As [`rendered`], from parts.
#[must_use]
pub fn by_id(id: &str, parameters: &BTreeMap<String, String>) -> Rendered {
    let pairs: Vec<(String, String)> = parameters.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    render_pairs(id, Lang::En, &pairs)
}

/// The text alone.
#[must_use]
pub fn sentence(sentence: &Sentence) -> String {
    rendered(sentence).text
}

/// A sentence with parameters.
pub fn say<const N: usize>(id: &str, parameters: [(&str, String); N]) -> Sentence {
    Sentence { id: id.to_owned(), parameters: parameters.into_iter().map(|(k, v)| (k.to_owned(), v)).collect() }
}
