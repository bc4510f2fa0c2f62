//! Starting the shell. What runs between fork and exec is in `Plan::become_shell`: no allocation, no lock, no panic.
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;

use super::{os, signal};

/// A resource limit to set, by its number.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    resource: os::Resource,
    soft: libc::rlim_t,
    hard: libc::rlim_t,
}

const RESOURCES: [(&str, i64); 9] = [
    ("AS", libc::RLIMIT_AS as i64),
    ("CORE", libc::RLIMIT_CORE as i64),
    ("CPU", libc::RLIMIT_CPU as i64),
    ("DATA", libc::RLIMIT_DATA as i64),
    ("FSIZE", libc::RLIMIT_FSIZE as i64),
    ("MEMLOCK", libc::RLIMIT_MEMLOCK as i64),
    ("NOFILE", libc::RLIMIT_NOFILE as i64),
    ("NPROC", libc::RLIMIT_NPROC as i64),
    ("STACK", libc::RLIMIT_STACK as i64),
];

impl Limit {
    /// A limit on the resource of this name, with or without `RLIMIT_`; `None` means unlimited.
    #[must_use]
    pub fn new(name: &str, soft: Option<u64>, hard: Option<u64>) -> Option<Limit> {
        let upper = name.to_ascii_uppercase();
        let bare = upper.strip_prefix("RLIMIT_").unwrap_or(&upper);
        let (_, number) = RESOURCES
            .iter()
            .chain(os::RESOURCES)
            .find(|(known, _)| *known == bare)?;
        Some(Limit {
            resource: os::Resource::try_from(*number).ok()?,
            soft: soft.unwrap_or(libc::RLIM_INFINITY),
            hard: hard.unwrap_or(libc::RLIM_INFINITY),
        })
    }
}

/// What the child was doing when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Making the child itself, its session, descriptors or limits.
    Prepare,
    /// Changing into the working directory.
    Directory,
    /// Executing the shell.
    Execute,
}

/// The permissions of a file, as wide as this system has them.
pub type FileMode = libc::mode_t;

/// Everything the child needs, made ready before it exists.
#[derive(Debug)]
pub struct Plan {
    arguments: Vec<CString>,
    environment: Vec<CString>,
    argument_pointers: Vec<*const libc::c_char>,
    environment_pointers: Vec<*const libc::c_char>,
    /// The file to execute.
    pub program: CString,
    /// Where to run, if not here.
    pub directory: Option<CString>,
    /// What becomes descriptor 0, 1 and 2; a negative one is closed.
    pub stdio: [RawFd; 3],
    /// Descriptor 0 is a terminal that the child is to control.
    pub terminal: bool,
    /// The file mode mask, if not ours.
    pub umask: Option<FileMode>,
    /// Resource limits to set.
    pub limits: Vec<Limit>,
    parent: libc::pid_t,
    ignored: u64,
    failure: Cell<(Step, i32)>,
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    let all = strings.iter().map(|s| s.as_ptr());
    all.chain([ptr::null()]).collect()
}

impl Plan {
    /// A plan to execute `program` with these arguments (the first is its name) and this environment.
    #[must_use]
    pub fn new(program: CString, arguments: Vec<CString>, environment: Vec<CString>) -> Plan {
        Plan {
            argument_pointers: pointers(&arguments),
            environment_pointers: pointers(&environment),
            arguments,
            environment,
            program,
            directory: None,
            stdio: [0, 1, 2],
            terminal: false,
            umask: None,
            limits: Vec::new(),
            parent: os_pid(),
            ignored: signal::ignored(),
            failure: Cell::new((Step::Prepare, 0)),
        }
    }

