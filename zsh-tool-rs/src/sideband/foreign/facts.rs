//! What a piece of code does that bears on which code its shell runs.
use std::collections::HashSet;

use super::lexer::{Found, Part, Word, assignment, cut, is_reserved};
use super::mentions::{has, place_of, unquoted};
use super::names::{
    BEYOND, CODE, DECLARERS, MODULES, MOVERS, TABLES, WRITERS, is_no_code, is_special,
    passes_no_command, sets_by_letter,
};

/// How often code may be evaluated by code.
const DEEPEST: usize = 8;
/// Of more directories, files, variables or calls than these nothing is known.
const MOST: usize = 32;

/// What is known of a piece of code.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The code without what quotes in it.
    pub(super) plain: Vec<u8>,
    /// The names of files that it reads as code, and whether the working directory comes before `PATH`.
    pub(super) reads: Vec<(Word, bool)>,
    /// Where it changes to.
    pub(super) moves: Vec<Word>,
    /// Commands that are the value of a variable, and what is behind that in the word.
    pub(super) called: Vec<(Vec<u8>, Vec<u8>)>,
    /// The values that it gives to variables.
    pub(super) given: Vec<Given>,
    pub(super) marks: HashSet<Mark>,
    /// The functions it defines, and the commands it calls with what may be another command.
    functions: HashSet<Vec<u8>>,
    passes_commands: HashSet<Vec<u8>>,
}

/// What matters of a piece of code as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mark {
    /// It may change to any directory; it has a directory that is changed to looked for elsewhere.
    Lost,
    Searches,
    /// Some of its commands may run more than once, or in another order.
    Repeats,
    /// It runs what it, or a function, was called with.
    RunsArguments,
    /// It gives the shell arguments of its own, or commands other names, or has it do as another shell does.
    Odd,
    /// It makes patterns of values, which may qualify files by code; it allows that in other shells.
    Patterns,
    Qualifiers,
    /// It has values that are not quoted.
    Loose,
    /// It makes one quote of two in quotes; it has two of them.
    Quotes,
    TwoQuotes,
}

/// A variable named to give it values: those that are said.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) name: Vec<u8>,
    pub(super) values: Vec<Option<Vec<u8>>>,
}

impl Facts {
    /// What `code` does; None if that may be anything.
    pub(super) fn of(code: &[u8]) -> Option<Facts> {
        let plain = unquoted(code);
        let mut options = plain.to_ascii_lowercase();
        options.retain(|b| *b != b'_');
        if has(&plain, b"trap")
            || has(&plain, b"functions[")
            || has(&plain, b"aliases[")
            || has(&plain, b"options[")
            || has(&options, b"promptsubst")
        {
            return None;
        }
        let mut facts = Facts::default();
        let marked = [
            (Mark::Patterns, has(&options, b"globsubst")),
            (
                Mark::Qualifiers,
                has(&options, b"extendedglob") || has(&options, b"bareglobqual"),
            ),
            (Mark::Quotes, has(&options, b"rcquotes")),
            (Mark::TwoQuotes, has(code, b"''")),
            (Mark::Searches, has(&options, b"cdpath")),
            (Mark::Searches, has(&options, b"cdablevars")),
        ];
        let marked = marked.iter().filter(|(_, is_so)| *is_so);
        facts.marks.extend(marked.map(|(mark, _)| *mark));
        facts.add(code, 0)?;
        facts.plain = plain;
        Some(facts)
    }

    pub(super) fn is(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }

    fn mark(&mut self, mark: Mark, is_so: bool) {
        if is_so {
            self.marks.insert(mark);
        }
    }

    /// Whether any piece of code may run as a command what it calls a function with, and that may run other code.
    pub(super) fn may_run_arguments<'a, I>(all: &I, is_odd: bool) -> bool
    where
        I: Iterator<Item = &'a Facts> + Clone,
    {
        let is_function = |name: &[u8]| all.clone().any(|facts| facts.functions.contains(name));
        // That one gets whatever is no command.
        let gets_all = is_function(b"command_not_found_handler");
        // A name that is worked out may be any function's.
        let is_passed = |name: &Vec<u8>| gets_all || name.is_empty() || is_function(name);
        let mut passed = all.clone().flat_map(|facts| &facts.passes_commands);
        all.clone().any(|facts| facts.is(Mark::RunsArguments)) && (is_odd || passed.any(is_passed))
    }

