//! Test hooks: states that real ECR reaches only with time or by its own defects.
//! Each does nothing when there is no such image.

use super::Emulator;
use crate::state::{Image, Status};

impl Emulator {
    /// Not in ECR: sets the recorded pull time; `None` is "never pulled".
    pub fn set_pulled_at(&self, repository: &str, digest: &str, at_ms: Option<i64>) {
        self.change(repository, digest, |image| image.pulled_at = at_ms);
    }

    /// Not in ECR: sets the push time; with `None`, `DescribeImages` leaves the member out.
    pub fn set_pushed_at(&self, repository: &str, digest: &str, at_ms: Option<i64>) {
        self.change(repository, digest, |image| image.pushed_at = at_ms);
    }

    /// Not in ECR: sets when a restore from the archive last ended; `None` is never.
    pub fn set_activated_at(&self, repository: &str, digest: &str, at_ms: Option<i64>) {
        self.change(repository, digest, |image| image.activated_at = at_ms);
    }

    /// Not in ECR: sets the status at once and without its rules. ACTIVATING stays until it is changed; one
    /// that becomes ACTIVE again was activated now.
    pub fn set_status(&self, repository: &str, digest: &str, status: Status) {
        let now = self.now();
        self.change(repository, digest, |image| {
            let restored = status == Status::Active && image.status(now) != Status::Active;
            image.activated_at = if restored { Some(now) } else { image.last_activated_at(now) };
            image.storage = status.into();
            if status != Status::Active {
                image.archived_at.get_or_insert(now);
            }
        });
    }

    /// Not in ECR: `DescribeImages` leaves `imageManifestMediaType` and `artifactMediaType` out for this
    /// image, as it may for very old ones.
    pub fn hide_media_types(&self, repository: &str, digest: &str) {
        self.change(repository, digest, |image| image.hides_media_types = true);
    }

    /// Not in ECR: `BatchGetImage` answers other bytes under this digest.
    pub fn corrupt_manifest(&self, repository: &str, digest: &str, bytes: &str) {
        self.change(repository, digest, |image| image.corrupt = Some(bytes.to_owned()));
    }

    fn change(&self, repository: &str, digest: &str, change: impl FnOnce(&mut Image)) {
        let mut state = self.state();
        if let Some(repository) = state.repositories.get_mut(repository)
            && let Some(image) = repository.get_mut(digest)
        {
            change(image);
        }
    }
}
