//! The writer thread: keeps the files within their bound, begins a new one with each checkpoint, gives up on the first error.

use super::{FORMAT, Header, Line, Message, Options, Record, SEGMENTS, Shared};
use crate::recorder::reader;
use crc::{CRC_32_ISCSI, Crc};
use serde::Serialize;
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};

pub(super) const CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// The room on the file system is looked at again after so many bytes.
const LOOK_AFTER: u64 = 256 << 10;
/// Less would not hold a checkpoint of a large configuration.
const MIN_BYTES: u64 = 64 << 10;

/// The thread's part.
pub(super) struct Worker<C, S> {
    receiver: Receiver<Message<C, S>>,
    shared: Arc<Shared>,
    files: Files,
    kinds: PhantomData<fn(C, S)>,
}

impl<C: Serialize, S: Serialize> Worker<C, S> {
    pub(super) fn new(mut options: Options, receiver: Receiver<Message<C, S>>, shared: Arc<Shared>) -> Self {
        options.bytes = options.bytes.max(MIN_BYTES);
        Self { receiver, shared, files: Files::new(options), kinds: PhantomData }
    }

    /// Until the recorder is dropped or the disk fails.
    pub(super) fn run(mut self) {
        if let Err(error) = self.write_all() {
            let place = self.files.options.directory.display();
            let name = &self.files.options.name;
            tracing::warn!(
                %error,
                "the flight recorder of {name} stops: {place} cannot be written; decisions go on. Give it room or repair it, \
                 and restart {name} to record again"
            );
        }
        // What was still queued is gone; the loop's next attempt finds nobody here.
        drop(self.receiver);
        self.shared.queued.store(0, Ordering::Relaxed);
    }

    fn write_all(&mut self) -> io::Result<()> {
        self.files.find()?;
        loop {
            let message = match self.receiver.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    self.files.flush()?;
                    match self.receiver.recv() {
                        Ok(message) => message,
                        Err(_) => break,
                    }
                }
            };
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
            self.take(message)?;
        }
        self.files.write(Record::<C, S>::End)?;
        self.files.flush()
    }

    fn take(&mut self, message: Message<C, S>) -> io::Result<()> {
        match message {
            Message::Checkpoint { at, wall_ms, lost, state } => {
                let lost = lost.saturating_add(std::mem::take(&mut self.files.lost));
                self.files.begin()?;
                let header = self.files.header();
                self.files.write(Record::<C, S>::Header(header))?;
                if lost > 0 {
                    self.files.write(Record::<C, S>::Gap { lost })?;
                }
                self.files.write(Record::<C, S>::Checkpoint { at, wall_ms, state })
            }
            Message::Step(step) => {
                self.files.write(Record::<C, S>::Step(step))?;
                if self.files.full() {
                    self.shared.roll.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
        }
    }
}

/// The files on disk.
struct Files {
    options: Options,
    /// Number and bytes, oldest first; the last one is being written.
    kept: VecDeque<(u64, u64)>,
    current: Option<BufWriter<File>>,
    next_segment: u64,
    n: u64,
    /// Records left out because not even dropping every older file made room.
    lost: u64,
    until_look: u64,
    asked: bool,
}

impl Files {
    fn new(options: Options) -> Self {
        Self {
            options,
            kept: VecDeque::new(),
            current: None,
            next_segment: 1,
            n: 0,
            lost: 0,
            until_look: 0,
            asked: false,
        }
    }

    fn path(&self, segment: u64) -> PathBuf {
        self.options.directory.join(format!("{}.record.{segment:06}", self.options.name))
    }

    /// Files of earlier runs count towards the bound and are replaced first.
    fn find(&mut self) -> io::Result<()> {
        for (segment, path) in reader::numbered(&self.options.directory, &self.options.name)? {
            self.kept.push_back((segment, fs::symlink_metadata(&path)?.len()));
            self.next_segment = self.next_segment.max(segment.saturating_add(1));
        }
        Ok(())
    }

    fn header(&self) -> Header {
        let segment = self.kept.back().map_or(0, |(segment, _)| *segment);
        Header { format: FORMAT, segment, identity: self.options.identity.clone() }
    }

    fn begin(&mut self) -> io::Result<()> {
        self.flush()?;
        let segment = self.next_segment;
        let path = self.path(segment);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(path)?;
        self.next_segment = segment.saturating_add(1);
        self.kept.push_back((segment, 0));
        self.current = Some(BufWriter::new(file));
        self.asked = false;
        Ok(())
    }

    /// The current file is as long as one should be, or has a hole; said once.
    fn full(&mut self) -> bool {
        let long = self.lost > 0 || self.kept.back().is_some_and(|(_, bytes)| *bytes >= self.options.bytes / SEGMENTS);
        long && !std::mem::replace(&mut self.asked, long)
    }

    fn write<C: Serialize, S: Serialize>(&mut self, record: Record<C, S>) -> io::Result<()> {
        let json = serde_json::to_string(&Line { n: self.n, r: record })?;
        let line = format!("{:08x} {json}\n", CASTAGNOLI.checksum(json.as_bytes()));
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.current.is_none() {
            return Ok(());
        }
        // Once something was left out, the rest of this file could not be replayed.
        if self.lost > 0 || !self.make_room(length)? {
            self.lost = self.lost.saturating_add(1);
            return Ok(());
        }
        self.look(length)?;
        let Some(file) = &mut self.current else { return Ok(()) };
        file.write_all(line.as_bytes())?;
        self.n = self.n.saturating_add(1);
        if let Some((_, bytes)) = self.kept.back_mut() {
            *bytes = bytes.saturating_add(length);
        }
        Ok(())
    }

    /// Drops the oldest files until `length` more bytes fit the bound. False: the current file alone is too long.
    fn make_room(&mut self, length: u64) -> io::Result<bool> {
        loop {
            let total: u64 = self.kept.iter().map(|(_, bytes)| *bytes).sum();
            if total.saturating_add(length) <= self.options.bytes {
                return Ok(true);
            }
            if self.kept.len() <= 1 {
                return Ok(false);
            }
            let Some((segment, _)) = self.kept.pop_front() else { return Ok(false) };
            match fs::remove_file(self.path(segment)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }

    /// The state file must never go without room for the sake of a record.
    fn look(&mut self, length: u64) -> io::Result<()> {
        if let Some(rest) = self.until_look.checked_sub(length) {
            self.until_look = rest;
            return Ok(());
        }
        self.until_look = LOOK_AFTER;
        let room = rustix::fs::statvfs(&self.options.directory)?;
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        if free < self.options.min_free {
            let wanted = self.options.min_free;
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!("only {free} bytes are free, and {wanted} have to stay free for the state file"),
            ));
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.current.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}
