//! What a record itself costs in a large database, against one into an empty database: the first one after opening, as an executor does it.
use std::path::Path;
use std::time::{Duration, Instant};

use zsh_tool_exec::alan::{Alan, AlanError, Retention};

use super::fill;
use super::sample::{Bench, Failure, Measure, medians, ratio};
use super::startup::{filled, holder};
use super::table::Table;

/// As many rows as are kept by default, so that each command makes its own room.
const BOUND: u64 = 200_000;
const TARGET: f64 = 1.1;

/// So many times the runs of other parts: a record takes a tenth of a millisecond, and a tenth of that is to be seen.
const MORE: usize = 3;

pub fn first(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    let (empty, full, large) = (
        filled(bench, 0)?,
        filled(bench, BOUND)?,
        filled(bench, 1_000_000)?,
    );
    let _held = [holder(&empty)?, holder(&full)?, holder(&large)?];
    let measure = |db, rows| {
        let mut count = 0;
        let once = move || {
            count += 1;
            record(db, rows, count)
        };
        Box::new(once) as Measure
    };
    let measures = vec![
        measure(&empty, u64::MAX),
        measure(&full, BOUND),
        measure(&large, u64::MAX),
    ];
    let [empty, full, large] = medians(MORE * bench.runs, measures)?[..] else {
        return Ok(());
    };
    for (name, took) in [
        ("at the bound of 200,000 rows", full),
        ("1,000,000 rows, the bound raised", large),
    ] {
        let detail = format!("{} µs against {}", took.as_micros(), empty.as_micros());
        table.at_most(name, TARGET, ratio(took, empty), &detail);
    }
    Ok(())
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
