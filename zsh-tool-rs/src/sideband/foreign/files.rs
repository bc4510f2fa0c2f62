//! The files that a shell reads code from.
use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::mentions::has;
use super::names::is_special;
use super::{path, value};

/// A longer file is not searched, and taken to set traps.
pub(super) const LONGEST: usize = 1 << 20;

/// The caller's own start-up file; None if it cannot be looked at.
pub(super) fn own_file(env: &[CString], cwd: &Path) -> Option<Vec<u8>> {
    let folder = value(env, b"ZDOTDIR").or_else(|| value(env, b"HOME"));
    folder.map_or(Some(Vec::new()), |folder| {
        code_at(&cwd.join(path(folder)).join(".zshenv"))
    })
}

/// The code that a shell would find there, which is nothing where no file is. None if it is for the shell alone to read, as from a pipe.
pub(super) fn code_at(place: &Path) -> Option<Vec<u8>> {
    if place == Path::new("/dev/null") {
        return Some(Vec::new());
    }
    let (compiled, code) = (contents(&compiled(place))?, contents(place)?);
    let is_harmless = place.extension() != Some(OsStr::new("zwc")) && !shows_more(&compiled);
    is_harmless.then_some(code)
}

/// Where the shell looks for the compiled form of a file.
pub(super) fn compiled(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".zwc");
    name.into()
}

/// What is in a file, which is nothing where none is; None if it is too long, or not the same for all who read it.
fn contents(place: &Path) -> Option<Vec<u8>> {
    let Ok(real) = fs::canonicalize(place) else {
        // What has no name is a pipe, say, that only the shell has at hand.
        return fs::metadata(place).is_err().then(Vec::new);
    };
    if real.starts_with("/dev") || real.starts_with("/proc") {
        return None;
    }
    let mut contents = Vec::new();
    match fs::metadata(&real) {
        Ok(found) if found.is_file() => {
            // What the system does not let us read is no file to zsh either.
            if let Ok(file) = File::open(real) {
                let mut most = file.take(LONGEST as u64 + 1);
                most.read_to_end(&mut contents).ok()?;
            }
            (contents.len() <= LONGEST).then_some(contents)
        }
        Ok(found) if !found.is_dir() => None,
        _ => Some(contents),
    }
}

/// Whether compiled code may run other code. Its words stand in it as they are, but for signs such as `$`, which are bytes of their own,
/// and words of up to three bytes, which are numbers (`ecstrcode` in zsh's `parse.c`): 2 or 3, and their bytes from the fourth bit on.
fn shows_more(compiled: &[u8]) -> bool {
    let is_sign = |byte: u8| (0x84..=0x9a).contains(&byte);
    let has_sign =
        |pair: &[u8]| is_sign(pair[0]) && (pair[1].is_ascii_graphic() || pair[1] >= 0x84);
    let is_more =
        |word: &[u8]| is_special(word) && !word.is_empty() || word.iter().any(|b| is_sign(*b));
    let mut words = compiled.split(|byte| !byte.is_ascii_graphic());
    let numbers = compiled.as_chunks::<4>().0;
    let mut short = numbers
        .iter()
        .map(|number| u32::from_le_bytes(*number))
        .filter(|number| matches!(number & 7, 2 | 3) && *number < 1 << 27)
        .map(|number| (number >> 3).to_le_bytes());
    compiled.windows(2).any(has_sign)
        || has(compiled, b"trap")
        || words.any(|word| word.len() > 3 && is_more(word))
        || short.any(|bytes| is_more(bytes.split(|byte| *byte == 0).next().unwrap_or_default()))
}
