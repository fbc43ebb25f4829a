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
    let lines: Vec<(i64, u64, String)> = answer
        .lines
        .iter()
        .map(|line| {
            let translated = events.get(&line.event_id).filter(|_| words.lang() != Lang::En);
            let text = translated.map_or_else(
                || line.text.clone(),
                |event| words.server(&event.message_id, &event.parameters, &line.text).text,
            );
            (line.offset_ms, line.event_id, text)
        })
        .collect();
    // The headline is that of the event at time zero, where there is one.
    let headline = match words.lang() {
        Lang::En => answer.headline.clone(),
        Lang::Zh => answer
            .lines
            .iter()
            .find(|line| line.offset_ms == 0 && line.event_id != 0)
            .and_then(|line| events.get(&line.event_id))
            .map_or_else(
                || answer.headline.clone(),
                |event| {
                    let text = words.server(&event.message_id, &event.parameters, &event.text).text;
                    words.say(ids::EVENT_TITLE, &[("id", &event.id), ("text", &text)])
                },
            ),
    };
    (headline, lines)
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
    if let Some(event) = answer.events.iter().rev().find(|event| !event.facts.is_empty()) {
        let title = format!("{} (#{})", words.word(ids::FACTS), event.id);
        page.heading(title);
        let facts: BTreeMap<&String, &String> = event.facts.iter().collect();
        let rows = facts.into_iter();
        let rows = rows.map(|(k, v)| vec![Line::new().tone(Tone::Dim, k.as_str()), Line::from(v.as_str())]);
        page.table(2, rows.collect());
    }
    page
}

/// `-1.250 s`, `+0.030 s`.
fn offset_text(ms: i64) -> String {
    let sign = if ms < 0 { '-' } else { '+' };
    let abs = ms.unsigned_abs();
    format!("{sign}{}.{:03} s", abs / 1_000, abs % 1_000)
}
