//! The control channel's messages: one JSON object a line, raw bytes behind it where it says so. This is the contract.
pub mod attach;
pub mod connection;
pub mod persist;
pub mod server;
pub mod standby;
pub mod verbs;

use serde_json::{Map, Value, json};

/// The version both sides must share before a command is run.
pub const PROTOCOL: u64 = 1;

/// The longest line.
pub const LONGEST_LINE: usize = 1 << 20;
/// The most that may follow a `run`.
pub const LARGEST_RUN: u64 = 64 << 20;
/// The most that may follow anything else.
pub const LARGEST_PAYLOAD: u64 = 1 << 20;

/// All verbs, as an answer to an unknown one lists them.
pub const VERBS: [&str; 9] = [
    "run", "input", "eof", "signal", "resize", "end", "notify", "output", "status",
];

/// The fields of one message.
pub type Fields = Map<String, Value>;

/// What a client sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// An object and the bytes behind it.
    Message(Fields, Vec<u8>),
    /// Something else, with the code and the words to answer it with, and its fields as far as known.
    Malformed(&'static str, String, Fields),
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Line,
    /// The line was too long: its rest is thrown away.
    RestOfLine,
    Payload(Fields, usize),
    /// A payload that nobody wants.
    Skip(u64),
}

/// Cuts a stream of bytes into messages.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    state: State,
}

impl Decoder {
    /// Takes what has been read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message, if it is here.
    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            match &mut self.state {
                State::Line | State::RestOfLine => {
                    if let Some(frame) = self.line()? {
                        return Some(frame);
                    }
                }
                State::Payload(fields, size) => {
                    if self.bytes.len() < *size {
                        return None;
                    }
                    let (fields, size) = (std::mem::take(fields), *size);
                    let payload = self.take_front(size);
                    self.state = State::Line;
                    return Some(Frame::Message(fields, payload));
                }
                State::Skip(left) => {
                    let now = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(self.bytes.len());
                    *left -= now as u64;
                    let done = *left == 0;
                    self.bytes.drain(..now);
                    if !done {
                        return None;
                    }
                    self.state = State::Line;
                }
            }
        }
    }

    fn take_front(&mut self, size: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(size);
        std::mem::replace(&mut self.bytes, rest)
    }

    /// None when there is no whole line; inside, None when the line was no frame of its own.
    #[allow(
        clippy::option_option,
        reason = "two different things are missing: a whole line, and a frame in it"
    )]
    fn line(&mut self) -> Option<Option<Frame>> {
        let Some(end) = memchr::memchr(b'\n', &self.bytes) else {
            if self.bytes.len() > LONGEST_LINE {
                self.bytes.clear();
                self.state = State::RestOfLine;
            }
            return None;
        };
        let mut line = self.take_front(end + 1);
        line.pop();
        if matches!(self.state, State::RestOfLine) || line.len() > LONGEST_LINE {
            self.state = State::Line;
            return Some(Some(malformed("too_large", "a line is longer than 1 MiB")));
        }
        Some(self.object(&line))
    }

    fn object(&mut self, line: &[u8]) -> Option<Frame> {
        let fields = match serde_json::from_slice(line) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Some(malformed("bad_request", "a line is not an object")),
            Err(error) => {
                return Some(malformed(
                    "bad_request",
                    &format!("a line is not JSON: {error}"),
                ));
            }
        };
        let size = match fields.get("payload") {
            None | Some(Value::Null) => 0,
            Some(value) => {
                let Some(size) = value.as_u64() else {
                    let why = "payload is not a number of bytes".to_owned();
                    return Some(Frame::Malformed("bad_request", why, fields));
                };
                size
            }
        };
        self.payload(fields, size)
    }

    fn payload(&mut self, fields: Fields, size: u64) -> Option<Frame> {
        let is_run = fields.get("verb").and_then(Value::as_str) == Some("run");
        let limit = if is_run { LARGEST_RUN } else { LARGEST_PAYLOAD };
        if size > limit {
            self.state = State::Skip(size);
            let why = format!("the payload is larger than {limit} bytes");
            return Some(Frame::Malformed("too_large", why, fields));
        }
        if size == 0 {
            return Some(Frame::Message(fields, Vec::new()));
        }
        self.state = State::Payload(fields, usize::try_from(size).unwrap_or(usize::MAX));
        None
    }
}

