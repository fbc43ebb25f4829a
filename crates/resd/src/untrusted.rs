//! What this daemon reads from outside: files, programs, disks, packets; one entry for each, for fuzzing. Each takes any bytes and
//! panics only if something untrue follows from them.

use crate::act::{frames, lease, ocf};
use crate::fence::metadata::Metadata;
use crate::reservation::sg_persist;
use crate::target_store::TargetStore;
use hotpair_types::{NodeId, PairId};
use std::path::Path;

/// What an OCF agent or another program printed.
pub fn agent_output(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(reason) = ocf::reason(&text) {
        assert!(text.contains(&reason), "a reason is quoted, not made up");
    }
    match Metadata::parse(&text) {
        Ok(metadata) => drop(metadata.mistakes(["plug", "ip"].into_iter(), true)),
        Err(why) => assert!(!why.is_empty(), "a refusal says why"),
    }
    let _ = (sg_persist::keys(&text), sg_persist::holder(&text));
}

/// A page of the disk lease's area: without the pair's key it is never a record.
pub fn lease_page(data: &[u8]) {
    lease::check_page(data, PairId([5; 8]), NodeId::SECOND, &[9; 32]);
}

/// A packet that came while an address was looked for.
pub fn packet(data: &[u8]) {
    let _ = frames::holder(data, false);
    let _ = frames::holder(data, true);
}

/// The file of the last target, which is put into `directory`.
pub fn target_file(data: &[u8], directory: &Path) {
    let Ok(store) = TargetStore::new(directory) else { return };
    if std::fs::write(directory.join("target.json"), data).is_err() {
        return;
    }
    if let Ok(Some(target)) = store.load() {
        assert!(store.store(&target).is_ok(), "what was read can be written");
        assert_eq!(store.load().as_ref(), Ok(&Some(target)), "a target survives the disk");
    }
}
