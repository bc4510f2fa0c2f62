//! Where the shell itself takes text for numbers.
use super::super::mentions::{LONGEST_USE, place_of};
use super::Lexer;
use super::operands::{KEYED, Operand, is_key, is_modifier, name_length, operands};

/// Parameters that are one sign.
pub(super) const SINGLE: &[u8] = b"@*#?!-";
/// What is behind a colon that asks for no part of a value.
pub(super) const NO_OFFSET: &[u8] = b"-=+?#|*^";

impl Lexer<'_> {
    /// Notes what the expression in this stretch of code takes for numbers.
    pub(super) fn arithmetic(&mut self, start: usize, end: usize) {
        match operands(&self.code[start..end]) {
            Some(found) => self.operands.extend(found),
            None => self.operands.push(Operand::Data),
        }
    }

    /// Notes the subscripts from `at` on, up to `end`, of the parameter of this name. Gives where they end.
    pub(super) fn subscripts(&mut self, name: &[u8], mut at: usize, end: usize) -> usize {
        while at < end && self.code[at] == b'[' {
            let inner = &self.code[at + 1..end];
            let Some(length) = place_of(b']', inner) else {
                self.operands.push(Operand::Data);
                return end;
            };
            let key = &inner[..length];
            if KEYED.contains(&name) && is_key(key) {
                self.operands.push(Operand::Key(name.to_vec()));
            } else if !matches!(key, b"@" | b"*") {
                self.arithmetic(at + 1, at + 1 + length);
            }
            at += length + 2;
        }
        at
    }

    /// Notes what is behind a parameter that was read from `start` on, unless it stands in braces: subscripts, and modifiers.
    pub(super) fn behind(&mut self, start: usize) {
        let code = self.code;
        let read = &code[start..self.at];
        // The name may be behind signs, which are all that was read then.
        let is_read = read.iter().any(|byte| !b"#=^+".contains(byte));
        let single = matches!(self.rest(), [byte, ..] if SINGLE.contains(byte) || *byte == b'$');
        let behind = match name_length(self.rest()) {
            _ if is_read => 0,
            0 => usize::from(single),
            length => length,
        };
        let after = self.at + behind;
        let name = if is_read { read } else { &code[self.at..after] };
        let end = code.len().min(after + LONGEST_USE);
        let after = self.subscripts(name, after, end);
        if is_modifier(&code[after..]) && self.last_times >= Some(after) {
            self.operands.push(Operand::Data);
        }
    }

    /// Notes the keys of a list from `start` up to `end`, as in `([2]=x)`.
    pub(super) fn keys(&mut self, start: usize, end: usize) {
        self.bracketed(start, end, |behind| {
            matches!(behind, [b'=', ..] | [b'+', b'=', ..])
        });
    }

    /// Notes the numbers among the qualifiers from `start` up to `end`, as in `*(om[1])`.
    pub(super) fn qualifiers(&mut self, start: usize, end: usize) {
        if last_times(&self.code[start..end]).is_some() {
            self.operands.push(Operand::Data);
        }
        self.bracketed(start, end, |_| true);
    }

    /// Notes what stands in brackets that are followed by what `counts`.
    fn bracketed(&mut self, start: usize, end: usize, counts: impl Fn(&[u8]) -> bool) {
        let mut open = start;
        for at in start..end {
            match self.code[at] {
                b'[' => open = at + 1,
                b']' => {
                    if counts(&self.code[at + 1..end]) {
                        self.arithmetic(open, at);
                    }
                    // One more without its other half is in no expression.
                    open = at;
                }
                _ => {}
            }
        }
    }

    /// Notes that a line of a here-document may have arithmetic in it.
    pub(super) fn in_document(&mut self, start: usize, end: usize) {
        let line = &self.code[start..end];
        let may_reckon = self.last_times >= Some(start)
            || (0..line.len()).any(|at| match &line[at..] {
                [b'$', b'[', ..] | [b'$', b'(', b'(', ..] => true,
                [b'$', b'{', rest @ ..] => {
                    let near = &rest[..rest.len().min(LONGEST_USE)];
                    let Some(end) = place_of(b'}', near) else {
                        return true;
                    };
                    let inner = &near[..end];
                    let is_offset = |pair: &[u8]| pair[0] == b':' && !NO_OFFSET.contains(&pair[1]);
                    inner.contains(&b'[') || inner.windows(2).any(is_offset)
                }
                [b'$', rest @ ..] => {
                    let signs = rest
                        .iter()
                        .take_while(|byte| b"#=^+~".contains(byte))
                        .count();
                    let name = name_length(&rest[signs..]);
                    let single = rest.get(signs).is_some_and(|byte| SINGLE.contains(byte));
                    let length = signs + name + usize::from(name == 0 && single);
                    rest.get(length) == Some(&b'[')
                }
                _ => false,
            });
        if may_reckon {
            self.operands.push(Operand::Data);
        }
    }
}

/// Where the last modifier stands that takes a number, how often the next one applies, or that takes text which may hide it.
pub(super) fn last_times(code: &[u8]) -> Option<usize> {
    let mut is_modifier = false;
    let mut last = None;
    for (at, byte) in code.iter().enumerate() {
        is_modifier = match byte {
            b':' => true,
            b'&' => is_modifier,
            _ => is_modifier && byte.is_ascii_alphabetic(),
        };
        if is_modifier && matches!(byte, b'F' | b'W') {
            last = Some(at);
        }
    }
    last
}
