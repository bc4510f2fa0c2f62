//! The vectors of the meta file and of the control channel, which the other language reads too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use serde_json::{Map, Value};
use zsh_tool_exec::control::{Decoder, Frame};
use zsh_tool_exec::meta::Meta;

fn vectors(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

#[test]
fn a_meta_file_is_read_and_written_as_the_vectors_say() {
    for case in vectors(include_str!("vectors/meta.json")) {
        let read = Meta::from_map(object(&case["input"]));
        let written = read.map_or(Value::Null, |meta| Value::Object(meta.to_map()));
        assert_eq!(written, case["expect"], "{}", case["name"]);
    }
}

#[test]
fn messages_are_cut_out_of_the_stream_as_the_vectors_say() {
    for case in vectors(include_str!("vectors/control.json")) {
        let mut decoder = Decoder::default();
        decoder.push(case["input"].as_str().unwrap().as_bytes());
        let frames: Vec<Frame> = std::iter::from_fn(|| decoder.next_frame()).collect();
        let expected = case["expect"].as_array().unwrap();
        assert_eq!(frames.len(), expected.len(), "{}: {frames:?}", case["name"]);
        for (frame, expected) in frames.iter().zip(expected) {
            match frame {
                Frame::Message(fields, payload) => {
                    assert_eq!(fields, object(&expected["fields"]), "{}", case["name"]);
                    let text = expected["payload"].as_str().unwrap();
                    assert_eq!(payload, text.as_bytes(), "{}", case["name"]);
                }
                Frame::Malformed(code, ..) => {
                    assert_eq!(expected["malformed"], *code, "{}", case["name"]);
                }
            }
        }
    }
}
