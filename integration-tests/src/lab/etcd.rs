//! A real etcd on the client's machine, as the third place that votes.
//!
//! It listens on the client's address in the first network, so that a cut between a node and the client cuts the node from the witness.
//! Threading: all methods take `&self`. Drop it before the lab: whoever started a process has to reap it.

use std::io::Read as _;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;

use super::ns::{Namespace, check};
use super::process::Process;
use super::{Lab, clock, net};

/// TCP port of its clients.
pub const ETCD_PORT: u16 = 2379;
/// How long it may take to elect itself and to answer, on a busy machine.
const START_BOUND: Duration = Duration::from_secs(60);
/// The user that may write below `/hotpair/` only.
const USER: &str = "hotpair";
const PASSWORD: &str = "a test's password";
const ROOT_PASSWORD: &str = "another one";

/// How clients have to prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Not at all, over plain HTTP.
    Open,
    /// TLS with certificates on both sides, and a user's password.
    Secured,
}

/// The etcd.
#[derive(Debug)]
pub struct Etcd {
    machine: Arc<Namespace>,
    dir: PathBuf,
    access: Access,
    process: Mutex<Option<Process>>,
}

impl Etcd {
    /// Address in the lab.
    #[must_use]
    pub fn address() -> IpAddr {
        net::ipv4(0, net::CLIENT_HOST).into()
    }

    /// What makes a pair use it, with further lines of `[witness]`.
    #[must_use]
    pub fn toml(lab: &Lab, access: Access, lines: &str) -> String {
        let file = |name: &str| format!("\"{}\"", lab.dir().join("etcd").join(name).display());
        let (scheme, login) = match access {
            Access::Open => ("http", String::new()),
            Access::Secured => {
                let login =
                    format!("user = \"{USER}\"\npassword_file = {}\nca_file = {}\n", file("password"), file("ca.pem"));
                let own = format!("cert_file = {}\ncert_key_file = {}\n", file("client.pem"), file("client.key"));
                ("https", login + &own)
            }
        };
        format!("[witness]\nendpoints = [\"{scheme}://{}:{ETCD_PORT}\"]\n{login}{lines}\n", Self::address())
    }

    /// Starts a fresh one on the client's machine and waits until it answers.
    ///
    /// # Errors
    /// When etcd, etcdctl or openssl are not installed, or it does not answer in time.
    pub fn start(lab: &Lab, access: Access) -> Result<Self> {
        let dir = lab.dir().join("etcd");
        std::fs::create_dir(&dir)?;
        let etcd = Self { machine: Arc::clone(lab.client()), dir, access, process: Mutex::default() };
        if access == Access::Secured {
            etcd.make_certificates()?;
        }
        etcd.run()?;
        if access == Access::Secured {
            etcd.demand_logins()?;
        }
        Ok(etcd)
    }

    fn url(&self) -> String {
        let scheme = if self.access == Access::Open { "http" } else { "https" };
        format!("{scheme}://{}:{ETCD_PORT}", Self::address())
    }

    /// Starts it again on what it knew before, and waits until it answers.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn run(&self) -> Result<()> {
        let file = |name: &str| self.dir.join(name).display().to_string();
        let log = std::fs::File::options().create(true).append(true).open(self.dir.join("log"))?;
        let mut command = Command::new("etcd");
        command.args(["--name", "lab", "--data-dir", &file("data"), "--logger", "zap", "--log-level", "warn"]);
        command.args(["--listen-client-urls", &self.url(), "--advertise-client-urls", &self.url()]);
        let peer = "http://127.0.0.1:2380";
        command.args(["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]);
        command.args(["--initial-cluster", &format!("lab={peer}")]);
        if self.access == Access::Secured {
            // Cheap password hashes: a busy machine must not need seconds for a login.
            command.args(["--bcrypt-cost", "4"]);
            command.args(["--cert-file", &file("server.pem"), "--key-file", &file("server.key")]);
            command.args(["--client-cert-auth", "--trusted-ca-file", &file("ca.pem")]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).current_dir(&self.dir);
        let child = self.machine.spawn(&mut command).context("starting etcd (package etcd-server)")?;
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(Process::new("etcd", child));
        let end = clock::now() + START_BOUND;
        loop {
            // Also without login: it answers that it needs one.
            let error = match self.ctl_as(None, &["get", "/nothing"]) {
                Ok(_) => return Ok(()),
                Err(error) if format!("{error:#}").contains("user name") => return Ok(()),
                Err(error) => error,
            };
            if clock::now() >= end {
                bail!("etcd does not answer: {error:#}\n{}", self.log());
            }
            clock::pause(Duration::from_millis(50));
        }
    }

    /// Kills it; what it knows stays on its disk.
    ///
    /// # Errors
    /// When it survives.
    pub fn kill(&self) -> Result<()> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        process.map_or(Ok(()), |process| process.kill_and_reap())
    }

    /// Stops it in the middle of whatever it does: connections stay open and nothing is answered.
    ///
    /// # Errors
    /// When it does not run.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).clone();
        process.context("etcd does not run")?.signal(signal)
    }

