//! The heartbeat frame, version 1.0: a fixed header, three counted lists, a keyed tag. Big-endian, at most 512 bytes,
//! never fragmented.
//!
//! ```text
//!   0  4  magic "hpHB"              60  8  path echo: nonce last heard on this path (0: none)
//!   4  1  major version             68  4  path echo: µs since it was heard
//!   5  1  minor version             72  8  digest of the sender's configuration
//!   6  2  header length             80  8  digest of the sender's advert (length 0: has none)
//!   8  8  pair id                   88  4  length of the sender's advert
//!  16  1  sender (node number)      92  8  digest of the receiver's advert that the sender holds whole (0: none)
//!  17  1  flags                    100  4  advert chunk: offset
//!  18  2  path tag                 104  2  advert chunk: length (0: none in this frame)
//!  20 16  boot id of the sender    106  1  number of echoes, at most 4
//!  36  8  incarnation              107  1  number of reports, at most 16
//!  44  8  sequence, per path       108     end of the header of version 1.0
//!  52  8  nonce: sender's clock (ns)
//!
//!  then  echoes   24 each: incarnation heard, newest nonce heard from it on any path, µs since it was heard
//!        reports   4 each: path tag, receive state, loss in percent (255: unknown)
//!        chunk     as long as said
//!        …         whatever a newer minor version adds; skipped
//!        tag      16: HMAC-SHA256 over everything before, first 128 bits
//! ```
//!
//! A newer minor version may lengthen the header (the header length tells) and add to the end; a newer major version
//! may change anything behind the first six bytes and is refused.
//!
//! One algorithm, one tag length, nothing an attacker may choose (FAULTS T5, T6).

use crate::config::{MAX_ADVERT, MAX_PATHS, PathTag};
use alloc::vec::Vec;
use hmac::{Hmac, KeyInit, Mac};
use hotpair_types::{BootId, Digest, Incarnation, NodeId, PairId, PathState};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// First bytes of every frame.
pub const MAGIC: [u8; 4] = *b"hpHB";
/// Version spoken, (major, minor).
pub const VERSION: (u8, u8) = (1, 0);
/// Longest frame.
pub const MAX_FRAME: usize = 512;
/// Length of the keyed tag.
pub const MAC_LEN: usize = 16;
/// Length of the fixed header of version 1.0.
pub const HEADER_LEN: usize = 108;
/// Most echoes in a frame: one session and three candidates.
pub const MAX_ECHOES: usize = 4;
/// Length of an echo.
pub(crate) const ECHO_LEN: usize = 24;
const REPORT_LEN: usize = 4;

/// Length of a frame with so much in it.
pub(crate) const fn length(echoes: usize, reports: usize, chunk: usize) -> usize {
    HEADER_LEN
        .saturating_add(ECHO_LEN.saturating_mul(echoes))
        .saturating_add(REPORT_LEN.saturating_mul(reports))
        .saturating_add(chunk)
        .saturating_add(MAC_LEN)
}

/// Flag bits. Unknown ones are ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// The sender's hbd stops on purpose.
    pub const LEAVING: u8 = 1;
    /// The sender's arbiter has not confirmed its advert lately.
    pub const ADVERT_STALE: u8 = 2;
    /// The sender has not yet heard a proven sign of life of the receiver.
    pub const STARTING: u8 = 4;

    /// True if the bit is set.
    pub const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// "I heard this run of you; the newest nonce I know of it is so old."
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Echo {
    /// Which run.
    pub incarnation: Incarnation,
    /// Its newest nonce, over all paths.
    pub nonce: u64,
    /// Microseconds from hearing it to sending this.
    pub age_us: u64,
}

/// What the sender thinks of its receive direction on a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// Which path.
    pub path: PathTag,
    /// Its state.
    pub state: ReportState,
    /// Percent of the last 64 frames that are missing; 255: unknown.
    pub loss: u8,
}

/// [`PathState`] on the wire, with room for what a newer version may say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportState(pub u8);

impl From<PathState> for ReportState {
    fn from(state: PathState) -> Self {
        Self(match state {
            PathState::Unknown => 0,
            PathState::Up => 1,
            PathState::Late => 2,
            PathState::Down => 3,
        })
    }
}

impl From<ReportState> for PathState {
    fn from(state: ReportState) -> Self {
        match state.0 {
            1 => Self::Up,
            2 => Self::Late,
            3 => Self::Down,
            _ => Self::Unknown,
        }
    }
}

