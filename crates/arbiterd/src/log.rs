//! Log lines for events of the history: the sentence as message, everything else as fields.

use crate::history::Record;
use crate::text;
use arbiter_core::io::Severity;

/// Writes the line. Never waits (the log has its own queue).
pub fn event(record: &Record) {
    let text = text::by_id(&record.message_id, &text::of_record(record)).text;
    let parameters = pairs(&record.parameters);
    let facts = pairs(&record.facts);
    // What is empty is left out of the line.
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (group, subject, parameters, facts) =
        (given(&record.group), given(&record.subject), given(&parameters), given(&facts));
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "arbiterd::event",
                message_id = record.message_id,
                group,
                subject,
                parameters,
                facts,
                "{text}"
            )
        };
    }
    match record.severity {
        Severity::Info => line!(info),
        Severity::Warning => line!(warn),
        Severity::Critical => line!(error),
    }
}

fn pairs(map: &std::collections::BTreeMap<String, String>) -> String {
    map.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
}
