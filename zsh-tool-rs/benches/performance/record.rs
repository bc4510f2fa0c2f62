//! What recording costs in a large database, against an empty one: a whole command, and of that the record itself.
use std::path::Path;
use std::time::{Duration, Instant};

use zsh_tool_exec::alan::{Alan, AlanError, Retention};

use super::fill;
use super::sample::{Bench, Failure, Measure, medians, ms, ratio, timed};
use super::startup::{BOUND, NO_BOUND, filled, holder, recording};
use super::table::Table;

const TARGET: f64 = 1.1;

/// So many times the runs of other parts: a record takes a tenth of a millisecond, and a tenth of that is to be seen.
const MORE: usize = 3;

pub fn recorded(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    let sizes = [(0, NO_BOUND), (BOUND, BOUND), (1_000_000, NO_BOUND)];
    let mut databases = Vec::new();
    for (rows, bound) in sizes {
        let db = filled(bench, rows)?;
        databases.push((holder(&db)?, db, bound));
    }
    let databases = || databases.iter().map(|(_, db, bound)| (db, *bound));
    let record = databases().map(|(db, bound)| {
        let mut count = 0;
        let once = move || {
            count += 1;
            record(db, bound, count)
        };
        Box::new(once) as Measure
    });
    let took = medians(MORE * bench.runs, record.collect())?;
    let micros = |took: Duration| format!("{} µs", took.as_micros());
    compare(table, "the record alone", &took, micros);
    let whole = databases()
        .map(|(db, bound)| Box::new(move || timed(&mut recording(bench, db, bound))) as Measure);
    let took = medians(bench.runs, whole.collect())?;
    compare(table, "a whole command", &took, ms);
    Ok(())
}

fn compare(table: &mut Table, what: &str, took: &[Duration], say: impl Fn(Duration) -> String) {
    let [empty, full, large] = took[..] else {
        return;
    };
    for (size, took) in [
        ("200,000 rows, the bound", full),
        ("1,000,000 rows, bound raised", large),
    ] {
        let detail = format!("{} against {}", say(took), say(empty));
        table.at_most(
            &format!("{what}, {size}"),
            TARGET,
            ratio(took, empty),
            &detail,
        );
    }
}

/// Opens, reads ahead as while the command runs, records, and keeps up afterwards. Only the record is timed.
fn record(db: &Path, rows: u64, count: u64) -> Result<Duration, Failure> {
    let failed = |error: AlanError| Failure(error.to_string());
    let limits = Retention {
        rows,
        half_life_days: 36_500.0,
    };
    let text = fill::command(count * 31);
    let mut alan = Alan::open_ahead(db, limits).map_err(failed)?;
    alan.rehearse(text.as_bytes(), Path::new("/"), "benchmrk", &|| true);
    let start = Instant::now();
    alan.record(&fill::success(&text)).map_err(failed)?;
    let took = start.elapsed();
    alan.after_answer_in_haste();
    Ok(took)
}
