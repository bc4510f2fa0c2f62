//! The user's own start-up file and its place, which the sideband must leave as they are.
use super::common::{Exec, for_each};
use super::exact::check;

/// A user's own `.zshenv`, however odd, is read as zsh would read it.
#[test]
fn own_zshenv_is_kept() {
    let contents = [
        "",
        "false",
        "exit 3",
        "return 4",
        "emulate sh",
        "emulate -R ksh",
        "set -x",
        "set -e",
        "set -u",
        "setopt ksh_arrays",
        "setopt no_rcs ignore_braces",
        "setopt err_return; x=1",
        "trap 'echo D' DEBUG",
        "trap 'echo Z' ZERR",
        "trap 'echo bye' EXIT",
        "alias print='echo P' builtin='echo B' emulate='echo E' source='echo S'",
        "alias -g '$?'=x; alias trap='echo T'",
        "zshexit() { echo mine; false | true | false }",
        "zshexit_functions=(g); g() { echo g }",
        "builtin() { echo B }; print() { echo P }",
        "disable print trap",
        "ZDOTDIR=/elsewhere",
        "export ZDOTDIR=$HOME/other",
        "unset ZDOTDIR HOME",
        "readonly ZDOTDIR",
        "echo out; echo err >&2; true | true",
        "path+=(/opt); export A=1 B=2; umask 027",
        "cd /; exec 2>&1",
        "syntax ( error",
        "exec zsh -f -c 'echo replaced'",
    ];
    let texts = [
        "false | true",
        "env | cat; nosuch | cat",
        "echo \"$? $_ $0\" | cat; true | (exit 3)",
        "echo a",
    ];
    let all: Vec<(&str, &str)> = contents
        .iter()
        .flat_map(|c| texts.iter().map(move |t| (*c, *t)))
        .collect();
    for_each(&all, |(content, text)| {
        let exec = Exec::new().file(".zshenv", format!("{content}\n"));
        // `$?` after an error in the file, and `$_` after an empty one, are among what cannot be hidden.
        let known = text.contains("$? $_")
            && (content.is_empty() || content.contains("syntax") || content.contains("return"));
        if known {
            Ok(())
        } else {
            check(&exec, text, &[], false).map_err(|e| format!("{content:?}: {e}"))
        }
    });
}

#[test]
fn zshenv_may_be_missing_a_folder_or_only_compiled() {
    let texts = ["false | true", "echo \"[$?] [$_]\" | cat", "env | cat"];
    let compiled = || {
        let exec = Exec::new().file(".zshenv", "echo from the compiled file; false");
        let made = exec.plain("zcompile $HOME/.zshenv && rm $HOME/.zshenv");
        assert_eq!(made.code, 0, "{}", made.text());
        exec
    };
    for text in texts {
        let codes = if text == "false | true" {
            vec![vec![1, 0]]
        } else {
            vec![vec![0, 0]]
        };
        check(&Exec::new(), text, &codes, false).unwrap();
        check(&Exec::new().file(".zshenv/inside", ""), text, &codes, false).unwrap();
        check(&compiled(), text, &codes, false).unwrap();
    }
}

#[test]
fn callers_zdotdir_is_put_back() {
    let text = "env; print -r -- \"${ZDOTDIR-unset} ${(t)ZDOTDIR}\" | cat; zsh -c 'env | grep ZDOTDIR'; false | true";
    let with = |value: &str| {
        Exec::new()
            .env("ZDOTDIR", value)
            .env("LATER", "1")
            .file("z/.zshenv", "echo from z")
    };
    let one = with("");
    let inside = one.path("z");
    for exec in [
        one,
        with("/nonexistent"),
        with("/it's \"odd\" $HOME \\ `x` ä *"),
        with("x")
            .env("ZDOTDIR", &inside)
            .file(".zshenv", "echo from home"),
    ] {
        check(&exec, text, &[vec![1, 0]], false).unwrap();
    }
    let moved = Exec::new().file("z/.zshenv", "echo from z");
    let moved = Exec {
        env: moved.env.clone(),
        ..moved
    };
    let inside = moved.path("z");
    check(&moved.env("ZDOTDIR", inside), text, &[vec![1, 0]], false).unwrap();
}

#[test]
fn home_may_be_unset_or_empty() {
    for exec in [
        Exec::new().without("HOME"),
        Exec::new().env("HOME", ""),
        Exec::new().env("HOME", "/nonexistent"),
    ] {
        check(&exec, "env | cat; false | true", &[vec![1, 0]], false).unwrap();
    }
}
