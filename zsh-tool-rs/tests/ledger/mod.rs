//! A database in a directory of its own, for the tests that call the library.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use zsh_tool_exec::alan::{Alan, Observation, Retention};

/// Keeps what the frozen databases hold, however long ago that was.
pub const KEEP: Retention = Retention {
    rows: 200_000,
    half_life_days: 36_500.0,
};

/// A path for a database, in a directory that ends with the test.
pub struct Ledger {
    pub directory: TempDir,
    pub path: PathBuf,
}

impl Ledger {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("alan.db");
        Self { directory, path }
    }

    /// A database as an earlier release left it: `tests/data/NAME.sql`.
    pub fn of_layout(name: &str) -> Self {
        let ledger = Self::new();
        let sql = format!("{}/tests/data/{name}.sql", env!("CARGO_MANIFEST_DIR"));
        let db = Connection::open(&ledger.path).unwrap();
        db.execute_batch(&std::fs::read_to_string(sql).unwrap())
            .unwrap();
        ledger
    }

    pub fn open(&self) -> Alan {
        Alan::open(&self.path, KEEP).unwrap()
    }

    /// A reader's connection, as the server has it.
    pub fn reader(&self) -> Connection {
        Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }

    /// The one number that a query gives.
    pub fn number(&self, sql: &str) -> i64 {
        self.reader().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    pub fn text(&self, sql: &str) -> String {
        self.reader().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    pub fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}"))
    }

    pub fn assert_whole(&self) {
        assert_eq!(self.text("PRAGMA integrity_check"), "ok");
    }
}

/// A plain success of `command` in `/`, to be changed where a test needs it.
pub fn success(command: &str) -> Observation<'_> {
    Observation {
        id: None,
        command: command.as_bytes(),
        session_id: "12345678",
        exit_code: 0,
        duration_ms: 100,
        timed_out: false,
        succeeded: true,
        pipestatus: &[],
        cwd: Path::new("/"),
        outcome: "exited",
        signal: None,
        intent: None,
        author: None,
        insights: &[],
    }
}

/// Names the database to the workers.
pub const WORKER_DB: &str = "ALAN_TEST_WORKER_DB";

/// This test program again, as a process that runs only the test `worker`, which does nothing
/// unless it is started here.
pub fn worker_process(path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "worker", "--nocapture", "--quiet"])
        .env(WORKER_DB, path);
    command
}

/// The database that a worker was given.
pub fn worker_db() -> Option<PathBuf> {
    std::env::var_os(WORKER_DB).map(PathBuf::from)
}
