//! What the executor promises, proved with the real binary, the real zsh and a look from outside.
//!
//! One program for all of it: the suites share their helpers, and linking takes longer than most of the tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

#[path = "../common/mod.rs"]
mod common;

mod cases;
mod containment;
mod crossed;
mod ending;
mod exact;
mod fault;
mod interactive;
mod long;
mod traps;
mod waiting;
mod zshenv;
