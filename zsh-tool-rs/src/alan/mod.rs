//! The A.L.A.N. database: what was run, and how it ended.
//!
//! All SQL that the executor runs is in this module and the ones below it.

mod checkpoint;
mod draft;
pub mod error;
mod file;
pub mod hash;
pub mod id;
mod migrate;
mod observation;
mod open;
mod patience;
pub mod pipeline;
mod place;
mod rehearsal;
mod retention;
mod rows;
mod spare;
pub mod streak;
mod time;
mod unlucky;

pub use error::AlanError;
pub use observation::{Observation, Retention, ShownInsight, stored_text};
pub use place::project;

use std::path::{Path, PathBuf};
use std::time::Duration;

use draft::Draft;
use open::Store;
use patience::{LATE_BOUND, Patience, RECORD_BOUND, UPKEEP_BOUND};
use retention::Pace;

/// A connection to the database, ready to record.
#[derive(Debug)]
pub struct Alan {
    path: PathBuf,
    limits: Retention,
    patience: Patience,
    notice: Option<String>,
    /// None after the file was found damaged or replaced and no other could be opened.
    store: Option<Store>,
    draft: Option<Draft>,
    /// No row of `recent_commands` is older, if this is known.
    oldest_recent: Option<f64>,
    /// Whether a share of upkeep was due when the command was rehearsed.
    upkeep: Option<bool>,
    /// Whether the records to come want room.
    wants_room: bool,
}

/// Longer texts are worked out when the command has ended: meanwhile nobody would attend to its output.
const LONGEST_REHEARSED: usize = 16 << 10;

impl Alan {
    /// Opens the database at `path`, creates or upgrades it where needed. A damaged file is set
    /// aside, which [`Alan::notice`] then tells.
    ///
    /// # Errors
    /// When it cannot be opened for writing.
    pub fn open(path: &Path, limits: Retention) -> Result<Self, AlanError> {
        Self::open_within(RECORD_BOUND, path, limits)
    }

    /// The same, but waits for other writers as long as it must: for opening when nobody waits for the answer any more.
    ///
    /// # Errors
    /// As for [`Alan::open`].
    pub fn open_late(path: &Path, limits: Retention) -> Result<Self, AlanError> {
        Self::open_within(LATE_BOUND, path, limits)
    }

    /// The same, but without waiting for other writers: for opening ahead of time, while something else must not wait.
    ///
    /// # Errors
    /// As for [`Alan::open`], and at once when the database is locked.
    pub fn open_ahead(path: &Path, limits: Retention) -> Result<Self, AlanError> {
        Self::open_within(Duration::ZERO, path, limits)
    }

    fn open_within(bound: Duration, path: &Path, limits: Retention) -> Result<Self, AlanError> {
        let patience = Patience::new(bound);
        let mut alan = Self {
            path: path.to_path_buf(),
            limits,
            patience,
            notice: None,
            store: None,
            draft: None,
            oldest_recent: None,
            upkeep: None,
            wants_room: false,
        };
        alan.current_store()?;
        Ok(alan)
    }

    /// Something that the user should know, such as a damaged file that was set aside.
    #[must_use]
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Does ahead what the record of this command will need, while the command runs and as long as there is `time` for it. Nothing
    /// depends on its success, and no lock is taken that another writer could wait for.
    pub fn rehearse(
        &mut self,
        command: &[u8],
        cwd: &Path,
        session_id: &str,
        time: &dyn Fn() -> bool,
    ) {
        if command.len() > LONGEST_REHEARSED {
            return;
        }
        self.upkeep = None;
        let draft = self.draft.insert(Draft::of(command, cwd));
        let Some(store) = &self.store else {
            return;
        };
        let read = rehearsal::read_ahead(&store.db, draft, session_id, time);
        let is_whole = read.is_ok();
        self.oldest_recent = read.ok().flatten();
        if is_whole && time() {
            self.upkeep = retention::is_due(&store.db, self.limits).ok();
        }
    }

    /// Records one command in one transaction and gives the id of its observation.
    ///
    /// # Errors
    /// When nothing was recorded.
    pub fn record(&mut self, observation: &Observation<'_>) -> Result<String, AlanError> {
        self.record_within(RECORD_BOUND, observation)
    }

    /// The same, but waits for other writers as long as it must: for what could not be recorded before the answer.
    ///
    /// # Errors
    /// As for [`Alan::record`].
    pub fn record_late(&mut self, observation: &Observation<'_>) -> Result<String, AlanError> {
        self.record_within(LATE_BOUND, observation)
    }

    fn record_within(
        &mut self,
        bound: Duration,
        observation: &Observation<'_>,
    ) -> Result<String, AlanError> {
        self.patience.renew(bound);
        let rehearsed = self.draft.take();
        let draft = rehearsed
            .filter(|draft| draft.is_for(observation.command, observation.cwd))
            .unwrap_or_else(|| Draft::of(observation.command, observation.cwd));
        match self.try_record(&draft, observation) {
            Err(AlanError::Corrupt(_)) => {
                self.begin_anew()?;
                self.try_record(&draft, observation)
            }
            done => done,
        }
    }

