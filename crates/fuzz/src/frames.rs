//! The heartbeat frame, the core that takes it, and the serial line it may come over.

use crc::{CRC_32_ISCSI, Crc};
use heartbeat_core::disk::{AREA, BLOCK, Owner, PeerSlot, Place, SlotReader, SlotWriter};
use heartbeat_core::serial_framing::{Deframer, Received, encode};
use heartbeat_core::{
    Authenticator, HeartbeatConfig, HeartbeatCore, Input, LinkState, MAC_LEN, MAX_FRAME, Output, PathConfig, PathTag,
    Seed, decode,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use hotpair_types::{BootId, Digest, Incarnation, Medium, NodeId, PairId, PathName, Timestamp};
use sha2::Sha256;
use std::time::Duration;

const KEY: [u8; 32] = [7; 32];
const CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// A frame: what decodes encodes to bytes that decode to the same, and only the right tag is accepted.
pub fn frame(data: &[u8]) {
    let auth = Authenticator::new(&KEY).expect("any length will do");
    let _ = auth.verify(data);
    let Ok(frame) = decode(data) else { return };
    let sealed = auth.seal(&frame);
    assert!(auth.verify(&sealed), "a sealed frame is genuine");
    let again = decode(&sealed).expect("a sealed frame decodes");
    // What a newer minor version wrote comes back as this version's.
    let same = heartbeat_core::Frame { version: again.version, ..frame };
    assert_eq!(again, same, "a frame survives the wire");
    let mut flipped = sealed.clone();
    if let Some(byte) = flipped.get_mut(data.len() % sealed.len().max(1)) {
        *byte ^= 1 << (data.len() % 8);
        assert!(!auth.verify(&flipped), "a flipped bit is noticed");
    }
}

fn tagged(body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).expect("any length will do");
    mac.update(body);
    let full = mac.finalize().into_bytes();
    [body, full.get(..MAC_LEN).unwrap_or_default()].concat()
}

fn core() -> HeartbeatCore {
    let path = |name: &str, medium, byte_budget| PathConfig {
        name: PathName::new(name).expect("a name"),
        medium,
        interval: Duration::from_millis(100),
        lost: 5,
        good: 3,
        priority: 1,
        max_frame: 512,
        byte_budget,
    };
    let config = HeartbeatConfig {
        node: NodeId::FIRST,
        pair: PairId(*b"thispair"),
        key: KEY.to_vec().into(),
        digest: Digest([9; 8]),
        paths: vec![path("lan", Medium::Udp, None), path("line", Medium::Serial, Some(5_760))],
    };
    let seed = Seed { incarnation: Incarnation(1), boot: BootId([1; 16]) };
    HeartbeatCore::new(config, seed, Timestamp::from_millis(1_000)).expect("a good configuration")
}

/// A story told to a whole core: frames with a right tag, links that come and go, time that passes. It never panics, it never
/// wants to be woken at once for ever, and what it sends is genuine.
pub fn heartbeats(data: &[u8]) {
    let mut core = core();
    let auth = Authenticator::new(&KEY).expect("any length will do");
    let tags = ["lan", "line"].map(|n| PathTag::of(&PathName::new(n).expect("a name")));
    let mut now = Timestamp::from_millis(1_000);
    // Answers to its own questions make a story go on: the newest own nonce may be quoted.
    let mut newest: Option<Vec<u8>> = None;
    let mut rest = data;
    let mut steps = 0;
    while let Some((&head, tail)) = rest.split_first().filter(|_| steps < 64) {
        steps += 1;
        let path = tags[usize::from(head & 1)];
        // One byte says how many pairs of bytes follow.
        let (&pairs, tail) = tail.split_first().unwrap_or((&0, &[]));
        let (body, after) = tail.split_at((usize::from(pairs) * 2).min(tail.len()));
        rest = after;
        match (head >> 1) & 7 {
            0 => core.handle_input(Input::Frame { path, bytes: body }, now),
            1 | 2 => core.handle_input(Input::Frame { path, bytes: &tagged(body) }, now),
            3 => {
                // The own last frame, with some bytes of it changed, and the tag right: the peer's voice, or an echo.
                if let Some(mut bytes) = newest.clone() {
                    bytes.truncate(bytes.len().saturating_sub(MAC_LEN));
                    for pair in body.chunks_exact(2) {
                        let at = usize::from(pair[0]) % bytes.len().max(1);
                        if let Some(byte) = bytes.get_mut(at) {
                            *byte = pair[1];
                        }
                    }
                    core.handle_input(Input::Frame { path, bytes: &tagged(&bytes) }, now);
                }
            }
            4 => {
                let text = || String::from_utf8_lossy(body).into_owned();
                let state = match head >> 4 {
                    0..4 => LinkState::Working,
                    4..8 => LinkState::NoCarrier,
                    8..12 => LinkState::DeviceMissing(text()),
                    _ => LinkState::IoError(text()),
                };
                core.handle_input(Input::Link { path, state }, now);
            }
            5 => now = now.after(Duration::from_secs(u64::from(body.first().copied().unwrap_or(1)))),
            6 => core.handle_input(Input::Advert { bytes: body.to_vec(), stale: head & 0x10 != 0 }, now),
            _ => now = now.after(Duration::from_millis(u64::from(body.first().copied().unwrap_or(10)))),
        }
        settle(&mut core, &auth, now, &mut newest);
    }
}

