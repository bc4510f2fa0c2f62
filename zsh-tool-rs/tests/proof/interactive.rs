//! A terminal that programs believe in, and input that arrives.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use super::common::channel::Task;
use super::common::{Exec, meta_at, wait_for};
use serde_json::{Value, json};

fn terminal(exec: &Exec, text: &str) -> Task {
    exec.task(text, &json!({"pty": true}))
}

fn seat() -> Exec {
    Exec::new().env("TERM", "xterm-256color")
}

fn numbered(before: &str, count: usize) -> String {
    let lines: Vec<String> = (1..=count).map(|n| format!("{before}{n}\n")).collect();
    lines.concat()
}

fn exit_code(task: &mut Task) -> Value {
    task.ended()["exit_code"].clone()
}

#[test]
fn a_terminal_has_the_size_asked_for() {
    assert_eq!(Exec::new().pty().run("stty size").text(), "40 120\r\n");
    assert_eq!(
        Exec::new()
            .pty()
            .args(&["--cols", "77", "--rows", "11"])
            .run("stty size")
            .text(),
        "11 77\r\n"
    );
    let exec = seat();
    let mut task = exec.task("stty size", &json!({"pty": true, "rows": 20, "cols": 30}));
    task.shows("20 30");
}

#[test]
fn a_terminal_is_a_controlling_one() {
    let text = "[[ -t 0 && -t 1 && -t 2 ]] && echo all; echo to-it >/dev/tty; ps -o sess=,pgid=,tpgid= -p $$ | tr -s ' '; tty";
    let done = Exec::new().pty().run(text);
    let shown = done.text();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(&lines[..2], ["all", "to-it"], "{shown}");
    let ids: Vec<&str> = lines[2].split_whitespace().collect();
    assert!(
        ids[0] == ids[1] && ids[1] == ids[2],
        "leader of session, group and foreground: {shown}"
    );
    assert!(lines[3].starts_with("/dev/"), "{shown}");
}

#[test]
fn a_pipe_command_cannot_reach_our_terminal() {
    let done = Exec::new().run("cat </dev/tty; ps -o tty= -p $$");
    assert!(
        done.text().contains("/dev/tty") && done.text().contains('?'),
        "{}",
        done.text()
    );
}

#[test]
fn a_resize_is_seen() {
    let exec = seat();
    let mut task = terminal(
        &exec,
        "TRAPWINCH() { stty size }; echo ready; while :; do sleep 0.05; done",
    );
    task.shows("ready");
    assert_eq!(
        task.ask(json!({"verb": "resize", "rows": 33, "cols": 99}))["ok"],
        true
    );
    task.shows("33 99");
    let status = task.status();
    assert_eq!(
        (&status["rows"], &status["cols"]),
        (&json!(33), &json!(99)),
        "{status}"
    );
}

#[test]
fn what_is_typed_is_echoed_unless_hidden() {
    let exec = seat();
    let mut task = terminal(&exec, "read x; read -s y; echo \"got $x $y\"");
    task.input(b"open\n");
    wait_for("echo to go off", || {
        (task.status()["echo"] == false).then_some(())
    });
    assert_eq!(task.input(b"hidden\n")["echo"], false);
    let shown = task.shows("got");
    assert_eq!(shown.replace("\r\n", "\n"), "open\ngot open hidden\n");
    assert_eq!(exit_code(&mut task), 0);
}

#[test]
fn a_password_prompt_works() {
    let exec = seat();
    let prompt = "stty -echo; printf \"Password: \" >/dev/tty; read p </dev/tty; stty echo; echo; [ \"$p\" = sesame ] && echo open";
    let mut task = terminal(&exec, &format!("sh -c '{prompt}'"));
    task.shows("Password: ");
    assert_eq!(task.status()["echo"], false);
    task.input(b"sesame\n");
    let shown = task.shows("open");
    assert!(!shown.contains("sesame"), "{shown}");
}

#[test]
fn an_interrupt_reaches_the_foreground_job() {
    let exec = seat();
    let mut task = terminal(
        &exec,
        "exec sh -c 'trap \"echo caught; exit 5\" INT; echo ready; while :; do sleep 0.05; done'",
    );
    task.shows("ready");
    task.input(b"\x03");
    task.shows("caught");
    let mut task = {
        let other = seat();
        terminal(&other, "echo ready; exec sleep 1000")
    };
    task.shows("ready");
    task.input(b"\x03");
    let answer = task.ended();
    assert_eq!(
        (&answer["outcome"], &answer["signal"], &answer["exit_code"]),
        (&json!("signalled"), &json!("INT"), &json!(130))
    );
}

