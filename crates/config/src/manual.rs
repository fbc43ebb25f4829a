//! The manual page hotpair.toml(5), written from the schema.

use crate::schema::{self, Default, Field, Table, Times};
use hotpair_messages::Lang;
use std::fmt::Write as _;

/// The page as roff, in English.
pub fn manual() -> String {
    let say = |id: &str| roff(&hotpair_messages::render(id, Lang::En, &[]));
    let mut out = format!(
        ".TH HOTPAIR.TOML 5 \"\" \"hotpair\" \"File formats\"\n.SH NAME\nhotpair.toml \\- configuration of a hotpair\n\
         .SH DESCRIPTION\n{}\n.PP\n{}\n",
        say("C303"),
        say("C304")
    );
    for table in schema::TABLES {
        section(&mut out, table);
    }
    // Writing to a String cannot fail.
    let _: std::fmt::Result = write!(out, ".SH GUARANTEE LEVELS\n{}\n", say("C306"));
    for (_, level) in crate::guarantee::WORDS {
        let promise = crate::guarantee::promise(level, Lang::En);
        let (word, text) = promise.split_once(": ").unwrap_or((&promise, ""));
        let _: std::fmt::Result = write!(out, ".TP\n\\fB{word}\\fR\n{}\n", roff(text));
    }
    out.push_str(
        ".SH FILES\n.I /etc/hotpair/hotpair.toml\n.br\n.I /etc/hotpair/hotpair.key\n.SH SEE ALSO\n.BR hotpair (1)\n",
    );
    out
}

fn section(out: &mut String, table: &Table) {
    let head = if table.times == Times::Many { format!("[[{}]]", table.path) } else { format!("[{}]", table.path) };
    let kind = if table.kind.is_empty() { String::new() } else { format!(", kind = \\(dq{}\\(dq", table.kind) };
    let _: std::fmt::Result = write!(out, ".SH {}{kind}\n{}\n", roff(&head), roff(table.en));
    for field in table.all_fields() {
        entry(out, field);
    }
}

fn entry(out: &mut String, field: &Field) {
    let default = match field.default {
        Default::Required => "required".to_owned(),
        Default::Absent => "optional".to_owned(),
        Default::Toml(text) => format!("default {text}"),
    };
    let allowed = field.ty.allowed();
    let allowed = if allowed.is_empty() { String::new() } else { format!("; {allowed}") };
    let _: std::fmt::Result = write!(
        out,
        ".TP\n\\fB{}\\fR = {} ({}{})\n{}\n",
        roff(field.key),
        roff(&field.ty.example()),
        roff(&default),
        roff(&allowed),
        roff(field.en)
    );
    if let Some((key, word)) = field.when {
        let _: std::fmt::Result = writeln!(out, "Only with {key} = \\(dq{word}\\(dq.");
    }
    if field.per_node {
        out.push_str("May be given per node.\n");
    }
}

/// Text with the characters that roff would read as its own made literal.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq").replace('`', "");
    // A line that begins with a dot or quote would be a request.
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
