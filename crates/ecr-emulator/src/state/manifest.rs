//! The members of a manifest that ECR reads.

use serde::Deserialize;

use crate::error::ApiError;

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_V1: &str = "application/vnd.docker.distribution.manifest.v1+json";
const DOCKER_V1_SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// A manifest that passed ECR's syntax checks.
#[derive(Clone)]
pub(crate) struct Manifest {
    pub(crate) media_type: String,
    pub(crate) is_index: bool,
    /// Images that an index lists.
    pub(crate) children: Vec<String>,
    /// Blobs that the manifest needs in the repository.
    pub(crate) blobs: Vec<String>,
    /// Sum of the blobs' sizes.
    pub(crate) size: u64,
    pub(crate) artifact_type: Option<String>,
    pub(crate) config_media_type: Option<String>,
    pub(crate) subject: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    fs_layers: Option<Vec<SchemaOneLayer>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: Option<String>,
    digest: String,
    #[serde(default)]
    size: u64,
    /// A layer that is fetched from elsewhere need not be in the repository.
    #[serde(default)]
    urls: Option<Vec<String>>,
    #[serde(default)]
    platform: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaOneLayer {
    blob_sum: String,
}

impl Manifest {
    /// Reads a manifest that is said to have this media type.
    pub(crate) fn read(text: &str, said: Option<&str>) -> Result<Self, ApiError> {
        let raw: Raw = serde_json::from_str(text).map_err(|_| syntax())?;
        let media_type = match (said, raw.media_type.as_deref()) {
            (Some(said), Some(own)) if said != own => {
                let constraint = "must be the media type that the manifest states";
                return Err(ApiError::invalid("imageManifestMediaType", constraint));
            }
            (Some(found), _) | (None, Some(found)) => found.to_owned(),
            (None, None) => {
                let constraint = "must be specified when the manifest does not state its media type";
                return Err(ApiError::invalid("imageManifestMediaType", constraint));
            }
        };
        match media_type.as_str() {
            OCI_INDEX | DOCKER_LIST => Self::index(raw, media_type),
            OCI_MANIFEST | DOCKER_MANIFEST => Self::image(raw, media_type),
            DOCKER_V1 | DOCKER_V1_SIGNED => Self::schema_one(raw, media_type),
            _ => Err(ApiError::invalid("imageManifestMediaType", "is not a supported manifest media type")),
        }
    }

    /// The media types that a manifest may have.
    pub(crate) const TYPES: [&str; 6] =
        [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, DOCKER_V1_SIGNED, DOCKER_V1];

    /// Whether this is the media type of a manifest list or an index.
    pub(crate) fn is_index_type(media_type: &str) -> bool {
        matches!(media_type, OCI_INDEX | DOCKER_LIST)
    }

    fn index(raw: Raw, media_type: String) -> Result<Self, ApiError> {
        let children = raw.manifests.ok_or_else(syntax)?;
        Ok(Self {
            media_type,
            is_index: true,
            children: children.into_iter().map(|child| child.digest).collect(),
            blobs: Vec::new(),
            size: 0,
            artifact_type: raw.artifact_type,
            config_media_type: None,
            subject: subject(raw.subject)?,
        })
    }

    fn image(raw: Raw, media_type: String) -> Result<Self, ApiError> {
        let config = raw.config.ok_or_else(syntax)?;
        // BuildKit writes `null` for an image without layers.
        let layers = raw.layers.unwrap_or_default();
        let size = layers.iter().fold(config.size, |sum, layer| sum.saturating_add(layer.size));
        let needed = layers.into_iter().filter(|layer| layer.urls.as_ref().is_none_or(Vec::is_empty));
        Ok(Self {
            media_type,
            is_index: false,
            children: Vec::new(),
            blobs: std::iter::once(config.digest).chain(needed.map(|layer| layer.digest)).collect(),
            size,
            artifact_type: raw.artifact_type,
            config_media_type: config.media_type,
            subject: subject(raw.subject)?,
        })
    }

    fn schema_one(raw: Raw, media_type: String) -> Result<Self, ApiError> {
        let layers = raw.fs_layers.ok_or_else(syntax)?;
        Ok(Self {
            media_type,
            is_index: false,
            children: Vec::new(),
            blobs: layers.into_iter().map(|layer| layer.blob_sum).collect(),
            size: 0,
            artifact_type: None,
            config_media_type: None,
            subject: None,
        })
    }
}

/// ECR refuses a subject that carries a platform; BuildKit 0.19 to 0.24 wrote such.
fn subject(descriptor: Option<Descriptor>) -> Result<Option<String>, ApiError> {
    match descriptor {
        Some(subject) if subject.platform.is_some() => Err(syntax()),
        other => Ok(other.map(|subject| subject.digest)),
    }
}

fn syntax() -> ApiError {
    ApiError::invalid("ImageManifest", "Invalid JSON syntax")
}
