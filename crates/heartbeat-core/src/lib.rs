//! Heartbeats as a pure state machine: the frame, the judgement of every path and direction, the carriage of adverts.
//!
//! *Invariant:* no IO, clock, randomness, threads or logging; `no_std` keeps it so. The shell (hbd) owns the sockets,
//! reads CLOCK_BOOTTIME once per loop turn and passes it in as `now`.
//! *Invariant:* nothing a network, a serial line or a peer sends can panic it; bad input is a counter and a typed reason.
//! *Invariant:* a deadline is data ([`HeartbeatCore::poll_timeout`]) and strictly advances after it was handled.
//!
//! # The contract with the shell
//!
//! 1. On waking, read the clock once. Feed **all frames that have arrived**, then call
//!    [`HeartbeatCore::handle_timeout`]: an own stall is noticed by comparing `now` with the planned deadline, and
//!    frames that waited in a socket during the stall speak for the peer first.
//! 2. Drain [`HeartbeatCore::poll_output`] after every call.
//! 3. Sleep until [`HeartbeatCore::poll_timeout`].
//!
//! # Freshness (DESIGN.md section 2, FAULTS T2, T3, W12)
//!
//! A frame counts as a sign of life only if it echoes a nonce of *this run* of this node, and was provably sent no
//! longer than the path's detection time ago. The nonce is this node's own clock at sending, and the echo says how long
//! the peer held it, so `nonce + age` is the earliest moment at which the frame can have been sent, in this node's own
//! clock. No wall clock and no agreement between clocks is involved. Echoes are not bound to a path: with opposite
//! one-way failures on two paths both sides still prove their freshness (FAULTS W07, L3).
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod advert;
mod config;
pub mod disk;
mod frame;
mod machine;
mod measure;
mod path;
mod receive;
mod replay;
mod send;
pub mod serial_framing;
mod session;

pub use crate::config::{ConfigError, HeartbeatConfig, Key, MAX_ADVERT, MAX_PATHS, PathConfig, PathTag, Seed};
pub use crate::frame::{
    Authenticator, DecodeError, Echo, Flags, Frame, HEADER_LEN, MAC_LEN, MAX_FRAME, Report, ReportState, TagFunction,
    VERSION, decode,
};
pub use crate::machine::{DropReason, HeartbeatCore, Input, LinkState, Output};
pub use crate::replay::ReplayWindow;

/// The digest under which an advert travels: the first 8 bytes of SHA-256 over it.
pub fn advert_digest(advert: &[u8]) -> hotpair_types::Digest {
    config::digest_of(advert)
}
