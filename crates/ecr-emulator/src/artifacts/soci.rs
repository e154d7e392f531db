//! Indexes for lazy loading (SOCI).

use std::collections::BTreeMap;

use super::subject;
use crate::buildx::{Descriptor, Manifest, put, store, types};
use crate::emulator::Emulator;
use crate::error::ApiError;

/// Version 1: an untagged referrer of the image.
pub fn soci_index_v1(
    emulator: &Emulator,
    repository: &str,
    subject_digest: &str,
) -> Result<String, ApiError> {
    let mut manifest =
        index(emulator, repository, subject_digest, "application/vnd.amazon.soci.index.v1+json")?;
    manifest.subject = Some(subject(emulator, repository, subject_digest));
    Ok(put(emulator, repository, &manifest, types::OCI_MANIFEST, None)?.digest)
}

/// Version 2: without a subject. An image index lists it next to the image (this function makes no such index).
pub fn soci_index_v2(emulator: &Emulator, repository: &str, image_digest: &str) -> Result<String, ApiError> {
    let manifest = index(emulator, repository, image_digest, "application/vnd.amazon.soci.index.v2+json")?;
    Ok(put(emulator, repository, &manifest, types::OCI_MANIFEST, None)?.digest)
}

fn index(
    emulator: &Emulator,
    repository: &str,
    digest: &str,
    kind: &'static str,
) -> Result<Manifest, ApiError> {
    let table = format!("ztoc of {digest}");
    let layer = store(emulator, repository, "application/octet-stream", table.as_bytes())?;
    let of = ("com.amazon.soci.image-layer-digest".to_owned(), digest.to_owned());
    let layer = Descriptor { annotations: Some(BTreeMap::from([of])), ..layer };
    // The config's type says what it is; in newer ones the artifact type says so too.
    let config = store(emulator, repository, kind, b"{}")?;
    let mut manifest = Manifest::oci(config, vec![layer]);
    manifest.artifact_type = Some(kind);
    Ok(manifest)
}
