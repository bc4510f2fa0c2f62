//! Standing by: everything is ready, and one request is waited for.
use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::connection::Connection;
use super::server::Server;
use super::{Fields, Frame, PROTOCOL, accepted, refused, verbs};
use crate::alan::ShownInsight;
use crate::alan::id::is_uuid;
use crate::cli::{is_session_id, length_of_time};
use crate::error::Error;
use crate::executor::{Channel, Profile, Request, Stdin};
use crate::sys::poll::{PollSet, Ready};
use crate::sys::process::{FileMode, Limit};
use crate::sys::signal::Signals;
use crate::sys::terminal::Size;

/// What is to be recorded about a command besides its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remarks {
    /// False keeps it out of the database.
    pub is_wanted: bool,
    /// The id of its row, if the caller has chosen one.
    pub observation_id: Option<String>,
    /// The session, if another than the one on the command line.
    pub session_id: Option<String>,
    /// What it is for, in words.
    pub intent: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// What was said about it before it ran.
    pub insights: Vec<ShownInsight>,
}

/// A request to run a command, as it came over the channel.
#[derive(Debug)]
pub struct Order {
    /// Its fields, to answer it.
    pub fields: Fields,
    /// How to run it. Its zsh is empty when it names none.
    pub request: Request,
    /// What to record.
    pub remarks: Remarks,
    /// Whether it outlives its owner.
    pub persist: bool,
}

impl Server {
    /// Waits for the owner's one request. None when the owner has left, or a signal says to end.
    ///
    /// # Errors
    /// When the request makes no sense; the owner has been told.
    pub fn await_order(&mut self, signals: &mut Signals) -> Result<Option<Order>, Error> {
        let mut set = PollSet::default();
        loop {
            set.clear();
            let slot = set.add(signals.fd(), Ready::READ);
            self.register(&mut set);
            set.wait(None)
                .map_err(Error::system("wait for a request"))?;
            if set.ready(Some(slot)).readable && signals.arrived().end {
                return Ok(None);
            }
            let mut order = None;
            self.take_requests(&set, |connection, frame| {
                let came = take_frame(connection, frame);
                order = order.take().or(came);
                // What follows is for the command.
                order.is_none()
            });
            match order {
                Some(Ok(order)) => return Ok(Some(order)),
                Some(Err((fields, why))) => {
                    self.refuse_order(&fields, &why);
                    return Err(why);
                }
                None if self.dismiss() => return Ok(None),
                None => {}
            }
        }
    }

    fn refuse_order(&mut self, fields: &Fields, why: &Error) {
        let code = match why {
            Error::Refused(code, _) => code,
            _ => "bad_request",
        };
        for owner in self.connections.iter_mut().filter(|c| c.is_owner) {
            owner.send(&refused(fields, code, &why.to_string()));
        }
    }

    /// Does what a request asks of the channel, now that its shell runs.
    pub fn begin_order(&mut self, order: &Order) {
        self.started();
        self.set_persistent(order.persist);
        let notify = order.fields.get("notify") == Some(&Value::Bool(true));
        for owner in self.connections.iter_mut().filter(|c| c.is_owner) {
            owner.beyond = notify.then_some(0);
        }
    }

    /// Answers the request, with what is sent next or by a flush: its reader is woken once and not twice.
    pub fn accept_order(&mut self, order: &Order, pid: i32) {
        for owner in self.connections.iter_mut().filter(|c| c.is_owner) {
            owner.queue(&accepted(&order.fields, json!({"pid": pid})));
        }
    }

    /// Says what the loss of the owner means from now on.
    fn set_persistent(&mut self, persist: bool) {
        self.on_owner_loss = super::persist::OwnerLoss::of(persist);
    }
}

/// Reads a request that nobody has sent, so that the first real one finds everything in memory.
pub fn rehearse() {
    const SAMPLE: &[u8] = b"{\"verb\":\"run\",\"id\":1,\"protocol\":1,\"payload\":9,\"parts\":[4,1,4,0],\"timeout_secs\":1.5,\
        \"stdin\":\"null\",\"umask\":18,\"limits\":[[\"CORE\",0,-1]],\"session_id\":\"s\",\"insights\":[]}\ntrue/A=1\0";
    let mut decoder = super::Decoder::default();
    decoder.push(SAMPLE);
    if let Some(Frame::Message(fields, payload)) = decoder.next_frame() {
        let order = parse(&fields, &payload);
        debug_assert!(order.is_ok(), "{order:?}");
    }
}

