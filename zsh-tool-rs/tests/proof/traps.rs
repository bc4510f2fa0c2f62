//! Traps for EXIT that are strings, wherever they come from: their pipelines must not be told as those of the text.
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::common::{Done, Exec, for_each};
use super::exact::check;

const TRAPS: &str = include_str!("../vectors/traps.json");

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
}

/// Whether the trap ran; its text may be printed for other reasons.
fn has_run(done: &Done) -> bool {
    done.text().lines().any(|line| line.trim_end() == "ran")
}

/// The same where nobody sees beforehand that there is a trap.
#[test]
fn traps_that_nobody_sees_tell_no_codes() {
    let vectors: Value = serde_json::from_str(TRAPS).unwrap();
    let texts = vectors["texts"].as_array().unwrap().iter();
    let mut ways: Vec<_> = texts.map(|text| ("", text.as_str().unwrap())).collect();
    let start_up = vectors["start_up"].as_array().unwrap().iter();
    ways.extend(start_up.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())));
    for_each(&ways, |(start_up, way)| {
        // Behind a here-document no command goes on.
        let end = if way.contains('\n') { "\n" } else { "; " };
        let text = format!("{way}{end}true | true");
        let home = || home_with_traps(start_up);
        if !has_run(&home().plain(&text)) {
            return Err(format!("no trap ran: {way:?}"));
        }
        let done = home().run(&text);
        if done.codes().len() == 1 && has_run(&done) {
            Ok(())
        } else {
            Err(format!("{:?} for {way:?}", done.codes()))
        }
    });
}

/// A home with files that set a trap and others that do not.
fn home_with_traps(start_up: &str) -> Exec {
    let sets = "trap 'print ran; true | true | true' EXIT\n";
    let turns = "#!/bin/sh\ncd; if [ -e old.zwc ]; then rm old.zwc; else cp ready old.zwc; fi\n";
    let exec = Exec::new()
        .timeout("20")
        .file("more", sets)
        .file("sets", "emulate sh; . $HOME/more\n")
        .file("plain", "")
        .file("good/f", "")
        .file("bad/f", sets)
        .file("deep/f", sets)
        .file("scratch/f", "")
        .file("old", sets)
        .file(
            "num",
            "q[${${functions[f]::=emulate sh; . $HOME/more}:+1}]\n",
        )
        .file("takes_turns", turns)
        .file(".zshenv", format!("{start_up}\n"));
    for (name, target) in [
        ("link", "good"),
        ("to_link", "link"),
        ("two", "good"),
        ("one", "two"),
        ("sym", "old"),
        ("deep/link", "../good"),
    ] {
        symlink(target, exec.path(name)).unwrap();
    }
    // What is older than its compiled form is not read.
    let made = Command::new("zsh")
        .args([
            "-fc",
            "zcompile old && mv old.zwc ready && : > old && touch -t 200001010000 old && chmod +x takes_turns",
        ])
        .current_dir(exec.path(""))
        .status();
    assert!(made.unwrap().success());
    exec
}

#[test]
fn files_and_commands_that_set_no_traps_leave_the_codes() {
    let contents = [
        "TRAPEXIT() { true | true | true }",
        "emulate sh; TRAPEXIT() { true | true | true }; emulate zsh",
        "IFS=:",
        "set -e; setopt no_unset warn_create_global",
        "export A=$B; path+=($HOME/bin); [[ -n $A ]] || alias ll='ls -l'",
    ];
    for content in contents {
        let exec = Exec::new().file("more", content);
        for way in [
            "source",
            ".",
            "cd /;. ",
            "x=1 source",
            "[[ -n $HOME ]] && source",
        ] {
            // Others come and go beside it.
            let text = format!("{way} $HOME/more; print > $HOME/a; rm $HOME/a; false | true");
            check(&exec, &text, &[vec![1, 0]], false).unwrap();
        }
        let exec = Exec::new().file(".zshenv", content);
        check(&exec, "false | true", &[vec![1, 0]], false).unwrap();
    }
    // What runs in a process of its own is nothing to the shell.
    for way in [
        "source $HOME/more | cat",
        "source $HOME/more |& cat; (source $HOME/more) > /dev/null",
        "source $HOME/more > /dev/null & wait",
        "s=$(print source); $s $HOME/more | cat",
        "x=$(source $HOME/more) y=`eval $(< $HOME/more)`; cat <(source $HOME/more)",
        "p=true; $p a; run() { \"$@\" }; run true; $(print eval) a | cat",
        "awk '{ $1 = 2; eval($x) }' /dev/null | cat; [[ $HOME == (a|$x) || -n $HOME ]]",
    ] {
        let exec = Exec::new().file("more", "trap 'true | true | true' EXIT");
        check(&exec, &format!("{way}; false | true"), &[vec![1, 0]], false).unwrap();
    }
}

