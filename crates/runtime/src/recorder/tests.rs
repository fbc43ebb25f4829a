//! Tests of the recorder: round trip, torn, damaged and moved lines, the bound, gaps, a full disk.

use super::*;
use std::fs;
use std::path::Path;

type Rec = Recorder<u64, String>;
type Lines = Vec<Result<Entry<u64, String>, RecordError>>;

fn options(directory: &Path) -> Options {
    Options {
        directory: directory.to_owned(),
        name: "testd".to_owned(),
        bytes: DEFAULT_BYTES,
        min_free: 0,
        identity: Identity {
            core: "test".to_owned(),
            program: "1.2.3".to_owned(),
            node: "alpha".to_owned(),
            boot: "b".to_owned(),
            run: "r".to_owned(),
        },
    }
}

/// Gives a checkpoint whenever one is wanted, as the loop does before each step.
fn step(recorder: &mut Rec, number: u64, text: &str) {
    if recorder.wants_checkpoint() {
        recorder.checkpoint(number, Timestamp::from_millis(number));
    }
    recorder.record(text.to_owned());
}

fn read(directory: &Path) -> Lines {
    RecordReader::new(segments(directory, "testd").unwrap()).collect()
}

fn record_five(directory: &Path) {
    let mut recorder = Rec::start(options(directory));
    for number in 0..5 {
        step(&mut recorder, number, "步骤");
    }
}

/// A file may go while it is looked at.
fn total(directory: &Path) -> u64 {
    fs::read_dir(directory).unwrap().filter_map(|e| e.unwrap().metadata().ok()).map(|m| m.len()).sum()
}

/// B3: what was recorded is read back, in order, across runs; files of earlier runs are kept.
#[test]
fn what_was_recorded_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    record_five(dir.path());
    record_five(dir.path());
    let records: Vec<_> = read(dir.path()).into_iter().map(|r| r.unwrap()).collect();
    let per_run = 1 + 1 + 5 + 1;
    assert_eq!(records.len(), 2 * per_run);
    for (segment, run) in (1..).zip(records.chunks(per_run)) {
        let identity = options(dir.path()).identity;
        assert_eq!(run[0].record, Record::Header(Header { format: FORMAT, segment, identity }));
        assert!(matches!(&run[1].record, Record::Checkpoint { state, .. } if **state == 0));
        assert_eq!(run[2].record, Record::Step("步骤".to_owned()));
        assert_eq!(run[per_run - 1].record, Record::End);
        assert_eq!(run[per_run - 1].line, per_run as u64);
    }
    let first = dir.path().join("testd.record.000001");
    assert_eq!(header(&first).unwrap().identity.program, "1.2.3");
}

/// B3: a process killed in the middle of a write leaves a line that is told and harms nothing else.
#[test]
fn a_torn_tail_is_told_and_the_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    record_five(dir.path());
    let file = dir.path().join("testd.record.000001");
    let whole = fs::read(&file).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    for end in last + 1..whole.len() {
        fs::write(&file, &whole[..end]).unwrap();
        let lines = read(dir.path());
        assert_eq!(lines.len(), 8);
        let error = lines[7].as_ref().unwrap_err();
        assert!(error.is_torn_tail() && error.to_string().contains("line 8"), "{error}");
        assert!(lines[..7].iter().all(Result::is_ok));
    }
}

/// B3: one flipped bit, wherever it is, is found, and its line is named.
#[test]
fn every_flipped_bit_is_found_and_located() {
    let dir = tempfile::tempdir().unwrap();
    record_five(dir.path());
    let file = dir.path().join("testd.record.000001");
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() - 1 {
        let line = 1 + whole[..at].iter().filter(|b| **b == b'\n').count();
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&file, &damaged).unwrap();
        let lines = read(dir.path());
        let found = lines.iter().find_map(|l| l.as_ref().err()).unwrap_or_else(|| panic!("byte {at} unnoticed"));
        let named = found.to_string().contains(&format!("line {line} ")) || line == 1;
        assert!(named, "byte {at} of line {line}: {found}");
    }
}

/// B3: lines taken out, doubled or swapped are found although each is whole.
#[test]
fn missing_doubled_and_swapped_lines_are_found() {
    let dir = tempfile::tempdir().unwrap();
    record_five(dir.path());
    let file = dir.path().join("testd.record.000001");
    let text = fs::read_to_string(&file).unwrap();
    let whole: Vec<&str> = text.lines().collect();
    let mut without = whole.clone();
    without.remove(3);
    let mut doubled = whole.clone();
    doubled.insert(3, whole[3]);
    let mut swapped = whole.clone();
    swapped.swap(3, 4);
    for lines in [without, doubled, swapped] {
        fs::write(&file, lines.join("\n") + "\n").unwrap();
        let read = read(dir.path());
        let error = read.iter().find_map(|l| l.as_ref().err()).unwrap();
        assert!(matches!(error, RecordError::OutOfOrder { .. }), "{error}");
    }
}

