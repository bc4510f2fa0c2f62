//! Runs one zsh command and tells the truth about how it ended.
pub mod alan;
pub mod sideband;
pub mod sys;
