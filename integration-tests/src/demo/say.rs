//! How the story is told: plain lines of at most 100 columns; colours and a progress line on a terminal only.
//!
//! Threading: one thread tells.
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Result, bail};

use super::interrupt;
use crate::lab::clock;

/// Widest line.
const WIDTH: usize = 100;
/// Pace at which conditions are looked at.
const PACE: Duration = Duration::from_millis(20);

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Less important.
    Dim,
    /// Headings.
    Bold,
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// What the product says.
    Quote,
}

/// Which lines of an output to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first so many.
    First(usize),
    /// The section that begins with a line with this beginning, up to the next line that is indented as little; at most so
    /// many lines.
    Section(&'static str, usize),
    /// Of a story: its headline, and from so many lines before the event explained so many lines.
    Story {
        /// Lines before the first one at +0.000 s.
        before: usize,
        /// Lines in all, without the headline.
        most: usize,
    },
}

impl Part {
    fn of(self, lines: &[&str]) -> Vec<usize> {
        let indent = |line: &str| line.len() - line.trim_start().len();
        match self {
            Self::First(most) => (0..lines.len().min(most)).collect(),
            Self::Section(title, most) => {
                let Some(begin) = lines.iter().position(|line| line.trim_start().starts_with(title)) else {
                    return Self::First(most).of(lines);
                };
                let depth = lines.get(begin).map_or(0, |line| indent(line));
                let rest = lines.iter().skip(begin + 1).take_while(|line| indent(line) > depth).count();
                (begin..=begin + rest).take(most).collect()
            }
            Self::Story { before, most } => {
                let event = lines.iter().position(|line| line.trim_start().starts_with("+0.000 s")).unwrap_or(1);
                let begin = event.saturating_sub(before).max(1);
                std::iter::once(0).chain((begin..lines.len()).take(most)).filter(|index| *index < lines.len()).collect()
            }
        }
    }
}

/// The one who tells.
#[derive(Debug)]
pub struct Narrator {
    terminal: bool,
    colour: bool,
}

impl Default for Narrator {
    fn default() -> Self {
        Self::new()
    }
}

