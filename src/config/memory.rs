//! Location of the memory, in which runs keep facts about repositories.

use crate::config::location::Location;
use crate::config::section::section;

section! {
    /// Location of the memory, in which runs keep facts about repositories.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MemoryConfig, MemoryPatch {
        /// Folder, bucket, or neither.
        location: Location = Location::Auto, from Location;
    }
}
