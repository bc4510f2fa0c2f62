//! What the compiled form of code may do, told by its words alone.
use std::ops::RangeInclusive;

use super::mentions::has;
use super::names::{CODE, TABLES, is_special};

/// What quotes in a word (`Snull` to `Nularg` in zsh's `zsh.h`).
const QUOTES: RangeInclusive<u8> = 0x9d..=0xa1;
/// The other signs, such as `$` and `*`.
const SIGNS: RangeInclusive<u8> = 0x84..=0x9c;

/// The words of compiled code without what quotes in them, a line each; None if it may run other code.
///
/// They stand in it as they are, but for signs, which are bytes of their own, and words of up to three bytes, which are numbers
/// (`ecstrcode` in zsh's `parse.c`): 2 or 3, and their bytes from the fourth bit on.
pub(super) fn words(compiled: &[u8]) -> Option<Vec<u8>> {
    let mut words = Vec::new();
    let numbers = compiled.as_chunks::<4>().0;
    let short = numbers
        .iter()
        .map(|number| u32::from_le_bytes(*number))
        .filter(|number| matches!(number & 7, 2 | 3) && *number < 1 << 27)
        .map(|number| (number >> 3).to_le_bytes());
    for bytes in short {
        let word = unquoted(bytes.split(|byte| *byte == 0).next().unwrap_or_default());
        if is_code(&word) || word.iter().any(|byte| SIGNS.contains(byte)) {
            return None;
        }
        words.extend([&word, &b"\n"[..]].concat());
    }
    for piece in compiled.split(|byte| *byte == 0) {
        let plain = unquoted(piece);
        let is_sign = |pair: &[u8]| {
            SIGNS.contains(&pair[0]) && (pair[1].is_ascii_graphic() || SIGNS.contains(&pair[1]))
        };
        // Among numbers a short one is there by chance.
        let may_be_short = plain.len() < piece.len();
        let mut long = plain
            .split(|byte| !byte.is_ascii_graphic())
            .filter(|word| may_be_short || word.len() > 3);
        if plain.windows(2).any(is_sign) || has(&plain, b"trap") || long.any(is_code) {
            return None;
        }
        words.extend([&plain, &b"\n"[..]].concat());
    }
    Some(words)
}

fn unquoted(word: &[u8]) -> Vec<u8> {
    let said = word.iter().filter(|byte| !QUOTES.contains(byte));
    said.copied().collect()
}

/// Whether a word runs code or defines commands, should it stand where that is done.
fn is_code(word: &[u8]) -> bool {
    !word.is_empty() && is_special(word)
        || TABLES.contains(&word)
        || CODE.contains(&word)
        || word == b"argv"
}
