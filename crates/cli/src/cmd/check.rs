//! `hotpair check`: every mistake at once, then what the configuration guarantees. Talks to no daemon.

use crate::args::CheckArgs;
use crate::cmd::{Context, Outcome};
use crate::failure::Exit;
use crate::ids;
use crate::text::{Line, Page, Tone};
use hotpair_config::{Finding, Loaded, Severity};
use serde_json::{Value, json};

/// The command. Findings go to standard output: they are what was asked for.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(context: &Context, args: &CheckArgs) -> Outcome {
    match hotpair_config::load(&args.config, args.node.as_deref()) {
        Ok(loaded) => {
            if args.json {
                context.out.json(&good_json(context, &loaded), false)?;
            } else {
                findings(context, &loaded.warnings)?;
                context.out.page(&good_page(context, &loaded))?;
            }
            Ok(Exit::Ok)
        }
        Err(found) => {
            if args.json {
                let findings: Vec<Value> = found.iter().map(|finding| finding_json(context, finding)).collect();
                context.out.json(&json!({ "good": false, "findings": findings }), false)?;
            } else {
                findings(context, &found)?;
            }
            Ok(Exit::BadConfig)
        }
    }
}

fn findings(context: &Context, findings: &[Finding]) -> Result<(), crate::failure::Failure> {
    if findings.is_empty() {
        return Ok(());
    }
    let report = hotpair_config::report(findings, context.words.lang(), context.out.colour);
    context.out.print(&format!("{report}\n"))
}

fn good_page(context: &Context, loaded: &Loaded) -> Page {
    let words = context.words;
    let config = &loaded.config;
    let mut page = Page::new();
    if !loaded.warnings.is_empty() {
        page.line("");
    }
    let file = config.file.display().to_string();
    page.line(Line::new().text(file).text(words.colon()).tone(Tone::Good, words.word(ids::CONFIG_GOOD)));
    let detection = words.say(ids::DETECTION_IS, &[("time", &words.duration(config.detection()))]);
    let mut rows: Vec<Vec<Line>> = vec![vec![words.word(ids::DETECTION).into(), detection.into()]];
    for group in &config.groups {
        let promise = hotpair_config::promise_of(config, group, words.lang());
        rows.push(vec![
            Line::new().text(words.word(ids::GUARANTEE_TITLE)).text(" ").tone(Tone::Accent, group.name.as_str()),
            promise.into(),
        ]);
    }
    page.table(2, rows);
    page
}

fn good_json(context: &Context, loaded: &Loaded) -> Value {
    let config = &loaded.config;
    let groups: Vec<Value> = config
        .groups
        .iter()
        .map(|group| {
            let level = hotpair_config::guarantee(config, group);
            json!({
                "name": group.name.as_str(), "guarantee": level.as_str(),
                "promise": hotpair_config::promise_of(config, group, context.words.lang()),
            })
        })
        .collect();
    let findings: Vec<Value> = loaded.warnings.iter().map(|finding| finding_json(context, finding)).collect();
    json!({
        "good": true,
        "file": config.file.display().to_string(),
        "config_digest": config.digest.to_string(),
        "detection_ms": u64::try_from(config.detection().as_millis()).unwrap_or(u64::MAX),
        "groups": groups,
        "findings": findings,
    })
}

fn finding_json(context: &Context, finding: &Finding) -> Value {
    let words = finding.words(context.words.lang());
    let severity = match finding.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let parameters: serde_json::Map<String, Value> =
        finding.args.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    json!({
        "severity": severity, "id": finding.id, "file": finding.file.display().to_string(), "line": finding.line,
        "column": finding.column, "key": finding.key, "text": words.text, "why": words.meaning, "remedy": words.remedy,
        "parameters": parameters,
    })
}
