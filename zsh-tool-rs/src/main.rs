//! The executor's entry point.
fn main() {}
