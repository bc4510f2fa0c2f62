//! The rows that one recorded command leaves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ledger;

use std::path::Path;

use ledger::{Ledger, success};
use proptest::prelude::*;
use rusqlite::types::ValueRef;
use serde_json::{Map, Value, json};
use zsh_tool_exec::alan::streak::Streak;
use zsh_tool_exec::alan::{Observation, ShownInsight, hash};

/// The rows of a table in the order of insertion, with the columns that `like` has.
fn rows(ledger: &Ledger, table: &str, like: &Value) -> Value {
    let columns: Vec<&String> = like[0].as_object().unwrap().keys().collect();
    let names: Vec<&str> = columns.iter().map(|name| name.as_str()).collect();
    let sql = format!("SELECT {} FROM {table} ORDER BY rowid", names.join(", "));
    let db = ledger.reader();
    let mut statement = db.prepare(&sql).unwrap();
    let found = statement
        .query_map([], |row| {
            let mut object = Map::new();
            for (index, name) in names.iter().enumerate() {
                let value = match row.get_ref(index)? {
                    ValueRef::Integer(number) => json!(number),
                    ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
                    other => panic!("{name} is {other:?}"),
                };
                object.insert((*name).to_owned(), value);
            }
            Ok(Value::Object(object))
        })
        .unwrap();
    Value::Array(found.collect::<Result<_, _>>().unwrap())
}

#[test]
fn every_vector_leaves_the_rows_agreed() {
    let path = format!("{}/tests/vectors/record.json", env!("CARGO_MANIFEST_DIR"));
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for case in &cases {
        let (input, expect, name) = (&case["input"], &case["expect"], &case["name"]);
        let codes: Vec<i32> =
            serde_json::from_value(input["pipestatus"].clone()).unwrap_or_default();
        let ledger = Ledger::new();
        let observation = Observation {
            exit_code: i32::try_from(input["exit_code"].as_i64().unwrap()).unwrap(),
            pipestatus: &codes,
            timed_out: input["timed_out"].as_bool().unwrap_or(false),
            succeeded: input["succeeded"].as_bool().unwrap_or(true),
            outcome: input["outcome"].as_str().unwrap_or("exited"),
            ..success(input["command"].as_str().unwrap())
        };
        ledger.open().record(&observation).unwrap();
        for table in ["observations", "recent_commands"] {
            assert_eq!(
                rows(&ledger, table, &expect[table]),
                expect[table],
                "{name}: {table}"
            );
        }
        assert_eq!(
            json!(ledger.count("streaks")),
            expect["streak_rows"],
            "{name}"
        );
    }
}

#[test]
fn a_row_tells_where_how_and_why() {
    let ledger = Ledger::new();
    let repository = ledger.directory.path().join("repo");
    let cwd = repository.join("src");
    std::fs::create_dir_all(&cwd).unwrap();
    std::fs::create_dir(repository.join(".git")).unwrap();
    let id = ledger
        .open()
        .record(&Observation {
            exit_code: 143,
            outcome: "signalled",
            signal: Some("TERM"),
            intent: Some("see what is there"),
            author: Some("agent"),
            cwd: &cwd,
            pipestatus: &[143, 0],
            ..success("ls | wc")
        })
        .unwrap();
    let whole = ledger.text(&format!(
        "SELECT outcome || ' ' || signal || ' ' || intent || ' ' || author || ' ' || session_id
         FROM observations WHERE id = '{id}' AND parent_id IS NULL AND host IS NOT NULL"
    ));
    assert_eq!(whole, "signalled TERM see what is there agent 12345678");
    assert_eq!(
        ledger.text("SELECT cwd FROM observations"),
        cwd.to_str().unwrap()
    );
    let project = std::fs::canonicalize(&repository).unwrap();
    assert_eq!(
        ledger.text("SELECT DISTINCT project FROM observations"),
        project.to_str().unwrap()
    );
    assert_eq!(
        ledger.number(&format!(
            "SELECT count(*) FROM observations WHERE parent_id = '{id}'"
        )),
        2
    );
    let linked = "SELECT count(*) FROM recent_commands JOIN observations USING (command_hash)
                  WHERE observation_id = observations.id
                    AND recent_commands.parent_id IS observations.parent_id
                    AND recent_commands.project = observations.project";
    assert_eq!(ledger.number(linked), 3);
}