    fn try_record(
        &mut self,
        draft: &Draft,
        observation: &Observation<'_>,
    ) -> Result<String, AlanError> {
        let oldest_recent = self.oldest_recent.take();
        let store = self.current_store()?;
        let written = checkpoint::set_sync(store)
            .and_then(|()| rows::insert(store, draft, observation, oldest_recent))
            .map_err(|error| AlanError::from_sqlite(&store.path, "recording", error))?;
        self.wants_room |= written.wants_room;
        Ok(written.id)
    }

    /// The store, opened again if its file is no longer the one at the path: a standby executor
    /// may have waited for long.
    fn current_store(&mut self) -> Result<&Store, AlanError> {
        let store = match self.store.take().filter(Store::is_current) {
            Some(store) => store,
            None => open::open(&self.path, &self.patience)?,
        };
        Ok(self.adopt(store))
    }

    fn begin_anew(&mut self) -> Result<(), AlanError> {
        if let Some(store) = self.store.take() {
            let store = store.begin_anew(&self.patience)?;
            self.adopt(store);
        }
        Ok(())
    }

    fn adopt(&mut self, mut store: Store) -> &Store {
        self.notice = store.notice.take().or(self.notice.take());
        self.store.insert(store)
    }

    /// Does this command's share of the upkeep; to be called once the answer is out.
    pub fn after_answer(&mut self) {
        self.keep_up(Pace::Leisurely);
    }

    /// The same where somebody waits for the end of this process: as little as keeps up.
    pub fn after_answer_in_haste(&mut self) {
        self.keep_up(Pace::Hasty);
    }

    fn keep_up(&mut self, pace: Pace) {
        self.patience.renew(UPKEEP_BOUND);
        let Some(store) = &self.store else {
            return;
        };
        // Nobody is waiting for either, and the next command tries again.
        if self.upkeep.take() != Some(false) {
            retention::share(store, self.limits, pace).unwrap_or_default();
        }
        if std::mem::take(&mut self.wants_room) {
            spare::make(store).unwrap_or_default();
        }
        checkpoint::run(store).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    pub(super) fn observation() -> Observation<'static> {
        Observation {
            id: None,
            command: b"true",
            session_id: "12345678",
            exit_code: 0,
            duration_ms: 1,
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

    /// Records until it fails under `pragma`, then without it once more.
    fn error_under(pragma: &str, undo: &str) -> AlanError {
        let temp = tempfile::tempdir().unwrap();
        let mut alan = Alan::open(&temp.path().join("alan.db"), Retention::default()).unwrap();
        let set = |alan: &Alan, pragma: &str| {
            alan.store
                .as_ref()
                .unwrap()
                .db
                .execute_batch(pragma)
                .unwrap();
        };
        set(&alan, pragma);
        let started = Instant::now();
        let error = (0..10_000)
            .find_map(|_| alan.record(&observation()).err())
            .unwrap();
        assert!(started.elapsed() < Duration::from_secs(10));
        set(&alan, undo);
        alan.record(&observation()).unwrap();
        error
    }

    #[test]
    fn a_full_disk_is_told_and_passes() {
        let error = error_under(
            "PRAGMA max_page_count = 60",
            "PRAGMA max_page_count = 100000",
        );
        assert!(matches!(error, AlanError::Full(_)), "{error:?}");
    }

    #[test]
    fn a_database_that_cannot_be_written_is_told() {
        let error = error_under("PRAGMA query_only = 1", "PRAGMA query_only = 0");
        assert!(matches!(error, AlanError::ReadOnly(_)), "{error:?}");
    }

    #[test]
    fn without_a_log_records_are_written_too() {
        let temp = tempfile::tempdir().unwrap();
        let mut alan = Alan::open(&temp.path().join("alan.db"), Retention::default()).unwrap();
        let db = &alan.store.as_ref().unwrap().db;
        db.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))
            .unwrap();
        alan.record(&observation()).unwrap();
        alan.after_answer();
        let db = &alan.store.as_ref().unwrap().db;
        let mode: String = db
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .unwrap();
        let level: i64 = db
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .unwrap();
        assert_eq!((mode.as_str(), level), ("delete", 1));
        let rows: i64 = db
            .query_row("SELECT count(*) FROM observations", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn no_statement_is_prepared_again_for_its_limit() {
        let temp = tempfile::tempdir().unwrap();
        let alan = Alan::open(&temp.path().join("alan.db"), Retention::default()).unwrap();
        let db = &alan.store.as_ref().unwrap().db;
        let sql = "SELECT id FROM observations ORDER BY rowid LIMIT ?1";
        let mut statement = db.prepare(sql).unwrap();
        for limit in 1..3 {
            assert!(statement.query([limit]).unwrap().next().unwrap().is_none());
        }
        let again = rusqlite::StatementStatus::RePrepare;
        assert_eq!(statement.get_status(again), 0);
    }
}
