//! The calls that most cases make, and their answers in a handier form.

use std::time::Duration;

use aws_sdk_ecr::types::{
    DescribeImagesFilter, Image, ImageDetail, ImageFailure, ImageIdentifier, ImageStatusFilter,
    ImageTagMutability, TagStatus, TargetStorageClass,
};

use super::{Target, by_digest, by_tag};
use crate::manifest::{Manifest, OCI_INDEX, OCI_MANIFEST};
use crate::trouble::{Answer, Trouble};

/// Of any status, tagged or not.
pub(crate) fn everything() -> DescribeImagesFilter {
    DescribeImagesFilter::builder().tag_status(TagStatus::Any).image_status(ImageStatusFilter::Any).build()
}

/// What `BatchDeleteImage` answered.
#[derive(Debug)]
pub(crate) struct Deleted {
    pub(crate) ids: Vec<ImageIdentifier>,
    failures: Vec<ImageFailure>,
}

/// What `BatchGetImage` answered.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) images: Vec<Image>,
    failures: Vec<ImageFailure>,
}

impl Deleted {
    /// About an image, named by its digest or by a tag.
    pub(crate) fn about(&self, name: &str) -> Answer {
        match self.ids.iter().any(|id| names(id, name)) {
            true => Answer::said("deleted", None),
            false => failure(&self.failures, name),
        }
    }
}

impl Got {
    /// About an image, named by its digest or by a tag.
    pub(crate) fn about(&self, name: &str) -> Answer {
        match self.images.iter().any(|image| image.image_id().is_some_and(|id| names(id, name))) {
            true => Answer::said("given", None),
            false => failure(&self.failures, name),
        }
    }

    /// The manifest under a digest.
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
            let code = failure.failure_code().map_or("no code", |code| code.as_str());
            Answer::said(code, failure.failure_reason())
        }
        None => Answer::said("nothing was said of it", None),
    }
}

impl Target {
    pub(crate) async fn delete(&self, ids: Vec<ImageIdentifier>) -> Result<Deleted, Trouble> {
        let call = self.client.batch_delete_image().repository_name(&self.repository);
        let answer = call.set_image_ids(Some(ids)).send().await?;
        Ok(Deleted {
            ids: answer.image_ids.unwrap_or_default(),
            failures: answer.failures.unwrap_or_default(),
        })
    }

    /// Deletes by digest, one image in a call of its own.
    pub(crate) async fn delete_one(&self, manifest: &Manifest) -> Result<Answer, Trouble> {
        Ok(self.delete(vec![by_digest(&manifest.digest)]).await?.about(&manifest.digest))
    }

    /// Deletes by a tag alone.
    pub(crate) async fn delete_tag(&self, tag: &str) -> Result<Answer, Trouble> {
        Ok(self.delete(vec![by_tag(tag)]).await?.about(tag))
    }

    /// Reads as the janitor does: indexes and manifests are accepted.
    pub(crate) async fn get(&self, ids: Vec<ImageIdentifier>) -> Result<Got, Trouble> {
        self.get_types(ids, &[OCI_INDEX, OCI_MANIFEST]).await
    }

    pub(crate) async fn get_types(&self, ids: Vec<ImageIdentifier>, types: &[&str]) -> Result<Got, Trouble> {
        let types = types.iter().map(|&text| text.to_owned()).collect();
        let call = self.client.batch_get_image().repository_name(&self.repository);
        let answer = call.set_image_ids(Some(ids)).set_accepted_media_types(Some(types)).send().await?;
        Ok(Got { images: answer.images.unwrap_or_default(), failures: answer.failures.unwrap_or_default() })
    }

    /// What ECR says to a `DescribeImages` of this digest; `accepted` if it knows it.
    pub(crate) async fn try_describe(&self, digest: &str) -> Result<Answer, Trouble> {
        let call = self.client.describe_images().repository_name(&self.repository).filter(everything());
        Answer::of(call.image_ids(by_digest(digest)).send().await)
    }

    pub(crate) async fn is_there(&self, manifest: &Manifest) -> Result<bool, Trouble> {
        let answer = self.try_describe(&manifest.digest).await?;
        match answer.is("accepted") {
            false if !answer.is("ImageNotFoundException") => Err(Trouble(answer.to_string())),
            there => Ok(there),
        }
    }

    /// ECR may need a moment to know it.
    pub(crate) async fn is_gone(&self, manifest: &Manifest) -> Result<bool, Trouble> {
        self.comes_to(manifest, false).await
    }

    async fn comes_to(&self, manifest: &Manifest, wanted: bool) -> Result<bool, Trouble> {
        for _ in 0..3 {
            if self.is_there(manifest).await? == wanted {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(false)
    }

    /// `DescribeImages` of an image that is there, whatever its status. ECR may need a moment to know it.
    pub(crate) async fn detail(&self, manifest: &Manifest) -> Result<ImageDetail, Trouble> {
        self.comes_to(manifest, true).await?;
        let call = self.client.describe_images().repository_name(&self.repository).filter(everything());
        let answer = call.image_ids(by_digest(&manifest.digest)).send().await?;
        let details = answer.image_details.unwrap_or_default();
        details
            .into_iter()
            .next()
            .ok_or_else(|| Trouble::new("DescribeImages left out what it was asked for"))
    }

    /// The tags in order.
    pub(crate) async fn tags(&self, manifest: &Manifest) -> Result<Vec<String>, Trouble> {
        let mut tags = self.detail(manifest).await?.image_tags.unwrap_or_default();
        tags.sort();
        Ok(tags)
    }

    /// Archives, or restores.
    pub(crate) async fn store(
        &self,
        manifest: &Manifest,
        class: TargetStorageClass,
    ) -> Result<Answer, Trouble> {
        let call = self.client.update_image_storage_class().repository_name(&self.repository);
        let call = call.image_id(by_digest(&manifest.digest)).target_storage_class(class);
        Answer::of(call.send().await)
    }

    /// Archives what a case needs archived.
    pub(crate) async fn archive(&self, manifest: &Manifest) -> Result<(), Trouble> {
        let answer = self.store(manifest, TargetStorageClass::Archive).await?;
        match answer.is("accepted") {
            true => Ok(()),
            false => Err(Trouble(answer.to_string())),
        }
    }

    /// Makes all tags movable, as they are in a new repository.
    pub(crate) async fn make_mutable(&self) -> Result<(), Trouble> {
        let call = self.client.put_image_tag_mutability().repository_name(&self.repository);
        call.image_tag_mutability(ImageTagMutability::Mutable).send().await?;
        Ok(())
    }
}
