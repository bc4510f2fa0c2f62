//! What happens when the machine does not play along.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::common;
use super::common::{Done, Exec, kill, meta_at, wait_for};
use rusqlite::Connection;
use serde_json::json;

pub fn recording(exec: Exec) -> Exec {
    let db = exec.path("alan.db");
    exec.arg("--db").arg(db).args(&["--session-id", "tests"])
}

fn rows(exec: &Exec) -> i64 {
    let db = Connection::open(exec.path("alan.db")).unwrap();
    db.query_row("SELECT count(*) FROM observations", [], |row| row.get(0))
        .unwrap()
}

/// The command is as it would have been; only the recording failed, and says so.
fn unrecorded(done: &Done) {
    assert_eq!(
        (done.code, done.text().as_str(), done.outcome()),
        (3, "out\n", "exited"),
        "{done:?}"
    );
    assert_eq!(done.meta["recorded"], false, "{done:?}");
    assert!(
        done.meta["record_error"]
            .as_str()
            .is_some_and(|e| !e.is_empty()),
        "{done:?}"
    );
}

#[test]
fn a_full_disk_under_the_database_is_reported() {
    let exec = recording(Exec::new());
    let text = "echo out; exit 3";
    unrecorded(
        &Exec {
            args: small_db(&exec),
            ..exec
        }
        .apart("mkdir small && mount -t tmpfs -o size=16k none small", text),
    );

    // A database that was there before the disk filled up.
    let exec = recording(Exec::new());
    exec.run("true");
    let fill = "mkdir small && mount -t tmpfs -o size=400k none small && cp alan.db small/ && dd if=/dev/zero of=small/rest 2>/dev/null; true";
    unrecorded(
        &Exec {
            args: small_db(&exec),
            ..exec
        }
        .apart(fill, text),
    );
}

fn small_db(exec: &Exec) -> Vec<std::ffi::OsString> {
    let small = exec.path("small/alan.db").into_os_string();
    exec.args
        .iter()
        .map(|arg| {
            if arg.to_string_lossy().ends_with("alan.db") {
                small.clone()
            } else {
                arg.clone()
            }
        })
        .collect()
}

/// The limit on file sizes fails like a full disk, and would kill who does not expect its signal.
#[test]
fn no_room_for_any_file_is_reported() {
    for script in ["ulimit -f 0", "trap '' XFSZ; ulimit -f 0"] {
        let done = recording(Exec::new()).under(script, "echo out; exit 3");
        assert_eq!((done.code, done.text().as_str()), (3, "out\n"), "{done:?}");
        assert!(
            done.stderr.contains("zsh-tool-exec:"),
            "no meta file can be written: {done:?}"
        );
        assert_eq!(done.meta, json!(null));
    }
}

#[test]
fn a_full_disk_under_the_meta_file_is_said() {
    let mut exec = Exec::new();
    exec.meta = exec.path("small/meta.json");
    let script = "mkdir small && mount -t tmpfs -o size=4k none small && dd if=/dev/zero of=small/rest 2>/dev/null; true";
    let done = exec.apart(script, "echo out; exit 3");
    assert_eq!((done.code, done.text().as_str()), (3, "out\n"), "{done:?}");
    assert!(done.stderr.contains("zsh-tool-exec:"), "{done:?}");
}

fn with_stdout(exec: &Exec, text: &str, stdout: impl Into<Stdio>) -> Done {
    let _absent = std::fs::remove_file(exec.path("meta.json"));
    let mut command = exec.command(text);
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(command);
    let status = wait_for("the executor to end", || child.try_wait().unwrap());
    let meta = meta_at(&exec.path("meta.json"));
    Done {
        code: status.code().unwrap_or(-1),
        output: Vec::new(),
        stderr: String::new(),
        meta,
        took: started.elapsed(),
    }
}

#[test]
fn a_stdout_that_takes_nothing_does_not_stop_the_command() {
    for flags in [&[][..], &["--pty"]] {
        let exec = Exec::new().args(flags);
        for text in [
            "echo out; echo >done; exit 3",
            "head -c 30000000 /dev/zero; echo >done; exit 3",
        ] {
            let full = File::options().write(true).open("/dev/full").unwrap();
            let done = with_stdout(&exec, text, full);
            assert_eq!(
                (done.code, done.outcome()),
                (3, "exited"),
                "{text}: {done:?}"
            );
            assert!(done.meta["output_error"].is_string(), "{text}: {done:?}");
            assert!(exec.path("scratch/done").exists(), "{text}: {done:?}");
            exec.tidy();
        }
    }
}

#[test]
fn a_reader_that_leaves_ends_a_flood() {
    for flags in [&[][..], &["--pty"]] {
        let exec = Exec::new().args(flags);
        let mut child = exec
            .command("yes")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let status = wait_for("the flood to end", || child.try_wait().unwrap());
        let meta = meta_at(&exec.path("meta.json"));
        assert_eq!(
            meta["exit_code"].as_i64(),
            status.code().map(i64::from),
            "{status} {meta}"
        );
        assert!(
            meta["outcome"] == "signalled" && meta["exit_code"] != 0,
            "{meta}"
        );
    }
}

