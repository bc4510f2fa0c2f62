//! The one place where the executor waits.
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use super::os;

/// What a descriptor is waited for, and what became of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// There is something to read, or the other side is gone.
    pub readable: bool,
    /// There is room to write, or nobody left to write to.
    pub writable: bool,
}

impl Ready {
    /// Waits for input.
    pub const READ: Ready = Ready {
        readable: true,
        writable: false,
    };
    /// Waits for room.
    pub const WRITE: Ready = Ready {
        readable: false,
        writable: true,
    };
}

/// The descriptors one turn of the loop waits for.
#[derive(Debug, Default)]
pub struct PollSet {
    entries: Vec<libc::pollfd>,
}

/// Where a descriptor stands in its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(usize);

impl PollSet {
    /// Forgets all descriptors.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Adds a descriptor; the slot asks for its state after the wait.
    pub fn add(&mut self, fd: RawFd, interest: Ready) -> Slot {
        let mut events = 0;
        if interest.readable {
            events |= libc::POLLIN;
        }
        if interest.writable {
            events |= libc::POLLOUT;
        }
        self.entries.push(libc::pollfd {
            fd,
            events,
            revents: 0,
        });
        Slot(self.entries.len() - 1)
    }

    /// Waits until something is ready or the time is over. An interrupted wait looks once more: what interrupted it can be read by
    /// then, and must not lose to a deadline that passed while we were stopped.
    ///
    /// # Errors
    /// What `poll` says.
    pub fn wait(&mut self, limit: Option<Duration>) -> io::Result<()> {
        let mut patience = limit;
        while let Err(error) = os::poll(&mut self.entries, patience) {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
            patience = Some(Duration::ZERO);
        }
        Ok(())
    }

    /// What became of the descriptor in `slot`.
    #[must_use]
    pub fn ready(&self, slot: Option<Slot>) -> Ready {
        let Some(entry) = slot.and_then(|Slot(index)| self.entries.get(index)) else {
            return Ready::default();
        };
        let broken = entry.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0;
        Ready {
            readable: entry.events & libc::POLLIN != 0
                && (broken || entry.revents & libc::POLLIN != 0),
            writable: entry.events & libc::POLLOUT != 0
                && (broken || entry.revents & libc::POLLOUT != 0),
        }
    }
}

/// Whether `fd` takes a write right now.
#[must_use]
pub fn is_writable(fd: RawFd) -> bool {
    now(fd, Ready::WRITE).writable
}

/// Whether `fd` has something to read right now, its end included.
#[must_use]
pub fn is_readable(fd: RawFd) -> bool {
    now(fd, Ready::READ).readable
}

fn now(fd: RawFd, interest: Ready) -> Ready {
    let mut set = PollSet::default();
    let slot = set.add(fd, interest);
    match set.wait(Some(Duration::ZERO)) {
        Ok(()) => set.ready(Some(slot)),
        Err(_) => Ready::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_wait_is_never_shorter_than_its_deadline() {
        for limit in [0, 1, 2001, 30_500].map(Duration::from_micros) {
            let begin = Instant::now();
            PollSet::default().wait(Some(limit)).unwrap();
            assert!(begin.elapsed() >= limit);
        }
    }

    #[test]
    fn a_wait_takes_any_limit() {
        let (reader, writer) = io::pipe().unwrap();
        for limit in [None, Some(Duration::MAX)] {
            let mut set = PollSet::default();
            let slots = [
                set.add(reader.as_raw_fd(), Ready::READ),
                set.add(writer.as_raw_fd(), Ready::WRITE),
            ];
            set.wait(limit).unwrap();
            let ready = slots.map(|slot| set.ready(Some(slot)));
            assert_eq!(ready, [Ready::default(), Ready::WRITE]);
        }
    }
}
