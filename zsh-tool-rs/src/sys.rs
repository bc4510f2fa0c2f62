//! All that the standard library does not do safely: the only place with unsafe code.
pub mod fifo;
