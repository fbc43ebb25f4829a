//! The command line. Help texts here are English; `help_zh` holds the Chinese ones.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use hotpair_runtime::args::{DEFAULT_CONFIG, DEFAULT_RUN_DIR, DEFAULT_STATE_DIR};
use std::path::PathBuf;

/// The exit codes, as help and manual show them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0   done; with `status --exit-code`: all well
  1   it failed
  2   the command line is wrong
  3   the daemon is not running or does not answer
  4   the daemon refused the order
  5   permission denied
  10  `status --exit-code`: service runs, redundancy is lost
  11  `status --exit-code`: service is lost or at risk
  12  `rehearse --fail-on`: a condition is met
  64  the configuration is bad";

/// Shows and steers a pair of servers that stand in for each other.
#[derive(Debug, Parser)]
#[command(name = "hotpair", version, after_help = EXIT_CODES, arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Directory of the daemons' sockets
    #[arg(long, global = true, display_order = 900, value_name = "DIR", default_value = DEFAULT_RUN_DIR, env = "HOTPAIR_RUN_DIR")]
    pub run_dir: PathBuf,
    /// Language of the output; without it that of the environment (HOTPAIR_LANG, LC_ALL, LC_MESSAGES, LANG)
    #[arg(long, global = true, display_order = 901, value_enum, value_name = "LANG")]
    pub lang: Option<LangArg>,
    /// Colours; `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, display_order = 901, value_enum, value_name = "WHEN", default_value_t = ColorArg::Auto)]
    pub color: ColorArg,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// `--lang`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LangArg {
    /// English
    En,
    /// Chinese
    Zh,
}

/// `--color`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented configuration and a key for a new pair
    Init(InitArgs),
    /// Check a configuration: every mistake at once, with the remedy; and what it guarantees
    Check(CheckArgs),
    /// Show both nodes, the groups, the paths, the safety check and the alarms
    Status(StatusArgs),
    /// Show every heartbeat path in detail: both directions, round trip, jitter, loss, counters
    Paths(WatchArgs),
    /// Show what happened, newest last
    Events(EventsArgs),
    /// Tell the story of an event, of the last decision, or of why a group does not move or run
    Explain(ExplainArgs),
    /// Move a group to the other node, in a planned way
    Switchover(SwitchoverArgs),
    /// Take a node out of service: it gives its groups to the other one and takes none
    Standby(NodeArgs),
    /// Put a node back into service
    Online(NodeArgs),
    /// Forbid automatic moves of a group for a time
    Freeze(TimedArgs),
    /// Take a group out of hotpair's hands for a time: it is watched, but not started, stopped or repaired
    Maintenance(TimedArgs),
    /// Forget failures and holds of a group, so that it gets a new try
    Clear(ClearArgs),
    /// State that the peer is powered off, so that its groups may be taken; recorded with name and reason
    VouchPeerOff(VouchArgs),
    /// List the rules by which the pair decides
    Rules(JsonArgs),
    /// Play a recorded run once more: what was decided and why, and whether it comes out the same
    Replay(ReplayArgs),
    /// Play the configuration through the named faults: who would serve, for how long nobody, and what would do better
    Rehearse(RehearseArgs),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages into a directory
    #[command(hide = true)]
    Man {
        /// The directory
        dir: PathBuf,
    },
    /// Write a page of the documentation in Markdown to standard output
    #[command(hide = true)]
    Reference(ReferenceArgs),
    /// Show the version of this program and of the running daemons
    Version(JsonArgs),
}

/// `--json` alone.
#[derive(Debug, Args)]
pub struct JsonArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `reference`
#[derive(Debug, Args)]
pub struct ReferenceArgs {
    /// Which page
    #[arg(value_enum, default_value_t = ManualPage::Cli)]
    pub page: ManualPage,
}

/// Pages that the program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ManualPage {
    /// The command line
    Cli,
    /// The rules
    Rules,
    /// Events, paths, verdicts, resources
    Events,
    /// Alarms
    Alarms,
}

/// `init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Directory for hotpair.toml and hotpair.key
    #[arg(long, value_name = "DIR", default_value = "/etc/hotpair")]
    pub dir: PathBuf,
    /// Name of the pair
    #[arg(long, value_name = "NAME")]
    pub pair: Option<String>,
    /// Name of this node, as `hostname` says it
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
    /// Name of the other node
    #[arg(long, value_name = "NAME")]
    pub peer: Option<String>,
    /// A network path: interface and address of this node and of the other, as in eth1:192.0.2.1,eth1:192.0.2.2; may be
    /// given several times
    #[arg(long, value_name = "IF:ADDR,IF:ADDR")]
    pub udp: Vec<String>,
    /// A serial path: device of this node and, where it differs, of the other, as in /dev/ttyS0
    #[arg(long, value_name = "DEV[,DEV]")]
    pub serial: Option<String>,
    /// An address that should always answer, as the gateway; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub reference: Vec<String>,
    /// A virtual address to protect, with prefix length, interface of this node and, where it differs, of the other, as in
    /// 192.0.2.10/24@eth0
    #[arg(long, value_name = "ADDR/LEN@IF[,IF]")]
    pub address: Option<String>,
    /// Name of the group that holds the virtual address
    #[arg(long, value_name = "NAME", default_value = "service")]
    pub group: String,
    /// A systemd unit that runs with the virtual address
    #[arg(long, value_name = "UNIT", requires = "address")]
    pub unit: Option<String>,
}

