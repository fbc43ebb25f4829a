//! The arbiter daemon. See ARCHITECTURE.md.

use clap::Parser;
use hotpair_runtime::args::DaemonArgs;
use std::process::ExitCode;

/// Judges, from what is heard of the peer and what runs here, which node serves which group; keeps the history and serves
/// hotpair's public API.
#[derive(Parser)]
#[command(name = "arbiterd", version)]
struct Cli {
    #[command(flatten)]
    daemon: DaemonArgs,
}

fn main() -> ExitCode {
    arbiterd::daemon::main(&Cli::parse().daemon)
}