    fn add(&mut self, code: &[u8], depth: usize) -> Option<bool> {
        if depth > DEEPEST {
            return None;
        }
        cut(code, &mut |found| match found {
            Found::Command(name, arguments) => self.command(name, arguments, depth),
            Found::Function(name) => {
                self.mark(Mark::Repeats, true);
                self.functions.insert(name.to_vec());
                Some(())
            }
            Found::Loop => {
                self.mark(Mark::Repeats, true);
                Some(())
            }
            Found::Target(word) => {
                self.mark(Mark::Loose, word.is_loose());
                Some(())
            }
            Found::Assignment(name, value) => {
                self.mark(Mark::Loose, value.is_none());
                self.give(name, value)
            }
        })
    }

    fn command(&mut self, name: &Word, arguments: &[Word], depth: usize) -> Option<()> {
        let is_loose = name.is_loose() || arguments.iter().any(Word::is_loose);
        self.mark(Mark::Loose, is_loose);
        // A function may have a slash in its name too.
        if arguments.iter().any(|word| !passes_no_command(word)) {
            let name = name.said().unwrap_or_default();
            self.passes_commands.insert(name.to_vec());
        }
        if name.is_path() {
            return Some(());
        }
        let Some(said) = name.said() else {
            return self.worked_out(name);
        };
        let operands = || {
            arguments
                .iter()
                .filter(|word| !word.beginning().starts_with(b"-"))
        };
        let all_said = || arguments.iter().all(|word| word.said().is_some());
        let options = |letter: u8| option(arguments, letter).is_some();
        self.mark(Mark::Searches, sets_by_letter(said, arguments, b'T'));
        match said {
            b"." | b"source" => {
                self.reads
                    .push((operands().next()?.clone(), said == b"source"));
                (self.reads.len() <= MOST).then_some(())
            }
            b"eval" => {
                let said: Option<Vec<&[u8]>> = arguments.iter().map(Word::said).collect();
                self.add(&said?.join(&b' '), depth + 1).map(|_| ())
            }
            b"emulate" => self.emulate(arguments, depth),
            b"alias" => arguments
                .iter()
                .try_for_each(|word| self.alias(word.said()?, depth)),
            _ if MOVERS.contains(&said) => {
                self.move_to(arguments);
                Some(())
            }
            _ if BEYOND.contains(&said) => None,
            b"enable" | b"disable" => (all_said() && !options(b'r')).then_some(()),
            b"setopt" | b"unsetopt" => (all_said() && !options(b'm')).then_some(()),
            b"set" => self.set(arguments),
            b"for" | b"foreach" | b"select" => self.each(arguments),
            b"function" => self.function(arguments),
            b"functions" => (!options(b'u') && !options(b'U')).then_some(()),
            b"exec" => (!options(b'a')).then_some(()),
            _ if DECLARERS.contains(&said) => self.declare(arguments),
            b"print" | b"printf" => self.print(arguments),
            b"getopts" => self.give(operands().nth(1)?.said()?, None),
            b"zmodload" => operands().try_for_each(|word| {
                let is_known = |name: &[u8]| MODULES.contains(&name);
                word.said().filter(|name| is_known(name)).map(|_| ())
            }),
            b"zstyle" if options(b'e') => None,
            _ if WRITERS.contains(&said) => operands().try_for_each(|word| {
                let name = word.said()?.split(|b| *b == b'?').next()?;
                self.give(name, None)
            }),
            _ => Some(()),
        }
    }

    /// A command whose name is worked out while the code runs.
    fn worked_out(&mut self, name: &Word) -> Option<()> {
        match name.parts.as_slice() {
            [Part::Value(variable)] => self.called.push((variable.clone(), Vec::new())),
            [Part::Value(variable), Part::Said(rest), more @ ..]
                if more.is_empty() || rest.contains(&b'/') =>
            {
                self.called.push((variable.clone(), rest.clone()));
            }
            [Part::Argument] => self.mark(Mark::RunsArguments, true),
            _ => return None,
        }
        (self.called.len() <= MOST).then_some(())
    }

    /// Notes a variable that is given a value.
    fn give(&mut self, name: &[u8], value: Option<&[u8]>) -> Option<()> {
        self.give_all(name, vec![value.map(<[u8]>::to_vec)])
    }

    fn give_all(&mut self, name: &[u8], values: Vec<Option<Vec<u8>>>) -> Option<()> {
        self.mark(Mark::Odd, name == b"argv");
        let name = name.to_vec();
        let is_code = TABLES.contains(&name.as_slice())
            || CODE.contains(&name.as_slice())
                && !values
                    .iter()
                    .all(|value| value.as_deref().is_some_and(is_no_code));
        self.given.push(Given { name, values });
        (!is_code).then_some(())
    }

