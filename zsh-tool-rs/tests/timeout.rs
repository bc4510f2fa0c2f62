//! Limits on time, from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod common;

use std::time::{Duration, Instant};

use serde_json::json;

use common::proc::{marker, with_marker};
use common::{Exec, pause};

#[test]
fn a_timeout_ends_the_command_and_says_so() {
    let done = Exec::new().timeout("0.3").run("sleep 30");
    assert_eq!((done.code, done.outcome()), (124, "timed_out"));
    assert_eq!(done.meta["exit_code"], 143);
    assert_eq!(done.meta["signal"], "TERM");
    assert_eq!(done.meta["timed_out"], true);
    assert_eq!(done.meta["ended_by"], "timeout");
    let elapsed = done.meta["elapsed_ms"].as_u64().unwrap();
    assert!((300..1000).contains(&elapsed), "{elapsed}");
}

#[test]
fn a_command_that_does_not_obey_is_killed_after_its_grace() {
    let exec = Exec::new().timeout("0.2").args(&["--grace", "0.4"]);
    let done = exec.run("trap '' TERM; while :; do sleep 1; done");
    assert_eq!((done.code, done.outcome()), (124, "timed_out"));
    assert_eq!(done.meta["signal"], "KILL");
    let grace = done.meta["grace_ms"].as_u64().unwrap();
    assert!((400..1500).contains(&grace), "{grace}");
    assert!(done.meta["elapsed_ms"].as_u64().unwrap() >= 600);
}

#[test]
fn a_handler_may_clean_up_and_its_exit_is_no_success() {
    let exec = Exec::new().timeout("0.2");
    let done = exec.run("trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done");
    assert_eq!((done.code, done.text().as_str()), (124, "bye\n"));
    assert_eq!(
        (done.outcome(), &done.meta["exit_code"]),
        ("timed_out", &0.into())
    );
}

#[test]
fn nothing_is_left_of_a_command_that_timed_out() {
    let mark = marker();
    let exec = Exec::new()
        .timeout("0.5")
        .args(&["--grace", "0.2"])
        .env("MARK", &mark);
    let done = exec.run("setsid nohup sh -c 'trap \"\" TERM HUP; sleep 50' & sleep 50");
    assert_eq!(done.code, 124);
    assert_eq!(with_marker(&mark), Vec::<i32>::new());
    assert_eq!(done.meta["survivors"], serde_json::json!([]));
}

#[test]
fn silence_is_limited_and_output_is_not_silence() {
    let exec = Exec::new().args(&["--idle-timeout", "0.6"]);
    let done = exec.run("repeat 4; do sleep 0.3; echo .; done; exit 6");
    assert_eq!((done.code, done.outcome()), (6, "exited"));
    let done = exec.run("echo a; sleep 30");
    assert_eq!((done.code, done.outcome()), (124, "idle_timeout"));
    assert_eq!(
        (done.meta["timed_out"].as_bool(), &done.meta["ended_by"]),
        (Some(true), &"idle_timeout".into())
    );
}

/// A program that waits for us to go on typing is not stuck.
#[test]
fn input_is_not_silence() {
    let exec = Exec::new();
    let mut task = exec.task(
        "while read -r x; do :; done",
        &json!({"stdin": "keep", "idle_timeout_secs": 1}),
    );
    let begun = Instant::now();
    let mut typed = begun;
    while begun.elapsed() < Duration::from_secs(2) {
        if typed.elapsed() > Duration::from_millis(200) {
            assert_eq!(task.input(b"x\n")["ok"], true);
            typed = Instant::now();
        }
        pause();
    }
    let ended = task.ended();
    assert_eq!(ended["outcome"], "idle_timeout", "{ended}");
    assert!(ended["elapsed_ms"].as_u64().unwrap() >= 2800, "{ended}");
}

#[test]
fn no_limit_is_a_limit_of_zero() {
    let exec = Exec::new().timeout("0").args(&["--idle-timeout", "0"]);
    let done = exec.run("sleep 0.3; exit 4");
    assert_eq!((done.code, done.outcome()), (4, "exited"));
}

#[test]
fn a_limit_beyond_all_time_is_none() {
    let long = "1.8e19";
    for flags in [
        ["--timeout", long],
        ["--idle-timeout", long],
        ["--grace", long],
    ] {
        let done = Exec::new().args(&flags).run("exit 4");
        assert_eq!((done.code, done.outcome()), (4, "exited"), "{flags:?}");
    }
    let limits = json!({"timeout_secs": 1.8e19, "idle_timeout_secs": 1.8e19, "grace_secs": 1.8e19});
    let exec = Exec::new();
    let mut task = exec.task("echo up; sleep 1000", &limits);
    task.shows("up");
    assert_eq!(task.ask(json!({"verb": "end"}))["ok"], true);
    assert_eq!(task.ended()["outcome"], "killed");
}

#[test]
fn a_command_in_time_is_not_touched() {
    let done = Exec::new().timeout("20").run("sleep 0.1; exit 9");
    assert_eq!((done.code, done.outcome()), (9, "exited"));
    assert!(done.took < Duration::from_secs(10));
}
