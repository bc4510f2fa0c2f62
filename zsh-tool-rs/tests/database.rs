//! The database's file: private, upgraded from every layout, set aside when damaged.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ledger;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ledger::{Ledger, success};
use rusqlite::Connection;
use zsh_tool_exec::alan::{Alan, AlanError, Observation, Retention};

const LAYOUTS: [&str; 3] = ["python", "rust", "oldest"];

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn open(path: &Path) -> Result<Alan, AlanError> {
    Alan::open(path, Retention::default())
}

fn wal(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

#[test]
fn files_and_new_directories_are_private() {
    let ledger = Ledger::new();
    let path = ledger.directory.path().join("new/deeper/alan.db");
    let mut alan = open(&path).unwrap();
    alan.record(&success("true")).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&wal(&path)), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(path.parent().unwrap().parent().unwrap()), 0o700);
}

#[test]
fn an_old_database_that_others_could_read_becomes_private() {
    let ledger = Ledger::of_layout("python");
    fs::set_permissions(&ledger.path, Permissions::from_mode(0o644)).unwrap();
    ledger.open().record(&success("true")).unwrap();
    assert_eq!(mode(&ledger.path), 0o600);
    assert_eq!(mode(&wal(&ledger.path)), 0o600);
}

#[test]
fn a_link_is_not_followed() {
    let ledger = Ledger::new();
    let target = ledger.directory.path().join("target.db");
    fs::write(&target, "").unwrap();
    symlink(&target, &ledger.path).unwrap();
    let error = open(&ledger.path).unwrap_err();
    assert!(matches!(error, AlanError::NotAFile(_)), "{error}");
    assert_eq!(fs::metadata(&target).unwrap().len(), 0);
    fs::remove_file(&target).unwrap();
    assert!(open(&ledger.path).is_err(), "a dangling link was followed");
    assert!(!target.exists());
}

#[test]
fn a_link_in_the_directory_is_fine() {
    let ledger = Ledger::new();
    let link = ledger.directory.path().join("link");
    fs::create_dir(ledger.directory.path().join("real")).unwrap();
    symlink("real", &link).unwrap();
    open(&link.join("alan.db"))
        .unwrap()
        .record(&success("true"))
        .unwrap();
    assert!(ledger.directory.path().join("real/alan.db").is_file());
}

#[test]
fn what_is_no_file_is_refused() {
    let ledger = Ledger::new();
    fs::create_dir(&ledger.path).unwrap();
    let error = open(&ledger.path).unwrap_err();
    assert!(matches!(error, AlanError::NotAFile(_)), "{error}");
    let error = open(Path::new("/dev/null")).unwrap_err();
    assert!(matches!(error, AlanError::NotAFile(_)), "{error}");
}

