//! `arbiterd --witness` on the client's machine: a neighbour that answers the safety check of the pair.
//!
//! Threading: all methods take `&self`. Drop it before the lab: whoever started a process has to reap it.

use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};

use super::ns::Namespace;
use super::process::Process;
use super::{Lab, binary, net};

/// A key of its own, not the pair's; good for tests only.
const KEY: &str = "9e1d4f0a6b7c8e2f305162738495a6b7c8d9eafb0c1d2e3f405162738495a6b7";

/// The neighbour.
#[derive(Debug)]
pub struct Lookout {
    machine: Arc<Namespace>,
    config: std::path::PathBuf,
    log: std::path::PathBuf,
    process: Mutex<Option<Process>>,
}

impl Lookout {
    /// Its address in the lab.
    #[must_use]
    pub fn address() -> IpAddr {
        net::ipv4(0, net::CLIENT_HOST).into()
    }

    /// What makes a pair ask it.
    #[must_use]
    pub fn toml() -> String {
        format!("[[neighbour]]\nname = \"desk\"\naddress = \"{}\"\nkey_file = \"neighbour.key\"\n", Self::address())
    }

    /// Writes its key and configuration. It is not started.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn new(lab: &Lab) -> Result<Self> {
        lab.write_private("neighbour.key", &format!("{KEY}\n"))?;
        let config = lab.write_private("witness.toml", "[[pair]]\nname = \"lab\"\nkey_file = \"neighbour.key\"\n")?;
        let log = lab.dir().join("witness.log");
        Ok(Self { machine: Arc::clone(lab.client()), config, log, process: Mutex::default() })
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self) -> Result<()> {
        let log = std::fs::File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(binary("arbiterd")?);
        command.args(["--witness", "--log-level", "debug", "--config"]).arg(&self.config);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).current_dir("/");
        let child = self.machine.spawn(&mut command).context("starting arbiterd --witness")?;
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(Process::new("arbiterd --witness", child));
        Ok(())
    }

    /// Kills it.
    ///
    /// # Errors
    /// When it survives.
    pub fn kill(&self) -> Result<()> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        process.map_or(Ok(()), |process| process.kill_and_reap())
    }

    /// The end of its log.
    #[must_use]
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_else(|error| error.to_string());
        text.lines().rev().take(20).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("lab: {error:#}");
        }
    }
}
