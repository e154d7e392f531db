//! One manifest in a repository.

use std::collections::BTreeSet;

use super::{Manifest, Status, Storage};

/// An image, index or artifact.
#[derive(Clone)]
pub(crate) struct Image {
    pub(crate) digest: String,
    /// The manifest's exact bytes.
    pub(crate) text: String,
    pub(crate) manifest: Manifest,
    pub(crate) size: u64,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) pushed_at: Option<i64>,
    pub(crate) pulled_at: Option<i64>,
    pub(crate) storage: Storage,
    pub(crate) archived_at: Option<i64>,
    pub(crate) activated_at: Option<i64>,
    /// `DescribeImages` leaves the media types out (a test hook).
    pub(crate) hides_media_types: bool,
    /// The answer to a pull in place of the manifest (a test hook).
    pub(crate) corrupt: Option<String>,
}

impl Image {
    pub(crate) fn new(digest: String, text: String, manifest: Manifest, now: i64) -> Self {
        Self {
            digest,
            text,
            size: manifest.size,
            manifest,
            tags: BTreeSet::new(),
            pushed_at: Some(now),
            pulled_at: None,
            storage: Storage::Active,
            archived_at: None,
            activated_at: None,
            hides_media_types: false,
            corrupt: None,
        }
    }

    pub(crate) fn status(&self, now: i64) -> Status {
        self.storage.status(now)
    }

    /// The end of the last restore from the archive.
    pub(crate) fn last_activated_at(&self, now: i64) -> Option<i64> {
        match self.storage {
            Storage::Activating { until: Some(until) } if until <= now => Some(until),
            _ => self.activated_at,
        }
    }

    /// The artifact media type of `DescribeImages`.
    pub(crate) fn artifact_media_type(&self) -> Option<&str> {
        if self.manifest.is_index {
            return None;
        }
        self.manifest.artifact_type.as_deref().or(self.manifest.config_media_type.as_deref())
    }

    /// The manifest as a pull answers it.
    pub(crate) fn served_text(&self) -> &str {
        self.corrupt.as_deref().unwrap_or(&self.text)
    }
}
