//! The same for macOS: plain fork, no subreaper, no parent-death signal, so strays outside the command's group are out of reach.
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use super::process::{Plan, Step};
use super::{check, set_nonblocking};

/// The kind of number that names a resource.
pub(super) type Resource = libc::c_int;

/// The request by which a session leader takes a terminal.
pub(super) const TAKE_TERMINAL: libc::c_ulong = libc::TIOCSCTTY as libc::c_ulong;

/// Resource limits that only this system has.
pub(super) const RESOURCES: &[(&str, i64)] = &[("RSS", libc::RLIMIT_RSS as i64)];

/// Signals that only this system has.
pub(super) const SIGNALS: &[(i32, &str)] = &[
    (libc::SIGEMT, "EMT"),
    (libc::SIGIO, "IO"),
    (libc::SIGINFO, "INFO"),
];

/// Orphaned descendants go to the system's first process.
pub const ADOPTS_ORPHANS: bool = false;

/// There is no `/proc` to ask what a process waits for.
pub const SYSTEM_READ: i64 = -1;
/// As above.
pub const SYSTEM_SELECT: i64 = -2;

/// The write end of the pipe through which the child tells that it failed.
static REPORT: AtomicI32 = AtomicI32::new(-1);

pub(super) fn errno() -> i32 {
    // SAFETY: takes no argument; the address is this thread's own.
    let place = unsafe { libc::__error() };
    // SAFETY: that address is always valid.
    unsafe { *place }
}

pub(super) fn set_errno(value: i32) {
    // SAFETY: as above.
    let place = unsafe { libc::__error() };
    // SAFETY: as above.
    unsafe { *place = value }
}

/// Starts the child as a copy of us; an empty pipe that closes tells that the shell has been executed.
pub(super) fn start(plan: &Plan) -> io::Result<i32> {
    let (reader, writer): (PipeReader, PipeWriter) = io::pipe()?;
    REPORT.store(writer.as_raw_fd(), Ordering::Relaxed);
    // SAFETY: this process has one thread; the child only does what is allowed after fork.
    let pid = check(unsafe { libc::fork() })?;
    if pid == 0 {
        plan.become_shell();
    }
    drop(writer);
    let mut failure = [0; 8];
    let mut reader = reader;
    if reader.read_exact(&mut failure).is_err() {
        return Ok(pid);
    }
    let [a, b, c, d, step, ..] = failure;
    let step = match step {
        1 => Step::Directory,
        2 => Step::Execute,
        _ => Step::Prepare,
    };
    plan.failure().set((step, i32::from_ne_bytes([a, b, c, d])));
    // SAFETY: reaps the child that has just failed; no status is asked for.
    unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
    Err(io::ErrorKind::Other.into())
}

pub(super) fn wake_channel() -> io::Result<(File, RawFd)> {
    let (reader, writer) = io::pipe()?;
    set_nonblocking(reader.as_raw_fd())?;
    set_nonblocking(writer.as_raw_fd())?;
    Ok((OwnedFd::from(reader).into(), writer.into_raw_fd()))
}

pub(super) fn is_ignored(signal: i32) -> bool {
    // SAFETY: `sigaction` is plain data for which all zeroes is a valid value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: only reads the disposition into `action`, which outlives the call.
    let result = unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
    result == 0 && action.sa_sigaction == libc::SIG_IGN
}

pub(super) fn reset_signal(signal: i32) {
    super::signal::obey(signal);
}

/// Tells the parent, whose memory is not shared here.
pub(super) fn report_failure(plan: &Plan) {
    let (step, code) = plan.failure().get();
    let [a, b, c, d] = code.to_ne_bytes();
    let message = [a, b, c, d, step as u8, 0, 0, 0];
    let pipe = REPORT.load(Ordering::Relaxed);
    // SAFETY: reads eight bytes of a live array. Nothing can be done about a failure.
    unsafe { libc::write(pipe, message.as_ptr().cast(), message.len()) };
}

/// This system has no such signal: the server ends what is left.
pub(super) fn die_with_parent() {}

/// This system has no such role.
pub fn become_subreaper() {}

/// This system has no such request.
pub fn map_program() {}

/// There are no turns to choose here.
pub fn take_short_turns() {}

/// The user at the other end of a local socket.
///
/// # Errors
/// What `getpeereid` says.
pub fn peer_user(socket: RawFd) -> io::Result<u32> {
    let (mut user, mut group) = (u32::MAX, u32::MAX);
    // SAFETY: writes one number through each pointer; both outlive the call.
    check(unsafe { libc::getpeereid(socket, &raw mut user, &raw mut group) })?;
    Ok(user)
}

/// Pipes grow by themselves here, and not that far.
#[must_use]
pub fn enlarge_pipe(_pipe: RawFd, _bytes: i32) -> bool {
    false
}

/// Waits for what `entries` ask for, at most for `limit`, which is rounded up to milliseconds: a deadline has passed when the wait
/// for it ends.
///
/// # Errors
/// What `poll` says.
pub fn poll(entries: &mut [libc::pollfd], limit: Option<Duration>) -> io::Result<()> {
    let count = libc::nfds_t::try_from(entries.len()).unwrap_or(0);
    let millis = limit.map_or(-1, |limit| {
        let rounded = limit.as_nanos().div_ceil(1_000_000);
        libc::c_int::try_from(rounded).unwrap_or(libc::c_int::MAX)
    });
    // SAFETY: pointer and count describe the slice, which outlives the call.
    check(unsafe { libc::poll(entries.as_mut_ptr(), count, millis) }).map(|_| ())
}

/// Pages are not moved between pipes here.
///
/// # Errors
/// Always.
pub fn move_pages(_from: RawFd, _to: RawFd, _most: i32) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// There are no nameless files that another process can open.
///
/// # Errors
/// Always.
pub fn nameless_file(_label: &str) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
