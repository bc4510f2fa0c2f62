//! What the executor itself records, and that recording never changes what the command returned.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Done, Exec, PATIENCE, kill, wait_for};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use zsh_tool_exec::alan::hash;

/// An executor that records, and the database that it records into.
struct Recording {
    exec: Exec,
    path: PathBuf,
}

impl Recording {
    fn new() -> Recording {
        let exec = Exec::new();
        let path = exec.path("state/alan.db");
        Recording::at(exec, path)
    }

    fn at(exec: Exec, path: PathBuf) -> Recording {
        let exec = exec
            .arg("--db")
            .arg(&path)
            .args(&["--session-id", "abcd1234"]);
        Recording { exec, path }
    }

    fn db(&self) -> Connection {
        Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }

    /// The rows of a query, the columns of each joined by spaces.
    fn rows(&self, columns: &str, table: &str) -> Vec<String> {
        let columns = columns.replace(", ", " || ' ' || ");
        let db = self.db();
        let mut found = db
            .prepare(&format!(
                "SELECT '' || {columns} FROM {table} ORDER BY rowid"
            ))
            .unwrap();
        found
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }
}

impl Recording {
    /// What `run` gives while another program has the database locked.
    fn locked<T>(&self, lock: &str, run: impl FnOnce() -> T) -> T {
        self.exec.run("true");
        let writer = Connection::open(&self.path).unwrap();
        writer.execute_batch(lock).unwrap();
        let given = run();
        writer.execute_batch("COMMIT").unwrap();
        given
    }

    /// Waits for this row, and that it is there once.
    fn shows_late(&self, row: &str) {
        let query =
            "SELECT count(*) || ' ' || command_preview FROM observations WHERE exit_code = 5";
        wait_for("the late record", || {
            let found: rusqlite::Result<String> = self.db().query_row(query, [], |row| row.get(0));
            found.is_ok_and(|found| found == row).then_some(())
        });
    }
}

fn assert_recorded(done: &Done) {
    assert_eq!(done.meta["recorded"], true, "{:?}", done.meta);
    assert!(done.meta["record_error"].is_null(), "{:?}", done.meta);
}

#[test]
fn a_pipeline_leaves_its_rows_and_its_segments() {
    let recording = Recording::new();
    let done = recording.exec.run("(exit 3) | cat | wc -c");
    assert_recorded(&done);
    // The first word opens a subshell: then no code is believed to belong to a segment.
    assert_eq!(
        recording
            .rows("command_preview, exit_code", "observations")
            .len(),
        1
    );
    assert_recorded(&recording.exec.run("false | cat | wc -c"));
    assert_eq!(
        recording.rows("command_preview, exit_code, timed_out", "observations"),
        [
            "(exit 3) | cat | wc -c 0 0",
            "false | cat | wc -c 0 0",
            "false 1 0",
            "cat 0 0",
            "wc -c 0 0"
        ]
    );
    assert_eq!(
        recording.rows("success, session_id", "recent_commands")[2],
        "0 abcd1234"
    );
    assert_eq!(
        recording.rows("current_streak", "streaks"),
        ["1", "1", "-1", "1", "1"]
    );
}

#[test]
fn the_row_and_the_meta_file_agree() {
    let recording = Recording::new();
    let done = recording.exec.run("exit 7");
    assert_eq!(done.code, 7);
    assert_recorded(&done);
    let id = done.meta["observation_id"].as_str().unwrap();
    let elapsed = done.meta["elapsed_ms"].as_u64().unwrap();
    let cwd = done.meta["cwd"].as_str().unwrap();
    assert_eq!(
        recording.rows("id, exit_code, duration_ms, outcome, cwd", "observations"),
        [format!("{id} 7 {elapsed} exited {cwd}")]
    );
}

#[test]
fn a_timeout_is_recorded_as_one() {
    let recording = Recording::new();
    let Recording { exec, path } = recording;
    let recording = Recording {
        exec: exec.timeout("0.2"),
        path,
    };
    let done = recording.exec.run("sleep 60");
    assert_eq!(done.code, 124);
    assert_recorded(&done);
    let rows = recording.rows("exit_code, timed_out, outcome", "observations");
    assert_eq!(rows, ["143 1 timed_out"]);
    assert_eq!(
        recording.rows("success, exit_code", "recent_commands"),
        ["0 143"]
    );
}

