//! Paths: the section of `hotpair status` and the page of `hotpair paths`.

use crate::health;
use crate::ids;
use crate::render::Sheet;
use crate::render::status::{dot, remedy};
use crate::text::{Line, Page, Tone};
use crate::words::fraction;
use core::time::Duration;
use hotpair_proto::heartbeat::v1::{DirectionView, Medium, PathCause, PathState, PathStats, PathView, PeerView};

/// The section of the status page (S20: a failed path is red; both directions are judged apart).
pub fn section(page: &mut Page, paths: &[PathView], local: &str, peer: &str, sheet: Sheet) {
    let words = sheet.words;
    let (local, peer) = (or(local, &words.word(ids::THIS_NODE)), or(peer, &words.word(ids::PEER)));
    page.heading(format!(
        "{}  ({} {peer} → {local}{}{} {local} → {peer})",
        words.word(ids::PATHS),
        words.word(ids::RECEIVE),
        words.comma(),
        words.word(ids::SEND)
    ));
    if paths.is_empty() {
        page.line(Line::indented(2).tone(Tone::Dim, words.word(ids::NO_PATHS)));
    }
    page.table_with_notes(2, paths.iter().map(|path| row(path, sheet)).collect());
}

fn or(text: &str, other: &str) -> String {
    if text.is_empty() { other.to_owned() } else { text.to_owned() }
}

/// What the medium is called.
const fn medium(medium: Medium) -> &'static str {
    match medium {
        Medium::Udp => "udp",
        Medium::Serial => "serial",
        Medium::Disk => "disk",
        Medium::Unspecified => "",
    }
}

/// The path's colour: a dot, or its name where colours are off.
fn mark(path: &PathView, sheet: Sheet) -> Line {
    let state = health::worst(path);
    if sheet.colour { dot(sheet.words.path_state(state).0, sheet) } else { sheet.words.colour_name(state).into() }
}

fn row(path: &PathView, sheet: Sheet) -> (Vec<Line>, Vec<Line>) {
    let words = sheet.words;
    let none = DirectionView::default();
    let (rx, tx) = (path.rx.as_ref().unwrap_or(&none), path.tx.as_ref().unwrap_or(&none));
    let cell = |label: &str, d: &DirectionView| {
        let (tone, state) = words.path_state(d.state());
        Line::new().text(format!("{} ", words.word(label))).tone(tone, state)
    };
    let rtt = path.stats.as_ref().filter(|s| s.rtt_avg_us > 0).map_or_else(Line::new, |s| {
        let time = words.duration(Duration::from_micros(u64::from(s.rtt_avg_us)));
        Line::new().tone(Tone::Dim, words.say(ids::RTT, &[("time", &time)]))
    });
    let cells = vec![
        mark(path, sheet),
        Line::new().tone(Tone::Accent, path.name.as_str()),
        medium(path.medium()).into(),
        cell(ids::RECEIVE, rx),
        cell(ids::SEND, tx),
        rtt,
    ];
    let mut notes = Vec::new();
    let (receive, send) = (words.word(ids::RECEIVE), words.word(ids::SEND));
    if rx.cause() == tx.cause() && rx.detail == tx.detail && rx.state() == tx.state() {
        note(&mut notes, &format!("{receive}{}{send}", words.comma()), rx, sheet);
        return (cells, notes);
    }
    note(&mut notes, &receive, rx, sheet);
    // With nothing heard, that nothing is known of the other direction is no news.
    if tx.cause() != PathCause::NoReport || rx.state() == PathState::Up {
        note(&mut notes, &send, tx, sheet);
    }
    (cells, notes)
}

fn note(notes: &mut Vec<Line>, label: &str, direction: &DirectionView, sheet: Sheet) {
    let words = sheet.words;
    let Some(cause) = words.path_cause(direction) else { return };
    let (tone, _) = words.path_state(direction.state());
    let since = words.lasting(direction.since_ns, sheet.now_ns);
    let line = Line::indented(6).text(label).text(words.colon()).tone(tone, cause.text);
    notes.push(line.tone(Tone::Dim, words.brackets(&since)));
    if !cause.remedy.is_empty() {
        notes.push(remedy(8, &cause.remedy, sheet));
    }
}

/// The page of `hotpair paths`.
#[must_use]
pub fn page(view: &PeerView, local: &str, sheet: Sheet) -> Page {
    let words = sheet.words;
    let mut page = Page::new();
    page.line(Line::new().tone(Tone::Bold, words.say(ids::NODE_TITLE, &[("node", &local)])));
    let mut rows = vec![vec![words.word(ids::PEER_TITLE).into(), heard(view, sheet)]];
    rows.push(vec![words.word(ids::STALLS).into(), stalls(view, sheet)]);
    page.table(2, rows);
    if view.paths.is_empty() {
        page.blank();
        page.line(Line::indented(2).tone(Tone::Dim, words.word(ids::NO_PATHS)));
    }
    for path in &view.paths {
        page.blank();
        path_block(&mut page, path, sheet);
    }
    page
}

fn heard(view: &PeerView, sheet: Sheet) -> Line {
    let words = sheet.words;
    let Some(last) = view.last_heard_ns else {
        return Line::new().tone(Tone::Bad, words.word(ids::NEVER_HEARD));
    };
    // As of the view: hbd makes a new one when something changes, and each second at least.
    let time = words.duration(Duration::from_nanos(view.taken_at_ns.saturating_sub(last)));
    let mut line = Line::new().text(words.say(ids::HEARD_AGO, &[("time", &time)]));
    if view.peer.as_ref().is_some_and(|peer| peer.leaving) {
        line = line.text(words.comma()).tone(Tone::Warn, words.word(ids::LEAVING));
    }
    line
}

