//! Tests of the authority rewriting: each encoding, any fragmentation, arbitrary bytes.

use super::*;

/// Huffman code of some characters, for making inputs (RFC 7541 appendix B).
fn code(character: u8) -> (u32, u32) {
    match character {
        b'/' => (0x18, 6),
        b'a' => (0x3, 5),
        b'b' => (0x23, 6),
        b'h' => (0x27, 6),
        b'k' => (0x75, 7),
        b'.' => (0x17, 6),
        b'r' => (0x2c, 6),
        b'u' => (0x2d, 6),
        b'n' => (0x2a, 6),
        b'X' => (0xfc, 8),
        b'#' => (0xffa, 12),
        _ => panic!("no code in the test for {character}"),
    }
}

fn huffman(text: &str) -> Vec<u8> {
    let mut bits = String::new();
    for character in text.bytes() {
        let (code, length) = code(character);
        bits.push_str(&format!("{code:0width$b}", width = length as usize));
    }
    while !bits.len().is_multiple_of(8) {
        bits.push('1');
    }
    bits.as_bytes().chunks(8).map(|c| u8::from_str_radix(std::str::from_utf8(c).unwrap(), 2).unwrap()).collect()
}

fn string_literal(bytes: &[u8], compressed: bool) -> Vec<u8> {
    assert!(bytes.len() < 127);
    let mut out = vec![u8::try_from(bytes.len()).unwrap() | if compressed { 0x80 } else { 0 }];
    out.extend_from_slice(bytes);
    out
}

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut out = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
    out.extend_from_slice(payload);
    out
}

fn pass(input: &[u8], pieces: usize) -> Vec<u8> {
    let mut rewriter = AuthorityRewriter::default();
    let mut out = Vec::new();
    for piece in input.chunks(pieces) {
        rewriter.push(piece, &mut out);
    }
    rewriter.finish(&mut out);
    out
}

fn connection(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = PREFACE.to_vec();
    out.extend(frames.iter().flatten());
    out
}

/// The block before and after, as one HEADERS frame between a SETTINGS and a DATA frame.
fn rewritten(block: &[u8]) -> Vec<u8> {
    let input = connection(&[frame(4, 0, &[]), frame(1, 4, block), frame(0, 1, b":authority /x")]);
    let whole = pass(&input, input.len());
    for pieces in [1, 2, 3, 7, 24, 33] {
        assert_eq!(pass(&input, pieces), whole, "in pieces of {pieces}");
    }
    assert_eq!(whole.len(), input.len());
    let start = PREFACE.len() + FRAME_HEADER * 2;
    assert_eq!(whole[..start], input[..start]);
    assert_eq!(whole[start + block.len()..], input[start + block.len()..], "what follows is untouched");
    whole[start..start + block.len()].to_vec()
}

#[test]
fn a_plain_value_under_the_static_name_is_replaced_in_all_three_literal_forms() {
    for first in [0x41, 0x01, 0x11] {
        let mut block = vec![0x83, 0x86, first];
        block.extend(string_literal(b"/run/hotpair/hbd.sock", false));
        block.push(0x84);
        let out = rewritten(&block);
        assert_eq!(&out[4..25], b"aaaaaaaaaaaaaaaaaaaaa");
        assert_eq!((out[..4].to_vec(), out[25]), (block[..4].to_vec(), 0x84));
    }
}

#[test]
fn a_literal_name_plain_or_compressed_is_recognised_and_others_are_left_alone() {
    for (name, compressed) in [(NAME_PLAIN, false), (NAME_HUFFMAN, true)] {
        let mut block = vec![0x40];
        block.extend(string_literal(name, compressed));
        block.extend(string_literal(b"/a/b", false));
        assert!(rewritten(&block).ends_with(b"\x04aaaa"));
    }
    let mut block = vec![0x40];
    block.extend(string_literal(b"x-path", false));
    block.extend(string_literal(b"/a/b", false));
    block.push(0x44); // :path by its static index
    block.extend(string_literal(b"/grpc.health.v1.Health/Check", false));
    assert_eq!(rewritten(&block), block);
}

#[test]
fn a_compressed_value_keeps_its_bytes_characters_and_bits() {
    for text in ["/run/h.a", "a", "/", "k", "X", "XX", "aX/k", "/bbk", "kkkkkkkk", "/aaaaaaaaaaa"] {
        let encoded = huffman(text);
        let mut block = vec![0x41];
        block.extend(string_literal(&encoded, true));
        let out = rewritten(&block);
        let value = &out[2..];
        assert_eq!(huffman::measure(value), huffman::measure(&encoded), "{text}");
        assert_eq!(huffman::measure(value).unwrap().0, text.len());
        assert!(!text.contains('/') || value != encoded, "{text} was replaced");
    }
}

