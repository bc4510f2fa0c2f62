//! How long a connection waits for other writers, and in which steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// The longest that a record waits for other writers, opening included.
pub const RECORD_BOUND: Duration = Duration::from_secs(2);

/// The longest that a record waits that nobody waits for any more.
pub const LATE_BOUND: Duration = Duration::from_secs(30);

/// The longest that upkeep waits: whoever records next can do it instead.
pub const UPKEEP_BOUND: Duration = Duration::from_millis(100);

/// The longest single pause. A record holds the lock for less than a millisecond, so a waiter that
/// looks rarely loses its turn to those that come later.
const LONGEST_PAUSE_US: u64 = 4_000;
const FIRST_PAUSE_US: u64 = 250;

/// The same for one that has waited for long.
const LONGEST_HURRIED_US: u64 = 500;
const FIRST_HURRIED_US: u64 = 60;

/// How often a connection looks whether the lock is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// As long as there is time, others may be luckier.
    Seldom,
    /// It has waited for long, and the others let it pass.
    Often,
    /// Not at all: it does not wait.
    None,
}

/// A deadline shared with the busy handler of a connection.
#[derive(Clone, Debug)]
pub struct Patience {
    started: Instant,
    /// Microseconds after `started`.
    deadline: Arc<AtomicU64>,
    step: Arc<AtomicU8>,
}

impl Patience {
    /// Waits until `bound` from now.
    #[must_use]
    pub fn new(bound: Duration) -> Self {
        let patience = Self {
            started: Instant::now(),
            deadline: Arc::new(AtomicU64::new(0)),
            step: Arc::new(AtomicU8::new(Step::Seldom as u8)),
        };
        patience.renew(bound);
        patience
    }

    /// Moves the deadline to `bound` from now.
    pub fn renew(&self, bound: Duration) {
        self.deadline
            .store(micros(self.started.elapsed() + bound), Ordering::Relaxed);
    }

    /// The time until the deadline.
    #[must_use]
    pub fn left(&self) -> Duration {
        let deadline = Duration::from_micros(self.deadline.load(Ordering::Relaxed));
        deadline.saturating_sub(self.started.elapsed())
    }

    /// Says how often to look.
    pub fn set_step(&self, step: Step) {
        self.step.store(step as u8, Ordering::Relaxed);
    }

    /// Pauses before attempt number `count`; false when the time is up.
    #[must_use]
    pub fn pause(&self, count: u32) -> bool {
        let left = micros(self.left());
        if left == 0 {
            return false;
        }
        let (first, longest) = match self.step.load(Ordering::Relaxed) {
            step if step == Step::None as u8 => return false,
            step if step == Step::Often as u8 => (FIRST_HURRIED_US, LONGEST_HURRIED_US),
            _ => (FIRST_PAUSE_US, LONGEST_PAUSE_US),
        };
        let step = (first << count.min(4)).min(longest);
        let pause = step / 2 + jitter() % (step / 2);
        // SQLite tells nobody when a lock is free: there is no event to wait for.
        thread::park_timeout(Duration::from_micros(pause.min(left)));
        true
    }

    /// Lets `db` wait for locks as this says.
    ///
    /// # Errors
    /// When the connection takes no handler.
    pub fn rule(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let patience = self.clone();
        db.busy_handler(Some(move |count| {
            patience.pause(u32::try_from(count).unwrap_or(u32::MAX))
        }))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A number that differs between processes that started in the same moment.
fn jitter() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_at_its_bound() {
        let patience = Patience::new(Duration::from_millis(20));
        let started = Instant::now();
        let mut count = 0;
        while patience.pause(count) {
            count += 1;
        }
        assert!(started.elapsed() >= Duration::from_millis(20));
        assert!(count >= 3, "only {count} attempts");
        patience.renew(Duration::from_millis(20));
        assert!(patience.pause(0));
    }
}
