//! hbd as a real process: two of them, in namespaces of their own, with cables that fail. Needs root.
mod common;

use std::process::Command;
use std::time::Duration;

use common::{LIMIT, Lab, NODES, config, is_green, path, rx, stats, tx, wait_until};
use hotpair_proto::heartbeat::v1 as api;
use hotpair_proto::heartbeat::v1::{PathCause, PathState};
use hotpair_runtime::clock;
use rustix::process::Signal;
use tokio_stream::wrappers::ReceiverStream;

/// An open `StreamAdvert` call: what an arbiterd does.
struct Arbiter {
    adverts: tokio::sync::mpsc::Sender<api::StreamAdvertRequest>,
    _call: tokio::task::JoinHandle<()>,
}

impl Arbiter {
    async fn new(lab: &Lab, node: usize) -> Self {
        let (adverts, requests) = tokio::sync::mpsc::channel(4);
        let mut client = lab.client(node).await;
        let call = tokio::spawn(async move {
            drop(client.stream_advert(ReceiverStream::new(requests)).await);
        });
        Self { adverts, _call: call }
    }

    async fn say(&self, advert: &[u8]) {
        self.adverts.send(api::StreamAdvertRequest { advert: advert.to_vec() }).await.unwrap();
    }
}

fn held(view: &api::PeerView) -> Option<(&[u8], bool)> {
    view.advert.as_ref().map(|a| (a.bytes.as_slice(), a.stale))
}

