//! Parses the command line, runs the command, turns its outcome into an exit code.

use clap::FromArgMatches;
use hotpair_cli::args::Cli;
use hotpair_cli::failure::{Exit, Failure};
use hotpair_cli::out::Out;
use hotpair_cli::words::Words;
use hotpair_cli::{cmd, help, ids};
use hotpair_messages::Lang;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let lang = help::language(&arguments, Lang::from_env());
    let words = Words::new(lang);
    let parsed =
        help::command(lang).try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no mistakes: they end with 0. A closed pipe leaves nobody to tell.
            let _: std::io::Result<()> = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage as u8));
        }
    };
    let out = Out::new(cli.color, words);
    let json = cmd::wants_json(&cli.command);
    match start(cli, out, words) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            out.fail(&failure);
            // Programs that read standard output find the failure there too, where nothing else was written yet.
            if json && !out.wrote() {
                let _: Result<(), Failure> = out.json(&failure.json(), false);
            }
            failure.exit.into()
        }
    }
}

fn start(cli: Cli, out: Out, words: Words) -> cmd::Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Error, words, ids::CANNOT_START, &[("reason", &error)]))?;
    runtime.block_on(cmd::run(cli, out, words))
}
