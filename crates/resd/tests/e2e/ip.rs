//! Addresses on real interfaces in namespaces of their own, watched from the other end of the cable.

use std::time::Duration;

use crate::common::{Node, PATIENCE, Space, cable, within};
use hotpair_proto::resource::v1 as api;
use socket2::{Domain, Protocol, Socket, Type};

const GROUP: &str = r#"
[[group]]
name = "g"
[[group.resource]]
name = "vip"
kind = "ip"
address = "10.1.0.100/24"
interface = "eth0"
monitor_interval = "300ms"
announce_count = 3
announce_interval = "20ms"
[[group.resource]]
name = "vip6"
kind = "ip"
address = "fd00:1::100/64"
interface = "eth0"
after = []
announce_count = 3
announce_interval = "20ms"
"#;

fn pair(groups: &str) -> (Node, Space) {
    let node = Node::new("alpha", groups);
    let other = Space::new();
    cable(&node.space, &other);
    node.space.sh("ip addr add 10.1.0.1/24 dev eth0");
    other.sh("ip addr add 10.1.0.2/24 dev eth0");
    (node, other)
}

fn addresses(space: &Space) -> String {
    space.sh("ip -o addr show dev eth0")
}

/// A socket that hears everything on `eth0` of a space.
fn ear(space: &Space) -> Socket {
    let pid = space.pid();
    let open = move || {
        let ns = std::fs::File::open(format!("/proc/{pid}/ns/net")).unwrap();
        nix::sched::setns(ns, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        let all = i32::from(0x0003_u16.to_be());
        Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(all))).unwrap()
    };
    // A thread of its own: the namespace is the thread's.
    let socket = std::thread::spawn(open).join().unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Waits for a frame that the test accepts.
fn hear(socket: &Socket, what: &str, accept: impl Fn(&[u8]) -> bool) {
    use std::io::Read;
    let mut socket = socket;
    let mut frame = [0_u8; 2048];
    for _ in 0..10_000 {
        let n = socket.read(&mut frame).unwrap_or_else(|e| panic!("no {what}: {e}"));
        if accept(&frame[..n]) {
            return;
        }
    }
    panic!("no {what} among 10000 frames");
}

fn is_gratuitous_arp(frame: &[u8], op: u8) -> bool {
    let vip = [10, 1, 0, 100];
    frame.get(12..14) == Some(&[8, 6])
        && frame.get(21) == Some(&op)
        && frame.get(28..32) == Some(&vip)
        && frame.get(38..42) == Some(&vip)
}

fn is_advertisement(frame: &[u8]) -> bool {
    let vip: std::net::Ipv6Addr = "fd00:1::100".parse().unwrap();
    frame.get(12..14) == Some(&[0x86, 0xdd])
        && frame.get(21) == Some(&255)
        && frame.get(54) == Some(&136)
        && frame.get(62..78) == Some(&vip.octets())
}

/// S3 S15: both families come up, are announced in both forms, and go down; the kernel's own addresses stay.
#[tokio::test]
async fn addresses_come_are_announced_and_go() {
    let (mut node, other) = pair(GROUP);
    node.start().await;
    node.until_state(api::GroupState::Stopped).await;
    let ear = ear(&other);
    node.order(api::Desired::Started).await;
    let group = node.until_state(api::GroupState::Running).await;
    let now = addresses(&node.space);
    assert!(now.contains("10.1.0.100/24") && now.contains("fd00:1::100/64"), "{now}");
    assert!(group.serving);
    tokio::task::spawn_blocking(move || {
        hear(&ear, "gratuitous request", |f| is_gratuitous_arp(f, 1));
        hear(&ear, "gratuitous reply", |f| is_gratuitous_arp(f, 2));
        hear(&ear, "neighbour advertisement", is_advertisement);
    })
    .await
    .unwrap();
    other.sh("ping -c 1 -W 20 10.1.0.100");
    node.down().await;
    let now = addresses(&node.space);
    assert!(!now.contains("10.1.0.100") && !now.contains("fd00:1::100") && now.contains("10.1.0.1/24"), "{now}");
    assert!(!node.group().await.serving);
}

