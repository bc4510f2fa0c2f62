//! The control channel from outside: typing, reading, ending, persisting, attaching.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod common;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::channel::Channel;
use common::proc::{marker, with_marker};
use common::{EXECUTOR, Exec, kill, meta_at, wait_for, within};
use serde_json::json;
use zsh_tool_exec::control::{Decoder, Frame};

#[test]
fn input_flows_until_its_end() {
    let exec = Exec::new();
    let mut task = exec.task("cat; echo done; sleep 30", &json!({"stdin": "keep"}));
    assert_eq!(task.input(b"one\n")["ok"], true);
    task.shows("one");
    assert_eq!(task.status()["accepts_input"], true);
    assert_eq!(task.ask(json!({"verb": "eof"}))["ok"], true);
    task.shows("done");
    assert_eq!(task.input(b"two\n")["code"], "closed");
    assert_eq!(task.status()["accepts_input"], false);
}

#[test]
fn input_that_nobody_can_read_any_more_is_refused() {
    let exec = Exec::new();
    let text = "exec </dev/null; echo closed; sleep 30";
    let mut task = exec.task(text, &json!({"stdin": "keep"}));
    task.shows("closed");
    assert_eq!(task.input(b"one\n")["code"], "closed");
}

#[test]
fn too_much_input_is_refused_and_what_was_taken_arrives() {
    let exec = Exec::new();
    let text = "while [[ ! -e $SCRATCH/go ]]; do sleep 0.05; done; wc -c; sleep 30";
    let mut task = exec.task(text, &json!({"stdin": "keep"}));
    let block = vec![b'x'; 1 << 20];
    let first = task.input(&block);
    assert_eq!(first["ok"], true);
    assert_eq!(task.input(&block)["code"], "full");
    assert_eq!(task.ask(json!({"verb": "eof"}))["ok"], true);
    fs::write(exec.path("scratch/go"), "").unwrap();
    task.shows("1048576");
}

#[test]
fn a_text_for_stdin_ends_by_itself() {
    let exec = Exec::new().stdin(b"some text");
    let mut task = exec.task("cat; echo .; sleep 30", &json!({"stdin": "text"}));
    assert_eq!(task.shows("."), "some text.\n");
    assert_eq!(task.input(b"x")["code"], "closed");
}

#[test]
fn no_stdin_is_a_device_and_not_a_pipe() {
    let exec = Exec::new();
    let mut task = exec.task(
        "[[ -c /dev/stdin ]] && cat && echo device; sleep 30",
        &json!({}),
    );
    assert_eq!(task.shows("device"), "device\n");
}

#[test]
fn who_waits_for_input_is_known() {
    let exec = Exec::new();
    for settings in [
        json!({"stdin": "keep"}),
        json!({"pty": true, "stdin": "keep"}),
    ] {
        let text = "echo a; sleep 60 | cat & read x; echo b; sleep 30";
        let mut task = exec.task(text, &settings);
        task.shows("a");
        let probe = json!({"verb": "status", "probe": true});
        wait_for("the wait", || {
            (task.ask(probe.clone())["waiting_for_input"] == true).then_some(())
        });
        task.input(b"x\n");
        task.shows("b");
        assert_eq!(task.ask(probe)["waiting_for_input"], false);
        assert!(task.status().get("waiting_for_input").is_none());
        drop(task);
        fs::remove_dir_all(exec.path("abc123")).unwrap();
    }
}

#[test]
fn an_armed_client_hears_of_output_once() {
    let exec = Exec::new();
    let text = "echo a; read x; echo b; echo c; read x";
    let mut task = exec.task(text, &json!({"stdin": "keep", "notify": true}));
    assert_eq!(task.channel.event("output")["total"], 2);
    task.ask(json!({"verb": "notify", "beyond": 2}));
    task.input(b"\n");
    assert!(task.channel.event("output")["total"].as_u64().unwrap() > 2);
    assert_eq!(task.shows("c"), "a\nb\nc\n");
    let total = task.ask(json!({"verb": "notify", "beyond": 2}));
    assert_eq!(total["ok"], true);
    assert_eq!(task.channel.event("output")["total"], 6);
}

#[test]
fn output_is_read_from_anywhere() {
    let exec = Exec::new();
    let mut task = exec.task("print -n 0123456789; read x", &json!({"stdin": "keep"}));
    task.shows("9");
    let request = json!({"verb": "output", "offset": 3, "limit": 4});
    let (reply, bytes) = task.channel.ask(request, b"");
    assert_eq!(
        (&bytes[..], &reply["offset"], &reply["total"]),
        (&b"3456"[..], &json!(3), &json!(10))
    );
    let (reply, bytes) = task
        .channel
        .ask(json!({"verb": "output", "offset": 99}), b"");
    assert_eq!((bytes.len(), &reply["offset"]), (0, &json!(10)));
}

