//! One command's way through: found, run, recorded, answered, and attended to until nothing of it is left.
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::answer;
use crate::cli::Invocation;
use crate::complain;
use crate::control;
use crate::control::server::Server;
use crate::control::standby::{Order, Remarks};
use crate::error::Error;
use crate::executor::kept::Kept;
use crate::executor::{Channel, NoChannel, Takers, Task};
use crate::meta::{self, Meta};
use crate::recording::{Ended, Recorder};
use crate::sideband::{self, ShellExit, Sideband};
use crate::sys;
use crate::sys::signal::{self, Signals};

/// A command that takes less has the processor to itself: what is done meanwhile would cost it more than it brings.
const SHORT: Duration = Duration::from_millis(5);

/// So long does who reads the answer have the processor on which it was woken to itself, before we clear up and end: the reader would
/// wait for us there, though another one were idle.
const READING: Duration = Duration::from_millis(2);

/// The sideband's folder in the task's directory.
const SIDEBAND: &str = "z";
/// The meta file in the task's directory.
const META: &str = "meta.json";

/// A command to run, and all that serves it.
#[derive(Debug)]
pub struct Job {
    order: Order,
    server: Option<Server>,
    recorder: Recorder,
    sideband: Option<Sideband>,
    kept: Option<io::Result<Kept>>,
    by_hand: bool,
    meta_files: Vec<meta::Place>,
    cwd: PathBuf,
    /// The shell's process id, until the request for it is answered.
    to_accept: Option<i32>,
}

impl Job {
    /// The command of the command line, or the one that is waited for. None when nobody wants one any more.
    ///
    /// # Errors
    /// When the channel cannot be opened or the request makes no sense.
    pub fn find(invocation: Invocation, signals: &mut Signals) -> Result<Option<Job>, Error> {
        let mut recorder = Recorder::new(invocation.database);
        let mut server = invocation
            .control
            .as_deref()
            .map(Server::open)
            .transpose()?;
        let mut sideband = None;
        let kept = server.as_ref().map(|s| Kept::create(s.directory()));
        let by_hand = invocation.request.is_some();
        let in_directory = server.as_ref().map(|s| s.directory().join(META));
        let all = invocation.meta.into_iter().chain(in_directory);
        let mut meta_files: Vec<_> = all.map(meta::Place::new).collect();
        let order = match (invocation.request, &mut server) {
            (Some(request), _) => Some(Order::by_hand(request, invocation.persist)),
            (None, Some(server)) => {
                sys::leave_session();
                server.adopt_owner(sys::standard_input().into())?;
                sideband = make_ready(server, &mut recorder, meta_files.last_mut());
                server.await_order(signals)?
            }
            (None, None) => None,
        };
        let Some(mut order) = order else {
            drop(sideband);
            drop(meta_files);
            if let Some(server) = server {
                if let Some(Ok(kept)) = kept {
                    kept.discard(server.directory());
                }
                server.withdraw();
            }
            return Ok(None);
        };
        if order.request.zsh.as_os_str().is_empty() {
            order.request.zsh = invocation.zsh;
        }
        Ok(Some(Job {
            cwd: directory_of(order.request.cwd.as_deref()),
            meta_files,
            to_accept: None,
            order,
            server,
            recorder,
            sideband,
            kept,
            by_hand,
        }))
    }

