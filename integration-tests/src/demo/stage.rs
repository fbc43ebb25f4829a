//! The stage: the pair, the client and the witnesses.
//!
//! Threading: used by the thread that tells; the witnesses run in threads of their own.
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::say::{Narrator, Part, Tone};
use crate::lab::http::HttpClient;
use crate::lab::vip::VipProbe;
use crate::lab::{Lab, Node, clock, net, writer_log};
use crate::pair::{GroupSpec, Pair, PairBuilder, PathSpec};

/// The group of the story.
pub const GROUP: &str = "shop";
/// Pace of the client's requests.
const PACE: Duration = Duration::from_millis(20);
/// Patience of the client with one request.
const PATIENCE: Duration = Duration::from_millis(50);

/// The pair and its witnesses.
#[derive(Debug)]
pub struct Stage {
    pair: Pair,
    // `None` only after the end.
    client: Option<HttpClient>,
    probe: Option<VipProbe>,
}

/// What the witnesses saw in a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Requests the client sent.
    pub requests: usize,
    /// How many were answered.
    pub answered: usize,
    /// Longest time without an answer, beyond the pace of the requests.
    pub longest_gap: Duration,
    /// First and last counter in the answers.
    pub counter: Option<(u64, u64)>,
    /// A counter that was below the one before.
    pub went_back: Option<(u64, u64)>,
    /// Nodes that answered, one after the other.
    pub nodes: Vec<String>,
    /// Time in which two machines answered for the address.
    pub dual_ms: f64,
}

impl Seen {
    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        let counter = match (self.counter, self.went_back) {
            (_, Some((before, after))) => format!("the counter went BACK from {before} to {after}"),
            (Some((first, last)), None) => format!("the counter went {first} → {last}, never back"),
            (None, None) => "no counter was seen".to_owned(),
        };
        format!(
            "The client: {} of {} requests answered, longest time without an answer {:.0} ms, served by {}; {counter}; \
             two owners of the address at once: {:.0} ms.",
            self.answered,
            self.requests,
            clock::millis(self.longest_gap),
            if self.nodes.is_empty() { "nobody".to_owned() } else { self.nodes.join(", then ") },
            self.dual_ms,
        )
    }

    /// Demands what every act demands: a counter that never goes back, one owner at a time, and no gap longer than that.
    ///
    /// # Errors
    /// When a demand is not met.
    pub fn judge(&self, longest_gap: Duration) -> Result<()> {
        ensure!(self.went_back.is_none(), "the counter went back: a write was lost");
        ensure!(self.dual_ms <= 0.0, "two machines had the address at once for {:.0} ms", self.dual_ms);
        ensure!(self.answered > 0, "the client was never answered");
        ensure!(
            self.longest_gap <= longest_gap,
            "the client was without an answer for {:.0} ms; at most {:.0} ms belong to this act",
            clock::millis(self.longest_gap),
            clock::millis(longest_gap)
        );
        Ok(())
    }
}

/// The pair of the story.
#[must_use]
pub fn description() -> PairBuilder {
    PairBuilder::new()
        .paths(&[PathSpec::udp("lan"), PathSpec::udp("hb"), PathSpec::serial("ser0")])
        .boot("wait = \"5s\"")
        .group(
            GroupSpec::service(GROUP, 0)
                .line("max_moves = 10")
                .app_line("monitor_interval = \"300ms\"")
                .app_line("restarts = 2")
                .app_line("backoff = \"100ms\""),
        )
}

