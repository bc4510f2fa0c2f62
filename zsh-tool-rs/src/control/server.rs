//! The executor's end of the control channel: its socket, its clients, and what they are told unasked.
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::connection::Connection;
use super::persist::OwnerLoss;
use super::{Frame, attach, hello, refused, verbs};
use crate::error::Error;
use crate::executor::{Channel, Phase, Task};
use crate::sys;
use crate::sys::poll::{PollSet, Ready, Slot};

const SOCKET: &str = "control";
/// A socket's name may be no longer than this on any system we run on.
const LONGEST_NAME: usize = 100;
/// More clients than this wait until one has left.
const CLIENTS: usize = 64;
/// A client that has taken nothing for so long is not waited for: the last words are lost on it.
const FAREWELL: Duration = Duration::from_secs(5);

/// The control channel of one task.
#[derive(Debug)]
pub struct Server {
    directory: PathBuf,
    made_directory: bool,
    listener: UnixListener,
    slot: Option<Slot>,
    pub(super) connections: Vec<Connection>,
    pub(super) on_owner_loss: OwnerLoss,
    state: &'static str,
    /// What is said to those who come after the answer.
    answer: Option<Value>,
}

impl Server {
    /// Opens the channel in `directory`, which must be ours alone. It is made if it is not there.
    ///
    /// # Errors
    /// When the directory cannot be trusted, or a live executor has its socket there.
    pub fn open(directory: &Path) -> Result<Server, Error> {
        let made_directory = match DirBuilder::new().mode(0o700).create(directory) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(Error::path(directory, "make the directory")(error)),
        };
        check_private(directory)?;
        let directory =
            fs::canonicalize(directory).map_err(Error::path(directory, "find the directory"))?;
        let listener = listen(&directory).map_err(Error::path(&directory, "listen in"))?;
        Ok(Server {
            directory,
            made_directory,
            listener,
            slot: None,
            connections: Vec::new(),
            on_owner_loss: OwnerLoss::EndTheTask,
            state: "standby",
            answer: None,
        })
    }

    /// The task's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes on the client whose loss ends the task.
    ///
    /// # Errors
    /// When it is not a local socket with our own user at its other end.
    pub fn adopt_owner(&mut self, socket: OwnedFd) -> Result<(), Error> {
        self.welcome(UnixStream::from(socket), true)
            .map_err(Error::system("take the control connection on stdin"))
    }

    fn welcome(&mut self, stream: UnixStream, is_owner: bool) -> io::Result<()> {
        let mut connection = Connection::new(stream, is_owner)?;
        connection.send(&hello(self.state));
        if let Some(answer) = &self.answer {
            connection.send(answer);
        }
        self.connections.push(connection);
        Ok(())
    }

    fn accept(&mut self) {
        while self.connections.len() < CLIENTS {
            let Ok((stream, _)) = self.listener.accept() else {
                return;
            };
            // A stranger, or one that left at once: there is nobody to tell.
            let _not_welcome = self.welcome(stream, false);
        }
    }

    /// Reads what clients have sent, and gives each whole message to `handle`, which says whether it wants more of that client's now.
    pub(super) fn take_requests(
        &mut self,
        set: &PollSet,
        mut handle: impl FnMut(&mut Connection, Frame) -> bool,
    ) {
        if set.ready(self.slot.take()).readable {
            self.accept();
        }
        for connection in &mut self.connections {
            connection.exchange(set);
            while let Some(frame) = connection.next_frame() {
                if !handle(connection, frame) {
                    break;
                }
            }
        }
    }

    /// Answers what came in one piece with the request for the command.
    pub fn catch_up(&mut self, task: &mut Task) {
        for connection in &mut self.connections {
            while let Some(frame) = connection.next_frame() {
                answer(connection, frame, Some(task));
            }
        }
    }

    /// Forgets the clients that have left. True when the owner was one of them.
    pub(super) fn dismiss(&mut self) -> bool {
        let owned = self.has_owner();
        self.connections.retain(Connection::is_open);
        owned && !self.has_owner()
    }

    /// Whether a client waits for an answer, or has left.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.connections.iter().any(Connection::is_waiting)
    }

    fn has_owner(&self) -> bool {
        self.connections.iter().any(|c| c.is_owner)
    }

    /// Says to everybody that the shell runs.
    pub(super) fn started(&mut self) {
        self.state = "running";
    }

    /// Sends the answer to everybody, now and later.
    pub fn announce(&mut self, meta: serde_json::Map<String, Value>) {
        let mut event = serde_json::Map::new();
        event.insert("event".to_owned(), "ended".into());
        event.extend(meta);
        let event = Value::Object(event);
        for connection in &mut self.connections {
            connection.send(&event);
        }
        self.state = "ended";
        self.answer = Some(event);
    }

    /// Sends what is queued.
    pub fn flush(&mut self) {
        self.connections.iter_mut().for_each(Connection::flush);
    }

    /// Says that nothing of the task is left, and waits until the clients have heard it, however slowly they listen.
    pub fn farewell(mut self, mut task: Option<Task>) {
        if let Some(task) = &task {
            let gone = json!({"event": "gone", "total": task.output().total()});
            for connection in &mut self.connections {
                connection.send(&gone);
            }
        }
        let began = Instant::now();
        // Requests that crossed the last words are still served.
        let mut wait = Duration::ZERO;
        while !self.connections.is_empty() && self.part(wait, task.as_mut()) {
            let idle = |c: &Connection| c.last_taken().max(began).elapsed();
            self.connections
                .retain(|c| c.is_open() && c.unsent() > 0 && idle(c) < FAREWELL);
            let longest = self.connections.iter().map(idle).max();
            wait = FAREWELL.saturating_sub(longest.unwrap_or_default());
        }
    }

    /// One turn of the farewell. False when the system cannot even wait.
    fn part(&mut self, wait: Duration, mut task: Option<&mut Task>) -> bool {
        let mut set = PollSet::default();
        for connection in &mut self.connections {
            connection.register(&mut set);
        }
        if set.wait(Some(wait)).is_err() {
            return false;
        }
        for connection in &mut self.connections {
            connection.exchange(&set);
            while let Some(frame) = connection.next_frame() {
                answer(connection, frame, task.as_deref_mut());
            }
            if let Some(task) = &task {
                tell(connection, task);
            }
        }
        true
    }

    /// Removes everything that was made for a task that never came.
    pub fn withdraw(self) {
        // The socket first, so that the directory is empty if it was ours.
        let _gone = fs::remove_file(self.directory.join(SOCKET));
        if self.made_directory {
            // Whatever else is in there is not ours to remove.
            let _not_empty = fs::remove_dir(&self.directory);
        }
    }
}

