//! The real resd, driven over gRPC, in network and mount namespaces made by each test. Needs root.

mod app;
mod common;
mod ip;
mod unit;
mod volume;
