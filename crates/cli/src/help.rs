//! The command line's help in the chosen language.

use crate::args::Cli;
use crate::help_zh;
use clap::{Arg, ArgAction, Command, CommandFactory};
use hotpair_messages::Lang;

/// The command line with its help in a language.
#[must_use]
pub fn command(lang: Lang) -> Command {
    let command = Cli::command();
    match lang {
        Lang::En => command,
        Lang::Zh => chinese(command, ""),
    }
}

/// The frame of a command's help, with Chinese headings.
const CHINESE_TEMPLATE: &str = "{about-with-newline}\n用法：{usage}\n\n{all-args}{after-help}";

/// Replaces the texts of a command and everything below it. `path` is the command's name below `hotpair`; empty at the top.
fn chinese(mut command: Command, path: &str) -> Command {
    if let Some(about) = help_zh::text(path) {
        command = command.about(about).long_about(None::<&str>);
    }
    command = command.help_template(CHINESE_TEMPLATE).subcommand_help_heading("命令").subcommand_value_name("命令");
    // The flags that clap adds by itself would keep their English texts.
    let flag = |name: &'static str, short, action| {
        let text = help_zh::text(&format!(".{name}")).unwrap_or_default();
        Arg::new(name).short(short).long(name).action(action).help(text).display_order(1_000)
    };
    command = command.disable_help_flag(true).arg(flag("help", 'h', ArgAction::Help));
    if path.is_empty() {
        command = command.after_help(help_zh::EXIT_CODES);
        command = command.disable_version_flag(true).arg(flag("version", 'V', ArgAction::Version));
    }
    let arguments: Vec<(String, bool)> =
        command.get_arguments().map(|arg| (arg.get_id().to_string(), arg.is_positional())).collect();
    for (id, positional) in arguments {
        let heading = if positional { "参数" } else { "选项" };
        let text = help_zh::text(&format!("{path}.{id}")).or_else(|| help_zh::text(&format!(".{id}")));
        command = command.mut_arg(&id, |arg| {
            let arg = arg.help_heading(heading);
            match text {
                // The values' own texts are English; the help names them.
                Some(text) => {
                    let values = arg.get_action().takes_values();
                    arg.help(text).long_help(None::<&str>).hide_possible_values(values)
                }
                None => arg,
            }
        });
    }
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(&name, |sub| chinese(sub, &name));
    }
    command
}

/// The language that a command line asks for, looked up before it is parsed, so that help and mistakes come in it too.
#[must_use]
pub fn language(arguments: &[std::ffi::OsString], environment: Lang) -> Lang {
    let mut rest = arguments.iter().filter_map(|arg| arg.to_str());
    while let Some(argument) = rest.next() {
        let value = match argument.strip_prefix("--lang") {
            Some("") => rest.next(),
            Some(value) => value.strip_prefix('='),
            None => None,
        };
        match value {
            Some("en") => return Lang::En,
            Some("zh") => return Lang::Zh,
            _ => {}
        }
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent_in_both_languages() {
        command(Lang::En).debug_assert();
        command(Lang::Zh).debug_assert();
    }

    #[test]
    fn every_command_and_argument_has_a_chinese_text() {
        let mut missing = Vec::new();
        look(&Cli::command(), "", &mut missing);
        assert!(missing.is_empty(), "no Chinese help: {missing:?}");
    }

    fn look(command: &Command, path: &str, missing: &mut Vec<String>) {
        if help_zh::text(path).is_none() && !command.is_hide_set() {
            missing.push(path.to_owned());
        }
        for arg in command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
            let key = format!("{path}.{}", arg.get_id());
            if help_zh::text(&key).or_else(|| help_zh::text(&format!(".{}", arg.get_id()))).is_none()
                && !command.is_hide_set()
            {
                missing.push(key);
            }
        }
        for sub in command.get_subcommands() {
            look(sub, sub.get_name(), missing);
        }
    }

    #[test]
    fn the_language_is_known_before_the_command_line_is_parsed() {
        let ask = |args: &[&str]| {
            let args: Vec<std::ffi::OsString> = args.iter().map(Into::into).collect();
            language(&args, Lang::En)
        };
        assert_eq!(ask(&["hotpair", "status"]), Lang::En);
        assert_eq!(ask(&["hotpair", "--lang", "zh", "status"]), Lang::Zh);
        assert_eq!(ask(&["hotpair", "status", "--lang=zh"]), Lang::Zh);
        assert_eq!(ask(&["hotpair", "--lang"]), Lang::En);
        assert_eq!(ask(&["hotpair", "--language=zh"]), Lang::En);
    }
}
