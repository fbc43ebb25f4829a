//! One agent of the fence-agents package, by its own convention (FenceAgentAPI): `key=value` lines on standard input, one of
//! them `action`; exit code 0 is success; of `status` 0 says on and 2 says off; everything else is an error.
//!
//! *Invariant (FAULTS T10, T16):* no shell, no argument, a clean environment, a program that only root can have put there, and
//! a secret never anywhere but on that standard input: it is read from its file at each run, goes into a memory file,
//! and is struck out of whatever the agent prints.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::act::exec::{self, End, Program};

/// Where agents are looked for that are given by name.
const AGENT_DIRECTORY: &str = "/usr/sbin";
/// What agents find programs by.
const AGENT_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// Longest secret, in bytes.
const MAX_SECRET: u64 = 4096;

/// What an agent is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Switch the node off.
    Off,
    /// Switch it on.
    On,
    /// Is it on or off?
    Status,
    /// Does the device answer, with these credentials?
    Monitor,
    /// Describe yourself.
    Metadata,
}

impl Verb {
    /// The agent's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Status => "status",
            Self::Monitor => "monitor",
            Self::Metadata => "metadata",
        }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It ended with this code and printed this.
    Code {
        /// Exit code.
        code: u8,
        /// Its output and errors, the first 64 KiB; secrets struck out.
        output: String,
    },
    /// It took too long and was killed with everything it had started.
    TimedOut,
    /// It could not be run, or was ended by a signal: in words, with the remedy.
    Failed(String),
}

/// Something that can be asked to switch a node. The production one is [`Executable`].
pub trait Agent: Send + Sync + fmt::Debug {
    /// Runs one action to its end, at most `limit` long.
    fn run<'a>(&'a self, verb: Verb, limit: Duration, cancel: &'a CancellationToken) -> BoxFuture<'a, Answer>;
}

/// A program of the fence-agents package, with its parameters.
#[derive(Clone, Debug)]
pub struct Executable {
    path: PathBuf,
    parameters: BTreeMap<String, String>,
    secrets: BTreeMap<String, PathBuf>,
    mark: String,
}

impl Executable {
    /// `agent`: an absolute path, or a name in `/usr/sbin`. `mark`: whose its processes are.
    pub fn new(
        agent: &str,
        parameters: BTreeMap<String, String>,
        secrets: BTreeMap<String, PathBuf>,
        mark: String,
    ) -> Self {
        let path = if agent.starts_with('/') { agent.into() } else { Path::new(AGENT_DIRECTORY).join(agent) };
        Self { path, parameters, secrets, mark }
    }

    /// Names of the parameters that are given, secrets included.
    pub fn given(&self) -> impl Iterator<Item = &str> {
        self.parameters.keys().chain(self.secrets.keys()).map(String::as_str)
    }

    /// The agent's standard input for `verb`, and the secrets that are in it.
    fn input(&self, verb: Verb) -> Result<(Zeroizing<String>, Vec<Zeroizing<String>>), String> {
        let mut text = Zeroizing::new(format!("action={}\n", verb.as_str()));
        if verb == Verb::Metadata {
            return Ok((text, Vec::new()));
        }
        for (key, value) in &self.parameters {
            check_line(key, value)?;
            text.push_str(&format!("{key}={value}\n"));
        }
        let mut secrets = Vec::new();
        for (key, path) in &self.secrets {
            let value = secret(path)?;
            check_line(key, &value)?;
            text.push_str(key);
            text.push('=');
            text.push_str(&value);
            text.push('\n');
            secrets.push(value);
        }
        Ok((text, secrets))
    }

    async fn ask(&self, verb: Verb, limit: Duration, cancel: &CancellationToken) -> Answer {
        let prepared = trusted(&self.path).and_then(|()| self.input(verb));
        let (input, secrets) = match prepared {
            Ok(prepared) => prepared,
            Err(text) => return Answer::Failed(text),
        };
        let program = Program {
            argv: vec![self.path.display().to_string()],
            environment: BTreeMap::from([("PATH".into(), AGENT_PATH.into()), ("HOME".into(), "/".into())]),
            mark: self.mark.clone(),
            patient: false,
        };
        let done = exec::run_with_input(&program, input.as_bytes(), limit, cancel).await;
        let strike = |text: &str| {
            let long = secrets.iter().filter(|secret| !secret.is_empty());
            long.fold(text.to_string(), |text, secret| text.replace(secret.as_str(), "***"))
        };
        let agent = self.path.display();
        match done.end {
            End::Code(code) => Answer::Code { code, output: strike(&done.output) },
            End::Killed => Answer::TimedOut,
            End::Signal(signal) => Answer::Failed(format!("{agent} was ended by signal {signal}")),
            End::Missing(error) => {
                Answer::Failed(format!("{agent} cannot be run ({error}); install the package fence-agents"))
            }
            End::NotStarted(error) => Answer::Failed(format!("{agent} could not be run: {error}")),
        }
    }
}

impl Agent for Executable {
    fn run<'a>(&'a self, verb: Verb, limit: Duration, cancel: &'a CancellationToken) -> BoxFuture<'a, Answer> {
        Box::pin(self.ask(verb, limit, cancel))
    }
}

/// One line per parameter: nothing may begin another one.
fn check_line(key: &str, value: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if key.is_empty() || !key.chars().all(good) || key == "action" {
        return Err(format!("`{key}` cannot be a parameter of a fence agent"));
    }
    if value.contains(['\n', '\r', '\0']) {
        return Err(format!("the value of the fence agent's parameter `{key}` has more than one line"));
    }
    Ok(())
}

/// Only root may have put the program there: it runs as root.
fn trusted(path: &Path) -> Result<(), String> {
    let shown = path.display();
    if !path.is_absolute() {
        return Err(format!("the fence agent {shown} needs an absolute path"));
    }
    // What a link leads to is what runs.
    let real = std::fs::canonicalize(path)
        .map_err(|e| format!("the fence agent {shown} is not there ({e}); install the package fence-agents"))?;
    for part in real.ancestors() {
        let found = std::fs::metadata(part).map_err(|e| format!("{}: {e}", part.display()))?;
        // In a sticky directory nobody replaces what is another's.
        let open = found.mode() & 0o022 != 0 && !(found.is_dir() && found.mode() & 0o1000 != 0);
        if found.uid() != 0 || open {
            return Err(format!(
                "the fence agent {shown} is not run: {} belongs to user {} with mode {:o}, so that others than root could \
                 change it; give it to root and take the right to write from everybody else",
                part.display(),
                found.uid(),
                found.mode() & 0o7777
            ));
        }
    }
    Ok(())
}

/// Reads a secret's file: a regular file of root's that nobody else may read, one line.
fn secret(path: &Path) -> Result<Zeroizing<String>, String> {
    use std::io::Read as _;
    let shown = path.display();
    let mut file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)
        .map_err(|e| format!("the secret {shown} cannot be read: {e}"))?;
    let found = file.metadata().map_err(|e| format!("the secret {shown} cannot be read: {e}"))?;
    if !found.is_file() || found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o077 != 0 {
        return Err(format!(
            "the secret {shown} could be read by others than root; run `chown root {shown}` and `chmod 600 {shown}`"
        ));
    }
    if found.len() > MAX_SECRET {
        return Err(format!("the secret {shown} has {} bytes; it is one line of at most {MAX_SECRET}", found.len()));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(|e| format!("the secret {shown} cannot be read: {e}"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(format!("the secret {shown} is empty"));
    }
    Ok(Zeroizing::new(line.to_string()))
}
