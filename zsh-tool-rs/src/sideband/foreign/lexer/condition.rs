//! Conditions in double brackets.
use super::super::mentions::unquoted;
use super::operands::{Operand, is_plain_name};
use super::{Lexer, Word};

/// Comparisons of numbers in a condition.
pub(in super::super) const COMPARISONS: [&[u8]; 6] =
    [b"-eq", b"-ge", b"-gt", b"-le", b"-lt", b"-ne"];

impl Lexer<'_> {
    /// Reads what is behind `[[`, up to its end.
    pub(super) fn condition(&mut self) -> Option<()> {
        let mut words = Vec::new();
        loop {
            self.takes_blanks()?;
            match self.peek()? {
                b'&' if self.takes(b"&&") => {}
                b'|' if self.takes(b"||") => {}
                b'<' | b'>' if self.redirects() => self.at += 1,
                b'(' => {
                    let start = self.at;
                    self.pattern()?;
                    if may_compare(&unquoted(&self.code[start..self.at])) {
                        self.operands.push(Operand::Data);
                    }
                }
                b'\n' | b';' | b'&' | b'|' | b')' | b'#' => return None,
                _ => {
                    let word = self.word()?;
                    let is_end = word.bare() == Some(b"]]");
                    words.push(word);
                    if is_end {
                        self.compared(&words);
                        return Some(());
                    }
                }
            }
        }
    }

    /// Notes the numbers among the words of a condition, and where they stand.
    pub(super) fn compared(&mut self, words: &[Word]) {
        for (index, word) in words.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| words.get(before));
            let behind = words.get(index + 1);
            match (word.said(), behind) {
                (Some(said), _) if COMPARISONS.contains(&said) => {
                    let numbers = before.into_iter().chain(behind);
                    self.operands.extend(numbers.filter_map(Word::operand));
                }
                (Some(b"-t"), Some(number)) if number.bare() != Some(b"]]") => {
                    self.operands.extend(number.operand());
                }
                (Some(b"-v"), Some(name)) if !is_plain_name(name) => {
                    self.operands.push(Operand::Data);
                }
                _ => {}
            }
        }
    }
}

/// Whether what stands in parentheses may be a condition that takes text for numbers.
fn may_compare(plain: &[u8]) -> bool {
    plain
        .split(|byte| b" \t\n()!&|<>;".contains(byte))
        .any(|word| matches!(word, b"-t" | b"-v") || COMPARISONS.contains(&word))
}
