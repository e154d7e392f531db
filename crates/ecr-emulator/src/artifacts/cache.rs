//! BuildKit's registry cache.

use crate::buildx::{Descriptor, Manifest, put, store, types};
use crate::digest;
use crate::emulator::Emulator;
use crate::error::ApiError;

/// A cache in the form of an image manifest (`type=registry,image-manifest=true`), under its tag.
pub fn build_cache(emulator: &Emulator, repository: &str, tag: &str) -> Result<String, ApiError> {
    let layer = Descriptor {
        media_type: types::OCI_LAYER.to_owned(),
        digest: digest::sha256(format!("cached layer of {tag}").as_bytes()),
        size: 7 << 20,
        ..Descriptor::default()
    };
    emulator.declare_blob(repository, &layer.digest, layer.size)?;
    let config = format!(r#"{{"layers":[{{"blob":"{}"}}],"records":[]}}"#, layer.digest);
    let kind = "application/vnd.buildkit.cacheconfig.v0";
    let config = store(emulator, repository, kind, config.as_bytes())?;
    let manifest = Manifest::oci(config, vec![layer]);
    Ok(put(emulator, repository, &manifest, types::OCI_MANIFEST, Some(tag))?.digest)
}
