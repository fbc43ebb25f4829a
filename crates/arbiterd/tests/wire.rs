//! Adverts on the wire: what goes in comes out, and nothing that comes in can do harm.

use arbiterd::convert::advert::{MAX_BYTES, VERSION, decode, encode};
use hotpair_proto::arbiter::v1 as pb;
use hotpair_types::{
    Advert, BootId, Claim, Digest, Epoch, GroupAdvert, GroupName, GroupSettings, GroupState, Incarnation, NodeId,
    NodeMode, NodeSettings, Offer, Readiness, Request, RequestId, RequestKind, Stamp, Stamped, Timestamp, Until,
};
use proptest::prelude::*;
use prost::Message;

const NOW: Timestamp = Timestamp::from_millis(5_000_000);

fn node() -> impl Strategy<Value = NodeId> {
    prop_oneof![Just(NodeId::FIRST), Just(NodeId::SECOND)]
}

fn stamp() -> impl Strategy<Value = Stamp> {
    (any::<u64>(), node()).prop_map(|(counter, node)| Stamp { counter, node })
}

fn settings() -> impl Strategy<Value = Stamped<NodeSettings>> {
    let mode = prop_oneof![Just(NodeMode::Online), Just(NodeMode::Standby)];
    (stamp(), mode).prop_map(|(stamp, mode)| Stamped { stamp, value: NodeSettings { mode } })
}

/// An end that has not come, on a whole millisecond: finer times do not travel.
fn end() -> impl Strategy<Value = Until> {
    (1_u64..10_000_000).prop_map(|ms| Until(Timestamp::from_millis(NOW.as_millis() + ms)))
}

fn claim() -> impl Strategy<Value = Claim> {
    prop_oneof![
        Just(Claim::None),
        Just(Claim::Owner),
        Just(Claim::Releasing),
        (node(), any::<u64>()).prop_map(|(to, number)| Claim::Released(Offer { to, number })),
    ]
}

fn readiness() -> impl Strategy<Value = Readiness> {
    prop_oneof![
        Just(Readiness::Unknown),
        Just(Readiness::Ready),
        ("[ -~\u{4e00}-\u{4e20}]{0,40}", any::<bool>())
            .prop_map(|(reason, network)| Readiness::NotReady { reason, network }),
    ]
}

fn state() -> impl Strategy<Value = GroupState> {
    prop_oneof![
        Just(GroupState::Unknown),
        Just(GroupState::Stopped),
        Just(GroupState::Starting),
        Just(GroupState::Running),
        Just(GroupState::Recovering),
        Just(GroupState::Stopping),
        Just(GroupState::Failed),
        Just(GroupState::StopFailed),
    ]
}

fn group() -> impl Strategy<Value = GroupAdvert> {
    let name = "[a-z][a-z0-9]{0,10}".prop_map(|n| GroupName::new(&n).unwrap());
    let epoch = (0_u64..9, node()).prop_map(|(n, node)| if n == 0 { Epoch::NEVER } else { Epoch { number: n, node } });
    let ends = (proptest::option::of(end()), proptest::option::of(end()), proptest::collection::vec(end(), 0..4));
    (name, epoch, claim(), state(), any::<(bool, bool, u64)>(), readiness(), stamp(), ends).prop_map(
        |(name, epoch, claim, state, (serving, failed, clear), ready, stamp, (frozen, maintenance, moves))| {
            GroupAdvert {
                name,
                epoch,
                claim,
                state,
                serving,
                ready,
                failed,
                settings: Stamped { stamp, value: GroupSettings { frozen, maintenance, clear, moves } },
            }
        },
    )
}

