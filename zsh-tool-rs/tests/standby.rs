//! An executor that stands by: its one request, and what becomes of it without one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use common::{Exec, meta_at, wait_for};
use serde_json::json;

#[test]
fn a_standby_serves_its_one_request_and_ends() {
    let exec = Exec::new();
    let mut task = exec.standby();
    assert_eq!(task.channel.hello["protocol"], 1);
    assert_eq!(task.channel.hello["state"], "standby");
    let reply = task.run(
        &exec,
        "echo $MARK; pwd; umask; exit 3",
        &json!({"umask": 0o27}),
    );
    assert_eq!(reply["ok"], true);
    let ended = task.ended();
    assert_eq!(
        (&ended["outcome"], &ended["exit_code"]),
        (&json!("exited"), &json!(3))
    );
    assert_eq!(task.exit_code(), Some(3));
    let output = fs::read_to_string(task.folder.join("output")).unwrap();
    let scratch = fs::canonicalize(exec.path("scratch")).unwrap();
    assert_eq!(output, format!("\n{}\n027\n", scratch.display()));
    let mut meta = ended;
    meta.as_object_mut().unwrap().remove("event");
    assert_eq!(meta_at(&task.folder.join("meta.json")), meta);
}

#[test]
fn a_request_that_is_there_first_gets_all_that_others_get() {
    let exec = Exec::new();
    let database = exec.path("alan.db").into_os_string();
    let exec = exec.arg("--db").arg(database).args(&["--session-id", "a"]);
    let text = "(exit 3) | true | (exit 4)";
    let mut task = exec.standby_that_finds_a_request(text, &json!({"record": true}), "");
    let ended = task.ended();
    assert_eq!(ended["pipestatus"], json!([3, 0, 4]));
    assert_eq!(ended["recorded"], true, "{ended}");
    assert_eq!(task.exit_code(), Some(4));
    assert!(!task.folder.join("z").exists());
}

#[test]
fn what_comes_in_one_piece_with_the_request_is_for_its_command() {
    let exec = Exec::new();
    let more = "{\"verb\":\"input\",\"id\":2,\"payload\":4}\none\n{\"verb\":\"eof\",\"id\":3}\n";
    let mut task =
        exec.standby_that_finds_a_request("cat; echo rest", &json!({"stdin": "keep"}), more);
    assert_eq!(task.ended()["outcome"], "exited");
    let output = fs::read_to_string(task.folder.join("output")).unwrap();
    assert_eq!(output, "one\nrest\n");

    let exec = Exec::new();
    let more = "{\"verb\":\"end\",\"by\":\"cancelled\"}\n";
    let mut task = exec.standby_that_finds_a_request("exec sleep 1000", &json!({}), more);
    let ended = task.ended();
    assert_eq!(
        (&ended["outcome"], &ended["ended_by"]),
        (&json!("cancelled"), &json!("cancelled"))
    );
}

