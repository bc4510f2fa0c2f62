//! What a piece of code does that bears on which code its shell runs.
mod commands;
mod numbers;

use std::collections::HashSet;

use super::compiled::words;
use super::lexer::{Assigned, Found, Part, Word, cut, is_name, is_reserved};
use super::mentions::{behind_comments, has, has_process, reckons, unquoted};
use super::names::{
    BEYOND, CODE, COUNTERS, DECLARERS, MODULES, MOVERS, NUMBERS, RECKONERS, WRITERS, is_calm,
    is_no_code, is_special, is_table, passes_no_command, sets_by_letter, takes_options,
};

/// How often code may be evaluated by code.
const DEEPEST: usize = 8;
/// Of more directories, files, variables or calls than these nothing is known.
const MOST: usize = 32;

/// Options by their letters.
const LETTERS: [(u8, Mark); 6] = [
    (b'P', Mark::Expands),
    (b'I', Mark::Odd),
    (b'I', Mark::PathDirs),
    (b'Q', Mark::PathDirs),
    (b'T', Mark::Searches),
    (b'y', Mark::Odd),
];

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
    /// The variables whose values it takes for numbers, and the shell's tables that it relies on.
    pub(super) counted: HashSet<Vec<u8>>,
    pub(super) keyed: HashSet<Vec<u8>>,
    /// The variables whose values must not be several words.
    pub(super) tested: HashSet<Vec<u8>>,
    /// The names in code that is compiled, where any may be taken so.
    pub(super) names: HashSet<Vec<u8>>,
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
    /// It has values that are not quoted; it has these take along what is joined to them.
    Loose,
    Expands,
    /// It may change files.
    Calls,
    /// It reckons with values, which may be expressions that assign to variables; with some that may be anything.
    Reckons,
    ReckonsWithData,
    /// It has names with a slash looked for in `PATH`, or reads redirections otherwise.
    PathDirs,
    /// It quotes text that would be a value.
    QuotedValues,
    /// It evaluates text; it has any word, or sign, stand for others.
    Evaluates,
    Replaces,
    /// It makes one quote of two in quotes; it has two of them.
    Quotes,
    TwoQuotes,
}

/// A variable named to give it values: those that are said.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) name: Vec<u8>,
    pub(super) values: Vec<Option<Vec<u8>>>,
    pub(super) kind: Kind,
}

/// What is known of the values of a variable, said or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// They are numbers, or there are none.
    Number,
    /// They are no lists.
    Text,
    Any,
}

impl Facts {
    /// What `code` does; None if that may be anything.
    pub(super) fn of(code: &[u8]) -> Option<Facts> {
        let code = behind_comments(code);
        let mut facts = Facts::told_by(unquoted(code))?;
        facts.mark(Mark::TwoQuotes, has(code, b"''"));
        facts.mark(Mark::Calls, has_process(code));
        facts.add(code, 0)?;
        Some(facts)
    }

    /// What compiled code does; None if that may be anything.
    pub(super) fn of_compiled(compiled: &[u8]) -> Option<Facts> {
        let mut facts = Facts::told_by(words(compiled)?)?;
        facts.mark(Mark::Calls, true);
        facts.mark(Mark::Reckons, true);
        facts.mark(Mark::ReckonsWithData, facts.plain.contains(&b'['));
        let names = facts.plain.split(|byte| !is_name(*byte));
        facts.names = names.map(<[u8]>::to_vec).collect();
        Some(facts)
    }

