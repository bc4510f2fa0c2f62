//! What single commands take for numbers.
use super::super::lexer::{Operand, Part, Word, is_number, is_plain_name, operands};
use super::super::mentions::{has, place_of};
use super::super::names::{COUNTERS, NUMBERS, UNFOLLOWED, is_known};
use super::{Facts, MOST, Mark, option};

/// Operators of `test` that stand between two words.
const BETWEEN: [&[u8]; 14] = [
    b"=", b"==", b"!=", b"<", b">", b"-ef", b"-eq", b"-ge", b"-gt", b"-le", b"-lt", b"-ne", b"-nt",
    b"-ot",
];

impl Facts {
    /// Notes what is taken for a number.
    pub(super) fn reckon(&mut self, operand: &Operand) {
        match operand {
            Operand::Data => self.mark(Mark::ReckonsWithData, true),
            Operand::Value(name) => {
                self.counted.insert(name.clone());
                // In another locale, a name ends before a byte that is none of ASCII.
                let is_sure = name.is_ascii() && self.counted.len() <= MOST;
                self.mark(Mark::ReckonsWithData, !is_sure);
            }
            Operand::Key(table) => _ = self.keyed.insert(table.clone()),
        }
    }

    /// Notes what a command of this name takes for numbers.
    pub(super) fn count(&mut self, name: &[u8], arguments: &[Word]) {
        // Behind the brace that ends a group there is no argument.
        let is_end = |word: &Word| word.bare() == Some(b"}");
        let length = arguments.iter().position(is_end);
        let arguments = &arguments[..length.unwrap_or(arguments.len())];
        match name {
            b"[" => {
                let end = arguments.last().filter(|word| word.said() == Some(b"]"));
                let length = arguments.len() - usize::from(end.is_some());
                // Its last word may turn out to be the bracket that is missing.
                let is_said = arguments.iter().all(|word| word.said().is_some());
                self.with_data(end.is_none() && !is_said);
                self.test(&arguments[..length]);
            }
            b"test" => self.test(arguments),
            b"let" => arguments.iter().for_each(|word| self.reckon_all(word)),
            b"printf" => self.print_formatted(arguments),
            b"print" if option(arguments, b'f').is_some() => self.with_data(true),
            b"strftime" if option(arguments, b'r').is_some() => self.with_data(true),
            b"read" => self.read(arguments),
            _ if UNFOLLOWED.contains(&name) => self.with_data(true),
            _ if COUNTERS.contains(&name) => self.all_counted(arguments),
            _ => {}
        }
    }

    fn with_data(&mut self, is_so: bool) {
        self.mark(Mark::ReckonsWithData, is_so);
    }

    fn all_counted(&mut self, words: &[Word]) {
        let found = words.iter().filter_map(Word::operand);
        found.for_each(|operand| self.reckon(&operand));
    }

    /// Notes an expression that is a word.
    fn reckon_all(&mut self, word: &Word) {
        match word.said().and_then(operands) {
            Some(found) => found.iter().for_each(|operand| self.reckon(operand)),
            None => self.with_data(true),
        }
    }

    /// Of what `test` looks at, `-t` takes a number, and `-v` a name that may have a subscript. Comparisons take no expressions.
    fn test(&mut self, arguments: &[Word]) {
        let mut words = arguments;
        while let [first, rest @ ..] = words
            && first.said() == Some(b"!")
        {
            words = rest;
        }
        let is_plain = match words {
            [] | [_] => true,
            [operator, word] => match operator.said() {
                Some(b"-t") => {
                    self.all_counted(std::slice::from_ref(word));
                    true
                }
                Some(b"-v") => is_plain_name(word),
                Some(said) => said.starts_with(b"-"),
                None => false,
            },
            [first, operator, last] => {
                let said = operator.said().unwrap_or_default();
                let is_first = first.said().is_none_or(|said| said == b"-t");
                if let ([b'-', name @ ..], true, true) = (said, is_first, last.is_loose()) {
                    // Without the last word, what is left may be `-t` and a number.
                    self.reckon(&Operand::Value(name.to_vec()));
                }
                BETWEEN.contains(&said)
            }
            _ => false,
        };
        let is_said = words.iter().all(|word| {
            word.said()
                .is_some_and(|said| said != b"-t" && said != b"-v")
        });
        self.with_data(!is_said && (!is_plain || words.iter().any(|word| word.spreads)));
        // A list would be several words.
        for part in words
            .iter()
            .filter(|word| word.is_loose())
            .flat_map(|word| &word.parts)
        {
            if let Part::Value(name) = part
                && !NUMBERS.contains(&name.as_slice())
            {
                let is_small = name.first().is_some_and(u8::is_ascii_lowercase);
                self.with_data(is_small && is_known(name));
                self.tested.insert(name.clone());
            }
        }
    }

    /// A format may have its arguments be numbers.
    fn print_formatted(&mut self, arguments: &[Word]) {
        let mut words = arguments;
        while let [first, rest @ ..] = words {
            // Any other option is taken for the format.
            match first.beginning() {
                b"-" | b"--" => {
                    words = rest;
                    break;
                }
                b"-v" => words = rest.get(1..).unwrap_or_default(),
                [b'-', b'v', ..] => words = rest,
                _ => break,
            }
        }
        let Some((format, arguments)) = words.split_first() else {
            return;
        };
        match format.said() {
            _ if arguments.is_empty() && !format.spreads && !format.is_loose() => {}
            Some(format) if is_text(format) => {}
            Some(_) => self.all_counted(arguments),
            None => self.with_data(true),
        }
    }

    /// The time that `read` waits may be an expression.
    fn read(&mut self, arguments: &[Word]) {
        for (at, word) in arguments.iter().enumerate() {
            let [b'-', letters @ ..] = word.beginning() else {
                continue;
            };
            let Some(place) = place_of(b't', letters) else {
                continue;
            };
            let next = arguments
                .get(at + 1)
                .and_then(Word::said)
                .unwrap_or_default();
            let is_time = next.first().is_some_and(u8::is_ascii_digit);
            self.with_data(!is_number(&letters[place + 1..]) || is_time && !is_number(next));
        }
    }
}

/// Whether a format of `printf` takes its arguments for text alone.
fn is_text(format: &[u8]) -> bool {
    // A percent sign may be written by its number too.
    if has(format, b"\\u") || has(format, b"\\U") {
        return false;
    }
    let mut rest = format;
    while let Some(at) = place_of(b'%', rest) {
        rest = &rest[at + 1..];
        let is_width = |byte: &&u8| b"-+ 0.".contains(byte) || byte.is_ascii_digit();
        let length = rest.iter().take_while(is_width).count();
        match rest.get(length) {
            Some(b's' | b'b' | b'q' | b'c' | b'%') => rest = &rest[length + 1..],
            _ => return false,
        }
    }
    true
}