#[test]
fn a_database_of_someone_else_is_refused() {
    let ledger = Ledger::new();
    fs::write(&ledger.path, "").unwrap();
    // Only root can give a file away; for anyone else a file of root's does.
    let path = match std::os::unix::fs::chown(&ledger.path, Some(12_345), None) {
        Ok(()) => ledger.path.clone(),
        Err(_) => PathBuf::from("/etc/passwd"),
    };
    let error = open(&path).unwrap_err();
    assert!(matches!(error, AlanError::OwnedByOther(..)), "{error}");
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error_at_once() {
    let ledger = Ledger::new();
    fs::write(ledger.directory.path().join("file"), "").unwrap();
    let started = Instant::now();
    for path in [
        ledger.directory.path().join("file/alan.db"),
        PathBuf::from("/proc/none/alan.db"),
    ] {
        let error = open(&path).unwrap_err();
        assert!(
            matches!(error, AlanError::Io(..) | AlanError::ReadOnly(_)),
            "{error:?}"
        );
    }
    assert!(open(Path::new("/")).is_err());
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn every_old_layout_is_upgraded_and_keeps_its_rows() {
    for layout in LAYOUTS {
        let ledger = Ledger::of_layout(layout);
        let before = ledger.count("observations");
        let mut alan = ledger.open();
        alan.record(&Observation {
            pipestatus: &[0, 1],
            ..success("a | b")
        })
        .unwrap();
        alan.record(&Observation {
            exit_code: 1,
            ..success("echo hello")
        })
        .unwrap();
        ledger.assert_whole();
        assert_eq!(ledger.number("PRAGMA user_version"), 2, "{layout}");
        assert_eq!(ledger.count("observations"), before + 4, "{layout}");
        assert_eq!(ledger.text("PRAGMA journal_mode"), "wal", "{layout}");
        let old = "SELECT command_preview || ' ' || exit_code || ' ' || weight || ' ' || created_at
                   FROM observations WHERE id LIKE '%9f03'";
        assert_eq!(
            ledger.text(old),
            "ls -la 124 0.25 2026-03-03T23:59:59.000001+00:00",
            "{layout}"
        );
        let streak = ledger.text(
            "SELECT current_streak || ' ' || longest_success_streak || ' ' || longest_fail_streak
             FROM streaks WHERE command_hash = '584a331fd6b02dcb'",
        );
        let expected = if layout == "oldest" {
            "-1 0 1"
        } else {
            "-2 4 2"
        };
        assert_eq!(streak, expected, "{layout}");
    }
}

/// Every object of the layout, the columns of each table by name.
fn layout(ledger: &Ledger) -> Vec<String> {
    let db = ledger.reader();
    let mut statement = db
        .prepare(
            "SELECT name || ': ' || coalesce((SELECT group_concat(name || ' ' || type, ', ') FROM
               (SELECT name, type FROM pragma_table_info(sqlite_schema.name) ORDER BY name)), '')
             FROM sqlite_schema ORDER BY 1",
        )
        .unwrap();
    statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn every_way_leads_to_one_layout() {
    let new = Ledger::new();
    drop(new.open());
    for name in LAYOUTS {
        let ledger = Ledger::of_layout(name);
        drop(ledger.open());
        assert_eq!(layout(&ledger), layout(&new), "{name}");
    }
}

#[test]
fn a_layout_between_two_others_is_upgraded() {
    let new = Ledger::new();
    drop(new.open());
    for (table, column, index) in [
        ("observations", "command_template", "idx_command_template"),
        ("observations", "weight", "idx_weight"),
        ("recent_commands", "command_template", "idx_recent_template"),
        (
            "ssh_observations",
            "remote_command_template",
            "idx_ssh_remote_template",
        ),
        ("ssh_observations", "exit_type", "idx_ssh_exit_type"),
    ] {
        let ledger = Ledger::of_layout("rust");
        let rows = ledger.count("observations");
        let lacking = format!("DROP INDEX {index}; ALTER TABLE {table} DROP COLUMN {column}");
        let db = Connection::open(&ledger.path).unwrap();
        db.execute_batch(&lacking).unwrap();
        drop(db);
        let mut alan = ledger.open();
        alan.record(&success("true")).unwrap();
        assert_eq!(ledger.count("observations"), rows + 1, "{lacking}");
        assert_eq!(layout(&ledger), layout(&new), "{lacking}");
    }
}

#[test]
fn earlier_releases_can_still_write() {
    let ledger = Ledger::new();
    let mut alan = ledger.open();
    let old = Connection::open(&ledger.path).unwrap();
    old.execute(
        "INSERT INTO observations (id, command_hash, command_template, command_preview, exit_code,
           duration_ms, timed_out, output_snippet, error_snippet, created_at)
         VALUES ('x', 'h', 't', 'p', 0, 1, 0, 'out', 'err', '2026-01-01T00:00:00+00:00')",
        [],
    )
    .unwrap();
    alan.record(&success("true")).unwrap();
    assert_eq!(ledger.count("observations"), 2);
}

#[test]
fn an_empty_file_is_a_new_database() {
    let ledger = Ledger::new();
    fs::write(&ledger.path, "").unwrap();
    let mut alan = ledger.open();
    assert_eq!(alan.notice(), None);
    alan.record(&success("true")).unwrap();
    assert_eq!(ledger.count("observations"), 1);
}

