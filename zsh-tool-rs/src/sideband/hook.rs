//! The text of the hook, in both places it can live.
use super::HOOKED_TEXT_LIMIT;

/// The `.zshenv` of the private folder. Line by line: put the caller's `ZDOTDIR` back before any code of the user runs; take the hook
/// only in our own child, since a system-wide zshenv may start shells too; source the user's file last, so that its status is the first
/// `$?`, with `$_` kept for it.
pub(super) fn zshenv(fifo: &[u8], executor_pid: u32, caller: Option<&[u8]>) -> Vec<u8> {
    let mut text = b"() { ".to_vec();
    match caller {
        None => text.extend_from_slice(b"\\builtin unset ZDOTDIR"),
        Some(value) => {
            text.extend_from_slice(b"ZDOTDIR=");
            text.extend_from_slice(&quoted(value));
        }
    }
    text.extend_from_slice(format!("\n[[ $PPID = {executor_pid} ]] && ").as_bytes());
    text.extend_from_slice(b"\\builtin emulate -R zsh -o no_debug_before_cmd -c '");
    text.extend_from_slice(&zshexit(fifo));
    text.extend_from_slice(
        b"'\n} \"$_\"\n\
        [[ ( ! -e ${ZDOTDIR-$HOME}/.zshenv || -d ${ZDOTDIR-$HOME}/.zshenv ) && ! -e ${ZDOTDIR-$HOME}/.zshenv.zwc ]] ||\n \
        \\builtin source \"${ZDOTDIR-$HOME}/.zshenv\"\n",
    );
    text
}

/// The line to put in front of `text`, which takes itself out of `ZSH_EXECUTION_STRING` and restores `$?` and `$_`. None for a text that
/// cannot follow it.
pub(super) fn prologue(fifo: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let starts_badly = matches!(text.first(), Some(b';' | b'&' | b'|'));
    let head = [
        b"_z=$_ _s=$?;\\builtin emulate -R zsh -o no_debug_before_cmd -c '\\builtin typeset -f zshexit >/dev/null || ",
        zshexit(fifo).as_slice(),
        b"; ZSH_EXECUTION_STRING[1,",
    ]
    .concat();
    let tail = b"]=; () { \\builtin unset _s _z; return $1 } $_s \"$_z\"';";
    let length = counting_itself(head.len() + tail.len());
    let fits = length + text.len() < super::ARGUMENT_LIMIT && text.len() <= HOOKED_TEXT_LIMIT;
    (fits && !starts_badly)
        .then(|| [&head, length.to_string().as_bytes(), tail.as_slice()].concat())
}

/// The hook itself. Arguments are expanded before anything in it runs; the options it was defined under come back for its run; a failing
/// redirection stays silent; `<>` never blocks, not even without a reader.
///
/// A trap may have run a pipeline of its own after the last one of the text. If there is any to list, zsh complains into the FIFO that
/// there is no stdout for it, and what stands there is no list of codes.
fn zshexit(fifo: &[u8]) -> Vec<u8> {
    [
        br#"zshexit() { { { { () { [[ $ZSH_SUBSHELL = 0 ]] && \builtin trap && \builtin trap - DEBUG ZERR && \builtin print -ru2 -- "$@" || "#.as_slice(),
        br"\builtin trap - DEBUG ZERR } $? $pipestatus } 2<>",
        fifo,
        b" } >&- } 2>&- }",
    ]
    .concat()
}

fn quoted(value: &[u8]) -> Vec<u8> {
    let mut out = vec![b'\''];
    for &byte in value {
        match byte {
            b'\'' => out.extend_from_slice(b"'\\''"),
            _ => out.push(byte),
        }
    }
    out.push(b'\'');
    out
}

/// The length of a text of `rest` bytes into which its own length is written.
fn counting_itself(rest: usize) -> usize {
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    length
}
