//! Makes Unix-socket clients acceptable to the HTTP/2 server: replaces the `:authority` of their requests.
//!
//! grpcurl and the gRPC libraries on C-core (Python and others) send the socket's path as `:authority`. That is no
//! valid authority, so the h2 crate resets their streams. On a Unix socket the authority carries no information, so
//! [`AuthorityRewriter`] overwrites its value with a valid one **of the same encoded and decoded length**: neither
//! frame lengths nor the sizes in the HPACK dynamic table (RFC 7541 section 4.1) change, so the client's compression
//! state stays in step with the server's.
//!
//! Bytes come from any local user: nothing here panics, and at most one HEADERS frame (16 KiB) is held back.
//! What is not understood passes unchanged, for the HTTP/2 server to judge. Not covered: an authority that lies in a
//! CONTINUATION frame, or one whose *name* is taken from the dynamic table with a new value; no client does either.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER: usize = 9;
/// SETTINGS_MAX_FRAME_SIZE as the server announces it (the default): longer frames are refused by it anyway.
const MAX_FRAME: usize = 16_384;
const TYPE_HEADERS: u8 = 1;
const FLAG_PADDED: u8 = 0x08;
const FLAG_PRIORITY: u8 = 0x20;
/// Index of `:authority` in the static table (RFC 7541 appendix A).
const STATIC_AUTHORITY: u32 = 1;
const NAME_PLAIN: &[u8] = b":authority";
const NAME_HUFFMAN: &[u8] = &[0xb8, 0x3b, 0x53, 0x39, 0xec, 0x32, 0x7d, 0x7f];

/// The transformation itself, free of IO: bytes in, bytes out, same number over time.
#[derive(Debug)]
pub struct AuthorityRewriter {
    state: State,
    held: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// So many bytes of the connection preface have passed.
    Preface(usize),
    /// Collecting the nine bytes of a frame header.
    FrameHeader,
    /// Collecting a HEADERS frame of this total length.
    Headers(usize),
    /// So many bytes of another frame are still to pass.
    Skip(usize),
    /// Not HTTP/2: everything passes.
    Foreign,
}

impl Default for AuthorityRewriter {
    fn default() -> Self {
        Self { state: State::Preface(0), held: Vec::new() }
    }
}

impl AuthorityRewriter {
    /// Takes what was received and appends what may go on to `out`.
    pub fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        while !input.is_empty() {
            input = match self.state {
                State::Preface(passed) => self.preface(passed, input, out),
                State::FrameHeader => self.frame_header(input, out),
                State::Headers(total) => self.headers(total, input, out),
                State::Skip(left) => {
                    let (now, rest) = input.split_at(left.min(input.len()));
                    out.extend_from_slice(now);
                    let left = left - now.len();
                    self.state = if left == 0 { State::FrameHeader } else { State::Skip(left) };
                    rest
                }
                State::Foreign => {
                    out.extend_from_slice(input);
                    &[]
                }
            };
        }
    }

    /// The sender has closed: gives up what is still held back.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        self.state = State::Foreign;
    }

    fn preface<'a>(&mut self, passed: usize, input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let expected = PREFACE.get(passed..).unwrap_or_default();
        let (now, rest) = input.split_at(expected.len().min(input.len()));
        out.extend_from_slice(now);
        let passed = passed + now.len();
        self.state = if !expected.starts_with(now) {
            State::Foreign
        } else if passed == PREFACE.len() {
            State::FrameHeader
        } else {
            State::Preface(passed)
        };
        rest
    }

    fn frame_header<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let missing = FRAME_HEADER.saturating_sub(self.held.len());
        let (now, rest) = input.split_at(missing.min(input.len()));
        self.held.extend_from_slice(now);
        if let [high, middle, low, kind, ..] = *self.held.as_slice()
            && self.held.len() == FRAME_HEADER
        {
            let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            if kind == TYPE_HEADERS && (1..=MAX_FRAME).contains(&length) {
                self.state = State::Headers(FRAME_HEADER + length);
            } else {
                out.append(&mut self.held);
                self.state = if length == 0 { State::FrameHeader } else { State::Skip(length) };
            }
        }
        rest
    }

    fn headers<'a>(&mut self, total: usize, input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let missing = total.saturating_sub(self.held.len());
        let (now, rest) = input.split_at(missing.min(input.len()));
        self.held.extend_from_slice(now);
        if self.held.len() >= total {
            rewrite_headers_frame(&mut self.held);
            out.append(&mut self.held);
            self.state = State::FrameHeader;
        }
        rest
    }
}

/// Overwrites every literal `:authority` value of one whole HEADERS frame (header included).
fn rewrite_headers_frame(frame: &mut [u8]) {
    let Some(flags) = frame.get(4).copied() else {
        return;
    };
    let mut start = FRAME_HEADER;
    let mut end = frame.len();
    if flags & FLAG_PADDED != 0 {
        let Some(padding) = frame.get(start).copied() else {
            return;
        };
        start += 1;
        end = end.saturating_sub(usize::from(padding));
    }
    if flags & FLAG_PRIORITY != 0 {
        start += 5;
    }
    if let Some(block) = frame.get_mut(start..end) {
        rewrite_block(block);
    }
}

