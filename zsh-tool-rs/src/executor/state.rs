//! What can be asked of a task while it runs, and what it says about its end.
use std::time::{Duration, Instant};

use super::end::Ending;
use super::input::Refusal;
use super::output::Output;
use super::pty::Terminal;
use super::tree::{self, Process};
use super::{Phase, Report, Task, probe};
use crate::outcome::{EndedBy, Outcome, WaitStatus};
use crate::sys::poll::{PollSet, Ready};
use crate::sys::signal;
use crate::sys::terminal::Size;

impl Task {
    /// How far it has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match (self.gone, self.status) {
            (Some(_), Some(_)) => Phase::Gone,
            (_, Some(_)) => Phase::Ended,
            _ => Phase::Running,
        }
    }

    /// The shell's number.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.shell
    }

    /// Whether the answer can be given: the shell has ended, its output is here, and of an ended task nothing is left.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let ended = match &self.ending {
            Some(ending) => self.gone.is_some() || ending.has_given_up(),
            None => true,
        };
        let drained = self.output.is_finished() || self.drain_from.is_none();
        self.status.is_some() && ended && drained
    }

    /// Whether nothing of the task is left, or nothing that could be ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let given_up = self.ending.as_ref().is_some_and(Ending::has_given_up);
        self.phase() == Phase::Gone || (given_up && self.status.is_some())
    }

    /// Whether nothing waits to be attended to, neither output nor the shell's end.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let mut set = PollSet::default();
        let signals = set.add(self.signals.fd(), Ready::READ);
        let output = self.output.source().map(|fd| set.add(fd, Ready::READ));
        let looked = set.wait(Some(Duration::ZERO)).is_ok();
        looked && !set.ready(Some(signals)).readable && !set.ready(output).readable
    }

    /// The reader is gone: a terminal whose window is closed hangs up.
    pub(super) fn hang_up(&mut self) {
        self.input.close();
        self.terminal = None;
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        let end = self.shell_ended.unwrap_or_else(Instant::now);
        end.duration_since(self.started)
    }

    /// Ends the whole task politely. Later calls change nothing, but that a lost session leaves little time.
    pub fn end(&mut self, by: EndedBy) {
        let now = Instant::now();
        match &mut self.ending {
            Some(ending) if by == EndedBy::Session => ending.hurry(now),
            Some(_) => {}
            None if self.gone.is_some() => {}
            None => self.ending = Some(Ending::begin(by, self.target(), self.grace, now)),
        }
    }

    /// The output, for those who read what is kept of it.
    #[must_use]
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Whether the last output has gone where it should, once nothing is left that could make more.
    #[must_use]
    pub fn has_handed_all_on(&self) -> bool {
        self.output.is_finished() || (self.output.has_paid() && !self.output.is_held_up())
    }

    /// Nothing of the task is left: what it has written is still to be read.
    pub fn collect_rest(&mut self) {
        self.output.shell_ended();
    }

    /// The terminal, if it has one.
    #[must_use]
    pub fn terminal(&self) -> Option<&Terminal> {
        self.terminal.as_ref()
    }

    /// The terminal, to change its size.
    pub fn resize(&mut self, size: Size) -> Option<std::io::Result<()>> {
        self.terminal.as_mut().map(|terminal| terminal.resize(size))
    }

    /// Whether typed characters are shown. None without a terminal.
    #[must_use]
    pub fn echo(&self) -> Option<bool> {
        self.terminal.as_ref()?.line_mode().map(|mode| mode.echo)
    }

    /// Whether input is taken.
    #[must_use]
    pub fn accepts_input(&self) -> bool {
        self.gone.is_none() && self.input.is_open()
    }

    /// Types into the command.
    ///
    /// # Errors
    /// When it takes no input, or too much is waiting.
    pub fn type_in(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.input.push(bytes)
    }

    /// Ends the command's input.
    ///
    /// # Errors
    /// When it takes no input.
    pub fn end_input(&mut self) -> Result<(), Refusal> {
        self.input.end()
    }

    /// Sends a signal to the foreground job of the terminal, or to the task's group.
    #[must_use]
    pub fn send_signal(&self, number: i32, to_foreground: bool) -> bool {
        let foreground = self.terminal.as_ref().filter(|_| to_foreground);
        if let Some(group) = foreground.and_then(Terminal::foreground) {
            return signal::send_group(group, number);
        }
        if self.status.is_none() {
            return signal::send_group(self.shell, number);
        }
        // The group's number may be a stranger's by now; its members are known by their descent.
        let members = tree::descendants();
        let ours = members.iter().filter(|p| p.group == self.shell);
        let sent = ours.filter(|p| signal::send(p.pid, number)).count();
        sent > 0
    }

    /// Whether a process of the task waits to be typed to.
    #[must_use]
    pub fn waits_for_input(&self) -> bool {
        self.accepts_input() && probe::any_reads(&self.input)
    }

    /// How it ended. None while the shell runs.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        let status = self.status?;
        let ending = self.ending.as_ref().filter(|_| self.ended_early.is_some());
        let end = match ending {
            Some(_) => self.gone.unwrap_or_else(Instant::now),
            None => self.shell_ended?,
        };
        Some(Report {
            outcome: outcome(status, self.ended_early),
            ended_by: self.ended_early,
            status,
            elapsed: end.duration_since(self.started),
            grace: ending.map_or(Duration::ZERO, |e| end.duration_since(e.began())),
            survivors: self.survivors(),
            output_bytes: self.output.total(),
            output_error: self.output.trouble().map(str::to_owned),
        })
    }

    fn survivors(&self) -> Vec<Process> {
        if self.gone.is_some() {
            Vec::new()
        } else {
            let mut all = tree::descendants();
            // The kernel hangs up the terminal's foreground group before it tells of the shell's end.
            all.retain(|process| !process.is_doomed);
            all
        }
    }
}

fn outcome(status: WaitStatus, ended_by: Option<EndedBy>) -> Outcome {
    match (ended_by, status.signal()) {
        (Some(by), _) => by.outcome(),
        (None, Some(_)) => Outcome::Signalled,
        (None, None) => Outcome::Exited,
    }
}
