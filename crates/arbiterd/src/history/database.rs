//! The database of the history. Used by the history's thread alone.
//!
//! One table, the id as primary key. WAL with `synchronous=NORMAL`: a power cut may lose the newest events, never the
//! whole; a crash of the daemon loses none. Old rows go in small batches.

use super::{Entry, Query, Record, Trouble};
use arbiter_core::io::Severity;
use hotpair_types::{BootId, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Rows deleted at once, when there are more than allowed.
const PRUNE_BATCH: u64 = 500;
const SCHEMA_VERSION: i64 = 1;
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS events (
        id INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL, at_ns INTEGER NOT NULL, boot TEXT NOT NULL,
        message_id TEXT NOT NULL, severity INTEGER NOT NULL, grp TEXT NOT NULL, subject TEXT NOT NULL,
        parameters TEXT NOT NULL, facts TEXT NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS events_by_group ON events (grp, id);
    CREATE INDEX IF NOT EXISTS events_by_message ON events (message_id, id);
    -- Ids go on growing although the oldest and newest rows may be gone.
    CREATE TABLE IF NOT EXISTS counter (one INTEGER PRIMARY KEY CHECK (one = 1), last_id INTEGER NOT NULL) STRICT;
    PRAGMA user_version = 1;";

/// The open database.
pub(super) struct Database {
    connection: Connection,
    last_id: u64,
}

/// The file is no (whole) database: it has to be put aside.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

impl Database {
    /// Opens or makes the database; a damaged one is renamed aside and a new one begun.
    pub(super) fn open(path: &Path) -> (Option<Self>, Option<Trouble>) {
        let damage = match Self::try_open(path) {
            Ok(database) => return (Some(database), None),
            Err(error) if is_damage(&error) => error.to_string(),
            Err(error) => return (None, Some(Trouble::Unusable { why: format!("{}: {error}", path.display()) })),
        };
        let aside = match put_aside(path) {
            Ok(aside) => aside.display().to_string(),
            Err(error) => {
                let why = format!("{}: {damage}; it cannot be renamed: {error}", path.display());
                return (None, Some(Trouble::Unusable { why }));
            }
        };
        match Self::try_open(path) {
            Ok(database) => (Some(database), Some(Trouble::Damaged { why: damage, aside })),
            Err(error) => (None, Some(Trouble::Unusable { why: format!("{}: {error}", path.display()) })),
        }
    }

    fn try_open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(2))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "journal_size_limit", 4_i64 << 20)?;
        connection.pragma_update(None, "cache_size", -512_i64)?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version == 0 {
            connection.execute_batch(SCHEMA)?;
        } else if version != SCHEMA_VERSION {
            return Err(rusqlite::Error::InvalidParameterName(format!(
                "has format {version}, this program knows {SCHEMA_VERSION}: written by another hotpair"
            )));
        }
        // Damage in the newest pages, where a crash would leave it, shows here and not in the middle of a story.
        let newest: i64 = connection.query_row("SELECT coalesce(max(id), 0) FROM events", [], |row| row.get(0))?;
        let counted: Option<i64> =
            connection.query_row("SELECT last_id FROM counter", [], |row| row.get(0)).optional()?;
        let last_id = u64::try_from(newest.max(counted.unwrap_or(0))).unwrap_or(0);
        Ok(Self { connection, last_id })
    }

    /// The greatest id ever given in this database.
    pub(super) const fn last_id(&self) -> u64 {
        self.last_id
    }

    /// Adds events and prunes the oldest, in one transaction.
    pub(super) fn append(&mut self, entries: &[Arc<Entry>], max_events: u64) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        let mut last = self.last_id;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT OR REPLACE INTO events (id, wall_ms, at_ns, boot, message_id, severity, grp, subject, parameters, facts)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?;
            for entry in entries {
                let r = &entry.record;
                insert.execute(params![
                    signed(entry.id),
                    signed(r.wall_ms),
                    signed(r.at.as_nanos()),
                    r.boot.to_string(),
                    r.message_id,
                    severity_number(r.severity),
                    r.group,
                    r.subject,
                    json(&r.parameters),
                    json(&r.facts),
                ])?;
                last = last.max(entry.id);
            }
            transaction.execute(
                "INSERT INTO counter (one, last_id) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET last_id = ?1",
                params![signed(last)],
            )?;
            transaction.execute(
                "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id <= ?1 ORDER BY id LIMIT ?2)",
                params![signed(last.saturating_sub(max_events.max(1))), signed(PRUNE_BATCH)],
            )?;
        }
        transaction.commit()?;
        self.last_id = last;
        Ok(())
    }

    /// Reads events, oldest first.
    pub(super) fn read(&self, query: &Query) -> rusqlite::Result<Vec<Entry>> {
        let order = if query.oldest_first { "ASC" } else { "DESC" };
        // A condition that does not count names no column, so that the index of one that does is used.
        let group = if query.group.is_empty() { "?3 = ''" } else { "grp = ?3" };
        let message = if query.message_id.is_empty() { "?4 = ''" } else { "message_id = ?4" };
        let sql = format!(
            "SELECT id, wall_ms, at_ns, boot, message_id, severity, grp, subject, parameters, facts FROM events
             WHERE id > ?1 AND id <= ?2 AND {group} AND {message} ORDER BY id {order} LIMIT ?5"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let up_to = query.up_to_id.map_or(i64::MAX, signed);
        let rows = statement.query_map(
            params![signed(query.after_id), up_to, query.group, query.message_id, i64::from(query.limit)],
            entry,
        )?;
        let mut entries = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        if !query.oldest_first {
            entries.reverse();
        }
        Ok(entries)
    }
}

/// SQLite's integers are signed; neither ids nor times get near the limit.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn json(map: &BTreeMap<String, String>) -> String {
    // A map of text to text always has a JSON form.
    serde_json::to_string(map).unwrap_or_else(|_| "{}".to_owned())
}

/// A row somebody edited by hand shows what can be read of it.
fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let map = |text: String| serde_json::from_str(&text).unwrap_or_default();
    Ok(Entry {
        id: unsigned(row.get(0)?),
        record: Record {
            wall_ms: unsigned(row.get(1)?),
            at: Timestamp::from_nanos(unsigned(row.get(2)?)),
            boot: row.get::<_, String>(3)?.parse().unwrap_or(BootId([0; 16])),
            message_id: row.get(4)?,
            severity: severity_from(row.get(5)?),
            group: row.get(6)?,
            subject: row.get(7)?,
            parameters: map(row.get(8)?),
            facts: map(row.get(9)?),
        },
    })
}

const fn severity_number(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 1,
        Severity::Warning => 2,
        Severity::Critical => 3,
    }
}

const fn severity_from(number: i64) -> Severity {
    match number {
        3 => Severity::Critical,
        2 => Severity::Warning,
        _ => Severity::Info,
    }
}

/// Renames the database and what belongs to it to the first free `….damaged-N`.
fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let suffixed = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    // A few are kept for whoever wants to look; more would fill the disk of a machine that is breaking.
    let aside = (1..=3)
        .map(|n| suffixed(&format!(".damaged-{n}")))
        .find(|p| !p.exists())
        .unwrap_or_else(|| suffixed(".damaged-3"));
    fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        match fs::remove_file(suffixed(suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}
