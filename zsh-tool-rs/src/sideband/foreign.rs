//! Whether code besides what stands in the text may set traps in its shell.
//!
//! A trap for EXIT that is a string may run a pipeline of its own after the last one of the text, and is out of the hook's sight then.
//! So such code is looked for beforehand: in the user's own `.zshenv` and in every file that this or the text reads, and those read in
//! turn. What the text reads or evaluates without showing it may hold anything; a start-up file that does so is trusted, or its user
//! would never be told a code. Files are looked at once more when the text has ended: it may have made or changed them.
use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use memchr::memmem;

/// A longer file is not searched, and taken to set some.
const LONGEST: usize = 1 << 20;
/// Of more files than these, one is taken to set some; in more folders, a file may be anywhere.
const MOST: usize = 32;

/// How many words of a command are looked at: what is read comes first, or behind a few options.
const WORDS: usize = 8;

/// What ends a command, wherever it stands.
const SEPARATORS: &[u8] = b"\n;&|()`";
/// Words after which a command begins, wherever they stand.
const OPENERS: [&[u8]; 8] = [
    b"{", b"do", b"elif", b"else", b"if", b"then", b"until", b"while",
];
/// Words that leave it to the next one to be the command.
const PREFIXES: [&[u8]; 8] = [
    b"!",
    b"}",
    b"builtin",
    b"command",
    b"eval",
    b"nocorrect",
    b"noglob",
    b"time",
];
/// Values that make a command of a variable whose text reads or evaluates more code, or leave that to the next word.
const READERS: [&[u8]; 6] = [b".", b"source", b"eval", b"emulate", b"builtin", b"command"];
/// What in a name stands for something else.
const MAGIC: &[u8] = b"$`*?[]{}<>~";

/// The files whose code `text` may have a shell run that gets it with `env` in `cwd`, some of them perhaps not there yet. None if code
/// besides the text sets traps, or may do so as far as anybody can tell.
#[must_use]
pub fn harmless_files(text: &[u8], env: &[CString], cwd: &Path) -> Option<Vec<PathBuf>> {
    let own = own_files(env, cwd);
    if own.iter().any(|code| sets_traps(code)) {
        return None;
    }
    let start = Start {
        env,
        cwd,
        code: own.iter().map(Vec::as_slice).chain([text]).collect(),
    };
    let read = start.read_by(text);
    if read.unseen {
        return None;
    }
    // These are read before the text can change anything, so they are not looked at again.
    start.harmless(
        own.iter()
            .flat_map(|code| start.read_by(code).files)
            .collect(),
    )?;
    start.harmless(read.files)
}

/// Whether none of these files sets traps as they are now: the text may have changed them.
#[must_use]
pub(super) fn still_harmless(files: &[PathBuf]) -> bool {
    files
        .iter()
        .all(|place| code_at(place).is_some_and(|code| !sets_traps(&code)))
}

fn own_files(env: &[CString], cwd: &Path) -> Vec<Vec<u8>> {
    let folder = value(env, b"ZDOTDIR").or_else(|| value(env, b"HOME"));
    let Some(folder) = folder else {
        return Vec::new();
    };
    [".zshenv", ".zshenv.zwc"]
        .iter()
        .filter_map(|name| code_at(&cwd.join(path(folder)).join(name)))
        .collect()
}

fn sets_traps(code: &[u8]) -> bool {
    code.len() > LONGEST || memmem::find(code, b"trap").is_some()
}

/// The code that a shell would find there, which is nothing where no file is. None if it is for the shell alone to read, as from a pipe.
fn code_at(place: &Path) -> Option<Vec<u8>> {
    if place.starts_with("/dev") || place.starts_with("/proc") {
        return (place == Path::new("/dev/null")).then(Vec::new);
    }
    let mut code = Vec::new();
    match fs::metadata(place) {
        Ok(found) if found.is_file() => {
            if let Ok(file) = File::open(place) {
                file.take(LONGEST as u64 + 1).read_to_end(&mut code).ok()?;
            }
            Some(code)
        }
        Ok(found) if !found.is_dir() => None,
        _ => Some(code),
    }
}

