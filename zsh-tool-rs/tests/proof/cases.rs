//! The texts that are compared.
use serde_json::Value;

pub struct Case {
    pub text: &'static str,
    /// The lists that may be reported; empty means: whatever agrees with the exit code.
    pub codes: &'static [&'static [i64]],
}

const fn case(text: &'static str, codes: &'static [&'static [i64]]) -> Case {
    Case { text, codes }
}

/// The cases of the sideband's design: what each shows is in the text itself.
pub const SIDEBAND: &[Case] = &[
    case("false | true", &[&[1, 0]]),
    case("true | sh -c 'kill -9 $$'", &[&[0, 137]]),
    case("sh -c 'kill -9 $$'", &[&[137]]),
    case("false | true; exit 5", &[&[5]]),
    case("false | true; exit", &[&[1, 0]]),
    case("false | true; exec true", &[&[0]]),
    case("f() { false | true; exit 0 }; f", &[&[0]]),
    case("(false | true; exit 0)", &[&[0]]),
    case("{ exit 3 } & wait; true | (exit 4)", &[&[0, 4]]),
    case("false | true; (exit 3) | true", &[&[3, 0]]),
    case("(sleep .3; exit 3) & false | true", &[&[1, 0]]),
    case("set -o pipefail; true | (exit 3) | true", &[&[0, 3, 0]]),
    case("set -eo pipefail; false | true", &[&[1]]),
    case("trap 'false | true' EXIT; true | false", &[&[1]]),
    case("trap 'true | false | true' EXIT; true | true", &[&[0]]),
    case(
        "TRAPEXIT() { false | true | true }; true | true",
        &[&[0, 0]],
    ),
    case("zshexit() { echo z }; true | false", &[&[1]]),
    case("g() { echo g }; zshexit_functions+=g; true | true", &[&[0]]),
    case(
        "g() { echo g }; zshexit_functions=(g); f() { true | true; exit 9 }; f",
        &[&[9]],
    ),
    case("trap 'echo D' DEBUG; false | true", &[&[0]]),
    case(
        "trap 'echo D' DEBUG; setopt no_debug_before_cmd; false | true",
        &[&[0]],
    ),
    case("setopt ksh_arrays; false | true", &[&[1, 0]]),
    case("setopt no_unset; false | true", &[&[1, 0]]),
    case("emulate -R sh; false | true", &[&[1, 0]]),
    case("emulate -R ksh; false | true", &[&[1, 0]]),
    case("exec <&- >&- 2>&-; false | true", &[&[1, 0]]),
    case("ulimit -f 0; false | true", &[&[1, 0]]),
    case("setopt noexec; false | true", &[&[0, 0], &[0]]),
    case("setopt restricted; false | true", &[&[0]]),
    case("disable -m '*'; false | true", &[&[0], &[1, 0]]),
    case("builtin() { echo B }; false | true", &[&[0], &[1, 0]]),
    case("false | true; ulimit -n 3", &[&[0]]),
    case("false | true; echo hi | cat", &[&[0, 0]]),
    case("echo \"[$_]\" | cat", &[&[0, 0]]),
    case("echo \"[$_]\"; env | cat", &[&[0, 0]]),
    case("print -r -- $ZSH_EXECUTION_STRING | cat", &[&[0, 0]]),
    case("ps -o args= -p $$ | cat", &[&[0, 0]]),
    case(
        "print -r -- $0 $# $ZSH_ARGZERO $LINENO $funcstack | cat",
        &[&[0, 0]],
    ),
    case(
        "zsh -c 'env; true | false | true'; false | true",
        &[&[1, 0]],
    ),
    case("zsh -c 'true | false | true'", &[&[0]]),
    case("exec zsh -c 'env | grep -c ZDOTDIR'", &[&[1]]),
    case("cat << EOF | false\nhi", &[&[141, 1], &[0, 1], &[1]]),
    case("! true | false", &[&[0], &[0, 1]]),
    case("! false | true", &[&[1], &[1, 0]]),
    case("true | false; x=1", &[&[0]]),
    case("false | true; x=1", &[&[0], &[1, 0]]),
    case(
        "unset -f zshexit 2>/dev/null; unfunction -m '*'; false | true",
        &[&[0]],
    ),
    case("coproc cat; false | true", &[&[1, 0]]),
    case("false | true &; wait $!; echo a | cat", &[&[0, 0]]),
    case("() { false | true }", &[&[1, 0], &[0]]),
    case(
        "setopt err_return; f() { false | true; true | false; echo no }; f; echo a | cat",
        &[],
    ),
    case("setopt noclobber no_rcs; false | true", &[&[1, 0]]),
    case("exit 300 | true", &[&[44, 0]]),
    case("true | false; exit 300", &[&[44]]),
    case("echo \"0 1 0\" | cat; exit", &[&[0, 0]]),
    case("kill -TERM $$ | cat; sleep 1", &[&[143]]),
];

/// Ends of texts, quoting, zsh's own messages, and things that look at how they are run.
pub const NASTY: &[Case] = &[
    case("", &[&[0]]),
    case(" \n\t", &[&[0]]),
    case("#", &[]),
    case("echo hi;", &[&[0]]),
    case("echo hi; # no end", &[&[0]]),
    case("echo hi |", &[]),
    case("echo hi | \\", &[]),
    case("echo hi \\", &[]),
    case("echo hi \\\n", &[]),
    case("echo hi &", &[]),
    case("echo 'a\nb' | cat\nnosuch", &[]),
    case("\n\n\nnosuch | cat", &[]),
    case("|", &[&[1]]),
    case("| cat", &[&[1]]),
    case("; echo a | cat", &[]),
    case("echo a | ; cat", &[&[0, 0]]),
    case(")", &[&[1]]),
    case("echo \"unterminated | cat", &[&[1]]),
    case("echo $(", &[&[1]]),
    case("if true; then echo a | cat", &[&[1]]),
    case("-x", &[]),
    case("-c", &[]),
    case("--help", &[]),
    case("--version | cat", &[]),
    case("+x | true", &[]),
    case("cat <<E1; cat <<E2 | tr a b\na\nE1\na\nE2", &[&[0, 0]]),
    case("cat <<'E' | cat\n$HOME `x` \\\nE\n", &[&[0, 0]]),
    case("cat <<-E | cat\n\t\ta\n\tE", &[&[0, 0]]),
    case("cat <<E\nbody\nE # trailing", &[]),
    case("functions; typeset -f; trap; set -x; :", &[&[0]]),
    case("set -x; :", &[&[0]]),
    case("setopt verbose; echo a", &[&[0]]),
    case(
        "echo $LINENO; f() { echo $LINENO\necho $LINENO }; f; eval 'echo $LINENO'",
        &[&[0]],
    ),
    case("echo $0 $* $# $- $SHLVL $ZSH_EVAL_CONTEXT", &[&[0]]),
    case(
        "print -l $options[interactive] $options[monitor] $options[zle]",
        &[&[0]],
    ),
    case("ls /proc/self/fd; ls -l /proc/self/fd | wc -l", &[]),
    case("exec ls /proc/self/fd", &[&[0]]),
    case("umask; ulimit -a", &[&[0]]),
    case("env", &[&[0]]),
    case("env | cat", &[&[0, 0]]),
    case("export | cat", &[&[0, 0]]),
    case("typeset -p path PWD OLDPWD 2>&1", &[]),
    case("yes | head -n 1", &[&[141, 0]]),
    case("yes | head -c 300000 | wc -c", &[&[141, 0, 0]]),
    case("seq 200000 | tail -n 1", &[&[0, 0]]),
    case("cat", &[&[0]]),
    case("read x; echo \"$? [$x]\"", &[&[0]]),
    case("[[ -t 0 ]]; echo $?; [[ -p /dev/stdin ]]; echo $?", &[]),
    case("echo a >&2; echo b; echo c >&2; echo d", &[&[0]]),
    case("printf 'no newline'", &[&[0]]),
    case("printf '\\0\\1\\377\\r\\n'", &[&[0]]),
    case("print -n '\\e[31m'; exit 9", &[&[9]]),
    case("kill -SEGV $$", &[&[139]]),
    case("kill -HUP $$", &[&[1]]),
    case("kill -PIPE $$", &[&[141]]),
    case("kill -KILL $$", &[&[137]]),
    case("exec sh -c 'kill -TERM $$'", &[&[143]]),
    case("sh -c 'exit 128'", &[&[128]]),
    case("exit 143", &[&[143]]),
    case("exit 256", &[&[0]]),
    case("return 3 | true; return 7", &[&[7]]),
    case("exec /nonexistent", &[&[127]]),
    case("exec /etc", &[&[126]]),
    case("zmodload zsh/nosuch", &[&[1]]),
    case("sleep 0.05 & echo $(( $! > 0 ))", &[&[0]]),
    case("sleep 0.05 & disown; wait; true | true", &[&[0, 0]]),
    case("setopt monitor; sleep 0.01 & wait; echo done", &[&[0]]),
    case(
        "for i in {1..50}; do echo $i | cat; done | sort -n | tail -n 1",
        &[&[0, 0, 0]],
    ),
    case(
        "a=(1 2 3); print -r -- ${a[@]} | { read x; echo $x }",
        &[&[0, 0]],
    ),
    case("x=1 | x=2; echo $x", &[&[0]]),
    case("echo a | read x; echo $x", &[&[0]]),
    case("diff <(echo a | cat) <(echo b)", &[&[1]]),
    case("echo a >(cat >&2) | cat", &[]),
    case("emulate sh -c 'false | true'; echo $pipestatus", &[]),
    case(
        "autoload -Uz add-zsh-hook; add-zsh-hook zshexit foo; foo() { echo bye }; true | true",
        &[],
    ),
    case(
        "TRAPZERR() { echo Z }; false | true; true | false",
        &[&[0, 1], &[1]],
    ),
    case("TRAPDEBUG() { echo D }; true | true", &[]),
    case("set -e; true | false; echo no", &[&[1]]),
    case("PATH=; true | nosuch", &[&[0, 127]]),
    case("HOME=/nonexistent; ZDOTDIR=/x; true | false", &[&[0, 1]]),
    case("readonly ZDOTDIR=/x; true | false", &[&[0, 1]]),
    case("cd /; true | false", &[&[0, 1]]),
    case("mkdir d; cd d; rmdir ../d; true | false", &[&[0, 1]]),
    case("umask 777; true | false", &[&[0, 1]]),
    case("exec 2>&1 >/dev/null; true | nosuch", &[&[0, 127]]),
    case("unset PATH; true | false", &[]),
    case("alias -g Z='| cat'; eval 'echo a Z'", &[&[0]]),
    case(
        "setopt sh_word_split glob_subst; x='a b'; echo $x | wc -w",
        &[&[0, 0]],
    ),
    case("time (true | true)", &[]),
    case("{ true | false } always { echo a }", &[&[1], &[0, 1]]),
    case("ulimit -u 1 2>/dev/null; true", &[]),
    case("echo \"äöü\u{1f600}\" | cat", &[&[0, 0]]),
    case("repeat 3 false | true", &[&[0], &[1, 0]]),
    case("noglob echo * | cat", &[&[0, 0]]),
    case("print $(( 1 / 0 ))", &[&[1]]),
    case("echo ${x:?gone} | cat", &[]),
];

/// A text and the lists of codes that may be reported for it; no list: whatever agrees with the exit code.
pub type Vector = (String, Vec<Vec<i64>>);

/// The contract's cases, as they are written.
pub fn contract() -> Vec<Value> {
    serde_json::from_str(include_str!("../vectors/exec.json")).unwrap()
}

/// The contract's texts, with the codes that zsh is known to give.
pub fn vectors() -> Vec<Vector> {
    let lists = |case: &Value| {
        let lists = case["expect"]["pipestatus_any_of"].clone();
        serde_json::from_value(lists).unwrap()
    };
    contract()
        .iter()
        .map(|v| (v["input"].as_str().unwrap().to_owned(), lists(v)))
        .collect()
}

pub fn cases(list: &[Case]) -> Vec<Vector> {
    list.iter()
        .map(|case| (case.text.to_owned(), owned(case.codes)))
        .collect()
}

fn owned(codes: &[&[i64]]) -> Vec<Vec<i64>> {
    codes.iter().map(|list| list.to_vec()).collect()
}
