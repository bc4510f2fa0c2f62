//! Syncing and checkpoints: nothing of either before the answer.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, params};

use super::file::beside;
use super::migrate;
use super::open::Store;
use super::time::Moment;
use crate::sys::log;

/// The size of the log above which upkeep writes it back.
const LOG_BOUND: u64 = 4 * 1024 * 1024;

/// The room that is made in a log at once: for about a dozen records.
const ROOM: u64 = 1 << 20;
/// With less room than that behind a record there is to be more: a record takes about 80 KiB, and others may come first.
const SCARCE: u64 = ROOM / 4;

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

/// Writes the log back into the database if it has grown beyond its bound, and begins it anew. Makes room in it for further records.
///
/// # Errors
/// Whatever SQLite reports; the next command tries again.
pub fn run(store: &Store) -> rusqlite::Result<()> {
    let mut size = log_size(&store.path);
    if size.is_some_and(|size| size > LOG_BOUND) {
        write_back(store)?;
        size = log_size(&store.path);
    }
    match (size, log::end(&store.db)) {
        (Some(size), Some(end)) if size < end + SCARCE && end + SCARCE <= LOG_BOUND => {
            log::leave_room(&store.db, LOG_BOUND.min(end + ROOM));
            // Its own version, once more: a page is written, and nothing changes.
            commit(store, |db| {
                db.pragma_update(None, "user_version", migrate::version(db)?)
            })
        }
        _ => Ok(()),
    }
}

fn write_back(store: &Store) -> rusqlite::Result<()> {
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
    let now = Moment::now().iso();
    commit(store, |db| {
        let sql = "INSERT OR REPLACE INTO meta (key, value) VALUES ('checkpointed_at', ?1)";
        db.execute(sql, params![now]).map(drop)
    })
}

/// Makes a commit of its own. Not while others write.
fn commit(
    store: &Store,
    write: impl Fn(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let Some(transaction) = store.begin_if_idle()? else {
        return Ok(());
    };
    write(&store.db)?;
    transaction.commit()
}
