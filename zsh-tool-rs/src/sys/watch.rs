//! Noticing that a directory was moved, even if it is back.
use std::path::Path;

/// A watch over directories, which the system keeps from when it is set up.
#[derive(Debug)]
pub struct Watch(#[cfg(target_os = "linux")] std::fs::File);

#[cfg(target_os = "linux")]
impl Watch {
    /// Watches these directories; None if the system lets us watch no more, or not all of them.
    pub fn over<'a>(mut folders: impl Iterator<Item = &'a Path>) -> Option<Watch> {
        use std::ffi::CString;
        use std::os::fd::{AsRawFd, FromRawFd};
        use std::os::unix::ffi::OsStrExt;

        // SAFETY: takes flags alone.
        let fd = unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) };
        let fd = super::check(fd).ok()?;
        // SAFETY: the descriptor is new and nobody else's.
        let watch = unsafe { std::fs::File::from_raw_fd(fd) };
        let mask = libc::IN_MOVE_SELF | libc::IN_DELETE_SELF | libc::IN_ONLYDIR;
        let all = folders.all(|folder| {
            let Ok(name) = CString::new(folder.as_os_str().as_bytes()) else {
                return false;
            };
            // SAFETY: the descriptor is open, and the path a NUL-terminated string that outlives the call.
            unsafe { libc::inotify_add_watch(watch.as_raw_fd(), name.as_ptr(), mask) != -1 }
        });
        all.then_some(Watch(watch))
    }

    /// Whether none of them was moved or removed so far.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        use std::io::{ErrorKind, Read};

        let mut event = [0; 4096];
        let read = (&self.0).read(&mut event);
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

#[cfg(not(target_os = "linux"))]
impl Watch {
    /// This system has no such watch that we use.
    pub fn over<'a>(_folders: impl Iterator<Item = &'a Path>) -> Option<Watch> {
        None
    }

    /// As there is none, none tells of a move.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        true
    }
}
