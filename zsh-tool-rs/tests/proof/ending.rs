//! The way to an end: who is asked, in which order, and that nothing on it waits for a clock.
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::json;

use super::common::proc::{marker, wake_ups, with_marker};
use super::common::{Exec, Running, kill, meta_at, wait_for, within};

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
        std::thread::sleep(Duration::from_millis(500));
        let before = wake_ups(running.pid());
        std::thread::sleep(Duration::from_secs(2));
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

/// What means "end" to a program at a terminal means it to us, unless the caller wants us to outlive it, as `nohup` does.
#[test]
fn a_hangup_and_a_quit_end_the_command_unless_they_are_ignored() {
    for (signal, name) in [(libc::SIGHUP, "HUP"), (libc::SIGQUIT, "QUIT")] {
        let exec = Exec::new();
        let running = started(&exec, ": > $SCRATCH/up; sleep 1000; true");
        kill(running.pid(), signal);
        let done = running.wait();
        assert_eq!((done.outcome(), done.code), ("killed", 143), "{name}");
        assert_eq!(done.meta["ended_by"], "user", "{name}");

        let text = ": > $SCRATCH/up; while [[ ! -e $SCRATCH/go ]]; do sleep 0.01; done; exit 5";
        let running = exec.start_under(&format!("trap '' {name}"), text);
        wait_for("the start", || {
            std::fs::remove_file(exec.path("scratch/up")).ok()
        });
        kill(running.pid(), signal);
        std::fs::write(exec.path("scratch/go"), "").unwrap();
        let done = running.wait();
        assert_eq!((done.outcome(), done.code), ("exited", 5), "{name}");
        exec.tidy();
    }
}

/// Who ended it first has ended it, whatever is said or runs out while it takes its leave.
#[test]
fn only_the_first_end_counts() {
    let exec = Exec::new();
    let text = "trap 'echo leaving; while [[ ! -e $SCRATCH/go ]]; do sleep 0.01; done; exit 0' TERM; echo up; while :; do sleep 0.01; done";
    let mut task = exec.task(text, &json!({"grace_secs": 20, "timeout_secs": 1.5}));
    task.shows("up");
    task.channel
        .send(json!({"verb": "end", "by": "agent", "id": 7}), b"");
    task.shows("leaving");
    kill(task.pid(), libc::SIGTERM);
    // Past the limit on its time, which has nothing to say any more.
    wait_for("the limit to pass", || {
        (task.status()["elapsed_ms"].as_u64()? > 1600).then_some(())
    });
    std::fs::write(exec.path("scratch/go"), "").unwrap();
    let ended = task.ended();
    assert_eq!(ended["outcome"], "killed", "{ended}");
    assert_eq!(
        (&ended["ended_by"], &ended["timed_out"]),
        (&json!("agent"), &json!(false)),
        "{ended}"
    );
}

/// Nobody is left to whom a long farewell was promised: what is still there then is gone within a second too.
#[test]
fn an_owner_that_goes_during_a_grace_period_cuts_it_short() {
    for pty in [false, true] {
        let mark = marker();
        let exec = Exec::new().env("MARKER", &mark);
        let text = "trap '' TERM INT HUP; echo up; while :; do sleep 0.05; done";
        let mut task = exec.task(text, &json!({"pty": pty, "grace_secs": 20}));
        task.shows("up");
        task.channel
            .send(json!({"verb": "end", "by": "agent"}), b"");
        // Whoever is asked after it is answered after it has begun.
        task.status();
        drop(task.channel.replace(UnixStream::pair().unwrap().0));
        within(Duration::from_secs(1), "all to be gone", || {
            with_marker(&mark).is_empty().then_some(())
        });
        let answer = meta_at(&task.folder.join("meta.json"));
        assert_eq!(answer["ended_by"], "agent", "{answer}");
    }
}
