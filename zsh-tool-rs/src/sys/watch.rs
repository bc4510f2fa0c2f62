//! Noticing what happened to places for a while, even if all is as before.
use std::path::Path;

/// Tells whether directories were moved, files of certain names came into being, or file systems were mounted.
#[derive(Debug)]
pub struct Watch {
    #[cfg(target_os = "linux")]
    events: Option<linux::Events>,
    /// Tells of mounts by an exceptional condition (`proc(5)`, mounts).
    #[cfg(target_os = "linux")]
    mounts: Option<std::fs::File>,
    /// The devices that are made by the kernel as they are read.
    #[cfg(target_os = "linux")]
    unreal: std::collections::HashSet<u64>,
}

#[cfg(target_os = "linux")]
impl Watch {
    /// A watch that looks at mounts alone as yet.
    #[must_use]
    pub fn new() -> Watch {
        let mut mounts = std::fs::File::open("/proc/self/mountinfo").ok();
        Watch {
            events: linux::Events::new().ok(),
            unreal: mounts.as_mut().map(linux::unreal).unwrap_or_default(),
            mounts,
        }
    }

    /// Whether what is on this device is made by the kernel as it is read, and may be another thing for each process.
    #[must_use]
    pub fn is_unreal(&self, device: u64) -> bool {
        self.unreal.contains(&device)
    }

    /// Watches whether a directory is moved; false if the system does not let us.
    pub fn add_folder(&mut self, folder: &Path) -> bool {
        let added = self.events.as_mut().map(|events| events.add_folder(folder));
        matches!(added, Some(Ok(())))
    }

    /// Watches whether something comes into being where nothing is; false if the system does not let us.
    pub fn add_missing(&mut self, place: &Path) -> bool {
        let added = self.events.as_mut().map(|events| events.add_missing(place));
        matches!(added, Some(Ok(())))
    }

    /// Whether it noticed nothing so far. It does where it cannot tell of mounts.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.mounts.as_ref().is_some_and(linux::has_no_condition)
            && self
                .events
                .as_ref()
                .is_none_or(linux::Events::are_of_others)
    }
}

#[cfg(not(target_os = "linux"))]
impl Watch {
    /// This system has no such watch that we use.
    #[must_use]
    pub fn new() -> Watch {
        Watch {}
    }

    /// This system has none that we know.
    #[must_use]
    pub fn is_unreal(&self, _device: u64) -> bool {
        false
    }

    /// It does not.
    pub fn add_folder(&mut self, _folder: &Path) -> bool {
        false
    }

    /// It does not.
    pub fn add_missing(&mut self, _place: &Path) -> bool {
        false
    }

    /// As it looks at nothing, it notices nothing.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        true
    }
}

impl Default for Watch {
    fn default() -> Watch {
        Watch::new()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashSet;
    use std::ffi::{CString, OsString};
    use std::fs::File;
    use std::io::{self, ErrorKind, Read};
    use std::os::fd::{AsRawFd, FromRawFd};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::Path;

    use crate::sys::check;

    /// The fixed part of an event: where, what, with what, and the length of the name that follows (inotify(7)).
    const HEAD: usize = 16;
    /// What a directory tells of itself.
    const ITSELF: u32 = libc::IN_MOVE_SELF | libc::IN_DELETE_SELF;
    /// What it tells of names in it.
    const CAME: u32 = libc::IN_CREATE | libc::IN_MOVED_TO;

    /// Kinds of file systems that hold no files (`proc(5)`, filesystems).
    const UNREAL: [&str; 11] = [
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "debugfs",
        "devpts",
        "mqueue",
        "proc",
        "securityfs",
        "sysfs",
        "tracefs",
    ];

    /// The devices of such file systems. In each line of `mountinfo` the third field is the device, and the kind follows a lone dash.
    pub(super) fn unreal(mounts: &mut File) -> HashSet<u64> {
        let mut text = Vec::new();
        // What cannot be read in whole tells of fewer.
        let _failed = mounts.read_to_end(&mut text);
        let device = |line: &str| {
            let (place, kind) = line.split_once(" - ")?;
            let (major, minor) = place.split(' ').nth(2)?.split_once(':')?;
            let kind = kind.split(' ').next()?;
            UNREAL
                .contains(&kind)
                .then(|| Some(libc::makedev(major.parse().ok()?, minor.parse().ok()?)))?
        };
        String::from_utf8_lossy(&text)
            .lines()
            .filter_map(device)
            .collect()
    }

    /// A watch by inotify, whose queue the system keeps for us.
    #[derive(Debug)]
    pub(super) struct Events {
        queue: File,
        /// The names that nothing had, in small letters. Others come and go all the time.
        names: HashSet<OsString>,
    }

    impl Events {
        pub(super) fn new() -> io::Result<Events> {
            // SAFETY: takes flags alone.
            let fd = check(unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) })?;
            Ok(Events {
                // SAFETY: the descriptor is new and nobody else's.
                queue: unsafe { File::from_raw_fd(fd) },
                names: HashSet::new(),
            })
        }

        pub(super) fn add_folder(&mut self, folder: &Path) -> io::Result<()> {
            self.add(folder, ITSELF)
        }

        pub(super) fn add_missing(&mut self, place: &Path) -> io::Result<()> {
            let name = place.file_name().unwrap_or_default();
            self.names.insert(name.to_ascii_lowercase());
            self.add(place.parent().unwrap_or(place), ITSELF | CAME)
        }

        fn add(&self, folder: &Path, what: u32) -> io::Result<()> {
            let name = CString::new(folder.as_os_str().as_bytes())?;
            let mask = what | libc::IN_ONLYDIR | libc::IN_MASK_ADD;
            // SAFETY: the descriptor is open, and the path a NUL-terminated string that outlives the call.
            check(unsafe { libc::inotify_add_watch(self.queue.as_raw_fd(), name.as_ptr(), mask) })?;
            Ok(())
        }

        /// Whether only other names came. A queue that ran over may have lost one of ours.
        pub(super) fn are_of_others(&self) -> bool {
            // Not on the stack, which each command would have to touch for it.
            let mut block = vec![0; 16 << 10];
            loop {
                match (&self.queue).read(&mut block) {
                    Ok(count) if self.are_other_names(&block[..count]) => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return error.kind() == ErrorKind::WouldBlock,
                    Ok(_) => return false,
                }
            }
        }

        fn are_other_names(&self, mut events: &[u8]) -> bool {
            while let Some((head, rest)) = events.split_first_chunk::<HEAD>() {
                let [_, what, _, length] = *head.as_chunks().0 else {
                    return false;
                };
                let length = u32::from_ne_bytes(length) as usize;
                let Some((name, rest)) = rest.split_at_checked(length) else {
                    return false;
                };
                let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
                let has_come = u32::from_ne_bytes(what) & CAME != 0;
                // Some file systems take capitals for small letters.
                let name = OsString::from_vec(name.to_ascii_lowercase());
                if !has_come || self.names.contains(&name) {
                    return false;
                }
                events = rest;
            }
            events.is_empty()
        }
    }

    /// Whether no exceptional condition is there.
    pub(super) fn has_no_condition(file: &File) -> bool {
        let mut entry = libc::pollfd {
            fd: file.as_raw_fd(),
            events: libc::POLLPRI,
            revents: 0,
        };
        // SAFETY: one entry, which outlives the call, and no time to wait.
        unsafe { libc::poll(&raw mut entry, 1, 0) == 0 }
    }
}
