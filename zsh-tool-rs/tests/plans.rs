//! No statement that the executor runs for a command walks a whole table.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ledger;

use std::fs;
use std::path::Path;

use ledger::Ledger;
use rusqlite::Connection;

/// The tables that grow.
const TABLES: [&str; 5] = [
    "observations",
    "recent_commands",
    "streaks",
    "ssh_observations",
    "insights",
];
const VERBS: [&str; 4] = ["SELECT ", "INSERT ", "UPDATE ", "DELETE "];

/// The SQL in the sources themselves, so that none is forgotten here.
fn statements() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/alan");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let sources = files.filter(|path| path.extension().is_some_and(|kind| kind == "rs"));
    sources
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            literals(code)
        })
        .filter(|text| VERBS.iter().any(|verb| text.starts_with(verb)))
        .flat_map(|sql| filled_in(&sql))
        .collect()
}

/// The string literals of a source.
fn literals(code: &str) -> Vec<String> {
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n").replace("'\"'", "");
    let parts = code.split('"').skip(1).step_by(2);
    parts.map(|text| text.replace("\\\n", "")).collect()
}

/// The texts that a text with placeholders stands for.
fn filled_in(sql: &str) -> Vec<String> {
    let choices: [(&str, &[&str]); 2] =
        [("{table}", &TABLES), ("{order}", &["created_at", "weight"])];
    let mut all = vec![sql.to_owned()];
    for (placeholder, choices) in choices {
        let fill = |sql: String| -> Vec<String> {
            let kinds = choices.iter().filter(|choice| {
                // A streak has no order of its own that anything is removed in.
                **choice != "streaks" && **choice != "recent_commands"
            });
            if sql.contains(placeholder) {
                kinds
                    .map(|choice| sql.replace(placeholder, choice))
                    .collect()
            } else {
                vec![sql]
            }
        };
        all = all.into_iter().flat_map(fill).collect();
    }
    all
}

/// What is wrong with the plan of a statement.
fn faults(db: &Connection, sql: &str) -> Vec<String> {
    let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nothing = vec![rusqlite::types::Null; plan.parameter_count()];
    let steps = plan.query_map(rusqlite::params_from_iter(nothing), |row| {
        row.get::<_, String>("detail")
    });
    let steps: Vec<String> = steps.unwrap().map(Result::unwrap).collect();
    let walks = |step: &&String| {
        TABLES.iter().any(|table| {
            // From one end, without a condition, to a limit: that ends after as many rows.
            let is_short =
                sql.contains(&format!("FROM {table} ORDER BY")) && sql.contains("LIMIT ?1");
            step.starts_with(&format!("SCAN {table}")) && !is_short
        })
    };
    steps
        .iter()
        .filter(|step| walks(step) || step.contains("TEMP B-TREE"))
        .map(|step| format!("{step}: {sql}"))
        .collect()
}

#[test]
fn no_statement_of_a_command_walks_a_table() {
    let ledger = Ledger::new();
    drop(ledger.open());
    let db = ledger.reader();
    let all = statements();
    for part in [
        "INSERT INTO observations",
        "INSERT INTO streaks",
        "WHERE id > 0 ORDER BY id DESC LIMIT ?1",
        "DELETE FROM recent_commands",
        "DELETE FROM observations",
        "DELETE FROM ssh_observations",
        "ORDER BY created_at LIMIT",
        "ORDER BY weight LIMIT",
        "INDEXED BY idx_project_hash",
    ] {
        assert!(all.iter().any(|sql| sql.contains(part)), "{part}: {all:#?}");
    }
    let faults: Vec<String> = all.iter().flat_map(|sql| faults(&db, sql)).collect();
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn a_walk_would_be_noticed() {
    let ledger = Ledger::new();
    drop(ledger.open());
    let db = ledger.reader();
    for sql in [
        "SELECT count(*) FROM observations",
        "SELECT max(rowid), min(rowid) FROM observations",
        "DELETE FROM recent_commands WHERE duration_ms < ?1",
        "SELECT 1 FROM observations WHERE cwd = ?1 ORDER BY rowid LIMIT ?1",
        "SELECT 1 FROM observations WHERE command_hash = ?1 ORDER BY duration_ms",
    ] {
        assert!(!faults(&db, sql).is_empty(), "{sql}");
    }
}
