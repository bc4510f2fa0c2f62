//! What is forgotten, and that it happens in small shares.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ledger;

use std::fs::File;
use std::time::{Duration, Instant};

use ledger::{Ledger, success};
use rusqlite::Connection;
use zsh_tool_exec::alan::{Alan, Observation, Retention};

const SHARE: i64 = 64;

fn open(ledger: &Ledger, rows: u64) -> Alan {
    Alan::open(
        &ledger.path,
        Retention {
            rows,
            half_life_days: 30.0,
        },
    )
    .unwrap()
}

fn record(alan: &mut Alan, commands: std::ops::Range<u32>) {
    for n in commands {
        alan.record(&success(&format!("echo a{n}"))).unwrap();
    }
}

#[test]
fn a_database_shrinks_to_its_bound_in_shares() {
    let ledger = Ledger::new();
    let mut alan = open(&ledger, 100);
    record(&mut alan, 0..400);
    let mut left = ledger.count("observations");
    assert_eq!(left, 400, "a record removed rows itself");
    while left > 100 {
        alan.after_answer();
        let now = ledger.count("observations");
        assert!(now < left && left - now <= SHARE, "from {left} to {now}");
        left = now;
    }
    alan.after_answer();
    assert_eq!(ledger.count("observations"), 100);
    assert_eq!(
        ledger.text("SELECT command_preview FROM observations LIMIT 1"),
        "echo a300"
    );
    ledger.assert_whole();
}

/// Runs `text` as an executor of its own would, and leaves as one that somebody waits for.
fn run_in_haste(ledger: &Ledger, rows: u64, text: &str, codes: &[i32]) {
    let mut alan = open(ledger, rows);
    alan.record(&Observation {
        pipestatus: codes,
        ..success(text)
    })
    .unwrap();
    alan.after_answer_in_haste();
}

#[test]
fn in_haste_a_database_over_its_bound_shrinks_little_by_little() {
    let ledger = Ledger::new();
    record(&mut open(&ledger, 1_000), 0..200);
    let mut left = ledger.count("observations");
    for (text, codes) in [("true", &[0][..]), ("a | b | c | d", &[0, 1, 0, 0])].repeat(8) {
        run_in_haste(&ledger, 100, text, codes);
        let now = ledger.count("observations");
        assert!(
            now < left && left - now <= 2,
            "from {left} to {now}: {text}"
        );
        left = now;
    }
    run_in_haste(&ledger, u64::try_from(left).unwrap(), "true", &[0]);
    assert_eq!(ledger.count("observations"), left, "the bound was not kept");
}

#[test]
fn at_the_bound_each_command_makes_its_own_room() {
    let ledger = Ledger::new();
    let mut alan = open(&ledger, 50);
    for n in 0..120 {
        record(&mut alan, n..n + 1);
        alan.after_answer();
    }
    assert_eq!(ledger.count("observations"), 50);
}

#[test]
fn a_streak_goes_with_the_last_observation_of_its_command() {
    let ledger = Ledger::new();
    let mut alan = open(&ledger, 10);
    record(&mut alan, 0..30);
    alan.record(&success("echo a0")).unwrap();
    alan.after_answer();
    assert_eq!(ledger.count("observations"), 10);
    assert_eq!(ledger.count("streaks"), 10);
    let kept = "SELECT count(*) FROM streaks WHERE command_hash =
                (SELECT command_hash FROM observations WHERE command_preview = 'echo a0')
                AND current_streak = 2";
    assert_eq!(ledger.number(kept), 1);
}

#[test]
fn rows_that_weigh_too_little_are_forgotten() {
    let ledger = Ledger::new();
    let mut alan = open(&ledger, 1_000);
    record(&mut alan, 0..6);
    let writer = Connection::open(&ledger.path).unwrap();
    // A hundredth is left after 199.3 days; an earlier release made some rows lighter.
    let age = |preview: &str, days: u32, weight: f64| {
        let sql = "UPDATE observations SET weight = ?1, created_at =
                     strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now', ?2) WHERE command_preview = ?3";
        writer
            .execute(sql, (weight, format!("-{days} days"), preview))
            .unwrap();
    };
    age("echo a0", 201, 1.0);
    age("echo a1", 198, 1.0);
    age("echo a3", 2, 0.004);
    age("echo a4", 100, 0.5);
    alan.after_answer();
    let left = "SELECT group_concat(substr(command_preview, 6), ' ') FROM observations";
    assert_eq!(ledger.text(left), "a1 a2 a4 a5");
}