#[test]
fn times_are_utc_and_agree() {
    let ledger = Ledger::new();
    ledger.open().record(&success("true")).unwrap();
    let created = ledger.text("SELECT created_at FROM observations");
    assert!(
        created.ends_with("+00:00") && created.len() == 32,
        "{created}"
    );
    let apart = "SELECT max(abs(unixepoch(created_at, 'subsec') - timestamp),
                            abs(timestamp - last_updated),
                            abs(timestamp - unixepoch('now', 'subsec'))) < 10.0
                 FROM observations, recent_commands, streaks";
    assert_eq!(ledger.number(apart), 1);
}

#[test]
fn bytes_that_are_no_text_are_stored_as_text() {
    let ledger = Ledger::new();
    let observation = Observation {
        id: None,
        command: b"echo \xff\xfe caf\xc3\xa9",
        ..success("")
    };
    ledger.open().record(&observation).unwrap();
    let preview = ledger.text("SELECT command_preview FROM observations");
    assert_eq!(preview, "echo \u{fffd}\u{fffd} café");
    assert_eq!(
        ledger.text("SELECT command_hash FROM observations"),
        hash::hash(&preview)
    );
}

#[test]
fn insights_shown_are_recorded_once_with_their_command() {
    let ledger = Ledger::new();
    let insight = ShownInsight {
        id: "abc".to_owned(),
        kind: "retry".to_owned(),
        level: "warning".to_owned(),
        template: Some("make test".to_owned()),
        shown_at: 12.5,
    };
    let insights = [insight.clone(), insight];
    let observation = Observation {
        insights: &insights,
        ..success("make test")
    };
    let id = ledger.open().record(&observation).unwrap();
    let row = ledger.text(
        "SELECT id || ' ' || kind || ' ' || level || ' ' || command_template || ' ' || project
           || ' ' || session_id || ' ' || observation_id || ' ' || shown_at FROM insights",
    );
    assert_eq!(
        row,
        format!("abc retry warning make test / 12345678 {id} 12.5")
    );
    assert_eq!(ledger.count("insights"), 1);
}

#[test]
fn commands_of_more_than_a_hundred_minutes_ago_are_not_recent() {
    let ledger = Ledger::new();
    let mut alan = ledger.open();
    for _ in 0..5 {
        alan.record(&success("true")).unwrap();
    }
    let writer = rusqlite::Connection::open(&ledger.path).unwrap();
    writer
        .execute(
            "UPDATE recent_commands SET timestamp = timestamp - 6010 WHERE id <= 3",
            [],
        )
        .unwrap();
    writer
        .execute(
            "UPDATE recent_commands SET timestamp = timestamp - 5990 WHERE id > 3",
            [],
        )
        .unwrap();
    alan.record(&success("true")).unwrap();
    assert_eq!(
        ledger.text("SELECT group_concat(id) FROM recent_commands"),
        "4,5,6"
    );
    assert_eq!(ledger.count("observations"), 6);
}

#[test]
fn ids_are_unique_and_grow() {
    let ledger = Ledger::new();
    let mut alan = ledger.open();
    for _ in 0..50 {
        alan.record(&success("true")).unwrap();
    }
    assert_eq!(
        ledger.number("SELECT count(DISTINCT id) FROM observations"),
        50
    );
    let pattern = "[0-9a-f]*-[0-9a-f]*-7*-[89ab]*-*";
    let odd = format!("SELECT count(*) FROM observations WHERE id NOT GLOB '{pattern}'");
    assert_eq!(ledger.number(&odd), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn the_statement_keeps_streaks_as_the_rule_says(results in prop::collection::vec(any::<bool>(), 1..25)) {
        let ledger = Ledger::new();
        let mut alan = ledger.open();
        let mut row = None;
        for success_now in results {
            let exit_code = i32::from(!success_now);
            alan.record(&Observation { exit_code, cwd: Path::new("/"), ..success("x") }).unwrap();
            let next = Streak::next(row, success_now);
            row = Some(next);
            let stored = ledger.text(
                "SELECT current_streak || ' ' || longest_success_streak || ' '
                   || longest_fail_streak || ' ' || last_result FROM streaks",
            );
            let expected = format!(
                "{} {} {} {}",
                next.current, next.longest_success, next.longest_fail, i32::from(success_now)
            );
            prop_assert_eq!(stored, expected);
        }
    }
}
