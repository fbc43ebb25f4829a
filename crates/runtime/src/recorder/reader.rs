//! Reading what was recorded: file by file, line by line, each line checked. Damage is told with its place and reading goes on
//! after it; whoever replays must not go past it before the next checkpoint.

use super::writer::CASTAGNOLI;
use super::{FORMAT, Header, Line, Record};
use serde::de::{DeserializeOwned, IgnoredAny};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A longer line is none of ours.
const MAX_LINE: u64 = 16 << 20;
/// Checksum and space before the JSON.
const PREFIX: usize = 9;

/// What is wrong with a record. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// No such file, or not to be opened.
    #[error("{path} cannot be opened: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The disk gave an error.
    #[error("{path}: line {line} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// The system's answer.
        source: io::Error,
    },
    /// Nothing recorded there.
    #[error("{path} has no records of {name}: is it the state directory of a node, and did {name} run on it?")]
    Nothing {
        /// The directory.
        path: PathBuf,
        /// The name looked for.
        name: String,
    },
    /// The first line is no header.
    #[error("{path} is not a flight record: its first line is no header")]
    NotARecord {
        /// The file.
        path: PathBuf,
    },
    /// Written by a newer program.
    #[error("{path} has format {found}, and this hotpair reads format {FORMAT}: use hotpair {program} or newer")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The program that wrote it.
        program: String,
    },
    /// The last line is not whole: the process or the machine ended while it was written. Nothing else is affected.
    #[error("{path}: line {line} is torn, {bytes} bytes: the recording ended there without notice")]
    TornTail {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// Bytes of it that are there.
        bytes: usize,
    },
    /// The checksum does not fit.
    #[error("{path}: line {line} is damaged: checksum {found:08x}, but `{written}` was written")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// Checksum of what is there.
        found: u32,
        /// Checksum on the line.
        written: String,
    },
    /// Lines are missing, doubled or in another order.
    #[error(
        "{path}: line {line} has record {found} where {expected} should be: lines were taken out, doubled or moved"
    )]
    OutOfOrder {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// Number expected.
        expected: u64,
        /// Number found.
        found: u64,
    },
    /// Whole, but not understood.
    #[error("{path}: line {line} is whole, but this hotpair does not understand it: {why}")]
    NotUnderstood {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// Why.
        why: String,
    },
}

impl RecordError {
    /// The ordinary end of a record whose process was killed.
    #[must_use]
    pub fn is_torn_tail(&self) -> bool {
        matches!(self, Self::TornTail { .. })
    }
}

/// A record and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<C, S> {
    /// The file.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: u64,
    /// The record.
    pub record: Record<C, S>,
}

struct Open {
    path: Arc<Path>,
    lines: BufReader<File>,
    line: u64,
    next_n: Option<u64>,
}

/// Records of one or several files, in order. After damage it goes on with the next line; after an error of the disk or a file
/// it cannot use, with the next file.
pub struct RecordReader<C, S> {
    files: VecDeque<PathBuf>,
    current: Option<Open>,
    kinds: PhantomData<fn() -> (C, S)>,
}

impl<C: DeserializeOwned, S: DeserializeOwned> RecordReader<C, S> {
    /// Reads these files, oldest first.
    #[must_use]
    pub fn new(files: Vec<PathBuf>) -> Self {
        Self { files: files.into(), current: None, kinds: PhantomData }
    }

    fn open_next(&mut self) -> Option<Result<(), RecordError>> {
        let path = self.files.pop_front()?;
        match File::open(&path) {
            Ok(file) => {
                self.current = Some(Open { path: path.into(), lines: BufReader::new(file), line: 0, next_n: None });
                Some(Ok(()))
            }
            Err(source) => Some(Err(RecordError::Open { path, source })),
        }
    }
}

impl<C: DeserializeOwned, S: DeserializeOwned> Iterator for RecordReader<C, S> {
    type Item = Result<Entry<C, S>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.current.is_none()
                && let Err(error) = self.open_next()?
            {
                return Some(Err(error));
            }
            let open = self.current.as_mut()?;
            match open.next_record() {
                Some(Err(error)) => {
                    let lost = matches!(
                        error,
                        RecordError::Read { .. } | RecordError::NotARecord { .. } | RecordError::Newer { .. }
                    );
                    if lost {
                        self.current = None;
                    }
                    return Some(Err(error));
                }
                Some(Ok(record)) => {
                    return Some(Ok(Entry { file: Arc::clone(&open.path), line: open.line, record }));
                }
                None => self.current = None,
            }
        }
    }
}

