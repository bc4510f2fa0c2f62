//! Runs the real executor and the real zsh the same way, and looks at both from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]
#![allow(dead_code, reason = "each suite uses its own part")]
pub mod channel;
pub mod proc;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub const EXECUTOR: &str = env!("CARGO_BIN_EXE_zsh-tool-exec");

/// No test waits longer than this for anything: two loaded cores are slow, but not slower.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// One way to run commands: a home of its own, an environment of its own, the flags.
pub struct Exec {
    pub home: TempDir,
    pub args: Vec<OsString>,
    pub env: Vec<(OsString, OsString)>,
    pub stdin: Vec<u8>,
    pub meta: PathBuf,
}

/// What one run left behind.
#[derive(Debug)]
pub struct Done {
    /// The exit code, or 128+n for a death by signal n.
    pub code: i32,
    pub output: Vec<u8>,
    pub stderr: String,
    pub meta: Value,
    pub took: Duration,
}

impl Done {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    pub fn codes(&self) -> Vec<i64> {
        let list = self.meta["pipestatus"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        list.iter().filter_map(Value::as_i64).collect()
    }

    pub fn outcome(&self) -> &str {
        self.meta["outcome"].as_str().unwrap_or("no outcome")
    }
}

impl Exec {
    pub fn new() -> Exec {
        Exec::below(&std::env::temp_dir())
    }

    /// With everything of it in a directory below that one.
    pub fn below(parent: &Path) -> Exec {
        // A runner may ignore it, as nohup does, and what we compare with would ignore it too.
        zsh_tool_exec::sys::signal::obey(libc::SIGHUP);
        let home = tempfile::tempdir_in(parent).unwrap();
        fs::create_dir(home.path().join("scratch")).unwrap();
        let mut exec = Exec {
            args: Vec::new(),
            env: Vec::new(),
            stdin: Vec::new(),
            meta: home.path().join("meta.json"),
            home,
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let home = exec.home.path().to_owned();
        exec = exec
            .env("PATH", path)
            .env("HOME", &home)
            .env("LC_ALL", "C.UTF-8");
        exec.env("SCRATCH", home.join("scratch"))
            .env("TMPDIR", &home)
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Exec {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub fn args(self, args: &[&str]) -> Exec {
        args.iter().fold(self, Exec::arg)
    }

    pub fn pty(self) -> Exec {
        self.arg("--pty")
    }

    pub fn timeout(self, secs: &str) -> Exec {
        self.arg("--timeout").arg(secs)
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Exec {
        self = self.without(name.as_ref());
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    pub fn without(mut self, name: impl AsRef<OsStr>) -> Exec {
        self.env.retain(|(n, _)| n != name.as_ref());
        self
    }

    pub fn stdin(mut self, text: &[u8]) -> Exec {
        text.clone_into(&mut self.stdin);
        self
    }

    /// Writes a file under the home, folders included.
    pub fn file(self, name: &str, text: impl AsRef<[u8]>) -> Exec {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs the text with the executor.
    pub fn run(&self, text: impl AsRef<[u8]>) -> Done {
        self.start(text).wait()
    }

    /// The command line for the text, ready for more settings.
    pub fn command(&self, text: impl AsRef<[u8]>) -> Command {
        let mut command = Command::new(EXECUTOR);
        command.arg("--meta").arg(&self.meta);
        command
            .args(&self.args)
            .arg("--")
            .arg(OsStr::from_bytes(text.as_ref()));
        self.settle(&mut command);
        command
    }

    /// Runs the text under limits or in a place that a line of shell makes first.
    pub fn under(&self, script: &str, text: &str) -> Done {
        self.start_under(script, text).wait()
    }

    pub fn start_under(&self, script: &str, text: &str) -> Running {
        let inner = self.command(text);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{script}\nexec \"$@\"\n"), "sh"]);
        command.arg(inner.get_program()).args(inner.get_args());
        self.settle(&mut command);
        Running::spawn(command, &self.stdin, false, self.meta.clone())
    }

    /// The same in a mount namespace of its own, which a plain user can have as well as root.
    pub fn apart(&self, script: &str, text: &str) -> Done {
        // SAFETY: takes no argument and always succeeds.
        let user = if unsafe { libc::geteuid() } == 0 {
            ""
        } else {
            "--user --map-root-user"
        };
        let home = self.home.path().display();
        let inner = format!("cd '{home}' && {{ {script}\n}} && cd '{home}/scratch' && exec \"$@\"");
        let quoted = inner.replace('\'', "'\\''");
        self.under(
            &format!("set -- unshare {user} --mount sh -c '{quoted}' sh \"$@\""),
            text,
        )
    }

    /// For a text that comes by another way than the command line.
    pub fn start_without_text(&self) -> Running {
        let mut command = Command::new(EXECUTOR);
        command.arg("--meta").arg(&self.meta).args(&self.args);
        self.settle(&mut command);
        Running::spawn(command, &self.stdin, false, self.meta.clone())
    }

    pub fn start(&self, text: impl AsRef<[u8]>) -> Running {
        let _absent = fs::remove_file(self.meta.clone());
        Running::spawn(self.command(text), &self.stdin, false, self.meta.clone())
    }

    /// Runs the text with zsh itself, both streams into one pipe.
    pub fn plain(&self, text: impl AsRef<[u8]>) -> Done {
        let mut command = Command::new("zsh");
        command
            .arg("-c")
            .arg("--")
            .arg(OsStr::from_bytes(text.as_ref()));
        self.plain_command(command)
    }

    pub fn plain_command(&self, mut command: Command) -> Done {
        self.settle(&mut command);
        Running::spawn(command, &self.stdin, true, PathBuf::new()).wait()
    }

    /// Empties the scratch folder, so that two runs find the same.
    pub fn tidy(&self) {
        fs::remove_dir_all(self.path("scratch")).unwrap();
        fs::create_dir(self.path("scratch")).unwrap();
    }

    fn settle(&self, command: &mut Command) {
        command
            .env_clear()
            .envs(self.env.iter().map(|(n, v)| (n, v)));
        command.current_dir(self.path("scratch"));
    }
}

/// A run under way; its output is collected by threads, so that it never blocks on us.
pub struct Running {
    pub child: Child,
    pub started: Instant,
    output: std::thread::JoinHandle<Vec<u8>>,
    stderr: std::thread::JoinHandle<Vec<u8>>,
    meta: PathBuf,
}

impl Running {
    pub fn spawn(mut command: Command, stdin: &[u8], merged: bool, meta: PathBuf) -> Running {
        let (reader, writer) = std::io::pipe().unwrap();
        let (errors, error_writer) = std::io::pipe().unwrap();
        let error_writer = if merged {
            writer.try_clone().unwrap()
        } else {
            error_writer
        };
        command.stdout(writer).stderr(error_writer);
        command.stdin(if stdin.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        });
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        drop(command);
        if let Some(mut pipe) = child.stdin.take() {
            // A command that does not read its input is no error here.
            let _closed = pipe.write_all(stdin);
        }
        let collect = |mut pipe: std::io::PipeReader| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ended = pipe.read_to_end(&mut bytes);
                bytes
            })
        };
        Running {
            child,
            started,
            output: collect(reader),
            stderr: collect(errors),
            meta,
        }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// Waits for the process alone; survivors may still hold its output.
    pub fn ended(&mut self) -> (ExitStatus, Duration) {
        let status = wait_for("the process to end", || self.child.try_wait().unwrap());
        (status, self.started.elapsed())
    }

