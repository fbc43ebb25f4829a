//! A watchdog that is driven by a program behind a Unix socket: boards whose watchdog has one owner already, and tests.
//!
//! Connecting arms; every write pets; the letter `V` before closing disarms; a connection that ends without it is a death and
//! the program lets the machine be reset. The first line tells the timeout, `timeout SECONDS`; a pet is the line `pet`. (What
//! writes mean, and the `V`, are as in Proxmox VE's watchdog-mux, which takes its timeout from itself.)

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Device, seconds};

/// A socket.
#[derive(Debug)]
pub struct Mux {
    path: PathBuf,
    stream: Option<UnixStream>,
}

impl Mux {
    /// At this path.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), stream: None }
    }

    fn say(&mut self, text: &str) -> Result<(), String> {
        let shown = self.path.display();
        let Some(stream) = &mut self.stream else { return Err(format!("{shown} is not open")) };
        // Never waits: a program that does not read is one that does not guard.
        stream
            .write_all(text.as_bytes())
            .map_err(|e| format!("the watchdog program behind {shown} does not take it: {e}"))
    }
}

impl Device for Mux {
    fn open(&mut self, timeout: Duration) -> Result<Duration, String> {
        let shown = self.path.display();
        let stream = UnixStream::connect(&self.path)
            .and_then(|stream| stream.set_nonblocking(true).map(|()| stream))
            .map_err(|e| format!("no watchdog program answers behind {shown}: {e}"))?;
        self.stream = Some(stream);
        let whole = seconds(timeout);
        self.say(&format!("timeout {whole}\n"))?;
        Ok(Duration::from_secs(u64::try_from(whole).unwrap_or(1)))
    }

    fn pet(&mut self) -> Result<(), String> {
        self.say("pet\n")
    }

    fn disarm(&mut self) -> Result<(), String> {
        let said = self.say("V");
        self.stream = None;
        said
    }
}
