//! The A.L.A.N. database: what was run, and how it ended.
