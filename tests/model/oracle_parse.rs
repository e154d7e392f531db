//! What a manifest says, read a second time and on its own: plain JSON, no type of the janitor.
//!
//! The table is section 3 of BuildKit's attestation storage as the janitor's contract has it: own bytes first, then
//! what a parent's descriptor says.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What the bytes alone prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A BuildKit attestation in one of its two forms: `oci`, `legacy`.
    Attestation(&'static str),
    /// In-toto statements with an image's configuration: an attestation if a parent says so.
    IfParentSays,
    /// In-toto statements that nothing can prove.
    Never,
    /// An index.
    Index,
    /// An image that runs.
    Image,
    /// Anything else.
    Other,
}

const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_ATTESTATION: &str = "application/vnd.docker.attestation.manifest.v1+json";

/// Whether this is the type of an image's configuration.
pub(crate) fn is_image_config(media_type: &str) -> bool {
    [IMAGE_CONFIG, DOCKER_CONFIG].contains(&media_type)
}

pub(crate) fn prove(manifest: &Value) -> Proof {
    if manifest.get("manifests").is_some() {
        return Proof::Index;
    }
    let none = Vec::new();
    let layers = manifest["layers"].as_array().unwrap_or(&none);
    let types: Vec<&str> =
        layers.iter().map(|layer| layer["mediaType"].as_str().unwrap_or_default()).collect();
    let config = manifest["config"]["mediaType"].as_str().unwrap_or_default();
    let artifact = manifest["artifactType"].as_str();
    let has_subject = !manifest["subject"].is_null();
    let in_toto = |t: &&str| {
        let name = t.strip_prefix("application/vnd.in-toto.").and_then(|rest| rest.strip_suffix("+dsse"));
        **t == *"application/vnd.in-toto+json" || name.is_some()
    };
    if types.is_empty() || !types.iter().all(in_toto) {
        let file_systems = |t: &&str| t.contains(".image.layer.v1.tar") || t.contains(".image.rootfs.");
        let runs =
            artifact.is_none() && !has_subject && is_image_config(config) && types.iter().all(file_systems);
        return if runs { Proof::Image } else { Proof::Other };
    }
    match artifact {
        Some(DOCKER_ATTESTATION) if manifest["config"]["digest"] == *digest_of("{}") => {
            Proof::Attestation("oci")
        }
        Some(DOCKER_ATTESTATION) if !has_subject => Proof::Never,
        Some(_) => Proof::Other,
        None if config != IMAGE_CONFIG => {
            if has_subject {
                Proof::Other
            } else {
                Proof::Never
            }
        }
        None if !has_subject && manifest["config"]["digest"] == *legacy_config(layers) => {
            Proof::Attestation("legacy")
        }
        None => Proof::IfParentSays,
    }
}

/// The digest of the configuration that BuildKit makes of these layers.
fn legacy_config(layers: &[Value]) -> String {
    let ids: Vec<String> = layers.iter().map(|layer| layer["digest"].to_string()).collect();
    digest_of(&format!(
        r#"{{"architecture":"unknown","os":"unknown","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        ids.join(",")
    ))
}

pub(crate) fn digest_of(text: &str) -> String {
    let hex: Vec<String> = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", hex.concat())
}

/// What a manifest refers to.
pub(crate) fn subject(manifest: &Value) -> Option<&str> {
    manifest["subject"]["digest"].as_str()
}

/// The descriptors of an index.
pub(crate) fn descriptors(manifest: &Value) -> impl Iterator<Item = &Value> {
    manifest["manifests"].as_array().into_iter().flatten()
}

/// What an index lists.
pub(crate) fn children(manifest: &Value) -> impl Iterator<Item = &str> {
    descriptors(manifest).filter_map(|descriptor| descriptor["digest"].as_str())
}

/// Whether a descriptor names an operating system and an architecture.
pub(crate) fn has_real_platform(descriptor: &Value) -> bool {
    let named = |key: &str| descriptor["platform"][key].as_str().is_some_and(|name| name != "unknown");
    named("os") && named("architecture")
}

/// Whether a descriptor says: this is an attestation.
pub(crate) fn claims(descriptor: &Value) -> bool {
    let unknown = |key: &str| descriptor["platform"][key] == "unknown";
    reference_type(descriptor) == Some("attestation-manifest")
        && unknown("os")
        && unknown("architecture")
        && !contradicts(descriptor)
}

/// Whether a descriptor says: this is no attestation.
pub(crate) fn contradicts(descriptor: &Value) -> bool {
    has_real_platform(descriptor)
        || reference_type(descriptor).is_some_and(|said| said != "attestation-manifest")
        || descriptor["artifactType"].as_str().is_some_and(|said| said != DOCKER_ATTESTATION)
}

/// Whether a descriptor has the platform `unknown/unknown`, and says nothing else: converters leave that of BuildKit's.
pub(crate) fn is_for_nothing_known(descriptor: &Value) -> bool {
    let unknown = |key: &str| descriptor["platform"][key] == "unknown";
    unknown("os")
        && unknown("architecture")
        && reference_type(descriptor).is_none()
        && !contradicts(descriptor)
}

/// What a descriptor says that the attestation is of.
pub(crate) fn reference(descriptor: &Value) -> Option<&str> {
    descriptor["annotations"]["vnd.docker.reference.digest"].as_str()
}

/// Whether a descriptor lists a child as an image for a platform, and as nothing else.
pub(crate) fn lists_for_platform(descriptor: &Value) -> bool {
    has_real_platform(descriptor)
        && reference_type(descriptor).is_none()
        && descriptor["artifactType"].is_null()
}

fn reference_type(descriptor: &Value) -> Option<&str> {
    descriptor["annotations"]["vnd.docker.reference.type"].as_str()
}
