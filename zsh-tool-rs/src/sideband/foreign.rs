//! Whether code besides what stands in the text may set traps in its shell.
//!
//! A trap for EXIT that is a string may run a pipeline of its own after the last one of the text, and is out of the hook's sight then.
//! So such code is looked for beforehand: in the start-up files and in every file that these or the text read, and those read in turn.
//! Whatever runs code that is not there to be seen, or may do so as far as is understood here, may hold anything. The files that the text
//! may read are looked at once more when it has ended: it may have made or changed them.
mod compiled;
mod facts;
mod files;
mod lexer;
mod mentions;
mod names;
mod stamp;
mod whole;

use std::collections::HashSet;
use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use facts::{Facts, Mark};
use files::{LONGEST, code_at, is_nothing, is_read};
use lexer::{Part, Word};

use names::is_shells_own;
pub use stamp::Stamps;

use crate::sys::user;

/// Of more files than these, one is taken to set some; in more directories, a file may be anywhere.
const MOST: usize = 32;
/// What keeps a shell from opening files that this process can open.
const OPENERS: [&[u8]; 8] = [
    b"EGID",
    b"EUID",
    b"GID",
    b"UID",
    b"USERNAME",
    b"limit",
    b"ulimit",
    b"unlimit",
];
/// In more places, one is taken to be where a file is.
const MOST_PLACES: usize = 500;

/// What the files are like whose code `text` may have a shell run that gets it with `env` in `cwd`, after the system's own start-up files.
/// None if code besides the text sets traps, or may do so as far as anybody can tell.
#[must_use]
pub fn harmless_files(
    text: &[u8],
    env: &[CString],
    cwd: &Path,
    system: &[Vec<u8>],
) -> Option<Stamps> {
    let mut start = Start {
        env,
        cwd,
        pieces: Vec::new(),
        folders: starts(env, cwd),
        is_lost: false,
        is_moved: false,
        is_relative: false,
        used: HashSet::new(),
        stamps: Stamps::default(),
        room: LONGEST,
    };
    for code in system {
        start.add(code)?;
    }
    let own = start.own_files()?;
    for place in &own {
        let (code, compiled) = code_at(place)?;
        start.add(&code)?;
        if !compiled.is_empty() {
            start.pieces.push(Facts::of_compiled(&compiled)?);
        }
    }
    let mut files = start.follow(0, false)?;
    let replaces = start.pieces.iter().any(|facts| facts.is(Mark::Replaces));
    if replaces || !start.is_understood() {
        return None;
    }
    if start.pieces.iter().any(|facts| facts.is(Mark::Calls)) {
        files.extend(own.into_iter().map(PathBuf::into_os_string));
        for place in files {
            start.stamps.add(Path::new(&place))?;
        }
    }
    // What a function reads is another file once the text has changed where it is looked for.
    let reads_later = start.pieces.iter().any(|facts| facts.is(Mark::Repeats));
    let first = if reads_later { 0 } else { start.pieces.len() };
    if !reads_later {
        start.used.clear();
    }
    start.add(text)?;
    start.follow(first, true)?;
    start.is_understood().then_some(start.stamps)
}

/// The ways by which a shell may know the directory that it starts in: it keeps to `PWD` where that leads there, through whatever links.
fn starts(env: &[CString], cwd: &Path) -> Vec<PathBuf> {
    let mut ways = vec![cwd.to_owned()];
    let told = value(env, b"PWD").map(path);
    let leads_here = |way: &&Path| {
        way.is_absolute() && *way != cwd && way.canonicalize().ok() == cwd.canonicalize().ok()
    };
    ways.extend(told.filter(leads_here).map(Path::to_owned));
    ways
}

/// Whether the path of this process's own directory, which the shell starts in then, leads to another one by now.
fn leads_elsewhere(cwd: &Path) -> bool {
    let node = |place: &Path| {
        fs::metadata(place)
            .ok()
            .map(|found| (found.dev(), found.ino()))
    };
    std::env::current_dir().is_ok_and(|here| here == cwd) && node(Path::new(".")) != node(cwd)
}

fn value<'a>(env: &'a [CString], name: &[u8]) -> Option<&'a [u8]> {
    env.iter()
        .find_map(|entry| entry.to_bytes().strip_prefix(name)?.strip_prefix(b"="))
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// What a shell starts with, and the code that it may run.
struct Start<'a> {
    env: &'a [CString],
    cwd: &'a Path,
    /// What the pieces of code do that it may run.
    pieces: Vec<Facts>,
    /// The directories that it may be in, unless it may be in any.
    folders: Vec<PathBuf>,
    is_lost: bool,
    /// Whether it changes to one by a name that is not looked for in the working directory alone.
    is_moved: bool,
    /// Whether it matters where it is.
    is_relative: bool,
    /// The variables whose values were taken from the environment.
    used: HashSet<Vec<u8>>,
    /// What the files are like that matter until the shell ends.
    stamps: Stamps,
    /// How much more of files is searched.
    room: usize,
}

