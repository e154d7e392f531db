//! The location of the memory of earlier runs.

use crate::config::location::Location;
use crate::config::section::section;

section! {
    /// The memory of earlier runs.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MemoryConfig, MemoryPatch {
        /// Folder, bucket, or neither.
        location: Location = Location::Auto, from Location;
    }
}
