//! The configuration file as people write it: good ones, bad ones, and what is said about each.

mod common;

use common::{GOOD, KEY, load};
use hotpair_config::model::{Failback, Kind, Link, Runner};
use hotpair_types::NodeId;
use std::path::Path;
use std::time::Duration;

/// S10: one file for both nodes, with values per node where they differ.
#[test]
fn a_good_file_loads_without_errors_or_warnings() {
    let loaded = load(GOOD).unwrap_or_else(|f| panic!("{}", common::show(&f)));
    assert!(loaded.warnings.is_empty(), "{}", common::show(&loaded.warnings));
    let config = loaded.config;
    assert_eq!(config.nodes[0].name.as_str(), "alpha");
    assert_eq!(config.paths.len(), 3);
    let Link::Udp { port, ends } = &config.paths[0].link else { panic!("{:?}", config.paths[0]) };
    assert_eq!(*port, 7694);
    assert_eq!(ends.of(NodeId::SECOND).interface, "ens3");
    assert_eq!(config.detection(), Duration::from_secs(2));
    let group = &config.groups[0];
    assert_eq!(group.nodes, NodeId::BOTH);
    assert_eq!(group.failback, Failback::Auto { after: Duration::from_secs(60) });
    let Kind::Ip(ip) = &group.resources[0].kind else { panic!() };
    assert_eq!(ip.interface.of(NodeId::FIRST), "eth0");
    assert_eq!(ip.interface.of(NodeId::SECOND), "ens3");
    assert!(ip.conflict_check > Duration::ZERO && ip.conflict_check <= Duration::from_millis(8));
    assert_eq!(group.resources[1].after, [group.resources[0].name.clone()]);
    let Kind::App(app) = &group.resources[1].kind else { panic!() };
    let Runner::Exec { start, monitor, .. } = &app.runner else { panic!() };
    assert_eq!(start, &["/usr/local/bin/web", "start", "two words"]);
    assert_eq!(monitor, &["/usr/local/bin/web", "status"]);
}

/// S10: what the file means does not depend on how it is written; every value that matters changes the digest.
#[test]
fn the_digest_is_over_the_meaning() {
    let digest = |text: &str| load(text).unwrap_or_else(|f| panic!("{}", common::show(&f))).config.digest;
    let same = GOOD.replace("interval = \"100ms\"", "# a comment\ninterval = \"100000us\"\ngood = 3");
    assert_eq!(digest(GOOD), digest(&same));
    let twice = "[serial.node.alpha]\ndevice = \"/dev/ttyS0\"\n[serial.node.beta]\ndevice = \"/dev/ttyS0\"";
    assert_eq!(digest(GOOD), digest(&GOOD.replace("device = \"/dev/ttyS0\"", twice)));
    for (from, to) in [
        ("lost = 5", "lost = 6"),
        ("192.168.10.100/24", "192.168.10.101/24"),
        ("name = \"files\"", "name = \"file\""),
        ("on_silence = \"takeover\"", "on_silence = \"hold\""),
    ] {
        assert_ne!(digest(GOOD), digest(&GOOD.replace(from, to)), "{from} -> {to}");
    }
}

/// The caller's own name must be in the file.
#[test]
fn the_own_node_is_found_by_name() {
    let load = |node| hotpair_config::load_text_with_key(GOOD, Path::new("x.toml"), Some(node), KEY);
    assert_eq!(load("beta").map(|l| l.node).unwrap(), Some(NodeId::SECOND));
    let findings = load("gamma").unwrap_err();
    assert_eq!(findings.iter().map(|f| f.id).collect::<Vec<_>>(), ["C022"]);
}

/// A missing file is an error; there is no configuration without one.
#[test]
fn a_missing_file_is_an_error() {
    let findings = hotpair_config::load(Path::new("/nonexistent/hotpair.toml"), None).unwrap_err();
    assert_eq!(findings.iter().map(|f| f.id).collect::<Vec<_>>(), ["C001"]);
}