impl Start<'_> {
    /// Adds a start-up file or the text.
    fn add(&mut self, code: &[u8]) -> Option<()> {
        let facts = Facts::of(code)?;
        self.is_lost |= facts.is(Mark::Lost);
        for target in &facts.moves {
            let Some(target) = self.expanded(target) else {
                self.is_lost = true;
                break;
            };
            self.is_moved |= !target.starts_with(b"/");
            // A step that is made again leads elsewhere, and one up from behind a link to where that stands.
            self.is_lost |= facts.is(Mark::Repeats) && !target.starts_with(b"/")
                || target.split(|b| *b == b'/').any(|name| name == b"..");
            let moved: Vec<PathBuf> = self.folders.iter().map(|f| f.join(path(&target))).collect();
            self.folders.extend(moved);
            if self.folders.len() > MOST {
                self.is_lost = true;
                break;
            }
        }
        self.pieces.push(facts);
        Some(())
    }

    /// Where the caller's own start-up file may be: the system's may say so too. None if only the shell can tell.
    fn own_files(&self) -> Option<Vec<PathBuf>> {
        let folder = value(self.env, b"ZDOTDIR").or_else(|| value(self.env, b"HOME"));
        let mut folders = vec![folder.map_or_else(user::home, |folder| Some(folder.to_vec()))?];
        for name in [&b"ZDOTDIR"[..], b"HOME"] {
            let given = self.pieces.iter().flat_map(|piece| &piece.given);
            let given: Vec<_> = given.filter(|given| given.name == name).collect();
            if given.len() != self.mentions(name) {
                return None;
            }
            for value in given.into_iter().flat_map(|given| &given.values) {
                folders.push(value.clone()?);
            }
        }
        let places = folders.iter().map(|folder| {
            // What is empty is the root to zsh, which puts a slash behind it.
            let folder = if folder.is_empty() { b"/" } else { &folder[..] };
            self.cwd.join(path(folder)).join(".zshenv")
        });
        Some(places.collect())
    }

    /// Adds the files that the pieces from `first` on read, and those read in turn; gives their places.
    fn follow(&mut self, first: usize, may_change: bool) -> Option<HashSet<OsString>> {
        // As they are named: a slash or dot at the end is another compiled form.
        let mut found: HashSet<OsString> = HashSet::new();
        let mut at = first;
        while let Some(piece) = self.pieces.get(at) {
            for (name, is_source) in piece.reads.clone() {
                for place in self.places(&name, is_source)? {
                    if !found.insert(place.clone().into()) {
                        continue;
                    }
                    if is_nothing(&place) {
                        self.stamps.add_nothing(&place)?;
                        continue;
                    }
                    if found.len() > MOST_PLACES {
                        return None;
                    }
                    if may_change {
                        self.stamps.add(&place)?;
                    }
                    self.read(&place)?;
                }
            }
            at += 1;
        }
        Some(found)
    }

    /// Adds the code at a place.
    fn read(&mut self, place: &Path) -> Option<()> {
        let (code, compiled) = code_at(place)?;
        self.room = self.room.checked_sub(code.len() + compiled.len())?;
        let facts = [(code, false), (compiled, true)];
        for (code, is_compiled) in facts.iter().filter(|(code, _)| !code.is_empty()) {
            let facts = if *is_compiled {
                Facts::of_compiled(code)?
            } else {
                Facts::of(code)?
            };
            // Such a file is given arguments by who reads it.
            if facts.is(Mark::RunsArguments) || self.pieces.len() > MOST {
                return None;
            }
            self.is_lost |= facts.is(Mark::Lost) || !facts.moves.is_empty();
            self.pieces.push(facts);
        }
        Some(())
    }

    /// Where a file of this name may be, None if only the shell can tell. One without a slash is looked for in `PATH` too.
    fn places(&mut self, word: &Word, is_source: bool) -> Option<Vec<PathBuf>> {
        let name = self.expanded(word)?;
        if name.starts_with(b"/") {
            return Some(vec![path(&name).to_owned()]);
        }
        self.is_relative = true;
        let folders = self.folders.clone();
        let mut places: Vec<PathBuf> = folders.iter().map(|f| f.join(path(&name))).collect();
        let is_here = is_source && places.iter().all(|place| is_read(place));
        if is_here {
            // Where it cannot be opened after all, it is looked for in `PATH`.
            self.used.extend(OPENERS.map(<[u8]>::to_vec));
        }
        if !name.contains(&b'/') && !is_here {
            self.used.insert(b"path".to_vec());
            let listed = self.taken(b"PATH")?.to_vec();
            for part in listed.split(|b| *b == b':') {
                places.extend(folders.iter().map(|f| f.join(path(part)).join(path(&name))));
            }
        }
        Some(places)
    }

    /// What a word says with the values of the environment, if that can be told and is something.
    fn expanded(&mut self, word: &Word) -> Option<Vec<u8>> {
        let mut said = Vec::new();
        for part in &word.parts {
            match part {
                Part::Said(text) => said.extend_from_slice(text),
                Part::Value(name) if name == b"PWD" && said.is_empty() => {
                    self.used.insert(name.clone());
                    said.push(b'.');
                }
                Part::Value(name) => {
                    let taken = self.taken(name)?;
                    if word.is_loose() && !is_plain(taken) {
                        return None;
                    }
                    said.extend_from_slice(taken);
                }
                Part::Argument | Part::Number | Part::Unknown => return None,
            }
        }
        (!said.is_empty()).then_some(said)
    }

    /// The value of a variable in the environment, which the code is taken to leave as it is.
    fn taken(&mut self, name: &[u8]) -> Option<&[u8]> {
        self.used.insert(name.to_vec());
        let is_plain = !name.first().is_none_or(u8::is_ascii_lowercase);
        value(self.env, name).filter(|_| is_plain && !is_shells_own(name))
    }
}

/// Whether a value stays one word in any shell.
fn is_plain(value: &[u8]) -> bool {
    value
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || b"_-./+,@%".contains(b) || !b.is_ascii())
}

#[cfg(test)]
mod tests;