#[test]
fn a_compressed_value_that_is_invalid_or_incompressible_is_left_to_the_server() {
    for value in [huffman("###"), vec![0xff; 4], vec![0x00, 0x00]] {
        let mut block = vec![0x41];
        block.extend(string_literal(&value, true));
        assert_eq!(rewritten(&block), block);
    }
}

#[test]
fn padding_and_priority_are_stepped_over() {
    let mut payload = vec![3, 0, 0, 0, 0, 16, 0x41];
    payload.extend(string_literal(b"/a", false));
    payload.extend([0x41, 0x01, b'/']); // padding that looks like a field
    let input = connection(&[frame(1, 4 | FLAG_PADDED | FLAG_PRIORITY, &payload)]);
    let out = pass(&input, input.len());
    assert!(out.ends_with(&[0x41, 2, b'a', b'a', 0x41, 0x01, b'/']));
}

#[test]
fn what_is_not_http2_passes_unchanged() {
    for input in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PRI * HTTP/2.0\r\nXXXX", b"", b"P"] {
        assert_eq!(pass(input, 5), input);
    }
}

#[test]
fn a_frame_longer_than_allowed_is_not_held_back() {
    let mut rewriter = AuthorityRewriter::default();
    let mut out = Vec::new();
    rewriter.push(PREFACE, &mut out);
    rewriter.push(&[0xff, 0xff, 0xff, 1, 4, 0, 0, 0, 1, 0x41, 1, b'/'], &mut out);
    assert_eq!(out.len(), PREFACE.len() + 12);
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let length = self.next() % (most + 1);
        (0..length).map(|_| self.next().to_le_bytes()[3]).collect()
    }
}

/// Any local user can send anything: no panic, no byte lost or added, same result however it is cut up.
#[test]
fn arbitrary_bytes_keep_their_number_and_do_not_depend_on_fragmentation() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..20_000 {
        let mut input = if round % 8 == 0 { Vec::new() } else { PREFACE.to_vec() };
        for _ in 0..random.next() % 4 {
            let mut payload = random.bytes(60);
            if random.next().is_multiple_of(2) {
                // Lean towards what the parser looks at: literals under the static and the literal name.
                let value = random.bytes(20);
                payload.push([0x41, 0x01, 0x11, 0x40][(random.next() % 4) as usize]);
                payload.extend(string_literal(&value, random.next().is_multiple_of(2)));
            }
            let kind = if random.next().is_multiple_of(4) { (random.next() % 10) as u8 } else { TYPE_HEADERS };
            input.extend(frame(kind, random.next() as u8, &payload));
        }
        let cut = random.next() as usize % (input.len() + 1);
        if random.next().is_multiple_of(4) {
            input.truncate(cut);
        }
        let whole = pass(&input, input.len().max(1));
        assert_eq!(whole.len(), input.len());
        assert_eq!(pass(&input, 1 + random.next() as usize % 40), whole);
    }
}

/// Every compressed text the code can express keeps its measure, so that both dynamic tables stay the same size.
#[test]
fn random_compressed_texts_keep_their_measure() {
    let mut random = Random(7);
    let alphabet = b"/abhk.runX#";
    for _ in 0..20_000 {
        let length = random.next() % 40;
        let text: String = (0..length).map(|_| char::from(alphabet[random.next() as usize % alphabet.len()])).collect();
        let before = huffman(&text);
        let mut after = before.clone();
        huffman::overwrite(&mut after);
        assert_eq!(huffman::measure(&after), huffman::measure(&before), "{text}");
        assert_eq!(huffman::measure(&before).map(|m| m.0), Some(text.len()));
    }
}

#[tokio::test]
async fn the_stream_delivers_everything_and_then_the_end() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (mut client, server) = tokio::io::duplex(16);
    let mut block = vec![0x41];
    block.extend(string_literal(b"/run/hbd.sock", false));
    let mut input = connection(&[frame(1, 4, &block)]);
    input.extend([0, 0, 50, 1, 4, 0, 0]); // ends within a frame
    let expected = pass(&input, 1);
    let send = tokio::spawn(async move {
        client.write_all(&input).await.unwrap();
    });
    let mut out = Vec::new();
    AuthorityStream::new(server).read_to_end(&mut out).await.unwrap();
    send.await.unwrap();
    assert_eq!(out, expected);
}
