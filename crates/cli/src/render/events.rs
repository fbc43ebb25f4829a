//! Events as lines, and the rule table.

use crate::clock::WallClock;
use crate::ids;
use crate::render::Sheet;
use crate::text::{Line, Page, Tone};
use hotpair_messages::Lang;
use hotpair_proto::arbiter::v1::{Event, Rule, Severity};

/// Characters of a sentence shown in the list; the whole of it is in `explain` and `--json`.
const MAX_TEXT: usize = 240;

/// One line per event, oldest first.
#[must_use]
pub fn page(events: &[Event], clock: &WallClock, sheet: Sheet) -> Page {
    let mut page = Page::new();
    if events.is_empty() {
        page.line(Line::new().tone(Tone::Dim, sheet.words.word(ids::NO_EVENTS)));
    }
    page.table(0, events.iter().map(|event| row(event, clock, sheet)).collect());
    page
}

fn row(event: &Event, clock: &WallClock, sheet: Sheet) -> Vec<Line> {
    let words = sheet.words;
    let tone = match event.severity() {
        Severity::Unspecified | Severity::Info => Tone::Plain,
        Severity::Warning => Tone::Warn,
        Severity::Critical => Tone::Bad,
    };
    let text = shortened(words.server(&event.message_id, &event.parameters, &event.text).text);
    let mark = match event.severity() {
        Severity::Unspecified | Severity::Info => Line::new(),
        Severity::Warning | Severity::Critical => Line::new().tone(tone, words.severity(event.severity()).1),
    };
    let mut what = Line::new();
    // Most sentences name their group themselves.
    if !event.group.is_empty() && !text.starts_with(&event.group) {
        what = what.tone(Tone::Accent, event.group.as_str()).text(words.colon());
    }
    vec![
        Line::new().tone(Tone::Dim, event.id.to_string()),
        Line::new().tone(Tone::Dim, clock.format(event.wall_clock_ms)),
        event.node.as_str().into(),
        Line::new().tone(Tone::Dim, event.message_id.as_str()),
        mark,
        what.tone(tone, text),
    ]
}

/// A list is for finding the event; evidence of many probes is read in its story.
fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(&text).trim_end()),
    }
}

/// The rule table.
#[must_use]
pub fn rules(rules: &[Rule], sheet: Sheet) -> Page {
    let words = sheet.words;
    let mut page = Page::new();
    page.line(Line::new().tone(Tone::Bold, words.word(ids::RULES_TITLE)));
    for rule in rules {
        page.blank();
        page.line(Line::new().tone(Tone::Accent, rule.id.as_str()));
        let condition = match words.lang() {
            Lang::En => None,
            Lang::Zh => hotpair_messages::pages::condition_zh(&rule.id),
        };
        let decision = words.action(&rule.decision);
        page.table(
            2,
            vec![
                vec![
                    Line::new().tone(Tone::Dim, words.word(ids::CONDITION)),
                    condition.unwrap_or(&rule.condition).into(),
                ],
                vec![Line::new().tone(Tone::Dim, words.word(ids::DECISION)), decision.into()],
            ],
        );
    }
    page
}
