//! Signals: those sent to us, those we send, and the processes whose end they tell.
use std::fs::File;
use std::io::{self, Read};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

use super::{check, os};
use crate::outcome::WaitStatus;

/// The highest signal number there is on any system we run on.
const HIGHEST: i32 = 64;

/// Where handlers write to wake the loop; set before there is a handler, and never closed.
static WAKE: AtomicI32 = AtomicI32::new(0);
static CHILD: AtomicBool = AtomicBool::new(false);
static END: AtomicBool = AtomicBool::new(false);
/// What is ignored, once that was looked at: the hangup is always among it.
static IGNORED: AtomicU64 = AtomicU64::new(0);

/// What has arrived since the last look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrived {
    /// A child changed its state.
    pub child: bool,
    /// Someone wants the command to end.
    pub end: bool,
}

/// The signals this process takes, readable as a descriptor.
#[derive(Debug)]
pub struct Signals {
    reader: ManuallyDrop<File>,
}

extern "C" fn on_signal(signal: libc::c_int) {
    /// What the counter of an `eventfd` goes up by; eight bytes like any others to a pipe.
    static ONE: u64 = 1;
    let errno = os::errno();
    match signal {
        libc::SIGCHLD => CHILD.store(true, Ordering::Relaxed),
        libc::SIGCONT => {}
        _ => END.store(true, Ordering::Relaxed),
    }
    let wake = WAKE.load(Ordering::Relaxed);
    // SAFETY: `write` may be called in a handler, and reads the eight bytes there are. What takes no more has already woken the loop.
    unsafe { libc::write(wake, (&raw const ONE).cast(), size_of_val(&ONE)) };
    os::set_errno(errno);
}

impl Signals {
    /// Takes SIGCHLD and the signals that mean "end the command"; and SIGCONT, because a wait goes on after a stop as long as it had left,
    /// however late it is. A hangup or quit that our caller ignores stays ignored.
    ///
    /// # Errors
    /// When there is no descriptor left.
    pub fn take() -> io::Result<Signals> {
        let (reader, writer) = os::wake_channel()?;
        WAKE.store(writer, Ordering::Relaxed);
        for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGCONT] {
            handle(signal)?;
        }
        // A file that may not grow is an error like any other; the signal would end us in the middle of an answer.
        ignore(libc::SIGXFSZ);
        for signal in [libc::SIGHUP, libc::SIGQUIT] {
            if !os::is_ignored(signal) {
                handle(signal)?;
            }
        }
        // What our caller held back would keep us from ever hearing of an end.
        unblock_all();
        // Known before a command is asked for.
        look_at_ignored();
        // A handler may run to the last moment, and must not write to what has its number then.
        let reader = ManuallyDrop::new(reader);
        Ok(Signals { reader })
    }

    /// The descriptor that becomes readable when a signal arrives.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    /// What has arrived since the last call.
    pub fn arrived(&mut self) -> Arrived {
        let mut bytes = [0; 64];
        // Emptied before the flags are read: a signal in between is then seen twice, never lost.
        while self.reader.read(&mut bytes).is_ok_and(|n| n == bytes.len()) {}
        Arrived {
            child: CHILD.swap(false, Ordering::Relaxed),
            end: END.swap(false, Ordering::Relaxed),
        }
    }
}

fn empty_action() -> libc::sigaction {
    // SAFETY: `sigaction` is plain data for which all zeroes is a valid value.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn handle(signal: libc::c_int) -> io::Result<()> {
    let mut action = empty_action();
    action.sa_sigaction = on_signal as *const () as usize;
    action.sa_flags = libc::SA_RESTART | libc::SA_NOCLDSTOP;
    // SAFETY: `action` is filled in and outlives the call; the handler only does what handlers may.
    check(unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) }).map(|_| ())
}

/// Ignores a signal from now on.
pub fn ignore(signal: i32) {
    set_disposition(signal, libc::SIG_IGN);
}

/// Lets a signal end this process from now on.
pub fn obey(signal: i32) {
    set_disposition(signal, libc::SIG_DFL);
}

fn set_disposition(signal: i32, disposition: libc::sighandler_t) {
    let mut action = empty_action();
    action.sa_sigaction = disposition;
    // SAFETY: as in `handle`. A signal that cannot be changed stays as it is.
    unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
}

/// The signals that are ignored here, by our caller's wish or by our own, as bits from the first on. Looked at once, when signals are
/// taken: only a hangup can come to be ignored later, by a task that persists.
pub(super) fn ignored() -> u64 {
    match IGNORED.load(Ordering::Relaxed) {
        0 => look_at_ignored(),
        known => known,
    }
}

fn look_at_ignored() -> u64 {
    let ignored = (1..=HIGHEST).filter(|signal| os::is_ignored(*signal));
    let found = ignored.fold(1 << (libc::SIGHUP - 1), |bits, signal| {
        bits | 1 << (signal - 1)
    });
    IGNORED.store(found, Ordering::Relaxed);
    found
}

