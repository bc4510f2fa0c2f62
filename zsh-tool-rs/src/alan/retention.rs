//! What is forgotten, in small shares after the answer.
//!
//! Nothing here counts rows: rowids grow with time, so the distance between the lowest and the
//! highest bounds their number from above and costs two look-ups.

use rusqlite::{Connection, OptionalExtension, params};

use super::observation::Retention;
use super::open::Store;
use super::rows;
use super::time::Moment;

/// The most rows of one table that one command's share removes.
const SHARE: u32 = 64;

/// The changes that a record makes for each row of observations: that one, its recent command, its streak.
const CHANGES_PER_ROW: u64 = 3;

/// The observations that one transaction removes: each lies in other pages of several indexes, and a
/// record of another command may be waiting for the lock.
const AT_ONCE: usize = 16;

/// Whether anybody waits for the upkeep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The answer went out on its own way before.
    Leisurely,
    /// The caller waits for the end of this process.
    Hasty,
}

impl Pace {
    /// The most rows to remove. In haste it is one more than this connection has added, so that a database over
    /// its bound shrinks all the same.
    fn share(self, db: &Connection) -> u32 {
        match self {
            Pace::Leisurely => SHARE,
            Pace::Hasty => {
                let added = db.total_changes() / CHANGES_PER_ROW;
                u32::try_from(added + 1).map_or(SHARE, |share| share.min(SHARE))
            }
        }
    }
}

/// A row that weighs less is forgotten.
const LEAST_WEIGHT: f64 = 0.01;

/// The most rows of `recent_commands` that one share prunes.
const PRUNED_PER_SHARE: u32 = 1_000;

/// Removes this command's share of what is over the bound, too light, or no longer recent, as long as nobody waits to write.
///
/// # Errors
/// Whatever SQLite reports; what was removed before stays removed.
pub fn share(store: &Store, limits: Retention, pace: Pace) -> rusqlite::Result<()> {
    let db = &store.db;
    let plan = Plan::of(db, limits, pace.share(db))?;
    for rowids in plan.observations.chunks(AT_ONCE) {
        let Some(transaction) = store.begin_if_idle()? else {
            return Ok(());
        };
        for rowid in rowids {
            forget(db, *rowid)?;
        }
        transaction.commit()?;
    }
    if plan.others.is_empty() && !plan.recent {
        return Ok(());
    }
    let Some(transaction) = store.begin_if_idle()? else {
        return Ok(());
    };
    for (table, excess) in plan.others {
        trim(db, table, excess)?;
    }
    rows::prune(db, Moment::now(), PRUNED_PER_SHARE)?;
    transaction.commit()
}

/// Whether there is a share to remove.
///
/// # Errors
/// Whatever SQLite reports.
pub fn is_due(db: &Connection, limits: Retention) -> rusqlite::Result<bool> {
    Plan::of(db, limits, 1).map(|plan| !plan.is_empty())
}

/// What there is to do. It is found without a lock: most commands find nothing.
struct Plan {
    observations: Vec<i64>,
    others: Vec<(&'static str, u32)>,
    recent: bool,
}

impl Plan {
    fn of(db: &Connection, limits: Retention, share: u32) -> rusqlite::Result<Self> {
        let mut others = Vec::new();
        for table in ["ssh_observations", "insights"] {
            let excess = excess(db, table, limits.rows)?.min(share);
            if excess > 0 {
                others.push((table, excess));
            }
        }
        Ok(Self {
            observations: due(db, limits, share)?,
            others,
            recent: rows::any_to_prune(db, Moment::now())?,
        })
    }

    fn is_empty(&self) -> bool {
        self.observations.is_empty() && self.others.is_empty() && !self.recent
    }
}

/// By how much a table is over the bound, at most one share.
fn excess(db: &Connection, table: &str, bound: u64) -> rusqlite::Result<u32> {
    // Two look-ups: asked for both in one statement, SQLite walks the whole table.
    let sql =
        format!("SELECT (SELECT max(rowid) FROM {table}) - (SELECT min(rowid) FROM {table}) + 1");
    let span: Option<i64> = db.prepare_cached(&sql)?.query_row([], |row| row.get(0))?;
    let span = span
        .and_then(|span| u64::try_from(span).ok())
        .unwrap_or_default();
    let excess = span.saturating_sub(bound);
    Ok(u32::try_from(excess).map_or(SHARE, |excess| excess.min(SHARE)))
}

/// The observations to forget now: the oldest over the bound, then those that weigh too little.
fn due(db: &Connection, limits: Retention, share: u32) -> rusqlite::Result<Vec<i64>> {
    let excess = excess(db, "observations", limits.rows)?.min(share);
    let mut due = oldest(db, excess)?;
    for order in ["created_at", "weight"] {
        let taken = u32::try_from(due.len()).unwrap_or(share);
        let room = share.saturating_sub(taken);
        for rowid in light(db, order, limits.half_life_days, room)? {
            if !due.contains(&rowid) {
                due.push(rowid);
            }
        }
    }
    Ok(due)
}

fn oldest(db: &Connection, number: u32) -> rusqlite::Result<Vec<i64>> {
    if number == 0 {
        return Ok(Vec::new());
    }
    // Up to this rowid, not so many rows: where rowids have gaps, that removes fewer.
    let sql = "SELECT rowid FROM observations ORDER BY rowid LIMIT ?1";
    db.prepare_cached(sql)?
        .query_map([number], |row| row.get(0))?
        .collect()
}

/// At most `room` of the first rows in `order` as long as each weighs too little. Rows of one weight grow lighter
/// in the order of their times, so the first that stays ends the search. A time that cannot be read, or lies
/// ahead, says nothing of the rows behind it: such a row is passed over.
fn light(db: &Connection, order: &str, half_life: f64, room: u32) -> rusqlite::Result<Vec<i64>> {
    if room == 0 {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT rowid, coalesce(weight, 1.0), julianday('now') - julianday(created_at)
         FROM observations ORDER BY {order} LIMIT ?1"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut found = statement.query([SHARE])?;
    let mut light = Vec::new();
    while light.len() < room as usize
        && let Some(row) = found.next()?
    {
        let (weight, age): (f64, Option<f64>) = (row.get(1)?, row.get(2)?);
        let known = age.filter(|age| *age >= 0.0);
        if weight * 0.5_f64.powf(known.unwrap_or(0.0) / half_life) < LEAST_WEIGHT {
            light.push(row.get(0)?);
        } else if known.is_some() {
            break;
        }
    }
    Ok(light)
}

/// Removes one observation; with the last of its command also the command's streak.
fn forget(db: &Connection, rowid: i64) -> rusqlite::Result<()> {
    let hash: Option<String> = db
        .prepare_cached("DELETE FROM observations WHERE rowid = ?1 RETURNING command_hash")?
        .query_row([rowid], |row| row.get(0))
        .optional()?;
    if let Some(hash) = hash {
        db.prepare_cached(
            "DELETE FROM streaks WHERE command_hash = ?1
             AND NOT EXISTS (SELECT 1 FROM observations WHERE command_hash = ?1)",
        )?
        .execute(params![hash])?;
    }
    Ok(())
}

/// Removes the oldest rows of a table.
fn trim(db: &Connection, table: &str, number: u32) -> rusqlite::Result<usize> {
    let sql = format!(
        "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid LIMIT ?1)"
    );
    db.prepare_cached(&sql)?.execute([number])
}
