//! The reference of the command line in Markdown, written from the command line's own definition and from the pair of the
//! examples. `docs/cli.md` and `docs/cli.zh-CN.md` are its output; a test compares.

use crate::help;
use crate::json;
use crate::render::{self, Sheet};
use crate::sample;
use crate::text::Look;
use crate::words::Words;
use clap::{Arg, Command};
use hotpair_messages::Lang;
use std::fmt::Write as _;

/// What the pages say beside what the definition says.
struct Prose {
    title: &'static str,
    intro: &'static str,
    global: &'static str,
    commands: &'static str,
    option: &'static str,
    meaning: &'static str,
    default: &'static str,
    example: &'static str,
    json: &'static str,
    json_intro: &'static str,
}

const ENGLISH: Prose = Prose {
    title: "The command line",
    intro: "This page is written by `hotpair reference` from the program itself.\n\n\
        `hotpair` reads the sockets of the three daemons on this node. Reading needs membership in the group `hotpair`, \
        orders need `hotpair-admin`. Orders work on either node, and as long as any path between the nodes lives.",
    global: "Options of every command",
    commands: "Commands",
    option: "option",
    meaning: "meaning",
    default: "default",
    example: "Example",
    json: "JSON",
    json_intro: "Names are those of the API (`grpcurl -plaintext -unix RUN_DIR/arbiterd.sock describe`). Enums are small \
        letters without the type's prefix. Every duration and time carries its unit in its name; `_ns` times count from \
        boot (CLOCK_BOOTTIME). Names are added over time, never changed or removed. A failure prints \
        `{\"error\": {\"reason\", \"text\", \"remedy\", \"exit_code\"}}`. With `--watch` and `events` each line is a document.\n\n\
        `status` while arbiterd does not answer: `reachable` is false, and `hbd` and `resd` hold what these say.",
};

const CHINESE: Prose = Prose {
    title: "命令行",
    intro: "本页由 `hotpair reference` 根据程序自身生成。\n\n\
        `hotpair` 读取本节点三个守护进程的套接字。查看需要属于 `hotpair` 组，下达命令需要属于 `hotpair-admin` 组。\
        命令在任一节点上都有效，只要两节点之间还有任何一条路径可用。",
    global: "所有命令通用的选项",
    commands: "命令",
    option: "选项",
    meaning: "含义",
    default: "默认",
    example: "示例",
    json: "JSON",
    json_intro: "名称与 API 相同（`grpcurl -plaintext -unix RUN_DIR/arbiterd.sock describe`）。枚举值为去掉类型前缀的小写字母。\
        所有时长和时间的单位都写在名称里；`_ns` 时间从启动时算起（CLOCK_BOOTTIME）。名称只会增加，不会更改或删除。失败时输出 \
        `{\"error\": {\"reason\", \"text\", \"remedy\", \"exit_code\"}}`。使用 `--watch` 以及 `events` 时每行一个文档。\n\n\
        arbiterd 没有回答时的 `status`：`reachable` 为 false，`hbd` 和 `resd` 为这两者给出的状态。",
};

/// The page.
#[must_use]
pub fn markdown(lang: Lang) -> String {
    let prose = match lang {
        Lang::En => &ENGLISH,
        Lang::Zh => &CHINESE,
    };
    let words = Words::new(lang);
    let mut command = help::command(lang);
    command.build();
    let mut out = format!("# {}\n\n{}\n\n", prose.title, prose.intro);
    // Writing to a String cannot fail.
    let _: std::fmt::Result = writeln!(out, "## {}\n", prose.global);
    table(&mut out, command.get_arguments().filter(|arg| arg.is_global_set()), prose);
    let _: std::fmt::Result = writeln!(out, "## {}\n", prose.commands);
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        section(&mut out, sub, prose);
    }
    if let Some(codes) = command.get_after_help() {
        let codes = codes.to_string();
        let (title, list) = codes.split_once('\n').unwrap_or(("", codes.as_str()));
        let _: std::fmt::Result = writeln!(out, "## {}\n\n```text\n{list}\n```\n", title.trim_end_matches([':', '：']));
    }
    let sheet = Sheet { words, now_ns: sample::NOW_NS, colour: false };
    let look = Look { width: Some(80), ..Look::default() };
    let page = render::status::page(&sample::status(), sheet).render(look);
    let _: std::fmt::Result = writeln!(out, "## {}\n\n```text\n$ hotpair status\n{page}```\n", prose.example);
    let document = json::status(&sample::status(), words);
    let _: std::fmt::Result = writeln!(out, "## {}\n\n{}\n\n```json\n{document:#}\n```", prose.json, prose.json_intro);
    out
}

fn section(out: &mut String, command: &Command, prose: &Prose) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _: std::fmt::Result = writeln!(out, "### {}\n\n{about}\n\n```text\n{usage}\n```\n", command.get_name());
    let own = |arg: &&Arg| !arg.is_global_set() && !["help", "version"].contains(&arg.get_id().as_str());
    table(out, command.get_arguments().filter(own), prose);
}

fn table<'a>(out: &mut String, arguments: impl Iterator<Item = &'a Arg>, prose: &Prose) {
    let mut rows = String::new();
    for arg in arguments {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
        let defaults: Vec<String> = arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned()).collect();
        let takes_value = arg.get_action().takes_values();
        let default = if defaults.is_empty() || !takes_value {
            String::new()
        } else {
            format!(" ({} `{}`)", prose.default, defaults.join(" "))
        };
        let environment = arg.get_env().map_or_else(String::new, |name| format!(" (`{}`)", name.to_string_lossy()));
        let _: std::fmt::Result =
            writeln!(rows, "| `{}` | {help}{default}{environment} |", name(arg).replace('|', "\\|"));
    }
    if !rows.is_empty() {
        let _: std::fmt::Result = writeln!(out, "| {} | {} |\n|---|---|\n{rows}", prose.option, prose.meaning);
    }
}

fn name(arg: &Arg) -> String {
    let values = || {
        let possible: Vec<String> = arg.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
        let names = arg.get_value_names().map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>());
        if possible.is_empty() { names.unwrap_or_default().join(" ") } else { possible.join("|") }
    };
    if arg.is_positional() {
        return arg.get_value_names().map_or_else(String::new, |names| names.iter().map(ToString::to_string).collect());
    }
    let long = arg.get_long().map(|long| format!("--{long}"));
    let short = arg.get_short().map(|short| format!("-{short}"));
    let mut text = [short, long].into_iter().flatten().collect::<Vec<_>>().join(", ");
    if arg.get_action().takes_values() {
        text.push(' ');
        text.push_str(&values());
    }
    text
}
