//! A file that is no database or a damaged one: kept under another name, and a new one begun.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ledger;

use std::fs;
use std::path::{Path, PathBuf};

use ledger::{KEEP, Ledger, success};
use rusqlite::{Connection, params};
use zsh_tool_exec::alan::{Alan, AlanError};

/// The files beside the database whose names say that they were damaged.
fn set_aside(ledger: &Ledger) -> Vec<PathBuf> {
    let entries = fs::read_dir(ledger.directory.path()).unwrap();
    let mut damaged: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.to_str().unwrap();
            name.contains("alan.db.damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm")
        })
        .collect();
    damaged.sort();
    damaged
}

#[test]
fn a_file_that_is_no_database_is_set_aside() {
    let ledger = Ledger::new();
    let text = "this is no database, but someone may want it back\n".repeat(200);
    fs::write(&ledger.path, &text).unwrap();
    let mut alan = ledger.open();
    let aside = set_aside(&ledger);
    assert_eq!(aside.len(), 1);
    assert_eq!(fs::read_to_string(&aside[0]).unwrap(), text);
    let notice = alan.notice().unwrap();
    assert!(
        notice.contains(aside[0].file_name().unwrap().to_str().unwrap()),
        "{notice}"
    );
    alan.record(&success("true")).unwrap();
    assert_eq!(ledger.count("observations"), 1);
}

/// A database of some hundred rows, written back and closed.
fn filled() -> Ledger {
    let ledger = Ledger::new();
    let mut alan = ledger.open();
    for n in 0..300 {
        alan.record(&success(&format!("echo a{n}"))).unwrap();
    }
    drop(alan);
    let db = Connection::open(&ledger.path).unwrap();
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    ledger
}

/// Overwrites the pages from number `first` on, at most `pages`.
fn damage(ledger: &Ledger, first: usize, pages: usize) {
    let mut bytes = fs::read(&ledger.path).unwrap();
    let (start, length) = ((first - 1) * 4096, bytes.len());
    bytes[start..length.min(start + pages * 4096)].fill(0xa5);
    fs::write(&ledger.path, bytes).unwrap();
}

#[test]
fn damage_found_while_opening_is_set_aside() {
    let ledger = filled();
    damage(&ledger, 2, usize::MAX / 8192);
    let mut alan = ledger.open();
    alan.record(&success("true")).unwrap();
    assert!(alan.notice().is_some());
    assert_eq!(set_aside(&ledger).len(), 1);
    assert_eq!(ledger.count("observations"), 1);
    ledger.assert_whole();
}

#[test]
fn damage_found_while_recording_is_set_aside() {
    let ledger = filled();
    let root = ledger.number("SELECT rootpage FROM sqlite_schema WHERE name = 'idx_created_at'");
    damage(&ledger, usize::try_from(root).unwrap(), 1);
    let mut alan = ledger.open();
    assert_eq!(
        alan.notice(),
        None,
        "the damage was found too early for this test"
    );
    alan.record(&success("true")).unwrap();
    assert!(alan.notice().is_some());
    assert_eq!(set_aside(&ledger).len(), 1);
    assert_eq!(ledger.count("observations"), 1);
    ledger.assert_whole();
}

#[test]
fn a_second_damaged_file_does_not_replace_the_first() {
    let ledger = Ledger::new();
    for text in ["first", "second"] {
        fs::write(&ledger.path, text.repeat(300)).unwrap();
        drop(ledger.open());
        for suffix in ["", "-wal", "-shm"] {
            let file = format!("{}{suffix}", ledger.path.display());
            if Path::new(&file).exists() {
                fs::remove_file(file).unwrap();
            }
        }
    }
    assert_eq!(set_aside(&ledger).len(), 2);
}

#[test]
fn a_foreign_database_is_left_alone() {
    let ledger = Ledger::new();
    let db = Connection::open(&ledger.path).unwrap();
    db.execute_batch("CREATE TABLE observations (something TEXT)")
        .unwrap();
    let error = Alan::open(&ledger.path, KEEP).unwrap_err();
    assert!(matches!(error, AlanError::Sqlite(..)), "{error}");
    assert_eq!(set_aside(&ledger), Vec::<PathBuf>::new());
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema", params![], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(tables, 1, "the upgrade was not rolled back");
}
