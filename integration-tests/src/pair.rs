//! A pair of nodes in a [`Lab`], with a configuration, and what it says of itself through `hotpair`.
//!
//! ```no_run
//! use integration_tests::pair::{GroupSpec, PairBuilder};
//! # fn main() -> anyhow::Result<()> {
//! let pair = PairBuilder::new().group(GroupSpec::address("web", 0)).start()?;
//! let ((), seen) = pair.never_dual("web", || {
//!     pair.lab().node("alpha")?.power_off()?;
//!     pair.wait_owner("web", "beta", std::time::Duration::from_secs(5))?;
//!     Ok(())
//! })?;
//! println!("{}", seen.describe(pair.lab()));
//! # Ok(()) }
//! ```
//!
//! What is asked here is what the pair *says*; what it *does* is judged by the lab's probes, from outside. Every failure
//! holds [`Pair::dump`].
//!
//! Threading: all methods take `&self` and may be called from several threads.
pub mod build;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

pub use build::{GroupSpec, KEY, PairBuilder, PathSpec, Protection};

use crate::lab::http::HttpClient;
use crate::lab::ping::PingProbe;
use crate::lab::vip::{Ownership, VipProbe};
use crate::lab::{Lab, NODES, Node, clock};

/// How long a pair may take to come up or to become healthy again.
const HEALTH_BOUND: Duration = Duration::from_secs(30);
/// Pace at which conditions are looked at through the command-line client.
const PACE: Duration = Duration::from_millis(20);

/// A direction of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the peer to the node that is asked.
    Rx,
    /// From the node that is asked to the peer, as the peer says.
    Tx,
}

/// Who owns a group by which epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Owner; empty if nobody ever was.
    pub owner: String,
    /// Number and node of the epoch.
    pub epoch: (u64, String),
}

/// A pair.
#[derive(Debug)]
pub struct Pair {
    lab: Lab,
    groups: Vec<GroupSpec>,
    paths: Vec<String>,
    text: String,
}

impl Pair {
    /// The machines.
    #[must_use]
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// The configuration file's text.
    #[must_use]
    pub fn config_text(&self) -> &str {
        &self.text
    }

    /// Names of the heartbeat paths.
    #[must_use]
    pub fn path_names(&self) -> &[String] {
        &self.paths
    }

    /// Gives one node a configuration of its own, used from the next start of a daemon on.
    ///
    /// # Errors
    /// When there is no such node or the file cannot be written.
    pub fn set_node_config(&self, node: &str, text: &str) -> Result<()> {
        // Beside the common file, so that relative names in it mean the same.
        let path = self.lab.write_private(&format!("hotpair-{node}.toml"), text)?;
        self.lab.node(node)?.set_config(&path);
        Ok(())
    }