#[test]
fn an_end_says_when_nothing_is_left() {
    let mark = marker();
    let exec = Exec::new().env("MARK", &mark);
    let text = "setsid sleep 60 & (setsid sh -c 'sleep 60 & sleep 60' &) ; echo up; sleep 60";
    for (by, outcome) in [
        ("agent", "killed"),
        ("user", "killed"),
        ("cancelled", "cancelled"),
        ("session", "session_ended"),
    ] {
        let mut task = exec.task(text, &json!({}));
        task.shows("up");
        let reply = task.ask(json!({"verb": "end", "by": by, "id": 5}));
        assert_eq!(
            (&reply["ok"], &reply["id"]),
            (&json!(true), &json!(5)),
            "{reply}"
        );
        let left: Vec<i32> = with_marker(&mark)
            .into_iter()
            .filter(|p| *p != task.pid())
            .collect();
        assert_eq!(left, Vec::<i32>::new());
        let ended = task.ended();
        assert_eq!(
            (&ended["outcome"], &ended["ended_by"]),
            (&json!(outcome), &json!(by))
        );
        assert_eq!(task.exit_code(), Some(143));
        drop(task);
        fs::remove_dir_all(exec.path("abc123")).unwrap();
    }
}

#[test]
fn survivors_are_read_on_and_can_be_ended() {
    let exec = Exec::new();
    let mut task = exec.task(
        "(read x < /dev/null; sleep 0.5; echo late; sleep 60) & echo early",
        &json!({}),
    );
    let ended = task.ended();
    assert_eq!(ended["outcome"], "exited");
    assert_eq!(ended["survivors"][0]["name"], "zsh");
    assert_eq!(task.status()["state"], "ended");
    assert_eq!(task.shows("late"), "early\nlate\n");
    assert_eq!(task.ask(json!({"verb": "end", "by": "agent"}))["ok"], true);
    assert_eq!(task.channel.event("gone")["total"], 11);
    assert_eq!(task.exit_code(), Some(0));
}

#[test]
fn the_owners_loss_ends_the_task() {
    let mark = marker();
    let exec = Exec::new().env("MARK", &mark);
    let mut task = exec.task("setsid sleep 60 & sleep 60", &json!({}));
    drop(task.channel.replace(UnixStream::pair().unwrap().0));
    assert_eq!(task.exit_code(), Some(143));
    assert_eq!(
        meta_at(&task.folder.join("meta.json"))["outcome"],
        "session_ended"
    );
    assert_eq!(with_marker(&mark), Vec::<i32>::new());
}

#[test]
fn a_persistent_task_is_found_again_answered_and_ended() {
    let exec = Exec::new();
    let text = "echo asked; read x; echo got $x; sleep 60";
    let mut task = exec.task(text, &json!({"persist": true, "stdin": "keep"}));
    task.shows("asked");
    // As when the terminal of whoever started it is closed.
    kill(task.pid(), libc::SIGHUP);
    drop(task.channel.replace(UnixStream::pair().unwrap().0));
    task.channel = Channel::new(UnixStream::connect(task.folder.join("control")).unwrap());
    assert_eq!(task.channel.hello["state"], "running");
    task.input(b"this\n");
    task.shows("got this");
    assert_eq!(task.ask(json!({"verb": "end", "by": "user"}))["ok"], true);
    assert_eq!(task.ended()["outcome"], "killed");
    assert_eq!(task.exit_code(), Some(143));
    assert!(!task.folder.join("control").exists());
}

#[test]
fn what_outlives_a_persistent_task_stays_and_is_found_again() {
    let mark = marker();
    let exec = Exec::new().env("MARK", &mark);
    let text = "(while [[ ! -e go ]]; do sleep 0.02; done; echo late; sleep 1000) & echo early";
    let mut task = exec.task(text, &json!({"persist": true}));
    assert_eq!(task.ended()["outcome"], "exited");
    drop(task.channel.replace(UnixStream::pair().unwrap().0));
    task.channel = Channel::new(UnixStream::connect(task.folder.join("control")).unwrap());
    assert_eq!(task.channel.hello["state"], "ended");
    assert_eq!(task.ended()["survivors"][0]["name"], "zsh");
    fs::write(exec.path("scratch/go"), "").unwrap();
    task.shows("late");
    assert_eq!(task.ask(json!({"verb": "end"}))["ok"], true);
    assert_eq!(task.exit_code(), Some(0));
    assert_eq!(with_marker(&mark), Vec::<i32>::new());
}

/// Without that wish nothing stays behind its owner, not even what outlives the shell.
#[test]
fn survivors_go_with_the_owner() {
    let mark = marker();
    let exec = Exec::new().env("MARK", &mark);
    let text = "setsid sh -c 'trap \"\" TERM HUP; : > up; sleep 1000; :' & while [[ ! -e up ]]; do sleep 0.01; done";
    let mut task = exec.task(text, &json!({}));
    assert_eq!(task.ended()["outcome"], "exited");
    drop(task.channel.replace(UnixStream::pair().unwrap().0));
    within(Duration::from_secs(1), "the survivors to be gone", || {
        with_marker(&mark).is_empty().then_some(())
    });
    assert_eq!(task.exit_code(), Some(0));
}

