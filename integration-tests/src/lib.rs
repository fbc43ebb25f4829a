//! Integration tests, the demonstration and the benchmark of hotpair: real binaries under real faults.
//!
//! [`lab`] brings up two whole nodes and a client on one machine and judges them from outside. It is synchronous
//! (threads, no async runtime) and needs root on Linux; nothing it makes outlives the process that made it. [`pair`] puts a
//! configured pair of nodes into it and asks what it says of itself.
pub mod ask;
pub mod bench;
pub mod checker;
pub mod demo;
pub mod kills;
pub mod lab;
pub mod pair;
