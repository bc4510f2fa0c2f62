//! What a command costs when an executor is started for it.
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::{Connection, OpenFlags};

use super::sample::{Bench, Failure, Measure, medians, ms, ratio, timed};
use super::table::Table;

const ALONE: f64 = 2.0;
const WITH_HOLDER: f64 = 1.4;

/// Without recording: `true`, and a text with a pipe, whose codes come through the sideband.
pub fn bare(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    for (text, target) in [("true", Some(1.1)), ("false | true", None)] {
        let floor: Measure = Box::new(|| timed(&mut bench.floor(text)));
        let ours: Measure = Box::new(|| timed(&mut bench.alone(text)));
        let plain: Measure = Box::new(|| timed(&mut bench.plain(text)));
        let [floor, ours, plain] = medians(bench.runs, vec![floor, ours, plain])?[..] else {
            return Ok(());
        };
        let detail = format!("floor {}, zsh -c {}", ms(floor), ms(plain));
        // A pipeline's codes have no target of their own.
        table.at_most(
            &format!("zsh-tool-exec -- '{text}'"),
            target.unwrap_or(1.25),
            ratio(ours, floor),
            &detail,
        );
    }
    Ok(())
}

/// With `--db` and `--meta`, over the sizes a database can have.
pub fn recorded(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    for (name, rows) in [
        ("no rows", 0),
        ("10,000 rows", 10_000),
        ("1,000,000 rows", 1_000_000),
    ] {
        let db = filled(bench, rows)?;
        both(bench, table, &db, name)?;
    }
    let db = filled(bench, 0)?;
    let _held = holder(&db)?;
    for _ in 0..10_000 {
        timed(&mut recording(bench, &db, NO_BOUND))?;
    }
    both(bench, table, &db, "after 10,000 records")?;
    forgetting(bench, table)
}

/// Four fifths of the rows are over the default bound: each command removes its share of them after its answer.
fn forgetting(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    let db = filled(bench, 1_000_000)?;
    let _held = holder(&db)?;
    let floor: Measure = Box::new(|| timed(&mut bench.floor("true")));
    let ours: Measure = Box::new(|| timed(&mut recording(bench, &db, BOUND)));
    let [floor, ours] = medians(bench.runs, vec![floor, ours])?[..] else {
        return Ok(());
    };
    let detail = format!("{} against {}, until the process ends", ms(ours), ms(floor));
    table.at_most(
        "the same while old rows are removed after the answer",
        ALONE,
        ratio(ours, floor),
        &detail,
    );
    Ok(())
}

/// As many rows as are kept by default.
pub const BOUND: u64 = 200_000;
/// No row is over this bound: what is measured is the record alone.
pub const NO_BOUND: u64 = 10_000_000;

fn both(bench: &Bench, table: &mut Table, db: &Path, name: &str) -> Result<(), Failure> {
    for (held, target) in [(true, WITH_HOLDER), (false, ALONE)] {
        let _held = if held { Some(holder(db)?) } else { None };
        let floor: Measure = Box::new(|| timed(&mut bench.floor("true")));
        let ours: Measure = Box::new(|| timed(&mut recording(bench, db, NO_BOUND)));
        let [floor, ours] = medians(bench.runs, vec![floor, ours])?[..] else {
            return Ok(());
        };
        let how = if held {
            "held open by another"
        } else {
            "alone"
        };
        table.at_most(
            &format!("--db --meta, {name}, {how}"),
            target,
            ratio(ours, floor),
            &format!("{} against {}", ms(ours), ms(floor)),
        );
    }
    Ok(())
}

/// The executor with `--db` and `--meta`, which keeps at most so many rows.
pub fn recording(bench: &Bench, db: &Path, rows: u64) -> Command {
    let (meta, rows) = (bench.place.path().join("meta.json"), rows.to_string());
    let (db, meta) = (db.to_string_lossy(), meta.to_string_lossy());
    let flags = [
        ["--db", &db],
        ["--session-id", "bench"],
        ["--meta", &meta],
        ["--rows-max", &rows],
    ];
    bench.executor(flags.as_flattened(), "true")
}

/// A database with so many observations, made by the executor and filled by the example that knows its tables.
pub fn filled(bench: &Bench, rows: u64) -> Result<PathBuf, Failure> {
    let folder = tempfile::tempdir_in(bench.place.path())?.keep();
    let db = folder.join("alan.db");
    timed(&mut recording(bench, &db, NO_BOUND))?;
    if rows > 0 {
        super::fill::fill(&db, rows).map_err(|error| Failure(error.to_string()))?;
    }
    Ok(db)
}

/// A reader that holds the database open, as the server does, with no transaction.
pub fn holder(db: &Path) -> Result<Connection, Failure> {
    let connection = Connection::open_with_flags(db, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let _rows: i64 = connection.query_row("SELECT count(*) FROM meta", [], |row| row.get(0))?;
    Ok(connection)
}
