//! The registry that the cases are tried on, with a repository to do it in.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::error::SdkError;
use aws_sdk_ecr::operation::put_image::{PutImageError, PutImageOutput};
use aws_sdk_ecr::primitives;

use crate::manifest::{self, Blob, Manifest};
use crate::trouble::{Answer, Trouble};

mod calls;
mod ids;

pub(crate) use calls::everything;
pub(crate) use ids::{both, by_digest, by_tag};

/// A registry, a repository, and the name of the case that works in it.
#[derive(Debug, Clone)]
pub struct Target {
    pub(crate) client: Client,
    pub(crate) repository: String,
    /// How long a case may wait for what ECR does in its own time.
    pub(crate) patience: Duration,
    /// Goes into all content and tags, so that cases do not meet.
    scope: &'static str,
    /// Blobs that are there already.
    uploaded: Arc<Mutex<HashSet<String>>>,
}

/// What `docker buildx build --push` leaves for one platform.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) index: Manifest,
    pub(crate) image: Manifest,
    pub(crate) attestation: Manifest,
}

impl Target {
    /// A target in a repository that is there.
    pub fn new(client: Client, repository: String, patience: Duration) -> Self {
        Self { client, repository, patience, scope: "", uploaded: Arc::default() }
    }

    /// The same for one case.
    pub fn for_case(&self, id: &'static str) -> Self {
        Self { scope: id, ..self.clone() }
    }

    /// What makes content and tags this case's own.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("{}-{name}", self.scope)
    }

    /// Waits a little. ECR's times may have no fractions: what comes after this is later.
    pub(crate) async fn tick(&self) {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }

    /// Pushes an image without a tag.
    pub(crate) async fn image(&self, name: &str) -> Result<Manifest, Trouble> {
        self.push(manifest::image(&self.own(name)), None).await
    }

    /// Pushes an image with tags.
    pub(crate) async fn tagged(&self, name: &str, tags: &[&str]) -> Result<Manifest, Trouble> {
        let image = manifest::image(&self.own(name));
        self.upload(&image).await?;
        for tag in tags {
            self.put(&image, Some(tag)).await?;
        }
        Ok(image)
    }

    /// Pushes an untagged attestation in the form with a subject.
    pub(crate) async fn referrer(&self, name: &str, subject: &Manifest) -> Result<Manifest, Trouble> {
        self.push(manifest::artifact_attestation(&self.own(name), subject), None).await
    }

    /// Pushes an untagged attestation in the form without.
    pub(crate) async fn legacy_attestation(&self, name: &str) -> Result<Manifest, Trouble> {
        self.push(manifest::legacy_attestation(&self.own(name)), None).await
    }

    /// Pushes an index of what is there.
    pub(crate) async fn index(
        &self,
        name: &str,
        children: &[&Manifest],
        tag: Option<&str>,
    ) -> Result<Manifest, Trouble> {
        self.push(manifest::index(&self.own(name), children), tag).await
    }

    /// Pushes an image, its attestation in the old form, and last their index.
    pub(crate) async fn built(&self, name: &str, tag: Option<&str>) -> Result<Built, Trouble> {
        let attestation = self.legacy_attestation(name).await?;
        let image = self.image(name).await?;
        let index = self.push(manifest::build(&self.own(name), &image, &attestation), tag).await?;
        Ok(Built { index, image, attestation })
    }

    async fn push(&self, manifest: Manifest, tag: Option<&str>) -> Result<Manifest, Trouble> {
        self.upload(&manifest).await?;
        self.put(&manifest, tag).await?;
        Ok(manifest)
    }

    /// `PutImage` as the janitor does it, with type and digest.
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

    /// What ECR says to it.
    pub(crate) async fn try_put(&self, manifest: &Manifest, tag: Option<&str>) -> Result<Answer, Trouble> {
        Answer::of(self.put(manifest, tag).await)
    }

    /// Uploads a manifest's blobs through the API; docker is not needed for that.
    pub(crate) async fn upload(&self, manifest: &Manifest) -> Result<(), Trouble> {
        for blob in &manifest.blobs {
            let digest = blob.digest();
            if !self.has(&digest) {
                self.upload_blob(blob, &digest).await?;
                self.uploaded.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
            }
        }
        Ok(())
    }

    fn has(&self, digest: &str) -> bool {
        self.uploaded.lock().unwrap_or_else(PoisonError::into_inner).contains(digest)
    }

    async fn upload_blob(&self, blob: &Blob, digest: &str) -> Result<(), Trouble> {
        let name = &self.repository;
        let begun = self.client.initiate_layer_upload().repository_name(name).send().await?;
        let id = begun.upload_id.ok_or_else(|| Trouble::new("InitiateLayerUpload gave no id"))?;
        let last = i64::try_from(blob.bytes.len()).unwrap_or(i64::MAX) - 1;
        let part = primitives::Blob::new(blob.bytes.clone());
        let upload = self.client.upload_layer_part().repository_name(name).upload_id(&id);
        upload.part_first_byte(0).part_last_byte(last).layer_part_blob(part).send().await?;
        let complete = self.client.complete_layer_upload().repository_name(name).upload_id(&id);
        let answer = Answer::of(complete.layer_digests(digest).send().await)?;
        match answer.is("accepted") || answer.is("LayerAlreadyExistsException") {
            true => Ok(()),
            false => Err(Trouble(answer.to_string())),
        }
    }
}
