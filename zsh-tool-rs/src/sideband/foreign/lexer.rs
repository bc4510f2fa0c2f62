//! Cutting zsh code into commands and their words, as far as it is understood for certain.
//!
//! Only what the shell itself runs matters here, so what stands in parentheses, which a subshell runs, is passed over. Where a command
//! may begin, one is found rather than missed: behind a word that leads on only sometimes, too.
mod arithmetic;
mod braces;
mod condition;
mod current;
mod nested;
mod operands;
mod redirect;
mod substitution;
mod word;

use std::mem;

use super::mentions::place_of;
use arithmetic::last_times;
pub(super) use condition::COMPARISONS;
use current::Current;
pub(super) use operands::{Operand, is_number, is_plain_name, operands};
use word::Ending;
pub(super) use word::{Assigned, Part, Word};

/// Words after which a command begins.
const OPENERS: [&[u8]; 11] = [
    b"{", b"}", b"!", b"do", b"elif", b"else", b"if", b"then", b"time", b"until", b"while",
];
/// Those that need not stand where a command begins themselves.
const ANYWHERE: [&[u8]; 3] = [b"{", b"}", b"do"];
/// Words that leave it to the next one to be the command.
const PREFIXES: [&[u8]; 7] = [
    b"builtin",
    b"command",
    b"coproc",
    b"exec",
    b"nocorrect",
    b"noglob",
    b"repeat",
];
/// The other reserved words of the shell, as far as they are words.
const RESERVED: [&[u8]; 11] = [
    b"[[",
    b"case",
    b"done",
    b"end",
    b"esac",
    b"fi",
    b"for",
    b"foreach",
    b"function",
    b"select",
    b"]]",
];
/// What joins a line to the next one.
const JOINED: &[u8] = b"\\\n";
/// Of more words in one command that may be its name, nothing is understood.
const MOST_NAMES: usize = 64;
/// How deep groups and substitutions may be nested.
const DEEPEST: usize = 50;
/// Of more words than Linux takes for a command, nothing is understood.
const MOST_WORDS: usize = 1 << 16;

