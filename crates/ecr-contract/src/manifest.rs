//! Manifests to push, with digests over their real bytes.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub(crate) const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub(crate) const IN_TOTO: &str = "application/vnd.in-toto+json";
pub(crate) const ATTESTATION: &str = "application/vnd.docker.attestation.manifest.v1+json";
const PREDICATE: &str = "https://slsa.dev/provenance/v1";

/// A config or layer blob.
#[derive(Debug, Clone)]
pub struct Blob {
    /// The media type for descriptors.
    pub media_type: &'static str,
    /// The content.
    pub bytes: Vec<u8>,
}

/// An image manifest or an index.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The exact bytes.
    pub text: String,
    /// The media type.
    pub media_type: &'static str,
    /// The digest of the bytes.
    pub digest: String,
    /// The blobs that must be in the repository first.
    pub blobs: Vec<Blob>,
}

impl Blob {
    fn new(media_type: &'static str, text: impl Into<Vec<u8>>) -> Self {
        Self { media_type, bytes: text.into() }
    }

    /// The digest of the content.
    pub fn digest(&self) -> String {
        digest(&self.bytes)
    }

    fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest(), "size": self.bytes.len() })
    }
}

impl Manifest {
    /// Indented as BuildKit writes it, which shows whether ECR keeps the bytes.
    fn new(media_type: &'static str, value: &Value, blobs: Vec<Blob>) -> Self {
        let text = format!("{value:#}");
        Self { digest: digest(text.as_bytes()), text, media_type, blobs }
    }

    pub(crate) fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.text.len() })
    }
}

/// An image for one platform; each label makes another image.
pub(crate) fn image(label: &str) -> Manifest {
    let layer = Blob::new(OCI_LAYER, "the same layer in every image");
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": { "Labels": { "case": label } },
        "rootfs": { "type": "layers", "diff_ids": [layer.digest()] },
    });
    plain(Blob::new(OCI_CONFIG, config.to_string()), layer)
}

/// An attestation as BuildKit wrote it before v0.32: an image config, no subject.
pub(crate) fn legacy_attestation(label: &str) -> Manifest {
    let layer = statement(label);
    let config = json!({
        "architecture": "unknown", "os": "unknown", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [layer.digest()] },
    });
    plain(Blob::new(OCI_CONFIG, config.to_string()), layer)
}

/// An attestation as BuildKit writes it since v0.32: an OCI artifact with a subject.
pub(crate) fn artifact_attestation(label: &str, subject: &Manifest) -> Manifest {
    let layer = statement(label);
    let config = Blob::new(OCI_EMPTY, "{}");
    let mut empty = config.descriptor();
    empty["data"] = "e30=".into();
    let value = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": ATTESTATION,
        "config": empty, "layers": [layer_of(&layer)], "subject": subject.descriptor(),
    });
    Manifest::new(OCI_MANIFEST, &value, vec![config, layer])
}

/// An index of the children; each label makes another index.
pub(crate) fn index(label: &str, children: &[&Manifest]) -> Manifest {
    let listed: Vec<Value> = children.iter().map(|child| child.descriptor()).collect();
    let value = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed, "annotations": { "case": label },
    });
    Manifest::new(OCI_INDEX, &value, Vec::new())
}

/// An index as buildx pushes it for one platform: the image and its annotated attestation.
pub(crate) fn build(label: &str, image: &Manifest, attestation: &Manifest) -> Manifest {
    let mut platform = image.descriptor();
    platform["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    let mut listed = attestation.descriptor();
    listed["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
    listed["annotations"] = json!({
        "vnd.docker.reference.digest": image.digest, "vnd.docker.reference.type": "attestation-manifest",
    });
    let value = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [platform, listed],
        "annotations": { "case": label },
    });
    Manifest::new(OCI_INDEX, &value, Vec::new())
}

fn plain(config: Blob, layer: Blob) -> Manifest {
    let value = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": config.descriptor(), "layers": [layer_of(&layer)],
    });
    Manifest::new(OCI_MANIFEST, &value, vec![config, layer])
}

fn layer_of(layer: &Blob) -> Value {
    let mut descriptor = layer.descriptor();
    if layer.media_type == IN_TOTO {
        descriptor["annotations"] = json!({ "in-toto.io/predicate-type": PREDICATE });
    }
    descriptor
}

fn statement(label: &str) -> Blob {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": PREDICATE,
        "subject": [{ "name": label, "digest": { "sha256": &digest(label.as_bytes())[7..] } }], "predicate": {},
    });
    Blob::new(IN_TOTO, statement.to_string())
}

/// The digest in text form: `sha256:` and 64 hex digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
