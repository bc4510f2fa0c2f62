//! Runs one command: one wait loop for pipe and terminal, with and without a control channel.
pub mod end;
pub mod forward;
pub mod input;
pub mod kept;
pub mod output;
pub mod probe;
pub mod pty;
pub mod spawn;
mod state;
pub mod tree;

use std::ffi::CString;
use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::outcome::{EndedBy, Outcome, WaitStatus};
use crate::sys::poll::{PollSet, Ready};
use crate::sys::process::{FileMode, Limit};
use crate::sys::signal::{self, Reaped, Signals};
use crate::sys::terminal::Size;
use crate::sys::{self, os};
use end::{Ending, Target};
use input::Input;
use kept::Kept;
use output::Output;
use pty::Terminal;
use tree::Process;

/// After the shell's exit, so much silence means that what follows is the survivors' own.
const QUIET: Duration = Duration::from_millis(40);
/// The longest wait for new output after the shell's exit.
const DRAIN: Duration = Duration::from_millis(100);

/// How zsh is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Exactly as `zsh -c`.
    Plain,
    /// Unmatched patterns and `=words` are left as they are, as text written for other shells expects.
    Agent,
}

/// Where the command's stdin comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stdin {
    /// From our caller.
    Inherit,
    /// There is none.
    Null,
    /// From us: this text, and then what is typed if it stays open.
    Given {
        /// What comes first.
        text: Vec<u8>,
        /// More may follow.
        stays_open: bool,
    },
}

/// One command and everything about how it is to run.
#[derive(Clone, Debug)]
pub struct Request {
    /// The text, without NUL bytes.
    pub command: Vec<u8>,
    /// The shell.
    pub zsh: PathBuf,
    /// How it is started.
    pub profile: Profile,
    /// Where, if not here.
    pub cwd: Option<PathBuf>,
    /// The whole environment, in order.
    pub environment: Vec<CString>,
    /// The size of its terminal, if it is to have one.
    pub terminal: Option<Size>,
    /// Its stdin. A terminal is always typed into.
    pub stdin: Stdin,
    /// The longest it may run.
    pub timeout: Option<Duration>,
    /// The longest it may be silent.
    pub idle_timeout: Option<Duration>,
    /// How long it has between being asked to end and being killed.
    pub grace: Duration,
    /// The file mode mask, if not ours.
    pub umask: Option<FileMode>,
    /// Resource limits.
    pub limits: Vec<Limit>,
}

/// Who takes the output.
#[derive(Debug)]
pub struct Takers {
    /// The caller's stdout, if it is to have it.
    pub stdout: Option<File>,
    /// The task's directory, for a text too long for an argument.
    pub directory: Option<PathBuf>,
    /// The files to keep it in, or why there are none though there should be.
    pub kept: Option<std::io::Result<Kept>>,
}

/// Something else that the wait loop serves.
pub trait Channel {
    /// Says what to wait for.
    fn register(&mut self, set: &mut PollSet);
    /// Does what the wait has made possible.
    fn serve(&mut self, set: &PollSet, task: &mut Task);
}

/// No control channel.
#[derive(Debug)]
pub struct NoChannel;

impl Channel for NoChannel {
    fn register(&mut self, _set: &mut PollSet) {}
    fn serve(&mut self, _set: &PollSet, _task: &mut Task) {}
}

/// How far a task has come; what can be asked of it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The shell runs.
    Running,
    /// The shell has ended.
    Ended,
    /// Nothing of the task is left.
    Gone,
}

/// How the command ended, as far as the executor itself knows.
#[derive(Clone, Debug)]
pub struct Report {
    /// The outcome.
    pub outcome: Outcome,
    /// Who ended it before its time.
    pub ended_by: Option<EndedBy>,
    /// What the kernel says about the shell.
    pub status: WaitStatus,
    /// From the start to the shell's exit, or until nothing was left of an ended task.
    pub elapsed: Duration,
    /// From the first signal to the end.
    pub grace: Duration,
    /// What has outlived the shell.
    pub survivors: Vec<Process>,
    /// Bytes of output.
    pub output_bytes: u64,
    /// Why some output did not get where it should have.
    pub output_error: Option<String>,
}

/// A command under way.
#[derive(Debug)]
pub struct Task {
    shell: i32,
    status: Option<WaitStatus>,
    started: Instant,
    shell_ended: Option<Instant>,
    gone: Option<Instant>,
    timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    grace: Duration,
    terminal: Option<Terminal>,
    input: Input,
    output: Output,
    signals: Signals,
    ending: Option<Ending>,
    drain_from: Option<Instant>,
    ended_early: Option<EndedBy>,
    _text: Option<spawn::LongText>,
}

