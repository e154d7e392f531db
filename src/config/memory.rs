//! Where runs keep what they learned of a repository.

use crate::config::location::Location;
use crate::config::section::section;

section! {
    /// Where runs keep what they learned of a repository.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MemoryConfig, MemoryPatch {
        /// The place of the memory.
        location: Location = Location::Auto, from Location;
    }
}
