//! Which code is taken to set traps.
use serde_json::Value;

use super::*;

const VECTORS: &str = include_str!("../../../tests/vectors/foreign.json");

/// A home with the files of the vectors, and an environment with its folder for programs.
fn home() -> (tempfile::TempDir, Vec<CString>) {
    let folder = tempfile::tempdir().unwrap();
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    for (name, code) in vectors["files"].as_object().unwrap() {
        let place = folder.path().join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, code.as_str().unwrap()).unwrap();
    }
    let home = folder.path().display();
    let env = [
        format!("HOME={home}"),
        format!("PATH=/nosuch:{home}/bin"),
        "READER=source".to_owned(),
    ];
    let env = env.map(|entry| CString::new(entry).unwrap()).to_vec();
    (folder, env)
}

#[test]
fn texts_follow_the_vectors() {
    let (folder, env) = home();
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    for case in vectors["cases"].as_array().unwrap() {
        let text = case["input"].as_str().unwrap();
        let found = harmless_files(text.as_bytes(), &env, folder.path()).is_none();
        assert_eq!(case["expected"], found, "{text}");
    }
}

#[test]
fn many_files_and_long_ones_are_taken_to_set_some() {
    let (folder, env) = home();
    let long = folder.path().join("long");
    fs::write(&long, vec![b'#'; LONGEST + 1]).unwrap();
    assert!(harmless_files(b". ./long", &env, folder.path()).is_none());
    fs::write(long, vec![b'#'; LONGEST]).unwrap();
    assert!(harmless_files(b". ./long", &env, folder.path()).is_some());
    for number in 0..=MOST {
        let next = format!("source ./{}", number + 1);
        fs::write(folder.path().join(number.to_string()), next).unwrap();
    }
    assert!(harmless_files(b". ./0", &env, folder.path()).is_none());
    assert!(harmless_files(b". ./3", &env, folder.path()).is_some());
}

#[test]
fn a_start_up_file_is_searched_and_trusted_beyond_that() {
    let (folder, env) = home();
    for (code, expected) in [
        ("eval \"$(a)\"; source $x; . ./nosuch", false),
        ("source ~/plain", false),
        ("source ~/sets", true),
        ("trap 'a | b' EXIT", true),
    ] {
        fs::write(folder.path().join(".zshenv"), code).unwrap();
        let found = harmless_files(b"a | b", &env, folder.path()).is_none();
        assert_eq!(found, expected, "{code}");
    }
    fs::write(folder.path().join(".zshenv"), "HOME=/elsewhere").unwrap();
    assert!(harmless_files(b"source ~/plain", &env, folder.path()).is_none());
}

#[test]
fn files_are_looked_at_again() {
    let (folder, env) = home();
    let files = harmless_files(b". ./new; . ./plain; cd bin", &env, folder.path()).unwrap();
    assert!(still_harmless(&files));
    fs::write(folder.path().join("new"), "x=1").unwrap();
    assert!(still_harmless(&files));
    fs::write(folder.path().join("new"), "trap 'a | b' EXIT").unwrap();
    assert!(!still_harmless(&files));
}