fn stalls(view: &PeerView, sheet: Sheet) -> Line {
    let words = sheet.words;
    let Some(stall) = view.last_stall.as_ref().filter(|_| view.stalls > 0) else {
        return words.word(ids::NO_STALLS).into();
    };
    let gap = words.duration(Duration::from_nanos(stall.gap_ns));
    let ago = words.duration(Duration::from_nanos(sheet.now_ns.saturating_sub(stall.at_ns)));
    let args: &[hotpair_messages::Arg<'_>] = &[("count", &view.stalls), ("gap", &gap), ("time", &ago)];
    Line::new().tone(Tone::Warn, words.say(ids::STALL_COUNT, args))
}

fn path_block(page: &mut Page, path: &PathView, sheet: Sheet) {
    let words = sheet.words;
    let interval = Duration::from_nanos(path.interval_ns);
    let detection = words.duration(interval.saturating_mul(path.lost));
    let interval = words.duration(interval);
    let timing = words.say(ids::TIMING, &[("interval", &interval), ("lost", &path.lost), ("time", &detection)]);
    let title = Line::new()
        .join(mark(path, sheet))
        .text(" ")
        .tone(Tone::Accent, path.name.as_str())
        .text(format!("  {}  ", medium(path.medium())))
        .tone(Tone::Dim, format!("{}{}", words.say(ids::PRIORITY, &[("priority", &path.priority)]), words.comma()))
        .tone(Tone::Dim, timing);
    page.line(title.hang(4));
    let none = DirectionView::default();
    let mut rows = Vec::new();
    for (label, direction) in [(ids::RECEIVE, &path.rx), (ids::SEND, &path.tx)] {
        let direction = direction.as_ref().unwrap_or(&none);
        let (tone, state) = words.path_state(direction.state());
        let mut cell = Line::new().tone(tone, state);
        cell = cell.tone(Tone::Dim, format!(" {}", words.lasting(direction.since_ns, sheet.now_ns)));
        let mut notes = Vec::new();
        if let Some(cause) = words.path_cause(direction) {
            cell = cell.text(words.colon()).text(cause.text);
            if !cause.remedy.is_empty() {
                notes.push(remedy(8, &cause.remedy, sheet));
            }
        }
        rows.push((vec![words.word(label).into(), cell], notes));
    }
    if let Some(stats) = &path.stats {
        rows.extend(statistics(stats, sheet).into_iter().map(|row| (row, Vec::new())));
    }
    page.table_with_notes(4, rows);
}

fn statistics(s: &PathStats, sheet: Sheet) -> Vec<Vec<Line>> {
    let words = sheet.words;
    let time = |micros: u32| words.duration(Duration::from_micros(u64::from(micros)));
    let rtt = if s.rtt_last_us == 0 {
        words.word(ids::NOT_MEASURED)
    } else {
        let (last, min) = (time(s.rtt_last_us), time(s.rtt_min_us));
        let (avg, max) = (time(s.rtt_avg_us), time(s.rtt_max_us));
        words.say(ids::RTT_VALUES, &[("last", &last), ("min", &min), ("avg", &avg), ("max", &max)])
    };
    let expected = s.received.saturating_add(s.missed);
    // Thousandths of a percent of what was expected.
    let loss = s.missed.saturating_mul(100_000).checked_div(expected).unwrap_or(0);
    let loss = fraction(loss);
    let counts =
        words.say(ids::COUNTS, &[("sent", &s.sent), ("received", &s.received), ("missed", &s.missed), ("loss", &loss)]);
    let dropped: Vec<String> = [
        (ids::UNSENT, s.send_failures),
        (ids::DROP_MAC, s.bad_mac),
        (ids::DROP_FOREIGN, s.foreign),
        (ids::DROP_REPLAYED, s.replayed),
        (ids::DROP_STALE, s.stale),
        (ids::DROP_ECHO, s.own_echo),
        (ids::DROP_VERSION, s.version),
        (ids::DROP_MALFORMED, s.malformed),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(id, count)| words.say(id, &[("count", &count)]))
    .collect();
    let dropped = if dropped.is_empty() {
        Line::new().tone(Tone::Dim, words.word(ids::NOTHING))
    } else {
        Line::new().tone(Tone::Warn, dropped.join(words.comma()))
    };
    let mut rows = vec![
        vec![words.word(ids::ROUND_TRIP).into(), rtt.into()],
        vec![words.word(ids::JITTER).into(), time(s.jitter_us).into()],
        vec![words.word(ids::COUNTED).into(), counts.into()],
        vec![words.word(ids::TURNED).into(), words.say(ids::TURNS, &[("late", &s.late), ("down", &s.down)]).into()],
        vec![words.word(ids::DROPPED).into(), dropped],
    ];
    let writes = (ids::DISK_WRITE, s.write_last_us, s.write_avg_us, s.write_max_us);
    for (id, last, avg, max) in [writes, (ids::DISK_READ, s.read_last_us, s.read_avg_us, s.read_max_us)] {
        if max > 0 {
            let values = words.say(ids::IO_VALUES, &[("last", &time(last)), ("avg", &time(avg)), ("max", &time(max))]);
            rows.push(vec![words.word(id).into(), values.into()]);
        }
    }
    rows
}
