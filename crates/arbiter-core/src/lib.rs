//! The judgement: what should run where. Pure: see ARCHITECTURE.md.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod io;
pub mod snapshot;
