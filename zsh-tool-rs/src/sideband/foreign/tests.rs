//! Which code is taken to set traps.
use serde_json::Value;

use std::fs;
use std::os::unix::fs::symlink;

use super::files::LONGEST;
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
    let is_wrong = |case: &&Value| {
        let text = case["input"].as_str().unwrap();
        case["expected"] != harmless_files(text.as_bytes(), &env, folder.path(), &[]).is_none()
    };
    let cases = vectors["cases"].as_array().unwrap().iter();
    let wrong: Vec<_> = cases.filter(is_wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn ordinary_texts_keep_their_codes() {
    let (folder, env) = home();
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    fs::write(
        folder.path().join(".zshenv"),
        vectors["start_up"].as_str().unwrap(),
    )
    .unwrap();
    for text in vectors["ordinary"].as_array().unwrap() {
        let text = text.as_str().unwrap();
        assert!(
            harmless_files(text.as_bytes(), &env, folder.path(), &[]).is_some(),
            "{text}"
        );
    }
}

#[test]
fn many_files_and_long_ones_are_taken_to_set_some() {
    let (folder, env) = home();
    let long = folder.path().join("long");
    fs::write(&long, vec![b'#'; LONGEST + 1]).unwrap();
    assert!(harmless_files(b". ./long", &env, folder.path(), &[]).is_none());
    fs::write(long, vec![b'#'; LONGEST]).unwrap();
    assert!(harmless_files(b". ./long", &env, folder.path(), &[]).is_some());
    for number in 0..=MOST {
        let next = format!("source ./{}", number + 1);
        fs::write(folder.path().join(number.to_string()), next).unwrap();
    }
    assert!(harmless_files(b". ./0", &env, folder.path(), &[]).is_none());
    assert!(harmless_files(b". ./3", &env, folder.path(), &[]).is_some());
}

/// The shell reckons with some of them without being told to.
#[test]
fn numbers_in_the_environment_must_be_such() {
    let (folder, env) = home();
    let is_told = |entry: &str, text: &[u8]| {
        let entry = CString::new(entry).unwrap();
        let env = [&env[..], &[entry]].concat();
        harmless_files(text, &env, folder.path(), &[]).is_some()
    };
    assert!(is_told("COLUMNS=120", b"a | b"));
    assert!(is_told("n=3", b"(( n )) && a | b"));
    assert!(is_told("n=x[1]", b"a $n | b"));
    for entry in ["REPORTTIME=x[1]", "COLUMNS=a", "REPORTMEMORY=$x"] {
        assert!(!is_told(entry, b"a | b"), "{entry}");
    }
    for entry in ["n=x[1]", "n=a", "n=$x"] {
        assert!(!is_told(entry, b"(( n )) && a | b"), "{entry}");
    }
    assert!(!is_told("commands=a", b"(( $+commands[x] )) && a | b"));
}

/// What has no end is given up, not looked for again and again.
#[test]
fn long_texts_without_ends_are_given_up() {
    let (folder, env) = home();
    for (before, unit, behind) in [
        ("cat <<E\n", "${", "\nE\na | b"),
        (": ", "$a[", "; a | b"),
        (": ", "{", "; a | b"),
        (": a(", "[", ")| b"),
        ("x=(", "[a", "]]=x)| b"),
        (": ", "$((n))", "| b"),
        (": ", "$x:h", ":F| b"),
    ] {
        let text = [before, &unit.repeat(200_000), behind].concat();
        let _unimportant = harmless_files(text.as_bytes(), &env, folder.path(), &[]);
    }
}

#[test]
fn a_start_up_file_is_searched_as_the_text_is() {
    let (folder, env) = home();
    for (code, expected) in [
        ("export JAVA_HOME=/opt/java PATH=$HOME/bin:$PATH", false),
        ("path=(~/bin $path)\n. ./nosuch", false),
        ("[[ -f ~/plain ]] && source ~/plain", false),
        ("source ~/sets", true),
        ("eval \"$(a)\"", true),
        ("source $x", true),
        ("trap 'a | b' EXIT", true),
    ] {
        fs::write(folder.path().join(".zshenv"), code).unwrap();
        let found = harmless_files(b"a | b", &env, folder.path(), &[]).is_none();
        assert_eq!(found, expected, "{code}");
        // So is the system's.
        fs::remove_file(folder.path().join(".zshenv")).unwrap();
        let system = [code.as_bytes().to_vec()];
        let found = harmless_files(b"a | b", &env, folder.path(), &system).is_none();
        assert_eq!(found, expected, "{code}");
    }
    // What the text does comes later.
    fs::write(folder.path().join(".zshenv"), "source ~/plain").unwrap();
    let found = harmless_files(b"HOME=/elsewhere a | b", &env, folder.path(), &[]);
    assert!(found.is_some());
    // What one does decides what the others are.
    for (code, text) in [
        ("HOME=/elsewhere", "source ~/plain"),
        ("setopt rc_quotes", "a | b ''"),
        ("setopt glob_subst", "a $x"),
        ("cd bin", "source ./sets_too"),
        ("run() { \"$@\" }", "run source ./plain"),
        ("alias s=source", "s ./plain"),
    ] {
        fs::write(folder.path().join(".zshenv"), code).unwrap();
        let found = harmless_files(text.as_bytes(), &env, folder.path(), &[]);
        assert!(found.is_none(), "{code}: {text}");
    }
}

#[test]
fn a_file_must_stay_the_same_all_the_time() {
    let (folder, env) = home();
    let home = folder.path();
    let stamps = |text: &str| harmless_files(text.as_bytes(), &env, home, &[]).unwrap();
    let come_and_go = |name: &str| {
        fs::write(home.join(name), "x=1").unwrap();
        fs::remove_file(home.join(name)).unwrap();
    };
    let changes: [(&str, &dyn Fn()); 13] = [
        (". ./plain", &|| {
            fs::write(home.join("plain"), "x=2").unwrap();
        }),
        (". ~/plain", &|| {
            fs::rename(home.join("plain"), home.join("away")).unwrap();
            fs::rename(home.join("away"), home.join("plain")).unwrap();
        }),
        (". ./plain", &|| {
            fs::write(home.join("plain.zwc"), "").unwrap();
        }),
        (". ./bin/plain_too", &|| {
            fs::rename(home.join("bin"), home.join("away")).unwrap();
            fs::rename(home.join("away"), home.join("bin")).unwrap();
        }),
        (". ./new", &|| fs::write(home.join("new"), "x=1").unwrap()),
        (". ./gone", &|| come_and_go("gone")),
        (". ./no/such", &|| fs::create_dir(home.join("no")).unwrap()),
        (". ./link", &|| {
            fs::write(home.join("bin/plain_too"), "y").unwrap();
        }),
        (". ./plain", &|| come_and_go("plain.zwc")),
        (". ./link", &|| come_and_go("link.zwc")),
        (". ./to/gone", &|| come_and_go("bin/gone")),
        (". ./to/gone", &|| {
            fs::rename(home.join("bin"), home.join("away")).unwrap();
            fs::rename(home.join("away"), home.join("bin")).unwrap();
        }),
        (". ./to/plain_too", &|| {
            fs::remove_file(home.join("again")).unwrap();
            symlink("elsewhere", home.join("again")).unwrap();
            fs::remove_file(home.join("again")).unwrap();
            symlink("bin", home.join("again")).unwrap();
        }),
    ];
    symlink("bin/plain_too", home.join("link")).unwrap();
    symlink("again", home.join("to")).unwrap();
    symlink("bin", home.join("again")).unwrap();
    for (text, change) in changes {
        let files = stamps(text);
        assert!(files.hold(), "{text}");
        change();
        assert!(!files.hold(), "{text}");
        let _none = fs::remove_file(home.join("plain.zwc"));
    }
    // Others may come and go beside it.
    let files = stamps(". ./plain; . ~/bin/plain_too; . to/plain_too; [[ -f no ]] && . ./no");
    fs::write(home.join("other"), "").unwrap();
    fs::write(home.join("bin/sets_too"), "x=1").unwrap();
    come_and_go("plain.zw");
    come_and_go("z.zwc");
    assert!(files.hold());
}

#[test]
fn a_shell_goes_on_from_where_it_was_told_to_be() {
    let (folder, mut env) = home();
    let home = folder.path();
    symlink("bin", home.join("to")).unwrap();
    for (told, holds) in [("/elsewhere", true), ("to", false)] {
        let told = format!("PWD={}", home.join(told).display());
        env.push(CString::new(told).unwrap());
        let files = harmless_files(b". ./plain_too", &env, &home.join("bin"), &[]).unwrap();
        fs::remove_file(home.join("to")).unwrap();
        symlink("bin", home.join("to")).unwrap();
        assert_eq!(files.hold(), holds);
        env.pop();
    }
}

#[test]
fn compiled_files_are_searched_for_their_words() {
    let (folder, env) = home();
    let compile = |code: &str| {
        let place = folder.path().join("code");
        fs::write(&place, code).unwrap();
        let made = std::process::Command::new("zsh")
            .args(["-fc", "zcompile code && rm code"])
            .current_dir(folder.path())
            .status()
            .unwrap();
        assert!(made.success());
        harmless_files(b". ./code", &env, folder.path(), &[]).is_some()
    };
    assert!(compile("echo from the compiled file; false; PATH=/bin"));
    for code in [
        "trap 'a | b' EXIT",
        ". ./f",
        "source f",
        "eval a",
        "$x f",
        "`a`",
        "\"$x\" f",
        "r",
    ] {
        assert!(!compile(code), "{code}");
    }
    assert!(harmless_files(b". ./code.zwc", &env, folder.path(), &[]).is_none());
}

#[test]
fn what_only_the_shell_has_at_hand_is_not_searched() {
    let (folder, env) = home();
    let (reader, _writer) = std::io::pipe().unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&reader);
    for place in ["/dev/fd", "/proc/self/fd"] {
        let text = format!(". {place}/{number}");
        assert!(harmless_files(text.as_bytes(), &env, folder.path(), &[]).is_none());
    }
}
