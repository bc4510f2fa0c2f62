//! Names in code, however they are written.
use memchr::memmem;

use super::lexer::is_name;

/// Up to this length a text is searched byte by byte: the crate's first search of a longer one asks the processor what it can do, which
/// takes a virtual machine 30 µs, and most commands have no longer one.
const SHORT: usize = 4096;

/// A longer use of a variable is taken to give it a value.
const LONGEST_USE: usize = 256;

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
        if before.last().is_some_and(|b| is_name(*b)) || behind.first().is_some_and(|b| is_name(*b))
        {
            return false;
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

/// Whether `word` stands in `text`.
pub(super) fn has(text: &[u8], word: &[u8]) -> bool {
    if text.len() > SHORT {
        memmem::find(text, word).is_some()
    } else {
        text.windows(word.len()).any(|part| part == word)
    }
}

/// Where `byte` stands first.
pub(super) fn place_of(byte: u8, text: &[u8]) -> Option<usize> {
    text.iter().position(|b| *b == byte)
}
