//! Sentences of the catalogue, rendered in English for the API; ids and parameters travel along for other languages.

use crate::history::Record;
use arbiter_core::io::Sentence;
use hotpair_messages::{Lang, Rendered, render_said};
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
    render_said(id, Lang::En, &pairs)
}

/// Parameters of a recorded event, with those that its place in the history says: an event of a resource names it.
#[must_use]
pub fn of_record(record: &Record) -> BTreeMap<String, String> {
    let mut parameters = record.parameters.clone();
    for (name, value) in [("group", &record.group), ("subject", &record.subject)] {
        if !value.is_empty() {
            parameters.entry(name.to_owned()).or_insert_with(|| value.clone());
        }
    }
    let resource = if record.subject.is_empty() { &record.group } else { &record.subject };
    parameters.entry("resource".to_owned()).or_insert_with(|| resource.clone());
    parameters
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
