//! Serving and calling gRPC over Unix sockets, the way all hotpair daemons do it.
//!
//! [`socket`] binds, [`server`] serves with reflection, health and a bounded stop, [`peer`] says who calls and whether
//! they may, [`errors`] makes errors that name reason and remedy, [`latest`] serves whole views, [`client`] connects.
//! Everything works on a tokio `current_thread` runtime.

pub mod authority;
pub mod client;
pub mod errors;
pub mod latest;
pub mod peer;
pub mod server;
pub mod socket;
