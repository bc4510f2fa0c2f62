//! The caller's stdout: written to without ever waiting, whatever it is.
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

use crate::sys::{above_standard, poll, send_now};

/// A pipe that says it takes a write takes at least this much.
const SURE_ROOM: usize = 4096;

#[derive(Debug)]
enum Way {
    /// A file or device: a write is over as soon as it can be.
    Straight,
    /// A pipe or terminal, opened once more for ourselves: not waiting must not become a property of the caller's own end.
    Own(File),
    /// A pipe or terminal that could not be opened again: only as much as it surely takes.
    Little,
    Socket,
}

/// The caller's stdout.
#[derive(Debug)]
pub struct Forward {
    out: File,
    way: Option<Way>,
}

impl Forward {
    /// Forwards to `out`.
    #[must_use]
    pub fn new(out: File) -> Forward {
        Forward { out, way: None }
    }

    /// The descriptor to wait for when a write would have to.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        match &self.way {
            Some(Way::Own(file)) => file.as_raw_fd(),
            _ => self.out.as_raw_fd(),
        }
    }

    /// Whether it is known to be a pipe.
    #[must_use]
    pub fn is_pipe(&self) -> bool {
        matches!(self.way, Some(Way::Own(_) | Way::Little)) && !self.out.is_terminal()
    }

    /// Writes as much as goes at once.
    ///
    /// # Errors
    /// `WouldBlock` when nothing goes now, `BrokenPipe` when nobody reads any more, else what the system says.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.way.is_none() {
            self.way = Some(find_way(&self.out));
        }
        match &self.way {
            Some(Way::Own(file)) => (&*file).write(bytes),
            Some(Way::Socket) => send_now(self.out.as_raw_fd(), bytes),
            Some(Way::Little) if !poll::is_writable(self.out.as_raw_fd()) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Some(Way::Little) => self.out.write(bytes.get(..SURE_ROOM).unwrap_or(bytes)),
            Some(Way::Straight) | None => self.out.write(bytes),
        }
    }
}

fn find_way(out: &File) -> Way {
    let Ok(kind) = out.metadata().map(|metadata| metadata.file_type()) else {
        return Way::Straight;
    };
    if kind.is_socket() {
        return Way::Socket;
    }
    if !kind.is_fifo() && !out.is_terminal() {
        return Way::Straight;
    }
    let path = format!("/proc/self/fd/{}", out.as_raw_fd());
    OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        // Our stdin may be at its end and closed; a copy of us lets go of that number whatever it leads to by then.
        .and_then(|own| above_standard(own.into()))
        .map_or(Way::Little, |own| Way::Own(own.into()))
}
