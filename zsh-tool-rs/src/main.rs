//! The executor's entry point.
#![no_main]

#[path = "sys/entry.rs"]
mod entry;
