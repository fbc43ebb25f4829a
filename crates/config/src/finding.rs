//! What is wrong, or risky, in a configuration: place, message, reason, remedy, and the line with a caret under it.
//!
//! A [`Finding`] keeps the message's id and parameters, not a sentence, so that it can be shown in either language.

use hotpair_messages::{Lang, Rendered};
use std::fmt::{self, Write as _};
use std::path::PathBuf;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works, but somebody should know (S24).
    Warning,
    /// Nothing starts with it.
    Error,
}

/// The line a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// The whole line, without its end.
    pub line: String,
    /// First marked character of the line, from 0.
    pub start: usize,
    /// Marked characters, at least 1.
    pub len: usize,
}

/// One thing that is wrong or risky.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    pub file: PathBuf,
    /// Line, from 1; 0: the finding is about the file as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 as for `line`.
    pub column: usize,
    /// Place in the configuration's own terms, as `group[web].resource[vip].address`.
    pub key: String,
    /// Message id, `C###`.
    pub id: &'static str,
    /// Parameters of the message.
    pub args: Vec<(String, String)>,
    /// The line with the mistake, where there is one.
    pub snippet: Option<Snippet>,
}

impl Finding {
    /// Sentence, reason and remedy in a language.
    pub fn words(&self, lang: Lang) -> Rendered {
        hotpair_messages::render_pairs(self.id, lang, &self.args)
    }

    /// What is wrong.
    pub fn what(&self, lang: Lang) -> String {
        self.words(lang).text
    }

    /// Why it matters; may be empty.
    pub fn why(&self, lang: Lang) -> String {
        self.words(lang).meaning
    }

    /// What to do about it; may be empty.
    pub fn remedy(&self, lang: Lang) -> String {
        self.words(lang).remedy
    }

    /// Several lines for a terminal, in the form compilers use; `colour` adds ANSI colours. Ends without a line feed.
    pub fn to_text(&self, lang: Lang, colour: bool) -> String {
        let words = self.words(lang);
        let (label, shade) = match (self.severity, lang) {
            (Severity::Error, Lang::En) => ("error", "\x1b[1;31m"),
            (Severity::Error, Lang::Zh) => ("错误", "\x1b[1;31m"),
            (Severity::Warning, Lang::En) => ("warning", "\x1b[1;33m"),
            (Severity::Warning, Lang::Zh) => ("警告", "\x1b[1;33m"),
        };
        let (why, help) = match lang {
            Lang::En => ("why", "help"),
            Lang::Zh => ("原因", "建议"),
        };
        let (on, off, dim) = if colour { (shade, "\x1b[0m", "\x1b[1;34m") } else { ("", "", "") };
        let mut out = format!("{on}{label}[{}]{off}: {}", self.id, words.text);
        let number = if self.line == 0 { String::new() } else { self.line.to_string() };
        let gap = " ".repeat(number.len().max(1));
        let mut add = |text: String| {
            out.push('\n');
            out.push_str(&text);
        };
        let place = if self.line == 0 {
            self.file.display().to_string()
        } else {
            format!("{}:{}:{}", self.file.display(), self.line, self.column)
        };
        let key = if self.key.is_empty() { String::new() } else { format!("  {}", self.key) };
        add(format!("{gap}{dim}-->{off} {place}{key}"));
        if let Some(snippet) = &self.snippet {
            add(format!("{gap} {dim}|{off}"));
            add(format!("{dim}{number} |{off} {}", snippet.line.replace('\t', " ")));
            add(format!("{gap} {dim}|{off} {on}{}{off}", carets(snippet)));
        }
        if !words.meaning.is_empty() {
            add(format!("{gap} {dim}={off} {why}: {}", words.meaning));
        }
        if !words.remedy.is_empty() {
            add(format!("{gap} {dim}={off} {help}: {}", words.remedy));
        }
        out
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(Lang::En, false))
    }
}

/// All findings one after the other, and the count of each severity at the end.
pub fn report(findings: &[Finding], lang: Lang, colour: bool) -> String {
    let mut out = String::new();
    for finding in findings {
        // Writing to a String cannot fail.
        let _: fmt::Result = writeln!(out, "{}\n", finding.to_text(lang, colour));
    }
    let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
    let warnings = findings.len().saturating_sub(errors);
    out.push_str(&hotpair_messages::render("C199", lang, &[("errors", &errors), ("warnings", &warnings)]));
    out
}

/// Blanks and carets below a line, counted in terminal cells (Chinese characters take two).
fn carets(snippet: &Snippet) -> String {
    let cells = |text: &mut dyn Iterator<Item = char>| -> usize { text.map(|c| if is_wide(c) { 2 } else { 1 }).sum() };
    let before = cells(&mut snippet.line.chars().take(snippet.start));
    let marked = cells(&mut snippet.line.chars().skip(snippet.start).take(snippet.len)).max(1);
    format!("{}{}", " ".repeat(before), "^".repeat(marked))
}

/// East Asian wide characters, roughly.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{20000}'..='\u{3fffd}')
}
