//! Backups of what is deleted: where, and for how long.

use jiff::SignedDuration;

use crate::config::location::Location;
use crate::config::section::section;
use crate::config::value::Period;

section! {
    /// Backups of what is deleted.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BackupConfig, BackupPatch {
        /// Time for which a backup is kept; zero for no backups.
        keep: SignedDuration = SignedDuration::from_hours(30 * 24), from Period;
        /// Folder, bucket, or neither.
        location: Location = Location::Auto, from Location;
    }
}

impl BackupConfig {
    /// Whether what is deleted is backed up.
    pub fn is_on(&self) -> bool {
        !self.keep.is_zero()
    }
}
