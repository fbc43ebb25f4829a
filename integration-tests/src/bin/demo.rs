//! `make demo`: plays the story of a failover on this machine; `--keep` leaves the pair up to play with. Needs root.
//! Exit code: 0 if every act went as it should, 1 if not, 2 for wrong arguments, 130 after Ctrl-C.
use std::process::ExitCode;

use integration_tests::demo;

fn main() -> ExitCode {
    let mut keep = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--keep" => keep = true,
            "--help" | "-h" => {
                println!("Use: demo [--keep]\n  --keep  bring the pair up, print how to ask it, and wait until Ctrl-C");
                return ExitCode::SUCCESS;
            }
            _ => {
                eprintln!("demo: unknown argument {argument:?}; there is only --keep");
                return ExitCode::from(2);
            }
        }
    }
    let result =
        demo::interrupt::install().and_then(|()| if keep { demo::keep::keep().map(|()| true) } else { demo::play() });
    match result {
        _ if !keep && demo::interrupt::asked() => {
            eprintln!("\ndemo: interrupted; the machines have been taken down");
            ExitCode::from(130)
        }
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}
