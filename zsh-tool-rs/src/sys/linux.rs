//! What only Linux has: children that share our memory until they exec, subreapers, parent-death signals, peers' users.
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::process::Plan;
use super::{check, exit_now};

/// The kind of number that names a resource.
#[cfg(target_env = "gnu")]
pub(super) type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
pub(super) type Resource = libc::c_int;

/// The request by which a session leader takes a terminal.
pub(super) const TAKE_TERMINAL: libc::Ioctl = libc::TIOCSCTTY;

/// Resource limits that only this system has.
pub(super) const RESOURCES: &[(&str, i64)] = &[
    ("LOCKS", libc::RLIMIT_LOCKS as i64),
    ("MSGQUEUE", libc::RLIMIT_MSGQUEUE as i64),
    ("NICE", libc::RLIMIT_NICE as i64),
    ("RSS", libc::RLIMIT_RSS as i64),
    ("RTPRIO", libc::RLIMIT_RTPRIO as i64),
    ("RTTIME", libc::RLIMIT_RTTIME as i64),
    ("SIGPENDING", libc::RLIMIT_SIGPENDING as i64),
];

/// Signals that only this system has.
pub(super) const SIGNALS: &[(i32, &str)] = &[
    (libc::SIGSTKFLT, "STKFLT"),
    (libc::SIGIO, "IO"),
    (libc::SIGPWR, "PWR"),
];

/// Orphaned descendants become our children: when there is no child left, nothing is left.
pub const ADOPTS_ORPHANS: bool = true;

/// The number of `read`, as `/proc/PID/syscall` prints it.
pub const SYSTEM_READ: i64 = libc::SYS_read;
/// The number of the call behind `select`.
pub const SYSTEM_SELECT: i64 = libc::SYS_pselect6;

/// Room for what the child does before it execs, and for what libc does in its name.
const CHILD_STACK: usize = 32 * 1024;
/// Not from the heap, which would grow and shrink for it while the child waits for the processor.
static STACK: Mutex<[u128; CHILD_STACK / size_of::<u128>()]> =
    Mutex::new([0; CHILD_STACK / size_of::<u128>()]);

pub(super) fn errno() -> i32 {
    // SAFETY: takes no argument; the address is this thread's own.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: that address is always valid.
    unsafe { *place }
}

pub(super) fn set_errno(value: i32) {
    // SAFETY: as above.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *place = value }
}

extern "C" fn child(plan: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `start` passes a `Plan` that it keeps borrowed until this child has gone its own way.
    let plan = unsafe { &*plan.cast::<Plan>() };
    plan.become_shell()
}

/// Starts the child on a stack of its own in our memory: nothing is copied, and we sleep until it has executed the shell.
pub(super) fn start(plan: &Plan) -> io::Result<i32> {
    // Who waits for it has another child, which runs on this stack until it has executed its shell.
    let mut stack = STACK.lock().unwrap_or_else(PoisonError::into_inner);
    let top = stack.as_mut_ptr_range().end;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let argument = ptr::from_ref(plan).cast_mut().cast();
    // SAFETY: the stack is ours, aligned, and lives until the child no longer runs on it; `child` never returns, takes no lock
    // and allocates nothing; signals are blocked, so no handler of ours runs in it.
    let pid = check(unsafe { libc::clone(child, top.cast(), flags, argument) })?;
    if plan.failure().get().1 == 0 {
        return Ok(pid);
    }
    // SAFETY: reaps the child that has just failed; no status is asked for.
    unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
    Err(io::ErrorKind::Other.into())
}

/// What a handler can write to, as often as it likes, to wake who waits to read: the file to read, and the number to write to.
pub(super) fn wake_channel() -> io::Result<(File, RawFd)> {
    // SAFETY: takes numbers only.
    let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
    // SAFETY: the kernel has just given us this descriptor and nobody else knows it.
    Ok((File::from(unsafe { OwnedFd::from_raw_fd(fd) }), fd))
}

/// Asks the kernel itself: libc keeps its hands on two signals, which a caller may have ignored before us all the same.
pub(super) fn is_ignored(signal: i32) -> bool {
    // The kernel's own structure: the handler first, then flags and mask.
    let mut action = [0_u64; 4];
    // SAFETY: the kernel writes no more than the 32 bytes of `action`, and takes a mask of 8 bytes.
    let asked = unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, 0, &raw mut action, 8) };
    let [handler, ..] = action;
    asked == 0 && handler == libc::SIG_IGN as u64
}

/// The same way.
pub(super) fn reset_signal(signal: i32) {
    // Handler, flags and mask of the kernel's own structure, whatever their order: zeroes mean the default.
    let action = [0_u64; 4];
    // SAFETY: the kernel reads no more than the 32 bytes of `action`, and a mask of 8 bytes. Those that cannot be changed are default.
    unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, &raw const action, 0, 8) };
}

/// The failure is in shared memory already.
pub(super) fn report_failure(_plan: &Plan) {}

pub(super) fn die_with_parent() {
    // SAFETY: takes numbers only.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } == -1 {
        exit_now(127);
    }
}

/// Makes orphaned descendants our children, so that daemons of the command are found.
pub fn become_subreaper() {
    // SAFETY: takes numbers only. Where the kernel refuses, strays are looked for in vain, and nothing else changes.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
}

