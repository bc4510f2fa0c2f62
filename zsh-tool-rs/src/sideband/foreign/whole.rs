//! Whether what was taken for granted about single pieces of code holds for all of them together.
use std::collections::{HashMap, HashSet};

use super::facts::{Facts, Kind, Mark};
use super::lexer::{is_name, is_number};
use super::mentions::{has_joined, mentions};
use super::names::{CODE, NUMBERS, is_known, is_no_code, is_shells_own, is_special, takes_numbers};
use super::{Start, is_plain, leads_elsewhere, value};

impl Start<'_> {
    /// Whether what was taken for granted about the pieces holds for all of them.
    pub(super) fn is_understood(&self) -> bool {
        let all = || self.pieces.iter();
        let any = |mark: Mark| all().any(|facts| facts.is(mark));
        let is_odd = any(Mark::Odd);
        let has_patterns = any(Mark::Patterns) || is_odd && any(Mark::Qualifiers);
        let has_moved =
            self.is_moved && (any(Mark::Searches) || value(self.env, b"CDPATH").is_some());
        let is_lost = || self.is_lost || has_moved || leads_elsewhere(self.cwd);
        let reads = || all().any(|facts| !facts.reads.is_empty());
        let is_doubtful = self.is_relative && is_lost()
            || any(Mark::Quotes) && (any(Mark::TwoQuotes) || any(Mark::Evaluates))
            || any(Mark::Replaces) && (any(Mark::Evaluates) || reads())
            || any(Mark::ReckonsWithData)
            || !self.reckons_with_numbers()
            || all().any(|facts| is_odd && !facts.tested.is_empty())
            || any(Mark::Reckons) && any(Mark::QuotedValues)
            || any(Mark::Reckons) && !self.used.is_empty()
            || any(Mark::PathDirs) && reads()
            || (has_patterns || any(Mark::Expands)) && any(Mark::Loose)
            || value(self.env, b"HISTCHARS").is_some()
            || CODE
                .iter()
                .any(|name| !value(self.env, name).is_none_or(is_no_code))
            || Facts::may_run_arguments(&all(), is_odd);
        let called: HashSet<_> = all().flat_map(|facts| &facts.called).collect();
        let mut called = called.into_iter();
        !is_doubtful
            && self.used.iter().all(|name| self.mentions(name) == 0)
            && called.all(|(name, rest)| !is_odd && self.calls_no_other(name, rest))
    }

    /// Whether a command that is the value of a variable, and `rest`, is none that runs other code.
    fn calls_no_other(&self, variable: &[u8], rest: &[u8]) -> bool {
        let given: Vec<_> = self
            .pieces
            .iter()
            .flat_map(|piece| &piece.given)
            .filter(|given| given.name == variable)
            .collect();
        let is_harmless = |value: &[u8]| {
            let name = [value, rest].concat();
            let is_other = !is_special(&name) && !takes_numbers(&name);
            let is_other = name.is_empty() || name.contains(&b'/') || is_other;
            is_plain(&name) && is_other && !name.starts_with(b"-")
        };
        let in_env = value(self.env, variable);
        let is_known = in_env.is_some() || !given.is_empty();
        is_known
            && !is_shells_own(variable)
            && given.len() == self.mentions(variable)
            && is_harmless(b"")
            && in_env.is_none_or(is_harmless)
            && given
                .iter()
                .flat_map(|given| &given.values)
                .all(|value| value.as_deref().is_some_and(is_harmless))
    }

    /// Whether the values that are taken for numbers are such, and those that must not be lists are none.
    fn reckons_with_numbers(&self) -> bool {
        let all = || self.pieces.iter();
        let mut given: HashMap<&[u8], Kind> = HashMap::new();
        for one in all().flat_map(|piece| &piece.given) {
            let kind = given.entry(&one.name).or_insert(one.kind);
            *kind = one.kind.max(*kind);
        }
        let in_env = |name: &[u8]| value(self.env, name);
        let is_number_in_env = |name: &[u8]| in_env(name).is_none_or(is_number);
        let is_compiled = |name: &[u8]| all().any(|piece| piece.names.contains(name));
        // The name of a compiled start-up file is none of the shell's own.
        let is_own = |name: &[u8]| is_known(name) && name != b"zshenv";
        let is_data = |name: &[u8]| {
            is_own(name) && !NUMBERS.contains(&name)
                || given.get(name).is_some_and(|kind| *kind > Kind::Number)
        };
        let is_joined = |name: &[u8]| all().any(|piece| has_joined(&piece.plain, name));
        let is_counted = |name: &[u8]| {
            NUMBERS.contains(&name)
                || !is_data(name)
                    && is_number_in_env(name)
                    && !is_compiled(name)
                    && !is_joined(name)
        };
        let is_table = |name: &[u8]| {
            let is_left = !given.contains_key(name) && in_env(name).is_none();
            is_left && !is_compiled(name) && !is_joined(name)
        };
        // What compiled code takes for a number is not to be seen, nor what a value of the environment leads to.
        let is_tame = |name: &[u8]| {
            let value = in_env(name).unwrap_or_default();
            let mut names = value.split(|byte| !is_name(*byte));
            !value.contains(&b'[') && names.all(|name| !is_data(name) && is_number_in_env(name))
        };
        let mut numbers = NUMBERS.iter().filter(|name| **name != b"status");
        numbers.all(|name| is_number_in_env(name))
            && all().all(|piece| {
                piece.counted.iter().all(|name| is_counted(name))
                    && piece.keyed.iter().all(|name| is_table(name))
                    && piece
                        .tested
                        .iter()
                        .all(|name| given.get(name.as_slice()) != Some(&Kind::Any))
                    && piece
                        .names
                        .iter()
                        .all(|name| !is_data(name) && is_tame(name))
            })
    }

    /// How often the pieces name a variable but to use its value.
    pub(super) fn mentions(&self, variable: &[u8]) -> usize {
        self.pieces
            .iter()
            .map(|piece| mentions(&piece.plain, variable))
            .sum()
    }
}