    /// The group's description.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn group(&self, name: &str) -> Result<&GroupSpec> {
        self.groups.iter().find(|group| group.name() == name).with_context(|| format!("no group {name:?}"))
    }

    /// Virtual address of a group.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn vip(&self, group: &str) -> Result<IpAddr> {
        Ok(self.group(group)?.vip())
    }

    // ---- life ----------------------------------------------------------------------------------------------------

    /// Starts all daemons on both nodes.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn start(&self) -> Result<()> {
        self.lab.start_all()
    }

    /// Gives a node its power back and starts its daemons.
    ///
    /// # Errors
    /// When it has power already or something cannot be started.
    pub fn power_on(&self, node: &str) -> Result<()> {
        let node = self.lab.node(node)?;
        node.power_on()?;
        node.start_all()
    }

    /// Waits until both nodes see each other on all paths in both directions, every group is served by its owner, both say
    /// the same, and the other node could take over.
    ///
    /// # Errors
    /// When that does not happen within 30 s; the error says what is missing.
    pub fn wait_healthy(&self) -> Result<Duration> {
        self.wait_healthy_within(HEALTH_BOUND)
    }

    /// [`Pair::wait_healthy`] with another bound.
    ///
    /// # Errors
    /// See there.
    pub fn wait_healthy_within(&self, bound: Duration) -> Result<Duration> {
        let start = clock::now();
        loop {
            let missing = self.missing();
            let took = clock::now().saturating_sub(start);
            if missing.is_empty() {
                return Ok(took);
            }
            if took >= bound {
                bail!("not healthy within {bound:?}: {}\n{}", missing.join("; "), self.dump());
            }
            clock::pause(PACE);
        }
    }

    /// What is missing for the pair to be healthy; empty if nothing.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let mut standings = Vec::new();
        for node in NODES {
            match self.status(node) {
                Ok(status) => {
                    missing.extend(missing_in(&status).into_iter().map(|text| format!("{node} says: {text}")));
                    standings.push(standings_in(&status));
                }
                Err(error) => missing.push(format!("{node} does not answer: {}", first_line(&error))),
            }
        }
        if let [first, second] = standings.as_slice()
            && first != second
        {
            missing.push(format!("the nodes differ: {first:?} and {second:?}"));
        }
        missing
    }

    // ---- what it says --------------------------------------------------------------------------------------------

    /// `hotpair status --json` on a node.
    ///
    /// # Errors
    /// When the node is off or its arbiter does not answer.
    pub fn status(&self, node: &str) -> Result<Value> {
        self.lab.node(node)?.hotpair_json(&["status", "--json"])
    }

    /// Output of `hotpair …` on a node, as a person sees it in a pipe.
    ///
    /// # Errors
    /// When it fails; the error holds what it said.
    pub fn hotpair(&self, node: &str, arguments: &[&str]) -> Result<String> {
        let output = self.lab.node(node)?.hotpair(arguments)?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(
            output.status.success(),
            "`hotpair {}` on {node} failed ({}): {err}{out}",
            arguments.join(" "),
            output.status
        );
        Ok(out.into_owned())
    }

    /// The group as `node` sees it (an element of `groups` of `status --json`).
    ///
    /// # Errors
    /// When the node does not answer or knows no such group.
    pub fn group_status(&self, node: &str, group: &str) -> Result<Value> {
        find(&self.status(node)?["groups"], group).with_context(|| format!("{node} knows no group {group}"))
    }

    /// On which node the group serves, by each powered node's own word; `None` if on none.
    ///
    /// # Errors
    /// When both say that they serve it, or no node can be asked.
    pub fn owner(&self, group: &str) -> Result<Option<String>> {
        let mut found: Vec<&str> = Vec::new();
        let mut asked = 0;
        for node in self.lab.nodes().iter().filter(|node| node.is_on()) {
            let Ok(status) = self.group_status(node.name(), group) else { continue };
            asked += 1;
            let own = status["nodes"].as_array().into_iter().flatten().find(|on| on["node"] == node.name());
            if own.is_some_and(|on| on["state"] == "running") {
                found.push(node.name());
            }
        }
        ensure!(asked > 0, "no node can be asked for {group}");
        ensure!(found.len() < 2, "both nodes say that they serve {group}\n{}", self.dump());
        Ok(found.first().map(|node| (*node).to_owned()))
    }

    /// Waits until `node` says that it owns the group and serves it; returns how long that took.
    ///
    /// # Errors
    /// When it does not within `timeout`.
    pub fn wait_owner(&self, group: &str, node: &str, timeout: Duration) -> Result<Duration> {
        self.wait_until(&format!("{node} owns and serves {group}"), timeout, || {
            let status = self.group_status(node, group)?;
            Ok(status["owner"] == node && status["serving_on"] == node && {
                let own = status["nodes"].as_array().into_iter().flatten().find(|on| on["node"] == node);
                own.is_some_and(|on| on["state"] == "running")
            })
        })
    }

    /// Owner and epoch of every group, as `node` sees it.
    ///
    /// # Errors
    /// When the node does not answer.
    pub fn standings(&self, node: &str) -> Result<BTreeMap<String, Standing>> {
        Ok(standings_in(&self.status(node)?))
    }

    /// State of one direction of a path as `node` judges it: `up`, `late`, `down` or `unknown`.
    ///
    /// # Errors
    /// When the node does not answer or knows no such path.
    pub fn path_state(&self, node: &str, path: &str, direction: Direction) -> Result<String> {
        let path = find(&self.status(node)?["paths"], path).with_context(|| format!("{node} knows no path {path}"))?;
        let direction = match direction {
            Direction::Rx => &path["rx"],
            Direction::Tx => &path["tx"],
        };
        Ok(direction["state"].as_str().unwrap_or("unknown").to_owned())
    }

    /// Waits until a direction of a path is judged so.
    ///
    /// # Errors
    /// When it is not within `timeout`.
    pub fn wait_path(
        &self,
        node: &str,
        path: &str,
        direction: Direction,
        state: &str,
        timeout: Duration,
    ) -> Result<Duration> {
        self.wait_until(&format!("{node} judges {direction:?} of path {path} as {state}"), timeout, || {
            Ok(self.path_state(node, path, direction)? == state)
        })
    }

    /// The newest 200 events of a node, oldest first.
    ///
    /// # Errors
    /// When the node does not answer.
    pub fn events(&self, node: &str) -> Result<Vec<Value>> {
        let text = self.hotpair(node, &["events", "--json", "-n", "200"])?;
        text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }

    /// Waits until an event with this message id (`E…`) is in a node's history with a number above `after`.
    ///
    /// # Errors
    /// When there is none within `timeout`.
    pub fn wait_event(&self, node: &str, after: u64, message_id: &str, timeout: Duration) -> Result<Value> {
        let mut found = None;
        self.wait_until(&format!("event {message_id} on {node}"), timeout, || {
            found = self
                .events(node)?
                .into_iter()
                .find(|event| event["message_id"] == message_id && event["id"].as_u64().is_some_and(|id| id > after));
            Ok(found.is_some())
        })?;
        found.context("no event")
    }

    /// Number of a node's newest event; 0 if there is none.
    ///
    /// # Errors
    /// When the node does not answer.
    pub fn last_event(&self, node: &str) -> Result<u64> {
        Ok(self.events(node)?.last().and_then(|event| event["id"].as_u64()).unwrap_or(0))
    }

    /// `hotpair explain …` on a node, as text.
    ///
    /// # Errors
    /// When the node does not answer.
    pub fn explain(&self, node: &str, arguments: &[&str]) -> Result<String> {
        self.hotpair(node, &[&["explain"], arguments].concat())
    }

    // ---- judged scenarios ----------------------------------------------------------------------------------------

    /// Runs a scenario while the network is asked every 5 ms who has the group's address, and demands that never two
    /// machines answered. Returns what the scenario returned and who answered over time.
    ///
    /// # Errors
    /// What the scenario returns, and two owners at once.
    pub fn never_dual<T>(&self, group: &str, scenario: impl FnOnce() -> Result<T>) -> Result<(T, Ownership)> {
        let probe = VipProbe::start(&self.lab, self.vip(group)?, Duration::from_millis(5))?;
        let result = scenario();
        let seen = probe.stop()?;
        ensure!(
            seen.dual().is_zero(),
            "two machines answered for {group} at once, for {} ms:\n{}{}{}",
            seen.dual_owner_ms(),
            seen.describe(&self.lab),
            result.as_ref().err().map(|error| format!("and: {error:#}\n")).unwrap_or_default(),
            self.dump()
        );
        Ok((result?, seen))
    }

    /// Runs a scenario and demands that afterwards every group has the owner and the epoch it had before, on both nodes
    /// that can be asked before and after.
    ///
    /// # Errors
    /// What the scenario returns, and a changed owner or epoch.
    pub fn assert_no_takeover<T>(&self, scenario: impl FnOnce() -> Result<T>) -> Result<T> {
        let ask = |node: &str| self.standings(node).ok();
        let before = NODES.map(ask);
        ensure!(before.iter().any(Option::is_some), "no node can be asked");
        let result = scenario()?;
        for (node, before) in NODES.iter().zip(before) {
            let (Some(before), Some(after)) = (before, ask(node)) else { continue };
            ensure!(before == after, "a takeover: before {before:?}, after {after:?}, says {node}\n{}", self.dump());
        }
        Ok(result)
    }

    /// Pings the group's address from the client.
    ///
    /// # Errors
    /// When there is no such group or the raw socket cannot be opened.
    pub fn ping(&self, group: &str, interval: Duration) -> Result<PingProbe> {
        PingProbe::start(self.lab.client(), self.vip(group)?, interval)
    }

    /// Polls the group's application from the client.
    ///
    /// # Errors
    /// When there is no such group or no thread can be started.
    pub fn client(&self, group: &str, interval: Duration, timeout: Duration) -> Result<HttpClient> {
        let group = self.group(group)?;
        HttpClient::start(self.lab.client(), SocketAddr::new(group.vip(), group.port()), interval, timeout)
    }

    /// Waits until `condition` holds and returns how long that took. A condition that cannot be asked counts as not met.
    ///
    /// # Errors
    /// When it does not hold within `timeout`; the error holds the last answer and [`Pair::dump`].
    pub fn wait_until(
        &self,
        what: &str,
        timeout: Duration,
        mut condition: impl FnMut() -> Result<bool>,
    ) -> Result<Duration> {
        let start = clock::now();
        loop {
            let answer = condition();
            let took = clock::now().saturating_sub(start);
            if matches!(answer, Ok(true)) {
                return Ok(took);
            }
            if took >= timeout {
                bail!("not within {timeout:?}: {what}; last answer: {answer:?}\n{}", self.dump());
            }
            clock::pause(PACE);
        }
    }

    /// Everything worth knowing after a failure: status and last events of both nodes, daemons and the end of their logs.
    #[must_use]
    pub fn dump(&self) -> String {
        let mut text = String::new();
        for node in self.lab.nodes().iter().filter(|node| node.is_on()) {
            for arguments in [&["status"] as &[&str], &["events", "-n", "25"]] {
                let _ = writeln!(text, "=== hotpair {} on {}", arguments.join(" "), node.name());
                text.push_str(&said(node, arguments));
            }
        }
        text + &self.lab.dump()
    }
}

