//! Blobs: uploads and downloads through the ECR API, without docker.

use aws_sdk_ecr::primitives;
use aws_sdk_ecr::types::LayerAvailability;
use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;

use super::Target;
use crate::answer::Answer;
use crate::error::CaseError;
use crate::manifest::{Blob, Manifest};

impl Target {
    /// Uploads the blobs of a manifest.
    pub(crate) async fn upload(&self, manifest: &Manifest) -> Result<(), CaseError> {
        for blob in &manifest.blobs {
            let digest = blob.digest();
            if !self.has_uploaded(&digest) {
                self.upload_blob(blob, &digest).await?;
                self.remember_upload(digest);
            }
        }
        Ok(())
    }

    async fn upload_blob(&self, blob: &Blob, digest: &str) -> Result<(), CaseError> {
        let name = &self.repository;
        let begun = self.client.initiate_layer_upload().repository_name(name).send().await?;
        let id =
            begun.upload_id.ok_or_else(|| CaseError::new("InitiateLayerUpload returned no upload id"))?;
        let last = i64::try_from(blob.bytes.len()).unwrap_or(i64::MAX) - 1;
        let part = primitives::Blob::new(blob.bytes.clone());
        let upload = self.client.upload_layer_part().repository_name(name).upload_id(&id);
        upload.part_first_byte(0).part_last_byte(last).layer_part_blob(part).send().await?;
        let complete = self.client.complete_layer_upload().repository_name(name).upload_id(&id);
        let answer = Answer::to_call(complete.layer_digests(digest).send().await)?;
        match answer.done() || answer.refused("LayerAlreadyExistsException") {
            true => Ok(()),
            false => Err(CaseError::new(answer)),
        }
    }

    /// Whether the repository has a blob.
    pub(crate) async fn availability(&self, digest: &str) -> Result<Option<LayerAvailability>, CaseError> {
        let call = self.client.batch_check_layer_availability().repository_name(&self.repository);
        let layers = call.layer_digests(digest).send().await?.layers.unwrap_or_default();
        Ok(layers.into_iter().next().and_then(|layer| layer.layer_availability))
    }

    /// The bytes of a blob, from the URL that ECR gives out for it.
    pub(crate) async fn download(&self, digest: &str) -> Result<Vec<u8>, CaseError> {
        let call = self.client.get_download_url_for_layer().repository_name(&self.repository);
        let url = call.layer_digest(digest).send().await?.download_url;
        let url = url.ok_or_else(|| CaseError::new("GetDownloadUrlForLayer returned no URL"))?;
        let connector = default_connector(&HttpConnectorSettings::default(), None);
        let connector = connector.ok_or_else(|| CaseError::new("there is no HTTP client"))?;
        let request = HttpRequest::get(&url).map_err(CaseError::new)?;
        let response = connector.call(request).await.map_err(CaseError::new)?;
        if !response.status().is_success() {
            return Err(CaseError(format!("the download answered {}", response.status())));
        }
        let body = ByteStream::new(response.into_body()).collect().await.map_err(CaseError::new)?;
        Ok(body.to_vec())
    }
}