impl Drop for Server {
    /// A task without a socket has no executor.
    fn drop(&mut self) {
        // It may have been removed with the whole directory.
        let _gone = fs::remove_file(self.directory.join(SOCKET));
    }
}

impl Channel for Server {
    fn register(&mut self, set: &mut PollSet) {
        let has_room = self.connections.len() < CLIENTS;
        self.slot = has_room.then(|| set.add(self.listener.as_raw_fd(), Ready::READ));
        for connection in &mut self.connections {
            connection.register(set);
        }
    }

    fn serve(&mut self, set: &PollSet, task: &mut Task) {
        self.take_requests(set, |connection, frame| {
            answer(connection, frame, Some(task));
            true
        });
        for connection in &mut self.connections {
            tell(connection, task);
        }
        if self.dismiss() {
            self.on_owner_loss.happen(task);
        }
    }
}

fn answer(connection: &mut Connection, frame: Frame, task: Option<&mut Task>) {
    match (frame, task) {
        (Frame::Message(fields, payload), Some(task)) => {
            verbs::serve(connection, &fields, &payload, task);
        }
        (Frame::Message(fields, _), None) => {
            connection.send(&refused(&fields, "not_running", "the shell never ran"));
        }
        (Frame::Malformed(code, why, fields), _) => connection.send(&refused(&fields, code, &why)),
    }
}

/// Tells a client what it waits for, as far as it has come about.
fn tell(connection: &mut Connection, task: &Task) {
    let total = task.output().total();
    if connection.beyond.is_some_and(|beyond| total > beyond) {
        connection.beyond = None;
        connection.send(&json!({"event": "output", "total": total}));
    }
    attach::follow(connection, task.output());
    if task.is_over() {
        verbs::answer_end(connection, task.phase() == Phase::Gone);
    }
}

fn check_private(directory: &Path) -> Result<(), Error> {
    let metadata =
        fs::symlink_metadata(directory).map_err(Error::path(directory, "look at the directory"))?;
    let wrong = if !metadata.is_dir() {
        "is not a directory"
    } else if metadata.uid() != sys::effective_user() {
        "belongs to somebody else"
    } else if metadata.permissions().mode() & 0o077 != 0 {
        "is open to others: it must have mode 0700"
    } else {
        return Ok(());
    };
    Err(Error::Untrusted(directory.to_owned(), wrong))
}

fn listen(directory: &Path) -> io::Result<UnixListener> {
    let socket = directory.join(SOCKET);
    if socket.exists() && at_short_name(directory, |name| UnixStream::connect(name)).is_ok() {
        return Err(ErrorKind::AddrInUse.into());
    }
    // A socket that nobody listens on is left from an executor that was killed.
    let _none = fs::remove_file(&socket);
    let listener = at_short_name(directory, |name| UnixListener::bind(name))?;
    fs::set_permissions(&socket, PermissionsExt::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Calls `act` with a name of the socket that is short enough, whatever the directory's is.
fn at_short_name<T>(directory: &Path, act: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
    let socket = directory.join(SOCKET);
    if socket.as_os_str().as_bytes().len() <= LONGEST_NAME {
        return act(&socket);
    }
    let open = fs::File::open(directory)?;
    let by_descriptor = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
    if by_descriptor.exists() {
        return act(&by_descriptor.join(SOCKET));
    }
    let here = std::env::current_dir()?;
    std::env::set_current_dir(directory)?;
    let result = act(Path::new(SOCKET));
    std::env::set_current_dir(here)?;
    result
}
