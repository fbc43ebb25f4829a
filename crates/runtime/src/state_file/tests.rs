//! Tests of the state file against torn, damaged, full and read-only places.

use super::*;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change, mount_remount};
use rustix::thread::UnshareFlags;

fn fixture() -> (tempfile::TempDir, StateFile) {
    let dir = tempfile::tempdir().unwrap();
    let file = StateFile::new(dir.path(), "arbiter.state");
    (dir, file)
}

fn why(loaded: Loaded) -> String {
    match loaded {
        Loaded::RecoveredFromPrevious { why, .. } | Loaded::Corrupt { why } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_first_start_finds_nothing_and_a_stored_state_comes_back() {
    let (dir, file) = fixture();
    assert_eq!(file.load(), Loaded::Missing);
    for text in ["", "{\"epoch\": 1}\n", "zwei\nZeilen ü", "{\"epoch\": 3}"] {
        file.store(text).unwrap();
        assert_eq!(file.load(), Loaded::Good(text.to_owned()));
    }
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["arbiter.state", "arbiter.state.prev"], "no temporary file stays");
    assert!(fs::read_to_string(file.path()).unwrap().ends_with("{\"epoch\": 3}"), "readable with cat");
}

#[test]
fn every_torn_length_and_every_flipped_bit_falls_back_to_the_previous_generation() {
    let (_dir, file) = fixture();
    file.store("the first").unwrap();
    file.store("the second").unwrap();
    let whole = fs::read(file.path()).unwrap();
    let recovered = |what: &str| match file.load() {
        Loaded::RecoveredFromPrevious { payload, why } => {
            assert_eq!(payload, "the first", "{what}");
            assert!(why.contains("arbiter.state"), "{why}");
        }
        other => panic!("{what}: {other:?}"),
    };
    for length in 0..whole.len() {
        fs::write(file.path(), &whole[..length]).unwrap();
        recovered(&format!("torn at {length}"));
    }
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(file.path(), &damaged).unwrap();
        match file.load() {
            // Upper and lower case of a hexadecimal digit mean the same.
            Loaded::Good(payload) => assert_eq!(payload, "the second", "bit {bit}"),
            // A flip of the version digit can look like a newer format, which is refused outright.
            Loaded::Corrupt { why } => assert!(why.contains("newer hotpair"), "bit {bit}: {why}"),
            _ => recovered(&format!("bit {bit}")),
        }
    }
}

#[test]
fn the_reason_and_the_place_are_named() {
    let (_dir, file) = fixture();
    fs::write(file.path(), "").unwrap();
    let text = why(file.load());
    assert!(text.contains("arbiter.state is empty") && text.contains("there is no"), "{text}");
    fs::write(file.path(), "hotpair-state 2 0 00000000\n").unwrap();
    assert!(why(file.load()).contains("newer hotpair"));
    fs::write(file.path(), "epoch = 5\n").unwrap();
    assert!(why(file.load()).contains("hotpair-state"));
}

#[test]
fn a_deleted_newest_generation_is_not_a_first_start() {
    let (_dir, file) = fixture();
    file.store("one").unwrap();
    file.store("two").unwrap();
    fs::remove_file(file.path()).unwrap();
    assert!(matches!(file.load(), Loaded::RecoveredFromPrevious { payload, .. } if payload == "one"));
}

/// A damaged newest generation is not allowed to push out the good one before it.
#[test]
fn storing_over_a_damaged_generation_keeps_the_last_good_one() {
    let (_dir, file) = fixture();
    file.store("one").unwrap();
    file.store("two").unwrap();
    fs::write(file.path(), "garbage").unwrap();
    file.store("three").unwrap();
    assert_eq!(file.load(), Loaded::Good("three".to_owned()));
    fs::write(file.path(), "garbage").unwrap();
    assert!(matches!(file.load(), Loaded::RecoveredFromPrevious { payload, .. } if payload == "one"));
}

#[test]
fn links_and_leftovers_are_replaced_and_never_followed() {
    let (dir, file) = fixture();
    let victim = dir.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    std::os::unix::fs::symlink(&victim, dir.path().join(".arbiter.state.new")).unwrap();
    file.store("one").unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
    fs::remove_file(file.path()).unwrap();
    std::os::unix::fs::symlink(&victim, file.path()).unwrap();
    assert!(why(file.load()).contains("cannot be opened"));
}

#[test]
fn a_missing_directory_is_named() {
    let file = StateFile::new(Path::new("/nonexistent-directory-of-a-test"), "x");
    let error = file.store("one").unwrap_err();
    assert!(matches!(error, StoreError::NoDirectory { .. }), "{error}");
    assert!(error.to_string().contains("/nonexistent-directory-of-a-test/x"));
}

/// Runs `test` on a small tmpfs that only its own mount namespace sees. Needs root, as all of the test suite does.
fn on_tmpfs(options: &'static std::ffi::CStr, test: impl FnOnce(&Path) + Send + 'static) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let run = move || {
        // SAFETY: only this thread's file-system context and mounts are unshared; no descriptor table is involved.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }.unwrap();
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
        mount("tmpfs", &path, "tmpfs", MountFlags::empty(), options).unwrap();
        test(&path);
    };
    std::thread::spawn(run).join().unwrap();
}

#[test]
fn a_full_disk_is_told_and_the_old_state_stays_whole() {
    on_tmpfs(c"size=16k", |path| {
        let file = StateFile::new(path, "state");
        file.store("old").unwrap();
        let error = file.store(&"x".repeat(20_000)).unwrap_err();
        assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
        assert!(error.to_string().contains("free space"), "{error}");
        assert_eq!(file.load(), Loaded::Good("old".to_owned()));
        file.store("new").expect("the failed attempt gave its space back");
        assert_eq!(file.load(), Loaded::Good("new".to_owned()));
    });
}

#[test]
fn a_read_only_disk_is_told_and_the_old_state_stays_whole() {
    on_tmpfs(c"size=64k", |path| {
        let file = StateFile::new(path, "state");
        file.store("old").unwrap();
        mount_remount(path, MountFlags::RDONLY, "").unwrap();
        let error = file.store("new").unwrap_err();
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
        assert_eq!(file.load(), Loaded::Good("old".to_owned()));
    });
}
