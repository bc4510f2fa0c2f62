//! The command that is being read.
use std::mem;

use super::super::names::DECLARERS;
use super::redirect::Document;
use super::{ANYWHERE, Found, OPENERS, RESERVED, Visit, Word};

/// Reserved words that take assignments for arguments.
const ASSIGNERS: [&[u8]; 7] = [
    b"declare",
    b"export",
    b"float",
    b"integer",
    b"local",
    b"readonly",
    b"typeset",
];

/// A command under way.
pub(super) struct Current {
    pub(super) words: Vec<Word>,
    /// Those of the words that may be the command's name.
    pub(super) names: Vec<usize>,
    /// Whether the next word may be the name, and whether it surely is.
    pub(super) begins: bool,
    pub(super) surely: bool,
    /// Whether the next word belongs to what is before it: to where, or how often.
    pub(super) belongs: bool,
    /// How many operands were found before the part of it that may have a process of its own.
    pub(super) operands: usize,
    pub(super) documents: Vec<Document>,
}

impl Current {
    pub(super) fn new() -> Self {
        Current {
            words: Vec::new(),
            names: Vec::new(),
            begins: true,
            surely: true,
            belongs: false,
            operands: 0,
            documents: Vec::new(),
        }
    }

    /// Whether the next word may be an assignment for certain: it is the first one, or an argument of a reserved word that takes such.
    pub(super) fn takes_lists(&self) -> bool {
        let name = self.words.first().and_then(Word::bare).unwrap_or_default();
        self.begins && self.surely || self.names == [0] && ASSIGNERS.contains(&name)
    }

    /// Begins the next command, before which so many operands were found.
    pub(super) fn restart(&mut self, operands: usize) {
        *self = Current {
            operands,
            documents: mem::take(&mut self.documents),
            ..Current::new()
        };
    }

    /// Whether what was read is one command, and no part of another, so that a process of its own runs it where it is piped into the next.
    pub(super) fn is_simple(&self) -> bool {
        let bare = |word: &Word| word.bare().unwrap_or_default().to_vec();
        let leads = |word: &&Word| bare(word) != b"}" && OPENERS.contains(&bare(word).as_slice());
        let first = self.words.iter().take_while(leads).count();
        let rest = &self.words[first..];
        let begins = rest.first().map(bare).unwrap_or_default();
        let is_compound = RESERVED.contains(&begins.as_slice()) || begins == b"repeat";
        !is_compound
            && !rest
                .iter()
                .any(|word| ANYWHERE.contains(&bare(word).as_slice()))
    }

    /// Whether each word behind this one is one assignment if that declares variables. A builtin, other than the reserved word of its
    /// name, takes whatever a value turns out to be.
    fn takes_assignments(&self, name: usize) -> bool {
        let (before, behind) = self.words.split_at(name);
        let Some((word, behind)) = behind.split_first() else {
            return true;
        };
        let may_be_more = |word: &Word| word.said().is_none() && (word.is_loose() || word.spreads);
        let is_one_of =
            |names: &[&[u8]], word: &Word| word.bare().is_some_and(|bare| names.contains(&bare));
        let is_reserved =
            is_one_of(&ASSIGNERS, word) && before.iter().all(|word| is_one_of(&OPENERS, word));
        let declares = word.said().is_some_and(|said| DECLARERS.contains(&said));
        !declares || is_reserved || !behind.iter().any(may_be_more)
    }

    /// Ends the command, telling of it unless a process of its own runs it.
    pub(super) fn end(&mut self, is_forked: bool, visit: &mut Option<Visit<'_>>) -> Option<()> {
        if let (false, Some(visit)) = (is_forked, visit) {
            for &name in &self.names {
                if !self.takes_assignments(name) {
                    return None;
                }
                visit(Found::Command(&self.words[name], &self.words[name + 1..]))?;
            }
        }
        self.restart(self.operands);
        Some(())
    }
}
