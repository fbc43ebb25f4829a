//! The safety check's probes on real wires: two network namespaces joined by cables, a prober in one or both.
//!
//! Needs root. Everything is in namespaces of this test's own, which end with it.

mod net;

use arbiter_core::io::Input;
use arbiterd::convert::advert as advert_wire;
use arbiterd::prober::Prober;
use arbiterd::prober::interfaces::Watcher;
use arbiterd::prober::question;
use arbiterd::prober::sockets::Packet;
use hotpair_config::load_text_with_key;
use hotpair_runtime::clock;
use hotpair_types::{Advert, Evidence, LifeSign, NodeId, ProbeKind};
use net::Net;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const KEY: &str = "5d0b1f7e93c24a68b7e1f05c2d9a8346e4c1b8f2706d5a93184ecf2b6a70d9e3";
const OTHER_KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f1";
/// Long enough for every answer on a busy machine, where one is expected.
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough for an answer that must not come.
const QUIET: Duration = Duration::from_millis(600);

const CONFIG: &str = include_str!("pair.toml");

/// Two nodes, each in a network of its own, joined by two cables.
struct Pair {
    nets: [Net; 2],
}

impl Pair {
    fn new() -> Self {
        let nets = [Net::new(), Net::new()];
        for name in ["lan", "six"] {
            plug(&nets[0], &nets[1], name);
        }
        nets[0].ip("addr add 10.77.0.1/24 dev lan");
        nets[1].ip("addr add 10.77.0.2/24 dev lan");
        nets[0].ip("addr add fd77::1/64 dev six nodad");
        nets[1].ip("addr add fd77::2/64 dev six nodad");
        Self { nets }
    }
}

/// A cable between two networks, with an interface of this name at either end.
fn plug(a: &Net, b: &Net, name: &str) {
    a.ip(&format!("link add {name} type veth peer name {name}-far"));
    // `ip link set … netns` wants a name or a process; a process of the other network does.
    let mut holder = b.enter(|| Command::new("cat").stdin(Stdio::piped()).spawn()).unwrap();
    a.ip(&format!("link set {name}-far netns {} name {name}", holder.id()));
    drop(holder.stdin.take());
    holder.wait().unwrap();
    a.ip(&format!("link set {name} up"));
    b.ip(&format!("link set {name} up"));
}

/// A prober in its network, driven from a `current_thread` runtime on the test's thread, which has entered the network.
struct Station {
    prober: Prober,
    watcher: Watcher,
    packets: tokio::sync::mpsc::UnboundedReceiver<Packet>,
    round: u64,
}

impl Station {
    async fn new(net: &Net, node: NodeId, key: &str) -> Self {
        let config = load_text_with_key(CONFIG, Path::new("pair.toml"), None, key).unwrap().config;
        let (sender, packets) = tokio::sync::mpsc::unbounded_channel();
        // Sockets belong to the network in which they were made, whatever the thread does later.
        let (prober, watcher) = net.enter(|| {
            let deliver = Arc::new(move |packet| sender.send(packet).is_ok());
            (Prober::new(&config, node, deliver, clock::now()), Watcher::connect().unwrap())
        });
        let mut this = Self { prober, watcher, packets, round: 0 };
        this.look().await;
        this
    }

    async fn look(&mut self) {
        let interfaces = self.watcher.read().await.unwrap();
        self.prober.set_interfaces(interfaces);
    }

    /// Handles packets until `done` is content with the evidence or the time is over; returns all evidence.
    async fn gather(&mut self, mut all: Vec<Input>, patience: Duration, done: impl Fn(&[Input]) -> bool) -> Vec<Input> {
        let waiting = async {
            while !done(&all) {
                let packet = self.packets.recv().await.unwrap();
                all.extend(self.prober.receive(&packet, clock::now()));
            }
        };
        // Both ends of the wait are content of the test.
        drop(tokio::time::timeout(patience, waiting).await);
        all
    }

    /// One round; waits until `done` is content.
    async fn round(&mut self, patience: Duration, done: impl Fn(&[Input]) -> bool) -> Vec<Input> {
        self.round += 1;
        let sent = self.prober.send_round(self.round);
        self.gather(sent, patience, done).await
    }
}

fn life(inputs: &[Input]) -> Vec<(ProbeKind, LifeSign)> {
    let mut signs: Vec<_> = inputs
        .iter()
        .filter_map(|input| match input {
            Input::Evidence { evidence: Evidence::Life { probe, sign, .. }, .. } => Some((*probe, *sign)),
            _ => None,
        })
        .collect();
    signs.sort();
    signs.dedup();
    signs
}

