//! Records too long for one write: whole in the database, and never seen in part.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Done, EXECUTOR, Exec, PATIENCE, wait_for};
use rusqlite::{Connection, OpenFlags};

/// What the log's writer keeps room for, and what it writes without waiting for the rest.
const ROOM: usize = 128 << 10;
const MOST: usize = 1 << 20;

/// Rows of observations, of `recent_commands`, of streaks; characters of all templates.
type Content = [usize; 4];

const CONTENT: &str = "\
SELECT (SELECT count(*) FROM observations), (SELECT count(*) FROM recent_commands), (SELECT count(*) FROM streaks),
  (SELECT coalesce(sum(length(command_template)), 0) FROM observations)";

/// A reader as other programs are.
fn reader(path: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("file:{}?mode=ro", path.display()), flags).unwrap()
}

fn content(db: &Connection) -> rusqlite::Result<Content> {
    db.query_row(CONTENT, [], |row| {
        let number = |column| row.get(column).map(|n: u32| usize::try_from(n).unwrap());
        Ok([number(0)?, number(1)?, number(2)?, number(3)?])
    })
}

fn log_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

/// The bytes of each commit in the log, and how many zeros lie behind the last: a frame that ends a commit says how large the database
/// is then, and there is no page 0.
fn commits(path: &Path) -> (Vec<usize>, usize) {
    let log = fs::read(log_of(path)).unwrap();
    let number = |at: usize| {
        let four = log.get(at..at + 4).unwrap_or(&[0; 4]);
        u32::from_be_bytes(four.try_into().unwrap())
    };
    let frame = 24 + usize::try_from(number(8)).unwrap();
    let (mut lengths, mut begin, mut at) = (Vec::new(), 32, 32);
    while number(at) != 0 {
        at += frame;
        if number(at - frame + 4) != 0 {
            lengths.push(at - begin);
            begin = at;
        }
    }
    assert_eq!(begin, at, "the log ends within a commit");
    assert!(log.iter().skip(at).all(|byte| *byte == 0), "no room");
    (lengths, log.len().saturating_sub(at))
}

/// Runs `cat | REST` with a fresh database, and looks at that all the time while the command ends and is recorded.
fn record(exec: &Exec, path: &Path, rest: &str) -> (Done, Vec<Content>) {
    let (text, go) = (exec.path("text"), exec.path("scratch/go"));
    assert!(Command::new("mkfifo").arg(&go).status().unwrap().success());
    fs::write(&text, format!("cat $SCRATCH/go | {rest}")).unwrap();
    let mut running = exec.start_without_text();
    let db = wait_for("the layout", || {
        let is_begun = fs::metadata(log_of(path)).is_ok_and(|log| log.len() > 0);
        is_begun
            .then(|| reader(path))
            .filter(|db| content(db).is_ok())
    });
    drop(OpenOptions::new().write(true).open(&go).unwrap());
    let mut seen = vec![content(&db).unwrap()];
    // Without a pause: what a reader could see in part would not be there for long.
    while running.child.try_wait().unwrap().is_none() {
        assert!(running.started.elapsed() < PATIENCE, "no end: {seen:?}");
        seen.push(content(&db).unwrap());
        seen.dedup();
    }
    seen.push(content(&db).unwrap());
    seen.dedup();
    (running.wait(), seen)
}

