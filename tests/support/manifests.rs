//! Manifests that no builder of the emulator makes.

use super::Repo;
use serde_json::{Value, json};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// How an index lists a child.
pub(crate) enum Listed<'a> {
    /// Without a word about it.
    Plain(&'a str),
    /// As the attestation of this image.
    AttestationOf(&'a str, &'a str),
    /// As an image for amd64.
    Amd64(&'a str),
}

impl Repo {
    /// Pushes an index over images that are there.
    pub(crate) fn index(&self, days: i64, children: &[Listed<'_>], tag: Option<&str>) -> String {
        let index = self.listing(children).to_string();
        self.ago(days, |ecr, name| ecr.put_image(name, &index, Some(INDEX), tag))
    }

    /// Pushes an untagged index that refers to an image.
    pub(crate) fn index_about(&self, days: i64, subject: &str, children: &[Listed<'_>]) -> String {
        let mut index = self.listing(children);
        index["subject"] = self.descriptor(&Listed::Plain(subject));
        self.ago(days, |ecr, name| ecr.put_image(name, &index.to_string(), Some(INDEX), None))
    }

    /// Pushes statements whose manifest does not prove that BuildKit made it, as docker/attest does.
    pub(crate) fn statements(&self, days: i64, seed: u64) -> String {
        let blob = |bytes: &str| self.ecr.push_blob(&self.name, bytes.as_bytes()).unwrap();
        let (config, layer) = (format!("{{\"seed\":{seed}}}"), format!("{{\"payload\":{seed}}}"));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": blob(&config), "size": config.len()},
            "layers": [{
                "mediaType": "application/vnd.in-toto.provenance+dsse",
                "digest": blob(&layer),
                "size": layer.len(),
            }],
        });
        self.ago(days, |ecr, name| ecr.put_image(name, &manifest.to_string(), Some(MANIFEST), None))
    }

    /// Pushes an attestation in the OCI form of an image that is not there, with a statement of this type.
    pub(crate) fn attestation(&self, days: i64, predicate_type: &str) -> String {
        let blob = |bytes: &str| self.ecr.push_blob(&self.name, bytes.as_bytes()).unwrap();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.docker.attestation.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": blob("{}"), "size": 2},
            "layers": [{
                "mediaType": "application/vnd.in-toto+json",
                "digest": blob("statement"),
                "size": 9,
                "annotations": {"in-toto.io/predicate-type": predicate_type},
            }],
        });
        self.ago(days, |ecr, name| ecr.put_image(name, &manifest.to_string(), Some(MANIFEST), None))
    }

    /// Pushes an attestation whose manifest says that its statement has so many bytes.
    pub(crate) fn attestation_of_size(&self, days: i64, bytes: u64) -> String {
        let blob = |bytes: &str| self.ecr.push_blob(&self.name, bytes.as_bytes()).unwrap();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.docker.attestation.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": blob("{}"), "size": 2},
            "layers": [{"mediaType": "application/vnd.in-toto+json", "digest": blob("large"), "size": bytes}],
        });
        self.ago(days, |ecr, name| ecr.put_image(name, &manifest.to_string(), Some(MANIFEST), None))
    }

    /// Pushes an artifact with one layer.
    pub(crate) fn layer_of_type(&self, days: i64, media_type: &str, layer: &str) -> String {
        let blob = |bytes: &str| self.ecr.push_blob(&self.name, bytes.as_bytes()).unwrap();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": media_type,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": blob("{}"), "size": 2},
            "layers": [{"mediaType": media_type, "digest": blob(layer), "size": layer.len()}],
        });
        self.ago(days, |ecr, name| ecr.put_image(name, &manifest.to_string(), Some(MANIFEST), None))
    }

    /// Pushes an artifact of this type.
    pub(crate) fn artifact(&self, days: i64, artifact_type: &str) -> String {
        let blob = |bytes: &str| self.ecr.push_blob(&self.name, bytes.as_bytes()).unwrap();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": artifact_type,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": blob("{}"), "size": 2},
            "layers": [{"mediaType": "application/octet-stream", "digest": blob("it"), "size": 2}],
        });
        self.ago(days, |ecr, name| ecr.put_image(name, &manifest.to_string(), Some(MANIFEST), None))
    }

    /// Pushes an untagged image whose manifest has so many bytes, most of them double in JSON.
    pub(crate) fn large(&self, days: i64, seed: u64, bytes: usize) -> String {
        let config = format!("{{\"seed\":{seed}}}");
        let digest = self.ecr.push_blob(&self.name, config.as_bytes()).unwrap();
        let manifest = |padding: usize| {
            json!({
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "digest": digest, "size": config.len()},
                "layers": [],
                "annotations": {"padding": "\"".repeat(padding)},
            })
            .to_string()
        };
        let manifest = manifest((bytes - manifest(0).len()) / 2);
        self.ago(days, |ecr, name| ecr.put_image(name, &manifest, Some(MANIFEST), None))
    }

    fn listing(&self, children: &[Listed<'_>]) -> Value {
        let manifests: Vec<Value> = children.iter().map(|child| self.descriptor(child)).collect();
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
    }

    fn descriptor(&self, child: &Listed<'_>) -> Value {
        let (Listed::Plain(digest) | Listed::AttestationOf(digest, _) | Listed::Amd64(digest)) = child;
        let image = self.ecr.image(&self.name, digest).unwrap();
        let mut descriptor =
            json!({"mediaType": image.media_type, "digest": digest, "size": image.manifest.len()});
        match child {
            Listed::Plain(_) => {}
            Listed::Amd64(_) => descriptor["platform"] = json!({"os": "linux", "architecture": "amd64"}),
            Listed::AttestationOf(_, subject) => {
                descriptor["platform"] = json!({"os": "unknown", "architecture": "unknown"});
                descriptor["annotations"] = json!({
                    "vnd.docker.reference.type": "attestation-manifest",
                    "vnd.docker.reference.digest": subject,
                });
            }
        }
        descriptor
    }
}
