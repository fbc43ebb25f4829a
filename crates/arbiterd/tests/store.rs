//! The durable state on real file systems, a full one among them.

use arbiter_core::io::{Durable, DurableGroup};
use arbiterd::store::{Found, STATE_FILE, Store, encode, load};
use hotpair_runtime::state_file::StateFile;
use hotpair_types::{
    BootId, Epoch, GroupName, GroupSettings, NodeId, NodeMode, NodeSettings, Stamp, Stamped, Timestamp, Until,
};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

const BOOT: BootId = BootId([1; 16]);

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn durable(groups: usize) -> Durable {
    let settings =
        GroupSettings { frozen: Some(Until(at(10_000))), maintenance: None, clear: 4, moves: vec![Until(at(7_000))] };
    let stamp = Stamp { counter: 9, node: NodeId::SECOND };
    let group =
        DurableGroup { epoch: Epoch { number: 5, node: NodeId::SECOND }, settings: Stamped { stamp, value: settings } };
    let node = Stamped { stamp, value: NodeSettings { mode: NodeMode::Standby } };
    let name = |n| GroupName::new(&format!("g{n}")).unwrap();
    Durable {
        boot: BOOT,
        boot_wait_over: true,
        heard_peer: true,
        groups: (0..groups).map(|n| (name(n), group.clone())).collect::<BTreeMap<_, _>>(),
        nodes: [node.clone(), node],
    }
}

fn write(file: &StateFile, durable: &Durable, now: Timestamp) {
    file.store(&encode(durable, false, now).unwrap()).unwrap();
}

/// FAULTS O03: in the same boot an end is where it was; after a reboot what was left of it is left.
#[test]
fn ends_are_kept_exactly_in_a_boot_and_as_time_left_over_a_reboot() {
    let directory = tempfile::tempdir().unwrap();
    let file = StateFile::new(directory.path(), STATE_FILE);
    write(&file, &durable(1), at(4_000));
    assert_eq!(load(&file, BOOT, at(6_000)), Found::State { durable: durable(1), incomplete: false });
    let Found::State { durable: later, .. } = load(&file, BootId([2; 16]), at(500)) else { panic!() };
    let settings = &later.groups.values().next().unwrap().settings.value;
    assert_eq!(settings.frozen, Some(Until(at(6_500))));
    assert_eq!(settings.moves, [Until(at(3_500))]);
}

/// FAULTS D09: a damaged, an empty and an outdated state are not trusted, and that is said.
#[test]
fn a_state_that_cannot_be_trusted_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let file = StateFile::new(directory.path(), STATE_FILE);
    assert_eq!(load(&file, BOOT, at(0)), Found::Nothing);
    let untrusted = |text: &str| {
        std::fs::write(file.path(), text).unwrap();
        matches!(load(&file, BOOT, at(0)), Found::Untrusted { .. })
    };
    assert!(untrusted(""));
    assert!(untrusted("rubbish"));
    std::fs::remove_file(file.path()).unwrap();
    file.store("{\"written_at\":0}").unwrap();
    assert!(matches!(load(&file, BOOT, at(0)), Found::Untrusted { .. }));
    write(&file, &durable(1), at(1));
    write(&file, &durable(2), at(2));
    // The one before is intact, but older.
    assert!(untrusted("torn"));
}

/// The mark of a state that was begun anew survives until it is taken off.
#[test]
fn an_incomplete_state_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = StateFile::new(directory.path(), STATE_FILE);
    file.store(&encode(&durable(1), true, at(1)).unwrap()).unwrap();
    assert!(matches!(load(&file, BOOT, at(2)), Found::State { incomplete: true, .. }));
}

/// A full disk: the ticket comes back with the reason, the old state stays whole, and once there is room it works again.
#[test]
fn a_full_disk_is_an_answer_not_an_end() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_owned();
    // A mount namespace belongs to a thread; the store's thread inherits it.
    std::thread::spawn(move || on_tiny_disk(&place)).join().unwrap();
}

fn on_tiny_disk(place: &Path) {
    unshare(CloneFlags::CLONE_NEWNS).expect("root is needed for a private mount namespace");
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    mount(Some("tmpfs"), place, Some("tmpfs"), MsFlags::empty(), Some("size=64k")).unwrap();
    let file = StateFile::new(place, STATE_FILE);
    let (answers, answered) = channel();
    let store = Store::start(file.clone(), move |stored| answers.send(stored).unwrap()).unwrap();
    let next = || answered.recv_timeout(Duration::from_secs(20)).unwrap();
    store.write(1, encode(&durable(1), false, at(4_000)).unwrap());
    assert_eq!((next().ticket, next_ok(&file)), (1, durable(1)));
    std::fs::write(place.join("ballast"), vec![0; 48 << 10]).unwrap();
    store.write(2, encode(&durable(60), false, at(4_000)).unwrap());
    let refused = next();
    assert_eq!(refused.ticket, 2);
    assert!(refused.result.unwrap_err().contains("disk is full"));
    assert_eq!(next_ok(&file), durable(1));
    std::fs::remove_file(place.join("ballast")).unwrap();
    store.write(3, encode(&durable(20), false, at(4_000)).unwrap());
    let stored = next();
    assert_eq!((stored.ticket, stored.result), (3, Ok(())));
    assert_eq!(next_ok(&file), durable(20));
}

fn next_ok(file: &StateFile) -> Durable {
    match load(file, BOOT, at(6_000)) {
        Found::State { durable, .. } => durable,
        other => panic!("{other:?}"),
    }
}
