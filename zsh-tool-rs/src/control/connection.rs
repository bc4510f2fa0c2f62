//! One client of the control channel: what it has sent, what it is to be sent, what it waits for.
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use serde_json::Value;

use super::{Decoder, Fields, Frame, line};
use crate::sys::poll::{self, PollSet, Ready, Slot};
use crate::sys::{self, os};

/// A client that does not take its answers is not asked for more requests.
const UNSENT: usize = 4 << 20;
/// One read. Small enough for the stack: a first touch of so much other memory would cost more than the read.
const BLOCK: usize = 16 << 10;

/// A client.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    decoder: Decoder,
    unsent: Vec<u8>,
    last_taken: Instant,
    is_open: bool,
    at_end: bool,
    slot: Option<Slot>,
    /// Whether its loss ends the task.
    pub is_owner: bool,
    /// It wants to hear of output beyond this.
    pub beyond: Option<u64>,
    /// It follows the output and has it up to here.
    pub followed: Option<u64>,
    /// Its request to end the task, and when that came.
    pub ending: Option<(Fields, Instant)>,
}

impl Connection {
    /// Takes a stream on from a peer of our own user.
    ///
    /// # Errors
    /// When the peer is someone else, or the socket does not obey.
    pub fn new(stream: UnixStream, is_owner: bool) -> io::Result<Connection> {
        if !is_trusted(os::peer_user(stream.as_raw_fd())?, sys::effective_user()) {
            return Err(ErrorKind::PermissionDenied.into());
        }
        stream.set_nonblocking(true)?;
        Ok(Connection {
            stream,
            decoder: Decoder::default(),
            unsent: Vec::new(),
            last_taken: Instant::now(),
            is_open: true,
            at_end: false,
            slot: None,
            is_owner,
            beyond: None,
            followed: None,
            ending: None,
        })
    }

    /// Whether the client is still there.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open && !self.at_end
    }

    /// Whether the client has said something that nobody has read yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        poll::is_readable(self.stream.as_raw_fd())
    }

    /// Bytes on their way to the client.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// When the client last took some.
    #[must_use]
    pub fn last_taken(&self) -> Instant {
        self.last_taken
    }

    /// Says what to wait for.
    pub fn register(&mut self, set: &mut PollSet) {
        let interest = Ready {
            readable: self.unsent.len() < UNSENT,
            writable: !self.unsent.is_empty(),
        };
        self.slot = Some(set.add(self.stream.as_raw_fd(), interest));
    }

    /// Reads and writes what the wait has made possible.
    pub fn exchange(&mut self, set: &PollSet) {
        let ready = set.ready(self.slot.take());
        if ready.writable {
            self.flush();
        }
        if ready.readable {
            self.read();
        }
    }

    /// The next whole message.
    pub fn next_frame(&mut self) -> Option<Frame> {
        self.decoder.next_frame()
    }

    /// Sends one object.
    pub fn send(&mut self, value: &Value) {
        self.queue(value);
        self.flush();
    }

    /// Has one object sent with the next.
    pub fn queue(&mut self, value: &Value) {
        self.unsent.extend(line(value));
    }

    /// Sends one object and the bytes it announces.
    pub fn send_with(&mut self, value: &Value, payload: &[u8]) {
        self.unsent.extend(line(value));
        self.unsent.extend_from_slice(payload);
        self.flush();
    }

    fn read(&mut self) {
        let mut block = [0; BLOCK];
        match self.stream.read(&mut block) {
            // Requests that came before the end are still answered.
            Ok(0) => self.at_end = true,
            Ok(count) => self.decoder.push(block.get(..count).unwrap_or_default()),
            Err(error) if is_passing(&error) => {}
            Err(_) => self.is_open = false,
        }
    }

    /// Writes what goes at once.
    pub fn flush(&mut self) {
        while !self.unsent.is_empty() && self.is_open {
            match sys::send_now(self.stream.as_raw_fd(), &self.unsent) {
                Ok(count) => {
                    self.unsent.drain(..count);
                    self.last_taken = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_passing(&error) => return,
                Err(_) => self.is_open = false,
            }
        }
    }
}

/// Whether a peer may ask us for anything. Whoever may has all our rights, so nobody else's will do, root's included.
#[must_use]
pub fn is_trusted(peer: u32, own: u32) -> bool {
    peer == own
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_user_is_trusted() {
        assert!(is_trusted(0, 0) && is_trusted(1000, 1000));
        for (peer, own) in [(1000, 1001), (0, 1000), (1000, 0), (u32::MAX, 1000)] {
            assert!(!is_trusted(peer, own), "{peer} {own}");
        }
    }

    #[test]
    fn the_peer_of_our_own_socket_is_trusted() {
        let (one, other) = UnixStream::pair().unwrap();
        assert_eq!(
            os::peer_user(one.as_raw_fd()).unwrap(),
            sys::effective_user()
        );
        assert!(Connection::new(other, false).is_ok());
    }
}
