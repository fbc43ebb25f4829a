//! arbiterd: the shell around `arbiter-core`. It holds the connections, asks the safety check's questions, keeps the
//! durable state and the history, and serves the public API. It decides nothing.
//!
//! - `driver`: the one loop · `hbd_client`, `resd_client`: the daemons it drives · `prober`: the safety check's IO
//! - `store`: durable state · `history`: events · `rpc`, `explain`: the API · `convert`: wire and vocabulary
//! - `daemon`: start and end
//!
//! *Invariant:* one thread decides (a `current_thread` runtime); the store and the history have threads of their own, which
//! the loop never waits for.

pub mod convert;
pub mod daemon;
pub mod driver;
pub mod explain;
pub mod hbd_client;
pub mod history;
mod keyed;
pub mod log;
pub mod neighbour;
pub mod peer_story;
pub mod preview;
pub mod prober;
pub mod resd_client;
pub mod rpc;
pub mod settings;
pub mod store;
pub mod text;
pub mod witness;
