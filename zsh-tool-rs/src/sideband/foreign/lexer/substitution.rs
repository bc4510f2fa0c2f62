//! Commands in parentheses and backticks.
use std::mem;

use super::Lexer;

impl Lexer<'_> {
    /// Passes over commands in parentheses, or a calculation in two pairs of them.
    pub(super) fn group(&mut self, allows_comments: bool) -> Option<()> {
        let (start, around) = (self.at, (self.in_condition, self.allows_comments));
        self.deeper(|lexer| {
            if lexer.takes(b"((") {
                lexer.calculation()?;
                lexer.arithmetic(start + 2, lexer.at - 2);
            } else {
                lexer.at = start + 1;
                (lexer.in_condition, lexer.allows_comments) = (false, allows_comments);
                lexer.list(true, None)?;
            }
            (lexer.in_condition, lexer.allows_comments) = around;
            Some(())
        })
    }

    /// The same, where a process of its own runs the commands.
    pub(super) fn subshell(&mut self, allows_comments: bool) -> Option<()> {
        let (start, found) = (self.at, self.operands.len());
        let lists = mem::take(&mut self.lists);
        self.group(allows_comments)?;
        self.lists = lists;
        let is_calculation = self.code[start..].starts_with(b"((");
        // A file that is read for its text alone is named by the shell itself.
        if !is_calculation && !may_name_file(&self.code[start + 1..]) {
            self.operands.truncate(found);
        }
        Some(())
    }

    /// The same, where they are no commands, but the words of a list.
    pub(super) fn list_of_words(&mut self, allows_comments: bool) -> Option<()> {
        self.lists += 1;
        self.group(allows_comments)?;
        self.lists -= 1;
        Some(())
    }

    /// Passes over a substitution in backticks. None if the shell itself expands what is in there.
    pub(super) fn backticks(&mut self) -> Option<()> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek()? {
                b'`' => {
                    let inner = &self.code[start..self.at];
                    let has_values = inner.iter().any(|byte| b"$\\".contains(byte));
                    self.at += 1;
                    return (!has_values || !may_name_file(inner)).then_some(());
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }
}

/// Whether a substitution may be of a file's text, as `$(< file)` is.
fn may_name_file(inner: &[u8]) -> bool {
    let first = inner.iter().find(|byte| !b" \t\n".contains(byte));
    first.is_some_and(|byte| byte.is_ascii_digit() || b"<#{".contains(byte))
}