/// Parts of texts; the first of them read a file that sets such a trap, if the others let them.
const PARTS: &[&str] = &[
    ". ~/more",
    "source $HOME/more",
    ". ./more",
    "$s ~/more",
    "\"$s\" ~/more",
    "eval '. ~/more'",
    "eval \". $HOME/more\"",
    "f source ~/more",
    "$x ~/more",
    "~/more",
    "source",
    "s=source",
    "s=true",
    "f() {",
    "f () {",
    "function f {",
    "}",
    "{",
    "f",
    "\"$@\"",
    "$1 $2",
    "set -- source ~/more",
    "shift",
    "(",
    ")",
    "$(",
    "`",
    "\"",
    "'",
    "\\",
    "$'",
    "[[ -n a",
    "]]",
    "((",
    "))",
    "$((",
    "if true",
    "then",
    "else",
    "fi",
    "for x in source true",
    "for x (source)",
    "do",
    "done",
    "case a in",
    "a)",
    "(a)",
    "*)",
    ";;",
    "esac",
    "<<E",
    "\nE\n",
    "<<'E'",
    "<<<",
    "# ",
    "x=(",
    "x=",
    "y=$s",
    "true",
    "false |",
    ": |",
    "> /dev/null",
    "2>&1",
    "&> /dev/null",
    "< /dev/null",
    "repeat 1",
    "noglob",
    "builtin",
    "command",
    "time",
    "!",
    "{true,.}",
    "*(Ne:. ~/more:)",
    "*(N)",
    "${x:-a}",
    "${x:=source}",
    "${x:=\"a}",
    "\\\n",
    "alias s=source",
    "eval 's ~/more'",
    "emulate sh",
    "cd ~",
    "cd ..",
    "coproc",
    "$[1+1]",
    "<(true)",
    "=(true)",
    "~",
    "typeset s=source",
    "read s",
    "print -v s source",
    "always {",
    "return",
    "\"a;b\"",
    "'a;b'",
    "a\\;b",
    ";",
    "&&",
    "||",
    "|",
    "|&",
    "&",
    "\n",
];

const READERS: usize = 9;

#[test]
fn whatever_sets_a_trap_tells_no_codes() {
    let parts = prop::collection::vec(select(PARTS), 0..6);
    let between = select(&[" ", "\n", "; ", ""][..]);
    let texts = (parts, select(&PARTS[..READERS]), any::<bool>(), between);
    let texts = texts.prop_map(|(mut parts, reader, is_first, between)| {
        parts.insert(if is_first { 0 } else { parts.len() }, reader);
        parts.join(between) + "\ntrue | true"
    });
    // The same texts every time: a new one that fails is for those who look for it, not for whoever runs the tests.
    let mut runner = TestRunner::deterministic();
    let texts: Vec<String> = (0..600)
        .map(|_| texts.new_tree(&mut runner).unwrap().current())
        .collect();
    let ran = AtomicUsize::new(0);
    for_each(&texts, |text| {
        let sets = "[[ $ZSH_SUBSHELL = 0 ]] && trap 'print ran; true | true | true' EXIT";
        let exec = Exec::new()
            .file("more", sets)
            .file("scratch/more", sets)
            .timeout("20");
        let done = exec.run(text);
        if !has_run(&done) {
            return Ok(());
        }
        ran.fetch_add(1, Ordering::Relaxed);
        let codes = done.codes();
        if codes.len() == 1 {
            Ok(())
        } else {
            Err(format!("{codes:?} for {text:?}"))
        }
    });
    let ran = ran.into_inner();
    assert!(ran > 100, "only {ran} of the texts set a trap");
}