/// What a piece of code holds.
pub(super) enum Found<'a> {
    /// A word that may be a command's name, and those behind it.
    Command(&'a Word, &'a [Word]),
    /// The definition of a function of this name.
    Function(&'a [u8]),
    /// The word that begins a loop.
    Loop,
    /// Where a redirection leads.
    Target(&'a Word),
    /// Text that would be a value if it were not quoted.
    QuotedValue,
    /// An assignment before a command's name, or alone.
    Assignment(&'a Assigned<'a>),
    /// A variable that is given a value in `${…}`.
    Filled(&'a [u8]),
    /// What is taken for a number.
    Operand(&'a Operand),
}

/// Told of everything found; None ends it all.
pub(super) type Visit<'v> = &'v mut dyn FnMut(Found<'_>) -> Option<()>;

/// Cuts `code` and tells `visit` of each command, unless a process of its own runs that: one that is piped into another, or goes to the
/// background. Gives whether the next word behind the code might be a command's name.
///
/// None when `visit` says so, or when the code is cut off or not understood.
pub(super) fn cut(code: &[u8], visit: Visit<'_>) -> Option<bool> {
    Lexer {
        code,
        at: 0,
        depth: 0,
        groups: code.len(),
        in_condition: false,
        allows_comments: true,
        has_quoted_values: false,
        last_times: last_times(code),
        cases: 0,
        lists: 0,
        operands: Vec::new(),
        filled: Vec::new(),
    }
    .list(false, Some(visit))
}

/// Whether this is no command's name, if it stands there as it is.
pub(super) fn is_reserved(word: &[u8]) -> bool {
    OPENERS.contains(&word) || RESERVED.contains(&word)
}

/// Whether a command of this name has the next word be the command.
pub(super) fn is_prefix(word: &[u8]) -> bool {
    PREFIXES.contains(&word)
}

/// The name that an assignment gives a value, and that.
pub(super) fn assignment(said: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = said.iter().position(|b| !is_name(*b))?;
    let (name, rest) = said.split_at(end);
    let rest = match rest.strip_prefix(b"[") {
        Some(inner) => &inner[place_of(b']', inner)? + 1..],
        None => rest,
    };
    let value = rest.strip_prefix(b"+").unwrap_or(rest).strip_prefix(b"=")?;
    // The shell's arguments may be assigned to by their numbers.
    let is_number = name.iter().all(u8::is_ascii_digit);
    let is_one = !name.is_empty() && (is_number || !name[0].is_ascii_digit());
    is_one.then_some((name, value))
}

/// Whether a name may have this byte, which may be part of a letter.
pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

struct Lexer<'a> {
    code: &'a [u8],
    at: usize,
    depth: usize,
    /// How many more groups may be read: some are read twice, and those in them four times.
    groups: usize,
    /// Whether patterns are for texts here, and not for the names of files.
    in_condition: bool,
    /// Whether `#` begins a comment here: in parentheses that may be those of a pattern it does not.
    allows_comments: bool,
    /// Whether text has been quoted that would be a value if it were not.
    has_quoted_values: bool,
    /// Where the last modifier stands that takes a number.
    last_times: Option<usize>,
    /// How many `case` there were, and in how many lists of words this is.
    cases: usize,
    lists: usize,
    /// What is taken for numbers, by the shell itself.
    operands: Vec<Operand>,
    /// The variables that are given values in `${…}`.
    filled: Vec<Vec<u8>>,
}

impl Lexer<'_> {
    fn rest(&self) -> &[u8] {
        &self.code[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.code.get(self.at).copied()
    }

    fn takes(&mut self, what: &[u8]) -> bool {
        let found = self.rest().starts_with(what);
        if found {
            self.at += what.len();
        }
        found
    }

    /// Whether `#` here is no part of what is before it.
    fn begins_comment(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.code.get(at));
        before.is_none_or(|byte| b" \t\n;&|".contains(byte))
    }

    /// Passes over blanks. None at a line that is joined to the next one within a word, which would have to be read as one.
    fn takes_blanks(&mut self) -> Option<()> {
        loop {
            if self.rest().starts_with(JOINED) {
                let before = self.at.checked_sub(1).and_then(|at| self.code.get(at));
                if before.is_some_and(|byte| !b" \t\n;&|".contains(byte)) {
                    return None;
                }
                self.at += JOINED.len();
            } else if !self.takes(b" ") && !self.takes(b"\t") {
                return Some(());
            }
        }
    }

    /// Reads commands up to the end of the code, or `within` a group up to its `)`. Gives whether the last one lacks its name.
    fn list(&mut self, within: bool, mut visit: Option<Visit<'_>>) -> Option<bool> {
        let mut now = Current::new();
        now.operands = self.operands.len();
        loop {
            self.takes_blanks()?;
            let start = self.at;
            let Some(byte) = self.peek() else {
                let is_open = now.begins || now.belongs;
                now.end(false, &mut visit)?;
                if let Some(visit) = visit {
                    self.tell(visit)?;
                }
                return (!within && now.documents.is_empty()).then_some(is_open);
            };
            match byte {
                b'#' if !self.allows_comments || !self.begins_comment() => return None,
                b'#' => {
                    let rest = self.rest();
                    self.at += place_of(b'\n', rest).unwrap_or(rest.len());
                }
                b'\n' => {
                    self.at += 1;
                    self.end(&mut now, false, &mut visit)?;
                    for document in mem::take(&mut now.documents) {
                        self.document(&document)?;
                    }
                }
                b';' => {
                    self.at += 1;
                    let _in_case = self.takes(b";") || self.takes(b"&") || self.takes(b"|");
                    self.end(&mut now, false, &mut visit)?;
                }
                b'&' if self.takes(b"&>") => {
                    let _appends = self.takes(b">");
                    let _forces = self.takes(b"|") || self.takes(b"!");
                    now.surely = false;
                    now.belongs = true;
                }
                b'&' | b'|' => {
                    self.at += 1;
                    let joins = self.takes(&[byte]);
                    let other: &[u8] = if byte == b'&' { b"|" } else { b"&" };
                    let _more = !joins && (self.takes(other) || byte == b'&' && self.takes(b"!"));
                    self.end(&mut now, !joins, &mut visit)?;
                }
                b')' if within => {
                    self.at += 1;
                    return now.documents.is_empty().then_some(false);
                }
                // The end of a pattern in `case`, which is no command.
                b')' => {
                    self.at += 1;
                    now.restart(self.operands.len());
                }
                b'(' => self.parentheses(&mut now, &mut visit)?,
                b'<' | b'>' if self.redirects() => self.redirection(&mut now)?,
                _ => {
                    let word = self.word()?;
                    self.add(word, start, within, &mut now, &mut visit)?;
                }
            }
            // Its lines would begin at the line break in that.
            let read = &self.code[start..self.at];
            if !now.documents.is_empty() && read.contains(&b'\n') {
                return None;
            }
        }
    }

    /// Adds the word that was read from `start` on.
    fn add(
        &mut self,
        word: Word,
        start: usize,
        within: bool,
        now: &mut Current,
        visit: &mut Option<Visit<'_>>,
    ) -> Option<()> {
        let raw = &self.code[start..self.at];
        if self.is_redirected(raw)? {
            return Some(());
        }
        if mem::take(&mut now.belongs) {
            if now.words.last().and_then(Word::said) == Some(b"repeat") {
                self.operands.extend(word.operand());
                now.operands = self.operands.len();
            }
            return visit
                .as_mut()
                .map_or(Some(()), |visit| visit(Found::Target(&word)));
        }
        let bare = word.bare().unwrap_or_default();
        if bare == b"[[" && now.begins && (!now.surely || self.lists > 0) {
            // It may be a command, or a word of a list.
            return None;
        }
        if now.surely && bare == b"[[" {
            now.surely = false;
            self.in_condition = true;
            self.condition()?;
            self.in_condition = false;
            now.operands = self.operands.len();
            return Some(());
        }
        if word.ending == Ending::Function {
            if let Some(visit) = visit {
                for name in now.words.iter().chain([&word]) {
                    visit(Found::Function(name.said()?))?;
                }
            }
            now.begins = true;
            now.surely = true;
            return Some(());
        }
        // The patterns of `case` would be taken for the end of the group.
        if within && bare == b"case" || now.words.len() == MOST_WORDS {
            return None;
        }
        // Its patterns look like commands that are piped, or subshells, and its end like one of them.
        self.cases += usize::from(now.begins && bare == b"case");
        let opens = OPENERS.contains(&bare);
        if opens {
            now.operands = self.operands.len();
        }
        if let (true, Some(visit)) = (
            matches!(bare, b"repeat" | b"until" | b"while"),
            visit.as_mut(),
        ) {
            visit(Found::Loop)?;
        }
        // Where no variable is given a list, one in parentheses is a pattern.
        if word.is_hazardous && (self.lists > 0 || !now.takes_lists()) {
            return None;
        }
        if !now.begins {
            now.begins = ANYWHERE.contains(&bare);
            now.surely = now.begins && now.words.first().and_then(Word::bare) == Some(b"function");
        } else if let Some(assigned) = word.assignment(raw) {
            if !assigned.name.is_ascii() {
                return None;
            }
            now.surely = false;
            if let Some(visit) = visit {
                visit(Found::Assignment(&assigned))?;
            }
            let named = start + assigned.name.len();
            self.subscripts(b"", named, self.at);
        } else {
            let said = word.said().unwrap_or_default();
            let leads = opens || PREFIXES.contains(&said) || word.beginning().starts_with(b"-");
            now.surely &= opens;
            now.belongs = said == b"repeat";
            now.begins = leads || word.may_vanish();
            if !leads || said == b"exec" {
                now.names.push(now.words.len());
            }
        }
        now.words.push(word);
        (now.names.len() <= MOST_NAMES).then_some(())
    }

    /// Ends the command.
    fn end(
        &mut self,
        now: &mut Current,
        is_forked: bool,
        visit: &mut Option<Visit<'_>>,
    ) -> Option<()> {
        let is_forked = is_forked && self.cases == 0 && now.is_simple();
        if is_forked {
            self.operands.truncate(now.operands);
        }
        now.end(is_forked, visit)?;
        now.operands = self.operands.len();
        Some(())
    }

    /// Tells what was found besides commands.
    fn tell(&mut self, visit: Visit<'_>) -> Option<()> {
        if self.has_quoted_values {
            visit(Found::QuotedValue)?;
        }
        for name in &self.filled {
            visit(Found::Filled(name))?;
        }
        self.operands
            .iter()
            .try_for_each(|operand| visit(Found::Operand(operand)))
    }
}
