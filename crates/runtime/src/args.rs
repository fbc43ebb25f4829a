//! The command line that `hbd`, `arbiterd` and `resd` share. Other tools rely on these names.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, FromArgMatches};

use crate::logging::LogFormat;

/// Where sockets are made unless `--run-dir` says otherwise.
pub const DEFAULT_RUN_DIR: &str = "/run/hotpair";
/// Where durable state is kept unless `--state-dir` says otherwise.
pub const DEFAULT_STATE_DIR: &str = "/var/lib/hotpair";
/// The configuration read unless `--config` says otherwise.
pub const DEFAULT_CONFIG: &str = "/etc/hotpair/hotpair.toml";
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
    DaemonArgs::augment_args(clap::Command::new(daemon).version(version).about(about))
}

/// Reads the command line of this process. `Err`: help or version was printed, or the command line is wrong (said, exit code
/// [`EXIT_BAD_CONFIG`]); the process ends with that code.
///
/// # Errors
/// See above.
pub fn parse(daemon: &'static str, version: &'static str) -> Result<DaemonArgs, ExitCode> {
    let parsed = command(daemon, version).try_get_matches().and_then(|matches| DaemonArgs::from_arg_matches(&matches));
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
    #[test]
    fn without_a_node_the_host_name_is_taken() {
        let host = Daemon::parse_from(["hbd"]).args.node_or_host_name().unwrap();
        assert!(!host.contains('.') && !host.contains('\n'), "{host}");
    }
}