#[test]
fn a_killed_command_is_a_failure_whatever_it_returned() {
    let recording = Recording::new();
    let running = recording
        .exec
        .start("trap 'exit 0' TERM; touch ready; while :; do sleep 0.01; done");
    let ready = recording.exec.path("scratch/ready");
    wait_for("the trap", || ready.exists().then_some(()));
    kill(running.pid(), 15);
    assert_recorded(&running.wait());
    assert_eq!(recording.rows("outcome", "observations"), ["killed"]);
    assert_eq!(recording.rows("success", "recent_commands"), ["0"]);
    assert_eq!(recording.rows("current_streak", "streaks"), ["-1"]);
}

#[test]
fn bytes_that_are_no_text_are_recorded() {
    let recording = Recording::new();
    assert_recorded(&recording.exec.run(b": \xff\xfe"));
    let rows = recording.rows("command_preview, command_hash", "observations");
    assert_eq!(
        rows,
        [format!(
            ": \u{fffd}\u{fffd} {}",
            hash::hash(": \u{fffd}\u{fffd}")
        )]
    );
}

#[test]
fn without_a_database_nothing_is_recorded() {
    let exec = Exec::new();
    let done = exec.run("true");
    assert_eq!(done.meta["recorded"], false);
    assert!(done.meta["record_error"].is_null());
    let made: Vec<_> = fs::read_dir(exec.home.path()).unwrap().collect();
    assert_eq!(made.len(), 2, "only scratch and meta.json: {made:?}");
}

#[test]
fn what_cannot_be_recorded_returns_the_same_and_says_why() {
    let exec = Exec::new().file("file", "");
    let inside_a_file = exec.path("file/alan.db");
    let recording = Recording::at(exec, inside_a_file);
    let done = recording.exec.run("echo out; exit 5");
    assert_eq!((done.code, done.text().as_str()), (5, "out\n"));
    assert_eq!(done.meta["recorded"], false);
    assert!(
        done.meta["record_error"]
            .as_str()
            .unwrap()
            .contains("directory"),
        "{:?}",
        done.meta
    );
}

#[test]
fn a_locked_database_costs_seconds_at_most_and_says_so() {
    let recording = Recording::new();
    let run = || recording.exec.run("echo out; exit 5");
    let done = recording.locked("BEGIN IMMEDIATE", run);
    assert_eq!((done.code, done.text().as_str()), (5, "out\n"));
    let told = done.meta["record_error"].as_str().unwrap();
    assert!(told.contains("locked"), "{told}");
    assert!(done.took < PATIENCE / 3, "{:?}", done.took);
    recording.shows_late("1 echo out; exit 5");
}

#[test]
fn what_a_lock_kept_out_is_recorded_after_the_answer_on_the_channel() {
    let recording = Recording::new();
    let run = || {
        let mut task = recording.exec.task("exit 5", &json!({"record": true}));
        (task.ended(), task)
    };
    let (end, _task) = recording.locked("BEGIN IMMEDIATE", run);
    assert_eq!(end["recorded"], json!(false), "{end}");
    recording.shows_late("1 exit 5");
}

#[test]
fn a_database_that_cannot_be_opened_in_time_gets_its_record_late() {
    let recording = Recording::new();
    // Nobody else can even read then.
    let lock = "PRAGMA journal_mode = delete; BEGIN EXCLUSIVE";
    let done = recording.locked(lock, || recording.exec.run("exit 5"));
    assert_eq!(done.meta["recorded"], json!(false), "{:?}", done.meta);
    recording.shows_late("1 exit 5");
}

#[test]
fn a_damaged_database_is_set_aside_and_said_so() {
    let exec = Exec::new().file("state/alan.db", "no database".repeat(500));
    let path = exec.path("state/alan.db");
    let recording = Recording::at(exec, path);
    let done = recording.exec.run("exit 5");
    assert_eq!(done.code, 5);
    assert_recorded(&done);
    assert!(done.stderr.contains("alan.db.damaged-"), "{}", done.stderr);
    let told = done.meta["record_notice"].as_str().unwrap();
    assert!(told.contains("alan.db.damaged-"), "{told}");
    assert_eq!(recording.rows("exit_code", "observations"), ["5"]);
    let next = recording.exec.run("true");
    assert!(next.meta["record_notice"].is_null(), "{:?}", next.meta);
}

#[test]
fn forty_executors_at_once_lose_no_row() {
    let recording = Recording::new();
    let running: Vec<_> = (0..40)
        .map(|_| {
            let mut command = recording.exec.command("true | true");
            // One meta file for all would tell of the last only; nobody reads it here.
            command
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        // Where the machine is too busy for all of them in time, the rest comes late.
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.is_empty() || told.contains("stayed locked"), "{told}");
    }
    wait_for("all rows", || {
        (recording.rows("exit_code", "observations").len() >= 120).then_some(())
    });
    assert_eq!(recording.rows("current_streak", "streaks"), ["40", "80"]);
    let whole: String = recording
        .db()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
}