#[test]
fn a_database_replaced_while_open_gets_the_next_record() {
    let ledger = Ledger::new();
    let mut alan = ledger.open();
    alan.record(&success("first")).unwrap();
    let other = Ledger::new();
    drop(other.open());
    let db = Connection::open(&other.path).unwrap();
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(db);
    fs::remove_file(wal(&ledger.path)).unwrap();
    fs::remove_file(format!("{}-shm", ledger.path.display())).unwrap();
    fs::rename(&other.path, &ledger.path).unwrap();
    alan.record(&success("second")).unwrap();
    assert_eq!(
        ledger.text("SELECT group_concat(command_preview) FROM observations"),
        "second"
    );
}

#[test]
fn a_database_removed_while_open_is_made_again() {
    let ledger = Ledger::new();
    let mut alan = ledger.open();
    alan.record(&success("first")).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(format!("{}{suffix}", ledger.path.display())).unwrap();
    }
    alan.record(&success("second")).unwrap();
    assert_eq!(
        ledger.text("SELECT group_concat(command_preview) FROM observations"),
        "second"
    );
    assert_eq!(mode(&ledger.path), 0o600);
}

#[test]
fn a_lock_held_for_long_is_an_error_within_the_bound() {
    let ledger = Ledger::new();
    let mut alan = ledger.open();
    let other = Connection::open(&ledger.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    let error = alan.record(&success("true")).unwrap_err();
    let waited = started.elapsed();
    assert!(matches!(error, AlanError::Busy(_)), "{error}");
    assert!(
        waited >= Duration::from_millis(1_900),
        "gave up after {waited:?}"
    );
    assert!(waited < Duration::from_secs(4), "waited {waited:?}");
    alan.after_answer();
    other.execute_batch("COMMIT").unwrap();
    alan.record(&success("true")).unwrap();
    assert_eq!(ledger.count("observations"), 1);
}

#[test]
fn a_reader_in_a_transaction_does_not_hinder_a_writer() {
    let ledger = Ledger::new();
    let mut alan = ledger.open();
    alan.record(&success("true")).unwrap();
    let reader = ledger.reader();
    reader
        .execute_batch("BEGIN; SELECT * FROM observations")
        .unwrap();
    let started = Instant::now();
    alan.record(&success("true")).unwrap();
    alan.after_answer();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(ledger.count("observations"), 2);
}

#[test]
fn a_log_that_has_grown_is_written_back_and_begun_anew() {
    let ledger = Ledger::new();
    let mut alan = ledger.open();
    let holder = ledger.reader();
    let intent = "x".repeat(100_000);
    let size = || fs::metadata(wal(&ledger.path)).unwrap().len();
    let mut recorded = 0;
    while size() <= 4 * 1024 * 1024 {
        alan.record(&Observation {
            intent: Some(&intent),
            ..success("true")
        })
        .unwrap();
        recorded += 1;
        assert!(recorded < 200, "the log does not grow");
    }
    alan.after_answer();
    let log = fs::read(wal(&ledger.path)).unwrap();
    let used = log.iter().rposition(|byte| *byte != 0).unwrap();
    assert!(used < 100_000, "{used}");
    // The rest is room for the next records.
    assert!(log.len() < 2 * 1024 * 1024, "{}", log.len());
    alan.record(&success("true")).unwrap();
    assert_eq!(ledger.count("observations"), recorded + 1);
    ledger.assert_whole();
    drop(holder);
}

#[test]
fn a_layout_of_a_later_release_is_written_to() {
    let ledger = Ledger::new();
    drop(ledger.open());
    let db = Connection::open(&ledger.path).unwrap();
    db.execute_batch("ALTER TABLE observations ADD COLUMN later TEXT; PRAGMA user_version = 7")
        .unwrap();
    ledger.open().record(&success("true")).unwrap();
    assert_eq!(ledger.number("PRAGMA user_version"), 7);
    assert_eq!(ledger.count("observations"), 1);
}
