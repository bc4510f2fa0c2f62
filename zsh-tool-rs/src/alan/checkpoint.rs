//! Syncing and checkpoints: nothing of either before the answer.

use std::fs;
use std::path::Path;

use rusqlite::params;

use super::file::beside;
use super::open::Store;
use super::time::Moment;

/// The size of the log above which upkeep writes it back.
const LOG_BOUND: u64 = 4 * 1024 * 1024;

/// Sets how the next commit syncs.
///
/// A commit into a log that holds frames syncs nothing at NORMAL. The first commit into an empty
/// log would sync its header. That protects the frames of an earlier round from being read again;
/// an empty log has none. In rollback mode there is no log, and syncing is what keeps the file whole.
///
/// # Errors
/// Whatever SQLite reports.
pub fn set_sync(store: &Store) -> rusqlite::Result<()> {
    let empty_log = log_size(&store.path) == Some(0);
    let level = if empty_log { "OFF" } else { "NORMAL" };
    if store.sync.replace(level) != level {
        store.db.pragma_update(None, "synchronous", level)?;
    }
    Ok(())
}

fn log_size(path: &Path) -> Option<u64> {
    fs::symlink_metadata(beside(path, "-wal"))
        .ok()
        .map(|metadata| metadata.len())
}

/// Writes the log back into the database if it has grown beyond its bound, and begins it anew.
///
/// # Errors
/// Whatever SQLite reports; the next command tries again.
pub fn run(store: &Store) -> rusqlite::Result<()> {
    if log_size(&store.path).is_none_or(|size| size <= LOG_BOUND) {
        return Ok(());
    }
    let db = &store.db;
    store.sync.set("NORMAL");
    db.pragma_update(None, "synchronous", "NORMAL")?;
    let whole = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (busy, frames, written): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && frames == written)
    })?;
    if whole { restart(store) } else { Ok(()) }
}

/// Makes the first commit into the log that was written back, which cuts the file to what it then holds. Else the next command does.
fn restart(store: &Store) -> rusqlite::Result<()> {
    let db = &store.db;
    db.pragma_update_and_check(None, "journal_size_limit", 0, |_| Ok(()))?;
    let Some(transaction) = store.begin_if_idle()? else {
        return Ok(());
    };
    db.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('checkpointed_at', ?1)",
        params![Moment::now().iso()],
    )?;
    transaction.commit()
}
