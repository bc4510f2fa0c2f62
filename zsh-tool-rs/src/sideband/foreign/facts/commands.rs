//! What single commands do that bear on which code their shell runs.
use super::super::lexer::{Found, Word, assignment, cut, is_reserved};
use super::super::mentions::place_of;
use super::super::names::{MOVERS, WRITERS, is_special, takes_numbers};
use super::{Facts, Kind, MOST, Mark, option};

impl Facts {
    pub(super) fn move_to(&mut self, name: &[u8], arguments: &[Word]) {
        match arguments {
            [target] if !matches!(target.beginning(), [b'-' | b'+', ..]) => {
                self.moves.push(target.clone());
            }
            [] if !name.starts_with(b"p") => self.moves.push(Word::home()),
            _ => self.mark(Mark::Lost, true),
        }
        self.mark(Mark::Lost, self.moves.len() > MOST);
    }

    pub(super) fn emulate(&mut self, arguments: &[Word], depth: usize) -> Option<()> {
        let said: Option<Vec<&[u8]>> = arguments.iter().map(Word::said).collect();
        let said = said?;
        let shell = said.iter().find(|word| !word.starts_with(b"-"));
        self.mark(Mark::Odd, shell != Some(&&b"zsh"[..]));
        let code = said.iter().position(|word| *word == b"-c");
        if let Some(at) = code {
            self.mark(Mark::Evaluates, true);
            self.add(said.get(at + 1)?, depth + 1)?;
        }
        // A letter that is given with others would have to be understood.
        let has_more = |word: &&[u8]| {
            matches!(word, [b'-' | b'+', ..]) && word.contains(&b'c') && *word != b"-c"
        };
        (!said.iter().any(has_more)).then_some(())
    }

    pub(super) fn aliases(&mut self, arguments: &[Word], depth: usize) -> Option<()> {
        let replaces = |word: &Word| match word.beginning() {
            [b'-', letters @ ..] => letters.contains(&b'g'),
            said => said.starts_with(b"+"),
        };
        self.mark(Mark::Replaces, arguments.iter().any(replaces));
        let mut words = arguments.iter();
        words.try_for_each(|word| self.alias(word.said()?, depth))
    }

    /// An alias may stand for code, and takes the words behind it along.
    fn alias(&mut self, said: &[u8], depth: usize) -> Option<()> {
        let Some(end) = place_of(b'=', said) else {
            return Some(());
        };
        let (name, value) = (&said[..end], &said[end + 1..]);
        self.mark(Mark::Odd, true);
        self.mark(Mark::Repeats, true);
        let (mut takes_more, mut moves) = (false, false);
        let is_open = cut(value, &mut |found| {
            if let Found::Command(name, _) = found {
                let said = name.said();
                moves |= said.is_some_and(|said| MOVERS.contains(&said));
                takes_more |= said.is_none_or(|said| {
                    is_special(said) && !MOVERS.contains(&said)
                        || takes_numbers(said)
                        || is_reserved(said)
                });
            }
            Some(())
        })?;
        self.mark(Mark::Lost, moves);
        // Where it stands for part of a list or condition, these would end that, or hide its end.
        let ends_more = value.iter().any(|byte| b")]#".contains(byte));
        if is_special(name) || is_reserved(name) || is_open || takes_more || ends_more {
            return None;
        }
        self.add(value, depth + 1).map(|_| ())
    }

    /// The name of a variable may be joined to the option that takes it, as in `print -vx`.
    pub(super) fn give_joined(&mut self, command: &[u8], arguments: &[Word]) -> Option<()> {
        let is_writer = WRITERS.contains(&command);
        for word in arguments.iter().filter(|_| is_writer) {
            let [b'-', letters @ ..] = word.beginning() else {
                continue;
            };
            for (at, letter) in letters.iter().enumerate().take(MOST) {
                let name = &letters[at + 1..];
                if b"ves".contains(letter) && !name.is_empty() {
                    self.give(name)?;
                }
            }
        }
        Some(())
    }

    /// What is printed may go to a variable, or be evaluated as a prompt is.
    pub(super) fn print(&mut self, arguments: &[Word]) -> Option<()> {
        if option(arguments, b'P').is_some() {
            let is_text = |said: &&[u8]| !said.iter().any(|byte| b"$`".contains(byte));
            arguments
                .iter()
                .try_for_each(|word| word.said().filter(is_text).map(|_| ()))?;
        }
        let is_name =
            |word: &Word| matches!(word.beginning(), [b'-', rest @ ..] if rest.contains(&b'v'));
        for (at, _) in arguments
            .iter()
            .enumerate()
            .filter(|(_, word)| is_name(word))
        {
            let name = arguments.get(at + 1).map_or(Some(&b""[..]), Word::said)?;
            self.give(name)?;
        }
        Some(())
    }