    /// Runs the command until its answer is out and nothing is left to attend to. Gives the exit status of this process.
    ///
    /// # Errors
    /// When the system cannot even wait.
    pub fn run(mut self, signals: Signals) -> Result<i32, Error> {
        let command = std::mem::take(&mut self.order.request.command);
        let mut environment = std::mem::take(&mut self.order.request.environment);
        let zsh = &self.order.request.zsh;
        let prepared = self
            .sideband
            .take()
            .or_else(|| self.late_sideband(&command));
        let armed = sideband::arm(prepared, &command, &environment, zsh, &self.cwd);
        armed.dress(&mut environment);
        let takers = Takers {
            stdout: self.by_hand.then(sys::standard_output),
            directory: self.server.as_ref().map(|s| s.directory().to_owned()),
            kept: self.kept.take(),
        };
        let request = &mut self.order.request;
        let started = Task::start(request, &armed.text(&command), environment, takers, signals);
        let mut task = match started {
            Ok(task) => task,
            Err(error) => return Ok(self.fail(&error)),
        };
        if let Some(server) = &mut self.server {
            server.begin_order(&self.order);
            self.to_accept = Some(task.pid());
            server.catch_up(&mut task);
        }
        if !self.by_hand && !self.order.persist {
            // Who stood by is prepared, and a short command should have the processor to itself.
            let soon = Some(Instant::now() + SHORT);
            task.attend_until(soon, self.channel(&mut NoChannel), Task::is_settled)?;
        }
        let cwd = std::mem::take(&mut self.cwd);
        let remarks = std::mem::take(&mut self.order.remarks);
        if !task.is_settled() {
            self.accept();
            self.server.iter_mut().for_each(Server::flush);
            self.recorder.open_ahead();
            self.prepare_answer();
            self.recorder
                .rehearse(&command, &cwd, &remarks, &|| task.is_quiet());
        }
        task.attend(self.channel(&mut NoChannel), Task::is_settled)?;
        let Some(report) = task.report() else {
            return Ok(Error::Usage(String::new()).exit_code());
        };
        let exit = ShellExit {
            code: report.status.code(),
            signaled: report.status.signal().is_some(),
        };
        let ended = Ended {
            pipestatus: armed.codes(&command, exit),
            command: &command,
            cwd: &cwd,
            report,
            remarks: &remarks,
        };
        let is_put_off = self.answer(&ended);
        if !self.by_hand {
            let read = Some(Instant::now() + READING);
            task.attend_until(read, self.channel(&mut NoChannel), |_| false)?;
        }
        // Only now: to remove a file may take as long as the answer did.
        drop(armed);
        self.stay(task, &ended, is_put_off)?;
        Ok(answer::process_status(&ended.report))
    }

    /// What a request that came early left no time for, if this command needs it.
    fn late_sideband(&self, command: &[u8]) -> Option<Sideband> {
        let server = self.server.as_ref().filter(|_| !self.by_hand)?;
        if !sideband::has_pipe(command) {
            return None;
        }
        Sideband::prepare(&server.directory().join(SIDEBAND))
    }

