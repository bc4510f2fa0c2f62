//! A client of the control channel, as small as it can be.
use std::collections::VecDeque;
use std::fs::DirBuilder;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::{EXECUTOR, Exec, PATIENCE, pause, wait_for};

/// The first part of the output stays in place, the rest goes round in a ring.
const KEPT_HEAD: u64 = 16 << 20;
const KEPT_TAIL: u64 = 48 << 20;

/// One connection.
pub struct Channel {
    stream: BufReader<UnixStream>,
    events: VecDeque<Value>,
    /// The first line: who is there.
    pub hello: Value,
}

impl Channel {
    pub fn new(stream: UnixStream) -> Channel {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut channel = Channel {
            stream: BufReader::new(stream),
            events: VecDeque::new(),
            hello: Value::Null,
        };
        channel.hello = channel.event("hello");
        channel
    }

    pub fn send(&mut self, mut request: Value, payload: &[u8]) {
        if !payload.is_empty() {
            request["payload"] = json!(payload.len());
        }
        let line = [request.to_string().as_bytes(), b"\n", payload].concat();
        // An executor that has answered and has nothing left to attend to is gone: its last words can still be read.
        let _gone = self.stream.get_mut().write_all(&line);
    }

    /// Sends a request and waits for its reply and the reply's payload.
    pub fn ask(&mut self, request: Value, payload: &[u8]) -> (Value, Vec<u8>) {
        let told = request.to_string();
        self.try_ask(request, payload)
            .unwrap_or_else(|| panic!("no reply to {told}"))
    }

    /// The same of an executor that may be gone.
    pub fn try_ask(&mut self, request: Value, payload: &[u8]) -> Option<(Value, Vec<u8>)> {
        let verb = request["verb"].clone();
        self.send(request, payload);
        loop {
            let (message, bytes) = self.message()?;
            if message["reply"] == verb {
                return Some((message, bytes));
            }
            self.events.push_back(message);
        }
    }

    /// Puts another stream in the place of this one, which is handed back to be closed.
    pub fn replace(&mut self, other: UnixStream) -> UnixStream {
        std::mem::replace(&mut self.stream, BufReader::new(other)).into_inner()
    }

    /// The next event of that name, those that came while we asked for something included.
    pub fn event(&mut self, name: &str) -> Value {
        if let Some(at) = self.events.iter().position(|event| event["event"] == name) {
            return self.events.remove(at).unwrap();
        }
        loop {
            let (message, _) = self
                .message()
                .unwrap_or_else(|| panic!("the channel ended before {name}"));
            if message["event"] == name {
                return message;
            }
            self.events.push_back(message);
        }
    }

    /// The next message, or None at the end of the channel.
    pub fn message(&mut self) -> Option<(Value, Vec<u8>)> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            _ => {}
        }
        if line.is_empty() {
            return None;
        }
        let message: Value = serde_json::from_slice(&line).unwrap();
        let length = message["payload"].as_u64().unwrap_or(0);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).unwrap();
        Some((message, payload))
    }
}

/// An executor in channel mode, this process its owner.
pub struct Task {
    pub child: Child,
    pub channel: Channel,
    pub folder: PathBuf,
}

impl Exec {
    /// An executor that stands by.
    pub fn standby(&self) -> Task {
        self.standby_that_finds(b"")
    }

    /// An executor that stands by and finds a request when it comes up, and `more` behind it. The replies are still to be read.
    pub fn standby_that_finds_a_request(&self, text: &str, settings: &Value, more: &str) -> Task {
        let (mut request, payload) = self.request(text, settings);
        request["payload"] = json!(payload.len());
        let line = format!("{request}\n");
        self.standby_that_finds(&[line.as_bytes(), &payload, more.as_bytes()].concat())
    }

    fn standby_that_finds(&self, said: &[u8]) -> Task {
        let folder = self.path("abc123");
        DirBuilder::new().mode(0o700).create(&folder).unwrap();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(said).unwrap();
        let mut command = Command::new(EXECUTOR);
        command
            .arg("--standby")
            .arg("--control")
            .arg(&folder)
            .args(&self.args);
        command
            .env_clear()
            .envs(self.env.iter().map(|(n, v)| (n, v)));
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
        let child = command.spawn().unwrap();
        drop(command);
        Task {
            child,
            channel: Channel::new(ours),
            folder,
        }
    }

    /// The text as a task, with the given settings over the defaults; None of them is special.
    pub fn task(&self, text: &str, settings: &Value) -> Task {
        let mut task = self.standby();
        let reply = task.run(self, text, settings);
        assert_eq!(reply["ok"], true, "{reply}");
        task
    }

