//! What stands in `${…}`.
use super::super::mentions::place_of;
use super::super::names::is_table;
use super::arithmetic::{NO_OFFSET, SINGLE};
use super::operands::{Operand, is_modifier, name_length};
use super::{JOINED, Lexer, Part, Word, is_name};

impl Lexer<'_> {
    /// Passes over `{…}` behind `$`.
    pub(super) fn braces(&mut self, in_quotes: bool) -> Option<()> {
        self.at += 1;
        let start = self.at;
        let flags = if self.peek() == Some(b'(') {
            place_of(b')', self.rest())?
        } else {
            0
        };
        loop {
            match self.peek()? {
                // What is given instead of a value may be a pattern that finds files.
                b'(' if !in_quotes && self.at > start => {
                    if self.at <= start + flags {
                        return None;
                    }
                    self.pattern()?;
                }
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                b'{' if !in_quotes => return None,
                b'\\' if self.rest().starts_with(JOINED) => return None,
                b'\\' => self.at += 2,
                b'\'' if !in_quotes => {
                    self.at += 1;
                    self.at += place_of(b'\'', self.rest())? + 1;
                }
                b'"' => self.deeper(|lexer| lexer.double_quotes(&mut Word::default()))?,
                b'`' => self.backticks()?,
                b'$' => {
                    self.dollar(in_quotes)?;
                }
                _ => self.at += 1,
            }
        }
    }

    /// Notes what stands in `${…}`: subscripts, offsets, numbers of flags.
    pub(super) fn in_braces(&mut self, start: usize, end: usize) {
        let mut at = start;
        if self.code[start..end].starts_with(b"(") {
            let length = place_of(b')', &self.code[start..end]);
            let flags = length.map(|length| &self.code[start + 1..start + length]);
            at += length.map_or(0, |length| length + 1);
            // The text that a flag takes may hold the first `)`, and more flags be behind that.
            let takes_text =
                flags.is_some_and(|flags| flags.iter().any(|b| b"jslrIZg_".contains(b)));
            let has_more = takes_text && self.code[at..end].contains(&b')');
            if has_more || !flags.is_some_and(are_plain) {
                self.operands.push(Operand::Data);
            }
        }
        while at < end && b"#=^+".contains(&self.code[at]) {
            at += 1;
        }
        let named = at;
        at += name_length(&self.code[at..end]);
        if at == named && at < end && SINGLE.contains(&self.code[at]) {
            at += 1;
        } else if at == named {
            // Another one in its place, or text, may have any of these.
            if self.code[at..end].iter().any(|byte| b"[:=".contains(byte)) {
                self.operands.push(Operand::Data);
            }
            return;
        }
        let name = self.code[named..at].to_vec();
        at = self.subscripts(&name, at, end);
        match &self.code[at..end] {
            [b'=', ..] | [b':', b'=', ..] | [b':', b':', b'=', ..] => self.filled.push(name),
            behind if is_modifier(behind) && self.last_times >= Some(at) => {
                self.operands.push(Operand::Data);
            }
            behind if is_modifier(behind) => {}
            [b':', next, ..] if !NO_OFFSET.contains(next) => self.arithmetic(at + 1, end),
            _ => {}
        }
    }
}

/// Whether the flags of a parameter take no number but one that is said, nor a value for a name or expression.
fn are_plain(flags: &[u8]) -> bool {
    (0..flags.len()).all(|at| match &flags[at..] {
        [b'#' | b'P', ..] | [b'l' | b'r' | b'I'] => false,
        [b'l' | b'r' | b'I', open, rest @ ..] => {
            let close = match open {
                b'(' => b')',
                b'[' => b']',
                b'{' => b'}',
                b'<' => b'>',
                other => *other,
            };
            let end = place_of(close, rest);
            end.is_some_and(|end| rest[..end].iter().all(u8::is_ascii_digit))
        }
        _ => true,
    })
}

/// Whether what stands in `${…}` is how long a value or list is, or a number of the shell's.
fn is_count(text: &[u8]) -> bool {
    let of = text.strip_prefix(b"#").map(|of| {
        let list = of.strip_suffix(b"[@]").or_else(|| of.strip_suffix(b"[*]"));
        list.unwrap_or(of)
    });
    matches!(text, b"?" | b"$" | b"#@" | b"#*")
        || of.is_some_and(|of| of.iter().all(|b| is_name(*b)))
}

/// What stands in `${…}` is; None if it may run code or give any variable a value.
pub(super) fn inside(text: &[u8]) -> Option<Part> {
    if !text.is_empty() && text.iter().all(|b| is_name(*b)) {
        let is_number = text.iter().all(u8::is_ascii_digit);
        return Some(if is_number {
            Part::Argument
        } else {
            Part::Value(text.to_vec())
        });
    }
    if matches!(text, b"@" | b"*") {
        return Some(Part::Argument);
    }
    if is_count(text) {
        return Some(Part::Number);
    }
    // Flags may have the value evaluated, or name the variable that gets one; what is said may be taken for a pattern.
    let end = text.iter().rposition(|b| *b == b')').unwrap_or_default();
    let flags = text.strip_prefix(b"(").map_or(&b""[..], |_| &text[..end]);
    let evaluates = flags.iter().any(|b| b"e%".contains(b));
    // A name behind flags, or a number, is no assignment that would be noticed.
    let signs = text.iter().take_while(|b| b"#=^+~".contains(b)).count();
    let name = &text[signs..];
    let is_number = name.first().is_some_and(u8::is_ascii_digit);
    let gives = name.contains(&b'=') && (!flags.is_empty() || is_number || is_table(name));
    (!evaluates && !gives && !text.contains(&b'~')).then_some(Part::Unknown)
}
