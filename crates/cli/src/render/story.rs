//! The stories of `hotpair explain` (B1), and the page of a message id.

use crate::clock::WallClock;
use crate::ids;
use crate::render::Sheet;
use crate::text::{Line, Page, Tone};
use crate::words::Words;
use core::time::Duration;
use hotpair_messages::{Lang, catalogue, pages};
use hotpair_proto::arbiter::v1::{ExplainResponse, StoryAspect, StoryLine, StoryPart};
use serde_json::{Value, json};

/// A line in the chosen language; what this program does not know stays as the daemon said it.
#[must_use]
pub fn sentence(line: &StoryLine, words: Words) -> String {
    if words.lang() == Lang::En || line.message_id.is_empty() {
        return words.translated(&line.text);
    }
    let rendered = words.server(&line.message_id, &line.parameters, &line.text);
    let text = match line.aspect() {
        StoryAspect::Unspecified | StoryAspect::Text => rendered.text,
        StoryAspect::Meaning => rendered.meaning,
        StoryAspect::Remedy => rendered.remedy,
    };
    if text.is_empty() { words.translated(&line.text) } else { text }
}

/// The headline: the sentence of what is explained.
#[must_use]
pub fn headline(answer: &ExplainResponse, words: Words) -> String {
    let explained = answer.lines.iter().find(|line| line.part() == StoryPart::Decided && line.text == answer.headline);
    explained.map_or_else(|| words.translated(&answer.headline), |line| sentence(line, words))
}

const PARTS: [(StoryPart, &str); 8] = [
    (StoryPart::Unspecified, ""),
    (StoryPart::Seen, "X101"),
    (StoryPart::Decided, "X102"),
    (StoryPart::Done, "X103"),
    (StoryPart::Phases, "X104"),
    (StoryPart::Peer, "X105"),
    (StoryPart::Now, "X106"),
    (StoryPart::Advice, "X107"),
];

