//! Standard output: whether it is a terminal, how wide, in colour; and writing to it without falling over when the
//! reader of a pipe has gone.

use crate::args::ColorArg;
use crate::failure::{Exit, Failure};
use crate::ids;
use crate::render::Sheet;
use crate::text::{Look, Page};
use crate::words::Words;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Something was written to standard output.
static WROTE: AtomicBool = AtomicBool::new(false);

/// What is known of standard output and standard error.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    /// Standard output is a terminal.
    pub terminal: bool,
    /// Colours on standard output.
    pub colour: bool,
    /// Colours on standard error.
    pub colour_err: bool,
    ascii: bool,
    words: Words,
}

impl Out {
    /// Looks at the streams and the environment.
    #[must_use]
    pub fn new(color: ColorArg, words: Words) -> Self {
        let terminal = io::stdout().is_terminal();
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let wanted = |is_terminal: bool| match color {
            ColorArg::Always => true,
            ColorArg::Never => false,
            ColorArg::Auto => is_terminal && !set("NO_COLOR") && !dumb,
        };
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()));
        let utf8 = locale.is_some_and(|l| l.to_ascii_lowercase().replace('-', "").contains("utf8"));
        Self {
            terminal,
            colour: wanted(terminal),
            colour_err: wanted(io::stderr().is_terminal()),
            ascii: terminal && !utf8,
            words,
        }
    }

    /// How pages are put on this output. Lines wrap on a terminal only: what is piped stays greppable.
    #[must_use]
    pub fn look(&self) -> Look {
        Look { colour: self.colour, width: self.size().map(|(columns, _)| columns), ascii: self.ascii }
    }

    /// Columns and rows of the terminal.
    #[must_use]
    pub fn size(&self) -> Option<(usize, usize)> {
        if !self.terminal {
            return None;
        }
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
        let known = size.filter(|s| s.ws_col > 0 && s.ws_row > 0);
        Some(known.map_or((80, 24), |s| (usize::from(s.ws_col), usize::from(s.ws_row))))
    }

    /// What pages need to know, now.
    #[must_use]
    pub fn sheet(&self) -> Sheet {
        Sheet { words: self.words, now_ns: crate::clock::boottime_ns(), colour: self.colour }
    }

    /// Prints a page.
    ///
    /// # Errors
    /// As [`Self::print`].
    pub fn page(&self, page: &Page) -> Result<(), Failure> {
        self.print(&page.render(self.look()))
    }

    /// Prints one JSON document: readable on a terminal or for a person, one line where several follow each other.
    ///
    /// # Errors
    /// As [`Self::print`].
    pub fn json(&self, value: &serde_json::Value, one_line: bool) -> Result<(), Failure> {
        self.print(&if one_line { format!("{value}\n") } else { format!("{value:#}\n") })
    }

    /// Writes text and flushes. A reader that has gone ends the program quietly, as `head` does to every program.
    ///
    /// # Errors
    /// When it cannot be written for another reason: a full disk behind a redirection.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        if !text.is_empty() {
            WROTE.store(true, Ordering::Relaxed);
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
            Err(error) => Err(Failure::new(Exit::Error, self.words, ids::CANNOT_PRINT, &[("reason", &error)])),
        }
    }

    /// Whether anything was printed.
    #[must_use]
    pub fn wrote(&self) -> bool {
        WROTE.load(Ordering::Relaxed)
    }

    /// Shows a failure on standard error.
    pub fn fail(&self, failure: &Failure) {
        let text = failure.render(self.words, self.colour_err);
        // Nobody is left to be told when standard error is closed; the exit code remains.
        let _: io::Result<()> = io::stderr().lock().write_all(text.as_bytes());
    }
}