/// `check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    /// Check it as this node: its name must be one of the two
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
    /// Ask the running arbiterd what a reload with this file would do here; changes nothing
    #[arg(long, conflicts_with = "node")]
    pub against_running: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print JSON; with --watch one document per line
    #[arg(long)]
    pub json: bool,
    /// Stay, and show each change
    #[arg(long, short)]
    pub watch: bool,
    /// Say by the exit code how well the pair is: 0, 10 or 11
    #[arg(long, conflicts_with = "watch")]
    pub exit_code: bool,
}

/// `paths`
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Print JSON; with --watch one document per line
    #[arg(long)]
    pub json: bool,
    /// Stay, and show each change
    #[arg(long, short)]
    pub watch: bool,
}

/// `events`
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// At most so many, the newest ones
    #[arg(short = 'n', long = "lines", value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub lines: u32,
    /// Only of this group
    #[arg(long, short, value_name = "GROUP")]
    pub group: Option<String>,
    /// Stay, and show new ones as they happen
    #[arg(long, short)]
    pub follow: bool,
    /// Print JSON, one event per line
    #[arg(long)]
    pub json: bool,
}

/// `explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Number of the event, as `hotpair events` shows it; or a message id as R310 for what it means in general
    #[arg(value_name = "EVENT", conflicts_with_all = ["last", "why_not"])]
    pub event: Option<String>,
    /// The last decision that changed something; the default
    #[arg(long, conflicts_with = "why_not")]
    pub last: bool,
    /// Why this group is not served, or does not move, now
    #[arg(long, value_name = "GROUP")]
    pub why_not: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A file of the record, or the state directory that holds it
    #[arg(value_name = "FILE|DIR", default_value = DEFAULT_STATE_DIR)]
    pub path: PathBuf,
    /// Whose record, where a directory is given
    #[arg(long, value_enum, value_name = "DAEMON", default_value_t = RecordOf::Arbiterd)]
    pub daemon: RecordOf,
    /// Show from this step on; steps are numbered from 1
    #[arg(long, value_name = "STEP")]
    pub from: Option<u64>,
    /// Show up to this step
    #[arg(long, value_name = "STEP")]
    pub to: Option<u64>,
    /// Show every input and output, not only events
    #[arg(long)]
    pub all: bool,
    /// Show the facts of each group at this step, and the rule that matched
    #[arg(long, value_name = "STEP", conflicts_with_all = ["from", "to", "all", "scenario"])]
    pub rules: Option<u64>,
    /// Write the steps shown as a text scenario that can be played; `-` writes it to standard output
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `rehearse`
#[derive(Debug, Args)]
pub struct RehearseArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    /// Only this fault, with its story; may be given several times
    #[arg(long, value_name = "NAME")]
    pub fault: Vec<String>,
    /// List the faults and play nothing
    #[arg(long)]
    pub list: bool,
    /// Play each fault so many times
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub seeds: u64,
    /// How long a resource takes to start and to stop, as in web/app=8s,2s; without it as measured, or else as assumed; may be
    /// given several times
    #[arg(long, value_name = "GROUP/RESOURCE=START[,STOP]")]
    pub time: Vec<String>,
    /// Do not look for changes that would do better
    #[arg(long)]
    pub no_advice: bool,
    /// End with code 12 if a fault leads to this: dual, data-loss, unserved, or outage>TIME as in outage>5s; may be given several
    /// times
    #[arg(long, value_name = "CONDITION")]
    pub fail_on: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `--daemon` of `replay`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecordOf {
    /// Where groups run: the rules
    Arbiterd,
    /// What was started, stopped and repaired
    Resd,
}

impl RecordOf {
    /// First part of the files' names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arbiterd => "arbiterd",
            Self::Resd => "resd",
        }
    }
}

/// Options of every order.
#[derive(Clone, Copy, Debug, Args)]
pub struct OrderArgs {
    /// Only say what would happen
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `switchover`
#[derive(Debug, Args)]
pub struct SwitchoverArgs {
    /// The group
    pub group: String,
    /// The node it moves to; without it the other one
    #[arg(long, value_name = "NODE")]
    pub to: Option<String>,
    /// Wait until it runs there, at most so long; this is the default, with 30s
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "30s", conflicts_with = "no_wait")]
    pub wait: Option<String>,
    /// Return as soon as the order is accepted
    #[arg(long)]
    pub no_wait: bool,
    /// Options of every order
    #[command(flatten)]
    pub order: OrderArgs,
}

/// `standby`, `online`
#[derive(Debug, Args)]
pub struct NodeArgs {
    /// The node; without it the one that is asked
    pub node: Option<String>,
    /// Options of every order
    #[command(flatten)]
    pub order: OrderArgs,
}

/// `freeze`, `maintenance`
#[derive(Debug, Args)]
pub struct TimedArgs {
    /// The group
    #[arg(required_unless_present = "all")]
    pub group: Option<String>,
    /// Every group
    #[arg(long, conflicts_with = "group")]
    pub all: bool,
    /// For how long, at most 30d: a number with a unit, as in 90s, 2h or 1d12h
    #[arg(long = "for", value_name = "TIME", required_unless_present = "off")]
    pub length: Option<String>,
    /// End it now
    #[arg(long, conflicts_with = "length")]
    pub off: bool,
    /// Options of every order
    #[command(flatten)]
    pub order: OrderArgs,
}

/// `clear`
#[derive(Debug, Args)]
pub struct ClearArgs {
    /// The group; without it every group
    pub group: Option<String>,
    /// Options of every order
    #[command(flatten)]
    pub order: OrderArgs,
}

/// `vouch-peer-off`
#[derive(Debug, Args)]
pub struct VouchArgs {
    /// Name of the peer
    pub peer: String,
    /// How you made sure that it is off; recorded
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Do not ask for confirmation
    #[arg(long)]
    pub yes: bool,
    /// Options of every order
    #[command(flatten)]
    pub order: OrderArgs,
}
