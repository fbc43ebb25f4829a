//! The frame on the wire and everything hostile: golden bytes, fuzzing, replay, reflection, floods, delay, versions.
mod common;

use common::{World, config, ms, seed, serial, tag, udp};
use heartbeat_core::{
    Authenticator, ConfigError, DecodeError, DropReason, Echo, Flags, Frame, HEADER_LEN, HeartbeatConfig,
    HeartbeatCore, Input, MAC_LEN, MAX_FRAME, Output, PathConfig, PathTag, Report, ReportState, decode,
};
use hotpair_types::{BootId, Digest, Incarnation, NodeId, PairId, PathCause, PathState, Timestamp};
use proptest::prelude::*;

fn sample(chunk: &[u8]) -> Frame<'_> {
    Frame {
        version: (1, 0),
        pair: PairId(*b"thispair"),
        sender: 1,
        flags: Flags(Flags::LEAVING),
        path: PathTag(0x1234),
        boot: BootId(*b"0123456789abcdef"),
        incarnation: Incarnation(0xaabb_ccdd_eeff_0011),
        sequence: 0x0102_0304_0506_0708,
        nonce: 0x1111_2222_3333_4444,
        path_echo: Some((0x55, 0x66)),
        config: Digest(*b"cfgcfgcf"),
        advert: Some((Digest(*b"advadvad"), 100)),
        confirmed: Some(Digest(*b"confconf")),
        chunk: (!chunk.is_empty()).then_some((7, chunk)),
        echoes: vec![Echo { incarnation: Incarnation(1), nonce: 2, age_us: 3 }],
        reports: vec![Report { path: PathTag(0x1234), state: ReportState(1), loss: 255 }],
    }
}

fn auth() -> Authenticator {
    Authenticator::new(&[7; 32]).unwrap()
}

/// The bytes on the wire are a promise to the other version (golden bytes). The tag was computed with another
/// implementation of HMAC-SHA256.
#[test]
fn golden_bytes() {
    let bytes = auth().seal(&sample(b"xyz"));
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let expected = concat!(
        "68704842",
        "01",
        "00",
        "006c",
        "7468697370616972",
        "01",
        "01",
        "1234",
        "30313233343536373839616263646566",
        "aabbccddeeff0011",
        "0102030405060708",
        "1111222233334444",
        "0000000000000055",
        "00000066",
        "6366676366676366",
        "6164766164766164",
        "00000064",
        "636f6e66636f6e66",
        "00000007",
        "0003",
        "01",
        "01",
        "0000000000000001",
        "0000000000000002",
        "0000000000000003",
        "1234",
        "01",
        "ff",
        "78797a",
    );
    let (body, mac) = hex.split_at(hex.len() - 2 * MAC_LEN);
    assert_eq!(body, expected);
    assert_eq!(mac, GOLDEN_TAG);
    assert_eq!(decode(&bytes).unwrap(), sample(b"xyz"));
    assert!(auth().verify(&bytes));
}

const GOLDEN_TAG: &str = "cdbe6ddcb872d96c2a1846bd3b0d536f";

/// A newer minor version may lengthen the header and add to the end: both are skipped. A newer major one is refused.
#[test]
fn newer_minor_fields_are_skipped_and_other_majors_refused() {
    let mut bytes = auth().seal(&sample(b"xyz"));
    bytes.truncate(bytes.len() - MAC_LEN);
    bytes[5] = 9;
    bytes[7] += 4;
    bytes.splice(HEADER_LEN..HEADER_LEN, [0xde, 0xad, 0xbe, 0xef]);
    bytes.extend_from_slice(&[0xff; 5 + MAC_LEN]);
    assert_eq!(decode(&bytes).unwrap(), Frame { version: (1, 9), ..sample(b"xyz") });
    bytes[4] = 2;
    assert_eq!(decode(&bytes), Err(DecodeError::Version(2)));
}

