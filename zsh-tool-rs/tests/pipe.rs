//! Pipe mode from outside: output, stdin, and what happens to those who read slowly or not at all.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod common;

use std::io::Read;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{EXECUTOR, Exec, kill, meta_at, wait_for};
#[cfg(target_os = "linux")]
use zsh_tool_exec::sys::readable_bytes;

#[test]
fn both_streams_come_in_their_order_and_the_code_is_the_shells() {
    let done = Exec::new().run("echo a; echo b >&2; echo c; exit 3");
    assert_eq!((done.text().as_str(), done.code), ("a\nb\nc\n", 3));
    assert_eq!(done.meta["output_bytes"], 6);
    assert!(done.stderr.is_empty());
}

#[test]
fn the_callers_stdin_is_the_commands() {
    let exec = Exec::new().stdin(b"one\ntwo\n");
    assert_eq!(
        exec.run("read x; echo got $x; cat").text(),
        "got one\ntwo\n"
    );
}

#[test]
fn what_pipeline_codes_there_are_is_told() {
    let done = Exec::new().run("false | true");
    assert_eq!((done.code, done.codes()), (0, vec![1, 0]));
}

#[test]
fn a_reader_that_leaves_ends_the_writer_as_without_us() {
    let exec = Exec::new();
    let mut command = exec.command("yes; print -r -- $? > $SCRATCH/code");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut start = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    wait_for("the command to notice", || child.try_wait().unwrap());
    let code = std::fs::read_to_string(exec.path("scratch/code")).unwrap();
    assert_eq!(code, "141\n");
}

#[test]
fn a_slow_reader_loses_nothing_and_holds_up_no_timeout() {
    let exec = Exec::new();
    let mut command = exec.command("head -c 300000 /dev/zero; print -n end");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = child.stdout.take().unwrap();
    let mut all = Vec::new();
    let mut block = [0; 4096];
    loop {
        let count = reader.read(&mut block).unwrap();
        if count == 0 {
            break;
        }
        all.extend_from_slice(&block[..count]);
    }
    assert_eq!((all.len(), &all[300_000..]), (300_003, &b"end"[..]));
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let exec = Exec::new().timeout("0.2");
    let mut child = exec.command("yes").stdout(Stdio::piped()).spawn().unwrap();
    // Nobody reads: the limit strikes all the same, and the answer follows when the rest is taken.
    let mut reader = child.stdout.take().unwrap();
    std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()).unwrap());
    let status = wait_for("the timeout", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(124));
}

#[test]
fn a_flood_into_a_slow_pipe_arrives_whole() {
    let exec = Exec::new();
    let text = "for i in {1..40}; do print -r -- ${(l:50000::x:)i}; done; print -n end";
    let mut child = exec.command(text).stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = child.stdout.take().unwrap();
    let mut all = Vec::new();
    let mut block = [0; 3000];
    while let Ok(count) = reader.read(&mut block) {
        if count == 0 {
            break;
        }
        all.extend_from_slice(&block[..count]);
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(all, exec.plain(text).output);
    assert_eq!(meta_at(&exec.path("meta.json"))["output_bytes"], all.len());
}

#[cfg(target_os = "linux")]
#[test]
fn a_flow_makes_the_callers_pipe_hold_more() {
    let exec = Exec::new();
    let mut command = exec.command("head -c 20000000 /dev/zero");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = child.stdout.take().unwrap();
    let mut all = Vec::new();
    wait_for("a flow", || {
        // It is one only while there is room for it. A pipe has 64 KiB when it is made.
        let mut block = [0; 4096];
        reader.read_exact(&mut block).unwrap();
        all.extend_from_slice(&block);
        (readable_bytes(reader.as_raw_fd()) > 64 << 10).then_some(())
    });
    reader.read_to_end(&mut all).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(all.len(), 20_000_000);
}

#[test]
fn a_survivor_keeps_the_output_open_and_does_not_hold_up_the_answer() {
    let exec = Exec::new();
    let mut running = exec.start("(sleep 0.7; echo late) & echo early");
    let (status, _) = running.ended();
    let meta = meta_at(&exec.path("meta.json"));
    assert_eq!(status.code(), Some(0));
    assert!(meta["elapsed_ms"].as_u64().unwrap() < 700, "{meta}");
    assert!(!meta["survivors"].as_array().unwrap().is_empty(), "{meta}");
    assert_eq!(running.wait().text(), "early\nlate\n");
}

#[test]
fn a_survivor_that_floods_does_not_hold_up_the_answer() {
    for limit in ["0", "60"] {
        let exec = Exec::new().timeout(limit);
        let mut command = exec.command("yes & sleep 0.1; exit 3");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut reader = child.stdout.take().unwrap();
        let taking = std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        let status = wait_for("the answer", || child.try_wait().unwrap());
        let meta = meta_at(&exec.path("meta.json"));
        let survivor = &meta["survivors"][0];
        kill(
            survivor["pid"].as_i64().unwrap().try_into().unwrap(),
            libc::SIGKILL,
        );
        assert_eq!((status.code(), &survivor["name"]), (Some(3), &"yes".into()));
        taking.join().unwrap().unwrap();
    }
}

#[test]
fn a_closed_stdin_stays_closed() {
    for text in [
        "cat; echo $?",
        "[[ -e /dev/fd/0 ]]",
        "read x; echo $?",
        "cat <&0 | cat",
    ] {
        let ours = Exec::new().under("exec <&- 2>&1", text);
        let plain = Exec::new().plain(format!("exec zsh -c '{text}' <&-"));
        assert_eq!(
            (ours.code, ours.text()),
            (plain.code, plain.text()),
            "{text}"
        );
    }
}

#[test]
fn output_that_goes_nowhere_is_said_and_changes_nothing() {
    let exec = Exec::new();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = exec
        .command("echo x; exit 5")
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5));
    let meta = meta_at(&exec.path("meta.json"));
    assert_eq!(meta["output_kept"], false);
    assert!(meta["output_error"].as_str().unwrap().contains("stdout"));
    assert!(!output.stderr.is_empty());
}

#[test]
fn no_descriptor_of_ours_reaches_the_command() {
    let exec = Exec::new();
    let text = "for f in /proc/self/fd/*; do print ${f:t}; done";
    assert_eq!(exec.run(text).text(), exec.plain(text).text());
}

#[test]
fn signals_are_as_if_nobody_had_touched_them() {
    let text = "grep -E 'Sig(Blk|Ign)' /proc/self/status";
    let exec = Exec::new();
    let output = Command::new("/bin/sh")
        .args([
            "-c",
            "trap '' INT QUIT PIPE USR1; exec \"$0\" -- \"$1\"",
            EXECUTOR,
            text,
        ])
        .envs(exec.env.iter().map(|(n, v)| (n, v)))
        .output()
        .unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    for line in words.lines() {
        assert!(line.ends_with("\t0000000000000000"), "{words}");
    }
    assert_eq!(words.lines().count(), 2);
}

#[test]
fn an_answer_is_quick() {
    let done = Exec::new().run("true");
    assert!(done.took < Duration::from_secs(3), "{:?}", done.took);
}
