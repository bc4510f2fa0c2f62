//! Where the process starts, without the preparations of Rust's own `main`: it would read the memory map and set up handlers for stack
//! overflows, which costs a tenth of a millisecond at each start, once per command. What is needed of it is done here.
use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use zsh_tool_exec::sys;

// SAFETY: the one `main` of this program, of the kind that C expects.
#[unsafe(no_mangle)]
extern "C" fn main(count: libc::c_int, words: *const *const libc::c_char) -> libc::c_int {
    sys::open_standard();
    sys::create_privately();
    // A reader that is gone is an error like any other.
    sys::signal::ignore(libc::SIGPIPE);
    let count = usize::try_from(count).unwrap_or(0);
    let code = zsh_tool_exec::run((0..count).map(|index| argument(words, index)));
    // No destructors after this: closing the last connection would checkpoint the database and make the caller wait for it.
    sys::exit_now(code)
}

/// One word of the command line.
fn argument(words: *const *const libc::c_char, index: usize) -> OsString {
    // SAFETY: the system gives as many words as it counts, and `index` is below that number.
    let place = unsafe { words.add(index) };
    // SAFETY: as above, so the place holds a pointer.
    let word = unsafe { *place };
    // SAFETY: each word is NUL-terminated and lives as long as the process.
    let text = unsafe { CStr::from_ptr(word) };
    OsStr::from_bytes(text.to_bytes()).to_owned()
}
