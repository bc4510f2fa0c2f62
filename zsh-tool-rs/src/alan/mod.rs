//! The A.L.A.N. database: what was run, and how it ended.
//!
//! All SQL that the executor runs is in this module and the ones below it.

pub mod error;
pub mod hash;
pub mod observation;
pub mod pipeline;
pub mod streak;

pub use error::AlanError;
pub use observation::{Observation, Retention, ShownInsight, stored_text};

use std::path::Path;

/// A connection to the database, ready to record.
#[derive(Debug)]
pub struct Alan;

impl Alan {
    /// Opens the database at `path`, creates or upgrades it where needed.
    ///
    /// # Errors
    /// When it cannot be opened for writing.
    pub fn open(_path: &Path, _limits: Retention) -> Result<Self, AlanError> {
        Ok(Self)
    }

    /// Something that the user should know about the opening, such as a damaged file set aside.
    #[must_use]
    pub fn notice(&self) -> Option<&str> {
        None
    }

    /// Records one command in one transaction and gives the id of its observation.
    ///
    /// # Errors
    /// When nothing was recorded.
    pub fn record(&mut self, _observation: &Observation<'_>) -> Result<String, AlanError> {
        Ok(String::new())
    }

    /// Does this command's share of the upkeep; to be called once the answer is out.
    pub fn after_answer(&mut self) {}
}
