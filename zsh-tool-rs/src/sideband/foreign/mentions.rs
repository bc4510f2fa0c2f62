//! Names in code, however they are written.
use memchr::memmem;

use super::lexer::{COMPARISONS, is_name};

/// Up to this length a text is searched byte by byte: the crate's first search of a longer one asks the processor what it can do, which
/// takes a virtual machine 30 µs, and most commands have no longer one.
const SHORT: usize = 4096;

/// A longer use of a variable is taken to give it a value.
pub(super) const LONGEST_USE: usize = 256;

/// Code without what quotes in it, so that a word stands together however it is written.
pub(super) fn unquoted(code: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(code.len());
    let mut rest = code;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'\\' if rest.first() == Some(&b'\n') => rest = &rest[1..],
            b'\\' | b'\'' | b'"' => {}
            _ => plain.push(byte),
        }
    }
    plain
}

/// How often `code` has the name of a variable but to use its value.
pub(super) fn mentions(code: &[u8], variable: &[u8]) -> usize {
    let is_mention = |at: usize| {
        let (before, behind) = (&code[..at], &code[at + variable.len()..]);
        if behind.first().is_some_and(|b| is_name(*b)) {
            return false;
        }
        if before.last().is_some_and(|b| is_name(*b)) {
            return ends_option(before);
        }
        // As in `${HOME:=/}`, which is not understood where it is longer.
        let near = &behind[..behind.len().min(LONGEST_USE)];
        let uses = || near.iter().find(|b| b"=}".contains(b)) == Some(&b'}');
        !(before.ends_with(b"$") || before.ends_with(b"${") && uses())
    };
    memmem::find_iter(code, variable)
        .filter(|at| is_mention(*at))
        .count()
}

/// Whether `code` has the name of a variable behind an option, as in `print -vHOME`.
pub(super) fn has_joined(code: &[u8], variable: &[u8]) -> bool {
    memmem::find_iter(code, variable).any(|at| {
        let (before, behind) = (&code[..at], &code[at + variable.len()..]);
        !behind.first().is_some_and(|b| is_name(*b))
            && before.last().is_some_and(|b| is_name(*b))
            && ends_option(before)
    })
}

/// Whether this ends within an option.
fn ends_option(before: &[u8]) -> bool {
    let word = before.iter().rev().find(|b| !is_name(**b));
    word.is_some_and(|b| b"-+".contains(b))
}

/// Whether code may take a value for an expression: in a calculation, a subscript, a comparison, a count, or by a name that is a value.
pub(super) fn reckons(plain: &[u8]) -> bool {
    let is_blank = |byte: u8| b" \t\n".contains(&byte);
    (0..plain.len()).any(|at| match &plain[at..] {
        [b'(', b'(' | b'P', ..] | [b'$', b'[', ..] => true,
        [before, b'[', ..] => !b" \t\n;&|[=/,".contains(before),
        [before, b'-', b't' | b'v', end, ..] if is_blank(*before) || b"(!&|".contains(before) => {
            is_blank(*end)
        }
        [blank, rest @ ..] if is_blank(*blank) => COMPARISONS.iter().any(|comparison| {
            let behind = rest.strip_prefix(*comparison).and_then(<[u8]>::first);
            behind.is_some_and(|byte| is_blank(*byte))
        }),
        [b'$', b'{', rest @ ..] => takes_a_number(rest),
        [b'{', rest @ ..] => {
            let length = rest.iter().take_while(|byte| is_name(**byte)).count();
            matches!(&rest[length..], [b'}', b'<' | b'>', ..])
        }
        rest => {
            let count = rest.strip_prefix(b"repeat");
            count.is_some_and(
                |behind| !matches!(behind, [b' ', digit, ..] if digit.is_ascii_digit()),
            )
        }
    })
}

/// What is behind a colon that asks for no part of a value.
const DEFAULTS: &[u8] = b"-=+?:#|*^";

/// Whether what is behind `${` has a flag or part that is a number, as for width or an offset, or gives a value.
fn takes_a_number(rest: &[u8]) -> bool {
    let near = &rest[..rest.len().min(LONGEST_USE)];
    // What is longer may have one.
    let Some(end) = place_of(b'}', near) else {
        return true;
    };
    let inner = &near[..end];
    let flags = inner
        .strip_prefix(b"(")
        .map(|flags| &flags[..place_of(b')', flags).unwrap_or(flags.len())]);
    // Another one in its place may be followed by an offset.
    let behind_flags = &inner[flags.map_or(0, |flags| inner.len().min(flags.len() + 2))..];
    let name = behind_flags.iter().find(|byte| !b"=^~#+".contains(byte));
    inner.contains(&b'=')
        || name == Some(&b'$')
        || flags.is_some_and(|flags| flags.iter().any(|flag| b"lrI#".contains(flag)))
        || (0..inner.len()).any(|at| match &rest[at..] {
            [b':', letter, b'}' | b':', ..] if letter.is_ascii_alphabetic() => false,
            [b':', sign, ..] => !DEFAULTS.contains(sign),
            _ => false,
        })
}

/// Code without the comments that it begins with, as many start-up files do.
pub(super) fn behind_comments(code: &[u8]) -> &[u8] {
    let mut code = code;
    while let Some(end) = place_of(b'\n', code) {
        let first = code[..end].iter().find(|byte| !b" \t".contains(byte));
        if first.is_some_and(|byte| *byte != b'#') {
            break;
        }
        code = &code[end + 1..];
    }
    code
}

/// Whether code may run something in a process of its own.
pub(super) fn has_process(code: &[u8]) -> bool {
    let is_single = |sign: u8| {
        code.split(|byte| *byte != sign)
            .any(|signs| signs.len() % 2 == 1)
    };
    code.iter().any(|byte| b"`(".contains(byte)) || is_single(b'|') || is_single(b'&')
}

/// Whether `word` stands in `text`.
pub(super) fn has(text: &[u8], word: &[u8]) -> bool {
    if text.len() > SHORT {
        memmem::find(text, word).is_some()
    } else {
        let begins = |at: usize| text[at..].starts_with(word);
        let first = word.first();
        (0..text.len()).any(|at| text.get(at) == first && begins(at))
    }
}

/// Where `byte` stands first.
pub(super) fn place_of(byte: u8, text: &[u8]) -> Option<usize> {
    text.iter().position(|b| *b == byte)
}