impl Open {
    fn next_record<C: DeserializeOwned, S: DeserializeOwned>(&mut self) -> Option<Result<Record<C, S>, RecordError>> {
        let mut bytes = Vec::new();
        self.line = self.line.saturating_add(1);
        match self.lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes) {
            Err(source) => {
                return Some(Err(RecordError::Read { path: self.path.to_path_buf(), line: self.line, source }));
            }
            Ok(0) => return None,
            Ok(_) => {}
        }
        Some(self.parse(&bytes))
    }

    fn parse<C: DeserializeOwned, S: DeserializeOwned>(&mut self, bytes: &[u8]) -> Result<Record<C, S>, RecordError> {
        let (path, line) = (self.path.to_path_buf(), self.line);
        let Some(whole) = bytes.strip_suffix(b"\n") else {
            return Err(RecordError::TornTail { path, line, bytes: bytes.len() });
        };
        let json = match checked(whole) {
            Ok(json) => json,
            // A file that is not ours must not be told to be damaged.
            Err(_) if line == 1 && !looks_like_ours(whole) => return Err(RecordError::NotARecord { path }),
            Err((found, written)) => {
                self.next_n = self.next_n.map(|n| n.saturating_add(1));
                return Err(RecordError::Damaged { path, line, found, written });
            }
        };
        if line == 1 {
            let header = parse_header(json).ok_or_else(|| RecordError::NotARecord { path: path.clone() })?;
            if header.format > FORMAT {
                let program = header.identity.program;
                return Err(RecordError::Newer { path, found: header.format, program });
            }
        }
        let parsed: Line<C, S> = match serde_json::from_str(json) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.next_n = self.next_n.map(|n| n.saturating_add(1));
                return Err(RecordError::NotUnderstood { path, line, why: error.to_string() });
            }
        };
        let expected = self.next_n.replace(parsed.n.saturating_add(1));
        match expected {
            Some(expected) if expected != parsed.n => {
                Err(RecordError::OutOfOrder { path, line, expected, found: parsed.n })
            }
            _ => Ok(parsed.r),
        }
    }
}

fn looks_like_ours(line: &[u8]) -> bool {
    line.get(PREFIX..).is_some_and(|json| json.starts_with(b"{\"n\":"))
}

/// The JSON of a line, or the checksum found and the one written.
fn checked(line: &[u8]) -> Result<&str, (u32, String)> {
    let (prefix, json) = line.split_at_checked(PREFIX).unwrap_or((line, &[]));
    let found = CASTAGNOLI.checksum(json);
    if format!("{found:08x} ").as_bytes() == prefix
        && let Ok(text) = std::str::from_utf8(json)
    {
        return Ok(text);
    }
    Err((found, String::from_utf8_lossy(prefix).trim_end().to_owned()))
}

fn parse_header(json: &str) -> Option<Header> {
    match serde_json::from_str::<Line<IgnoredAny, IgnoredAny>>(json) {
        Ok(Line { r: Record::Header(header), .. }) => Some(header),
        _ => None,
    }
}

/// The header of a file: what it is a record of.
///
/// # Errors
/// If it cannot be opened, or is none of ours.
pub fn header(path: &Path) -> Result<Header, RecordError> {
    let mut reader = RecordReader::<IgnoredAny, IgnoredAny>::new(vec![path.to_owned()]);
    match reader.next() {
        Some(Ok(Entry { record: Record::Header(header), .. })) => Ok(header),
        Some(Err(error)) => Err(error),
        Some(Ok(_)) | None => Err(RecordError::NotARecord { path: path.to_owned() }),
    }
}

/// The files recorded under `name` in a directory, oldest first.
///
/// # Errors
/// If the directory cannot be read or has none.
pub fn segments(directory: &Path, name: &str) -> Result<Vec<PathBuf>, RecordError> {
    let found = numbered(directory, name).map_err(|source| RecordError::Open { path: directory.to_owned(), source })?;
    if found.is_empty() {
        return Err(RecordError::Nothing { path: directory.to_owned(), name: name.to_owned() });
    }
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

pub(super) fn numbered(directory: &Path, name: &str) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let number = path
            .file_name()
            .and_then(|n| n.to_str())
            .and_then(|n| n.strip_prefix(name)?.strip_prefix(".record.")?.parse::<u64>().ok());
        if let Some(number) = number {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}
