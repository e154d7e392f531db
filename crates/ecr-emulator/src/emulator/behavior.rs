//! Setters for behaviour that AWS leaves open.

use std::time::Duration;

use super::Emulator;
use crate::state::{ReferenceLag, UnreferencedLayers};

impl Emulator {
    /// Sets whether `DescribeImages` takes `imageIds` and `filter` in one call (at first it does).
    ///
    /// The service model forbids only paging next to `imageIds`, and no public call with both was found. Off, the pair
    /// is an `InvalidParameterException`.
    pub fn set_ids_with_filter(&self, accepted: bool) {
        self.state().behavior.ids_with_filter = accepted;
    }

    /// Sets whether an `ImageNotFoundException` names every unknown image, or only the first (as at first).
    pub fn set_name_all_unknown_images(&self, all: bool) {
        self.state().behavior.names_all_unknown = all;
    }

    /// Sets whether `DescribeImages` leaves `subjectManifestDigest` out (at first it does not).
    pub fn set_hide_subjects(&self, hidden: bool) {
        self.state().behavior.hides_subjects = hidden;
    }

    /// Sets whether `PutImage` refuses a manifest whose layers are missing (at first it does).
    pub fn set_require_layers(&self, required: bool) {
        self.state().behavior.requires_layers = required;
    }

    /// Sets the fate of layers that no manifest refers to any more (at first `Inaccessible`).
    pub fn set_unreferenced_layers(&self, layers: UnreferencedLayers) {
        self.state().behavior.unreferenced_layers = layers;
    }

    /// Sets how long a child counts as referenced after its index was deleted (at first not at all).
    pub fn set_reference_lag(&self, lag: ReferenceLag) {
        self.state().behavior.reference_lag = lag;
    }

    /// Sets the lifetime of layer download URLs, by the registry's clock (at first an hour).
    pub fn set_layer_url_lifetime(&self, lifetime: Duration) {
        self.state().limits.layer_url_seconds = lifetime.as_secs();
    }
}