/// G09 S12: removed by hand, put back in place at once.
#[tokio::test]
async fn an_address_removed_by_hand_is_put_back() {
    let (mut node, _other) = pair(GROUP);
    node.start().await;
    node.up().await;
    node.space.sh("ip addr del 10.1.0.100/24 dev eth0; ip addr del fd00:1::100/64 dev eth0");
    let group = node
        .until("repairs", |g| g.state() == api::GroupState::Running && g.resources.iter().all(|r| r.repairs == 1))
        .await;
    let now = addresses(&node.space);
    assert!(now.contains("10.1.0.100/24") && now.contains("fd00:1::100/64"), "{now}");
    assert!(group.resources[0].last_error.contains("removed"), "{group:?}");
}

/// S15: an address that somebody else holds is not taken, and the holder is named; when it is free, it is.
#[tokio::test]
async fn a_foreign_holder_is_found_and_named() {
    let group = GROUP.replace(
        "monitor_interval",
        "conflict_check = \"400ms\"\nbackoff = \"100ms\"\nrestarts = 100\nmonitor_interval",
    );
    let (mut node, other) = pair(&group);
    other.sh("ip addr add 10.1.0.100/24 dev eth0");
    let link = other.sh("ip -o link show dev eth0");
    let mac = link.split_whitespace().skip_while(|w| *w != "link/ether").nth(1).unwrap().to_string();
    node.start().await;
    node.until_state(api::GroupState::Stopped).await;
    node.order(api::Desired::Started).await;
    node.until("conflict", |g| g.resources[0].last_error.contains(&mac)).await;
    assert!(!addresses(&node.space).contains("10.1.0.100"));
    other.sh("ip addr del 10.1.0.100/24 dev eth0");
    node.until_state(api::GroupState::Running).await;
}

/// S6 S15: carrier loss is reported as this node's network, keeps the address, and heals by itself.
#[tokio::test]
async fn carrier_loss_is_the_networks_failure() {
    let (mut node, other) = pair(GROUP);
    node.start().await;
    node.up().await;
    other.sh("ip link set eth0 down");
    let group = node.until_state(api::GroupState::Failed).await;
    let failure = group.failure.unwrap();
    assert_eq!(failure.scope(), api::FailureScope::Network);
    assert!(failure.text.contains("carrier"), "{failure:?}");
    assert!(group.serving && addresses(&node.space).contains("10.1.0.100"));
    other.sh("ip link set eth0 up");
    node.until_state(api::GroupState::Running).await;
    // On standby the same is a readiness issue.
    node.down().await;
    other.sh("ip link set eth0 down");
    let group = node.until("readiness issue", |g| !g.not_ready.is_empty()).await;
    assert_eq!(group.not_ready[0].scope(), api::FailureScope::Network);
    other.sh("ip link set eth0 up");
    node.until("readiness", |g| g.not_ready.is_empty() && g.readiness_known).await;
}

/// S6: when no reachability target answers any more, the network has failed; one that answers is enough.
#[tokio::test]
async fn reachability_is_watched() {
    let group = GROUP.replace("monitor_interval", "reachability = [\"10.1.0.2\", \"10.1.0.77\"]\nmonitor_interval");
    let (mut node, other) = pair(&group);
    node.start().await;
    node.up().await;
    other.sh("ip addr del 10.1.0.2/24 dev eth0");
    let group = node.until_state(api::GroupState::Failed).await;
    assert!(group.failure.unwrap().text.contains("10.1.0.77"));
    other.sh("ip addr add 10.1.0.77/24 dev eth0");
    node.until_state(api::GroupState::Running).await;
}

