//! The vectors that both languages read, held against the rules here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use zsh_tool_exec::alan::streak::Streak;
use zsh_tool_exec::alan::{hash, pipeline};

/// Runs `actual` over a vector file and reports every case that differs.
fn check(file: &str, actual: impl Fn(&Value) -> Value) {
    let path = format!("{}/tests/vectors/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(!cases.is_empty(), "{path} holds no cases");
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let got = actual(&case["input"]);
            (got != case["expect"]).then(|| {
                format!(
                    "{}\n  expected {}\n  got      {got}",
                    case["name"], case["expect"]
                )
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{path}:\n{}", wrong.join("\n"));
}

fn text(input: &Value) -> &str {
    input.as_str().unwrap()
}

#[test]
fn normalized_texts_and_hashes_are_as_agreed() {
    check(
        "normalize",
        |input| json!({"normalized": hash::normalize(text(input)), "hash": hash::hash(text(input))}),
    );
}

#[test]
fn templates_are_as_agreed() {
    check("template", |input| json!(hash::template(text(input))));
}

#[test]
fn segments_are_as_agreed() {
    check("pipeline", |input| json!(pipeline::split(text(input))));
}

#[test]
fn single_pipelines_are_as_agreed() {
    check("single_pipeline", |input| {
        json!(pipeline::is_single_pipeline(text(input)))
    });
}

#[test]
fn streaks_are_as_agreed() {
    check("streak", |input| {
        let query = hash::hash(text(&input["query"]));
        let mut row = None;
        for record in input["records"].as_array().unwrap() {
            if hash::hash(text(&record[0])) == query {
                let success = record[1] == json!(0) && record[2] == json!(false);
                row = Some(Streak::next(row, success));
            }
        }
        json!({
            "has_streak": row.is_some(),
            "current": row.map_or(0, |row| row.current),
            "longest_success": row.map_or(0, |row| row.longest_success),
            "longest_fail": row.map_or(0, |row| row.longest_fail),
            "last_was_success": row.map(Streak::last_was_success),
        })
    });
}
