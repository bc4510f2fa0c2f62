//! Room in the pages of indexes, made after an answer for the records to come.
//!
//! An entry that finds its page of an index full has SQLite share out the entries of three pages anew, which costs a record another fifth.
//! Where entries come in order, at the end of an index or of one session's part of it, the pages before are full too: each time less room is
//! won, down to that for one entry, until a fourth page is taken. So it is not every hundredth record that meets it but, of one index or
//! another, every second. Here copies of the last rows are put where the next ones will go, and removed by the same transaction.
//! Nobody sees them; what they leave is the room.

use rusqlite::{Connection, params};

use super::id;
use super::open::Store;
use super::time::Moment;
use crate::sys::log;

/// After so many rows, room is made for so many more. With half of them it costs twice as many pages of the log, and wins a record no more.
const ROWS: i64 = 24;

const COPY_OBSERVATIONS: &str = "\
INSERT INTO observations (id, command_hash, command_template, weight, created_at, project, session_id)
SELECT ?2 || rowid, command_hash, command_template, 1.0, ?3, project, session_id
FROM observations ORDER BY rowid DESC LIMIT ?1";

// Below all others, so that the numbers which AUTOINCREMENT will give stay the same.
const COPY_RECENT: &str = "\
INSERT INTO recent_commands (id, session_id, command_hash, command_template, timestamp)
SELECT -id, session_id, command_hash, command_template, ?2
FROM recent_commands WHERE id > 0 ORDER BY id DESC LIMIT ?1";

const REMOVE_RECENT: &str = "\
DELETE FROM recent_commands WHERE id IN
  (SELECT -id FROM recent_commands WHERE id > 0 ORDER BY id DESC LIMIT ?1)";

/// Whether room is to be made after this row of observations.
#[must_use]
pub fn is_due(rowid: i64) -> bool {
    rowid % ROWS == 0
}

/// Makes the room, unless others write. Each table by itself, so that no record of another command waits long for the lock.
///
/// # Errors
/// Whatever SQLite reports; every row is as it was.
pub fn make(store: &Store) -> rusqlite::Result<()> {
    // Without a log, each commit waits for the disk and others for it.
    if log::end(&store.db).is_none() {
        return Ok(());
    }
    for table in [in_observations, in_recent] {
        let Some(transaction) = store.begin_if_idle()? else {
            return Ok(());
        };
        let (copied, removed) = table(&store.db)?;
        // Where rowids have reached their end, SQLite gives any that is free: then nothing is to be left.
        if copied != removed {
            return transaction.rollback();
        }
        transaction.commit()?;
    }
    Ok(())
}

/// Gives how many rows were copied, and how many removed.
fn in_observations(db: &Connection) -> rusqlite::Result<(usize, usize)> {
    let now = Moment::now();
    let last: Option<i64> =
        db.query_row("SELECT max(rowid) FROM observations", [], |row| row.get(0))?;
    let copied = db.execute(
        COPY_OBSERVATIONS,
        params![ROWS, id::new(db, now)?, now.iso()],
    )?;
    let removed = db.execute("DELETE FROM observations WHERE rowid > ?1", [last])?;
    Ok((copied, removed))
}

/// The same.
fn in_recent(db: &Connection) -> rusqlite::Result<(usize, usize)> {
    let copied = db.execute(COPY_RECENT, params![ROWS, Moment::now().seconds()])?;
    Ok((copied, db.execute(REMOVE_RECENT, [ROWS])?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::tests::observation;
    use super::super::{Alan, Observation, Retention};
    use super::*;

    fn open(folder: &Path) -> Alan {
        Alan::open(&folder.join("alan.db"), Retention::default()).unwrap()
    }

    fn db(alan: &Alan) -> &Connection {
        &alan.store.as_ref().unwrap().db
    }

    fn record(alan: &mut Alan, number: i64) {
        let command = format!("tool run --flag x{}", number * 7_919 % 10_007);
        let observation = Observation {
            command: command.as_bytes(),
            ..observation()
        };
        alan.record(&observation).unwrap();
    }

    /// Every row of the tables, and the number that AUTOINCREMENT gave last.
    fn rows(db: &Connection) -> Vec<String> {
        let sql = "SELECT rowid || id || command_hash || created_at FROM observations
            UNION ALL SELECT id || session_id || timestamp || observation_id FROM recent_commands
            UNION ALL SELECT name || seq FROM sqlite_sequence";
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn nothing_is_left_of_the_copies() {
        let temp = tempfile::tempdir().unwrap();
        let mut alan = open(temp.path());
        for number in 1..=2 * ROWS {
            record(&mut alan, number);
            let (before, changes) = (rows(db(&alan)), db(&alan).total_changes());
            make(alan.store.as_ref().unwrap()).unwrap();
            assert_eq!(rows(db(&alan)), before, "{number}");
            assert!(db(&alan).total_changes() > changes);
        }
        let whole: String = db(&alan)
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(whole, "ok");
    }

    #[test]
    fn where_rowids_have_reached_their_end_there_is_no_copy() {
        let temp = tempfile::tempdir().unwrap();
        let mut alan = open(temp.path());
        record(&mut alan, 1);
        let sql = "UPDATE observations SET rowid = 9223372036854775807";
        db(&alan).execute(sql, []).unwrap();
        record(&mut alan, 2);
        let before = rows(db(&alan));
        make(alan.store.as_ref().unwrap()).unwrap();
        assert_eq!(rows(db(&alan)), before);
    }

    #[test]
    fn without_a_log_no_room_is_made() {
        let temp = tempfile::tempdir().unwrap();
        let mut alan = open(temp.path());
        db(&alan)
            .pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))
            .unwrap();
        record(&mut alan, 1);
        let before = db(&alan).total_changes();
        make(alan.store.as_ref().unwrap()).unwrap();
        assert_eq!(db(&alan).total_changes(), before);
    }

    /// The pages that 600 records change, with upkeep after each or without.
    fn pages(keeps_up: bool) -> u64 {
        let temp = tempfile::tempdir().unwrap();
        let mut alan = open(temp.path());
        let mut bytes = 0;
        for number in 1..=600 {
            let before = log::end(db(&alan));
            record(&mut alan, number);
            // A log that begins anew ends earlier.
            let written = log::end(db(&alan))
                .unwrap()
                .checked_sub(before.unwrap_or(0));
            bytes += written.unwrap_or(0);
            if keeps_up {
                alan.after_answer();
            }
        }
        bytes >> 12
    }

    #[test]
    fn records_that_find_room_change_fewer_pages() {
        let (with, without) = (pages(true), pages(false));
        assert!(with * 100 < without * 96, "{with} against {without}");
    }
}
