//! `arbiterd --witness` as a real process on a third machine: it answers signed questions by what it sees itself.
//!
//! Needs root. Everything is in network namespaces of this test's own, which end with it.

mod net;

use arbiterd::neighbour::wire::{Answer, Question, Seal, Sight};
use net::Net;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const KEY: &str = "5d0b1f7e93c24a68b7e1f05c2d9a8346e4c1b8f2706d5a93184ecf2b6a70d9e3";
const WITNESS: &str = "192.168.9.2:7422";
const PEER: &str = "10.77.0.2";
/// Long enough for a busy machine, short enough for a test.
const WINDOW: Duration = Duration::from_millis(500);

/// The asker (0), the witness (1) and the node that is looked for (2), in a row.
struct Bed {
    nets: [Net; 3],
    dir: tempfile::TempDir,
    witness: Option<Child>,
}

fn plug(a: &Net, b: &Net, name: &str) {
    a.ip(&format!("link add {name} type veth peer name {name}-far"));
    let mut holder = b.enter(|| Command::new("cat").stdin(Stdio::piped()).spawn()).unwrap();
    a.ip(&format!("link set {name}-far netns {} name {name}", holder.id()));
    drop(holder.stdin.take());
    holder.wait().unwrap();
    a.ip(&format!("link set {name} up"));
    b.ip(&format!("link set {name} up"));
}

fn key_bytes() -> Vec<u8> {
    (0..KEY.len()).step_by(2).map(|at| u8::from_str_radix(&KEY[at..at + 2], 16).unwrap()).collect()
}

impl Bed {
    fn new(pair: &str) -> Self {
        let nets = [Net::new(), Net::new(), Net::new()];
        plug(&nets[0], &nets[1], "near");
        plug(&nets[1], &nets[2], "far");
        nets[0].ip("addr add 192.168.9.1/24 dev near");
        nets[1].ip("addr add 192.168.9.2/24 dev near");
        nets[1].ip("addr add 10.77.0.3/24 dev far");
        nets[2].ip(&format!("addr add {PEER}/24 dev far"));
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        };
        write("key", KEY);
        write("witness.toml", &format!("[[pair]]\nname = \"p\"\nkey_file = \"key\"\n{pair}"));
        let mut bed = Self { nets, dir, witness: None };
        bed.witness = Some(bed.start());
        bed
    }

    fn start(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arbiterd"));
        command.args(["--witness", "--config"]).arg(self.dir.path().join("witness.toml"));
        self.nets[1].enter(|| command.stdin(Stdio::null()).spawn()).unwrap()
    }

    fn socket(&self) -> UdpSocket {
        self.nets[0].enter(|| {
            let socket = UdpSocket::bind("192.168.9.1:0").unwrap();
            socket.connect(WITNESS).unwrap();
            socket.set_read_timeout(Some(WINDOW)).unwrap();
            socket
        })
    }

    /// Asks until there is an answer (the process may just be starting).
    fn ask(&self, seal: &Seal) -> Answer {
        let socket = self.socket();
        for number in 0..120_u8 {
            let question = Question { nonce: [number; 16], window: WINDOW, addresses: vec![PEER.parse().unwrap()] };
            if socket.send(&seal.question(&question)).is_err() {
                // Nobody listens yet.
                std::thread::park_timeout(Duration::from_millis(100));
                continue;
            }
            let mut buffer = [0; 2_048];
            if let Some(answer) = socket.recv(&mut buffer).ok().and_then(|length| seal.read_answer(&buffer[..length])) {
                assert_eq!(answer.nonce, question.nonce, "the answer to another question");
                return answer;
            }
        }
        panic!("the witness does not answer");
    }

    /// Whether anything comes back for a datagram.
    fn answers(&self, datagram: &[u8]) -> bool {
        let socket = self.socket();
        socket.send(datagram).unwrap();
        socket.recv(&mut [0; 2_048]).is_ok()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(mut child) = self.witness.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// S23: a witness sees a living node, does not see a silent one, and says so when it cannot look at all.
#[test]
fn a_witness_says_what_it_sees() {
    let bed = Bed::new("addresses = [\"10.77.0.2\"]\n");
    let seal = Seal::new(&key_bytes());
    let seen = bed.ask(&seal);
    assert_eq!(seen.sight, Sight::Seen, "{seen:?}");
    assert!(seen.how.contains(PEER), "{seen:?}");

    bed.nets[2].ip(&format!("addr del {PEER}/24 dev far"));
    let gone = bed.ask(&seal);
    assert_eq!(gone.sight, Sight::CannotSee, "{gone:?}");

    bed.nets[2].ip("link set far down");
    let blind = loop {
        // The kernel's word that the carrier is gone takes a moment.
        let answer = bed.ask(&seal);
        if answer.sight != Sight::CannotSee {
            break answer;
        }
    };
    assert_eq!(blind.sight, Sight::CannotLook, "{blind:?}");
    assert!(blind.how.contains("carrier"), "{blind:?}");
}

/// FAULTS T1 T2 T7: foreign keys, changed datagrams and replays are not answered; addresses nobody allowed are not looked for.
#[test]
fn a_witness_answers_only_whom_it_may() {
    let bed = Bed::new("addresses = [\"10.77.0.99\"]\n");
    let seal = Seal::new(&key_bytes());
    let refused = bed.ask(&seal);
    assert_eq!(refused.sight, Sight::CannotLook, "{refused:?}");
    assert!(refused.how.contains("not among"), "{refused:?}");

    let question = Question { nonce: [200; 16], window: WINDOW, addresses: vec![PEER.parse().unwrap()] };
    assert!(!bed.answers(&Seal::new(&[7; 32]).question(&question)), "a foreign key");
    let mut changed = seal.question(&question);
    changed[40] ^= 1;
    assert!(!bed.answers(&changed), "a changed datagram");
    let good = seal.question(&question);
    assert!(bed.answers(&good));
    assert!(!bed.answers(&good), "a replay");
}

/// O05: it ends by SIGTERM in good order; a wrong configuration is told with its remedy and exit code 64.
#[test]
fn a_witness_ends_and_complains_as_daemons_do() {
    let mut bed = Bed::new("");
    bed.ask(&Seal::new(&key_bytes()));
    let mut child = bed.witness.take().unwrap();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
    let bad: &Path = &bed.dir.path().join("witness.toml");
    std::fs::write(bad, "pot = 1\n").unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_arbiterd")).args(["--witness", "--config"]).arg(bad).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("pot"));
}