impl Stage {
    /// Brings machines, daemons and witnesses up, and waits until everything is in its place.
    ///
    /// # Errors
    /// When that fails, and on Ctrl-C.
    pub fn bring_up(say: &Narrator) -> Result<Self> {
        say.tell(
            "Two machines, alpha and beta, and a client, each in namespaces of its own. Between alpha and beta: two networks \
             (lan, hb) on separate switches and a serial cable (ser0); a heartbeat runs over each every 100 ms, and five \
             missing ones in a row make a path red. A volume that both can reach holds the counter of a small application, \
             which answers over HTTP on a virtual address. A disk lease keeps the volume from two writers.",
        )?;
        say.line("")?;
        let pair = description().build()?;
        say.done(&format!("the machines are up ({})", pair.lab().dir().display()))?;
        pair.start()?;
        say.done("hbd, resd and arbiterd have been started on both")?;
        let took = wait_healthy(&pair, say, Duration::from_secs(30)).with_context(|| pair.dump())?;
        say.done(&format!(
            "both nodes agree: all paths green, one serves, the other could ({:.1} s)",
            took.as_secs_f64()
        ))?;
        let client = pair.client(GROUP, PACE, PATIENCE)?;
        say.wait("the client gets its first answer", Duration::from_secs(5), || Ok(client.last().is_some()))?;
        let probe = VipProbe::start(pair.lab(), pair.vip(GROUP)?, Duration::from_millis(10))?;
        let node = client.last().map(|answer| answer.node).unwrap_or_default();
        let vip = pair.vip(GROUP)?;
        say.done(&format!(
            "the client asks http://{vip}:{}/ fifty times a second; {node} answers",
            pair.group(GROUP)?.port()
        ))?;
        let status = pair.hotpair(&node, &["status"])?;
        say.quote("hotpair status", &status, Part::First(40))?;
        Ok(Self { pair, client: Some(client), probe: Some(probe) })
    }

    /// The pair.
    #[must_use]
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// The machines.
    #[must_use]
    pub fn lab(&self) -> &Lab {
        self.pair.lab()
    }

    /// The node that serves, and the other.
    ///
    /// # Errors
    /// When nobody serves, or both say so.
    pub fn roles(&self) -> Result<(&Node, &Node)> {
        let owner = self.pair.owner(GROUP)?.context("nobody serves the group")?;
        let owner = self.lab().node(&owner)?;
        Ok((owner, self.lab().peer_of(owner)))
    }

    /// Virtual address.
    ///
    /// # Errors
    /// Never in practice: the group is part of the stage.
    pub fn vip(&self) -> Result<IpAddr> {
        self.pair.vip(GROUP)
    }

    /// Waits until everything is in its place again.
    ///
    /// # Errors
    /// When that takes more than 30 s, and on Ctrl-C.
    pub fn wait_healthy(&self, say: &Narrator) -> Result<Duration> {
        wait_healthy(&self.pair, say, Duration::from_secs(30))
    }

    /// Waits until the client has been answered by `node` in requests sent after `since`; returns when.
    ///
    /// # Errors
    /// When it is not within 30 s, and on Ctrl-C.
    pub fn wait_answer(&self, say: &Narrator, node: &str, since: Duration) -> Result<Duration> {
        let client = self.client.as_ref().context("the client has gone")?;
        say.wait(&format!("the client is answered by {node}"), Duration::from_secs(30), || {
            Ok(client.last().is_some_and(|answer| answer.node == node && answer.sent > since))
        })
    }

    /// Number of local repairs of the application on `node`.
    ///
    /// # Errors
    /// When the node does not answer.
    pub fn repairs(&self, node: &str) -> Result<u64> {
        let group = self.pair.group_status(node, GROUP)?;
        let resources = group["local"]["resources"].as_array().into_iter().flatten();
        Ok(resources.filter_map(|resource: &Value| resource["repairs"].as_u64()).sum())
    }

    /// Kills the application on `node`, as a crash would end it.
    ///
    /// # Errors
    /// When it does not run there.
    pub fn kill_app(&self, node: &Node) -> Result<()> {
        let pid = std::fs::read_to_string(node.dir().join(self.pair.group(GROUP)?.pid_file()))
            .context("reading the application's pid file")?;
        node.run(&["kill", "-9", pid.trim()]).map(|_| ())
    }

