//! The history on real files: bounded, growing ids, and never a reason to stop.

use arbiter_core::io::Severity;
use arbiterd::history::{DATABASE_FILE, History, Query, Record, Trouble};
use hotpair_runtime::clock;
use hotpair_types::{BootId, Timestamp};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

fn record(id: &str, group: &str) -> Record {
    Record {
        wall_ms: 1,
        at: Timestamp::from_millis(2),
        boot: BootId([3; 16]),
        message_id: id.to_owned(),
        severity: Severity::Warning,
        group: group.to_owned(),
        subject: "vip".to_owned(),
        parameters: BTreeMap::from([("reason".to_owned(), "it's \"so\"\n".to_owned())]),
        facts: BTreeMap::from([("peer".to_owned(), "silent".to_owned())]),
    }
}

fn start(directory: &Path, limit: u64) -> History {
    History::start(directory, limit, |trouble| match trouble {
        Trouble::Damaged { aside, .. } => record("E161", &aside),
        Trouble::Unusable { why } => record("E162", &why),
    })
    .unwrap()
}

async fn all(history: &History) -> Vec<arbiterd::history::Entry> {
    history.read(Query { limit: 10_000, ..Query::default() }).await.unwrap()
}

/// B1: what is recorded is found again, by group and by message, also by the next run; ids grow on.
#[tokio::test]
async fn events_survive_a_restart_and_ids_grow() {
    let directory = tempfile::tempdir().unwrap();
    let first = start(directory.path(), 100);
    let mut live = first.watch();
    first.record(record("R460", "web"));
    first.record(record("E233", "files"));
    assert_eq!(live.recv().await.unwrap().record, record("R460", "web"));
    let found = first.read(Query { limit: 5, group: "web".to_owned(), ..Query::default() }).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].record, record("R460", "web"));
    let found = first.read(Query { limit: 5, message_id: "E233".to_owned(), ..Query::default() }).await.unwrap();
    assert_eq!(found.iter().map(|e| e.id).collect::<Vec<_>>(), [2]);
    drop(first);
    let second = start(directory.path(), 100);
    second.record(record("E001", ""));
    let ids: Vec<u64> = all(&second).await.iter().map(|e| e.id).collect();
    assert_eq!(ids, [1, 2, 3]);
    let newest = second.read(Query { limit: 2, ..Query::default() }).await.unwrap();
    assert_eq!(newest.iter().map(|e| e.id).collect::<Vec<_>>(), [2, 3]);
    let oldest = Query { limit: 1, after_id: 1, oldest_first: true, ..Query::default() };
    assert_eq!(second.read(oldest).await.unwrap()[0].id, 2);
}

/// FAULTS T20: the number of events kept is bounded, and the oldest go first.
#[tokio::test]
async fn the_history_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let history = start(directory.path(), 50);
    for round in 0..40 {
        for _ in 0..10 {
            history.record(record("E101", "web"));
        }
        // Reading waits until everything before it is written.
        assert!(all(&history).await.len() <= 50 + 10, "round {round}");
    }
    let left = all(&history).await;
    assert!(left.len() <= 50, "{}", left.len());
    assert_eq!(left.last().unwrap().id, 400);
    assert_eq!(history.dropped(), 0);
}

/// A damaged database is put aside, a new one begun, and the history itself says so.
#[tokio::test]
async fn a_damaged_database_is_put_aside() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(DATABASE_FILE), "this is no database at all".repeat(100)).unwrap();
    let history = start(directory.path(), 50);
    history.record(record("E001", ""));
    let found = all(&history).await;
    assert_eq!(found.iter().map(|e| e.record.message_id.as_str()).collect::<Vec<_>>(), ["E161", "E001"]);
    let aside = Path::new(&found[0].record.group);
    assert!(std::fs::read_to_string(aside).unwrap().starts_with("this is no database"));
}

