//! One file per command or family of commands. Each returns the exit code for success; failures carry their own.

pub mod check;
pub mod docs;
pub mod events;
pub mod init;
pub mod orders;
pub mod preview;
pub mod replay;
pub mod status;
pub mod switchover;

use crate::args::{Cli, Command};
use crate::connect::Daemons;
use crate::failure::{Exit, Failure};
use crate::out::Out;
use crate::words::Words;

/// What every command has at hand.
#[derive(Clone, Debug)]
pub struct Context {
    /// Standard output.
    pub out: Out,
    /// The language.
    pub words: Words,
    /// The daemons.
    pub daemons: Daemons,
}

/// What a command is, or gives: its exit code, or why it failed.
pub type Outcome = Result<Exit, Failure>;

/// Does what the command line says.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(cli: Cli, out: Out, words: Words) -> Outcome {
    let context = Context { out, words, daemons: Daemons::new(&cli.run_dir, words) };
    let context = &context;
    match cli.command {
        Command::Init(args) => init::run(context, &args),
        Command::Check(args) if args.against_running => preview::run(context, &args).await,
        Command::Check(args) => check::run(context, &args),
        Command::Status(args) => status::status(context, &args).await,
        Command::Paths(args) => status::paths(context, &args).await,
        Command::Events(args) => events::events(context, &args).await,
        Command::Explain(args) => events::explain(context, &args).await,
        Command::Rules(args) => events::rules(context, &args).await,
        Command::Replay(args) => replay::run(context, &args),
        Command::Switchover(args) => switchover::run(context, &args).await,
        Command::Standby(args) => {
            orders::node_mode(context, &args, hotpair_proto::arbiter::v1::NodeMode::Standby).await
        }
        Command::Online(args) => orders::node_mode(context, &args, hotpair_proto::arbiter::v1::NodeMode::Online).await,
        Command::Freeze(args) => orders::freeze(context, &args).await,
        Command::Maintenance(args) => orders::maintenance(context, &args).await,
        Command::Clear(args) => orders::clear(context, &args).await,
        Command::VouchPeerOff(args) => orders::vouch(context, &args).await,
        Command::Rehearse(args) => crate::rehearse::rehearse(context, &args).await,
        Command::Completions { shell } => docs::completions(context, shell),
        Command::Man { dir } => docs::man(context, &dir),
        Command::Reference(args) => docs::reference(context, &args),
        Command::Version(args) => status::version(context, &args).await,
    }
}

/// Whether a command line asks for JSON, so that its failure is said as JSON too.
#[must_use]
pub const fn wants_json(command: &Command) -> bool {
    match command {
        Command::Check(args) => args.json,
        Command::Status(args) => args.json,
        Command::Paths(args) => args.json,
        Command::Events(args) => args.json,
        Command::Explain(args) => args.json,
        Command::Replay(args) => args.json,
        Command::Rehearse(args) => args.json,
        Command::Rules(args) | Command::Version(args) => args.json,
        Command::Switchover(args) => args.order.json,
        Command::Standby(args) | Command::Online(args) => args.order.json,
        Command::Freeze(args) | Command::Maintenance(args) => args.order.json,
        Command::Clear(args) => args.order.json,
        Command::VouchPeerOff(args) => args.order.json,
        Command::Init(_) | Command::Completions { .. } | Command::Man { .. } | Command::Reference(_) => false,
    }
}
