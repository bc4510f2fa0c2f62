//! Ending a command: asking, waiting for the grace period, killing, and then hunting the strays.
use std::collections::{HashMap, HashSet};
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
/// A stopped process hears it too.
const REQUEST: [i32; 2] = [libc::SIGTERM, libc::SIGCONT];
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
    /// A child has died since the last look for orphans.
    orphans_due: bool,
    asked: Asked,
}

/// Who has been asked to terminate.
#[derive(Debug, Default)]
struct Asked {
    /// All of this group at once, so also those of it that nobody saw.
    group: Option<i32>,
    processes: HashSet<i32>,
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
            orphans_due: false,
            asked: Asked::default(),
        };
        if let Some(master) = target.terminal {
            interrupt(target.group, master);
            ending.due = now + NEXT_WORD.min(grace);
        } else {
            ending.ask(target);
        }
        ending
    }

    /// Leaves no more time than the loss of the session would.
    pub fn hurry(&mut self, now: Instant) {
        let passed = now.duration_since(self.began);
        self.grace = self.grace.min(passed + SESSION_GRACE);
        if matches!(
            self.stage,
            Stage::Interrupted | Stage::Asked | Stage::HungUp
        ) {
            self.due = self.due.min(self.began + self.grace);
        }
    }

    /// When the first signal was sent.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// When the next step is to be taken.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        match self.stage {
            Stage::GivenUp => None,
            _ => Some(self.due),
        }
    }

    /// A child has died, and what it had started is ours now.
    pub fn child_died(&mut self) {
        self.orphans_due = true;
    }

    /// The shell has died, and who wanted it. With it the kernel has hung up its terminal, and nobody is left for the words in between.
    pub fn shell_died(&mut self) -> EndedBy {
        self.due = match self.stage {
            Stage::Interrupted => self.began,
            Stage::Asked => self.began + self.grace,
            Stage::HungUp | Stage::Killing | Stage::GivenUp => self.due,
        };
        self.by
    }

    /// Whether something is left that even SIGKILL does not end.
    #[must_use]
    pub fn has_given_up(&self) -> bool {
        self.stage == Stage::GivenUp
    }

    /// Takes the next step if its time has come.
    pub fn step(&mut self, target: Target, now: Instant) {
        if now < self.due {
            if self.orphans_due && matches!(self.stage, Stage::Asked | Stage::HungUp) {
                self.ask_orphans();
            }
            return;
        }
        match self.stage {
            Stage::Interrupted => self.ask(target),
            Stage::Asked if target.terminal.is_some() => self.hang_up(target),
            Stage::Asked | Stage::HungUp => {
                self.stage = Stage::Killing;
                self.killing_since = now;
                self.pause = FIRST_PAUSE;
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
        self.asked = Asked {
            group: target.group,
            processes: broadcast(target.group, &REQUEST),
        };
        // Those orphaned by what ended before or between our two looks at it.
        self.ask_orphans();
    }

    /// Asks those whose parents started them while these were being asked: no walk of the tree could see them. Children of
    /// the living are left alone, as they may be how their parent takes its leave.
    fn ask_orphans(&mut self) {
        self.orphans_due = false;
        for pid in tree::children() {
            if !self.asked.processes.insert(pid) {
                continue;
            }
            let group = tree::living_group_of(pid);
            if group.is_some() && group != self.asked.group {
                for signal in REQUEST {
                    let _was_there = signal::send(pid, signal);
                }
            }
        }
    }

    /// An interactive shell obeys nothing else, and its terminal is indeed going away.
    fn hang_up(&mut self, target: Target) {
        self.stage = Stage::HungUp;
        self.due = self.began + self.grace;
        let _told = broadcast(target.group, &[libc::SIGHUP, libc::SIGCONT]);
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

/// What typing the interrupt character would do, and the same for the shell; who is stopped goes on to hear it.
fn interrupt(group: Option<i32>, master: i32) {
    let foreground = terminal::foreground(master);
    let both = [foreground, group.filter(|g| foreground != Some(*g))];
    for group in both.into_iter().flatten() {
        let _was_there =
            signal::send_group(group, libc::SIGINT) && signal::send_group(group, libc::SIGCONT);
    }
}

/// Sends signals to the group at once, and to each process outside it. Gives everybody that it saw.
fn broadcast(group: Option<i32>, signals: &[i32]) -> HashSet<i32> {
    let seen = || {
        let all = tree::descendants().into_iter();
        all.map(|process| (process.pid, Some(process.group)))
    };
    // Looked for first: while the group dies, its orphans move to us, and a walk of the tree can miss one.
    let mut groups: HashMap<i32, Option<i32>> = seen().map(|(pid, _)| (pid, None)).collect();
    if let Some(group) = group {
        for signal in signals {
            let _was_there = signal::send_group(group, *signal);
        }
    }
    // Only the second walk tells who was in the group when that was told: one may have left it since the first.
    groups.extend(seen());
    for (pid, now) in &groups {
        let now = now.or_else(|| tree::living_group_of(*pid));
        if now.is_some() && now != group {
            for signal in signals {
                let _was_there = signal::send(*pid, *signal);
            }
        }
    }
    groups.into_keys().collect()
}
