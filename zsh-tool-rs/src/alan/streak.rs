//! How often in a row a command ended the same way.
//!
//! [`Streak::next`] is the rule. [`UPSERT`] is the same rule as one statement, so that executors
//! that end at the same moment cannot overwrite each other's count; a test holds the two equal.

use rusqlite::{Connection, params};

/// The streak row of one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streak {
    /// Above zero: so many successes in a row. Below zero: so many failures.
    pub current: i64,
    /// The longest run of successes that was extended; the first row counts too.
    pub longest_success: i64,
    /// The longest run of failures, counted the same way.
    pub longest_fail: i64,
}

impl Streak {
    /// The row after one more result.
    #[must_use]
    pub fn next(previous: Option<Self>, success: bool) -> Self {
        let step = if success { 1 } else { -1 };
        let Some(row) = previous else {
            return Self {
                current: step,
                longest_success: i64::from(success),
                longest_fail: i64::from(!success),
            };
        };
        if row.current.signum() != step {
            return Self {
                current: step,
                ..row
            };
        }
        let current = row.current.saturating_add(step);
        if success {
            Self {
                current,
                longest_success: row.longest_success.max(current),
                ..row
            }
        } else {
            Self {
                current,
                longest_fail: row.longest_fail.max(current.saturating_neg()),
                ..row
            }
        }
    }

    /// Whether the last result was a success.
    #[must_use]
    pub fn last_was_success(self) -> bool {
        self.current > 0
    }
}

/// Adds one result. Parameters: hash, success (0 or 1), time.
///
/// The sign of `current_streak` says what the last result was. Columns of old rows may be NULL.
pub const UPSERT: &str = "\
INSERT INTO streaks (command_hash, current_streak, longest_success_streak, longest_fail_streak,
                     last_result, last_updated)
VALUES (?1, 2 * ?2 - 1, ?2, 1 - ?2, ?2, ?3)
ON CONFLICT (command_hash) DO UPDATE SET
  current_streak = CASE WHEN current_streak * excluded.current_streak > 0
    THEN current_streak + excluded.current_streak ELSE excluded.current_streak END,
  longest_success_streak = CASE WHEN current_streak > 0 AND excluded.last_result
    THEN max(coalesce(longest_success_streak, 0), current_streak + 1)
    ELSE coalesce(longest_success_streak, 0) END,
  longest_fail_streak = CASE WHEN current_streak < 0 AND NOT excluded.last_result
    THEN max(coalesce(longest_fail_streak, 0), 1 - current_streak)
    ELSE coalesce(longest_fail_streak, 0) END,
  last_result = excluded.last_result,
  last_updated = excluded.last_updated";

/// Adds one result to the command's row, within the caller's transaction.
///
/// # Errors
/// Whatever SQLite reports.
pub fn add(db: &Connection, hash: &str, success: bool, timestamp: f64) -> rusqlite::Result<()> {
    db.prepare_cached(UPSERT)?
        .execute(params![hash, success, timestamp])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Streak;

    fn after(results: &[bool]) -> (i64, i64, i64) {
        let row = results
            .iter()
            .fold(None, |row, success| Some(Streak::next(row, *success)));
        row.map_or((0, 0, 0), |row| {
            (row.current, row.longest_success, row.longest_fail)
        })
    }

    #[test]
    fn a_change_of_direction_leaves_the_longest_alone() {
        assert_eq!(after(&[false, false, false, true]), (1, 0, 3));
        assert_eq!(after(&[true, false, true, false]), (-1, 1, 0));
        assert_eq!(after(&[false, true, false]), (-1, 0, 1));
    }

    #[test]
    fn the_longest_grows_with_the_streak() {
        assert_eq!(after(&[true, true, true]), (3, 3, 0));
        assert_eq!(after(&[true, false, false]), (-2, 1, 2));
    }
}
