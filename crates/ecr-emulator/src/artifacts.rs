//! Other artifacts that live next to images in a registry. Each function pushes one and returns its digest.

mod cache;
mod helm;
mod image;
mod signature;
mod soci;

pub use cache::build_cache;
pub use helm::helm_chart;
pub use image::{plain_docker_image, plain_image};
pub use signature::{cosign_bundle_referrer, cosign_signature_tag, notation_signature};
pub use soci::{soci_index_v1, soci_index_v2};

use crate::buildx::{Descriptor, types};
use crate::emulator::Emulator;
use crate::error::ApiError;

/// The descriptor that a referrer has as its subject. The subject need not be there; then its size is made up.
fn subject(emulator: &Emulator, repository: &str, digest: &str) -> Descriptor {
    let image = emulator.image(repository, digest);
    let size = image.as_ref().map_or(500, |image| image.manifest.len() as u64);
    Descriptor {
        media_type: image.map_or_else(|| types::OCI_MANIFEST.to_owned(), |image| image.media_type),
        digest: digest.to_owned(),
        size,
        ..Descriptor::default()
    }
}

/// The config of an artifact that has none.
fn empty_config(emulator: &Emulator, repository: &str) -> Result<Descriptor, ApiError> {
    crate::buildx::store(emulator, repository, types::OCI_EMPTY, b"{}")
}
