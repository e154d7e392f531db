//! Writing images back to ECR.

use std::collections::BTreeSet;

use aws_sdk_ecr::primitives::Blob;
use aws_sdk_ecr::types::LayerAvailability;

use super::error::call_error;
use super::{CallError, CallErrorKind, Ecr, StoredManifest, sent_once};
use crate::oci::digest::Digest;
use crate::registry::ReadRepository as _;
use crate::registry::restore::{ManifestPut, RestoreImages};
use crate::util::backoff;

const CHECK: &str = "BatchCheckLayerAvailability";
const COMPLETE: &str = "CompleteLayerUpload";
/// The size of a part: the most that UploadLayerPart takes. Each but the last must have 5 MiB.
const PART: usize = 20 * 1024 * 1024;

impl RestoreImages for Ecr {
    async fn missing_blobs(
        &self,
        repository: &str,
        digests: &[Digest],
    ) -> Result<BTreeSet<Digest>, CallError> {
        let call = self.client.batch_check_layer_availability().repository_name(repository);
        let response =
            call.set_layer_digests(Some(digests.iter().map(Digest::to_string).collect())).send().await;
        let response = response.map_err(|error| call_error(CHECK, error))?;
        // What is archived comes back with the manifest; what ECR did not mention is missing.
        let is_there = |it: &aws_sdk_ecr::types::Layer| {
            matches!(it.layer_availability, Some(LayerAvailability::Available | LayerAvailability::Archived))
        };
        let layers = response.layers.unwrap_or_default();
        let there: BTreeSet<Digest> = layers
            .iter()
            .filter(|it| is_there(it))
            .filter_map(|it| it.layer_digest.as_ref()?.parse().ok())
            .collect();
        Ok(digests.iter().copied().filter(|digest| !there.contains(digest)).collect())
    }

    async fn upload_blob(&self, repository: &str, digest: Digest, bytes: &[u8]) -> Result<(), CallError> {
        for attempt in 1.. {
            match self.upload_once(repository, digest, bytes).await {
                Err(error) if error.is_transient() && attempt < self.max_attempts => {
                    tokio::time::sleep(backoff::after(attempt)).await;
                    if self.missing_blobs(repository, &[digest]).await?.is_empty() {
                        return Ok(());
                    }
                }
                done => return done,
            }
        }
        Ok(())
    }

    async fn put_manifest(
        &self,
        repository: &str,
        manifest: &StoredManifest,
    ) -> Result<ManifestPut, CallError> {
        for attempt in 1.. {
            match self.put_once(repository, manifest).await {
                Err(error) if error.is_transient() && attempt < self.max_attempts => {
                    tokio::time::sleep(backoff::after(attempt)).await;
                    if self.is_there(repository, manifest.digest).await? {
                        break;
                    }
                }
                done => return done,
            }
        }
        // By the attempt whose answer was lost, or by somebody since.
        Ok(ManifestPut::Stored)
    }
}

/// Writes that the SDK sends once: trying again means looking again.
impl Ecr {
    async fn upload_once(&self, repository: &str, digest: Digest, bytes: &[u8]) -> Result<(), CallError> {
        let call = self.client.initiate_layer_upload().repository_name(repository);
        let begun = call.customize().config_override(sent_once()).send().await;
        let begun = begun.map_err(|error| call_error("InitiateLayerUpload", error))?;
        let upload = begun.upload_id.unwrap_or_default();
        for (part, first) in bytes.chunks(PART).zip((0i64..).step_by(PART)) {
            let call = self.client.upload_layer_part().repository_name(repository).upload_id(&upload);
            let last = first + part.len() as i64 - 1;
            let call = call.part_first_byte(first).part_last_byte(last).layer_part_blob(Blob::new(part));
            let sent = call.customize().config_override(sent_once()).send().await;
            sent.map_err(|error| call_error("UploadLayerPart", error))?;
        }
        let call = self.client.complete_layer_upload().repository_name(repository).upload_id(upload);
        let call = call.layer_digests(digest.to_string()).customize().config_override(sent_once());
        match call.send().await.map_err(|error| call_error(COMPLETE, error)) {
            Err(error) if error.code == "LayerAlreadyExistsException" => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }

    async fn put_once(&self, repository: &str, manifest: &StoredManifest) -> Result<ManifestPut, CallError> {
        let call = self.client.put_image().repository_name(repository).image_manifest(&manifest.bytes);
        let call = call.image_digest(manifest.digest.to_string());
        let call = call.set_image_manifest_media_type(manifest.media_type.clone());
        let response = call.customize().config_override(sent_once()).send().await;
        match response.map_err(|error| call_error("PutImage", error)) {
            Ok(_) => Ok(ManifestPut::Stored),
            Err(error) if error.kind == CallErrorKind::ImageExists => Ok(ManifestPut::Existed),
            Err(error) => Err(error),
        }
    }

    async fn is_there(&self, repository: &str, digest: Digest) -> Result<bool, CallError> {
        match self.describe(repository, &[digest]).await {
            Ok(images) => Ok(images.iter().any(|image| image.digest == digest)),
            Err(error) if error.kind == CallErrorKind::ImageNotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}