proptest! {
    /// FAULTS T6, X05: no bytes can panic the decoder, and what it accepts fits its own limits.
    #[test]
    fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(frame) = decode(&bytes) {
            prop_assert!(bytes.len() <= MAX_FRAME && frame.echoes.len() <= 4);
        }
    }

    /// The same with bytes that look almost right, and through a whole core (which checks its invariants).
    #[test]
    fn nearly_right_frames_never_panic(changes in proptest::collection::vec((0usize..200, any::<u8>()), 0..6), cut in 0usize..220) {
        let mut bytes = auth().seal(&sample(b"some advert bytes"));
        for (at, value) in changes {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        bytes.truncate(cut);
        // Sealed anew, so that the content is looked at and not only the tag.
        let body = bytes.get(..bytes.len().saturating_sub(MAC_LEN)).unwrap_or_default();
        if let Ok(frame) = decode(&bytes) {
            let sealed = auth().seal(&frame);
            prop_assert!(sealed.len() <= MAX_FRAME);
            let now = Timestamp::from_millis(5_000);
            let mut core = HeartbeatCore::new(config(NodeId::FIRST, &[udp("a")]), seed(1), now).unwrap();
            core.handle_input(Input::Frame { path: tag("a"), bytes: &sealed }, now);
            let moved = auth().seal(&Frame { path: tag("a"), sender: 1, pair: PairId(*b"thispair"), ..frame });
            core.handle_input(Input::Frame { path: tag("a"), bytes: &moved }, now);
            core.handle_timeout(now);
        }
        prop_assert!(body.len() <= 220);
    }
}

fn up() -> (PathState, PathCause) {
    (PathState::Up, PathCause::None)
}

/// FAULTS X02, W13: recorded frames of the same run, duplicates on the wire: counted, nothing else.
#[test]
fn replayed_and_duplicated_frames_change_nothing() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.wire(1, "b").duplicate = true;
    w.run(ms(2_000));
    assert!(w.path_view(0, "b").stats.replayed >= 10);
    let recorded: Vec<_> =
        w.sent.iter().filter(|(_, n, p, _)| (*n, *p) == (1, tag("a"))).map(|s| s.3.clone()).collect();
    w.nodes[1].alive = false;
    let before = w.path_view(0, "a").stats.received;
    for _ in 0..60 {
        for bytes in &recorded {
            w.inject(0, "a", bytes);
        }
        w.run(ms(10));
    }
    assert!(w.nodes[0].view.all_paths_down(), "a dead peer stays dead");
    assert!(w.path_view(0, "a").stats.received <= before + 20);
    assert!(w.dropped(0, DropReason::Replayed) > 1_000);
}

/// FAULTS T3, W14: frames of an earlier run of the peer, after it and I have restarted: never a sign of life.
#[test]
fn frames_of_an_earlier_run_prove_nothing() {
    let mut w = World::new(&[udp("a")]);
    w.run(ms(2_000));
    let recorded: Vec<_> = w.sent.iter().filter(|(_, n, ..)| *n == 1).map(|s| s.3.clone()).collect();
    w.nodes[1].alive = false;
    w.restart(0, 77);
    for bytes in recorded.iter().cycle().take(2_000) {
        w.inject(0, "a", bytes);
        w.run(ms(1));
    }
    assert_eq!(w.nodes[0].view.peer, None);
    assert_eq!(w.nodes[0].view.last_heard, None);
    assert_eq!(w.rx(0, "a").0, PathState::Down);
}

/// A restarted peer is recognised within round trips; a late frame of its old run cannot bring that back (W14).
#[test]
fn a_restarted_peer_replaces_its_old_run_at_once() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(2_030));
    let late = w.sent.iter().rev().find(|(_, n, p, _)| (*n, *p) == (1, tag("b"))).unwrap().3.clone();
    w.restart(1, 50);
    w.run(ms(2));
    assert_eq!(w.nodes[0].view.peer.as_ref().unwrap().incarnation, Incarnation(50));
    assert_eq!((w.rx(0, "a"), w.rx(1, "a")), (up(), up()));
    assert_eq!(w.path_view(0, "a").stats.down, 0);
    w.inject(0, "b", &late);
    assert_eq!(w.nodes[0].view.peer.as_ref().unwrap().incarnation, Incarnation(50));
    assert_eq!(w.dropped(0, DropReason::Replayed), 1);
}

/// FAULTS T2: a flood of candidates (old runs, replayed) buys few answers, bounded memory, and cannot keep the real
/// peer out.
#[test]
fn a_flood_of_candidates_is_harmless() {
    let mut w = World::new(&[udp("a")]);
    w.nodes[1].alive = false;
    w.run(ms(1_000));
    let sent = w.sent.len();
    for n in 0..2_000_u64 {
        let frame =
            Frame { path: tag("a"), incarnation: Incarnation(1_000 + n), sequence: 1, echoes: vec![], ..sample(b"") };
        w.inject(0, "a", &auth().seal(&frame));
    }
    assert!(w.sent.len() - sent <= 1, "no time has passed: at most one answer");
    assert_eq!(w.nodes[0].view.peer, None);
    w.restart(1, 9);
    for n in 0..500_u64 {
        let frame =
            Frame { path: tag("a"), incarnation: Incarnation(9_000 + n), sequence: 1, echoes: vec![], ..sample(b"") };
        w.inject(0, "a", &auth().seal(&frame));
        w.run(ms(2));
    }
    assert_eq!(w.rx(0, "a"), up());
    assert_eq!(w.nodes[0].view.peer.as_ref().unwrap().incarnation, Incarnation(9));
}