fn malformed(code: &'static str, why: &str) -> Frame {
    Frame::Malformed(code, why.to_owned(), Fields::new())
}

/// A line for the wire.
#[must_use]
pub fn line(value: &Value) -> Vec<u8> {
    let mut text = value.to_string().into_bytes();
    text.push(b'\n');
    text
}

/// The answer to a request that was carried out, with further fields.
#[must_use]
pub fn accepted(request: &Fields, more: Value) -> Value {
    let mut reply = reply_head(request, true);
    if let Value::Object(more) = more {
        reply.extend(more);
    }
    Value::Object(reply)
}

/// The answer to one that was not.
#[must_use]
pub fn refused(request: &Fields, code: &str, why: &str) -> Value {
    let mut reply = reply_head(request, false);
    reply.insert("code".to_owned(), code.into());
    reply.insert("error".to_owned(), why.into());
    Value::Object(reply)
}

fn reply_head(request: &Fields, ok: bool) -> Fields {
    let mut reply = Fields::new();
    let verb = request.get("verb").cloned().unwrap_or(Value::Null);
    reply.insert("reply".to_owned(), verb);
    if let Some(id) = request.get("id") {
        reply.insert("id".to_owned(), id.clone());
    }
    reply.insert("ok".to_owned(), ok.into());
    reply
}

/// The first line on every connection.
#[must_use]
pub fn hello(state: &str) -> Value {
    json!({
        "event": "hello",
        "protocol": PROTOCOL,
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "state": state,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(decoder: &mut Decoder) -> Vec<Frame> {
        std::iter::from_fn(|| decoder.next_frame()).collect()
    }

    #[test]
    fn a_message_comes_out_whole_however_it_was_cut() {
        let stream = b"{\"verb\":\"input\",\"payload\":3}\na\nb{\"verb\":\"eof\"}\n";
        for size in 1..stream.len() {
            let mut decoder = Decoder::default();
            let mut all = Vec::new();
            for chunk in stream.chunks(size) {
                decoder.push(chunk);
                all.extend(frames(&mut decoder));
            }
            let [Frame::Message(_, payload), Frame::Message(last, _)] = &all[..] else {
                panic!("{all:?}");
            };
            assert_eq!((&payload[..], &last["verb"]), (&b"a\nb"[..], &json!("eof")));
        }
    }

    #[test]
    fn the_next_message_is_served_after_a_malformed_one() {
        let mut decoder = Decoder::default();
        decoder
            .push(b"nonsense\n[1]\n{\"payload\":-1}\n{\"verb\":\"input\",\"payload\":1048577}\n");
        decoder.push(&vec![b'x'; 1_048_577]);
        decoder.push(b"{\"verb\":\"status\"}\n");
        let codes: Vec<_> = frames(&mut decoder)
            .into_iter()
            .map(|frame| match frame {
                Frame::Malformed(code, ..) => code,
                Frame::Message(..) => "message",
            })
            .collect();
        assert_eq!(
            codes,
            [
                "bad_request",
                "bad_request",
                "bad_request",
                "too_large",
                "message"
            ]
        );
    }

    #[test]
    fn an_endless_line_is_thrown_away_as_it_comes() {
        let mut decoder = Decoder::default();
        for _ in 0..40 {
            decoder.push(&vec![b'x'; 1 << 16]);
            assert_eq!(decoder.next_frame(), None);
            assert!(decoder.bytes.len() <= LONGEST_LINE);
        }
        decoder.push(b"\n{}\n");
        let all = frames(&mut decoder);
        assert!(matches!(
            all[..],
            [Frame::Malformed("too_large", ..), Frame::Message(..)]
        ));
    }
}
