//! Those that wait long to write, and that the others let pass.
//!
//! SQLite has no queue for its write lock: who waits looks again from time to time, and of many that look some are unlucky for seconds.
//! Those hold a shared lock on a file beside the database. While anybody does, others do not even try, and upkeep leaves its share to
//! another command. Who was let pass is one of the others again, so that all come to their turn.
//!
//! It is a courtesy, not a lock: nothing breaks where the file cannot be made or a writer knows nothing of it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::file::{FILE_MODE, beside};

/// What the file's name adds to the database's.
const SUFFIX: &str = "-queue";

/// Who looks holds the file locked for a microsecond: that often it may come between.
const TRIES: usize = 50;

/// The sign of those that wait long, as one writer sees it and gives it.
#[derive(Debug)]
pub struct Unlucky {
    /// None where it cannot be made.
    file: Option<File>,
}

/// Being seen to wait, until it is dropped.
#[derive(Debug)]
pub struct Seen<'a> {
    file: &'a File,
}

impl Unlucky {
    /// The sign beside the database at `path`.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        // Neither is a link followed nor is a pipe waited for.
        let careful = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .custom_flags(careful)
            .open(beside(path, SUFFIX));
        Self { file: file.ok() }
    }

    /// Whether nobody has waited for long.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        let Some(file) = &self.file else {
            return true;
        };
        let is_nobody = file.try_lock().is_ok();
        if is_nobody {
            // Only whether it can be had was asked.
            drop(Seen { file });
        }
        is_nobody
    }

    /// Lets the others see that one waits. None where they cannot.
    #[must_use]
    pub fn show(&self) -> Option<Seen<'_>> {
        let file = self.file.as_ref()?;
        (0..TRIES)
            .any(|_| file.try_lock_shared().is_ok())
            .then_some(Seen { file })
    }
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        // It cannot fail for a file that is open, and the end of the process would do it too.
        self.file.unlock().unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_wait_are_seen_by_the_others_until_all_of_them_are_done() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("alan.db");
        let [one, other, third] = [(); 3].map(|()| Unlucky::at(&path));
        assert!(third.is_nobody() && one.is_nobody());
        let waiting = (one.show().unwrap(), other.show().unwrap());
        assert!(!third.is_nobody());
        drop(waiting.0);
        assert!(!third.is_nobody());
        drop(waiting.1);
        assert!(third.is_nobody());
    }

    #[test]
    fn without_a_file_nobody_is_seen() {
        let temp = tempfile::tempdir().unwrap();
        let sign = Unlucky::at(&temp.path().join("missing/alan.db"));
        assert!(sign.is_nobody());
        assert!(sign.show().is_none());
    }
}
