//! Measures every target in one run and prints target and measured side by side.
//!
//! All numbers are ratios to something measured in the same run, taken in turns, so that a slow or busy machine changes both sides.
//! The exit status is 1 only when something could not be measured; a missed target is printed, not hidden and not fatal.
mod ends;
#[path = "../../examples/fill.rs"]
#[allow(dead_code, reason = "a program of its own as well")]
mod fill;
mod flood;
mod record;
mod request;
mod sample;
mod startup;
mod table;

use std::process::ExitCode;

use sample::{Bench, Failure};
use table::Table;

fn main() -> ExitCode {
    let mut table = Table::default();
    match measure(&mut table) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("could not measure: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// What is measured under one name: `cargo bench -- NAME` measures that alone.
type Part = (&'static str, fn(&Bench, &mut Table) -> Result<(), Failure>);

const PARTS: [Part; 6] = [
    ("start", start),
    ("record", record),
    ("standby", from_standby),
    ("flood", flood),
    ("ends", ends),
    ("size", size),
];

fn measure(table: &mut Table) -> Result<(), Failure> {
    // `cargo bench` hands its own flags on; a number is the number of runs each.
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runs = words.iter().find_map(|word| word.parse().ok());
    let bench = Bench::new(runs.unwrap_or(300))?;
    let asked = |name: &str| words.iter().any(|word| word == name);
    let all = !PARTS.iter().any(|(name, _)| asked(name));
    for (_, part) in PARTS.iter().filter(|(name, _)| all || asked(name)) {
        part(&bench, table)?;
    }
    table.summary();
    Ok(())
}

fn start(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    table.heading(
        "starting one command, against the floor (static C: pipe, vfork, exec, read, wait)",
    );
    startup::bare(bench, table)?;
    startup::recorded(bench, table)
}

fn record(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    table.heading("recording in a large database, against in an empty one");
    record::recorded(bench, table)
}

fn from_standby(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    table.heading("from an executor that stands by, against zsh -c true");
    request::standby(bench, table)
}

fn flood(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    table.heading("a flood of output, as a share of the rate without us");
    flood::pipe(bench, table)?;
    flood::terminal(bench, table)
}

fn ends(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    table.heading("ends: of a tree that is told to, and by a limit on time");
    ends::kills(bench, table)?;
    ends::timeouts(bench, table)
}

fn size(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    table.heading("size");
    let size = std::fs::metadata(&bench.executor)?.len();
    table.at_most(
        "binary, stripped, in MB",
        4.0,
        sample::lossy(size) / 1e6,
        "",
    );
    Ok(())
}
