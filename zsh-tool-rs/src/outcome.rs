//! How a command ended: the closed list, who ended it, and the shell's wait status.

/// How a command ended. `lost` and `blocked` complete the list; only the server can say those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The shell exited by itself.
    Exited,
    /// A signal that was not ours ended the shell.
    Signalled,
    /// The time limit passed.
    TimedOut,
    /// Neither output nor input for the idle limit.
    IdleTimeout,
    /// The agent or the user ended it.
    Killed,
    /// The call that started it was cancelled.
    Cancelled,
    /// Whoever started it went away.
    SessionEnded,
    /// The shell never ran.
    FailedToStart,
}

impl Outcome {
    /// The word used in the meta file, in rows and in replies.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Exited => "exited",
            Outcome::Signalled => "signalled",
            Outcome::TimedOut => "timed_out",
            Outcome::IdleTimeout => "idle_timeout",
            Outcome::Killed => "killed",
            Outcome::Cancelled => "cancelled",
            Outcome::SessionEnded => "session_ended",
            Outcome::FailedToStart => "failed_to_start",
        }
    }

    /// Whether a limit on time ended the command.
    #[must_use]
    pub fn is_timeout(self) -> bool {
        matches!(self, Outcome::TimedOut | Outcome::IdleTimeout)
    }

    /// Whether someone other than a time limit ended the command.
    #[must_use]
    pub fn is_kill(self) -> bool {
        matches!(
            self,
            Outcome::Killed | Outcome::Cancelled | Outcome::SessionEnded
        )
    }
}

/// Who or what ended a command before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The agent, through its kill tool.
    Agent,
    /// A person: a signal to the executor, or an attached terminal.
    User,
    /// The cancellation of the call.
    Cancelled,
    /// The loss of whoever started it.
    Session,
    /// The time limit.
    Timeout,
    /// The limit on silence.
    IdleTimeout,
}

impl EndedBy {
    /// The word used in the meta file and on the control channel.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            EndedBy::Agent => "agent",
            EndedBy::User => "user",
            EndedBy::Cancelled => "cancelled",
            EndedBy::Session => "session",
            EndedBy::Timeout => "timeout",
            EndedBy::IdleTimeout => "idle_timeout",
        }
    }

    /// Who a client of the control channel says it ends the task for.
    #[must_use]
    pub fn from_request(word: &str) -> Option<EndedBy> {
        [
            EndedBy::Agent,
            EndedBy::User,
            EndedBy::Cancelled,
            EndedBy::Session,
        ]
        .into_iter()
        .find(|by| by.word() == word)
    }

    /// The outcome of a command ended this way.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            EndedBy::Agent | EndedBy::User => Outcome::Killed,
            EndedBy::Cancelled => Outcome::Cancelled,
            EndedBy::Session => Outcome::SessionEnded,
            EndedBy::Timeout => Outcome::TimedOut,
            EndedBy::IdleTimeout => Outcome::IdleTimeout,
        }
    }
}

/// What the kernel says about a process that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitStatus(i32);

impl WaitStatus {
    /// Takes the raw word that `waitpid` gave.
    #[must_use]
    pub fn from_raw(raw: i32) -> WaitStatus {
        WaitStatus(raw)
    }

    /// The number of the signal that ended the process.
    #[must_use]
    pub fn signal(self) -> Option<i32> {
        match self.0 & 0x7f {
            0 => None,
            signal => Some(signal),
        }
    }

    /// The exit code, or 128+n for a death by signal n.
    #[must_use]
    pub fn code(self) -> i32 {
        self.signal()
            .map_or((self.0 >> 8) & 0xff, |signal| 128 + signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_reads_as_128_plus_its_number() {
        assert_eq!(WaitStatus::from_raw(9).code(), 137);
        assert_eq!(WaitStatus::from_raw(9).signal(), Some(9));
        assert_eq!(WaitStatus::from_raw(0x8b).signal(), Some(11));
        assert_eq!(WaitStatus::from_raw(3 << 8).code(), 3);
        assert_eq!(WaitStatus::from_raw(3 << 8).signal(), None);
    }

    #[test]
    fn a_client_cannot_claim_a_timeout() {
        assert_eq!(EndedBy::from_request("timeout"), None);
        assert_eq!(EndedBy::from_request("agent"), Some(EndedBy::Agent));
    }
}
