//! Nobody is left behind, and nobody is held up: proved by looking for the processes themselves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::common::channel::Task;
use super::common::proc::{marker, with_marker};
use super::common::{Exec, for_each, kill, meta_at, wait_for, within};
use serde_json::{Value, json};

/// Ways to be missed by whoever cleans up. Each prints `ready` once all of it is running.
const TREES: &[(&str, &str)] = &[
    ("obeys", "sleep 1000 & echo ready; wait"),
    (
        "ignores TERM",
        "trap '' TERM INT HUP; sh -c 'trap \"\" TERM; sleep 1000 & echo ready; while :; do sleep 1; done'",
    ),
    (
        "nohup",
        "nohup sleep 1000 >/dev/null 2>&1 & echo ready; sleep 1000",
    ),
    (
        "setsid",
        "setsid sleep 1000 & setsid sh -c 'trap \"\" TERM; echo ready; sleep 1000; sleep 1000'; sleep 1000",
    ),
    (
        "double fork",
        "setsid sh -c '(setsid sh -c \"trap \\\"\\\" TERM HUP; echo ready; sleep 1000; :\" &) ; exit'; sleep 1000",
    ),
    (
        "closed descriptors",
        "(setsid sleep 1000 <&- >&- 2>&- &); echo ready; sleep 1000",
    ),
    (
        "own group",
        "setopt monitor; sleep 1000 & sh -c 'trap \"\" TERM; echo ready; sleep 1000; :' & wait",
    ),
    (
        "stopped",
        "sleep 1000 & kill -STOP $!; (setsid sleep 1000 & kill -STOP $!); echo ready; kill -STOP $$",
    ),
    (
        "orphans",
        "(sleep 1000 &); ( (sleep 1000 &) & ); echo ready; sleep 1000",
    ),
    ("chain", "./chain; echo ready; sleep 1000"),
    (
        "stubborn chain",
        "trap '' TERM HUP INT; setsid ./chain; echo ready; sleep 1000; sleep 1000",
    ),
];

/// A process that lives for a moment and starts its successor, for ever.
const CHAIN: &str = "#!/bin/sh\nsleep 0.01\n\"$0\" &\n";

fn exec_with(marker: &str) -> Exec {
    let exec = Exec::new()
        .file("scratch/chain", CHAIN)
        .env("MARKER", marker);
    let chain = exec.path("scratch/chain");
    std::fs::set_permissions(chain, PermissionsExt::from_mode(0o755)).unwrap();
    exec
}

fn nobody_left(name: &str, marker: &str) -> Result<(), String> {
    let left = with_marker(marker);
    let told = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let list: Vec<String> = left.iter().map(told).collect();
    for pid in left {
        kill(pid, libc::SIGKILL);
    }
    if list.is_empty() {
        Ok(())
    } else {
        Err(format!("{name}: {list:?}"))
    }
}

#[test]
fn a_timeout_leaves_nobody() {
    for_each(TREES, |(name, text)| {
        let mark = marker();
        let done = exec_with(&mark)
            .timeout("0.4")
            .args(&["--grace", "0.3"])
            .run(text);
        if done.outcome() != "timed_out" || done.code != 124 || done.meta["timed_out"] != true {
            return Err(format!("{name}: {done:?}"));
        }
        nobody_left(name, &mark)
    });
}

#[test]
fn a_timeout_leaves_nobody_in_a_terminal() {
    for_each(TREES, |(name, text)| {
        let mark = marker();
        let done = exec_with(&mark)
            .pty()
            .timeout("0.4")
            .args(&["--grace", "0.3"])
            .run(text);
        if done.outcome() != "timed_out" || done.code != 124 {
            return Err(format!("{name}: {done:?}"));
        }
        nobody_left(name, &mark)
    });
}

#[test]
fn a_signal_to_the_executor_leaves_nobody() {
    for_each(TREES, |(name, text)| {
        let mark = marker();
        let exec = exec_with(&mark).args(&["--grace", "0.3"]);
        let log = exec.path("scratch/log");
        let running = exec.start(text.replace("echo ready", "echo ready >$SCRATCH/log"));
        wait_for("the tree", || {
            std::fs::read_to_string(&log)
                .ok()
                .filter(|s| s.contains("ready"))
        });
        kill(running.pid(), libc::SIGTERM);
        let done = running.wait();
        if done.outcome() != "killed" || done.meta["ended_by"] != "user" || done.code == 0 {
            return Err(format!("{name}: {done:?}"));
        }
        nobody_left(name, &mark)
    });
}

