//! Redirections and here-documents.
use super::super::mentions::{LONGEST_USE, place_of};
use super::{Current, Lexer, Operand, is_name};

/// A here-document that comes behind the line: the line that ends it.
pub(super) struct Document {
    end: Vec<u8>,
    is_quoted: bool,
    strips_tabs: bool,
}

impl Lexer<'_> {
    /// Whether the word that was read is the number of what is redirected behind it, or a variable for that.
    pub(super) fn is_redirected(&mut self, raw: &[u8]) -> Option<bool> {
        match raw {
            [digit] if digit.is_ascii_digit() => {
                Some(self.redirects() || self.rest().starts_with(b"&>"))
            }
            [b'{', name @ .., b'}'] if self.redirects() => {
                let is_variable = !name.is_empty() && name.iter().all(|b| is_name(*b));
                if is_variable {
                    // What it is given later is taken for a number too.
                    self.operands.push(Operand::Value(name.to_vec()));
                }
                // In another locale this may be no name.
                (!is_variable || name.is_ascii()).then_some(is_variable)
            }
            _ => Some(false),
        }
    }

    /// Whether `<` or `>` comes and begins a redirection, not a word.
    pub(super) fn redirects(&self) -> bool {
        match self.rest() {
            [b'<' | b'>', b'(', ..] => false,
            [b'<', rest @ ..] => {
                let range = rest
                    .iter()
                    .take_while(|b| b.is_ascii_digit() || **b == b'-');
                let length = range.count();
                !(rest[..length].contains(&b'-') && rest.get(length) == Some(&b'>'))
            }
            [b'>', ..] => true,
            _ => false,
        }
    }

    /// Reads a redirection up to the word that says to where.
    pub(super) fn redirection(&mut self, now: &mut Current) -> Option<()> {
        now.surely = false;
        if !self.takes(b"<<<") && self.takes(b"<<") {
            let strips_tabs = self.takes(b"-");
            self.takes_blanks()?;
            let word = self.word()?;
            now.documents.push(Document {
                end: word.said().filter(|end| !end.is_empty())?.to_vec(),
                is_quoted: word.bare().is_none(),
                strips_tabs,
            });
            return Some(());
        }
        let substitutes = |rest: &[u8]| matches!(rest, [b'<' | b'>', b'(', ..]);
        while self.peek().is_some_and(|b| b"<>&|!".contains(&b)) && !substitutes(self.rest()) {
            self.at += 1;
        }
        now.belongs = true;
        Some(())
    }

    /// Passes over the lines of a here-document, up to the line break of the one that ends it.
    pub(super) fn document(&mut self, document: &Document) -> Option<()> {
        while self.at < self.code.len() {
            let rest = self.rest();
            let length = place_of(b'\n', rest).unwrap_or(rest.len());
            let mut line = &rest[..length];
            while document.strips_tabs && line.starts_with(b"\t") {
                line = &line[1..];
            }
            if line == document.end {
                self.at += length;
                return Some(());
            }
            // A backslash joins the next line, which then might not be the end.
            if !document.is_quoted && (line.ends_with(b"\\") || is_hazardous(line)) {
                return None;
            }
            if !document.is_quoted {
                self.in_document(self.at, self.at + length);
            }
            self.at += length + 1;
        }
        None
    }
}

/// Whether the text of a here-document may run code or give any variable a value.
fn is_hazardous(line: &[u8]) -> bool {
    (0..line.len()).any(|at| match &line[at..] {
        [b'$', b'~' | b'=' | b'^', ..] => true,
        [b'$', b'{', rest @ ..] => {
            let near = &rest[..rest.len().min(LONGEST_USE)];
            let end = place_of(b'}', near);
            end.is_none_or(|end| near[..end].iter().any(|byte| b"(=~".contains(byte)))
        }
        _ => false,
    })
}
