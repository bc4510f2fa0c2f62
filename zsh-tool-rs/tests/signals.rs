//! Signals, to the command and to the executor, from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod common;

use std::fs;
use std::time::Duration;

use common::proc::{marker, with_marker};
use common::{Exec, Running, kill, wait_for};

#[test]
fn a_signal_that_ends_the_shell_is_told() {
    let done = Exec::new().run("kill -9 $$");
    assert_eq!((done.code, done.outcome()), (137, "signalled"));
    assert_eq!(done.meta["signal"], "KILL");
    assert!(done.meta["ended_by"].is_null());
}

#[test]
fn term_and_int_to_the_executor_end_the_command_for_the_user() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let mark = marker();
        let exec = Exec::new().env("MARK", &mark);
        let running = exec.start("setsid sleep 50 & sleep 50; true");
        wait_for("all three processes", || {
            (with_marker(&mark).len() == 4).then_some(())
        });
        kill(running.pid(), signal);
        let done = running.wait();
        assert_eq!((done.code, done.outcome()), (143, "killed"));
        assert_eq!(done.meta["ended_by"], "user");
        assert_eq!(with_marker(&mark), Vec::<i32>::new());
    }
}

#[test]
fn what_forks_while_it_is_told_to_end_is_told_too() {
    let exec = Exec::new().args(&["--grace", "10"]);
    let forker = r#"setsid zsh -fc 'repeat 50; do (setsid sh -c "sleep 60 & sleep 60" &); done; sleep 60' &"#;
    for round in 0..20 {
        let running = exec.start(format!("{forker} {forker} : > $SCRATCH/up; wait"));
        wait_for("the start", || {
            fs::remove_file(exec.path("scratch/up")).ok()
        });
        let forks_for = Duration::from_millis(round % 8 * 3);
        wait_for("some forks", || {
            (running.started.elapsed() > forks_for).then_some(())
        });
        ends_within_its_grace(running, round);
    }
}

/// Tells the executor to end, and holds that nothing had to be killed for it.
fn ends_within_its_grace(running: Running, round: u64) {
    kill(running.pid(), libc::SIGTERM);
    let done = running.wait();
    let grace = done.meta["grace_ms"].as_u64().unwrap();
    assert!(
        grace < 10_000,
        "round {round} had to be killed: {}",
        done.meta
    );
}

#[test]
fn what_leaves_the_group_while_that_is_told_to_end_is_told_too() {
    let exec = Exec::new().args(&["--grace", "10"]);
    let leavers = "repeat 40; do setsid sleep 60 & done";
    for round in 0..20 {
        let running = exec.start(format!("{leavers}; : > $SCRATCH/up; wait"));
        wait_for("the start", || {
            fs::remove_file(exec.path("scratch/up")).ok()
        });
        ends_within_its_grace(running, round);
    }
}

#[test]
fn a_killed_command_never_looks_like_success() {
    let exec = Exec::new();
    let running =
        exec.start("trap 'exit 0' TERM; : > $SCRATCH/ready; while :; do sleep 0.05; done");
    wait_for("the trap", || {
        exec.path("scratch/ready").exists().then_some(())
    });
    kill(running.pid(), libc::SIGTERM);
    let done = running.wait();
    assert_eq!((done.code, done.outcome()), (143, "killed"));
    assert_eq!(done.meta["exit_code"], 0);
}

#[test]
fn the_shell_dies_with_an_executor_that_is_killed() {
    let mark = marker();
    let exec = Exec::new().env("MARK", &mark);
    let mut running = exec.start("sleep 50");
    wait_for("the command", || {
        (with_marker(&mark).len() == 2).then_some(())
    });
    kill(running.pid(), libc::SIGKILL);
    running.ended();
    wait_for("the shell's end", || {
        with_marker(&mark).is_empty().then_some(())
    });
}

#[test]
fn the_command_leads_a_session_of_its_own() {
    for exec in [Exec::new(), Exec::new().pty()] {
        let done = exec.run("read -A s < /proc/$$/stat; [[ $s[5] = $$ && $s[6] = $$ ]]");
        assert_eq!(done.code, 0, "{}", done.text());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_caller_that_holds_signals_back_does_not_hold_us_back() {
    let mut command = std::process::Command::new("env");
    command.args(["--block-signal=CHLD,TERM,INT", common::EXECUTOR]);
    let mut child = command.args(["--", "exit 3"]).spawn().unwrap();
    let status = wait_for("the end", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(3));
}