    fn request(&self, text: &str, settings: &Value) -> (Value, Vec<u8>) {
        let cwd = self.path("scratch");
        let entry = |(name, value): &(std::ffi::OsString, std::ffi::OsString)| {
            [name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat()
        };
        let parts = [
            text.as_bytes().to_vec(),
            cwd.as_os_str().as_bytes().to_vec(),
            self.env.iter().flat_map(entry).collect(),
            self.stdin.clone(),
        ];
        let mut request = json!({
            "verb": "run", "id": 1, "protocol": 1, "parts": parts.each_ref().map(Vec::len), "stdin": "null", "pty": false,
            "rows": 40, "cols": 120, "timeout_secs": 0, "idle_timeout_secs": 0, "grace_secs": 2, "umask": null, "limits": null,
            "profile": "plain", "zsh": null, "persist": false, "record": false, "session_id": "tests", "intent": null,
            "author": null, "insights": [], "notify": false,
        });
        for (name, value) in settings.as_object().unwrap() {
            request[name] = value.clone();
        }
        (request, parts.concat())
    }
}

impl Task {
    pub fn run(&mut self, exec: &Exec, text: &str, settings: &Value) -> Value {
        let (request, payload) = exec.request(text, settings);
        self.channel.ask(request, &payload).0
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub fn ask(&mut self, request: Value) -> Value {
        self.channel.ask(request, b"").0
    }

    pub fn input(&mut self, bytes: &[u8]) -> Value {
        self.channel.ask(json!({"verb": "input"}), bytes).0
    }

    pub fn status(&mut self) -> Value {
        self.ask(json!({"verb": "status"}))
    }

    /// All output so far, by the channel while there is one, then from the file.
    pub fn output(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let request = json!({"verb": "output", "offset": all.len()});
            let Some((reply, bytes)) = self.channel.try_ask(request, b"") else {
                return std::fs::read(self.folder.join("output")).unwrap();
            };
            assert_eq!(reply["offset"], all.len(), "{reply}");
            if bytes.is_empty() {
                return all;
            }
            all.extend(bytes);
        }
    }

    /// Waits until the output holds the text.
    pub fn shows(&mut self, text: &str) -> String {
        loop {
            let output = self.output();
            let shown = String::from_utf8_lossy(&output).into_owned();
            if shown.contains(text) {
                return shown;
            }
            assert!(
                self.grows_beyond(output.len()),
                "ended without {text:?}: {shown:?}"
            );
        }
    }

    /// The same for output too long to be read each time: its end is looked at in the file.
    pub fn shows_at_end(&mut self, text: &str) {
        let file = std::fs::File::open(self.folder.join("output")).unwrap();
        let mut last = vec![0; text.len() + 1];
        loop {
            let total = self.status()["total"].as_u64().unwrap();
            let at = if total < KEPT_HEAD {
                total
            } else {
                KEPT_HEAD + (total - KEPT_HEAD) % KEPT_TAIL
            };
            let _short = file.read_at(&mut last, at.saturating_sub(text.len() as u64 + 1));
            if last.starts_with(text.as_bytes()) {
                return;
            }
            assert!(
                self.grows_beyond(usize::try_from(total).unwrap()),
                "ended without {text:?}"
            );
        }
    }

    /// Waits for more output than that, by the event that tells it. False when the task has ended.
    fn grows_beyond(&mut self, total: usize) -> bool {
        if self
            .channel
            .events
            .iter()
            .any(|event| event["event"] == "gone")
        {
            return false;
        }
        self.channel
            .send(json!({"verb": "notify", "beyond": total}), b"");
        loop {
            let Some((message, _)) = self.channel.message() else {
                return std::fs::metadata(self.folder.join("output"))
                    .is_ok_and(|m| m.len() > total as u64);
            };
            if message["event"] == "output" {
                return true;
            }
            self.channel.events.push_back(message);
        }
    }

    /// The answer.
    pub fn ended(&mut self) -> Value {
        self.channel.event("ended")
    }

    /// Waits for the executor itself.
    pub fn exit_code(&mut self) -> Option<i32> {
        wait_for("the executor to exit", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // Losing its owner makes the executor end all of its task; killed at once it would leave survivors behind.
        let _closed = self
            .channel
            .stream
            .get_ref()
            .shutdown(std::net::Shutdown::Both);
        let start = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none())
            && start.elapsed() < PATIENCE
        {
            pause();
        }
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
