//! Manifests and indexes with the members in the order in which Go writes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::emulator::Emulator;
use crate::error::ApiError;

/// Media types.
pub(crate) mod types {
    pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    pub(crate) const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
    pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    pub(crate) const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    pub(crate) const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    pub(crate) const IN_TOTO: &str = "application/vnd.in-toto+json";
    pub(crate) const DOCKER_ATTESTATION: &str = "application/vnd.docker.attestation.manifest.v1+json";
}

/// A content descriptor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
}

/// A descriptor's platform.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Platform {
    pub(crate) architecture: String,
    pub(crate) os: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variant: Option<String>,
}

/// An image manifest.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) schema_version: u8,
    pub(crate) media_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<&'static str>,
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) annotations: Option<BTreeMap<String, String>>,
}

impl Manifest {
    pub(crate) fn oci(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: types::OCI_MANIFEST,
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: None,
        }
    }
}

/// An image index.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub(crate) schema_version: u8,
    pub(crate) media_type: String,
    pub(crate) manifests: Vec<Descriptor>,
}

impl Index {
    pub(crate) fn oci(manifests: Vec<Descriptor>) -> Self {
        Self { schema_version: 2, media_type: types::OCI_INDEX.to_owned(), manifests }
    }
}

/// Stores a blob and describes it.
pub(crate) fn store(
    emulator: &Emulator,
    repository: &str,
    media_type: &str,
    bytes: &[u8],
) -> Result<Descriptor, ApiError> {
    Ok(Descriptor {
        media_type: media_type.to_owned(),
        digest: emulator.push_blob(repository, bytes)?,
        size: bytes.len() as u64,
        ..Descriptor::default()
    })
}

/// Puts a manifest in Go's indented form, and describes it. One that is there already is fine.
pub(crate) fn put(
    emulator: &Emulator,
    repository: &str,
    manifest: &impl Serialize,
    media_type: &str,
    tag: Option<&str>,
) -> Result<Descriptor, ApiError> {
    let text = serde_json::to_string_pretty(manifest).map_err(|error| ApiError::server(error.to_string()))?;
    let digest = match emulator.put_image(repository, &text, Some(media_type), tag) {
        Err(error) if error.code == "ImageAlreadyExistsException" => crate::digest::sha256(text.as_bytes()),
        result => result?,
    };
    Ok(Descriptor {
        media_type: media_type.to_owned(),
        digest,
        size: text.len() as u64,
        ..Descriptor::default()
    })
}

impl Descriptor {
    /// The same descriptor without annotations and platform.
    pub(crate) fn bare(&self) -> Self {
        Self {
            media_type: self.media_type.clone(),
            digest: self.digest.clone(),
            size: self.size,
            ..Self::default()
        }
    }
}