#[test]
fn old_rows_are_forgotten_whatever_was_written_before_them() {
    // The first of all is young, or its time lies ahead, or cannot be read.
    for first in [
        "created_at",
        "'2999-01-01T00:00:00+00:00'",
        "''",
        "'1780000000'",
    ] {
        for pace in [Alan::after_answer, Alan::after_answer_in_haste] {
            let ledger = Ledger::new();
            let mut alan = open(&ledger, 1_000);
            record(&mut alan, 0..30);
            let writer = Connection::open(&ledger.path).unwrap();
            writer
                .execute_batch(&format!(
                    "UPDATE observations SET created_at = {first} WHERE rowid = 1;
                     UPDATE observations SET created_at = '2020-01-01T00:00:00+00:00'
                     WHERE rowid BETWEEN 2 AND 21"
                ))
                .unwrap();
            for _ in 0..20 {
                pace(&mut alan);
            }
            assert_eq!(ledger.count("observations"), 10, "after {first}");
        }
    }
}

#[test]
fn times_that_cannot_be_read_or_lie_ahead_do_no_harm() {
    let ledger = Ledger::new();
    let mut alan = open(&ledger, 1_000);
    record(&mut alan, 0..3);
    let writer = Connection::open(&ledger.path).unwrap();
    writer
        .execute(
            "UPDATE observations SET created_at = 'long ago' WHERE rowid = 1",
            [],
        )
        .unwrap();
    writer
        .execute(
            "UPDATE observations SET created_at = '2999-01-01T00:00:00+00:00' WHERE rowid = 2",
            [],
        )
        .unwrap();
    writer
        .execute("UPDATE observations SET weight = NULL WHERE rowid = 3", [])
        .unwrap();
    alan.after_answer();
    assert_eq!(ledger.count("observations"), 3);
}

#[test]
fn what_else_grows_is_bounded_too() {
    let ledger = Ledger::new();
    let mut alan = open(&ledger, 20);
    let writer = Connection::open(&ledger.path).unwrap();
    for n in 0..50 {
        writer
            .execute(
                "INSERT INTO ssh_observations (id, host, created_at) VALUES (?1, 'h', 't')",
                [n],
            )
            .unwrap();
        writer
            .execute(
                "INSERT INTO insights (id, kind, level, shown_at) VALUES (?1, 'k', 'l', 1.0)",
                [n],
            )
            .unwrap();
    }
    alan.after_answer();
    assert_eq!(
        (ledger.count("ssh_observations"), ledger.count("insights")),
        (20, 20)
    );
}

#[test]
fn many_old_recent_commands_go_with_the_upkeep() {
    let ledger = Ledger::new();
    let mut alan = open(&ledger, 10_000);
    record(&mut alan, 0..400);
    let writer = Connection::open(&ledger.path).unwrap();
    writer
        .execute(
            "UPDATE recent_commands SET timestamp = timestamp - 7000",
            [],
        )
        .unwrap();
    record(&mut alan, 400..401);
    alan.after_answer();
    assert_eq!(ledger.count("recent_commands"), 1);
}

/// As an executor does that has waited long to write.
fn wait_long(ledger: &Ledger) -> File {
    let sign = File::open(ledger.directory.path().join("alan.db-queue")).unwrap();
    sign.lock_shared().unwrap();
    sign
}

#[test]
fn upkeep_waits_for_another_time_while_somebody_waits_to_write() {
    let ledger = Ledger::new();
    let mut alan = open(&ledger, 10);
    record(&mut alan, 0..50);
    let waiting = wait_long(&ledger);
    alan.after_answer();
    assert_eq!(ledger.count("observations"), 50);
    drop(waiting);
    alan.after_answer();
    assert_eq!(ledger.count("observations"), 10);
}

#[test]
fn a_record_lets_those_pass_that_waited_long_and_then_waits_no_longer_itself() {
    let ledger = Ledger::new();
    let mut alan = open(&ledger, 10);
    let forever = wait_long(&ledger);
    let started = Instant::now();
    record(&mut alan, 0..1);
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(ledger.count("observations"), 1);
    // Locked for itself alone: none of ours does that.
    forever.lock().unwrap();
    record(&mut alan, 1..2);
    assert_eq!(ledger.count("observations"), 2);
}
