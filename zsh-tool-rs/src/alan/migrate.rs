//! Brings a database of any age to the present layout.
//!
//! The steps are the numbered SQL files; `user_version` is the number of the last one applied. A
//! line `-- if-missing: TABLE.COLUMN` makes the statement after it apply only when that column is
//! missing, which SQL itself cannot say. The other language applies the same files.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

/// The files in order: the first brings `user_version` to 1.
const STEPS: [&str; 2] = [
    include_str!("migrations/001_base.sql"),
    include_str!("migrations/002_context.sql"),
];

/// The `user_version` of the present layout.
pub const PRESENT: i64 = 2;

const CONDITION: &str = "-- if-missing:";

/// The `user_version` that the file has.
///
/// # Errors
/// Whatever SQLite reports.
pub fn version(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Applies what the file lacks, in one transaction. A layout of a later release is left as it is:
/// later ones only add.
///
/// # Errors
/// Whatever SQLite reports; then nothing has changed.
pub fn migrate(db: &Connection) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Exclusive)?;
    // Another executor may have been faster.
    let from = version(db)?;
    let first = usize::try_from(from).unwrap_or_default();
    for step in STEPS.iter().skip(first) {
        apply(db, step)?;
    }
    if from < PRESENT {
        db.pragma_update(None, "user_version", PRESENT)?;
    }
    transaction.commit()
}

fn apply(db: &Connection, step: &str) -> rusqlite::Result<()> {
    for statement in statements(step) {
        if let Some((table, column)) = statement.if_missing
            && has_column(db, table, column)?
        {
            continue;
        }
        db.execute_batch(&statement.sql)?;
    }
    Ok(())
}

fn has_column(db: &Connection, table: &str, column: &str) -> rusqlite::Result<bool> {
    db.query_row(
        "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2",
        params![table, column],
        |_| Ok(()),
    )
    .optional()
    .map(|found| found.is_some())
}

/// A statement of a step, with the column that must be missing for it.
#[derive(Debug, Default, PartialEq)]
struct Statement<'a> {
    if_missing: Option<(&'a str, &'a str)>,
    sql: String,
}

/// The statements of a step. Each ends with a semicolon at a line's end.
fn statements(step: &str) -> Vec<Statement<'_>> {
    let mut all = Vec::new();
    let mut statement = Statement::default();
    for line in step.lines() {
        if let Some(place) = line.strip_prefix(CONDITION) {
            statement.if_missing = place.trim().split_once('.');
        } else if !line.starts_with("--") {
            statement.sql.push_str(line);
            statement.sql.push('\n');
            if line.trim_end().ends_with(';') {
                all.push(std::mem::take(&mut statement));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_layout_is_the_last_step() {
        assert_eq!(i64::try_from(STEPS.len()).unwrap(), PRESENT);
    }

    #[test]
    fn every_condition_names_a_column() {
        for step in STEPS {
            let conditions = step
                .lines()
                .filter(|line| line.starts_with(CONDITION))
                .count();
            let all = statements(step);
            assert_eq!(
                all.iter().filter(|one| one.if_missing.is_some()).count(),
                conditions
            );
            for statement in all {
                let alters = statement.sql.contains("ADD COLUMN");
                assert_eq!(alters, statement.if_missing.is_some(), "{}", statement.sql);
            }
        }
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let db = Connection::open_in_memory().unwrap();
        migrate(&db).unwrap();
        let layout = |db: &Connection| -> i64 {
            db.pragma_query_value(None, "schema_version", |row| row.get(0))
                .unwrap()
        };
        let before = layout(&db);
        migrate(&db).unwrap();
        assert_eq!(layout(&db), before);
        assert_eq!(version(&db).unwrap(), PRESENT);
    }

    #[test]
    fn a_later_layout_is_left_alone() {
        let db = Connection::open_in_memory().unwrap();
        migrate(&db).unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        migrate(&db).unwrap();
        assert_eq!(version(&db).unwrap(), 99);
    }
}