/// S1, S25, S26: IPv4, IPv6 and serial come up, and adverts travel both ways; then over the serial line alone, in a
/// second or two; and an arbiter that goes away leaves a stale advert, nothing worse.
#[tokio::test]
async fn paths_come_up_and_carry_adverts() {
    let mut lab = Lab::new(Some(115_200));
    lab.start(0);
    lab.start(1);
    lab.all_green().await;
    let (first, second) = (Arbiter::new(&lab, 0).await, Arbiter::new(&lab, 1).await);
    let long: Vec<u8> = (0..3_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    first.say(&long).await;
    second.say(b"second").await;
    lab.until(1, "the advert is here", |v| held(v) == Some((&long, false))).await;
    lab.until(0, "the advert is here", |v| held(v) == Some((b"second", false)) && !v.own_advert_confirmed.is_empty())
        .await;

    for device in ["v4", "v6"] {
        lab.run(0, &["ip", "link", "set", device, "down"]);
    }
    let red = |v: &api::PeerView| ["v4", "v6"].iter().all(|p| rx(v, p).0 == PathState::Down);
    let view = lab.until(0, "UDP is red", red).await;
    assert_eq!(rx(&view, "v4").1, PathCause::IoError, "switched off here");
    assert_eq!(tx(&view, "v4").0, PathState::Down);
    // The other end of the cable is off. The kernel tells of a lost carrier at once, or within a second of another change.
    lab.until(1, "UDP is red, without carrier", |v| red(v) && rx(v, "v4").1 == PathCause::NoCarrier).await;
    let over_serial: Vec<u8> = (0..600_u32).map(|i| u8::try_from(i % 249).unwrap()).collect();
    first.say(&over_serial).await;
    let began = clock::now();
    lab.until(1, "an advert over serial", |v| held(v) == Some((&over_serial, false))).await;
    assert!(clock::now().since(began) < Duration::from_secs(5));
    lab.run(0, &["ip", "link", "set", "v4", "up"]);
    lab.until(1, "v4 is green again", |v| is_green(path(v, "v4"))).await;

    drop(second);
    lab.until(0, "its arbiter is gone", |v| held(v) == Some((b"second", true))).await;
}

/// S20, S22, S27: a cut serial cable is red with its cause and stays a matter of that path; a blocked one and a noisy
/// one delay nothing else; all heal.
#[tokio::test]
async fn a_bad_serial_line_harms_nothing_else() {
    let mut lab = Lab::new(Some(115_200));
    lab.start(0);
    lab.start(1);
    lab.all_green().await;
    lab.cable.cut();
    for node in 0..2 {
        let view = lab.until(node, "serial is red", |v| rx(v, "cable").0 == PathState::Down).await;
        assert_eq!(rx(&view, "cable").1, PathCause::Missed);
        assert!(is_green(path(&view, "v4")) && is_green(path(&view, "v6")));
    }
    lab.cable.repair();
    lab.all_green().await;

    lab.cable.noise(&(0..4_000_u32).map(|i| u8::try_from(i * 7 % 256).unwrap()).collect::<Vec<_>>());
    lab.until(0, "noise is counted", |v| stats(v, "cable").malformed > 0).await;
    lab.all_green().await;

    lab.cable.block();
    let view = lab.until(0, "serial is red", |v| rx(v, "cable").0 == PathState::Down).await;
    let before = (stats(&view, "v4").down, stats(&view, "v6").down);
    // A pseudo terminal takes some KiB before it is full; frames are dropped then, and nothing waits for the port.
    let blocked =
        |v: &api::PeerView| stats(v, "cable").sent + stats(v, "cable").send_failures > stats(&view, "cable").sent + 30;
    let view = lab.until(0, "beats go on", blocked).await;
    assert_eq!((stats(&view, "v4").down, stats(&view, "v6").down), before);
    assert!(is_green(path(&view, "v4")));
    lab.cable.repair();
    lab.all_green().await;
}

/// B6: kill -9 and restart of one hbd: the other one sees a new run within moments, and no path red for long.
#[tokio::test]
async fn a_killed_hbd_comes_back_knowing_everything() {
    let mut lab = Lab::new(None);
    lab.start(0);
    lab.start(1);
    lab.all_green().await;
    let arbiter = Arbiter::new(&lab, 0).await;
    arbiter.say(b"state of alpha").await;
    let first = lab.until(1, "the advert", |v| held(v) == Some((b"state of alpha", false))).await;
    let before = lab.until(0, "the peer is known", |v| v.peer.is_some()).await.peer.unwrap();
    lab.signal(1, Signal::KILL);
    lab.ended(1);
    lab.start(1);
    let view =
        lab.until(0, "a new run", |v| v.peer.as_ref().is_some_and(|p| p.incarnation != before.incarnation)).await;
    assert_eq!(view.peer.unwrap().boot_id, before.boot_id);
    lab.all_green().await;
    lab.until(1, "the advert is back", |v| held(v) == held(&first)).await;
}

/// DESIGN.md section 2: an hbd that was stopped for a while says so and does not find its peer dead.
#[tokio::test]
async fn a_stopped_hbd_does_not_blame_its_peer() {
    let mut lab = Lab::new(None);
    lab.start(0);
    lab.start(1);
    lab.all_green().await;
    let before = lab.until(0, "a view", |_| true).await;
    lab.signal(0, Signal::STOP);
    lab.until(1, "the stopped one is missed", |v| {
        v.paths.iter().all(|p| p.rx.as_ref().unwrap().state() == PathState::Down)
    })
    .await;
    lab.signal(0, Signal::CONT);
    let view = lab.until(0, "the stall is recorded", |v| v.stalls > before.stalls).await;
    assert!(view.last_stall.unwrap().gap_ns > 100_000_000);
    lab.all_green().await;
    let after = lab.until(0, "a view", |_| true).await;
    for name in ["v4", "v6"] {
        assert_eq!(stats(&after, name).down, stats(&before, name).down);
    }
}

/// FAULTS X01, T1: with another key nothing counts, and both sides say why; the right key and a restart mend it.
#[tokio::test]
async fn a_wrong_key_is_said_and_mended() {
    let mut lab = Lab::new(None);
    lab.write_key(1, "ffeeddccbbaa99887766554433221100fedcba98765432100123456789abcdef");
    lab.start(0);
    lab.start(1);
    for node in 0..2 {
        let view = lab
            .until(node, "red because of the key", |v| rx(v, "v4") == (PathState::Down, PathCause::Unauthenticated))
            .await;
        assert!(view.peer.is_none() && view.last_heard_ns.is_none() && stats(&view, "v4").foreign > 0);
    }
    lab.signal(1, Signal::TERM);
    assert!(lab.ended(1).success());
    lab.write_key(1, common::KEY);
    lab.start(1);
    lab.all_green().await;
}

/// Addresses and interfaces that are not there are states: they come, go, and come back.
#[tokio::test]
async fn missing_addresses_and_interfaces_are_states() {
    let mut lab = Lab::new(None);
    lab.run(0, &["ip", "addr", "del", "10.77.0.1/24", "dev", "v4"]);
    lab.start(0);
    lab.start(1);
    let view = lab.until(0, "no address", |v| rx(v, "v4") == (PathState::Down, PathCause::DeviceMissing)).await;
    let detail = path(&view, "v4").rx.clone().unwrap().detail;
    assert!(detail.contains("10.77.0.1") && detail.contains("v4"), "{detail}");
    lab.run(0, &["ip", "addr", "add", "10.77.0.1/24", "dev", "v4"]);
    lab.all_green().await;
    lab.run(0, &["ip", "link", "del", "v4"]);
    for node in 0..2 {
        lab.until(node, "no interface", |v| rx(v, "v4") == (PathState::Down, PathCause::DeviceMissing)).await;
        lab.until(node, "the other path is not touched", |v| is_green(path(v, "v6"))).await;
    }
}

/// SIGTERM: the peer is told, the end is quick although a watch is open, the socket is gone. SIGHUP: the new values are
/// in force; a broken file changes nothing.
#[tokio::test]
async fn it_leaves_in_good_order_and_reloads() {
    let mut lab = Lab::new(Some(115_200));
    lab.start(0);
    lab.start(1);
    lab.all_green().await;
    lab.write_config(&config(Some(115_200), 7));
    lab.signal(0, Signal::HUP);
    lab.until(0, "new values", |v| path(v, "v4").lost == 7 && path(v, "v6").lost == 7).await;
    lab.until(0, "still the same peer", |v| v.paths.iter().all(is_green)).await;
    let view = lab.until(1, "told the digest", |v| v.peer.is_some()).await;
    lab.write_config("[pair]\n");
    lab.signal(0, Signal::HUP);
    wait_until("the refusal is logged", || lab.log(0).contains("refused, nothing was changed"));
    assert_eq!(path(&lab.until(0, "a view", |_| true).await, "v4").lost, 7);
    drop(view);

    let mut watcher = lab.client(0).await;
    let mut views = watcher.watch_peer(api::WatchPeerRequest {}).await.unwrap().into_inner();
    let began = clock::now();
    lab.signal(0, Signal::TERM);
    assert!(lab.ended(0).success());
    assert!(clock::now().since(began) < Duration::from_secs(3));
    let end = tokio::time::timeout(LIMIT, async { while let Ok(Some(_)) = views.message().await {} });
    end.await.unwrap();
    assert!(!lab.node_dir(0).join("run/hbd.sock").exists());
    lab.until(1, "it was on purpose", |v| v.peer.as_ref().is_some_and(|p| p.leaving)).await;
}

/// A bad configuration ends with 64 before anything is opened; a good one passes `--check`; a second hbd is refused.
#[tokio::test]
async fn bad_configurations_and_second_daemons_are_refused() {
    let mut lab = Lab::new(None);
    let hbd = |arguments: &[&str]| Command::new(env!("CARGO_BIN_EXE_hbd")).args(arguments).output().unwrap();
    let file = lab.node_dir(0).join("hotpair.toml").display().to_string();
    let run = lab.node_dir(0).join("run").display().to_string();
    let good = hbd(&["--check", "--config", &file, "--node", NODES[0], "--run-dir", &run]);
    assert_eq!((good.status.code(), lab.node_dir(0).join("run").exists()), (Some(0), false));
    for arguments in [
        vec!["--config", &file, "--node", "gamma", "--run-dir", &run],
        vec!["--config", "/nonexistent.toml", "--node", NODES[0], "--run-dir", &run],
        vec!["--config", &file, "--node", NODES[0], "--no-such-option"],
    ] {
        let output = hbd(&arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(!output.stderr.is_empty() && !lab.node_dir(0).join("run").exists());
    }
    lab.start(0);
    drop(lab.client(0).await);
    let second = hbd(&["--config", &file, "--node", NODES[0], "--run-dir", &run]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("is served by another process"));
}
