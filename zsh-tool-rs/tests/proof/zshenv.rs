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

/// A trap given as a string may run a pipeline of its own after the last one of the text, whose codes must not be told for that.
#[test]
fn traps_of_other_files_tell_no_codes() {
    let for_exit = [
        ("trap 'true | true | true' EXIT", "true | true", 0),
        ("trap 'true | true | true' 0", "false | true; exit", 0),
        (
            "emulate sh; trap 'false | (exit 3)' EXIT; x=1",
            "true | (exit 3)",
            3,
        ),
        (
            "setopt posix_traps; trap 'true | true | true' EXIT",
            "f() { true | true; exit }; f",
            0,
        ),
    ];
    let for_others = [
        ("trap 'true | true | (exit 1)' ZERR", "true | false", 1),
        (
            "trap 'true | true | true' DEBUG; setopt no_debug_before_cmd",
            "false | true",
            0,
        ),
        (
            "set -x; trap 'true | true | true' DEBUG; setopt no_debug_before_cmd",
            "false | true",
            0,
        ),
        (
            "trap 'true | true | true' USR1",
            "false | true; kill -USR1 $$",
            0,
        ),
    ];
    for_each(
        &[&for_exit[..], &for_others].concat(),
        |(traps, text, code)| {
            let exec = Exec::new().file(".zshenv", format!("{traps}\n"));
            check(&exec, text, &[vec![*code]], false).map_err(|e| format!("{traps:?}: {e}"))
        },
    );
    // The text itself may read such a file too.
    for_each(
        &[&for_exit[..], &for_others].concat(),
        |(traps, text, code)| {
            let exec = Exec::new().file("more", format!("{traps}\n"));
            let text = format!("source $HOME/more; {text}");
            check(&exec, &text, &[vec![*code]], false).map_err(|e| format!("{traps:?}: {e}"))
        },
    );
    // So may what it names without showing it, and what that file reads in turn.
    let doubtful = [
        "f=$HOME/more; source $f",
        "cd $HOME && (cd /) && . ./more",
        "eval \"$(cat $HOME/more)\"",
        "source <(cat $HOME/more)",
        "source $HOME/reads_more",
        "s=source; $s $HOME/more",
        "${s:-.} $HOME/more",
        "e=eval; $e \". $HOME/more\"",
        "alias s=source\ns $HOME/more",
        "source $HOME/evaluates",
        "source -- $HOME/more",
        "2> /dev/null . $HOME/more",
        ">/dev/null 2>&1 . $HOME/more",
        "[[ -n $HOME ]] && if [[ -f $HOME/more ]] source $HOME/more",
        "repeat 1 source $HOME/more",
        "emulate zsh -c 'source $HOME/more'",
        "$'source' $HOME/more",
        "$(print source) $HOME/more",
    ];
    let all: Vec<_> = doubtful
        .iter()
        .flat_map(|way| for_exit.iter().map(move |case| (way, case)))
        .collect();
    for_each(&all, |(way, (traps, text, code))| {
        let exec = Exec::new()
            .file("more", format!("{traps}\n"))
            .file("reads_more", "source $HOME/more\n")
            .file("evaluates", "eval \"$(< $HOME/more)\"\n");
        check(&exec, &format!("{way}; {text}"), &[vec![*code]], false)
            .map_err(|e| format!("{traps:?}: {e}"))
    });
    // And what is still there at the end is noticed wherever it came from.
    for_each(&for_others, |(traps, text, code)| {
        let exec = Exec::new().file("more", format!("{traps}\n"));
        check(&exec, &disguised(text), &[vec![*code]], false).map_err(|e| format!("{traps:?}: {e}"))
    });
}

/// The text after a file that is read by a command whose name and operand only the shell knows.
fn disguised(text: &str) -> String {
    format!("s=$(print source); f=$(print $HOME/mo)re; $s $f; {text}")
}

#[test]
fn traps_that_are_functions_or_gone_leave_the_codes() {
    let traps = [
        "TRAPEXIT() { true | true | true }",
        "setopt posix_traps; TRAPEXIT() { true | true | true }",
        "trap 'true | true' EXIT ZERR DEBUG USR1; trap - EXIT ZERR DEBUG USR1",
        "f() { trap 'echo left | cat' EXIT; echo in }; f",
        "IFS=:",
        "set -e; setopt no_unset warn_create_global",
    ];
    for_each(&traps, |traps| {
        let exec = Exec::new().file("more", format!("{traps}\n"));
        check(&exec, &disguised("false | true"), &[vec![1, 0]], false)
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