/// FAULTS W12: authentic frames that were held up for longer than the detection time are no sign of life.
#[test]
fn delayed_frames_do_not_keep_a_dead_peer_alive() {
    let mut w = World::new(&[udp("a")]);
    w.run(ms(1_000));
    w.wire(1, "a").delay = ms(400);
    w.run(ms(3_000));
    assert_eq!(w.rx(0, "a"), up(), "400 ms are within the 500 ms of detection");
    w.wire(1, "a").delay = ms(3_000);
    w.run(ms(10_000));
    assert_eq!(w.rx(0, "a"), (PathState::Down, PathCause::Stale));
    assert!(w.path_view(0, "a").stats.stale > 30);
    assert!(w.nodes[0].view.last_heard.unwrap() <= w.clock(0).before(ms(5_000)));
    w.wire(1, "a").delay = ms(1);
    w.run(ms(4_000));
    assert_eq!(w.rx(0, "a"), up());
}

/// FAULTS R08: own frames that come back are a fault of the line, not a peer.
#[test]
fn own_frames_are_not_a_peer() {
    let mut w = World::new(&[serial("s")]);
    w.nodes[1].alive = false;
    for _ in 0..20 {
        w.run(ms(200));
        let own = w.sent.iter().rev().find(|(_, n, ..)| *n == 0).unwrap().3.clone();
        w.inject(0, "s", &own);
    }
    assert_eq!(w.rx(0, "s"), (PathState::Down, PathCause::OwnEcho));
    assert!(w.nodes[0].view.peer.is_none() && w.dropped(0, DropReason::OwnEcho) >= 20);
}

/// FAULTS T1, X01: another key, another pair, another path, garbage: each a counter with a cause, no state changes.
#[test]
fn what_is_not_from_the_peer_is_counted_and_dropped() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(1_000));
    let genuine = w.sent.iter().rev().find(|(_, n, p, _)| (*n, *p) == (1, tag("a"))).unwrap().3.clone();
    let fresh = Frame { sequence: 1_000_000, ..decode(&genuine).unwrap() };
    let other_key = Authenticator::new(&[8; 32]).unwrap();
    let forged = [
        (other_key.seal(&fresh), DropReason::BadMac),
        (auth().seal(&Frame { pair: PairId(*b"otherone"), ..fresh.clone() }), DropReason::Foreign),
        (auth().seal(&Frame { path: tag("b"), ..fresh.clone() }), DropReason::WrongPath),
        (auth().seal(&Frame { echoes: vec![], ..fresh.clone() }), DropReason::Stale),
        (b"garbage".to_vec(), DropReason::Malformed),
        (vec![0x68; 512], DropReason::Malformed),
        (vec![0; 4_000], DropReason::Malformed),
        (genuine.clone(), DropReason::Replayed),
    ];
    let before = (w.nodes[0].view.last_heard, w.path_view(0, "a").stats.received);
    for (bytes, reason) in &forged {
        let already = w.dropped(0, *reason);
        w.inject(0, "a", bytes);
        assert_eq!(w.dropped(0, *reason), already + 1, "{reason:?}");
    }
    assert_eq!((w.nodes[0].view.last_heard, w.path_view(0, "a").stats.received), before);
    let mut newer = genuine.clone();
    newer[4] = 7;
    w.inject(0, "a", &newer);
    assert_eq!(w.dropped(0, DropReason::Version), 1);
    // Every single flipped bit is noticed.
    let whole = auth().seal(&fresh);
    for bit in 0..whole.len() * 8 {
        let mut broken = whole.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        assert!(!auth().verify(&broken), "bit {bit}");
    }
}

/// Two nodes with different keys have different pair ids: both say so instead of "never heard".
#[test]
fn a_wrong_key_shows_as_the_cause() {
    let mut w = World::new(&[udp("a")]);
    let now = w.clock(1);
    let stranger =
        HeartbeatConfig { pair: PairId(*b"stranger"), key: vec![9; 32].into(), ..config(NodeId::SECOND, &[udp("a")]) };
    w.nodes[1].core = HeartbeatCore::new(stranger, seed(2), now).unwrap();
    w.run(ms(2_000));
    assert_eq!(w.rx(0, "a"), (PathState::Down, PathCause::Unauthenticated));
    assert_eq!(w.rx(1, "a"), (PathState::Down, PathCause::Unauthenticated));
}

