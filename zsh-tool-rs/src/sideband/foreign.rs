//! Whether code besides what stands in the text may set traps in its shell.
//!
//! A trap for EXIT that is a string may run a pipeline of its own after the last one of the text, and is out of the hook's sight then.
//! So such code is looked for beforehand: in the user's own `.zshenv` and in every file that this or the text reads, and those read in
//! turn. What the text, or a file that it reads, reads or evaluates without showing it may hold anything; a start-up file that does so is
//! trusted, or its user would never be told a code. Where code may be read in a way that is not understood here, every file named is
//! searched too, though most are data and not followed. Files are looked at once more when the text has ended: it may have made or changed them.
mod words;

use std::collections::HashSet;
use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use memchr::memmem;

use words::{bare, commands, is_made_up, is_reader, names, words};

/// A longer file is not searched, and taken to set some.
const LONGEST: usize = 1 << 20;
/// Of more files than these, one is taken to set some; in more folders, a file may be anywhere.
const MOST: usize = 32;
/// Of more names than these, one may be that of any file.
const MOST_NAMES: usize = 1000;
/// Values that make a command of a variable whose text reads or evaluates more code, or leave that to the next word.
const READERS: [&[u8]; 6] = [b".", b"source", b"eval", b"emulate", b"builtin", b"command"];
/// Where an assignment defines a command.
const TABLES: [&[u8]; 2] = [b"functions[", b"aliases["];
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
    for code in &own {
        start.harmless(start.read_by(code), true)?;
    }
    start.harmless(read, false)
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
    /// Files that are there and may be read in a way that is not understood.
    named: Vec<PathBuf>,
    unseen: bool,
}

impl Start<'_> {
    /// All of these files and those read in turn, if none sets traps, nor may do so unless it `is_trusted`.
    fn harmless(&self, mut read: ReadBy, is_trusted: bool) -> Option<Vec<PathBuf>> {
        let mut found = HashSet::new();
        let mut searched = 0;
        while let Some(place) = read.files.pop() {
            if found.contains(&place) {
                continue;
            }
            let code = code_at(&place)?;
            found.insert(place);
            searched += usize::from(!code.is_empty());
            if searched > MOST || sets_traps(&code) {
                return None;
            }
            let inner = self.read_by(&code);
            if inner.unseen && !is_trusted {
                return None;
            }
            read.files.extend(inner.files);
            read.named.extend(inner.named);
        }
        if read.named.len() > MOST || !still_harmless(&read.named) {
            return None;
        }
        found.extend(read.named);
        Some(found.into_iter().collect())
    }

    fn read_by(&self, code: &[u8]) -> ReadBy {
        let mut read = ReadBy {
            unseen: TABLES
                .iter()
                .any(|table| memmem::find(code, table).is_some()),
            ..ReadBy::default()
        };
        let mut folders = vec![self.cwd.to_owned()];
        let mut looked_up = 0;
        let mut gives = None;
        let mut is_odd = false;
        for words in commands(code) {
            let arguments = &words[1..];
            let name = bare(words[0]);
            match name.as_ref() {
                b"." | b"source" => {
                    looked_up += 1;
                    let operand = arguments.iter().find(|word| **word != b"--");
                    match self.places(operand, &folders, true) {
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
                    let reads = |word: &&[u8]| is_reader(&bare(word));
                    read.unseen |= arguments.iter().any(runs)
                        && (is_made_up(code) || arguments.iter().any(reads));
                }
                b"alias" => read.unseen |= *gives.get_or_insert_with(|| self.gives_reader()),
                _ if memmem::find(words[0], b"$'").is_some() => read.unseen = true,
                name if name.starts_with(b"$") => {
                    looked_up += 1;
                    if let Some(value) = self.expanded(name) {
                        read.unseen |= READERS.contains(&value.as_slice());
                    } else {
                        // What is worked out while the text runs is trusted with what is too.
                        is_odd = true;
                        read.unseen |= *gives.get_or_insert_with(|| self.gives_reader());
                    }
                }
                _ => {}
            }
            if folders.len() > MOST {
                folders.clear();
            }
            if looked_up > MOST {
                read.unseen = true;
                break;
            }
        }
        if is_odd || names(code).any(|name| is_reader(&name)) {
            self.add_named(code, &folders, &mut read);
        }
        read
    }

    /// Adds all files that the code may name.
    fn add_named(&self, code: &[u8], folders: &[PathBuf], read: &mut ReadBy) {
        let named: HashSet<_> = names(code).collect();
        if named.len() > MOST_NAMES {
            read.unseen = true;
            return;
        }
        let is_there = |place: &PathBuf| fs::metadata(place).is_ok_and(|found| found.is_file());
        for name in named {
            let places = self.places(Some(&name.as_ref()), folders, false);
            let places = places.into_iter().flatten();
            read.named.extend(places.filter(is_there));
        }
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
        self.code.iter().any(|code| words(code).any(gives))
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

#[cfg(test)]
mod tests;