type Came = Option<Result<Order, (Fields, Error)>>;

fn take_frame(connection: &mut Connection, frame: Frame) -> Came {
    match frame {
        Frame::Malformed(code, why, fields) => {
            connection.send(&refused(&fields, code, &why));
            None
        }
        Frame::Message(fields, payload) => take_message(connection, fields, &payload),
    }
}

fn take_message(connection: &mut Connection, fields: Fields, payload: &[u8]) -> Came {
    let verb = fields.get("verb").and_then(Value::as_str);
    let reply = match verb {
        Some("run") if connection.is_owner => {
            return Some(parse(&fields, payload).map_err(|why| (fields, why)));
        }
        Some("run") => refused(&fields, "bad_request", "only the owner may send run"),
        Some("status") => accepted(&fields, json!({"state": "standby"})),
        Some(verb) if super::VERBS.contains(&verb) => {
            refused(&fields, "not_running", "there is no command yet")
        }
        other => {
            let (code, why) = verbs::unknown(other);
            refused(&fields, code, &why)
        }
    };
    connection.send(&reply);
    None
}

fn bad(why: &str) -> Error {
    Error::Refused("bad_request", why.to_owned())
}

/// Reads a field of one kind; one that is missing or null is None.
fn field<'a, T>(
    fields: &'a Fields,
    key: &str,
    read: impl Fn(&'a Value) -> Option<T>,
) -> Result<Option<T>, Error> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match read(value) {
            Some(value) => Ok(Some(value)),
            None => Err(bad(&format!("{key} is of the wrong kind"))),
        },
    }
}

fn parse(fields: &Fields, payload: &[u8]) -> Result<Order, Error> {
    let protocol = fields.get("protocol").and_then(Value::as_u64);
    if protocol != Some(PROTOCOL) {
        let why = format!("this executor speaks protocol {PROTOCOL} only");
        return Err(Error::Refused("protocol", why));
    }
    let [command, cwd, environment, stdin] = parts(fields, payload)?;
    if command.contains(&0) || cwd.contains(&0) {
        return Err(bad("a command or directory cannot hold a NUL byte"));
    }
    let flag = |key| field(fields, key, Value::as_bool).map(Option::unwrap_or_default);
    let zsh = field(fields, "zsh", Value::as_str)?.unwrap_or_default();
    let request = Request {
        command: command.to_vec(),
        zsh: PathBuf::from(zsh),
        profile: profile(fields)?,
        cwd: (!cwd.is_empty()).then(|| std::ffi::OsString::from_vec(cwd.to_vec()).into()),
        environment: entries(environment)?,
        terminal: if flag("pty")? {
            Some(size(fields)?)
        } else {
            None
        },
        stdin: stdin_of(fields, stdin)?,
        timeout: seconds(fields, "timeout_secs")?.filter(|t| !t.is_zero()),
        idle_timeout: seconds(fields, "idle_timeout_secs")?.filter(|t| !t.is_zero()),
        grace: seconds(fields, "grace_secs")?.unwrap_or(Duration::from_secs(2)),
        umask: umask(fields)?,
        limits: limits(fields)?,
    };
    Ok(Order {
        request,
        remarks: remarks(fields)?,
        persist: flag("persist")?,
        fields: fields.clone(),
    })
}

fn parts<'a>(fields: &Fields, payload: &'a [u8]) -> Result<[&'a [u8]; 4], Error> {
    let wrong = || bad("parts is not four lengths that add up to the payload");
    let lengths = fields
        .get("parts")
        .and_then(Value::as_array)
        .ok_or_else(wrong)?;
    let mut rest = payload;
    let mut all = [&payload[..0]; 4];
    if lengths.len() != all.len() {
        return Err(wrong());
    }
    for (part, length) in all.iter_mut().zip(lengths) {
        let length = length.as_u64().and_then(|n| usize::try_from(n).ok());
        let cut = length.and_then(|n| rest.split_at_checked(n));
        (*part, rest) = cut.ok_or_else(wrong)?;
    }
    if rest.is_empty() {
        Ok(all)
    } else {
        Err(wrong())
    }
}

