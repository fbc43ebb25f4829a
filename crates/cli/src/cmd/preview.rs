//! `hotpair check --against-running`: what a reload with this file would do on this node (B8). Asks arbiterd, changes nothing.

use crate::args::CheckArgs;
use crate::cmd::{Context, Outcome};
use crate::connect::ARBITERD;
use crate::failure::{Exit, Failure};
use crate::ids;
use crate::json;
use crate::text::{Line, Page, Tone};
use crate::words::Words;
use hotpair_proto::arbiter::v1::{
    ConfigChange, ConfigEffect, ConfigFinding, PreviewConfigRequest, PreviewConfigResponse,
};
use serde_json::{Value, json as value};

/// The command.
///
/// # Errors
/// When the file cannot be read, or arbiterd does not answer.
pub async fn run(context: &Context, args: &CheckArgs) -> Outcome {
    let words = context.words;
    let text = std::fs::read_to_string(&args.config).map_err(|error| {
        let file = args.config.display();
        Failure::new(Exit::Error, words, ids::CANNOT_READ, &[("file", &file), ("reason", &error)])
    })?;
    let file = args.config.display().to_string();
    let mut client = context.daemons.arbiter().await?;
    let request = PreviewConfigRequest { text, file: file.clone() };
    let answer = context.daemons.answer(ARBITERD, client.preview_config(request)).await?;
    if args.json {
        context.out.json(&document(&answer, words), false)?;
    } else {
        context.out.page(&page(&answer, &file, words))?;
    }
    Ok(if answer.good { Exit::Ok } else { Exit::BadConfig })
}

/// The page.
#[must_use]
pub fn page(answer: &PreviewConfigResponse, file: &str, words: Words) -> Page {
    let mut page = Page::new();
    for finding in &answer.findings {
        let (tone, severity) = match finding.error {
            true => (Tone::Bad, ids::ERROR),
            false => (Tone::Warn, ids::SEVERITY_WARNING),
        };
        let (text, remedy) = said(finding, words);
        let place = if finding.line > 0 { format!("{file}:{}", finding.line) } else { file.to_owned() };
        page.line(
            Line::new().tone(tone, words.word(severity)).text(format!(" {place}")).text(words.colon()).text(text),
        );
        if !remedy.is_empty() {
            let label = format!("{}{}", words.word(ids::REMEDY), words.colon());
            page.line(Line::indented(2).tone(Tone::Dim, label).text(remedy));
        }
    }
    if !answer.good {
        page.line(Line::new().tone(Tone::Bad, words.word("X454")));
        return page;
    }
    page.line(Line::new().tone(Tone::Bold, words.say(ids::RELOAD_WOULD, &[("file", &file)])));
    // What stays comes last: the changes are what the reader looks for.
    let (stays, changes): (Vec<_>, Vec<_>) =
        answer.changes.iter().partition(|change| change.effect() == ConfigEffect::Untouched);
    let rows = changes.into_iter().chain(stays).map(|change| {
        let rendered = words.server(&change.message_id, &change.parameters, &change.text);
        let (tone, effect) = effect(change.effect());
        let label = format!("{}{}", words.word(ids::REMEDY), words.colon());
        let notes = match rendered.remedy.as_str() {
            "" => Vec::new(),
            remedy => vec![Line::indented(6).tone(Tone::Dim, label).text(remedy)],
        };
        (vec![Line::new().tone(tone, words.word(effect)), rendered.text.into()], notes)
    });
    page.table_with_notes(2, rows.collect());
    page
}

fn said(finding: &ConfigFinding, words: Words) -> (String, String) {
    let rendered = words.server(&finding.message_id, &finding.parameters, &finding.text);
    (rendered.text, rendered.remedy)
}

const fn effect(effect: ConfigEffect) -> (Tone, &'static str) {
    match effect {
        ConfigEffect::Unspecified | ConfigEffect::Untouched => (Tone::Dim, ids::EFFECT_UNTOUCHED),
        ConfigEffect::Added => (Tone::Good, ids::EFFECT_ADDED),
        ConfigEffect::Removed => (Tone::Bad, ids::EFFECT_REMOVED),
        ConfigEffect::Changed => (Tone::Warn, ids::EFFECT_CHANGED),
        ConfigEffect::Restarted => (Tone::Warn, ids::EFFECT_RESTARTED),
        ConfigEffect::Decision => (Tone::Bad, ids::EFFECT_DECISION),
        ConfigEffect::NeedsRestart => (Tone::Bad, ids::EFFECT_NEEDS_RESTART),
    }
}

/// The same for `--json`.
#[must_use]
pub fn document(answer: &PreviewConfigResponse, words: Words) -> Value {
    let change = |c: &ConfigChange| {
        let effect = c.effect().as_str_name().trim_start_matches("CONFIG_EFFECT_").to_ascii_lowercase();
        let rendered = words.server(&c.message_id, &c.parameters, &c.text);
        value!({
            "kind": c.kind, "name": c.name, "effect": effect, "message_id": c.message_id,
            "parameters": json::sorted(&c.parameters), "text": rendered.text, "remedy": rendered.remedy,
        })
    };
    let finding = |f: &ConfigFinding| {
        let (text, remedy) = said(f, words);
        let severity = if f.error { "error" } else { "warning" };
        value!({ "id": f.message_id, "severity": severity, "line": f.line, "key": f.key, "text": text, "remedy": remedy })
    };
    value!({
        "good": answer.good,
        "findings": answer.findings.iter().map(finding).collect::<Vec<_>>(),
        "changes": answer.changes.iter().map(change).collect::<Vec<_>>(),
        "config_digest": answer.digest,
        "running_digest": answer.running_digest,
        "peer_digest": answer.peer_digest,
    })
}
