//! The answer: what the executor, the sideband and the database say about the end of a command, put together.
use std::path::Path;

use crate::cli::lossy;
use crate::error::Error;
use crate::executor::Report;
use crate::meta::{Meta, Survivor};
use crate::outcome::Outcome;
use crate::recording::{Ended, Recorded, millis};
use crate::sys::signal;

/// The exit status of our process after a timeout, as timeout(1) has it.
const TIMED_OUT: i32 = 124;

/// The answer about a command that ran.
#[must_use]
pub fn about(ended: &Ended<'_>, recorded: Recorded, record_notice: Option<String>) -> Meta {
    let report = &ended.report;
    let survivors = report.survivors.iter().map(|process| Survivor {
        pid: process.pid,
        name: process.name.clone(),
    });
    Meta {
        outcome: report.outcome.word().to_owned(),
        ended_by: report.ended_by.map(|by| by.word().to_owned()),
        exit_code: Some(report.status.code()),
        signal: report.status.signal().map(signal::name),
        pipestatus: ended.pipestatus.clone(),
        timed_out: report.outcome.is_timeout(),
        elapsed_ms: millis(report.elapsed),
        grace_ms: millis(report.grace),
        recorded: recorded.observation_id.is_some(),
        record_error: recorded.error,
        record_notice,
        observation_id: recorded.observation_id,
        survivors: survivors.collect(),
        output_bytes: report.output_bytes,
        output_kept: report.output_error.is_none(),
        output_error: report.output_error.clone(),
        cwd: lossy(ended.cwd),
        error: None,
    }
}

/// The answer about a command that could not be started.
#[must_use]
pub fn about_failure(error: &Error, cwd: &Path) -> Meta {
    Meta {
        outcome: Outcome::FailedToStart.word().to_owned(),
        ended_by: None,
        exit_code: None,
        signal: None,
        pipestatus: Vec::new(),
        timed_out: false,
        elapsed_ms: 0,
        grace_ms: 0,
        recorded: false,
        record_error: None,
        record_notice: None,
        observation_id: None,
        survivors: Vec::new(),
        output_bytes: 0,
        output_kept: true,
        output_error: None,
        cwd: lossy(cwd),
        error: Some(error.to_string()),
    }
}

/// The exit status of our process: the command's own, but a timeout has its number and a kill never looks like success.
#[must_use]
pub fn process_status(report: &Report) -> i32 {
    match report.status.code() {
        _ if report.outcome.is_timeout() => TIMED_OUT,
        0 if report.outcome.is_kill() => 128 + libc::SIGTERM,
        code => code,
    }
}
