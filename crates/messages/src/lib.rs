//! One catalogue of every sentence a person reads outside the command line's own help: findings about the
//! configuration, rules, events, alarms, causes of path failures, in English and Chinese.
//!
//! Contract: an id never changes its meaning; a new meaning takes a new id. Texts hold parameters as `{name}`;
//! `{{` and `}}` are literal braces. Rendering never fails: an unknown id or a missing parameter stays visible in the
//! result. Pure values, no state; usable from every thread and from `no_std` crates (without the feature `std`).
//!
//! To add a message, add it to the file of its area in `catalogue/`; the tests check its form.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod catalogue;
mod lang;
pub mod pages;
mod said;
mod texts;

pub use lang::Lang;
pub use said::{localized, render_said, translate};

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{Display, Write as _};

/// One message in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Stable id: a letter for the area and three digits, as `C101`.
    pub id: &'static str,
    /// What happened, one sentence, English.
    pub en: &'static str,
    /// The same in Chinese.
    pub zh: &'static str,
    /// Why it matters; empty for plain information. May use the same parameters.
    pub meaning_en: &'static str,
    /// The same in Chinese.
    pub meaning_zh: &'static str,
    /// What to do about it; empty where there is nothing to do.
    pub remedy_en: &'static str,
    /// The same in Chinese.
    pub remedy_zh: &'static str,
}

impl Message {
    /// A message without meaning and remedy.
    pub const fn new(id: &'static str, en: &'static str, zh: &'static str) -> Self {
        Self { id, en, zh, meaning_en: "", meaning_zh: "", remedy_en: "", remedy_zh: "" }
    }

    /// Adds why it matters.
    pub const fn meaning(mut self, en: &'static str, zh: &'static str) -> Self {
        self.meaning_en = en;
        self.meaning_zh = zh;
        self
    }

    /// Adds what to do about it.
    pub const fn remedy(mut self, en: &'static str, zh: &'static str) -> Self {
        self.remedy_en = en;
        self.remedy_zh = zh;
        self
    }

    /// The sentence, unfilled.
    pub const fn text(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Zh => self.zh,
        }
    }

    /// Why it matters, unfilled.
    pub const fn meaning_text(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.meaning_en,
            Lang::Zh => self.meaning_zh,
        }
    }

    /// What to do, unfilled.
    pub const fn remedy_text(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.remedy_en,
            Lang::Zh => self.remedy_zh,
        }
    }
}

/// A filled message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// What happened.
    pub text: String,
    /// Why it matters; may be empty.
    pub meaning: String,
    /// What to do; may be empty.
    pub remedy: String,
}

/// A named parameter of a message.
pub type Arg<'a> = (&'a str, &'a dyn Display);

/// The message with this id, if there is one.
pub fn get(id: &str) -> Option<&'static Message> {
    catalogue::all().find(|message| message.id == id)
}

/// The filled sentence. An unknown id shows as `id(name=value, …)`; a parameter that was not given stays as `{name}`.
pub fn render(id: &str, lang: Lang, args: &[Arg<'_>]) -> String {
    get(id).map_or_else(|| unknown(id, args), |message| fill(message.text(lang), args))
}

/// The filled sentence, its meaning and its remedy.
pub fn render_full(id: &str, lang: Lang, args: &[Arg<'_>]) -> Rendered {
    match get(id) {
        Some(message) => Rendered {
            text: fill(message.text(lang), args),
            meaning: fill(message.meaning_text(lang), args),
            remedy: fill(message.remedy_text(lang), args),
        },
        None => Rendered { text: unknown(id, args), meaning: String::new(), remedy: String::new() },
    }
}

/// As [`render_full`], for parameters kept as text (a stored event, a finding).
pub fn render_pairs(id: &str, lang: Lang, args: &[(String, String)]) -> Rendered {
    let args: Vec<Arg<'_>> = args.iter().map(|(name, value)| (name.as_str(), value as &dyn Display)).collect();
    render_full(id, lang, &args)
}

/// Fills `{name}` parameters of a text; `{{` and `}}` become single braces. Text after an unclosed brace is kept as it is.
pub fn fill(text: &str, args: &[Arg<'_>]) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(32));
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = tail.strip_prefix("{{") {
            out.push('{');
            rest = after;
        } else if let Some(after) = tail.strip_prefix("}}") {
            out.push('}');
            rest = after;
        } else if let Some((name, after)) = tail.strip_prefix('{').and_then(|t| t.split_once('}')) {
            match args.iter().find(|(given, _)| *given == name) {
                Some((_, value)) => out.push_str(&value.to_string()),
                None => {
                    out.push('{');
                    out.push_str(name);
                    out.push('}');
                }
            }
            rest = after;
        } else {
            out.push_str(tail);
            rest = "";
        }
    }
    out.push_str(rest);
    out
}

/// The names of a text's parameters, in order of appearance, each once.
pub fn placeholders(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, tail)) = rest.split_once('{') {
        if let Some(after) = tail.strip_prefix('{') {
            rest = after;
            continue;
        }
        let Some((name, after)) = tail.split_once('}') else { break };
        if !names.contains(&name) {
            names.push(name);
        }
        rest = after;
    }
    names
}

/// An id without a message stays visible with all that is known.
fn unknown(id: &str, args: &[Arg<'_>]) -> String {
    let mut out = String::from(id);
    out.push('(');
    for (at, (name, value)) in args.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        // Writing to a String cannot fail.
        let _: core::fmt::Result = write!(out, "{name}={value}");
    }
    out.push(')');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_filled_by_name_and_missing_ones_stay_visible() {
        assert_eq!(fill("{a} then {b}, {{a}}", &[("a", &1), ("b", &"x")]), "1 then x, {a}");
        assert_eq!(fill("{a} {c}", &[("a", &1)]), "1 {c}");
        assert_eq!(fill("open { brace", &[]), "open { brace");
        assert_eq!(fill("}", &[]), "}");
    }

    #[test]
    fn an_unknown_id_renders_visibly() {
        assert_eq!(render("X999", Lang::En, &[("path", &"lan"), ("n", &3)]), "X999(path=lan, n=3)");
        assert_eq!(render_full("X999", Lang::Zh, &[]).text, "X999()");
    }

    #[test]
    fn placeholders_are_listed_once_and_escapes_are_not_parameters() {
        assert_eq!(placeholders("{a} {{b}} {c} {a}"), ["a", "c"]);
    }
}
