//! What is typed into a command: a bounded queue before its stdin or terminal.
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use crate::sys::poll::{PollSet, Ready, Slot};
use crate::sys::terminal;

/// More than this is refused until some has been taken.
const QUEUE: usize = 1 << 20;
/// No more is read from the caller while so much waits.
const AHEAD: usize = 64 << 10;

/// Why input is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing that could take it.
    Closed,
    /// Too much is waiting already.
    Full,
}

/// How often the end of the caller's stdin is typed again. A prompt can be ahead of the program's next change of modes,
/// so one may not do; editors and pagers answer every key with output, so it cannot be without a bound.
const AGAIN: u8 = 8;

/// The end of the caller's stdin, where that is typed into a terminal.
#[derive(Clone, Copy, Debug)]
struct End {
    /// When it was typed last.
    typed: Instant,
    /// How often it may still be typed again.
    again: u8,
}

/// The input side of one command.
#[derive(Debug)]
pub struct Input {
    target: Option<File>,
    is_terminal: bool,
    queue: VecDeque<u8>,
    /// The caller's stdin, forwarded to a terminal.
    source: Option<File>,
    is_ending: bool,
    source_end: Option<End>,
    line_is_open: bool,
    last: Instant,
    slots: (Option<Slot>, Option<Slot>),
}

impl Input {
    /// Input for `target`, which does not block; `None` when the command has its stdin from elsewhere.
    #[must_use]
    pub fn new(target: Option<OwnedFd>, is_terminal: bool, source: Option<File>) -> Input {
        Input {
            target: target.map(File::from),
            is_terminal,
            queue: VecDeque::new(),
            source,
            is_ending: false,
            source_end: None,
            line_is_open: false,
            last: Instant::now(),
            slots: (None, None),
        }
    }

    /// Whether input is taken.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.target.is_some() && (self.is_terminal || !self.is_ending)
    }

    /// The name that the command's end of our pipe has in `/proc`. None for a terminal.
    #[must_use]
    pub fn pipe_name(&self) -> Option<String> {
        let target = self.target.as_ref().filter(|_| !self.is_terminal)?;
        Some(format!("pipe:[{}]", target.metadata().ok()?.ino()))
    }

    /// When the command last took some.
    #[must_use]
    pub fn last(&self) -> Instant {
        self.last
    }

    /// Puts bytes into the queue.
    ///
    /// # Errors
    /// When nothing takes input, or too much is waiting.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if !self.is_open() {
            return Err(Refusal::Closed);
        }
        if self.queue.len() + bytes.len() > QUEUE {
            return Err(Refusal::Full);
        }
        self.queue.extend(bytes);
        let before = self.last;
        self.write();
        // The write may be what tells that nobody can read it any more.
        if self.target.is_none() && self.last == before {
            return Err(Refusal::Closed);
        }
        Ok(())
    }

    /// Puts the first bytes into the queue, however many.
    pub fn preload(&mut self, bytes: Vec<u8>) {
        self.queue = bytes.into();
    }

    /// Ends the input once the queue is empty: a pipe is closed, a terminal gets its end-of-file character.
    ///
    /// # Errors
    /// When there is no input to end.
    pub fn end(&mut self) -> Result<(), Refusal> {
        if !self.is_open() {
            return Err(Refusal::Closed);
        }
        self.is_ending = true;
        self.write();
        Ok(())
    }

    /// Nothing more is taken; what waits is dropped.
    pub fn close(&mut self) {
        self.target = None;
        self.source = None;
        self.queue.clear();
    }

    /// Says what to wait for.
    pub fn register(&mut self, set: &mut PollSet) {
        self.slots = (None, None);
        let has_work = !self.queue.is_empty() || self.is_ending;
        if let (Some(target), true) = (&self.target, has_work) {
            self.slots.0 = Some(set.add(target.as_raw_fd(), Ready::WRITE));
        }
        if let (Some(source), true) = (&self.source, self.queue.len() < AHEAD) {
            self.slots.1 = Some(set.add(source.as_raw_fd(), Ready::READ));
        }
    }

    /// Does what the wait has made possible. `heard` is when the command last printed something.
    ///
    /// The end of the caller's stdin can be lost on a program that reads keys: line mode makes a NUL of it, also in the
    /// moment between two prompts, and some drop what was typed ahead. Such a program prompts after it has left line
    /// mode, so output is the moment to type the end again.
    pub fn pump(&mut self, set: &PollSet, heard: Instant) {
        let is_again = self
            .source_end
            .is_some_and(|end| end.again > 0 && end.typed < heard);
        if is_again && !self.is_ending && !self.line_mode().1 {
            self.source_end = self.source_end.map(|end| End {
                again: end.again.saturating_sub(1),
                ..end
            });
            self.is_ending = true;
            self.write();
        }
        if set.ready(self.slots.1).readable {
            self.read_source();
        } else if set.ready(self.slots.0).writable {
            self.write();
        }
    }

    fn read_source(&mut self) {
        let Some(source) = &mut self.source else {
            return;
        };
        // Not on the stack, which commands without any input would have to touch for it.
        let mut block = vec![0; 4096];
        match source.read(&mut block) {
            Ok(count) if count > 0 => self.queue.extend(block.iter().take(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            _ => {
                self.source = None;
                self.source_end = Some(End {
                    typed: Instant::now(),
                    again: AGAIN,
                });
                self.is_ending = true;
            }
        }
        self.write();
    }

    /// Gives the command what it takes now.
    fn write(&mut self) {
        while let (Some(target), false) = (&mut self.target, self.queue.is_empty()) {
            let (front, _) = self.queue.as_slices();
            match target.write(front) {
                Ok(count) => {
                    self.last = Instant::now();
                    let newest = count.checked_sub(1).and_then(|i| front.get(i));
                    self.line_is_open = newest.is_some_and(|b| !b"\r\n".contains(b));
                    self.queue.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.close(),
            }
        }
        if self.is_ending {
            self.finish();
        }
    }

    /// The queue is empty and the input ends.
    fn finish(&mut self) {
        if !self.is_terminal {
            return self.close();
        }
        let (eof, canonical) = self.line_mode();
        let Some(target) = &mut self.target else {
            return;
        };
        // On an unfinished line the first one only hands the line over.
        let twice = self.line_is_open && canonical;
        let marks = if twice { vec![eof; 2] } else { vec![eof] };
        match target.write(&marks) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => return self.close(),
            Ok(_) => {}
        }
        self.line_is_open = false;
        self.is_ending = false;
        self.source_end = self.source_end.map(|end| End {
            typed: Instant::now(),
            ..end
        });
    }

    /// The end-of-file character, and whether the terminal is read in lines.
    fn line_mode(&self) -> (u8, bool) {
        let target = self.target.as_ref().map(AsRawFd::as_raw_fd);
        let mode = target.and_then(terminal::line_mode);
        mode.map_or((4, true), |mode| (mode.eof, mode.canonical))
    }
}
