//! What arithmetic takes for numbers: each is an expression to the shell, which may run code in its subscripts.
//!
//! Calculations, subscripts, offsets and the like are looked at where the shell itself expands them.
use super::super::mentions::place_of;
use super::super::names::NUMBERS;
use super::{Part, Word, is_name};

/// What is taken for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Operand {
    /// What may be any expression.
    Data,
    /// The value of the variable of this name.
    Value(Vec<u8>),
    /// None, as long as this is the shell's own table, whose keys are none.
    Key(Vec<u8>),
}

/// What stands between operands.
const SIGNS: &[u8] = b"+-*/%<>=!&|^~?:,;() \t";
/// Tables of the shell's whose keys are no numbers.
pub(super) const KEYED: [&[u8]; 2] = [b"builtins", b"commands"];

/// Whether text is a number, however it is joined to others: without names and subscripts it runs nothing.
pub(in super::super) fn is_number(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| byte.is_ascii_digit() || b"-.".contains(byte))
}

/// The operands of an expression. None if one may be anything.
pub(in super::super) fn operands(expression: &[u8]) -> Option<Vec<Operand>> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut is_behind_operand = false;
    while let Some(&byte) = expression.get(at) {
        let rest = &expression[at..];
        let length = if byte == b'$' {
            let before = at.checked_sub(1).map_or(b' ', |before| expression[before]);
            let (length, operand) = value(rest)?;
            let is_joined = |byte: u8| is_name(byte) || b".#".contains(&byte);
            if is_behind_operand
                || is_joined(before)
                || rest.get(length).is_some_and(|next| is_joined(*next))
            {
                return None;
            }
            found.extend(operand);
            length
        } else if byte.is_ascii_digit() {
            literal(rest)?
        } else if is_name(byte) {
            let length = name_length(rest);
            // A function, or an element of a list.
            if matches!(rest.get(length), Some(b'(' | b'[')) {
                return None;
            }
            found.push(Operand::Value(rest[..length].to_vec()));
            length
        } else if SIGNS.contains(&byte) {
            1
        } else {
            return None;
        };
        is_behind_operand = !SIGNS.contains(&byte);
        at += length;
    }
    Some(found)
}

/// How long the number is that stands here; None if it is none for certain.
fn literal(rest: &[u8]) -> Option<usize> {
    let is_part = |byte: &&u8| is_name(**byte) || b".#".contains(byte);
    let length = rest.iter().take_while(is_part).count();
    let digits = rest[..length].strip_prefix(b"0x");
    let is_hex = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    (is_hex || is_number(&rest[..length])).then_some(length)
}

/// How long a value is in an expression, and what it stands for unless that is a number for certain.
fn value(rest: &[u8]) -> Option<(usize, Option<Operand>)> {
    let (length, operand) = match rest {
        [b'$', b'{', b'#', inner @ ..] => {
            let end = name_length(inner);
            let all = matches!(&inner[end..], [b'[', b'@' | b'*', b']', ..]);
            let end = end + if all { 3 } else { 0 };
            let length = (inner.get(end) == Some(&b'}')).then_some(end + 4)?;
            return unless_changed(rest, length, None);
        }
        [b'$', b'{', inner @ ..] => {
            let end = name_length(inner);
            let name = inner[..end].to_vec();
            let is_whole = inner.get(end) == Some(&b'}') && is_variable(&name);
            (end + 3, is_whole.then_some(Operand::Value(name)))
        }
        [b'$', b'+', inner @ ..] => {
            let end = name_length(inner);
            let name = &inner[..end];
            let key = inner[end..].strip_prefix(b"[")?;
            let length = place_of(b']', key)?;
            let is_known = KEYED.contains(&name) && is_key(&key[..length]);
            (
                end + length + 4,
                is_known.then(|| Operand::Key(name.to_vec())),
            )
        }
        [b'$', b'#', name @ ..] => return unless_changed(rest, 2 + name_length(name), None),
        [b'$', b'?' | b'$', ..] => return unless_changed(rest, 2, None),
        [b'$', name @ ..] => {
            let end = name_length(name);
            let name = name[..end].to_vec();
            (end + 1, is_variable(&name).then_some(Operand::Value(name)))
        }
        _ => return None,
    };
    unless_changed(rest, length, Some(operand?))
}

fn unless_changed(
    rest: &[u8],
    length: usize,
    operand: Option<Operand>,
) -> Option<(usize, Option<Operand>)> {
    let behind = &rest[length..];
    (!behind.starts_with(b"[") && !is_modifier(behind)).then_some((length, operand))
}

pub(super) fn name_length(text: &[u8]) -> usize {
    text.iter().take_while(|byte| is_name(**byte)).count()
}

/// Whether this names a variable, and no argument.
fn is_variable(name: &[u8]) -> bool {
    name.first().is_some_and(|byte| !byte.is_ascii_digit())
}

/// Whether a modifier is here.
pub(super) fn is_modifier(text: &[u8]) -> bool {
    matches!(text, [b':', next, ..] if next.is_ascii_alphabetic() || *next == b'&')
}

pub(super) fn is_key(key: &[u8]) -> bool {
    key.iter()
        .all(|byte| is_name(*byte) || b"-.".contains(byte))
}

impl Word {
    /// What is taken for a number where the word is; None if that is one for certain.
    pub(in super::super) fn operand(&self) -> Option<Operand> {
        let is_sure = |part: &Part| match part {
            Part::Said(text) => is_number(text),
            Part::Value(name) => NUMBERS.contains(&name.as_slice()),
            Part::Number => true,
            _ => false,
        };
        match self.parts.as_slice() {
            // What is joined to `Inf` is a name.
            [] | [_] if self.parts.iter().all(is_sure) => None,
            [Part::Said(sign), number]
                if matches!(sign.as_slice(), b"" | b"-") && is_sure(number) =>
            {
                None
            }
            [Part::Value(name)] => Some(Operand::Value(name.clone())),
            _ => Some(Operand::Data),
        }
    }
}

/// Whether a word is a variable's name, and no element of a list.
pub(in super::super) fn is_plain_name(word: &Word) -> bool {
    word.said()
        .is_some_and(|said| said.iter().all(|byte| is_name(*byte)))
}
