//! The command's terminal, seen from the master's side.
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::sys::set_nonblocking;
use crate::sys::terminal::{self, LineMode, Size};

/// A pseudo-terminal and both its ends.
#[derive(Debug)]
pub struct Terminal {
    master: File,
    /// Held while the shell runs, so that a command which closes its terminal for a while does not look like its end.
    slave: Option<OwnedFd>,
    size: Size,
}

impl Terminal {
    /// Makes one of this size.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(size: Size) -> io::Result<Terminal> {
        let (master, slave) = terminal::open(size)?;
        set_nonblocking(master.as_raw_fd())?;
        Ok(Terminal {
            master: File::from(master),
            slave: Some(crate::sys::above_standard(slave)?),
            size,
        })
    }

    /// The descriptor of the master.
    #[must_use]
    pub fn master(&self) -> RawFd {
        self.master.as_raw_fd()
    }

    /// Another descriptor for the master.
    ///
    /// # Errors
    /// When there are none left.
    pub fn another_master(&self) -> io::Result<OwnedFd> {
        self.master.try_clone().map(OwnedFd::from)
    }

    /// The descriptor of the slave, until the shell has ended.
    #[must_use]
    pub fn slave(&self) -> Option<RawFd> {
        self.slave.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// The shell has ended: from now on the terminal ends with its last user.
    pub fn shell_ended(&mut self) {
        self.slave = None;
    }

    /// Rows and columns.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Changes the size and tells the foreground job.
    ///
    /// # Errors
    /// What the system says.
    pub fn resize(&mut self, size: Size) -> io::Result<()> {
        terminal::set_size(self.master(), size)?;
        self.size = size;
        Ok(())
    }

    /// What the line discipline does now.
    #[must_use]
    pub fn line_mode(&self) -> Option<LineMode> {
        terminal::line_mode(self.master())
    }

    /// The foreground process group.
    #[must_use]
    pub fn foreground(&self) -> Option<i32> {
        terminal::foreground(self.master())
    }
}
