//! The meta file: one JSON object that tells how a command ended. Its keys are a contract.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// The version of the keys below. Readers ignore keys they do not know.
pub const SCHEMA: u64 = 1;

/// A process that outlived the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    /// Its number.
    pub pid: i32,
    /// Its name.
    pub name: String,
}

/// Everything a reader learns about the end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// A word of the closed list.
    pub outcome: String,
    /// Who ended it before its time.
    pub ended_by: Option<String>,
    /// The shell's wait status, 128+n for a signal. None when it never ran.
    pub exit_code: Option<i32>,
    /// The name of the signal that ended the shell.
    pub signal: Option<String>,
    /// The codes of the last pipeline.
    pub pipestatus: Vec<i32>,
    /// A limit on time ended it.
    pub timed_out: bool,
    /// How long it took.
    pub elapsed_ms: u64,
    /// How much of that lies behind the first ending signal.
    pub grace_ms: u64,
    /// It is in the database.
    pub recorded: bool,
    /// Why it is not.
    pub record_error: Option<String>,
    /// What the user should know about the database all the same.
    pub record_notice: Option<String>,
    /// Its row there.
    pub observation_id: Option<String>,
    /// What outlived the shell.
    pub survivors: Vec<Survivor>,
    /// Bytes of output.
    pub output_bytes: u64,
    /// All output got where it should have.
    pub output_kept: bool,
    /// Why it did not.
    pub output_error: Option<String>,
    /// Where it ran.
    pub cwd: String,
    /// Why it could not be started.
    pub error: Option<String>,
}

impl Meta {
    /// The object as it stands in the file.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        let survivors: Vec<Value> = self
            .survivors
            .iter()
            .map(|s| json!({"pid": s.pid, "name": s.name}))
            .collect();
        let object = json!({
            "schema": SCHEMA,
            "outcome": self.outcome,
            "ended_by": self.ended_by,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "pipestatus": self.pipestatus,
            "timed_out": self.timed_out,
            "elapsed_ms": self.elapsed_ms,
            "grace_ms": self.grace_ms,
            "recorded": self.recorded,
            "record_error": self.record_error,
            "record_notice": self.record_notice,
            "observation_id": self.observation_id,
            "survivors": survivors,
            "output_bytes": self.output_bytes,
            "output_kept": self.output_kept,
            "output_error": self.output_error,
            "cwd": self.cwd,
            "error": self.error,
        });
        match object {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// Reads the object back: keys we do not know are ignored, and one that is missing or of another kind makes it none.
    #[must_use]
    pub fn from_map(map: &Map<String, Value>) -> Option<Meta> {
        let text = |key: &str| optional(map.get(key)?, |v| v.as_str().map(str::to_owned));
        let survivors = map.get("survivors")?.as_array()?.iter().map(survivor);
        let codes = map.get("pipestatus")?.as_array()?.iter().map(number);
        map.get("schema")?.as_u64()?;
        Some(Meta {
            outcome: map.get("outcome")?.as_str()?.to_owned(),
            ended_by: text("ended_by")?,
            exit_code: optional(map.get("exit_code")?, number)?,
            signal: text("signal")?,
            pipestatus: codes.collect::<Option<_>>()?,
            timed_out: map.get("timed_out")?.as_bool()?,
            elapsed_ms: map.get("elapsed_ms")?.as_u64()?,
            grace_ms: map.get("grace_ms")?.as_u64()?,
            recorded: map.get("recorded")?.as_bool()?,
            record_error: text("record_error")?,
            // The one key that may be missing.
            record_notice: match map.get("record_notice") {
                Some(_) => text("record_notice")?,
                None => None,
            },
            observation_id: text("observation_id")?,
            survivors: survivors.collect::<Option<_>>()?,
            output_bytes: map.get("output_bytes")?.as_u64()?,
            output_kept: map.get("output_kept")?.as_bool()?,
            output_error: text("output_error")?,
            cwd: map.get("cwd")?.as_str()?.to_owned(),
            error: text("error")?,
        })
    }
}

/// Where a meta file goes.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    /// The file beside it, if it was made ahead.
    ready: Option<File>,
}

impl Place {
    /// A place for one.
    #[must_use]
    pub fn new(path: PathBuf) -> Place {
        Place { path, ready: None }
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the file beside it now, where nobody minds it: to make one takes most of the time that a meta file takes.
    pub fn prepare(&mut self) {
        if self.ready.is_none() {
            // Whatever is wrong is told when there is something to write.
            self.ready = new_file(&self.temporary()).ok();
        }
    }

    fn temporary(&self) -> PathBuf {
        let name = format!(".meta.{}", std::process::id());
        self.path.with_file_name(name)
    }

    /// Writes the object beside its place and renames it: whoever sees it sees all of it.
    ///
    /// # Errors
    /// What the file system says, or that something else than a file is in its place.
    pub fn write(&mut self, meta: &Map<String, Value>) -> io::Result<()> {
        let temporary = self.temporary();
        let done = self.put(&temporary, meta);
        if done.is_err() {
            // The first error is the one to tell. Another user's file is not ours to take away, and stops us.
            let _gone = fs::remove_file(&temporary);
        }
        done
    }

    fn put(&mut self, temporary: &Path, meta: &Map<String, Value>) -> io::Result<()> {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| !found.is_file()) {
            // Renaming would take the device or the link away.
            return Err(io::Error::other("it is there already and no regular file"));
        }
        let mut file = match self.ready.take() {
            Some(file) => file,
            None => new_file(temporary)?,
        };
        file.write_all(&line(meta))?;
        fs::rename(temporary, &self.path)
    }
}

impl Drop for Place {
    /// What was made ahead and not needed goes.
    fn drop(&mut self) {
        if self.ready.take().is_some() {
            let _gone = fs::remove_file(self.temporary());
        }
    }
}

/// The object as it stands in the file.
fn line(meta: &Map<String, Value>) -> Vec<u8> {
    // Maps of JSON values can always be written.
    let mut text = serde_json::to_vec(meta).unwrap_or_default();
    text.push(b'\n');
    text
}

fn new_file(path: &Path) -> io::Result<File> {
    let open = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(path)
    };
    open().or_else(|error| {
        if error.kind() != io::ErrorKind::AlreadyExists {
            return Err(error);
        }
        // What another process of our number left behind; another user's is not ours to take away, and stops us.
        let _stale = fs::remove_file(path);
        open()
    })
}

fn number(value: &Value) -> Option<i32> {
    i32::try_from(value.as_i64()?).ok()
}

fn survivor(value: &Value) -> Option<Survivor> {
    Some(Survivor {
        pid: number(value.get("pid")?)?,
        name: value.get("name")?.as_str()?.to_owned(),
    })
}

/// The outer None is a value of another kind, the inner one is null.
#[allow(
    clippy::option_option,
    reason = "a value of the wrong kind makes the whole file unreadable, null is a value that is not there"
)]
fn optional<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() {
        Some(None)
    } else {
        read(value).map(Some)
    }
}
