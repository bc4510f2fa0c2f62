//! The command's output on its way: read in blocks, kept in a file, handed to the caller's stdout.
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use super::forward::Forward;
use super::kept::Kept;
use crate::sys::poll::{PollSet, Ready, Slot};
use crate::sys::{self, os};

/// The most that the first read takes: most commands write less, and memory that is never touched costs nothing to give back.
const FIRST_BLOCK: usize = 16 << 10;
/// The same where there should be nothing more: room that costs no page of memory.
const RARELY: usize = 64;
/// The most that one read takes.
const BLOCK: usize = 256 << 10;
/// What a pipe holds once its output has shown to flow.
const WIDE_PIPE: i32 = 1 << 20;
/// A read of this size means that output flows rather than trickles.
const FLOWING: usize = 64 << 10;
/// How long a flow is left to fill its wide pipe after a read that found little: a reader that is faster than the writer would take each
/// of its writes by itself, and both would do nothing but wake each other.
const FILL: Duration = Duration::from_micros(100);
/// More than the buffers of a pseudo-terminal hold.
const TERMINAL_BUFFERS: usize = 128 << 10;

/// How output comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Out of a terminal.
    Terminal,
    /// In small pieces, as far as we have seen.
    Trickle,
    /// In large blocks, through a pipe that was made wider.
    Flow,
    /// The same, and whole pages go on to stdout without us.
    Pages,
}

/// What the shell leaves behind is owed to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Debt {
    /// The shell runs.
    Unknown,
    /// So much of it has not been read yet.
    Unread(usize),
    /// All of it has been handed on. What is held since was written by others.
    PaidOut,
}

/// The output of one command.
#[derive(Debug)]
pub struct Output {
    source: Option<File>,
    /// The shell's end of the pipe, held while it runs: its death then wakes us once, and not the end of its output before.
    writer: Option<OwnedFd>,
    way: Way,
    /// The pipe holds as much as we asked for.
    is_wide: bool,
    /// Stdout had no room for a page.
    is_blocked: bool,
    block: Vec<u8>,
    /// What of the block the caller's stdout has not yet taken.
    held: Range<usize>,
    stdout: Option<Forward>,
    kept: Option<Kept>,
    total: u64,
    last: Instant,
    /// A flow fills its pipe until then.
    fills_until: Option<Instant>,
    debt: Debt,
    reader_gone: bool,
    trouble: Option<String>,
    slots: (Option<Slot>, Option<Slot>),
}

impl Output {
    /// Reads from `source`, which does not block, for these takers. It is a terminal, or a pipe whose other end is `writer`.
    #[must_use]
    pub fn new(
        source: OwnedFd,
        writer: Option<OwnedFd>,
        stdout: Option<File>,
        kept: Option<Kept>,
    ) -> Output {
        Output {
            source: Some(File::from(source)),
            way: if writer.is_none() {
                Way::Terminal
            } else {
                Way::Trickle
            },
            writer,
            is_wide: false,
            is_blocked: false,
            block: Vec::new(),
            held: 0..0,
            stdout: stdout.map(Forward::new),
            kept,
            total: 0,
            last: Instant::now(),
            fills_until: None,
            debt: Debt::Unknown,
            reader_gone: false,
            trouble: None,
            slots: (None, None),
        }
    }

    /// Notes that output cannot be kept, and why.
    pub fn note_trouble(&mut self, action: &str, error: &io::Error) {
        let trouble = format!("{action}: {error}");
        self.trouble.get_or_insert(trouble);
    }

    /// Bytes produced so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The kept part, if there is one.
    #[must_use]
    pub fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// Why some output did not get where it should have.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Where it is read, while more can come.
    #[must_use]
    pub fn source(&self) -> Option<RawFd> {
        self.source.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// When the last output came.
    #[must_use]
    pub fn last(&self) -> Instant {
        self.last
    }

    /// Whether the caller's stdout holds us up.
    #[must_use]
    pub fn is_held_up(&self) -> bool {
        self.is_blocked || !self.held.is_empty()
    }

    /// Whether nothing more can come and all has been handed on.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.source.is_none() && !self.is_held_up()
    }

    /// Whether the caller has closed our stdout and nobody else takes the output.
    #[must_use]
    pub fn is_unwanted(&self) -> bool {
        self.reader_gone && self.kept.is_none()
    }

    /// The shell has ended: what is there now is still its own output, and is read whole.
    pub fn shell_ended(&mut self) {
        self.writer = None;
        let owed = match self.way {
            Way::Terminal if self.source.is_some() => TERMINAL_BUFFERS,
            _ => self.unread(),
        };
        self.debt = Debt::Unread(owed);
        self.collect();
        self.note_paid_out();
    }

    /// How much can be read now.
    fn unread(&self) -> usize {
        self.source().map_or(0, sys::readable_bytes)
    }

    /// Reads what is owed, as far as stdout takes it.
    fn collect(&mut self) {
        while !self.is_held_up() && self.read_block() && !self.has_paid() {}
    }

    /// Whether all that the shell left behind has been handed on, though more may be held up since.
    #[must_use]
    pub fn is_paid_out(&self) -> bool {
        self.debt == Debt::PaidOut
    }

    fn note_paid_out(&mut self) {
        if self.has_paid() && self.held.is_empty() {
            self.debt = Debt::PaidOut;
        }
    }

    /// Whether all that the shell left behind has been read.
    #[must_use]
    pub fn has_paid(&self) -> bool {
        matches!(self.debt, Debt::Unread(0) | Debt::PaidOut)
    }

