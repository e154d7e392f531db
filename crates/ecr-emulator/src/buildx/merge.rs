//! `docker buildx imagetools create` over indexes that are in the repository.

use std::collections::HashSet;

use super::oci::{Index, put, types};
use crate::emulator::Emulator;
use crate::error::ApiError;

/// Puts an index that lists the children of the given indexes, each once, with their descriptors as they are.
/// Returns its digest.
pub fn merge(
    emulator: &Emulator,
    repository: &str,
    sources: &[&str],
    tag: Option<&str>,
) -> Result<String, ApiError> {
    let mut seen = HashSet::new();
    let mut manifests = Vec::new();
    for source in sources {
        for descriptor in read(emulator, repository, source)?.manifests {
            if seen.insert(descriptor.digest.clone()) {
                manifests.push(descriptor);
            }
        }
    }
    let index = Index::oci(manifests);
    Ok(put(emulator, repository, &index, types::OCI_INDEX, tag)?.digest)
}

fn read(emulator: &Emulator, repository: &str, digest: &str) -> Result<Index, ApiError> {
    emulator
        .image(repository, digest)
        .and_then(|image| serde_json::from_str(&image.manifest).ok())
        .ok_or_else(|| {
            let message = format!("{digest} is no index in the repository '{repository}'");
            ApiError::client("ImageNotFoundException", message)
        })
}