    /// What the words in code tell, wherever they stand.
    fn told_by(plain: Vec<u8>) -> Option<Facts> {
        let mut options = plain.to_ascii_lowercase();
        options.retain(|b| *b != b'_');
        let tells = |word: &[u8]| has(&options, word);
        if has(&plain, b"trap")
            || has(&plain, b"functions[")
            || has(&plain, b"aliases[")
            || tells(b"promptsubst")
            || tells(b"promptvars")
            || tells(b"histchars")
            || tells(b"magicequalsubst")
            || tells(b"zshdirectoryname")
        {
            return None;
        }
        let mut facts = Facts::default();
        let may_reckon = reckons(&plain);
        if may_reckon && has(&plain, b"::=") {
            return None;
        }
        facts.mark(Mark::Reckons, may_reckon);
        let has_words = tells(b"ignorebraces") || tells(b"ignoreclosebraces");
        facts.mark(Mark::PathDirs, tells(b"pathdirs") || has_words);
        facts.mark(
            Mark::Odd,
            tells(b"shwordsplit") || tells(b"globassign") || has_words,
        );
        facts.mark(Mark::Patterns, tells(b"globsubst"));
        facts.mark(
            Mark::Qualifiers,
            tells(b"extendedglob") || tells(b"bareglobqual"),
        );
        facts.mark(Mark::Expands, tells(b"rcexpandparam"));
        facts.mark(Mark::Quotes, tells(b"rcquotes"));
        facts.mark(Mark::Searches, tells(b"cdpath") || tells(b"cdablevars"));
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
                self.mark(Mark::Calls, true);
                if name.is_empty() {
                    // It is called with what is behind it.
                    self.passes_commands.insert(Vec::new());
                }
                self.functions.insert(name.to_vec());
                (name.is_empty() || !is_special(name)).then_some(())
            }
            Found::QuotedValue => {
                self.mark(Mark::QuotedValues, true);
                Some(())
            }
            Found::Loop => {
                self.mark(Mark::Repeats, true);
                Some(())
            }
            Found::Target(word) => {
                self.mark(Mark::Calls, true);
                self.mark(Mark::Loose, word.is_loose());
                Some(())
            }
            Found::Assignment(assigned) => {
                self.mark(Mark::Loose, assigned.value.is_none());
                self.assign(assigned)
            }
            Found::Filled(name) => self.give(name),
            Found::Operand(operand) => {
                self.reckon(operand);
                Some(())
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
        for (letter, mark) in LETTERS {
            self.mark(mark, sets_by_letter(said, arguments, letter));
        }
        self.mark(Mark::Calls, !is_calm(said) && !is_reserved(said));
        let is_count = |word: &Word| {
            word.said()
                .is_some_and(|said| said.iter().all(u8::is_ascii_digit))
        };
        let counts = COUNTERS.contains(&said) && !arguments.iter().all(is_count);
        self.mark(Mark::Reckons, RECKONERS.contains(&said) || counts);
        self.count(said, arguments);
        if takes_options(said) && has_hidden_options(arguments) {
            return None;
        }
        self.give_joined(said, arguments)?;
        match said {
            b"." | b"source" => {
                let mut named = arguments.iter();
                let is_end = |word: &&Word| word.said() == Some(b"--");
                let file = named.next().filter(|word| !is_end(word)).or(named.next())?;
                self.reads.push((file.clone(), said == b"source"));
                (self.reads.len() <= MOST).then_some(())
            }
            b"eval" => {
                self.mark(Mark::Evaluates, true);
                let said: Option<Vec<&[u8]>> = arguments.iter().map(Word::said).collect();
                self.add(&said?.join(&b' '), depth + 1).map(|_| ())
            }
            b"emulate" => self.emulate(arguments, depth),
            b"alias" => self.aliases(arguments, depth),
            _ if MOVERS.contains(&said) => {
                self.move_to(said, arguments);
                Some(())
            }
            _ if BEYOND.contains(&said) => None,
            b"enable" | b"disable" => {
                (all_said() && !options(b'r') && !options(b'p')).then_some(())
            }
            b"setopt" | b"unsetopt" => {
                (all_said() && !sets_by_letter(said, arguments, b'm')).then_some(())
            }
            b"set" => self.set(arguments),
            b"for" | b"foreach" | b"select" => self.each(arguments),
            b"function" => self.function(arguments),
            b"functions" => arguments.iter().try_for_each(|word| {
                let is_name = !word.beginning().starts_with(b"-");
                word.said().filter(|_| is_name).map(|_| ())
            }),
            b"exec" => (!options(b'a')).then_some(()),
            _ if DECLARERS.contains(&said) => self.declare(said, arguments),
            b"print" | b"printf" => self.print(arguments),
            // Behind two hyphens the name would be the next word.
            b"getopts" if arguments.first()?.said()? == b"--" => None,
            b"getopts" => self.give(arguments.get(1)?.said()?),
            b"zmodload" => operands().try_for_each(|word| {
                let is_known = |name: &[u8]| MODULES.contains(&name);
                word.said().filter(|name| is_known(name)).map(|_| ())
            }),
            b"zstyle" if options(b'e') => None,
            _ if WRITERS.contains(&said) => operands().try_for_each(|word| {
                let name = word.said()?.split(|b| *b == b'?').next()?;
                self.give(name)
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

    /// Notes a variable that is given a value which is not said.
    fn give(&mut self, name: &[u8]) -> Option<()> {
        self.give_all(name, vec![None], Kind::Any)
    }

    fn assign(&mut self, assigned: &Assigned<'_>) -> Option<()> {
        let value = assigned.value.map(<[u8]>::to_vec);
        let kind = match assigned {
            Assigned { is_list: true, .. } => Kind::Any,
            Assigned {
                is_number: true, ..
            } => Kind::Number,
            _ => Kind::Text,
        };
        self.give_all(assigned.name, vec![value], kind)
    }

    fn give_all(&mut self, name: &[u8], values: Vec<Option<Vec<u8>>>, kind: Kind) -> Option<()> {
        let is_argument = name.iter().all(u8::is_ascii_digit);
        self.mark(Mark::Odd, name == b"argv" || is_argument);
        let is_reckoned = NUMBERS.contains(&name) && kind != Kind::Number;
        self.mark(Mark::Reckons, is_reckoned);
        self.mark(Mark::ReckonsWithData, is_reckoned || name.contains(&b'['));
        let name = name.to_vec();
        let is_code = is_table(&name) && name != b"argv" && !CODE.contains(&name.as_slice())
            || CODE.contains(&name.as_slice())
                && !values
                    .iter()
                    .all(|value| value.as_deref().is_some_and(is_no_code));
        self.given.push(Given { name, values, kind });
        (!is_code).then_some(())
    }
}

/// Which argument gives the option of this letter.
fn option(arguments: &[Word], letter: u8) -> Option<usize> {
    let is_one =
        |word: &Word| matches!(word.beginning(), [b'-', rest @ ..] if rest.contains(&letter));
    arguments.iter().position(is_one)
}

/// Whether a word that is worked out may turn out to be an option, or is one in part.
fn has_hidden_options(arguments: &[Word]) -> bool {
    let mut takes_next = false;
    for word in arguments {
        let is_option = matches!(word.beginning(), [b'-' | b'+', ..]);
        match word.said() {
            Some(b"-" | b"--") => return false,
            None if is_option || word.beginning().is_empty() => return true,
            // What is behind an option may be its value.
            _ if !is_option && !takes_next => return false,
            _ => takes_next = is_option,
        }
    }
    false
}
