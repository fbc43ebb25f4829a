//! `make bench`: measures failover, switchover and idle cost on this machine and prints them beside the targets. Needs root.
//! Exit code: 0 if every target was met, 1 if not, 2 for wrong arguments.
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use integration_tests::bench::{self, Options, PARTS};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!(
            "Use: bench [--runs N] [--load-seconds N] [--trace] [PART …]\n  PART: {}; without any, all\n  --trace: \
             print the events of each run with their times",
            PARTS.join(", ")
        );
        return ExitCode::SUCCESS;
    }
    let options = match options(&arguments) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("bench: {error:#}");
            return ExitCode::from(2);
        }
    };
    match bench::run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: &[String]) -> Result<Options> {
    let mut options = Options { parts: Vec::new(), runs: 10, load: Duration::from_secs(60), trace: false };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = |least: u32| -> Result<u32> {
            let text = arguments.next().with_context(|| format!("{argument} needs a number"))?;
            let value: u32 = text.parse().with_context(|| format!("{argument}: {text:?} is not a number"))?;
            if value < least {
                bail!("{argument}: at least {least}");
            }
            Ok(value)
        };
        match argument.as_str() {
            "--runs" => options.runs = number(1)?,
            "--load-seconds" => options.load = Duration::from_secs(number(1)?.into()),
            "--trace" => options.trace = true,
            part if PARTS.contains(&part) => options.parts.push(part.to_owned()),
            other => bail!("unknown argument {other:?}; the parts are {}", PARTS.join(", ")),
        }
    }
    if options.parts.is_empty() {
        options.parts = PARTS.map(String::from).to_vec();
    }
    Ok(options)
}