#[test]
fn an_end_over_the_channel_leaves_nobody() {
    for_each(TREES, |(name, text)| {
        for pty in [false, true] {
            let mark = marker();
            let exec = exec_with(&mark);
            let mut task = exec.task(text, &json!({"grace_secs": 0.3, "pty": pty}));
            task.shows("ready");
            let reply = task.ask(json!({"verb": "end", "by": "agent"}));
            let executor = task.pid();
            let left: Vec<i32> = with_marker(&mark)
                .into_iter()
                .filter(|pid| *pid != executor)
                .collect();
            let answer = task.ended();
            if reply["ok"] != true
                || answer["outcome"] != "killed"
                || answer["ended_by"] != "agent"
                || !left.is_empty()
            {
                return Err(format!("{name}: {reply} {answer} left {left:?}"));
            }
            task.exit_code();
            nobody_left(name, &mark)?;
        }
        Ok(())
    });
}

#[test]
fn a_thousand_children_go_too() {
    let mark = marker();
    let exec = exec_with(&mark);
    let text = "sh -c 'trap \"\" TERM; n=0; while [ $n -lt 1000 ]; do sleep 1000 & n=$((n + 1)); done; echo ready; wait'";
    let mut task = exec.task(text, &json!({"grace_secs": 0.2}));
    task.shows("ready");
    // One that was just forked has no environment to be seen while it is executed.
    wait_for("all of them", || {
        (with_marker(&mark).len() > 1000).then_some(())
    });
    assert_eq!(task.ask(json!({"verb": "end", "by": "user"}))["ok"], true);
    let executor = task.pid();
    assert_eq!(
        with_marker(&mark)
            .into_iter()
            .filter(|pid| *pid != executor)
            .count(),
        0
    );
    assert_eq!(task.ended()["outcome"], "killed");
}

/// The pids of the task's processes, the executor aside.
fn members(task: &Task, mark: &str) -> Vec<i32> {
    with_marker(mark)
        .into_iter()
        .filter(|pid| *pid != task.pid())
        .collect()
}

#[test]
fn zsh_dies_with_a_killed_executor() {
    for flags in [&[][..], &["--pty"]] {
        let mark = marker();
        let exec = exec_with(&mark).args(flags);
        let mut running = exec.start("trap '' TERM HUP; echo ready >$SCRATCH/log; while :; do read -t 0.2 x </dev/zero; done");
        let log = exec.path("scratch/log");
        wait_for("the shell", || {
            std::fs::read(&log).ok().filter(|text| !text.is_empty())
        });
        kill(running.pid(), libc::SIGKILL);
        running.ended();
        within(Duration::from_secs(1), "zsh to be gone", || {
            with_marker(&mark).is_empty().then_some(())
        });
    }
}

#[test]
fn all_go_when_the_owner_of_the_channel_goes() {
    for_each(TREES, |(name, text)| {
        for pty in [false, true] {
            let mark = marker();
            let exec = exec_with(&mark);
            let mut task = exec.task(text, &json!({"pty": pty}));
            task.shows("ready");
            let folder = task.folder.clone();
            let (nothing, _) = std::os::unix::net::UnixStream::pair().unwrap();
            drop(task.channel.replace(nothing));
            let left = Instant::now();
            while !with_marker(&mark).is_empty() && left.elapsed() < Duration::from_secs(1) {
                std::thread::yield_now();
            }
            nobody_left(name, &mark)?;
            let answer = meta_at(&folder.join("meta.json"));
            if answer["outcome"] != "session_ended" || answer["ended_by"] != "session" {
                return Err(format!("{name}: {answer}"));
            }
        }
        Ok(())
    });
}

/// The best of some tries: the bound is the executor's, the bad luck the machine's.
fn best(tries: usize, measure: impl FnMut() -> Duration) -> Duration {
    std::iter::repeat_with(measure).take(tries).min().unwrap()
}

#[test]
fn a_tree_that_obeys_is_gone_within_5_ms() {
    let time = || {
        let exec = Exec::new();
        let mut task = exec.task(
            "sleep 1000 & sleep 1000 & echo ready; sleep 1000",
            &json!({}),
        );
        task.shows("ready");
        let start = Instant::now();
        let reply = task.ask(json!({"verb": "end", "by": "agent"}));
        assert_eq!(reply["ok"], true, "{reply}");
        start.elapsed()
    };
    assert!(best(8, time) < Duration::from_millis(5));
}

