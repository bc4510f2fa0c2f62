//! Texts by the hundred: what may come before, crossed with what may follow it, and many that stand alone.
use serde_json::Value;

use super::cases::Vector;
use super::common::{Exec, for_each};
use super::exact::{EXIT_CODE_ALONE, check};

/// Lists of codes, or texts, under a name in a file of them.
fn table(file: &str, name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(file).unwrap();
    all[name].as_array().unwrap().clone()
}

/// One share of all pairs, different ones for each beginning. What the codes of a pipeline of `(exit N)` are is known without asking
/// zsh; what comes before decides whether they are told, may be, or are others.
fn pairs(share: usize) -> Vec<Vector> {
    let file = include_str!("crossed.json");
    let (before, bodies) = (table(file, "before"), table(file, "bodies"));
    let mut all = Vec::new();
    for (i, first) in before.iter().enumerate() {
        for (j, then) in bodies.iter().enumerate() {
            if (i + j) % share == 0 {
                let words = [first, then].map(|part| part["text"].as_str().unwrap());
                all.push((
                    words.join(" ").trim_start_matches(' ').to_owned(),
                    codes(first, then),
                ));
            }
        }
    }
    all
}

fn codes(first: &Value, then: &Value) -> Vec<Vec<i64>> {
    let mut lists: Vec<Vec<i64>> = serde_json::from_value(then["codes"].clone()).unwrap();
    match first["codes"].as_str().unwrap() {
        "told" => {}
        "unsure" if lists.is_empty() => {}
        "unsure" => lists.push(EXIT_CODE_ALONE),
        "changed" => lists.clear(),
        other => panic!("{other}"),
    }
    lists
}

fn alone(name: &str) -> Vec<Vector> {
    let texts = table(include_str!("alone.json"), name);
    let text = |text: &Value| (text.as_str().unwrap().to_owned(), Vec::new());
    texts.iter().map(text).collect()
}

fn all_equal(list: &[Vector], pty: bool) {
    for_each(list, |(text, codes)| {
        let exec = if pty { Exec::new().pty() } else { Exec::new() };
        check(&exec, text, codes, pty)
    });
}

#[test]
fn pairs_in_pipe_mode() {
    let list = pairs(7);
    assert!(list.len() > 350);
    all_equal(&list, false);
}

#[test]
fn pairs_in_a_terminal() {
    let list = pairs(19);
    assert!(list.len() > 130);
    // Only a terminal lets that option be set.
    let bare: Vec<Vector> = list
        .into_iter()
        .filter(|(text, _)| !text.contains("setopt monitor"))
        .collect();
    all_equal(&bare, true);
}

#[test]
fn texts_that_stand_alone_in_pipe_mode() {
    let list = [alone("alone"), alone("of_pipes")].concat();
    assert!(list.len() > 300);
    all_equal(&list, false);
}

#[test]
fn texts_that_stand_alone_in_a_terminal() {
    all_equal(&alone("alone"), true);
}
