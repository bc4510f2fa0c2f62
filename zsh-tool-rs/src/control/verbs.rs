//! What the messages do to a task.
use std::time::Instant;

use serde_json::{Value, json};

use super::connection::Connection;
use super::{Fields, VERBS, accepted, refused};
use crate::executor::input::Refusal;
use crate::executor::{Phase, Task};
use crate::outcome::EndedBy;
use crate::sys::signal;
use crate::sys::terminal::Size;

/// What an `output` request gets when it names no limit, and the most it can get.
const CHUNK: u64 = 1 << 20;

/// Why a request was not carried out: a code and words.
type Refused = (&'static str, String);

/// Carries out one request and answers it.
pub(super) fn serve(
    connection: &mut Connection,
    request: &Fields,
    payload: &[u8],
    task: &mut Task,
) {
    let verb = request.get("verb").and_then(Value::as_str);
    let result = match verb {
        Some("input") => input(payload, task),
        Some("eof") => done(task.end_input().map_err(words)),
        Some("signal") => send_signal(request, task),
        Some("resize") => resize(request, task),
        Some("end") => return end(connection, request, task),
        Some("notify") => notify(connection, request),
        Some("output") => return output(connection, request, task),
        Some("status") => Ok(status(request, task)),
        Some("run") => bad("this executor has its command already"),
        other => Err(unknown(other)),
    };
    connection.send(&match result {
        Ok(more) => accepted(request, more),
        Err((code, why)) => refused(request, code, &why),
    });
}

/// Says that a verb is not known, and which are.
pub(super) fn unknown(verb: Option<&str>) -> Refused {
    let why = match verb {
        Some(verb) => format!("unknown verb {verb:?}; known are {}", VERBS.join(", ")),
        None => format!("no verb; known are {}", VERBS.join(", ")),
    };
    ("unknown_verb", why)
}

fn bad<T>(why: &str) -> Result<T, Refused> {
    Err(("bad_request", why.to_owned()))
}

fn done(result: Result<(), Refused>) -> Result<Value, Refused> {
    result.map(|()| json!({}))
}

fn words(refusal: Refusal) -> Refused {
    match refusal {
        Refusal::Closed => ("closed", "the command's input is closed".to_owned()),
        Refusal::Full => ("full", "1 MiB of input is waiting already".to_owned()),
    }
}

/// A number from the request, or the default where it names none.
fn number(request: &Fields, key: &str, default: u64) -> Result<u64, Refused> {
    match request.get(key) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => value
            .as_u64()
            .ok_or_else(|| ("bad_request", format!("{key} is not a number"))),
    }
}

fn input(payload: &[u8], task: &mut Task) -> Result<Value, Refused> {
    let echo = task.echo().unwrap_or(false);
    task.type_in(payload).map_err(words)?;
    Ok(json!({"echo": echo}))
}

fn send_signal(request: &Fields, task: &Task) -> Result<Value, Refused> {
    let number = match request.get("signal") {
        Some(Value::String(name)) => signal::number(name),
        Some(value) => value.as_u64().and_then(|n| signal::number(&n.to_string())),
        None => None,
    };
    let Some(number) = number else {
        return bad("signal is neither a name nor a number of a signal");
    };
    let to_foreground = match request.get("to").map(Value::as_str) {
        None | Some(Some("foreground")) => true,
        Some(Some("group")) => false,
        Some(_) => return bad("to is neither \"foreground\" nor \"group\""),
    };
    if task.send_signal(number, to_foreground) {
        Ok(json!({}))
    } else {
        Err(("not_running", "there is no process to signal".to_owned()))
    }
}

fn resize(request: &Fields, task: &mut Task) -> Result<Value, Refused> {
    let size = |key| match number(request, key, 0).map(u16::try_from) {
        Ok(Ok(size)) if size > 0 => Ok(size),
        _ => bad("rows and cols are numbers from 1 to 65535"),
    };
    let (rows, cols) = (size("rows")?, size("cols")?);
    match task.resize(Size { rows, cols }) {
        Some(Ok(())) => Ok(json!({})),
        Some(Err(error)) => Err(("failed", error.to_string())),
        None => Err(("closed", "the command has no terminal".to_owned())),
    }
}

/// Answered when nothing of the task is left.
fn end(connection: &mut Connection, request: &Fields, task: &mut Task) {
    let by = match request.get("by").map(Value::as_str) {
        None => Some(EndedBy::Agent),
        Some(word) => word.and_then(EndedBy::from_request),
    };
    let Some(by) = by else {
        let why = "by is none of agent, user, cancelled, session";
        return connection.send(&refused(request, "bad_request", why));
    };
    connection.ending = Some((request.clone(), Instant::now()));
    task.end(by);
}

/// Answers a request to end, if there was one and all is over.
pub(super) fn answer_end(connection: &mut Connection, is_gone: bool) {
    let Some((request, since)) = connection.ending.take() else {
        return;
    };
    let elapsed = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    connection.send(&if is_gone {
        accepted(&request, json!({"elapsed_ms": elapsed}))
    } else {
        refused(&request, "not_gone", "some processes could not be killed")
    });
}

fn notify(connection: &mut Connection, request: &Fields) -> Result<Value, Refused> {
    connection.beyond = Some(number(request, "beyond", 0)?);
    Ok(json!({}))
}

fn output(connection: &mut Connection, request: &Fields, task: &Task) {
    match read_output(request, task) {
        Ok((offset, bytes)) => {
            let total = task.output().total();
            let follows = request.get("follow") == Some(&Value::Bool(true));
            connection.followed = follows.then_some(offset + bytes.len() as u64);
            let facts = json!({"offset": offset, "total": total, "payload": bytes.len()});
            connection.send_with(&accepted(request, facts), &bytes);
        }
        Err((code, why)) => connection.send(&refused(request, code, &why)),
    }
}

fn read_output(request: &Fields, task: &Task) -> Result<(u64, Vec<u8>), Refused> {
    let offset = number(request, "offset", 0)?;
    let limit = number(request, "limit", CHUNK)?.min(CHUNK);
    let Some(kept) = task.output().kept() else {
        let why = task.output().trouble().unwrap_or("output is not kept");
        return Err(("not_kept", why.to_owned()));
    };
    let read = kept.read(offset, limit);
    read.map_err(|error| ("failed", error.to_string()))
}

fn status(request: &Fields, task: &Task) -> Value {
    let size = task
        .terminal()
        .map(super::super::executor::pty::Terminal::size);
    let output = task.output();
    let mut status = json!({
        "state": if task.phase() == Phase::Running { "running" } else { "ended" },
        "pid": task.pid(),
        "elapsed_ms": u64::try_from(task.elapsed().as_millis()).unwrap_or(u64::MAX),
        "total": output.total(),
        "newlines": output.kept().map(crate::executor::kept::Kept::newlines),
        "pty": size.is_some(),
        "rows": size.map(|s| s.rows),
        "cols": size.map(|s| s.cols),
        "echo": task.echo(),
        "foreground": task.terminal().and_then(crate::executor::pty::Terminal::foreground),
        "accepts_input": task.accepts_input(),
    });
    let probe = request.get("probe") == Some(&Value::Bool(true));
    if let (true, Value::Object(map)) = (probe, &mut status) {
        let waits = task.waits_for_input();
        map.insert("waiting_for_input".to_owned(), waits.into());
    }
    status
}
