//! Pipeline codes from a private sideband, without touching the command's text.
//!
//! A text without a single `|` needs nothing: its list is `[exit code]`. Any other is run with `ZDOTDIR` naming a private folder
//! whose `.zshenv` puts `ZDOTDIR` back, defines a `zshexit` hook and sources the user's own file; the hook writes `$? $pipestatus`
//! into a FIFO that is read once, after the shell was reaped. Where that file would not be read, the hook goes in front of the text.
//! When neither can be exact the text runs plain: exactness goes before codes.
mod accept;
mod folder;
mod foreign;
mod hook;
mod system;

use std::borrow::Cow;
use std::ffi::CString;
use std::path::Path;

use memchr::memmem;

use crate::sys::fifo::is_privileged;
pub use folder::Sideband;
pub use foreign::{Stamps, harmless_files};

const NAME: &[u8] = b"ZDOTDIR=";

/// Linux takes at most this much in one argument, its NUL included.
const ARGUMENT_LIMIT: usize = 128 * 1024;
/// The longest text that goes into the hook's line: what the hook takes must not push it over the limit.
const HOOKED_TEXT_LIMIT: usize = ARGUMENT_LIMIT - 400;

/// How the shell ended, from its wait status alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShellExit {
    /// The exit code, or 128+n for a death by signal n.
    pub code: i32,
    /// Whether a signal ended the shell.
    pub signaled: bool,
}

#[derive(Debug)]
enum Way {
    Plain,
    /// The hook comes from the private folder's `.zshenv`.
    Folder,
    /// The hook is put in front of the text.
    Prologue(Vec<u8>),
}

/// A sideband made ready for one command; dropping it removes the folder.
#[derive(Debug)]
pub struct Armed {
    way: Way,
    sideband: Option<Sideband>,
    /// What the files were like that the text may have the shell read.
    files: Stamps,
}

/// Whether a text may hold a pipeline: it has a `|` that is not part of `||`.
#[must_use]
pub fn has_pipe(text: &[u8]) -> bool {
    let mut run = 0_usize;
    for &byte in text {
        if byte == b'|' {
            run += 1;
        } else if run % 2 == 1 {
            return true;
        } else {
            run = 0;
        }
    }
    run % 2 == 1
}

/// Whether a text may set something up for the end of its shell, where the hook would be in the way. A trap given as a string may run a
/// pipeline of its own after the last one, so that nothing could be believed; and after `exit` in a function zsh runs only the first of
/// the functions that are to be called then, which would be the hook instead of the text's own.
fn speaks_of_its_end(text: &[u8]) -> bool {
    [&b"trap"[..], b"zshexit"]
        .iter()
        .any(|word| memmem::find(text, word).is_some())
}

/// Chooses how the codes of `text` are learned, and makes ready what that takes.
///
/// `sideband` is one prepared ahead, or `None` to make one only when the text needs it. `env` is the command's environment, `zsh`
/// the shell that will run it, as a direct child of this process, and `cwd` where.
#[must_use]
pub fn arm(
    sideband: Option<Sideband>,
    text: &[u8],
    env: &[CString],
    zsh: &Path,
    cwd: &Path,
) -> Armed {
    if !has_pipe(text) || speaks_of_its_end(text) {
        return Armed::plain(sideband);
    }
    let Some(system) = system::files(zsh) else {
        return Armed::plain(sideband);
    };
    let Some(files) = harmless_files(text, env, cwd, &system) else {
        return Armed::plain(sideband);
    };
    let sideband = sideband.or_else(Sideband::temporary);
    let way = sideband
        .as_ref()
        .map_or(Way::Plain, |s| choose(s, text, env, &system));
    Armed {
        way,
        sideband,
        files,
    }
}

fn choose(sideband: &Sideband, text: &[u8], env: &[CString], system: &[Vec<u8>]) -> Way {
    if is_privileged() || system::hides_private_folder(system) {
        return hook::prologue(sideband.fifo(), text).map_or(Way::Plain, Way::Prologue);
    }
    let mut callers = env
        .iter()
        .filter_map(|entry| entry.to_bytes().strip_prefix(NAME));
    let caller = callers.next();
    // With two entries of one name the shell's choice is not ours to guess.
    if callers.next().is_none() && sideband.write_zshenv(caller) {
        Way::Folder
    } else {
        Way::Plain
    }
}

impl Armed {
    /// Runs the text as it is; whatever was prepared is removed with this.
    #[must_use]
    pub fn plain(sideband: Option<Sideband>) -> Armed {
        Armed {
            way: Way::Plain,
            sideband,
            files: Stamps::default(),
        }
    }

    /// The text to hand to the shell. Only the rare hook in front of the text changes it.
    #[must_use]
    pub fn text<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        match &self.way {
            Way::Prologue(prologue) => Cow::Owned([prologue, text].concat()),
            Way::Plain | Way::Folder => Cow::Borrowed(text),
        }
    }

    /// Puts our `ZDOTDIR` into the command's environment: in the caller's place if it had one, else last, so that the order is
    /// the caller's again once the shell has put the old value back.
    pub fn dress(&self, env: &mut Vec<CString>) {
        let (Way::Folder, Some(sideband)) = (&self.way, &self.sideband) else {
            return;
        };
        let Ok(entry) = CString::new([NAME, sideband.folder()].concat()) else {
            return;
        };
        match env.iter_mut().find(|e| e.to_bytes().starts_with(NAME)) {
            Some(old) => *old = entry,
            None => env.push(entry),
        }
    }

    /// The pipeline codes of `text`, once the shell has been reaped: the list the hook wrote if it can be believed, else one code.
    #[must_use]
    pub fn codes(&self, text: &[u8], exit: ShellExit) -> Vec<i32> {
        let written = match (&self.way, &self.sideband) {
            (Way::Plain, _) | (_, None) => None,
            (_, Some(sideband)) => sideband.read(),
        };
        written
            .filter(|_| self.files.hold())
            .and_then(|line| accept::believed(&line, text, exit))
            .unwrap_or_else(|| vec![exit.code])
    }
}

#[cfg(test)]
mod tests;
