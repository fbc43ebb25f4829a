//! What can go wrong, with its exit code: each failure names what, why where known, and the remedy.

use crate::ids;
use crate::words::Words;
use hotpair_messages::Arg;
use std::fmt::Write as _;
use tonic::Code;

/// Exit codes. They are part of the interface: never renumbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// It failed.
    Error = 1,
    /// The command line is wrong (clap's own code).
    Usage = 2,
    /// The daemon is not running or does not answer.
    Unreachable = 3,
    /// The daemon refused the order.
    Refused = 4,
    /// The caller may not do this.
    Permission = 5,
    /// `status --exit-code`: service runs, redundancy is lost.
    Degraded = 10,
    /// `status --exit-code`: service is lost or at risk.
    Critical = 11,
    /// `rehearse --fail-on`: a condition is met.
    Findings = 12,
    /// The configuration is bad.
    BadConfig = 64,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failure, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Exit code.
    pub exit: Exit,
    /// What happened and why; may have several lines.
    pub text: String,
    /// Why it matters; may be empty.
    pub meaning: String,
    /// What to do; may be empty.
    pub remedy: String,
    /// The daemon's stable reason, or a word of this program: for `--json`.
    pub reason: String,
}

impl Failure {
    /// From a message of the catalogue.
    #[must_use]
    pub fn new(exit: Exit, words: Words, id: &str, args: &[Arg<'_>]) -> Self {
        let rendered = hotpair_messages::render_full(id, words.lang(), args);
        Self { exit, text: rendered.text, meaning: rendered.meaning, remedy: rendered.remedy, reason: id.to_owned() }
    }

    /// From a daemon's answer to a call.
    #[must_use]
    pub fn from_status(words: Words, daemon: &str, status: &tonic::Status) -> Self {
        let (exit, id) = match status.code() {
            Code::PermissionDenied | Code::Unauthenticated => (Exit::Permission, ids::DENIED),
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => (Exit::Unreachable, ids::FAILED_CALL),
            Code::FailedPrecondition
            | Code::InvalidArgument
            | Code::NotFound
            | Code::Aborted
            | Code::AlreadyExists
            | Code::OutOfRange
            | Code::ResourceExhausted => (Exit::Refused, ids::REFUSED),
            _ => (Exit::Error, ids::FAILED_CALL),
        };
        // The daemon's text carries its own remedy at the end, on a line of its own.
        let explained = hotpair_ipc::errors::explain_status(status);
        let (reason, remedy) = explained.split_once("\nremedy: ").unwrap_or((explained.as_str(), ""));
        // Violations that only say again what the first line says.
        let first = reason.lines().next().unwrap_or_default().trim();
        let again = |line: &&str| !line.starts_with("  ") || !line.trim_end().ends_with(first);
        let reason = reason.lines().filter(again).collect::<Vec<_>>().join("\n");
        Self {
            exit,
            text: words.say(id, &[("daemon", &daemon), ("reason", &reason)]),
            meaning: String::new(),
            remedy: remedy.to_owned(),
            reason: hotpair_ipc::errors::reason_of(status).unwrap_or_else(|| id.to_owned()),
        }
    }

    /// Several lines for standard error.
    #[must_use]
    pub fn render(&self, words: Words, colour: bool) -> String {
        let red = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
        let bold = anstyle::Style::new().bold();
        let paint = |style: anstyle::Style, text: String| {
            if colour { format!("{style}{text}{style:#}") } else { text }
        };
        let mut out = format!("{}{}{}\n", paint(red, words.word(ids::ERROR)), words.colon(), self.text);
        for (label, text) in [(ids::WHY, &self.meaning), (ids::REMEDY, &self.remedy)] {
            if !text.is_empty() {
                // Writing to a String cannot fail.
                let _: std::fmt::Result = writeln!(
                    out,
                    "  {}{}{}",
                    paint(bold, words.word(label)),
                    words.colon(),
                    text.replace('\n', "\n    ")
                );
            }
        }
        out
    }

    /// The same for `--json`.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "error": { "reason": self.reason, "text": self.text, "remedy": self.remedy, "exit_code": self.exit as u8 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotpair_messages::Lang;

    /// B8: exit codes tell programs what happened.
    #[test]
    fn each_kind_of_answer_has_its_exit_code() {
        let exit = |status| Failure::from_status(Words::new(Lang::En), "arbiterd", &status).exit;
        assert_eq!(exit(tonic::Status::permission_denied("x")), Exit::Permission);
        assert_eq!(exit(tonic::Status::failed_precondition("x")), Exit::Refused);
        assert_eq!(exit(tonic::Status::not_found("x")), Exit::Refused);
        assert_eq!(exit(tonic::Status::invalid_argument("x")), Exit::Refused);
        assert_eq!(exit(tonic::Status::unavailable("x")), Exit::Unreachable);
        assert_eq!(exit(tonic::Status::internal("x")), Exit::Error);
    }

    #[test]
    fn what_why_and_remedy_are_shown_in_both_languages() {
        let status: tonic::Status =
            hotpair_ipc::errors::Problem::failed_precondition("PEER_NOT_READY", "web cannot move")
                .why("n2 is on standby")
                .remedy("hotpair online n2")
                .into();
        let failure = Failure::from_status(Words::new(Lang::En), "arbiterd", &status);
        assert_eq!(failure.reason, "PEER_NOT_READY");
        assert_eq!(
            failure.render(Words::new(Lang::En), false),
            "error: arbiterd refused: web cannot move: n2 is on standby\n  remedy: hotpair online n2\n"
        );
        let zh = Failure::from_status(Words::new(Lang::Zh), "arbiterd", &status);
        assert_eq!(
            zh.render(Words::new(Lang::Zh), false),
            "错误：arbiterd 拒绝了命令：web cannot move: n2 is on standby\n  处理办法：hotpair online n2\n"
        );
        assert!(failure.render(Words::new(Lang::En), true).starts_with("\u{1b}[1m\u{1b}[31merror\u{1b}[0m: "));
    }
}