    /// What the witnesses saw since then.
    #[must_use]
    pub fn seen_since(&self, from: Duration) -> Seen {
        let now = clock::now();
        let service = self.client.as_ref().map(|client| client.seen().between(from, now)).unwrap_or_default();
        // Questions of the last moment may still be waiting for their answer.
        let ownership = self.probe.as_ref().map(|probe| probe.seen().between(from, now)).unwrap_or_default();
        Seen {
            requests: service.timeline.samples.len(),
            answered: service.timeline.answered(),
            longest_gap: service.timeline.longest_outage(),
            counter: service.answers.first().zip(service.answers.last()).map(|(a, b)| (a.counter, b.counter)),
            went_back: service.counter_went_back().map(|(before, after)| (before.counter, after.counter)),
            nodes: service.served_by(),
            dual_ms: ownership.dual_owner_ms(),
        }
    }

    /// Ends it all: reads the application's log on the volume, takes the machines down, and returns what went wrong or was
    /// left behind (nothing, if all is well).
    ///
    /// # Errors
    /// When a witness broke down.
    pub fn end(mut self) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        if let Some(client) = self.client.take() {
            let service = client.stop()?;
            if let Some((before, after)) = service.counter_went_back() {
                wrong.push(format!(
                    "over the whole story the counter went back from {} to {}",
                    before.counter, after.counter
                ));
            }
        }
        if let Some(probe) = self.probe.take() {
            let dual = probe.stop()?.dual_owner_ms();
            if dual > 0.0 {
                wrong.push(format!("over the whole story two machines had the address at once for {dual:.0} ms"));
            }
        }
        if let Err(error) = self.verify_log() {
            wrong.push(format!("{error:#}"));
        }
        let dir = self.lab().dir().to_owned();
        drop(self.pair);
        if dir.exists() {
            wrong.push(format!("{} was left behind", dir.display()));
        }
        Ok(wrong)
    }

    fn verify_log(&self) -> Result<()> {
        let (owner, _) = self.roles()?;
        let path = self.pair.group(GROUP)?.mount_point(self.lab()).join("counter.log");
        let text = owner.run(&["cat", &path.display().to_string()]).context("reading the log on the volume")?;
        writer_log::verify(&writer_log::parse(&text)?).context("the log on the volume")
    }

    /// How to reach the machines.
    ///
    /// # Errors
    /// When a machine has no power.
    pub fn directions(&self, say: &Narrator) -> Result<()> {
        let bin = crate::lab::binary("hotpair")?;
        let port = self.pair.group(GROUP)?.port();
        let (vip, client) = (self.vip()?, self.lab().client().init_pid());
        let command = |text: String| say.line(&format!("    {}", say.tone(Tone::Quote, &text)));
        say.heading("The pair is up: ask it")?;
        for node in self.lab().nodes() {
            let (run, init) = (node.run_dir(), node.ns()?.init_pid());
            say.tell(&format!("{}:", node.name()))?;
            command(format!("{} --run-dir {} status", bin.display(), run.display()))?;
            command(format!(
                "nsenter -t {init} -a --wd=/ ip -br addr        # a shell: nsenter -t {init} -a --wd=/ sh"
            ))?;
            for (socket, call) in [
                ("arbiterd", "hotpair.arbiter.v1.ArbiterService/GetStatus"),
                ("hbd", "hotpair.heartbeat.v1.HeartbeatService/WatchPeer"),
                ("resd", "hotpair.resource.v1.ResourceService/GetObserved"),
            ] {
                command(format!("grpcurl -plaintext -unix {}/{socket}.sock {call}", run.display()))?;
            }
            command(format!("tail -f {}/log/*.log", node.dir().display()))?;
        }
        say.tell("the client:")?;
        command(format!("nsenter -t {client} -n curl -s http://{vip}:{port}/"))?;
        command(format!("nsenter -t {client} -n ping {vip}"))?;
        say.tell(&format!(
            "configuration: {}/hotpair.toml; the switch's first network is {}, its gateway {}",
            self.lab().dir().display(),
            self.lab().switch().nets().first().map_or("-", String::as_str),
            net::ipv4(0, net::GATEWAY_HOST)
        ))
    }
}

fn wait_healthy(pair: &Pair, say: &Narrator, bound: Duration) -> Result<Duration> {
    let mut missing = Vec::new();
    say.wait("both nodes agree that everything is in its place", bound, || {
        missing = pair.missing();
        Ok(missing.is_empty())
    })
    .with_context(|| format!("missing: {}", missing.join("; ")))
}
