//! How long a connection waits for other writers, and in which steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// The longest that a record waits for other writers, opening included.
pub const RECORD_BOUND: Duration = Duration::from_secs(2);

/// The longest that upkeep waits: whoever records next can do it instead.
pub const UPKEEP_BOUND: Duration = Duration::from_millis(100);

/// The longest single pause. A record holds the lock for less than a millisecond, so a waiter that
/// looks rarely loses its turn to those that come later.
const LONGEST_PAUSE_US: u64 = 4_000;
const FIRST_PAUSE_US: u64 = 250;

/// A deadline shared with the busy handler of a connection.
#[derive(Clone, Debug)]
pub struct Patience {
    started: Instant,
    /// Microseconds after `started`.
    deadline: Arc<AtomicU64>,
}

impl Patience {
    /// Waits until `bound` from now.
    #[must_use]
    pub fn new(bound: Duration) -> Self {
        let patience = Self {
            started: Instant::now(),
            deadline: Arc::new(AtomicU64::new(0)),
        };
        patience.renew(bound);
        patience
    }

    /// Moves the deadline to `bound` from now.
    pub fn renew(&self, bound: Duration) {
        self.deadline
            .store(micros(self.started.elapsed() + bound), Ordering::Relaxed);
    }

    /// Pauses before attempt number `count`; false when the time is up.
    #[must_use]
    pub fn pause(&self, count: u32) -> bool {
        let now = micros(self.started.elapsed());
        let left = self.deadline.load(Ordering::Relaxed).saturating_sub(now);
        if left == 0 {
            return false;
        }
        let step = (FIRST_PAUSE_US << count.min(4)).min(LONGEST_PAUSE_US);
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