    pub fn wait(mut self) -> Done {
        let (status, took) = self.ended();
        let meta = meta_at(&self.meta);
        Done {
            code: status.code().or(status.signal().map(|n| 128 + n)).unwrap(),
            output: self.output.join().unwrap(),
            stderr: String::from_utf8_lossy(&self.stderr.join().unwrap()).into_owned(),
            meta,
            took,
        }
    }
}

/// The meta file, or null when there is none.
pub fn meta_at(path: &Path) -> Value {
    fs::read(path)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default()
}

/// Waits until `look` finds something, within the patience of a test.
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look)
}

/// Waits until `look` finds something, within a bound that is part of the contract.
pub fn within<T>(bound: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < bound, "waited {bound:?} for {what}");
        pause();
    }
}

/// Between two looks at other processes.
#[allow(
    clippy::disallowed_methods,
    reason = "there is no event for what happens in other processes"
)]
pub fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

/// Does the work for each item on two threads, and reports every failure, not only the first.
pub fn for_each<T: Sync>(items: &[T], work: impl Fn(&T) -> Result<(), String> + Sync) {
    let failures: Vec<String> = std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let work = &work;
            scope.spawn(move || {
                items
                    .iter()
                    .skip(half)
                    .step_by(2)
                    .filter_map(|i| work(i).err())
                    .collect::<Vec<_>>()
            })
        });
        halves
            .into_iter()
            .flat_map(|half| half.join().unwrap())
            .collect()
    });
    assert!(
        failures.is_empty(),
        "{} of {} failed:\n{}",
        failures.len(),
        items.len(),
        failures.join("\n")
    );
}

/// Sends a signal.
pub fn kill(pid: i32, signal: i32) {
    // SAFETY: no memory is involved; the pid is one we started or found by its marker.
    let result = unsafe { libc::kill(pid, signal) };
    assert_eq!(result, 0, "kill {pid}: {}", std::io::Error::last_os_error());
}
