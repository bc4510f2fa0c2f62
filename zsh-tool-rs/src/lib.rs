//! Runs one zsh command and tells the truth about how it ended.
pub mod alan;
