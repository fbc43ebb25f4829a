//! Good bytes to begin with, made by the code that sends them: `UPDATE_GOLDEN=1` writes them into the corpora. Without it, each
//! must be there unchanged: what goes on the wire and what the fuzzers begin with are the same.

use arbiterd::convert::advert;
use arbiterd::prober::packets;
use heartbeat_core::{Authenticator, Echo, Flags, Frame, PathTag, Report, ReportState, serial_framing};
use hotpair_types::{
    Advert, BootId, Claim, Digest, Epoch, GroupAdvert, GroupName, GroupSettings, GroupState, Incarnation, NodeId,
    NodeMode, NodeSettings, Offer, PairId, PathName, Readiness, Request, RequestId, RequestKind, Stamp, Stamped,
    Timestamp, Until,
};
use std::path::Path;

const NOW: Timestamp = Timestamp::from_millis(5_000_000);

fn frame(chunk: &[u8], sender: u8, incarnation: u64) -> Vec<u8> {
    let path = PathTag::of(&PathName::new("lan").unwrap());
    let frame = Frame {
        version: (1, 0),
        pair: PairId(*b"thispair"),
        sender,
        flags: Flags(0),
        path,
        boot: BootId([u8::try_from(incarnation).unwrap(); 16]),
        incarnation: Incarnation(incarnation),
        sequence: 9,
        nonce: 4_000_000_000,
        path_echo: Some((1_000_000_000, 40)),
        config: Digest([9; 8]),
        advert: (!chunk.is_empty())
            .then(|| (heartbeat_core::advert_digest(chunk), u32::try_from(chunk.len()).unwrap())),
        confirmed: Some(Digest(*b"confconf")),
        chunk: (!chunk.is_empty()).then_some((0, chunk)),
        echoes: vec![Echo { incarnation: Incarnation(1), nonce: 1_000_000_000, age_us: 300 }],
        reports: vec![Report { path, state: ReportState(1), loss: 0 }],
    };
    Authenticator::new(&[7; 32]).unwrap().seal(&frame)
}

fn sample() -> Advert {
    let group = |name: &str, claim, ready| GroupAdvert {
        name: GroupName::new(name).unwrap(),
        epoch: Epoch::NEVER.next(NodeId::SECOND).unwrap(),
        claim,
        state: GroupState::Running,
        serving: true,
        ready,
        failed: false,
        settings: Stamped {
            stamp: Stamp { counter: 3, node: NodeId::FIRST },
            value: GroupSettings {
                frozen: Some(Until(NOW.after(std::time::Duration::from_secs(60)))),
                maintenance: None,
                clear: 2,
                moves: vec![Until(NOW.after(std::time::Duration::from_secs(9)))],
            },
        },
    };
    let node = |mode| Stamped { stamp: Stamp { counter: 1, node: NodeId::SECOND }, value: NodeSettings { mode } };
    let id = RequestId { node: NodeId::SECOND, arbiter: Incarnation(5), number: 2 };
    let missing = Readiness::NotReady { reason: "device /dev/sdb1 is not there".to_string(), network: false };
    Advert {
        node: NodeId::SECOND,
        boot: BootId([2; 16]),
        arbiter: Incarnation(5),
        seq: 17,
        seen: (Incarnation(4), 8),
        config: Digest([9; 8]),
        version: (1, 0),
        booting: false,
        leaving: true,
        resd_alive: true,
        nodes: [node(NodeMode::Online), node(NodeMode::Standby)],
        groups: vec![
            group("shop", Claim::Owner, Readiness::Ready),
            group("files", Claim::Released(Offer { to: NodeId::FIRST, number: 1 }), missing),
        ],
        requests: vec![Request {
            id,
            kind: RequestKind::Switchover { group: GroupName::new("shop").unwrap(), to: NodeId::FIRST },
            by: "root".to_string(),
        }],
        done: vec![(id, "done".to_string())],
    }
}

/// What `heartbeats` reads: a head, a length in pairs of bytes, that many bytes.
fn step(head: u8, body: &[u8]) -> Vec<u8> {
    let body: Vec<u8> = body.iter().copied().chain((body.len() % 2 == 1).then_some(0)).collect();
    [&[head, u8::try_from(body.len() / 2).unwrap()], body.as_slice()].concat()
}

fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let advert = advert::encode(&sample(), NOW);
    let chunk = advert.get(..advert.len().min(120)).unwrap();
    let whole = frame(chunk, 1, 2);
    let leaving = {
        let mut bytes = frame(&[], 1, 2);
        bytes[17] = Flags::LEAVING;
        bytes
    };
    let body = whole.get(..whole.len() - heartbeat_core::MAC_LEN).unwrap();
    // The length is read as one byte of pairs that the reader doubles.
    let told = [step(2, body), step(14, &[5]), step(2, body), step(10, &[1]), step(7, &[17, 1, 24, 1])].concat();
    let address = std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);
    let arp = packets::arp_request([2, 0, 0, 0, 0, 1], [10, 0, 0, 1].into(), [10, 0, 0, 2].into());
    let mut reply = arp.clone();
    if let Some(op) = reply.get_mut(7) {
        *op = 2;
    }
    let place = |node| heartbeat_core::disk::Place {
        pair: PairId(*b"thispair"),
        pair_name: "shop".to_string(),
        node,
        path: PathTag::of(&PathName::new("disk").unwrap()),
    };
    let mut writer = heartbeat_core::disk::SlotWriter::new(place(NodeId::SECOND), Incarnation(2));
    assert!(writer.push(&whole));
    let head = place(NodeId::SECOND).head();
    let area = [&head[..], &[0; heartbeat_core::disk::BLOCK][..], &writer.take()[..]].concat();
    vec![
        ("disk", "area", area),
        ("frame", "whole", whole.clone()),
        ("frame", "leaving", leaving),
        ("frame", "without-advert", frame(&[], 0, 3)),
        ("heartbeats", "story", told),
        ("serial", "two-frames", [serial_framing::encode(&whole), serial_framing::encode(b"short")].concat()),
        ("serial", "noise", [&[0x55, 0, 0, 0xff][..], &serial_framing::encode(&whole)].concat()),
        ("advert", "full", advert.clone()),
        ("network", "bare", [b"hpQ1".as_slice(), &advert].concat()),
        ("network", "arp", arp),
        ("network", "arp-reply", reply),
        ("network", "echo", packets::echo4(7, 9)),
        ("network", "echo6", packets::echo6(7, 9)),
        ("network", "solicitation", packets::neighbour_solicitation(address, [2, 0, 0, 0, 0, 1])),
    ]
}

/// FAULTS T6: the corpora begin with what is really sent.
#[test]
fn seeds_are_what_is_sent() {
    for (target, name, bytes) in seeds() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target).join(format!("seed-{name}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        let found =
            std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}: UPDATE_GOLDEN=1 writes it", path.display()));
        assert_eq!(found, bytes, "{}: UPDATE_GOLDEN=1 renews it", path.display());
    }
}
