//! The way to an end: who is asked, in which order, and that nothing on it waits for a clock.
use super::common::proc::wake_ups;
use super::common::{Exec, Running, kill, wait_for};

/// Starts the text and waits until it has made the file `up`.
fn started(exec: &Exec, text: &str) -> Running {
    let running = exec.start(text);
    wait_for("the tree", || {
        std::fs::remove_file(exec.path("scratch/up")).ok()
    });
    running
}

/// What ends by itself is noticed by its end: between the request and the last resort nobody looks around.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "two seconds of a grace period are what is measured"
)]
fn a_grace_period_is_waited_for_without_waking_up() {
    for flags in [&[][..], &["--pty"]] {
        let exec = Exec::new().args(flags).args(&["--grace", "4"]);
        let running = started(
            &exec,
            "trap '' TERM INT HUP; (trap '' TERM; sleep 1000) & : > $SCRATCH/up; while :; do wait; done",
        );
        kill(running.pid(), libc::SIGTERM);
        std::thread::sleep(std::time::Duration::from_millis(500));
        let before = wake_ups(running.pid());
        std::thread::sleep(std::time::Duration::from_secs(2));
        let woken = wake_ups(running.pid()) - before;
        assert!(woken <= 2, "{flags:?}: {woken} wake-ups in two seconds");
        let done = running.wait();
        assert_eq!(done.meta["signal"], "KILL", "{}", done.meta);
    }
}

/// The shell heard it first and is gone; its children still have the time that was promised.
#[test]
fn a_shell_that_obeys_in_a_terminal_leaves_its_children_their_grace() {
    let exec = Exec::new().pty().args(&["--grace", "20"]);
    let running = started(
        &exec,
        "trap '' INT; sh -c 'trap \"\" HUP; trap \"sleep 0.4; : > $SCRATCH/tidied; exit\" TERM; : > $SCRATCH/up; while :; do sleep 0.05; done' & wait",
    );
    kill(running.pid(), libc::SIGTERM);
    let done = running.wait();
    assert_eq!(done.meta["signal"], "TERM", "{}", done.meta);
    assert!(exec.path("scratch/tidied").exists(), "{}", done.meta);
}

/// Only what is left of a terminal's job after its shell can be in the way then, and that has been hung up already.
#[test]
fn who_outlives_the_shell_in_a_terminal_is_asked_at_once() {
    let exec = Exec::new().pty().args(&["--grace", "20"]);
    let text = "sh -c 'trap \"\" INT HUP; trap \"exit\" TERM; : > $SCRATCH/up; while :; do sleep 0.001; done' & wait";
    let lapse = || {
        let running = started(&exec, text);
        kill(running.pid(), libc::SIGTERM);
        let done = running.wait();
        assert_eq!(done.meta["signal"], "INT", "{}", done.meta);
        done.meta["grace_ms"].as_u64().unwrap()
    };
    // Not by the clock that a living shell is given, which is 50 ms; the best of some, for the machine has bad moments.
    let best = std::iter::repeat_with(lapse).take(6).min().unwrap();
    assert!(best < 50, "{best} ms");
}
