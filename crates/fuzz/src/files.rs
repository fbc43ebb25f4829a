//! Files that an earlier run left, as a crash, a full disk or a stranger may have changed them.

use arbiter_core::Arbiter;
use arbiterd::store::{self, Found};
use crc::{CRC_32_ISCSI, Crc};
use hotpair_replay::replay;
use hotpair_runtime::recorder::RecordReader;
use hotpair_runtime::state_file::StateFile;
use hotpair_types::{BootId, Timestamp};
use resource_core::ResourceCore;
use std::cell::RefCell;
use std::path::Path;
use tempfile::TempDir;

const CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
const NOW: Timestamp = Timestamp::from_millis(9_000);

thread_local! {
    /// One directory per thread: a fuzzer calls a hundred thousand times.
    static DIRECTORY: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

fn in_directory(act: impl FnOnce(&Path)) {
    DIRECTORY.with_borrow_mut(|slot| {
        let memory = Path::new("/dev/shm");
        let made = || if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let directory = slot.get_or_insert_with(|| made().expect("a directory"));
        act(directory.path());
    });
}

fn with_sum(payload: &[u8]) -> Vec<u8> {
    let header = format!("hotpair-state 1 {} {:08x}\n", payload.len(), CASTAGNOLI.checksum(payload));
    [header.as_bytes(), payload].concat()
}

/// The state files of arbiterd and resd.
pub fn state(data: &[u8]) {
    durable(data);
    in_directory(|directory| resd::untrusted::target_file(data, directory));
}

/// arbiterd's state: raw, and with a right checksum. What is understood is written and read back the same; what is not is never
/// taken for "nothing was there".
fn durable(data: &[u8]) {
    in_directory(|directory| {
        let file = StateFile::new(directory, "state");
        for bytes in [data.to_vec(), with_sum(data)] {
            std::fs::write(file.path(), &bytes).expect("a file");
            match store::load(&file, BootId([1; 16]), NOW) {
                Found::Nothing => panic!("a file is there"),
                Found::Untrusted { why } => assert!(!why.is_empty(), "a refusal says why"),
                Found::State { durable, incomplete } => {
                    let text = store::encode(&durable, incomplete, NOW).expect("it was read from such a text");
                    std::fs::write(file.path(), with_sum(text.as_bytes())).expect("a file");
                    let again = store::load(&file, BootId([1; 16]), NOW);
                    assert!(matches!(again, Found::State { .. }), "a state survives the disk");
                }
            }
        }
    });
}

/// A flight record of either core: raw, and each line with a right checksum. It is replayed as far as it is whole.
pub fn recorder(data: &[u8]) {
    let mut repaired = Vec::new();
    for line in data.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        repaired.extend_from_slice(format!("{:08x} ", CASTAGNOLI.checksum(line)).as_bytes());
        repaired.extend_from_slice(line);
        repaired.push(b'\n');
    }
    in_directory(|directory| {
        let path = directory.join("record");
        for bytes in [data, &repaired] {
            std::fs::write(&path, bytes).expect("a file");
            let _ = replay::<Arbiter>(RecordReader::new(vec![path.clone()]), |_| {});
            let _ = replay::<ResourceCore>(RecordReader::new(vec![path.clone()]), |_| {});
        }
    });
}
