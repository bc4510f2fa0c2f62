//! Ending a command: asking, waiting for the grace period, killing, and then hunting the strays.
use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::tree;
use crate::outcome::EndedBy;
use crate::sys::{signal, terminal};

/// How long a terminal's job may take its interrupt before it is asked to terminate, and that before the hangup.
const NEXT_WORD: Duration = Duration::from_millis(50);
/// A lost session leaves no time for long farewells: all of it must be gone within a second.
const SESSION_GRACE: Duration = Duration::from_millis(500);
/// What SIGKILL has not ended by then will not end.
const GIVE_UP: Duration = Duration::from_secs(3);
/// Looks in one go for processes that fork faster than they can be killed.
const CHASES: usize = 2000;
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Interrupted,
    Asked,
    HungUp,
    Killing,
    GivenUp,
}

/// Whom to end.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The shell's group, while the shell has not been reaped: afterwards its number may belong to a stranger.
    pub group: Option<i32>,
    /// The terminal's master.
    pub terminal: Option<i32>,
}

/// An end under way.
#[derive(Debug)]
pub struct Ending {
    by: EndedBy,
    began: Instant,
    grace: Duration,
    stage: Stage,
    due: Instant,
    killing_since: Instant,
    pause: Duration,
}

impl Ending {
    /// Asks everything that runs to end, for the first time.
    #[must_use]
    pub fn begin(by: EndedBy, target: Target, grace: Duration, now: Instant) -> Ending {
        let grace = match by {
            EndedBy::Session => grace.min(SESSION_GRACE),
            _ => grace,
        };
        let mut ending = Ending {
            by,
            began: now,
            grace,
            stage: Stage::Interrupted,
            due: now,
            killing_since: now,
            pause: FIRST_PAUSE,
        };
        if let Some(master) = target.terminal {
            interrupt(target.group, master);
            ending.due = now + NEXT_WORD.min(grace);
        } else {
            ending.ask(target);
        }
        ending
    }

    /// Who wanted it.
    #[must_use]
    pub fn by(&self) -> EndedBy {
        self.by
    }

    /// When the first signal was sent.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// When the next step is to be taken.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        (self.stage != Stage::GivenUp).then_some(self.due)
    }

    /// Whether something is left that even SIGKILL does not end.
    #[must_use]
    pub fn has_given_up(&self) -> bool {
        self.stage == Stage::GivenUp
    }

    /// Takes the next step if its time has come.
    pub fn step(&mut self, target: Target, now: Instant) {
        if now < self.due {
            return;
        }
        match self.stage {
            Stage::Interrupted => self.ask(target),
            Stage::Asked if target.terminal.is_some() => self.hang_up(target),
            Stage::Asked | Stage::HungUp => {
                self.stage = Stage::Killing;
                self.killing_since = now;
                self.kill(target, now);
            }
            Stage::Killing if now.duration_since(self.killing_since) > GIVE_UP => {
                self.stage = Stage::GivenUp;
            }
            Stage::Killing => self.kill(target, now),
            Stage::GivenUp => {}
        }
    }

    fn ask(&mut self, target: Target) {
        self.stage = Stage::Asked;
        let end = self.began + self.grace;
        self.due = match target.terminal {
            Some(_) => (self.due + NEXT_WORD).min(end),
            None => end,
        };
        broadcast(target.group, &[libc::SIGTERM, libc::SIGCONT]);
    }

    /// An interactive shell obeys nothing else, and its terminal is indeed going away.
    fn hang_up(&mut self, target: Target) {
        self.stage = Stage::HungUp;
        self.due = self.began + self.grace;
        broadcast(target.group, &[libc::SIGHUP, libc::SIGCONT]);
    }

    fn kill(&mut self, target: Target, now: Instant) {
        let mut hit = HashSet::new();
        if let Some(group) = target.group {
            let _was_there = signal::send_group(group, libc::SIGKILL);
        }
        for _ in 0..CHASES {
            let fresh: Vec<i32> = tree::descendants()
                .into_iter()
                .map(|process| process.pid)
                .filter(|pid| hit.insert(*pid))
                .collect();
            if fresh.is_empty() {
                break;
            }
            for pid in fresh {
                let _was_there = signal::send(pid, libc::SIGKILL);
            }
        }
        self.due = now + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

/// What typing the interrupt character would do, and the same for the shell.
fn interrupt(group: Option<i32>, master: i32) {
    let foreground = terminal::foreground(master);
    let both = [foreground, group.filter(|g| foreground != Some(*g))];
    for group in both.into_iter().flatten() {
        let _was_there = signal::send_group(group, libc::SIGINT);
    }
}

/// Sends signals to the group at once, and to each process outside it.
fn broadcast(group: Option<i32>, signals: &[i32]) {
    // Looked for first: while the group dies, its orphans move to us, and a walk of the tree can miss one.
    let mut processes = tree::descendants();
    if let Some(group) = group {
        for signal in signals {
            let _was_there = signal::send_group(group, *signal);
        }
    }
    let known: HashSet<i32> = processes.iter().map(|process| process.pid).collect();
    let fresh = tree::descendants().into_iter();
    processes.extend(fresh.filter(|process| !known.contains(&process.pid)));
    for process in processes {
        if Some(process.group) != group {
            for signal in signals {
                let _was_there = signal::send(process.pid, *signal);
            }
        }
    }
}
