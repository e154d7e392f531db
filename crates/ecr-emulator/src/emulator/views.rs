//! Views of the state that do not go through the API.

use super::Emulator;
use crate::state::{Image, Status};

/// An image, index or artifact of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageView {
    /// The image's digest.
    pub digest: String,
    /// Its tags, in order.
    pub tags: Vec<String>,
    /// The time of its first push, in Unix milliseconds.
    pub pushed_at_ms: Option<i64>,
    /// The time when it was last restored from the archive, in Unix milliseconds.
    pub activated_at_ms: Option<i64>,
    /// The time of its last recorded pull, in Unix milliseconds.
    pub pulled_at_ms: Option<i64>,
    /// ACTIVE, ARCHIVED or ACTIVATING.
    pub status: Status,
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest as it was pushed.
    pub manifest: String,
}

impl ImageView {
    fn new(image: &Image, now: i64) -> Self {
        Self {
            digest: image.digest.clone(),
            tags: image.tags.iter().cloned().collect(),
            pushed_at_ms: image.pushed_at,
            activated_at_ms: image.last_activated_at(now),
            pulled_at_ms: image.pulled_at,
            status: image.status(now),
            media_type: image.manifest.media_type.clone(),
            manifest: image.text.clone(),
        }
    }
}

impl Emulator {
    /// One image, of any status. It is no pull.
    pub fn image(&self, repository: &str, digest: &str) -> Option<ImageView> {
        let state = self.state();
        let image = state.repositories.get(repository)?.get(digest)?;
        Some(ImageView::new(image, state.now()))
    }

    /// All images of any status, by digest; none for a repository that does not exist.
    pub fn images(&self, repository: &str) -> Vec<ImageView> {
        let state = self.state();
        let now = state.now();
        match state.repositories.get(repository) {
            Some(repository) => repository.images().map(|image| ImageView::new(image, now)).collect(),
            None => Vec::new(),
        }
    }

    /// Number of images of any status in a repository.
    pub fn image_count(&self, repository: &str) -> usize {
        let state = self.state();
        state.repositories.get(repository).map_or(0, |repository| repository.len())
    }

    /// The image that a tag names.
    pub fn digest_of_tag(&self, repository: &str, tag: &str) -> Option<String> {
        let state = self.state();
        let digest = state.repositories.get(repository)?.digest_of(tag)?;
        Some(digest.to_owned())
    }
}
