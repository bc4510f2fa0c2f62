//! Cutting code into what may be commands and names, without heeding quotes: too much is found rather than too little.
use std::borrow::Cow;
use std::{iter, mem};

/// How many words of a command are looked at: what is read comes first, or behind a few options.
const WORDS: usize = 8;

/// What ends a command, wherever it stands.
const SEPARATORS: &[u8] = b"\n;&|()`";
/// Words after which a command begins, wherever they stand.
const OPENERS: [&[u8]; 9] = [
    b"{", b"]]", b"do", b"elif", b"else", b"if", b"then", b"until", b"while",
];
/// Words that leave it to the next one to be the command.
const PREFIXES: [&[u8]; 11] = [
    b"!",
    b"}",
    b"builtin",
    b"command",
    b"coproc",
    b"eval",
    b"exec",
    b"nocorrect",
    b"noglob",
    b"repeat",
    b"time",
];

/// The commands of a piece of code, each as its words from its name on, as far as they can be told without heeding quotes.
pub(super) fn commands(code: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    code.split(|b| SEPARATORS.contains(b)).flat_map(|part| {
        let words: Vec<&[u8]> = part
            .split(|b| b" \t".contains(b))
            .filter(|word| !word.is_empty())
            .collect();
        let mut begins = true;
        let mut belongs = false;
        let mut found = Vec::new();
        for (at, word) in words.iter().enumerate() {
            if mem::take(&mut belongs) {
                continue;
            }
            let name = if begins {
                bare(word)
            } else {
                Cow::Borrowed(*word)
            };
            let leads = OPENERS.contains(&name.as_ref()) || begins && leads_on(&name);
            if begins && (!leads || name.as_ref() == b"eval") {
                found.push(words.iter().skip(at).take(WORDS).copied().collect());
            }
            belongs = begins && takes_next(&name);
            begins = leads;
        }
        found
    })
}

/// Whether a word where a command's name is expected leaves that to the next: a prefix or its option, an assignment, a redirection.
fn leads_on(word: &[u8]) -> bool {
    PREFIXES.contains(&word)
        || word.iter().all(u8::is_ascii_digit)
        || word.starts_with(b"-")
        || !word.starts_with(b"$") && word.iter().any(|b| b"=<>".contains(b))
}

/// Whether the next word belongs to this one: how often, or to where.
fn takes_next(word: &[u8]) -> bool {
    let redirects = [&b"<"[..], b">", b">!", b"<<-"];
    word == b"repeat" || redirects.iter().any(|end| word.ends_with(end))
}

/// The words of a piece of code, some of them empty.
pub(super) fn words(code: &[u8]) -> impl Iterator<Item = &[u8]> {
    code.split(|b| SEPARATORS.contains(b) || b" \t".contains(b))
}

/// What in a piece of code may name something: its words without their quotes, and what is between quotes and signs in them.
pub(super) fn names(code: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    words(code).flat_map(|word| {
        let pieces = word.split(|b| b"'\":=,".contains(b)).map(Cow::Borrowed);
        iter::once(bare(word)).chain(pieces)
    })
}

/// Whether a command of this name reads the file that comes next.
pub(super) fn is_reader(name: &[u8]) -> bool {
    matches!(name, b"." | b"source")
}

/// A word without its quotes.
pub(super) fn bare(word: &[u8]) -> Cow<'_, [u8]> {
    let is_quote = |b: &u8| b"'\"\\".contains(b);
    if word.iter().any(is_quote) {
        Cow::Owned(word.iter().copied().filter(|b| !is_quote(b)).collect())
    } else {
        Cow::Borrowed(word)
    }
}

/// Whether what a piece of code evaluates may be more than it shows.
pub(super) fn is_made_up(code: &[u8]) -> bool {
    code.iter().any(|b| b"$`".contains(b))
}
