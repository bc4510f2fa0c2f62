//! The control channel is for its own user, even where the file system lets others in.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use common::Exec;
use common::channel::Channel;
use serde_json::json;
use zsh_tool_exec::control::connection::is_trusted;

/// A user who is neither root nor anybody who runs tests.
const STRANGER: u32 = 65_534;

/// Connects, asks for the end of the task, and tells what it is told until the connection is closed.
const INTRUDER: &str = r#"
trap '' PIPE
zmodload zsh/net/socket && zsocket $1 || exit 3
print -r connected
print -r -u $REPLY '{"verb":"end","by":"agent"}' 2> /dev/null
cat <&$REPLY 2> /dev/null
print -r closed
"#;

fn as_stranger(program: &str) -> Command {
    let mut command = Command::new(program);
    command.uid(STRANGER).gid(STRANGER).current_dir("/");
    command.stdin(Stdio::null());
    command
}

/// False only where the kernel forbids this process to become another user, or has no other user here.
fn can_be_a_stranger() -> bool {
    match as_stranger("true").status() {
        Ok(status) => status.success(),
        Err(error) => {
            let forbidden = [Some(libc::EPERM), Some(libc::EINVAL)];
            assert!(forbidden.contains(&error.raw_os_error()), "{error}");
            false
        }
    }
}

fn let_everybody(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn another_user_is_told_nothing_and_ends_nothing() {
    if !can_be_a_stranger() {
        assert!(!is_trusted(STRANGER, 0) && !is_trusted(0, STRANGER));
        assert!(is_trusted(STRANGER, STRANGER));
        return;
    }
    // A directory for temporary files may be its owner's alone, such as that of a Nix shell; nobody else could even knock.
    let exec = Exec::below(Path::new("/tmp"));
    let text = "echo up; read x; echo got $x; read x";
    let mut task = exec.task(text, &json!({"stdin": "keep"}));
    task.shows("up");
    let socket = task.folder.join("control");
    let_everybody(exec.home.path(), 0o711);
    let_everybody(&task.folder, 0o711);
    let_everybody(&socket, 0o666);

    let intruder = as_stranger("zsh")
        .args(["-fc", INTRUDER, "intruder"])
        .arg(&socket)
        .output()
        .unwrap();
    assert_eq!(
        (
            String::from_utf8_lossy(&intruder.stdout).as_ref(),
            intruder.status.code()
        ),
        ("connected\nclosed\n", Some(0)),
        "{intruder:?}"
    );

    assert_eq!(task.status()["state"], "running");
    let mut own = Channel::new(UnixStream::connect(&socket).unwrap());
    assert_eq!(own.hello["state"], "running");
    assert_eq!(own.ask(json!({"verb": "status"}), b"").0["ok"], true);
    task.input(b"it\n");
    task.shows("got it");
}