fn said(node: &Node, arguments: &[&str]) -> String {
    match node.hotpair(arguments) {
        Ok(output) => {
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            format!("{out}{err}")
        }
        Err(error) => format!("{error:#}\n"),
    }
}

fn first_line(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().next().unwrap_or_default().to_owned()
}

/// The element of a list of objects with this `name`.
fn find(list: &Value, name: &str) -> Option<Value> {
    list.as_array()?.iter().find(|item| item["name"] == name).cloned()
}

fn standings_in(status: &Value) -> BTreeMap<String, Standing> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let groups = status["groups"].as_array().into_iter().flatten();
    groups
        .map(|group| {
            let epoch = (group["epoch"]["number"].as_u64().unwrap_or(0), text(&group["epoch"]["node"]));
            (text(&group["name"]), Standing { owner: text(&group["owner"]), epoch })
        })
        .collect()
}

fn missing_in(status: &Value) -> Vec<String> {
    let mut missing = Vec::new();
    for node in status["nodes"].as_array().into_iter().flatten() {
        if node["state"] != "alive" {
            missing.push(format!("node {} is {}", node["name"], node["state"]));
        }
        for daemon in ["hbd", "arbiterd", "resd"] {
            if node[format!("{daemon}_alive")] != true {
                missing.push(format!("{daemon} of {} is away", node["name"]));
            }
        }
        if node["config_differs"] == true {
            missing.push("the configurations differ".to_owned());
        }
    }
    for path in status["paths"].as_array().into_iter().flatten() {
        for direction in ["rx", "tx"] {
            if path[direction]["state"] != "up" {
                missing.push(format!("{direction} of path {} is {}", path["name"], path[direction]["state"]));
            }
        }
    }
    for group in status["groups"].as_array().into_iter().flatten() {
        let name = &group["name"];
        let owner = group["owner"].as_str().unwrap_or_default();
        if owner.is_empty() || group["serving_on"] != owner {
            missing.push(format!("group {name} has owner {owner:?} and serves on {}", group["serving_on"]));
        }
        for on in group["nodes"].as_array().into_iter().flatten() {
            if on["node"] == owner && on["state"] != "running" {
                missing.push(format!("group {name} is {} on {owner}", on["state"]));
            }
            if on["node"] != owner && (on["ready"] != true || on["state"] != "stopped") {
                let (ready, why) = (&on["ready"], &on["not_ready_reason"]);
                missing.push(format!("group {name} on {}: {}, ready {ready} {why}", on["node"], on["state"]));
            }
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotpair_config::{load_text_with_key, report};
    use hotpair_messages::Lang;

    /// S10 S24: what the builder writes is a configuration without a mistake, for every kind of path and group it knows.
    #[test]
    fn described_pairs_have_good_configurations() -> Result<()> {
        let pair = PairBuilder::new()
            .path(PathSpec::udp("hb").named("hb6").v6().line("port = 7700"))
            .path(PathSpec::serial("ser0").line("baud = 115200"))
            .timing("200ms", 4)
            .group(GroupSpec::address("web", 0).line("failback = \"never\""))
            .group(GroupSpec::address("six", 1).v6().address_line("conflict_check = \"0ms\""))
            .group(GroupSpec::service("shop", 2).app_line("restarts = 1").app_argument("--start-delay-ms"))
            .group(GroupSpec::service("mmp", 3).protection(Protection::Mmp))
            .safety("window = \"30ms\"")
            .boot("wait = \"2s\"")
            .build()?;
        let path = pair.lab().dir().join("hotpair.toml");
        let loaded = load_text_with_key(pair.config_text(), &path, None, KEY)
            .map_err(|found| anyhow::anyhow!("{}\n{}", report(&found, Lang::En, false), pair.config_text()))?;
        ensure!(loaded.config.paths.len() == 4 && loaded.config.groups.len() == 4);
        Ok(())
    }
}
