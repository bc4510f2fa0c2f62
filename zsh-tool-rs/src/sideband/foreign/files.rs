//! The files that a shell reads code from.
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A longer file is not searched, and taken to set traps.
pub(super) const LONGEST: usize = 1 << 20;

/// The code that a shell would find there, and its compiled form, which are nothing where no file is. None if it is for the shell alone
/// to read, as from a pipe.
pub(super) fn code_at(place: &Path) -> Option<(Vec<u8>, Vec<u8>)> {
    let (compiled, code) = (contents(&compiled(place))?, contents(place)?);
    (!place.as_os_str().as_bytes().ends_with(b".zwc")).then_some((code, compiled))
}

/// Whether a shell finds nothing there, whenever it looks.
pub(super) fn is_nothing(place: &Path) -> bool {
    let is_missing = |error: std::io::Error| error.kind() == ErrorKind::NotFound;
    place == Path::new("/dev/null") && fs::symlink_metadata(compiled(place)).is_err_and(is_missing)
}

/// Whether a shell would read a file there.
pub(super) fn is_read(place: &Path) -> bool {
    place.is_file() && File::open(place).is_ok()
}

/// Where the shell looks for the compiled form of a file.
pub(super) fn compiled(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".zwc");
    name.into()
}

/// What is in a file, which is nothing where none is; None if it is too long, or not the same for all who read it.
fn contents(place: &Path) -> Option<Vec<u8>> {
    let mut contents = Vec::new();
    match fs::metadata(place) {
        Ok(found) if found.is_file() => {
            match File::open(place) {
                Ok(file) => {
                    let mut most = file.take(LONGEST as u64 + 1);
                    most.read_to_end(&mut contents).ok()?;
                }
                // What the system does not let us read is no file to zsh either.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
                Err(_) => return None,
            }
            (contents.len() <= LONGEST).then_some(contents)
        }
        Ok(found) => found.is_dir().then_some(contents),
        Err(error) => {
            let is_missing = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
            is_missing.then_some(contents)
        }
    }
}