impl Task {
    /// Starts the command: `text` with `environment`, which the sideband may have changed.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub fn start(
        request: &mut Request,
        text: &[u8],
        environment: Vec<CString>,
        takers: Takers,
        signals: Signals,
    ) -> Result<Task, Error> {
        os::become_subreaper();
        let started = Instant::now();
        let private = takers.directory.as_deref();
        let spawned = spawn::spawn(request, text, environment, private)?;
        let has_terminal = spawned.terminal.is_some();
        let (kept, trouble) = match takers.kept.transpose() {
            Ok(kept) => (kept, None),
            // Without them the command runs all the same.
            Err(error) => (None, Some(error)),
        };
        let mut output = Output::new(spawned.output, spawned.writer, takers.stdout, kept);
        if let Some(error) = trouble {
            output.note_trouble("output is not kept", &error);
        }
        Ok(Task {
            shell: spawned.pid,
            status: None,
            started,
            shell_ended: None,
            gone: None,
            timeout: request.timeout,
            idle_timeout: request.idle_timeout,
            grace: request.grace,
            terminal: spawned.terminal,
            input: connect(spawned.input, has_terminal, &mut request.stdin),
            output,
            signals,
            ending: None,
            drain_from: None,
            ended_early: None,
            _text: spawned.text,
        })
    }

    /// Serves the command and the channel until `done`.
    ///
    /// # Errors
    /// When the system cannot even wait.
    pub fn attend(
        &mut self,
        channel: &mut dyn Channel,
        done: impl Fn(&Task) -> bool,
    ) -> Result<(), Error> {
        self.attend_until(None, channel, done)
    }

    /// The same, but no longer than until `limit`.
    ///
    /// # Errors
    /// When the system cannot even wait.
    pub fn attend_until(
        &mut self,
        limit: Option<Instant>,
        channel: &mut dyn Channel,
        done: impl Fn(&Task) -> bool,
    ) -> Result<(), Error> {
        let mut set = PollSet::default();
        while !done(self) && limit.is_none_or(|limit| Instant::now() < limit) {
            set.clear();
            let signals = set.add(self.signals.fd(), Ready::READ);
            self.output.register(&mut set);
            self.input.register(&mut set);
            channel.register(&mut set);
            let due = self.next_due().into_iter().chain(limit).min();
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            set.wait(left).map_err(Error::system("wait"))?;
            if set.ready(Some(signals)).readable {
                self.take_signals();
            }
            self.output.pump(&set);
            if self.output.is_unwanted() && self.terminal.is_some() {
                self.hang_up();
            }
            self.input.pump(&set, self.output.last());
            channel.serve(&set, self);
            self.keep_time(Instant::now());
        }
        Ok(())
    }

    fn take_signals(&mut self) {
        let arrived = self.signals.arrived();
        if arrived.child {
            self.reap();
        }
        if arrived.end {
            self.end(EndedBy::User);
        }
    }

    fn reap(&mut self) {
        loop {
            match signal::reap() {
                Reaped::Child(pid, status) => self.note_death(pid, status),
                Reaped::StillRunning => return,
                Reaped::NoChildren => {
                    if os::ADOPTS_ORPHANS || !signal::send_group(self.shell, 0) {
                        self.gone.get_or_insert_with(Instant::now);
                    }
                    return;
                }
            }
        }
    }

    fn note_death(&mut self, pid: i32, status: WaitStatus) {
        if let Some(ending) = &mut self.ending {
            ending.child_died();
        }
        if pid == self.shell && self.status.is_none() {
            let now = Instant::now();
            self.status = Some(status);
            self.shell_ended = Some(now);
            self.drain_from = Some(now);
            self.ended_early = self.ending.as_mut().map(Ending::shell_died);
            if let Some(terminal) = &mut self.terminal {
                terminal.shell_ended();
            }
            self.output.shell_ended();
        }
    }

    /// What signals may be sent to now.
    fn target(&self) -> Target {
        Target {
            group: self.status.is_none().then_some(self.shell),
            terminal: self
                .terminal
                .as_ref()
                .filter(|_| self.status.is_none())
                .map(Terminal::master),
        }
    }

    fn silent_since(&self) -> Instant {
        self.output.last().max(self.input.last())
    }

    /// When the shell's own limits strike next.
    fn limit(&self) -> Option<(Instant, EndedBy)> {
        if self.status.is_some() || self.ending.is_some() {
            return None;
        }
        let timeout = self
            .timeout
            .map(|limit| (self.started + limit, EndedBy::Timeout));
        let idle = self
            .idle_timeout
            .map(|limit| (self.silent_since() + limit, EndedBy::IdleTimeout));
        [timeout, idle]
            .into_iter()
            .flatten()
            .min_by_key(|(due, _)| *due)
    }

    /// When the wait for new output after the shell's exit is over. A slow reader of what the shell wrote stops that clock.
    fn drained_at(&self) -> Option<Instant> {
        let from = self.drain_from?;
        let is_slow = self.output.is_held_up() && !self.output.is_paid_out();
        if is_slow || self.output.is_finished() {
            return None;
        }
        let quiet = self.output.last().max(from) + QUIET;
        let end = from + DRAIN;
        Some(if self.output.has_paid() {
            quiet.min(end)
        } else {
            end
        })
    }

    fn next_due(&self) -> Option<Instant> {
        let ending = self
            .ending
            .as_ref()
            .filter(|_| self.gone.is_none())
            .and_then(Ending::due);
        let limit = self.limit().map(|(due, _)| due);
        [limit, ending, self.drained_at(), self.output.due()]
            .into_iter()
            .flatten()
            .min()
    }

    fn keep_time(&mut self, now: Instant) {
        if let Some((_, by)) = self.limit().filter(|(due, _)| *due <= now) {
            self.end(by);
        }
        let target = self.target();
        if let (Some(ending), None) = (&mut self.ending, self.gone) {
            ending.step(target, now);
        }
        // What the shell left behind is read whole, however slowly it is taken: the clock starts after that.
        let is_owed = !self.output.is_paid_out() && !self.output.is_finished();
        if let (Some(from), true) = (&mut self.drain_from, is_owed) {
            *from = now;
        }
        if self.drained_at().is_some_and(|at| at <= now) {
            self.drain_from = None;
        }
    }
}

fn connect(target: Option<std::os::fd::OwnedFd>, has_terminal: bool, stdin: &mut Stdin) -> Input {
    let forwarded = (has_terminal && *stdin == Stdin::Inherit).then(sys::standard_input);
    let mut input = Input::new(target, has_terminal, forwarded);
    if let Stdin::Given { text, stays_open } = stdin {
        input.preload(std::mem::take(text));
        if !*stays_open {
            // The queue is flushed first; with nothing in it the pipe is closed here and now.
            let _was_open = input.end();
        }
    }
    input
}
