//! Executors killed at random moments: the database stays whole, and so does each record.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ledger;

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use ledger::{KEEP, Ledger, success, worker_db, worker_process};
use rusqlite::Connection;
use zsh_tool_exec::alan::{Alan, Observation, Retention};

/// How many executors are killed. More take longer and find more.
const KILLS: &str = "ZSH_TOOL_TEST_KILLS";
const FEW_KILLS: u32 = 60;

/// The process that is killed: records until then, upkeep included.
#[test]
fn worker() {
    let Some(path) = worker_db() else {
        return;
    };
    let limits = Retention {
        rows: 2_000,
        ..KEEP
    };
    let long = "x".repeat(5_000);
    let mut alan = Alan::open(&path, limits).unwrap();
    loop {
        let observation = Observation {
            pipestatus: &[0, 1, 0],
            intent: Some(&long),
            ..success("one | two | three")
        };
        alan.record(&observation).unwrap();
        alan.after_answer();
    }
}

fn start(path: &Path) -> Child {
    worker_process(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets two executors record, kills both after a random while and looks at what is left.
fn kill_and_check(ledger: &Ledger) {
    let mut children = [start(&ledger.path), start(&ledger.path)];
    let micros = random() % 40_000;
    for child in &mut children {
        std::thread::park_timeout(Duration::from_micros(micros));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let Ok(db) = Connection::open(&ledger.path) else {
        return;
    };
    let whole: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
    let version: i64 = db
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert!(version == 0 || version == 2, "half an upgrade: {version}");
    if version == 2 {
        assert_whole_records(&db);
    }
}

/// Each command has its three segments, and its four recent rows.
fn assert_whole_records(db: &Connection) {
    let number = |sql: &str| -> i64 { db.query_row(sql, [], |row| row.get(0)).unwrap() };
    let broken = "SELECT count(*) FROM observations AS whole LEFT JOIN
                    (SELECT parent_id, count(*) AS parts FROM observations GROUP BY parent_id) AS of
                    ON of.parent_id = whole.id
                  WHERE outcome IS NOT NULL AND parts IS NOT 3";
    assert_eq!(number(broken), 0, "a command without all its segments");
    let recent = "SELECT count(*) FROM recent_commands WHERE observation_id IS NOT NULL";
    assert_eq!(
        number(recent) % 4,
        0,
        "a command without all its recent rows"
    );
}

/// Seeded anew by the system: each run of the test tries other moments.
fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

fn kills() -> u32 {
    std::env::var(KILLS).map_or(FEW_KILLS, |text| text.parse().unwrap())
}

#[test]
fn executors_killed_while_recording_leave_whole_records() {
    let ledger = Ledger::new();
    for _ in 0..kills().div_ceil(2) {
        kill_and_check(&ledger);
    }
    assert!(
        ledger.count("observations") > 0,
        "no worker lived long enough"
    );
}

#[test]
fn executors_killed_while_upgrading_leave_the_old_or_the_new_layout() {
    for turn in 0..kills().div_ceil(6) {
        let layout = ["python", "rust", "oldest"][turn as usize % 3];
        let ledger = Ledger::of_layout(layout);
        kill_and_check(&ledger);
        ledger.open().record(&success("true")).unwrap();
        let old = "SELECT count(*) FROM observations WHERE id LIKE '8f14e45f-%'";
        assert_eq!(ledger.number(old), 3, "{layout}");
        ledger.assert_whole();
    }
}
