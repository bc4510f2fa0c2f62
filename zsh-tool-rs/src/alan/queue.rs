//! The line of those that wait long to write.
//!
//! SQLite has no queue for its write lock: who waits looks again from time to time, and of many that look some are unlucky for seconds.
//! Those line up here, at a file beside the database, by the system's file locks, which are handed on in about the order of the asking.
//! Only the first in line waits for SQLite's own lock, and lets the next one up as soon as it has that. Who comes meanwhile lets them pass,
//! and upkeep sees that somebody waits.
//!
//! It is a courtesy, not a lock: nothing breaks where the file cannot be made or a writer knows nothing of it.

use std::cell::RefCell;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::file::{FILE_MODE, beside};

/// What the file's name adds to the database's.
const SUFFIX: &str = "-queue";

/// One writer's way to the queue.
#[derive(Debug)]
pub struct Queue {
    path: PathBuf,
    /// None after a wait in vain, whose thread has it, and where it cannot be made.
    file: RefCell<Option<File>>,
}

/// Being the first in line, until it is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    queue: &'a Queue,
}

impl Queue {
    /// The queue of the database at `path`.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let path = beside(path, SUFFIX);
        let file = RefCell::new(open(&path));
        Self { path, file }
    }

    /// Lines up and waits, at most so long. None when it was in vain: then one does without.
    pub fn enter(&self, bound: Duration) -> Option<Turn<'_>> {
        if let Some(turn) = self.enter_if_empty() {
            return Some(turn);
        }
        if let Some(file) = self.file.take() {
            self.file.replace(Some(wait(file, bound)?));
        }
        Some(Turn { queue: self })
    }

    /// Becomes the first if nobody is there. Where there is no file, nobody ever is.
    pub fn enter_if_empty(&self) -> Option<Turn<'_>> {
        let mut file = self.file.borrow_mut();
        if file.is_none() {
            *file = open(&self.path);
        }
        match file.as_ref().map(File::try_lock) {
            Some(Err(TryLockError::WouldBlock)) => None,
            _ => Some(Turn { queue: self }),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut file = self.queue.file.borrow_mut();
        // Closing it gives the lock up too.
        if file.as_ref().is_some_and(|file| file.unlock().is_err()) {
            *file = None;
        }
    }
}

fn open(path: &Path) -> Option<File> {
    // Neither is a link followed nor is a pipe waited for.
    let careful = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .custom_flags(careful)
        .open(path)
        .ok()
}

/// Waits in a thread, because the system knows no limit for this wait. The lock goes with the file: who comes too late closes it.
fn wait(file: File, bound: Duration) -> Option<File> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let waiting = move || {
        if file.lock().is_ok() {
            // Nobody is there to take it when the time was up.
            sender.send(file).unwrap_or_default();
        }
    };
    thread::Builder::new().spawn(waiting).ok()?;
    receiver.recv_timeout(bound).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn queues() -> (tempfile::TempDir, [Queue; 3]) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("alan.db");
        let queues = [(); 3].map(|()| Queue::of(&path));
        (temp, queues)
    }

    #[test]
    fn one_is_first_and_the_next_follows_at_once() {
        let (_temp, [one, other, third]) = queues();
        let turn = one.enter(LONG).unwrap();
        assert!(other.enter_if_empty().is_none());
        thread::scope(|scope| {
            let waiting = scope.spawn(move || other.enter(LONG).is_some());
            drop(turn);
            assert!(waiting.join().unwrap());
        });
        assert!(third.enter_if_empty().is_some());
    }

    #[test]
    fn a_wait_in_vain_ends_at_its_bound_and_leaves_the_queue_usable() {
        let (_temp, [one, other, third]) = queues();
        let turn = one.enter(LONG);
        let started = Instant::now();
        assert!(other.enter(Duration::from_millis(30)).is_none());
        assert!(started.elapsed() >= Duration::from_millis(30));
        drop(turn);
        // The thread that still waits gets its turn and gives it up.
        assert!(third.enter(LONG).is_some());
        assert!(other.enter(LONG).is_some());
    }

    #[test]
    fn without_a_file_one_does_without() {
        let temp = tempfile::tempdir().unwrap();
        let queue = Queue::of(&temp.path().join("missing/alan.db"));
        assert!(queue.enter_if_empty().is_some());
        assert!(queue.enter(LONG).is_some());
    }
}
