//! The command line that `hbd`, `arbiterd` and `resd` share. Other tools rely on these names.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches};

use crate::logging::LogFormat;

/// Where sockets are made unless `--run-dir` says otherwise.
pub const DEFAULT_RUN_DIR: &str = "/run/hotpair";
/// Where durable state is kept unless `--state-dir` says otherwise.
pub const DEFAULT_STATE_DIR: &str = "/var/lib/hotpair";
/// The configuration read unless `--config` says otherwise.
pub const DEFAULT_CONFIG: &str = "/etc/hotpair/hotpair.toml";
/// The configuration of `arbiterd --witness` unless `--config` says otherwise.
pub const DEFAULT_WITNESS_CONFIG: &str = "/etc/hotpair/witness.toml";
/// Exit code for a command line or configuration that is wrong (sysexits(3) EX_USAGE).
pub const EXIT_BAD_CONFIG: u8 = 64;

/// Options of every daemon: flatten it into the daemon's own `clap::Parser`.
#[derive(Debug, Clone, Args)]
pub struct DaemonArgs {
    /// Configuration file, the same on both nodes.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    /// Which node of the configuration this machine is. Without it the host name is taken.
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
    /// Directory of the daemons' sockets.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_RUN_DIR, env = "HOTPAIR_RUN_DIR")]
    pub run_dir: PathBuf,
    /// Directory of the durable state.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE_DIR)]
    pub state_dir: PathBuf,
    /// Check the configuration and exit: 0 if it is good, 64 if not. Opens nothing else.
    #[arg(long)]
    pub check: bool,
    /// How log lines are written to standard error.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What is logged: off, error, warn, info, debug or trace, or per module as in `info,hbd::udp=debug`.
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
    /// arbiterd only: be a neighbour that looks for the nodes of pairs, and nothing else.
    #[arg(skip)]
    pub witness: bool,
}

/// The daemons: name, and what each does, as `--help` and its manual page say it.
pub const DAEMONS: [(&str, &str); 3] = [
    ("hbd", "Heartbeat daemon of hotpair: tests the paths to the other node all the time"),
    (
        "arbiterd",
        "Arbiter daemon of hotpair: judges which node serves which group, keeps the history and serves the public API",
    ),
    ("resd", "Resource daemon of hotpair: starts, watches, repairs and stops what a group consists of"),
];

/// The command line of a daemon, for its own `--help` and for its manual page.
#[must_use]
pub fn command(daemon: &'static str, version: &'static str) -> clap::Command {
    let about = DAEMONS.iter().find(|(name, _)| *name == daemon).map_or("", |(_, about)| about);
    let command = DaemonArgs::augment_args(clap::Command::new(daemon).version(version).about(about));
    if daemon == WITNESS_DAEMON { command.arg(witness_option()) } else { command }
}

/// The one daemon that has a mode for a third machine.
const WITNESS_DAEMON: &str = "arbiterd";
const WITNESS: &str = "witness";

fn witness_option() -> Arg {
    let help = "Be a neighbour on a third machine: look for the nodes of pairs when they ask, and do nothing else. The configuration is a \
                small one of its own, by default /etc/hotpair/witness.toml";
    Arg::new(WITNESS).long(WITNESS).action(ArgAction::SetTrue).help(help)
}

fn with_witness(daemon: &str, matches: &ArgMatches) -> Result<DaemonArgs, clap::Error> {
    let mut args = DaemonArgs::from_arg_matches(matches)?;
    args.witness = daemon == WITNESS_DAEMON && matches.get_flag(WITNESS);
    if args.witness && matches.value_source("config") == Some(ValueSource::DefaultValue) {
        args.config = PathBuf::from(DEFAULT_WITNESS_CONFIG);
    }
    Ok(args)
}

/// Reads the command line of this process. `Err`: help or version was printed, or the command line is wrong (said, exit code
/// [`EXIT_BAD_CONFIG`]); the process ends with that code.
///
/// # Errors
/// See above.
pub fn parse(daemon: &'static str, version: &'static str) -> Result<DaemonArgs, ExitCode> {
    let parsed = command(daemon, version).try_get_matches().and_then(|matches| with_witness(daemon, &matches));
    parsed.map_err(|error| {
        // Nothing is left to do if even this cannot be written.
        drop(error.print());
        if error.use_stderr() { ExitCode::from(EXIT_BAD_CONFIG) } else { ExitCode::SUCCESS }
    })
}

impl DaemonArgs {
    /// The node this machine is: `--node`, else the host name up to its first dot. `None` if the kernel's host name
    /// cannot be read or is empty; whether the configuration knows the node is the daemon's to judge.
    #[must_use]
    pub fn node_or_host_name(&self) -> Option<String> {
        if let Some(node) = &self.node {
            return Some(node.clone());
        }
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
        let short = host.trim().split('.').next().unwrap_or_default();
        (!short.is_empty()).then(|| short.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Daemon {
        #[command(flatten)]
        args: DaemonArgs,
    }

    #[test]
    fn the_documented_command_line_is_accepted() {
        let daemon = Daemon::parse_from([
            "hbd",
            "--config",
            "a.toml",
            "--node",
            "n1",
            "--run-dir",
            "r",
            "--state-dir",
            "s",
            "--check",
            "--log-format",
            "json",
            "--log-level",
            "debug",
        ]);
        assert_eq!(daemon.args.node.as_deref(), Some("n1"));
        assert_eq!(daemon.args.node_or_host_name().as_deref(), Some("n1"));
        assert!(daemon.args.check);
        assert_eq!(daemon.args.log_format, LogFormat::Json);
        assert_eq!(Daemon::parse_from(["hbd"]).args.state_dir, PathBuf::from(DEFAULT_STATE_DIR));
    }

    /// Only arbiterd can be a witness, and then its configuration is another one.
    #[test]
    fn a_witness_has_a_configuration_of_its_own() {
        let parsed = |daemon, line: &[&str]| {
            let matches = command(daemon, "1").try_get_matches_from(line)?;
            with_witness(daemon, &matches)
        };
        let witness = parsed("arbiterd", &["arbiterd", "--witness"]).unwrap();
        assert_eq!((witness.witness, witness.config), (true, PathBuf::from(DEFAULT_WITNESS_CONFIG)));
        let named = parsed("arbiterd", &["arbiterd", "--witness", "--config", "a.toml"]).unwrap();
        assert_eq!(named.config, PathBuf::from("a.toml"));
        let arbiter = parsed("arbiterd", &["arbiterd"]).unwrap();
        assert_eq!((arbiter.witness, arbiter.config), (false, PathBuf::from(DEFAULT_CONFIG)));
        assert!(parsed("hbd", &["hbd", "--witness"]).is_err());
    }

    #[test]
    fn without_a_node_the_host_name_is_taken() {
        let host = Daemon::parse_from(["hbd"]).args.node_or_host_name().unwrap();
        assert!(!host.contains('.') && !host.contains('\n'), "{host}");
    }
}
