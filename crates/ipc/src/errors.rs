//! Errors that say what happened, why, and what to do: `google.rpc` details inside a [`tonic::Status`].
//!
//! Servers build a [`Problem`]; clients print [`explain_status`]. On the wire: the message is "what: why", `ErrorInfo`
//! carries a stable reason, the domain `hotpair` and metadata (`remedy` among it), `LocalizedMessage` the remedy as a
//! sentence for clients that show only that, `BadRequest` and `PreconditionFailure` their violations.

use core::time::Duration;
use std::collections::HashMap;
use std::fmt::Write as _;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// `ErrorInfo.domain` of every error of hotpair.
pub const DOMAIN: &str = "hotpair";

/// An error under construction; `into()` makes the [`Status`].
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    reason: &'static str,
    what: String,
    why: Option<String>,
    remedy: Option<String>,
    metadata: HashMap<String, String>,
    fields: Vec<(String, String)>,
    preconditions: Vec<(String, String, String)>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// `reason`: stable, UPPER_SNAKE_CASE, at most 63 characters. `what`: what happened, without a full stop.
    pub fn new(code: Code, reason: &'static str, what: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            what: what.into(),
            why: None,
            remedy: None,
            metadata: HashMap::new(),
            fields: Vec::new(),
            preconditions: Vec::new(),
            retry_after: None,
        }
    }

    /// The request itself is wrong; add [`Self::field`]s.
    pub fn invalid_argument(reason: &'static str, what: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, reason, what)
    }

    /// The caller may not.
    pub fn permission_denied(reason: &'static str, what: impl Into<String>) -> Self {
        Self::new(Code::PermissionDenied, reason, what)
    }

    /// Right request, wrong time; add [`Self::precondition`]s.
    pub fn failed_precondition(reason: &'static str, what: impl Into<String>) -> Self {
        Self::new(Code::FailedPrecondition, reason, what)
    }

    /// There is no such thing.
    pub fn not_found(reason: &'static str, what: impl Into<String>) -> Self {
        Self::new(Code::NotFound, reason, what)
    }

    /// Overtaken by something newer, as an old generation is.
    pub fn aborted(reason: &'static str, what: impl Into<String>) -> Self {
        Self::new(Code::Aborted, reason, what)
    }

    /// Not now; trying again later may work.
    pub fn unavailable(reason: &'static str, what: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, reason, what)
    }

    /// A fault of the system or of hotpair itself.
    pub fn internal(reason: &'static str, what: impl Into<String>) -> Self {
        Self::new(Code::Internal, reason, what)
    }

    /// The cause.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// What the person in front of it can do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// A fact for programs.
    #[must_use]
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// A field of the request (as `group` or `target.groups[2].name`) and what is wrong with it.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, wrong: impl Into<String>) -> Self {
        self.fields.push((field.into(), wrong.into()));
        self
    }

    /// A condition that does not hold: its kind, what it is about, a sentence.
    #[must_use]
    pub fn precondition(
        mut self,
        kind: impl Into<String>,
        subject: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        self.preconditions.push((kind.into(), subject.into(), description.into()));
        self
    }

    /// When trying again makes sense.
    #[must_use]
    pub const fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let mut details = ErrorDetails::new();
        let mut metadata = problem.metadata;
        if let Some(remedy) = problem.remedy {
            details.set_localized_message("en", remedy.clone());
            metadata.insert("remedy".to_owned(), remedy);
        }
        details.set_error_info(problem.reason, DOMAIN, metadata);
        for (field, wrong) in problem.fields {
            details.add_bad_request_violation(field, wrong);
        }
        for (kind, subject, description) in problem.preconditions {
            details.add_precondition_failure_violation(kind, subject, description);
        }
        if problem.retry_after.is_some() {
            details.set_retry_info(problem.retry_after);
        }
        let message = match problem.why {
            Some(why) => format!("{}: {why}", problem.what),
            None => problem.what,
        };
        Self::with_error_details(problem.code, message, details)
    }
}

/// The text for a person, several lines without a final newline: what and why, each violation, the remedy.
#[must_use]
pub fn explain_status(status: &Status) -> String {
    let details = status.get_error_details();
    let mut text = match status.message() {
        "" => status.code().description().to_owned(),
        message => message.to_owned(),
    };
    // Writing to a String cannot fail.
    for violation in details.bad_request().map(|b| b.field_violations.as_slice()).unwrap_or_default() {
        let _ = write!(text, "\n  {}: {}", violation.field, violation.description);
    }
    for violation in details.precondition_failure().map(|p| p.violations.as_slice()).unwrap_or_default() {
        let _ = write!(text, "\n  {}: {}", violation.subject, violation.description);
    }
    if let Some(delay) = details.retry_info().and_then(|r| r.retry_delay) {
        let _ = write!(text, "\ntry again in {:.1} s", delay.as_secs_f64());
    }
    let remedy = details.error_info().and_then(|info| info.metadata.get("remedy")).map(String::as_str);
    if let Some(remedy) = remedy.or_else(|| details.localized_message().map(|m| m.message.as_str())) {
        let _ = write!(text, "\nremedy: {remedy}");
    } else if let Some(remedy) = remedy_by_code(status.code()) {
        let _ = write!(text, "\nremedy: {remedy}");
    }
    text
}

/// The stable reason of an error made from a [`Problem`].
#[must_use]
pub fn reason_of(status: &Status) -> Option<String> {
    status.get_error_details().error_info().filter(|info| info.domain == DOMAIN).map(|info| info.reason.clone())
}

/// For errors that come from the transport and carry no details.
const fn remedy_by_code(code: Code) -> Option<&'static str> {
    match code {
        Code::Unavailable => Some("see whether the daemon runs and answers: systemctl status hotpair.target"),
        Code::Unimplemented => Some("program and daemon are of different versions: finish the upgrade on this node"),
        Code::DeadlineExceeded => Some("the daemon is busy or stopped: see its log"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_survives_the_wire_format_with_everything_it_says() {
        let status: Status = Problem::failed_precondition("PEER_NOT_READY", "group db cannot move to n2")
            .why("n2 is on standby")
            .remedy("hotpair online n2")
            .meta("group", "db")
            .precondition("NODE", "n2", "is on standby until 12:00")
            .field("node", "is on standby")
            .retry_after(Duration::from_millis(1_500))
            .into();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(reason_of(&status).as_deref(), Some("PEER_NOT_READY"));
        assert_eq!(status.get_error_details().error_info().unwrap().metadata["group"], "db");
        assert_eq!(
            explain_status(&status),
            "group db cannot move to n2: n2 is on standby\n  node: is on standby\n  n2: is on standby until 12:00\n\
             try again in 1.5 s\nremedy: hotpair online n2"
        );
    }

    #[test]
    fn a_bare_transport_error_still_gets_a_remedy() {
        let text = explain_status(&Status::unavailable("broken pipe"));
        assert!(text.starts_with("broken pipe\nremedy: see whether the daemon runs"), "{text}");
        assert_eq!(reason_of(&Status::unavailable("x")), None);
        assert!(!explain_status(&Status::unknown("")).is_empty());
    }
}
