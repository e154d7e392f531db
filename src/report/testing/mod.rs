//! Fixtures shared by unit tests.

pub(crate) mod decisions;
pub(crate) mod reports;