/// B6: killed or stopped, resd leaves the address; the next run adopts it without touching it and goes on watching it.
#[tokio::test]
async fn the_end_of_resd_interrupts_nothing() {
    let (mut node, _other) = pair(GROUP);
    node.start().await;
    node.up().await;
    let watch =
        node.space.command("ip").args(["-o", "monitor", "address"]).stdout(std::process::Stdio::piped()).spawn();
    let mut watch = watch.unwrap();
    for round in 0..2 {
        if round == 0 {
            node.kill()
        } else {
            node.terminate()
        }
        assert!(addresses(&node.space).contains("10.1.0.100/24"));
        node.start().await;
        let group = node.until_state(api::GroupState::Running).await;
        assert_eq!(group.resources[0].repairs, 0);
        assert_eq!(node.view().await.generation, Some(1));
    }
    watch.kill().unwrap();
    let seen = String::from_utf8(watch.wait_with_output().unwrap().stdout).unwrap();
    assert!(!seen.contains("::100") && !seen.contains("1.0.100"), "the address was touched: {seen}");
    // Watched again: still restored when removed.
    node.space.sh("ip addr del 10.1.0.100/24 dev eth0");
    within("restoration", async || addresses(&node.space).contains("10.1.0.100/24").then_some(())).await;
}

/// A lapsed lease takes the address away by itself (DESIGN section 4).
#[tokio::test]
async fn a_lapsed_lease_takes_the_address_down() {
    let (mut node, _other) = pair(GROUP);
    node.start().await;
    let end = hotpair_runtime::clock::now().after(Duration::from_millis(700)).as_nanos();
    node.order_with(api::Desired::Started, |g| g.lease_expires_ns = Some(end)).await;
    node.until_state(api::GroupState::Running).await;
    let group = node.until_state(api::GroupState::Stopped).await;
    assert!(hotpair_runtime::clock::now().as_nanos() >= end);
    assert!(group.resources[0].last_error.contains("lease"), "{group:?}");
    assert!(!addresses(&node.space).contains("10.1.0.100"));
}

/// Generations over the wire: stale and contradictory targets are refused with reason and remedy.
#[tokio::test]
async fn stale_targets_are_refused() {
    let (mut node, _other) = pair(GROUP);
    node.start().await;
    node.generation = 10;
    node.order(api::Desired::Stopped).await;
    for (generation, reason) in [(3, "STALE_TARGET"), (11, "CONTRADICTORY_TARGET")] {
        let target = node.target(generation, api::Desired::Started, |_| {});
        let status = node.client().apply_target(api::ApplyTargetRequest { target: Some(target) }).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::FailedPrecondition);
        assert_eq!(hotpair_ipc::errors::reason_of(&status).as_deref(), Some(reason));
    }
    let mut other_boot = node.target(12, api::Desired::Started, |_| {});
    other_boot.boot_id = "ff".repeat(16);
    let status = node.client().apply_target(api::ApplyTargetRequest { target: Some(other_boot) }).await.unwrap_err();
    assert_eq!(hotpair_ipc::errors::reason_of(&status).as_deref(), Some("OTHER_BOOT"));
    assert!(!addresses(&node.space).contains("10.1.0.100"));
}

/// From order to address and first announcement: a takeover waits for nothing here.
#[tokio::test]
async fn taking_an_address_is_quick() {
    let group = GROUP.replace("monitor_interval", "conflict_check = \"0s\"\nmonitor_interval");
    let (mut node, _other) = pair(&group);
    node.start().await;
    node.until_state(api::GroupState::Stopped).await;
    let mut times = Vec::new();
    for _ in 0..5 {
        node.order(api::Desired::Started).await;
        let group = node.until_state(api::GroupState::Running).await;
        times.push(group.resources[0].last_start_ns.unwrap());
        node.down().await;
    }
    times.sort_unstable();
    eprintln!("start of an address, ns: {times:?}");
    // A few ms at most also on a loaded machine; the median of an idle one is far below 2 ms.
    assert!(times[0] < 20_000_000, "{times:?}");
}
