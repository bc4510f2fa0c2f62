use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use proptest::prelude::*;

use super::accept::believed;
use super::*;

const TRUE: ShellExit = ShellExit {
    code: 0,
    signaled: false,
};

fn exit(code: i32) -> ShellExit {
    ShellExit {
        code,
        signaled: false,
    }
}

fn prepared() -> (tempfile::TempDir, Sideband) {
    let home = tempfile::tempdir().unwrap();
    let sideband = Sideband::prepare(&home.path().join("z")).unwrap();
    (home, sideband)
}

fn zshenv_of(armed: &Armed) -> String {
    let folder = armed.sideband.as_ref().unwrap().folder();
    fs::read_to_string(format!("{}/.zshenv", String::from_utf8_lossy(folder))).unwrap()
}

#[test]
fn a_pipe_is_a_bar_that_is_not_doubled() {
    for text in [
        "a | b",
        "a|b",
        "|",
        "a ||| b",
        "a || b | c",
        "a |& b",
        "'|'",
    ] {
        assert!(has_pipe(text.as_bytes()), "{text}");
    }
    for text in ["", "a", "a || b", "||||", "a ||"] {
        assert!(!has_pipe(text.as_bytes()), "{text}");
    }
}

#[test]
fn the_folder_is_private_and_leaves_with_its_owner() {
    let (home, sideband) = prepared();
    let folder = home.path().join("z");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        (
            mode(&folder),
            mode(&folder.join("c")),
            mode(&folder.join(".zshenv"))
        ),
        (0o700, 0o600, 0o600)
    );
    assert!(
        fs::metadata(folder.join("c"))
            .unwrap()
            .file_type()
            .is_fifo()
    );
    drop(sideband);
    assert!(!folder.exists());
}

#[test]
fn paths_that_would_need_quoting_are_refused() {
    let home = tempfile::tempdir().unwrap();
    for name in ["a b", "a'b", "a$b", "ä", "a;b", "a~b", "a*"] {
        assert!(
            Sideband::prepare(&home.path().join(name)).is_none(),
            "{name}"
        );
    }
    assert!(Sideband::prepare(Path::new("relative")).is_none());
    assert!(
        Sideband::prepare(home.path()).is_none(),
        "an existing folder is not ours"
    );
}

#[test]
fn a_text_without_a_pipe_or_with_plans_for_its_end_gets_nothing_added() {
    for text in [
        "false || true",
        "trap 'true | true | true' EXIT; true | true",
        "zshexit_functions=(f); false | true",
    ] {
        let (_home, sideband) = prepared();
        let armed = arm(
            Some(sideband),
            text.as_bytes(),
            &[],
            Path::new("/bin/zsh"),
            Path::new("/"),
        );
        let mut env = vec![c"A=1".to_owned()];
        armed.dress(&mut env);
        assert_eq!(env, [c"A=1".to_owned()]);
        assert_eq!(armed.text(b"x").as_ref(), b"x");
        assert_eq!(armed.codes(text.as_bytes(), exit(3)), [3]);
    }
}

#[test]
fn the_folder_comes_last_in_the_environment_or_in_the_callers_place() {
    let (home, sideband) = prepared();
    let armed = Armed {
        way: Way::Folder,
        sideband: Some(sideband),
        files: Stamps::default(),
    };
    let ours = CString::new(format!("ZDOTDIR={}/z", home.path().display())).unwrap();
    let mut env = vec![c"A=1".to_owned(), c"B=2".to_owned()];
    armed.dress(&mut env);
    assert_eq!(env, [c"A=1".to_owned(), c"B=2".to_owned(), ours.clone()]);
    let mut env = vec![
        c"A=1".to_owned(),
        c"ZDOTDIR=/x".to_owned(),
        c"B=2".to_owned(),
    ];
    armed.dress(&mut env);
    assert_eq!(env, [c"A=1".to_owned(), ours, c"B=2".to_owned()]);
}

#[test]
fn the_callers_zdotdir_is_put_back_quoted() {
    let (_home, sideband) = prepared();
    assert!(sideband.write_zshenv(Some(b"/it's here")));
    let armed = Armed {
        way: Way::Folder,
        sideband: Some(sideband),
        files: Stamps::default(),
    };
    assert!(
        zshenv_of(&armed).starts_with("() { ZDOTDIR='/it'\\''s here'\n"),
        "{}",
        zshenv_of(&armed)
    );
}

#[test]
fn two_zdotdirs_run_plain() {
    let (_home, sideband) = prepared();
    let env = [c"ZDOTDIR=/a".to_owned(), c"ZDOTDIR=/b".to_owned()];
    assert!(!matches!(
        choose(&sideband, b"a | b", &env, &[]),
        Way::Folder
    ));
}

#[test]
fn the_prologue_states_its_own_length() {
    let prologue = hook::prologue(b"/private/c", b"a | b").unwrap();
    let text = String::from_utf8(prologue).unwrap();
    assert!(
        text.contains(&format!("ZSH_EXECUTION_STRING[1,{}]=", text.len())),
        "{text}"
    );
    assert!(!text.contains('\n'), "line numbers must stay");
}

