//! Log lines on standard error, as text or JSON, through a bounded queue and a writer thread.
//!
//! A full pipe behind standard error (a stuck journal, a stopped terminal) never stops a loop: lines that do not fit
//! the queue are dropped and counted.

use std::io::IsTerminal;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Lines waiting for a slow reader; about half a MiB at most in practice.
const QUEUED_LINES: usize = 2_048;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line: `timestamp`, `level`, `target`, `fields` with `message`.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level text is not understood.
    #[error(
        "log level `{text}` is not understood: {why}; use off, error, warn, info, debug or trace, or a list such as \
         info,hbd::udp=debug"
    )]
    Level {
        /// What was given.
        text: String,
        /// The parser's reason.
        why: String,
    },
    /// Called twice in a process.
    #[error("logging is already set up in this process: {0}")]
    AlreadySet(String),
}

/// Keep it until `main` returns: dropping it flushes what is queued, waiting at most about a second.
#[derive(Debug)]
pub struct LogGuard {
    _worker: WorkerGuard,
    dropped: ErrorCounter,
}

impl LogGuard {
    /// Lines dropped since the start because the reader of standard error was too slow.
    #[must_use]
    pub fn dropped_lines(&self) -> usize {
        self.dropped.dropped_lines()
    }
}

/// Sets up logging for the process. `level` as in `--log-level`.
///
/// # Errors
/// See [`LogError`].
pub fn init(format: LogFormat, level: &str) -> Result<LogGuard, LogError> {
    let filter: Targets =
        level.parse().map_err(|error| LogError::Level { text: level.to_owned(), why: format!("{error}") })?;
    let (writer, worker) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(QUEUED_LINES)
        .thread_name("log")
        .finish(std::io::stderr());
    let dropped = writer.error_counter();
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let registry = tracing_subscriber::registry();
    let set = match format {
        LogFormat::Text => {
            registry.with(lines.with_ansi(std::io::stderr().is_terminal()).with_filter(filter)).try_init()
        }
        LogFormat::Json => registry.with(lines.with_ansi(false).json().with_filter(filter)).try_init(),
    };
    set.map_err(|error| LogError::AlreadySet(error.to_string()))?;
    Ok(LogGuard { _worker: worker, dropped })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_parsed_and_wrong_ones_explained() {
        let error = init(LogFormat::Text, "info,x=loud").unwrap_err().to_string();
        assert!(error.contains("info,x=loud") && error.contains("debug or trace"), "{error}");
        let guard = init(LogFormat::Json, "warn,hotpair_runtime=debug").unwrap();
        tracing::debug!(answer = 42, "a line");
        assert_eq!(guard.dropped_lines(), 0);
        assert!(matches!(init(LogFormat::Text, "info"), Err(LogError::AlreadySet(_))));
    }
}
