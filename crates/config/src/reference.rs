//! The reference pages (`docs/configuration.md` and its Chinese twin), written from the schema.

use crate::schema::{self, Default, Field, Table, Times};
use crate::values::Ty;
use hotpair_messages::Lang;
use std::fmt::Write as _;

/// The page in a language, as Markdown.
pub fn reference(lang: Lang) -> String {
    let say = |id: &str| hotpair_messages::render(id, lang, &[]);
    let mut out = format!("# {}\n\n{}\n\n{}\n", say("C302"), say("C303"), say("C304"));
    for table in schema::TABLES {
        section(&mut out, table, lang);
    }
    // Writing to a String cannot fail.
    let _: std::fmt::Result = write!(out, "\n## {}\n\n{}\n\n", say("C305"), say("C306"));
    for (word, level) in crate::guarantee::WORDS {
        let promise = crate::guarantee::promise(level, lang);
        let promise = promise.split_once([':', '：']).map_or(promise.as_str(), |(_, rest)| rest.trim());
        let _: std::fmt::Result = writeln!(out, "- `{word}`: {promise}");
    }
    out
}

fn section(out: &mut String, table: &Table, lang: Lang) {
    let head = if table.times == Times::Many { format!("[[{}]]", table.path) } else { format!("[{}]", table.path) };
    let kind = if table.kind.is_empty() { String::new() } else { format!(", kind = \"{}\"", table.kind) };
    let (about, columns) = match lang {
        Lang::En => (table.en, "| key | value | default | meaning |"),
        Lang::Zh => (table.zh, "| 键 | 值 | 默认值 | 含义 |"),
    };
    let _: std::fmt::Result = write!(out, "\n## `{head}`{kind}\n\n{about}\n\n{columns}\n|---|---|---|---|\n");
    for field in table.all_fields() {
        row(out, field, lang);
    }
}

fn row(out: &mut String, field: &Field, lang: Lang) {
    let cell = |text: &str| text.replace('|', "\\|");
    let allowed = field.ty.allowed();
    let value = match field.ty {
        Ty::Choice(_) | Ty::OneOf(_) => format!("`{}`", allowed.replace(" | ", "`, `")),
        Ty::DurationOrNever(..) => {
            format!(
                "`{}` ({})",
                field.ty.example(),
                allowed.replace(" | ", if lang == Lang::En { ", or " } else { "，或 " })
            )
        }
        _ if allowed.is_empty() => format!("`{}`", field.ty.example()),
        Ty::Int(..) => allowed,
        _ => format!("`{}` ({allowed})", field.ty.example()),
    };
    let default = match (field.default, lang) {
        (Default::Required, Lang::En) => "required".to_owned(),
        (Default::Required, Lang::Zh) => "必填".to_owned(),
        (Default::Absent, _) => "—".to_owned(),
        (Default::Toml(text), _) => format!("`{text}`"),
    };
    let mut meaning = match lang {
        Lang::En => field.en,
        Lang::Zh => field.zh,
    }
    .to_owned();
    if let Some((key, word)) = field.when {
        let _: std::fmt::Result = match lang {
            Lang::En => write!(meaning, " Only with `{key} = \"{word}\"`."),
            Lang::Zh => write!(meaning, " 仅在 `{key} = \"{word}\"` 时有效。"),
        };
    }
    if field.per_node {
        meaning.push_str(match lang {
            Lang::En => " May be given per node.",
            Lang::Zh => " 可按节点分别设置。",
        });
    }
    let _: std::fmt::Result =
        writeln!(out, "| `{}` | {} | {} | {} |", field.key, cell(&value), cell(&default), cell(&meaning));
}
