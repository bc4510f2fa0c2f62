//! What the system knows about the user of this process.
use std::ffi::CStr;
use std::ptr;

/// Room for the entry of a user.
const ROOM: usize = 16 << 10;

/// The directory of this process's user; None if that is not known here.
#[must_use]
pub fn home() -> Option<Vec<u8>> {
    // SAFETY: takes nothing and cannot fail.
    let user = unsafe { libc::getuid() };
    let mut room = vec![0; ROOM];
    // SAFETY: a struct of numbers and pointers, for which zero is a value.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = ptr::null_mut();
    // SAFETY: all of them outlive the call, and the length is that of the room.
    let failed = unsafe {
        libc::getpwuid_r(
            user,
            &raw mut entry,
            room.as_mut_ptr(),
            room.len(),
            &raw mut found,
        )
    };
    if failed != 0 || found.is_null() || entry.pw_dir.is_null() {
        return None;
    }
    // SAFETY: a NUL-terminated string in the room, which is still there.
    let folder = unsafe { CStr::from_ptr(entry.pw_dir) };
    Some(folder.to_bytes().to_vec())
}
