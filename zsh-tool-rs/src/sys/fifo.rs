//! The two calls the sideband needs that the standard library does not have.
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Makes a FIFO that only its owner may use.
///
/// # Errors
/// What `mkfifo` says, or `InvalidInput` for a path with a NUL byte.
pub fn make_fifo(path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: `path` is a NUL-terminated string that outlives the call.
    match unsafe { libc::mkfifo(path.as_ptr(), 0o600) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether we run with another user's rights: zsh then reads no `.zshenv`.
#[must_use]
pub fn is_privileged() -> bool {
    // SAFETY: takes no argument and always succeeds.
    let effective = unsafe { libc::geteuid() };
    // SAFETY: as above.
    let real = unsafe { libc::getuid() };
    effective != real
}