    /// Says what to wait for: room when stdout is full, else more output.
    pub fn register(&mut self, set: &mut PollSet) {
        self.slots = (None, None);
        if let (Some(stdout), true) = (&self.stdout, self.is_held_up()) {
            self.slots.1 = Some(set.add(stdout.fd(), Ready::WRITE));
        } else if let (Some(source), None) = (&self.source, self.fills_until) {
            self.slots.0 = Some(set.add(source.as_raw_fd(), Ready::READ));
        }
    }

    /// When to look again without having been woken.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.fills_until
    }

    /// Does what the wait has made possible.
    pub fn pump(&mut self, set: &PollSet) {
        let is_filled = self.fills_until.is_some_and(|end| end <= Instant::now());
        if is_filled {
            self.fills_until = None;
        }
        if set.ready(self.slots.1).writable {
            self.hand_on();
            self.note_paid_out();
            if std::mem::take(&mut self.is_blocked) {
                self.read_block();
            }
            if matches!(self.debt, Debt::Unread(1..)) {
                self.collect();
            }
        }
        // What was readable may have been read since, by the shell's end, and stdout had no room for it.
        if (is_filled || set.ready(self.slots.0).readable) && !self.is_held_up() {
            self.read_block();
        }
        self.note_paid_out();
    }

    /// Lets pages go from pipe to pipe. False when none went.
    fn move_pages(&mut self, from: RawFd, to: RawFd) -> bool {
        match os::move_pages(from, to, WIDE_PIPE) {
            Ok(0) => self.close(),
            Ok(count) => {
                self.count(count);
                return true;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // Either the one is empty or the other is full.
                self.is_blocked = sys::readable_bytes(from) > 0;
                if !self.is_blocked {
                    self.settle_debt();
                }
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.lose_stdout(&error),
            Err(_) => {
                self.way = Way::Flow;
                return true;
            }
        }
        false
    }

    /// False when there was nothing.
    fn read_block(&mut self) -> bool {
        if let (true, Some(source), Some(stdout)) =
            (self.way == Way::Pages, &self.source, &self.stdout)
        {
            return self.move_pages(source.as_raw_fd(), stdout.fd());
        }
        let Some(source) = &self.source else {
            return false;
        };
        self.block.clear();
        // Where nothing is owed, the end is all that is expected.
        let expected = if self.has_paid() { RARELY } else { FIRST_BLOCK };
        self.block.reserve_exact(expected);
        let room = self.block.capacity();
        match sys::read_into_room(source.as_raw_fd(), &mut self.block) {
            Ok(0) => self.close(),
            Ok(count) => {
                self.take();
                // The first block was full: there may be much more.
                if count == room && room < BLOCK {
                    self.block.reserve_exact(BLOCK - count);
                }
                return true;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.settle_debt(),
            // A terminal whose last slave was closed says EIO.
            Err(_) => self.close(),
        }
        false
    }

    /// Nothing more is read; what is held is still handed on.
    pub fn close(&mut self) {
        self.source = None;
        self.fills_until = None;
        self.settle_debt();
    }

    fn settle_debt(&mut self) {
        if let Debt::Unread(left) = &mut self.debt {
            *left = 0;
        }
    }

    fn count(&mut self, count: usize) {
        self.last = Instant::now();
        if self.is_wide && count < FLOWING && self.unread() < FLOWING {
            self.fills_until = Some(self.last + FILL);
        }
        self.total += count as u64;
        if let Debt::Unread(left) = &mut self.debt {
            *left = left.saturating_sub(count);
        }
    }

    /// Output flows: wider pipes let their writers and readers meet less often, and from pipe to pipe whole pages can go.
    fn widen(&mut self) {
        self.way = Way::Flow;
        if let Some(stdout) = self.stdout.as_ref().filter(|stdout| stdout.is_pipe()) {
            // Else its reader would wake us for every few pages. One that may not grow is as good as before.
            let _is_wide = os::enlarge_pipe(stdout.fd(), WIDE_PIPE);
            if self.kept.is_none() {
                self.way = Way::Pages;
            }
        }
        if let Some(source) = &self.source {
            self.is_wide = os::enlarge_pipe(source.as_raw_fd(), WIDE_PIPE);
        }
    }

    /// Takes what the block holds.
    fn take(&mut self) {
        let count = self.block.len();
        self.count(count);
        let kept = self.kept.as_mut().map(|kept| kept.append(&self.block));
        if let Some(Err(error)) = kept {
            self.kept = None;
            self.note_trouble("output is not kept", &error);
        }
        if self.stdout.is_some() {
            self.held = 0..count;
            self.hand_on();
        }
        if count >= FLOWING && self.way == Way::Trickle {
            self.widen();
        }
    }

    /// Gives stdout what it takes now.
    fn hand_on(&mut self) {
        while !self.held.is_empty() {
            let (Some(stdout), Some(bytes)) = (&mut self.stdout, self.block.get(self.held.clone()))
            else {
                return;
            };
            match stdout.write(bytes) {
                Ok(count) => self.held.start += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.lose_stdout(&error),
            }
        }
    }

    fn lose_stdout(&mut self, error: &io::Error) {
        self.stdout = None;
        self.held = 0..0;
        self.is_blocked = false;
        self.reader_gone = error.kind() == io::ErrorKind::BrokenPipe;
        if !self.reader_gone {
            self.note_trouble("cannot write to stdout", error);
        } else if self.kept.is_none() {
            // The command finds out by its next write, as if it had written there itself.
            self.close();
        }
    }
}

#[cfg(test)]
mod tests;
