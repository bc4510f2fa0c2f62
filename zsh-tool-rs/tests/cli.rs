//! The command line from outside: what it accepts, what it refuses, and with which status.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use common::{EXECUTOR, Exec};

fn executor(arguments: &[&str]) -> Output {
    Command::new(EXECUTOR).args(arguments).output().unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = executor(arguments);
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {words}");
    assert!(words.starts_with("zsh-tool-exec: "), "{words}");
    assert!(output.stdout.is_empty());
    words
}

#[test]
fn nonsense_is_refused_with_status_2() {
    assert!(refused(&["--timeout", "abc", "--", "true"]).contains("abc"));
    assert!(refused(&["--bogus", "--", "true"]).contains("--bogus"));
    refused(&["--timeout", "-1", "--", "true"]);
    refused(&["--db", "x", "--", "true"]);
    for session in ["", "a b", "a.b", "ä", &"x".repeat(65)] {
        refused(&["--db", "x", "--session-id", session, "--", "true"]);
    }
    for (flag, values) in [
        ("--timeout", &["nan", "inf", "1e400", ""][..]),
        ("--grace", &["-1", "nan"]),
        ("--idle-timeout", &["x"]),
        ("--cols", &["0", "65536"]),
        ("--rows", &["0", "x"]),
        ("--profile", &["x"]),
    ] {
        for value in values {
            refused(&[&format!("{flag}={value}"), "--pty", "--", "true"]);
        }
    }
    refused(&["--", "one", "two"]);
    refused(&["--pty"]);
    refused(&[]);
}

