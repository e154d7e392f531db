//! Images as they are without buildx.

use crate::buildx::{Descriptor, Manifest, put, store, types};
use crate::digest;
use crate::emulator::Emulator;
use crate::error::ApiError;
use crate::fault::mix;

/// An OCI image with one layer. Another seed makes another image.
pub fn plain_image(
    emulator: &Emulator,
    repository: &str,
    seed: u64,
    tag: Option<&str>,
) -> Result<String, ApiError> {
    let manifest = image(emulator, repository, seed, types::OCI_CONFIG, types::OCI_LAYER)?;
    Ok(put(emulator, repository, &manifest, types::OCI_MANIFEST, tag)?.digest)
}

/// The same as Docker's schema 2.
pub fn plain_docker_image(
    emulator: &Emulator,
    repository: &str,
    seed: u64,
    tag: Option<&str>,
) -> Result<String, ApiError> {
    let mut manifest = image(emulator, repository, seed, types::DOCKER_CONFIG, types::DOCKER_LAYER)?;
    manifest.media_type = types::DOCKER_MANIFEST;
    Ok(put(emulator, repository, &manifest, types::DOCKER_MANIFEST, tag)?.digest)
}

fn image(
    emulator: &Emulator,
    repository: &str,
    seed: u64,
    config_type: &str,
    layer_type: &str,
) -> Result<Manifest, ApiError> {
    let layer = Descriptor {
        media_type: layer_type.to_owned(),
        digest: digest::sha256(format!("layer of plain image {seed}").as_bytes()),
        size: (1 << 20) + mix(seed) % (15 << 20),
        ..Descriptor::default()
    };
    emulator.declare_blob(repository, &layer.digest, layer.size)?;
    let config = format!(
        r#"{{"architecture":"amd64","config":{{}},"os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        digest::sha256(format!("files of plain image {seed}").as_bytes())
    );
    let config = store(emulator, repository, config_type, config.as_bytes())?;
    Ok(Manifest::oci(config, vec![layer]))
}