    /// A meta file that is there already tells of another command. Besides, a file system may write a file out before it lets
    /// another take its name, and the answer would wait for that.
    fn prepare_answer(&mut self) {
        for path in self.meta_files.iter().map(meta::Place::path) {
            if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
                // What cannot be removed is replaced, which is all that the contract asks for.
                let _replaced = std::fs::remove_file(path);
            }
        }
        if let (Some(_), Some(place)) = (&self.server, self.meta_files.last_mut()) {
            // Only in the task's own directory: should we be killed, nothing of ours lies about elsewhere.
            place.prepare();
        }
    }

    /// Answers the request for the command.
    fn accept(&mut self) {
        if let (Some(pid), Some(server)) = (self.to_accept.take(), &mut self.server) {
            server.accept_order(&self.order, pid);
        }
    }

    fn channel<'a>(&'a mut self, none: &'a mut NoChannel) -> &'a mut dyn Channel {
        match &mut self.server {
            Some(server) => server,
            None => none,
        }
    }

    /// The shell could not be started: that is the answer.
    fn fail(mut self, error: &Error) -> i32 {
        complain(&error.to_string());
        self.publish(&answer::about_failure(error, &self.cwd));
        if let Some(server) = self.server.take() {
            server.farewell(None);
        }
        error.exit_code()
    }

    /// Gives the answer. True when the record has to be made up for.
    fn answer(&mut self, ended: &Ended<'_>) -> bool {
        let recorded = self.recorder.record(ended);
        let is_put_off = recorded.is_put_off;
        let notice = self.recorder.notice().map(str::to_owned);
        let troubles = [&recorded.error, &notice, &ended.report.output_error];
        for trouble in troubles.into_iter().flatten() {
            complain(trouble);
        }
        self.publish(&answer::about(ended, recorded, notice));
        is_put_off
    }

    /// Writes the meta files, then tells the clients.
    fn publish(&mut self, meta: &Meta) {
        if self.meta_files.is_empty() && self.server.is_none() {
            return;
        }
        let meta = meta.to_map();
        for place in &mut self.meta_files {
            if let Err(error) = place.write(&meta) {
                complain(&format!("cannot write {}: {error}", place.path().display()));
            }
        }
        self.accept();
        if let Some(server) = &mut self.server {
            server.announce(meta);
        }
    }

    /// After the answer: the channel serves until nothing is left, and without one the rest of the output is handed on.
    fn stay(mut self, mut task: Task, ended: &Ended<'_>, is_put_off: bool) -> Result<(), Error> {
        let Some(mut server) = self.server.take() else {
            if !task.output().is_finished() && sys::fork_away().is_ok_and(|is_copy| is_copy) {
                hand_on(task);
            }
            if is_put_off {
                drop(task);
                self.recorder.close();
                if sys::fork_away().is_ok_and(|is_copy| is_copy) {
                    make_up(self.recorder, ended);
                }
            } else {
                self.recorder.leave(true);
            }
            return Ok(());
        };
        if !is_put_off {
            self.recorder.leave(false);
        }
        task.attend(&mut server, Task::is_over)?;
        task.collect_rest();
        task.attend(&mut server, Task::has_handed_all_on)?;
        server.farewell(Some(task));
        if is_put_off && let Some(error) = self.recorder.record_late(ended).error {
            complain(&error);
        }
        Ok(())
    }
}

/// What is opened, read and touched now is at hand when the request comes. One that is there already waits for nothing that it may
/// not need.
fn make_ready(
    server: &Server,
    recorder: &mut Recorder,
    place: Option<&mut meta::Place>,
) -> Option<Sideband> {
    let nowhere = Remarks {
        is_wanted: true,
        ..Remarks::default()
    };
    recorder.open_ahead();
    recorder.rehearse(b"true", Path::new("/"), &nowhere, &|| !server.is_asked());
    if server.is_asked() {
        return None;
    }
    if let Some(place) = place {
        place.prepare();
    }
    control::standby::rehearse();
    sys::os::map_program();
    sys::os::take_short_turns();
    Sideband::prepare(&server.directory().join(SIDEBAND))
}

/// In a copy of this process: gives the survivors' output to our caller's stdout, as long as there is any.
fn hand_on(mut task: Task) -> ! {
    sys::release_input_and_errors();
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP] {
        signal::ignore(signal);
    }
    signal::obey(libc::SIGTERM);
    let attended = task.attend(&mut NoChannel, |task| task.output().is_finished());
    sys::exit_now(i32::from(attended.is_err()))
}

/// In a copy of this process, that nobody waits for: records what could not be recorded in time.
fn make_up(mut recorder: Recorder, ended: &Ended<'_>) -> ! {
    sys::release_standard_streams();
    let made_up = recorder.record_late(ended);
    sys::exit_now(i32::from(made_up.error.is_some()))
}

impl Order {
    /// An order from the command line.
    fn by_hand(request: crate::executor::Request, persist: bool) -> Order {
        Order {
            fields: serde_json::Map::new(),
            request,
            remarks: Remarks {
                is_wanted: true,
                ..Remarks::default()
            },
            persist,
        }
    }
}

/// Where a command with this wish runs.
fn directory_of(wish: Option<&Path>) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    wish.map_or(here.clone(), |wish| here.join(wish))
}
