//! The stories of `hotpair explain` (B1).

use crate::ids;
use crate::render::Sheet;
use crate::text::{Line, Page, Tone};
use crate::words::Words;
use hotpair_messages::Lang;
use hotpair_proto::arbiter::v1::{Event, ExplainResponse};
use std::collections::BTreeMap;

/// A story in the chosen language: its headline, and per line the milliseconds before or after the event explained, the
/// event it comes from (0: none) and the sentence.
#[must_use]
pub fn sentences(answer: &ExplainResponse, words: Words) -> (String, Vec<(i64, u64, String)>) {
    let events: BTreeMap<u64, &Event> = answer.events.iter().map(|event| (event.id, event)).collect();
    let known = translations(&answer.events, words);
    let lines: Vec<(i64, u64, String)> = answer
        .lines
        .iter()
        .map(|line| {
            let translated = events.get(&line.event_id).filter(|_| words.lang() != Lang::En);
            let text = translated.map_or_else(
                || summary(&line.text, &known, words),
                |event| words.server(&event.message_id, &event.parameters, &line.text).text,
            );
            (line.offset_ms, line.event_id, text)
        })
        .collect();
    let headline = known.get(&answer.headline).unwrap_or(&answer.headline).clone();
    (headline, lines)
}

/// What arbiterd begins its summary lines with.
const LABELS: [(&str, &str); 8] = [
    ("facts of that decision", ids::FACTS_OF_DECISION),
    ("decision here", ids::DECISION_HERE),
    ("evidence", ids::EVIDENCE),
    ("meaning", ids::MEANING),
    ("remedy", ids::REMEDY),
    ("facts", ids::FACTS),
    ("alarm", ids::ALARM),
    ("rule", ids::RULE),
];

/// English sentences, meanings and remedies of the story's events, with the same in the chosen language.
fn translations(events: &[Event], words: Words) -> BTreeMap<String, String> {
    let mut known = BTreeMap::new();
    if words.lang() == Lang::En {
        return known;
    }
    for event in events {
        let english = Words::new(Lang::En).server(&event.message_id, &event.parameters, &event.text);
        let other = words.server(&event.message_id, &event.parameters, &event.text);
        known.insert(english.meaning, other.meaning);
        known.insert(english.remedy, other.remedy);
        known.insert(event.text.clone(), other.text);
    }
    known
}

/// A summary line in the chosen language, as far as it is known; the rest stays as arbiterd said it.
fn summary(text: &str, known: &BTreeMap<String, String>, words: Words) -> String {
    if words.lang() == Lang::En {
        return text.to_owned();
    }
    let labelled = LABELS.iter().find_map(|(label, id)| {
        let rest = text.strip_prefix(label)?;
        // "rule R100: …" names what it is about, "remedy: …" does not.
        let (name, body) = rest.split_once(": ").filter(|(name, _)| name.is_empty() || name.starts_with(' '))?;
        let body = known.get(body).map_or(body, String::as_str);
        Some(format!("{}{name}{}{body}", words.word(id), words.colon()))
    });
    labelled.unwrap_or_else(|| known.get(text).cloned().unwrap_or_else(|| text.to_owned()))
}

/// The page.
#[must_use]
pub fn page(answer: &ExplainResponse, sheet: Sheet) -> Page {
    let words = sheet.words;
    let (headline, lines) = sentences(answer, words);
    let mut page = Page::new();
    page.line(Line::new().tone(Tone::Bold, headline));
    let rows = lines.into_iter().map(|(offset, event, text)| {
        let id = if event == 0 { Line::new() } else { Line::new().tone(Tone::Dim, format!("#{event}")) };
        let tone = if offset == 0 && event != 0 { Tone::Bold } else { Tone::Plain };
        vec![Line::new().tone(Tone::Dim, offset_text(offset)), id, Line::new().tone(tone, text)]
    });
    page.table(2, rows.collect());
    page
}

/// `-1.250 s`, `+0.030 s`.
fn offset_text(ms: i64) -> String {
    let sign = if ms < 0 { '-' } else { '+' };
    let abs = ms.unsigned_abs();
    format!("{sign}{}.{:03} s", abs / 1_000, abs % 1_000)
}
