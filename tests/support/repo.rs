//! A repository, and what other people do in it.

use std::collections::{BTreeMap, BTreeSet};

use ecr_emulator::buildx::{Build, Pushed};
use ecr_emulator::{ApiError, Emulator, ImageView, Status};
use serde_json::json;

/// A repository, and what other people do in it.
#[derive(Clone)]
pub(crate) struct Repo {
    pub(crate) ecr: Emulator,
    pub(crate) name: String,
}

/// All images by digest, without the times of pulls.
pub(crate) type Contents = BTreeMap<String, ImageView>;

impl Repo {
    /// Does something so many days ago.
    pub(crate) fn ago<T>(&self, days: i64, what: impl FnOnce(&Emulator, &str) -> Result<T, ApiError>) -> T {
        self.ecr.set_clock(Some(days_ago(days)));
        let result = what(&self.ecr, &self.name);
        self.ecr.set_clock(None);
        result.unwrap()
    }

    /// Pushes a build under a tag.
    pub(crate) fn push(&self, days: i64, build: Build, tag: &str) -> Pushed {
        self.ago(days, |ecr, name| build.push(ecr, name, Some(tag)))
    }

    /// Pushes a build whose index no tag names (any more).
    pub(crate) fn push_untagged(&self, days: i64, build: Build) -> Pushed {
        self.ago(days, |ecr, name| build.push(ecr, name, None))
    }

    /// Pushes a build and deletes all of it but the attestations.
    pub(crate) fn orphans(&self, days: i64, build: Build) -> Vec<String> {
        let pushed = self.push_untagged(days, build);
        self.delete([&pushed.root]);
        self.delete(&pushed.platforms);
        pushed.attestations
    }

    /// Somebody deletes images.
    pub(crate) fn delete<'a>(&self, digests: impl IntoIterator<Item = &'a String>) {
        let ids: Vec<_> = digests.into_iter().map(|digest| json!({"imageDigest": digest})).collect();
        let request = json!({"repositoryName": self.name, "imageIds": ids});
        let answer = self.ecr.call("BatchDeleteImage", request).unwrap();
        assert_eq!(answer["failures"], json!([]));
    }

    /// Somebody tries to delete an image, and ECR may refuse.
    pub(crate) fn try_to_delete(&self, digest: &str) {
        let request = json!({"repositoryName": self.name, "imageIds": [{"imageDigest": digest}]});
        self.ecr.call("BatchDeleteImage", request).unwrap();
    }

    /// Somebody gives an image a tag.
    pub(crate) fn tag(&self, digest: &str, tag: &str) {
        let image = self.ecr.image(&self.name, digest).unwrap();
        self.ecr.put_image(&self.name, &image.manifest, Some(&image.media_type), Some(tag)).unwrap();
    }

    /// Sets the repository's resource tag.
    pub(crate) fn label(&self, key: &str, value: &str) {
        let arn = format!("arn:aws:ecr:us-east-1:123456789012:repository/{}", self.name);
        let request = json!({"resourceArn": arn, "tags": [{"Key": key, "Value": value}]});
        self.ecr.call("TagResource", request).unwrap();
    }

    /// Deletes the repository with all that is in it.
    pub(crate) fn vanish(&self) {
        self.ecr.call("DeleteRepository", json!({"repositoryName": self.name, "force": true})).unwrap();
    }

    /// An image was pulled so many days ago.
    pub(crate) fn pulled(&self, days: i64, digest: &str) {
        self.ecr.set_pulled_at(&self.name, digest, Some(days_ago(days)));
    }

    /// An image goes to the archive.
    pub(crate) fn archive(&self, digest: &str) {
        self.ecr.set_status(&self.name, digest, Status::Archived);
    }

    /// All images.
    pub(crate) fn contents(&self) -> Contents {
        let images = self.ecr.images(&self.name).into_iter();
        images.map(|image| (image.digest.clone(), ImageView { pulled_at_ms: None, ..image })).collect()
    }

    /// Whether the image is there.
    pub(crate) fn has(&self, digest: &str) -> bool {
        self.ecr.image(&self.name, digest).is_some()
    }

    /// How many of these images are there.
    pub(crate) fn count(&self, digests: &[String]) -> usize {
        digests.iter().filter(|digest| self.has(digest)).count()
    }

    /// The tags of an image.
    pub(crate) fn tags(&self, digest: &str) -> Vec<String> {
        self.ecr.image(&self.name, digest).unwrap().tags
    }

    /// The images that are gone since then. All others must be as they were, byte for byte.
    pub(crate) fn lost_since(&self, before: &Contents) -> BTreeSet<String> {
        let now = self.contents();
        for (digest, image) in &now {
            assert_eq!(Some(image), before.get(digest), "{digest} changed");
        }
        before.keys().filter(|digest| !now.contains_key(*digest)).cloned().collect()
    }
}

fn days_ago(days: i64) -> i64 {
    jiff::Timestamp::now().as_millisecond() - days * 24 * 60 * 60 * 1000
}
