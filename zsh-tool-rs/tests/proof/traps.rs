//! Traps for EXIT that are strings, wherever they come from: their pipelines must not be told as those of the text.
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::common::{Done, Exec, for_each};
use super::exact::check;

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
    let sets = "trap 'print ran; true | true | true' EXIT\n";
    let text = "true | true";
    // The user's start-up file may evaluate what it does not show.
    for code in [
        "eval \"$(< $HOME/more)\"",
        "f=$HOME/more; . $f",
        "x() { eval $1 }; x \"$(< $HOME/more)\"",
        "emulate zsh -c \"$(< $HOME/more)\"",
        "f=$(print source); emulate sh; x() { $f $HOME/more }; x",
    ] {
        let exec = Exec::new().file("more", sets).file(".zshenv", code);
        assert!(has_run(&exec.plain(text)), "{code}");
        check(&exec, text, &[vec![0]], false).unwrap();
    }
    let turns = "#!/bin/sh\ncd; if [ -e old.zwc ]; then rm old.zwc; else cp ready old.zwc; fi";
    for way in [
        // The text may work a command out, and what that gets.
        "s=$(print source); f=$(print $HOME/mo)re; $s $f",
        "s=$(print sou)rce; $s $HOME/more",
        "tr\"ap\" 'print ran; true | true | true' EXIT",
        "t\\rap 'print ran; true | true | true' EXIT",
        "${:-tr}ap 'print ran; true | true | true' EXIT",
        "a=tr b=ap; $a$b 'print ran; true | true | true' EXIT",
        "x=(tr\"\"ap 'print ran; true | true | true' EXIT); $x",
        "$(print tr)\"ap\" 'print ran; true | true | true' EXIT",
        "set -- ${:-tr}ap 'print ran; true | true | true' EXIT; \"$@\"",
        "c=${:-tr}ap; run() { emulate sh; \"$@\" }; run $c 'print ran; true | true | true' EXIT",
        "run() { \"$@\" }; run eval \"emulate sh; ${:-tr}ap 'print ran; true | true | true' EXIT\"",
        "a/b() { emulate sh; \"$@\" }; a/b source $HOME/more",
        "typeset -l c=SOURCE; $c $HOME/more",
        ": *(Ne:'. $HOME/more':) /*(e:'. $HOME/more':)",
        "setopt glob_subst; x='/*(Ne:source $HOME/more:)'; : $x",
        "functions=(f \"emulate sh; ${:-tr}ap 'print ran; true | true | true' EXIT\"); f",
        "n=functions; typeset \"${n}[f]=emulate sh; . $HOME/more\"; f",
        "fpath=($HOME); autoload -Uz sets; sets",
        "cp $HOME/more $HOME/bad/plain; zcompile $HOME/bad/plain; mv $HOME/bad/plain.zwc $HOME; touch -t 200001010000 $HOME/plain; source $HOME/plain",
        "setopt rc_quotes; eval \"eval 'print ''\\\"''; . $HOME/more #\\\"'\"",
        "cp $HOME/more $HOME/bad/plain; (cd $HOME/bad; zcompile plain); touch -t 200001010000 $HOME/plain; mv $HOME/bad/plain.zwc $HOME; . $HOME/plain; rm $HOME/plain.zw'c'",
        // It may make a file, read it, and remove or change it.
        "cp $HOME/more f; . ./f; rm f",
        "cp $HOME/more f; . ./f; print > f",
        "mv $HOME/plain $HOME/away; mv $HOME/more $HOME/plain; . $HOME/plain; mv $HOME/plain $HOME/more; mv $HOME/away $HOME/plain",
        "mv $HOME/good $HOME/away; mv $HOME/bad $HOME/good; . $HOME/good/f; mv $HOME/good $HOME/bad; mv $HOME/away $HOME/good",
        "ln -sfn bad $HOME/link; . $HOME/link/f; ln -sfn good $HOME/link",
        "cat $HOME/more > $HOME/plain; . $HOME/plain; print > $HOME/plain",
        // Or read one where it does not seem to be.
        "f() { . ./f }; cd $HOME/bad; f",
        "for d in x bad; do cd $HOME; cd $d; done 2>&-; . ./f",
        "export HO''ME=$HOME/bad; . $HOME/f",
        "read HO\\ME <<< $HOME/bad; . ~/f",
        "typeset -m 'HO*'=$HOME/bad; . ~/f",
        "n=HOME; export $n=$HOME/bad; . ~/f",
        "typeset -fu sets; FPATH=$HOME; sets",
        "functions -u sets; FPATH=$HOME; sets",
        "cat $HOME/more | . /dev/stdin",
        "alias in_bad='cd $HOME/bad'; eval 'in_bad; . ./f'",
        "cd $HOME/bad; source f",
        "path=($HOME/bad); . f",
        "print $HOME/more > $HOME/name; read HOME < $HOME/name; . $HOME",
        "cd $HOME/deep/link; cd ..; . ./f",
        "cdpath=($HOME); cd bad; . ./f",
        "setopt cdablevars; v=$HOME/bad; cd v; . ./f",
        "emulate zsh -T; v=$HOME/bad; cd v; . ./f",
        "options[cd${:-able}vars]=on; v=$HOME/bad; cd v; . ./f",
        "setopt -m 'cd*vars'; v=$HOME/bad; cd v; . ./f",
        "PWD=$HOME/bad; . $PWD/f",
        // Or one whose compiled form comes and goes, or the way to it.
        "x=c; cp $HOME/ready $HOME/old.zw$x; . $HOME/old; rm $HOME/old.zw$x",
        "x=c; ln -s $HOME/ready $HOME/old.zw$x; . $HOME/old; rm $HOME/old.zw$x",
        "$HOME/takes_turns; . $HOME/old; $HOME/takes_turns",
        "cp $HOME/more $HOME/link/new; . $HOME/link/new; rm $HOME/link/new",
        "ln -sfn bad $HOME/link; . $HOME/to_link/f; ln -sfn good $HOME/link",
        "mv $HOME/scratch $HOME/away; mkdir $HOME/scratch; cp $HOME/more $HOME/scratch/f; . $HOME/scratch/f; rm -r $HOME/scratch; mv $HOME/away $HOME/scratch",
    ] {
        let text = format!("{way}; {text}");
        let exec = Exec::new()
            .file("more", sets)
            .file("sets", "emulate sh; . $HOME/more")
            .file("plain", "")
            .file("good/f", "")
            .file("bad/f", sets)
            .file("deep/f", sets)
            .file("old", sets)
            .file("takes_turns", turns);
        for (name, target) in [
            ("link", "good"),
            ("to_link", "link"),
            ("deep/link", "../good"),
        ] {
            symlink(target, exec.path(name)).unwrap();
        }
        // What is older than its compiled form is not read.
        let made = exec.plain("cd; zcompile old; mv old.zwc ready; print -n > old; touch -t 200001010000 old; chmod +x takes_turns");
        assert_eq!(made.code, 0, "{}", made.text());
        assert!(has_run(&exec.plain(&text)), "{way}");
        check(&exec, &text, &[vec![0]], false).unwrap();
    }
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
