//! `--watch`: follows a stream of whole states, redraws in place on a terminal, prints one after the other elsewhere, and
//! comes back by itself when the daemon does.
//!
//! Single task. States are whole, so skipping or repeating one changes nothing.

use crate::failure::{Exit, Failure};
use crate::ids;
use crate::out::Out;
use crate::render::Sheet;
use crate::text::{Line, Page, Tone};
use crate::words::Words;
use core::time::Duration;
use serde_json::Value;
use tokio::time::{Interval, MissedTickBehavior};
use tonic::Streaming;

/// How often "for 3 s" is brought up to date, and how often a daemon that is away is tried again.
const TICK: Duration = Duration::from_secs(1);

/// What is shown of one thing.
pub trait Watched {
    /// The messages of its stream.
    type Message;

    /// Opens the stream.
    fn open(&self) -> impl Future<Output = Result<Streaming<Self::Message>, Failure>>;
    /// The page of a message.
    fn page(&self, message: &Self::Message, sheet: Sheet) -> Page;
    /// The JSON of a message.
    fn json(&self, message: &Self::Message) -> Value;
    /// What can be said while the daemon is away.
    fn away(&self, failure: &Failure, sheet: Sheet) -> impl Future<Output = (Page, Value)>;
}

/// Follows until the program is ended.
///
/// # Errors
/// When reading is not permitted, or standard output cannot be written.
pub async fn run<W: Watched>(watched: &W, out: &Out, words: Words, daemon: &str, json: bool) -> Result<(), Failure> {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut screen = Screen { out: *out, words, json, drawn: false, last: String::new() };
    loop {
        let failure = match watched.open().await {
            Ok(stream) => follow(watched, stream, &mut screen, &mut tick, daemon).await?,
            Err(failure) if failure.exit == Exit::Permission => return Err(failure),
            Err(failure) => failure,
        };
        let (page, value) = watched.away(&failure, out.sheet()).await;
        screen.show(&page, &value)?;
        tick.tick().await;
    }
}

/// Shows messages until the stream ends; the reason it ended.
async fn follow<W: Watched>(
    watched: &W,
    mut stream: Streaming<W::Message>,
    screen: &mut Screen,
    tick: &mut Interval,
    daemon: &str,
) -> Result<Failure, Failure> {
    let words = screen.words;
    let mut newest: Option<W::Message> = None;
    loop {
        tokio::select! {
            message = stream.message() => match message {
                Ok(Some(message)) => newest = Some(message),
                Ok(None) => {
                    let reason = "end of stream";
                    let args: &[hotpair_messages::Arg<'_>] = &[("daemon", &daemon), ("reason", &reason)];
                    return Ok(Failure::new(Exit::Unreachable, words, ids::CONNECTION_LOST, args));
                }
                Err(status) => {
                    let failure = Failure::from_status(words, daemon, &status);
                    // Not permitted, or not understood: trying again would not help.
                    if !matches!(failure.exit, Exit::Unreachable | Exit::Error) {
                        return Err(failure);
                    }
                    let args: &[hotpair_messages::Arg<'_>] = &[("daemon", &daemon), ("reason", &status.message())];
                    return Ok(Failure::new(Exit::Unreachable, words, ids::CONNECTION_LOST, args));
                }
            },
            _ = tick.tick(), if screen.out.terminal && !screen.json => {}
        }
        if let Some(message) = &newest {
            let sheet = screen.out.sheet();
            let value = if screen.json { watched.json(message) } else { Value::Null };
            screen.show(&watched.page(message, sheet), &value)?;
        }
    }
}

/// Where states are shown.
struct Screen {
    out: Out,
    words: Words,
    json: bool,
    drawn: bool,
    last: String,
}

impl Screen {
    fn show(&mut self, page: &Page, value: &Value) -> Result<(), Failure> {
        if self.json {
            // Only changes: a daemon that stays away is said once.
            let text = value.to_string();
            if text == self.last {
                return Ok(());
            }
            self.last = text;
            return self.out.json(value, true);
        }
        let text = page.render(self.out.look());
        let Some((columns, rows)) = self.out.size() else {
            if text == self.last {
                return Ok(());
            }
            let separator = if self.drawn { "\n" } else { "" };
            self.out.print(&format!("{separator}{text}"))?;
            (self.drawn, self.last) = (true, text);
            return Ok(());
        };
        let text = in_place(&text, rows, columns, self.words, self.out.colour);
        // Clearing once at the start keeps what was on the screen from shining through.
        let clear = if self.drawn { "" } else { "\u{1b}[2J" };
        self.drawn = true;
        self.out.print(&format!("{clear}\u{1b}[H{text}\u{1b}[J"))
    }
}

/// The text cut to the screen, each line clearing what stood there before.
fn in_place(text: &str, rows: usize, columns: usize, words: Words, colour: bool) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let room = rows.saturating_sub(1).max(1);
    let shown = if lines.len() > room { room.saturating_sub(1) } else { lines.len() };
    let mut out: String = lines.iter().take(shown).map(|line| format!("{line}\u{1b}[K\r\n")).collect();
    let hidden = lines.len().saturating_sub(shown);
    if hidden > 0 {
        let mut more = Page::new();
        more.line(Line::new().tone(Tone::Dim, words.say(ids::MORE_LINES, &[("count", &hidden)])));
        let look = crate::text::Look { colour, width: Some(columns), ascii: false };
        out.push_str(more.render(look).trim_end());
        out.push_str("\u{1b}[K\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_taller_than_the_screen_is_cut_and_says_so() {
        let text: String = (0..30).map(|n| format!("line {n}\n")).collect();
        let words = Words::default();
        let shown = in_place(&text, 10, 80, words, false);
        assert_eq!(shown.matches("\r\n").count(), 9);
        assert!(shown.contains("22 more lines"), "{shown}");
        let all = in_place("a\nb\n", 10, 80, words, false);
        assert_eq!(all, "a\u{1b}[K\r\nb\u{1b}[K\r\n");
    }
}