#[test]
fn texts_that_cannot_follow_the_prologue_run_plain() {
    for text in [
        &b"; a | b"[..],
        b"& a | b",
        b"| b",
        &vec![b'x'; ARGUMENT_LIMIT - 399],
        &vec![b'x'; ARGUMENT_LIMIT],
    ] {
        assert!(hook::prologue(b"/private/c", text).is_none());
    }
}

#[test]
fn codes_are_read_once_from_the_fifo() {
    let (home, sideband) = prepared();
    let armed = Armed {
        way: Way::Folder,
        sideband: Some(sideband),
        files: Stamps::default(),
    };
    assert_eq!(armed.codes(b"false | true", TRUE), [0], "nothing written");
    let mut fifo = OpenOptions::new()
        .write(true)
        .open(home.path().join("z/c"))
        .unwrap();
    fifo.write_all(b"0 1 0\n").unwrap();
    assert_eq!(armed.codes(b"false | true", TRUE), [1, 0]);
    fifo.write_all(&[b'0'; 4096]).unwrap();
    assert_eq!(armed.codes(b"false | true", TRUE), [0]);
}

#[test]
fn consistent_lines_are_believed() {
    for (line, text, code, codes) in [
        ("0 1 0\n", "false | true", 0, vec![1, 0]),
        (
            "137 0 137\n",
            "true | sh -c 'kill -9 $$'",
            137,
            vec![0, 137],
        ),
        ("300 0 44\n", "true | (exit 44); exit 300", 44, vec![0, 44]),
        (
            "3 0 3 0\n",
            "set -o pipefail; true | (exit 3) | true",
            3,
            vec![0, 3, 0],
        ),
        (
            "3 0 3 0\n",
            "setopt PIPE__FAIL; true | (exit 3) | true",
            3,
            vec![0, 3, 0],
        ),
    ] {
        assert_eq!(
            believed(line.as_bytes(), text.as_bytes(), exit(code)),
            Some(codes),
            "{line}"
        );
    }
}

#[test]
fn anything_else_is_not() {
    let cut = format!("0{}\n", " 0".repeat(256));
    for (line, text, code) in [
        ("", "a | b", 0),
        ("0 0 0", "a | b", 0),
        ("0 0\n", "a | b", 0),
        ("0 1  0\n", "a | b", 0),
        ("0 1 0 \n", "a | b", 0),
        (" 0 1 0\n", "a | b", 0),
        ("0 1 0\n0 1 0\n", "a | b", 0),
        ("0 -1 0\n", "a | b", 0),
        ("-1 0 255\n", "a | b", 255),
        ("0 256 0\n", "a | b", 0),
        ("0 99999999999 0\n", "a | b", 0),
        ("1 1 0\n", "a | b", 0),
        ("0 0 1\n", "a | b", 0),
        ("3 0 3 0\n", "true | (exit 3) | true", 3),
        ("3 3 1\n", "set -o pipefail; a | b", 3),
        (cut.as_str(), "a | b", 0),
    ] {
        assert_eq!(
            believed(line.as_bytes(), text.as_bytes(), exit(code)),
            None,
            "{line}"
        );
    }
    assert_eq!(
        believed(
            b"137 0 137\n",
            b"a | b",
            ShellExit {
                code: 137,
                signaled: true
            }
        ),
        None
    );
}

proptest! {
    #[test]
    fn what_is_believed_agrees_with_the_exit_code(
        line in proptest::collection::vec(prop_oneof![Just(b' '), Just(b'\n'), Just(b'-'), b'0'..=b'9'], 0..40),
        code in 0..256,
        pipefail in any::<bool>(),
    ) {
        let text: &[u8] = if pipefail { b"setopt pipefail; a | b" } else { b"a | b" };
        if let Some(codes) = believed(&line, text, exit(code)) {
            prop_assert!((2..=255).contains(&codes.len()));
            prop_assert!(codes.iter().all(|c| (0..=255).contains(c)));
            let rightmost = codes.iter().rev().find(|&&c| c != 0).copied();
            prop_assert!(codes.last() == Some(&code) || (pipefail && rightmost == Some(code)));
        }
    }

    #[test]
    fn a_list_that_ends_in_the_exit_code_is_kept_whole(mut codes in proptest::collection::vec(0_i32..256, 1..254), code in 0_i32..256, turns in 0_i32..4) {
        codes.push(code);
        let numbers: Vec<i32> = [vec![code + 256 * turns], codes.clone()].concat();
        let words: Vec<String> = numbers.iter().map(i32::to_string).collect();
        let line = words.join(" ") + "\n";
        prop_assert_eq!(believed(line.as_bytes(), b"a | b", exit(code)), Some(codes.clone()));
        prop_assert_eq!(believed(line.as_bytes(), b"a | b", exit((code + 1) % 256)), None);
    }

    #[test]
    fn bytes_never_panic(line: Vec<u8>, text: Vec<u8>, code in 0..256) {
        let _codes = believed(&line, &text, exit(code));
        let _pipe = has_pipe(&text);
        let _prologue = hook::prologue(b"/private/c", &text);
    }
}
