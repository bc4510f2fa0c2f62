//! Reading ahead, while the command runs, the pages that its record will change: afterwards they are at hand.

use rusqlite::{Connection, params};

use super::draft::Draft;
use super::time::Moment;
use super::{id, rows};

/// Where the rows of `observations` will go, in the table and in each of its indexes. One statement, because preparing is what costs.
const OBSERVATIONS: &str = "\
SELECT (SELECT max(rowid) FROM observations), (SELECT max(id) FROM observations),
  (SELECT max(created_at) FROM observations), (SELECT max(weight) FROM observations),
  (SELECT rowid FROM observations INDEXED BY idx_command_hash
   WHERE command_hash = ?1 ORDER BY rowid DESC LIMIT 1),
  (SELECT rowid FROM observations INDEXED BY idx_command_template
   WHERE command_template = ?2 ORDER BY rowid DESC LIMIT 1),
  (SELECT rowid FROM observations INDEXED BY idx_project_hash
   WHERE project = ?3 AND command_hash = ?1 ORDER BY rowid DESC LIMIT 1),
  (SELECT rowid FROM observations INDEXED BY idx_project_template
   WHERE project = ?3 AND command_template = ?2 ORDER BY rowid DESC LIMIT 1),
  (SELECT rowid FROM observations INDEXED BY idx_observation_session
   WHERE session_id = ?4 AND parent_id IS NULL ORDER BY rowid DESC LIMIT 1)";

/// The same for the other tables.
const OTHERS: &str = "\
SELECT (SELECT min(timestamp) FROM recent_commands), (SELECT max(timestamp) FROM recent_commands),
  (SELECT max(id) FROM recent_commands), (SELECT seq FROM sqlite_sequence WHERE name = 'recent_commands'),
  (SELECT timestamp FROM recent_commands INDEXED BY idx_recent_hash
   WHERE command_hash = ?1 ORDER BY timestamp DESC LIMIT 1),
  (SELECT timestamp FROM recent_commands INDEXED BY idx_recent_template
   WHERE command_template = ?2 ORDER BY timestamp DESC LIMIT 1),
  (SELECT timestamp FROM recent_commands INDEXED BY idx_recent_session
   WHERE session_id = ?3 ORDER BY timestamp DESC LIMIT 1),
  (SELECT current_streak FROM streaks WHERE command_hash = ?1), (SELECT max(rowid) FROM streaks)";

/// Reads the pages, as long as there is `time` for it. Gives the time of the oldest row of `recent_commands`, if it came that far: rows
/// that others add later are not older.
///
/// # Errors
/// Whatever SQLite reports; nothing depends on it.
pub fn read_ahead(
    db: &Connection,
    draft: &Draft,
    session_id: &str,
    time: &dyn Fn() -> bool,
) -> rusqlite::Result<Option<f64>> {
    let text = &draft.whole;
    if time() {
        rows::prepare(db)?;
        id::new(db, Moment::now())?;
    }
    if time() {
        let keys = params![text.hash, text.template, draft.project, session_id];
        db.prepare_cached(OBSERVATIONS)?
            .query_row(keys, |_| Ok(()))?;
    }
    if time() {
        let keys = params![text.hash, text.template, session_id];
        return db.prepare_cached(OTHERS)?.query_row(keys, |row| row.get(0));
    }
    Ok(None)
}
