//! Opens the database: private, upgraded, in WAL mode where that works, in few steps.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::error::AlanError;
use super::file::{self, Identity};
use super::patience::{Patience, Step};
use super::unlucky::Unlucky;
use super::{migrate, place, rows};
use crate::sys::log;

/// How often the file may turn out damaged or replaced while it is being opened.
const ATTEMPTS: u32 = 3;

/// How many pauses the change to WAL may take. A program that holds the file in its own mode may
/// keep it: everything works in that mode too, only slower.
const WAL_PAUSES: u32 = 50;

/// Who had no luck for so long is let pass by the others.
const UNLUCKY_AFTER: Duration = Duration::from_millis(100);

/// More than a record and its rehearsal prepare, so that none pushes out another.
const STATEMENTS: usize = 32;

/// An open database.
#[derive(Debug)]
pub struct Store {
    /// The connection, its statements prepared.
    pub db: Connection,
    /// The absolute path without links.
    pub path: PathBuf,
    /// The file that the connection is open on.
    pub identity: Identity,
    /// What the user should know about the opening.
    pub notice: Option<String>,
    /// How the next commit syncs.
    pub sync: Cell<&'static str>,
    unlucky: Unlucky,
    patience: Patience,
}

/// Opens the database at `path`. A damaged file is set aside and a new one begun.
///
/// # Errors
/// When there is no way to write there.
pub fn open(path: &Path, patience: &Patience) -> Result<Store, AlanError> {
    let path = file::locate(path)?;
    for _ in 0..ATTEMPTS {
        let (identity, empty) = file::prepare(&path)?;
        match connect(&path, empty, patience) {
            // A file that was replaced in this moment is opened again.
            Ok(_) if Identity::at(&path) != Some(identity) => {}
            Ok(db) => {
                return Ok(Store {
                    db,
                    unlucky: Unlucky::at(&path),
                    patience: patience.clone(),
                    path,
                    identity,
                    notice: SET_ASIDE.take(),
                    sync: Cell::new("NORMAL"),
                });
            }
            Err(error) if is_damage(&error) => set_aside(&path, identity)?,
            Err(error) => return Err(AlanError::from_sqlite(&path, "opening", error)),
        }
    }
    Err(AlanError::Busy(path))
}

thread_local! {
    /// What was set aside and has not been told: others may be at work on the new file, and an opening that fails for them must not lose it.
    static SET_ASIDE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Sets a damaged database aside, unless another process has; the next store tells of it.
fn set_aside(path: &Path, damaged: Identity) -> Result<(), AlanError> {
    if let Some(aside) = file::set_aside(path, damaged)? {
        SET_ASIDE.replace(Some(format!(
            "the database was damaged; it is kept as {} and a new one begun",
            aside.display()
        )));
    }
    Ok(())
}

/// Whether the error says that another connection holds a lock.
fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Whether the error says that the file is no database or a damaged one.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

impl Store {
    /// Closes the database, sets it aside as damaged and opens a new one.
    ///
    /// # Errors
    /// When the file cannot be renamed or a new one cannot be made.
    pub fn begin_anew(self, patience: &Patience) -> Result<Self, AlanError> {
        let Self {
            db, path, identity, ..
        } = self;
        drop(db);
        set_aside(&path, identity)?;
        open(&path, patience)
    }

    /// Begins to write, as soon as nobody else does. The deadline is that of the connection's patience.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub fn begin(&self) -> rusqlite::Result<Transaction<'_>> {
        if let Some(transaction) = self.begin_among_others()? {
            return Ok(transaction);
        }
        let _seen = self.unlucky.show();
        self.begin_with(Step::Often)
    }

    /// Tries its luck for a while, but lets those pass who had none for long.
    fn begin_among_others(&self) -> rusqlite::Result<Option<Transaction<'_>>> {
        let patience = Patience::new(UNLUCKY_AFTER.min(self.patience.left()));
        let mut count = 0;
        loop {
            if let Some(transaction) = self.begin_if_idle()? {
                return Ok(Some(transaction));
            }
            if !patience.pause(count) {
                return Ok(None);
            }
            count += 1;
        }
    }

    /// Begins to write if nobody writes nor has waited for long.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub fn begin_if_idle(&self) -> rusqlite::Result<Option<Transaction<'_>>> {
        if !self.unlucky.is_nobody() {
            return Ok(None);
        }
        match self.begin_with(Step::None) {
            Err(error) if is_busy(&error) => Ok(None),
            begun => begun.map(Some),
        }
    }

    fn begin_with(&self, step: Step) -> rusqlite::Result<Transaction<'_>> {
        self.patience.set_step(step);
        let begun = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate);
        // Without a log, to commit is to wait for readers.
        self.patience.set_step(Step::Seldom);
        begun
    }

    /// Whether the path still leads to the file that is open here.
    #[must_use]
    pub fn is_current(&self) -> bool {
        Identity::at(&self.path) == Some(self.identity)
    }
}

fn connect(path: &Path, empty: bool, patience: &Patience) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut db = match log::name() {
        Some(name) => Connection::open_with_flags_and_vfs(path, flags, name)?,
        None => Connection::open_with_flags(path, flags)?,
    };
    // As `log` asks for.
    db.pragma_update(None, "cache_spill", false)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    patience.rule(&mut db)?;
    // The last to close would write the whole log back while its caller waits.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Else SQLite prepares a statement with `LIMIT ?` once more when the limit is known.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    if empty {
        // Nothing can be lost yet, so nothing has to reach the disk before the first answer.
        db.pragma_update(None, "synchronous", "OFF")?;
    }
    let version = persist(patience, u32::MAX, || migrate::version(&db))?;
    use_wal(&db, path, patience)?;
    if version < migrate::PRESENT {
        persist(patience, u32::MAX, || migrate::migrate(&db))?;
    }
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    rows::prepare(&db)?;
    Ok(db)
}

/// Switches to the write-ahead log unless the file system or another program forbids it.
fn use_wal(db: &Connection, path: &Path, patience: &Patience) -> rusqlite::Result<()> {
    let mode: String = persist(patience, u32::MAX, || {
        db.pragma_query_value(None, "journal_mode", |row| row.get(0))
    })?;
    if mode == "wal" || !place::is_local(path) {
        return Ok(());
    }
    let switched = persist(patience, WAL_PAUSES, || {
        db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
    });
    match switched {
        // Then the journal stays as it is, which is slower and just as safe.
        Err(error) if !is_damage(&error) => Ok(()),
        done => done,
    }
}

/// Repeats what found the database locked, at most `pauses` times. SQLite does not always ask its
/// busy handler: not where it fears a deadlock between two that want to upgrade their locks.
fn persist<T>(
    patience: &Patience,
    pauses: u32,
    mut action: impl FnMut() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let mut count = 0;
    loop {
        match action() {
            Err(error) if is_busy(&error) && count < pauses && patience.pause(count) => {
                count += 1;
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_set_aside_is_told_by_the_next_store_whatever_fails_before() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("alan.db");
        std::fs::write(&path, "this is no database").unwrap();
        let patience = Patience::new(Duration::ZERO);
        set_aside(&path, Identity::at(&path).unwrap()).unwrap();
        std::fs::write(&path, "no directory").unwrap();
        assert!(open(&path.join("x"), &patience).is_err());
        std::fs::remove_file(&path).unwrap();
        let notice = open(&path, &patience).unwrap().notice;
        assert!(notice.is_some_and(|notice| notice.contains("alan.db.damaged-")));
        assert_eq!(open(&path, &patience).unwrap().notice, None);
    }
}