#[test]
fn a_second_client_follows_and_types() {
    let exec = Exec::new();
    let mut task = exec.task("echo a; read x; echo $x; read x", &json!({"stdin": "keep"}));
    task.shows("a");
    let mut other = Channel::new(UnixStream::connect(task.folder.join("control")).unwrap());
    let (reply, bytes) = other.ask(json!({"verb": "output", "offset": 0, "follow": true}), b"");
    assert_eq!((&bytes[..], &reply["total"]), (&b"a\n"[..], &json!(2)));
    other.send(json!({"verb": "input"}), b"typed\n");
    let data = std::iter::from_fn(|| other.message()).find(|(m, _)| m["event"] == "data");
    let (event, bytes) = data.unwrap();
    assert_eq!((&event["offset"], &bytes[..]), (&json!(2), &b"typed\n"[..]));
    let (reply, _) = other.ask(json!({"verb": "run"}), b"");
    assert_eq!(reply["code"], "bad_request");
    drop(other);
    assert_eq!(task.status()["state"], "running");
}

#[test]
fn unknown_verbs_are_named() {
    let exec = Exec::new();
    let mut task = exec.standby();
    assert_eq!(task.ask(json!({"verb": "status"}))["state"], "standby");
    assert_eq!(task.ask(json!({"verb": "input"}))["code"], "not_running");
    let reply = task.ask(json!({"verb": "dance"}));
    assert_eq!(reply["code"], "unknown_verb");
    assert!(reply["error"].as_str().unwrap().contains("dance"));
    assert!(reply["error"].as_str().unwrap().contains("notify"));
}

#[test]
fn a_channel_in_a_deep_directory_works() {
    let exec = Exec::new();
    let deep = exec.path(&format!("{0}/{0}", "d".repeat(90)));
    fs::create_dir_all(deep.parent().unwrap()).unwrap();
    let done = Command::new(EXECUTOR)
        .arg("--control")
        .arg(&deep)
        .args(["--", "echo hi"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(
        (&done.stdout[..], &done.stderr[..]),
        (&b"hi\n"[..], &b""[..])
    );
    assert_eq!(meta_at(&deep.join("meta.json"))["outcome"], "exited");
    assert_eq!(fs::read(deep.join("output")).unwrap(), b"hi\n");
}

#[test]
fn a_directory_that_others_may_enter_is_refused() {
    let exec = Exec::new();
    let open = exec.path("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    let link = exec.path("link");
    std::os::unix::fs::symlink(exec.path("scratch"), &link).unwrap();
    for wrong in [open, link] {
        let output = Command::new(EXECUTOR)
            .arg("--control")
            .arg(&wrong)
            .args(["--", "echo hi"])
            .output()
            .unwrap();
        assert_eq!(
            (output.status.code(), &output.stdout[..]),
            (Some(125), &b""[..])
        );
        assert!(
            String::from_utf8(output.stderr)
                .unwrap()
                .contains(wrong.to_str().unwrap())
        );
    }
}

#[test]
fn garbage_on_a_connection_harms_nobody() {
    let exec = Exec::new();
    let mut task = exec.task("read x; echo got $x; read x", &json!({"stdin": "keep"}));
    let mut rude = UnixStream::connect(task.folder.join("control")).unwrap();
    rude.write_all(&[0xff; 3000]).unwrap();
    drop(rude);
    task.input(b"it\n");
    task.shows("got it");
}

/// A reader of 4 KiB each 20 ms gets every byte, and the last words, long after the shell has ended.
#[test]
#[allow(clippy::disallowed_methods, reason = "slowness is the point")]
fn a_slow_follower_gets_all_output() {
    let exec = Exec::new();
    let text = "read x; seq 200000; printf last";
    let mut task = exec.task(text, &json!({"stdin": "keep"}));
    let mut slow = UnixStream::connect(task.folder.join("control")).unwrap();
    slow.write_all(b"{\"verb\":\"output\",\"offset\":0,\"follow\":true}\n")
        .unwrap();
    task.input(b"\n");
    let mut stream = Vec::new();
    let mut block = [0; 4096];
    loop {
        let length = slow.read(&mut block).unwrap();
        if length == 0 {
            break;
        }
        stream.extend_from_slice(&block[..length]);
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut decoder = Decoder::default();
    decoder.push(&stream);
    let mut events = Vec::new();
    let mut output = Vec::new();
    while let Some(Frame::Message(fields, payload)) = decoder.next_frame() {
        if fields.get("event") == Some(&json!("data")) {
            assert_eq!(fields["offset"], output.len(), "nothing is skipped");
            output.extend(payload);
        } else if let Some(name) = fields.get("event") {
            events.push(name.clone());
        }
    }
    assert!(output == exec.plain("seq 200000; printf last").output);
    assert_eq!(events, ["hello", "ended", "gone"]);
}