#[test]
fn a_zsh_named_from_here_is_found_whatever_the_directory() {
    let exec = Exec::new();
    let zsh = exec.path("scratch/folder/zsh");
    fs::create_dir_all(zsh.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(exec.run("print -n =zsh").text(), zsh).unwrap();
    let exec = exec.args(&["--cwd", "/", "--zsh", "folder/zsh"]);
    let named = exec.run("pwd");
    assert_eq!((named.code, named.text().as_str()), (0, "/\n"), "{named:?}");
}

#[test]
fn a_strict_umask_is_the_commands_and_not_ours() {
    for mask in ["0777", "0277", "000"] {
        let exec = Exec::new();
        let done = exec.under(&format!("umask {mask}"), "umask");
        assert_eq!(done.text().trim_end(), mask, "{done:?}");
        let mode = fs::metadata(exec.path("meta.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o600, "{mask}");
    }
}

#[test]
fn what_is_no_assignment_in_the_environment_is_passed_on() {
    let through = "import ctypes, sys
words = [word.encode() for word in sys.argv[1:]] + [None]
odd = [b'NOEQ', b'=x', b'A=1', b'A=2', b'PATH=/usr/bin:/bin', None]
array = lambda all: (ctypes.c_char_p * len(all))(*all)
ctypes.CDLL(None).execve(words[0], array(words), array(odd))";
    let ours = Exec::new().under(&format!("set -- python3 -c \"{through}\" \"$@\""), "env");
    let shown = ours.text();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[..2], ["NOEQ", "=x"], "{ours:?}");
}

#[test]
fn the_version_names_the_protocol() {
    let output = executor(&["--version"]);
    assert_eq!(output.stdout, b"zsh-tool-exec 0.1.0 (protocol 1)\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn every_flag_has_a_line_of_help() {
    let help = String::from_utf8(executor(&["--help"]).stdout).unwrap();
    let flags = "db session-id meta timeout idle-timeout grace pty rows cols cwd zsh profile control standby persist \
                 rows-max half-life-days command-file help version";
    for flag in flags.split_whitespace() {
        let line = help
            .lines()
            .find(|line| line.contains(&format!("--{flag}")));
        assert!(
            line.is_some_and(|line| line.trim().contains("  ")),
            "{flag}: {help}"
        );
    }
}

#[test]
fn an_empty_command_runs() {
    let done = Exec::new().run("");
    assert_eq!((done.code, done.outcome()), (0, "exited"));
}

#[test]
fn a_missing_or_useless_directory_is_a_failure_to_start() {
    let exec = Exec::new().file("file", "").file("closed/x", "");
    let closed = exec.path("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o600)).unwrap();
    let database = exec.path("alan.db");
    // Root may search what it likes.
    let cannot_search = Command::new("test")
        .arg("!")
        .arg("-x")
        .arg(&closed)
        .status();
    let places = [
        Some("/nonexistent/x".into()),
        Some(exec.path("file")),
        cannot_search.unwrap().success().then_some(closed),
    ];
    for place in places.into_iter().flatten() {
        let place = place.to_str().unwrap();
        let flags = ["--db", database.to_str().unwrap(), "--session-id", "a"];
        for mode in [&[][..], &["--pty"]] {
            let exec = Exec::new().args(&flags).args(mode).args(&["--cwd", place]);
            let done = exec.run("touch $SCRATCH/ran");
            assert_eq!((done.code, done.outcome()), (125, "failed_to_start"));
            assert!(done.meta["exit_code"].is_null());
            assert_eq!(done.codes(), Vec::<i64>::new());
            assert!(done.meta["error"].as_str().unwrap().contains(place));
            assert!(!exec.path("scratch/ran").exists());
        }
    }
    assert!(!database.exists(), "what never ran is not recorded");
}

#[test]
fn a_missing_or_useless_zsh_says_what_to_do() {
    let exec = Exec::new().file("zsh", "");
    let useless = exec.path("zsh");
    fs::set_permissions(&useless, fs::Permissions::from_mode(0o644)).unwrap();
    for (zsh, code) in [("/nonexistent/zsh", 127), (useless.to_str().unwrap(), 126)] {
        let done = Exec::new().args(&["--zsh", zsh]).run("true");
        assert_eq!((done.code, done.outcome()), (code, "failed_to_start"));
        assert!(done.stderr.contains("ZSH_TOOL_ZSH"), "{}", done.stderr);
        let done = Exec::new().env("ZSH_TOOL_ZSH", zsh).run("true");
        assert_eq!(done.code, code);
    }
}

#[test]
fn a_command_comes_from_a_file_or_from_stdin() {
    let exec = Exec::new().file("text", "echo $#; exit 7");
    let path = exec.path("text");
    let output = executor(&["--command-file", path.to_str().unwrap()]);
    assert_eq!(
        (&output.stdout[..], output.status.code()),
        (&b"0\n"[..], Some(7))
    );
    let mut command = Command::new(EXECUTOR);
    command
        .args(["--command-file", "-"])
        .stdin(fs::File::open(path).unwrap());
    assert_eq!(command.output().unwrap().stdout, b"0\n");
}

#[test]
fn a_nul_byte_in_a_command_is_refused() {
    let exec = Exec::new().file("text", "echo \0");
    refused(&["--command-file", exec.path("text").to_str().unwrap()]);
}

#[test]
fn a_command_longer_than_an_argument_keeps_its_lines_and_codes() {
    let text = "echo a\n".repeat(30_000) + "echo $LINENO\nfalse | true | (exit 3)";
    let exec = Exec::new().file("text", &text);
    let meta = exec.path("meta.json");
    let output = Command::new(EXECUTOR)
        .arg("--meta")
        .arg(&meta)
        .arg("--command-file")
        .arg(exec.path("text"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.ends_with(b"a\n30001\n"));
    let codes = &common::meta_at(&meta)["pipestatus"];
    assert!(
        [serde_json::json!([1, 0, 3]), serde_json::json!([3])].contains(codes),
        "{codes}"
    );
}

#[test]
fn the_agent_profile_takes_text_written_for_other_shells() {
    let text = "echo *.nomatch_zzz =nosuch";
    assert_eq!(Exec::new().run(text).code, 1);
    let done = Exec::new().args(&["--profile", "agent"]).run(text);
    assert_eq!(
        (done.text().as_str(), done.code),
        ("*.nomatch_zzz =nosuch\n", 0)
    );
}

#[test]
fn the_meta_file_is_private_and_whole() {
    let exec = Exec::new();
    assert_eq!(exec.run("true").meta["schema"], 1);
    let mode = fs::metadata(exec.path("meta.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(exec.home.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn the_meta_file_takes_no_other_files_place() {
    let exec = Exec::new();
    let path = exec.path("meta.json");
    // A link stands for all that is no plain file: run by root, "--meta /dev/null" would have taken that away.
    std::os::unix::fs::symlink("/dev/null", &path).unwrap();
    let done = exec.command("exit 3").output().unwrap();
    assert_eq!(done.status.code(), Some(3));
    let complaint = String::from_utf8(done.stderr).unwrap();
    assert!(complaint.contains("no regular file"), "{complaint}");
    assert_eq!(
        fs::read_link(&path).unwrap(),
        std::path::Path::new("/dev/null")
    );
}

#[test]
fn the_meta_file_may_have_the_longest_of_names() {
    let exec = Exec::new();
    let path = exec.path(&"m".repeat(255));
    let done = executor(&["--meta", path.to_str().unwrap(), "--", "exit 3"]);
    assert_eq!((done.status.code(), &done.stderr[..]), (Some(3), &b""[..]));
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .contains("\"exit_code\":3")
    );
}
