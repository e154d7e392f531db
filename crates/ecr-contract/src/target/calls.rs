//! Calls that most cases make, with answers in a handier form.

use std::time::Duration;

use aws_sdk_ecr::types::{
    Image, ImageDetail, ImageFailure, ImageIdentifier, ImageTagMutability, TargetStorageClass,
};

use super::Target;
use crate::answer::Answer;
use crate::error::CaseError;
use crate::manifest::{Manifest, OCI_INDEX, OCI_MANIFEST};
use crate::request::{any_status, by_digest, by_tag};

/// The response to `BatchDeleteImage`.
#[derive(Debug)]
pub(crate) struct Deleted {
    pub(crate) ids: Vec<ImageIdentifier>,
    failures: Vec<ImageFailure>,
}

/// The response to `BatchGetImage`.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) images: Vec<Image>,
    failures: Vec<ImageFailure>,
}

impl Deleted {
    /// The answer about one image, given by digest or tag.
    pub(crate) fn about(&self, name: &str) -> Answer {
        match self.ids.iter().any(|id| names(id, name)) {
            true => Answer::Done("deleted"),
            false => failure(&self.failures, name),
        }
    }
}

impl Got {
    /// The answer about one image, given by digest or tag.
    pub(crate) fn about(&self, name: &str) -> Answer {
        match self.images.iter().any(|image| image.image_id().is_some_and(|id| names(id, name))) {
            true => Answer::Done("given"),
            false => failure(&self.failures, name),
        }
    }

    /// The manifest of one digest.
    pub(crate) fn manifest(&self, digest: &str) -> Option<&str> {
        let of = |image: &&Image| image.image_id().is_some_and(|id| names(id, digest));
        self.images.iter().find(of)?.image_manifest()
    }
}

fn names(id: &ImageIdentifier, name: &str) -> bool {
    id.image_digest() == Some(name) || id.image_tag() == Some(name)
}

fn failure(failures: &[ImageFailure], name: &str) -> Answer {
    let of = |failure: &&ImageFailure| failure.image_id().is_some_and(|id| names(id, name));
    match failures.iter().find(of) {
        Some(failure) => {
            let code = failure.failure_code().map_or("no code", |code| code.as_str()).to_owned();
            Answer::Refused { code, message: failure.failure_reason().map(str::to_owned) }
        }
        None => Answer::Omitted,
    }
}

impl Target {
    pub(crate) async fn delete(&self, ids: Vec<ImageIdentifier>) -> Result<Deleted, CaseError> {
        let call = self.client.batch_delete_image().repository_name(&self.repository);
        let answer = call.set_image_ids(Some(ids)).send().await?;
        Ok(Deleted {
            ids: answer.image_ids.unwrap_or_default(),
            failures: answer.failures.unwrap_or_default(),
        })
    }

    /// Deletes one image by digest.
    pub(crate) async fn delete_one(&self, manifest: &Manifest) -> Result<Answer, CaseError> {
        Ok(self.delete(vec![by_digest(&manifest.digest)]).await?.about(&manifest.digest))
    }

    /// Deletes by tag.
    pub(crate) async fn delete_tag(&self, tag: &str) -> Result<Answer, CaseError> {
        Ok(self.delete(vec![by_tag(tag)]).await?.about(tag))
    }

    /// Reads images and indexes, as the janitor does.
    pub(crate) async fn get(&self, ids: Vec<ImageIdentifier>) -> Result<Got, CaseError> {
        self.get_types(ids, &[OCI_INDEX, OCI_MANIFEST]).await
    }

    pub(crate) async fn get_types(
        &self,
        ids: Vec<ImageIdentifier>,
        types: &[&str],
    ) -> Result<Got, CaseError> {
        let types = types.iter().map(|&text| text.to_owned()).collect();
        let call = self.client.batch_get_image().repository_name(&self.repository);
        let answer = call.set_image_ids(Some(ids)).set_accepted_media_types(Some(types)).send().await?;
        Ok(Got { images: answer.images.unwrap_or_default(), failures: answer.failures.unwrap_or_default() })
    }

    /// The answer to `DescribeImages` for one digest.
    pub(crate) async fn try_describe(&self, digest: &str) -> Result<Answer, CaseError> {
        let call = self.client.describe_images().repository_name(&self.repository).filter(any_status());
        Answer::to_call(call.image_ids(by_digest(digest)).send().await)
    }

    pub(crate) async fn is_there(&self, manifest: &Manifest) -> Result<bool, CaseError> {
        let answer = self.try_describe(&manifest.digest).await?;
        match answer.done() || answer.refused("ImageNotFoundException") {
            true => Ok(answer.done()),
            false => Err(CaseError::new(answer)),
        }
    }

    /// Whether the image is gone; ECR is given a moment to show it.
    pub(crate) async fn is_gone(&self, manifest: &Manifest) -> Result<bool, CaseError> {
        self.becomes(manifest, false).await
    }

    async fn becomes(&self, manifest: &Manifest, present: bool) -> Result<bool, CaseError> {
        for _ in 0..3 {
            if self.is_there(manifest).await? == present {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(false)
    }

    /// `DescribeImages` for one existing image of any status; ECR is given a moment to show it.
    pub(crate) async fn detail(&self, manifest: &Manifest) -> Result<ImageDetail, CaseError> {
        self.becomes(manifest, true).await?;
        let call = self.client.describe_images().repository_name(&self.repository).filter(any_status());
        let answer = call.image_ids(by_digest(&manifest.digest)).send().await?;
        let details = answer.image_details.unwrap_or_default();
        details.into_iter().next().ok_or_else(|| CaseError::new("DescribeImages did not return the image"))
    }

    /// The tags of an image, sorted.
    pub(crate) async fn tags(&self, manifest: &Manifest) -> Result<Vec<String>, CaseError> {
        let mut tags = self.detail(manifest).await?.image_tags.unwrap_or_default();
        tags.sort();
        Ok(tags)
    }

    /// Moves an image between storage classes.
    pub(crate) async fn store(
        &self,
        manifest: &Manifest,
        class: TargetStorageClass,
    ) -> Result<Answer, CaseError> {
        let call = self.client.update_image_storage_class().repository_name(&self.repository);
        let call = call.image_id(by_digest(&manifest.digest)).target_storage_class(class);
        Answer::to_call(call.send().await)
    }

    /// Archives an image that a case needs archived.
    pub(crate) async fn archive(&self, manifest: &Manifest) -> Result<(), CaseError> {
        let answer = self.store(manifest, TargetStorageClass::Archive).await?;
        match answer.done() {
            true => Ok(()),
            false => Err(CaseError::new(answer)),
        }
    }

    /// Makes all tags mutable, as in a new repository.
    pub(crate) async fn make_mutable(&self) -> Result<(), CaseError> {
        let call = self.client.put_image_tag_mutability().repository_name(&self.repository);
        call.image_tag_mutability(ImageTagMutability::Mutable).send().await?;
        Ok(())
    }
}
