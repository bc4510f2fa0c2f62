//! Calls into the system that the standard library does not have. Unsafe code lives here and in the files below, nowhere else.
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use process::FileMode;

pub mod fifo;
pub mod log;
pub mod poll;
pub mod process;
pub mod signal;
pub mod terminal;
pub mod user;
pub mod watch;
pub mod words;

#[cfg(target_os = "linux")]
#[path = "sys/linux.rs"]
pub mod os;
#[cfg(target_os = "macos")]
#[path = "sys/macos.rs"]
pub mod os;

/// Turns the `-1` convention of C into a result.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Ends this process at once: no destructors, no exit handlers.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` takes any number and touches no memory of ours.
    unsafe { libc::_exit(code) }
}

// Both begin as zeroes: a page of other values has to be copied before it is written to, at each start.
static LACKS_INPUT: AtomicBool = AtomicBool::new(false);
/// One more than the mask, once that is known.
static CALLERS_UMASK: AtomicI64 = AtomicI64::new(0);

/// Opens those of the three standard descriptors that are closed, so that nothing of ours ever gets their numbers.
pub fn open_standard() {
    let null = c"/dev/null".as_ptr();
    for fd in 0..3 {
        // SAFETY: F_GETFD takes no argument; that the descriptor is closed is what is asked.
        let is_open = unsafe { libc::fcntl(fd, libc::F_GETFD) } != -1;
        // SAFETY: the path is NUL-terminated and constant. The lowest free number is the one that is missing.
        if !is_open && unsafe { libc::open(null, libc::O_RDWR) } == -1 {
            exit_now(125);
        }
        if fd == 0 {
            LACKS_INPUT.store(!is_open, Ordering::Relaxed);
        }
    }
}

/// Whether descriptor 0 was open when this process was started.
#[must_use]
pub fn has_input() -> bool {
    !LACKS_INPUT.load(Ordering::Relaxed)
}

/// Makes what we create ours alone, and exactly as private as we ask for: a caller's mask might take our own access too.
pub fn create_privately() {
    // SAFETY: takes a number and always succeeds.
    let callers = unsafe { libc::umask(0o077) };
    CALLERS_UMASK.store(i64::from(callers) + 1, Ordering::Relaxed);
}

/// The file mode mask that this process was started with, if it has another one now.
#[must_use]
pub fn callers_umask() -> Option<FileMode> {
    FileMode::try_from(CALLERS_UMASK.load(Ordering::Relaxed) - 1).ok()
}

/// This process's environment, in its order: what is no assignment too.
#[must_use]
pub fn environment() -> Vec<CString> {
    unsafe extern "C" {
        static environ: *const *const libc::c_char;
    }
    let mut all = Vec::new();
    // SAFETY: set by the system before `main`; nothing here changes it, and there is one thread.
    let mut place = unsafe { environ };
    // SAFETY: as above; the list ends with a null pointer, behind which nothing is read.
    while let Some(entry) = unsafe { place.as_ref() }.filter(|entry| !entry.is_null()) {
        // SAFETY: each entry is NUL-terminated.
        all.push(unsafe { CStr::from_ptr(*entry) }.to_owned());
        // SAFETY: this was not the last one.
        place = unsafe { place.add(1) };
    }
    all
}

/// The user this process acts as.
#[must_use]
pub fn effective_user() -> u32 {
    // SAFETY: takes no argument and always succeeds.
    unsafe { libc::geteuid() }
}

/// Makes reads and writes on `fd` return instead of waiting.
///
/// # Errors
/// What `fcntl` says.
pub fn set_nonblocking(fd: RawFd) -> io::Result<()> {
    // SAFETY: F_GETFL takes no argument; a bad descriptor is an error, not undefined behaviour.
    let flags = check(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    // SAFETY: as above, with an int argument.
    check(unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) }).map(|_| ())
}

/// Reads what `fd` has into the room that `buffer` has left, which need not be cleared before. Gives the number of bytes, 0 at the end.
///
/// # Errors
/// What `read` says.
pub fn read_into_room(fd: RawFd, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let room = buffer.spare_capacity_mut();
    // SAFETY: the kernel writes no more than the room's length, and the buffer is borrowed meanwhile.
    let read = unsafe { libc::read(fd, room.as_mut_ptr().cast(), room.len()) };
    let count = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: so many bytes of the room have just been written.
    unsafe { buffer.set_len(buffer.len() + count) };
    Ok(count)
}

/// Gives `fd` a number above the standard three, closed on exec.
///
/// # Errors
/// What `fcntl` says, such as no descriptors being left.
pub fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    // SAFETY: duplicates a descriptor we own to the lowest free number from 3 on.
    let copy = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the kernel has just given us this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// The standard input this process was started with. To be taken once.
#[must_use]
pub fn standard_input() -> File {
    // SAFETY: descriptor 0 is open (the runtime sees to that), and only this file will close it.
    File::from(unsafe { OwnedFd::from_raw_fd(0) })
}

/// The standard output this process was started with, without a buffer. To be taken once.
#[must_use]
pub fn standard_output() -> File {
    // SAFETY: as above.
    File::from(unsafe { OwnedFd::from_raw_fd(1) })
}

/// How many bytes can be read from `fd` at once.
#[must_use]
pub fn readable_bytes(fd: RawFd) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int through the pointer, which outlives the call.
    let result = unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut count) };
    if result == -1 {
        return 0;
    }
    usize::try_from(count).unwrap_or(0)
}

/// Writes to a socket without waiting, whatever its own mode is.
///
/// # Errors
/// What `send` says; `WouldBlock` when the socket is full.
pub fn send_now(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: pointer and length describe a live slice, which `send` only reads.
    let sent = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Starts a copy of this process that runs on alone. True in the copy.
///
/// # Errors
/// What `fork` says.
pub fn fork_away() -> io::Result<bool> {
    // SAFETY: this process has one thread, so the copy may go on as if nothing had happened.
    check(unsafe { libc::fork() }).map(|pid| pid == 0)
}

/// Leaves the caller's session and its terminal. Failing means that this process leads one already.
pub fn leave_session() {
    // SAFETY: takes no argument; its only failure leaves everything as it was.
    let _already_leader = unsafe { libc::setsid() };
}

/// Lets go of the caller's stdin and stderr: a copy of us that only hands output on must not keep their other ends waiting.
pub fn release_input_and_errors() {
    release(&[0, 2]);
}

/// Lets go of all of the caller's streams: a copy of us that has only to record must not keep their other ends waiting.
pub fn release_standard_streams() {
    release(&[0, 1, 2]);
}

fn release(streams: &[RawFd]) {
    for &fd in streams {
        // SAFETY: takes a number; nothing of ours uses these from here on.
        unsafe { libc::close(fd) };
    }
}
