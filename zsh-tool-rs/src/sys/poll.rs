//! The one place where the executor waits.
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

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
        let mut patience = millis(limit);
        while let Err(error) = self.poll(patience) {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
            patience = 0;
        }
        Ok(())
    }

    fn poll(&mut self, patience: libc::c_int) -> io::Result<()> {
        let count = libc::nfds_t::try_from(self.entries.len()).unwrap_or(0);
        // SAFETY: pointer and count describe our vector, which outlives the call.
        super::check(unsafe { libc::poll(self.entries.as_mut_ptr(), count, patience) }).map(|_| ())
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

/// Rounds up, so that a deadline has passed when the wait for it ends.
fn millis(limit: Option<Duration>) -> libc::c_int {
    limit.map_or(-1, |limit| {
        let rounded = limit.as_nanos().div_ceil(1_000_000);
        libc::c_int::try_from(rounded).unwrap_or(libc::c_int::MAX)
    })
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
    use super::*;

    #[test]
    fn a_wait_is_never_shorter_than_its_deadline() {
        assert_eq!(millis(None), -1);
        assert_eq!(millis(Some(Duration::ZERO)), 0);
        assert_eq!(millis(Some(Duration::from_micros(1))), 1);
        assert_eq!(millis(Some(Duration::from_micros(2001))), 3);
        assert_eq!(millis(Some(Duration::MAX)), libc::c_int::MAX);
    }
}
