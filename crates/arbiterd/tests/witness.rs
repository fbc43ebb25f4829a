//! The vote in a real etcd (Debian's etcd-server): what the keepers of both nodes get from it.
//!
//! Needs root and etcd. It runs on the loopback interface of a network namespace of this test's own.

mod net;

use arbiterd::witness::etcd::{Etcd, Options};
use arbiterd::witness::keeper::Keeper;
use arbiterd::witness::store::{Store, StoreError};
use arbiterd::witness::value::{Seal, Writer};
use hotpair_runtime::clock;
use hotpair_types::{BootId, Epoch, GroupName, Incarnation, NodeId, PairId, Timestamp, VoteView, WitnessTarget};
use net::Net;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const URL: &str = "http://127.0.0.1:2379";
/// etcd's shortest is below 2 s.
const TTL: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(60);

struct Server {
    net: Net,
    child: Child,
    _dir: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let net = Net::new();
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("etcd");
        let peer = "http://127.0.0.1:2380";
        command.arg("--data-dir").arg(dir.path()).args(["--name", "t", "--logger", "zap", "--log-level", "error"]);
        command.args(["--listen-client-urls", URL, "--advertise-client-urls", URL, "--listen-peer-urls", peer]);
        command.args(["--initial-advertise-peer-urls", peer, "--initial-cluster", &format!("t={peer}")]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = net.enter(|| command.spawn()).expect("etcd is not installed (package etcd-server)");
        Self { net, child, _dir: dir }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn web() -> GroupName {
    GroupName::new("web").unwrap()
}

struct Node {
    keeper: Keeper<Etcd>,
    target: WitnessTarget,
    node: NodeId,
}

impl Node {
    fn new(node: NodeId, endpoints: &[&str]) -> Self {
        let options = Options {
            endpoints: endpoints.iter().map(|url| (*url).to_owned()).collect(),
            user: None,
            password_file: None,
            ca_file: None,
            cert_file: None,
            cert_key_file: None,
            timeout: Duration::from_secs(1),
        };
        let seal = Seal::new(&[1; 32], PairId([7; 8]));
        let me = Writer { node, boot: BootId([u8::from(node); 16]), run: Incarnation(1) };
        let keeper = Keeper::new(Etcd::new(options, seal.prefix()), seal, me, TTL);
        Self { keeper, target: WitnessTarget::default(), node }
    }

    fn wants(&mut self, number: Option<u64>) {
        self.target.seq += 1;
        self.target.votes = number.map(|number| (web(), Epoch { number, node: self.node })).into_iter().collect();
    }

    async fn round(&mut self) -> Result<VoteView, StoreError> {
        let round = self.keeper.round(&self.target, &[web()], clock::now).await?;
        Ok(round.votes.get(&web()).copied().unwrap_or_default())
    }

    /// Rounds until the vote is held; when it was, and until when.
    async fn take(&mut self) -> (Timestamp, Timestamp) {
        let end = clock::now().after(PATIENCE);
        loop {
            let last = self.round().await;
            if let Ok(VoteView::Held { until, .. }) = last {
                return (clock::now(), until);
            }
            assert!(clock::now() < end, "no vote: {last:?}");
            if last.is_err() {
                self.keeper.store.next_endpoint();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn run<T>(server: &Server, work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Connections are made by the thread that has entered the network.
    server.net.enter(|| runtime.block_on(work))
}

/// W03 W04 F07 T12: granted to one, refused to the other, expired at the holder before it is granted again, given back at once, and
/// a lower epoch is never granted; all by a real etcd.
#[test]
fn etcd_gives_the_vote_to_one_node() {
    let server = Server::start();
    run(&server, async {
        let mut alpha = Node::new(NodeId::FIRST, &[URL]);
        let mut beta = Node::new(NodeId::SECOND, &[URL]);
        alpha.wants(Some(1));
        alpha.take().await;
        beta.wants(Some(2));
        assert_eq!(beta.round().await.unwrap(), VoteView::Peer { epoch: Epoch { number: 1, node: NodeId::FIRST } });

        // alpha falls silent.
        let VoteView::Held { until, .. } = alpha.round().await.unwrap() else { panic!("not held") };
        let (taken, _) = beta.take().await;
        assert!(until < taken, "two holders: until {until}, taken {taken}");
        assert!(taken.since(until) < Duration::from_secs(5), "etcd gives it {:?} too late", taken.since(until));
        assert_eq!(alpha.round().await.unwrap(), VoteView::Peer { epoch: Epoch { number: 2, node: NodeId::SECOND } });

        // A planned move.
        beta.wants(None);
        assert_eq!(beta.round().await.unwrap(), VoteView::Free);
        alpha.wants(Some(2));
        assert_eq!(alpha.round().await.unwrap(), VoteView::Free, "an epoch that beta has had");
        alpha.wants(Some(3));
        let from = clock::now();
        assert!(matches!(alpha.round().await.unwrap(), VoteView::Held { .. }));
        assert!(clock::now().since(from) < Duration::from_secs(2));
    });
}

/// A frozen etcd, and one that nobody answers for, cost a call's limit each and are told in words; the next endpoint is tried.
#[test]
fn a_frozen_etcd_delays_nothing_for_long() {
    let server = Server::start();
    run(&server, async {
        let mut alpha = Node::new(NodeId::FIRST, &["http://127.0.0.1:9", URL]);
        alpha.wants(Some(1));
        alpha.take().await;
        server.signal(Signal::SIGSTOP);
        let from = clock::now();
        let error = alpha.round().await.unwrap_err();
        let took = clock::now().since(from);
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert!(
            error.to_string().contains("no answer within 1000 ms") || error.to_string().contains("answer"),
            "{error}"
        );
        alpha.keeper.store.next_endpoint();
        let error = alpha.round().await.unwrap_err();
        assert!(error.to_string().contains("127.0.0.1:9 cannot be reached"), "{error}");
        server.signal(Signal::SIGCONT);
        alpha.keeper.store.next_endpoint();
        let (_, until) = alpha.take().await;
        assert!(until > clock::now());
    });
}
