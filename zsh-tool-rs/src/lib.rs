//! Runs one zsh command and tells the truth about how it ended.
pub mod alan;
pub mod answer;
pub mod cli;
pub mod control;
pub mod error;
pub mod executor;
pub mod job;
pub mod meta;
pub mod outcome;
pub mod recording;
pub mod sideband;
pub mod sys;

use std::ffi::OsString;
use std::io::Write;

use cli::Invocation;
use error::Error;
use job::Job;
use sys::signal::Signals;

/// Does what the words of the command line say, and gives the exit status of this process.
#[must_use]
pub fn run(words: impl IntoIterator<Item = OsString>) -> i32 {
    match cli::parse(words).and_then(serve) {
        Ok(status) => status,
        Err(Error::Information(text)) => inform(&text),
        Err(error) => {
            complain(&error.to_string());
            error.exit_code()
        }
    }
}

/// Says something in our own name, where the command's output does not go.
pub(crate) fn complain(text: &str) {
    // In one write, so that several executors with one stderr do not mix their words. When it is gone there is nobody else to tell.
    let line = format!("zsh-tool-exec: {text}\n");
    let _gone = std::io::stderr().write_all(line.as_bytes());
}

fn inform(text: &str) -> i32 {
    let written = std::io::stdout().write_all(text.as_bytes());
    i32::from(written.is_err())
}

fn serve(invocation: Invocation) -> Result<i32, Error> {
    let mut signals = Signals::take().map_err(Error::system("take signals"))?;
    match Job::find(invocation, &mut signals)? {
        Some(job) => job.run(signals),
        None => Ok(0),
    }
}
