//! Pseudo-terminals: making one, its size, and what its line discipline does.
use std::ffi::CStr;
use std::fs::OpenOptions;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;

use super::check;

/// Rows and columns of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub cols: u16,
}

/// What the line discipline does with input.
#[derive(Clone, Copy, Debug)]
pub struct LineMode {
    /// Typed characters are shown.
    pub echo: bool,
    /// Input is handed over by the line.
    pub canonical: bool,
    /// The character that ends the input, 0 for none.
    pub eof: u8,
}

/// Opens a pseudo-terminal: its master, and its slave as nobody's controlling terminal yet.
///
/// # Errors
/// What the system says; it may have no more terminals to give.
pub fn open(size: Size) -> io::Result<(OwnedFd, OwnedFd)> {
    // SAFETY: opens a new descriptor from constant flags.
    let master = check(unsafe { libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY) })?;
    // SAFETY: the kernel has just given us this descriptor and nobody else knows it.
    let master_fd = unsafe { OwnedFd::from_raw_fd(master) };
    // SAFETY: sets a flag on a descriptor we own.
    check(unsafe { libc::fcntl(master, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: works on a descriptor we own.
    check(unsafe { libc::grantpt(master) })?;
    // SAFETY: works on a descriptor we own.
    check(unsafe { libc::unlockpt(master) })?;
    // SAFETY: the result is a static buffer that only this single thread uses.
    let name = unsafe { libc::ptsname(master) };
    if name.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: not null, NUL-terminated, and not overwritten before it is copied below.
    let name = unsafe { CStr::from_ptr(name) };
    set_size(master, size)?;
    let path = std::ffi::OsStr::from_bytes(name.to_bytes());
    let slave = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open(path)?;
    Ok((master_fd, slave.into()))
}

/// Sets the size; the foreground job is told by SIGWINCH.
///
/// # Errors
/// What the system says.
pub fn set_size(fd: RawFd, size: Size) -> io::Result<()> {
    let size = libc::winsize {
        ws_row: size.rows,
        ws_col: size.cols,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCSWINSZ reads one `winsize` through the pointer, which outlives the call.
    check(unsafe { libc::ioctl(fd, libc::TIOCSWINSZ, &raw const size) }).map(|_| ())
}

/// The process group in the foreground of the terminal.
#[must_use]
pub fn foreground(master: RawFd) -> Option<i32> {
    // SAFETY: takes a number; a descriptor that is no terminal is an error.
    let group = unsafe { libc::tcgetpgrp(master) };
    (group > 1).then_some(group)
}

/// What the line discipline of the terminal does now.
#[must_use]
pub fn line_mode(master: RawFd) -> Option<LineMode> {
    let mut settings = MaybeUninit::uninit();
    // SAFETY: `tcgetattr` fills in the whole structure when it succeeds.
    if unsafe { libc::tcgetattr(master, settings.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: initialised by the call above, which succeeded.
    let settings: libc::termios = unsafe { settings.assume_init() };
    Some(LineMode {
        echo: settings.c_lflag & libc::ECHO != 0,
        canonical: settings.c_lflag & libc::ICANON != 0,
        eof: settings.c_cc.get(libc::VEOF).copied().unwrap_or(4),
    })
}