/// Event numbers never begin again: after a damaged database was put aside they go on above every number ever given.
#[tokio::test]
async fn numbers_go_on_after_damage() {
    let directory = tempfile::tempdir().unwrap();
    let first = start(directory.path(), 50);
    for _ in 0..120 {
        first.record(record("E101", "web"));
    }
    assert_eq!(all(&first).await.last().unwrap().id, 120);
    // What a broken disk leaves: the database is rubble, the file beside it is whole.
    let broken = tempfile::tempdir().unwrap();
    std::fs::copy(directory.path().join("history.last"), broken.path().join("history.last")).unwrap();
    std::fs::write(broken.path().join(DATABASE_FILE), "this is no database at all".repeat(100)).unwrap();
    let second = start(broken.path(), 50);
    second.record(record("E001", ""));
    let found = all(&second).await;
    assert_eq!(found[0].record.message_id, "E161");
    assert!(found[0].id > 120, "{}", found[0].id);
    assert_eq!(found[1].id, found[0].id + 1);
    drop(second);
    let third = start(broken.path(), 50);
    third.record(record("E001", ""));
    assert_eq!(all(&third).await.last().unwrap().id, found[1].id + 1, "a good database says it exactly");
}

/// B1: 100,000 events, and as many again that push the oldest out, stay within a bounded file, and every question that the command
/// line asks is answered in milliseconds.
#[tokio::test]
async fn a_hundred_thousand_events_are_bounded_and_quick() {
    const KEPT: u64 = 100_000;
    const WRITTEN: u64 = 130_000;
    let directory = tempfile::tempdir().unwrap();
    let history = start(directory.path(), KEPT);
    let newest = |n| Query { limit: n, ..Query::default() };
    // A decision with the facts that a real one has.
    let mut decision = record("R460", "web");
    decision.facts = (0..36).map(|n| (format!("some_fact_{n}"), "false".to_owned())).collect();
    for number in 0..WRITTEN {
        history.record(if number % 10 == 0 { decision.clone() } else { record("P103", "") });
        if number % 2_000 == 0 {
            // Reading waits until everything before it is written: the queue never overflows.
            history.read(newest(1)).await.unwrap();
        }
    }
    let last = history.read(newest(1)).await.unwrap()[0].id;
    assert_eq!((last, history.dropped()), (WRITTEN, 0));
    let bytes: u64 =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    let questions = [
        ("newest 20", newest(20)),
        ("newest 1000", newest(1_000)),
        ("newest of a group", Query { group: "web".to_owned(), ..newest(20) }),
        ("a message", Query { message_id: "R460".to_owned(), ..newest(20) }),
        ("a group that is not there", Query { group: "none".to_owned(), ..newest(20) }),
        ("around an old one", arbiterd::explain::around(WRITTEN - KEPT + 5_000)),
    ];
    for (what, query) in questions {
        let mut best = Duration::MAX;
        let mut count = 0;
        for _ in 0..5 {
            let begun = clock::now();
            count = history.read(query.clone()).await.unwrap().len();
            best = best.min(clock::now().since(begun));
        }
        println!("{what}: {count} events in {best:?}");
        assert!(best < Duration::from_millis(200), "{what}: {best:?}");
    }
    println!("{bytes} bytes for {KEPT} events");
    assert!(bytes < 120 << 20, "{bytes} bytes");
    let kept = history.read(Query { limit: 1, oldest_first: true, ..Query::default() }).await.unwrap()[0].id;
    assert!((WRITTEN - KEPT..=WRITTEN - KEPT + 1).contains(&kept), "{kept}");
}

/// Where nothing can be written, the newest events are kept in memory and can be asked for.
#[tokio::test]
async fn without_a_directory_events_are_kept_in_memory() {
    let history = start(Path::new("/nonexistent/hotpair"), 50);
    history.record(record("R999", "web"));
    let found = all(&history).await;
    assert_eq!(found.iter().map(|e| e.record.message_id.as_str()).collect::<Vec<_>>(), ["E162", "R999"]);
}
