//! The arbiter daemon. See ARCHITECTURE.md.

use hotpair_runtime::args;
use std::process::ExitCode;

fn main() -> ExitCode {
    match args::parse("arbiterd", env!("CARGO_PKG_VERSION")) {
        Ok(args) => arbiterd::daemon::main(&args),
        Err(code) => code,
    }
}
