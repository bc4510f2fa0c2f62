//! Recording is best effort: what comes of it is said, and changes nothing else.
use std::path::Path;

use crate::alan::{Alan, AlanError, Observation};
use crate::cli::Database;
use crate::control::standby::Remarks;
use crate::executor::Report;
use crate::sys::signal;

/// What became of recording one command.
#[derive(Debug, Default)]
pub struct Recorded {
    /// The row, if it is there.
    pub observation_id: Option<String>,
    /// Why it is not, if it should be.
    pub error: Option<String>,
}

/// The database, if there is to be one.
#[derive(Debug)]
pub struct Recorder {
    database: Option<Database>,
    alan: Option<Result<Alan, AlanError>>,
}

impl Recorder {
    /// Records there, or nowhere.
    #[must_use]
    pub fn new(database: Option<Database>) -> Recorder {
        Recorder {
            database,
            alan: None,
        }
    }

    /// Opens the database ahead of time, while the command starts. A failure is told when it matters, after another try.
    pub fn open_ahead(&mut self) {
        if let (Some(database), None) = (&self.database, &self.alan) {
            self.alan = Some(Alan::open_ahead(&database.path, database.retention));
        }
    }

    /// Does ahead what recording this command will need, as long as there is `time` for it.
    pub fn rehearse(
        &mut self,
        command: &[u8],
        cwd: &Path,
        remarks: &Remarks,
        time: &dyn Fn() -> bool,
    ) {
        if let (Some(database), Some(Ok(alan)), true) =
            (&self.database, &mut self.alan, remarks.is_wanted)
        {
            alan.rehearse(command, cwd, session_of(database, remarks), time);
        }
    }

    fn open(&mut self) {
        if let Some(database) = &self.database {
            self.alan = Some(Alan::open(&database.path, database.retention));
        }
    }

    /// Records one command that has ended.
    pub fn record(
        &mut self,
        command: &[u8],
        cwd: &Path,
        report: &Report,
        pipestatus: &[i32],
        remarks: &Remarks,
    ) -> Recorded {
        if !remarks.is_wanted || self.database.is_none() {
            return Recorded::default();
        }
        if !matches!(self.alan, Some(Ok(_))) {
            self.open();
        }
        let (Some(database), Some(alan)) = (&self.database, &mut self.alan) else {
            return Recorded::default();
        };
        let signal = report.status.signal().map(signal::name);
        let exit_code = report.status.code();
        let outcome = report.outcome;
        let observation = Observation {
            id: remarks.observation_id.as_deref(),
            command,
            session_id: session_of(database, remarks),
            exit_code,
            duration_ms: millis(report.elapsed),
            timed_out: outcome.is_timeout(),
            // A shell that exits 0 after it was told to end has not succeeded.
            succeeded: exit_code == 0 && !outcome.is_timeout() && !outcome.is_kill(),
            pipestatus,
            cwd,
            outcome: outcome.word(),
            signal: signal.as_deref(),
            intent: remarks.intent.as_deref(),
            author: remarks.author.as_deref(),
            insights: &remarks.insights,
        };
        match alan.as_mut().map(|alan| alan.record(&observation)) {
            Ok(Ok(id)) => Recorded {
                observation_id: Some(id),
                error: None,
            },
            Ok(Err(error)) => Recorded::failed(&error),
            Err(error) => Recorded::failed(error),
        }
    }

    /// What the user should know about the database.
    #[must_use]
    pub fn notice(&self) -> Option<&str> {
        self.alan.as_ref()?.as_ref().ok()?.notice()
    }

    /// Does this command's share of the upkeep, once nobody waits for the answer any more; as little as keeps up where
    /// the caller waits for the end of this process. It is the last thing to be done.
    pub fn leave(mut self, is_waited_for: bool) {
        if let Some(Ok(mut alan)) = self.alan.take() {
            if is_waited_for {
                alan.after_answer_in_haste();
            } else {
                alan.after_answer();
            }
            // The end of this process closes the files faster than SQLite does, and no less safely.
            std::mem::forget(alan);
        }
    }
}

impl Recorded {
    fn failed(error: &AlanError) -> Recorded {
        Recorded {
            observation_id: None,
            error: Some(error.to_string()),
        }
    }
}

fn session_of<'a>(database: &'a Database, remarks: &'a Remarks) -> &'a str {
    let asked = remarks.session_id.as_deref();
    asked.unwrap_or(&database.session_id)
}

/// Whole milliseconds.
#[must_use]
pub fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
