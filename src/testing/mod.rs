//! Fixtures shared by unit tests.

pub(crate) mod decisions;
