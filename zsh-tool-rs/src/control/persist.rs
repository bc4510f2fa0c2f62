//! What the loss of whoever started a task means for it.
use crate::executor::Task;
use crate::outcome::EndedBy;
use crate::sys::signal;

/// What happens when the owner's connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerLoss {
    /// The task ends with it.
    EndTheTask,
    /// The task goes on, until its shell and all that outlives it are gone.
    Nothing,
}

impl OwnerLoss {
    /// For a task that is to persist, or not. A persistent one does not mind a terminal that closes either.
    #[must_use]
    pub fn of(persist: bool) -> OwnerLoss {
        if persist {
            signal::ignore(libc::SIGHUP);
            OwnerLoss::Nothing
        } else {
            OwnerLoss::EndTheTask
        }
    }

    pub(super) fn happen(self, task: &mut Task) {
        if self == OwnerLoss::EndTheTask {
            task.end(EndedBy::Session);
        }
    }
}
