//! What the caller hands over to be recorded.

use std::path::Path;

/// One command that has ended.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// The id of its row, if the caller has chosen one.
    pub id: Option<&'a str>,
    /// The command's bytes as they were run.
    pub command: &'a [u8],
    /// The run of the server that the command belongs to.
    pub session_id: &'a str,
    /// The shell's wait status, 128 + n for a signal.
    pub exit_code: i32,
    /// Wall time of the whole command.
    pub duration_ms: u64,
    /// Whether a timeout of either kind ended it.
    pub timed_out: bool,
    /// False makes the row a failure whatever the exit code says.
    pub succeeded: bool,
    /// The codes of its pipeline; fewer or more than the text has segments means: not known.
    pub pipestatus: &'a [i32],
    /// Where it ran.
    pub cwd: &'a Path,
    /// The outcome's word.
    pub outcome: &'a str,
    /// The signal's name without `SIG`, if one ended it.
    pub signal: Option<&'a str>,
    /// Why the agent ran it, in its own words.
    pub intent: Option<&'a str>,
    /// Who asked for it.
    pub author: Option<&'a str>,
    /// Insights that were shown since the last record.
    pub insights: &'a [ShownInsight],
}

/// An insight that a reply has shown.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownInsight {
    /// Its id, made by whoever showed it.
    pub id: String,
    /// Its kind's name.
    pub kind: String,
    /// `info` or `warning`.
    pub level: String,
    /// The template of the command that it was about.
    pub template: Option<String>,
    /// When it was shown, in seconds since the epoch.
    pub shown_at: f64,
}

/// How much history is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retention {
    /// The most rows of observations.
    pub rows: u64,
    /// After so many days a row weighs half.
    pub half_life_days: f64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            rows: 200_000,
            half_life_days: 30.0,
        }
    }
}

/// The text of something that is stored. Every text that reaches a row passes here.
#[must_use]
pub fn stored_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
