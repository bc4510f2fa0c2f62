//! Measures every target in one run and prints target and measured side by side.
//!
//! All numbers are ratios to something measured in the same run, taken in turns, so that a slow or busy machine changes both sides.
//! The exit status is 1 only when something could not be measured; a missed target is printed, not hidden and not fatal.
#[path = "../../examples/fill.rs"]
#[allow(dead_code, reason = "a program of its own as well")]
mod fill;
mod flood;
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

fn measure(table: &mut Table) -> Result<(), Failure> {
    // `cargo bench` hands its own flags on; a number is the number of runs each.
    let runs = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(300);
    let bench = Bench::new(runs)?;
    table.heading(
        "starting one command, against the floor (static C: pipe, vfork, exec, read, wait)",
    );
    startup::bare(&bench, table)?;
    startup::recorded(&bench, table)?;
    table.heading("from an executor that stands by, against zsh -c true");
    request::standby(&bench, table)?;
    table.heading("a flood of output, as a share of the rate without us");
    flood::pipe(&bench, table)?;
    flood::terminal(&bench, table)?;
    table.heading("size");
    let size = std::fs::metadata(&bench.executor)?.len();
    table.at_most(
        "binary, stripped, in MB",
        4.0,
        sample::lossy(size) / 1e6,
        "",
    );
    table.summary();
    Ok(())
}
