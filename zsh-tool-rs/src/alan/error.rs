//! What can keep a command from being recorded.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the database could not be opened or written. The text says what to do about it.
#[derive(Debug)]
pub enum AlanError {
    /// A file operation around the database failed: the path, while doing what, and the cause.
    Io(PathBuf, &'static str, io::Error),
    /// The path is a symbolic link, or no regular file.
    NotAFile(PathBuf),
    /// The file belongs to another user, by number.
    OwnedByOther(PathBuf, u32),
    /// Other writers held the database for longer than a command may wait.
    Busy(PathBuf),
    /// The disk or the quota is full.
    Full(PathBuf),
    /// The database or its directory cannot be written.
    ReadOnly(PathBuf),
    /// The file is no database, or a damaged one.
    Corrupt(PathBuf),
    /// SQLite reported something else, while doing what.
    Sqlite(PathBuf, &'static str, rusqlite::Error),
}

impl AlanError {
    /// Sorts an error of SQLite into the cases that a reader can act on.
    #[must_use]
    pub fn from_sqlite(path: &Path, doing: &'static str, error: rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(path),
            Some(ErrorCode::DiskFull) => Self::Full(path),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly(path),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(path),
            _ => Self::Sqlite(path, doing, error),
        }
    }

    /// Sorts an error of the file system the same way.
    #[must_use]
    pub fn from_io(path: &Path, doing: &'static str, error: io::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(path),
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(path),
            _ => Self::Io(path, doing, error),
        }
    }
}

impl fmt::Display for AlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, doing, error) => write!(f, "{doing} {}: {error}", path.display()),
            Self::NotAFile(path) => {
                write!(
                    f,
                    "database {} is a link or no regular file; give the file itself",
                    path.display()
                )
            }
            Self::OwnedByOther(path, uid) => {
                write!(
                    f,
                    "database {} belongs to user {uid}; use one of your own",
                    path.display()
                )
            }
            Self::Busy(path) => {
                write!(
                    f,
                    "database {} stayed locked; is another program writing to it?",
                    path.display()
                )
            }
            Self::Full(path) => write!(f, "no space left for database {}", path.display()),
            Self::ReadOnly(path) => {
                write!(
                    f,
                    "database {} cannot be written; check its mode and its directory's",
                    path.display()
                )
            }
            Self::Corrupt(path) => write!(f, "database {} is damaged", path.display()),
            Self::Sqlite(path, doing, error) => {
                write!(f, "{doing} in database {}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for AlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, _, error) => Some(error),
            Self::Sqlite(_, _, error) => Some(error),
            _ => None,
        }
    }
}
