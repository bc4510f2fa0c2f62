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
    /// Only other writers stood in the way: it can be tried again when nobody waits for it.
    pub is_put_off: bool,
}

/// A command that has ended.
#[derive(Clone, Debug)]
pub struct Ended<'a> {
    /// Its text.
    pub command: &'a [u8],
    /// Where it ran.
    pub cwd: &'a Path,
    /// How it ended.
    pub report: Report,
    /// The codes of its last pipeline.
    pub pipestatus: Vec<i32>,
    /// What the caller wants recorded with it.
    pub remarks: &'a Remarks,
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

    /// Records one command while its answer waits.
    pub fn record(&mut self, ended: &Ended<'_>) -> Recorded {
        let (Some(database), true) = (&self.database, ended.remarks.is_wanted) else {
            return Recorded::default();
        };
        if !matches!(self.alan, Some(Ok(_))) {
            self.alan = Some(Alan::open(&database.path, database.retention));
        }
        let mut recorded = self.with(ended, Alan::record);
        if let (true, Some(error)) = (recorded.is_put_off, &mut recorded.error) {
            error.push_str(" It is tried again after the answer, for 30 s");
        }
        recorded
    }

    /// Records what had to be put off, now that nobody waits for it.
    pub fn record_late(&mut self, ended: &Ended<'_>) -> Recorded {
        let is_open = matches!(self.alan, Some(Ok(_)));
        if let (Some(database), false) = (&self.database, is_open) {
            self.alan = Some(Alan::open_late(&database.path, database.retention));
        }
        self.with(ended, Alan::record_late)
    }

    fn with(
        &mut self,
        ended: &Ended<'_>,
        record: fn(&mut Alan, &Observation<'_>) -> Result<String, AlanError>,
    ) -> Recorded {
        let (Some(database), Some(alan)) = (&self.database, &mut self.alan) else {
            return Recorded::default();
        };
        let Ended {
            report, remarks, ..
        } = ended;
        let signal = report.status.signal().map(signal::name);
        let exit_code = report.status.code();
        let outcome = report.outcome;
        let observation = Observation {
            id: remarks.observation_id.as_deref(),
            command: ended.command,
            session_id: session_of(database, remarks),
            exit_code,
            duration_ms: millis(report.elapsed),
            timed_out: outcome.is_timeout(),
            // A shell that exits 0 after it was told to end has not succeeded.
            succeeded: exit_code == 0 && !outcome.is_timeout() && !outcome.is_kill(),
            pipestatus: &ended.pipestatus,
            cwd: ended.cwd,
            outcome: outcome.word(),
            signal: signal.as_deref(),
            intent: remarks.intent.as_deref(),
            author: remarks.author.as_deref(),
            insights: &remarks.insights,
        };
        match alan.as_mut().map(|alan| record(alan, &observation)) {
            Ok(Ok(id)) => Recorded {
                observation_id: Some(id),
                ..Recorded::default()
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

    /// Closes the database: a copy of this process has to open it anew.
    pub fn close(&mut self) {
        self.alan = None;
    }

    /// Does this command's share of the upkeep, once nobody waits for the answer any more; as little as keeps up where
    /// the caller waits for the end of this process. It is the last thing to be done.
    pub fn leave(&mut self, is_waited_for: bool) {
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
            is_put_off: matches!(error, AlanError::Busy(_)),
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