/// A frame, decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// Version of the sender; encoding always writes [`VERSION`].
    pub version: (u8, u8),
    /// The pair.
    pub pair: PairId,
    /// Node number of the sender.
    pub sender: u8,
    /// Flags.
    pub flags: Flags,
    /// The path it was sent on.
    pub path: PathTag,
    /// The sender's boot.
    pub boot: BootId,
    /// The sender's run.
    pub incarnation: Incarnation,
    /// Counts the frames of this run on this path, from 1.
    pub sequence: u64,
    /// The sender's clock at sending.
    pub nonce: u64,
    /// Nonce last heard on this path, and the microseconds since.
    pub path_echo: Option<(u64, u32)>,
    /// Digest of the sender's configuration.
    pub config: Digest,
    /// Digest and length of the sender's advert.
    pub advert: Option<(Digest, u32)>,
    /// The receiver's advert that the sender holds whole.
    pub confirmed: Option<Digest>,
    /// A piece of the advert: offset and bytes. Only together with `advert`, and inside its length.
    pub chunk: Option<(u32, &'a [u8])>,
    /// Runs of the receiver that were heard.
    pub echoes: Vec<Echo>,
    /// Receive states.
    pub reports: Vec<Report>,
}

/// Why bytes are not a frame for us. Nothing here has looked at more than it had to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// Too short, too long or inconsistent lengths.
    #[error("not a frame: its lengths do not fit together")]
    Length,
    /// Not ours at all.
    #[error("not a frame: wrong magic number")]
    Magic,
    /// Another major version.
    #[error("protocol version {0} is not supported")]
    Version(u8),
    /// A count or value out of its range.
    #[error("not a frame: a field is out of range")]
    Field,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn slice(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Length)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.slice(N)?.try_into().map_err(|_| DecodeError::Length)
    }

    fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array()?))
    }
}

/// Reads a frame without looking at its keyed tag. Never panics, whatever the bytes.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(bytes: &[u8]) -> Result<Frame<'_>, DecodeError> {
    decode_with(bytes, Lists::default())
}

/// Memory of a frame's lists, used again and again: on a quiet pair frames are all there is to do.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    pub echoes: Vec<Echo>,
    pub reports: Vec<Report>,
}

impl Lists {
    /// Those of a frame that is done with.
    pub fn of(frame: Frame<'_>) -> Self {
        Self { echoes: frame.echoes, reports: frame.reports }
    }
}

/// [`decode`] into memory that is there already; what it holds is overwritten.
pub(crate) fn decode_with(bytes: &[u8], lists: Lists) -> Result<Frame<'_>, DecodeError> {
    let Lists { mut echoes, mut reports } = lists;
    if bytes.len() > MAX_FRAME {
        return Err(DecodeError::Length);
    }
    let (body, _tag) = split_tag(bytes).ok_or(DecodeError::Length)?;
    let mut r = Reader(body);
    if r.array()? != MAGIC {
        return Err(DecodeError::Magic);
    }
    let version = (r.u8()?, r.u8()?);
    if version.0 != VERSION.0 {
        return Err(DecodeError::Version(version.0));
    }
    let header_len = usize::from(r.u16()?);
    let newer_fields = header_len.checked_sub(HEADER_LEN).ok_or(DecodeError::Length)?;
    let pair = PairId(r.array()?);
    let sender = r.u8()?;
    let flags = Flags(r.u8()?);
    let path = PathTag(r.u16()?);
    let boot = BootId(r.array()?);
    let incarnation = Incarnation(r.u64()?);
    let sequence = r.u64()?;
    let nonce = r.u64()?;
    let path_echo = (r.u64()?, r.u32()?);
    let config = Digest(r.array()?);
    let advert = (Digest(r.array()?), r.u32()?);
    let confirmed = Digest(r.array()?);
    let (chunk_offset, chunk_len) = (r.u32()?, r.u16()?);
    let (echo_count, report_count) = (usize::from(r.u8()?), usize::from(r.u8()?));
    if NodeId::try_from(sender).is_err() || incarnation.0 == 0 || echo_count > MAX_ECHOES || report_count > MAX_PATHS {
        return Err(DecodeError::Field);
    }
    r.slice(newer_fields)?;
    echoes.clear();
    for _ in 0..echo_count {
        echoes.push(Echo { incarnation: Incarnation(r.u64()?), nonce: r.u64()?, age_us: r.u64()? });
    }
    reports.clear();
    for _ in 0..report_count {
        reports.push(Report { path: PathTag(r.u16()?), state: ReportState(r.u8()?), loss: r.u8()? });
    }
    let chunk = r.slice(usize::from(chunk_len))?;
    check_chunk(advert.1, chunk_offset, chunk_len)?;
    Ok(Frame {
        version,
        pair,
        sender,
        flags,
        path,
        boot,
        incarnation,
        sequence,
        nonce,
        path_echo: (path_echo.0 != 0).then_some(path_echo),
        config,
        advert: (advert.1 != 0).then_some(advert),
        confirmed: (confirmed != Digest::default()).then_some(confirmed),
        chunk: (chunk_len != 0).then_some((chunk_offset, chunk)),
        echoes,
        reports,
    })
}

fn check_chunk(advert_len: u32, offset: u32, len: u16) -> Result<(), DecodeError> {
    let end = offset.checked_add(u32::from(len)).ok_or(DecodeError::Field)?;
    let fits = usize::try_from(advert_len).is_ok_and(|l| l <= MAX_ADVERT) && (len == 0 || end <= advert_len);
    if fits { Ok(()) } else { Err(DecodeError::Field) }
}