/// B3: the bound is never exceeded, at no moment, and each file that is left can be replayed from its beginning.
#[test]
fn the_bound_is_kept_and_each_file_begins_with_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = 64 << 10;
    let mut recorder = Rec::start(Options { bytes, ..options(dir.path()) });
    let text = "x".repeat(500);
    for number in 0..2_000 {
        // An unhurried loop: the writer keeps up.
        while recorder.shared.queued.load(Ordering::Relaxed) > 8 {
            std::thread::yield_now();
        }
        step(&mut recorder, number, &text);
        if number % 50 == 0 {
            assert!(total(dir.path()) <= bytes);
        }
    }
    drop(recorder);
    assert!(total(dir.path()) <= bytes);
    let files = segments(dir.path(), "testd").unwrap();
    assert!(files.len() > 2, "{files:?}");
    assert!(!files[0].ends_with("testd.record.000001"));
    for file in files {
        let lines: Lines = RecordReader::new(vec![file]).collect();
        assert!(matches!(lines[0].as_ref().unwrap().record, Record::Header(_)));
        let at = if matches!(lines[1].as_ref().unwrap().record, Record::Gap { .. }) { 2 } else { 1 };
        assert!(matches!(lines[at].as_ref().unwrap().record, Record::Checkpoint { .. }));
        assert!(lines.iter().all(Result::is_ok));
    }
}

/// B3: a disk that is too slow costs records, never time; the hole is marked, and recording goes on behind it.
#[test]
fn a_hole_is_marked_and_recording_goes_on_with_a_new_file() {
    let dir = tempfile::tempdir().unwrap();
    let (mut recorder, worker) = Rec::with_capacity(options(dir.path()), 4);
    // Nobody writes yet: one checkpoint and three steps fit.
    for number in 0..10 {
        step(&mut recorder, number, "before");
    }
    assert_eq!(recorder.lost(), 7);
    assert!(!recorder.wants_checkpoint(), "the disk has not caught up");
    let writer = std::thread::spawn(move || worker.run());
    while !recorder.wants_checkpoint() {
        std::thread::yield_now();
    }
    step(&mut recorder, 10, "behind");
    drop(recorder);
    writer.join().unwrap();
    let records: Vec<_> = read(dir.path()).into_iter().map(|r| r.unwrap().record).collect();
    let steps = |r: &[Record<u64, String>]| r.iter().filter(|r| matches!(r, Record::Step(_))).count();
    let gap = records.iter().position(|r| *r == Record::Gap { lost: 7 }).unwrap();
    assert_eq!(steps(&records[..gap]), 3);
    assert!(matches!(&records[gap + 1], Record::Checkpoint { state, .. } if **state == 10));
    assert_eq!(steps(&records[gap..]), 1);
}

/// B3: a full disk ends recording; the loop neither waits nor fails, and what was written before is readable.
#[test]
fn a_full_disk_ends_recording_and_nothing_else() {
    use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
    use rustix::thread::{UnshareFlags, unshare_unsafe};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    // Needs root, as all of the test suite does.
    std::thread::spawn(move || {
        // SAFETY: only this thread's file-system context and mounts are unshared; no descriptor table is involved.
        unsafe { unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }.unwrap();
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
        mount("tmpfs", &path, "tmpfs", MountFlags::empty(), c"size=32k").unwrap();
        let mut recorder = Rec::start(options(&path));
        let text = "x".repeat(1_000);
        let mut number = 0;
        while recorder.sender.is_some() {
            step(&mut recorder, number, &text);
            number += 1;
        }
        assert!(!recorder.wants_checkpoint() && !recorder.is_recording());
        step(&mut recorder, number, &text);
        drop(recorder);
        let lines = read(&path);
        let good = lines.iter().take_while(|l| l.is_ok()).count();
        assert!(good > 10, "{good}");
        assert!(lines[good..].iter().all(|l| l.as_ref().is_err_and(RecordError::is_torn_tail)));
    })
    .join()
    .unwrap();
}

/// B3: the record leaves room for the state file.
#[test]
fn recording_ends_before_the_disk_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Rec::start(Options { min_free: u64::MAX, ..options(dir.path()) });
    let mut number = 0;
    while recorder.sender.is_some() {
        step(&mut recorder, number, "x");
        number += 1;
    }
    assert_eq!(total(dir.path()), 0);
}

/// B3: a file of something else is not called damaged, and one of a newer program is told as such.
#[test]
fn other_files_and_newer_formats_are_told() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(segments(dir.path(), "testd"), Err(RecordError::Nothing { .. })));
    let file = dir.path().join("testd.record.000001");
    fs::write(&file, "hotpair-state 1 0 00000000\nxx\n").unwrap();
    assert!(matches!(header(&file), Err(RecordError::NotARecord { .. })));
    assert!(matches!(header(&dir.path().join("none")), Err(RecordError::Open { .. })));
    fs::write(&file, "").unwrap();
    assert!(matches!(header(&file), Err(RecordError::NotARecord { .. })));
    fs::remove_file(&file).unwrap();
    record_five(dir.path());
    let text = fs::read_to_string(&file).unwrap();
    let first = text.lines().next().unwrap();
    let json = first[9..].replace("\"format\":1", "\"format\":2");
    let newer = format!("{:08x} {json}\n", writer::CASTAGNOLI.checksum(json.as_bytes()));
    fs::write(&file, newer).unwrap();
    assert!(matches!(header(&file), Err(RecordError::Newer { found: 2, .. })));
}