    /// Starts the child. Its descriptors must be numbered above 2 or be its own already.
    ///
    /// # Errors
    /// The step that failed, and why.
    pub fn start(&self) -> Result<i32, (Step, io::Error)> {
        debug_assert_eq!(self.arguments.len() + 1, self.argument_pointers.len());
        debug_assert_eq!(self.environment.len() + 1, self.environment_pointers.len());
        let mask = signal::block_all();
        let started = os::start(self);
        signal::set_mask(&mask);
        started.map_err(|error| match self.failure.get() {
            (_, 0) => (Step::Prepare, error),
            (step, code) => (step, io::Error::from_raw_os_error(code)),
        })
    }

    /// The failure the child left in shared memory, or reported through a pipe.
    pub(super) fn failure(&self) -> &Cell<(Step, i32)> {
        &self.failure
    }

    /// Runs in the child and does not return: either the shell takes over, or the failure is left and the child exits.
    pub(super) fn become_shell(&self) -> ! {
        let failed = self.prepare().err().or_else(|| self.execute().err());
        if let Some(step) = failed {
            self.failure.set((step, os::errno()));
            os::report_failure(self);
        }
        super::exit_now(127)
    }

    fn prepare(&self) -> Result<(), Step> {
        let ok = |result: libc::c_int| {
            if result == -1 {
                Err(Step::Prepare)
            } else {
                Ok(())
            }
        };
        // SAFETY: takes no argument; a fresh child leads no group, so it cannot fail.
        ok(unsafe { libc::setsid() })?;
        for (target, &source) in (0..).zip(&self.stdio) {
            if source < 0 {
                // SAFETY: takes a number of the child's own; closed already is as good.
                unsafe { libc::close(target) };
            } else if source != target {
                // SAFETY: takes two numbers; a bad one is an error.
                ok(unsafe { libc::dup2(source, target) })?;
            }
        }
        if self.terminal {
            // SAFETY: TIOCSCTTY takes an int and works on descriptor 0.
            ok(unsafe { libc::ioctl(0, os::TAKE_TERMINAL, 0) })?;
        }
        if let Some(mask) = self.umask {
            // SAFETY: takes a number and always succeeds.
            unsafe { libc::umask(mask) };
        }
        if let Some(directory) = &self.directory {
            // SAFETY: `directory` is NUL-terminated and outlives the call.
            let result = unsafe { libc::chdir(directory.as_ptr()) };
            ok(result).map_err(|_| Step::Directory)?;
        }
        for limit in &self.limits {
            let values = libc::rlimit {
                rlim_cur: limit.soft,
                rlim_max: limit.hard,
            };
            // SAFETY: reads one `rlimit` through the pointer, which outlives the call.
            ok(unsafe { libc::setrlimit(limit.resource, &raw const values) })?;
        }
        Ok(())
    }

    fn execute(&self) -> Result<(), Step> {
        signal::reset(self.ignored);
        os::die_with_parent();
        // SAFETY: takes no argument and always succeeds.
        if unsafe { libc::getppid() } != self.parent {
            // The parent died before its death could reach us.
            super::exit_now(127);
        }
        signal::unblock_all();
        // SAFETY: all three are NUL-terminated and live in `self`, which the child shares or has a copy of.
        unsafe {
            libc::execve(
                self.program.as_ptr(),
                self.argument_pointers.as_ptr(),
                self.environment_pointers.as_ptr(),
            )
        };
        Err(Step::Execute)
    }
}

fn os_pid() -> libc::pid_t {
    // SAFETY: takes no argument and always succeeds.
    unsafe { libc::getpid() }
}

/// Whether `path` is a file that we may execute. Asked of the system itself: the library's way lies in a part of the program that a
/// command touches for nothing else.
#[must_use]
pub fn is_executable(path: &CStr) -> bool {
    // SAFETY: `path` is NUL-terminated and outlives the call.
    if unsafe { libc::access(path.as_ptr(), libc::X_OK) } != 0 {
        return false;
    }
    let mut found = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: as above; the kernel writes one `stat`.
    if unsafe { libc::stat(path.as_ptr(), found.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: filled in by the call, which succeeded.
    let found = unsafe { found.assume_init() };
    found.st_mode & libc::S_IFMT == libc::S_IFREG
}