fn split_tag(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(bytes.len().checked_sub(MAC_LEN)?)
}

/// Makes the tag of a frame's body.
pub type TagFunction = fn(&[u8]) -> [u8; MAC_LEN];

/// The pair's key, ready for use.
#[derive(Clone)]
pub struct Authenticator(Tagger);

#[derive(Clone)]
enum Tagger {
    Hmac(Hmac<Sha256>),
    Function(TagFunction),
}

impl core::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Authenticator(…)")
    }
}

impl Authenticator {
    /// From the pair's key; any length is accepted here, [`crate::HeartbeatConfig::check`] wants 32 bytes.
    pub fn new(key: &[u8]) -> Option<Self> {
        // HMAC (RFC 2104) takes keys of any length; the crate's signature cannot say so.
        Hmac::<Sha256>::new_from_slice(key).ok().map(|hmac| Self(Tagger::Hmac(hmac)))
    }

    /// Any other function that finds damage, for simulations that play millions of hours: it protects against nobody, and
    /// nothing of a configuration leads here.
    pub fn simulated(tag: TagFunction) -> Self {
        Self(Tagger::Function(tag))
    }

    fn tag(&self, body: &[u8]) -> [u8; MAC_LEN] {
        let mut mac = match &self.0 {
            Tagger::Hmac(hmac) => hmac.clone(),
            Tagger::Function(tag) => return tag(body),
        };
        mac.update(body);
        let full = mac.finalize().into_bytes();
        let mut tag = [0_u8; MAC_LEN];
        for (to, from) in tag.iter_mut().zip(full.iter()) {
            *to = *from;
        }
        tag
    }

    /// Proof at the start that a right tag is accepted and a wrong one is not (FAULTS T4).
    pub fn self_test(&self) -> bool {
        let body = b"hotpair";
        let right = self.tag(body);
        let sealed = |tag: [u8; MAC_LEN]| [body.as_slice(), tag.as_slice()].concat();
        let wrong = right.map(|byte| !byte);
        self.verify(&sealed(right)) && !self.verify(&sealed(wrong)) && !self.verify(&sealed([0; MAC_LEN]))
    }

    /// True if the last 16 bytes are the right tag for the rest; compared in constant time.
    pub fn verify(&self, bytes: &[u8]) -> bool {
        split_tag(bytes).is_some_and(|(body, tag)| self.tag(body).ct_eq(tag).into())
    }

    /// Encodes a frame and its tag. Lists longer than the format allows are cut.
    pub fn seal(&self, frame: &Frame<'_>) -> Vec<u8> {
        let echoes = frame.echoes.get(..frame.echoes.len().min(MAX_ECHOES)).unwrap_or_default();
        let reports = frame.reports.get(..frame.reports.len().min(MAX_PATHS)).unwrap_or_default();
        let (chunk_offset, chunk) = frame.chunk.unwrap_or_default();
        let (path_nonce, path_hold) = frame.path_echo.unwrap_or_default();
        let (advert_digest, advert_len) = frame.advert.unwrap_or_default();
        let mut out = Vec::with_capacity(length(echoes.len(), reports.len(), chunk.len()));
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION.0, VERSION.1]);
        out.extend_from_slice(&108_u16.to_be_bytes());
        out.extend_from_slice(&frame.pair.0);
        out.extend_from_slice(&[frame.sender, frame.flags.0]);
        out.extend_from_slice(&frame.path.0.to_be_bytes());
        out.extend_from_slice(&frame.boot.0);
        out.extend_from_slice(&frame.incarnation.0.to_be_bytes());
        out.extend_from_slice(&frame.sequence.to_be_bytes());
        out.extend_from_slice(&frame.nonce.to_be_bytes());
        out.extend_from_slice(&path_nonce.to_be_bytes());
        out.extend_from_slice(&path_hold.to_be_bytes());
        out.extend_from_slice(&frame.config.0);
        out.extend_from_slice(&advert_digest.0);
        out.extend_from_slice(&advert_len.to_be_bytes());
        out.extend_from_slice(&frame.confirmed.unwrap_or_default().0);
        out.extend_from_slice(&chunk_offset.to_be_bytes());
        out.extend_from_slice(&u16::try_from(chunk.len()).unwrap_or(0).to_be_bytes());
        out.push(u8::try_from(echoes.len()).unwrap_or(0));
        out.push(u8::try_from(reports.len()).unwrap_or(0));
        for echo in echoes {
            out.extend_from_slice(&echo.incarnation.0.to_be_bytes());
            out.extend_from_slice(&echo.nonce.to_be_bytes());
            out.extend_from_slice(&echo.age_us.to_be_bytes());
        }
        for report in reports {
            out.extend_from_slice(&report.path.0.to_be_bytes());
            out.extend_from_slice(&[report.state.0, report.loss]);
        }
        out.extend_from_slice(chunk);
        let tag = self.tag(&out);
        out.extend_from_slice(&tag);
        out
    }
}