/// Walks the representations of a header block (RFC 7541 section 6); stops at the first it does not understand.
fn rewrite_block(block: &mut [u8]) {
    let mut at = 0;
    while let Some(&first) = block.get(at) {
        let prefix = match first {
            0x80.. => 7,
            0x40.. => 6,
            0x20.. => 5,
            _ => 4,
        };
        let Some(index) = integer(block, &mut at, prefix) else {
            return;
        };
        if prefix == 7 || prefix == 5 {
            continue; // An indexed field or a table size update: no literal.
        }
        let is_authority = if index == 0 {
            let Some(name) = string(block, &mut at) else {
                return;
            };
            block.get(name.range).is_some_and(|text| text == if name.huffman { NAME_HUFFMAN } else { NAME_PLAIN })
        } else {
            index == STATIC_AUTHORITY
        };
        let Some(value) = string(block, &mut at) else {
            return;
        };
        if is_authority && let Some(text) = block.get_mut(value.range) {
            if value.huffman {
                huffman::overwrite(text);
            } else {
                text.fill(b'a');
            }
        }
    }
}

struct Literal {
    range: Range<usize>,
    huffman: bool,
}

/// An integer with a prefix of `prefix` bits (RFC 7541 section 5.1); moves `at` behind it.
fn integer(block: &[u8], at: &mut usize, prefix: u32) -> Option<u32> {
    let mask = (1_u32 << prefix) - 1;
    let mut value = u32::from(*block.get(*at)?) & mask;
    *at += 1;
    if value < mask {
        return Some(value);
    }
    for shift in [0, 7, 14, 21] {
        let byte = u32::from(*block.get(*at)?);
        *at += 1;
        value = value.checked_add((byte & 0x7f) << shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A string literal (RFC 7541 section 5.2) that lies wholly in the block; moves `at` behind it.
fn string(block: &[u8], at: &mut usize) -> Option<Literal> {
    let huffman = block.get(*at)? & 0x80 != 0;
    let length = usize::try_from(integer(block, at, 7)?).ok()?;
    let end = at.checked_add(length).filter(|end| *end <= block.len())?;
    let range = *at..end;
    *at = end;
    Some(Literal { range, huffman })
}

/// HPACK's Huffman code, as far as it is needed to replace a string by one of the same lengths.
mod huffman {
    /// How many symbols have a code of so many bits (RFC 7541 appendix B). The code is canonical, so this is all that
    /// is needed to find where each symbol ends.
    const CODES_OF_LENGTH: [u32; 31] =
        [0, 0, 0, 0, 0, 10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4];
    /// Codes of `a`, `3`, `B` and `X`, which are 5, 6, 7 and 8 bits long and all valid in an authority.
    const FILL: [(u32, u32); 4] = [(0x03, 5), (0x19, 6), (0x5d, 7), (0xfc, 8)];

    /// Symbols and bits of an encoded string; `None` if it is not valid.
    pub(super) fn measure(text: &[u8]) -> Option<(usize, usize)> {
        let (mut code, mut first, mut length) = (0_u32, 0_u32, 0_usize);
        let (mut symbols, mut bits) = (0, 0);
        for bit in text.iter().flat_map(|byte| (0..8).rev().map(move |shift| u32::from(byte >> shift & 1))) {
            length += 1;
            code = code << 1 | bit;
            first <<= 1;
            let count = *CODES_OF_LENGTH.get(length)?;
            if code - first < count {
                if length == 30 && code == (1 << 30) - 1 {
                    return None; // End of string must not be encoded.
                }
                symbols += 1;
                bits += length;
                (code, first, length) = (0, 0, 0);
            } else {
                first += count;
            }
        }
        // What remains is padding: fewer than eight bits, all ones.
        (length < 8 && code == (1 << length) - 1).then_some((symbols, bits))
    }

    /// Replaces the text by valid characters, as many as before, in as many bits as before. Leaves it alone if it is
    /// invalid or averages more than eight bits a character, which no encoder would send compressed.
    pub(super) fn overwrite(text: &mut [u8]) {
        let Some((symbols, bits)) = measure(text) else {
            return;
        };
        let Some(mut spare) = bits.checked_sub(5 * symbols).filter(|spare| *spare <= 3 * symbols) else {
            return;
        };
        text.fill(0xff); // The padding.
        let mut at = 0;
        for _ in 0..symbols {
            let extra = spare.min(3);
            spare -= extra;
            let (code, length) = FILL.get(extra).copied().unwrap_or((0x03, 5));
            for shift in (0..length).rev() {
                let mask = 0x80_u8 >> (at % 8);
                if let Some(byte) = text.get_mut(at / 8) {
                    if code >> shift & 1 == 1 { *byte |= mask } else { *byte &= !mask }
                }
                at += 1;
            }
        }
    }
}

/// A stream whose reading side passes through an [`AuthorityRewriter`]; writing is untouched.
#[derive(Debug)]
pub struct AuthorityStream<S> {
    inner: S,
    rewriter: AuthorityRewriter,
    /// Rewritten bytes not yet taken by the reader, from `taken` on.
    ready: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl<S> AuthorityStream<S> {
    /// Wraps an accepted connection of which nothing has been read yet.
    pub fn new(inner: S) -> Self {
        Self { inner, rewriter: AuthorityRewriter::default(), ready: Vec::new(), taken: 0, ended: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for AuthorityStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let waiting = this.ready.get(this.taken..).unwrap_or_default();
            if !waiting.is_empty() || buf.remaining() == 0 {
                let now = waiting.len().min(buf.remaining());
                buf.put_slice(waiting.get(..now).unwrap_or_default());
                this.taken += now;
                return Poll::Ready(Ok(()));
            }
            this.ready.clear();
            this.taken = 0;
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            let mut chunk = [0_u8; 4_096];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                this.ended = true;
                this.rewriter.finish(&mut this.ready);
            } else {
                this.rewriter.push(chunk.filled(), &mut this.ready);
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for AuthorityStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