#[test]
fn a_signal_by_name_reaches_the_foreground() {
    for pty in [true, false] {
        let exec = seat();
        let mut task = exec.task("echo ready; exec sleep 1000", &json!({"pty": pty}));
        task.shows("ready");
        let reply = task.ask(json!({"verb": "signal", "signal": "INT", "to": "foreground"}));
        assert_eq!(reply["ok"], true, "{reply}");
        let answer = task.ended();
        assert_eq!(
            (&answer["outcome"], &answer["signal"]),
            (&json!("signalled"), &json!("INT")),
            "{answer}"
        );
    }
}

/// Whether `sleep` has the terminal. A child of the shell that has it, but is not yet the program, still ignores what would stop it.
fn has_job_in_front(task: &mut Task) -> Option<()> {
    let front = task.status()["foreground"].as_i64()?;
    let name = std::fs::read_to_string(format!("/proc/{front}/comm")).ok()?;
    (name == "sleep\n").then_some(())
}

#[test]
fn an_interactive_shell_has_job_control() {
    let exec = seat().env("PS1", "> ");
    let mut task = terminal(&exec, "PS1='%% ' zsh -f -i -o no_zle");
    task.shows("% ");
    task.input(b"sleep 1000\n");
    wait_for("the job in front", || has_job_in_front(&mut task));
    task.shows("sleep 1000");
    task.input(b"\x1a");
    task.shows("suspended");
    task.input(b"bg; jobs\n");
    task.shows("running");
    task.input(b"(exit 4) & wait $!; echo waited $?\n");
    task.shows("waited 4");
    task.input(b"fg %1\n");
    task.shows("continued");
    // The shell says so before it hands the terminal over, and an interrupt must not be its own.
    wait_for("the job in front again", || has_job_in_front(&mut task));
    task.input(b"\x03");
    task.input(b"echo after $?\n");
    task.shows("after 130");
    task.input(b"exit 3\n");
    assert_eq!(exit_code(&mut task), 3);
}

#[test]
fn job_control_works_in_the_command_itself() {
    let done = Exec::new().pty().timeout("20").run("setopt monitor; sleep 0.1 & fg; sleep 0.1 & wait; sleep 1000 & kill -STOP %%; bg; kill %%; wait; echo end");
    assert!(
        done.text().ends_with("end\r\n") && done.code == 0,
        "{done:?}"
    );
}

#[test]
fn editors_and_pagers_run() {
    let exec = seat();
    let mut task = terminal(
        &exec,
        "vim -es -u NONE -i NONE -c 'normal ihello' -c 'wq! written'; cat written",
    );
    task.shows("hello");
    assert_eq!(exit_code(&mut task), 0);

    let exec = seat().file("scratch/long", numbered("line ", 500));
    let mut task = terminal(&exec, "LESS= less long; echo closed");
    task.shows("line 39");
    task.input(b"G");
    task.shows("line 500");
    task.input(b"q");
    task.shows("closed");
}

#[test]
fn a_python_prompt_answers() {
    let exec = seat().env("PYTHON_BASIC_REPL", "1").env("TERM", "dumb");
    let mut task = terminal(&exec, "python3 -i -q");
    task.shows(">>> ");
    task.input(b"6*7\n");
    // Only at a prompt does it read: what is typed before finds a terminal in another mode, and may be lost.
    task.shows("42\r\n>>> ");
    task.ask(json!({"verb": "eof"}));
    assert_eq!(exit_code(&mut task), 0);
}

#[test]
fn the_end_of_input_arrives_in_both_modes() {
    for pty in [false, true] {
        let exec = seat();
        let mut task = exec.task(
            "cat; echo \"end $?\"",
            &json!({"pty": pty, "stdin": "keep"}),
        );
        task.input(b"line\n");
        task.shows("line");
        assert_eq!(task.ask(json!({"verb": "eof"}))["ok"], true);
        task.shows("end 0");

        // The unfinished line is delivered first.
        let exec = seat();
        let mut task = exec.task(
            "cat | tr a-z A-Z; echo end",
            &json!({"pty": pty, "stdin": "keep"}),
        );
        task.input(b"unfinished");
        task.ask(json!({"verb": "eof"}));
        let shown = task.shows("end");
        assert!(shown.contains("UNFINISHED"), "{shown}");
    }
}

