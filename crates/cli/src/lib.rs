//! The command line `hotpair`: shows the pair and gives orders, over the same gRPC API that everybody else uses (B8).
//!
//! `args` is the command line, `cmd` does what it says, `connect` and `watch` talk to the daemons, `render` and `json`
//! turn the API's messages into pages and documents (pure), `words` and `text` give them language and form.
//! Nothing is decided here. One thread, no state of its own.
//! *Invariant:* no command needs more than the public API and, for `check` and `init`, the configuration file.

pub mod args;
pub mod clock;
pub mod cmd;
pub mod connect;
pub mod duration;
pub mod failure;
pub mod health;
pub mod help;
pub mod help_zh;
pub mod ids;
pub mod json;
pub mod out;
pub mod reference;
pub mod rehearse;
pub mod render;
pub mod sample;
pub mod text;
pub mod watch;
pub mod words;