/// The user at the other end of a local socket.
///
/// # Errors
/// What `getsockopt` says.
pub fn peer_user(socket: RawFd) -> io::Result<u32> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>()).unwrap_or(0);
    let target = (&raw mut peer).cast();
    // SAFETY: `length` says how much room there is behind `target`, and both outlive the call.
    check(unsafe {
        libc::getsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            target,
            &raw mut length,
        )
    })?;
    Ok(peer.uid)
}

/// Lets a pipe hold at least so much, so that writer and reader meet less often. False when it holds less and stays as it was.
#[must_use]
pub fn enlarge_pipe(pipe: RawFd, bytes: i32) -> bool {
    // SAFETY: takes a number only; what is no pipe has no size, and cannot be given one below.
    let size = unsafe { libc::fcntl(pipe, libc::F_GETPIPE_SZ) };
    // SAFETY: takes numbers only.
    size >= bytes || unsafe { libc::fcntl(pipe, libc::F_SETPIPE_SZ, bytes) } != -1
}

/// Waits for what `entries` ask for, at most for `limit`.
///
/// # Errors
/// What `ppoll` says.
pub fn poll(entries: &mut [libc::pollfd], limit: Option<Duration>) -> io::Result<()> {
    let count = libc::nfds_t::try_from(entries.len()).unwrap_or(0);
    let limit = limit.map(|limit| libc::timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(i32::MAX.into()),
        tv_nsec: libc::c_long::from(limit.subsec_nanos()),
    });
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: pointer and count describe the slice, which outlives the call, as the limit does; the signal mask stays as it is.
    check(unsafe { libc::ppoll(entries.as_mut_ptr(), count, limit, ptr::null()) }).map(|_| ())
}

/// Moves up to `most` bytes from one pipe into another, neither copying them nor waiting.
///
/// # Errors
/// What `splice` says: `WouldBlock` when the one is empty or the other full.
pub fn move_pages(from: RawFd, to: RawFd, most: i32) -> io::Result<usize> {
    let most = usize::try_from(most).unwrap_or(0);
    let (none, flags) = (
        ptr::null_mut(),
        libc::SPLICE_F_NONBLOCK | libc::SPLICE_F_MOVE,
    );
    // SAFETY: both offsets are null, as pipes want it; no memory of ours is involved.
    let moved = unsafe { libc::splice(from, none, to, none, most, flags) };
    usize::try_from(moved).map_err(|_| io::Error::last_os_error())
}

unsafe extern "C" {
    /// Where the linker has put the beginning of our program.
    static __executable_start: u8;
    /// Where it has put the end of its code.
    static etext: u8;
}

/// Maps all of our code now, instead of piece by piece when somebody waits. A refusal, as by an old kernel, changes nothing.
pub fn map_program() {
    const PAGE: usize = 4096;
    let start = (&raw const __executable_start).addr() & !(PAGE - 1);
    let length = (&raw const etext).addr().saturating_sub(start);
    let place = ptr::without_provenance_mut(start);
    // SAFETY: only reads ahead in a mapping that is there already; no content changes.
    unsafe { libc::madvise(place, length, libc::MADV_POPULATE_READ) };
}

/// Takes short turns on the processor, which lets the scheduler run us as soon as we are woken: where processors share no cache, it
/// wakes us on that of whoever writes to us, and we would wait there until the writer sleeps. Known to Linux 6.12 and later; others
/// change nothing. Our children are scheduled as ever, by being given what is usual: where our caller has something else, so have we.
pub fn take_short_turns() {
    const TURN: Duration = Duration::from_micros(500);
    let Some(given) = scheduling() else {
        return;
    };
    let is_ordinary = u32::try_from(libc::SCHED_OTHER) == Ok(given.sched_policy);
    if !is_ordinary || given.sched_nice < 0 {
        return;
    }
    let of_turn = |sched_runtime| libc::sched_attr {
        sched_runtime,
        ..given
    };
    set_scheduling(&of_turn(0));
    if scheduling().is_none_or(|usual| usual.sched_runtime != given.sched_runtime) {
        set_scheduling(&given);
        return;
    }
    set_scheduling(&libc::sched_attr {
        sched_flags: libc::SCHED_FLAG_RESET_ON_FORK.try_into().unwrap_or(0),
        ..of_turn(TURN.as_nanos().try_into().unwrap_or(0))
    });
}

/// How this process is scheduled.
fn scheduling() -> Option<libc::sched_attr> {
    let size = size_of::<libc::sched_attr>();
    let mut attr = MaybeUninit::<libc::sched_attr>::zeroed();
    // SAFETY: writes at most `size` bytes through the pointer, which is what it points to.
    let got = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, attr.as_mut_ptr(), size, 0) };
    // SAFETY: numbers only, and zeroes are numbers.
    (got == 0).then_some(unsafe { attr.assume_init() })
}

/// A refusal changes nothing.
fn set_scheduling(attr: &libc::sched_attr) {
    // SAFETY: reads as many bytes through the pointer as the size in it says, which is its own.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, ptr::from_ref(attr), 0) };
}

/// A nameless file in memory that other processes can open by our `/proc/PID/fd`.
///
/// # Errors
/// What `memfd_create` says.
pub fn nameless_file(label: &str) -> io::Result<File> {
    let label = CString::new(label)?;
    // SAFETY: `label` is NUL-terminated and outlives the call.
    let fd = check(unsafe { libc::memfd_create(label.as_ptr(), libc::MFD_CLOEXEC) })?;
    // SAFETY: the kernel has just given us this descriptor and nobody else knows it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(fd) }))
}
