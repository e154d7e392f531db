//! The location of the memory of earlier runs.

use crate::config::location::Location;
use crate::config::section::{section, words};

words! {
    /// Statements of attestations that the function reads.
    pub enum Statements {
        /// None.
        None = "none",
        /// One of the newest push in each repository, unless an earlier run has read it.
        Newest = "newest",
    }
}

section! {
    /// The memory of earlier runs.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MemoryConfig, MemoryPatch {
        /// Folder, bucket, or neither.
        location: Location = Location::Auto, from Location;
        /// Statements of attestations that the function reads in each run, to tell which pipelines make them.
        statements: Statements = Statements::None, from Statements;
    }
}