    fn move_to(&mut self, arguments: &[Word]) {
        let mut operands = arguments
            .iter()
            .filter(|word| word.parts.is_empty() || !word.beginning().starts_with(b"-"));
        match (operands.next(), operands.next()) {
            (Some(target), None) if arguments.len() == 1 => self.moves.push(target.clone()),
            (None, None) if arguments.is_empty() => self.moves.push(Word::home()),
            _ => self.mark(Mark::Lost, true),
        }
        self.mark(Mark::Lost, self.moves.len() > MOST);
    }

    fn emulate(&mut self, arguments: &[Word], depth: usize) -> Option<()> {
        let said: Option<Vec<&[u8]>> = arguments.iter().map(Word::said).collect();
        let said = said?;
        let shell = said.iter().find(|word| !word.starts_with(b"-"));
        self.mark(Mark::Odd, shell != Some(&&b"zsh"[..]));
        let code = said.iter().position(|word| *word == b"-c");
        if let Some(at) = code {
            self.add(said.get(at + 1)?, depth + 1)?;
        }
        // A letter that is given with others would have to be understood.
        let has_more =
            |word: &&[u8]| word.starts_with(b"-") && word.contains(&b'c') && *word != b"-c";
        (!said.iter().any(has_more)).then_some(())
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
                takes_more |= said.is_none_or(|said| is_special(said) && !MOVERS.contains(&said));
            }
            Some(())
        })?;
        self.mark(Mark::Lost, moves);
        if is_special(name) || is_reserved(name) || is_open || takes_more {
            return None;
        }
        self.add(value, depth + 1).map(|_| ())
    }

    /// What is printed may go to a variable, or be evaluated as a prompt is.
    fn print(&mut self, arguments: &[Word]) -> Option<()> {
        if option(arguments, b'P').is_some() {
            arguments
                .iter()
                .try_for_each(|word| word.said().map(|_| ()))?;
        }
        match option(arguments, b'v') {
            Some(at) => self.give(arguments.get(at + 1)?.said()?, None),
            None => Some(()),
        }
    }

    fn function(&mut self, arguments: &[Word]) -> Option<()> {
        self.mark(Mark::Repeats, true);
        let names = arguments
            .iter()
            .take_while(|word| word.said() != Some(b"{"));
        for name in names {
            self.functions.insert(name.said()?.to_vec());
        }
        Some(())
    }

    fn set(&mut self, arguments: &[Word]) -> Option<()> {
        let Some(first) = arguments.first() else {
            return Some(());
        };
        if first.beginning().starts_with(b"-A") || first.beginning().starts_with(b"+A") {
            return self.give(arguments.get(1)?.said()?, None);
        }
        // Options come first; what is behind them becomes the shell's arguments.
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.said()? {
                b"--" => {
                    self.mark(Mark::Odd, true);
                    break;
                }
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
    fn each(&mut self, arguments: &[Word]) -> Option<()> {
        self.mark(Mark::Repeats, true);
        let of = arguments
            .iter()
            .position(|word| word.said() == Some(b"in"))
            .unwrap_or(arguments.len());
        let (names, values) = arguments.split_at(of);
        let mut said: Vec<_> = values
            .iter()
            .skip(1)
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
            .try_for_each(|name| self.give_all(name.said()?, said.clone()))
    }

    /// A declaration of variables, with values or without.
    fn declare(&mut self, arguments: &[Word]) -> Option<()> {
        let options = |word: &Word| matches!(word.beginning(), [b'-' | b'+', ..]);
        let changes = |word: &Word| word.beginning().iter().any(|b| b"LRTZlnu".contains(b));
        let is_changed = arguments.iter().any(|word| options(word) && changes(word));
        // A function's code would be looked for, or names be patterns.
        let has = |letter: u8| {
            let has = |word: &Word| options(word) && word.beginning().contains(&letter);
            arguments.iter().any(has)
        };
        if has(b'f') && (has(b'u') || has(b'U')) || has(b'm') {
            return None;
        }
        for word in arguments.iter().filter(|word| !options(word)) {
            let said = word.said();
            match assignment(word.beginning()) {
                Some((name, value)) => {
                    self.give(name, said.filter(|_| !is_changed).map(|_| value))?;
                }
                None => self.give_all(said?, Vec::new())?,
            }
        }
        Some(())
    }
}

/// Which argument gives the option of this letter.
fn option(arguments: &[Word], letter: u8) -> Option<usize> {
    let is_one =
        |word: &Word| matches!(word.beginning(), [b'-', rest @ ..] if rest.contains(&letter));
    arguments.iter().position(is_one)
}
