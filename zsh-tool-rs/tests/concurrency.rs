//! Many executors at one database: no row is lost, and streaks are exact.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod ledger;

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use common::wait_for;
use ledger::{KEEP, Ledger, success, worker_db, worker_process};
use rusqlite::Connection;
use zsh_tool_exec::alan::{Alan, AlanError, Observation};

const RECORDS: &str = "ALAN_TEST_RECORDS";

/// The process that the other tests start: opens the database and records, as an executor does.
#[test]
fn worker() {
    let Some(path) = worker_db() else {
        return;
    };
    let records: u32 = std::env::var(RECORDS).unwrap().parse().unwrap();
    let name = format!("only {}", std::process::id());
    let mut alan = match Alan::open(&path, KEEP) {
        Err(AlanError::Busy(_)) => Alan::open_late(&path, KEEP).unwrap(),
        opened => opened.unwrap(),
    };
    for _ in 0..records {
        for command in ["shared", name.as_str()] {
            record(&mut alan, &success(command));
            alan.after_answer();
        }
    }
    // A pipeline's segments share streaks with other commands.
    let observation = Observation {
        pipestatus: &[0, 0],
        ..success("shared | piped")
    };
    record(&mut alan, &observation);
}

/// In time where that is possible: how long the others may be waited for is a matter of the machine, that nothing is lost is not.
fn record(alan: &mut Alan, observation: &Observation<'_>) {
    match alan.record(observation) {
        Err(AlanError::Busy(_)) => alan.record_late(observation).unwrap(),
        recorded => recorded.unwrap(),
    };
}

fn start(path: &Path, processes: u32, records: u32) -> Vec<Child> {
    (0..processes)
        .map(|_| worker_command(path, records).spawn().unwrap())
        .collect()
}

fn worker_command(path: &Path, records: u32) -> std::process::Command {
    let mut command = worker_process(path);
    command
        .env(RECORDS, records.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn finish(children: Vec<Child>) {
    for child in children {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{complained}");
    }
}

/// Runs the workers and checks what they must have left.
fn assert_nothing_is_lost(ledger: &Ledger, processes: u32, records: u32) {
    let before = if ledger.path.exists() {
        ledger.count("observations")
    } else {
        0
    };
    finish(start(&ledger.path, processes, records));
    let (all, each) = (i64::from(processes), i64::from(records));
    assert_eq!(ledger.count("observations") - before, all * (2 * each + 3));
    assert_eq!(ledger.number(&streak_of("shared")), all * (each + 1));
    assert_eq!(ledger.number(&streak_of("piped")), all);
    ledger.assert_whole();
}

fn streak_of(command: &str) -> String {
    let hash = zsh_tool_exec::alan::hash::hash(command);
    format!("SELECT current_streak FROM streaks WHERE command_hash = '{hash}'")
}

#[test]
fn forty_executors_begin_one_database() {
    assert_nothing_is_lost(&Ledger::new(), 40, 1);
}

#[test]
fn forty_executors_upgrade_one_database() {
    for layout in ["python", "rust", "oldest"] {
        let ledger = Ledger::of_layout(layout);
        assert_nothing_is_lost(&ledger, 40, 1);
        assert_upgraded_once(&ledger, layout);
    }
}

/// The present layout, all that was there before, and nothing twice.
fn assert_upgraded_once(ledger: &Ledger, layout: &str) {
    assert_eq!(ledger.number("PRAGMA user_version"), 2, "{layout}");
    let old = "SELECT count(*) FROM observations WHERE id LIKE '8f14e45f-%'";
    assert_eq!(ledger.number(old), 3, "{layout}");
    let fresh = Ledger::new();
    drop(fresh.open());
    for columns in ["observations", "recent_commands"] {
        let sql = format!(
            "SELECT group_concat(name, ' ') FROM (SELECT name FROM pragma_table_info('{columns}') ORDER BY name)"
        );
        assert_eq!(ledger.text(&sql), fresh.text(&sql), "{layout}");
    }
    let sql = "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema ORDER BY name)";
    assert_eq!(ledger.text(sql), fresh.text(sql), "{layout}");
}

/// One command by an executor of its own, from its start to its end.
fn executor(path: &Path) -> Child {
    std::process::Command::new(env!("CARGO_BIN_EXE_zsh-tool-exec"))
        .args(["--session-id", "abcd1234", "--half-life-days", "36500"])
        .arg("--db")
        .arg(path)
        .args(["--", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn executors_upgrade_databases_of_every_layout_at_the_same_moment() {
    let layouts = ["python", "rust", "oldest"].map(|layout| (layout, Ledger::of_layout(layout)));
    let start = |_| layouts.each_ref().map(|(_, ledger)| executor(&ledger.path));
    let children: Vec<Child> = (0..32).flat_map(start).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        // What was not recorded would be told here. Where the machine is too busy for all of them in time, the rest comes late.
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.is_empty() || told.contains("stayed locked"), "{told}");
        assert!(output.status.success());
    }
    for (layout, ledger) in &layouts {
        wait_for("all records", || {
            (ledger.count("observations") >= 3 + 32).then_some(())
        });
        assert_upgraded_once(ledger, layout);
        assert_eq!(ledger.count("observations"), 3 + 32, "{layout}");
        assert_eq!(ledger.number(&streak_of("true")), 32, "{layout}");
        ledger.assert_whole();
    }
}

#[test]
fn sixteen_processes_record_without_loss() {
    assert_nothing_is_lost(&Ledger::new(), 16, 500);
}

#[test]
fn executors_that_find_damage_together_set_it_aside_once() {
    let ledger = Ledger::new();
    std::fs::write(&ledger.path, "no database".repeat(1_000)).unwrap();
    finish(start(&ledger.path, 16, 3));
    assert_eq!(ledger.count("observations"), 16 * 9);
    let aside = std::fs::read_dir(ledger.directory.path()).unwrap();
    let aside = aside.filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .contains("damaged")
    });
    assert_eq!(aside.count(), 1);
    ledger.assert_whole();
}

#[test]
fn writers_of_an_earlier_release_at_work_do_no_harm() {
    let ledger = Ledger::of_layout("rust");
    let children = start(&ledger.path, 8, 20);
    let old = Connection::open(&ledger.path).unwrap();
    old.busy_timeout(Duration::from_secs(10)).unwrap();
    for n in 0..100 {
        let sql = "INSERT INTO observations (id, command_hash, created_at) VALUES (?1, 'h', 't')";
        old.execute(sql, [format!("old {n}")]).unwrap();
    }
    finish(children);
    assert_eq!(ledger.count("observations"), 3 + 100 + 8 * 43);
    ledger.assert_whole();
}
