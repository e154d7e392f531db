//! Pushes of images, attestations and indexes.

use aws_sdk_ecr::error::SdkError;
use aws_sdk_ecr::operation::put_image::{PutImageError, PutImageOutput};

use super::Target;
use crate::answer::Answer;
use crate::error::CaseError;
use crate::manifest::{self, Manifest};

/// The images that `docker buildx build --push` stores for one platform.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) index: Manifest,
    pub(crate) image: Manifest,
    pub(crate) attestation: Manifest,
}

impl Target {
    /// Pushes an image without a tag.
    pub(crate) async fn image(&self, name: &str) -> Result<Manifest, CaseError> {
        self.push(manifest::image(&self.own(name)), None).await
    }

    /// Pushes an image with tags.
    pub(crate) async fn tagged(&self, name: &str, tags: &[&str]) -> Result<Manifest, CaseError> {
        let image = manifest::image(&self.own(name));
        self.upload(&image).await?;
        for tag in tags {
            self.put(&image, Some(tag)).await?;
        }
        Ok(image)
    }

    /// Pushes an untagged attestation in OCI artifact form, which has a subject.
    pub(crate) async fn referrer(&self, name: &str, subject: &Manifest) -> Result<Manifest, CaseError> {
        self.push(manifest::artifact_attestation(&self.own(name), subject), None).await
    }

    /// Pushes an untagged attestation in the legacy form, which has no subject.
    pub(crate) async fn legacy_attestation(&self, name: &str) -> Result<Manifest, CaseError> {
        self.push(manifest::legacy_attestation(&self.own(name)), None).await
    }

    /// Pushes an index of children that are already in the repository.
    pub(crate) async fn index(
        &self,
        name: &str,
        children: &[&Manifest],
        tag: Option<&str>,
    ) -> Result<Manifest, CaseError> {
        self.push(manifest::index(&self.own(name), children), tag).await
    }

    /// Pushes an image, its legacy attestation, and last their index.
    pub(crate) async fn built(&self, name: &str, tag: Option<&str>) -> Result<Built, CaseError> {
        let attestation = self.legacy_attestation(name).await?;
        let image = self.image(name).await?;
        let index = self.push(manifest::build(&self.own(name), &image, &attestation), tag).await?;
        Ok(Built { index, image, attestation })
    }

    async fn push(&self, manifest: Manifest, tag: Option<&str>) -> Result<Manifest, CaseError> {
        self.upload(&manifest).await?;
        self.put(&manifest, tag).await?;
        Ok(manifest)
    }

    /// `PutImage` with media type and digest, as the janitor sends it.
    pub(crate) async fn put(
        &self,
        manifest: &Manifest,
        tag: Option<&str>,
    ) -> Result<PutImageOutput, SdkError<PutImageError>> {
        self.client
            .put_image()
            .repository_name(&self.repository)
            .image_manifest(&manifest.text)
            .image_manifest_media_type(manifest.media_type)
            .image_digest(&manifest.digest)
            .set_image_tag(tag.map(str::to_owned))
            .send()
            .await
    }

    /// ECR's answer to the same `PutImage`.
    pub(crate) async fn try_put(&self, manifest: &Manifest, tag: Option<&str>) -> Result<Answer, CaseError> {
        Answer::to_call(self.put(manifest, tag).await)
    }
}