fn assert_whole(rest: &str, segments: usize, atoms: std::ops::Range<usize>) {
    let exec = Exec::new();
    let (path, text) = (exec.path("alan.db"), exec.path("text"));
    let exec = exec
        .args(&["--session-id", "abcd1234", "--db"])
        .arg(&path)
        .arg("--command-file")
        .arg(&text);
    let (done, seen) = record(&exec, &path, rest);
    assert_eq!(
        (done.code, &done.meta["recorded"], done.codes().len()),
        (0, &true.into(), segments),
        "{}",
        done.meta
    );
    let rows = segments + 1;
    let [before, after] = seen[..] else {
        panic!("seen in part: {seen:?}");
    };
    assert_eq!(before, [0; 4]);
    assert_eq!(after[..3], [rows; 3]);
    assert!(after[3] > rest.len(), "templates were cut: {}", after[3]);
    let longest = commits(&path).0.into_iter().max().unwrap();
    assert!(atoms.contains(&longest), "a commit of {longest} bytes");
    let db = reader(&path);
    let check: String = db
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn a_long_template_is_recorded_whole() {
    let rest = format!("true --{}", "x".repeat(20_000));
    assert_whole(&rest, 2, ROOM..MOST);
}

#[test]
fn a_template_longer_than_what_is_gathered_is_recorded_whole() {
    let rest = format!("true --{}", "x".repeat(200_000));
    assert_whole(&rest, 2, MOST..4 * MOST);
}

/// zsh itself forgets the codes of longer pipelines.
const MOST_SEGMENTS: usize = 255;

#[test]
fn hundreds_of_segments_are_recorded_whole() {
    let segments: Vec<String> = (1..MOST_SEGMENTS)
        .map(|n| format!("true --segment_{n}"))
        .collect();
    assert_whole(&segments.join(" | "), MOST_SEGMENTS, ROOM..MOST);
}

/// Runs a command that leaves a long record, and tells what was asked of the system about the log and the disk, in order.
fn traced(exec: &Exec) -> Vec<String> {
    let trace = exec.path("trace");
    let text = format!("true --{}", "x".repeat(120_000));
    let status = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-e",
            "trace=fsync,fdatasync,ftruncate,pwrite64",
            "-o",
        ])
        .arg(&trace)
        .arg(EXECUTOR)
        .args(["--session-id", "abcd1234", "--db"])
        .arg(exec.path("alan.db"))
        .args(["--", &text])
        .status();
    assert!(status.unwrap().success());
    let text = fs::read_to_string(trace).unwrap();
    let kept = |line: &&str| line.contains("-wal>") || line.contains("sync(");
    // The first word is the process, in a column of its own width.
    let calls = text
        .lines()
        .filter(kept)
        .filter_map(|line| line.split_whitespace().nth(1));
    calls
        .map(|call| call.split('(').next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_log_begins_anew_without_waiting_for_the_disk_while_others_wait_to_write() {
    let exec = Exec::new();
    let path = exec.path("alan.db");
    traced(&exec);
    let _holder = reader(&path);
    let mut calls = Vec::new();
    let mut runs = 0;
    while !calls.iter().any(|call| call == "ftruncate") {
        calls = traced(&exec);
        runs += 1;
        assert!(runs < 1_000, "it never began anew: {calls:?}");
        let log = fs::metadata(log_of(&path)).unwrap().len();
        assert!(log < 8 << 20, "it never began anew: {calls:?}");
    }
    let begun = calls.iter().position(|call| call == "ftruncate").unwrap();
    let (before, after) = calls.split_at(begun);
    assert!(
        before.iter().any(|call| call.ends_with("sync")),
        "{calls:?}"
    );
    assert!(after.iter().any(|call| call == "pwrite64"), "{calls:?}");
    assert!(
        !after.iter().any(|call| call.ends_with("sync")),
        "{calls:?}"
    );
    let left: usize = commits(&path).0.into_iter().sum();
    assert!(left < 1 << 20, "{left} bytes are left");
    let check: String = reader(&path)
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn records_find_room_in_the_log_and_leave_some() {
    let exec = Exec::new();
    let path = exec.path("alan.db");
    let exec = exec.args(&["--session-id", "abcd1234", "--db"]).arg(&path);
    assert_eq!(exec.run("true").meta["recorded"], true);
    let _holder = reader(&path);
    let mut sizes = vec![];
    let (mut recorded, mut fitted) = (1, 0);
    // Until it was written back and begun anew.
    while sizes.iter().max() == sizes.last() {
        let (before, room) = commits(&path);
        let size = fs::metadata(log_of(&path)).unwrap().len();
        assert!(
            room > ROOM || size >= 4 << 20,
            "{room} bytes of room in {size}"
        );
        assert_eq!(exec.run("true").meta["recorded"], true);
        recorded += 1;
        let (after, left) = commits(&path);
        if after.len() == before.len() + 1 {
            assert_eq!(left, room.saturating_sub(*after.last().unwrap()));
            fitted += usize::from(fs::metadata(log_of(&path)).unwrap().len() == size);
        }
        sizes.push(size);
        assert!(recorded < 1_000, "never begun anew: {sizes:?}");
    }
    assert!(*sizes.iter().max().unwrap() <= 5 << 20, "{sizes:?}");
    assert!(fitted * 10 > recorded * 8, "{fitted} of {recorded}");
    assert_eq!(content(&reader(&path)).unwrap()[0], recorded);
}

#[test]
fn a_limit_on_files_leaves_no_half_of_the_room() {
    let exec = Exec::new();
    let path = exec.path("alan.db");
    // In units of 512 bytes: the first record fits, a megabyte does not.
    let script = format!(
        "ulimit -f 800; {} --session-id abcd1234 --db {} -- true",
        EXECUTOR,
        path.display()
    );
    for _ in 0..2 {
        assert!(
            Command::new("sh")
                .args(["-c", &script])
                .status()
                .unwrap()
                .success()
        );
    }
    let db = reader(&path);
    assert_eq!(commits(&path).1, 0);
    assert_eq!(content(&db).unwrap()[0], 2);
}
