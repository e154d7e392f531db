//! Setters for behaviour that AWS leaves open.

use crate::emulator::Emulator;

impl Emulator {
    /// Whether `DescribeImages` takes `imageIds` and `filter` in one call (it does at first).
    ///
    /// The service model forbids only paging next to `imageIds`, and no public call with both was found. Off, the pair
    /// is an `InvalidParameterException`.
    pub fn set_ids_with_filter(&self, accepted: bool) {
        self.state().behavior.ids_with_filter = accepted;
    }

    /// Whether an `ImageNotFoundException` names every unknown image of the call, or only the first (as at first).
    pub fn set_name_all_unknown_images(&self, all: bool) {
        self.state().behavior.names_all_unknown = all;
    }

    /// Whether `DescribeImages` leaves `subjectManifestDigest` out of every image (it does not at first).
    pub fn set_hide_subjects(&self, hidden: bool) {
        self.state().behavior.hides_subjects = hidden;
    }
}