fn value<'a>(env: &'a [CString], name: &[u8]) -> Option<&'a [u8]> {
    env.iter()
        .find_map(|entry| entry.to_bytes().strip_prefix(name)?.strip_prefix(b"="))
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// What a shell starts with: where, with which values, and the code that may give them others.
struct Start<'a> {
    env: &'a [CString],
    cwd: &'a Path,
    code: Vec<&'a [u8]>,
}

/// What a piece of code reads as code: where it may be, and whether there is more than can be seen.
#[derive(Default)]
struct ReadBy {
    files: Vec<PathBuf>,
    unseen: bool,
}

impl Start<'_> {
    /// All of these files and those read in turn, if none sets traps.
    fn harmless(&self, mut left: Vec<PathBuf>) -> Option<Vec<PathBuf>> {
        let mut found = HashSet::new();
        let mut searched = 0;
        while let Some(place) = left.pop() {
            if found.contains(&place) {
                continue;
            }
            let code = code_at(&place)?;
            found.insert(place);
            searched += usize::from(!code.is_empty());
            if searched > MOST || sets_traps(&code) {
                return None;
            }
            left.extend(self.read_by(&code).files);
        }
        Some(found.into_iter().collect())
    }

    fn read_by(&self, code: &[u8]) -> ReadBy {
        let mut read = ReadBy::default();
        let mut folders = vec![self.cwd.to_owned()];
        let mut names = 0;
        let mut gives = None;
        for words in commands(code) {
            let arguments = &words[1..];
            let name = bare(words[0]);
            match name.as_ref() {
                b"." | b"source" => {
                    names += 1;
                    match self.places(arguments.first(), &folders, true) {
                        Some(places) => read.files.extend(places),
                        None => read.unseen = true,
                    }
                }
                b"cd" | b"chdir" | b"pushd" => {
                    let target = arguments.iter().find(|word| !word.starts_with(b"-"));
                    match self.places(target.or(Some(&&b"~"[..])), &folders, false) {
                        // Once lost, lost for good: this one may move a subshell alone.
                        Some(places) if !folders.is_empty() => folders.extend(places),
                        _ => folders.clear(),
                    }
                }
                b"eval" => read.unseen |= is_made_up(code),
                b"emulate" => {
                    let runs = |word: &&[u8]| word.starts_with(b"-") && word.contains(&b'c');
                    read.unseen |= arguments.iter().any(runs) && is_made_up(code);
                }
                b"alias" => read.unseen |= *gives.get_or_insert_with(|| self.gives_reader()),
                name if name.starts_with(b"$") => {
                    names += 1;
                    read.unseen |= match self.expanded(name) {
                        Some(value) => READERS.contains(&value.as_slice()),
                        // What is worked out while the text runs is trusted.
                        None => *gives.get_or_insert_with(|| self.gives_reader()),
                    };
                }
                _ => {}
            }
            if folders.len() > MOST {
                folders.clear();
            }
            if names > MOST {
                read.unseen = true;
                break;
            }
        }
        read
    }

    /// Where `name` may be, None if only the shell can tell. A command's name without a slash is looked for in `PATH` too.
    fn places(
        &self,
        name: Option<&&[u8]>,
        folders: &[PathBuf],
        in_path: bool,
    ) -> Option<Vec<PathBuf>> {
        let name = self.expanded(name?)?;
        if name.starts_with(b"/") {
            return Some(vec![path(&name).to_owned()]);
        }
        if folders.is_empty() {
            return None;
        }
        let mut places: Vec<PathBuf> = folders.iter().map(|f| f.join(path(&name))).collect();
        if in_path && !name.contains(&b'/') {
            let listed = value(self.env, b"PATH").unwrap_or_default();
            places.extend(
                listed
                    .split(|b| *b == b':')
                    .map(|folder| self.cwd.join(path(folder)).join(path(&name))),
            );
        }
        Some(places)
    }

    fn expanded(&self, word: &[u8]) -> Option<Vec<u8>> {
        let odd = |quote: u8| memchr::memchr_iter(quote, word).count() % 2 == 1;
        let bare = bare(word);
        if odd(b'\'') || odd(b'"') || bare.starts_with(b"=") {
            return None;
        }
        let (start, rest) = self.beginning(&bare)?;
        let plain = !rest.is_empty() || !start.is_empty();
        (plain && !rest.iter().any(|b| MAGIC.contains(b))).then(|| [start, rest].concat())
    }

    /// The value that a name begins with, and the rest of it.
    fn beginning<'b>(&'b self, name: &'b [u8]) -> Option<(&'b [u8], &'b [u8])> {
        if name == b"~" || name.starts_with(b"~/") {
            return Some((self.steady(b"HOME")?, &name[1..]));
        }
        let Some(variable) = name.strip_prefix(b"$") else {
            return Some((b"", name));
        };
        let (variable, rest) = match variable.strip_prefix(b"{") {
            Some(inner) => {
                let end = memchr::memchr(b'}', inner)?;
                (&inner[..end], &inner[end + 1..])
            }
            None => variable.split_at(
                variable
                    .iter()
                    .position(|b| !b.is_ascii_alphanumeric() && *b != b'_')
                    .unwrap_or(variable.len()),
            ),
        };
        match variable {
            b"PWD" => Some((b".", rest)),
            _ => Some((self.steady(variable)?, rest)),
        }
    }

    /// Whether a word of the code assigns, or gives for want of a value, the name of a command that reads code.
    fn gives_reader(&self) -> bool {
        let gives = |word: &[u8]| {
            let word = bare(word);
            let word = word.strip_suffix(b"}").unwrap_or(&word);
            memchr::memrchr2(b'=', b'-', word).is_some_and(|at| READERS.contains(&&word[at + 1..]))
        };
        self.code.iter().any(|code| {
            code.split(|b| SEPARATORS.contains(b) || b" \t".contains(b))
                .any(gives)
        })
    }

    /// The value of a variable that no code names but to use it.
    fn steady(&self, variable: &[u8]) -> Option<&[u8]> {
        let is_used = |code: &[u8], at: usize| {
            let before = &code[..at];
            before.ends_with(b"$") || before.ends_with(b"${")
        };
        let given = value(self.env, variable)?;
        self.code
            .iter()
            .all(|code| memmem::find_iter(code, variable).all(|at| is_used(code, at)))
            .then_some(given)
    }
}