fn settle(core: &mut HeartbeatCore, auth: &Authenticator, now: Timestamp, newest: &mut Option<Vec<u8>>) {
    core.handle_timeout(now);
    while let Some(output) = core.poll_output() {
        if let Output::Send { bytes, .. } = output {
            assert!(bytes.len() <= MAX_FRAME, "a frame has its size");
            assert!(auth.verify(&bytes), "what is sent is genuine");
            assert!(decode(&bytes).is_ok(), "what is sent decodes");
            *newest = Some(bytes);
        }
    }
    assert!(core.poll_timeout().is_none_or(|next| next > now), "the next deadline lies ahead");
}

/// Bytes of a serial line in pieces of any size; and a frame between any noise is found.
pub fn serial(data: &[u8]) {
    let mut whole = Vec::new();
    Deframer::default().feed(data, |r| whole.push(r));
    let mut pieces = Vec::new();
    let mut deframer = Deframer::default();
    let size = usize::from(data.first().copied().unwrap_or(1)).max(1);
    for piece in data.chunks(size) {
        deframer.feed(piece, |r| pieces.push(r));
    }
    assert_eq!(whole, pieces, "how the bytes are cut does not matter");
    let frame = data.get(..data.len().min(MAX_FRAME)).unwrap_or_default();
    let mut found = Vec::new();
    deframer.feed(&encode(frame), |r| found.push(r));
    assert_eq!(found.last(), Some(&Received::Frame(frame.to_vec())), "the next delimiter starts afresh");
}

fn place(node: NodeId) -> Place {
    let path = PathTag::of(&PathName::new("disk").expect("a name"));
    Place { pair: PairId(*b"thispair"), pair_name: "shop".to_owned(), node, path }
}

/// The area of a disk path: raw, with right checksums, and with the peer's slot well written: what was written is read, once.
pub fn disk(data: &[u8]) {
    let mut area = vec![0; AREA];
    for (to, from) in area.iter_mut().zip(data) {
        *to = *from;
    }
    let mut reader = SlotReader::new(place(NodeId::FIRST));
    look(&mut reader, &area);
    for block in area.chunks_exact_mut(BLOCK) {
        let (bytes, sum) = block.split_at_mut(BLOCK - 4);
        sum.copy_from_slice(&CASTAGNOLI.checksum(bytes).to_be_bytes());
    }
    look(&mut reader, &area);
    let frame = data.get(..data.len().min(MAX_FRAME)).filter(|f| !f.is_empty()).unwrap_or(b"frame").to_vec();
    let mut writer = SlotWriter::new(place(NodeId::SECOND), Incarnation(77));
    assert!(writer.push(&frame), "an empty slot has room");
    let (at, block) = (place(NodeId::SECOND).own_slot(), writer.take());
    for (to, from) in area.iter_mut().skip(at).zip(block) {
        *to = from;
    }
    let mut fresh = SlotReader::new(place(NodeId::FIRST));
    assert_eq!(fresh.read(&area), PeerSlot::Frames(vec![frame]), "what was written is read");
    assert_eq!(fresh.read(&area), PeerSlot::Silent, "and is news once");
}

fn look(reader: &mut SlotReader, area: &[u8]) {
    if let Owner::Foreign(what) = place(NodeId::FIRST).owner(area) {
        assert!(!what.is_empty(), "a refusal says why");
    }
    for _ in 0..4 {
        if let PeerSlot::Damaged { what, .. } = reader.read(area) {
            assert!(!what.is_empty(), "damage is named");
        }
    }
}