/// FAULTS W15: the sequence is 64 bits; near the end of its range nothing wraps and nothing is accepted twice.
#[test]
fn the_end_of_the_sequence_does_not_wrap() {
    let mut w = World::new(&[udp("a")]);
    w.run(ms(1_000));
    let genuine = w.sent.iter().rev().find(|(_, n, ..)| *n == 1).unwrap().3.clone();
    let last = auth().seal(&Frame { sequence: u64::MAX, ..decode(&genuine).unwrap() });
    w.inject(0, "a", &last);
    assert_eq!(w.dropped(0, DropReason::Replayed), 0);
    w.inject(0, "a", &last);
    w.inject(0, "a", &auth().seal(&Frame { sequence: 0, ..decode(&genuine).unwrap() }));
    assert_eq!(w.dropped(0, DropReason::Replayed), 2);
}

/// Leaving on purpose is told at once on every path, and forgotten when the next run comes.
#[test]
fn leaving_is_told_and_a_new_run_is_not_leaving() {
    let mut w = World::new(&[udp("a"), serial("s")]);
    w.run(ms(1_000));
    w.input(0, Input::Leave);
    w.nodes[0].alive = false;
    w.run(ms(1));
    assert!(w.nodes[1].view.peer.as_ref().unwrap().leaving);
    w.run(ms(2_000));
    assert!(w.nodes[1].view.all_paths_down() && w.nodes[1].view.peer.as_ref().unwrap().leaving);
    w.restart(0, 30);
    w.run(ms(300));
    assert!(!w.nodes[1].view.peer.as_ref().unwrap().leaving);
}

/// Changed paths are taken over while the peer stays known; identity cannot change; a bad change changes nothing.
#[test]
fn paths_can_change_while_running() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(1_000));
    let peer = w.nodes[0].view.peer.clone();
    let slower = PathConfig { interval: ms(200), ..udp("b") };
    let changed = config(NodeId::FIRST, &[udp("a"), slower]);
    w.input(0, Input::Reconfigure(changed));
    w.run(ms(160));
    assert_eq!(w.nodes[0].view.peer, peer);
    assert_eq!((w.rx(0, "a"), w.rx(0, "b")), (up(), up()));
    assert_eq!((w.path_view(0, "b").interval, w.rx(1, "b")), (ms(200), (PathState::Late, PathCause::Missed(1))));
    let now = w.clock(0);
    let core = &mut w.nodes[0].core;
    for (bad, error) in [
        (
            HeartbeatConfig { key: vec![1; 32].into(), ..config(NodeId::FIRST, &[udp("a")]) },
            ConfigError::IdentityChanged,
        ),
        (config(NodeId::FIRST, &[]), ConfigError::PathCount(0)),
    ] {
        core.handle_input(Input::Reconfigure(bad), now);
        assert_eq!(core.poll_output(), Some(Output::Refused(error)));
    }
    assert_eq!(core.view(now).paths.len(), 2);
    // A path that goes and comes back is heard again: its sequence numbers never start anew within a run.
    w.input(0, Input::Reconfigure(config(NodeId::FIRST, &[udp("a")])));
    w.run(ms(1_000));
    w.input(0, Input::Reconfigure(config(NodeId::FIRST, &[udp("a"), udp("b")])));
    w.run(ms(1_000));
    assert_eq!((w.rx(0, "b"), w.rx(1, "b")), (up(), up()));
}

/// Every relation the core relies on is checked before it runs.
#[test]
fn wrong_configurations_are_refused() {
    let refuse = |paths: &[PathConfig]| {
        HeartbeatCore::new(config(NodeId::FIRST, paths), seed(1), Timestamp::ZERO).map(|_| ()).unwrap_err().to_string()
    };
    assert!(refuse(&[]).contains("1 to 16"));
    assert!(refuse(&[udp("a"), udp("a")]).contains("two heartbeat paths are named `a`"));
    assert!(refuse(&[PathConfig { lost: 1, ..udp("a") }]).contains("`lost`"));
    assert!(refuse(&[PathConfig { good: 0, ..udp("a") }]).contains("`good`"));
    assert!(refuse(&[PathConfig { interval: ms(0), ..udp("a") }]).contains("interval"));
    assert!(refuse(&[PathConfig { max_frame: 100, ..udp("a") }]).contains("too short"));
    let key = HeartbeatConfig { key: vec![1; 16].into(), ..config(NodeId::FIRST, &[udp("a")]) };
    assert_eq!(
        HeartbeatCore::new(key, seed(1), Timestamp::ZERO).map(|_| ()).unwrap_err(),
        ConfigError::KeyTooShort(16)
    );
}
