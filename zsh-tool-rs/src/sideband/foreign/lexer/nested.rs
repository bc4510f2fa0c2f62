//! What stands in a word, or around commands, and is passed over: groups, patterns, quotes, what begins with `$`.
use std::mem;

use super::super::mentions::place_of;

use super::braces::inside;
use super::word::Ending;
use super::{Current, DEEPEST, Found, JOINED, Lexer, Part, Visit, Word, assignment, is_name};

/// Loops over a list that may stand in parentheses.
const LOOPS: [&[u8]; 3] = [b"for", b"foreach", b"select"];

impl Lexer<'_> {
    /// Passes over parentheses that begin a word: a subshell, the arguments of a function, the words of a loop, a pattern.
    pub(super) fn parentheses(
        &mut self,
        now: &mut Current,
        visit: &mut Option<Visit<'_>>,
    ) -> Option<()> {
        let (start, found) = (self.at, self.operands.len());
        if !self.rest().starts_with(b"(#") {
            let is_subshell = now.begins && now.surely;
            if !is_subshell {
                self.list_of_words(false)?;
            } else if self.cases == 0 {
                self.subshell(true)?;
            } else {
                self.group(true)?;
            }
        }
        if self.at == start || !self.ends_word() {
            self.at = start;
            self.operands.truncate(found);
            self.pattern()?;
        }
        let inner = &self.code[start + 1..self.at - 1];
        let first = now.words.first().and_then(Word::bare).unwrap_or_default();
        let is_repeated = first == b"repeat" && now.words.len() == 1;
        let is_named = now.words.iter().any(|word| word.bare() == Some(b"in"));
        let is_list = LOOPS.contains(&first) && !is_named || is_repeated || self.cases > 0;
        let is_function = inner.trim_ascii().is_empty();
        let is_argument = !(now.begins && now.surely || is_list || is_function);
        if is_argument {
            // A pattern that finds files.
            let end = self.at;
            self.at = start;
            self.pattern()?;
            if self.at != end {
                return None;
            }
        }
        if is_argument || !self.ends_word() {
            let mut word = self.word()?;
            word.ending = Ending::Plain;
            word.parts.insert(0, Part::Unknown);
            word.spreads = true;
            if mem::take(&mut now.belongs) {
                return visit
                    .as_mut()
                    .map_or(Some(()), |visit| visit(Found::Target(&word)));
            }
            if now.begins {
                now.names.push(now.words.len());
            }
            now.words.push(word);
            return Some(());
        }
        if let (Some(visit), true) = (visit.as_mut(), is_function) {
            // One without a name is called at once.
            let names = if now.begins {
                &[Word::default()][..]
            } else {
                &now.words
            };
            for name in names {
                visit(Found::Function(name.said()?))?;
            }
        }
        // Behind the words of a loop a command begins, behind an argument none.
        let is_over = now.words.is_empty() || is_function;
        self.end(now, false, visit)?;
        now.surely = is_over;
        Some(())
    }

    /// Passes over parentheses in a word: an array, the mark of a function, a pattern.
    pub(super) fn inner_parentheses(&mut self, start: usize, word: &mut Word) -> Option<()> {
        let raw = &self.code[start..self.at];
        // In another locale this is no name.
        if raw.ends_with(b"=") && assignment(raw).is_some_and(|(name, _)| !name.is_ascii()) {
            return None;
        }
        if raw == b"=" || assignment(raw).is_some_and(|(_, value)| value.is_empty()) {
            let before = (self.at, self.in_condition, self.allows_comments);
            let (found, lists) = (self.operands.len(), self.lists);
            word.is_hazardous = raw != b"=" && self.pattern().is_none();
            (self.at, self.in_condition, self.allows_comments) = before;
            self.operands.truncate(found);
            self.lists = lists;
            let is_substitution = raw == b"=";
            if is_substitution {
                self.subshell(true)?;
            } else {
                self.list_of_words(true)?;
                self.keys(before.0, self.at);
            }
            word.ending = Ending::Array;
        } else if raw.ends_with(b"=") {
            // A substitution, or a pattern, as options say.
            return None;
        } else if self.takes(b"()") {
            word.ending = Ending::Function;
            return self.ends_word().then_some(());
        } else {
            self.pattern()?;
        }
        word.spreads = true;
        word.add(Part::Unknown);
        Some(())
    }

    /// Passes over the parentheses of a pattern, unless they may qualify the files found by code. In a condition no files are found.
    pub(super) fn pattern(&mut self) -> Option<()> {
        let start = self.at;
        let (mut is_choice, mut has_values) = (self.in_condition, false);
        self.deeper(|lexer| {
            lexer.at += 1;
            loop {
                match lexer.peek()? {
                    b')' => break,
                    // A comment, or not, as options say.
                    b'#' => return None,
                    b'(' => {
                        lexer.pattern()?;
                        continue;
                    }
                    b'|' => is_choice = true,
                    b'\\' => lexer.at += 1,
                    b'\'' => {
                        lexer.at += 1;
                        lexer.at += place_of(b'\'', lexer.rest())?;
                    }
                    b'"' => {
                        lexer.double_quotes(&mut Word::default())?;
                        continue;
                    }
                    b'`' => {
                        has_values = true;
                        lexer.backticks()?;
                        continue;
                    }
                    b'$' => {
                        has_values = true;
                        lexer.dollar(false)?;
                        continue;
                    }
                    _ => {}
                }
                lexer.at += 1;
            }
            lexer.at += 1;
            if !is_choice {
                lexer.qualifiers(start + 1, lexer.at - 1);
            }
            let inner = &lexer.code[start + 1..lexer.at - 1];
            let runs_code = has_values || inner.contains(&b'e') || inner.contains(&b'+');
            (!inner.starts_with(b"#q") && (is_choice || !runs_code)).then_some(())
        })
    }

    pub(super) fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        let is_more = self.groups == 0;
        self.groups = self.groups.saturating_sub(1);
        let read = if is_more || self.depth > DEEPEST {
            None
        } else {
            read(self)
        };
        self.depth -= 1;
        read
    }

    /// Passes over a calculation behind `((`; None if it may be something else.
    pub(super) fn calculation(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            match self.peek()? {
                b'(' => open += 1,
                b')' if open > 0 => open -= 1,
                b')' => return self.takes(b"))").then_some(()),
                b'$' => {
                    self.dollar(true)?;
                    continue;
                }
                b'\'' | b'"' | b'`' | b'\\' | b'{' | b'}' | b'\n' | b'#' => return None,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Passes over a calculation behind `$[`.
    fn old_calculation(&mut self) -> Option<()> {
        let start = self.at;
        let mut open = 0_usize;
        loop {
            match self.peek()? {
                b'[' => open += 1,
                b']' if open > 0 => open -= 1,
                b']' => {
                    self.arithmetic(start, self.at);
                    self.at += 1;
                    return Some(());
                }
                b'$' => {
                    self.value(true)?;
                    continue;
                }
                b'\'' | b'"' | b'`' | b'\\' | b'{' | b'}' | b'\n' | b'#' => return None,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Reads what stands in double quotes.
    pub(super) fn double_quotes(&mut self, word: &mut Word) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => {
                    self.at += 1;
                    let escaped = self.peek()?;
                    self.at += 1;
                    self.has_quoted_values |= escaped == b'$' && self.peek() == Some(b'{');
                    match escaped {
                        b'\n' => {}
                        b'$' | b'`' | b'"' | b'\\' => word.push(&[escaped]),
                        _ => word.push(&[b'\\', escaped]),
                    }
                }
                b'`' => {
                    self.backticks()?;
                    word.add(Part::Unknown);
                }
                b'$' => {
                    let from = self.at;
                    let part = self.dollar(true)?;
                    word.spreads |= self.is_list(from);
                    word.add(part);
                }
                _ => {
                    let rest = self.rest();
                    let length = rest.iter().position(|b| b"\"\\`$".contains(b))?;
                    word.push(&self.code[self.at..self.at + length]);
                    self.at += length;
                }
            }
        }
    }

    /// Reads what begins with `$`.
    pub(super) fn dollar(&mut self, in_quotes: bool) -> Option<Part> {
        let part = self.value(in_quotes)?;
        // What is behind that may belong to it.
        (!self.rest().starts_with(JOINED)).then_some(part)
    }

    fn value(&mut self, in_quotes: bool) -> Option<Part> {
        self.at += 1;
        let next = self.peek();
        match next {
            Some(b'\'') if !in_quotes => {
                self.at += 1;
                while self.peek()? != b'\'' {
                    self.at += 1 + usize::from(self.peek()? == b'\\');
                }
                self.at += 1;
                Some(Part::Unknown)
            }
            Some(b'(') => {
                let is_number = self.rest().starts_with(b"((");
                self.subshell(true)?;
                Some(if is_number {
                    Part::Number
                } else {
                    Part::Unknown
                })
            }
            Some(b'{') => {
                let start = self.at + 1;
                self.deeper(|lexer| lexer.braces(in_quotes))?;
                self.in_braces(start, self.at - 1);
                inside(&self.code[start..self.at - 1])
            }
            Some(b'@' | b'*') => {
                self.at += 1;
                self.behind(self.at - 1);
                Some(self.unless_changed(Part::Argument))
            }
            Some(byte) if byte.is_ascii_digit() => {
                let start = self.at;
                self.at += self
                    .rest()
                    .iter()
                    .take_while(|b| b.is_ascii_digit())
                    .count();
                self.behind(start);
                Some(self.unless_changed(Part::Argument))
            }
            Some(byte) if is_name(byte) => {
                let length = self.rest().iter().take_while(|b| is_name(**b)).count();
                let name = self.rest()[..length].to_vec();
                self.at += length;
                self.behind(self.at - length);
                Some(self.unless_changed(Part::Value(name)))
            }
            Some(b'[') => {
                self.at += 1;
                self.old_calculation()?;
                Some(Part::Number)
            }
            Some(byte) if b"?!-$".contains(&byte) => {
                self.at += 1;
                self.behind(self.at - 1);
                let is_number = byte != b'-';
                Some(self.unless_changed(if is_number {
                    Part::Number
                } else {
                    Part::Unknown
                }))
            }
            Some(byte) if b"#=^+~".contains(&byte) => {
                let rest = self.rest();
                let signs = rest.iter().take_while(|b| b"#=^+~".contains(b)).count();
                // What a value says would be taken for a pattern, which may run code.
                let is_pattern = rest[..signs].contains(&b'~');
                // How many arguments there are.
                let is_number = signs == 1
                    && byte == b'#'
                    && !matches!(rest.get(1), Some(next) if is_name(*next) || b"@*?!$-".contains(next));
                self.at += signs;
                self.behind(self.at - signs);
                let part = if is_number {
                    self.unless_changed(Part::Number)
                } else {
                    Part::Unknown
                };
                (!is_pattern).then_some(part)
            }
            _ => Some(Part::Said(b"$".to_vec())),
        }
    }

    /// What a value is unless part of it is taken, or it is changed by what is behind it.
    fn unless_changed(&self, part: Part) -> Part {
        match self.rest() {
            [b'[', ..] => Part::Unknown,
            [b':', next, ..] if next.is_ascii_alphabetic() => Part::Unknown,
            _ => part,
        }
    }
}