    pub(super) fn function(&mut self, arguments: &[Word]) -> Option<()> {
        self.mark(Mark::Repeats, true);
        self.mark(Mark::Calls, true);
        let names = arguments
            .iter()
            .take_while(|word| word.said() != Some(b"{"));
        let mut is_nameless = true;
        for name in names {
            let name = name.said().filter(|name| !is_special(name))?;
            self.functions.insert(name.to_vec());
            is_nameless = false;
        }
        if is_nameless {
            // It is called with what is behind it.
            self.passes_commands.insert(Vec::new());
        }
        Some(())
    }

    pub(super) fn set(&mut self, arguments: &[Word]) -> Option<()> {
        let Some(first) = arguments.first() else {
            return Some(());
        };
        if matches!(first.said(), Some(b"-A" | b"+A")) {
            return self.give(arguments.get(1)?.said()?);
        }
        // Options come first; what is behind them becomes the shell's arguments.
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.said()? {
                b"--" => {
                    self.mark(Mark::Odd, true);
                    break;
                }
                [b'-' | b'+', letters @ ..] if letters.contains(&b'A') => return None,
                option @ [b'-' | b'+', _, ..] => {
                    if option.ends_with(b"o") {
                        words.next().map_or(Some(b"".as_slice()), Word::said)?;
                    }
                }
                _ => self.mark(Mark::Odd, true),
            }
        }
        Some(())
    }

    /// The variables of a loop, and what they become.
    pub(super) fn each(&mut self, arguments: &[Word]) -> Option<()> {
        self.mark(Mark::Repeats, true);
        // A variable may be called so too.
        let of = arguments
            .iter()
            .skip(1)
            .position(|word| word.said() == Some(b"in"))
            .map_or(arguments.len(), |at| at + 1);
        let (names, values) = arguments.split_at(of);
        let words = || values.iter().skip(1);
        let are_numbers = !values.is_empty() && words().all(|word| word.operand().is_none());
        let kind = if are_numbers {
            Kind::Number
        } else {
            Kind::Text
        };
        let mut said: Vec<_> = words()
            .map(|word| word.said().map(<[u8]>::to_vec))
            .collect();
        if values.is_empty() {
            said.push(None);
        }
        if names.len() > MOST {
            return None;
        }
        names
            .iter()
            .try_for_each(|name| self.give_all(name.said()?, said.clone(), kind))
    }

    /// A declaration of variables, with values or without.
    pub(super) fn declare(&mut self, command: &[u8], arguments: &[Word]) -> Option<()> {
        let is_number = matches!(command, b"integer" | b"float");
        let options = |word: &Word| matches!(word.beginning(), [b'-' | b'+', ..]);
        let changes = |word: &Word| word.beginning().iter().any(|b| b"LRTZlnu".contains(b));
        let is_changed = arguments.iter().any(|word| options(word) && changes(word));
        // A function's code would be looked for, or names be patterns.
        let has = |letter: u8| {
            let has = |word: &Word| options(word) && word.beginning().contains(&letter);
            arguments.iter().any(has)
        };
        if has(b'f') && (has(b'u') || has(b'U')) || has(b'm') || has(b'T') {
            return None;
        }
        let reckons = has(b'i') || has(b'E') || has(b'F');
        self.mark(Mark::Reckons, reckons);
        let are_lists = has(b'a') || has(b'A');
        for word in arguments.iter().filter(|word| !options(word)) {
            let said = word.said();
            let assigned = assignment(word.beginning());
            let name = assigned.map_or(said, |(name, _)| Some(name))?;
            if reckons || is_number {
                self.counted.insert(name.to_vec());
            }
            match assigned {
                Some((_, value)) => {
                    let value = said.filter(|_| !is_changed).map(|_| value.to_vec());
                    let is_element = word.beginning().get(name.len()) == Some(&b'[');
                    let kind = match word {
                        _ if is_changed || are_lists || is_element => Kind::Any,
                        word if word.assigns_number() => Kind::Number,
                        word if word.spreads => Kind::Any,
                        _ => Kind::Text,
                    };
                    self.mark(Mark::ReckonsWithData, is_element);
                    self.give_all(name, vec![value], kind)?;
                }
                None if is_changed || are_lists => self.give(name)?,
                None => self.give_all(name, Vec::new(), Kind::Number)?,
            }
        }
        Some(())
    }
}
