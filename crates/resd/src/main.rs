//! The process; everything is in the library, where tests and fuzzing reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    resd::daemon()
}