fn sent(inputs: &[Input]) -> Vec<ProbeKind> {
    let mut kinds: Vec<_> = inputs
        .iter()
        .filter_map(|input| match input {
            Input::Evidence { evidence: Evidence::Sent { probe, .. }, .. } => Some(*probe),
            _ => None,
        })
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

fn failures(inputs: &[Input]) -> Vec<(ProbeKind, String)> {
    inputs
        .iter()
        .filter_map(|input| match input {
            Input::Evidence { evidence: Evidence::SendFailed { probe, error, .. }, .. } => {
                Some((*probe, error.clone()))
            }
            _ => None,
        })
        .collect()
}

fn advert() -> Advert {
    use hotpair_types::{BootId, Digest, Incarnation, NodeMode, NodeSettings, Stamp, Stamped};
    let node = Stamped { stamp: Stamp::NEVER, value: NodeSettings { mode: NodeMode::Online } };
    Advert {
        node: NodeId::SECOND,
        boot: BootId([1; 16]),
        arbiter: Incarnation(7),
        seq: 3,
        seen: (Incarnation(0), 0),
        config: Digest([2; 8]),
        version: advert_wire::VERSION,
        booting: false,
        leaving: false,
        resd_alive: true,
        nodes: [node.clone(), node],
        groups: Vec::new(),
        requests: Vec::new(),
        done: Vec::new(),
    }
}

fn run<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

const KERNEL: [(ProbeKind, LifeSign); 3] = [
    (ProbeKind::Arp, LifeSign::Kernel),
    (ProbeKind::NeighbourDiscovery, LifeSign::Kernel),
    (ProbeKind::Echo, LifeSign::Kernel),
];

/// S23: a living peer answers the signed question by unicast and by broadcast, with its state, and its kernel answers too.
#[test]
fn a_living_peer_answers_with_its_state() {
    run(async {
        let pair = Pair::new();
        let mut a = Station::new(&pair.nets[0], NodeId::FIRST, KEY).await;
        let mut b = Station::new(&pair.nets[1], NodeId::SECOND, KEY).await;
        b.prober.set_advert(advert());
        let answering = async {
            loop {
                let packet = b.packets.recv().await.unwrap();
                assert_eq!(b.prober.receive(&packet, clock::now()), []);
            }
        };
        let everything = |inputs: &[Input]| {
            let signs = life(inputs);
            let software = [ProbeKind::AskUnicast, ProbeKind::AskBroadcast].map(|p| (p, LifeSign::Software));
            software.iter().chain(&KERNEL).all(|wanted| signs.contains(wanted))
                && inputs.contains(&Input::PeerAnswered(advert()))
        };
        let asking = async {
            let found = a.round(PATIENCE, everything).await;
            assert!(everything(&found), "{found:#?}");
            assert_eq!(failures(&found), []);
            assert_eq!(a.prober.self_test().with_carrier, 2);
            let dropped: Vec<_> = a.prober.counters().dropped.keys().copied().collect();
            assert!(dropped.iter().all(|reason| *reason == question::Drop::Own), "{dropped:?}");
        };
        tokio::select! { () = asking => {}, () = answering => {} }
        assert!(b.prober.counters().answered >= 2);
    });
}

/// S23: with the peer's software gone its kernel still answers; a virtual address up over there is seen.
#[test]
fn a_peer_without_software_is_alive_by_its_kernel_and_its_service() {
    run(async {
        let pair = Pair::new();
        let mut a = Station::new(&pair.nets[0], NodeId::FIRST, KEY).await;
        let kernel = |inputs: &[Input]| KERNEL.iter().all(|wanted| life(inputs).contains(wanted));
        let found = a.round(PATIENCE, kernel).await;
        assert!(kernel(&found), "{found:#?}");
        assert!(life(&found).iter().all(|(_, sign)| *sign == LifeSign::Kernel), "{found:#?}");
        // Healthy days: the hardware address is learnt and recognised.
        a.prober.set_peer_healthy(true, clock::now());
        while a.prober.known_macs().len() < 2 {
            a.gather(Vec::new(), Duration::from_millis(50), |_| false).await;
        }
        a.prober.set_peer_healthy(false, clock::now());
        pair.nets[1].ip("addr add 10.77.0.100/32 dev lan");
        let serving = |inputs: &[Input]| life(inputs).contains(&(ProbeKind::VirtualAddress, LifeSign::Serving));
        let found = a.round(PATIENCE, |inputs| serving(inputs) && kernel(inputs)).await;
        assert!(serving(&found), "{found:#?}");
        assert!(format!("{found:?}").contains("as known"), "{found:#?}");
        // Another machine answers for the peer: recorded, and still a sign, since in doubt nobody is dead.
        pair.nets[1].ip("link set lan address 02:00:00:00:aa:01");
        let found = a.round(PATIENCE, |inputs| format!("{inputs:?}").contains("which is not the known")).await;
        assert!(format!("{found:?}").contains("02:00:00:00:aa:01, which is not the known"), "{found:#?}");
    });
}

/// S23: what this node holds itself is not asked; it would answer itself.
#[test]
fn an_own_virtual_address_is_not_asked() {
    run(async {
        let pair = Pair::new();
        pair.nets[0].ip("addr add 10.77.0.100/32 dev lan");
        let mut a = Station::new(&pair.nets[0], NodeId::FIRST, KEY).await;
        let found = a.round(QUIET, |_| false).await;
        assert!(!sent(&found).contains(&ProbeKind::VirtualAddress), "{found:#?}");
        assert!(!life(&found).iter().any(|(_, sign)| *sign == LifeSign::Serving), "{found:#?}");
    });
}

/// S23: nobody at the other end: everything leaves, nothing comes back. A dead cable: nothing leaves, and that is a fact.
#[test]
fn silence_and_an_own_dead_port_are_told_apart() {
    run(async {
        let pair = Pair::new();
        pair.nets[1].ip("addr flush dev lan");
        pair.nets[1].ip("addr flush dev six");
        let mut a = Station::new(&pair.nets[0], NodeId::FIRST, KEY).await;
        let found = a.round(QUIET, |_| false).await;
        assert_eq!(life(&found), []);
        for kind in [ProbeKind::AskUnicast, ProbeKind::AskBroadcast, ProbeKind::Arp, ProbeKind::Echo] {
            assert!(sent(&found).contains(&kind), "{kind:?} {found:#?}");
        }
        assert_eq!((a.prober.self_test().with_carrier, a.prober.self_test().without_carrier), (2, 0));
        for name in ["lan", "six"] {
            pair.nets[1].ip(&format!("link set {name} down"));
        }
        // The change is told by the kernel, without being asked for.
        assert!(tokio::time::timeout(PATIENCE, a.watcher.changed()).await.unwrap());
        loop {
            a.look().await;
            if a.prober.self_test().with_carrier == 0 {
                break;
            }
            assert!(tokio::time::timeout(PATIENCE, a.watcher.changed()).await.unwrap());
        }
        let found = a.round(QUIET, |_| false).await;
        assert_eq!(life(&found), []);
        assert!(!sent(&found).contains(&ProbeKind::AskUnicast), "{found:#?}");
        assert!(failures(&found).contains(&(ProbeKind::AskUnicast, "lan has no carrier".to_owned())), "{found:#?}");
    });
}

/// S23: a reference address that answers tells about this node, not about the peer.
#[test]
fn a_reference_is_told_apart_from_the_peer() {
    run(async {
        let pair = Pair::new();
        pair.nets[1].ip("addr flush dev six");
        pair.nets[1].ip("addr flush dev lan");
        pair.nets[1].ip("addr add 10.77.0.9/24 dev lan");
        let mut a = Station::new(&pair.nets[0], NodeId::FIRST, KEY).await;
        let answered = |inputs: &[Input]| {
            inputs.iter().any(|i| matches!(i, Input::Evidence { evidence: Evidence::ReferenceAnswered { .. }, .. }))
        };
        let found = a.round(PATIENCE, answered).await;
        assert!(answered(&found), "{found:#?}");
        assert_eq!(life(&found), []);
        assert_eq!(a.prober.self_test().references, 1);
    });
}

/// FAULTS X01, O11: a question under another key is dropped and counted, and gets no answer.
#[test]
fn a_question_under_another_key_is_not_answered() {
    run(async {
        let pair = Pair::new();
        let mut a = Station::new(&pair.nets[0], NodeId::FIRST, KEY).await;
        let mut b = Station::new(&pair.nets[1], NodeId::SECOND, OTHER_KEY).await;
        a.prober.send_round(1);
        while b.prober.counters().dropped.is_empty() {
            let packet = tokio::time::timeout(PATIENCE, b.packets.recv()).await.unwrap().unwrap();
            assert_eq!(b.prober.receive(&packet, clock::now()), []);
        }
        assert_eq!(b.prober.counters().answered, 0);
    });
}

/// FAULTS N09: a starved peer answers late, many rounds later; slow is not dead.
#[test]
fn a_late_answer_still_counts() {
    run(async {
        let pair = Pair::new();
        let mut a = Station::new(&pair.nets[0], NodeId::FIRST, KEY).await;
        let mut b = Station::new(&pair.nets[1], NodeId::SECOND, KEY).await;
        a.prober.send_round(1);
        let question = tokio::time::timeout(PATIENCE, b.packets.recv()).await.unwrap().unwrap();
        for round in 2..40 {
            a.prober.send_round(round);
        }
        b.prober.receive(&question, clock::now());
        let software = |inputs: &[Input]| life(inputs).iter().any(|(_, sign)| *sign == LifeSign::Software);
        let found = a.gather(Vec::new(), PATIENCE, software).await;
        assert!(software(&found), "{found:#?}");
    });
}

/// S23: answers after the check was stopped, and answers to nobody's question, count for nothing.
#[test]
fn late_and_unasked_answers_count_for_nothing() {
    run(async {
        let pair = Pair::new();
        let mut a = Station::new(&pair.nets[0], NodeId::FIRST, KEY).await;
        a.prober.send_round(1);
        a.prober.stop();
        let found = a.gather(Vec::new(), QUIET, |_| false).await;
        assert_eq!(found, []);
    });
}
