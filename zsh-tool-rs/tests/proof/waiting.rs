//! Waiting costs nothing, ends in time, and output comes as it should.
use std::time::Duration;

use serde_json::json;

use super::common::channel::Task;
use super::common::proc::{cpu_ns, peak_kb, state, wake_ups};
use super::common::{Exec, Running, kill, wait_for};
use super::fault::recording;

/// Processor time and wake-ups of a waiting executor, over ten seconds that begin one second after its start.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "ten seconds of waiting are what is measured"
)]
fn waiting_costs_nothing() {
    let by_hand = [
        Exec::new(),
        Exec::new().pty(),
        Exec::new().timeout("60"),
        recording(Exec::new()),
    ];
    let running: Vec<_> = by_hand
        .iter()
        .map(|exec| exec.start("exec sleep 1000"))
        .collect();
    let homes = [Exec::new(), Exec::new(), Exec::new()];
    let mut tasks = vec![homes[0].standby()];
    tasks.push(homes[1].task(
        "exec sleep 1000",
        &json!({"pty": true, "timeout_secs": 60, "idle_timeout_secs": 50}),
    ));
    tasks.push(homes[2].task("sleep 1000 & exit 0", &json!({})));
    let pids: Vec<i32> = running
        .iter()
        .map(Running::pid)
        .chain(tasks.iter().map(Task::pid))
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    let before: Vec<_> = pids
        .iter()
        .map(|pid| (cpu_ns(*pid), wake_ups(*pid)))
        .collect();
    std::thread::sleep(Duration::from_secs(10));
    for (pid, (cpu, wakes)) in pids.iter().zip(&before) {
        let (used, woken) = (cpu_ns(*pid) - cpu, wake_ups(*pid) - wakes);
        assert!(
            used < 1_000_000 && woken <= 3,
            "{used} ns and {woken} wake-ups in ten seconds"
        );
    }
    for run in running {
        kill(run.pid(), libc::SIGTERM);
        assert_eq!(run.wait().outcome(), "killed");
    }
}

#[test]
fn a_timeout_is_exact_to_20_ms() {
    let late = |_| {
        let done = Exec::new().timeout("0.7").run("exec sleep 1000");
        assert_eq!(done.outcome(), "timed_out");
        done.meta["elapsed_ms"].as_i64().unwrap() - 700
    };
    let best = (0..4).map(late).min().unwrap();
    assert!((0..=20).contains(&best), "{best} ms late");
}

#[test]
fn output_flows_in_large_blocks_and_trickles_at_once() {
    let exec = Exec::new();
    let (size, more) = (200 << 20, 1_000_000);
    let mut task = exec.task(
        &format!(
            "head -c {size} /dev/zero; echo done; until [[ -e go ]] {{ sleep 0.01 }}; \
             head -c {more} /dev/zero; echo more; : >flowed; exec sleep 1000"
        ),
        &json!({}),
    );
    task.shows_at_end("done");
    // What was reaped counts as the executor's own; the shell lives on, so that its share does not.
    let block = size / read_calls(task.pid());
    assert!(block >= 64 << 10, "{block} bytes a read");
    // One that is stopped finds a megabyte waiting in the pipe, whoever is faster.
    kill(task.pid(), libc::SIGSTOP);
    wait_for("the stop", || (state(task.pid())? == 'T').then_some(()));
    std::fs::write(exec.path("scratch/go"), "").unwrap();
    wait_for("the output", || {
        std::fs::read(exec.path("scratch/flowed")).ok()
    });
    let before = read_calls(task.pid());
    kill(task.pid(), libc::SIGCONT);
    task.shows_at_end("more");
    let calls = read_calls(task.pid()) - before;
    let (blocks, others) = (more / (64 << 10) + 1, 10);
    assert!(calls <= blocks + others, "{calls} for a megabyte");
    let peak = peak_kb(task.pid()).unwrap();
    assert!(peak < 8 * 1024, "{peak} KiB");
    task.ask(json!({"verb": "end", "by": "agent"}));

    let exec = Exec::new();
    let mut task = exec.task("echo first; exec sleep 1000", &json!({}));
    task.shows("first");
}

/// How often a process has called `read` or one of its kin.
fn read_calls(pid: i32) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    io.lines()
        .find_map(|line| line.strip_prefix("syscr: "))
        .unwrap()
        .parse()
        .unwrap()
}