/// Gives these signals, bits as of `ignored`, their default meaning; those with a handler get it by the exec. For the child, between fork
/// and exec: neither allocates nor locks.
pub(super) fn reset(signals: u64) {
    for signal in 1..=HIGHEST {
        if signals & 1 << (signal - 1) != 0 {
            os::reset_signal(signal);
        }
    }
}

fn full_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigfillset` initialises the whole set and cannot fail on a valid pointer.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    // SAFETY: initialised by the call above.
    unsafe { set.assume_init() }
}

/// Holds all signals back, so that none reaches a handler while memory is shared with a child.
pub(super) fn block_all() -> libc::sigset_t {
    let full = full_set();
    let mut old = full;
    // SAFETY: both sets outlive the call, which cannot fail with SIG_SETMASK and valid pointers.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const full, &raw mut old) };
    old
}

/// Puts a mask back that `block_all` gave.
pub(super) fn set_mask(mask: &libc::sigset_t) {
    // SAFETY: as above.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
}

/// Lets every signal through. For the child, between fork and exec, and for ourselves.
pub(super) fn unblock_all() {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the whole set and cannot fail on a valid pointer.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised above; outlives the call.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut()) };
}

/// Sends a signal to one process. False when it is gone or not ours to signal.
#[must_use]
pub fn send(pid: i32, signal: i32) -> bool {
    // SAFETY: takes two numbers. Never called with 0 or less, which would mean a group.
    pid > 1 && unsafe { libc::kill(pid, signal) } == 0
}

/// Sends a signal to a process group. False when it has no members or none that is ours to signal.
#[must_use]
pub fn send_group(group: i32, signal: i32) -> bool {
    // SAFETY: takes two numbers. Groups 0 and 1 would mean our own or everybody.
    group > 1 && unsafe { libc::kill(-group, signal) } == 0
}

/// One look at the children that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaped {
    /// This one ended so.
    Child(i32, WaitStatus),
    /// There are children, and none has ended.
    StillRunning,
    /// There are no children at all.
    NoChildren,
}

/// Reaps one child that ended, without waiting.
#[must_use]
pub fn reap() -> Reaped {
    let mut status = 0;
    // SAFETY: `waitpid` writes one int through the pointer, which outlives the call.
    match unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) } {
        0 => Reaped::StillRunning,
        -1 => Reaped::NoChildren,
        pid => Reaped::Child(pid, WaitStatus::from_raw(status)),
    }
}

const NAMES: [(i32, &str); 28] = [
    (libc::SIGHUP, "HUP"),
    (libc::SIGINT, "INT"),
    (libc::SIGQUIT, "QUIT"),
    (libc::SIGILL, "ILL"),
    (libc::SIGTRAP, "TRAP"),
    (libc::SIGABRT, "ABRT"),
    (libc::SIGBUS, "BUS"),
    (libc::SIGFPE, "FPE"),
    (libc::SIGKILL, "KILL"),
    (libc::SIGUSR1, "USR1"),
    (libc::SIGSEGV, "SEGV"),
    (libc::SIGUSR2, "USR2"),
    (libc::SIGPIPE, "PIPE"),
    (libc::SIGALRM, "ALRM"),
    (libc::SIGTERM, "TERM"),
    (libc::SIGCHLD, "CHLD"),
    (libc::SIGCONT, "CONT"),
    (libc::SIGSTOP, "STOP"),
    (libc::SIGTSTP, "TSTP"),
    (libc::SIGTTIN, "TTIN"),
    (libc::SIGTTOU, "TTOU"),
    (libc::SIGURG, "URG"),
    (libc::SIGXCPU, "XCPU"),
    (libc::SIGXFSZ, "XFSZ"),
    (libc::SIGVTALRM, "VTALRM"),
    (libc::SIGPROF, "PROF"),
    (libc::SIGWINCH, "WINCH"),
    (libc::SIGSYS, "SYS"),
];

fn names() -> impl Iterator<Item = &'static (i32, &'static str)> {
    NAMES.iter().chain(os::SIGNALS)
}

/// The name of a signal without `SIG`, or its number where it has none.
#[must_use]
pub fn name(signal: i32) -> String {
    names()
        .find(|(number, _)| *number == signal)
        .map_or_else(|| signal.to_string(), |(_, name)| (*name).to_owned())
}

/// The number of a signal named with or without `SIG`, in any case, or by its number.
#[must_use]
pub fn number(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<i32>() {
        return (1..=HIGHEST).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    let found = names().find(|(_, name)| *name == bare);
    found.map(|(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_known_by_name_and_number() {
        for text in ["INT", "SIGINT", "int", "sigint", "2"] {
            assert_eq!(number(text), Some(2), "{text}");
        }
        assert_eq!(number("0"), None);
        assert_eq!(number("nonsense"), None);
        assert_eq!(name(15), "TERM");
        for signal in 1..=31 {
            let name = name(signal);
            assert!(name.parse::<i32>().is_err(), "{signal}");
            assert_eq!(number(&name), Some(signal));
        }
        assert_eq!(name(40), "40");
    }

    #[test]
    fn our_own_group_and_everybody_are_never_signalled() {
        assert!(!send(0, 0) && !send(-1, 0) && !send_group(0, 0) && !send_group(1, 0));
    }
}
