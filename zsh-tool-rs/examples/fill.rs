//! Makes a database of a given size, and times recording into one.
//!
//! `fill rows DB NUMBER` adds that many observations, spread over half a year and fifty projects.
//! `fill time DB NUMBER [ROWS]` records that many commands, first each as an executor of its own
//! would (open, record, upkeep, close), then all on one connection, and prints the medians. ROWS is
//! the bound that retention keeps; by default none is removed.
//! `fill shrink DB ROWS` records until no more rows than that are left, and prints the spreads of what that took.

use std::error::Error;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde_json::{Value, json};
use zsh_tool_exec::alan::{Alan, Observation, Retention, hash};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["rows", db, number] => fill(Path::new(db), number.parse()?),
        ["time", db, number] => time(Path::new(db), number.parse()?, u64::MAX),
        ["time", db, number, rows] => time(Path::new(db), number.parse()?, rows.parse()?),
        ["shrink", db, rows] => shrink(Path::new(db), rows.parse()?),
        _ => Err(
            "usage: fill rows DB NUMBER | fill time DB NUMBER [ROWS] | fill shrink DB ROWS".into(),
        ),
    }
}

/// The text of the n-th command: some hundred templates, some ten thousand hashes.
#[must_use]
pub fn command(n: u64) -> String {
    let (tool, file) = (n % 97, n * 7_919 % 20_011);
    let name = char::from(b'a' + u8::try_from(file % 26).unwrap_or(0));
    format!("tool{tool} run --flag{} src/{name}x{file}", n % 5)
}

/// Adds so many observations to the database.
///
/// # Errors
/// What the database says.
pub fn fill(path: &Path, number: u64) -> Outcome<()> {
    drop(Alan::open(path, Retention::default())?);
    let db = Connection::open(path)?;
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000")?;
    let transaction = Transaction::new_unchecked(&db, TransactionBehavior::Immediate)?;
    // Sorting once is many times faster than a million insertions in random places. But it leaves pages that are full, which the next
    // row in each splits; the second half comes one by one, as in a database that has grown, and leaves room in them.
    let sorted = number / 2;
    let indexes = drop_indexes(&db)?;
    insert(&db, 0..sorted, number)?;
    db.execute_batch(&indexes)?;
    insert(&db, sorted..number, number)?;
    transaction.commit()?;
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

fn drop_indexes(db: &Connection) -> Outcome<String> {
    let mut statement = db.prepare(
        "SELECT name, sql FROM sqlite_schema
         WHERE type = 'index' AND tbl_name = 'observations' AND sql IS NOT NULL",
    )?;
    let indexes: Vec<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    drop(statement);
    let mut again = String::new();
    for (name, sql) in indexes {
        db.execute_batch(&format!("DROP INDEX {name}"))?;
        again.push_str(&sql);
        again.push(';');
    }
    Ok(again)
}

fn insert(db: &Connection, rows: Range<u64>, number: u64) -> Outcome<()> {
    let mut insert = db.prepare(
        "INSERT INTO observations (id, command_hash, command_template, command_preview, exit_code,
           duration_ms, created_at, cwd, project, outcome, host, session_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6,
           strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now', ?7), ?8, ?8, 'exited', 'host', ?9)",
    )?;
    for n in rows {
        let text = command(n);
        let age_secs = 15_552_000 * (number - n) / number;
        let (high, low) = (n >> 16, n & 0xffff);
        insert.execute(params![
            format!("{high:08x}-{low:04x}-7000-8000-000000000000"),
            hash::hash(&text),
            hash::template(&text),
            text,
            i64::from(n.is_multiple_of(11)),
            i64::try_from(n % 3_000)?,
            format!("-{age_secs} seconds"),
            format!("/home/user/project{}", n % 50),
            format!("{:08x}", n / 200),
        ])?;
    }
    Ok(())
}

fn time(path: &Path, number: u64, rows: u64) -> Outcome<()> {
    let limits = Retention {
        rows,
        half_life_days: 36_500.0,
    };
    let mut opening = Vec::new();
    let mut first = Vec::new();
    let mut upkeep = Vec::new();
    for n in 0..number {
        let started = Instant::now();
        let mut alan = Alan::open(path, limits)?;
        opening.push(started.elapsed());
        first.push(record(&mut alan, n)?);
        let started = Instant::now();
        alan.after_answer();
        upkeep.push(started.elapsed());
    }
    let mut alan = Alan::open(path, limits)?;
    let mut warm = Vec::new();
    for n in 0..number {
        warm.push(record(&mut alan, n)?);
        alan.after_answer();
    }
    println!(
        "{}",
        json!({
            "open_us": spread(opening),
            "first_record_us": spread(first),
            "upkeep_us": spread(upkeep),
            "warm_record_us": spread(warm),
        })
    );
    Ok(())
}

fn shrink(path: &Path, rows: u32) -> Outcome<()> {
    let limits = Retention {
        rows: rows.into(),
        half_life_days: 36_500.0,
    };
    let reader = Connection::open(path)?;
    let mut span = reader.prepare(
        "SELECT (SELECT max(rowid) FROM observations) - (SELECT min(rowid) FROM observations) + 1",
    )?;
    let mut alan = Alan::open(path, limits)?;
    let (mut records, mut upkeep) = (Vec::new(), Vec::new());
    let mut commands = 0;
    while span.query_row([], |row| row.get::<_, i64>(0))? > rows.into() {
        records.push(record(&mut alan, commands)?);
        let started = Instant::now();
        alan.after_answer();
        upkeep.push(started.elapsed());
        commands += 1;
    }
    let counted: i64 =
        reader.query_row("SELECT count(*) FROM observations", [], |row| row.get(0))?;
    println!(
        "{}",
        json!({
            "commands": commands,
            "rows": counted,
            "record_us": spread(records),
            "upkeep_us": spread(upkeep),
        })
    );
    Ok(())
}

/// A run of `text` that ended well.
#[must_use]
pub fn success(text: &str) -> Observation<'_> {
    Observation {
        id: None,
        command: text.as_bytes(),
        session_id: "benchmrk",
        exit_code: 0,
        duration_ms: 5,
        timed_out: false,
        succeeded: true,
        pipestatus: &[0],
        cwd: Path::new("/"),
        outcome: "exited",
        signal: None,
        intent: None,
        author: None,
        insights: &[],
    }
}

fn record(alan: &mut Alan, n: u64) -> Outcome<Duration> {
    let text = command(n * 31);
    let started = Instant::now();
    alan.record(&success(&text))?;
    Ok(started.elapsed())
}

/// The median, the 99th percentile and the largest, in microseconds.
fn spread(mut times: Vec<Duration>) -> Value {
    times.sort_unstable();
    let at = |share: usize| {
        let index = times.len().saturating_sub(1) * share / 100;
        times.get(index).map_or(0, Duration::as_micros)
    };
    json!({"median": at(50), "p99": at(99), "max": at(100)})
}