prop_compose! {
    fn advert()(
        node in node(), boot in any::<[u8; 16]>(), numbers in any::<(u64, u64, u64, u64)>(), config in any::<[u8; 8]>(),
        flags in any::<(bool, bool, bool)>(), nodes in (settings(), settings()),
        groups in proptest::collection::vec(group(), 0..5),
        asked in proptest::collection::vec((any::<(u64, u64)>(), "[a-z]{1,9}", node()), 0..3),
        done in proptest::collection::vec((any::<(u64, u64)>(), "[ -~]{0,60}"), 0..3),
    ) -> Advert {
        let (arbiter, seq, seen_run, seen) = numbers;
        Advert {
            node,
            boot: BootId(boot),
            arbiter: Incarnation(arbiter),
            seq,
            seen: (Incarnation(seen_run), seen),
            config: Digest(config),
            version: VERSION,
            booting: flags.0,
            leaving: flags.1,
            resd_alive: flags.2,
            nodes: [nodes.0, nodes.1],
            groups,
            requests: asked.into_iter().map(|((run, number), name, to)| Request {
                id: RequestId { node, arbiter: Incarnation(run), number },
                kind: RequestKind::Switchover { group: GroupName::new(&name).unwrap(), to },
                by: "root".to_owned(),
            }).collect(),
            done: done.into_iter().map(|((run, number), outcome)| {
                (RequestId { node: node.other(), arbiter: Incarnation(run), number }, outcome)
            }).collect(),
        }
    }
}

proptest! {
    /// B8: a whole state survives the wire, with its ends where they were.
    #[test]
    fn an_advert_survives_the_wire(advert in advert()) {
        let bytes = encode(&advert, NOW);
        prop_assert_eq!(decode(&bytes, NOW), Ok(advert));
    }

    /// FAULTS T6, X05: bytes of any kind are refused or understood, never a reason to stop.
    #[test]
    fn garbage_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(decode(&bytes, NOW));
    }

    /// FAULTS X05: the same for a good advert with damage in it.
    #[test]
    fn damage_is_survived(advert in advert(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut bytes = encode(&advert, NOW);
        let at = at.index(bytes.len());
        bytes[at] = with;
        drop(decode(&bytes, NOW));
    }
}

fn plain() -> pb::Advert {
    pb::Advert {
        version_major: 1,
        boot_id: vec![0; 16],
        config_digest: vec![0; 8],
        nodes: vec![pb::AdvertNode { mode: pb::NodeMode::Online.into(), ..Default::default() }; 2],
        groups: vec![pb::AdvertGroup {
            name: "web".to_owned(),
            claim: pb::Claim::None.into(),
            state: 1,
            ready: pb::AdvertReadiness::Ready.into(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Every bad field is named, and nothing of such an advert is used.
#[test]
fn each_bad_field_is_refused_by_name() {
    let refusal = |change: fn(&mut pb::Advert)| {
        let mut advert = plain();
        change(&mut advert);
        decode(&advert.encode_to_vec(), NOW).unwrap_err().to_string()
    };
    assert!(decode(&plain().encode_to_vec(), NOW).is_ok());
    assert!(refusal(|a| a.version_major = 2).contains("version 2.0"));
    assert!(refusal(|a| a.node = 2).contains("field node"));
    assert!(refusal(|a| a.boot_id.truncate(5)).contains("boot_id"));
    assert!(refusal(|a| a.nodes.truncate(1)).contains("a pair has two"));
    assert!(refusal(|a| a.nodes[1].mode = 77).contains("nodes.mode"));
    assert!(refusal(|a| a.groups[0].name = "../etc".to_owned()).contains("groups.name"));
    assert!(refusal(|a| a.groups[0].claim = 0).contains("groups.claim"));
    assert!(
        refusal(|a| {
            a.groups[0].ready = pb::AdvertReadiness::NotReady.into();
            a.groups[0].not_ready_reason = "x".repeat(121);
        })
        .contains("not_ready_reason")
    );
    assert!(refusal(|a| a.groups[0].frozen_left_ms = Some(u64::MAX)).contains("frozen_left_ms"));
    let too_long = vec![0; MAX_BYTES + 1];
    assert!(decode(&too_long, NOW).is_err());
}

/// A reason is cut between characters, so that the whole fits a serial line.
#[test]
fn a_long_reason_is_cut_between_characters() {
    let mut advert = decode(&plain().encode_to_vec(), NOW).unwrap();
    advert.groups[0].ready = Readiness::NotReady { reason: "网络".repeat(50), network: true };
    let back = decode(&encode(&advert, NOW), NOW).unwrap();
    let Readiness::NotReady { reason, network: true } = &back.groups[0].ready else { panic!("{back:?}") };
    assert_eq!(reason, &"网络".repeat(20));
}