#[test]
fn survivors_do_not_delay_the_answer() {
    for pty in [false, true] {
        let time = || {
            let exec = Exec::new();
            let mut task = exec.standby();
            let start = Instant::now();
            // What shares the shell's session would be hung up with it; a moment lets it leave.
            task.run(
                &exec,
                "setsid sleep 1000 & sleep 0.05; echo now",
                &json!({"pty": pty}),
            );
            let answer = task.ended();
            let took = start.elapsed();
            assert_eq!(
                (&answer["outcome"], &answer["exit_code"]),
                (&json!("exited"), &json!(0)),
                "{answer}"
            );
            assert_eq!(answer["survivors"][0]["name"], "sleep", "{answer}");
            task.ask(json!({"verb": "end", "by": "agent"}));
            took
        };
        // Besides the bound of 150 there is the moment, and what the shell itself takes.
        assert!(best(4, time) < Duration::from_millis(150 + 50 + 20));
    }
}

#[test]
fn survivors_live_on_are_heard_and_can_be_ended() {
    for pty in [false, true] {
        let mark = marker();
        let exec = exec_with(&mark);
        let text = "setsid sh -c 'while [ ! -e go ]; do sleep 0.02; done; echo later; exec sleep 1000' & sleep 0.1; echo now";
        let mut task = exec.task(text, &json!({"pty": pty}));
        let answer = task.ended();
        let named: Vec<i64> = answer["survivors"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|s| s["pid"].as_i64())
            .collect();
        assert!(!named.is_empty(), "{answer}");
        assert!(
            members(&task, &mark)
                .iter()
                .any(|pid| named.contains(&i64::from(*pid))),
            "{answer}"
        );
        std::fs::write(exec.path("scratch/go"), "").unwrap();
        task.shows("later");
        wait_for("only the sleep", || {
            (members(&task, &mark).len() == 1).then_some(())
        });
        assert_eq!(task.ask(json!({"verb": "end", "by": "agent"}))["ok"], true);
        assert_eq!(members(&task, &mark), Vec::<i32>::new());
        task.channel.event("gone");
        assert_eq!(task.exit_code(), Some(0), "the command's own status");
    }
}

#[test]
fn the_executor_leaves_with_the_last_survivor() {
    let exec = Exec::new();
    let mut task = exec.task("(sleep 0.4; echo late) & exit 7", &json!({}));
    assert_eq!(task.ended()["exit_code"], 7);
    let gone = task.channel.event("gone");
    assert_eq!(gone["total"], 5, "{gone}");
    assert_eq!(task.exit_code(), Some(7));
}

#[test]
fn by_hand_survivors_keep_the_callers_stdout() {
    for flags in [&[][..], &["--pty"]] {
        let exec = Exec::new().args(flags);
        // In a terminal what shares the shell's session would be hung up with it; a moment lets it leave.
        let text = "setsid sh -c 'while [ ! -e go ]; do sleep 0.02; done; echo later; echo last' & sleep 0.1; echo now";
        let mut running = exec.start(text);
        let (status, _) = running.ended();
        assert!(status.success(), "{status}");
        std::fs::write(exec.path("scratch/go"), "").unwrap();
        let done = running.wait();
        let shown = done.text().replace("\r\n", "\n");
        assert_eq!(shown, "now\nlater\nlast\n", "{flags:?}");
        let named = done.meta["survivors"].as_array().map(Vec::len);
        assert_ne!(named, Some(0), "{}", done.meta);
    }
}

#[test]
fn a_kill_never_looks_like_success() {
    let exec = Exec::new();
    let mut task = exec.task(
        "trap 'exit 0' TERM; echo ready; sleep 1000 & wait",
        &json!({}),
    );
    task.shows("ready");
    task.ask(json!({"verb": "end", "by": "agent"}));
    let answer = task.ended();
    assert_eq!(
        (&answer["outcome"], &answer["exit_code"]),
        (&json!("killed"), &json!(0)),
        "{answer}"
    );
    assert_ne!(task.exit_code(), Some(0));
}

#[test]
fn the_grace_period_is_visible() {
    let done = Exec::new()
        .timeout("0.3")
        .args(&["--grace", "0.5"])
        .run("trap '' TERM; while :; do sleep 0.1; done");
    let number = |key: &str| done.meta[key].as_i64().unwrap();
    assert!(
        (500..1500).contains(&number("grace_ms")) && number("elapsed_ms") >= 800,
        "{}",
        done.meta
    );
    assert_eq!(done.meta["signal"], Value::from("KILL"));
}