    /// Everything below `/hotpair/`: keys and values, one a line each.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn votes(&self) -> Result<String> {
        let user = (self.access == Access::Secured).then(|| format!("{USER}:{PASSWORD}"));
        self.ctl_as(user.as_deref(), &["get", "--prefix", "/hotpair/"])
    }

    /// The end of its log.
    #[must_use]
    pub fn log(&self) -> String {
        let mut text = String::new();
        match std::fs::File::open(self.dir.join("log")).and_then(|mut file| file.read_to_string(&mut text)) {
            Ok(_) => text.lines().rev().take(10).collect::<Vec<_>>().join("\n"),
            Err(error) => error.to_string(),
        }
    }

    fn ctl_as(&self, user: Option<&str>, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").args(["--endpoints", &self.url(), "--command-timeout", "5s"]);
        if self.access == Access::Secured {
            for (option, file) in [("--cacert", "ca.pem"), ("--cert", "client.pem"), ("--key", "client.key")] {
                command.arg(option).arg(self.dir.join(file));
            }
        }
        if let Some(user) = user {
            command.args(["--user", user]);
        }
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.machine.spawn(&mut command).context("starting etcdctl (package etcd-client)")?;
        let output = child.wait_with_output()?;
        check(&output, &[&["etcdctl"], arguments].concat(), "the client")?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn make_certificates(&self) -> Result<()> {
        let subject = format!("subjectAltName=IP:{},IP:127.0.0.1", Self::address());
        openssl(
            &self.dir,
            &["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
            &["-subj", "/CN=lab authority", "-keyout", "ca.key", "-out", "ca.pem"],
        )?;
        for (name, usage) in [("server", "serverAuth"), ("client", "clientAuth")] {
            let (key, request, certificate) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
            openssl(
                &self.dir,
                &["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
                &[
                    // No common name: etcd would take it for a user.
                    "-subj", "/O=lab", "-keyout", &key, "-out", &request,
                ],
            )?;
            let extensions = format!("{name}.ext");
            let both = if name == "server" { "serverAuth,clientAuth" } else { usage };
            std::fs::write(self.dir.join(&extensions), format!("{subject}\nextendedKeyUsage={both}\n"))?;
            openssl(
                &self.dir,
                &["x509", "-req", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"],
                &["-in", &request, "-out", &certificate, "-extfile", &extensions],
            )?;
        }
        let password = self.dir.join("password");
        std::fs::write(&password, format!("{PASSWORD}\n"))?;
        Ok(std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600))?)
    }

    /// A user that may do what hotpair needs and nothing else; from then on nobody does anything without login.
    fn demand_logins(&self) -> Result<()> {
        self.ctl_as(None, &["user", "add", &format!("root:{ROOT_PASSWORD}")])?;
        self.ctl_as(None, &["user", "grant-role", "root", "root"]).or_else(|_| {
            self.ctl_as(None, &["role", "add", "root"])?;
            self.ctl_as(None, &["user", "grant-role", "root", "root"])
        })?;
        self.ctl_as(None, &["role", "add", USER])?;
        self.ctl_as(None, &["role", "grant-permission", "--prefix=true", USER, "readwrite", "/hotpair/"])?;
        self.ctl_as(None, &["user", "add", &format!("{USER}:{PASSWORD}")])?;
        self.ctl_as(None, &["user", "grant-role", USER, USER])?;
        self.ctl_as(None, &["auth", "enable"])?;
        let open = self.ctl_as(None, &["get", "/hotpair/"]);
        ensure!(open.is_err(), "etcd answers without a login: {open:?}");
        Ok(())
    }
}

fn openssl(dir: &Path, what: &[&str], rest: &[&str]) -> Result<()> {
    let output = Command::new("openssl").args(what).args(rest).current_dir(dir).stdin(Stdio::null()).output()?;
    check(&output, &[&["openssl"], what].concat(), "this machine")
}

impl Drop for Etcd {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("lab: {error:#}");
        }
    }
}