#[test]
fn a_closed_stdout_does_not_change_the_answer() {
    let exec = recording(Exec::new());
    let done = exec.under("exec >&-", "exit 3");
    assert_eq!(
        (done.code, &done.meta["exit_code"], &done.meta["recorded"]),
        (3, &json!(3), &json!(true)),
        "{done:?}"
    );
    let done = exec.under("exec <&- >&- 2>&-", "false | true");
    assert_eq!(
        (done.code, &done.meta["pipestatus"]),
        (0, &json!([1, 0])),
        "{done:?}"
    );
}

#[test]
fn a_locked_database_delays_no_longer_than_the_bound() {
    let exec = recording(Exec::new());
    exec.run("true");
    let other = Connection::open(exec.path("alan.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let done = exec.run("echo out; exit 3");
    unrecorded(&done);
    // Two seconds is the documented bound.
    assert!(done.took < Duration::from_secs(4), "{done:?}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(exec.run("true").meta["recorded"], true);
    wait_for("the late record", || (rows(&exec) == 3).then_some(()));
}

#[test]
fn a_lock_that_goes_in_time_is_waited_for() {
    let exec = recording(Exec::new());
    exec.run("true");
    let other = Connection::open(exec.path("alan.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let running = exec.start("echo ran >$SCRATCH/ran");
    let ran = exec.path("scratch/ran");
    wait_for("the command", || ran.exists().then_some(()));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(running.wait().meta["recorded"], true);
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "it must stay stopped for longer than what it waits for"
)]
fn a_stopped_executor_goes_on_where_it_was() {
    let exec = Exec::new().timeout("2");
    let stopped = |text: &str| {
        let running = exec.start(text);
        wait_for("the shell", || std::fs::read(exec.path("scratch/up")).ok());
        kill(running.pid(), libc::SIGSTOP);
        std::thread::sleep(Duration::from_millis(2_100));
        kill(running.pid(), libc::SIGCONT);
        exec.tidy();
        running.wait()
    };
    let done = stopped(": >up; sleep 0.2; echo out; exit 3");
    assert_eq!(
        (done.code, done.text().as_str(), done.outcome()),
        (3, "out\n", "exited"),
        "{done:?}"
    );
    let done = stopped(": >up; exec sleep 1000");
    assert_eq!((done.code, done.outcome()), (124, "timed_out"), "{done:?}");
    // The limit that has passed strikes now: the wait does not go on for what it had left.
    assert!(
        done.meta["elapsed_ms"].as_u64().unwrap() < 3_500,
        "{done:?}"
    );
}

#[test]
fn sixteen_descriptors_are_enough() {
    for flags in [&[][..], &["--pty"]] {
        let exec = recording(Exec::new().args(flags));
        let done = exec.under("ulimit -n 16", "false | true; echo out");
        assert_eq!((done.code, done.text().trim_end()), (0, "out"), "{done:?}");
        assert_eq!(
            (&done.meta["recorded"], &done.meta["outcome"]),
            (&json!(true), &json!("exited")),
            "{done:?}"
        );
    }
}

#[test]
fn without_proc_commands_run_and_end() {
    let hide = "mount -t tmpfs none /proc && [ ! -e /proc/self ]";
    for flags in [&[][..], &["--pty"]] {
        let exec = recording(Exec::new().args(flags));
        let done = exec.apart(hide, "false | true; echo out");
        assert_eq!((done.code, done.text().trim_end()), (0, "out"), "{done:?}");
        assert_eq!(
            (&done.meta["pipestatus"], &done.meta["recorded"]),
            (&json!([0]), &json!(true)),
            "{done:?}"
        );
        let exec = Exec::new()
            .args(flags)
            .timeout("0.3")
            .args(&["--grace", "0.2"]);
        let mark = common::proc::marker();
        let done = exec.env("MARKER", &mark).apart(
            hide,
            "trap '' TERM HUP; sleep 1000 & sleep 1000; sleep 1000",
        );
        assert_eq!((done.code, done.outcome()), (124, "timed_out"), "{done:?}");
        assert_eq!(common::proc::with_marker(&mark), Vec::<i32>::new());
    }
}

#[test]
fn no_place_for_temporary_files_costs_the_codes_at_most() {
    let exec = Exec::new().without("XDG_RUNTIME_DIR").env("TMPDIR", "/tmp");
    let home = exec.home.path().display();
    let built = Path::new(common::EXECUTOR).parent().expect("a directory");
    let built = built.display();
    // The home and perhaps the executor are under one of these places, so they are put back before those are closed.
    let close = "for place in /tmp /var/tmp /dev/shm; do [ -d $place ] && mount -o remount,bind,ro $place; done; ! touch /tmp/x";
    let hide =
        "for place in /tmp /var/tmp /dev/shm; do [ -d $place ] && mount -t tmpfs none $place; done";
    let script = format!(
        "exec 9<{built}; {hide}; mkdir -p {home} {built} && mount --no-canonicalize --bind . {home} && \
         mount --no-canonicalize --bind /proc/self/fd/9 {built} && exec 9<&- && {{ {close}; }} 2>/dev/null"
    );
    let done = exec.apart(&script, "false | true; echo out");
    assert_eq!(
        (done.code, done.text().as_str(), done.codes()),
        (0, "out\n", vec![0]),
        "{done:?}"
    );
}