#[test]
fn a_standby_leaves_with_its_owner_and_takes_its_things_along() {
    let exec = Exec::new();
    let mut task = exec.standby();
    wait_for("the folder of the sideband", || {
        task.folder.join("z").exists().then_some(())
    });
    let mode = |name: &str| {
        fs::metadata(task.folder.join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!((mode("control"), mode("z")), (0o600, 0o700));
    drop(task.channel.replace(UnixStream::pair().unwrap().0));
    assert_eq!(task.exit_code(), Some(0));
    let left: Vec<_> = fs::read_dir(&task.folder).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn limits_and_the_environment_are_the_requests() {
    let exec = Exec::new().env("ODD", "a b\nc");
    let settings = json!({
        "limits": [["RLIMIT_NOFILE", 77, 99], ["core", 0, -1]], "profile": "agent", "stdin": "keep",
    });
    let text = "ulimit -n; ulimit -Hn; echo $ODD; echo =nosuch; read x";
    let mut task = exec.task(text, &settings);
    assert_eq!(task.shows("=nosuch"), "77\n99\na b\nc\n=nosuch\n");
}

#[test]
fn a_bad_request_is_refused_in_words_and_nothing_runs() {
    for (settings, code) in [
        (json!({"protocol": 2}), "protocol"),
        (json!({"parts": [1, 2]}), "bad_request"),
        (json!({"stdin": "maybe"}), "bad_request"),
        (json!({"timeout_secs": -1}), "bad_request"),
        (json!({"limits": [["NONSENSE", 1, 1]]}), "bad_request"),
        (json!({"session_id": "a b"}), "bad_request"),
    ] {
        let exec = Exec::new();
        let mut task = exec.standby();
        let reply = task.run(&exec, "touch $SCRATCH/ran", &settings);
        assert_eq!(
            (&reply["ok"], &reply["code"]),
            (&json!(false), &json!(code)),
            "{settings}"
        );
        assert_eq!(task.exit_code(), Some(125));
        assert!(!exec.path("scratch/ran").exists());
        assert!(!task.folder.join("control").exists());
    }
}

#[test]
fn a_failure_to_start_is_the_answer() {
    let exec = Exec::new();
    let mut task = exec.standby();
    let request = json!({"verb": "run", "protocol": 1, "parts": [4, 12, 0, 0]});
    task.channel.send(request, b"true/nonexistent");
    let ended = task.ended();
    assert_eq!(ended["outcome"], "failed_to_start");
    assert!(ended["error"].as_str().unwrap().contains("/nonexistent"));
    assert_eq!(task.exit_code(), Some(125));
}

#[test]
fn the_text_is_not_in_the_executors_process_list() {
    let exec = Exec::new();
    let mut task = exec.task("echo secretword; read x", &json!({"stdin": "keep"}));
    task.shows("secretword");
    let line = fs::read(format!("/proc/{}/cmdline", task.pid())).unwrap();
    assert!(!String::from_utf8_lossy(&line).contains("secretword"));
}

#[cfg(target_os = "linux")]
#[test]
fn short_turns_are_the_executors_own_and_the_shell_is_scheduled_as_its_caller() {
    /// How a process is scheduled; 0 is this thread. Its turn is in `sched_runtime`, from Linux 6.12 on; before that, it is 0.
    fn scheduling(pid: i32) -> libc::sched_attr {
        let size = size_of::<libc::sched_attr>();
        // SAFETY: numbers only, and zeroes are numbers.
        let mut attr: libc::sched_attr = unsafe { std::mem::zeroed() };
        // SAFETY: writes at most `size` bytes through the pointer, which is what it points to.
        let got = unsafe { libc::syscall(libc::SYS_sched_getattr, pid, &raw mut attr, size, 0) };
        assert_eq!(got, 0);
        attr
    }
    /// Whether the system lets this thread be scheduled so.
    fn set_scheduling(attr: &libc::sched_attr) -> bool {
        // SAFETY: reads as many bytes through the pointer as `size` in it says.
        unsafe { libc::syscall(libc::SYS_sched_setattr, 0, std::ptr::from_ref(attr), 0) == 0 }
    }
    // What the tests themselves were started with, as by `nice`, is one case more.
    let started_with = scheduling(0);
    let ordinary = libc::sched_attr {
        sched_policy: libc::SCHED_OTHER.cast_unsigned(),
        sched_nice: started_with.sched_nice.max(5),
        sched_runtime: 0,
        ..started_with
    };
    set_scheduling(&ordinary);
    let usual_turn = scheduling(0).sched_runtime;
    let patient = libc::sched_attr {
        sched_runtime: usual_turn * 2,
        ..ordinary
    };
    let batch = libc::sched_attr {
        sched_policy: libc::SCHED_BATCH.cast_unsigned(),
        ..ordinary
    };
    let urgent = libc::sched_attr {
        sched_nice: -5,
        ..ordinary
    };
    for wanted in [started_with, ordinary, patient, batch, urgent] {
        // What is refused, as priority is to most users, leaves the case before.
        set_scheduling(&wanted);
        let caller = scheduling(0);
        let is_allowed = set_scheduling(&caller);
        let exec = Exec::new();
        let mut task = exec.standby();
        let is_usual = caller.sched_policy == libc::SCHED_OTHER.cast_unsigned()
            && caller.sched_nice >= 0
            && caller.sched_runtime == usual_turn;
        let turn = if is_allowed && is_usual {
            caller.sched_runtime.min(500_000)
        } else {
            caller.sched_runtime
        };
        // A request that comes before everything is made ready waits for none of it.
        wait_for("an executor made ready", || {
            // The last thing that it makes.
            task.folder.join("z").exists().then_some(())
        });
        assert_eq!(scheduling(task.pid()).sched_runtime, turn);
        let reply = task.run(&exec, "exec sleep 1000", &json!({}));
        let shell = scheduling(i32::try_from(reply["pid"].as_i64().unwrap()).unwrap());
        let executor = scheduling(task.pid());
        for process in [&shell, &executor] {
            assert_eq!(process.sched_policy, caller.sched_policy);
            assert_eq!(process.sched_nice, caller.sched_nice);
        }
        assert_eq!(shell.sched_runtime, caller.sched_runtime);
        assert_eq!(executor.sched_runtime, turn);
    }
}
