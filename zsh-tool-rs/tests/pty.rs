//! Terminal mode from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod common;

use common::Exec;
use serde_json::json;

#[test]
fn the_command_controls_a_terminal_of_the_usual_size() {
    let done = Exec::new()
        .pty()
        .run("tty < /dev/tty >/dev/null; stty size; [[ -t 0 && -t 1 && -t 2 ]]");
    assert_eq!((done.text().as_str(), done.code), ("40 120\r\n", 0));
    let done = Exec::new()
        .pty()
        .args(&["--rows", "7", "--cols", "33"])
        .run("stty size");
    assert_eq!(done.text(), "7 33\r\n");
}

#[test]
fn input_is_echoed_and_its_end_delivered() {
    let done = Exec::new().pty().stdin(b"hello\n").run("cat");
    assert_eq!((done.text().as_str(), done.code), ("hello\r\nhello\r\n", 0));
}

#[test]
fn an_unfinished_line_is_delivered_too() {
    let done = Exec::new().pty().stdin(b"half").run("stty -echo; cat");
    assert!(done.text().ends_with("half"), "{}", done.text());
    assert_eq!(done.code, 0);
}

#[test]
fn nothing_is_lost_at_the_exit() {
    let done = Exec::new()
        .pty()
        .run("head -c 300000 /dev/zero | tr '\\0' x; print -n end");
    assert_eq!(done.output.len(), 300_003);
    assert!(done.output.ends_with(b"xend"));
}

#[test]
fn a_terminal_that_is_closed_for_a_while_is_not_the_end() {
    let text = "exec </dev/null >/dev/null 2>&1; sleep 0.3; exec >/dev/tty; echo back";
    assert_eq!(Exec::new().pty().run(text).text(), "back\r\n");
}

#[test]
fn the_interrupt_character_reaches_the_foreground_job() {
    let exec = Exec::new();
    let mut task = exec.task("sleep 50", &json!({"pty": true, "stdin": "keep"}));
    assert_eq!(task.input(b"\x03")["ok"], true);
    let ended = task.channel.event("ended");
    assert_eq!(
        (&ended["outcome"], &ended["signal"]),
        (&json!("signalled"), &json!("INT"))
    );
}

#[test]
fn a_new_size_reaches_the_command() {
    let exec = Exec::new();
    let text = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done";
    let mut task = exec.task(text, &json!({"pty": true, "stdin": "keep"}));
    task.shows("ready");
    assert_eq!(
        task.ask(json!({"verb": "resize", "rows": 5, "cols": 66}))["ok"],
        true
    );
    task.shows("5 66");
    let bad = task.ask(json!({"verb": "resize", "rows": 0, "cols": 66}));
    assert_eq!(bad["ok"], false);
}

#[test]
fn whether_typing_shows_is_told() {
    let exec = Exec::new();
    let text = "echo first; read x; stty -echo; echo second; read x; echo last; read x";
    let mut task = exec.task(text, &json!({"pty": true, "stdin": "keep"}));
    task.shows("first");
    assert_eq!(task.status()["echo"], true);
    assert_eq!(task.input(b"one\n")["echo"], true);
    task.shows("second");
    assert_eq!(task.status()["echo"], false);
    assert_eq!(task.input(b"two\n")["echo"], false);
    assert!(!task.shows("last").contains("two"));
}

#[test]
fn what_dies_of_the_hangup_is_no_survivor() {
    // The kernel hangs up the foreground group when the shell ends; who has left it stays.
    for text in ["sleep 1000 & sleep 0.1", "sleep 1000 &! sleep 0.1"] {
        let done = Exec::new().pty().run(text);
        assert_eq!(done.meta["survivors"], json!([]), "{text}: {}", done.meta);
    }
    let done = Exec::new().pty().run("nohup sleep 0.5 & sleep 0.1");
    let name = &done.meta["survivors"][0]["name"];
    assert_eq!(name, "sleep", "{}", done.meta);
}

#[test]
fn the_end_of_stdin_reaches_who_reads_keys_too() {
    // Each leaves line mode only after the end was typed, which line mode has then made a NUL of.
    for (program, typed) in [
        ("zsh -f -i", "print is-$((40 + 2))\n"),
        ("python3 -q -i", "print('is-%d' % 42)\n"),
    ] {
        for stdin in [typed, ""] {
            let done = Exec::new()
                .pty()
                .args(&["--timeout", "20"])
                .stdin(stdin.as_bytes())
                .run(format!("sleep 0.2; {program}"));
            assert_eq!(done.code, 0, "{program}: {}", done.text());
            assert_eq!(
                done.text().contains("is-42"),
                !stdin.is_empty(),
                "{program}: {}",
                done.text()
            );
        }
    }
}

#[test]
fn an_end_of_stdin_that_was_dropped_is_typed_again() {
    // A program that reads keys and drops what was typed before its second prompt, as a change of modes does.
    let program = "import os, select, termios, tty
tty.setcbreak(0)
print('first', flush=True)
assert select.select([0], [], [], 15)[0]
termios.tcflush(0, termios.TCIFLUSH)
print('second', flush=True)
assert select.select([0], [], [], 15)[0]
print('end', os.read(0, 100).strip(b'\\x04'))";
    let done = Exec::new()
        .pty()
        .args(&["--timeout", "40"])
        .stdin("".as_bytes())
        .run(format!("python3 -c \"{program}\""));
    assert_eq!(done.code, 0, "{}", done.text());
    assert!(done.text().contains("end b''"), "{}", done.text());
}