impl Narrator {
    /// Tells on standard output.
    #[must_use]
    pub fn new() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none();
        Self { terminal, colour }
    }

    /// `text` in a colour, if colours are wanted.
    #[must_use]
    pub fn tone(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => "",
            Tone::Dim => "2",
            Tone::Bold => "1",
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Quote => "36",
        };
        if !self.colour || code.is_empty() { text.to_owned() } else { format!("\x1b[{code}m{text}\x1b[0m") }
    }

    /// One line, as it is.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn line(&self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()?;
        Ok(())
    }

    /// A heading.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn heading(&self, text: &str) -> Result<()> {
        let rule = "─".repeat(WIDTH.saturating_sub(text.chars().count() + 4));
        self.line("")?;
        self.line(&self.tone(Tone::Bold, &format!("── {text} {rule}")))
    }

    /// A paragraph, wrapped.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn tell(&self, text: &str) -> Result<()> {
        wrap(text, WIDTH - 2).iter().try_for_each(|line| self.line(&format!("  {line}")))
    }

    /// Something that happened as it should.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn done(&self, text: &str) -> Result<()> {
        self.marked("✓", Tone::Good, text)
    }

    /// Something that did not happen as it should.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn failed(&self, text: &str) -> Result<()> {
        self.marked("✗", Tone::Bad, text)
    }

    /// What the client saw.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn client(&self, text: &str) -> Result<()> {
        self.marked("☺", Tone::Bold, text)
    }

    fn marked(&self, mark: &str, tone: Tone, text: &str) -> Result<()> {
        for (index, line) in wrap(text, WIDTH - 4).iter().enumerate() {
            let mark = if index == 0 { self.tone(tone, mark) } else { " ".to_owned() };
            self.line(&format!("  {mark} {line}"))?;
        }
        Ok(())
    }

    /// What a command of the product says: all of it, or the part that matters here, each line cut to the width.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn quote(&self, command: &str, output: &str, part: Part) -> Result<()> {
        self.line(&format!("    {}", self.tone(Tone::Dim, &format!("$ {command}"))))?;
        let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
        let mut before = None;
        for index in part.of(&lines) {
            if before.is_some_and(|before| index > before + 1) || (before.is_none() && index > 0) {
                self.line(&format!("    {}", self.tone(Tone::Dim, "…")))?;
            }
            let line = lines.get(index).copied().unwrap_or_default();
            self.line(&format!("    {}", self.tone(Tone::Quote, &cut(line, WIDTH - 4))))?;
            before = Some(index);
        }
        if before.is_some_and(|before| before + 1 < lines.len()) {
            self.line(&format!("    {}", self.tone(Tone::Dim, "…")))?;
        }
        Ok(())
    }

    /// Waits until `condition` holds, showing on a terminal what is awaited and for how long; returns how long it took.
    /// A condition that cannot be asked counts as not met.
    ///
    /// # Errors
    /// When it does not hold within `bound`, and on Ctrl-C.
    pub fn wait(&self, what: &str, bound: Duration, mut condition: impl FnMut() -> Result<bool>) -> Result<Duration> {
        let start = clock::now();
        let mut shown = Duration::ZERO;
        let result = loop {
            if let Err(error) = interrupt::check() {
                break Err(error);
            }
            let answer = condition();
            let took = clock::now().saturating_sub(start);
            if matches!(answer, Ok(true)) {
                break Ok(took);
            }
            if took >= bound {
                let last = answer.err().map(|error| format!(" ({error:#})")).unwrap_or_default();
                break Err(anyhow::anyhow!("not within {} s: {what}{last}", bound.as_secs()));
            }
            if took >= shown {
                self.progress(what, took)?;
                shown = took + Duration::from_millis(100);
            }
            clock::pause(PACE);
        };
        self.clear()?;
        result
    }

    /// Watches for `window` that `still` goes on to hold: a time in which nothing may happen.
    ///
    /// # Errors
    /// When it does not hold any more, and on Ctrl-C.
    pub fn watch(&self, what: &str, window: Duration, mut still: impl FnMut() -> Result<bool>) -> Result<()> {
        let start = clock::now();
        loop {
            let passed = clock::now().saturating_sub(start);
            interrupt::check()?;
            if !still()? {
                self.clear()?;
                bail!("no longer true: {what}");
            }
            if passed >= window {
                return self.clear();
            }
            self.progress(what, passed)?;
            clock::pause(PACE);
        }
    }

    fn progress(&self, what: &str, passed: Duration) -> Result<()> {
        if !self.terminal {
            return Ok(());
        }
        let text = cut(&format!("  … {what} ({:.1} s)", passed.as_secs_f64()), WIDTH - 1);
        let mut out = std::io::stdout().lock();
        write!(out, "\r\x1b[K{}", self.tone(Tone::Dim, &text))?;
        out.flush()?;
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        if self.terminal {
            let mut out = std::io::stdout().lock();
            write!(out, "\r\x1b[K")?;
            out.flush()?;
        }
        Ok(())
    }
}

/// `text` in lines of at most `width` characters.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { continue };
        let long = line.chars().count() + 1 + word.chars().count() > width;
        match (line.is_empty(), long) {
            (true, _) => line.push_str(word),
            (false, false) => {
                line.push(' ');
                line.push_str(word);
            }
            (false, true) => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The first `width` characters of a line, with a sign that something is missing.
#[must_use]
pub fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue point 8: no line is longer than a narrow terminal.
    #[test]
    fn text_is_wrapped_and_cut() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
        assert_eq!(cut("grün und gut", 5), "grün…");
        assert_eq!(cut("kurz", 5), "kurz");
    }

    #[test]
    fn the_part_that_matters_is_found() {
        let lines = ["head", "Groups", "  a", "    b", "Paths", "  c"];
        assert_eq!(Part::Section("Groups", 9).of(&lines), [1, 2, 3]);
        assert_eq!(Part::Section("Groups", 2).of(&lines), [1, 2]);
        assert_eq!(Part::Section("none", 2).of(&lines), [0, 1]);
        let story = ["took over", "  -3 s a", "  -2 s b", "  -1 s c", "  +0.000 s d", "  +0.000 s e"];
        assert_eq!(Part::Story { before: 2, most: 3 }.of(&story), [0, 2, 3, 4]);
        assert_eq!(Part::Story { before: 9, most: 2 }.of(&story), [0, 1, 2]);
        assert!(Part::First(3).of(&[]).is_empty());
    }
}