/// The commands of a piece of code, each as its words from its name on, as far as they can be told without heeding quotes.
fn commands(code: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    code.split(|b| SEPARATORS.contains(b)).flat_map(|part| {
        let words: Vec<&[u8]> = part
            .split(|b| b" \t".contains(b))
            .filter(|word| !word.is_empty())
            .collect();
        let mut begins = true;
        let mut found = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let name = if begins {
                bare(word)
            } else {
                Cow::Borrowed(*word)
            };
            let leads = OPENERS.contains(&name.as_ref()) || begins && leads_on(&name);
            if begins && (!leads || name.as_ref() == b"eval") {
                found.push(words.iter().skip(at).take(WORDS).copied().collect());
            }
            begins = leads;
        }
        found
    })
}

/// Whether a word where a command's name is expected leaves that to the next: a prefix or its option, an assignment, a redirection.
fn leads_on(word: &[u8]) -> bool {
    PREFIXES.contains(&word)
        || word.is_empty()
        || word.starts_with(b"-")
        || !word.starts_with(b"$") && word.iter().any(|b| b"=<>".contains(b))
}

/// A word without its quotes.
fn bare(word: &[u8]) -> Cow<'_, [u8]> {
    let is_quote = |b: &u8| b"'\"\\".contains(b);
    if word.iter().any(is_quote) {
        Cow::Owned(word.iter().copied().filter(|b| !is_quote(b)).collect())
    } else {
        Cow::Borrowed(word)
    }
}

/// Whether what a piece of code evaluates may be more than it shows.
fn is_made_up(code: &[u8]) -> bool {
    code.iter().any(|b| b"$`".contains(b))
}

#[cfg(test)]
mod tests;