/// The page.
#[must_use]
pub fn page(answer: &ExplainResponse, clock: &WallClock, sheet: Sheet) -> Page {
    let words = sheet.words;
    let mut page = Page::new();
    page.line(Line::new().tone(Tone::Bold, headline(answer, words)));
    let explained = answer.lines.iter().find(|l| l.part() == StoryPart::Decided && l.event_id != 0);
    if let Some(event) = explained.and_then(|line| answer.events.iter().find(|e| e.id == line.event_id)) {
        let when = clock.format(event.wall_clock_ms);
        let number = format!("#{}", event.id);
        let args: &[hotpair_messages::Arg<'_>] = &[("event", &number), ("node", &event.node), ("when", &when)];
        page.line(Line::indented(2).tone(Tone::Dim, words.say("X114", args)));
    }
    for (part, title) in PARTS {
        let lines: Vec<&StoryLine> = answer.lines.iter().filter(|line| line.part() == part).collect();
        if lines.is_empty() {
            continue;
        }
        if !title.is_empty() {
            page.heading(words.word(title));
        }
        section(&mut page, part, &lines, words);
    }
    page
}

fn section(page: &mut Page, part: StoryPart, lines: &[&StoryLine], words: Words) {
    let timed = |line: &StoryLine| line.event_id != 0 || matches!(part, StoryPart::Unspecified);
    match part {
        StoryPart::Phases => page.table(
            2,
            lines
                .iter()
                .map(|line| {
                    let took = line.took_ms.map(|ms| words.duration(Duration::from_millis(ms))).unwrap_or_default();
                    vec![Line::new().tone(Tone::Accent, took), sentence(line, words).into()]
                })
                .collect(),
        ),
        StoryPart::Now | StoryPart::Advice => {
            for line in lines {
                page.line(Line::indented(2).text("· ").text(sentence(line, words)).hang(4));
            }
        }
        _ => {
            let rows = lines.iter().filter(|line| timed(line)).map(|line| {
                let id = if line.event_id == 0 { String::new() } else { format!("#{}", line.event_id) };
                let tone = if part == StoryPart::Decided { Tone::Bold } else { Tone::Plain };
                vec![
                    Line::new().tone(Tone::Dim, offset_text(line.offset_ms)),
                    Line::new().tone(Tone::Dim, id),
                    Line::new().tone(tone, sentence(line, words)),
                ]
            });
            page.table(2, rows.collect());
            for line in lines.iter().filter(|line| !timed(line)) {
                page.line(Line::indented(2).text("· ").text(sentence(line, words)).hang(4));
            }
        }
    }
}

/// The same for `--json`.
#[must_use]
pub fn json(answer: &ExplainResponse, words: Words) -> Value {
    let lines: Vec<Value> = answer
        .lines
        .iter()
        .map(|line| {
            let part = line.part().as_str_name().trim_start_matches("STORY_PART_").to_ascii_lowercase();
            json!({
                "part": part,
                "offset_ms": line.offset_ms,
                "event_id": (line.event_id != 0).then_some(line.event_id),
                "took_ms": line.took_ms,
                "message_id": line.message_id,
                "parameters": crate::json::sorted(&line.parameters),
                "text": sentence(line, words),
            })
        })
        .collect();
    json!({
        "headline": headline(answer, words),
        "lines": lines,
        "events": answer.events.iter().map(|e| crate::json::event(e, words)).collect::<Vec<_>>(),
    })
}

/// `-1.250 s`, `+0.030 s`.
fn offset_text(ms: i64) -> String {
    let sign = if ms < 0 { '-' } else { '+' };
    let abs = ms.unsigned_abs();
    format!("{sign}{}.{:03} s", abs / 1_000, abs % 1_000)
}

/// What a message of the catalogue means in general, its causes, and what to do. `None`: there is no such id.
#[must_use]
pub fn message(id: &str, words: Words) -> Option<(Vec<(&'static str, String)>, String)> {
    let lang = words.lang();
    let message = hotpair_messages::get(id)?;
    let mut parts = Vec::new();
    if let Some(rule) = arbiter_core::rules::by_id(id) {
        let condition = match lang {
            Lang::En => rule.condition,
            Lang::Zh => pages::condition_zh(id).unwrap_or(rule.condition),
        };
        parts.push((ids::CONDITION, condition.to_owned()));
        parts.push((ids::DECISION, words.action(rule.action.describe())));
    }
    match pages::get(id) {
        Some(page) => parts.extend([
            (ids::MEANING, page.meaning(lang).to_owned()),
            (ids::CAUSES, page.causes(lang).to_owned()),
            (ids::REMEDY, page.remedy(lang).to_owned()),
        ]),
        None => parts.extend([
            (ids::MEANING, message.meaning_text(lang).to_owned()),
            (ids::REMEDY, message.remedy_text(lang).to_owned()),
        ]),
    }
    parts.retain(|(_, text)| !text.is_empty());
    Some((parts, message.text(lang).to_owned()))
}

/// One page of the documentation: every id of some areas with meaning, causes and remedy.
#[must_use]
pub fn manual(areas: &[char], title_id: &str, words: Words) -> String {
    use core::fmt::Write as _;
    let lang = words.lang();
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _: core::fmt::Result = write!(out, "# {}\n\n{}\n", words.word(title_id), words.word(ids::MANUAL_INTRO));
    let known = catalogue::all().filter(|m| areas.iter().any(|a| m.id.starts_with(*a)) && pages::get(m.id).is_some());
    for message in known {
        let Some((parts, text)) = self::message(message.id, words) else { continue };
        let _: core::fmt::Result = write!(out, "\n## {}\n\n> {}\n\n", message.id, plain(&text));
        let colon = words.colon();
        for (label, text) in parts {
            let separator = if lang == Lang::En { ": " } else { colon };
            let _: core::fmt::Result = writeln!(out, "- **{}**{separator}{text}", words.word(label));
        }
    }
    out
}

/// `{peer}` as a word that stands for something.
#[must_use]
pub fn plain(text: &str) -> String {
    text.replace(['{', '}'], "*")
}