#[test]
fn stdin_is_null_a_text_or_kept() {
    let all = |stdin: &str, input: &[u8]| {
        let exec = seat().stdin(input);
        let mut task = exec.task(
            "[[ -c /dev/stdin ]] && echo null; cat | wc -c",
            &json!({"stdin": stdin}),
        );
        let answer = task.ended();
        assert_eq!(answer["outcome"], "exited", "{answer}");
        String::from_utf8(task.output()).unwrap()
    };
    assert_eq!(all("null", b"").trim(), "null\n0");
    assert_eq!(all("text", b"").trim(), "0");
    assert_eq!(all("text", &vec![b'x'; 3_000_000]).trim(), "3000000");
}

#[test]
fn input_to_a_closed_stdin_is_refused() {
    let exec = seat();
    let mut task = exec.task("echo ready; sleep 1000", &json!({"stdin": "null"}));
    task.shows("ready");
    let reply = task.input(b"x");
    assert_eq!(
        (&reply["ok"], &reply["code"]),
        (&json!(false), &json!("closed")),
        "{reply}"
    );
}

#[test]
fn more_input_than_the_queue_takes_is_refused_and_the_rest_arrives() {
    let exec = seat();
    let mut task = exec.task(
        "while [[ ! -e go ]]; do sleep 0.02; done; wc -c",
        &json!({"stdin": "keep"}),
    );
    let block = vec![b'x'; 256 * 1024];
    let mut accepted = 0;
    let refused = loop {
        let reply = task.input(&block);
        if reply["ok"] != true {
            break reply;
        }
        accepted += block.len();
        assert!(accepted < 8 << 20, "the queue has no end");
    };
    assert_eq!(refused["code"], "full", "{refused}");
    std::fs::write(exec.path("scratch/go"), "").unwrap();
    task.ask(json!({"verb": "eof"}));
    task.shows(&accepted.to_string());
}

#[test]
fn the_callers_stdin_is_the_commands() {
    assert_eq!(
        Exec::new()
            .stdin(b"a\nb\n")
            .run("read x; cat; echo $x")
            .text(),
        "b\na\n"
    );
    let done = Exec::new()
        .pty()
        .stdin(b"typed\n")
        .run("read x; echo \"got $x\"");
    assert!(done.text().contains("got typed"), "{done:?}");
    assert_eq!(
        Exec::new()
            .pty()
            .timeout("20")
            .run("cat; echo end")
            .outcome(),
        "exited"
    );
}

/// A reader of 4 KiB each 60 ms gets every byte, after the shell has long ended.
#[test]
#[allow(clippy::disallowed_methods, reason = "slowness is the point")]
fn a_slow_reader_gets_all_output() {
    for flags in [&[][..], &["--pty"]] {
        let exec = seat().args(flags);
        let mut child = exec
            .command("seq 40000; printf last")
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut pipe = child.stdout.take().unwrap();
        let mut all = Vec::new();
        let mut block = [0; 4096];
        loop {
            let length = pipe.read(&mut block).unwrap();
            if length == 0 {
                break;
            }
            all.extend_from_slice(&block[..length]);
            std::thread::sleep(Duration::from_millis(60));
        }
        assert!(child.wait().unwrap().success());
        let expected = numbered("", 40000) + "last";
        assert_eq!(
            String::from_utf8(all).unwrap().replace("\r\n", "\n"),
            expected
        );
        assert_eq!(meta_at(&exec.path("meta.json"))["outcome"], "exited");
    }
}

/// A program that writes much at once and ends: the terminal's buffer must be emptied before it is closed.
#[test]
fn a_terminal_loses_nothing_at_the_end() {
    for _ in 0..20 {
        let done = Exec::new().pty().run("seq 3000; exit 1");
        assert!(
            done.text().ends_with("2999\r\n3000\r\n")
                && done.text().lines().count() == 3000
                && done.code == 1
        );
    }
}