fn entries(bytes: &[u8]) -> Result<Vec<CString>, Error> {
    let Some(bytes) = bytes.strip_suffix(b"\0") else {
        return if bytes.is_empty() {
            Ok(Vec::new())
        } else {
            Err(bad("the environment does not end in a NUL byte"))
        };
    };
    let entries = bytes.split(|b| *b == 0).map(CString::new);
    entries
        .collect::<Result<_, _>>()
        .map_err(|_| bad("the environment is broken"))
}

fn profile(fields: &Fields) -> Result<Profile, Error> {
    match field(fields, "profile", Value::as_str)? {
        None | Some("plain") => Ok(Profile::Plain),
        Some("agent") => Ok(Profile::Agent),
        Some(_) => Err(bad("profile is neither plain nor agent")),
    }
}

fn size(fields: &Fields) -> Result<Size, Error> {
    let number = |key, default| {
        let read = |v: &Value| u16::try_from(v.as_u64()?).ok().filter(|n| *n > 0);
        field(fields, key, read).map(|n| n.unwrap_or(default))
    };
    Ok(Size {
        rows: number("rows", 40)?,
        cols: number("cols", 120)?,
    })
}

fn stdin_of(fields: &Fields, text: &[u8]) -> Result<Stdin, Error> {
    let given = |stays_open| Stdin::Given {
        text: text.to_vec(),
        stays_open,
    };
    match field(fields, "stdin", Value::as_str)? {
        None | Some("null") => Ok(Stdin::Null),
        Some("text") => Ok(given(false)),
        Some("keep") => Ok(given(true)),
        Some(_) => Err(bad("stdin is none of null, text, keep")),
    }
}

fn seconds(fields: &Fields, key: &str) -> Result<Option<Duration>, Error> {
    field(fields, key, |v| length_of_time(v.as_f64()?))
}

fn umask(fields: &Fields) -> Result<Option<FileMode>, Error> {
    let read = |v: &Value| FileMode::try_from(v.as_u64()?).ok().filter(|m| *m <= 0o777);
    field(fields, "umask", read)
}

fn limits(fields: &Fields) -> Result<Vec<Limit>, Error> {
    let Some(list) = field(fields, "limits", Value::as_array)? else {
        return Ok(Vec::new());
    };
    let each = list.iter().map(|item| {
        let [name, soft, hard] = item.as_array()?.as_slice() else {
            return None;
        };
        // Unlimited is written as -1, as Python's resource module has it.
        let value = |v: &Value| {
            v.as_u64()
                .map(Some)
                .or((v.as_i64() == Some(-1)).then_some(None))
        };
        Limit::new(name.as_str()?, value(soft)?, value(hard)?)
    });
    each.collect::<Option<_>>()
        .ok_or_else(|| bad("limits is not a list of [name, soft, hard]"))
}

fn remarks(fields: &Fields) -> Result<Remarks, Error> {
    let text = |key| field(fields, key, |v| v.as_str().map(str::to_owned));
    let insights = match field(fields, "insights", Value::as_array)? {
        None => Vec::new(),
        Some(list) => {
            let all: Option<Vec<ShownInsight>> = list.iter().map(shown).collect();
            all.ok_or_else(|| bad("insights is not a list of insights"))?
        }
    };
    Ok(Remarks {
        is_wanted: field(fields, "record", Value::as_bool)?.unwrap_or(true),
        observation_id: match text("observation_id")? {
            Some(id) if !is_uuid(&id) => return Err(bad("observation_id is not a UUID")),
            id => id,
        },
        session_id: match text("session_id")? {
            Some(id) if !is_session_id(&id) => return Err(bad("session_id is not one")),
            id => id,
        },
        intent: text("intent")?,
        author: text("author")?,
        insights,
    })
}

fn shown(value: &Value) -> Option<ShownInsight> {
    let text = |key| value.get(key)?.as_str().map(str::to_owned);
    Some(ShownInsight {
        id: text("id")?,
        kind: text("kind")?,
        level: text("level")?,
        template: text("template"),
        shown_at: value.get("shown_at")?.as_f64()?,
    })
}
