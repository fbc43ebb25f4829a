//! Serves a file that can hang, for the test bed: `freezer FILE BYTES`, orders on standard input, `/dev/fuse` as standard output.
//!
//! Threading: one thread takes orders, one serves, and each read or write has one of its own.
use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let content = PathBuf::from(arguments.next().context("which file?")?);
    let bytes = arguments.next().and_then(|text| text.into_string().ok()).context("how many bytes?")?.parse()?;
    let device = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    integration_tests::lab::freezer::serve(device, &content, bytes)
}
